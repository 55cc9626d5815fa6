/*
 * tails: from a log that is there to the streams that it is made of.
 *
 * Idea: a file is known by (device, inode, birth time) and, over a restart, by the content before the offset where we stopped; its
 * name only says where to look. Whatever gives way to a successor is kept open until its last byte is acknowledged.
 *
 * Invariants:
 *   (1) A stream id is made once: from the checkpoint while the content still matches, else with a generation never used.
 *   (2) A stream that is known and cannot be found again is said to be lost, once.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SIBLINGS_MAX = 1000 };

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

static void make_id(const struct agent *a, struct dw_stream *s)
{
    uint8_t hash[DW_SHA256_BYTES], numbers[32];
    uint64_t v[4] = {s->device, s->inode, (uint64_t)s->birth_ns, s->generation};
    for (unsigned i = 0; i < 32; i++)
        numbers[i] = (uint8_t)(v[i / 8] >> (8 * (i % 8)));
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_add(h, a->chain.agent, sizeof a->chain.agent);
    dw_sha256_add(h, s->series, sizeof s->series);
    dw_sha256_add(h, numbers, sizeof numbers);
    dw_sha256_end(h, hash);
    dw_sha256_free(h);
    memcpy(s->id, hash, DW_ID_BYTES);
}

static bool same_file(const struct dw_stream *s, const struct dw_stat *st)
{
    return s->device == st->device && s->inode == st->inode && s->birth_ns == st->birth_ns;
}

/* Whether the bytes before `low` are those of the checkpoint. */
static bool same_content(const struct agent *a, int fd, const struct checkpoint_row *row, uint64_t size)
{
    char bytes[AGENT_FINGERPRINT];
    uint8_t hash[DW_SHA256_BYTES];
    size_t n = 0;
    if (size < row->low || row->print_len > sizeof bytes)
        return false;
    if (row->print_len == 0)
        return true;
    if (dw_fs_pread(a->fs, fd, bytes, row->print_len, row->low - row->print_len, &n) < 0 || n != row->print_len)
        return false;
    dw_sha256_of(dw_str_make(bytes, n), hash);
    return memcmp(hash, row->print, sizeof hash) == 0;
}

/* A file that was truncated in place has been several streams: the newest counts, one that is not over before all that are. */
static struct checkpoint_row *find_row(const struct agent *a, const uint8_t *series, const struct dw_stat *st)
{
    struct checkpoint_row *found = NULL;
    for (uint32_t i = 0; i < a->row_count; i++) {
        struct checkpoint_row *r = &a->row[i];
        bool fits = r->path && memcmp(r->stream.series, series, DW_ID_BYTES) == 0 && same_file(&r->stream, st);
        if (fits && (!found || found->finished || !r->finished))
            found = r;
    }
    return found;
}

static struct tail *find_tail(const struct agent *a, const struct dw_stat *st)
{
    for (struct tail *t = a->tail; t; t = t->next)
        if (t->state != TAIL_ENDED && same_file(&t->stream, st))
            return t;
    return NULL;
}

static void take_row(struct checkpoint_row *r)
{
    dw_free(r->path);
    r->path = NULL;
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
    if (f->current) {
        memcpy(s->predecessor, f->current->stream.id, DW_ID_BYTES);
        if (f->current->state == TAIL_ENDED)
            s->predecessor_size = (int64_t)f->current->size;
    }
    make_id(a, s);
}

static struct dw_lines *make_lines(struct agent *a, const struct found *f, uint64_t start)
{
    struct dw_lines_conf conf = {
        .envelope = f->envelope,
        .line_max = (uint32_t)(a->opt->line_max < DW_FRAME_LINE_MAX ? a->opt->line_max : DW_FRAME_LINE_MAX),
        .join_span_max = 4 * 1024 * 1024,
        .multiline = a->multiline,
        .redact = a->redact,
    };
    memcpy(&conf.cut_key, dw_key_public(a->key), sizeof conf.cut_key);
    return dw_lines_new(&conf, start);
}

