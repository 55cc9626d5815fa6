/* Tests of the hash table: what was entered is found until it is removed, with and without memory. */
#include "support.h"

#include "dogwatch/base/table.h"

enum { THINGS = 1000 };

struct thing {
    unsigned number;
    struct dw_node node;
};

static struct thing *find(const struct dw_table *t, uint64_t hash, unsigned number)
{
    for (struct dw_node *n = dw_table_find(t, hash); n; n = dw_table_next(n)) {
        struct thing *thing = DW_ITEM(n, struct thing, node);
        if (thing->number == number)
            return thing;
    }
    return NULL;
}

/* Every seventh hash is shared by many. */
static uint64_t hash_of(unsigned number)
{
    return number % 7 ? number * UINT64_C(0x9e3779b97f4a7c15) : 42;
}

static void enter_find_and_remove(struct dw_table *t)
{
    static struct thing thing[THINGS];
    assert_null(dw_table_find(t, 42));
    for (unsigned i = 0; i < THINGS; i++) {
        thing[i].number = i;
        dw_table_add(t, &thing[i].node, hash_of(i));
    }
    assert_int_equal(t->count, THINGS);
    for (unsigned i = 0; i < THINGS; i += 2)
        dw_table_remove(t, &thing[i].node);
    for (unsigned i = 0; i < THINGS; i++)
        assert_ptr_equal(find(t, hash_of(i), i), i % 2 ? &thing[i] : NULL);
    for (unsigned i = 1; i < THINGS; i += 2)
        dw_table_remove(t, &thing[i].node);
    assert_int_equal(t->count, 0);
    dw_table_fini(t);
}

static void a_table_finds_what_was_entered_and_not_removed(void **state)
{
    struct dw_table t = {0};
    (void)state;
    enter_find_and_remove(&t);
    enter_find_and_remove(&t); /* and again after fini */
}

static void a_table_without_memory_is_slower_and_not_wrong(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth < 6; nth++) {
        struct dw_table t = {0};
        mem_fail_at(nth);
        enter_find_and_remove(&t);
        assert_int_equal(mem_fail_hits(), 1);
        mem_fail_at(0);
    }
}

static void the_newest_of_one_hash_is_found_first(void **state)
{
    struct dw_table t = {0};
    static struct thing thing[200];
    (void)state;
    for (unsigned i = 0; i < DW_COUNT_OF(thing); i++) {
        thing[i].number = i;
        dw_table_add(&t, &thing[i].node, 7);
    }
    unsigned want = DW_COUNT_OF(thing);
    for (struct dw_node *n = dw_table_find(&t, 7); n; n = dw_table_next(n))
        assert_int_equal(DW_ITEM(n, struct thing, node)->number, --want);
    assert_int_equal(want, 0);
    dw_table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_finds_what_was_entered_and_not_removed),
        cmocka_unit_test(a_table_without_memory_is_slower_and_not_wrong),
        cmocka_unit_test(the_newest_of_one_hash_is_found_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
