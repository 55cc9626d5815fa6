/*
 * output_journal: what waits for one output, and how far alerts.log was looked at, kept through crashes.
 *
 *     dogwatch-output 1
 *     wait NUMBER KIND SINCE ID REVISION      a message; KIND r or c
 *     text NUMBER SINCE ID LINE               a summary, with its text
 *     early NUMBER SINCE ID STATE LINE        a provisional alert, with its text
 *     done NUMBER                             taken, dead, or replaced by a newer one
 *     hold OFFSET                             a line of alerts.log that a fuse held back
 *     told                                    a summary of all that was held is among the messages
 *     seen FROM TO HASH                       alerts.log is looked at up to TO; its last line began at FROM
 *     end
 *
 * Invariants:
 *   (1) Lines count from the `end` behind them on: a batch is there whole or not at all.
 *   (2) Memory is what the file says once the batch is written: what cannot be written now waits in memory, and nothing is sent meanwhile.
 *   (3) Of an alert and kind one message waits at most: a newer one takes its place.
 *   (4) The file is written anew when most of it is over: its size follows what waits.
 */
#include "notify_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/digest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { FILE_MAX = 1 << 30, REST_BYTES = 256 << 10, ITEM_BYTES = 160 };
static const char first_line[] = "dogwatch-output 1\n";

void output_hash(struct dw_str line, char ret[17])
{
    uint8_t hash[DW_SHA256_BYTES];
    dw_sha256_of(line, hash);
    dw_hex(hash, 8, ret);
}

static uint64_t item_hash(const struct output_item *i)
{
    return dw_hash(dw_hash_process_key(), dw_str_of(i->id)) + (uint64_t)i->kind;
}

static void link_item(struct output_journal *j, struct output_item *i)
{
    i->next = NULL;
    i->prev = j->tail;
    *(j->tail ? &j->tail->next : &j->head) = i;
    j->tail = i;
}

static void unlink_item(struct output_journal *j, struct output_item *i)
{
    *(i->prev ? &i->prev->next : &j->head) = i->next;
    *(i->next ? &i->next->prev : &j->tail) = i->prev;
}

static void remove_item(struct output_journal *j, struct output_item *i)
{
    unlink_item(j, i);
    dw_table_remove(&j->by_id, &i->node);
    j->waiting--;
    j->texts -= i->line.len;
    dw_free(i);
}

static struct output_item *same_item(const struct output_journal *j, const struct output_item *like)
{
    for (struct dw_node *n = dw_table_find(&j->by_id, item_hash(like)); n; n = dw_table_next(n)) {
        struct output_item *i = DW_ITEM(n, struct output_item, node);
        if (i->kind == like->kind && strcmp(i->id, like->id) == 0)
            return i;
    }
    return NULL;
}

/* A copy that waits, in memory. */
static int put_item(struct output_journal *j, const struct output_item *like)
{
    struct output_item *i = dw_alloc(sizeof *i + like->line.len);
    if (!i)
        return DW_ENOMEM;
    *i = *like;
    i->line = dw_str_make((char *)(i + 1), like->line.len);
    if (like->line.len)
        memcpy(i + 1, like->line.ptr, like->line.len);
    link_item(j, i);
    dw_table_add(&j->by_id, &i->node, item_hash(i));
    j->waiting++;
    j->texts += i->line.len;
    j->next_number = i->number >= j->next_number ? i->number + 1 : j->next_number;
    return DW_OK;
}

static int put_held(struct output_journal *j, uint64_t offset)
{
    if (j->held_count == j->held_cap) {
        size_t cap = j->held_cap ? j->held_cap * 2 : 64;
        uint64_t *more = dw_resize(j->held, cap * sizeof *more);
        if (!more)
            return DW_ENOMEM;
        j->held = more;
        j->held_cap = cap;
    }
    j->held[j->held_count++] = offset;
    return DW_OK;
}

/* ---- writing ---- */

static void write_item(const struct output_item *i, struct dw_buf *out)
{
    if (i->kind == OUTPUT_SUMMARY || i->kind == OUTPUT_PROVISIONAL) {
        const bool early = i->kind == OUTPUT_PROVISIONAL;
        dw_buf_printf(out, "%s %" PRIu64 " %" PRId64 " %s %s%s", early ? "early" : "text", i->number, i->since_ns, i->id, i->revision, early ? " " : "");
        dw_buf_str(out, i->line);
        dw_buf_byte(out, '\n');
    } else {
        dw_buf_printf(out, "wait %" PRIu64 " %c %" PRId64 " %s %s\n", i->number, i->kind == OUTPUT_RAISED ? 'r' : 'c', i->since_ns, i->id, i->revision);
    }
}

const struct output_item *output_journal_find(const struct output_journal *j, const struct output_item *like)
{
    return same_item(j, like);
}

