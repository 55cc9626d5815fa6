/* pred_bed: an event put together by hand, and one leaf asked about it, for the tests of core/pred. */
#ifndef DOGWATCH_TESTS_PRED_BED_H
#define DOGWATCH_TESTS_PRED_BED_H

#include "support.h"

#include "dogwatch/pred/pred.h"

struct bed {
    struct dw_keys *keys;
    struct dw_arena pool;
    struct dw_field field[DW_EVENT_FIELDS_MAX];
    struct dw_draft draft;
    struct dw_event ev;
};

static inline uint32_t bed_key(struct bed *b, const char *name)
{
    uint32_t id = 0;
    assert_int_equal(dw_keys_intern(b->keys, dw_str_of(name), &id), DW_OK);
    return id;
}

static inline void bed_begin(struct bed *b, const char *line)
{
    b->draft = (struct dw_draft){.keys = b->keys, .pool = &b->pool, .field = b->field};
    dw_draft_reset(&b->draft, dw_str_of(line));
    b->ev = (struct dw_event){.line = dw_str_of(line), .field = b->field};
}

static inline void bed_init(struct bed *b)
{
    memset(b, 0, sizeof *b);
    b->keys = dw_keys_new();
    dw_arena_init(&b->pool, 0);
    bed_begin(b, "line");
}

static inline void bed_fini(struct bed *b)
{
    dw_arena_fini(&b->pool);
    dw_keys_free(b->keys);
}

static inline void bed_text(struct bed *b, const char *name, const char *text)
{
    dw_draft_literal(&b->draft, bed_key(b, name), dw_str_of(text));
    b->ev.field_count = b->draft.field_count;
}

static inline void bed_add(struct bed *b, const char *name, struct dw_field f)
{
    f.key = bed_key(b, name);
    dw_draft_field(&b->draft, f);
    b->ev.field_count = b->draft.field_count;
}

static inline uint32_t bed_leaf(struct bed *b, struct dw_pred *p, const char *name, struct dw_leaf_spec spec)
{
    char why[160] = "";
    size_t offset;
    uint32_t leaf = 0;
    if (name) {
        uint32_t key = bed_key(b, name);
        assert_int_equal(dw_pred_field(p, &key, 1, false, &spec.field), DW_OK);
    }
    assert_int_equal(dw_pred_leaf(p, &spec, why, sizeof why, &offset, &leaf), DW_OK);
    return leaf;
}

static inline void bed_ignore(void *ud, uint32_t leaf)
{
    (void)ud;
    (void)leaf;
}

/* What one leaf says of the event, asserted to be the same with and without prefilter. */
static inline enum dw_verdict bed_ask(struct bed *b, const char *name, struct dw_leaf_spec spec)
{
    struct dw_pred *p = dw_pred_new();
    uint32_t leaf = bed_leaf(b, p, name, spec);
    assert_int_equal(dw_pred_build(p), DW_OK);
    struct dw_pred_scratch *s = dw_pred_scratch_new(p);
    assert_int_equal(dw_pred_begin(s, &b->ev, bed_ignore, NULL), DW_OK);
    enum dw_verdict with = dw_pred_test(s, leaf);
    dw_pred_scratch_prefilter(s, false);
    assert_int_equal(dw_pred_begin(s, &b->ev, bed_ignore, NULL), DW_OK);
    assert_int_equal(dw_pred_test(s, leaf), with);
    dw_pred_scratch_free(s);
    dw_pred_free(p);
    return with;
}

/* The same for Sigma text. */
static inline bool bed_is(struct bed *b, const char *name, const char *sigma)
{
    struct dw_buf code = {0};
    dw_pat_add_sigma(&code, dw_str_of(sigma));
    enum dw_verdict v = bed_ask(b, name, (struct dw_leaf_spec){.op = DW_LEAF_PATTERN, .text = dw_buf_view(&code)});
    dw_buf_fini(&code);
    return v == DW_TRUE;
}

#endif
