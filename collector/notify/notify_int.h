/*
 * The inside of outputs.
 *
 *     notify.c      starts and ends them
 *     output.c      one output's thread: what is next, backing off, what becomes of an answer
 *     sight.c       lines of alerts.log that were not looked at, and provisional ones: which are sent
 *     summary.c     what a fuse held back, as one message a rule
 *     output_journal.c  what waits, kept through crashes
 *     dead.c        dead letters
 *     message.c     an item as a message; render_*.c: its formats
 *     send_*.c      the ways out: one ops struct each
 */
#ifndef DOGWATCH_COLLECTOR_NOTIFY_INT_H
#define DOGWATCH_COLLECTOR_NOTIFY_INT_H

#include "dogwatch/collect/notify.h"

#include "dogwatch/base/arena.h"
#include "dogwatch/base/keyed.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/base/table.h"
#include "dogwatch/collect/alerts.h"
#include "dogwatch/collect/triage.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    OUTPUT_PATH_CAP = 4096,
    OUTPUT_KEY_CAP = DW_ALERT_ID_TEXT + 1 + DW_CHANGE_ID_TEXT,
    OUTPUT_LINE_MAX = 16 << 20, /* as alerts.log bounds its own */
    OUTPUT_BODY_ANSWER = 64 << 10,
};

/* ---- output_journal.c ---- */

enum output_kind { OUTPUT_RAISED, OUTPUT_CHANGED, OUTPUT_SUMMARY, OUTPUT_PROVISIONAL };
/* A message that waits. In one block with its text. */
struct output_item {
    struct output_item *next, *prev;
    struct dw_node node; /* by alert and kind */
    enum output_kind kind;
    uint64_t number;
    int64_t since_ns;        /* when it was first seen */
    char id[DW_ALERT_ID_TEXT];
    char revision[DW_CHANGE_ID_TEXT]; /* of RAISED its total, with `-calm` when that is what is told, of CHANGED the change's name, of PROVISIONAL its state, of SUMMARY empty */
    struct dw_str line;      /* of SUMMARY and PROVISIONAL: as a line of alerts.log */
};
struct output_journal {
    const struct dw_fs *fs;
    char path[OUTPUT_PATH_CAP];
    int fd;
    uint64_t bytes;      /* whole batches in the file */
    bool torn;           /* behind them may stand a part of one */
    bool anew;           /* all of it has to be written anew */
    struct dw_buf batch; /* not written yet */
    struct output_item *head, *tail;
    struct dw_table by_id;
    uint64_t next_number, waiting, texts; /* texts: bytes of lines that wait */
    uint64_t seen, seen_from; /* alerts.log is looked at up to `seen`; the last line begins at seen_from */
    char seen_hash[17];       /* of that line: another log has another one; "": none yet */
    uint64_t *held;           /* offsets of lines that a fuse held back since the last summary */
    size_t held_count, held_cap;
};
/* Reads what there is, cuts a torn end, or begins one. DW_ECORRUPT: it is none. */
DW_MUST_USE int output_journal_open(struct output_journal *j, const struct dw_fs *fs, const char *path);
void output_journal_close(struct output_journal *j);
/* Each changes what waits at once, and the file at the next commit. A new item takes the place of one of the same alert and kind: *ret_replaced. */
DW_MUST_USE int output_journal_add(struct output_journal *j, const struct output_item *item, bool *ret_replaced);
/* What waits of the same alert and kind; NULL: nothing. */
const struct output_item *output_journal_find(const struct output_journal *j, const struct output_item *like);
void output_journal_done(struct output_journal *j, struct output_item *item);
void output_journal_to_tail(struct output_journal *j, struct output_item *item); /* in memory alone */
DW_MUST_USE int output_journal_hold(struct output_journal *j, uint64_t offset);
void output_journal_told(struct output_journal *j); /* nothing is held any more */
void output_journal_seen(struct output_journal *j, uint64_t from, uint64_t to, const char *hash);
/* Writes and syncs; until it answers DW_OK nothing may be sent, and what was given is kept for the next call. */
DW_MUST_USE int output_journal_commit(struct output_journal *j);
void output_hash(struct dw_str line, char ret[17]);

