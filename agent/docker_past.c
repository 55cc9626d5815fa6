/*
 * docker_past: events of docker that were written already.
 *
 *     DATA/agent/docker.past      TIME HASH    decimal nanoseconds, 16 hex digits; the newest last
 *
 * Idea: lines are appended once the events' own are written, and not synced: what is lost with the machine's memory is an event that comes again.
 *
 * Invariant: what the file has was written before. Killed in between it comes twice, and never not at all.
 */
#include "docker_past.h"

#include "dogwatch/base/buf.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 64, FILE_MAX = 2 * PAST_FILE_EVENTS * LINE_MAX_BYTES };

uint64_t past_hash(struct dw_str line)
{
    static const struct dw_hash_key key = {0x646f636b65722e65, 0x76656e74732e7631}; /* the same in every start */
    return dw_hash(key, line);
}

void past_add(struct past *p, int64_t time_ns, uint64_t hash)
{
    p->event[p->count++ % PAST_EVENTS] = (struct past_event){time_ns, hash};
}

static void take_line(struct past *p, struct dw_str line)
{
    struct dw_str rest = line, time = dw_str_cut(&rest, ' ');
    uint8_t bytes[8];
    int64_t time_ns;
    uint64_t hash = 0;
    if (rest.len != 2 * sizeof bytes || !dw_str_i64(time, &time_ns) || !dw_unhex(rest, bytes, sizeof bytes))
        return;
    for (size_t i = 0; i < sizeof bytes; i++)
        hash = hash << 8 | bytes[i];
    past_add(p, time_ns, hash);
}

static void put_line(struct dw_buf *b, const struct past_event *e)
{
    dw_buf_printf(b, "%" PRId64 " %016" PRIx64 "\n", e->time_ns, e->hash);
}

/* Lines of all events from the `from`th on that are still remembered. */
static void put_lines(const struct past *p, uint64_t from, struct dw_buf *out)
{
    uint64_t oldest = p->count > PAST_EVENTS ? p->count - PAST_EVENTS : 0;
    for (uint64_t i = from > oldest ? from : oldest; i < p->count; i++)
        put_line(out, &p->event[i % PAST_EVENTS]);
}

/* The file with what is remembered, and nothing else. */
static int make_anew(struct past *p)
{
    struct dw_buf text = {0};
    put_lines(p, 0, &text);
    int rc = text.err ? DW_ENOMEM : dw_fs_write_file(p->fs, p->path, 0640, dw_buf_view(&text));
    dw_buf_fini(&text);
    dw_fs_close(p->fd);
    p->fd = -1;
    if (rc == DW_OK)
        rc = dw_fs_open(p->fs, p->path, O_WRONLY | O_APPEND | O_NOFOLLOW, 0640, &p->fd);
    if (rc < 0)
        return rc;
    p->saved = p->count;
    p->file_count = 0;
    p->torn = false;
    return DW_OK;
}

int past_open(struct past *p, const struct dw_fs *fs, const char *path)
{
    struct dw_buf text = {0};
    *p = (struct past){.fs = fs, .fd = -1};
    int n = snprintf(p->path, sizeof p->path, "%s", path);
    if (n < 0 || n >= (int)sizeof p->path)
        return DW_ELIMIT;
    int rc = dw_fs_read_file(fs, path, FILE_MAX, &text);
    struct dw_str rest = dw_buf_view(&text);
    while (rest.len)
        take_line(p, dw_str_cut(&rest, '\n'));
    dw_buf_fini(&text);
    return rc < 0 && rc != DW_ENOENT ? rc : make_anew(p);
}

void past_close(struct past *p)
{
    dw_fs_close(p->fd);
    p->fd = -1;
}

static uint32_t held(const struct past *p)
{
    return p->count < PAST_EVENTS ? (uint32_t)p->count : PAST_EVENTS;
}

bool past_has(const struct past *p, uint64_t hash)
{
    for (uint32_t i = 0; i < held(p); i++)
        if (p->event[i].hash == hash)
            return true;
    return false;
}

const struct past_event *past_newest(const struct past *p)
{
    return p->count ? &p->event[(p->count - 1) % PAST_EVENTS] : NULL;
}

int past_save(struct past *p)
{
    struct dw_buf lines = {0};
    if (p->saved == p->count)
        return DW_OK;
    bool is_due = p->file_count >= PAST_FILE_EVENTS && p->fd >= 0;
    if (p->fd < 0 && p->count < p->again)
        return DW_EIO;
    p->again = p->count + PAST_EVENTS; /* making it anew waits for the disk: seldom, where that fails */
    if (p->fd < 0 || is_due)
        return make_anew(p);
    if (p->torn)
        dw_buf_byte(&lines, '\n');
    put_lines(p, p->saved, &lines);
    int rc = lines.err ? DW_ENOMEM : dw_fs_write(p->fs, p->fd, lines.ptr, lines.len);
    dw_buf_fini(&lines);
    p->torn |= rc < 0;
    if (rc < 0)
        return rc;
    p->torn = false;
    p->file_count += (uint32_t)(p->count - p->saved);
    p->saved = p->count;
    return DW_OK;
}
