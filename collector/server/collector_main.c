/*
 * collector_main: dogwatch-collector: configuration, rules, signals, and the loop that takes frames.
 *
 * SIGTERM and SIGINT end it; after SIGUSR1 it ends by itself, as with until_idle. SIGHUP has it load its rules again, once the loop runs.
 *
 * Exit codes: 0 stopped cleanly · 2 configuration or rules · 3 it could not go on (disk, lock).
 */
#include "api.h"
#include "rules_load.h"
#include "sharing.h"
#include "trust.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/intake.h"
#include "dogwatch/collect/notify.h"
#include "dogwatch/collect/trust_list.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/collect/policy.h"
#include "dogwatch/collect/provisional.h"
#include "dogwatch/correlate/match_pool.h"
#include "dogwatch/loop/loop.h"
#include "dogwatch/transport/kafka.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { TICK_MS = 20, PATH_CAP = 4096 };

#define PEOPLE_NS DW_NS_PER_S /* how often approvals are looked for */
#define DEALT_NS (15 * DW_NS_PER_S) /* while partitions are dealt out anew some are nobody's */

struct program {
    struct dw_loop loop;
    uv_signal_t last;
    uv_fs_event_t queue;
    const struct dw_collector_options *opt;
    struct dw_keys *keys;
    struct rules_used *rules;
    struct dw_intake_engine *engine;
    struct api *api;
    struct dw_notify *notify;
    struct dw_provisional_log *provisional;
    char alerts_dir[PATH_CAP];
    int provisional_said; /* why it could not be written last */
    char queue_dir[PATH_CAP]; /* of the dir transport, else "" */
    char member[320], group[2][512]; /* of the frames, and of others' JSON */
    struct sharing sharing; /* kafka.share */
    struct dw_counters_file counters;
    int64_t people_ns; /* when it was looked for what people said last */
    int64_t shared_ns; /* since when so many partitions are others' */
    uint32_t elsewhere, told_elsewhere;
    bool until_idle, approvals_closed;
    bool drain; /* it ends by itself: what waits at outputs is sent first */
};

/* An output's dead letters are an alert, once an hour. */
static int tell_outputs_trouble(struct program *p)
{
    struct dw_notify_trouble t;
    int rc = DW_OK;
    while (rc == DW_OK && dw_notify_trouble(p->notify, &t)) {
        char cause[64];
        int64_t now = dw_clock_real(&dw_clock_system);
        (void)snprintf(cause, sizeof cause, "%s %" PRId64, t.name, now / (3600 * DW_NS_PER_S));
        struct dw_problem problem = {.kind = DW_PROBLEM_OUTPUT_DEAD, .time_ns = now, .cause = cause, .text = t.text};
        rc = dw_intake_tell(p->engine, &problem);
    }
    return rc;
}

/* Other collectors of the group have partitions, and not only for a moment: an alert for each number of them. */
static int tell_shared(struct program *p, int64_t now)
{
    char cause[320], text[640];
    uint32_t elsewhere = dw_intake_elsewhere(p->engine);
    if (elsewhere != p->elsewhere) {
        p->elsewhere = elsewhere;
        p->shared_ns = now;
    }
    if (elsewhere == p->told_elsewhere || now - p->shared_ns < DEALT_NS)
        return DW_OK;
    p->told_elsewhere = elsewhere;
    if (elsewhere == 0 || p->opt->kafka_share)
        return DW_OK;
    (void)snprintf(cause, sizeof cause, "%.*s %u", DW_ARG(p->opt->kafka_group), elsewhere);
    (void)snprintf(text, sizeof text, "%u partitions are read by other collectors of group %.*s, or by none. Rules about one event hold there too; correlations, detectors and the ledger know "
        "only what comes here. One collector of a group sees all", elsewhere, DW_ARG(p->opt->kafka_group));
    dw_warn("kafka: %s", text);
    struct dw_problem problem = {.kind = DW_PROBLEM_SHARED, .time_ns = dw_clock_real(&dw_clock_system), .cause = cause, .text = text};
    return dw_intake_tell(p->engine, &problem);
}

/* To the stream, and to outputs. What cannot be written is said once until it goes well again. */
static void on_provisional(void *arg, struct dw_str line)
{
    struct program *p = arg;
    int rc = dw_provisional_add(p->provisional, line);
    DW_COUNT_IF(rc < 0, provisional_unwritten);
    if (rc < 0 && rc != p->provisional_said)
        dw_warn("%s/alerts/provisional.log: %s; outputs still have it", p->opt->data.ptr, dw_err_text(rc));
    p->provisional_said = rc;
    if (p->notify)
        dw_notify_provisional(p->notify, line);
}

