/*
 * finding: what a rule found, its id, and its form as an ECS document.
 *
 * Invariant: (1) the id is SHA-256 over rule id, key and cause, so the same finding has the same id on every replay.
 */
#include "window_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/event/timestamp.h"

#include <stdio.h>

void dw_event_ref_text(const struct dw_event_ref *r, char out[DW_EVENT_ID_TEXT])
{
    dw_hex(r->stream, DW_ID_BYTES, out);
    (void)snprintf(out + 2 * DW_ID_BYTES, DW_EVENT_ID_TEXT - 2 * DW_ID_BYTES, "-%llu", (unsigned long long)r->start);
}

void dw__hash16(struct dw_str a, struct dw_str b, uint8_t ret[DW__HASH_BYTES])
{
    uint8_t full[DW_SHA256_BYTES];
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_start(h);
    dw_sha256_add_str(h, a);
    dw_sha256_add_str(h, b);
    dw_sha256_end(h, full);
    dw_sha256_free(h);
    memcpy(ret, full, DW__HASH_BYTES);
}

void dw__finding_id(
    struct dw_str rule_id, struct dw_str key, const struct dw_event_ref *cause, uint8_t ret[DW_SHA256_BYTES])
{
    char id[DW_EVENT_ID_TEXT];
    struct dw_sha256 *h = dw_sha256_new();
    dw_event_ref_text(cause, id);
    dw_sha256_start(h);
    dw_sha256_add_str(h, DW_STR("dw-finding-1"));
    dw_sha256_add_str(h, rule_id);
    dw_sha256_add_str(h, key);
    dw_sha256_add_str(h, dw_str_of(id));
    dw_sha256_end(h, ret);
    dw_sha256_free(h);
}

void dw_finding_key(const struct dw_str *key_value, uint32_t key_count, struct dw_buf *out)
{
    for (uint32_t i = 0; i < key_count; i++) {
        dw_buf_u32(out, (uint32_t)key_value[i].len);
        dw_buf_str(out, key_value[i]);
    }
}

int dw_finding_id_of(
    struct dw_str rule_id, const struct dw_str *key_value, uint32_t key_count, const struct dw_event_ref *cause, uint8_t ret[DW_SHA256_BYTES])
{
    struct dw_buf key = {0};
    dw_finding_key(key_value, key_count, &key);
    int rc = key.err;
    if (rc == DW_OK)
        dw__finding_id(rule_id, dw_buf_view(&key), cause, ret);
    dw_buf_fini(&key);
    return rc;
}

void dw_finding_single(
    const struct dw_ruleset *rs, uint32_t rule, const struct dw_event *ev, dw_emit_finding *emit, void *ud)
{
    struct dw_finding f = {.rule = rule,
        .event = ev,
        .silent = dw_ruleset_rule(rs, rule)->silent,
        .time_ns = ev->time_ns,
        .window_start_ns = ev->time_ns,
        .window_end_ns = ev->time_ns,
        .value = 1,
        .total = 1,
        .first_count = 1};
    if (ev->stream)
        memcpy(f.cause.stream, ev->stream->id, DW_ID_BYTES);
    f.cause.start = ev->start;
    f.first = &f.cause;
    dw__finding_id(dw_ruleset_rule(rs, rule)->id, DW_STR(""), &f.cause, f.id);
    emit(ud, &f);
}

static const struct {
    const char *name, *object, *member, *doc;
    uint32_t key;
    bool links;
} entities[] = {
#define ENTITY(field, object, member, links, doc) {#object "." #member, #object, #member, doc, DW_F_##field, links},
#include "dogwatch/tbl/entities.h"
#undef ENTITY
};

const char *dw_entity_name(enum dw_entity e)
{
    return entities[e].name;
}

uint32_t dw_entity_field(enum dw_entity e)
{
    return entities[e].key;
}

bool dw_entity_links(enum dw_entity e)
{
    return entities[e].links;
}

const char *dw_entity_doc(enum dw_entity e)
{
    return entities[e].doc;
}

