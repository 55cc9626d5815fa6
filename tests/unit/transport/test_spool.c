/* Tests of core/transport/spool: order, bound, what a start finds, damage, and files that fail. */
#include "frames.h"
#include "support.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/transport/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAMES_MAX = 600 };

/* Brokers that a test turns on and off: what they take outlives the sender. */
struct brokers {
    bool away;
    bool refuse; /* whatever is handed over, as when the topic is not there */
    int broken;  /* what the next pump answers, instead */
    struct dw_frame *got[FRAMES_MAX];
    uint32_t count;
};

struct mem_sender {
    struct dw_sender base;
    struct brokers *to;
    struct dw_frame *under_way[FRAMES_MAX];
    uint64_t sent, acked;
};

static int mem_send(struct dw_sender *base, struct dw_frame **frame)
{
    struct mem_sender *s = (struct mem_sender *)base;
    if (s->to->refuse)
        return DW_EAGAIN;
    assert_true(s->sent < FRAMES_MAX);
    s->under_way[s->sent++] = *frame;
    *frame = NULL;
    return DW_OK;
}

static int mem_pump(struct dw_sender *base, uint64_t *ret_acked)
{
    struct mem_sender *s = (struct mem_sender *)base;
    while (!s->to->away && s->acked < s->sent) {
        assert_true(s->to->count < FRAMES_MAX);
        s->to->got[s->to->count++] = s->under_way[s->acked++];
    }
    *ret_acked = s->acked;
    return s->to->broken;
}

static const struct dw_frame *mem_waiting(const struct dw_sender *base, uint64_t i)
{
    const struct mem_sender *s = (const struct mem_sender *)base;
    assert_true(s->acked + i < s->sent);
    return s->under_way[s->acked + i];
}

static void mem_close(struct dw_sender *base)
{
    struct mem_sender *s = (struct mem_sender *)base;
    while (s->acked < s->sent)
        dw_frame_free(s->under_way[s->acked++]);
    dw_free(s);
}

static const struct dw_sender_ops mem_ops = {
    .name = "mem", .send = mem_send, .pump = mem_pump, .waiting = mem_waiting, .close = mem_close};

struct bed {
    struct frames agent;
    struct brokers brokers;
    struct dw_sender *spool;
    struct dw_spool_found found;
    struct faulty_fs fault;
    char dir[512];
    uint64_t limit, acked;
};

static void set_up(struct bed *b)
{
    memset(b, 0, sizeof *b);
    frames_init(&b->agent);
    faulty_fs_init(&b->fault, 0, FAULT_EIO);
    (void)snprintf(b->dir, sizeof b->dir, "%s", temp_dir());
    b->limit = 1 << 30;
}

static void stop(struct bed *b)
{
    dw_sender_close(b->spool);
    b->spool = NULL;
}

static void forget_got(struct bed *b)
{
    while (b->brokers.count)
        dw_frame_free(b->brokers.got[--b->brokers.count]);
}

static void tear_down(struct bed *b)
{
    stop(b);
    forget_got(b);
    frames_fini(&b->agent);
    temp_dir_remove(b->dir);
}

static int try_open(struct bed *b)
{
    struct dw_spool_conf conf = {.fs = &b->fault.fs, .dir = b->dir, .limit_bytes = b->limit};
    struct mem_sender *m = dw_calloc(1, sizeof *m);
    assert_non_null(m);
    *m = (struct mem_sender){.base.ops = &mem_ops, .to = &b->brokers};
    struct dw_sender *inner = &m->base;
    memcpy(conf.agent, b->agent.chain.agent, sizeof conf.agent);
    b->acked = 0;
    int rc = dw_spool_open(&conf, &inner, &b->found, &b->spool);
    dw_sender_close(inner);
    return rc;
}

static void start(struct bed *b)
{
    assert_int_equal(try_open(b), DW_OK);
}

static void next_epoch(struct bed *b)
{
    b->agent.chain.epoch.counter++;
    b->agent.chain.next_number = 0;
    memset(b->agent.chain.previous, 0, sizeof b->agent.chain.previous);
}

static void hand_over(struct bed *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        frames_fill(&b->agent, 5);
        struct dw_frame *f = frames_encode(&b->agent, false);
        assert_int_equal(dw_sender_send(b->spool, &f), DW_OK);
        assert_null(f);
    }
}

