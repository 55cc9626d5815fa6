/* Tests of which undecided verdicts are told (collector/ingest/undecided.c): once, within bounds, the same after a state, and in words. */
#include "../correlate/sigma_bed.h"

#include "../../../collector/ingest/undecided.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)

static struct dw_stream streams[2] = {{.id = {1}}, {.id = {2}}};

/* `t` told, `l` told as the last, `-` not. */
static char note(struct dw__undecided *u, const char *rule, int stream, int64_t time_ns, int64_t arrival_ns)
{
    const struct dw_event ev = {.time_ns = time_ns, .stream = &streams[stream]};
    bool tell, last;
    assert_int_equal(dw__undecided_note(u, dw_str_of(rule), &ev, arrival_ns, &tell, &last), DW_OK);
    assert_true(tell || !last);
    return last ? 'l' : tell ? 't' : '-';
}

static char note_number(struct dw__undecided *u, int number, int64_t time_ns, int64_t arrival_ns)
{
    char rule[16];
    (void)snprintf(rule, sizeof rule, "r%d", number);
    return note(u, rule, 0, time_ns, arrival_ns);
}

static void a_rule_is_told_once_a_stream_and_hour(void **state)
{
    (void)state;
    struct dw__undecided u = {0};
    assert_int_equal(note(&u, "a", 0, 5 * HOUR, 9 * HOUR), 't');
    assert_int_equal(note(&u, "a", 0, 6 * HOUR - 1, 9 * HOUR), '-');
    assert_int_equal(note(&u, "a", 0, 6 * HOUR, 9 * HOUR), 't');
    assert_int_equal(note(&u, "a", 1, 5 * HOUR, 9 * HOUR), 't');
    assert_int_equal(note(&u, "b", 0, 5 * HOUR, 9 * HOUR), 't');
    assert_int_equal(note(&u, "a", 0, -1, 9 * HOUR), 't');
    assert_int_equal(note(&u, "a", 0, 0, 9 * HOUR), 't'); /* before 1970 hours are not twice as long */
    dw__undecided_fini(&u);
}

static void an_hour_and_a_day_have_so_many_and_the_rest_is_counted(void **state)
{
    (void)state;
    struct dw__undecided u = {0};
    uint64_t before = dw_counter_get(DW_C_detect_undecided_untold);
    for (int i = 0; i < DW__UNDECIDED_HOUR_MAX; i++)
        assert_int_equal(note_number(&u, i, HOUR, 0), i + 1 == DW__UNDECIDED_HOUR_MAX ? 'l' : 't');
    assert_int_equal(note_number(&u, 100, HOUR, 0), '-');
    assert_int_equal(note_number(&u, 101, HOUR, 0), '-');
    assert_int_equal(note_number(&u, 0, HOUR, 0), '-'); /* it was told */
    assert_int_equal(dw_counter_get(DW_C_detect_undecided_untold), before + 2);
    for (int i = DW__UNDECIDED_HOUR_MAX; i < DW__UNDECIDED_MAX; i++)
        assert_int_equal(note_number(&u, i, (2 + i) * HOUR, SECOND), i + 1 == DW__UNDECIDED_MAX ? 'l' : 't');
    assert_int_equal(note_number(&u, 0, 9999 * HOUR, SECOND), '-'); /* other times do not buy more */
    assert_int_equal(dw_counter_get(DW_C_detect_undecided_untold), before + 3);
    assert_int_equal(note_number(&u, 100, HOUR, DW__UNDECIDED_HELD_NS), 't'); /* a day after the first ones had come */
    assert_int_equal(u.told.count, DW__UNDECIDED_MAX - DW__UNDECIDED_HOUR_MAX + 1);
    assert_int_equal(note_number(&u, 100, INT64_MIN, INT64_MIN), 't'); /* a clock that was put back forgets nothing */
    assert_int_equal(note_number(&u, 100, INT64_MAX, INT64_MAX), 't');
    assert_int_equal(u.told.count, 1);
    dw__undecided_fini(&u);
}

