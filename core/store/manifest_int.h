/*
 * The manifest: the only list of segments, as chained lines. Used inside core/store.
 */
#ifndef DOGWATCH_STORE_MANIFEST_INT_H
#define DOGWATCH_STORE_MANIFEST_INT_H

#include "dogwatch/store/archive.h"

enum { DW__MANIFEST_MAX_BYTES = 256 * 1024 * 1024, DW__PATH_MAX = 4096 };

enum dw__entry_type {
    DW__ENTRY_OPEN,
    DW__ENTRY_SEAL,
    DW__ENTRY_STATE,   /* what all frames up to the end of a sealed segment come to stands in a file */
    DW__ENTRY_EXPIRE,  /* segments are let go */
    DW__ENTRY_HOLD,    /* segments with events of a time are kept until RELEASE of that name */
    DW__ENTRY_RELEASE,
    DW__ENTRY_EXPORT,  /* segments were copied for somebody */
    DW__ENTRY_OMIT,    /* in a copy: segments are not in it */
    DW__ENTRY_OTHER
};

struct dw__entry_info {
    uint64_t n;
    int64_t time_ns;
    enum dw__entry_type type;
    struct dw_segment_info segment; /* SEAL: all of it; STATE: number, file, bytes and hash; else the number of the first */
    uint64_t open;                  /* SEAL: the segment that begins */
    uint64_t upto;                  /* EXPIRE, EXPORT, OMIT: the last segment */
    int64_t from_ns, to_ns;         /* HOLD: of which events */
    char name[DW_HOLD_NAME_CAP];    /* HOLD, RELEASE */
    struct dw_asked asked;          /* EXPIRE, HOLD, RELEASE, EXPORT */
};

struct dw__manifest {
    struct dw_segment_info *sealed; /* in order of their numbers, what was let go too */
    uint64_t sealed_count, sealed_cap;
    struct dw_hold *hold; /* in force */
    uint32_t hold_count, hold_cap;
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
/* Appends an entry (n, time and prev are filled), syncs, and takes it into *m. */
DW_MUST_USE int dw__manifest_append(const struct dw_fs *fs, const char *dir, struct dw__manifest *m,
    struct dw__entry_info *entry, int64_t now_ns);
/* The sealed segment of that number; NULL: there is none. */
struct dw_segment_info *dw__manifest_find(const struct dw__manifest *m, uint64_t segment);
/* Whether somebody holds sealed[i]: it has events of a hold's time, or stands behind one that has, whose last frames its signatures cover. */
bool dw__manifest_held(const struct dw__manifest *m, uint64_t i);
/* Whether the file of the state at the end of sealed[i] is kept: that of a segment that is here, or of the last one of those that were let go. */
bool dw__manifest_keeps_state(const struct dw__manifest *m, uint64_t i);

/* Its word in the manifest; "" for OTHER. Whether it is about segments `number` to `upto`. */
const char *dw__entry_word(enum dw__entry_type type);
bool dw__entry_ranges(enum dw__entry_type type);
/* A line without its newline (manifest_entry.c). False: it is no entry. */
DW_MUST_USE bool dw__entry_parse(struct dw_str line, struct dw__entry_info *e, uint8_t prev[DW_SHA256_BYTES]);
void dw__entry_print(const struct dw__entry_info *e, const uint8_t prev[DW_SHA256_BYTES], struct dw_buf *out);

/* "dir/seg-00000001.open" or ".zst" into out. */
DW_MUST_USE int dw__segment_path(char out[DW__PATH_MAX], const char *dir, uint64_t number, const char *suffix);
/* "dir/state-00000001.zst" into out: the state at the end of that segment. */
DW_MUST_USE int dw__state_path(char out[DW__PATH_MAX], const char *dir, uint64_t number);

#endif
