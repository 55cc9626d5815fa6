/*
 * trust: what people say of agents: a list in a file, and approvals that `dogwatch agents approve` leaves in DATA/state/approve.
 *
 * Invariant: an approval's file goes only after the decision is durable.
 */
#include "trust.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

enum { LIST_MAX = 4 << 20, NAMES_MAX = 10000, PATH_CAP = 4096 };

static bool take_line(struct dw_str line, uint8_t *id)
{
    struct dw_str word = dw_str_trim(dw_str_slice(line, 0, dw_str_index(line, '#')));
    return word.len == 2 * (size_t)DW_AGENT_ID_BYTES && dw_unhex(word, id, DW_AGENT_ID_BYTES);
}

int trust_read_list(const char *path, uint8_t **ret, uint32_t *ret_count)
{
    struct dw_buf text = {0};
    uint32_t number = 0, count = 0, cap = 1;
    int rc = dw_fs_read_file(&dw_fs_system, path, LIST_MAX, &text);
    for (size_t i = 0; i < text.len; i++)
        cap += text.ptr[i] == '\n';
    uint8_t *ids = rc == DW_OK ? dw_alloc((size_t)cap * DW_AGENT_ID_BYTES) : NULL;
    if (rc == DW_OK && !ids)
        rc = DW_ENOMEM;
    for (struct dw_str rest = dw_buf_view(&text); rc == DW_OK && rest.len;) {
        struct dw_str line = dw_str_cut(&rest, '\n'), bare = dw_str_trim(dw_str_slice(line, 0, dw_str_index(line, '#')));
        number++;
        if (bare.len == 0)
            continue;
        if (!take_line(line, ids + (size_t)count++ * DW_AGENT_ID_BYTES)) {
            dw_error("%s:%u:1: no agent id (32 hex digits): %.*s", path, number, DW_ARG(bare));
            rc = DW_ECONFIG;
        }
    }
    if (rc < 0 && rc != DW_ECONFIG)
        dw_error("trust.file %s: %s", path, dw_err_text(rc));
    dw_buf_fini(&text);
    if (rc < 0) {
        dw_free(ids);
        return rc;
    }
    *ret = ids;
    *ret_count = count;
    return DW_OK;
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
        if (!take_line(dw_str_of(name), id) || dw_path_join(path, sizeof path, dir, name) < 0)
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
