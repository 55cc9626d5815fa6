/*
 * docs_api: the HTTP API's pages out of the tables that its dispatch and its checks come from.
 */
#include "docs_api.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/collect/access.h"
#include "dogwatch/collect/alerts.h"
#include "dogwatch/event/json_write.h"

enum place { IN_PATH, IN_QUERY, IN_BODY };
enum type { T_TEXT, T_TIME, T_COUNT, T_ID, T_STRING, T_NUMBER, T_REAL, T_BOOLEAN, T_TIMESTAMP, T_OBJECT, T_LIST, T_MAYBE };
enum kind { KIND_JSON, KIND_ROWS, KIND_TEXT, KIND_SOCKET, KIND_PAGE };

static const struct route {
    const char *id, *method, *path, *row, *doc;
    enum dw_access access;
    enum kind kind;
} routes[] = {
#define ROUTE(id, method, path, access, where, kind, row, doc) {#id, #method, path, #row, doc, DW_ACCESS_##access, KIND_##kind},
#include "dogwatch/tbl/routes.h"
};

static const struct param {
    const char *route, *name;
    enum place place;
    enum type type;
    const char *otherwise, *doc;
} params[] = {
#define PARAM(route, name, place, type, otherwise, doc) {#route, name, IN_##place, T_##type, otherwise, doc},
#include "dogwatch/tbl/routes.h"
};

static const struct schema {
    const char *id;
    bool open;
    const char *doc;
} schemas[] = {
#define SCHEMA(id, open, doc) {#id, open, doc},
#include "dogwatch/tbl/routes.h"
};

static const struct member {
    const char *schema, *name;
    enum type type;
    const char *doc;
} members[] = {
#define MEMBER(schema, name, type, doc) {#schema, name, T_##type, doc},
#include "dogwatch/tbl/routes.h"
};

static const struct {
    const char *code;
    unsigned status;
    const char *doc;
} errors[] = {
#define API_ERROR(code, status, doc) {#code, status, doc},
#include "dogwatch/tbl/api_errors.h"
#undef API_ERROR
};

static const char *const access_names[] = {
#define ACCESS(name, roles, doc) #name,
#include "dogwatch/tbl/access_classes.h"
#undef ACCESS
};

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* The words that a parameter may be, by `|`; "": any. */
static const char *values_of(const struct param *p)
{
    for (int i = 0; p->place == IN_BODY && i < DW_ALERT_FIELDS; i++)
        if (same(p->route, "change") && same(p->name, dw_alert_field_name((enum dw_alert_field)i)))
            return dw_alert_field_values((enum dw_alert_field)i);
    return "";
}

/* ---- api.md ---- */

static void page_access(struct dw_buf *b)
{
    dw_buf_printf(b, "## Roles\n\n| role | is for who |\n|---|---|\n");
    for (unsigned r = 0; r < DW_ROLES; r++)
        dw_buf_printf(b, "| `%s` | %s |\n", dw_role_name((enum dw_role)r), dw_role_doc((enum dw_role)r));
    dw_buf_printf(b, "\n| class of routes | is | roles |\n|---|---|---|\n");
    for (unsigned a = 0; a < DW_ACCESSES; a++) {
        dw_buf_printf(b, "| %s | %s |", access_names[a], dw_access_doc((enum dw_access)a));
        for (unsigned r = 0; r < DW_ROLES; r++)
            if (dw_access_allows((enum dw_access)a, (enum dw_role)r))
                dw_buf_printf(b, " `%s`", dw_role_name((enum dw_role)r));
        dw_buf_printf(b, " |\n");
    }
}

static void page_route(struct dw_buf *b, const struct route *r)
{
    static const char *const kinds[] = {"One JSON object", "Rows (NDJSON) and a last line", "Text", "A web socket (RFC 6455), each message one JSON object", "A file, packed by gzip"};
    static const char *const places[] = {"path", "target", "body"};
    static const char *const types[] = {"text", "time", "number", "hex digits"};
    bool any = false;
    dw_buf_printf(b, "\n### %s %s\n\n%s %s; class %s.\n", r->method, r->path, r->doc, kinds[r->kind], access_names[r->access]);
    for (size_t i = 0; i < DW_COUNT_OF(params); i++) {
        const struct param *p = &params[i];
        if (!same(p->route, r->id))
            continue;
        dw_buf_printf(b, "%s| `%s` | %s | %s | %s | %s |\n", any ? "" : "\n| parameter | in | type | default | is |\n|---|---|---|---|---|\n", p->name,
            places[p->place], types[p->type], p->otherwise, p->doc);
        any = true;
    }
    any = false;
    for (size_t i = 0; i < DW_COUNT_OF(members); i++) {
        if (!same(members[i].schema, r->row))
            continue;
        dw_buf_printf(b, "%s| `%s` | %s |\n", any ? "" : "\n| member | is |\n|---|---|\n", members[i].name, members[i].doc);
        any = true;
    }
}

