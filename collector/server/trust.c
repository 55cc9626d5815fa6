/*
 * trust: approvals of agents, which `dogwatch agents approve` leaves in DATA/state/approve.
 *
 * Invariant: an approval's file goes only after the decision is durable.
 */
#include "trust.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

enum { NAMES_MAX = 10000, PATH_CAP = 4096 };

static bool is_agent(struct dw_str name, uint8_t *id)
{
    return name.len == 2 * (size_t)DW_AGENT_ID_BYTES && dw_unhex(name, id, DW_AGENT_ID_BYTES);
}

int trust_take_approvals(const char *data, struct dw_intake_engine *e, bool *closed)
{
    char dir[PATH_CAP], path[PATH_CAP];
    struct dw_buf names = {0};
    int rc = DW_OK, found = dw_path_join(dir, sizeof dir, data, "state/approve");
    if (*closed || found < 0)
        return found;
    found = dw_fs_list(dir, NAMES_MAX, &names); /* of more, the rest comes the next time */
    for (const char *name = names.ptr; rc == DW_OK && !*closed && name && name < names.ptr + names.len; name += strlen(name) + 1) {
        uint8_t id[DW_AGENT_ID_BYTES];
        if (!is_agent(dw_str_of(name), id) || dw_path_join(path, sizeof path, dir, name) < 0)
            continue;
        rc = dw_intake_approve(e, id);
        if (rc < 0)
            break;
        dw_info("agent %s is approved", name);
        found = dw_fs_put_away(&dw_fs_system, path);
        *closed = found < 0;
    }
    dw_buf_fini(&names);
    *closed |= found < 0 && found != DW_ENOENT && found != DW_ELIMIT;
    if (*closed)
        dw_error("%s: %s: approvals are not taken any more until the next start", dir, dw_err_text(found));
    return rc;
}
