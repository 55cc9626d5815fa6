/*
 * The audit log: who asked for events and who changed what, each line chained to the one before (docs/formats/audit.md).
 *
 * Thread: any may append, the object has its own lock. One process writes; any reads.
 */
#ifndef DOGWATCH_COLLECT_AUDIT_H
#define DOGWATCH_COLLECT_AUDIT_H

#include "dogwatch/base/clock.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/frame/digest.h"

enum { DW_AUDIT_LINE_MAX = 128 * 1024, DW_AUDIT_TEXT_MAX = 16 * 1024 };

/* What is known when something is asked. Texts are borrowed. */
struct dw_audit_ask {
    const char *who, *role, *from, *method, *route;
    struct dw_str text; /* at most DW_AUDIT_TEXT_MAX bytes */
};

struct dw_audit;
/* Opens DATA/audit/audit.log for writing and goes on from its last line. DW_ECORRUPT: that is none. Keeps fs and clock. */
DW_MUST_USE int dw_audit_open(const struct dw_fs *fs, const struct dw_clock *clock, const char *data, struct dw_audit **ret);
void dw_audit_close(struct dw_audit *a);
/* Both are durable when they come back. After an error the log takes no more. *ret_n names the line for dw_audit_answered. */
DW_MUST_USE int dw_audit_asked(struct dw_audit *a, const struct dw_audit_ask *ask, uint64_t *ret_n);
DW_MUST_USE int dw_audit_answered(struct dw_audit *a, const struct dw_audit_ask *ask, uint64_t of, uint64_t rows, const char *outcome);

/* Reading. `problem` (may be NULL) is told of every line that does not hold, `each` (may be NULL) gets the lines in order, whole ones
 * only. DW_ENOENT: there is no log. */
struct dw_audit_read {
    const struct dw_fs *fs;
    const char *data;
    void (*problem)(void *arg, uint64_t line, const char *what);
    void (*each)(void *arg, struct dw_str line);
    void *arg;
};
struct dw_audit_result {
    uint64_t lines, problems;
    char hash[2 * DW_SHA256_BYTES + 1]; /* of the last line; zeros when there is none */
};
DW_MUST_USE int dw_audit_read(const struct dw_audit_read *how, struct dw_audit_result *ret);

#endif
