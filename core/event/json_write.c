/*
 * json_write: an event as one nested ECS object.
 *
 * Idea: the fields of event and stream are sorted (table ids by id, other names by bytes) and put into a small tree
 * of name parts, which is then written depth first. Sorted input makes the part looked for almost always the one
 * inserted last, so the tree costs a few comparisons a field.
 *
 *     source.ip, source.port, url.path      ->   source { ip, port }  url { path }
 *     a = 1, a.b = 2 (a value and a prefix) ->   "a":1,"a.b":2
 *
 * Invariants:
 *   (1) The output depends on names and values only, never on the order of interning.
 *   (2) No object of the output has a name twice, and every value is written, but for what the log itself calls
 *       @timestamp, event.id and event.original.
 *   (3) The names "dogwatch" and "event" (as a value) at the top are ours: a log's stand as "json.dogwatch", "json.event".
 *   (4) out->len is moved back over an event only to write it again with the tag utf8.repaired.
 *   (5) At most NODES_MAX name parts; beyond that a field is written dotted at the top, never lost.
 */
#include "dogwatch/event/json_write.h"

#include "json_text.h"

#include <stdlib.h>

enum { NODES_MAX = 2048, ENTRIES_MAX = DW_EVENT_FIELDS_MAX + 128, NONE = 0xffff };

struct entry {
    const struct dw_field *field;
    struct dw_str name;
    uint16_t next; /* further value of the same node */
    uint16_t order;
};

struct node {
    struct dw_str part;
    uint16_t first_value, last_value; /* entries */
    uint16_t first_child, last_child, next;
    uint16_t values;
};

struct writer {
    const struct dw_keys *keys;
    const struct dw_event *ev;
    struct dw_buf *out;
    struct dw_field own[4]; /* event.id, event.kind, event.original, the tag utf8.repaired */
    bool repaired, has_kind;
    uint32_t entry_count, node_count;
    struct entry entry[ENTRIES_MAX];
    struct node node[NODES_MAX];
};

/* A message that is the whole line stands in event.original already. */
static bool is_line(const struct dw_event *ev, const struct dw_field *f)
{
    return f->key == DW_F_message && dw_field_is_text(f) && dw_str_eq(dw_field_str(f), ev->line);
}

/* What stands elsewhere: a log's own claims to be these are in its line. */
static bool is_ours(const struct dw_field *f)
{
    switch (f->key) {
    case DW_F_timestamp:
    case DW_F_event_id:
    case DW_F_event_original:
    case DW_F_dogwatch_masked:
        return true;
    default:
        return false;
    }
}