int output_journal_add(struct output_journal *j, const struct output_item *item, bool *ret_replaced)
{
    struct output_item copy = *item, *old = same_item(j, item);
    copy.number = j->next_number;
    *ret_replaced = old != NULL;
    if (old)
        copy.since_ns = old->since_ns; /* it has waited since then */
    int rc = put_item(j, &copy);
    if (rc < 0)
        return rc;
    write_item(&copy, &j->batch);
    if (old)
        output_journal_done(j, old);
    return j->batch.err;
}

void output_journal_done(struct output_journal *j, struct output_item *item)
{
    dw_buf_printf(&j->batch, "done %" PRIu64 "\n", item->number);
    remove_item(j, item);
}

void output_journal_to_tail(struct output_journal *j, struct output_item *item)
{
    unlink_item(j, item);
    link_item(j, item);
}

int output_journal_hold(struct output_journal *j, uint64_t offset)
{
    dw_buf_printf(&j->batch, "hold %" PRIu64 "\n", offset);
    return put_held(j, offset);
}

void output_journal_told(struct output_journal *j)
{
    dw_buf_printf(&j->batch, "told\n");
    j->held_count = 0;
}

void output_journal_seen(struct output_journal *j, uint64_t from, uint64_t to, const char *hash)
{
    j->seen_from = from;
    j->seen = to;
    (void)snprintf(j->seen_hash, sizeof j->seen_hash, "%s", hash);
    dw_buf_printf(&j->batch, "seen %" PRIu64 " %" PRIu64 " %s\n", from, to, hash[0] ? hash : "-");
}

/* Everything that is still true, and nothing else. */
static int write_anew(struct output_journal *j)
{
    struct dw_buf out = {0};
    dw_buf_str(&out, dw_str_of(first_line));
    for (const struct output_item *i = j->head; i; i = i->next)
        write_item(i, &out);
    for (size_t i = 0; i < j->held_count; i++)
        dw_buf_printf(&out, "hold %" PRIu64 "\n", j->held[i]);
    dw_buf_printf(&out, "seen %" PRIu64 " %" PRIu64 " %s\nend\n", j->seen_from, j->seen, j->seen_hash[0] ? j->seen_hash : "-");
    j->anew = true; /* until it is done: after a failure it is not known which file stands there */
    int rc = out.err ? out.err : dw_fs_write_file(j->fs, j->path, 0640, dw_buf_view(&out));
    if (rc == DW_OK) {
        dw_fs_close(j->fd);
        j->fd = -1;
        j->anew = false;
        j->bytes = out.len;
        j->torn = false;
        dw_buf_reset(&j->batch);
        rc = dw_fs_open(j->fs, j->path, O_RDWR | O_APPEND, 0, &j->fd);
    }
    dw_buf_fini(&out);
    return rc;
}

int output_journal_commit(struct output_journal *j)
{
    uint64_t live = (j->waiting + 1) * ITEM_BYTES + j->texts + j->held_count * 12;
    if (j->batch.err || j->anew) /* memory knows what a batch that was lost would have said */
        return write_anew(j);
    if (j->batch.len == 0)
        return DW_OK;
    int rc = j->fd < 0 ? dw_fs_open(j->fs, j->path, O_RDWR | O_APPEND, 0, &j->fd) : DW_OK;
    if (rc == DW_OK && j->torn)
        rc = dw_fs_truncate(j->fs, j->fd, j->bytes);
    if (rc < 0)
        return rc;
    size_t before = j->batch.len;
    dw_buf_str(&j->batch, DW_STR("end\n"));
    if (j->batch.err)
        return DW_ENOMEM;
    j->torn = true;
    rc = dw_fs_write(j->fs, j->fd, j->batch.ptr, j->batch.len);
    if (rc == DW_OK)
        rc = dw_fs_sync(j->fs, j->fd);
    if (rc < 0) {
        j->batch.len = before;
        return rc;
    }
    j->torn = false;
    j->bytes += j->batch.len;
    dw_buf_reset(&j->batch);
    return j->bytes > REST_BYTES && j->bytes > 4 * live ? write_anew(j) : DW_OK;
}

/* ---- reading ---- */

static bool take_number(struct dw_str *rest, uint64_t *ret)
{
    return dw_str_u64(dw_str_cut(rest, ' '), ret);
}

/* A word is printable ASCII, as it was written. */
static bool copy_word(struct dw_str word, char *to, size_t cap)
{
    if (word.len == 0 || word.len >= cap)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if ((uint8_t)word.ptr[i] <= ' ' || (uint8_t)word.ptr[i] >= 0x7f)
            return false;
    memcpy(to, word.ptr, word.len);
    to[word.len] = '\0';
    return true;
}

