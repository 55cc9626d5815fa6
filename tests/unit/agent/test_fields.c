/* What is known of a log, in few bytes: each value comes back as it was said, wherever it is held. */
#include "agent_bed.h"

#include "../../../agent/describe.h"

#define POD_PATH "/var/log/pods/shop_cart-7d9_4f0c/cart/12.log"

static void sight(struct sighting *seen, const char *path)
{
    *seen = (struct sighting){.path = (char *)(uintptr_t)path};
    dw_arena_init(&seen->arena, 64 * 1024);
}

static struct found *log_of(const char *path)
{
    struct found *f = dw_calloc(1, sizeof *f + strlen(path) + 1);
    assert_non_null(f);
    memcpy(f->path, path, strlen(path) + 1);
    return f;
}

static void forget(struct found *f)
{
    dw_free(f->fields);
    dw_free(f);
}

static void assert_field(const struct agent *a, const struct found *f, uint32_t i, uint32_t key, const char *value)
{
    struct dw_field got = fields_at(a, f, i);
    assert_int_equal(got.key, key);
    assert_int_equal(got.kind, DW_K_CONST);
    assert_str(dw_field_str(&got), value);
}

static void values_come_back_from_path_host_and_text(void **state)
{
    (void)state;
    static struct agent a = {.host = "node-1"};
    struct found *f = log_of(POD_PATH);
    struct sighting seen;
    sight(&seen, POD_PATH);
    describe_add(&seen, DW_F_kubernetes_node_name, DW_STR("node-1"));
    describe_add(&seen, DW_F_orchestrator_type, DW_STR("kubernetes"));
    describe_add(&seen, DW_F_kubernetes_pod_name, DW_STR("cart-7d9"));
    describe_add(&seen, DW_F_container_image_name, DW_STR("registry/cart:3"));
    describe_add(&seen, DW_F_kubernetes_container_restart, DW_STR("12"));
    assert_int_equal(fields_set(&a, f, &seen), DW_OK);
    dw_arena_fini(&seen.arena); /* nothing of it is borrowed */
    assert_int_equal(fields_count(f), FIELDS_OWN + 5);
    assert_field(&a, f, 0, DW_F_host_name, "node-1");
    assert_field(&a, f, 1, DW_F_log_file_path, POD_PATH);
    assert_field(&a, f, 2, DW_F_kubernetes_node_name, "node-1");
    assert_field(&a, f, 3, DW_F_orchestrator_type, "kubernetes");
    assert_field(&a, f, 4, DW_F_kubernetes_pod_name, "cart-7d9");
    assert_field(&a, f, 5, DW_F_container_image_name, "registry/cart:3");
    assert_field(&a, f, 6, DW_F_kubernetes_container_restart, "12");
    sight(&seen, POD_PATH);
    describe_add(&seen, DW_F_container_name, DW_STR("cart"));
    assert_int_equal(fields_set(&a, f, &seen), DW_OK); /* told anew */
    assert_int_equal(fields_count(f), FIELDS_OWN + 1);
    assert_field(&a, f, 2, DW_F_container_name, "cart");
    dw_arena_fini(&seen.arena);
    forget(f);
}

static void as_many_and_as_long_values_as_a_sighting_takes(void **state)
{
    (void)state;
    static struct agent a = {.host = "node-1"};
    static char path[AGENT_PATH_MAX], value[SIGHTING_VALUE_MAX + 1];
    struct sighting seen;
    memset(path, 'p', sizeof path - 1);
    struct found *f = log_of(path);
    sight(&seen, path);
    for (uint32_t i = 0; i < SIGHTING_FIELDS; i++) {
        memset(value, 'a' + (int)(i % 26), SIGHTING_VALUE_MAX);
        value[0] = (char)('A' + (int)(i / 26));
        describe_add(&seen, DW_F_host_name + i, dw_str_of(value));
    }
    assert_int_equal(fields_set(&a, f, &seen), DW_OK);
    assert_int_equal(fields_count(f), FIELDS_OWN + SIGHTING_FIELDS);
    for (uint32_t i = 0; i < SIGHTING_FIELDS; i++) {
        struct dw_field want = seen.field[i], got = fields_at(&a, f, FIELDS_OWN + i);
        assert_int_equal(got.key, want.key);
        assert_true(dw_str_eq(dw_field_str(&got), dw_field_str(&want)));
    }
    dw_arena_fini(&seen.arena);
    forget(f);
}

static void a_stream_without_memory_has_no_half_of_its_fields(void **state)
{
    (void)state;
    static struct agent a = {.host = "node-1"};
    struct found *f = log_of(POD_PATH);
    struct tail t = {.series = f};
    struct sighting seen;
    sight(&seen, POD_PATH);
    mem_fail_at(1);
    assert_int_equal(fields_set(&a, f, &seen), DW_ENOMEM);
    mem_fail_at(0);
    assert_null(f->fields);
    assert_int_equal(fields_set(&a, f, &seen), DW_OK);
    mem_fail_at(1);
    assert_int_equal(fields_spell(&a, &t), DW_ENOMEM);
    mem_fail_at(0);
    assert_int_equal(t.stream.field_count, 0);
    assert_int_equal(fields_spell(&a, &t), DW_OK);
    assert_int_equal(t.stream.field_count, FIELDS_OWN);
    fields_unspell(&t);
    assert_null(t.stream.field);
    dw_arena_fini(&seen.arena);
    forget(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_from_path_host_and_text),
        cmocka_unit_test(as_many_and_as_long_values_as_a_sighting_takes),
        cmocka_unit_test(a_stream_without_memory_has_no_half_of_its_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
