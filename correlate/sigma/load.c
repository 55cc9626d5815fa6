/*
 * load: rule files from disk, the only file of correlate that reads any.
 *
 * Invariants:
 *   (1) Files are read in order of name, folder by folder, so a set does not depend on the file system.
 *   (2) Depth and number of files are bounded.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>
#include <sys/stat.h>

enum { FILES_MAX = 100000, DEPTH_MAX = 16, FILE_BYTES_MAX = 8 << 20, PATH_BYTES = 4096 };

enum kind { RULES, CASES, MAPPINGS };

static bool has_kind(struct dw_str name, const char *kind)
{
    char ending[32];
    int n = snprintf(ending, sizeof ending, "%s.yml", kind);
    bool yml = dw_str_ends(name, dw_str_make(ending, (size_t)n));
    n = snprintf(ending, sizeof ending, "%s.yaml", kind);
    return yml || dw_str_ends(name, dw_str_make(ending, (size_t)n));
}

static bool is_wanted(const char *name, enum kind kind)
{
    struct dw_str s = dw_str_of(name);
    enum kind is = has_kind(s, ".test") ? CASES : has_kind(s, ".mapping") ? MAPPINGS : RULES;
    return s.ptr[0] != '.' && is == kind && has_kind(s, "");
}

static int list(const char *path, uint32_t depth, enum kind kind, struct dw_buf *names)
{
    struct dw_buf entries = {0};
    if (depth == DEPTH_MAX)
        return DW_ELIMIT;
    int rc = dw_fs_list(path, FILES_MAX, &entries);
    for (const char *e = entries.ptr; rc == DW_OK && e && e < entries.ptr + entries.len; e += strlen(e) + 1) {
        char full[PATH_BYTES];
        struct dw_stat st;
        rc = dw_path_join(full, sizeof full, path, e);
        if (rc < 0 || e[0] == '.' || dw_fs_stat(full, &st) < 0)
            continue;
        if (S_ISDIR(st.mode))
            rc = list(full, depth + 1, kind, names);
        else if (is_wanted(e, kind))
            dw_buf_add(names, full, strlen(full) + 1);
    }
    dw_buf_fini(&entries);
    return rc < 0 ? rc : names->err;
}

/* Of a file that was named itself: it, whatever it is called, unless it is of mappings. */
static int files(const char *path, enum kind kind, struct dw_buf *names)
{
    struct dw_stat st;
    int rc = dw_fs_stat(path, &st);
    if (rc < 0)
        return rc;
    if (S_ISDIR(st.mode))
        return list(path, 0, kind, names);
    if (has_kind(dw_str_of(path), ".mapping") == (kind == MAPPINGS))
        dw_buf_add(names, path, strlen(path) + 1);
    return names->err;
}

int dw_rule_files(const struct dw_fs *fs, const char *path, struct dw_buf *names)
{
    (void)fs;
    return files(path, RULES, names);
}

int dw_mapping_files(const char *path, struct dw_buf *names)
{
    return files(path, MAPPINGS, names);
}

int dw_case_files(const char *path, struct dw_buf *names)
{
    struct dw_stat st;
    char beside[PATH_BYTES];
    struct dw_str p = dw_str_of(path);
    int rc = dw_fs_stat(path, &st);
    if (rc == DW_OK && S_ISDIR(st.mode))
        return list(path, 0, CASES, names);
    size_t stem = dw_str_ends(p, DW_STR(".yml")) ? p.len - 4 : dw_str_ends(p, DW_STR(".yaml")) ? p.len - 5 : p.len;
    int n = snprintf(beside, sizeof beside, "%.*s.test%s", (int)stem, path, path + stem);
    if (rc == DW_OK && stem < p.len && n > 0 && n < PATH_BYTES && dw_fs_stat(beside, &st) == DW_OK)
        dw_buf_add(names, beside, (size_t)n + 1);
    return rc < 0 ? rc : names->err;
}

/* The caller knows the folder only, so the file is named here. */
static void say_unreadable(struct dw_diag_sink sink, const char *path, int code)
{
    struct dw_diags diags;
    dw_diags_init(&diags, dw_str_of(path), DW_STR(""));
    dw_diag_add(&diags, (struct dw_span){1, 1, 1}, NULL, "cannot be read: %s", dw_err_text(code));
    dw__code_others(&diags, DW__LINT_UNREADABLE);
    if (sink.report)
        sink.report(sink.ud, &diags);
}

static int load_path(const struct dw_fs *fs, struct dw_ruleset *rs, const char *path, enum kind kind, struct dw_diag_sink sink)
{
    struct dw_buf names = {0}, text = {0};
    int rc = files(path, kind, &names);
    for (const char *n = names.ptr; rc == DW_OK && n && n < names.ptr + names.len; n += strlen(n) + 1) {
        dw_buf_reset(&text);
        bool named = strcmp(n, path) == 0; /* by the user, who may name a pipe */
        rc = named ? dw_fs_read_named(fs, n, FILE_BYTES_MAX, &text) : dw_fs_read_file(fs, n, FILE_BYTES_MAX, &text);
        if (rc < 0 && !named)
            say_unreadable(sink, n, rc);
        if (rc == DW_OK)
            rc = dw_ruleset_add(rs, n, dw_buf_view(&text), sink);
    }
    dw_buf_fini(&names);
    dw_buf_fini(&text);
    return rc;
}

int dw_ruleset_load(const struct dw_fs *fs, const char *const *path, uint32_t count, struct dw_keys *keys,
    const struct dw_ruleset_opts *opts, struct dw_diag_sink sink, struct dw_ruleset **ret, uint32_t *ret_bad)
{
    struct dw_ruleset *rs = dw_ruleset_new(keys, opts);
    int rc = rs ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i < 2 * count && rc == DW_OK; i++) {
        *ret_bad = i % count;
        rc = load_path(fs, rs, path[i % count], i < count ? MAPPINGS : RULES, sink);
    }
    if (rc == DW_OK)
        rc = dw_ruleset_finish(rs, sink);
    if (rc < 0)
        dw_ruleset_free(rs);
    else
        *ret = rs;
    return rc;
}
