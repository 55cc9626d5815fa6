/*
 * The inside of the agent: who owns what, and on which thread.
 *
 *     discover -> tail -> lines -> parse -> batch -> frame      loop thread
 *                                              |
 *                                        writer (queue)         writer thread: every fsync: transport, checkpoint
 *                                              |
 *     acknowledged bytes <---------------------+
 */
#ifndef DOGWATCH_AGENT_INT_H
#define DOGWATCH_AGENT_INT_H

#include "dogwatch/base/clock.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/frame/frame.h"
#include "dogwatch/parsers/lines.h"
#include "dogwatch/parsers/multiline.h"
#include "dogwatch/parsers/parser.h"
#include "dogwatch/transport/transport.h"

#include <stdatomic.h>

enum {
    AGENT_PATH_MAX = 4096,
    AGENT_STREAMS_MAX = 100000,
    AGENT_FINGERPRINT = 1024, /* bytes before an offset that tell whether the file is still the same */
};

/* ---- checkpoint (checkpoint.c): opened by the loop, then the writer's alone ---- */

/* What is remembered of a stream. */
struct checkpoint_row {
    struct dw_stream stream; /* without fields */
    char *path;
    uint64_t low;         /* everything before is acknowledged */
    uint32_t print_len;   /* bytes before `low` that were hashed */
    uint8_t print[DW_SHA256_BYTES];
    bool finished;        /* read to its end, or lost */
    bool is_new;          /* not in the checkpoint yet: written with low 0 before its first frame leaves */
    uint64_t cut;         /* where a line was ended by a clock: obeyed when the bytes are read again; 0: nowhere */
};

struct checkpoint;
struct checkpoint_meta {
    struct dw_epoch parent; /* of the last durable frame; counter 0: none yet */
    uint64_t parent_number;
    uint8_t parent_hash[DW_SHA256_BYTES];
    uint64_t salt; /* generations begin here, so that a lost checkpoint never makes the same stream id twice */
};
/* Opens or makes DATA/agent/checkpoint.db. */
DW_MUST_USE int checkpoint_open(const char *path, struct checkpoint **ret);
void checkpoint_close(struct checkpoint *c);
/* Begins a new epoch durably and tells what is known. */
DW_MUST_USE int checkpoint_begin_epoch(struct checkpoint *c, struct dw_epoch *ret_epoch, struct checkpoint_meta *ret_meta);
/* Calls `each` for every row, newest stream of a series last. */
DW_MUST_USE int checkpoint_rows(struct checkpoint *c, int (*each)(void *arg, struct checkpoint_row *row), void *arg);
/* One transaction. Writing between begin and end. */
DW_MUST_USE int checkpoint_begin(struct checkpoint *c);
DW_MUST_USE int checkpoint_put(struct checkpoint *c, const struct checkpoint_row *row);
DW_MUST_USE int checkpoint_put_cut(struct checkpoint *c, const struct checkpoint_row *row);
DW_MUST_USE int checkpoint_put_parent(struct checkpoint *c, const struct dw_head *head);
DW_MUST_USE int checkpoint_end(struct checkpoint *c);

/* ---- writer (writer.c) ---- */

/* A frame on its way, with the checkpoint rows that become true once it is durable. */
struct parcel {
    struct parcel *next;
    struct dw_frame *frame;
    struct dw_head head;
    size_t bytes;
    struct checkpoint_row *row; /* given to the parcel, paths included */
    uint32_t row_count;
};
void parcel_free(struct parcel *p);

struct writer;
struct writer_conf {
    const struct dw_clock *clock;
    struct checkpoint *checkpoint;
    struct dw_sender *sender;
    void (*wake)(void *arg); /* called by the writer thread when something was acknowledged or went wrong */
    void *arg;
};
/* Starts the thread; it takes checkpoint and sender. */
DW_MUST_USE int writer_start(const struct writer_conf *conf, struct writer **ret);
/* Thread: loop. Takes the parcel. */
void writer_put(struct writer *w, struct parcel *p);
/* Thread: loop. Bytes handed over and not acknowledged yet; frames acknowledged so far; an error that ended the thread. */
uint64_t writer_pending_bytes(struct writer *w);
uint64_t writer_acked(struct writer *w);
int writer_error(struct writer *w);
/* Writes what is queued and ends the thread. */
void writer_stop(struct writer *w);

