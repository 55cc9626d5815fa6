/*
 * tail: one file read a share at a time.
 *
 * Invariants:
 *   (1) Only whole raw lines are consumed; the rest is read again when more has come.
 *   (2) A file that shrank, or whose content before our offset changed, is another stream from then on. Whenever size or times are
 *       not those of the last look, the content is compared.
 *   (3) A share is bounded, so no file keeps another from its turn.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>

#define RETRY_NS (DW_NS_PER_S / 2) /* after a file could not be read */

struct sink {
    struct agent *a;
    struct tail *t;
};

const struct rare *tail_rare(const struct tail *t)
{
    static const struct rare nothing;
    return t->rare ? t->rare : &nothing;
}

struct rare *tail_make_rare(struct tail *t)
{
    if (!t->rare)
        t->rare = dw_calloc(1, sizeof *t->rare);
    return t->rare;
}

static int on_line(void *arg, const struct dw_line *l)
{
    struct sink *s = arg;
    return ship_line(s->a, s->t, l);
}

/* Before bytes of a stream are called declared it is known which file has them: compressed meanwhile it would else be another stream, and read again. */
static int announce_print(struct agent *a, struct tail *t, uint64_t end)
{
    struct checkpoint_row row;
    if (!t->is_new)
        return DW_OK;
    int rc = tail_row(a, t, &row);
    if (rc < 0)
        return rc;
    if (row.print.len == 0)
        print_take(a, t->fd, end, DW_STR_NONE, &row.print);
    row.low = 0; /* nothing is done yet */
    row.cut = 0;
    rc = ship_row(a, &row);
    if (rc < 0)
        dw_free(row.path);
    else
        t->is_new = row.print.len == 0;
    return rc;
}

int tail_declare(struct agent *a, struct tail *t, const struct dw_declared *d)
{
    int rc = announce_print(a, t, d->end);
    return rc < 0 ? rc : ledger_declare(a, t, d);
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    struct sink *s = arg;
    struct rare *rare = tail_make_rare(s->t);
    if (!rare)
        return DW_ENOMEM;
    rare->declared_cut += d->end - d->start;
    return tail_declare(s->a, s->t, d);
}

uint64_t tail_offset(const struct tail *t)
{
    return t->lines ? dw_lines_offset(t->lines) : t->place.offset;
}

uint64_t tail_low(const struct tail *t)
{
    uint64_t low = t->lines ? dw_lines_low(t->lines) : t->place.offset;
    return t->carried_from < low ? t->carried_from : low;
}

/* The stream before this one in its series is read first; a line that it ends in the middle of goes on here. False: not yet. */
static bool follow(struct agent *a, struct tail *t)
{
    struct tail *b = t->before;
    if (!b)
        return true;
    if (b->state != TAIL_ENDED && (!b->at_end || b->dirty || b->before))
        return false;
    if (b->state != TAIL_ENDED && tail_changed(b)) { /* nobody told of it yet, but its writer was done before this one was begun */
        b->dirty = true;
        return false;
    }
    uint64_t low = b->lines ? dw_lines_low(b->lines) : 0;
    if (b->state != TAIL_ENDED && b->lines && dw_lines_offset(t->lines) == 0 && dw_lines_carry(b->lines, t->lines, &b->stream)) {
        a->carried += b->carried_from == UINT64_MAX;
        b->carried_from = low;
        t->at_end = false;
        t->last_growth_ns = agent_now(a);
    }
    t->before = NULL;
    b->followers--;
    return true;
}

/* What streams before still have waiting in lines of their successors, now that lines were given out: there may be one for each output. */
static void look_at_carried(struct agent *a, const struct found *f)
{
    for (struct tail *b = f->tail; b && a->carried; b = b->sibling) {
        uint64_t from = UINT64_MAX;
        if (b->carried_from == UINT64_MAX)
            continue;
        for (const struct tail *t = f->tail; t; t = t->sibling) {
            uint64_t here = t->lines ? dw_lines_carried(t->lines, &b->stream) : UINT64_MAX;
            from = here < from ? here : from;
        }
        if (from == b->carried_from)
            continue;
        b->carried_from = from;
        a->carried -= from == UINT64_MAX;
        ship_touch(a, b);
    }
}

void tail_note(const struct agent *a, struct tail *t, const struct dw_stat *st)
{
    t->size = st->size_bytes;
    t->mtime_ns = st->mtime_ns;
    t->ctime_ns = st->ctime_ns;
    t->linked = st->links > 1;
    t->stamped = stamp_tells(a, st->mtime_ns) && stamp_tells(a, st->ctime_ns);
}

