/*
 * ask: what a running agent answers about itself.
 *
 * Invariants:
 *   (1) An answer reads the agent and changes nothing.
 *   (2) No line of a log is in it: what a tap shows was masked and is about to leave.
 */
#include "control.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>

enum who { OWN, ALL };

static const struct {
    struct dw_str path;
    enum who who;
} asks[ASKS] = {
#define ASK(id, path, argument, who, doc) {{path, sizeof path - 1}, who},
#include "dogwatch/tbl/agent_asks.h"
#undef ASK
};

enum ask ask_of(struct dw_str target)
{
    struct dw_str path = dw_str_cut(&target, '?');
    unsigned i = 0;
    while (i < ASKS && !dw_str_eq(path, asks[i].path))
        i++;
    return (enum ask)i;
}

bool ask_is_open(enum ask what)
{
    return what < ASKS && asks[what].who == ALL;
}

struct dw_str ask_value(struct dw_str target, struct dw_str name)
{
    (void)dw_str_cut(&target, '?');
    while (target.len) {
        struct dw_str value = dw_str_cut(&target, '&'), key = dw_str_cut(&value, '=');
        if (dw_str_eq(key, name))
            return value;
    }
    return DW_STR_NONE;
}

int ask_decode(struct dw_str value, struct dw_buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = (uint8_t)value.ptr[i];
        if (byte == '%' && !dw_unhex(dw_str_slice(value, i + 1, i + 3), &byte, 1))
            return DW_ESYNTAX;
        i += value.ptr[i] == '%' ? 2 : 0;
        if (byte == '\0')
            return DW_ESYNTAX;
        dw_buf_byte(out, byte);
    }
    return out->err;
}

/* ---- one object: JSON, or a line for each of its members ---- */

struct page {
    struct dw_buf *out;
    bool text, first;
};

static void begin(struct page *p)
{
    p->first = true;
    if (!p->text)
        dw_buf_byte(p->out, '{');
}

static void name(struct page *p, const char *what)
{
    if (p->text)
        dw_buf_printf(p->out, "  %-14s ", what);
    else
        dw_buf_printf(p->out, "%s\"%s\":", p->first ? "" : ",", what);
    p->first = false;
}

static void put_text(struct page *p, const char *what, struct dw_str v)
{
    name(p, what);
    if (p->text) {
        dw_buf_str(p->out, v);
        dw_buf_byte(p->out, '\n');
    } else {
        (void)dw_json_string(p->out, v);
    }
}

static void put_number(struct page *p, const char *what, uint64_t v)
{
    name(p, what);
    dw_buf_printf(p->out, "%" PRIu64 "%s", v, p->text ? "\n" : "");
}

static void put_truth(struct page *p, const char *what, bool v)
{
    name(p, what);
    dw_buf_printf(p->out, "%s%s", p->text ? (v ? "yes" : "no") : (v ? "true" : "false"), p->text ? "\n" : "");
}

static void put_id(struct page *p, const char *what, const uint8_t *id, size_t bytes)
{
    char hex[2 * DW_SHA256_BYTES + 1];
    dw_hex(id, bytes, hex);
    put_text(p, what, dw_str_of(hex));
}

static void put_seconds(struct page *p, const char *what, int64_t ns)
{
    name(p, what);
    dw_buf_printf(p->out, "%.1f%s", (double)ns / DW_NS_PER_S, p->text ? "\n" : "");
}

static void put_time(struct page *p, const char *what, int64_t ns)
{
    struct dw_buf b = {0};
    dw_time_text(&b, ns);
    put_text(p, what, dw_buf_view(&b));
    dw_buf_fini(&b);
}

static void end(struct page *p)
{
    dw_buf_byte(p->out, p->text ? '\n' : '}');
    if (!p->text)
        dw_buf_byte(p->out, '\n');
}

/* ---- sums ---- */

