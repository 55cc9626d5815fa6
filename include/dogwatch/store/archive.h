/*
 * The archive: every frame an intake number, one open segment, sealed segments, one chained manifest
 * (docs/formats/archive.md).
 *
 * One process writes (it holds the lock on DATA), any number read: a reader takes the manifest as it is and sees
 * whole frames only. Thread: each object belongs to one thread at a time.
 */
#ifndef DOGWATCH_STORE_ARCHIVE_H
#define DOGWATCH_STORE_ARCHIVE_H

#include "dogwatch/base/clock.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/frame/frame.h"

/* What the collector learns about a frame by taking it; stored beside the frame, never in it. */
struct dw_intake {
    uint64_t number;        /* one sequence a collector, from 0, no holes */
    int64_t arrival_ns;
    uint64_t source;        /* number of the queue file, or DW_SOURCE_KAFKA + partition */
    uint64_t offset, next;  /* where it began there, and where consumption goes on */
};

/* What was seen of one event when its frame was taken. */
enum dw_mark { DW_MARK_NONE, DW_MARK_DUPLICATE, DW_MARK_CONFLICT };

struct dw_archive_conf {
    const struct dw_fs *fs;
    const struct dw_clock *clock;
    const char *dir;           /* made when missing */
    struct dw_keys *keys;
    uint64_t segment_max_bytes; /* an open segment of this size is due for sealing */
};

struct dw_archive;
struct dw_keyring; /* these two: below */
struct dw_segment_info;

/* Opens for writing and recovers: a torn tail of the open segment is cut and kept in rejected/ (bytes are counted in
 * archive_bytes_cut); if something before it is damaged, the segment is closed as it stands (archive_bytes_damaged); leftovers of an
 * unfinished seal are removed. DW_ECORRUPT, with a line in the log that says what to do: files are missing, or there is one that
 * the manifest cannot know of; nothing was touched. *ret_a is given. */
DW_MUST_USE int dw_archive_open(const struct dw_archive_conf *conf, struct dw_archive **ret_a);
void dw_archive_close(struct dw_archive *a);
/* Appends a frame that was decoded and checked. `in` names all but `number`, which is set. `mark` has one byte an event
 * (enum dw_mark), or is NULL. Not durable before dw_archive_sync. After an error the archive takes no more: reopen it. */
DW_MUST_USE int dw_archive_append(struct dw_archive *a, struct dw_str frame, const struct dw_head *head,
    const uint8_t *mark, struct dw_intake *in);
DW_MUST_USE int dw_archive_sync(struct dw_archive *a);
/* Whether the open segment has reached segment_max_bytes. */
bool dw_archive_seal_due(const struct dw_archive *a);
/* Seals the open segment if it holds a frame, and opens the next. If one of its frames does not hold any more, it is closed as it
 * stands, which is no error. */
DW_MUST_USE int dw_archive_seal(struct dw_archive *a);
/* Number the next frame will get. */
uint64_t dw_archive_next_intake(const struct dw_archive *a);
/* Intake and HEAD of the last archived frame (its agent, epoch and number are always there); false when there is none, or it cannot be
 * read any more. */
bool dw_archive_last(const struct dw_archive *a, struct dw_intake *ret, struct dw_head *ret_head);

/* ---- what is kept (docs/formats/archive.md) ---- */

/* A state is what all frames up to the end of a sealed segment come to, as bytes: these, heads of chains (their number as a varint, then
 * dw_chain_head_put), keys (dw_keyring_save), then whatever its owner adds. */
void dw_state_begin(struct dw_buf *out);
/* Takes the beginning; false: it is another version, or no state. */
bool dw_state_is(struct dw_cursor *c);
/* The keys of a state. DW_EVERSION, DW_ECORRUPT, DW_ENOMEM. */
DW_MUST_USE int dw_state_keys(struct dw_str state, struct dw_keyring *keys);
/* Whether to keep a state now: the open segment is empty, and enough was sealed since the one before. */
bool dw_archive_state_due(const struct dw_archive *a);
/* Keeps a state of all frames so far, when none is in the open segment; durable when it answers. DW_ELIMIT: it is over 1 GiB. */
DW_MUST_USE int dw_archive_keep_state(struct dw_archive *a, struct dw_str state);

