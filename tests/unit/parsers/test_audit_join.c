/* Tests of the joining of audit records (join/audit_records.h, join/lines.c) and of what is made of them (format/auditd_event.c). */
#include "parse.h"

#include "dogwatch/parsers/lines.h"

#include <stdio.h>

enum { EVENTS_MAX = 128 };

struct event {
    struct dw_buf text;
    struct dw_piece piece[8];
    uint32_t piece_count, flags;
};
struct seen {
    struct event event[EVENTS_MAX];
    uint32_t count;
    int fail_at; /* the nth line is refused, once; 0: none */
};

static int on_line(void *arg, const struct dw_line *l)
{
    struct seen *s = arg;
    if (s->fail_at && --s->fail_at == 0)
        return DW_ENOMEM;
    assert_true(s->count < EVENTS_MAX);
    struct event *e = &s->event[s->count++];
    dw_buf_str(&e->text, l->text);
    dw_buf_byte(&e->text, 0);
    e->flags = l->flags;
    e->piece_count = l->piece_count;
    for (uint32_t i = 0; i < l->piece_count && i < DW_COUNT_OF(e->piece); i++)
        e->piece[i] = l->piece[i];
    return DW_OK;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    (void)arg;
    (void)d;
    return DW_OK;
}

static struct dw_lines *begin(uint64_t start)
{
    struct dw_lines_conf conf = {.line_max = 64 * 1024, .join_span_max = 1 << 20, .audit = true};
    struct dw_lines *l = dw_lines_new(&conf, start);
    assert_non_null(l);
    return l;
}

static void feed(struct dw_lines *l, const char *text, struct seen *s)
{
    struct dw_lines_out out = {.arg = s, .line = on_line, .declare = on_declare};
    struct dw_str rest = dw_str_of(text);
    while (rest.len) {
        size_t used = 0;
        int rc = dw_lines_feed(l, rest, &out, &used);
        assert_true(rc == DW_OK || rc == DW_ENOMEM);
        rest = dw_str_slice(rest, used, rest.len);
    }
}

static void flush(struct dw_lines *l, struct seen *s)
{
    struct dw_lines_out out = {.arg = s, .line = on_line, .declare = on_declare};
    assert_int_equal(dw_lines_flush(l, DW_STR_NONE, &out), DW_OK);
}

static void forget(struct seen *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        dw_buf_fini(&s->event[i].text);
    *s = (struct seen){0};
}

