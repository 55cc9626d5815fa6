/*
 * columns: the columns of VIEWS to events and their fields.
 *
 * Idea: first the event columns give every event its line, extent and shape; counting the shapes tells how many fields
 * there are, so all are laid out at once; then each shape's plan is run field by field over its events, as they were written.
 *
 * Invariants:
 *   (1) Arithmetic on stored numbers is unsigned and wraps, results are range-checked before use as a place.
 *   (2) A value column is read in exactly the order it was written: shape, field, event. A field that nobody wants is passed over there,
 *       and leaves only where its view ends, while views that are wanted follow.
 */
#include "decode_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

/* A run of numbers: each one stored, or one for all. */
struct run {
    struct dw_cursor *c;
    uint64_t all;
    bool each;
};

static struct run run_of(struct dw_cursor *c, uint32_t count)
{
    struct run r = {.c = c};
    if (count == 0)
        return r;
    uint8_t each = dw_take_byte(c);
    c->bad |= each > 1;
    r.each = each;
    r.all = each ? 0 : dw_take_varint(c);
    return r;
}

static inline uint64_t take(struct run *r)
{
    return r->each ? dw_take_varint(r->c) : r->all;
}

static inline int64_t take_signed(struct run *r)
{
    return dw_unzigzag(take(r));
}

static int read_event(struct dw_decoder *d, struct run *col, struct dw_str text, size_t *at, uint64_t *stream_end,
    struct dw_event *ev, uint32_t index)
{
    uint64_t s = take(&col[COL_STREAM]), shape = take(&col[COL_SHAPE]);
    uint64_t len = take(&col[COL_LENGTH]);
    if (s >= d->stream_count || shape >= d->shape_count || len >= text.len || *at + len >= text.len
        || text.ptr[*at + len] != '\n')
        return DW_ECORRUPT;
    uint64_t start = stream_end[s] + (uint64_t)take_signed(&col[COL_START]);
    uint64_t span = len + (uint64_t)take_signed(&col[COL_OVER]);
    if (start > INT64_MAX || span > INT64_MAX)
        return DW_ECORRUPT;
    ev->stream = &d->stream[s];
    ev->start = start;
    ev->end = stream_end[s] = start + span;
    ev->line = dw_str_make(text.ptr + *at, (size_t)len);
    uint64_t out = take(&col[COL_OUT]);
    ev->out = (uint8_t)out;
    ev->more = NULL;
    ev->more_count = 0;
    d->shape_of[index] = (uint16_t)shape;
    d->shape[shape].count++;
    *at += (size_t)len + 1;
    return out <= DW_OUT_STDERR ? DW_OK : DW_ECORRUPT;
}

/* Reads the further extents of event `index`, for which the column has an entry. */
static int read_more(struct dw_decoder *d, struct dw_cursor *c, struct dw_event *ev, uint64_t *stream_end)
{
    uint64_t n = dw_take_varint(c);
    if (c->bad || n == 0 || n > dw_cursor_left(c))
        return DW_ECORRUPT;
    struct dw_extent *more = dw_arena_alloc(&d->arena, (size_t)n * sizeof *more);
    if (!more)
        return DW_ENOMEM;
    for (uint64_t k = 0; k < n; k++) {
        uint64_t s = dw_take_varint(c), start = dw_take_varint(c), span = dw_take_varint(c);
        if (c->bad || s >= d->stream_count || start > INT64_MAX || span > INT64_MAX)
            return DW_ECORRUPT;
        more[k] = (struct dw_extent){.stream = &d->stream[s], .start = start, .end = start + span};
        if (more[k].stream == ev->stream && more[k].end > stream_end[s])
            stream_end[s] = more[k].end;
    }
    ev->more = more;
    ev->more_count = (uint32_t)n;
    return DW_OK;
}

static int read_events(struct dw_decoder *d, const struct dw_head *head, struct dw_cursor *col, struct dw_str text)
{
    uint64_t stream_end[DW_FRAME_STREAMS_MAX] = {0};
    int64_t time = head->time_min_ns, read_at = 0;
    size_t at = 0;
    struct dw_cursor *more = &col[COL_MORE];
    struct run run[COL_MORE];
    for (int c = 0; c < COL_MORE; c++)
        run[c] = run_of(&col[c], head->event_count);
    uint64_t next_more = dw_cursor_left(more) ? dw_take_varint(more) : UINT64_MAX;
    for (uint32_t i = 0; i < head->event_count; i++) {
        struct dw_event *ev = &d->event[i];
        int rc = read_event(d, run, text, &at, stream_end, ev, i);
        if (rc < 0)
            return rc;
        ev->time_ns = time = dw_plus(time, take_signed(&run[COL_TIME]));
        ev->read_at_ns = read_at = dw_plus(i ? read_at : time, take_signed(&run[COL_READ]));
        if (i == next_more) {
            rc = read_more(d, more, ev, stream_end);
            if (rc < 0)
                return rc;
            next_more = dw_cursor_left(more) ? i + dw_take_varint(more) : UINT64_MAX;
        }
    }
    return at == text.len && next_more == UINT64_MAX ? DW_OK : DW_ECORRUPT;
}

