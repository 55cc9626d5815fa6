/*
 * The evidence pack: what proves one alert, out of an archive, judged without it (docs/formats/evidence.md).
 *
 *     archive, alerts.log, rules -> dw_evidence_gather -> pack -> dw_epack_write -> folder or tar -> dw_epack_read -> dw_evidence_judge
 *
 * A pack is in memory as a whole, which its bounds allow; judging it is a function of its bytes alone. Thread: whoever owns it.
 */
#ifndef DOGWATCH_COLLECT_EVIDENCE_H
#define DOGWATCH_COLLECT_EVIDENCE_H

#include "dogwatch/collect/answer.h"

enum {
    DW_EPACK_FILES_MAX = 4096,
    DW_EPACK_NAME_MAX = 99, /* what a ustar header holds, below the folder */
    DW_EPACK_FRAME_MAX = 6 << 20,
    DW_EPACK_RULE_MAX = 8 << 20,
    DW_EPACK_FILE_MAX = 64 << 20,
    DW_EPACK_BYTES_MAX = 512 << 20,
    DW_EPACK_LIST_MAX = 1 << 20, /* PACK itself */
};

/* One file of a pack. Bytes belong to it. */
struct dw_epack_file {
    char name[DW_EPACK_NAME_MAX + 1];
    struct dw_buf bytes;
};

/* What a reader of packs is told: where (a name of the pack, perhaps with line or frame), and a sentence. `absent`: it says that something is
 * not there, not that something is wrong. */
typedef void dw_epack_problem(void *arg, const char *where, const char *text, bool absent);

struct dw_epack;
/* Gives an empty pack for an alert (its whole id); NULL: no memory. */
struct dw_epack *dw_epack_new(const char *alert);
/* NULL is fine. */
void dw_epack_free(struct dw_epack *p);
const char *dw_epack_alert(const struct dw_epack *p);
/* Adds a file and gives its place for bytes to be appended, valid until the next file is added. NULL: there is one of that name, it is no name
 * that a pack may have, there are too many, or memory is out: *ret_rc says which (DW_EEXIST, DW_EUNKNOWN, DW_ELIMIT, DW_ENOMEM). */
struct dw_buf *dw_epack_add(struct dw_epack *p, const char *name, int *ret_rc);
/* NULL: it has none of that name. */
const struct dw_epack_file *dw_epack_find(const struct dw_epack *p, const char *name);
/* Files in bytewise order of their names. */
uint32_t dw_epack_count(const struct dw_epack *p);
const struct dw_epack_file *dw_epack_at(const struct dw_epack *p, uint32_t i);
/* Whether a pack may have a file of that name: no other has a meaning, and none leads anywhere else. */
bool dw_epack_name_ok(struct dw_str name);
/* The most bytes that a file of that name may have. */
size_t dw_epack_name_max(struct dw_str name);

/* ---- PACK ---- */

/* One file as PACK lists it. */
struct dw_epack_entry {
    char name[DW_EPACK_NAME_MAX + 1];
    uint64_t bytes;
    uint8_t sha256[DW_SHA256_BYTES];
};
struct dw_epack_list {
    char alert[DW_ALERT_ID_TEXT];
    uint8_t digest[DW_SHA256_BYTES];
    struct dw_epack_entry *entry;
    uint32_t count;
};
/* Appends the text of PACK, and says the pack's digest. Failures stand in out->err; DW_ELIMIT: over the bounds of a pack. */
DW_MUST_USE int dw_epack_list_write(const struct dw_epack *p, struct dw_buf *out, uint8_t ret_digest[DW_SHA256_BYTES]);
/* Takes it apart. DW_ESYNTAX and *ret_line (from 1): there stands what PACK may not hold; DW_ECORRUPT: the digest is not that of the lines;
 * DW_ELIMIT: over a bound; DW_ENOMEM. Free with dw_epack_list_fini, also after an error. */
DW_MUST_USE int dw_epack_list_read(struct dw_str text, struct dw_epack_list *ret, uint32_t *ret_line);
void dw_epack_list_fini(struct dw_epack_list *l);

/* ---- on disk ---- */

/* Writes a folder or, where `path` ends in `.tar`, a tar; nothing may be there: DW_EEXIST. PACK comes last, so what a failure leaves is no
 * pack. */
DW_MUST_USE int dw_epack_write(const struct dw_fs *fs, const struct dw_epack *p, const char *path, uint8_t ret_digest[DW_SHA256_BYTES]);
/* Reads either, following no link, and holds it against its PACK: `problem` is told of what is missing, was added or changed. DW_OK and *ret,
 * with the files that are as PACK says, whatever it was told; DW_ECORRUPT, and told: there is no PACK to hold it against. Other codes: it could
 * not be read. */
DW_MUST_USE int dw_epack_read(const struct dw_fs *fs, const char *path, dw_epack_problem *problem, void *arg, struct dw_epack **ret,
    uint8_t ret_digest[DW_SHA256_BYTES]);
/* The same of a tar's bytes. */
DW_MUST_USE int dw_epack_read_tar(
    struct dw_str bytes, dw_epack_problem *problem, void *arg, struct dw_epack **ret, uint8_t ret_digest[DW_SHA256_BYTES]);

/* ---- making one ---- */

struct dw_evidence_gather {
    const char *archive;
    struct dw_keys *keys;
    const struct dw_ruleset *rules;
    uint32_t rule;                  /* the alert's number in it; the count of the rules: it is not there */
    const char *const *rule_path;   /* what the rules were loaded from */
    uint32_t rule_paths;
    struct dw_str line;             /* of alerts.log */
    const struct dw_evidence *named; /* by the alert */
    void (*problem)(void *arg, const char *where, int rc); /* a part that cannot be read */
    void *arg;
};
/* Fills a pack. What is not in the archive is left out, and dw_evidence_judge will say so. Codes of dw_archive_reader_open; DW_ENOENT also
 * where none of the events is there. */
DW_MUST_USE int dw_evidence_gather(const struct dw_evidence_gather *g, struct dw_epack *p);

/* ---- judging one ---- */

enum { DW_JUDGED_AGENTS_MAX = 16 };
struct dw_judged {
    uint32_t named, found, frames; /* events that the alert names, those that are there; whole frames */
    uint64_t total;                /* events that it counts */
    bool counted;                  /* its count, window and value are not proved, but taken as they stand; */
    bool nested, learned, missed;  /* because it is of a correlation of correlations; of a detector, which judges by a past that is not here; of an absence */
    uint32_t agents;               /* who signed, the first of them: */
    uint8_t agent[DW_JUDGED_AGENTS_MAX][DW_AGENT_ID_BYTES];
    char host[DW_JUDGED_AGENTS_MAX][DW_AGENT_HOST_CAP];
};
struct dw_evidence_judge {
    dw_epack_problem *problem;
    void *arg;
    const uint8_t *pinned; /* ids of agents, DW_AGENT_ID_BYTES each; NULL: whoever it is */
    uint32_t pinned_count;
};
/* Judges a pack by all but PACK. DW_ENOMEM. */
DW_MUST_USE int dw_evidence_judge(const struct dw_evidence_judge *how, const struct dw_epack *p, struct dw_judged *ret);

#endif
