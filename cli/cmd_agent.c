/*
 * cmd_agent: `dogwatch agent status|explain|tap|metrics`: asks the agent that runs over DATA, through its control socket.
 *
 * What it answers goes out as it comes: lines for people on a terminal, else JSON, one object a line.
 */
#include "cli_int.h"
#include "connect.h"

#include <stdio.h>
#include <unistd.h>

enum { HEAD_MAX = 16 * 1024, CHUNK = 16 * 1024, SILENT_MS = 10000 };

static bool is_plain(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '/' || ch == '-' || ch == '_' || ch == '.';
}

static void put_value(struct dw_buf *out, const char *text)
{
    for (; *text; text++)
        if (is_plain(*text))
            dw_buf_byte(out, (uint8_t)*text);
        else
            dw_buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

/* Where a file is that was named from here. */
static bool put_file(struct dw_buf *out, const char *file)
{
    char dir[CLI_PATH_MAX], path[CLI_PATH_MAX];
    if (file[0] == '/') {
        put_value(out, file);
        return true;
    }
    if (!getcwd(dir, sizeof dir) || dw_path_join(path, sizeof path, dir, file) < 0)
        return false;
    put_value(out, path);
    return true;
}

/* A line of what was answered: texts of logs do not move the terminal. */
static void put_out(struct dw_buf *lines, bool safe, bool all)
{
    struct dw_str rest = dw_buf_view(lines);
    size_t end = rest.len;
    while (!all && end > 0 && rest.ptr[end - 1] != '\n')
        end--;
    struct dw_str whole = dw_str_slice(rest, 0, end);
    while (safe && whole.len) {
        cli_put_safe(dw_str_cut(&whole, '\n'));
        (void)putchar('\n');
    }
    if (!safe)
        (void)fwrite(whole.ptr, 1, whole.len, stdout);
    (void)fflush(stdout);
    memmove(lines->ptr, lines->ptr + end, lines->len - end);
    lines->len -= end;
}

/* What came after the head goes to stdout; when the answer is no, to stderr as the reason. */
static int receive(struct connection *c, bool safe)
{
    struct dw_buf in = {0};
    char bytes[CHUNK];
    bool head = true, good = false, busy = true;
    int n;
    while (!in.err && (n = connection_receive(c, bytes, sizeof bytes)) > 0) {
        dw_buf_add(&in, bytes, (size_t)n);
        size_t end = head ? dw_str_find(dw_buf_view(&in), DW_STR("\r\n\r\n")) : 0;
        if (head && (end == in.len || in.err))
            continue;
        if (head) {
            good = dw_str_starts(dw_buf_view(&in), DW_STR("HTTP/1.1 200 "));
            busy = dw_str_starts(dw_buf_view(&in), DW_STR("HTTP/1.1 503 "));
            memmove(in.ptr, in.ptr + end + 4, in.len - end - 4);
            in.len -= end + 4;
            head = false;
        }
        if (good)
            put_out(&in, safe, false);
        else if (in.len > HEAD_MAX)
            break;
    }
    if (good && in.len)
        put_out(&in, safe, true);
    if (!good) {
        (void)fprintf(stderr, "dogwatch agent: ");
        (void)fflush(stderr);
        (void)fwrite(in.ptr ? in.ptr : "no answer\n", 1, in.ptr ? in.len : strlen("no answer\n"), stderr);
    }
    dw_buf_fini(&in);
    return good ? CLI_YES : busy ? CLI_CANNOT : CLI_NO;
}

static int ask(const struct cli_options *o, struct dw_str target, bool safe)
{
    char server[CLI_PATH_MAX + 32];
    struct dw_buf why = {0}, request = {0};
    (void)snprintf(server, sizeof server, "unix:%s/agent/control.sock", o->data);
    struct connection *c = connection_open(server, &why);
    if (!c) {
        struct dw_str said = dw_buf_view(&why), reason = dw_str_cut(&said, '\n');
        (void)fprintf(stderr, "dogwatch: no agent answers over %s: %.*s\n", o->data, DW_ARG(reason));
        (void)fprintf(stderr, "  is it running over this folder (--data), and may you ask it (its user, or a member of its group)?\n");
        dw_buf_fini(&why);
        return CLI_CANNOT;
    }
    dw_buf_printf(&request, "GET %.*s HTTP/1.1\r\nHost: agent\r\n\r\n", DW_ARG(target));
    int rc = CLI_CANNOT;
    if (request.err || !connection_send(c, dw_buf_view(&request)))
        (void)fprintf(stderr, "dogwatch: %s\n", connection_error(c));
    else if (!connection_wait(c, SILENT_MS))
        (void)fprintf(stderr, "dogwatch: the agent over %s said nothing for %d s: is it stopped, or its host very busy?\n", o->data, SILENT_MS / 1000);
    else
        rc = receive(c, safe);
    connection_close(c);
    dw_buf_fini(&request);
    dw_buf_fini(&why);
    return rc;
}

/* What the table has under a word: `dogwatch agent WORD` asks for /WORD. */
static const struct word {
    const char *path, *argument;
} words[] = {
#define ASK(id, path, argument, who, doc) {path, argument},
#include "dogwatch/tbl/agent_asks.h"
#undef ASK
};

static const struct word *word_of(const char *text)
{
    for (size_t i = 0; i < DW_COUNT_OF(words); i++)
        if (strcmp(words[i].path + 1, text) == 0)
            return &words[i];
    return NULL;
}

/* Makes a target of it; false: it is asked for in another way. A tap without a word is of everything. */
static bool put_target(struct dw_buf *target, const struct word *w, const char *argument, bool table)
{
    bool file = strcmp(w->argument, "file") == 0;
    if ((argument && !w->argument[0]) || (!argument && file))
        return false;
    dw_buf_printf(target, "%s%s", w->path, table ? "?as=text" : "?");
    if (!argument)
        return true;
    dw_buf_printf(target, "&%s=", w->argument);
    if (file)
        return put_file(target, argument);
    put_value(target, argument);
    return true;
}

int cmd_agent(int argc, char **argv)
{
    struct cli_options o;
    struct dw_buf target = {0};
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    const struct word *w = o.rest_count && o.rest_count <= 2 ? word_of(o.rest[0]) : NULL;
    bool table = o.output == OUTPUT_TABLE, known = w && put_target(&target, w, o.rest_count == 2 ? o.rest[1] : NULL, table);
    if (known) {
        rc = ask(&o, dw_buf_view(&target), table);
    } else {
        (void)fprintf(stderr, "usage: dogwatch agent %s\n", cli_arguments("agent"));
        rc = CLI_USAGE;
    }
    dw_buf_fini(&target);
    return rc;
}
