/*
 * states_chunk: a part as records of the topic of states, and the newest whole part out of such records (docs/formats/states.md).
 *
 * Idea: a part is packed whole and cut into chunks of one length, so that index and total tell how long each must be. What belongs together is
 * told by the hash of the whole, never by where it stands: two collectors may write at a time, and brokers let go of any chunk for which there
 * is a newer one.
 *
 * Invariants:
 *   (1) A part is whole when all of its chunks were seen, their hash holds and it unpacks to the size that they say.
 *   (2) Memory is DW__CHUNK_MAKING packed parts, the newest one and the one that is being unpacked, whatever the records say.
 *   (3) A part that is not newer than the newest whole one costs no memory.
 *   (4) Chunks of a part are never found before where it is said to begin: compaction lets go of records and moves none.
 */
#include "states_chunk.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <zstd.h>

enum { VERSION = 1, LEVEL = 1, KEY_CAP = 64 };

_Static_assert(DW__CHUNK_COUNT_MAX <= 64, "a bit a chunk");
_Static_assert(ZSTD_COMPRESSBOUND(DW_KAFKA_PART_MAX) <= DW__CHUNK_PACKED_MAX, "any part fits");

/* ---- one record ---- */

/* Of all that must hold: whose part it is, where it ends, and its bytes. */
static void hash_of(const struct dw__chunk *whole, struct dw_str packed, uint8_t ret[DW_SHA256_BYTES])
{
    uint8_t all[8 + 8 + 4 + DW_SHA256_BYTES];
    for (int i = 0; i < 8; i++) {
        all[i] = (uint8_t)(whole->source >> 8 * i);
        all[8 + i] = (uint8_t)(whole->next >> 8 * i);
    }
    for (int i = 0; i < 4; i++)
        all[16 + i] = (uint8_t)(whole->size >> 8 * i);
    dw_sha256_of(packed, all + 20);
    dw_sha256_of(dw_str_make((const char *)all, sizeof all), ret);
}

int dw__chunk_pack(uint64_t source, uint64_t next, struct dw_str part, struct dw_buf *packed, struct dw__chunk *ret)
{
    DW_ASSERT(part.len <= DW_KAFKA_PART_MAX);
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    dw_buf_reset(packed);
    int rc = zstd && dw_pack_level(zstd, LEVEL) ? dw_pack_add(zstd, part, packed) : DW_ENOMEM;
    (void)ZSTD_freeCCtx(zstd);
    if (rc < 0)
        return rc;
    *ret = (struct dw__chunk){.source = source, .next = next, .size = (uint32_t)part.len, .packed = (uint32_t)packed->len,
        .count = (uint32_t)((packed->len + DW__CHUNK_BYTES - 1) / DW__CHUNK_BYTES)};
    hash_of(ret, dw_buf_view(packed), ret->hash);
    return DW_OK;
}

static void print_key(char out[KEY_CAP], uint64_t source, uint32_t slot, uint32_t index)
{
    (void)snprintf(out, KEY_CAP, "%" PRIu64 "/%" PRIu32 "/%" PRIu32, source, slot, index);
}

int dw__chunk_put(const struct dw__chunk *whole, struct dw_str packed, uint32_t index, struct dw_buf *key, struct dw_buf *value)
{
    char text[KEY_CAP];
    DW_ASSERT(index < whole->count && packed.len == whole->packed && whole->slot < DW__CHUNK_SLOTS);
    print_key(text, whole->source, whole->slot, index);
    dw_buf_reset(key);
    dw_buf_str(key, dw_str_of(text));
    dw_buf_reset(value);
    dw_buf_byte(value, VERSION);
    dw_buf_varint(value, whole->source);
    dw_buf_varint(value, whole->next);
    dw_buf_varint(value, whole->count);
    dw_buf_varint(value, index);
    dw_buf_varint(value, whole->size);
    dw_buf_varint(value, whole->packed);
    dw_buf_add(value, whole->hash, sizeof whole->hash);
    size_t from = (size_t)index * DW__CHUNK_BYTES;
    dw_buf_str(value, dw_str_slice(packed, from, from + DW__CHUNK_BYTES));
    return key->err ? key->err : value->err;
}

/* The key must be the very one of such a chunk. */
static bool take_key(struct dw_str key, struct dw__chunk *c)
{
    char text[KEY_CAP];
    for (uint32_t slot = 0; slot < DW__CHUNK_SLOTS; slot++) {
        print_key(text, c->source, slot, c->index);
        c->slot = slot;
        if (dw_str_eq(key, dw_str_of(text)))
            return true;
    }
    return false;
}

int dw__chunk_take(struct dw_str key, struct dw_str value, struct dw__chunk *ret)
{
    struct dw_cursor c = dw_cursor_of(value);
    uint8_t version = dw_take_byte(&c);
    if (c.bad || version > VERSION)
        return c.bad ? DW_ECORRUPT : DW_EVERSION;
    *ret = (struct dw__chunk){0};
    ret->source = dw_take_varint(&c);
    ret->next = dw_take_varint(&c);
    ret->count = dw_take_max(&c, DW__CHUNK_COUNT_MAX);
    ret->index = dw_take_max(&c, DW__CHUNK_COUNT_MAX);
    ret->size = dw_take_max(&c, DW_KAFKA_PART_MAX);
    ret->packed = dw_take_max(&c, DW__CHUNK_PACKED_MAX);
    dw_take_into(&c, ret->hash, sizeof ret->hash);
    ret->bytes = dw_take_bytes(&c, dw_cursor_left(&c));
    if (c.bad || version != VERSION || ret->packed == 0 || ret->index >= ret->count
        || ret->count != (ret->packed + DW__CHUNK_BYTES - 1) / DW__CHUNK_BYTES)
        return DW_ECORRUPT;
    size_t left = ret->packed - (size_t)ret->index * DW__CHUNK_BYTES;
    bool fits = ret->bytes.len == (left < DW__CHUNK_BYTES ? left : DW__CHUNK_BYTES);
    return fits && take_key(key, ret) ? DW_OK : DW_ECORRUPT;
}

