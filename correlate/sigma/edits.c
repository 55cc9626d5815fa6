/*
 * edits: a text with pieces of it replaced, and that as a unified diff.
 *
 * Idea: the edits are known, so nothing is searched: lines that an edit touches make a region, the region is written anew, and what is equal at both of its
 * ends is no part of it.
 *
 * Invariants: (1) edits are in order and do not overlap. (2) What is written, given to patch(1), makes the text that dw_edits_apply makes.
 */
#include "dogwatch/correlate/mend.h"

enum { AROUND = 3 };

void dw_edits_apply(const struct dw_edit *edit, size_t count, struct dw_str text, struct dw_buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        DW_ASSERT(edit[i].from >= at && edit[i].to >= edit[i].from && edit[i].to <= text.len);
        dw_buf_str(out, dw_str_slice(text, at, edit[i].from));
        dw_buf_str(out, edit[i].with);
        at = edit[i].to;
    }
    dw_buf_str(out, dw_str_slice(text, at, text.len));
}

static uint32_t breaks_in(struct dw_str s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == '\n';
    return n;
}

static size_t begin_of(struct dw_str text, size_t at)
{
    while (at > 0 && text.ptr[at - 1] != '\n')
        at--;
    return at;
}

/* Behind the break that ends the line of byte `at`. */
static size_t end_of(struct dw_str text, size_t at)
{
    at += dw_str_index(dw_str_slice(text, at, text.len), '\n');
    return at < text.len ? at + 1 : text.len;
}

uint32_t dw_edits_line(const struct dw_edit *edit, size_t count, struct dw_str text, uint32_t line)
{
    size_t begin = 0;
    uint32_t now = line;
    for (uint32_t i = 1; i < line; i++)
        begin = end_of(text, begin);
    for (size_t i = 0; i < count && edit[i].from < begin; i++)
        now = now + breaks_in(edit[i].with) - breaks_in(dw_str_slice(text, edit[i].from, edit[i].to));
    return now;
}

/* Whole lines [from, to) of the old text, and what stands there in their place. */
struct region {
    size_t from, to;
    size_t now, now_len; /* in the buffer of new lines */
};

/* Takes equal lines off both ends. */
static void trim(struct region *r, struct dw_str text, struct dw_str now)
{
    for (;;) {
        struct dw_str a = dw_str_slice(text, r->from, r->to), b = dw_str_slice(now, r->now, r->now + r->now_len);
        size_t n = end_of(a, 0), m = end_of(b, 0);
        if (n == 0 || n != m || !dw_str_eq(dw_str_slice(a, 0, n), dw_str_slice(b, 0, m)))
            break;
        r->from += n;
        r->now += n;
        r->now_len -= n;
    }
    for (;;) {
        struct dw_str a = dw_str_slice(text, r->from, r->to), b = dw_str_slice(now, r->now, r->now + r->now_len);
        size_t n = a.len ? a.len - begin_of(a, a.len - 1) : 0, m = b.len ? b.len - begin_of(b, b.len - 1) : 0;
        if (n == 0 || n != m || !dw_str_eq(dw_str_slice(a, a.len - n, a.len), dw_str_slice(b, b.len - m, b.len)))
            break;
        r->to -= n;
        r->now_len -= n;
    }
}

static void put_lines(struct dw_buf *out, char sign, struct dw_str s)
{
    while (s.len) {
        size_t n = end_of(s, 0);
        dw_buf_byte(out, (uint8_t)sign);
        dw_buf_str(out, dw_str_slice(s, 0, n));
        if (s.ptr[n - 1] != '\n')
            dw_buf_str(out, DW_STR("\n\\ No newline at end of file\n"));
        s = dw_str_slice(s, n, s.len);
    }
}

static uint32_t lines_in(struct dw_str s)
{
    return breaks_in(s) + (s.len && s.ptr[s.len - 1] != '\n');
}

/* Regions [r, r + count) with the lines around them; `shift`: lines that came before it so far. */
static void put_hunk(const struct region *r, size_t count, struct dw_str text, struct dw_str now, int64_t shift, struct dw_buf *out)
{
    size_t from = r[0].from, to = r[count - 1].to;
    uint32_t gone = 0, come = 0;
    for (int i = 0; i < AROUND; i++) {
        from = from ? begin_of(text, from - 1) : 0;
        to = to < text.len ? end_of(text, to) : to;
    }
    for (size_t i = 0; i < count; i++) {
        gone += lines_in(dw_str_slice(text, r[i].from, r[i].to));
        come += lines_in(dw_str_slice(now, r[i].now, r[i].now + r[i].now_len));
    }
    uint32_t old = lines_in(dw_str_slice(text, from, to)), line = breaks_in(dw_str_slice(text, 0, from));
    uint32_t made = old - gone + come;
    dw_buf_printf(out, "@@ -%u,%u +%lld,%u @@\n", line + (old > 0), old, (long long)line + shift + (made > 0), made);
    size_t at = from;
    for (size_t i = 0; i < count; i++) {
        put_lines(out, ' ', dw_str_slice(text, at, r[i].from));
        put_lines(out, '-', dw_str_slice(text, r[i].from, r[i].to));
        put_lines(out, '+', dw_str_slice(now, r[i].now, r[i].now + r[i].now_len));
        at = r[i].to;
    }
    put_lines(out, ' ', dw_str_slice(text, at, to));
}

/* The regions of the edits, as an array in `regions`; their new lines in `now`. */
static void find_regions(const struct dw_edit *edit, size_t count, struct dw_str text, struct dw_buf *now, struct dw_buf *regions)
{
    for (size_t i = 0, j; i < count; i = j) {
        struct region r = {.from = begin_of(text, edit[i].from), .now = now->len};
        size_t end = edit[i].to, at = r.from;
        for (j = i; j < count && (j == i || begin_of(text, edit[j].from) < r.to); j++) {
            dw_buf_str(now, dw_str_slice(text, at, edit[j].from));
            dw_buf_str(now, edit[j].with);
            at = end = edit[j].to;
            r.to = end > r.from && text.ptr[end - 1] == '\n' && edit[j].from < end ? end : end_of(text, end);
        }
        dw_buf_str(now, dw_str_slice(text, at, r.to));
        r.now_len = now->len - r.now;
        dw_buf_add(regions, &r, sizeof r);
    }
}

void dw_edits_diff(const struct dw_edit *edit, size_t count, struct dw_str path, struct dw_str text, struct dw_buf *out)
{
    struct dw_buf now = {0}, regions = {0};
    find_regions(edit, count, text, &now, &regions);
    struct region *r = (struct region *)(void *)regions.ptr;
    size_t n = regions.err || now.err ? 0 : regions.len / sizeof *r;
    out->err = out->err ? out->err : regions.err ? regions.err : now.err;
    dw_buf_printf(out, "--- %.*s\n+++ %.*s\n", DW_ARG(path), DW_ARG(path));
    int64_t shift = 0;
    for (size_t i = 0; i < n; i++)
        trim(&r[i], text, dw_buf_view(&now));
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && lines_in(dw_str_slice(text, r[j - 1].to, r[j].from)) <= 2 * AROUND; j++)
            ;
        put_hunk(r + i, j - i, text, dw_buf_view(&now), shift, out);
        for (size_t k = i; k < j; k++)
            shift += (int64_t)lines_in(dw_str_slice(dw_buf_view(&now), r[k].now, r[k].now + r[k].now_len)) - lines_in(dw_str_slice(text, r[k].from, r[k].to));
    }
    dw_buf_fini(&now);
    dw_buf_fini(&regions);
}
