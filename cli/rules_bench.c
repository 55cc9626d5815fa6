/*
 * rules_bench: `dogwatch rules bench`: what rules cost.
 *
 * Idea: the events are kept in memory; then each file of rules is loaded alone and matched against all of them, and so is the whole set. In the
 * whole set rules share their searches, so the sum of the parts is more than the whole: the parts tell which one to look at.
 */
#include "rules.h"

#include "cli_int.h"
#include "event_json.h"

#include "dogwatch/base/clock.h"

#include <stdlib.h>

enum { EVENTS_MAX = 1000000, MAPPINGS_MAX = 256, TURN_NS = 20000000, WHOLE_NS = 500000000 };

struct cost {
    const char *path;
    double ns;       /* an event */
    double matched;  /* of the events, where a rule of the file matched */
};

struct bench {
    struct rules rules;
    struct dw_arena arena;
    struct dw_buf mappings; /* files that every rule is loaded with */
    struct dw_event *event;
    uint32_t event_count, event_cap;
    struct cost *cost;
    uint32_t count;
    uint64_t hits;
};

static int keep_event(void *ud, struct event_json *e)
{
    struct bench *b = ud;
    if (!e->is_event || b->event_count == EVENTS_MAX)
        return DW_OK;
    if (b->event_count == b->event_cap) {
        uint32_t cap = b->event_cap ? b->event_cap * 2 : 1024;
        struct dw_event *more = dw_resize(b->event, cap * sizeof *more);
        if (!more)
            return DW_ENOMEM;
        b->event = more;
        b->event_cap = cap;
    }
    struct dw_event *ev = &b->event[b->event_count];
    struct dw_field *field = dw_arena_alloc(&b->arena, (e->ev.field_count + 1) * sizeof *field);
    *ev = e->ev;
    ev->line = dw_arena_copy(&b->arena, e->ev.line);
    if (!field || !ev->line.ptr)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < e->ev.field_count; i++) {
        field[i] = e->ev.field[i];
        if (!dw_field_is_text(&field[i]))
            continue;
        struct dw_str text = dw_arena_copy(&b->arena, dw_field_str(&field[i]));
        if (!text.ptr)
            return DW_ENOMEM;
        field[i].v.ptr = text.ptr;
    }
    ev->field = field;
    b->event_count++;
    return DW_OK;
}

static void on_hit(void *ud, uint32_t rule, bool undecided)
{
    (void)rule;
    ((struct bench *)ud)->hits += !undecided;
}

/* ns an event of a set, over at least `least_ns` of processor time. */
static int measure(struct bench *b, const struct dw_ruleset *set, int64_t least_ns, struct cost *ret)
{
    static const struct dw_stream none;
    struct dw_match_scratch *s = dw_match_scratch_new(set);
    int64_t from = dw_clock_cpu_ns(), spent = 0;
    uint64_t done = 0;
    int rc = s ? DW_OK : DW_ENOMEM;
    b->hits = 0;
    while (rc == DW_OK && spent < least_ns) {
        for (uint32_t i = 0; i < b->event_count && rc == DW_OK; i++) {
            b->event[i].stream = &none;
            rc = dw_match_event(s, &b->event[i], b->rules.o->match, on_hit, b);
        }
        done += b->event_count;
        spent = dw_clock_cpu_ns() - from;
    }
    ret->ns = done ? (double)spent / (double)done : 0;
    ret->matched = done ? (double)b->hits / (double)done : 0;
    dw_match_scratch_free(s);
    return rc;
}

static void pass_over(void *ud, const struct dw_diags *d)
{
    (void)ud;
    (void)d; /* told when the whole set was loaded; what another file has is missing in one alone */
}

static int measure_file(struct bench *b, const char *path)
{
    struct dw_ruleset *set = NULL;
    uint32_t bad;
    const struct dw_ruleset_opts opts = {.placeholder = b->rules.placeholder, .placeholder_count = b->rules.placeholder_count};
    const char *all[MAPPINGS_MAX + 1] = {path};
    uint32_t count = 1;
    for (const char *n = b->mappings.ptr; n && n < b->mappings.ptr + b->mappings.len && count <= MAPPINGS_MAX; n += strlen(n) + 1)
        all[count++] = n;
    int rc = dw_ruleset_load(&dw_fs_system, all, count, b->rules.keys, &opts, (struct dw_diag_sink){pass_over, NULL}, &set, &bad);
    if (rc == DW_OK && dw_ruleset_count(set)) {
        struct cost *c = &b->cost[b->count++];
        c->path = path;
        rc = measure(b, set, TURN_NS, c);
    }
    dw_ruleset_free(set);
    return rc;
}

static int slowest_first(const void *a, const void *b)
{
    double x = ((const struct cost *)a)->ns, y = ((const struct cost *)b)->ns;
    return x > y ? -1 : x < y;
}

static int measure_all(struct bench *b, const struct dw_buf *names)
{
    struct cost whole;
    uint32_t files = 0;
    for (const char *n = names->ptr; n < names->ptr + names->len; n += strlen(n) + 1)
        files++;
    b->cost = dw_calloc(files + 1, sizeof *b->cost);
    int rc = b->cost ? measure(b, b->rules.set, WHOLE_NS, &whole) : DW_ENOMEM;
    for (const char *n = names->ptr; rc == DW_OK && n < names->ptr + names->len; n += strlen(n) + 1)
        rc = measure_file(b, n);
    if (rc < 0)
        return rc;
    qsort(b->cost, b->count, sizeof *b->cost, slowest_first);
    printf("%10s %10s  file\n", "ns/event", "matches");
    for (uint32_t i = 0; i < b->count; i++)
        printf("%10.0f %9.2f%%  %s\n", b->cost[i].ns, b->cost[i].matched * 100, b->cost[i].path);
    printf("%10.0f             all %u rules together: %.0f events a second on one core\n", whole.ns, dw_ruleset_count(b->rules.set), whole.ns > 0 ? 1e9 / whole.ns : 0);
    return DW_OK;
}

static int bench_paths(struct bench *b)
{
    struct dw_buf names = {0};
    int rc = DW_OK;
    for (uint32_t i = 0; i < b->rules.o->path_count && rc == DW_OK; i++)
        rc = dw_rule_files(&dw_fs_system, b->rules.o->path[i], &names);
    for (uint32_t i = 0; i < b->rules.o->path_count && rc == DW_OK; i++)
        rc = dw_mapping_files(b->rules.o->path[i], &b->mappings);
    if (rc == DW_OK && names.len)
        rc = measure_all(b, &names);
    dw_buf_fini(&names);
    return rc;
}

int rules_bench(const struct rules_opts *o)
{
    struct bench b = {.count = 0};
    int code = rules_load(&b.rules, o);
    dw_arena_init(&b.arena, 0);
    if (code == CLI_YES) {
        int rc = rules_events(&b.rules, keep_event, &b);
        if (rc == DW_OK && b.event_count == 0) {
            fprintf(stderr, "rules bench: no event to match: give some, one JSON object a line, by --event FILE or standard input\n");
            code = CLI_USAGE;
        } else {
            rc = rc == DW_OK ? bench_paths(&b) : rc;
            if (rc < 0)
                fprintf(stderr, "rules bench: %s\n", dw_err_text(rc));
            code = rc < 0 ? CLI_CANNOT : rules_verdict(&b.rules);
        }
    }
    dw_buf_fini(&b.mappings);
    dw_free(b.event);
    dw_free(b.cost);
    dw_arena_fini(&b.arena);
    rules_fini(&b.rules);
    return code;
}
