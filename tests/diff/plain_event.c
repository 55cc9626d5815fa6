/*
 * plain_event: what a rule finds under a name in an event, what keywords are looked for in, and which logsources an event is of.
 */
#include "plain.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"

#include <stdio.h>

enum { NAMES_MAX = 32 };

static const struct {
    const char *scope, *sigma, *ecs;
} rows[] = {
#define SIGMA_FIELD(scope, sigma, ecs) {scope, sigma, ecs},
#define SIGMA_PREFIX(scope, prefix)
#include "dogwatch/tbl/sigma_fields.h"
#undef SIGMA_FIELD
#undef SIGMA_PREFIX
};
static const struct {
    const char *scope, *prefix;
} prefixes[] = {
#define SIGMA_FIELD(scope, sigma, ecs)
#define SIGMA_PREFIX(scope, prefix) {scope, prefix},
#include "dogwatch/tbl/sigma_fields.h"
#undef SIGMA_FIELD
#undef SIGMA_PREFIX
};
static const struct {
    const char *dataset, *category, *product, *service;
} datasets[] = {
#define LOGSOURCE(dataset, category, product, service) {dataset, category, product, service},
#include "dogwatch/tbl/logsources.h"
#undef LOGSOURCE
};
static const struct {
    const char *channel, *service;
} channels[] = {
#define WINDOWS_CHANNEL(channel, service) {channel, service},
#define WINDOWS_EVENT(service, id, category)
#include "dogwatch/tbl/windows_logsources.h"
#undef WINDOWS_CHANNEL
#undef WINDOWS_EVENT
};
static const struct {
    const char *service, *id, *category;
} windows_events[] = {
#define WINDOWS_CHANNEL(channel, service)
#define WINDOWS_EVENT(service, id, category) {service, id, category},
#include "dogwatch/tbl/windows_logsources.h"
#undef WINDOWS_CHANNEL
#undef WINDOWS_EVENT
};

/* ---- names ---- */

static bool in_scope(const struct plain_rule_names *rule, const char *scope)
{
    return dw_str_ieq(dw_str_of(scope), rule->product) || dw_str_ieq(dw_str_of(scope), rule->service);
}

/* All names that a field of a rule may have in an event, the best first. */
static size_t names_of(struct plain *p, const struct plain_rule_names *rule, struct dw_str name, struct dw_str out[NAMES_MAX])
{
    size_t n = 0;
    out[n++] = name;
    for (int general = 0; general < 2; general++) {
        for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
            struct dw_str rest = dw_str_of(rows[i].ecs);
            bool mine = general ? !rows[i].scope[0] : rows[i].scope[0] && in_scope(rule, rows[i].scope);
            while (mine && dw_str_eq(dw_str_of(rows[i].sigma), name) && rest.ptr && n < NAMES_MAX)
                out[n++] = dw_str_cut(&rest, '|');
        }
    }
    for (size_t i = 0; i < DW_COUNT_OF(prefixes) && n < NAMES_MAX; i++) {
        struct dw_buf full = {0};
        if (!in_scope(rule, prefixes[i].scope) || dw_str_starts(name, dw_str_of(prefixes[i].prefix)))
            continue;
        dw_buf_str(&full, dw_str_of(prefixes[i].prefix));
        dw_buf_str(&full, name);
        out[n++] = dw_arena_copy(&p->mem, dw_buf_view(&full));
        dw_buf_fini(&full);
    }
    return n;
}

/* ---- values ---- */

static struct dw_str text_of(struct plain *p, const struct dw_field *f)
{
    char text[64];
    double v = f->v.f;
    switch (f->kind) {
    case DW_K_BOOL: return f->v.i ? DW_STR("true") : DW_STR("false");
    case DW_K_INT: (void)snprintf(text, sizeof text, "%lld", (long long)f->v.i); return dw_arena_copy(&p->mem, dw_str_of(text));
    case DW_K_NUMBER: /* as a program of JSON wrote it: whole numbers stay as they are */
        if (dw_str_index(dw_field_str(f), '.') == f->len && dw_str_index(dw_field_str(f), 'e') == f->len &&
            dw_str_index(dw_field_str(f), 'E') == f->len)
            return dw_field_str(f);
        if (!plain_number(dw_field_str(f), &v))
            return dw_field_str(f);
        break;
    case DW_K_FLOAT: break;
    default: return dw_field_str(f);
    }
    /* the decimal form, which a scalar of YAML has too */
    (void)snprintf(text, sizeof text, "%.17g", v);
    struct dw_yaml scalar = {.kind = DW_YAML_SCALAR, .plain = true, .text = dw_str_of(text)};
    struct dw_str canonical;
    return plain_canonical(p, &scalar, &canonical) ? canonical : dw_arena_copy(&p->mem, dw_str_of(text));
}

