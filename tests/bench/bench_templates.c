/*
 * bench_templates: lines a second and core as templates.
 *
 * usage: bench_templates FILE [once]
 *     once: one turn and nothing printed, to count instructions
 *
 * Prints one JSON object: medians of five turns in CPU time of the thread, over the lines of the file again and again. Stages: `mask` (each line's own
 * template), `mine` (so, and looked up and counted), `all` (so, and refined at the end). In the same turns, over the same bytes: `scan` finds the
 * ends of the lines and nothing else, `copy` is memcpy. Each stage's speed is also given as a part of `scan`'s.
 */
#include "support.h"

#include "dogwatch/template/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TURNS = 5, LINES_A_TURN = 1000000, FILE_MAX = 1 << 30 };
enum stage { COPY, SCAN, MASK, MINE, ALL, STAGES };
static const char *const names[] = {"copy", "scan", "mask", "mine", "all"};

static uint64_t kept; /* so that no stage is left out by the compiler */

static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void one_line(enum stage stage, struct dw_miner *m, struct dw_str line)
{
    static struct dw_template t;
    uint32_t number = (uint32_t)line.len;
    if (stage == MASK) {
        dw_template_mask(line, &t);
        number = t.len;
    } else if (stage >= MINE && dw_miner_add(m, line, &number) < 0) {
        abort();
    }
    kept += number;
}

/* Goes over the text as often as makes `lines` lines; answers seconds. */
static double turn(enum stage stage, struct dw_str text, char *copy, uint64_t rounds)
{
    double from = cpu_seconds();
    struct dw_miner *m = dw_miner_new(NULL);
    for (uint64_t r = 0; r < rounds; r++) {
        if (stage == COPY) {
            memcpy(copy, text.ptr, text.len);
            kept += (uint8_t)copy[r % text.len];
            continue;
        }
        for (struct dw_str rest = text; rest.ptr && rest.len;)
            one_line(stage, m, dw_str_cut(&rest, '\n'));
    }
    if (stage == ALL && dw_miner_refine(m) < 0)
        abort();
    dw_miner_free(m);
    return cpu_seconds() - from;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print(const double median[STAGES], uint64_t lines, uint64_t bytes)
{
    (void)printf("{\"lines\":%llu,\"bytes_a_line\":%.1f", (unsigned long long)lines, (double)bytes / (double)lines);
    for (int s = 0; s < STAGES; s++)
        (void)printf(",\"%s\":{\"lines_a_second\":%.0f,\"mb_a_second\":%.0f,\"of_scan\":%.4f}", names[s], (double)lines / median[s], (double)bytes / median[s] / 1e6,
            median[SCAN] / median[s]);
    (void)printf("}\n");
}

int main(int argc, char **argv)
{
    struct dw_buf file = {0};
    double seconds[STAGES][TURNS], median[STAGES];
    if (argc < 2 || dw_fs_read_file(&dw_fs_system, argv[1], FILE_MAX, &file) < 0 || file.len == 0 || !file.ptr) {
        (void)fprintf(stderr, "usage: bench_templates FILE [once]\n");
        return 2;
    }
    struct dw_str text = dw_buf_view(&file);
    uint64_t lines = 0;
    for (struct dw_str rest = text; rest.ptr && rest.len; lines++)
        (void)dw_str_cut(&rest, '\n');
    uint64_t rounds = argc > 2 || lines == 0 ? 1 : (LINES_A_TURN + lines - 1) / lines;
    char *copy = dw_alloc(text.len);
    if (!copy)
        return 3;
    for (int t = 0; t < (argc > 2 ? 1 : TURNS); t++)
        for (int s = argc > 2 ? ALL : 0; s < STAGES; s++)
            seconds[s][t] = turn((enum stage)s, text, copy, rounds);
    for (int s = 0; s < STAGES && argc == 2; s++) {
        qsort(seconds[s], TURNS, sizeof(double), by_size);
        median[s] = seconds[s][TURNS / 2];
    }
    if (argc == 2)
        print(median, lines * rounds, text.len * rounds);
    dw_free(copy);
    dw_buf_fini(&file);
    return kept == 1;
}