/* Takes over `fd`. */
static struct tail *add_tail(struct agent *a, struct found *f, const char *path, int fd, const struct dw_stat *st)
{
    struct checkpoint_row *row = find_row(a, f->series, st);
    struct tail *t = dw_calloc(1, sizeof *t);
    if (row && (row->finished || !same_content(a, fd, row, st->size_bytes)))
        row = NULL; /* another file in the same place, or the same again from its beginning */
    if (t) {
        t->fd = fd;
        t->series = f;
        t->path = dw_strndup(path, strlen(path));
    }
    if (!t || !t->path || !copy_fields(t, f)) {
        if (!t)
            dw_fs_close(fd);
        tail_free(t);
        return NULL;
    }
    bool skip = !row && a->opt->start == DW_START_NOW && !a->scanned && a->meta.parent.counter == 0;
    t->begin = row ? row->low : skip ? st->size_bytes : 0;
    t->cut_at = row && row->cut > row->low ? row->cut : 0;
    if (row) {
        const struct dw_field *field = t->stream.field;
        uint32_t count = t->stream.field_count;
        t->stream = row->stream;
        t->stream.field = field;
        t->stream.field_count = count;
        if (f->next_ordinal <= row->stream.ordinal)
            f->next_ordinal = row->stream.ordinal + 1;
        take_row(row);
    } else {
        name_stream(a, t, f, st);
        t->is_new = true;
    }
    t->lines = make_lines(a, f, t->begin);
    if (!t->lines) {
        tail_free(t);
        return NULL;
    }
    t->size = st->size_bytes;
    t->carried_from = UINT64_MAX;
    t->before = f->current && f->current->state != TAIL_ENDED ? f->current : NULL;
    t->last_growth_ns = agent_now(a);
    t->next = a->tail;
    a->tail = t;
    a->tail_count++;
    if (t->is_new)
        ship_touch(a, t); /* its name is durable no later than its successor's: after a crash ordinals stay in order */
    if (skip && t->begin) { /* what stood there before the first start is left out, and said */
        struct dw_declared d = {.start = 0, .end = t->begin, .reason = "before_start"};
        t->cut_bytes = t->begin;
        int rc = ledger_declare(a, t, &d);
        if (rc < 0)
            a->failed = rc;
        ship_touch(a, t);
    }
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

struct sibling {
    char path[AGENT_PATH_MAX];
    struct dw_stat st;
};

/* Oldest first: by birth where the file system knows it, else by the last write. */
static int by_age(const void *x, const void *y)
{
    const struct sibling *a = x, *b = y;
    int c = (a->st.birth_ns > b->st.birth_ns) - (a->st.birth_ns < b->st.birth_ns);
    return c ? c : (a->st.mtime_ns > b->st.mtime_ns) - (a->st.mtime_ns < b->st.mtime_ns);
}

static bool is_compressed(struct dw_str name)
{
    return dw_str_ends(name, DW_STR(".gz")) || dw_str_ends(name, DW_STR(".zst")) || dw_str_ends(name, DW_STR(".xz"))
        || dw_str_ends(name, DW_STR(".bz2")) || dw_str_ends(name, DW_STR(".tmp"));
}

/* Lists files `NAME.*` beside `path`, oldest first. Whether these are all. */
static bool list_siblings(const char *path, struct sibling *out, uint32_t max, uint32_t *ret_count)
{
    char dir[AGENT_PATH_MAX];
    struct dw_buf names = {0};
    uint32_t count = 0;
    const char *slash = strrchr(path, '/');
    *ret_count = 0;
    if (!slash || (size_t)(slash - path) >= sizeof dir)
        return false;
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    struct dw_str base = dw_str_of(slash + 1);
    bool all = dw_fs_list(dir[0] ? dir : "/", 100000, &names) == DW_OK;
    if (all) {
        for (const char *n = names.ptr; n && n < names.ptr + names.len && count < max; n += strlen(n) + 1) {
            struct dw_str name = dw_str_of(n);
            bool ours = name.len > base.len + 1 && dw_str_starts(name, base) && name.ptr[base.len] == '.';
            if (!ours || is_compressed(name))
                continue;
            if (dw_path_join(out[count].path, AGENT_PATH_MAX, dir, n) == DW_OK
                && dw_fs_stat(out[count].path, &out[count].st) == DW_OK && S_ISREG(out[count].st.mode))
                count++;
        }
    }
    dw_buf_fini(&names);
    qsort(out, count, sizeof *out, by_age);
    *ret_count = count;
    return all && count < max;
}

/* A file that was known or is met for the first time under a rotated name. The name may have moved on since it was listed, so what
 * counts is what was opened. */
static void take_rotated(struct agent *a, struct found *f, const struct sibling *s)
{
    int fd;
    struct dw_stat st;
    const struct checkpoint_row *row = find_row(a, f->series, &s->st);
    if (find_tail(a, &s->st) || (row && row->finished))
        return;
    if (open_log(a, s->path, &fd, &st) < 0) {
        DW_COUNT(discover_unreadable);
        return;
    }
    row = find_row(a, f->series, &st);
    if (!same_file(&(struct dw_stream){.device = s->st.device, .inode = s->st.inode, .birth_ns = s->st.birth_ns}, &st)
        || find_tail(a, &st) || (row && row->finished)) {
        a->last_scan_ns = 0; /* another file has this name by now: look again */
        dw_fs_close(fd);
        return;
    }
    struct tail *t = add_tail(a, f, s->path, fd, &st);
    if (!t)
        return;
    t->state = TAIL_ROTATED;
    f->current = t;
}

/* Streams that are over need no memory once no file of the log is theirs. */
static void forget_rows(struct agent *a, const struct found *f, const struct sibling *s, uint32_t count)
{
    for (uint32_t i = 0; i < a->row_count; i++) {
        struct checkpoint_row *r = &a->row[i];
        bool there = !r->path || !r->finished || memcmp(r->stream.series, f->series, DW_ID_BYTES) != 0;
        for (uint32_t k = 0; k < count && !there; k++)
            there = same_file(&r->stream, &s[k].st);
        if (!there)
            take_row(r);
    }
}

static bool same_files(const struct sibling *x, const struct sibling *y, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (x[i].st.device != y[i].st.device || x[i].st.inode != y[i].st.inode || x[i].st.birth_ns != y[i].st.birth_ns)
            return false;
    return true;
}

/* A folder that is listed while its files are renamed may show one twice or not at all, so it is listed until two looks agree. */
static void take_siblings(struct agent *a, struct found *f)
{
    enum { LOOKS = 16 };
    struct sibling *s = dw_alloc(2 * (size_t)SIBLINGS_MAX * sizeof *s);
    uint32_t n[2] = {0};
    bool all = false, agree = false;
    if (!s)
        return;
    for (int look = 0; look < LOOKS && !agree; look++) {
        uint32_t now = (uint32_t)look % 2;
        all = list_siblings(f->path, s + now * SIBLINGS_MAX, SIBLINGS_MAX, &n[now]);
        agree = look > 0 && n[0] == n[1] && same_files(s, s + SIBLINGS_MAX, n[0]);
    }
    if (all && agree)
        forget_rows(a, f, s, n[0]);
    for (uint32_t i = 0; i < n[0]; i++)
        take_rotated(a, f, &s[i]);
    dw_free(s);
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

/* Streams that gave way while we were away have higher ordinals than what a fresh look would count from. */
static void count_ordinals(struct agent *a, struct found *f)
{
    for (uint32_t i = 0; i < a->row_count; i++)
        if (memcmp(a->row[i].stream.series, f->series, DW_ID_BYTES) == 0 && f->next_ordinal <= a->row[i].stream.ordinal)
            f->next_ordinal = a->row[i].stream.ordinal + 1;
}

/* Takes the file that has the log's name now, after those that had it before. Opening it first and listing its elders then means that
 * no rotation between the two can put them into the wrong order: if it was renamed meanwhile it is among the elders. False: look again. */
static bool take_newest(struct agent *a, struct found *f, bool fresh)
{
    struct dw_stat st;
    int fd;
    int rc = open_log(a, f->path, &fd, &st);
    if (rc < 0) {
        DW_COUNT(discover_unreadable);
        if (fresh)
            dw_warn("%s: cannot be read: %s", f->path, dw_err_text(rc));
        take_siblings(a, f);
        return true;
    }
    take_siblings(a, f);
    struct tail *t = find_tail(a, &st);
    struct dw_stat now;
    bool moved = dw_fs_stat(f->path, &now) == DW_OK && (now.device != st.device || now.inode != st.inode);
    if (t || moved || a->tail_count >= AGENT_STREAMS_MAX) {
        DW_COUNT_IF(!t && !moved, discover_limit);
        dw_fs_close(fd);
        return !moved && !(t && t->state == TAIL_ROTATED);
    }
    t = add_tail(a, f, f->path, fd, &st);
    if (t) {
        t->seen = true;
        f->current = t;
    }
    return true;
}

/* One look at a log that is there: the file under its name, and those it was renamed to. */
void tails_look(struct agent *a, struct found *f)
{
    enum { LOOKS = 8 }; /* a file that rotates faster than this is looked at again at the next scan */
    struct dw_stat st;
    bool fresh = f->next_ordinal == 0 && !f->current;
    if (fresh)
        count_ordinals(a, f);
    if (dw_fs_stat(f->path, &st) < 0)
        return;
    struct tail *t = find_tail(a, &st);
    if (t && t == f->current && t->state == TAIL_LIVE) {
        t->seen = true;
        return;
    }
    if (t && t->series != f)
        return; /* the same file under another log's name: a link */
    if (f->current && f->current != t)
        retire(a, f->current);
    for (int i = 0; i < LOOKS && !take_newest(a, f, fresh); i++)
        continue;
}

/* Logs whose name is gone: their streams are read to the end. */
void tails_after_scan(struct agent *a)
{
    for (struct found *f = a->found; f; f = f->next) {
        if (!f->seen && f->current) {
            take_siblings(a, f);
            retire(a, f->current);
        }
        f->seen = false;
    }
}

/* Whether the file of a row is still there under its own or a rotated name: between rename and the making of a new file a log
 * has no name for a moment, and comes back. */
static bool is_beside(const struct checkpoint_row *r)
{
    char path[AGENT_PATH_MAX];
    struct dw_stat st;
    if (dw_fs_stat(r->path, &st) == DW_OK && same_file(&r->stream, &st))
        return true;
    (void)snprintf(path, sizeof path, "%s", r->path);
    char *slash = strrchr(path, '/'), *end = strstr(slash ? slash : path, ".log.");
    if (end)
        end[4] = '\0';
    struct sibling *s = dw_alloc((size_t)SIBLINGS_MAX * sizeof *s);
    uint32_t n = 0;
    bool found = false, all = s && list_siblings(path, s, SIBLINGS_MAX, &n);
    (void)all; /* what is listed counts; a folder that is gone has nothing beside */
    for (uint32_t i = 0; i < n && !found; i++)
        found = same_file(&r->stream, &s[i].st);
    dw_free(s);
    return found;
}

/* After a scan: what the checkpoint knows and nobody found was lost while we were away, unless it waits under a rotated name. */
void tails_lost(struct agent *a)
{
    for (uint32_t i = 0; i < a->row_count; i++) {
        struct checkpoint_row *r = &a->row[i];
        if (!r->path || r->finished || (!a->opt->until_idle && is_beside(r)))
            continue;
        DW_COUNT(tail_streams_lost);
        dw_warn("%s: gone before it was read to its end: bytes from %llu on are lost, how many is unknown", r->path,
            (unsigned long long)r->low);
        struct checkpoint_row row = *r;
        row.finished = r->finished = true;
        row.path = dw_strndup(r->path, strlen(r->path));
        int rc = row.path ? ship_row(a, &row) : DW_ENOMEM;
        if (rc == DW_OK)
            rc = ledger_stream_end(a, &row.stream, row.low, row.low, "lost");
        if (rc < 0)
            a->failed = rc;
    }
}

int tails_over(struct agent *a, const struct tail *t)
{
    struct checkpoint_row row = {.stream = t->stream, .low = dw_lines_low(t->lines), .finished = true};
    row.stream.field = NULL; /* the tail's own */
    row.stream.field_count = 0;
    row.path = dw_strndup(t->path, strlen(t->path));
    return row.path ? agent_keep_row(a, &row) : DW_ENOMEM;
}
