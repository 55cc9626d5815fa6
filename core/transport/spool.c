/*
 * spool: one run of frames, part on disk, part in memory, part under way to the brokers.
 *
 *     index    0 ........ taken ........ fed ........ synced ........ next ........ given
 *                  the brokers    under way      durable        written       in memory, waiting
 *                  have them      to them        on disk
 *
 * Idea: every frame has an index in the order in which it has to arrive: first those that a start found, then those handed over
 * since. All there is to know is how far each stage has got; what a file, or memory, holds follows from it. Off is the case in which
 * nothing is on disk, and frames go from memory to the other sender.
 *
 * Invariants:
 *   (1) A frame is acknowledged once it is durable here or the brokers have it, and all before it are.
 *   (2) The other sender gets frames in the order of their indexes, each once. The exception is the herald: where a start found
 *       frames, the first that it is handed is the record that says so, and goes before them.
 *   (3) The disk never holds more than limit_bytes and DW_SPOOL_SPARE_BYTES. What does not fit waits in memory; so does all on a
 *       full disk.
 */
#include "spool_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

enum { UNDER_WAY_MAX = 32 }; /* frames off the disk that the brokers have not taken */

struct waiting {
    struct waiting *next;
    struct dw_frame *frame;
};

struct spool {
    struct dw_sender base; /* first: ops find us by it */
    struct dw_sender *inner;
    struct dw__spool_files files;
    uint64_t limit_bytes;
    uint64_t found;                /* frames that the start found; the index of the first that it was handed */
    uint64_t taken, fed, given;    /* see above */
    struct waiting *first, **last; /* in memory: indexes from `memory` to `given` */
    uint64_t memory;
    uint64_t inner_acked, acked;
    bool on;
    bool heralded;  /* the herald was handed over */
    bool told;      /* that frames go to disk */
    bool told_full; /* that the disk is full */
};

static bool has_herald(const struct spool *s)
{
    return s->found > 0;
}

static void push(struct spool *s, struct waiting *w)
{
    *s->last = w;
    s->last = &w->next;
    s->given++;
}

/* Takes the first frame out of memory. */
static struct dw_frame *pop(struct spool *s)
{
    struct waiting *w = s->first;
    struct dw_frame *frame = w->frame;
    s->first = w->next;
    if (!s->first)
        s->last = &s->first;
    s->memory++;
    dw_free(w);
    return frame;
}

static int spool_send(struct dw_sender *base, struct dw_frame **frame)
{
    struct spool *s = (struct spool *)base;
    struct waiting *w = dw_calloc(1, sizeof *w);
    if (!w)
        return DW_ENOMEM;
    w->frame = *frame;
    *frame = NULL;
    push(s, w);
    return DW_OK;
}

/* ---- to disk ---- */

static bool has_room(const struct spool *s, const struct dw_frame *f)
{
    return s->files.bytes + f->bytes.len <= s->limit_bytes + DW_SPOOL_SPARE_BYTES;
}

static int put(struct spool *s, const struct dw_frame *f)
{
    int rc = dw__spool_put(&s->files, f);
    DW_COUNT_IF(rc == DW_OK, spool_frames);
    return rc;
}

/* What is under way, then what waits in memory, as far as there is room. */
static int put_all(struct spool *s)
{
    const struct waiting *w = s->first;
    int rc = DW_OK;
    while (rc == DW_OK && s->files.next < s->fed) {
        const struct dw_frame *f = dw_sender_waiting(s->inner, s->files.next - s->taken);
        if (!has_room(s, f))
            return DW_OK;
        rc = put(s, f);
    }
    for (uint64_t i = s->memory; rc == DW_OK && w && has_room(s, w->frame); w = w->next, i++)
        if (i == s->files.next)
            rc = put(s, w->frame);
    return rc;
}

