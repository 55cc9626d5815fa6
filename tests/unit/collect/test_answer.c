/* Rows of alerts and back, and the events that a finding names. */
#include "support.h"

#include "dogwatch/collect/answer.h"

static struct dw_alert alert_of(const char *doc, const char *key)
{
    struct dw_alert a = {.id = "aa", .rule = "r", .title = "t", .level = "high", .time_ns = 5, .key = dw_str_of(key), .total = 1, .doc = dw_str_of(doc)};
    for (int i = 0; i < DW_ALERT_FIELDS; i++)
        a.said[i] = "";
    return a;
}

static void a_finding_comes_back_out_of_its_row(void **state)
{
    static const char *const docs[] = {"{\"a\":1}", "{\"about\":\"x\",\"b\":{\"c\":2,\"about\":3}}", "{\"m\":\",\\\"about\\\":1}\"}", "{\"workflow\":{\"z\":1}}"};
    static const char *const keys[] = {"source.ip=1", ",\"about\":\"x\"", "\\", ""};
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(docs); i++) {
        for (size_t k = 0; k < DW_COUNT_OF(keys); k++) {
            struct dw_alert a = alert_of(docs[i], keys[k]);
            struct dw_buf row = {0};
            dw_answer_alert(&a, k ? NULL : "s1", &row);
            struct dw_str finding = dw_answer_finding(dw_buf_view(&row));
            assert_int_equal(finding.len, strlen(docs[i]) - 1);
            assert_memory_equal(finding.ptr, docs[i], finding.len);
            dw_buf_fini(&row);
        }
    }
    assert_null(dw_answer_finding(DW_STR("{\"a\":1}")).ptr);
    assert_null(dw_answer_finding(DW_STR("")).ptr);
}

static void a_finding_names_each_event_once(void **state)
{
    static struct dw_evidence e;
    (void)state;
    dw_evidence_of(DW_STR("{\"window\":{\"start\":\"2026-01-01T00:00:01Z\",\"end\":\"2026-01-01T00:00:02Z\"},\"cause\":\"000102030405060708090a0b0c0d0e0f-7\","
                          "\"first\":[\"000102030405060708090a0b0c0d0e0f-7\",\"000102030405060708090a0b0c0d0e0f-18446744073709551615\"],"
                          "\"last\":[\"000102030405060708090a0b0c0d0e0f-\",\"000102030405060708090a0b0c0d0e0g-1\",\"000102030405060708090a0b0c0d0e0f-18446744073709551616\"]}"),
        &e);
    assert_int_equal(e.count, 2);
    assert_int_equal(e.missing, 2);
    assert_int_equal(e.to_ns - e.from_ns, INT64_C(1000000000));
    assert_false(dw_evidence_take(&e, "000102030405060708090a0b0c0d0e0f-8"));
    assert_true(dw_evidence_take(&e, "000102030405060708090a0b0c0d0e0f-7"));
    assert_false(dw_evidence_take(&e, "000102030405060708090a0b0c0d0e0f-7"));
    assert_int_equal(e.missing, 1);
    dw_evidence_of(DW_STR("no JSON"), &e);
    assert_int_equal(e.count, 0);
    assert_true(e.from_ns == INT64_MIN && e.to_ns == INT64_MAX);
}

static void a_finding_names_so_many_at_most(void **state)
{
    static struct dw_evidence e;
    struct dw_buf doc = {0};
    (void)state;
    dw_buf_str(&doc, DW_STR("[\"\""));
    for (int i = 0; i < DW_EVIDENCE_MAX + 5; i++)
        dw_buf_printf(&doc, ",\"000102030405060708090a0b0c0d0e0f-%d\"", i);
    dw_buf_byte(&doc, ']');
    dw_evidence_of(dw_buf_view(&doc), &e);
    assert_int_equal(e.count, DW_EVIDENCE_MAX);
    dw_buf_fini(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_comes_back_out_of_its_row),
        cmocka_unit_test(a_finding_names_each_event_once),
        cmocka_unit_test(a_finding_names_so_many_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
