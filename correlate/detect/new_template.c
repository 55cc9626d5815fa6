/*
 * new_template: a message of a kind that this key has not had for a while.
 *
 * Idea: a message's kind is its template by itself (dw_template_mask), so what is new depends on the message and on what the key had before in total
 * order, never on arrival. Entries of a key are templates, each with how often it came, and, for each word of them, the template without that word
 * with how many templates came that differ in it alone.
 *
 *   known   a template that came within `timespan`; or one that differs in one word from a template at a place where `fanout` templates of the last
 *           `timespan` differed already: there the word is a value (a name), and who has seen enough names is told no further one.
 *   new     everything else: told when it has come as often as `condition` says, unless the key is learning (`learn`, `warmup`) or `mute` names it.
 *           What is not told for these two reasons is known from then on.
 *
 * Invariants:
 *   (1) An entry's number is how often its template came; below 0, of a template without a word, how many templates stand behind it, `fanout` at most.
 *   (2) A template without a word stays for `timespan` after the last message that was new in it or known by it.
 *   (3) At ENTRIES_MAX the entry not seen for longest is forgotten and counted: what it knew can be told again.
 */
#include "detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/template/template.h"

#include <math.h>

enum { ENTRIES_MAX = 8192, WORDS_LOOKED_AT = 32 };
#define COMES_MOST 9007199254740992.0 /* 2^53: a count is exact */

/* A template without each of its words. */
struct patterns {
    uint8_t value[WORDS_LOOKED_AT][DW__HASH_BYTES];
    uint32_t count;
    uint32_t seen[WORDS_LOOKED_AT]; /* how many templates stand behind it */
};

/* Takes out an entry: what it was worth; false: there is none. */
static bool take_out(struct dw__state *s, const uint8_t value[DW__HASH_BYTES], struct dw__worth *ret)
{
    uint32_t at = s->count;
    while (at > 0 && memcmp(dw__worth_at(s, at - 1)->value, value, DW__HASH_BYTES) != 0)
        at--;
    if (at == 0)
        return false;
    *ret = *dw__worth_at(s, at - 1);
    for (; at < s->count; at++)
        dw__entry_move(s, at, at - 1);
    s->count--;
    return true;
}

/* Appends an entry of that worth, at the record's time. */
static int put_back(struct dw_window *w, struct dw__state *s, const struct dw__record *r, const struct dw__worth *e)
{
    DW_COUNT_IF(s->count == ENTRIES_MAX, correlate_window_capped);
    struct dw__record as = {.time_ns = r->time_ns, .ref = r->ref, .number = e->number};
    memcpy(as.value, e->value, sizeof as.value);
    int rc = dw__entries_append(w, s, &as, ENTRIES_MAX);
    if (rc == DW_OK)
        dw__worth_at(s, s->count - 1)->set = e->set;
    return rc;
}

static void patterns_of(const struct dw__state *s, struct dw_str text, struct patterns *ret)
{
    struct dw_template t;
    dw_template_mask(text, &t); /* of a template: its words, as gaps are punctuation to it */
    bool begins[UINT8_MAX + 1] = {false}; /* a pattern's value does with this byte: so most entries cost one look */
    ret->count = t.word_count < WORDS_LOOKED_AT ? t.word_count : WORDS_LOOKED_AT;
    for (uint32_t i = 0; i < ret->count; i++) {
        dw__hash16(dw_str_make(t.text, t.word[i].at), dw_str_slice(dw_template_text(&t), (size_t)t.word[i].at + t.word[i].len, t.len), ret->value[i]);
        ret->seen[i] = 0;
        begins[ret->value[i][0]] = true;
    }
    for (uint32_t n = 0; n < s->count; n++) {
        const struct dw__worth *e = dw__worth_at(s, n);
        for (uint32_t i = 0; e->number < 0 && begins[e->value[0]] && i < ret->count; i++)
            if (memcmp(e->value, ret->value[i], DW__HASH_BYTES) == 0)
                ret->seen[i] = (uint32_t)-e->number;
    }
}