/* Who waits for others, or for his share, was not looked at for a while. */
static uint64_t size_now(const struct tail *t)
{
    struct dw_stat st;
    return t->state != TAIL_ENDED && dw_fs_fstat(t->fd, &st) == DW_OK ? st.size_bytes : t->size;
}

struct sums {
    uint64_t at_work, resting, rotated, lag_bytes, logs, gone;
};

static struct sums sum_up(const struct agent *a)
{
    struct sums s = {0};
    for (const struct tail *t = a->tail; t; t = t->next) {
        s.at_work++;
        s.rotated += t->state == TAIL_ROTATED;
        uint64_t size = size_now(t);
        s.lag_bytes += size > tail_offset(t) ? size - tail_offset(t) : 0;
    }
    s.resting = a->tail_count - s.at_work;
    for (const struct found *f = a->found; f; f = f->next) {
        s.logs++;
        s.gone += f->gone_ns != 0;
    }
    return s;
}

/* Why nothing is read now; NULL: it is. */
static const char *why_none(const struct agent *a)
{
    if (a->stopping)
        return "it ends";
    if (a->hold)
        return "as many frames wait for acknowledgement as memory.max allows";
    if (a->spool_full)
        return "brokers take nothing, and the spool is full";
    return a->spool.on ? "brokers take nothing: what is about to vanish alone is read, into the spool" : NULL;
}

static void answer_status(const struct agent *a, struct page *p)
{
    struct sums s = sum_up(a);
    const char *why = why_none(a);
    begin(p);
    put_id(p, "agent", a->chain.agent, DW_AGENT_ID_BYTES);
    put_text(p, "host", dw_str_of(a->host));
    put_text(p, "version", DW_STR(DW_VERSION));
    put_number(p, "epoch", a->chain.epoch.counter);
    put_time(p, "complete_to", agent_low_water(a));
    put_text(p, "reads", why ? dw_str_of(why) : DW_STR("yes"));
    put_number(p, "frames", a->parcels);
    put_number(p, "acknowledged", writer_acked(a->writer));
    put_number(p, "pending_bytes", writer_pending_bytes(a->writer));
    put_number(p, "memory_max", (uint64_t)a->opt->memory_max);
    put_number(p, "lag_bytes", s.lag_bytes);
    put_number(p, "spool_bytes", a->spool.bytes);
    put_number(p, "logs", s.logs);
    put_number(p, "logs_gone", s.gone);
    put_number(p, "logs_unread", a->unread);
    put_number(p, "streams", a->tail_count);
    put_number(p, "streams_resting", s.resting);
    put_number(p, "streams_rotated", s.rotated);
    put_text(p, "looks", a->untold ? DW_STR("by the clock: the kernel does not tell of all folders") : DW_STR("the kernel tells"));
    end(p);
}

/* ---- metrics ---- */

static void gauge(struct dw_buf *out, const char *what, const char *doc, uint64_t v)
{
    dw_buf_printf(out, "# HELP dogwatch_agent_%s %s\n# TYPE dogwatch_agent_%s gauge\ndogwatch_agent_%s %" PRIu64 "\n", what, doc, what, what, v);
}

static void answer_metrics(const struct agent *a, struct dw_buf *out)
{
    struct sums s = sum_up(a);
    gauge(out, "pending_bytes", "Frames handed over and not acknowledged.", writer_pending_bytes(a->writer));
    gauge(out, "lag_bytes", "Bytes that stand in files and are not read yet.", s.lag_bytes);
    gauge(out, "spool_bytes", "Frames in the spool.", a->spool.bytes);
    gauge(out, "reading_held", "1: nothing is read until frames are acknowledged.", a->hold);
    gauge(out, "logs", "Logs that are known.", s.logs);
    gauge(out, "logs_unread", "Logs that are there and cannot be opened.", a->unread);
    gauge(out, "streams", "Files that are open.", a->tail_count);
    for (unsigned i = 0; i < DW_COUNTERS; i++) {
        dw_counter_head(out, (enum dw_counter)i);
        dw_counter_sample(out, (enum dw_counter)i, "agent", dw_counter_get((enum dw_counter)i));
    }
}