static void on_left_over(void *arg, struct dw_str line)
{
    struct program *p = arg;
    DW_COUNT(provisional_withdrawn);
    dw_notify_provisional(p->notify, line);
}

/* What a collector before this one had raised is withdrawn, also where this one raises none. */
static int withdraw_provisional(struct program *p)
{
    int rc = dw_provisional_withdraw(p->provisional, on_left_over, p);
    DW_COUNT_IF(rc < 0, provisional_unwritten);
    if (rc < 0)
        dw_warn("%s/alerts/provisional.log: %s; what stood there may go on standing", p->opt->data.ptr, dw_err_text(rc));
    return rc == DW_ENOMEM ? rc : DW_OK;
}

static bool turn(void *arg)
{
    struct program *p = arg;
    uint32_t taken = 0;
    int64_t now = dw_clock_mono(&dw_clock_system);
    int rc = DW_OK;
    if (now - p->people_ns >= PEOPLE_NS) {
        p->people_ns = now;
        rc = trust_take_approvals(p->opt->data.ptr, p->engine, &p->approvals_closed);
        if (rc == DW_OK)
            rc = dw_intake_take_asked(p->engine);
        if (rc == DW_OK)
            rc = tell_outputs_trouble(p);
        if (rc == DW_OK)
            rc = tell_shared(p, now);
    }
    if (rc == DW_OK)
        rc = dw_intake_turn(p->engine, &taken);
    api_turned(p->api);
    if (rc == DW_OK)
        dw_notify_durable(p->notify, dw_intake_alerts_durable(p->engine));
    if (rc < 0) {
        dw_error("cannot go on: %s", dw_err_text(rc));
        dw_loop_end(&p->loop, rc);
    } else if (!taken && p->until_idle && dw_intake_all_closed(p->engine)) {
        rc = dw_intake_finish(p->engine);
        if (rc == DW_OK)
            dw_notify_durable(p->notify, dw_intake_alerts_durable(p->engine));
        p->drain = rc == DW_OK;
        dw_loop_end(&p->loop, rc);
    }
    return taken > 0;
}

static void stop(void *arg)
{
    struct program *p = arg;
    dw_loop_end(&p->loop, DW_OK);
}

/* Why a set that was loaded anew is not taken; NULL: it may be. A rule that has a mistake since the last time would no longer watch. */
static const char *refused_because(const struct dw_ruleset *set, const struct dw_ruleset *before)
{
    if (dw_ruleset_count(set) == 0)
        return "there would be no rules";
    return dw_ruleset_errors(set) > dw_ruleset_errors(before) ? "there are mistakes in them" : NULL;
}

static bool decides_alike(const struct dw_ruleset *a, const struct dw_ruleset *b)
{
    uint8_t of_a[DW_SHA256_BYTES], of_b[DW_SHA256_BYTES];
    dw_ruleset_hash(a, of_a);
    dw_ruleset_hash(b, of_b);
    return memcmp(of_a, of_b, sizeof of_a) == 0;
}

/* The rules as they are on disk by now, compiled aside; then in place of those before. */
static int take_rules(struct program *p, struct dw_ruleset *set, struct dw_str pack)
{
    struct rules_used *rules = rules_use(set);
    bool taken = false;
    int rc = rules ? dw_intake_rules(p->engine, rules->set, pack, rules->tally, &taken) : DW_ENOMEM;
    if (!taken) {
        DW_COUNT(rules_not_reloaded);
        dw_error("SIGHUP: %s: the rules before go on", dw_err_text(rc));
        rules_let_go(rules);
        return DW_OK;
    }
    api_use_rules(p->api, rules);
    rules_let_go(p->rules);
    p->rules = rules;
    dw_info("SIGHUP: %u rules from here on, %u left out", dw_ruleset_count(set), dw_ruleset_errors(set));
    rules_say_asleep(set);
    return rc;
}