static int pump(struct bed *b)
{
    int rc = DW_OK;
    for (int i = 0; i < 50 && (rc == DW_OK || rc == DW_EAGAIN || rc == DW_ENOSPC); i++)
        rc = dw_sender_pump(b->spool, &b->acked);
    return rc;
}

static struct dw_spool_state look(const struct bed *b)
{
    struct dw_spool_state st;
    dw_spool_look(b->spool, &st);
    return st;
}

/* "1:0-3 2:0": epoch and numbers of what the brokers have, in their order. */
static void assert_got(struct bed *b, const char *want)
{
    struct dw_buf got = {0};
    for (uint32_t i = 0; i < b->brokers.count;) {
        const struct dw_head *h = &b->brokers.got[i]->head;
        uint64_t from = h->number, to = from;
        uint64_t epoch = h->epoch.counter;
        for (i++; i < b->brokers.count; i++) {
            h = &b->brokers.got[i]->head;
            if (h->epoch.counter != epoch || h->number != to + 1)
                break;
            to++;
        }
        dw_buf_printf(&got, "%s%d:%d", got.len ? " " : "", (int)epoch, (int)from);
        if (to > from)
            dw_buf_printf(&got, "-%d", (int)to);
    }
    assert_str(dw_buf_view(&got), want);
    dw_buf_fini(&got);
}

static bool has_file(const struct bed *b, int number)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%08d.frames", b->dir, number);
    return access(path, F_OK) == 0;
}

static void frames_pass_through_while_it_is_off(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    start(&b);
    assert_int_equal(b.found.frames, 0);
    hand_over(&b, 3);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 3);
    assert_got(&b, "1:0-2");
    b.brokers.away = true;
    hand_over(&b, 2);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 3);
    assert_false(look(&b).on || has_file(&b, 1));
    tear_down(&b);
}

static void what_is_under_way_is_durable_first_and_arrives_once(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    start(&b);
    hand_over(&b, 2);
    assert_int_equal(pump(&b), DW_OK);
    b.brokers.away = true;
    hand_over(&b, 3);
    assert_int_equal(pump(&b), DW_OK); /* under way */
    assert_int_equal(b.acked, 2);
    dw_spool_begin(b.spool);
    hand_over(&b, 40);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 45);
    assert_true(
        look(&b).on && look(&b).frames == 43 && look(&b).bytes > 0 && look(&b).oldest_ns > 0 && look(&b).taken == 2);
    b.brokers.away = false;
    hand_over(&b, 1);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 46);
    assert_got(&b, "1:0-45");
    assert_false(look(&b).on || look(&b).bytes || has_file(&b, 1));
    hand_over(&b, 2);
    assert_int_equal(pump(&b), DW_OK);
    assert_got(&b, "1:0-47");
    b.brokers.away = true; /* and once more */
    hand_over(&b, 2);
    dw_spool_begin(b.spool);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 50);
    assert_true(has_file(&b, 2));
    b.brokers.away = false;
    assert_int_equal(pump(&b), DW_OK);
    assert_got(&b, "1:0-49");
    tear_down(&b);
}

/* Spools `n` frames of the epoch in hand with the brokers away, and ends without a word, as a SIGKILL does. */
static void spool_and_die(struct bed *b, uint32_t n)
{
    b->brokers.away = true;
    start(b);
    hand_over(b, n);
    dw_spool_begin(b->spool);
    assert_int_equal(pump(b), DW_OK);
    assert_int_equal(b->acked, n);
    stop(b);
}

static void a_start_says_so_and_then_sends_what_it_finds(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    spool_and_die(&b, 3);
    next_epoch(&b);
    spool_and_die(&b, 2); /* its first frame was under way when it died, and is on disk behind the others */
    next_epoch(&b);
    b.brokers.away = false;
    start(&b);
    assert_true(
        b.found.frames == 5 && b.found.bytes > 0 && b.found.first.epoch.counter == 1 && b.found.first.number == 0);
    assert_true(b.found.last.epoch.counter == 2 && b.found.last.number == 1);
    assert_int_equal(pump(&b), DW_OK);
    assert_got(&b, ""); /* not before it was said */
    hand_over(&b, 1);
    assert_int_equal(pump(&b), DW_OK);
    assert_got(&b, "3:0 1:0-2 2:0-1");
    assert_int_equal(b.acked, 1);
    assert_false(look(&b).on);
    hand_over(&b, 2);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 3);
    assert_got(&b, "3:0 1:0-2 2:0-1 3:1-2");
    stop(&b);
    next_epoch(&b);
    start(&b);
    assert_int_equal(b.found.frames, 0);
    tear_down(&b);
}

