/*
 * sandbox: which files the agent reaches.
 *
 * Idea: Landlock takes a list of folders and what may be done below each; everything else is refused by the kernel, whoever we are. Folders of logs are read,
 * our own are written, and of the system only what libraries open by themselves.
 *
 * A rule holds for the folder that is there when it is made, not for its path: for one that comes later, or is made anew, the agent has to be started again
 * (sandbox_outgrown).
 *
 * Invariants:
 *   (1) A log that configuration names when the agent begins is below a folder that may be read, where a link that it is leads, too.
 *   (2) What this kernel cannot refuse yet is left out; that it has no Landlock is said.
 *
 * Source: Linux, Documentation/userspace-api/landlock.rst. Debian 12's headers are older than many kernels, so the layout stands here.
 */
#include "confine.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/conf/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = CONFINE_PATH_MAX, ANCHORS_MAX = 1024 };

/* struct landlock_ruleset_attr of ABI 6; older kernels take a beginning of it. */
struct ruleset {
    uint64_t files, net, scoped;
};
#define FILE_REFER (1ull << 13)    /* ABI 2 */
#define FILE_TRUNCATE (1ull << 14) /* ABI 3 */
#define FILE_IOCTL (1ull << 15)    /* ABI 5 */
#define NET_BIND (1ull << 0)       /* ABI 4 */
#define NET_CONNECT (1ull << 1)
#define RULE_NET_PORT 2
#define SCOPE_ABSTRACT (1ull << 0) /* ABI 6 */
#define SCOPE_SIGNAL (1ull << 1)

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR \
    | LANDLOCK_ACCESS_FS_MAKE_REG | FILE_TRUNCATE)
#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FILE_TRUNCATE) /* rights that a rule of a file may have */

/* struct landlock_net_port_attr. */
struct port_rule {
    uint64_t allowed, port;
};

/* A folder of logs when the sandbox was made. */
struct anchor {
    char *path;
    bool there;
    dev_t dev;
    ino_t ino;
};

struct sandbox {
    int fd; /* the rules in the making, then -1 */
    uint64_t handled;
    struct anchor anchor[ANCHORS_MAX];
    uint32_t anchor_count;
    int failed;
};

static const char *const system_reads[] = {
#define READ_BELOW(path, why) path,
#include "dogwatch/tbl/agent_reads.h"
#undef READ_BELOW
#ifdef CONFINE_SANITIZED
    "/proc",
#endif
};

/* Lets `rights` be used at `path` and below. A path that is not there has no rule. */
static void allow(struct sandbox *s, const char *path, uint64_t rights)
{
    struct stat st;
    int fd;
    if (dw_fs_open(&dw_fs_system, path, O_PATH, 0, &fd) < 0)
        return;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rights &= OF_FILES;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & s->handled, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, s->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        s->failed = dw_err_from_errno(errno);
    dw_fs_close(fd);
}

static bool is_anchored(const struct sandbox *s, const char *path)
{
    for (uint32_t i = 0; i < s->anchor_count; i++)
        if (strcmp(s->anchor[i].path, path) == 0)
            return true;
    return false;
}

/* A folder of logs: may be read, and is looked at again. */
static void allow_logs(struct sandbox *s, const char *path)
{
    struct stat st;
    if (is_anchored(s, path))
        return;
    if (s->anchor_count == ANCHORS_MAX) {
        dw_warn("%s: more than %d folders of logs: outside of the sandbox", path, ANCHORS_MAX);
        return;
    }
    char *copy = dw_strndup(path, strlen(path));
    if (!copy) {
        s->failed = DW_ENOMEM;
        return;
    }
    struct anchor *a = &s->anchor[s->anchor_count++];
    *a = (struct anchor){.path = copy, .there = stat(path, &st) == 0};
    if (a->there) {
        a->dev = st.st_dev;
        a->ino = st.st_ino;
        allow(s, path, READ);
    }
}

