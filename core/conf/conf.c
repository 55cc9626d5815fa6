/*
 * conf: files and --set into a struct that an option table describes.
 *
 * Idea: nested keys are joined with dots and looked up in the table; the table says how to read the value. Each
 * row remembers its origin, which is both what `config show` prints and how a key given twice is noticed.
 *
 * Invariants:
 *   (1) After dw_conf_init every member holds its default, so a struct is whole whatever a file says.
 *   (2) A row is set from files at most once; --set wins over files whatever the order.
 *   (3) Includes: at most FILES_MAX files, INCLUDE_DEPTH_MAX deep.
 */
#include "conf_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_BYTES_MAX = 4 << 20, FILES_MAX = 256, INCLUDE_DEPTH_MAX = 8, NAME_MAX_BYTES = 256, PATH_BYTES = 4096, SECRET_MAX = 64 * 1024, VALUE_SHOWN = 48 };

/* One source being read. */
struct load {
    struct dw_conf *c;
    const struct dw_fs *fs;
    struct dw_diags *diags;
    struct dw_diag_sink sink;
    struct dw_conf_origin from;
    const struct dw_yaml *include;
};

static const char *system_env(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): nobody sets the environment */
}

uint32_t dw_conf_find(const struct dw_conf_table *t, struct dw_str name)
{
    uint32_t i = 0;
    while (i < t->count && !dw_str_eq(dw_str_of(t->row[i].name), name))
        i++;
    return i;
}

static int set_default(struct dw_conf *c, const struct dw_conf_row *row)
{
    const char *why = "";
    struct dw_str text = dw_str_of(row->def);
    if (row->type == DW_CONF_LIST && text.len) {
        uint32_t n = 1;
        for (size_t i = 0; i < text.len; i++)
            n += text.ptr[i] == ',';
        struct dw_str *item = dw_arena_alloc(&c->arena, n * sizeof *item);
        if (!item)
            return DW_ENOMEM;
        for (uint32_t i = 0; i < n; i++)
            item[i] = dw_str_trim(dw_str_cut(&text, ','));
        *(struct dw_conf_list *)dw__conf_member(c, row) = (struct dw_conf_list){item, n};
        return DW_OK;
    }
    if (row->type >= DW_CONF_LIST)
        return DW_OK;
    bool good = dw__conf_scalar(c, row, text, &why);
    DW_ASSERT(good); /* the table's own default */
    return DW_OK;
}

int dw_conf_init(struct dw_conf *c, const struct dw_conf_table *table, void *values)
{
    *c = (struct dw_conf){.table = table, .values = values, .env = system_env};
    memset(values, 0, table->size);
    dw_arena_init(&c->arena, 64 << 20);
    c->origin = dw_arena_alloc(&c->arena, table->count * sizeof *c->origin);
    int rc = c->origin ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i < table->count && rc == DW_OK; i++)
        rc = set_default(c, &table->row[i]);
    if (rc < 0)
        dw_conf_fini(c);
    return rc;
}

void dw_conf_fini(struct dw_conf *c)
{
    dw_arena_fini(&c->arena);
}

/* The text of a scalar with ${} expanded. DW_ECONFIG: told. */
static int scalar_text(struct load *l, const struct dw_yaml *n, struct dw_str *ret)
{
    if (n->kind != DW_YAML_SCALAR) {
        dw_diag_add(l->diags, n->at, NULL, "one value is expected here, not a list or a mapping");
        return DW_ECONFIG;
    }
    struct dw_str name = DW_STR_NONE;
    int rc = dw__conf_expand(l->c, n->text, ret, &name);
    if (rc == DW_ENOENT) {
        dw_diag_add(l->diags, n->at, "set it, or give a default: ${NAME:-default}",
            "environment variable '%.*s' is not set", DW_ARG(name));
        rc = DW_ECONFIG;
    } else if (rc == DW_ESYNTAX) {
        dw_diag_add(l->diags, n->at, "write $${ for the two characters ${", "'${' wants a name and a closing brace");
        rc = DW_ECONFIG;
    }
    return rc;
}

