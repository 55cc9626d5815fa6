/*
 * discover: which logs there are on this host, and what is known of each from its path and the files beside it.
 *
 * Invariants:
 *   (1) Names come from whoever made the container: they are bounded, kept as values, and never used to build a path.
 *   (2) A look opens nothing but folders and docker's config.v2.json.
 *   (3) A log that a container or a pattern names is seen by its name, or by what rotation left of it (orphan.c).
 */
#include "describe.h"
#include "metadata.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>

enum { NAMES_MAX = 100000, CONFIG_MAX = 1024 * 1024, LOG_POOL = 64 * 1024 };

static void name_series(struct sighting *f, const char *kind, struct dw_str a, struct dw_str b)
{
    uint8_t hash[DW_SHA256_BYTES];
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_add_str(h, dw_str_of(kind));
    dw_sha256_add_str(h, a);
    dw_sha256_add_str(h, b);
    dw_sha256_end(h, hash);
    memcpy(f->series, hash, DW_ID_BYTES);
    dw_sha256_free(h);
}

static void begin(struct sighting *f, char *path, enum dw_envelope envelope)
{
    *f = (struct sighting){.path = path, .envelope = envelope};
    dw_arena_init(&f->arena, LOG_POOL);
}

static void finish(struct agent *a, struct sighting *f)
{
    agent_found(a, f);
    dw_arena_fini(&f->arena);
}

static bool excluded(const struct agent *a, const char *path)
{
    for (uint32_t i = 0; i < a->opt->exclude.count; i++)
        if (fnmatch(a->opt->exclude.item[i].ptr, path, 0) == 0)
            return true;
    return false;
}

/* Whether a folder that could not be listed may be the next time, without anything that the kernel tells. */
static bool passes(int rc)
{
    return rc == DW_EFILES || rc == DW_ENOMEM || rc == DW_EIO;
}

/* Calls `each` for every name in a folder. */
static void each_name(struct agent *a, const char *dir, void (*each)(struct agent *a, const char *dir, const char *name))
{
    struct dw_buf names = {0};
    told_folder(a, dir);
    int rc = dw_fs_list(dir, NAMES_MAX, &names);
    DW_COUNT_IF(rc == DW_EACCES, discover_unreadable);
    a->partial |= passes(rc);
    for (const char *n = names.ptr; n && n < names.ptr + names.len; n += strlen(n) + 1)
        each(a, dir, n);
    dw_buf_fini(&names);
}

/* ---- docker ---- */

/* Name, image and labels out of config.v2.json. False: it may not be read, or is not there. */
static bool read_docker_config(struct agent *a, struct sighting *f, const char *dir)
{
    char path[AGENT_PATH_MAX];
    struct dw_buf text = {0};
    bool there = dw_path_join(path, sizeof path, dir, "config.v2.json") == DW_OK && dw_fs_read_file(a->fs, path, CONFIG_MAX, &text) == DW_OK;
    if (there)
        describe_docker(a, f, dw_buf_view(&text));
    dw_buf_fini(&text);
    return there;
}

/* The same of docker itself. False: it was asked, and the log waits for the answer. */
static bool ask_docker(struct agent *a, struct sighting *f, struct dw_str id)
{
    struct dw_str json = DW_STR_NONE;
    enum metadata_says says = metadata_container(a->metadata, id, &json);
    if (says == METADATA_KNOWN)
        describe_docker(a, f, json);
    f->unlearned = says == METADATA_LATER;
    return says != METADATA_WAIT;
}

/* A log waits to be described. Its files are opened all the same, for a container may be gone with them in a moment; but where a label may say that it is not read at all it is not looked at
 * yet, and the low-water mark stays where it was before it was seen. True: that. */
static bool put_off(struct agent *a, struct sighting *f)
{
    if (!a->opt->labels_exclude) {
        f->waits = f->unlearned = a->waits = true;
        return false;
    }
    if (a->put_off_low_ns == INT64_MAX)
        a->put_off_low_ns = a->scanned ? agent_low_water(a) : 0;
    a->put_off = true;
    dw_arena_fini(&f->arena);
    return true;
}

static void docker_log(struct agent *a, char *path, const char *dir, struct dw_str id, bool nameless)
{
    struct sighting f;
    begin(&f, path, DW_ENV_DOCKER);
    f.nameless = nameless;
    describe_add(&f, DW_F_container_id, id);
    describe_add(&f, DW_F_container_runtime, DW_STR("docker"));
    if (agent_lacks(a, path) && !read_docker_config(a, &f, dir) && !ask_docker(a, &f, id) && put_off(a, &f))
        return;
    name_series(&f, "container", id, DW_STR_NONE);
    finish(a, &f);
}

