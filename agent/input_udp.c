/*
 * input_udp: datagrams, each of which is one message.
 *
 * Idea: they are taken out of the kernel many at a time, also when there is no room for them: so it is known how many were lost, and of whom. What the kernel
 * had no room for is asked of it (SO_MEMINFO), not waited for: SO_RXQ_OVFL tells the same number, but only with the next datagram.
 */
#include "inputs_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum { BATCH = 32, ROUNDS = 8, ROUNDS_AT_STOP = 4096, BUFFER_BYTES = 32 * 1024 * 1024 };

int udp_open(struct input *i)
{
    int bytes = BUFFER_BYTES;
    int rc = input_bind(i, SOCK_DGRAM);
    if (rc < 0)
        return rc;
    if (setsockopt(i->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) /* who may not gets what the system allows everybody */
        (void)setsockopt(i->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    return DW_OK;
}

static bool is_trailer(char ch)
{
    return ch == '\n' || ch == '\r' || ch == '\0';
}

static void take(struct input *i, const struct sockaddr_storage *from, const char *bytes, size_t whole)
{
    char peer[INET6_ADDRSTRLEN + 16];
    size_t n = whole < i->in->message_max ? whole : i->in->message_max;
    uint64_t cut = whole - n;
    while (!cut && n && is_trailer(bytes[n - 1]))
        n--;
    if (n == 0)
        return;
    input_address(from, peer, sizeof peer);
    input_message(i, dw_str_of(peer), dw_str_make(bytes, n), cut, false, false);
}

/* One batch. False: there was no more. */
static bool read_batch(struct input *i, bool room)
{
    struct mmsghdr m[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_storage from[BATCH];
    size_t each = i->in->message_max;
    for (int k = 0; k < BATCH; k++) {
        iov[k] = (struct iovec){.iov_base = i->in->bytes + (size_t)k * each, .iov_len = each};
        m[k] = (struct mmsghdr){.msg_hdr = {.msg_name = &from[k], .msg_namelen = sizeof from[k], .msg_iov = &iov[k], .msg_iovlen = 1}};
    }
    int n = recvmmsg(i->fd, m, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
    for (int k = 0; k < n; k++) {
        if (room) {
            take(i, &from[k], iov[k].iov_base, m[k].msg_len);
            continue;
        }
        DW_COUNT(inputs_dropped);
        i->losses.full++;
        i->losses.full_bytes += m[k].msg_len;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        DW_COUNT(inputs_read_errors);
    return n == BATCH;
}

void udp_read(struct input *i)
{
    int rounds = i->in->stopped ? ROUNDS_AT_STOP : ROUNDS;
    bool more = true;
    for (int k = 0; k < rounds && more; k++) {
        more = read_batch(i, store_has_room(i->in->store));
        if (!input_write(i))
            input_let_go(i); /* the next datagrams come */
    }
}

void udp_count_drops(struct input *i)
{
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t bytes = sizeof info;
    if (i->fd < 0 || getsockopt(i->fd, SOL_SOCKET, SO_MEMINFO, info, &bytes) != 0 || bytes < sizeof info)
        return;
    uint32_t more = info[SK_MEMINFO_DROPS] - i->kernel_drops;
    i->kernel_drops = info[SK_MEMINFO_DROPS];
    i->losses.kernel += more;
    DW_COUNT_N(inputs_dropped_kernel, more);
}
