/* Tests of parsers/format/postgresql, mysql, services, elastic and elastic_audit. */
#include "parse.h"

static void postgresql(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"2026-11-23 22:14:18.250 CET [71-2] app@shop ERROR:  42P01: relation \"x\" does not exist at character 15",
            {"@time=2026-11-23T21:14:18.250", "process.pid=71", "user.name=app", "postgresql.log.database=shop",
                "log.level=ERROR", "postgresql.log.sql_state_code=42P01", "event.type=error",
                "message=relation \"x\" does not exist at character 15"}},
        {"2026-11-23 21:14:18 UTC [7] LOG:  duration: 1.5 ms  execute <unnamed>: SELECT 1",
            {"event.duration=1500000", "postgresql.log.query=SELECT 1", "event.type=info"}},
        {"2026-11-23 21:14:18.250 UTC,\"app\",\"shop\",9,\"192.0.2.9:555\",6a,3,\"SELECT\",2026-11-23 21:00:00 "
         "UTC,3/4,0,ERROR,42601,"
         "\"syntax error at \"\"x\"\"\",,,,,,,,,\"psql\"",
            {"user.name=app", "process.pid=9", "source.ip=192.0.2.9", "source.port=555",
                "message=syntax error at \"x\"", "event.type=error"}},
        {"2026-11-23 21:14:18 UTC nothing of the kind", {NULL}},
        {"2026-11-23 21:14:18.250 UTC,\"open", {NULL}},
    };
    check_rows("postgresql/log", rows, DW_COUNT_OF(rows));
    check_probe(rows[0].line, "postgresql_log");
}

static void mysql(void **state)
{
    (void)state;
    static const struct parse_row error[] = {
        {"2026-11-23T21:14:18.250000Z 12 [ERROR] [MY-010119] [Server] Aborting",
            {"process.thread.id=12", "log.level=ERROR", "event.code=MY-010119", "event.provider=Server",
                "event.type=error"}},
        {"261123  1:14:18 [Warning] Access denied for user 'grace'@'192.0.2.9' (using password: YES)",
            {"@time=2026-11-23T01:14:18", "user.name=grace", "source.ip=192.0.2.9", "event.action=logon-failed",
                "event.outcome=failure", "event.category=authentication"}},
        {"mysqld_safe Starting", {"message=mysqld_safe Starting", "event.category=database", "!process.thread.id"}},
        {"", {NULL}},
    };
    static const struct parse_row slow[] = {
        {"# Time: 2026-11-23T21:14:18.000000Z\n# User@Host: app[app] @ web1 [192.0.2.9]  Id: 7\n"
         "# Query_time: 3.25  Lock_time: 0.0 Rows_sent: 1  Rows_examined: 9\nSET timestamp=1795468458;\nSELECT 1\n "
         "FROM t;",
            {"@time=2026-11-23T21:14:18", "user.name=app", "source.domain=web1", "source.ip=192.0.2.9",
                "event.duration=3250000000", "mysql.slowlog.rows_examined=9",
                "mysql.slowlog.query=SELECT 1\n FROM t;"}},
        {"# User@Host: app[app] @ web1 []", {NULL}},
    };
    check_rows("mysql/error", error, DW_COUNT_OF(error));
    check_rows("mysql/slowlog", slow, DW_COUNT_OF(slow));
}

