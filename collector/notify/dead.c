/*
 * dead: messages that a receiver refused, or did not take for too long: kept with the reason until somebody has them sent again.
 *
 *     {"time","key","alert","kind":"raised|changed|summary|provisional","revision","reason","line","body"}      DATA/outputs/NAME.dead, NDJSON
 *
 * `line` is that of a summary, which stands nowhere else; `body` is what was sent last.
 *
 * Invariants:
 *   (1) A message is here, and synced, before it stops waiting.
 *   (2) Nothing is let go: beyond BODIES_MAX bytes dead letters are kept without their bodies, which can be made again; a line that is no
 *       dead letter stays where it is.
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <fcntl.h>
#include <stdio.h>

enum { FILE_MAX = 1 << 30, BODIES_MAX = 64 << 20 };
static const char *const kinds[] = {"raised", "changed", "summary", "provisional"};

static uint64_t count_lines(struct dw_str text, size_t *ret_good)
{
    uint64_t n = 0;
    *ret_good = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\n')
            continue;
        n++;
        *ret_good = i + 1;
    }
    return n;
}

int output_dead_open(struct output_dead *d, const struct dw_fs *fs, const char *path)
{
    struct dw_buf text = {0};
    size_t good = 0;
    *d = (struct output_dead){.fs = fs, .fd = -1};
    (void)snprintf(d->path, sizeof d->path, "%s", path);
    int rc = dw_fs_read_file(fs, path, FILE_MAX, &text);
    if (rc == DW_OK) {
        d->count = count_lines(dw_buf_view(&text), &good);
        d->torn = good < text.len;
    }
    d->bytes = good;
    dw_buf_fini(&text);
    return rc == DW_ENOENT ? DW_OK : rc;
}

void output_dead_close(struct output_dead *d)
{
    dw_fs_close(d->fd);
    d->fd = -1;
}

static void put_member(struct dw_buf *out, const char *name, struct dw_str value)
{
    dw_buf_printf(out, ",\"%s\":", name);
    (void)dw_json_string(out, value);
}

static void write_dead(const struct output_item *item, int64_t now_ns, const char *reason, struct dw_str body, struct dw_buf *out)
{
    dw_buf_str(out, DW_STR("{\"time\":\""));
    dw_time_text(out, now_ns);
    dw_buf_byte(out, '"');
    put_member(out, "alert", dw_str_of(item->id));
    put_member(out, "kind", dw_str_of(kinds[item->kind]));
    put_member(out, "revision", dw_str_of(item->revision));
    put_member(out, "reason", dw_str_of(reason));
    put_member(out, "line", item->line);
    put_member(out, "body", body);
    dw_buf_str(out, DW_STR("}\n"));
}

static int open_file(struct output_dead *d)
{
    int rc = dw_fs_open(d->fs, d->path, O_RDWR | O_APPEND | O_CREAT, 0640, &d->fd);
    return rc == DW_OK ? dw_fs_sync_parent(d->fs, d->path) : rc;
}

int output_dead_add(struct output_dead *d, const struct output_item *item, int64_t now_ns, const char *reason, struct dw_str body)
{
    struct dw_buf line = {0};
    int rc = d->fd < 0 ? open_file(d) : DW_OK;
    if (rc == DW_OK && d->torn)
        rc = dw_fs_truncate(d->fs, d->fd, d->bytes);
    write_dead(item, now_ns, reason, d->bytes < BODIES_MAX ? body : DW_STR(""), &line);
    if (rc == DW_OK)
        rc = line.err;
    if (rc == DW_OK) {
        d->torn = true;
        rc = dw_fs_write(d->fs, d->fd, line.ptr, line.len);
    }
    if (rc == DW_OK)
        rc = dw_fs_sync(d->fs, d->fd);
    if (rc == DW_OK) {
        d->torn = false;
        d->bytes += line.len;
        d->count++;
    }
    dw_buf_fini(&line);
    return rc;
}

static bool take_text(const struct dw_json_token *v, struct dw_arena *arena, struct dw_str *ret)
{
    struct dw_buf b = {0};
    bool ok = v->type == DW_JSON_STRING && dw_json_unescape(v->text, &b) && !b.err;
    *ret = ok ? dw_arena_copy(arena, dw_str_make(b.ptr ? b.ptr : "", b.len)) : DW_STR_NONE;
    dw_buf_fini(&b);
    return ret->ptr != NULL;
}

/* A word of printable ASCII, or nothing, that has room. */
static bool fits(struct dw_str s, char *to, size_t cap)
{
    if (s.len >= cap)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.ptr[i] <= ' ' || (uint8_t)s.ptr[i] >= 0x7f)
            return false;
    if (s.len)
        memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
    return true;
}

