/* Tests of core/geo: what a MaxMind DB says of addresses, and how far places are apart. */
#include "geo_file.h"
#include "support.h"

#include "dogwatch/geo/geo.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>

/* libmaxminddb 1.7 keeps a list that it was making when a database's words of itself turn out to be damaged. */
const char *__lsan_default_suppressions(void); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the sanitizer's name */
const char *__lsan_default_suppressions(void)  /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
{
    return "leak:libmaxminddb\n";
}

static const struct geo_row rows[] = {{"192.0.2.0/24", 48.8566, 2.3522, 20, "Paris", "FR", 0}, {"198.51.100.7/32", -33.8688, 151.2093, 0, "Sydney", "AU", 0},
    {"2001:db8::/32", 40.7128, -74.0060, 1000, "New York", "US", 0}, {"203.0.113.0/24", 0, 0, 0, NULL, "DE", 1}, {"203.0.114.0/24", 91, 0, 0, NULL, "DE", 0},
    {"203.0.115.0/24", -90, 180, 65535, NULL, NULL, 0},
    {"203.0.116.0/24", 1, 1, 0, "LlanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogochLlanfairpwllgwyngyllgogeryc\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "GB", 0}};
static char dir[4096], path[4200];

static int make(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    (void)snprintf(path, sizeof path, "%s/places.mmdb", dir);
    geo_file_write(path, rows, DW_COUNT_OF(rows));
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static bool ask(const struct dw_places *p, const char *address, struct dw_place *ret)
{
    struct dw_ip ip;
    assert_true(dw_ip_parse(dw_str_of(address), &ip));
    return p->find(p, &ip, ret);
}

static void addresses_of_both_kinds_have_places(void **state)
{
    struct dw_places *p;
    struct dw_place at;
    (void)state;
    assert_int_equal(dw_geo_open(&dw_fs_system, path, &p), DW_OK);
    assert_true(ask(p, "192.0.2.77", &at));
    assert_int_equal(at.north, 48856600);
    assert_int_equal(at.east, 2352200);
    assert_int_equal(at.radius_km, 20);
    assert_string_equal(at.name, "Paris, FR");
    assert_true(ask(p, "::ffff:198.51.100.7", &at));
    assert_int_equal(at.north, -33868800);
    assert_string_equal(at.name, "Sydney, AU");
    assert_true(ask(p, "2001:db8:1::1", &at));
    assert_int_equal(at.east, -74006000);
    assert_true(ask(p, "203.0.115.1", &at));
    assert_string_equal(at.name, "");
    assert_int_equal(at.radius_km, DW_PLACE_RADIUS_MAX);
    assert_true(ask(p, "203.0.116.1", &at));
    assert_true(strlen(at.name) <= DW_PLACE_NAME_MAX && strstr(at.name, "\xa9, GB"));
    static const char *const nowhere[] = {"198.51.100.8", "10.0.0.1", "::1", "fe80::1", "203.0.113.1", "203.0.114.1", "0.0.0.0"};
    for (size_t i = 0; i < DW_COUNT_OF(nowhere); i++)
        if (ask(p, nowhere[i], &at))
            fail_msg("%s has a place", nowhere[i]);
    dw_places_free(p);
    dw_places_free(NULL);
}

static void what_happens_to_the_file_later_changes_nothing(void **state)
{
    struct dw_places *p, *q;
    struct dw_place at;
    (void)state;
    assert_int_equal(dw_geo_open(&dw_fs_system, path, &p), DW_OK);
    int fd;
    assert_int_equal(dw_fs_open(&dw_fs_system, path, O_WRONLY | O_TRUNC, 0, &fd), DW_OK);
    dw_fs_close(fd);
    assert_true(ask(p, "192.0.2.77", &at));
    geo_file_write(path, rows, 1);
    assert_int_equal(dw_geo_open(&dw_fs_system, path, &q), DW_OK);
    assert_true(ask(p, "198.51.100.7", &at));
    assert_false(ask(q, "198.51.100.7", &at));
    assert_memory_not_equal(p->hash, q->hash, sizeof p->hash);
    dw_places_free(p);
    dw_places_free(q);
}

/* Goal:   a file that is no database, or half of one, is refused or answers; nothing is read past its end.
 * Method: cut at each length; then one byte changed at each place, and everybody asked. */
static void a_damaged_database_is_refused_or_answers(void **state)
{
    struct dw_buf whole = {0};
    struct dw_places *p = NULL;
    (void)state;
    assert_int_equal(dw_geo_open(&dw_fs_system, "/nowhere/at/all", &p), DW_ENOENT);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, &whole), DW_OK);
    for (size_t i = 0; i < 2 * whole.len; i += 7) {
        struct dw_buf bad = {0};
        dw_buf_add(&bad, whole.ptr, i < whole.len ? i : whole.len);
        if (i >= whole.len)
            bad.ptr[i - whole.len] = (char)(bad.ptr[i - whole.len] ^ 0x55);
        assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_buf_view(&bad)), DW_OK);
        int rc = dw_geo_open(&dw_fs_system, path, &p);
        assert_true(rc == DW_OK || rc == DW_ECORRUPT || rc == DW_EIO);
        for (size_t k = 0; rc == DW_OK && k < DW_COUNT_OF(rows); k++) {
            struct dw_cidr net;
            struct dw_place at;
            bool host_bits;
            assert_true(dw_cidr_parse(dw_str_of(rows[k].network), &net, &host_bits));
            (void)p->find(p, &net.net, &at);
        }
        if (rc == DW_OK)
            dw_places_free(p);
        dw_buf_fini(&bad);
    }
    dw_buf_fini(&whole);
}

