/*
 * tails: from a log that is there to the streams that it is made of.
 *
 * Idea: a file is known by its identity (identity.c) and, over a restart and after its end, by what is kept of it (rows.c); its name
 * only says where to look. Whatever gives way to a successor is kept open until it rested for rotated.wait and its last byte is
 * acknowledged.
 *
 * Invariants:
 *   (1) A stream id is made once: from the checkpoint while the content still matches, else with a generation never used.
 *   (2) A file has at most one tail that is not cut off.
 *   (3) A file that is seen under any name of its log and is not as it was at its stream's end is read.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <sys/stat.h>

void tail_free(struct tail *t)
{
    if (!t)
        return;
    dw_fs_close(t->fd);
    dw_lines_free(t->lines);
    dw_arena_fini(&t->arena);
    dw_free(t->path);
    dw_free(t);
}

struct tail *tails_find(const struct agent *a, const struct dw_stat *st)
{
    for (struct dw_node *n = dw_table_find(&a->tails_by_file, hash_of_stat(st)); n; n = dw_table_next(n)) {
        struct tail *t = DW_ITEM(n, struct tail, by_file);
        if (t->end != STREAM_CUT_OFF && !t->copied && same_file(&t->stream, st))
            return t;
    }
    return NULL;
}

void tails_drop(struct agent *a, struct tail **at)
{
    struct tail *t = *at;
    *at = t->next;
    a->tail_count--;
    t->series->tail_count--;
    if (t->series->current == t) {
        memcpy(t->series->last, t->stream.id, DW_ID_BYTES);
        t->series->last_size = (int64_t)t->size;
        t->series->current = NULL;
    }
    if (t->before)
        t->before->followers--;
    for (struct tail *o = a->tail; o && t->followers; o = o->next) {
        if (o->before != t)
            continue;
        o->before = NULL;
        t->followers--;
    }
    dw_table_remove(&a->tails_by_file, &t->by_file);
    dw_table_remove(&a->tails_by_path, &t->by_path);
    keep_drop(a, t);
    a->unpacked -= t->unpacked;
    tail_free(t);
}

static bool copy_fields(struct tail *t, const struct found *f)
{
    dw_arena_init(&t->arena, 0);
    struct dw_field *field = dw_arena_alloc(&t->arena, f->field_count * sizeof *field);
    for (uint32_t i = 0; field && i < f->field_count; i++) {
        struct dw_str copy = dw_arena_copy(&t->arena, dw_field_str(&f->field[i]));
        if (!copy.ptr)
            return false;
        field[i] = f->field[i];
        field[i].v.ptr = copy.ptr;
    }
    t->stream.field = field;
    t->stream.field_count = f->field_count;
    return field != NULL;
}

/* A generation that no stream of this file had: it begins at the checkpoint's salt and rises with the ordinal. */
static void name_stream(struct agent *a, struct tail *t, struct found *f, const struct dw_stat *st)
{
    struct dw_stream *s = &t->stream;
    memcpy(s->series, f->series, DW_ID_BYTES);
    s->device = st->device;
    s->inode = st->inode;
    s->birth_ns = st->birth_ns;
    s->ordinal = f->next_ordinal++;
    s->generation = a->meta.salt + s->ordinal;
    s->predecessor_size = -1;
    if (f->current && f->current->state != TAIL_LIVE) { /* a late find gives way to nobody */
        memcpy(s->predecessor, f->current->stream.id, DW_ID_BYTES);
        if (f->current->state == TAIL_ENDED)
            s->predecessor_size = (int64_t)f->current->size;
    } else if (!f->current && f->last_size >= 0) {
        memcpy(s->predecessor, f->last, DW_ID_BYTES);
        s->predecessor_size = f->last_size;
    }
    stream_make_id(a, s);
}

struct dw_lines *tails_lines(const struct agent *a, const struct found *f, uint64_t start)
{
    struct dw_lines_conf conf = {
        .envelope = f->envelope,
        .line_max = (uint32_t)(a->opt->line_max < DW_FRAME_LINE_MAX ? a->opt->line_max : DW_FRAME_LINE_MAX),
        .join_span_max = 4 * 1024 * 1024,
        .multiline = f->multiline,
        .audit = true,
        .redact = a->redact,
        .own = a->own,
    };
    memcpy(&conf.cut_key, dw_key_public(a->key), sizeof conf.cut_key);
    return dw_lines_new(&conf, start);
}

/* Takes over `fd`. */
static struct tail *new_tail(struct found *f, const char *path, int fd)
{
    struct tail *t = dw_calloc(1, sizeof *t);
    if (!t) {
        dw_fs_close(fd);
        return NULL;
    }
    t->fd = fd;
    t->series = f;
    t->carried_from = UINT64_MAX;
    t->path = dw_strndup(path, strlen(path));
    if (!t->path || !copy_fields(t, f)) {
        tail_free(t);
        return NULL;
    }
    return t;
}

