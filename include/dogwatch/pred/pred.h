/*
 * Predicates: many tests on fields of an event, found by search instead of one by one.
 *
 * A set is built once: fields, leaves (field, operator, pattern; equal ones are one leaf), then dw_pred_build.
 * It is immutable from then on and shared by threads. Each thread has a scratch: dw_pred_begin binds an event,
 * runs the prefilters and tells which leaves *fired* (may be true); dw_pred_test answers any leaf, working only
 * when asked. A leaf that did not fire and has a prefilter is false without work.
 */
#ifndef DOGWATCH_PRED_PRED_H
#define DOGWATCH_PRED_PRED_H

#include "dogwatch/event/event.h"
#include "dogwatch/pred/pattern.h"
#include "dogwatch/pred/regex.h"

/* Field 0 of every set: keywords. Its values are the line as written or, when the line is JSON, its decoded string
 * and number values, never key names. */
enum { DW_PRED_LINE = 0 };

enum dw_leaf_op {
    DW_LEAF_PATTERN, /* text: pattern code (pred/pattern.h) */
    DW_LEAF_REGEX,   /* text: the expression; flags: DW_RE_* */
    DW_LEAF_CIDR,    /* text: network */
    DW_LEAF_EXISTS,  /* the field is there, whatever its value */
    DW_LEAF_LT,
    DW_LEAF_LTE,
    DW_LEAF_GT,
    DW_LEAF_GTE,      /* number */
    DW_LEAF_TIME,     /* flags: enum dw_time_part; number: its value, in UTC */
    DW_LEAF_FIELDREF, /* other: field to compare with; flags: enum dw_ref */
};
enum dw_time_part { DW_TIME_MINUTE, DW_TIME_HOUR, DW_TIME_DAY, DW_TIME_WEEK, DW_TIME_MONTH, DW_TIME_YEAR };
enum dw_ref { DW_REF_EQ, DW_REF_CONTAINS, DW_REF_STARTS, DW_REF_ENDS };

/* A leaf is true when it holds for any value of its field. */
struct dw_leaf_spec {
    enum dw_leaf_op op;
    uint32_t field;
    bool cased;
    struct dw_str text; /* borrowed */
    uint32_t flags, other;
    double number;
};

struct dw_pred;
struct dw_pred_scratch;

/* Gives an empty set; NULL without memory. Thread: one, until built. */
struct dw_pred *dw_pred_new(void);
void dw_pred_free(struct dw_pred *p);

/* The number of a field with names `key[0..count)`, the first that an event has being the one that counts.
 * `decoded`: its percent-decoded forms (once and twice) are values too. DW_ENOMEM, DW_ELIMIT. */
DW_MUST_USE int dw_pred_field(
    struct dw_pred *p, const uint32_t *key, uint32_t count, bool decoded, uint32_t *ret_field);
/* The number of a leaf, the same for equal specs. DW_ESYNTAX: `why` (cap bytes) says what is wrong with the text
 * and *ret_offset where. DW_ENOMEM, DW_ELIMIT. */
DW_MUST_USE int dw_pred_leaf(
    struct dw_pred *p, const struct dw_leaf_spec *spec, char *why, size_t cap, size_t *ret_offset, uint32_t *ret_leaf);
/* How costly it is to rest on this leaf firing: 1 for a long literal, more for what fires often. */
uint32_t dw_pred_leaf_cost(const struct dw_pred *p, uint32_t leaf);
/* Asks that `leaf` is reported when it may be true; leaves with a literal are reported anyway. */
void dw_pred_watch(struct dw_pred *p, uint32_t leaf);
/* Makes the tables. DW_ENOMEM. After it the set is immutable. */
DW_MUST_USE int dw_pred_build(struct dw_pred *p);

uint32_t dw_pred_leaf_count(const struct dw_pred *p);
uint32_t dw_pred_field_count(const struct dw_pred *p);
uint32_t dw_pred_leaf_field(const struct dw_pred *p, uint32_t leaf);
/* The first name of a field (not of DW_PRED_LINE). */
uint32_t dw_pred_field_key(const struct dw_pred *p, uint32_t field);
/* Folded text that a value of DW_PRED_LINE must hold for this leaf to hold; empty: there is none, or it is a leaf on another field. The
 * set's. *ret_whole: the leaf holds wherever that text is. */
