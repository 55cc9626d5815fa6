/*
 * diff: random rules and events out of one seed, for the engine and for plain (plain.h) to judge.
 *
 * A set is a text of many rules over few words, so that they share leaves, prefixes and ends, and an event nearly meets one of them.
 */
#ifndef DOGWATCH_TESTS_DIFF_H
#define DOGWATCH_TESTS_DIFF_H

#include "plain.h"

#include "dogwatch/base/rng.h"

enum { DIFF_RULES_MAX = 120, DIFF_FILTERS_MAX = 3, DIFF_DOCUMENTS_MAX = DIFF_RULES_MAX + DIFF_FILTERS_MAX, DIFF_WORDS = 40, DIFF_WORD_MAX = 20 };

/* What is at hand while a set is made and asked. */
struct diff_gen {
    struct dw_rng rng;
    char word[DIFF_WORDS][DIFF_WORD_MAX * 3 + 1];
    struct dw_buf yaml;
    size_t begin[DIFF_DOCUMENTS_MAX + 1]; /* of each document in yaml; and its end */
    uint32_t rules, documents;            /* filters stand behind rules */
};

/* A placeholder that every set knows: %sites%. */
extern const struct plain_placeholder diff_placeholder;

/* Makes the words and the text of a set. */
void diff_make_rules(struct diff_gen *g, uint32_t rules);

/* An event and what it stands on; emptied by the next. */
struct diff_event {
    struct dw_event ev;
    struct dw_draft draft;
    struct dw_arena pool;
    struct dw_buf line;
    struct dw_stream stream;
    struct dw_field stream_field[2];
    struct dw_field field[DW_EVENT_FIELDS_MAX];
};
/* An event near one of the rules. */
void diff_make_event(struct diff_gen *g, struct plain *p, struct dw_keys *keys, const struct dw_yaml *documents, struct diff_event *e);

static inline bool diff_chance(struct diff_gen *g, uint64_t one_in)
{
    return dw_rng_below(&g->rng, one_in) == 0;
}

static inline const char *diff_word(struct diff_gen *g)
{
    return g->word[dw_rng_below(&g->rng, DIFF_WORDS)];
}

#endif
