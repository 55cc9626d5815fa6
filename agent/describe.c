/*
 * describe: from what a runtime says of a container to the fields and labels of its log.
 *
 * Idea: every frame that names a stream carries these fields, so they are few and short. Labels are whoever's who starts containers: so many of a log, and so many names in all.
 *
 * Invariants:
 *   (1) SIGHTING_LABELS labels of a log at most, in the order given (docker and the kubelet give them by name), of LABEL_NAMES_MAX different names in this process: what is more, or longer, is
 *       left out and counted.
 *   (2) A dot in a label's name becomes `_`, so that no label is a part of another.
 */
#include "describe.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/event/flatten.h"

enum { JSON_POOL = 16 * 1024 * 1024, LABEL_NAME_MAX = 100, LABEL_VALUE_MAX = 200, LABEL_NAMES_MAX = 512 };

/* The label's text behind this is of tbl/container_labels.h. */
#define OURS "dogwatch.io/"

static const struct dw_str labels[LABELS] = {
#define LABEL(id, text, doc) {text, sizeof text - 1},
#include "dogwatch/tbl/container_labels.h"
#undef LABEL
};

void describe_add(struct sighting *f, uint32_t key, struct dw_str value)
{
    if (value.len == 0 || value.len > SIGHTING_VALUE_MAX || f->field_count == SIGHTING_FIELDS)
        return;
    struct dw_str copy = dw_arena_copy(&f->arena, value);
    if (!copy.ptr)
        return;
    f->field[f->field_count++] = (struct dw_field){.v.ptr = copy.ptr, .len = (uint32_t)copy.len, .key = key, .kind = DW_K_CONST};
}

/* The key of a label, made where there may be one more. */
static bool label_key(struct agent *a, const char *prefix, struct dw_str name, uint32_t *ret)
{
    char text[LABEL_NAME_MAX + 32];
    size_t len = strlen(prefix);
    memcpy(text, prefix, len);
    for (size_t i = 0; i < name.len; i++)
        text[len++] = name.ptr[i] == '.' ? '_' : name.ptr[i];
    struct dw_str whole = dw_str_make(text, len);
    if (dw_keys_find(a->keys, whole, ret) == DW_OK && *ret < DW_KEYS_KEPT_MAX)
        return true;
    if (a->label_names == LABEL_NAMES_MAX || dw_keys_intern(a->keys, whole, ret) < 0)
        return false;
    a->label_names++;
    return true;
}

static void add_label(struct agent *a, struct sighting *f, const char *prefix, struct dw_str name, struct dw_str value)
{
    uint32_t key;
    bool fits = name.len && name.len <= LABEL_NAME_MAX && value.len <= LABEL_VALUE_MAX && f->label_count < SIGHTING_LABELS && label_key(a, prefix, name, &key);
    DW_COUNT_IF(!fits, metadata_cut);
    if (!fits)
        return;
    f->label_count++;
    describe_add(f, key, value);
}

/* REPOSITORY:TAG, REPOSITORY@DIGEST, or either alone. */
static void add_image(struct sighting *f, struct dw_str image)
{
    struct dw_str rest = dw_str_slice(image, 0, dw_str_index(image, '@')), tag = DW_STR_NONE;
    size_t colon = rest.len;
    while (colon > 0 && rest.ptr[colon - 1] != ':' && rest.ptr[colon - 1] != '/')
        colon--;
    if (colon > 0 && rest.ptr[colon - 1] == ':') {
        tag = dw_str_slice(rest, colon, rest.len);
        rest = dw_str_slice(rest, 0, colon - 1);
    }
    describe_add(f, DW_F_container_image_name, rest);
    describe_add(f, DW_F_container_image_tag, tag);
}

/* ---- docker ---- */

struct docker_job {
    struct agent *a;
    struct sighting *f;
};

static void docker_label(struct docker_job *job, struct dw_str name, struct dw_str value)
{
    struct sighting *f = job->f;
    for (int i = 0; i < LABELS; i++)
        if (dw_str_eq(name, labels[i]) && value.len <= SIGHTING_VALUE_MAX)
            f->label[i] = dw_arena_copy(&f->arena, value);
    if (!dw_str_starts(name, DW_STR(OURS)))
        add_label(job->a, f, "container.labels.", name, value);
}

