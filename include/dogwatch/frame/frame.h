/*
 * The frame: lines and views of one agent as bytes, chained by hash (docs/formats/frame.md).
 *
 *     lines -> draft -> batch -> dw_encode_events -> frame bytes -> dw_decode -> events
 *
 * One record encoding for wire, spool and archive. Thread: each object belongs to one thread at a time.
 */
#ifndef DOGWATCH_FRAME_FRAME_H
#define DOGWATCH_FRAME_FRAME_H

#include "dogwatch/event/event.h"
#include "dogwatch/frame/digest.h"
#include "dogwatch/frame/sign.h"

enum {
    DW_FRAME_TEXT_TARGET = 256 * 1024, /* a batch is full at this much text */
    DW_FRAME_EVENTS_MAX = 16384,
    DW_FRAME_TEXT_MAX = 1024 * 1024,
    DW_FRAME_VIEWS_MAX = 4 * 1024 * 1024,
    DW_FRAME_FIELDS_MAX = 262144,
    DW_FRAME_KEYS_MAX = 8192,
    DW_FRAME_SHAPES_MAX = 4096,
    DW_FRAME_STREAMS_MAX = 1024,
    DW_FRAME_BYTES_MAX = 900000,       /* what a writer makes */
    DW_FRAME_READ_MAX = 4 * 1024 * 1024, /* what a reader takes */
    DW_FRAME_LINE_MAX = 256 * 1024,
    DW_HEAD_BYTES = 232,
    DW_NONCE_BYTES = 16,
    DW_SLICE_BYTES = 16384,
};

enum { DW_MAGIC_HEAD = 0x184D2A54, DW_MAGIC_VIEWS = 0x184D2A55, DW_MAGIC_RECORD = 0x184D2A56 };

enum dw_frame_kind { DW_FRAME_EVENTS = 1, DW_FRAME_RECORD = 2 };
enum { DW_HEAD_SIGNED = 1, DW_HEAD_TOMBSTONE = 2 };

/* One start of an agent. */
struct dw_epoch {
    uint64_t counter;
    uint8_t nonce[DW_NONCE_BYTES];
};

struct dw_head {
    uint8_t kind; /* enum dw_frame_kind */
    uint16_t flags;
    uint8_t agent[DW_AGENT_ID_BYTES];
    struct dw_epoch epoch;
    uint64_t number;
    int64_t low_water_ns, time_min_ns, time_max_ns;
    uint32_t event_count, text_size, views_size;
    uint8_t previous[DW_SHA256_BYTES], root_text[DW_SHA256_BYTES], root_views[DW_SHA256_BYTES], hash[DW_SHA256_BYTES];
    uint32_t text_packed, views_packed;
    uint8_t signature[DW_SIGNATURE_BYTES];
};

/* A frame's bytes on the heap, with its HEAD taken apart. */
struct dw_frame {
    struct dw_head head;
    struct dw_buf bytes;
};
/* Frees; NULL is fine. */
void dw_frame_free(struct dw_frame *f);

/* The place of the next frame in an agent's chain. Moved only by the encoder, once a frame exists. */
struct dw_chain {
    uint8_t agent[DW_AGENT_ID_BYTES];
    struct dw_epoch epoch;
    uint64_t next_number;
    uint8_t previous[DW_SHA256_BYTES];
};

/* ---- batch: events on their way into a frame ---- */

struct dw_batch;
/* Gives a batch. Keeps `keys` for its life. NULL without memory. All memory is taken here and reused. */
struct dw_batch *dw_batch_new(struct dw_keys *keys);
void dw_batch_free(struct dw_batch *b);
void dw_batch_reset(struct dw_batch *b);
uint32_t dw_batch_count(const struct dw_batch *b);
/* Whether another event of that stream with a line of that length fits. An empty batch takes any line up to
 * DW_FRAME_LINE_MAX. */
bool dw_batch_fits(const struct dw_batch *b, const struct dw_stream *stream, size_t line_len);
/* Copies a line in and gives the draft for its fields, valid until dw_batch_commit or the next call.
 * Asserts dw_batch_fits. */
struct dw_draft *dw_batch_draft(struct dw_batch *b, struct dw_str line);
/* Makes the draft an event. `ev` names time, read_at, stream (kept until reset), start, end, out and further
 * extents (copied); its line and fields are the draft's. */
void dw_batch_commit(struct dw_batch *b, const struct dw_event *ev);
/* The i-th event; valid until reset. */
const struct dw_event *dw_batch_event(const struct dw_batch *b, uint32_t i);

