/*
 * manifest: the list of segments, states and holds as lines, each holding the hash of the one before.
 *
 * Invariants:
 *   (1) Entries are only appended; a line without its newline was torn and does not count.
 *   (2) An entry is synced before anyone acts on it.
 */
#include "manifest_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

int dw__segment_path(char out[DW__PATH_MAX], const char *dir, uint64_t number, const char *suffix)
{
    int n = snprintf(out, DW__PATH_MAX, "%s/seg-%08" PRIu64 "%s", dir, number, suffix);
    return n < 0 || n >= DW__PATH_MAX ? DW_ELIMIT : DW_OK;
}

int dw__state_path(char out[DW__PATH_MAX], const char *dir, uint64_t number)
{
    int n = snprintf(out, DW__PATH_MAX, "%s/state-%08" PRIu64 ".zst", dir, number);
    return n < 0 || n >= DW__PATH_MAX ? DW_ELIMIT : DW_OK;
}

struct dw_segment_info *dw__manifest_find(const struct dw__manifest *m, uint64_t segment)
{
    for (uint64_t i = m->sealed_count; i-- > 0;) /* nearly always it is the newest */
        if (m->sealed[i].number == segment)
            return &m->sealed[i];
    return NULL;
}

bool dw__manifest_keeps_state(const struct dw__manifest *m, uint64_t i)
{
    return m->sealed[i].has_state && !(m->sealed[i].expired && i + 1 < m->sealed_count && m->sealed[i + 1].expired);
}

static bool has_held_events(const struct dw__manifest *m, const struct dw_segment_info *s)
{
    for (uint32_t i = 0; i < m->hold_count; i++)
        if (s->time_max_ns >= m->hold[i].from_ns && s->time_min_ns <= m->hold[i].to_ns)
            return true;
    return false;
}

bool dw__manifest_held(const struct dw__manifest *m, uint64_t i)
{
    return has_held_events(m, &m->sealed[i]) || (i && !m->sealed[i - 1].expired && has_held_events(m, &m->sealed[i - 1]));
}

static int take_seal(struct dw__manifest *m, const struct dw__entry_info *e)
{
    if (m->sealed_count == m->sealed_cap) {
        uint64_t cap = m->sealed_cap ? m->sealed_cap * 2 : 64;
        struct dw_segment_info *sealed = dw_resize(m->sealed, cap * sizeof *sealed);
        if (!sealed)
            return DW_ENOMEM;
        m->sealed = sealed;
        m->sealed_cap = cap;
    }
    m->sealed[m->sealed_count] = e->segment;
    m->sealed[m->sealed_count].sealed = true;
    m->sealed[m->sealed_count++].sealed_ns = e->time_ns;
    m->open = e->open;
    m->has_open = true;
    return DW_OK;
}

static int take_hold(struct dw__manifest *m, const struct dw__entry_info *e)
{
    if (m->hold_count == m->hold_cap) {
        uint32_t cap = m->hold_cap ? m->hold_cap * 2 : 8;
        struct dw_hold *hold = dw_resize(m->hold, cap * sizeof *hold);
        if (!hold)
            return DW_ENOMEM;
        m->hold = hold;
        m->hold_cap = cap;
    }
    struct dw_hold *h = &m->hold[m->hold_count++];
    *h = (struct dw_hold){.from_ns = e->from_ns, .to_ns = e->to_ns, .since_ns = e->time_ns, .asked = e->asked};
    memcpy(h->name, e->name, sizeof h->name);
    return DW_OK;
}

static void take_release(struct dw__manifest *m, const char *name)
{
    for (uint32_t i = m->hold_count; i-- > 0;)
        if (strcmp(m->hold[i].name, name) == 0) {
            m->hold_count--;
            memmove(&m->hold[i], &m->hold[i + 1], (m->hold_count - i) * sizeof *m->hold);
        }
}

static int take_entry(struct dw__manifest *m, const struct dw__entry_info *e)
{
    struct dw_segment_info *of = e->type == DW__ENTRY_STATE ? dw__manifest_find(m, e->segment.number) : NULL;
    int rc = DW_OK;
    m->entries++;
    switch (e->type) {
    case DW__ENTRY_OPEN:
        m->open = e->segment.number;
        m->has_open = true;
        break;
    case DW__ENTRY_SEAL:
        rc = take_seal(m, e);
        break;
    case DW__ENTRY_STATE:
        if (of) {
            of->has_state = true;
            of->state_bytes = e->segment.bytes;
            memcpy(of->state_sha256, e->segment.sha256, sizeof of->state_sha256);
        }
        break;
    case DW__ENTRY_EXPIRE:
    case DW__ENTRY_OMIT:
        for (uint64_t i = 0; i < m->sealed_count; i++)
            if (!m->sealed[i].expired && m->sealed[i].number >= e->segment.number && m->sealed[i].number <= e->upto) {
                m->sealed[i].expired = true;
                m->sealed[i].left_out = e->type == DW__ENTRY_OMIT;
            }
        break;
    case DW__ENTRY_HOLD:
        rc = take_hold(m, e);
        break;
    case DW__ENTRY_RELEASE:
        take_release(m, e->name);
        break;
    case DW__ENTRY_EXPORT:
    case DW__ENTRY_OTHER:
        break;
    }
    return rc;
}

