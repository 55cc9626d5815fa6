/* Tests of agent/docker_inspect.h and agent/pods.h: what is taken out of what docker and the kubelet say, and what is left. */
#include "support.h"

#include "../../../agent/docker_inspect.h"
#include "../../../agent/pods.h"

#include "dogwatch/base/error.h"

#include <stdio.h>

static void an_event_names_the_container_that_begins(void **state)
{
    struct docker_event e;
    (void)state;
    docker_event_look(DW_STR("{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"3f\",\"Attributes\":{\"ID\":\"no\"}},\"timeNano\":1795468458250000000}"), &e);
    assert_string_equal(e.id, "3f");
    assert_int_equal(e.time_ns, 1795468458250000000);
    docker_event_look(DW_STR("{\"Type\":\"network\",\"Action\":\"create\",\"Actor\":{\"ID\":\"3f\"},\"timeNano\":1}"), &e);
    assert_string_equal(e.id, "");
    docker_event_look(DW_STR("{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"3f\"},\"timeNano\":-5}"), &e);
    assert_true(e.id[0] == '\0' && e.time_ns == 0);
    docker_event_look(DW_STR("{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"../../info\"}}"), &e);
    assert_string_equal(e.id, "");
    docker_event_look(DW_STR("no JSON"), &e);
    assert_true(e.id[0] == '\0' && e.time_ns == 0);
    docker_event_look(DW_STR_NONE, &e);
    assert_true(e.id[0] == '\0');
}

static void of_a_container_only_what_it_may_do_is_kept(void **state)
{
    struct dw_buf out = {0};
    uint32_t cut;
    (void)state;
    assert_int_equal(docker_inspect_put(DW_STR("{\n \"Id\": \"3f\", \"Name\": \"/x\", \"Secret\": 1, \"Config\": {\"Env\": [\"PASSWORD=x\"], \"User\": \"\", \"Image\": \"i\"},"
                                               " \"HostConfig\": {\"Privileged\": true, \"CapAdd\": [\n\"A\"], \"PidMode\": null}, \"State\": 7}"), 5, &out, &cut), DW_OK);
    assert_str(dw_buf_view(&out), "{\"timeNano\":5,\"Action\":\"inspect\",\"Id\":\"3f\",\"Name\":\"/x\",\"State\":{},\"Config\":{\"Image\":\"i\",\"User\":\"\"},"
                                  "\"HostConfig\":{\"Privileged\":true,\"CapAdd\":[ \"A\"]}}");
    assert_int_equal(cut, 0);
    dw_buf_reset(&out);
    assert_int_equal(docker_inspect_put(DW_STR("[]"), 5, &out, &cut), DW_ESYNTAX);
    assert_int_equal(docker_inspect_put(DW_STR("{\"Name\":\"/x\"}"), 5, &out, &cut), DW_ESYNTAX);
    assert_int_equal(docker_inspect_put(DW_STR("{\"Id\":\"3f\",\"HostConfig\":{\"Privileged\":"), 5, &out, &cut), DW_ESYNTAX);
    dw_buf_fini(&out);
}

static void a_member_that_is_too_long_is_left_out_and_named(void **state)
{
    struct dw_buf in = {0}, out = {0};
    uint32_t cut;
    (void)state;
    dw_buf_str(&in, DW_STR("{\"Id\":\"3f\",\"Config\":{\"User\":\"u\",\"Labels\":{\"x\":\""));
    for (int i = 0; i < INSPECT_MEMBER_MAX; i++)
        dw_buf_byte(&in, 'y');
    dw_buf_str(&in, DW_STR("\"}}}"));
    assert_int_equal(docker_inspect_put(dw_buf_view(&in), 5, &out, &cut), DW_OK);
    assert_int_equal(cut, 1);
    assert_str(dw_buf_view(&out), "{\"timeNano\":5,\"Action\":\"inspect\",\"Id\":\"3f\",\"State\":{},\"Config\":{\"User\":\"u\"},\"HostConfig\":{},\"Cut\":[\"Config.Labels\"]}");
    dw_buf_fini(&in);
    dw_buf_fini(&out);
}

static void note_id(void *arg, struct dw_str id)
{
    dw_buf_printf(arg, "%.*s|", DW_ARG(id));
}

static void a_list_of_containers_names_them(void **state)
{
    struct dw_buf out = {0};
    (void)state;
    docker_list_ids(DW_STR("[{\"Id\":\"a\",\"Names\":[{\"Id\":\"z\"}]},{\"Id\":\"b/c\"},7,{\"Id\":\"d\"},{\"Id\":\"e\"}]"), 4, note_id, &out);
    assert_str(dw_buf_view(&out), "a|d|");
    docker_list_ids(DW_STR("{\"Id\":\"a\"}"), 4, note_id, &out);
    assert_str(dw_buf_view(&out), "a|d|");
    dw_buf_fini(&out);
}

#define POD(uid, more) "{\"metadata\":{\"name\":\"web-1\",\"namespace\":\"shop\",\"uid\":\"" uid "\"" more "},\"spec\":{\"nodeName\":\"n1\"},\"status\":{\"containerStatuses\":[" \
    "{\"name\":\"app\",\"image\":\"r/app:2\",\"imageID\":\"r/app@sha256:cd\",\"containerID\":\"containerd://3f\",\"restartCount\":2}]," \
    "\"initContainerStatuses\":[{\"name\":\"init\"}]}}"

