/*
 * cases: the cases of one document, run against a rule set.
 *
 * Idea: an event of a case becomes JSON and goes the way of any other JSON, so arrays and nested names mean here what they mean there.
 *
 * Invariants:
 *   (1) Every case is told once, passed or not; what is no case is a mistake with its place.
 *   (2) No clock: a sequence's times are its own, and shuffling takes a fixed seed.
 */
#include "dogwatch/correlate/cases.h"

#include "case_places.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

enum { SHUFFLES = 4, EVENTS_MAX = 100000 };

/* One event of a case. Lives in the run's arena. */
struct made {
    struct dw_event ev;
    const struct dw_yaml *node;
    bool last; /* of its row */
};

struct run {
    const struct dw_ruleset *rs;
    struct dw_keys *keys;
    struct dw_diags *diags;
    struct dw_arena arena;
    struct dw_stream stream;
    struct dw_field *field; /* of the event that is being made */
    struct dw__case_places *places; /* that the document gives; NULL: it gives none */
    struct dw_match_scratch *scratch;
    struct dw_window *window;
    const struct dw_event *event; /* that is being matched */
    uint32_t rule;
    bool late, matched, undecided, any_logsource;
    int64_t alerts;
    int err;
    dw_each_case *each;
    void *ud;
};

/* sigma-test's word for no_match counts everywhere. */
static const char *const case_keys[] = {"match", "no_match", "dont-match", "sequences"};

bool dw_cases_beside(const struct dw_yaml *doc)
{
    return dw_yaml_get(doc, "rule") != NULL;
}

/* A text with {n} replaced by a number. */
static void put_numbered(struct dw_buf *out, struct dw_str text, uint32_t number)
{
    struct dw_buf whole = {0};
    size_t at = dw_str_find(text, DW_STR("{n}"));
    if (at < text.len)
        dw_buf_printf(&whole, "%.*s%u%.*s", (int)at, text.ptr, number, (int)(text.len - at - 3), text.ptr + at + 3);
    (void)dw_json_string(out, at < text.len ? dw_buf_view(&whole) : text);
    out->err = whole.err < 0 ? whole.err : out->err;
    dw_buf_fini(&whole);
}

static void put_json(struct dw_buf *out, const struct dw_yaml *n, uint32_t number)
{
    bool yes, first = true;
    int64_t integer;
    if (n->kind == DW_YAML_SCALAR) {
        if (dw_yaml_is_null(n))
            dw_buf_str(out, DW_STR("null"));
        else if (dw_yaml_int(n, &integer) && dw_is_json_number(n->text))
            dw_buf_str(out, n->text);
        else if (n->plain && n->text.len > 3 && dw_yaml_bool(n, &yes)) /* true, false: `on` and `no` are words of logs */
            dw_buf_str(out, yes ? DW_STR("true") : DW_STR("false"));
        else
            put_numbered(out, n->text, number);
        return;
    }
    dw_buf_byte(out, n->kind == DW_YAML_MAP ? '{' : '[');
    for (const struct dw_yaml *v = n->first; v; v = v->next) {
        if (n->kind == DW_YAML_MAP && v->key.len && v->key.ptr[0] == '_')
            continue;
        dw_buf_str(out, first ? DW_STR("") : DW_STR(","));
        first = false;
        if (n->kind == DW_YAML_MAP) {
            (void)dw_json_string(out, v->key);
            dw_buf_byte(out, ':');
        }
        put_json(out, v, number);
    }
    dw_buf_byte(out, n->kind == DW_YAML_MAP ? '}' : ']');
}

static int make_event(struct run *r, const struct dw_yaml *n, uint32_t number, struct dw_event *ret)
{
    struct dw_buf text = {0};
    const struct dw_yaml *line = dw_yaml_get(n, "_line");
    put_json(&text, n, number);
    struct dw_str json = dw_arena_copy(&r->arena, dw_buf_view(&text));
    int rc = text.err < 0 || !json.ptr ? DW_ENOMEM : DW_OK;
    dw_buf_fini(&text);
    if (rc < 0)
        return rc;
    struct dw_draft d = {.keys = r->keys, .pool = &r->arena, .field = r->field};
    dw_draft_reset(&d, json);
    rc = dw_flatten_json(&d, json, &(struct dw_flatten){.hook = NULL});
    struct dw_field *kept = rc == DW_OK ? dw_arena_alloc(&r->arena, (d.field_count + 1) * sizeof *kept) : NULL;
    if (!kept)
        return rc < 0 ? rc : DW_ENOMEM;
    memcpy(kept, r->field, d.field_count * sizeof *kept);
    *ret = (struct dw_event){.field = kept, .field_count = d.field_count, .line = line ? line->text : json, .stream = &r->stream, .start = number};
    return DW_OK;
}