static void frames_handed_over_meanwhile_come_behind(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    spool_and_die(&b, 40);
    next_epoch(&b);
    start(&b);
    hand_over(&b, 20);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 20);
    b.brokers.away = false;
    hand_over(&b, 5);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 25);
    assert_got(&b, "2:0 1:0-39 2:1-24");
    tear_down(&b);
}

static void what_the_brokers_refuse_is_handed_over_again(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.brokers.refuse = true;
    start(&b);
    hand_over(&b, 3);
    assert_int_equal(dw_sender_pump(b.spool, &b.acked), DW_EAGAIN);
    dw_spool_begin(b.spool);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 3);
    stop(&b);
    next_epoch(&b);
    start(&b);
    hand_over(&b, 2);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 2);
    assert_got(&b, "");
    b.brokers.refuse = false;
    assert_int_equal(pump(&b), DW_OK);
    assert_got(&b, "2:0 1:0-2 2:1");
    tear_down(&b);
}

static void over_the_bound_frames_wait_in_memory(void **state)
{
    (void)state;
    struct bed b;
    uint64_t most;
    set_up(&b);
    b.brokers.away = true;
    b.limit = 0; /* and the spare */
    start(&b);
    dw_spool_begin(b.spool);
    char *zeros = dw_calloc(1, DW_SPOOL_SPARE_BYTES);
    for (int i = 0; i < 3; i++) { /* a whole frame, and bytes that make it big */
        frames_fill(&b.agent, 5);
        struct dw_frame *f = frames_encode(&b.agent, false);
        f->head.text_packed = 3 << 19;
        f->bytes.len = 0;
        dw_head_write(&f->head, &f->bytes);
        dw_buf_add(&f->bytes, zeros, f->head.text_packed + 8 + f->head.views_packed);
        assert_int_equal(dw_sender_send(b.spool, &f), DW_OK);
    }
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 2);
    most = look(&b).bytes;
    assert_true(most <= DW_SPOOL_SPARE_BYTES && most > DW_SPOOL_SPARE_BYTES / 2);
    hand_over(&b, 1); /* small, and not before the big one */
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 2);
    b.brokers.away = false;
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 4);
    assert_got(&b, "1:0-3");
    dw_free(zeros);
    tear_down(&b);
}

/* ---- damage ---- */

/* The whole spool file, to be changed and put back. */
static void read_spool(const struct bed *b, int number, struct dw_buf *out)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%08d.frames", b->dir, number);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 24, out), DW_OK);
}

static void write_spool(const struct bed *b, int number, struct dw_str bytes)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%08d.frames", b->dir, number);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, bytes), DW_OK);
}

static size_t frame_at(const struct dw_buf *file, uint64_t n, size_t *ret_len)
{
    size_t at = 0;
    struct dw_head h;
    for (;; at += *ret_len) {
        assert_int_equal(dw_head_read(dw_str_slice(dw_buf_view(file), at, file->len), &h, ret_len), DW_OK);
        if (n-- == 0)
            return at;
    }
}

enum where { IN_HEAD, IN_SIZE, IN_CONTENT };

/* Changes a byte of the n-th of four frames, and starts. */
static void damage(struct bed *b, uint64_t n, enum where where)
{
    struct dw_buf file = {0};
    size_t len = 0;
    set_up(b);
    spool_and_die(b, 4);
    read_spool(b, 1, &file);
    size_t at = frame_at(&file, n, &len);
    file.ptr[where == IN_HEAD ? at + 60 : where == IN_SIZE ? at + 8 + 225 : at + len - 20] ^= 4;
    write_spool(b, 1, dw_buf_view(&file));
    dw_buf_fini(&file);
    next_epoch(b);
    b->brokers.away = false;
    start(b);
    hand_over(b, 1);
    assert_int_equal(pump(b), DW_OK);
}

static uint32_t quarantined(const struct bed *b)
{
    char path[600];
    struct dw_buf names = {0};
    uint32_t n = 0;
    (void)snprintf(path, sizeof path, "%s/quarantine", b->dir);
    if (dw_fs_list(path, 1000, &names) == DW_OK)
        for (size_t i = 0; i < names.len; i++)
            n += names.ptr[i] == '\0';
    dw_buf_fini(&names);
    return n;
}