/* Whether the file may have been written to since the last look. */
static bool is_stirred(const struct tail *t, const struct dw_stat *st)
{
    return !t->stamped || st->size_bytes != t->size || st->mtime_ns != t->mtime_ns || st->ctime_ns != t->ctime_ns;
}

bool tail_sleeps(const struct tail *t)
{
    struct dw_stat st;
    return dw_fs_fstat(t->fd, &st) == DW_OK && !is_stirred(t, &st) && st.links == 1;
}

bool tail_settles(const struct agent *a, struct tail *t)
{
    struct dw_stat st;
    if (dw_fs_fstat(t->fd, &st) < 0 || st.size_bytes != t->size || st.mtime_ns != t->mtime_ns || st.ctime_ns != t->ctime_ns) {
        t->dirty = true;
        return false;
    }
    tail_note(a, t, &st);
    return t->stamped && !t->linked;
}

bool tail_changed(struct tail *t)
{
    struct dw_stat st;
    if (dw_fs_fstat(t->fd, &st) < 0)
        return false;
    t->deleted = st.links == 0 && !tail_rare(t)->unpacked;
    return st.size_bytes != t->size;
}

int tail_row(const struct agent *a, const struct tail *t, struct checkpoint_row *ret)
{
    struct checkpoint_row row = {.stream = t->stream, .low = tail_low(t), .print = t->print, .end = t->end, .is_new = t->is_new,
        .cut = tail_rare(t)->cut_now};
    row.stream.field = NULL; /* the tail's own */
    row.stream.field_count = 0;
    if (row.print.at != row.low && row.low) { /* a line waits for more */
        struct fingerprint at_low = {0};
        bool same = false;
        print_take(a, t->fd, row.low, DW_STR_NONE, &at_low);
        if (at_low.len && print_check(a, t->fd, &t->print, &same) == DW_OK && same)
            row.print = at_low; /* else that of a later place tells as well */
    }
    row.path = dw_strndup(t->series->path, strlen(t->series->path));
    if (!row.path)
        return DW_ENOMEM;
    *ret = row;
    return DW_OK;
}

void tail_reopen(struct agent *a, struct tail *t)
{
    DW_ASSERT(t->state == TAIL_ENDED && t->end == STREAM_ENDED);
    DW_COUNT(tail_reopened);
    rows_resume(a, &t->stream);
    t->state = TAIL_ROTATED;
    t->end = STREAM_REOPENED;
    t->at_end = false;
    t->dirty = true;
    t->last_growth_ns = agent_now(a);
    ship_touch(a, t);
}

static int read_rest(struct agent *a, struct tail *t, struct dw_str *ret)
{
    size_t n = 0;
    int rc = dw_fs_pread(a->fs, t->fd, a->chunk, a->chunk_cap, dw_lines_offset(t->lines), &n);
    *ret = dw_str_make(a->chunk, n);
    return rc;
}

/* Lines may have come since the last look, and what could not be read may be read again. */
static int take_whole_lines(struct agent *a, struct tail *t, struct dw_str *rest, const struct dw_lines_out *out)
{
    size_t used = 0;
    int rc = rest->len ? dw_lines_feed(t->lines, *rest, out, &used) : DW_OK;
    look_at_carried(a, t->series);
    if (rc == DW_OK && used)
        print_take(a, t->fd, dw_lines_offset(t->lines), dw_str_slice(*rest, 0, used), &t->print);
    *rest = dw_str_slice(*rest, used, rest->len);
    return rc;
}

/* Gives out what waits, and `rest`; remembers the place, so that the same bytes are cut there again. */
static int cut_here(struct agent *a, struct tail *t, struct dw_str rest, const struct dw_lines_out *out)
{
    bool waits = rest.len || dw_lines_pending(t->lines);
    struct rare *rare = waits ? tail_make_rare(t) : NULL;
    int rc = waits && !rare ? DW_ENOMEM : dw_lines_flush(t->lines, rest, out);
    look_at_carried(a, t->series);
    if (rc == DW_OK && rare)
        rare->cut_now = dw_lines_offset(t->lines);
    if (rc == DW_OK && rest.len)
        print_take(a, t->fd, dw_lines_offset(t->lines), rest, &t->print);
    ship_touch(a, t);
    return rc;
}

int tail_idle(struct agent *a, struct tail *t)
{
    struct sink sink = {.a = a, .t = t};
    struct dw_lines_out out = {.arg = &sink, .line = on_line, .declare = on_declare};
    a->read_at_ns = agent_now(a);
    return cut_here(a, t, DW_STR_NONE, &out);
}

