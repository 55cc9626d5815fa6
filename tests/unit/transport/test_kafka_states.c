/* Tests of core/transport/states_chunk.c: parts as records, and the newest whole one out of records of whatever kind. */
#include "support.h"

#include "chunks.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/rng.h"

#include <stdio.h>

enum { MIB = 1024 * 1024, SOURCE = 7 };

/* The records of one write. */
struct written {
    uint32_t count;
    struct dw_buf key[DW__CHUNK_COUNT_MAX], value[DW__CHUNK_COUNT_MAX];
};

static void fill(struct dw_buf *part, size_t size, uint64_t seed)
{
    struct dw_rng rng = {seed};
    dw_buf_reset(part);
    while (part->len < size) /* which nothing compresses */
        dw_buf_u64(part, dw_rng_next(&rng));
    part->len = size;
    assert_int_equal(part->err, DW_OK);
}

static void write_part(struct written *w, uint64_t source, uint32_t slot, uint64_t next, const struct dw_buf *part)
{
    struct dw_buf packed = {0};
    struct dw__chunk whole;
    assert_int_equal(dw__chunk_pack(source, next, dw_buf_view(part), &packed, &whole), DW_OK);
    whole.slot = slot;
    *w = (struct written){.count = whole.count};
    for (uint32_t i = 0; i < whole.count; i++)
        assert_int_equal(dw__chunk_put(&whole, dw_buf_view(&packed), i, &w->key[i], &w->value[i]), DW_OK);
    dw_buf_fini(&packed);
}

static void written_free(struct written *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        dw_buf_fini(&w->key[i]);
        dw_buf_fini(&w->value[i]);
    }
}

static int take(struct dw__newest *n, const struct written *w, uint32_t i)
{
    return chunk_look(n, dw_buf_view(&w->key[i]), dw_buf_view(&w->value[i]));
}

static void take_all(struct dw__newest *n, const struct written *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        assert_int_equal(take(n, w, i), DW_OK);
}

static void newest_is(const struct dw__newest *n, uint64_t next, const struct dw_buf *part)
{
    assert_true(n->any);
    assert_int_equal(n->next, next);
    assert_true(dw_str_eq(dw_buf_view(&n->part), dw_buf_view(part)));
}

static void a_part_of_any_size_comes_back(void **state)
{
    static const size_t size[] = {0, 1, 100, DW__CHUNK_BYTES - 64, 3 * MIB, DW_KAFKA_PART_MAX};
    struct dw_buf part = {0};
    struct written w;
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(size); i++) {
        struct dw__newest n = {.source = SOURCE};
        fill(&part, size[i], i);
        write_part(&w, SOURCE, 1, 4711 + i, &part);
        assert_int_equal(w.count, size[i] < DW__CHUNK_BYTES ? 1 : size[i] / DW__CHUNK_BYTES + 1);
        for (uint32_t k = 0; k < w.count; k++)
            assert_true(w.value[k].len < 600000);
        take_all(&n, &w);
        newest_is(&n, 4711 + i, &part);
        assert_int_equal(n.slot, 1);
        written_free(&w);
        dw__newest_fini(&n);
    }
    dw_buf_fini(&part);
}

static void keys_are_readable(void **state)
{
    struct dw_buf part = {0};
    struct written w;
    (void)state;
    fill(&part, MIB, 1);
    write_part(&w, DW_SOURCE_KAFKA + 3, 0, 5, &part);
    assert_true(dw_str_eq(dw_buf_view(&w.key[1]), DW_STR("4294967299/0/1")));
    written_free(&w);
    dw_buf_fini(&part);
}

/* Two collectors write at a time, in both orders, and in the same slot. */
static void the_greatest_next_is_the_newest_whatever_came_first(void **state)
{
    struct dw_buf old = {0}, new = {0};
    struct written a, b;
    (void)state;
    fill(&old, MIB, 1);
    fill(&new, 2 * MIB, 2);
    write_part(&a, SOURCE, 0, 100, &old);
    write_part(&b, SOURCE, 0, 120, &new);
    for (int order = 0; order < 3; order++) {
        struct dw__newest n = {.source = SOURCE};
        if (order == 0)
            take_all(&n, &b);
        if (order < 2)
            take_all(&n, &a);
        if (order == 1)
            take_all(&n, &b);
        for (uint32_t i = 0; i < b.count && order == 2; i++) {
            assert_int_equal(take(&n, &b, b.count - 1 - i), DW_OK);
            assert_int_equal(i < a.count ? take(&n, &a, i) : DW_OK, DW_OK);
        }
        newest_is(&n, 120, &new);
        dw__newest_fini(&n);
    }
    written_free(&a);
    written_free(&b);
    dw_buf_fini(&old);
    dw_buf_fini(&new);
}