static void a_frame_with_damaged_content_leaves_a_tombstone(void **state)
{
    (void)state;
    for (int where = IN_SIZE; where <= IN_CONTENT; where++) {
        for (uint64_t n = 0; n < (where == IN_SIZE ? 3 : 4);
             n++) { /* with a greater size the last one is as one that was torn */
            struct bed b;
            uint64_t before = dw_counter_get(DW_C_spool_tombstones);
            damage(&b, n, (enum where)where);
            assert_got(&b, "2:0 1:0-3");
            for (uint64_t i = 0; i < 4; i++)
                assert_int_equal(!!(b.brokers.got[1 + i]->head.flags & DW_HEAD_TOMBSTONE), i == n);
            assert_int_equal(dw_counter_get(DW_C_spool_tombstones), before + 1);
            assert_true(quarantined(&b) >= 1);
            tear_down(&b);
        }
    }
}

static void a_frame_with_a_damaged_head_is_set_aside(void **state)
{
    (void)state;
    static const char *const want[] = {"2:0 1:1-3", "2:0 1:0 1:2-3", "2:0 1:0-1 1:3", "2:0 1:0-2"};
    for (uint64_t n = 0; n < 4; n++) {
        struct bed b;
        uint64_t before = dw_counter_get(DW_C_spool_corrupt);
        damage(&b, n, IN_HEAD);
        assert_got(&b, want[n]);
        assert_int_equal(dw_counter_get(DW_C_spool_corrupt), before + 1);
        assert_int_equal(quarantined(&b), 1);
        tear_down(&b);
    }
}

static void a_torn_end_is_cut_and_nothing_else_is_lost(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf file = {0};
    size_t len;
    set_up(&b);
    spool_and_die(&b, 4);
    read_spool(&b, 1, &file);
    size_t at = frame_at(&file, 3, &len);
    for (size_t left = 1; left < len; left += left < 330 ? 1 : 37) {
        uint64_t before = dw_counter_get(DW_C_spool_torn), corrupt = dw_counter_get(DW_C_spool_corrupt);
        write_spool(&b, 1, dw_str_slice(dw_buf_view(&file), 0, at + left));
        start(&b);
        assert_int_equal(b.found.frames, 3);
        assert_int_equal(b.found.bytes, at);
        assert_int_equal(dw_counter_get(DW_C_spool_torn), before + 1);
        assert_int_equal(dw_counter_get(DW_C_spool_corrupt), corrupt);
        stop(&b);
        start(&b); /* it is mended for good */
        assert_int_equal(dw_counter_get(DW_C_spool_torn), before + 1);
        stop(&b);
    }
    assert_int_equal(quarantined(&b), 0);
    dw_buf_fini(&file);
    tear_down(&b);
}

static void what_is_not_the_agents_own_or_out_of_order_is_set_aside(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf file = {0}, other = {0};
    size_t len;
    set_up(&b);
    spool_and_die(&b, 4);
    read_spool(&b, 1, &file);
    size_t third = frame_at(&file, 2, &len);
    struct dw_str all = dw_buf_view(&file);
    dw_buf_str(&other, dw_str_slice(all, third, all.len)); /* 2 3 0 1: the last two come too late */
    dw_buf_str(&other, dw_str_slice(all, 0, third));
    write_spool(&b, 1, dw_buf_view(&other));
    start(&b);
    assert_int_equal(b.found.frames, 2);
    assert_int_equal(b.found.first.number, 2);
    stop(&b);
    b.agent.chain.agent[0] ^= 1;
    start(&b);
    assert_int_equal(b.found.frames, 0);
    assert_false(has_file(&b, 1));
    stop(&b);
    char *zeros = dw_calloc(1, 6 << 20);
    write_spool(&b, 7, dw_str_make(zeros, 6 << 20)); /* no file of ours is so big */
    start(&b);
    assert_false(has_file(&b, 7));
    dw_free(zeros);
    dw_buf_fini(&file);
    dw_buf_fini(&other);
    tear_down(&b);
}

/* ---- files that fail ---- */

/* Goal:   whatever call fails, a frame that was acknowledged arrives, in order, here or after the next start.
 * Method: fail the 1st file call, then the 2nd, ...; frames go to disk while the brokers are away and come back; then a
 * crash, and a start over sound files. */
