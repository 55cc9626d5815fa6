/*
 * loki_lines: lines of logs as Loki's answers have them: the newest or the oldest of many, grouped by their labels.
 *
 * Idea: a heap whose root is the line to be given up first; what is put is sorted in place.
 *
 * Invariants:
 *   (1) At most `limit` lines are kept, and `bytes_max` bytes of them.
 *   (2) Lines of one time stay in the order of the archive.
 */
#include "loki_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdlib.h>

int loki_lines_init(struct loki_lines *l, uint32_t limit, bool newest, size_t bytes_max)
{
    *l = (struct loki_lines){.limit = limit, .newest = newest, .bytes_max = bytes_max};
    l->heap = dw_calloc((size_t)limit + 1, sizeof *l->heap);
    return l->heap ? DW_OK : DW_ENOMEM;
}

void loki_lines_clear(struct loki_lines *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        dw_free(l->heap[i].text);
    l->count = 0;
    l->bytes = 0;
}

void loki_lines_fini(struct loki_lines *l)
{
    loki_lines_clear(l);
    dw_free(l->heap);
    dw_buf_fini(&l->labels);
    *l = (struct loki_lines){0};
}

/* Whether a is given up before b. */
static bool worse(const struct loki_lines *l, const struct loki_line *a, const struct loki_line *b)
{
    bool older = a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
    return l->newest ? older : !older;
}

static void swap(struct loki_line *a, struct loki_line *b)
{
    struct loki_line c = *a;
    *a = *b;
    *b = c;
}

static void sift_up(struct loki_lines *l, uint32_t i)
{
    for (; i && worse(l, &l->heap[i], &l->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&l->heap[i], &l->heap[(i - 1) / 2]);
}

static void sift_down(struct loki_lines *l)
{
    for (uint32_t i = 0, least;; i = least) {
        least = i;
        for (uint32_t k = 2 * i + 1; k <= 2 * i + 2 && k < l->count; k++)
            least = worse(l, &l->heap[k], &l->heap[least]) ? k : least;
        if (least == i)
            return;
        swap(&l->heap[i], &l->heap[least]);
    }
}

bool loki_lines_want(const struct loki_lines *l, int64_t time_ns)
{
    struct loki_line one = {.time_ns = time_ns, .number = l->number};
    return l->count < l->limit || (l->limit && worse(l, &l->heap[0], &one));
}

static void drop_first(struct loki_lines *l)
{
    l->bytes -= l->heap[0].len;
    dw_free(l->heap[0].text);
    l->heap[0] = l->heap[--l->count];
    sift_down(l);
}

int loki_lines_add(struct loki_lines *l, const struct dw_keys *keys, const struct dw_event *ev)
{
    struct loki_line one = {.time_ns = ev->time_ns, .number = l->number++, .len = ev->line.len};
    if (one.len > l->bytes_max)
        return DW_ELIMIT;
    bool over = l->bytes + one.len > l->bytes_max;
    while (l->count && l->bytes + one.len > l->bytes_max && worse(l, &l->heap[0], &one))
        drop_first(l);
    if (over)
        l->limit = l->count + (l->bytes + one.len <= l->bytes_max); /* none that is worse than what was given up comes in behind it */
    if (l->bytes + one.len > l->bytes_max)
        return DW_ELIMIT;
    dw_buf_reset(&l->labels);
    loki_labels(ev, keys, NULL, &l->labels);
    const struct dw_str text[] = {dw_buf_view(&l->labels), ev->line};
    one.text = l->labels.err ? NULL : dw_keyed_texts(text, 2, one.at);
    if (!one.text)
        return DW_ENOMEM;
    if (l->count < l->limit) {
        l->heap[l->count++] = one;
        sift_up(l, l->count - 1);
    } else {
        l->bytes -= l->heap[0].len;
        dw_free(l->heap[0].text);
        l->heap[0] = one;
        sift_down(l);
    }
    l->bytes += one.len;
    return over ? DW_ELIMIT : DW_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct loki_line *x = a, *y = b;
    return x->time_ns != y->time_ns ? (x->time_ns < y->time_ns ? -1 : 1) : x->number < y->number ? -1 : 1;
}

static int by_stream(const void *a, const void *b)
{
    const struct loki_line *x = a, *y = b;
    int order = strcmp(x->at[0], y->at[0]);
    return order ? order : by_time(a, b);
}

void loki_lines_by_time(struct loki_lines *l)
{
    qsort(l->heap, l->count, sizeof *l->heap, by_time);
}

void loki_lines_put(struct loki_lines *l, uint32_t from, uint32_t to, bool backward, struct dw_buf *out)
{
    struct loki_line *line = l->heap;
    qsort(line + from, to - from, sizeof *line, by_stream);
    dw_buf_byte(out, '[');
    for (uint32_t first = from, last; first < to; first = last) {
        last = first;
        while (last < to && strcmp(line[last].at[0], line[first].at[0]) == 0)
            last++;
        dw_buf_printf(out, "%s{\"stream\":%s,\"values\":[", first > from ? "," : "", line[first].at[0]);
        for (uint32_t i = first; i < last; i++) {
            const struct loki_line *one = &line[backward ? last - 1 - (i - first) : i];
            dw_buf_printf(out, "%s[\"%" PRId64 "\",", i > first ? "," : "", one->time_ns);
            (void)dw_json_string(out, dw_str_make(one->at[1], one->len));
            dw_buf_byte(out, ']');
        }
        dw_buf_str(out, DW_STR("]}"));
    }
    dw_buf_byte(out, ']');
}
