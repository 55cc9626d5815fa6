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
 *   (2) Every value of the event is written, but for those that the head already shows: @timestamp, event.id,
 *       event.original, and a message equal to the line.
 *   (3) out->len is moved back over a half-written event only to write it again with the tag utf8.repaired.
 *   (4) At most NODES_MAX name parts; beyond that a field is written dotted at the top, never lost.
 */
#include "dogwatch/event/json_write.h"

#include "dogwatch/event/json_read.h"
#include "dogwatch/event/timestamp.h"

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
    bool repaired, tag_repaired, has_tags;
    uint32_t entry_count, node_count;
    struct entry entry[ENTRIES_MAX];
    struct node node[NODES_MAX];
};

static bool shown_in_head(const struct writer *w, const struct dw_field *f)
{
    switch (f->key) {
    case DW_F_timestamp:
    case DW_F_event_id:
    case DW_F_event_original:
    case DW_F_dogwatch_masked:
        return true;
    case DW_F_message:
        return dw_field_is_text(f) && dw_str_eq(dw_field_str(f), w->ev->line);
    default:
        return false;
    }
}

static void add_entry(struct writer *w, const struct dw_field *f)
{
    if (w->entry_count == ENTRIES_MAX || shown_in_head(w, f))
        return;
    struct entry *e = &w->entry[w->entry_count];
    *e = (struct entry){.field = f, .name = dw_keys_name(w->keys, f->key), .next = NONE, .order = (uint16_t)w->entry_count};
    w->entry_count++;
    w->has_tags |= f->key == DW_F_tags;
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
    while (rest.ptr && at != NONE)
        at = child_of(w, at, dw_str_cut(&rest, '.'));
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
    if (bare && dw_json_is_number(s))
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
        dw_json_int(w->out, f->v.i);
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
    bool tags = e->field->key == DW_F_tags && w->tag_repaired;
    if (n->values == 1 && !dw_field_is_list(e->field->key)) {
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
    if (tags)
        dw_buf_str(w->out, DW_STR(",\"utf8.repaired\""));
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

static const struct dw_field *find_own(const struct dw_event *ev, uint32_t key)
{
    for (uint32_t i = 0; i < ev->field_count; i++)
        if (ev->field[i].key == key)
            return &ev->field[i];
    return NULL;
}

static void timestamp(struct writer *w, const char *key, int64_t ns)
{
    char text[DW_TIME_TEXT];
    dw_time_format(ns, text);
    dw_buf_byte(w->out, '"');
    dw_buf_str(w->out, dw_str_of(key));
    dw_buf_str(w->out, DW_STR("\":\""));
    dw_buf_str(w->out, dw_str_of(text));
    dw_buf_byte(w->out, '"');
}

static void head(struct writer *w)
{
    char id[DW_EVENT_ID_TEXT];
    dw_event_id_text(w->ev, id);
    dw_buf_byte(w->out, '{');
    timestamp(w, "@timestamp", w->ev->time_ns);
    dw_buf_str(w->out, DW_STR(",\"event\":{\"id\":\""));
    dw_buf_str(w->out, dw_str_of(id));
    dw_buf_byte(w->out, '"');
    if (!find_own(w->ev, DW_F_event_kind))
        dw_buf_str(w->out, DW_STR(",\"kind\":\"event\""));
    bool first = false;
    for (uint16_t c = w->node[0].first_child; c != NONE; c = w->node[c].next)
        if (dw_str_eq(w->node[c].part, DW_STR("event")))
            children(w, &w->node[c], DW_STR_NONE, &first);
    dw_buf_str(w->out, DW_STR(",\"original\":"));
    string(w, w->ev->line);
    dw_buf_byte(w->out, '}');
}

static void extent(struct writer *w, const struct dw_stream *s, uint64_t start, uint64_t end)
{
    static const uint8_t none[DW_ID_BYTES];
    char hex[2 * DW_ID_BYTES + 1];
    dw_hex(s ? s->id : none, DW_ID_BYTES, hex);
    dw_buf_printf(w->out, "[\"%s\",%llu,%llu]", hex, (unsigned long long)start, (unsigned long long)end);
}

static void place(struct writer *w)
{
    static const uint8_t none[DW_ID_BYTES];
    const struct dw_event *ev = w->ev;
    char hex[2 * DW_ID_BYTES + 1];
    dw_hex(ev->stream ? ev->stream->id : none, DW_ID_BYTES, hex);
    dw_buf_str(w->out, DW_STR(",\"dogwatch\":{\"stream\":\""));
    dw_buf_str(w->out, dw_str_of(hex));
    dw_buf_str(w->out, DW_STR("\",\"start\":"));
    dw_json_int(w->out, (int64_t)ev->start);
    dw_buf_str(w->out, DW_STR(",\"end\":"));
    dw_json_int(w->out, (int64_t)ev->end);
    if (ev->more_count) {
        dw_buf_str(w->out, DW_STR(",\"extents\":["));
        extent(w, ev->stream, ev->start, ev->end);
        for (uint32_t i = 0; i < ev->more_count; i++) {
            dw_buf_byte(w->out, ',');
            extent(w, ev->more[i].stream, ev->more[i].start, ev->more[i].end);
        }
        dw_buf_byte(w->out, ']');
    }
    if (ev->out != DW_OUT_NONE)
        dw_buf_str(w->out, ev->out == DW_OUT_STDERR ? DW_STR(",\"out\":\"stderr\"") : DW_STR(",\"out\":\"stdout\""));
    dw_buf_byte(w->out, ',');
    timestamp(w, "read_at", ev->read_at_ns);
    bool any = false;
    for (uint32_t i = 0; i < ev->field_count; i++) {
        const struct dw_field *f = &ev->field[i];
        if (f->key != DW_F_dogwatch_masked)
            continue;
        dw_buf_str(w->out, any ? DW_STR(",") : DW_STR(",\"masked\":["));
        any = true;
        value(w, f);
    }
    if (any)
        dw_buf_byte(w->out, ']');
    dw_buf_str(w->out, DW_STR("}}\n"));
}

static void body(struct writer *w)
{
    head(w);
    bool first = false;
    const struct node *root = &w->node[0];
    for (uint16_t c = root->first_child; c != NONE; c = w->node[c].next) {
        const struct node *n = &w->node[c];
        if (!dw_str_eq(n->part, DW_STR("event"))) {
            node(w, n, DW_STR_NONE, &first);
        } else if (n->values) { /* its children stand in the head, so the name is taken */
            name(w, DW_STR("json.event"), &first);
            values(w, n);
        }
    }
    if (w->tag_repaired && !w->has_tags)
        dw_buf_str(w->out, DW_STR(",\"tags\":[\"utf8.repaired\"]"));
    place(w);
}

void dw_event_write_json(const struct dw_keys *keys, const struct dw_event *ev, struct dw_buf *out)
{
    struct writer w;
    w.keys = keys;
    w.ev = ev;
    w.out = out;
    w.repaired = w.tag_repaired = w.has_tags = false;
    w.entry_count = w.node_count = 0;
    for (uint32_t i = 0; i < ev->field_count; i++)
        add_entry(&w, &ev->field[i]);
    const struct dw_stream *s = ev->stream;
    for (uint32_t i = 0; s && i < s->field_count; i++)
        if (!find_own(ev, s->field[i].key))
            add_entry(&w, &s->field[i]);
    sort_entries(&w);
    (void)new_node(&w, DW_STR_NONE);
    for (uint32_t i = 0; i < w.entry_count; i++)
        insert(&w, (uint16_t)i);
    size_t before = out->len;
    body(&w);
    if (w.repaired && out->err == 0) {
        out->len = before;
        w.tag_repaired = true;
        body(&w);
    }
}