static void run_with_fault(struct bed *b, int nth, enum fault_model model)
{
    set_up(b);
    spool_and_die(b, 3);
    next_epoch(b);
    faulty_fs_init(&b->fault, nth, model);
    int rc = try_open(b);
    for (int i = 0; i < 4 && rc == DW_OK; i++) {
        hand_over(b, 5);
        rc = pump(b);
        b->brokers.away = i % 2 == 0;
        if (rc == DW_OK && i == 2)
            dw_spool_begin(b->spool);
    }
    if (rc == DW_OK)
        (void)pump(b);
    stop(b);
}

static void acknowledged_frames_arrive_when_nth_call_fails(void **state)
{
    (void)state;
    for (int nth = 1, hits = 1; hits; nth++) {
        assert_true(nth < 300);
        for (int model = FAULT_EIO; model <= FAULT_ENOSPC; model++) {
            struct bed b;
            run_with_fault(&b, nth, (enum fault_model)model);
            uint64_t acked = b.acked;
            hits = b.fault.hits;
            faulty_fs_init(&b.fault, 0, FAULT_EIO);
            next_epoch(&b);
            b.brokers.away = false;
            start(&b);
            hand_over(&b, 1);
            assert_int_equal(pump(&b), DW_OK);
            bool arrived[FRAMES_MAX] = {false};
            uint32_t old = 0;
            for (uint32_t i = 0; i < b.brokers.count; i++) {
                const struct dw_head *h = &b.brokers.got[i]->head;
                assert_false(h->flags & DW_HEAD_TOMBSTONE);
                arrived[h->number] |= h->epoch.counter == 2;
                old |= h->epoch.counter == 1 ? 1u << h->number : 0;
            }
            if (old != 7)
                fail_msg("nth=%d model=%d: of the first three only %x arrived", nth, model, old);
            for (uint64_t i = 0; i < acked; i++)
                if (!arrived[i])
                    fail_msg(
                        "nth=%d model=%d: frame %d of %d acknowledged did not arrive", nth, model, (int)i, (int)acked);
            tear_down(&b);
        }
    }
}

/* A disk that loses what a failed sync was about, and says so once: as the page cache does. */
static struct {
    uint64_t inode[64], size[64]; /* as of the last sync of each file */
    int count, syncs, fail_at;
    bool no_truncate;
} lossy;

static int lossy_sync(const struct dw_fs *fs, int fd)
{
    struct dw_stat st;
    (void)fs;
    assert_int_equal(dw_fs_fstat(fd, &st), DW_OK);
    int i = 0;
    while (i < lossy.count && lossy.inode[i] != st.inode)
        i++;
    assert_true(i < 64);
    if (i == lossy.count) {
        lossy.inode[lossy.count++] = st.inode;
        lossy.size[i] = 0;
    }
    if (++lossy.syncs == lossy.fail_at) {
        if (!S_ISDIR(st.mode))
            assert_int_equal(ftruncate(fd, (off_t)lossy.size[i]), 0);
        return DW_EIO;
    }
    lossy.size[i] = st.size_bytes;
    return DW_OK;
}

static int lossy_truncate(const struct dw_fs *fs, int fd, uint64_t size)
{
    return lossy.no_truncate ? DW_EIO : dw_fs_system.ops->truncate(fs, fd, size);
}

/* Goal:   a frame that was acknowledged arrives though the sync that it waited for failed, and lost it.
 * Method: fail the 1st sync, then the 2nd, ...; crash; start over a sound disk. */
static void a_sync_that_failed_is_not_believed_later(void **state)
{
    (void)state;
    struct dw_fs_ops ops = *dw_fs_system.ops;
    struct dw_fs fs = {&ops};
    ops.sync = lossy_sync;
    ops.truncate = lossy_truncate;
    for (int nth = 0; nth < 20; nth++) {
        struct bed b;
        set_up(&b);
        memset(&lossy, 0, sizeof lossy);
        lossy.fail_at = nth / 2;
        lossy.no_truncate = nth % 2;
        b.brokers.away = true;
        b.fault.fs = fs;
        start(&b);
        for (int i = 0; i < 4; i++) {
            hand_over(&b, 5);
            for (int again = 0; again < 2; again++) { /* the agent does so as long as brokers take nothing */
                dw_spool_begin(b.spool);
                (void)pump(&b);
            }
        }
        uint64_t acked = b.acked;
        if (!lossy.no_truncate && acked != 20)
            fail_msg("nth=%d: %d acknowledged of 20", nth, (int)acked);
        stop(&b);
        b.fault.fs = dw_fs_system;
        next_epoch(&b);
        b.brokers.away = false;
        start(&b);
        hand_over(&b, 1);
        assert_int_equal(pump(&b), DW_OK);
        uint64_t arrived = 0;
        for (uint32_t i = 0; i < b.brokers.count; i++) {
            const struct dw_head *h = &b.brokers.got[i]->head;
            if (h->epoch.counter == b.agent.chain.epoch.counter)
                continue;
            assert_int_equal(h->number, arrived);
            arrived++;
        }
        if (arrived < acked)
            fail_msg("nth=%d: %d acknowledged, %d arrived", nth, (int)acked, (int)arrived);
        tear_down(&b);
    }
}

