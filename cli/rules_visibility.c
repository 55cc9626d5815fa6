/*
 * rules_visibility: `dogwatch rules visibility`: rules that watch nothing here.
 *
 * Exit codes: 0 every rule can match; 1 one cannot.
 */
#include "rules.h"

#include "cli_int.h"
#include "event_json.h"

#include "dogwatch/correlate/visibility.h"

struct look {
    struct rules rules;
    struct dw_visibility *visibility;
    uint64_t events;
};

static int one_event(void *ud, struct event_json *e)
{
    struct look *l = ud;
    l->events += e->is_event;
    return e->is_event ? dw_visibility_see(l->visibility, &e->ev) : DW_OK;
}

/* The rules that cannot match, each with the reason; how many. DW_ENOMEM. */
static int put_blind(const struct look *l, uint32_t *ret_rules, uint32_t *ret_blind)
{
    uint32_t blind = 0;
    int rc = DW_OK;
    struct dw_buf missing = {0};
    *ret_rules = 0;
    for (uint32_t i = 0; i < dw_ruleset_count(l->rules.set) && rc == DW_OK; i++) {
        const struct dw_rule *r = dw_ruleset_rule(l->rules.set, i);
        if (r->corr)
            continue;
        (*ret_rules)++;
        dw_buf_reset(&missing);
        enum dw_visible v = dw_visibility_of(l->visibility, i, &missing);
        rc = missing.err;
        if (v == DW_VISIBLE || rc < 0)
            continue;
        blind++;
        cli_put_safe(r->title.len ? r->title : r->id);
        printf("  (%.*s:%u)\n    ", DW_ARG(r->path), r->at.line);
        if (v == DW_VISIBLE_NO_SOURCE)
            printf("no event has its logsource: category '%.*s', product '%.*s', service '%.*s'\n", DW_ARG(r->category), DW_ARG(r->product), DW_ARG(r->service));
        else
            printf("no event of its logsource has: %.*s\n", DW_ARG(dw_buf_view(&missing)));
    }
    dw_buf_fini(&missing);
    *ret_blind = blind;
    return rc;
}

int rules_visibility(const struct rules_opts *o)
{
    struct look l = {.events = 0};
    uint32_t count = 0, blind = 0;
    int code = rules_load(&l.rules, o);
    if (code == CLI_YES) {
        l.visibility = dw_visibility_new(l.rules.set);
        int rc = l.visibility ? rules_events(&l.rules, one_event, &l) : DW_ENOMEM;
        if (rc == DW_OK)
            rc = put_blind(&l, &count, &blind);
        if (rc < 0)
            fprintf(stderr, "rules visibility: %s\n", dw_err_text(rc));
        else
            printf("%u of %u rules about one event can match; seen: %llu events\n", count - blind, count, (unsigned long long)l.events);
        code = rc < 0 ? CLI_CANNOT : rules_verdict(&l.rules);
        code = code == CLI_YES && blind ? CLI_NO : code;
    }
    dw_visibility_free(l.visibility);
    rules_fini(&l.rules);
    return code;
}
