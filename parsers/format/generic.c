/*
 * generic: JSON objects and key=value lines of programs that follow no format of their own.
 *
 * Well-known names (level, msg, ts, ...) become ECS fields; ECS names stay; all others keep their names.
 *
 * Invariants:
 *   (1) The first hit of a well-known name wins: a later synonym is kept under its own name.
 *   (2) A time that cannot be read leaves its field in the event.
 */
#include "formats.h"

#include "fmt.h"

#include "dogwatch/event/json_read.h"

static const struct fmt_map well_known[] = {
    {"@timestamp", 0, FMT_TIME},
    {"timestamp", 0, FMT_TIME},
    {"time", 0, FMT_TIME},
    {"ts", 0, FMT_TIME},
    {"t", 0, FMT_TIME},
    {"date", 0, FMT_TIME},
    {"datetime", 0, FMT_TIME},
    {"eventTime", 0, FMT_TIME},
    {"asctime", 0, FMT_TIME},
    {"@t", 0, FMT_TIME},
    {"timeMillis", 0, FMT_TIME},
    {"Timestamp", 0, FMT_TIME},
    {"StartUTC", 0, FMT_TIME},
    {"message", DW_F_message, FMT_COPY},
    {"msg", DW_F_message, FMT_COPY},
    {"@m", DW_F_message, FMT_COPY},
    {"log", DW_F_message, FMT_COPY},
    {"short_message", DW_F_message, FMT_COPY},
    {"level", DW_F_log_level, FMT_COPY},
    {"lvl", DW_F_log_level, FMT_COPY},
    {"severity", DW_F_log_level, FMT_COPY},
    {"levelname", DW_F_log_level, FMT_COPY},
    {"loglevel", DW_F_log_level, FMT_COPY},
    {"@l", DW_F_log_level, FMT_COPY},
    {"Level", DW_F_log_level, FMT_COPY},
    {"logger", DW_F_log_logger, FMT_COPY},
    {"loggerName", DW_F_log_logger, FMT_COPY},
    {"logger_name", DW_F_log_logger, FMT_COPY},
    {"caller", DW_F_log_origin_file_name, FMT_COPY},
    {"pid", DW_F_process_pid, FMT_COPY},
    {"thread", DW_F_process_thread_name, FMT_COPY},
    {"thread_name", DW_F_process_thread_name, FMT_COPY},
    {"hostname", DW_F_host_hostname, FMT_COPY},
    {"err", DW_F_error_message, FMT_COPY},
    {"error", DW_F_error_message, FMT_COPY},
    {"exception", DW_F_error_stack_trace, FMT_COPY},
    {"stack", DW_F_error_stack_trace, FMT_COPY},
    {"stack_trace", DW_F_error_stack_trace, FMT_COPY},
    {"stacktrace", DW_F_error_stack_trace, FMT_COPY},
    {"err.message", DW_F_error_message, FMT_COPY},
    {"err.stack", DW_F_error_stack_trace, FMT_COPY},
    {"trace_id", DW_F_trace_id, FMT_COPY},
    {"traceID", DW_F_trace_id, FMT_COPY},
    {"traceId", DW_F_trace_id, FMT_COPY},
    {"span_id", DW_F_span_id, FMT_COPY},
    {"spanId", DW_F_span_id, FMT_COPY},
    {"request_id", DW_F_http_request_id, FMT_COPY},
    {"requestId", DW_F_http_request_id, FMT_COPY},
    {"method", DW_F_http_request_method, FMT_COPY},
    {"req.method", DW_F_http_request_method, FMT_COPY},
    {"request_method", DW_F_http_request_method, FMT_COPY},
    {"request", 0, FMT_REQUEST},
    {"path", 0, FMT_URL},
    {"url", 0, FMT_URL},
    {"uri", 0, FMT_URL},
    {"req.url", 0, FMT_URL},
    {"request_uri", 0, FMT_URL},
    {"status", 0, FMT_STATUS},
    {"status_code", 0, FMT_STATUS},
    {"statusCode", 0, FMT_STATUS},
    {"res.statusCode", 0, FMT_STATUS},
    {"remote_addr", 0, FMT_SOURCE},
    {"remoteAddr", 0, FMT_SOURCE},
    {"remote_ip", 0, FMT_SOURCE},
    {"client_ip", 0, FMT_SOURCE},
    {"clientip", 0, FMT_SOURCE},
    {"src_ip", 0, FMT_SOURCE},
    {"ip", 0, FMT_SOURCE},
    {"user_agent", DW_F_user_agent_original, FMT_COPY},
    {"http_user_agent", DW_F_user_agent_original, FMT_COPY},
    {"userAgent", DW_F_user_agent_original, FMT_COPY},
    {"referer", DW_F_http_request_referrer, FMT_COPY},
    {"http_referer", DW_F_http_request_referrer, FMT_COPY},
    {"user", 0, FMT_USER},
    {"username", 0, FMT_USER},
    {"remote_user", 0, FMT_USER},
    {"duration_ms", 0, FMT_MS},
    {"responseTime", 0, FMT_MS},
    {"service", DW_F_service_name, FMT_COPY},
};