static void assert_events(struct seen *s, const char *const *want, uint32_t count)
{
    assert_int_equal(s->count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_string_equal(s->event[i].text.ptr, want[i]);
}


static void records_of_one_event_are_joined_however_they_stand(void **state)
{
    (void)state;
    struct seen s = {0};
    struct dw_lines *l = begin(0);
    feed(l, "type=SYSCALL msg=audit(1.000:7): a\ntype=SYSCALL msg=audit(1.000:8): b\ntype=CWD msg=audit(1.000:8): b\ntype=PATH msg=audit(1.000:7): a\n", &s);
    assert_int_equal(s.count, 0);
    assert_true(dw_lines_pending(l));
    feed(l, "plain\ntype=PROCTITLE msg=audit(1.000:7): a\n", &s);
    feed(l, "type=USER_AUTH msg=audit(1.000:9): c\ntype=PROCTITLE msg=audit(1.000:8): b\n", &s);
    static const char *const want[] = {"plain", "type=SYSCALL msg=audit(1.000:7): a\ntype=PATH msg=audit(1.000:7): a\ntype=PROCTITLE msg=audit(1.000:7): a",
        "type=USER_AUTH msg=audit(1.000:9): c", "type=SYSCALL msg=audit(1.000:8): b\ntype=CWD msg=audit(1.000:8): b\ntype=PROCTITLE msg=audit(1.000:8): b"};
    assert_events(&s, want, 4);
    assert_int_equal(s.event[1].piece_count, 3);
    assert_int_equal(s.event[1].piece[0].start, 0);
    assert_int_equal(s.event[1].piece[1].start, 3 * 35 - 4);
    assert_int_equal(s.event[1].flags, DW_LINE_JOINED);
    assert_false(dw_lines_pending(l));
    assert_int_equal(dw_lines_low(l), dw_lines_offset(l));
    dw_lines_free(l);
    forget(&s);
}

static void an_event_without_an_end_is_over_when_its_host_is_further_on(void **state)
{
    (void)state;
    struct seen s = {0};
    struct dw_lines *l = begin(0);
    feed(l, "type=SYSCALL msg=audit(1.000:7): a\nnode=x type=CWD msg=audit(9.000:900): other host\ntype=PATH msg=audit(3.000:8): b\n", &s);
    assert_int_equal(s.count, 0);
    feed(l, "type=PATH msg=audit(3.001:8): c\n", &s); /* 2 s are not over two */
    assert_int_equal(s.count, 1);
    assert_string_equal(s.event[0].text.ptr, "type=SYSCALL msg=audit(1.000:7): a");
    feed(l, "type=PATH msg=audit(3.001:73): d\n", &s);
    assert_int_equal(s.count, 3);
    flush(l, &s);
    assert_int_equal(s.count, 5);
    for (uint32_t i = 0; i < s.count; i++)
        assert_int_equal(s.event[i].flags, 0);
    dw_lines_free(l);
    forget(&s);
}

static void what_is_too_much_is_given_out_and_says_so(void **state)
{
    (void)state;
    struct seen s = {0};
    struct dw_lines *l = begin(0);
    char line[128];
    for (int i = 0; i < 65; i++) { /* on hosts of their own, so that none is over */
        (void)snprintf(line, sizeof line, "node=n%d type=SYSCALL msg=audit(1.000:7): x\n", i);
        feed(l, line, &s);
    }
    assert_int_equal(s.count, 1);
    assert_int_equal(s.event[0].flags, DW_LINE_JOIN_LIMIT);
    assert_string_equal(s.event[0].text.ptr, "node=n0 type=SYSCALL msg=audit(1.000:7): x");
    dw_lines_free(l);
    forget(&s);
    l = begin(0);
    struct dw_buf big = {0};
    for (int i = 0; i < 1500; i++)
        dw_buf_printf(&big, "type=EXECVE msg=audit(1.000:7): a%d=%060d\n", i, i);
    dw_buf_byte(&big, 0);
    feed(l, big.ptr, &s);
    assert_true(s.count >= 1 && s.event[0].flags & DW_LINE_JOIN_LIMIT && s.event[0].text.len <= 64 * 1024 + 1);
    dw_buf_fini(&big);
    dw_lines_free(l);
    forget(&s);
}

static const char busy[] = "type=USER_AUTH msg=audit(1.000:1): u\ntype=SYSCALL msg=audit(1.000:7): a\ntype=SYSCALL msg=audit(1.000:8): b\ntype=PROCTITLE msg=audit(1.000:7): a\n"
                           "type=SYSCALL msg=audit(1.100:9): c\ntype=PROCTITLE msg=audit(1.000:8): b\ntype=PROCTITLE msg=audit(1.100:9): c\n";

static void a_start_in_between_gives_the_same_events(void **state)
{
    (void)state;
    struct seen whole = {0}, again = {0};
    struct dw_lines *l = begin(0);
    size_t first = strcspn(busy, "\n") + 1, shown = (size_t)(strstr(busy, "type=PROCTITLE msg=audit(1.000:8)") - busy);
    char head[sizeof busy];
    (void)snprintf(head, sizeof head, "%.*s", (int)shown, busy);
    feed(l, head, &whole); /* 7 is out, 8 and 9 are open */
    assert_int_equal(whole.count, 2);
    assert_int_equal(dw_lines_low(l), first); /* 7 overlaps with them: it comes again, the same */
    feed(l, busy + shown, &whole);
    assert_int_equal(whole.count, 4);
    assert_int_equal(dw_lines_low(l), sizeof busy - 1);
    dw_lines_free(l);
    l = begin(first);
    feed(l, busy + first, &again);
    assert_int_equal(again.count, 3);
    for (uint32_t i = 0; i < again.count; i++) {
        assert_string_equal(again.event[i].text.ptr, whole.event[i + 1].text.ptr);
        assert_int_equal(again.event[i].piece[0].start, whole.event[i + 1].piece[0].start);
    }
    dw_lines_free(l);
    forget(&whole);
    forget(&again);
}

static void a_refused_event_comes_again_whole(void **state)
{
    (void)state;
    struct seen whole = {0};
    struct dw_lines *l = begin(0);
    feed(l, busy, &whole);
    dw_lines_free(l);
    for (int nth = 1; nth <= (int)whole.count; nth++) {
        struct seen s = {.fail_at = nth};
        l = begin(0);
        feed(l, busy, &s);
        assert_int_equal(s.count, whole.count);
        for (uint32_t i = 0; i < s.count; i++)
            assert_string_equal(s.event[i].text.ptr, whole.event[i].text.ptr);
        dw_lines_free(l);
        forget(&s);
    }
    forget(&whole);
}

static void an_event_goes_on_in_the_next_file(void **state)
{
    (void)state;
    static const struct dw_stream before;
    struct seen s = {0};
    struct dw_lines *from = begin(0), *to = begin(0);
    feed(from, "type=SYSCALL msg=audit(1.000:7): a\n", &s);
    assert_int_equal(dw_lines_low(from), 0);
    assert_true(dw_lines_carry(from, to, &before));
    assert_false(dw_lines_pending(from));
    assert_true(dw_lines_pending(to));
    feed(to, "type=PROCTITLE msg=audit(1.000:7): a\n", &s);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.event[0].piece_count, 2);
    assert_ptr_equal(s.event[0].piece[0].stream, &before);
    assert_null(s.event[0].piece[1].stream);
    assert_int_equal(dw_lines_low(to), dw_lines_offset(to));
    dw_lines_free(from);
    dw_lines_free(to);
    forget(&s);
}

