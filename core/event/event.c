/*
 * event: finding values in an event, and filling a draft within its bounds.
 *
 * Invariants:
 *   (1) field_count <= DW_EVENT_FIELDS_MAX.
 *   (2) A view lies within the line (asserted): nothing else may be stored as (start, length).
 *   (3) A full draft gives up names outside tbl/fields.h first, so junk keys cannot push out what rules need.
 */
#include "dogwatch/event/event.h"

#include "dogwatch/base/counter.h"

#include <stdio.h>

const struct dw_field *dw_event_find(const struct dw_event *ev, uint32_t key)
{
    for (uint32_t i = 0; i < ev->field_count; i++)
        if (ev->field[i].key == key)
            return &ev->field[i];
    const struct dw_stream *s = ev->stream;
    for (uint32_t i = 0; s && i < s->field_count; i++)
        if (s->field[i].key == key)
            return &s->field[i];
    return NULL;
}

void dw_event_id_text(const struct dw_event *ev, char out[DW_EVENT_ID_TEXT])
{
    static const uint8_t none[DW_ID_BYTES];
    const size_t hex = 2 * (size_t)DW_ID_BYTES;
    dw_hex(ev->stream ? ev->stream->id : none, DW_ID_BYTES, out);
    (void)snprintf(out + hex, DW_EVENT_ID_TEXT - hex, "-%llu", (unsigned long long)ev->start);
}

void dw_draft_reset(struct dw_draft *d, struct dw_str line)
{
    d->line = line;
    d->field_count = 0;
    d->dropped = 0;
    d->literal_bytes = d->name_bytes = 0;
    d->has_time = false;
    d->time_ns = 0;
}

static void drop(struct dw_draft *d)
{
    d->dropped++;
    DW_COUNT(parse_fields_dropped);
}

/* event.kind is one value: what a line says of it goes over what its format says. */
static bool replace_kind(struct dw_draft *d, const struct dw_field *f)
{
    for (uint32_t i = 0; f->key == DW_F_event_kind && i < d->field_count; i++) {
        if (d->field[i].key != DW_F_event_kind)
            continue;
        d->field[i] = *f;
        return true;
    }
    return false;
}

void dw_draft_field(struct dw_draft *d, struct dw_field f)
{
    d->literal_bytes += f.kind == DW_K_LITERAL ? f.len : 0;
    d->name_bytes += f.key >= DW_FIELDS ? dw_keys_name(d->keys, f.key).len : 0;
    if (replace_kind(d, &f))
        return;
    if (d->field_count < DW_EVENT_FIELDS_MAX) {
        d->field[d->field_count++] = f;
        return;
    }
    drop(d);
    if (f.key >= DW_FIELDS)
        return;
    for (uint32_t i = d->field_count; i-- > 0;) {
        if (d->field[i].key >= DW_FIELDS) {
            d->field[i] = f;
            return;
        }
    }
}

void dw_draft_literal(struct dw_draft *d, uint32_t key, struct dw_str s)
{
    struct dw_str copy = s.len <= DW_EVENT_VALUE_MAX ? dw_arena_copy(d->pool, s) : DW_STR_NONE;
    if (!copy.ptr) {
        drop(d);
        return;
    }
    dw_draft_field(d, (struct dw_field){.v.ptr = copy.ptr, .len = (uint32_t)copy.len, .key = key, .kind = DW_K_LITERAL});
}

void dw_draft_int(struct dw_draft *d, uint32_t key, int64_t v)
{
    dw_draft_field(d, (struct dw_field){.v.i = v, .key = key, .kind = DW_K_INT});
}

void dw_draft_float(struct dw_draft *d, uint32_t key, double v)
{
    dw_draft_field(d, (struct dw_field){.v.f = v, .key = key, .kind = DW_K_FLOAT});
}

void dw_draft_bool(struct dw_draft *d, uint32_t key, bool v)
{
    dw_draft_field(d, (struct dw_field){.v.i = v, .key = key, .kind = DW_K_BOOL});
}

void dw_draft_time(struct dw_draft *d, int64_t time_ns)
{
    d->time_ns = time_ns;
    d->has_time = true;
}
