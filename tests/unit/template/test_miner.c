/* Tests of core/template/miner and refine: what many lines say together. Lines are made up. */
#include "support.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/template/template.h"

#include <stdio.h>

static struct dw_miner *miner;
static uint32_t number[8192];
static uint32_t lines;

static void add(const char *line)
{
    assert_int_equal(dw_miner_add(miner, dw_str_of(line), &number[lines++]), DW_OK);
}

static void begin(const struct dw_miner_opts *opts)
{
    lines = 0;
    miner = dw_miner_new(opts);
    assert_non_null(miner);
}

static void refine(void)
{
    assert_int_equal(dw_miner_refine(miner), DW_OK);
}

static struct dw_mined of(uint32_t line)
{
    return dw_miner_at(miner, dw_miner_of(miner, number[line]));
}

static void end(void)
{
    dw_miner_free(miner);
    miner = NULL;
}

static const char *const names[] = {"ann", "bob", "carl", "dora", "emil", "fred", "gina"};

static void equal_masked_texts_are_counted_once(void **state)
{
    (void)state;
    begin(NULL);
    refine();
    assert_int_equal(dw_miner_count(miner), 0);
    end();
    begin(NULL);
    add("took 1 ms");
    add("idle");
    add("took 2 ms");
    assert_int_equal(number[0], number[2]);
    assert_int_equal(dw_miner_count(miner), 2);
    refine();
    assert_str(of(2).text, "took <*>");
    assert_str(of(2).example, "took 1 ms");
    assert_int_equal(of(2).count, 2);
    assert_int_equal(of(1).first, 1);
    end();
}

static void many_words_at_one_place_are_a_value(void **state)
{
    (void)state;
    char line[128];
    begin(NULL);
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        (void)snprintf(line, sizeof line, "session of %s on tty%zu was closed", names[i], i);
        add(line);
    }
    refine();
    assert_int_equal(dw_miner_count(miner), 1);
    assert_str(of(0).text, "session of <*> on <*> was closed");
    end();
}

static void few_words_at_one_place_are_the_programs_own(void **state)
{
    (void)state;
    begin(NULL);
    add("disk sda is full");
    add("disk sda is empty");
    add("disk sda is broken");
    refine();
    assert_int_equal(dw_miner_count(miner), 3);
    assert_str(of(2).text, "disk sda is broken");
    end();
}

static void a_word_where_others_have_a_value_is_one(void **state)
{
    (void)state;
    begin(NULL);
    add("refused connect from 192.0.2.1 to here");
    add("refused connect from localhost to here");
    refine();
    assert_str(of(1).text, "refused connect from <*> to here");
    end();
}

static void two_values_in_one_line_are_both_found(void **state)
{
    (void)state;
    char line[128];
    begin(NULL);
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        (void)snprintf(line, sizeof line, "copied table %s to store %s for good", names[i], names[(i * 3 + 1) % DW_COUNT_OF(names)]);
        add(line);
    }
    add("copied nothing at all since it failed");
    refine();
    assert_str(of(0).text, "copied table <*> to store <*> for good");
    assert_str(of(7).text, "copied nothing at all since it failed");
    end();
}

static void lines_that_share_little_stay_apart(void **state)
{
    (void)state;
    begin(NULL);
    add("alpha beta gamma");
    add("delta epsilon zeta");
    add("eta theta iota");
    add("kappa lambda mu");
    add("nu xi omicron");
    add("pi rho sigma");
    refine();
    assert_int_equal(dw_miner_count(miner), 6);
    end();
}

static void states_are_constants_until_they_vary_freely(void **state)
{
    (void)state;
    static const char *const states[] = {"NEW", "READY", "RUNNING", "DONE", "FAILED", "LOST"};
    char line[128];
    begin(NULL);
    for (size_t i = 0; i + 1 < DW_COUNT_OF(states); i++) {
        (void)snprintf(line, sizeof line, "task_%zu went from %s to %s", i, states[i], states[i + 1]);
        add(line);
    }
    refine();
    assert_int_equal(dw_miner_count(miner), 5);
    assert_str(of(0).text, "task_<*> went from NEW to READY");
    end();
    begin(NULL);
    for (size_t i = 0; i < 36; i++) {
        (void)snprintf(line, sizeof line, "peer is %s and we are %s", states[i / 6], states[i % 6]);
        add(line);
    }
    refine();
    assert_int_equal(dw_miner_count(miner), 1);
    end();
}

