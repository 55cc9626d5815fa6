/* Fuzz: a rule file, then events of words. Oracle: prefilter and witnesses change no verdict; saved windows load; repairs stay inside the text, and change no verdict.
 *
 * Input: YAML, a line `%%`, then one event a line: name=value words between '|'. */
#include "support.h"
#include "windows.h"

#include "dogwatch/correlate/mend.h"
#include "dogwatch/correlate/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quiet(void *ud, const struct dw_diags *d)
{
    dw_buf_reset(ud);
    dw_diags_print(d, ud);
}

struct verdicts {
    struct dw_window *w;
    const struct dw_event *ev;
    struct dw_buf hits;
};

static void on_hit(void *ud, uint32_t rule, bool undecided)
{
    struct verdicts *v = ud;
    dw_buf_u32(&v->hits, rule);
    dw_buf_byte(&v->hits, undecided);
    if (v->w && !undecided && dw_window_match(v->w, rule, v->ev, false) < 0)
        dw_buf_reset(&v->hits);
}

static uint32_t read_event(struct dw_keys *keys, struct dw_str words, struct dw_field *field)
{
    uint32_t n = 0;
    while (words.ptr && words.len && n < 32) {
        struct dw_str value = dw_str_cut(&words, '|');
        struct dw_str name = dw_str_cut(&value, '=');
        uint32_t key;
        if (dw_keys_intern(keys, name, &key) < 0)
            continue;
        uint32_t elem = name.len && value.len ? (uint8_t)value.ptr[0] % 3u : 0;
        field[n++] = (struct dw_field){.v.ptr = value.ptr ? value.ptr : "",
            .len = (uint32_t)value.len,
            .key = key,
            .kind = dw_str_eq(name, DW_STR("tags")) ? DW_K_CONST : DW_K_LITERAL, /* as ours are: unparsed, cut, fields.dropped */
            .elem = elem};
    }
    return n;
}

static void pass_over(void *ud, const struct dw_condition *c)
{
    (void)ud;
    DW_ASSERT(c->text.len);
}

/* An explanation says what matching says. */
static void explain(struct dw_match_scratch *s, const struct dw_ruleset *rs, const struct dw_event *ev, struct dw_str hits)
{
    for (uint32_t rule = 0; rule < dw_ruleset_count(rs); rule++) {
        enum dw_verdict v;
        if (dw_ruleset_rule(rs, rule)->expr == DW_EXPR_NONE)
            continue;
        int rc = dw_match_explain(s, rule, ev, rule & 1, pass_over, NULL, &v);
        DW_ASSERT(rc == DW_OK);
        uint32_t next = UINT32_MAX;
        if (hits.len)
            memcpy(&next, hits.ptr, sizeof next); /* as on_hit wrote it, on this machine */
        bool hit = next == rule;
        DW_ASSERT(v == (!hit ? DW_FALSE : hits.ptr[4] ? DW_UNDECIDED : DW_TRUE));
        hits = dw_str_slice(hits, hit ? 5 : 0, hits.len);
    }
}

static void one_event(struct dw_match_scratch *s, struct dw_match_scratch *mended, const struct dw_ruleset *rs, struct dw_window *w, struct dw_keys *keys, struct dw_str line,
    int64_t n)
{
    struct dw_field field[32];
    struct dw_event ev = {.field = field, .line = line, .time_ns = n * 1000000000, .start = (uint64_t)n};
    ev.field_count = read_event(keys, line, field);
    struct verdicts fast = {.w = w, .ev = &ev}, slow = {.ev = &ev};
    int a = dw_match_event(s, &ev, (struct dw_match_opts){.any_logsource = true}, on_hit, &fast);
    int b = dw_match_event(s, &ev, (struct dw_match_opts){.any_logsource = true, .no_prefilter = true}, on_hit, &slow);
    DW_ASSERT(a == DW_OK && b == DW_OK);
    DW_ASSERT(dw_str_eq(dw_buf_view(&fast.hits), dw_buf_view(&slow.hits)));
    explain(s, rs, &ev, dw_buf_view(&slow.hits));
    if (mended) {
        struct verdicts same = {.ev = &ev};
        a = dw_match_event(mended, &ev, (struct dw_match_opts){.any_logsource = true}, on_hit, &same);
        DW_ASSERT(a == DW_OK && dw_str_eq(dw_buf_view(&same.hits), dw_buf_view(&slow.hits)));
        dw_buf_fini(&same.hits);
    }
    dw_buf_fini(&fast.hits);
    dw_buf_fini(&slow.hits);
}