enum { DW_HOLD_NAME_CAP = 64, DW_ASKED_BY_CAP = 128, DW_ASKED_WHY_CAP = 512, DW_ASKED_ID_CAP = 64 };
/* Who asked for something to be done with segments, why, and by which request. */
struct dw_asked {
    char by[DW_ASKED_BY_CAP], why[DW_ASKED_WHY_CAP], id[DW_ASKED_ID_CAP];
};
/* Segments that have events of a time are kept, whatever else is asked, until the hold is released: those that are there, and those to come. */
struct dw_hold {
    char name[DW_HOLD_NAME_CAP];
    int64_t from_ns, to_ns; /* INT64_MIN, INT64_MAX: no bound */
    int64_t since_ns;       /* in force since */
    struct dw_asked asked;
};
/* Durable when it answers. DW_EEXIST: one of that name is in force; DW_ERANGE: a time that ends before it begins, or no name. */
DW_MUST_USE int dw_archive_hold(struct dw_archive *a, const char *name, int64_t from_ns, int64_t to_ns, const struct dw_asked *asked);
/* DW_ENOENT: none of that name is in force. */
DW_MUST_USE int dw_archive_release(struct dw_archive *a, const char *name, const struct dw_asked *asked);
/* Whether a request of that id made an entry before. */
DW_MUST_USE int dw_archive_is_done(const struct dw_archive *a, const char *id, bool *ret);
/* Notes that these segments were copied for somebody. DW_ERANGE. */
DW_MUST_USE int dw_archive_exported(struct dw_archive *a, uint64_t from, uint64_t to, const struct dw_asked *asked);

/* Which segments are to be let go: those that were sealed before a time and hold no later event, and the oldest, while all together are larger
 * than `keep_bytes`. 0: not by that. */
struct dw_expire {
    int64_t before_ns;
    uint64_t keep_bytes; /* of sealed segments that nobody holds, and of states */
    struct dw_asked asked;
    void (*each)(void *arg, const struct dw_segment_info *s); /* told of each that goes; may be NULL */
    void *arg;
};
/* How many went (or would go). */
struct dw_expired {
    uint64_t segments, bytes, events;
    uint64_t held;    /* would have gone, but are held */
    uint64_t waiting; /* would have gone, but no state stands for them yet: they go with a later one */
};
/* Lets segments go: the entry of the manifest first, then the files. */
DW_MUST_USE int dw_archive_expire(struct dw_archive *a, const struct dw_expire *how, struct dw_expired *ret);

/* ---- reading ---- */

/* One archived frame. Belongs to the reader until its next use. */
struct dw_archived {
    struct dw_intake intake;
    uint64_t segment;
    bool sealed;
    bool has_previous, has_hash; /* whether HEAD holds them (sealed segments leave out what can be computed) */
    uint64_t offset, bytes;      /* of a segment with frames as they came: where in the file. Set on errors too */
    const uint8_t *mark;         /* one byte an event, or NULL: no marks */
    bool passed;                 /* over: its events were not asked for (dw_archive_reader_want); frame.head says how many there are */
    struct dw_decoded frame;
};

struct dw_archive_reader;
/* Opens for reading. DW_ENOENT when there is no manifest at `dir`. Keeps fs and keys. */
DW_MUST_USE int dw_archive_reader_open(const struct dw_fs *fs, const char *dir, struct dw_keys *keys,
    struct dw_archive_reader **ret_r);
/* The same over one sealed segment's file, without a manifest. */
DW_MUST_USE int dw_archive_reader_open_file(const struct dw_fs *fs, const char *path, struct dw_keys *keys,
    struct dw_archive_reader **ret_r);
