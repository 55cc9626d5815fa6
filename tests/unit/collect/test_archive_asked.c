/* Tests of collector/ingest/archive_asked: what people ask of the archive is done once, stands in the manifest, or is refused with a reason. */
#include "intake_bed.h"

#include "dogwatch/collect/archive_asked.h"

#define HOUR (3600 * SECOND)

/* Three sealed segments, of events at 100 s and 4000 s, 7900 s, and 11800 s. */
static void fill(struct bed *b)
{
    set_up(b);
    open_epoch(b, 0, 1 * SECOND);
    open_engine(b);
    for (int i = 0; i < 4; i++) {
        int64_t at = 100 * SECOND + i * 3900 * SECOND;
        b->clock.real_ns = at;
        b->clock.mono_ns += i ? HOUR + SECOND : 0;
        send(b, failures(b, 0, "eve", 2, at, at));
        work(b);
    }
}

static void ask(struct bed *b, struct dw_archive_ask *a, char name[DW_INBOX_NAME])
{
    (void)snprintf(a->asked.by, sizeof a->asked.by, "ann");
    (void)snprintf(a->asked.why, sizeof a->asked.why, "case \"7\"\n");
    assert_int_equal(dw_archive_ask(&dw_fs_system, b->dir, a, name), DW_OK);
    assert_int_equal(dw_intake_take_asked(b->engine), DW_OK);
}

static uint32_t entries_of(const struct bed *b, const char *name)
{
    char archive[600];
    uint32_t entries;
    (void)snprintf(archive, sizeof archive, "%s/archive", b->dir);
    assert_int_equal(dw_archive_done(&dw_fs_system, archive, name, &entries), DW_OK);
    return entries;
}

static void note_hold(void *arg, const struct dw_hold *h)
{
    dw_buf_printf(arg, "%s:%d-%d:%s:%s;", h->name, (int)h->from_ns, (int)h->to_ns, h->asked.by, h->asked.why);
}

static void assert_holds(const struct bed *b, const char *want)
{
    char archive[600];
    struct dw_buf said = {0};
    (void)snprintf(archive, sizeof archive, "%s/archive", b->dir);
    assert_int_equal(dw_archive_holds(&dw_fs_system, archive, note_hold, &said), DW_OK);
    assert_str(dw_buf_view(&said), want);
    dw_buf_fini(&said);
}

static struct dw_archive_ask asked(enum dw_archive_verb verb, const char *hold)
{
    struct dw_archive_ask a = {.verb = verb, .since_ns = INT64_MIN, .until_ns = INT64_MAX, .before_ns = INT64_MIN};
    (void)snprintf(a.name, sizeof a.name, "%s", hold);
    return a;
}

static void a_hold_is_of_its_time(void **state)
{
    (void)state;
    char name[DW_INBOX_NAME];
    struct bed b;
    fill(&b);
    struct dw_archive_ask a = asked(DW_ARCHIVE_HOLD, "h");
    a.since_ns = 3;
    a.until_ns = 5;
    ask(&b, &a, name);
    assert_int_equal(entries_of(&b, name), 1);
    assert_holds(&b, "h:3-5:ann:case \"7\"\n;");
    a.since_ns = 6;
    (void)snprintf(a.name, sizeof a.name, "backwards");
    ask(&b, &a, name);
    assert_int_equal(entries_of(&b, name), 0);
    tear_down(&b);
}

static void what_is_asked_is_done_once_and_refused_where_it_cannot_be(void **state)
{
    (void)state;
    char first[DW_INBOX_NAME], name[DW_INBOX_NAME];
    struct bed b;
    fill(&b);
    struct dw_archive_ask a = asked(DW_ARCHIVE_HOLD, "h");
    ask(&b, &a, first);
    ask(&b, &a, name); /* one of that name is in force */
    assert_int_equal(entries_of(&b, name), 0);
    a = asked(DW_ARCHIVE_EXPIRE, "");
    a.before_ns = INT64_MAX;
    ask(&b, &a, name); /* all is held */
    assert_int_equal(entries_of(&b, name), 0);
    a = asked(DW_ARCHIVE_RELEASE, "other");
    ask(&b, &a, name);
    assert_int_equal(entries_of(&b, name), 0);
    a = asked(DW_ARCHIVE_RELEASE, "h");
    ask(&b, &a, name);
    assert_int_equal(entries_of(&b, name), 1);
    assert_holds(&b, "");
    a = asked(DW_ARCHIVE_EXPORTED, "");
    a.from = 1;
    a.to = 9;
    ask(&b, &a, name);
    assert_int_equal(entries_of(&b, name), 0);
    a.to = 2;
    ask(&b, &a, name);
    assert_int_equal(entries_of(&b, name), 1);
    a = asked(DW_ARCHIVE_EXPIRE, "");
    a.before_ns = 200 * SECOND + HOUR;
    ask(&b, &a, name);
    assert_int_equal(entries_of(&b, name), 0); /* sealed later */
    a.before_ns = INT64_MAX;
    ask(&b, &a, name);
    assert_int_equal(entries_of(&b, name), 1);
    assert_int_equal(entries_of(&b, first), 1);
    tear_down(&b);
}

static void a_request_that_is_none_is_refused_and_goes(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "[]", "{\"do\":\"all\"}", "{\"do\":\"hold\",\"name\":7}", "{\"do\":\"expire\",\"before\":\"x\"}",
        "{\"do\":\"expire\",\"unless\":true}", "{\"name\":\"h\"}", "{\"do\":\"hold\",\"name\":\"a\\u0000b\"}", "{\"do\":\"hold\",\"name\":\"\"}"};
    char path[DW_INBOX_PATH], name[DW_INBOX_NAME];
    struct bed b;
    fill(&b);
    assert_int_equal(dw_archive_inbox(b.dir, path), DW_OK);
    for (size_t i = 0; i < DW_COUNT_OF(texts); i++) {
        struct dw_buf text = {0};
        dw_buf_str(&text, dw_str_of(texts[i]));
        assert_int_equal(dw_inbox_name(name), DW_OK);
        assert_int_equal(dw_inbox_leave(&dw_fs_system, path, name, &text), DW_OK);
        assert_int_equal(dw_intake_take_asked(b.engine), DW_OK);
        assert_true(dw_inbox_answered(path, name));
        assert_int_equal(entries_of(&b, name), 0);
        dw_buf_fini(&text);
    }
    assert_holds(&b, "");
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_is_of_its_time),
        cmocka_unit_test(what_is_asked_is_done_once_and_refused_where_it_cannot_be),
        cmocka_unit_test(a_request_that_is_none_is_refused_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
