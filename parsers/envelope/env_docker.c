/*
 * env_docker: docker's json-file: `{"log":"...\n","stream":"stdout","time":"..."}`.
 *
 * Idea: docker writes these keys in this order, so they are taken by position; anything else (attrs, another writer)
 * goes through the JSON reader.
 *
 * Invariants:
 *   (1) Both ways give the same answer for the same line (tested).
 *   (2) `log` without a newline at its end is a partial: docker cuts at 16 KiB and writes the newline only in the last piece.
 */
#include "envelope.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/rfc3339.h"

/* Takes docker's own newline off; without one the line goes on in the next record. */
static void set_log(struct dw_str log, struct dw__unwrapped *ret)
{
    ret->partial = log.len == 0 || log.ptr[log.len - 1] != '\n';
    ret->text = dw_str_make(log.ptr, log.len - !ret->partial);
}

/* The rest of `log`'s string, up to and with its closing quote. */
static bool take_log(struct dw_str *rest, struct dw_buf *scratch, struct dw__unwrapped *ret)
{
    const char *from = rest->ptr, *end = from + rest->len, *stop = dw_json_string_end(from, end);
    size_t plain = (size_t)(stop - from);
    if (end - stop >= 3 && memcmp(stop, "\\n\"", 3) == 0) { /* the usual line: its only escape is the newline at its end */
        ret->text = dw_str_make(from, plain);
        ret->partial = false;
        *rest = dw_str_slice(*rest, plain + 3, rest->len);
        return true;
    }
    if (stop < end && *stop == '"') {
        set_log(dw_str_make(from, plain), ret);
        *rest = dw_str_slice(*rest, plain + 1, rest->len);
        return true;
    }
    dw_buf_reset(scratch);
    if (!dw_json_take_string(rest, scratch))
        return false;
    set_log(dw_buf_view(scratch), ret);
    return true;
}

static bool take_stream(struct dw_str s, struct dw__unwrapped *ret)
{
    if (dw_str_eq(s, DW_STR("stdout")))
        ret->out = DW_OUT_STDOUT;
    else if (dw_str_eq(s, DW_STR("stderr")))
        ret->out = DW_OUT_STDERR;
    else
        return false;
    return true;
}

static bool take_text(struct dw_str *rest, struct dw_str text)
{
    if (!dw_str_starts(*rest, text))
        return false;
    *rest = dw_str_slice(*rest, text.len, rest->len);
    return true;
}

static bool by_position(struct dw_str raw, struct dw_buf *scratch, struct dw__unwrapped *ret)
{
    struct dw_str rest = raw;
    if (!take_text(&rest, DW_STR("{\"log\":\"")) || !take_log(&rest, scratch, ret))
        return false;
    if (take_text(&rest, DW_STR(",\"stream\":\"stdout\",\"time\":\"")))
        ret->out = DW_OUT_STDOUT;
    else if (take_text(&rest, DW_STR(",\"stream\":\"stderr\",\"time\":\"")))
        ret->out = DW_OUT_STDERR;
    else
        return false;
    ret->has_time = dw_str_ends(rest, DW_STR("\"}")) && dw_time_rfc3339(dw_str_slice(rest, 0, rest.len - 2), &ret->time_ns) == DW_OK;
    return ret->has_time;
}

static void take_member(struct dw_str name, const struct dw_json_token *v, struct dw_json_token *log, struct dw__unwrapped *ret)
{
    if (v->type != DW_JSON_STRING)
        return;
    if (dw_str_eq(name, DW_STR("log")))
        *log = *v;
    else if (dw_str_eq(name, DW_STR("stream")))
        (void)take_stream(v->text, ret);
    else if (dw_str_eq(name, DW_STR("time")))
        ret->has_time = dw_time_rfc3339(v->text, &ret->time_ns) == DW_OK;
}

static bool by_name(struct dw_str raw, struct dw_buf *scratch, struct dw__unwrapped *ret)
{
    struct dw_json j;
    struct dw_json_token t, v;
    struct dw_json_token log = {.type = DW_JSON_NULL};
    dw_json_start(&j, raw);
    if (dw_json_next(&j, &t) < 0 || t.type != DW_JSON_OBJECT)
        return false;
    for (;;) {
        if (dw_json_next(&j, &t) < 0)
            return false;
        if (t.type == DW_JSON_OBJECT_END)
            break;
        if (dw_json_next(&j, &v) < 0)
            return false;
        if ((v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY) && dw_json_skip(&j) < 0)
            return false;
        take_member(t.text, &v, &log, ret);
    }
    if (dw_json_next(&j, &t) < 0 || log.type != DW_JSON_STRING || !ret->has_time)
        return false;
    dw_buf_reset(scratch);
    if (log.escaped && (!dw_json_unescape(log.text, scratch) || scratch->err))
        return false;
    set_log(log.escaped ? dw_buf_view(scratch) : log.text, ret);
    return true;
}

bool dw__docker_unwrap(struct dw_str raw, struct dw_buf *scratch, struct dw__unwrapped *ret)
{
    *ret = (struct dw__unwrapped){0};
    if (by_position(raw, scratch, ret))
        return true;
    *ret = (struct dw__unwrapped){0};
    return by_name(raw, scratch, ret);
}