void dw_archive_reader_close(struct dw_archive_reader *r);
/* Goes on at the first frame whose intake number is at least `intake`. */
void dw_archive_reader_seek(struct dw_archive_reader *r, uint64_t intake);
/* Leaves out sealed segments that hold no event time in [from, to]; INT64_MIN and INT64_MAX: no bound. */
void dw_archive_reader_range(struct dw_archive_reader *r, int64_t from_ns, int64_t to_ns);
/* From now on frames of a sealed segment come in chain order (agent, epoch, number), whole segments from the start. */
void dw_archive_reader_chain_order(struct dw_archive_reader *r);
/* From now on events are decoded only of frames that `want` takes, by their HEAD and the text of their lines. */
void dw_archive_reader_want(struct dw_archive_reader *r, bool (*want)(void *arg, const struct dw_head *head, struct dw_str text), void *arg);
/* From now on other frames than those whose HEAD is taken are passed over (`passed`), records too, and nothing is read or decompressed for them:
 * of a sealed segment's HEADs hash and roots may be missing. */
void dw_archive_reader_heads(struct dw_archive_reader *r, bool (*takes)(void *arg, const struct dw_head *head), void *arg);
/* dw_decoder_only of the reader's decoder. */
void dw_archive_reader_only(struct dw_archive_reader *r, const uint32_t *key, uint32_t count);
/* Takes a state; borrows it. DW_EVERSION, DW_ECORRUPT, DW_ESTALE: it is none that it can use. DW_EAGAIN: nor does it want any before it. */
typedef int dw_take_state(void *arg, struct dw_str state);
/* From now on, before the first frame behind segments that were let go, `take` gets the state that stands for all frames before it. What it
 * answers below 0, and a state that cannot be read, is given like an unreadable part; then the frames follow. */
void dw_archive_reader_states(struct dw_archive_reader *r, dw_take_state *take, void *arg);
/* Before the first frame: goes on behind the newest state that has so many events behind it and that `take` accepts; when there is none, or it
 * refused several, from the beginning; where the beginning was let go and its state cannot be read, behind any other. DW_ENOMEM. */
DW_MUST_USE int dw_archive_reader_begin(struct dw_archive_reader *r, uint64_t events, dw_take_state *take, void *arg);
/* The next frame in intake order. DW_EAGAIN at the end (call again later for what came since). An unreadable part gives an
 * error once and is then passed over: dw_archive_reader_where names the file, ret->frame.head the frame where its kind is not 0,
 * ret->offset and bytes the place where bytes is not 0. DW_ENOMEM is no part's fault: stop. */
DW_MUST_USE int dw_archive_reader_next(struct dw_archive_reader *r, struct dw_archived *ret);
/* The file the reader is in, for messages. */
const char *dw_archive_reader_where(const struct dw_archive_reader *r);
/* How many segments of the time asked for (dw_archive_reader_range) were let go, or left out of this copy. */
uint64_t dw_archive_reader_gone(const struct dw_archive_reader *r);
/* Frames handed out so far, for the answer's "frames read". */
uint64_t dw_archive_reader_frames(const struct dw_archive_reader *r);

/* ---- the manifest's view, for `archive ls` ---- */

struct dw_segment_info {
    uint64_t number;
    bool sealed;
    bool expired;   /* it was let go: its file is gone, what is said of it here stays */
    bool left_out;  /* so too, but only from this copy of the archive */
    bool held;      /* somebody holds it */
    bool has_state; /* what all frames up to its end come to stands in a file */
    char file[64];
    uint64_t bytes, frames, events, text_bytes, first_intake, last_intake;
    int64_t time_min_ns, time_max_ns, sealed_ns;
    uint8_t sha256[DW_SHA256_BYTES];
    uint64_t state_bytes;
    uint8_t state_sha256[DW_SHA256_BYTES];
};
/* "open", "sealed", "held", "expired", "left out". */
const char *dw_segment_state(const struct dw_segment_info *s);
/* Calls `each` for every segment the manifest names, oldest first. The open one has its file size only. */
DW_MUST_USE int dw_archive_list(const struct dw_fs *fs, const char *dir,
    void (*each)(void *arg, const struct dw_segment_info *s), void *arg);