/* What is done with an entry and its line: > 0: no more of them. */
typedef int entry_fn(void *arg, const struct dw__entry_info *e, const uint8_t prev[DW_SHA256_BYTES], struct dw_str line);

/* Calls `each` for every whole line. DW_ENOENT, DW_ESYNTAX, and what `each` fails with. */
static int each_entry(const struct dw_fs *fs, const char *dir, entry_fn *each, void *arg)
{
    char path[DW__PATH_MAX];
    struct dw_buf text = {0};
    int rc = dw_path_join(path, sizeof path, dir, "MANIFEST");
    if (rc == DW_OK)
        rc = dw_fs_read_file(fs, path, DW__MANIFEST_MAX_BYTES, &text);
    struct dw_str rest = dw_buf_view(&text);
    while (rc == DW_OK && dw_str_index(rest, '\n') < rest.len) {
        struct dw__entry_info e;
        uint8_t prev[DW_SHA256_BYTES] = {0};
        struct dw_str line = dw_str_cut(&rest, '\n');
        rc = dw__entry_parse(line, &e, prev) ? each(arg, &e, prev, line) : DW_ESYNTAX;
    }
    dw_buf_fini(&text);
    return rc > 0 ? DW_OK : rc;
}

static int take_line(void *manifest, const struct dw__entry_info *e, const uint8_t prev[DW_SHA256_BYTES], struct dw_str line)
{
    struct dw__manifest *m = manifest;
    if (!m->broken_at && (e->n != m->entries || memcmp(prev, m->last_hash, DW_SHA256_BYTES) != 0))
        m->broken_at = m->entries + 1;
    dw_sha256_of(line, m->last_hash);
    m->bytes += line.len + 1;
    return take_entry(m, e);
}

int dw__manifest_read(const struct dw_fs *fs, const char *dir, struct dw__manifest *m)
{
    *m = (struct dw__manifest){0};
    int rc = each_entry(fs, dir, take_line, m);
    if (rc < 0)
        dw__manifest_fini(m);
    return rc;
}

uint64_t dw__manifest_due(const struct dw__manifest *m, uint64_t segment)
{
    for (uint64_t i = m->sealed_count; i-- > 0;)
        if (m->sealed[i].number < segment)
            return m->sealed[i].last_intake + 1;
    return 0;
}

void dw__manifest_fini(struct dw__manifest *m)
{
    dw_free(m->sealed);
    dw_free(m->hold);
    *m = (struct dw__manifest){0};
}

static int write_line(const struct dw_fs *fs, const char *dir, uint64_t at, struct dw_str line)
{
    char path[DW__PATH_MAX];
    int fd;
    int rc = dw_path_join(path, sizeof path, dir, "MANIFEST");
    if (rc == DW_OK)
        rc = dw_fs_open(fs, path, O_WRONLY | O_CREAT | O_APPEND, 0640, &fd);
    if (rc != DW_OK)
        return rc;
    rc = dw_fs_truncate(fs, fd, at); /* a torn line of before goes */
    if (rc == DW_OK)
        rc = dw_fs_write(fs, fd, line.ptr, line.len);
    if (rc == DW_OK)
        rc = dw_fs_sync(fs, fd);
    dw_fs_close(fd);
    return rc == DW_OK ? dw_fs_sync_dir(fs, dir) : rc;
}

int dw__manifest_append(const struct dw_fs *fs, const char *dir, struct dw__manifest *m, struct dw__entry_info *entry,
    int64_t now_ns)
{
    struct dw_buf line = {0};
    entry->n = m->entries;
    entry->time_ns = now_ns;
    dw__entry_print(entry, m->last_hash, &line);
    size_t len = line.len;
    dw_buf_byte(&line, '\n');
    int rc = line.err ? line.err : write_line(fs, dir, m->bytes, dw_buf_view(&line));
    if (rc == DW_OK)
        rc = take_entry(m, entry);
    if (rc == DW_OK) {
        dw_sha256_of(dw_str_make(line.ptr, len), m->last_hash);
        m->bytes += line.len;
    }
    dw_buf_fini(&line);
    return rc;
}

