/* agent_bed: an agent over real files, a real queue and a real checkpoint, and what arrived in the queue; only its clock is ours. */
#ifndef DOGWATCH_TESTS_AGENT_BED_H
#define DOGWATCH_TESTS_AGENT_BED_H

#include "../../../agent/agent_int.h"

#include "support.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { EVENTS_MAX = 50000, STREAMS_MAX = 64 };

struct fake_clock {
    struct dw_clock clock;
    int64_t ahead_ns, back_ns; /* of the system's; the real clock was set back by so much */
};

struct got {
    uint32_t stream;
    uint64_t start, end;
};

struct bed {
    char dir[512], data[560], logs[560], glob[600];
    struct dw_str list;
    struct dw_conf conf;
    struct dw_agent_options opt;
    struct fake_clock clock;
    struct agent *agent;
    /* what the queue holds */
    struct dw_buf lines, records;
    struct got *got;
    uint32_t count;
    uint8_t stream[STREAMS_MAX][DW_ID_BYTES];
    uint32_t stream_count;
};

static inline int64_t fake_real(const struct dw_clock *c)
{
    const struct fake_clock *f = (const struct fake_clock *)c;
    return dw_clock_real(&dw_clock_system) + f->ahead_ns - f->back_ns;
}

static inline int64_t fake_mono(const struct dw_clock *c)
{
    return dw_clock_mono(&dw_clock_system) + ((const struct fake_clock *)c)->ahead_ns;
}

static inline void wake(void *arg)
{
    (void)arg;
}

static inline void set_up(struct bed *b)
{
    memset(b, 0, sizeof *b);
    (void)snprintf(b->dir, sizeof b->dir, "%s", temp_dir());
    (void)snprintf(b->data, sizeof b->data, "%s/data", b->dir);
    (void)snprintf(b->logs, sizeof b->logs, "%s/logs", b->dir);
    (void)snprintf(b->glob, sizeof b->glob, "%s/*.log", b->logs);
    assert_int_equal(mkdir(b->logs, 0700), 0);
    assert_int_equal(dw_conf_init(&b->conf, &dw_conf_agent, &b->opt), DW_OK);
    b->list = dw_str_of(b->glob);
    b->opt.data = dw_str_of(b->data);
    b->opt.host_name = DW_STR("host-1");
    b->opt.logs = (struct dw_conf_list){&b->list, 1};
    b->opt.signals = false;
    b->opt.discover_docker = b->opt.discover_cri = b->opt.discover_podman = false;
    b->clock = (struct fake_clock){{fake_real, fake_mono}, 0, 0};
    b->got = dw_alloc(EVENTS_MAX * sizeof *b->got);
    assert_non_null(b->got);
}

static inline void tear_down(struct bed *b)
{
    agent_close(b->agent);
    dw_conf_fini(&b->conf);
    dw_buf_fini(&b->lines);
    dw_buf_fini(&b->records);
    dw_free(b->got);
    temp_dir_remove(b->dir);
}

/* ---- files ---- */

static inline const char *path_of(const struct bed *b, const char *name)
{
    static char path[2][700];
    static int turn;
    turn = !turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", b->logs, name);
    return path[turn];
}

static inline void put(const struct bed *b, const char *name, const char *text)
{
    int fd = open(path_of(b, name), O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static inline void cut_to_nothing(const struct bed *b, const char *name)
{
    assert_int_equal(truncate(path_of(b, name), 0), 0);
}

static inline void rename_log(const struct bed *b, const char *from, const char *to)
{
    assert_int_equal(rename(path_of(b, from), path_of(b, to)), 0);
}

/* And its writer begins a new file. */
static inline void rotate(const struct bed *b, const char *name, const char *to, const char *first)
{
    rename_log(b, name, to);
    put(b, name, first);
}

static inline void remove_log(const struct bed *b, const char *name)
{
    assert_int_equal(unlink(path_of(b, name)), 0);
}

/* As gzip(1) and the kubelet do: a new file, then the old name goes. */
static inline void compress_log(const struct bed *b, const char *name)
{
    struct dw_buf text = {0};
    char to[720];
    (void)snprintf(to, sizeof to, "%s.gz", path_of(b, name));
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path_of(b, name), 1 << 20, &text), DW_OK);
    gzFile z = gzopen(to, "wb");
    assert_non_null(z);
    assert_int_equal(gzwrite(z, text.ptr, (unsigned)text.len), text.len);
    assert_int_equal(gzclose(z), Z_OK);
    dw_buf_fini(&text);
    remove_log(b, name);
}

/* Written at another time than before, whatever the file system's clock can tell apart. */
static inline void touch_later(const struct bed *b, const char *name, int64_t seconds)
{
    const char *path = path_of(b, name);
    struct dw_stat st;
    assert_int_equal(dw_fs_stat(path, &st), DW_OK);
    struct timespec when = {.tv_sec = (time_t)(st.mtime_ns / DW_NS_PER_S + seconds)};
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){when, when}, 0), 0);
}

