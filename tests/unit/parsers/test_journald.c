/* Tests of parsers/format/journald: entries of systemd's journal, and the words of the programs behind them. */
#include "parse.h"

#define AT "\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1795468458000001\""

static void fields(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"{" AT ",\"_BOOT_ID\":\"b0\",\"_HOSTNAME\":\"web1\",\"PRIORITY\":\"3\",\"SYSLOG_FACILITY\":\"3\",\"_UID\":\"33\",\"_GID\":\"34\",\"_PID\":\"184\",\"_COMM\":\"app\","
         "\"_EXE\":\"/usr/bin/app\",\"_CMDLINE\":\"/usr/bin/app -u\",\"_SYSTEMD_UNIT\":\"app.service\",\"SYSLOG_IDENTIFIER\":\"app\",\"_TRANSPORT\":\"stdout\","
         "\"_SYSTEMD_SLICE\":\"system.slice\",\"MESSAGE\":\"started\"}",
            {"@time=2026-11-23T21:14:18.000001", "host.boot.id=b0", "host.hostname=web1", "log.level=error", "log.syslog.severity.code=3", "log.syslog.facility.name=system",
                "user.id=33", "group.id=34", "process.pid=184", "process.name=app", "process.executable=/usr/bin/app", "process.command_line=/usr/bin/app -u",
                "systemd.unit=app.service", "log.syslog.appname=app", "journald._TRANSPORT=stdout", "journald._SYSTEMD_SLICE=system.slice", "message=started",
                "event.dataset=journald.entry", "event.kind=event", "!journald.__CURSOR", "!tags"}},
        {"{" AT ",\"_SOURCE_REALTIME_TIMESTAMP\":\"1795468457000000\",\"MESSAGE\":\"m\"}", {"@time=2026-11-23T21:14:17.000"}},
        {"{" AT ",\"_SOURCE_REALTIME_TIMESTAMP\":\"99999999999999999999\",\"PRIORITY\":\"9\",\"SYSLOG_FACILITY\":\"99\",\"MESSAGE\":\"m\"}",
            {"@time=2026-11-23T21:14:18.000001", "!log.level", "!log.syslog.facility.code"}},
        {"{ \"__CURSOR\" : \"s=1\", \"__REALTIME_TIMESTAMP\" : \"1795468458000001\", \"MESSAGE\" : \"spaced\" }", {"message=spaced"}},
        {"{" AT ",\"_COMM\":\"kernel\",\"MESSAGE\":\"two\\nlines\"}", {"message=two\nlines"}},
        {"{" AT ",\"MESSAGE\":[104,105,255,10]}", {"message=hi\xff\n"}},
        {"{" AT ",\"MESSAGE\":[]}", {"!message"}},
        {"{" AT ",\"MESSAGE\":null}", {"!message"}},
        {"{" AT ",\"_SYSTEMD_UNIT\":[\"a.service\",[98,46,115]],\"MESSAGE\":\"m\"}", {"systemd.unit=a.service", "systemd.unit=b.s"}},
        {"{" AT ",\"MESSAGE\":\"m\",\"OBJECT_PID\":7}", {"journald.OBJECT_PID=7"}},
        {"{" AT ",\"MESSAGE\":[256]}", {NULL}},
        {"{" AT ",\"MESSAGE\":[1,\"a\"]}", {NULL}},
        {"{" AT ",\"MESSAGE\":{\"a\":1}}", {NULL}},
        {"{" AT ",\"MESSAGE\":\"m\"} more", {NULL}},
        {"{\"__CURSOR\":\"s=1\",\"MESSAGE\":\"without a time\"}", {NULL}},
        {"[]", {NULL}},
        {"", {NULL}},
    };
    check_rows("journald", rows, DW_COUNT_OF(rows));
    check_probe(rows[0].line, "journald");
    check_probe("{\"MESSAGE\":\"m\",\"__REALTIME_TIMESTAMP\":\"1\",\"__CURSOR\":\"s\"}", "journald");
    check_probe("{\"MESSAGE\":\"m\",\"__REALTIME_TIMESTAMP\":\"1\"}", "json");
}

