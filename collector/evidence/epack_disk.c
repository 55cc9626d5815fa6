/*
 * epack_disk: packs as folders and tars.
 *
 * Idea: PACK is read first, and is the only source of names: what it lists is opened, without following links, and held against it; what
 * else stands in the folder is named and never opened.
 *
 * Invariants:
 *   (1) Nothing is written over: the folder, the tar and each file in it are made where nothing was.
 *   (2) PACK is written after every file that it lists is synced.
 *   (3) At most the bytes that PACK names of a file, within the bounds of a pack, are read.
 */
#include "epack_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

enum { PATH_CAP = 4096, TEXT_CAP = 512, NAMES_MAX = DW_EPACK_FILES_MAX + 64, TAR_MAX = DW_EPACK_BYTES_MAX + DW_EPACK_FILES_MAX * 1024 + DW_EPACK_LIST_MAX };

static const char *const folders[] = {"frames", "rule"};

/* ---- writing ---- */

static int write_folder(const struct dw_fs *fs, const struct dw_epack *p, const char *path, struct dw_str list)
{
    char at[PATH_CAP];
    int rc = dw_fs_mkdir_new(fs, path, 0750);
    for (size_t i = 0; i < DW_COUNT_OF(folders) && rc == DW_OK; i++) {
        rc = dw_path_join(at, sizeof at, path, folders[i]);
        if (rc == DW_OK)
            rc = dw_fs_mkdir_new(fs, at, 0750);
    }
    for (uint32_t i = 0; i < dw_epack_count(p) && rc == DW_OK; i++) {
        const struct dw_epack_file *f = dw_epack_at(p, i);
        rc = dw_path_join(at, sizeof at, path, f->name);
        if (rc == DW_OK)
            rc = dw_fs_write_new(fs, at, 0640, dw_buf_view(&f->bytes));
    }
    for (size_t i = 0; i < DW_COUNT_OF(folders) && rc == DW_OK; i++) {
        rc = dw_path_join(at, sizeof at, path, folders[i]);
        if (rc == DW_OK)
            rc = dw_fs_sync_dir(fs, at);
    }
    if (rc == DW_OK)
        rc = dw_path_join(at, sizeof at, path, "PACK");
    if (rc == DW_OK)
        rc = dw_fs_write_new(fs, at, 0640, list);
    return rc == DW_OK ? dw_fs_sync_dir(fs, path) : rc;
}

int dw_epack_write(const struct dw_fs *fs, const struct dw_epack *p, const char *path, uint8_t ret_digest[DW_SHA256_BYTES])
{
    struct dw_buf list = {0}, tar = {0};
    int rc = dw_epack_list_write(p, &list, ret_digest);
    if (rc == DW_OK && dw_str_ends(dw_str_of(path), DW_STR(".tar"))) {
        epack_tar_write(p, dw_buf_view(&list), &tar);
        rc = tar.err ? tar.err : dw_fs_write_new(fs, path, 0640, dw_buf_view(&tar));
    } else if (rc == DW_OK) {
        rc = write_folder(fs, p, path, dw_buf_view(&list));
    }
    if (rc == DW_OK)
        rc = dw_fs_sync_parent(fs, path);
    dw_buf_fini(&list);
    dw_buf_fini(&tar);
    return rc;
}

/* ---- reading ---- */

struct reading {
    dw_epack_problem *problem;
    void *arg;
    const struct dw_fs *fs;
    const char *path; /* of the folder */
    struct dw_epack_list list;
    struct dw_epack *pack;
    bool *seen; /* of a tar: entry i is there */
    bool folder_ok[2];
};

static void say(const struct reading *r, const char *where, const char *fmt, ...) DW_PRINTF(3, 4);

static void say(const struct reading *r, const char *where, const char *fmt, ...)
{
    char text[TEXT_CAP];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    r->problem(r->arg, where, text, false);
}

/* PACK's text into the list. DW_ECORRUPT, and said: there is nothing to hold a file against. */
static int take_list(struct reading *r, struct dw_str text, uint8_t ret_digest[DW_SHA256_BYTES])
{
    char where[32];
    uint32_t line;
    int rc = dw_epack_list_read(text, &r->list, &line);
    if (rc == DW_ENOMEM)
        return rc;
    (void)snprintf(where, sizeof where, "PACK:%" PRIu32, line);
    if (rc == DW_ESYNTAX || rc == DW_ELIMIT) {
        say(r, where, "%s", rc == DW_ELIMIT ? "over a bound of packs (docs/formats/evidence.md)" : "is no line that a list of this version has in this place");
        return DW_ECORRUPT;
    }
    if (rc == DW_ECORRUPT)
        say(r, "PACK", "its digest is not that of its lines: the list was changed");
    memcpy(ret_digest, r->list.digest, DW_SHA256_BYTES);
    r->pack = dw_epack_new(r->list.alert);
    return r->pack ? DW_OK : DW_ENOMEM;
}

