/* Tests of agent/journal.h: an entry as one bounded JSON object, cursors, and a real journal read once whichever allocation fails. */
#include "support.h"

#include "../../../agent/journal_int.h"

#include "dogwatch/event/json_read.h"

#include <json-c/json.h>
#include <stdio.h>

#define CURSOR "s=e991dd5775894620914f2f7126aae6c1;i=372a;b=0dc874d3fbd44bdbb6fbcfaa27481492;m=24ea327;t=573f280a663fd;x=9ceeb77ef4331563"
enum { TEXT_MAX = 120 * 1024, MESSAGE_MAX = 64 * 1024, ENTRIES = 5 };

static struct journal_writer writer;

static void begin(void)
{
    writer.message_max = MESSAGE_MAX;
    writer.text_max = TEXT_MAX;
    writer.count = 0;
    writer.cut_bytes = 0;
    dw_buf_reset(&writer.bytes);
}

static void add(const char *name, const void *bytes, size_t len)
{
    struct dw_buf b = {0};
    dw_buf_printf(&b, "%s=", name);
    dw_buf_add(&b, bytes, len);
    journal_field_add(&writer, dw_buf_view(&b));
    dw_buf_fini(&b);
}

static void add_text(const char *name, const char *text)
{
    add(name, text, strlen(text));
}

/* The entry as json-c reads it: it is whole, and not longer than it may be. */
static json_object *written(void)
{
    struct json_tokener *t = json_tokener_new();
    journal_fields_write(&writer, DW_STR(CURSOR), 1534860261221373, 38708007, DW_STR("0dc874d3fbd44bdbb6fbcfaa27481492"));
    assert_int_equal(writer.text.err, DW_OK);
    assert_in_range(writer.text.len, 1, TEXT_MAX);
    assert_true(dw_str_index(dw_buf_view(&writer.text), '\n') == writer.text.len);
    assert_true(dw_str_starts(dw_buf_view(&writer.text), DW_STR("{\"__CURSOR\":\"" CURSOR "\",\"__REALTIME_TIMESTAMP\":\"1534860261221373\"")));
    json_object *o = json_tokener_parse_ex(t, writer.text.ptr, (int)writer.text.len);
    assert_non_null(o);
    json_tokener_free(t);
    return o;
}

