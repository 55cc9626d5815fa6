/*
 * bench_pipeline: docker json of nginx lines -> parsed event -> frame -> dir -> sealed segment -> events, beside libzstd
 * level 1 and reading the same bytes, in one run. Prints one JSON object a measure; ratios are what counts.
 *
 * usage: [DW_BROKERS=HOST:PORT] [DW_LINES=FILE] bench_pipeline [LINES [load]] (400000; load: the first measures only)
 *     DW_LINES: access-log lines to use, over and over, instead of made-up ones
 */
#include "support.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/parsers/lines.h"
#include "dogwatch/parsers/parser.h"
#include "dogwatch/store/archive.h"
#include "dogwatch/base/error.h"
#include "dogwatch/transport/kafka.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { REPEATS = 5 };

struct bench {
    struct dw_keys *keys;
    struct dw_batch *batch;
    struct dw_encoder *encoder;
    struct dw_chain chain;
    struct dw_sender *sender;
    struct dw_archive *archive;
    struct dw_key *key;
    struct dw_stream stream[20];
    const struct dw_parser *parser;
    struct dw_parse_ctx ctx;
    uint32_t which; /* stream in hand */
    uint64_t frames, events, frame_bytes, intake;
    int64_t read_at_ns; /* as the agent sets it: once a read */
    bool keep;
    struct dw_buf kept; /* frames, for decoding */
};

static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

/* The lines of DW_LINES; none: it is not given. */
static struct dw_str given_lines(void)
{
    static struct dw_buf text;
    const char *path = getenv("DW_LINES");
    if (path && !text.len && dw_fs_read_file(&dw_fs_system, path, 256 << 20, &text) < 0)
        abort();
    return dw_buf_view(&text);
}

/* The next line of those, as docker writes it. */
static void put_given(struct dw_str all, struct dw_str time, struct dw_buf *out)
{
    static struct dw_str rest;
    rest = rest.len ? rest : all;
    dw_buf_str(out, DW_STR("{\"log\":"));
    (void)dw_json_string(out, dw_str_cut(&rest, '\n'));
    out->len--; /* the closing quote: the newline goes before it */
    dw_buf_printf(out, "\\n\",\"stream\":\"stdout\",\"time\":\"%.*s\"}\n", DW_ARG(time));
}

static void make_line(struct dw_rng *r, uint64_t i, int64_t time_ns, struct dw_buf *out)
{
    static const char *const agents[] = {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15", "curl/8.4.0",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"};
    static const char *const paths[] = {"/", "/index.html", "/api/v1/items", "/static/app.js", "/login", "/images/logo.png", "/products"};
    struct dw_buf time = {0};
    dw_time_text(&time, time_ns);
    if (given_lines().len) {
        put_given(given_lines(), dw_buf_view(&time), out);
        dw_buf_fini(&time);
        return;
    }
    dw_buf_printf(out, "{\"log\":\"%u.%u.%u.%u - - [24/Nov/2026:%02u:%02u:%02u +0000] \\\"GET %s?id=%u HTTP/1.1\\\" %u %u \\\"-\\\" \\\"%s\\\"\\n\",\"stream\":\"stdout\",\"time\":\"%.*s\"}\n",
        (unsigned)dw_rng_below(r, 223) + 1, (unsigned)dw_rng_below(r, 256), (unsigned)dw_rng_below(r, 256), (unsigned)dw_rng_below(r, 256),
        (unsigned)(i / 360000 % 24), (unsigned)(i / 6000 % 60), (unsigned)(i / 100 % 60), paths[dw_rng_below(r, 7)], (unsigned)dw_rng_below(r, 100000),
        dw_rng_below(r, 20) ? 200 : 404, (unsigned)dw_rng_below(r, 50000), agents[dw_rng_below(r, 4)], DW_ARG(dw_buf_view(&time)));
    dw_buf_fini(&time);
}