/* Writes what can be written, and syncs. DW_ENOSPC and DW_EAGAIN: tried again. */
static int store(struct spool *s)
{
    int rc = put_all(s), synced = dw__spool_sync(&s->files);
    if (synced < 0) {
        bool undone = dw__spool_fall_back(&s->files, s->taken) == DW_OK;
        dw_error("spool: %s: a sync failed; %s", s->files.dir, undone ? "what it was about is written again, to another file"
            : "nothing goes there any more until the next start: frames wait in memory, the rest in the files");
        DW_COUNT(spool_errors);
        return DW_EAGAIN;
    }
    while (s->first && s->memory < s->files.synced && (s->heralded || !has_herald(s)))
        dw_frame_free(pop(s));
    if (rc == DW_ENOSPC) {
        DW_COUNT(spool_no_space);
        if (!s->told_full)
            dw_error("spool: %s: no space left: frames wait in memory, the rest in the files", s->files.dir);
        s->told_full = true;
        return rc;
    }
    s->told_full = s->told_full && rc < 0;
    if (!s->told && s->files.count)
        dw_warn("the brokers take nothing and files are about to vanish: frames go to %s", s->files.dir);
    s->told |= s->files.count > 0;
    DW_COUNT_IF(rc < 0, spool_errors);
    return rc == DW_EIO || rc == DW_ENOENT || rc == DW_EACCES ? DW_EAGAIN : rc;
}

/* ---- to the brokers ---- */

static struct dw_frame *copy_of(const struct dw_frame *f)
{
    struct dw_frame *copy = dw_calloc(1, sizeof *copy);
    if (!copy)
        return NULL;
    copy->head = f->head;
    dw_buf_str(&copy->bytes, dw_buf_view(&f->bytes));
    if (!copy->bytes.err)
        return copy;
    dw_frame_free(copy);
    return NULL;
}

static int give(struct spool *s, struct dw_frame **frame)
{
    int rc = dw_sender_send(s->inner, frame);
    dw_frame_free(*frame);
    return rc;
}

/* The herald may be in memory or, by now, on disk. */
static int feed_herald(struct spool *s)
{
    if (s->given == s->found)
        return DW_EAGAIN;             /* nothing leaves before it */
    DW_ASSERT(s->memory == s->found); /* it is kept in memory until it was handed over */
    struct dw_frame *copy = copy_of(s->first->frame);
    int rc = copy ? give(s, &copy) : DW_ENOMEM;
    s->heralded = rc == DW_OK;
    return rc;
}

static int feed_disk(struct spool *s)
{
    int rc = DW_OK;
    while (rc == DW_OK && s->fed < s->files.synced && s->fed - s->taken < UNDER_WAY_MAX) {
        struct dw_frame *frame = NULL;
        if (!has_herald(s) || s->fed != s->found) {
            rc = dw__spool_read(&s->files, s->fed, &frame);
            if (rc == DW_OK)
                rc = give(s, &frame);
        }
        s->fed += rc == DW_OK;
    }
    return rc;
}

static int feed_memory(struct spool *s)
{
    int rc = DW_OK;
    while (rc == DW_OK && s->first) {
        rc = dw_sender_send(s->inner, &s->first->frame);
        if (rc == DW_OK) {
            (void)pop(s);
            s->fed++;
        }
    }
    return rc;
}

static int feed(struct spool *s)
{
    int rc = has_herald(s) && !s->heralded ? feed_herald(s) : DW_OK;
    if (rc == DW_OK)
        rc = s->on ? feed_disk(s) : feed_memory(s);
    return s->on && (rc == DW_EAGAIN || rc == DW_ENOSPC) ? DW_OK : rc;
}

/* How far the brokers are, by how many frames the other sender calls acknowledged: the herald went before those that
 * the start found. */
static uint64_t index_of(const struct spool *s, uint64_t inner_acked)
{
    bool before = has_herald(s) && inner_acked && inner_acked - 1 < s->found;
    return before ? inner_acked - 1 : inner_acked;
}

