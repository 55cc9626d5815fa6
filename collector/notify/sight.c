/*
 * sight: what of alerts.log goes to an output, decided once, when a line is first seen.
 *
 *     line -> raised, or said of status, disposition, assignee -> young enough -> the filter takes it -> no silence -> no fuse -> waits
 *
 * Invariants:
 *   (1) Only durable lines are looked at, each once: the journal has what became of it and how far it is in one batch. Provisional ones come from the loop, and are durable
 *       nowhere before they are in the journal.
 *   (2) What is not sent moves a counter that says why; what the filter leaves out is nobody's business.
 *   (3) Another log than the one that was looked at (it was deleted and made again) is looked at from its beginning: what is old is not sent.
 */
#include "notify_int.h"

#include "../alert/alert_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/collect/provisional.h"
#include "dogwatch/collect/raised.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { STEP_BYTES = 256 << 10, EARLY_HELD_MOST = 16384 };
#define FUSE_LIFE_NS (3600 * DW_NS_PER_S)

/* One look: what is asked once for all its lines. */
struct look {
    struct output *o;
    struct dw_silences *silences;
    int64_t now_ns;
    uint64_t at;      /* where the line in hand begins */
    struct output_item item;
    bool takes;       /* the alert in hand goes on */
    bool is_silenced;
};

int output_read_line(const struct output *o, uint64_t at, uint64_t end, struct dw_buf *out)
{
    dw_buf_reset(out);
    while (at + out->len < end && out->len <= OUTPUT_LINE_MAX) {
        size_t want = end - at - out->len < STEP_BYTES ? (size_t)(end - at - out->len) : STEP_BYTES, n = 0;
        char *room = dw_buf_reserve(out, want);
        int rc = room ? dw_fs_pread(o->fs, o->log_fd, room, want, at + out->len, &n) : DW_ENOMEM;
        if (rc < 0 || n == 0)
            return rc < 0 ? rc : DW_ENOENT;
        size_t stop = dw_str_index(dw_str_make(room, n), '\n');
        out->len += stop;
        if (stop < n)
            return DW_OK;
    }
    return DW_ENOENT;
}

int output_open_log(struct output *o, uint64_t durable)
{
    char path[OUTPUT_PATH_CAP], hash[17];
    struct dw_buf line = {0};
    struct output_journal *j = &o->journal;
    int rc = dw_path_join(path, sizeof path, o->alerts_dir, "alerts.log");
    if (rc == DW_OK)
        rc = dw_fs_open(o->fs, path, O_RDONLY, 0, &o->log_fd);
    if (rc < 0 || j->seen == 0)
        return rc;
    bool same = j->seen <= durable && output_read_line(o, j->seen_from, j->seen, &line) == DW_OK;
    if (same) {
        output_hash(dw_buf_view(&line), hash);
        same = j->seen_from + line.len + 1 == j->seen && strcmp(hash, j->seen_hash) == 0;
    }
    dw_buf_fini(&line);
    if (same)
        return DW_OK;
    dw_warn("output %s: alerts.log is not the one that it has read: it begins anew; alerts older than notify.max_age are not sent", o->opt->name.ptr);
    output_journal_told(j); /* offsets of another log */
    output_journal_seen(j, 0, 0, "");
    return DW_OK;
}

/* What an alert as it stands is to this output. */
static void judge(void *arg, const struct dw_alert *a)
{
    struct look *l = arg;
    l->takes = !l->o->filter || dw_alert_filter_takes(l->o->filter, a);
    l->is_silenced = l->takes && dw_silences_find(l->silences, a) != NULL;
}

static int hold(struct look *l)
{
    if (l->o->journal.held_count == 0)
        l->o->held_ns = dw_clock_mono(l->o->clock);
    DW_COUNT(output_fused);
    return output_journal_hold(&l->o->journal, l->at);
}

static int take(struct look *l, const struct dw_alert *raised)
{
    bool replaced = false;
    struct output *o = l->o;
    if (l->is_silenced) {
        DW_COUNT(output_silenced);
        return DW_OK;
    }
    if (raised && o->fuse && !dw_fuse_takes(o->fuse, raised))
        return hold(l);
    l->item.since_ns = l->now_ns;
    int rc = output_journal_add(&o->journal, &l->item, &replaced);
    DW_COUNT_IF(replaced, output_superseded);
    return rc;
}

static int take_line(struct look *l, struct dw_str line, struct dw_arena *arena)
{
    struct alert_pending p = {0};
    dw_arena_reset(arena);
    if (!alert_read_line(line, arena, &p))
        return DW_OK; /* the store has counted it */
    bool is_change = p.kind == ALERT_CHANGED && p.change.field != DW_ALERT_note;
    if (p.kind != ALERT_RAISED && !is_change)
        return DW_OK;
    int64_t time_ns = is_change ? p.change.time_ns : p.raised.time_ns;
    const char *id = is_change ? p.change.alert : p.raised.id;
    l->item = (struct output_item){.kind = is_change ? OUTPUT_CHANGED : OUTPUT_RAISED};
    l->takes = l->is_silenced = false;
    (void)snprintf(l->item.id, sizeof l->item.id, "%s", id);
    if (is_change)
        (void)snprintf(l->item.revision, sizeof l->item.revision, "%s", p.change.change);
    else
        (void)snprintf(l->item.revision, sizeof l->item.revision, "%" PRId64 "%s", p.raised.total, p.raised.calm ? "-calm" : "");
    if (strlen(id) >= sizeof l->item.id || strcspn(id, " \n") != strlen(id)) /* no id of ours */
        return DW_OK;
    int rc = output_find(l->o, id, judge, l);
    if (rc < 0 || !l->takes)
        return rc == DW_ENOENT ? DW_OK : rc; /* a change of an alert that there is not */
    if (l->now_ns - time_ns > l->o->all->notify_max_age) {
        DW_COUNT(output_old);
        return DW_OK;
    }
    return take(l, is_change ? NULL : &p.raised);
}

