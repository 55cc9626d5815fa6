/*
 * ruleset: documents to rules, references between them, and the tables that matching uses.
 *
 * Idea: rules about one event are compiled as they come. Files that hold correlations or filters are kept and read
 * again when all rules are known, because they name rules that may stand in any file.
 *
 * Invariants:
 *   (1) A document with an error leaves no rule behind; its leaves may stay, unused.
 *   (2) Rule numbers follow the order of files and documents; correlations come after all single-event rules.
 *   (3) Every rule about one event is in trigger[] of each leaf of its witness, or in always[].
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/correlate/rulepack.h"

int dw_ruleset_grow(void **array, uint32_t count, uint32_t *cap, size_t item)
{
    if (count < *cap)
        return DW_OK;
    uint32_t more = *cap ? *cap * 2 : 16;
    void *bigger = dw_resize(*array, more * item);
    if (!bigger)
        return DW_ENOMEM;
    *array = bigger;
    *cap = more;
    return DW_OK;
}

/* Where events of Windows have their channel and their id, the surest first. */
static const char *const channel_names[] = {"winlog.channel", "Channel"};
static const char *const event_id_names[] = {"winlog.event_id", "EventID", "event.code"};

static int intern_all(struct dw_keys *keys, const char *const *name, uint32_t *ret, size_t count)
{
    int rc = DW_OK;
    for (size_t i = 0; i < count && rc == DW_OK; i++)
        rc = dw_keys_intern(keys, dw_str_of(name[i]), &ret[i]);
    return rc;
}

struct dw_ruleset *dw_ruleset_new(struct dw_keys *keys, const struct dw_ruleset_opts *opts)
{
    struct dw_ruleset *rs = dw_calloc(1, sizeof *rs);
    if (!rs) {
        dw_places_free(opts ? opts->places : NULL);
        return NULL;
    }
    rs->keys = keys;
    if (opts)
        rs->opts = *opts;
    rs->places = rs->opts.places;
    dw_arena_init(&rs->arena, 0);
    rs->pred = dw_pred_new();
    if (!rs->pred || intern_all(keys, channel_names, rs->channel_key, DW_COUNT_OF(channel_names)) < 0 ||
        intern_all(keys, event_id_names, rs->event_id_key, DW_COUNT_OF(event_id_names)) < 0) {
        dw_ruleset_free(rs);
        return NULL;
    }
    return rs;
}

void dw_ruleset_free(struct dw_ruleset *rs)
{
    if (!rs)
        return;
    dw_places_free(rs->places);
    dw_pred_free(rs->pred);
    dw_expr_pool_fini(&rs->expr);
    dw_arena_fini(&rs->arena);
    dw_free(rs->rule);
    dw_free(rs->logsource);
    dw_free(rs->map_field);
    dw_free(rs->map_dataset);
    dw_free(rs->deferred);
    dw_free(rs->trigger_first);
    dw_free(rs->trigger);
    dw_free(rs->always);
    dw_free(rs->groups);
    dw_free(rs);
}

static int add_single(struct dw__sigma *g, const struct dw_yaml *doc)
{
    struct dw_rule rule;
    uint32_t index;
    const struct dw_yaml *detection = dw_yaml_get(doc, "detection");
    int rc = dw__meta(g, doc, &rule);
    if (rc < 0)
        return rc;
    if (!detection) {
        dw__say(g, DW__LINT_NOT_A_RULE, doc->at, NULL, "neither detection, correlation, detector nor filter: not a rule");
        return DW_ESYNTAX;
    }
    if (!dw_yaml_get(doc, "logsource"))
        dw__say(g, DW__LINT_LOGSOURCE_MISSING, doc->at, "add `logsource:`", "a rule without logsource is tried on every event");
    g->category = rule.category;
    g->product = rule.product;
    g->service = rule.service;
    rc = dw__detection(g, detection, NULL, &rule.expr);
    return rc < 0 ? rc : dw__add_rule(g, &rule, &index);
}

static bool is_deferred(const struct dw_yaml *doc)
{
    return dw__correlation_of(doc) || dw_yaml_get(doc, "filter");
}

