/*
 * The manifest: the only list of segments, as chained lines. Used inside core/store.
 */
#ifndef DOGWATCH_STORE_MANIFEST_INT_H
#define DOGWATCH_STORE_MANIFEST_INT_H

#include "dogwatch/store/archive.h"

enum { DW__MANIFEST_MAX_BYTES = 256 * 1024 * 1024, DW__PATH_MAX = 4096 };

enum dw__entry_type { DW__ENTRY_OPEN, DW__ENTRY_SEAL, DW__ENTRY_OTHER };

struct dw__entry_info {
    uint64_t n;
    enum dw__entry_type type;
    struct dw_segment_info segment; /* SEAL: all of it; OPEN: its number */
    uint64_t open;                  /* SEAL: the segment that begins */
};

struct dw__manifest {
    struct dw_segment_info *sealed;
    uint64_t sealed_count, sealed_cap;
    uint64_t open, entries;
    bool has_open;
    uint8_t last_hash[DW_SHA256_BYTES]; /* of the last whole line */
    uint64_t bytes;                     /* length of the whole lines */
    uint64_t broken_at;                 /* entry whose prev or n does not hold + 1; 0: none */
};

/* Reads all whole lines. DW_ENOENT when there is no manifest; DW_ESYNTAX on a line that is none. A break of the chain is no error
 * here: it is noted in broken_at. Free with dw__manifest_fini. */
DW_MUST_USE int dw__manifest_read(const struct dw_fs *fs, const char *dir, struct dw__manifest *m);
void dw__manifest_fini(struct dw__manifest *m);
/* The intake number that a segment begins with. */
uint64_t dw__manifest_due(const struct dw__manifest *m, uint64_t segment);
/* Appends an entry (n and prev are filled), syncs, and takes it into *m. */
DW_MUST_USE int dw__manifest_append(const struct dw_fs *fs, const char *dir, struct dw__manifest *m,
    struct dw__entry_info *entry, int64_t now_ns);

/* "dir/seg-00000001.open" or ".zst" into out. */
DW_MUST_USE int dw__segment_path(char out[DW__PATH_MAX], const char *dir, uint64_t number, const char *suffix);

#endif
