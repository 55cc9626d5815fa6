/*
 * flatten: a JSON object to a flat list of fields.
 *
 * Invariants:
 *   (1) The dotted name never grows past DW_KEY_NAME_MAX, the nesting never past DW_EVENT_DEPTH_MAX: what lies deeper is
 *       passed over and counted once a value.
 *   (2) Values are views into the line but for strings with escapes.
 */
#include "dogwatch/event/flatten.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"

struct level {
    uint32_t name_len; /* of the dotted name without this level's own key */
    uint32_t element;  /* arrays: number of the next element */
    bool array;
};

struct flattener {
    struct dw_draft *d;
    const struct dw_flatten *how;
    struct dw_json json;
    struct level level[DW_JSON_DEPTH_MAX + 1];
    uint32_t depth;
    char name[DW_KEY_NAME_MAX + 1];
    uint32_t name_len;
    bool over; /* the name in hand does not fit: values under it are dropped */
    struct dw_buf scratch;
};

static void drop(struct flattener *f)
{
    f->d->dropped++;
    DW_COUNT(parse_fields_dropped);
}

/* Element numbers of the arrays we are in, outermost in the lowest byte. False when one is over the bound. */
static bool elements(const struct flattener *f, uint32_t *ret)
{
    uint32_t elem = 0, arrays = 0;
    for (uint32_t i = 1; i <= f->depth; i++) {
        if (!f->level[i].array)
            continue;
        if (f->level[i].element > DW_EVENT_ELEMENTS_MAX)
            return false;
        if (arrays < DW_EVENT_ARRAYS_MAX)
            elem |= f->level[i].element << (8 * arrays);
        arrays++;
    }
    *ret = elem;
    return true;
}

/* Names that only we may set. */
static bool is_ours(struct dw_str name)
{
    return dw_str_eq(name, DW_STR("event")) || dw_str_eq(name, DW_STR("dogwatch")) || dw_str_starts(name, DW_STR("dogwatch."));
}

static void store(struct flattener *f, struct dw_field v)
{
    struct dw_str name = dw_str_make(f->name, f->name_len);
    if (f->over || f->depth > DW_EVENT_DEPTH_MAX || !elements(f, &v.elem)) {
        drop(f);
        return;
    }
    if (f->how->hook && f->how->hook(f->how->arg, f->d, name, &v))
        return;
    const struct dw_str guard = DW_STR("json.");
    char guarded[DW_KEY_NAME_MAX + 5];
    if (is_ours(name)) {
        memcpy(guarded, guard.ptr, guard.len);
        memcpy(guarded + guard.len, name.ptr, name.len);
        name = dw_str_make(guarded, guard.len + name.len);
    }
    if (dw_keys_intern_passing(f->d->keys, name, &v.key) < 0) {
        f->d->dropped++;
        DW_COUNT(parse_keys_dropped);
        return;
    }
    dw_draft_field(f->d, v);
}

static void store_string(struct flattener *f, const struct dw_json_token *t)
{
    struct dw_field v = {.v.ptr = t->text.ptr, .len = (uint32_t)t->text.len, .kind = DW_K_VIEW};
    if (t->escaped) {
        dw_buf_reset(&f->scratch);
        size_t max = f->how->value_max ? f->how->value_max : DW_EVENT_VALUE_MAX;
        bool ok = dw_json_unescape(t->text, &f->scratch) && f->scratch.len <= max && !f->scratch.err;
        struct dw_str copy = ok ? dw_arena_copy(f->d->pool, dw_buf_view(&f->scratch)) : DW_STR_NONE;
        if (!copy.ptr) {
            drop(f);
            return;
        }
        v = (struct dw_field){.v.ptr = copy.ptr, .len = (uint32_t)copy.len, .kind = DW_K_LITERAL};
    }
    store(f, v);
}

static void set_name(struct flattener *f, struct dw_str key, bool escaped)
{
    if (escaped) {
        dw_buf_reset(&f->scratch);
        if (dw_json_unescape(key, &f->scratch) && !f->scratch.err)
            key = dw_buf_view(&f->scratch);
    }
    uint32_t base = f->level[f->depth].name_len;
    bool dot = base > 0 && f->name[base - 1] != '.';
    f->over = base + dot + key.len > DW_KEY_NAME_MAX;
    if (f->over)
        return;
    if (dot)
        f->name[base++] = '.';
    if (key.len)
        memcpy(f->name + base, key.ptr, key.len);
    f->name_len = base + (uint32_t)key.len;
}

static void next_element(struct flattener *f)
{
    if (f->depth && f->level[f->depth].array) {
        f->level[f->depth].element++;
        f->name_len = f->level[f->depth].name_len;
    }
}

static void push(struct flattener *f, bool array)
{
    struct level *l = &f->level[++f->depth];
    *l = (struct level){.name_len = f->name_len, .array = array};
}

static int take(struct flattener *f, const struct dw_json_token *t)
{
    if (t->type != DW_JSON_KEY && t->type != DW_JSON_OBJECT_END && t->type != DW_JSON_ARRAY_END)
        next_element(f);
    switch (t->type) {
    case DW_JSON_KEY: set_name(f, t->text, t->escaped); break;
    case DW_JSON_OBJECT:
    case DW_JSON_ARRAY:
        if (f->over) {
            drop(f);
            return dw_json_skip(&f->json);
        }
        push(f, t->type == DW_JSON_ARRAY);
        break;
    case DW_JSON_OBJECT_END:
    case DW_JSON_ARRAY_END: f->depth--; break;
    case DW_JSON_STRING: store_string(f, t); break;
    case DW_JSON_NUMBER:
        store(f, (struct dw_field){.v.ptr = t->text.ptr, .len = (uint32_t)t->text.len, .kind = DW_K_NUMBER});
        break;
    case DW_JSON_TRUE:
    case DW_JSON_FALSE: store(f, (struct dw_field){.v.i = t->type == DW_JSON_TRUE, .kind = DW_K_BOOL}); break;
    case DW_JSON_NULL:
    case DW_JSON_END: break;
    }
    return DW_OK;
}

int dw_flatten_json(struct dw_draft *d, struct dw_str text, const struct dw_flatten *how)
{
    struct flattener f = {.d = d, .how = how};
    struct dw_json_token t = {.type = DW_JSON_NULL};
    DW_ASSERT(how->prefix.len <= DW_KEY_NAME_MAX);
    dw_json_start(&f.json, text);
    if (how->prefix.len)
        memcpy(f.name, how->prefix.ptr, how->prefix.len);
    f.name_len = (uint32_t)how->prefix.len;
    int rc = dw_json_next(&f.json, &t);
    if (rc == DW_OK && t.type != DW_JSON_OBJECT)
        rc = DW_ESYNTAX;
    while (rc == DW_OK && t.type != DW_JSON_END) {
        rc = take(&f, &t);
        if (rc == DW_OK)
            rc = dw_json_next(&f.json, &t);
    }
    dw_buf_fini(&f.scratch);
    return rc;
}
