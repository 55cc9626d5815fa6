/*
 * orphan: logs of which rotated files are all that is there.
 *
 * Idea: a log may be made, rotated and gone again between two looks, or have no name in just the moment of one. It is a log like others then, whose name is gone, and what
 * rotation made of it is read.
 *
 * Invariant: what was there at the last look is left alone: who removes a program leaves its rotated files.
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"

/* Whether a file beside it was made, written to, or given its name since then. */
static bool has_new(struct agent *a, const char *path, int64_t since_ns)
{
    struct siblings s;
    bool found = false;
    folder_siblings(a, path, &s);
    for (uint32_t i = 0; i < s.count && !found; i++)
        found = stamp_new(a, s.item[i].st.ctime_ns, since_ns);
    siblings_fini(&s);
    return found;
}

bool orphan_at(struct agent *a, const char *path)
{
    int64_t since = a->seen_ns ? a->seen_ns : a->meta.left_ns;
    struct dw_stat st;
    return !agent_log(a, path) && dw_fs_stat(path, &st) == DW_ENOENT && (has_new(a, path, since) || packed_recent(a, path, since));
}
