/* sim_oracle_int: what the oracle keeps, for sim_oracle.c and sim_judge.c. */
#ifndef DOGWATCH_TESTS_SIM_ORACLE_INT_H
#define DOGWATCH_TESTS_SIM_ORACLE_INT_H

#include "sim.h"

enum { PIECES_MAX = 64 };

/* A file had this text at some time: its own, or that of what was copied or packed. */
struct bind {
    struct bind *next;
    uint64_t inode;
    int64_t birth_ns;
    struct sim_text *text;
};

/* What a stream brought. */
struct extent {
    uint64_t start, end;
    uint64_t event; /* where its event begins; SIM_ALL: a declaration */
    uint64_t hash;  /* of the bytes; 0: not known */
};

struct stream {
    uint8_t id[DW_ID_BYTES];
    uint16_t number;
    bool known;
    uint64_t inode;
    int64_t birth_ns;
    struct sim_text *text;  /* NULL: several may be it */
    struct sim_text *likely; /* then: what the file had when the stream was heard of */
    struct extent *extent;  /* ... and what is not entered yet */
    uint32_t extent_count, extent_cap;
    uint64_t read; /* an end record says that everything before is accounted for */
    uint32_t ends;
};

/* Pieces of one event in one stream. */
struct piece {
    const struct dw_extent *at;
    uint32_t count;
    bool whole, first, last; /* all of the event; its beginning; its end */
};

struct epoch {
    uint64_t counter, cap, *hash; /* of each frame by its number; 0: not seen */
    uint8_t nonce[DW_NONCE_BYTES];
};

struct oracle {
    struct sim_text *texts;
    uint32_t text_count;
    struct bind *binds;
    struct stream *stream;
    uint32_t stream_count, stream_cap;
    struct epoch *epoch;
    uint32_t epoch_count;
    size_t broker_at;
    struct dw_keys *keys;
    struct dw_decoder *decoder;
    uint64_t written, frames, events;
    uint64_t again, fresh; /* bytes of the event in hand: of another event; of none yet */
};
extern struct oracle oracle;

/* A stream is of this text: what it brought is entered. */
void sim_settle_stream(struct stream *s, struct sim_text *t);
void sim_settle_rest(void);

#endif
