/*
 * What tests of formats share: a table of lines with the fields they must give.
 */
#ifndef DOGWATCH_TESTS_PARSE_H
#define DOGWATCH_TESTS_PARSE_H

#include "support.h"

#include "dogwatch/parsers/parser.h"

enum { PARSE_WANT_MAX = 24 };

/* One line and what it must give: "field=value", "@time=2026-..." (a prefix of the line's own time), "!field" (absent).
 * Several values of a field stand one an entry. No wants at all: the line must be refused. */
struct parse_row {
    const char *line;
    const char *want[PARSE_WANT_MAX];
};

/* Parses each line as `format`, with times read as UTC near 2026-11-23, and fails with what differs. */
void check_rows(const char *format, const struct parse_row *row, size_t count);
/* Asserts that `line` probes as `format`. */
void check_probe(const char *line, const char *format);

#endif
