/*
 * query_pipes: what follows a bar. The table says which pipes there are; each reads its own arguments.
 *
 * Idea: with the text also the shape of the rows is followed from bar to bar, so that a name which no row can have there is a
 * mistake with a place, not an empty answer.
 *
 * Invariants:
 *   (1) A table's rows have the columns of its shape and no other field.
 *   (2) Every operator that was made is in the query's chain or freed.
 */
#include "query_int.h"

#include <stdio.h>

static const struct {
    const char *word, *syntax, *doc, *example;
    int (*parse)(struct query_parser *p, struct op **ret);
} pipes[] = {
#define PIPE(word, syntax, doc, example) {#word, syntax, doc, example, query_pipe_##word},
#include "dogwatch/tbl/query_pipes.h"
#undef PIPE
};

bool dw_query_pipe(size_t i, struct dw_query_word *ret)
{
    if (i >= DW_COUNT_OF(pipes))
        return false;
    *ret = (struct dw_query_word){pipes[i].word, pipes[i].syntax, pipes[i].doc, pipes[i].example};
    return true;
}

/* What other languages call a pipe, and how it is written here. */
static const struct {
    const char *word, *here;
} others[] = {
    {"limit", "head 10"}, {"take", "head 10"}, {"first", "head 10"}, {"last", "tail 10"}, {"filter", "where status:>=500"}, {"search", "where login"},
    {"grep", "where login"}, {"regex", "where /time ?out/"}, {"select", "fields source.ip, url.path"}, {"project", "fields source.ip, url.path"},
    {"table", "fields source.ip, url.path"}, {"keep", "fields source.ip, url.path"}, {"order", "sort -count"}, {"orderby", "sort -count"},
    {"uniq", "dedup source.ip"}, {"unique", "dedup source.ip"}, {"distinct", "dedup source.ip"}, {"count", "stats count"},
    {"sum", "stats sum(http.response.bytes)"}, {"avg", "stats avg(event.duration)"}, {"group", "stats count by source.ip"},
    {"summarize", "stats count by source.ip"}, {"aggregate", "stats count by source.ip"}, {"by", "stats count by source.ip"},
    {"extend", "eval ms = event.duration / 1000000"}, {"let", "eval ms = event.duration / 1000000"}, {"rex", "parse \"port <port> \""},
    {"extract", "parse \"port <port> \""}, {"bin", "timechart 1h count"}, {"bucket", "timechart 1h count"},
};

