/*
 * Repairs of rule files: what `dogwatch rules check --fix` writes in the place of what is wrong.
 *
 * Whoever finds something that is mended in one certain way (tbl/lint.h: repair) offers the edits: bytes of the file's text, by the places that libyaml gave,
 * so all else stays byte for byte. Whether they are made is not decided here: the caller compiles the new text and compares. Thread: whoever loads the rules.
 */
#ifndef DOGWATCH_CORRELATE_MEND_H
#define DOGWATCH_CORRELATE_MEND_H

#include "dogwatch/correlate/ruleset.h"

/* Bytes [from, to) of a text become `with`. */
struct dw_edit {
    size_t from, to;
    struct dw_str with;
};

/* What mends one finding: all of its edits, which stand in order, or none. */
struct dw_mend {
    const struct dw_lint_row *row;
    struct dw_str path; /* of the file */
    struct dw_span at;
    struct dw_str said; /* what is there then */
    struct dw_edit *edit;
    uint32_t edit_count;
    bool beside; /* it overlaps an earlier one: for another run */
    bool moot;   /* and is done with it: the same again, or of bytes that go */
    bool used, refused; /* the caller's */
};

/* Repairs as rules load. Bound: DW_MENDS_MAX; what is over it is counted, and found again by another run. */
enum { DW_MENDS_MAX = 200000 };
struct dw_mends {
    int (*chance)(uint8_t *out, size_t len); /* new ids are made of it */
    struct dw_arena arena;                   /* all texts */
    struct dw_mend *item;
    uint32_t count, cap, over;
    int err; /* DW_OK, or the first failure: then they are not complete */
};

void dw_mends_init(struct dw_mends *m, int (*chance)(uint8_t *out, size_t len));
void dw_mends_fini(struct dw_mends *m);
/* Puts them into the order of paths and places, and finds those that overlap an earlier one. */
void dw_mends_sort(struct dw_mends *m);
/* Appends the edits of those in [first, last) that are used as an array of struct dw_edit, in order: all of one file. */
void dw_mends_edits(const struct dw_mends *m, uint32_t first, uint32_t last, struct dw_buf *out);

/* Appends `text` with edits, which are in order and do not overlap. */
void dw_edits_apply(const struct dw_edit *edit, size_t count, struct dw_str text, struct dw_buf *out);
/* The number that line `line` has after them. */
uint32_t dw_edits_line(const struct dw_edit *edit, size_t count, struct dw_str text, uint32_t line);
/* Appends what they do as a unified diff, with three lines around it. */
void dw_edits_diff(const struct dw_edit *edit, size_t count, struct dw_str path, struct dw_str text, struct dw_buf *out);

#endif