/* ---- the agent ---- */

static inline void start(struct bed *b)
{
    assert_null(b->agent);
    assert_int_equal(agent_open(&b->opt, wake, NULL, &b->agent), DW_OK);
    b->agent->clock = &b->clock.clock; /* its writer keeps the system's: it waits for real */
    b->agent->anchor_real_ns = dw_clock_real(&b->clock.clock);
    b->agent->anchor_mono_ns = dw_clock_mono(&b->clock.clock);
}

static inline void turn_until_idle(struct bed *b)
{
    bool more = true;
    while (more)
        assert_int_equal(agent_turn(b->agent, &more), DW_OK);
}

/* Turns while five seconds pass: scans, flushes, and what waits for a rotated file to rest. */
static inline void settle(struct bed *b)
{
    for (int i = 0; i < 5; i++) {
        b->clock.ahead_ns += DW_NS_PER_S;
        turn_until_idle(b);
    }
}

static inline void wait_for_writer(const struct bed *b)
{
    while (writer_acked(b->agent->writer) < b->agent->parcels)
        (void)sched_yield();
}

/* And the checkpoint has it, too: what is over is let go. */
static inline void wait_for_checkpoint(const struct bed *b)
{
    while (writer_saved(b->agent->writer) < b->agent->parcels)
        (void)sched_yield();
}

/* Notices what happened, and then so many seconds pass at once. All that is sent is acknowledged, and in the checkpoint. */
static inline void pass(struct bed *b, int64_t seconds)
{
    settle(b);
    wait_for_checkpoint(b);
    b->clock.ahead_ns += seconds * DW_NS_PER_S;
    turn_until_idle(b);
    settle(b);
    wait_for_checkpoint(b);
}

/* Longer than any renamed file is waited for. */
static inline void rest(struct bed *b)
{
    pass(b, 120);
}

static inline void wait_until_done(struct bed *b)
{
    bool more;
    while (!agent_done(b->agent)) {
        assert_int_equal(agent_turn(b->agent, &more), DW_OK);
        (void)sched_yield();
    }
    agent_close(b->agent);
    b->agent = NULL;
}

static inline void stop(struct bed *b)
{
    agent_stop(b->agent, 60 * DW_NS_PER_S, "by a test");
    wait_until_done(b);
}

/* Without records at the end, as when the process is killed; what was queued may have been written. */
static inline void kill_agent(struct bed *b)
{
    agent_close(b->agent);
    b->agent = NULL;
}

static inline void run_once(struct bed *b)
{
    start(b);
    settle(b);
    stop(b);
}

/* ---- what arrived ---- */

static inline uint32_t stream_number(struct bed *b, const uint8_t *id)
{
    for (uint32_t i = 0; i < b->stream_count; i++)
        if (memcmp(b->stream[i], id, DW_ID_BYTES) == 0)
            return i;
    assert_true(b->stream_count < STREAMS_MAX);
    memcpy(b->stream[b->stream_count], id, DW_ID_BYTES);
    return b->stream_count++;
}

static inline void note_extent(struct bed *b, const uint8_t *id, uint64_t from, uint64_t to)
{
    assert_true(b->count < EVENTS_MAX);
    b->got[b->count++] = (struct got){stream_number(b, id), from, to};
}

static inline void take(struct bed *b, const struct dw_decoded *f)
{
    if (f->record.len) {
        dw_buf_str(&b->records, f->record);
        dw_buf_byte(&b->records, '\n');
    }
    for (uint32_t i = 0; i < f->event_count; i++) {
        const struct dw_event *ev = &f->event[i];
        dw_buf_str(&b->lines, ev->line);
        dw_buf_byte(&b->lines, '\n');
        assert_non_null(dw_event_find(ev, DW_F_log_file_path)); /* whose it is goes with every frame */
        note_extent(b, ev->stream->id, ev->start, ev->end);
        for (uint32_t k = 0; k < ev->more_count; k++)
            note_extent(b, ev->more[k].stream->id, ev->more[k].start, ev->more[k].end);
    }
}

/* Reads the whole queue from its beginning. */
static inline void receive(struct bed *b)
{
    char queue[600];
    struct dw_receiver *r;
    struct dw_received got;
    struct dw_decoded f;
    struct dw_keys *keys = dw_keys_new();
    struct dw_decoder *d = dw_decoder_new(keys);
    int rc;
    dw_buf_reset(&b->lines);
    dw_buf_reset(&b->records);
    b->count = b->stream_count = 0;
    (void)snprintf(queue, sizeof queue, "%s/queue", b->data);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, queue, NULL, &r), DW_OK);
    while ((rc = dw_receiver_next(r, &got)) == DW_OK) {
        assert_true(got.is_frame);
        assert_int_equal(dw_decode(d, got.bytes, &f), DW_OK);
        assert_int_equal(dw_decoded_check(d, &f), DW_OK);
        take(b, &f);
    }
    assert_int_equal(rc, DW_EAGAIN);
    dw_receiver_close(r);
    dw_decoder_free(d);
    dw_keys_free(keys);
}

