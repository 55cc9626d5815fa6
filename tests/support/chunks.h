/* What tests do with records of the topic of states (docs/formats/states.md). */
#ifndef DOGWATCH_TESTS_CHUNKS_H
#define DOGWATCH_TESTS_CHUNKS_H

#include "../../core/transport/states_chunk.h"

/* Looks at a record, as a reader does that notes nothing of it. Codes of both. */
static inline int chunk_look(struct dw__newest *n, struct dw_str key, struct dw_str value)
{
    struct dw__chunk c;
    int rc = dw__chunk_take(key, value, &c);
    return rc < 0 ? rc : dw__newest_add(n, &c);
}

#endif
