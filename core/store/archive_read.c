/*
 * archive_read: all frames of an archive in intake order, from sealed and open segments alike.
 *
 * Idea: one segment at a time is loaded as rows; sealed rows are sorted by intake number and their blocks kept in a small
 * cache, since agents' frames lie side by side there but arrived in turns.
 *
 * Invariants:
 *   (1) Frames come in strictly rising intake order, each once. Only in a segment with damage, which is read in the order of its file,
 *       may a number that was made up stand before lower ones.
 *   (2) At most CACHE blocks are in memory.
 *   (3) A part that cannot be read is reported once and then passed over: the rest is still read.
 */
#include "segment_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

enum { CACHE = 6, SEEK_FOOTER = 9, LOOKS_MAX = 2, STATES_TRIED = 4 };

struct cached_block {
    uint32_t block; /* UINT32_MAX: none */
    uint64_t used;
    bool has_views; /* they are read when the first of its frames is wanted */
    struct dw_buf text, views;
};

struct dw_archive_reader {
    /* set once */
    const struct dw_fs *fs;
    char *dir;
    struct dw_decoder *decoder;
    ZSTD_DCtx *zstd;
    int64_t from_ns, to_ns;
    bool (*want)(void *arg, const struct dw_head *head, struct dw_str text); /* NULL: every frame */
    void *want_arg;
    bool (*takes)(void *arg, const struct dw_head *head); /* NULL: every frame */
    void *takes_arg;
    dw_take_state *take_state; /* NULL: nobody asks what stands for segments that are gone */
    void *state_arg;
    /* where we are */
    struct dw__manifest manifest;
    uint64_t next_intake, frames, clock;
    uint64_t segment;   /* loaded; 0: none */
    bool sealed;        /* no more will come */
    bool packed;        /* in blocks; else frames as they came */
    bool chain_order;
    bool one_file; /* a single sealed segment, no manifest */
    int fd;
    struct dw__scan scan; /* of frames as they came */
    struct dw__rows rows;
    uint32_t at;        /* next row */
    uint64_t from;      /* rows of the loaded segment below this number were given before */
    uint64_t skip_upto; /* sealed segments below are done or unreadable */
    uint64_t told_state; /* segment whose state was given last; 0: none */
    uint64_t was_open;   /* segment that was read while it was open; 0: none. Sealed, its rows below `from` were given */
    uint64_t failed;    /* the open segment that could not be read and was reported; 0: none */
    bool blind;         /* the manifest could not be read again, which was reported */
    char where[DW__PATH_MAX];
    struct cached_block cache[CACHE];
    struct dw_buf scratch;
    uint8_t *mark;
};

static int new_reader(const struct dw_fs *fs, const char *dir, struct dw_keys *keys, struct dw_archive_reader **ret_r)
{
    struct dw_archive_reader *r = dw_calloc(1, sizeof *r);
    if (!r)
        return DW_ENOMEM;
    r->fs = fs;
    r->fd = -1;
    r->from_ns = INT64_MIN;
    r->to_ns = INT64_MAX;
    r->dir = dw_strndup(dir, strlen(dir));
    r->decoder = dw_decoder_new(keys);
    r->zstd = ZSTD_createDCtx();
    r->mark = dw_alloc(DW_FRAME_EVENTS_MAX);
    for (int i = 0; i < CACHE; i++)
        r->cache[i].block = UINT32_MAX;
    dw__rows_init(&r->rows);
    *ret_r = r;
    return r->dir && r->decoder && r->zstd && r->mark ? DW_OK : DW_ENOMEM;
}

int dw_archive_reader_open(const struct dw_fs *fs, const char *dir, struct dw_keys *keys, struct dw_archive_reader **ret_r)
{
    struct dw_archive_reader *r = NULL;
    int rc = new_reader(fs, dir, keys, &r);
    if (rc == DW_OK)
        rc = dw__manifest_read(fs, dir, &r->manifest);
    if (rc < 0) {
        dw_archive_reader_close(r);
        return rc;
    }
    *ret_r = r;
    return DW_OK;
}

static void unload(struct dw_archive_reader *r)
{
    dw_fs_close(r->fd);
    r->fd = -1;
    dw__rows_fini(&r->rows);
    dw__rows_init(&r->rows);
    for (int i = 0; i < CACHE; i++)
        r->cache[i].block = UINT32_MAX;
    r->segment = 0;
    r->at = 0;
    r->from = r->next_intake;
}

