/*
 * event_json: one JSON object as an event.
 *
 * Invariants:
 *   (1) What is matched, keywords included, never holds a member whose name begins with `_`, nor `i`.
 *   (2) Names are kept as written in Sigma's mode; Windows events may come as Event.System and Event.EventData.
 */
#include "event_json.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/timestamp.h"

#include <stdlib.h>

enum { VALUE_MAX = 1 << 20 }; /* a line in `_raw` is longer than most values */

/* What stands around the event in the object, found on the way through it. */
struct outside {
    struct event_json *e;
    struct dw_str raw, original, time;
    bool has_number, time_is_number, time_is_stamp; /* stamp: its name is @timestamp, which goes before all others */
    bool dropped;                                   /* a member is no part of the event */
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

static void look(struct outside *o, struct dw_str name, const struct dw_field *value)
{
    bool number = value->kind == DW_K_NUMBER, text = dw_field_is_text(value) && !number;
    bool stamp = dw_str_eq(name, DW_STR("@timestamp"));
    if (text && dw_str_eq(name, DW_STR("_raw")))
        o->raw = dw_field_str(value);
    else if (text && dw_str_eq(name, DW_STR("event.original")))
        o->original = dw_field_str(value);
    else if (number && dw_str_eq(name, DW_STR("i")))
        o->has_number = dw_str_i64(dw_field_str(value), &o->number);
    else if ((text || number) && is_time_name(name) && (!o->time.ptr || (stamp && !o->time_is_stamp))) {
        o->time = dw_field_str(value);
        o->time_is_number = number;
        o->time_is_stamp = stamp;
    }
}

static bool strip_prefix(struct dw_str *s, const char *prefix)
{
    struct dw_str p = dw_str_of(prefix);
    if (!dw_str_starts(*s, p))
        return false;
    *s = dw_str_slice(*s, p.len, s->len);
    return true;
}

/* Whether a member is no part of the event. */
static bool is_outside(struct dw_str name)
{
    return name.len && (name.ptr[0] == '_' || (name.ptr[0] == 'i' && (name.len == 1 || name.ptr[1] == '.')));
}

/* Windows' own nesting to the names that Sigma rules use. */
static struct dw_str sigma_name(struct dw_str name)
{
    if (!strip_prefix(&name, "Event.EventData.") && !strip_prefix(&name, "Event.UserData."))
        (void)strip_prefix(&name, "Event.System.");
    return dw_str_eq(name, DW_STR("Provider.#attributes.Name")) ? DW_STR("Provider_Name")
           : dw_str_eq(name, DW_STR("EventID.#text"))           ? DW_STR("EventID")
                                                                : name;
}

static bool on_value(void *arg, struct dw_draft *d, struct dw_str name, const struct dw_field *value)
{
    struct outside *o = arg;
    struct dw_field f = *value;
    look(o, name, value);
    if (is_outside(name)) {
        o->dropped = true;
        return true;
    }
    if (!o->e->sigma)
        return false;
    if (dw_keys_intern_passing(d->keys, sigma_name(name), &f.key) == DW_OK)
        dw_draft_field(d, f);
    return true;
}

/* The object without the members that are no part of the event. */
static int strip(struct dw_str line, struct dw_buf *out)
{
    struct dw_json j;
    struct dw_json_token tok;
    dw_json_start(&j, line);
    int rc = dw_json_next(&j, &tok);
    dw_buf_byte(out, '{');
    while (rc == DW_OK && (rc = dw_json_next(&j, &tok)) == DW_OK && tok.type == DW_JSON_KEY) {
        const char *from = tok.text.ptr - 1;
        bool drop = is_outside(tok.text);
        rc = dw_json_next(&j, &tok);
        if (rc == DW_OK && (tok.type == DW_JSON_OBJECT || tok.type == DW_JSON_ARRAY))
            rc = dw_json_skip(&j);
        if (rc < 0 || drop)
            continue;
        dw_buf_str(out, out->len > 1 ? DW_STR(",") : DW_STR(""));
        dw_buf_str(out, dw_str_make(from, (size_t)(j.at - from)));
    }
    dw_buf_byte(out, '}');
    return rc < 0 ? rc : out->err;
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

/* What keywords are looked for in, where no line is given: the object, without what is no part of the event. */
static int line_of(struct event_json *e, struct dw_str object, bool dropped, struct dw_str *ret)
{
    struct dw_buf kept = {0};
    int rc = dropped ? strip(object, &kept) : DW_OK;
    *ret = rc < 0 || !dropped ? object : dw_arena_copy(&e->pool, dw_buf_view(&kept));
    dw_buf_fini(&kept);
    return rc == DW_OK && !ret->ptr ? DW_ENOMEM : rc;
}

int event_json_read(struct event_json *e, struct dw_str line, int64_t line_number)
{
    struct outside o = {.e = e};
    dw_arena_reset(&e->pool);
    struct dw_draft d = {.keys = e->keys, .pool = &e->pool, .field = e->field};
    dw_draft_reset(&d, line);
    int rc = dw_flatten_json(&d, line, &(struct dw_flatten){.hook = on_value, .arg = &o, .value_max = VALUE_MAX});
    if (rc < 0)
        return rc;
    e->number = o.has_number ? o.number : line_number;
    e->ev = (struct dw_event){
        .field = e->field, .field_count = d.field_count, .time_ns = time_of(o.time, o.time_is_number)};
    e->ev.line = o.raw.ptr ? o.raw : o.original;
    e->ev.start = (uint64_t)line_number;
    e->ev.stream = &e->stream;
    return e->ev.line.ptr ? DW_OK : line_of(e, line, o.dropped, &e->ev.line);
}