struct dw_str dw_finding_entity(const struct dw_finding *f, enum dw_entity e)
{
    const struct dw_field *field = f->event ? dw_event_find(f->event, entities[e].key) : NULL;
    if (field && dw_field_is_text(field) && dw_field_str(field).len)
        return dw_field_str(field);
    for (uint32_t i = 0; i < f->key_count; i++)
        if (dw_str_eq(f->key_name[i], dw_str_of(entities[e].name)) && f->key_value[i].len)
            return f->key_value[i];
    return DW_STR_NONE;
}

static void put_name(struct dw_buf *out, const char *name)
{
    dw_buf_printf(out, ",\"%s\":", name);
}

static void put_time(struct dw_buf *out, int64_t ns)
{
    char text[DW_TIME_TEXT];
    dw_time_format(ns, text);
    dw_buf_printf(out, "\"%s\"", text);
}

static void put_ids(struct dw_buf *out, const struct dw_event_ref *ids, uint32_t count)
{
    dw_buf_byte(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        char id[DW_EVENT_ID_TEXT];
        dw_event_ref_text(&ids[i], id);
        dw_buf_printf(out, "%s\"%s\"", i ? "," : "", id);
    }
    dw_buf_byte(out, ']');
}

static void put_travel(const struct dw_anomaly *a, struct dw_buf *out)
{
    char hash[2 * DW_SHA256_BYTES + 1];
    put_name(out, "speed");
    dw_json_float(out, a->value);
    put_name(out, "km");
    dw_json_float(out, a->spread);
    put_name(out, "seconds");
    dw_json_float(out, a->score);
    put_name(out, "database");
    dw_hex(a->database, DW_SHA256_BYTES, hash);
    dw_buf_printf(out, "\"%s\"", hash);
}

/* What the detector says: its type, what it looked at, and the past that it judged by. */
static void put_anomaly(const struct dw_anomaly *a, enum dw_corr_type type, struct dw_buf *out)
{
    struct dw_cursor values = dw_cursor_of(a->value_text);
    uint32_t says = dw_detector_says(type);
    bool listed = says & DW_SAYS_VALUES;
    dw_buf_printf(out, ",\"detector\":{\"type\":\"%s\",\"feature\":", dw_corr_type_text(type));
    (void)dw_json_string(out, a->feature);
    put_name(out, "value");
    if (!listed)
        dw_json_float(out, a->value);
    else
        dw_buf_byte(out, '[');
    for (bool first = true; dw_cursor_left(&values) && !values.bad; first = false) {
        dw_buf_str(out, first ? DW_STR("") : DW_STR(","));
        (void)dw_json_string(out, dw_take_bytes(&values, dw_take_u32(&values)));
    }
    dw_buf_str(out, listed ? DW_STR("]") : DW_STR(""));
    put_name(out, "baseline");
    dw_json_float(out, a->baseline);
    if (says & DW_SAYS_COUNT) {
        put_name(out, "count");
        dw_json_float(out, a->value);
    }
    if (says & DW_SAYS_SPREAD) {
        put_name(out, "spread");
        dw_json_float(out, a->spread);
    }
    if (says & (DW_SAYS_SPREAD | DW_SAYS_SCORE)) {
        put_name(out, "score");
        dw_json_float(out, a->score);
    }
    if (says & DW_SAYS_SPREAD)
        dw_buf_printf(out, ",\"spans\":%u", a->spans);
    if (says & DW_SAYS_TRAVEL)
        put_travel(a, out);
    dw_buf_byte(out, '}');
}

