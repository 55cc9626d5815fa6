/*
 * kube: what containers' own machinery logs: the API server's audit log, klog headers, CoreDNS, Envoy.
 *
 * Invariants:
 *   (1) A denied or failed API request is a failure by its status code, whatever its stage.
 */
#include "formats.h"

#include "fmt.h"

static const struct fmt_map audit_map[] = {
    {"requestReceivedTimestamp", 0, FMT_TIME},
    {"stageTimestamp", 0, FMT_NAMED},
    {"verb", DW_F_event_action, FMT_COPY},
    {"auditID", DW_F_http_request_id, FMT_COPY},
    {"user.username", 0, FMT_USER},
    {"user.uid", DW_F_user_id, FMT_COPY},
    {"user.groups", DW_F_user_group_name, FMT_COPY},
    {"impersonatedUser.username", DW_F_user_effective_name, FMT_COPY},
    {"sourceIPs", DW_F_source_ip, FMT_COPY},
    {"userAgent", DW_F_user_agent_original, FMT_COPY},
    {"requestURI", 0, FMT_URL},
    {"objectRef.namespace", DW_F_orchestrator_namespace, FMT_COPY},
    {"objectRef.resource", DW_F_orchestrator_resource_type, FMT_COPY},
    {"objectRef.name", DW_F_orchestrator_resource_name, FMT_COPY},
    {"objectRef.uid", DW_F_orchestrator_resource_id, FMT_COPY},
    {"objectRef.apiVersion", DW_F_orchestrator_api_version, FMT_COPY},
    {"responseStatus.code", 0, FMT_STATUS},
    {"responseStatus.reason", DW_F_event_reason, FMT_COPY},
    {"responseStatus.message", DW_F_error_message, FMT_COPY},
};

int dw_parse_kubernetes_audit(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    static const char *const type[][2] = {{"create", "creation"}, {"update", "change"}, {"patch", "change"},
        {"delete", "deletion"}, {"deletecollection", "deletion"}, {"get", "access"}, {"list", "access"},
        {"watch", "access"}};
    if (fmt_json(ctx, d, d->line, "kubernetes.audit.", audit_map, DW_COUNT_OF(audit_map)))
        return DW_ESYNTAX;
    struct dw_str verb = fmt_get(d, DW_F_event_action), source = fmt_get(d, DW_F_source_ip);
    (void)fmt_set(d, DW_F_source_address, source);
    for (size_t i = 0; i < DW_COUNT_OF(type); i++)
        if (fmt_eq(verb, type[i][0]))
            dw_draft_const(d, DW_F_event_type, type[i][1]);
    dw_draft_const(d, DW_F_event_category, "configuration");
    dw_draft_const(d, DW_F_orchestrator_type, "kubernetes");
    return DW_OK;
}

int dw_probe_kubernetes_audit(struct dw_str line)
{
    return fmt_starts(line, "{") && fmt_has(line, "\"audit.k8s.io/") && fmt_has(line, "\"verb\"") ? 99 : 0;
}

/* I1123 21:14:18.123456       1 file.go:123] text */
int dw_parse_klog(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    static const char *const name[] = {"info", "warning", "error", "fatal"};
    struct dw_str r = d->line;
    const char *mark = r.len > 22 ? strchr("IWEF", r.ptr[0]) : NULL;
    if (!mark || !*mark || !fmt_digits(dw_str_slice(r, 1, 5)))
        return DW_ESYNTAX;
    char text[64]; /* the scanner knows "Nov 23 21:14:18.123456" */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    unsigned month = (unsigned)(r.ptr[1] - '0') * 10 + (unsigned)(r.ptr[2] - '0');
    struct dw_str clock = dw_str_slice(r, 3, r.len), day = fmt_word(&clock), time = fmt_word(&clock), source;
    if (month < 1 || month > 12 || time.len > 16 || day.len != 2)
        return DW_ESYNTAX;
    memcpy(text, months + 3 * (month - 1), 3);
    text[3] = text[6] = ' ';
    memcpy(text + 4, day.ptr, 2);
    memcpy(text + 7, time.ptr, time.len);
    struct dw_str copy = dw_str_make(text, 7 + time.len);
    if (!fmt_time(ctx, d, &copy))
        return DW_ESYNTAX;
    dw_draft_const(d, DW_F_log_level, name[mark - "IWEF"]);
    struct dw_str thread = fmt_word(&clock);
    if (!fmt_upto(&clock, "]", &source))
        return DW_ESYNTAX;
    source = dw_str_trim(source);
    (void)fmt_set_digits(d, DW_F_process_thread_id, thread);
    (void)fmt_set(d, DW_F_log_origin_file_name, dw_str_cut(&source, ':'));
    (void)fmt_set_digits(d, DW_F_log_origin_file_line, source);
    (void)fmt_set(d, DW_F_message, dw_str_trim(clock));
    dw_draft_const(d, DW_F_event_type, mark[0] == 'E' || mark[0] == 'F' ? "error" : "info");
    return DW_OK;
}

int dw_probe_klog(struct dw_str line)
{
    return line.len > 30 && strchr("IWEF", line.ptr[0]) && fmt_digits(dw_str_slice(line, 1, 5)) && line.ptr[5] == ' ' &&
                   line.ptr[8] == ':' && fmt_has(line, "] ")
               ? 85
               : 0;
}

