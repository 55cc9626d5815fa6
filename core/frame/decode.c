/*
 * decode: frame bytes to events, with nothing believed.
 *
 * Idea: the tables (keys, constants, streams, shapes) are read first and checked once; after that a shape is a plan
 * for filling fields, and the columns (columns.c) run through it without looking anything up.
 *
 * Invariants:
 *   (1) Every count is checked against its bound before memory is taken for it.
 *   (2) Every view lies within its line, every line within TEXT.
 *   (3) On any error the decoder is still usable for the next frame.
 */
#include "decode_int.h"

#include "slices.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/pack.h"

#include <zstd.h>

enum { CONSTANTS_MAX = 4096, STREAM_FIELDS_MAX = 256, SKIPPABLE = 8 };

struct dw_decoder *dw_decoder_new(struct dw_keys *keys)
{
    struct dw_decoder *d = dw_calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->keys = keys;
    dw_arena_init(&d->arena, 0);
    d->sha = dw_sha256_new();
    d->zstd = ZSTD_createDCtx();
    d->key = dw_alloc(DW_FRAME_KEYS_MAX * sizeof *d->key);
    d->constant = dw_alloc(CONSTANTS_MAX * sizeof *d->constant);
    d->stream = dw_alloc(DW_FRAME_STREAMS_MAX * sizeof *d->stream);
    d->shape = dw_alloc(DW_FRAME_SHAPES_MAX * sizeof *d->shape);
    d->event = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *d->event);
    d->shape_of = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *d->shape_of);
    d->order = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *d->order);
    d->view_end = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *d->view_end);
    if (d->zstd && d->key && d->constant && d->stream && d->shape && d->event && d->shape_of && d->order && d->view_end)
        return d;
    dw_decoder_free(d);
    return NULL;
}

void dw_decoder_free(struct dw_decoder *d)
{
    if (!d)
        return;
    (void)ZSTD_freeDCtx(d->zstd);
    dw_sha256_free(d->sha);
    dw_buf_fini(&d->text);
    dw_buf_fini(&d->views);
    dw_arena_fini(&d->arena);
    dw_free(d->key);
    dw_free(d->constant);
    dw_free(d->stream);
    dw_free(d->plan);
    dw_free(d->shape);
    dw_free(d->event);
    dw_free(d->shape_of);
    dw_free(d->order);
    dw_free(d->view_end);
    dw_free(d->field);
    dw_free(d);
}

void dw_decoder_only(struct dw_decoder *d, const uint32_t *key, uint32_t count)
{
    DW_ASSERT(count <= DW_DECODER_ONLY_MAX);
    d->pruned = key != NULL;
    d->only_count = key ? count : 0;
    for (uint32_t i = 0; i < d->only_count; i++)
        d->only[i] = key[i];
}

int dw_unpack(struct dw_decoder *d, const struct dw_head *head, struct dw_str bytes, struct dw_sections *ret)
{
    struct dw_cursor c = dw_cursor_of(bytes);
    (void)dw_take_bytes(&c, SKIPPABLE + DW_HEAD_BYTES + (head->flags & DW_HEAD_SIGNED ? DW_SIGNATURE_BYTES : 0));
    struct dw_str text = dw_take_bytes(&c, head->text_packed);
    uint32_t magic = 0, len = 0;
    if (head->views_packed) {
        magic = dw_take_u32(&c);
        len = dw_take_u32(&c);
    }
    struct dw_str views = dw_take_bytes(&c, head->views_packed);
    if (c.bad)
        return DW_EAGAIN;
    dw_buf_reset(&d->text);
    dw_buf_reset(&d->views);
    if (head->views_packed) {
        if (magic != (head->kind == DW_FRAME_RECORD ? DW_MAGIC_RECORD : DW_MAGIC_VIEWS) || len != head->views_packed)
            return DW_ECORRUPT;
        int rc = head->text_packed ? dw_pack_take(d->zstd, text, head->text_size, &d->text) : DW_OK;
        if (rc == DW_OK)
            rc = dw_pack_take(d->zstd, views, head->views_size, &d->views);
        if (rc < 0)
            return rc;
    }
    *ret = (struct dw_sections){.text = dw_buf_view(&d->text), .views = dw_buf_view(&d->views)};
    return DW_OK;
}

