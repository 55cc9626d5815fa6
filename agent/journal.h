/*
 * systemd's journal as a row of entries, each once and in their order, read by libsystemd (docs/adr/0014).
 *
 * Thread: loop. No function waits for anything but the disk.
 */
#ifndef DOGWATCH_AGENT_JOURNAL_H
#define DOGWATCH_AGENT_JOURNAL_H

#include "dogwatch/base/buf.h"

enum { JOURNAL_CURSOR_MAX = 256 }; /* bytes of a cursor, with its NUL */

struct journal;

struct journal_entry {
    int64_t time_ns;    /* when journald got it */
    struct dw_str text; /* one JSON object, in the order and form of docs/formats/received.md; the journal's until the next call */
    struct dw_str cursor;
    uint64_t cut_bytes; /* of its values that were left out, at least */
    bool gap;           /* entries that stood before it are not there any more, or may not be read ... */
    uint64_t missed;    /* ... so many, or 0 where no number tells */
};

/* Opens the journals below `dir`, or with NULL those of this system. Where there are none it is open all the same. `text_max`: of an entry's JSON, `message_max` of its message.
 * DW_ENOMEM, DW_ENOENT (no such folder), DW_EACCES, DW_EIO. */
DW_MUST_USE int journal_open(const char *dir, size_t message_max, size_t text_max, struct journal **ret);
void journal_free(struct journal *j);
/* Readable: something happened, and journal_heard is to be called. */
int journal_fd(const struct journal *j);
void journal_heard(struct journal *j);
/* The next entry is the one behind that of the cursor; an empty one: the first of all. DW_ESYNTAX: it is no cursor. */
DW_MUST_USE int journal_seek(struct journal *j, struct dw_str cursor);
/* The next entry is the first that comes from now on. Appends the cursor of the last one that is there; nothing: there is none. */
DW_MUST_USE int journal_seek_end(struct journal *j, struct dw_buf *cursor);
/* 1 and the entry, 0: there is no further one now, or it is not written to its end yet. DW_ENOMEM: the same entry is given again. DW_EIO: the journal has to be opened anew. */
DW_MUST_USE int journal_next(struct journal *j, struct journal_entry *ret);

/* Whether a text has the form of a cursor. */
bool journal_is_cursor(struct dw_str s);

#endif
