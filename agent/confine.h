/*
 * What the agent may do once it has begun: who it is (privilege.c), which files it reaches (sandbox.c), what it asks of the kernel (syscalls.c).
 *
 * All three are one way. Thread: the main one, before there is another: what comes later inherits them.
 */
#ifndef DOGWATCH_AGENT_CONFINE_H
#define DOGWATCH_AGENT_CONFINE_H

#include "dogwatch/conf/options.h"

#include <stdbool.h>

/* Builds with a sanitizer do more at their end than what is built for use. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONFINE_SANITIZED 1
#endif
#endif

/* Started as root: gives DATA to opt->user, becomes that user and keeps CAP_DAC_READ_SEARCH alone; without such a user it stays root with this
 * capability alone, and says so. Started as somebody else: keeps what that user may, but CAP_DAC_READ_SEARCH only of its capabilities. Nobody gains
 * privileges by execve(2) afterwards. codes of fs.h; DW_EACCES: the kernel refused. */
DW_MUST_USE int privilege_drop(const struct dw_agent_options *opt);

/* The folders that are the agent's own: DATA/agent, its spool and inputs, DATA/state, and the queue, where the collector deletes what it took. */
enum { CONFINE_PATH_MAX = 4096, CONFINE_QUEUE = 4, CONFINE_OWN };
/* The path of the i-th. DW_ELIMIT. */
DW_MUST_USE int confine_own(const struct dw_agent_options *opt, unsigned i, char path[CONFINE_PATH_MAX]);

struct sandbox;
/* Landlock: from now on the folders of logs may be read, DATA and queue.dir be written, the folder of the configuration and what libraries
 * need be read; no port may be listened on, and
 * over `dir` none connected to. *ret is given, NULL where opt->sandbox or the kernel has none. DW_ENOTSUP: it is required and there is none; DW_ENOMEM. */
DW_MUST_USE int sandbox_enter(const struct dw_agent_options *opt, const char *config, struct sandbox **ret);
/* A folder of logs that came to be, or was made anew, since: the sandbox does not cover it. NULL: none (nor without a sandbox). */
const char *sandbox_outgrown(const struct sandbox *s);
void sandbox_free(struct sandbox *s);

/* seccomp: from now on system calls but those of tbl/agent_syscalls.h fail with EPERM, and the kernel's log tells. As sandbox_enter. */
DW_MUST_USE int syscalls_limit(const struct dw_agent_options *opt);

#endif
