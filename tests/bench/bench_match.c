/* Bench: ns to match one event against a rule set, prefilter on and off: bench_match RULES EVENTS.jsonl [ecs]. Prints
 * JSON. */
#include "../../cli/event_json.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/correlate/ruleset.h"

#include <stdio.h>

static uint64_t hits;

static void on_hit(void *ud, uint32_t rule, bool undecided)
{
    (void)ud;
    (void)rule;
    hits += !undecided;
}

static int64_t run(struct dw_match_scratch *s, struct event_json *e, struct dw_str text, int repeat,
    struct dw_match_opts opts, uint64_t *events)
{
    int64_t spent = 0;
    while (text.len) {
        struct dw_str line = dw_str_cut(&text, '\n');
        if (event_json_read(e, line, 0) < 0)
            continue;
        (*events)++;
        int64_t from = dw_clock_mono(&dw_clock_system);
        for (int i = 0; i < repeat; i++)
            if (dw_match_event(s, &e->ev, opts, on_hit, NULL) < 0)
                return -1;
        spent += (dw_clock_mono(&dw_clock_system) - from) / repeat;
    }
    return spent;
}

int main(int argc, char **argv)
{
    struct event_json *e = dw_calloc(1, sizeof *e);
    struct dw_buf text = {0};
    struct dw_ruleset *rs = NULL;
    uint32_t bad = 0;
    uint64_t events = 0, again = 0;
    if (argc < 3 || !e)
        return 2;
    e->keys = dw_keys_new();
    e->sigma = argc < 4;
    dw_arena_init(&e->pool, 0);
    const char *path = argv[1];
    int64_t from = dw_clock_mono(&dw_clock_system);
    int rc = dw_ruleset_load(&dw_fs_system, &path, 1, e->keys, NULL, (struct dw_diag_sink){0}, &rs, &bad);
    int64_t load = dw_clock_mono(&dw_clock_system) - from;
    if (rc == DW_OK)
        rc = dw_fs_read_file(&dw_fs_system, argv[2], (size_t)1 << 30, &text);
    if (rc < 0) {
        fprintf(stderr, "%s\n", dw_err_text(rc));
        return 1;
    }
    struct dw_match_scratch *s = dw_match_scratch_new(rs);
    int64_t routed = run(s, e, dw_buf_view(&text), 5, (struct dw_match_opts){0}, &again);
    int64_t fast = run(s, e, dw_buf_view(&text), 5, (struct dw_match_opts){.any_logsource = true}, &events);
    int64_t slow =
        run(s, e, dw_buf_view(&text), 1, (struct dw_match_opts){.any_logsource = true, .no_prefilter = true}, &again);
    double n = events ? (double)events : 1;
    printf("{\"rules\":%u,\"events\":%llu,\"load_ms\":%.0f,\"rule_set_mb\":%.1f,\"ns_per_event\":%.0f,\"ns_per_event_"
           "routed\":%.0f,"
           "\"ns_per_event_without_prefilter\":%.0f,\"ratio\":%.1f,\"hits\":%llu}\n",
        dw_ruleset_count(rs), (unsigned long long)events, (double)load / 1e6, (double)dw_ruleset_bytes(rs) / 1e6,
        (double)fast / n, (double)routed / n, (double)slow / n, fast ? (double)slow / (double)fast : 0,
        (unsigned long long)hits);
    dw_match_scratch_free(s);
    dw_ruleset_free(rs);
    dw_keys_free(e->keys);
    dw_arena_fini(&e->pool);
    dw_buf_fini(&text);
    dw_free(e);
    return 0;
}
