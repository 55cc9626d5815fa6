/*
 * trust_list: the agents that alone are agreed to, out of a file.
 */
#include "dogwatch/collect/trust_list.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/sign.h"

enum { LIST_MAX = 4 << 20 };

static bool take_line(struct dw_str line, uint8_t *id)
{
    struct dw_str word = dw_str_trim(dw_str_slice(line, 0, dw_str_index(line, '#')));
    return word.len == 2 * (size_t)DW_AGENT_ID_BYTES && dw_unhex(word, id, DW_AGENT_ID_BYTES);
}

int dw_trust_read_list(const char *path, uint8_t **ret, uint32_t *ret_count)
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
