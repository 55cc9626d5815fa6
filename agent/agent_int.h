/*
 * The inside of the agent: who owns what, and on which thread.
 *
 *     discover -> tail -> lines -> parse -> batch -> frame      loop thread
 *                                              |
 *                                        writer (queue)         writer thread: every fsync: transport, spool, checkpoint
 *                                              |
 *     acknowledged bytes <---------------------+
 */
#ifndef DOGWATCH_AGENT_INT_H
#define DOGWATCH_AGENT_INT_H

#include "watch.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/table.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/conf/service.h"
#include "dogwatch/frame/frame.h"
#include "dogwatch/parsers/lines.h"
#include "dogwatch/parsers/multiline.h"
#include "dogwatch/parsers/words.h"
#include "dogwatch/parsers/parser.h"
#include "dogwatch/transport/kafka.h"
#include "dogwatch/transport/spool.h"
#include "dogwatch/transport/transport.h"

#include <stdatomic.h>

struct agent;
struct found;
struct metadata;

enum {
    AGENT_PATH_MAX = 4096,
    AGENT_STREAMS_MAX = 100000,
    AGENT_LOOKS = 8, /* at files that are renamed meanwhile; then the next scan looks again */
    AGENT_PRINT_BYTES = 20, /* as the checkpoint has it */
    AGENT_FINGERPRINT = 1024, /* bytes before an offset that tell whether the file is still the same */
    HEAD_STEPS = 9, AGENT_HEAD = 1 << (HEAD_STEPS - 1), /* bytes at its beginning that tell whose copy another one is */
};

/* By how much the file system's clock and ours may differ. */
#define AGENT_CLOCKS_APART_NS (2 * DW_NS_PER_S)
/* How often rotated files are looked at where nothing says that one changed. */
#define AGENT_ELDERS_NS (10 * DW_NS_PER_S)

/* ---- identity (identity.c): how a file is known again ---- */

/* What stood before a place in a file. */
struct fingerprint {
    uint64_t at;  /* the place */
    uint32_t len; /* bytes before it that were hashed; 0: nothing to compare */
    uint8_t hash[AGENT_PRINT_BYTES]; /* the beginning of their SHA-256 */
};
/* Takes the fingerprint at `at`; when the bytes cannot be read the old one stays, which is of an earlier place. `fresh`: those before `at` as they were read, or none of them:
 * what stands there by now may be another's. */
void print_take(const struct agent *a, int fd, uint64_t at, struct dw_str fresh, struct fingerprint *p);
/* Whether the file still has the content of the fingerprint; an error says that it cannot be told. */
DW_MUST_USE int print_check(const struct agent *a, int fd, const struct fingerprint *p, bool *ret_same);
struct checkpoint_row;
/* Hashes of the first 1, 2, 4, ... bytes of a file, as many of them as there are; answers how many bytes were there, up to AGENT_HEAD. */
uint32_t head_take(const struct agent *a, int fd, uint64_t size, uint32_t ret[HEAD_STEPS]);
/* Whether a file holds what was read of a row's stream: as many bytes at least, and the same before its place. Its state is given where it can be told.
 * *ret_doubt (NULL: nobody asks) is set where it could not be read, so that False tells nothing. */
bool print_holds(const struct agent *a, int fd, const struct checkpoint_row *row, struct dw_stat *ret_st, bool *ret_doubt);
/* Whether a time of the file system is old enough to tell what was written before it from what is written now. */
bool stamp_tells(const struct agent *a, int64_t stamp_ns);
/* Whether what has such a time may have come after `ns` by the clock. */
bool stamp_after(int64_t stamp_ns, int64_t ns);
/* The same of what nobody here may have seen: `since_ns` is when it was looked last (0: nothing is new), and what was there before an agent's first start is not. */
bool stamp_new(const struct agent *a, int64_t stamp_ns, int64_t since_ns);
bool same_file(const struct dw_stream *s, const struct dw_stat *st);
void stream_make_id(const struct agent *a, struct dw_stream *s);
/* Keys of tables. */
uint64_t hash_of_stat(const struct dw_stat *st);
uint64_t hash_of_stream(const struct dw_stream *s);
uint64_t hash_of_path(const char *path);
uint64_t hash_of_series(const uint8_t *series);

/* ---- checkpoint (checkpoint.c): opened by the loop, then the writer's alone ---- */

/* How a stream stands. The numbers are stored. */
enum stream_end {
    STREAM_GOES_ON = 0,
    STREAM_ENDED = 1,   /* its end was declared; a file that grows after it, or is found after it was lost, goes on from there */
    STREAM_CUT_OFF = 2, /* its file was truncated or written anew: nothing of it can come any more, but out of a copy that is found late */
    STREAM_REOPENED = 3, /* it goes on after its end; whoever came after it did not wait for it, and does not at the next start */
};
static inline bool stream_goes_on(enum stream_end end)
{
    return end == STREAM_GOES_ON || end == STREAM_REOPENED;
}