/* Nothing of it is unlinked: the next use of the spool must not go on in a file whose frames are gone. */
static int keep_it(const struct dw_fs *fs, const char *path)
{
    (void)fs;
    (void)path;
    return DW_EIO;
}

static void a_file_that_cannot_be_unlinked_is_not_gone_on_with(void **state)
{
    (void)state;
    struct dw_fs_ops ops = *dw_fs_system.ops;
    struct bed b;
    set_up(&b);
    ops.unlink = keep_it;
    b.fault.fs = (struct dw_fs){&ops};
    start(&b);
    for (int i = 0; i < 3; i++) {
        b.brokers.away = true;
        hand_over(&b, 5);
        dw_spool_begin(b.spool);
        assert_int_equal(pump(&b), DW_OK);
        b.brokers.away = false;
        assert_int_equal(pump(&b), DW_OK);
        assert_false(look(&b).on);
    }
    assert_got(&b, "1:0-14");
    tear_down(&b);
}

static void a_full_disk_heals(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.brokers.away = true;
    start(&b);
    hand_over(&b, 3);
    assert_int_equal(pump(&b), DW_OK);
    faulty_fs_init(&b.fault, 1, FAULT_ENOSPC);
    b.fault.sticky = true;
    dw_spool_begin(b.spool);
    assert_int_equal(dw_sender_pump(b.spool, &b.acked), DW_ENOSPC);
    assert_int_equal(b.acked, 0);
    assert_false(look(&b).on);
    faulty_fs_init(&b.fault, 0, FAULT_ENOSPC);
    dw_spool_begin(b.spool);
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 3);
    tear_down(&b);
}

/* The record that says what is on disk cannot be written there, and makes room by being sent. */
static void a_full_disk_keeps_nothing_of_a_start_back(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    spool_and_die(&b, 3);
    next_epoch(&b);
    start(&b);
    b.fault.model = FAULT_ENOSPC;
    b.fault.fail_at = b.fault.calls + 1;
    hand_over(&b, 4);
    assert_int_equal(dw_sender_pump(b.spool, &b.acked), DW_ENOSPC);
    assert_int_equal(b.acked, 0);
    b.fault.fail_at = 0;
    b.limit = 0;
    b.brokers.away = false;
    assert_int_equal(pump(&b), DW_OK);
    assert_int_equal(b.acked, 4);
    assert_got(&b, "2:0 1:0-2 2:1-3");
    tear_down(&b);
}

static void a_broken_sender_breaks_it(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    start(&b);
    b.brokers.broken = DW_EIO;
    hand_over(&b, 1);
    assert_int_equal(dw_sender_pump(b.spool, &b.acked), DW_EIO);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_pass_through_while_it_is_off),
        cmocka_unit_test(what_is_under_way_is_durable_first_and_arrives_once),
        cmocka_unit_test(a_start_says_so_and_then_sends_what_it_finds),
        cmocka_unit_test(frames_handed_over_meanwhile_come_behind),
        cmocka_unit_test(what_the_brokers_refuse_is_handed_over_again),
        cmocka_unit_test(over_the_bound_frames_wait_in_memory),
        cmocka_unit_test(a_frame_with_damaged_content_leaves_a_tombstone),
        cmocka_unit_test(a_frame_with_a_damaged_head_is_set_aside),
        cmocka_unit_test(a_torn_end_is_cut_and_nothing_else_is_lost),
        cmocka_unit_test(what_is_not_the_agents_own_or_out_of_order_is_set_aside),
        cmocka_unit_test(acknowledged_frames_arrive_when_nth_call_fails),
        cmocka_unit_test(a_sync_that_failed_is_not_believed_later),
        cmocka_unit_test(a_file_that_cannot_be_unlinked_is_not_gone_on_with),
        cmocka_unit_test(a_full_disk_heals),
        cmocka_unit_test(a_full_disk_keeps_nothing_of_a_start_back),
        cmocka_unit_test(a_broken_sender_breaks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
