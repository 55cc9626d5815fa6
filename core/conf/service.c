/*
 * service: messages to the service manager, and descriptors it kept.
 *
 * Invariants:
 *   (1) A manager that does not read is waited for a second, and then let alone for a while: the program's work does not wait for it.
 *   (2) Every descriptor that was passed is closed on execve(2) and at the end, taken or not.
 */
#include "dogwatch/conf/service.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_PASSED = 3, MESSAGE_MAX = 128, PATIENCE_S = 1 };
#define AGAIN_NS (10 * DW_NS_PER_S)

/* A number in the environment; 0: none. */
static uint64_t number_of(const char *name)
{
    const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */
    uint64_t v;
    return text && dw_str_u64(dw_str_of(text), &v) ? v : 0;
}

/* Connects to systemd's socket: a path, or '@' and a name. */
static int connect_to(const char *where)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(where);
    if (len == 0 || len >= sizeof to.sun_path || (where[0] != '/' && where[0] != '@'))
        return -1;
    memcpy(to.sun_path, where, len);
    if (where[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (where[0] == '/'))) != 0) {
        dw_fs_close(fd);
        fd = -1;
    }
    return fd;
}

static int open_socket(void)
{
    const char *where = getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe): one thread */
    uint64_t handed = number_of("DOGWATCH_NOTIFY_FD");
    int fd = where ? connect_to(where) : -1;
    if (fd < 0 && handed > 2 && handed < INT32_MAX && fcntl((int)handed, F_SETFD, FD_CLOEXEC) == 0)
        fd = (int)handed;
    if (fd < 0)
        return -1;
    struct timeval patience = {.tv_sec = PATIENCE_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

/* What was passed, if it was passed to us and not to who started us. */
static int take_passed(struct dw_service *s)
{
    const char *text = getenv("LISTEN_FDNAMES"); /* NOLINT(concurrency-mt-unsafe): one thread */
    struct dw_str names = dw_str_of(text);
    uint64_t count = number_of("LISTEN_FDS");
    if (count == 0 || count > DW_SERVICE_KEPT_MAX || number_of("LISTEN_PID") != (uint64_t)getpid())
        return DW_OK;
    s->kept = dw_calloc((size_t)count, sizeof *s->kept);
    if (!s->kept)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct dw_service_fd *k = &s->kept[s->kept_count];
        struct dw_str name = dw_str_cut(&names, ':');
        if (fcntl(FIRST_PASSED + (int)i, F_SETFD, FD_CLOEXEC) != 0)
            continue;
        k->fd = FIRST_PASSED + (int)i;
        (void)snprintf(k->name, sizeof k->name, "%.*s", DW_ARG(name));
        s->kept_count++;
    }
    return DW_OK;
}

int dw_service_begin(struct dw_service *s)
{
    static const char *const taken[] = {"NOTIFY_SOCKET", "DOGWATCH_NOTIFY_FD", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "WATCHDOG_USEC", "WATCHDOG_PID"};
    uint64_t usec = number_of("WATCHDOG_USEC"), pid = number_of("WATCHDOG_PID");
    *s = (struct dw_service){.socket = open_socket()};
    if (usec < UINT32_MAX && (pid == 0 || pid == (uint64_t)getpid()))
        s->watchdog_ns = (int64_t)usec * 1000 / 2; /* twice as often as is wanted, as sd_watchdog_enabled(3) has it */
    int rc = take_passed(s);
    for (size_t i = 0; i < DW_COUNT_OF(taken); i++)
        (void)unsetenv(taken[i]); /* NOLINT(concurrency-mt-unsafe): one thread */
    return rc;
}

void dw_service_end(struct dw_service *s)
{
    for (uint32_t i = 0; i < s->kept_count; i++)
        dw_fs_close(s->kept[i].fd);
    dw_free(s->kept);
    dw_fs_close(s->socket);
    *s = (struct dw_service){.socket = -1};
}

static bool send_message(struct dw_service *s, const char *text, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (s->socket < 0)
        return false;
    if (fd >= 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    int64_t now = dw_clock_mono(&dw_clock_system);
    if (now < s->again_ns)
        return false;
    ssize_t sent;
    do
        sent = sendmsg(s->socket, &m, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return true;
    s->again_ns = now + AGAIN_NS;
    if (!s->said)
        dw_warn("the service manager takes no messages: what is deleted while we are dead may be lost; it is asked again every %d s", (int)(AGAIN_NS / DW_NS_PER_S));
    s->said = true;
    return false;
}

void dw_service_tell(struct dw_service *s, const char *what)
{
    (void)send_message(s, what, -1);
}

void dw_service_live(struct dw_service *s, int64_t mono_ns)
{
    if (!s->watchdog_ns || mono_ns - s->told_ns < s->watchdog_ns)
        return;
    s->told_ns = mono_ns;
    dw_service_tell(s, "WATCHDOG=1");
}

bool dw_service_keep(struct dw_service *s, int fd, const char *name)
{
    char text[MESSAGE_MAX];
    (void)snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s", name);
    return send_message(s, text, fd);
}

void dw_service_let_go(struct dw_service *s, const char *name)
{
    char text[MESSAGE_MAX];
    (void)snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
    (void)send_message(s, text, -1);
}