static void docker_container(struct agent *a, const char *root, const char *id)
{
    char dir[AGENT_PATH_MAX], path[AGENT_PATH_MAX];
    struct dw_stat st;
    int n = snprintf(dir, sizeof dir, "%s/%s", root, id);
    if (n < 0 || n >= (int)sizeof dir)
        return;
    told_folder(a, dir);
    n = snprintf(path, sizeof path, "%s/%s-json.log", dir, id);
    if (n < 0 || n >= (int)sizeof path || excluded(a, path))
        return;
    bool there = dw_fs_stat(path, &st) == DW_OK;
    if (there || orphan_at(a, path))
        docker_log(a, path, dir, dw_str_of(id), !there);
}

/* ---- kubelet: /var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log ---- */

/* What the kubelet says of it. False: it was asked, and the log waits for the answer. */
static bool ask_kubelet(struct agent *a, struct sighting *f, struct dw_str uid, struct dw_str container)
{
    const struct pod *p;
    const struct pod_container *c;
    enum metadata_says says = metadata_pod(a->metadata, uid, container, &p, &c);
    if (says == METADATA_KNOWN || says == METADATA_PARTLY)
        describe_pod(a, f, p, c, container);
    f->unlearned = says == METADATA_LATER || says == METADATA_PARTLY;
    return says != METADATA_WAIT;
}

static void pod_log(struct agent *a, char *path, const char *dir, struct dw_str restart, bool nameless)
{
    struct sighting f;
    struct dw_str rest = dw_str_of(dir), pod = rest, container;
    size_t slash = rest.len;
    while (slash > 0 && rest.ptr[slash - 1] != '/')
        slash--;
    container = dw_str_slice(rest, slash, rest.len);
    pod = dw_str_slice(rest, 0, slash ? slash - 1 : 0);
    for (slash = pod.len; slash > 0 && pod.ptr[slash - 1] != '/';)
        slash--;
    pod = dw_str_slice(pod, slash, pod.len);
    struct dw_str namespace = dw_str_cut(&pod, '_'), pod_name = dw_str_cut(&pod, '_');
    begin(&f, path, DW_ENV_AUTO);
    f.nameless = nameless;
    describe_add(&f, DW_F_orchestrator_type, DW_STR("kubernetes"));
    describe_add(&f, DW_F_orchestrator_namespace, namespace);
    describe_add(&f, DW_F_kubernetes_pod_name, pod_name);
    describe_add(&f, DW_F_kubernetes_pod_uid, pod);
    describe_add(&f, DW_F_container_name, container);
    describe_add(&f, DW_F_kubernetes_container_restart, restart);
    if (agent_lacks(a, path) && !ask_kubelet(a, &f, pod, container) && put_off(a, &f))
        return;
    name_series(&f, "pod", dw_str_of(dir), restart);
    finish(a, &f);
}

static void pod_file(struct agent *a, const char *dir, const char *name)
{
    char path[AGENT_PATH_MAX];
    uint64_t number;
    if (dw_path_join(path, sizeof path, dir, name) < 0)
        return;
    bool rotated = folder_rotated(path);
    struct dw_str restart = dw_str_of(strrchr(path, '/') + 1);
    if (!dw_str_ends(restart, DW_STR(".log")))
        return;
    restart.len -= strlen(".log");
    if (dw_str_u64(restart, &number) && !excluded(a, path) && (!rotated || orphan_at(a, path)))
        pod_log(a, path, dir, restart, rotated);
}

static void pod_container(struct agent *a, const char *dir, const char *name)
{
    char path[AGENT_PATH_MAX];
    if (dw_path_join(path, sizeof path, dir, name) == DW_OK)
        each_name(a, path, pod_file);
}

static void pod_dir(struct agent *a, const char *root, const char *name)
{
    char path[AGENT_PATH_MAX];
    if (dw_path_join(path, sizeof path, root, name) == DW_OK)
        each_name(a, path, pod_container);
}

/* ---- /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log, where the pods' folder is not there ---- */

