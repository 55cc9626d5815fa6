/* What records of the audit daemon alone (auditd.c) and those of one event together (auditd_event.c) share. */
#ifndef DOGWATCH_PARSERS_FORMAT_AUDITD_INT_H
#define DOGWATCH_PARSERS_FORMAT_AUDITD_INT_H

#include "fmt.h"

/* One record: its head, and in `rest` the pairs behind it. */
struct auditd_record {
    struct dw_str node, type, stamp, rest;
};
/* False: it is none. */
bool auditd_head(struct dw_str line, struct auditd_record *ret);
/* The event's time, serial number and node, as each of its records has them. False: there is no time. */
bool auditd_stamp(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct auditd_record *r);
/* A record's pairs under auditd.log.*, and those that ECS knows where nothing stands yet. */
void auditd_pairs(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct auditd_record *r);
/* event.action, category and type of a record alone. */
void auditd_meaning(struct dw_draft *d, const struct auditd_record *r);
/* A value without what coding it needed. */
struct dw_str auditd_text(struct dw_draft *d, struct dw_str key, struct dw_str value);
/* Several records, one a line, of one event. DW_ESYNTAX: one of them is none. */
int auditd_event(const struct dw_parse_ctx *ctx, struct dw_draft *d);

#endif