/* Bytes of a file that PACK lists, into the pack where they are those that it names. */
static int take_bytes(struct reading *r, const struct dw_epack_entry *e, struct dw_str bytes)
{
    uint8_t real[DW_SHA256_BYTES];
    int rc;
    if (bytes.len != e->bytes) {
        say(r, e->name, "%s: %zu bytes, PACK says %" PRIu64, bytes.len < e->bytes ? "truncated" : "grown", bytes.len, e->bytes);
        return DW_OK;
    }
    dw_sha256_of(bytes, real);
    if (memcmp(real, e->sha256, sizeof real) != 0) {
        say(r, e->name, "changed: its SHA-256 is not the one in PACK");
        return DW_OK;
    }
    struct dw_buf *to = dw_epack_add(r->pack, e->name, &rc);
    if (!to)
        return rc;
    dw_buf_str(to, bytes);
    return to->err;
}

static void say_unread(const struct reading *r, const char *name, int rc)
{
    if (rc == DW_ENOENT)
        say(r, name, "deleted: PACK names it");
    else if (rc == DW_ENOTREG || rc == DW_ELIMIT)
        say(r, name, "is no regular file of the size that PACK says: links are not followed");
    else
        say(r, name, "cannot be read: %s", dw_err_text(rc));
}

/* One listed file of a folder. */
static int read_entry(struct reading *r, const struct dw_epack_entry *e)
{
    char path[PATH_CAP];
    struct dw_buf bytes = {0};
    uint32_t uid;
    for (size_t i = 0; i < DW_COUNT_OF(folders); i++) {
        size_t len = strlen(folders[i]);
        if (!r->folder_ok[i] && strncmp(e->name, folders[i], len) == 0 && e->name[len] == '/')
            return DW_OK; /* which was said */
    }
    int rc = dw_path_join(path, sizeof path, r->path, e->name);
    if (rc == DW_OK)
        rc = dw_fs_read_owned(r->fs, path, e->bytes + 1, &bytes, &uid);
    if (rc == DW_OK)
        rc = take_bytes(r, e, dw_buf_view(&bytes));
    else if (rc != DW_ENOMEM) {
        say_unread(r, e->name, rc);
        rc = DW_OK;
    }
    dw_buf_fini(&bytes);
    return rc;
}