static void flush(struct bench *b, bool sign)
{
    struct dw_frame *f;
    struct dw_encode with = {.chain = &b->chain, .key = sign || b->frames % 64 == 0 ? b->key : NULL};
    if (dw_batch_count(b->batch) == 0)
        return;
    if (dw_encode_events(b->encoder, b->batch, &with, &f) < 0)
        abort();
    b->frames++;
    b->frame_bytes += f->bytes.len;
    if (b->archive) {
        struct dw_intake in = {.arrival_ns = (int64_t)b->frames * 20000000, .offset = b->intake, .next = b->intake + f->bytes.len};
        b->intake = in.next;
        if (dw_archive_append(b->archive, dw_buf_view(&f->bytes), &f->head, NULL, &in) < 0)
            abort();
    } else if (b->keep) {
        dw_buf_str(&b->kept, dw_buf_view(&f->bytes));
    }
    for (int rc = DW_EAGAIN; b->sender && rc == DW_EAGAIN;) {
        uint64_t acked;
        rc = dw_sender_send(b->sender, &f);
        if ((rc < 0 && rc != DW_EAGAIN) || (rc == DW_EAGAIN && dw_sender_pump(b->sender, &acked) < 0))
            abort();
    }
    dw_frame_free(f);
    dw_batch_reset(b->batch);
}

static int on_line(void *arg, const struct dw_line *l)
{
    struct bench *b = arg;
    if (!dw_batch_fits(b->batch, &b->stream[b->which], l->text.len))
        flush(b, false);
    struct dw_draft *d = dw_batch_draft(b->batch, l->text);
    struct dw_str line = d->line;
    if (dw_parser_run(b->parser, &b->ctx, line, d) < 0)
        abort();
    dw_batch_commit(b->batch, &(struct dw_event){.time_ns = d->has_time ? d->time_ns : l->env_time_ns, .read_at_ns = b->read_at_ns,
        .stream = &b->stream[b->which], .start = l->piece[0].start, .end = l->piece[0].end, .out = l->out});
    b->events++;
    return DW_OK;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    (void)arg;
    (void)d;
    return DW_OK;
}

static void open_bench(struct bench *b)
{
    static const uint8_t seed[32] = {1};
    *b = (struct bench){.keys = dw_keys_new()};
    b->batch = dw_batch_new(b->keys);
    b->encoder = dw_encoder_new(1);
    b->parser = dw_parser_find(DW_STR("nginx_access"));
    if (!b->parser)
        b->parser = dw_parser_find(DW_STR("nginx/access"));
    if (!b->batch || !b->encoder || !b->parser || dw_key_from_seed(seed, &b->key) < 0)
        abort();
    for (uint32_t i = 0; i < 20; i++) {
        memset(b->stream[i].id, (int)(i + 1), DW_ID_BYTES);
        static const struct dw_field host = {.v.ptr = "node-1", .len = 6, .key = DW_F_host_name, .kind = DW_K_CONST};
        b->stream[i].field = &host;
        b->stream[i].field_count = 1;
        b->stream[i].predecessor_size = -1;
    }
}

static void close_bench(struct bench *b)
{
    dw_batch_free(b->batch);
    dw_encoder_free(b->encoder);
    dw_keys_free(b->keys);
    dw_key_free(b->key);
    dw_buf_fini(&b->kept);
}

static const struct dw_lines_conf conf = {.envelope = DW_ENV_DOCKER, .line_max = DW_FRAME_LINE_MAX, .join_span_max = 4 << 20,
    .redact = DW_REDACT_USUAL};