static void put_rule(struct dw_buf *out, const struct dw_rule *rule)
{
    char hash[2 * DW_SHA256_BYTES + 1];
    dw_hex(rule->logic_hash, DW_SHA256_BYTES, hash);
    dw_buf_str(out, DW_STR(",\"rule\":{\"id\":"));
    (void)dw_json_string(out, rule->id);
    put_name(out, "name");
    (void)dw_json_string(out, rule->title);
    put_name(out, "level");
    dw_buf_printf(out, "\"%s\"", dw_level_text(rule->level));
    put_name(out, "logic_hash");
    dw_buf_printf(out, "\"%s\",\"tags\":[", hash);
    for (uint32_t i = 0; i < rule->tag_count; i++) {
        dw_buf_str(out, i ? DW_STR(",") : DW_STR(""));
        (void)dw_json_string(out, rule->tag[i]);
    }
    dw_buf_str(out, DW_STR("]}"));
}

static void put_entities(struct dw_buf *out, const struct dw_finding *f)
{
    const char *open = "";
    for (int e = 0; e < DW_ENTITIES; e++) {
        struct dw_str value = dw_finding_entity(f, (enum dw_entity)e);
        if (!value.ptr)
            continue;
        bool same = strcmp(open, entities[e].object) == 0;
        dw_buf_str(out, *open && !same ? DW_STR("}") : DW_STR(""));
        if (same)
            dw_buf_printf(out, ",\"%s\":", entities[e].member);
        else
            dw_buf_printf(out, ",\"%s\":{\"%s\":", entities[e].object, entities[e].member);
        (void)dw_json_string(out, value);
        open = entities[e].object;
    }
    dw_buf_str(out, *open ? DW_STR("}") : DW_STR(""));
}

/* Our own word for a line that its parser refused. */
static bool is_unparsed(const struct dw_event *ev)
{
    bool is = false;
    for (uint32_t i = 0; i < ev->field_count; i++)
        is = is || (ev->field[i].key == DW_F_tags && ev->field[i].kind == DW_K_CONST && dw_str_eq(dw_field_str(&ev->field[i]), DW_STR("unparsed")));
    return is;
}

void dw_finding_json(const struct dw_ruleset *rs, const struct dw_finding *f, struct dw_buf *out)
{
    char id[2 * DW_SHA256_BYTES + 1], cause[DW_EVENT_ID_TEXT];
    const struct dw_rule *rule = dw_ruleset_rule(rs, f->rule);
    dw_hex(f->id, DW_SHA256_BYTES, id);
    dw_event_ref_text(&f->cause, cause);
    dw_buf_str(out, DW_STR("{\"@timestamp\":"));
    put_time(out, f->time_ns);
    dw_buf_printf(out, ",\"event\":{\"kind\":\"alert\",\"id\":\"%s\"}", id);
    put_rule(out, rule);
    put_entities(out, f);
    put_name(out, "update");
    dw_buf_str(out, f->update ? DW_STR("true") : DW_STR("false"));
    put_name(out, "key");
    dw_buf_byte(out, '{');
    for (uint32_t i = 0; i < f->key_count; i++) {
        dw_buf_str(out, i ? DW_STR(",") : DW_STR(""));
        (void)dw_json_string(out, f->key_name[i]);
        dw_buf_byte(out, ':');
        (void)dw_json_string(out, f->key_value[i]);
    }
    dw_buf_str(out, DW_STR("},\"window\":{\"start\":"));
    put_time(out, f->window_start_ns);
    put_name(out, "end");
    put_time(out, f->window_end_ns);
    dw_buf_byte(out, '}');
    if (f->calm) {
        put_name(out, "calm");
        put_time(out, f->window_end_ns);
    }
    dw_buf_printf(out, ",\"cause\":\"%s\",\"value\":", cause);
    dw_json_float(out, f->value);
    if (f->anomaly)
        put_anomaly(f->anomaly, rule->corr->type, out);
    dw_buf_printf(out, ",\"total\":%llu,\"first\":", (unsigned long long)f->total);
    put_ids(out, f->first, f->first_count);
    put_name(out, "last");
    put_ids(out, f->last, f->last_count);
    if (f->event && is_unparsed(f->event))
        dw_buf_str(out, DW_STR(",\"tags\":[\"unparsed_match\"]"));
    dw_buf_byte(out, '}');
}
