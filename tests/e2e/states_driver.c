/*
 * states_driver: the topic of states, and a receiver that hands partitions over by it, for e2e_states.py.
 *
 *     states_driver states BROKERS TOPIC                          does what standard input says, a line each, and answers each with a line:
 *         put SOURCE NEXT SIZE               -> "ok"
 *         text SOURCE NEXT TEXT              -> "ok": another part than put's
 *         get SOURCE                         -> "part NEXT SIZE SHA256", or "none"
 *         sum NEXT SIZE                      -> SHA256 of what put writes
 *         torn SOURCE SLOT NEXT SIZE CHUNKS  -> "ok": no more than so many chunks are written, as by a writer that was killed
 *         spoilt SOURCE SLOT NEXT SIZE       -> "ok": all chunks, with a wrong byte in the last
 *         raw KEY VALUE                      -> "ok": a record that is none
 *         refused                            -> how many records were passed over
 *         on SOURCE SIZE                     -> "ok NEXT" for each put, without end
 *     states_driver receive BROKERS TOPIC GROUP STATES MEMBER    a line for each thing that is handed out, until SIGTERM:
 *         taken PARTITION NEXT BYTES, given PARTITION NEXT, record PARTITION OFFSET, parts N,
 *         leaving N, put PARTITION NEXT, let_go                      where the part of a partition is "NEXT by MEMBER"
 *                                                                 a member `stubborn` ends instead, and lets nothing go
 */
#include "../../core/transport/states_chunk.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/rng.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_CAP = 512, PARTITIONS = 16 };

static volatile sig_atomic_t ended;

static void on_term(int number)
{
    (void)number;
    ended = 1;
}

static void say(const char *fmt, ...) DW_PRINTF(1, 2);

static void say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    (void)printf("\n");
    (void)fflush(stdout);
}

static void must(int rc, const char *what)
{
    if (rc == DW_OK)
        return;
    (void)fprintf(stderr, "states_driver: %s: %s\n", what, dw_err_text(rc));
    exit(1);
}

static bool go_on(void *arg)
{
    (void)arg;
    return false;
}

/* What is written with that `next`: half of it cannot be compressed. */
static void fill(struct dw_buf *part, uint64_t next, size_t size)
{
    struct dw_rng rng = {next};
    dw_buf_reset(part);
    while (part->len < size) {
        dw_buf_u64(part, dw_rng_next(&rng));
        dw_buf_str(part, DW_STR("dogwatch"));
    }
    part->len = size;
    must(part->err, "memory");
}

static void say_part(const char *before, struct dw_str part)
{
    uint8_t sum[DW_SHA256_BYTES];
    char hex[2 * DW_SHA256_BYTES + 1];
    dw_sha256_of(part, sum);
    dw_hex(sum, sizeof sum, hex);
    say("%s%s", before, hex);
}

static void put(struct dw_states *s, uint64_t source, uint64_t next, struct dw_str part)
{
    int rc;
    do
        rc = dw_kafka_states_put(s, source, next, part, DW_NS_PER_S / 10);
    while (rc == DW_EAGAIN);
    must(rc, "put");
}

static void get(struct dw_states *s, uint64_t source)
{
    struct dw_buf part = {0};
    uint64_t next;
    char before[64];
    int rc;
    do
        rc = dw_kafka_states_get(s, source, DW_NS_PER_S / 10, &next, &part);
    while (rc == DW_EAGAIN);
    if (rc == DW_ENOENT) {
        say("none");
        return;
    }
    must(rc, "get");
    (void)snprintf(before, sizeof before, "part %" PRIu64 " %zu ", next, part.len);
    say_part(before, dw_buf_view(&part));
    dw_buf_fini(&part);
}

