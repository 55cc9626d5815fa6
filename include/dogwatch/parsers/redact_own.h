/*
 * The user's own rules of redaction, and keyed hashes where others have a mask (docs/reference/masks.md).
 *
 *     options -> dw_redact_own -> pieces of a line (dw_redact_own_find) -> written over in a copy (dw_redact_own_apply)
 *
 * Every rule, built-in or own, sees the line as it was written: nothing is looked for in what a mask or a hash left.
 * Thread: whoever owns the object; finding uses memory in it.
 */
#ifndef DOGWATCH_PARSERS_REDACT_OWN_H
#define DOGWATCH_PARSERS_REDACT_OWN_H

#include "dogwatch/base/fs.h"
#include "dogwatch/parsers/redact.h"

struct dw_agent_options;

enum {
    DW_REDACT_OWN_MAX = 64,
    DW_REDACT_NAME_MAX = 32,
    DW_REDACT_PIECES_MAX = 16384, /* of a line; one with more is masked from the place where they ended */
    DW_REDACT_HASH_MIN = 8,       /* bytes: what is shorter is masked */
    DW_REDACT_HASH_MAX = 32,      /* digits of hex; the rest of a piece is masked */
    DW_REDACT_KEY_MIN = 16,       /* bytes of a key file */
    DW_REDACT_KEY_MAX = 4096
};

struct dw_redact_own;

/* Of the options redact.rules, redact.hash and redact.key_file; keeps none of them. *ret is NULL when they ask for nothing. DW_ECONFIG: `why`
 * has a sentence, *ret_option the option it is about (static). DW_ENOMEM. */
DW_MUST_USE int dw_redact_own_new(const struct dw_fs *fs, const struct dw_agent_options *opt, struct dw_redact_own **ret, const char **ret_option,
    struct dw_buf *why);
void dw_redact_own_free(struct dw_redact_own *own);
/* The built-in rules that the option `redact` asks for. DW_ECONFIG: `why` has a sentence. */
DW_MUST_USE int dw_redact_chosen(const struct dw_agent_options *opt, uint32_t *ret_set, struct dw_buf *why);
/* Whether an own rule may be. DW_EUNKNOWN: not of that name; DW_ECONFIG: not with that regex. `why` then has a sentence and, in a second
 * line, a hint. DW_ENOMEM. */
DW_MUST_USE int dw_redact_rule_check(struct dw_str name, struct dw_str regex, struct dw_buf *why);

/* What is masked of a line, by start; lives until the object's next use. */
struct dw_redact_pieces {
    struct dw_mask *mask;
    uint32_t count;
    bool limited; /* a rule hit a limit: from the place where its search began all is masked */
};
/* What the rules in `set` and all own ones mask in `line`. DW_ENOMEM. */
DW_MUST_USE int dw_redact_own_find(struct dw_redact_own *own, uint32_t set, struct dw_str line, struct dw_redact_pieces *ret);
/* Writes over the pieces of `line` in `copy`, its bytes again; pieces of rules to be hashed get `hashed` set, or lose it where they are masked
 * because they overlap with others. */
void dw_redact_own_apply(const struct dw_redact_own *own, struct dw_str line, struct dw_redact_pieces *p, char *copy);

/* What events say of a mask: rule:start:length, or rule:start:length:KEYID. Returns the length of the text. `own` may be NULL. */
enum { DW_REDACT_NOTE_MAX = 80 };
size_t dw_redact_note(const struct dw_redact_own *own, const struct dw_mask *mask, char ret[DW_REDACT_NOTE_MAX]);

#endif
