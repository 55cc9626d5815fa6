/*
 * oracle_plain: what correlations find, the obvious way.
 *
 * Every rule of docs/reference/correlation.md is a loop here over all records of the key: nothing is kept from one event to the next but whether a
 * finding is open. It shares nothing with correlate/window but the words.
 */
#include "oracle.h"

#include "dogwatch/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS = O_EVENTS * O_RULES + O_CORRS * O_EVENTS * O_RULES, FOUND = 4 * RECORDS };

/* A match of one member, by an event or by a finding of another correlation. */
struct record {
    int64_t time;
    int place[3]; /* series, ordinal, start: what decides among those of one time */
    int member;
    uint32_t event;
    char key[2 * O_TEXT + 4];
    char value[2 * O_TEXT + 4];
    double number;
};

struct found {
    int corr, group[2], groups;
    char value[2][O_TEXT]; /* of the groups */
    struct record at;
};

struct plain {
    const struct o_corr *corr;
    const struct o_stream *s;
    int64_t end;
    struct dw_buf *out;
    struct record record[RECORDS]; /* of the correlation at hand, in order */
    int records;
    struct found found[FOUND]; /* openings of those before it */
    int founds;
};

void o_line(const struct o_finding *f, struct dw_buf *out)
{
    dw_buf_printf(out, "c%d %s%s at %lld by %u value %.12g total %llu first %u last %u\n", f->corr, f->key, f->calm ? "calms" : f->update ? "again" : "opens", (long long)f->time, f->cause, f->value,
        (unsigned long long)f->total, f->first, f->last);
}

static bool number_of(const char *text, double *ret)
{
    char *end;
    *ret = strtod(text, &end);
    return *text && *end == '\0';
}

static void take_event(struct plain *p, const struct o_corr *c, const struct o_event *e, int member)
{
    struct record r = {.time = e->time, .place = {e->series, e->ordinal, (int)e->start}, .member = member, .event = e->start};
    for (int g = 0; g < c->groups; g++) {
        if (!e->field[c->group[g]][0])
            return;
        strcat(strcat(r.key, e->field[c->group[g]]), " ");
    }
    for (int f = 0; f < c->fields; f++) {
        if (!e->field[c->field[f]][0])
            return;
        strcat(strcat(r.value, e->field[c->field[f]]), " ");
    }
    if (c->fields && c->type != O_VALUE_COUNT && !number_of(e->field[c->field[0]], &r.number))
        return;
    DW_ASSERT(p->records < RECORDS);
    p->record[p->records++] = r;
}

static void take_found(struct plain *p, const struct o_corr *c, const struct found *f, int member)
{
    struct record r = f->at;
    r.member = member;
    r.key[0] = '\0';
    for (int g = 0; g < c->groups; g++) {
        int k = 0;
        while (k < f->groups && f->group[k] != c->group[g])
            k++;
        if (k == f->groups)
            return;
        strcat(strcat(r.key, f->value[k]), " ");
    }
    DW_ASSERT(p->records < RECORDS);
    p->record[p->records++] = r;
}

/* Time, series, ordinal, start, member; of a sequence the last step first. */
static bool ordered_before(const struct o_corr *c, const struct record *a, const struct record *b)
{
    if (a->time != b->time)
        return a->time < b->time;
    for (int i = 0; i < 3; i++)
        if (a->place[i] != b->place[i])
            return a->place[i] < b->place[i];
    return c->type == O_ORDERED ? a->member > b->member : a->member < b->member;
}

static void collect(struct plain *p, int corr)
{
    const struct o_corr *c = &p->corr[corr];
    p->records = 0;
    for (int m = 0; m < c->members; m++) {
        for (int i = 0; i < p->s->count; i++)
            if (c->member[m] < O_RULES && p->s->event[i].counts && p->s->event[i].rule[c->member[m]])
                take_event(p, c, &p->s->event[i], m);
        for (int i = 0; i < p->founds; i++)
            if (c->member[m] >= O_RULES && p->found[i].corr == c->member[m] - O_RULES)
                take_found(p, c, &p->found[i], m);
    }
    for (int i = 1; i < p->records; i++)
        for (int k = i; k > 0 && ordered_before(c, &p->record[k], &p->record[k - 1]); k--) {
            struct record t = p->record[k];
            p->record[k] = p->record[k - 1];
            p->record[k - 1] = t;
        }
}

static bool compares(enum o_op op, double a, double b)
{
    return op == O_GTE ? a >= b : op == O_GT ? a > b : op == O_LTE ? a <= b : op == O_LT ? a < b : op == O_EQ ? a == b : a != b;
}

/* What the condition asks of record `at`, among those of its key in (time - span, time]. */
struct answer {
    bool holds;
    double value;
    int named, first, last; /* records that make it: how many, the first and the last of them */
};

static bool in_window(const struct plain *p, const struct o_corr *c, int i, int at)
{
    return i <= at && strcmp(p->record[i].key, p->record[at].key) == 0 && p->record[i].time > p->record[at].time - c->span;
}

