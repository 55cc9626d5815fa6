/* Tests of core/event/timestamp and zone: forms, missing years, zones. */
#include "support.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/rfc3339.h"
#include "dogwatch/event/timestamp.h"

static const struct dw_time_ref utc = {NULL, INT64_C(1795468458000000000)}; /* 2026-11-23T21:14:18Z */

static void check(const struct dw_time_ref *ref, const char *text, const char *want)
{
    struct dw_time t;
    char out[DW_TIME_TEXT];
    if (dw_time_scan(dw_str_of(text), ref, &t))
        fail_msg("not a time: %s", text);
    dw_time_format(t.ns, out);
    if (strncmp(out, want, strlen(want)) != 0)
        fail_msg("%s: want %s, got %s", text, want, out);
}

static void forms_are_read(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        {"2026-11-23T21:14:18Z", "2026-11-23T21:14:18.000000000Z"},
        {"2026-11-23T21:14:18.123456789Z", "2026-11-23T21:14:18.123456789Z"},
        {"2026-11-23 21:14:18,5+02:00", "2026-11-23T19:14:18.500000000Z"},
        {"2026-11-23T21:14:18.1234567890123-0130", "2026-11-23T22:44:18.123456789Z"},
        {"23/Nov/2026:21:14:18 +0100", "2026-11-23T20:14:18.0"},
        {"23/Nov/2026:21:14:18.123] x", "2026-11-23T21:14:18.123"},
        {"Mon Nov 23 21:14:18.123456 2026", "2026-11-23T21:14:18.123456"},
        {"Mon Nov 23 21:14:18 UTC 2026", "2026-11-23T21:14:18"},
        {"Mon, 23 Nov 2026 21:14:18 GMT", "2026-11-23T21:14:18"},
        {"2026/11/23 21:14:18 [error]", "2026-11-23T21:14:18"},
        {"2026-11-23 21:14:18.123 CET [1]", "2026-11-23T20:14:18.123"},
        {"261123  1:14:18 [Note]", "2026-11-23T01:14:18"},
        {"20261123T211418Z", "2026-11-23T21:14:18"},
        {"2026-11-23T21:14:18.5Z] x", "2026-11-23T21:14:18.5"},
        {"30 May 2017 10:03:19.5", "2017-05-30T10:03:19.5"},
        {"1795468458", "2026-11-23T21:14:18"},
        {"1795468458.25", "2026-11-23T21:14:18.25"},
        {"1795468458250", "2026-11-23T21:14:18.25"},
        {"1795468458250001", "2026-11-23T21:14:18.250001"},
        {"1795468458250000001", "2026-11-23T21:14:18.250000001"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(row); i++)
        check(&utc, row[i][0], row[i][1]);
}

static void missing_years_are_the_nearest(void **state)
{
    (void)state;
    check(&utc, "Nov 23 21:14:18 host", "2026-11-23T21:14:18");
    check(&utc, "Nov 24 20:14:18 host", "2026-11-24T20:14:18");
    check(&utc, "Nov 25 20:14:18 host", "2025-11-25T20:14:18");
    check(&utc, "Feb  9 01:02:03 host 2020", "2026-02-09T01:02:03");
    struct dw_time_ref eve = {NULL, INT64_C(1798761590000000000)}; /* 2026-12-31T23:59:50Z */
    check(&eve, "Jan  1 00:00:05", "2027-01-01T00:00:05");
}

