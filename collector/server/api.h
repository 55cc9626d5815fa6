/*
 * The HTTP API (docs/reference/api.md): over TCP where the configuration says, and over the unix socket DATA/api.sock.
 *
 * It reads DATA as the commands do and shares nothing with the loop but what is named here, so that it cannot stop the intake of
 * frames. Its threads are its own. Thread: the collector's loop.
 */
#ifndef DOGWATCH_SERVER_API_H
#define DOGWATCH_SERVER_API_H

#include "dogwatch/conf/options.h"

struct api;
struct dw_policy_settings;
struct rules_used;

/* Whether the options may be: DW_ECONFIG, said with what to do. */
DW_MUST_USE int api_check(const struct dw_collector_options *opt);
/* Starts. What cannot be (a port that is taken, a socket's path too long) is said and left out: frames are worth more. Keeps `opt`,
 * and `policy`, which nobody changes any more, and holds `rules`. DW_ENOMEM; *ret is given all the same. */
DW_MUST_USE int api_start(const struct dw_collector_options *opt, struct rules_used *rules, const struct dw_policy_settings *policy, struct api **ret);
/* From now on answers are of these rules, which it holds in place of those before. */
void api_use_rules(struct api *a, struct rules_used *rules);
/* The loop has turned: frames are taken in. */
void api_turned(struct api *a);
/* Ends every answer and waits for the threads. NULL is fine. */
void api_stop(struct api *a);

#endif
