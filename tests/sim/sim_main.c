/*
 * sim_main: runs worlds, one a seed, until so many steps are made; a failure is told with its seed and its last operations, and with the least steps that show it.
 *
 *     sim [--seed N|random] [--first N] [--steps N] [--copies] [--clock] [-v]      --seed N: that world again. What --copies and --clock change: README.md
 *
 * A world is STEPS_A_WORLD steps: a program writes or rotates, the agent turns, its writer goes on, the clock goes on or jumps, disks fill, brokers go and come, the
 * agent is killed at a call, or asked to stop. Now and then, and at its end, all is quiet until the agent has caught up; then the oracle judges.
 *
 * Exit codes: 0 all was well · 1 a violation · 2 usage.
 */
#include "sim.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS_A_WORLD = 4000, JUDGE_EVERY = 1500, CATCH_UP_MAX = 600 /* two minutes */, REST_TURNS = 100, FIRST_SEED = 1, SHRINK_TRIES = 24 };

struct sim sim;
static struct sim_sum total;

bool sim_chance(uint64_t one_in)
{
    return dw_rng_below(&sim.rng, one_in) == 0;
}

uint64_t sim_below(uint64_t bound)
{
    return dw_rng_below(&sim.rng, bound);
}

void sim_note(const char *fmt, ...)
{
    va_list args;
    char *line = sim.trace[sim.trace_count++ % SIM_TRACE];
    int n = snprintf(line, sizeof sim.trace[0], "%6llu %12.6f ", (unsigned long long)sim.step, (double)sim.mono_ns / 1e9);
    va_start(args, fmt);
    (void)vsnprintf(line + n, sizeof sim.trace[0] - (size_t)n, fmt, args);
    va_end(args);
    if (sim.verbose)
        (void)fprintf(stderr, "%s\n", line);
}

void sim_fail(const char *fmt, ...)
{
    va_list args;
    char text[400];
    if (sim.failed)
        return;
    sim.failed = true;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sim_note("VIOLATION: %s", text);
}

/* ---- the agent ---- */

int __wrap_checkpoint_put(struct checkpoint *c, const struct checkpoint_row *row);      /* NOLINT(bugprone-reserved-identifier): the linker's word */
int __real_checkpoint_put(struct checkpoint *c, const struct checkpoint_row *row);      /* NOLINT(bugprone-reserved-identifier) */
int __wrap_rows_keep(void *agent, struct checkpoint_row *row);                          /* NOLINT(bugprone-reserved-identifier) */
int __real_rows_keep(void *agent, struct checkpoint_row *row);                          /* NOLINT(bugprone-reserved-identifier) */
int __wrap_ledger_stream_end(struct agent *a, const struct dw_stream *s, uint64_t size, uint64_t read, const char *state); /* NOLINT(bugprone-reserved-identifier) */
int __real_ledger_stream_end(struct agent *a, const struct dw_stream *s, uint64_t size, uint64_t read, const char *state); /* NOLINT(bugprone-reserved-identifier) */

int __wrap_checkpoint_put(struct checkpoint *c, const struct checkpoint_row *row)
{
    sim_row(row, false);
    return __real_checkpoint_put(c, row);
}

int __wrap_rows_keep(void *agent, struct checkpoint_row *row)
{
    sim_row(row, !sim.agent); /* those of the checkpoint come while it opens */
    return __real_rows_keep(agent, row);
}

int __wrap_ledger_stream_end(struct agent *a, const struct dw_stream *s, uint64_t size, uint64_t read, const char *state)
{
    sim_said_lost(s, read, state);
    return __real_ledger_stream_end(a, s, size, read, state);
}

static void wake(void *arg)
{
    (void)arg;
}

static void all_closed(void)
{
    for (int i = 0; i < SIM_FDS; i++)
        if (sim.fd[i].inode)
            sim_fail("descriptor %d was not closed: inode %llu, opened with %x", SIM_FD_FIRST + i, (unsigned long long)sim.fd[i].inode->number, (unsigned)sim.fd[i].flags);
}

