/*
 * evidence_rules: the files that make one rule decide as it does.
 *
 * Idea: its own file and those of its members are loaded alone. If the rule then decides otherwise (its logic hash differs), a filter or a mapping
 * is missing: files that speak of those are added; and if that is not it, all of them.
 */
#include "evidence_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/keyed.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>

enum { NEST_MAX = 16, NAME_SHOWN = 60 };

struct say_arg {
    const struct evidence_say *say;
};

static void tell_mistake(void *ud, const struct dw_diags *d)
{
    const struct evidence_say *say = ((struct say_arg *)ud)->say;
    char where[EVIDENCE_WHERE_CAP];
    for (uint32_t i = 0; say && i < d->count; i++) {
        (void)snprintf(where, sizeof where, "%.*s:%u:%u", DW_ARG(d->path), d->item[i].at.line, d->item[i].at.col);
        if (d->item[i].severity == DW_SEVERITY_ERROR)
            evidence_problem(say, where, "%s", d->item[i].msg);
    }
}

static bool is_rule_file(const struct dw_epack_file *f)
{
    return dw_str_starts(dw_str_of(f->name), DW_STR("rule/"));
}

void evidence_rules_fini(struct evidence_rules *r)
{
    dw_match_scratch_free(r->scratch);
    dw_ruleset_free(r->set);
}

int evidence_rules_load(const struct dw_epack *p, struct dw_keys *keys, struct evidence_alert *a, const struct evidence_say *say, struct evidence_rules *ret)
{
    struct say_arg arg = {say};
    const struct dw_diag_sink sink = {tell_mistake, &arg};
    *ret = (struct evidence_rules){.set = dw_ruleset_new(keys, &(struct dw_ruleset_opts){.places = a->anomaly.database ? &a->places : NULL})};
    int rc = ret->set ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i < dw_epack_count(p) && rc == DW_OK; i++) {
        const struct dw_epack_file *f = dw_epack_at(p, i);
        if (is_rule_file(f))
            rc = dw_ruleset_add(ret->set, f->name, dw_buf_view(&f->bytes), sink);
    }
    if (rc == DW_OK)
        rc = dw_ruleset_finish(ret->set, sink);
    if (rc < 0)
        return rc;
    ret->rule = dw_explain_rule_of(ret->set, dw_str_of(a->alert.rule));
    ret->scratch = dw_match_scratch_new(ret->set);
    return ret->scratch ? DW_OK : DW_ENOMEM;
}

/* ---- which files ---- */

/* A file that rules were loaded from. */
struct source {
    struct dw_keyed_item item;
    struct dw_buf text;
    bool taken;
};

struct picking {
    const struct dw_evidence_gather *g;
    struct dw_keyed files; /* in the order in which they were read */
};

static int read_sources(struct picking *k)
{
    struct dw_buf names = {0};
    int rc = DW_OK;
    for (uint32_t i = 0; i < k->g->rule_paths && rc == DW_OK; i++)
        rc = dw_mapping_files(k->g->rule_path[i], &names);
    for (uint32_t i = 0; i < k->g->rule_paths && rc == DW_OK; i++)
        rc = dw_rule_files(&dw_fs_system, k->g->rule_path[i], &names);
    for (const char *n = names.ptr; rc == DW_OK && n && n < names.ptr + names.len; n += strlen(n) + 1) {
        struct source *s = dw_keyed_find(&k->files, dw_str_of(n)) ? NULL : dw_keyed_add(&k->files, dw_str_of(n), sizeof *s);
        if (s)
            rc = dw_fs_read_named(&dw_fs_system, n, DW_EPACK_RULE_MAX, &s->text);
        else if (!dw_keyed_find(&k->files, dw_str_of(n)))
            rc = DW_ENOMEM;
    }
    dw_buf_fini(&names);
    return rc;
}

static void take_file_of(struct picking *k, uint32_t rule, uint32_t nest)
{
    const struct dw_rule *r = dw_ruleset_rule(k->g->rules, rule);
    struct source *s = dw_keyed_find(&k->files, r->path);
    if (s)
        s->taken = true;
    for (uint32_t i = 0; r->corr && i < r->corr->member_count && nest < NEST_MAX; i++)
        take_file_of(k, r->corr->member[i], nest + 1);
}

