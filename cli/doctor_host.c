/*
 * doctor_host: whether this host lets the agent work: rights, room, limits, clock, brokers.
 */
#include "doctor.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/conf/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_MS = 3000, SMALL_FILE = 4096 };
#define ROOM_LOW (1ull << 30)

/* A number in a file of /proc; 0 when it is not there. */
static uint64_t number_in(const char *path)
{
    struct dw_buf text = {0};
    uint64_t v = 0;
    if (dw_fs_read_named(&dw_fs_system, path, SMALL_FILE, &text) == DW_OK) {
        struct dw_str rest = dw_buf_view(&text);
        if (!dw_str_u64(dw_str_cut(&rest, '\n'), &v))
            v = 0;
    }
    dw_buf_fini(&text);
    return v;
}

static bool reads_everything(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capget, &head, set) == 0 && set[0].effective & 1u << CAP_DAC_READ_SEARCH;
}

void doctor_user(struct doctor *d)
{
    const struct passwd *to = d->opt->user.len ? getpwnam(d->opt->user.ptr) : NULL; /* NOLINT(concurrency-mt-unsafe): one thread */
    if (geteuid() != 0 && !reads_everything())
        doctor_say(d, DOCTOR_WARN, "what is said here holds for this user: ask as the agent's own", "user %u, without CAP_DAC_READ_SEARCH: it reads what it owns or is let read",
            (unsigned)geteuid());
    else if (geteuid() != 0)
        doctor_say(d, DOCTOR_OK, "", "user %u with CAP_DAC_READ_SEARCH: it reads every log", (unsigned)geteuid());
    else if (to)
        doctor_say(d, DOCTOR_OK, "", "root: the agent becomes %s with CAP_DAC_READ_SEARCH alone", d->opt->user.ptr);
    else
        doctor_say(d, DOCTOR_WARN, "useradd --system --no-create-home dogwatch", "root, and there is no user %s: the agent stays root, with CAP_DAC_READ_SEARCH alone",
            d->opt->user.len ? d->opt->user.ptr : "to become");
}

void doctor_fence(struct doctor *d)
{
    struct dw_stat st;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    bool seccomp = dw_fs_stat("/proc/sys/kernel/seccomp/actions_avail", &st) == DW_OK;
    enum doctor_state lack = d->opt->sandbox == DW_SANDBOX_REQUIRE ? DOCTOR_BAD : DOCTOR_WARN;
    if (d->opt->sandbox == DW_SANDBOX_OFF)
        doctor_say(d, DOCTOR_WARN, "take `sandbox: off` out of the configuration", "the agent is not fenced in");
    else if (abi < 1)
        doctor_say(d, lack, "Linux 5.13 or newer, with landlock in lsm= of its command line", "no Landlock: files are not fenced off");
    else
        doctor_say(d, DOCTOR_OK, "", "Landlock, version %ld", abi);
    if (!seccomp)
        doctor_say(d, lack, "a kernel with CONFIG_SECCOMP_FILTER", "no seccomp: system calls are not limited");
    else
        doctor_say(d, DOCTOR_OK, "", "seccomp");
}

void doctor_data(struct doctor *d)
{
    char path[CLI_PATH_MAX];
    struct statvfs room;
    (void)snprintf(path, sizeof path, "%s", d->opt->data.ptr);
    for (char *slash; access(path, F_OK) != 0 && (slash = strrchr(path, '/')) && slash != path;)
        *slash = '\0'; /* what is not there yet is made below the first that is */
    if (access(path, W_OK | X_OK) != 0)
        doctor_say(d, DOCTOR_BAD, "give the agent's user this folder, or name another one: data", "%s cannot be written: %s", path, doctor_reason(errno));
    else if (statvfs(path, &room) != 0)
        doctor_say(d, DOCTOR_WARN, "see the error", "%s: how much room there is cannot be told: %s", path, doctor_reason(errno));
    else if ((uint64_t)room.f_bavail * room.f_frsize < ROOM_LOW)
        doctor_say(d, DOCTOR_WARN, "make room, or lower queue.max_bytes and spool.limit", "%s: %llu MB are free, less than 1 GiB", path,
            (unsigned long long)((uint64_t)room.f_bavail * room.f_frsize / 1000000));
    else
        doctor_say(d, DOCTOR_OK, "", "%s can be written, %llu MB are free", path, (unsigned long long)((uint64_t)room.f_bavail * room.f_frsize / 1000000));
}

void doctor_inotify(struct doctor *d)
{
    uint64_t watches = number_in("/proc/sys/fs/inotify/max_user_watches"), instances = number_in("/proc/sys/fs/inotify/max_user_instances");
    if (watches && watches < 2 * d->folders)
        doctor_say(d, DOCTOR_WARN, "sysctl fs.inotify.max_user_watches=1048576; without it folders are looked at every scan.interval",
            "%llu folders may be watched, and %llu have logs", (unsigned long long)watches, (unsigned long long)d->folders);
    else if (instances && instances < 16)
        doctor_say(d, DOCTOR_WARN, "sysctl fs.inotify.max_user_instances=1024", "a user may have %llu inotify instances only", (unsigned long long)instances);
    else
        doctor_say(d, DOCTOR_OK, "", "%llu folders may be watched", (unsigned long long)watches);
}

