/*
 * manifest: the list of segments as lines, each holding the hash of the one before.
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

static bool take_range(struct dw_str s, struct dw_str *a, struct dw_str *b)
{
    size_t at = s.len > 1 ? 1 + dw_str_index(dw_str_slice(s, 1, s.len), '-') : s.len; /* a may be negative */
    if (at >= s.len)
        return false;
    *a = dw_str_slice(s, 0, at);
    *b = dw_str_slice(s, at + 1, s.len);
    return true;
}

static bool take_file(struct dw_str v, char *out, size_t cap)
{
    if (v.len == 0 || v.len >= cap || dw_str_index(v, '/') < v.len)
        return false;
    memcpy(out, v.ptr, v.len);
    out[v.len] = '\0';
    return true;
}

/* One key=value of an entry. Unknown keys are for later versions and pass. */
static bool take_pair(struct dw_str key, struct dw_str v, struct dw__entry_info *e, uint8_t *prev)
{
    struct dw_str a, b;
    struct dw_segment_info *s = &e->segment;
    if (dw_str_eq(key, DW_STR("n")))
        return dw_str_u64(v, &e->n);
    if (dw_str_eq(key, DW_STR("prev")))
        return dw_unhex(v, prev, DW_SHA256_BYTES);
    if (dw_str_eq(key, DW_STR("segment")))
        return dw_str_u64(v, &s->number);
    if (dw_str_eq(key, DW_STR("file")))
        return take_file(v, s->file, sizeof s->file);
    if (dw_str_eq(key, DW_STR("bytes")))
        return dw_str_u64(v, &s->bytes);
    if (dw_str_eq(key, DW_STR("sha256")))
        return dw_unhex(v, s->sha256, sizeof s->sha256);
    if (dw_str_eq(key, DW_STR("frames")))
        return dw_str_u64(v, &s->frames);
    if (dw_str_eq(key, DW_STR("events")))
        return dw_str_u64(v, &s->events);
    if (dw_str_eq(key, DW_STR("text")))
        return dw_str_u64(v, &s->text_bytes);
    if (dw_str_eq(key, DW_STR("open")))
        return dw_str_u64(v, &e->open);
    if (dw_str_eq(key, DW_STR("intake")))
        return take_range(v, &a, &b) && dw_str_u64(a, &s->first_intake) && dw_str_u64(b, &s->last_intake);
    if (dw_str_eq(key, DW_STR("times")))
        return take_range(v, &a, &b) && dw_str_i64(a, &s->time_min_ns) && dw_str_i64(b, &s->time_max_ns);
    if (dw_str_eq(key, DW_STR("type")))
        e->type = dw_str_eq(v, DW_STR("open")) ? DW__ENTRY_OPEN
            : dw_str_eq(v, DW_STR("seal"))     ? DW__ENTRY_SEAL
                                               : DW__ENTRY_OTHER;
    return true;
}

static bool parse_entry(struct dw_str line, struct dw__entry_info *e, uint8_t *prev)
{
    *e = (struct dw__entry_info){.type = DW__ENTRY_OTHER, .n = UINT64_MAX};
    while (line.ptr) {
        struct dw_str v = dw_str_cut(&line, ' '), key = dw_str_cut(&v, '=');
        if (!v.ptr || !take_pair(key, v, e, prev))
            return false;
    }
    return e->n != UINT64_MAX;
}

static int take_entry(struct dw__manifest *m, const struct dw__entry_info *e)
{
    if (e->type == DW__ENTRY_OPEN) {
        m->open = e->segment.number;
        m->has_open = true;
    } else if (e->type == DW__ENTRY_SEAL) {
        if (m->sealed_count == m->sealed_cap) {
            uint64_t cap = m->sealed_cap ? m->sealed_cap * 2 : 64;
            struct dw_segment_info *sealed = dw_resize(m->sealed, cap * sizeof *sealed);
            if (!sealed)
                return DW_ENOMEM;
            m->sealed = sealed;
            m->sealed_cap = cap;
        }
        m->sealed[m->sealed_count] = e->segment;
        m->sealed[m->sealed_count++].sealed = true;
        m->open = e->open;
        m->has_open = true;
    }
    m->entries++;
    return DW_OK;
}

