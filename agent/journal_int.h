/* The inside of the journal: an entry as JSON. */
#ifndef DOGWATCH_AGENT_JOURNAL_INT_H
#define DOGWATCH_AGENT_JOURNAL_INT_H

#include "journal.h"

#include <systemd/sd-journal.h>

/* One field of an entry, which lies in `bytes`. */
struct journal_field {
    uint32_t name, name_len, value, value_len;
    bool written;
};

enum { JOURNAL_FIELDS_MAX = 1024 /* as journald allows */ };

/* What is needed to write entries; zeroed memory but for the bounds is a valid beginning. */
struct journal_writer {
    size_t message_max, text_max;
    struct dw_buf bytes, text;
    struct journal_field field[JOURNAL_FIELDS_MAX];
    uint32_t count;
    uint64_t cut_bytes;
    uint64_t hash; /* of all fields as they were read, as the journal makes it of them ... */
    bool whole;    /* ... if none was too long to be read whole */
};

/* Writes the entry that the journal stands at into w->text, with `cursor` first. DW_ENOMEM, DW_EIO. */
DW_MUST_USE int journal_write(struct journal_writer *w, sd_journal *sd, struct dw_str cursor, uint64_t realtime_us);
/* Its fields added one by one, and written: what journal_write does without a journal. `boot` and the monotonic time may be empty and 0. */
void journal_field_add(struct journal_writer *w, struct dw_str name_and_value);
void journal_fields_write(struct journal_writer *w, struct dw_str cursor, uint64_t realtime_us, uint64_t monotonic_us, struct dw_str boot);
/* The hash by which journals sum up the fields of an entry: Bob Jenkins' lookup3 (hashlittle2), both halves. */
uint64_t journal_hash(struct dw_str bytes);
void journal_writer_fini(struct journal_writer *w);

#endif