/* Keeps a file for finish. */
static int defer(struct dw_ruleset *rs, const char *path, struct dw_str text)
{
    int rc = dw_ruleset_grow((void **)&rs->deferred, rs->deferred_count, &rs->deferred_cap, sizeof *rs->deferred);
    if (rc < 0)
        return rc;
    struct dw_deferred d = {dw_arena_copy(&rs->arena, dw_str_of(path)), dw_arena_copy(&rs->arena, text)};
    if (!d.path.ptr || !d.text.ptr)
        return DW_ENOMEM;
    rs->deferred[rs->deferred_count++] = d;
    return DW_OK;
}

static int add_document(struct dw__sigma *g, const struct dw_yaml *doc, bool *ret_defer)
{
    uint32_t before = g->diags->errors;
    if (dw_yaml_is_null(doc))
        return DW_OK;
    if (doc->kind != DW_YAML_MAP) {
        dw__say(g, DW__LINT_NOT_A_RULE, doc->at, NULL, "a rule is a mapping");
        g->rs->errors++;
        return DW_OK;
    }
    if (is_deferred(doc)) {
        *ret_defer = true;
        return DW_OK;
    }
    int rc = dw_yaml_get(doc, "mapping") ? dw__mapping(g, doc) : add_single(g, doc);
    if (rc < 0 && rc != DW_ENOMEM) {
        DW_ASSERT(g->diags->errors > before); /* a rule is never dropped without a word */
        g->rs->errors++;
        rc = DW_OK;
    }
    return rc;
}

int dw_ruleset_add(struct dw_ruleset *rs, const char *path, struct dw_str text, struct dw_diag_sink sink)
{
    DW_ASSERT(!rs->finished);
    struct dw_diags diags;
    struct dw__sigma g = {.rs = rs, .diags = &diags};
    struct dw_arena yaml;
    const struct dw_yaml *doc = NULL;
    bool deferred = false;
    if (rs->opts.pack)
        dw_rulepack_add(rs->opts.pack, dw_str_of(path), text);
    dw_arena_init(&yaml, 0);
    dw_diags_init(&diags, dw_str_of(path), text);
    int rc = dw_yaml_parse(&yaml, text, &diags, &doc);
    dw__code_others(&diags, DW__LINT_YAML);
    if (rc == DW_ESYNTAX) {
        rs->errors++;
        rc = DW_OK;
    }
    for (const struct dw_yaml *d = doc; d && rc == DW_OK; d = d->next)
        rc = add_document(&g, d, &deferred);
    if (rc == DW_OK && rs->opts.lint)
        dw__lint(&g, doc);
    if (rc == DW_OK && deferred)
        rc = defer(rs, path, text);
    if (diags.count && sink.report)
        sink.report(sink.ud, &diags);
    dw_arena_fini(&yaml);
    return rc;
}

/* One deferred file while finish works on it. */
struct again {
    struct dw_diags diags;
    const struct dw_yaml *doc;
};

/* First step: a number and an id for every correlation, so that they can name each other. */
static int register_correlations(struct dw_ruleset *rs, struct again *f)
{
    struct dw__sigma g = {.rs = rs, .diags = &f->diags};
    int rc = DW_OK;
    for (const struct dw_yaml *doc = f->doc; doc && rc == DW_OK; doc = doc->next) {
        struct dw_rule rule;
        uint32_t index;
        if (!dw__correlation_of(doc))
            continue;
        rc = dw__meta(&g, doc, &rule);
        if (rc == DW_OK)
            rc = dw__add_rule(&g, &rule, &index);
        if (rc < 0 && rc != DW_ENOMEM) {
            rs->errors++;
            rc = DW_OK;
        }
    }
    return rc;
}

/* The rule that stands at a document of a file. */
static uint32_t rule_at(const struct dw_ruleset *rs, const struct again *f, const struct dw_yaml *doc)
{
    for (uint32_t i = rs->rule_count; i-- > 0;)
        if (rs->rule[i].at.line == doc->at.line && dw_str_eq(rs->rule[i].path, f->diags.path))
            return i;
    return rs->rule_count;
}

static int resolve_correlations(struct dw_ruleset *rs, struct again *f)
{
    struct dw__sigma g = {.rs = rs, .diags = &f->diags};
    int rc = DW_OK;
    for (const struct dw_yaml *doc = f->doc; doc && rc == DW_OK; doc = doc->next) {
        uint32_t index = dw__correlation_of(doc) ? rule_at(rs, f, doc) : rs->rule_count;
        if (index == rs->rule_count)
            continue;
        rc = dw__correlation(&g, doc, index);
        if (rc < 0 && rc != DW_ENOMEM) {
            rs->errors++;
            rc = DW_OK;
        }
    }
    return rc;
}

