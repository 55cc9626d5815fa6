/* sigma_bed: rules from text and events from words, for the tests of correlate. */
#ifndef DOGWATCH_TESTS_SIGMA_BED_H
#define DOGWATCH_TESTS_SIGMA_BED_H

#include "support.h"

#include "dogwatch/correlate/window.h"

#include <stdio.h>

struct sbed {
    struct dw_keys *keys;
    struct dw_ruleset *rs;
    struct dw_match_scratch *scratch;
    struct dw_buf said;
    struct dw_field field[64];
    struct dw_event ev;
    bool hit[64];
    uint32_t hits;
};

static inline void sbed_hear(void *ud, const struct dw_diags *d)
{
    dw_diags_print(d, ud);
}

static inline void sbed_init(struct sbed *b)
{
    memset(b, 0, sizeof *b);
    b->keys = dw_keys_new();
}

static inline void sbed_fini(struct sbed *b)
{
    dw_match_scratch_free(b->scratch);
    dw_ruleset_free(b->rs);
    dw_keys_free(b->keys);
    dw_buf_fini(&b->said);
}

/* Loads rules in place of those before; complaints go to b->said (NUL-terminated). Answers how many rules loaded. */
static inline uint32_t sbed_rules_with(struct sbed *b, const char *yaml, const struct dw_ruleset_opts *opts)
{
    const struct dw_diag_sink sink = {sbed_hear, &b->said};
    dw_match_scratch_free(b->scratch);
    dw_ruleset_free(b->rs);
    dw_buf_reset(&b->said);
    b->rs = dw_ruleset_new(b->keys, opts);
    assert_int_equal(dw_ruleset_add(b->rs, "t.yml", dw_str_of(yaml), sink), DW_OK);
    assert_int_equal(dw_ruleset_finish(b->rs, sink), DW_OK);
    dw_buf_byte(&b->said, 0);
    b->scratch = dw_match_scratch_new(b->rs);
    return dw_ruleset_count(b->rs);
}

static inline uint32_t sbed_rules(struct sbed *b, const char *yaml)
{
    return sbed_rules_with(b, yaml, NULL);
}

/* One rule around a detection part. */
static inline void sbed_detection(struct sbed *b, const char *detection)
{
    struct dw_buf yaml = {0};
    dw_buf_printf(&yaml, "title: t\nid: r\nlogsource: {product: x}\ndetection:\n%s%c", detection, 0);
    if (sbed_rules(b, yaml.ptr) != 1)
        fail_msg("%s", b->said.ptr);
    dw_buf_fini(&yaml);
}

/* Expects that a detection is refused, with `place` and `word` in what is said. */
static inline void sbed_refused(struct sbed *b, const char *detection, const char *place, const char *word)
{
    struct dw_buf yaml = {0};
    dw_buf_printf(&yaml, "title: t\nid: r\nlogsource: {product: x}\ndetection:\n%s%c", detection, 0);
    assert_int_equal(sbed_rules(b, yaml.ptr), 0);
    if (!strstr(b->said.ptr, place) || !strstr(b->said.ptr, word))
        fail_msg("for\n%s it says\n%s", detection, b->said.ptr);
    dw_buf_fini(&yaml);
}

/* An event of "name=value" words, separated by '|'; the word after '=' may be empty. `line` is the line. */
static inline struct dw_event *sbed_event(struct sbed *b, const char *words, const char *line)
{
    struct dw_str rest = dw_str_of(words);
    b->ev = (struct dw_event){.field = b->field, .line = dw_str_of(line)};
    while (rest.len) {
        struct dw_str value = dw_str_cut(&rest, '|');
        struct dw_str name = dw_str_cut(&value, '=');
        uint32_t key;
        assert_int_equal(dw_keys_intern(b->keys, name, &key), DW_OK);
        b->field[b->ev.field_count++] =
            (struct dw_field){.v.ptr = value.ptr, .len = (uint32_t)value.len, .key = key, .kind = DW_K_LITERAL};
    }
    return &b->ev;
}

static inline void sbed_on_hit(void *ud, uint32_t rule, bool undecided)
{
    struct sbed *b = ud;
    assert_true(rule < 64 && !undecided && !b->hit[rule]);
    b->hit[rule] = true;
    b->hits++;
}

static inline uint32_t sbed_match_with(struct sbed *b, struct dw_match_opts opts)
{
    memset(b->hit, 0, sizeof b->hit);
    b->hits = 0;
    assert_int_equal(dw_match_event(b->scratch, &b->ev, opts, sbed_on_hit, b), DW_OK);
    return b->hits;
}

/* Whether any rule matches; asserted to be the same with and without prefilter. */
static inline bool sbed_is(struct sbed *b, const char *words)
{
    bool copy[64];
    (void)sbed_event(b, words, "-");
    (void)sbed_match_with(b, (struct dw_match_opts){.any_logsource = true, .no_prefilter = true});
    memcpy(copy, b->hit, sizeof copy);
    (void)sbed_match_with(b, (struct dw_match_opts){.any_logsource = true});
    assert_memory_equal(copy, b->hit, sizeof copy);
    return b->hits > 0;
}

#endif
