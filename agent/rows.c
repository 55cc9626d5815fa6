/*
 * rows: what the checkpoint knows of streams that no tail reads.
 *
 *     in the checkpoint -> found again, compressed too: a tail reads on
 *                       -> not found: lost, once
 *     over              -> its file changed: a tail reads on
 *                       -> its file was gone for forget.after: forgotten
 *
 * Invariants:
 *   (1) A stream that is known and cannot be found again is said to be lost, once.
 *   (2) A row is deleted after everything that was sent before is durable, its end too: it goes with a later frame, and the writer
 *       keeps the order.
 *   (3) No generation of a deleted row is used again.
 *   (4) What configuration no longer names is left alone.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

static void begin_generations_at(struct agent *a, uint64_t salt)
{
    if (a->meta.salt < salt)
        a->meta.salt = salt;
}

int rows_keep(void *agent, struct checkpoint_row *row)
{
    struct agent *a = agent;
    struct known *k = dw_calloc(1, sizeof *k);
    if (!k)
        return DW_ENOMEM;
    k->row = *row;
    k->next = a->known;
    k->at = &a->known;
    if (k->next)
        k->next->at = &k->next;
    a->known = k;
    a->rows_open |= stream_goes_on(row->end);
    dw_table_add(&a->known_by_file, &k->by_file, hash_of_stream(&row->stream));
    dw_table_add(&a->known_by_series, &k->by_series, hash_of_series(row->stream.series));
    /* A salt that rose and was not stored before a crash shows in the generations that began there. */
    begin_generations_at(a, row->stream.generation - row->stream.ordinal);
    return DW_OK;
}

void rows_drop(struct agent *a, struct known *k)
{
    *k->at = k->next;
    if (k->next)
        k->next->at = k->at;
    dw_table_remove(&a->known_by_file, &k->by_file);
    dw_table_remove(&a->known_by_series, &k->by_series);
    dw_free(k->row.path);
    dw_free(k);
}

void rows_resume(struct agent *a, const struct dw_stream *s)
{
    struct dw_node *n = dw_table_find(&a->known_by_file, hash_of_stream(s));
    while (n) {
        struct known *k = DW_ITEM(n, struct known, by_file);
        n = dw_table_next(n);
        if (memcmp(k->row.stream.id, s->id, DW_ID_BYTES) == 0)
            rows_drop(a, k);
    }
}

struct known *rows_find(const struct agent *a, const uint8_t *series, const struct dw_stat *st)
{
    struct known *found = NULL;
    for (struct dw_node *n = dw_table_find(&a->known_by_file, hash_of_stat(st)); n; n = dw_table_next(n)) {
        struct known *k = DW_ITEM(n, struct known, by_file);
        const struct checkpoint_row *r = &k->row;
        if (r->end == STREAM_CUT_OFF || memcmp(r->stream.series, series, DW_ID_BYTES) != 0 || !same_file(&r->stream, st))
            continue;
        bool open = stream_goes_on(r->end), better = !found || (open != stream_goes_on(found->row.end) ? open : r->stream.ordinal > found->row.stream.ordinal);
        found = better ? k : found;
    }
    return found;
}

bool rows_holds(const struct agent *a, const uint8_t *series, int fd, const struct dw_stat *st)
{
    struct dw_stat now;
    const struct known *k = rows_find(a, series, st);
    return k && print_holds(a, fd, &k->row, &now, NULL);
}

bool rows_met(const struct agent *a, const uint8_t *series, const struct dw_stat *st)
{
    for (struct dw_node *n = dw_table_find(&a->known_by_file, hash_of_stat(st)); n; n = dw_table_next(n)) {
        const struct dw_stream *s = &DW_ITEM(n, struct known, by_file)->row.stream;
        if ((!series || memcmp(s->series, series, DW_ID_BYTES) == 0) && same_file(s, st))
            return true;
    }
    return false;
}

