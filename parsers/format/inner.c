/*
 * inner: a line within a record.
 *
 * Invariants:
 *   (1) What the record says of a field is not overruled by the line inside, but for its format.
 *   (2) The time is the line's own, unless the record's shows that it cannot be (docs/formats/frame.md).
 */
#include "inner.h"

#include <stdlib.h>

#define AHEAD_MAX_NS (300 * DW_NS_PER_S)
#define BEHIND_MAX_NS (86400 * DW_NS_PER_S)
enum { NUMBER_CAP = 64 };

void inner_replace(struct dw_draft *d, uint32_t key, struct dw_str s, enum dw_kind kind)
{
    for (uint32_t i = 0; i < d->field_count; i++) {
        if (d->field[i].key != key)
            continue;
        d->field[i].v.ptr = s.ptr;
        d->field[i].len = (uint32_t)s.len;
        d->field[i].kind = (uint8_t)kind;
        return;
    }
    dw_draft_field(d, (struct dw_field){.v.ptr = s.ptr, .len = (uint32_t)s.len, .key = key, .kind = (uint8_t)kind});
}

/* A number of a line that is no piece of ours. */
static struct dw_field number_of(const struct dw_field *f)
{
    struct dw_field n = *f;
    char text[NUMBER_CAP];
    int64_t i;
    if (dw_str_i64(dw_field_str(f), &i)) {
        n.kind = DW_K_INT;
        n.v.i = i;
    } else if (f->len < sizeof text) {
        memcpy(text, f->v.ptr, f->len);
        text[f->len] = '\0';
        n.kind = DW_K_FLOAT;
        n.v.f = strtod(text, NULL);
    } else {
        n.kind = DW_K_LITERAL;
    }
    return n;
}

/* Adds what the line inside holds; its views are pieces of ours only if it is one itself. */
static void add_found(struct dw_draft *d, const struct dw_draft *inner, bool is_piece)
{
    static const uint32_t format[] = {DW_F_event_dataset, DW_F_event_module, DW_F_event_kind};
    uint32_t before = d->field_count;
    for (uint32_t i = 0; i < inner->field_count; i++) {
        struct dw_field f = inner->field[i];
        bool names_format = false, said = false;
        for (size_t k = 0; k < DW_COUNT_OF(format); k++)
            names_format |= f.key == format[k];
        for (uint32_t k = 0; k < before && !names_format; k++)
            said |= d->field[k].key == f.key && f.key != DW_F_tags;
        if (said)
            continue;
        if (!is_piece && f.kind == DW_K_NUMBER)
            f = number_of(&f);
        else if (!is_piece && f.kind == DW_K_VIEW)
            f.kind = DW_K_LITERAL;
        if (names_format)
            inner_replace(d, f.key, dw_field_str(&f), (enum dw_kind)f.kind);
        else
            dw_draft_field(d, f);
    }
}

static void take_time(struct dw_draft *d, const struct dw_draft *inner)
{
    if (!inner->has_time)
        return;
    bool wrong = d->has_time && (inner->time_ns - AHEAD_MAX_NS > d->time_ns || inner->time_ns + BEHIND_MAX_NS < d->time_ns);
    if (wrong)
        dw_draft_const(d, DW_F_tags, "time.untrusted");
    else
        dw_draft_time(d, inner->time_ns);
}

struct dw_str inner_line(const struct dw_draft *d)
{
    struct dw_str line = fmt_get(d, DW_F_message);
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    return line;
}

bool inner_parse(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct dw_parser *p, struct dw_str line)
{
    struct dw_field room[DW_EVENT_FIELDS_MAX];
    struct dw_parse_ctx inside = *ctx;
    struct dw_draft inner = {.keys = d->keys, .pool = d->pool, .field = room};
    if (d->has_time)
        inside.time.now_ns = d->time_ns;
    inside.user = NULL;
    if (dw_parser_run(p, &inside, line, &inner) < 0)
        return false;
    add_found(d, &inner, dw_draft_holds(d, line));
    take_time(d, &inner);
    return true;
}
