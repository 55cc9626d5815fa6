/*
 * Queries over a few rows written as text, and their answers as text, for tests.
 */
#ifndef DOGWATCH_TESTS_QUERIES_H
#define DOGWATCH_TESTS_QUERIES_H

#include "support.h"

#include "dogwatch/collect/query.h"

struct query_bed {
    struct dw_keys *keys;
    struct dw_diags diags;
    struct dw_query *q;
    size_t memory_bytes; /* for the next query; 0: what the program has */
    const struct dw_fs *fs;
    struct dw_buf answer;
    struct dw_arena arena;
    struct dw_stream stream[2]; /* of one log each */
    uint64_t taken;
};

void query_bed_init(struct query_bed *b);
void query_bed_fini(struct query_bed *b);
/* Compiles and starts. */
int query_bed_start(struct query_bed *b, const char *text);
/* Gives an event: the line, and fields "a=1 b=text c=" (kind of a value: a number where it is one); its time and log. */
void query_bed_take(struct query_bed *b, const char *fields, int64_t time_ns, int log);
/* Ends; the answer is then "a=1 b=text;" a row, of events in the order of their fields after "time:". */
void query_bed_end(struct query_bed *b);
/* A query over events divided by ';', one second apart, against the answer. */
void query_bed_expect(const char *text, const char *events, const char *answer);

#endif
