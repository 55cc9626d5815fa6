/*
 * audit_records: heads of audit records.
 *
 * Idea: the kernel writes the records of one system call one after the other, but those of several processors between each other; the serial number tells
 * which are of one event. PROCTITLE comes last, and EOE behind it where a plugin of auditd passes the records on (auditd's own file has none). Old kernels write
 * neither, so an event is also over when its host is two seconds or 64 serial numbers further on.
 *
 * Invariant: all is decided by the bytes of records, never by a clock: read again, the same records make the same events.
 */
#include "audit_records.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/base/hash.h"

enum { FAR_MS = 2000, FAR_SERIALS = 64, NUMBER_MAX = 20, WORD_MAX = 64 };

/* Types that come with others of the same event: what the kernel says of system calls, and what its security modules say of them. */
static const char *const together[] = {"SYSCALL", "FS_WATCH", "PATH", "IPC", "SOCKETCALL", "CONFIG_CHANGE", "SOCKADDR", "CWD", "EXECVE", "IPC_SET_PERM", "MQ_OPEN", "MQ_SENDRECV",
    "MQ_NOTIFY", "MQ_GETSETATTR", "KERNEL_OTHER", "FD_PAIR", "OBJ_PID", "TTY", "EOE", "BPRM_FCAPS", "CAPSET", "MMAP", "NETFILTER_PKT", "NETFILTER_CFG", "SECCOMP", "PROCTITLE",
    "FEATURE_CHANGE", "REPLACE", "KERN_MODULE", "FANOTIFY", "TIME_INJOFFSET", "TIME_ADJNTPVAL", "BPF", "EVENT_LISTENER", "URINGOP", "OPENAT2", "DM_CTRL", "DM_EVENT", "AVC",
    "SELINUX_ERR", "AVC_PATH", "ANOM_PROMISCUOUS", "ANOM_ABEND", "ANOM_LINK", "ANOM_CREAT"};

static bool take(struct dw_str *r, struct dw_str text)
{
    if (!dw_str_starts(*r, text))
        return false;
    *r = dw_str_slice(*r, text.len, r->len);
    return true;
}

static bool take_number(struct dw_str *r, uint64_t *ret)
{
    size_t n = 0;
    while (n < r->len && n < NUMBER_MAX && r->ptr[n] >= '0' && r->ptr[n] <= '9')
        n++;
    bool ok = dw_str_u64(dw_str_slice(*r, 0, n), ret);
    *r = dw_str_slice(*r, n, r->len);
    return ok;
}

static struct dw_str take_word(struct dw_str *r)
{
    size_t n = dw_str_index(*r, ' ');
    struct dw_str word = dw_str_slice(*r, 0, n);
    *r = dw_str_slice(*r, n + 1, r->len);
    return word;
}

/* Names that no table here has (UNKNOWN[1420], MAC_..., INTEGRITY_...) may come with others. Those of programs (USER_..., CRED_..., SERVICE_...) do not. */
static bool is_alone(struct dw_str type)
{
    if (dw_str_starts(type, DW_STR("UNKNOWN[")) || dw_str_starts(type, DW_STR("MAC_")) || dw_str_starts(type, DW_STR("INTEGRITY_")) || dw_str_starts(type, DW_STR("APPARMOR")))
        return false;
    for (size_t i = 0; i < DW_COUNT_OF(together); i++)
        if (dw_str_eq(type, dw_str_of(together[i])))
            return false;
    return true;
}

bool dw__audit_head(struct dw_str line, struct dw__audit_head *ret)
{
    struct dw_str r = line, type;
    uint64_t seconds, fraction;
    *ret = (struct dw__audit_head){0};
    if (take(&r, DW_STR("node=")))
        ret->node = take_word(&r);
    if (!take(&r, DW_STR("type=")))
        return false;
    type = take_word(&r);
    if (!type.len || type.len > WORD_MAX || !take(&r, DW_STR("msg=audit(")) || !take_number(&r, &seconds) || !take(&r, DW_STR("."))
        || !take_number(&r, &fraction) || !take(&r, DW_STR(":")) || !take_number(&r, &ret->serial) || !take(&r, DW_STR("):")))
        return false;
    if (seconds > INT64_MAX / 1000 - 1 || fraction > 999)
        return false;
    ret->time_ms = (int64_t)(seconds * 1000 + fraction);
    ret->alone = is_alone(type);
    ret->last = dw_str_eq(type, DW_STR("PROCTITLE")) || dw_str_eq(type, DW_STR("EOE"));
    return true;
}

void dw__audit_key(const struct dw__audit_head *h, uint8_t out, struct dw__audit_key *ret)
{
    *ret = (struct dw__audit_key){.node_hash = h->node.len ? dw_hash(dw_hash_process_key(), h->node) : 0, .serial = h->serial, .time_ms = h->time_ms, .out = out};
}

static bool same_source(const struct dw__audit_key *a, const struct dw__audit_key *b)
{
    return a->node_hash == b->node_hash && a->out == b->out;
}

bool dw__audit_same(const struct dw__audit_key *a, const struct dw__audit_key *b)
{
    return same_source(a, b) && a->serial == b->serial && a->time_ms == b->time_ms;
}

bool dw__audit_over(const struct dw__audit_key *old, const struct dw__audit_key *now)
{
    bool far = now->serial > old->serial ? now->serial - old->serial > FAR_SERIALS : old->serial - now->serial > FAR_SERIALS;
    return same_source(old, now) && (now->time_ms - old->time_ms > FAR_MS || old->time_ms - now->time_ms > FAR_MS || far);
}
