/*
 * folder: the rotated files beside a log.
 *
 * Idea: all logs of one folder are served by one listing as long as the folder's own time says that no name came or went since.
 *
 * Invariants:
 *   (1) A folder that is listed while its files are renamed may show one twice or not at all. So a listing counts when the folder
 *       did not change from before it until after the files were looked at, or else when two looks in a row agree.
 *   (2) No listing outlives the scan that it was made in.
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SIBLINGS_MAX = 1000, NAMES_MAX = 100000, LOOKS = 16 };

static const struct dw_str gz = {.ptr = ".gz", .len = 3};

void siblings_fini(struct siblings *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        dw_free(s->item[i].path);
    dw_free(s->item);
    *s = (struct siblings){0};
}

void folder_close(struct folder *f)
{
    dw_buf_fini(&f->names);
    dw_free(f->name);
    *f = (struct folder){0};
}

static bool same_stamp(const struct dw_stat *x, const struct dw_stat *y)
{
    return x->device == y->device && x->inode == y->inode && x->mtime_ns == y->mtime_ns;
}

/* Whether no name came or went since the listing in hand. */
static bool is_quiet(const struct folder *f)
{
    struct dw_stat now;
    return f->quiet && dw_fs_stat(f->dir, &now) == DW_OK && same_stamp(&now, &f->st);
}

static int index_names(struct folder *f)
{
    uint32_t count = 0, i = 0;
    const char *end = f->names.ptr + f->names.len;
    for (const char *n = f->names.ptr; n && n < end; n += strlen(n) + 1)
        count++;
    f->name = dw_alloc(count * sizeof *f->name);
    if (!f->name)
        return DW_ENOMEM;
    for (const char *n = f->names.ptr; n && n < end; n += strlen(n) + 1)
        f->name[i++] = n;
    f->count = count;
    return DW_OK;
}

static int list(const struct agent *a, struct folder *f, const char *dir)
{
    struct dw_stat after;
    folder_close(f);
    int rc = dw_fs_stat(dir, &f->st);
    bool old = rc == DW_OK && stamp_tells(a, f->st.mtime_ns);
    if (rc == DW_OK)
        rc = dw_fs_list(dir, NAMES_MAX, &f->names);
    if (rc == DW_OK)
        rc = f->names.err ? f->names.err : index_names(f);
    if (rc < 0) {
        folder_close(f);
        return rc;
    }
    memcpy(f->dir, dir, strlen(dir) + 1);
    f->quiet = old && dw_fs_stat(dir, &after) == DW_OK && same_stamp(&f->st, &after);
    return DW_OK;
}

static bool is_compressed(struct dw_str name)
{
    return dw_str_ends(name, DW_STR(".gz")) || dw_str_ends(name, DW_STR(".zst")) || dw_str_ends(name, DW_STR(".xz"))
        || dw_str_ends(name, DW_STR(".bz2")) || dw_str_ends(name, DW_STR(".tmp"));
}

/* What rotation puts behind a name: numbers, dates and times (logrotate, its dateext, the kubelet, libraries), or "old". */
static bool is_suffix(struct dw_str s)
{
    if (dw_str_eq(s, DW_STR("old")))
        return true;
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] < '0' || s.ptr[i] > '9') && (i == 0 || !strchr(".-_:+TZ", s.ptr[i])))
            return false;
    return s.len > 0;
}

static bool is_separator(char ch)
{
    return ch == '.' || ch == '-' || ch == '_';
}

static bool is_beside(struct dw_str name, struct dw_str base)
{
    return name.len > base.len + 1 && dw_str_starts(name, base) && is_separator(name.ptr[base.len])
        && is_suffix(dw_str_slice(name, base.len + 1, name.len));
}

bool folder_rotated(char *path)
{
    struct dw_str all = dw_str_of(path), end = dw_str_ends(all, gz) ? dw_str_slice(all, 0, all.len - gz.len) : all;
    char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (char *at = name; at < path + end.len; at++) {
        if (at == name || !is_separator(*at) || !is_suffix(dw_str_slice(end, (size_t)(at + 1 - path), end.len)))
            continue;
        *at = '\0';
        return true;
    }
    return false;
}