/* The text of a scalar that the option's vocabulary takes. */
static int checked_text(struct load *l, const struct dw_conf_row *row, const struct dw_yaml *n, struct dw_str *ret)
{
    struct dw_buf why = {0};
    int rc = scalar_text(l, n, ret);
    struct dw_str key = row->type == DW_CONF_MAP ? n->key : DW_STR_NONE;
    const char *of = l->c->table->item_of;
    char name[NAME_MAX_BYTES];
    (void)snprintf(name, sizeof name, "%s%s%s", of ? of : "", of ? "." : "", row->name);
    int good = rc == DW_OK && l->c->check ? l->c->check(name, key, *ret, &why) : DW_OK;
    if (good < 0) {
        bool of_key = good == DW_EUNKNOWN && key.len;
        struct dw_str help = dw_buf_view(&why), text = of_key ? key : *ret, sentence = dw_str_cut(&help, '\n');
        bool cut = text.len > VALUE_SHOWN;
        char hint[160];
        (void)snprintf(hint, sizeof hint, "%.*s", DW_ARG(help));
        dw_diag_add(l->diags, of_key ? n->key_at : n->at, help.len ? hint : NULL, "'%s: %.*s%s': %.*s", row->name,
            (int)(cut ? VALUE_SHOWN : text.len), text.ptr, cut ? "..." : "", DW_ARG(sentence));
        rc = DW_ECONFIG;
    }
    dw_buf_fini(&why);
    return rc;
}

static int set_list(struct load *l, const struct dw_conf_row *row, const struct dw_yaml *n)
{
    struct dw_conf_list list = {0};
    bool scalar = n->kind == DW_YAML_SCALAR;
    if (n->kind == DW_YAML_MAP) {
        dw_diag_add(l->diags, n->at, "write it as `- item` lines", "'%s' is a list", row->name);
        return DW_ECONFIG;
    }
    uint32_t count = scalar ? !dw_yaml_is_null(n) : n->count;
    struct dw_str *item = dw_arena_alloc(&l->c->arena, (count + 1) * sizeof *item);
    if (!item)
        return DW_ENOMEM;
    int rc = DW_OK;
    for (const struct dw_yaml *v = scalar ? n : n->first; list.count < count && rc == DW_OK; v = v->next)
        rc = checked_text(l, row, v, &item[list.count++]);
    list.item = item;
    if (rc == DW_OK)
        *(struct dw_conf_list *)dw__conf_member(l->c, row) = list;
    return rc;
}

static int set_map(struct load *l, const struct dw_conf_row *row, const struct dw_yaml *n)
{
    if (n->kind != DW_YAML_MAP && !dw_yaml_is_null(n)) {
        dw_diag_add(l->diags, n->at, "write it as `key: value` lines", "'%s' is a mapping", row->name);
        return DW_ECONFIG;
    }
    struct dw_str *key = dw_arena_alloc(&l->c->arena, (n->count + 1) * sizeof *key);
    struct dw_str *value = dw_arena_alloc(&l->c->arena, (n->count + 1) * sizeof *value);
    if (!key || !value)
        return DW_ENOMEM;
    uint32_t count = 0;
    int rc = DW_OK;
    for (const struct dw_yaml *v = n->first; v && rc != DW_ENOMEM; v = v->next, count++) { /* to its end: every mistake is told */
        key[count] = dw_arena_copy(&l->c->arena, v->key);
        int one = key[count].ptr ? checked_text(l, row, v, &value[count]) : DW_ENOMEM;
        rc = one < 0 ? one : rc;
    }
    if (rc == DW_OK)
        *(struct dw_conf_map *)dw__conf_member(l->c, row) = (struct dw_conf_map){key, value, count};
    return rc;
}

