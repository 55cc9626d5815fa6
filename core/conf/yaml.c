/*
 * yaml: libyaml's events as a tree in an arena.
 *
 * Idea: recursive descent over events. An alias is a shallow copy of the anchored node that shares its children,
 * so memory cannot explode; what walking it would cost is kept as `weight` and bounded as if it were expanded.
 *
 * Invariants:
 *   (1) Depth <= DW_YAML_DEPTH_MAX, expanded nodes <= DW_YAML_NODES_MAX.
 *   (2) Marks of events only grow, so the byte position walks over the text once (struct place).
 *   (3) No mapping holds a key twice; keys are scalars.
 *   (4) An anchor is entered after its node is complete, so a node never contains itself.
 */
#include "dogwatch/conf/yaml.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdlib.h>
#include <yaml.h>

enum { ANCHORS_MAX = 1000 };

/* Where the walk over the text stands: libyaml's line and column, our line and byte. */
struct place {
    size_t mark_line, mark_col;
    size_t byte, line_start;
    uint32_t line;
};

struct anchor {
    struct dw_str name;
    const struct dw_yaml *node;
};

struct reader {
    yaml_parser_t parser;
    struct dw_arena *arena;
    struct dw_str text;
    struct dw_diags *diags;
    struct place at;
    uint32_t depth;
    uint64_t weight;
    struct anchor *anchor;
    uint32_t anchor_count;
};

static size_t char_len(struct dw_str s, size_t at)
{
    uint8_t c = (uint8_t)s.ptr[at];
    size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return len < s.len - at ? len : s.len - at;
}

/* What libyaml takes for a line break at `at`: its length, or 0. */
static size_t break_len(struct dw_str s, size_t at)
{
    const uint8_t *p = (const uint8_t *)s.ptr + at;
    size_t left = s.len - at;
    if (p[0] == '\r')
        return left > 1 && p[1] == '\n' ? 2 : 1;
    if (p[0] == '\n')
        return 1;
    if (left > 1 && p[0] == 0xc2 && p[1] == 0x85)
        return 2;
    return left > 2 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9) ? 3 : 0;
}

static void walk(struct dw_str text, struct place *p, size_t line, size_t col)
{
    while (p->byte < text.len && (p->mark_line < line || (p->mark_line == line && p->mark_col < col))) {
        size_t brk = break_len(text, p->byte);
        size_t len = brk ? brk : char_len(text, p->byte);
        p->byte += len;
        p->mark_col = brk ? 0 : p->mark_col + 1;
        p->mark_line += brk != 0;
        if (brk && text.ptr[p->byte - 1] == '\n') {
            p->line++;
            p->line_start = p->byte;
        }
    }
}

static struct dw_span span_of(struct reader *r, const yaml_event_t *e)
{
    walk(r->text, &r->at, e->start_mark.line, e->start_mark.column);
    struct place end = r->at;
    if (e->type == YAML_SCALAR_EVENT)
        walk(r->text, &end, e->end_mark.line, e->end_mark.column);
    size_t len = end.line == r->at.line && end.byte > r->at.byte ? end.byte - r->at.byte : 1;
    return (struct dw_span){r->at.line, (uint32_t)(r->at.byte - r->at.line_start + 1), (uint32_t)len};
}

static int complain(struct reader *r, struct dw_span at, const char *help, const char *what, struct dw_str name)
{
    if (name.ptr)
        dw_diag_add(r->diags, at, help, "%s '%.*s'", what, DW_ARG(name));
    else
        dw_diag_add(r->diags, at, help, "%s", what);
    return DW_ESYNTAX;
}

static int next_event(struct reader *r, yaml_event_t *e)
{
    if (yaml_parser_parse(&r->parser, e))
        return DW_OK;
    if (r->parser.error == YAML_MEMORY_ERROR)
        return DW_ENOMEM;
    yaml_event_t where = {.type = YAML_NO_EVENT, .start_mark = r->parser.problem_mark};
    struct dw_span at = span_of(r, &where);
    const char *problem = r->parser.problem ? r->parser.problem : "cannot be read";
    const char *context = r->parser.context;
    dw_diag_add(r->diags, at, NULL, "not YAML: %s%s%s", problem, context ? ", " : "", context ? context : "");
    return DW_ESYNTAX;
}

static struct dw_yaml *new_node(struct reader *r, enum dw_yaml_kind kind, struct dw_span at)
{
    struct dw_yaml *n = dw_arena_alloc(r->arena, sizeof *n);
    if (!n)
        return NULL;
    n->kind = kind;
    n->at = at;
    n->weight = 1;
    return n;
}

static int add_weight(struct reader *r, struct dw_span at, uint64_t weight)
{
    r->weight += weight;
    if (r->weight <= DW_YAML_NODES_MAX)
        return DW_OK;
    return complain(r, at, "split the file", "too many values (aliases count with all they stand for)", DW_STR_NONE);
}