bool fmt_is_taken(const struct dw_draft *d, const struct fmt_map *m)
{
    switch (m->how) {
    case FMT_TIME: return d->has_time;
    case FMT_COPY: return fmt_get(d, m->key).len > 0;
    case FMT_SOURCE: return fmt_get(d, DW_F_source_address).len > 0;
    case FMT_URL: return fmt_get(d, DW_F_url_original).len > 0;
    case FMT_STATUS: return fmt_get(d, DW_F_http_response_status_code).len > 0;
    case FMT_USER: return fmt_get(d, DW_F_user_name).len > 0;
    default: return false;
    }
}

/* bunyan and pino write levels as numbers. */
static const char *level_name(struct dw_str s)
{
    static const char *const name[] = {"trace", "debug", "info", "warn", "error", "fatal"};
    return s.len == 2 && s.ptr[1] == '0' && s.ptr[0] >= '1' && s.ptr[0] <= '6' ? name[s.ptr[0] - '1'] : NULL;
}

bool fmt_well_known(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str name, const struct dw_field *value)
{
    for (size_t i = 0; i < DW_COUNT_OF(well_known); i++) {
        const struct fmt_map *m = &well_known[i];
        if (!fmt_eq(name, m->name) || fmt_is_taken(d, m))
            continue;
        const char *level =
            m->key == DW_F_log_level && dw_field_is_text(value) ? level_name(dw_field_str(value)) : NULL;
        if (level) {
            dw_draft_const(d, DW_F_log_level, level);
            return true;
        }
        return fmt_apply(ctx, d, m, value);
    }
    return false;
}

static bool on_value(void *arg, struct dw_draft *d, struct dw_str name, const struct dw_field *value)
{
    return fmt_well_known(arg, d, name, value);
}

int dw_parse_json(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_parse_ctx copy = *ctx;
    struct dw_flatten how = {.hook = on_value, .arg = &copy};
    struct dw_str source;
    if (dw_flatten_json(d, dw_str_trim(d->line), &how))
        return DW_ESYNTAX;
    source = fmt_get(d, DW_F_source_address);
    if (source.len && !fmt_get(d, DW_F_source_ip).len && fmt_is_ip(source))
        (void)fmt_set(d, DW_F_source_ip, source);
    return DW_OK;
}

int dw_parse_dogwatch_agent(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    return dw_parse_json(ctx, d);
}

int dw_probe_dogwatch_agent(struct dw_str line)
{
    (void)line;
    return 0;
}

int dw_probe_json(struct dw_str line)
{
    struct dw_str s = dw_str_trim(line);
    return s.len > 1 && s.ptr[0] == '{' && s.ptr[s.len - 1] == '}' ? 50 : 0;
}

/* A quoted value's escapes, resolved in the pool; a value without, or with bad ones, stays as written. */
static struct dw_str unescaped(struct dw_draft *d, struct dw_str s)
{
    if (!s.len || s.ptr == d->line.ptr || s.ptr[-1] != '"' || dw_str_index(s, '\\') == s.len)
        return s;
    struct dw_buf text = {0};
    struct dw_str copy = DW_STR_NONE;
    if (dw_json_unescape(s, &text) && !text.err && text.len <= DW_EVENT_VALUE_MAX)
        copy = dw_arena_copy(d->pool, dw_buf_view(&text));
    dw_buf_fini(&text);
    return copy.ptr ? copy : s;
}

int dw_parse_logfmt(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_parse_ctx copy = *ctx;
    struct dw_str r = d->line, key, value;
    unsigned pairs = 0, words = 0;
    while (r.len) {
        if (!fmt_pair(&r, &key, &value)) {
            words += fmt_word(&r).len > 0;
            continue;
        }
        pairs++;
        value = unescaped(d, value);
        struct dw_field v = fmt_field(d, value);
        if (value.len && !on_value(&copy, d, key, &v))
            fmt_set_named(d, "", key, value);
    }
    return pairs >= 2 && pairs > words ? DW_OK : DW_ESYNTAX;
}

int dw_probe_logfmt(struct dw_str line)
{
    struct dw_str r = line, key, value;
    unsigned pairs = 0, words = 0;
    while (r.len && pairs + words < 40) {
        if (fmt_pair(&r, &key, &value))
            pairs++;
        else
            words += fmt_word(&r).len > 0;
    }
    bool level = fmt_has(line, "level=") || fmt_has(line, "lvl=") || fmt_has(line, "msg=");
    return pairs >= 2 && words == 0 ? (level ? 70 : 45) : pairs >= 3 && pairs > 3 * words && level ? 40 : 0;
}
