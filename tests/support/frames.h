/*
 * Frames for tests: a made-up agent that writes web-like lines.
 */
#ifndef DOGWATCH_TESTS_FRAMES_H
#define DOGWATCH_TESTS_FRAMES_H

#include "dogwatch/frame/frame.h"

struct frames {
    struct dw_keys *keys;
    struct dw_batch *batch;
    struct dw_encoder *encoder;
    struct dw_chain chain;
    struct dw_key *key;
    struct dw_stream stream[2];
    struct dw_field host;
    uint64_t offset[2];
    uint64_t lines;
};

void frames_init(struct frames *t);
void frames_fini(struct frames *t);
/* Puts n events of varied shapes into the batch. */
void frames_fill(struct frames *t, uint32_t n);
/* Encodes and empties the batch; caller frees. */
struct dw_frame *frames_encode(struct frames *t, bool sign);
struct dw_frame *frames_record(struct frames *t, const char *json);

#endif
