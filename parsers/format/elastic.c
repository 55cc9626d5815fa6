/*
 * elastic: the logs of Elasticsearch, the Java log of its garbage collector, and Logstash: text and JSON.
 *
 *     [2026-11-23T21:14:18,123][INFO ][o.e.n.Node] [node-1] text
 *     {"type": "server", "timestamp": "...", "level": "INFO", "component": "o.e.n.Node", "message": "text"}
 *
 * Invariants:
 *   (1) JSON names that are not ECS names of the same meaning are kept below "elasticsearch." or "logstash.".
 */
#include "formats.h"

#include "fmt.h"

/* [time][LEVEL][logger] */
static bool head(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str *r, struct dw_str *level)
{
    struct dw_str at = *r, logger;
    if (!fmt_lit(&at, "[") || !fmt_time(ctx, d, &at) || !fmt_lit(&at, "]") || !fmt_bracketed(&at, '[', ']', level) ||
        !fmt_bracketed(&at, '[', ']', &logger))
        return false;
    *level = dw_str_trim(*level);
    if (!fmt_among(*level, " TRACE DEBUG INFO WARN ERROR FATAL DEPRECATION CRITICAL "))
        return false;
    (void)fmt_set(d, DW_F_log_level, *level);
    (void)fmt_set(d, DW_F_log_logger, dw_str_trim(logger));
    fmt_blanks(&at);
    *r = at;
    return true;
}

static void put_kind(struct dw_draft *d, struct dw_str level)
{
    dw_draft_const(d, DW_F_event_category, "database");
    dw_draft_const(d, DW_F_event_type, fmt_among(level, " ERROR FATAL ") ? "error" : "info");
}

static const struct fmt_map server_map[] = {
    {"timestamp", 0, FMT_TIME},
    {"@timestamp", 0, FMT_TIME},
    {"level", DW_F_log_level, FMT_COPY},
    {"component", DW_F_log_logger, FMT_COPY},
    {"message", DW_F_message, FMT_COPY},
    {"stacktrace", DW_F_error_stack_trace, FMT_COPY},
    {"event.dataset", 0, FMT_DROP},
    {"event.code", 0, FMT_NAMED},
    {"log.*", 0, FMT_NAMED},
    {"ecs.*", 0, FMT_NAMED},
    {"service.*", 0, FMT_NAMED},
    {"process.*", 0, FMT_NAMED},
    {"trace.*", 0, FMT_NAMED},
    {"error.*", 0, FMT_NAMED},
    {"user.name", 0, FMT_USER},
    {"user.*", 0, FMT_NAMED},
    {"elasticsearch.*", 0, FMT_NAMED},
    {"data_stream.*", 0, FMT_NAMED},
};

static int server_json(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    if (fmt_json(ctx, d, d->line, "elasticsearch.", server_map, DW_COUNT_OF(server_map)))
        return DW_ESYNTAX;
    put_kind(d, fmt_get(d, DW_F_log_level));
    return DW_OK;
}

/* What a message is about stands before it: [index], [index/uuid][shard], [gc][young][7][9]. */
static struct dw_str without_subject(struct dw_str m)
{
    struct dw_str r = m, part;
    if (!fmt_starts(m, "[") || !fmt_bracketed(&r, '[', ']', &part) || part.len == 0 ||
        dw_str_index(part, ' ') < part.len || part.ptr[0] == '_') /* [_all]: a field, which the sentence is about */
        return m;
    while (fmt_starts(r, "[") && fmt_bracketed(&r, '[', ']', &part))
        continue;
    if (!fmt_starts(r, " "))
        return m;
    fmt_blanks(&r);
    return r.len ? r : m;
}

static void trim_message(struct dw_draft *d)
{
    for (uint32_t i = 0; i < d->field_count; i++) {
        struct dw_field *f = &d->field[i];
        if (f->key != DW_F_message || !dw_field_is_text(f))
            continue;
        struct dw_str m = without_subject(dw_field_str(f));
        f->v.ptr = m.ptr;
        f->len = (uint32_t)m.len;
    }
}

