/* Tests of core/transport/both.c: two receivers as one, by turns, each told only of its own. */
#include "support.h"

#include "dogwatch/base/error.h"
#include "dogwatch/transport/transport.h"

struct fake {
    struct dw_receiver base;
    uint64_t source, have, given, told; /* records 0 to have-1 */
    bool drained, replaced, taken, closed;
    uint32_t leaving, let_go, parts;
    int rc;
};

static int fake_next(struct dw_receiver *base, struct dw_received *ret)
{
    struct fake *f = (struct fake *)base;
    *ret = (struct dw_received){0};
    if (f->rc < 0)
        return f->rc;
    if (f->given == f->have)
        return DW_EAGAIN;
    *ret = (struct dw_received){.at = {f->source, f->given, f->given + 1}, .replaced = f->replaced, .taken = f->taken};
    f->given++;
    return DW_OK;
}

static int fake_commit(struct dw_receiver *base, struct dw_position done)
{
    struct fake *f = (struct fake *)base;
    assert_int_equal(done.source, f->source);
    f->told = done.next;
    return DW_OK;
}

static bool fake_drained(const struct dw_receiver *base)
{
    return ((const struct fake *)base)->drained;
}

static uint32_t fake_parts(const struct dw_receiver *base)
{
    return ((const struct fake *)base)->parts;
}

static uint32_t fake_leaving(const struct dw_receiver *base, const uint64_t **ret_sources)
{
    const struct fake *f = (const struct fake *)base;
    *ret_sources = &f->source;
    return f->leaving;
}

static void fake_let_go(struct dw_receiver *base)
{
    struct fake *f = (struct fake *)base;
    f->let_go += f->leaving;
    f->leaving = 0;
}

static void fake_close(struct dw_receiver *base)
{
    ((struct fake *)base)->closed = true;
}

static const struct dw_receiver_ops fake_ops = {.name = "fake", .next = fake_next, .commit = fake_commit, .drained = fake_drained,
    .parts = fake_parts, .leaving = fake_leaving, .let_go = fake_let_go, .close = fake_close};

static struct dw_receiver *join(struct fake *a, struct fake *b)
{
    struct dw_receiver *both = NULL;
    a->base.ops = b->base.ops = &fake_ops;
    assert_int_equal(dw_receiver_both(&a->base, &b->base, &both), DW_OK);
    return both;
}

static void they_take_turns_and_give_theirs_away(void **state)
{
    (void)state;
    struct fake a = {.source = 1, .have = 4}, b = {.source = 2, .have = 2};
    struct dw_receiver *both = join(&a, &b);
    static const uint64_t want[] = {1, 2, 1, 2, 1, 1};
    struct dw_received got;
    for (size_t i = 0; i < DW_COUNT_OF(want); i++) {
        assert_int_equal(dw_receiver_next(both, &got), DW_OK);
        assert_int_equal(got.at.source, want[i]);
    }
    assert_int_equal(dw_receiver_next(both, &got), DW_EAGAIN);
    b.have++;
    assert_int_equal(dw_receiver_next(both, &got), DW_OK);
    assert_int_equal(got.at.source, 2);
    dw_receiver_close(both);
    assert_true(a.closed && b.closed);
}

static void each_is_told_of_its_own_place(void **state)
{
    (void)state;
    struct fake a = {.source = 1, .have = 3}, b = {.source = 2};
    struct dw_receiver *both = join(&a, &b);
    struct dw_received got;
    for (int i = 0; i < 3; i++)
        assert_int_equal(dw_receiver_next(both, &got), DW_OK);
    assert_int_equal(dw_receiver_commit(both, got.at), DW_OK);
    assert_int_equal(a.told, 3);
    assert_int_equal(b.told, 0);
    b.have = 1;
    assert_int_equal(dw_receiver_next(both, &got), DW_OK);
    a.told = 0;
    assert_int_equal(dw_receiver_commit(both, got.at), DW_OK);
    assert_int_equal(a.told, 0); /* nothing of it was handed out since */
    assert_int_equal(b.told, 1);
    dw_receiver_close(both);
}