/* ---- tail (tail.c): one stream ---- */

enum tail_state { TAIL_LIVE, TAIL_ROTATED, TAIL_ENDED };

struct tail {
    struct tail *next;
    struct dw_stream stream;
    struct dw_arena arena; /* fields of the stream */
    struct found *series;  /* shared by all tails of the series */
    struct tail *before;   /* the stream that gave way to this one, until it is read; NULL: none, or done */
    uint64_t carried_from; /* bytes from here on wait in a line of the successor's; UINT64_MAX: none */
    char *path;            /* where it was found last */
    int fd;
    enum tail_state state;
    struct dw_lines *lines;
    const struct dw_parser *parser[3]; /* by enum dw_out; NULL: not decided yet */
    uint32_t refusals[3];   /* in a row */
    bool fixed_format;      /* chosen by configuration */
    uint64_t size;          /* at the last look */
    uint64_t begin;         /* first byte of this run */
    uint64_t cut_bytes;     /* declared in this epoch */
    uint64_t told;          /* offset the last ledger record spoke of */
    uint32_t print_len;     /* bytes before the offset of the last frame ... */
    uint8_t print[DW_SHA256_BYTES]; /* ... and their hash */
    uint64_t print_at;
    int64_t last_growth_ns, max_event_ns; /* growth, or giving way to a successor */
    bool at_end, is_new;
    uint64_t cut_at;        /* of the checkpoint: end the line here again; 0: nowhere */
    uint64_t cut_now;       /* a clock ended a line here; goes with the next frame */
    bool dirty;             /* something may have been written */
    bool touched;           /* has events or declarations in the batch */
    struct tail *touched_next;
    bool seen;              /* by the scan in hand */
};

/* ---- discover (discover.c): which files there are ---- */

/* A log as its writer sees it: one path that is there now, and what is known of it. */
struct found {
    struct found *next;
    char *path;
    enum dw_envelope envelope;
    uint8_t series[DW_ID_BYTES];
    struct dw_arena arena;
    struct dw_field field[24];
    uint32_t field_count;
    uint64_t next_ordinal;
    struct tail *current; /* the newest stream */
    bool seen;
};

struct agent;
/* Looks at all roots and globs: calls agent_found for each log. */
void discover_scan(struct agent *a);

/* ---- the agent ---- */

struct agent {
    /* set once */
    const struct dw_agent_options *opt;
    const struct dw_fs *fs;
    const struct dw_clock *clock;
    struct dw_keys *keys;
    struct dw_key *key;
    char host[256], agent_dir[AGENT_PATH_MAX], queue_dir[AGENT_PATH_MAX];
    uint32_t redact;
    enum dw_multiline multiline;
    struct dw_parse_ctx parse;
    struct dw_zone zone; /* of lines that name none */
    struct checkpoint_meta meta;
    /* loop thread */
    struct found *found;
    struct tail *tail;
    uint32_t tail_count;
    struct checkpoint_row *row; /* streams of before, until taken, and streams that are over while a file of theirs may be there */
    uint32_t row_count, row_cap;
    struct dw_batch *batch;
    struct dw_encoder *encoder;
    struct dw_chain chain;
    struct writer *writer;
    struct dw_extent *more; /* DW_LINE_PIECES_MAX: extents of the line in hand */
    char *chunk;
    size_t chunk_cap;
    int64_t batch_since_ns, last_sign_ns, last_ledger_ns, last_beat_ns, last_scan_ns;
    int64_t anchor_real_ns, anchor_mono_ns;
    uint32_t unsigned_frames;
    uint64_t parcels;
    struct tail *touched; /* whose checkpoint rows go with the next frame */
    struct checkpoint_row *out; /* further rows for the next frame */
    uint32_t out_count, out_cap;
    int64_t read_at_ns;
    bool stopping, scanned, hold, new_logs;
    int failed;
};

