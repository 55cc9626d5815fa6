/* Tests of collector/answer/answer_anomaly.c: a finding of impossible travel as a sentence, whole or not; and the time of calm. */
#include "support.h"

#include "dogwatch/collect/answer.h"

static void says(const char *finding, const char *want)
{
    struct dw_buf out = {0};
    dw_answer_anomaly(dw_str_of(finding), &out);
    assert_str(dw_buf_view(&out), want);
    dw_buf_fini(&out);
}

static void a_travel_is_told_with_both_places(void **state)
{
    (void)state;
    says("{\"key\":{\"user.name\":\"ann\"},\"detector\":{\"type\":\"impossible_travel\",\"feature\":\"source.ip\",\"value\":[\"192.0.2.1\",\"203.0.113.9\",\"Paris, FR\",\"Sydney, AU\"],"
         "\"baseline\":1000,\"speed\":16958,\"km\":16958,\"seconds\":3600,\"database\":\"a1\"}}",
        "source.ip = 203.0.113.9 (Sydney, AU), and 3600 s before 192.0.2.1 (Paris, FR): 16958 km apart at least, which is 16958 km/h; believed are 1000");
}

static void a_finding_that_lacks_values_is_told_without_them(void **state)
{
    (void)state;
    says("{\"detector\":{\"type\":\"impossible_travel\",\"feature\":\"source.ip\",\"value\":[\"192.0.2.1\"],\"baseline\":1000}}",
        "source.ip =  (), and 0 s before 192.0.2.1 (): 0 km apart at least, which is 0 km/h; believed are 1000");
    says("{\"detector\":{\"type\":\"of tomorrow\",\"value\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}}", "");
    says("{", "");
}

static void the_time_of_calm_is_the_findings_own(void **state)
{
    (void)state;
    assert_str(dw_answer_calm(DW_STR("{\"key\":{\"calm\":\"x\"},\"window\":{\"end\":\"b\"},\"calm\":\"2026-11-30T08:00:00Z\",\"total\":7}")), "2026-11-30T08:00:00Z");
    static const char *const none[] = {"{\"key\":{\"calm\":\"x\"},\"total\":7}", "{\"calm\":true}", "{\"calm\":", "[]", ""};
    for (size_t i = 0; i < DW_COUNT_OF(none); i++)
        assert_null(dw_answer_calm(dw_str_of(none[i])).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_travel_is_told_with_both_places),
        cmocka_unit_test(the_time_of_calm_is_the_findings_own),
        cmocka_unit_test(a_finding_that_lacks_values_is_told_without_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
