/*
 * What docker's API says, in JSON: an event, and a container as `docker inspect` shows it.
 *
 * Thread: any (pure functions).
 */
#ifndef DOGWATCH_AGENT_DOCKER_INSPECT_H
#define DOGWATCH_AGENT_DOCKER_INSPECT_H

#include "dogwatch/base/buf.h"

enum {
    DOCKER_ID_MAX = 128,
    INSPECT_MEMBER_MAX = 8 * 1024, /* bytes of one member of what is kept of a container */
    INSPECT_LINE_MAX = 48 * 1024,  /* of all */
};

struct docker_event {
    int64_t time_ns; /* 0: it says none */
    char id[DOCKER_ID_MAX + 1]; /* of the container that it created or started, else empty */
};
/* What has to be known of an event; of what is none, nothing is. */
void docker_event_look(struct dw_str json, struct docker_event *ret);

/* Whether a text may be a container's id or name: it is put into the path of a request. */
bool docker_is_id(struct dw_str s);

/* Appends, as one object without newline, those members of an inspect document that say what a container may do, as docker wrote them, and `time_ns` and "Action":"inspect" before
 * them. Its environment is left out: that is where passwords stand. *ret_cut: members that were left out since they are too long; the object names them in "Cut".
 * DW_ESYNTAX: it is no such document. */
DW_MUST_USE int docker_inspect_put(struct dw_str json, int64_t time_ns, struct dw_buf *out, uint32_t *ret_cut);

/* Calls `each` with the id of every container of an answer to GET /containers/json, `max` at most. */
void docker_list_ids(struct dw_str json, uint32_t max, void (*each)(void *arg, struct dw_str id), void *arg);

#endif
