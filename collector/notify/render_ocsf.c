/*
 * render_ocsf: an alert as an OCSF Detection Finding (category 2, class 2004).
 *
 * Idea: what is ours word for word (the ECS finding) goes whole into the one evidence's `data`; beside it stands what OCSF has names for.
 *
 * Invariants:
 *   (1) Every required attribute is there: activity_id, category_uid, class_uid, type_uid, severity_id, time, metadata, finding_info.
 *   (2) No attribute is there that the class lacks in 1.1.0.
 *   (3) Times are whole milliseconds since 1970.
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/correlate/window.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

enum { CATEGORY = 2, CLASS = 2004 };
/* type_id of observables, by the dictionary of OCSF. */
enum { OBSERVABLE_HOSTNAME = 1, OBSERVABLE_IP = 2, OBSERVABLE_USER = 4, OBSERVABLE_OTHER = 99 };

static void put(struct dw_buf *out, const char *before, struct dw_str value)
{
    dw_buf_str(out, dw_str_of(before));
    (void)dw_json_string(out, value);
}

static int status_id(const struct dw_alert *al, const char **ret)
{
    static const struct {
        const char *ours, *theirs;
        int id;
    } map[] = {{"new", "New", 1}, {"in_progress", "In Progress", 2}, {"resolved", "Resolved", 4}, {"closed", "Archived", 5},
        {"false_positive", "Suppressed", 3}};
    for (size_t i = 0; i < DW_COUNT_OF(map); i++) {
        *ret = map[i].theirs;
        if (strcmp(map[i].ours, al->said[DW_ALERT_status]) == 0)
            return map[i].id;
    }
    *ret = "Other";
    return 99;
}

/* MITRE's techniques, which rules name by tags such as attack.t1110.001. */
static void put_attacks(const struct output_alert *a, struct dw_buf *out)
{
    uint32_t key;
    bool first = true;
    if (dw_keys_find(a->keys, DW_STR("rule.tags"), &key) < 0)
        return;
    for (uint32_t i = 0; i < a->event->field_count; i++) {
        const struct dw_field *f = &a->event->field[i];
        if (f->key != key || !dw_field_is_text(f) || !dw_str_starts(dw_field_str(f), DW_STR("attack.t")))
            continue;
        struct dw_str uid = dw_str_slice(dw_field_str(f), sizeof "attack." - 1, f->len);
        if (uid.len < 5 || uid.ptr[1] < '0' || uid.ptr[1] > '9') /* a tactic */
            continue;
        dw_buf_str(out, first ? DW_STR(",\"attacks\":[{\"technique\":{\"uid\":\"T") : DW_STR(",{\"technique\":{\"uid\":\"T"));
        for (size_t k = 1; k < uid.len; k++)
            dw_buf_byte(out, (uid.ptr[k] >= '0' && uid.ptr[k] <= '9') || uid.ptr[k] == '.' ? (uint8_t)uid.ptr[k] : '_');
        dw_buf_str(out, DW_STR("\"}}"));
        first = false;
    }
    if (!first)
        dw_buf_byte(out, ']');
}

static void put_observables(const struct output_alert *a, struct dw_buf *out)
{
    bool first = true;
    for (int i = 0; i < DW_ENTITIES; i++) {
        char room[32];
        uint32_t key = dw_entity_field((enum dw_entity)i);
        struct dw_str value = output_field(a, key, room);
        int type = key == DW_F_source_ip ? OBSERVABLE_IP : key == DW_F_user_name ? OBSERVABLE_USER : key == DW_F_host_name ? OBSERVABLE_HOSTNAME : OBSERVABLE_OTHER;
        if (value.len == 0)
            continue;
        put(out, first ? ",\"observables\":[{\"name\":" : ",{\"name\":", dw_str_of(dw_entity_name((enum dw_entity)i)));
        dw_buf_printf(out, ",\"type_id\":%d", type);
        put(out, ",\"value\":", value);
        dw_buf_byte(out, '}');
        first = false;
    }
    if (!first)
        dw_buf_byte(out, ']');
}

static void put_evidence(const struct output_alert *a, struct dw_buf *out)
{
    char room[32];
    struct dw_str ip = output_field(a, DW_F_source_ip, room);
    dw_buf_str(out, DW_STR(",\"evidences\":[{"));
    if (ip.len)
        put(out, "\"src_endpoint\":{\"ip\":", ip);
    dw_buf_printf(out, "%s\"data\":%.*s}]", ip.len ? "}," : "", DW_ARG(a->alert->doc));
}

static void put_finding(const struct output_alert *a, struct dw_buf *out)
{
    const struct dw_alert *al = a->alert;
    put(out, ",\"finding_info\":{\"uid\":", dw_str_of(al->id));
    put(out, ",\"title\":", dw_str_of(al->title));
    put(out, ",\"desc\":", al->key);
    put(out, ",\"analytic\":{\"type_id\":1,\"type\":\"Rule\",\"uid\":", dw_str_of(al->rule));
    put(out, ",\"name\":", dw_str_of(al->title));
    dw_buf_printf(out, "},\"created_time\":%" PRId64, al->time_ns / DW_NS_PER_MS);
    put_attacks(a, out);
    dw_buf_byte(out, '}');
}

void output_render_ocsf(const struct output_alert *a, struct dw_buf *out)
{
    static const char *const activities[] = {"Create", "Update", "Close"};
    static const char *const severities[] = {"Informational", "Low", "Medium", "High", "Critical"};
    const struct dw_alert *al = a->alert;
    int activity = (int)a->activity + 1, severity = output_severity(al);
    const char *status;
    int status_is = status_id(al, &status);
    dw_buf_printf(out, "{\"activity_id\":%d,\"activity_name\":\"%s\",\"category_uid\":%d,\"category_name\":\"Findings\",\"class_uid\":%d,"
                       "\"class_name\":\"Detection Finding\",\"type_uid\":%d,\"severity_id\":%d,\"severity\":\"%s\",\"time\":%" PRId64
                       ",\"count\":%" PRId64 ",\"status_id\":%d,\"status\":\"%s\"",
        activity, activities[a->activity], CATEGORY, CLASS, CLASS * 100 + activity, severity + 1, severities[severity],
        (a->activity == OUTPUT_CREATED ? al->time_ns : a->now_ns) / DW_NS_PER_MS, al->total, status_is, status);
    put(out, ",\"message\":", dw_str_of(al->title));
    put(out, ",\"metadata\":{\"version\":", a->opt->ocsf_version);
    dw_buf_str(out, DW_STR(",\"product\":{\"name\":\"dogwatch\",\"vendor_name\":\"dogwatch\",\"version\":\"" DW_VERSION "\"}"));
    put(out, ",\"uid\":", dw_str_of(a->key));
    dw_buf_byte(out, '}');
    put_finding(a, out);
    put_observables(a, out);
    put_evidence(a, out);
    dw_buf_byte(out, '}');
}
