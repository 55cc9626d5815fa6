/* Tests of agent/confine.h: what the agent needs it may, and what it does not need is refused, whoever it is. */
#include "support.h"

#include "../../../agent/confine.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char dir[512], data[600], logs[600], glob[700], elsewhere[600];
    struct dw_str list;
    struct dw_conf conf;
    struct dw_agent_options opt;
};

static void put(const char *dir, const char *name, mode_t mode)
{
    char path[700];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT, mode);
    assert_true(fd >= 0 && write(fd, "x\n", 2) == 2);
    close(fd);
}

static void set_up(struct place *p)
{
    memset(p, 0, sizeof *p);
    (void)snprintf(p->dir, sizeof p->dir, "%s", temp_dir());
    (void)snprintf(p->data, sizeof p->data, "%s/data", p->dir);
    (void)snprintf(p->logs, sizeof p->logs, "%s/logs", p->dir);
    (void)snprintf(p->elsewhere, sizeof p->elsewhere, "%s/elsewhere", p->dir);
    (void)snprintf(p->glob, sizeof p->glob, "%s/*.log", p->logs);
    assert_int_equal(chmod(p->dir, 0755), 0);
    assert_true(mkdir(p->logs, 0755) == 0 && mkdir(p->elsewhere, 0755) == 0 && mkdir(p->data, 0750) == 0);
    put(p->logs, "a.log", 0600);
    put(p->elsewhere, "secret", 0644);
    assert_int_equal(dw_conf_init(&p->conf, &dw_conf_agent, &p->opt), DW_OK);
    p->list = dw_str_of(p->glob);
    p->opt.data = dw_str_of(p->data);
    p->opt.logs = (struct dw_conf_list){&p->list, 1};
    p->opt.discover_docker = p->opt.discover_cri = p->opt.discover_podman = false;
}

static void tear_down(struct place *p)
{
    dw_conf_fini(&p->conf);
    temp_dir_remove(p->dir);
}

