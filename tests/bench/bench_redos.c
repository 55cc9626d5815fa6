/*
 * bench_redos: what a hostile text costs that is made for a regular expression (support/redos.h), beside a limit of 1 ms.
 *
 * Prints one line of JSON for each expression and length: processor time of the worst of TURNS turns after a first one, the least of
 * them, and the verdict; then the worst of all. Not a test: a machine that does other work besides is slow now and then.
 */
#include "redos.h"
#include "support.h"

#include "dogwatch/pred/regex.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TURNS = 20 };

static double cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double one(const struct redos *r, size_t len, struct dw_regex_scratch *s)
{
    static const char *const verdicts[] = {"no match", "match", "undecided"};
    struct dw_buf text = {0};
    struct dw_regex *re;
    char why[160];
    size_t offset;
    double least = 1e9, most = 0;
    enum dw_verdict v = DW_FALSE;
    redos_text(r, len, &text);
    if (dw_regex_new(dw_str_of(r->regex), 0, why, sizeof why, &offset, &re) < 0)
        abort();
    (void)dw_regex_match(re, s, dw_buf_view(&text));
    for (int i = 0; i < TURNS; i++) {
        double from = cpu_ms();
        v = dw_regex_match(re, s, dw_buf_view(&text));
        double took = cpu_ms() - from;
        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    (void)printf("{\"regex\":\"%s\",\"bytes\":%zu,\"least_ms\":%.3f,\"worst_ms\":%.3f,\"verdict\":\"%s\"}\n", r->name, text.len, least, most, verdicts[v]);
    dw_regex_free(re);
    dw_buf_fini(&text);
    return least;
}

int main(void)
{
    static const size_t lengths[] = {40, 400, 2000, 20000, 65000, 250000};
    struct dw_regex_scratch *s = dw_regex_scratch_new();
    if (!s)
        abort();
    for (size_t l = 0; l < DW_COUNT_OF(lengths); l++) {
        double worst = 0;
        for (size_t i = 0; i < DW_COUNT_OF(redos); i++) {
            double ms = one(&redos[i], lengths[l], s);
            worst = ms > worst ? ms : worst;
        }
        (void)printf("{\"bytes\":%zu,\"worst_of_all_ms\":%.3f,\"bar_ms\":1}\n", lengths[l], worst);
    }
    dw_regex_scratch_free(s);
    return 0;
}
