/*
 * rule: what stands around the detection part of a rule: title, id, level, tags, logsource.
 *
 * Invariant: (1) every text of a rule lives in the set's arena, so the YAML may go.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>

static const char *const level_words[] = {"", "informational", "low", "medium", "high", "critical"};

const char *dw_level_text(enum dw_level level)
{
    DW_ASSERT((size_t)level < DW_COUNT_OF(level_words));
    return level_words[level];
}

int dw__text(struct dw__sigma *g, const struct dw_yaml *n, struct dw_str *ret)
{
    *ret = DW_STR("");
    if (!n)
        return DW_OK;
    if (n->kind != DW_YAML_SCALAR) {
        dw__say(g, DW__LINT_KIND, n->at, NULL, "'%.*s' is one text, not a list or mapping", DW_ARG(n->key));
        return DW_ESYNTAX;
    }
    struct dw_str copy = dw_arena_copy(&g->rs->arena, n->text);
    if (!copy.ptr)
        return DW_ENOMEM;
    *ret = copy;
    return DW_OK;
}

static int read_level(struct dw__sigma *g, const struct dw_yaml *n, enum dw_level *ret)
{
    char help[160];
    *ret = DW_LEVEL_NONE;
    if (!n)
        return DW_OK;
    for (size_t i = 1; i < DW_COUNT_OF(level_words) && n->kind == DW_YAML_SCALAR; i++) {
        if (dw_str_ieq(n->text, dw_str_of(level_words[i]))) {
            *ret = (enum dw_level)i;
            return DW_OK;
        }
    }
    const char *near = dw_nearest(n->text, level_words + 1, DW_COUNT_OF(level_words) - 1);
    (void)snprintf(help, sizeof help, near ? "did you mean '%s'?" : "one of informational, low, medium, high, critical",
        near ? near : "");
    const char *only = dw__only_near(n->text, level_words + 1, DW_COUNT_OF(level_words) - 1);
    if (dw__say(g, DW__LINT_LEVEL, n->at, help, "unknown level '%.*s'", DW_ARG(n->text)) && only)
        dw__mend_text(g, DW__LINT_LEVEL, n, dw_str_of(only));
    return DW_ESYNTAX;
}

static int read_tags(struct dw__sigma *g, const struct dw_yaml *n, struct dw_rule *rule)
{
    if (!n || dw_yaml_is_null(n))
        return DW_OK;
    if (n->kind != DW_YAML_SEQ) {
        dw__say(g, DW__LINT_KIND, n->at, "write it as `- attack.t1110` lines", "tags are a list");
        return DW_ESYNTAX;
    }
    struct dw_str *tag = dw_arena_alloc(&g->rs->arena, (n->count + 1) * sizeof *tag);
    int rc = tag ? DW_OK : DW_ENOMEM;
    for (const struct dw_yaml *v = n->first; v && rc == DW_OK; v = v->next)
        rc = dw__text(g, v, &tag[rule->tag_count++]);
    rule->tag = tag;
    return rc;
}

/* A name that is none of the known ones but looks like one; NULL: it is known, or like none. */
static const char *slip(struct dw_str name, const char *const *known, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (dw_str_eq(name, dw_str_of(known[i])))
            return NULL;
    return dw_nearest(name, known, count);
}