bool output_dead_read(struct dw_str line, struct dw_arena *arena, struct output_item *ret)
{
    struct dw_json j;
    struct dw_json_token key, v;
    struct dw_str id = DW_STR_NONE, kind = DW_STR_NONE, revision = DW_STR(""), text = DW_STR("");
    const struct {
        struct dw_str name;
        struct dw_str *to;
    } place[] = {{DW_STR("alert"), &id}, {DW_STR("kind"), &kind}, {DW_STR("revision"), &revision}, {DW_STR("line"), &text}};
    *ret = (struct output_item){.kind = OUTPUT_RAISED};
    dw_json_start(&j, line);
    if (dw_json_next(&j, &v) < 0 || v.type != DW_JSON_OBJECT)
        return false;
    while (dw_json_next(&j, &key) == DW_OK && key.type == DW_JSON_KEY) {
        if (dw_json_next(&j, &v) < 0 || ((v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY) && dw_json_skip(&j) < 0))
            return false;
        for (size_t i = 0; i < DW_COUNT_OF(place); i++)
            if (dw_str_eq(key.text, place[i].name) && !take_text(&v, arena, place[i].to))
                return false;
    }
    size_t k = 0;
    while (k < DW_COUNT_OF(kinds) && !dw_str_eq(kind, dw_str_of(kinds[k])))
        k++;
    if (k == DW_COUNT_OF(kinds) || id.len == 0
        || dw_str_index(text, '\n') < text.len || (text.len > 0) != (k == OUTPUT_SUMMARY || k == OUTPUT_PROVISIONAL) || (revision.len > 0) != (k != OUTPUT_SUMMARY))
        return false;
    ret->kind = (enum output_kind)k;
    ret->line = text;
    return fits(id, ret->id, sizeof ret->id) && fits(revision, ret->revision, sizeof ret->revision);
}

int output_dead_each(struct output_dead *d, int (*each)(void *arg, const struct output_item *item), void *arg, struct dw_buf *others)
{
    struct dw_buf text = {0};
    struct dw_arena arena;
    dw_arena_init(&arena, 0);
    int rc = dw_fs_read_file(d->fs, d->path, FILE_MAX, &text);
    struct dw_str rest = dw_str_slice(dw_buf_view(&text), 0, d->bytes);
    while (rc == DW_OK && rest.len) {
        struct output_item item;
        dw_arena_reset(&arena);
        struct dw_str line = dw_str_cut(&rest, '\n');
        if (output_dead_read(line, &arena, &item)) {
            rc = each(arg, &item);
        } else {
            dw_buf_str(others, line);
            dw_buf_byte(others, '\n');
            rc = others->err;
        }
    }
    dw_arena_fini(&arena);
    dw_buf_fini(&text);
    return rc == DW_ENOENT ? DW_OK : rc;
}

int output_dead_leave(struct output_dead *d, struct dw_str others)
{
    size_t good;
    int rc = others.len ? dw_fs_write_file(d->fs, d->path, 0640, others) : dw_fs_unlink(d->fs, d->path);
    if (rc < 0 && (others.len || rc != DW_ENOENT))
        return rc;
    output_dead_close(d);
    d->bytes = others.len;
    d->count = count_lines(others, &good);
    d->torn = false;
    return DW_OK;
}
