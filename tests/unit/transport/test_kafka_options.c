/* Tests of core/transport/kafka.c: which properties of librdkafka a configuration may name, and what is said of the others. */
#include "support.h"

#include "dogwatch/transport/kafka.h"

static void answers(const char *name, const char *value, int code, const char *word)
{
    struct dw_buf why = {0};
    assert_int_equal(dw_kafka_option_check(dw_str_of(name), dw_str_of(value), &why), code);
    if (dw_str_find(dw_buf_view(&why), dw_str_of(word)) >= why.len + (*word == '\0'))
        fail_msg("%s: %s: said '%.*s', not '%s'", name, value, DW_ARG(dw_buf_view(&why)), word);
    dw_buf_fini(&why);
}

static void kafka_options_are_those_of_librdkafka(void **state)
{
    (void)state;
    answers("security.protocol", "SASL_SSL", DW_OK, "");
    answers("sasl.mechanisms", "SCRAM-SHA-256", DW_OK, "");
    answers("sasl.usernam", "x", DW_EUNKNOWN, "did you mean 'sasl.username'?");
    answers("nothing.like.it", "x", DW_EUNKNOWN, "no such property");
    answers("", "x", DW_EUNKNOWN, "no such property");
    answers("security.protocol", "SSLL", DW_ECONFIG, "security.protocol");
    answers("socket.keepalive.enable", "perhaps", DW_ECONFIG, "socket.keepalive.enable");
}

static void kafka_options_leave_the_promises_alone(void **state)
{
    (void)state;
    answers("acks", "1", DW_EUNKNOWN, "dogwatch sets it itself");
    answers("enable.partition.eof", "false", DW_EUNKNOWN, "dogwatch sets it itself");
    answers("sasl.password", "x", DW_EUNKNOWN, "write kafka.password");
    answers("bootstrap.servers", "a:9092", DW_EUNKNOWN, "write kafka.brokers");
}

static void kafka_options_may_be_of_any_length(void **state)
{
    (void)state;
    char name[300], value[5000];
    memset(name, 'n', sizeof name - 1);
    memset(value, 'v', sizeof value - 1);
    name[sizeof name - 1] = value[sizeof value - 1] = '\0';
    answers(name, "x", DW_EUNKNOWN, "no such property");
    answers("client.rack", value, DW_ECONFIG, "4999 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafka_options_are_those_of_librdkafka),
        cmocka_unit_test(kafka_options_leave_the_promises_alone),
        cmocka_unit_test(kafka_options_may_be_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
