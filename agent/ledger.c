/*
 * ledger: the agent's account of every byte, as records in its own chain (docs/formats/frame.md, RECORD).
 *
 * Invariant: a record speaks only of what frames before it carry.
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

enum { RECORD_BYTES = 60 * 1024 };

static void put_id(struct dw_buf *b, const uint8_t *id)
{
    char hex[2 * DW_ID_BYTES + 1];
    dw_hex(id, DW_ID_BYTES, hex);
    dw_buf_printf(b, "\"%s\"", hex);
}

static int send(struct agent *a, struct dw_buf *b)
{
    int rc = b->err ? b->err : ship_record(a, dw_buf_view(b));
    dw_buf_fini(b);
    return rc;
}

int ledger_open_epoch(struct agent *a)
{
    char hex[2 * DW_SHA256_BYTES + 1];
    struct dw_buf b = {0};
    dw_hex(dw_key_public(a->key), DW_PUBLIC_KEY_BYTES, hex);
    dw_buf_printf(&b, "{\"type\":\"epoch.open\",\"host\":");
    (void)dw_json_string(&b, dw_str_of(a->host));
    dw_buf_printf(&b, ",\"version\":\"" DW_VERSION "\",\"public_key\":\"%s\",\"clock\":%" PRId64 ",\"parent\":", hex,
        dw_clock_real(a->clock));
    if (a->meta.parent.counter) {
        dw_hex(a->meta.parent_hash, DW_SHA256_BYTES, hex);
        dw_buf_printf(&b, "{\"epoch\":%" PRIu64 ",\"number\":%" PRIu64 ",\"hash\":\"%s\"}", a->meta.parent.counter,
            a->meta.parent_number, hex);
    } else {
        dw_buf_printf(&b, "null");
    }
    const struct dw_spool_found *s = &a->spooled;
    if (s->frames)
        dw_buf_printf(&b, ",\"spool\":{\"epoch\":%" PRIu64 ",\"number\":%" PRIu64 ",\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
            s->first.epoch.counter, s->first.number, s->frames, s->bytes);
    dw_buf_byte(&b, '}');
    return send(a, &b);
}

static void put_ends(struct dw_buf *b, const struct tail *t, bool first)
{
    for (; t && b->len < RECORD_BYTES; t = t->next) {
        dw_buf_printf(b, "%s{\"id\":", first ? "" : ",");
        put_id(b, t->stream.id);
        dw_buf_printf(b, ",\"end\":%" PRIu64 "}", tail_low(t));
        first = false;
    }
}

int ledger_close_epoch(struct agent *a)
{
    struct dw_buf b = {0};
    dw_buf_printf(&b, "{\"type\":\"epoch.close\",\"streams\":[");
    put_ends(&b, a->tail, true);
    put_ends(&b, a->resting, !a->tail);
    dw_buf_printf(&b, "]}");
    return send(a, &b);
}

static void put_dropped(struct dw_buf *b, const char *reason, uint64_t bytes)
{
    bool first = b->len && b->ptr[b->len - 1] == '{';
    if (bytes)
        dw_buf_printf(b, "%s\"%s\":%" PRIu64, first ? "" : ",", reason, bytes);
}

static void put_stream(struct dw_buf *b, const struct tail *t)
{
    uint64_t read = tail_offset(t), low = tail_low(t);
    dw_buf_printf(b, "{\"id\":");
    put_id(b, t->stream.id);
    dw_buf_printf(b, ",\"path\":");
    (void)dw_json_string(b, dw_str_of(t->path));
    dw_buf_printf(b, ",\"read\":%" PRIu64 ",\"dropped\":{", read);
    put_dropped(b, "cut", tail_rare(t)->declared_cut);
    put_dropped(b, "before_start", tail_rare(t)->declared_skipped);
    put_dropped(b, "spool_full", tail_rare(t)->declared_let_go);
    dw_buf_printf(b, "},\"pending\":%" PRIu64 "}", read - low);
}

int ledger_send(struct agent *a)
{
    struct tail *t = a->tail;
    while (t) {
        struct dw_buf b = {0};
        uint32_t n = 0;
        dw_buf_printf(&b, "{\"type\":\"ledger\",\"streams\":[");
        for (; t && b.len < RECORD_BYTES; t = t->next) {
            uint64_t read = tail_offset(t);
            if (read == t->told || t->state == TAIL_ENDED)
                continue;
            if (n++)
                dw_buf_byte(&b, ',');
            put_stream(&b, t);
            t->told = read;
        }
        dw_buf_printf(&b, "]}");
        if (n == 0) {
            dw_buf_fini(&b);
            break;
        }
        int rc = send(a, &b);
        if (rc < 0)
            return rc;
    }
    return DW_OK;
}

int ledger_heartbeat(struct agent *a)
{
    struct dw_buf b = {0};
    dw_buf_printf(&b, "{\"type\":\"heartbeat\",\"read_at\":%" PRId64, agent_now(a));
    if (a->spool.on)
        dw_buf_printf(&b, ",\"spool\":{\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"oldest\":%" PRId64 "}", a->spool.frames,
            a->spool.bytes, a->spool.oldest_ns);
    dw_buf_byte(&b, '}');
    return send(a, &b);
}

int ledger_stream_end(struct agent *a, const struct dw_stream *s, uint64_t size, uint64_t read, const char *state)
{
    struct dw_buf b = {0};
    dw_buf_printf(&b, "{\"type\":\"stream.end\",\"id\":");
    put_id(&b, s->id);
    dw_buf_printf(&b, ",\"size\":%" PRIu64 ",\"read\":%" PRIu64 ",\"state\":\"%s\"}", size, read, state);
    return send(a, &b);
}

int ledger_declare(struct agent *a, const struct tail *t, const struct dw_declared *d)
{
    struct dw_buf b = {0};
    dw_buf_printf(&b, "{\"type\":\"declare\",\"id\":");
    put_id(&b, t->stream.id);
    dw_buf_printf(&b, ",\"start\":%" PRIu64 ",\"end\":%" PRIu64 ",\"reason\":\"%s\",\"hash\":\"%016" PRIx64 "\"}", d->start,
        d->end, d->reason, d->hash);
    return send(a, &b);
}
