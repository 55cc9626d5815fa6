/*
 * From the bytes of a log file to whole, masked lines with the extents they came from.
 *
 *     bytes -> raw line -> envelope off -> partials joined -> lines joined -> masked -> cut -> dw_line
 *
 * Every byte consumed belongs to exactly one line or one declaration. The bounds of a line depend only on bytes and
 * settings, so bytes read again give the same lines; a flush (idle, end of a file) is the caller's to remember.
 * Thread: whoever owns the object.
 */
#ifndef DOGWATCH_PARSERS_LINES_H
#define DOGWATCH_PARSERS_LINES_H

#include "dogwatch/event/event.h"
#include "dogwatch/parsers/multiline.h"
#include "dogwatch/parsers/redact_own.h"

/* What the container runtime puts around a line. AUTO: the first line decides; a first line that is neither docker json
 * nor CRI makes the file plain, which the first DW_LINES_AUTO raw lines may still change. Once AUTO decided for an
 * envelope, lines of the other one are understood too: a runtime may have been exchanged under the file.
 * RECEIVED: the agent's own files of what it received (received.h); AUTO never takes a file for one. */
enum dw_envelope { DW_ENV_PLAIN, DW_ENV_DOCKER, DW_ENV_CRI, DW_ENV_AUTO, DW_ENV_RECEIVED };

enum { DW_LINES_AUTO = 64 };

struct dw_lines_conf {
    enum dw_envelope envelope;
    enum dw_multiline multiline;
    struct dw_str multiline_start; /* the pattern of DW_MULTILINE_START; borrowed by dw_lines_new only */
    bool audit;                    /* kind NONE: join records of the audit daemon all the same, as kind AUDITD does */
    bool no_join;                  /* partials of docker and CRI are lines of their own */
    uint32_t line_max;      /* bytes; longer lines keep their head, the rest is declared */
    uint32_t join_span_max; /* bytes of file from the start of a join until it is given up */
    uint32_t redact;        /* set of enum dw_redact_rule bits */
    struct dw_redact_own *own; /* the user's own rules and what is hashed, or NULL; kept, of the same thread */
    struct dw_hash_key cut_key; /* keys the hash of what is cut */
};

/* A piece [start, end) of the file. */
struct dw_piece {
    uint64_t start, end;
    const struct dw_stream *stream; /* NULL: the file being read; else the one before it, see dw_lines_carry */
};

enum { /* what was noticed about a line */
    DW_LINE_CUT = 1,          /* longer than line_max: the rest is declared */
    DW_LINE_UNTERMINATED = 2, /* its newline never came */
    DW_LINE_JOINED = 4,       /* of several partials or lines */
    DW_LINE_JOIN_LIMIT = 8,   /* the join was given up at a bound */
    DW_LINE_ENVELOPE_BAD = 16, /* the envelope does not parse; the raw line is the text */
    DW_LINE_MASKS_DROPPED = 32, /* more masks than are listed; all are masked */
    DW_LINE_REDACT_LIMIT = 128, /* an own rule hit a limit: the line is masked from the place where its search began */
    DW_LINE_ENVELOPE_TORN = 64, /* with ENVELOPE_BAD: it is a part of a record, so bytes beside it are missing */
};

enum { DW_LINE_MASKS_MAX = 16, DW_LINE_PIECES_MAX = 4096, DW_LINES_LOOKAHEAD = 4096 };

/* One line. Everything is valid during the callback only. */
struct dw_line {
    struct dw_str text; /* without newline, masks applied */
    const struct dw_piece *piece; /* ascending, adjacent ones merged */
    uint32_t piece_count;
    uint32_t flags;
    int64_t env_time_ns;
    bool has_env_time;
    uint8_t out; /* enum dw_out */
    struct dw_str peer; /* who sent it (received.h); empty: nobody did */
    const struct dw_mask *mask;
    uint32_t mask_count;
};

/* Bytes that were read and are kept nowhere. */
struct dw_declared {
    uint64_t start, end;
    const char *reason; /* static */
    uint64_t hash;      /* keyed, over all that was cut of this line so far */
};

/* Where lines go. A negative answer stops feeding and is passed on. */
struct dw_lines_out {
    void *arg;
    int (*line)(void *arg, const struct dw_line *l);
    int (*declare)(void *arg, const struct dw_declared *d);
};

struct dw_lines;
/* Gives an object for one stream, reading from offset `start`; NULL without memory or for a bad start pattern (which
 * dw_line_start_new explains). */
struct dw_lines *dw_lines_new(const struct dw_lines_conf *conf, uint64_t start);
void dw_lines_free(struct dw_lines *l);

/* All that a stream needs to go on where nothing of it waits. */
struct dw_lines_place {
    uint64_t offset;
    enum dw_envelope envelope; /* in use */
    uint32_t auto_left;        /* raw lines that may still change it */
};
struct dw_lines_place dw_lines_begin(enum dw_envelope envelope, uint64_t start);
/* Whether `l` may be freed now and be made again by dw_lines_again as if nothing had been. */
bool dw_lines_rests(const struct dw_lines *l, struct dw_lines_place *ret);
/* As dw_lines_new, at a place. */
struct dw_lines *dw_lines_again(const struct dw_lines_conf *conf, const struct dw_lines_place *place);

/* Takes the bytes at the offset dw_lines_offset(). Consumes all whole raw lines; of a line that is longer than
 * line_max it consumes what is there, once it sees line_max + DW_LINES_LOOKAHEAD bytes (so give at least as many). What is not consumed must be given again, with more. Once the callback answers with an
 * error that line is not consumed. */
DW_MUST_USE int dw_lines_feed(struct dw_lines *l, struct dw_str bytes, const struct dw_lines_out *out,
    size_t *ret_consumed);
/* Gives out what waits for more: pending joins, and `rest` (the unconsumed bytes at the offset) as a line without newline. */
DW_MUST_USE int dw_lines_flush(struct dw_lines *l, struct dw_str rest, const struct dw_lines_out *out);
/* A file ended in the middle of a line that goes on in its successor: moves what waits in `from` to `to`, which must have read
 * nothing yet. Its pieces are named by `stream` (kept until the line is given out). True when something moved. */
bool dw_lines_carry(struct dw_lines *from, struct dw_lines *to, const struct dw_stream *stream);
/* The first byte of `stream` (NULL: of any) that still waits here since it was moved; UINT64_MAX: none does. */
uint64_t dw_lines_carried(const struct dw_lines *l, const struct dw_stream *stream);
/* Offset of the next byte to be fed. */
uint64_t dw_lines_offset(const struct dw_lines *l);
/* An offset of this file before which every byte is in a line or a declaration, and from which on the same lines come again: the least byte that waits, or where
 * the first began of what overlaps with it; while something of the file before waits, where it was moved to: whoever reads both again has to join the same. */
uint64_t dw_lines_low(const struct dw_lines *l);
/* The time of the oldest event of the audit daemon that waits for more records; INT64_MAX: none does. */
int64_t dw_lines_open_ns(const struct dw_lines *l);
/* Whether a join waits for more. */
bool dw_lines_pending(const struct dw_lines *l);

#endif
