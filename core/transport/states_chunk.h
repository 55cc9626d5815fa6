/*
 * A part as records of the topic of states (docs/formats/states.md), and the newest whole part out of such records.
 *
 * Nothing here speaks to a broker. Thread: whoever owns it.
 */
#ifndef DOGWATCH_TRANSPORT_STATES_CHUNK_H
#define DOGWATCH_TRANSPORT_STATES_CHUNK_H

#include "dogwatch/base/buf.h"
#include "dogwatch/frame/digest.h"
#include "dogwatch/transport/kafka.h"

struct ZSTD_DCtx_s;

enum {
    DW__CHUNK_BYTES = 512 * 1024,
    DW__CHUNK_PACKED_MAX = DW_KAFKA_PART_MAX + DW_KAFKA_PART_MAX / 256 + 1024, /* what cannot be compressed */
    DW__CHUNK_COUNT_MAX = (DW__CHUNK_PACKED_MAX + DW__CHUNK_BYTES - 1) / DW__CHUNK_BYTES,
    DW__CHUNK_SLOTS = 2,
    DW__CHUNK_MAKING = 4 /* parts of one source that are put together at a time */
};

/* One record. */
struct dw__chunk {
    uint64_t source, next;
    uint32_t slot, count, index;
    uint32_t size;                  /* of the part */
    uint32_t packed;                /* of all chunks together: one zstd frame */
    uint8_t hash[DW_SHA256_BYTES];  /* of source, next, size and that */
    struct dw_str bytes;            /* borrowed */
};

/* Packs a part of at most DW_KAFKA_PART_MAX bytes: *packed gets the zstd frame, *ret what all of its chunks share. DW_ENOMEM. */
DW_MUST_USE int dw__chunk_pack(uint64_t source, uint64_t next, struct dw_str part, struct dw_buf *packed, struct dw__chunk *ret);
/* Makes key and value of the chunk `index` of what `whole` and `packed` say. The buffers are reset; DW_ENOMEM. */
DW_MUST_USE int dw__chunk_put(const struct dw__chunk *whole, struct dw_str packed, uint32_t index, struct dw_buf *key, struct dw_buf *value);
/* Reads a record. DW_ECORRUPT; DW_EVERSION: a newer dogwatch wrote it. */
DW_MUST_USE int dw__chunk_take(struct dw_str key, struct dw_str value, struct dw__chunk *ret);

/* The newest whole part of one source among the records that were seen. Zeroed memory with `source` set is one that saw none. */
struct dw__newest {
    uint64_t source;
    bool any; /* next, slot and part are those of a whole part */
    uint64_t next;
    uint32_t slot;
    struct dw_buf part;
    struct dw__making {
        char *bytes; /* NULL: nothing is put together here */
        struct dw__chunk of;
        uint64_t have; /* a bit a chunk */
        uint64_t seen; /* when a chunk came last, counted in records */
    } making[DW__CHUNK_MAKING];
    uint64_t records;
    struct ZSTD_DCtx_s *zstd;
};

/* Adds a chunk of whatever source. DW_ECORRUPT: its part is not what was written; DW_ENOMEM. */
DW_MUST_USE int dw__newest_add(struct dw__newest *n, const struct dw__chunk *c);
/* Frees; afterwards it saw none, of source 0. */
void dw__newest_fini(struct dw__newest *n);

/* Where the newest part of one source begins of which all chunks stand in the topic, told by what they say of themselves: a look for it need not
 * begin before. Zeroed memory is one that saw none. */
struct dw__where {
    bool any; /* next and from are those of such a part */
    uint64_t next;
    int64_t from; /* the offset of the first of its chunks */
    struct dw__track {
        bool used;
        uint64_t next, have;
        int64_t first, last;
        uint8_t hash[DW_SHA256_BYTES];
    } track[DW__CHUNK_MAKING];
};
/* A chunk of its source stands at `offset`. */
void dw__where_note(struct dw__where *w, const struct dw__chunk *c, int64_t offset);
/* Whether a chunk was seen. */
bool dw__where_seen(const struct dw__where *w);

#endif
