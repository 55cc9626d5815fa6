/*
 * flatten: JSON objects to dotted names.
 *
 * Idea: one loop over the reader's tokens. The name so far stands in one buffer; each open container remembers
 * where its part of the name ends, and each open array which element it is at.
 *
 * Invariants:
 *   (1) name_len <= DW_KEY_NAME_MAX; a longer name is dropped with all below it, and counted.
 *   (2) elem holds, for the open arrays up to DW_EVENT_ARRAYS_MAX, number + 1 a byte; elements over
 *       DW_EVENT_ELEMENTS_MAX are dropped and counted.
 *   (3) An error leaves the draft's field_count as it was.
 */
#include "dogwatch/event/flatten.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

struct level {
    uint32_t name_len;  /* of the container itself */
    uint32_t elem;      /* outside of it */
    uint32_t index;     /* arrays: elements begun */
    uint8_t arrays;     /* array levels around it */
    bool array;
};

struct walk {
    struct dw_draft *d;
    const struct dw_flatten *how;
    struct dw_json json;
    uint32_t depth;
    uint32_t name_len;
    struct level level[DW_EVENT_DEPTH_MAX + 1];
    char name[DW_KEY_NAME_MAX];
};

static bool in_line(const struct dw_draft *d, struct dw_str s)
{
    return s.ptr >= d->line.ptr && s.ptr + s.len <= d->line.ptr + d->line.len;
}

static void dropped(struct dw_draft *d)
{
    d->dropped++;
    DW_COUNT(parse_fields_dropped);
}

struct dw_str dw_flatten_text(struct dw_draft *d, const struct dw_json_token *value)
{
    return value->escaped ? dw_json_unescape_arena(d->pool, value->text) : value->text;
}

void dw_flatten_value(struct dw_draft *d, uint32_t key, const struct dw_json_token *value, uint32_t elem)
{
    struct dw_field f = {.key = key, .elem = elem};
    struct dw_str text = value->text;
    switch (value->type) {
    case DW_JSON_TRUE:
    case DW_JSON_FALSE:
        f.kind = DW_K_BOOL;
        f.v.i = value->type == DW_JSON_TRUE;
        dw_draft_field(d, f);
        return;
    case DW_JSON_STRING:
        f.kind = DW_K_VIEW;
        break;
    case DW_JSON_NUMBER:
        f.kind = DW_K_NUMBER;
        break;
    default:
        return;
    }
    if (value->escaped || !in_line(d, text)) {
        if (text.len > DW_EVENT_VALUE_MAX) {
            dropped(d);
            return;
        }
        text = value->escaped ? dw_json_unescape_arena(d->pool, text) : dw_arena_copy(d->pool, text);
        if (!text.ptr) {
            dropped(d);
            return;
        }
        f.kind = DW_K_LITERAL;
    }
    f.v.ptr = text.ptr;
    f.len = (uint32_t)text.len;
    dw_draft_field(d, f);
}

/* Whether an element of the open array may be stored; moves to it. */
static bool next_element(struct walk *w, struct level *lv, uint32_t *elem)
{
    uint32_t number = ++lv->index;
    *elem = lv->elem;
    if (number > DW_EVENT_ELEMENTS_MAX) {
        dropped(w->d);
        return false;
    }
    if (lv->arrays < DW_EVENT_ARRAYS_MAX)
        *elem |= number << (8 * lv->arrays);
    return true;
}

static bool append_name(struct walk *w, const struct dw_json_token *key)
{
    size_t at = w->level[w->depth].name_len;
    size_t room = DW_KEY_NAME_MAX - at;
    if (key->text.len + 1 > room) {
        dropped(w->d);
        return false;
    }
    if (at > 0 && w->name[at - 1] != '.')
        w->name[at++] = '.';
    if (key->escaped)
        at += dw_json_unescape(key->text, w->name + at);
    else if (key->text.len) {
        memcpy(w->name + at, key->text.ptr, key->text.len);
        at += key->text.len;
    }
    w->name_len = (uint32_t)at;
    return true;
}