int dw_archive_list(const struct dw_fs *fs, const char *dir, void (*each)(void *arg, const struct dw_segment_info *s),
    void *arg)
{
    struct dw__manifest m;
    char path[DW__PATH_MAX];
    struct dw_stat st;
    int rc = dw__manifest_read(fs, dir, &m);
    if (rc < 0)
        return rc;
    for (uint64_t i = 0; i < m.sealed_count; i++) {
        m.sealed[i].held = dw__manifest_held(&m, i);
        each(arg, &m.sealed[i]);
    }
    if (m.has_open && dw__segment_path(path, dir, m.open, ".open") == DW_OK && dw_fs_stat(path, &st) == DW_OK) {
        struct dw_segment_info open = {.number = m.open, .bytes = st.size_bytes};
        (void)snprintf(open.file, sizeof open.file, "%s", strrchr(path, '/') + 1);
        each(arg, &open);
    }
    dw__manifest_fini(&m);
    return DW_OK;
}

const char *dw_segment_state(const struct dw_segment_info *s)
{
    return s->left_out ? "left out" : s->expired ? "expired" : s->held ? "held" : s->sealed ? "sealed" : "open";
}

int dw_archive_holds(const struct dw_fs *fs, const char *dir, void (*each)(void *arg, const struct dw_hold *h), void *arg)
{
    struct dw__manifest m;
    int rc = dw__manifest_read(fs, dir, &m);
    for (uint32_t i = 0; rc == DW_OK && i < m.hold_count; i++)
        each(arg, &m.hold[i]);
    if (rc == DW_OK)
        dw__manifest_fini(&m);
    return rc;
}

struct done {
    const char *id;
    uint32_t entries;
};

static int count_done(void *arg, const struct dw__entry_info *e, const uint8_t prev[DW_SHA256_BYTES], struct dw_str line)
{
    struct done *d = arg;
    (void)prev;
    (void)line;
    d->entries += e->asked.id[0] && strcmp(e->asked.id, d->id) == 0;
    return 0;
}

int dw_archive_done(const struct dw_fs *fs, const char *dir, const char *id, uint32_t *ret_entries)
{
    struct done d = {.id = id};
    int rc = each_entry(fs, dir, count_done, &d);
    if (rc == DW_OK)
        *ret_entries = d.entries;
    return rc;
}

struct deeds {
    void (*each)(void *arg, const struct dw_archive_deed *d);
    void *arg;
};

static int tell_deed(void *arg, const struct dw__entry_info *e, const uint8_t prev[DW_SHA256_BYTES], struct dw_str line)
{
    const struct deeds *d = arg;
    bool ranges = dw__entry_ranges(e->type), own = e->type == DW__ENTRY_OPEN || e->type == DW__ENTRY_SEAL || e->type == DW__ENTRY_STATE;
    (void)prev;
    (void)line;
    if (!own && e->type != DW__ENTRY_OTHER)
        d->each(d->arg, &(struct dw_archive_deed){.what = dw__entry_word(e->type), .time_ns = e->time_ns, .from = ranges ? e->segment.number : 0,
            .to = ranges ? e->upto : 0, .name = e->name, .asked = &e->asked});
    return 0;
}

int dw_archive_deeds(const struct dw_fs *fs, const char *dir, void (*each)(void *arg, const struct dw_archive_deed *d), void *arg)
{
    return each_entry(fs, dir, tell_deed, &(struct deeds){.each = each, .arg = arg});
}

struct lines {
    uint64_t from, to;
    struct dw_buf *out;
    bool begun, sealed_all;
};

static int put_line(void *arg, const struct dw__entry_info *e, const uint8_t prev[DW_SHA256_BYTES], struct dw_str line)
{
    struct lines *l = arg;
    bool seal = e->type == DW__ENTRY_SEAL, last = l->sealed_all;
    (void)prev;
    l->begun |= seal && e->segment.number >= l->from && e->segment.number <= l->to;
    l->sealed_all = l->begun && seal && e->segment.number >= l->to;
    if (!l->begun)
        return 0;
    dw_buf_str(l->out, line);
    dw_buf_byte(l->out, '\n');
    return last || l->out->err < 0;
}

int dw_manifest_lines(const struct dw_fs *fs, const char *dir, uint64_t from, uint64_t to, struct dw_buf *out)
{
    struct lines l = {.from = from, .to = to, .out = out};
    int rc = each_entry(fs, dir, put_line, &l);
    return rc == DW_OK ? out->err : rc;
}

int dw_manifest_lines_check(struct dw_str lines, uint32_t *ret_line)
{
    uint8_t last[DW_SHA256_BYTES], prev[DW_SHA256_BYTES] = {0};
    uint64_t n = 0;
    for (*ret_line = 1; lines.len; ++*ret_line) {
        struct dw__entry_info e;
        struct dw_str line = dw_str_slice(lines, 0, dw_str_index(lines, '\n'));
        if (line.len == lines.len || !dw__entry_parse(line, &e, prev))
            return DW_ESYNTAX;
        if (*ret_line > 1 && (e.n != n + 1 || memcmp(prev, last, sizeof prev) != 0))
            return DW_ECHAIN;
        n = e.n;
        dw_sha256_of(line, last);
        lines = dw_str_slice(lines, line.len + 1, lines.len);
    }
    return DW_OK;
}