static void junk_is_refused(void **state)
{
    (void)state;
    static const char *const row[] = {"", "2026-11-23", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z", "Foo 12 10:10:10", "12345678", "99999999999999999999", "Nov 31 10:10:10"};
    struct dw_time t;
    for (size_t i = 0; i < DW_COUNT_OF(row); i++)
        if (dw_time_scan(dw_str_of(row[i]), &utc, &t) == DW_OK)
            fail_msg("accepted: %s", row[i]);
}

/* What stands at fixed places is read at once; a fraction (or a zone that is not looked for there) makes the careful way read the same. */
static void both_ways_read_the_same(void **state)
{
    (void)state;
    for (size_t at = 0; at < 20; at++) {
        for (int byte = 1; byte < 256; byte++) {
            char quick[] = "23/Nov/2026:21:14:18 +0130", careful[] = "23/Nov/2026:21:14:18.0 +0130";
            struct dw_time q = {0}, c = {0};
            quick[at] = careful[at] = (char)byte;
            int rc = dw_time_scan(dw_str_of(quick), &utc, &q);
            if (rc != dw_time_scan(dw_str_of(careful), &utc, &c) || q.ns != c.ns)
                fail_msg("%s: %d, %lld and %lld", quick, rc, (long long)q.ns, (long long)c.ns);
        }
    }
}

static void rfc3339_reads_what_other_times_are_read_to(void **state)
{
    (void)state;
    for (size_t at = 0; at < 19; at++) {
        for (int byte = 1; byte < 256; byte++) {
            char text[] = "2026-11-23T21:14:18.5Z";
            int64_t ns = 0;
            struct dw_time t = {0};
            text[at] = (char)byte;
            bool strict = dw_time_rfc3339(dw_str_of(text), &ns) == DW_OK, loose = dw_time_scan(dw_str_of(text), &utc, &t) == DW_OK;
            bool looser = (at == 10 && byte == '-') || (at == 11 && byte == ' '); /* forms of other programs */
            if (strict != (loose && !looser) || (strict && ns != t.ns))
                fail_msg("%s: %d %d, %lld and %lld", text, strict, loose, (long long)ns, (long long)t.ns);
        }
    }
    int64_t ns;
    assert_int_equal(dw_time_rfc3339(DW_STR("2016-12-31T23:59:60Z"), &ns), DW_OK); /* a leap second is the next day's first */
    assert_true(ns == INT64_C(1483228800000000000));
    assert_int_equal(dw_time_rfc3339(DW_STR("2016-12-31T23:59:61Z"), &ns), DW_ESYNTAX);
}

static void zones_shift_times_without_one(void **state)
{
    (void)state;
    struct dw_zone z;
    assert_int_equal(dw_zone_find(&dw_fs_system, DW_STR("-02:00"), &z), DW_OK);
    struct dw_time_ref ref = {&z, utc.now_ns};
    check(&ref, "2026-11-23 21:14:18", "2026-11-23T23:14:18");
    check(&ref, "2026-11-23 21:14:18Z", "2026-11-23T21:14:18");
    assert_int_equal(dw_zone_find(&dw_fs_system, DW_STR("../etc/passwd"), &z), DW_EUNKNOWN);
    assert_int_equal(dw_zone_find(&dw_fs_system, DW_STR("No/Where"), &z), DW_EUNKNOWN);
}

static void iana_zones_follow_summer_time(void **state)
{
    (void)state;
    struct dw_zone z;
    if (dw_zone_find(&dw_fs_system, DW_STR("Europe/Berlin"), &z) == DW_EUNKNOWN)
        skip(); /* no zone files on this system */
    struct dw_time_ref ref = {&z, utc.now_ns};
    check(&ref, "2026-07-01 12:00:00", "2026-07-01T10:00:00");
    check(&ref, "2026-12-01 12:00:00", "2026-12-01T11:00:00");
    check(&ref, "2050-07-01 12:00:00", "2050-07-01T10:00:00");
    check(&ref, "2026-10-25 02:30:00", "2026-10-25T00:30:00");
    check(&ref, "2026-03-29 02:30:00", "2026-03-29T01:30:00");
    dw_zone_fini(&z);
}

static void times_are_asked_for_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        int64_t ns; /* -1: refused */
    } asked[] = {{"15m", 1000000 - 900}, {"2w", 1000000 - 1209600}, {"0s", 1000000}, {"1970-01-02", 86400}, {"1970-01-02T00:00:01Z", 86401}, {"1000000000", 1000000000},
        {"m", -1}, {"15x", -1}, {"-5m", -1}, {"1000000d", -1}, {"1970-13-01", -1}, {"", -1}, {"yesterday", -1}};
    int64_t ns;
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(asked); i++) {
        bool read = dw_time_asked(dw_str_of(asked[i].text), 1000000 * INT64_C(1000000000), &ns);
        if (read != (asked[i].ns != -1) || (read && ns != asked[i].ns * INT64_C(1000000000)))
            fail_msg("%s: %d, %lld", asked[i].text, read, read ? (long long)ns : 0LL);
    }
    assert_true(dw_span_asked(DW_STR("90s"), &ns) && ns == 90 * INT64_C(1000000000));
    assert_false(dw_span_asked(DW_STR("1970-01-02"), &ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_read),
        cmocka_unit_test(missing_years_are_the_nearest),
        cmocka_unit_test(junk_is_refused),
        cmocka_unit_test(both_ways_read_the_same),
        cmocka_unit_test(rfc3339_reads_what_other_times_are_read_to),
        cmocka_unit_test(zones_shift_times_without_one),
        cmocka_unit_test(iana_zones_follow_summer_time),
        cmocka_unit_test(times_are_asked_for_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
