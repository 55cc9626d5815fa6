/*
 * doctor_logs: whether logs are where the agent looks, and can be read.
 *
 * Invariant: a log is tried as it would be opened; only folders are listed, and of docker's files hostconfig.json is read.
 */
#include "doctor.h"

#include "dogwatch/base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOPS_MAX = 8, NAMED_MAX = 5, CONFIG_MAX = 1 << 20 };

/* What matches one pattern: how many, how many cannot be opened, and which was the first of these. */
struct looked {
    uint32_t found, refused;
    int why;
    char first[CLI_PATH_MAX];
};

static void look_at(const char *pattern, struct looked *ret)
{
    glob_t g = {0};
    *ret = (struct looked){0};
    if (glob(pattern, GLOB_NOSORT, NULL, &g) == 0) { /* NOLINT(concurrency-mt-unsafe): one thread */
        for (size_t i = 0; i < g.gl_pathc; i++) {
            int fd;
            ret->found++;
            errno = 0;
            if (dw_fs_open(&dw_fs_system, g.gl_pathv[i], O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd) == DW_OK) {
                dw_fs_close(fd);
            } else if (ret->refused++ == 0) {
                ret->why = errno;
                (void)snprintf(ret->first, sizeof ret->first, "%s", g.gl_pathv[i]);
            }
        }
    }
    globfree(&g);
}

static void say_looked(struct doctor *d, const char *what, const char *where, const struct looked *l)
{
    static const char mend[] = "run the agent as root (it keeps CAP_DAC_READ_SEARCH alone), or give its user the right to read: setfacl -R -m u:dogwatch:rX FOLDER";
    d->logs += l->found;
    if (l->refused)
        doctor_say(d, DOCTOR_BAD, l->why == EACCES ? mend : "see the error", "%u of %u %s cannot be read, the first: %s: %s", l->refused, l->found, what,
            l->first, doctor_reason(l->why));
    else if (l->found)
        doctor_say(d, DOCTOR_OK, "", "%u %s in %s", l->found, what, where);
    else
        doctor_say(d, DOCTOR_OK, "", "no %s in %s", what, where);
}

/* A folder below which logs are, by a pattern under it. */
static void look_below(struct doctor *d, const char *what, const char *root, const char *below)
{
    char pattern[CLI_PATH_MAX];
    struct looked l;
    struct stat st;
    if (stat(root, &st) != 0 && errno == ENOENT) {
        doctor_say(d, DOCTOR_OK, "", "no %s here", root);
        return;
    }
    if (access(root, R_OK | X_OK) != 0) {
        doctor_say(d, DOCTOR_BAD, "run the agent as root, or give its user the right to read and enter this folder", "%s: %s", root, doctor_reason(errno));
        return;
    }
    (void)snprintf(pattern, sizeof pattern, "%s/%s", root, below);
    look_at(pattern, &l);
    d->folders += l.found;
    say_looked(d, what, root, &l);
}

void doctor_drivers(const char *root, void (*each)(void *arg, const char *path, struct dw_str driver), void *arg)
{
    char pattern[CLI_PATH_MAX];
    glob_t g = {0};
    static const char key[] = "\"LogConfig\":{\"Type\":\"";
    (void)snprintf(pattern, sizeof pattern, "%s/*/hostconfig.json", root);
    if (glob(pattern, 0, NULL, &g) != 0) /* NOLINT(concurrency-mt-unsafe): one thread */
        return;
    for (size_t i = 0; i < g.gl_pathc; i++) {
        struct dw_buf text = {0};
        if (dw_fs_read_file(&dw_fs_system, g.gl_pathv[i], CONFIG_MAX, &text) == DW_OK) {
            struct dw_str all = dw_buf_view(&text);
            size_t at = dw_str_find(all, dw_str_of(key));
            struct dw_str rest = dw_str_slice(all, at + sizeof key - 1, all.len), driver = dw_str_cut(&rest, '"');
            if (at < all.len && !dw_str_eq(driver, DW_STR("json-file")))
                each(arg, g.gl_pathv[i], driver);
        }
        dw_buf_fini(&text);
    }
    globfree(&g);
}

static void say_driver(void *arg, const char *path, struct dw_str driver)
{
    doctor_say(arg, DOCTOR_BAD, "docker run --log-driver json-file, or \"log-driver\" in /etc/docker/daemon.json", "log driver %.*s leaves no file: %s",
        DW_ARG(driver), path);
}

void doctor_docker(struct doctor *d)
{
    if (!d->opt->discover_docker)
        return;
    look_below(d, "docker logs", d->opt->discover_docker_root.ptr, "*/*-json.log");
    doctor_drivers(d->opt->discover_docker_root.ptr, say_driver, d);
}

void doctor_pods(struct doctor *d)
{
    if (d->opt->discover_cri)
        look_below(d, "pods' logs", d->opt->discover_pods_root.ptr, "*/*/*.log");
}

void doctor_podman(struct doctor *d)
{
    if (d->opt->discover_podman)
        look_below(d, "podman logs", DW_PODMAN_ROOT, "*/userdata/ctr.log");
}

/* The first hop of a link that leads nowhere; false: all lead somewhere. */
static bool broken_hop(const char *path, char from[CLI_PATH_MAX], char to[CLI_PATH_MAX])
{
    (void)snprintf(from, CLI_PATH_MAX, "%s", path);
    for (int hop = 0; hop < HOPS_MAX; hop++) {
        struct stat st;
        char target[CLI_PATH_MAX];
        ssize_t n = readlink(from, target, sizeof target - 1);
        if (n < 0)
            return false;
        target[n] = '\0';
        const char *slash = strrchr(from, '/');
        int dir = target[0] == '/' || !slash ? 0 : (int)(slash - from) + 1;
        if (snprintf(to, CLI_PATH_MAX, "%.*s%s", dir, from, target) >= CLI_PATH_MAX || lstat(to, &st) != 0)
            return true;
        (void)snprintf(from, CLI_PATH_MAX, "%s", to);
    }
    return true;
}

void doctor_links(struct doctor *d)
{
    char pattern[CLI_PATH_MAX], from[CLI_PATH_MAX], to[CLI_PATH_MAX];
    glob_t g = {0};
    uint32_t broken = 0;
    if (!d->opt->discover_cri)
        return;
    (void)snprintf(pattern, sizeof pattern, "%s/*.log", d->opt->discover_containers_root.ptr);
    if (glob(pattern, 0, NULL, &g) != 0) /* NOLINT(concurrency-mt-unsafe): one thread */
        return;
    for (size_t i = 0; i < g.gl_pathc; i++)
        if (broken_hop(g.gl_pathv[i], from, to) && broken++ < NAMED_MAX)
            doctor_say(d, DOCTOR_BAD, "mount the folder that it leads to, too, at the same path (in a container); or the container is gone", "%s leads to %s, and that is not there",
                from, to);
    if (!broken && g.gl_pathc)
        doctor_say(d, DOCTOR_OK, "", "%zu links in %s lead to logs", g.gl_pathc, d->opt->discover_containers_root.ptr);
    globfree(&g);
}

void doctor_logs(struct doctor *d)
{
    for (uint32_t i = 0; i < d->opt->logs.count; i++) {
        struct looked l;
        look_at(d->opt->logs.item[i].ptr, &l);
        d->folders++;
        if (l.found)
            say_looked(d, "logs", d->opt->logs.item[i].ptr, &l);
        else
            doctor_say(d, DOCTOR_WARN, "is the pattern right? `*` and `?` stand for parts of one name", "nothing matches %s", d->opt->logs.item[i].ptr);
    }
}
