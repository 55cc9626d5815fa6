/*
 * shipper: records of Fluent Bit, Vector and Filebeat: JSON around a line, with what the shipper knew about where it came from.
 *
 *     {"@timestamp":1795608000.5,"log":"203.0.113.9 - - [...] \"GET / HTTP/1.1\" 200 5","kubernetes":{"pod_name":"web-0", ...}}
 *     {"timestamp":"2026-11-25T12:00:00Z","message":"...","host":"node-7","file":"/var/log/auth.log","source_type":"file"}
 *     {"@timestamp":"2026-11-25T12:00:00.000Z","message":"...","log":{"file":{"path":"/var/log/auth.log"}},"host":{"name":"node-7"}}
 *
 * Idea: the shipper's names become ECS by the table below; the line inside goes through the parsers as if an agent had read it, and what
 * it finds is added.
 *
 * Invariants:
 *   (1) What the shipper says of a field is not overruled by the line inside, but for its format.
 *   (2) The time is the line's own, unless the shipper's shows that it cannot be (docs/formats/frame.md).
 */
#include "formats.h"

#include "fmt.h"
#include "inner.h"

/* First hit wins; a name whose place is taken keeps its own. */
static const struct fmt_map names[] = {
    {"@timestamp", 0, FMT_TIME}, /* Fluent Bit's timestamp_key, Filebeat */
    {"timestamp", 0, FMT_TIME},  /* Vector */
    {"date", 0, FMT_TIME},       /* Fluent Bit's json_date_key */
    {"log", DW_F_message, FMT_COPY},
    {"message", DW_F_message, FMT_COPY},
    {"MESSAGE", DW_F_message, FMT_COPY}, /* systemd */
    {"kubernetes.host", DW_F_host_name, FMT_COPY},
    {"kubernetes.pod_node_name", DW_F_host_name, FMT_COPY},
    {"host", DW_F_host_name, FMT_COPY},
    {"hostname", DW_F_host_name, FMT_COPY},
    {"_HOSTNAME", DW_F_host_name, FMT_COPY},
    {"file", DW_F_log_file_path, FMT_COPY},
    {"filename", DW_F_log_file_path, FMT_COPY},
    {"filepath", DW_F_log_file_path, FMT_COPY},
    {"container_id", DW_F_container_id, FMT_COPY},
    {"container_name", DW_F_container_name, FMT_COPY},
    {"image", DW_F_container_image_name, FMT_COPY},
    {"kubernetes.docker_id", DW_F_container_id, FMT_COPY},
    {"kubernetes.container_id", DW_F_container_id, FMT_COPY},
    {"kubernetes.container_name", DW_F_container_name, FMT_COPY},
    {"kubernetes.container.name", DW_F_container_name, FMT_COPY},
    {"kubernetes.container_image", DW_F_container_image_name, FMT_COPY},
    {"kubernetes.pod_name", DW_F_kubernetes_pod_name, FMT_COPY},
    {"kubernetes.pod_id", DW_F_kubernetes_pod_uid, FMT_COPY},
    {"kubernetes.pod_uid", DW_F_kubernetes_pod_uid, FMT_COPY},
    {"kubernetes.namespace_name", DW_F_orchestrator_namespace, FMT_COPY},
    {"kubernetes.pod_namespace", DW_F_orchestrator_namespace, FMT_COPY},
    {"kubernetes.namespace", DW_F_orchestrator_namespace, FMT_COPY},
    {"SYSLOG_IDENTIFIER", DW_F_process_name, FMT_COPY},
    {"_COMM", DW_F_process_name, FMT_COPY},
    {"appname", DW_F_process_name, FMT_COPY},
    {"_PID", DW_F_process_pid, FMT_COPY},
    {"procid", DW_F_process_pid, FMT_COPY},
    {"_EXE", DW_F_process_executable, FMT_COPY},
    {"_CMDLINE", DW_F_process_command_line, FMT_COPY},
    {"PRIORITY", DW_F_log_syslog_severity_code, FMT_COPY},
    {"remote", 0, FMT_SOURCE}, /* Fluent Bit's parsers nginx and apache2 */
    {"code", 0, FMT_STATUS},
    {"agent", DW_F_user_agent_original, FMT_COPY},
};

static uint32_t own_key(struct dw_str name)
{
    return fmt_eq(name, "event.dataset") ? DW_F_event_dataset
           : fmt_eq(name, "event.module") ? DW_F_event_module
           : fmt_eq(name, "event.kind")   ? DW_F_event_kind
                                          : 0;
}

static bool on_value(void *arg, struct dw_draft *d, struct dw_str name, const struct dw_field *value)
{
    const struct dw_parse_ctx *ctx = arg;
    uint32_t own = own_key(name);
    if (own && dw_field_is_text(value)) {
        inner_replace(d, own, dw_field_str(value), (enum dw_kind)value->kind);
        return true;
    }
    for (size_t i = 0; i < DW_COUNT_OF(names); i++)
        if (fmt_eq(name, names[i].name) && !fmt_is_taken(d, &names[i]) && fmt_apply(ctx, d, &names[i], value))
            return true;
    return fmt_well_known(ctx, d, name, value);
}

static bool has(const struct dw_draft *d, uint32_t key)
{
    for (uint32_t i = 0; i < d->field_count; i++)
        if (d->field[i].key == key)
            return true;
    return false;
}

static const struct dw_parser *parser_of(const struct dw_draft *d, struct dw_str line)
{
    const struct dw_parser *named = dw_parser_find(fmt_get(d, DW_F_event_dataset)), *p = named;
    if (!p || p->parse == dw_parse_shipper)
        p = dw_parser_probe(line);
    return p && p->parse != dw_parse_shipper ? p : NULL;
}

static void parse_line(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str line = inner_line(d);
    const struct dw_parser *p = line.len ? parser_of(d, line) : NULL;
    if (p)
        (void)inner_parse(ctx, d, p, line);
}

int dw_parse_shipper(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_parse_ctx copy = *ctx;
    struct dw_flatten how = {.hook = on_value, .arg = &copy};
    if (dw_flatten_json(d, dw_str_trim(d->line), &how) < 0)
        return DW_ESYNTAX;
    parse_line(ctx, d);
    struct dw_str source = fmt_get(d, DW_F_source_address);
    if (source.len && !has(d, DW_F_source_ip) && fmt_is_ip(source))
        (void)fmt_set(d, DW_F_source_ip, source);
    if (!has(d, DW_F_event_category) && has(d, DW_F_url_original) && has(d, DW_F_http_response_status_code)) {
        dw_draft_const(d, DW_F_event_category, "web"); /* an access log that the shipper took apart */
        dw_draft_const(d, DW_F_event_type, "access");
    }
    return DW_OK;
}

/* Never guessed: who ships such records says so. */
int dw_probe_shipper(struct dw_str line)
{
    (void)line;
    return 0;
}