static bool docker_member(void *arg, struct dw_draft *d, struct dw_str name, const struct dw_field *value)
{
    static const struct dw_str prefix = {"Config.Labels.", sizeof "Config.Labels." - 1};
    struct docker_job *job = arg;
    (void)d;
    if (!dw_field_is_text(value))
        return true;
    struct dw_str v = dw_field_str(value);
    if (dw_str_starts(name, prefix))
        docker_label(job, dw_str_slice(name, prefix.len, name.len), v);
    else if (dw_str_eq(name, DW_STR("Name")))
        describe_add(job->f, DW_F_container_name, v.len && v.ptr[0] == '/' ? dw_str_slice(v, 1, v.len) : v);
    else if (dw_str_eq(name, DW_STR("Config.Image")))
        add_image(job->f, v);
    else if (dw_str_eq(name, DW_STR("Image")))
        describe_add(job->f, DW_F_container_image_hash_all, v);
    else if (dw_str_eq(name, DW_STR("Created")))
        describe_add(job->f, DW_F_container_created, v);
    else if (dw_str_eq(name, DW_STR("RestartCount")))
        describe_add(job->f, DW_F_container_restart_count, v);
    return true;
}

void describe_docker(struct agent *a, struct sighting *f, struct dw_str json)
{
    struct dw_arena pool;
    static struct dw_field scratch[DW_EVENT_FIELDS_MAX]; /* loop thread only */
    struct docker_job job = {a, f};
    struct dw_flatten how = {.hook = docker_member, .arg = &job};
    dw_arena_init(&pool, JSON_POOL);
    struct dw_draft d = {.keys = a->keys, .pool = &pool, .field = scratch};
    dw_draft_reset(&d, json);
    int rc = dw_flatten_json(&d, d.line, &how);
    (void)rc; /* what was found before a mistake is kept */
    dw_arena_fini(&pool);
}

/* ---- pods ---- */

/* RUNTIME://ID */
static void add_container_id(struct sighting *f, struct dw_str id)
{
    size_t at = dw_str_find(id, DW_STR("://"));
    if (at == id.len)
        return;
    describe_add(f, DW_F_container_id, dw_str_slice(id, at + 3, id.len));
    describe_add(f, DW_F_container_runtime, dw_str_slice(id, 0, at));
}

/* sha256:..., REPOSITORY@sha256:..., each perhaps behind SCHEME:// */
static void add_digest(struct sighting *f, struct dw_str id)
{
    size_t scheme = dw_str_find(id, DW_STR("://"));
    struct dw_str rest = scheme == id.len ? id : dw_str_slice(id, scheme + 3, id.len);
    size_t at = dw_str_index(rest, '@');
    rest = at == rest.len ? rest : dw_str_slice(rest, at + 1, rest.len);
    if (dw_str_index(rest, ':') < rest.len && dw_str_index(rest, '/') == rest.len)
        describe_add(f, DW_F_container_image_hash_all, rest);
}

void describe_pod(struct agent *a, struct sighting *f, const struct pod *p, const struct pod_container *c, struct dw_str container)
{
    for (int i = 0; i < LABELS; i++)
        f->label[i] = dw_arena_copy(&f->arena, pod_annotation(p, labels[i], container));
    describe_add(f, DW_F_orchestrator_resource_type, DW_STR("pod"));
    describe_add(f, DW_F_orchestrator_resource_name, p->name);
    describe_add(f, DW_F_orchestrator_resource_id, p->uid);
    describe_add(f, DW_F_kubernetes_node_name, p->node);
    if (c) {
        add_image(f, c->image);
        add_digest(f, c->image_id);
        add_container_id(f, c->id);
        describe_add(f, DW_F_container_restart_count, c->restarts);
    }
    DW_COUNT_N(metadata_cut, p->cut);
    for (const struct pod_pair *l = p->label; l; l = l->next)
        add_label(a, f, "kubernetes.labels.", l->name, l->value);
}
