/* Tests of cli/event_json.c: what is part of an event and what is not. */
#include "support.h"

#include "../../../cli/event_json.h"

static struct event_json *e;

static const struct dw_field *find(const char *name)
{
    uint32_t key;
    return dw_keys_find(e->keys, dw_str_of(name), &key) == DW_OK ? dw_event_find(&e->ev, key) : NULL;
}

static void members_with_an_underscore_are_no_part(void **state)
{
    (void)state;
    e->sigma = true;
    assert_int_equal(
        event_json_read(
            e, DW_STR("{\"i\":7,\"a\":{\"b\":\"x\"},\"_src\":\"y\",\"_raw\":\"the \\\"line\\\"\",\"_ts\":12.5}"), 3),
        DW_OK);
    assert_int_equal(e->number, 7);
    assert_str(e->ev.line, "the \"line\"");
    assert_int_equal(e->ev.time_ns, INT64_C(12500000000));
    assert_str(dw_field_str(find("a.b")), "x");
    assert_null(find("_src"));
    assert_null(find("i"));
    assert_int_equal(event_json_read(e, DW_STR("{\"a\":1,\"_x\":\"secret\"}"), 4), DW_OK);
    assert_int_equal(e->number, 4);
    assert_str(e->ev.line, "{\"a\":1}");
}

static void ecs_events_keep_their_original_line(void **state)
{
    (void)state;
    e->sigma = false;
    assert_int_equal(event_json_read(e,
                         DW_STR("{\"@timestamp\":\"1970-01-01T00:00:05Z\",\"event\":{\"dataset\":\"nginx.access\","
                                "\"original\":\"GET /\"}}"),
                         0),
        DW_OK);
    assert_str(e->ev.line, "GET /");
    assert_int_equal(e->ev.time_ns, INT64_C(5000000000));
    assert_str(dw_field_str(find("event.dataset")), "nginx.access");
}

static void windows_events_are_unpacked(void **state)
{
    (void)state;
    e->sigma = true;
    assert_int_equal(event_json_read(e,
                         DW_STR("{\"Event\":{\"System\":{\"EventID\":1,\"Provider\":{\"#attributes\":{\"Name\":\"P\"}}}"
                                ",\"EventData\":{\"Image\":\"x.exe\"}}}"),
                         0),
        DW_OK);
    assert_str(dw_field_str(find("Image")), "x.exe");
    assert_str(dw_field_str(find("Provider_Name")), "P");
    assert_non_null(find("EventID"));
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    assert_true(event_json_read(e, DW_STR("[1]"), 0) < 0);
    assert_true(event_json_read(e, DW_STR("{\"a\":1"), 0) < 0);
    assert_true(event_json_read(e, DW_STR("{\"a\":1} x"), 0) < 0);
    assert_true(event_json_read(e, DW_STR("text"), 0) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_with_an_underscore_are_no_part),
        cmocka_unit_test(ecs_events_keep_their_original_line),
        cmocka_unit_test(windows_events_are_unpacked),
        cmocka_unit_test(what_is_no_object_is_refused),
    };
    e = dw_calloc(1, sizeof *e);
    e->keys = dw_keys_new();
    dw_arena_init(&e->pool, 0);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    dw_arena_fini(&e->pool);
    dw_keys_free(e->keys);
    dw_free(e);
    return rc;
}