void dw_archive_reader_close(struct dw_archive_reader *r)
{
    if (!r)
        return;
    unload(r);
    dw__manifest_fini(&r->manifest);
    dw_decoder_free(r->decoder);
    (void)ZSTD_freeDCtx(r->zstd);
    for (int i = 0; i < CACHE; i++) {
        dw_buf_fini(&r->cache[i].text);
        dw_buf_fini(&r->cache[i].views);
    }
    dw_buf_fini(&r->scratch);
    dw_free(r->mark);
    dw_free(r->dir);
    dw_free(r);
}

void dw_archive_reader_seek(struct dw_archive_reader *r, uint64_t intake)
{
    r->next_intake = intake;
    r->skip_upto = r->failed = r->told_state = 0;
    unload(r);
}

void dw_archive_reader_states(struct dw_archive_reader *r, dw_take_state *take, void *arg)
{
    r->take_state = take;
    r->state_arg = arg;
}

void dw_archive_reader_range(struct dw_archive_reader *r, int64_t from_ns, int64_t to_ns)
{
    r->from_ns = from_ns;
    r->to_ns = to_ns;
}

void dw_archive_reader_want(struct dw_archive_reader *r, bool (*want)(void *arg, const struct dw_head *head, struct dw_str text), void *arg)
{
    r->want = want;
    r->want_arg = arg;
}

void dw_archive_reader_heads(struct dw_archive_reader *r, bool (*takes)(void *arg, const struct dw_head *head), void *arg)
{
    r->takes = takes;
    r->takes_arg = arg;
}

void dw_archive_reader_only(struct dw_archive_reader *r, const uint32_t *key, uint32_t count)
{
    dw_decoder_only(r->decoder, key, count);
}

void dw_archive_reader_chain_order(struct dw_archive_reader *r)
{
    r->chain_order = true;
}

const char *dw_archive_reader_where(const struct dw_archive_reader *r)
{
    return r->where;
}

uint64_t dw_archive_reader_gone(const struct dw_archive_reader *r)
{
    uint64_t gone = 0;
    for (uint64_t i = 0; i < r->manifest.sealed_count; i++) {
        const struct dw_segment_info *s = &r->manifest.sealed[i];
        gone += s->expired && s->events && s->time_max_ns >= r->from_ns && s->time_min_ns <= r->to_ns;
    }
    return gone;
}

uint64_t dw_archive_reader_frames(const struct dw_archive_reader *r)
{
    return r->frames;
}

static int by_intake(const void *x, const void *y)
{
    const struct dw__row *a = x, *b = y;
    return (a->intake.number > b->intake.number) - (a->intake.number < b->intake.number);
}

static int read_at(struct dw_archive_reader *r, uint64_t offset, size_t len)
{
    size_t n = 0;
    dw_buf_reset(&r->scratch);
    char *at = dw_buf_reserve(&r->scratch, len ? len : 1);
    int rc = at ? dw_fs_pread(r->fs, r->fd, at, len, offset, &n) : DW_ENOMEM;
    r->scratch.len = n;
    return rc == DW_OK && n != len ? DW_ECORRUPT : rc;
}

/* Finds TABLE through the seek table at the end of the file. */
static int load_table(struct dw_archive_reader *r)
{
    struct dw_stat st;
    struct dw_buf table = {0};
    int rc = dw_fs_fstat(r->fd, &st);
    if (rc == DW_OK && st.size_bytes < SEEK_FOOTER)
        rc = DW_ECORRUPT;
    if (rc == DW_OK)
        rc = read_at(r, st.size_bytes - SEEK_FOOTER, SEEK_FOOTER);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&r->scratch));
    uint64_t count = dw_take_u32(&c), seek_len = count * 8 + SEEK_FOOTER + DW__SKIPPABLE;
    (void)dw_take_byte(&c);
    if (rc == DW_OK && (dw_take_u32(&c) != DW__SEEK_NUMBER || count == 0 || seek_len > st.size_bytes))
        rc = DW_ECORRUPT;
    if (rc == DW_OK)
        rc = read_at(r, st.size_bytes - SEEK_FOOTER - 8, 8);
    c = dw_cursor_of(dw_buf_view(&r->scratch));
    uint64_t table_len = dw_take_u32(&c);
    if (rc == DW_OK && (table_len < DW__SKIPPABLE || table_len + seek_len > st.size_bytes))
        rc = DW_ECORRUPT;
    if (rc == DW_OK)
        rc = read_at(r, st.size_bytes - seek_len - table_len, (size_t)table_len);
    c = dw_cursor_of(dw_buf_view(&r->scratch));
    if (rc == DW_OK && (dw_take_u32(&c) != DW__MAGIC_TABLE || dw_take_u32(&c) != table_len - DW__SKIPPABLE))
        rc = DW_ECORRUPT;
    struct dw_str packed = dw_str_make((const char *)c.at, dw_cursor_left(&c));
    unsigned long long size = rc == DW_OK ? ZSTD_getFrameContentSize(packed.ptr, packed.len) : 0;
    if (rc == DW_OK)
        rc = size <= DW__TABLE_MAX ? dw_pack_take(r->zstd, packed, (size_t)size, &table) : DW_ECORRUPT;
    if (rc == DW_OK)
        rc = dw__table_read(dw_buf_view(&table), &r->rows);
    if (rc == DW_OK && r->rows.count && !r->chain_order)
        qsort(r->rows.row, r->rows.count, sizeof *r->rows.row, by_intake);
    dw_buf_fini(&table);
    return rc;
}