/* Notes that `templates` stand behind pattern i. */
static int note_pattern(struct dw_window *w, struct dw__state *s, const struct dw__record *r, const struct patterns *p, uint32_t i, uint32_t templates)
{
    struct dw__worth e;
    if (p->seen[i])
        (void)take_out(s, p->value[i], &e);
    e = (struct dw__worth){.number = -(double)templates, .set = true};
    memcpy(e.value, p->value[i], sizeof e.value);
    return put_back(w, s, r, &e);
}

/* Whether a word of the template stands where there were many others; then that is noted. */
static int is_variant(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, const struct patterns *p, bool *ret)
{
    uint32_t i = 0;
    while (i < p->count && p->seen[i] < c->fanout)
        i++;
    *ret = i < p->count;
    return *ret ? note_pattern(w, s, r, p, i, p->seen[i]) : DW_OK;
}

static int note_patterns(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, const struct patterns *p)
{
    int rc = DW_OK;
    for (uint32_t i = 0; i < p->count && rc == DW_OK; i++)
        rc = note_pattern(w, s, r, p, i, p->seen[i] < c->fanout ? p->seen[i] + 1 : c->fanout);
    return rc;
}

static bool is_muted(const struct dw_correlation *c, struct dw_str text, int64_t time_ns)
{
    char id[DW_TEMPLATE_ID_TEXT];
    for (uint32_t i = 0; i < c->mute_count; i++) {
        if (i == 0)
            dw_template_id(text, id);
        if (time_ns < c->mute[i].until_ns && (dw_str_eq(c->mute[i].text, text) || dw_str_eq(c->mute[i].text, dw_str_of(id))))
            return true;
    }
    return false;
}

/* How many templates the key knows, and how often they came. */
static uint32_t known(const struct dw__state *s, double *ret_comes)
{
    uint32_t templates = 0;
    *ret_comes = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct dw__worth *e = dw__worth_at(s, i);
        templates += e->set && e->number > 0;
        *ret_comes += e->number > 0 ? e->number : 0;
    }
    return templates;
}

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    struct dw_str value = dw_str_make(r->text + r->text_len, r->value_len), text = dw_str_slice(value, sizeof(uint32_t), value.len);
    struct dw__worth e = {.number = 0};
    struct patterns p;
    double comes;
    int rc = DW_OK;
    *ret_is = false;
    *ret = (struct dw_anomaly){.feature = c->field_count ? c->field_name[0] : DW_STR("message"), .value_text = value};
    dw__entries_expire(s, dw__earlier(r->time_ns, c->timespan_ns));
    bool there = take_out(s, r->value, &e);
    if (!there) {
        bool variant;
        patterns_of(s, text, &p);
        rc = is_variant(w, c, s, r, &p, &variant);
        if (rc < 0 || variant)
            return rc;
    }
    memcpy(e.value, r->value, sizeof e.value);
    e.number = e.number < COMES_MOST ? e.number + 1 : e.number;
    if (!e.set) {
        ret->baseline = known(s, &comes);
        bool learns = !dw__has_learned(c, s, r->time_ns) || comes < c->warmup;
        bool enough = dw__condition_holds(c, e.number);
        e.set = learns || enough;
        *ret_is = !learns && enough && !is_muted(c, text, r->time_ns);
    }
    if (!there)
        rc = note_patterns(w, c, s, r, &p);
    return rc < 0 ? rc : put_back(w, s, r, &e);
}

static bool fits(const struct dw_correlation *c, const struct dw__state *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        double n = dw__worth_at(s, i)->number;
        if (!(fabs(n) >= 1 && fabs(n) <= (n < 0 ? c->fanout : COMES_MOST)))
            return false;
    }
    return true;
}

/* A key outlives what it knows: what comes after a long silence is new to it. */
const struct dw__detector dw__detector_new_template = {.word = "new_template", .observe = observe, .fits = fits, .keeps = 2};
