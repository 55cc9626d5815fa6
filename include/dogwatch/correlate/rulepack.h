/*
 * The files of a rule set as one text, so that the same set can be made again where the files are gone.
 *
 *     dogwatch rules 1
 *     file 212 /etc/dogwatch/rules.d/own.yml
 *     ...212 bytes...
 *
 * The files stand in the order in which they were read, mappings first; behind the bytes of each comes a newline. Of a path what is not printable ASCII, and `%`,
 * is `%` and two hex digits. Equal files in equal order are equal bytes. Which database of places the rules asked stands last, as a file `geoip.database` of the
 * SHA-256 in hex: so a set that asks another one is another pack. Thread: any.
 */
#ifndef DOGWATCH_CORRELATE_RULEPACK_H
#define DOGWATCH_CORRELATE_RULEPACK_H

#include "dogwatch/correlate/ruleset.h"

/* Begins a pack of no file. */
void dw_rulepack_begin(struct dw_buf *pack);
/* Appends a file; the first one begins the pack if nobody did. */
void dw_rulepack_add(struct dw_buf *pack, struct dw_str path, struct dw_str text);
/* Appends which database of places the rules ask; NULL: none. */
void dw_rulepack_places(struct dw_buf *pack, const struct dw_places *places);
/* Whether a pack says that its rules asked these; NULL: none. */
bool dw_rulepack_same_places(struct dw_str pack, const struct dw_places *places);
/* Gives the files one after the other, until `each` answers under 0. `path` is NUL-terminated too, and both are borrowed. DW_ECORRUPT: it is no pack. */
DW_MUST_USE int dw_rulepack_each(struct dw_str pack, int (*each)(void *ud, struct dw_str path, struct dw_str text), void *ud);
/* Makes the set again, as dw_ruleset_load made it of the files; `places` as in struct dw_ruleset_opts. DW_ECORRUPT, DW_ENOMEM. */
DW_MUST_USE int dw_rulepack_load(struct dw_str pack, struct dw_places *places, struct dw_keys *keys, struct dw_diag_sink sink, struct dw_ruleset **ret);

#endif
