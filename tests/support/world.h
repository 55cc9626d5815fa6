/*
 * An archive in a temporary folder, a made-up agent, and what the archive must give back.
 */
#ifndef DOGWATCH_TESTS_WORLD_H
#define DOGWATCH_TESTS_WORLD_H

#include "frames.h"
#include "support.h"

#include "dogwatch/store/archive.h"

struct world {
    char dir[512];
    struct frames agent;
    struct dw_keys *keys;
    struct dw_archive *archive;
    struct dw_decoder *decoder;
    struct dw_buf text; /* all lines that went in */
    uint64_t offset;
};

void world_init(struct world *w);
void world_fini(struct world *w);
/* Opens the archive again; it must be closed. */
void world_open(struct world *w);
/* Appends one frame (taken) with marks, or NULL. */
void world_append(struct world *w, struct dw_frame *f, const uint8_t *mark);
/* Appends the record that opens the agent's epoch and tells its key. */
void world_open_epoch(struct world *w);
/* Appends n event frames of `events` lines each, signed every third, and syncs. */
void world_append_events(struct world *w, uint32_t n, uint32_t events);
/* Exactly so many frames, numbered from 0, with all lines that went in. */
void world_reads_back(struct world *w, uint64_t frames);
/* The sentences of `archive verify`, one a line, are appended to `problems`. */
struct dw_verify_result world_verify(struct world *w, struct dw_buf *problems);
void world_is_sound(struct world *w);
/* `archive verify` finds something and one of its sentences holds `what`. */
void world_names(struct world *w, const char *what);
/* Changes one byte of a file below `dir`, at `at`, or that many bytes before the end. */
void world_flip(const char *dir, const char *file, long at, long from_end);

#endif
