/*
 * Matches on their way from the first stage of correlations to the second, where these are not in one process (docs/formats/matches.md).
 *
 * Several collectors share the partitions of a queue. Each matches the frames of its own, and sends the matches of members with marks of how far it is to a topic that all
 * of them read; each does the second stage over all of it. Matches follow from a partition's frames alone, so one that comes twice (from a collector that went on where another
 * had been) is known by its place: which match of which frame. Thread: whoever owns them.
 */
#ifndef DOGWATCH_CORRELATE_MATCHES_H
#define DOGWATCH_CORRELATE_MATCHES_H

#include "dogwatch/correlate/window.h"

/* ---- sending ---- */

struct dw_matches;
struct dw_match_marks;
/* For the rules of a finished set, which must outlive it; NULL without memory. */
struct dw_matches *dw_matches_new(const struct dw_ruleset *rs);
void dw_matches_free(struct dw_matches *m);
/* What windows hand out from now on is of the frame at `offset` of the partition `source`. DW_ENOMEM. */
DW_MUST_USE int dw_matches_frame(struct dw_matches *m, uint64_t source, uint64_t offset);
/* The frame in hand is done; the partition goes on at `next`. `low_ns`: what its agents said can no longer come; INT64_MAX: none is waited for. `idle`: since the last one was
 * decided to be silent. */
void dw_matches_done(struct dw_matches *m, uint64_t next, int64_t low_ns, bool idle);
/* The partition is not read to its end: as long as that holds, nobody who is waited for is no news, since its next sender may stand there. */
void dw_matches_hold(struct dw_matches *m, uint64_t source);
/* What is waited for now, of each partition: `idle`, since somebody was decided to be silent; else because all are read to their end. */
void dw_matches_marks(struct dw_matches *m, int64_t (*low)(void *arg, uint64_t source), void *arg, bool idle);
/* Of what was not cut yet: matches that have come back, from whomever, need not be sent. */
void dw_matches_came(struct dw_matches *m, const struct dw_match_marks *marks);
/* From now on by other rules; what was handed out so far is cut. On failure nothing has changed but that. DW_ENOMEM. */
DW_MUST_USE int dw_matches_rules(struct dw_matches *m, const struct dw_ruleset *rs);
/* The next batch has the marks of all partitions, whatever was sent: for those who came later. */
void dw_matches_again(struct dw_matches *m);
/* Whether there is more to send than marks that went on. */
bool dw_matches_any(const struct dw_matches *m);
/* The partition is another's. What was handed out of it so far is cut, and sent all the same: its frames are here, so whoever goes on with them, we perhaps, need not tell it again. DW_ENOMEM. */
DW_MUST_USE int dw_matches_forget(struct dw_matches *m, uint64_t source);
/* What was handed out and marked so far becomes a batch, if that is more than was sent before. `partitions`: how many there are of the queue. DW_ENOMEM. */
DW_MUST_USE int dw_matches_cut(struct dw_matches *m, uint32_t partitions);
/* The oldest batch, at most DW_MATCHES_MAX bytes, until dw_matches_sent; empty: there is none. */
enum { DW_MATCHES_MAX = 120 * 1024 }; /* its hex fits into a record (DW_FRAME_TEXT_TARGET) */
struct dw_str dw_matches_first(const struct dw_matches *m);
void dw_matches_sent(struct dw_matches *m);

/* ---- receiving ---- */

/* How far the matches of one partition have come. */
struct dw_match_mark {
    uint64_t source, next; /* those of frames before `next` are here, */
    uint32_t index;        /* and so many of that frame */
    int64_t low_ns;
    bool idle;
};
/* Zeroed: nothing came. Follows from the batches taken, in their order, alone. */
struct dw_match_marks {
    struct dw_match_mark *item; /* by source */
    uint32_t count, cap;
    uint32_t partitions; /* of the queue, the most that a batch said */
};
void dw_match_marks_fini(struct dw_match_marks *marks);
/* Takes a batch: its matches wait in `w` for the watermark, but for those that are here already. A match whose rule is not here, or decides otherwise, is left out and counted.
 * DW_ECORRUPT: it is none, and nothing of it was taken; DW_ENOMEM. */
DW_MUST_USE int dw_window_take_matches(struct dw_window *w, struct dw_str batch, struct dw_match_marks *marks);
/* Whether it would take it. */
DW_MUST_USE int dw_window_check_matches(const struct dw_window *w, struct dw_str batch);
/* What no partition's agents wait for any more: the least of their marks. INT64_MIN: not all partitions are here; INT64_MAX: nobody is waited for. *ret_idle: and that was decided. */
int64_t dw_match_marks_low(const struct dw_match_marks *marks, bool *ret_idle);
/* Appends them, and takes them back into empty ones. DW_ECORRUPT, DW_ENOMEM. */
void dw_match_marks_save(const struct dw_match_marks *marks, struct dw_buf *out);
DW_MUST_USE int dw_match_marks_load(struct dw_match_marks *marks, struct dw_cursor *c);

#endif
