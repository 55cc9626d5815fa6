/*
 * services: Redis, MongoDB, Kafka, NATS and Icinga: one header, then text.
 *
 * Invariants:
 *   (1) The header must be whole, else the line is refused; the text after it may be anything.
 */
#include "formats.h"

#include "fmt.h"

static void put_type(struct dw_draft *d, struct dw_str level)
{
    dw_draft_const(d, DW_F_event_type, fmt_is_error(level) ? "error" : "info");
}

/* 4961:M 30 May 12:50:13.463 # text; [4961] 30 May 12:50:13 * text; 4961:signal-handler (1496141561) text */
static bool redis_head(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str *r)
{
    struct dw_str at = *r, pid;
    if (fmt_bracketed(&at, '[', ']', &pid)) {
        if (!fmt_digits(pid))
            return false;
        fmt_put(d, DW_F_process_pid, pid);
    } else {
        struct dw_str word = fmt_word(&at);
        size_t colon = dw_str_index(word, ':');
        pid = dw_str_slice(word, 0, colon);
        if (colon < word.len && colon > 0 && fmt_digits(pid) &&
            word.ptr[colon + 1 < word.len ? colon + 1 : colon] > '9') {
            fmt_put(d, DW_F_process_pid, pid);
            fmt_set_named(d, "redis.log.", DW_STR("role"), dw_str_slice(word, colon + 1, word.len));
        } else {
            at = *r;
        }
    }
    fmt_blanks(&at);
    struct dw_str epoch, paren = at;
    if (fmt_bracketed(&paren, '(', ')', &epoch) && fmt_time(ctx, d, &epoch))
        at = paren;
    else if (!fmt_time(ctx, d, &at))
        return false;
    fmt_blanks(&at);
    *r = at;
    return true;
}

int dw_parse_redis_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    static const char marks[] = ".-*#";
    static const char *const level[] = {"debug", "verbose", "notice", "warning"};
    struct dw_str r = d->line;
    if (!redis_head(ctx, d, &r))
        return DW_ESYNTAX;
    const char *mark = r.len > 1 && r.ptr[1] == ' ' ? strchr(marks, r.ptr[0]) : NULL;
    if (mark && *mark) {
        dw_draft_const(d, DW_F_log_level, level[mark - marks]);
        r = dw_str_slice(r, 2, r.len);
    }
    (void)fmt_set(d, DW_F_message, r);
    dw_draft_const(d, DW_F_event_category, "database");
    dw_draft_const(d, DW_F_event_type, "info");
    return DW_OK;
}

int dw_probe_redis_log(struct dw_str line)
{
    const struct dw_time_ref ref = {NULL, 0};
    struct dw_time t;
    struct dw_str r = line, pid, at = r, role = fmt_word(&at), word = dw_str_cut(&role, ':');
    bool named = fmt_digits(word) && role.len == 1 && strchr("XCSM", role.ptr[0]);
    if (named)
        r = at;
    else if (fmt_bracketed(&r, '[', ']', &pid) && !fmt_digits(pid))
        return 0;
    fmt_blanks(&r);
    if (r.len < 12 || r.ptr[0] < '0' || r.ptr[0] > '9' || dw_time_scan(r, &ref, &t))
        return 0;
    r = dw_str_slice(r, t.len, r.len);
    bool marked = r.len > 2 && r.ptr[0] == ' ' && strchr(".-*#", r.ptr[1]) && r.ptr[2] == ' ';
    return marked ? (named ? 90 : 80) : 0;
}

static const struct fmt_map mongo_map[] = {
    {"t.$date", 0, FMT_TIME},
    {"s", DW_F_log_level, FMT_COPY},
    {"c", DW_F_log_logger, FMT_COPY},
    {"id", DW_F_event_code, FMT_COPY},
    {"ctx", DW_F_process_thread_name, FMT_COPY},
    {"msg", DW_F_message, FMT_COPY},
    {"attr.remote", 0, FMT_SOURCE},
    {"attr.durationMillis", 0, FMT_MS},
    {"attr.principalName", 0, FMT_USER},
    {"attr.error.errmsg", DW_F_error_message, FMT_COPY},
    {"attr.error", DW_F_error_message, FMT_COPY},
};

