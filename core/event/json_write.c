/*
 * json_write: an event as one nested ECS object.
 *
 * Idea: the fields are sorted into the order of output (names of tbl/fields.h by table order, others by their bytes), so
 * writing is one pass that closes and opens objects where the dotted paths part.
 *
 * Invariants:
 *   (1) The output depends only on the event and the names, not on the order of interning.
 *   (2) Every field is written: values under one name form an array, a value whose name is also a prefix keeps its dotted name.
 */
#include "dogwatch/event/json_write.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIELDS_MAX = DW_EVENT_FIELDS_MAX + 256 + 16, PATH_MAX_DEPTH = 64 };

/* Length of the valid UTF-8 sequence at s.ptr[i], 0 when there is none (RFC 3629: no overlongs, no surrogates). */
static size_t utf8_len(struct dw_str s, size_t i)
{
    const unsigned char *p = (const unsigned char *)s.ptr + i;
    size_t left = s.len - i, n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t k = 1; k < n; k++)
        if ((p[k] & 0xC0) != 0x80)
            return 0;
    if (n == 3 && ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] >= 0xA0)))
        return 0;
    if (n == 4 && ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] >= 0x90)))
        return 0;
    return n;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_control(struct dw_buf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *hit = c ? strchr(from, c) : NULL;
    if (hit)
        dw_buf_printf(out, "\\%c", to[hit - from]);
    else
        dw_buf_printf(out, "\\u%04x", c);
}

bool dw_json_string(struct dw_buf *out, struct dw_str s)
{
    bool repaired = false;
    dw_buf_byte(out, '"');
    for (size_t i = 0; i < s.len;) {
        size_t run = i;
        while (run < s.len && is_plain((unsigned char)s.ptr[run]))
            run++;
        dw_buf_add(out, s.ptr + i, run - i);
        i = run;
        if (i == s.len)
            break;
        unsigned char c = (unsigned char)s.ptr[i];
        size_t n = utf8_len(s, i);
        if (c < 0x80) {
            put_control(out, c);
        } else if (n) {
            dw_buf_add(out, s.ptr + i, n);
        } else {
            dw_buf_str(out, DW_STR("\xEF\xBF\xBD"));
            repaired = true;
        }
        i += n ? n : 1;
    }
    dw_buf_byte(out, '"');
    return repaired;
}

static size_t digits_at(struct dw_str s, size_t i)
{
    size_t n = 0;
    while (i + n < s.len && s.ptr[i + n] >= '0' && s.ptr[i + n] <= '9')
        n++;
    return n;
}

