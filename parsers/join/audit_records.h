/*
 * Which lines are records of the Linux audit daemon, and which of them are of one event. Used by lines.c.
 */
#ifndef DOGWATCH_PARSERS_AUDIT_RECORDS_H
#define DOGWATCH_PARSERS_AUDIT_RECORDS_H

#include "dogwatch/base/str.h"

/* The head of a record: [node=NODE ]type=TYPE msg=audit(SECONDS.MS:SERIAL): */
struct dw__audit_head {
    struct dw_str node; /* empty: none */
    int64_t time_ms;
    uint64_t serial;
    bool alone; /* a type that is an event by itself */
    bool last;  /* nothing of its event follows */
};
/* False: the line is none. */
bool dw__audit_head(struct dw_str line, struct dw__audit_head *ret);

/* What an event that is not whole yet is known by. */
struct dw__audit_key {
    uint64_t node_hash, serial;
    int64_t time_ms;
    uint8_t out; /* enum dw_out */
};
void dw__audit_key(const struct dw__audit_head *h, uint8_t out, struct dw__audit_key *ret);
bool dw__audit_same(const struct dw__audit_key *a, const struct dw__audit_key *b);
/* Whether nothing of the event `old` is to come any more, now that a record of `now` came. */
bool dw__audit_over(const struct dw__audit_key *old, const struct dw__audit_key *now);

#endif
