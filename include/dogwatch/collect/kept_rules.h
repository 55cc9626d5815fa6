/*
 * Rules as they were: the files of each rule set that a collector matched by, kept in its archive (docs/formats/archive.md) under their SHA-256, and named by the
 * decision from which they were in force (docs/formats/decisions.md). Thread: each object belongs to one.
 */
#ifndef DOGWATCH_COLLECT_KEPT_RULES_H
#define DOGWATCH_COLLECT_KEPT_RULES_H

#include "dogwatch/base/fs.h"
#include "dogwatch/correlate/ruleset.h"

enum { DW_KEPT_RULES_MAX = 256 << 20 }; /* bytes of the files of one set */

/* Keeps a pack (rulepack.h) in the archive at `dir`, synced, unless it is there and whole. DW_ELIMIT: over the bound; codes of dw_fs. */
DW_MUST_USE int dw_kept_rules_write(const struct dw_fs *fs, const char *dir, struct dw_str pack, uint8_t ret_sha256[DW_SHA256_BYTES]);
/* Makes `pack` what is kept under that hash. DW_ENOENT, DW_ECORRUPT, codes of dw_fs. */
DW_MUST_USE int dw_kept_rules_read(const struct dw_fs *fs, const char *dir, const uint8_t sha256[DW_SHA256_BYTES], struct dw_buf *pack);
/* Removes it; fine where it is not. */
DW_MUST_USE int dw_kept_rules_forget(const struct dw_fs *fs, const char *dir, const uint8_t sha256[DW_SHA256_BYTES]);
/* Whether every file that is kept is what its name says. `problem` is told of each that is not. DW_OK whatever was found; *ret_kept: how many hold. */
DW_MUST_USE int dw_kept_rules_verify(const struct dw_fs *fs, const char *dir, void (*problem)(void *arg, const char *text), void *arg, uint64_t *ret_kept);

/* From which frame on which set was in force, as decisions say that are in the archive and states that stand for what was let go, oldest first. Agents' frames are
 * passed over. Codes of dw_archive_reader_open. */
struct dw_rules_since {
    uint64_t intake;
    int64_t time_ns; /* 0: a state names it */
    uint8_t sha256[DW_SHA256_BYTES];
};
DW_MUST_USE int dw_kept_rules_each(const struct dw_fs *fs, const char *dir, struct dw_keys *keys, void (*each)(void *arg, const struct dw_rules_since *r), void *arg);
/* dw_kept_rules_verify, and whether each set that a decision names is kept. */
DW_MUST_USE int dw_kept_rules_check(const struct dw_fs *fs, const char *dir, void (*problem)(void *arg, const char *text), void *arg, uint64_t *ret_kept);

/* Sets as the archive has them, made again one at a time: the last two that were given live. Set fs, dir, keys. */
struct dw_past_rules {
    const struct dw_fs *fs;
    const char *dir;
    struct dw_keys *keys;
    const char *geoip; /* the database of places that they ask, as it is today; NULL or "": such rules sleep */
    const struct dw_ruleset *today; /* of today_sha256, which needs no making; NULL: of none */
    struct dw_tally *tally;         /* of today */
    uint8_t today_sha256[DW_SHA256_BYTES];
    uint64_t missing; /* sets that could not be made; said */
    uint64_t elsewhere; /* sets that asked another database of places than that of today */
    struct dw_ruleset *made, *before;
    uint8_t made_sha256[DW_SHA256_BYTES];
};
/* DW_ENOENT, DW_ECORRUPT: it cannot be made, which is said and counted; DW_ENOMEM, codes of dw_fs. For struct dw__detect. */
DW_MUST_USE int dw_past_rules_of(void *past, const uint8_t sha256[DW_SHA256_BYTES], const struct dw_ruleset **ret, struct dw_tally **ret_tally);
/* Frees the sets that were made; it may be used again. */
void dw_past_rules_fini(struct dw_past_rules *p);

#endif
