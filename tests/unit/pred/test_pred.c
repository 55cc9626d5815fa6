/* Tests of core/pred/pred.c: candidates, lists, arrays, and the prefilter against working everything out. */
#include "pred_bed.h"

#include "dogwatch/base/rng.h"

static struct bed b;

static void the_first_present_name_counts(void **state)
{
    (void)state;
    struct dw_pred *p = dw_pred_new();
    uint32_t keys[2] = {bed_key(&b, "raw"), bed_key(&b, "ecs.name")}, field, key = 0;
    struct dw_leaf_spec spec = {.op = DW_LEAF_PATTERN, .text = DW_STR("x")};
    assert_int_equal(dw_pred_field(p, keys, 2, false, &field), DW_OK);
    spec.field = field;
    uint32_t leaf = bed_leaf(&b, p, NULL, spec);
    assert_int_equal(dw_pred_build(p), DW_OK);
    struct dw_pred_scratch *s = dw_pred_scratch_new(p);
    bed_begin(&b, "line");
    bed_text(&b, "ecs.name", "x");
    assert_int_equal(dw_pred_begin(s, &b.ev, bed_ignore, NULL), DW_OK);
    assert_int_equal(dw_pred_test(s, leaf), DW_TRUE);
    assert_true(dw_pred_present_key(s, field, &key) && key == keys[1]);
    bed_text(&b, "raw", "y");
    bed_text(&b, "raw", "z");
    assert_int_equal(dw_pred_begin(s, &b.ev, bed_ignore, NULL), DW_OK);
    assert_int_equal(dw_pred_test(s, leaf), DW_FALSE);
    bed_text(&b, "raw", "x"); /* a repeated key is a list: any of them */
    assert_int_equal(dw_pred_begin(s, &b.ev, bed_ignore, NULL), DW_OK);
    assert_int_equal(dw_pred_test(s, leaf), DW_TRUE);
    dw_pred_scratch_free(s);
    dw_pred_free(p);
}

static void fields_of_the_stream_stand_in(void **state)
{
    (void)state;
    struct dw_field on_stream = {.kind = DW_K_CONST, .v.ptr = "web", .len = 3, .key = bed_key(&b, "container.name")};
    struct dw_stream stream = {.field = &on_stream, .field_count = 1};
    bed_begin(&b, "line");
    b.ev.stream = &stream;
    assert_true(bed_is(&b, "container.name", "web"));
    bed_text(&b, "container.name", "db"); /* the event's own wins */
    assert_false(bed_is(&b, "container.name", "web"));
    b.ev.stream = NULL;
}

static void implied_names_are_the_line(void **state)
{
    (void)state;
    bed_begin(&b, "some text");
    assert_true(bed_is(&b, "event.original", "some text"));
    assert_true(bed_is(&b, "message", "*text"));
    bed_begin(&b, "{\"a\":1}");
    assert_true(bed_is(&b, "event.original", "{*"));
    assert_false(bed_is(&b, "message", "*"));
}

struct fired {
    bool leaf[512];
};

static void on_fired(void *ud, uint32_t leaf)
{
    struct fired *f = ud;
    assert_false(f->leaf[leaf]); /* once an event */
    f->leaf[leaf] = true;
}

