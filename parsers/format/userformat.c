/*
 * userformat: log formats as servers' configurations have them, compiled to a list of texts and variables.
 *
 *     $remote_addr [$time_local] "$request" $status
 *     -> var, " [", var, "] \"", var, "\" ", var
 *
 * A variable reaches to the first place where the text after it stands; between quotes an escaped quote is no end.
 *
 * Invariants:
 *   (1) Two variables never touch: there would be no telling where the first ends (a mistake, with its place).
 *   (2) item[i].text lies in the format's own copy; nothing points into the caller's string.
 *   (3) All of the line is taken, or it is refused.
 */
#include "dogwatch/parsers/userformat.h"

#include "dogwatch/base/mem.h"
#include "fmt.h"

enum { ITEMS_MAX = 128, NAME_MAX_LEN = 64 };

struct item {
    struct dw_str text;        /* literal, or the variable's name */
    const struct fmt_map *map; /* what the variable becomes; NULL: kept under the prefix */
    bool variable;
};

struct dw_user_format {
    char *copy;
    const char *prefix; /* of names that are not ECS's */
    uint32_t count;
    struct item item[ITEMS_MAX];
};

/* The way one server writes variables. */
struct dialect {
    const char *prefix;
    const struct fmt_map *map;
    size_t map_count;
    /* Takes a variable at the start of *r: its name. False: no variable stands here. An empty name: a mistake. */
    bool (*variable)(struct dw_str *r, struct dw_str *ret_name);
};

static const struct fmt_map nginx_map[] = {
    {"remote_addr", 0, FMT_SOURCE},
    {"remote_port", DW_F_source_port, FMT_COPY},
    {"remote_user", 0, FMT_USER},
    {"time_local", 0, FMT_TIME},
    {"time_iso8601", 0, FMT_TIME},
    {"msec", 0, FMT_TIME},
    {"request", 0, FMT_REQUEST},
    {"request_method", DW_F_http_request_method, FMT_COPY},
    {"request_uri", 0, FMT_URL},
    {"uri", DW_F_url_path, FMT_COPY},
    {"args", DW_F_url_query, FMT_COPY},
    {"query_string", DW_F_url_query, FMT_COPY},
    {"status", 0, FMT_STATUS},
    {"body_bytes_sent", DW_F_http_response_body_bytes, FMT_COPY},
    {"bytes_sent", DW_F_http_response_bytes, FMT_COPY},
    {"request_length", DW_F_http_request_bytes, FMT_COPY},
    {"content_length", DW_F_http_request_body_bytes, FMT_COPY},
    {"request_time", 0, FMT_S},
    {"request_id", DW_F_http_request_id, FMT_COPY},
    {"req_id", DW_F_http_request_id, FMT_COPY},
    {"http_referer", DW_F_http_request_referrer, FMT_COPY},
    {"http_user_agent", DW_F_user_agent_original, FMT_COPY},
    {"host", DW_F_url_domain, FMT_COPY},
    {"http_host", DW_F_url_domain, FMT_COPY},
    {"server_name", DW_F_destination_domain, FMT_COPY},
    {"server_addr", DW_F_destination_ip, FMT_COPY},
    {"server_port", DW_F_destination_port, FMT_COPY},
    {"scheme", DW_F_url_scheme, FMT_COPY},
    {"ssl_cipher", DW_F_tls_cipher, FMT_COPY},
    {"pid", DW_F_process_pid, FMT_COPY},
};