static int set_secret(struct load *l, const struct dw_conf_row *row, const struct dw_yaml *n)
{
    const struct dw_yaml *file = dw_yaml_get(n, "file");
    if (!file || n->count != 1) {
        dw_diag_add(l->diags, n->at, "write {file: PATH}",
            "'%s' is a secret: it is read from a file, never written here", row->name);
        return DW_ECONFIG;
    }
    struct dw_conf_secret secret = {0};
    int rc = scalar_text(l, file, &secret.path);
    if (rc < 0)
        return rc;
    if (secret.path.len == 0) { /* as `config show` writes one that is not set */
        *(struct dw_conf_secret *)dw__conf_member(l->c, row) = secret;
        return DW_OK;
    }
    struct dw_buf bytes = {0};
    rc = dw_fs_read_named(l->fs, secret.path.ptr, SECRET_MAX, &bytes);
    if (rc < 0) {
        dw_diag_add(l->diags, file->at, NULL, "cannot read '%.*s': %s", DW_ARG(secret.path), dw_err_text(rc));
        rc = DW_ECONFIG;
    } else {
        struct dw_str text = dw_buf_view(&bytes);
        while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
            text.len--;
        secret.bytes = dw_arena_copy(&l->c->arena, text.len ? text : DW_STR(""));
        rc = secret.bytes.ptr ? DW_OK : DW_ENOMEM;
    }
    dw_buf_fini(&bytes);
    if (rc == DW_OK)
        *(struct dw_conf_secret *)dw__conf_member(l->c, row) = secret;
    return rc;
}

static void range_help(const struct dw_conf_row *row, struct dw_buf *out)
{
    dw_buf_printf(out, "%s: from ", row->name);
    for (int i = 0; i < 2; i++) {
        int64_t v = i ? row->max : row->min;
        dw_buf_str(out, i ? DW_STR(" to ") : DW_STR(""));
        if (row->type == DW_CONF_SIZE)
            dw_conf_put_size(out, v);
        else if (row->type == DW_CONF_DURATION)
            dw_conf_put_duration(out, v);
        else
            dw_buf_printf(out, "%lld", (long long)v);
    }
    dw_buf_byte(out, '\0');
}

static int set_scalar(struct load *l, const struct dw_conf_row *row, const struct dw_yaml *n)
{
    struct dw_str text;
    const char *why = "";
    int rc = row->type == DW_CONF_STRING ? checked_text(l, row, n, &text) : scalar_text(l, n, &text);
    if (rc < 0 || dw__conf_scalar(l->c, row, text, &why))
        return rc;
    struct dw_buf help = {0};
    if (row->type == DW_CONF_ENUM)
        dw_buf_printf(&help, "one of %s%c", row->unit, 0);
    else if (row->type >= DW_CONF_INT && row->type <= DW_CONF_DURATION)
        range_help(row, &help);
    dw_diag_add(
        l->diags, n->at, help.len && !help.err ? help.ptr : NULL, "'%s: %.*s': %s", row->name, DW_ARG(n->text), why);
    dw_buf_fini(&help);
    return DW_ECONFIG;
}

static int walk_map(struct load *l, const struct dw_yaml *map, struct dw_str prefix);

/* An item is read as a configuration of its own, in the arena of the whole. */
static int set_item(struct load *l, const struct dw_conf_table *t, const struct dw_yaml *n, void *values, struct dw_conf_origin *origin)
{
    struct dw_conf *all = l->c, one = {.table = t, .values = values, .origin = origin, .arena = all->arena, .env = all->env, .check = all->check};
    uint32_t about = t->count;
    char why[DW_CONF_WHY] = "";
    int rc = DW_OK;
    if (n->kind != DW_YAML_MAP) {
        dw_diag_add(l->diags, n->at, "write it as `key: value` lines", "each of '%s' is a mapping", t->item_of);
        return DW_ECONFIG;
    }
    l->c = &one;
    for (uint32_t i = 0; i < t->count && rc == DW_OK; i++)
        rc = set_default(&one, &t->row[i]);
    if (rc == DW_OK)
        rc = walk_map(l, n, DW_STR(""));
    l->c = all;
    all->arena = one.arena;
    if (rc < 0 || !t->whole || (rc = t->whole(values, origin, &about, why)) == DW_OK)
        return rc;
    const struct dw_yaml *of = about < t->count ? dw_yaml_get(n, t->row[about].name) : NULL;
    dw_diag_add(l->diags, of ? of->key_at : n->at, NULL, "%s", why);
    return rc;
}

