/* miner_int: the inside of a miner, shared by miner.c and refine.c. */
#ifndef DOGWATCH_TEMPLATE_MINER_INT_H
#define DOGWATCH_TEMPLATE_MINER_INT_H

#include "template_int.h"

#include "dogwatch/base/arena.h"
#include "dogwatch/base/table.h"

/* A masked text and what is known of it. */
struct dw__masked {
    struct dw_node node;
    struct dw_str text, example;
    const struct dw_template_word *word;
    uint16_t word_count;
    uint64_t count, first;
    uint32_t mined; /* made by refine: number of its template */
};

/* A refined template. */
struct dw__refined {
    struct dw_node node;
    struct dw_str text, example;
    uint64_t count, first;
    uint32_t rank; /* by first line */
};

struct dw_miner {
    uint32_t templates_max;
    struct dw_arena arena; /* texts, words, examples */
    struct dw_table table; /* of masked texts */
    struct dw__masked **masked;
    uint32_t masked_count, masked_cap;
    struct dw__masked *other; /* `<*>`, for what does not fit: of its own, one of masked[]; NULL: none so far */
    uint64_t lines, refused;
    bool refined;
    struct dw_table mined_table; /* of refined texts */
    struct dw__refined **mined;
    uint32_t mined_count, mined_cap;
    struct dw_template scratch;
};

/* Enters masked text i into the refined template of `text`, made if there is none. DW_ENOMEM. */
DW_MUST_USE int dw__mined_put(struct dw_miner *m, struct dw_str text, uint32_t i);

#endif