static void order_of_lines_does_not_change_the_templates(void **state)
{
    (void)state;
    char line[128];
    begin(NULL);
    for (size_t i = 0; i < 200; i++) {
        size_t k = i * 37 % 200;
        (void)snprintf(line, sizeof line, k % 2 ? "user %s opened door %zu" : "lamp of %s is out in room %zu", names[k % 7], k);
        add(line);
    }
    refine();
    assert_int_equal(dw_miner_count(miner), 2);
    assert_str(dw_miner_at(miner, 0).text, "lamp of <*> is out in room <*>");
    assert_str(dw_miner_at(miner, 1).text, "user <*> opened door <*>");
    end();
}

static void what_memory_does_not_hold_is_one_template(void **state)
{
    (void)state;
    const struct dw_miner_opts few = {.templates_max = 3}, small = {.bytes_max = 1};
    uint64_t refused = dw_counter_get(DW_C_templates_refused);
    begin(&few);
    add("one");
    add("two");
    add("three");
    add("four words are here");
    add("one");
    refine();
    assert_int_equal(dw_miner_count(miner), 3);
    assert_str(of(2).text, "<*>");
    assert_int_equal(of(3).count, 2);
    assert_int_equal(of(4).count, 2);
    assert_int_equal(dw_counter_get(DW_C_templates_refused), refused + 2);
    end();
    begin(&small);
    add("one");
    refine();
    assert_str(of(0).text, "<*>");
    end();
}

static void texts_beyond_the_bytes_are_counted_under_one_template(void **state)
{
    (void)state;
    const struct dw_miner_opts small = {.bytes_max = 256 * 1024};
    uint64_t counted = 0;
    char line[512];
    begin(&small);
    for (int i = 0; i < 4000; i++) {
        memset(line, 'g' + i % 16, sizeof line);
        line[i % 16] = (char)('g' + i / 256);
        line[16 + i % 7] = 'z';
        line[sizeof line - 1] = '\0';
        add(line);
    }
    refine();
    for (uint32_t i = 0; i < dw_miner_count(miner); i++)
        counted += dw_miner_at(miner, i).count;
    assert_int_equal(counted, 4000);
    assert_true(dw_miner_refused(miner) > 0);
    end();
}

static void nothing_is_lost_when_the_nth_allocation_fails(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        assert_true(nth < 10000);
        uint64_t taken = 0, counted = 0;
        mem_fail_at(nth);
        struct dw_miner *m = dw_miner_new(NULL);
        int rc = m ? DW_OK : DW_ENOMEM;
        for (size_t i = 0; i < 300 && m; i++) {
            char line[64];
            uint32_t n;
            (void)snprintf(line, sizeof line, "%s said word%zu to %s", names[i % 7], i, names[i % 5]);
            taken += dw_miner_add(m, dw_str_of(line), &n) == DW_OK;
        }
        if (m)
            rc = dw_miner_refine(m);
        for (uint32_t i = 0; m && rc == DW_OK && i < dw_miner_count(m); i++)
            counted += dw_miner_at(m, i).count;
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        assert_true(rc == DW_ENOMEM || counted == taken);
        dw_miner_free(m);
        if (hits == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_masked_texts_are_counted_once),
        cmocka_unit_test(many_words_at_one_place_are_a_value),
        cmocka_unit_test(few_words_at_one_place_are_the_programs_own),
        cmocka_unit_test(a_word_where_others_have_a_value_is_one),
        cmocka_unit_test(two_values_in_one_line_are_both_found),
        cmocka_unit_test(lines_that_share_little_stay_apart),
        cmocka_unit_test(states_are_constants_until_they_vary_freely),
        cmocka_unit_test(order_of_lines_does_not_change_the_templates),
        cmocka_unit_test(what_memory_does_not_hold_is_one_template),
        cmocka_unit_test(texts_beyond_the_bytes_are_counted_under_one_template),
        cmocka_unit_test(nothing_is_lost_when_the_nth_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