static void on_hit(void *ud, uint32_t rule, bool undecided)
{
    struct run *r = ud;
    r->matched = r->matched || (rule == r->rule && !undecided);
    r->undecided = r->undecided || (rule == r->rule && undecided);
    if (!r->window || undecided)
        return;
    int rc = dw_window_match(r->window, rule, r->event, r->late);
    r->err = rc < 0 ? rc : r->err;
}

static void on_finding(void *ud, const struct dw_finding *f)
{
    struct run *r = ud;
    r->alerts += f->rule == r->rule && !f->update;
}

static int match(struct run *r, const struct dw_event *ev)
{
    r->event = ev;
    r->matched = r->undecided = false;
    int rc = dw_match_event(r->scratch, ev, (struct dw_match_opts){.any_logsource = r->any_logsource}, on_hit, r);
    if (r->matched && r->window && !dw_ruleset_rule(r->rs, r->rule)->corr && !r->late)
        r->alerts++;
    return rc < 0 ? rc : r->err;
}

/* Cases about one event. */
static int singles(struct run *r, const struct dw_yaml *list, enum dw_case_kind kind)
{
    uint32_t number = 0;
    int rc = DW_OK;
    for (const struct dw_yaml *n = list ? list->first : NULL; n && rc == DW_OK; n = n->next) {
        struct dw_event ev;
        rc = n->kind == DW_YAML_MAP ? make_event(r, n, 0, &ev) : DW_ESYNTAX;
        if (rc == DW_ESYNTAX) {
            dw_diag_add(r->diags, n->at, NULL, "an event is a mapping of fields");
            rc = DW_OK;
            continue;
        }
        if (rc == DW_OK)
            rc = match(r, &ev);
        bool want = kind == DW_CASE_MATCH;
        if (rc == DW_OK)
            r->each(r->ud, &(struct dw_case){.rule = r->rule, .kind = kind, .number = ++number, .at = n->at, .undecided = r->undecided,
                               .passed = r->matched == want && !r->undecided, .want = want, .got = r->matched, .event = &ev});
    }
    return rc;
}

static int64_t number_of(struct run *r, const struct dw_yaml *map, const char *name, int64_t otherwise)
{
    const struct dw_yaml *n = dw_yaml_get(map, name);
    int64_t v = otherwise;
    if (n && (!dw_yaml_int(n, &v) || v < 0 || v > INT32_MAX)) {
        dw_diag_add(r->diags, n->at, NULL, "'%s' is a whole number from 0 on", name);
        return otherwise;
    }
    return v;
}

/* The events of a sequence, each as often as it comes. */
static int make_sequence(struct run *r, const struct dw_yaml *events, struct made **ret, uint32_t *ret_count)
{
    uint32_t count = 0;
    int64_t total = 0;
    for (const struct dw_yaml *n = events->first; n; n = n->next)
        total += number_of(r, n, "_times", 1);
    struct made *all = dw_arena_alloc(&r->arena, (size_t)(total < EVENTS_MAX ? total + 1 : EVENTS_MAX) * sizeof *all);
    int rc = all ? DW_OK : DW_ENOMEM;
    for (const struct dw_yaml *n = events->first; n && rc == DW_OK; n = n->next) {
        int64_t at = number_of(r, n, "_at", 0), every = number_of(r, n, "_every", 1), times = number_of(r, n, "_times", 1);
        if (n->kind != DW_YAML_MAP || times > EVENTS_MAX - count) {
            dw_diag_add(r->diags, n->at, NULL, n->kind == DW_YAML_MAP ? "more than 100000 events" : "an event is a mapping of fields");
            continue;
        }
        for (int64_t i = 0; i < times && rc == DW_OK; i++) {
            struct made *m = &all[count];
            rc = make_event(r, n, count, &m->ev);
            m->ev.time_ns = (at + i * every + 1) * 1000000000;
            m->node = n;
            m->last = i + 1 == times;
            count++;
        }
    }
    *ret = all;
    *ret_count = count;
    return rc;
}