static uint32_t random_leaf(struct dw_pred *p, struct dw_rng *rng)
{
    static const char *const pieces[] = {"*", "?", "ab", "abc", "ABC", "Ä", "xyz", "bca", "k", "\xe2\x84\xaa", "s"};
    static const char *const sources[] = {"abc", "a+bca", "(abc|xyz)abc", "^abc", "xyz$", "b.a", "[ab]{2}cab?xyz"};
    static const char *const names[] = {"f0", "f1", "f2"};
    char text[64] = "";
    size_t len = 0;
    for (uint64_t n = dw_rng_below(rng, 4); n > 0; n--) {
        const char *piece = pieces[dw_rng_below(rng, DW_COUNT_OF(pieces))];
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    struct dw_leaf_spec spec = {.op = DW_LEAF_PATTERN, .cased = dw_rng_below(rng, 4) == 0};
    struct dw_buf code = {0};
    dw_pat_add_sigma(&code, dw_str_make(text, len));
    spec.text = dw_buf_view(&code);
    if (dw_rng_below(rng, 4) == 0) {
        spec.op = DW_LEAF_REGEX;
        spec.cased = false;
        spec.flags = dw_rng_below(rng, 2) ? DW_RE_I : 0;
        spec.text = dw_str_of(sources[dw_rng_below(rng, DW_COUNT_OF(sources))]);
    }
    bool keyword = dw_rng_below(rng, 6) == 0;
    uint32_t leaf = bed_leaf(&b, p, keyword ? NULL : names[dw_rng_below(rng, 3)], spec);
    dw_pred_watch(p, leaf);
    dw_buf_fini(&code);
    return leaf;
}

static void random_text(struct dw_rng *rng, char *out)
{
    static const char *const pieces[] = {"a", "b", "c", "ab", "ABC", "xyz", "Ä", "ä", "K", "\xe2\x84\xaa", "\xff", "S"};
    *out = 0;
    for (uint64_t n = dw_rng_below(rng, 6); n > 0; n--)
        strcat(out, pieces[dw_rng_below(rng, DW_COUNT_OF(pieces))]);
}

/* Goal:   the prefilter changes no verdict, and every leaf that is true has fired.
 * Method: random leaves over random events, asked with it and without. */
static void the_prefilter_changes_no_verdict(void **state)
{
    (void)state;
    struct dw_rng rng = {.state = 42};
    static const char *const names[] = {"f0", "f1", "f2"};
    for (int round = 0; round < 60; round++) {
        struct dw_pred *p = dw_pred_new();
        for (int i = 0; i < 40; i++)
            (void)random_leaf(p, &rng);
        assert_int_equal(dw_pred_build(p), DW_OK);
        struct dw_pred_scratch *fast = dw_pred_scratch_new(p), *slow = dw_pred_scratch_new(p);
        dw_pred_scratch_prefilter(slow, false);
        for (int e = 0; e < 40; e++) {
            char text[3][64], line[64];
            struct fired fired = {{false}}, none = {{false}};
            random_text(&rng, line);
            bed_begin(&b, line);
            for (int i = 0; i < 3; i++) {
                random_text(&rng, text[i]);
                bed_text(&b, names[dw_rng_below(&rng, 3)], text[i]);
            }
            assert_int_equal(dw_pred_begin(fast, &b.ev, on_fired, &fired), DW_OK);
            assert_int_equal(dw_pred_begin(slow, &b.ev, on_fired, &none), DW_OK);
            for (uint32_t leaf = 0; leaf < dw_pred_leaf_count(p); leaf++) {
                enum dw_verdict v = dw_pred_test(fast, leaf);
                assert_int_equal(v, dw_pred_test(slow, leaf));
                assert_true(v == DW_FALSE || fired.leaf[leaf]);
            }
        }
        dw_pred_scratch_free(fast);
        dw_pred_scratch_free(slow);
        dw_pred_free(p);
    }
}

static void elements_of_arrays_are_kept_apart(void **state)
{
    (void)state;
    struct dw_pred *p = dw_pred_new();
    uint32_t leaf = bed_leaf(&b, p, "c.image", (struct dw_leaf_spec){.op = DW_LEAF_PATTERN, .text = DW_STR("x")});
    uint32_t field = dw_pred_leaf_field(p, leaf), elem = 0;
    assert_int_equal(dw_pred_build(p), DW_OK);
    struct dw_pred_scratch *s = dw_pred_scratch_new(p);
    bed_begin(&b, "line");
    bed_add(&b, "c.image", (struct dw_field){.kind = DW_K_CONST, .v.ptr = "x", .len = 1, .elem = 1});
    bed_add(&b, "c.image", (struct dw_field){.kind = DW_K_CONST, .v.ptr = "y", .len = 1, .elem = 2});
    assert_int_equal(dw_pred_begin(s, &b.ev, bed_ignore, NULL), DW_OK);
    assert_true(dw_pred_in_array(s, field));
    assert_true(dw_pred_elem(s, field, 1, &elem) && elem == 2);
    assert_false(dw_pred_elem(s, field, 2, &elem));
    assert_int_equal(dw_pred_test_elem(s, leaf, 1), DW_TRUE);
    assert_int_equal(dw_pred_test_elem(s, leaf, 2), DW_FALSE);
    dw_pred_scratch_free(s);
    dw_pred_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_present_name_counts),
        cmocka_unit_test(fields_of_the_stream_stand_in),
        cmocka_unit_test(implied_names_are_the_line),
        cmocka_unit_test(the_prefilter_changes_no_verdict),
        cmocka_unit_test(elements_of_arrays_are_kept_apart),
    };
    bed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bed_fini(&b);
    return rc;
}