static void a_state_goes_on_and_a_broken_one_is_refused(void **state)
{
    (void)state;
    struct dw__undecided u = {0}, again = {0};
    struct dw_buf saved = {0}, other = {0};
    for (int i = 0; i < 40; i++)
        (void)note_number(&u, i, i % 3 * HOUR, i * SECOND);
    dw__undecided_save(&u, &saved);
    (void)note_number(&again, 7, 99 * HOUR, 0);
    assert_int_equal(dw__undecided_load(&again, dw_buf_view(&saved)), DW_OK);
    dw__undecided_save(&again, &other);
    assert_true(dw_str_eq(dw_buf_view(&saved), dw_buf_view(&other)));
    for (int i = 0; i < 200; i++) /* both say the same of all that comes */
        assert_int_equal(note_number(&u, i, i % 5 * HOUR, 20 * SECOND + i * HOUR), note_number(&again, i, i % 5 * HOUR, 20 * SECOND + i * HOUR));
    for (size_t cut = 0; cut < saved.len; cut++) {
        assert_int_equal(dw__undecided_load(&again, dw_str_slice(dw_buf_view(&saved), 0, cut)), DW_ECORRUPT);
        assert_int_equal(again.told.count, 0);
    }
    dw_buf_byte(&saved, 0);
    assert_int_equal(dw__undecided_load(&again, dw_buf_view(&saved)), DW_ECORRUPT);
    saved.ptr[0] = 'x';
    assert_int_equal(dw__undecided_load(&again, dw_buf_view(&saved)), DW_EVERSION);
    for (unsigned nth = 1, hits = 1; hits; nth++) {
        assert_true(nth < 1000);
        mem_fail_at(nth);
        int rc = dw__undecided_load(&again, dw_buf_view(&other));
        hits = mem_fail_hits();
        mem_fail_at(0);
        assert_true(rc == DW_OK || (rc == DW_ENOMEM && hits && again.told.count == 0));
    }
    dw__undecided_fini(&u);
    dw__undecided_fini(&again);
    dw_buf_fini(&saved);
    dw_buf_fini(&other);
}

static void an_alert_says_which_rule_why_and_by_which_tests(void **state)
{
    (void)state;
    struct sbed b;
    struct dw__undecided_words w = {0};
    struct dw_problem p;
    sbed_init(&b);
    assert_int_equal(sbed_rules(&b, "title: \"a \\\"rule\\\"\"\nid: r1\nlevel: high\nlogsource: {product: x}\ndetection:\n"
                                    "  s: {f: a, g|contains: b, h: [1, 2]}\n  condition: s\n"), 1);
    (void)sbed_event(&b, "tags=fields.dropped|tags=cut|log.file.path=/var/log/a.log", "-");
    for (int i = 0; i < 2; i++)
        b.field[i].kind = DW_K_CONST; /* our own words */
    b.ev.stream = &streams[1];
    b.ev.start = 77;
    b.ev.time_ns = 3 * HOUR;
    assert_int_equal(dw__undecided_problem(&w, b.rs, b.scratch, 0, &b.ev, false, &p), DW_OK);
    assert_string_equal(p.text, "rule 'a \"rule\"' neither matches nor fails to: fields of the event were dropped at a bound, the line was cut (/var/log/a.log); told once an hour of this rule and log");
    assert_string_equal(p.cause, "02000000000000000000000000000000 3 r1");
    assert_string_equal(p.more, ",\"undecided\":{\"rule\":{\"id\":\"r1\",\"name\":\"a \\\"rule\\\"\",\"level\":\"high\"},\"event\":\"02000000000000000000000000000000-77\","
                                "\"tests\":[\"f: 'a'\",\"g|contains: 'b'\",\"h: '1'\",\"h: '2'\"],\"tests_left_out\":0,\"why\":[\"fields.dropped\",\"cut\"]}");
    struct dw_buf line = {0};
    for (int i = 0; i < 3000; i++)
        dw_buf_byte(&line, 'a');
    dw_buf_byte(&line, '!');
    assert_int_equal(sbed_rules(&b, "title: e\nid: e\ndetection: {s: {event.original|re: '(a+)+b(a+)+$|(a|aa)+$'}, condition: s}\n"), 1);
    b.ev = (struct dw_event){.field = b.field, .line = dw_buf_view(&line), .stream = &streams[0]};
    assert_int_equal(dw__undecided_problem(&w, b.rs, b.scratch, 0, &b.ev, true, &p), DW_OK);
    assert_true(strstr(p.text, "used up its steps") && strstr(p.text, "others of this hour are counted only"));
    assert_true(strstr(p.more, "\"why\":[\"regex.limit\"]") && strstr(p.more, "\"tests\":[\"event.original|re: "));
    dw_buf_fini(&line);
    dw__undecided_words_fini(&w);
    sbed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_told_once_a_stream_and_hour),
        cmocka_unit_test(an_hour_and_a_day_have_so_many_and_the_rest_is_counted),
        cmocka_unit_test(a_state_goes_on_and_a_broken_one_is_refused),
        cmocka_unit_test(an_alert_says_which_rule_why_and_by_which_tests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