void dw__corr_depths(const struct dw_ruleset *rs, uint8_t *depth)
{
    memset(depth, 0, rs->rule_count);
    for (uint32_t round = 0; round <= DW__CORR_DEPTH_MAX; round++) {
        for (uint32_t i = 0; i < rs->rule_count; i++) {
            const struct dw_correlation *c = rs->rule[i].corr;
            for (uint32_t m = 0; c && m < c->member_count; m++)
                if (depth[c->member[m]] == round && depth[i] <= round)
                    depth[i] = (uint8_t)(round + 1);
        }
    }
}

/* A correlation that is a member of itself, or nested too deep, shows by its depth. */
static int refuse_cycles(struct dw_ruleset *rs, struct again *files)
{
    uint8_t *depth = dw_calloc(rs->rule_count + 1, 1);
    if (!depth)
        return DW_ENOMEM;
    dw__corr_depths(rs, depth);
    for (uint32_t i = 0; i < rs->deferred_count; i++) {
        for (const struct dw_yaml *doc = files[i].doc; doc; doc = doc->next) {
            uint32_t index = dw__correlation_of(doc) ? rule_at(rs, &files[i], doc) : rs->rule_count;
            if (index == rs->rule_count || depth[index] <= DW__CORR_DEPTH_MAX)
                continue;
            dw__say(&(struct dw__sigma){.rs = rs, .diags = &files[i].diags}, DW__LINT_CYCLE, doc->at, NULL, "correlation: it is a member of itself, or nested over %d deep",
                DW__CORR_DEPTH_MAX);
            rs->rule[index].corr = NULL;
            rs->errors++;
        }
    }
    dw_free(depth);
    return DW_OK;
}

static bool filter_takes(
    const struct dw_ruleset *rs, const struct dw_yaml *rules, const struct dw_rule *filter, uint32_t index)
{
    const struct dw_rule *rule = &rs->rule[index];
    bool source = (filter->category.len == 0 || dw_str_ieq(filter->category, rule->category)) &&
                  (filter->product.len == 0 || dw_str_ieq(filter->product, rule->product)) &&
                  (filter->service.len == 0 || dw_str_ieq(filter->service, rule->service));
    if (!source || rule->expr == DW_EXPR_NONE)
        return false;
    if (!rules || dw_yaml_is_null(rules) || (rules->kind == DW_YAML_SEQ && rules->count == 0))
        return true;
    bool list = rules->kind == DW_YAML_SEQ;
    for (const struct dw_yaml *v = list ? rules->first : rules; v; v = list ? v->next : NULL)
        if (v->kind == DW_YAML_SCALAR && (dw_str_ieq(v->text, DW_STR("any")) || dw__find_rule(rs, v->text) == index))
            return true;
    return false;
}

static int apply_filter(struct dw__sigma *g, const struct dw_yaml *doc)
{
    struct dw_rule filter;
    uint32_t expr, hits = 0;
    const struct dw_yaml *map = dw_yaml_get(doc, "filter");
    int rc = dw__meta(g, doc, &filter);
    if (rc < 0)
        return rc;
    g->category = filter.category;
    g->product = filter.product;
    g->service = filter.service;
    rc = dw__detection(g, map, "rules", &expr);
    for (uint32_t i = 0; i < g->rs->rule_count && rc == DW_OK; i++) {
        struct dw_rule *rule = &g->rs->rule[i];
        if (!filter_takes(g->rs, dw_yaml_get(map, "rules"), &filter, i))
            continue;
        uint32_t both[2] = {rule->expr, expr};
        rc = dw_expr_at_least(&g->rs->expr, 2, both, 2, &rule->expr);
        hits++;
    }
    if (rc == DW_OK && hits == 0)
        dw__say(g, DW__LINT_FILTER_IDLE, doc->at, "rules are named by id or name; the logsource must fit",
            "this filter applies to no rule");
    return rc;
}