/* The program ends. */
static void stop_watching(void)
{
    watches_free(sim.watches);
    sim.watches = NULL;
}

static void close_agent(void)
{
    sim.closing = true;
    sim.in_agent = true;
    agent_close(sim.agent);
    sim.in_agent = sim.closing = false;
    sim.agent = NULL;
    sim.kill_in = 0;
    all_closed();
    sim_reach();
}

static void start_agent(void)
{
    sim.dead = false;
    sim.closing = true; /* a start that fails closes what it opened */
    sim.in_agent = true;
    int rc = sim.tells && !sim.watches ? watches_new(&sim.watches) : DW_OK;
    DW_ASSERT(rc == DW_OK);
    rc = agent_open(&sim.opt, wake, NULL, &sim.agent);
    sim.in_agent = sim.closing = false;
    sim_note("the agent starts: %s", dw_err_text(rc));
    if (rc < 0) {
        sim.agent = NULL;
        sim.kill_in = 0;
        sim.start_at_ns = sim.mono_ns + DW_NS_PER_S;
        stop_watching();
        all_closed();
        sim_reach();
        return;
    }
    sim.agent->watches = sim.watches;
}

/* How long the service manager, or an upgrade, leaves it away. */
static int64_t absence(void)
{
    return (int64_t)sim_below(sim_chance(4) ? 40000 : 3000) * DW_NS_PER_MS;
}

/* As the loop does when the descriptor is readable, which may be before a turn or after it. False: the turn comes later. */
static bool hear(void)
{
    if (!sim.watches || !sim_tells_something() || (!sim.quiet && !sim_chance(sim.heard_in)))
        return true;
    (void)scan_hear(sim.agent);
    return sim.quiet || sim.dead || !sim_chance(4);
}

static void turn(void)
{
    bool more;
    if (!sim.agent) {
        if (sim.quiet || sim.mono_ns >= sim.start_at_ns)
            start_agent();
        return;
    }
    sim.in_agent = true;
    int rc = hear() ? agent_turn(sim.agent, &more) : DW_OK;
    bool done = rc == DW_OK && !sim.dead && agent_done(sim.agent);
    sim.in_agent = false;
    for (const struct tail *t = sim.agent->tail; t; t = t->next) {
        struct sim_fd *f = sim_fd_of(t->fd);
        if (f)
            f->tail = true;
    }
    if (rc == DW_OK && !sim.dead && !done)
        return;
    sim_note("the agent ends: %s", sim.dead ? "killed" : done ? "as asked" : dw_err_text(rc));
    bool again = rc == DW_EIO && sim.opt.transport == DW_TRANSPORT_KAFKA && !sim.dead; /* the program goes on */
    close_agent();
    if (!again)
        stop_watching();
    sim.start_at_ns = sim.mono_ns + absence();
}

static void set_options(void)
{
    static const int64_t waits[] = {DW_NS_PER_S / 10, 2 * DW_NS_PER_S, 10 * DW_NS_PER_S};
    struct dw_agent_options *o = &sim.opt;
    static struct dw_str none = {"none", 4};
    int rc = dw_conf_init(&sim.conf, &dw_conf_agent, o);
    DW_ASSERT(rc == DW_OK);
    o->data = DW_STR("/w/data");
    o->host_name = DW_STR("host-1");
    o->signals = o->discover_docker = o->discover_cri = o->discover_podman = false;
    o->redact = (struct dw_conf_list){&none, 1};
    o->logs = (struct dw_conf_list){sim.list, 1};
    sim.list[0] = sim_chance(2) ? DW_STR("/w/logs/*/app.log") : DW_STR("/w/logs/*/*.log");
    o->transport = sim_chance(2) ? DW_TRANSPORT_KAFKA : DW_TRANSPORT_DIR;
    o->kafka_brokers = DW_STR("broker:9092");
    o->rotated_wait = waits[sim_below(3)];
    o->join_idle = waits[sim_below(3)];
    o->forget_after = (sim_chance(3) ? 300 : 3600) * DW_NS_PER_S;
    o->ledger_interval = (1 + (int64_t)sim_below(10)) * DW_NS_PER_S;
    o->memory_max = sim_chance(3) ? 4096 : 1 << 28;
    o->spool_limit = sim_chance(3) ? 1 << 15 : 1 << 28; /* a rotated file fits in: what does not is not unpacked */
}

