/*
 * Segments, open and sealed, as rows of frames. Used inside core/store.
 */
#ifndef DOGWATCH_STORE_SEGMENT_INT_H
#define DOGWATCH_STORE_SEGMENT_INT_H

#include "manifest_int.h"

enum {
    DW__MAGIC_INTAKE = 0x184D2A57,
    DW__MAGIC_SEGMENT = 0x184D2A58,
    DW__MAGIC_BLOCK_VIEWS = 0x184D2A59,
    DW__MAGIC_TABLE = 0x184D2A5A,
    DW__MAGIC_SEEK = 0x184D2A5E,
    DW__INTAKE_BYTES = 56, /* without marks */
    DW__CHECK_BYTES = 4,
    DW__SKIPPABLE = 8,
    DW__BLOCK_TEXT = 4 * 1024 * 1024,   /* a block is full at this much text */
    DW__BLOCK_VIEWS = 16 * 1024 * 1024, /* or this much of views */
    DW__MARKS_MAX = 6 * DW_FRAME_EVENTS_MAX,
    DW__TABLE_MAX = 512 * 1024 * 1024,
};
#define DW__SEEK_NUMBER UINT32_C(0x8F92EAB1) /* the last four bytes of a file in zstd's seekable format */

/* One frame of a segment. In an open segment `offset` is its place in the file; in a sealed one text_at and views_at are its place in
 * its block, uncompressed. */
struct dw__row {
    struct dw_head head;
    struct dw_intake intake;
    uint64_t offset, len;
    uint32_t block, chain;
    uint32_t text_at, views_at;
    struct dw_str marks; /* coded as in INTAKE; in the arena of the rows */
    bool has_previous, has_hash;
    bool damaged; /* open segments: the bytes are there and are no whole valid frame; `head` is what could be read of it */
};

struct dw__block {
    uint64_t offset;
    uint32_t text_packed, text_size, views_packed, views_size, frames;
};

struct dw__rows {
    struct dw_arena arena;
    struct dw__row *row;
    uint32_t count, cap;
    uint32_t damaged_count;
    uint64_t damaged_bytes;
    struct dw__block *block;
    uint32_t block_count, block_cap;
};

void dw__rows_init(struct dw__rows *t);
void dw__rows_fini(struct dw__rows *t);
/* Appends a copy of a row (its marks are copied to the arena). */
DW_MUST_USE int dw__rows_add(struct dw__rows *t, const struct dw__row *row);
DW_MUST_USE int dw__rows_add_block(struct dw__rows *t, const struct dw__block *block);

/* ---- open segment (seg_open.c) ---- */

/* Codes marks: only events that have one. */
void dw__marks_write(const uint8_t *mark, uint32_t count, struct dw_buf *out);
/* Expands to one byte an event; DW_ECORRUPT when they do not fit. */
DW_MUST_USE int dw__marks_read(struct dw_str marks, uint32_t count, uint8_t *out);
/* Appends INTAKE and the frame's bytes to `out`. */
void dw__open_write(const struct dw_intake *in, struct dw_str marks, struct dw_str frame, struct dw_buf *out);
/* Reads one INTAKE + frame at the start of `bytes`. *ret_len: both together. DW_ESYNTAX: no valid INTAKE begins here. DW_EAGAIN: it is
 * cut off; *ret_row has the INTAKE when that one is whole (row.len is 0 when it is not). A row whose frame does not begin with a HEAD of
 * that length is `damaged`. */
DW_MUST_USE int dw__open_read(struct dw_str bytes, struct dw__row *ret_row, size_t *ret_len);
/* Lists the frames of an open segment's file in order from `offset` on, adding to `rows`, and moves `offset` to the end of the last
 * one. What stands between whole records is a damaged row; what stands after the last is left alone. With a decoder, frames are
 * decoded and checked, and what does not hold is damaged too. */
struct dw__scan {
    const struct dw_fs *fs;
    int fd;
    struct dw_decoder *check; /* may be NULL */
    struct dw__rows *rows;
    uint64_t offset;
    uint64_t due; /* number of the next frame; the caller sets the first */
};
DW_MUST_USE int dw__open_scan(struct dw__scan *s);

/* ---- what a start may find (recover.c) ---- */

enum { DW__DOUBT_MAX = DW__PATH_MAX + 512 };
/* Whether the files beside a manifest can be those that it speaks of. DW_ECORRUPT and a sentence: one that it names is missing, or one
 * that it cannot know of is there. A crash leaves no doubt. */
DW_MUST_USE int dw__manifest_doubt(const char *dir, const struct dw__manifest *m, char why[DW__DOUBT_MAX]);
/* Copies bytes [from, to) of the open segment `number` to a new file of rejected/, synced. */
DW_MUST_USE int dw__set_aside(const struct dw_fs *fs, const char *dir, int fd, uint64_t number, uint64_t from, uint64_t to);
/* Whether the sealed file at `path` holds no frame newer than intake number `last`. */
DW_MUST_USE int dw__is_leftover(const struct dw_fs *fs, const char *path, struct dw_keys *keys, uint64_t last);

/* ---- sealed segment (seg_table.c, seg_seal.c) ---- */

/* TABLE's uncompressed bytes. */
DW_MUST_USE int dw__table_write(const struct dw__rows *t, struct dw_buf *out);
DW_MUST_USE int dw__table_read(struct dw_str bytes, struct dw__rows *t);
/* Writes the frames of an open segment's file to `path` as a sealed one and fills *ret_info. */
struct dw__seal {
    const struct dw_fs *fs;
    int open_fd;
    const char *path; /* of the sealed file; written beside it and renamed */
    uint64_t number;
    struct dw_decoder *decoder;
};
DW_MUST_USE int dw__seal_run(const struct dw__seal *s, struct dw__rows *rows, struct dw_segment_info *ret_info);
/* A segment in which something is damaged is not rewritten: fills *ret_info for the open file as it stands. `path` is its own. */
DW_MUST_USE int dw__keep_run(const struct dw__seal *s, const struct dw__rows *rows, struct dw_segment_info *ret_info);
/* Size and SHA-256 of a file. */
DW_MUST_USE int dw__hash_file(const struct dw_fs *fs, int fd, uint8_t ret[DW_SHA256_BYTES], uint64_t *ret_len);

/* ---- states (seg_state.c) ---- */

/* A state's content. DW_ECORRUPT: its file is not what the manifest says of `s`. */
DW_MUST_USE int dw__state_read(const struct dw_fs *fs, const char *path, const struct dw_segment_info *s, struct dw_buf *ret);
/* Writes a state's file and fills size and hash of *ret. DW_ELIMIT: it is too large to be read again. */
DW_MUST_USE int dw__state_write(const struct dw_fs *fs, const char *path, struct dw_str state, struct dw_segment_info *ret);
/* Heads of chains and keys of a state, into empty ones. DW_EVERSION, DW_ECORRUPT, DW_ENOMEM. */
DW_MUST_USE int dw__state_vouch(struct dw_str state, struct dw_chains *chains, struct dw_keyring *keys);

/* Greatest intake number of the segment that the reader has loaded; 0 when there is none. */
uint64_t dw__reader_newest(const struct dw_archive_reader *r);
/* How many bytes stand behind the last frame of the open segment that the reader is in, and where. */
uint64_t dw__reader_left(const struct dw_archive_reader *r, uint64_t *ret_at);

#endif