static int apply_filters(struct dw_ruleset *rs, struct again *f)
{
    struct dw__sigma g = {.rs = rs, .diags = &f->diags};
    int rc = DW_OK;
    for (const struct dw_yaml *doc = f->doc; doc && rc == DW_OK; doc = doc->next) {
        if (!dw_yaml_get(doc, "filter"))
            continue;
        rc = apply_filter(&g, doc);
        if (rc < 0 && rc != DW_ENOMEM) {
            rs->errors++;
            rc = DW_OK;
        }
    }
    return rc;
}

/* Correlations that did not resolve leave no rule behind; numbers of members move with the others. Correlations whose
 * member is gone go too (told where the member was). */
static int drop_unresolved(struct dw_ruleset *rs)
{
    uint32_t *to = dw_calloc(rs->rule_count + 1, sizeof *to), kept = 0;
    if (!to)
        return DW_ENOMEM;
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < rs->rule_count; i++) {
            const struct dw_correlation *c = rs->rule[i].corr;
            for (uint32_t m = 0; c && m < c->member_count; m++) {
                const struct dw_rule *member = &rs->rule[c->member[m]];
                if (member->expr != DW_EXPR_NONE || member->corr)
                    continue;
                rs->rule[i].corr = NULL;
                rs->errors++;
                again = true;
                break;
            }
        }
    }
    for (uint32_t i = 0; i < rs->rule_count; i++) {
        to[i] = kept;
        if (rs->rule[i].expr != DW_EXPR_NONE || rs->rule[i].corr)
            rs->rule[kept++] = rs->rule[i];
    }
    rs->rule_count = kept;
    for (uint32_t i = 0; i < kept; i++) {
        struct dw_correlation *c = (struct dw_correlation *)(uintptr_t)rs->rule[i].corr;
        for (uint32_t m = 0; c && m < c->member_count; m++)
            c->member[m] = to[c->member[m]];
    }
    dw_free(to);
    return DW_OK;
}

/* A rule about one event that is a member alerts on its own only when some correlation of it says `generate`. A
 * correlation that is a member of another alerts all the same. */
static void mark_silent(struct dw_ruleset *rs)
{
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < rs->rule_count; i++)
            for (uint32_t m = 0; rs->rule[i].corr && m < rs->rule[i].corr->member_count; m++)
                if (pass == 0 || rs->rule[i].corr->generate)
                    rs->rule[rs->rule[i].corr->member[m]].silent =
                        pass == 0 && !rs->rule[rs->rule[i].corr->member[m]].corr;
}

struct witness {
    struct dw_ruleset *rs;
    uint32_t rule;
    bool count_only;
};

static void on_witness(void *ud, uint32_t leaf, uint32_t group)
{
    struct witness *w = ud;
    w->rs->groups[w->rule] |= (uint8_t)(1 << group);
    if (w->count_only) {
        w->rs->trigger_first[leaf + 2]++;
        dw_pred_watch(w->rs->pred, leaf);
    } else {
        w->rs->trigger[w->rs->trigger_first[leaf + 1]++] = w->rule * DW_WITNESS_GROUPS + group;
    }
}

static int build_triggers(struct dw_ruleset *rs)
{
    uint32_t leaves = dw_pred_leaf_count(rs->pred);
    rs->trigger_first = dw_calloc(leaves + 3, sizeof *rs->trigger_first);
    rs->always = dw_calloc(rs->rule_count + 1, sizeof *rs->always);
    rs->groups = dw_calloc(rs->rule_count + 1, 1);
    if (!rs->trigger_first || !rs->always || !rs->groups)
        return DW_ENOMEM;
    struct witness w = {.rs = rs, .count_only = true};
    for (w.rule = 0; w.rule < rs->rule_count; w.rule++)
        if (rs->rule[w.rule].expr != DW_EXPR_NONE &&
            !dw_expr_witness(&rs->expr, rs->rule[w.rule].expr, rs->pred, on_witness, &w))
            rs->always[rs->always_count++] = w.rule;
    for (uint32_t l = 2; l < leaves + 3; l++)
        rs->trigger_first[l] += rs->trigger_first[l - 1];
    rs->trigger = dw_calloc(rs->trigger_first[leaves + 1] + 1, sizeof *rs->trigger);
    if (!rs->trigger)
        return DW_ENOMEM;
    w.count_only = false;
    for (w.rule = 0; w.rule < rs->rule_count; w.rule++)
        if (rs->rule[w.rule].expr != DW_EXPR_NONE)
            (void)dw_expr_witness(&rs->expr, rs->rule[w.rule].expr, rs->pred, on_witness, &w);
    return dw_pred_build(rs->pred);
}

