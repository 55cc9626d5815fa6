/*
 * api_retention: holds on segments of the archive.
 *
 * Invariant: as everything that people ask for, a hold is a file in an inbox that the loop takes; what stands in the manifest is answered.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/archive_asked.h"

#include <stdio.h>

struct holds {
    struct request *rq;
    const char *name; /* NULL: all */
};

static void put_bound(struct dw_buf *out, const char *name, int64_t ns)
{
    if (ns == INT64_MIN || ns == INT64_MAX)
        dw_buf_printf(out, ",\"%s\":null", name);
    else
        api_put_time(out, ',', name, ns);
}

static void put_hold(void *arg, const struct dw_hold *h)
{
    struct holds *x = arg;
    struct dw_buf *out = &x->rq->out;
    if (x->name && strcmp(x->name, h->name) != 0)
        return;
    api_put_text(out, '{', "hold", dw_str_of(h->name));
    put_bound(out, "from", h->from_ns);
    put_bound(out, "to", h->to_ns);
    api_put_time(out, ',', "since", h->since_ns);
    api_put_text(out, ',', "by", dw_str_of(h->asked.by));
    api_put_text(out, ',', "reason", dw_str_of(h->asked.why));
    dw_buf_str(out, DW_STR("}\n"));
    (void)api_row(x->rq);
}

void api_do_holds(struct request *rq)
{
    struct holds x = {.rq = rq};
    int rc = dw_archive_holds(&dw_fs_system, rq->api->archive, put_hold, &x);
    if (rc < 0)
        api_fail_code(rq, "the archive", rc);
    else
        api_answer_line(rq, DW_STR(""));
}

/* Fills name, reason and author. */
static bool begin(struct request *rq, struct dw_archive_ask *a, enum dw_archive_verb verb)
{
    struct dw_str name = api_param_text(rq, "name"), why = api_param_text(rq, "reason");
    *a = (struct dw_archive_ask){.verb = verb, .since_ns = api_param_number(rq, "since", INT64_MIN), .until_ns = api_param_number(rq, "until", INT64_MAX),
        .before_ns = INT64_MIN};
    if (name.len == 0 || name.len >= sizeof a->name || why.len >= sizeof a->asked.why) {
        api_fail(rq, API_E_malformed, "{\"name\":\"case 7\",\"since\":\"2026-11-23\",\"until\":\"2026-11-24\",\"reason\":\"asked by counsel\"}",
            "name: 1 to %zu bytes are needed; reason: at most %zu", sizeof a->name - 1, sizeof a->asked.why - 1);
        return false;
    }
    (void)snprintf(a->name, sizeof a->name, "%.*s", DW_ARG(name));
    (void)snprintf(a->asked.why, sizeof a->asked.why, "%.*s", DW_ARG(why));
    (void)snprintf(a->asked.by, sizeof a->asked.by, "%s", rq->author);
    return true;
}

/* Leaves it for the loop; false: it was not done, and that is answered. */
static bool ask(struct request *rq, const struct dw_archive_ask *a, const char *refused)
{
    char data[API_PATH_CAP], name[1][DW_INBOX_NAME];
    uint32_t entries = 0;
    (void)snprintf(data, sizeof data, "%s", rq->api->opt->data.ptr);
    int rc = dw_archive_ask(&dw_fs_system, data, a, name[0]);
    if (rc < 0)
        api_fail_code(rq, "state/archive", rc);
    if (rc < 0 || !api_are_taken(rq, rq->api->archive_inbox, name, 1))
        return false;
    rc = dw_archive_done(&dw_fs_system, rq->api->archive, name[0], &entries);
    if (rc < 0)
        api_fail_code(rq, "the archive", rc);
    else if (entries == 0)
        api_fail(rq, API_E_refused, NULL, "%s", refused);
    return !rq->failed;
}

void api_do_hold_add(struct request *rq)
{
    struct dw_archive_ask a;
    if (!begin(rq, &a, DW_ARCHIVE_HOLD) || !ask(rq, &a, "a hold of that name is in force"))
        return;
    struct holds x = {.rq = rq, .name = a.name};
    int rc = dw_archive_holds(&dw_fs_system, rq->api->archive, put_hold, &x);
    if (rc < 0)
        api_fail_code(rq, "the archive", rc);
}

void api_do_hold_end(struct request *rq)
{
    struct dw_archive_ask a;
    struct holds x = {.rq = rq, .name = a.name};
    if (!begin(rq, &a, DW_ARCHIVE_RELEASE))
        return;
    int rc = dw_archive_holds(&dw_fs_system, rq->api->archive, put_hold, &x); /* as it is now: afterwards it is gone */
    if (rc < 0)
        api_fail_code(rq, "the archive", rc);
    else if (rq->rows == 0)
        api_fail(rq, API_E_not_found, "/api/v1/archive/holds lists them", "no hold of that name is in force");
    else
        (void)ask(rq, &a, "it is released already");
}
