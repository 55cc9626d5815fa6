/*
 * sim: the agent in a world of our own, on one thread, out of one seed.
 *
 *     programs (sim_programs.c)  write and rotate logs ---> files (sim_files.c) <--- system calls (sim_calls.c) <--- the agent, as it ships
 *     the oracle (sim_oracle.c, sim_judge.c) has the programs' own record of each byte           <--- frames <--- broker (sim_broker.c)
 *
 * Nothing of the agent is another than in the program: the linker hands the C library's calls of the agent's objects to sim_calls.c (--wrap), SQLite has a VFS
 * (sim_sqlite.c), the writer's thread is a coroutine (sim_fiber.c), and librdkafka's place has sim_broker.c. All state is in `sim`.
 */
#ifndef DOGWATCH_TESTS_SIM_H
#define DOGWATCH_TESTS_SIM_H

#include "../../agent/agent_int.h"

#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"

#include <stdio.h>
#include <sys/stat.h>

enum { SIM_NAME = 40, SIM_PATH = 128, SIM_LOGS = 5, SIM_FILES = 6, SIM_FDS = 512, SIM_FD_FIRST = 1000, SIM_FD_WATCH = SIM_FD_FIRST + SIM_FDS, SIM_TRACE = 80, SIM_SCRIPT = 48 };
#define SIM_ALL UINT64_MAX

struct sim_inode;

struct sim_log;

/* ---- bytes as programs wrote them (sim_oracle.c) ---- */

/* What one program wrote into one file between its making, or a truncation, and the next. Never changes but to grow. */
struct sim_text {
    struct sim_text *next;
    uint32_t number;
    uint64_t inode; /* where it was written */
    int64_t birth_ns;
    const struct sim_log *log;
    struct dw_buf bytes;
    uint16_t *owner; /* of each byte: number of the stream whose event or declaration has it; 0: none */
    uint64_t *event; /* where that event began in the stream; SIM_ALL: declared */
    bool *gone;      /* nobody could read it any more before it was acknowledged */
    size_t cap;
    uint64_t reach;  /* of it can be read somewhere */
    uint64_t swept_from, swept_to; /* what of these nobody owned is gone */
};

/* ---- files (sim_files.c) ---- */

struct sim_entry {
    char name[SIM_NAME];
    struct sim_inode *inode; /* NULL: a hole that a later name may take */
};

struct sim_inode {
    struct sim_inode *next;
    uint64_t number;
    int64_t birth_ns, mtime_ns, ctime_ns;
    uint32_t mode, links, opens;
    struct dw_buf bytes; /* content; of a link: where it leads */
    struct sim_entry *entry; /* of a folder */
    uint32_t entry_count, entry_cap;
    bool ours;           /* in the agent's folder: what is not synced is lost by a power cut */
    bool packed;         /* by gzip */
    struct sim_text *text; /* of a log: whose bytes it has ... */
    uint64_t text_len;     /* ... how many of them; SIM_ALL: all, it grows with it */
    bool refused;          /* a read of it failed */
    struct sim_inode *in;  /* the folder that it has, or had last, a name in; held */
    char name[SIM_NAME];   /* ... and that name */
};

/* The files' own calls: 0, or an errno. No faults, no oracle. */
struct sim_inode *sim_find(const char *path, bool follow);
struct sim_inode *sim_make(const char *path, uint32_t mode); /* NULL: it is there, or its folder is not */
struct sim_inode *sim_make_folders(const char *path, bool ours);
int sim_move(const char *from, const char *to);
int sim_remove(const char *path);
int sim_remove_folder(const char *path); /* an empty one */
void sim_link(const char *path, const char *to); /* symbolic; in one step where one is there */
void sim_put(struct sim_inode *i, uint64_t at, const void *bytes, size_t len);
void sim_cut(struct sim_inode *i, uint64_t size);
void sim_hold(struct sim_inode *i);
void sim_release(struct sim_inode *i);
/* Durability of what is the agent's. */
void sim_synced(struct sim_inode *i);
uint64_t sim_synced_size(const struct sim_inode *i);
void sim_power_cut(void);
void sim_files_begin(void);
void sim_files_fini(void);
int64_t sim_stamp(void);

/* sim_watch.c: the kernel tells of a name in a folder; of a file, under its name; that a folder is no more. */
void sim_tell(const struct sim_inode *folder, const char *name, uint32_t mask);
void sim_tell_file(const struct sim_inode *i, uint32_t mask);
void sim_tell_gone(const struct sim_inode *folder);
bool sim_tells_something(void); /* that nobody heard yet */
ssize_t sim_watch_read(void *out, size_t cap);
void sim_watch_begin(void);
void sim_watch_close(void);

/* ---- one run ---- */

struct sim_fd {
    struct sim_inode *inode; /* NULL: free */
    int flags;
    uint64_t at;
    uint64_t seen; /* the size that the agent was told last */
    bool tail;     /* a stream is read from it */
};

