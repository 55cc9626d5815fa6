/*
 * oracle_main: the engine's windows and the obvious evaluator find the same in the same streams.
 *
 *     oracle [--seed N|random] [--streams N]    sets of correlations out of the seed and those after it, until so many streams were judged
 *     oracle --set N                            that set again
 *
 * The engine gets a stream as it might come: shuffled, events late or behind the watermark, the watermark in steps of any size, and the state through
 * a snapshot now and then. Exit codes: 0 they agree, 1 they do not, 2 usage.
 */
#include "oracle.h"
#include "sets.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/base/error.h"
#include "dogwatch/correlate/window.h"

#include <stdio.h>
#include <stdlib.h>

enum { STREAMS_A_SET = 200, LINES_MAX = 4096, SECOND = 1000000000 };

struct lab {
    struct o_corr corr[O_CORRS];
    struct dw_buf yaml;
    struct dw_keys *keys;
    struct dw_ruleset *rs;
    struct dw_window *window;
    struct dw_stream place[O_SERIES][O_ORDINALS];
    uint32_t field[O_FIELDS];
    struct dw_buf got;
};

static void hear(void *ud, const struct dw_diags *d)
{
    dw_diags_print(d, ud);
}

static void on_finding(void *ud, const struct dw_finding *f)
{
    struct lab *l = ud;
    char key[64] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < f->key_count; i++)
        len += (size_t)snprintf(key + len, sizeof key - len, "%.*s ", DW_ARG(f->key_value[i]));
    const struct o_finding said = {.corr = (int)f->rule - O_RULES, .key = key, .update = f->update, .calm = f->calm, .time = f->time_ns / SECOND, .cause = (uint32_t)f->cause.start, .value = f->value,
        .total = f->total, .first = (uint32_t)f->first[0].start, .last = (uint32_t)(f->last_count ? f->last[f->last_count - 1] : f->first[f->first_count - 1]).start};
    o_line(&said, &l->got);
}

static void open_set(struct lab *l, struct dw_rng *rng)
{
    static const char *const names[] = {"u", "w", "x"};
    struct dw_buf said = {0};
    o_make_corrs(rng, l->corr, &l->yaml);
    l->keys = dw_keys_new();
    l->rs = dw_ruleset_new(l->keys, NULL);
    int rc = dw_ruleset_add(l->rs, "set.yml", dw_buf_view(&l->yaml), (struct dw_diag_sink){hear, &said});
    if (rc == DW_OK)
        rc = dw_ruleset_finish(l->rs, (struct dw_diag_sink){hear, &said});
    if (rc < 0 || dw_ruleset_count(l->rs) != O_RULES + O_CORRS)
        (void)printf("%.*s\n%.*s\n", DW_ARG(dw_buf_view(&l->yaml)), DW_ARG(dw_buf_view(&said)));
    DW_ASSERT(rc == DW_OK && dw_ruleset_count(l->rs) == O_RULES + O_CORRS);
    dw_buf_fini(&said);
    for (int i = 0; i < O_FIELDS; i++) {
        rc = dw_keys_intern(l->keys, dw_str_of(names[i]), &l->field[i]);
        DW_ASSERT(rc == DW_OK);
    }
    for (int s = 0; s < O_SERIES; s++)
        for (int o = 0; o < O_ORDINALS; o++)
            l->place[s][o] = (struct dw_stream){.id = {(uint8_t)(s + 1), (uint8_t)o}, .series = {(uint8_t)(s + 1)}, .ordinal = (uint64_t)o};
}

static void close_set(struct lab *l)
{
    dw_ruleset_free(l->rs);
    dw_keys_free(l->keys);
    dw_buf_fini(&l->yaml);
    dw_buf_fini(&l->got);
}

static void feed(struct lab *l, struct o_event *e)
{
    struct dw_field field[O_FIELDS];
    struct dw_event ev = {.field = field, .line = DW_STR("-"), .stream = &l->place[e->series][e->ordinal], .time_ns = e->time * SECOND, .start = e->start};
    e->counts = !e->late && ev.time_ns > dw_window_watermark(l->window);
    for (int i = 0; i < O_FIELDS; i++)
        if (e->field[i][0])
            field[ev.field_count++] = (struct dw_field){.v.ptr = e->field[i], .len = (uint32_t)strlen(e->field[i]), .key = l->field[i], .kind = DW_K_LITERAL};
    for (uint32_t r = 0; r < O_RULES; r++)
        if (e->rule[r]) {
            int rc = dw_window_match(l->window, r, &ev, e->late);
            DW_ASSERT(rc == DW_OK);
        }
}

static void advance(struct lab *l, int64_t second)
{
    int rc = dw_window_advance(l->window, second * SECOND, on_finding, l);
    DW_ASSERT(rc == DW_OK);
}

