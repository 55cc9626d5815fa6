/*
 * render_ecs: an alert as `dogwatch alerts` and the API give it, with what a receiver needs of the delivery itself:
 * "delivery":{"key":...,"activity":"created|updated|closed"}.
 */
#include "notify_int.h"

#include "dogwatch/collect/answer.h"
#include "dogwatch/event/json_write.h"

void output_render_ecs(const struct output_alert *a, struct dw_buf *out)
{
    static const char *const activities[] = {"created", "updated", "closed"};
    dw_answer_alert(a->alert, NULL, out);
    if (out->err || out->len < 2)
        return;
    out->len -= 2; /* its last brace and the newline */
    dw_buf_str(out, DW_STR(",\"delivery\":{\"key\":"));
    (void)dw_json_string(out, dw_str_of(a->key));
    dw_buf_printf(out, ",\"activity\":\"%s\"}}", activities[a->activity]);
}