/* ---- a world ---- */

static void clock_goes_on(void)
{
    int64_t ns = (int64_t)sim_below(20) * DW_NS_PER_MS;
    if (sim_chance(30))
        ns += (int64_t)sim_below(3000) * DW_NS_PER_MS;
    if (sim_chance(600))
        ns += (int64_t)sim_below(60000) * DW_NS_PER_MS;
    sim.mono_ns += ns;
    sim.real_ns += ns;
    if (!sim_chance(1500))
        return;
    int64_t jump = sim_chance(2) ? (int64_t)sim_below(7200) * DW_NS_PER_S : -(int64_t)sim_below(1900) * DW_NS_PER_MS; /* back by less than the agent allows for */
    sim.real_ns += jump;
    sim_note("the clock jumps by %.3f s", (double)jump / 1e9);
}

static void misfortune(void)
{
    if (!sim.kill_in && sim.agent && sim_chance(sim.tells ? 1000 : 250)) { /* each start looks at everything */
        sim.kill_in = 1 + sim_below(sim_chance(2) ? 30 : 600);
        sim.power = sim_chance(4);
    }
    if (sim_chance(150))
        sim_broker_step();
    if (sim_chance(sim.full ? 40 : 800)) {
        sim.full = !sim.full;
        sim_note("the disk is %s", sim.full ? "full" : "no longer full");
    }
    if (sim.agent && sim_chance(1200)) {
        sim_note("the agent is asked to stop");
        agent_stop(sim.agent, (int64_t)sim_below(4) * DW_NS_PER_S, "by the simulator");
    }
    if (sim.agent && !sim.tells && sim_chance(20)) {
        const struct sim_log *l = &sim.log[sim_below(sim.log_count)];
        if (sim_chance(4))
            scan_missed(sim.agent);
        else
            scan_note(sim.agent, l->folder, sim_chance(2) ? "app.log" : "app.log.1", sim_chance(2) ? WATCH_CAME : WATCH_WRITTEN);
    }
}

static void writer_goes_on(void)
{
    sim.in_agent = true;
    sim_fiber_step();
    sim.in_agent = false;
}

static void go_on_quietly(void)
{
    sim.mono_ns += DW_NS_PER_S / 5;
    sim.real_ns += DW_NS_PER_S / 5;
    turn();
    for (int k = 0; k < 3; k++)
        writer_goes_on();
}

/* What there is has to come, and where the kernel tells, without the look at everything that is made every five minutes. */
static void catch_up_and_judge(void)
{
    int calm = 0;
    if (sim.tells && sim.agent)
        sim.agent->last_all_ns = sim.mono_ns;
    for (int i = 0; i < CATCH_UP_MAX && calm < 8 && !sim.failed; i++) {
        go_on_quietly();
        calm = i % 8 == 0 && sim_accounted() ? calm + 4 : calm;
    }
    if (!sim.failed)
        sim_judge();
}

/* Nothing fails any more and no program writes. */
static void catch_up(void)
{
    sim.quiet = true;
    sim.kill_in = 0;
    sim.power = sim.full = false;
    sim_broker_heal();
    sim_programs_end();
    sim_note("all is quiet");
    catch_up_and_judge();
    for (int i = 0; sim.tells && i < REST_TURNS && !sim.failed; i++)
        go_on_quietly();
    if (sim.tells && !sim.failed) {
        sim_note("all that rest are woken");
        sim_programs_wake();
        sim_programs_end();
        catch_up_and_judge();
    }
    sim_note("judged");
    sim.quiet = false;
}