int dw_parse_mongodb_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, level, context;
    if (fmt_starts(r, "{")) {
        if (fmt_json(ctx, d, r, "mongodb.log.", mongo_map, DW_COUNT_OF(mongo_map)))
            return DW_ESYNTAX;
        level = fmt_get(d, DW_F_log_level);
    } else {
        if (!fmt_time(ctx, d, &r))
            return DW_ESYNTAX;
        level = fmt_word(&r);
        struct dw_str component = fmt_word(&r);
        if (level.len == 0 || level.len > 2 || !strchr("FEWID", level.ptr[0]) || !fmt_bracketed(&r, '[', ']', &context))
            return DW_ESYNTAX;
        fmt_put(d, DW_F_log_level, level);
        fmt_set_named(d, "mongodb.log.", DW_STR("component"), component);
        fmt_set_named(d, "mongodb.log.", DW_STR("context"), context);
        fmt_blanks(&r);
        (void)fmt_set(d, DW_F_message, r);
    }
    dw_draft_const(d, DW_F_event_category, "database");
    dw_draft_const(d, DW_F_event_type, "info");
    if (fmt_is_error(level))
        dw_draft_const(d, DW_F_event_type, "error");
    return DW_OK;
}

int dw_probe_mongodb_log(struct dw_str line)
{
    if (fmt_starts(line, "{"))
        return fmt_starts(line, "{\"t\":{\"$date\":") ? 98 : 0;
    struct dw_str r = line, time = fmt_word(&r), level = fmt_word(&r), component = fmt_word(&r), context;
    return time.len >= 24 && time.ptr[4] == '-' && level.len == 1 && strchr("FEWID", level.ptr[0]) &&
                   component.len > 1 && component.ptr[0] >= 'A' && component.ptr[0] <= 'Z' &&
                   fmt_bracketed(&r, '[', ']', &context)
               ? 85
               : 0;
}

/* Cuts " (org.apache.Class)" from the end of the first line. */
static struct dw_str cut_class(struct dw_str m, struct dw_str *ret_class)
{
    size_t end = dw_str_index(m, '\n');
    struct dw_str first = dw_str_trim(dw_str_slice(m, 0, end));
    if (first.len == 0 || first.ptr[first.len - 1] != ')')
        return m;
    size_t open = first.len;
    while (open > 0 && first.ptr[open - 1] != '(')
        open--;
    struct dw_str name = dw_str_slice(first, open, first.len - 1);
    if (open < 2 || dw_str_index(name, ' ') < name.len || dw_str_index(name, '.') == name.len)
        return m;
    *ret_class = name;
    return dw_str_trim(dw_str_slice(first, 0, open - 1));
}

int dw_parse_kafka_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, component, class = DW_STR_NONE;
    if (!fmt_lit(&r, "[") || !fmt_time(ctx, d, &r) || !fmt_lit(&r, "]"))
        return DW_ESYNTAX;
    struct dw_str level = fmt_word(&r), thread, logger;
    bool bracketed = level.len > 2 && level.ptr[0] == '[';
    if (bracketed) /* [LEVEL] [thread] [logger] - text */
        level = dw_str_slice(level, 1, level.len - 1);
    if (!fmt_among(level, " TRACE DEBUG INFO WARN WARNING ERROR FATAL "))
        return DW_ESYNTAX;
    fmt_put(d, DW_F_log_level, level);
    if (bracketed && fmt_bracketed(&r, '[', ']', &thread) && fmt_bracketed(&r, '[', ']', &logger)) {
        (void)fmt_set(d, DW_F_process_thread_name, thread);
        (void)fmt_set(d, DW_F_log_logger, logger);
        fmt_blanks(&r);
        (void)fmt_lit(&r, "- ");
    }
    fmt_blanks(&r);
    struct dw_str message = cut_class(r, &class);
    if (bracketed)
        message = dw_str_slice(message, 0, dw_str_index(message, '\n'));
    struct dw_str at = message;
    if (fmt_bracketed(&at, '[', ']', &component)) {
        fmt_set_named(d, "kafka.log.", DW_STR("component"), component);
        (void)fmt_lit(&at, ":");
        fmt_blanks(&at);
        message = at;
    }
    (void)fmt_set(d, DW_F_message, message);
    (void)fmt_set(d, DW_F_log_logger, class);
    put_type(d, level);
    return DW_OK;
}

int dw_probe_kafka_log(struct dw_str line)
{
    struct dw_str r = line, time;
    if (!fmt_bracketed(&r, '[', ']', &time) || time.len != 23 || time.ptr[10] != ' ' || time.ptr[19] != ',')
        return 0;
    return fmt_among(fmt_word(&r), " TRACE DEBUG INFO WARN ERROR FATAL ") ? 85 : 0;
}