/* ---- backoff.c ---- */

/* How long to wait after so many failures in a row, from 1; between half of it and all of it. */
int64_t output_backoff_ns(unsigned failures, struct dw_rng *rng);

/* ---- dead.c ---- */

struct output_dead {
    const struct dw_fs *fs;
    char path[OUTPUT_PATH_CAP];
    int fd;
    uint64_t bytes, count;
    bool torn;
};
DW_MUST_USE int output_dead_open(struct output_dead *d, const struct dw_fs *fs, const char *path);
void output_dead_close(struct output_dead *d);
/* Appends and syncs. */
DW_MUST_USE int output_dead_add(struct output_dead *d, const struct output_item *item, int64_t now_ns, const char *reason, struct dw_str body);
/* Calls `each` for what it holds; its code ends it. Lines that are none are appended to `others`. */
DW_MUST_USE int output_dead_each(struct output_dead *d, int (*each)(void *arg, const struct output_item *item), void *arg, struct dw_buf *others);
/* One line of it; the item's text is in the arena. False: it is none. */
bool output_dead_read(struct dw_str line, struct dw_arena *arena, struct output_item *ret);
/* It holds these lines from now on, and no other. */
DW_MUST_USE int output_dead_leave(struct output_dead *d, struct dw_str others);

/* ---- message.c, render_*.c ---- */

enum output_activity { OUTPUT_CREATED, OUTPUT_UPDATED, OUTPUT_CLOSED };
/* An alert on its way out, as the view has it now. */
struct output_alert {
    const struct dw_alert *alert;
    const struct dw_event *event; /* the finding's fields */
    struct dw_keys *keys;         /* that name them */
    enum output_activity activity;
    bool is_over;       /* people are done with it */
    bool is_summary;
    bool is_provisional; /* it stands in no view */
    int64_t now_ns;
    const char *key;
    const struct dw_output_options *opt;
};
/* Value of a field of the finding, as text; empty: it has none. `room` holds numbers. */
struct dw_str output_field(const struct output_alert *a, uint32_t key, char room[32]);
/* 0 informational to 4 critical; a level that is none: 0. */
int output_severity(const struct dw_alert *a);
void output_render_ecs(const struct output_alert *a, struct dw_buf *out);
void output_render_ocsf(const struct output_alert *a, struct dw_buf *out);
void output_render_cef(const struct output_alert *a, struct dw_buf *out);
void output_render_alertmanager(const struct output_alert *a, struct dw_buf *out);
/* A text as a header of CEF or the value of an extension may hold it. */
void output_cef_header(struct dw_buf *out, struct dw_str s);
void output_cef_value(struct dw_buf *out, struct dw_str s);

/* A message, valid until the next is made. */
struct output_message {
    struct dw_buf body;
    char key[OUTPUT_KEY_CAP];
    char alert[DW_ALERT_ID_TEXT];
    int severity; /* 0 informational to 4 critical */
    int64_t now_ns;
};

/* ---- send_*.c ---- */

enum output_answer { OUTPUT_TAKEN, OUTPUT_LATER, OUTPUT_REFUSED };
struct output_result {
    enum output_answer answer;
    int64_t wait_ns; /* LATER: the receiver asked for so long; 0: it did not say */
    char error[DW_OUTPUT_ERROR_CAP];
};
struct output;
struct output_way {
    int (*open)(struct output *o); /* nothing is connected yet */
    void (*send)(struct output *o, const struct output_message *m, struct output_result *ret);
    void (*close)(struct output *o);
};
extern const struct output_way output_http, output_syslog, output_kafka, output_file;
void output_say(struct output_result *r, enum output_answer answer, const char *fmt, ...) DW_PRINTF(3, 4);
/* Whether an attempt that is under way should be given up. */
bool output_in_vain(const struct output *o);
/* "tcp://HOST:PORT" taken apart; false: it is none. */
struct output_address {
    bool tcp;
    char host[256], port[8];
};
bool output_address_parse(struct dw_str text, struct output_address *ret);
/* X-Dogwatch-Signature of a body: 64 hex digits and a NUL. */
void output_sign(struct dw_str secret, const char *timestamp, struct dw_str body, char ret[65]);
/* Whether Retry-After of this many seconds is obeyed, and how long. */
int64_t output_retry_after_ns(int64_t seconds);

