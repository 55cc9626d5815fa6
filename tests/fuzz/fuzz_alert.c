/* Fuzz: a line of alerts.log, or of somebody's file in the inbox. What is read is written and read again as it was. */
#include "support.h"

#include "../../collector/alert/alert_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_it(const struct alert_pending *p, struct dw_buf *out)
{
    if (p->kind == ALERT_CHANGED)
        alert_write_change(&p->change, out);
    else if (p->kind == ALERT_SILENCED)
        alert_write_silence(&p->silence, out);
    else if (p->kind == ALERT_DECIDED)
        alert_write_decision(&p->decision, out);
    else
        alert_write_raised(&p->raised, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_arena arena;
    struct alert_pending p = {0}, again = {0};
    struct dw_buf first = {0}, second = {0};
    dw_arena_init(&arena, 0);
    if (alert_read_line(dw_str_make((const char *)data, size), &arena, &p)) {
        write_it(&p, &first);
        bool read = alert_read_line(dw_buf_view(&first), &arena, &again);
        DW_ASSERT(read && again.kind == p.kind);
        DW_ASSERT(p.kind != ALERT_RAISED || (dw_alert_rank(&p.raised) >= 0 && dw_alert_rank(&p.raised) == dw_alert_rank(&again.raised)));
        write_it(&again, &second);
        DW_ASSERT(dw_str_eq(dw_buf_view(&first), dw_buf_view(&second)));
    }
    dw_buf_fini(&first);
    dw_buf_fini(&second);
    dw_arena_fini(&arena);
    return 0;
}
