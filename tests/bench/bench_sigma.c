/*
 * bench_sigma: events a second and core against a rule set, and where the time goes.
 *
 * usage: bench_sigma RULES EVENTS.jsonl [ecs] [any] [once]
 *        bench_sigma RULES LOG frames|threads [any] [once]
 *     ecs: events have ECS names (else Sigma's); any: the logsource is not asked; frames: lines of a log, each parsed as its probe says, and
 *     put into frames first; threads: so, and two workers beside one, over the events of one frame; once: one turn and nothing printed,
 *     to count instructions
 *
 * Prints one JSON object: medians of five turns, in CPU time of the thread, over the events of the file again and again. Stages: `parse`
 * (JSON or frame to event), `literals` (values found, folded, searched; only where `any`, else it is in `rules`), `rules` (expressions of
 * the rules that literals called).
 */
#include "support.h"

#include "../../cli/event_json.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/correlate/ruleset.h"
#include "dogwatch/correlate/ruleset_parts.h"
#include "dogwatch/frame/frame.h"
#include "dogwatch/parsers/parser.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TURNS = 5, EVENTS_A_TURN = 20000 };

enum stage { PARSE, PARSE_LITERALS, WHOLE, STAGES };

/* What all turns share. */
struct bench {
    struct dw_keys *keys;
    struct dw_ruleset *rs;
    struct dw_str text;
    struct dw_buf frames;
    struct dw_decoded shared; /* for workers side by side: names are interned by one thread only */
    uint64_t events;          /* of the file */
    bool ecs, use_frames;
    struct dw_match_opts opts;
};

/* One worker's. */
struct worker {
    const struct bench *b;
    struct event_json json;
    struct dw_match_scratch *match;
    struct dw_pred_scratch *pred;
    struct dw_decoder *decoder;
    enum stage stage;
    uint64_t least, done, hits;
    double seconds;
};

static void count_hit(void *ud, uint32_t rule, bool undecided)
{
    struct worker *w = ud;
    (void)rule;
    w->hits += !undecided;
}

static void pass_over(void *ud, uint32_t leaf)
{
    (void)ud;
    (void)leaf;
}

static void one_event(struct worker *w, const struct dw_event *ev)
{
    int rc = DW_OK;
    if (w->stage == PARSE_LITERALS)
        rc = dw_pred_begin(w->pred, ev, pass_over, w);
    else if (w->stage == WHOLE)
        rc = dw_match_event(w->match, ev, w->b->opts, count_hit, w);
    if (rc < 0)
        abort();
    w->done++;
}

static void from_json(struct worker *w)
{
    struct dw_str rest = w->b->text;
    while (rest.len)
        if (event_json_read(&w->json, dw_str_cut(&rest, '\n'), 0) == DW_OK)
            one_event(w, &w->json.ev);
}

static void from_frames(struct worker *w)
{
    struct dw_str rest = {.ptr = w->b->frames.ptr, .len = w->b->frames.len};
    while (rest.len) {
        struct dw_decoded f;
        struct dw_head h;
        size_t len;
        if (dw_head_read(rest, &h, &len) < 0 || dw_decode(w->decoder, rest, &f) < 0)
            abort();
        for (uint32_t i = 0; i < f.event_count; i++)
            one_event(w, &f.event[i]);
        rest = dw_str_slice(rest, len, rest.len);
    }
}

static void from_memory(struct worker *w)
{
    for (uint32_t i = 0; i < w->b->shared.event_count; i++)
        one_event(w, &w->b->shared.event[i]);
}

static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *turn(void *arg)
{
    struct worker *w = arg;
    double from = cpu_seconds();
    w->done = w->hits = 0;
    while (w->done < w->least)
        w->b->shared.event_count ? from_memory(w) : w->b->use_frames ? from_frames(w) : from_json(w);
    w->seconds = cpu_seconds() - from;
    return NULL;
}

