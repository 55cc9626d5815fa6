/*
 * What `dogwatch rules tune` works with: events that a rule matched, rightly or not, and selections that tell them apart.
 */
#ifndef DOGWATCH_CLI_TUNE_H
#define DOGWATCH_CLI_TUNE_H

#include "dogwatch/event/event.h"

enum { TUNE_EVENTS_MAX = 20000, TUNE_DEPTH_MAX = 3, TUNE_SELECTIONS_MAX = 64, TUNE_VALUES_MAX = 64 };

/* A field as it would stand in a filter. */
struct tune_pair {
    uint32_t key;
    struct dw_str text;
};

/* Events, kept whole: to be matched again, and as pairs. All memory is the arena's. */
struct tune_event {
    struct dw_event ev;
    struct tune_pair *pair;
    uint32_t count;
};
struct tune_events {
    struct dw_arena *arena;
    struct tune_event *item;
    uint32_t count, cap, over; /* over: past TUNE_EVENTS_MAX, not kept */
};
void tune_events_fini(struct tune_events *e);
/* Keeps a copy, with the fields of its stream. DW_ENOMEM. */
DW_MUST_USE int tune_events_add(struct tune_events *e, const struct dw_event *ev);

/* Events with one of these values in each of these fields. */
struct tune_selection {
    uint32_t depth;
    struct {
        uint32_t key, value_count;
        struct dw_str value[TUNE_VALUES_MAX];
    } part[TUNE_DEPTH_MAX];
    uint32_t covers; /* wrong ones */
};

struct tune_pick {
    struct dw_keys *keys;
    const struct tune_events *wrong, *right; /* right ones are in no selection */
    const uint32_t *asked;                   /* keys that the rule itself asks for by their value: every match has them */
    uint32_t asked_count;
    /* answers */
    struct tune_selection selection[TUNE_SELECTIONS_MAX];
    uint32_t count, covered;
};
/* Fills the answers: as few fields as separate as many wrong events as one selection can, then the next for the rest. The same events in the same order give the
 * same answer. DW_ENOMEM. */
DW_MUST_USE int tune_pick_run(struct tune_pick *p);

/* The table's rows, for the page. */
struct tune_row {
    const char *how, *name, *use, *doc;
};
const struct tune_row *tune_table(size_t *ret_count);

#endif
