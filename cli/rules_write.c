/*
 * rules_write: a file of somebody's rules written over, by a new one under its name; and one where nothing is.
 *
 * Invariants: (1) Only the bytes that were judged are replaced. (2) Whatever fails, the old file or the new one stands there. (3) Neither links nor files of
 * others are replaced: the new file would be none, and ours. Group and permissions stay, so who could read the rules still can.
 */
#include "rules.h"

#include "dogwatch/base/error.h"

#include <sys/stat.h>
#include <unistd.h>

int rules_write_over(const struct dw_fs *fs, const char *path, struct dw_str before, struct dw_str now)
{
    struct dw_buf text = {0};
    struct dw_stat st;
    int rc = dw_fs_lstat(path, &st);
    if (rc < 0)
        return rc;
    if (!S_ISREG(st.mode))
        return DW_ENOTREG;
    if (st.uid != (uint32_t)geteuid())
        return DW_EACCES;
    rc = dw_fs_read_file(fs, path, RULES_FILE_BYTES_MAX, &text);
    if (rc == DW_OK)
        rc = dw_str_eq(dw_buf_view(&text), before) ? dw_fs_write_over(fs, path, &st, now) : DW_EAGAIN;
    dw_buf_fini(&text);
    return rc;
}

int rules_write_new(const struct dw_fs *fs, const char *path, struct dw_str text)
{
    struct dw_stat st;
    int rc = dw_fs_lstat(path, &st);
    if (rc != DW_ENOENT)
        return rc < 0 ? rc : DW_EEXIST;
    return dw_fs_write_file(fs, path, 0644, text);
}