static int remember(struct reader *r, const yaml_char_t *name, const struct dw_yaml *n)
{
    if (!name)
        return DW_OK;
    if (r->anchor_count == ANCHORS_MAX)
        return complain(r, n->at, NULL, "too many anchors", DW_STR_NONE);
    if (!r->anchor)
        r->anchor = dw_arena_alloc(r->arena, ANCHORS_MAX * sizeof *r->anchor);
    struct dw_str copy = dw_arena_copy(r->arena, dw_str_of((const char *)name));
    if (!r->anchor || !copy.ptr)
        return DW_ENOMEM;
    r->anchor[r->anchor_count++] = (struct anchor){copy, n};
    return DW_OK;
}

static int read_alias(struct reader *r, const yaml_event_t *e, struct dw_yaml **ret)
{
    struct dw_str name = dw_str_of((const char *)e->data.alias.anchor);
    struct dw_span at = span_of(r, e);
    for (uint32_t i = r->anchor_count; i-- > 0;) {
        if (!dw_str_eq(r->anchor[i].name, name))
            continue;
        const struct dw_yaml *from = r->anchor[i].node;
        struct dw_yaml *n = new_node(r, from->kind, at);
        if (!n)
            return DW_ENOMEM;
        *n = *from;
        n->at = at;
        n->one_line = false;
        n->next = NULL;
        *ret = n;
        return add_weight(r, at, from->weight);
    }
    return complain(r, at, NULL, "unknown anchor", name);
}

static int read_scalar(struct reader *r, const yaml_event_t *e, struct dw_yaml **ret)
{
    struct dw_yaml *n = new_node(r, DW_YAML_SCALAR, span_of(r, e));
    if (!n)
        return DW_ENOMEM;
    n->text = dw_arena_copy(r->arena, dw_str_make((const char *)e->data.scalar.value, e->data.scalar.length));
    if (!n->text.ptr)
        return DW_ENOMEM;
    n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    size_t from = r->at.byte + !n->plain;
    n->one_line = from + n->text.len <= r->text.len && n->at.len == n->text.len + (n->plain ? 0u : 2u) &&
                  memcmp(r->text.ptr + from, n->text.ptr, n->text.len) == 0;
    *ret = n;
    int rc = add_weight(r, n->at, 1);
    return rc < 0 ? rc : remember(r, e->data.scalar.anchor, n);
}

static int read_node(struct reader *r, const yaml_event_t *e, struct dw_yaml **ret);

/* Reads the next node or the end of the collection (*ret NULL). */
static int read_child(struct reader *r, struct dw_yaml **ret)
{
    yaml_event_t e;
    *ret = NULL;
    int rc = next_event(r, &e);
    if (rc < 0)
        return rc;
    if (e.type != YAML_SEQUENCE_END_EVENT && e.type != YAML_MAPPING_END_EVENT)
        rc = read_node(r, &e, ret);
    yaml_event_delete(&e);
    return rc;
}

static int by_key(const void *a, const void *b)
{
    const struct dw_yaml *x = *(const struct dw_yaml *const *)a, *y = *(const struct dw_yaml *const *)b;
    int order = dw_str_cmp(x->key, y->key);
    if (order)
        return order;
    if (x->key_at.line != y->key_at.line)
        return x->key_at.line < y->key_at.line ? -1 : 1;
    return x->key_at.col < y->key_at.col ? -1 : x->key_at.col > y->key_at.col;
}

/* Reports keys that stand twice. Sorting keeps a hostile mapping from costing the square of its size. */
static int refuse_duplicates(struct reader *r, const struct dw_yaml *map)
{
    if (map->count < 2)
        return DW_OK;
    const struct dw_yaml **sorted = dw_calloc(map->count, sizeof(const struct dw_yaml *));
    if (!sorted)
        return DW_ENOMEM;
    uint32_t n = 0;
    for (const struct dw_yaml *v = map->first; v; v = v->next)
        sorted[n++] = v;
    qsort(sorted, n, sizeof *sorted, by_key);
    int rc = DW_OK;
    for (uint32_t i = 1; i < n; i++) {
        if (!dw_str_eq(sorted[i]->key, sorted[i - 1]->key))
            continue;
        dw_diag_add(r->diags, sorted[i]->key_at, "give the values as one list, or another name",
            "key '%.*s' stands here a second time (first on line %u)", DW_ARG(sorted[i]->key),
            sorted[i - 1]->key_at.line);
        rc = DW_ESYNTAX;
    }
    dw_free(sorted);
    return rc;
}

static int read_key(struct reader *r, struct dw_yaml **ret_key)
{
    int rc = read_child(r, ret_key);
    if (rc < 0 || !*ret_key)
        return rc;
    if ((*ret_key)->kind != DW_YAML_SCALAR)
        return complain(r, (*ret_key)->at, NULL, "a key must be one word or text", DW_STR_NONE);
    if ((*ret_key)->plain && dw_str_eq((*ret_key)->text, DW_STR("<<")))
        return complain(r, (*ret_key)->at, "write the keys out", "merge keys are not supported:", (*ret_key)->text);
    return DW_OK;
}

