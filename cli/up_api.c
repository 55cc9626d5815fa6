/*
 * up_api: the port that the HTTP API of `dogwatch up` gets: 7117, or a free one when somebody else has it.
 *
 * The port is looked for here and taken by the collector a moment later; should somebody take it in between, the collector says so and
 * serves its unix socket alone.
 */
#include "up.h"

#include "connect.h"
#include "console.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { USUAL_PORT = 7117 };

/* The port that could be bound on loopback: `port`, or any when that is 0; 0: none. */
static uint16_t try_port(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* as the collector does */
    bool bound = bind(fd, (const struct sockaddr *)&at, len) == 0 && listen(fd, 1) == 0
        && getsockname(fd, (struct sockaddr *)&at, &len) == 0;
    (void)close(fd);
    return bound ? ntohs(at.sin_port) : 0;
}

void up_choose_api(struct up *u)
{
    uint16_t port = up_is_set(u, "api.listen") ? 0 : try_port(USUAL_PORT);
    u->api_moved = port == 0 && !up_is_set(u, "api.listen");
    if (u->api_moved)
        port = try_port(0);
    if (port) /* else a --set says where, or the collector says what it cannot do */
        (void)snprintf(u->api, sizeof u->api, "127.0.0.1:%u", (unsigned)port);
}

void up_offer_console(struct up *u)
{
    static struct cli_options o; /* its paths are too much for a stack */
    if (u->console_said || u->until_idle || !isatty(STDOUT_FILENO))
        return;
    if (snprintf(o.server, sizeof o.server, "unix:%s/api.sock", u->data) >= (int)sizeof o.server || !connection_is_there(o.server + strlen("unix:")))
        return;
    u->console_said = true;
    (void)console_link(&o);
}

void up_say_api(const struct up *u)
{
    if (u->api[0])
        (void)fprintf(stderr, "  HTTP API on http://%s%s; `dogwatch token add NAME --role hunt --data %s` lets somebody in\n", u->api,
            u->api_moved ? ", for 7117 is taken" : "", u->data);
}