/* What a program does next to its log, one after the other. */
enum sim_act { ACT_RENAME, ACT_UNLINK, ACT_CREATE, ACT_CREATE_TMP, ACT_COPY, ACT_TRUNCATE, ACT_PACK, ACT_SWAP, ACT_SHOW, ACT_RMDIR, ACT_MOVE_AWAY, ACT_MKDIR };
struct sim_todo {
    enum sim_act act;
    char from[SIM_NAME], to[SIM_NAME];
};
enum sim_kind { KIND_SHIFT, KIND_SHIFT_PACK, KIND_UNLINK, KIND_OVER, KIND_KUBELET, KIND_DELAY_PACK, KIND_COPY, KIND_COPY_PACK, KIND_TRUNCATE, KIND_SWAP, KIND_GROW, KIND_ANEW, KINDS };
struct sim_log {
    enum sim_kind kind;
    char folder[SIM_PATH], path[SIM_PATH], runs[SIM_PATH]; /* runs: where its link leads to */
    struct sim_inode *file; /* that its program has open */
    bool cri, torn;         /* torn: the last line has no end yet */
    bool partial[3];        /* CRI: a line of this output goes on */
    bool banner;            /* each file begins with the same line */
    bool shared;            /* other hosts write there: the kernel tells nothing */
    bool leaves;            /* its program ends with the rotation in hand: the name comes back late, or never */
    bool hides;             /* a new file cannot be read until it is shown */
    int64_t sleeps_ns;      /* its program writes nothing until then */
    uint64_t line, size_max, turns;
    uint32_t keep;
    struct sim_todo todo[SIM_SCRIPT];
    uint32_t todo_at, todo_count;
};

struct sim {
    uint64_t seed;
    struct dw_rng rng, chance;
    bool verbose, failed;
    bool copies; /* some logs are rotated by copytruncate */
    bool clock;  /* in no world the kernel tells */
    bool tells;  /* in this one it does */
    bool tells_of_nameless;
    uint32_t queue_max, watches_max, heard_in; /* turns, as a rule */
    uint64_t step;
    char trace[SIM_TRACE][200];
    uint64_t trace_count;
    /* time */
    int64_t mono_ns, real_ns, tick_ns;
    bool births;
    /* files */
    struct sim_inode *inodes, *root;
    uint64_t next_inode, free_inode[64];
    uint32_t free_count;
    struct sim_fd fd[SIM_FDS];
    /* the agent */
    struct dw_agent_options opt;
    struct dw_conf conf;
    struct dw_str list[SIM_LOGS];
    struct agent *agent;
    struct watches *watches; /* its program's; NULL: nothing is told */
    bool in_agent, in_fiber, dead, quiet; /* quiet: nothing but the agent moves, and nothing fails */
    bool closing;    /* the agent ends as it was asked to */
    uint64_t calls, kill_in;
    uint32_t moves;  /* of programs since the turn began */
    bool power;      /* the kill is a power cut */
    bool full;       /* the disk is */
    int64_t start_at_ns;
    /* logs */
    struct sim_log log[SIM_LOGS];
    uint32_t log_count;
};
extern struct sim sim;

bool sim_chance(uint64_t one_in);
uint64_t sim_below(uint64_t bound);
/* Remembers what happened, for who reads of a failure. */
void sim_note(const char *fmt, ...) DW_PRINTF(1, 2);
/* The oracle was right, or the agent: this run is over. */
void sim_fail(const char *fmt, ...) DW_PRINTF(1, 2);

/* sim_calls.c: a call of the agent begins. An errno: it is refused. */
enum sim_call { CALL_LOOK, CALL_OPEN, CALL_READ, CALL_WRITE, CALL_SYNC, CALL_NAME, CALL_BROKER };
int sim_call(enum sim_call kind, struct sim_inode *about);
void sim_die(void);
/* The agent's calls as SQLite makes them. */
int sim_open(const char *path, int flags, int *ret_fd);
int sim_pread(int fd, void *out, size_t len, uint64_t at, size_t *ret_len);
int sim_pwrite(int fd, const void *bytes, size_t len, uint64_t at);
int sim_close(int fd);
int sim_unlink(const char *path);
struct sim_fd *sim_fd_of(int fd);
uint64_t sim_real_chance(void); /* of the machine's, for who asks for a random seed */

/* sim_fiber.c: the writer's thread */
void sim_fiber_begin(void);
void sim_fiber_step(void);
void sim_fiber_yield(void);
void sim_fiber_fini(void);

void sim_sqlite_begin(void);

/* sim_broker.c */
void sim_broker_begin(void);
void sim_broker_step(void); /* its state may change */
void sim_broker_heal(void);
void sim_broker_fini(void);
bool sim_broker_next(size_t *at, struct dw_str *ret); /* frames that it has, from *at on */

/* sim_programs.c */
void sim_programs_begin(void);
const char *sim_kind_name(const struct sim_log *l);
void sim_programs_step(void);
void sim_programs_wake(void); /* each of them does something */
void sim_programs_end(void); /* nothing is left half done */

/* sim_oracle.c */
void sim_oracle_begin(void);
struct sim_text *sim_text_new(struct sim_inode *i, const struct sim_log *l);
void sim_text_bind(struct sim_inode *i); /* a file has its text from now on */
void sim_text_add(struct sim_text *t, const void *bytes, size_t len);
void sim_reach(void);  /* what nobody can read any more is gone */
void sim_ingest(void); /* takes what is durable */
void sim_row(const struct checkpoint_row *row, bool at_start);
void sim_said_lost(const struct dw_stream *s, uint64_t read, const char *state);
void sim_closed(struct sim_fd *f); /* by the agent, of its own accord */
void sim_judge(void);  /* all is quiet: every byte is acknowledged, declared or gone */
void sim_oracle_fini(void);
bool sim_accounted(void);
struct sim_sum {
    uint64_t written, acked, gone, frames, events, streams;
};
struct sim_sum sim_sum(void);

#endif
