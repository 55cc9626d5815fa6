/*
 * kafka_handover: partitions go from one collector of a group to another together with what is known of their senders.
 *
 * Idea: with a partition its part is asked of the topic of states, and nothing of it is handed out before that has answered; how far the
 * group is says nothing. A partition that the group takes from us stays assigned until the owner has written its part: librdkafka lets
 * incremental_unassign come later than its callback, and the group gives it to nobody before.
 *
 * Invariants:
 *   (1) `taken` and `given` of a partition take turns, `taken` first; records of it come only in between.
 *   (2) Between revocation and letting go nothing of the partition is handed out, and nothing else is unassigned: librdkafka takes any
 *       call of incremental_unassign for the answer.
 *   (3) What is lost already, or at the end of the client, is not waited for.
 */
#include "kafka_receive_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#define REJOIN_NS (5 * DW_NS_PER_S) /* who gave something up joins again: librdkafka takes the group's refusal of a commit meanwhile for the loss of all it has */

#define AGAIN_NS DW_NS_PER_S /* how often what is known of a partition is asked for; the loop waits as long */

/* ---- taking ---- */

/* Goes on at the part where that is ahead of us, else where we are. */
static int take(struct kafka_receiver *r, int32_t number, struct dw_received *ret)
{
    struct partition *p = &r->partition[number];
    uint64_t source = r->first_source + (uint64_t)number, next = 0;
    int rc = dw_kafka_states_get(r->states, source, AGAIN_NS, &next, &r->part);
    if (rc != DW_OK && rc != DW_ENOENT)
        return rc;
    if (rc == DW_OK && (!p->known || next > p->last.at.next)) {
        dw__group_go_on_at(p, next);
        p->commit = next;
    } else {
        dw_buf_fini(&r->part);
    }
    p->asked = false;
    p->ours = true;
    int64_t from = dw__group_look_from(p);
    dw_info("kafka: partition %d is ours, from offset %lld, with %zu bytes of what others knew", (int)number, (long long)from, r->part.len);
    dw__group_seek(r, number, from);
    next = p->known ? p->last.at.next : 0;
    *ret = (struct dw_received){.bytes = dw_buf_view(&r->part), .at = {source, next, next}, .taken = true};
    return DW_OK;
}

int dw__handover_taken(struct kafka_receiver *r, struct dw_received *ret)
{
    if (!r->states || r->leaving || dw_clock_mono(&dw_clock_system) < r->ask_ns)
        return DW_ENOENT;
    for (uint32_t i = 0; i < r->count; i++) {
        struct partition *p = &r->partition[i];
        if (!p->assigned || !p->asked)
            continue;
        int rc = take(r, (int32_t)i, ret);
        if (rc != DW_EAGAIN)
            return rc;
        r->ask_ns = dw_clock_mono(&dw_clock_system) + AGAIN_NS;
        return DW_ENOENT;
    }
    return DW_ENOENT;
}

/* ---- giving ---- */

int dw__handover_given(struct kafka_receiver *r, struct dw_received *ret)
{
    for (uint32_t i = 0; i < r->count; i++) {
        struct partition *p = &r->partition[i];
        if (!p->gone)
            continue;
        p->gone = false;
        dw_info("kafka: partition %u is not ours any more", (unsigned)i);
        uint64_t next = p->known ? p->last.at.next : 0;
        *ret = (struct dw_received){.at = {r->first_source + i, next, next}, .given = true};
        return DW_OK;
    }
    return DW_ENOENT;
}

void dw__handover_gone(struct partition *p)
{
    p->assigned = p->leaving = false;
    p->gone |= p->ours;
    p->ours = false;
}

static void forget(struct kafka_receiver *r)
{
    if (r->leaving)
        rd_kafka_topic_partition_list_destroy(r->leaving);
    dw_free(r->leaving_source);
    r->leaving = NULL;
    r->leaving_source = NULL;
    r->leaving_count = 0;
}

bool dw__handover_hold(struct kafka_receiver *r, const rd_kafka_topic_partition_list_t *list)
{
    uint32_t n = 0;
    forget(r); /* a second revocation comes only of what is lost, and has all of it */
    if (!r->states || r->closing || rd_kafka_assignment_lost(r->rk))
        return false;
    uint64_t *source = dw_calloc((size_t)list->cnt, sizeof *source);
    for (int i = 0; i < list->cnt && source; i++) {
        struct partition *p = dw__group_partition(r, (uint64_t)list->elems[i].partition);
        if (p && p->ours)
            source[n++] = r->first_source + (uint64_t)list->elems[i].partition;
    }
    if (n == 0) { /* nobody has begun with any of it; or there is no memory, and the next owner reads more again */
        dw_free(source);
        return false;
    }
    for (int i = 0; i < list->cnt; i++) {
        struct partition *p = dw__group_partition(r, (uint64_t)list->elems[i].partition);
        if (p)
            p->leaving = true;
    }
    r->leaving = rd_kafka_topic_partition_list_copy(list);
    r->leaving_source = source;
    r->leaving_count = n;
    return true;
}

void dw__handover_let_go(struct kafka_receiver *r)
{
    rd_kafka_topic_partition_list_t *list = r->leaving;
    if (!list)
        return;
    r->leaving = NULL;
    forget(r);
    dw__group_unassign(r, list);
    rd_kafka_topic_partition_list_destroy(list);
    r->commit_ns = dw_clock_mono(&dw_clock_system) + REJOIN_NS;
}