/* 10.0.0.1:38630 - cid:1 - text; ->> [CONNECT {...}] gives what stands in braces */
static void nats_text(struct dw_draft *d, struct dw_str r, bool trace)
{
    struct dw_str at = r, peer = fmt_word(&at), host, port, inner;
    fmt_host_port(peer, &host, &port);
    struct dw_str cid = DW_STR_NONE;
    fmt_blanks(&at);
    if (fmt_is_ip(host) && fmt_lit(&at, "- ")) {
        (void)fmt_set(d, DW_F_client_ip, host);
        (void)fmt_set(d, DW_F_related_ip, host);
        fmt_set_named(d, "client.", DW_STR("port"), port);
        cid = fmt_word(&at);
        fmt_set_named(d, "nats.log.client.", DW_STR("id"), fmt_lit(&cid, "cid:") ? cid : DW_STR_NONE);
        fmt_blanks(&at);
        (void)fmt_lit(&at, "- ");
        r = at;
    }
    if (trace && (fmt_starts(r, "->> ") || fmt_starts(r, "<<- "))) {
        dw_draft_const(d, DW_F_network_direction, r.ptr[0] == '-' ? "inbound" : "outbound");
        r = dw_str_slice(r, 4, r.len);
        if (!fmt_bracketed(&r, '[', ']', &inner))
            return;
        fmt_set_named(d, "nats.log.msg.", DW_STR("type"), fmt_word(&inner));
        fmt_blanks(&inner);
        if (fmt_starts(inner, "{"))
            (void)fmt_set(d, DW_F_message, inner);
        return;
    }
    (void)fmt_set(d, DW_F_message, r);
}

int dw_parse_nats_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    static const char *const level[][2] = {
        {"INF", "info"}, {"DBG", "debug"}, {"TRC", "trace"}, {"WRN", "warning"}, {"ERR", "error"}, {"FTL", "fatal"}};
    struct dw_str r = d->line, pid, tag;
    if (!fmt_bracketed(&r, '[', ']', &pid) || !fmt_digits(pid))
        return DW_ESYNTAX;
    fmt_blanks(&r);
    if (!fmt_time(ctx, d, &r) || !fmt_bracketed(&r, '[', ']', &tag))
        return DW_ESYNTAX;
    fmt_put(d, DW_F_process_pid, pid);
    const char *name = NULL;
    for (size_t i = 0; i < DW_COUNT_OF(level); i++)
        if (fmt_eq(tag, level[i][0]))
            name = level[i][1];
    if (!name)
        return DW_ESYNTAX;
    dw_draft_const(d, DW_F_log_level, name);
    fmt_blanks(&r);
    nats_text(d, r, fmt_eq(tag, "TRC"));
    dw_draft_const(d, DW_F_event_type, "info");
    if (fmt_is_error(dw_str_of(name)))
        dw_draft_const(d, DW_F_event_type, "error");
    return DW_OK;
}

int dw_probe_nats_log(struct dw_str line)
{
    struct dw_str r = line, pid, tag;
    if (!fmt_bracketed(&r, '[', ']', &pid) || !fmt_digits(pid))
        return 0;
    (void)fmt_word(&r);
    (void)fmt_word(&r);
    return fmt_bracketed(&r, '[', ']', &tag) && fmt_among(tag, " INF DBG TRC WRN ERR FTL ") ? 90 : 0;
}

/* level/facility: text */
static int icinga_text(struct dw_draft *d, struct dw_str r)
{
    struct dw_str level, facility;
    fmt_blanks(&r);
    if (!fmt_upto(&r, "/", &level) || !fmt_upto(&r, ": ", &facility) ||
        !fmt_among(level, " debug notice information warning critical "))
        return DW_ESYNTAX;
    fmt_put(d, DW_F_log_level, level);
    (void)fmt_set(d, DW_F_log_logger, facility);
    (void)fmt_set(d, DW_F_message, dw_str_trim(r));
    put_type(d, level);
    return DW_OK;
}

int dw_parse_icinga_main(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line;
    if (!fmt_lit(&r, "[") || !fmt_time(ctx, d, &r) || !fmt_lit(&r, "]"))
        return DW_ESYNTAX;
    return icinga_text(d, r);
}

int dw_parse_icinga_debug(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    return dw_parse_icinga_main(ctx, d);
}

int dw_parse_icinga_startup(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    (void)ctx;
    return icinga_text(d, d->line);
}

int dw_probe_icinga_main(struct dw_str line)
{
    struct dw_str r = line, time, level;
    return fmt_bracketed(&r, '[', ']', &time) && time.len == 25 && fmt_upto(&r, "/", &level) &&
                   fmt_among(dw_str_trim(level), " debug notice information warning critical ")
               ? 85
               : 0;
}

int dw_probe_icinga_debug(struct dw_str line)
{
    return dw_probe_icinga_main(line) ? 80 : 0;
}

int dw_probe_icinga_startup(struct dw_str line)
{
    struct dw_str r = line, level;
    return fmt_upto(&r, "/", &level) && fmt_among(level, " debug notice information warning critical ") &&
                   fmt_has(r, ": ")
               ? 60
               : 0;
}
