/*
 * query_filter: running one compiled filter over events.
 *
 * Idea: matching is the rules' own (core/pred), over an event to which is added what is no field of it: its id, and for each
 * range of `_time` in the filter that it lies in, the range's number under the name _time.
 *
 * Invariants:
 *   (1) The same words mean the same in queries and rules.
 *   (2) What a log itself calls _time is not seen once the filter asks for it, so a line cannot claim to be in a range.
 */
#include "query_int.h"
#include "query_row.h"

static const char *const range_names[QUERY_TIMES_MAX] = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"};

int query_filter_init(struct query_filter *f)
{
    *f = (struct query_filter){.root = DW_EXPR_NONE, .pred = dw_pred_new()};
    return f->pred ? DW_OK : DW_ENOMEM;
}

int query_filter_build(struct query_filter *f)
{
    int rc = dw_pred_build(f->pred);
    if (rc < 0)
        return rc;
    f->scratch = dw_pred_scratch_new(f->pred);
    f->augmented = dw_alloc((DW_EVENT_FIELDS_MAX + QUERY_OURS + QUERY_TIMES_MAX) * sizeof *f->augmented);
    return f->scratch && f->augmented ? DW_OK : DW_ENOMEM;
}

void query_filter_fini(struct query_filter *f)
{
    dw_pred_scratch_free(f->scratch);
    dw_pred_free(f->pred);
    dw_expr_pool_fini(&f->expr);
    dw_free(f->augmented);
    *f = (struct query_filter){.root = DW_EXPR_NONE};
}

static void ignore(void *arg, uint32_t leaf)
{
    (void)arg;
    (void)leaf;
}

static void add_text(struct query_filter *f, struct dw_event *ev, uint32_t key, const char *text)
{
    f->augmented[ev->field_count++] =
        (struct dw_field){.v.ptr = text, .len = (uint32_t)strlen(text), .key = key, .kind = DW_K_LITERAL};
}

bool query_filter_test(struct query_filter *f, const struct dw_keys *keys, const struct dw_event *ev)
{
    static const uint32_t ours[] = {DW_F_event_id, DW_F_dogwatch_stream, DW_F_dogwatch_start, DW_F_dogwatch_end, DW_F_dogwatch_read_at};
    char room[DW_COUNT_OF(ours)][QUERY_TEXT_MAX];
    const struct row row = {.ev = *ev};
    struct dw_event with = *ev;
    if (f->root == DW_EXPR_NONE)
        return true;
    if ((f->ours || f->time_count) && ev->field_count <= DW_EVENT_FIELDS_MAX) {
        with.field = f->augmented;
        with.field_count = 0;
        for (uint32_t i = 0; i < ev->field_count; i++)
            if (!f->time_count || ev->field[i].key != f->time_key)
                f->augmented[with.field_count++] = ev->field[i];
        for (size_t i = 0; ev->stream && i < DW_COUNT_OF(ours); i++)
            if (f->ours & 1U << query_ours(ours[i]))
                f->augmented[with.field_count++] = query_field(ours[i], query_value(&row, ours[i], room[i]));
        for (uint32_t i = 0; i < f->time_count; i++)
            if (ev->time_ns >= f->time[i].from_ns && ev->time_ns <= f->time[i].to_ns)
                add_text(f, &with, f->time_key, range_names[i]);
    }
    if (dw_pred_begin(f->scratch, &with, ignore, NULL) < 0) {
        f->failed = true;
        return false;
    }
    return dw_expr_test(&f->expr, f->root, f->scratch, &with, keys) == DW_TRUE;
}