static void container_log(struct agent *a, const char *root, const char *name)
{
    char path[AGENT_PATH_MAX];
    struct sighting f;
    struct dw_str rest = dw_str_of(name);
    if (!dw_str_ends(rest, DW_STR(".log")) || dw_path_join(path, sizeof path, root, name) < 0 || excluded(a, path))
        return;
    rest.len -= 4;
    struct dw_str pod = dw_str_cut(&rest, '_'), namespace = dw_str_cut(&rest, '_');
    size_t dash = rest.len;
    while (dash > 0 && rest.ptr[dash - 1] != '-')
        dash--;
    begin(&f, path, DW_ENV_AUTO);
    describe_add(&f, DW_F_orchestrator_type, DW_STR("kubernetes"));
    describe_add(&f, DW_F_orchestrator_namespace, namespace);
    describe_add(&f, DW_F_kubernetes_pod_name, pod);
    describe_add(&f, DW_F_container_name, dash ? dw_str_slice(rest, 0, dash - 1) : rest);
    describe_add(&f, DW_F_container_id, dash ? dw_str_slice(rest, dash, rest.len) : DW_STR_NONE);
    name_series(&f, "container", dash ? dw_str_slice(rest, dash, rest.len) : rest, pod);
    finish(a, &f);
}

/* ---- podman: STORAGE/overlay-containers/ID/userdata/ctr.log ---- */

static void podman_container(struct agent *a, const char *root, const char *id)
{
    char path[AGENT_PATH_MAX];
    struct dw_stat st;
    struct sighting f;
    int n = snprintf(path, sizeof path, "%s/%s/userdata", root, id);
    if (n < 0 || n >= (int)sizeof path)
        return;
    told_folder(a, path);
    n = snprintf(path, sizeof path, "%s/%s/userdata/ctr.log", root, id);
    if (n < 0 || n >= (int)sizeof path || excluded(a, path))
        return;
    bool there = dw_fs_stat(path, &st) == DW_OK;
    if (!there && !orphan_at(a, path))
        return;
    begin(&f, path, DW_ENV_CRI);
    f.nameless = !there;
    describe_add(&f, DW_F_container_id, dw_str_of(id));
    describe_add(&f, DW_F_container_runtime, DW_STR("podman"));
    name_series(&f, "container", dw_str_of(id), DW_STR_NONE);
    finish(a, &f);
}

/* ---- globs ---- */

/* A rotated file (a.log.1, syslog.2, 0.log.20261123-211418) belongs to the log beside it, which brings it in itself. */
static bool is_rotated(const struct agent *a, const char *path)
{
    char base[AGENT_PATH_MAX];
    struct dw_stat st;
    int n = snprintf(base, sizeof base, "%s", path);
    return n > 0 && n < (int)sizeof base && folder_rotated(base) && (agent_log(a, base) || dw_fs_stat(base, &st) == DW_OK);
}

static bool list_failed; /* loop thread only: glob(3) hands nothing on to whom it tells */

static int on_list_failed(const char *dir, int err)
{
    (void)dir;
    list_failed |= passes(dw_err_from_errno(err));
    return 0;
}

/* glob(3), which leaves out what it cannot list: then all is looked at again soon. Freed by globfree(3) in either case. */
static bool expand(struct agent *a, const char *pattern, int flags, glob_t *g)
{
    list_failed = false;
    int rc = glob(pattern, flags, on_list_failed, g); /* NOLINT(concurrency-mt-unsafe): nobody sets the environment */
    a->partial |= list_failed || rc == GLOB_NOSPACE;
    return rc == 0;
}

/* The folder of each `/` in a pattern before which something is open: a name that comes there may make a log. */
static void tell_folders(struct agent *a, const char *pattern)
{
    char upper[AGENT_PATH_MAX];
    size_t open = strcspn(pattern, "*?["), len = strlen(pattern);
    for (size_t i = 0; i < len && i < sizeof upper; i++) {
        glob_t g = {0};
        if (pattern[i] != '/' || (i < open && strcspn(pattern + i + 1, "/") < open - i - 1))
            continue;
        memcpy(upper, pattern, i);
        memcpy(upper + i, i ? "" : "/", i ? 1 : 2);
        if (i < open)
            told_root(a, upper);
        else if (expand(a, upper, GLOB_NOSORT | GLOB_ONLYDIR, &g))
            for (size_t k = 0; k < g.gl_pathc; k++)
                told_folder(a, g.gl_pathv[k]);
        globfree(&g);
    }
}