/* What is kept of the file's stream, if the file still has its content. */
static int find_stream(struct agent *a, const struct found *f, int fd, const struct dw_stat *st, struct known **ret)
{
    struct known *k = rows_find(a, f->series, st);
    bool same = k && st->size_bytes >= k->row.low;
    int rc = same ? print_check(a, fd, &k->row.print, &same) : DW_OK;
    DW_COUNT_IF(rc < 0, tail_read_errors);
    if (rc < 0)
        return rc;
    *ret = same ? k : NULL;
    return k && !same ? rows_cut_off(a, k) : DW_OK; /* another file in the same place, or the same again from its beginning */
}

/* The stream goes on where it was. */
static void resume(struct agent *a, struct tail *t, struct known *k)
{
    const struct checkpoint_row *row = &k->row;
    const struct dw_field *field = t->stream.field;
    uint32_t count = t->stream.field_count;
    DW_COUNT_IF(row->end == STREAM_ENDED, tail_reopened);
    t->stream = row->stream;
    t->stream.field = field;
    t->stream.field_count = count;
    t->begin = row->low;
    t->print = row->print;
    t->cut_at = row->cut > row->low ? row->cut : 0;
    if (t->series->next_ordinal <= row->stream.ordinal)
        t->series->next_ordinal = row->stream.ordinal + 1;
    rows_drop(a, k);
}

/* The series goes on in this file; the one before is read first. */
static void follow_current(struct found *f, struct tail *t)
{
    if (!f->current || f->current->state != TAIL_ROTATED)
        return;
    t->before = f->current;
    f->current->followers++;
}

/* What stood there before the first start is left out, and said. */
static int leave_out(struct agent *a, struct tail *t)
{
    struct dw_declared d = {.start = 0, .end = t->begin, .reason = "before_start"};
    print_take(a, t->fd, t->begin, &t->print);
    t->skipped_bytes = t->begin;
    int rc = ledger_declare(a, t, &d);
    ship_touch(a, t);
    return rc;
}

static void enter(struct agent *a, struct tail *t)
{
    t->next = a->tail;
    a->tail = t;
    a->tail_count++;
    t->series->tail_count++;
    dw_table_add(&a->tails_by_file, &t->by_file, hash_of_stream(&t->stream));
    dw_table_add(&a->tails_by_path, &t->by_path, hash_of_path(t->path));
    keep_put(a, t);
}

/* A tail of `fd` that goes on with `k`, or is a new stream of the file `st`, read from `begin` on. Takes over `fd`; NULL without memory. */
static struct tail *begin_tail(struct agent *a, struct found *f, const char *path, int fd, const struct dw_stat *st, struct known *k, uint64_t begin)
{
    struct dw_stat content;
    struct tail *t = new_tail(f, path, fd);
    if (!t)
        return NULL;
    t->begin = begin;
    t->lines = tails_lines(a, f, k ? k->row.low : begin);
    if (!t->lines) {
        tail_free(t);
        return NULL;
    }
    bool over = k && k->row.end == STREAM_ENDED; /* who came after it did not wait for it */
    t->is_new = !k;
    if (k) {
        resume(a, t, k);
    } else {
        name_stream(a, t, f, st);
        if (dw_fs_fstat(fd, &content) == DW_OK) /* tells it before anything is acknowledged */
            print_take(a, fd, content.size_bytes < AGENT_FINGERPRINT ? content.size_bytes : AGENT_FINGERPRINT, &t->print);
    }
    if (!over)
        follow_current(f, t);
    t->last_growth_ns = agent_now(a);
    enter(a, t);
    if (t->is_new || over)
        ship_touch(a, t); /* its name is durable no later than its successor's: after a crash ordinals stay in order */
    return t;
}

/* Takes over `fd`. NULL: not now. */
static struct tail *add_tail(struct agent *a, struct found *f, const char *path, int fd, const struct dw_stat *st)
{
    struct known *k = NULL;
    int rc = find_stream(a, f, fd, st, &k);
    if (rc < 0) {
        dw_fs_close(fd);
        return NULL;
    }
    bool skip = !k && a->opt->start == DW_START_NOW && !a->scanned && a->meta.parent.counter == 0;
    struct tail *t = begin_tail(a, f, path, fd, st, k, skip ? st->size_bytes : 0);
    if (!t)
        return NULL;
    tail_note(a, t, st);
    if (t->is_new && t->begin)
        rc = leave_out(a, t);
    if (rc < 0)
        a->failed = rc;
    return t;
}

static void put_rotated(struct found *f, struct tail *t)
{
    t->state = TAIL_ROTATED;
    if (!f->current || f->current->state != TAIL_LIVE)
        f->current = t;
}

