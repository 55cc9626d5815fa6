/*
 * The spool: a sender before another one, which keeps frames on disk while that one's brokers are away.
 *
 *     off   frames pass through
 *     on    frames are appended to files, and are acknowledged once synced; what was under way to the brokers comes first. The other
 *           sender gets them from the head, in order, and a file is unlinked once the brokers have all of it. Then: off
 *
 * What a start finds is sent before anything else but the start's own first frame, which says so
 * (docs/formats/frame.md, epoch.open). A spool file is frames one after the other: `zstd -dc` prints its lines. Thread:
 * one at a time, as with every sender.
 */
#ifndef DOGWATCH_TRANSPORT_SPOOL_H
#define DOGWATCH_TRANSPORT_SPOOL_H

#include "dogwatch/transport/transport.h"

enum {
    DW_SPOOL_FILE_BYTES = 1024 * 1024,      /* a file is full */
    DW_SPOOL_SPARE_BYTES = 4 * 1024 * 1024, /* over the limit: for records, and for the frame in hand */
};

/* All is borrowed until the open function returns, but for fs. */
struct dw_spool_conf {
    const struct dw_fs *fs;
    const char *dir;
    uint64_t limit_bytes;
    uint8_t agent[DW_AGENT_ID_BYTES]; /* frames of another are no frames of ours */
};

/* What a start found. */
struct dw_spool_found {
    uint64_t frames, bytes;
    struct dw_head first, last; /* when there are any */
};

/* How it stands. */
struct dw_spool_state {
    bool on;
    uint64_t bytes, frames; /* on disk, not taken by the brokers yet */
    int64_t oldest_ns;      /* least event time in the oldest file; 0: nothing is there */
    uint64_t taken;         /* frames that the brokers took since the start: rises as long as they take any */
};

/* Opens the folder, made when it is missing, and reads what is there: torn ends are cut; what is no whole frame goes to
 * `dir`/quarantine, and leaves its HEAD as a tombstone where that can be read; both are counted and said. On success
 * takes *inner, which must offer `waiting`. DW_ENOMEM, and codes of files. */
DW_MUST_USE int dw_spool_open(const struct dw_spool_conf *conf, struct dw_sender **inner,
    struct dw_spool_found *ret_found, struct dw_sender **ret);
/* Frames go to disk from the next pump on, until the brokers have all of them. `s` is of dw_spool_open. */
void dw_spool_begin(struct dw_sender *s);
void dw_spool_look(const struct dw_sender *s, struct dw_spool_state *ret);

#endif