static void small_services(void **state)
{
    (void)state;
    static const struct parse_row redis[] = {
        {"71:S 23 Nov 2026 21:14:18.250 # Connection with replica lost",
            {"@time=2026-11-23T21:14:18.250", "process.pid=71", "log.level=warning", "redis.log.role=S"}},
        {"hello", {NULL}},
    };
    static const struct parse_row mongo[] = {
        {"{\"t\":{\"$date\":\"2026-11-23T22:14:18.250+01:00\"},\"s\":\"E\",\"c\":\"NETWORK\",\"id\":22943,\"ctx\":"
         "\"listener\","
         "\"msg\":\"Connection accepted\",\"attr\":{\"remote\":\"192.0.2.9:5001\"}}",
            {"@time=2026-11-23T21:14:18.250", "log.level=E", "event.code=22943", "source.ip=192.0.2.9",
                "source.port=5001", "event.type=error", "message=Connection accepted"}},
        {"2026-11-23T22:14:18.250+0100 W STORAGE  [conn1] slow",
            {"log.level=W", "mongodb.log.component=STORAGE", "message=slow"}},
    };
    static const struct parse_row kafka[] = {
        {"[2026-11-23 21:14:18,250] WARN [Log partition=a-0] Found orphan (kafka.log.Log)",
            {"log.level=WARN", "kafka.log.component=Log partition=a-0", "message=Found orphan",
                "log.logger=kafka.log.Log"}},
        {"[2026-11-23 21:14:18,250] maybe", {NULL}},
    };
    static const struct parse_row nats[] = {
        {"[9] 2026/11/23 21:14:18.250000 [ERR] 192.0.2.9:5001 - cid:4 - authentication error",
            {"log.level=error", "client.ip=192.0.2.9", "message=authentication error", "event.type=error"}},
    };
    static const struct parse_row icinga[] = {
        {"[2026-11-23 22:14:18 +0100] critical/ApiListener: Cannot bind",
            {"@time=2026-11-23T21:14:18", "log.level=critical", "log.logger=ApiListener", "message=Cannot bind",
                "event.type=error"}},
    };
    check_rows("redis/log", redis, DW_COUNT_OF(redis));
    check_rows("mongodb/log", mongo, DW_COUNT_OF(mongo));
    check_rows("kafka/log", kafka, DW_COUNT_OF(kafka));
    check_rows("nats/log", nats, DW_COUNT_OF(nats));
    check_rows("icinga/main", icinga, DW_COUNT_OF(icinga));
    check_probe(redis[0].line, "redis_log");
    check_probe(mongo[0].line, "mongodb_log");
    check_probe(kafka[0].line, "kafka_log");
}

static void elastic(void **state)
{
    (void)state;
    static const struct parse_row server[] = {
        {"[2026-11-23T21:14:18,250][ERROR][o.e.b.Bootstrap] [n1] [idx/uuid][0] failed",
            {"log.level=ERROR", "message=failed", "elasticsearch.node.name=n1", "event.type=error",
                "log.logger=o.e.b.Bootstrap"}},
        {"{\"type\": \"server\", \"timestamp\": \"2026-11-23T21:14:18,250Z\", \"level\": \"WARN\", \"component\": "
         "\"c\", \"message\": \"m\"}",
            {"@time=2026-11-23T21:14:18.250", "log.level=WARN", "log.logger=c", "message=m", "event.type=info"}},
    };
    static const struct parse_row audit[] = {
        {"{\"type\":\"audit\",\"timestamp\":\"2026-11-23T21:14:18,250+0000\",\"event.type\":\"rest\",\"event.action\":"
         "\"authentication_failed\",\"user.name\":\"h\",\"origin.address\":\"[::1]:55\",\"url.path\":\"/"
         "a\",\"request.id\":\"r\"}",
            {"event.action=authentication_failed", "event.outcome=failure", "user.name=h", "source.ip=::1",
                "source.port=55", "url.original=/a", "http.request.id=r", "elasticsearch.audit.event.type=rest"}},
    };
    static const struct parse_row logstash[] = {
        {"[2026-11-23T21:14:18,250][WARN ][slowlog.logstash.filters.x] event processing time {:plugin_params=>{}, "
         ":took_in_nanos=>3000, :took_in_millis=>0}",
            {"event.duration=3000", "log.level=WARN"}},
    };
    static const struct parse_row kibana[] = {
        {"{\"@timestamp\":\"2026-11-23T21:14:18Z\",\"pid\":4,\"req\":{\"url\":\"/"
         "x\",\"method\":\"get\",\"remoteAddress\":\"192.0.2.9\"},"
         "\"res\":{\"statusCode\":404,\"responseTime\":7},\"message\":\"m\"}",
            {"process.pid=4", "http.response.status_code=404", "event.outcome=failure", "event.duration=7000000",
                "source.ip=192.0.2.9"}},
    };
    check_rows("elasticsearch/server", server, DW_COUNT_OF(server));
    check_rows("elasticsearch/audit", audit, DW_COUNT_OF(audit));
    check_rows("logstash/slowlog", logstash, DW_COUNT_OF(logstash));
    check_rows("kibana/log", kibana, DW_COUNT_OF(kibana));
    check_probe(audit[0].line, "elasticsearch_audit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgresql),
        cmocka_unit_test(mysql),
        cmocka_unit_test(small_services),
        cmocka_unit_test(elastic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