static int read_children(struct reader *r, struct dw_yaml *into)
{
    const struct dw_yaml **tail = &into->first;
    uint64_t weight = 1;
    for (;;) {
        struct dw_yaml *key = NULL, *n = NULL;
        int rc = into->kind == DW_YAML_MAP ? read_key(r, &key) : DW_OK;
        if (rc == DW_OK && (key || into->kind == DW_YAML_SEQ))
            rc = read_child(r, &n);
        if (rc < 0)
            return rc;
        if (!n)
            break;
        if (key) {
            n->key = key->text;
            n->key_at = key->at;
        }
        weight += n->weight;
        into->count++;
        *tail = n;
        tail = &n->next;
    }
    into->weight = (uint32_t)weight;
    return into->kind == DW_YAML_MAP ? refuse_duplicates(r, into) : DW_OK;
}

static int read_collection(struct reader *r, const yaml_event_t *e, struct dw_yaml **ret)
{
    bool map = e->type == YAML_MAPPING_START_EVENT;
    struct dw_yaml *n = new_node(r, map ? DW_YAML_MAP : DW_YAML_SEQ, span_of(r, e));
    if (!n)
        return DW_ENOMEM;
    if (r->depth == DW_YAML_DEPTH_MAX)
        return complain(r, n->at, NULL, "nested too deep", DW_STR_NONE);
    int rc = add_weight(r, n->at, 1);
    r->depth++;
    if (rc == DW_OK)
        rc = read_children(r, n);
    r->depth--;
    *ret = n;
    const yaml_char_t *anchor = map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
    return rc < 0 ? rc : remember(r, anchor, n);
}

static int read_node(struct reader *r, const yaml_event_t *e, struct dw_yaml **ret)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: return read_scalar(r, e, ret);
    case YAML_ALIAS_EVENT: return read_alias(r, e, ret);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT: return read_collection(r, e, ret);
    default: DW_NEVER("libyaml gives a node where a node must stand");
    }
}

/* One document: everything between its start and its end. */
static int read_document(struct reader *r, struct dw_yaml **ret)
{
    r->anchor_count = 0;
    int rc = read_child(r, ret);
    yaml_event_t e;
    if (rc == DW_OK)
        rc = next_event(r, &e); /* its end */
    if (rc == DW_OK)
        yaml_event_delete(&e);
    return rc;
}

static int read_stream(struct reader *r, const struct dw_yaml **ret_first)
{
    const struct dw_yaml *first = NULL, **tail = &first;
    for (;;) {
        yaml_event_t e;
        int rc = next_event(r, &e);
        if (rc < 0)
            return rc;
        yaml_event_type_t type = e.type;
        yaml_event_delete(&e);
        if (type == YAML_STREAM_END_EVENT)
            break;
        if (type != YAML_DOCUMENT_START_EVENT)
            continue; /* the stream's start */
        struct dw_yaml *doc = NULL;
        rc = read_document(r, &doc);
        if (rc < 0)
            return rc;
        *tail = doc;
        tail = &doc->next;
    }
    *ret_first = first;
    return DW_OK;
}

int dw_yaml_parse(struct dw_arena *a, struct dw_str text, struct dw_diags *diags, const struct dw_yaml **ret_first)
{
    struct reader r = {.arena = a, .text = text, .diags = diags, .at = {.line = 1}};
    if (!yaml_parser_initialize(&r.parser))
        return DW_ENOMEM;
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const yaml_char_t *)(text.ptr ? text.ptr : ""), text.len);
    int rc = read_stream(&r, ret_first);
    yaml_parser_delete(&r.parser);
    return rc;
}

const struct dw_yaml *dw_yaml_get(const struct dw_yaml *map, const char *key)
{
    if (!map || map->kind != DW_YAML_MAP)
        return NULL;
    for (const struct dw_yaml *v = map->first; v; v = v->next)
        if (dw_str_eq(v->key, dw_str_of(key)))
            return v;
    return NULL;
}

static bool one_of(struct dw_str text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (dw_str_eq(text, dw_str_of(words[i])))
            return true;
    return false;
}

bool dw_yaml_is_null(const struct dw_yaml *n)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    return n->kind == DW_YAML_SCALAR && n->plain && one_of(n->text, words, DW_COUNT_OF(words));
}

bool dw_yaml_bool(const struct dw_yaml *n, bool *ret)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
    static const char *const no[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};
    if (n->kind != DW_YAML_SCALAR || !n->plain)
        return false;
    bool is_yes = one_of(n->text, yes, DW_COUNT_OF(yes));
    if (!is_yes && !one_of(n->text, no, DW_COUNT_OF(no)))
        return false;
    *ret = is_yes;
    return true;
}

bool dw_yaml_int(const struct dw_yaml *n, int64_t *ret)
{
    return n->kind == DW_YAML_SCALAR && n->plain && dw_str_i64(n->text, ret);
}

struct dw_span dw_yaml_span_in(const struct dw_yaml *n, size_t from, size_t len)
{
    if (!n->one_line || from > n->text.len)
        return n->at;
    uint32_t col = n->at.col + (n->plain ? 0 : 1) + (uint32_t)from;
    return (struct dw_span){n->at.line, col, len ? (uint32_t)len : 1};
}
