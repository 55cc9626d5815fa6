/*
 * match: one event against all rules.
 *
 * Idea: the predicates say which leaves fired; a rule is called for when of each group of its witness one did (pred/expr.h); only those,
 * and the few that may hold without any leaf, are evaluated, if their logsource takes the event.
 *
 * Invariants:
 *   (1) Each rule is evaluated at most once an event, in order of rule number, so hits have one order whatever fired
 *       first.
 *   (2) With and without prefilter the hits are the same (property test, fuzz).
 */
#include "dogwatch/correlate/ruleset_parts.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"

#include <stdlib.h>

enum { ROUTES_MAX = 512 };

/* Which logsources take a route: asked once, kept. */
struct route {
    char name[DW_ROUTE_MAX];
    size_t len;
    uint64_t hash;
    uint8_t *takes; /* by logsource */
    uint8_t *field; /* by field of the predicates: whether a rule that takes the route looks at it */
};

/* How far a rule is called for. */
struct called {
    uint32_t event; /* number of the event it was last spoken of for */
    uint32_t left;  /* groups that did not fire for it */
};

struct dw_match_scratch {
    const struct dw_ruleset *rs;
    struct dw_pred_scratch *pred;
    struct dw_hash_key hash;
    struct called *seen; /* by rule */
    uint32_t event_number;
    uint32_t *called;
    uint32_t called_count;
    struct route *route;
    uint32_t route_count, route_cap;
};

static void route_fini(struct route *r)
{
    dw_free(r->takes);
    dw_free(r->field);
}

struct dw_match_scratch *dw_match_scratch_new(const struct dw_ruleset *rs)
{
    DW_ASSERT(rs->finished);
    struct dw_match_scratch *s = dw_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->rs = rs;
    s->pred = dw_pred_scratch_new(rs->pred);
    s->hash = dw_hash_process_key();
    s->seen = dw_calloc(rs->rule_count + 1, sizeof *s->seen);
    s->called = dw_calloc(rs->rule_count + 1, sizeof *s->called);
    if (!s->pred || !s->seen || !s->called) {
        dw_match_scratch_free(s);
        return NULL;
    }
    return s;
}

void dw_match_scratch_free(struct dw_match_scratch *s)
{
    if (!s)
        return;
    dw_pred_scratch_free(s->pred);
    for (uint32_t i = 0; i < s->route_count; i++)
        route_fini(&s->route[i]);
    dw_free(s->route);
    dw_free(s->seen);
    dw_free(s->called);
    dw_free(s);
}

struct dw_tally *dw_tally_new(const struct dw_ruleset *rs)
{
    return dw_calloc(1, sizeof(struct dw_tally) + rs->rule_count * sizeof(struct dw_rule_tally));
}