static void reload(void *arg)
{
    struct program *p = arg;
    struct dw_ruleset *set = NULL;
    struct dw_places *places = NULL;
    struct dw_buf pack = {0};
    int rc = rules_places(p->opt, &places);
    if (rc == DW_OK)
        rc = rules_load(p->opt, places, p->keys, (struct dw_diag_sink){.report = dw_program_say}, &pack, &set);
    const char *why = rc < 0 ? dw_err_text(rc) : refused_because(set, p->rules->set);
    if (why) {
        DW_COUNT(rules_not_reloaded);
        dw_error("SIGHUP: the rules are not taken: %s. The %u before go on; `dogwatch rules check` says more", why, dw_ruleset_count(p->rules->set));
        dw_ruleset_free(set);
        rc = DW_OK;
    } else if (decides_alike(set, p->rules->set)) {
        dw_info("SIGHUP: the %u rules decide as before", dw_ruleset_count(set));
        dw_ruleset_free(set);
    } else {
        rc = take_rules(p, set, dw_buf_view(&pack));
    }
    dw_buf_fini(&pack);
    if (rc < 0) {
        dw_error("cannot go on: %s", dw_err_text(rc));
        dw_loop_end(&p->loop, rc);
    }
}

static void on_queue(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct program *p = handle->data;
    (void)name;
    (void)events;
    (void)status;
    dw_loop_turn(&p->loop);
}

/* No agent will send any more: what is there is taken, and that is all. */
static void on_last(uv_signal_t *handle, int number)
{
    struct program *p = handle->data;
    (void)number;
    p->until_idle = true;
    dw_loop_turn(&p->loop);
}

/* `up` starts us with the signal blocked. */
static void watch_for_last(struct program *p)
{
    sigset_t last;
    (void)uv_signal_init(&p->loop.uv, &p->last);
    (void)uv_signal_start(&p->last, on_last, SIGUSR1);
    (void)sigemptyset(&last);
    (void)sigaddset(&last, SIGUSR1);
    (void)pthread_sigmask(SIG_UNBLOCK, &last, NULL);
}

static int run(struct program *p)
{
    static const struct dw_loop_work work_of_collector = {.turn = turn, .stop = stop, .reload = reload, .tick_ms = TICK_MS};
    int rc = dw_loop_init(&p->loop, &work_of_collector, p, &p->counters);
    if (rc < 0)
        return rc;
    p->last.data = p->queue.data = p;
    p->until_idle = p->opt->until_idle;
    watch_for_last(p);
    (void)uv_fs_event_init(&p->loop.uv, &p->queue);
    if (p->queue_dir[0])
        (void)uv_fs_event_start(&p->queue, on_queue, p->queue_dir, 0); /* where it cannot be watched the timer looks */
    rc = dw_loop_run(&p->loop);
    dw_loop_fini(&p->loop);
    return rc;
}

/* What the others cannot be told now they take again. */
static int leave(struct program *p)
{
    int rc = dw_intake_leave(p->engine);
    return rc == DW_EAGAIN ? DW_OK : rc;
}

static int load_rules(const struct dw_collector_options *opt, struct dw_keys *keys, struct dw_buf *pack, struct dw_ruleset **ret)
{
    struct dw_diag_sink sink = {.report = dw_program_say};
    struct dw_places *places = NULL;
    int rc = rules_places(opt, &places);
    if (rc == DW_OK)
        rc = rules_load(opt, places, keys, sink, pack, ret);
    if (rc == DW_OK)
        rules_say_asleep(*ret);
    if (rc == DW_OK && dw_ruleset_count(*ret) == 0)
        dw_warn("NO RULES: nothing will be detected; frames are only archived. Rules are read from %s", opt->rules.count ? opt->rules.item[0].ptr : RULES_USUAL);
    else if (rc == DW_OK)
        dw_info("%u rules loaded, %u left out", dw_ruleset_count(*ret), dw_ruleset_errors(*ret));
    return rc;
}

/* Valid as long as the program's names are. */
static struct dw_kafka_conf kafka_conf(struct program *p, bool json)
{
    const struct dw_collector_options *o = p->opt;
    char host[256] = "", *group = p->group[json];
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(p->member, sizeof p->member, "%s-%016" PRIx64, host, dw_hash((struct dw_hash_key){0}, o->data)); /* a folder has one collector */
    (void)snprintf(group, sizeof p->group[json], "%.500s%s", o->kafka_group.ptr, json ? ".json" : "");
    return (struct dw_kafka_conf){.member = dw_str_of(p->member), .brokers = o->kafka_brokers, .topic = json ? o->kafka_json_topic : o->kafka_topic,
        .group = dw_str_of(group), .first_source = json ? DW_SOURCE_KAFKA_JSON : DW_SOURCE_KAFKA, .partitions = (uint32_t)o->kafka_partitions,
        .copies = (uint32_t)o->kafka_replicas, .client = DW_STR("dogwatch-collector"), .key = o->kafka_options.key, .value = o->kafka_options.value,
        .option_count = o->kafka_options.count, .password = o->kafka_password.bytes};
}

