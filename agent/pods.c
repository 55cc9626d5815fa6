/*
 * pods: a PodList, and of each pod what says how its logs are read and what their events are of.
 *
 * Idea: the answer may be megabytes, most of which (specs, conditions, volumes) is passed over; what is kept is copied, with a bound for each text and each list.
 *
 * Invariant: of whatever comes no more is kept than PODS_MAX pods of POD_PAIRS_MAX pairs and POD_CONTAINERS_MAX containers.
 */
#include "pods.h"

#include "json_members.h"

#include "dogwatch/base/error.h"

struct reading {
    struct dw_arena *arena;
    struct pod *first, **end;
    uint32_t count;
    /* the pod in hand */
    struct pod *pod;
    struct pod_pair **pair_end;
    struct pod_container **container_end;
    struct pod_container *container;
    uint32_t pairs, containers;
    bool annotations;
};

/* Copies a string, its escapes resolved. Other values, and strings that are too long, are left out. */
static int take_text(struct reading *r, const struct dw_json_token *t, struct dw_str *ret)
{
    struct dw_buf plain = {0};
    if (t->type != DW_JSON_STRING || t->text.len > POD_TEXT_MAX)
        return DW_OK;
    bool good = !t->escaped || dw_json_unescape(t->text, &plain);
    struct dw_str s = t->escaped ? dw_buf_view(&plain) : t->text;
    int rc = plain.err ? DW_ENOMEM : DW_OK;
    if (good && rc == DW_OK) {
        *ret = dw_arena_copy(r->arena, s);
        rc = ret->ptr ? DW_OK : DW_ENOMEM;
    }
    dw_buf_fini(&plain);
    return rc;
}

static int on_pair(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    struct reading *r = arg;
    struct pod_pair p = {0}, *kept;
    (void)value;
    if (r->annotations && !dw_str_starts(name, DW_STR("dogwatch.io/")))
        return DW_OK;
    if (r->pairs == POD_PAIRS_MAX || name.len > POD_TEXT_MAX || t->text.len > POD_TEXT_MAX) {
        r->pod->cut++;
        return DW_OK;
    }
    int rc = take_text(r, t, &p.value);
    if (rc < 0 || !p.value.ptr)
        return rc;
    p.name = dw_arena_copy(r->arena, name);
    kept = dw_arena_alloc(r->arena, sizeof *kept);
    if (!p.name.ptr || !kept)
        return DW_ENOMEM;
    *kept = p;
    *r->pair_end = kept;
    r->pair_end = &kept->next;
    r->pairs++;
    return DW_OK;
}

static int take_pairs(struct reading *r, struct dw_str object, bool annotations)
{
    r->annotations = annotations;
    r->pair_end = annotations ? &r->pod->annotation : &r->pod->label;
    *r->pair_end = NULL;
    r->pairs = 0;
    return json_members(object, on_pair, r);
}

static int on_metadata(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    struct reading *r = arg;
    if (dw_str_eq(name, DW_STR("uid")))
        return take_text(r, t, &r->pod->uid);
    if (dw_str_eq(name, DW_STR("name")))
        return take_text(r, t, &r->pod->name);
    if (dw_str_eq(name, DW_STR("namespace")))
        return take_text(r, t, &r->pod->namespace);
    if (t->type != DW_JSON_OBJECT)
        return DW_OK;
    if (dw_str_eq(name, DW_STR("labels")))
        return take_pairs(r, value, false);
    return dw_str_eq(name, DW_STR("annotations")) ? take_pairs(r, value, true) : DW_OK;
}

static int on_spec(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    struct reading *r = arg;
    (void)value;
    return dw_str_eq(name, DW_STR("nodeName")) ? take_text(r, t, &r->pod->node) : DW_OK;
}