static void a_torn_part_leaves_the_one_before(void **state)
{
    struct dw_buf old = {0}, new = {0}, less = {0};
    struct written a, b, c;
    struct dw__newest n = {.source = SOURCE};
    (void)state;
    fill(&old, 100, 1);
    fill(&new, 2 * MIB, 2);
    fill(&less, 2 * MIB, 3);
    write_part(&a, SOURCE, 0, 100, &old);
    write_part(&b, SOURCE, 1, 120, &new);
    write_part(&c, SOURCE, 1, 110, &less);
    take_all(&n, &a);
    for (uint32_t i = 0; i + 1 < b.count; i++)
        assert_int_equal(take(&n, &b, i), DW_OK);
    newest_is(&n, 100, &old);
    take_all(&n, &c); /* by whoever had the partition next, from 100 on */
    newest_is(&n, 110, &less);
    assert_int_equal(take(&n, &b, b.count - 1), DW_OK);
    newest_is(&n, 120, &new);
    dw__newest_fini(&n);
    written_free(&a);
    written_free(&b);
    written_free(&c);
    dw_buf_fini(&old);
    dw_buf_fini(&new);
    dw_buf_fini(&less);
}

static void others_parts_are_not_ours(void **state)
{
    struct dw_buf part = {0};
    struct written w;
    struct dw__newest n = {.source = SOURCE};
    (void)state;
    fill(&part, 100, 1);
    write_part(&w, SOURCE + 1, 0, 100, &part);
    take_all(&n, &w);
    assert_false(n.any);
    dw__newest_fini(&n);
    written_free(&w);
    dw_buf_fini(&part);
}

