/*
 * Which of docker's events were written already: the newest ones, also of earlier starts.
 *
 * dockerd remembers 256 events and gives them again from a time on, that time included. Those of them that we had are among the last 256 that we had, so as many are
 * remembered here, by a hash of their bytes: their time is among them, in nanoseconds, so only an event itself is the same again.
 * Thread: loop.
 */
#ifndef DOGWATCH_AGENT_DOCKER_PAST_H
#define DOGWATCH_AGENT_DOCKER_PAST_H

#include "dogwatch/base/fs.h"

enum { PAST_EVENTS = 256, PAST_FILE_EVENTS = 16 * 1024 /* then its file is made anew */ };

struct past_event {
    int64_t time_ns;
    uint64_t hash;
};

struct past {
    const struct dw_fs *fs;
    char path[4096];
    int fd; /* -1: what is new is not remembered over a start */
    bool torn; /* the file may end in the middle of a line */
    struct past_event event[PAST_EVENTS]; /* a ring */
    uint64_t count;      /* ever, but for what was forgotten before */
    uint64_t saved;      /* of these are in the file */
    uint64_t again;      /* without a file: not made anew before there are so many */
    uint32_t file_count; /* lines of the file */
};

/* Takes what the file at `path` has (lines that are none are left out) and goes on in it. Codes of fs.h; the object is of use all the same, without a file. */
DW_MUST_USE int past_open(struct past *p, const struct dw_fs *fs, const char *path);
void past_close(struct past *p);
bool past_has(const struct past *p, uint64_t hash);
/* The newest one, or NULL. */
const struct past_event *past_newest(const struct past *p);
/* Remembers one, but not over a start. */
void past_add(struct past *p, int64_t time_ns, uint64_t hash);
/* ... until this is called. Codes of fs.h: those of now may come twice. */
DW_MUST_USE int past_save(struct past *p);
uint64_t past_hash(struct dw_str line);

#endif