/* Whether a later record of the window has the same value, so that this sighting of it does not count. */
static bool seen_later(const struct plain *p, const struct o_corr *c, int i, int at)
{
    for (int k = i + 1; k <= at; k++)
        if (in_window(p, c, k, at) && strcmp(p->record[k].value, p->record[i].value) == 0)
            return true;
    return false;
}

/* A lone lower bound is told as what it asks for, and names the newest that make it. */
static int enough(const struct o_corr *c)
{
    bool lower = c->conds == 1 && c->op[0] <= O_GT;
    int n = c->want[0] + (c->op[0] == O_GT);
    return lower ? n < 1 ? 1 : n : RECORDS;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct answer ask_numbers(const struct plain *p, const struct o_corr *c, int at)
{
    struct answer a = {.first = -1};
    double sorted[RECORDS], sum = 0;
    bool counted = c->type == O_EVENT_COUNT || c->type == O_VALUE_COUNT;
    int most = counted ? enough(c) : RECORDS;
    for (int i = at; i >= 0 && a.named < most; i--)
        if (in_window(p, c, i, at) && !(c->type == O_VALUE_COUNT && seen_later(p, c, i, at))) {
            a.first = i;
            a.named++;
        }
    a.last = at;
    for (int i = 0, n = 0; i <= at; i++)
        if (in_window(p, c, i, at)) {
            sorted[n++] = p->record[i].number;
            sum += p->record[i].number;
        }
    if (c->type == O_VALUE_PERCENTILE) {
        qsort(sorted, (size_t)a.named, sizeof *sorted, by_size);
        int rank = (c->percentile * a.named + 99) / 100; /* the smallest that so many percent are not above */
        a.value = sorted[rank < 1 ? 0 : rank - 1];
    } else {
        a.value = counted ? a.named : c->type == O_VALUE_AVG ? sum / a.named : sum;
    }
    a.holds = true;
    for (int i = 0; i < c->conds; i++)
        a.holds = a.holds && compares(c->op[i], a.value, c->want[i]);
    return a;
}

static struct answer ask_temporal(const struct plain *p, const struct o_corr *c, int at)
{
    struct answer a = {.first = -1};
    int newest[O_RULES] = {-1, -1, -1};
    for (int i = 0; i <= at; i++)
        if (in_window(p, c, i, at))
            newest[p->record[i].member] = i;
    for (int m = 0; m < c->members; m++) { /* named by member */
        if (newest[m] < 0)
            continue;
        a.named++;
        a.first = a.first < 0 ? newest[m] : a.first;
        a.last = newest[m];
    }
    a.value = a.named;
    bool has[O_RULES] = {newest[0] >= 0, newest[1] >= 0, newest[2] >= 0};
    a.holds = c->shape == O_AND_NOT ? has[0] && !has[1] : c->shape == O_OR_AND ? (has[0] || has[1]) && has[2] : c->conds || a.named == c->members;
    for (int i = 0; i < c->conds; i++)
        a.holds = a.holds && compares(c->op[i], a.value, c->want[i]);
    return a;
}

/* Whether steps from `step` on have an event each, one behind the other, behind that of record `from`; the last is record `last`, or any. */
static bool goes_on(const struct plain *p, const struct o_corr *c, int from, int step, int steps, int at, int last)
{
    if (step == steps)
        return last < 0 || from == last;
    for (int i = from + 1; i <= at; i++) {
        bool same = p->record[i].event == p->record[from].event && p->record[i].time == p->record[from].time;
        if (in_window(p, c, i, at) && p->record[i].member == step && !same && goes_on(p, c, i, step + 1, steps, at, last))
            return true;
    }
    return false;
}

static struct answer ask_ordered(const struct plain *p, const struct o_corr *c, int at)
{
    struct answer a = {.named = c->members, .last = at};
    for (int i = at; i >= 0; i--) { /* that which begins latest */
        bool begins = in_window(p, c, i, at) && p->record[i].member == 0;
        if (begins && !a.holds && goes_on(p, c, i, 1, c->members, at, at)) {
            a.holds = true;
            a.first = i;
        }
        for (int steps = 1; begins && steps <= c->members; steps++)
            if (steps > a.value && goes_on(p, c, i, 1, steps, at, -1))
                a.value = steps;
    }
    return a;
}

static struct answer ask(const struct plain *p, const struct o_corr *c, int at)
{
    return c->type == O_TEMPORAL ? ask_temporal(p, c, at) : c->type == O_ORDERED ? ask_ordered(p, c, at) : ask_numbers(p, c, at);
}

/* An opening is a match for those that name it. */
static void note_found(struct plain *p, int corr, const struct record *r)
{
    const struct o_corr *c = &p->corr[corr];
    struct found *f = &p->found[p->founds++];
    DW_ASSERT(p->founds < FOUND);
    *f = (struct found){.corr = corr, .groups = c->groups, .at = *r};
    const struct o_event *e = &p->s->event[r->event];
    for (int g = 0; g < c->groups; g++) {
        f->group[g] = c->group[g];
        memcpy(f->value[g], e->field[c->group[g]], O_TEXT);
    }
}

static bool is_power_of_two(uint64_t n)
{
    return n && !(n & (n - 1));
}

/* How many events, or distinct values, of a record's key the window (time - span, time] holds. */
static int count_at(const struct plain *p, const struct o_corr *c, int first, int64_t time)
{
    int n = 0;
    for (int i = first; i < p->records; i++) {
        const struct record *r = &p->record[i];
        bool counts = strcmp(r->key, p->record[first].key) == 0 && r->time > time - c->span && r->time <= time;
        for (int k = first; k < i && counts && c->type == O_VALUE_COUNT; k++) {
            const struct record *e = &p->record[k];
            counts = !(strcmp(e->key, r->key) == 0 && e->time > time - c->span && strcmp(e->value, r->value) == 0);
        }
        n += counts;
    }
    return n;
}

/* Looks at each second behind `from` up to `until`, as long as the finding is hot. */
static bool still_open(const struct plain *p, const struct o_corr *c, int first, int64_t from, int64_t until, struct o_finding f)
{
    for (int64_t t = from + 1; t <= until; t++) {
        int n = count_at(p, c, first, t);
        if (n > c->calm)
            continue;
        f.update = f.calm = true;
        f.time = t;
        f.value = n;
        o_line(&f, p->out);
        return false;
    }
    return true;
}

/* All records of one key, from `first` on. */
static void judge_key(struct plain *p, int corr, int first)
{
    const struct o_corr *c = &p->corr[corr];
    bool open = false;
    int before = -1;
    struct o_finding f = {.corr = corr, .key = p->record[first].key};
    for (int i = first; i < p->records; i++) {
        const struct record *r = &p->record[i];
        if (strcmp(r->key, p->record[first].key) != 0 || r->time > p->end)
            continue;
        if (open && c->calm >= 0)
            open = still_open(p, c, first, p->record[before].time - 1, r->time - 1, f);
        else if (before >= 0 && p->record[before].time <= r->time - c->span)
            open = false; /* the window was empty */
        before = i;
        struct answer a = ask(p, c, i);
        f.time = r->time;
        f.value = a.value;
        if (open) {
            f.total++;
            f.update = true;
        } else if (a.holds) {
            f.update = false;
            f.cause = r->event;
            f.total = (uint64_t)a.named;
            f.first = p->record[a.first].event;
            note_found(p, corr, r);
        }
        f.last = open || a.last < 0 ? r->event : p->record[a.last].event;
        if (open ? is_power_of_two(f.total) : a.holds)
            o_line(&f, p->out);
        open = open || a.holds;
    }
    if (open && c->calm >= 0)
        (void)still_open(p, c, first, p->record[before].time - 1, p->end, f);
}

static void judge_absence(struct plain *p, int corr, int first)
{
    const struct o_corr *c = &p->corr[corr];
    int64_t told = INT64_MIN; /* the last deadline */
    struct o_finding f = {.corr = corr, .key = p->record[first].key};
    for (int i = first; i < p->records; i++) {
        const struct record *r = &p->record[i];
        bool came = strcmp(r->key, p->record[first].key) != 0 || r->member + 1 == c->members || r->time + c->span > p->end;
        for (int k = first; k < p->records && !came; k++) {
            const struct record *e = &p->record[k];
            bool near = e->time == r->time || (k < i ? e->time > r->time - c->before : e->time <= r->time + c->span);
            came = strcmp(e->key, r->key) == 0 && e->member + 1 == c->members && near;
        }
        if (came)
            continue;
        f.time = r->time + c->span;
        f.update = r->time < told;
        f.total = f.update ? f.total + 1 : 1;
        f.cause = f.update ? f.cause : r->event;
        f.first = f.cause;
        f.last = r->event;
        told = f.time;
        if (!f.update || is_power_of_two(f.total))
            o_line(&f, p->out);
        if (f.update)
            continue;
        struct record at = *r;
        at.time = f.time;
        at.place[0] = O_SERIES; /* behind all events of that time */
        note_found(p, corr, &at);
    }
}

void o_plain(const struct o_corr corr[O_CORRS], const struct o_stream *s, int64_t end, struct dw_buf *out)
{
    static struct plain p; /* large */
    p = (struct plain){.corr = corr, .s = s, .end = end, .out = out};
    for (int c = 0; c < O_CORRS; c++) {
        collect(&p, c);
        for (int i = 0; i < p.records; i++) {
            int k = 0;
            while (strcmp(p.record[k].key, p.record[i].key) != 0)
                k++;
            if (k < i)
                continue; /* of a key that was judged */
            if (corr[c].type == O_ABSENCE)
                judge_absence(&p, c, i);
            else
                judge_key(&p, c, i);
        }
    }
}
