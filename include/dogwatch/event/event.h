/*
 * An event: the original line, and a flat list of fields that are mostly views into it.
 *
 * Nested JSON is flattened to dotted names; a repeated key is a list. What a parser finds is put into a
 * draft; a batch (frame/) collects drafts; after that an event is read-only and any thread may match it.
 */
#ifndef DOGWATCH_EVENT_EVENT_H
#define DOGWATCH_EVENT_EVENT_H

#include "dogwatch/base/arena.h"
#include "dogwatch/event/keys.h"

enum dw_kind {
    DW_K_VIEW,    /* text: a piece of the line */
    DW_K_NUMBER,  /* a piece of the line that is a JSON number */
    DW_K_LITERAL, /* text that is not in the line as such; in the batch's pool */
    DW_K_CONST,   /* text that is the same for every event of its shape; static, or in the frame's pool */
    DW_K_INT,
    DW_K_FLOAT,
    DW_K_BOOL,
};

enum {
    DW_EVENT_FIELDS_MAX = 512,        /* fields per event */
    DW_EVENT_DEPTH_MAX = 32,          /* nested JSON levels */
    DW_EVENT_VALUE_MAX = 64 * 1024,   /* bytes per literal; views are bounded by the line */
    DW_EVENT_ARRAYS_MAX = 4,          /* array levels whose element numbers are kept */
    DW_EVENT_ELEMENTS_MAX = 254,      /* elements per array */
};

/* One value. `elem` holds, for each array level from the outside in, the element's number + 1 in one byte
 * (lowest byte: outermost level; 0: not in an array), so two elements of an array never lend each other values. */
struct dw_field {
    union {
        const char *ptr; /* VIEW, NUMBER, LITERAL, CONST */
        int64_t i;       /* INT; BOOL: 0 or 1 */
        double f;        /* FLOAT */
    } v;
    union {
        struct {
            uint32_t key; /* id from dw_keys */
            uint32_t elem;
        };
        uint64_t tag; /* both at once, for who compares them for every field of every event */
    };
    uint32_t len; /* bytes at ptr */
    uint8_t kind; /* enum dw_kind */
};

static inline uint64_t dw_field_tag(uint32_t key, uint32_t elem)
{
    return (struct dw_field){.key = key, .elem = elem}.tag;
}

static inline bool dw_field_is_text(const struct dw_field *f)
{
    return f->kind <= DW_K_CONST;
}

/* The text of a text field (not of INT, FLOAT, BOOL). */
static inline struct dw_str dw_field_str(const struct dw_field *f)
{
    return dw_str_make(f->v.ptr, f->len);
}

enum { DW_ID_BYTES = 16 };

/* A piece [start, end) of a stream, in bytes of the file. */
struct dw_extent {
    const struct dw_stream *stream;
    uint64_t start, end;
};

/* One incarnation of one file, from creation or truncation to its end. Set once, then read-only. */
struct dw_stream {
    uint8_t id[DW_ID_BYTES];     /* SHA-256(agent id, series, device, inode, birth time, generation), cut */
    uint8_t series[DW_ID_BYTES]; /* the log as its writer sees it: a container's log, or host + path */
    uint64_t ordinal;            /* the how-manyeth stream of the series, from 0 */
    uint64_t device, inode, generation;
    int64_t birth_ns;
    uint8_t predecessor[DW_ID_BYTES]; /* all zero: the first of its series */
    int64_t predecessor_size;         /* its final size in bytes; -1: unknown */
    /* host.name, container.*, orchestrator.*, log.file.path, ...: text fields of kind CONST */
    const struct dw_field *field;
    uint32_t field_count;
};

enum dw_out { DW_OUT_NONE, DW_OUT_STDOUT, DW_OUT_STDERR };

/* One log line. Memory: `line` and every view belong to the batch or decoded frame, literals to its pool.
 * Nothing in an event is freed alone. */
struct dw_event {
    struct dw_str line; /* as the program wrote it, without newline, masks applied */
    const struct dw_field *field; /* beside `line`: who walks the fields of many events needs both, from one cache line */
    uint32_t field_count;
    uint32_t more_count;
    const struct dw_extent *more; /* further extents, usually none */
    uint64_t start, end; /* first extent, in bytes of the stream */
    const struct dw_stream *stream;
    int64_t time_ns;    /* event time, since 1970 UTC */
    int64_t read_at_ns; /* when the agent read it */
    uint8_t out; /* enum dw_out */
};