/* ---- encoder ---- */

struct dw_encoder;
/* Gives an encoder with zstd contexts at that level; NULL without memory. */
struct dw_encoder *dw_encoder_new(int zstd_level);
void dw_encoder_free(struct dw_encoder *e);
/* What goes into HEAD beside the events. `key` NULL: not signed. */
struct dw_encode {
    struct dw_chain *chain;
    int64_t low_water_ns;
    const struct dw_key *key;
};
/* Gives a frame of the batch's events (at least one) and moves the chain. The batch is not changed. */
DW_MUST_USE int dw_encode_events(struct dw_encoder *e, const struct dw_batch *b, const struct dw_encode *with,
    struct dw_frame **ret_frame);
/* Gives a record frame of one JSON object, dated time_ns. */
DW_MUST_USE int dw_encode_record(struct dw_encoder *e, struct dw_str json, int64_t time_ns,
    const struct dw_encode *with, struct dw_frame **ret_frame);

/* ---- reading ---- */

/* Takes a HEAD apart. `bytes` begins with the skippable frame; *ret_len is the length of the whole frame (HEAD and
 * sections), which may be more than bytes.len. DW_EAGAIN: fewer bytes than a HEAD has; DW_ESYNTAX: no frame begins
 * here; DW_ECORRUPT, DW_EVERSION. */
DW_MUST_USE int dw_head_read(struct dw_str bytes, struct dw_head *ret_head, size_t *ret_len);
/* Appends HEAD's skippable frame. */
void dw_head_write(const struct dw_head *h, struct dw_buf *out);
/* hash = SHA-256("dw1", previous, canonical fields, roots). */
void dw_head_hash(const struct dw_head *h, struct dw_sha256 *sha, uint8_t ret[DW_SHA256_BYTES]);

/* A frame's content, uncompressed. */
struct dw_sections {
    struct dw_str text, views; /* views: VIEWS or RECORD */
};

/* A decoded frame. All of it belongs to the decoder and is valid until its next use; the ids of names that only log lines
 * use, until any decoder of the same dw_keys decodes. */
struct dw_decoded {
    struct dw_head head;
    const struct dw_event *event;
    uint32_t event_count;
    struct dw_str record; /* the JSON of a record frame, else empty */
    struct dw_sections sections;
};

/* Appends the bytes of a frame whose content is at hand, stored and not compressed: there is one way to write it so. HEAD's packed sizes are
 * set, its hash and signature stay. No sections (of a tombstone): HEAD alone. DW_ENOMEM; DW_ELIMIT: a section over DW_FRAME_READ_MAX. */
DW_MUST_USE int dw_frame_write_plain(const struct dw_head *head, const struct dw_sections *s, struct dw_buf *out);

struct dw_decoder;
/* Gives a decoder that interns key names into `keys` (kept); NULL without memory. */
struct dw_decoder *dw_decoder_new(struct dw_keys *keys);
void dw_decoder_free(struct dw_decoder *d);
/* From now on events get fields of these names only, and such as these repeat: for who looks at no others. The names are kept ones; NULL:
 * all fields. Copied; at most DW_DECODER_ONLY_MAX. */
enum { DW_DECODER_ONLY_MAX = 64 };
void dw_decoder_only(struct dw_decoder *d, const uint32_t *key, uint32_t count);
/* Decompresses the sections of the frame at the start of `bytes` (whole). Valid until the decoder's next use. */
DW_MUST_USE int dw_unpack(struct dw_decoder *d, const struct dw_head *head, struct dw_str bytes,
    struct dw_sections *ret);
/* Events out of uncompressed sections (as a sealed segment keeps them). Keeps the sections until its next use. */
DW_MUST_USE int dw_decode_sections(struct dw_decoder *d, const struct dw_head *head, const struct dw_sections *s,
    struct dw_decoded *ret);
/* HEAD, unpack and events in one. Does not check roots and hash: see dw_decoded_check. */
DW_MUST_USE int dw_decode(struct dw_decoder *d, struct dw_str bytes, struct dw_decoded *ret);
/* Computes roots (into *ret_head, with hash) from decoded content, for comparing with HEAD or filling it. */
void dw_decoded_digest(struct dw_decoder *d, const struct dw_decoded *f, struct dw_head *ret_head);
/* DW_OK when roots and hash are those of HEAD; DW_ECORRUPT otherwise. Signature: dw_sign_verify. */
DW_MUST_USE int dw_decoded_check(struct dw_decoder *d, const struct dw_decoded *f);

#endif
