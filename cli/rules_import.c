/*
 * rules_import: `dogwatch rules import`: rules of others into a folder of one's own.
 *
 * Idea: what was named is loaded as one set, for correlations speak of rules in other files; a file is copied when all of its rules loaded and one of
 * them is wanted, under the path it has below the folder that was named. A LICENSE beside the rules comes along: the authors of shared rules ask for it.
 *
 * Invariants: (1) every file is counted once: copied, not wanted, refused (and told why). (2) Nothing that stands there already with other
 * bytes is overwritten without being counted.
 */
#include "rules.h"

#include "cli_int.h"

#include <stdio.h>

enum { FILE_BYTES_MAX = 8 << 20 };

struct import {
    struct rules rules; /* the keys, and what was told */
    enum dw_level least;
    struct dw_ruleset *set; /* of the path in hand */
    struct dw_buf refused_paths; /* each ended by a NUL */
    uint32_t copied, changed, same, unwanted, refused;
};

static bool among(struct dw_str word, const char *const *wanted, uint32_t count)
{
    bool found = count == 0;
    for (uint32_t i = 0; i < count && !found; i++)
        found = dw_str_ieq(word, dw_str_of(wanted[i]));
    return found;
}

static bool is_wanted(const struct import *m, const char *path)
{
    const struct rules_opts *o = m->rules.o;
    for (uint32_t i = 0; i < dw_ruleset_count(m->set); i++) {
        const struct dw_rule *r = dw_ruleset_rule(m->set, i);
        if (dw_str_eq(r->path, dw_str_of(path)) && r->level >= m->least && among(r->product, o->product, o->product_count) &&
            among(r->status, o->status, o->status_count))
            return true;
    }
    return false;
}

static void on_mistakes(void *ud, const struct dw_diags *d)
{
    struct import *m = ud;
    rules_say(&m->rules, d);
    if (d->errors) {
        dw_buf_str(&m->refused_paths, d->path);
        dw_buf_byte(&m->refused_paths, 0);
    }
}

static bool is_refused(const struct import *m, const char *path)
{
    const struct dw_buf *all = &m->refused_paths;
    for (const char *n = all->ptr; n && n < all->ptr + all->len; n += strlen(n) + 1)
        if (strcmp(n, path) == 0)
            return true;
    return false;
}

/* Writes bytes at DIR/below, unless they stand there already. */
static int put(struct import *m, const char *below, struct dw_str bytes)
{
    char path[CLI_PATH_MAX], folder[CLI_PATH_MAX];
    struct dw_buf old = {0};
    int rc = dw_path_join(path, sizeof path, m->rules.o->to, below);
    if (rc < 0)
        return rc;
    (void)snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    rc = dw_fs_read_file(&dw_fs_system, path, FILE_BYTES_MAX, &old);
    bool there = rc == DW_OK, same = there && dw_str_eq(dw_buf_view(&old), bytes);
    dw_buf_fini(&old);
    m->same += same;
    if (same)
        return DW_OK;
    m->changed += there;
    m->copied += !there;
    rc = dw_fs_mkdirs(&dw_fs_system, folder, 0755);
    return rc < 0 ? rc : dw_fs_write_file(&dw_fs_system, path, 0644, bytes);
}

static int import_file(struct import *m, const char *path, const char *below)
{
    struct dw_buf text = {0};
    int rc = DW_OK;
    if (is_refused(m, path))
        m->refused++;
    else if (!is_wanted(m, path))
        m->unwanted++;
    else if ((rc = dw_fs_read_file(&dw_fs_system, path, FILE_BYTES_MAX, &text)) == DW_OK)
        rc = put(m, below, dw_buf_view(&text));
    dw_buf_fini(&text);
    return rc;
}

/* The part of a file's path below the one that was named; a file that was named itself: its name. */
static const char *below_of(const char *root, const char *file)
{
    size_t len = strlen(root);
    const char *name = strrchr(file, '/');
    if (strncmp(root, file, len) == 0 && file[len])
        return file + len + strspn(file + len, "/");
    return name ? name + 1 : file;
}

static int import_licence(struct import *m, const char *root)
{
    char path[CLI_PATH_MAX];
    struct dw_buf text = {0};
    int rc = dw_path_join(path, sizeof path, root, "LICENSE");
    if (rc == DW_OK && dw_fs_read_file(&dw_fs_system, path, FILE_BYTES_MAX, &text) == DW_OK)
        rc = dw_fs_mkdirs(&dw_fs_system, m->rules.o->to, 0755);
    if (rc == DW_OK && text.len) {
        rc = dw_path_join(path, sizeof path, m->rules.o->to, "LICENSE");
        rc = rc < 0 ? rc : dw_fs_write_file(&dw_fs_system, path, 0644, dw_buf_view(&text));
    }
    dw_buf_fini(&text);
    return rc;
}

static int import_path(struct import *m, const char *root)
{
    struct dw_buf names = {0};
    uint32_t bad;
    int rc = dw_ruleset_load(&dw_fs_system, &root, 1, m->rules.keys, NULL, (struct dw_diag_sink){on_mistakes, m}, &m->set, &bad);
    if (rc == DW_OK)
        rc = m->refused_paths.err < 0 ? m->refused_paths.err : dw_rule_files(&dw_fs_system, root, &names);
    for (const char *n = names.ptr; rc == DW_OK && n && n < names.ptr + names.len; n += strlen(n) + 1)
        rc = import_file(m, n, below_of(root, n));
    dw_buf_fini(&names);
    dw_ruleset_free(m->set);
    m->set = NULL;
    return rc < 0 ? rc : import_licence(m, root);
}

static bool read_level(struct import *m)
{
    if (!m->rules.o->level)
        return true;
    for (int i = DW_LEVEL_INFORMATIONAL; i <= DW_LEVEL_CRITICAL; i++)
        if (strcmp(dw_level_text((enum dw_level)i), m->rules.o->level) == 0)
            m->least = (enum dw_level)i;
    return m->least != DW_LEVEL_NONE;
}

int rules_import(const struct rules_opts *o)
{
    struct import m = {.rules = {.o = o, .keys = dw_keys_new()}};
    int rc = m.rules.keys ? DW_OK : DW_ENOMEM;
    dw_arena_init(&m.rules.arena, 0);
    bool good = o->to && read_level(&m);
    if (!good)
        fprintf(stderr, o->to ? "rules import: --level is one of informational, low, medium, high, critical\n" : "rules import: --to DIR says where to\n");
    for (uint32_t i = 0; good && i < o->path_count && rc == DW_OK; i++) {
        rc = import_path(&m, o->path[i]);
        if (rc < 0)
            fprintf(stderr, "rules import: %s: %s\n", o->path[i], dw_err_text(rc));
    }
    if (good && rc == DW_OK)
        printf("%u files copied to %s, %u changed there, %u there already; %u are not wanted, %u do not load\n  dogwatch rules visibility %s < events    which of them can match here\n",
            m.copied, o->to, m.changed, m.same, m.unwanted, m.refused, o->to);
    dw_buf_fini(&m.refused_paths);
    rules_fini(&m.rules);
    return !good ? CLI_USAGE : rc < 0 ? CLI_CANNOT : m.refused ? CLI_NO : CLI_YES;
}
