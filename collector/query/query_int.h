/*
 * The inside of a query: filters, the parser's state, and what it knows of the rows at each bar.
 */
#ifndef DOGWATCH_COLLECTOR_QUERY_INT_H
#define DOGWATCH_COLLECTOR_QUERY_INT_H

#include "op.h"
#include "query_row.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/pred/expr.h"

enum { QUERY_OWN_MAX = 32, QUERY_BY_MAX = 8, QUERY_COLUMNS_MAX = 32, QUERY_PIPES_MAX = 32, QUERY_TIMES_MAX = 16,
    QUERY_TEXTS_MAX = 8, QUERY_NEAR_MAX = 96, QUERY_NEEDLES_MAX = 16, QUERY_NEED_MAX = 64 };

/* One filter: of the query, or of a `where`. */
struct query_filter {
    struct dw_pred *pred;
    struct dw_pred_scratch *scratch;
    struct dw_expr_pool expr;
    uint32_t root; /* DW_EXPR_NONE: everything */
    uint32_t ours; /* bit by bit those of query_ours that it asks for, but @timestamp and the line */
    bool failed; /* an event could not be judged */
    struct {
        int64_t from_ns, to_ns; /* both of them in it */
    } time[QUERY_TIMES_MAX];
    uint32_t time_count, time_key;
    struct dw_field *augmented; /* an event's fields, those that are ours and the ranges it lies in, when the filter asks for them */
};

DW_MUST_USE int query_filter_init(struct query_filter *f);
/* After parsing. DW_ENOMEM. */
DW_MUST_USE int query_filter_build(struct query_filter *f);
void query_filter_fini(struct query_filter *f);
/* Whether it holds; an event that cannot be judged does not match, and sets `failed`. */
bool query_filter_test(struct query_filter *f, const struct dw_keys *keys, const struct dw_event *ev);

/* Texts of which one is in the line of whatever the filter takes; none: it may take any line. */
struct query_needles {
    struct query_needle {
        struct dw_str text; /* folded, ASCII; the filter's */
        size_t rare;        /* which of its bytes is looked for first */
    } needle[QUERY_NEEDLES_MAX];
    uint32_t count;
    bool chosen, folds; /* `rare` is set; a text has a letter that something outside ASCII folds to */
    bool whole;         /* the filter takes every line, but for JSON, that has one */
};
void query_needles_init(struct query_needles *t, const struct query_filter *f);
enum query_look { QUERY_NO, QUERY_YES, QUERY_ASK };
/* What can be said of a line without the filter. */
enum query_look query_needles_look(struct query_needles *t, struct dw_str line);

/* A word that is looked for and that reads like a comparison. */
struct query_text_note {
    struct dw_str word, name, value;
    const char *op;
};

struct dw_query {
    struct query_context cx;
    struct query_filter filter;
    struct query_needles needles;
    uint32_t need[QUERY_NEED_MAX], need_count; /* names that are looked at in events */
    bool needs_all;                            /* or more than these */
    /* Names that the query uses and that are none of tbl/fields.h: whether an event had them. */
    uint32_t own[QUERY_OWN_MAX], own_count, own_unseen;
    bool own_seen[QUERY_OWN_MAX];
    char own_near[QUERY_OWN_MAX][QUERY_NEAR_MAX]; /* a field that an event had and that ends as the name does */
    uint32_t near_looks;
    struct query_text_note text[QUERY_TEXTS_MAX], equal[QUERY_TEXTS_MAX]; /* equal: name:value in a filter of events */
    uint32_t text_count, equal_count;
    struct op *first; /* the chain, ended by `sink` once the query is started */
    bool table, context, bounded;
    struct dw_query_column column[QUERY_COLUMNS_MAX];
    uint32_t column_count;
    struct op sink;
    struct dw_query_sink to;
};

/* What is known of the rows that reach a pipe. */
struct query_shape {
    bool table; /* rows have these columns and no others; else they are events */
    struct dw_query_column column[QUERY_COLUMNS_MAX];
    uint32_t column_count;
    uint32_t made[QUERY_COLUMNS_MAX], made_count; /* of events: names that pipes have added */
};

struct query_parser {
    struct dw_query *q;
    struct query_filter *filter; /* the one that is being read */
    struct dw_str text;
    struct dw_diags *diags;
    size_t at;
    uint32_t depth;
    bool first; /* no pipe is before this one */
    struct dw_query_word pipe; /* the pipe that is being read; NULLs before the first */
    size_t pipe_at;
    struct query_shape shape;
};