struct tail *tails_add_rotated(struct agent *a, struct found *f, const char *path, int fd, const struct dw_stat *st, struct known *k, bool unpacked)
{
    struct dw_stat content;
    if (dw_fs_fstat(fd, &content) < 0) {
        dw_fs_close(fd);
        return NULL;
    }
    struct tail *t = begin_tail(a, f, path, fd, st, k, 0);
    if (!t)
        return NULL;
    tail_note(a, t, &content);
    t->unpacked = unpacked ? content.size_bytes : 0;
    a->unpacked += t->unpacked;
    put_rotated(f, t);
    return t;
}

static int open_log(struct agent *a, const char *path, int *ret_fd, struct dw_stat *ret_st)
{
    int rc = dw_fs_open(a->fs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, ret_fd);
    if (rc == DW_OK)
        rc = dw_fs_fstat(*ret_fd, ret_st);
    if (rc == DW_OK && !S_ISREG(ret_st->mode)) {
        dw_fs_close(*ret_fd);
        rc = DW_EUNKNOWN;
    }
    return rc;
}

/* A look at the rotated files of a log. */
struct elders {
    bool known;        /* only those that were streams before */
    int64_t before_ns; /* when it was looked before; 0: never */
    bool moved;        /* rotation went on meanwhile */
};

/* Whether a rotated file has something for us: all of it, or what came after its stream's end. One that nobody knows is wanted by a look at all of them, or
 * when it came since the look before (a copy that was made of a file before we read it). */
static bool is_wanted(const struct agent *a, const struct found *f, const struct dw_stat *st, const struct elders *look)
{
    const struct known *k = rows_find(a, f->series, st);
    if (tails_find(a, st))
        return false;
    bool came = look->before_ns && st->birth_ns > look->before_ns;
    return k ? k->row.end == STREAM_GOES_ON || st->size_bytes != k->row.low : !look->known || came || rows_met(a, f->series, st);
}

static void take_rotated(struct agent *a, struct found *f, const struct sibling *s, struct elders *look)
{
    int fd;
    if (!is_wanted(a, f, &s->st, look))
        return;
    bool moved = false;
    if (folder_open(a, s, &fd, &moved) < 0) {
        DW_COUNT_IF(!moved, discover_unreadable);
        look->moved |= moved;
        return;
    }
    struct dw_stat st;
    struct tail *t = NULL;
    if (dw_fs_fstat(fd, &st) == DW_OK)
        t = add_tail(a, f, s->path, fd, &st);
    else
        dw_fs_close(fd);
    if (t)
        put_rotated(f, t);
}

/* Whether the file that a stream was in has another content now. */
static bool was_truncated(struct agent *a, const struct found *f, const struct known *k, const struct dw_stat *live)
{
    int fd;
    bool same = true;
    if (!live || !same_file(&k->row.stream, live) || dw_fs_open(a->fs, f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd) < 0)
        return false;
    if (live->size_bytes < k->row.low || print_check(a, fd, &k->row.print, &same) < 0)
        same = live->size_bytes >= k->row.low;
    dw_fs_close(fd);
    return !same;
}

/* Streams of the log that are not read to their end, and whose files are gone or truncated: where else their bytes are. */
static void resume_elsewhere(struct agent *a, const struct found *f, const struct dw_stat *live)
{
    for (struct dw_node *n = dw_table_find(&a->known_by_series, hash_of_series(f->series)), *next; n; n = next) {
        struct known *k = DW_ITEM(n, struct known, by_series);
        bool sure;
        next = dw_table_next(n);
        if (k->row.end != STREAM_GOES_ON || memcmp(k->row.stream.series, f->series, DW_ID_BYTES) != 0)
            continue;
        if (k->gone_ns)
            (void)(keep_resume(a, k) || packed_resume(a, k, &sure));
        else if (was_truncated(a, f, k, live))
            (void)copy_resume(a, k);
    }
}

/* One look at the rotated files of a log; look->moved: names moved on meanwhile. */
static void look_at_elders(struct agent *a, struct found *f, struct elders *look)
{
    struct siblings s;
    struct dw_stat st;
    folder_siblings(a, f->path, &s);
    const struct dw_stat *live = dw_fs_stat(f->path, &st) == DW_OK ? &st : NULL;
    rows_look(a, f, &s, live);
    resume_elsewhere(a, f, live);
    if (!look->known)
        look->moved |= !packed_take(a, f, look->before_ns ? look->before_ns : a->meta.left_ns);
    for (uint32_t i = 0; i < s.count; i++)
        take_rotated(a, f, &s.item[i], look);
    siblings_fini(&s);
}

