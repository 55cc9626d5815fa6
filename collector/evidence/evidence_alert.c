/*
 * evidence_alert: what a line of alerts.log says, and the line that would say it again.
 *
 * Invariant: of what stands in the line only numbers (count, value, window, times) and lists of ids are ever put into the new one; words come
 * from the rule, the id from rule, key and cause.
 */
#include "evidence_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/timestamp.h"

#include <stdlib.h>

void evidence_alert_fini(struct evidence_alert *a)
{
    dw_arena_fini(&a->arena);
}

static bool take_ref(struct dw_str id, struct dw_event_ref *ret)
{
    return id.len > 33 && id.ptr[32] == '-' && dw_unhex(dw_str_slice(id, 0, 32), ret->stream, DW_ID_BYTES)
        && dw_str_u64(dw_str_slice(id, 33, id.len), &ret->start);
}

static bool take_time(const struct dw_json_token *t, int64_t *ret)
{
    struct dw_time_ref ref = {0};
    return t->type == DW_JSON_STRING && dw_time_parse(t->text, &ref, ret) == DW_OK;
}

/* A list of ids that has begun. */
static bool take_ids(struct dw_json *j, struct dw_event_ref *ret, uint32_t *ret_count)
{
    struct dw_json_token t;
    while (dw_json_next(j, &t) == DW_OK && t.type == DW_JSON_STRING)
        if (*ret_count == DW_FINDING_IDS_MAX || !take_ref(t.text, &ret[(*ret_count)++]))
            return false;
    return t.type == DW_JSON_ARRAY_END;
}

static bool take_text(const struct dw_json_token *t, struct evidence_alert *a, struct dw_str *ret)
{
    struct dw_buf text = {0};
    bool ok = t->type == DW_JSON_STRING && dw_json_unescape(t->text, &text) && !text.err;
    *ret = ok ? dw_arena_copy(&a->arena, dw_buf_view(&text)) : DW_STR_NONE;
    dw_buf_fini(&text);
    return ret->ptr != NULL;
}

/* The group-by values of an object that has begun. */
static bool take_key(struct dw_json *j, struct evidence_alert *a)
{
    struct dw_json_token t;
    while (dw_json_next(j, &t) == DW_OK && t.type == DW_JSON_KEY)
        if (a->finding.key_count == DW_CORR_GROUP_MAX || dw_json_next(j, &t) < 0 || !take_text(&t, a, &a->key_value[a->finding.key_count++]))
            return false;
    return t.type == DW_JSON_OBJECT_END;
}

static bool take_window(struct dw_json *j, struct dw_finding *f)
{
    struct dw_json_token key, t;
    while (dw_json_next(j, &key) == DW_OK && key.type == DW_JSON_KEY) {
        bool start = dw_str_eq(key.text, DW_STR("start"));
        if (dw_json_next(j, &t) < 0 || !take_time(&t, start ? &f->window_start_ns : &f->window_end_ns))
            return false;
    }
    return key.type == DW_JSON_OBJECT_END;
}

static bool take_value(const struct dw_json_token *t, double *ret)
{
    char text[64], *end = NULL;
    if (t->type != DW_JSON_NUMBER || t->text.len >= sizeof text)
        return t->type == DW_JSON_NULL;
    memcpy(text, t->text.ptr, t->text.len);
    text[t->text.len] = '\0';
    *ret = strtod(text, &end);
    return *end == '\0';
}

/* The values that were new, each with its length before it; the list has begun. */
static bool take_values(struct dw_json *j, struct evidence_alert *a)
{
    struct dw_json_token t;
    struct dw_buf all = {0}, one = {0};
    bool ok = true;
    while (ok && dw_json_next(j, &t) == DW_OK && t.type == DW_JSON_STRING) {
        dw_buf_reset(&one);
        ok = dw_json_unescape(t.text, &one);
        dw_buf_u32(&all, (uint32_t)one.len);
        dw_buf_str(&all, dw_buf_view(&one));
    }
    ok = ok && t.type == DW_JSON_ARRAY_END && !one.err && !all.err;
    a->anomaly.value_text = ok ? dw_arena_copy(&a->arena, dw_buf_view(&all)) : DW_STR_NONE;
    dw_buf_fini(&all);
    dw_buf_fini(&one);
    return ok && a->anomaly.value_text.ptr;
}

