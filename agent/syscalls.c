/*
 * syscalls: what the agent asks of the kernel.
 *
 * Idea: a list of calls (tbl/agent_syscalls.h) is all that it does after its start; libseccomp makes a filter of it. What a call can do wrong by its
 * arguments is limited here: sockets are of the families that brokers and name servers have, threads are made and no processes, a device is asked nothing.
 *
 * Invariants:
 *   (1) execve(2), ptrace(2), open_by_handle_at(2), mounts, modules and namespaces are in no row.
 *   (2) A refused call is an error that the caller sees and the kernel's log names, not the end of the agent.
 */
#include "confine.h"
#include "inputs.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETCALL(name, why)
#define INPUTCALL(name, why)
#define ASKCALL(name, why)
static const char *const calls[] = {
#define SYSCALL(name, why) #name,
#include "dogwatch/tbl/agent_syscalls.h"
#undef SYSCALL
#ifdef CONFINE_SANITIZED /* the search for leaks traces us from a process of its own, and prints what it finds */
    "clone", "ptrace", "process_vm_readv", "personality", "wait4", "kill", "getpgrp", "prctl", "readlink", "sched_setaffinity", "getdents", "waitid",
#endif
};

#undef NETCALL
/* ... and over Kafka. */
static const char *const net_calls[] = {
#define SYSCALL(name, why)
#define NETCALL(name, why) #name,
#include "dogwatch/tbl/agent_syscalls.h"
#undef NETCALL
#undef SYSCALL
#undef INPUTCALL
};

/* ... and who receives syslog. */
static const char *const input_calls[] = {
#define SYSCALL(name, why)
#define NETCALL(name, why)
#define INPUTCALL(name, why) #name,
#include "dogwatch/tbl/agent_syscalls.h"
#undef ASKCALL
#undef INPUTCALL
#undef NETCALL
#undef SYSCALL
};

/* ... and who asks docker or the kubelet. */
static const char *const ask_calls[] = {
#define SYSCALL(name, why)
#define NETCALL(name, why)
#define INPUTCALL(name, why)
#define ASKCALL(name, why) #name,
#include "dogwatch/tbl/agent_syscalls.h"
#undef ASKCALL
#undef INPUTCALL
#undef NETCALL
#undef SYSCALL
};

/* An argument that a call may have. */
struct harmless {
    const char *call;
    unsigned argument;
    uint64_t mask, value; /* argument & mask == value */
};
static const struct harmless net_harmless[] = {
    {"socket", 0, UINT64_MAX, AF_UNIX},
    {"socket", 0, UINT64_MAX, AF_INET},
    {"socket", 0, UINT64_MAX, AF_INET6},
    {"socket", 0, UINT64_MAX, AF_NETLINK}, /* which addresses this host has */
};
static const struct harmless harmless[] = {
    {"socketpair", 0, UINT64_MAX, AF_UNIX},
    {"prlimit64", 2, UINT64_MAX, 0}, /* asked, not set */
    {"clone", 0, CLONE_THREAD, CLONE_THREAD},
    {"prctl", 0, UINT64_MAX, PR_SET_NAME},
    {"ioctl", 1, UINT64_MAX, FIONREAD},
    {"ioctl", 1, UINT64_MAX, FIONBIO},
    {"ioctl", 1, UINT64_MAX, TCGETS}, /* isatty */
};

static int allow(scmp_filter_ctx filter, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0) /* not on this processor */
        return 0;
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    return rc == -EEXIST ? 0 : rc;
}

static int allow_harmless(scmp_filter_ctx filter, const struct harmless *h)
{
    int number = seccomp_syscall_resolve_name(h->call);
    if (number < 0)
        return 0;
    struct scmp_arg_cmp is = SCMP_CMP(h->argument, SCMP_CMP_MASKED_EQ, h->mask, h->value);
    int rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &is);
    return rc == -EEXIST ? 0 : rc;
}

/* Sockets of the families that are asked over. */
static int allow_asking(scmp_filter_ctx filter, const struct dw_agent_options *opt)
{
    int rc = 0;
    if (!opt->docker_socket.len && !opt->kubelet_url.len)
        return 0;
    for (size_t i = 0; rc == 0 && i < DW_COUNT_OF(ask_calls); i++)
        rc = allow(filter, ask_calls[i]);
    if (rc == 0 && opt->docker_socket.len)
        rc = allow_harmless(filter, &(struct harmless){"socket", 0, UINT64_MAX, AF_UNIX});
    if (rc == 0 && opt->kubelet_url.len)
        rc = allow_harmless(filter, &(struct harmless){"socket", 0, UINT64_MAX, AF_INET});
    if (rc == 0 && opt->kubelet_url.len)
        rc = allow_harmless(filter, &(struct harmless){"socket", 0, UINT64_MAX, AF_INET6});
    return rc;
}

static int load(scmp_filter_ctx filter, const struct dw_agent_options *opt)
{
    bool net = opt->transport == DW_TRANSPORT_KAFKA, listens = inputs_listens(opt);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < DW_COUNT_OF(calls); i++)
        rc = allow(filter, calls[i]);
    for (size_t i = 0; rc == 0 && i < DW_COUNT_OF(harmless); i++)
        rc = allow_harmless(filter, &harmless[i]);
    for (size_t i = 0; net && rc == 0 && i < DW_COUNT_OF(net_calls); i++)
        rc = allow(filter, net_calls[i]);
    for (size_t i = 0; listens && rc == 0 && i < DW_COUNT_OF(input_calls); i++)
        rc = allow(filter, input_calls[i]);
    for (size_t i = 0; net && rc == 0 && i < DW_COUNT_OF(net_harmless); i++)
        rc = allow_harmless(filter, &net_harmless[i]);
    if (rc == 0)
        rc = allow_asking(filter, opt);
    if (rc == 0) /* a failed assertion ends us, and us alone */
        rc = allow_harmless(filter, &(struct harmless){"tgkill", 0, UINT64_MAX, (uint64_t)getpid()});
    if (rc == 0) /* its arguments lie in memory, which a filter does not see: without it clone(2) is used */
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);
    if (rc == 0)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1); /* kernels before 4.14 refuse without a word */
    return rc == 0 ? seccomp_load(filter) : rc;
}

int syscalls_limit(const struct dw_agent_options *opt)
{
    if (opt->sandbox == DW_SANDBOX_OFF)
        return DW_OK;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return DW_ENOMEM;
    int rc = load(filter, opt);
    seccomp_release(filter);
    if (rc == 0)
        return DW_OK;
    if (opt->sandbox == DW_SANDBOX_REQUIRE) {
        dw_error("sandbox: require, and system calls cannot be limited: %s", strerror(-rc)); /* NOLINT(concurrency-mt-unsafe): one thread */
        return dw_err_from_errno(-rc);
    }
    dw_info("system calls are not limited: %s", strerror(-rc)); /* NOLINT(concurrency-mt-unsafe): one thread */
    return DW_OK;
}
