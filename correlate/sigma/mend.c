/*
 * mend: repairs of what is wrong in a rule file, as edits of its text.
 *
 *     tags:                          tags:
 *         - attack.T1110     ->          - attack.t1110       one edit of one scalar
 *         - attack.T1110                                      an entry that stands twice: its whole line
 *
 * Idea: a finding's author knows the node that is wrong; here its place becomes bytes of the file. What is written in a way that the place does not tell exactly
 * (several lines, escapes, an alias) is left to people.
 *
 * Invariants:
 *   (1) An edit lies inside one line, but for a whole line that goes and an id that comes as one.
 *   (2) No comment goes: a line goes only where nothing else stands in it.
 *   (3) Only what tbl/lint.h says is mended is.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { ID_BYTES = 16, ID_CHARS = 36, SAID = 80 };

void dw_mends_init(struct dw_mends *m, int (*chance)(uint8_t *out, size_t len))
{
    *m = (struct dw_mends){.chance = chance};
    dw_arena_init(&m->arena, 0);
}

void dw_mends_fini(struct dw_mends *m)
{
    dw_arena_fini(&m->arena);
    dw_free(m->item);
    *m = (struct dw_mends){.count = 0};
}

const char *dw__only_near(struct dw_str word, const char *const *names, size_t count)
{
    const char *near = dw_nearest(word, names, count);
    unsigned distance = near ? dw_str_distance(word, dw_str_of(near), 2) : 0, alike = 0;
    for (size_t i = 0; i < count && near; i++)
        alike += dw_str_distance(word, dw_str_of(names[i]), 2) == distance;
    return alike == 1 ? near : NULL;
}

/* ---- places ---- */

static size_t line_begin(struct dw_str text, uint32_t line)
{
    size_t at = 0;
    for (; line > 1 && at < text.len; line--)
        at += dw_str_index(dw_str_slice(text, at, text.len), '\n') + 1;
    return at < text.len ? at : text.len;
}

static size_t offset_of(const struct dw__sigma *g, struct dw_span at)
{
    size_t from = line_begin(g->diags->text, at.line) + at.col - 1;
    return from < g->diags->text.len ? from : g->diags->text.len;
}

size_t dw__text_begin(const struct dw__sigma *g, const struct dw_yaml *n)
{
    return offset_of(g, n->at) + !n->plain;
}

/* Where a key's text begins; false: it does not stand there as it is. */
static bool key_begin(const struct dw__sigma *g, const struct dw_yaml *item, size_t *ret)
{
    struct dw_str text = g->diags->text;
    size_t at = offset_of(g, item->key_at);
    at += at < text.len && (text.ptr[at] == '\'' || text.ptr[at] == '"');
    *ret = at;
    return item->key.len && dw_str_eq(dw_str_slice(text, at, at + item->key.len), item->key);
}

bool dw__key_end(const struct dw__sigma *g, const struct dw_yaml *item, size_t *ret)
{
    size_t at;
    bool there = key_begin(g, item, &at);
    *ret = there ? at + item->key.len : 0;
    return there;
}

static bool is_blank_between(struct dw_str text, size_t from, size_t to)
{
    for (; from < to; from++)
        if (text.ptr[from] != ' ' && text.ptr[from] != '\t' && text.ptr[from] != '\r')
            return false;
    return true;
}

/* The whole line in which nothing but `lead`, blanks and bytes [from, to) stand; false: more does. */
static bool whole_line(struct dw_str text, size_t from, size_t to, char lead, struct dw_edit *ret)
{
    size_t begin = from, end = to + dw_str_index(dw_str_slice(text, to, text.len), '\n');
    while (begin > 0 && text.ptr[begin - 1] != '\n')
        begin--;
    size_t mark = begin + dw_str_index(dw_str_slice(text, begin, from), lead);
    if (!is_blank_between(text, to, end) || !is_blank_between(text, begin, mark) || (mark < from && !is_blank_between(text, mark + 1, from)) || (lead && mark == from))
        return false;
    *ret = (struct dw_edit){begin, end < text.len ? end + 1 : end, DW_STR("")};
    return true;
}

/* ---- repairs ---- */

