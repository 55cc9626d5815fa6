/* Tests of parsers/format/access_log, web_error, haproxy, iis: web servers and proxies. */
#include "parse.h"

static void nginx_access(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"203.0.113.9 - alice [23/Nov/2026:22:14:18 +0100] \"POST /api/v1/items?q=a%20b&x=1 HTTP/2.0\" 201 17 \"-\" "
         "\"curl/8.5\"",
            {"@time=2026-11-23T21:14:18.0", "source.ip=203.0.113.9", "user.name=alice", "http.request.method=POST",
                "url.original=/api/v1/items?q=a%20b&x=1", "url.path=/api/v1/items", "url.query=q=a b&x=1",
                "http.version=2.0", "http.response.status_code=201", "http.response.body.bytes=17",
                "event.outcome=success", "event.type=access", "event.category=web", "event.kind=event",
                "user_agent.original=curl/8.5", "!http.request.referrer"}},
        {"shop.example:8443 10.1.1.1, 198.51.100.4 - - [23/Nov/2026:21:14:18 +0000] \"GET /a.png HTTP/1.1\" 404 0 "
         "\"-\" \"-\"",
            {"url.domain=shop.example", "destination.port=8443", "source.ip=198.51.100.4", "event.outcome=failure",
                "url.extension=png", "!user.name", "!user_agent.original", "!http.request.referrer"}},
        {"2001:db8::7 - - [23/Nov/2026:21:14:18 +0000] \"\\x16\\x03\\x01\" 400 150 \"-\" \"-\"",
            {"source.ip=2001:db8::7", "!http.request.method", "http.response.status_code=400"}},
        {"not an access line", {NULL}},
        {"", {NULL}},
        {"10.0.0.1 - - [23/Nov/2026:21:14:18 +0000] \"GET / HTTP/1.1", {NULL}},
    };
    check_rows("nginx/access", rows, DW_COUNT_OF(rows));
}

static void ingress_and_traefik(void **state)
{
    (void)state;
    static const struct parse_row ingress[] = {
        {"198.51.100.7 - bob [23/Nov/2026:21:14:18 +0000] \"GET /healthz HTTP/1.1\" 503 190 \"-\" \"kube-probe/1.31\" "
         "120 0.250 "
         "[prod-web-80] [] 10.2.0.9:80 190 0.249 503 0123456789abcdef0123456789abcdef",
            {"source.ip=198.51.100.7", "user.name=bob", "http.request.id=0123456789abcdef0123456789abcdef",
                "event.duration=250000000", "http.request.bytes=120", "event.type=info"}},
    };
    static const struct parse_row traefik[] = {
        {"192.0.2.3 - - [23/Nov/2026:21:14:18 +0000] \"GET /ui/ HTTP/1.1\" 304 0 \"-\" \"Mozilla/5.0\" 271 "
         "\"web@docker\" "
         "\"http://10.0.0.2:80\" 12ms",
            {"source.ip=192.0.2.3", "event.duration=12000000", "traefik.access.frontend_name=web@docker",
                "traefik.access.backend_url=http://10.0.0.2:80", "event.type=access"}},
        {"{\"ClientHost\":\"192.0.2.3\",\"DownstreamStatus\":502,\"Duration\":1500,\"RequestMethod\":\"GET\","
         "\"RequestPath\":\"/x?y=1\","
         "\"StartUTC\":\"2026-11-23T21:14:18Z\"}",
            {"source.ip=192.0.2.3", "event.outcome=failure", "url.query=y=1", "event.duration=1500",
                "@time=2026-11-23T21:14:18"}},
    };
    check_rows("nginx/ingress_controller", ingress, DW_COUNT_OF(ingress));
    check_rows("traefik/access", traefik, DW_COUNT_OF(traefik));
    check_probe(ingress[0].line, "nginx_ingress");
    check_probe(traefik[0].line, "traefik_access");
}

static void apache(void **state)
{
    (void)state;
    static const struct parse_row access[] = {
        {"www.example:443 192.0.2.8 - carol [23/Nov/2026:21:14:18 +0000] \"HEAD /x HTTP/1.0\" 200 - "
         "\"http://a.example/\" \"b\"",
            {"url.domain=www.example", "source.ip=192.0.2.8", "user.name=carol",
                "http.request.referrer=http://a.example/", "!http.response.body.bytes"}},
        {"[23/Nov/2026:21:14:18 +0000] 192.0.2.8 TLSv1.3 TLS_AES_256_GCM_SHA384 \"GET / HTTP/1.1\" 5",
            {"tls.version=1.3", "tls.version_protocol=tls", "tls.cipher=TLS_AES_256_GCM_SHA384", "url.path=/"}},
    };
    static const struct parse_row error[] = {
        {"[Mon Nov 23 21:14:18.123456 2026] [authz_core:error] [pid 7:tid 9] [client 192.0.2.8:5001] AH01630: client "
         "denied by "
         "server configuration: /srv/x",
            {"@time=2026-11-23T21:14:18.123456", "log.level=error", "process.pid=7", "process.thread.id=9",
                "source.ip=192.0.2.8", "source.port=5001", "event.code=AH01630", "event.type=error",
                "apache.error.module=authz_core"}},
        {"[Mon Nov 23 21:14:18 2026] [notice] caught SIGTERM, shutting down",
            {"log.level=notice", "message=caught SIGTERM, shutting down", "event.type=info"}},
        {"[not a time] [error] x", {NULL}},
    };
    check_rows("apache/access", access, DW_COUNT_OF(access));
    check_rows("apache/error", error, DW_COUNT_OF(error));
    check_probe(error[0].line, "apache_error");
}