/* Passes over a run. */
static void skip_run(struct run *r, uint32_t count)
{
    struct dw_cursor *c = r->c;
    if (!r->each)
        return;
    while (count && c->at < c->end)
        count -= *c->at++ < 0x80;
    c->bad |= count > 0;
}

/* Sorts events by shape (stable) and gives each its run of fields. */
static int lay_out(struct dw_decoder *d, uint32_t event_count)
{
    uint64_t fields = 0;
    uint32_t first = 0;
    for (uint32_t i = 0; i < d->shape_count; i++) {
        struct dw__shape_plan *s = &d->shape[i];
        fields += (uint64_t)s->count * s->kept_count;
        s->first = first;
        first += s->count;
        s->count = 0;
    }
    if (fields > DW_FRAME_FIELDS_MAX)
        return DW_ECORRUPT;
    if (fields > d->field_cap || !d->field) { /* events without fields point somewhere too */
        dw_free(d->field);
        d->field_cap = 0;
        d->field = dw_alloc((size_t)(fields + 1) * sizeof *d->field);
        if (!d->field)
            return DW_ENOMEM;
        d->field_cap = (uint32_t)fields;
    }
    struct dw_field *next = d->field;
    for (uint32_t i = 0; i < event_count; i++) {
        struct dw__shape_plan *s = &d->shape[d->shape_of[i]];
        d->order[s->first + s->count++] = i;
        d->event[i].field = next;
        d->event[i].field_count = s->kept_count;
        next += s->kept_count;
    }
    memset(d->view_end, 0, event_count * sizeof *d->view_end);
    return DW_OK;
}

static struct dw_field *field_of(const struct dw_decoder *d, uint32_t event, uint32_t index)
{
    const struct dw_field *f = d->event[event].field + index;
    return (struct dw_field *)(uintptr_t)f; /* the decoder's own memory, const only to its readers */
}

static bool run_views(struct dw_decoder *d, const struct dw__shape_plan *s, uint32_t index, struct dw_cursor *gap_col,
    struct dw_cursor *len_col)
{
    const struct dw_field proto = d->plan[s->plan + index].proto;
    uint32_t slot = d->plan[s->plan + index].slot;
    struct run gaps = run_of(gap_col, s->count), lens = run_of(len_col, s->count);
    for (uint32_t n = 0; n < s->count; n++) {
        uint32_t i = d->order[s->first + n];
        struct dw_field *f = field_of(d, i, slot);
        struct dw_str line = d->event[i].line;
        uint64_t start = (uint64_t)d->view_end[i] + (uint64_t)take_signed(&gaps);
        uint64_t len = take(&lens);
        if (start > line.len || len > line.len - start)
            return false;
        *f = proto;
        f->v.ptr = line.ptr + start;
        f->len = (uint32_t)len;
        d->view_end[i] = (uint32_t)(start + len);
    }
    return true;
}

/* Views that nobody wants, before one that is wanted. */
static bool pass_views(struct dw_decoder *d, const struct dw__shape_plan *s, struct dw_cursor *gap_col, struct dw_cursor *len_col)
{
    struct run gaps = run_of(gap_col, s->count), lens = run_of(len_col, s->count);
    for (uint32_t n = 0; n < s->count; n++) {
        uint32_t i = d->order[s->first + n];
        size_t line = d->event[i].line.len;
        uint64_t start = (uint64_t)d->view_end[i] + (uint64_t)take_signed(&gaps);
        uint64_t len = take(&lens);
        if (start > line || len > line - start)
            return false;
        d->view_end[i] = (uint32_t)(start + len);
    }
    return true;
}