static int no_such_pipe(struct query_parser *p, size_t at, struct dw_str name)
{
    const char *names[DW_COUNT_OF(pipes)];
    char help[160] = "pipes: ";
    for (size_t i = 0, n = strlen(help); i < DW_COUNT_OF(pipes); i++, n = strlen(help)) {
        names[i] = pipes[i].word;
        (void)snprintf(help + n, sizeof help - n, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = dw_nearest(name, names, DW_COUNT_OF(pipes));
    if (near)
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
    for (size_t i = 0; i < DW_COUNT_OF(others); i++)
        if (dw_str_ieq(name, dw_str_of(others[i].word)))
            (void)snprintf(help, sizeof help, "here that is written: %s", others[i].here);
    return query_refuse(p, at, name.len, help, "no such pipe");
}

int query_parse_pipe(struct query_parser *p)
{
    size_t at = (query_skip_blanks(p), p->at), count = 0;
    struct dw_str name = query_word(p, ",");
    struct op **end = &p->q->first, *made = NULL;
    for (; *end; end = &(*end)->next)
        count++;
    if (count >= QUERY_PIPES_MAX)
        return query_refuse(p, at, name.len, NULL, "too many pipes");
    for (size_t i = 0; i < DW_COUNT_OF(pipes); i++) {
        if (!dw_str_eq(name, dw_str_of(pipes[i].word)))
            continue;
        (void)dw_query_pipe(i, &p->pipe);
        p->pipe_at = at;
        int rc = pipes[i].parse(p, &made);
        DW_ASSERT(rc < 0 || made);
        if (rc == DW_OK) {
            *end = made;
            made->at = at;
            made->len = name.len;
        }
        p->first = false;
        return rc;
    }
    return no_such_pipe(p, at, name);
}

bool query_shape_has(const struct query_shape *s, uint32_t key)
{
    bool has = false;
    for (uint32_t i = 0; s->table && i < s->column_count; i++)
        has |= s->column[i].key == key;
    for (uint32_t i = 0; !s->table && i < s->made_count; i++)
        has |= s->made[i] == key;
    return has;
}

void query_shape_table(struct query_parser *p)
{
    p->shape = (struct query_shape){.table = true};
}

int query_shape_add(struct query_parser *p, size_t at, uint32_t key, bool number)
{
    struct query_shape *s = &p->shape;
    if (query_shape_has(s, key))
        return DW_OK;
    if ((s->table ? s->column_count : s->made_count) == QUERY_COLUMNS_MAX)
        return query_refuse(p, at, 1, NULL, "too many columns");
    if (s->table)
        s->column[s->column_count++] = (struct dw_query_column){.key = key, .number = number};
    else
        s->made[s->made_count++] = key;
    return DW_OK;
}

int query_needs_events(struct query_parser *p, size_t at, const char *what)
{
    return p->shape.table ? query_refuse(p, at, strlen(p->pipe.word), "put it before the pipe that makes the table", what) : DW_OK;
}

/* A name that is none of a table's columns. */
static int no_such_column(struct query_parser *p, size_t at, struct dw_str name)
{
    const char *names[QUERY_COLUMNS_MAX];
    char help[160] = "the columns here: ";
    for (uint32_t i = 0; i < p->shape.column_count; i++) {
        size_t n = strlen(help);
        names[i] = dw_keys_name(p->q->cx.keys, p->shape.column[i].key).ptr; /* ended by a zero byte, as all names are */
        (void)snprintf(help + n, sizeof help - n, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = dw_nearest(name, names, p->shape.column_count);
    if (near)
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
    return query_refuse(p, at, name.len, help, "the rows here have no such field");
}

static int key_of(struct query_parser *p, size_t at, struct dw_str name, uint32_t *ret_key)
{
    if (dw_str_eq(name, DW_STR("_line")))
        name = DW_STR("event.original");
    else if (dw_str_eq(name, DW_STR("_time")))
        name = DW_STR("@timestamp");
    int rc = dw_keys_intern(p->q->cx.keys, name, ret_key);
    return rc == DW_ELIMIT ? query_refuse(p, at, name.len, NULL, "this name is too long") : rc;
}

int query_resolve(struct query_parser *p, size_t at, struct dw_str name, uint32_t *ret_key)
{
    int rc = key_of(p, at, name, ret_key);
    if (rc < 0)
        return rc;
    if (p->shape.table && !query_shape_has(&p->shape, *ret_key))
        return no_such_column(p, at, name);
    if (!p->shape.table)
        query_need_name(p->q, *ret_key);
    if (!p->shape.table && !query_shape_has(&p->shape, *ret_key))
        query_own_name(p->q, *ret_key);
    return DW_OK;
}

int query_name(struct query_parser *p, const char *stop, uint32_t *ret_key)
{
    size_t at = (query_skip_blanks(p), p->at);
    struct dw_str name = query_word(p, stop);
    size_t close = p->at + dw_str_index(dw_str_slice(p->text, p->at, p->text.len), ')');
    if (p->shape.table && name.len && close < p->text.len && p->text.ptr[p->at] == '(') { /* a column such as sum(x) */
        p->at = close + 1;
        name = dw_str_slice(p->text, at, p->at);
    }
    return name.len ? query_resolve(p, at, name, ret_key) : query_refuse(p, at, 1, NULL, "a field is missing here");
}

int query_new_name(struct query_parser *p, const char *stop, uint32_t *ret_key)
{
    size_t at = (query_skip_blanks(p), p->at);
    struct dw_str name = query_word(p, stop);
    return name.len ? query_new_key(p, at, name, ret_key) : query_refuse(p, at, 1, NULL, "a name is missing here");
}

int query_new_key(struct query_parser *p, size_t at, struct dw_str name, uint32_t *ret_key)
{
    int rc = key_of(p, at, name, ret_key);
    if (rc == DW_OK && query_ours(*ret_key) >= 0)
        return query_refuse(p, at, name.len, NULL, "this name is dogwatch's own: choose another");
    return rc;
}

int query_end_of_list(struct query_parser *p)
{
    char c = query_peek(p);
    size_t at = p->at, len = query_word(p, ",").len;
    p->at = at;
    return c && len ? query_refuse(p, at, len, "fields are divided by commas: a, b", "a comma is missing before this") : DW_OK;
}

int query_names(struct query_parser *p, uint32_t *key, uint32_t max, uint32_t *ret_count)
{
    uint32_t count = 0;
    do {
        size_t at = (query_skip_blanks(p), p->at);
        if (count == max)
            return query_refuse(p, at, 1, NULL, "too many fields");
        int rc = query_name(p, ",", &key[count]);
        if (rc < 0)
            return rc;
        for (uint32_t i = 0; i < count; i++)
            if (key[i] == key[count])
                return query_refuse(p, at, p->at - at, NULL, "this field is named twice");
        count++;
    } while (query_byte(p, ','));
    *ret_count = count;
    return query_end_of_list(p);
}
