/*
 * What people ask of a collector's archive: to hold segments, release them, let them go, and note that they were copied. It stands in the manifest,
 * with who asked (docs/formats/archive.md). Thread: asking: any; doing: the collector's loop.
 */
#ifndef DOGWATCH_COLLECT_ARCHIVE_ASKED_H
#define DOGWATCH_COLLECT_ARCHIVE_ASKED_H

#include "dogwatch/collect/inbox.h"
#include "dogwatch/store/archive.h"

enum dw_archive_verb { DW_ARCHIVE_HOLD, DW_ARCHIVE_RELEASE, DW_ARCHIVE_EXPIRE, DW_ARCHIVE_EXPORTED, DW_ARCHIVE_VERBS };

struct dw_archive_ask {
    enum dw_archive_verb verb;
    char name[DW_HOLD_NAME_CAP];  /* HOLD, RELEASE */
    int64_t since_ns, until_ns;   /* HOLD: of which events; INT64_MIN, INT64_MAX: no bound */
    int64_t before_ns;            /* EXPIRE: as struct dw_expire has them; INT64_MIN, 0: not asked */
    uint64_t keep_bytes;
    uint64_t from, to;            /* EXPORTED: segments */
    struct dw_asked asked;        /* `by` counts only where the collector or root asks; else the file's owner is it. `id` is the request's name */
};

/* Appends it as it stands in its file, and takes it back; false: it is none, or says what is not known. */
void dw_archive_ask_write(const struct dw_archive_ask *ask, struct dw_buf *out);
bool dw_archive_ask_read(struct dw_str text, struct dw_archive_ask *ret);
/* DATA's folder of such requests. DW_ELIMIT. */
DW_MUST_USE int dw_archive_inbox(const char *data, char out[DW_INBOX_PATH]);
/* Leaves it for the collector of `data`, and names it: *ret. */
DW_MUST_USE int dw_archive_ask(const struct dw_fs *fs, const char *data, const struct dw_archive_ask *ask, char ret[DW_INBOX_NAME]);
/* Does what a file asks for. *ret_why: why it is refused; NULL: it is not. Codes of a disk or memory that fails. */
DW_MUST_USE int dw_archive_do_asked(struct dw_archive *a, const struct dw_asked_file *f, const char **ret_why);

#endif