/* libzstd level 1 over the same bytes, 1 MiB a frame. Returns the compressed size. */
static uint64_t zstd_one(struct dw_str text, double *ret_seconds)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    size_t bound = ZSTD_compressBound(1 << 20);
    char *out = malloc(bound);
    uint64_t sum = 0;
    int64_t from = dw_clock_cpu_ns();
    for (size_t at = 0; at < text.len; at += 1 << 20) {
        struct dw_str part = dw_str_slice(text, at, at + (1 << 20));
        sum += ZSTD_compressCCtx(c, out, bound, part.ptr, part.len, 1);
    }
    *ret_seconds = seconds(dw_clock_cpu_ns() - from);
    free(out);
    ZSTD_freeCCtx(c);
    return sum;
}

static void run_lines(struct bench *b, struct dw_str text)
{
    struct dw_lines *l = dw_lines_new(&conf, 0);
    struct dw_lines_out out = {.arg = b, .line = on_line, .declare = on_declare};
    for (size_t at = 0, n; at < text.len; at += n) {
        n = 0;
        b->read_at_ns = dw_clock_real(&dw_clock_system);
        if (dw_lines_feed(l, dw_str_slice(text, at, at + (1 << 20)), &out, &n) < 0 || n == 0)
            break;
        uint64_t acked;
        if (b->sender && dw_sender_pump(b->sender, &acked) < 0)
            abort();
    }
    flush(b, false);
    dw_lines_free(l);
}

/* Every kept frame to events; how many there were. */
static uint64_t decode_once(struct dw_decoder *d, struct dw_str rest)
{
    uint64_t events = 0;
    while (rest.len) {
        struct dw_decoded f;
        struct dw_head h;
        size_t len;
        if (dw_head_read(rest, &h, &len) < 0 || dw_decode(d, rest, &f) < 0)
            abort();
        events += f.event_count;
        rest = dw_str_slice(rest, len, rest.len);
    }
    return events;
}

static void decode_all(struct bench *b)
{
    struct dw_decoder *d = dw_decoder_new(b->keys);
    double best = INFINITY;
    uint64_t events = 0;
    for (int i = 0; i < REPEATS; i++) {
        int64_t from = dw_clock_cpu_ns();
        events = decode_once(d, dw_buf_view(&b->kept));
        best = fmin(best, seconds(dw_clock_cpu_ns() - from));
    }
    printf("{\"measure\":\"decode\",\"events\":%" PRIu64 ",\"events_per_s\":%.0f,\"bar\":5000000}\n", events, (double)events / best);
    dw_decoder_free(d);
}

static void open_archive(struct bench *b, const char *dir)
{
    struct dw_archive_conf a = {.fs = &dw_fs_system, .clock = &dw_clock_system, .dir = dir, .keys = b->keys, .segment_max_bytes = 1ull << 40};
    if (dw_archive_open(&a, &b->archive) < 0)
        abort();
}

static uint64_t sealed_bytes(struct bench *b, const char *dir)
{
    char path[600];
    struct dw_stat st;
    if (dw_archive_seal(b->archive) < 0)
        abort();
    dw_archive_close(b->archive);
    b->archive = NULL;
    snprintf(path, sizeof path, "%s/seg-00000001.zst", dir);
    return dw_fs_stat(path, &st) == DW_OK ? st.size_bytes : 0;
}

/* What cat(1) does with the same bytes: from a file in the page cache to /dev/null. */
static double cat_seconds(const char *dir, struct dw_str text)
{
    char path[600], *part = malloc(1 << 17);
    snprintf(path, sizeof path, "%s/cat", dir);
    int from = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600), to = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (!part || from < 0 || to < 0)
        abort();
    for (size_t at = 0; at < text.len;) {
        ssize_t n = write(from, text.ptr + at, text.len - at);
        if (n <= 0)
            abort();
        at += (size_t)n;
    }
    double best = INFINITY;
    for (int i = 0; i < REPEATS; i++) {
        ssize_t n;
        int64_t start = dw_clock_cpu_ns();
        for (off_t at = 0; (n = pread(from, part, 1 << 17, at)) > 0; at += n)
            if (write(to, part, (size_t)n) != n)
                abort();
        best = fmin(best, seconds(dw_clock_cpu_ns() - start));
    }
    close(from);
    close(to);
    (void)unlink(path);
    free(part);
    return best;
}

