/* Tests of core/event/keys: what log lines name never fills the table for what rules and other lines name. */
#include "support.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/keys.h"

#include <stdio.h>

static struct dw_str name_of(char out[32], uint32_t i)
{
    return dw_str_make(out, (size_t)snprintf(out, 32, "junk.%u", i));
}

static void passing_names_leave_kept_ones_alone(void **state)
{
    (void)state;
    char text[32];
    uint32_t id, rule, status;
    struct dw_keys *k = dw_keys_new();
    assert_int_equal(dw_keys_intern(k, DW_STR("rule.field"), &rule), DW_OK);
    int rc = DW_OK;
    uint32_t n = 0;
    while ((rc = dw_keys_intern_passing(k, name_of(text, n), &id)) == DW_OK)
        n++;
    assert_int_equal(rc, DW_ELIMIT);
    assert_int_equal(n, DW_KEYS_MAX - DW_KEYS_KEPT_MAX);
    assert_int_equal(dw_keys_intern(k, DW_STR("rule.other"), &id), DW_OK);
    assert_int_equal(id, rule + 1);
    assert_int_equal(dw_keys_intern_passing(k, DW_STR("rule.field"), &id), DW_OK);
    assert_int_equal(id, rule);
    assert_int_equal(dw_keys_intern_passing(k, name_of(text, 77), &id), DW_OK); /* known already */
    assert_true(dw_str_eq(dw_keys_name(k, id), DW_STR("junk.77")));
    dw_keys_make_room(k, 1);
    assert_int_equal(dw_keys_find(k, DW_STR("junk.77"), &id), DW_ENOENT);
    assert_int_equal(dw_keys_find(k, DW_STR("rule.field"), &id), DW_OK);
    assert_int_equal(dw_keys_find(k, DW_STR("source.ip"), &status), DW_OK);
    assert_int_equal(status, DW_F_source_ip);
    assert_int_equal(dw_keys_intern_passing(k, DW_STR("fresh"), &id), DW_OK);
    assert_true(dw_str_eq(dw_keys_name(k, id), DW_STR("fresh")));
    dw_keys_free(k);
}

static void room_is_made_only_when_there_is_none(void **state)
{
    (void)state;
    uint32_t id, again;
    struct dw_keys *k = dw_keys_new();
    assert_int_equal(dw_keys_intern_passing(k, DW_STR("a"), &id), DW_OK);
    dw_keys_make_room(k, 8192);
    assert_int_equal(dw_keys_find(k, DW_STR("a"), &again), DW_OK);
    assert_int_equal(again, id);
    dw_keys_make_room(k, DW_KEYS_MAX - DW_KEYS_KEPT_MAX);
    assert_int_equal(dw_keys_find(k, DW_STR("a"), &again), DW_ENOENT);
    dw_keys_free(k);
}

static void a_name_that_becomes_kept_has_its_kept_id_from_then_on(void **state)
{
    (void)state;
    uint32_t passing, kept, id;
    struct dw_keys *k = dw_keys_new();
    assert_int_equal(dw_keys_intern_passing(k, DW_STR("app.user"), &passing), DW_OK);
    assert_int_equal(dw_keys_intern(k, DW_STR("app.user"), &kept), DW_OK);
    assert_int_not_equal(passing, kept);
    assert_int_equal(dw_keys_intern_passing(k, DW_STR("app.user"), &id), DW_OK);
    assert_int_equal(id, kept);
    assert_true(dw_str_eq(dw_keys_name(k, passing), dw_keys_name(k, kept)));
    dw_keys_free(k);
}

static void a_name_over_the_limit_is_refused(void **state)
{
    (void)state;
    char name[DW_KEY_NAME_MAX + 1];
    uint32_t id;
    memset(name, 'x', sizeof name);
    struct dw_keys *k = dw_keys_new();
    assert_int_equal(dw_keys_intern_passing(k, dw_str_make(name, sizeof name), &id), DW_ELIMIT);
    assert_int_equal(dw_keys_intern_passing(k, dw_str_make(name, sizeof name - 1), &id), DW_OK);
    dw_keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passing_names_leave_kept_ones_alone),
        cmocka_unit_test(room_is_made_only_when_there_is_none),
        cmocka_unit_test(a_name_that_becomes_kept_has_its_kept_id_from_then_on),
        cmocka_unit_test(a_name_over_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
