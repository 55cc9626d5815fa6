/*
 * The inside of a batch, shared by batch.c (fills it) and encode.c (reads it).
 */
#ifndef DOGWATCH_FRAME_BATCH_INT_H
#define DOGWATCH_FRAME_BATCH_INT_H

#include "views_int.h"

#include "dogwatch/frame/frame.h"

enum {
    BATCH_FIELDS = 65536,           /* fields in a batch, before the last event's */
    BATCH_STREAMS = 512,            /* streams in a frame; an event over a rotation may add several at once */
    BATCH_STREAMS_FULL = 256,
    BATCH_STREAM_BYTES = 64 * 1024, /* descriptions of streams in a frame */
    BATCH_LITERAL_BYTES = 128 * 1024, /* literals and names of keys, before the last event's */
    EVENT_LITERAL_BYTES = 160 * 1024,
    SHAPE_SLOTS = 2 * DW_FRAME_SHAPES_MAX,
    SAME_LOOKBACK = 4, /* how many views back a repeated piece is looked for */
};

/* One field of a shape: everything that is equal for all its events. */
struct dw__entry {
    const char *ptr; /* CONST: the text */
    uint64_t tag; /* of the field: its key's global id, elem */
    uint32_t len;
    uint32_t key; /* index into the frame's key names */
    uint32_t elem;
    uint8_t kind; /* enum dw_kind, or DW__K_SAME* */
    uint8_t field_kind; /* enum dw_kind: of the field itself */
    uint8_t back; /* SAME: how many views back */
    uint16_t target; /* SAME: index of the field it repeats */
};

struct dw__shape {
    uint64_t hash;
    uint32_t entry, entry_count;     /* [entry, entry + entry_count) in batch.entry */
    uint32_t head, tail, count;      /* its events, linked through batch.next */
};

struct dw_batch {
    /* set once */
    struct dw_keys *keys;
    uint64_t seed;
    /* the events */
    char *text;
    size_t text_len, literal_bytes, stream_bytes;
    struct dw_arena pool;
    struct dw_field *field;
    uint32_t field_count;
    struct dw_event *event;
    uint32_t event_count;
    /* streams, keys and shapes in order of first use */
    const struct dw_stream *stream[BATCH_STREAMS];
    uint16_t *stream_of; /* by event */
    uint32_t stream_count;
    uint32_t *key;      /* global ids in order of first use */
    uint16_t *key_local; /* by global id: index + 1, 0: not in this batch */
    uint32_t key_count;
    struct dw__entry *entry;
    uint32_t entry_count;
    struct dw__shape *shape;
    uint16_t *shape_of; /* by event */
    uint32_t shape_count;
    uint32_t recent[4]; /* shapes used lately, newest first: most events have one of them */
    uint16_t *shape_slot; /* SHAPE_SLOTS of index + 1 */
    uint32_t *next;     /* by event: the next of its shape */
    /* the draft in hand */
    struct dw_draft draft;
    size_t draft_len; /* bytes of its line and newline, not yet in text_len */
};

#endif