static void folder_of(const char *path, char dir[PATH_BYTES])
{
    const char *slash = strrchr(path, '/');
    if (slash)
        (void)snprintf(dir, PATH_BYTES, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    else
        (void)snprintf(dir, PATH_BYTES, ".");
}

/* The folder of a file. */
static void allow_folder_of(struct sandbox *s, const char *path)
{
    char dir[PATH_BYTES];
    folder_of(path, dir);
    allow_logs(s, dir);
}

/* The folder up to the first wildcard, and those that links lead to. */
static void allow_glob(struct sandbox *s, const char *pattern)
{
    char fixed[PATH_BYTES], target[PATH_BYTES];
    glob_t g = {0};
    (void)snprintf(fixed, sizeof fixed, "%.*s", (int)strcspn(pattern, "*?["), pattern);
    allow_folder_of(s, fixed);
    bool any = glob(pattern, GLOB_NOSORT, NULL, &g) == 0; /* NOLINT(concurrency-mt-unsafe): one thread */
    for (size_t i = 0; any && i < g.gl_pathc; i++)
        if (realpath(g.gl_pathv[i], target) && strcmp(target, g.gl_pathv[i]) != 0)
            allow_folder_of(s, target);
    globfree(&g);
}

/* What a property of librdkafka names: certificates, keys, keytabs. */
static void allow_named(struct sandbox *s, const struct dw_conf_map *options)
{
    for (uint32_t i = 0; i < options->count; i++)
        if (options->value[i].len && options->value[i].ptr[0] == '/')
            allow(s, options->value[i].ptr, READ);
}

static void allow_own(struct sandbox *s, const struct dw_agent_options *opt)
{
    char path[CONFINE_PATH_MAX];
    for (unsigned i = 0; i < CONFINE_OWN; i++) {
        int rc = confine_own(opt, i, path);
        if (rc == DW_OK)
            rc = dw_fs_mkdirs(&dw_fs_system, path, 0750);
        if (rc < 0) {
            dw_error("%s: %s", path, dw_err_text(rc));
            s->failed = rc;
            return;
        }
        allow(s, path, WRITE);
    }
}

/* The folder, for a file is replaced when it is edited; but never all there is. */
static void allow_config(struct sandbox *s, const char *path)
{
    char dir[PATH_BYTES];
    folder_of(path, dir);
    allow(s, strcmp(dir, "/") == 0 ? path : dir, READ);
}

static void allow_journals(struct sandbox *s, const struct dw_agent_options *opt)
{
    for (uint32_t i = 0; i < opt->inputs_journald.count; i++) {
        bool system = dw_str_eq(opt->inputs_journald.item[i], DW_STR(DW_JOURNALD_SYSTEM));
        allow_logs(s, system ? DW_JOURNALD_PERSISTENT : opt->inputs_journald.item[i].ptr);
        if (system)
            allow_logs(s, DW_JOURNALD_VOLATILE);
    }
}

static void allow_all(struct sandbox *s, const struct dw_agent_options *opt)
{
    for (size_t i = 0; i < DW_COUNT_OF(system_reads); i++)
        allow(s, system_reads[i], READ);
    allow(s, "/dev/null", READ | LANDLOCK_ACCESS_FS_WRITE_FILE);
    allow_named(s, &opt->kafka_options);
    if (opt->redact_key_file.len)
        allow(s, opt->redact_key_file.ptr, LANDLOCK_ACCESS_FS_READ_FILE);
    allow_own(s, opt);
    if (opt->discover_docker || opt->discover_cri) /* pods' logs are links into it where docker runs them */
        allow_logs(s, opt->discover_docker_root.ptr);
    if (opt->discover_cri) {
        allow_logs(s, opt->discover_pods_root.ptr);
        allow_logs(s, opt->discover_containers_root.ptr);
    }
    if (opt->discover_podman || opt->discover_cri)
        allow_logs(s, DW_PODMAN_ROOT);
    allow_journals(s, opt);
    for (uint32_t i = 0; i < opt->logs.count; i++)
        allow_glob(s, opt->logs.item[i].ptr);
    for (uint32_t i = 0; i < opt->sandbox_read.count; i++)
        allow_logs(s, opt->sandbox_read.item[i].ptr);
}

/* What a kernel of this ABI can refuse. */
static struct ruleset refusable(long abi, const struct dw_agent_options *opt)
{
    struct ruleset r = {.files = FILE_REFER - 1}; /* all of ABI 1 */
    r.files |= abi >= 2 ? FILE_REFER : 0;
    r.files |= abi >= 3 ? FILE_TRUNCATE : 0;
    r.files |= abi >= 5 ? FILE_IOCTL : 0;
    if (abi >= 4)
        r.net = NET_BIND | (opt->transport == DW_TRANSPORT_DIR ? NET_CONNECT : 0);
    if (abi >= 6)
        r.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
    return r;
}

/* The kubelet's port: any address, for a rule knows ports alone. */
static void allow_kubelet(struct sandbox *s, const struct dw_agent_options *opt, const struct ruleset *r)
{
    struct dw_listen at;
    bool tls;
    if (!opt->kubelet_url.len || dw_asked_parse(opt->kubelet_url, &at, &tls, NULL) < 0)
        return;
    struct port_rule rule = {NET_CONNECT, at.port};
    if ((r->net & NET_CONNECT) && syscall(SYS_landlock_add_rule, s->fd, RULE_NET_PORT, &rule, 0) != 0)
        s->failed = dw_err_from_errno(errno);
    if (tls && opt->kubelet_token.len)
        allow_config(s, opt->kubelet_token.ptr); /* it is replaced again and again */
}

static int enter(struct sandbox *s, long abi, const struct dw_agent_options *opt, const char *config)
{
    struct ruleset r = refusable(abi, opt);
    size_t bytes = abi >= 6 ? sizeof r : abi >= 4 ? offsetof(struct ruleset, scoped) : sizeof r.files;
    s->handled = r.files;
    s->fd = (int)syscall(SYS_landlock_create_ruleset, &r, bytes, 0);
    if (s->fd < 0)
        return dw_err_from_errno(errno);
    allow_all(s, opt);
    allow_config(s, config);
    allow_kubelet(s, opt, &r);
    int rc = s->failed;
    if (rc == DW_OK && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, s->fd, 0) != 0))
        rc = dw_err_from_errno(errno);
    dw_fs_close(s->fd);
    s->fd = -1;
    return rc;
}