static int read_keys(struct dw_decoder *d, struct dw_cursor *c)
{
    dw_keys_make_room(d->keys, DW_FRAME_KEYS_MAX);
    d->key_count = dw_take_max(c, DW_FRAME_KEYS_MAX);
    for (uint32_t i = 0; i < d->key_count && !c->bad; i++) {
        struct dw_str name = dw_take_counted(c);
        if (c->bad)
            break;
        int rc = dw_keys_intern_passing(d->keys, name, &d->key[i]);
        if (rc < 0)
            return rc == DW_ELIMIT ? DW_ECORRUPT : rc; /* there is room: the name itself is too long */
    }
    d->constant_count = dw_take_max(c, CONSTANTS_MAX);
    for (uint32_t i = 0; i < d->constant_count && !c->bad; i++)
        d->constant[i] = dw_take_counted(c);
    return c->bad ? DW_ECORRUPT : DW_OK;
}

static int read_stream(struct dw_decoder *d, struct dw_cursor *c, struct dw_stream *s)
{
    *s = (struct dw_stream){0};
    dw_take_into(c, s->id, DW_ID_BYTES);
    dw_take_into(c, s->series, DW_ID_BYTES);
    s->ordinal = dw_take_varint(c);
    s->device = dw_take_varint(c);
    s->inode = dw_take_varint(c);
    s->birth_ns = dw_take_zigzag(c);
    s->generation = dw_take_varint(c);
    dw_take_into(c, s->predecessor, DW_ID_BYTES);
    s->predecessor_size = dw_take_zigzag(c);
    s->field_count = dw_take_max(c, STREAM_FIELDS_MAX);
    if (c->bad)
        return DW_ECORRUPT;
    struct dw_field *field = dw_arena_alloc(&d->arena, s->field_count * sizeof *field);
    if (!field)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < s->field_count; i++) {
        uint32_t key = dw_take_max(c, DW_FRAME_KEYS_MAX);
        struct dw_str text = dw_take_counted(c);
        if (c->bad || key >= d->key_count)
            return DW_ECORRUPT;
        field[i] = (struct dw_field){
            .v.ptr = text.ptr, .len = (uint32_t)text.len, .key = d->key[key], .kind = DW_K_CONST};
    }
    s->field = field;
    return DW_OK;
}

static int read_streams(struct dw_decoder *d, struct dw_cursor *c)
{
    d->stream_count = dw_take_max(c, DW_FRAME_STREAMS_MAX);
    int rc = c->bad || d->stream_count == 0 ? DW_ECORRUPT : DW_OK;
    for (uint32_t i = 0; i < d->stream_count && rc == DW_OK; i++)
        rc = read_stream(d, c, &d->stream[i]);
    return rc;
}

static int grow_plans(struct dw_decoder *d, uint32_t more)
{
    if (d->plan_count + more <= d->plan_cap)
        return DW_OK;
    if (d->plan_count + more > DW_FRAME_FIELDS_MAX)
        return DW_ECORRUPT;
    uint32_t cap = d->plan_cap ? d->plan_cap : 1024;
    while (cap < d->plan_count + more)
        cap *= 2;
    struct dw__plan *plan = dw_resize(d->plan, cap * sizeof *plan);
    if (!plan)
        return DW_ENOMEM;
    d->plan = plan;
    d->plan_cap = cap;
    return DW_OK;
}

/* One field of a shape. `views` lists the indexes of the views before it. */
static bool read_plan(struct dw_decoder *d, struct dw_cursor *c, struct dw__plan *p, uint16_t *views, uint32_t *view_count,
    uint16_t index)
{
    uint32_t key = dw_take_max(c, DW_FRAME_KEYS_MAX);
    p->how = dw_take_byte(c);
    uint32_t elem = (uint32_t)dw_take_varint(c);
    if (c->bad || key >= d->key_count || p->how > DW__K_SAME_NUMBER)
        return false;
    p->target = 0;
    p->proto = (struct dw_field){.key = d->key[key], .elem = elem, .kind = p->how};
    if (p->how == DW_K_CONST) {
        uint32_t k = dw_take_max(c, CONSTANTS_MAX);
        if (c->bad || k >= d->constant_count)
            return false;
        p->proto.v.ptr = d->constant[k].ptr;
        p->proto.len = (uint32_t)d->constant[k].len;
    } else if (p->how >= DW__K_SAME) {
        uint8_t back = dw_take_byte(c);
        if (back == 0 || back > *view_count)
            return false;
        p->target = views[*view_count - back];
        p->proto.kind = p->how == DW__K_SAME ? DW_K_VIEW : DW_K_NUMBER;
    }
    if (p->how <= DW_K_NUMBER || p->how >= DW__K_SAME)
        views[(*view_count)++] = index;
    return !c->bad;
}

static bool is_wanted(const struct dw_decoder *d, uint32_t key)
{
    for (uint32_t i = 0; i < d->only_count; i++)
        if (d->only[i] == key)
            return true;
    return !d->pruned;
}