struct dw_str dw_pred_leaf_literal(const struct dw_pred *p, uint32_t leaf, bool *ret_whole);
/* Appends a canonical form that is equal for equal leaves of any set, for hashes. */
void dw_pred_leaf_canon(const struct dw_pred *p, const struct dw_keys *keys, uint32_t leaf, struct dw_buf *out);
/* Bytes of all tables. */
size_t dw_pred_bytes(const struct dw_pred *p);

/* Gives a thread's working memory for a built set, which must outlive it; NULL without memory. */
struct dw_pred_scratch *dw_pred_scratch_new(const struct dw_pred *p);
void dw_pred_scratch_free(struct dw_pred_scratch *s);
/* The set a scratch belongs to. */
const struct dw_pred *dw_pred_of(const struct dw_pred_scratch *s);
/* Without prefilter nothing fires and dw_pred_test works everything out: the oracle for tests. */
void dw_pred_scratch_prefilter(struct dw_pred_scratch *s, bool on);
/* From now on only leaves on these fields are asked for (by field number; NULL: all): values of the others are not searched. Borrowed. */
void dw_pred_scratch_only(struct dw_pred_scratch *s, const uint8_t *field);

/* What is known to be missing from an event, so that "does not hold" may not be said of all of it. */
enum {
    DW_DOUBT_LACKING = 1,  /* fields were dropped: of one that it lacks nothing is known */
    DW_DOUBT_CUT = 2,      /* the line's end is missing, and with it fields and the rest of what reaches there */
    DW_DOUBT_UNPARSED = 4, /* its parser refused the line: a field that it lacks may stand anywhere in it */
    DW_DOUBT_MASKED = 8,   /* pieces of the line were masked (dogwatch.masked): what stood there is not known */
    DW_DOUBT_UNLISTED = 16, /* ... and more than are named there */
    DW_DOUBT_MASKS = DW_DOUBT_MASKED | DW_DOUBT_UNLISTED,
};
/* For events from the next begin on. Tests on fields that an unparsed event lacks are made over the whole line where they look for something that
 * may stand anywhere; the others are undecided. */
void dw_pred_scratch_doubt(struct dw_pred_scratch *s, uint32_t doubt);
uint32_t dw_pred_doubt(const struct dw_pred_scratch *s);
/* How many tests over the whole line did not fail, since begin. */
uint32_t dw_pred_line_hits(const struct dw_pred_scratch *s);
/* How many regular expressions have used up their steps on it so far. */
uint32_t dw_pred_regex_limits(const struct dw_pred_scratch *s);

/* Binds an event until the next begin. Calls `fired` once for each leaf that may be true. DW_ENOMEM. */
DW_MUST_USE int dw_pred_begin(
    struct dw_pred_scratch *s, const struct dw_event *ev, void (*fired)(void *ud, uint32_t leaf), void *ud);
/* Whether a leaf holds for the bound event. */
enum dw_verdict dw_pred_test(struct dw_pred_scratch *s, uint32_t leaf);

/* Whether any value of the field, in the bound event, stands in an array. */
bool dw_pred_in_array(struct dw_pred_scratch *s, uint32_t field);
/* The element numbers (dw_field.elem) of the nth value of a field; false past the last. */
bool dw_pred_elem(struct dw_pred_scratch *s, uint32_t field, uint32_t nth, uint32_t *ret_elem);
/* The same as dw_pred_test, for values that agree with `elem` on every array level both have. */
enum dw_verdict dw_pred_test_elem(struct dw_pred_scratch *s, uint32_t leaf, uint32_t elem);
/* The same for the nth value of the leaf's field alone; DW_FALSE past the last. */
enum dw_verdict dw_pred_test_nth(struct dw_pred_scratch *s, uint32_t leaf, uint32_t nth);
/* Whether element numbers agree on every array level both have. */
bool dw_elem_agrees(uint32_t a, uint32_t b);
/* Name of the value's field, where the field is present: which candidate counted. */
bool dw_pred_present_key(struct dw_pred_scratch *s, uint32_t field, uint32_t *ret_key);

#endif