/* Whether an item has the name of one before it: told. */
static bool is_named_again(struct load *l, const struct dw_conf_table *t, const char *item, uint32_t at, const struct dw_yaml *n)
{
    const struct dw_str *name = (const void *)(item + at * t->size + t->row[0].offset);
    for (uint32_t i = 0; i < at; i++) {
        const struct dw_str *before = (const void *)(item + i * t->size + t->row[0].offset);
        if (!dw_str_eq(*name, *before))
            continue;
        dw_diag_add(l->diags, n->at, NULL, "two of '%s' are called '%.*s'", t->item_of, DW_ARG(*name));
        return true;
    }
    return false;
}

static int set_items(struct load *l, const struct dw_conf_row *row, const struct dw_yaml *n)
{
    const struct dw_conf_table *t = row->of;
    if (n->kind != DW_YAML_SEQ && !dw_yaml_is_null(n)) {
        dw_diag_add(l->diags, n->at, "write each as `- key: value` lines", "'%s' is a list of mappings", row->name);
        return DW_ECONFIG;
    }
    char *item = dw_arena_alloc(&l->c->arena, (n->count + 1) * t->size);
    struct dw_conf_origin *origin = dw_arena_alloc(&l->c->arena, (size_t)(n->count + 1) * t->count * sizeof *origin);
    if (!item || !origin)
        return DW_ENOMEM;
    uint32_t count = 0;
    int rc = DW_OK;
    for (const struct dw_yaml *v = n->first; v && rc != DW_ENOMEM; v = v->next, count++) { /* to its end: every mistake is told */
        int one = set_item(l, t, v, item + count * t->size, origin + (size_t)count * t->count);
        if (one == DW_OK && is_named_again(l, t, item, count, v))
            one = DW_ECONFIG;
        rc = one < 0 ? one : rc;
    }
    if (rc == DW_OK)
        *(struct dw_conf_items *)dw__conf_member(l->c, row) = (struct dw_conf_items){item, origin, count};
    return rc;
}

/* The row to set for a name: a renamed option leads to its successor with a warning. */
static uint32_t successor(struct load *l, uint32_t index, struct dw_span at)
{
    const struct dw_conf_row *row = &l->c->table->row[index];
    if (row->type != DW_CONF_OLD)
        return index;
    uint32_t to = dw_conf_find(l->c->table, dw_str_of(row->def));
    DW_ASSERT(to < l->c->table->count && l->c->table->row[to].type != DW_CONF_OLD);
    char help[160];
    (void)snprintf(help, sizeof help, "write '%s'", row->def);
    dw_diag_warn(l->diags, at, help, "'%s' has a new name", row->name);
    return to;
}

static int set_row(struct load *l, uint32_t index, const struct dw_yaml *n)
{
    index = successor(l, index, n->key_at);
    const struct dw_conf_row *row = &l->c->table->row[index];
    struct dw_conf_origin *origin = &l->c->origin[index];
    if (l->from.source == DW_CONF_FROM_FILE && origin->source == DW_CONF_FROM_FILE) {
        dw_diag_add(
            l->diags, n->key_at, NULL, "'%s' is set already at %.*s:%u", row->name, DW_ARG(origin->path), origin->line);
        return DW_ECONFIG;
    }
    if (origin->source > l->from.source)
        return DW_OK;
    int rc = row->type == DW_CONF_LIST     ? set_list(l, row, n)
             : row->type == DW_CONF_MAP    ? set_map(l, row, n)
             : row->type == DW_CONF_ITEMS  ? set_items(l, row, n)
             : row->type == DW_CONF_SECRET ? set_secret(l, row, n)
                                           : set_scalar(l, row, n);
    if (rc < 0)
        return rc;
    *origin = l->from;
    origin->line = n->at.line;
    return DW_OK;
}

