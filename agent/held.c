/*
 * held: what a log that is held back (throttle.rate) has to say next.
 *
 * Idea: nothing of such a log is dropped, but until its turn comes nobody sees what floods it. So the first line that waits is shown: where the log is told of, and to who asks.
 *
 * Invariants:
 *   (1) It is shown as it will be shipped: envelope off, masks applied before it is cut.
 *   (2) What may be a part of a private key whose beginning was read before is masked as a whole.
 *   (3) Reading it moves nothing: the stream reads these bytes again when their turn comes.
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <inttypes.h>
#include <stdio.h>

enum { READ_BYTES = 64 * 1024, SHOWN_BYTES = 160 };

static int take(void *arg, const struct dw_line *l)
{
    struct dw_mask key = {0};
    struct dw_buf *out = arg;
    size_t n = l->text.len < SHOWN_BYTES ? l->text.len : SHOWN_BYTES;
    (void)dw_redact_key_line(true, l->text, &key);
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)l->text.ptr[i];
        dw_buf_byte(out, key.len ? '*' : ch < ' ' || ch == 0x7f ? ' ' : ch);
    }
    if (n < l->text.len)
        dw_buf_str(out, DW_STR("..."));
    return DW_ELIMIT; /* one is enough */
}

static int pass_over(void *arg, const struct dw_declared *d)
{
    (void)arg;
    (void)d;
    return DW_OK;
}

void held_sample(const struct agent *a, const struct tail *t, struct dw_buf *out)
{
    struct dw_lines_conf conf = tails_conf(a, t->series);
    struct dw_lines_out to = {.arg = out, .line = take, .declare = pass_over};
    size_t n = 0, used = 0;
    conf.multiline = DW_MULTILINE_NONE;
    conf.audit = false;
    conf.no_join = true;
    char *bytes = t->fd >= 0 ? dw_alloc(READ_BYTES) : NULL;
    struct dw_lines *lines = bytes ? dw_lines_new(&conf, tail_offset(t)) : NULL;
    if (lines && dw_fs_pread(a->fs, t->fd, bytes, READ_BYTES, tail_offset(t), &n) == DW_OK) {
        int rc = dw_lines_feed(lines, dw_str_make(bytes, n), &to, &used);
        if (rc == DW_OK) /* it has no end yet */
            rc = dw_lines_flush(lines, dw_str_make(bytes + used, n - used), &to);
        if (rc < 0 && rc != DW_ELIMIT)
            dw_buf_reset(out);
    }
    dw_lines_free(lines);
    dw_free(bytes);
}

void held_tell(struct agent *a, const struct tail *t)
{
    struct dw_buf more = {0}, sample = {0};
    held_sample(a, t, &sample);
    dw_buf_printf(&more, "%" PRIu64 " bytes were read, %" PRIu64 " are there", tail_offset(t), t->size);
    if (sample.len)
        dw_buf_printf(&more, "; the first line that waits: %.*s", DW_ARG(dw_buf_view(&sample)));
    dw_buf_byte(&more, '\0');
    signal_put(a, SIGNAL_HELD_BACK, t->series, more.err ? "" : more.ptr);
    dw_buf_fini(&more);
    dw_buf_fini(&sample);
}