static void append(struct plain *p, struct plain_value **first, struct dw_str text, uint32_t elem)
{
    struct plain_value *v = dw_arena_alloc(&p->mem, sizeof *v);
    DW_ASSERT(v);
    *v = (struct plain_value){.text = text, .elem = elem};
    while (*first)
        first = &(*first)->next;
    *first = v;
}

static struct plain_value *values_under(struct plain *p, const struct dw_field *field, uint32_t count, struct dw_str name)
{
    struct plain_value *all = NULL;
    for (uint32_t i = 0; i < count; i++)
        if (dw_str_eq(dw_keys_name(p->keys, field[i].key), name))
            append(p, &all, text_of(p, &field[i]), field[i].elem);
    return all;
}

static bool is_json(struct dw_str line)
{
    return line.len && line.ptr[0] == '{';
}

/* Names that are there without a field. */
static struct plain_value *implied(struct plain *p, struct dw_str name, const struct dw_event *ev)
{
    struct plain_value *all = NULL;
    if (dw_str_eq(name, DW_STR("event.original")) || (dw_str_eq(name, DW_STR("message")) && !is_json(ev->line)))
        append(p, &all, ev->line, 0);
    if (dw_str_eq(name, DW_STR("@timestamp")))
        append(p, &all, plain_time_text(p, ev->time_ns), 0);
    return all;
}

/* Percent and plus taken off once. */
static struct dw_str decoded_once(struct plain *p, struct dw_str s)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    char *out = dw_arena_alloc(&p->mem, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *high = i + 2 < s.len && s.ptr[i + 1] ? strchr(digits, s.ptr[i + 1]) : NULL;
        const char *low = high && s.ptr[i + 2] ? strchr(digits, s.ptr[i + 2]) : NULL;
        if (s.ptr[i] == '%' && low) {
            out[n++] = (char)((high - digits) % 16 * 16 + (low - digits) % 16);
            i += 2;
        } else {
            out[n++] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        }
    }
    return dw_str_make(out, n);
}

struct plain_value *plain_values(struct plain *p, const struct plain_rule_names *rule, struct dw_str name, bool decoded, const struct dw_event *ev,
    struct dw_str *ret_name)
{
    struct dw_str names[NAMES_MAX];
    size_t count = names_of(p, rule, name, names);
    struct plain_value *all = NULL;
    *ret_name = DW_STR("");
    for (size_t i = 0; i < count && !all; i++) {
        all = values_under(p, ev->field, ev->field_count, names[i]);
        if (!all && ev->stream)
            all = values_under(p, ev->stream->field, ev->stream->field_count, names[i]);
        if (all)
            *ret_name = names[i];
        else
            all = implied(p, names[i], ev);
    }
    struct plain_value *last = all;
    while (last && last->next)
        last = last->next;
    for (struct plain_value *v = all; decoded && v; v = v == last ? NULL : v->next) {
        struct dw_str once = decoded_once(p, v->text);
        append(p, &all, once, v->elem);
        append(p, &all, decoded_once(p, once), v->elem);
    }
    return all;
}

struct plain_value *plain_line(struct plain *p, const struct dw_event *ev)
{
    struct plain_value *all = NULL;
    struct dw_json j;
    struct dw_json_token t = {.type = DW_JSON_NULL};
    dw_json_start(&j, ev->line);
    int rc = dw_json_next(&j, &t);
    bool json = rc == DW_OK && (t.type == DW_JSON_OBJECT || t.type == DW_JSON_ARRAY);
    while (json && rc == DW_OK && t.type != DW_JSON_END) {
        rc = dw_json_next(&j, &t);
        if (rc < 0 || (t.type != DW_JSON_STRING && t.type != DW_JSON_NUMBER))
            continue;
        struct dw_buf text = {0};
        bool good = t.escaped && dw_json_unescape(t.text, &text);
        append(p, &all, good ? dw_arena_copy(&p->mem, dw_buf_view(&text)) : t.text, 0);
        dw_buf_fini(&text);
    }
    if (!json || rc < 0) /* text; or broken JSON, which is taken whole besides what came before the break */
        append(p, &all, ev->line, 0);
    return all;
}