/* The frames of our part of the queue, and the matches of all of it. */
static int open_shared(struct program *p, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret)
{
    struct dw_receiver *frames = NULL, *matches = NULL;
    struct dw_kafka_conf conf = kafka_conf(p, false);
    conf.states = p->sharing.states;
    int rc = dw_kafka_receiver_open(&conf, from, count, &frames);
    if (rc == DW_OK)
        rc = sharing_receive(&p->sharing, from, count, &matches);
    if (rc == DW_OK)
        return dw_receiver_both(frames, matches, ret); /* closes them if it cannot */
    dw_receiver_close(frames);
    return rc;
}

static int open_kafka(struct program *p, bool json, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret)
{
    struct dw_kafka_conf conf = kafka_conf(p, json);
    return p->opt->kafka_share ? open_shared(p, from, count, ret) : dw_kafka_receiver_open(&conf, from, count, ret);
}

/* Where frames come from, as configuration says; and records of other shippers. */
static int open_receiver(void *arg, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret)
{
    struct program *p = arg;
    const struct dw_collector_options *o = p->opt;
    struct dw_receiver *frames = NULL, *json = NULL;
    uint32_t i = 0;
    while (i < count && from[i].at.source >= DW_SOURCE_KAFKA)
        i++;
    int rc = o->transport == DW_TRANSPORT_DIR ? dw_dir_receiver_open(&dw_fs_system, p->queue_dir, i < count ? &from[i] : NULL, &frames)
                                              : open_kafka(p, false, from, count, &frames);
    if (rc < 0)
        return rc;
    if (o->kafka_json_topic.len == 0) {
        *ret = frames;
        return DW_OK;
    }
    rc = open_kafka(p, true, from, count, &json);
    if (rc < 0) {
        dw_receiver_close(frames);
        return rc;
    }
    return dw_receiver_both(frames, json, ret); /* closes them if it cannot */
}

static int find_queue(struct program *p)
{
    const struct dw_collector_options *o = p->opt;
    if (o->transport == DW_TRANSPORT_KAFKA)
        return DW_OK;
    int n = o->queue_dir.len ? snprintf(p->queue_dir, sizeof p->queue_dir, "%s", o->queue_dir.ptr)
                             : snprintf(p->queue_dir, sizeof p->queue_dir, "%s/queue", o->data.ptr);
    return n < 0 || n >= (int)sizeof p->queue_dir ? DW_ELIMIT : dw_fs_mkdirs(&dw_fs_system, p->queue_dir, 0750);
}

