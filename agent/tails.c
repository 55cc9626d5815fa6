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

enum { MANY = 500 };

#define REST_NS (10 * DW_NS_PER_S) /* after its last growth a stream may rest */

void tail_free(struct tail *t)
{
    if (!t)
        return;
    dw_fs_close(t->fd);
    dw_lines_free(t->lines);
    fields_unspell(t);
    if (t->path != t->series->path)
        dw_free(t->path);
    dw_free(t->rare);
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

static void link_tail(struct tail **list, struct tail *t)
{
    t->next = *list;
    t->at = list;
    if (t->next)
        t->next->at = &t->next;
    *list = t;
}

static void unlink_tail(struct tail *t)
{
    *t->at = t->next;
    if (t->next)
        t->next->at = t->at;
}

void tails_drop(struct agent *a, struct tail *t)
{
    struct tail **among = &t->series->tail;
    while (*among != t)
        among = &(*among)->sibling;
    *among = t->sibling;
    unlink_tail(t);
    a->tail_count--;
    t->series->tail_count--;
    if (t->series->current == t) {
        memcpy(t->series->last, t->stream.id, DW_ID_BYTES);
        t->series->last_size = (int64_t)t->size;
        t->series->current = NULL;
    }
    if (t->before)
        t->before->followers--;
    for (struct tail *o = t->series->tail; o && t->followers; o = o->sibling) {
        if (o->before != t)
            continue;
        o->before = NULL;
        t->followers--;
    }
    dw_table_remove(&a->tails_by_file, &t->by_file);
    keep_drop(a, t);
    a->unpacked -= tail_rare(t)->unpacked;
    tail_free(t);
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

struct dw_lines_conf tails_conf(const struct agent *a, const struct found *f)
{
    struct dw_lines_conf conf = {
        .envelope = f->envelope,
        .line_max = (uint32_t)(a->opt->line_max < DW_FRAME_LINE_MAX ? a->opt->line_max : DW_FRAME_LINE_MAX),
        .join_span_max = 4 * 1024 * 1024,
        .multiline = f->multiline,
        .audit = true,
        .redact = a->redact | f->redact,
        .own = a->own,
    };
    memcpy(&conf.cut_key, dw_key_public(a->key), sizeof conf.cut_key);
    return conf;
}

int tail_make_lines(const struct agent *a, struct tail *t)
{
    if (t->lines && t->stale && dw_lines_rests(t->lines, &t->place)) {
        dw_lines_free(t->lines);
        t->lines = NULL;
    }
    if (t->lines)
        return DW_OK;
    t->stale = false;
    struct dw_lines_conf conf = tails_conf(a, t->series);
    int rc = t->stream.field ? DW_OK : fields_spell(a, t);
    if (rc == DW_OK)
        t->lines = dw_lines_again(&conf, &t->place);
    return t->lines ? DW_OK : DW_ENOMEM;
}

void tail_move_to(struct tail *t, uint64_t place)
{
    dw_lines_free(t->lines);
    t->lines = NULL;
    t->place = dw_lines_begin(t->series->envelope, place);
}

void tail_stir(struct agent *a, struct tail *t)
{
    t->dirty = true;
    if (!t->rests)
        return;
    t->rests = false;
    unlink_tail(t);
    link_tail(&a->tail, t);
}

void tails_wake_changed(struct agent *a)
{
    for (struct tail *t = a->resting, *next; t; t = next) {
        next = t->next;
        if (!tail_sleeps(t))
            tail_stir(a, t);
    }
}

/* Whether nothing but a word from the kernel can give a tail something to do. */
static bool may_rest(const struct agent *a, const struct tail *t)
{
    return t->state == TAIL_LIVE && t->at_end && !t->dirty && t->series->told && !t->series->gone_ns && !t->before && !t->followers
        && t->carried_from == UINT64_MAX && !t->touched && !tail_rare(t)->failed_ns && !t->copied && !tail_rare(t)->unpacked && t->told == tail_offset(t)
        && agent_now(a) - t->last_growth_ns > REST_NS;
}

void tails_rest(struct agent *a)
{
    uint32_t count = 0;
    if (a->opt->until_idle || a->read_until_ns)
        return;
    for (struct tail *t = a->tail, *next; t; t = next) {
        next = t->next;
        if (!may_rest(a, t) || (t->lines && !dw_lines_rests(t->lines, &t->place)) || !tail_settles(a, t))
            continue;
        dw_lines_free(t->lines);
        t->lines = NULL;
        fields_unspell(t);
        t->rests = true;
        unlink_tail(t);
        link_tail(&a->resting, t);
        count++;
    }
    if (count >= MANY || (count && !a->tail))
        agent_give_back(a);
}

/* Takes over `fd`; `unpacked`: so many bytes, or 0. */
static struct tail *new_tail(struct found *f, const char *path, int fd, uint64_t unpacked)
{
    struct tail *t = dw_calloc(1, sizeof *t);
    if (!t) {
        dw_fs_close(fd);
        return NULL;
    }
    t->fd = fd;
    t->series = f;
    t->carried_from = UINT64_MAX;
    t->path = strcmp(path, f->path) == 0 ? f->path : dw_strndup(path, strlen(path));
    if (!t->path || (unpacked && !tail_make_rare(t))) {
        tail_free(t);
        return NULL;
    }
    if (unpacked)
        t->rare->unpacked = unpacked;
    return t;
}

/* What is kept of the file's stream, if the file still has its content. *ret_later is set where it goes on in a copy that cannot be told now. */
static int find_stream(struct agent *a, const struct found *f, int fd, const struct dw_stat *st, struct known **ret, bool *ret_later)
{
    struct known *k = NULL;
    bool same = false, later = false;
    int rc = DW_OK;
    while (!same && !later && rc == DW_OK && (k = rows_find(a, f->series, st)) != NULL) {
        same = st->size_bytes >= k->row.low;
        rc = same ? print_check(a, fd, &k->row.print, &same) : DW_OK;
        DW_COUNT_IF(rc < 0, tail_read_errors);
        if (rc == DW_OK && !same && !(stream_goes_on(k->row.end) && copy_resume(a, k, &later)) && !later)
            rc = rows_cut_off(a, k); /* another file in the same place, or the same again from its beginning */
    }
    *ret_later |= later;
    *ret = same ? k : NULL;
    return rc;
}

/* The stream goes on where it was. */
static int resume(struct agent *a, struct tail *t, struct known *k)
{
    const struct checkpoint_row *row = &k->row;
    if (row->cut > row->low) {
        struct rare *rare = tail_make_rare(t);
        if (!rare)
            return DW_ENOMEM;
        rare->cut_at = row->cut;
    }
    DW_COUNT_IF(row->end == STREAM_ENDED, tail_reopened);
    t->stream = row->stream;
    t->print = row->print;
    t->end = row->end == STREAM_GOES_ON ? STREAM_GOES_ON : STREAM_REOPENED;
    if (t->series->next_ordinal <= row->stream.ordinal)
        t->series->next_ordinal = row->stream.ordinal + 1;
    rows_drop(a, k);
    return DW_OK;
}

/* Whether what a tail has was written right behind what another has: else a stream between the two has the rest of its last line. A compressed file is younger than what it has, so its birth tells
 * nothing against others; whether they are read out of compressed ones by now does not matter. */
static bool comes_after(const struct tail *before, const struct tail *t)
{
    if (before->stream.ordinal + 1 != t->stream.ordinal || before->end == STREAM_REOPENED)
        return false;
    if (before->born_packed != t->born_packed)
        return !t->born_packed;
    return before->stream.birth_ns <= t->stream.birth_ns;
}

/* The series goes on in this file; the one before is read first. A late find goes on with nothing. */
static void follow_current(struct found *f, struct tail *t)
{
    if (!f->current || f->current->state != TAIL_ROTATED || !comes_after(f->current, t))
        return;
    t->before = f->current;
    f->current->followers++;
}

/* What stood there before the first start is left out, and said. */
static int leave_out(struct agent *a, struct tail *t)
{
    struct dw_declared d = {.start = 0, .end = tail_offset(t), .reason = "before_start"};
    struct rare *rare = tail_make_rare(t);
    if (!rare)
        return DW_ENOMEM;
    print_take(a, t->fd, d.end, DW_STR_NONE, &t->print);
    rare->declared_skipped = d.end;
    int rc = tail_declare(a, t, &d);
    ship_touch(a, t);
    return rc;
}

static void enter(struct agent *a, struct tail *t)
{
    link_tail(&a->tail, t);
    a->tail_count++;
    t->series->tail_count++;
    t->sibling = t->series->tail;
    t->series->tail = t;
    dw_table_add(&a->tails_by_file, &t->by_file, hash_of_stream(&t->stream));
    keep_put(a, t);
}

/* A file that is to be read. */
struct opened {
    int fd;
    const struct dw_stat *st; /* of the file under its name */
    uint64_t begin;    /* where a new stream is read from */
    uint64_t unpacked; /* bytes of `fd` if it is one of ours; 0: it is the log's */
};

/* A tail of a file that goes on with `k`, or is a new stream. Takes over the descriptor; NULL without memory. */
static struct tail *begin_tail(struct agent *a, struct found *f, const char *path, struct opened o, struct known *k)
{
    struct dw_stat content;
    struct tail *t = new_tail(f, path, o.fd, o.unpacked);
    if (!t)
        return NULL;
    tail_move_to(t, k ? k->row.low : o.begin);
    bool over = k && !stream_goes_on(k->row.end); /* who came after it did not wait for it */
    t->is_new = !k || k->row.print.len == 0; /* in the checkpoint nothing tells it yet */
    if (!k)
        name_stream(a, t, f, o.st);
    else if (resume(a, t, k) < 0) {
        tail_free(t);
        return NULL;
    }
    t->born_packed = o.unpacked && same_file(&t->stream, o.st);
    if (dw_fs_fstat(o.fd, &content) < 0) /* not o.st: the file may have been rotated by copytruncate since */
        content = (struct dw_stat){.links = 1};
    tail_note(a, t, &content);
    if (t->is_new) /* tells it before anything is acknowledged */
        print_take(a, o.fd, content.size_bytes < AGENT_FINGERPRINT ? content.size_bytes : AGENT_FINGERPRINT, DW_STR_NONE, &t->print);
    if (!over)
        follow_current(f, t);
    t->last_growth_ns = agent_now(a);
    enter(a, t);
    if (t->is_new || over)
        ship_touch(a, t); /* its name is durable no later than its successor's: after a crash ordinals stay in order */
    return t;
}

/* Takes over `fd`, which goes on with `k` (NULL: with none). NULL: not now. */
static struct tail *add_tail(struct agent *a, struct found *f, const char *path, int fd, const struct dw_stat *st, struct known *k)
{
    int rc = DW_OK;
    bool skip = !k && a->opt->start == DW_START_NOW && !a->scanned && a->meta.parent.counter == 0;
    struct tail *t = begin_tail(a, f, path, (struct opened){.fd = fd, .st = st, .begin = skip ? st->size_bytes : 0}, k);
    if (!t)
        return NULL;
    if (t->is_new && tail_offset(t))
        rc = leave_out(a, t);
    if (rc < 0)
        a->failed = rc;
    return t;
}

/* One that was found late is older than the newest that is known, unless that gave way, too, and was born before it, or was packed before it: what gzip made of it is younger. */
static void put_rotated(struct found *f, struct tail *t)
{
    const struct tail *c = f->current;
    bool packed_before = c && c->born_packed && !t->born_packed;
    t->state = TAIL_ROTATED;
    if (!c || (c->state != TAIL_LIVE && (packed_before || c->stream.birth_ns <= t->stream.birth_ns)))
        f->current = t;
}

struct tail *tails_add_rotated(struct agent *a, struct found *f, const char *path, int fd, const struct dw_stat *st, struct known *k, bool unpacked)
{
    struct dw_stat content;
    if (dw_fs_fstat(fd, &content) < 0) {
        dw_fs_close(fd);
        return NULL;
    }
    struct tail *t = begin_tail(a, f, path, (struct opened){.fd = fd, .st = st, .unpacked = unpacked ? content.size_bytes : 0}, k);
    if (!t)
        return NULL;
    a->unpacked += tail_rare(t)->unpacked;
    put_rotated(f, t);
    return t;
}

static int open_log(struct agent *a, const char *path, int *ret_fd, struct dw_stat *ret_st)
{
    int rc = dw_fs_open(a->fs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, ret_fd);
    if (rc < 0)
        return rc;
    rc = dw_fs_fstat(*ret_fd, ret_st);
    if (rc == DW_OK && !S_ISREG(ret_st->mode))
        rc = DW_EUNKNOWN;
    if (rc < 0)
        dw_fs_close(*ret_fd);
    return rc;
}

/* Whether its time of birth tells a file from one that had its place before: some file systems have none, or know seconds only. */
static bool born_apart(const struct dw_stat *st)
{
    return st->birth_ns % DW_NS_PER_S != 0;
}

int64_t tails_looked(const struct found *f)
{
    return f->looked_ns < f->held_ns ? f->looked_ns : f->held_ns;
}

int64_t tails_since(const struct agent *a, const struct found *f)
{
    return f && f->looked_ns ? tails_looked(f) : a->seen_ns ? a->seen_ns : a->meta.left_ns;
}

/* A look at the rotated files of a log. */
struct elders {
    bool known;        /* only those that were streams before */
    int64_t before_ns; /* when it was looked before; 0: never */
    int64_t since_ns;  /* by tails_since */
    int64_t held_ns;   /* when the oldest copy of a file that is still there came; INT64_MAX: none did */
    bool moved;        /* rotation went on meanwhile */
    bool blocked;      /* a file could not be read now ... */
    bool unlisted;     /* ... or there may be more than was listed */
};

/* When a file was made; where that is not known, when it was renamed or written to last. */
static int64_t came_ns(const struct dw_stat *st)
{
    return st->birth_ns ? st->birth_ns : st->ctime_ns;
}

/* Whether a rotated file has something for us: all of it, or what came after its stream's end. One that nobody knows is wanted by a look at all of them, or
 * when it came since the look before (a copy that was made of a file before we read it). */
static bool is_wanted(const struct agent *a, const struct found *f, const struct dw_stat *st, const struct elders *look)
{
    const struct known *k = rows_find(a, f->series, st);
    if (tails_find(a, st))
        return false;
    bool came = look->before_ns && (stamp_after(came_ns(st), look->before_ns) || came_ns(st) >= f->held_ns);
    bool other = !born_apart(st); /* perhaps: then the content tells */
    return k ? stream_goes_on(k->row.end) || st->size_bytes != k->row.low || other : !look->known || came || rows_met(a, f->series, st);
}

/* Whether an opened file is not read, or not now: all of it was, or it is a copy. */
static bool is_left(const struct agent *a, const struct found *f, int fd, const struct dw_stat *st, const struct known *k, struct elders *look)
{
    if (k)
        return k->row.end == STREAM_ENDED && st->size_bytes == k->row.low;
    if (!copy_waits(a, f, fd, st))
        return false;
    if (came_ns(st) < look->held_ns)
        look->held_ns = came_ns(st);
    return true;
}

bool tails_anothers(const struct agent *a, const struct found *f, const char *path, const struct dw_stat *st)
{
    struct dw_stat now;
    bool same = false;
    int fd = -1;
    if (rows_met(a, f->series, st) || !rows_met(a, NULL, st))
        return false;
    if (born_apart(st))
        return true;
    if (dw_fs_open(a->fs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd) < 0)
        return false; /* whoever reads it will say so */
    for (struct dw_node *n = dw_table_find(&a->known_by_file, hash_of_stat(st)); n && !same; n = dw_table_next(n)) {
        const struct checkpoint_row *r = &DW_ITEM(n, struct known, by_file)->row;
        same = same_file(&r->stream, st) && r->print.len && print_holds(a, fd, r, &now, NULL);
    }
    dw_fs_close(fd);
    return same;
}

static void take_rotated(struct agent *a, struct found *f, const struct sibling *s, struct elders *look)
{
    int fd;
    if (!is_wanted(a, f, &s->st, look) || tails_anothers(a, f, s->path, &s->st))
        return;
    bool moved = false;
    if (folder_open(a, s, &fd, &moved) < 0) {
        DW_COUNT_IF(!moved, discover_unreadable);
        look->moved |= moved;
        look->blocked |= !moved;
        return;
    }
    struct dw_stat st;
    struct known *k = NULL;
    bool readable = dw_fs_fstat(fd, &st) == DW_OK && find_stream(a, f, fd, &st, &k, &look->blocked) == DW_OK;
    if (!readable || is_left(a, f, fd, &st, k, look)) {
        look->blocked |= !readable;
        dw_fs_close(fd);
        return;
    }
    struct tail *t = add_tail(a, f, s->path, fd, &st, k);
    if (t)
        put_rotated(f, t);
    look->blocked |= !t;
}

/* Whether the file that a stream was in has another content now. */
static bool was_truncated(struct agent *a, const struct found *f, const struct known *k, const struct dw_stat *live)
{
    int fd;
    struct dw_stat st;
    bool same = true;
    if (!live || !same_file(&k->row.stream, live) || dw_fs_open(a->fs, f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd) < 0)
        return false;
    bool it = dw_fs_fstat(fd, &st) == DW_OK && same_file(&k->row.stream, &st); /* else the name went to another one meanwhile */
    if (it && (st.size_bytes < k->row.low || print_check(a, fd, &k->row.print, &same) < 0))
        same = st.size_bytes >= k->row.low;
    dw_fs_close(fd);
    return it && !same;
}

/* The first stream of a log from an ordinal on that is not read to its end; NULL: there is none. */
static struct known *next_open(const struct agent *a, const struct found *f, uint64_t ordinal)
{
    struct known *first = NULL;
    for (struct dw_node *n = dw_table_find(&a->known_by_series, hash_of_series(f->series)); n; n = dw_table_next(n)) {
        struct known *k = DW_ITEM(n, struct known, by_series);
        const struct dw_stream *s = &k->row.stream;
        if (stream_goes_on(k->row.end) && s->ordinal >= ordinal && memcmp(s->series, f->series, DW_ID_BYTES) == 0)
            first = !first || s->ordinal < first->row.stream.ordinal ? k : first;
    }
    return first;
}

/* Streams of the log that are not read to their end, and whose files are gone or truncated: where else their bytes are. In their order: a line goes on from one to the next. */
static void resume_elsewhere(struct agent *a, const struct found *f, const struct dw_stat *live, bool *ret_later)
{
    struct known *k;
    int rc = DW_OK;
    for (uint64_t from = 0; (k = next_open(a, f, from)) != NULL;) {
        bool sure, later = false;
        from = k->row.stream.ordinal + 1;
        if (k->gone_ns)
            (void)(keep_resume(a, k, false, NULL) || packed_resume(a, k, &sure));
        else if (was_truncated(a, f, k, live) && !copy_resume(a, k, &later) && !later)
            rc = rows_cut_off(a, k);
        if (rc < 0)
            a->failed = rc;
        *ret_later |= later;
    }
}

/* Whoever writes the file may not have noticed yet, so its rest counts from now and not from its last growth. */
static void retire(struct agent *a, struct tail *t)
{
    if (t->state == TAIL_LIVE) {
        tail_stir(a, t);
        t->state = TAIL_ROTATED;
        t->last_growth_ns = agent_now(a);
        DW_COUNT(tail_rotations);
    }
}

/* One look at the rotated files of a log; look->moved: names moved on meanwhile. */
static void look_at_elders(struct agent *a, struct found *f, struct elders *look)
{
    struct siblings s;
    struct dw_stat st;
    folder_siblings(a, f->path, &s);
    int rc = dw_fs_stat(f->path, &st);
    const struct dw_stat *live = rc == DW_OK ? &st : NULL;
    if (f->current && (rc == DW_ENOENT || (live && !same_file(&f->current->stream, live))))
        retire(a, f->current); /* before files that came after it are found among the others */
    rows_look(a, f, &s, live);
    resume_elsewhere(a, f, live, &look->blocked);
    if (!look->known || look->before_ns) /* a log may be copied, truncated and packed while its own name stays as it is */
        look->moved |= !packed_take(a, f, look->since_ns, &look->blocked);
    for (uint32_t i = 0; i < s.count; i++)
        take_rotated(a, f, &s.item[i], look);
    look->unlisted |= !s.sure;
    siblings_fini(&s);
}

void tails_take_elders(struct agent *a, struct found *f, bool known)
{
    struct elders look = {.known = known && !f->unsure && !f->blocked, .before_ns = f->looked_ns, .since_ns = tails_since(a, f), .held_ns = INT64_MAX, .moved = true};
    f->elders_ns = agent_now(a);
    if (!look.known || f->looked_ns) /* else most was left out: what came since the agent was here last is for the first look at all */
        f->looked_ns = dw_clock_real(&dw_clock_system);
    f->look_due = false;
    for (int i = 0; i < AGENT_LOOKS && look.moved; i++) {
        look.moved = look.blocked = look.unlisted = false;
        look_at_elders(a, f, &look);
    }
    f->unsure = look.moved; /* the next scan looks again, at what came since the same time ... */
    if (look.blocked && !f->blocked)
        dw_warn("%s: a file that was rotated cannot be read now; it is tried again", f->path);
    f->blocked = look.blocked || look.unlisted; /* ... and so does one a while later */
    bool done = !f->unsure && !f->blocked;
    if (!done)
        f->looked_ns = look.before_ns;
    if (done || look.held_ns < f->held_ns)
        f->held_ns = look.held_ns; /* once the file that it is of is another, nobody but the copy has its bytes */
}

/* A file has its log's name, perhaps again: it may have been renamed and renamed back. */
static void take_back(struct agent *a, struct found *f, struct tail *t)
{
    tail_stir(a, t);
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
    int64_t before_ns = f->looked_ns;
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
    a->newest_fd = fd;
    tails_take_elders(a, f, false);
    a->newest_fd = -1;
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
    struct known *k = NULL;
    bool later = false;
    rc = find_stream(a, f, fd, &st, &k, &later);
    f->blocked |= later;
    if (rc < 0) {
        f->unread = f->blocked = true; /* what gzip made of it meanwhile was not taken */
        f->looked_ns = before_ns;
        dw_fs_close(fd);
        return true;
    }
    t = add_tail(a, f, f->path, fd, &st, k);
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
    if (dw_fs_stat(f->path, &st) < 0)
        return;
    struct tail *t = tails_find(a, &st);
    if (t && t == f->current && t->state == TAIL_LIVE) {
        if (f->unsure || elders_due(a, f))
            tails_take_elders(a, f, true);
        return;
    }
    if ((t && t->series != f) || (!t && tails_anothers(a, f, f->path, &st))) {
        f->looked_ns = dw_clock_real(&dw_clock_system); /* there is nothing of its own */
        return;
    }
    if (f->current && f->current != t)
        retire(a, f->current);
    for (int i = 0; i < AGENT_LOOKS && !take_newest(a, f); i++)
        continue;
}

/* Deleted, and not renamed, with bytes that nobody has read. */
static void tell_if_unread(struct agent *a, const struct tail *t)
{
    struct dw_stat st;
    if (t->state == TAIL_LIVE && dw_fs_fstat(t->fd, &st) == DW_OK && st.links == 0 && st.size_bytes > tail_offset(t))
        signal_about(a, SIGNAL_DELETED, t, st.size_bytes);
}

/* A log of which nothing is under its name. False: it was forgotten. */
static bool look_at_gone(struct agent *a, struct found **at)
{
    struct found *f = *at;
    int64_t now = agent_now(a);
    bool first = !f->gone_ns;
    if (first) {
        f->gone_ns = now;
        told_forget(a, f);
    }
    if (first && f->current)
        tell_if_unread(a, f->current);
    if (!f->excluded && (first || elders_due(a, f)))
        tails_take_elders(a, f, !first);
    if (f->current)
        retire(a, f->current);
    if (now - f->gone_ns < a->opt->forget_after || f->tail_count)
        return true;
    agent_forget_log(a, at);
    return false;
}

void tails_after_scan(struct agent *a)
{
    for (struct found **at = &a->found; *at;) {
        struct found *f = *at;
        bool seen = f->seen;
        f->seen = false;
        if (seen || look_at_gone(a, at))
            at = &f->next;
    }
}

bool tails_restless(const struct found *f)
{
    return f->stirred || f->look_due || f->unsure || f->unread || f->blocked || f->gone_ns || f->held_ns != INT64_MAX || (f->adopted && f->elders_ns == 0);
}

void tails_look_at_restless(struct agent *a)
{
    for (struct found **at = &a->found; *at;) {
        struct found *f = *at;
        struct dw_stat st;
        bool waits = tails_restless(f), there = waits && !f->adopted && dw_fs_stat(f->path, &st) == DW_OK;
        if (there) {
            f->gone_ns = 0;
            if (f->stirred || !f->told)
                told_log(a, f);
            if (!f->excluded)
                tails_look(a, f);
        }
        if (!waits || there || look_at_gone(a, at))
            at = &f->next;
    }
}