/* What is remembered of a stream. */
struct checkpoint_row {
    struct dw_stream stream; /* without fields */
    char *path;           /* of its log: where to look for the file, and for rotated names beside it */
    uint64_t low;         /* everything before is acknowledged */
    struct fingerprint print; /* at `low`, or later where nothing is acknowledged */
    enum stream_end end;
    bool forget;          /* to be deleted */
    bool is_new;          /* not in the checkpoint yet: written with low 0 before its first frame leaves */
    uint64_t cut;         /* where a line was ended by a clock: obeyed when the bytes are read again; 0: nowhere */
};

struct checkpoint;
struct checkpoint_meta {
    struct dw_epoch parent; /* of the last durable frame; counter 0: none yet */
    uint64_t parent_number;
    uint8_t parent_hash[DW_SHA256_BYTES];
    int64_t left_ns; /* when logs were looked at last, so that what was found then is known here; 0: an earlier build did not say */
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
/* Deletes the row; generations begin behind its own from then on. */
DW_MUST_USE int checkpoint_forget(struct checkpoint *c, const struct checkpoint_row *row);
DW_MUST_USE int checkpoint_put_cut(struct checkpoint *c, const struct checkpoint_row *row);
/* seen_ns: when logs were looked at, the rows of which are in the checkpoint now. */
DW_MUST_USE int checkpoint_put_parent(struct checkpoint *c, const struct dw_head *head, int64_t seen_ns);
DW_MUST_USE int checkpoint_end(struct checkpoint *c);

/* ---- writer (writer.c) ---- */

/* A frame on its way, with the checkpoint rows that become true once it is durable. */
struct parcel {
    struct parcel *next;
    struct dw_frame *frame;
    struct dw_head head;
    size_t bytes;
    int64_t seen_ns; /* logs were looked at then, and their rows are in this parcel or one before */
    struct checkpoint_row *row; /* given to the parcel, paths included */
    uint32_t row_count;
};
void parcel_free(struct parcel *p);

struct writer;
struct writer_conf {
    const struct dw_clock *clock;
    struct checkpoint *checkpoint;
    struct dw_sender *sender;
    bool spools; /* the sender is of dw_spool_open */
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
/* Thread: loop. Frames acknowledged, and their rows in the checkpoint. */
uint64_t writer_saved(struct writer *w);
int writer_error(struct writer *w);
/* Thread: loop. How the spool stands (zeros without one); from now on frames go there. */
void writer_look(struct writer *w, struct dw_spool_state *ret);
void writer_spool(struct writer *w);
/* Writes what is queued and ends the thread. */
void writer_stop(struct writer *w);

/* ---- tail (tail.c): one stream ---- */

/* What few streams have. */
struct rare {
    uint64_t declared_cut, declared_skipped, declared_let_go; /* bytes in no event in this epoch: ends of long lines; there before the first start; what a full spool could not keep */
    int64_t failed_ns, retry_ns; /* since when it cannot be read, 0: it can; when it is tried again */
    uint64_t cut_at;        /* of the checkpoint: end the line here again; 0: nowhere */
    uint64_t cut_now;       /* a clock ended a line here; goes with the next frame */
    uint64_t cut_parcel;    /* the last such place is behind us when so many frames are acknowledged: the checkpoint remembers one */
    uint64_t end_parcel;    /* the checkpoint has all of it, its end too, when it has so many frames */
    uint64_t unpacked;      /* bytes of a file of our own that was made for it; 0: it reads the log's */
};

/* The name under which the service manager keeps a file; number 0: it does not. */
struct kept {
    uint32_t epoch, number;
};

enum tail_state { TAIL_LIVE, TAIL_ROTATED, TAIL_ENDED };

struct tail {
    struct tail *sibling;    /* the next of the log's */
    struct tail *next, **at; /* in the agent's list of those that are at work, or of those that rest */
    struct dw_node by_file;
    struct dw_stream stream; /* its fields are there as long as it has lines, see fields.c */
    struct found *series;  /* shared by all tails of the series */
    struct tail *before;   /* the stream that gave way to this one, until it is read; NULL: none, or done */
    uint64_t carried_from; /* bytes from here on wait in a line of the successor's; UINT64_MAX: none */
    char *path;            /* where it was found last; the log's own string where it is that */
    uint64_t last_parcel;  /* all that was handed over is acknowledged when so many frames are */
    struct dw_lines *lines;      /* NULL: nothing is read yet, or any more ... */
    struct dw_lines_place place; /* ... and it goes on here */
    const struct dw_user_format *user; /* where configuration chose it: the server's own format, or NULL; the agent's */
    struct fingerprint print; /* at the place up to which it is read */
    uint32_t head[HEAD_STEPS]; /* how its file begins: hashes of its first 1, 2, 4, ... bytes ... */
    uint16_t head_len;        /* ... as far as it was read */
    uint8_t parser[3];      /* by enum dw_out: 1 + its place in the table of parsers; 0: not decided yet */
    uint8_t refusals[3];    /* in a row */
    enum tail_state state : 4;
    enum stream_end end : 4;
    bool fixed_format : 1;      /* chosen by configuration */
    bool stale : 1;             /* its lines were made before its log's labels were known: made anew as soon as nothing waits in them */
    bool linked : 1;            /* its file has another name, by which it may be written to unseen */
    bool stamped : 1;           /* its file's times tell that nothing was written since if they are the same */
    bool at_end : 1, is_new : 1;
    bool born_packed : 1;       /* the stream began in what gzip made of its file: its birth is that one's */
    bool copied : 1;            /* its file was truncated, and it goes on in a copy: the file is another stream's */
    bool dirty : 1;             /* something may have been written */
    bool deleted : 1;           /* when looked at last, only we, and perhaps its writer, had the file */
    bool rests : 1;             /* in the agent's list of those */
    bool touched : 1;           /* has events or declarations in the batch */
    int fd;
    uint32_t followers;     /* streams whose `before` this is */
    uint64_t size;          /* at the last look ... */
    int64_t mtime_ns, ctime_ns; /* ... and the file system's times */
    struct rare *rare;      /* NULL: all of it is zero */
    uint64_t told;          /* offset the last ledger record spoke of */
    int64_t last_growth_ns, max_event_ns; /* growth, or giving way to a successor */
    int64_t last_fed_ns; /* when bytes of it were read last */
    struct kept kept;
    struct tail *touched_next;
};

/* ---- discover (discover.c): which files there are ---- */

/* A format as configuration names it. */
struct line_format {
    const struct dw_parser *parser; /* NULL: probe */
    struct dw_user_format *user;    /* the server's own format, or NULL; owned */
};

/* Labels that say how a log is to be read. */
enum label {
#define LABEL(id, name, doc) LABEL_##id,
#include "dogwatch/tbl/container_labels.h"
#undef LABEL
    LABELS
};

enum { SIGHTING_FIELDS = 38, SIGHTING_VALUE_MAX = 1024, SIGHTING_LABELS = 16 };

/* A log as a look finds it. */
struct sighting {
    char *path;
    enum dw_envelope envelope;
    uint8_t series[DW_ID_BYTES];
    struct dw_arena arena;
    struct dw_field field[SIGHTING_FIELDS]; /* but those of every log: the host's name and its path */
    uint32_t field_count, label_count; /* of these, so many are labels */
    struct dw_str label[LABELS]; /* as they stand, by enum label; empty: none */
    bool received, whole_lines, signals;
    bool nameless;  /* its name is gone: it is as one that is known and was not seen */
    bool unlearned; /* more may be said of it later ... */
    bool waits;     /* ... and it is not read before that */
};

/* A log as its writer sees it: one path, and what is known of it. There may be very many: each byte here counts. */
struct found {
    struct found *next;
    struct dw_node by_path;
    struct log_fields *fields; /* what is known of it, see fields.c */
    struct hop *hop;        /* links on its way, see told.c */
    struct line_format *own; /* what LABEL_FORMAT made of it; NULL: nothing */
    uint8_t series[DW_ID_BYTES];
    uint64_t next_ordinal;
    struct tail *tail;    /* all of it */
    struct tail *current; /* the newest stream; NULL: none, or it is over and was let go */
    uint8_t last[DW_ID_BYTES]; /* the newest stream that was let go, and its size; -1: none */
    int64_t last_size;
    uint64_t taken;
    int64_t elders_ns;    /* when the rotated files were looked at last; 0: never */
    int64_t looked_ns;    /* the same by the clock that files are stamped with */
    int64_t held_ns;      /* when the oldest copy came that waits as long as the file that it is of is there; INT64_MAX: none does */
    int64_t gone_ns;      /* since when its name is gone; 0: it is there */
    uint32_t second;      /* since the start; so much was read in it, as `taken` says: throttle.rate */
    uint32_t tail_count;  /* of the series */
    uint32_t redact;      /* rules that LABEL_REDACT added to the agent's */
    enum dw_envelope envelope : 8;
    enum dw_multiline multiline : 8; /* by LABEL_MULTILINE, else the agent's */
    bool excluded : 1;
    bool unlearned : 1;       /* docker or the kubelet may still say more of it ... */
    bool waits : 1;           /* ... and its files are open, and not read before that */
    bool received : 1;        /* a file of what we received (input_store.c), which nobody writes once it gave way */
    bool whole_lines : 1;     /* each is a message: none goes on in the next */
    bool signals : 1;         /* the agent's own log */
    bool look_due : 1;        /* look at them at the next scan */
    bool throttled : 1;       /* more was there in the last second than throttle.rate lets be read */
    bool noted : 1;           /* some file of it was written to */
    bool stirred : 1;         /* something of its name, or of a link on its way, is another */
    bool unsure : 1;          /* it was rotated faster than it could be looked at: look again */
    bool unread : 1;          /* it is there and could not be opened */
    bool blocked : 1;         /* not all files beside it could be listed and read: looked at again a while later */
    bool adopted : 1;         /* known from the checkpoint alone: nothing but the path is known of it */
    bool told : 1;            /* the kernel tells of everything that happens to it */
    bool seen : 1;            /* by the scan in hand */
    char path[];
};

/* ---- fields (fields.c): what is known of a log, in few bytes ---- */

/* Copies a sighting's fields; what was known before stays where there is no memory. */
DW_MUST_USE int fields_set(const struct agent *a, struct found *f, const struct sighting *seen);
/* A log's fields one by one, the host's name and its path before FIELDS_OWN; the text is the log's, and stays until it is told anew. */
enum { FIELDS_OWN = 2 };
uint32_t fields_count(const struct found *f);
struct dw_field fields_at(const struct agent *a, const struct found *f, uint32_t i);
/* The fields of a stream as frames want them, made anew; freed by fields_unspell. No batch may name the stream meanwhile. */
DW_MUST_USE int fields_spell(const struct agent *a, struct tail *t);
void fields_unspell(struct tail *t);

/* ---- folder (folder.c): rotated files beside a log ---- */

struct sibling {
    char *path;
    struct dw_stat st;
};
struct siblings {
    struct sibling *item; /* oldest first */
    uint32_t count;
    bool sure; /* that these are all */
};
/* The last listing. */
struct folder {
    char dir[AGENT_PATH_MAX];
    struct dw_buf names;
    const char **name; /* sorted views of `names` */
    uint32_t count;
    struct dw_stat st; /* of the folder, before it was listed */
    bool quiet;        /* no name came or went while it was listed */
};
/* Looks at the rotated files beside a log (NAME.1, NAME-20261125, NAME.old, ...), but compressed ones; *ret is given. */
void folder_siblings(struct agent *a, const char *path, struct siblings *ret);
/* The same of those that gzip made (NAME.1.gz, ...). */
void folder_packed(struct agent *a, const char *path, struct siblings *ret);
/* Whether a path has the name of a rotated file, or of what gzip made of one; then it is cut to the log's own. */
bool folder_rotated(char *path);
void siblings_fini(struct siblings *s);
/* Opens a file of a listing. *ret_moved is set where rotation gave its name to another one, or to none, meanwhile: then DW_ENOENT. */
DW_MUST_USE int folder_open(const struct agent *a, const struct sibling *s, int *ret_fd, bool *ret_moved);
/* Forgets the listing: between scans anything may change. */
void folder_close(struct folder *f);

/* ---- rows (rows.c): streams that no tail reads ---- */

/* A stream of before, until it is found; or one that is over, until it is forgotten. */
struct known {
    struct checkpoint_row row;
    struct known *next, **at; /* in the list of all */
    struct dw_node by_file, by_series;
    int64_t gone_ns;   /* since when its file is gone; 0: it is there, or was not looked for yet */
    int64_t orphan_ns; /* since when its file waits under a rotated name without a log */
};
/* Keeps a row (an agent's); takes its path on success. */
DW_MUST_USE int rows_keep(void *agent, struct checkpoint_row *row);
/* The stream of a series that a file may be; one that is not over before those that are, the newest before older ones. NULL: none. */
struct known *rows_find(const struct agent *a, const uint8_t *series, const struct dw_stat *st);
/* Whether it is one: its content is still there. Of a file that has the place of another it is not. */
bool rows_holds(const struct agent *a, const uint8_t *series, int fd, const struct dw_stat *st);
/* Whether a file has been a stream of a series (NULL: of any) before, one that was cut off too. */
bool rows_met(const struct agent *a, const uint8_t *series, const struct dw_stat *st);
/* Takes a row out and frees it. */
void rows_drop(struct agent *a, struct known *k);
/* A stream is read on: what was kept of it is dropped. */
void rows_resume(struct agent *a, const struct dw_stream *s);
/* Above the ordinals of all streams of a series that are kept. */
uint64_t rows_next_ordinal(const struct agent *a, const uint8_t *series);
/* The log of a row, entered where only the row is known; NULL: configuration names it no longer. */
struct found *rows_log(struct agent *a, const struct known *k);
/* Says which files of a log are there: `s`, and `live` (or NULL) under its own name. */
void rows_look(struct agent *a, const struct found *f, const struct siblings *s, const struct dw_stat *live);
/* A file has its name and place and another content. */
DW_MUST_USE int rows_cut_off(struct agent *a, struct known *k);
/* After a scan: says what was lost, reads on what grew without a log beside it, forgets what was gone for forget.after. */
DW_MUST_USE int rows_sweep(struct agent *a);

/* ---- packed (packed.c): compressed rotated files ---- */

/* A stream whose file is gone: reads on in the compressed file that holds what was read of it. Then `k` is dropped. False and *ret_sure: there is
 * none; where that is not sure it cannot be told now. */
bool packed_resume(struct agent *a, struct known *k, bool *ret_sure);
/* Opens, unpacked, the compressed file beside the log `path` that holds what was read of a row's stream; one that came before the stream's file is none of it.
 * *ret_fd is the caller's, *ret_st of the compressed file. False and *ret_sure: there is none; where that is not sure names moved on, or one could not be read now. */
bool packed_find(struct agent *a, const char *path, const struct checkpoint_row *row, int *ret_fd, struct dw_stat *ret_st, bool *ret_sure);
/* Reads compressed files of a log that came since then and that no stream of it was. 0: none. False: names moved on, look again.
 * *ret_blocked is set where one could not be read now. */
bool packed_take(struct agent *a, struct found *f, int64_t since_ns, bool *ret_blocked);
/* Whether there is one beside a log's path that came since then; where that is not sure there may be more than was listed. */
bool packed_recent(struct agent *a, const char *path, int64_t since_ns, bool *ret_sure);

/* ---- orphan (orphan.c): logs of which only rotated files are there ---- */

/* Whether a log of that path has no name and is not known but by rows, and something came beside it since it was looked for logs last. Asked twice in a row: no. */
bool orphan_at(struct agent *a, const char *path);

/* ---- copy (copy.c): what copytruncate left of a file that was truncated ---- */

/* A stream whose file was truncated under us goes on in the copy that was made of it before; false: there is none, or *ret_later: that cannot be told now. */
bool copy_take(struct agent *a, struct tail *t, bool *ret_later);
/* The same for a stream that no tail reads. Then `k` is dropped. */
bool copy_resume(struct agent *a, struct known *k, bool *ret_later);
/* A copy that was made before a file was truncated, and of which all was read there: it is not read as a log of its own. */
DW_MUST_USE int copy_note_read(struct agent *a, const struct tail *t);
/* Whether a file of the log was truncated, which the next turn of its tail will notice: whose copy is whose cannot be told until then. */
bool copy_cut_unseen(const struct agent *a, const struct found *f);
/* Whether a file that is nobody's stream is a copy, or becomes one, of a file of the log that is still there: what it has is read there. Also while it is not
 * noticed yet that such a file was truncated. */
bool copy_waits(const struct agent *a, const struct found *f, int fd, const struct dw_stat *st);

/* ---- keep (keep.c): files that stay open while the agent is not there ---- */

/* Has a tail's file kept by the service manager; lets it go. */
void keep_put(struct agent *a, struct tail *t);
void keep_drop(struct agent *a, struct tail *t);
void keep_drop_all(struct agent *a);
/* A stream whose file is gone, or was truncated: reads on in the one that was kept, its own or (`copy`) what copytruncate made of it. Then `k` is dropped.
 * *ret_doubt (NULL: nobody asks) is set where one could not be read now. */
bool keep_resume(struct agent *a, struct known *k, bool copy, bool *ret_doubt);
/* No stream of before waits to be found any more: nothing else that was kept is needed. */
void keep_let_go(struct agent *a);

/* Looks at all roots and globs: calls agent_found for each log. */
void discover_scan(struct agent *a);
/* Whether something that comes, goes or may be read from now on at a path may change what a look at all finds. */
bool discover_cares(const struct agent *a, const char *path);
/* Whether configuration names a path as a log's. */
bool discover_wants(const struct agent *a, const char *path);

/* ---- told (told.c): of which logs the kernel tells ---- */

/* A folder where looks begin, and how it stood at the last one; zeros: it was not there. */
struct root {
    char *path;
    uint64_t device, inode;
};
/* Such a folder, before a look at everything lists it. */
void told_root(struct agent *a, const char *dir);
/* Whether one of them is another folder now. */
bool told_roots_changed(const struct agent *a);
void told_close(struct agent *a);
/* A folder that a look at everything lists next. Where it is not told of, looks go by the clock. */
void told_folder(struct agent *a, const char *dir);
/* Finds out anew whether a log is told of. */
void told_log(struct agent *a, struct found *f);
void told_forget(struct agent *a, struct found *f);
/* Calls `each` for every log that has a link to a path. */
void told_logs_at(struct agent *a, const char *path, void (*each)(struct agent *a, struct found *f));

/* ---- signals (signals.c): what somebody who meddles leaves behind ---- */

enum agent_signal {
#define SIGNAL(id, action, doc) SIGNAL_##id,
#include "dogwatch/tbl/agent_signals.h"
#undef SIGNAL
};
struct signals {
    char path[AGENT_PATH_MAX]; /* of the log that they are lines of */
    int64_t window_ns;
    uint32_t count;      /* in this window */
    uint64_t held_back;  /* since the last line */
};
/* Tells that the agent began, and whether it died before: once in a process. */
void signals_begin(struct agent *a);
/* Writes a line about a log (NULL: about none); what cannot be written is said and counted. */
void signal_put(struct agent *a, enum agent_signal what, const struct found *f, const char *more);
/* The same with how much was read of a stream, and how much is there. */
void signal_about(struct agent *a, enum agent_signal what, const struct tail *t, uint64_t size);

/* ---- held (held.c): what a log that is held back has to say next ---- */

/* Appends the first line that waits, masked, without control bytes, cut. Nothing: it cannot be read now. */
void held_sample(const struct agent *a, const struct tail *t, struct dw_buf *out);
/* Tells that a log is held back from now on, with that line. */
void held_tell(struct agent *a, const struct tail *t);

/* ---- scan (scan.c): when it is looked for logs ---- */

/* What is due now. */
DW_MUST_USE int scan(struct agent *a);
/* The kernel told of a name: its streams are read at the next turn, and one that came or went is looked at again. */
void scan_note(struct agent *a, const char *dir, const char *name, enum watch_what what);
/* Tails of logs that were written to have something to read. */
void scan_stir_noted(struct agent *a);
/* Takes what the kernel tells; false: there may be more. */
bool scan_hear(struct agent *a);
/* Something happened that was not told in full. */
void scan_missed(struct agent *a);

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
    struct dw_redact_own *own; /* the user's own rules and what is hashed, or NULL */
    enum dw_multiline multiline;
    struct dw_parse_ctx parse;
    struct dw_zone zone; /* of lines that name none */
    struct line_format *format; /* of each entry of opt->formats, and last of opt->format */
    struct checkpoint_meta meta;
    struct dw_service *service;    /* NULL: none; the program's */
    void (*show)(void *arg, const struct dw_frame *f); /* sees each frame before the writer has it; NULL: nobody does */
    void *show_arg;
    struct watches *watches;       /* NULL: nothing is told, all goes by the clock; the program's */
    struct inputs *inputs;         /* as that */
    struct metadata *metadata;     /* as that */
    struct dw_spool_found spooled; /* by earlier starts, when this one began */
    /* loop thread */
    struct found *found;
    struct dw_table logs; /* struct found by path */
    struct signals signals;
    struct root *root;
    uint32_t root_count;
    struct dw_table hops;     /* places that links of logs lead to, by path */
    struct tail *tail;        /* at work ... */
    struct tail *resting;     /* ... and those at whose files nothing happens: told of, read to the end, without lines */
    uint32_t tail_count;      /* of both */
    uint32_t carried;         /* of which something waits in a line of the successor's */
    struct dw_table tails_by_file;
    struct known *known;
    struct dw_table known_by_file, known_by_series;
    struct folder folder;
    char orphan[AGENT_PATH_MAX]; /* asked for last, by the look in hand */
    int newest_fd; /* of a log's newest file while it is looked at its elders, before it is a stream; -1: none */
    struct dw_batch *batch;
    struct dw_encoder *encoder;
    struct dw_chain chain;
    struct writer *writer;
    struct dw_extent *more; /* DW_LINE_PIECES_MAX: extents of the line in hand */
    char *chunk;
    size_t chunk_cap;
    int64_t batch_since_ns, last_sign_ns, last_ledger_ns, last_beat_ns, last_sweep_ns;
    int64_t last_scan_ns, last_all_ns, next_all_ns; /* looks at what is due, and at everything; not before */
    int64_t anchor_real_ns, anchor_mono_ns;
    int64_t first_ns; /* when an agent was here first; 0: not known */
    int64_t sought_ns; /* when the last look at everything began, by the clock that files are stamped with */
    int64_t seen_ns;  /* up to then all logs, and what is beside them, were looked at */
    int64_t apart_ns;    /* of the two clocks, as last told */
    int64_t set_back_ns; /* by how much the clock is behind what we count, as last said */
    uint32_t unsigned_frames;
    uint64_t unpacked; /* bytes of all files that were unpacked and are open */
    uint32_t kept_number; /* files given to the service manager so far ... */
    uint32_t kept_count;  /* ... and kept by it now */
    uint64_t parcels, beat_parcel; /* handed over so far; up to and with the last heartbeat */
    struct tail *touched; /* whose checkpoint rows go with the next frame */
    struct checkpoint_row *out; /* further rows for the next frame */
    uint32_t out_count, out_cap;
    int64_t read_at_ns;
    int64_t read_until_ns; /* agent_stop was called: when reading ends at the latest; 0: not called */
    uint32_t unread;       /* logs that could not be opened at the last scan */
    uint32_t label_names;  /* so many different names of labels were made keys */
    int64_t put_off_low_ns; /* logs wait to be described before they are opened: the low-water mark before the first was seen; INT64_MAX: none does */
    bool put_off;          /* by the last look at everything, or the one in hand */
    bool waits;            /* as that: logs that are open wait to be described */
    struct dw_spool_state spool;
    int64_t taken_ns, vanish_ns; /* when the brokers took something last; when it was looked for what is about to vanish */
    bool spool_full;
    bool all_due, some_due; /* looks */
    bool untold;    /* something is not told of by the kernel */
    bool partial;   /* the last look at everything, or the one in hand, could not list all */
    bool noted;     /* a log is */
    bool restless;  /* a log has to be looked at again */
    bool rows_open; /* a row may be of a stream that goes on */
    bool crowded;   /* so much waits for acknowledgement that who has much to say waits */
    bool unmet;     /* a log that is known from before has not been found yet */
    bool stopping, scanned, hold;
    int failed;
};

/* What reading took goes back to the system: all of it where nothing is at work. */
void agent_give_back(struct agent *a);
/* The agent's clock: monotonic, anchored at the start of the epoch. */
int64_t agent_now(const struct agent *a);
int64_t agent_low_water(const struct agent *a);

/* Opens everything and starts the writer; *ret is given. `wake` may be called from another thread. */
DW_MUST_USE int agent_open(const struct dw_agent_options *opt, void (*wake)(void *arg), void *arg, struct agent **ret);
/* One turn: scans if due, reads a share of every file that has something, sends what is due. *ret_more: there is more to do
 * now. DW_EIO and others: it cannot go on. */
DW_MUST_USE int agent_turn(struct agent *a, bool *ret_more);
/* Whether something is to be done within milliseconds: events wait to be sent, a turn was put off, the end is near. */
bool agent_waits(const struct agent *a);
/* From now on: to the end of every file, but for `read_ns` at most, then end records, then agent_done. `why` is told. */
void agent_stop(struct agent *a, int64_t read_ns, const char *why);
/* Whether everything is acknowledged after agent_stop (or until_idle). */
bool agent_done(struct agent *a);
/* We wrote to a file of what we receive: it is read at the next turn. */
void agent_received(struct agent *a, const char *path);
void agent_close(struct agent *a);

/* Whether a log of that path was seen before: then only its path matters, and nothing else about it need be looked up. */
bool agent_knows(const struct agent *a, const char *path);
/* Whether it is not known, or without what docker or the kubelet may say of it. */
bool agent_lacks(const struct agent *a, const char *path);
/* discover.c calls this for each log it sees; `f` is borrowed, fields are copied. */
void agent_found(struct agent *a, const struct sighting *f);

/* Enters a log of which nothing but a rotated file is there. */
void agent_adopt(struct agent *a, const char *path, const uint8_t *series);
/* Forgets a log without tails, which is *at in the agent's list. */
void agent_forget_log(struct agent *a, struct found **at);
/* The log of a path, or NULL. */
struct found *agent_log(const struct agent *a, const char *path);

/* tails.c: streams of a log */
/* The newest stream of a file that is not cut off, or NULL. */
struct tail *tails_find(const struct agent *a, const struct dw_stat *st);
/* Whether a file, which `path` leads to, is one that was read under another log's name: by a link, or as a log of its own before it passed for a rotated one. Where the time of
 * birth does not tell, the content does. */
bool tails_anothers(const struct agent *a, const struct found *f, const char *path, const struct dw_stat *st);
/* Up to when what is beside a log was looked at; a copy that waits, and what gzip makes of it, was not. 0: never. */
int64_t tails_looked(const struct found *f);
/* What came beside a log before then (0: whatever came) is known to the next look, or was there before us. NULL: a log that comes. */
int64_t tails_since(const struct agent *a, const struct found *f);
/* One look at a log that is there: the file under its name, and those it was renamed to. */
void tails_look(struct agent *a, struct found *f);
/* Looks at the rotated files of a log: those that were streams before, and others too unless `known`, and the look before had all there was. */
void tails_take_elders(struct agent *a, struct found *f, bool known);
/* The stream `k` goes on in `fd`, which holds its content; NULL: it is a new one, of the file `st`. Takes over `fd`; NULL: not now. `unpacked`: `fd` is a file
 * of our own that was made for it. */
struct tail *tails_add_rotated(struct agent *a, struct found *f, const char *path, int fd, const struct dw_stat *st, struct known *k,
    bool unpacked);
/* Logs whose name is gone: their streams are read to the end, and then the log is forgotten. */
void tails_after_scan(struct agent *a);
/* Looks at logs that something happened to, or that have to be looked at by the clock. */
void tails_look_at_restless(struct agent *a);
/* Whether a log has to be looked at by the clock, or because of what happened to it. */
bool tails_restless(const struct found *f);
/* Something may have been written to a tail's file; one that rests goes on. */
void tail_stir(struct agent *a, struct tail *t);
/* Tails with nothing to do rest; those whose file is not as it was go on. */
void tails_rest(struct agent *a);
void tails_wake_changed(struct agent *a);
/* Frees a tail. */
void tails_drop(struct agent *a, struct tail *t);
/* How the lines of a log are taken out of its bytes. */
struct dw_lines_conf tails_conf(const struct agent *a, const struct found *f);
/* Makes its lines, where it has none. DW_ENOMEM. */
DW_MUST_USE int tail_make_lines(const struct agent *a, struct tail *t);
/* It goes on at a place where nothing waits. */
void tail_move_to(struct tail *t, uint64_t place);

/* vanish.c: files that are about to vanish while the brokers are away */
/* A look at the brokers: do they take frames, and has what is about to vanish to go to the spool? */
void vanish_look(struct agent *a);
/* Whether a tail is read now. Else, if it cannot be kept either, it is let go. */
DW_MUST_USE int vanish_reads(struct agent *a, struct tail *t, bool *ret);

/* tail.c: one stream */
/* Remembers what a look at the file said. */
void tail_note(const struct agent *a, struct tail *t, const struct dw_stat *st);
/* What the checkpoint may say: everything before `low` is in frames that were handed over. The path is given. */
DW_MUST_USE int tail_row(const struct agent *a, const struct tail *t, struct checkpoint_row *ret);
/* Whether the file's size is another than at the last look; what cannot be told is no. Notes whether it is deleted. */
bool tail_changed(struct tail *t);
/* Whether the file of a tail that rests is as it was. */
bool tail_sleeps(const struct tail *t);
/* Whether a tail's file is as it was read, and its times would tell if it changed. */
bool tail_settles(const struct agent *a, struct tail *t);
/* Says that bytes of it are in no event, once the checkpoint can tell its file again. */
DW_MUST_USE int tail_declare(struct agent *a, struct tail *t, const struct dw_declared *d);
/* What few have, to be read; to be written, NULL without memory. */
const struct rare *tail_rare(const struct tail *t);
struct rare *tail_make_rare(struct tail *t);
/* Up to where it is read. */
uint64_t tail_offset(const struct tail *t);
/* A stream that is over goes on. */
void tail_reopen(struct agent *a, struct tail *t);
void tail_free(struct tail *t);
/* Everything before it is in frames that were handed over. */
uint64_t tail_low(const struct tail *t);
/* Reads one share. *ret_more: there is more. */
DW_MUST_USE int tail_read(struct agent *a, struct tail *t, bool *ret_more);
/* Leaves out what was not read up to `size`, and declares it; not yet where the stream before it comes first. */
DW_MUST_USE int tail_let_go(struct agent *a, struct tail *t, uint64_t size);
/* Declares the end: "idle" leaves the stream open, and so does a "whole" one whose end cannot be read now. */
DW_MUST_USE int tail_end(struct agent *a, struct tail *t, const char *state);
/* Ends what waits for more since join.idle. */
DW_MUST_USE int tail_idle(struct agent *a, struct tail *t);

/* ship.c */
/* Says that a tail's position goes with the next frame. */
void ship_touch(struct agent *a, struct tail *t);
/* Adds a checkpoint row to the next frame; takes its path. */
DW_MUST_USE int ship_row(struct agent *a, const struct checkpoint_row *row);
/* What parses a tail's lines of an output (enum dw_out); NULL: it is not decided yet. */
const struct dw_parser *ship_parser(const struct tail *t, size_t out);
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
