/*
 * A small sealed segment for tests and fuzzing: always the same bytes.
 */
#ifndef DOGWATCH_TESTS_SEALED_H
#define DOGWATCH_TESTS_SEALED_H

#include "dogwatch/base/buf.h"

/* Appends the file of a sealed segment (six frames of two chains' worth of shapes, marks in one) made below `dir`;
 * *ret_table is where TABLE begins in it. `open`, when not NULL, gets the open segment as it was before. */
void sealed_make(const char *dir, struct dw_buf *file, size_t *ret_table, struct dw_buf *open);
/* Appends TABLE, uncompressed. */
void sealed_table(const struct dw_buf *file, size_t table, struct dw_buf *out);
/* Appends what makes a file of blocks a sealed one: `table` compressed, and a seek table of one entry. */
void sealed_close(struct dw_buf *file, struct dw_str table);

#endif
