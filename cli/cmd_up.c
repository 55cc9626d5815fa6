/*
 * cmd_up: `dogwatch up`: agent and collector on this host, without a broker.
 *
 * It links neither: it writes their configurations to DATA/up/, executes both programs, restarts one that dies (with growing
 * pauses, counted and said), and forwards SIGINT and SIGTERM, to the agent first.
 *
 * Exit codes: 0 both ended cleanly · 1 --until-idle found no log · 2 usage or configuration · 3 locked, or a program cannot run.
 */
#include "doctor.h"
#include "up.h"
#include "up_keep.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/conf/program.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 50, BACKOFF_MAX_MS = 10000, AGAIN_MS = 100, FAILED_STARTS_MAX = 5 };
#define STARTED_NS (5 * DW_NS_PER_S) /* who lives longer did start */

struct child {
    const char *name;
    char program[CLI_PATH_MAX], config[CLI_PATH_MAX];
    pid_t pid;
    unsigned deaths, failed_starts;
    int64_t started_ns, not_before_ns;
    bool may_end; /* it was told to, or ends by itself when all is read */
    bool ended, answered_no;
};

static volatile sig_atomic_t told;
static const int end_by[] = {SIGINT, SIGTERM, SIGHUP}; /* SIGHUP: the terminal is gone */

static void on_signal(int number)
{
    told = number;
}

static bool find_program(const char *name, char out[CLI_PATH_MAX])
{
    static const char *const places[] = {"", "/../libexec/dogwatch"};
    char folder[CLI_PATH_MAX];
    for (size_t i = 0; cli_own_folder(folder) && i < DW_COUNT_OF(places); i++) {
        int n = snprintf(out, CLI_PATH_MAX, "%s%s/%s", folder, places[i], name);
        if (n > 0 && n < CLI_PATH_MAX && access(out, X_OK) == 0)
            return true;
    }
    (void)fprintf(stderr, "dogwatch up: %s stands neither beside this program nor in libexec/dogwatch\n", name);
    return false;
}

/* Why a log cannot be read. Its name comes from whoever made it: no control byte reaches the terminal, and no quote a command. */
static void say_unreadable(const char *path, int why)
{
    bool plain = true;
    (void)fprintf(stderr, "  cannot read ");
    for (const char *c = path; *c; c++) {
        bool control = (unsigned char)*c < 0x20 || *c == 0x7f;
        plain &= !control && *c != '\'';
        (void)fputc(control ? '?' : *c, stderr);
    }
    (void)fprintf(stderr, ": %s", strerror(why)); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (why == EACCES && plain)
        (void)fprintf(stderr, "; run as root, or: setfacl -m u:$USER:r '%s'", path);
    (void)fputc('\n', stderr);
}

static uint32_t count_glob(const char *pattern, uint32_t *ret_unreadable)
{
    glob_t g = {0};
    uint32_t n = 0;
    if (glob(pattern, 0, NULL, &g) == 0) { /* NOLINT(concurrency-mt-unsafe): one thread */
        for (size_t i = 0; i < g.gl_pathc; i++) {
            n++;
            if (access(g.gl_pathv[i], R_OK) != 0) {
                say_unreadable(g.gl_pathv[i], errno);
                (*ret_unreadable)++;
            }
        }
    }
    globfree(&g);
    return n;
}

static void say_driver(void *arg, const char *path, struct dw_str driver)
{
    (void)arg;
    (void)fprintf(stderr, "  cannot read the container of %s: its log driver is '%.*s'; start it with: docker run --log-driver json-file ...\n", path, DW_ARG(driver));
}

/* How many logs there are to read. */
static uint32_t say_found(const struct up *u)
{
    static const struct {
        const char *what, *pattern;
    } places[] = {{"docker containers", "/var/lib/docker/containers/*/*-json.log"}, {"pods' containers", "/var/log/pods/*/*/*.log"},
        {"podman containers", DW_PODMAN_ROOT "/*/userdata/ctr.log"}};
    uint32_t unreadable = 0, found = 0;
    (void)fprintf(stderr, "dogwatch up: data in %s, rules from %s\n", u->data, u->rules[0] ? u->rules : "(none found)");
    for (int i = 0; i < u->logs_count; i++) {
        uint32_t n = count_glob(u->logs[i], &unreadable);
        (void)fprintf(stderr, "  %u logs match %s\n", n, u->logs[i]);
        found += n;
    }
    for (size_t i = 0; u->logs_count == 0 && i < DW_COUNT_OF(places); i++) {
        uint32_t n = count_glob(places[i].pattern, &unreadable);
        (void)fprintf(stderr, "  %u %s (%s)\n", n, places[i].what, places[i].pattern);
        found += n;
    }
    if (u->logs_count == 0)
        doctor_drivers("/var/lib/docker/containers", say_driver, NULL);
    return found;
}

