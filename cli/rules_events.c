/*
 * rules_events: the events that the words of `dogwatch rules` are given: one JSON object a line, from a file or standard input.
 *
 * Bounds: a line of LINE_BYTES_MAX.
 */
#include "rules.h"

#include "event_json.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024, LINE_BYTES_MAX = 64 << 20 };

struct reader {
    struct event_json *event;
    rules_each_event *each;
    void *ud;
    int64_t line;
    int fd;
};

static int one_line(struct reader *r, struct dw_str line)
{
    int64_t number = r->line++;
    if (!dw_str_trim(line).len)
        return DW_OK;
    int rc = event_json_read(r->event, line, number);
    if (rc == DW_ENOMEM)
        return rc;
    if (rc < 0) {
        fprintf(stderr, "line %lld: %s\n", (long long)number + 1, dw_err_text(rc));
        r->event->number = number;
        r->event->ev = (struct dw_event){.line = DW_STR(""), .stream = &r->event->stream};
        r->event->is_event = false;
    } else {
        r->event->is_event = true;
    }
    return r->each(r->ud, r->event);
}

/* Whole lines of `in`; what is left stays. */
static int take_lines(struct reader *r, struct dw_buf *in, bool end)
{
    struct dw_str rest = dw_buf_view(in);
    int rc = DW_OK;
    while (rest.len && rc >= 0) {
        size_t at = dw_str_index(rest, '\n');
        if (at == rest.len && !end)
            break;
        rc = one_line(r, dw_str_slice(rest, 0, at));
        rest = dw_str_slice(rest, at + 1, rest.len);
    }
    if (rest.len)
        memmove(in->ptr, rest.ptr, rest.len);
    in->len = rest.len;
    return rc;
}

static int read_all(struct reader *r)
{
    struct dw_buf in = {0};
    int rc = DW_OK;
    for (ssize_t n = 1; n > 0 && rc >= 0;) {
        char *at = dw_buf_reserve(&in, READ_BYTES);
        n = at ? read(r->fd, at, READ_BYTES) : -1;
        if (n < 0) {
            rc = !at ? DW_ENOMEM : errno == EINTR ? DW_OK : DW_EIO;
            n = rc == DW_OK ? 1 : n;
            continue;
        }
        in.len += (size_t)n;
        rc = take_lines(r, &in, n == 0);
        if (rc >= 0 && in.len >= LINE_BYTES_MAX)
            rc = DW_ELIMIT;
    }
    dw_buf_fini(&in);
    return rc;
}

int rules_events(const struct rules *rules, rules_each_event *each, void *ud)
{
    const char *path = rules->o->event;
    bool standard = !path || strcmp(path, "-") == 0;
    struct reader r = {.each = each, .ud = ud, .fd = STDIN_FILENO};
    int rc = standard ? DW_OK : dw_fs_open(&dw_fs_system, path, O_RDONLY, 0, &r.fd);
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", path, dw_err_text(rc));
        return rc;
    }
    r.event = dw_calloc(1, sizeof *r.event);
    rc = r.event ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK) {
        r.event->keys = rules->keys;
        r.event->sigma = !rules->o->ecs;
        dw_arena_init(&r.event->pool, 0);
        rc = read_all(&r);
        dw_arena_fini(&r.event->pool);
    }
    dw_free(r.event);
    if (!standard)
        (void)close(r.fd);
    return rc;
}