static int copy_edits(struct dw_mends *m, struct dw_mend *item, const struct dw_edit *edit, uint32_t count)
{
    item->edit = dw_arena_alloc(&m->arena, count * sizeof *edit);
    if (!item->edit || !item->said.ptr || !item->path.ptr)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        item->edit[i] = edit[i];
        item->edit[i].with = dw_arena_copy(&m->arena, edit[i].with);
        if (!item->edit[i].with.ptr)
            return DW_ENOMEM;
    }
    item->edit_count = count;
    return DW_OK;
}

void dw__mend(struct dw__sigma *g, enum dw__lint what, struct dw_span at, const struct dw_edit *edit, uint32_t count, const char *said)
{
    struct dw_mends *m = g->rs->opts.mends;
    size_t rows;
    const struct dw_lint_row *row = &dw_lint_table(&rows)[what];
    DW_ASSERT(row->repair != DW_REPAIR_HAND);
    if (!m || m->err < 0)
        return;
    if (m->count == DW_MENDS_MAX) {
        m->over++;
        return;
    }
    m->err = dw_ruleset_grow((void **)&m->item, m->count, &m->cap, sizeof *m->item);
    struct dw_mend item = {.row = row, .at = at, .path = dw_arena_copy(&m->arena, g->diags->path), .said = dw_arena_copy(&m->arena, dw_str_of(said))};
    if (m->err == DW_OK)
        m->err = copy_edits(m, &item, edit, count);
    if (m->err == DW_OK)
        m->item[m->count++] = item;
}

/* Whether a text that stood without quotes may stand so: blanks at its end would be lost, and a colon would make a key of it. */
static bool stays_plain(struct dw_str with)
{
    char last = with.len ? with.ptr[with.len - 1] : ' ';
    return !dw_is_blank(last) && last != ':';
}

void dw__mend_text(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *n, struct dw_str with)
{
    char said[2 * SAID + 16];
    if (n->kind != DW_YAML_SCALAR || !n->one_line || n->text.len == 0 || dw_str_eq(n->text, with) || (n->plain && !stays_plain(with)))
        return;
    size_t at = dw__text_begin(g, n);
    const struct dw_edit edit = {at, at + n->text.len, with};
    (void)snprintf(said, sizeof said, "'%.*s' is '%.*s'", DW_ARG(dw_str_slice(n->text, 0, SAID)), DW_ARG(dw_str_slice(with, 0, SAID)));
    dw__mend(g, what, n->at, &edit, 1, said);
}

static size_t end_of(const struct dw__sigma *g, const struct dw_yaml *n)
{
    return offset_of(g, n->at) + n->at.len;
}

void dw__mend_drop(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *list, const struct dw_yaml *entry)
{
    struct dw_str text = g->diags->text;
    struct dw_edit edit;
    char said[SAID + 40];
    const struct dw_yaml *before = list->first;
    while (before && before->next != entry)
        before = before->next;
    if (!before || !entry->one_line)
        return;
    size_t from = offset_of(g, entry->at), to = end_of(g, entry), gap = end_of(g, before), comma = gap + dw_str_index(dw_str_slice(text, gap, from), ',');
    if (gap < from && comma < from && is_blank_between(text, gap, comma) && is_blank_between(text, comma + 1, from))
        edit = (struct dw_edit){gap, to, DW_STR("")};
    else if (!whole_line(text, from, to, '-', &edit))
        return;
    (void)snprintf(said, sizeof said, "'%.*s' stands there once", DW_ARG(dw_str_slice(entry->text, 0, SAID)));
    dw__mend(g, what, entry->at, &edit, 1, said);
}

void dw__mend_drop_line(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *value)
{
    struct dw_edit edit;
    char said[SAID + 40];
    size_t key;
    if (!key_begin(g, value, &key) || !value->one_line || value->at.line != value->key_at.line ||
        !whole_line(g->diags->text, offset_of(g, value->key_at), end_of(g, value), '\0', &edit))
        return;
    (void)snprintf(said, sizeof said, "without '%.*s'", DW_ARG(dw_str_slice(value->key, 0, SAID)));
    dw__mend(g, what, value->key_at, &edit, 1, said);
}

