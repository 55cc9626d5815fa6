/*
 * bench_produce: from produce to report with librdkafka alone, at an even rate: the limit for bench_latency.py.
 *
 * usage: bench_produce BROKERS TOPIC RECORD_BYTES EVERY_US SECONDS
 * Prints one JSON object: p50, p99 and the longest, in milliseconds.
 */
#include "support.h"

#include "dogwatch/base/clock.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

enum { RECORDS_MAX = 1000000 };

struct run {
    int64_t sent_ns[RECORDS_MAX], took_ns[RECORDS_MAX];
    size_t sent, reported, failed;
};

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
    struct run *run = arg;
    (void)rk;
    size_t i = (size_t)(uintptr_t)m->_private;
    run->took_ns[i] = dw_clock_mono(&dw_clock_system) - run->sent_ns[i];
    run->reported++;
    run->failed += m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static rd_kafka_t *connect_to(const char *brokers, struct run *run)
{
    static const char *const set[][2] = {{"enable.idempotence", "true"}, {"acks", "all"}, {"linger.ms", "0"}};
    char why[256];
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(c, "bootstrap.servers", brokers, why, sizeof why);
    for (size_t i = 0; i < 3; i++)
        (void)rd_kafka_conf_set(c, set[i][0], set[i][1], why, sizeof why);
    rd_kafka_conf_set_dr_msg_cb(c, on_report);
    rd_kafka_conf_set_opaque(c, run);
    return rd_kafka_new(RD_KAFKA_PRODUCER, c, why, sizeof why);
}

int main(int argc, char **argv)
{
    static struct run run;
    if (argc != 6) {
        (void)fprintf(stderr, "usage: bench_produce BROKERS TOPIC RECORD_BYTES EVERY_US SECONDS\n");
        return 2;
    }
    size_t bytes = strtoul(argv[3], NULL, 10);
    int64_t every_ns = strtol(argv[4], NULL, 10) * 1000, length_ns = strtol(argv[5], NULL, 10) * DW_NS_PER_S;
    char *record = malloc(bytes);
    rd_kafka_t *rk = connect_to(argv[1], &run);
    if (!record || !rk || every_ns <= 0 || length_ns / every_ns >= RECORDS_MAX)
        return 3;
    for (size_t i = 0; i < bytes; i++)
        record[i] = (char)(i * 2654435761U >> 13);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
    int64_t start = dw_clock_mono(&dw_clock_system), now = start;
    while (now < start + length_ns) {
        if (now >= start + (int64_t)run.sent * every_ns) {
            run.sent_ns[run.sent] = now;
            if (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, record, bytes, NULL, 0, (void *)(uintptr_t)run.sent) == 0)
                run.sent++;
        }
        (void)rd_kafka_poll(rk, 1);
        now = dw_clock_mono(&dw_clock_system);
    }
    (void)rd_kafka_flush(rk, 10000);
    size_t warm = run.reported / 10, n = run.reported - warm; /* connecting is not what is asked */
    qsort(run.took_ns + warm, n, sizeof *run.took_ns, by_value);
    if (n)
        (void)printf("{\"measure\":\"librdkafka alone, produce to report\",\"records\":%zu,\"failed\":%zu,\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f}\n", n,
            run.failed, (double)run.took_ns[warm + n / 2] / 1e6, (double)run.took_ns[warm + n * 99 / 100] / 1e6, (double)run.took_ns[warm + n - 1] / 1e6);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    free(record);
    return n ? 0 : 1;
}