/* An open segment that was closed as it stands: what follows its last frame is damage too. */
static int load_kept(struct dw_archive_reader *r, uint64_t number)
{
    struct dw_stat st = {0};
    r->scan = (struct dw__scan){.fs = r->fs, .fd = r->fd, .rows = &r->rows, .due = dw__manifest_due(&r->manifest, number)};
    int rc = dw__open_scan(&r->scan);
    if (rc == DW_OK)
        rc = dw_fs_fstat(r->fd, &st);
    if (rc < 0 || st.size_bytes <= r->scan.offset)
        return rc;
    struct dw__row tail = {.offset = r->scan.offset, .len = st.size_bytes - r->scan.offset, .intake.number = r->scan.due, .damaged = true};
    return dw__rows_add(&r->rows, &tail);
}

static int load_sealed(struct dw_archive_reader *r, const struct dw_segment_info *s)
{
    int n = snprintf(r->where, sizeof r->where, "%s/%s", r->dir, s->file);
    unload(r);
    bool packed = !dw_str_ends(dw_str_of(s->file), DW_STR(".open"));
    int rc = n < 0 || n >= (int)sizeof r->where ? DW_ELIMIT : dw_fs_open(r->fs, r->where, O_RDONLY, 0, &r->fd);
    if (rc == DW_OK)
        rc = packed ? load_table(r) : load_kept(r, s->number);
    if (rc < 0) {
        unload(r);
        r->skip_upto = s->number + 1;
        return rc;
    }
    r->segment = s->number;
    r->packed = packed;
    r->sealed = true;
    return DW_OK;
}

static int load_open(struct dw_archive_reader *r)
{
    unload(r);
    int rc = dw__segment_path(r->where, r->dir, r->manifest.open, ".open");
    if (rc == DW_OK)
        rc = dw_fs_open(r->fs, r->where, O_RDONLY, 0, &r->fd);
    if (rc < 0)
        return rc;
    r->scan = (struct dw__scan){.fs = r->fs, .fd = r->fd, .rows = &r->rows,
        .due = dw__manifest_due(&r->manifest, r->manifest.open)};
    r->segment = r->was_open = r->manifest.open;
    r->sealed = r->packed = false;
    return DW_OK;
}

int dw_archive_reader_open_file(const struct dw_fs *fs, const char *path, struct dw_keys *keys,
    struct dw_archive_reader **ret_r)
{
    struct dw_archive_reader *r = NULL;
    int rc = new_reader(fs, path, keys, &r);
    if (rc == DW_OK) {
        int n = snprintf(r->where, sizeof r->where, "%s", path);
        rc = n < 0 || n >= (int)sizeof r->where ? DW_ELIMIT : dw_fs_open(fs, path, O_RDONLY, 0, &r->fd);
    }
    if (rc == DW_OK)
        rc = load_table(r);
    if (rc < 0) {
        dw_archive_reader_close(r);
        return rc;
    }
    r->segment = 1;
    r->sealed = r->packed = r->one_file = true;
    *ret_r = r;
    return DW_OK;
}

static bool wanted(const struct dw_archive_reader *r, const struct dw_segment_info *s)
{
    return !s->expired && s->number >= r->skip_upto && s->last_intake >= r->next_intake && s->time_max_ns >= r->from_ns
        && s->time_min_ns <= r->to_ns;
}