void dw__mend_key(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *item, size_t from, size_t len)
{
    char said[2 * SAID + 40];
    size_t at;
    if (!key_begin(g, item, &at))
        return;
    const struct dw_edit edit = {at + from, at + from + len, DW_STR("")};
    struct dw_str tail = dw_str_slice(item->key, from + len, item->key.len);
    (void)snprintf(said, sizeof said, "'%.*s%.*s'", DW_ARG(dw_str_slice(item->key, 0, from < SAID ? from : SAID)), DW_ARG(dw_str_slice(tail, 0, SAID)));
    dw__mend(g, what, item->key_at, &edit, 1, said);
}

/* A UUID of version 4. */
static int make_id(const struct dw_mends *m, char ret[ID_CHARS + 1])
{
    uint8_t b[ID_BYTES];
    char hex[2 * ID_BYTES + 1];
    int rc = m->chance(b, sizeof b);
    if (rc < 0)
        return rc;
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    dw_hex(b, sizeof b, hex);
    (void)snprintf(ret, ID_CHARS + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return DW_OK;
}

/* Behind the title, else before the first key. */
void dw__mend_id(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *doc)
{
    struct dw_mends *m = g->rs->opts.mends;
    struct dw_str text = g->diags->text;
    const struct dw_yaml *title = dw_yaml_get(doc, "title");
    char id[ID_CHARS + 1], line[ID_CHARS + 64], said[ID_CHARS + 16];
    if (!m || !doc->first)
        return;
    size_t first = offset_of(g, doc->first->key_at), begin = line_begin(text, doc->first->key_at.line), indent = first - begin;
    if (text.ptr[offset_of(g, doc->at)] == '{' || !is_blank_between(text, begin, first) || indent > 16)
        return;
    if (m->err == DW_OK)
        m->err = make_id(m, id);
    if (m->err < 0)
        return;
    bool behind = title && title->one_line && title->at.line == title->key_at.line;
    size_t at = behind ? end_of(g, title) : first, eol = at + dw_str_index(dw_str_slice(text, at, text.len), '\n');
    bool dos = eol > at && text.ptr[eol - 1] == '\r';
    const char *br = dos ? "\r\n" : "\n";
    struct dw_str margin = dw_str_slice(text, begin, first);
    if (behind)
        (void)snprintf(line, sizeof line, "%s%.*sid: %s", br, DW_ARG(margin), id);
    else
        (void)snprintf(line, sizeof line, "id: %s%s%.*s", id, br, DW_ARG(margin));
    at = behind ? eol - dos : at;
    const struct dw_edit edit = {at, at, dw_str_of(line)};
    (void)snprintf(said, sizeof said, "id: %s", id);
    dw__mend(g, what, doc->at, &edit, 1, said);
}

/* ---- all of them ---- */

static int by_place(const void *a, const void *b)
{
    const struct dw_mend *x = a, *y = b;
    int order = dw_str_cmp(x->path, y->path);
    if (order == 0 && x->edit[0].from != y->edit[0].from)
        order = x->edit[0].from < y->edit[0].from ? -1 : 1;
    return order ? order : strcmp(x->row->code, y->row->code);
}

void dw_mends_sort(struct dw_mends *m)
{
    size_t end = 0, begin = 0;
    bool goes = false;
    if (m->count)
        qsort(m->item, m->count, sizeof *m->item, by_place);
    for (uint32_t i = 0; i < m->count; i++) {
        struct dw_mend *it = &m->item[i];
        bool same = i > 0 && dw_str_eq(m->item[i - 1].path, it->path);
        it->beside = same && (it->edit[0].from < end || it->edit[0].from == begin);
        it->moot = it->beside && (it->edit[0].from == begin || (goes && it->edit[it->edit_count - 1].to <= end));
        if (it->beside)
            continue;
        goes = it->edit_count == 1 && it->edit[0].with.len == 0;
        begin = it->edit[0].from;
        end = it->edit[it->edit_count - 1].to;
    }
}

void dw_mends_edits(const struct dw_mends *m, uint32_t first, uint32_t last, struct dw_buf *out)
{
    for (uint32_t i = first; i < last; i++)
        if (m->item[i].used)
            dw_buf_add(out, m->item[i].edit, m->item[i].edit_count * sizeof *m->item[i].edit);
}