/* What a detector says of itself; its object has begun. */
static bool take_detector(struct dw_json *j, struct evidence_alert *a)
{
    struct dw_anomaly *n = &a->anomaly;
    n->database = a->places.hash;
    const struct {
        struct dw_str name;
        double *at;
    } numbers[] = {{DW_STR("value"), &n->value}, {DW_STR("count"), &n->value}, {DW_STR("baseline"), &n->baseline}, {DW_STR("spread"), &n->spread}, {DW_STR("score"), &n->score},
        {DW_STR("speed"), &n->value}, {DW_STR("km"), &n->spread}, {DW_STR("seconds"), &n->score}};
    struct dw_json_token key, t;
    bool ok = true;
    while (ok && dw_json_next(j, &key) == DW_OK && key.type == DW_JSON_KEY) {
        uint64_t spans = 0;
        ok = dw_json_next(j, &t) == DW_OK;
        if (ok && t.type == DW_JSON_ARRAY)
            ok = take_values(j, a);
        else if (ok && dw_str_eq(key.text, DW_STR("feature")))
            ok = take_text(&t, a, &n->feature);
        else if (ok && dw_str_eq(key.text, DW_STR("database")))
            ok = t.type == DW_JSON_STRING && dw_unhex(t.text, a->places.hash, sizeof a->places.hash);
        else if (ok && dw_str_eq(key.text, DW_STR("spans")))
            ok = dw_str_u64(t.text, &spans) && spans <= UINT32_MAX;
        n->spans = spans ? (uint32_t)spans : n->spans;
        for (size_t i = 0; ok && i < DW_COUNT_OF(numbers); i++)
            if (dw_str_eq(key.text, numbers[i].name) && t.type != DW_JSON_ARRAY)
                ok = take_value(&t, numbers[i].at);
    }
    return ok && key.type == DW_JSON_OBJECT_END;
}

/* One member of the finding that matters here. */
static bool take_member(struct dw_json *j, struct dw_str key, const struct dw_json_token *t, struct evidence_alert *a)
{
    struct dw_finding *f = &a->finding;
    bool object = t->type == DW_JSON_OBJECT, array = t->type == DW_JSON_ARRAY;
    if (dw_str_eq(key, DW_STR("@timestamp")))
        return take_time(t, &f->time_ns);
    if (dw_str_eq(key, DW_STR("update")))
        f->update = t->type == DW_JSON_TRUE;
    else if (dw_str_eq(key, DW_STR("calm")))
        f->calm = t->type == DW_JSON_STRING;
    else if (dw_str_eq(key, DW_STR("cause")))
        return t->type == DW_JSON_STRING && take_ref(t->text, &f->cause);
    else if (dw_str_eq(key, DW_STR("value")))
        return take_value(t, &f->value);
    else if (dw_str_eq(key, DW_STR("total")))
        return t->type == DW_JSON_NUMBER && dw_str_u64(t->text, &f->total);
    else if (dw_str_eq(key, DW_STR("key")) && object)
        return take_key(j, a);
    else if (dw_str_eq(key, DW_STR("window")) && object)
        return take_window(j, f);
    else if (dw_str_eq(key, DW_STR("detector")) && object)
        return take_detector(j, a);
    else if (dw_str_eq(key, DW_STR("first")) && array)
        return take_ids(j, a->first, &f->first_count);
    else if (dw_str_eq(key, DW_STR("last")) && array)
        return take_ids(j, a->last, &f->last_count);
    else if (object || array)
        return dw_json_skip(j) == DW_OK;
    return true;
}

static bool take_finding(struct dw_str doc, struct evidence_alert *a)
{
    struct dw_json j;
    struct dw_json_token key, t;
    dw_json_start(&j, doc);
    if (dw_json_next(&j, &t) < 0 || t.type != DW_JSON_OBJECT)
        return false;
    while (dw_json_next(&j, &key) == DW_OK && key.type == DW_JSON_KEY)
        if (dw_json_next(&j, &t) < 0 || !take_member(&j, key.text, &t, a))
            return false;
    return key.type == DW_JSON_OBJECT_END && a->finding.first_count > 0;
}

int evidence_alert_read(struct dw_str line, struct evidence_alert *ret)
{
    uint8_t id[DW_SHA256_BYTES];
    *ret = (struct evidence_alert){0};
    dw_arena_init(&ret->arena, 0);
    if (!dw_raised_read(line, &ret->arena, &ret->alert) || !dw_unhex(dw_str_of(ret->alert.id), id, sizeof id) || !take_finding(ret->alert.doc, ret))
        return DW_ESYNTAX;
    ret->finding.key_value = ret->key_value;
    ret->finding.first = ret->first;
    ret->finding.last = ret->last;
    dw_explain_logic_of(ret->alert.doc, ret->logic);
    dw_evidence_of(ret->alert.doc, &ret->named);
    return DW_OK;
}

bool evidence_alert_names_all(const struct evidence_alert *a)
{
    return a->finding.total == (uint64_t)a->finding.first_count + a->finding.last_count;
}

int evidence_alert_line(const struct evidence_alert *a, const struct dw_ruleset *rules, uint32_t rule, const struct dw_event *ev, struct dw_buf *out)
{
    struct dw_raised raised = {0};
    struct dw_finding f = a->finding;
    const struct dw_rule *r = dw_ruleset_rule(rules, rule);
    f.rule = rule;
    f.event = ev;
    f.anomaly = r->corr && dw_is_detector(r->corr->type) ? &a->anomaly : NULL;
    f.key_name = r->corr ? r->corr->group_name : NULL;
    if (f.key_count != (r->corr ? r->corr->group_count : 0))
        return DW_ESYNTAX;
    int rc = dw_finding_id_of(r->id, f.key_value, f.key_count, &f.cause, f.id);
    if (rc == DW_OK)
        rc = dw_raised_of_finding(&raised, rules, &f);
    if (rc == DW_OK)
        dw_raised_line(&raised.alert, out);
    dw_raised_fini(&raised);
    return rc < 0 ? rc : out->err;
}