static int look_at(struct look *l, uint64_t durable)
{
    struct output_journal *j = &l->o->journal;
    struct dw_buf line = {0};
    struct dw_arena arena;
    char hash[17], last_hash[17] = "";
    uint64_t at = j->seen, last = at;
    int rc = DW_OK;
    dw_arena_init(&arena, 0);
    while (rc == DW_OK && at < durable && at - j->seen < STEP_BYTES) {
        rc = output_read_line(l->o, at, durable, &line);
        if (rc < 0)
            break;
        output_hash(dw_buf_view(&line), hash);
        l->at = at;
        rc = take_line(l, dw_buf_view(&line), &arena);
        if (rc < 0)
            break;
        memcpy(last_hash, hash, sizeof hash);
        last = at;
        at += line.len + 1;
    }
    if (rc == DW_ENOENT) { /* durable bytes without an end: longer than any line that the store takes */
        dw_warn("output %s: alerts.log has no line at byte %" PRIu64 ": the rest of it is passed over", l->o->opt->name.ptr, at);
        output_journal_seen(j, durable, durable, "");
        rc = DW_OK;
    } else if (at > j->seen) {
        output_journal_seen(j, last, at, last_hash);
    }
    dw_arena_fini(&arena);
    dw_buf_fini(&line);
    return rc;
}

/* Whether it is one of a flood. There is no summary of these: that of their alerts comes. */
static bool holds_early(struct output *o, const struct dw_alert *a)
{
    return o->early_fuse && !dw_fuse_takes(o->early_fuse, a);
}

/* It is not sent, and its end is not either. */
static int hide_early(struct look *l, const struct dw_alert *a)
{
    struct dw_keyed *held = &l->o->early_held;
    DW_COUNT_IF(l->is_silenced, output_silenced);
    DW_COUNT_IF(!l->is_silenced, provisional_unsent);
    if (held->count == EARLY_HELD_MOST)
        dw_keyed_drop_first(held);
    return dw_keyed_get(held, dw_str_of(a->id), sizeof(struct dw_keyed_item)) ? DW_OK : DW_ENOMEM;
}

static int take_provisional(struct look *l, struct dw_str line, struct dw_arena *arena)
{
    struct dw_alert a;
    dw_arena_reset(arena);
    if (!dw_raised_read(line, arena, &a))
        return DW_OK;
    dw_provisional_said(&a);
    judge(l, &a);
    const enum dw_provisional_state state = dw_provisional_state_of(a.doc);
    if (!l->takes || state == DW_PROVISIONAL_STATES)
        return DW_OK;
    if (state != DW_PROVISIONAL_RAISED && dw_keyed_find(&l->o->early_held, dw_str_of(a.id)))
        return DW_OK;
    if (state == DW_PROVISIONAL_RAISED && (l->is_silenced || holds_early(l->o, &a)))
        return hide_early(l, &a);
    l->is_silenced = false; /* who heard that it was raised hears of its end */
    l->item = (struct output_item){.kind = OUTPUT_PROVISIONAL, .line = line};
    (void)snprintf(l->item.id, sizeof l->item.id, "%s", a.id);
    (void)snprintf(l->item.revision, sizeof l->item.revision, "%s", dw_provisional_text(state));
    return take(l, NULL);
}

int output_look_provisional(struct output *o, struct dw_str lines)
{
    struct look l = {.o = o, .now_ns = dw_clock_real(o->clock)};
    struct dw_arena arena;
    dw_arena_init(&arena, 0);
    int rc = dw_silences_load(o->view, &l.silences);
    while (lines.len) {
        const struct dw_str line = dw_str_cut(&lines, '\n');
        int one = rc == DW_OK ? take_provisional(&l, line, &arena) : rc;
        DW_COUNT_IF(one < 0, provisional_unsent);
        rc = one;
    }
    dw_silences_free(l.silences);
    dw_arena_fini(&arena);
    int kept = output_journal_commit(&o->journal);
    return rc < 0 ? rc : kept;
}

int output_look(struct output *o, uint64_t durable)
{
    struct look l = {.o = o, .now_ns = dw_clock_real(o->clock)};
    int64_t mono = dw_clock_mono(o->clock);
    int rc = DW_OK;
    if (!o->fuse || mono - o->fuse_ns > FUSE_LIFE_NS) { /* it keeps what it has shown of every hour */
        dw_fuse_free(o->fuse);
        dw_fuse_free(o->early_fuse);
        o->fuse = dw_fuse_new();
        o->early_fuse = dw_fuse_new();
        o->fuse_ns = mono;
    }
    while (rc == DW_OK && o->journal.seen < durable) {
        rc = dw_silences_load(o->view, &l.silences);
        if (rc < 0)
            return rc;
        rc = look_at(&l, durable);
        dw_silences_free(l.silences);
        l.silences = NULL;
        int kept = output_journal_commit(&o->journal);
        rc = rc < 0 ? rc : kept;
    }
    return rc;
}