void doctor_files(struct doctor *d)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return;
    if (r.rlim_max < 2 * d->logs + 64)
        doctor_say(d, DOCTOR_WARN, "ulimit -Hn, or LimitNOFILE= of the unit: twice the number of logs and some more", "%llu files may be open, and there are %llu logs",
            (unsigned long long)r.rlim_max, (unsigned long long)d->logs);
    else
        doctor_say(d, DOCTOR_OK, "", "%llu files may be open, and there are %llu logs", (unsigned long long)r.rlim_max, (unsigned long long)d->logs);
}

void doctor_clock(struct doctor *d)
{
    struct timex t = {0};
    int state = adjtimex(&t);
    if (state < 0)
        doctor_say(d, DOCTOR_WARN, "see the error", "the kernel does not tell about its clock: %s", doctor_reason(errno));
    else if (state == TIME_ERROR || t.status & STA_UNSYNC)
        doctor_say(d, DOCTOR_WARN, "a time service: systemd-timesyncd, chrony, or the host's own", "no time service keeps the clock");
    else
        doctor_say(d, DOCTOR_OK, "", "a time service keeps the clock, to %ld ms at worst", t.maxerror / 1000);
}

/* Connects within CONNECT_MS: 0 or errno. */
static int connect_to(const struct sockaddr *to, socklen_t to_bytes)
{
    int why = 0, fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t bytes = sizeof why;
    if (fd < 0)
        return errno;
    if (connect(fd, to, to_bytes) != 0) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        why = errno;
        if (why == EINPROGRESS)
            why = poll(&p, 1, CONNECT_MS) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &bytes) == 0 ? why : ETIMEDOUT;
    }
    (void)close(fd);
    return why;
}

static void look_at_docker(struct doctor *d)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const char *path = d->opt->docker_socket.ptr;
    if (d->opt->docker_socket.len >= sizeof at.sun_path) {
        doctor_say(d, DOCTOR_BAD, "a shorter path", "%s: too long a path for a socket", path);
        return;
    }
    memcpy(at.sun_path, path, d->opt->docker_socket.len + 1);
    int why = connect_to((const struct sockaddr *)&at, sizeof at);
    if (why)
        doctor_say(d, DOCTOR_BAD, why == EACCES ? "the agent's user must be in the socket's group: usermod -aG docker dogwatch" : "is docker running?", "%s: %s", path, doctor_reason(why));
    else
        doctor_say(d, DOCTOR_OK, "", "%s takes connections", path);
}

static void look_at_file(struct doctor *d, const char *option, struct dw_str path)
{
    int fd;
    errno = 0;
    if (dw_fs_open(&dw_fs_system, path.ptr, O_RDONLY, 0, &fd) == DW_OK)
        dw_fs_close(fd);
    else
        doctor_say(d, DOCTOR_BAD, "does the service account mount its token (automountServiceAccountToken), and may the agent's user read it?", "%s: %s: %s", option, path.ptr, doctor_reason(errno));
}

static void look_at_kubelet(struct doctor *d)
{
    struct dw_listen at;
    bool tls;
    if (dw_asked_parse(d->opt->kubelet_url, &at, &tls, NULL) < 0)
        return; /* who loads the configuration says so */
    if (tls) {
        look_at_file(d, "kubelet.ca", d->opt->kubelet_ca);
        look_at_file(d, "kubelet.token", d->opt->kubelet_token);
    }
    int why = connect_to((const struct sockaddr *)&at.address, at.address_bytes);
    if (why)
        doctor_say(d, DOCTOR_BAD, "is it the node's own address, and the kubelet's port (10250)?", "%s: %s", d->opt->kubelet_url.ptr, doctor_reason(why));
    else
        doctor_say(d, DOCTOR_OK, "", "%s takes connections", d->opt->kubelet_url.ptr);
}

void doctor_asked(struct doctor *d)
{
    if (d->opt->docker_socket.len)
        look_at_docker(d);
    if (d->opt->kubelet_url.len)
        look_at_kubelet(d);
}

static void look_at_broker(struct doctor *d, struct dw_str broker)
{
    char name[512], *colon;
    struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    (void)snprintf(name, sizeof name, "%.*s", DW_ARG(broker));
    colon = strrchr(name, ':');
    const char *port = colon ? colon + 1 : "9092";
    if (colon)
        *colon = '\0';
    int rc = getaddrinfo(name, port, &want, &found);
    if (rc != 0) {
        doctor_say(d, DOCTOR_BAD, "kafka.brokers: is the name right, and does this host's resolver know it?", "%s: %s", name, gai_strerror(rc));
        return;
    }
    int why = ENOENT;
    for (const struct addrinfo *a = found; a && why; a = a->ai_next)
        why = connect_to(a->ai_addr, a->ai_addrlen);
    freeaddrinfo(found);
    if (why)
        doctor_say(d, DOCTOR_BAD, "is the broker running, and does a firewall let this host through?", "%s:%s: %s", name, port, doctor_reason(why));
    else
        doctor_say(d, DOCTOR_OK, "", "%s:%s takes connections", name, port);
}

void doctor_brokers(struct doctor *d)
{
    struct dw_str rest = d->opt->kafka_brokers;
    if (d->opt->transport != DW_TRANSPORT_KAFKA)
        return;
    if (!rest.len)
        doctor_say(d, DOCTOR_BAD, "kafka.brokers: host:port,host:port", "transport: kafka, and no brokers are named");
    while (rest.len)
        look_at_broker(d, dw_str_trim(dw_str_cut(&rest, ',')));
}
