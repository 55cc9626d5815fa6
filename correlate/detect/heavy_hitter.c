/*
 * heavy_hitter: one value that takes more than its share of a key's events.
 *
 * Idea: Space-Saving (Metwally, Agrawal, El Abbadi 2005) over spans of `timespan` at whole multiples of it. SLOTS_MAX values are counted; a value that
 * finds no slot takes that of the rarest, with its count, and notes by how much it may be counted too high. So a value's count less that is certain,
 * and only what is certain is told: no value is told that has less, and one with a share of 1/SLOTS_MAX more than `share` is never missed.
 *
 *   memo: u64 begin of the span, u64 events, u32 slots used, then slots: u8[16] value, u64 count, u64 error, u8 told
 *
 * Invariants:
 *   (1) error <= count <= events, and no more than events / SLOTS_MAX; slots that are not used are zero.
 *   (2) A value is told once as long as it is heavy in span after span: the slot of one that was goes into the next span, empty.
 *   (3) Whoever takes another's slot is counted.
 */
#include "detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

enum { SLOTS_MAX = 256, SLOTS_FIRST = 8, AT_EVENTS = 8, AT_USED = 16, HEAD_BYTES = 20 };
enum { AT_COUNT = DW__HASH_BYTES, AT_ERROR = AT_COUNT + 8, AT_TOLD = AT_ERROR + 8, SLOT_BYTES = AT_TOLD + 1 };
enum told { NOT_TOLD, TOLD, TOLD_BEFORE }; /* in this span, in the one before */
enum { MILLION = 1000000 };
#define EVENTS_MOST (UINT64_C(1) << 40) /* a span that has as many counts no further: millionths of it stay whole */

static uint8_t *slot_at(uint8_t *memo, uint32_t i)
{
    return memo + HEAD_BYTES + (size_t)i * SLOT_BYTES;
}

static uint32_t used(const uint8_t *memo)
{
    return dw__get_u32(memo + AT_USED);
}

/* Empties the slots, but keeps those of values that were told in the span just before. */
static void begin_span(uint8_t *memo, uint32_t len, int64_t span, int64_t width)
{
    bool next = span == dw__later((int64_t)dw__get_u64(memo), width);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < used(memo) && next; i++) {
        uint8_t *slot = slot_at(memo, i), *to = slot_at(memo, kept);
        if (slot[AT_TOLD] != TOLD)
            continue;
        memmove(to, slot, DW__HASH_BYTES);
        memset(to + AT_COUNT, 0, SLOT_BYTES - AT_COUNT);
        to[AT_TOLD] = TOLD_BEFORE;
        kept++;
    }
    memset(slot_at(memo, kept), 0, len - HEAD_BYTES - (size_t)kept * SLOT_BYTES);
    dw__put_u64(memo, (uint64_t)span);
    dw__put_u64(memo + AT_EVENTS, 0);
    dw__put_u32(memo + AT_USED, kept);
}

/* The slot of a value that has none; NULL without memory. */
static uint8_t *take_slot(struct dw_window *w, struct dw__state *s, const uint8_t value[DW__HASH_BYTES])
{
    uint32_t n = used(s->past->memo), room = (s->past->memo_len - HEAD_BYTES) / SLOT_BYTES;
    if (n < SLOTS_MAX) {
        uint8_t *memo = dw__memo(w, s, HEAD_BYTES + (n < room ? room : 2 * room) * SLOT_BYTES);
        if (!memo)
            return NULL;
        dw__put_u32(memo + AT_USED, n + 1);
        memcpy(slot_at(memo, n), value, DW__HASH_BYTES);
        return slot_at(memo, n);
    }
    uint8_t *least = slot_at(s->past->memo, 0);
    for (uint32_t i = 1; i < n; i++)
        if (dw__get_u64(slot_at(s->past->memo, i) + AT_COUNT) < dw__get_u64(least + AT_COUNT))
            least = slot_at(s->past->memo, i);
    DW_COUNT(detect_slots_taken);
    memcpy(least, value, DW__HASH_BYTES);
    dw__put_u64(least + AT_ERROR, dw__get_u64(least + AT_COUNT));
    least[AT_TOLD] = NOT_TOLD;
    return least;
}

static uint8_t *slot_of(struct dw_window *w, struct dw__state *s, const uint8_t value[DW__HASH_BYTES])
{
    for (uint32_t i = 0; i < used(s->past->memo); i++)
        if (memcmp(slot_at(s->past->memo, i), value, DW__HASH_BYTES) == 0)
            return slot_at(s->past->memo, i);
    return take_slot(w, s, value);
}

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    int64_t span = dw__span_of(r->time_ns, c->timespan_ns);
    bool first = s->past->memo_len == 0;
    uint8_t *memo = dw__memo(w, s, HEAD_BYTES + SLOTS_FIRST * SLOT_BYTES);
    if (!memo)
        return DW_ENOMEM;
    if (first || (int64_t)dw__get_u64(memo) != span)
        begin_span(memo, s->past->memo_len, span, c->timespan_ns);
    uint8_t *slot = slot_of(w, s, r->value);
    if (!slot)
        return DW_ENOMEM;
    uint64_t events = dw__get_u64(s->past->memo + AT_EVENTS), count = dw__get_u64(slot + AT_COUNT);
    uint64_t counts = events < EVENTS_MOST, sure = count + counts - dw__get_u64(slot + AT_ERROR);
    events += counts;
    dw__put_u64(s->past->memo + AT_EVENTS, events);
    dw__put_u64(slot + AT_COUNT, count + counts);
    *ret = (struct dw_anomaly){.feature = c->field_name[0],
        .value_text = dw_str_make(r->text + r->text_len, r->value_len),
        .value = (double)sure,
        .baseline = (double)events,
        .start_ns = span};
    bool heavy = sure * MILLION > events * c->share_ppm && (double)events >= c->warmup && dw__condition_holds(c, ret->value) && dw__has_learned(c, s, r->time_ns);
    *ret_is = heavy && slot[AT_TOLD] == NOT_TOLD;
    slot[AT_TOLD] = heavy ? TOLD : slot[AT_TOLD];
    return DW_OK;
}

static bool fits(const struct dw_correlation *c, const struct dw__state *s)
{
    if (s->past->memo_len == 0 || s->count)
        return s->count == 0;
    uint32_t room = (s->past->memo_len - HEAD_BYTES) / SLOT_BYTES;
    bool fit = s->past->memo_len >= HEAD_BYTES + SLOTS_FIRST * SLOT_BYTES && (s->past->memo_len - HEAD_BYTES) % SLOT_BYTES == 0 && room <= SLOTS_MAX && (room & (room - 1)) == 0 &&
               used(s->past->memo) <= room && (int64_t)dw__get_u64(s->past->memo) % c->timespan_ns == 0;
    uint64_t events = fit ? dw__get_u64(s->past->memo + AT_EVENTS) : 0;
    fit = fit && events <= EVENTS_MOST;
    for (uint32_t i = 0; fit && i < used(s->past->memo); i++) {
        const uint8_t *slot = slot_at(s->past->memo, i);
        uint64_t count = dw__get_u64(slot + AT_COUNT);
        fit = dw__get_u64(slot + AT_ERROR) <= count && count <= events && slot[AT_TOLD] <= TOLD_BEFORE;
    }
    return fit;
}

/* A key is kept for a span more, in which what was told is not told again. */
const struct dw__detector dw__detector_heavy_hitter = {.word = "heavy_hitter", .observe = observe, .fits = fits, .keeps = 2, .starts = true};