static void reload(struct dw_ruleset *rs, struct dw_window *w)
{
    struct dw_buf saved = {0};
    struct dw_window *copy = dw_window_new(rs, NULL);
    dw_window_save(w, &saved);
    int rc = dw_window_load(copy, dw_buf_view(&saved));
    DW_ASSERT(rc == DW_OK);
    dw_window_free(copy);
    dw_buf_fini(&saved);
}

static void finding_sink(void *ud, const struct dw_finding *f)
{
    struct dw_buf out = {0};
    dw_finding_json(ud, f, &out);
    dw_buf_fini(&out);
}

static int no_chance(uint8_t *out, size_t len)
{
    memset(out, 0, len);
    return DW_OK;
}

/* The rules with those repairs that are said to decide the same by another hash; NULL: they do not load as before, and `rules check --fix` makes none of them. */
static struct dw_ruleset *anew(struct dw_mends *m, struct dw_str text, const struct dw_ruleset *rs, struct dw_keys *keys)
{
    struct dw_buf edits = {0}, out = {0};
    for (uint32_t i = 0; i < m->count; i++)
        m->item[i].used = !m->item[i].beside && m->item[i].row->repair == DW_REPAIR_ANEW;
    dw_mends_edits(m, 0, m->count, &edits);
    const struct dw_edit *edit = (const struct dw_edit *)(const void *)edits.ptr;
    dw_edits_apply(edit, edits.len / sizeof *edit, text, &out);
    struct dw_ruleset *now = dw_ruleset_new(keys, NULL);
    int rc = dw_ruleset_add(now, "f.yml", dw_buf_view(&out), (struct dw_diag_sink){NULL, NULL});
    if (rc == DW_OK)
        rc = dw_ruleset_finish(now, (struct dw_diag_sink){NULL, NULL});
    DW_ASSERT(rc == DW_OK);
    dw_buf_fini(&edits);
    dw_buf_fini(&out);
    if (dw_ruleset_count(now) == dw_ruleset_count(rs) && dw_ruleset_errors(now) <= dw_ruleset_errors(rs))
        return now;
    dw_ruleset_free(now);
    return NULL;
}

/* Repairs lie inside the text, in order. */
static struct dw_ruleset *mend(struct dw_mends *m, struct dw_str text, const struct dw_ruleset *rs, struct dw_keys *keys)
{
    struct dw_buf edits = {0}, out = {0};
    dw_mends_sort(m);
    for (uint32_t i = 0; i < m->count; i++)
        m->item[i].used = !m->item[i].beside;
    dw_mends_edits(m, 0, m->count, &edits);
    const struct dw_edit *edit = (const struct dw_edit *)(const void *)edits.ptr;
    dw_edits_apply(edit, edits.len / sizeof *edit, text, &out);
    dw_edits_diff(edit, edits.len / sizeof *edit, DW_STR("f.yml"), text, &out);
    dw_buf_fini(&edits);
    dw_buf_fini(&out);
    struct dw_ruleset *now = anew(m, text, rs, keys);
    dw_mends_fini(m);
    return now;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)windows_rules;
    struct dw_str all = dw_str_make((const char *)data, size), events = DW_STR("");
    size_t cut = dw_str_find(all, DW_STR("\n%%\n"));
    if (cut < all.len)
        events = dw_str_slice(all, cut + 4, all.len);
    struct dw_keys *keys = dw_keys_new();
    struct dw_mends mends;
    dw_mends_init(&mends, no_chance);
    struct dw_ruleset *rs = dw_ruleset_new(keys, &(struct dw_ruleset_opts){.lint = true, .notes = true, .mends = &mends, .places = &windows_places});
    struct dw_buf said = {0};
    const struct dw_diag_sink sink = {quiet, &said};
    int rc = dw_ruleset_add(rs, "f.yml", dw_str_slice(all, 0, cut), sink);
    if (rc == DW_OK)
        rc = dw_ruleset_finish(rs, sink);
    DW_ASSERT(rc == DW_OK);
    struct dw_ruleset *mended = mend(&mends, dw_str_slice(all, 0, cut), rs, keys);
    struct dw_match_scratch *s = dw_match_scratch_new(rs), *again = mended ? dw_match_scratch_new(mended) : NULL;
    struct dw_window *w = dw_window_new(rs, NULL);
    for (int64_t n = 1; events.len && n < 50; n++)
        one_event(s, again, rs, w, keys, dw_str_cut(&events, '\n'), n);
    reload(rs, w);
    rc = dw_window_flush(w, finding_sink, rs);
    DW_ASSERT(rc == DW_OK);
    reload(rs, w);
    dw_window_free(w);
    dw_match_scratch_free(again);
    dw_ruleset_free(mended);
    dw_match_scratch_free(s);
    dw_ruleset_free(rs);
    dw_keys_free(keys);
    dw_buf_fini(&said);
    return 0;
}
