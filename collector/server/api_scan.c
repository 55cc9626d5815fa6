/*
 * api_scan: a query's rows out of the archive, for whatever answer is made of them.
 *
 * Invariants:
 *   (1) Events are those of `dogwatch query`: each once, what is marked as a duplicate is passed over.
 *   (2) It ends when its rows have enough, when the client is gone, or after api.query.time; then, and for what cannot be read, the answer
 *       says that it is partial, and why.
 */
#include "api_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/collect/answer.h"

static void take_row(void *arg, const struct dw_event *row, uint8_t mark)
{
    struct api_scan *s = arg;
    if (!s->stop)
        s->row(s, row, mark);
}

static bool has_enough(void *arg)
{
    const struct api_scan *s = arg;
    return s->stop || dw_query_done(s->q);
}

static void read_archive(struct api_scan *s, struct dw_archive_reader *reader)
{
    struct dw_answer_query pass = {.q = s->q, .since_ns = s->since_ns, .until_ns = s->until_ns, .enough = has_enough, .arg = s};
    struct dw_archived a;
    bool over = false;
    dw_answer_begin(&pass, reader);
    while (!has_enough(s) && !(over = api_is_over(s->rq))) {
        int err = dw_archive_reader_next(reader, &a);
        if (err == DW_EAGAIN)
            break;
        if (err < 0) {
            api_unread(s->rq, dw_archive_reader_where(reader), err);
            if (err == DW_ENOMEM)
                break;
            continue;
        }
        dw_answer_take(&pass, reader, &a);
    }
    s->stop |= over && api_in_vain(s->rq);
    if (!s->stop)
        dw_query_end(s->q); /* while the reader lives: rows may point into its last frame */
    s->frames = dw_archive_reader_frames(reader);
    s->events = pass.events;
    s->matched = pass.matched;
}

void api_scan(struct api_scan *s, struct dw_str text)
{
    struct request *rq = s->rq;
    struct dw_archive_reader *reader = NULL;
    struct dw_diags diags;
    DW_COUNT(api_queries);
    dw_diags_init(&diags, DW_STR("query"), text);
    s->keys = dw_keys_new();
    int rc = s->keys ? dw_query_compile(text, s->keys, &diags, &s->q) : DW_ENOMEM;
    if (rc == DW_ESYNTAX || rc == DW_ELIMIT)
        api_fail_query(rq, &diags);
    else if (rc < 0)
        api_fail_code(rq, "the query", rc);
    if (rc == DW_OK && (rc = dw_archive_reader_open(&dw_fs_system, rq->api->archive, s->keys, &reader)) < 0)
        api_fail_code(rq, "the archive", rc);
    if (rc == DW_OK) {
        dw_query_start(s->q, &(struct dw_query_setup){.sink = {take_row, s}, .memory_bytes = (size_t)rq->api->opt->api_query_memory, .fs = &dw_fs_system, .tmp_dir = rq->api->opt->data.ptr});
        read_archive(s, reader);
        if (dw_query_partial(s->q))
            api_partial(rq, "%s", dw_query_partial(s->q));
        DW_COUNT_IF(rq->outcome[0], api_queries_partial);
        s->end(s);
    }
    dw_archive_reader_close(reader);
    dw_query_free(s->q);
    dw_keys_free(s->keys);
}