/* First value of a key in the event, else in its stream; NULL when absent. */
const struct dw_field *dw_event_find(const struct dw_event *ev, uint32_t key);

/* The event's id as text: 32 hex digits, '-', decimal start, NUL. */
enum { DW_EVENT_ID_TEXT = 32 + 1 + 20 + 1 };
void dw_event_id_text(const struct dw_event *ev, char out[DW_EVENT_ID_TEXT]);

/* What a parser fills for one line. The caller owns all memory; `line` and `pool` outlive the draft's use. */
struct dw_draft {
    struct dw_str line;
    struct dw_keys *keys;
    struct dw_arena *pool; /* literals are copied here */
    struct dw_field *field; /* room for DW_EVENT_FIELDS_MAX */
    uint32_t field_count;
    uint32_t dropped;  /* fields over a bound; also counted in parse_fields_dropped or parse_keys_dropped */
    size_t literal_bytes; /* of the LITERAL fields, and of */
    size_t name_bytes;    /* the names outside tbl/fields.h; those of replaced fields count too */
    int64_t time_ns;   /* the line's own time, when has_time */
    bool has_time;
};

/* Empties a draft for another line. */
void dw_draft_reset(struct dw_draft *d, struct dw_str line);
/* Each adds one value under a key. Over a bound the field is dropped and counted, never the line; once the
 * list is full, names of tbl/fields.h still replace the last name that is not in it. Empty text is kept as it is.
 * _view: `s` must lie within d->line (asserted). _number: the same, and its text must be a JSON number.
 * _literal: copied. _const: must be static. */
static inline void dw_draft_view(struct dw_draft *d, uint32_t key, struct dw_str s);
static inline void dw_draft_number(struct dw_draft *d, uint32_t key, struct dw_str s);
void dw_draft_literal(struct dw_draft *d, uint32_t key, struct dw_str s);
static inline void dw_draft_const(struct dw_draft *d, uint32_t key, const char *text);
void dw_draft_int(struct dw_draft *d, uint32_t key, int64_t v);
void dw_draft_float(struct dw_draft *d, uint32_t key, double v);
void dw_draft_bool(struct dw_draft *d, uint32_t key, bool v);
/* Adds a prepared field, whatever its kind. */
void dw_draft_field(struct dw_draft *d, struct dw_field f);
/* The line's own time. */
void dw_draft_time(struct dw_draft *d, int64_t time_ns);

/* A text of any text kind, whose bytes live as that kind demands. Written member by member: a copied struct costs more than the parsing of most fields, because the
 * processor cannot read back as one what was stored as several. */
__attribute__((always_inline)) static inline void dw_draft_text(struct dw_draft *d, uint32_t key, struct dw_str s, enum dw_kind kind)
{
    if (d->field_count == DW_EVENT_FIELDS_MAX) {
        dw_draft_field(d, (struct dw_field){.v.ptr = s.ptr, .len = (uint32_t)s.len, .key = key, .kind = (uint8_t)kind});
        return;
    }
    struct dw_field *f = &d->field[d->field_count++];
    f->v.ptr = s.ptr;
    f->tag = dw_field_tag(key, 0);
    f->len = (uint32_t)s.len;
    f->kind = (uint8_t)kind;
}

/* Whether a text is a piece of the line; an empty one is none. */
static inline bool dw_draft_holds(const struct dw_draft *d, struct dw_str s)
{
    uintptr_t at = (uintptr_t)s.ptr, line = (uintptr_t)d->line.ptr;
    return s.len && at >= line && at + s.len <= line + d->line.len;
}

static inline void dw__draft_piece(struct dw_draft *d, uint32_t key, struct dw_str s, enum dw_kind kind)
{
    DW_ASSERT(s.len == 0 || dw_draft_holds(d, s));
    dw_draft_text(d, key, s.len ? s : dw_str_make(d->line.ptr, 0), kind);
}

static inline void dw_draft_view(struct dw_draft *d, uint32_t key, struct dw_str s)
{
    dw__draft_piece(d, key, s, DW_K_VIEW);
}

static inline void dw_draft_number(struct dw_draft *d, uint32_t key, struct dw_str s)
{
    dw__draft_piece(d, key, s, DW_K_NUMBER);
}

static inline void dw_draft_const(struct dw_draft *d, uint32_t key, const char *text)
{
    dw_draft_text(d, key, dw_str_of(text), DW_K_CONST);
}

#endif