static const char *text_of(json_object *o, const char *name)
{
    json_object *v;
    assert_true(json_object_object_get_ex(o, name, &v));
    return json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void an_entry_is_written_as_journalctl_does(void **state)
{
    (void)state;
    begin();
    add_text("_BOOT_ID", "0dc874d3fbd44bdbb6fbcfaa27481492");
    add_text("_PID", "184");
    add_text("MESSAGE", "two\nlines \"quoted\" \xc3\xa4");
    add_text("A", "1");
    add("BYTES", "h\xff\n\0", 4);
    add_text("A", "\xfe");
    add_text("EMPTY", "");
    add_text("__CURSOR", "not ours");
    add_text("lower", "not a name");
    add_text("ESCAPES", "\x1b[31mred");
    journal_field_add(&writer, DW_STR("NO_VALUE"));
    json_object *o = written();
    assert_int_equal(json_object_object_length(o), 4 + 6);
    assert_string_equal(text_of(o, "_BOOT_ID"), "\"0dc874d3fbd44bdbb6fbcfaa27481492\"");
    assert_string_equal(text_of(o, "MESSAGE"), "\"two\\nlines \\\"quoted\\\" \xc3\xa4\"");
    assert_string_equal(text_of(o, "A"), "[\"1\",[254]]");
    assert_string_equal(text_of(o, "BYTES"), "[104,255,10,0]");
    assert_string_equal(text_of(o, "EMPTY"), "\"\"");
    assert_string_equal(text_of(o, "ESCAPES"), "\"\\u001b[31mred\""); /* text, so that masks reach it */
    assert_int_equal(writer.cut_bytes, 0);
    json_object_put(o);
}

static void what_has_no_room_is_cut_or_null_and_counted(void **state)
{
    (void)state;
    static char big[400000];
    begin();
    memset(big, 'c', sizeof big);
    add("COREDUMP", big, sizeof big);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = i % 2 ? '\xa4' : '\xc3';
    add("MESSAGE", big, sizeof big);
    add_text("_PID", "184");
    json_object *o = written();
    assert_string_equal(text_of(o, "COREDUMP"), "null");
    assert_string_equal(text_of(o, "_PID"), "\"184\"");
    assert_int_equal(strlen(text_of(o, "MESSAGE")), MESSAGE_MAX + 2);
    assert_int_equal(writer.cut_bytes, 2 * sizeof big - MESSAGE_MAX);
    json_object_put(o);
    begin();
    memset(big, '\x01', sizeof big); /* six bytes each */
    add("MESSAGE", big, sizeof big);
    add_text("_PID", "184");
    o = written();
    json_object *m;
    assert_true(json_object_object_get_ex(o, "MESSAGE", &m));
    assert_int_equal((size_t)json_object_get_string_len(m) + writer.cut_bytes, sizeof big);
    assert_in_range(json_object_get_string_len(m), 18000, MESSAGE_MAX);
    json_object_put(o);
    begin();
    for (int i = 0; i < 2000; i++) { /* more fields than an entry may have, each near the bound of what is short */
        char name[16];
        (void)snprintf(name, sizeof name, "F%d", i);
        add(name, big, 2000);
    }
    add_text("MESSAGE", "left out");
    o = written();
    assert_true(writer.cut_bytes > 1000000);
    json_object_put(o);
    journal_writer_fini(&writer);
}

static void cursors_are_known_by_their_form(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "s=1;i=2", "i=1", CURSOR ";", CURSOR "\"", CURSOR ";y=g", "s=E991dd5775894620914f2f7126aae6c1;i=1", CURSOR CURSOR CURSOR,
        "s=e991dd5775894620914f2f7126aae6c1;i=12345678901234567"};
    assert_true(journal_is_cursor(DW_STR(CURSOR)));
    assert_true(journal_is_cursor(DW_STR("s=e991dd5775894620914f2f7126aae6c1;i=1")));
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        assert_false(journal_is_cursor(dw_str_of(bad[i])));
}

static void entries_are_summed_up_as_journals_do(void **state)
{
    (void)state;
    assert_true(journal_hash(DW_STR_NONE) == 0xdeadbeefdeadbeef);
    assert_true(journal_hash(DW_STR("Four score and seven years ago")) == 0x17770551ce7226e6); /* lookup3.c, driver5 */
}