int dw__manifest_read(const struct dw_fs *fs, const char *dir, struct dw__manifest *m)
{
    char path[DW__PATH_MAX];
    struct dw_buf text = {0};
    *m = (struct dw__manifest){0};
    int rc = dw_path_join(path, sizeof path, dir, "MANIFEST");
    if (rc == DW_OK)
        rc = dw_fs_read_file(fs, path, DW__MANIFEST_MAX_BYTES, &text);
    struct dw_str rest = dw_buf_view(&text);
    while (rc == DW_OK && dw_str_index(rest, '\n') < rest.len) {
        struct dw__entry_info e;
        uint8_t prev[DW_SHA256_BYTES] = {0};
        struct dw_str line = dw_str_cut(&rest, '\n');
        if (!parse_entry(line, &e, prev)) {
            rc = DW_ESYNTAX;
            break;
        }
        if (!m->broken_at && (e.n != m->entries || memcmp(prev, m->last_hash, sizeof prev) != 0))
            m->broken_at = m->entries + 1;
        dw_sha256_of(line, m->last_hash);
        m->bytes += line.len + 1;
        rc = take_entry(m, &e);
    }
    dw_buf_fini(&text);
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
    *m = (struct dw__manifest){0};
}

static void print_entry(const struct dw__entry_info *e, const struct dw__manifest *m, int64_t now_ns, struct dw_buf *out)
{
    char hex[2 * DW_SHA256_BYTES + 1];
    const struct dw_segment_info *s = &e->segment;
    dw_hex(m->last_hash, DW_SHA256_BYTES, hex);
    dw_buf_printf(out, "n=%" PRIu64 " prev=%s time=%" PRId64 " type=%s segment=%" PRIu64, e->n, hex, now_ns,
        e->type == DW__ENTRY_OPEN ? "open" : "seal", s->number);
    if (e->type != DW__ENTRY_SEAL)
        return;
    dw_hex(s->sha256, DW_SHA256_BYTES, hex);
    dw_buf_printf(out, " file=%s bytes=%" PRIu64 " sha256=%s frames=%" PRIu64 " events=%" PRIu64 " text=%" PRIu64,
        s->file, s->bytes, hex, s->frames, s->events, s->text_bytes);
    dw_buf_printf(out, " intake=%" PRIu64 "-%" PRIu64 " times=%" PRId64 "-%" PRId64 " open=%" PRIu64, s->first_intake,
        s->last_intake, s->time_min_ns, s->time_max_ns, e->open);
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
    print_entry(entry, m, now_ns, &line);
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
    for (uint64_t i = 0; i < m.sealed_count; i++)
        each(arg, &m.sealed[i]);
    if (m.has_open && dw__segment_path(path, dir, m.open, ".open") == DW_OK && dw_fs_stat(path, &st) == DW_OK) {
        struct dw_segment_info open = {.number = m.open, .bytes = st.size_bytes};
        (void)snprintf(open.file, sizeof open.file, "%s", strrchr(path, '/') + 1);
        each(arg, &open);
    }
    dw__manifest_fini(&m);
    return DW_OK;
}

int dw_manifest_lines(const struct dw_fs *fs, const char *dir, uint64_t from, uint64_t to, struct dw_buf *out)
{
    char path[DW__PATH_MAX];
    struct dw_buf text = {0};
    bool begun = false, ended = false;
    int rc = dw_path_join(path, sizeof path, dir, "MANIFEST");
    if (rc == DW_OK)
        rc = dw_fs_read_file(fs, path, DW__MANIFEST_MAX_BYTES, &text);
    struct dw_str rest = dw_buf_view(&text);
    while (rc == DW_OK && !ended && dw_str_index(rest, '\n') < rest.len) {
        struct dw__entry_info e;
        uint8_t prev[DW_SHA256_BYTES];
        struct dw_str line = dw_str_cut(&rest, '\n');
        if (!parse_entry(line, &e, prev)) {
            rc = DW_ESYNTAX;
            break;
        }
        bool seal = e.type == DW__ENTRY_SEAL;
        ended = begun && (!seal || e.segment.number > to);
        begun |= seal && e.segment.number >= from && e.segment.number <= to;
        if (!begun)
            continue;
        dw_buf_str(out, line);
        dw_buf_byte(out, '\n');
        rc = out->err;
    }
    dw_buf_fini(&text);
    return rc;
}

int dw_manifest_lines_check(struct dw_str lines, uint32_t *ret_line)
{
    uint8_t last[DW_SHA256_BYTES], prev[DW_SHA256_BYTES] = {0};
    uint64_t n = 0;
    for (*ret_line = 1; lines.len; ++*ret_line) {
        struct dw__entry_info e;
        struct dw_str line = dw_str_slice(lines, 0, dw_str_index(lines, '\n'));
        if (line.len == lines.len || !parse_entry(line, &e, prev))
            return DW_ESYNTAX;
        if (*ret_line > 1 && (e.n != n + 1 || memcmp(prev, last, sizeof prev) != 0))
            return DW_ECHAIN;
        n = e.n;
        dw_sha256_of(line, last);
        lines = dw_str_slice(lines, line.len + 1, lines.len);
    }
    return DW_OK;
}