static void store(struct walk *w, const struct dw_json_token *value, uint32_t elem)
{
    struct dw_str name = dw_str_make(w->name, w->name_len);
    if (value->type == DW_JSON_NULL)
        return;
    if (w->how && w->how->map) {
        struct dw_leaf leaf = {name, value, elem};
        int64_t to = w->how->map(w->how->arg, w->d, &leaf);
        if (to == DW_LEAF_TAKEN)
            return;
        if (to >= 0) {
            dw_flatten_value(w->d, (uint32_t)to, value, elem);
            return;
        }
    }
    char guarded[DW_KEY_NAME_MAX + 5];
    if (dw_str_eq(name, DW_STR("event")) || dw_str_eq(name, DW_STR("dogwatch")) || dw_str_starts(name, DW_STR("dogwatch."))) {
        memcpy(guarded, "json.", 5);
        memcpy(guarded + 5, name.ptr, name.len);
        name = dw_str_make(guarded, name.len + 5);
    }
    uint32_t key = 0;
    if (dw_keys_intern(w->d->keys, name, &key) < 0) {
        DW_COUNT(parse_keys_dropped);
        dropped(w->d);
        return;
    }
    dw_flatten_value(w->d, key, value, elem);
}

/* Steps into a container whose name is w->name. */
static void enter(struct walk *w, bool array, uint32_t elem)
{
    const struct level *outer = &w->level[w->depth];
    uint8_t arrays = (uint8_t)(outer->arrays + (outer->array ? 1 : 0));
    w->level[++w->depth] = (struct level){.name_len = w->name_len, .elem = elem, .arrays = arrays, .array = array};
}

/* One value (its first token is `tok`), stored or stepped into; `elem` is its place. */
static int value(struct walk *w, const struct dw_json_token *tok, uint32_t elem, bool keep)
{
    if (!keep)
        return dw_json_skip(&w->json, tok);
    if (tok->type == DW_JSON_OBJECT || tok->type == DW_JSON_ARRAY)
        enter(w, tok->type == DW_JSON_ARRAY, elem);
    else
        store(w, tok, elem);
    return DW_OK;
}

static int step(struct walk *w, struct dw_json_token *tok)
{
    struct level *lv = &w->level[w->depth];
    uint32_t elem = lv->elem;
    bool keep = true;
    switch (tok->type) {
    case DW_JSON_OBJECT_END:
    case DW_JSON_ARRAY_END:
        w->depth--;
        return DW_OK;
    case DW_JSON_KEY: {
        keep = append_name(w, tok);
        int rc = dw_json_next(&w->json, tok);
        return rc < 0 ? rc : value(w, tok, elem, keep);
    }
    default:
        w->name_len = lv->name_len;
        if (lv->array)
            keep = next_element(w, lv, &elem);
        return value(w, tok, elem, keep);
    }
}

int dw_flatten_json(struct dw_draft *d, struct dw_str json, const struct dw_flatten *how)
{
    struct walk w;
    w.d = d;
    w.how = how;
    w.depth = 0;
    w.name_len = 0;
    w.level[0] = (struct level){0};
    if (how && how->prefix.len) {
        DW_ASSERT(how->prefix.len <= 64);
        memcpy(w.name, how->prefix.ptr, how->prefix.len);
        w.name_len = (uint32_t)how->prefix.len;
        w.level[0].name_len = w.name_len;
    }
    uint32_t fields_before = d->field_count;
    dw_json_init(&w.json, json);
    struct dw_json_token tok;
    int rc = dw_json_next(&w.json, &tok);
    if (rc == DW_OK && tok.type != DW_JSON_OBJECT && tok.type != DW_JSON_ARRAY)
        rc = DW_ESYNTAX;
    while (rc == DW_OK && tok.type != DW_JSON_END) {
        rc = step(&w, &tok);
        if (rc == DW_OK)
            rc = dw_json_next(&w.json, &tok);
    }
    if (rc < 0)
        d->field_count = fields_before;
    return rc;
}
