/* The rules over which fuzz_window loads snapshots, and which its seeds are made of: one of each kind of state. */
#ifndef DOGWATCH_TESTS_WINDOWS_H
#define DOGWATCH_TESTS_WINDOWS_H

#include "dogwatch/geo/geo.h"

/* Every address has a place, by its last bytes; but none that begins with 10. */
static inline bool windows_place(const struct dw_places *p, const struct dw_ip *ip, struct dw_place *ret)
{
    (void)p;
    *ret = (struct dw_place){.north = (ip->byte[15] % 181 - 90) * 1000000, .east = (ip->byte[14] % 181) * 1000000, .radius_km = ip->byte[13], .name = "place"};
    return ip->byte[12] != 10;
}
static struct dw_places windows_places = {.find = windows_place, .hash = {1}};

static const char windows_rules[] =
    "title: a\nid: a\nlogsource: {product: x}\ndetection: {s: {f: 1}, condition: s}\n"
    "---\ntitle: b\nid: b\nlogsource: {product: x}\ndetection: {s: {f: 2}, condition: s}\n"
    "---\ntitle: n\nid: n\ncorrelation: {type: event_count, rules: [a], group-by: [u], timespan: 10s, condition: {gte: 2}}\n"
    "---\ntitle: o\nid: o\ncorrelation: {type: temporal_ordered, rules: [a, b], group-by: [u], timespan: 10s}\n"
    "---\ntitle: t\nid: t\ncorrelation: {type: temporal, rules: [a, b], timespan: 10s}\n"
    "---\ntitle: v\nid: v\ndetector: {type: new_value, rules: [a], group-by: [u], field: x, timespan: 20s, learn: 2s}\n"
    "---\ntitle: r\nid: r\ndetector: {type: rate_spike, rules: [a], timespan: 5s, history: 4, direction: both}\n"
    "---\ntitle: q\nid: q\ndetector: {type: silence, rules: [b], group-by: [u], timespan: 10s, learn: 1s}\n"
    "---\ntitle: m\nid: m\ndetector: {type: new_template, rules: [a], group-by: [u], field: x, timespan: 20s, learn: 2s, fanout: 2}\n"
    "---\ntitle: e\nid: e\ncorrelation: {type: absence, rules: [a, b], group-by: [u], timespan: 10s, before: 2s}\n"
    "---\ntitle: w\nid: w\ndetector: {type: rare_value, rules: [a], group-by: [u], field: x, timespan: 20s, learn: 2s, warmup: 2, condition: {lte: 2}}\n"
    "---\ntitle: c\nid: c\ndetector: {type: cardinality_spike, rules: [a], group-by: [u], field: x, timespan: 5s, history: 4, direction: both}\n"
    "---\ntitle: h\nid: h\ndetector: {type: heavy_hitter, rules: [a], group-by: [u], field: x, timespan: 10s, warmup: 2}\n"
    "---\ntitle: g\nid: g\ndetector: {type: entropy_dga, rules: [a], group-by: [u], field: x, timespan: 20s, score: 1}\n"
    "---\ntitle: k\nid: k\ndetector: {type: beacon, rules: [a], group-by: [u], timespan: 24s, score: 60}\n"
    "---\ntitle: l\nid: l\ndetector: {type: impossible_travel, rules: [a], group-by: [u], field: i, timespan: 20s}\n"
    "---\ntitle: j\nid: j\ncorrelation: {type: event_count, rules: [a], group-by: [u], timespan: 10s, condition: {gte: 3}, calm: {lte: 1}}\n";
enum { WINDOWS_RULES = 17 };

#endif