static bool is_section(const struct dw_conf_table *t, struct dw_str name)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct dw_str full = dw_str_of(t->row[i].name);
        if (full.len > name.len && dw_str_starts(full, name) && full.ptr[name.len] == '.')
            return true;
    }
    return false;
}

static void unknown_option(struct load *l, struct dw_span at, struct dw_str name)
{
    const char *names[512];
    size_t count = 0;
    for (uint32_t i = 0; i < l->c->table->count && count < DW_COUNT_OF(names); i++)
        names[count++] = l->c->table->row[i].name;
    const char *near = dw_nearest(name, names, count);
    char help[160];
    if (near)
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
    dw_diag_add(l->diags, at, near ? help : NULL, "unknown option '%.*s'", DW_ARG(name));
}

static int walk_one(struct load *l, const struct dw_yaml *n, struct dw_str prefix)
{
    char name[NAME_MAX_BYTES];
    if (prefix.len + n->key.len + 2 > sizeof name) {
        dw_diag_add(l->diags, n->key_at, NULL, "unknown option: the name is too long");
        return DW_ECONFIG;
    }
    int len = snprintf(name, sizeof name, "%.*s%s%.*s", DW_ARG(prefix), prefix.len ? "." : "", DW_ARG(n->key));
    struct dw_str full = dw_str_make(name, (size_t)len);
    if (dw_str_eq(full, DW_STR("include")) && l->from.source == DW_CONF_FROM_FILE && !l->c->table->item_of) {
        l->include = n;
        return DW_OK;
    }
    uint32_t index = dw_conf_find(l->c->table, full);
    bool found = index < l->c->table->count, below = is_section(l->c->table, full);
    if (found && below && n->kind == DW_YAML_MAP && l->c->table->row[index].type <= DW_CONF_LIST)
        return walk_map(l, n, full); /* what it would be itself is no mapping: redact: [cards], and redact: {rules: ...} */
    if (found)
        return set_row(l, index, n);
    if (!below) {
        unknown_option(l, n->key_at, full);
        return DW_ECONFIG;
    }
    if (n->kind == DW_YAML_MAP)
        return walk_map(l, n, full);
    if (dw_yaml_is_null(n))
        return DW_OK;
    dw_diag_add(l->diags, n->at, NULL, "'%s' is a section: options stand below it", name);
    return DW_ECONFIG;
}

/* Goes on after a mistake, to tell them all; the first code is answered. */
static int walk_map(struct load *l, const struct dw_yaml *map, struct dw_str prefix)
{
    int first = DW_OK;
    for (const struct dw_yaml *n = map->first; n && first != DW_ENOMEM; n = n->next) {
        int rc = walk_one(l, n, prefix);
        if (rc < 0 && (first == DW_OK || rc == DW_ENOMEM))
            first = rc;
    }
    return first;
}

