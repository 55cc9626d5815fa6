/*
 * render_alertmanager: an alert for Prometheus Alertmanager's API v2, a list of one.
 *
 * Labels make an alert's identity there, so they hold what does not change while it lives: rule, level, whom it is about, and its id. An
 * alert is firing until people are done with it; Alertmanager itself resolves what it does not hear of again, so `endsAt` is far away.
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/correlate/window.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

#define FIRING_NS (24 * INT64_C(3600) * DW_NS_PER_S)

static void put(struct dw_buf *out, const char *before, struct dw_str value)
{
    dw_buf_str(out, dw_str_of(before));
    (void)dw_json_string(out, value);
}

static void put_entities(const struct output_alert *a, struct dw_buf *out)
{
    for (int i = 0; i < DW_ENTITIES; i++) {
        char room[32];
        const char *name = dw_entity_name((enum dw_entity)i);
        struct dw_str value = output_field(a, dw_entity_field((enum dw_entity)i), room);
        if (value.len == 0)
            continue;
        dw_buf_str(out, DW_STR(",\""));
        for (const char *c = name; *c; c++) /* a label's name has no dots */
            dw_buf_byte(out, *c == '.' ? '_' : (uint8_t)*c);
        put(out, "\":", value);
    }
}

void output_render_alertmanager(const struct output_alert *a, struct dw_buf *out)
{
    const struct dw_alert *al = a->alert;
    int64_t ends = a->is_over ? a->now_ns : a->now_ns + FIRING_NS;
    put(out, "[{\"labels\":{\"alertname\":", dw_str_of(al->title));
    put(out, ",\"severity\":", dw_str_of(al->level));
    put(out, ",\"rule_id\":", dw_str_of(al->rule));
    put(out, ",\"alert_id\":", dw_str_of(al->id));
    put_entities(a, out);
    put(out, "},\"annotations\":{\"summary\":", dw_str_of(al->title));
    put(out, ",\"about\":", al->key);
    put(out, ",\"status\":", dw_str_of(al->said[DW_ALERT_status]));
    put(out, ",\"delivery_key\":", dw_str_of(a->key));
    dw_buf_printf(out, ",\"events\":\"%" PRId64 "\"},\"startsAt\":\"", al->total);
    dw_time_text(out, al->time_ns < ends ? al->time_ns : ends);
    dw_buf_str(out, DW_STR("\",\"endsAt\":\""));
    dw_time_text(out, ends);
    dw_buf_byte(out, '"');
    if (a->opt->console.len) {
        struct dw_buf url = {0};
        bool slash = a->opt->console.ptr[a->opt->console.len - 1] == '/';
        dw_buf_printf(&url, "%.*s%s%s%s", DW_ARG(a->opt->console), slash ? "" : "/", a->is_provisional ? "" : "#/alert/", a->is_provisional ? "" : al->id);
        put(out, ",\"generatorURL\":", dw_buf_view(&url));
        dw_buf_fini(&url);
    }
    dw_buf_str(out, DW_STR("}]"));
}