static void a_pod_is_known_with_its_containers(void **state)
{
    struct dw_arena arena;
    struct pod *first = NULL;
    (void)state;
    dw_arena_init(&arena, PODS_ARENA);
    assert_int_equal(pods_read(DW_STR("{\"kind\":\"PodList\",\"items\":[" POD("u1", "") "," POD("u2", ",\"labels\":{\"a\":\"b\",\"n\":7},\"annotations\":{\"other\":\"x\",\"dogwatch.io/format\":\"one\\ttwo\","
        "\"dogwatch.io/format.app\":\"three\",\"dogwatch.io/formats\":\"no\"}") "]}"), &arena, &first), DW_OK);
    const struct pod *p = pods_find(first, DW_STR("u2"));
    assert_non_null(p);
    assert_null(pods_find(first, DW_STR("u3")));
    assert_str(p->node, "n1");
    assert_str(p->label->name, "a");
    assert_null(p->label->next);
    const struct pod_container *c = pod_container_find(p, DW_STR("app"));
    assert_non_null(c);
    assert_str(c->restarts, "2");
    assert_non_null(pod_container_find(p, DW_STR("init")));
    assert_null(pod_container_find(p, DW_STR("none")));
    assert_str(pod_annotation(p, DW_STR("dogwatch.io/format"), DW_STR("app")), "three");
    assert_str(pod_annotation(p, DW_STR("dogwatch.io/format"), DW_STR("init")), "one\ttwo");
    assert_int_equal(pod_annotation(p, DW_STR("dogwatch.io/multiline"), DW_STR("app")).len, 0);
    dw_arena_fini(&arena);
}

static void of_a_list_without_end_no_more_than_its_bound_is_kept(void **state)
{
    struct dw_arena arena;
    struct dw_buf in = {0};
    struct pod *first = NULL;
    uint32_t pods = 0, pairs = 0;
    (void)state;
    dw_arena_init(&arena, PODS_ARENA);
    dw_buf_str(&in, DW_STR("{\"items\":[{\"metadata\":{\"uid\":\"many\",\"labels\":{\"long\":\""));
    for (int i = 0; i <= POD_TEXT_MAX; i++)
        dw_buf_byte(&in, 'y');
    dw_buf_byte(&in, '"');
    for (int i = 0; i < 2 * POD_PAIRS_MAX; i++)
        dw_buf_printf(&in, ",\"l%d\":\"x\"", i);
    dw_buf_str(&in, DW_STR("}}}"));
    for (int i = 0; i < 2 * PODS_MAX; i++)
        dw_buf_printf(&in, ",{\"metadata\":{\"uid\":\"%d\"}}", i);
    dw_buf_str(&in, DW_STR("]}"));
    assert_int_equal(pods_read(dw_buf_view(&in), &arena, &first), DW_OK);
    for (const struct pod *p = first; p; p = p->next)
        pods++;
    for (const struct pod_pair *l = first->label; l; l = l->next)
        pairs++;
    assert_int_equal(pods, PODS_MAX);
    assert_int_equal(pairs, POD_PAIRS_MAX);
    assert_int_equal(first->cut, POD_PAIRS_MAX + 1);
    assert_int_equal(pods_read(DW_STR("{\"items\":[{\"metadata\":{\"uid\":7}},[["), &arena, &first), DW_ESYNTAX);
    dw_buf_fini(&in);
    dw_arena_fini(&arena);
}

/* Goal: without memory what is read is refused with DW_ENOMEM, or left as it was, whichever allocation fails. */
static void without_memory_documents_are_refused(void **state)
{
    struct dw_str list = DW_STR("{\"items\":[" POD("u1", ",\"labels\":{\"a\":\"b\\tc\"},\"annotations\":{\"dogwatch.io/format\":\"one\\ttwo\"}") "]}");
    struct dw_str container = DW_STR("{\"Id\":\"3f\",\"Name\":\"/x\",\"HostConfig\":{\"Privileged\":true}}");
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct dw_arena arena;
        struct dw_buf out = {0};
        struct pod *first = NULL;
        uint32_t cut;
        assert_true(nth < 1000);
        dw_arena_init(&arena, PODS_ARENA);
        mem_fail_at(nth);
        int pods = pods_read(list, &arena, &first), one = docker_inspect_put(container, 1, &out, &cut);
        unsigned failed = mem_fail_hits();
        mem_fail_at(0);
        if (pods < 0 || one < 0)
            assert_true(failed && (pods == DW_OK || pods == DW_ENOMEM) && (one == DW_OK || one == DW_ENOMEM));
        assert_true(pods == DW_OK || !first);
        dw_arena_fini(&arena);
        dw_buf_fini(&out);
        if (failed == 0)
            break;
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_names_the_container_that_begins),
        cmocka_unit_test(of_a_container_only_what_it_may_do_is_kept),
        cmocka_unit_test(a_member_that_is_too_long_is_left_out_and_named),
        cmocka_unit_test(a_list_of_containers_names_them),
        cmocka_unit_test(a_pod_is_known_with_its_containers),
        cmocka_unit_test(without_memory_documents_are_refused),
        cmocka_unit_test(of_a_list_without_end_no_more_than_its_bound_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
