/*
 * api_outputs: where alerts are sent, how that stands, and dead letters again.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/notify.h"

static void put_when(struct dw_buf *out, const char *name, int64_t ns)
{
    if (ns)
        api_put_time(out, ',', name, ns);
    else
        dw_buf_printf(out, ",\"%s\":null", name);
}

static void put_output(void *arg, const struct dw_output_status *s)
{
    struct request *rq = arg;
    api_put_text(&rq->out, '{', "name", dw_str_of(s->name));
    api_put_text(&rq->out, ',', "type", dw_str_of(s->type));
    api_put_text(&rq->out, ',', "state", dw_str_of(s->state));
    api_put_number(&rq->out, ',', "waiting", s->waiting);
    api_put_number(&rq->out, ',', "delivered", s->delivered);
    api_put_number(&rq->out, ',', "dead", s->dead);
    put_when(&rq->out, "last_success", s->last_success_ns);
    api_put_text(&rq->out, ',', "last_error", dw_str_of(s->last_error));
    put_when(&rq->out, "last_error_at", s->last_error_ns);
    dw_buf_str(&rq->out, DW_STR("}\n"));
    (void)api_row(rq);
}

void api_do_outputs(struct request *rq)
{
    int rc = dw_outputs_each(&dw_fs_system, rq->api->opt->data.ptr, put_output, rq);
    if (rc < 0 && rc != DW_ENOENT) /* none: there never was one */
        api_fail_code(rq, "outputs", rc);
    else
        api_answer_line(rq, DW_STR(""));
}

void api_do_outputs_retry(struct request *rq)
{
    struct dw_str name = api_param_text(rq, "name");
    uint64_t dead = 0;
    int rc = dw_output_retry(&dw_fs_system, rq->api->opt->data.ptr, name, &dead);
    if (rc == DW_ENOENT) {
        api_fail(rq, API_E_not_found, "/api/v1/outputs lists them", "no output is called so");
    } else if (rc < 0) {
        api_fail_code(rq, "outputs", rc);
    } else {
        api_put_text(&rq->out, '{', "name", name);
        api_put_number(&rq->out, ',', "dead", dead);
        dw_buf_str(&rq->out, DW_STR("}\n"));
    }
}