/* In a group of its own, so that Ctrl-C reaches `up` alone and the order of ending is ours; and told to end when `up` dies. */
/* Signals that end `up`. */
static sigset_t ending(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < DW_COUNT_OF(end_by); i++)
        (void)sigaddset(&set, end_by[i]);
    return set;
}

/* Of a new child: such a signal ends it. Between fork and exec it would only have set our own `told` in a copy of it, and been lost. */
static void mind_signals(void)
{
    sigset_t set = ending(), last;
    (void)sigemptyset(&last);
    (void)sigaddset(&last, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &last, NULL); /* one that comes before the collector listens waits for it */
    for (size_t i = 0; i < DW_COUNT_OF(end_by); i++)
        (void)signal(end_by[i], SIG_DFL);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static bool start(struct child *c, const struct up_keep *keep)
{
    pid_t up = getpid();
    sigset_t set = ending();
    c->started_ns = dw_clock_mono(&dw_clock_system);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    c->pid = fork();
    if (c->pid == 0) {
        mind_signals();
        (void)setpgid(0, 0);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != up)
            _exit(0); /* it died in between */
        if (keep)
            up_keep_pass(keep);
        (void)execl(c->program, c->program, "--config", c->config, (char *)NULL);
        _exit(127);
    }
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return c->pid > 0;
}

/* A child that is gone: over, or to be started again later. */
static void bury(struct child *c, int status, int *exit_code)
{
    c->pid = 0;
    bool done = WIFEXITED(status) && WEXITSTATUS(status) <= CLI_USAGE; /* done, done in part, or not to be done */
    if (done && (WEXITSTATUS(status) == CLI_USAGE || c->may_end)) {
        c->ended = true;
        if (WEXITSTATUS(status) == CLI_USAGE)
            *exit_code = CLI_USAGE;
        c->answered_no = WEXITSTATUS(status) == CLI_NO;
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == DW_EXIT_AGAIN) { /* it asks for it; a pause, should it ask without end */
        c->not_before_ns = dw_clock_mono(&dw_clock_system) + AGAIN_MS * DW_NS_PER_MS;
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        (void)fprintf(stderr, "dogwatch up: %s cannot be executed\n", c->program);
        c->ended = true;
        *exit_code = CLI_CANNOT;
        return;
    }
    bool lived = dw_clock_mono(&dw_clock_system) - c->started_ns > STARTED_NS;
    c->failed_starts = lived || WIFSIGNALED(status) ? 0 : c->failed_starts + 1;
    if (c->failed_starts == FAILED_STARTS_MAX) {
        (void)fprintf(stderr, "dogwatch up: %s ended %d times as soon as it was started; what it said last is why\n", c->name,
            FAILED_STARTS_MAX);
        c->ended = true;
        *exit_code = CLI_CANNOT;
        return;
    }
    int64_t pause_ms = 100LL << (c->deaths < 7 ? c->deaths : 7);
    pause_ms = pause_ms < BACKOFF_MAX_MS ? pause_ms : BACKOFF_MAX_MS;
    c->deaths++;
    c->not_before_ns = dw_clock_mono(&dw_clock_system) + pause_ms * DW_NS_PER_MS;
    (void)fprintf(stderr, "dogwatch up: %s %s %d (death %u); starting it again in %lld ms\n", c->name,
        WIFSIGNALED(status) ? "was killed by signal" : "ended with code",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), c->deaths, (long long)pause_ms);
}

static void reap(struct child *children, int *exit_code)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < 2; i++)
            if (children[i].pid == pid)
                bury(&children[i], status, exit_code);
}

/* Agent first, so that what it still sends is taken in. */
static void forward(struct child *children, bool *agent_told, bool *collector_told)
{
    struct child *agent = &children[0], *collector = &children[1];
    if (!*agent_told) {
        *agent_told = true;
        if (agent->pid > 0)
            (void)kill(agent->pid, SIGTERM);
        agent->ended |= agent->pid == 0;
    }
    agent->ended |= agent->pid == 0;
    if (agent->pid == 0 && !*collector_told) {
        *collector_told = true;
        if (collector->pid > 0)
            (void)kill(collector->pid, SIGTERM);
        collector->ended |= collector->pid == 0;
    }
    collector->ended |= *collector_told && collector->pid == 0;
}

