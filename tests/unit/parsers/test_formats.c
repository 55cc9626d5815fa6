/* Tests of parsers/registry and of the formats generic, kube and endpoint. */
#include "parse.h"

static void names(void **state)
{
    (void)state;
    assert_string_equal(dw_parser_find(DW_STR("nginx/access"))->name, "nginx_access");
    assert_string_equal(dw_parser_find(DW_STR("nginx"))->name, "nginx_access");
    assert_string_equal(dw_parser_find(DW_STR("nginx-ingress"))->name, "nginx_ingress");
    assert_string_equal(dw_parser_find(DW_STR("system/syslog"))->name, "system_syslog");
    assert_null(dw_parser_find(DW_STR("")));
    assert_null(dw_parser_find(DW_STR(",")));
    assert_null(dw_parser_find(DW_STR("no_such_format")));
    assert_null(dw_parser_probe(DW_STR("hello world")));
    assert_null(dw_parser_probe(DW_STR("")));
}

static void json(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"{\"level\":30,\"time\":1795468458250,\"pid\":9,\"hostname\":\"h\",\"msg\":\"hi\",\"req\":{\"method\":\"GET\","
         "\"url\":\"/a?b=c\"}}",
            {"@time=2026-11-23T21:14:18.250", "log.level=info", "process.pid=9", "host.hostname=h", "message=hi",
                "http.request.method=GET", "url.query=b=c"}},
        {"{\"ts\":\"2026-11-23T21:14:18Z\",\"log.level\":\"warn\",\"source\":{\"ip\":\"192.0.2.9\"},\"a\":{\"b\":[1,2]}"
         "}",
            {"log.level=warn", "source.ip=192.0.2.9", "a.b=1", "a.b=2"}},
        {"{\"time\":\"yesterday\",\"message\":\"x\"}", {"time=yesterday", "message=x"}},
        {"{\"a\":", {NULL}},
        {"[1]", {NULL}},
    };
    check_rows("json", rows, DW_COUNT_OF(rows));
    check_probe(rows[0].line, "json");
}

static void logfmt(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"time=2026-11-23T21:14:18Z level=error msg=\"it broke\" err=\"no route\" component=db",
            {"@time=2026-11-23T21:14:18", "log.level=error", "message=it broke", "error.message=no route",
                "component=db"}},
        {"level=info msg=\"say \\\"hi\\\" \\n\" a=1", {"message=say \"hi\" \n", "a=1"}},
        {"just some words = nothing", {NULL}},
    };
    check_rows("logfmt", rows, DW_COUNT_OF(rows));
    check_probe(rows[0].line, "logfmt");
}

