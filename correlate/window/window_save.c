/*
 * window_save: the whole state as bytes and back.
 *
 *     u32 'dwW3'  i64 watermark  i64 last event  i64 deaf  u32 keys  key*  u32 records  record*
 *
 * 'dwW2' is the same without memos, and is read too. A correlation is named by rule id and logic hash, not by number, so a snapshot survives a reload of rules.
 *
 * Invariants:
 *   (1) Keys are written in order of their bytes and records in total order: equal state, equal bytes.
 *   (2) Every number read back is checked against what it may be; nothing is trusted because it is ours.
 */
#include "../detect/detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { MAGIC = 0x33577764, MAGIC_WITHOUT_MEMOS = 0x32577764, IS_OPEN = 1, HAS_MEMO = 2 };

static void put_ref(struct dw_buf *out, const struct dw_event_ref *r)
{
    dw_buf_add(out, r->stream, DW_ID_BYTES);
    dw_buf_u64(out, r->start);
}

static struct dw_event_ref take_ref(struct dw_cursor *c)
{
    struct dw_event_ref r = {.start = 0};
    dw_take_into(c, r.stream, DW_ID_BYTES);
    r.start = dw_take_u64(c);
    return r;
}

static void put_corr(const struct dw_window *w, uint32_t corr, struct dw_buf *out)
{
    const struct dw_rule *rule = dw_ruleset_rule(w->rs, corr);
    dw_buf_u32(out, (uint32_t)rule->id.len);
    dw_buf_str(out, rule->id);
    dw_buf_add(out, rule->logic_hash, DW_SHA256_BYTES);
}

static uint32_t take_corr(const struct dw_window *w, struct dw_cursor *c)
{
    uint32_t len = dw_take_u32(c);
    struct dw_str id = dw_take_bytes(c, len), hash = dw_take_bytes(c, DW_SHA256_BYTES);
    const uint32_t corr = c->bad ? UINT32_MAX : dw_ruleset_correlation(w->rs, id, hash.ptr);
    return corr != UINT32_MAX && dw__is_fed(w, corr) ? corr : UINT32_MAX;
}

static bool is_of_members(const struct dw_correlation *c)
{
    return c->type == DW_CORR_TEMPORAL || c->type == DW_CORR_TEMPORAL_ORDERED;
}

static void put_open(const struct dw__state *s, struct dw_buf *out)
{
    const struct dw__told *t = s->past->told;
    dw_buf_add(out, t->finding, sizeof t->finding);
    put_ref(out, &t->cause);
    dw_buf_u64(out, t->total);
    dw_buf_u64(out, (uint64_t)t->started_ns);
    dw_buf_u64(out, (uint64_t)s->past->hot_ns);
    dw_buf_u32(out, t->first_ids);
    dw_buf_u32(out, t->last_ids);
    for (uint32_t i = 0; i < t->first_ids; i++)
        put_ref(out, &t->ids[i]);
    for (uint32_t i = 0; i < t->last_ids; i++) /* oldest first, so the ring begins at 0 when read back */
        put_ref(out, &t->ids[DW_FINDING_IDS_MAX +
                             (t->last_ids < DW_FINDING_IDS_MAX ? i : (t->last_at + i) % DW_FINDING_IDS_MAX)]);
}

/* Of most correlations an entry is worth nothing of its own; of members one may not have been seen, and of an absence the first is not one that waits. */
static void put_entry(const struct dw_correlation *c, const struct dw__state *s, uint32_t n, struct dw_buf *out)
{
    static const struct dw__worth none;
    const struct dw__entry *e = dw__entry_at(s, n);
    const struct dw__worth *worth = s->past && s->past->worth ? dw__worth_at(s, n) : &none;
    const bool set = worth != &none ? worth->set : c->type == DW_CORR_ABSENCE ? n > 0 : !is_of_members(c) || e->time_ns != INT64_MIN;
    dw_buf_byte(out, set);
    dw_buf_u64(out, is_of_members(c) && !set ? 0 : (uint64_t)e->time_ns);
    put_ref(out, &e->ref);
    dw_buf_add(out, worth->value, sizeof worth->value);
    dw_buf_double(out, worth->number);
}

