/*
 * remote: a request to the HTTP API, and the lines of its answer.
 *
 * Idea: HTTP/1.0, so that the answer is what comes until the connection closes. That it is whole is seen by its own last line.
 *
 * Bounds: HEAD_MAX bytes of headers, LINE_BYTES_MAX of a line, TARGET_MAX of a target; silence of SILENT_MS is said, and ends it after
 * SILENCES of them.
 */
#include "remote.h"

#include "connect.h"

#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEAD_MAX = 64 << 10, LINE_BYTES_MAX = 64 << 20, TARGET_MAX = 32 << 10, TOKEN_FILE_MAX = 4096, READ_BYTES = 64 << 10, SILENT_MS = 10000, SILENCES = 400 };

struct answer {
    const struct remote_ask *ask;
    unsigned status; /* 0: the headers have not come yet */
    struct dw_buf in;
    const char *why; /* it is no answer */
};

/* ---- the request ---- */

static int cannot(const char *path, const char *what)
{
    (void)fprintf(stderr, "dogwatch: DOGWATCH_TOKEN_FILE %s: %s\n", path, what);
    return CLI_CANNOT;
}

/* Answers the exit code. A socket that was found and not named knows who asks. */
static int put_token(const struct cli_options *o, const struct connection *c, struct dw_buf *out)
{
    const char *path = getenv("DOGWATCH_TOKEN_FILE"); /* NOLINT(concurrency-mt-unsafe): one thread */
    struct dw_buf text = {0};
    if (!path || !*path || !o->names_server)
        return CLI_YES;
    if (!connection_is_private(c)) {
        (void)fprintf(stderr, "dogwatch: %s: the token could be read on the way\n  https://, or ssh -L 7117:127.0.0.1:7117 HOST and http://127.0.0.1:7117\n", o->server);
        return CLI_USAGE;
    }
    int err = dw_fs_read_file(&dw_fs_system, path, TOKEN_FILE_MAX, &text), rc = CLI_YES;
    struct dw_str token = dw_str_trim(dw_buf_view(&text));
    bool plain = token.len > 0;
    for (size_t i = 0; i < token.len; i++)
        plain &= token.ptr[i] > ' ' && token.ptr[i] < 0x7f;
    if (err < 0)
        rc = cannot(path, dw_err_text(err));
    else if (!plain)
        rc = cannot(path, "one token is needed there, and nothing else");
    else
        dw_buf_printf(out, "Authorization: Bearer %.*s\r\n", DW_ARG(token));
    dw_buf_fini(&text);
    return rc;
}

static int put_request(const struct remote_ask *ask, const struct connection *c, struct dw_buf *out)
{
    dw_buf_printf(out, "%s %s HTTP/1.0\r\nHost: %s\r\n", ask->method, ask->target, connection_host(c));
    if (ask->body.len)
        dw_buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", ask->body.len);
    int rc = put_token(ask->o, c, out);
    dw_buf_printf(out, "\r\n%.*s", DW_ARG(ask->body));
    return rc == CLI_YES ? cli_failed(out->err) : rc;
}

/* ---- the answer ---- */

/* Takes the status line and headers off what has come. False: that is no HTTP. */
static bool take_head(struct answer *a)
{
    struct dw_str in = dw_buf_view(&a->in), end = DW_STR("\r\n\r\n"), first = in;
    size_t at = dw_str_find(in, end);
    uint64_t status;
    if (at == in.len)
        return in.len < HEAD_MAX;
    struct dw_str version = dw_str_cut(&first, ' ');
    if (!dw_str_starts(version, DW_STR("HTTP/1.")) || !dw_str_u64(dw_str_slice(first, 0, 3), &status))
        return false;
    a->status = (unsigned)status;
    a->in.len -= at + end.len;
    memmove(a->in.ptr, a->in.ptr + at + end.len, a->in.len);
    return true;
}

/* Gives whole lines of a 200; an error waits until all of it is there. */
static bool take_lines(struct answer *a)
{
    struct dw_str rest = dw_buf_view(&a->in);
    if (a->status != 200)
        return rest.len < HEAD_MAX;
    a->why = "a line of its answer is none of this API";
    while (dw_str_index(rest, '\n') < rest.len)
        if (!a->ask->line(a->ask->arg, dw_str_cut(&rest, '\n')))
            return false;
    if (rest.len)
        memmove(a->in.ptr, rest.ptr, rest.len);
    a->in.len = rest.len;
    a->why = "a line of its answer is over 64 MiB";
    return rest.len < LINE_BYTES_MAX;
}

/* Waits for more, and says so. False: in vain. */
static bool wait(struct answer *a, struct connection *c)
{
    for (int i = 0; i < SILENCES; i++) {
        if (connection_wait(c, SILENT_MS))
            return true;
        if (i == 0)
            (void)fprintf(stderr, "dogwatch: %s has said nothing for %d s; waiting%s\n", a->ask->o->server, SILENT_MS / 1000,
                a->ask->o->names_server ? "" : " (--data DIR reads without it)");
    }
    a->why = "it says nothing";
    return false;
}

/* False: that is no answer, or not all of it. */
static bool receive(struct answer *a, struct connection *c)
{
    for (;;) {
        char *room = dw_buf_reserve(&a->in, READ_BYTES);
        if (room && !wait(a, c))
            return false;
        int n = room ? connection_receive(c, room, READ_BYTES) : -1;
        a->why = !room ? dw_err_text(DW_ENOMEM) : n < 0 ? connection_error(c) : "that is no answer of an HTTP API; https:// if the port speaks TLS";
        if (n < 0 || (n == 0 && !a->status))
            return false;
        if (n == 0)
            return true;
        a->in.len += (size_t)n;
        if ((!a->status && !take_head(a)) || (a->status && !take_lines(a)))
            return false;
    }
}

