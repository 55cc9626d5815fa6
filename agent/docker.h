/*
 * Docker's API over its unix socket (docker.socket): its events, as an input, and what it knows of a container.
 *
 *     GET /events  -> a line each ----------------------+
 *     GET /containers/ID/json, behind create and start -+-> DATA/agent/inputs/docker.log (input_store.c) -> a tail, like any log
 *
 * Nothing is ever asked of docker but these, GET /containers/json, and what metadata.c asks. Life: as inputs.h, whose part it is. Every function takes NULL for an agent without it.
 * Thread: loop.
 */
#ifndef DOGWATCH_AGENT_DOCKER_H
#define DOGWATCH_AGENT_DOCKER_H

#include "input_store.h"

#include "dogwatch/conf/options.h"

#include <uv.h>

struct docker;

/* *ret is given; NULL where docker.socket is empty. DW_ECONFIG, said; DW_ENOMEM. */
DW_MUST_USE int docker_open(const struct dw_agent_options *opt, struct docker **ret);
/* Opens its file in the store, and what is remembered of earlier starts. `share`: as of store_begin. */
DW_MUST_USE int docker_begin(struct docker *d, struct store *store, uint32_t share, const char *agent_dir);
/* Connects from now on; wake(arg, path) says that there is something to be read. */
void docker_start(struct docker *d, uv_loop_t *loop, void (*wake)(void *arg, const char *path), void *arg);
/* A look: connects again, ends what takes too long, writes what could not be written. */
void docker_turn(struct docker *d);
/* Asks no more. */
void docker_stop(struct docker *d);
void docker_free(struct docker *d);

#endif
