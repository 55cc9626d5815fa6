/*
 * query_remote: rows of /api/v1/query as the events they were, so that they are printed by the code that prints those of an archive.
 */
#include "query_remote.h"

#include "remote_rows.h"

#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Numbers that pipes have made are shown with 15 digits, and as JSON with as many as tell them from others: a text that is such a number
 * is one again. What a log wrote itself so, to the 16th digit, is shown with 15 too. */
static struct dw_field as_float(const struct dw_field *f)
{
    struct dw_str text = dw_field_is_text(f) ? dw_field_str(f) : DW_STR("");
    struct dw_buf again = {0};
    char copy[40];
    if (f->kind != DW_K_NUMBER || text.len >= sizeof copy || dw_str_index(text, '.') == text.len)
        return *f;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double v = strtod(copy, NULL);
    dw_json_float(&again, v);
    bool is_float = dw_str_eq(dw_buf_view(&again), text);
    dw_buf_fini(&again);
    return is_float ? (struct dw_field){.v.f = v, .tag = f->tag, .kind = DW_K_FLOAT} : *f;
}

static bool take_row(void *arg, struct dw_str raw, const struct dw_event *row)
{
    const struct query_remote *q = arg;
    struct dw_event ev = *row;
    struct dw_field field[REMOTE_FIELDS_MAX];
    for (uint32_t i = 0; i < row->field_count; i++)
        field[i] = as_float(&row->field[i]);
    ev.field = field;
    q->row(q->arg, raw, &ev);
    return true;
}

static void take_end(void *arg, const struct dw_event *answer)
{
    const struct query_remote *q = arg;
    (void)fprintf(stderr, "%" PRIu64 " of %" PRIu64 " events, %" PRIu64 " frames read%s\n", remote_number(q->keys, answer, "answer.matched"),
        remote_number(q->keys, answer, "answer.events"), remote_number(q->keys, answer, "answer.frames"),
        remote_is_true(q->keys, answer, "answer.complete") ? ": complete" : remote_is_true(q->keys, answer, "answer.limited") ? ": complete as far as --limit asks" : "");
}

static void put_time(struct dw_buf *out, const char *name, int64_t ns, int64_t none)
{
    if (ns == none)
        return;
    dw_buf_printf(out, ",\"%s\":\"", name);
    dw_time_text(out, ns);
    dw_buf_byte(out, '"');
}

int query_remote(const struct query_remote *q)
{
    struct dw_buf body = {0};
    struct query_remote mine = *q;
    dw_buf_str(&body, DW_STR("{\"query\":"));
    (void)dw_json_string(&body, dw_str_of(q->text));
    put_time(&body, "since", q->o->since_ns, INT64_MIN);
    put_time(&body, "until", q->o->until_ns, INT64_MAX);
    if (q->limit)
        dw_buf_printf(&body, ",\"limit\":%" PRIu64, q->limit < INT64_MAX ? q->limit : INT64_MAX);
    dw_buf_byte(&body, '}');
    struct remote_rows r = {.o = q->o, .keys = q->keys, .method = "POST", .target = "/api/v1/query", .body = dw_buf_view(&body),
        .row = take_row, .end = take_end, .arg = &mine, .asked = q->limit > 0, .rows_max = q->limit};
    int rc = body.err ? CLI_CANNOT : remote_rows(&r);
    dw_buf_fini(&body);
    return rc;
}