static void publish(struct dw_publisher *p, struct dw_str key, struct dw_str value)
{
    static unsigned number;
    char name[32];
    int rc;
    (void)snprintf(name, sizeof name, "n%u", number++);
    do
        rc = dw_kafka_publish(p, &(struct dw_publish){.key = key, .value = value, .name = dw_str_of(name), .timeout_ns = DW_NS_PER_S, .stop = go_on});
    while (rc == DW_EAGAIN);
    must(rc, "publish");
}

/* Writes so many chunks, none of them right if it is the last. */
static void tear(struct dw_publisher *p, struct dw__chunk of, struct dw_str part, uint32_t chunks)
{
    struct dw_buf packed = {0}, key = {0}, value = {0};
    struct dw__chunk whole;
    must(dw__chunk_pack(of.source, of.next, part, &packed, &whole), "pack");
    whole.slot = of.slot;
    for (uint32_t i = 0; i < chunks && i < whole.count; i++) {
        must(dw__chunk_put(&whole, dw_buf_view(&packed), i, &key, &value), "chunk");
        if (i + 1 == whole.count)
            value.ptr[value.len - 1] ^= 1;
        publish(p, dw_buf_view(&key), dw_buf_view(&value));
    }
    say("ok");
    dw_buf_fini(&packed);
    dw_buf_fini(&key);
    dw_buf_fini(&value);
}

static void do_line(struct dw_states *s, struct dw_publisher *p, char *line)
{
    struct dw_str rest = dw_str_trim(dw_str_of(line)), word = dw_str_cut(&rest, ' '), key = rest;
    uint64_t a[5] = {0};
    struct dw_buf part = {0};
    for (int i = 0; i < 5 && rest.len; i++)
        (void)dw_str_u64(dw_str_cut(&rest, ' '), &a[i]);
    if (dw_str_eq(word, DW_STR("put"))) {
        fill(&part, a[1], a[2]);
        put(s, a[0], a[1], dw_buf_view(&part));
        say("ok");
    } else if (dw_str_eq(word, DW_STR("text"))) {
        (void)dw_str_cut(&key, ' ');
        (void)dw_str_cut(&key, ' ');
        put(s, a[0], a[1], key);
        say("ok");
    } else if (dw_str_eq(word, DW_STR("get"))) {
        get(s, a[0]);
    } else if (dw_str_eq(word, DW_STR("sum"))) {
        fill(&part, a[0], a[1]);
        say_part("", dw_buf_view(&part));
    } else if (dw_str_eq(word, DW_STR("torn")) || dw_str_eq(word, DW_STR("spoilt"))) {
        fill(&part, a[2], a[3]);
        a[4] = a[4] ? a[4] : DW__CHUNK_COUNT_MAX;
        tear(p, (struct dw__chunk){.source = a[0], .slot = (uint32_t)a[1], .next = a[2]}, dw_buf_view(&part), (uint32_t)a[4]);
    } else if (dw_str_eq(word, DW_STR("raw"))) {
        struct dw_str first = dw_str_cut(&key, ' ');
        publish(p, first, key);
        say("ok");
    } else if (dw_str_eq(word, DW_STR("refused"))) {
        say("%" PRIu64, dw_counter_get(DW_C_kafka_states_refused));
    } else if (dw_str_eq(word, DW_STR("on"))) {
        for (uint64_t next = 1;; next++) {
            fill(&part, next, a[1]);
            put(s, a[0], next, dw_buf_view(&part));
            say("ok %" PRIu64, next);
        }
    }
    dw_buf_fini(&part);
}

static int do_states(char **argv)
{
    struct dw_kafka_conf conf = {.brokers = dw_str_of(argv[2]), .topic = dw_str_of(argv[3]), .client = DW_STR("states")};
    struct dw_states *s = NULL;
    struct dw_publisher *p = NULL;
    char line[LINE_CAP];
    must(dw_kafka_states_open(&conf, &s), "states");
    must(dw_kafka_publisher_open(&conf, &p), "publisher");
    while (fgets(line, sizeof line, stdin))
        do_line(s, p, line);
    dw_kafka_publisher_close(p);
    dw_kafka_states_close(s);
    return 0;
}

