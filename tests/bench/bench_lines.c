/*
 * bench_lines: how fast bytes become lines, and JSON becomes fields and text again.
 *
 * Prints one JSON object a case: bytes/s and lines/s, and the ratio to a pass that only finds the newlines with memchr over
 * the same bytes in the same run.
 */
#include "dogwatch/base/clock.h"
#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/parsers/lines.h"

#include <stdio.h>

enum { LINES = 100000, ROUNDS = 5 };

static uint64_t sink;

static int on_line(void *arg, const struct dw_line *l)
{
    (void)arg;
    sink += l->text.len;
    return 0;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    (void)arg;
    sink += d->end;
    return 0;
}

/* kind: 0 docker with quotes in the text, 1 docker without, 2 CRI, 3 plain, 4 application JSON. */
static void make(struct dw_buf *b, int kind)
{
    dw_buf_reset(b);
    for (int i = 0; i < LINES; i++) {
        const char *q = kind == 0 ? "\\\"" : kind == 1 ? "'" : "\"";
        if (kind == 4) {
            dw_buf_printf(b, "{\"ts\":\"2026-11-23T21:14:%02d.%06dZ\",\"level\":\"info\",\"msg\":\"request done\",\"http\":{\"method\":"
                "\"GET\",\"status\":%d,\"path\":\"/api/v1/items/%d\"},\"user\":{\"id\":%d},\"ms\":12.5,\"ok\":true}\n", i % 60, i, 200 + i % 300, i, i % 1000);
            continue;
        }
        if (kind == 2)
            dw_buf_printf(b, "2026-11-23T21:14:%02d.%09dZ stdout F ", i % 60, i);
        if (kind < 2)
            dw_buf_str(b, DW_STR("{\"log\":\""));
        dw_buf_printf(b, "203.0.113.%d - - [23/Nov/2026:21:14:%02d +0000] %sGET /shop/item/%d?ref=mail HTTP/1.1%s 200 %d %s-%s "
            "%sMozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0 Safari/537.36%s", i % 250, i % 60,
            q, i, q, 100 + i % 9000, q, q, q, q);
        if (kind < 2)
            dw_buf_printf(b, "\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-23T21:14:%02d.%09dZ\"}", i % 60, i);
        dw_buf_byte(b, '\n');
    }
}

static double seconds_since(int64_t start)
{
    return (double)(dw_clock_cpu_ns() - start) / 1e9;
}

static double newlines(struct dw_str s)
{
    double best = 1e9;
    for (int r = 0; r < ROUNDS; r++) {
        int64_t start = dw_clock_cpu_ns();
        struct dw_str rest = s;
        while (rest.len) {
            size_t n = dw_str_index(rest, '\n');
            sink += n;
            rest = dw_str_slice(rest, n + 1, rest.len);
        }
        double t = seconds_since(start);
        best = t < best ? t : best;
    }
    return best;
}

static void report(const char *what, size_t bytes, double t, double reference)
{
    printf("{\"case\":\"%s\",\"bytes_per_s\":%.0f,\"lines_per_s\":%.0f,\"of_memchr\":%.3f}\n", what, (double)bytes / t,
        LINES / t, reference / t);
}

static void bench_lines(const char *what, struct dw_str s, uint32_t redact)
{
    double best = 1e9;
    for (int r = 0; r < ROUNDS; r++) {
        struct dw_lines_conf conf = {.envelope = DW_ENV_AUTO, .line_max = 256 * 1024, .join_span_max = 4 << 20, .redact = redact};
        struct dw_lines_out out = {.line = on_line, .declare = on_declare};
        struct dw_lines *l = dw_lines_new(&conf, 0);
        DW_ASSERT(l);
        int64_t start = dw_clock_cpu_ns();
        size_t at = 0;
        while (at < s.len) {
            size_t n = 0;
            int rc = dw_lines_feed(l, dw_str_slice(s, at, at + 512 * 1024), &out, &n);
            DW_ASSERT(rc == 0 && n > 0);
            at += n;
        }
        double t = seconds_since(start);
        best = t < best ? t : best;
        dw_lines_free(l);
    }
    report(what, s.len, best, newlines(s));
}

enum what { READ, FLATTEN, WRITE };

static void bench_json(const char *what, struct dw_str s, enum what step)
{
    static struct dw_field fields[DW_EVENT_FIELDS_MAX];
    double best = 1e9;
    struct dw_buf out = {0};
    struct dw_arena pool;
    dw_arena_init(&pool, 0);
    struct dw_draft d = {.keys = dw_keys_new(), .pool = &pool, .field = fields};
    DW_ASSERT(d.keys);
    for (int r = 0; r < ROUNDS; r++) {
        int64_t start = dw_clock_cpu_ns();
        struct dw_str rest = s;
        while (rest.len) {
            struct dw_str line = dw_str_cut(&rest, '\n');
            if (step == READ) {
                struct dw_json j;
                struct dw_json_token t = {.type = DW_JSON_NULL};
                dw_json_start(&j, line);
                while (dw_json_next(&j, &t) == 0 && t.type != DW_JSON_END)
                    sink += t.text.len;
                continue;
            }
            static const struct dw_flatten how;
            dw_draft_reset(&d, line);
            sink += (uint64_t)dw_flatten_json(&d, line, &how);
            struct dw_event ev = {.line = line, .field = d.field, .field_count = d.field_count};
            if (step == WRITE) {
                dw_buf_reset(&out);
                dw_event_json(d.keys, &ev, NULL, &out);
            }
        }
        double t = seconds_since(start);
        best = t < best ? t : best;
    }
    report(what, s.len, best, newlines(s));
    dw_buf_fini(&out);
    dw_keys_free(d.keys);
    dw_arena_fini(&pool);
}

int main(void)
{
    static const char *const names[] = {"docker_escaped", "docker_plain", "cri", "plain"};
    struct dw_buf b = {0};
    for (int kind = 0; kind < 4; kind++) {
        char name[64];
        make(&b, kind);
        bench_lines(names[kind], dw_buf_view(&b), 0);
        (void)snprintf(name, sizeof name, "%s_cards", names[kind]);
        bench_lines(name, dw_buf_view(&b), 1u << DW_REDACT_CARDS);
        (void)snprintf(name, sizeof name, "%s_all_rules", names[kind]);
        bench_lines(name, dw_buf_view(&b), ~0u);
    }
    make(&b, 4);
    bench_json("json_read", dw_buf_view(&b), READ);
    bench_json("json_flatten", dw_buf_view(&b), FLATTEN);
    bench_json("json_flatten_write", dw_buf_view(&b), WRITE);
    make(&b, 0);
    bench_json("json_read_docker", dw_buf_view(&b), READ);
    dw_buf_fini(&b);
    return sink == 0;
}