/* Calls `each` for every hold in force, oldest first. */
DW_MUST_USE int dw_archive_holds(const struct dw_fs *fs, const char *dir, void (*each)(void *arg, const struct dw_hold *h), void *arg);
/* How many entries of the manifest a request of that id made. */
DW_MUST_USE int dw_archive_done(const struct dw_fs *fs, const char *dir, const char *id, uint32_t *ret_entries);
/* What dw_archive_expire would do; changes nothing. */
DW_MUST_USE int dw_archive_expire_plan(const struct dw_fs *fs, const char *dir, const struct dw_expire *how, struct dw_expired *ret);
/* One thing that somebody asked for, as the manifest has it. Borrowed. */
struct dw_archive_deed {
    const char *what; /* "hold", "release", "expire", "export", "omit" */
    int64_t time_ns;
    uint64_t from, to; /* segments; 0: none are named */
    const char *name;  /* of a hold, else "" */
    const struct dw_asked *asked;
};
/* Calls `each` for all of them, oldest first. */
DW_MUST_USE int dw_archive_deeds(const struct dw_fs *fs, const char *dir, void (*each)(void *arg, const struct dw_archive_deed *d), void *arg);

/* Some segments as an archive of their own, which everything that reads archives reads. */
struct dw_export {
    const struct dw_fs *fs;
    const char *dir, *to;        /* `to` is made, where nothing may be */
    int64_t since_ns, until_ns;  /* of which events; INT64_MIN, INT64_MAX: no bound */
    int64_t now_ns;              /* stands in the copy's manifest, with who asked */
    struct dw_asked asked;
};
struct dw_exported {
    uint64_t from, to; /* segments: whole ones, and as many before as the next state asks for */
    uint64_t segments, events, bytes;
};
/* Copies them; a collector may be at work. DW_EEXIST: `to` is there; DW_ERANGE: nothing is there of that time; DW_EAGAIN: segments were let go
 * meanwhile. After a failure that left something in `to` it is no archive: it has no manifest. */
DW_MUST_USE int dw_archive_export(const struct dw_export *how, struct dw_exported *ret);

/* Appends lines of the manifest as they stand: from the seal of segment `from` to the seal of segment `to` and the one after it, which holds
 * its hash. Nothing where none of them is sealed. DW_ENOENT, DW_ESYNTAX. */
DW_MUST_USE int dw_manifest_lines(const struct dw_fs *fs, const char *dir, uint64_t from, uint64_t to, struct dw_buf *out);
/* Whether such lines are entries that follow each other by number and hash; else *ret_line (from 1) is the first that does not: DW_ESYNTAX,
 * DW_ECHAIN. */
DW_MUST_USE int dw_manifest_lines_check(struct dw_str lines, uint32_t *ret_line);

/* ---- verification ---- */

struct dw_verify_result {
    uint64_t segments, frames, events, records, signatures;
    uint64_t expired;  /* segments that were let go, by entries of the manifest: states and the seals of these segments stand for them */
    uint64_t left_out; /* segments that are not in this copy, by entries of its manifest */
    uint64_t unsigned_tail; /* frames after the last signature of their chain: held by the manifest alone */
    uint64_t decisions;     /* frames of the collector's own chain, which nobody signs */
    uint64_t elsewhere;     /* places where frames are not here, and were in another archive: struct dw_elsewhere */
    uint64_t problems;
};
/* Up to which frames chains went on in the archives of other collectors. */
struct dw_elsewhere;
struct dw_chain_head;
/* A chain came to `k` elsewhere, which is known from the frame of intake `intake` on; `key`: its agent's, or NULL. Borrows both. DW_ENOMEM. */
DW_MUST_USE int dw_elsewhere_add(struct dw_elsewhere *e, const struct dw_chain_head *k, const uint8_t *key, uint64_t intake);
/* Checks a directory offline: the manifest's chain, every sealed file's hash, every frame's roots and hash, every
 * agent's chain over all segments, every signature (keys come from the epochs' own opening records and are bound
 * to the agent id by its hash). `problem` gets one sentence for each thing that does not hold.
 * DW_OK when it could be read, whatever was found. */