/* The first name of the sorted listing that is not before `base`. */
static uint32_t first_name(const struct folder *f, struct dw_str base)
{
    uint32_t from = 0, to = f->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (dw_str_cmp(dw_str_of(f->name[middle]), base) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Whether a name is one of BASE's rotated files: of those that gzip made (`packed`), or of those as they were written. */
static bool is_rotated(struct dw_str name, struct dw_str base, bool packed)
{
    if (!packed)
        return is_beside(name, base) && !is_compressed(name);
    return dw_str_ends(name, gz) && is_beside(dw_str_slice(name, 0, name.len - gz.len), base);
}

/* Whether what gzip packs is still there: then that is read. */
static bool has_original(const char *path)
{
    char original[AGENT_PATH_MAX];
    struct dw_stat st;
    (void)snprintf(original, sizeof original, "%.*s", (int)(strlen(path) - gz.len), path);
    return dw_fs_stat(original, &st) == DW_OK;
}

/* Looks at the rotated files of BASE in the listing. */
static int gather(const struct folder *f, struct dw_str base, bool packed, struct siblings *ret)
{
    uint32_t first = first_name(f, base), end = first, cap = 0;
    ret->sure = true;
    while (end < f->count && dw_str_starts(dw_str_of(f->name[end]), base))
        end++;
    for (uint32_t i = first; i < end; i++)
        cap += is_rotated(dw_str_of(f->name[i]), base, packed);
    if (cap == 0)
        return DW_OK;
    ret->item = dw_calloc(cap, sizeof *ret->item);
    if (!ret->item)
        return DW_ENOMEM;
    for (uint32_t i = first; i < end; i++) {
        char path[AGENT_PATH_MAX];
        struct dw_str name = dw_str_of(f->name[i]);
        struct sibling *s = &ret->item[ret->count];
        if (!is_rotated(name, base, packed) || dw_path_join(path, sizeof path, f->dir, f->name[i]) < 0 || (packed && has_original(path))
            || dw_fs_stat(path, &s->st) < 0 || !S_ISREG(s->st.mode))
            continue;
        if (ret->count == SIBLINGS_MAX) {
            ret->sure = false;
            break;
        }
        s->path = dw_strndup(path, strlen(path));
        if (!s->path)
            return DW_ENOMEM;
        ret->count++;
    }
    return DW_OK;
}

static bool same_files(const struct siblings *x, const struct siblings *y)
{
    if (x->count != y->count)
        return false;
    for (uint32_t i = 0; i < x->count; i++)
        if (hash_of_stat(&x->item[i].st) != hash_of_stat(&y->item[i].st))
            return false;
    return true;
}

/* The number at the end of a name; 0: there is none, or it is a date. */
static uint64_t number_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    uint64_t n = 0;
    return dot && strlen(dot) <= 4 && dw_str_u64(dw_str_of(dot + 1), &n) ? n : 0;
}

/* Oldest first: by birth where the file system knows it, else by the last write; of those that it knows no difference of by name. NAME.2 is older than NAME.1, and
 * dates are as they sort. */
static int by_age(const void *x, const void *y)
{
    const struct sibling *a = x, *b = y;
    int c = (a->st.birth_ns > b->st.birth_ns) - (a->st.birth_ns < b->st.birth_ns);
    if (c == 0)
        c = (a->st.mtime_ns > b->st.mtime_ns) - (a->st.mtime_ns < b->st.mtime_ns);
    if (c)
        return c;
    uint64_t n = number_of(a->path), m = number_of(b->path);
    return n && m ? (n < m) - (n > m) : strcmp(a->path, b->path);
}

static void look(struct agent *a, const char *path, bool packed, struct siblings *ret)
{
    char dir[AGENT_PATH_MAX];
    struct folder *f = &a->folder;
    const char *slash = strrchr(path, '/');
    bool agree = false;
    *ret = (struct siblings){0};
    if (!slash || (size_t)(slash - path) >= sizeof dir)
        return;
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    if (slash == path)
        memcpy(dir, "/", 2);
    for (int i = 0; i < LOOKS && !agree; i++) {
        struct siblings last = *ret;
        *ret = (struct siblings){0};
        int rc = strcmp(f->dir, dir) == 0 && is_quiet(f) ? DW_OK : list(a, f, dir);
        if (rc == DW_OK)
            rc = gather(f, dw_str_of(slash + 1), packed, ret);
        agree = rc == DW_OK && (is_quiet(f) || (i > 0 && same_files(&last, ret)));
        siblings_fini(&last);
        if (rc < 0) {
            siblings_fini(ret);
            ret->sure = rc == DW_ENOENT; /* with the folder all that was in it is gone */
            return;
        }
    }
    ret->sure = ret->sure && agree;
    if (ret->count)
        qsort(ret->item, ret->count, sizeof *ret->item, by_age);
}

void folder_siblings(struct agent *a, const char *path, struct siblings *ret)
{
    look(a, path, false, ret);
}

void folder_packed(struct agent *a, const char *path, struct siblings *ret)
{
    look(a, path, true, ret);
}

int folder_open(const struct agent *a, const struct sibling *s, int *ret_fd, bool *ret_moved)
{
    struct dw_stat st;
    int rc = dw_fs_open(a->fs, s->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, ret_fd);
    if (rc == DW_OK && (rc = dw_fs_fstat(*ret_fd, &st)) < 0)
        dw_fs_close(*ret_fd);
    bool other = rc == DW_OK && (st.device != s->st.device || st.inode != s->st.inode);
    *ret_moved |= other || rc == DW_ENOENT;
    if (!other)
        return rc;
    dw_fs_close(*ret_fd);
    return DW_ENOENT;
}
