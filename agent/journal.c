/*
 * journal: a place in systemd's journal.
 *
 * Idea: an entry's cursor names the counter that it was numbered by (s=) and its number there (i=). So a gap shows: as a number that was left out, or as an entry that
 * stood at our cursor and is not there any more.
 *
 * Invariants:
 *   (1) Entries are given once and in the journal's order; one that cannot be given for lack of memory is given at the next call.
 *   (2) After a seek to a cursor nothing is given before it is known whether its entry is still there.
 *   (3) An entry is given with all of its fields, by the hash in its cursor; if it has not all of them after two seconds, as it stands, counted.
 *   (4) What journald has open may shrink only at its end that nobody reads: a journal that is truncated beneath libsystemd's mapping ends the program, as it ends
 *       journalctl; who may write journals can do that.
 */
#include "journal_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <errno.h>
#include <stdio.h>

enum { COUNTERS_MAX = 64, COUNTER_ID_BYTES = 33, YOUNG_US = 2000000 };

/* The last number of one counter: each machine, and each journal that was begun anew, has its own. */
struct counter {
    char id[COUNTER_ID_BYTES];
    uint64_t number;
};

struct journal {
    sd_journal *sd;
    int fd;
    char cursor[JOURNAL_CURSOR_MAX]; /* of the entry that the next one follows; empty: none */
    bool sought;                     /* it is not known yet whether that entry is there */
    bool again;                      /* the entry that the journal stands at was not given */
    bool gap;                        /* ... and there is a gap before it */
    uint64_t missed;
    struct counter counter[COUNTERS_MAX];
    uint32_t counter_at;
    struct journal_writer writer;
};

static int code_of(int rc)
{
    return rc == -ENOENT || rc == -EACCES || rc == -EPERM || rc == -ENOMEM ? dw_err_from_errno(-rc) : DW_EIO;
}

int journal_open(const char *dir, size_t message_max, size_t text_max, struct journal **ret)
{
    struct journal *j = dw_calloc(1, sizeof *j);
    if (!j)
        return DW_ENOMEM;
    j->writer.message_max = message_max;
    j->writer.text_max = text_max;
    int rc = dir ? sd_journal_open_directory(&j->sd, dir, 0) : sd_journal_open_namespace(&j->sd, NULL, SD_JOURNAL_ALL_NAMESPACES);
    if (rc >= 0)
        rc = j->fd = sd_journal_get_fd(j->sd);
    if (rc >= 0)
        rc = sd_journal_set_data_threshold(j->sd, text_max);
    if (rc < 0) {
        journal_free(j);
        return code_of(rc);
    }
    *ret = j;
    return DW_OK;
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    sd_journal_close(j->sd);
    journal_writer_fini(&j->writer);
    dw_free(j);
}

int journal_fd(const struct journal *j)
{
    return j->fd;
}

void journal_heard(struct journal *j)
{
    (void)sd_journal_process(j->sd); /* what it says is in what journal_next gives */
}

/* KEY=HEX of a cursor's words. */
static bool word_of(struct dw_str cursor, char key, struct dw_str *ret)
{
    for (struct dw_str rest = cursor; rest.ptr;) {
        struct dw_str word = dw_str_cut(&rest, ';');
        if (word.len > 2 && word.ptr[0] == key && word.ptr[1] == '=') {
            *ret = dw_str_slice(word, 2, word.len);
            return true;
        }
    }
    return false;
}

static bool is_hex(struct dw_str s, size_t max)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(s.ptr[i] >= '0' && s.ptr[i] <= '9') && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
            return false;
    return s.len && s.len <= max;
}

bool journal_is_cursor(struct dw_str s)
{
    struct dw_str rest = s, id, number;
    if (s.len >= JOURNAL_CURSOR_MAX || !word_of(s, 's', &id) || !word_of(s, 'i', &number) || id.len != COUNTER_ID_BYTES - 1 || !is_hex(number, 16))
        return false;
    while (rest.ptr) {
        struct dw_str word = dw_str_cut(&rest, ';');
        if (word.len < 3 || word.ptr[1] != '=' || !is_hex(dw_str_slice(word, 2, word.len), COUNTER_ID_BYTES - 1))
            return false;
    }
    return true;
}

/* A hexadecimal number of 16 digits at most. */
static uint64_t number_of(struct dw_str hex)
{
    uint64_t n = 0;
    for (size_t i = 0; i < hex.len; i++)
        n = n * 16 + (uint64_t)(hex.ptr[i] <= '9' ? hex.ptr[i] - '0' : hex.ptr[i] - 'a' + 10);
    return n;
}

/* Notes the number of an entry. True when numbers of its counter were left out; false with *ret_known: none was. */
static bool number_passes(struct journal *j, struct dw_str cursor, uint64_t *ret_missed, bool *ret_known)
{
    struct dw_str id, text;
    uint64_t number;
    *ret_known = false;
    *ret_missed = 0;
    if (!journal_is_cursor(cursor) || !word_of(cursor, 's', &id) || !word_of(cursor, 'i', &text))
        return false;
    number = number_of(text);
    for (uint32_t i = 0; i < COUNTERS_MAX; i++) {
        struct counter *c = &j->counter[i];
        if (!dw_str_eq(dw_str_of(c->id), id))
            continue;
        *ret_known = true;
        *ret_missed = number > c->number + 1 ? number - c->number - 1 : 0;
        c->number = number > c->number ? number : c->number;
        return *ret_missed > 0;
    }
    struct counter *c = &j->counter[j->counter_at++ % COUNTERS_MAX];
    (void)snprintf(c->id, sizeof c->id, "%.*s", DW_ARG(id));
    c->number = number;
    return false;
}

