/*
 * What the agent receives instead of reading it from others' files: syslog over UDP, TCP and TLS, its standard input, and docker's events.
 *
 *     socket -> frames (input_frames.c) -> lines of a file (input_store.c) -> a tail, like any log
 *
 * Life: inputs_open (still root: ports, keys) -> inputs_begin (DATA is ours) -> inputs_start (on the loop) -> inputs_turn ... -> inputs_stop -> inputs_close
 * (before the loop's end) -> inputs_free (after it). Thread: the main one.
 */
#ifndef DOGWATCH_AGENT_INPUTS_H
#define DOGWATCH_AGENT_INPUTS_H

#include "dogwatch/conf/options.h"

#include <uv.h>

struct agent;
struct dw_service;
struct inputs;

/* Binds every place of opt->inputs_syslog, or takes the socket that the service manager kept of it, or opened for it, and reads certificate and key. *ret is given, also where nothing is
 * configured. Said: what cannot be had. DW_ECONFIG, DW_EACCES, DW_EIO, DW_ENOMEM. */
DW_MUST_USE int inputs_open(const struct dw_agent_options *opt, struct dw_service *service, struct inputs **ret);
/* Opens the files in `agent_dir`. */
DW_MUST_USE int inputs_begin(struct inputs *in, const char *agent_dir);
/* Receives from now on; wake(arg, path) says that there is something to be read in a file. */
DW_MUST_USE int inputs_start(struct inputs *in, uv_loop_t *loop, void (*wake)(void *arg, const char *path), void *arg);
/* A look: goes on where there is room again, ends what took too long, says what was lost, deletes files that are done with. `a`: NULL while there is none. */
void inputs_turn(struct inputs *in, struct agent *a);
/* Whether the end of standard input is still to come. */
bool inputs_awaits(const struct inputs *in);
/* Takes what the kernel has of what was sent so far, and closes sockets and standard input. */
void inputs_stop(struct inputs *in);
/* Closes all handles; the loop then has to be run to its end. */
void inputs_close(struct inputs *in);
void inputs_free(struct inputs *in);

/* Whether syslog is to be received, so that the kernel is asked for it. */
bool inputs_listens(const struct dw_agent_options *opt);

#endif
