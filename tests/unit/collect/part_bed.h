/* part_bed: agents that do all that agents do, by chance, and accounts that hear of it. */
#ifndef DOGWATCH_TESTS_PART_BED_H
#define DOGWATCH_TESTS_PART_BED_H

#include "account_bed.h"
#include "parts.h"

#include <inttypes.h>

enum { KEPT = 8 };

/* One agent and what it sent lately. */
struct sender {
    struct frames f;
    struct dw_decoder *decoder;
    char host[16];
    uint64_t source, chance; /* the state of its chance: one seed makes one history */
    int64_t low_water_ns;
    struct dw_frame *kept[KEPT]; /* NULL: none yet; the newest is at sent % KEPT */
    uint64_t sent;
};

/* An account and what it says of frames. */
struct listener {
    struct dw_account *account;
    struct dw_buf told; /* problems and marks of the frame in hand */
    uint8_t mark[DW_FRAME_EVENTS_MAX];
};

static inline void listen_to(void *arg, const struct dw_problem *p)
{
    struct listener *l = arg;
    dw_buf_printf(&l->told, "%s %lld %" PRIu64 " %" PRIu64 " %s %s\n", kinds[p->kind], (long long)p->time_ns, p->epoch, p->number, p->cause, p->text);
}

static inline void listener_init(struct listener *l, const struct dw_account_bounds *bounds)
{
    *l = (struct listener){.told.len = 0};
    l->account = dw_account_new(bounds, listen_to, l);
    assert_non_null(l->account);
}

static inline void listener_fini(struct listener *l)
{
    dw_account_free(l->account);
    dw_buf_fini(&l->told);
}

/* Agent `n` (from 1) of `source`; its streams have ids of their own. */
static inline void sender_init(struct sender *s, uint8_t n, uint64_t source, uint64_t seed)
{
    uint8_t key[32];
    *s = (struct sender){.source = source, .chance = seed * 977 + n, .low_water_ns = 5};
    frames_init(&s->f);
    dw_key_free(s->f.key);
    memset(key, 100 + n, sizeof key);
    assert_int_equal(dw_key_from_seed(key, &s->f.key), DW_OK);
    dw_key_agent_id(dw_key_public(s->f.key), s->f.chain.agent);
    for (int i = 0; i < 2; i++)
        memset(s->f.stream[i].id, n * 16 + i, DW_ID_BYTES);
    (void)snprintf(s->host, sizeof s->host, "host-%d", n);
    s->decoder = dw_decoder_new(s->f.keys);
    assert_non_null(s->decoder);
}

static inline void sender_fini(struct sender *s)
{
    for (int i = 0; i < KEPT; i++)
        dw_frame_free(s->kept[i]);
    dw_decoder_free(s->decoder);
    frames_fini(&s->f);
}

static inline uint64_t chance(struct sender *s, uint64_t below)
{
    s->chance = s->chance * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (s->chance >> 33) % below;
}

static inline struct dw_frame *keep_frame(struct sender *s, struct dw_frame *f)
{
    struct dw_frame **at = &s->kept[++s->sent % KEPT];
    dw_frame_free(*at);
    return *at = f;
}

static inline struct dw_frame *send_record(struct sender *s, const char *json)
{
    struct dw_frame *f = NULL;
    struct dw_encode with = {.chain = &s->f.chain, .low_water_ns = s->low_water_ns, .key = s->f.key};
    assert_int_equal(dw_encode_record(s->f.encoder, dw_str_of(json), 77, &with, &f), DW_OK);
    return keep_frame(s, f);
}

static inline struct dw_frame *send_events(struct sender *s, uint32_t n)
{
    struct dw_frame *f = NULL;
    struct dw_encode with = {.chain = &s->f.chain, .low_water_ns = s->low_water_ns, .key = s->f.key};
    frames_fill(&s->f, n);
    assert_int_equal(dw_encode_events(s->f.encoder, s->f.batch, &with, &f), DW_OK);
    dw_batch_reset(s->f.batch);
    return keep_frame(s, f);
}

/* It starts again; what it says of its last start may be wrong. `spools`: frames from the middle of that on may come now. */
static inline struct dw_frame *send_opening_with(struct sender *s, bool spools)
{
    char key[65], hash[65], json[512], parent[160] = "null", spool[64] = "null";
    const struct dw_frame *last = s->kept[s->sent % KEPT];
    uint64_t epoch = s->f.chain.epoch.counter, number = last ? last->head.number + chance(s, 2) : 0;
    dw_hex(dw_key_public(s->f.key), 32, key);
    if (last) {
        dw_hex(last->head.hash, 32, hash);
        (void)snprintf(parent, sizeof parent, "{\"epoch\":%" PRIu64 ",\"number\":%" PRIu64 ",\"hash\":\"%s\"}", epoch, number, hash);
        if (spools)
            (void)snprintf(spool, sizeof spool, "{\"epoch\":%" PRIu64 ",\"number\":%" PRIu64 "}", epoch, number / 2);
        s->f.chain.epoch.counter++;
        s->f.chain.next_number = 0;
        memset(s->f.chain.previous, 0, sizeof s->f.chain.previous);
    }
    (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"host\":\"%s\",\"public_key\":\"%s\",\"parent\":%s,\"spool\":%s}", s->host, key, parent,
        spool);
    return send_record(s, json);
}