/* ---- one log ---- */

/* What keeps a stream from being read, or what it does. */
static const char *what_it_does(const struct agent *a, const struct tail *t)
{
    if (t->rests)
        return "rests: it is read to its end, and the kernel tells when it is written to";
    if (tail_rare(t)->failed_ns)
        return "cannot be read now; it is tried again";
    if (t->state == TAIL_ENDED)
        return t->end == STREAM_CUT_OFF ? "over: its file was truncated, or is another's" : "over: it is read to its end, which is declared";
    if (t->series->waits)
        return "waits for what docker or the kubelet says of it, metadata.wait at most";
    if (t->before)
        return "waits for the stream before it";
    if (t->series->throttled)
        return "is written faster than throttle.rate lets it be read; what is not read waits in the file";
    const char *why = why_none(a);
    if (why && (t->state == TAIL_LIVE || a->hold))
        return why;
    if (!t->at_end)
        return "there is more to read";
    return t->state == TAIL_ROTATED ? "read to its end; it gave way to another file, and is kept open as long as it may grow" : "read to its end";
}

static const char *const state_names[] = {[TAIL_LIVE] = "live", [TAIL_ROTATED] = "rotated", [TAIL_ENDED] = "over"};

static void put_formats(struct page *p, const struct tail *t)
{
    struct dw_buf b = {0};
    for (size_t i = 0; i < DW_COUNT_OF(t->parser); i++)
        if (ship_parser(t, i))
            dw_buf_printf(&b, "%s%s", b.len ? " " : "", ship_parser(t, i)->name);
    put_text(p, "format", b.len ? dw_buf_view(&b) : DW_STR("not known yet"));
    dw_buf_fini(&b);
}

static void put_held(const struct agent *a, struct page *p, const struct tail *t)
{
    struct dw_buf sample = {0};
    held_sample(a, t, &sample);
    put_text(p, "held_back", dw_buf_view(&sample));
    dw_buf_fini(&sample);
}

static void put_stream(const struct agent *a, struct page *p, const struct tail *t)
{
    const struct rare *r = tail_rare(t);
    uint64_t read = tail_offset(t), low = tail_low(t), size = size_now(t);
    begin(p);
    put_id(p, "stream", t->stream.id, DW_ID_BYTES);
    put_text(p, "path", dw_str_of(t->path));
    put_text(p, "state", dw_str_of(state_names[t->state]));
    put_text(p, "does", dw_str_of(what_it_does(a, t)));
    put_number(p, "size", size);
    put_number(p, "read", read);
    put_number(p, "lag_bytes", size > read ? size - read : 0);
    put_number(p, "waits_in_join", read - low);
    if (t->series->throttled)
        put_held(a, p, t);
    put_truth(p, "acknowledged", t->last_parcel <= writer_acked(a->writer) && !t->touched && low == read);
    put_seconds(p, "grew_s_ago", agent_now(a) - t->last_growth_ns);
    put_formats(p, t);
    put_number(p, "device", t->stream.device);
    put_number(p, "inode", t->stream.inode);
    put_time(p, "born", t->stream.birth_ns);
    put_number(p, "ordinal", t->stream.ordinal);
    put_truth(p, "deleted", t->deleted);
    put_truth(p, "kept_over_kill", t->kept.number != 0);
    if (r->unpacked)
        put_text(p, "unpacked", DW_STR("out of what gzip made of it"));
    uint64_t declared = r->declared_cut + r->declared_skipped + r->declared_let_go;
    if (r->failed_ns)
        put_seconds(p, "fails_s", agent_now(a) - r->failed_ns);
    if (declared)
        put_number(p, "declared", declared);
    end(p);
}

