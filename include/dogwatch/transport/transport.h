/*
 * Transports carry frames from agent to collector: at least once, in order per agent.
 *
 * Two halves, each behind a struct of functions: a sender in the agent, a receiver in the collector. Implementations:
 * `dir` (a directory of frames, one host), `kafka` (kafka.h), and a spool before it (spool.h). None owns a thread or a loop.
 */
#ifndef DOGWATCH_TRANSPORT_TRANSPORT_H
#define DOGWATCH_TRANSPORT_TRANSPORT_H

#include "dogwatch/base/fs.h"
#include "dogwatch/frame/frame.h"

/* ---- sending: used by the agent's writer thread ---- */

struct dw_sender;
struct dw_sender_ops {
    const char *name;
    int (*send)(struct dw_sender *s, struct dw_frame **frame);
    int (*pump)(struct dw_sender *s, uint64_t *ret_acked);
    const struct dw_frame *(*waiting)(const struct dw_sender *s, uint64_t i); /* NULL: not offered */
    void (*close)(struct dw_sender *s);
};
struct dw_sender {
    const struct dw_sender_ops *ops;
};

/* Hands a frame over. On success takes *frame (NULLs it); frames are acknowledged in the order sent. On failure the caller
 * still owns it: DW_EAGAIN and DW_ENOSPC mean hold on and try again, others that the transport is broken. */
DW_MUST_USE static inline int dw_sender_send(struct dw_sender *s, struct dw_frame **frame)
{
    return s->ops->send(s, frame);
}

/* Does what is due, which may wait for the disk; *ret_acked is how many frames are durable since the sender was opened.
 * DW_ENOSPC and DW_EAGAIN: pump again later, nothing is lost. After other errors the frames not acknowledged must be sent again through a
 * sender opened anew. */
DW_MUST_USE static inline int dw_sender_pump(struct dw_sender *s, uint64_t *ret_acked)
{
    return s->ops->pump(s, ret_acked);
}

/* The i-th, from 0, of the frames that were handed over and that the last pump did not call acknowledged; there are more than i. Valid
 * until the next call. Only what a spool may stand before offers it. */
static inline const struct dw_frame *dw_sender_waiting(const struct dw_sender *s, uint64_t i)
{
    return s->ops->waiting(s, i);
}

/* Frees; what was not pumped may be lost. NULL is fine. */
static inline void dw_sender_close(struct dw_sender *s)
{
    if (s)
        s->ops->close(s);
}

/* ---- receiving: used by the collector's loop ---- */

/* Where a frame stood: consumption goes on at `next` of the same source. Sources of `dir` are numbers of files, read one after the
 * other; those of `kafka` partitions, from DW_SOURCE_KAFKA on, read side by side: an archive that saw both knows them apart. */
struct dw_position {
    uint64_t source, offset, next;
};
#define DW_SOURCE_KAFKA (UINT64_C(1) << 32)
/* Partitions of a topic of other programs' JSON; what comes from there is never a frame. */
#define DW_SOURCE_KAFKA_JSON (UINT64_C(2) << 32)
/* The topic of matches, which collectors of a group send each other. */
#define DW_SOURCE_KAFKA_MATCHES (UINT64_C(3) << 32)

static inline bool dw_source_is_json(uint64_t source)
{
    return source >= DW_SOURCE_KAFKA_JSON && source < DW_SOURCE_KAFKA_MATCHES;
}

/* Where to go on: at `at.next`. What was taken at `at.offset` is known again by the hash of the frame or, when that has kind 0, by that of
 * the record. */
struct dw_resume {
    struct dw_position at;
    struct dw_head frame;
    uint64_t record; /* dw_record_hash; 0: what was taken there cannot be known again */
};
/* Of a record of another program, or of the line that the archive has of it: line breaks count as spaces. Never 0. Not stored. */
uint64_t dw_record_hash(struct dw_str record);

/* What a receiver hands out: a frame's bytes, or bytes that are no frame. Valid until the next call. */
struct dw_received {
    struct dw_str bytes;
    struct dw_position at;
    bool is_frame;  /* false: no frame begins there; `bytes` reach to where one may */
    bool torn;      /* no frame, but the beginning of one, last of what its sender wrote: what a crash leaves. It was never acknowledged */
    bool replaced;  /* no bytes: what was taken at `at` is not there any more, so reading goes on at the oldest. Not to be committed */
    bool expired;   /* no bytes: what stood from at.offset up to at.next was let go before it was taken. Not to be committed */
    /* Of collectors that share a topic (dw_kafka_conf.states). Not to be committed: */
    bool taken;     /* partition at.source is ours from at.next on. `bytes`: what others knew of its senders there; empty: go on by what we know */
    bool given;     /* partition at.source is not ours any more; all of it that was handed out stands before at.next */
};