/* What waits in lines of its successors is given out: at the next start it could not be read again. */
static int give_carried(struct agent *a, struct tail *t)
{
    int rc = DW_OK;
    for (struct tail *o = t->series->tail; o && t->carried_from != UINT64_MAX && rc == DW_OK; o = o->sibling)
        if (o->lines && dw_lines_carried(o->lines, &t->stream) != UINT64_MAX)
            rc = tail_idle(a, o);
    return rc;
}

int tail_let_go(struct agent *a, struct tail *t, uint64_t size)
{
    struct dw_declared d = {.start = tail_offset(t), .end = size, .reason = "spool_full"};
    int rc = tail_make_lines(a, t);
    if (rc < 0 || d.start >= size || !follow(a, t))
        return rc;
    rc = dw_lines_pending(t->lines) ? tail_idle(a, t) : DW_OK;
    if (rc < 0)
        return rc;
    struct rare *rare = tail_make_rare(t);
    if (!rare)
        return DW_ENOMEM;
    rc = tail_declare(a, t, &d);
    DW_COUNT_N(spool_let_go_bytes, d.end - d.start);
    rare->declared_let_go += d.end - d.start;
    tail_move_to(t, size);
    t->at_end = true;
    t->dirty = false;
    t->size = size;
    print_take(a, t->fd, size, DW_STR_NONE, &t->print);
    ship_touch(a, t); /* only now: what goes with the declaration's frame, or before it, must not call these bytes done */
    return rc;
}

/* The file cannot be read now. It is not at its end, so nothing younger than what it holds may pass for complete. */
static int read_failed(const struct agent *a, struct tail *t)
{
    struct rare *rare = tail_make_rare(t);
    DW_COUNT(tail_read_errors);
    t->at_end = false;
    if (!rare)
        return DW_ENOMEM;
    if (!rare->failed_ns)
        dw_warn("%s: cannot be read now; it is tried again", t->path);
    rare->failed_ns = rare->failed_ns ? rare->failed_ns : agent_now(a);
    rare->retry_ns = agent_now(a) + RETRY_NS;
    return DW_OK;
}

int tail_end(struct agent *a, struct tail *t, const char *state)
{
    struct sink sink = {.a = a, .t = t};
    struct dw_lines_out out = {.arg = &sink, .line = on_line, .declare = on_declare};
    struct dw_str rest = DW_STR_NONE;
    struct dw_stat st;
    bool cut = strcmp(state, "truncated") == 0, whole = strcmp(state, "whole") == 0;
    struct rare *rare = tail_make_rare(t);
    int rc = rare ? tail_make_lines(a, t) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = give_carried(a, t);
    if (rc < 0)
        return rc;
    rc = cut ? DW_OK : read_rest(a, t, &rest);
    if (rc < 0 && whole)
        return read_failed(a, t); /* it is not known to be */
    if (rc < 0) {
        DW_COUNT(tail_read_errors);
        rest = DW_STR_NONE;
    }
    a->read_at_ns = agent_now(a);
    rc = take_whole_lines(a, t, &rest, &out);
    if (rc == DW_OK)
        rc = cut_here(a, t, rest, &out);
    if (rc < 0)
        return rc;
    uint64_t read = dw_lines_offset(t->lines);
    /* What is written to a whole one from now on is seen by the last look before it is closed. */
    t->size = !cut && !whole && dw_fs_fstat(t->fd, &st) == DW_OK && st.size_bytes > read ? st.size_bytes : read;
    if (strcmp(state, "idle") != 0) {
        struct checkpoint_row row;
        t->state = TAIL_ENDED;
        t->end = cut || t->copied ? STREAM_CUT_OFF : STREAM_ENDED; /* its file is another stream's */
        rc = tail_row(a, t, &row);
        if (rc < 0)
            return rc;
        rc = rows_keep(a, &row);
        if (rc < 0) {
            dw_free(row.path);
            return rc;
        }
    }
    ship_touch(a, t);
    rc = ledger_stream_end(a, &t->stream, t->size, read, state);
    rare->end_parcel = a->parcels;
    return rc;
}

/* The file was truncated, or written anew, under us: what we had not read is in a copy, or gone. */
static int cut_off(struct agent *a, struct tail *t, const struct dw_stat *st)
{
    int fd;
    struct found *f = t->series;
    int rc = DW_OK;
    bool later;
    if (!copy_take(a, t, &later)) {
        if (later && (!tail_rare(t)->failed_ns || agent_now(a) - tail_rare(t)->failed_ns < a->opt->rotated_wait))
            return read_failed(a, t); /* but not for ever: what is written meanwhile waits */
        bool shrank = st->size_bytes < tail_offset(t) || st->size_bytes < t->size;
        DW_COUNT(tail_truncations);
        signal_about(a, shrank ? SIGNAL_TRUNCATED : SIGNAL_REWRITTEN, t, st->size_bytes);
        rc = copy_note_read(a, t);
        if (rc == DW_OK)
            rc = tail_end(a, t, "truncated");
    }
    if (rc == DW_OK)
        rc = ship_flush(a);
    if (rc < 0)
        return rc;
    if (f->current == t && dw_fs_open(a->fs, f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd) == DW_OK) {
        dw_fs_close(fd);
        tails_look(a, f);
    }
    f->look_due = true; /* a rotated one is another stream from here on */
    return DW_OK;
}

