/* Tests of core/event/timestamp.c and zone.c: each notation, yearless times, zones. */
#include "support.h"

#include "dogwatch/event/json_write.h"
#include "dogwatch/event/timestamp.h"

typedef size_t reader(struct dw_str, const struct dw_time_ctx *, int64_t *);

static void expect_time(reader *read, const char *in, const struct dw_time_ctx *ctx, const char *want, const char *rest)
{
    int64_t ns = 0;
    struct dw_buf text = {0};
    struct dw_str s = dw_str_of(in);
    size_t n = read(s, ctx, &ns);
    if (n == 0)
        fail_msg("not read: %s", in);
    dw_time_text(&text, ns);
    if (!dw_str_eq(dw_buf_view(&text), dw_str_of(want)))
        fail_msg("%s: got %.*s, want %s", in, DW_ARG(dw_buf_view(&text)), want);
    dw_buf_fini(&text);
    assert_str(dw_str_slice(s, n, s.len), rest);
}

static void time_rfc3339_in_its_variants(void **state)
{
    (void)state;
    expect_time(dw_time_iso, "2026-11-23T21:14:18.123456789Z x", NULL, "2026-11-23T21:14:18.123456789Z", " x");
    expect_time(dw_time_iso, "2026-11-23 21:14:18,5+02:00", NULL, "2026-11-23T19:14:18.500000000Z", "");
    expect_time(dw_time_iso, "2026-11-23T21:14:18-0530|", NULL, "2026-11-24T02:44:18.000000000Z", "|");
    expect_time(dw_time_iso, "2026-11-23 21:14:18.123 CET [7]", NULL, "2026-11-23T20:14:18.123000000Z", " [7]");
    expect_time(dw_time_iso, "2026-11-23 21:14:18.1234567891 LOG", NULL, "2026-11-23T21:14:18.123456789Z", " LOG");
    expect_time(dw_time_iso, "2024-02-29T23:59:60Z", NULL, "2024-03-01T00:00:00.000000000Z", "");
    expect_time(dw_time_iso, "1969-12-31T23:59:59.5Z", NULL, "1969-12-31T23:59:59.500000000Z", "");
}

static void time_other_notations(void **state)
{
    (void)state;
    struct dw_time_ctx west = {.zone = {.offset_s = -7200}};
    expect_time(dw_time_clf, "23/Nov/2026:21:14:18 +0100]", NULL, "2026-11-23T20:14:18.000000000Z", "]");
    expect_time(dw_time_clf, "23/Nov/2026:21:14:18.123]", &west, "2026-11-23T23:14:18.123000000Z", "]");
    expect_time(dw_time_asctime, "Mon Nov 23 21:14:18.123456 2026]", &west, "2026-11-23T23:14:18.123456000Z", "]");
    expect_time(dw_time_asctime, "Mon Nov  3 21:14:18 CET 2026", NULL, "2026-11-03T20:14:18.000000000Z", "");
    expect_time(dw_time_slashes, "2026/11/23 21:14:18 [error]", NULL, "2026-11-23T21:14:18.000000000Z", " [error]");
    expect_time(dw_time_yymmdd, "261123  1:14:18 mysqld", NULL, "2026-11-23T01:14:18.000000000Z", " mysqld");
    expect_time(dw_time_day_month, "30 May 2026 12:50:13.463 *", NULL, "2026-05-30T12:50:13.463000000Z", " *");
    expect_time(dw_time_syslog, "Nov  3 2026 21:14:18: x", NULL, "2026-11-03T21:14:18.000000000Z", ": x");
}

static void time_refuses_dates_that_are_not(void **state)
{
    (void)state;
    int64_t ns = 0;
    assert_int_equal(dw_time_iso(DW_STR("2026-02-30T00:00:00Z"), NULL, &ns), 0);
    assert_int_equal(dw_time_iso(DW_STR("2025-02-29T00:00:00Z"), NULL, &ns), 0);
    assert_int_equal(dw_time_iso(DW_STR("2026-13-01T00:00:00Z"), NULL, &ns), 0);
    assert_int_equal(dw_time_iso(DW_STR("2026-12-01T24:00:00Z"), NULL, &ns), 0);
    assert_int_equal(dw_time_iso(DW_STR("2026-12-01T23:00:0"), NULL, &ns), 0);
    assert_int_equal(dw_time_iso(DW_STR("9999-12-01T23:00:00"), NULL, &ns), 0);
    assert_int_equal(dw_time_syslog(DW_STR("Nox  3 21:14:18"), NULL, &ns), 0);
    assert_int_equal(dw_time_any(DW_STR(""), NULL, true, &ns), 0);
}