/* The manifest as it is now. Where it cannot be read we go on with what we have. */
static int refresh(struct dw_archive_reader *r)
{
    struct dw__manifest fresh;
    int rc = dw__manifest_read(r->fs, r->dir, &fresh);
    if (rc < 0) {
        bool told = r->blind && rc != DW_ENOMEM;
        r->blind = true;
        (void)snprintf(r->where, sizeof r->where, "%s", r->dir);
        return told ? DW_OK : rc;
    }
    r->blind = false;
    dw__manifest_fini(&r->manifest);
    r->manifest = fresh;
    return DW_OK;
}

static int give_state(struct dw_archive_reader *r, const struct dw_segment_info *s, dw_take_state *take, void *arg)
{
    struct dw_buf state = {0};
    int rc = dw__state_path(r->where, r->dir, s->number);
    if (rc == DW_OK)
        rc = dw__state_read(r->fs, r->where, s, &state);
    if (rc == DW_OK)
        rc = take(arg, dw_buf_view(&state));
    dw_buf_fini(&state);
    return rc;
}

/* The first sealed segment that holds frames to come; *ret_before: the one before it. NULL: none does. */
static const struct dw_segment_info *next_sealed(const struct dw_archive_reader *r, const struct dw_segment_info **ret_before)
{
    *ret_before = NULL;
    for (uint64_t i = 0; i < r->manifest.sealed_count; *ret_before = &r->manifest.sealed[i++])
        if (wanted(r, &r->manifest.sealed[i]))
            return &r->manifest.sealed[i];
    return NULL;
}

/* Goes on behind the newest state with so many events behind it that `take` accepts. *ret_found: there is one. */
static int try_states(struct dw_archive_reader *r, uint64_t events, dw_take_state *take, void *arg, bool *ret_found)
{
    const struct dw__manifest *m = &r->manifest;
    uint64_t behind = 0;
    int refused = 0; /* what stands in the way of some is likely to stand in the way of all */
    *ret_found = false;
    for (uint64_t i = m->sealed_count; i-- > 0 && refused < STATES_TRIED; behind += m->sealed[i].events) {
        if (behind < events || !dw__manifest_keeps_state(m, i))
            continue;
        int rc = give_state(r, &m->sealed[i], take, arg);
        if (rc == DW_OK) {
            dw_archive_reader_seek(r, m->sealed[i].last_intake + 1);
            r->told_state = m->sealed[i].number;
            *ret_found = true;
            return DW_OK;
        }
        if (rc == DW_ENOMEM)
            return rc;
        if (rc == DW_EAGAIN)
            return DW_OK;
        refused++;
        DW_COUNT(archive_states_refused);
        dw_info("%s: %s: the archive is read again from farther back", r->where, dw_err_text(rc));
    }
    return DW_OK;
}

/* Whether the state that stands for what was let go at the beginning cannot be read. */
static bool lacks_beginning(struct dw_archive_reader *r)
{
    const struct dw_segment_info *before;
    struct dw_buf state = {0};
    if (!next_sealed(r, &before) || !before || !before->expired)
        return false;
    int rc = dw__state_path(r->where, r->dir, before->number);
    if (rc == DW_OK)
        rc = dw__state_read(r->fs, r->where, before, &state);
    dw_buf_fini(&state);
    return rc == DW_ENOENT || rc == DW_ECORRUPT;
}

int dw_archive_reader_begin(struct dw_archive_reader *r, uint64_t events, dw_take_state *take, void *arg)
{
    bool found;
    int rc = try_states(r, events, take, arg, &found);
    return rc == DW_OK && !found && events && lacks_beginning(r) ? try_states(r, 0, take, arg, &found) : rc;
}

/* Loads the segment that holds the next frame. DW_EAGAIN when there is none yet. */
static int load_next(struct dw_archive_reader *r)
{
    const struct dw_segment_info *before, *s = next_sealed(r, &before); /* before the open one: the last */
    bool stands = before && before->expired && before->has_state; /* at the end of a copy nothing has to */
    if (r->take_state && stands && before->number > r->told_state) {
        r->told_state = before->number;
        int rc = give_state(r, before, r->take_state, r->state_arg);
        if (rc < 0)
            return rc;
    }
    if (s) {
        uint64_t number = s->number;
        int rc = load_sealed(r, s);
        if (rc != DW_ENOENT || refresh(r) < 0)
            return rc;
        s = dw__manifest_find(&r->manifest, number); /* let go between our look at the manifest and now? */
        return s && s->expired ? DW_OK : rc;
    }
    if (!r->manifest.has_open || r->failed == r->manifest.open)
        return DW_EAGAIN;
    int rc = load_open(r);
    if (rc == DW_ENOENT)
        return DW_EAGAIN; /* sealed between our look at the manifest and now */
    if (rc < 0)
        r->failed = r->manifest.open;
    return rc;
}

