/* Tests of parsers/format/syslog, auth and auditd: logins and accounts of a host. */
#include "parse.h"

static void headers(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"<34>1 2026-11-23T21:14:18.003Z web1 su - ID47 - 'su root' failed for lonvick",
            {"@time=2026-11-23T21:14:18.003", "log.syslog.priority=34", "log.syslog.facility.code=4",
                "log.syslog.severity.name=Critical", "log.syslog.msgid=ID47", "host.hostname=web1", "process.name=su",
                "message='su root' failed for lonvick"}},
        {"<165>1 2026-11-23T22:14:18+01:00 h app 99 - [ex@1 a=\"b]\"][two x=\"y\"] hello",
            {"process.pid=99", "host.hostname=h"}},
        {"Nov 23 21:14:18 db1 kernel: eth0: link up", {"process.name=kernel", "message=eth0: link up", "!process.pid"}},
        {"Nov  3 01:02:03 h last message repeated 2 times",
            {"host.hostname=h", "message=last message repeated 2 times"}},
        {"2026-11-23T21:14:18.5+02:00 h CRON[7]: (root) CMD (/bin/true)",
            {"@time=2026-11-23T19:14:18.5", "process.name=CRON", "process.pid=7", "user.name=root",
                "process.command_line=/bin/true"}},
        {"<34>no time here", {"!@time", "log.syslog.priority=34", "message=no time here", "!process.name"}},
        {"<13>app: hi", {"process.name=app", "message=hi"}},
        {"<189>29: *Mar  1 18:46:11.123: %SYS-5-CONFIG_I: Configured from console",
            {"event.code=SYS-5-CONFIG_I", "message=%SYS-5-CONFIG_I: Configured from console", "!process.name", "log.syslog.facility.name=local7"}},
        {"<165>1 - h app - - [ex@32473 iut=\"3\" say=\"a \\\"b\\\" \\] \\n\"][b x=\"\"] \xef\xbb\xbfhello",
            {"!@time", "log.syslog.structured_data.ex@32473.iut=3", "log.syslog.structured_data.ex@32473.say=a \"b\" ] \\n", "message=hello"}},
        {"<165>1 - h app - - [broken x=\"1\" hello", {"message=[broken x=\"1\" hello", "process.name=app"}},
        {"<192>no time here", {NULL}},
        {"<0013>x", {NULL}},
        {"plain text", {NULL}},
    };
    check_rows("system/syslog", rows, DW_COUNT_OF(rows));
    check_probe(rows[2].line, "system_syslog");
    check_probe("<13>hello", "system_syslog");
    check_probe("<38>Nov 23 21:14:18 h sshd[9]: Invalid user x from 192.0.2.9", "system_auth");
    check_probe("<38>1 2026-11-23T21:14:18Z h sshd 9 - - Invalid user x from 192.0.2.9", "system_auth");
}

static void sshd(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"Nov 23 21:14:18 h sshd[9]: Accepted publickey for dave from 2001:db8::5 port 4022 ssh2: ED25519 SHA256:abc",
            {"event.action=ssh_login", "event.outcome=success", "event.category=authentication",
                "event.category=session", "user.name=dave", "source.ip=2001:db8::5", "source.port=4022",
                "process.pid=9"}},
        {"Nov 23 21:14:18 h sshd[9]: Failed password for invalid user admin from 192.0.2.9 port 5 ssh2",
            {"event.outcome=failure", "user.name=admin", "source.ip=192.0.2.9"}},
        {"Nov 23 21:14:18 h sshd[9]: Invalid user guest from 192.0.2.9 port 6",
            {"event.outcome=failure", "source.port=6"}},
        {"Nov 23 21:14:18 h sshd[9]: Connection closed by authenticating user root 192.0.2.9 port 7 [preauth]",
            {"user.name=root", "source.ip=192.0.2.9", "source.port=7", "!event.outcome"}},
        {"Nov 23 21:14:18 h sshd[9]: Received disconnect from 192.0.2.9: 11: Bye Bye", {"source.ip=192.0.2.9"}},
        {"Nov 23 21:14:18 h sshd[9]: pam_unix(sshd:auth): authentication failure; logname= uid=0 tty=ssh "
         "rhost=192.0.2.9  user=bob",
            {"user.name=bob", "source.ip=192.0.2.9", "event.outcome=failure"}},
    };
    check_rows("system/auth", rows, DW_COUNT_OF(rows));
    check_probe(rows[0].line, "system_auth");
}

