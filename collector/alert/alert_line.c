/*
 * alert_line: lines of alerts.log, written and read (docs/formats/alerts.md).
 *
 *     {"type":"raised","id","time","rule","title","level","key","total","finding":{...}}
 *     {"type":"changed","id","time","change","author","field","value"}
 *     {"type":"silence","id","time","change","author","from","until","filter","reason"}
 *     {"type":"policy","id","time","change","author","field":"approved|rolled_back","address","until","provenance","causes","reason"}
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
    dw_buf_printf(out, ",\"total\":%" PRId64 "%s,\"finding\":", alert->total, alert->calm ? ",\"calm\":true" : "");
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

void alert_write_silence(const struct dw_silence *s, struct dw_buf *out)
{
    dw_buf_str(out, DW_STR("{\"type\":\"silence\""));
    put_member(out, "id", dw_str_of(s->id));
    dw_buf_printf(out, ",\"time\":%" PRId64, s->time_ns);
    put_member(out, "change", dw_str_of(s->change));
    put_member(out, "author", dw_str_of(s->author));
    dw_buf_printf(out, ",\"from\":%" PRId64 ",\"until\":%" PRId64, s->from_ns, s->until_ns);
    put_member(out, "filter", s->filter);
    put_member(out, "reason", s->reason);
    dw_buf_str(out, DW_STR("}\n"));
}

static const char *const verdicts[] = {"approved", "rolled_back"};

void alert_write_decision(const struct dw_policy_decision *d, struct dw_buf *out)
{
    dw_buf_str(out, DW_STR("{\"type\":\"policy\""));
    put_member(out, "id", dw_str_of(d->entry));
    dw_buf_printf(out, ",\"time\":%" PRId64, d->time_ns);
    put_member(out, "change", dw_str_of(d->change));
    put_member(out, "author", dw_str_of(d->author));
    put_member(out, "field", dw_str_of(verdicts[d->rolled_back]));
    put_member(out, "address", dw_str_of(d->address));
    dw_buf_printf(out, ",\"until\":%" PRId64, d->until_ns);
    put_member(out, "provenance", dw_str_of(d->provenance));
    put_member(out, "causes", dw_str_of(d->causes));
    put_member(out, "reason", d->reason);
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

/* Texts of a line before it is known what it is. */
struct texts {
    const char *type, *id, *rule, *title, *level, *key, *change, *author, *field, *value, *filter, *reason, *address, *provenance, *causes;
};
struct numbers {
    int64_t time, total, from, until;
    bool calm;
};

/* Where the text of a member goes; NULL: it is none that we know. */
static const char **text_place(struct dw_str key, struct texts *t)
{
    const struct {
        struct dw_str name;
        const char **at;
    } place[] = {{DW_STR("type"), &t->type}, {DW_STR("id"), &t->id}, {DW_STR("rule"), &t->rule}, {DW_STR("title"), &t->title},
        {DW_STR("level"), &t->level}, {DW_STR("key"), &t->key}, {DW_STR("change"), &t->change}, {DW_STR("author"), &t->author},
        {DW_STR("field"), &t->field}, {DW_STR("value"), &t->value}, {DW_STR("filter"), &t->filter}, {DW_STR("reason"), &t->reason},
        {DW_STR("address"), &t->address}, {DW_STR("provenance"), &t->provenance}, {DW_STR("causes"), &t->causes}};
    for (size_t i = 0; i < DW_COUNT_OF(place); i++)
        if (dw_str_eq(place[i].name, key))
            return place[i].at;
    return NULL;
}

static int64_t *number_place(struct dw_str key, struct numbers *n)
{
    return dw_str_eq(key, DW_STR("time")) ? &n->time : dw_str_eq(key, DW_STR("total")) ? &n->total
        : dw_str_eq(key, DW_STR("from")) ? &n->from : dw_str_eq(key, DW_STR("until")) ? &n->until : NULL;
}