static void plain_log(struct agent *a, char *path, bool nameless)
{
    struct sighting f;
    begin(&f, path, DW_ENV_AUTO);
    f.nameless = nameless;
    name_series(&f, "file", dw_str_of(a->host), dw_str_of(path));
    finish(a, &f);
}

/* Whether a file that a rotated name leads to was read as a log of its own, before there was the log beside it: it stays one. */
static bool is_own(const struct agent *a, const char *path, const struct dw_stat *st)
{
    struct sighting own;
    const struct tail *t = tails_find(a, st);
    name_series(&own, "file", dw_str_of(a->host), dw_str_of(path));
    return t ? t->series == agent_log(a, path) : rows_met(a, own.series, st);
}

static void plain_at(struct agent *a, char *path)
{
    struct dw_stat st;
    bool rotated = is_rotated(a, path);
    if (excluded(a, path))
        return;
    if (dw_fs_stat(path, &st) < 0)
        DW_COUNT_IF(!rotated, discover_unreadable);
    else if (S_ISREG(st.mode) && (!rotated || is_own(a, path, &st)))
        plain_log(a, path, false);
}

/* What has a rotated file's name: of a log that a pattern means and that has none now. What a pattern means itself is a log of its own. */
static void plain_orphan(struct agent *a, char *path)
{
    if (!excluded(a, path) && !discover_wants(a, path) && folder_rotated(path) && discover_wants(a, path) && orphan_at(a, path))
        plain_log(a, path, true);
}

static void plain_glob(struct agent *a, const char *pattern, void (*each)(struct agent *a, char *path))
{
    glob_t g = {0};
    if (expand(a, pattern, 0, &g))
        for (size_t i = 0; i < g.gl_pathc; i++)
            each(a, g.gl_pathv[i]);
    globfree(&g);
}

static void plain_logs(struct agent *a, const char *pattern)
{
    char rotated[AGENT_PATH_MAX];
    tell_folders(a, pattern);
    plain_glob(a, pattern, plain_at);
    int n = snprintf(rotated, sizeof rotated, "%s[._-]*", pattern);
    if (n > 0 && n < (int)sizeof rotated)
        plain_glob(a, rotated, plain_orphan);
}

/* ---- what we received ---- */

/* NAME.log, NAME being what it came by, and where. */
static void received_log(struct agent *a, const char *dir, const char *name)
{
    char path[AGENT_PATH_MAX];
    struct sighting f;
    struct dw_str rest = dw_str_of(name), kind;
    if (!dw_str_ends(rest, DW_STR(".log")) || dw_path_join(path, sizeof path, dir, name) < 0)
        return;
    rest.len -= strlen(".log");
    begin(&f, path, DW_ENV_RECEIVED);
    name_series(&f, "input", dw_str_of(a->host), rest);
    kind = dw_str_cut(&rest, '-');
    describe_add(&f, DW_F_input_type, kind);
    f.received = true;
    if (dw_str_eq(kind, DW_STR("docker")))
        f.label[LABEL_FORMAT] = DW_STR("docker_events"); /* nobody else writes there */
    f.whole_lines = !dw_str_eq(kind, DW_STR("stdin"));
    finish(a, &f);
}

static void inputs_dir(const struct agent *a, char dir[AGENT_PATH_MAX])
{
    (void)snprintf(dir, AGENT_PATH_MAX, "%.*s/inputs", AGENT_PATH_MAX - 16, a->agent_dir);
}

static const char podman_root[] = DW_PODMAN_ROOT;

static bool is_below(const char *path, const char *root)
{
    size_t len = strlen(root);
    return strncmp(path, root, len) == 0 && path[len] == '/';
}

/* How many names deeper than a folder a path is; 0: it is not below. */
static unsigned depth_below(const char *path, const char *root)
{
    unsigned depth = 0;
    for (const char *at = is_below(path, root) ? path + strlen(root) : ""; *at; at++)
        depth += *at == '/';
    return depth;
}

/* Whether what comes at a path may make a log below a root: a folder of a container, a log. */
static bool cares_at(const char *root, unsigned folders, const char *path)
{
    unsigned depth = depth_below(path, root);
    return depth && (depth <= folders || dw_str_ends(dw_str_of(path), DW_STR(".log")));
}

