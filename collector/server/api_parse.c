/*
 * api_parse: targets, parameters and bodies.
 *
 * Idea: what comes is decoded once, here, and a NUL byte or a name that stands twice is refused, so that no two parts of the program can
 * read one request differently.
 *
 * Invariants:
 *   (1) A path is compared as it stands: an escape in it matches nothing.
 *   (2) Every loop takes at least one byte of its view.
 */
#include "api_parse.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"

/* Resolves %XX, and + as a blank. */
static int unescape(struct dw_str s, struct dw_arena *arena, struct dw_str *ret)
{
    char *out = dw_arena_alloc(arena, s.len + 1);
    size_t len = 0;
    if (!out)
        return DW_ENOMEM;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.ptr[i];
        if (byte == '+') {
            byte = ' ';
        } else if (byte == '%') {
            if (s.len - i < 3 || !dw_unhex(dw_str_slice(s, i + 1, i + 3), &byte, 1))
                return DW_ESYNTAX;
            i += 2;
        }
        if (byte == 0)
            return DW_ESYNTAX;
        out[len++] = (char)byte;
    }
    *ret = dw_str_make(out, len);
    return DW_OK;
}

static int add(struct api_params *p, struct dw_str name, struct dw_str value)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (dw_str_eq(p->item[i].name, name))
            return DW_ESYNTAX;
    if (p->count == API_PARAMS_MAX || name.len > API_NAME_MAX)
        return DW_ELIMIT;
    p->item[p->count].number = false;
    p->item[p->count].name = name;
    p->item[p->count++].value = value;
    return DW_OK;
}

int api_parse_target(struct dw_str target, struct dw_arena *arena, struct dw_str *ret_path, struct api_params *ret)
{
    struct dw_str rest = target;
    int rc = DW_OK;
    ret->count = 0;
    *ret_path = dw_str_cut(&rest, '?');
    while (rest.len && rc == DW_OK) {
        struct dw_str value = dw_str_cut(&rest, '&'), name = dw_str_cut(&value, '=');
        rc = name.len && value.ptr ? unescape(name, arena, &name) : DW_ESYNTAX;
        if (rc == DW_OK)
            rc = unescape(value, arena, &value);
        if (rc == DW_OK)
            rc = add(ret, name, value);
    }
    return rc;
}

static int text_of(const struct dw_json_token *t, struct dw_arena *arena, struct dw_str *ret)
{
    struct dw_buf text = {0};
    *ret = t->text;
    int rc = DW_OK;
    if (t->type == DW_JSON_STRING && t->escaped) {
        rc = dw_json_unescape(t->text, &text) ? DW_OK : text.err ? text.err : DW_ESYNTAX;
        if (rc == DW_OK && !(*ret = dw_arena_copy(arena, dw_buf_view(&text))).ptr)
            rc = DW_ENOMEM;
        dw_buf_fini(&text);
    }
    return rc == DW_OK && dw_str_index(*ret, '\0') < ret->len ? DW_ESYNTAX : rc;
}

int api_parse_body(struct dw_str body, struct dw_arena *arena, struct api_params *params)
{
    struct dw_json j;
    struct dw_json_token t;
    dw_json_start(&j, body);
    int rc = dw_json_next(&j, &t);
    if (rc == DW_OK && t.type != DW_JSON_OBJECT)
        rc = DW_ESYNTAX;
    while (rc == DW_OK && (rc = dw_json_next(&j, &t)) == DW_OK && t.type == DW_JSON_KEY) {
        struct dw_str name = t.text, value;
        rc = t.escaped ? DW_ESYNTAX : dw_json_next(&j, &t);
        if (rc == DW_OK)
            rc = t.type == DW_JSON_STRING || t.type == DW_JSON_NUMBER ? text_of(&t, arena, &value) : DW_ESYNTAX;
        if (rc == DW_OK)
            rc = name.len ? add(params, name, value) : DW_ESYNTAX;
        if (rc == DW_OK)
            params->item[params->count - 1].number = t.type == DW_JSON_NUMBER;
    }
    if (rc == DW_OK && (rc = dw_json_next(&j, &t)) == DW_OK && t.type != DW_JSON_END)
        rc = DW_ESYNTAX;
    return rc;
}

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

bool api_path_is(struct dw_str pattern, struct dw_str path, struct dw_str *ret_id)
{
    bool is_name = dw_str_find(pattern, DW_STR("{name}")) < pattern.len;
    struct dw_str mark = is_name ? DW_STR("{name}") : DW_STR("{id}");
    size_t at = dw_str_find(pattern, mark);
    *ret_id = DW_STR_NONE;
    if (at == pattern.len)
        return dw_str_eq(pattern, path);
    struct dw_str tail = dw_str_slice(pattern, at + mark.len, pattern.len);
    if (path.len <= at + tail.len || !dw_str_starts(path, dw_str_slice(pattern, 0, at)) || !dw_str_ends(path, tail))
        return false;
    *ret_id = dw_str_slice(path, at, path.len - tail.len);
    for (size_t i = 0; i < ret_id->len; i++)
        if (!ret_id->ptr[i] || !strchr(is_name ? name_bytes : "0123456789abcdef-", ret_id->ptr[i]))
            return false;
    return true;
}

static bool is_port(struct dw_str s)
{
    uint64_t port;
    return dw_str_u64(s, &port) && port <= 65535;
}

bool api_host_name(struct dw_str host, struct dw_str *ret)
{
    bool bracket = host.len && host.ptr[0] == '[';
    size_t end = bracket ? dw_str_index(host, ']') : dw_str_index(host, ':');
    struct dw_str rest = dw_str_slice(host, end + bracket, host.len);
    *ret = dw_str_slice(host, bracket, end);
    return ret->len && (!bracket || end < host.len) && (rest.len == 0 || (rest.ptr[0] == ':' && is_port(dw_str_slice(rest, 1, rest.len))));
}

bool api_origin_is(struct dw_str origin, struct dw_str host)
{
    struct dw_str http = DW_STR("http://"), https = DW_STR("https://");
    struct dw_str rest = dw_str_starts(origin, http) ? dw_str_slice(origin, http.len, origin.len)
        : dw_str_starts(origin, https)              ? dw_str_slice(origin, https.len, origin.len)
                                                    : DW_STR_NONE;
    return host.len && dw_str_ieq(rest, host);
}