/* ---- arrays ---- */

static bool is_ecs_list(struct dw_str name)
{
#define FIELD(id, ecs, type, list, doc) \
    if ((list) && dw_str_eq(name, dw_str_of(ecs))) \
        return true;
#include "dogwatch/tbl/fields.h"
#undef FIELD
    return false;
}

bool plain_tied(const struct plain *p, const struct dw_event *ev, struct dw_str a, struct dw_str b)
{
    size_t common = 0;
    bool direct = false;
    if (dw_str_eq(a, b))
        return true;
    if (is_ecs_list(a) || is_ecs_list(b))
        return false;
    for (size_t i = 0; i < a.len && i < b.len && a.ptr[i] == b.ptr[i]; i++)
        common = a.ptr[i] == '.' ? i + 1 : common;
    for (uint32_t i = 0; common && i < ev->field_count; i++) {
        struct dw_str name = dw_keys_name(p->keys, ev->field[i].key);
        if (!dw_str_starts(name, dw_str_slice(a, 0, common)))
            continue;
        if (!ev->field[i].elem)
            return false;
        direct = direct || !memchr(name.ptr + common, '.', name.len - common);
    }
    return direct;
}

/* ---- logsources ---- */

static bool has_parts(const struct plain_rule_names *l, const char *category, struct dw_str product, struct dw_str service)
{
    return (!l->category.len || dw_str_ieq(l->category, dw_str_of(category))) && (!l->product.len || dw_str_ieq(l->product, product)) &&
           (!l->service.len || dw_str_ieq(l->service, service));
}

static struct dw_str first_text(struct plain *p, const struct dw_event *ev, const char *const *name)
{
    for (; *name; name++)
        for (uint32_t i = 0; i < ev->field_count; i++)
            if (dw_str_eq(dw_keys_name(p->keys, ev->field[i].key), dw_str_of(*name)))
                return text_of(p, &ev->field[i]);
    return DW_STR_NONE;
}

static bool takes_windows(const struct plain_rule_names *l, struct dw_str channel, struct dw_str id)
{
    const char *service = "";
    for (size_t i = 0; i < DW_COUNT_OF(channels); i++)
        if (dw_str_ieq(dw_str_of(channels[i].channel), channel))
            service = channels[i].service;
    if (has_parts(l, "", DW_STR("windows"), dw_str_of(service)))
        return true;
    for (size_t i = 0; i < DW_COUNT_OF(windows_events); i++)
        if (strcmp(windows_events[i].service, service) == 0 && dw_str_eq(dw_str_of(windows_events[i].id), id) &&
            has_parts(l, windows_events[i].category, DW_STR("windows"), dw_str_of(service)))
            return true;
    return false;
}

bool plain_takes(struct plain *p, const struct plain_rule_names *l, const struct dw_event *ev)
{
    static const char *const channel_names[] = {"winlog.channel", "Channel", NULL};
    static const char *const id_names[] = {"winlog.event_id", "EventID", "event.code", NULL}, *const dataset_names[] = {"event.dataset", NULL};
    struct dw_str channel = first_text(p, ev, channel_names), dataset = first_text(p, ev, dataset_names);
    if (!l->category.len && !l->product.len && !l->service.len)
        return true;
    if (channel.ptr && takes_windows(l, channel, first_text(p, ev, id_names)))
        return true;
    for (size_t i = 0; i < DW_COUNT_OF(datasets); i++)
        if (dw_str_eq(dw_str_of(datasets[i].dataset), dataset) &&
            has_parts(l, datasets[i].category, dw_str_of(datasets[i].product), dw_str_of(datasets[i].service)))
            return true;
    struct dw_str service = dataset, product = dw_str_cut(&service, '.');
    return dataset.len && !l->category.len && has_parts(l, "", product, service.ptr ? service : DW_STR(""));
}