/* ---- one output ---- */

struct output {
    /* set once */
    const struct dw_output_options *opt;
    const struct dw_collector_options *all;
    const struct dw_fs *fs;
    const struct dw_clock *clock;
    const struct output_way *way;
    char alerts_dir[OUTPUT_PATH_CAP], status_path[OUTPUT_PATH_CAP], retry_path[OUTPUT_PATH_CAP];
    pthread_t thread;
    /* the output's thread */
    void *link; /* of the way out */
    struct output_journal journal;
    struct output_dead dead;
    struct dw_alert_filter *filter;
    struct dw_alert_events *events;
    struct dw_alerts *view;
    struct dw_fuse *fuse, *early_fuse; /* of alerts, and of provisional ones */
    struct dw_keyed early_held;        /* provisional alerts that the fuse held back: nor is their end told */
    int64_t fuse_ns, held_ns; /* when the fuse was made; when the first line was held back */
    struct output_message message;
    struct dw_rng rng;
    int64_t next_ns;   /* no attempt before, on the clock that never goes back */
    int64_t status_ns; /* when it was written */
    struct dw_output_status status;
    int log_fd, trouble_said; /* trouble_said: of its own files, once */
    unsigned failures;        /* attempts in a row */
    bool status_due;
    bool running; /* set once */
    bool stop;    /* guarded by lock */
    _Atomic bool drain;
    /* shared */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t durable;          /* guarded by lock */
    struct dw_buf given;       /* guarded by lock: provisional lines, each with its newline */
    uint32_t given_count;      /* guarded by lock */
    struct dw_notify_trouble trouble; /* guarded by lock; name "": none */
    _Atomic int64_t give_up_ns; /* attempts under way end at this time; INT64_MAX: they need not */
};
struct dw_notify {
    struct dw_notify_conf conf;
    struct output *output;
    uint32_t count;
};
/* notify.c: an output without its thread. Open keeps what it was given; fini also after it failed. */
void output_init(struct output *o, const struct dw_notify_conf *conf, const struct dw_output_options *opt, uint64_t durable);
DW_MUST_USE int output_open(struct output *o, uint64_t durable);
void output_fini(struct output *o);
/* output.c: one round of work: looks, writes the journal, makes one attempt. Codes of its own files: again later. `stop`: it ends. */
DW_MUST_USE int output_turn(struct output *o, uint64_t durable, bool stop);
void *output_run(void *output);
/* sight.c: looks at what is new in alerts.log. Codes of fs.h: later. */
DW_MUST_USE int output_look(struct output *o, uint64_t durable);
/* Looks at provisional lines, each with its newline, and writes the journal. Codes of fs.h: those that could not be looked at are lost, and counted; the others wait. */
DW_MUST_USE int output_look_provisional(struct output *o, struct dw_str lines);
/* Makes sure that the log is the one that was looked at; else begins anew. */
DW_MUST_USE int output_open_log(struct output *o, uint64_t durable);
/* The line of alerts.log at an offset, without newline, into `out`. DW_ENOENT: none ends before `end`. */
DW_MUST_USE int output_read_line(const struct output *o, uint64_t at, uint64_t end, struct dw_buf *out);
/* summary.c: queues a summary of what is held. */
DW_MUST_USE int output_summarise(struct output *o);
/* message.c. DW_ENOENT: the alert is not there any more. */
DW_MUST_USE int output_make(struct output *o, const struct output_item *item);
/* The alert of this id with the view's newest state is given to `each`. */
DW_MUST_USE int output_find(struct output *o, const char *id, void (*each)(void *arg, const struct dw_alert *a), void *arg);

#endif