/* Feeds all events and ends the input; *failed: the first step that had other alerts than it says. */
static int feed(struct run *r, const struct made *all, uint32_t count, bool steps, const struct made **failed)
{
    const struct dw_window_opts opts = {.places = r->places ? &r->places->places : NULL};
    int rc = (r->window = dw_window_new(r->rs, &opts)) ? DW_OK : DW_ENOMEM;
    r->alerts = 0;
    for (uint32_t i = 0; i < count && rc == DW_OK; i++) {
        rc = match(r, &all[i].ev);
        int64_t want = number_of(r, all[i].node, "_alerts", -1);
        if (rc < 0 || !steps || !all[i].last || want < 0)
            continue;
        rc = dw_window_advance(r->window, all[i].ev.time_ns, on_finding, r);
        if (rc == DW_OK && r->alerts != want) {
            *failed = &all[i];
            return DW_OK;
        }
    }
    return rc < 0 ? rc : dw_window_flush(r->window, on_finding, r);
}

static int feed_late(struct run *r, const struct made *all, uint32_t count)
{
    int rc = DW_OK;
    r->late = true;
    for (uint32_t i = 0; i < count && rc == DW_OK; i++)
        rc = match(r, &all[i].ev);
    r->late = false;
    return rc < 0 ? rc : dw_window_flush(r->window, on_finding, r);
}

static void close_window(struct run *r)
{
    dw_window_free(r->window);
    r->window = NULL;
}

static void shuffle(struct made *all, uint32_t count, struct dw_rng *rng)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = (uint32_t)dw_rng_below(rng, i);
        struct made one = all[i - 1];
        all[i - 1] = all[other];
        all[other] = one;
    }
}

/* In order, late once more, and shuffled; *c is filled as far as what it found. */
static int variants(struct run *r, struct made *all, uint32_t count, struct dw_case *c)
{
    const struct made *failed = NULL;
    struct dw_rng rng = {.state = 1};
    int rc = feed(r, all, count, true, &failed);
    c->variant = failed ? "at a step" : "in order";
    if (failed) {
        c->at = failed->node->at;
        c->want = number_of(r, failed->node, "_alerts", -1);
    }
    c->got = r->alerts;
    c->passed = rc == DW_OK && !failed && c->got == c->want;
    if (c->passed) {
        rc = feed_late(r, all, count);
        c->got = r->alerts;
        c->passed = c->got == c->want;
        c->variant = c->passed ? c->variant : "again, late";
    }
    close_window(r);
    for (int i = 0; i < SHUFFLES && rc == DW_OK && c->passed; i++) {
        shuffle(all, count, &rng);
        rc = feed(r, all, count, false, &failed);
        close_window(r);
        c->got = r->alerts;
        c->passed = c->got == c->want;
        c->variant = c->passed ? c->variant : "shuffled";
    }
    return rc;
}

static int sequences(struct run *r, const struct dw_yaml *list)
{
    uint32_t number = 0;
    int rc = DW_OK;
    for (const struct dw_yaml *n = list ? list->first : NULL; n && rc == DW_OK; n = n->next) {
        struct dw_case c = {.rule = r->rule, .kind = DW_CASE_SEQUENCE, .number = ++number, .at = n->at, .want = number_of(r, n, "alerts", 0)};
        const struct dw_yaml *events = dw_yaml_get(n, "events");
        struct made *all = NULL;
        uint32_t count = 0;
        if (!events || events->kind != DW_YAML_SEQ) {
            dw_diag_add(r->diags, n->at, "{alerts: 1, events: [{...}, {...}]}", "a sequence has a list of `events`");
            continue;
        }
        rc = make_sequence(r, events, &all, &count);
        if (rc == DW_OK)
            rc = variants(r, all, count, &c);
        close_window(r); /* where memory was out */
        if (rc == DW_OK)
            r->each(r->ud, &c);
    }
    return rc;
}

static bool find_rule(struct run *r, const struct dw_yaml *doc)
{
    static const char *const by[] = {"rule", "id", "name", "title"};
    const struct dw_yaml *ref = NULL;
    for (size_t i = 0; i < DW_COUNT_OF(by) && !ref; i++)
        ref = dw_yaml_get(doc, by[i]);
    r->rule = ref && ref->kind == DW_YAML_SCALAR ? dw_ruleset_find(r->rs, ref->text) : dw_ruleset_count(r->rs);
    if (r->rule < dw_ruleset_count(r->rs))
        return true;
    dw_diag_add(r->diags, ref ? ref->at : doc->at, "cases name their rule by id, name or title: `rule: ...`", ref ? "no such rule is loaded" : "cases of no rule");
    return false;
}

