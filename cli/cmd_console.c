/*
 * cmd_console: `dogwatch console`: a link with a code that signs in at the console of a running collector.
 *
 * The code stands in the fragment, which browsers do not send: it is in no server's log. Invariant: it goes to stdout once, and nowhere else.
 */
#include "console.h"
#include "remote_rows.h"

#include <stdio.h>
#include <stdlib.h>

struct link {
    struct dw_keys *keys;
    char url[512], code[128];
};

static bool take(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct link *l = arg;
    (void)raw;
    (void)snprintf(l->url, sizeof l->url, "%.*s", DW_ARG(remote_text(l->keys, row, "url")));
    (void)snprintf(l->code, sizeof l->code, "%.*s", DW_ARG(remote_text(l->keys, row, "code")));
    return l->code[0] != '\0';
}

/* Who is here over SSH has the browser elsewhere: SSH_CONNECTION is `client port server port`. */
static void say_tunnel(const char *url)
{
    const char *ssh = getenv("SSH_CONNECTION"), *user = getenv("USER"); /* NOLINT(concurrency-mt-unsafe): one thread */
    struct dw_str rest = dw_str_of(ssh ? ssh : ""), u = dw_str_of(url);
    (void)dw_str_cut(&rest, ' ');
    (void)dw_str_cut(&rest, ' ');
    struct dw_str host = dw_str_cut(&rest, ' ');
    size_t colon = u.len;
    while (colon && u.ptr[colon - 1] != ':')
        colon--;
    struct dw_str port = dw_str_slice(u, colon, u.len);
    if (host.len)
        (void)fprintf(stderr, "from your own machine first:\n  ssh -L %.*s:127.0.0.1:%.*s %s%s%.*s\n", DW_ARG(port), DW_ARG(port), user ? user : "", user ? "@" : "", DW_ARG(host));
}

static int print_link(const char *server, const struct link *l)
{
    const char *url = strncmp(server, "unix:", 5) == 0 ? l->url : server;
    if (!*url) {
        (void)fprintf(stderr, "dogwatch console: this collector's HTTP API listens on no port\n  api.listen: 127.0.0.1:7117   in its configuration, or --set collector.api.listen=... of `up`\n");
        return CLI_NO;
    }
    size_t len = strlen(url);
    (void)printf("%.*s/#code=%s\n", (int)(len - (len && url[len - 1] == '/')), url, l->code);
    (void)fprintf(stderr, "good once, for 10 minutes; then for 12 hours in that browser\n");
    say_tunnel(url);
    return CLI_YES;
}

int console_link(const struct cli_options *o)
{
    struct link l = {.keys = dw_keys_new()};
    struct remote_rows r = {.o = o, .keys = l.keys, .method = "POST", .target = "/api/v1/codes", .body = DW_STR("{}"), .row = take, .arg = &l, .one = true};
    int rc = l.keys ? remote_rows(&r) : cli_failed(DW_ENOMEM);
    dw_keys_free(l.keys);
    return rc == CLI_YES ? print_link(o->server, &l) : rc;
}

int cmd_console(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && o.rest_count) {
        (void)fprintf(stderr, "usage: dogwatch console %s\n", cli_arguments("console"));
        rc = CLI_USAGE;
    }
    if (rc != CLI_YES)
        return rc;
    if (!o.server[0] && snprintf(o.server, sizeof o.server, "unix:%s/api.sock", o.data) >= (int)sizeof o.server)
        return CLI_USAGE;
    return console_link(&o);
}
