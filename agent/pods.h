/*
 * What a kubelet says of its pods: GET /pods, a PodList.
 *
 * Thread: any (pure functions).
 */
#ifndef DOGWATCH_AGENT_PODS_H
#define DOGWATCH_AGENT_PODS_H

#include "dogwatch/base/arena.h"
#include "dogwatch/base/buf.h"

enum {
    PODS_MAX = 1024,        /* of one node; a kubelet runs 110, if it is not told otherwise */
    POD_CONTAINERS_MAX = 64,
    POD_PAIRS_MAX = 64,     /* labels, and annotations of ours, of one pod */
    POD_TEXT_MAX = 1024,    /* bytes of a value */
    PODS_ARENA = 16 * 1024 * 1024,
};

struct pod_pair {
    struct pod_pair *next;
    struct dw_str name, value;
};

struct pod_container {
    struct pod_container *next;
    struct dw_str name, image, image_id, id, restarts;
};

struct pod {
    struct pod *next;
    struct dw_str uid, name, namespace, node;
    struct pod_pair *label, *annotation; /* in the order given; annotations: those that begin with dogwatch.io/ */
    struct pod_container *container;
    uint32_t cut; /* labels and annotations left out, too many or too long */
};

/* Reads a PodList into memory of the arena. DW_ESYNTAX: it is none; DW_ELIMIT, DW_ENOMEM. */
DW_MUST_USE int pods_read(struct dw_str json, struct dw_arena *arena, struct pod **ret);
/* NULL: it is not among them. */
const struct pod *pods_find(const struct pod *first, struct dw_str uid);
const struct pod_container *pod_container_find(const struct pod *p, struct dw_str name);
/* What annotation `name` says of a container: `name.CONTAINER` before `name`; empty: nothing. */
struct dw_str pod_annotation(const struct pod *p, struct dw_str name, struct dw_str container);

#endif