/* A block's text, from the cache or the file. */
static int cached(struct dw_archive_reader *r, uint32_t block, struct cached_block **ret)
{
    struct cached_block *pick = &r->cache[0];
    for (int i = 0; i < CACHE; i++) {
        if (r->cache[i].block == block) {
            r->cache[i].used = ++r->clock;
            *ret = &r->cache[i];
            return DW_OK;
        }
        if (r->cache[i].block == UINT32_MAX || (pick->block != UINT32_MAX && r->cache[i].used < pick->used))
            pick = &r->cache[i];
    }
    const struct dw__block *b = &r->rows.block[block];
    pick->block = UINT32_MAX;
    pick->has_views = false;
    int rc = read_at(r, b->offset, b->text_packed);
    dw_buf_reset(&pick->text);
    if (rc == DW_OK && b->text_size)
        rc = dw_pack_take(r->zstd, dw_buf_view(&r->scratch), b->text_size, &pick->text);
    if (rc < 0)
        return rc;
    pick->block = block;
    pick->used = ++r->clock;
    *ret = pick;
    return DW_OK;
}

static int load_views(struct dw_archive_reader *r, struct cached_block *c)
{
    const struct dw__block *b = &r->rows.block[c->block];
    if (c->has_views)
        return DW_OK;
    int rc = read_at(r, b->offset + b->text_packed, (size_t)DW__SKIPPABLE + b->views_packed);
    struct dw_cursor at = dw_cursor_of(dw_buf_view(&r->scratch));
    if (rc == DW_OK && (dw_take_u32(&at) != DW__MAGIC_BLOCK_VIEWS || dw_take_u32(&at) != b->views_packed))
        rc = DW_ECORRUPT;
    dw_buf_reset(&c->views);
    if (rc == DW_OK)
        rc = dw_pack_take(r->zstd, dw_take_bytes(&at, b->views_packed), b->views_size, &c->views);
    c->has_views = rc == DW_OK;
    return rc;
}

/* Whether events are to be decoded; a record, a tombstone and what is asked for always is. */
static bool is_wanted(const struct dw_archive_reader *r, const struct dw_head *head, struct dw_str text)
{
    return !r->want || head->kind == DW_FRAME_RECORD || (head->flags & DW_HEAD_TOMBSTONE) || r->want(r->want_arg, head, text);
}

static int give_sealed(struct dw_archive_reader *r, const struct dw__row *row, struct dw_archived *ret)
{
    struct cached_block *b;
    struct dw_sections s = {0};
    if (!(row->head.flags & DW_HEAD_TOMBSTONE)) {
        int rc = cached(r, row->block, &b);
        if (rc < 0)
            return rc;
        s.text = dw_str_slice(dw_buf_view(&b->text), row->text_at, (size_t)row->text_at + row->head.text_size);
        ret->passed = !is_wanted(r, &row->head, s.text);
        rc = ret->passed ? DW_OK : load_views(r, b);
        if (ret->passed || rc < 0)
            return rc;
        s.views = dw_str_slice(dw_buf_view(&b->views), row->views_at, (size_t)row->views_at + row->head.views_size);
    }
    return dw_decode_sections(r->decoder, &row->head, &s, &ret->frame);
}

/* A frame as it came. */
static int give_open(struct dw_archive_reader *r, const struct dw__row *row, struct dw_archived *ret)
{
    struct dw_head head;
    struct dw_sections s;
    size_t len;
    int rc = read_at(r, row->offset, (size_t)row->len);
    struct dw_str bytes = dw_buf_view(&r->scratch);
    if (rc == DW_OK)
        rc = dw_head_read(bytes, &head, &len);
    if (rc == DW_OK && len > bytes.len)
        rc = DW_EAGAIN;
    if (rc == DW_OK)
        rc = dw_unpack(r->decoder, &head, dw_str_slice(bytes, 0, len), &s);
    if (rc < 0)
        return rc;
    ret->passed = !is_wanted(r, &head, s.text);
    return ret->passed ? DW_OK : dw_decode_sections(r->decoder, &head, &s, &ret->frame);
}

