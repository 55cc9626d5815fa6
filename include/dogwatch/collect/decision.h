/*
 * Decisions: what the collector decides and nobody could compute from the agents' frames (docs/formats/decisions.md).
 *
 * A decision is a record frame in a chain of the collector's own, archived between the agents' frames at the place where it was
 * taken. So reading the archive again decides the same, at the same place, without asking a clock. Thread: any.
 */
#ifndef DOGWATCH_COLLECT_DECISION_H
#define DOGWATCH_COLLECT_DECISION_H

#include "dogwatch/store/archive.h"

enum dw_decision_kind {
    DW_DECISION_OTHER,    /* of a later version: kept, and without effect */
    DW_DECISION_IDLE,     /* an agent has not been heard: it no longer holds back the watermark */
    DW_DECISION_REJECTED, /* bytes of the queue were set aside */
    DW_DECISION_REPLACED, /* the queue was removed or replaced, and is read from its beginning */
    DW_DECISION_EXPIRED,  /* a part of the queue was let go before it was taken */
    DW_DECISION_APPROVED, /* somebody agreed to an agent */
    DW_DECISION_END,      /* end of input: the watermark goes to the last event time */
    DW_DECISION_RULES,    /* from here on other rules match */
    DW_DECISION_SHARED,   /* from here on others of a group have partitions too, and matches go by their topic; or no longer */
    DW_DECISION_TAKEN,    /* a partition is ours from there on, with what another collector knew of it */
    DW_DECISION_GIVEN,    /* a partition is no longer ours */
    DW_DECISION_MATCHES,  /* a batch of matches came (correlate/matches.h) */
};

struct dw_decision {
    enum dw_decision_kind kind;
    /* approved: which agent; idle: which chain; rejected: what the HEAD of the bytes says, zeros when they have none */
    uint8_t agent[DW_AGENT_ID_BYTES];
    struct dw_epoch epoch;
    uint64_t number; /* rejected: of the frame; rules: how many; shared: 1, no longer: 0; taken: which piece of what was known, from 0 on */
    int64_t since_ns; /* idle: arrival of the last frame */
    uint64_t source, offset; /* rejected: of the bytes; replaced: of the frame that was taken last; expired: where the gap begins; taken, given: of the partition */
    uint64_t next;           /* expired: where it ends; taken: where the partition goes on */
    uint64_t count;          /* taken: how many pieces there are */
    struct dw_str hex;       /* taken: the piece; matches: the batch; borrowed */
    /* rejected */
    struct dw_str problem; /* rule id of tbl/problems.h; borrowed */
    uint64_t bytes;
    uint8_t sha256[DW_SHA256_BYTES]; /* rejected: of the bytes; rules: dw_ruleset_hash */
    /* rules */
    bool kept;                        /* their files are in the archive (kept_rules.h), under: */
    uint8_t archive[DW_SHA256_BYTES];
};

/* What was known of a partition stands in pieces of so many bytes, since a record may have DW_FRAME_TEXT_TARGET; the last may be shorter. */
enum { DW_PART_PIECE = 96 * 1024 };
/* Appends bytes as `hex` has them, and those of a `hex`, which is whole. */
void dw_decision_hex(struct dw_str bytes, struct dw_buf *out);
void dw_decision_data(const struct dw_decision *d, struct dw_buf *out);
/* Puts a piece behind those that came before it in `part`, which the first one empties. DW_OK: what was known is whole; DW_EAGAIN: not yet, or the piece before this
 * one did not come; DW_ENOMEM. */
DW_MUST_USE int dw_decision_piece(const struct dw_decision *d, struct dw_buf *part);
/* Appends the record of a decision. */
void dw_decision_write(const struct dw_decision *d, struct dw_buf *out);
/* Takes a record apart; views are into `record`. DW_ESYNTAX when it is none. */
DW_MUST_USE int dw_decision_read(struct dw_str record, struct dw_decision *ret);

#endif