static void put_field(const struct agent *a, struct page *p, struct dw_field field)
{
    char key[64];
    (void)snprintf(key, sizeof key, "%.*s", DW_ARG(dw_keys_name(a->keys, field.key)));
    put_text(p, key, dw_field_str(&field));
}

static void put_log(const struct agent *a, struct page *p, const struct found *f)
{
    begin(p);
    put_text(p, "log", dw_str_of(f->path));
    for (uint32_t i = FIELDS_OWN; i < fields_count(f); i++)
        put_field(a, p, fields_at(a, f, i));
    put_text(p, "state", f->excluded ? DW_STR("not read: a label of its container says so")
        : f->unread ? DW_STR("it is there and cannot be opened; it is tried again (dogwatch doctor says what is missing)")
        : f->blocked && !f->gone_ns ? DW_STR("there; not all files beside it could be listed and read, they are looked at again (dogwatch doctor says what is missing)")
        : f->gone_ns ? DW_STR("nothing is under its name; what was there is read to its end") : DW_STR("there"));
    put_text(p, "looks", f->told ? DW_STR("the kernel tells") : DW_STR("by the clock"));
    put_number(p, "streams", f->tail_count);
    end(p);
}

static void put_streams(const struct agent *a, struct page *p, const struct found *f)
{
    for (const struct tail *t = f->tail; t; t = t->sibling)
        put_stream(a, p, t);
}

/* The log that somebody means by a path: one of that name, of one that rotation made of it, or of a link's end, or the one that has this very file. */
static const struct found *log_of(const struct agent *a, const char *path)
{
    char base[AGENT_PATH_MAX];
    struct dw_stat st;
    const struct found *f = agent_log(a, path);
    if (f && (f->tail_count || f->excluded || f->unread))
        return f;
    const struct tail *t = dw_fs_stat(path, &st) == DW_OK ? tails_find(a, &st) : NULL;
    if (t)
        return t->series;
    (void)snprintf(base, sizeof base, "%s", path);
    return f || !folder_rotated(base) ? f : agent_log(a, base);
}

static unsigned answer_explain(const struct agent *a, struct dw_str file, struct page *p)
{
    char path[AGENT_PATH_MAX];
    struct dw_buf b = {0};
    int rc = ask_decode(file, &b);
    bool good = rc == DW_OK && b.len > 0 && b.len < sizeof path;
    if (good)
        memcpy(path, b.ptr, b.len);
    path[good ? b.len : 0] = '\0';
    dw_buf_fini(&b);
    if (!good) {
        dw_buf_printf(p->out, "which file? /explain?file=PATH, with %%XX for what is no letter\n");
        return 400;
    }
    const struct found *f = log_of(a, path);
    if (f) {
        put_log(a, p, f);
        put_streams(a, p, f);
        return 200;
    }
    struct dw_stat st;
    const char *why = dw_fs_stat(path, &st) < 0 ? "nothing is there, or nothing that this agent may see"
        : discover_wants(a, path)               ? "configuration names it, but it is no log yet: not a regular file, or found by the next look"
                                                : "no configuration names it: see `logs`, `exclude` and `discover`";
    dw_buf_printf(p->out, "%s: not read: %s\n", path, why);
    return 404;
}

unsigned ask_answer(struct agent *a, struct dw_str target, struct dw_buf *out)
{
    enum ask what = ask_of(target);
    struct page p = {.out = out, .text = dw_str_eq(ask_value(target, DW_STR("as")), DW_STR("text"))};
    if (what == ASKS || what == ASK_TAP) { /* a tap is no answer: control.c goes on with it */
        dw_buf_printf(out, "there is no %.*s\n", DW_ARG(target));
        return 404;
    }
    if (!a) {
        dw_buf_printf(out, "the agent begins again just now, since its producer ended\n");
        return 503;
    }
    if (what == ASK_EXPLAIN)
        return answer_explain(a, ask_value(target, DW_STR("file")), &p);
    if (what == ASK_STATUS)
        answer_status(a, &p);
    else
        answer_metrics(a, out);
    return 200;
}