static const struct dw_epack_entry *find_entry(const struct reading *r, struct dw_str name)
{
    uint32_t from = 0, to = r->list.count;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int c = dw_str_cmp(dw_str_of(r->list.entry[mid].name), name);
        if (c == 0)
            return &r->list.entry[mid];
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

static bool is_folder(const char *name)
{
    return strcmp(name, folders[0]) == 0 || strcmp(name, folders[1]) == 0;
}

/* What stands in the folder, or in `below` it, and is in no list. */
static int look_around(const struct reading *r, const char *below)
{
    char path[PATH_CAP], name[PATH_CAP];
    struct dw_buf names = {0};
    int rc = *below ? dw_path_join(path, sizeof path, r->path, below) : snprintf(path, sizeof path, "%s", r->path) < (int)sizeof path ? DW_OK : DW_ELIMIT;
    if (rc == DW_OK)
        rc = dw_fs_list(path, NAMES_MAX, &names);
    for (const char *n = names.ptr; rc == DW_OK && n && n < names.ptr + names.len; n += strlen(n) + 1) {
        (void)snprintf(name, sizeof name, "%s%s%s", below, *below ? "/" : "", n);
        bool ours = *below ? false : strcmp(n, "PACK") == 0 || is_folder(n);
        if (!ours && !find_entry(r, dw_str_of(name)))
            say(r, name, "added: PACK does not name it");
    }
    if (rc < 0 && rc != DW_ENOMEM) {
        say(r, *below ? below : ".", "cannot be listed: %s", dw_err_text(rc));
        rc = DW_OK;
    }
    dw_buf_fini(&names);
    return rc;
}

static int look_into(struct reading *r, size_t i)
{
    char path[PATH_CAP];
    struct dw_stat st = {0};
    int rc = dw_path_join(path, sizeof path, r->path, folders[i]);
    if (rc == DW_OK)
        rc = dw_fs_lstat(path, &st);
    r->folder_ok[i] = rc == DW_OK && S_ISDIR(st.mode);
    if (r->folder_ok[i])
        return look_around(r, folders[i]);
    if (rc == DW_OK)
        say(r, folders[i], "is no folder: links are not followed");
    else
        say(r, folders[i], "%s", rc == DW_ENOENT ? "deleted: every pack has this folder" : dw_err_text(rc));
    return DW_OK;
}

static int read_folder(struct reading *r, uint8_t ret_digest[DW_SHA256_BYTES])
{
    char path[PATH_CAP];
    struct dw_buf text = {0};
    uint32_t uid;
    int rc = dw_path_join(path, sizeof path, r->path, "PACK");
    if (rc == DW_OK)
        rc = dw_fs_read_owned(r->fs, path, DW_EPACK_LIST_MAX, &text, &uid);
    if (rc == DW_OK) {
        rc = take_list(r, dw_buf_view(&text), ret_digest);
    } else if (rc == DW_ENOENT || rc == DW_ENOTREG || rc == DW_ELIMIT) {
        say(r, "PACK", "%s", rc == DW_ENOENT ? "is not there: this is no evidence pack, or its list was deleted" : "is no regular file of a size that a list has");
        rc = DW_ECORRUPT;
    }
    dw_buf_fini(&text);
    if (rc == DW_OK)
        rc = look_around(r, "");
    for (size_t i = 0; i < DW_COUNT_OF(folders) && rc == DW_OK; i++)
        rc = look_into(r, i);
    for (uint32_t i = 0; i < r->list.count && rc == DW_OK; i++)
        rc = read_entry(r, &r->list.entry[i]);
    return rc;
}

/* ---- a tar ---- */

static int find_list(void *arg, struct dw_str name, struct dw_str bytes)
{
    struct dw_str *list = arg;
    if (dw_str_eq(name, DW_STR("PACK")))
        *list = bytes;
    return DW_OK;
}

static int take_member(void *arg, struct dw_str name, struct dw_str bytes)
{
    struct reading *r = arg;
    char shown[DW_EPACK_NAME_MAX + 1];
    const struct dw_epack_entry *e = find_entry(r, name);
    if (e) {
        r->seen[e - r->list.entry] = true;
        return take_bytes(r, e, bytes);
    }
    (void)snprintf(shown, sizeof shown, "%.*s", DW_ARG(name));
    if (!dw_str_eq(name, DW_STR("PACK")))
        say(r, shown, "added: PACK does not name it");
    return DW_OK;
}

static int read_tar(struct reading *r, struct dw_str tar, uint8_t ret_digest[DW_SHA256_BYTES])
{
    char where[48], folder[32];
    uint64_t at;
    struct dw_str list = DW_STR_NONE;
    int rc = epack_tar_each(tar, find_list, &list, &at);
    if (rc == DW_ECORRUPT) {
        (void)snprintf(where, sizeof where, "tar, byte %" PRIu64, at);
        say(r, where, "is not what `evidence export` writes there; a tar that another program wrote is unpacked first: verify the folder");
        return rc;
    }
    if (rc == DW_OK && !list.ptr) {
        say(r, "PACK", "is not there: this is no evidence pack, or its list was deleted");
        rc = DW_ECORRUPT;
    }
    if (rc == DW_OK)
        rc = take_list(r, list, ret_digest);
    if (rc < 0)
        return rc;
    (void)snprintf(folder, sizeof folder, "evidence-%.12s", r->list.alert);
    if (memcmp(tar.ptr, folder, strlen(folder)) != 0)
        say(r, "tar", "its folder is not named by the alert of its PACK");
    r->seen = dw_calloc(r->list.count + 1, sizeof *r->seen);
    rc = r->seen ? epack_tar_each(tar, take_member, r, &at) : DW_ENOMEM;
    for (uint32_t i = 0; i < r->list.count && rc == DW_OK; i++)
        if (!r->seen[i])
            say_unread(r, r->list.entry[i].name, DW_ENOENT);
    return rc;
}

static int finish(struct reading *r, int rc, struct dw_epack **ret)
{
    dw_epack_list_fini(&r->list);
    dw_free(r->seen);
    if (rc < 0)
        dw_epack_free(r->pack);
    else
        *ret = r->pack;
    return rc;
}

int dw_epack_read_tar(struct dw_str bytes, dw_epack_problem *problem, void *arg, struct dw_epack **ret, uint8_t ret_digest[DW_SHA256_BYTES])
{
    struct reading r = {.problem = problem, .arg = arg};
    return finish(&r, read_tar(&r, bytes, ret_digest), ret);
}

int dw_epack_read(const struct dw_fs *fs, const char *path, dw_epack_problem *problem, void *arg, struct dw_epack **ret, uint8_t ret_digest[DW_SHA256_BYTES])
{
    struct reading r = {.problem = problem, .arg = arg, .fs = fs, .path = path};
    struct dw_buf tar = {0};
    struct dw_stat st = {0};
    int rc = dw_fs_stat(path, &st);
    if (rc == DW_OK && S_ISDIR(st.mode))
        return finish(&r, read_folder(&r, ret_digest), ret);
    if (rc == DW_OK)
        rc = dw_fs_read_file(fs, path, TAR_MAX, &tar);
    if (rc == DW_OK)
        rc = dw_epack_read_tar(dw_buf_view(&tar), problem, arg, ret, ret_digest);
    dw_buf_fini(&tar);
    return rc;
}
