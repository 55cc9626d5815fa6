/* account_bed: an agent's frames on their way into an account, and what it says of them. */
#ifndef DOGWATCH_TESTS_ACCOUNT_BED_H
#define DOGWATCH_TESTS_ACCOUNT_BED_H

#include "frames.h"
#include "support.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/collect/account.h"

#include <stdio.h>

enum { FRAMES_MAX = 16 };

struct bed {
    struct frames agent;
    struct dw_decoder *decoder;
    struct dw_account *account;
    struct dw_account *twin; /* saved and loaded before each frame: it has to say the same */
    struct dw_buf said; /* "KIND@number " a problem */
    struct dw_buf full; /* everything of each problem */
    struct dw_buf twin_full;
    struct dw_frame *frame[FRAMES_MAX];
    uint32_t count;
    uint8_t mark[DW_FRAME_EVENTS_MAX];
    bool marked;
};

static const char *const kinds[] = {
#define PROBLEM(id, rule, level, title) #id,
#include "dogwatch/tbl/problems.h"
#undef PROBLEM
};

static inline void hear(void *arg, const struct dw_problem *p)
{
    struct bed *b = arg;
    dw_buf_printf(&b->said, "%s%s@%llu", b->said.len ? " " : "", kinds[p->kind], (unsigned long long)p->number);
    dw_buf_printf(&b->full, "%d %lld %s %s\n", (int)p->kind, (long long)p->time_ns, p->cause, p->text);
}

static inline void hear_twin(void *arg, const struct dw_problem *p)
{
    struct bed *b = arg;
    dw_buf_printf(&b->twin_full, "%d %lld %s %s\n", (int)p->kind, (long long)p->time_ns, p->cause, p->text);
}

/* Frame 0 opens the epoch, as an agent's does. */
static inline void set_up_within(struct bed *b, bool opened, const struct dw_account_bounds *bounds)
{
    char hex[65], json[200];
    memset(b, 0, sizeof *b);
    frames_init(&b->agent);
    b->decoder = dw_decoder_new(b->agent.keys);
    b->account = dw_account_new(bounds, hear, b);
    b->twin = dw_account_new(bounds, hear_twin, b);
    assert_true(b->decoder && b->account && b->twin);
    dw_hex(dw_key_public(b->agent.key), 32, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"public_key\":\"%s\",\"parent\":null}", hex);
    if (opened)
        b->frame[b->count++] = frames_record(&b->agent, json);
}

static inline void set_up(struct bed *b, bool opened)
{
    set_up_within(b, opened, NULL);
}

static inline void tear_down(struct bed *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        dw_frame_free(b->frame[i]);
    dw_account_free(b->account);
    dw_account_free(b->twin);
    dw_buf_fini(&b->twin_full);
    dw_decoder_free(b->decoder);
    frames_fini(&b->agent);
    dw_buf_fini(&b->said);
    dw_buf_fini(&b->full);
}

static inline struct dw_frame *add_events(struct bed *b, uint32_t events)
{
    frames_fill(&b->agent, events);
    return b->frame[b->count++] = frames_encode(&b->agent, true);
}

static inline void add_record(struct bed *b, const char *json)
{
    b->frame[b->count++] = frames_record(&b->agent, json);
}

static inline void load_twin(struct bed *b)
{
    struct dw_buf state = {0};
    dw_account_save(b->account, &state);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&state));
    assert_int_equal(state.err, DW_OK);
    assert_int_equal(dw_account_load(b->twin, &c, 10), DW_OK);
    assert_int_equal(dw_cursor_left(&c), 0);
    dw_buf_fini(&state);
}

static inline void assert_twin_is_equal(struct bed *b)
{
    struct dw_buf one = {0}, other = {0};
    dw_account_save(b->account, &one);
    dw_account_save(b->twin, &other);
    assert_true(dw_str_eq(dw_buf_view(&one), dw_buf_view(&other)));
    assert_str(dw_buf_view(&b->full), b->twin_full.len ? b->twin_full.ptr : "");
    dw_buf_fini(&one);
    dw_buf_fini(&other);
}

static inline void take(struct bed *b, const struct dw_frame *f)
{
    static uint8_t mark[DW_FRAME_EVENTS_MAX];
    uint64_t counted[DW_COUNTERS];
    bool marked;
    struct dw_decoded got;
    assert_int_equal(dw_decode(b->decoder, dw_buf_view(&f->bytes), &got), DW_OK);
    assert_int_equal(dw_decoded_check(b->decoder, &got), DW_OK);
    load_twin(b);
    assert_int_equal(dw_account_take(b->account, &got, NULL, b->mark, &b->marked), DW_OK);
    for (int i = 0; i < DW_COUNTERS; i++)
        counted[i] = dw_counter_get((enum dw_counter)i);
    assert_int_equal(dw_account_take(b->twin, &got, b->mark, mark, &marked), DW_OK); /* with marks, as an archive has them */
    for (int i = 0; i < DW_COUNTERS; i++)
        dw_counters[i] = counted[i]; /* the twin counts nothing */
    dw_buf_byte(&b->twin_full, 0);
    b->twin_full.len--;
    assert_twin_is_equal(b);
}

/* Takes the frames named by their indexes, e.g. "0132". */
static inline void take_in_order(struct bed *b, const char *order)
{
    for (; *order; order++)
        take(b, b->frame[*order - '0']);
}

static inline void assert_said(struct bed *b, const char *want)
{
    assert_str(dw_buf_view(&b->said), want);
}

static inline const struct dw_account_stream *stream_of(struct bed *b, uint8_t first_byte)
{
    for (const struct dw_account_stream *s = NULL; (s = dw_account_next(b->account, s));)
        if (s->id[0] == first_byte)
            return s;
    fail_msg("no stream %02x", first_byte);
    return NULL;
}

static inline uint32_t count_streams(struct bed *b)
{
    uint32_t n = 0;
    for (const struct dw_account_stream *s = NULL; (s = dw_account_next(b->account, s));)
        n++;
    return n;
}

static inline void add_ledger(struct bed *b, int stream, uint64_t read, uint64_t pending)
{
    char hex[33], json[256];
    dw_hex(b->agent.stream[stream].id, DW_ID_BYTES, hex);
    (void)snprintf(json, sizeof json,
        "{\"type\":\"ledger\",\"streams\":[{\"id\":\"%s\",\"path\":\"/x\",\"read\":%llu,\"dropped\":{\"cut\":3},\"pending\":%llu}]}",
        hex, (unsigned long long)read, (unsigned long long)pending);
    add_record(b, json);
}

#endif
