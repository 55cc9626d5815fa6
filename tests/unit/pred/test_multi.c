/* Tests of core/pred/multi.c against searching one by one. */
#include "support.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/pred/multi.h"

struct hits {
    uint32_t count[64];
};

static void on_hit(void *ud, uint32_t id, size_t end)
{
    (void)end;
    ((struct hits *)ud)->count[id]++;
}

static uint32_t occurrences(struct dw_str text, struct dw_str s)
{
    uint32_t n = 0;
    for (size_t i = 0; i + s.len <= text.len; i++)
        n += memcmp(text.ptr + i, s.ptr, s.len) == 0;
    return n;
}

static void multi_finds_what_one_by_one_finds(void **state)
{
    (void)state;
    struct dw_rng rng = {.state = 7};
    for (int round = 0; round < 500; round++) {
        char bytes[64][6], text[60];
        struct dw_str literal[64];
        uint32_t id[64], count = (uint32_t)dw_rng_below(&rng, 20);
        for (uint32_t i = 0; i < count; i++) {
            id[i] = i;
            literal[i] = dw_str_make(bytes[i], 1 + dw_rng_below(&rng, 5));
            for (size_t j = 0; j < literal[i].len; j++)
                bytes[i][j] = "ab\xff"[dw_rng_below(&rng, 3)];
        }
        struct dw_str t = dw_str_make(text, dw_rng_below(&rng, sizeof text));
        for (size_t j = 0; j < t.len; j++)
            text[j] = "ab\xff"[dw_rng_below(&rng, 3)];
        struct dw_multi *m = NULL;
        assert_int_equal(dw_multi_new(literal, id, count, &m), DW_OK);
        struct hits hits = {{0}};
        dw_multi_scan(m, t, on_hit, &hits);
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(hits.count[i], occurrences(t, literal[i]));
        dw_multi_free(m);
    }
}

static void multi_survives_failed_allocations(void **state)
{
    (void)state;
    struct dw_str literal[] = {DW_STR("abc"), DW_STR("bcd")};
    uint32_t id[] = {0, 1};
    for (unsigned nth = 1;; nth++) {
        struct dw_multi *m = NULL;
        mem_fail_at(nth);
        int rc = dw_multi_new(literal, id, 2, &m);
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        dw_multi_free(m);
        if (!hits)
            break;
        assert_int_equal(rc, DW_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multi_finds_what_one_by_one_finds),
        cmocka_unit_test(multi_survives_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