static void add_entry(struct writer *w, const struct dw_field *f)
{
    if (w->entry_count == ENTRIES_MAX)
        return; /* cannot be: it holds an event's and a stream's bounds */
    struct entry *e = &w->entry[w->entry_count];
    *e = (struct entry){.field = f, .name = dw_keys_name(w->keys, f->key), .next = NONE, .order = (uint16_t)w->entry_count};
    w->entry_count++;
    w->has_kind |= f->key == DW_F_event_kind;
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    uint32_t kx = x->field->key, ky = y->field->key;
    if (kx != ky) {
        if (kx < DW_FIELDS || ky < DW_FIELDS)
            return kx < ky ? -1 : 1;
        int c = dw_str_cmp(x->name, y->name);
        if (c)
            return c;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Insertion sort: parsers mostly emit in few orders and events have a few dozen fields; long ones use qsort. */
static void sort_entries(struct writer *w)
{
    if (w->entry_count > 96) {
        qsort(w->entry, w->entry_count, sizeof w->entry[0], compare);
        return;
    }
    for (uint32_t i = 1; i < w->entry_count; i++) {
        if (compare(&w->entry[i - 1], &w->entry[i]) < 0)
            continue;
        struct entry e = w->entry[i];
        uint32_t j = i;
        for (; j > 0 && compare(&w->entry[j - 1], &e) > 0; j--)
            w->entry[j] = w->entry[j - 1];
        w->entry[j] = e;
    }
}

static uint16_t new_node(struct writer *w, struct dw_str part)
{
    if (w->node_count == NODES_MAX)
        return NONE;
    w->node[w->node_count] = (struct node){part, NONE, NONE, NONE, NONE, NONE, 0};
    return (uint16_t)w->node_count++;
}

static uint16_t child_of(struct writer *w, uint16_t parent, struct dw_str part)
{
    struct node *p = &w->node[parent];
    if (p->last_child != NONE && dw_str_eq(w->node[p->last_child].part, part))
        return p->last_child;
    for (uint16_t c = p->first_child; c != NONE; c = w->node[c].next)
        if (dw_str_eq(w->node[c].part, part))
            return c;
    uint16_t made = new_node(w, part);
    if (made == NONE)
        return NONE;
    if (p->last_child == NONE)
        p->first_child = made;
    else
        w->node[p->last_child].next = made;
    p->last_child = made;
    return made;
}

static void insert(struct writer *w, uint16_t index)
{
    struct entry *e = &w->entry[index];
    struct dw_str rest = e->name;
    uint16_t at = 0;
    for (int depth = 0; rest.ptr && at != NONE; depth++) {
        struct dw_str whole = rest, part = dw_str_cut(&rest, '.');
        if (part.len == 0 || depth == DW_EVENT_DEPTH_MAX) { /* "a..b", or a name of dots: no level for each */
            part = whole;
            rest = DW_STR_NONE;
        }
        at = child_of(w, at, part);
    }
    if (at == NONE)
        at = child_of(w, 0, e->name);
    if (at == NONE)
        return;
    struct node *n = &w->node[at];
    if (n->last_value == NONE)
        n->first_value = index;
    else
        w->entry[n->last_value].next = index;
    n->last_value = index;
    n->values++;
}

static void string(struct writer *w, struct dw_str s)
{
    w->repaired |= dw_json_string(w->out, s);
}

static void text_value(struct writer *w, const struct dw_field *f)
{
    struct dw_str s = dw_field_str(f);
    enum dw_field_type type = dw_field_type(f->key);
    bool bare = f->kind == DW_K_NUMBER || type == DW_T_LONG || type == DW_T_FLOAT;
    if (bare && dw_is_json_number(s))
        dw_buf_str(w->out, s);
    else if (type == DW_T_BOOL && (dw_str_eq(s, DW_STR("true")) || dw_str_eq(s, DW_STR("false"))))
        dw_buf_str(w->out, s);
    else
        string(w, s);
}

static void value(struct writer *w, const struct dw_field *f)
{
    switch (f->kind) {
    case DW_K_INT:
        dw__json_int(w->out, f->v.i);
        return;
    case DW_K_FLOAT:
        dw_json_float(w->out, f->v.f);
        return;
    case DW_K_BOOL:
        dw_buf_str(w->out, f->v.i ? DW_STR("true") : DW_STR("false"));
        return;
    default:
        text_value(w, f);
        return;
    }
}

static void values(struct writer *w, const struct node *n)
{
    const struct entry *e = &w->entry[n->first_value];
    if (n->values == 1 && !e->field->elem && !dw_field_is_list(e->field->key)) {
        value(w, e->field);
        return;
    }
    dw_buf_byte(w->out, '[');
    for (;; e = &w->entry[e->next]) {
        value(w, e->field);
        if (e->next == NONE)
            break;
        dw_buf_byte(w->out, ',');
    }
    dw_buf_byte(w->out, ']');
}

static void name(struct writer *w, struct dw_str dotted, bool *first)
{
    if (!*first)
        dw_buf_byte(w->out, ',');
    *first = false;
    string(w, dotted);
    dw_buf_byte(w->out, ':');
}

static void children(struct writer *w, const struct node *parent, struct dw_str prefix, bool *first);

/* The name of `n` below `prefix`: within one stored name the parts stand side by side, so the dotted form is a view. */
static struct dw_str dotted_name(struct dw_str prefix, struct dw_str part)
{
    return prefix.ptr ? dw_str_make(part.ptr - prefix.len - 1, prefix.len + 1 + part.len) : part;
}

static void node(struct writer *w, const struct node *n, struct dw_str prefix, bool *first)
{
    struct dw_str full = dotted_name(prefix, n->part);
    if (n->values) {
        name(w, full, first);
        values(w, n);
        if (n->first_child != NONE)
            children(w, n, full, first);
        return;
    }
    name(w, full, first);
    bool inner = true;
    dw_buf_byte(w->out, '{');
    children(w, n, DW_STR_NONE, &inner);
    dw_buf_byte(w->out, '}');
}

static void children(struct writer *w, const struct node *parent, struct dw_str prefix, bool *first)
{
    for (uint16_t c = parent->first_child; c != NONE; c = w->node[c].next)
        node(w, &w->node[c], prefix, first);
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
    dw_buf_str(w->out, DW_STR(",\"dogwatch\":{\"stream\":\""));
    dw_buf_str(w->out, dw_str_of(hex));
    dw_buf_str(w->out, DW_STR("\",\"start\":"));
    dw__json_int(w->out, (int64_t)ev->start);
    dw_buf_str(w->out, DW_STR(",\"end\":"));
    dw__json_int(w->out, (int64_t)ev->end);
    put_extents(w, ev);
    if (ev->out != DW_OUT_NONE)
        dw_buf_str(w->out, ev->out == DW_OUT_STDERR ? DW_STR(",\"out\":\"stderr\"") : DW_STR(",\"out\":\"stdout\""));
    dw_buf_str(w->out, DW_STR(",\"read_at\":\""));
    dw_time_text(w->out, ev->read_at_ns);
    dw_buf_byte(w->out, '"');
    bool masked = false;
    for (uint32_t i = 0; i < ev->field_count; i++) {
        if (ev->field[i].key != DW_F_dogwatch_masked)
            continue;
        dw_buf_str(w->out, masked ? DW_STR(",") : DW_STR(",\"masked\":["));
        value(w, &ev->field[i]);
        masked = true;
    }
    if (masked)
        dw_buf_byte(w->out, ']');
    if (extra && extra->mark)
        dw_buf_printf(w->out, ",\"mark\":\"%s\"", extra->mark);
    if (extra)
        dw_buf_str(w->out, extra->more);
    dw_buf_byte(w->out, '}');
}

/* A child of the root; two of their names are ours. */
static void top(struct writer *w, const struct node *n, bool *first)
{
    bool is_event = dw_str_eq(n->part, DW_STR("event")), is_dogwatch = dw_str_eq(n->part, DW_STR("dogwatch"));
    if (!is_dogwatch && !(is_event && n->values)) {
        node(w, n, DW_STR_NONE, first);
        return;
    }
    if (n->values) {
        name(w, is_event ? DW_STR("json.event") : DW_STR("json.dogwatch.value"), first);
        values(w, n);
    }
    if (n->first_child != NONE) {
        bool inner = true;
        name(w, is_event ? n->part : DW_STR("json.dogwatch"), first);
        dw_buf_byte(w->out, '{');
        children(w, n, DW_STR_NONE, &inner);
        dw_buf_byte(w->out, '}');
    }
}

static void write_all(struct writer *w, const struct dw_event_extra *extra)
{
    sort_entries(w);
    w->node_count = 0;
    (void)new_node(w, DW_STR_NONE);
    for (uint32_t i = 0; i < w->entry_count; i++)
        insert(w, (uint16_t)i);
    bool first = false;
    dw_buf_str(w->out, DW_STR("{\"@timestamp\":\""));
    dw_time_text(w->out, w->ev->time_ns);
    dw_buf_byte(w->out, '"');
    for (uint16_t c = w->node[0].first_child; c != NONE; c = w->node[c].next)
        top(w, &w->node[c], &first);
    if (w->ev->stream)
        put_dogwatch(w, w->ev, extra);
    dw_buf_byte(w->out, '}');
}

static void add_own(struct writer *w, int slot, uint32_t key, struct dw_str s)
{
    w->own[slot] = (struct dw_field){.v.ptr = s.ptr, .len = (uint32_t)s.len, .key = key, .kind = DW_K_LITERAL};
    add_entry(w, &w->own[slot]);
}

void dw_event_json(const struct dw_keys *keys, const struct dw_event *ev, const struct dw_event_extra *extra,
    struct dw_buf *out)
{
    char id[DW_EVENT_ID_TEXT];
    bool skip_message = !extra || !extra->whole_message;
    struct writer w; /* large and mostly never touched: not cleared */
    w.keys = keys;
    w.ev = ev;
    w.out = out;
    w.repaired = w.has_kind = false;
    w.entry_count = 0;
    if (ev->stream) {
        dw_event_id_text(ev, id);
        add_own(&w, 0, DW_F_event_id, dw_str_of(id));
    }
    for (uint32_t i = 0; i < ev->field_count; i++)
        if (!is_ours(&ev->field[i]) && !(skip_message && is_line(ev, &ev->field[i])))
            add_entry(&w, &ev->field[i]);
    for (uint32_t i = 0; ev->stream && i < ev->stream->field_count; i++)
        add_entry(&w, &ev->stream->field[i]);
    if (!w.has_kind)
        add_own(&w, 1, DW_F_event_kind, DW_STR("event"));
    add_own(&w, 2, DW_F_event_original, ev->line);
    size_t from = out->len;
    write_all(&w, extra);
    if (!w.repaired || out->err)
        return;
    /* Rare: say so in the tags, which may stand before what was repaired. */
    out->len = from;
    add_own(&w, 3, DW_F_tags, DW_STR("utf8.repaired"));
    for (uint32_t i = 0; i < w.entry_count; i++) {
        w.entry[i].next = NONE;
        w.entry[i].order = (uint16_t)i;
    }
    write_all(&w, extra);
}