static void put_state(const struct dw_window *w, const struct dw__state *s, struct dw_buf *out)
{
    const struct dw_correlation *c = dw_ruleset_rule(w->rs, s->corr)->corr;
    const struct dw__told *told = s->past ? s->past->told : NULL;
    put_corr(w, s->corr, out);
    dw_buf_u32(out, s->text_len);
    dw_buf_str(out, dw__state_text(s));
    dw_buf_u64(out, dw__keeps_past(c) ? (uint64_t)s->past->began_ns : 0);
    dw_buf_u64(out, (uint64_t)s->newest_ns);
    dw_buf_byte(out, s->waits);
    if (s->waits) {
        dw_buf_u64(out, (uint64_t)s->past->due_ns);
        dw_buf_byte(out, s->doubted);
        put_ref(out, told ? &told->cause : &(struct dw_event_ref){.start = 0});
        dw_buf_u64(out, told ? told->total : 0);
    }
    const uint32_t memo_len = s->past ? s->past->memo_len : 0;
    dw_buf_u32(out, s->count - (s->past ? s->past->dead : 0));
    for (uint32_t i = 0; i < s->count; i++)
        if (c->type != DW_CORR_VALUE_COUNT || dw__entry_counts(s, i)) /* what was seen again since is as if it had not been */
            put_entry(c, s, i, out);
    dw_buf_byte(out, (s->open ? IS_OPEN : 0) | (memo_len ? HAS_MEMO : 0));
    if (memo_len) {
        dw_buf_u32(out, memo_len);
        dw_buf_add(out, s->past->memo, memo_len);
    }
    if (s->open)
        put_open(s, out);
}

static int take_open(struct dw_window *w, struct dw__state *s, struct dw_cursor *c)
{
    if (!dw__has_ids(w, s))
        return DW_ENOMEM;
    struct dw__told *t = s->past->told;
    struct dw_str id = dw_take_bytes(c, sizeof t->finding);
    if (id.len)
        memcpy(t->finding, id.ptr, id.len);
    t->cause = take_ref(c);
    t->total = dw_take_u64(c);
    t->started_ns = (int64_t)dw_take_u64(c);
    s->past->hot_ns = (int64_t)dw_take_u64(c);
    t->first_ids = dw_take_u32(c);
    t->last_ids = dw_take_u32(c);
    if (c->bad || t->first_ids > DW_FINDING_IDS_MAX || t->last_ids > DW_FINDING_IDS_MAX)
        return DW_ECORRUPT;
    for (uint32_t i = 0; i < t->first_ids; i++)
        t->ids[i] = take_ref(c);
    for (uint32_t i = 0; i < t->last_ids; i++)
        t->ids[DW_FINDING_IDS_MAX + i] = take_ref(c);
    t->last_at = t->last_ids % DW_FINDING_IDS_MAX;
    return DW_OK;
}

/* As put_entry; `of` NULL: of a correlation that is gone. */
static void take_entry(const struct dw_correlation *of, struct dw__state *s, uint32_t n, struct dw_cursor *c)
{
    struct dw__entry *e = dw__entry_at(s, n);
    struct dw__worth worth = {.set = dw_take_byte(c) != 0};
    e->time_ns = (int64_t)dw_take_u64(c);
    e->ref = take_ref(c);
    dw_take_into(c, worth.value, sizeof worth.value);
    worth.number = dw_take_double(c);
    c->bad |= !isfinite(worth.number);
    if (s->past && s->past->worth)
        *dw__worth_at(s, n) = worth;
    else if (of && is_of_members(of))
        e->time_ns = worth.set ? e->time_ns : INT64_MIN;
    else
        c->bad |= of && worth.set != (of->type != DW_CORR_ABSENCE || n > 0);
}

