/*
 * input_journal: systemd's journal as an input.
 *
 *     journal (journal.c) -> lines of a file of ours (input_store.c), each beginning with its entry's cursor -> a tail, like any log
 *
 * Idea: the journal can be asked again, so nothing is lost that is still in it, and the only question is where to go on. The last line that was written says that, and
 * nothing else does. What is removed from the journal before it was read shows as a gap in its numbers, and is said in the same file, before the entry behind it.
 *
 * Invariants:
 *   (1) Every line of the file, a note of ours too, has the cursor of the last entry up to it; so a start goes on behind the last whole line, and the torn one behind it is
 *       taken back (store_resume). Each entry is in the files once, whenever the agent is killed.
 *   (2) One reading takes BUDGET_NS, or one entry, at most.
 *   (3) Where there is no room nothing is read: entries wait in the journal.
 */
#include "inputs_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BATCH_BYTES = 256 * 1024, NAME_PATH_MAX = 40, FILES_MAX = 100000, PATH_BYTES = 1024 };
#define BUDGET_NS (5 * DW_NS_PER_MS)
#define CURSOR_MEMBER "{\"__CURSOR\":\""

static const char *const system_roots[] = {DW_JOURNALD_PERSISTENT, DW_JOURNALD_VOLATILE};

/* journald, or journald-PATH, `/` being `_`; of a long path a hash. */
static void name_it(struct input *i, struct dw_str where)
{
    char path[NAME_PATH_MAX + 1];
    size_t n = 0;
    for (size_t k = 1; k < where.len && n < NAME_PATH_MAX; k++)
        path[n++] = where.ptr[k] == '/' ? '_' : where.ptr[k];
    path[n] = '\0';
    if (!i->journald.dir)
        (void)snprintf(i->at.name, sizeof i->at.name, STORE_PLACE);
    else if (where.len - 1 <= NAME_PATH_MAX)
        (void)snprintf(i->at.name, sizeof i->at.name, STORE_PLACE "-%s", path);
    else
        (void)snprintf(i->at.name, sizeof i->at.name, STORE_PLACE "-%016" PRIx64, dw_hash((struct dw_hash_key){0}, where));
}

int journald_open(struct input *i, struct dw_str where)
{
    i->journald.dir = dw_str_eq(where, DW_STR(DW_JOURNALD_SYSTEM)) ? NULL : where.ptr;
    name_it(i, where);
    for (const struct input *x = i->in->input; x < i; x++)
        if (x->is_journald && strcmp(x->at.name, i->at.name) == 0) {
            dw_error("inputs.journald: '%.*s' stands there twice, or two folders have one name for their files (%s)", DW_ARG(where), i->at.name);
            return DW_ECONFIG;
        }
    i->fd = epoll_create1(EPOLL_CLOEXEC); /* stays, while the journal behind it may be opened anew */
    if (i->fd < 0)
        return dw_err_from_errno(errno);
    return dw_buf_reserve(&i->journald.cursor, JOURNAL_CURSOR_MAX) ? DW_OK : DW_ENOMEM;
}

/* ---- the place ---- */

/* The cursor that a line of ours begins with; an empty one is one too. */
static bool cursor_of(struct dw_str line, struct dw_str *ret)
{
    struct dw_str rest = line;
    for (int word = 0; word < 3; word++)
        (void)dw_str_cut(&rest, ' ');
    if (!rest.ptr || !dw_str_starts(rest, DW_STR(CURSOR_MEMBER)))
        return false;
    rest = dw_str_slice(rest, strlen(CURSOR_MEMBER), rest.len);
    size_t n = dw_str_index(rest, '"');
    *ret = dw_str_slice(rest, 0, n);
    return n < rest.len && (n == 0 || journal_is_cursor(*ret));
}

/* The last one of several lines. */
static bool last_cursor(struct dw_str lines, struct dw_str *ret)
{
    struct dw_str rest = lines;
    while (rest.len) {
        size_t end = rest.ptr[rest.len - 1] == '\n' ? rest.len - 1 : rest.len, from = end;
        while (from && rest.ptr[from - 1] != '\n')
            from--;
        if (cursor_of(dw_str_slice(rest, from, end), ret))
            return true;
        rest = dw_str_slice(rest, 0, from);
    }
    return false;
}

