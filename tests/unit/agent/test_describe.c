/* Tests of agent/describe.h: what is made of what docker and the kubelet say, and that it is bounded. */
#include "support.h"

#include "../../../agent/describe.h"

#include "dogwatch/base/counter.h"

#include <stdio.h>

struct bed {
    struct agent a;
    struct sighting f;
};

static struct bed *set_up(void)
{
    struct bed *b = dw_calloc(1, sizeof *b);
    assert_non_null(b);
    b->a.keys = dw_keys_new();
    assert_non_null(b->a.keys);
    dw_arena_init(&b->f.arena, 64 * 1024);
    return b;
}

static void tear_down(struct bed *b)
{
    dw_arena_fini(&b->f.arena);
    dw_keys_free(b->a.keys);
    dw_free(b);
}

static struct dw_str value_of(const struct bed *b, const char *name)
{
    for (uint32_t i = 0; i < b->f.field_count; i++)
        if (dw_str_eq(dw_keys_name(b->a.keys, b->f.field[i].key), dw_str_of(name)))
            return dw_field_str(&b->f.field[i]);
    return DW_STR_NONE;
}

static void assert_value(const struct bed *b, const char *name, const char *want)
{
    assert_str(value_of(b, name), want);
}

static void images_are_taken_apart(void **state)
{
    static const char *const images[][3] = {{"nginx", "nginx", ""}, {"nginx:1.27", "nginx", "1.27"}, {"registry:5000/shop/web", "registry:5000/shop/web", ""},
        {"registry:5000/shop/web:2", "registry:5000/shop/web", "2"}, {"shop/web:2@sha256:ab", "shop/web", "2"}, {"shop/web@sha256:ab", "shop/web", ""}, {":", "", ""}};
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(images); i++) {
        struct bed *b = set_up();
        char json[200];
        (void)snprintf(json, sizeof json, "{\"Name\":\"/x\",\"Config\":{\"Image\":\"%s\"},\"RestartCount\":3,\"Image\":\"sha256:cd\"}", images[i][0]);
        describe_docker(&b->a, &b->f, dw_str_of(json));
        assert_value(b, "container.image.name", images[i][1]);
        assert_value(b, "container.image.tag", images[i][2]);
        assert_value(b, "container.name", "x");
        assert_value(b, "container.restart_count", "3");
        assert_value(b, "container.image.hash.all", "sha256:cd");
        tear_down(b);
    }
}

static void labels_are_few_and_short_and_ours_are_obeyed(void **state)
{
    struct bed *b = set_up();
    struct dw_buf json = {0};
    uint64_t cut = dw_counter_get(DW_C_metadata_cut);
    (void)state;
    dw_buf_str(&json, DW_STR("{\"Config\":{\"Labels\":{\"a.b/c\":\"v\",\"dogwatch.io/format\":\"json\",\"dogwatch.io/other\":\"x\",\"long\":\""));
    for (int i = 0; i < 201; i++)
        dw_buf_byte(&json, 'y');
    dw_buf_byte(&json, '"');
    for (int i = 0; i < 30; i++)
        dw_buf_printf(&json, ",\"l%d\":\"%d\"", i, i);
    dw_buf_str(&json, DW_STR("}}}"));
    describe_docker(&b->a, &b->f, dw_buf_view(&json));
    assert_value(b, "container.labels.a_b/c", "v");
    assert_str(b->f.label[LABEL_FORMAT], "json");
    assert_int_equal(b->f.label_count, SIGHTING_LABELS);
    assert_value(b, "container.labels.l14", "14");
    assert_value(b, "container.labels.l15", "");
    assert_int_equal(dw_counter_get(DW_C_metadata_cut) - cut, 1 + 15);
    dw_buf_fini(&json);
    tear_down(b);
}

/* Whoever starts containers again and again, each with labels of other names, makes so many keys and no more. */
static void names_of_labels_are_so_many_in_all(void **state)
{
    struct bed *b = set_up();
    uint32_t held = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char json[100];
        (void)snprintf(json, sizeof json, "{\"Config\":{\"Labels\":{\"name%d\":\"v\",\"name0\":\"w\"}}}", i);
        b->f.field_count = b->f.label_count = 0;
        describe_docker(&b->a, &b->f, dw_str_of(json));
        held += value_of(b, "container.labels.name0").len > 0;
    }
    assert_int_equal(b->a.label_names, 512);
    assert_int_equal(held, 1000);
    tear_down(b);
}

static void of_a_pod_the_container_and_the_pod_are_named(void **state)
{
    struct bed *b = set_up();
    struct pod_pair own = {.name = DW_STR("dogwatch.io/multiline.app"), .value = DW_STR("java")};
    struct pod_pair all = {.next = &own, .name = DW_STR("dogwatch.io/multiline"), .value = DW_STR("indent")};
    struct pod_container c = {.image = DW_STR("r/app:2"), .image_id = DW_STR("docker-pullable://r/app@sha256:cd"), .id = DW_STR("containerd://3f"), .restarts = DW_STR("2")};
    struct pod p = {.uid = DW_STR("u"), .name = DW_STR("web-1"), .node = DW_STR("n1"), .annotation = &all, .container = &c};
    (void)state;
    describe_pod(&b->a, &b->f, &p, &c, DW_STR("app"));
    assert_value(b, "orchestrator.resource.type", "pod");
    assert_value(b, "orchestrator.resource.name", "web-1");
    assert_value(b, "orchestrator.resource.id", "u");
    assert_value(b, "kubernetes.node.name", "n1");
    assert_value(b, "container.image.name", "r/app");
    assert_value(b, "container.image.hash.all", "sha256:cd");
    assert_value(b, "container.id", "3f");
    assert_value(b, "container.runtime", "containerd");
    assert_value(b, "container.restart_count", "2");
    assert_str(b->f.label[LABEL_MULTILINE], "java");
    b->f.field_count = 0;
    c.image_id = DW_STR("sha256:ee");
    c.id = DW_STR("");
    describe_pod(&b->a, &b->f, &p, &c, DW_STR("sidecar"));
    assert_value(b, "container.image.hash.all", "sha256:ee");
    assert_value(b, "container.id", "");
    assert_str(b->f.label[LABEL_MULTILINE], "indent");
    describe_pod(&b->a, &b->f, &p, NULL, DW_STR("sidecar"));
    tear_down(b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_taken_apart),
        cmocka_unit_test(labels_are_few_and_short_and_ours_are_obeyed),
        cmocka_unit_test(names_of_labels_are_so_many_in_all),
        cmocka_unit_test(of_a_pod_the_container_and_the_pod_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
