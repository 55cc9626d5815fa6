/*
 * event_json: one JSON object as an event.
 *
 * Invariants:
 *   (1) What is matched, keywords included, never holds a member whose name begins with `_`.
 *   (2) Names are kept as written in Sigma's mode; Windows events may come as Event.System and Event.EventData.
 */
#include "event_json.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/timestamp.h"

#include <stdlib.h>

/* What stands around the event in the object. */
struct outside {
    struct dw_str raw, original, time;
    bool has_number, time_is_number;
    int64_t number;
};

static bool is_time_name(struct dw_str name)
{
    static const char *const names[] = {"@timestamp", "_ts", "ts", "timestamp", "_time"};
    for (size_t i = 0; i < DW_COUNT_OF(names); i++)
        if (dw_str_eq(name, dw_str_of(names[i])))
            return true;
    return false;
}

/* Text of a string token; an empty view without memory. */
static struct dw_str text_of(struct event_json *e, const struct dw_json_token *tok)
{
    struct dw_buf text = {0};
    struct dw_str copy = tok->text;
    if (tok->escaped) {
        bool ok = dw_json_unescape(tok->text, &text) && !text.err;
        copy = ok ? dw_arena_copy(&e->pool, dw_buf_view(&text)) : DW_STR_NONE;
        dw_buf_fini(&text);
    }
    return copy;
}

/* Passes over what is left of the value that `tok` began. */
static int skip_value(struct dw_json *j, const struct dw_json_token *tok)
{
    return tok->type == DW_JSON_OBJECT || tok->type == DW_JSON_ARRAY ? dw_json_skip(j) : DW_OK;
}

static void look(struct event_json *e, struct dw_str name, const struct dw_json_token *tok, struct outside *o)
{
    bool scalar = tok->type == DW_JSON_STRING || tok->type == DW_JSON_NUMBER;
    if (dw_str_eq(name, DW_STR("_raw")) && tok->type == DW_JSON_STRING)
        o->raw = text_of(e, tok);
    else if (dw_str_eq(name, DW_STR("event.original")) && tok->type == DW_JSON_STRING)
        o->original = text_of(e, tok);
    else if (dw_str_eq(name, DW_STR("i")) && tok->type == DW_JSON_NUMBER)
        o->has_number = dw_str_i64(tok->text, &o->number);
    else if (scalar && is_time_name(name) && (!o->time.ptr || dw_str_eq(name, DW_STR("@timestamp")))) {
        o->time = text_of(e, tok);
        o->time_is_number = tok->type == DW_JSON_NUMBER;
    }
}

/* event.original inside a nested `event` object. */
static int look_inside(struct event_json *e, struct dw_str object, struct outside *o)
{
    struct dw_json j;
    struct dw_json_token tok;
    dw_json_start(&j, object);
    int rc = dw_json_next(&j, &tok);
    while (rc == DW_OK && (rc = dw_json_next(&j, &tok)) == DW_OK && tok.type == DW_JSON_KEY) {
        struct dw_str name = tok.text;
        rc = dw_json_next(&j, &tok);
        if (rc == DW_OK && tok.type == DW_JSON_STRING && dw_str_eq(name, DW_STR("original")))
            o->original = text_of(e, &tok);
        if (rc == DW_OK)
            rc = skip_value(&j, &tok);
    }
    return rc;
}

