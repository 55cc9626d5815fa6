/*
 * Queries: one filter language, the same matching as the rules, and a chain of pipes (docs/reference/query.md).
 *
 *     field:value and not (status:>=500 or "union select") | stats count by source.ip | head 10
 *
 *     compile -> start -> take, take, ... -> end        rows come to the sink as soon as they are known, at the latest in end
 *
 * Thread: each object belongs to one thread.
 */
#ifndef DOGWATCH_COLLECT_QUERY_H
#define DOGWATCH_COLLECT_QUERY_H

#include "dogwatch/base/diag.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/event/event.h"

struct dw_query;

/* Compiles. DW_ESYNTAX with a diagnostic that points into `text`; DW_ENOMEM. Keeps `keys` and `text`. */
DW_MUST_USE int dw_query_compile(struct dw_str text, struct dw_keys *keys, struct dw_diags *diags, struct dw_query **ret);
void dw_query_free(struct dw_query *q);
/* Whether the filter holds for an event. One that cannot be judged (memory) does not match, and dw_query_partial says so. */
bool dw_query_match(struct dw_query *q, const struct dw_event *ev);
/* Whether rows come while events come, for who follows a log without end. DW_ESYNTAX with a diagnostic at the first pipe that has to wait
 * for the end. */
DW_MUST_USE int dw_query_followable(const struct dw_query *q, struct dw_diags *diags);
/* Whether it is a filter alone, without pipes. */
bool dw_query_is_filter(const struct dw_query *q);
/* Names that the query uses and that neither tbl/fields.h nor any event so far had: probably a mistake, since `not name:x` holds
 * for every event then. `near` is a field it may be meant for, or NULL. */
void dw_query_unseen(const struct dw_query *q, void (*each)(void *arg, struct dw_str name, const char *near), void *arg);
/* Words that are looked for in the line and read like a comparison, a=b; `meant`: as a filter of the field. At most 8. */
void dw_query_texts(const struct dw_query *q, void (*each)(void *arg, struct dw_str word, const char *meant), void *arg);
/* Words that a field is asked to equal, name:value, for who knows the values there are. At most 8. */
void dw_query_equals(const struct dw_query *q, void (*each)(void *arg, struct dw_str name, struct dw_str value), void *arg);

/* A column of an answer that is a table. */
struct dw_query_column {
    uint32_t key;
    bool number; /* its values are always numbers */
};
/* The columns; NULL: the answer is events, changed perhaps. */
const struct dw_query_column *dw_query_columns(const struct dw_query *q, uint32_t *ret_count);

/* Where rows go. `row` is valid during the call; of a table only its fields count, and its stream is NULL. `mark`: enum dw_mark. */
struct dw_query_sink {
    void (*row)(void *arg, const struct dw_event *row, uint8_t mark);
    void *arg;
};
/* How a query runs. */
struct dw_query_setup {
    struct dw_query_sink sink;
    size_t memory_bytes;     /* all that its pipes may hold; what sort and stats cannot hold goes to */
    const struct dw_fs *fs;  /* a temporary file without name */
    const char *tmp_dir;     /* in this folder */
};
enum { DW_QUERY_MEMORY_BYTES = 256 << 20, DW_QUERY_MEMORY_MIN = 64 << 10 };
/* Once, before the first take. Keeps `fs` and `tmp_dir`. */
void dw_query_start(struct dw_query *q, const struct dw_query_setup *setup);
/* The names of an event's fields that are looked at; its line and times always may be. NULL: all, now; later perhaps fewer. */
const uint32_t *dw_query_needs(const struct dw_query *q, uint32_t *ret_count);
/* False: none of the events whose lines `text` holds, one after the other, can match, so they need not be read. */
bool dw_query_wants(struct dw_query *q, struct dw_str text);
/* Gives an event to the filter and, if it matches, to the pipes. Answers whether it matched. */
bool dw_query_take(struct dw_query *q, const struct dw_event *ev, uint8_t mark);
/* No event comes any more: the rest of the rows goes to the sink. */
void dw_query_end(struct dw_query *q);
/* Whether the query itself says how many rows it wants at most. */
bool dw_query_bounded(const struct dw_query *q);
/* Whether no further event can change the answer. */
bool dw_query_done(const struct dw_query *q);
/* Why the answer is not the whole one, or NULL. What is shown is right for what it covers. */
const char *dw_query_partial(const struct dw_query *q);

/* A field's value as text; `room` takes made ones. */
enum { DW_QUERY_TEXT_MAX = 64 };
struct dw_str dw_query_field_text(const struct dw_field *f, char room[DW_QUERY_TEXT_MAX]);

/* The pipes and aggregates there are, for the page made of them. False past the last. */
struct dw_query_word {
    const char *word, *syntax, *doc, *example;
};
bool dw_query_pipe(size_t i, struct dw_query_word *ret);
bool dw_query_aggregate(size_t i, struct dw_query_word *ret);

#endif