static void set_cursor(struct journal *j, struct dw_str cursor)
{
    (void)snprintf(j->cursor, sizeof j->cursor, "%.*s", DW_ARG(cursor));
}

int journal_seek(struct journal *j, struct dw_str cursor)
{
    uint64_t missed;
    bool known;
    if (cursor.len && !journal_is_cursor(cursor))
        return DW_ESYNTAX;
    set_cursor(j, cursor);
    j->sought = cursor.len > 0;
    j->again = false;
    (void)number_passes(j, cursor, &missed, &known);
    int rc = j->sought ? sd_journal_seek_cursor(j->sd, j->cursor) : sd_journal_seek_head(j->sd);
    return rc < 0 ? code_of(rc) : DW_OK;
}

/* The cursor where the journal stands. */
static int cursor_here(struct journal *j, char out[JOURNAL_CURSOR_MAX])
{
    char *text;
    int rc = sd_journal_get_cursor(j->sd, &text);
    if (rc < 0)
        return code_of(rc);
    int n = snprintf(out, JOURNAL_CURSOR_MAX, "%s", text);
    dw_free(text); /* the C library's, as ours is */
    return n > 0 && journal_is_cursor(dw_str_of(out)) ? DW_OK : DW_EIO;
}

int journal_seek_end(struct journal *j, struct dw_buf *cursor)
{
    char last[JOURNAL_CURSOR_MAX];
    int rc = sd_journal_seek_tail(j->sd);
    if (rc >= 0)
        rc = sd_journal_previous(j->sd);
    if (rc < 0)
        return code_of(rc);
    if (rc == 0)
        return journal_seek(j, DW_STR_NONE);
    rc = cursor_here(j, last);
    if (rc < 0)
        return rc;
    dw_buf_str(cursor, dw_str_of(last));
    return cursor->err ? cursor->err : journal_seek(j, dw_str_of(last));
}

/* Goes to the next entry, past the one of the cursor if that is still there. */
static int step(struct journal *j)
{
    int rc = sd_journal_next(j->sd);
    if (rc <= 0)
        return rc < 0 ? code_of(rc) : 0;
    j->gap = false;
    j->missed = 0;
    if (!j->sought)
        return 1;
    int same = sd_journal_test_cursor(j->sd, j->cursor);
    j->sought = false;
    j->gap = same <= 0;
    if (same <= 0)
        return 1;
    rc = sd_journal_next(j->sd);
    return rc < 0 ? code_of(rc) : rc > 0;
}

/* Whether fields are missing of the entry that was just written. libsystemd passes over a field whose writer is between two steps of linking it (its count of entries is
 * not what its list says), so an entry that is young may lack some for a moment. */
static bool is_incomplete(const struct journal *j, struct dw_str cursor)
{
    struct dw_str sum;
    return j->writer.whole && word_of(cursor, 'x', &sum) && is_hex(sum, 16) && number_of(sum) != j->writer.hash;
}

static bool is_young(uint64_t us)
{
    int64_t age_us = dw_clock_real(&dw_clock_system) / 1000 - (int64_t)(us & INT64_MAX);
    return age_us < YOUNG_US && age_us > -YOUNG_US;
}

int journal_next(struct journal *j, struct journal_entry *ret)
{
    char cursor[JOURNAL_CURSOR_MAX];
    uint64_t us = 0;
    int rc = j->again ? 1 : step(j);
    if (rc <= 0)
        return rc;
    rc = cursor_here(j, cursor);
    if (rc == DW_OK && sd_journal_get_realtime_usec(j->sd, &us) < 0)
        rc = DW_EIO;
    if (rc == DW_OK && !j->again) {
        bool known, left_out = number_passes(j, dw_str_of(cursor), &j->missed, &known);
        j->gap = left_out || (j->gap && !known);
    }
    if (rc == DW_OK)
        rc = journal_write(&j->writer, j->sd, dw_str_of(cursor), us);
    bool incomplete = rc == DW_OK && is_incomplete(j, dw_str_of(cursor)), later = incomplete && is_young(us);
    j->again = rc == DW_ENOMEM || later;
    if (rc < 0 || later)
        return rc;
    DW_COUNT_IF(incomplete, journald_incomplete);
    set_cursor(j, dw_str_of(cursor));
    *ret = (struct journal_entry){.time_ns = us < INT64_MAX / 1000 ? (int64_t)us * 1000 : INT64_MAX, .text = dw_buf_view(&j->writer.text), .cursor = dw_str_of(j->cursor),
        .cut_bytes = j->writer.cut_bytes, .gap = j->gap, .missed = j->missed};
    return 1;
}