/* [INFO] 10.0.0.1:34092 - 45 "A IN example.com. udp 31 false 512" NOERROR qr,rd 93 0.066649806s */
int dw_parse_coredns_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, level, query, host, port;
    (void)fmt_time(ctx, d, &r);
    if (!fmt_bracketed(&r, '[', ']', &level) || !fmt_among(level, " INFO WARNING ERROR DEBUG FATAL "))
        return DW_ESYNTAX;
    fmt_put(d, DW_F_log_level, level);
    fmt_blanks(&r);
    (void)fmt_set(d, DW_F_message, r);
    dw_draft_const(d, DW_F_event_category, "network");
    struct dw_str at = r, peer = fmt_word(&at), dash = fmt_word(&at), id = fmt_word(&at);
    if (!fmt_eq(dash, "-") || !fmt_digits(id) || !fmt_quoted(&at, &query))
        return DW_OK;
    fmt_host_port(peer, &host, &port);
    fmt_source(d, host);
    (void)fmt_set_digits(d, DW_F_source_port, port);
    fmt_set_named(d, "dns.", DW_STR("id"), id);
    (void)fmt_set(d, DW_F_dns_question_type, fmt_word(&query));
    fmt_set_named(d, "dns.question.", DW_STR("class"), fmt_word(&query));
    struct dw_str name = fmt_word(&query), transport = fmt_word(&query);
    if (name.len > 1 && name.ptr[name.len - 1] == '.')
        name.len--;
    (void)fmt_set(d, DW_F_dns_question_name, name);
    (void)fmt_set(d, DW_F_network_transport, transport);
    dw_draft_const(d, DW_F_network_protocol, "dns");
    dw_draft_const(d, DW_F_event_type, "protocol");
    struct dw_str code = fmt_word(&at);
    fmt_set_named(d, "dns.", DW_STR("response_code"), code);
    dw_draft_const(d, DW_F_event_outcome, fmt_eq(code, "NOERROR") ? "success" : "failure");
    (void)fmt_word(&at);
    (void)fmt_word(&at);
    struct dw_str took = fmt_word(&at);
    if (dw_str_ends(took, DW_STR("s")))
        (void)fmt_duration(d, dw_str_slice(took, 0, took.len - 1), DW_NS_PER_S);
    return DW_OK;
}

int dw_probe_coredns_log(struct dw_str line)
{
    struct dw_str r = line, level, query;
    if (!fmt_bracketed(&r, '[', ']', &level) || !fmt_among(level, " INFO ERROR "))
        return 0;
    (void)fmt_word(&r);
    return fmt_eq(fmt_word(&r), "-") && fmt_digits(fmt_word(&r)) && fmt_quoted(&r, &query) && fmt_has(query, " IN ")
               ? 90
               : 0;
}

/* [time] "GET /x HTTP/1.1" 200 - 0 12 5 4 "xff" "agent" "id" "authority" "upstream" */
int dw_parse_envoyproxy_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, request, v;
    if (!fmt_lit(&r, "[") || !fmt_time(ctx, d, &r) || !fmt_lit(&r, "]") || !fmt_quoted(&r, &request))
        return DW_ESYNTAX;
    (void)fmt_request(d, request);
    if (!fmt_status(d, fmt_word(&r)))
        return DW_ESYNTAX;
    fmt_set_named(d, "envoyproxy.", DW_STR("response_flags"), fmt_word(&r));
    struct dw_str number = fmt_word(&r);
    while (number.len && !fmt_digits(number) && r.len && !fmt_starts(dw_str_trim(r), "\""))
        number = fmt_word(&r); /* Istio: response code details, and so on */
    if (!fmt_digits(number)) {
        (void)fmt_quoted(&r, &v);
        number = fmt_word(&r);
    }
    (void)fmt_set_digits(d, DW_F_http_request_body_bytes, number);
    (void)fmt_set_digits(d, DW_F_http_response_body_bytes, fmt_word(&r));
    (void)fmt_duration(d, fmt_word(&r), DW_NS_PER_MS);
    (void)fmt_word(&r);
    if (fmt_quoted(&r, &v))
        fmt_source(d, dw_str_trim(dw_str_cut(&v, ',')));
    if (fmt_quoted(&r, &v))
        (void)fmt_set(d, DW_F_user_agent_original, v);
    if (fmt_quoted(&r, &v))
        (void)fmt_set(d, DW_F_http_request_id, v);
    if (fmt_quoted(&r, &v)) {
        struct dw_str host, port;
        fmt_host_port(v, &host, &port);
        (void)fmt_set(d, DW_F_url_domain, host);
    }
    dw_draft_const(d, DW_F_event_category, "web");
    dw_draft_const(d, DW_F_event_type, "access");
    return DW_OK;
}

int dw_probe_envoyproxy_log(struct dw_str line)
{
    struct dw_str r = line, time, request;
    return fmt_bracketed(&r, '[', ']', &time) && time.len == 24 && time.ptr[10] == 'T' && fmt_quoted(&r, &request) &&
                   fmt_word(&r).len == 3
               ? 85
               : 0;
}