uint64_t rows_next_ordinal(const struct agent *a, const uint8_t *series)
{
    uint64_t next = 0;
    for (struct dw_node *n = dw_table_find(&a->known_by_series, hash_of_series(series)); n; n = dw_table_next(n)) {
        const struct dw_stream *s = &DW_ITEM(n, struct known, by_series)->row.stream;
        if (memcmp(s->series, series, DW_ID_BYTES) == 0 && next <= s->ordinal)
            next = s->ordinal + 1;
    }
    return next;
}

static void say_there(const struct agent *a, struct known *k, bool there)
{
    if (there)
        k->gone_ns = 0;
    else if (k->gone_ns == 0)
        k->gone_ns = agent_now(a);
}

void rows_look(struct agent *a, const struct found *f, const struct siblings *s, const struct dw_stat *live)
{
    for (struct dw_node *n = dw_table_find(&a->known_by_series, hash_of_series(f->series)); n; n = dw_table_next(n)) {
        struct known *k = DW_ITEM(n, struct known, by_series);
        const struct dw_stream *stream = &k->row.stream;
        bool there = live && same_file(stream, live);
        for (uint32_t i = 0; i < s->count && !there; i++)
            there = same_file(stream, &s->item[i].st);
        if (k->row.end != STREAM_CUT_OFF && (there || s->sure)) /* of one that was cut off nothing is there, whoever has its file */
            say_there(a, k, there);
    }
}

/* Hands the row to the next frame, and a copy of the path with it. */
static int send_row(struct agent *a, const struct known *k)
{
    struct checkpoint_row row = k->row;
    row.path = dw_strndup(k->row.path, strlen(k->row.path));
    int rc = row.path ? ship_row(a, &row) : DW_ENOMEM;
    if (rc < 0)
        dw_free(row.path);
    return rc;
}

static int declare_end(struct agent *a, struct known *k, enum stream_end end, const char *state)
{
    k->row.end = end;
    int rc = send_row(a, k);
    return rc < 0 ? rc : ledger_stream_end(a, &k->row.stream, k->row.low, k->row.low, state);
}

int rows_cut_off(struct agent *a, struct known *k)
{
    DW_COUNT(tail_truncations);
    return declare_end(a, k, STREAM_CUT_OFF, "truncated");
}

static int lose(struct agent *a, struct known *k)
{
    DW_COUNT(tail_streams_lost);
    dw_warn("%s: gone before it was read to its end: bytes from %llu on are lost, how many is unknown", k->row.path,
        (unsigned long long)k->row.low);
    return declare_end(a, k, STREAM_ENDED, "lost");
}

enum place { NOWHERE, AT_ITS_NAME, BESIDE, UNSURE /* names moved on meanwhile */ };

/* Looks for a row's file under its log's name and beside it: between rename and the making of a new file a log has no name for a
 * moment, and comes back. *ret_st is the file's where there is one. */
static enum place find_file(struct agent *a, const struct known *k, struct dw_stat *ret_st)
{
    struct siblings s;
    enum place place = NOWHERE;
    if (dw_fs_stat(k->row.path, ret_st) == DW_OK && same_file(&k->row.stream, ret_st))
        return AT_ITS_NAME;
    folder_siblings(a, k->row.path, &s);
    for (uint32_t i = 0; i < s.count && place == NOWHERE; i++) {
        if (!same_file(&k->row.stream, &s.item[i].st))
            continue;
        *ret_st = s.item[i].st;
        place = BESIDE;
    }
    if (place == NOWHERE && !s.sure)
        place = UNSURE;
    siblings_fini(&s);
    return place;
}

/* A log that is known by rotated files alone. */
static void adopt(struct agent *a, const struct known *k)
{
    if (discover_wants(a, k->row.path))
        agent_adopt(a, k->row.path, k->row.stream.series);
}

