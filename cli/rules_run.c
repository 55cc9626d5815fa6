/*
 * rules_run: `dogwatch rules run`.
 *
 * Idea: one verdict an event, then the alerts of correlations, in event time. `rules` of a verdict are those that raise an alert, as in a
 * collector; `members` those that matched and only feed a correlation or detector; `undecided` those of which neither yes nor no can be said.
 *
 * Invariants:
 *   (1) Every line of input that is not blank has one verdict line, also one that is no event (no rules, and a complaint).
 *   (2) A match that takes no part in a correlation is told as a sum on stderr, in the words of its counter; for want of room the answer is CLI_NO.
 */
#include "rules.h"

#include "event_json.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/correlate/window.h"
#include "dogwatch/event/json_write.h"

enum { OUT_BYTES = 256 * 1024 };

/* Matching of one stream of events. */
struct run {
    struct rules rules;
    struct dw_match_scratch *scratch;
    struct dw_window *window;
    const struct dw_event *event;
    struct dw_buf out, members, undecided; /* members, undecided: ids, for the event in hand */
    uint32_t hits;
    int failed;
};

static void put_hit(void *ud, uint32_t rule, bool undecided)
{
    struct run *r = ud;
    const struct dw_rule *of = dw_ruleset_rule(r->rules.set, rule);
    struct dw_buf *out = undecided ? &r->undecided : of->silent ? &r->members : &r->out;
    bool first = out != &r->out ? out->len == 0 : r->hits++ == 0;
    dw_buf_str(out, first ? DW_STR("") : DW_STR(","));
    (void)dw_json_string(out, of->id);
    if (undecided)
        return;
    int rc = dw_window_match(r->window, rule, r->event, false);
    r->failed = rc < 0 ? rc : r->failed;
}

static int flush(struct run *r, size_t least)
{
    if (r->out.err < 0)
        return r->out.err;
    if (r->out.len < least)
        return DW_OK;
    bool whole = fwrite(r->out.ptr, 1, r->out.len, stdout) == r->out.len;
    dw_buf_reset(&r->out);
    return whole ? DW_OK : DW_EIO;
}

static int one_event(void *ud, struct event_json *e)
{
    struct run *r = ud;
    r->hits = 0;
    r->event = &e->ev;
    dw_buf_reset(&r->members);
    dw_buf_reset(&r->undecided);
    dw_buf_printf(&r->out, "{\"event\":%lld,\"rules\":[", (long long)e->number);
    int rc = e->is_event ? dw_match_event(r->scratch, &e->ev, r->rules.o->match, put_hit, r) : DW_OK;
    rc = rc == DW_OK ? r->failed : rc;
    if (r->members.len)
        dw_buf_printf(&r->out, "],\"members\":[%.*s", DW_ARG(dw_buf_view(&r->members)));
    if (r->undecided.len)
        dw_buf_printf(&r->out, "],\"undecided\":[%.*s", DW_ARG(dw_buf_view(&r->undecided)));
    dw_buf_str(&r->out, DW_STR("]}\n"));
    int kept = r->members.err < 0 ? r->members.err : r->undecided.err;
    return rc < 0 ? rc : kept < 0 ? kept : flush(r, OUT_BYTES);
}

static void put_alert(void *ud, const struct dw_finding *f)
{
    struct run *r = ud;
    if (f->silent || r->failed < 0)
        return;
    dw_buf_str(&r->out, DW_STR("{\"alert\":"));
    dw_finding_json(r->rules.set, f, &r->out);
    dw_buf_str(&r->out, DW_STR("}\n"));
    r->failed = flush(r, OUT_BYTES);
}

static int run_all(struct run *r)
{
    r->scratch = dw_match_scratch_new(r->rules.set);
    r->window = dw_window_new(r->rules.set, NULL);
    int rc = r->scratch && r->window ? rules_events(&r->rules, one_event, r) : DW_ENOMEM;
    int end = rc == DW_OK ? dw_window_flush(r->window, put_alert, r) : rc;
    rc = end < 0 ? end : r->failed;
    int last = flush(r, 1);
    rc = rc < 0 ? rc : last;
    dw_window_free(r->window);
    dw_match_scratch_free(r->scratch);
    return rc;
}

/* Whether anything found no room. */
static bool say_left_out(void)
{
    static const struct {
        enum dw_counter counter;
        bool no_room;
    } told[] = {{DW_C_correlate_no_key, false}, {DW_C_correlate_no_value, false}, {DW_C_correlate_no_place, false}, {DW_C_correlate_matches_refused, true},
        {DW_C_correlate_keys_refused, true}, {DW_C_correlate_window_capped, true}, {DW_C_correlate_absence_capped, true}};
    bool lacks = false;
    for (size_t i = 0; i < DW_COUNT_OF(told); i++) {
        uint64_t n = dw_counter_get(told[i].counter);
        if (n)
            fprintf(stderr, "%s: %llu %s\n", told[i].no_room ? "PARTIAL" : "note", (unsigned long long)n, dw_counter_doc(told[i].counter));
        lacks = lacks || (n && told[i].no_room);
    }
    return lacks;
}

int rules_run(const struct rules_opts *o)
{
    struct run r = {.hits = 0};
    int code = rules_load(&r.rules, o);
    if (code == CLI_YES) {
        int rc = run_all(&r);
        if (rc < 0)
            fprintf(stderr, "rules run: %s\n", dw_err_text(rc));
        bool lacks = say_left_out();
        code = rc < 0 ? CLI_CANNOT : rules_verdict(&r.rules);
        code = code == CLI_YES && lacks ? CLI_NO : code;
    }
    dw_buf_fini(&r.out);
    dw_buf_fini(&r.members);
    dw_buf_fini(&r.undecided);
    rules_fini(&r.rules);
    return code;
}