/* Whoever logs in chooses the name, and would have somebody else's address in the log. */
static void a_name_is_no_address(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"Nov 23 21:14:18 h sshd[9]: Failed password for invalid user root from 198.51.100.7 port 22 ssh2 from 192.0.2.9 port 5 ssh2",
            {"source.ip=192.0.2.9", "source.port=5", "user.name=root from 198.51.100.7 port 22 ssh2"}},
        {"Nov 23 21:14:18 h sshd[9]: Invalid user x from 198.51.100.7 port 22 from 192.0.2.9 port 5", {"!source.ip", "!event.outcome"}},
        {"Nov 23 21:14:18 h sshd[9]: Failed password for invalid user from from 192.0.2.9 port 5 ssh2", {"source.ip=192.0.2.9", "user.name=from"}},
    };
    check_rows("system/auth", rows, DW_COUNT_OF(rows));
}

static void accounts_and_sudo(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"Nov 23 21:14:18 h sudo:    erin : TTY=pts/1 ; PWD=/home/erin ; USER=root ; COMMAND=/usr/bin/id -u",
            {"user.name=erin", "user.effective.name=root", "process.command_line=/usr/bin/id -u",
                "process.working_directory=/home/erin", "process.tty.name=pts/1"}},
        {"Nov 23 21:14:18 h sudo: mallory : user NOT in sudoers ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
            {"user.name=mallory", "event.reason=user NOT in sudoers", "process.command_line=/bin/sh"}},
        {"Nov 23 21:14:18 h userdel[5]: delete user 'x'",
            {"event.category=iam", "event.type=user", "event.type=deletion"}},
        {"Nov 23 21:14:18 h useradd[5]: new user: name=svc, UID=998, GID=998, home=/, shell=/bin/false",
            {"user.name=svc", "user.id=998", "group.id=998", "event.type=creation", "event.outcome=success"}},
        {"Nov 23 21:14:18 h su[5]: pam_unix(su:session): session opened for user root by erin(uid=1000)",
            {"user.name=erin", "user.effective.name=root", "user.id=1000"}},
        {"Nov 23 21:14:18 h su[5]: pam_unix(su:session): session closed for user root", {"user.name=root"}},
    };
    check_rows("system/auth", rows, DW_COUNT_OF(rows));
}

static void auditd(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"type=USER_LOGIN msg=audit(1795468458.250:77): pid=9 uid=0 auid=1000 ses=3 msg='op=login acct=\"frank\" "
         "exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.9 terminal=ssh res=failed'",
            {"@time=2026-11-23T21:14:18.250", "event.action=logged-in", "event.category=authentication",
                "event.type=start", "event.outcome=failure", "user.name=frank", "source.ip=192.0.2.9",
                "process.executable=/usr/sbin/sshd", "process.pid=9", "auditd.log.sequence=77",
                "!auditd.log.hostname"}},
        {"node=n1 type=SYSCALL msg=audit(1795468458.250:78): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 "
         "uid=0 "
         "comm=6D7920636D64 exe=\"/bin/x\" key=(null)",
            {"event.action=syscall", "process.name=my cmd", "process.parent.pid=1", "auditd.log.node=n1",
                "!auditd.log.key"}},
        {"type=PATH msg=audit(1795468458.250:79): item=0 name=\"/etc/shadow\" inode=5",
            {"event.action=path", "auditd.log.name=/etc/shadow"}},
        {"type=PATH msg=audit(x:79): item=0", {NULL}},
    };
    check_rows("auditd/log", rows, DW_COUNT_OF(rows));
    check_probe(rows[0].line, "auditd_log");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(sshd),
        cmocka_unit_test(a_name_is_no_address),
        cmocka_unit_test(accounts_and_sudo),
        cmocka_unit_test(auditd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