struct found *rows_log(struct agent *a, const struct known *k)
{
    adopt(a, k);
    return agent_log(a, k->row.path);
}

static int sweep_open(struct agent *a, struct known *k)
{
    struct dw_stat st;
    int64_t now = agent_now(a);
    enum place place = find_file(a, k, &st);
    bool sure, doubt = false;
    if (place == UNSURE) { /* what was kept open is the file itself, whatever moves */
        (void)keep_resume(a, k, false, NULL);
        return DW_OK;
    }
    if (place == NOWHERE)
        return keep_resume(a, k, false, &doubt) || keep_resume(a, k, true, &doubt) || packed_resume(a, k, &sure) || !sure || doubt ? DW_OK : lose(a, k);
    bool waits = place == BESIDE && !agent_log(a, k->row.path); /* for a log that takes it */
    if (!waits)
        k->orphan_ns = 0;
    else if (k->orphan_ns == 0)
        k->orphan_ns = now;
    if (waits && (a->opt->until_idle || now - k->orphan_ns > a->opt->rotated_wait))
        adopt(a, k);
    return DW_OK;
}

static bool is_read(const struct agent *a, const struct dw_stream *s)
{
    for (struct dw_node *n = dw_table_find(&a->tails_by_file, hash_of_stream(s)); n; n = dw_table_next(n))
        if (memcmp(DW_ITEM(n, struct tail, by_file)->stream.id, s->id, DW_ID_BYTES) == 0)
            return true;
    return false;
}

static int forget(struct agent *a, struct known *k)
{
    struct checkpoint_row row = k->row;
    row.forget = true;
    int rc = ship_row(a, &row);
    if (rc < 0)
        return rc;
    DW_COUNT(checkpoint_forgotten);
    begin_generations_at(a, row.stream.generation + 1);
    k->row.path = NULL; /* the frame's now */
    rows_drop(a, k);
    return DW_OK;
}

/* Whether the next look at its log, or that of the next start, may take what gzip made of a row's file for a new one: not before a later look says that it came before. */
static bool may_return(struct agent *a, const struct known *k, struct found *f)
{
    int64_t since = tails_since(a, f), started = tails_since(a, NULL);
    bool sure;
    if (!packed_recent(a, k->row.path, since < started ? since : started, &sure) && sure)
        return false;
    if (f)
        f->look_due = a->restless = true;
    return true;
}

static int sweep_over(struct agent *a, struct known *k)
{
    struct dw_stat st;
    struct found *f = agent_log(a, k->row.path);
    if (k->row.end == STREAM_CUT_OFF) {
        say_there(a, k, false);
    } else if (!f) { /* else the log's own look told */
        enum place place = find_file(a, k, &st);
        say_there(a, k, place != NOWHERE);
        if (place == BESIDE && st.size_bytes != k->row.low)
            adopt(a, k);
    }
    bool due = k->gone_ns && agent_now(a) - k->gone_ns >= a->opt->forget_after;
    return due && !is_read(a, &k->row.stream) && !may_return(a, k, f) ? forget(a, k) : DW_OK;
}

int rows_sweep(struct agent *a)
{
    int rc = DW_OK;
    bool all = agent_now(a) - a->last_sweep_ns >= AGENT_ELDERS_NS;
    if (!all && !a->rows_open)
        return DW_OK;
    if (all)
        a->last_sweep_ns = agent_now(a);
    a->rows_open = a->unmet = false;
    for (struct known *k = a->known, *next; k && rc == DW_OK; k = next) {
        next = k->next; /* none but k itself is dropped here */
        a->rows_open |= stream_goes_on(k->row.end);
        a->unmet |= !a->unmet && stream_goes_on(k->row.end) && !agent_log(a, k->row.path) && discover_wants(a, k->row.path);
        if (stream_goes_on(k->row.end))
            rc = sweep_open(a, k);
        else if (all)
            rc = sweep_over(a, k);
    }
    return rc;
}
