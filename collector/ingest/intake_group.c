/*
 * intake_group: the intake of a collector that shares its queue: partitions that come and go, and matches.
 *
 * Idea: what another collector knew, and what the others matched, comes from outside and follows from no frame that is here: so each of it is a decision in the archive before anything
 * rests on it, and any reading does the same.
 *
 * Invariant: nothing is taken while matches of what is archived are not durable, so what is told late is never much.
 */
#include "intake_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

int dw__intake_begin_group(struct dw_intake_engine *e)
{
    bool shared = e->conf.group != NULL;
    e->group.to = e->conf.group;
    e->group.clock = e->conf.clock;
    dw_account_ours(e->detect.account, shared ? dw__group_has : NULL, &e->group);
    if (shared == (e->detect.out != NULL))
        return DW_OK;
    return dw__intake_decide(e, &(struct dw_decision){.kind = DW_DECISION_SHARED, .number = shared}, dw__places_here(&e->places));
}

static int decide_data(struct dw_intake_engine *e, struct dw_decision *d, struct dw_str bytes, struct dw_position at)
{
    struct dw_buf hex = {0};
    dw_decision_hex(bytes, &hex);
    d->hex = dw_buf_view(&hex);
    int rc = hex.err ? hex.err : dw__intake_decide(e, d, at);
    dw_buf_fini(&hex);
    return rc;
}

/* A partition is ours from here on, and perhaps what another one knew of it. */
static int take_partition(struct dw_intake_engine *e, const struct dw_received *got)
{
    struct dw_position at = {.source = got->at.source, .offset = got->at.next, .next = got->at.next};
    struct dw_decision d = {.kind = DW_DECISION_TAKEN, .source = at.source, .next = at.next, .count = (got->bytes.len + DW_PART_PIECE - 1) / DW_PART_PIECE};
    int rc = DW_OK;
    DW_COUNT_IF(d.count, group_taken);
    for (; d.number < d.count && rc == DW_OK; d.number++) /* only the last one moves us there: who is killed before has nothing of it, and asks again */
        rc = decide_data(e, &d, dw_str_slice(got->bytes, d.number * DW_PART_PIECE, (d.number + 1) * DW_PART_PIECE),
            d.number + 1 == d.count ? at : dw__places_here(&e->places));
    dw_account_part_heard(e->detect.account, at.source, dw_clock_mono(e->conf.clock));
    if (rc == DW_OK)
        rc = dw__group_taken(&e->group, at.source, at.next, d.count > 0);
    return rc == DW_OK ? dw__detect_partition(&e->detect, at.source, at.next) : rc;
}

static int give_partition(struct dw_intake_engine *e, const struct dw_received *got)
{
    dw__group_given(&e->group, got->at.source);
    return dw__intake_decide(e, &(struct dw_decision){.kind = DW_DECISION_GIVEN, .source = got->at.source}, dw__places_here(&e->places));
}

int dw__intake_partition(struct dw_intake_engine *e, const struct dw_received *got)
{
    return got->taken ? take_partition(e, got) : give_partition(e, got);
}

int dw__intake_matches(struct dw_intake_engine *e, const struct dw_received *got)
{
    int rc = got->bytes.len > DW_MATCHES_MAX ? DW_ECORRUPT : dw_window_check_matches(e->detect.window, got->bytes);
    if (rc < 0)
        return rc == DW_ENOMEM ? rc : dw__intake_set_aside(e, got, DW_PROBLEM_JUNK);
    return decide_data(e, &(struct dw_decision){.kind = DW_DECISION_MATCHES}, got->bytes, got->at);
}

int dw__intake_tell_group(struct dw_intake_engine *e, bool all)
{
    uint32_t partitions = e->group.to ? dw_receiver_parts(e->receiver) : 0;
    if (partitions == 0)
        return DW_OK; /* not known yet: the others would take those that they heard of for all */
    int rc = dw__group_send(&e->group, &e->detect, partitions, all);
    if (rc == DW_OK)
        rc = dw__group_put(&e->group, &e->detect, all);
    DW_COUNT_IF(rc == DW_EAGAIN, group_matches_waiting);
    return rc;
}

bool dw__intake_leaving(const struct dw_intake_engine *e)
{
    const uint64_t *sources;
    return e->group.to && dw_receiver_leaving(e->receiver, &sources);
}

int dw_intake_leave(struct dw_intake_engine *e)
{
    int rc = dw_archive_sync(e->archive);
    return rc == DW_OK ? dw__intake_tell_group(e, true) : rc;
}
