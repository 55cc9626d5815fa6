/*
 * What a service manager and a program of ours tell each other: that it is ready, that it lives, and descriptors that outlive it.
 *
 * The manager is systemd (NOTIFY_SOCKET, LISTEN_FDS) or `dogwatch up`, which hands over one end of a pair of sockets (DOGWATCH_NOTIFY_FD). Without one
 * nothing is told and nothing kept. Source: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3). Thread: the main one.
 */
#ifndef DOGWATCH_CONF_SERVICE_H
#define DOGWATCH_CONF_SERVICE_H

#include "dogwatch/base/assert.h"

#include <stdbool.h>
#include <stdint.h>

enum { DW_SERVICE_KEPT_MAX = 8000, DW_SERVICE_NAME = 40 };

/* A descriptor that was kept for us; the program's to close. */
struct dw_service_fd {
    int fd; /* -1: taken */
    char name[DW_SERVICE_NAME];
};

struct dw_service {
    int socket; /* -1: nobody listens */
    struct dw_service_fd *kept;
    uint32_t kept_count;
    int64_t again_ns; /* a manager that did not read is let alone until then */
    bool said;        /* ... and that was said */
    int64_t watchdog_ns, told_ns; /* how often it wants to hear that we live, 0: not at all */
};

/* Takes what the environment says, out of it too, so that no child mistakes it for its own. Before sandbox and threads. DW_ENOMEM. */
DW_MUST_USE int dw_service_begin(struct dw_service *s);
/* Closes what nobody took. */
void dw_service_end(struct dw_service *s);
/* "READY=1", "STOPPING=1". */
void dw_service_tell(struct dw_service *s, const char *what);
/* That we live, when it is due; each turn of a loop. */
void dw_service_live(struct dw_service *s, int64_t mono_ns);
/* Has a copy of a descriptor kept under a name (letters, digits, '-'), until it is let go; `fd` stays the caller's. False: nobody keeps it. */
bool dw_service_keep(struct dw_service *s, int fd, const char *name);
void dw_service_let_go(struct dw_service *s, const char *name);

#endif
