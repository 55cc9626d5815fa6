/* pred_int: the set and its scratch, shared by the files of core/pred. */
#ifndef DOGWATCH_CORE_PRED_PRED_INT_H
#define DOGWATCH_CORE_PRED_PRED_INT_H

#include "dogwatch/base/hash.h"
#include "dogwatch/pred/ip.h"
#include "dogwatch/pred/multi.h"
#include "dogwatch/pred/pred.h"

enum { DW__MASKED_MAX = 32 }; /* pieces that are told apart; with more, as with those that are not listed, all of the line may be one */
enum { DW__LITERAL_MIN = 3 }; /* shorter pieces occur nearly everywhere: not worth searching */
#define DW__NONE UINT32_MAX

struct dw__leaf {
    enum dw_leaf_op op;
    uint32_t field, flags, other;
    double number;
    struct dw_str canon; /* what makes it this leaf, without the field's number */
    struct dw_pattern pattern;
    struct dw_regex *regex;
    struct dw_cidr cidr;
    bool gated; /* has a literal that the prefilter searches */
    bool watched;
    bool exact; /* a literal found at the right place is the whole truth */
};

struct dw__field {
    const uint32_t *key;
    uint32_t key_count;
    bool decoded;
    bool has_original, has_message, has_time; /* names that stand for the line or the event's time */
    /* made by build */
    struct dw_multi *multi;
    uint32_t *watched; /* leaves without a literal that someone waits for */
    uint32_t watched_count;
};

/* A name leads to the fields that have it as a candidate, with its rank there. */
struct dw__use {
    uint32_t field, rank;
};

struct dw_pred {
    struct dw_arena arena;
    struct dw_hash_key hash;
    struct dw__field *field;
    uint32_t field_count, field_cap;
    struct dw__leaf *leaf;
    uint32_t leaf_count, leaf_cap;
    uint32_t *intern; /* leaf + 1 by canon */
    uint32_t intern_cap;
    bool built;
    /* made by build */
    uint32_t *use_first; /* by key, key_count + 1 entries */
    struct dw__use *use;
    uint32_t key_count, use_count;
    uint32_t *implied; /* fields with a name that every event has */
    uint32_t implied_count;
};

struct dw__value {
    const struct dw_field *f; /* NULL: made (line, decoded form) */
    struct dw_str text, folded;
    struct dw_str hidden, hidden_folded; /* the same with what was masked left open (masked.c); none: nothing was */
    uint32_t elem, next;
    bool has_text, has_folded, has_hidden;
};

struct dw__slot {
    uint32_t seen; /* event number it is valid for */
    uint32_t rank, first, last;
    bool from_event, expanded;
};

/* A masked piece of the line. */
struct dw__masked {
    uint64_t start, end;
    bool hashed; /* a keyed hash stands there, else `*` */
};

enum { DW__UNKNOWN, DW__ARMED, DW__FALSE, DW__TRUE, DW__UNDECIDED };

struct dw_pred_scratch {
    const struct dw_pred *p;
    struct dw_arena arena;
    struct dw_buf text; /* what is being unescaped */
    struct dw_regex_scratch *regex;
    const struct dw_event *ev;
    uint32_t event_number;
    bool prefilter, nomem;
    uint32_t doubt;                 /* DW_DOUBT_* */
    uint32_t regex_limits;          /* regular expressions that used up their steps on this event */
    uint32_t line_value, line_hits; /* of an unparsed event: its whole line, and tests over it that did not fail */
    struct dw__masked masked[DW__MASKED_MAX];
    uint32_t masked_count;
    const uint8_t *only; /* by field: whether its leaves may be asked for; NULL: all */
    struct dw__slot *slot; /* by field */
    uint32_t *present;     /* fields of this event */
    uint32_t present_count;
    struct dw__value *value;
    uint32_t value_count, value_cap;
    uint8_t *state;    /* by leaf */
    uint32_t *touched; /* leaves whose state is not DW__UNKNOWN */
    uint32_t touched_count;
    void (*fired)(void *ud, uint32_t leaf);
    void *ud;
};

/* Values of a field of the bound event: index of the first, or DW__NONE. */
uint32_t dw__values_of(struct dw_pred_scratch *s, uint32_t field);
/* Text and folded text of a value; an empty view and s->nomem without memory. */
struct dw_str dw__value_text(struct dw_pred_scratch *s, uint32_t value);
struct dw_str dw__value_folded(struct dw_pred_scratch *s, uint32_t value);
/* A made value of no field; DW__NONE without memory. */
uint32_t dw__value_new(struct dw_pred_scratch *s, struct dw_str text);
/* Adds a made value at the end of a field's list. */
void dw__value_add(struct dw_pred_scratch *s, uint32_t field, struct dw_str text, uint32_t elem);
/* An instant as RFC 3339 text of whole seconds, UTC. */
struct dw_str dw__time_text(struct dw_pred_scratch *s, int64_t time_ns);
/* Adds the keywords' values: the line, or the values of its JSON. */
void dw__line_values(struct dw_pred_scratch *s);
/* A verdict that rests on what the event has, in the light of what it may lack (s->doubt). */
enum dw_verdict dw__in_doubt(struct dw_pred_scratch *s, uint32_t leaf, enum dw_verdict v);
/* Adds the line of an unparsed event as a value of no field, and searches it for the literals of the fields that it lacks. */
void dw__doubt_begin(struct dw_pred_scratch *s, bool (*hit)(void *ud, uint32_t leaf));
/* Reads what of the event was masked. */
void dw__masked_begin(struct dw_pred_scratch *s);
/* Whether a leaf that fails could hold for what stood under the masks. */
bool dw__masked_could(struct dw_pred_scratch *s, uint32_t leaf);
/* One leaf on one value. */
enum dw_verdict dw__leaf_on_value(struct dw_pred_scratch *s, const struct dw__leaf *leaf, uint32_t value);
/* Bytes of s percent-decoded ('+' is a blank) into the arena; false when nothing changes. */
bool dw__percent_decode(struct dw_arena *a, struct dw_str s, struct dw_str *ret);

#endif
