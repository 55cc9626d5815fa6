/*
 * signals: what somebody who meddles with logs, clock or agent leaves behind, as events.
 *
 * Idea: a line of JSON in a log of our own, DATA/agent/signals.log, which is read like any other: it has spans, survives a crash, and rules match it. Nobody but us
 * writes there, so its format is fixed, and a container that writes such lines is not taken for us.
 *
 * Invariants:
 *   (1) A turn writes at most MANY lines in a minute; how many more there were is in the first line after it, and counted.
 *   (2) The log is given away at SIZE_MAX_BYTES; what was before stays for one more.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/event/json_write.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { MANY = 60, SIZE_MAX_BYTES = 1024 * 1024, LAST_LINE = 8192 };
#define WINDOW_NS (60 * DW_NS_PER_S)

static const char *const actions[] = {
#define SIGNAL(id, action, doc) action,
#include "dogwatch/tbl/agent_signals.h"
#undef SIGNAL
};
static const char *const sentences[] = {
#define SIGNAL(id, action, doc) doc,
#include "dogwatch/tbl/agent_signals.h"
#undef SIGNAL
};

static void put_member(struct dw_buf *b, struct dw_str name, struct dw_str value)
{
    dw_buf_byte(b, ',');
    (void)dw_json_string(b, name);
    dw_buf_byte(b, ':');
    (void)dw_json_string(b, value);
}

static void put_log(const struct agent *a, struct dw_buf *b, const struct found *f)
{
    put_member(b, DW_STR("file.path"), dw_str_of(f->path));
    for (uint32_t i = FIELDS_OWN; i < fields_count(f); i++) {
        struct dw_field field = fields_at(a, f, i);
        put_member(b, dw_keys_name(a->keys, field.key), dw_field_str(&field));
    }
}

/* Whether one more may be written now. What the agent says of itself never waits for room that others used up. */
static bool is_let_through(struct agent *a, enum agent_signal what)
{
    int64_t now = dw_clock_mono(a->clock);
    struct signals *s = &a->signals;
    if (what == SIGNAL_STARTED || what == SIGNAL_STOPPED || what == SIGNAL_DIED)
        return true;
    if (s->count == 0 || now - s->window_ns >= WINDOW_NS) {
        s->window_ns = now;
        s->count = 0;
    }
    if (s->count < MANY) {
        s->count++;
        return true;
    }
    s->held_back++;
    DW_COUNT(signals_held_back);
    return false;
}

static int append(struct agent *a, struct dw_str line)
{
    struct dw_stat st;
    char old[AGENT_PATH_MAX + 2];
    int fd, rc = DW_OK;
    bool full = dw_fs_stat(a->signals.path, &st) == DW_OK && st.size_bytes + line.len > SIZE_MAX_BYTES;
    (void)snprintf(old, sizeof old, "%s.1", a->signals.path);
    if (full)
        rc = dw_fs_rename(a->fs, a->signals.path, old);
    if (rc == DW_OK)
        rc = dw_fs_open(a->fs, a->signals.path, O_WRONLY | O_CREAT | O_APPEND, 0640, &fd);
    if (rc < 0)
        return rc;
    rc = dw_fs_write(a->fs, fd, line.ptr, line.len);
    dw_fs_close(fd);
    return rc;
}

void signal_put(struct agent *a, enum agent_signal what, const struct found *f, const char *more)
{
    struct dw_buf b = {0};
    if (!a->opt->signals || (a->opt->until_idle && !f) || (f && strcmp(f->path, a->signals.path) == 0) || !is_let_through(a, what))
        return;
    dw_buf_printf(&b, "{\"@timestamp\":\"");
    dw_time_text(&b, dw_clock_real(a->clock));
    dw_buf_printf(&b, "\",\"event.action\":\"%s\",\"message\":", actions[what]);
    struct dw_buf message = {0};
    dw_buf_printf(&message, "%s%s%s", sentences[what], more[0] ? ": " : "", more);
    (void)dw_json_string(&b, dw_buf_view(&message));
    dw_buf_fini(&message);
    if (f)
        put_log(a, &b, f);
    if (a->signals.held_back)
        dw_buf_printf(&b, ",\"dogwatch.held_back\":%" PRIu64, a->signals.held_back);
    dw_buf_printf(&b, "}\n");
    int rc = b.err ? b.err : append(a, dw_buf_view(&b));
    dw_buf_fini(&b);
    if (rc == DW_OK) {
        a->signals.held_back = 0;
        a->some_due = true;
        return;
    }
    DW_COUNT(signals_held_back);
    dw_warn("%s: %s: `%s` is not told", a->signals.path, dw_err_text(rc), actions[what]);
}

void signal_about(struct agent *a, enum agent_signal what, const struct tail *t, uint64_t size)
{
    char more[160];
    (void)snprintf(more, sizeof more, "%" PRIu64 " bytes were read, %" PRIu64 " are there", tail_offset(t), size);
    signal_put(a, what, t->series, more);
}

/* Whether a line is of that action, and does not only name it: nobody writes before it but us. */
static bool is_action(struct dw_str line, enum agent_signal what)
{
    const struct dw_str name = DW_STR("\"event.action\":\"");
    size_t at = dw_str_find(line, name);
    struct dw_str action = dw_str_slice(line, at + name.len < line.len ? at + name.len : line.len, line.len);
    return dw_str_eq(dw_str_cut(&action, '"'), dw_str_of(actions[what]));
}

/* Whether an earlier start said its farewell after it said that it began. What it read in between, at its end too, may have made signals. */
static bool said_farewell(const struct agent *a)
{
    struct dw_stat st;
    char text[LAST_LINE];
    size_t n = 0;
    int fd;
    if (dw_fs_open(a->fs, a->signals.path, O_RDONLY, 0, &fd) < 0)
        return true; /* it is the first start */
    int rc = dw_fs_fstat(fd, &st);
    if (rc == DW_OK)
        rc = dw_fs_pread(a->fs, fd, text, sizeof text, st.size_bytes > sizeof text ? st.size_bytes - sizeof text : 0, &n);
    dw_fs_close(fd);
    bool farewell = rc < 0 || n == 0;
    for (struct dw_str rest = dw_str_make(text, n); rc == DW_OK && rest.len;) {
        struct dw_str line = dw_str_cut(&rest, '\n');
        if (is_action(line, SIGNAL_STARTED) || is_action(line, SIGNAL_STOPPED))
            farewell = is_action(line, SIGNAL_STOPPED);
    }
    return farewell;
}

void signals_begin(struct agent *a)
{
    if (!a->opt->signals || a->opt->until_idle)
        return;
    if (!said_farewell(a))
        signal_put(a, SIGNAL_DIED, NULL, "");
    signal_put(a, SIGNAL_STARTED, NULL, "version " DW_VERSION);
}
