/*
 * endpoint: osquery results, Santa, and the Pensando firewall.
 *
 * Invariants:
 *   (1) osquery's own columns stay below "osquery.result."; only names of the same meaning go to ECS fields.
 */
#include "formats.h"

#include "fmt.h"

static const struct fmt_map osquery_map[] = {
    {"unixTime", 0, FMT_TIME},
    {"calendarTime", 0, FMT_DROP},
    {"action", DW_F_event_action, FMT_COPY},
    {"name", DW_F_rule_name, FMT_COPY},
    {"hostIdentifier", DW_F_host_hostname, FMT_COPY},
    {"decorations.username", 0, FMT_USER},
    {"columns.path", DW_F_file_path, FMT_COPY},
    {"columns.filename", DW_F_file_name, FMT_COPY},
    {"columns.process", DW_F_process_name, FMT_COPY},
    {"columns.source_url", DW_F_url_full, FMT_COPY},
};

int dw_parse_osquery_result(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    if (fmt_json(ctx, d, d->line, "osquery.result.", osquery_map, DW_COUNT_OF(osquery_map)))
        return DW_ESYNTAX;
    dw_draft_const(d, DW_F_event_type, "info");
    return DW_OK;
}

int dw_probe_osquery_result(struct dw_str line)
{
    return fmt_starts(line, "{") && fmt_has(line, "\"hostIdentifier\"") && fmt_has(line, "\"calendarTime\"") ? 95 : 0;
}

/* [time] I santad: action=EXEC|decision=ALLOW|... */
int dw_parse_santa_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    static const struct fmt_map keys[] = {
        {"path", DW_F_process_executable, FMT_COPY},
        {"pid", DW_F_process_pid, FMT_COPY},
        {"ppid", DW_F_process_parent_pid, FMT_COPY},
        {"uid", DW_F_user_id, FMT_COPY},
        {"user", 0, FMT_USER},
        {"gid", DW_F_group_id, FMT_COPY},
        {"group", DW_F_group_name, FMT_COPY},
        {"action", DW_F_event_action, FMT_LOWER},
        {"reason", DW_F_event_reason, FMT_COPY},
    };
    struct dw_str r = d->line;
    if (!fmt_lit(&r, "[") || !fmt_time(ctx, d, &r) || !fmt_lit(&r, "]"))
        return DW_ESYNTAX;
    struct dw_str level = fmt_word(&r);
    fmt_blanks(&r);
    if (!fmt_lit(&r, "santad: "))
        return DW_ESYNTAX;
    fmt_put(d, DW_F_log_level, level);
    while (r.len) {
        struct dw_str value = dw_str_cut(&r, '|'), key = dw_str_cut(&value, '=');
        if (!value.len)
            continue;
        fmt_set_named(d, "santa.", key, value);
        for (size_t i = 0; i < DW_COUNT_OF(keys); i++) {
            struct dw_field v = fmt_field(d, value);
            if (fmt_eq(key, keys[i].name))
                (void)fmt_apply(ctx, d, &keys[i], &v);
        }
        if (fmt_eq(key, "decision") && fmt_among(value, " ALLOW DENY "))
            dw_draft_const(d, DW_F_event_outcome, fmt_eq(value, "ALLOW") ? "success" : "failure");
        if (fmt_eq(key, "action") && fmt_eq(value, "EXEC")) {
            dw_draft_const(d, DW_F_event_category, "process");
            dw_draft_const(d, DW_F_event_type, "start");
        }
    }
    return DW_OK;
}

int dw_probe_santa_log(struct dw_str line)
{
    return fmt_starts(line, "[") && fmt_has(line, " santad: action=") ? 98 : 0;
}

static const struct fmt_map dfw_map[] = {
    {"timestamp", 0, FMT_TIME},
    {"protocol", DW_F_network_transport, FMT_LOWER},
    {"srcaddr", DW_F_source_address, FMT_SOURCE},
    {"srcport", DW_F_source_port, FMT_COPY},
    {"destaddr", DW_F_destination_address, FMT_COPY},
    {"destport", DW_F_destination_port, FMT_COPY},
    {"rule-id", DW_F_rule_id, FMT_COPY},
    {"direction", DW_F_network_direction, FMT_COPY},
};

/* <pri>1 time host app proc msgid [{...}] */
int dw_parse_pensando_dfw(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, text;
    size_t open = dw_str_index(r, '{'), close = r.len;
    while (close > 0 && r.ptr[close - 1] != '}')
        close--;
    text = dw_str_slice(r, open, close);
    if (!text.len || fmt_json(ctx, d, text, "pensando.dfw.", dfw_map, DW_COUNT_OF(dfw_map)))
        return DW_ESYNTAX;
    struct dw_str to = fmt_get(d, DW_F_destination_address);
    if (fmt_is_ip(to))
        (void)fmt_set(d, DW_F_destination_ip, to);
    dw_draft_const(d, DW_F_event_category, "network");
    dw_draft_const(d, DW_F_network_type, fmt_has(to, ":") ? "ipv6" : "ipv4");
    bool allow = fmt_has(text, "\"allow\""), deny = fmt_has(text, "\"deny\"");
    if (allow || deny) {
        dw_draft_const(d, DW_F_event_action, allow ? "allowed" : "denied");
        fmt_words(d, DW_F_event_type, allow ? "connection allowed" : "connection denied");
        dw_draft_const(d, DW_F_event_outcome, "success");
    }
    return DW_OK;
}

int dw_probe_pensando_dfw(struct dw_str line)
{
    return fmt_has(line, "\"srcaddr\"") && fmt_has(line, "\"destaddr\"") && fmt_has(line, "\"rule-id\"") ? 95 : 0;
}