int dw_parse_elasticsearch_server(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, level, node;
    if (fmt_starts(r, "{")) {
        int err = server_json(ctx, d);
        trim_message(d);
        return err;
    }
    if (!head(ctx, d, &r, &level))
        return DW_ESYNTAX;
    if (fmt_bracketed(&r, '[', ']', &node)) {
        fmt_set_named(d, "elasticsearch.node.", DW_STR("name"), node);
        fmt_blanks(&r);
    }
    (void)fmt_set(d, DW_F_message, r);
    trim_message(d);
    put_kind(d, level);
    return DW_OK;
}

int dw_parse_elasticsearch_deprecation(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, level;
    if (fmt_starts(r, "{"))
        return server_json(ctx, d);
    if (!head(ctx, d, &r, &level))
        return DW_ESYNTAX;
    (void)fmt_set(d, DW_F_message, without_subject(r));
    put_kind(d, level);
    return DW_OK;
}

static const struct fmt_map slow_map[] = {
    {"took_millis", 0, FMT_MS},
    {"elasticsearch.slowlog.took_millis", 0, FMT_MS},
    {"elasticsearch.slowlog.message", DW_F_message, FMT_COPY},
    {"elasticsearch.slowlog.*", 0, FMT_NAMED},
    {"message", DW_FIELDS, FMT_DROP},
    {"timestamp", 0, FMT_TIME},
    {"@timestamp", 0, FMT_TIME},
    {"level", DW_F_log_level, FMT_COPY},
    {"log.*", 0, FMT_NAMED},
    {"component", DW_F_log_logger, FMT_COPY},
    {"user.name", 0, FMT_USER},
    {"event.dataset", 0, FMT_DROP},
    {"event.*", 0, FMT_NAMED},
    {"ecs.*", 0, FMT_NAMED},
    {"service.*", 0, FMT_NAMED},
    {"process.*", 0, FMT_NAMED},
    {"trace.*", 0, FMT_NAMED},
    {"elasticsearch.*", 0, FMT_NAMED},
};

static bool has_duration(const struct dw_draft *d)
{
    for (uint32_t i = 0; i < d->field_count; i++)
        if (d->field[i].key == DW_F_event_duration)
            return true;
    return false;
}

int dw_parse_elasticsearch_slowlog(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, level, v;
    if (fmt_starts(r, "{")) {
        if (fmt_json(ctx, d, r, "elasticsearch.slowlog.", slow_map, DW_COUNT_OF(slow_map)))
            return DW_ESYNTAX;
        level = fmt_get(d, DW_F_log_level);
    } else {
        if (!head(ctx, d, &r, &level))
            return DW_ESYNTAX;
    }
    if (!has_duration(d) && fmt_upto(&r, "took_millis[", &v))
        (void)fmt_duration(d, dw_str_slice(r, 0, dw_str_index(r, ']')), DW_NS_PER_MS);
    if (!fmt_get(d, DW_F_message).len)
        (void)fmt_set(d, DW_F_message, d->line);
    put_kind(d, level);
    return DW_OK;
}

/* [time][pid][level][tags] text, or time: uptime: text */
int dw_parse_elasticsearch_gc(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, part;
    dw_draft_const(d, DW_F_event_category, "database");
    dw_draft_const(d, DW_F_event_type, "info");
    if (!fmt_lit(&r, "[")) {
        if (!fmt_time(ctx, d, &r) || !fmt_lit(&r, ": "))
            return DW_ESYNTAX;
        (void)fmt_set(d, DW_F_message, d->line);
        return DW_OK;
    }
    if (!fmt_time(ctx, d, &r) || !fmt_lit(&r, "]"))
        return DW_ESYNTAX;
    while (r.len && r.ptr[0] == '[' && fmt_bracketed(&r, '[', ']', &part)) {
        part = dw_str_trim(part);
        if (fmt_digits(part))
            fmt_put(d, DW_F_process_pid, part);
        else if (fmt_among(part, " trace debug info warning error "))
            fmt_put(d, DW_F_log_level, part);
        else
            fmt_set_named(d, "elasticsearch.gc.", DW_STR("tags"), part);
    }
    fmt_blanks(&r);
    (void)fmt_set(d, DW_F_message, r);
    return DW_OK;
}

static const struct fmt_map logstash_map[] = {
    {"timeMillis", 0, FMT_TIME},
    {"level", DW_F_log_level, FMT_COPY},
    {"loggerName", DW_F_log_logger, FMT_COPY},
    {"logEvent.message", DW_F_message, FMT_COPY},
    {"logEvent.took_in_nanos", 0, FMT_NS},
    {"thread", DW_F_process_thread_name, FMT_COPY},
};

