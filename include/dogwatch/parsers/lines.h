/*
 * lines: from the raw bytes of one file to whole, masked lines with their places in the file.
 *
 *     bytes -> raw line -> envelope off -> partials joined -> multi-line joined -> masked -> cut -> line()
 *
 * One `struct dw_lines` serves one stream (one incarnation of one file). Every byte it consumes belongs to
 * exactly one line or one declaration. The bounds of a line depend on bytes and settings alone, unless a flush
 * made them (flag BY_CLOCK). Thread: whoever owns it; no I/O, no clock.
 */
#ifndef DOGWATCH_PARSERS_LINES_H
#define DOGWATCH_PARSERS_LINES_H

#include "dogwatch/base/hash.h"
#include "dogwatch/event/event.h"
#include "dogwatch/parsers/multiline.h"
#include "dogwatch/parsers/redact.h"

/* What the container runtime puts around a line. AUTO: the first line decides. A first line that is neither docker
 * json nor CRI makes the file plain, but the first DW_LINES_AUTO raw lines may still change that. Once decided for
 * an envelope, a line of the other one is understood too (a runtime may have been exchanged under the file). */
enum dw_envelope { DW_ENV_PLAIN, DW_ENV_DOCKER, DW_ENV_CRI, DW_ENV_AUTO };

enum { DW_LINES_AUTO = 64 };

enum {
    DW_LINE_MAX = 256 * 1024,
    DW_JOIN_MAX = 1024 * 1024,
    DW_JOIN_SPAN_MAX = 4 * 1024 * 1024,
    DW_CUT_DECLARE = 16 * 1024 * 1024, /* a declaration of cut bytes covers at most this many */
    DW_LINE_PIECES_MAX = 4096,         /* pieces of one line; a join ends there */
};

enum dw_line_flag {
#define LINE_FLAG(id, bit, tag, doc) DW_LINE_##id = 1 << (bit),
#include "dogwatch/tbl/line_flags.h"
#undef LINE_FLAG
};

/* Settings. Zero means the default for every number. The struct is copied; what `redact` and `multiline.start`
 * point to must outlive the dw_lines. */
struct dw_lines_conf {
    enum dw_envelope envelope;
    uint32_t line_max;      /* bytes of text kept of one line */
    uint32_t join_max;      /* bytes of text of one joined line */
    uint32_t join_span_max; /* bytes of the file from the start of a join to its end */
    bool no_join;           /* pieces of docker and CRI lines are lines of their own */
    struct dw_multiline_conf multiline;
    const struct dw_redact *redact; /* NULL: nothing is masked */
    struct dw_hash_key cut_key;     /* keys the hash over cut bytes */
    bool resume_in_cut;             /* the first byte fed lies in the tail of a line whose head was shipped before */
};

/* [start, end) bytes of the file. */
struct dw_piece {
    uint64_t start, end;
};

/* A line, borrowed during the callback. `text` is without its newline (one \n removed, \r kept). Pieces ascend,
 * adjacent ones are merged; newline and envelope bytes belong to them. Masks ascend. */
struct dw_line {
    struct dw_str text;
    const struct dw_piece *piece;
    const struct dw_mask *mask;
    int64_t env_time_ns; /* when has_env_time: the runtime's time of the first raw line */
    uint32_t piece_count, mask_count;
    uint32_t flags; /* enum dw_line_flag */
    uint8_t out;    /* enum dw_out */
    bool has_env_time;
};

/* Bytes that no line holds. `hash` runs over all cut bytes of this line so far (keyed with cut_key). */
struct dw_declared {
    uint64_t start, end;
    const char *reason; /* static: "cut" */
    uint64_t hash;
    bool last; /* the line ends here */
};

/* Callbacks answer 0 to go on, > 0 to be taken at their word but stop feeding soon (at the next raw line), < 0 to fail:
 * then the dw_lines is broken, and reading starts again at the caller's own last good place with a new one. */
struct dw_lines_out {
    void *arg;
    int (*line)(void *arg, const struct dw_line *line);
    int (*declare)(void *arg, const struct dw_declared *declared);
};

struct dw_lines;

/* Gives a new one. DW_ENOMEM; DW_ERANGE for bounds that contradict each other; DW_ESYNTAX for a bad start pattern. */
DW_MUST_USE int dw_lines_new(const struct dw_lines_conf *conf, struct dw_lines **ret);
void dw_lines_free(struct dw_lines *l);

/* A feed of at least this many bytes always consumes some, so the caller's buffer should hold it. */
size_t dw_lines_window(const struct dw_lines *l);

/* Takes the file's bytes from `offset` on, which must follow what was consumed before (any place on the first call
 * or when nothing is pending, else DW_ERANGE). Consumes whole raw lines and says how many bytes in *ret_consumed (also on failure);
 * the caller offers the rest again, with more behind it. A raw line longer than dw_lines_window() is taken in
 * parts: its head as a line, flag CUT, the rest as declarations. DW_ENOMEM or what a callback answered. */
DW_MUST_USE int dw_lines_feed(
    struct dw_lines *l, struct dw_str bytes, uint64_t offset, const struct dw_lines_out *out, size_t *ret_consumed);

/* Why what is pending should go out now. */
enum dw_flush {
    DW_FLUSH_IDLE, /* nothing came for a while: joins end */
    DW_FLUSH_END,  /* nothing will come: also `tail`, the unconsumed bytes without newline, becomes a line */
};

/* Emits all that is pending. `tail` (END only) are the bytes from the next offset to the end of the file. */
DW_MUST_USE int dw_lines_flush(struct dw_lines *l, enum dw_flush why, struct dw_str tail, const struct dw_lines_out *out);

/* The smallest offset that is in no emitted line or declaration yet: the start of the oldest pending piece, else the
 * next offset. */
uint64_t dw_lines_low(const struct dw_lines *l);
/* The next offset to be fed. */
uint64_t dw_lines_next(const struct dw_lines *l);
/* Whether lines wait for their continuation. */
bool dw_lines_pending(const struct dw_lines *l);
/* Whether the next byte lies in the tail of a cut line: then a checkpoint needs resume_in_cut. */
bool dw_lines_in_cut(const struct dw_lines *l);
/* What AUTO found: DOCKER, CRI, PLAIN, or AUTO before the first line. */
enum dw_envelope dw_lines_envelope(const struct dw_lines *l);

/* Adds the tags of a line's flags to a draft. */
void dw_line_tags(const struct dw_line *line, struct dw_draft *d);
/* Adds one dogwatch.masked value ("rule:start:length") a mask to a draft. */
void dw_line_masks(const struct dw_line *line, struct dw_draft *d);

/* Name to envelope: "plain", "docker", "cri", "auto". DW_EUNKNOWN. */
DW_MUST_USE int dw_envelope_find(struct dw_str name, enum dw_envelope *ret);

#endif
