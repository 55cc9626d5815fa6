/*
 * orphan: logs of which rotated files are all that is there.
 *
 * Idea: a log may be made, rotated and gone again between two looks, or have no name in just the moment of one. It is a log like others then, whose name is gone, and what
 * rotation made of it is read, as of any log that is found.
 *
 * Invariants:
 *   (1) Where nothing was written since the last look, nothing is read: who removes a program leaves its rotated files.
 *   (2) Where that cannot be told the look was a partial one, and what is beside the log is looked at again, by the next start, too.
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>
#include <sys/stat.h>

/* Whether a file beside it was made or written to since then. */
static bool has_new(struct agent *a, const char *path, int64_t since_ns)
{
    struct siblings s;
    bool found = false;
    folder_siblings(a, path, &s);
    for (uint32_t i = 0; i < s.count && !found; i++)
        found = stamp_new(a, s.item[i].st.birth_ns, since_ns) || stamp_new(a, s.item[i].st.mtime_ns, since_ns);
    a->partial |= !s.sure;
    siblings_fini(&s);
    return found;
}

bool orphan_at(struct agent *a, const char *path)
{
    const struct found *f = agent_log(a, path);
    int64_t since = tails_since(a, NULL);
    struct dw_stat st;
    if ((f && !f->adopted) || strcmp(a->orphan, path) == 0)
        return false;
    (void)snprintf(a->orphan, sizeof a->orphan, "%s", path);
    int rc = dw_fs_stat(path, &st);
    a->partial |= rc == DW_OK && S_ISREG(st.mode); /* its name has come since it was looked for */
    if (rc != DW_ENOENT)
        return false;
    bool sure, packed = packed_recent(a, path, since, &sure);
    a->partial |= !sure;
    return packed || has_new(a, path, since);
}
