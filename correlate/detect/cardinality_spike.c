/*
 * cardinality_spike: a span of time with many more (or fewer) distinct values than the spans before it.
 *
 * Idea: spans.c judges; a span's number is how many distinct values it has, by HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007). A value's hash
 * names one of REGISTERS registers, and the register keeps the longest run of zeros that the rest of the hash of any of its values began with. As
 * values come one by one in one order, the count is kept by the side (Ting, Streamed approximate counting of distinct elements, 2014): when a
 * register changes, the chance of that was sum(2^-register) / REGISTERS, so it stands for one value over that chance. That needs no correction for
 * few or many values, and is exact for the first one; its standard error is 0.83 / sqrt(REGISTERS): 2.6 %.
 *
 *   memo: u64 the count in 65536ths, u8 a register * REGISTERS; of the newest span only
 *
 * Invariants:
 *   (1) Only whole numbers decide the count, and the hash is the same on every collector: a replay counts the same.
 *   (2) Only an event that changes the count is an anomaly: it brought a value that was not there before.
 *   (3) A spread is at least what the count itself may be off by (spans.c).
 */
#include "detect.h"

#include "dogwatch/base/error.h"

enum { REGISTER_BITS = 10, REGISTERS = 1 << REGISTER_BITS, RANK_MAX = 32, FRACTION_BITS = 16, HEAD_BYTES = 8, MEMO_BYTES = HEAD_BYTES + REGISTERS };

/* What one more change of a register stands for, in 65536ths. */
static uint64_t worth(const uint8_t *reg)
{
    uint64_t chance = 0; /* times REGISTERS << RANK_MAX */
    for (uint32_t i = 0; i < REGISTERS; i++)
        chance += UINT64_C(1) << (RANK_MAX - reg[i]);
    return (UINT64_C(1) << (FRACTION_BITS + REGISTER_BITS + RANK_MAX)) / chance;
}

/* Takes a value's hash in. Whether the count changed. */
static bool add(uint8_t *memo, const uint8_t value[DW__HASH_BYTES])
{
    uint64_t hash = dw__get_u64(value), rest = hash >> REGISTER_BITS;
    uint32_t rank = rest ? (uint32_t)__builtin_ctzll(rest) + 1 : RANK_MAX;
    uint8_t *reg = memo + HEAD_BYTES, *mine = &reg[hash & (REGISTERS - 1)];
    rank = rank < RANK_MAX ? rank : RANK_MAX;
    if (rank <= *mine)
        return false;
    dw__put_u64(memo, dw__get_u64(memo) + worth(reg));
    *mine = (uint8_t)rank;
    return true;
}

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    bool opened, fell, changed = false;
    struct dw_anomaly less = {.value = 0};
    int rc = dw__span_open(w, c, s, r, &opened, &fell, &less);
    uint8_t *memo = rc < 0 ? NULL : dw__memo(w, s, MEMO_BYTES);
    if (!memo)
        return rc < 0 ? rc : DW_ENOMEM;
    if (opened)
        memset(memo, 0, MEMO_BYTES);
    changed = add(memo, r->value);
    dw__worth_at(s, s->count - 1)->number = (double)((dw__get_u64(memo) + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS);
    rc = dw__span_judge(c, s, false, ret_is, ret);
    *ret_is = *ret_is && changed;
    if (rc == DW_OK && !*ret_is && fell) {
        *ret_is = true;
        *ret = less;
    }
    return rc;
}

static bool fits(const struct dw_correlation *c, const struct dw__state *s)
{
    bool fit = dw__spans_fit(c, s) && s->past->memo_len == (s->count ? MEMO_BYTES : 0);
    for (uint32_t i = HEAD_BYTES; i < s->past->memo_len && fit; i++)
        fit = s->past->memo[i] <= RANK_MAX;
    return fit && (s->past->memo_len == 0 || dw__get_u64(s->past->memo) >> 62 == 0); /* 32 changes of each register, the greatest of them, are less */
}

const struct dw__detector dw__detector_cardinality_spike = {.word = "cardinality_spike", .observe = observe, .fits = fits, .opens = true, .spans = true, .starts = true};