static int logstash(const struct dw_parse_ctx *ctx, struct dw_draft *d, bool slow)
{
    struct dw_str r = d->line, level, pipeline, v;
    if (fmt_starts(r, "{")) {
        if (fmt_json(ctx, d, r, "logstash.log.", logstash_map, DW_COUNT_OF(logstash_map)))
            return DW_ESYNTAX;
        level = fmt_get(d, DW_F_log_level);
    } else {
        if (!head(ctx, d, &r, &level))
            return DW_ESYNTAX;
        if (r.ptr > d->line.ptr && r.ptr[-1] == ']' && fmt_bracketed(&r, '[', ']', &pipeline)) {
            fmt_set_named(d, "logstash.log.", DW_STR("pipeline_id"), pipeline);
            fmt_blanks(&r);
        }
        if (!slow)
            (void)fmt_set(d, DW_F_message, r);
        else if (fmt_upto(&r, ":took_in_nanos=>", &v))
            (void)fmt_duration(d, dw_str_slice(r, 0, dw_str_index(r, ',')), 1);
    }
    dw_draft_const(d, DW_F_event_type, fmt_among(level, " ERROR FATAL ") ? "error" : "info");
    return DW_OK;
}

int dw_parse_logstash_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    return logstash(ctx, d, false);
}

int dw_parse_logstash_slowlog(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    return logstash(ctx, d, true);
}

/* Whether it has the text head; *ret_logger is its logger. */
static bool looks_like(struct dw_str line, struct dw_str *ret_logger)
{
    struct dw_str r = line, time, level;
    return fmt_bracketed(&r, '[', ']', &time) && time.len == 23 && time.ptr[10] == 'T' && fmt_starts(r, "[") &&
           fmt_bracketed(&r, '[', ']', &level) && fmt_starts(r, "[") && fmt_bracketed(&r, '[', ']', ret_logger);
}

int dw_probe_elasticsearch_server(struct dw_str line)
{
    struct dw_str logger;
    if (fmt_starts(line, "{"))
        return fmt_has(line, "\"cluster.name\"") || fmt_has(line, "\"elasticsearch.cluster.name\"") ? 75 : 0;
    return looks_like(line, &logger) ? 70 : 0;
}

int dw_probe_elasticsearch_deprecation(struct dw_str line)
{
    struct dw_str logger;
    if (fmt_starts(line, "{"))
        return fmt_has(line, "\"type\": \"deprecation\"") || fmt_has(line, "deprecation.elasticsearch") ? 85 : 0;
    return looks_like(line, &logger) && fmt_starts(logger, "o.e.d.") ? 80 : 0;
}

int dw_probe_elasticsearch_slowlog(struct dw_str line)
{
    struct dw_str logger;
    if (fmt_starts(line, "{"))
        return fmt_has(line, "_slowlog\"") || fmt_has(line, "elasticsearch.slowlog.") ? 90 : 0;
    return looks_like(line, &logger) && fmt_has(logger, ".slowlog.") && !fmt_starts(logger, "slowlog.logstash") ? 90
                                                                                                                : 0;
}

int dw_probe_elasticsearch_gc(struct dw_str line)
{
    struct dw_str r = line, time, pid;
    if (fmt_has(dw_str_slice(line, 0, 64), ": [GC ") || fmt_has(dw_str_slice(line, 0, 64), ": [Full GC "))
        return 75;
    return fmt_bracketed(&r, '[', ']', &time) && time.len == 28 && fmt_starts(r, "[") &&
                   fmt_bracketed(&r, '[', ']', &pid) && fmt_digits(pid)
               ? 80
               : 0;
}

int dw_probe_logstash_log(struct dw_str line)
{
    struct dw_str logger;
    if (fmt_starts(line, "{"))
        return fmt_has(line, "\"loggerName\"") && fmt_has(line, "\"logEvent\"") ? 85 : 0;
    return looks_like(line, &logger) && fmt_starts(logger, "logstash.") ? 85 : 0;
}

int dw_probe_logstash_slowlog(struct dw_str line)
{
    struct dw_str logger;
    if (fmt_starts(line, "{"))
        return fmt_has(line, "\"slowlog.logstash.") ? 90 : 0;
    return looks_like(line, &logger) && fmt_starts(logger, "slowlog.logstash") ? 95 : 0;
}
