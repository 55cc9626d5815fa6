/*
 * A connection to a collector's HTTP API: over its unix socket, TCP, or TLS.
 */
#ifndef DOGWATCH_CLI_CONNECT_H
#define DOGWATCH_CLI_CONNECT_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/buf.h"

#include <stdbool.h>

enum { CONNECT_HOST_CAP = 300 };

struct connection;

/* Whether this is an address that connection_open takes. */
bool connection_address_ok(const char *server);
/* `server` is unix:PATH, http://HOST[:PORT] or https://HOST[:PORT]; of what follows the port only a `/` may be there. A certificate must be
 * of a CA that this system trusts, or of one in the file that SSL_CERT_FILE names, and for HOST. NULL: `why` has a sentence, and where
 * there is something to do a second line that says it. The caller closes. */
struct connection *connection_open(const char *server, struct dw_buf *why);
/* What a Host header names. Valid until close. */
const char *connection_host(const struct connection *c);
/* Whether nobody on the way can read along: TLS, a unix socket or this host. */
bool connection_is_private(const struct connection *c);
/* Waits so long for something to come. False: nothing did. */
bool connection_wait(struct connection *c, int ms);
/* False: not all was sent; connection_error says why. */
DW_MUST_USE bool connection_send(struct connection *c, struct dw_str bytes);
/* At most `room` bytes; 0: the other end sent all it had; -1: connection_error says why. */
DW_MUST_USE int connection_receive(struct connection *c, char *to, size_t room);
const char *connection_error(const struct connection *c);
/* NULL is fine. */
void connection_close(struct connection *c);
/* Whether somebody listens on a unix socket, as far as this user can see. */
bool connection_is_there(const char *path);

#endif
