/*
 * Log templates: what a message says beside its values.
 *
 *     Accepted password for ann from 192.0.2.1 port 4711 ssh2     the message
 *     Accepted password for ann from <*> port <*>                 masked: of this line alone
 *     Accepted password for <*> from <*> port <*>                 refined: of all lines that a miner was given
 *
 * Two stages, and who uses which:
 *
 *   mask     (dw_template_mask) looks at one message and at nothing else: numbers, addresses, paths, ids, times and sizes become `<*>`. The
 *            same bytes give the same text, on every host and in any order. Streaming users stop here: the detector `new_template` has
 *            only this and what its key has seen before.
 *   refine   (dw_miner_refine) looks at all masked texts together, at the end of a file or a query: where many texts differ in one
 *            word, that word is a value too.
 *
 * One set of masks for all logs; nothing is configured. After the ideas of Drain (He et al. 2017: grouping by length, wildcards) and Brain
 * (Yu et al. 2023: words that many lines share are constant, a position with many words is a value).
 *
 * The id of a template is made of its text alone. Bounds: below; what is over them moves a counter (templates_*). Thread: mask: any; a miner:
 * its owner's.
 */
#ifndef DOGWATCH_TEMPLATE_TEMPLATE_H
#define DOGWATCH_TEMPLATE_TEMPLATE_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

enum { DW_TEMPLATE_BYTES_MAX = 2048, DW_TEMPLATE_WORDS_MAX = 128, DW_TEMPLATE_ID_TEXT = 17 };

/* What stands where a value was. */
#define DW_TEMPLATE_GAP "<*>"

enum dw_template_kind {
    DW_TEMPLATE_WORD,  /* as the message has it */
    DW_TEMPLATE_TYPED, /* a name and a value: blk_<*> */
    DW_TEMPLATE_VALUE  /* <*> */
};

/* A word of a template; what stands between words are blanks and punctuation. */
struct dw_template_word {
    uint16_t at, len; /* in the text */
    uint8_t kind;     /* enum dw_template_kind */
};

struct dw_template {
    uint16_t len, word_count;
    bool cut; /* the message has more than fits: the rest is one gap */
    struct dw_template_word word[DW_TEMPLATE_WORDS_MAX];
    char text[DW_TEMPLATE_BYTES_MAX];
};

/* The template of one message by itself. Never fails: bytes that are no text are words like others. */
void dw_template_mask(struct dw_str message, struct dw_template *ret);
static inline struct dw_str dw_template_text(const struct dw_template *t)
{
    return dw_str_make(t->text, t->len);
}
/* The first half of the SHA-256 of a template's text, as 16 hex digits and NUL. */
void dw_template_id(struct dw_str text, char ret[DW_TEMPLATE_ID_TEXT]);

/* How many different words at one position, all else being equal, make that position a value. */
enum { DW_TEMPLATE_FANOUT = 5 };

struct dw_miner_opts {
    uint32_t templates_max; /* 0: 65,536. Masked texts over it are all one, `<*>`, and counted */
    size_t bytes_max;       /* 0: 64 MiB of texts and examples; so too */
};

/* What a miner knows of one template. Borrowed until the miner is given another line, or freed. */
struct dw_mined {
    struct dw_str text, example; /* the first line of it, up to DW_TEMPLATE_BYTES_MAX */
    uint64_t count, first;       /* lines; number of the first, from 0 */
};

struct dw_miner;

/* Gives an empty miner (opts may be NULL); NULL without memory. */
struct dw_miner *dw_miner_new(const struct dw_miner_opts *opts);
void dw_miner_free(struct dw_miner *m);
/* Takes a message. *ret_number: of its masked text, the same for the same text; dw_miner_of says what became of it. DW_ENOMEM: it was not taken. */
DW_MUST_USE int dw_miner_add(struct dw_miner *m, struct dw_str message, uint32_t *ret_number);
/* Merges what all lines so far say is one template. No lines may be added behind it. DW_ENOMEM: the miner must be freed. */
DW_MUST_USE int dw_miner_refine(struct dw_miner *m);
/* The templates, in order of their first line: before dw_miner_refine the masked texts, afterwards the refined ones. */
uint32_t dw_miner_count(const struct dw_miner *m);
struct dw_mined dw_miner_at(const struct dw_miner *m, uint32_t i);
/* How many lines stand under `<*>` because their own template did not fit. */
uint64_t dw_miner_refused(const struct dw_miner *m);
/* Which of these the masked text `number` belongs to. */
uint32_t dw_miner_of(const struct dw_miner *m, uint32_t number);

#endif