/* In every stream each byte came once, from 0 on without a hole. */
static inline void assert_each_byte_once(struct bed *b)
{
    for (uint32_t s = 0; s < b->stream_count; s++) {
        uint64_t at = 0;
        for (uint32_t i = 0; i < b->count; i++) {
            if (b->got[i].stream != s)
                continue;
            if (b->got[i].start != at)
                fail_msg("stream %u: extent %llu-%llu, want it to begin at %llu", s, (unsigned long long)b->got[i].start,
                    (unsigned long long)b->got[i].end, (unsigned long long)at);
            at = b->got[i].end;
        }
    }
}

static inline int by_text(const void *x, const void *y)
{
    return dw_str_cmp(*(const struct dw_str *)x, *(const struct dw_str *)y);
}

/* Lines in order of their text: streams are read in no order. */
static inline void sort_lines(struct dw_buf *b)
{
    struct dw_str line[64], rest = dw_buf_view(b);
    struct dw_buf out = {0};
    size_t n = 0;
    while (rest.len && n < DW_COUNT_OF(line))
        line[n++] = dw_str_cut(&rest, '\n');
    qsort(line, n, sizeof *line, by_text);
    for (size_t i = 0; i < n; i++)
        dw_buf_printf(&out, "%.*s\n", DW_ARG(line[i]));
    dw_buf_fini(b);
    *b = out;
}

static inline void assert_got(struct bed *b, const char *lines, uint32_t streams)
{
    struct dw_buf want = {0};
    receive(b);
    dw_buf_str(&want, dw_str_of(lines));
    sort_lines(&want);
    sort_lines(&b->lines);
    dw_buf_byte(&want, 0);
    assert_str(dw_buf_view(&b->lines), want.ptr);
    dw_buf_fini(&want);
    assert_int_equal(b->stream_count, streams);
    assert_each_byte_once(b);
}

/* The agent ends, its next start reads what is left, and these lines of so many streams are all that came. */
static inline void end_with(struct bed *b, const char *lines, uint32_t streams)
{
    stop(b);
    run_once(b);
    assert_got(b, lines, streams);
    tear_down(b);
}

static inline int count_row(void *arg, struct checkpoint_row *row)
{
    (*(uint32_t *)arg)++;
    dw_free(row->path);
    return DW_OK;
}

/* How many streams the checkpoint knows; the agent is not running. */
static inline uint32_t rows_kept(const struct bed *b)
{
    char path[640];
    struct checkpoint *c;
    uint32_t count = 0;
    assert_null(b->agent);
    (void)snprintf(path, sizeof path, "%s/agent/checkpoint.db", b->data);
    assert_int_equal(checkpoint_open(path, &c), DW_OK);
    assert_int_equal(checkpoint_rows(c, count_row, &count), DW_OK);
    checkpoint_close(c);
    return count;
}

static inline size_t records_with(struct bed *b, const char *what)
{
    struct dw_str rest = dw_buf_view(&b->records);
    size_t n = 0;
    while (rest.len) {
        struct dw_str one = dw_str_cut(&rest, '\n');
        n += dw_str_find(one, dw_str_of(what)) < one.len;
    }
    return n;
}

/* What passes while one of its calls fails, the `nth` from now; whether one did. */
static inline bool passes_failing(struct bed *b, int nth, void (*turns)(struct bed *b))
{
    struct faulty_fs f;
    faulty_fs_init(&f, nth, FAULT_EIO);
    b->agent->fs = &f.fs;
    turns(b);
    b->agent->fs = &dw_fs_system;
    return f.hits;
}

/* In worlds that `make` makes, each with an agent that runs, each call of the turns after it fails in turn; `after` (or NULL) comes then. Whichever it is, these
 * lines of so many streams come, each once, and nothing is called lost. */
static inline void assert_whole_whichever_call_fails(void (*make)(struct bed *b), void (*after)(struct bed *b), const char *lines, uint32_t streams)
{
    bool hits = true;
    for (int nth = 1; hits; nth++) {
        struct bed b;
        assert_in_range(nth, 1, 1000);
        set_up(&b);
        make(&b);
        hits = passes_failing(&b, nth, settle);
        if (after)
            after(&b);
        rest(&b);
        stop(&b);
        assert_got(&b, lines, streams);
        assert_int_equal(records_with(&b, "\"lost\""), 0);
        tear_down(&b);
    }
}

#endif