struct dw_verify {
    const struct dw_fs *fs;
    const char *dir;
    void (*problem)(void *arg, const char *text);
    void *arg;
    /* Asked once, and only when frames are not here: adds what the archive's own decisions say of chains elsewhere (collect/taken.h). NULL: they say nothing. Where a
     * frame goes on just behind such a chain, or names one as its epoch's parent, and that was known before it, nothing is missing, and the agent's key is taken. */
    int (*elsewhere)(const struct dw_fs *fs, const char *dir, struct dw_elsewhere *e);
};
DW_MUST_USE int dw_archive_verify(const struct dw_verify *v, struct dw_verify_result *ret);

/* ---- chains, shared by verification and ingest ---- */

/* Whether a chain is the collector's own (docs/formats/decisions.md): its agent id is all zeros, which the hash of no key is. */
bool dw_is_collector(const uint8_t agent[DW_AGENT_ID_BYTES]);

/* How a frame stands in its chain. */
enum dw_link {
    DW_LINK_NEXT,   /* the one that was due */
    DW_LINK_START,  /* first seen of its chain, number 0 */
    DW_LINK_MIDDLE, /* first seen of its chain, but not its beginning: what came before is not here */
    DW_LINK_COPY,   /* the frame seen last of its number, again, or an older number */
    DW_LINK_HOLE,   /* numbers are missing before it */
    DW_LINK_BROKEN, /* the number that was due, but its `previous` is another hash */
    DW_LINK_FORK,   /* the newest number again with another hash: two frames claim one place */
};

/* The newest frame of one chain: (agent, epoch) -> number and hash. */
struct dw_chain_head {
    uint8_t agent[DW_AGENT_ID_BYTES];
    struct dw_epoch epoch;
    uint64_t number;
    uint8_t hash[DW_SHA256_BYTES];
    uint64_t unsigned_count; /* frames since the last signature */
};
/* Appends it, as states have it, and takes it back. */
void dw_chain_head_put(const struct dw_chain_head *k, struct dw_buf *out);
void dw_chain_head_take(struct dw_cursor *c, struct dw_chain_head *ret);
/* Begins with the first frame seen: START or MIDDLE. */
enum dw_link dw_chain_begin(struct dw_chain_head *k, const struct dw_head *h);
/* Judges a further frame (its hash must be known) and takes it as the newest unless it is a copy. *ret_missing: how many numbers
 * are missing (HOLE). */
enum dw_link dw_chain_follow(struct dw_chain_head *k, const struct dw_head *h, uint64_t *ret_missing);
/* Whether a frame is of this chain. */
bool dw_chain_is(const struct dw_chain_head *k, const struct dw_head *h);
/* For tables in memory: all epochs of one agent and number, whatever their nonce, have one hash. */
uint64_t dw_epoch_hash(const uint8_t agent[DW_AGENT_ID_BYTES], uint64_t counter);

