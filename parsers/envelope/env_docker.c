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

static bool take_log(struct dw_str raw, bool escaped, struct dw_buf *scratch, struct dw__unwrapped *ret)
{
    ret->text = raw;
    if (escaped) {
        /* The usual line has one escape: the newline at its end. */
        size_t body = raw.len >= 2 ? raw.len - 2 : 0;
        bool only_newline = raw.len >= 2 && memcmp(raw.ptr + body, "\\n", 2) == 0 && !memchr(raw.ptr, '\\', body);
        if (only_newline) {
            ret->text = dw_str_make(raw.ptr, body);
            ret->partial = false;
            return true;
        }
        dw_buf_reset(scratch);
        if (!dw_json_unescape(raw, scratch) || scratch->err)
            return false;
        ret->text = dw_buf_view(scratch);
    }
    ret->partial = ret->text.len == 0 || ret->text.ptr[ret->text.len - 1] != '\n';
    if (!ret->partial)
        ret->text.len--;
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

/* A string up to its closing quote; false when cut off. */
static bool take_string(const char **at, const char *end, struct dw_str *ret, bool *escaped)
{
    const char *from = *at, *p = from;
    *escaped = false;
    while ((p = dw_json_string_end(p, end)) < end && *p == '\\') {
        *escaped = true;
        p += 2;
        if (p > end)
            return false;
    }
    if (p >= end)
        return false;
    *ret = dw_str_make(from, (size_t)(p - from));
    *at = p + 1;
    return true;
}

static bool take_text(const char **at, const char *end, const char *text, size_t len)
{
    if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

#define TAKE(at, end, lit) take_text(at, end, lit, sizeof(lit) - 1)

static bool by_position(struct dw_str raw, struct dw_buf *scratch, struct dw__unwrapped *ret)
{
    const char *at = raw.ptr, *end = raw.ptr + raw.len;
    struct dw_str log, stream, time;
    bool log_escaped, escaped;
    if (!TAKE(&at, end, "{\"log\":\"") || !take_string(&at, end, &log, &log_escaped))
        return false;
    if (!TAKE(&at, end, ",\"stream\":\"") || !take_string(&at, end, &stream, &escaped) || escaped)
        return false;
    if (!TAKE(&at, end, ",\"time\":\"") || !take_string(&at, end, &time, &escaped) || escaped || !TAKE(&at, end, "}"))
        return false;
    ret->has_time = dw_time_rfc3339(time, &ret->time_ns) == DW_OK;
    return at == end && ret->has_time && take_stream(stream, ret) && take_log(log, log_escaped, scratch, ret);
}

static bool by_name(struct dw_str raw, struct dw_buf *scratch, struct dw__unwrapped *ret)
{
    struct dw_json j;
    struct dw_json_token t, v;
    bool has_log = false;
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
        if (v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY) {
            if (dw_json_skip(&j) < 0)
                return false;
            continue;
        }
        if (v.type != DW_JSON_STRING)
            continue;
        if (dw_str_eq(t.text, DW_STR("log"))) {
            log = v;
            has_log = true;
        } else if (dw_str_eq(t.text, DW_STR("stream"))) {
            (void)take_stream(v.text, ret);
        } else if (dw_str_eq(t.text, DW_STR("time"))) {
            ret->has_time = dw_time_rfc3339(v.text, &ret->time_ns) == DW_OK;
        }
    }
    if (dw_json_next(&j, &t) < 0 || !has_log || !ret->has_time)
        return false;
    return take_log(log.text, log.escaped, scratch, ret);
}

bool dw__docker_unwrap(struct dw_str raw, struct dw_buf *scratch, struct dw__unwrapped *ret)
{
    *ret = (struct dw__unwrapped){0};
    if (by_position(raw, scratch, ret))
        return true;
    *ret = (struct dw__unwrapped){0};
    return by_name(raw, scratch, ret);
}
