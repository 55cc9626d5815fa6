/*
 * kafka_group: the partitions that the group gives us and takes again, where each goes on, and what is committed.
 *
 * Invariants:
 *   (1) Nothing is committed but what dw_receiver_commit was told, and only in partitions that are ours.
 *   (2) One commit is under way at a time, so that an older one never comes after a newer one.
 */
#include "kafka_receive_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"

enum { AGAIN_MS = 100 };
#define COMMIT_NS (DW_NS_PER_S / 5)
#define COORDINATOR_NS (2 * DW_NS_PER_S) /* how long the last commit waits for somebody to take it */

struct partition *dw__group_partition(struct kafka_receiver *r, uint64_t number)
{
    if (number >= PARTITIONS_MAX)
        return NULL;
    if (number >= r->count) {
        uint32_t count = (uint32_t)number + 1;
        struct partition *p = dw_resize(r->partition, count * sizeof *p);
        if (!p)
            return NULL;
        for (uint32_t i = r->count; i < count; i++)
            p[i] = (struct partition){.seek = NO_SEEK};
        r->partition = p;
        r->count = count;
    }
    return &r->partition[number];
}

/* ---- committing ---- */

/* Hears what became of the commit that is under way. */
static void hear_commit(struct kafka_receiver *r, int timeout_ms)
{
    rd_kafka_event_t *ev = r->committing ? rd_kafka_queue_poll(r->commits, timeout_ms) : NULL;
    if (!ev)
        return;
    rd_kafka_resp_err_t err = rd_kafka_event_error(ev);
    rd_kafka_event_destroy(ev);
    r->committing = false;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    dw__kafka_say(&r->trouble, err, NULL);
    for (uint32_t i = 0; i < r->count; i++)
        r->partition[i].moved |= r->partition[i].assigned && r->partition[i].commit > 0;
}

static void commit_due(struct kafka_receiver *r)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    for (uint32_t i = 0; i < r->count; i++) {
        struct partition *p = &r->partition[i];
        if (!p->moved || !p->assigned)
            continue;
        p->moved = false;
        rd_kafka_topic_partition_list_add(list, r->topic, (int32_t)i)->offset = (int64_t)p->commit;
    }
    r->committing = list->cnt && rd_kafka_commit_queue(r->rk, list, r->commits, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; i < list->cnt && !r->committing; i++)
        r->partition[list->elems[i].partition].moved = true; /* tried again */
    rd_kafka_topic_partition_list_destroy(list);
}

/* One commit at a time: librdkafka sends one that failed again, and it must not come after a newer one. */
void dw__group_commit(struct kafka_receiver *r)
{
    int64_t now = dw_clock_mono(&dw_clock_system);
    hear_commit(r, 0);
    if (r->committing || now - r->commit_ns < COMMIT_NS)
        return;
    r->commit_ns = now;
    commit_due(r);
}

/* There is no other commit after this one: it waits for somebody to take it. */
void dw__group_commit_last(struct kafka_receiver *r)
{
    int64_t until = dw_clock_mono(&dw_clock_system) + COORDINATOR_NS;
    bool due = true;
    while (due && dw_clock_mono(&dw_clock_system) < until) {
        hear_commit(r, AGAIN_MS);
        if (!r->committing)
            commit_due(r);
        due = r->committing;
    }
}

/* ---- assignment ---- */

void dw__group_go_on_at(struct partition *p, uint64_t offset)
{
    p->known = true;
    p->last = (struct dw_resume){.at = {.offset = offset, .next = offset}};
}

/* Where a partition is looked at first: at what was taken last, by which it is known again, or at its beginning. */
int64_t dw__group_look_from(struct partition *p)
{
    p->first = !p->known;
    p->check = p->known && p->last.at.offset < p->last.at.next; /* else nothing was taken there by which it could be known again */
    return p->known ? (int64_t)p->last.at.offset : RD_KAFKA_OFFSET_BEGINNING;
}

/* Where a partition begins for us: at the frame taken last, or where another collector of the group stopped, or at its beginning. */
static int64_t begin_at(struct partition *p, int64_t committed)
{
    p->at_end = p->lost = p->asked = false;
    p->seek = NO_SEEK;
    if (committed >= 0 && (!p->known || (uint64_t)committed > p->last.at.next)) {
        dw__group_go_on_at(p, (uint64_t)committed);
        p->commit = (uint64_t)committed;
    }
    return dw__group_look_from(p);
}

