/*
 * input_stdin: what is piped into the agent, line by line.
 *
 * Idea: there is one writer, so a long line goes on in parts, as a container's does, and is cut where all lines are.
 *
 * Invariant: the flags of the descriptor, which others may share, are afterwards as they were before.
 */
#include "inputs_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PART_BYTES = 60 * 1024, STDIN_READS = 16 };

int stdin_open(struct input *i)
{
    i->old_flags = fcntl(STDIN_FILENO, F_GETFL);
    if (i->old_flags < 0)
        return dw_err_from_errno(errno);
    i->fd = STDIN_FILENO;
    return DW_OK;
}

/* Gives out whole lines and full parts of what is unfinished. */
static void split(struct input *i, bool end)
{
    struct dw_buf *b = &i->frames.unfinished;
    struct dw_str rest = dw_buf_view(b);
    while (rest.len) {
        size_t n = dw_str_index(rest, '\n');
        bool whole = n < rest.len && n <= PART_BYTES;
        if (!whole && !(end && rest.len <= PART_BYTES) && rest.len <= PART_BYTES)
            break;
        bool part = !whole && rest.len > PART_BYTES;
        n = part ? PART_BYTES : n;
        input_message(i, DW_STR_NONE, dw_str_slice(rest, 0, n), 0, part, !whole && !part);
        rest = dw_str_slice(rest, n + whole, rest.len);
    }
    if (rest.len && rest.ptr != b->ptr)
        memmove(b->ptr, rest.ptr, rest.len);
    b->len = rest.len;
}

void stdin_read(struct input *i)
{
    for (int k = 0; k < STDIN_READS && i->fd >= 0 && !i->in->held; k++) {
        ssize_t n = read(i->fd, i->in->bytes, INPUT_READ_BYTES);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        DW_COUNT_IF(n < 0, inputs_read_errors);
        if (n > 0)
            dw_buf_add(&i->frames.unfinished, i->in->bytes, (size_t)n);
        split(i, n <= 0);
        (void)input_write(i); /* else it is kept, and nothing more is read */
        if (n <= 0)
            stdin_close(i);
    }
}

void stdin_close(struct input *i)
{
    if (i->fd < 0)
        return;
    split(i, true);
    if (i->polled && !uv_is_closing((uv_handle_t *)&i->poll))
        uv_close((uv_handle_t *)&i->poll, NULL);
    (void)fcntl(STDIN_FILENO, F_SETFL, i->old_flags);
    i->fd = -1;
}