static int finish_deferred(struct dw_ruleset *rs, struct again *files, struct dw_arena *yaml)
{
    int rc = DW_OK;
    for (uint32_t i = 0; i < rs->deferred_count && rc == DW_OK; i++) {
        dw_diags_init(&files[i].diags, rs->deferred[i].path, rs->deferred[i].text);
        rc = dw_yaml_parse(yaml, rs->deferred[i].text, &files[i].diags, &files[i].doc);
        if (rc == DW_OK)
            rc = register_correlations(rs, &files[i]);
    }
    for (uint32_t i = 0; i < rs->deferred_count && rc == DW_OK; i++)
        rc = resolve_correlations(rs, &files[i]);
    if (rc == DW_OK)
        rc = refuse_cycles(rs, files);
    for (uint32_t i = 0; i < rs->deferred_count && rc == DW_OK; i++)
        rc = apply_filters(rs, &files[i]);
    return rc;
}

int dw_ruleset_finish(struct dw_ruleset *rs, struct dw_diag_sink sink)
{
    DW_ASSERT(!rs->finished);
    struct dw_arena yaml;
    dw_arena_init(&yaml, 0);
    struct again *files = dw_calloc(rs->deferred_count + 1, sizeof *files);
    int rc = files ? finish_deferred(rs, files, &yaml) : DW_ENOMEM;
    for (uint32_t i = 0; files && i < rs->deferred_count; i++)
        if (files[i].diags.count && sink.report) {
            dw__code_others(&files[i].diags, DW__LINT_CORRELATION);
            sink.report(sink.ud, &files[i].diags);
        }
    dw_free(files);
    dw_arena_fini(&yaml);
    if (rc == DW_OK)
        rc = drop_unresolved(rs);
    if (rc == DW_OK) {
        mark_silent(rs);
        rc = build_triggers(rs);
    }
    if (rc == DW_OK)
        rc = dw__logic_hashes(rs);
    rs->opts = (struct dw_ruleset_opts){0};
    rs->finished = rc == DW_OK;
    return rc;
}

uint32_t dw_ruleset_correlation(const struct dw_ruleset *rs, struct dw_str id, const void *logic_hash)
{
    for (uint32_t i = 0; i < rs->rule_count; i++) {
        const struct dw_rule *rule = &rs->rule[i];
        if (rule->corr && dw_str_eq(rule->id, id) && memcmp(rule->logic_hash, logic_hash, DW_SHA256_BYTES) == 0)
            return i;
    }
    return UINT32_MAX;
}

uint32_t dw_ruleset_count(const struct dw_ruleset *rs)
{
    return rs->rule_count;
}

uint32_t dw_ruleset_errors(const struct dw_ruleset *rs)
{
    return rs->errors;
}

uint32_t dw_ruleset_notes(const struct dw_ruleset *rs)
{
    return rs->notes;
}

const struct dw_places *dw_ruleset_places(const struct dw_ruleset *rs)
{
    return rs->places;
}

uint32_t dw_ruleset_asleep(const struct dw_ruleset *rs, uint32_t *ret_first)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rs->rule_count && !rs->places; i++) {
        if (!rs->rule[i].corr || rs->rule[i].corr->type != DW_CORR_IMPOSSIBLE_TRAVEL)
            continue;
        *ret_first = count ? *ret_first : i;
        count++;
    }
    return count;
}

uint32_t dw_ruleset_allowed(const struct dw_ruleset *rs)
{
    return rs->allowed;
}

const struct dw_rule *dw_ruleset_rule(const struct dw_ruleset *rs, uint32_t index)
{
    DW_ASSERT(index < rs->rule_count);
    return &rs->rule[index];
}

size_t dw_ruleset_bytes(const struct dw_ruleset *rs)
{
    return dw_pred_bytes(rs->pred) + rs->arena.total + rs->rule_cap * sizeof *rs->rule +
           rs->expr.node_cap * sizeof *rs->expr.node + rs->expr.kid_cap * sizeof *rs->expr.kid;
}