static void time_without_year_is_put_near_the_reference(void **state)
{
    (void)state;
    struct dw_time_ctx ctx = {0};
    int64_t ns = 0;
    assert_true(dw_time_iso(DW_STR("2026-01-01T00:05:00Z"), NULL, &ctx.reference_ns) > 0);
    expect_time(dw_time_syslog, "Dec 31 23:59:59 h", &ctx, "2025-12-31T23:59:59.000000000Z", " h");
    expect_time(dw_time_syslog, "Jan  1 00:06:00 h", &ctx, "2026-01-01T00:06:00.000000000Z", " h");
    expect_time(dw_time_syslog, "Feb 29 00:00:00", &ctx, "2024-02-29T00:00:00.000000000Z", "");
    assert_true(dw_time_iso(DW_STR("2025-12-31T23:59:00Z"), NULL, &ctx.reference_ns) > 0);
    expect_time(dw_time_syslog, "Jan  1 00:01:00", &ctx, "2026-01-01T00:01:00.000000000Z", "");
    (void)ns;
}

static void time_epoch_by_its_digits(void **state)
{
    (void)state;
    int64_t ns = 0;
    assert_int_equal(dw_time_epoch(DW_STR("1763932458"), &ns), 10);
    assert_int_equal(ns, INT64_C(1763932458000000000));
    assert_int_equal(dw_time_epoch(DW_STR("1763932458.25 x"), &ns), 13);
    assert_int_equal(ns, INT64_C(1763932458250000000));
    assert_int_equal(dw_time_epoch(DW_STR("1763932458123"), &ns), 13);
    assert_int_equal(ns, INT64_C(1763932458123000000));
    assert_int_equal(dw_time_epoch(DW_STR("1763932458123456789"), &ns), 19);
    assert_int_equal(ns, INT64_C(1763932458123456789));
    assert_int_equal(dw_time_epoch(DW_STR("17639324581"), &ns), 0);
    assert_int_equal(dw_time_epoch(DW_STR("12345678901234567890"), &ns), 0);
}

static int64_t at(const char *text)
{
    int64_t ns = 0;
    assert_true(dw_time_iso(dw_str_of(text), NULL, &ns) > 0);
    return ns / 1000000000;
}

static void zone_knows_gaps_overlaps_and_the_far_future(void **state)
{
    (void)state;
    struct dw_zone z;
    assert_int_equal(dw_zone_load(&dw_fs_system, DW_STR("Europe/Berlin"), &z), DW_OK);
    assert_int_equal(dw_zone_offset_at(&z, at("2026-07-01T00:00:00Z")), 7200);
    assert_int_equal(dw_zone_offset_at(&z, at("2026-12-01T00:00:00Z")), 3600);
    assert_int_equal(dw_zone_offset_at(&z, at("2099-07-01T00:00:00Z")), 7200); /* by the footer */
    assert_int_equal(dw_zone_offset_at(&z, at("2026-03-29T00:59:59Z")), 3600);
    assert_int_equal(dw_zone_offset_at(&z, at("2026-03-29T01:00:00Z")), 7200);
    assert_int_equal(dw_zone_to_utc(&z, at("2026-10-25T02:30:00Z")), at("2026-10-25T00:30:00Z")); /* the first of two */
    assert_int_equal(dw_zone_to_utc(&z, at("2026-03-29T02:30:00Z")), at("2026-03-29T01:30:00Z")); /* never was */
    assert_int_equal(dw_zone_to_utc(&z, at("2026-07-01T12:00:00Z")), at("2026-07-01T10:00:00Z"));
    dw_zone_fini(&z);
    assert_int_equal(dw_zone_load(&dw_fs_system, DW_STR("Australia/Sydney"), &z), DW_OK);
    assert_int_equal(dw_zone_offset_at(&z, at("2060-01-01T00:00:00Z")), 39600);
    assert_int_equal(dw_zone_offset_at(&z, at("2060-07-01T00:00:00Z")), 36000);
    dw_zone_fini(&z);
}

static void zone_names(void **state)
{
    (void)state;
    struct dw_zone z;
    assert_int_equal(dw_zone_load(&dw_fs_system, DW_STR("-02:00"), &z), DW_OK);
    assert_int_equal(z.offset_s, -7200);
    assert_int_equal(dw_zone_load(&dw_fs_system, DW_STR("CEST"), &z), DW_OK);
    assert_int_equal(dw_zone_offset_at(&z, 0), 7200);
    dw_zone_fini(&z);
    assert_int_equal(dw_zone_load(&dw_fs_system, DW_STR("Nowhere/City"), &z), DW_EUNKNOWN);
    assert_int_equal(dw_zone_load(&dw_fs_system, DW_STR("../../../etc/passwd"), &z), DW_EUNKNOWN);
    assert_int_equal(dw_zone_load_tzif(DW_STR("TZif2 short"), &z), DW_ECORRUPT);
    int32_t offset = 0;
    assert_int_equal(dw_zone_read(DW_STR("+05:30 x"), &offset), 6);
    assert_int_equal(offset, 19800);
    assert_int_equal(dw_zone_read(DW_STR("EST5"), &offset), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_rfc3339_in_its_variants),
        cmocka_unit_test(time_other_notations),
        cmocka_unit_test(time_refuses_dates_that_are_not),
        cmocka_unit_test(time_without_year_is_put_near_the_reference),
        cmocka_unit_test(time_epoch_by_its_digits),
        cmocka_unit_test(zone_knows_gaps_overlaps_and_the_far_future),
        cmocka_unit_test(zone_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
