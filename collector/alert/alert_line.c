/*
 * alert_line: lines of alerts.log, written and read (docs/formats/alerts.md).
 *
 *     {"type":"raised","id","time","rule","title","level","key","total","finding":{...}}
 *     {"type":"changed","id","time","change","author","field","value"}
 *
 * Invariant: what is written is read back as it was.
 */
#include "alert_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

static const struct {
    const char *name, *values, *doc;
} fields[] = {
#define ALERT_FIELD(name, values, doc) {#name, values, doc},
#include "dogwatch/tbl/alert_fields.h"
#undef ALERT_FIELD
};

const char *dw_alert_field_name(enum dw_alert_field field)
{
    return fields[field].name;
}

const char *dw_alert_field_values(enum dw_alert_field field)
{
    return fields[field].values;
}

const char *dw_alert_field_doc(enum dw_alert_field field)
{
    return fields[field].doc;
}

int dw_alert_value_check(enum dw_alert_field field, struct dw_str value)
{
    struct dw_str values = dw_str_of(fields[field].values);
    if (values.len == 0)
        return value.len > DW_ALERT_VALUE_MAX || (value.len == 0 && field != DW_ALERT_assignee) ? DW_ELIMIT : DW_OK;
    while (values.len)
        if (dw_str_eq(dw_str_cut(&values, '|'), value))
            return DW_OK;
    return DW_EUNKNOWN;
}

static void put_member(struct dw_buf *out, const char *name, struct dw_str value)
{
    dw_buf_printf(out, ",\"%s\":", name);
    (void)dw_json_string(out, value);
}

void alert_write_raised(const struct dw_alert *alert, struct dw_buf *out)
{
    dw_buf_str(out, DW_STR("{\"type\":\"raised\""));
    put_member(out, "id", dw_str_of(alert->id));
    dw_buf_printf(out, ",\"time\":%" PRId64, alert->time_ns);
    put_member(out, "rule", dw_str_of(alert->rule));
    put_member(out, "title", dw_str_of(alert->title));
    put_member(out, "level", dw_str_of(alert->level));
    put_member(out, "key", alert->key);
    dw_buf_printf(out, ",\"total\":%" PRId64 ",\"finding\":", alert->total);
    dw_buf_str(out, alert->doc);
    dw_buf_str(out, DW_STR("}\n"));
}

void alert_write_change(const struct dw_alert_change *c, struct dw_buf *out)
{
    dw_buf_str(out, DW_STR("{\"type\":\"changed\""));
    put_member(out, "id", dw_str_of(c->alert));
    dw_buf_printf(out, ",\"time\":%" PRId64, c->time_ns);
    put_member(out, "change", dw_str_of(c->change));
    put_member(out, "author", dw_str_of(c->author));
    put_member(out, "field", dw_str_of(fields[c->field].name));
    put_member(out, "value", c->value);
    dw_buf_str(out, DW_STR("}\n"));
}

static bool text_member(const struct dw_json_token *t, struct dw_arena *arena, const char **ret)
{
    struct dw_buf b = {0};
    bool ok = dw_json_unescape(t->text, &b) && !b.err;
    struct dw_str copy = ok ? dw_arena_copy(arena, dw_buf_view(&b)) : DW_STR_NONE;
    dw_buf_fini(&b);
    *ret = copy.ptr ? copy.ptr : "";
    return copy.ptr != NULL;
}

/* Where the text of a member goes; NULL: it is none that we know. */
static const char **text_place(struct dw_str key, struct alert_pending *p, const char **type, const char **field, const char **alert_key, const char **value)
{
    const struct {
        struct dw_str name;
        const char **at;
    } place[] = {{DW_STR("type"), type}, {DW_STR("id"), &p->raised.id}, {DW_STR("rule"), &p->raised.rule}, {DW_STR("title"), &p->raised.title},
        {DW_STR("level"), &p->raised.level}, {DW_STR("key"), alert_key}, {DW_STR("change"), &p->change.change},
        {DW_STR("author"), &p->change.author}, {DW_STR("field"), field}, {DW_STR("value"), value}};
    for (size_t i = 0; i < DW_COUNT_OF(place); i++)
        if (dw_str_eq(place[i].name, key))
            return place[i].at;
    return NULL;
}

static bool finish(struct alert_pending *p, const char *type, const char *field)
{
    p->is_change = strcmp(type, "changed") == 0;
    p->change.alert = p->raised.id;
    p->change.time_ns = p->raised.time_ns;
    if (!p->raised.id[0])
        return false;
    if (!p->is_change)
        return strcmp(type, "raised") == 0 && p->raised.doc.len > 0;
    for (size_t i = 0; i < DW_ALERT_FIELDS; i++) {
        if (strcmp(fields[i].name, field) != 0)
            continue;
        p->change.field = (enum dw_alert_field)i;
        return p->change.change[0] && dw_alert_value_check(p->change.field, p->change.value) == DW_OK;
    }
    return false;
}

bool alert_read_line(struct dw_str line, struct dw_arena *arena, struct alert_pending *ret)
{
    struct dw_json j;
    struct dw_json_token key, v;
    const char *type = "", *field = "", *alert_key = "", *value = "";
    ret->raised = (struct dw_alert){.id = "", .rule = "", .title = "", .level = ""};
    ret->change = (struct dw_alert_change){.change = "", .alert = "", .author = ""};
    dw_json_start(&j, line);
    if (dw_json_next(&j, &v) < 0 || v.type != DW_JSON_OBJECT)
        return false;
    while (dw_json_next(&j, &key) == DW_OK && key.type == DW_JSON_KEY) {
        if (dw_json_next(&j, &v) < 0)
            return false;
        const char *from = j.at - 1, **at = v.type == DW_JSON_STRING ? text_place(key.text, ret, &type, &field, &alert_key, &value) : NULL;
        if ((v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY) && dw_json_skip(&j) < 0)
            return false;
        if (at && !text_member(&v, arena, at))
            return false;
        if ((dw_str_eq(key.text, DW_STR("time")) && !dw_str_i64(v.text, &ret->raised.time_ns))
            || (dw_str_eq(key.text, DW_STR("total")) && !dw_str_i64(v.text, &ret->raised.total)))
            return false;
        if (dw_str_eq(key.text, DW_STR("finding")) && v.type == DW_JSON_OBJECT)
            ret->raised.doc = dw_str_make(from, (size_t)(j.at - from));
    }
    ret->raised.key = dw_str_of(alert_key);
    ret->change.value = dw_str_of(value);
    return finish(ret, type, field);
}