/* What open(2) says of DIR/NAME: 0 or errno. */
static int opens(const char *dir, const char *name, int flags)
{
    char path[700];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

/* Runs `work` in a process of its own, for what it does cannot be undone: the line that failed, or 0. */
static int in_child(int (*work)(struct place *p), struct place *p)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(work(p));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define EXPECT(condition) \
    do { \
        if (!(condition)) { \
            (void)fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
            return 1; \
        } \
    } while (0)

static long landlock_abi(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static int listens(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = bind(fd, (struct sockaddr *)&any, sizeof any) == 0 ? 0 : errno;
    close(fd);
    return rc;
}

static int files(struct place *p)
{
    struct sandbox *s;
    char away[700];
    (void)snprintf(away, sizeof away, "%s/agent", p->data);
    EXPECT(sandbox_enter(&p->opt, "/etc/dogwatch/agent.yml", &s) == DW_OK && s);
    EXPECT(opens(p->logs, "a.log", O_RDONLY) == 0);
    EXPECT(opens(p->logs, "a.log", O_WRONLY) == EACCES);
    EXPECT(opens(p->logs, "new.log", O_WRONLY | O_CREAT) == EACCES);
    EXPECT(opens(p->elsewhere, "secret", O_RDONLY) == EACCES);
    EXPECT(opens("/etc", "shadow", O_RDONLY) == EACCES);
    EXPECT(opens("/etc", "hosts", O_RDONLY) == 0);
    EXPECT(opens(p->data, "mine", O_WRONLY | O_CREAT) == EACCES); /* the collector's part */
    EXPECT(opens(away, "mine", O_WRONLY | O_CREAT | O_TRUNC) == 0);
    EXPECT(landlock_abi() < 4 || listens() == EACCES);
    sandbox_free(s);
    return 0;
}

static void files_beyond_the_logs_are_out_of_reach(void **state)
{
    (void)state;
    struct place p;
    if (landlock_abi() < 1) {
        print_message("skipped: this kernel has no Landlock\n");
        skip();
    }
    set_up(&p);
    assert_int_equal(in_child(files, &p), 0);
    tear_down(&p);
}

static int links(struct place *p)
{
    struct sandbox *s;
    EXPECT(sandbox_enter(&p->opt, "/etc/dogwatch/agent.yml", &s) == DW_OK && s);
    EXPECT(opens(p->logs, "link.log", O_RDONLY) == 0);
    EXPECT(sandbox_outgrown(s) == NULL);
    sandbox_free(s);
    return 0;
}

static int one_file(struct place *p)
{
    struct sandbox *s;
    EXPECT(sandbox_enter(&p->opt, "/etc/dogwatch/agent.yml", &s) == DW_OK && s);
    EXPECT(opens(p->elsewhere, "key", O_RDONLY) == 0);
    EXPECT(opens(p->elsewhere, "secret", O_RDONLY) == EACCES);
    sandbox_free(s);
    return 0;
}

static void the_key_of_hashes_is_read_and_nothing_beside_it(void **state)
{
    (void)state;
    struct place p;
    char path[700];
    if (landlock_abi() < 1)
        skip();
    set_up(&p);
    put(p.elsewhere, "key", 0640);
    (void)snprintf(path, sizeof path, "%s/key", p.elsewhere);
    p.opt.redact_key_file = dw_str_of(path);
    assert_int_equal(in_child(one_file, &p), 0);
    tear_down(&p);
}

static void a_log_that_is_a_link_is_read_where_it_leads(void **state)
{
    (void)state;
    struct place p;
    char from[700], to[700];
    if (landlock_abi() < 1)
        skip();
    set_up(&p);
    (void)snprintf(from, sizeof from, "%s/secret", p.elsewhere);
    (void)snprintf(to, sizeof to, "%s/link.log", p.logs);
    assert_int_equal(symlink(from, to), 0);
    assert_int_equal(in_child(links, &p), 0);
    tear_down(&p);
}

static void a_folder_that_is_made_anew_is_told(void **state)
{
    (void)state;
    struct place p;
    struct dw_str lists[2];
    char later[700];
    if (landlock_abi() < 1)
        skip();
    set_up(&p);
    (void)snprintf(later, sizeof later, "%s/later/*.log", p.dir);
    lists[0] = p.list;
    lists[1] = dw_str_of(later);
    p.opt.logs = (struct dw_conf_list){lists, 2};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* making folders is beyond a sandbox: another process does it */
        struct sandbox *s;
        char go = 0;
        int ready[2], done[2];
        if (pipe(ready) != 0 || pipe(done) != 0)
            _exit(2);
        pid_t maker = fork();
        if (maker == 0) {
            (void)!read(ready[0], &go, 1);
            later[strlen(later) - strlen("/*.log")] = '\0';
            int rc = mkdir(later, 0755);
            (void)!write(done[1], &go, 1);
            _exit(rc != 0);
        }
        bool well = sandbox_enter(&p.opt, "/etc/dogwatch/agent.yml", &s) == DW_OK && s && !sandbox_outgrown(s);
        (void)!write(ready[1], &go, 1);
        (void)!read(done[0], &go, 1);
        const char *path = sandbox_outgrown(s);
        well = well && path && strstr(path, "/later");
        sandbox_free(s);
        (void)waitpid(maker, NULL, 0);
        _exit(well ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    tear_down(&p);
}

static void *thread(void *arg)
{
    *(bool *)arg = true;
    return NULL;
}

static int calls(struct place *p)
{
    char *const no[] = {NULL};
    pthread_t t;
    bool ran = false;
    EXPECT(syscalls_limit(&p->opt) == DW_OK);
    EXPECT(execve("/bin/true", no, no) < 0 && errno == EPERM);
    EXPECT(syscall(SYS_open_by_handle_at, -1, NULL, 0) < 0 && errno == EPERM);
    EXPECT(mount("none", "/mnt", "tmpfs", 0, NULL) < 0 && errno == EPERM);
    EXPECT(unshare(CLONE_NEWUSER) < 0 && errno == EPERM);
    EXPECT(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
    EXPECT(listen(0, 1) < 0 && errno == EPERM);
    EXPECT(opens(p->logs, "a.log", O_RDONLY) == 0);
    EXPECT(pthread_create(&t, NULL, thread, &ran) == 0 && pthread_join(t, NULL) == 0 && ran);
#ifndef CONFINE_SANITIZED
    EXPECT(fork() < 0 && errno == EPERM);
    EXPECT(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 && errno == EPERM);
#endif
    return 0;
}

/* With an input, and without, in the same words: recvmmsg and getsockopt are what it adds (accept4 is for who asks, too). */
static int inputs(struct place *p)
{
    struct sandbox *s;
    bool wants = p->opt.inputs_syslog.count > 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), value;
    socklen_t bytes = sizeof value;
    struct mmsghdr none;
    EXPECT(fd >= 0 && listen(fd, 1) == 0);
    EXPECT(sandbox_enter(&p->opt, "/etc/dogwatch/agent.yml", &s) == DW_OK);
    EXPECT(syscalls_limit(&p->opt) == DW_OK);
    EXPECT(accept4(fd, NULL, NULL, SOCK_CLOEXEC) < 0 && errno == EAGAIN);
    EXPECT(recvmmsg(fd, &none, 0, MSG_DONTWAIT, NULL) == (wants ? 0 : -1));
    EXPECT((getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &bytes) == 0) == wants);
    EXPECT(socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EPERM);
    EXPECT(bind(fd, NULL, 0) < 0 && errno == EPERM);
    EXPECT(listen(fd, 1) < 0 && errno == EPERM);
    EXPECT(connect(fd, NULL, 0) < 0 && errno == EPERM);
    sandbox_free(s);
    return 0;
}

static void without_inputs_nothing_is_wider_and_with_them_no_port_can_be_opened_later(void **state)
{
    (void)state;
    struct place p;
    struct dw_str place = DW_STR("udp://127.0.0.1:514");
    set_up(&p);
    assert_int_equal(in_child(inputs, &p), 0);
    p.opt.inputs_syslog = (struct dw_conf_list){&place, 1};
    assert_int_equal(in_child(inputs, &p), 0);
    tear_down(&p);
}

static void system_calls_that_are_not_listed_are_refused(void **state)
{
    (void)state;
    struct place p;
    set_up(&p);
    assert_int_equal(in_child(calls, &p), 0);
    tear_down(&p);
}

static int nobody(struct place *p)
{
    struct passwd *who = getpwnam("nobody");
    struct stat st;
    char away[700];
    (void)snprintf(away, sizeof away, "%s/agent", p->data);
    EXPECT(who);
    EXPECT(mkdir(away, 0700) == 0);
    put(away, "from-before", 0600);
    p->opt.user = DW_STR("nobody");
    EXPECT(privilege_drop(&p->opt) == DW_OK);
    EXPECT(getuid() == who->pw_uid && geteuid() == who->pw_uid && getegid() == who->pw_gid);
    EXPECT(opens(p->logs, "a.log", O_RDONLY) == 0);      /* root's alone */
    EXPECT(opens(p->logs, "a.log", O_WRONLY) == EACCES);
    EXPECT(opens(p->logs, "new.log", O_WRONLY | O_CREAT) == EACCES);
    EXPECT(opens(away, "from-before", O_RDWR) == 0);
    EXPECT(opens(away, "new", O_WRONLY | O_CREAT) == 0);
    EXPECT(stat(p->data, &st) == 0 && st.st_uid == 0); /* the collector's part is nobody's */
    EXPECT(setuid(0) < 0);
    return 0;
}

static int root(struct place *p)
{
    char secret[700];
    (void)snprintf(secret, sizeof secret, "%s/theirs", p->elsewhere);
    put(p->elsewhere, "theirs", 0600);
    EXPECT(chown(secret, 12345, 12345) == 0);
    p->opt.user = DW_STR("no-such-user-here");
    EXPECT(privilege_drop(&p->opt) == DW_OK);
    EXPECT(getuid() == 0);
    EXPECT(opens(p->elsewhere, "theirs", O_RDONLY) == 0);
    EXPECT(opens(p->elsewhere, "theirs", O_WRONLY) == EACCES);
    EXPECT(chown(secret, 0, 0) < 0 && errno == EPERM);
    return 0;
}

static void root_keeps_nothing_but_reading(void **state)
{
    (void)state;
    struct place p;
    if (geteuid() != 0) {
        print_message("skipped: only root has privileges to drop\n");
        skip();
    }
    set_up(&p);
    assert_int_equal(in_child(nobody, &p), 0);
    assert_int_equal(in_child(root, &p), 0);
    tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_beyond_the_logs_are_out_of_reach),
        cmocka_unit_test(the_key_of_hashes_is_read_and_nothing_beside_it),
        cmocka_unit_test(a_log_that_is_a_link_is_read_where_it_leads),
        cmocka_unit_test(a_folder_that_is_made_anew_is_told),
        cmocka_unit_test(system_calls_that_are_not_listed_are_refused),
        cmocka_unit_test(without_inputs_nothing_is_wider_and_with_them_no_port_can_be_opened_later),
        cmocka_unit_test(root_keeps_nothing_but_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