/* The agent's clock: monotonic, anchored at the start of the epoch. */
int64_t agent_now(const struct agent *a);
int64_t agent_low_water(const struct agent *a);

/* Opens everything and starts the writer; *ret is given. `wake` may be called from another thread. */
DW_MUST_USE int agent_open(const struct dw_agent_options *opt, void (*wake)(void *arg), void *arg, struct agent **ret);
/* One turn: scans if due, reads a share of every file that has something, sends what is due. *ret_more: there is more to do
 * now. DW_EIO and others: it cannot go on. */
DW_MUST_USE int agent_turn(struct agent *a, bool *ret_more);
/* From now on: to the end of every file, end records, then agent_done. */
void agent_stop(struct agent *a);
/* Whether everything is acknowledged after agent_stop (or until_idle). */
bool agent_done(struct agent *a);
/* A name in a folder changed: its streams are read at the next turn; `structure`: names came or went, so look again. */
void agent_note(struct agent *a, const char *dir, const char *name, bool structure);
/* Folders worth watching: calls `each` with the folder of every log, when logs were found since the last call. */
void agent_folders(struct agent *a, void (*each)(void *arg, const char *dir), void *arg);
void agent_close(struct agent *a);

/* Keeps a row (an agent's); takes its path on success. */
DW_MUST_USE int agent_keep_row(void *agent, struct checkpoint_row *row);

/* Whether a log of that path was seen before: then only its path matters, and nothing else about it need be looked up. */
bool agent_knows(const struct agent *a, const char *path);
/* discover.c calls this for each log it sees; `f` is borrowed, fields are copied. */
void agent_found(struct agent *a, const struct found *f);

/* tails.c: streams of a log */
void tails_look(struct agent *a, struct found *f);
void tails_after_scan(struct agent *a);
void tails_lost(struct agent *a);
/* Remembers a stream that is over: its file, met again under a rotated name, is not read again. */
DW_MUST_USE int tails_over(struct agent *a, const struct tail *t);
void tail_free(struct tail *t);
/* Everything before it is in frames that were handed over: what the checkpoint may say. */
uint64_t tail_low(const struct tail *t);
/* tail.c: reads one share. *ret_more: there is more. */
DW_MUST_USE int tail_read(struct agent *a, struct tail *t, bool *ret_more);
DW_MUST_USE int tail_end(struct agent *a, struct tail *t, const char *state);
/* Ends what waits for more since join.idle. */
DW_MUST_USE int tail_idle(struct agent *a, struct tail *t);

/* ship.c */
/* Says that a tail's position goes with the next frame. */
void ship_touch(struct agent *a, struct tail *t);
/* Adds a checkpoint row to the next frame; takes its path. */
DW_MUST_USE int ship_row(struct agent *a, const struct checkpoint_row *row);
DW_MUST_USE int ship_line(struct agent *a, struct tail *t, const struct dw_line *l);
DW_MUST_USE int ship_flush(struct agent *a);
/* Sends a record; the batch is flushed first, so records speak of frames before them. */
DW_MUST_USE int ship_record(struct agent *a, struct dw_str json);

/* ledger.c */
DW_MUST_USE int ledger_open_epoch(struct agent *a);
DW_MUST_USE int ledger_close_epoch(struct agent *a);
DW_MUST_USE int ledger_send(struct agent *a);
DW_MUST_USE int ledger_heartbeat(struct agent *a);
DW_MUST_USE int ledger_stream_end(struct agent *a, const struct dw_stream *s, uint64_t size, uint64_t read, const char *state);
DW_MUST_USE int ledger_declare(struct agent *a, const struct tail *t, const struct dw_declared *d);

#endif