static int on_container_member(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    struct reading *r = arg;
    struct pod_container *c = r->container;
    (void)value;
    if (dw_str_eq(name, DW_STR("name")))
        return take_text(r, t, &c->name);
    if (dw_str_eq(name, DW_STR("image")))
        return take_text(r, t, &c->image);
    if (dw_str_eq(name, DW_STR("imageID")))
        return take_text(r, t, &c->image_id);
    if (dw_str_eq(name, DW_STR("containerID")))
        return take_text(r, t, &c->id);
    if (dw_str_eq(name, DW_STR("restartCount")) && t->type == DW_JSON_NUMBER && t->text.len < POD_TEXT_MAX) {
        c->restarts = dw_arena_copy(r->arena, t->text);
        return c->restarts.ptr ? DW_OK : DW_ENOMEM;
    }
    return DW_OK;
}

static int on_container(void *arg, struct dw_str value, const struct dw_json_token *t)
{
    struct reading *r = arg;
    if (t->type != DW_JSON_OBJECT || r->containers == POD_CONTAINERS_MAX)
        return DW_OK;
    r->container = dw_arena_alloc(r->arena, sizeof *r->container);
    if (!r->container)
        return DW_ENOMEM;
    *r->container_end = r->container;
    r->container_end = &r->container->next;
    r->containers++;
    return json_members(value, on_container_member, r);
}

static int on_status(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    bool are = dw_str_eq(name, DW_STR("containerStatuses")) || dw_str_eq(name, DW_STR("initContainerStatuses")) || dw_str_eq(name, DW_STR("ephemeralContainerStatuses"));
    return are && t->type == DW_JSON_ARRAY ? json_elements(value, on_container, arg) : DW_OK;
}

static int on_pod_member(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    if (t->type != DW_JSON_OBJECT)
        return DW_OK;
    return dw_str_eq(name, DW_STR("metadata")) ? json_members(value, on_metadata, arg)
        : dw_str_eq(name, DW_STR("spec"))      ? json_members(value, on_spec, arg)
        : dw_str_eq(name, DW_STR("status"))    ? json_members(value, on_status, arg)
                                               : DW_OK;
}

static int on_pod(void *arg, struct dw_str value, const struct dw_json_token *t)
{
    struct reading *r = arg;
    if (t->type != DW_JSON_OBJECT || r->count == PODS_MAX)
        return DW_OK;
    r->pod = dw_arena_alloc(r->arena, sizeof *r->pod);
    if (!r->pod)
        return DW_ENOMEM;
    r->container_end = &r->pod->container;
    r->containers = 0;
    *r->end = r->pod;
    r->end = &r->pod->next;
    r->count++;
    return json_members(value, on_pod_member, r);
}

static int on_list_member(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    return dw_str_eq(name, DW_STR("items")) && t->type == DW_JSON_ARRAY ? json_elements(value, on_pod, arg) : DW_OK;
}

int pods_read(struct dw_str json, struct dw_arena *arena, struct pod **ret)
{
    struct reading r = {.arena = arena, .end = &r.first};
    int rc = json_members(json, on_list_member, &r);
    if (rc == DW_OK)
        *ret = r.first;
    return rc;
}

const struct pod *pods_find(const struct pod *first, struct dw_str uid)
{
    while (first && !dw_str_eq(first->uid, uid))
        first = first->next;
    return first;
}

const struct pod_container *pod_container_find(const struct pod *p, struct dw_str name)
{
    const struct pod_container *c = p->container;
    while (c && !dw_str_eq(c->name, name))
        c = c->next;
    return c;
}

struct dw_str pod_annotation(const struct pod *p, struct dw_str name, struct dw_str container)
{
    struct dw_str found = DW_STR_NONE;
    for (const struct pod_pair *a = p->annotation; a; a = a->next) {
        struct dw_str rest = dw_str_slice(a->name, name.len, a->name.len);
        if (!dw_str_starts(a->name, name))
            continue;
        if (rest.len == 0)
            found = a->value;
        else if (rest.ptr[0] == '.' && dw_str_eq(dw_str_slice(rest, 1, rest.len), container))
            return a->value;
    }
    return found;
}
