/*
 * bench_json: dogwatch's JSON reader over lines of services' logs, beside json-c and simdjson, in turns in one run. All three read every
 * value; json-c makes a tree, the others do not. Prints one JSON object; ratios are what counts.
 *
 * usage: bench_json [LINES] (300000)
 */
#include "support.h"

#ifdef DW_HAVE_SIMDJSON
#include "simdjson_peer.h"
#endif

#include "dogwatch/base/clock.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/event/json_read.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPEATS = 5, PADDING = 256 };

static void make_line(struct dw_rng *r, uint64_t i, struct dw_buf *out)
{
    static const char *const levels[] = {"info", "warn", "error", "debug"};
    dw_buf_printf(out, "{\"time\":\"2026-11-24T10:%02u:%02u.%03uZ\",\"level\":\"%s\",\"logger\":\"com.example.shop.OrderService\",\"msg\":\"order %u "
        "took %u ms \\\"slow\\\"\",\"request\":{\"id\":\"%08x-%04x\",\"method\":\"POST\",\"path\":\"/api/v1/orders\",\"headers\":[\"a\",\"b\"]},"
        "\"user\":{\"id\":%u,\"roles\":[\"buyer\",\"admin\"],\"active\":true},\"duration\":%u.%03u,\"error\":null}\n", (unsigned)(i / 60 % 60),
        (unsigned)(i % 60), (unsigned)dw_rng_below(r, 1000), levels[dw_rng_below(r, 4)], (unsigned)i, (unsigned)dw_rng_below(r, 3000),
        (unsigned)dw_rng_next(r), (unsigned)dw_rng_below(r, 65536), (unsigned)dw_rng_below(r, 100000), (unsigned)dw_rng_below(r, 100),
        (unsigned)dw_rng_below(r, 1000));
}

static uint64_t ours(struct dw_str text)
{
    uint64_t n = 0;
    while (text.len) {
        struct dw_str line = dw_str_cut(&text, '\n');
        struct dw_json j;
        struct dw_json_token t = {.type = DW_JSON_NULL};
        dw_json_start(&j, line);
        while (t.type != DW_JSON_END) {
            if (dw_json_next(&j, &t) < 0)
                abort();
            n += t.type != DW_JSON_END && t.type != DW_JSON_OBJECT_END && t.type != DW_JSON_ARRAY_END;
        }
    }
    return n;
}

static uint64_t tree_values(json_object *o)
{
    uint64_t n = 1;
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, key, v)
            n += (key[0] != '\0') + tree_values(v);
    } else if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o); i++)
            n += tree_values(json_object_array_get_idx(o, i));
    }
    return n;
}

static uint64_t theirs(struct dw_str text)
{
    uint64_t n = 0;
    json_tokener *tok = json_tokener_new();
    while (text.len) {
        struct dw_str line = dw_str_cut(&text, '\n');
        json_tokener_reset(tok);
        json_object *o = json_tokener_parse_ex(tok, line.ptr, (int)line.len);
        if (!o)
            abort();
        n += tree_values(o);
        json_object_put(o);
    }
    json_tokener_free(tok);
    return n;
}

static uint64_t simd(struct dw_str text)
{
#ifdef DW_HAVE_SIMDJSON
    return simdjson_padding() <= PADDING ? simdjson_values(text.ptr, text.len) : 0;
#else
    (void)text;
    return 0;
#endif
}

int main(int argc, char **argv)
{
    static uint64_t (*const reader[])(struct dw_str) = {ours, theirs, simd};
    static const char *const name[] = {"dogwatch", "json_c", "simdjson"};
    uint64_t lines = 300000, values[3] = {0};
    double best[3] = {INFINITY, INFINITY, INFINITY};
    struct dw_buf text = {0};
    struct dw_rng rng = {.state = 4};
    if (argc > 1)
        (void)dw_str_u64(dw_str_of(argv[1]), &lines);
    for (uint64_t i = 0; i < lines; i++)
        make_line(&rng, i, &text);
    if (!dw_buf_reserve(&text, PADDING))
        return 1;
    memset(text.ptr + text.len, 0, PADDING);
    for (int k = 0; k < REPEATS; k++) {
        for (int i = 0; i < 3; i++) {
            int64_t from = dw_clock_cpu_ns();
            values[i] = reader[i](dw_buf_view(&text));
            best[i] = fmin(best[i], (double)(dw_clock_cpu_ns() - from) / 1e9);
        }
    }
    printf("{\"measure\":\"json\",\"mb\":%.1f,\"lines\":%" PRIu64, (double)text.len / 1e6, lines);
    for (int i = 0; i < 3; i++)
        if (values[i])
            printf(",\"%s_mb_per_s\":%.0f,\"%s_values\":%" PRIu64, name[i], (double)text.len / 1e6 / best[i], name[i], values[i]);
    printf(",\"ratio_to_json_c\":%.2f", best[1] / best[0]);
    if (values[2])
        printf(",\"ratio_to_simdjson\":%.2f", best[2] / best[0]);
    printf("}\n");
    dw_buf_fini(&text);
    return values[0] == values[1] ? 0 : 1;
}