void tails_take_elders(struct agent *a, struct found *f, bool known)
{
    struct elders look = {.known = known, .before_ns = f->looked_ns, .moved = true};
    f->elders_ns = agent_now(a);
    f->looked_ns = dw_clock_real(&dw_clock_system);
    f->look_due = false;
    for (int i = 0; i < AGENT_LOOKS && look.moved; i++) {
        look.moved = false;
        look_at_elders(a, f, &look);
    }
    f->unsure = look.moved; /* the next scan looks again, at what came since the same time */
    if (look.moved)
        f->looked_ns = look.before_ns;
}

/* Whoever writes the file may not have noticed yet, so its rest counts from now and not from its last growth. */
static void retire(const struct agent *a, struct tail *t)
{
    if (t->state == TAIL_LIVE) {
        t->state = TAIL_ROTATED;
        t->last_growth_ns = agent_now(a);
        DW_COUNT(tail_rotations);
    }
}

/* A file has its log's name, perhaps again: it may have been renamed and renamed back. */
static void take_back(struct agent *a, struct found *f, struct tail *t)
{
    if (t->state == TAIL_ENDED)
        tail_reopen(a, t);
    if (f->current && f->current != t)
        retire(a, f->current);
    t->state = TAIL_LIVE;
    f->current = t;
}

/* Takes the file that has the log's name now, after those that had it before. Opening it first and listing its elders then means that
 * no rotation between the two can put them into the wrong order: if it was renamed meanwhile it is among the elders. False: look again. */
static bool take_newest(struct agent *a, struct found *f)
{
    struct dw_stat st, now;
    int fd;
    int rc = open_log(a, f->path, &fd, &st);
    if (rc != DW_OK) {
        DW_COUNT(discover_unreadable);
        if (!f->unread && rc != DW_ENOENT)
            dw_warn("%s: cannot be read: %s%s", f->path, dw_err_text(rc),
                rc == DW_EACCES && a->opt->sandbox != DW_SANDBOX_OFF ? " (where it is a link out of the folders of logs: sandbox.read)" : "");
        f->unread = rc != DW_ENOENT;
        tails_take_elders(a, f, false);
        return true;
    }
    f->unread = false;
    tails_take_elders(a, f, false);
    struct tail *t = tails_find(a, &st);
    bool there = dw_fs_stat(f->path, &now) == DW_OK;
    bool moved = there && (now.device != st.device || now.inode != st.inode);
    if (t || moved || a->tail_count >= AGENT_STREAMS_MAX) {
        DW_COUNT_IF(!t && !moved, discover_limit);
        dw_fs_close(fd);
        if (t && there && !moved && t->series == f)
            take_back(a, f, t);
        return !moved && !(t && t->state == TAIL_ROTATED);
    }
    t = add_tail(a, f, f->path, fd, &st);
    if (t)
        f->current = t;
    return true;
}

static bool elders_due(const struct agent *a, const struct found *f)
{
    return f->look_due || agent_now(a) - f->elders_ns >= AGENT_ELDERS_NS;
}

void tails_look(struct agent *a, struct found *f)
{
    struct dw_stat st;
    bool fresh = f->next_ordinal == 0 && !f->current;
    if (fresh) /* streams that gave way while we were away have higher ordinals than what a fresh look would count from */
        f->next_ordinal = rows_next_ordinal(a, f->series);
    if (dw_fs_stat(f->path, &st) < 0)
        return;
    struct tail *t = tails_find(a, &st);
    if (t && t == f->current && t->state == TAIL_LIVE) {
        if (f->unsure || (elders_due(a, f) && dw_table_find(&a->known_by_series, hash_of_series(f->series))))
            tails_take_elders(a, f, !f->unsure);
        return;
    }
    if ((t && t->series != f) || (!t && !rows_met(a, f->series, &st) && rows_met(a, NULL, &st)))
        return; /* the same file under another log's name: a link, or a rotated file of a log that a glob names too */
    if (f->current && f->current != t)
        retire(a, f->current);
    for (int i = 0; i < AGENT_LOOKS && !take_newest(a, f); i++)
        continue;
}

static void forget_log(struct agent *a, struct found **at)
{
    struct found *f = *at;
    *at = f->next;
    dw_table_remove(&a->logs, &f->by_path);
    dw_arena_fini(&f->arena);
    dw_user_format_free(f->own.user);
    dw_free(f->path);
    dw_free(f);
}

void tails_after_scan(struct agent *a)
{
    int64_t now = agent_now(a);
    for (struct found **at = &a->found; *at;) {
        struct found *f = *at;
        bool first = !f->gone_ns;
        if (f->seen) {
            f->seen = false;
            at = &f->next;
            continue;
        }
        if (first) {
            f->gone_ns = now;
            f->told = false;
        }
        if (first || elders_due(a, f))
            tails_take_elders(a, f, !first);
        if (f->current)
            retire(a, f->current);
        if (now - f->gone_ns >= a->opt->forget_after && f->tail_count == 0)
            forget_log(a, at);
        else
            at = &f->next;
    }
}