int sandbox_enter(const struct dw_agent_options *opt, const char *config, struct sandbox **ret)
{
    *ret = NULL;
    if (opt->sandbox == DW_SANDBOX_OFF)
        return DW_OK;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        if (opt->sandbox == DW_SANDBOX_REQUIRE) {
            dw_error("sandbox: require, and this kernel has no Landlock (or it is switched off: lsm= of its command line)");
            return DW_EACCES;
        }
        dw_info("this kernel has no Landlock: files are not fenced off");
        return DW_OK;
    }
    struct sandbox *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    int rc = enter(s, abi, opt, config);
    if (rc < 0) {
        dw_error("sandbox: %s", dw_err_text(rc));
        sandbox_free(s);
        return rc;
    }
    *ret = s;
    return DW_OK;
}

const char *sandbox_outgrown(const struct sandbox *s)
{
    for (uint32_t i = 0; s && i < s->anchor_count; i++) {
        const struct anchor *a = &s->anchor[i];
        struct stat st;
        if (stat(a->path, &st) == 0 && (!a->there || st.st_dev != a->dev || st.st_ino != a->ino))
            return a->path;
    }
    return NULL;
}

void sandbox_free(struct sandbox *s)
{
    for (uint32_t i = 0; s && i < s->anchor_count; i++)
        dw_free(s->anchor[i].path);
    dw_free(s);
}
