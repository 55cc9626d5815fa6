/*
 * output_check: what a key of an output may hold, beyond what its type in the table says.
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

static bool is_name(struct dw_str s)
{
    bool ok = s.len > 0 && s.len <= DW_OUTPUT_NAME_MAX;
    for (size_t i = 0; i < s.len && ok; i++)
        ok = strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-", s.ptr[i]) && s.ptr[i];
    return ok;
}

/* http:// or https://, a host, and no user, blank or control byte. */
static bool is_url(struct dw_str s)
{
    struct dw_str http = DW_STR("http://"), https = DW_STR("https://");
    size_t at = dw_str_starts(s, https) ? https.len : dw_str_starts(s, http) ? http.len : 0;
    size_t end = at + dw_str_index(dw_str_slice(s, at, s.len), '/');
    struct dw_str host = dw_str_slice(s, at, end);
    bool ok = at > 0 && host.len > 0 && host.ptr[0] != ':' && s.len < 2000 && dw_str_index(host, '@') == host.len;
    for (size_t i = 0; i < s.len && ok; i++)
        ok = (uint8_t)s.ptr[i] > ' ' && (uint8_t)s.ptr[i] < 0x7f;
    return ok;
}

static bool is_version(struct dw_str s)
{
    bool ok = s.len > 0 && s.len < 32 && s.ptr[0] >= '0' && s.ptr[0] <= '9';
    for (size_t i = 0; i < s.len && ok; i++)
        ok = strchr("0123456789.abcdefghijklmnopqrstuvwxyz-", s.ptr[i]) && s.ptr[i];
    return ok;
}

static bool is_topic(struct dw_str s)
{
    bool ok = s.len > 0 && s.len <= 249;
    for (size_t i = 0; i < s.len && ok; i++)
        ok = strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-", s.ptr[i]) && s.ptr[i];
    return ok;
}

static int check_filter(struct dw_str text, struct dw_buf *why)
{
    struct dw_diags diags;
    struct dw_alert_filter *f = NULL;
    if (text.len == 0)
        return DW_OK;
    dw_diags_init(&diags, DW_STR("filter"), text);
    int rc = dw_alert_filter_new(text, &diags, &f);
    dw_alert_filter_free(f);
    if (rc == DW_ESYNTAX)
        dw_buf_printf(why, "column %u: %s%s%s", diags.count ? diags.item[0].at.col : 1, diags.count ? diags.item[0].msg : "not a filter",
            diags.count && diags.item[0].help[0] ? "; " : "", diags.count ? diags.item[0].help : "");
    return rc == DW_OK ? DW_OK : DW_ECONFIG;
}

int dw_output_option_check(const char *option, struct dw_str value, struct dw_buf *why)
{
    struct output_address at;
    const char *key = strchr(option, '.'), *want = NULL;
    key = key ? key + 1 : option;
    if (strcmp(key, "filter") == 0)
        return check_filter(value, why);
    if (strcmp(key, "name") == 0 && !is_name(value))
        want = "it is made of letters, digits, '_' and '-', at most 32";
    else if ((strcmp(key, "url") == 0 || strcmp(key, "console") == 0) && !is_url(value))
        want = "it needs http://HOST[:PORT]/... or https://..., without a user or blanks";
    else if (strcmp(key, "address") == 0 && !output_address_parse(value, &at))
        want = "it needs udp://HOST:PORT or tcp://HOST:PORT";
    else if (strcmp(key, "ocsf_version") == 0 && !is_version(value))
        want = "it needs a version such as 1.3.0";
    else if (strcmp(key, "topic") == 0 && !is_topic(value))
        want = "it is made of letters, digits, '.', '_' and '-'";
    if (!want)
        return DW_OK;
    dw_buf_str(why, dw_str_of(want));
    return DW_ECONFIG;
}

/* A secret goes into a header: no line may end in it. */
static bool is_header_text(struct dw_str s)
{
    bool ok = true;
    for (size_t i = 0; i < s.len; i++)
        ok &= (uint8_t)s.ptr[i] >= ' ' && s.ptr[i] != 0x7f;
    return ok;
}

int dw_notify_check(const struct dw_collector_options *opt)
{
    const struct dw_output_options *o = opt->outputs.item;
    for (uint32_t i = 0; i < opt->outputs.count; i++) {
        if (o[i].type == DW_OUTPUT_kafka && opt->kafka_brokers.len == 0)
            return dw_error("output %s: type kafka needs kafka.brokers", o[i].name.ptr), DW_ECONFIG;
        if ((o[i].token.path.len && o[i].token.bytes.len == 0) || (o[i].secret.path.len && o[i].secret.bytes.len == 0))
            return dw_error("output %s: the file of its %s is empty", o[i].name.ptr, o[i].token.path.len && !o[i].token.bytes.len ? "token" : "secret"), DW_ECONFIG;
        if (!is_header_text(o[i].token.bytes))
            return dw_error("output %s: its token is more than one line of text", o[i].name.ptr), DW_ECONFIG;
    }
    return DW_OK;
}