static void damaged_records_are_passed_over(void **state)
{
    struct dw_buf part = {0};
    struct written w;
    struct dw__newest n = {.source = SOURCE};
    (void)state;
    fill(&part, 100, 1);
    write_part(&w, SOURCE, 0, 100, &part);
    struct dw_str key = dw_buf_view(&w.key[0]), value = dw_buf_view(&w.value[0]);
    for (size_t len = 0; len < value.len; len++)
        assert_int_equal(chunk_look(&n, key, dw_str_slice(value, 0, len)), DW_ECORRUPT);
    for (size_t bit = 0; bit < 8 * value.len; bit++) {
        w.value[0].ptr[bit / 8] ^= (char)(1 << bit % 8);
        int rc = chunk_look(&n, key, value);
        assert_true(rc == DW_ECORRUPT || rc == DW_EVERSION);
        assert_false(n.any);
        dw__newest_fini(&n);
        n.source = SOURCE;
        w.value[0].ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
    static const char *const keys[] = {"", "7", "7/0", "7/0/1", "7/2/0", "8/0/0", "07/0/0", "7/0/0 ", "7/0/0/"};
    for (size_t i = 0; i < DW_COUNT_OF(keys); i++)
        assert_int_equal(chunk_look(&n, dw_str_of(keys[i]), value), DW_ECORRUPT);
    w.value[0].ptr[0] = 2;
    assert_int_equal(chunk_look(&n, key, value), DW_EVERSION);
    assert_int_equal(chunk_look(&n, DW_STR_NONE, DW_STR_NONE), DW_ECORRUPT);
    dw__newest_fini(&n);
    written_free(&w);
    dw_buf_fini(&part);
}

/* A chunk that is not of its part: the hash does not hold, and what stands there already stays. */
static void a_part_whose_hash_does_not_hold_is_none(void **state)
{
    struct dw_buf old = {0}, part = {0};
    struct written a, w;
    struct dw__newest n = {.source = SOURCE};
    (void)state;
    fill(&old, 100, 1);
    fill(&part, 2 * MIB, 2);
    write_part(&a, SOURCE, 0, 100, &old);
    write_part(&w, SOURCE, 1, 200, &part);
    w.value[1].ptr[w.value[1].len - 5] ^= 1;
    take_all(&n, &a);
    for (uint32_t i = 0; i < w.count; i++)
        assert_int_equal(take(&n, &w, i), i + 1 < w.count ? DW_OK : DW_ECORRUPT);
    newest_is(&n, 100, &old);
    w.value[1].ptr[w.value[1].len - 5] ^= 1;
    take_all(&n, &w);
    newest_is(&n, 200, &part);
    dw__newest_fini(&n);
    written_free(&a);
    written_free(&w);
    dw_buf_fini(&old);
    dw_buf_fini(&part);
}

/* However many parts are begun, only so many are kept, and a whole one comes through. */
static void parts_that_never_end_cost_no_more_than_a_few(void **state)
{
    struct dw_buf part = {0};
    struct written w;
    struct dw__newest n = {.source = SOURCE};
    (void)state;
    for (uint64_t next = 1000; next < 1020; next++) {
        fill(&part, MIB, next);
        write_part(&w, SOURCE, next % 2, next, &part);
        assert_int_equal(take(&n, &w, 0), DW_OK);
        written_free(&w);
    }
    fill(&part, MIB, 1);
    write_part(&w, SOURCE, 0, 5, &part);
    take_all(&n, &w);
    newest_is(&n, 5, &part);
    dw__newest_fini(&n);
    written_free(&w);
    dw_buf_fini(&part);
}

static void note(struct dw__where *at, const struct written *w, uint32_t i, int64_t offset)
{
    struct dw__chunk c;
    assert_int_equal(dw__chunk_take(dw_buf_view(&w->key[i]), dw_buf_view(&w->value[i]), &c), DW_OK);
    dw__where_note(at, &c, offset);
}

static void where_a_part_begins_is_where_its_first_chunk_stands(void **state)
{
    struct dw_buf old = {0}, new = {0};
    struct written a, b;
    struct dw__where at = {0};
    (void)state;
    fill(&old, MIB, 1);
    fill(&new, 2 * MIB, 2);
    write_part(&a, SOURCE, 0, 100, &old);
    write_part(&b, SOURCE, 0, 120, &new);
    assert_false(dw__where_seen(&at));
    note(&at, &b, 1, 10); /* of a write that was torn, and was written again */
    assert_true(dw__where_seen(&at) && !at.any);
    for (uint32_t i = 0; i < a.count; i++)
        note(&at, &a, i, 20 + i);
    assert_true(at.any);
    assert_int_equal(at.next, 100);
    assert_int_equal(at.from, 20);
    for (uint32_t i = 0; i < b.count; i++)
        note(&at, &b, i, 30 + i);
    assert_int_equal(at.next, 120);
    assert_int_equal(at.from, 10); /* the chunk that was seen first counts: earlier is never wrong */
    note(&at, &a, 0, 40);
    assert_int_equal(at.next, 120);
    written_free(&a);
    written_free(&b);
    dw_buf_fini(&old);
    dw_buf_fini(&new);
}

/* What is behind the second allocation is the digest's, which asserts. */
static void a_part_comes_whole_or_not_at_all_when_the_nth_allocation_fails(void **state)
{
    struct dw_buf part = {0};
    struct written w;
    (void)state;
    fill(&part, MIB, 1);
    write_part(&w, SOURCE, 0, 5, &part);
    for (unsigned nth = 1; nth <= 2; nth++) {
        struct dw__newest n = {.source = SOURCE};
        int rc = DW_OK;
        mem_fail_at(nth);
        for (uint32_t i = 0; i < w.count && rc == DW_OK; i++)
            rc = take(&n, &w, i);
        assert_int_equal(mem_fail_hits(), 1);
        mem_fail_at(0);
        assert_int_equal(rc, DW_ENOMEM);
        assert_false(n.any);
        take_all(&n, &w);
        newest_is(&n, 5, &part);
        dw__newest_fini(&n);
    }
    written_free(&w);
    dw_buf_fini(&part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_any_size_comes_back),
        cmocka_unit_test(keys_are_readable),
        cmocka_unit_test(the_greatest_next_is_the_newest_whatever_came_first),
        cmocka_unit_test(a_torn_part_leaves_the_one_before),
        cmocka_unit_test(others_parts_are_not_ours),
        cmocka_unit_test(damaged_records_are_passed_over),
        cmocka_unit_test(a_part_whose_hash_does_not_hold_is_none),
        cmocka_unit_test(parts_that_never_end_cost_no_more_than_a_few),
        cmocka_unit_test(where_a_part_begins_is_where_its_first_chunk_stands),
        cmocka_unit_test(a_part_comes_whole_or_not_at_all_when_the_nth_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