static inline struct dw_frame *send_opening(struct sender *s)
{
    return send_opening_with(s, chance(s, 2));
}

/* A record that speaks of one of its streams. */
static inline struct dw_frame *send_line(struct sender *s)
{
    char id[33], json[300];
    uint64_t which = chance(s, 2), kind = chance(s, 4), at = s->f.offset[which], more = chance(s, 50);
    dw_hex(s->f.stream[which].id, DW_ID_BYTES, id);
    if (kind == 0)
        (void)snprintf(json, sizeof json, "{\"type\":\"stream.end\",\"id\":\"%s\",\"read\":%" PRIu64 ",\"state\":\"%s\"}", id, at, more % 2 ? "lost" : "whole");
    else if (kind == 1)
        (void)snprintf(json, sizeof json, "{\"type\":\"declare\",\"id\":\"%s\",\"start\":%" PRIu64 ",\"end\":%" PRIu64 ",\"reason\":\"spool_full\"}", id,
            at + 5000, at + 5000 + more);
    else
        (void)snprintf(json, sizeof json, "{\"type\":\"ledger\",\"streams\":[{\"id\":\"%s\",\"read\":%" PRIu64 ",\"pending\":%" PRIu64 "}]}", id, at + more, more / 2);
    return send_record(s, json);
}

/* Whatever it does next. NULL: a frame that did not come, or none of those that are still kept. */
static inline const struct dw_frame *send_anything(struct sender *s)
{
    uint64_t what = s->sent == 0 ? 0 : chance(s, 20);
    s->low_water_ns += (int64_t)chance(s, 7);
    if (s->sent && s->kept[s->sent % KEPT]->head.number == 0 && chance(s, 3)) /* its spool comes now */
        return s->kept[(s->sent + 1 + chance(s, KEPT - 1)) % KEPT];
    if (what == 0)
        return send_opening(s);
    if (what == 1)
        return send_record(s, "{\"type\":\"epoch.close\",\"streams\":[]}");
    if (what == 2)
        return send_record(s, "{\"type\":\"heartbeat\",\"read_at\":5,\"spool\":{\"frames\":7,\"bytes\":4711,\"oldest\":3}}");
    if (what < 7)
        return send_line(s);
    if (what < 9)
        return s->kept[chance(s, KEPT)];
    if (what == 9) { /* read again from an older checkpoint */
        s->f.lines = 0;
        memset(s->f.offset, 0, sizeof s->f.offset);
    }
    const struct dw_frame *f = send_events(s, 1 + (uint32_t)chance(s, 9));
    return what == 10 ? NULL : f;
}

/* Gives it to an account, as come at `arrival_ns`. */
static inline void give(struct listener *l, struct sender *s, const struct dw_frame *f, int64_t arrival_ns)
{
    struct dw_decoded got;
    bool marked;
    assert_int_equal(dw_decode(s->decoder, dw_buf_view(&f->bytes), &got), DW_OK);
    dw_buf_reset(&l->told);
    dw_account_arrival(l->account, s->source, arrival_ns, arrival_ns);
    assert_int_equal(dw_account_take(l->account, &got, NULL, l->mark, &marked), DW_OK);
    dw_buf_printf(&l->told, "%d ", marked);
    dw_buf_add(&l->told, l->mark, got.event_count);
}

static inline void give_many(struct listener *l, struct sender *s, int n)
{
    for (int i = 0; i < n; i++) {
        const struct dw_frame *f = send_anything(s);
        if (f)
            give(l, s, f, 1000 + i);
    }
}

static inline void save_part(const struct listener *l, uint64_t source, struct dw_buf *ret)
{
    dw_buf_reset(ret);
    dw_account_part_save(l->account, source, ret);
    assert_int_equal(ret->err, DW_OK);
}

static inline void take_part(struct listener *l, uint64_t source, const struct dw_buf *part)
{
    dw_buf_reset(&l->told);
    assert_int_equal(dw_account_part_take(l->account, source, dw_buf_view(part), 10), DW_OK);
}

/* What an account knows of a source, in numbers that do not depend on what else it knows. */
static inline void save_alone(const struct listener *l, uint64_t source, struct dw_buf *ret)
{
    struct listener alone;
    listener_init(&alone, NULL);
    save_part(l, source, ret);
    take_part(&alone, source, ret);
    save_part(&alone, source, ret);
    listener_fini(&alone);
}

static inline void assert_same(const struct dw_buf *got, const struct dw_buf *want)
{
    assert_int_equal(got->len, want->len);
    assert_memory_equal(got->ptr, want->ptr, want->len);
}

static inline void assert_knows_the_same(const struct listener *l, const struct listener *other, uint64_t source)
{
    struct dw_buf one = {0}, two = {0};
    save_alone(l, source, &one);
    save_alone(other, source, &two);
    assert_same(&one, &two);
    assert_int_equal(dw_account_part_low_water(l->account, source), dw_account_part_low_water(other->account, source));
    dw_buf_fini(&one);
    dw_buf_fini(&two);
}

#endif