/* Where partitions go on that another collector may have had, by the group: `list` gets the offsets. */
static int place_by_group(struct kafka_receiver *r, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *stored = rd_kafka_topic_partition_list_copy(list);
    rd_kafka_resp_err_t err = rd_kafka_committed(r->rk, stored, ASK_MS);
    int rc = DW_OK;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        dw__kafka_say(&r->trouble, err, NULL);
    for (int i = 0; i < list->cnt && rc == DW_OK; i++) {
        struct partition *p = dw__group_partition(r, (uint64_t)list->elems[i].partition);
        bool known = err == RD_KAFKA_RESP_ERR_NO_ERROR && stored->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (!p) {
            rc = DW_ENOMEM;
            break;
        }
        p->assigned = true;
        list->elems[i].offset = known ? begin_at(p, stored->elems[i].offset) : RD_KAFKA_OFFSET_END;
        p->asked = !known;
        p->at_end &= known;
        if (known)
            dw_info("kafka: partition %d is ours, from offset %lld", (int)list->elems[i].partition, (long long)list->elems[i].offset);
    }
    rd_kafka_topic_partition_list_destroy(stored);
    return rc;
}

/* The topic of states says where each goes on, later. */
static int place_later(struct kafka_receiver *r, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        struct partition *p = dw__group_partition(r, (uint64_t)list->elems[i].partition);
        if (!p)
            return DW_ENOMEM;
        p->assigned = p->asked = true;
        p->at_end = p->lost = p->leaving = false;
        p->seek = NO_SEEK;
        list->elems[i].offset = RD_KAFKA_OFFSET_END;
    }
    r->ask_ns = 0;
    return DW_OK;
}

static int assign(struct kafka_receiver *r, rd_kafka_topic_partition_list_t *list)
{
    int rc = r->states ? place_later(r, list) : place_by_group(r, list);
    if (rc < 0)
        return rc;
    r->taken_part |= list->cnt > 0;
    rd_kafka_error_t *e = rd_kafka_incremental_assign(r->rk, list);
    if (e) {
        dw_error("kafka: partitions cannot be taken: %s", rd_kafka_error_string(e));
        rd_kafka_error_destroy(e);
        return DW_EIO;
    }
    return DW_OK;
}

void dw__group_unassign(struct kafka_receiver *r, rd_kafka_topic_partition_list_t *list)
{
    dw__group_commit_last(r);
    for (int i = 0; i < list->cnt; i++) {
        struct partition *p = dw__group_partition(r, (uint64_t)list->elems[i].partition);
        if (p)
            dw__handover_gone(p);
    }
    rd_kafka_error_t *e = rd_kafka_incremental_unassign(r->rk, list);
    if (e)
        rd_kafka_error_destroy(e); /* the group lost us already: they are gone either way */
}

void dw__group_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *arg)
{
    struct kafka_receiver *r = DW_ITEM(arg, struct kafka_receiver, trouble);
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        int rc = assign(r, list);
        r->failed = rc < 0 ? rc : r->failed;
    } else if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        if (!dw__handover_hold(r, list))
            dw__group_unassign(r, list);
    } else {
        dw__kafka_say(&r->trouble, err, NULL);
        (void)rd_kafka_assign(rk, NULL);
    }
}

/* Goes on elsewhere. What is under way of the partition is dropped until librdkafka has let us: mend() tries again. A partition without a
 * record where we go on is not read any more and cannot be sought: so it is given up and taken again, which librdkafka would take for the
 * answer while the group waits for others to be let go. */
void dw__group_seek(struct kafka_receiver *r, int32_t partition, int64_t offset)
{
    struct partition *p = &r->partition[partition];
    if (r->leaving) {
        p->seek = offset;
        p->at_end = false;
        return;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, r->topic, partition)->offset = offset;
    rd_kafka_error_t *e = rd_kafka_incremental_unassign(r->rk, list);
    if (e)
        rd_kafka_error_destroy(e); /* the try before came so far, or assigning fails too */
    e = rd_kafka_incremental_assign(r->rk, list);
    p->seek = e ? offset : NO_SEEK;
    p->at_end = false;
    if (e) {
        dw_warn("kafka: partition %d: cannot go on at %lld yet: %s", (int)partition, (long long)offset, rd_kafka_error_string(e));
        rd_kafka_error_destroy(e);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* How far the group is in a partition, which it could not say before. */
void dw__group_ask_again(struct kafka_receiver *r, int32_t partition)
{
    struct partition *p = &r->partition[partition];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, r->topic, partition);
    rd_kafka_resp_err_t err = rd_kafka_committed(r->rk, list, LOOK_MS);
    err = err == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[0].err : err;
    int64_t committed = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        dw__kafka_say(&r->trouble, err, NULL);
        return;
    }
    dw__kafka_well(&r->trouble);
    int64_t from = begin_at(p, committed);
    dw_info("kafka: partition %d is ours, from offset %lld", (int)partition, (long long)from);
    dw__group_seek(r, partition, from);
}