static void nginx_error(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"2026/11/23 21:14:18 [error] 31#33: *9 open() \"/srv/x\" failed (2: No such file or directory), client: "
         "192.0.2.8, "
         "server: _, request: \"GET /x HTTP/1.1\", host: \"a.example\"",
            {"log.level=error", "process.pid=31", "process.thread.id=33", "source.ip=192.0.2.8", "url.path=/x",
                "url.domain=a.example", "nginx.error.connection_id=9", "event.type=error"}},
        {"2026/11/23 21:14:18 [notice] 1#1: start worker processes",
            {"event.type=info", "message=start worker processes"}},
        {"2026/11/23 21:14:18 [notice] x", {NULL}},
    };
    check_rows("nginx/error", rows, DW_COUNT_OF(rows));
    check_probe(rows[0].line, "nginx_error");
}

static void haproxy(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"Nov 23 21:14:18 lb haproxy[77]: 192.0.2.8:5001 [23/Nov/2026:21:14:18.250] fe~ be/s1 0/0/1/20/21 200 512 - - "
         "---- "
         "3/3/0/0/0 0/0 {a|b} \"GET /q?z=1 HTTP/1.1\"",
            {"@time=2026-11-23T21:14:18.250", "process.name=haproxy", "process.pid=77", "source.ip=192.0.2.8",
                "source.port=5001", "event.duration=21000000", "http.response.bytes=512", "url.query=z=1",
                "haproxy.backend_name=be", "haproxy.server_name=s1"}},
        {"192.0.2.8:5001 [23/Nov/2026:21:14:18.250] tcp db/s2 1/0/5007 212 -- 0/0/0/0/3 0/0",
            {"event.duration=5007000000", "haproxy.bytes_read=212", "!http.response.status_code"}},
        {"Nov 23 21:14:18 lb haproxy[77]: 192.0.2.8:5001 [23/Nov/2026:21:14:18.250] fe/1: SSL handshake failure",
            {"error.message=SSL handshake failure", "source.port=5001"}},
        {"192.0.2.8:5001 [23/Nov/2026:21:14:18.250] fe be/s1 x", {NULL}},
    };
    check_rows("haproxy/log", rows, DW_COUNT_OF(rows));
    check_probe(rows[0].line, "haproxy_log");
}

static void iis(void **state)
{
    (void)state;
    static const struct parse_row access[] = {
        {"2026-11-23 21:14:18 10.0.0.5 GET /app/x.aspx id=4 443 DOM\\eve 192.0.2.8 Mozilla/5.0+(X) - 401 2 5 15",
            {"http.request.method=get", "url.path=/app/x.aspx", "url.query=id=4", "destination.port=443",
                "user.name=DOM\\eve", "source.ip=192.0.2.8", "destination.ip=10.0.0.5",
                "user_agent.original=Mozilla/5.0 (X)", "event.outcome=failure", "event.duration=15000000",
                "event.category=network", "event.type=connection"}},
        {"2026-11-23 21:14:18 W3SVC1 WEB1 10.0.0.5 POST /login - 443 - 192.0.2.8 HTTP/1.1 curl/8 - - www.example 200 0 "
         "0 900 300 31",
            {"http.version=1.1", "destination.domain=www.example", "http.response.body.bytes=900",
                "http.request.body.bytes=300", "event.duration=31000000"}},
        {"2026-11-23 21:14:18 too few words", {NULL}},
    };
    static const struct parse_row error[] = {
        {"2026-11-23 21:14:18 192.0.2.8 5001 10.0.0.5 80 HTTP/1.1 GET /qos/1kbfile.txt - 503 - ConnLimit -",
            {"source.ip=192.0.2.8", "destination.port=80", "http.request.method=get", "url.original=/qos/1kbfile.txt",
                "http.response.status_code=503", "event.reason=ConnLimit"}},
        {"2026-11-23 21:14:18 192.0.2.8 5001 10.0.0.5 80 - - - - - Timer_ConnectionIdle -",
            {"source.port=5001", "!url.original"}},
    };
    check_rows("iis/access", access, DW_COUNT_OF(access));
    check_rows("iis/error", error, DW_COUNT_OF(error));
    check_probe(access[0].line, "iis_access");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nginx_access),
        cmocka_unit_test(ingress_and_traefik),
        cmocka_unit_test(apache),
        cmocka_unit_test(nginx_error),
        cmocka_unit_test(haproxy),
        cmocka_unit_test(iis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