static void what_was_replaced_is_no_place(void **state)
{
    (void)state;
    struct fake a = {.source = 1, .have = 1, .replaced = true}, b = {.source = 2};
    struct dw_receiver *both = join(&a, &b);
    struct dw_received got;
    assert_int_equal(dw_receiver_next(both, &got), DW_OK);
    assert_int_equal(dw_receiver_commit(both, got.at), DW_OK);
    assert_int_equal(a.told, 0);
    dw_receiver_close(both);
}

static void what_was_taken_is_no_place(void **state)
{
    (void)state;
    struct fake a = {.source = 1, .have = 1, .taken = true}, b = {.source = 2};
    struct dw_receiver *both = join(&a, &b);
    struct dw_received got;
    assert_int_equal(dw_receiver_next(both, &got), DW_OK);
    assert_true(got.taken);
    assert_int_equal(dw_receiver_commit(both, got.at), DW_OK);
    assert_int_equal(a.told, 0);
    dw_receiver_close(both);
}

/* The second one's, asked for first, are let go; the first one's only when they were told. */
static void only_what_was_told_is_let_go(void **state)
{
    (void)state;
    struct fake a = {.source = 1, .parts = 5}, b = {.source = 2, .parts = 6};
    struct dw_receiver *both = join(&a, &b);
    struct dw_received got;
    const uint64_t *sources = NULL;
    assert_int_equal(dw_receiver_parts(both), 5);
    assert_int_equal(dw_receiver_leaving(both, &sources), 0);
    dw_receiver_let_go(both);
    b.leaving = 1;
    assert_int_equal(dw_receiver_next(both, &got), DW_EAGAIN);
    assert_int_equal(dw_receiver_leaving(both, &sources), 1);
    assert_int_equal(sources[0], 2);
    a.leaving = 1;
    assert_int_equal(dw_receiver_next(both, &got), DW_EAGAIN);
    dw_receiver_let_go(both);
    assert_int_equal(a.let_go, 0);
    assert_int_equal(b.let_go, 1);
    assert_int_equal(dw_receiver_leaving(both, &sources), 1);
    assert_int_equal(sources[0], 1);
    dw_receiver_let_go(both);
    assert_int_equal(a.let_go, 1);
    assert_int_equal(dw_receiver_leaving(both, &sources), 0);
    dw_receiver_close(both);
}

static void both_are_drained_or_neither_is(void **state)
{
    (void)state;
    struct fake a = {.source = 1, .drained = true}, b = {.source = 2};
    struct dw_receiver *both = join(&a, &b);
    assert_false(dw_receiver_drained(both));
    b.drained = true;
    assert_true(dw_receiver_drained(both));
    dw_receiver_close(both);
}

static void an_error_of_one_is_an_error(void **state)
{
    (void)state;
    struct fake a = {.source = 1, .rc = DW_EIO}, b = {.source = 2, .have = 1};
    struct dw_receiver *both = join(&a, &b);
    struct dw_received got;
    assert_int_equal(dw_receiver_next(both, &got), DW_EIO);
    dw_receiver_close(both);
}

static void without_memory_both_are_closed(void **state)
{
    (void)state;
    struct fake a = {.base.ops = &fake_ops}, b = {.base.ops = &fake_ops};
    struct dw_receiver *both = NULL;
    mem_fail_at(1);
    assert_int_equal(dw_receiver_both(&a.base, &b.base, &both), DW_ENOMEM);
    mem_fail_at(0);
    assert_true(a.closed && b.closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_take_turns_and_give_theirs_away),
        cmocka_unit_test(each_is_told_of_its_own_place),
        cmocka_unit_test(what_was_replaced_is_no_place),
        cmocka_unit_test(what_was_taken_is_no_place),
        cmocka_unit_test(only_what_was_told_is_let_go),
        cmocka_unit_test(both_are_drained_or_neither_is),
        cmocka_unit_test(an_error_of_one_is_an_error),
        cmocka_unit_test(without_memory_both_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