/* The last durable frame of the epoch before, as an epoch.open record names it. */
struct dw_parent {
    bool named; /* false: the record says that there was none */
    uint64_t epoch, number;
    uint8_t hash[DW_SHA256_BYTES];
    bool spooled; /* between the record and frame 1 of its epoch, frames of earlier epochs come from this one on, some perhaps again: */
    uint64_t spool_epoch, spool_number;
};
/* Best first. */
enum dw_parent_link {
    DW_PARENT_HERE,  /* that frame, or a later one of its chain, has come */
    DW_PARENT_OTHER, /* another frame stands in its place */
    DW_PARENT_SHORT, /* the chain ends before it */
    DW_PARENT_GONE,  /* nothing of its epoch has come */
};
/* Takes `parent` and `spool` out of an epoch.open record. DW_ESYNTAX when it is not as docs/formats/frame.md says. */
DW_MUST_USE int dw_parent_read(struct dw_str record, struct dw_parent *ret);
/* Judges by the chain of the parent's epoch; NULL: never seen. */
enum dw_parent_link dw_parent_judge(const struct dw_chain_head *k, const struct dw_parent *p);

/* Heads of all chains seen. */
struct dw_chains;
struct dw_chains *dw_chains_new(void);
void dw_chains_free(struct dw_chains *c);
/* dw_chain_begin or dw_chain_follow on the frame's own chain. DW_ENOMEM. */
DW_MUST_USE int dw_chains_take(struct dw_chains *c, const struct dw_head *h, enum dw_link *ret, uint64_t *ret_missing);
/* Adds heads of chains, as a state has them, to empty ones. DW_ECORRUPT, DW_ENOMEM. */
DW_MUST_USE int dw_chains_load(struct dw_chains *c, struct dw_cursor *from);
/* The newest of a chain; NULL when it was never seen. Valid until dw_chains_free. */
const struct dw_chain_head *dw_chains_find(const struct dw_chains *c, const struct dw_head *h);
/* How the parent that an epoch of `agent` names stands; *ret_known is the chain judged by, or NULL. */
enum dw_parent_link dw_chains_parent(const struct dw_chains *c, const uint8_t agent[DW_AGENT_ID_BYTES],
    const struct dw_parent *p, const struct dw_chain_head **ret_known);
/* All chains in order of first sight. */
const struct dw_chain_head *dw_chains_at(const struct dw_chains *c, uint32_t i);
uint32_t dw_chains_count(const struct dw_chains *c);

/* Keys by agent id, learnt from opening records. */
struct dw_keyring;
/* Over `max` keys the one learnt longest ago is forgotten, and counted. NULL without memory. */
struct dw_keyring *dw_keyring_new(uint32_t max);
void dw_keyring_free(struct dw_keyring *k);
/* Takes `public_key` out of an epoch.open record if it belongs to the agent's id. DW_ENOENT: the record has none;
 * DW_ESIGNATURE: it has another agent's. */
DW_MUST_USE int dw_keyring_learn(struct dw_keyring *k, const uint8_t agent[DW_AGENT_ID_BYTES], struct dw_str record);
/* Takes a key for the agent whose id is its hash. DW_ENOMEM. */
DW_MUST_USE int dw_keyring_add(struct dw_keyring *k, const uint8_t key[DW_PUBLIC_KEY_BYTES]);
/* The key of an agent; NULL: it is not known. Valid until the next is learnt. */
const uint8_t *dw_keyring_find(const struct dw_keyring *k, const uint8_t agent[DW_AGENT_ID_BYTES]);
/* The agents whose keys are known, in the order they were learnt; NULL: the first, and at the end. */
const uint8_t *dw_keyring_next(const struct dw_keyring *k, const uint8_t *agent);
/* Moves all keys of `from` to another, as if that had learnt them now, in that order; it asks for no memory. */
void dw_keyring_move(struct dw_keyring *k, struct dw_keyring *from);
/* Appends all keys in the order they were learnt, and adds such to others. DW_ECORRUPT, DW_ENOMEM. */
void dw_keyring_save(const struct dw_keyring *k, struct dw_buf *out);
DW_MUST_USE int dw_keyring_load(struct dw_keyring *k, struct dw_cursor *from);
/* Checks a signed frame. DW_ENOENT: the agent's key is not known. */
DW_MUST_USE int dw_keyring_check(const struct dw_keyring *k, const struct dw_head *h);

#endif
