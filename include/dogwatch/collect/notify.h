/*
 * Outputs: alerts that leave the collector: webhook, Alertmanager, syslog, Kafka, file (tbl/outputs.h, docs/reference/outputs.md).
 *
 *     alerts.log (durable) -> seen: filter, silences, age, fuse -> journal DATA/outputs/NAME.queue -> message -> receiver
 *                                                                       |  done <------ it was taken
 *                                                                       |  dead <------ refused, or not taken for `retry_for`: NAME.dead
 *
 * Guarantees: at least once. A message has a key that is the same however often it is sent, also after a crash; who is told it twice was cut
 * off before its answer came. The archive is synced before a line of alerts.log is there, and only durable lines are looked at.
 *
 * Thread: each output has one of its own; what is below says which may call it.
 */
#ifndef DOGWATCH_COLLECT_NOTIFY_H
#define DOGWATCH_COLLECT_NOTIFY_H

#include "dogwatch/base/clock.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/conf/options.h"

enum { DW_OUTPUT_NAME_MAX = 32, DW_OUTPUT_ERROR_CAP = 240 };

/* For struct dw_conf's check: DW_ECONFIG with a sentence in `why` when an option `outputs.K` cannot have this value. Thread: any. */
DW_MUST_USE int dw_output_option_check(const char *option, struct dw_str value, struct dw_buf *why);

struct dw_notify_conf {
    const struct dw_collector_options *opt; /* kept */
    const struct dw_fs *fs;
    const struct dw_clock *clock;
};
struct dw_notify;
/* Whether outputs go with the other options: DW_ECONFIG, said. Thread: any. */
DW_MUST_USE int dw_notify_check(const struct dw_collector_options *opt);
/* Starts the outputs over alerts.log, of which `durable` bytes are. Also where none is configured: then nothing is done. DW_ENOMEM, codes of fs.h,
 * DW_ECONFIG; *ret is given all the same and is to be stopped. Thread: loop. */
DW_MUST_USE int dw_notify_start(const struct dw_notify_conf *conf, uint64_t durable, struct dw_notify **ret);
/* So much of alerts.log is durable, and in the view. Thread: loop. */
void dw_notify_durable(struct dw_notify *n, uint64_t durable);
/* A line of the stream of provisional alerts (provisional.h) for the outputs that take them. Thread: loop. */
void dw_notify_provisional(struct dw_notify *n, struct dw_str line);
/* What outputs have to tell: dead letters. False: nothing. `text` is a sentence. Thread: loop. */
struct dw_notify_trouble {
    char name[DW_OUTPUT_NAME_MAX + 1];
    char text[DW_OUTPUT_ERROR_CAP + 160];
};
bool dw_notify_trouble(struct dw_notify *n, struct dw_notify_trouble *ret);
/* Ends the outputs. `drain`: what waits is sent first, as long as it is taken; else only what is on its way may end. Either for some seconds.
 * NULL is fine. Thread: loop. */
void dw_notify_stop(struct dw_notify *n, bool drain);

/* ---- how outputs stand: DATA/outputs/NAME.status, written by the collector, read by anybody ---- */

struct dw_output_status {
    char name[DW_OUTPUT_NAME_MAX + 1], type[16], state[16]; /* state: idle, sending, waiting, stopped */
    char last_error[DW_OUTPUT_ERROR_CAP];
    uint64_t waiting, delivered, dead; /* delivered: since the collector started */
    int64_t last_success_ns, last_error_ns; /* 0: never */
};
/* One JSON object without newline. */
void dw_output_status_write(const struct dw_output_status *s, struct dw_buf *out);
/* DW_ESYNTAX: it is none. */
DW_MUST_USE int dw_output_status_read(struct dw_str text, struct dw_output_status *ret);
/* Calls `each` for the outputs of DATA, by name. DW_ENOENT: there never was one; codes of fs.h. Files that are no status are passed over. */
DW_MUST_USE int dw_outputs_each(const struct dw_fs *fs, const char *data, void (*each)(void *arg, const struct dw_output_status *s), void *arg);
/* Asks that the dead letters of an output are sent again; the collector takes it up within a second or when it starts. DW_ENOENT: no such
 * output. *ret_dead: how many it has; 0: nothing is asked. */
DW_MUST_USE int dw_output_retry(const struct dw_fs *fs, const char *data, struct dw_str name, uint64_t *ret_dead);

#endif