void dw_tally_add(_Atomic uint64_t *n)
{
    (void)atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

static void note_verdict(struct dw_tally *t, uint32_t rule, enum dw_verdict v)
{
    dw_tally_add(&t->rule[rule].evaluated);
    if (v != DW_FALSE)
        dw_tally_add(v == DW_UNDECIDED ? &t->rule[rule].undecided : &t->rule[rule].matched);
}

static void on_fired(void *ud, uint32_t leaf)
{
    struct dw_match_scratch *s = ud;
    for (uint32_t i = s->rs->trigger_first[leaf]; i < s->rs->trigger_first[leaf + 1]; i++) {
        uint32_t rule = s->rs->trigger[i] / DW_WITNESS_GROUPS, bit = 1u << s->rs->trigger[i] % DW_WITNESS_GROUPS;
        struct called *c = &s->seen[rule];
        if (c->event != s->event_number)
            *c = (struct called){s->event_number, s->rs->groups[rule]};
        if (c->left == bit)
            s->called[s->called_count++] = rule;
        c->left &= ~bit;
    }
}

static void mark_fields(const struct dw_ruleset *rs, uint32_t node, uint8_t *field)
{
    const struct dw_expr_node *n = &rs->expr.node[node];
    if (n->op == DW_EX_LEAF)
        field[dw_pred_leaf_field(rs->pred, n->arg)] = 1;
    for (uint32_t i = 0; i < n->count; i++)
        mark_fields(rs, rs->expr.kid[n->first + i], field);
}

/* The kept answer for a route; NULL: not kept (too many, too long, no memory), ask each time. */
static const struct route *route_of(struct dw_match_scratch *s, struct dw_str name)
{
    const struct dw_ruleset *rs = s->rs;
    uint64_t hash = dw_hash(s->hash, name);
    for (uint32_t i = 0; i < s->route_count; i++)
        if (s->route[i].hash == hash && dw_str_eq(dw_str_make(s->route[i].name, s->route[i].len), name))
            return &s->route[i];
    if (s->route_count == ROUTES_MAX || name.len > DW_ROUTE_MAX ||
        dw_ruleset_grow((void **)&s->route, s->route_count, &s->route_cap, sizeof *s->route) < 0)
        return NULL;
    struct route r = {.len = name.len, .hash = hash, .takes = dw_calloc(rs->logsource_count + 1, 1), .field = dw_calloc(dw_pred_field_count(rs->pred), 1)};
    if (!r.takes || !r.field) {
        route_fini(&r);
        return NULL;
    }
    if (name.len)
        memcpy(r.name, name.ptr, name.len);
    for (uint32_t i = 0; i < rs->logsource_count; i++)
        r.takes[i] = dw_logsource_takes(rs, &rs->logsource[i], name);
    for (uint32_t i = 0; i < rs->rule_count; i++)
        if (rs->rule[i].expr != DW_EXPR_NONE && r.takes[rs->rule[i].logsource])
            mark_fields(rs, rs->rule[i].expr, r.field);
    s->route[s->route_count] = r;
    return &s->route[s->route_count++];
}

/* The words of a line are views, and no tags of ours. */
uint32_t dw_match_doubt(const struct dw_event *ev)
{
    static const struct {
        const char *tag;
        uint32_t doubt;
    } tags[] = {{"unparsed", DW_DOUBT_UNPARSED}, {"cut", DW_DOUBT_CUT}, {"fields.dropped", DW_DOUBT_LACKING},
        {"masks.dropped", DW_DOUBT_MASKS}};
    uint32_t doubt = 0;
    for (uint32_t i = 0; i < ev->field_count; i++) {
        doubt |= ev->field[i].key == DW_F_dogwatch_masked ? DW_DOUBT_MASKED : 0;
        for (size_t t = 0; ev->field[i].key == DW_F_tags && ev->field[i].kind == DW_K_CONST && t < DW_COUNT_OF(tags); t++)
            doubt |= dw_str_eq(dw_field_str(&ev->field[i]), dw_str_of(tags[t].tag)) ? tags[t].doubt : 0;
    }
    return doubt;
}

/* The verdict. Of an unparsed line "undecided" says something only where something was found in it. */
static enum dw_verdict verdict_of(struct dw_match_scratch *s, const struct dw_event *ev, uint32_t rule, uint32_t doubt)
{
    uint32_t before = dw_pred_line_hits(s->pred);
    enum dw_verdict v = dw_expr_test(&s->rs->expr, s->rs->rule[rule].expr, s->pred, ev, s->rs->keys);
    bool nothing = (doubt & ~(uint32_t)DW_DOUBT_MASKS) == DW_DOUBT_UNPARSED && v == DW_UNDECIDED && dw_pred_line_hits(s->pred) == before;
    return nothing ? DW_FALSE : v;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int dw_match_event(struct dw_match_scratch *s, const struct dw_event *ev, struct dw_match_opts opts,
    void (*hit)(void *ud, uint32_t rule, bool undecided), void *ud)
{
    const struct dw_ruleset *rs = s->rs;
    if (++s->event_number == 0) {
        memset(s->seen, 0, rs->rule_count * sizeof *s->seen);
        s->event_number = 1;
    }
    s->called_count = 0;
    if (opts.tally)
        dw_tally_add(&opts.tally->events);
    char room[DW_ROUTE_MAX];
    struct dw_str name = opts.any_logsource ? DW_STR("") : dw_route_of(rs, ev, room);
    const struct route *route = opts.any_logsource ? NULL : route_of(s, name);
    dw_pred_scratch_prefilter(s->pred, !opts.no_prefilter);
    dw_pred_scratch_only(s->pred, route ? route->field : NULL);
    uint32_t doubt = dw_match_doubt(ev);
    bool all = opts.no_prefilter || doubt; /* what is missing fires nothing: every rule is asked */
    dw_pred_scratch_doubt(s->pred, doubt);
    int rc = dw_pred_begin(s->pred, ev, on_fired, s);
    if (rc < 0)
        return rc;
    s->called_count = all ? 0 : s->called_count;
    for (uint32_t i = 0; !all && i < rs->always_count; i++)
        s->called[s->called_count++] = rs->always[i];
    for (uint32_t i = 0; all && i < rs->rule_count; i++)
        if (rs->rule[i].expr != DW_EXPR_NONE)
            s->called[s->called_count++] = i;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->called_count; i++) {
        uint32_t l = rs->rule[s->called[i]].logsource;
        if (opts.any_logsource || (route ? route->takes[l] : dw_logsource_takes(rs, &rs->logsource[l], name)))
            s->called[kept++] = s->called[i];
    }
    qsort(s->called, kept, sizeof *s->called, by_number);
    for (uint32_t i = 0; i < kept; i++) {
        enum dw_verdict v = verdict_of(s, ev, s->called[i], doubt);
        DW_COUNT_IF(v == DW_UNDECIDED && !opts.aside, match_undecided);
        if (opts.tally)
            note_verdict(opts.tally, s->called[i], v);
        if (v != DW_FALSE)
            hit(ud, s->called[i], v == DW_UNDECIDED);
    }
    return DW_OK;
}

bool dw_match_hit_limit(const struct dw_match_scratch *s)
{
    return dw_pred_regex_limits(s->pred) > 0;
}

static void ignore(void *ud, uint32_t leaf)
{
    (void)ud;
    (void)leaf;
}

int dw_match_explain(struct dw_match_scratch *s, uint32_t rule, const struct dw_event *ev, bool whole, dw_each_condition *each,
    void *ud, enum dw_verdict *ret)
{
    const struct dw_ruleset *rs = s->rs;
    DW_ASSERT(rule < rs->rule_count && rs->rule[rule].expr != DW_EXPR_NONE);
    dw_pred_scratch_only(s->pred, NULL);
    uint32_t doubt = dw_match_doubt(ev);
    dw_pred_scratch_doubt(s->pred, doubt);
    dw_pred_scratch_prefilter(s->pred, false); /* a leaf that did not fire is asked for its values too */
    int rc = dw_pred_begin(s->pred, ev, ignore, NULL);
    if (rc < 0)
        return rc;
    enum dw_verdict v = verdict_of(s, ev, rule, doubt);
    rc = dw_expr_explain(&rs->expr, rs->rule[rule].expr, s->pred, ev, rs->keys, whole, each, ud, ret);
    *ret = v; /* the same but for an unparsed line in which nothing was found */
    return rc;
}