static const struct fmt_map apache_map[] = {
    {"h", 0, FMT_SOURCE},
    {"a", 0, FMT_SOURCE},
    {"{c}a", 0, FMT_SOURCE},
    {"u", 0, FMT_USER},
    {"t", 0, FMT_TIME},
    {"r", 0, FMT_REQUEST},
    {"s", 0, FMT_STATUS},
    {"b", DW_F_http_response_body_bytes, FMT_COPY},
    {"B", DW_F_http_response_body_bytes, FMT_COPY},
    {"O", DW_F_http_response_bytes, FMT_COPY},
    {"I", DW_F_http_request_bytes, FMT_COPY},
    {"D", 0, FMT_US},
    {"T", 0, FMT_S},
    {"{s}T", 0, FMT_S},
    {"{ms}T", 0, FMT_MS},
    {"{us}T", 0, FMT_US},
    {"m", DW_F_http_request_method, FMT_COPY},
    {"U", DW_F_url_path, FMT_COPY},
    {"v", DW_F_url_domain, FMT_COPY},
    {"V", DW_F_url_domain, FMT_COPY},
    {"p", DW_F_destination_port, FMT_COPY},
    {"A", DW_F_destination_ip, FMT_COPY},
    {"P", DW_F_process_pid, FMT_COPY},
    {"f", DW_F_file_path, FMT_COPY},
    {"L", DW_F_http_request_id, FMT_COPY},
    {"{Referer}i", DW_F_http_request_referrer, FMT_COPY},
    {"{User-Agent}i", DW_F_user_agent_original, FMT_COPY},
    {"{Host}i", DW_F_url_domain, FMT_COPY},
    {"{UNIQUE_ID}e", DW_F_http_request_id, FMT_COPY},
    {"{SSL_CIPHER}x", DW_F_tls_cipher, FMT_COPY},
};

static const struct fmt_map haproxy_map[] = {
    {"ci", 0, FMT_SOURCE},
    {"cp", DW_F_source_port, FMT_COPY},
    {"si", DW_F_destination_ip, FMT_COPY},
    {"sp", DW_F_destination_port, FMT_COPY},
    {"t", 0, FMT_TIME},
    {"tr", 0, FMT_TIME},
    {"T", 0, FMT_TIME},
    {"Tl", 0, FMT_TIME},
    {"trl", 0, FMT_TIME},
    {"ST", 0, FMT_STATUS},
    {"B", DW_F_http_response_bytes, FMT_COPY},
    {"U", DW_F_http_request_bytes, FMT_COPY},
    {"Ta", 0, FMT_MS},
    {"Tt", 0, FMT_MS},
    {"r", 0, FMT_REQUEST},
    {"HM", DW_F_http_request_method, FMT_COPY},
    {"HU", 0, FMT_URL},
    {"HP", DW_F_url_path, FMT_COPY},
    {"HQ", DW_F_url_query, FMT_COPY},
    {"ID", DW_F_http_request_id, FMT_COPY},
    {"pid", DW_F_process_pid, FMT_COPY},
    {"sslc", DW_F_tls_cipher, FMT_COPY},
    {"H", DW_F_host_hostname, FMT_COPY},
};

static bool is_word(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 32) >= 'a' && (ch | 32) <= 'z') || ch == '_';
}

static struct dw_str take_word(struct dw_str *r)
{
    size_t n = 0;
    while (n < r->len && is_word(r->ptr[n]))
        n++;
    struct dw_str w = dw_str_slice(*r, 0, n);
    *r = dw_str_slice(*r, n, r->len);
    return w;
}

/* $name, ${name} */
static bool nginx_variable(struct dw_str *r, struct dw_str *ret_name)
{
    if (!fmt_lit(r, "$"))
        return false;
    if (!fmt_starts(*r, "{"))
        *ret_name = take_word(r);
    else if (!fmt_bracketed(r, '{', '}', ret_name))
        *ret_name = DW_STR_NONE;
    return true;
}

/* %h, %>s, %!200,304{Referer}i, %{ms}T: the name is with its braces, without conditions */
static bool apache_variable(struct dw_str *r, struct dw_str *ret_name)
{
    if (!fmt_lit(r, "%"))
        return false;
    while (r->len && strchr("!<>,0123456789", r->ptr[0]))
        *r = dw_str_slice(*r, 1, r->len);
    struct dw_str from = *r, inner;
    *ret_name = DW_STR_NONE;
    if (fmt_starts(*r, "{") && !fmt_bracketed(r, '{', '}', &inner))
        return true;
    size_t letters = fmt_starts(*r, "^") ? 3 : 1; /* %{name}^ti */
    if (r->len >= letters) {
        *ret_name = dw_str_slice(from, 0, from.len - r->len + letters);
        *r = dw_str_slice(*r, letters, r->len);
    }
    return true;
}

/* %ci, %{+Q}r, %[expression] */
static bool haproxy_variable(struct dw_str *r, struct dw_str *ret_name)
{
    struct dw_str flags;
    if (!fmt_lit(r, "%"))
        return false;
    if (fmt_starts(*r, "{"))
        (void)fmt_bracketed(r, '{', '}', &flags);
    if (!fmt_starts(*r, "["))
        *ret_name = take_word(r);
    else if (!fmt_bracketed(r, '[', ']', ret_name))
        *ret_name = DW_STR_NONE;
    return true;
}