/* A field that nobody wants. */
static bool pass_field(struct dw_decoder *d, const struct dw__shape_plan *s, uint32_t index, struct dw_cursor *col)
{
    const struct dw__plan *p = &d->plan[s->plan + index];
    if (p->how == DW_K_CONST || (p->how >= DW__K_SAME && index >= s->kept_end))
        return true;
    if (p->how >= DW__K_SAME) {
        uint32_t target = d->plan[s->plan + p->target].slot;
        for (uint32_t n = 0; n < s->count; n++) {
            uint32_t i = d->order[s->first + n];
            const struct dw_field *same = field_of(d, i, target);
            d->view_end[i] = (uint32_t)(same->v.ptr - d->event[i].line.ptr) + same->len;
        }
    } else if (p->how <= DW_K_NUMBER) {
        if (index < s->kept_end)
            return pass_views(d, s, &col[COL_GAP], &col[COL_VIEW]);
        struct run gaps = run_of(&col[COL_GAP], s->count), lens = run_of(&col[COL_VIEW], s->count);
        skip_run(&gaps, s->count);
        skip_run(&lens, s->count);
    } else if (p->how == DW_K_INT || p->how == DW_K_BOOL) {
        struct run ints = run_of(&col[COL_INT], s->count);
        skip_run(&ints, s->count);
    } else {
        for (uint32_t n = 0; n < s->count; n++)
            (void)dw_take_bytes(&col[COL_LITERAL], p->how == DW_K_FLOAT ? 8 : (size_t)dw_take_max(&col[COL_LITERAL], UINT32_MAX));
    }
    return true;
}

static void run_same(struct dw_decoder *d, const struct dw__shape_plan *s, uint32_t index)
{
    const struct dw__plan *p = &d->plan[s->plan + index];
    uint32_t target = d->plan[s->plan + p->target].slot;
    for (uint32_t n = 0; n < s->count; n++) {
        uint32_t i = d->order[s->first + n];
        struct dw_field *f = field_of(d, i, p->slot);
        const struct dw_field *same = field_of(d, i, target);
        *f = p->proto;
        f->v.ptr = same->v.ptr;
        f->len = same->len;
        d->view_end[i] = (uint32_t)(same->v.ptr - d->event[i].line.ptr) + same->len;
    }
}

static void run_ints(struct dw_decoder *d, const struct dw__shape_plan *s, uint32_t index, struct dw_cursor *c)
{
    int64_t v = 0;
    struct run ints = run_of(c, s->count);
    for (uint32_t n = 0; n < s->count; n++) {
        struct dw_field *f = field_of(d, d->order[s->first + n], d->plan[s->plan + index].slot);
        *f = d->plan[s->plan + index].proto;
        f->v.i = v = dw_plus(v, take_signed(&ints));
    }
}

static bool run_literals(struct dw_decoder *d, const struct dw__shape_plan *s, uint32_t index, struct dw_cursor *c)
{
    const struct dw__plan *p = &d->plan[s->plan + index];
    for (uint32_t n = 0; n < s->count; n++) {
        struct dw_field *f = field_of(d, d->order[s->first + n], p->slot);
        *f = p->proto;
        if (p->how == DW_K_FLOAT) {
            f->v.f = dw_take_double(c);
            continue;
        }
        struct dw_str text = dw_take_counted(c);
        if (c->bad)
            return false;
        f->v.ptr = text.ptr;
        f->len = (uint32_t)text.len;
    }
    return true;
}

static void run_constant(struct dw_decoder *d, const struct dw__shape_plan *s, uint32_t index)
{
    const struct dw_field proto = d->plan[s->plan + index].proto;
    for (uint32_t n = 0; n < s->count; n++)
        *field_of(d, d->order[s->first + n], d->plan[s->plan + index].slot) = proto;
}

static bool run_field(struct dw_decoder *d, const struct dw__shape_plan *s, uint32_t index, struct dw_cursor *col)
{
    if (!d->plan[s->plan + index].kept)
        return pass_field(d, s, index, col);
    switch (d->plan[s->plan + index].how) {
    case DW_K_VIEW:
    case DW_K_NUMBER: return run_views(d, s, index, &col[COL_GAP], &col[COL_VIEW]);
    case DW__K_SAME:
    case DW__K_SAME_NUMBER: run_same(d, s, index); return true;
    case DW_K_CONST: run_constant(d, s, index); return true;
    case DW_K_INT:
    case DW_K_BOOL: run_ints(d, s, index, &col[COL_INT]); return true;
    default: return run_literals(d, s, index, &col[COL_LITERAL]);
    }
}

int dw__read_columns(struct dw_decoder *d, const struct dw_head *head, struct dw_cursor *c, struct dw_str text)
{
    struct dw_cursor col[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
        col[i] = dw_cursor_of(dw_take_counted(c));
        if (c->bad)
            return DW_ECORRUPT;
    }
    int rc = read_events(d, head, col, text);
    if (rc == DW_OK)
        rc = lay_out(d, head->event_count);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < d->shape_count; i++)
        for (uint32_t k = 0; k < d->shape[i].plan_count; k++)
            if (!run_field(d, &d->shape[i], k, col))
                return DW_ECORRUPT;
    for (int i = 0; i < COLUMNS; i++)
        if (col[i].bad || dw_cursor_left(&col[i]))
            return DW_ECORRUPT;
    return DW_OK;
}
