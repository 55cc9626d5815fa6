/*
 * What docker and the kubelet say of containers: asked when a log is found, kept until it was told.
 *
 * Nothing waits for an answer but a new log, and that for metadata.wait at most. Every function takes NULL for an agent that asks nobody. Life: metadata_open (still root: the CA) ->
 * metadata_start -> metadata_turn ... -> metadata_stop (before the loop's end) -> metadata_free (after it). Thread: loop.
 */
#ifndef DOGWATCH_AGENT_METADATA_H
#define DOGWATCH_AGENT_METADATA_H

#include "pods.h"

#include "dogwatch/conf/options.h"

#include <uv.h>

struct metadata;

enum metadata_says {
    METADATA_NOTHING, /* nobody is asked about it, or nothing is known of it */
    METADATA_WAIT,    /* it is asked: the log may wait */
    METADATA_LATER,   /* it has waited long enough; an answer may still come */
    METADATA_PARTLY,  /* the rest may come */
    METADATA_KNOWN,
};

/* *ret is given; NULL where neither docker.socket nor kubelet.url is set. DW_ECONFIG, said; DW_ENOMEM. */
DW_MUST_USE int metadata_open(const struct dw_agent_options *opt, struct metadata **ret);
void metadata_start(struct metadata *m, uv_loop_t *loop);
/* A look: asks what is due, ends what takes too long. True: an answer came, or a wait is over: logs are to be looked at anew. */
bool metadata_turn(struct metadata *m);
void metadata_stop(struct metadata *m);
void metadata_free(struct metadata *m);

/* Of a container of docker. KNOWN: *ret is its inspect document, until the next call. */
enum metadata_says metadata_container(struct metadata *m, struct dw_str id, struct dw_str *ret);
/* Of a container of a pod. KNOWN, PARTLY: *ret_pod is given, until the next turn; *ret_container too, or NULL: the kubelet says nothing of it. */
enum metadata_says metadata_pod(struct metadata *m, struct dw_str uid, struct dw_str container, const struct pod **ret_pod, const struct pod_container **ret_container);

#endif
