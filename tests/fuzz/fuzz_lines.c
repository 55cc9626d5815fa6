/*
 * fuzz_lines: any bytes through every envelope and multi-line kind.
 *
 * The first two bytes choose the settings and the step in which the rest is fed. Oracle: pieces and declarations cover
 * the consumed bytes exactly once; feeding in steps and at once give the same lines; the low offset never falls
 * behind what was given out.
 */
#include "dogwatch/base/mem.h"
#include "dogwatch/parsers/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint8_t *owner; /* times each byte was given out */
    size_t size;
    struct dw_hash_key key;
    uint64_t hash; /* of all lines in order */
    uint32_t lines;
};

static void cover(struct seen *s, uint64_t start, uint64_t end)
{
    DW_ASSERT(start <= end && end <= s->size);
    for (uint64_t i = start; i < end; i++)
        DW_ASSERT(s->owner[i]++ == 0);
}

static int on_line(void *arg, const struct dw_line *l)
{
    struct seen *s = arg;
    DW_ASSERT(l->piece_count > 0);
    for (uint32_t i = 0; i < l->piece_count; i++) {
        DW_ASSERT(i == 0 || l->piece[i - 1].end < l->piece[i].start);
        cover(s, l->piece[i].start, l->piece[i].end);
    }
    for (uint32_t i = 0; i < l->mask_count; i++)
        DW_ASSERT(l->mask[i].start < l->text.len || (l->flags & DW_LINE_CUT));
    s->hash = dw_hash((struct dw_hash_key){s->hash, l->flags ^ (uint64_t)l->out << 32}, l->text);
    s->lines++;
    return 0;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    cover(arg, d->start, d->end);
    return 0;
}

static void run(const struct dw_lines_conf *conf, struct dw_str bytes, size_t step, struct seen *s)
{
    struct dw_lines_out out = {.arg = s, .line = on_line, .declare = on_declare};
    struct dw_lines *l = dw_lines_new(conf, 0);
    DW_ASSERT(l);
    memset(s->owner, 0, s->size + 1);
    s->hash = s->lines = 0;
    size_t used = 0;
    for (size_t have = 0; have < bytes.len;) {
        have = bytes.len - have > step ? have + step : bytes.len;
        size_t n = 0;
        char *exact = dw_alloc(have - used); /* so a read past the end is seen */
        DW_ASSERT(exact);
        memcpy(exact, bytes.ptr + used, have - used);
        int rc = dw_lines_feed(l, dw_str_make(exact, have - used), &out, &n);
        dw_free(exact);
        DW_ASSERT(rc == 0 && n <= have - used);
        used += n;
        DW_ASSERT(dw_lines_offset(l) == used && dw_lines_low(l) <= used);
    }
    DW_ASSERT(dw_lines_flush(l, dw_str_slice(bytes, used, bytes.len), &out) == 0);
    for (size_t i = 0; i < s->size; i++)
        DW_ASSERT(s->owner[i] == 1);
    dw_lines_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 1 << 16)
        return 0;
    static const enum dw_envelope envelopes[] = {DW_ENV_PLAIN, DW_ENV_DOCKER, DW_ENV_CRI, DW_ENV_AUTO};
    struct dw_lines_conf conf = {.envelope = data[1] == 255 ? DW_ENV_RECEIVED : envelopes[data[0] & 3],
        .multiline = (enum dw_multiline)((data[0] >> 2) % DW_MULTILINE_KINDS),
        .multiline_start = DW_STR("^\\["), .line_max = 64, .join_span_max = 400, .redact = ~0u};
    struct dw_str bytes = dw_str_make((const char *)data + 2, size - 2);
    struct seen a = {.size = bytes.len}, b = {.size = bytes.len};
    a.owner = dw_alloc(bytes.len + 1);
    b.owner = dw_alloc(bytes.len + 1);
    DW_ASSERT(a.owner && b.owner);
    run(&conf, bytes, (size_t)data[1] + 1, &a);
    run(&conf, bytes, bytes.len, &b);
    DW_ASSERT(a.hash == b.hash && a.lines == b.lines);
    dw_free(a.owner);
    dw_free(b.owner);
    return 0;
}
