/*
 * fieldname: a Sigma field name as the names that an event may have it under.
 *
 * Idea: the name as the rule writes it comes first, so raw events match as they are; then what mapping files say; then its ECS names from
 * tbl/sigma_fields.h, those of the rule's product or service before the general ones.
 *
 * Invariant: (1) the answer depends only on name and logsource, so equal fields of two rules are one field.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>

enum { NAMES_MAX = 64 }; /* far more than tables and mapping files have for a name */

static const struct {
    const char *scope, *sigma, *ecs;
} field_rows[] = {
#define SIGMA_FIELD(scope, sigma, ecs) {scope, sigma, ecs},
#define SIGMA_PREFIX(scope, prefix)
#include "dogwatch/tbl/sigma_fields.h"
#undef SIGMA_FIELD
#undef SIGMA_PREFIX
};
static const struct {
    const char *scope, *prefix;
} prefix_rows[] = {
#define SIGMA_FIELD(scope, sigma, ecs)
#define SIGMA_PREFIX(scope, prefix) {scope, prefix},
#include "dogwatch/tbl/sigma_fields.h"
#undef SIGMA_FIELD
#undef SIGMA_PREFIX
};

struct names {
    uint32_t key[NAMES_MAX], count;
};

static int add_name(struct dw__sigma *g, struct names *n, struct dw_str name)
{
    uint32_t key = 0;
    int rc = dw_keys_intern(g->rs->keys, name, &key);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < n->count; i++)
        if (n->key[i] == key)
            return DW_OK;
    if (n->count < NAMES_MAX)
        n->key[n->count++] = key;
    return DW_OK;
}

static bool in_scope(const struct dw__sigma *g, const char *scope)
{
    struct dw_str s = dw_str_of(scope);
    return dw_str_ieq(s, g->product) || dw_str_ieq(s, g->service);
}

static int add_rows(struct dw__sigma *g, struct names *n, struct dw_str name, bool general)
{
    int rc = DW_OK;
    for (size_t i = 0; i < DW_COUNT_OF(field_rows); i++) {
        bool is_general = field_rows[i].scope[0] == '\0';
        if (is_general != general || !dw_str_eq(dw_str_of(field_rows[i].sigma), name) ||
            (!general && !in_scope(g, field_rows[i].scope)))
            continue;
        struct dw_str rest = dw_str_of(field_rows[i].ecs);
        while (rc == DW_OK && rest.ptr)
            rc = add_name(g, n, dw_str_cut(&rest, '|'));
    }
    return rc;
}

/* A name below a prefix, unless it stands there already. */
static int add_below(struct dw__sigma *g, struct names *n, struct dw_str prefix, struct dw_str name)
{
    char full[DW_KEY_NAME_MAX];
    if (dw_str_starts(name, prefix) || prefix.len + name.len > sizeof full)
        return DW_OK;
    memcpy(full, prefix.ptr, prefix.len);
    memcpy(full + prefix.len, name.ptr, name.len);
    return add_name(g, n, dw_str_make(full, prefix.len + name.len));
}

static int add_prefixed(struct dw__sigma *g, struct names *n, struct dw_str name)
{
    int rc = DW_OK;
    for (size_t i = 0; i < DW_COUNT_OF(prefix_rows) && rc == DW_OK; i++)
        if (in_scope(g, prefix_rows[i].scope))
            rc = add_below(g, n, dw_str_of(prefix_rows[i].prefix), name);
    return rc;
}

static bool covers(struct dw_str wanted, struct dw_str have)
{
    return wanted.len == 0 || dw_str_ieq(wanted, have);
}

/* What mapping files say of a name; of those with a prefix, after all others (`prefixes`). */
static int add_mapped(struct dw__sigma *g, struct names *n, struct dw_str name, bool prefixes)
{
    int rc = DW_OK;
    for (uint32_t i = 0; i < g->rs->map_field_count; i++) {
        const struct dw_map_field *f = &g->rs->map_field[i];
        if (!covers(f->category, g->category) || !covers(f->product, g->product) || !covers(f->service, g->service) ||
            (f->name.len == 0) != prefixes || (!prefixes && !dw_str_eq(f->name, name)))
            continue;
        for (uint32_t k = 0; k < f->count && rc == DW_OK; k++)
            rc = prefixes ? add_below(g, n, f->ecs[k], name) : add_name(g, n, f->ecs[k]);
    }
    return rc;
}

static int collect(struct dw__sigma *g, struct dw_str name, struct names *n)
{
    int rc = add_name(g, n, name);
    if (rc == DW_OK)
        rc = add_mapped(g, n, name, false);
    if (rc == DW_OK)
        rc = add_rows(g, n, name, false);
    if (rc == DW_OK)
        rc = add_rows(g, n, name, true);
    if (rc == DW_OK)
        rc = add_mapped(g, n, name, true);
    return rc == DW_OK ? add_prefixed(g, n, name) : rc;
}

int dw__field(struct dw__sigma *g, struct dw_str name, bool decoded, uint32_t *ret_field)
{
    struct names n = {.count = 0};
    int rc = collect(g, name, &n);
    return rc < 0 ? rc : dw_pred_field(g->rs->pred, n.key, n.count, decoded, ret_field);
}

int dw__names(struct dw__sigma *g, struct dw_str name, struct dw_name_list *ret)
{
    struct names n = {.count = 0};
    int rc = collect(g, name, &n);
    uint32_t *key = rc == DW_OK ? dw_arena_alloc(&g->rs->arena, n.count * sizeof *key) : NULL;
    if (rc == DW_OK && !key)
        rc = DW_ENOMEM;
    if (rc < 0)
        return rc;
    memcpy(key, n.key, n.count * sizeof *key);
    *ret = (struct dw_name_list){key, n.count};
    return DW_OK;
}

/* Whether two names are one in other styles: user_agent and userAgent, answer and answers. */
static bool is_same_word(struct dw_str a, struct dw_str b)
{
    size_t i = 0, k = 0;
    while (i < a.len && k < b.len) {
        if (strchr("-_.", a.ptr[i]))
            i++;
        else if (strchr("-_.", b.ptr[k]))
            k++;
        else if (!dw_str_ieq(dw_str_slice(a, i, i + 1), dw_str_slice(b, k, k + 1)))
            return false;
        else
            i++, k++;
    }
    struct dw_str rest = i < a.len ? dw_str_slice(a, i, a.len) : dw_str_slice(b, k, b.len);
    return rest.len == 0 || dw_str_eq(rest, DW_STR("s"));
}

void dw__check_name(struct dw__sigma *g, struct dw_str name, struct dw_span at)
{
    const char *known[DW_COUNT_OF(field_rows)];
    if (name.len < 6)
        return; /* a0, name, type: too short to guess */
    for (size_t i = 0; i < DW_COUNT_OF(field_rows); i++) {
        known[i] = field_rows[i].sigma;
        if (dw_str_eq(dw_str_of(known[i]), name))
            return;
    }
    for (uint32_t id = 0; id < DW_FIELDS; id++)
        if (dw_str_eq(dw_keys_name(g->rs->keys, id), name))
            return;
    const char *near = NULL;
    for (size_t i = 0; i < DW_COUNT_OF(known) && !near; i++)
        if (strlen(known[i]) >= 6 && dw_str_distance(name, dw_str_of(known[i]), 1) == 1 && !is_same_word(name, dw_str_of(known[i])))
            near = known[i];
    char help[160];
    if (!near)
        return;
    (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
    dw__say(g, DW__LINT_FIELD_SLIP, at, help, "field '%.*s' is not known", DW_ARG(name));
}