/* Nothing on disk is left to send. */
static void turn_off(struct spool *s)
{
    s->on = false;
    if (s->told)
        dw_info("the spool is sent: frames go to the brokers again");
    s->told = false;
}

static void take_acks(struct spool *s, uint64_t inner_acked)
{
    uint64_t before = s->taken;
    s->inner_acked = inner_acked;
    s->taken = index_of(s, inner_acked);
    s->fed = s->fed > s->taken ? s->fed : s->taken;
    while (s->first && s->memory < s->taken)
        dw_frame_free(pop(s));
    if (s->on) {
        uint64_t to = s->taken < s->files.next ? s->taken : s->files.next;
        DW_COUNT_N(spool_frames_taken, to > before ? to - before : 0);
    }
    dw__spool_forget(&s->files, s->taken);
    if (s->on && s->taken >= s->files.next)
        turn_off(s);
    uint64_t index = s->files.synced > s->taken ? s->files.synced : s->taken,
             n = index > s->found ? index - s->found : 0;
    n = n == 0 && has_herald(s) && inner_acked ? 1 : n;
    s->acked = n > s->acked ? n : s->acked;
}

static int spool_pump(struct dw_sender *base, uint64_t *ret_acked)
{
    struct spool *s = (struct spool *)base;
    uint64_t inner_acked = s->inner_acked;
    int stored = s->on ? store(s) : DW_OK, fed = DW_OK, pumped;
    if (stored == DW_OK || stored == DW_ENOSPC || stored == DW_EAGAIN)
        fed = feed(s);
    pumped = dw_sender_pump(s->inner, &inner_acked);
    take_acks(s, inner_acked);
    *ret_acked = s->acked;
    if (pumped < 0)
        return pumped;
    return fed < 0 ? fed : stored;
}

static void spool_close(struct dw_sender *base)
{
    struct spool *s = (struct spool *)base;
    while (s->first)
        dw_frame_free(pop(s));
    dw__spool_fini(&s->files);
    dw_sender_close(s->inner);
    dw_free(s);
}

static const struct dw_sender_ops spool_ops = {
    .name = "spool", .send = spool_send, .pump = spool_pump, .close = spool_close};

int dw_spool_open(const struct dw_spool_conf *conf, struct dw_sender **inner, struct dw_spool_found *ret_found,
    struct dw_sender **ret)
{
    struct spool *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    DW_ASSERT((*inner)->ops->waiting);
    s->base.ops = &spool_ops;
    s->limit_bytes = conf->limit_bytes;
    s->last = &s->first;
    s->files = (struct dw__spool_files){
        .fs = conf->fs, .fd = -1, .read_fd = -1, .dir = dw_strndup(conf->dir, strlen(conf->dir))};
    int rc = s->files.dir ? dw__spool_mend(&s->files, conf->agent, ret_found) : DW_ENOMEM;
    if (rc < 0) {
        spool_close(&s->base);
        return rc;
    }
    s->found = s->given = s->memory = s->files.next;
    s->on = s->told = s->found > 0;
    DW_COUNT_N(spool_frames, s->found);
    s->inner = *inner;
    *inner = NULL;
    *ret = &s->base;
    return DW_OK;
}

void dw_spool_begin(struct dw_sender *base)
{
    struct spool *s = (struct spool *)base;
    DW_ASSERT(base->ops == &spool_ops);
    if (s->on)
        return;
    DW_COUNT(spool_begun);
    s->on = true;
    s->files.next = s->files.synced = s->taken;
}

void dw_spool_look(const struct dw_sender *base, struct dw_spool_state *ret)
{
    const struct spool *s = (const struct spool *)base;
    DW_ASSERT(base->ops == &spool_ops);
    *ret = (struct dw_spool_state){.on = s->on, .bytes = s->files.bytes, .taken = s->inner_acked};
    ret->frames = s->on ? s->files.next - s->taken : 0;
    ret->oldest_ns = s->files.count ? s->files.file[0].oldest_ns : 0;
}