static const struct dialect *find_dialect(const struct dw_parser *p)
{
    static const struct dialect nginx = {"nginx.access.", nginx_map, DW_COUNT_OF(nginx_map), nginx_variable};
    static const struct dialect apache = {"apache.access.", apache_map, DW_COUNT_OF(apache_map), apache_variable};
    static const struct dialect haproxy = {"haproxy.", haproxy_map, DW_COUNT_OF(haproxy_map), haproxy_variable};
    struct dw_str name = dw_str_of(p->name);
    if (fmt_starts(name, "nginx_") && !fmt_eq(name, "nginx_error"))
        return &nginx;
    return fmt_eq(name, "apache_access") ? &apache : fmt_eq(name, "haproxy_log") ? &haproxy : NULL;
}

static const struct fmt_map *find_map(const struct dialect *t, struct dw_str name)
{
    for (size_t i = 0; i < t->map_count; i++) /* header names have no case; others differ by it */
        if (dw_str_eq(name, dw_str_of(t->map[i].name)) ||
            (fmt_starts(name, "{") && dw_str_ieq(name, dw_str_of(t->map[i].name))))
            return &t->map[i];
    return NULL;
}

/* Appends a byte to the literal at the end of the list. */
static bool add_literal(struct dw_user_format *f, const char *at)
{
    struct item *last = f->count ? &f->item[f->count - 1] : NULL;
    if (last && !last->variable && last->text.ptr + last->text.len == at) {
        last->text.len++;
        return true;
    }
    if (f->count == ITEMS_MAX)
        return false;
    f->item[f->count++] = (struct item){.text = dw_str_make(at, 1)};
    return true;
}

static int mistake(struct dw_diags *diags, size_t offset, size_t len, const char *help, const char *what)
{
    dw_diag_add(diags, dw_span_at(diags->text, offset, len), help, "%s", what);
    return DW_ECONFIG;
}

static int add_variable(
    struct dw_user_format *f, const struct dialect *t, struct dw_str name, size_t offset, struct dw_diags *diags)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN)
        return mistake(diags, offset, 1, NULL, "a variable without a name, or with one that is too long");
    if (f->count && f->item[f->count - 1].variable)
        return mistake(diags, offset, name.len + 1, "put a character between them that neither value holds",
            "two variables touch: there is no telling where the first ends");
    if (f->count == ITEMS_MAX)
        return mistake(diags, offset, name.len, NULL, "the format has too many parts");
    f->item[f->count++] = (struct item){.text = name, .map = find_map(t, name), .variable = true};
    return DW_OK;
}

/* `text` lies in f->copy. Escapes \" and \\ of the configuration file are resolved there. */
static int compile(struct dw_user_format *f, const struct dialect *t, struct dw_str text, struct dw_diags *diags)
{
    struct dw_str r = text, name;
    while (r.len) {
        size_t offset = (size_t)(r.ptr - text.ptr);
        if (fmt_lit(&r, "%%")) {
            if (!add_literal(f, r.ptr - 1))
                return mistake(diags, offset, 1, NULL, "the format has too many parts");
            continue;
        }
        if (t->variable(&r, &name)) {
            int err = add_variable(f, t, name, offset, diags);
            if (err)
                return err;
            continue;
        }
        if (r.ptr[0] == '\\' && r.len > 1 && strchr("\"\\ ", r.ptr[1]))
            r = dw_str_slice(r, 1, r.len);
        if (!add_literal(f, r.ptr))
            return mistake(diags, offset, 1, NULL, "the format has too many parts");
        r = dw_str_slice(r, 1, r.len);
    }
    return f->count ? DW_OK : mistake(diags, 0, 0, NULL, "the format is empty");
}

/* Joins literals that an escape split, so that matching looks for the longest text. They differ by the bytes between
 * them only, which are backslashes: the copy is moved together. */
static void join_literals(struct dw_user_format *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        struct item *last = n ? &f->item[n - 1] : NULL;
        if (last && !last->variable && !f->item[i].variable) {
            char *end = f->copy + (last->text.ptr - f->copy) + last->text.len;
            memmove(end, f->item[i].text.ptr, f->item[i].text.len);
            last->text.len += f->item[i].text.len;
        } else {
            f->item[n++] = f->item[i];
        }
    }
    f->count = n;
}