/* ---- receiving ---- */

struct owner {
    struct dw_receiver *r;
    struct dw_states *states;
    const char *member;
    uint64_t next[PARTITIONS];
    uint32_t parts;
};

static void take(struct owner *o, const struct dw_received *got)
{
    uint64_t partition = got->at.source - DW_SOURCE_KAFKA;
    if (partition >= PARTITIONS)
        exit(1);
    o->next[partition] = got->at.next;
    if (got->taken)
        say("taken %" PRIu64 " %" PRIu64 " %.*s", partition, got->at.next, DW_ARG(got->bytes));
    else if (got->given)
        say("given %" PRIu64 " %" PRIu64, partition, got->at.next);
    else if (got->expired || got->replaced)
        say("%s %" PRIu64 " %" PRIu64 " %" PRIu64, got->expired ? "expired" : "replaced", partition, got->at.offset, got->at.next);
    else
        say("record %" PRIu64 " %" PRIu64, partition, got->at.offset);
    if (!got->taken && !got->given && !got->expired && !got->replaced)
        must(dw_receiver_commit(o->r, got->at), "commit");
}

static void give_up(struct owner *o)
{
    const uint64_t *source = NULL;
    uint32_t n = dw_receiver_leaving(o->r, &source);
    if (n == 0)
        return;
    say("leaving %u", n);
    if (dw_str_eq(dw_str_of(o->member), DW_STR("stubborn"))) {
        ended = 1;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        char text[128];
        uint64_t partition = source[i] - DW_SOURCE_KAFKA, next = o->next[partition];
        (void)snprintf(text, sizeof text, "%" PRIu64 " by %s", next, o->member);
        put(o->states, source[i], next, dw_str_of(text));
        say("put %" PRIu64 " %" PRIu64, partition, next);
    }
    dw_receiver_let_go(o->r);
    say("let_go");
}

static int do_receive(char **argv)
{
    static const struct dw_str key[] = {{"session.timeout.ms", 18}, {"heartbeat.interval.ms", 21}}, value[] = {{"6000", 4}, {"500", 3}};
    struct dw_kafka_conf conf = {.brokers = dw_str_of(argv[2]), .topic = dw_str_of(argv[5]), .client = DW_STR("states"), .key = key, .value = value,
        .option_count = 2};
    struct owner o = {.member = argv[6]};
    must(dw_kafka_states_open(&conf, &o.states), "states");
    conf.topic = dw_str_of(argv[3]);
    conf.group = dw_str_of(argv[4]);
    conf.member = dw_str_of(argv[6]);
    conf.partitions = 2;
    conf.first_source = DW_SOURCE_KAFKA;
    conf.states = o.states;
    must(dw_kafka_receiver_open(&conf, NULL, 0, &o.r), "receiver");
    while (!ended) {
        struct dw_received got;
        int rc = dw_receiver_next(o.r, &got);
        if (rc == DW_OK)
            take(&o, &got);
        else if (rc == DW_EAGAIN)
            (void)poll(NULL, 0, 2);
        else
            must(rc, "receive");
        give_up(&o);
        if (dw_receiver_parts(o.r) != o.parts)
            say("parts %u", o.parts = dw_receiver_parts(o.r));
    }
    dw_receiver_close(o.r);
    dw_kafka_states_close(o.states);
    return 0;
}

int main(int argc, char **argv)
{
    (void)signal(SIGTERM, on_term);
    if (argc == 4 && dw_str_eq(dw_str_of(argv[1]), DW_STR("states")))
        return do_states(argv);
    if (argc == 7 && dw_str_eq(dw_str_of(argv[1]), DW_STR("receive")))
        return do_receive(argv);
    (void)fprintf(stderr, "usage: %s states BROKERS TOPIC | receive BROKERS TOPIC GROUP STATES MEMBER\n", argv[0]);
    return 2;
}