static int take_entries(struct dw_window *w, struct dw__state *s, struct dw_cursor *c)
{
    enum { ENTRY_BYTES = 1 + 8 + DW_ID_BYTES + 8 + DW__HASH_BYTES + 8 };
    const struct dw_correlation *of = s->corr == UINT32_MAX ? NULL : dw_ruleset_rule(w->rs, s->corr)->corr;
    uint32_t count = dw_take_u32(c);
    if (c->bad || count > DW_CORR_COUNT_MAX || (size_t)count * ENTRY_BYTES > dw_cursor_left(c))
        return DW_ECORRUPT;
    if (dw__entries_reserve(w, s, count) < 0)
        return DW_ENOMEM;
    s->count = count;
    for (uint32_t i = 0; i < count; i++)
        take_entry(of, s, i, c);
    return c->bad ? DW_ECORRUPT : DW_OK;
}

/* The last that was expected, and behind it those that wait: over, or it stands among those that are due. */
static bool absence_fits(const struct dw__state *s)
{
    return !(s->over && s->count > 1) && s->count > 0 && s->count <= 1 + DW__ABSENT_MAX;
}

/* Member tables have a fixed size that observe relies on, detectors say what theirs have; rings may have any. Only silence has to wait, and what calms while it is
 * open; absence may. */
static bool shape_fits(const struct dw_correlation *c, const struct dw__state *s)
{
    if (c->type == DW_CORR_ABSENCE)
        return absence_fits(s);
    if (s->over == (c->type == DW_CORR_SILENCE || (c->calms && s->open)))
        return false;
    for (uint32_t i = 0; c->type == DW_CORR_VALUE_COUNT && i < s->count; i++)
        if (!dw__entry_counts(s, i))
            return false;
    if (c->type == DW_CORR_TEMPORAL)
        return s->count == 0 || s->count == c->member_count;
    const struct dw__detector *d = dw__detector_of(c->type);
    if (d && d->fits ? !d->fits(c, s) : s->past && s->past->memo_len > 0)
        return false;
    if (c->type == DW_CORR_SILENCE && !s->past->told)
        return false;
    return c->type != DW_CORR_TEMPORAL_ORDERED || s->count == 0 || s->count == c->member_count * c->member_count;
}

/* A state of that correlation and those texts of its groups, so far; one that is gone may have had anything. */
static int begin_state(struct dw_window *w, struct dw_cursor *c, struct dw__state **ret)
{
    uint32_t corr = take_corr(w, c);
    struct dw_str text = dw_take_bytes(c, dw_take_u32(c));
    if (c->bad)
        return DW_ECORRUPT;
    *ret = dw__state_new(w, corr, text);
    return *ret ? DW_OK : DW_ENOMEM;
}

/* Of what waits; it is put among those that wait when all of it is sound. */
static int take_due(struct dw_window *w, struct dw__state *s, struct dw_cursor *c)
{
    static const struct dw_event_ref none;
    s->over = dw_take_byte(c) == 0;
    if (s->over)
        return DW_OK;
    int64_t due_ns = (int64_t)dw_take_u64(c);
    s->doubted = dw_take_byte(c) != 0;
    struct dw_event_ref cause = take_ref(c);
    uint64_t total = dw_take_u64(c);
    if (c->bad || !s->past)
        return DW_ECORRUPT;
    s->past->due_ns = due_ns;
    if (total == 0 && memcmp(&cause, &none, sizeof none) == 0)
        return DW_OK;
    if (!dw__has_told(w, s))
        return DW_ENOMEM;
    s->past->told->cause = cause;
    s->past->told->total = total;
    return DW_OK;
}