static int work(const struct dw_collector_options *opt)
{
    struct program p = {.opt = opt, .keys = dw_keys_new()};
    struct dw_ruleset *set = NULL;
    struct dw_buf pack = {0};
    struct dw_policy_settings *policy = NULL;
    uint8_t *listed = NULL;
    uint32_t listed_count = 0;
    int rc = p.keys ? load_rules(opt, p.keys, &pack, &set) : DW_ENOMEM;
    if (rc == DW_OK && !(p.rules = rules_use(set)))
        rc = DW_ENOMEM;
    if (rc == DW_OK && opt->trust == DW_TRUST_LISTED)
        rc = dw_trust_read_list(opt->trust_file.ptr, &listed, &listed_count);
    if (rc == DW_OK)
        rc = find_queue(&p);
    struct dw_intake_conf conf = {.json_topic = opt->kafka_json_topic.ptr, .fs = &dw_fs_system, .clock = &dw_clock_system, .data = opt->data.ptr, .open_receiver = open_receiver,
        .arg = &p, .geoip = opt->geoip_database.ptr, .listed = listed, .listed_count = listed_count, .keys = p.keys, .match_threads = dw_match_threads(opt->match_workers), .lateness_ns = opt->lateness,
        .idle_after_ns = opt->agent_idle_after, .segment_max_bytes = (uint64_t)opt->segment_max_bytes, .seal_age_ns = opt->seal_age,
        .retention_age_ns = opt->retention_age, .retention_bytes = (uint64_t)opt->retention_size, .read_again_events = (uint64_t)opt->start_read_again};
    if (rc == DW_OK)
        rc = dw_policy_settings_new(opt, &policy);
    conf.policy = policy;
    if (rc == DW_OK)
        rc = dw_path_join(p.alerts_dir, sizeof p.alerts_dir, opt->data.ptr, "alerts");
    if (rc == DW_OK && !(p.provisional = dw_provisional_new(&dw_fs_system, p.alerts_dir)))
        rc = DW_ENOMEM;
    conf.provisional = opt->provisional && opt->lateness > 0 ? on_provisional : NULL; /* without lateness nothing waits */
    if (rc == DW_OK) {
        conf.rules = p.rules->set;
        conf.tally = p.rules->tally;
        conf.rules_pack = dw_buf_view(&pack);
        rc = api_start(opt, p.rules, policy, &p.api);
    }
    if (rc == DW_OK && opt->kafka_share) {
        struct dw_kafka_conf kafka = kafka_conf(&p, false);
        rc = sharing_open(&p.sharing, &kafka);
        conf.group = &p.sharing.group;
    }
    if (rc == DW_OK) {
        rc = dw_intake_open(&conf, &p.engine);
        if (rc < 0 && rc != DW_ECONFIG) /* the transport said which option */
            dw_error("%s: %s", opt->data.ptr, dw_err_text(rc));
    }
    dw_buf_fini(&pack);
    if (rc == DW_OK) {
        struct dw_notify_conf notify = {.opt = opt, .fs = &dw_fs_system, .clock = &dw_clock_system};
        rc = dw_notify_start(&notify, dw_intake_alerts_durable(p.engine), &p.notify);
    }
    if (rc == DW_OK)
        rc = withdraw_provisional(&p);
    if (rc == DW_OK)
        rc = dw_counters_file_init(&p.counters, opt->data.ptr, "collector");
    bool begun = rc == DW_OK;
    if (begun)
        rc = run(&p);
    if (begun && rc == DW_OK)
        rc = leave(&p);
    if (begun && dw_intake_end_provisional(p.engine) < 0)
        dw_warn("no memory to withdraw provisional alerts: the next start does it");
    dw_notify_stop(p.notify, p.drain);
    dw_provisional_free(p.provisional);
    if (begun)
        dw_counters_file_save(&p.counters, true);
    api_stop(p.api);
    dw_intake_close(p.engine);
    sharing_close(&p.sharing);
    dw_policy_settings_free(policy);
    rules_let_go(p.rules);
    dw_keys_free(p.keys);
    dw_free(listed);
    return rc;
}

static int check_option(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why)
{
    if (strncmp(option, "outputs.", strlen("outputs.")) == 0)
        return dw_output_option_check(option, value, why);
    return strcmp(option, "kafka.options") == 0 ? dw_kafka_option_check(key, value, why) : dw_policy_option_check(option, value, why);
}

static int check_sharing(const struct dw_collector_options *o)
{
    const char *with = o->transport == DW_TRANSPORT_DIR ? "transport: dir, of which there is one reader" : o->until_idle ? "until_idle: nobody knows when all is here" : o->kafka_json_topic.len ? "kafka.json_topic: a group of its own has it" : NULL;
    if (!o->kafka_share || !with)
        return DW_OK;
    dw_error("kafka.share does not go with %s", with);
    return DW_ECONFIG;
}

/* The two topics are named after topic and group. */
static int check_sharing_names(const struct dw_collector_options *o)
{
    const struct dw_str names[] = {o->kafka_topic, o->kafka_group};
    for (size_t i = 0; i < DW_COUNT_OF(names) && o->kafka_share; i++)
        for (size_t k = 0; k <= names[i].len; k++) {
            const char c = k < names[i].len ? names[i].ptr[k] : '-';
            if (names[i].len <= SHARING_NAME_MAX && (strchr("._-", c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
                continue;
            dw_error("kafka.share: %.*s can be no part of the name of a topic: letters, digits and ._- may stand in it, %d at most", DW_ARG(names[i]), SHARING_NAME_MAX);
            return DW_ECONFIG;
        }
    return DW_OK;
}

int main(int argc, char **argv)
{
    static const struct dw_program program = {.name = "dogwatch-collector", .table = &dw_conf_collector, .check = check_option};
    struct dw_collector_options opt;
    struct dw_conf conf;
    int code;
    dw_loop_hold_reload();
    if (!dw_program_begin(&program, argc, argv, &conf, &opt, &code))
        return code;
    dw_log_setup(program.name, (enum dw_log_level)opt.log_level);
    int rc = check_sharing(&opt);
    if (rc == DW_OK)
        rc = check_sharing_names(&opt);
    if (rc == DW_OK)
        rc = api_check(&opt);
    if (rc == DW_OK)
        rc = dw_notify_check(&opt);
    if (rc == DW_OK)
        rc = dw_program_lock(opt.data.ptr, "collector.lock");
    if (rc == DW_OK)
        rc = work(&opt);
    dw_conf_fini(&conf);
    return dw_program_exit(rc);
}