/* With --until-idle the collector may end when the agent has: told by its configuration, for the case that it is started again, and by
 * a signal. */
static int agent_has_ended(struct up *u, struct child *children)
{
    u->agent_ended = true;
    int rc = up_write_configs(u, children[0].config, children[1].config);
    if (rc == CLI_YES && children[1].pid > 0)
        (void)kill(children[1].pid, SIGUSR1);
    return rc;
}

static int watch(struct up *u, struct child children[2], struct up_keep *keep)
{
    int exit_code = CLI_YES;
    bool agent_told = false, collector_told = false;
    while (!(children[0].ended && children[1].ended)) {
        int64_t now = dw_clock_mono(&dw_clock_system);
        for (int i = 0; i < 2 && !told; i++)
            if (!children[i].ended && children[i].pid == 0 && now >= children[i].not_before_ns && !start(&children[i], i ? NULL : keep))
                return CLI_CANNOT;
        up_keep_wait(keep, POLL_MS);
        up_offer_console(u);
        children[0].may_end = told || u->until_idle;
        children[1].may_end = told || u->agent_ended;
        reap(children, &exit_code);
        if (u->until_idle && !u->agent_ended && children[0].ended && !told) {
            int rc = agent_has_ended(u, children);
            exit_code = exit_code == CLI_YES ? rc : exit_code;
        }
        if (told)
            forward(children, &agent_told, &collector_told);
        if (exit_code != CLI_YES && !told)
            told = SIGTERM; /* one of them will never run: end the other */
    }
    return exit_code == CLI_YES && (children[0].answered_no || children[1].answered_no) ? CLI_NO : exit_code;
}

int cmd_up(int argc, char **argv)
{
    struct up u = {0};
    struct child children[2] = {{.name = "agent"}, {.name = "collector"}};
    struct up_keep keep;
    char lock[CLI_PATH_MAX];
    int fd = -1;
    pid_t holder = 0; /* unknown */
    int rc = up_options(argc, argv, &u);
    if (rc != CLI_YES)
        return rc;
    if (!u.rules[0])
        (void)cli_shipped_rules(u.rules);
    if (u.write_config)
        (void)snprintf(u.dir, sizeof u.dir, "%s", u.write_config);
    else if (dw_path_join(u.dir, sizeof u.dir, u.data, "up") < 0)
        return CLI_USAGE;
    int err = dw_fs_mkdirs(&dw_fs_system, u.data, 0750);
    if (err == DW_OK)
        err = dw_fs_mkdirs(&dw_fs_system, u.dir, 0750);
    if (err == DW_OK)
        err = dw_path_join(lock, sizeof lock, u.data, "lock");
    if (err == DW_OK && !u.write_config)
        err = dw_fs_lock(lock, &fd, &holder);
    if (err == DW_ELOCKED)
        (void)fprintf(stderr, "dogwatch up: %s: another `dogwatch up` (pid %d) works here\n", u.data, (int)holder);
    else if (err < 0)
        (void)fprintf(stderr, "dogwatch up: %s: %s\n", u.data, dw_err_text(err));
    if (err < 0)
        return CLI_CANNOT;
    if (!u.write_config)
        up_choose_api(&u);
    rc = up_write_configs(&u, children[0].config, children[1].config);
    if (rc != CLI_YES)
        return rc;
    if (u.write_config) {
        (void)printf("wrote %s and %s\n  dogwatch-agent --config %s\n  dogwatch-collector --config %s\n", children[0].config,
            children[1].config, children[0].config, children[1].config);
        return CLI_YES;
    }
    if (!find_program("dogwatch-agent", children[0].program) || !find_program("dogwatch-collector", children[1].program))
        return CLI_CANNOT;
    uint32_t found = say_found(&u);
    up_say_api(&u);
    for (size_t i = 0; i < DW_COUNT_OF(end_by); i++)
        (void)signal(end_by[i], on_signal);
    up_keep_open(&keep);
    rc = watch(&u, children, &keep);
    up_keep_close(&keep);
    dw_fs_close(fd);
    if (rc == CLI_YES && u.until_idle && found == 0) {
        (void)fprintf(stderr, "dogwatch up: there was nothing to read\n");
        return CLI_NO;
    }
    return rc;
}