void docs_api_page(struct dw_buf *b)
{
    dw_buf_printf(b, "# HTTP API\n\n<!-- made by `dogwatch docs`; change the table, not this page -->\n\n"
        "The collector serves it on `api.listen` (127.0.0.1:7117) and on the unix socket `DATA/api.sock`; [openapi.json](openapi.json) is the same for programs.\n\n"
        "```\nTOKEN=$(dogwatch token add me --role hunt)\n"
        "curl -H \"Authorization: Bearer $TOKEN\" 'http://127.0.0.1:7117/api/v1/alerts?filter=rule.level:high&since=24h'\n"
        "curl -H \"Authorization: Bearer $TOKEN\" -G http://127.0.0.1:7117/api/v1/query --data-urlencode 'query=* | stats count by source.ip'\n"
        "curl --unix-socket DATA/api.sock -X PATCH -H 'Content-Type: application/json' -d '{\"status\":\"resolved\"}' http://localhost/api/v1/alerts/5a8b92c6\n```\n\n");
    dw_buf_printf(b, "## Who may ask\n\n"
        "- A token stands in `Authorization: Bearer TOKEN`, over TCP always, on loopback too. `dogwatch token` makes, lists and revokes them (docs/formats/tokens.md).\n"
        "- On the unix socket root and the user that runs the collector need none: they are `admin`. Where the socket belongs to the group `dogwatch`, its members need none either: they are `hunt`. The audit log has both as `uid N`.\n"
        "- A browser has a cookie instead: `dogwatch console` prints a link with a code that is good once, for 10 minutes; `POST /api/v1/session` makes a session of 12 hours of it, with the role of who asked for the code.\n"
        "- The collector does not start when `api.listen` is not loopback and there is no `api.tls.cert`, `api.tls.key` and token.\n"
        "- Host must be localhost, the address it listens on, or one of `api.hosts`; an Origin must be that very host. Anything else is 403: no stranger's page can have a browser ask.\n"
        "- Queries and changes are in a chained audit log (docs/formats/audit.md; `dogwatch audit ls|verify`), before they are made and after.\n\n");
    page_access(b);
    dw_buf_printf(b, "\n## Answers\n\n"
        "Rows come as NDJSON, one object a line. The last line is `{\"answer\":{\"complete\":true,\"why\":null,\"limited\":false,\"rows\":N}}`; a partial answer has `\"complete\":false` and says why, and `\"limited\":true` where the limit that was asked for is the only reason. "
        "Queries add `matched` and `events` (how many events were looked at), `frames` read, `since`, `until` and `notes`. An answer without that line was cut off.\n\n"
        "An error is `{\"error\":{\"code\":...,\"message\":...,\"hint\":...}}`; of a mistake in a query `text` shows the place.\n\n| code | status | when |\n|---|---|---|\n");
    for (size_t i = 0; i < DW_COUNT_OF(errors); i++)
        dw_buf_printf(b, "| `%s` | %u | %s |\n", errors[i].code, errors[i].status, errors[i].doc);
    dw_buf_printf(b, "\nParameters of GET stand in the target, those of POST and PATCH in a body that is one JSON object of strings and numbers, `Content-Type: application/json`. "
        "A parameter that a route does not have, or that stands twice, is a mistake. Times: RFC 3339, `2026-11-23`, epoch seconds, or `15m` `24h` `7d` ago. The options `api.*` (collector.md) hold every limit.\n\n"
        "A client that does not read holds up nobody but its own query, and that one for `api.query.wait`.\n\n## Routes\n");
    for (size_t i = 0; i < DW_COUNT_OF(routes); i++)
        page_route(b, &routes[i]);
}

/* ---- openapi.json ---- */

static void put(struct dw_buf *b, const char *before, const char *text)
{
    dw_buf_printf(b, "%s", before);
    (void)dw_json_string(b, dw_str_of(text));
}

