/*
 * What the rules of redact share.
 */
#ifndef DOGWATCH_PARSERS_REDACT_INT_H
#define DOGWATCH_PARSERS_REDACT_INT_H

#include "dogwatch/parsers/redact_own.h"

/* What was found in a line: `count` may exceed `max`, then only the first are listed. */
struct dw__finder {
    struct dw_str line;
    struct dw_mask *masks;
    uint32_t max, count;
    size_t done; /* no trigger before it is looked at */
    struct {
        size_t done;     /* no run of digits before it is looked at */
        size_t trailing; /* bytes of a run that the blocks before end with */
    } cards;
};

/* What the bytes of 64 may be, a bit a byte. */
struct dw__block {
    uint64_t trigger; /* a rule, but cards, may apply here */
    uint64_t run;     /* a digit, a blank or a dash */
};

enum { DW__BLOCKS = 8 }; /* read at once */
/* The blocks of a line from `from` on, a multiple of 64 before its end (pairs.c). Returns how many it read; the line's last block has what is left. */
size_t dw__pairs_read(struct dw_str line, size_t from, struct dw__block ret[DW__BLOCKS]);
/* The same for the 64 at p behind the byte `before` (0: the line begins), without what only some processors have. */
void dw__pairs_portable(char before, const char *p, struct dw__block *ret);

/* One of the user's own rules, compiled (own_rules.c). */
struct dw__own_rule {
    char name[DW_REDACT_NAME_MAX + 1];
    struct pcre2_real_code_8 *code;
};
/* Compiles a rule whose name was checked. DW_ECONFIG: `why` as dw_redact_rule_check has it. DW_ENOMEM. */
DW_MUST_USE int dw__own_rule_new(struct dw_str name, struct dw_str regex, struct dw__own_rule *ret, struct dw_buf *why);
void dw__own_rule_fini(struct dw__own_rule *rule);
/* What matching needs beside a rule; one for all rules of a thread. NULL without memory. */
struct dw__own_scratch;
struct dw__own_scratch *dw__own_scratch_new(void);
void dw__own_scratch_free(struct dw__own_scratch *s);
/* The next piece of `line` that a rule masks, from *at on, which is moved behind it. */
struct dw__own_search {
    size_t at;
    size_t far; /* bytes that tries beyond a window may have looked at so far */
};
enum dw__own_answer { DW__OWN_END, DW__OWN_PIECE, DW__OWN_LIMIT /* all from search->at on is to be masked */ };
enum dw__own_answer dw__own_next(const struct dw__own_rule *rule, struct dw__own_scratch *s, struct dw_str line, struct dw__own_search *search,
    struct dw_mask *ret);

/* The fleet's key (fleet_key.c). */
struct dw__fleet_key {
    uint8_t bytes[DW_REDACT_KEY_MAX];
    size_t len;
    char id[9]; /* hex */
};
/* Reads a key file. DW_ECONFIG: `why` has a sentence. */
DW_MUST_USE int dw__fleet_key_read(const struct dw_fs *fs, struct dw_str path, struct dw__fleet_key *ret, struct dw_buf *why);
void dw__fleet_key_wipe(struct dw__fleet_key *key);
/* Writes a piece's hash over it, at `to`: hex as far as it fits, then '*'. */
void dw__fleet_key_write(const struct dw__fleet_key *key, struct dw_str piece, char *to);

/* Notes a piece, unless it is masked already. */
void dw__found(struct dw__finder *f, enum dw_redact_rule rule, size_t start, size_t len);
/* At a trigger: tries what may stand there, and answers where to go on. What follows a name (secrets.c): at '=', ':', '%'; in an
 * address: '@'; "Bearer"; "-----BEGIN". */
size_t dw__at_mark(struct dw__finder *f, uint32_t set, size_t at);
size_t dw__at_percent(struct dw__finder *f, uint32_t set, size_t at);
size_t dw__at_address(struct dw__finder *f, uint32_t set, size_t at);
size_t dw__at_bearer(struct dw__finder *f, size_t at);
size_t dw__at_dashes(struct dw__finder *f, size_t at);
/* A line that is nothing but base64 of a key. */
void dw__key_line(struct dw__finder *f);
/* What has a beginning of its own (tokens.c). */
size_t dw__at_token(struct dw__finder *f, uint32_t set, size_t at);
/* The cards of the block that begins at `block` (cards.c), `run` as in dw__block. Blocks are given in their order. */
void dw__cards_block(struct dw__finder *f, size_t block, uint64_t run);

#endif
