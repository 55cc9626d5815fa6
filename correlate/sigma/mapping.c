/*
 * mapping: NAME.mapping.yml: fields and logsources of sources that dogwatch does not know by itself.
 *
 *     mapping: our proxy                              # a name
 *     logsource: {category: proxy, product: acme}     # the rules it is for, and what events of `datasets` belong to
 *     datasets: [acme.proxy]
 *     fields: {cs-host: [acme.host, url.domain], c-uri: acme.uri}
 *     prefix: acme.                                   # every other name is also tried below it
 *
 * Idea: it is read before all rules, for a rule's fields get their names while it is compiled. A name is tried as the rule writes it, then by mapping
 * files in their order, then by the tables.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>

static int complain(struct dw__sigma *g, const struct dw_yaml *n, const char *help, const char *what)
{
    dw__say(g, DW__LINT_MAPPING, n->at, help, "%s", what);
    return DW_ESYNTAX;
}

/* A text, or a list of them, into the set's arena. */
static int read_texts(struct dw__sigma *g, const struct dw_yaml *n, const struct dw_str **ret, uint32_t *ret_count)
{
    uint32_t count = 0;
    struct dw_str *all = dw_arena_alloc(&g->rs->arena, (n->count + 1) * sizeof *all);
    int rc = all ? DW_OK : DW_ENOMEM;
    if (n->kind == DW_YAML_MAP)
        return complain(g, n, NULL, "a name, or a list of names");
    for (const struct dw_yaml *v = n->kind == DW_YAML_SEQ ? n->first : n; v && rc == DW_OK; v = n->kind == DW_YAML_SEQ ? v->next : NULL) {
        if (v->kind != DW_YAML_SCALAR || v->text.len == 0 || v->text.len >= DW_KEY_NAME_MAX)
            return complain(g, v, NULL, "a name, or a list of names");
        rc = dw__text(g, v, &all[count++]);
    }
    *ret = all;
    *ret_count = count;
    return rc;
}

static int add_field(struct dw__sigma *g, const struct dw_logsource *scope, struct dw_str name, const struct dw_yaml *ecs)
{
    struct dw_ruleset *rs = g->rs;
    struct dw_map_field f = {.category = scope->category, .product = scope->product, .service = scope->service, .name = dw_arena_copy(&rs->arena, name)};
    int rc = f.name.ptr ? read_texts(g, ecs, &f.ecs, &f.count) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_ruleset_grow((void **)&rs->map_field, rs->map_field_count, &rs->map_field_cap, sizeof *rs->map_field);
    if (rc == DW_OK)
        rs->map_field[rs->map_field_count++] = f;
    return rc;
}

static int add_datasets(struct dw__sigma *g, const struct dw_logsource *scope, const struct dw_yaml *list)
{
    struct dw_ruleset *rs = g->rs;
    const struct dw_str *name = NULL;
    uint32_t count = 0;
    int rc = list ? read_texts(g, list, &name, &count) : DW_OK;
    for (uint32_t i = 0; i < count && rc == DW_OK; i++) {
        rc = dw_ruleset_grow((void **)&rs->map_dataset, rs->map_dataset_count, &rs->map_dataset_cap, sizeof *rs->map_dataset);
        if (rc == DW_OK)
            rs->map_dataset[rs->map_dataset_count++] = (struct dw_map_dataset){name[i], scope->category, scope->product, scope->service};
    }
    return rc;
}

static int read_scope(struct dw__sigma *g, const struct dw_yaml *doc, struct dw_logsource *ret)
{
    const struct dw_yaml *l = dw_yaml_get(doc, "logsource");
    *ret = (struct dw_logsource){DW_STR(""), DW_STR(""), DW_STR("")};
    if (l && l->kind != DW_YAML_MAP)
        return complain(g, l, NULL, "logsource is a mapping of category, product and service");
    if (!l && dw_yaml_get(doc, "datasets"))
        return complain(g, doc, "add `logsource: {product: ...}`", "datasets of no logsource");
    int rc = dw__text(g, dw_yaml_get(l, "category"), &ret->category);
    if (rc == DW_OK)
        rc = dw__text(g, dw_yaml_get(l, "product"), &ret->product);
    return rc < 0 ? rc : dw__text(g, dw_yaml_get(l, "service"), &ret->service);
}

static int check_keys(struct dw__sigma *g, const struct dw_yaml *doc)
{
    static const char *const known[] = {"mapping", "logsource", "datasets", "fields", "prefix"};
    int rc = DW_OK;
    for (const struct dw_yaml *n = doc->first; n; n = n->next) {
        char help[160];
        bool exact = false;
        for (size_t i = 0; i < DW_COUNT_OF(known) && !exact; i++)
            exact = dw_str_eq(n->key, dw_str_of(known[i]));
        const char *near = exact ? NULL : dw_nearest(n->key, known, DW_COUNT_OF(known));
        (void)snprintf(help, sizeof help, near ? "did you mean '%s'?" : "mapping, logsource, datasets, fields, prefix", near ? near : "");
        if (!exact) {
            dw__say(g, DW__LINT_MAPPING, n->key_at, help, "unknown key '%.*s'", DW_ARG(n->key));
            rc = DW_ESYNTAX;
        }
    }
    return rc;
}

int dw__mapping(struct dw__sigma *g, const struct dw_yaml *doc)
{
    struct dw_logsource scope;
    const struct dw_yaml *fields = dw_yaml_get(doc, "fields"), *prefix = dw_yaml_get(doc, "prefix");
    if (g->rs->rule_count)
        return complain(g, doc, "a file of its own, NAME.mapping.yml, is read before all rules", "a mapping after rules");
    int rc = check_keys(g, doc);
    if (rc == DW_OK)
        rc = read_scope(g, doc, &scope);
    if (rc == DW_OK && fields && fields->kind != DW_YAML_MAP)
        rc = complain(g, fields, "{c-uri: acme.uri}", "fields are a mapping of Sigma's names");
    for (const struct dw_yaml *n = rc == DW_OK && fields ? fields->first : NULL; n && rc == DW_OK; n = n->next)
        rc = add_field(g, &scope, n->key, n);
    if (rc == DW_OK && prefix)
        rc = add_field(g, &scope, DW_STR(""), prefix);
    return rc < 0 ? rc : add_datasets(g, &scope, dw_yaml_get(doc, "datasets"));
}
