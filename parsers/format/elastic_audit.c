/*
 * elastic_audit: the audit logs of Elasticsearch and Kibana, and Kibana's own log.
 *
 * Invariants:
 *   (1) The outcome follows from the action's name: granted and success, or denied, failed and tampered; else none.
 *   (2) Kibana's ECS lines keep every name as written.
 */
#include "formats.h"

#include "fmt.h"

static void put_outcome(struct dw_draft *d, struct dw_str action)
{
    if (dw_str_ends(action, DW_STR("_granted")) || dw_str_ends(action, DW_STR("_success")))
        dw_draft_const(d, DW_F_event_outcome, "success");
    else if (dw_str_ends(action, DW_STR("_denied")) || dw_str_ends(action, DW_STR("_failed")) ||
             fmt_starts(action, "tampered"))
        dw_draft_const(d, DW_F_event_outcome, "failure");
}

/* The address is kept whole, as written; ip and port beside it. */
static void put_origin(struct dw_draft *d, struct dw_str s, bool address)
{
    struct dw_str host, port;
    fmt_host_port(s, &host, &port);
    if (address)
        (void)fmt_set(d, DW_F_source_address, s);
    if (fmt_is_ip(host)) {
        (void)fmt_set(d, DW_F_source_ip, host);
        (void)fmt_set(d, DW_F_related_ip, host);
    }
    (void)fmt_set_digits(d, DW_F_source_port, port);
}

static const struct fmt_map audit_map[] = {
    {"timestamp", 0, FMT_TIME},
    {"@timestamp", 0, FMT_TIME},
    {"type", 0, FMT_DROP},
    {"event.action", DW_F_event_action, FMT_COPY},
    {"user.name", 0, FMT_USER},
    {"origin.address", DW_F_source_address, FMT_COPY},
    {"url.path", 0, FMT_URL},
    {"request.method", DW_F_http_request_method, FMT_COPY},
    {"request.id", DW_F_http_request_id, FMT_COPY},
    {"trace.id", DW_F_trace_id, FMT_COPY},
    {"host.*", 0, FMT_NAMED},
    {"put.user.name", 0, FMT_USER},
    {"delete.user.name", 0, FMT_USER},
    {"change.password.user.name", 0, FMT_USER},
    {"change.enable.user.name", 0, FMT_USER},
    {"change.disable.user.name", 0, FMT_USER},
    {"create.user.name", 0, FMT_USER},
};

/* [time] [node] [layer] [action] key=[value], ... */
static int audit_text(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, part, last = DW_STR_NONE, layer = DW_STR_NONE;
    if (!fmt_lit(&r, "[") || !fmt_time(ctx, d, &r) || !fmt_lit(&r, "]"))
        return DW_ESYNTAX;
    while (fmt_bracketed(&r, '[', ']', &part)) {
        layer = last;
        last = part;
    }
    if (!last.len)
        return DW_ESYNTAX;
    fmt_set_named(d, "elasticsearch.audit.", DW_STR("layer"), layer);
    (void)fmt_set(d, DW_F_event_action, last);
    put_outcome(d, last);
    while (r.len) {
        while (r.len && strchr(" \t,", r.ptr[0]))
            r = dw_str_slice(r, 1, r.len);
        struct dw_str key = r;
        key.len = dw_str_index(r, '=');
        r = dw_str_slice(r, key.len + 1, r.len);
        if (!fmt_bracketed(&r, '[', ']', &part))
            break;
        if (fmt_eq(key, "origin_address"))
            put_origin(d, part, false);
        else if (fmt_eq(key, "principal") || fmt_eq(key, "user"))
            fmt_user(d, part);
        else if (fmt_eq(key, "uri"))
            fmt_url(d, part);
        else
            fmt_set_named(d, "elasticsearch.audit.", key, part);
    }
    dw_draft_const(d, DW_F_event_type, "access");
    return DW_OK;
}

int dw_parse_elasticsearch_audit(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    if (fmt_starts(d->line, "{")) {
        if (fmt_json(ctx, d, d->line, "elasticsearch.audit.", audit_map, DW_COUNT_OF(audit_map)))
            return DW_ESYNTAX;
        put_outcome(d, fmt_get(d, DW_F_event_action));
        put_origin(d, fmt_get(d, DW_F_source_address), false);
    } else if (audit_text(ctx, d)) {
        return DW_ESYNTAX;
    }
    dw_draft_const(d, DW_F_event_category, "database");
    (void)fmt_set(d, DW_F_message, d->line);
    return DW_OK;
}

