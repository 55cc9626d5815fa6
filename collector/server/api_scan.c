/*
 * api_scan: a query's rows out of the archive, for whatever answer is made of them.
 *
 * Invariants:
 *   (1) Events are those of `dogwatch query`: each once, what is marked as a duplicate is passed over.
 *   (2) It ends when its rows have enough, when the client is gone, or after api.query.time; then, and for what cannot be read, the answer
 *       says that it is partial, and why.
 *   (3) Who reads on after the end of what is there (a tail) loses no event and gets none twice: there is one reader and one pass.
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

bool api_scan_read(struct api_scan *s)
{
    struct dw_archived a;
    while (!has_enough(s)) {
        if (s->over ? s->over(s) : api_is_over(s->rq))
            return false;
        int err = dw_archive_reader_next(s->reader, &a);
        if (err == DW_EAGAIN)
            return true;
        if (err == DW_OK) {
            dw_answer_take(&s->pass, s->reader, &a);
            continue;
        }
        api_unread(s->rq, dw_archive_reader_where(s->reader), err);
        if (s->unread)
            s->unread(s, err);
        if (err == DW_ENOMEM)
            return true;
    }
    return true;
}

bool api_scan_open(struct api_scan *s, struct dw_str text)
{
    struct request *rq = s->rq;
    struct dw_diags diags;
    DW_COUNT(api_queries);
    dw_diags_init(&diags, DW_STR("query"), text);
    s->keys = dw_keys_new();
    int rc = s->keys ? dw_query_compile(text, s->keys, &diags, &s->q) : DW_ENOMEM;
    if (rc == DW_ESYNTAX || rc == DW_ELIMIT)
        api_fail_query(rq, &diags);
    else if (rc < 0)
        api_fail_code(rq, "the query", rc);
    if (rc == DW_OK && (rc = dw_archive_reader_open(&dw_fs_system, rq->api->archive, s->keys, &s->reader)) < 0)
        api_fail_code(rq, "the archive", rc);
    if (rc < 0)
        return false;
    dw_query_start(s->q, &(struct dw_query_setup){.sink = {take_row, s}, .memory_bytes = (size_t)rq->api->opt->api_query_memory, .fs = &dw_fs_system, .tmp_dir = rq->api->opt->data.ptr});
    s->pass = (struct dw_answer_query){.q = s->q, .since_ns = s->since_ns, .until_ns = s->until_ns, .enough = has_enough, .arg = s};
    dw_answer_begin(&s->pass, s->reader);
    return true;
}

void api_scan_close(struct api_scan *s)
{
    DW_COUNT_IF(s->reader && s->rq->outcome[0], api_queries_partial);
    dw_archive_reader_close(s->reader);
    dw_query_free(s->q);
    dw_keys_free(s->keys);
    s->reader = NULL;
    s->q = NULL;
    s->keys = NULL;
}

void api_scan(struct api_scan *s, struct dw_str text)
{
    if (api_scan_open(s, text)) {
        bool over = !api_scan_read(s);
        s->stop |= over && api_in_vain(s->rq);
        if (!s->stop)
            dw_query_end(s->q); /* while the reader lives: rows may point into its last frame */
        s->frames = dw_archive_reader_frames(s->reader);
        if (dw_query_partial(s->q))
            api_partial(s->rq, "%s", dw_query_partial(s->q));
        s->end(s);
    }
    api_scan_close(s);
}