bool dw_is_json_number(struct dw_str s)
{
    size_t i = s.len && s.ptr[0] == '-', whole = digits_at(s, i);
    if (whole == 0 || (whole > 1 && s.ptr[i] == '0'))
        return false;
    i += whole;
    if (i < s.len && s.ptr[i] == '.') {
        size_t n = digits_at(s, i + 1);
        if (n == 0)
            return false;
        i += 1 + n;
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        if (i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-'))
            i++;
        size_t n = digits_at(s, i);
        if (n == 0)
            return false;
        i += n;
    }
    return i == s.len;
}

void dw_time_text(struct dw_buf *out, int64_t time_ns)
{
    int64_t s = time_ns / 1000000000, ns = time_ns % 1000000000;
    if (ns < 0) {
        ns += 1000000000;
        s--;
    }
    int64_t days = s / 86400, rest = s % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    /* Days to date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    dw_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", (int)(yoe + era * 400 + (month <= 2)), (int)month, (int)day,
        (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60), (int)ns);
}

struct item {
    struct dw_str name;
    struct dw_field f;
    uint32_t order; /* position in, so that sorting is stable */
};

struct writer {
    const struct dw_keys *keys;
    struct dw_buf *out;
    struct item *item;
    uint32_t count;
    bool repaired;
    /* the path that is open */
    struct dw_str open[PATH_MAX_DEPTH];
    uint32_t depth;
    bool comma;
};

static int by_output(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    bool ta = a->f.key < DW_FIELDS, tb = b->f.key < DW_FIELDS;
    if (ta != tb)
        return ta ? -1 : 1;
    int c = ta ? (a->f.key > b->f.key) - (a->f.key < b->f.key) : dw_str_cmp(a->name, b->name);
    return c ? c : (a->order > b->order) - (a->order < b->order);
}

static void add(struct writer *w, struct dw_field f)
{
    if (w->count == FIELDS_MAX)
        return; /* cannot be: FIELDS_MAX holds an event's and a stream's bounds */
    w->item[w->count] = (struct item){.name = dw_keys_name(w->keys, f.key), .f = f, .order = w->count};
    w->count++;
}

static void add_text(struct writer *w, uint32_t key, struct dw_str s)
{
    add(w, (struct dw_field){.v.ptr = s.ptr, .len = (uint32_t)s.len, .key = key, .kind = DW_K_LITERAL});
}

static void put_value(struct writer *w, const struct dw_field *f)
{
    enum dw_field_type type = dw_field_type(f->key);
    if (dw_field_is_text(f)) {
        struct dw_str s = dw_field_str(f);
        bool number = f->kind == DW_K_NUMBER || ((type == DW_T_LONG || type == DW_T_FLOAT) && dw_is_json_number(s));
        bool truth = type == DW_T_BOOL && (dw_str_eq(s, DW_STR("true")) || dw_str_eq(s, DW_STR("false")));
        if (number || truth)
            dw_buf_str(w->out, s);
        else
            w->repaired |= dw_json_string(w->out, s);
    } else if (f->kind == DW_K_INT) {
        dw_buf_printf(w->out, "%lld", (long long)f->v.i);
    } else if (f->kind == DW_K_BOOL) {
        dw_buf_str(w->out, f->v.i ? DW_STR("true") : DW_STR("false"));
    } else if (f->v.f - f->v.f == 0) {
        dw_buf_printf(w->out, "%.17g", f->v.f);
    } else {
        dw_buf_str(w->out, DW_STR("null")); /* JSON has no infinity */
    }
}

/* Whether `name` is a proper prefix (by dots) of another item's name. */
static bool is_prefix(const struct writer *w, struct dw_str name)
{
    for (uint32_t i = 0; i < w->count; i++) {
        struct dw_str n = w->item[i].name;
        if (n.len > name.len && n.ptr[name.len] == '.' && dw_str_starts(n, name))
            return true;
    }
    return false;
}

static void close_to(struct writer *w, uint32_t depth)
{
    while (w->depth > depth) {
        dw_buf_byte(w->out, '}');
        w->depth--;
        w->comma = true;
    }
}

static void put_name(struct writer *w, struct dw_str name)
{
    if (w->comma)
        dw_buf_byte(w->out, ',');
    w->repaired |= dw_json_string(w->out, name);
    dw_buf_byte(w->out, ':');
    w->comma = false;
}

/* Opens the objects that lead to `name` and writes its last part. */
static void go_to(struct writer *w, struct dw_str name)
{
    uint32_t depth = 0;
    struct dw_str rest = name;
    if (is_prefix(w, name)) { /* a value and an object: the dotted name stands at the top */
        close_to(w, 0);
        put_name(w, name);
        return;
    }
    for (;;) {
        size_t dot = dw_str_index(rest, '.');
        if (dot == rest.len || dot == 0 || depth == PATH_MAX_DEPTH)
            break;
        struct dw_str part = dw_str_slice(rest, 0, dot);
        if (depth < w->depth && !dw_str_eq(w->open[depth], part))
            close_to(w, depth);
        if (depth == w->depth) {
            put_name(w, part);
            dw_buf_byte(w->out, '{');
            w->open[w->depth++] = part;
        }
        depth++;
        rest = dw_str_slice(rest, dot + 1, rest.len);
    }
    close_to(w, depth);
    put_name(w, rest);
}

static void put_items(struct writer *w)
{
    for (uint32_t i = 0; i < w->count;) {
        uint32_t n = 1;
        while (i + n < w->count && w->item[i + n].f.key == w->item[i].f.key)
            n++;
        bool list = n > 1 || w->item[i].f.elem || dw_field_is_list(w->item[i].f.key);
        go_to(w, w->item[i].name);
        if (list)
            dw_buf_byte(w->out, '[');
        for (uint32_t k = 0; k < n; k++) {
            if (k)
                dw_buf_byte(w->out, ',');
            put_value(w, &w->item[i + k].f);
        }
        if (list)
            dw_buf_byte(w->out, ']');
        w->comma = true;
        i += n;
    }
    close_to(w, 0);
}

static void put_extents(struct writer *w, const struct dw_event *ev)
{
    char hex[2 * DW_ID_BYTES + 1];
    if (ev->more_count == 0)
        return;
    dw_hex(ev->stream->id, DW_ID_BYTES, hex);
    dw_buf_printf(w->out, ",\"extents\":[[\"%s\",%llu,%llu]", hex, (unsigned long long)ev->start,
        (unsigned long long)ev->end);
    for (uint32_t i = 0; i < ev->more_count; i++) {
        dw_hex(ev->more[i].stream->id, DW_ID_BYTES, hex);
        dw_buf_printf(w->out, ",[\"%s\",%llu,%llu]", hex, (unsigned long long)ev->more[i].start,
            (unsigned long long)ev->more[i].end);
    }
    dw_buf_byte(w->out, ']');
}

static void put_dogwatch(struct writer *w, const struct dw_event *ev, const struct dw_event_extra *extra)
{
    char hex[2 * DW_ID_BYTES + 1];
    dw_hex(ev->stream->id, DW_ID_BYTES, hex);
    dw_buf_printf(w->out, "%s\"dogwatch\":{\"stream\":\"%s\",\"start\":%llu,\"end\":%llu", w->comma ? "," : "", hex,
        (unsigned long long)ev->start, (unsigned long long)ev->end);
    put_extents(w, ev);
    if (ev->out != DW_OUT_NONE)
        dw_buf_printf(w->out, ",\"out\":\"%s\"", ev->out == DW_OUT_STDERR ? "stderr" : "stdout");
    dw_buf_printf(w->out, ",\"read_at\":\"");
    dw_time_text(w->out, ev->read_at_ns);
    dw_buf_byte(w->out, '"');
    bool masked = false;
    for (uint32_t i = 0; i < ev->field_count; i++) {
        if (ev->field[i].key != DW_F_dogwatch_masked)
            continue;
        dw_buf_str(w->out, masked ? DW_STR(",") : DW_STR(",\"masked\":["));
        put_value(w, &ev->field[i]);
        masked = true;
    }
    if (masked)
        dw_buf_byte(w->out, ']');
    if (extra && extra->mark)
        dw_buf_printf(w->out, ",\"mark\":\"%s\"", extra->mark);
    dw_buf_byte(w->out, '}');
}

static void collect(struct writer *w, const struct dw_event *ev)
{
    bool kind = false;
    for (uint32_t i = 0; i < ev->field_count; i++) {
        const struct dw_field *f = &ev->field[i];
        bool is_line = f->key == DW_F_message && dw_field_is_text(f) && dw_str_eq(dw_field_str(f), ev->line);
        kind |= f->key == DW_F_event_kind;
        if (!is_line && f->key != DW_F_dogwatch_masked && f->key != DW_F_timestamp)
            add(w, *f);
    }
    for (uint32_t i = 0; ev->stream && i < ev->stream->field_count; i++)
        add(w, ev->stream->field[i]);
    if (!kind)
        add_text(w, DW_F_event_kind, DW_STR("event"));
    add_text(w, DW_F_event_original, ev->line);
}

static void write_all(struct writer *w, const struct dw_event *ev, const struct dw_event_extra *extra)
{
    dw_buf_str(w->out, DW_STR("{\"@timestamp\":\""));
    dw_time_text(w->out, ev->time_ns);
    dw_buf_byte(w->out, '"');
    w->comma = true;
    w->depth = 0;
    put_items(w);
    if (ev->stream)
        put_dogwatch(w, ev, extra);
    dw_buf_byte(w->out, '}');
}

void dw_event_json(const struct dw_keys *keys, const struct dw_event *ev, const struct dw_event_extra *extra,
    struct dw_buf *out)
{
    struct item items[FIELDS_MAX];
    char id[DW_EVENT_ID_TEXT];
    struct writer w = {.keys = keys, .out = out, .item = items};
    size_t from = out->len;
    collect(&w, ev);
    if (ev->stream) {
        dw_event_id_text(ev, id);
        add_text(&w, DW_F_event_id, dw_str_of(id));
    }
    qsort(w.item, w.count, sizeof *w.item, by_output);
    write_all(&w, ev, extra);
    if (!w.repaired)
        return;
    /* Rare: say so in the tags, which may stand before what was repaired. */
    out->len = from;
    add_text(&w, DW_F_tags, DW_STR("utf8.repaired"));
    qsort(w.item, w.count, sizeof *w.item, by_output);
    write_all(&w, ev, extra);
}
