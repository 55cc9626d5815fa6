/*
 * retention: what an archive keeps: states beside sealed segments, segments that somebody holds, and what is let go.
 *
 * Idea: to let a segment go is an entry of the manifest first and a removed file second. What is gone is stood for by the state at the end
 * of the last segment that went, so a reader goes on behind it as if it had read all of it.
 *
 * Invariants:
 *   (1) Nothing is removed before the entry that says so is synced; its seal's entry stays for ever.
 *   (2) What is let go ends at a state. A held segment is not let go, nor the one behind it, whose signatures cover its last frames, nor the
 *       newest sealed one.
 */
#include "archive_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>

enum { STATE_SHARE = 4 }; /* a state is worth so many times its size of what was sealed since the one before */

/* ---- states ---- */

bool dw_archive_state_due(const struct dw_archive *a)
{
    const struct dw__manifest *m = &a->manifest;
    uint64_t since = 0;
    if (m->sealed_count == 0 || a->frames || m->sealed[m->sealed_count - 1].has_state)
        return false;
    for (uint64_t i = m->sealed_count; i-- > 0;) {
        if (m->sealed[i].has_state)
            return since / STATE_SHARE >= m->sealed[i].state_bytes;
        since += m->sealed[i].bytes;
    }
    return true;
}

int dw_archive_keep_state(struct dw_archive *a, struct dw_str state)
{
    char path[DW__PATH_MAX];
    struct dw__entry_info entry = {.type = DW__ENTRY_STATE};
    DW_ASSERT(a->manifest.sealed_count && a->frames == 0);
    entry.segment.number = a->manifest.sealed[a->manifest.sealed_count - 1].number;
    int rc = dw__state_path(path, a->dir, entry.segment.number);
    if (rc == DW_OK)
        rc = dw__state_write(a->conf.fs, path, state, &entry.segment);
    if (rc < 0)
        return rc;
    (void)snprintf(entry.segment.file, sizeof entry.segment.file, "%s", strrchr(path, '/') + 1);
    return dw__manifest_append(a->conf.fs, a->dir, &a->manifest, &entry, dw_clock_real(a->conf.clock));
}

/* ---- letting go ---- */

static bool is_asked_for(const struct dw_segment_info *s, const struct dw_expire *how, uint64_t kept)
{
    bool old = s->sealed_ns < how->before_ns && (s->time_max_ns < how->before_ns || s->time_max_ns == INT64_MAX);
    return old || (how->keep_bytes && kept > how->keep_bytes);
}

/* Of segments that go one after the other, those behind the last state have to stay: nothing would stand for them. */
static void stop_at_state(const struct dw__manifest *m, uint8_t *goes, struct dw_expired *ret)
{
    for (uint64_t end = m->sealed_count; end-- > 0;) {
        bool run_ends = (goes[end] || m->sealed[end].expired) && !(end + 1 < m->sealed_count && (goes[end + 1] || m->sealed[end + 1].expired));
        for (uint64_t i = end; run_ends && goes[i] && !m->sealed[i].has_state; i--) {
            goes[i] = 0;
            ret->waiting++;
            if (i == 0)
                break;
        }
    }
}

/* What counts of sealed[i]: what is held is not to be had, and the rest must not go for it. */
static uint64_t size_of(const struct dw__manifest *m, uint64_t i)
{
    const struct dw_segment_info *s = &m->sealed[i];
    uint64_t state = dw__manifest_keeps_state(m, i) ? s->state_bytes : 0;
    return s->expired || dw__manifest_held(m, i) ? state : s->bytes + state;
}

static int plan(const struct dw__manifest *m, const struct dw_expire *how, uint8_t **ret_goes, struct dw_expired *ret)
{
    uint64_t kept = 0;
    uint8_t *goes = dw_calloc(m->sealed_count + 1, 1);
    *ret = (struct dw_expired){0};
    *ret_goes = goes;
    if (!goes)
        return DW_ENOMEM;
    for (uint64_t i = 0; i < m->sealed_count; i++)
        kept += size_of(m, i);
    for (uint64_t i = 0; i + 1 < m->sealed_count; i++) {
        const struct dw_segment_info *s = &m->sealed[i];
        if (s->expired || !is_asked_for(s, how, kept))
            continue;
        goes[i] = !dw__manifest_held(m, i);
        ret->held += !goes[i];
        kept -= goes[i] ? size_of(m, i) : 0;
    }
    stop_at_state(m, goes, ret);
    for (uint64_t i = 0; i < m->sealed_count; i++) {
        ret->segments += goes[i];
        ret->bytes += goes[i] ? m->sealed[i].bytes : 0;
        ret->events += goes[i] ? m->sealed[i].events : 0;
    }
    return DW_OK;
}