static void what_is_made_of_an_event(void **state)
{
    (void)state;
    static const struct parse_row rows[] = {
        {"type=SYSCALL msg=audit(1795468458.250:78): arch=c000003e syscall=59 success=yes exit=0 a0=55dc a1=7f ppid=1 pid=2 uid=0 euid=0 comm=\"ls\" exe=\"/bin/ls\" key=65786563013634626974\n"
         "type=EXECVE msg=audit(1795468458.250:78): argc=3 a0=\"ls\" a1=\"-l\" a2=2F746D702F612062\n"
         "type=CWD msg=audit(1795468458.250:78): cwd=\"/root\"\n"
         "type=PATH msg=audit(1795468458.250:78): item=0 name=\"/bin/ls\" nametype=NORMAL\n"
         "type=PROCTITLE msg=audit(1795468458.250:78): proctitle=6C73002D6C",
            {"@time=2026-11-23T21:14:18.250", "event.action=executed", "event.category=process", "event.type=start", "event.outcome=success", "process.args=/tmp/a b",
                "process.command_line=ls -l /tmp/a b", "process.working_directory=/root", "process.title=ls -l", "file.path=/bin/ls", "auditd.log.record_type=EXECVE",
                "auditd.log.syscall=execve", "auditd.log.key=64bit", "auditd.log.a0=55dc", "auditd.log.a1=-l"}},
        {"type=PATH msg=audit(1795468458.250:79): item=0 name=\"/etc/\" nametype=PARENT\n"
         "type=PATH msg=audit(1795468458.250:79): item=1 name=\"passwd\" nametype=DELETE\n"
         "type=CWD msg=audit(1795468458.250:79): cwd=\"/etc\"\n"
         "type=SYSCALL msg=audit(1795468458.250:79): arch=c00000b7 syscall=35 success=no exit=-13 pid=2 uid=1000",
            {"event.action=deleted", "event.category=file", "event.type=deletion", "event.outcome=failure", "file.path=/etc/passwd", "user.id=1000"}},
        {"type=SYSCALL msg=audit(1795468458.250:80): arch=c000003e syscall=42 success=yes exit=0 pid=2\n"
         "type=SOCKADDR msg=audit(1795468458.250:80): saddr=02000016CB0071090000000000000000",
            {"event.action=connected-to", "event.category=network", "destination.ip=203.0.113.9", "destination.port=22", "!source.ip"}},
        {"type=SYSCALL msg=audit(1795468458.250:81): arch=c000003e syscall=288 success=yes exit=4 pid=2\n"
         "type=SOCKADDR msg=audit(1795468458.250:81): saddr=0A00D431000000002001DB8000000000000000000000000500000000",
            {"event.action=accepted-connection-from", "source.ip=2001:db80:0:0:0:0:0:5", "source.port=54321", "!destination.ip"}},
        {"type=AVC msg=audit(1795468458.250:82): apparmor=\"DENIED\" operation=\"ptrace\" pid=5 comm=\"x\"\n"
         "type=SYSCALL msg=audit(1795468458.250:82): arch=c000003e syscall=9999 success=no pid=5",
            {"event.action=violated-apparmor-policy", "event.category=file", "event.type=info", "process.pid=5"}},
        {"type=SYSCALL msg=audit(1795468458.250:83): arch=c000003e syscall=9999 pid=5\nno record", {NULL}},
    };
    check_rows("auditd/log", rows, DW_COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_one_event_are_joined_however_they_stand),
        cmocka_unit_test(an_event_without_an_end_is_over_when_its_host_is_further_on),
        cmocka_unit_test(what_is_too_much_is_given_out_and_says_so),
        cmocka_unit_test(a_start_in_between_gives_the_same_events),
        cmocka_unit_test(a_refused_event_comes_again_whole),
        cmocka_unit_test(an_event_goes_on_in_the_next_file),
        cmocka_unit_test(what_is_made_of_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
