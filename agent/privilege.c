/*
 * privilege: who the agent is once it has begun.
 *
 * Idea: logs of others are read with CAP_DAC_READ_SEARCH, which reads everything and changes nothing. Started as root the agent gives its own folders to the user
 * it becomes, so that it needs nothing else; what root owns there from an earlier start goes with them.
 *
 * Invariant: of capabilities nothing but CAP_DAC_READ_SEARCH is left, in no set of the process, whoever it is.
 */
#include "confine.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPABILITIES_MAX = 64 };

/* A file with a second name may be somebody else's: only what is root's own and has one name is given. By descriptor, for names may be changed meanwhile by
 * whoever had the folder before. */
static int give(int dir, const char *name, const struct passwd *to)
{
    struct stat st;
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? DW_OK : dw_err_from_errno(errno);
    int rc = fstat(fd, &st) == 0 ? DW_OK : dw_err_from_errno(errno);
    bool ours = rc == DW_OK && st.st_uid == 0 && (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1));
    if (ours && fchownat(fd, "", to->pw_uid, to->pw_gid, AT_EMPTY_PATH) != 0)
        rc = dw_err_from_errno(errno);
    (void)close(fd);
    return rc;
}

/* Gives a folder and the files in it (of a queue: its own), but nothing deeper. */
static int give_folder(const char *path, bool queue, const struct passwd *to)
{
    int rc = dw_fs_mkdirs(&dw_fs_system, path, 0750), fd = -1;
    if (rc == DW_OK && (fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        rc = dw_err_from_errno(errno);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (rc == DW_OK && !d)
        rc = dw_err_from_errno(errno);
    if (rc == DW_OK)
        rc = give(fd, ".", to);
    for (const struct dirent *e; rc == DW_OK && (e = readdir(d));) { /* NOLINT(concurrency-mt-unsafe): one thread */
        struct dw_str name = dw_str_of(e->d_name);
        if (name.ptr[0] != '.' && (!queue || dw_str_ends(name, DW_STR(".frames"))))
            rc = give(fd, e->d_name, to);
    }
    if (d)
        (void)closedir(d);
    else if (fd >= 0)
        (void)close(fd);
    return rc;
}

int confine_own(const struct dw_agent_options *opt, unsigned i, char path[CONFINE_PATH_MAX])
{
    static const char *const names[CONFINE_OWN] = {"agent", "agent/spool", "agent/inputs", "state", [CONFINE_QUEUE] = "queue"};
    if (i == CONFINE_QUEUE && opt->queue_dir.len)
        return snprintf(path, CONFINE_PATH_MAX, "%s", opt->queue_dir.ptr) < CONFINE_PATH_MAX ? DW_OK : DW_ELIMIT;
    return dw_path_join(path, CONFINE_PATH_MAX, opt->data.ptr, names[i]);
}

/* The agent's own folders. The collector's stay its own. */
static int give_folders(const struct dw_agent_options *opt, const struct passwd *to)
{
    char path[CONFINE_PATH_MAX];
    for (unsigned i = 0; i < CONFINE_OWN; i++) {
        int rc = confine_own(opt, i, path);
        if (rc == DW_OK)
            rc = give_folder(path, i == CONFINE_QUEUE, to);
        if (rc < 0) {
            dw_error("%s: cannot be given to the user %s: %s", path, to->pw_name, dw_err_text(rc));
            return rc;
        }
    }
    return DW_OK;
}

/* Becoming another takes the wish back to be told when the parent dies: it is made again. */
static int become(const struct passwd *who)
{
    int at_death = 0;
    pid_t parent = getppid();
    (void)prctl(PR_GET_PDEATHSIG, &at_death);
    if (prctl(PR_SET_KEEPCAPS, 1) != 0 || initgroups(who->pw_name, who->pw_gid) != 0 || setresgid(who->pw_gid, who->pw_gid, who->pw_gid) != 0
        || setresuid(who->pw_uid, who->pw_uid, who->pw_uid) != 0)
        return dw_err_from_errno(errno);
    if (at_death && (prctl(PR_SET_PDEATHSIG, at_death) != 0 || getppid() != parent))
        (void)raise(at_death);
    return DW_OK;
}

/* In the thread that calls, and there is no other. */
static int keep_reading_alone(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &head, set) != 0)
        return dw_err_from_errno(errno);
    uint32_t kept = set[0].permitted & 1u << CAP_DAC_READ_SEARCH;
    set[0] = (struct __user_cap_data_struct){.effective = kept, .permitted = kept};
    set[1] = (struct __user_cap_data_struct){0};
    if (syscall(SYS_capset, &head, set) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return dw_err_from_errno(errno);
    return DW_OK;
}

int privilege_drop(const struct dw_agent_options *opt)
{
    int rc = DW_OK;
    const struct passwd *who = NULL;
    for (int i = 0; i < CAPABILITIES_MAX; i++) /* before it becomes somebody who may not */
        if (i != CAP_DAC_READ_SEARCH)
            (void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0); /* who may not is not given any by execve(2) either */
    if (geteuid() == 0 && opt->user.len) {
        who = getpwnam(opt->user.ptr); /* NOLINT(concurrency-mt-unsafe): one thread */
        if (!who)
            dw_info("there is no user %s: root it stays, with CAP_DAC_READ_SEARCH alone", opt->user.ptr);
    }
    if (who) {
        rc = give_folders(opt, who);
        if (rc == DW_OK)
            rc = become(who);
    }
    if (rc == DW_OK)
        rc = keep_reading_alone();
    if (rc < 0)
        dw_error("privileges cannot be given up: %s", dw_err_text(rc));
    return rc;
}
