/*
 * inbox: what other processes ask for.
 *
 * Invariants:
 *   (1) A file goes only after what it asks for is durable, or was refused and said so; its name makes it count once, whatever crashes.
 *   (2) Nothing that people put there can stop the collector: what cannot be taken or removed is said.
 *   (3) Who owns the file is who asks: nobody speaks for somebody else but root, and who runs the collector.
 */
#include "dogwatch/collect/inbox.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 100000, FILE_MAX = 128 * 1024 };
enum { TURN_MAX = 1000 }; /* files that are taken at once: frames wait meanwhile */

int dw_inbox_make(const struct dw_fs *fs, const char *path)
{
    struct dw_stat st = {0};
    int rc = dw_fs_mkdirs(fs, path, 0770);
    if (rc == DW_OK)
        rc = dw_fs_stat(path, &st);
    if (rc == DW_OK && st.uid == geteuid() && (st.mode & 07777) != 03770 && chmod(path, 03770) < 0) /* whatever the umask says; sticky: nobody takes away, and back, what another asked */
        rc = dw_err_from_errno(errno);
    return rc;
}

int dw_inbox_name(char ret[DW_INBOX_NAME])
{
    uint8_t chance[4];
    char hex[2 * sizeof chance + 1];
    if (dw_rng_bytes(chance, sizeof chance) < 0)
        return DW_ECRYPTO;
    dw_hex(chance, sizeof chance, hex);
    (void)snprintf(ret, DW_INBOX_NAME, "%020" PRId64 "-%s", dw_clock_real(&dw_clock_system), hex);
    return DW_OK;
}

int dw_inbox_leave(const struct dw_fs *fs, const char *path, const char *name, const struct dw_buf *text)
{
    char file[DW_INBOX_PATH];
    int rc = text->err ? text->err : dw_path_join(file, sizeof file, path, name);
    return rc == DW_OK ? dw_fs_write_file(fs, file, 0640, dw_buf_view(text)) : rc;
}

bool dw_inbox_answered(const char *path, const char *name)
{
    char file[DW_INBOX_PATH];
    struct dw_stat st;
    return dw_path_join(file, sizeof file, path, name) == DW_OK && dw_fs_stat(file, &st) == DW_ENOENT;
}

/* ---- the collector's end ---- */

/* Temporary files of writers in the middle have other names. */
static bool is_name(const char *name)
{
    size_t len = strlen(name);
    return len && len < DW_INBOX_NAME && strspn(name, "0123456789abcdef-") == len;
}

bool dw_inbox_asked(const struct dw_inbox *b)
{
    struct dw_buf names = {0};
    if (b->closed)
        return false;
    int rc = dw_fs_list(b->path, NAMES_MAX, &names);
    bool any = false;
    for (const char *n = names.ptr; n && n < names.ptr + names.len; n += strlen(n) + 1)
        any |= is_name(n);
    dw_buf_fini(&names);
    return any || (rc < 0 && rc != DW_ENOENT && rc != DW_ELIMIT);
}

static void name_owner(uint32_t uid, char out[DW_INBOX_OWNER])
{
    struct passwd pw, *found = NULL;
    char room[4096];
    if (getpwuid_r((uid_t)uid, &pw, room, sizeof room, &found) == 0 && found)
        (void)snprintf(out, DW_INBOX_OWNER, "%s", pw.pw_name);
    else
        (void)snprintf(out, DW_INBOX_OWNER, "uid %" PRIu32, uid);
}

/* What stands in the way of taking anything is said once. */
static int close_inbox(struct dw_inbox *b, const char *path, int rc)
{
    dw_error("%s: %s: %s is not taken any more until the next start", path, dw_err_text(rc), b->what);
    b->closed = true;
    return DW_OK;
}

/* Keeps the first names that are of files that somebody left: the rest is taken the next time. */
static void cut_after(struct dw_buf *names, int count)
{
    char *n = names->ptr;
    for (; n && n < names->ptr + names->len && count; n += strlen(n) + 1)
        count -= is_name(n);
    names->len = n ? (size_t)(n - names->ptr) : 0;
}

/* Codes of a disk or memory that fails; else what stands in the way of this file is a reason to refuse it. */
static int take_file(const struct dw_inbox *b, const char *path, const char *name, const char **ret_why)
{
    struct dw_buf text = {0};
    uint32_t uid = 0;
    char owner[DW_INBOX_OWNER];
    *ret_why = NULL;
    int rc = dw_fs_read_owned(b->fs, path, FILE_MAX, &text, &uid);
    if (rc == DW_OK) {
        name_owner(uid, owner);
        rc = b->take(b->arg, &(struct dw_asked_file){.name = name, .text = dw_buf_view(&text), .owner = owner, .trusted = uid == 0 || uid == geteuid()},
            ret_why);
    } else if (rc == DW_ENOENT || rc == DW_ELIMIT || rc == DW_ENOTREG || rc == DW_EACCES) {
        *ret_why = dw_err_text(rc);
        rc = DW_OK;
    }
    dw_buf_fini(&text);
    return rc;
}

static int take_files(const struct dw_inbox *b, const struct dw_buf *names, uint32_t *ret_refused)
{
    char path[DW_INBOX_PATH];
    const char *why;
    int rc = DW_OK;
    for (const char *n = names->ptr; rc == DW_OK && n && n < names->ptr + names->len; n += strlen(n) + 1) {
        if (!is_name(n) || dw_path_join(path, sizeof path, b->path, n) < 0)
            continue;
        rc = take_file(b, path, n, &why);
        *ret_refused += rc == DW_OK && why;
        if (rc == DW_OK && why)
            dw_warn("%s is refused: %s (%s)", b->what, why, path);
    }
    return rc;
}

int dw_inbox_take(struct dw_inbox *b, uint32_t *ret_refused)
{
    char path[DW_INBOX_PATH];
    struct dw_buf names = {0};
    *ret_refused = 0;
    int rc = dw_fs_list(b->path, NAMES_MAX, &names);
    if (rc < 0 && rc != DW_ELIMIT) {
        dw_buf_fini(&names);
        return rc == DW_ENOENT ? DW_OK : rc == DW_ENOMEM ? rc : close_inbox(b, b->path, rc);
    }
    if (rc == DW_ELIMIT)
        dw_warn("more than %d files wait in %s: they are not taken in the order of asking", NAMES_MAX, b->path);
    cut_after(&names, TURN_MAX);
    rc = take_files(b, &names, ret_refused);
    if (rc == DW_OK)
        rc = b->sync(b->arg);
    for (const char *n = names.ptr; rc == DW_OK && !b->closed && n && n < names.ptr + names.len; n += strlen(n) + 1) {
        if (!is_name(n) || dw_path_join(path, sizeof path, b->path, n) < 0)
            continue;
        int away = dw_fs_put_away(b->fs, path);
        if (away < 0)
            rc = close_inbox(b, path, away);
    }
    dw_buf_fini(&names);
    return rc;
}