/* Whether what comes at a path is a log of a pattern, or a folder on the way to one. */
static bool cares_by_pattern(const char *pattern, const char *path)
{
    char upper[AGENT_PATH_MAX];
    unsigned names = 0;
    size_t i = 0;
    for (const char *at = path; *at; at++)
        names += *at == '/';
    while (pattern[i] && i < sizeof upper - 1 && (pattern[i] != '/' || names-- > 0)) {
        upper[i] = pattern[i];
        i++;
    }
    upper[i] = '\0';
    return fnmatch(upper, path, FNM_PATHNAME | FNM_PERIOD) == 0;
}

bool discover_cares(const struct agent *a, const char *path)
{
    const struct dw_agent_options *o = a->opt;
    char received[AGENT_PATH_MAX];
    inputs_dir(a, received);
    if (strcmp(path, a->signals.path) == 0 || strcmp(path, received) == 0 || is_below(path, received))
        return true;
    for (uint32_t i = 0; i < o->logs.count; i++)
        if (cares_by_pattern(o->logs.item[i].ptr, path))
            return true;
    return (o->discover_docker && cares_at(o->discover_docker_root.ptr, 1, path)) || (o->discover_cri && cares_at(o->discover_pods_root.ptr, 2, path))
        || (o->discover_cri && cares_at(o->discover_containers_root.ptr, 1, path)) || (o->discover_podman && cares_at(podman_root, 2, path));
}

bool discover_wants(const struct agent *a, const char *path)
{
    const struct dw_agent_options *o = a->opt;
    char received[AGENT_PATH_MAX];
    inputs_dir(a, received);
    if (is_below(path, received))
        return true;
    if (strcmp(path, a->signals.path) == 0)
        return a->opt->signals;
    if (excluded(a, path))
        return false;
    for (uint32_t i = 0; i < o->logs.count; i++)
        if (fnmatch(o->logs.item[i].ptr, path, FNM_PATHNAME | FNM_PERIOD) == 0)
            return true;
    return (o->discover_docker && is_below(path, o->discover_docker_root.ptr))
        || (o->discover_cri && (is_below(path, o->discover_pods_root.ptr) || is_below(path, o->discover_containers_root.ptr)))
        || (o->discover_podman && is_below(path, podman_root));
}

static void look_below(struct agent *a, const char *root, void (*each)(struct agent *a, const char *dir, const char *name))
{
    told_root(a, root);
    each_name(a, root, each);
}

/* What the agent itself tells: a log like others, and of a format that no other can have. */
static void own_log(struct agent *a)
{
    struct dw_stat st;
    struct sighting f;
    if (!a->opt->signals || dw_fs_stat(a->signals.path, &st) < 0)
        return;
    begin(&f, a->signals.path, DW_ENV_PLAIN);
    f.signals = true;
    name_series(&f, "agent", dw_str_of(a->host), dw_str_of(a->signals.path));
    finish(a, &f);
}

/* A log that waits to be described, and whose name went meanwhile: its files are open, and docker or the kubelet may still say what it is. */
static void look_at_waiting(struct agent *a, struct found *f)
{
    char path[AGENT_PATH_MAX], dir[AGENT_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", f->path);
    (void)snprintf(dir, sizeof dir, "%s", f->path);
    char *name = strrchr(dir, '/');
    *name++ = '\0';
    if (a->opt->discover_docker && is_below(path, a->opt->discover_docker_root.ptr))
        docker_log(a, path, dir, dw_str_of(strrchr(dir, '/') + 1), true);
    else
        pod_log(a, path, dir, dw_str_slice(dw_str_of(name), 0, strlen(name) - strlen(".log")), true);
}

void discover_scan(struct agent *a)
{
    const struct dw_agent_options *o = a->opt;
    char received[AGENT_PATH_MAX];
    inputs_dir(a, received);
    a->put_off = a->waits = false;
    a->orphan[0] = '\0';
    told_root(a, a->agent_dir);
    own_log(a);
    each_name(a, received, received_log);
    if (o->discover_docker)
        look_below(a, o->discover_docker_root.ptr, docker_container);
    if (o->discover_cri) {
        look_below(a, o->discover_pods_root.ptr, pod_dir);
        look_below(a, o->discover_containers_root.ptr, container_log);
    }
    if (o->discover_podman)
        look_below(a, podman_root, podman_container);
    for (uint32_t i = 0; i < o->logs.count; i++)
        plain_logs(a, o->logs.item[i].ptr);
    for (struct found *f = a->found; f; f = f->next)
        if (f->waits && !f->seen)
            look_at_waiting(a, f);
    if (!a->put_off)
        a->put_off_low_ns = INT64_MAX;
}