struct dw_receiver;
struct dw_receiver_ops {
    const char *name;
    int (*next)(struct dw_receiver *r, struct dw_received *ret);
    int (*commit)(struct dw_receiver *r, struct dw_position done);
    bool (*drained)(const struct dw_receiver *r);
    uint32_t (*elsewhere)(const struct dw_receiver *r); /* NULL: all comes here */
    uint32_t (*parts)(const struct dw_receiver *r);     /* NULL: it has none */
    uint32_t (*leaving)(const struct dw_receiver *r, const uint64_t **ret_sources); /* NULL: nothing is ever given up */
    void (*let_go)(struct dw_receiver *r);              /* NULL like `leaving` */
    void (*close)(struct dw_receiver *r);
};
struct dw_receiver {
    const struct dw_receiver_ops *ops;
};

/* The next frame. DW_EAGAIN when there is none now. */
DW_MUST_USE static inline int dw_receiver_next(struct dw_receiver *r, struct dw_received *ret)
{
    return r->ops->next(r, ret);
}

/* Says that everything handed out so far, up to and with `done`, is archived and synced: it may be forgotten. */
DW_MUST_USE static inline int dw_receiver_commit(struct dw_receiver *r, struct dw_position done)
{
    return r->ops->commit(r, done);
}

/* Whether DW_EAGAIN meant that all was handed out: false while a transport is not connected, no broker answers, or it has not heard so.
 * Silence of agents means nothing then. */
static inline bool dw_receiver_drained(const struct dw_receiver *r)
{
    return r->ops->drained(r);
}

/* How many parts of what it receives go to others instead: partitions that another member of its group has, or nobody yet. */
static inline uint32_t dw_receiver_elsewhere(const struct dw_receiver *r)
{
    return r->ops->elsewhere ? r->ops->elsewhere(r) : 0;
}

/* How many partitions the topic has now; 0: it is not known yet, or there is none. */
static inline uint32_t dw_receiver_parts(const struct dw_receiver *r)
{
    return r->ops->parts ? r->ops->parts(r) : 0;
}

/* The sources that are to be given up, of which nothing is handed out any more; how many. Only a call of dw_receiver_next adds any, and only
 * when there were none. Whoever has archived and published what came of them calls dw_receiver_let_go, within seconds: until then
 * nobody else gets them, and the group waits. *ret_sources is valid until the next call of dw_receiver_next or dw_receiver_let_go. */
static inline uint32_t dw_receiver_leaving(const struct dw_receiver *r, const uint64_t **ret_sources)
{
    return r->ops->leaving ? r->ops->leaving(r, ret_sources) : 0;
}

/* Lets them go: commits what is due and leaves them to others. dw_receiver_next tells each as `given`. Nothing happens when there are none. May
 * wait for the brokers, some seconds at most. */
static inline void dw_receiver_let_go(struct dw_receiver *r)
{
    if (r->ops->let_go)
        r->ops->let_go(r);
}

static inline void dw_receiver_close(struct dw_receiver *r)
{
    if (r)
        r->ops->close(r);
}

/* ---- dir: a directory of frames (dir_send.c, dir_receive.c) ---- */

enum { DW_DIR_FILE_BYTES = 8 * 1024 * 1024 };

/* Opens the directory for sending; makes it when missing. A last file with a torn tail is left as it is and a new one begun: the
 * receiver passes over the tail, which was never acknowledged. Over `max_bytes` of unconsumed frames (0: no bound), by a
 * frame at most, send answers DW_EAGAIN. */
DW_MUST_USE int dw_dir_sender_open(const struct dw_fs *fs, const char *dir, uint64_t max_bytes, struct dw_sender **ret);
/* Opens it for receiving, going on after `from` (NULL: at the oldest file). When another queue has taken the folder's place, reading
 * begins at its oldest file and the first thing handed out is `replaced`. */
DW_MUST_USE int dw_dir_receiver_open(const struct dw_fs *fs, const char *dir, const struct dw_resume *from,
    struct dw_receiver **ret);

/* Receives from both, by turns; each hears only of its own what may be forgotten. dw_receiver_parts is of `a`. Takes both, also when it fails.
 * DW_ENOMEM. */
DW_MUST_USE int dw_receiver_both(struct dw_receiver *a, struct dw_receiver *b, struct dw_receiver **ret);

#endif