int journald_begin(struct input *i)
{
    struct journald *jd = &i->journald;
    struct dw_buf lines = {0};
    struct dw_str cursor;
    int rc = store_resume(i->in->store, i->at.name, &lines);
    bool found = rc == DW_OK && last_cursor(dw_buf_view(&lines), &cursor);
    if (found)
        dw_buf_str(&jd->cursor, cursor);
    else if (rc == DW_OK && lines.len) {
        DW_COUNT(journald_places_lost);
        dw_warn("%s: no line of its files says how far it was read: it is read from its beginning, and entries may come again", i->at.name);
    }
    jd->skip = rc == DW_OK && !lines.len && i->in->opt->start == DW_START_NOW;
    if (rc < 0)
        dw_error("%s: what was written of it cannot be read: %s", i->at.name, dw_err_text(rc));
    dw_buf_fini(&lines);
    return rc;
}

/* ---- folders ---- */

static uint32_t roots_of(const struct journald *jd, const char *ret[2])
{
    ret[0] = jd->dir ? jd->dir : system_roots[0];
    ret[1] = system_roots[1];
    return jd->dir ? 1 : 2;
}

/* Which folders there are, in one number. */
static uint64_t look_at_roots(const struct journald *jd)
{
    const char *root[2];
    struct dw_stat st;
    uint64_t sum = 0;
    for (uint32_t k = 0; k < roots_of(jd, root); k++)
        if (dw_fs_stat(root[k], &st) == DW_OK)
            sum = sum * 31 + st.device * 31 + st.inode;
    return sum;
}

/* Counts files of journals in a folder and, once, in the folders below it. */
static void count_files(const char *dir, bool below, uint64_t *files, uint64_t *unreadable)
{
    struct dw_buf names = {0};
    char path[PATH_BYTES];
    int fd;
    if (dw_fs_list(dir, FILES_MAX, &names) == DW_EACCES)
        ++*unreadable;
    for (const char *n = names.ptr; n && n < names.ptr + names.len; n += strlen(n) + 1) {
        bool file = dw_str_ends(dw_str_of(n), DW_STR(".journal")) || dw_str_ends(dw_str_of(n), DW_STR(".journal~"));
        if (dw_path_join(path, sizeof path, dir, n) < 0)
            continue;
        if (!file && below)
            count_files(path, false, files, unreadable);
        if (!file)
            continue;
        int rc = dw_fs_open(&dw_fs_system, path, O_RDONLY | O_NONBLOCK, 0, &fd);
        ++*files;
        *unreadable += rc == DW_EACCES;
        if (rc == DW_OK)
            dw_fs_close(fd);
    }
    dw_buf_fini(&names);
}

/* libsystemd passes over what it may not read without a word. */
static void say_unreadable(struct input *i)
{
    struct journald *jd = &i->journald;
    const char *root[2];
    uint64_t files = 0, unreadable = 0;
    for (uint32_t k = 0; k < roots_of(jd, root); k++)
        count_files(root[k], true, &files, &unreadable);
    if (unreadable > jd->unreadable) {
        DW_COUNT_N(journald_unreadable, unreadable - jd->unreadable);
        i->losses.unreadable += unreadable - jd->unreadable;
        dw_warn("%s: %" PRIu64 " of %" PRIu64 " files may not be read: the agent needs CAP_DAC_READ_SEARCH, or to be in the group systemd-journal", i->at.name, unreadable, files);
    }
    jd->unreadable = unreadable;
    if (!files)
        dw_warn("%s: there is no journal in %s%s%s yet", i->at.name, root[0], jd->dir ? "" : " or ", jd->dir ? "" : root[1]);
}

/* ---- reading ---- */

/* What stands in the journal is not read (start: now). That is said in a line which has the place, so that it holds for later starts too. */
static int skip_to_end(struct input *i)
{
    struct journald *jd = &i->journald;
    struct dw_buf json = {0};
    size_t before = i->out.len;
    dw_buf_reset(&jd->cursor);
    int rc = journal_seek_end(jd->journal, &jd->cursor);
    dw_buf_printf(&json, CURSOR_MEMBER "%.*s\",\"event.action\":\"input.begin\",\"event.reason\":\"entries that stood in the journal before are not read (start: now)\"}",
        DW_ARG(dw_buf_view(&jd->cursor)));
    if (rc == DW_OK)
        (void)dw_received_put(&i->out, &(struct dw_received_line){.time_ns = dw_clock_real(i->in->clock), .note = true, .text = dw_buf_view(&json)});
    if (rc == DW_OK && (json.err || i->out.err))
        rc = DW_ENOMEM;
    if (rc < 0) {
        i->out.len = before;
        i->out.err = DW_OK;
    }
    dw_buf_fini(&json);
    jd->skip = rc < 0;
    return rc;
}