/* Whether the file is no longer the one that we read. */
static int is_another(struct agent *a, const struct tail *t, const struct dw_stat *st, bool *ret)
{
    bool same = true;
    int rc = is_stirred(t, st) ? print_check(a, t->fd, &t->print, &same) : DW_OK;
    *ret = !same || st->size_bytes < dw_lines_offset(t->lines) || st->size_bytes < t->size;
    return rc;
}

/* How a file stands, and a share of what is new in it (in a->chunk). Whether it is another one is looked at after the reading, so that what was read is what comes behind
 * ours; *ret_st is then of that later look, else of the one before. */
static int look_and_read(struct agent *a, const struct tail *t, struct dw_stat *ret_st, size_t *ret_len, bool *ret_another)
{
    struct dw_stat after;
    uint64_t offset = dw_lines_offset(t->lines);
    *ret_another = false;
    int rc = dw_fs_fstat(t->fd, ret_st);
    bool more = rc == DW_OK && ret_st->size_bytes > offset;
    if (more)
        rc = dw_fs_pread(a->fs, t->fd, a->chunk, a->chunk_cap, offset, ret_len);
    if (more && rc == DW_OK)
        rc = dw_fs_fstat(t->fd, &after);
    if (rc == DW_OK)
        rc = is_another(a, t, more ? &after : ret_st, ret_another);
    if (more && rc == DW_OK && *ret_another)
        *ret_st = after;
    return rc;
}

int tail_read(struct agent *a, struct tail *t, bool *ret_more)
{
    struct sink sink = {.a = a, .t = t};
    struct dw_lines_out out = {.arg = &sink, .line = on_line, .declare = on_declare};
    uint64_t offset = tail_offset(t);
    struct dw_stat st;
    size_t n = 0, used = 0;
    *ret_more = false;
    if (tail_rare(t)->failed_ns && agent_now(a) < tail_rare(t)->retry_ns)
        return DW_OK;
    if (tail_make_lines(a, t) < 0)
        return DW_ENOMEM;
    if (!follow(a, t)) {
        *ret_more = !t->before->at_end || t->before->dirty;
        return DW_OK;
    }
    t->dirty = false;
    bool another;
    if (look_and_read(a, t, &st, &n, &another) < 0)
        return read_failed(a, t);
    if (another)
        return cut_off(a, t, &st);
    if (st.size_bytes != t->size)
        t->last_growth_ns = agent_now(a);
    if (t->mtime_ns - st.mtime_ns > DW_NS_PER_S + (a->apart_ns > 0 ? a->apart_ns : 0)) /* a clock that was set back writes older times */
        signal_put(a, SIGNAL_SET_BACK, t->series, "");
    tail_note(a, t, &st);
    if (t->rare)
        t->rare->failed_ns = 0;
    if (st.size_bytes == offset) {
        t->at_end = true;
        return DW_OK;
    }
    if (t->head_len < AGENT_HEAD)
        t->head_len = (uint16_t)head_take(a, t->fd, offset + n, t->head);
    a->read_at_ns = agent_now(a);
    uint64_t cut_at = tail_rare(t)->cut_at;
    bool cut = cut_at && offset + n >= cut_at;
    if (cut)
        n = (size_t)(cut_at - offset);
    int rc = dw_lines_feed(t->lines, dw_str_make(a->chunk, n), &out, &used);
    look_at_carried(a, t->series);
    if (rc == DW_OK && cut) {
        rc = cut_here(a, t, dw_str_make(a->chunk + used, n - used), &out);
        used = n;
        t->rare->cut_at = 0;
        *ret_more = true;
        DW_COUNT_N(tail_bytes, used);
        return rc;
    }
    DW_COUNT_N(tail_bytes, used);
    if (used) {
        t->last_fed_ns = a->read_at_ns;
        print_take(a, t->fd, dw_lines_offset(t->lines), dw_str_make(a->chunk, used), &t->print);
        ship_touch(a, t);
    }
    t->at_end = n < a->chunk_cap || used == 0;
    *ret_more = !t->at_end;
    return rc;
}