int dw_probe_elasticsearch_audit(struct dw_str line)
{
    if (fmt_starts(line, "{"))
        return fmt_has(line, "\"type\":\"audit\"") || fmt_has(line, "\"type\": \"audit\"") ||
                       (fmt_has(line, "\"origin.address\"") && fmt_has(line, "\"event.action\""))
                   ? 90
                   : 0;
    struct dw_str r = line, time, part;
    return fmt_bracketed(&r, '[', ']', &time) && time.len == 23 && fmt_has(r, "origin_address=[") &&
                   fmt_bracketed(&r, '[', ']', &part)
               ? 90
               : 0;
}

static const struct fmt_map ecs_map[] = {
    {"@timestamp", 0, FMT_TIME},
    {"event.kind", DW_F_event_kind, FMT_COPY},
    {"event.dataset", 0, FMT_DROP},
    {"event.module", 0, FMT_DROP},
    {"*", 0, FMT_NAMED},
};

/* An ECS line of a service whose HTTP answers may lack an outcome. */
static int kibana_ecs(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    uint64_t status;
    if (fmt_json(ctx, d, d->line, "", ecs_map, DW_COUNT_OF(ecs_map)))
        return DW_ESYNTAX;
    struct dw_str source = fmt_get(d, DW_F_source_address);
    if (source.len && !fmt_get(d, DW_F_source_ip).len && fmt_is_ip(source))
        (void)fmt_set(d, DW_F_source_ip, source);
    if (!fmt_get(d, DW_F_event_outcome).len && dw_str_u64(fmt_get(d, DW_F_http_response_status_code), &status))
        dw_draft_const(d, DW_F_event_outcome, status < 400 ? "success" : "failure");
    return DW_OK;
}

int dw_parse_kibana_audit(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    return kibana_ecs(ctx, d);
}

static const struct fmt_map kibana_map[] = {
    {"@timestamp", 0, FMT_TIME},
    {"message", DW_F_message, FMT_COPY},
    {"pid", DW_F_process_pid, FMT_COPY},
    {"res.statusCode", 0, FMT_STATUS},
    {"res.responseTime", 0, FMT_MS},
    {"res.contentLength", DW_F_http_response_body_bytes, FMT_COPY},
    {"req.method", DW_F_http_request_method, FMT_COPY},
    {"req.url", DW_F_url_original, FMT_COPY},
    {"req.headers.referer", DW_F_http_request_referrer, FMT_COPY},
    {"req.headers.user-agent", DW_F_user_agent_original, FMT_COPY},
    {"req.remoteAddress", 0, FMT_SOURCE},
    {"req.referer", 0, FMT_DROP},
    {"statusCode", 0, FMT_DROP},
    {"method", 0, FMT_DROP},
    {"error.message", DW_F_error_message, FMT_COPY},
    {"error.stack", DW_F_error_stack_trace, FMT_COPY},
};

int dw_parse_kibana_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    uint32_t state;
    if (!fmt_has(d->line, "\"pid\":") || fmt_has(d->line, "\"ecs\":{"))
        return kibana_ecs(ctx, d);
    if (fmt_json(ctx, d, d->line, "kibana.log.", kibana_map, DW_COUNT_OF(kibana_map)))
        return fmt_has(d->line, "\"log.level\"") ? kibana_ecs(ctx, d) : DW_ESYNTAX;
    if (dw_keys_find(d->keys, DW_STR("kibana.log.state"), &state) == DW_OK && fmt_get(d, state).len)
        dw_draft_const(d, DW_F_event_type, fmt_eq(fmt_get(d, state), "red") ? "error" : "info");
    return DW_OK;
}

int dw_probe_kibana_audit(struct dw_str line)
{
    return fmt_starts(line, "{") && fmt_has(line, "plugins.security.audit") ? 90 : 0;
}

int dw_probe_kibana_log(struct dw_str line)
{
    if (!fmt_starts(line, "{"))
        return 0;
    return fmt_has(line, "\"type\":\"log\",\"@timestamp\"") || fmt_has(line, "\"type\":\"response\",\"@timestamp\"")
               ? 85
               : 0;
}