/* Whether a finding is open, and the memo. */
static int take_flags(struct dw_window *w, struct dw__state *s, struct dw_cursor *c)
{
    uint8_t flags = dw_take_byte(c);
    s->open = flags & IS_OPEN;
    if (!(flags & HAS_MEMO))
        return flags > IS_OPEN ? DW_ECORRUPT : DW_OK;
    uint32_t len = dw_take_u32(c);
    struct dw_str bytes = dw_take_bytes(c, len);
    if (c->bad || !s->past || flags > (IS_OPEN | HAS_MEMO) || len == 0 || len > DW__MEMO_MAX)
        return DW_ECORRUPT;
    uint8_t *memo = dw__memo(w, s, len);
    if (memo)
        memcpy(memo, bytes.ptr, len);
    return memo ? DW_OK : DW_ENOMEM;
}

static int take_state(struct dw_window *w, struct dw_cursor *c)
{
    struct dw__state *s;
    int rc = begin_state(w, c, &s);
    if (rc < 0)
        return rc;
    const int64_t began_ns = (int64_t)dw_take_u64(c);
    if (s->past)
        s->past->began_ns = began_ns;
    s->newest_ns = (int64_t)dw_take_u64(c);
    rc = take_due(w, s, c);
    if (rc == DW_OK)
        rc = take_entries(w, s, c);
    if (rc == DW_OK)
        rc = take_flags(w, s, c);
    if (rc == DW_OK && s->open)
        rc = take_open(w, s, c);
    if (rc == DW_OK && c->bad)
        rc = DW_ECORRUPT;
    bool known = rc == DW_OK && s->corr != UINT32_MAX;
    DW__COUNT_IF(w, rc == DW_OK && !known, correlate_state_dropped);
    if (known && !shape_fits(dw_ruleset_rule(w->rs, s->corr)->corr, s))
        rc = DW_ECORRUPT;
    if (rc == DW_OK && known) {
        dw__hash16(dw_ruleset_rule(w->rs, s->corr)->id, dw__state_text(s), s->key);
        rc = dw__state_insert(w, s);
        rc = rc == DW_EEXIST ? DW_ECORRUPT : rc;
    }
    if (rc < 0 || !known) {
        dw__state_free(w, s);
        return rc;
    }
    bool waits = !s->over;
    s->over = false;
    return waits ? dw__wait(w, s, s->past->due_ns) : DW_OK;
}

static void put_record(const struct dw_window *w, const struct dw__record *r, struct dw_buf *out)
{
    put_corr(w, r->corr, out);
    dw_buf_u32(out, r->member);
    dw_buf_u64(out, (uint64_t)r->time_ns);
    dw_buf_add(out, r->series, sizeof r->series);
    dw_buf_u64(out, r->ordinal);
    put_ref(out, &r->ref);
    dw_buf_add(out, r->value, sizeof r->value);
    dw_buf_double(out, r->number);
    dw_buf_u32(out, r->text_len);
    dw_buf_u32(out, r->value_len);
    dw_buf_add(out, r->text, r->text_len + r->value_len);
}

static int take_record(struct dw_window *w, struct dw_cursor *c)
{
    struct dw__record head = {.corr = take_corr(w, c)};
    head.member = dw_take_u32(c);
    head.time_ns = (int64_t)dw_take_u64(c);
    struct dw_str series = dw_take_bytes(c, sizeof head.series);
    head.ordinal = dw_take_u64(c);
    head.ref = take_ref(c);
    struct dw_str value = dw_take_bytes(c, sizeof head.value);
    head.number = dw_take_double(c);
    uint32_t len = dw_take_u32(c), value_len = dw_take_u32(c);
    struct dw_str text = dw_take_bytes(c, len), values = dw_take_bytes(c, value_len);
    if (c->bad)
        return DW_ECORRUPT;
    DW__COUNT_IF(w, head.corr == UINT32_MAX, correlate_state_dropped);
    if (head.corr == UINT32_MAX)
        return DW_OK;
    if (!dw__record_fits(w, &head, values))
        return DW_ECORRUPT;
    memcpy(head.series, series.ptr, series.len);
    memcpy(head.value, value.ptr, value.len);
    struct dw__record *r = dw__record_new(&head, text, values);
    return r ? dw__heap_push(w, r) : DW_ENOMEM;
}