/* ---- the newest whole part ---- */

static bool has_all(uint64_t have, const struct dw__chunk *c)
{
    return have == UINT64_MAX >> (64 - c->count);
}

static void let_go(struct dw__making *m)
{
    dw_free(m->bytes);
    *m = (struct dw__making){0};
}

static bool is_of(const struct dw__making *m, const struct dw__chunk *c)
{
    const struct dw__chunk *o = &m->of;
    return m->bytes && o->next == c->next && o->size == c->size && o->packed == c->packed && memcmp(o->hash, c->hash, sizeof o->hash) == 0;
}

/* Where the chunk's part is put together: what stood still the longest gives way. NULL: no memory. */
static struct dw__making *making_of(struct dw__newest *n, const struct dw__chunk *c)
{
    struct dw__making *oldest = &n->making[0];
    for (int i = 0; i < DW__CHUNK_MAKING; i++) {
        struct dw__making *m = &n->making[i];
        if (is_of(m, c))
            return m;
        if (oldest->bytes && (!m->bytes || m->seen < oldest->seen))
            oldest = m;
    }
    let_go(oldest);
    oldest->bytes = dw_alloc(c->packed);
    oldest->of = *c;
    oldest->of.bytes = DW_STR_NONE;
    return oldest->bytes ? oldest : NULL;
}

/* Whether the packed part is what was written; *ret gets the part. */
static int check(struct dw__newest *n, const struct dw__making *m, struct dw_buf *ret)
{
    uint8_t hash[DW_SHA256_BYTES];
    struct dw_str packed = dw_str_make(m->bytes, m->of.packed);
    if (!dw_buf_reserve(ret, (size_t)m->of.size + 1))
        return DW_ENOMEM;
    hash_of(&m->of, packed, hash);
    if (memcmp(hash, m->of.hash, sizeof hash) != 0)
        return DW_ECORRUPT;
    if (!n->zstd)
        n->zstd = ZSTD_createDCtx();
    return n->zstd ? dw_pack_take(n->zstd, packed, m->of.size, ret) : DW_ENOMEM;
}

/* All chunks are there. The part that is older stays until this one has proved whole. */
static int unpack(struct dw__newest *n, const struct dw__making *m)
{
    struct dw_buf part = {0};
    int rc = check(n, m, &part);
    if (rc < 0) {
        dw_buf_fini(&part);
        return rc;
    }
    dw_buf_fini(&n->part);
    n->part = part;
    n->any = true;
    n->next = m->of.next;
    n->slot = m->of.slot;
    return DW_OK;
}

int dw__newest_add(struct dw__newest *n, const struct dw__chunk *c)
{
    n->records++;
    if (c->source != n->source || (n->any && c->next <= n->next))
        return DW_OK;
    struct dw__making *m = making_of(n, c);
    if (!m)
        return DW_ENOMEM;
    memcpy(m->bytes + (size_t)c->index * DW__CHUNK_BYTES, c->bytes.ptr, c->bytes.len);
    m->have |= UINT64_C(1) << c->index;
    m->seen = n->records;
    m->of.slot = c->slot;
    if (!has_all(m->have, c))
        return DW_OK;
    int rc = unpack(n, m);
    let_go(m);
    for (int i = 0; i < DW__CHUNK_MAKING && rc == DW_OK; i++)
        if (n->making[i].bytes && n->making[i].of.next <= n->next)
            let_go(&n->making[i]);
    return rc;
}

void dw__newest_fini(struct dw__newest *n)
{
    for (int i = 0; i < DW__CHUNK_MAKING; i++)
        let_go(&n->making[i]);
    (void)ZSTD_freeDCtx(n->zstd);
    dw_buf_fini(&n->part);
    *n = (struct dw__newest){0};
}

/* ---- where it begins ---- */

/* The entry of the chunk's part; a new one takes the place of what stood still the longest. */
static struct dw__track *track_of(struct dw__where *w, const struct dw__chunk *c, int64_t offset)
{
    struct dw__track *oldest = &w->track[0];
    for (int i = 0; i < DW__CHUNK_MAKING; i++) {
        struct dw__track *t = &w->track[i];
        if (t->used && t->next == c->next && memcmp(t->hash, c->hash, sizeof t->hash) == 0)
            return t;
        if (oldest->used && (!t->used || t->last < oldest->last))
            oldest = t;
    }
    *oldest = (struct dw__track){.used = true, .next = c->next, .first = offset};
    memcpy(oldest->hash, c->hash, sizeof oldest->hash);
    return oldest;
}

void dw__where_note(struct dw__where *w, const struct dw__chunk *c, int64_t offset)
{
    if (w->any && c->next <= w->next)
        return;
    struct dw__track *t = track_of(w, c, offset);
    t->have |= UINT64_C(1) << c->index;
    t->last = offset;
    if (!has_all(t->have, c))
        return;
    w->any = true;
    w->next = t->next;
    w->from = t->first;
    for (int i = 0; i < DW__CHUNK_MAKING; i++)
        w->track[i].used &= w->track[i].next > w->next;
}

bool dw__where_seen(const struct dw__where *w)
{
    bool seen = w->any;
    for (int i = 0; i < DW__CHUNK_MAKING; i++)
        seen |= w->track[i].used;
    return seen;
}