/* `*` any run and `?` one byte, within one file name. */
static bool glob_matches(const char *glob, const char *name)
{
    const char *star = NULL, *back = NULL;
    while (*name) {
        if (*glob == '*') {
            star = glob++;
            back = name;
        } else if (*glob == '?' || *glob == *name) {
            glob++;
            name++;
        } else if (star) {
            glob = star + 1;
            name = ++back;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

static int include_file(struct load *l, const struct dw_yaml *n, const char *path)
{
    if (l->c->include_depth == INCLUDE_DEPTH_MAX || l->c->files == FILES_MAX) {
        dw_diag_add(l->diags, n->at, NULL, "too many included files (a file that includes itself?)");
        return DW_ECONFIG;
    }
    l->c->include_depth++;
    int rc = dw_conf_load_file(l->c, l->fs, path, l->sink);
    l->c->include_depth--;
    if (rc == DW_OK || rc == DW_ENOMEM || rc == DW_ECONFIG)
        return rc;
    dw_diag_add(l->diags, n->at, NULL, "cannot read '%s': %s", path, dw_err_text(rc));
    return DW_ECONFIG;
}

static int include_glob(struct load *l, const struct dw_yaml *n, const char *dir, const char *glob)
{
    struct dw_buf names = {0};
    int rc = dw_fs_list(dir, 10000, &names);
    if (rc == DW_ENOENT)
        rc = DW_OK; /* no folder: nothing to include */
    else if (rc < 0)
        dw_diag_add(l->diags, n->at, NULL, "cannot list '%s': %s", dir, dw_err_text(rc));
    for (const char *at = names.ptr; rc == DW_OK && at && at < names.ptr + names.len; at += strlen(at) + 1) {
        char path[PATH_BYTES];
        if (!glob_matches(glob, at) || (*at == '.' && *glob != '.'))
            continue;
        rc = dw_path_join(path, sizeof path, dir, at);
        if (rc == DW_OK)
            rc = include_file(l, n, path);
    }
    dw_buf_fini(&names);
    return rc == DW_OK || rc == DW_ENOMEM ? rc : DW_ECONFIG;
}

static int include_one(struct load *l, const struct dw_yaml *n)
{
    struct dw_str pattern;
    int rc = scalar_text(l, n, &pattern);
    if (rc < 0)
        return rc;
    struct dw_str base = l->from.path;
    while (base.len && base.ptr[base.len - 1] != '/')
        base.len--;
    char path[PATH_BYTES];
    int len = snprintf(
        path, sizeof path, "%.*s%.*s", DW_ARG(pattern.len && *pattern.ptr == '/' ? DW_STR("") : base), DW_ARG(pattern));
    if (len <= 0 || (size_t)len >= sizeof path) {
        dw_diag_add(l->diags, n->at, NULL, "the path is empty or too long");
        return DW_ECONFIG;
    }
    char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (!strpbrk(name, "*?"))
        return include_file(l, n, path);
    if (!slash)
        return include_glob(l, n, ".", path);
    *slash = '\0';
    return include_glob(l, n, slash == path ? "/" : path, name);
}

static int load_includes(struct load *l)
{
    const struct dw_yaml *n = l->include;
    if (!n || n->kind != DW_YAML_SEQ)
        return n ? include_one(l, n) : DW_OK;
    int first = DW_OK;
    for (const struct dw_yaml *v = n->first; v; v = v->next) {
        int rc = include_one(l, v);
        first = first ? first : rc;
    }
    return first;
}

static int load_document(struct load *l, const struct dw_yaml *doc)
{
    if (!doc || dw_yaml_is_null(doc))
        return DW_OK;
    if (doc->next) {
        dw_diag_add(l->diags, doc->next->at, NULL, "a configuration is one YAML document");
        return DW_ECONFIG;
    }
    if (doc->kind != DW_YAML_MAP) {
        dw_diag_add(l->diags, doc->at, NULL, "a configuration is a mapping: `option: value` lines");
        return DW_ECONFIG;
    }
    int rc = walk_map(l, doc, DW_STR(""));
    int included = rc == DW_ENOMEM ? rc : load_includes(l);
    return rc < 0 ? rc : included;
}

int dw_conf_load_text(
    struct dw_conf *c, const struct dw_fs *fs, const char *path, struct dw_str text, struct dw_diag_sink sink)
{
    struct dw_diags diags;
    struct load l = {.c = c, .fs = fs, .diags = &diags, .sink = sink};
    c->files++;
    l.from = (struct dw_conf_origin){DW_CONF_FROM_FILE, dw_arena_copy(&c->arena, dw_str_of(path)), 0};
    if (!l.from.path.ptr)
        return DW_ENOMEM;
    dw_diags_init(&diags, l.from.path, text);
    const struct dw_yaml *doc = NULL;
    int rc = dw_yaml_parse(&c->arena, text, &diags, &doc);
    rc = rc == DW_ESYNTAX ? DW_ECONFIG : rc == DW_OK ? load_document(&l, doc) : rc;
    if (diags.count && sink.report)
        sink.report(sink.ud, &diags);
    return rc;
}

int dw_conf_load_file(struct dw_conf *c, const struct dw_fs *fs, const char *path, struct dw_diag_sink sink)
{
    struct dw_buf text = {0};
    /* What the user named may be a pipe, as `--config <(...)` makes; what an include's glob found may only be a file. */
    int rc = c->include_depth ? dw_fs_read_file(fs, path, FILE_BYTES_MAX, &text)
                              : dw_fs_read_named(fs, path, FILE_BYTES_MAX, &text);
    if (rc == DW_OK)
        rc = dw_conf_load_text(c, fs, path, dw_buf_view(&text), sink);
    dw_buf_fini(&text);
    return rc;
}

static int set_named(struct load *l, uint32_t index, struct dw_str value)
{
    enum dw_conf_type type = l->c->table->row[index].type;
    struct dw_yaml plain = {.kind = DW_YAML_SCALAR, .plain = true, .text = value, .at = {1, 1, 1}};
    const struct dw_yaml *n = &plain;
    if (type >= DW_CONF_LIST && type <= DW_CONF_SECRET) {
        int rc = dw_yaml_parse(&l->c->arena, value, l->diags, &n);
        if (rc < 0)
            return rc == DW_ESYNTAX ? DW_ECONFIG : rc;
        n = n ? n : &plain;
    }
    return set_row(l, index, n);
}

int dw_conf_set(struct dw_conf *c, const struct dw_fs *fs, struct dw_str assignment, struct dw_diag_sink sink)
{
    struct dw_diags diags;
    struct load l = {.c = c, .fs = fs, .diags = &diags, .sink = sink, .from = {.source = DW_CONF_FROM_SET}};
    dw_diags_init(&diags, DW_STR("--set"), assignment);
    struct dw_str value = assignment;
    struct dw_str name = dw_str_cut(&value, '=');
    int rc = DW_ECONFIG;
    uint32_t index = dw_conf_find(c->table, name);
    if (!value.ptr)
        dw_diag_add(&diags, (struct dw_span){1, 1, (uint32_t)assignment.len}, "write --set NAME=VALUE", "no '='");
    else if (index == c->table->count)
        unknown_option(&l, (struct dw_span){1, 1, (uint32_t)name.len}, name);
    else
        rc = set_named(&l, index, value);
    if (diags.count && sink.report)
        sink.report(sink.ud, &diags);
    return rc;
}

/* The line of an option, without what it is indented by. */
static struct dw_span line_span(struct dw_str text, uint32_t line)
{
    struct dw_str rest = text, one = dw_str_cut(&rest, '\n');
    for (uint32_t i = 1; i < line && rest.ptr; i++)
        one = dw_str_cut(&rest, '\n');
    size_t indent = 0;
    while (indent < one.len && one.ptr[indent] == ' ')
        indent++;
    return (struct dw_span){line, (uint32_t)indent + 1, one.len > indent ? (uint32_t)(one.len - indent) : 1};
}

void dw_conf_complain(const struct dw_conf *c, const struct dw_fs *fs, const char *option, struct dw_str why, struct dw_diag_sink sink)
{
    const struct dw_conf_origin *from = &c->origin[dw_conf_find(c->table, dw_str_of(option))];
    struct dw_buf text = {0};
    struct dw_diags diags;
    struct dw_str help = why, sentence = dw_str_cut(&help, '\n');
    struct dw_span at = {0, 0, 0};
    char hint[160];
    bool in_file = from->source == DW_CONF_FROM_FILE && dw_fs_read_file(fs, from->path.ptr, FILE_BYTES_MAX, &text) == DW_OK;
    if (in_file)
        at = line_span(dw_buf_view(&text), from->line);
    dw_diags_init(&diags, from->source == DW_CONF_FROM_FILE ? from->path : DW_STR("options"), dw_buf_view(&text));
    (void)snprintf(hint, sizeof hint, "%.*s", DW_ARG(help));
    dw_diag_add(&diags, at, help.len ? hint : NULL, "'%s': %.*s", option, DW_ARG(sentence));
    if (sink.report)
        sink.report(sink.ud, &diags);
    dw_buf_fini(&text);
}
