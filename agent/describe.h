/*
 * What is known of a log beside its path: fields of its streams, and labels that say how it is to be read.
 *
 * Thread: loop.
 */
#ifndef DOGWATCH_AGENT_DESCRIBE_H
#define DOGWATCH_AGENT_DESCRIBE_H

#include "agent_int.h"
#include "pods.h"

/* Adds a field, copied. What is empty or too long is left out. */
void describe_add(struct sighting *f, uint32_t key, struct dw_str value);
/* Out of docker's config.v2.json, or of its answer to GET /containers/ID/json: they have the same names. */
void describe_docker(struct agent *a, struct sighting *f, struct dw_str json);
/* Out of what the kubelet says. `c`: NULL: it says nothing of this container yet. */
void describe_pod(struct agent *a, struct sighting *f, const struct pod *p, const struct pod_container *c, struct dw_str container);

#endif