static int read_logsource(struct dw__sigma *g, const struct dw_yaml *doc, struct dw_rule *rule)
{
    static const char *const known[] = {"category", "product", "service", "definition"};
    const struct dw_yaml *l = dw_yaml_get(doc, "logsource");
    rule->category = rule->product = rule->service = DW_STR("");
    if (!l)
        return DW_OK;
    if (l->kind != DW_YAML_MAP) {
        dw__say(g, DW__LINT_KIND, l->at, NULL, "logsource is a mapping of category, product and service");
        return DW_ESYNTAX;
    }
    int rc = dw__text(g, dw_yaml_get(l, "category"), &rule->category);
    if (rc == DW_OK)
        rc = dw__text(g, dw_yaml_get(l, "product"), &rule->product);
    if (rc == DW_OK)
        rc = dw__text(g, dw_yaml_get(l, "service"), &rule->service);
    for (const struct dw_yaml *n = l->first; n; n = n->next) {
        char help[160];
        const char *near = slip(n->key, known, DW_COUNT_OF(known));
        if (near) {
            (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
            dw__say(g, DW__LINT_KEY_SLIP, n->key_at, help, "unknown logsource key '%.*s'", DW_ARG(n->key));
        }
    }
    return rc;
}

/* Slips in the names that matter: other names are the author's business. */
static void check_keys(struct dw__sigma *g, const struct dw_yaml *doc)
{
    static const char *const known[] = {"title", "detection", "logsource", "level", "status", "correlation", "detector", "filter",
        "description", "tags", "author", "falsepositives", "references", "related", "modified", "fields", "license",
        "name", "date", "scope", "taxonomy", "id", "tests", "testcases"};
    for (const struct dw_yaml *n = doc->first; n; n = n->next) {
        char help[160];
        const char *near = n->key.len > 4 ? slip(n->key, known, DW_COUNT_OF(known)) : NULL;
        if (near) {
            (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
            dw__say(g, DW__LINT_KEY_SLIP, n->key_at, help, "unknown key '%.*s'", DW_ARG(n->key));
        }
    }
}

/* A rule without id, name and title is called by its file and line. */
static int place_as_id(struct dw__sigma *g, struct dw_rule *rule)
{
    char id[300];
    struct dw_str file = rule->path;
    while (dw_str_index(file, '/') < file.len)
        (void)dw_str_cut(&file, '/');
    int len = snprintf(id, sizeof id, "%.*s:%u", (int)(file.len < 255 ? file.len : 255), file.ptr, rule->at.line);
    rule->id = dw_arena_copy(&g->rs->arena, dw_str_make(id, (size_t)len));
    dw__say(g, DW__LINT_NAMELESS, rule->at, "add `id:` with a UUID (uuidgen makes one)", "a rule without id, name and title");
    return rule->id.ptr ? DW_OK : DW_ENOMEM;
}

int dw__meta(struct dw__sigma *g, const struct dw_yaml *doc, struct dw_rule *ret)
{
    struct dw_rule rule = {.expr = DW_EXPR_NONE, .at = doc->at, .path = g->diags->path};
    const struct {
        const char *key;
        struct dw_str *into;
    } texts[] = {{"id", &rule.id}, {"name", &rule.name}, {"title", &rule.title}, {"description", &rule.description},
        {"status", &rule.status}, {"author", &rule.author}};
    int rc = DW_OK;
    check_keys(g, doc);
    for (size_t i = 0; i < DW_COUNT_OF(texts) && rc == DW_OK; i++)
        rc = dw__text(g, dw_yaml_get(doc, texts[i].key), texts[i].into);
    if (rc == DW_OK)
        rc = read_level(g, dw_yaml_get(doc, "level"), &rule.level);
    if (rc == DW_OK)
        rc = read_tags(g, dw_yaml_get(doc, "tags"), &rule);
    if (rc == DW_OK)
        rc = read_logsource(g, doc, &rule);
    if (rc < 0)
        return rc;
    rule.path = dw_arena_copy(&g->rs->arena, g->diags->path);
    if (!rule.path.ptr)
        return DW_ENOMEM;
    if (rule.title.len == 0)
        dw__say(g, DW__LINT_TITLE_MISSING, doc->at, "add `title: ...`", "a rule without a title");
    if (rule.id.len == 0)
        rule.id = rule.name.len ? rule.name : rule.title;
    if (rule.id.len == 0)
        rc = place_as_id(g, &rule);
    if (rc < 0)
        return rc;
    *ret = rule;
    return DW_OK;
}

uint32_t dw__find_rule(const struct dw_ruleset *rs, struct dw_str ref)
{
    for (uint32_t i = 0; i < rs->rule_count; i++)
        if (dw_str_eq(rs->rule[i].id, ref))
            return i;
    for (uint32_t i = 0; i < rs->rule_count; i++)
        if (rs->rule[i].name.len && dw_str_eq(rs->rule[i].name, ref))
            return i;
    return rs->rule_count;
}

uint32_t dw_ruleset_find(const struct dw_ruleset *rs, struct dw_str ref)
{
    uint32_t found = dw__find_rule(rs, ref);
    for (uint32_t i = 0; found == rs->rule_count && i < rs->rule_count && ref.len; i++)
        found = dw_str_eq(rs->rule[i].title, ref) ? i : found;
    return found;
}

int dw__add_rule(struct dw__sigma *g, const struct dw_rule *rule, uint32_t *ret_index)
{
    struct dw_ruleset *rs = g->rs;
    for (uint32_t i = 0; i < rs->rule_count; i++) {
        if (!dw_str_eq(rs->rule[i].id, rule->id))
            continue;
        dw__say(g, DW__LINT_ID_TAKEN, rule->at, "give it an id of its own", "rule id '%.*s' is taken already by %.*s",
            DW_ARG(rule->id), DW_ARG(rs->rule[i].path));
        return DW_EEXIST;
    }
    int rc = dw_ruleset_grow((void **)&rs->rule, rs->rule_count, &rs->rule_cap, sizeof *rs->rule);
    uint32_t logsource = 0;
    if (rc == DW_OK)
        rc = dw__logsource(rs, rule, &logsource);
    if (rc < 0)
        return rc;
    *ret_index = rs->rule_count;
    rs->rule[rs->rule_count] = *rule;
    rs->rule[rs->rule_count++].logsource = logsource;
    return DW_OK;
}
