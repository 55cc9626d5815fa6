/*
 * fuse: of a flood of alerts the first are shown, and the rest counted with the keys that it is about.
 *
 * Invariants:
 *   (1) Every alert is either shown or counted once, under the narrowest fuse that blew.
 *   (2) Entries are bounded by what is shown, and by one for each rule and hour: a key is entered only when an alert of it is shown.
 */
#include "dogwatch/base/keyed.h"

#include "dogwatch/base/mem.h"
#include "dogwatch/collect/triage.h"

#include <stdio.h>

enum { TOP_KEPT = 16, TOP_TEXT = 200 };
#define HOUR_NS (3600 * INT64_C(1000000000))

struct top {
    char text[TOP_TEXT];
    uint64_t alerts;
};

/* A key, a rule, or all, in one hour. */
struct scope {
    struct dw_keyed_item item;
    int64_t hour_ns;
    char *text; /* of the first alert that it counts; NULL: none yet */
    const char *rule, *title, *level;
    struct dw_str key;
    uint64_t shown, alerts, events; /* the last two: not shown since they were told */
    uint32_t top_count;
    struct top *top; /* room for TOP_KEPT, or NULL */
};

struct dw_fuse {
    struct dw_keyed scopes;
};

struct dw_fuse *dw_fuse_new(void)
{
    return dw_calloc(1, sizeof(struct dw_fuse));
}

void dw_fuse_free(struct dw_fuse *f)
{
    if (!f)
        return;
    for (struct dw_keyed_item *i = f->scopes.first; i; i = i->next) {
        dw_free(((struct scope *)i)->text);
        dw_free(((struct scope *)i)->top);
    }
    dw_keyed_fini(&f->scopes);
    dw_free(f);
}

/* Counts a text among the most frequent ones (Space-Saving; Metwally, Agrawal, El Abbadi 2005): a new one takes the place of the rarest. */
static void count_top(struct scope *s, struct dw_str text)
{
    uint32_t at = 0;
    char cut[TOP_TEXT];
    if (!s->top && !(s->top = dw_calloc(TOP_KEPT, sizeof *s->top)))
        return;
    (void)snprintf(cut, sizeof cut, "%.*s", DW_ARG(text));
    for (uint32_t i = 0; i < s->top_count; i++) {
        if (strcmp(s->top[i].text, cut) == 0) {
            s->top[i].alerts++;
            return;
        }
        at = s->top[i].alerts < s->top[at].alerts ? i : at;
    }
    if (s->top_count < TOP_KEPT) {
        at = s->top_count++;
        s->top[at].alerts = 0;
    }
    memcpy(s->top[at].text, cut, sizeof cut);
    s->top[at].alerts++;
}

/* The scope of an alert: of its key, of its rule, or of all. */
enum width { KEY, RULE, ALL, WIDTHS };
static struct scope *scope_of(struct dw_fuse *f, const struct dw_alert *a, enum width width, bool make)
{
    struct dw_buf key = {0};
    int64_t hour = a->time_ns - ((a->time_ns % HOUR_NS) + HOUR_NS) % HOUR_NS;
    dw_buf_byte(&key, (uint8_t)width);
    dw_buf_u64(&key, (uint64_t)hour);
    dw_keyed_part(&key, width == ALL ? DW_STR("") : dw_str_of(a->rule));
    dw_keyed_part(&key, width == KEY ? a->key : DW_STR(""));
    struct scope *s = key.err ? NULL : dw_keyed_find(&f->scopes, dw_buf_view(&key));
    if (!s && make && !key.err)
        s = dw_keyed_add(&f->scopes, dw_buf_view(&key), sizeof *s);
    dw_buf_fini(&key);
    if (s)
        s->hour_ns = hour;
    return s;
}

/* Counts what is not shown. */
static void count(struct scope *s, const struct dw_alert *a, enum width width)
{
    bool of_all = width == ALL;
    const struct dw_str text[] = {of_all ? DW_STR("") : dw_str_of(a->rule), of_all ? DW_STR("") : dw_str_of(a->title),
        of_all ? DW_STR("") : dw_str_of(a->level), width == KEY ? a->key : DW_STR("")};
    const char *at[DW_COUNT_OF(text)] = {"", "", "", ""};
    if (!s->text) {
        s->text = dw_keyed_texts(text, DW_COUNT_OF(text), at);
        s->rule = at[0];
        s->title = at[1];
        s->level = at[2];
        s->key = dw_str_make(at[3], s->text ? text[3].len : 0);
    }
    s->alerts++;
    s->events += (uint64_t)a->total;
    if (width != KEY)
        count_top(s, width == RULE ? a->key : dw_str_of(a->title));
}

bool dw_fuse_takes(struct dw_fuse *f, const struct dw_alert *a)
{
    static const uint64_t most[] = {DW_FUSE_KEY, DW_FUSE_RULE, DW_FUSE_ALL};
    struct scope *s[WIDTHS];
    for (int w = KEY; w < WIDTHS; w++) {
        s[w] = scope_of(f, a, (enum width)w, w != KEY);
        if (!s[w] || s[w]->shown < most[w])
            continue;
        count(s[w], a, (enum width)w);
        return false;
    }
    if (!s[KEY])
        s[KEY] = scope_of(f, a, KEY, true);
    for (int w = KEY; w < WIDTHS; w++)
        if (s[w])
            s[w]->shown++;
    return true;
}

static void tell(const struct scope *s, void (*each)(void *arg, const struct dw_fuse_blown *b), void *arg)
{
    struct dw_fuse_blown b = {.hour_ns = s->hour_ns, .rule = s->rule, .title = s->title, .level = s->level,
        .key = s->key, .alerts = s->alerts, .events = s->events};
    bool told[TOP_KEPT] = {false};
    for (; b.top_count < DW_FUSE_TOP && b.top_count < s->top_count; b.top_count++) {
        uint32_t best = TOP_KEPT;
        for (uint32_t i = 0; i < s->top_count; i++)
            if (!told[i] && (best == TOP_KEPT || s->top[i].alerts > s->top[best].alerts))
                best = i;
        told[best] = true;
        b.top[b.top_count].text = s->top[best].text;
        b.top[b.top_count].alerts = s->top[best].alerts;
    }
    each(arg, &b);
}

void dw_fuse_each(struct dw_fuse *f, void (*each)(void *arg, const struct dw_fuse_blown *b), void *arg)
{
    for (struct dw_keyed_item *i = f->scopes.first; i; i = i->next) {
        struct scope *s = (struct scope *)i;
        if (s->alerts)
            tell(s, each, arg);
        s->alerts = s->events = 0;
        s->top_count = 0;
    }
}
