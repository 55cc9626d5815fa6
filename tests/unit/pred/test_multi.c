/* Tests of core/pred/multi.c against searching one by one. */
#include "support.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/pred/multi.h"

struct hits {
    uint32_t count[64];
};

static bool on_hit(void *ud, uint32_t id)
{
    ((struct hits *)ud)->count[id]++;
    return true;
}

static bool on_first(void *ud, uint32_t id)
{
    ((struct hits *)ud)->count[id]++;
    return false;
}

static uint32_t occurrences(struct dw_str text, const struct dw_multi_literal *l)
{
    uint32_t n = 0;
    for (size_t i = 0; i + l->text.len <= text.len; i++) {
        bool here = l->place == DW_MULTI_ANYWHERE || (l->place == DW_MULTI_START ? i == 0 : i + l->text.len == text.len);
        n += here && memcmp(text.ptr + i, l->text.ptr, l->text.len) == 0;
    }
    return n;
}

static struct dw_str random_text(struct dw_rng *rng, char *bytes, size_t len)
{
    for (size_t j = 0; j < len; j++)
        bytes[j] = "ab\xff"[dw_rng_below(rng, 3)];
    return dw_str_make(bytes, len);
}

static void multi_finds_what_one_by_one_finds(void **state)
{
    (void)state;
    struct dw_rng rng = {.state = 7};
    for (int round = 0; round < 3000; round++) {
        char bytes[64][9], text[60];
        struct dw_multi_literal literal[64];
        uint32_t count = (uint32_t)dw_rng_below(&rng, 20), sum = 0;
        bool has[3] = {false};
        for (uint32_t i = 0; i < count; i++) {
            literal[i] = (struct dw_multi_literal){random_text(&rng, bytes[i], 1 + dw_rng_below(&rng, 8)), i, (enum dw_multi_place)dw_rng_below(&rng, 3)};
            has[literal[i].place] = true;
        }
        struct dw_str t = random_text(&rng, text, dw_rng_below(&rng, sizeof text));
        struct dw_multi *m = NULL;
        assert_int_equal(dw_multi_new(literal, count, &m), DW_OK);
        struct hits hits = {{0}}, first = {{0}};
        assert_true(dw_multi_scan(m, t, on_hit, &hits));
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(hits.count[i], occurrences(t, &literal[i]));
            sum += hits.count[i];
        }
        assert_int_equal(dw_multi_scan(m, t, on_first, &first), sum == 0);
        for (int place = 0; place < 3; place++)
            assert_int_equal(dw_multi_has(m, (enum dw_multi_place)place), has[place]);
        dw_multi_free(m);
    }
}

static void multi_survives_failed_allocations(void **state)
{
    (void)state;
    const struct dw_multi_literal literal[] = {{DW_STR("abcde"), 0, DW_MULTI_ANYWHERE}, {DW_STR("bc"), 1, DW_MULTI_END}};
    for (unsigned nth = 1;; nth++) {
        struct dw_multi *m = NULL;
        mem_fail_at(nth);
        int rc = dw_multi_new(literal, 2, &m);
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
