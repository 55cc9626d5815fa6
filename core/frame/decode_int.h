/*
 * The inside of a decoder, shared by decode.c (sections, tables, check) and columns.c (columns to events).
 */
#ifndef DOGWATCH_FRAME_DECODE_INT_H
#define DOGWATCH_FRAME_DECODE_INT_H

#include "views_int.h"

#include "dogwatch/frame/frame.h"

/* One field of a shape as read from VIEWS. */
struct dw__plan {
    struct dw_field proto; /* key, kind and elem; CONST: its text too */
    uint8_t how;           /* kind in VIEWS */
    uint16_t target;       /* SAME: index of the field it repeats */
    uint16_t slot;         /* its place among the event's fields */
    bool kept;             /* the event gets it */
};

struct dw__shape_plan {
    uint32_t plan, plan_count; /* [plan, plan + plan_count) in decoder.plan */
    uint32_t kept_count, kept_end; /* fields that events get; plans from kept_end on are none of them */
    uint32_t first, count;     /* its events: [first, first + count) in decoder.order */
};

struct dw_decoder {
    /* set once */
    struct dw_keys *keys;
    struct ZSTD_DCtx_s *zstd;
    struct dw_sha256 *sha;
    uint32_t only[DW_DECODER_ONLY_MAX], only_count; /* names of the fields that are wanted, when `pruned` */
    bool pruned;
    /* content of the frame in hand */
    struct dw_buf text, views;
    struct dw_arena arena; /* streams, extents */
    uint32_t *key;         /* local index to global id */
    uint32_t key_count;
    struct dw_str *constant;
    uint32_t constant_count;
    struct dw_stream *stream;
    uint32_t stream_count;
    struct dw__plan *plan;
    uint32_t plan_count, plan_cap;
    struct dw__shape_plan *shape;
    uint32_t shape_count;
    struct dw_event *event;
    uint32_t event_count;
    uint16_t *shape_of;
    uint32_t *order, *view_end;
    struct dw_field *field;
    uint32_t field_count, field_cap;
};

/* The column part of VIEWS, from `c` to its end, for head->event_count events over `text`. */
int dw__read_columns(struct dw_decoder *d, const struct dw_head *head, struct dw_cursor *c, struct dw_str text);

#endif