static void put_type(struct dw_buf *b, enum type t, const char *values, const char *otherwise)
{
    static const char *const types[] = {[T_TEXT] = "\"type\":\"string\"", [T_TIME] = "\"type\":\"string\"", [T_COUNT] = "\"type\":\"integer\",\"minimum\":0",
        [T_ID] = "\"type\":\"string\",\"pattern\":\"^[0-9a-f-]+$\"", [T_STRING] = "\"type\":\"string\"", [T_NUMBER] = "\"type\":\"integer\",\"minimum\":0",
        [T_REAL] = "\"type\":\"number\",\"minimum\":0", [T_BOOLEAN] = "\"type\":\"boolean\"", [T_TIMESTAMP] = "\"type\":\"string\",\"format\":\"date-time\"", [T_OBJECT] = "\"type\":\"object\"", [T_LIST] = "\"type\":\"array\"",
        [T_MAYBE] = "\"type\":[\"string\",\"null\"]"};
    struct dw_str rest = dw_str_of(values);
    dw_buf_printf(b, "%s", types[t]);
    for (bool first = true; rest.len; first = false) {
        struct dw_str word = dw_str_cut(&rest, '|');
        dw_buf_printf(b, "%s", first ? ",\"enum\":[" : ",");
        (void)dw_json_string(b, word);
    }
    dw_buf_printf(b, "%s", *values ? "]" : "");
    if (*otherwise && t == T_COUNT)
        dw_buf_printf(b, ",\"default\":%s", otherwise);
    else if (*otherwise)
        put(b, ",\"default\":", otherwise);
}

static void put_params(struct dw_buf *b, const struct route *r)
{
    bool any = false;
    for (size_t i = 0; i < DW_COUNT_OF(params); i++) {
        const struct param *p = &params[i];
        if (!same(p->route, r->id) || p->place == IN_BODY)
            continue;
        put(b, any ? ",\n      {\"name\":" : ",\"parameters\":[\n      {\"name\":", p->name);
        dw_buf_printf(b, ",\"in\":\"%s\"%s", p->place == IN_PATH ? "path" : "query", p->place == IN_PATH ? ",\"required\":true" : "");
        put(b, ",\"description\":", p->doc);
        dw_buf_printf(b, ",\"schema\":{");
        put_type(b, p->type, values_of(p), p->otherwise);
        dw_buf_printf(b, "}}");
        any = true;
    }
    dw_buf_printf(b, "%s", any ? "]" : "");
}

static void put_body(struct dw_buf *b, const struct route *r)
{
    bool any = false;
    for (size_t i = 0; i < DW_COUNT_OF(params); i++) {
        const struct param *p = &params[i];
        if (!same(p->route, r->id) || p->place != IN_BODY)
            continue;
        put(b, any ? ",\n      " : ",\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\n      ",
            p->name);
        dw_buf_printf(b, ":{");
        put_type(b, p->type, values_of(p), p->otherwise);
        put(b, ",\"description\":", p->doc);
        dw_buf_printf(b, "}");
        any = true;
    }
    if (any)
        dw_buf_printf(b, "}}}}}");
}

static const char *type_of_page(const struct route *r)
{
    struct dw_str path = dw_str_of(r->path);
    return dw_str_ends(path, DW_STR(".js")) ? "text/javascript" : dw_str_ends(path, DW_STR(".css")) ? "text/css" : "text/html";
}

static void put_responses(struct dw_buf *b, const struct route *r)
{
    dw_buf_printf(b, ",\n      \"responses\":{\"%s\":{\"description\":", r->kind == KIND_SOCKET ? "101" : "200");
    if (r->kind == KIND_SOCKET)
        dw_buf_printf(b, "\"A web socket (RFC 6455), each message one object of the schema %s. Without a handshake 400.\"}", r->row);
    else if (r->kind == KIND_ROWS)
        dw_buf_printf(b, "\"One object a line; the last one is an `answer`.\",\"content\":{\"application/x-ndjson\":{\"schema\":{\"anyOf\":[{\"$ref\":\"#/components/schemas/%s\"},"
                         "{\"$ref\":\"#/components/schemas/answer\"}]}}}}", r->row);
    else if (r->kind == KIND_JSON)
        dw_buf_printf(b, "\"One object.\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}}}", r->row);
    else if (r->kind == KIND_PAGE)
        dw_buf_printf(b, "\"A file.\",\"content\":{\"%s\":{\"schema\":{\"type\":\"string\"}}}}", type_of_page(r));
    else
        dw_buf_printf(b, "\"Text.\",\"content\":{\"text/plain\":{\"schema\":{\"type\":\"string\"}}}}");
    if (same(r->id, "readyz"))
        dw_buf_printf(b, ",\"503\":{\"description\":\"Not ready.\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}}}", r->row);
    dw_buf_printf(b, ",\"default\":{\"description\":\"Refused.\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/error\"}}}}}");
}