/* DW_BROKERS=host:port: frames go to Apache Kafka instead of a folder, all threads of librdkafka counted. */
static const char *brokers(void)
{
    return getenv("DW_BROKERS");
}

static void open_kafka(struct bench *b, int run)
{
    char topic[64];
    snprintf(topic, sizeof topic, "bench-%d-%d", (int)getpid(), run);
    struct dw_kafka_conf where = {.brokers = dw_str_of(brokers()), .topic = dw_str_of(topic), .group = dw_str_of(topic),
        .client = DW_STR("bench"), .partitions = 1, .first_source = DW_SOURCE_KAFKA};
    struct dw_receiver *r;
    struct dw_received got;
    uint64_t acked;
    if (dw_kafka_receiver_open(&where, NULL, 0, &r) < 0) /* makes the topic */
        abort();
    while (dw_receiver_next(r, &got) != DW_EAGAIN || !dw_receiver_drained(r))
        continue;
    dw_receiver_close(r);
    where.group = DW_STR_NONE;
    if (dw_kafka_sender_open(&where, DW_STR("bench"), &b->sender) < 0 || dw_sender_pump(b->sender, &acked) < 0)
        abort();
}

static void wait_for_acks(struct bench *b)
{
    uint64_t acked = 0;
    while (acked < b->frames)
        if (dw_sender_pump(b->sender, &acked) < 0)
            abort();
}

/* The whole way to `dir` (or Kafka) once; the CPU seconds it took. `b` is left open. */
static double to_dir(struct bench *b, const char *dir, int run, struct dw_str text)
{
    char queue[600];
    open_bench(b);
    b->keep = run + 1 == REPEATS;
    snprintf(queue, sizeof queue, "%s/queue-%d", dir, run);
    if (brokers())
        open_kafka(b, run);
    else if (mkdir(queue, 0700) != 0 || dw_dir_sender_open(&dw_fs_system, queue, 0, &b->sender) < 0)
        abort();
    int64_t from = dw_clock_cpu_ns();
    run_lines(b, text);
    wait_for_acks(b);
    return seconds(dw_clock_cpu_ns() - from);
}

/* libzstd and dogwatch take turns, the best turn of each counts: what else runs on the machine slows both. */
static void bench_speed(const char *dir, struct dw_str text, uint64_t *ret_zstd_bytes)
{
    struct bench b;
    double zstd_s = INFINITY, s = INFINITY, mb = (double)text.len / 1e6;
    for (int i = 0; i < REPEATS; i++) {
        double one;
        *ret_zstd_bytes = zstd_one(text, &one);
        zstd_s = fmin(zstd_s, one);
        s = fmin(s, to_dir(&b, dir, i, text));
        dw_sender_close(b.sender);
        if (i + 1 < REPEATS)
            close_bench(&b);
    }
    double cat_s = cat_seconds(dir, text);
    printf("{\"measure\":\"docker json to %s\",\"lines\":%" PRIu64
           ",\"mb\":%.1f,\"mb_per_s\":%.0f,\"zstd1_mb_per_s\":%.0f,\"cat_mb_per_s\":%.0f,\"ratio_to_zstd1\":%.3f,\"bar\":%.2f}\n",
        brokers() ? "Kafka, acknowledged" : "dir", b.events, mb, mb / s, mb / zstd_s, mb / cat_s, zstd_s / s, brokers() ? 0.33 : 0.35);
    printf("{\"measure\":\"frames\",\"bytes\":%" PRIu64 ",\"zstd1_bytes\":%" PRIu64 ",\"ratio\":%.3f}\n", b.frame_bytes,
        *ret_zstd_bytes, (double)b.frame_bytes / (double)*ret_zstd_bytes);
    decode_all(&b);
    close_bench(&b);
}