static int by_key(const void *a, const void *b)
{
    return memcmp((*(struct dw__state *const *)a)->key, (*(struct dw__state *const *)b)->key, DW__HASH_BYTES);
}

/* Counts what is alive: a key whose window is empty is as if it had never been. */
static bool alive(const struct dw_window *w, const struct dw__state *s)
{
    return s && !dw__state_is_over(w, s);
}

static void put_states(const struct dw_window *w, struct dw_buf *out)
{
    const size_t each = sizeof(struct dw__state *); /* NOLINT(bugprone-sizeof-expression): pointers are what is sorted */
    uint32_t count = 0, n = 0;
    for (uint32_t g = 0; g < DW_KEY_GROUPS; g++)
        for (uint32_t i = 0; i < w->group[g].cap; i++)
            count += alive(w, w->group[g].slot[i]);
    struct dw__state **sorted = dw_calloc(count + 1, each);
    if (!sorted) {
        out->err = DW_ENOMEM;
        return;
    }
    for (uint32_t g = 0; g < DW_KEY_GROUPS; g++)
        for (uint32_t i = 0; i < w->group[g].cap; i++)
            if (alive(w, w->group[g].slot[i]))
                sorted[n++] = w->group[g].slot[i];
    qsort(sorted, n, each, by_key);
    dw_buf_u32(out, n);
    for (uint32_t i = 0; i < n; i++)
        put_state(w, sorted[i], out);
    dw_free(sorted);
}

void dw_window_save(const struct dw_window *w, struct dw_buf *out)
{
    struct dw_window copy = {.rs = w->rs, .waiting_bytes = w->waiting_bytes};
    dw_buf_u32(out, MAGIC);
    dw_buf_u64(out, (uint64_t)w->watermark_ns);
    dw_buf_u64(out, (uint64_t)w->last_event_ns);
    dw_buf_u64(out, (uint64_t)w->deaf_ns);
    put_states(w, out);
    dw_buf_u32(out, w->heap_count);
    copy.heap = dw_calloc(w->heap_count + 1, sizeof(struct dw__record *));
    if (!copy.heap) {
        out->err = DW_ENOMEM;
        return;
    }
    if (w->heap_count)
        memcpy(copy.heap, w->heap, w->heap_count * sizeof(struct dw__record *));
    copy.heap_count = copy.heap_cap = w->heap_count;
    while (copy.heap_count)
        put_record(w, dw__heap_pop(&copy), out);
    dw_free(copy.heap);
}

int dw_window_load(struct dw_window *w, struct dw_str in)
{
    struct dw_cursor c = dw_cursor_of(in);
    int rc = DW_OK;
    uint32_t magic = dw_take_u32(&c);
    if (magic != MAGIC && magic != MAGIC_WITHOUT_MEMOS)
        return c.bad ? DW_ECORRUPT : DW_EVERSION;
    w->watermark_ns = (int64_t)dw_take_u64(&c);
    w->last_event_ns = (int64_t)dw_take_u64(&c);
    w->deaf_ns = (int64_t)dw_take_u64(&c);
    uint32_t count = dw_take_u32(&c);
    for (uint32_t i = 0; i < count && rc == DW_OK && !c.bad; i++)
        rc = take_state(w, &c);
    count = dw_take_u32(&c);
    for (uint32_t i = 0; i < count && rc == DW_OK && !c.bad; i++)
        rc = take_record(w, &c);
    return rc < 0 ? rc : c.bad || dw_cursor_left(&c) ? DW_ECORRUPT : DW_OK;
}
