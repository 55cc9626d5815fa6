/*
 * up_keep: the other end of conf/service.h: takes descriptors, keeps them by name, hands them to the next start.
 *
 * Invariants:
 *   (1) At most DW_SERVICE_KEPT_MAX are kept; one more is closed, as systemd does with FileDescriptorStoreMax=.
 *   (2) Letting go of a name closes all that are kept under it.
 */
#include "up_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_MAX = 512, FIRST_PASSED = 3, ABOVE = 10, NAMES_MAX = 120000 /* the kernel takes 128 KiB of one variable */ };

void up_keep_open(struct up_keep *k)
{
    int pair[2];
    struct rlimit r;
    *k = (struct up_keep){.ours = -1, .theirs = -1};
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r); /* who cannot keeps fewer */
    }
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0) {
        (void)fprintf(stderr, "dogwatch up: no sockets: should the agent die, deleted logs that it has not read are lost\n");
        return;
    }
    k->ours = pair[0];
    k->theirs = pair[1];
}

void up_keep_close(struct up_keep *k)
{
    for (uint32_t i = 0; i < k->count; i++)
        dw_fs_close(k->item[i].fd);
    dw_free(k->item);
    dw_fs_close(k->ours);
    dw_fs_close(k->theirs);
    *k = (struct up_keep){.ours = -1, .theirs = -1};
}

static void let_go(struct up_keep *k, struct dw_str name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < k->count; i++) {
        if (dw_str_eq(dw_str_of(k->item[i].name), name))
            dw_fs_close(k->item[i].fd);
        else
            k->item[kept++] = k->item[i];
    }
    k->count = kept;
}

/* Takes over `fd`. */
static void keep(struct up_keep *k, struct dw_str name, int fd)
{
    if (k->count == k->cap && k->cap < DW_SERVICE_KEPT_MAX) {
        uint32_t cap = k->cap ? 2 * k->cap : 64;
        struct dw_service_fd *more = dw_resize(k->item, cap * sizeof *more);
        if (more) {
            k->item = more;
            k->cap = cap;
        }
    }
    if (fd < 0 || k->count == k->cap || k->count == DW_SERVICE_KEPT_MAX || name.len >= DW_SERVICE_NAME) {
        dw_fs_close(fd);
        return;
    }
    struct dw_service_fd *one = &k->item[k->count++];
    one->fd = fd;
    (void)snprintf(one->name, sizeof one->name, "%.*s", DW_ARG(name));
}

/* Takes over `fd`, which came with the message; -1: none did. */
static void obey(struct up_keep *k, struct dw_str text, int fd)
{
    bool store = false, remove = false;
    struct dw_str name = DW_STR("stored"); /* what systemd calls one without a name */
    while (text.len) {
        struct dw_str line = dw_str_cut(&text, '\n'), key = dw_str_cut(&line, '=');
        store |= dw_str_eq(key, DW_STR("FDSTORE")) && dw_str_eq(line, DW_STR("1"));
        remove |= dw_str_eq(key, DW_STR("FDSTOREREMOVE")) && dw_str_eq(line, DW_STR("1"));
        if (dw_str_eq(key, DW_STR("FDNAME")))
            name = line;
    }
    if (remove)
        let_go(k, name);
    if (store)
        keep(k, name, fd);
    else
        dw_fs_close(fd);
}

/* The descriptor of a message; should there be more than one, the others are closed. */
static int passed(struct msghdr *m)
{
    int first = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + CMSG_LEN(0) < c->cmsg_len; at += sizeof first) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
            if (first < 0)
                first = fd;
            else
                dw_fs_close(fd);
        }
    }
    return first;
}

static bool take_one(struct up_keep *k)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control;
    char text[MESSAGE_MAX];
    struct iovec part = {.iov_base = text, .iov_len = sizeof text};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(k->ours, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EINTR;
    obey(k, dw_str_make(text, (size_t)n), passed(&m));
    return true;
}

void up_keep_wait(struct up_keep *k, int wait_ms)
{
    struct pollfd p = {.fd = k->ours, .events = POLLIN};
    if (poll(&p, 1, wait_ms) <= 0) /* without a socket it only waits */
        return;
    for (int i = 0; i < DW_SERVICE_KEPT_MAX && take_one(k); i++)
        continue;
}

void up_keep_pass(const struct up_keep *k)
{
    static char names[NAMES_MAX];
    char number[24];
    size_t len = 0;
    uint32_t passed_count = 0;
    int above = FIRST_PASSED + (int)k->count + ABOVE, notify = k->theirs < 0 ? -1 : fcntl(k->theirs, F_DUPFD_CLOEXEC, above);
    int *moved = dw_calloc(k->count + 1, sizeof *moved);
    for (uint32_t i = 0; moved && i < k->count; i++)
        moved[i] = fcntl(k->item[i].fd, F_DUPFD_CLOEXEC, above); /* out of the way of what is put in its place */
    for (uint32_t i = 0; moved && i < k->count && len + DW_SERVICE_NAME + 1 < sizeof names; i++) {
        if (moved[i] < 0 || dup2(moved[i], FIRST_PASSED + (int)passed_count) < 0)
            continue;
        passed_count++;
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? ":" : "", k->item[i].name);
    }
    if (notify >= 0 && dup2(notify, FIRST_PASSED + (int)passed_count) >= 0) {
        (void)snprintf(number, sizeof number, "%u", FIRST_PASSED + passed_count);
        (void)setenv("DOGWATCH_NOTIFY_FD", number, 1); /* NOLINT(concurrency-mt-unsafe): one thread */
    }
    (void)snprintf(number, sizeof number, "%u", passed_count);
    (void)setenv("LISTEN_FDS", number, 1); /* NOLINT(concurrency-mt-unsafe): one thread */
    (void)setenv("LISTEN_FDNAMES", names, 1); /* NOLINT(concurrency-mt-unsafe): one thread */
    (void)snprintf(number, sizeof number, "%d", (int)getpid());
    (void)setenv("LISTEN_PID", number, 1); /* NOLINT(concurrency-mt-unsafe): one thread */
}