static void whatever_call_fails_the_database_is_opened_or_not(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        struct faulty_fs f;
        struct dw_places *p = NULL;
        assert_true(nth < 100);
        faulty_fs_init(&f, nth, FAULT_ENOSPC);
        int rc = dw_geo_open(&f.fs, path, &p);
        if (rc == DW_OK)
            dw_places_free(p);
        if (!f.hits) {
            assert_int_equal(rc, DW_OK);
            break;
        }
        assert_true(rc < 0);
    }
    for (unsigned nth = 1; nth <= 2; nth++) { /* its own memory, and the file's */
        struct dw_places *p = NULL;
        mem_fail_at(nth);
        int rc = dw_geo_open(&dw_fs_system, path, &p);
        assert_int_equal(mem_fail_hits(), 1);
        mem_fail_at(0);
        assert_int_equal(rc, DW_ENOMEM);
    }
}

static struct dw_place at(double north, double east)
{
    return (struct dw_place){.north = (int32_t)lrint(north * 1e6), .east = (int32_t)lrint(east * 1e6)};
}

static void distances_are_those_of_an_atlas(void **state)
{
    (void)state;
    const struct dw_place paris = at(48.8566, 2.3522), sydney = at(-33.8688, 151.2093), york = at(40.7128, -74.0060), north = at(90, 0), south = at(-90, 77), fiji = at(-18, 179.9),
                          samoa = at(-18, -179.9);
    assert_int_equal(dw_geo_km(&paris, &paris), 0);
    assert_in_range(dw_geo_km(&paris, &sydney), 16955, 16962);
    assert_in_range(dw_geo_km(&paris, &york), 5836, 5838);
    assert_in_range(dw_geo_km(&north, &south), 20010, 20015);
    assert_in_range(dw_geo_km(&fiji, &samoa), 20, 22); /* over the date line */
    assert_int_equal(dw_geo_km(&paris, &york), dw_geo_km(&york, &paris));
}

/* Goal:   whole numbers come to what the formula comes to.
 * Method: haversine in long double, over places from a fixed seed, at all distances. */
static void whole_numbers_come_to_what_haversine_comes_to(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        double v[4];
        for (int k = 0; k < 4; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            v[k] = (double)(seed >> 11) / 9007199254740992.0;
        }
        double near = i % 2 ? 1 : 0.02; /* half of them neighbours */
        double n1 = -90 + 180 * v[0], e1 = -180 + 360 * v[1], n2 = fmax(-90, fmin(90, n1 + near * (180 * v[2] - 90))), e2 = fmax(-180, fmin(180, e1 + near * (360 * v[3] - 180)));
        struct dw_place p = at(n1, e1), q = at(n2, e2);
        const double rad = 3.14159265358979323846 / 180;
        double h = pow(sin((n2 - n1) * rad / 2), 2) + cos(n1 * rad) * cos(n2 * rad) * pow(sin((e2 - e1) * rad / 2), 2);
        double want = 2 * 6371.0088 * asin(sqrt(fmin(1, h))), off = want > 19000 ? 5 : 1.01;
        double got = dw_geo_km(&p, &q);
        if (got > want + off - 1 + 0.01 || got < want - off)
            fail_msg("%.6f %.6f to %.6f %.6f: %.3f, not %.0f", n1, e1, n2, e2, want, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(addresses_of_both_kinds_have_places, make, unmake),
        cmocka_unit_test_setup_teardown(what_happens_to_the_file_later_changes_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(a_damaged_database_is_refused_or_answers, make, unmake),
        cmocka_unit_test_setup_teardown(whatever_call_fails_the_database_is_opened_or_not, make, unmake),
        cmocka_unit_test(distances_are_those_of_an_atlas),
        cmocka_unit_test(whole_numbers_come_to_what_haversine_comes_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