static void begin_telling(void)
{
    sim.tells_of_nameless = sim_chance(2);
    sim.queue_max = sim_chance(2) ? 3 + (uint32_t)sim_below(12) : 400;
    sim.heard_in = sim_chance(3) ? 30 : 2;
    sim.watches_max = sim_chance(6) ? 1 + (uint32_t)sim_below(6) : 64;
    (void)sim_make_folders("/w/away", false);
    sim_note("the kernel tells%s, %u at a time, of %u folders", sim.tells_of_nameless ? ", also of files without a name" : "", sim.queue_max, sim.watches_max);
}

static void begin_world(uint64_t seed, bool verbose)
{
    bool copies = sim.copies, clock = sim.clock;
    sim = (struct sim){.seed = seed, .copies = copies, .clock = clock, .tells = !clock && seed % 2, .rng.state = seed, .chance.state = ~seed, .verbose = verbose};
    (void)dw_rng_next(&sim.rng);
    sim.mono_ns = 100 * DW_NS_PER_S;
    sim.real_ns = INT64_C(1795986000) * DW_NS_PER_S;
    sim.tick_ns = sim_chance(4) ? DW_NS_PER_S : 4 * DW_NS_PER_MS;
    sim.births = !sim_chance(3);
    sim.next_inode = 100;
    sim_oracle_begin();
    sim_files_begin();
    sim_fiber_begin();
    sim_broker_begin();
    sim_sqlite_begin();
    sim_watch_begin();
    (void)sim_make_folders("/w/logs", false);
    (void)sim_make_folders("/w/data/agent", true);
    (void)sim_make_folders("/w/data/queue", true);
    if (sim.tells)
        begin_telling();
    sim_programs_begin();
    set_options();
    sim_note("%s, %s, stamps of %lld ms, rotated.wait %lld ms, forget.after %lld s, memory.max %lld, spool.limit %lld", sim.births ? "times of birth" : "no times of birth",
        sim.opt.transport == DW_TRANSPORT_KAFKA ? "kafka" : "dir", (long long)(sim.tick_ns / DW_NS_PER_MS), (long long)(sim.opt.rotated_wait / DW_NS_PER_MS),
        (long long)(sim.opt.forget_after / DW_NS_PER_S), (long long)sim.opt.memory_max, (long long)sim.opt.spool_limit);
    start_agent();
}

static void end_world(void)
{
    struct sim_sum s = sim_sum();
    total.written += s.written;
    total.acked += s.acked;
    total.gone += s.gone;
    total.frames += s.frames;
    total.events += s.events;
    total.streams += s.streams;
    if (sim.agent)
        close_agent();
    stop_watching();
    dw_conf_fini(&sim.conf);
    for (uint32_t i = 0; i < sim.log_count; i++)
        sim_release(sim.log[i].file);
    sim_files_fini();
    sim_oracle_fini();
    sim_broker_fini();
}

/* False: a violation; then the world is left as it is. */
static bool run_world(uint64_t seed, uint64_t steps, bool verbose)
{
    begin_world(seed, verbose);
    for (sim.step = 0; sim.step < steps && !sim.failed; sim.step++) {
        uint64_t what = sim_below(10);
        sim.moves = 0;
        clock_goes_on();
        misfortune();
        if (what < 4)
            sim_programs_step();
        else if (what < 8)
            turn();
        else
            writer_goes_on();
        if ((sim.step + 1) % JUDGE_EVERY == 0 && !sim.failed)
            catch_up();
    }
    if (!sim.failed)
        catch_up();
    if (sim.failed)
        return false;
    end_world();
    return true;
}

/* ---- a failure ---- */