/* Writes a journal with systemd's own program. */
static void make_journal(const char *dir)
{
    char command[700];
    (void)snprintf(command, sizeof command, "/lib/systemd/systemd-journal-remote -o %s/system.journal - 2>/dev/null", dir);
    FILE *to = popen(command, "w"); /* NOLINT(cert-env33-c): a test's */
    assert_non_null(to);
    for (int i = 0; i < ENTRIES; i++)
        (void)fprintf(to, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=0dc874d3fbd44bdbb6fbcfaa27481492\nMESSAGE=entry %d\n\n", 1000 + i, 1 + i, i);
    assert_int_equal(pclose(to), 0);
}

/* Reads from behind `cursor`; answers how many entries came, each the one behind the last. *ret_gap: one of them says that some are missing. */
static int read_all(struct journal *j, int from, struct dw_buf *cursor, bool *ret_gap)
{
    struct journal_entry e;
    int n = from, rc;
    while ((rc = journal_next(j, &e)) != 0) {
        char want[32];
        assert_true(rc == 1 || rc == DW_ENOMEM);
        if (rc == DW_ENOMEM)
            continue; /* the same again */
        (void)snprintf(want, sizeof want, "\"MESSAGE\":\"entry %d\"", n++);
        assert_true(dw_str_find(e.text, dw_str_of(want)) < e.text.len);
        assert_int_equal(e.time_ns, (1000 + n - 1) * 1000);
        *ret_gap |= e.gap;
        if (cursor) {
            dw_buf_reset(cursor);
            dw_buf_str(cursor, e.cursor);
        }
    }
    return n - from;
}

static void a_journal_is_read_once_whichever_allocation_fails(void **state)
{
    (void)state;
    char dir[512];
    bool gap = false;
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    make_journal(dir);
    for (unsigned nth = 0; nth < 100; nth++) {
        struct journal *j = NULL;
        mem_fail_at(nth);
        int rc = journal_open(dir, MESSAGE_MAX, TEXT_MAX, &j);
        if (rc == DW_OK)
            rc = journal_seek(j, DW_STR_NONE);
        if (rc == DW_OK)
            assert_int_equal(read_all(j, 0, NULL, &gap), ENTRIES);
        else
            assert_int_equal(rc, DW_ENOMEM);
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        journal_free(j);
        if (nth && !hits)
            break;
        assert_true(nth < 99);
    }
    assert_false(gap);
    temp_dir_remove(dir);
}

static void a_place_is_found_again_and_a_lost_one_is_a_gap(void **state)
{
    (void)state;
    char dir[512], path[600];
    struct journal *j;
    struct journal_entry e;
    struct dw_buf last = {0}, end = {0};
    bool gap = false;
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    make_journal(dir);
    assert_int_equal(journal_open(dir, MESSAGE_MAX, TEXT_MAX, &j), DW_OK);
    assert_int_equal(journal_seek(j, DW_STR_NONE), DW_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(journal_next(j, &e), 1);
    dw_buf_str(&last, e.cursor);
    assert_int_equal(journal_seek(j, dw_buf_view(&last)), DW_OK);
    assert_int_equal(read_all(j, 2, &last, &gap), ENTRIES - 2);
    assert_int_equal(journal_seek_end(j, &end), DW_OK);
    assert_true(dw_str_eq(dw_buf_view(&end), dw_buf_view(&last)));
    assert_int_equal(journal_next(j, &e), 0);
    assert_int_equal(journal_seek(j, DW_STR("s=1")), DW_ESYNTAX);
    assert_false(gap);
    journal_free(j);
    (void)snprintf(path, sizeof path, "%s/system.journal", dir);
    assert_int_equal(dw_fs_unlink(&dw_fs_system, path), DW_OK);
    assert_int_equal(journal_open(dir, MESSAGE_MAX, TEXT_MAX, &j), DW_OK);
    dw_buf_reset(&end);
    assert_int_equal(journal_seek_end(j, &end), DW_OK);
    assert_int_equal(end.len, 0); /* nothing is there, which is a place too */
    assert_int_equal(journal_seek(j, DW_STR("s=e991dd5775894620914f2f7126aae6c1;i=1;b=0dc874d3fbd44bdbb6fbcfaa27481492;m=1;t=1;x=1")), DW_OK);
    assert_int_equal(journal_next(j, &e), 0); /* its entry is gone, but what is behind it is not known yet */
    make_journal(dir);
    journal_heard(j);
    assert_int_equal(read_all(j, 0, NULL, &gap), ENTRIES);
    assert_true(gap);
    journal_free(j);
    temp_dir_remove(dir);
    assert_int_equal(journal_open(dir, MESSAGE_MAX, TEXT_MAX, &j), DW_ENOENT);
    dw_buf_fini(&last);
    dw_buf_fini(&end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_written_as_journalctl_does),
        cmocka_unit_test(what_has_no_room_is_cut_or_null_and_counted),
        cmocka_unit_test(cursors_are_known_by_their_form),
        cmocka_unit_test(entries_are_summed_up_as_journals_do),
        cmocka_unit_test(a_journal_is_read_once_whichever_allocation_fails),
        cmocka_unit_test(a_place_is_found_again_and_a_lost_one_is_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