int dw_user_format_compile(
    const struct dw_parser *parser, struct dw_str text, struct dw_diags *diags, struct dw_user_format **ret)
{
    const struct dialect *t = find_dialect(parser);
    *ret = NULL;
    if (!t)
        return DW_EUNKNOWN;
    struct dw_user_format *f = dw_calloc(1, sizeof *f);
    if (f)
        f->copy = dw_strndup(text.ptr, text.len);
    if (!f || !f->copy) {
        dw_user_format_free(f);
        return DW_ENOMEM;
    }
    f->prefix = t->prefix;
    int err = compile(f, t, dw_str_make(f->copy, text.len), diags);
    if (err) {
        dw_user_format_free(f);
        return err;
    }
    join_literals(f);
    *ret = f;
    return DW_OK;
}

void dw_user_format_free(struct dw_user_format *f)
{
    if (f)
        dw_free(f->copy);
    dw_free(f);
}

/* Where `text` stands in r; r.len when nowhere. When it begins with a quote, an escaped quote is passed over. */
static size_t find_end(struct dw_str r, struct dw_str text)
{
    if (text.ptr[0] != '"')
        return dw_str_find(r, text);
    for (size_t i = 0; i < r.len; i++) {
        if (r.ptr[i] == '\\')
            i++;
        else if (dw_str_starts(dw_str_slice(r, i, r.len), text))
            return i;
    }
    return r.len;
}

/* False when it should be a time and is none: then the line is of another format. */
static bool put(const struct dw_user_format *f, const struct item *it, const struct dw_parse_ctx *ctx,
    struct dw_draft *d, struct dw_str value)
{
    if (value.len == 0 || fmt_eq(value, "-"))
        return true;
    struct dw_str bare = value, rest = value;
    if (it->map && it->map->how == FMT_TIME && fmt_starts(value, "["))
        (void)fmt_bracketed(&rest, '[', ']', &bare);
    else if (fmt_starts(value, "\""))
        (void)fmt_quoted(&rest, &bare);
    struct dw_field v = fmt_field(d, bare);
    if (it->map && fmt_apply(ctx, d, it->map, &v))
        return true;
    fmt_set_named(d, f->prefix, it->text, bare);
    return !it->map || it->map->how != FMT_TIME;
}

/* How far the value of `it` reaches in r; r.len when the text after it does not stand there. `next` may be NULL. */
static size_t value_end(const struct item *it, const struct item *next, struct dw_str r)
{
    struct dw_str rest = r, inner;
    bool time = it->map && it->map->how == FMT_TIME, client = it->map && it->map->how == FMT_SOURCE;
    if (time && fmt_starts(r, "[") && fmt_bracketed(&rest, '[', ']', &inner))
        return r.len - rest.len; /* Apache's %t has brackets and a blank of its own */
    if (!next)
        return r.len;
    if (fmt_starts(r, "\"") && next->text.ptr[0] != '"' && fmt_quoted(&rest, &inner))
        return r.len - rest.len;             /* HAProxy's %{+Q}r brings its quotes */
    if (client && fmt_eq(next->text, ":")) { /* an IPv6 address holds colons too: the port's is the last */
        struct dw_str word = fmt_word(&rest);
        size_t end = word.len;
        while (end > 0 && word.ptr[end - 1] != ':')
            end--;
        return end ? end - 1 : r.len;
    }
    return find_end(r, next->text);
}

int dw_user_format_parse(const struct dw_user_format *f, const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct item *it = &f->item[i];
        if (!it->variable) {
            if (!dw_str_starts(r, it->text))
                return DW_ESYNTAX;
            r = dw_str_slice(r, it->text.len, r.len);
            continue;
        }
        size_t end = value_end(it, i + 1 < f->count ? &f->item[i + 1] : NULL, r);
        if ((i + 1 < f->count && end == r.len) || !put(f, it, ctx, d, dw_str_slice(r, 0, end)))
            return DW_ESYNTAX;
        r = dw_str_slice(r, end, r.len);
    }
    if (r.len)
        return DW_ESYNTAX;
    dw_draft_const(d, DW_F_event_category, "web");
    dw_draft_const(d, DW_F_event_type, "access");
    return DW_OK;
}