static void put_operation(struct dw_buf *b, const struct route *r)
{
    char method[8];
    size_t n = strlen(r->method);
    bool open = r->access == DW_ACCESS_OPEN;
    DW_ASSERT(n < sizeof method);
    for (size_t i = 0; i <= n; i++)
        method[i] = (char)(r->method[i] | (r->method[i] ? 0x20 : 0));
    dw_buf_printf(b, "\n    \"%s\":{\"operationId\":\"%s\"", method, r->id);
    put(b, ",\"description\":", r->doc);
    dw_buf_printf(b, ",\"security\":[%s],\"x-roles\":[", open ? "" : "{\"token\":[]}");
    for (unsigned i = 0, k = 0; i < DW_ROLES; i++)
        if (dw_access_allows(r->access, (enum dw_role)i))
            put(b, k++ ? "," : "", dw_role_name((enum dw_role)i));
    dw_buf_printf(b, "]");
    put_params(b, r);
    put_body(b, r);
    put_responses(b, r);
    dw_buf_printf(b, "}");
}

static bool is_first_of_path(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (same(routes[k].path, routes[i].path))
            return false;
    return true;
}

static void put_schema(struct dw_buf *b, const struct schema *s)
{
    const char *before = "";
    put(b, ",\n  ", s->id);
    put(b, ":{\"type\":\"object\",\"description\":", s->doc);
    dw_buf_printf(b, ",\"additionalProperties\":%s,\"properties\":{", s->open ? "true" : "false");
    for (size_t i = 0; i < DW_COUNT_OF(members); i++) {
        if (!same(members[i].schema, s->id))
            continue;
        put(b, before, members[i].name);
        dw_buf_printf(b, ":{");
        put_type(b, members[i].type, "", "");
        put(b, ",\"description\":", members[i].doc);
        dw_buf_printf(b, "}");
        before = ",\n    ";
    }
    dw_buf_printf(b, "},\"required\":[");
    before = "";
    for (size_t i = 0; i < DW_COUNT_OF(members); i++) {
        if (!same(members[i].schema, s->id))
            continue;
        put(b, before, members[i].name);
        before = ",";
    }
    dw_buf_printf(b, "]}");
}

void docs_api_openapi(struct dw_buf *b)
{
    const char *before = "";
    dw_buf_printf(b, "{\"openapi\":\"3.1.0\",\n\"info\":{\"title\":\"dogwatch\",\"version\":\"%s\",\"description\":\"Made by `dogwatch docs` from include/dogwatch/tbl/routes.h.\"},\n"
                     "\"servers\":[{\"url\":\"http://127.0.0.1:7117\"}],\n\"paths\":{", DW_VERSION);
    for (size_t i = 0; i < DW_COUNT_OF(routes); i++) {
        const char *comma = "";
        if (!is_first_of_path(i))
            continue;
        put(b, before, routes[i].path);
        dw_buf_printf(b, ":{");
        for (size_t k = i; k < DW_COUNT_OF(routes); k++) {
            if (!same(routes[k].path, routes[i].path))
                continue;
            dw_buf_printf(b, "%s", comma);
            put_operation(b, &routes[k]);
            comma = ",";
        }
        dw_buf_printf(b, "}");
        before = ",\n  ";
    }
    dw_buf_printf(b, "},\n\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}},\n\"schemas\":{\n"
        "  \"answer\":{\"type\":\"object\",\"description\":\"The last line of an answer of rows.\",\"required\":[\"answer\"],\"properties\":{\"answer\":{\"type\":\"object\",\"required\":[\"complete\",\"why\",\"rows\"],"
        "\"properties\":{\"complete\":{\"type\":\"boolean\"},\"why\":{\"type\":[\"string\",\"null\"]},\"limited\":{\"type\":\"boolean\"},\"rows\":{\"type\":\"integer\"},\"matched\":{\"type\":\"integer\"},\"events\":{\"type\":\"integer\"},"
        "\"frames\":{\"type\":\"integer\"},\"since\":{\"type\":[\"string\",\"null\"]},\"until\":{\"type\":[\"string\",\"null\"]},\"notes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}}},\n"
        "  \"error\":{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":\"object\",\"required\":[\"code\",\"message\"],\"properties\":{\"code\":{\"type\":\"string\",\"enum\":[");
    for (size_t i = 0; i < DW_COUNT_OF(errors); i++)
        put(b, i ? "," : "", errors[i].code);
    dw_buf_printf(b, "]},\"message\":{\"type\":\"string\"},\"hint\":{\"type\":\"string\"},\"text\":{\"type\":\"string\"}}}}}");
    for (size_t i = 0; i < DW_COUNT_OF(schemas); i++)
        if (!same(schemas[i].id, "none"))
            put_schema(b, &schemas[i]);
    dw_buf_printf(b, "\n}}}\n");
}