/* Complains about a place; answers DW_ESYNTAX. `help` may be NULL: then it is how the pipe that is being read is written. */
int query_refuse(struct query_parser *p, size_t at, size_t len, const char *help, const char *what);
void query_skip_blanks(struct query_parser *p);
/* The next byte that is no blank; '\0' at the end. */
char query_peek(struct query_parser *p);
bool query_is_word_byte(char c);
/* A word up to a blank, parenthesis, bar or quote; a byte of `stop` ends it too. A backslash takes the next byte along. */
struct dw_str query_word(struct query_parser *p, const char *stop);
/* Takes a word, whatever its case, if it stands here and ends here. */
bool query_keyword(struct query_parser *p, const char *word);
/* Takes a byte if it is the next one. */
bool query_byte(struct query_parser *p, char c);
/* "..." or /.../ : the text between, with a backslash before the closing byte taken off. */
DW_MUST_USE int query_quoted(struct query_parser *p, char close, struct dw_buf *out);
/* A whole number from `min` to `max`; `what` says so when it is none. */
DW_MUST_USE int query_count(struct query_parser *p, uint64_t min, uint64_t max, const char *what, uint64_t *ret);
/* 15m, 1h, 7d: above 0. False: it is none. */
bool query_duration(struct dw_str text, int64_t *ret_ns);
/* A time or a date as the range [*ret_from, *ret_to] it stands for; 15m is that long ago, up to now. False: it is none. */
bool query_time_range(struct dw_str text, int64_t *ret_from, int64_t *ret_to);

/* Refuse what can only be a mistake: a word that was just taken; a phrase, a regex or a word where there is no line; a value of `name`. */
DW_MUST_USE int query_check_word(struct query_parser *p, size_t at, struct dw_str word);
DW_MUST_USE int query_check_text(struct query_parser *p, size_t at, size_t len);
DW_MUST_USE int query_check_value(struct query_parser *p, size_t at, struct dw_str name, struct dw_str value);

/* Parses a filter up to a bar, a comma or the end into p->filter. */
DW_MUST_USE int query_parse_filter(struct query_parser *p);
/* Parses into a query that is empty. */
DW_MUST_USE int query_parse(struct dw_query *q, struct dw_str text, struct dw_diags *diags);
/* Parses what follows a bar. */
DW_MUST_USE int query_parse_pipe(struct query_parser *p);

/* A field name that stands here: its key. `stop` ends it. Refused when the rows are a table without it. */
DW_MUST_USE int query_name(struct query_parser *p, const char *stop, uint32_t *ret_key);
/* The same for a name already taken, which begins at `at`. */
DW_MUST_USE int query_resolve(struct query_parser *p, size_t at, struct dw_str name, uint32_t *ret_key);
/* A name that a pipe gives: refused when it is one of ours. */
DW_MUST_USE int query_new_name(struct query_parser *p, const char *stop, uint32_t *ret_key);
/* The same for a name already taken, which stands at `at`. */
DW_MUST_USE int query_new_key(struct query_parser *p, size_t at, struct dw_str name, uint32_t *ret_key);
/* Names divided by commas: at least one, at most `max`, none twice. */
DW_MUST_USE int query_names(struct query_parser *p, uint32_t *key, uint32_t max, uint32_t *ret_count);
/* After the last of a list of names: refuses a further one, which a comma should stand before. */
DW_MUST_USE int query_end_of_list(struct query_parser *p);
/* Rows are a table of no columns from here on. */
void query_shape_table(struct query_parser *p);
/* Adds a column to a table, or a name to what events have. An equal one stays. DW_ESYNTAX: too many. */
DW_MUST_USE int query_shape_add(struct query_parser *p, size_t at, uint32_t key, bool number);
bool query_shape_has(const struct query_shape *s, uint32_t key);
/* A pipe that is made for events only. */
DW_MUST_USE int query_needs_events(struct query_parser *p, size_t at, const char *what);

/* Notes a name that is looked at in events. */
void query_need_name(struct dw_query *q, uint32_t key);
/* Notes a name for dw_query_unseen. */
void query_own_name(struct dw_query *q, uint32_t key);
/* A zeroed operator, at the start of `size` bytes; NULL without memory. */
void *query_op_new(const struct op_ops *ops, size_t size);

/* How pipes are read, one function a row of tbl/query_pipes.h. Gives an operator, or several in a row; on failure gives none. */
#define PIPE(word, syntax, doc, example) int query_pipe_##word(struct query_parser *p, struct op **ret);
#include "dogwatch/tbl/query_pipes.h"
#undef PIPE

/* `head N`, for pipes that end in one. NULL without memory. */
struct op *query_head_new(uint64_t count);

#endif