/* What stands behind `wait`, `text` or `early`: an item of that kind, where it does not say it itself. */
static bool read_item(struct dw_str rest, enum output_kind kind_of, struct output_item *ret)
{
    const bool is_text = kind_of == OUTPUT_SUMMARY || kind_of == OUTPUT_PROVISIONAL;
    uint64_t since;
    *ret = (struct output_item){.kind = kind_of};
    if (!take_number(&rest, &ret->number))
        return false;
    if (!is_text) {
        struct dw_str kind = dw_str_cut(&rest, ' ');
        ret->kind = dw_str_eq(kind, DW_STR("r")) ? OUTPUT_RAISED : OUTPUT_CHANGED;
        if (ret->kind == OUTPUT_CHANGED && !dw_str_eq(kind, DW_STR("c")))
            return false;
    }
    if (!take_number(&rest, &since) || since > INT64_MAX || !copy_word(dw_str_cut(&rest, ' '), ret->id, sizeof ret->id))
        return false;
    ret->since_ns = (int64_t)since;
    if (kind_of == OUTPUT_PROVISIONAL && !copy_word(dw_str_cut(&rest, ' '), ret->revision, sizeof ret->revision))
        return false;
    ret->line = is_text ? rest : DW_STR("");
    return is_text ? rest.len > 0 : copy_word(rest, ret->revision, sizeof ret->revision);
}

static struct output_item *numbered(const struct output_journal *j, uint64_t number)
{
    struct output_item *i = j->head; /* what is done was near the head */
    while (i && i->number != number)
        i = i->next;
    return i;
}

/* A line of a whole batch. False: it is none. */
static bool apply(struct output_journal *j, struct dw_str line, int *rc)
{
    struct output_item item;
    struct dw_str rest = line, word = dw_str_cut(&rest, ' ');
    uint64_t a, b;
    const bool is_text = dw_str_eq(word, DW_STR("text")), is_early = dw_str_eq(word, DW_STR("early"));
    if (is_text || is_early || dw_str_eq(word, DW_STR("wait"))) {
        if (!read_item(rest, is_text ? OUTPUT_SUMMARY : is_early ? OUTPUT_PROVISIONAL : OUTPUT_RAISED, &item))
            return false;
        *rc = put_item(j, &item);
        return true;
    }
    if (dw_str_eq(word, DW_STR("done"))) {
        struct output_item *i = dw_str_u64(rest, &a) ? numbered(j, a) : NULL;
        if (i)
            remove_item(j, i);
        return i != NULL;
    }
    if (dw_str_eq(word, DW_STR("hold")) && dw_str_u64(rest, &a)) {
        *rc = put_held(j, a);
        return true;
    }
    if (dw_str_eq(line, DW_STR("told"))) {
        j->held_count = 0;
        return true;
    }
    char hash[sizeof j->seen_hash];
    if (!dw_str_eq(word, DW_STR("seen")) || !take_number(&rest, &a) || !take_number(&rest, &b) || a > b || !copy_word(rest, hash, sizeof hash)
        || !(rest.len == 16 || dw_str_eq(rest, DW_STR("-"))))
        return dw_str_eq(line, DW_STR("end"));
    j->seen_from = a;
    j->seen = b;
    (void)snprintf(j->seen_hash, sizeof j->seen_hash, "%.*s", DW_ARG(rest.len == 16 ? rest : DW_STR("")));
    return true;
}

/* Whole batches, one after the other; *ret_good: where the last of them ends. */
static int replay(struct output_journal *j, struct dw_str text, uint64_t *ret_good)
{
    size_t at = sizeof first_line - 1;
    int rc = DW_OK;
    while (rc == DW_OK) {
        size_t len = dw_str_find(dw_str_slice(text, at, text.len), DW_STR("\nend\n"));
        if (at + len >= text.len)
            break;
        struct dw_str batch = dw_str_slice(text, at, at + len);
        while (batch.len && rc == DW_OK)
            if (!apply(j, dw_str_cut(&batch, '\n'), &rc))
                rc = DW_ECORRUPT;
        at += len + sizeof "\nend\n" - 1;
    }
    *ret_good = at;
    return rc;
}

int output_journal_open(struct output_journal *j, const struct dw_fs *fs, const char *path)
{
    struct dw_buf text = {0};
    *j = (struct output_journal){.fs = fs, .fd = -1, .next_number = 1};
    (void)snprintf(j->path, sizeof j->path, "%s", path);
    int rc = dw_fs_read_file(fs, path, FILE_MAX, &text);
    bool is_new = rc == DW_ENOENT;
    if (rc == DW_OK && !dw_str_starts(dw_buf_view(&text), dw_str_of(first_line)))
        rc = DW_ECORRUPT;
    if (rc == DW_OK)
        rc = replay(j, dw_buf_view(&text), &j->bytes);
    j->torn = rc == DW_OK && j->bytes < text.len;
    dw_buf_fini(&text);
    if (is_new)
        return write_anew(j);
    return rc == DW_OK ? dw_fs_open(fs, path, O_RDWR | O_APPEND, 0, &j->fd) : rc;
}

void output_journal_close(struct output_journal *j)
{
    for (struct output_item *i = j->head; i;) {
        struct output_item *next = i->next;
        dw_free(i);
        i = next;
    }
    dw_table_fini(&j->by_id);
    dw_free(j->held);
    dw_buf_fini(&j->batch);
    dw_fs_close(j->fd);
    *j = (struct output_journal){.fd = -1};
}