static void messages(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"{" AT ",\"_UID\":\"0\",\"_PID\":\"9\",\"_COMM\":\"sshd\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"MESSAGE\":\"Failed password for invalid user admin from 192.0.2.9 port 5 ssh2\"}",
            {"event.dataset=system.auth", "event.module=system", "event.action=ssh_login", "event.outcome=failure", "user.name=admin", "source.ip=192.0.2.9", "source.port=5",
                "process.pid=9", "process.name=sshd", "!user.id", "journald._UID=0", "!tags"}},
        {"{" AT ",\"_COMM\":\"sshd-session\",\"SYSLOG_IDENTIFIER\":\"sshd-session\",\"MESSAGE\":\"Accepted publickey for dave from 2001:db8::5 port 4022 ssh2\"}",
            {"event.dataset=system.auth", "event.outcome=success", "source.ip=2001:db8::5", "!tags"}},
        {"{" AT ",\"_UID\":\"1000\",\"_COMM\":\"logger\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"MESSAGE\":\"Failed password for root from 192.0.2.9 port 5 ssh2\"}",
            {"event.dataset=system.auth", "process.name=logger", "log.syslog.appname=sshd", "tags=program.claimed"}},
        {"{" AT ",\"_UID\":\"1000\",\"_COMM\":\"sudo\",\"_CMDLINE\":\"sudo sh\",\"SYSLOG_IDENTIFIER\":\"sudo\","
         "\"MESSAGE\":\"    eve : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh\"}",
            {"user.name=eve", "user.effective.name=root", "process.command_line=sudo sh", "process.command_line=/bin/sh", "!tags"}},
        {"{" AT ",\"_COMM\":\"cron\",\"SYSLOG_IDENTIFIER\":\"CRON\",\"MESSAGE\":\"(root) CMD (/bin/true)\"}", {"user.name=root", "event.dataset=journald.entry", "!tags"}},
        {"{" AT ",\"_COMM\":\"nginx\",\"SYSLOG_IDENTIFIER\":\"nginx\",\"MESSAGE\":\"203.0.113.9 - - [23/Nov/2026:21:14:10 +0000] \\\"GET /a HTTP/1.1\\\" 200 5 \\\"-\\\" \\\"curl/8\\\"\"}",
            {"event.dataset=nginx.access", "source.ip=203.0.113.9", "url.path=/a", "@time=2026-11-23T21:14:10"}},
        {"{" AT ",\"_COMM\":\"app\",\"MESSAGE\":\"{\\\"level\\\":\\\"warn\\\",\\\"user\\\":\\\"u\\\"}\"}", {"event.dataset=journald.entry", "process.name=app"}},
        {"{" AT ",\"_SOURCE_REALTIME_TIMESTAMP\":\"1795468457072000\",\"_TRANSPORT\":\"audit\",\"_AUDIT_TYPE\":\"1112\",\"_AUDIT_TYPE_NAME\":\"USER_LOGIN\",\"_AUDIT_ID\":\"77\","
         "\"_PID\":\"7\",\"MESSAGE\":\"USER_LOGIN pid=7 uid=0 auid=1000 ses=1 msg='op=login acct=\\\"root\\\" exe=\\\"/usr/sbin/sshd\\\" hostname=? addr=192.0.2.9 terminal=ssh res=failed'\"}",
            {"event.dataset=auditd.log", "event.outcome=failure", "source.ip=192.0.2.9", "journald._AUDIT_ID=77", "@time=2026-11-23T21:14:17.072"}},
        {"{" AT ",\"_UID\":\"0\",\"_COMM\":\"dockerd\",\"CONTAINER_ID\":\"abc\",\"CONTAINER_ID_FULL\":\"abcdef\",\"CONTAINER_NAME\":\"shop\",\"IMAGE_NAME\":\"shop:1\",\"MESSAGE\":\"m\"}",
            {"container.id=abcdef", "container.name=shop", "container.image.name=shop:1"}},
        {"{" AT ",\"_UID\":\"1000\",\"CONTAINER_ID\":\"abc\",\"CONTAINER_NAME\":\"shop\",\"MESSAGE\":\"m\"}",
            {"!container.id", "!container.name", "journald.CONTAINER_ID=abc", "journald.CONTAINER_NAME=shop"}},
    };
    check_rows("journald", rows, DW_COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