/* Copies the members that are part of the event, and notes the others. */
static int strip(struct event_json *e, struct dw_str line, struct dw_buf *out, struct outside *o)
{
    struct dw_json j;
    struct dw_json_token tok;
    dw_json_start(&j, line);
    int rc = dw_json_next(&j, &tok);
    if (rc == DW_OK && tok.type != DW_JSON_OBJECT)
        rc = DW_ESYNTAX;
    dw_buf_byte(out, '{');
    while (rc == DW_OK && (rc = dw_json_next(&j, &tok)) == DW_OK && tok.type == DW_JSON_KEY) {
        const char *from = tok.text.ptr - 1;
        struct dw_str name = tok.text;
        if ((rc = dw_json_next(&j, &tok)) < 0)
            break;
        look(e, name, &tok, o);
        struct dw_json_token value = tok;
        const char *begin = j.at;
        rc = skip_value(&j, &tok);
        if (rc == DW_OK && value.type == DW_JSON_OBJECT && dw_str_eq(name, DW_STR("event")))
            rc = look_inside(e, dw_str_make(begin - 1, (size_t)(j.at - begin) + 1), o);
        if (rc < 0 || (name.len && name.ptr[0] == '_') || dw_str_eq(name, DW_STR("i")))
            continue;
        if (out->len > 1)
            dw_buf_byte(out, ',');
        dw_buf_str(out, dw_str_make(from, (size_t)(j.at - from)));
    }
    dw_buf_byte(out, '}');
    if (rc == DW_OK)
        rc = dw_json_next(&j, &tok); /* refuses text after the object */
    return rc < 0 ? rc : out->err;
}

static bool strip_prefix(struct dw_str *s, const char *prefix)
{
    struct dw_str p = dw_str_of(prefix);
    if (!dw_str_starts(*s, p))
        return false;
    *s = dw_str_slice(*s, p.len, s->len);
    return true;
}

/* Windows' own nesting to the names that Sigma rules use. */
static bool sigma_name(void *arg, struct dw_draft *d, struct dw_str name, const struct dw_field *value)
{
    struct dw_field f = *value;
    (void)arg;
    if (!strip_prefix(&name, "Event.EventData.") && !strip_prefix(&name, "Event.UserData."))
        (void)strip_prefix(&name, "Event.System.");
    if (dw_str_eq(name, DW_STR("Provider.#attributes.Name")))
        name = DW_STR("Provider_Name");
    else if (dw_str_eq(name, DW_STR("EventID.#text")))
        name = DW_STR("EventID");
    if (dw_keys_intern_passing(d->keys, name, &f.key) == DW_OK)
        dw_draft_field(d, f);
    return true;
}

static int64_t number_time(struct dw_str text)
{
    char copy[40];
    if (text.len == 0 || text.len >= sizeof copy)
        return 0;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end = NULL;
    double v = strtod(copy, &end);
    if (*end || !(v > -9e9 && v < 9e12))
        return 0;
    return (int64_t)((v >= 1e11 ? v / 1e3 : v) * 1e9); /* over 1e11: milliseconds */
}

static int64_t time_of(struct dw_str text, bool number)
{
    int64_t ns = 0;
    if (number || text.len == 0)
        return number_time(text);
    const struct dw_time_ref utc = {.now_ns = 0};
    if (dw_time_parse(text, &utc, &ns) < 0)
        ns = number_time(text);
    return ns;
}

int event_json_read(struct event_json *e, struct dw_str line, int64_t line_number)
{
    struct dw_buf kept = {0};
    struct outside o = {.number = 0};
    dw_arena_reset(&e->pool);
    int rc = strip(e, line, &kept, &o);
    struct dw_str json = rc == DW_OK ? dw_arena_copy(&e->pool, dw_buf_view(&kept)) : DW_STR_NONE;
    dw_buf_fini(&kept);
    if (rc == DW_OK && !json.ptr)
        rc = DW_ENOMEM;
    if (rc < 0)
        return rc;
    struct dw_draft d = {.keys = e->keys, .pool = &e->pool, .field = e->field};
    struct dw_flatten how = {.hook = e->sigma ? sigma_name : NULL};
    dw_draft_reset(&d, json);
    rc = dw_flatten_json(&d, json, &how);
    if (rc < 0)
        return rc;
    e->number = o.has_number ? o.number : line_number;
    e->ev = (struct dw_event){
        .field = e->field, .field_count = d.field_count, .time_ns = time_of(o.time, o.time_is_number)};
    e->ev.line = o.raw.ptr ? o.raw : o.original.ptr ? o.original : json;
    e->ev.start = (uint64_t)line_number;
    e->ev.stream = &e->stream;
    return DW_OK;
}