static int give(struct dw_archive_reader *r, const struct dw__row *row, struct dw_archived *ret)
{
    *ret = (struct dw_archived){.intake = row->intake, .segment = r->segment, .sealed = r->sealed,
        .has_previous = row->has_previous, .has_hash = row->has_hash, .frame.head = row->head};
    r->frames++;
    if (!r->packed) {
        ret->offset = row->offset;
        ret->bytes = row->len;
    }
    if (row->damaged)
        return DW_ECORRUPT;
    ret->passed = r->takes && !r->takes(r->takes_arg, &row->head);
    if (ret->passed)
        return DW_OK;
    int rc = r->packed ? give_sealed(r, row, ret) : give_open(r, row, ret);
    if (rc == DW_OK && row->marks.len) {
        rc = dw__marks_read(row->marks, row->head.event_count, r->mark);
        ret->mark = r->mark;
    }
    return rc;
}

/* The next row of the loaded segment that is due; NULL when there is none. */
static const struct dw__row *next_row(struct dw_archive_reader *r)
{
    bool given = !r->chain_order || r->was_open == r->segment; /* in the order of chains nothing else tells which rows were */
    while (r->at < r->rows.count && given && r->rows.row[r->at].intake.number < r->from)
        r->at++;
    return r->at < r->rows.count ? &r->rows.row[r->at++] : NULL;
}

/* The next row of what is loaded, with what came since where it is open. An open segment that cannot be read is left. */
static int look(struct dw_archive_reader *r, const struct dw__row **ret_row)
{
    *ret_row = r->segment ? next_row(r) : NULL;
    if (*ret_row || !r->segment || r->sealed)
        return DW_OK;
    r->rows.count = r->at = 0; /* rows given are done: the open segment may be read for days */
    dw_arena_reset(&r->rows.arena);
    int rc = dw__open_scan(&r->scan);
    if (rc == DW_OK) {
        *ret_row = next_row(r);
    } else if (rc != DW_ENOMEM) {
        r->failed = r->segment;
        unload(r);
    }
    return rc;
}

/* What is loaded has no more: loads the segment that follows, with a manifest as new as need be. DW_EAGAIN when there is none yet;
 * *looks counts how often the manifest was read again. */
static int move_on(struct dw_archive_reader *r, int *looks)
{
    if (r->segment && r->sealed)
        r->skip_upto = r->segment + 1;
    bool at_end = r->segment && !r->sealed && r->segment == r->manifest.open;
    if (at_end || !r->segment) {
        if ((*looks)++ == LOOKS_MAX)
            return DW_EAGAIN;
        int rc = refresh(r);
        if (rc < 0)
            return rc;
        if (at_end && r->segment == r->manifest.open)
            return DW_EAGAIN;
    }
    int rc = load_next(r);
    return rc == DW_EAGAIN && *looks < LOOKS_MAX ? DW_OK : rc;
}

int dw_archive_reader_next(struct dw_archive_reader *r, struct dw_archived *ret)
{
    int rc = DW_OK;
    *ret = (struct dw_archived){0};
    for (int looks = 0; rc == DW_OK;) {
        const struct dw__row *row;
        rc = look(r, &row);
        if (row) {
            if (row->intake.number >= r->next_intake && !row->damaged)
                r->next_intake = row->intake.number + 1;
            return give(r, row, ret);
        }
        if (rc == DW_OK)
            rc = r->one_file ? DW_EAGAIN : move_on(r, &looks);
    }
    return rc;
}

uint64_t dw__reader_newest(const struct dw_archive_reader *r)
{
    uint64_t newest = 0;
    for (uint32_t i = 0; i < r->rows.count; i++)
        newest = r->rows.row[i].intake.number > newest ? r->rows.row[i].intake.number : newest;
    return newest;
}

uint64_t dw__reader_left(const struct dw_archive_reader *r, uint64_t *ret_at)
{
    struct dw_stat st;
    if (!r->segment || r->sealed || dw_fs_fstat(r->fd, &st) < 0)
        return 0;
    *ret_at = r->scan.offset;
    return st.size_bytes > r->scan.offset ? st.size_bytes - r->scan.offset : 0;
}
