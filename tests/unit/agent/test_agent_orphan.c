/* Tests of logs of which only rotated files are there: what came since the agent was here is read, once; what was there before is not. */
#include "agent_bed.h"

struct place {
    const char *folder, *log, *rotated;
};

static const struct place places[] = {
    {"", "b.log", "b.log.1"},
    {"pods", "pods/ns_web_1f/app/3.log", "pods/ns_web_1f/app/3.log.20261201-101112"},
    {"docker", "docker/c0ffee/c0ffee-json.log", "docker/c0ffee/c0ffee-json.log.1"},
};

static char root[DW_COUNT_OF(places)][700];

static void make_folder(const struct bed *b, const char *name)
{
    assert_int_equal(mkdir(path_of(b, name), 0700), 0);
}

/* Logs are found by a pattern, as pods, and as docker's. */
static void set_up_places(struct bed *b)
{
    set_up(b);
    for (size_t i = 0; i < DW_COUNT_OF(places); i++)
        (void)snprintf(root[i], sizeof root[i], "%s", path_of(b, places[i].folder));
    make_folder(b, "pods");
    make_folder(b, "pods/ns_web_1f");
    make_folder(b, "pods/ns_web_1f/app");
    make_folder(b, "docker");
    make_folder(b, "docker/c0ffee");
    b->opt.discover_cri = b->opt.discover_docker = true;
    b->opt.discover_pods_root = dw_str_of(root[1]);
    b->opt.discover_containers_root = DW_STR("/nowhere");
    b->opt.discover_docker_root = dw_str_of(root[2]);
    put(b, "a.log", "one\n");
}

/* A log that is made, rotated and gone. */
static void pass_by(const struct bed *b, const struct place *p, bool packed)
{
    put(b, p->log, "two\n");
    rename_log(b, p->log, p->rotated);
    if (packed)
        compress_log(b, p->rotated);
}

static void what_passed_while_the_agent_was_away_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * DW_COUNT_OF(places); i++) {
        struct bed b;
        set_up_places(&b);
        run_once(&b);
        pass_by(&b, &places[i / 2], i % 2);
        run_once(&b);
        end_with((start(&b), rest(&b), &b), "one\ntwo\n", 2);
    }
}

static void what_passed_between_two_looks_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * DW_COUNT_OF(places); i++) {
        struct bed b;
        set_up_places(&b);
        start(&b);
        settle(&b);
        pass_by(&b, &places[i / 2], i % 2);
        rest(&b);
        assert_got(&b, "one\ntwo\n", 2);
        put(&b, places[i / 2].log, "three\n"); /* its name comes back */
        end_with(&b, "one\ntwo\nthree\n", 3);
    }
}

static void what_was_there_before_the_first_start_is_left_alone(void **state)
{
    (void)state;
    struct bed b;
    set_up_places(&b);
    for (size_t i = 0; i < DW_COUNT_OF(places); i++)
        pass_by(&b, &places[i], i % 2);
    run_once(&b);
    start(&b);
    rest(&b);
    end_with(&b, "one\n", 1);
}

/* Goal:   what a pattern names is a log of its own, also where it looks like a rotated file. */
static void what_a_pattern_names_is_no_rotated_file_of_a_log_that_is_not_there(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    (void)snprintf(b.glob, sizeof b.glob, "%s/*", b.logs);
    b.list = dw_str_of(b.glob);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    put(&b, "b.log-20261201", "two\n");
    rest(&b);
    put(&b, "b.log-20261201", "three\n");
    put(&b, "b.log-20261202", "four\n");
    rest(&b);
    put(&b, "b.log-20261202", "five\n");
    end_with(&b, "one\ntwo\nthree\nfour\nfive\n", 3);
}

/* Goal:   a file that was read under its own name stays a log of its own when a log comes beside which it passes for a rotated one, while the agent is there or away. */
static void what_was_a_log_of_its_own_stays_one(void **state)
{
    (void)state;
    for (int away = 0; away < 2; away++) {
        struct bed b;
        set_up(&b);
        (void)snprintf(b.glob, sizeof b.glob, "%s/*", b.logs);
        b.list = dw_str_of(b.glob);
        put(&b, "b.log.1", "one\n");
        start(&b);
        settle(&b);
        if (away)
            stop(&b);
        put(&b, "b.log", "two\n");
        put(&b, "b.log.1", "three\n");
        if (away)
            start(&b);
        rest(&b);
        put(&b, "b.log.1", "four\n");
        rest(&b);
        stop(&b);
        assert_got(&b, "one\ntwo\nthree\nfour\n", 2);
        assert_int_equal(records_with(&b, "\"lost\""), 0);
        tear_down(&b);
    }
}

/* What configuration excludes is no rotated file of a log that is not there. */
static void what_is_excluded_is_left_alone(void **state)
{
    (void)state;
    struct bed b;
    char pattern[700];
    set_up(&b);
    (void)snprintf(b.glob, sizeof b.glob, "%s/*", b.logs);
    (void)snprintf(pattern, sizeof pattern, "%s/*.gz", b.logs);
    struct dw_str excluded = dw_str_of(pattern);
    b.list = dw_str_of(b.glob);
    b.opt.exclude = (struct dw_conf_list){&excluded, 1};
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    put(&b, "db-20261201", "a backup\n");
    compress_log(&b, "db-20261201");
    rest(&b);
    end_with(&b, "one\n", 1);
}

/* A container that a label keeps out stays out, whatever name its log has. */
static void what_a_label_excludes_is_not_read_as_a_rotated_file(void **state)
{
    (void)state;
    struct bed b;
    set_up_places(&b);
    b.opt.labels_exclude = true;
    put(&b, "docker/c0ffee/config.v2.json", "{\"Name\":\"/x\",\"Config\":{\"Image\":\"i\",\"Labels\":{\"dogwatch.io/exclude\":\"true\"}}}");
    put(&b, places[2].log, "two\n");
    start(&b);
    settle(&b);
    rename_log(&b, places[2].log, places[2].rotated);
    rest(&b);
    end_with(&b, "one\n", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passed_while_the_agent_was_away_is_read),
        cmocka_unit_test(what_passed_between_two_looks_is_read),
        cmocka_unit_test(what_was_there_before_the_first_start_is_left_alone),
        cmocka_unit_test(what_a_pattern_names_is_no_rotated_file_of_a_log_that_is_not_there),
        cmocka_unit_test(what_was_a_log_of_its_own_stays_one),
        cmocka_unit_test(what_is_excluded_is_left_alone),
        cmocka_unit_test(what_a_label_excludes_is_not_read_as_a_rotated_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
