/* Tests of core/template/template_mask and template_value: one message as its template. Lines are made up. */
#include "support.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/template/template.h"

static void is(const char *message, const char *want)
{
    static struct dw_template t;
    dw_template_mask(dw_str_of(message), &t);
    assert_str(dw_template_text(&t), want);
    for (uint32_t i = 0; i < t.word_count; i++) {
        struct dw_str word = dw_str_slice(dw_template_text(&t), t.word[i].at, (size_t)t.word[i].at + t.word[i].len);
        assert_int_equal(word.len, t.word[i].len);
        assert_true((t.word[i].kind == DW_TEMPLATE_WORD) != dw_str_ends(word, DW_STR("<*>")));
    }
}

static void numbers_sizes_and_spans_of_time_are_values(void **state)
{
    (void)state;
    is("took 12 ms", "took <*>");
    is("took <1 sec for 3.5 GB of 7 blocks", "took <*> for <*> of <*> blocks");
    is("offset -1 of +7, ratio 0.25%", "offset <*> of <*>, ratio <*>");
    is("heap 512MB used, 10000ms left", "heap <*> used, <*> left");
    is("flags=0x1f mask=deadbeef", "flags=<*> mask=<*>");
    is("retry in 5 seconds (attempt 2)", "retry in <*> (attempt <*>)");
}

static void addresses_paths_and_ids_are_values(void **state)
{
    (void)state;
    is("from 192.0.2.1:4711 to [2001:db8::1]:80", "from <*> to [<*>]:<*>");
    is("lease of 02:00:5e:10:00:01 on eth0", "lease of <*> on <*>");
    is("db.example.org:5432 refused", "<*> refused");
    is("cannot open /var/lib/app/state.db", "cannot open <*>");
    is("GET https://example.org/a?b=c&d=\"1\"", "GET <*>\"<*>\"");
    is("loaded C:\\Program\\core.dll", "loaded <*>");
    is("mail to ann@example.org bounced", "mail to <*> bounced");
    is("[request 3f2504e0-4f89-11d3-9a0c-0305e82c3301] done", "[request <*>] done");
    is("started com.example.app/.ui.Main", "started <*>");
}

static void dates_and_times_of_day_are_one_value(void **state)
{
    (void)state;
    is("login at Tue May 12 04:05:06 2026 failed", "login at <*> failed");
    is("audit from 2026-05-16 06:00:00 on", "audit from <*> on");
    is("Sun is a word here", "Sun is a word here");
}

static void words_with_digits_may_be_names(void **state)
{
    (void)state;
    is("calling md5_init in mod_v8x", "calling md5_init in mod_v8x");
    is("block blk_-77 lost", "block blk_<*> lost");
    is("node-17 and node-18 up", "node-<*> and node-<*> up");
    is("writing core.4711", "writing core.<*>");
    is("user a1b2c3d4e5", "user <*>");
}

static void lists_are_one_value_however_long(void **state)
{
    (void)state;
    is("fans ( 3100 3200 *** 3300 )", "fans ( <*> )");
    is("copies on 192.0.2.1:50010, 192.0.2.2:50010", "copies on <*>");
    is("lost blk_1 blk_2 blk_3", "lost blk_<*>");
}

static void punctuation_stays(void **state)
{
    (void)state;
    is("a=1;b=(2)", "a=<*>;b=(<*>)");
    is("can't open 'x'", "can't open 'x'");
    is("parity check......1", "parity check..<*>");
    is("std::vector::push: 3", "std::vector::push: <*>");
    is("done...", "done..");
}

static void values_that_are_named_or_empty_are_values(void **state)
{
    (void)state;
    is("ready=true, owner=null, mode=fast", "ready=<*>, owner=<*>, mode=fast");
    is("true story", "true story");
    is("from host () port", "from host (<*>) port");
    is("name \"\" taken", "name \"<*>\" taken");
    is("call() ok", "call() ok");
}

static void blanks_and_controls_are_one_blank(void **state)
{
    (void)state;
    is("  a \t b\x01\r\n ", "a b");
    is("", "");
    is(" ", "");
}

static void what_does_not_fit_is_one_gap(void **state)
{
    (void)state;
    static struct dw_template t;
    struct dw_buf b = {0};
    uint64_t cut = dw_counter_get(DW_C_templates_cut);
    for (int i = 0; i < 3 * DW_TEMPLATE_BYTES_MAX; i++)
        dw_buf_byte(&b, 'x');
    dw_template_mask(dw_buf_view(&b), &t);
    assert_str(dw_template_text(&t), " <*>");
    assert_true(t.cut);
    dw_buf_reset(&b);
    for (int i = 0; i < 2 * DW_TEMPLATE_WORDS_MAX; i++)
        dw_buf_printf(&b, "w ");
    dw_template_mask(dw_buf_view(&b), &t);
    assert_true(t.cut);
    assert_int_equal(t.word_count, DW_TEMPLATE_WORDS_MAX);
    assert_true(dw_str_ends(dw_template_text(&t), DW_STR("w <*>")));
    assert_int_equal(dw_counter_get(DW_C_templates_cut), cut + 2);
    dw_buf_fini(&b);
}

static void an_id_is_of_the_text_alone(void **state)
{
    (void)state;
    char id[DW_TEMPLATE_ID_TEXT];
    dw_template_id(DW_STR("took <*>"), id);
    assert_string_equal(id, "18a7a7d0df7dd807");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_sizes_and_spans_of_time_are_values),
        cmocka_unit_test(addresses_paths_and_ids_are_values),
        cmocka_unit_test(dates_and_times_of_day_are_one_value),
        cmocka_unit_test(words_with_digits_may_be_names),
        cmocka_unit_test(lists_are_one_value_however_long),
        cmocka_unit_test(punctuation_stays),
        cmocka_unit_test(values_that_are_named_or_empty_are_values),
        cmocka_unit_test(blanks_and_controls_are_one_blank),
        cmocka_unit_test(what_does_not_fit_is_one_gap),
        cmocka_unit_test(an_id_is_of_the_text_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