static bool fails_within(uint64_t seed, uint64_t steps)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(run_world(seed, steps, false) ? 0 : 1);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* The least steps that a world needs to fail, as far as halving finds them. */
static uint64_t shrink(uint64_t seed, uint64_t steps)
{
    uint64_t good = 0;
    for (int i = 0; i < SHRINK_TRIES && good + 1 < steps; i++) {
        uint64_t middle = good + (steps - good) / 2;
        if (fails_within(seed, middle))
            steps = middle;
        else
            good = middle;
    }
    return steps;
}

static void tell(uint64_t seed)
{
    uint64_t from = sim.trace_count > SIM_TRACE ? sim.trace_count - SIM_TRACE : 0;
    (void)printf("the last operations:\n");
    for (uint64_t i = from; i < sim.trace_count; i++)
        (void)printf("%s\n", sim.trace[i % SIM_TRACE]);
    (void)printf("seed %llu fails at step %llu; again: sim --seed %llu -v\n", (unsigned long long)seed, (unsigned long long)sim.step, (unsigned long long)seed);
    (void)fflush(stdout);
}

struct arguments {
    uint64_t seed, steps, world;
    bool one, verbose, whole;
};

static bool parse(int argc, char **argv, struct arguments *a)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        sim.copies |= strcmp(name, "--copies") == 0;
        a->verbose |= strcmp(name, "-v") == 0;
        sim.clock |= strcmp(name, "--clock") == 0;
        if (strcmp(name, "--copies") == 0 || strcmp(name, "--clock") == 0 || strcmp(name, "-v") == 0)
            continue;
        if (i + 1 == argc)
            return false;
        struct dw_str value = dw_str_of(argv[++i]);
        if (strcmp(name, "--seed") == 0) {
            a->one = true;
            if (dw_str_eq(value, DW_STR("random"))) {
                a->one = false;
                a->seed = sim_real_chance() >> 24; /* short enough to be typed */
            } else if (!dw_str_u64(value, &a->seed)) {
                return false;
            }
        } else if (strcmp(name, "--first") == 0) {
            if (!dw_str_u64(value, &a->seed))
                return false;
        } else if (strcmp(name, "--steps") == 0) {
            if (!dw_str_u64(value, &a->steps))
                return false;
            a->whole = true;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct arguments a = {.seed = FIRST_SEED, .steps = 1000000};
    if (!parse(argc, argv, &a)) {
        (void)fprintf(stderr, "usage: sim [--seed N|random] [--first N] [--steps N] [--copies] [--clock] [-v]\n");
        return 2;
    }
    sim.chance.state = 1;
    (void)dw_hash_process_key(); /* the same for every seed */
    dw_log_setup("dogwatch-agent", a.verbose ? DW_LOG_INFO : DW_LOG_ERROR);
    (void)printf("worlds from seed %llu on\n", (unsigned long long)a.seed);
    (void)fflush(stdout);
    uint64_t a_world = a.one && a.whole ? a.steps : STEPS_A_WORLD, worlds = 0, done = 0;
    for (uint64_t seed = a.seed; worlds == 0 || (!a.one && done < a.steps); seed++, worlds++, done += a_world) {
        if (run_world(seed, a_world, a.verbose))
            continue;
        tell(seed);
        uint64_t least = shrink(seed, sim.step + 1);
        (void)printf("%llu steps are enough: sim --seed %llu --steps %llu -v; %llu steps had been well before\n", (unsigned long long)least, (unsigned long long)seed,
            (unsigned long long)least, (unsigned long long)done);
        return 1;
    }
    (void)printf("%llu steps in %llu worlds from seed %llu: %llu bytes written, %llu acknowledged or declared, %llu gone before anybody could read them; %llu streams, %llu frames, %llu events\n",
        (unsigned long long)done, (unsigned long long)worlds, (unsigned long long)a.seed, (unsigned long long)total.written, (unsigned long long)total.acked,
        (unsigned long long)total.gone, (unsigned long long)total.streams, (unsigned long long)total.frames, (unsigned long long)total.events);
    sim_fiber_fini();
    return 0;
}