void remote_say(const char *before, struct dw_str text)
{
    do {
        struct dw_buf shown = {0};
        cli_shown(&shown, dw_str_cut(&text, '\n'));
        (void)fprintf(stderr, "%s%.*s\n", before, DW_ARG(dw_buf_view(&shown)));
        dw_buf_fini(&shown);
    } while (text.len);
}

struct error_texts {
    struct dw_buf message, hint, text;
};

static void read_error(const struct answer *a, struct error_texts *e)
{
    struct dw_json j;
    struct dw_json_token t;
    struct dw_buf *to = NULL;
    dw_json_start(&j, dw_buf_view(&a->in));
    while (dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        if (t.type == DW_JSON_STRING && to)
            (void)dw_json_unescape(t.text, to); /* what is cut off is shown as far as it came */
        to = t.type != DW_JSON_KEY ? NULL : dw_str_eq(t.text, DW_STR("message")) ? &e->message : dw_str_eq(t.text, DW_STR("hint")) ? &e->hint
            : dw_str_eq(t.text, DW_STR("text")) ? &e->text : NULL;
    }
}

/* {"error":{"message":...,"hint":...,"text":...}}: the text, which shows where a query is wrong, or else what is wrong and what to do. */
static int say_error(const struct answer *a)
{
    struct error_texts e = {.text.len = 0};
    read_error(a, &e);
    bool ours = e.message.len > 0;
    struct dw_str hint = dw_buf_view(&e.hint);
    if (ours && e.text.len) {
        remote_say("", dw_buf_view(&e.text));
    } else {
        (void)fprintf(stderr, "dogwatch: %s: ", a->ask->o->server);
        remote_say("", ours ? dw_buf_view(&e.message) : DW_STR("that is no collector of dogwatch"));
        if (hint.len && !dw_str_starts(hint, DW_STR("/"))) /* a route is for programs */
            remote_say("  ", hint);
    }
    if (ours && a->status == 401)
        (void)fprintf(stderr, "  the token is read from the file that DOGWATCH_TOKEN_FILE names\n");
    dw_buf_fini(&e.message);
    dw_buf_fini(&e.hint);
    dw_buf_fini(&e.text);
    return ours && a->status == 400 ? CLI_USAGE : ours && (a->status == 409 || (a->status == 404 && a->ask->of_one)) ? CLI_NO : CLI_CANNOT;
}

static int talk(struct answer *a, struct connection *c, struct dw_str request)
{
    const char *server = a->ask->o->server;
    if (!connection_send(c, request)) {
        (void)fprintf(stderr, "dogwatch: %s: %s\n", server, connection_error(c));
        return CLI_CANNOT;
    }
    if (!receive(a, c)) {
        (void)fprintf(stderr, "dogwatch: %s: %s\n", server, a->why);
        return CLI_CANNOT;
    }
    return a->status == 200 ? CLI_YES : say_error(a);
}

int remote_send(const struct remote_ask *ask)
{
    struct answer a = {.ask = ask};
    struct dw_buf request = {0}, said = {0};
    if (strlen(ask->target) > TARGET_MAX) {
        (void)fprintf(stderr, "dogwatch: %s: what is asked for is too long for a server: over %d bytes\n", ask->o->server, TARGET_MAX);
        return CLI_USAGE;
    }
    struct connection *c = connection_open(ask->o->server, &said);
    if (!c) {
        (void)fprintf(stderr, "dogwatch: %s: %.*s\n", ask->o->server, DW_ARG(dw_buf_view(&said)));
        dw_buf_fini(&said);
        return CLI_CANNOT;
    }
    int rc = put_request(ask, c, &request);
    if (rc == CLI_YES)
        rc = talk(&a, c, dw_buf_view(&request));
    connection_close(c);
    dw_buf_fini(&request);
    dw_buf_fini(&a.in);
    return rc;
}

void remote_put_escaped(struct dw_buf *target, struct dw_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char ch = (unsigned char)value.ptr[i];
        bool plain = (ch >= '0' && ch <= '9') || ((ch | 32) >= 'a' && (ch | 32) <= 'z') || ch == '-' || ch == '.' || ch == '_' || ch == '~';
        if (plain)
            dw_buf_byte(target, ch);
        else
            dw_buf_printf(target, "%%%02X", ch);
    }
}

void remote_put_param(struct dw_buf *target, const char *name, struct dw_str value)
{
    dw_buf_printf(target, "%c%s=", dw_str_index(dw_buf_view(target), '?') == target->len ? '?' : '&', name);
    remote_put_escaped(target, value);
}

void remote_put_range(struct dw_buf *target, const struct cli_options *o)
{
    const struct {
        const char *name;
        int64_t ns, none;
    } ends[] = {{"since", o->since_ns, INT64_MIN}, {"until", o->until_ns, INT64_MAX}};
    for (size_t i = 0; i < DW_COUNT_OF(ends); i++) {
        struct dw_buf text = {0};
        if (ends[i].ns == ends[i].none)
            continue;
        dw_time_text(&text, ends[i].ns);
        remote_put_param(target, ends[i].name, dw_buf_view(&text));
        dw_buf_fini(&text);
    }
}