static void shut(struct journald *jd)
{
    journal_free(jd->journal); /* its descriptor leaves the epoll by being closed */
    jd->journal = NULL;
}

static void open_now(struct input *i)
{
    struct journald *jd = &i->journald;
    struct epoll_event in = {.events = EPOLLIN};
    jd->roots = look_at_roots(jd);
    int rc = journal_open(jd->dir, i->in->message_max, DW_RECEIVED_TEXT_MAX, &jd->journal);
    if (rc == DW_OK && epoll_ctl(i->fd, EPOLL_CTL_ADD, journal_fd(jd->journal), &in) != 0)
        rc = dw_err_from_errno(errno);
    if (rc == DW_OK)
        rc = jd->skip ? skip_to_end(i) : journal_seek(jd->journal, dw_buf_view(&jd->cursor));
    if (rc == DW_OK) {
        jd->said = false;
        say_unreadable(i);
        dw_info("reading: %s", i->at.name);
        return;
    }
    shut(jd);
    jd->idle = true; /* nobody waits for it */
    if (!jd->said)
        dw_error("inputs.journald: %s: %s; it is tried again", jd->dir ? jd->dir : DW_JOURNALD_SYSTEM, dw_err_text(rc));
    jd->said = true;
}

/* Adds an entry to what is to be written. */
static bool take(struct input *i, const struct journal_entry *e)
{
    if (e->gap) {
        DW_COUNT(journald_gaps);
        DW_COUNT_N(journald_missed, e->missed);
        i->losses.gaps++;
        i->losses.missed += e->missed;
        input_note(i, dw_clock_mono(i->in->clock));
    }
    size_t before = i->out.len;
    uint64_t cut = e->cut_bytes + dw_received_put(&i->out, &(struct dw_received_line){.time_ns = e->time_ns, .text = e->text, .cut_bytes = e->cut_bytes});
    if (i->out.err) {
        i->out.len = before;
        i->out.err = DW_OK;
        return false;
    }
    DW_COUNT(journald_entries);
    DW_COUNT_IF(cut, inputs_cut);
    i->losses.cut += cut > 0;
    i->losses.cut_bytes += cut;
    i->waiting++;
    i->waiting_bytes += e->text.len;
    dw_buf_reset(&i->journald.cursor);
    dw_buf_str(&i->journald.cursor, e->cursor); /* has its room since the start */
    return true;
}

void journald_read(struct input *i)
{
    struct journald *jd = &i->journald;
    int64_t until = dw_clock_mono(i->in->clock) + BUDGET_NS;
    struct journal_entry e;
    int rc = 1;
    if (!jd->journal || i->in->held || i->in->stopped || !input_write(i))
        return;
    journal_heard(jd->journal);
    while (rc > 0 && i->out.len < BATCH_BYTES && !i->in->held) {
        rc = journal_next(jd->journal, &e);
        if (rc > 0 && !take(i, &e))
            rc = DW_ENOMEM;
        if (dw_clock_mono(i->in->clock) > until)
            break;
    }
    jd->idle = rc == 0;
    if (rc < 0) { /* from the last entry that was taken */
        shut(jd);
        DW_COUNT(journald_opened_again);
    }
    (void)input_write(i); /* else it is kept, and nothing more is read */
}

void journald_look(struct input *i)
{
    struct journald *jd = &i->journald;
    if (jd->journal && look_at_roots(jd) != jd->roots) {
        shut(jd);
        DW_COUNT(journald_opened_again);
    }
    if (!jd->journal && !i->in->stopped)
        open_now(i);
}

void journald_close(struct input *i)
{
    shut(&i->journald);
    i->journald.idle = true; /* nothing more is awaited of it */
    dw_buf_fini(&i->journald.cursor);
    dw_buf_reset(&i->out); /* what was not written is read again */
    i->waiting = i->waiting_bytes = 0;
}