/* Which fields of a shape its events get: those that are wanted, and those that another one repeats. */
static void choose_kept(const struct dw_decoder *d, struct dw__shape_plan *s)
{
    struct dw__plan *p = s->plan_count ? d->plan + s->plan : NULL; /* a shape without fields may come before there are any plans */
    for (uint32_t k = 0; k < s->plan_count; k++)
        p[k].kept = is_wanted(d, p[k].proto.key);
    for (uint32_t k = 0; k < s->plan_count; k++)
        if (p[k].how >= DW__K_SAME)
            p[p[k].target].kept = true; /* it also says where the next view begins */
    for (uint32_t k = 0; k < s->plan_count; k++) {
        p[k].slot = (uint16_t)s->kept_count;
        s->kept_count += p[k].kept;
        s->kept_end = p[k].kept ? k + 1 : s->kept_end;
    }
}

static int read_shapes(struct dw_decoder *d, struct dw_cursor *c)
{
    uint16_t views[DW_EVENT_FIELDS_MAX];
    d->shape_count = dw_take_max(c, DW_FRAME_SHAPES_MAX);
    d->plan_count = 0;
    for (uint32_t i = 0; i < d->shape_count && !c->bad; i++) {
        uint32_t n = dw_take_max(c, DW_EVENT_FIELDS_MAX), view_count = 0;
        int rc = c->bad ? DW_ECORRUPT : grow_plans(d, n);
        if (rc < 0)
            return rc;
        d->shape[i] = (struct dw__shape_plan){.plan = d->plan_count, .plan_count = n};
        for (uint32_t k = 0; k < n; k++)
            if (!read_plan(d, c, &d->plan[d->plan_count + k], views, &view_count, (uint16_t)k))
                return DW_ECORRUPT;
        choose_kept(d, &d->shape[i]);
        d->plan_count += n;
    }
    return c->bad || d->shape_count == 0 ? DW_ECORRUPT : DW_OK;
}

int dw_decode_sections(struct dw_decoder *d, const struct dw_head *head, const struct dw_sections *s,
    struct dw_decoded *ret)
{
    *ret = (struct dw_decoded){.head = *head, .sections = *s};
    if (head->flags & DW_HEAD_TOMBSTONE)
        return DW_OK;
    if (head->kind == DW_FRAME_RECORD) {
        ret->record = s->views;
        return DW_OK;
    }
    dw_arena_reset(&d->arena);
    struct dw_cursor c = dw_cursor_of(s->views);
    int rc = dw_take_byte(&c) == 1 ? read_keys(d, &c) : DW_ECORRUPT;
    if (rc == DW_OK)
        rc = read_streams(d, &c);
    if (rc == DW_OK)
        rc = read_shapes(d, &c);
    if (rc == DW_OK)
        rc = dw__read_columns(d, head, &c, s->text);
    if (rc == DW_OK && (c.bad || dw_cursor_left(&c)))
        rc = DW_ECORRUPT;
    if (rc < 0)
        return rc;
    ret->event = d->event;
    ret->event_count = head->event_count;
    return DW_OK;
}

int dw_decode(struct dw_decoder *d, struct dw_str bytes, struct dw_decoded *ret)
{
    struct dw_head head;
    struct dw_sections sections;
    size_t len;
    int rc = dw_head_read(bytes, &head, &len);
    if (rc == DW_OK && len > bytes.len)
        rc = DW_EAGAIN;
    if (rc == DW_OK)
        rc = dw_unpack(d, &head, dw_str_slice(bytes, 0, len), &sections);
    if (rc == DW_OK)
        rc = dw_decode_sections(d, &head, &sections, ret);
    return rc;
}

void dw_decoded_digest(struct dw_decoder *d, const struct dw_decoded *f, struct dw_head *ret_head)
{
    *ret_head = f->head;
    if (!(f->head.flags & DW_HEAD_TOMBSTONE)) { /* which says itself what the roots of its content were */
        dw__root_text(d->sha, f->sections.text, f->event, f->event_count, ret_head->root_text);
        dw__root_views(d->sha, f->sections.views, ret_head->root_views);
    }
    dw_head_hash(ret_head, d->sha, ret_head->hash);
}

int dw_decoded_check(struct dw_decoder *d, const struct dw_decoded *f)
{
    struct dw_head real;
    dw_decoded_digest(d, f, &real);
    bool same = memcmp(real.root_text, f->head.root_text, DW_SHA256_BYTES) == 0
        && memcmp(real.root_views, f->head.root_views, DW_SHA256_BYTES) == 0
        && memcmp(real.hash, f->head.hash, DW_SHA256_BYTES) == 0;
    return same ? DW_OK : DW_ECORRUPT;
}