static struct worker *worker_new(const struct bench *b, uint64_t least)
{
    struct worker *w = dw_calloc(1, sizeof *w);
    if (!w)
        abort();
    w->b = b;
    w->least = least;
    w->json.keys = b->keys;
    w->json.sigma = !b->ecs;
    dw_arena_init(&w->json.pool, 0);
    w->match = dw_match_scratch_new(b->rs);
    w->pred = dw_pred_scratch_new(b->rs->pred);
    w->decoder = dw_decoder_new(b->keys);
    if (!w->match || !w->pred || !w->decoder)
        abort();
    return w;
}

static void worker_free(struct worker *w)
{
    dw_match_scratch_free(w->match);
    dw_pred_scratch_free(w->pred);
    dw_decoder_free(w->decoder);
    dw_arena_fini(&w->json.pool);
    dw_free(w);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* ns an event up to and with this stage. */
static double median_ns(struct worker *w, enum stage stage)
{
    double all[TURNS];
    w->stage = stage;
    for (int i = 0; i < TURNS; i++) {
        (void)turn(w);
        all[i] = w->seconds * 1e9 / (double)w->done;
    }
    qsort(all, TURNS, sizeof *all, by_size);
    return all[TURNS / 2];
}

/* Events a wall second of `count` workers. */
static double events_a_second(const struct bench *b, uint32_t count)
{
    pthread_t thread[2];
    struct worker *w[2];
    double all[TURNS], done = 0;
    for (uint32_t i = 0; i < count; i++) {
        w[i] = worker_new(b, EVENTS_A_TURN * 4);
        w[i]->stage = WHOLE;
    }
    for (int t = 0; t < TURNS; t++) {
        int64_t from = dw_clock_mono(&dw_clock_system);
        for (uint32_t i = 0; i < count; i++)
            if (pthread_create(&thread[i], NULL, turn, w[i]) != 0)
                abort();
        for (uint32_t i = 0; i < count; i++)
            (void)pthread_join(thread[i], NULL);
        done = 0;
        for (uint32_t i = 0; i < count; i++)
            done += (double)w[i]->done;
        all[t] = done * 1e9 / (double)(dw_clock_mono(&dw_clock_system) - from);
    }
    for (uint32_t i = 0; i < count; i++)
        worker_free(w[i]);
    qsort(all, TURNS, sizeof *all, by_size);
    return all[TURNS / 2];
}

/* The lines as frames. */
static void make_frames(struct bench *b)
{
    static struct dw_stream stream = {.predecessor_size = -1};
    static struct dw_parse_ctx ctx;
    struct dw_batch *batch = dw_batch_new(b->keys);
    struct dw_encoder *encoder = dw_encoder_new(1);
    struct dw_chain chain = {0};
    struct dw_str rest = b->text;
    uint64_t at = 0;
    if (!batch || !encoder)
        abort();
    memset(stream.id, 1, DW_ID_BYTES);
    while (rest.len || dw_batch_count(batch)) {
        struct dw_str line = dw_str_cut(&rest, '\n');
        if (line.len == 0 || !dw_batch_fits(batch, &stream, line.len)) {
            struct dw_frame *f;
            if (dw_encode_events(encoder, batch, &(struct dw_encode){.chain = &chain}, &f) < 0)
                abort();
            dw_buf_str(&b->frames, dw_buf_view(&f->bytes));
            dw_frame_free(f);
            dw_batch_reset(batch);
        }
        if (line.len == 0)
            continue;
        struct dw_draft *d = dw_batch_draft(batch, line);
        const struct dw_parser *parser = dw_parser_probe(d->line);
        if (parser && dw_parser_run(parser, &ctx, d->line, d) < 0)
            dw_draft_reset(d, d->line);
        dw_batch_commit(batch, &(struct dw_event){.time_ns = d->has_time ? d->time_ns : 1, .stream = &stream, .start = at, .end = at + line.len + 1});
        at += line.len + 1;
    }
    dw_batch_free(batch);
    dw_encoder_free(encoder);
}

static void print(struct bench *b, const char *rules, const char *events, double load_ms)
{
    struct worker *w = worker_new(b, EVENTS_A_TURN);
    double parse = median_ns(w, PARSE), literals = b->opts.any_logsource ? median_ns(w, PARSE_LITERALS) : parse, whole = median_ns(w, WHOLE);
    printf("{\"rules\":\"%s\",\"count\":%u,\"load_ms\":%.0f,\"rule_set_mb\":%.1f,\"events\":\"%s\",\"from\":\"%s\",\"bytes_an_event\":%.0f,"
           "\"ns_parse\":%.0f,\"ns_literals\":%.0f,\"ns_rules\":%.0f,\"events_per_s\":%.0f,\"events_per_s_without_parse\":%.0f,\"hits_an_event\":%.2f}\n",
        rules, dw_ruleset_count(b->rs), load_ms, (double)dw_ruleset_bytes(b->rs) / 1e6, events, b->use_frames ? "frames" : "json",
        (double)b->text.len / (double)b->events, parse, literals - parse, whole - literals, 1e9 / whole, 1e9 / (whole - parse),
        (double)w->hits / (double)w->done);
    worker_free(w);
}

static void print_threads(struct bench *b)
{
    struct dw_decoder *d = dw_decoder_new(b->keys);
    if (!d || dw_decode(d, dw_buf_view(&b->frames), &b->shared) < 0)
        abort();
    double one = events_a_second(b, 1), two = events_a_second(b, 2);
    printf("{\"workers\":2,\"events_per_s_one\":%.0f,\"events_per_s_two\":%.0f,\"ratio\":%.2f,\"bar\":1.85}\n", one, two, two / one);
    dw_decoder_free(d);
}

static void run_once(const struct bench *b)
{
    struct worker *w = worker_new(b, 1);
    w->stage = WHOLE;
    (void)turn(w);
    fprintf(stderr, "%llu events\n", (unsigned long long)w->done);
    worker_free(w);
}

static void load(struct bench *b, const char *rules, const char *events, double *ret_ms)
{
    static struct dw_buf text;
    uint32_t bad = 0;
    b->keys = dw_keys_new();
    double from = cpu_seconds();
    int rc = b->keys ? dw_ruleset_load(&dw_fs_system, &rules, 1, b->keys, NULL, (struct dw_diag_sink){0}, &b->rs, &bad) : DW_ENOMEM;
    *ret_ms = (cpu_seconds() - from) * 1e3;
    if (rc == DW_OK)
        rc = dw_fs_read_file(&dw_fs_system, events, (size_t)1 << 30, &text);
    if (rc < 0) {
        fprintf(stderr, "bench_sigma: %s\n", dw_err_text(rc));
        exit(1);
    }
    b->text = dw_buf_view(&text);
    for (size_t i = 0; i < text.len; i++)
        b->events += text.ptr[i] == '\n';
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    bool threads = false, once = false;
    double load_ms;
    if (argc < 3)
        return 2;
    for (int i = 3; i < argc; i++) {
        struct dw_str a = dw_str_of(argv[i]);
        b.ecs = b.ecs || dw_str_eq(a, DW_STR("ecs"));
        b.opts.any_logsource = b.opts.any_logsource || dw_str_eq(a, DW_STR("any"));
        b.use_frames = b.use_frames || dw_str_eq(a, DW_STR("frames"));
        threads = threads || dw_str_eq(a, DW_STR("threads"));
        once = once || dw_str_eq(a, DW_STR("once"));
    }
    load(&b, argv[1], argv[2], &load_ms);
    if (b.use_frames || threads)
        make_frames(&b);
    if (once)
        run_once(&b);
    else if (threads)
        print_threads(&b);
    else
        print(&b, argv[1], argv[2], load_ms);
    dw_buf_fini(&b.frames);
    dw_ruleset_free(b.rs);
    dw_keys_free(b.keys);
    return 0;
}
