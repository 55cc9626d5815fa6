/*
 * fuzz_audit_join: records of the audit daemon in any order and between each other, and lines that are none.
 *
 * Bytes choose types, hosts, serial numbers and times; what is over stands in the records as it is. Oracle: every byte is in exactly one event; in steps and at once
 * give the same events; an event has records of one serial number alone; and whoever begins at any low offset gets the events from there on, the same, and none that
 * began before it (which is what a restart does).
 */
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/parsers/lines.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS_MAX = 4096, LOWS = 16 };

struct event {
    uint64_t start, end, hash; /* first byte, byte behind the last */
};
struct seen {
    struct event event[EVENTS_MAX];
    uint32_t count;
    uint64_t bytes; /* in all pieces */
};

/* The text after "msg=audit(", up to the bracket: the same in every record of an event. */
static struct dw_str stamp_of(struct dw_str line)
{
    size_t at = dw_str_find(line, DW_STR("msg=audit("));
    struct dw_str rest = dw_str_slice(line, at, line.len);
    return dw_str_slice(rest, 0, dw_str_index(rest, ')'));
}

static int on_line(void *arg, const struct dw_line *l)
{
    struct seen *s = arg;
    DW_ASSERT(s->count < EVENTS_MAX && l->piece_count > 0);
    struct event e = {.start = l->piece[0].start, .end = l->piece[l->piece_count - 1].end};
    for (uint32_t i = 0; i < l->piece_count; i++) {
        DW_ASSERT(i == 0 || l->piece[i - 1].end < l->piece[i].start);
        s->bytes += l->piece[i].end - l->piece[i].start;
        e.hash = dw_hash((struct dw_hash_key){e.hash, l->piece[i].start ^ l->piece[i].end << 32}, l->text);
    }
    struct dw_str rest = l->text, first = stamp_of(dw_str_cut(&rest, '\n'));
    while (rest.ptr) {
        struct dw_str stamp = stamp_of(dw_str_cut(&rest, '\n'));
        DW_ASSERT(dw_str_eq(stamp, first) || (!rest.ptr && l->flags & DW_LINE_CUT && dw_str_starts(first, stamp)));
    }
    e.hash ^= l->flags;
    s->event[s->count++] = e;
    return 0;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    struct seen *s = arg;
    s->bytes += d->end - d->start;
    return 0;
}

static struct dw_lines *begin(uint64_t at)
{
    struct dw_lines_conf conf = {.line_max = 512, .join_span_max = 3000, .audit = true};
    struct dw_lines *l = dw_lines_new(&conf, at);
    DW_ASSERT(l);
    return l;
}

/* Feeds bytes from `at` on in steps; the low offsets on the way. */
static void run(struct dw_str bytes, uint64_t at, size_t step, struct seen *s, uint64_t low[LOWS])
{
    struct dw_lines_out out = {.arg = s, .line = on_line, .declare = on_declare};
    struct dw_lines *l = begin(at);
    uint32_t lows = 0;
    s->count = 0;
    s->bytes = 0;
    for (size_t have = (size_t)at; have < bytes.len;) {
        size_t n = 0, used = (size_t)dw_lines_offset(l);
        have = bytes.len - have > step ? have + step : bytes.len;
        DW_ASSERT(dw_lines_feed(l, dw_str_slice(bytes, used, have), &out, &n) == 0);
        if (low)
            low[lows++ % LOWS] = dw_lines_low(l);
    }
    DW_ASSERT(dw_lines_flush(l, dw_str_slice(bytes, (size_t)dw_lines_offset(l), bytes.len), &out) == 0);
    DW_ASSERT(s->bytes == bytes.len - at);
    dw_lines_free(l);
}

static int by_start(const void *x, const void *y)
{
    const struct event *a = x, *b = y;
    return (a->start > b->start) - (a->start < b->start);
}

static void begins_again(struct dw_str bytes, const struct seen *whole, uint64_t low, struct seen *again)
{
    run(bytes, low, bytes.len, again, NULL);
    uint32_t k = 0;
    for (uint32_t i = 0; i < whole->count; i++) {
        const struct event *e = &whole->event[i];
        DW_ASSERT(e->start >= low || e->end <= low);
        if (e->start < low)
            continue;
        DW_ASSERT(k < again->count && again->event[k].start == e->start && again->event[k].hash == e->hash);
        k++;
    }
    DW_ASSERT(k == again->count);
}

/* Three bytes a record. */
static void write_records(const uint8_t *data, size_t size, struct dw_buf *out)
{
    static const char *const types[] = {"SYSCALL", "PATH", "CWD", "EXECVE", "PROCTITLE", "EOE", "USER_AUTH", "UNKNOWN[1421]"};
    uint64_t serial = 100, ms = 5000;
    for (size_t i = 0; i + 3 <= size; i += 3) {
        uint8_t a = data[i], b = data[i + 1], c = data[i + 2];
        serial += b >> 6;
        ms += c & 0x80 ? (c & 0x70) * 8u : 0;
        if (a == 255)
            dw_buf_printf(out, "no record %u\n", b);
        else if (a == 254)
            dw_buf_printf(out, "type=PATH msg=audit(1.0:%u): %0*d\n", b, (int)c * 4, 0);
        else
            dw_buf_printf(out, "%stype=%s msg=audit(%llu.%03u:%llu): x=%u%s", a & 8 ? "node=b " : "", types[a & 7], (unsigned long long)(ms / 1000),
                (unsigned)(ms % 1000), (unsigned long long)(serial - (b & 7)), c & 15, c == 0x7f ? " torn" : "\n");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 3 * EVENTS_MAX)
        return 0;
    struct dw_buf text = {0};
    struct seen *s = dw_alloc(3 * sizeof *s);
    uint64_t low[LOWS] = {0};
    DW_ASSERT(s);
    write_records(data + 1, size - 1, &text);
    DW_ASSERT(!text.err);
    struct dw_str bytes = dw_buf_view(&text);
    run(bytes, 0, (size_t)data[0] * 4 + 1, &s[0], low);
    run(bytes, 0, bytes.len, &s[1], NULL);
    DW_ASSERT(s[0].count == s[1].count);
    for (uint32_t i = 0; i < s[0].count; i++)
        DW_ASSERT(s[0].event[i].start == s[1].event[i].start && s[0].event[i].hash == s[1].event[i].hash);
    for (int i = 0; i < LOWS; i++)
        begins_again(bytes, &s[0], low[i], &s[2]);
    qsort(s[0].event, s[0].count, sizeof *s[0].event, by_start);
    for (uint32_t i = 1; i < s[0].count; i++)
        DW_ASSERT(s[0].event[i - 1].start < s[0].event[i].start);
    dw_free(s);
    dw_buf_fini(&text);
    return 0;
}