static void tell_each(const struct dw__manifest *m, const uint8_t *goes, const struct dw_expire *how)
{
    for (uint64_t i = 0; how->each && i < m->sealed_count; i++)
        if (goes[i])
            how->each(how->arg, &m->sealed[i]);
}

int dw_archive_expire_plan(const struct dw_fs *fs, const char *dir, const struct dw_expire *how, struct dw_expired *ret)
{
    struct dw__manifest m;
    uint8_t *goes = NULL;
    int rc = dw__manifest_read(fs, dir, &m);
    if (rc < 0)
        return rc;
    rc = plan(&m, how, &goes, ret);
    if (rc == DW_OK)
        tell_each(&m, goes, how);
    dw_free(goes);
    dw__manifest_fini(&m);
    return rc;
}

static void remove_file(const struct dw_archive *a, const char *path)
{
    struct dw_stat st;
    if (dw_fs_lstat(path, &st) < 0)
        return;
    int rc = dw_fs_unlink(a->conf.fs, path);
    (void)rc; /* nobody reads it any more, and the next start tries again */
}

void dw__remove_expired(const struct dw_archive *a)
{
    char path[DW__PATH_MAX];
    const struct dw__manifest *m = &a->manifest;
    for (uint64_t i = 0; i < m->sealed_count; i++) {
        const struct dw_segment_info *s = &m->sealed[i];
        if (s->expired && dw_path_join(path, sizeof path, a->dir, s->file) == DW_OK)
            remove_file(a, path);
        if (s->expired && !dw__manifest_keeps_state(m, i) && dw__state_path(path, a->dir, s->number) == DW_OK)
            remove_file(a, path);
    }
}

int dw_archive_expire(struct dw_archive *a, const struct dw_expire *how, struct dw_expired *ret)
{
    const struct dw__manifest *m = &a->manifest;
    uint8_t *goes = NULL;
    int rc = plan(m, how, &goes, ret);
    if (rc == DW_OK)
        tell_each(m, goes, how);
    for (uint64_t i = 0; rc == DW_OK && i < m->sealed_count; i++) {
        struct dw__entry_info entry = {.type = DW__ENTRY_EXPIRE, .segment.number = m->sealed[i].number, .asked = how->asked};
        if (!goes[i])
            continue;
        while (goes[i + 1]) /* the newest never goes */
            i++;
        entry.upto = m->sealed[i].number;
        rc = dw__manifest_append(a->conf.fs, a->dir, &a->manifest, &entry, dw_clock_real(a->conf.clock));
    }
    dw_free(goes);
    if (rc == DW_OK)
        DW_COUNT_N(archive_segments_expired, ret->segments);
    if (ret->segments)
        dw__remove_expired(a);
    return rc;
}

/* ---- holds and exports ---- */

static const struct dw_hold *find_hold(const struct dw__manifest *m, const char *name)
{
    for (uint32_t i = 0; i < m->hold_count; i++)
        if (strcmp(m->hold[i].name, name) == 0)
            return &m->hold[i];
    return NULL;
}

static int append(struct dw_archive *a, struct dw__entry_info *entry)
{
    return dw__manifest_append(a->conf.fs, a->dir, &a->manifest, entry, dw_clock_real(a->conf.clock));
}

int dw_archive_hold(struct dw_archive *a, const char *name, int64_t from_ns, int64_t to_ns, const struct dw_asked *asked)
{
    struct dw__entry_info entry = {.type = DW__ENTRY_HOLD, .segment.number = a->manifest.open, .from_ns = from_ns, .to_ns = to_ns, .asked = *asked};
    if (find_hold(&a->manifest, name))
        return DW_EEXIST;
    if (!*name || strlen(name) >= sizeof entry.name || from_ns > to_ns)
        return DW_ERANGE;
    (void)snprintf(entry.name, sizeof entry.name, "%s", name);
    return append(a, &entry);
}

int dw_archive_release(struct dw_archive *a, const char *name, const struct dw_asked *asked)
{
    struct dw__entry_info entry = {.type = DW__ENTRY_RELEASE, .segment.number = a->manifest.open, .asked = *asked};
    const struct dw_hold *h = find_hold(&a->manifest, name);
    if (!h)
        return DW_ENOENT;
    memcpy(entry.name, h->name, sizeof entry.name);
    return append(a, &entry);
}

int dw_archive_exported(struct dw_archive *a, uint64_t from, uint64_t to, const struct dw_asked *asked)
{
    struct dw__entry_info entry = {.type = DW__ENTRY_EXPORT, .segment.number = from, .upto = to, .asked = *asked};
    return from > to || to > a->manifest.open ? DW_ERANGE : append(a, &entry);
}

int dw_archive_is_done(const struct dw_archive *a, const char *id, bool *ret)
{
    uint32_t entries;
    int rc = dw_archive_done(a->conf.fs, a->dir, id, &entries);
    if (rc == DW_OK)
        *ret = entries > 0;
    return rc;
}