static bool is_change(const struct texts *t, const struct numbers *n, struct dw_alert_change *ret)
{
    for (size_t i = 0; i < DW_ALERT_FIELDS; i++) {
        if (strcmp(fields[i].name, t->field) != 0)
            continue;
        *ret = (struct dw_alert_change){.change = t->change, .alert = t->id, .author = t->author, .field = (enum dw_alert_field)i,
            .time_ns = n->time, .value = dw_str_of(t->value)};
        return t->change[0] && dw_alert_value_check(ret->field, ret->value) == DW_OK;
    }
    return false;
}

static bool is_decision(const struct texts *t, const struct numbers *n, struct dw_policy_decision *ret)
{
    bool rolled_back = strcmp(t->field, verdicts[1]) == 0;
    *ret = (struct dw_policy_decision){.entry = t->id, .change = t->change, .author = t->author, .rolled_back = rolled_back, .time_ns = n->time,
        .until_ns = n->until, .address = t->address, .provenance = t->provenance, .causes = t->causes, .reason = dw_str_of(t->reason)};
    return t->change[0] && t->address[0] && strspn(t->id, "0123456789abcdef") == DW_POLICY_ID_TEXT - 1 && strlen(t->id) == DW_POLICY_ID_TEXT - 1 && (rolled_back || strcmp(t->field, verdicts[0]) == 0);
}

static bool finish(const struct texts *t, const struct numbers *n, struct dw_str doc, struct alert_pending *ret)
{
    if (!t->id[0])
        return false;
    if (strcmp(t->type, "changed") == 0) {
        ret->kind = ALERT_CHANGED;
        return is_change(t, n, &ret->change);
    }
    if (strcmp(t->type, "silence") == 0) {
        ret->kind = ALERT_SILENCED;
        ret->silence = (struct dw_silence){.id = t->id, .change = t->change, .author = t->author, .time_ns = n->time, .from_ns = n->from,
            .until_ns = n->until, .filter = dw_str_of(t->filter), .reason = dw_str_of(t->reason)};
        return t->change[0] && t->filter[0];
    }
    if (strcmp(t->type, "policy") == 0) {
        ret->kind = ALERT_DECIDED;
        return is_decision(t, n, &ret->decision);
    }
    ret->kind = ALERT_RAISED;
    ret->raised = (struct dw_alert){.id = t->id, .rule = t->rule, .title = t->title, .level = t->level, .time_ns = n->time,
        .key = dw_str_of(t->key), .total = n->total, .calm = n->calm, .doc = doc};
    return strcmp(t->type, "raised") == 0 && doc.len > 0;
}

bool alert_read_line(struct dw_str line, struct dw_arena *arena, struct alert_pending *ret)
{
    struct dw_json j;
    struct dw_json_token key, v;
    struct texts t = {"", "", "", "", "", "", "", "", "", "", "", "", "", "", ""};
    struct numbers n = {0};
    struct dw_str doc = DW_STR("");
    dw_json_start(&j, line);
    if (dw_json_next(&j, &v) < 0 || v.type != DW_JSON_OBJECT)
        return false;
    while (dw_json_next(&j, &key) == DW_OK && key.type == DW_JSON_KEY) {
        if (dw_json_next(&j, &v) < 0)
            return false;
        const char *from = j.at - 1, **at = v.type == DW_JSON_STRING ? text_place(key.text, &t) : NULL;
        int64_t *number = number_place(key.text, &n);
        if ((v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY) && dw_json_skip(&j) < 0)
            return false;
        if ((at && !text_member(&v, arena, at)) || (number && !dw_str_i64(v.text, number)))
            return false;
        if (dw_str_eq(key.text, DW_STR("calm")))
            n.calm = v.type == DW_JSON_TRUE;
        if (dw_str_eq(key.text, DW_STR("finding")) && v.type == DW_JSON_OBJECT)
            doc = dw_str_make(from, (size_t)(j.at - from));
    }
    return finish(&t, &n, doc, ret);
}