static void machinery(void **state)
{
    (void)state;
    static const struct parse_row audit[] = {
        {"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/"
         "v1\",\"auditID\":\"u\",\"verb\":\"create\",\"requestURI\":\"/api/v1/x\","
         "\"user\":{\"username\":\"ivan\",\"groups\":[\"g1\",\"g2\"]},\"sourceIPs\":[\"192.0.2.9\"],\"objectRef\":{"
         "\"resource\":\"pods\","
         "\"namespace\":\"ns\",\"name\":\"p\",\"subresource\":\"exec\"},\"responseStatus\":{\"code\":403},"
         "\"requestReceivedTimestamp\":\"2026-11-23T21:14:18.250000Z\"}",
            {"@time=2026-11-23T21:14:18.250", "event.action=create", "event.type=creation", "user.name=ivan",
                "user.group.name=g2", "source.ip=192.0.2.9", "orchestrator.namespace=ns", "event.outcome=failure",
                "orchestrator.resource.type=pods", "kubernetes.audit.objectRef.subresource=exec"}},
    };
    static const struct parse_row events[] = {
        {"2026-11-23T22:14:18.250000000+01:00 container exec_create: sh -c id 3f4a5b (image=alpine:3, name=box, "
         "execID=9)",
            {"event.action=exec_create: sh -c id", "container.id=3f4a5b", "container.image.name=alpine:3",
                "container.name=box", "process.command_line=sh -c id", "event.type=start"}},
        {"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"3f\",\"Attributes\":{\"exitCode\":\"137\","
         "\"name\":\"box\"}},"
         "\"time\":1795468458,\"timeNano\":1795468458250000000}",
            {"@time=2026-11-23T21:14:18.250", "event.action=die", "process.exit_code=137", "event.type=end", "container.id=3f", "container.name=box"}},
        {"{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"77\",\"Attributes\":{\"container\":\"3f\",\"name\":\"bridge\"}},\"timeNano\":1795468458250000000}",
            {"container.id=3f", "docker.event.Actor.ID=77", "event.type=connection"}},
        {"{\"Type\":\"volume\",\"Action\":\"create\",\"Actor\":{\"ID\":\"v\",\"Attributes\":{}},\"timeNano\":1795468458250000000}", {"!container.id", "docker.event.Actor.ID=v"}},
        {"{\"timeNano\":1795468458250000000,\"Action\":\"inspect\",\"Id\":\"3f\",\"Image\":\"sha256:ab\",\"Name\":\"/box\",\"RestartCount\":3,\"State\":{},\"Config\":{\"Image\":\"a:3\",\"User\":\"root\"},"
         "\"HostConfig\":{\"Privileged\":true,\"PidMode\":\"host\",\"CapAdd\":[\"SYS_ADMIN\"]},\"Mounts\":[{\"Source\":\"/etc\",\"RW\":true}]}",
            {"@time=2026-11-23T21:14:18.250", "event.action=inspect", "container.id=3f", "container.name=box", "container.image.name=a:3", "container.image.hash.all=sha256:ab",
                "container.restart_count=3", "user.name=root", "container.security_context.privileged=1", "docker.container.HostConfig.PidMode=host",
                "docker.container.HostConfig.CapAdd=SYS_ADMIN", "docker.container.Mounts.Source=/etc"}},
        {"{\"Id\":\"3f\",\"Config\":{\"User\":\"\"},\"HostConfig\":{\"Privileged\":false}}", {"event.action=inspect", "!user.name", "container.security_context.privileged=0"}},
    };
    static const struct parse_row klog[] = {
        {"E1123 21:14:18.250000      71 kubelet.go:99] \"Failed\" err=\"x\"",
            {"@time=2026-11-23T21:14:18.250", "log.level=error", "log.origin.file.name=kubelet.go",
                "log.origin.file.line=99", "process.thread.id=71"}},
    };
    static const struct parse_row dns[] = {
        {"[INFO] 10.0.0.9:4000 - 77 \"AAAA IN a.example. udp 31 false 512\" NXDOMAIN qr,rd 90 0.0005s",
            {"dns.question.name=a.example", "dns.question.type=AAAA", "event.outcome=failure", "event.duration=500000",
                "source.ip=10.0.0.9", "network.transport=udp"}},
    };
    check_rows("kubernetes_audit", audit, DW_COUNT_OF(audit));
    check_rows("docker_events", events, DW_COUNT_OF(events));
    check_rows("klog", klog, DW_COUNT_OF(klog));
    check_rows("coredns", dns, DW_COUNT_OF(dns));
    check_probe(audit[0].line, "kubernetes_audit");
    check_probe(events[0].line, "docker_events");
    check_probe(events[4].line, "docker_events");
    check_probe(klog[0].line, "klog");
}

static void endpoint(void **state)
{
    (void)state;
    static const struct parse_row osquery[] = {
        {"{\"name\":\"pack_x\",\"hostIdentifier\":\"mac\",\"calendarTime\":\"Mon Nov 23 21:14:18 2026 "
         "UTC\",\"unixTime\":1795468458,"
         "\"decorations\":{\"username\":\"judy\"},\"columns\":{\"path\":\"/a\",\"pid\":\"4\"},\"action\":\"added\"}",
            {"@time=2026-11-23T21:14:18", "rule.name=pack_x", "host.hostname=mac", "user.name=judy", "file.path=/a",
                "event.action=added", "osquery.result.columns.pid=4"}},
    };
    static const struct parse_row santa[] = {
        {"[2026-11-23T21:14:18.250Z] I santad: action=EXEC|decision=DENY|reason=BINARY|sha256=aa|path=/bin/x|args=x "
         "-y|pid=7|ppid=1|"
         "uid=501|user=judy|gid=20|group=staff|mode=L",
            {"event.action=exec", "event.outcome=failure", "event.category=process", "event.type=start",
                "process.pid=7", "process.executable=/bin/x", "user.name=judy", "log.level=I"}},
    };
    static const struct parse_row dfw[] = {
        {"<134>1 2026-11-23T21:14:18Z h app - - "
         "[{\"timestamp\":\"2026-11-23T21:14:18Z\",\"action\":\"deny\",\"protocol\":\"TCP\","
         "\"srcaddr\":\"192.0.2.9\",\"srcport\":5,\"destaddr\":\"10.0.0.1\",\"destport\":22,\"rule-id\":9}]",
            {"source.address=192.0.2.9", "destination.port=22", "network.transport=tcp", "event.action=denied",
                "event.type=denied", "rule.id=9"}},
    };
    check_rows("osquery/result", osquery, DW_COUNT_OF(osquery));
    check_rows("santa/log", santa, DW_COUNT_OF(santa));
    check_rows("pensando/dfw", dfw, DW_COUNT_OF(dfw));
    check_probe(santa[0].line, "santa_log");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(json),
        cmocka_unit_test(logfmt),
        cmocka_unit_test(machinery),
        cmocka_unit_test(endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
