/*
 * api_state: how things stand: health, counters.
 */
#include "api_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

#include <inttypes.h>

#define STUCK_NS (30 * DW_NS_PER_S) /* a turn of the loop takes less */

enum { COUNTERS_FILE_MAX = 1 << 20 };

static void put_health(struct request *rq, const char *status)
{
    api_put_text(&rq->out, '{', "status", dw_str_of(status));
    dw_buf_str(&rq->out, DW_STR("}\n"));
}

void api_do_healthz(struct request *rq)
{
    put_health(rq, "ok");
}

void api_do_readyz(struct request *rq)
{
    int64_t turned = atomic_load(&rq->api->turned_ns);
    bool late = turned && dw_clock_mono(&dw_clock_system) - turned > STUCK_NS;
    if (!turned || late)
        rq->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    put_health(rq, !turned ? "the archive is being read" : late ? "no frames are taken in" : "ok");
}

/* The agent's counters come from the file that it writes every few seconds. */
static void read_agent(const struct request *rq, struct dw_buf *text)
{
    char path[API_PATH_CAP];
    if (dw_path_join(path, sizeof path, rq->api->opt->data.ptr, "state/agent.counters") < 0
        || dw_fs_read_file(&dw_fs_system, path, COUNTERS_FILE_MAX, text) < 0)
        dw_buf_reset(text); /* no agent has run here */
}

static bool agent_counter(struct dw_str text, struct dw_str name, uint64_t *ret)
{
    while (text.len) {
        struct dw_str line = dw_str_cut(&text, '\n'), key = dw_str_cut(&line, ' ');
        if (dw_str_eq(key, name))
            return dw_str_u64(line, ret);
    }
    return false;
}

void api_do_metrics(struct request *rq)
{
    struct dw_buf agent = {0};
    read_agent(rq, &agent);
    for (unsigned i = 0; i < DW_COUNTERS; i++) {
        enum dw_counter c = (enum dw_counter)i;
        uint64_t value;
        dw_counter_head(&rq->out, c);
        dw_counter_sample(&rq->out, c, "collector", dw_counter_get(c));
        if (agent_counter(dw_buf_view(&agent), dw_str_of(dw_counter_name(c)), &value))
            dw_counter_sample(&rq->out, c, "agent", value);
    }
    dw_buf_fini(&agent);
}

static void put_counter(struct request *rq, const char *program, enum dw_counter c, uint64_t value)
{
    api_put_text(&rq->out, '{', "program", dw_str_of(program));
    api_put_text(&rq->out, ',', "counter", dw_str_of(dw_counter_name(c)));
    api_put_number(&rq->out, ',', "value", value);
    api_put_text(&rq->out, ',', "kind", dw_str_of(dw_counter_kind(c)));
    api_put_text(&rq->out, ',', "what", dw_str_of(dw_counter_doc(c)));
    dw_buf_str(&rq->out, DW_STR("}\n"));
    (void)api_row(rq);
}

/* Whether a program has what moves a counter: names begin with the part that does. */
static bool moves_in(enum dw_counter c, bool agent)
{
    static const char *const agents[] = {"tail_", "discover_", "ship_", "checkpoint_", "spool_"}, *const both[] = {"parse_", "kafka_"};
    struct dw_str name = dw_str_of(dw_counter_name(c));
    for (size_t i = 0; i < DW_COUNT_OF(both); i++)
        if (dw_str_starts(name, dw_str_of(both[i])))
            return true;
    for (size_t i = 0; i < DW_COUNT_OF(agents); i++)
        if (dw_str_starts(name, dw_str_of(agents[i])))
            return agent;
    return !agent;
}

/* A counter that stands at 0 has no row, unless all are asked for: that something never happened is an answer, too. */
void api_do_counters(struct request *rq)
{
    struct dw_buf agent = {0};
    struct dw_str zero = api_param_text(rq, "zero");
    bool all = dw_str_eq(zero, DW_STR("yes"));
    if (!all && !dw_str_eq(zero, DW_STR("no"))) {
        api_fail(rq, API_E_malformed, "zero=yes, or zero=no", "zero is yes or no");
        return;
    }
    read_agent(rq, &agent);
    for (unsigned i = 0; i < DW_COUNTERS; i++) {
        uint64_t value = 0;
        bool known = agent_counter(dw_buf_view(&agent), dw_str_of(dw_counter_name((enum dw_counter)i)), &value);
        if ((known && value) || (all && agent.len && moves_in((enum dw_counter)i, true)))
            put_counter(rq, "agent", (enum dw_counter)i, value);
    }
    for (unsigned i = 0; i < DW_COUNTERS; i++) {
        uint64_t value = dw_counter_get((enum dw_counter)i);
        if (value || (all && moves_in((enum dw_counter)i, false)))
            put_counter(rq, "collector", (enum dw_counter)i, value);
    }
    api_answer_line(rq, DW_STR(""));
    dw_buf_fini(&agent);
}