static void check_keys(struct run *r, const struct dw_yaml *map, bool beside)
{
    for (const struct dw_yaml *n = map->first; n; n = n->next) {
        const bool lone = dw_str_eq(n->key, DW_STR("places"));
        bool known = lone || (beside && dw_str_eq(n->key, DW_STR("rule")));
        for (size_t i = 0; i < DW_COUNT_OF(case_keys); i++)
            known = known || dw_str_eq(n->key, dw_str_of(case_keys[i]));
        if (!known)
            dw_diag_add(r->diags, n->key_at, "match, no_match, sequences, places (or dont-match, as sigma-test has it)", "unknown key '%.*s'", DW_ARG(n->key));
        else if (n->kind != DW_YAML_SEQ && !lone && !dw_str_eq(n->key, DW_STR("rule")))
            dw_diag_add(r->diags, n->at, NULL, "'%.*s' is a list", DW_ARG(n->key));
    }
}

/* Where addresses are in these cases. */
static int read_places(struct run *r, const struct dw_yaml *map)
{
    const struct dw_yaml *n = dw_yaml_get(map, "places"), *sequences_of = dw_yaml_get(map, "sequences");
    const struct dw_correlation *c = dw_ruleset_rule(r->rs, r->rule)->corr;
    r->places = n ? dw_arena_alloc(&r->arena, sizeof *r->places) : NULL;
    if (r->places)
        dw__case_places(n, r->diags, r->places);
    else if (sequences_of && c && c->type == DW_CORR_IMPOSSIBLE_TRAVEL && !dw_ruleset_places(r->rs))
        dw_diag_add(r->diags, sequences_of->key_at, "places: {192.0.2.1: [48.8566, 2.3522]}", "the rule asks where addresses are, and these cases do not say it");
    return n && !r->places ? DW_ENOMEM : DW_OK;
}

static int run_map(struct run *r, const struct dw_yaml *map)
{
    int rc = read_places(r, map);
    if (rc == DW_OK)
        rc = singles(r, dw_yaml_get(map, "match"), DW_CASE_MATCH);
    if (rc == DW_OK)
        rc = singles(r, dw_yaml_get(map, "no_match"), DW_CASE_NO_MATCH);
    if (rc == DW_OK)
        rc = singles(r, dw_yaml_get(map, "dont-match"), DW_CASE_NO_MATCH);
    return rc == DW_OK ? sequences(r, dw_yaml_get(map, "sequences")) : rc;
}

/* Whether there is something to run; what is no mapping is told. */
static bool is_map(struct run *r, const struct dw_yaml *map, bool beside)
{
    if (!map)
        return false;
    if (map->kind != DW_YAML_MAP) {
        dw_diag_add(r->diags, map->at, "match: [...], no_match: [...], sequences: [...]", "tests are a mapping");
        return false;
    }
    check_keys(r, map, beside);
    return true;
}

int dw_cases_run(const struct dw_ruleset *rs, struct dw_keys *keys, const struct dw_yaml *doc, struct dw_diags *diags, dw_each_case *each, void *ud)
{
    struct run r = {.rs = rs, .keys = keys, .diags = diags, .each = each, .ud = ud, .stream = {.id = {1}}};
    bool beside = dw_cases_beside(doc);
    const struct dw_yaml *own = beside ? doc : dw_yaml_get(doc, "tests"), *foreign = beside ? NULL : dw_yaml_get(doc, "testcases");
    own = is_map(&r, own, beside) ? own : NULL;
    foreign = is_map(&r, foreign, false) ? foreign : NULL;
    if ((!own && !foreign) || !find_rule(&r, doc))
        return DW_OK;
    dw_arena_init(&r.arena, 0);
    r.scratch = dw_match_scratch_new(rs);
    r.field = dw_calloc(DW_EVENT_FIELDS_MAX, sizeof *r.field);
    int rc = r.scratch && r.field ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK && own)
        rc = run_map(&r, own);
    r.any_logsource = true; /* sigma-test knows of none, and its events name none */
    if (rc == DW_OK && foreign)
        rc = run_map(&r, foreign);
    dw_match_scratch_free(r.scratch);
    dw_free(r.field);
    dw_arena_fini(&r.arena);
    return rc;
}