static void pass_over(void *ud, const struct dw_diags *d)
{
    (void)ud;
    (void)d; /* the files that were not taken may be what is missed */
}

/* Whether what is taken decides as the whole set. */
static int decides_alike(const struct picking *k, bool *ret)
{
    const struct dw_diag_sink sink = {pass_over, NULL};
    const struct dw_rule *want = dw_ruleset_rule(k->g->rules, k->g->rule);
    struct dw_keys *keys = dw_keys_new();
    const struct dw_places *there = dw_ruleset_places(k->g->rules);
    struct dw_places places = {.find = NULL}; /* its hash decides; the rest is the whole set's */
    if (there)
        memcpy(places.hash, there->hash, sizeof places.hash);
    struct dw_ruleset *set = keys ? dw_ruleset_new(keys, &(struct dw_ruleset_opts){.places = there ? &places : NULL}) : NULL;
    int rc = set ? DW_OK : DW_ENOMEM;
    *ret = false;
    for (const struct dw_keyed_item *i = k->files.first; i && rc == DW_OK; i = i->next) {
        const struct source *s = (const struct source *)i;
        if (s->taken)
            rc = dw_ruleset_add(set, "rule", dw_buf_view(&s->text), sink);
    }
    if (rc == DW_OK)
        rc = dw_ruleset_finish(set, sink);
    uint32_t rule = rc == DW_OK ? dw_explain_rule_of(set, want->id) : 0;
    if (rc == DW_OK && rule < dw_ruleset_count(set))
        *ret = memcmp(dw_ruleset_rule(set, rule)->logic_hash, want->logic_hash, DW_SHA256_BYTES) == 0;
    dw_ruleset_free(set);
    dw_keys_free(keys);
    return rc;
}

static bool holds(const struct source *s, struct dw_str word)
{
    return dw_str_find(dw_buf_view(&s->text), word) < s->text.len;
}

static int pick(struct picking *k)
{
    bool alike = false;
    int rc = read_sources(k);
    if (rc < 0)
        return rc;
    take_file_of(k, k->g->rule, 0);
    for (int round = 0; round < 3 && rc == DW_OK && !alike; round++) {
        for (struct dw_keyed_item *i = k->files.first; i && round; i = i->next) {
            struct source *s = (struct source *)i;
            s->taken |= round == 2 || holds(s, DW_STR("filter:")) || holds(s, DW_STR("mapping:"));
        }
        rc = decides_alike(k, &alike);
    }
    return rc;
}

/* "rule/0000-ssh_brute_force.yml" */
static void name_of(uint32_t n, struct dw_str path, char out[DW_EPACK_NAME_MAX + 1])
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/' && path.len - at < NAME_SHOWN)
        at--;
    int len = snprintf(out, DW_EPACK_NAME_MAX + 1, "rule/%04u-%.*s", n, DW_ARG(dw_str_slice(path, at, path.len)));
    for (int i = 5; i < len; i++) {
        char c = out[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        out[i] = (char)(plain ? c : '_');
    }
}

int evidence_rules_add(const struct dw_evidence_gather *g, struct dw_epack *p)
{
    struct picking k = {.g = g};
    char name[DW_EPACK_NAME_MAX + 1];
    uint32_t n = 0;
    int rc = pick(&k);
    for (struct dw_keyed_item *i = k.files.first; i && rc == DW_OK; i = i->next) {
        const struct source *s = (const struct source *)i;
        if (!s->taken)
            continue;
        name_of(n++, i->key, name);
        struct dw_buf *to = dw_epack_add(p, name, &rc);
        if (to) {
            dw_buf_str(to, dw_buf_view(&s->text));
            rc = to->err;
        }
    }
    for (struct dw_keyed_item *i = k.files.first; i; i = i->next)
        dw_buf_fini(&((struct source *)i)->text);
    dw_keyed_fini(&k.files);
    return rc;
}