static void bench_load(uint64_t lines, bool seal)
{
    struct dw_buf text = {0};
    struct dw_rng rng = {.state = 1};
    struct bench b;
    uint64_t zstd_bytes;
    char dir[512], archive[600];
    snprintf(dir, sizeof dir, "%s", temp_dir());
    for (uint64_t i = 0; i < lines; i++)
        make_line(&rng, i, INT64_C(1795561176000000000) + (int64_t)(i * 10000000) + (int64_t)dw_rng_below(&rng, 9999999), &text);
    bench_speed(dir, dw_buf_view(&text), &zstd_bytes);
    if (seal) {
        open_bench(&b);
        snprintf(archive, sizeof archive, "%s/archive", dir);
        open_archive(&b, archive);
        run_lines(&b, dw_buf_view(&text));
        uint64_t sealed = sealed_bytes(&b, archive);
        printf("{\"measure\":\"sealed\",\"bytes\":%" PRIu64 ",\"zstd1_bytes\":%" PRIu64 ",\"ratio\":%.3f,\"bar\":1.15}\n", sealed,
            zstd_bytes, (double)sealed / (double)zstd_bytes);
        close_bench(&b);
    }
    dw_buf_fini(&text);
    temp_dir_remove(dir);
}

/* 20 containers write 20 lines a second in all and each for 10 minutes; a frame leaves every 20 ms that has a line. */
static void bench_quiet(uint32_t per_second)
{
    struct dw_buf all = {0}, one = {0};
    struct dw_rng rng = {.state = 2};
    struct bench b;
    double zstd_s;
    char dir[512];
    snprintf(dir, sizeof dir, "%s", temp_dir());
    open_bench(&b);
    open_archive(&b, dir);
    struct dw_lines *l[20];
    for (int i = 0; i < 20; i++)
        l[i] = dw_lines_new(&conf, 0);
    struct dw_lines_out out = {.arg = &b, .line = on_line, .declare = on_declare};
    uint64_t total = (uint64_t)per_second * 600, slot = 0;
    for (uint64_t i = 0; i < total; i++) {
        size_t n;
        int64_t t = (int64_t)(i * 1000000000 / per_second);
        if ((uint64_t)(t / 20000000) != slot) {
            slot = (uint64_t)(t / 20000000);
            flush(&b, t / 1000000000 != (t - 20000000) / 1000000000);
        }
        b.which = (uint32_t)(i % 20);
        dw_buf_reset(&one);
        make_line(&rng, i, INT64_C(1795561176000000000) + t + (int64_t)dw_rng_below(&rng, 999999), &one);
        dw_buf_str(&all, dw_buf_view(&one));
        if (dw_lines_feed(l[b.which], dw_buf_view(&one), &out, &n) < 0)
            abort();
    }
    flush(&b, true);
    uint64_t sealed = sealed_bytes(&b, dir), zstd_bytes = zstd_one(dw_buf_view(&all), &zstd_s);
    printf("{\"measure\":\"sealed, quiet hosts\",\"lines_per_s\":%u,\"lines\":%" PRIu64 ",\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"zstd1_bytes\":%" PRIu64 ",\"ratio\":%.3f,\"bar\":1.5}\n", per_second, b.events, b.frames, sealed, zstd_bytes,
        (double)sealed / (double)zstd_bytes);
    for (int i = 0; i < 20; i++)
        dw_lines_free(l[i]);
    close_bench(&b);
    dw_buf_fini(&all);
    dw_buf_fini(&one);
    temp_dir_remove(dir);
}

int main(int argc, char **argv)
{
    uint64_t lines = 400000;
    if (argc > 1)
        (void)dw_str_u64(dw_str_of(argv[1]), &lines);
    bool all = argc <= 2;
    bench_load(lines, all);
    if (!all)
        return 0;
    bench_quiet(400);
    bench_quiet(20);
    return 0;
}