/* A collector that stops, and one that goes on. */
static void restart(struct lab *l)
{
    struct dw_buf state = {0};
    dw_window_save(l->window, &state);
    dw_window_free(l->window);
    l->window = dw_window_new(l->rs, NULL);
    int rc = l->window ? dw_window_load(l->window, dw_buf_view(&state)) : DW_ENOMEM;
    DW_ASSERT(rc == DW_OK);
    dw_buf_fini(&state);
}

/* Gives the engine a stream, in some order. Answers where its watermark ends. */
static int64_t run(struct lab *l, struct dw_rng *rng, struct o_stream *s, int64_t end)
{
    uint32_t order[O_EVENTS];
    bool calm = dw_rng_below(rng, 2); /* the watermark comes last */
    l->window = dw_window_new(l->rs, NULL);
    DW_ASSERT(l->window);
    sets_shuffle(rng, order, (uint32_t)s->count);
    for (int i = 0; i < s->count; i++) {
        feed(l, &s->event[order[i]]);
        if (!calm && dw_rng_below(rng, 6) == 0)
            advance(l, (int64_t)dw_rng_below(rng, 40) - 1);
        if (dw_rng_below(rng, 40) == 0)
            restart(l);
    }
    for (int64_t t = 0; calm && t < end; t += (int64_t)dw_rng_below(rng, 9)) {
        advance(l, t);
        if (dw_rng_below(rng, 20) == 0)
            restart(l);
    }
    advance(l, end);
    end = dw_window_watermark(l->window) / SECOND;
    dw_window_free(l->window);
    return end;
}

/* ---- comparing ---- */

static int by_text(const void *a, const void *b)
{
    return dw_str_cmp(*(const struct dw_str *)a, *(const struct dw_str *)b);
}

static uint32_t sorted(const struct dw_buf *text, struct dw_str *ret)
{
    struct dw_str rest = dw_buf_view(text);
    uint32_t n = 0;
    while (rest.len && n < LINES_MAX)
        ret[n++] = dw_str_cut(&rest, '\n');
    qsort(ret, n, sizeof *ret, by_text);
    return n;
}

static void tell(const struct lab *l, const struct o_stream *s, int64_t end, const struct dw_buf *want)
{
    (void)printf("%.*s\nevents, the watermark ends at %lld:\n", DW_ARG(dw_buf_view(&l->yaml)), (long long)end);
    for (int i = 0; i < s->count; i++) {
        const struct o_event *e = &s->event[i];
        (void)printf("  %u at %lld place %d.%d rules %d%d%d u=%s w=%s x=%s%s\n", e->start, (long long)e->time, e->series, e->ordinal, e->rule[0], e->rule[1], e->rule[2], e->field[0],
            e->field[1], e->field[2], e->counts ? "" : " takes no part");
    }
    (void)printf("the engine finds\n%.*sand should\n%.*s", DW_ARG(dw_buf_view(&l->got)), DW_ARG(dw_buf_view(want)));
}

struct sum {
    uint64_t streams, findings, differences;
};

static void judge(struct lab *l, struct dw_rng *rng, struct sum *sum)
{
    static struct dw_str a[LINES_MAX], b[LINES_MAX];
    struct o_stream s;
    struct dw_buf want = {0};
    int64_t end = 20 + (int64_t)dw_rng_below(rng, 100);
    o_make_stream(rng, &s);
    dw_buf_reset(&l->got);
    end = run(l, rng, &s, end);
    o_plain(l->corr, &s, end, &want);
    uint32_t got = sorted(&l->got, a), due = sorted(&want, b);
    bool same = got == due;
    for (uint32_t i = 0; same && i < got; i++)
        same = dw_str_eq(a[i], b[i]);
    sum->streams++;
    sum->findings += due;
    sum->differences += !same;
    if (!same)
        tell(l, &s, end, &want);
    dw_buf_fini(&want);
}

static bool run_set(uint64_t set, struct sum *sum)
{
    struct lab l = {.keys = NULL};
    struct dw_rng rng = {.state = set};
    uint64_t before = sum->differences;
    open_set(&l, &rng);
    for (int i = 0; i < STREAMS_A_SET && sum->differences == before; i++)
        judge(&l, &rng, sum);
    if (sum->differences > before)
        (void)printf("set %llu\n", (unsigned long long)set);
    close_set(&l);
    return sum->differences == before;
}

int main(int argc, char **argv)
{
    struct sets_asked a = {.seed = 1, .most = 100000};
    struct sum sum = {0};
    bool good = true;
    if (!sets_ask(argc, argv, "--streams", &a)) {
        (void)fprintf(stderr, "usage: oracle [--seed N|random] [--streams N] | --set N\n");
        return 2;
    }
    (void)printf("sets from %llu on\n", (unsigned long long)a.seed);
    (void)fflush(stdout);
    for (uint64_t set = a.seed; good && sum.streams < a.most && !(a.one && set > a.seed); set++)
        good = run_set(set, &sum);
    (void)printf("%llu streams, %llu findings, %llu differences\n", (unsigned long long)sum.streams, (unsigned long long)sum.findings, (unsigned long long)sum.differences);
    return good ? 0 : 1;
}
