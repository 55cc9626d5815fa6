/*
 * frames: a made-up agent. The same calls make the same frames.
 */
#include "frames.h"

#include "support.h"

#include <stdio.h>

void frames_init(struct frames *t)
{
    uint8_t seed[32];
    *t = (struct frames){0};
    memset(seed, 7, sizeof seed);
    assert_int_equal(dw_key_from_seed(seed, &t->key), DW_OK);
    t->keys = dw_keys_new();
    t->batch = dw_batch_new(t->keys);
    t->encoder = dw_encoder_new(1);
    assert_true(t->keys && t->batch && t->encoder);
    dw_key_agent_id(dw_key_public(t->key), t->chain.agent);
    t->chain.epoch.counter = 1;
    memset(t->chain.epoch.nonce, 9, DW_NONCE_BYTES);
    t->host = (struct dw_field){.v.ptr = "node-1", .len = 6, .key = DW_F_host_name, .kind = DW_K_CONST};
    for (int i = 0; i < 2; i++) {
        memset(t->stream[i].id, 0x10 + i, DW_ID_BYTES);
        memset(t->stream[i].series, 0x20 + i, DW_ID_BYTES);
        t->stream[i].predecessor_size = -1;
        t->stream[i].inode = 4711;
        t->stream[i].field = &t->host;
        t->stream[i].field_count = 1;
    }
}

void frames_fini(struct frames *t)
{
    dw_batch_free(t->batch);
    dw_encoder_free(t->encoder);
    dw_keys_free(t->keys);
    dw_key_free(t->key);
}

static void add_fields(struct dw_draft *d, uint64_t n)
{
    struct dw_str line = d->line, rest = line;
    struct dw_str ip = dw_str_cut(&rest, ' '), path = dw_str_cut(&rest, ' '), status = dw_str_cut(&rest, ' ');
    uint32_t own;
    dw_draft_view(d, DW_F_source_address, ip);
    dw_draft_view(d, DW_F_source_ip, ip);
    dw_draft_view(d, DW_F_url_path, path);
    dw_draft_number(d, DW_F_http_response_status_code, status);
    dw_draft_const(d, DW_F_event_dataset, n % 3 ? "a.access" : "b.access");
    if (n % 4 == 0)
        dw_draft_literal(d, DW_F_message, DW_STR("un\"escaped\nliteral"));
    if (n % 5 == 0) {
        dw_draft_int(d, DW_F_event_duration, (int64_t)(n * 1000) - 5);
        dw_draft_float(d, DW_F_event_severity, 0.5 * (double)n);
        dw_draft_bool(d, DW_F_network_type, n % 2);
    }
    assert_int_equal(dw_keys_intern(d->keys, DW_STR("app.own"), &own), DW_OK);
    dw_draft_field(d, (struct dw_field){.v.ptr = line.ptr, .len = 1, .key = own, .elem = 1 + (uint32_t)(n % 2)});
}

void frames_fill(struct frames *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        char line[128];
        uint64_t k = t->lines++;
        int len = snprintf(line, sizeof line, "10.0.%u.%u /page/%u %u some%ctext \xff%ctail", (unsigned)(k % 7),
            (unsigned)(k % 250), (unsigned)(k * 31 % 1009), 200 + (unsigned)(k % 5), k % 2 ? (char)9 : (char)34, 0);
        unsigned s = k % 3 == 0;
        const struct dw_stream *stream = &t->stream[s];
        assert_true(dw_batch_fits(t->batch, stream, (size_t)len));
        struct dw_draft *d = dw_batch_draft(t->batch, dw_str_make(line, (size_t)len));
        add_fields(d, k);
        uint64_t start = t->offset[s], end = start + (uint64_t)len + 40;
        struct dw_extent more = {.stream = stream, .start = end + 10, .end = end + 30};
        t->offset[s] = k % 11 ? end : more.end;
        dw_batch_commit(t->batch, &(struct dw_event){.time_ns = (int64_t)(1000 + k * 17 - k % 3 * 40),
            .read_at_ns = 2000, .stream = stream, .start = start, .end = end, .out = (uint8_t)(k % 3),
            .more = &more, .more_count = k % 11 ? 0 : 1});
    }
}

struct dw_frame *frames_encode(struct frames *t, bool sign)
{
    struct dw_frame *f = NULL;
    struct dw_encode with = {.chain = &t->chain, .low_water_ns = 5, .key = sign ? t->key : NULL};
    assert_int_equal(dw_encode_events(t->encoder, t->batch, &with, &f), DW_OK);
    dw_batch_reset(t->batch);
    return f;
}

struct dw_frame *frames_record(struct frames *t, const char *json)
{
    struct dw_frame *f = NULL;
    struct dw_encode with = {.chain = &t->chain, .low_water_ns = 5, .key = t->key};
    assert_int_equal(dw_encode_record(t->encoder, dw_str_of(json), 77, &with, &f), DW_OK);
    return f;
}
