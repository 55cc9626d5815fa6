/*
 * kafka_events: a frame as records of JSON, one an event, for who reads the topic without dogwatch (`wire: json`).
 *
 * Invariants:
 *   (1) Every event of a frame is handed out once, in order, as `dogwatch cat` shows it.
 *   (2) One that brokers would refuse for its length is counted and said, never handed out.
 */
#include "kafka_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

enum { RECORD_MAX = 900000 };

struct dw__kafka_events {
    struct dw_keys *keys;
    struct dw_decoder *decoder;
    struct dw_decoded frame;
    uint32_t next;
    struct dw_buf json;
};

struct dw__kafka_events *dw__kafka_events_new(void)
{
    struct dw__kafka_events *e = dw_calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->keys = dw_keys_new();
    e->decoder = e->keys ? dw_decoder_new(e->keys) : NULL;
    if (e->decoder)
        return e;
    dw__kafka_events_free(e);
    return NULL;
}

void dw__kafka_events_free(struct dw__kafka_events *e)
{
    if (!e)
        return;
    dw_decoder_free(e->decoder);
    dw_keys_free(e->keys);
    dw_buf_fini(&e->json);
    dw_free(e);
}

int dw__kafka_events_take(struct dw__kafka_events *e, const struct dw_frame *frame)
{
    e->next = 0;
    e->frame = (struct dw_decoded){0};
    return dw_decode(e->decoder, dw_buf_view(&frame->bytes), &e->frame);
}

int dw__kafka_events_look(struct dw__kafka_events *e, struct dw_str *ret)
{
    for (; e->next < e->frame.event_count; e->next++) {
        const struct dw_event *ev = &e->frame.event[e->next];
        char id[DW_EVENT_ID_TEXT];
        dw_buf_reset(&e->json);
        dw_event_json(e->keys, ev, NULL, &e->json);
        if (e->json.err)
            return e->json.err;
        *ret = dw_buf_view(&e->json);
        if (ret->len <= RECORD_MAX)
            return DW_OK;
        dw_event_id_text(ev, id);
        DW_COUNT(kafka_json_too_long);
        dw_error("kafka sender: event %s is %zu bytes as JSON, which brokers refuse: it is not sent; wire: frames sends it", id, ret->len);
    }
    return DW_ENOENT;
}

void dw__kafka_events_pass(struct dw__kafka_events *e)
{
    e->next++;
}
