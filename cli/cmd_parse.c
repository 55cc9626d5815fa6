/*
 * cmd_parse: `dogwatch parse`: log text in, one ECS event a line out, in order.
 *
 * Idea: the same lines and parsers as the agent's, without files, state or network, to try a format on a sample.
 *
 * Invariants: (1) every line of input gives exactly one line of output, also one that no parser takes (tagged
 * unparsed); (2) events go to stdout, all else to stderr.
 */
#include "cmd.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/parsers/lines.h"
#include "dogwatch/parsers/parser.h"
#include "dogwatch/parsers/userformat.h"

#include <stdio.h>
#include <unistd.h>

enum { EXIT_YES, EXIT_NO, EXIT_USAGE, EXIT_CANNOT };
enum { READ_BYTES = 256 * 1024, LINE_BYTES_MAX = 16 << 20, OUT_BYTES = 256 * 1024 };

struct parse_opts {
    const struct dw_parser *parser; /* NULL: probe each line */
    struct dw_zone zone;
    struct dw_lines_conf lines;
    int64_t now_ns;
    bool null_ends, explain;
    const char *log_format;      /* or NULL */
    struct dw_user_format *user; /* compiled of it; owned */
};

struct parse_run {
    const struct parse_opts *o;
    struct dw_parse_ctx ctx;
    struct dw_keys *keys;
    struct dw_arena pool;
    struct dw_field field[DW_EVENT_FIELDS_MAX];
    struct dw_buf out;
    uint64_t count, unparsed;
};

static int usage(void)
{
    fputs("usage: dogwatch parse --format NAME|auto [options] < text > events\n"
          "  --zone TZ             zone of times without one: name, abbreviation or offset (UTC)\n"
          "  --now TIME            what times without year are near to (the clock)\n"
          "  --envelope KIND       plain, docker, cri or auto (plain)\n"
          "  --multiline KIND      how lines become one event: none, indent, trace, auditd, ... (none; docs: multiline.md)\n"
          "  --null                lines end with NUL, so that they may hold newlines\n"
          "  --explain             says on stderr which format each line was taken for\n"
          "  --log-format TEXT     the server's own format (nginx_access, apache_access, haproxy_log)\n"
          "  --list                names the formats\n",
        stderr);
    return EXIT_USAGE;
}

static int list_formats(void)
{
    size_t count;
    const struct dw_parser *p = dw_parser_table(&count);
    for (size_t i = 0; i < count; i++)
        printf("%-26s %s\n", p[i].name, p[i].doc);
    return EXIT_YES;
}

static int write_all(struct dw_buf *out)
{
    int err = out->err;
    if (!err && out->len && fwrite(out->ptr, 1, out->len, stdout) != out->len)
        err = DW_EIO;
    dw_buf_reset(out);
    return err;
}

static void explain(const struct parse_run *r, const struct dw_parser *p, int err, struct dw_str text, uint32_t fields)
{
    if (!p)
        fprintf(stderr, "%llu: no format probes\n", (unsigned long long)r->count);
    else
        fprintf(stderr, "%llu: %s (probes %d): %s, %u fields\n", (unsigned long long)r->count, p->name, p->probe(text),
            err ? "refused" : "taken", fields);
}

static int event(struct parse_run *r, struct dw_str text, const struct dw_line *line)
{
    struct dw_draft d = {.keys = r->keys, .pool = &r->pool, .field = r->field};
    dw_arena_reset(&r->pool);
    r->count++;
    const struct dw_parser *p = r->o->parser ? r->o->parser : dw_parser_probe(text);
    int err = DW_ESYNTAX;
    dw_draft_reset(&d, text);
    if (p)
        err = dw_parser_run(p, &r->ctx, text, &d);
    if (err && err != DW_ESYNTAX)
        return err;
    if (err) {
        r->unparsed++;
        dw_draft_const(&d, DW_F_tags, "unparsed");
    }
    if (r->o->explain)
        explain(r, p, err, text, d.field_count);
    int64_t other = line && line->has_env_time ? line->env_time_ns : r->o->now_ns;
    struct dw_event ev = {.time_ns = d.has_time ? d.time_ns : other,
        .read_at_ns = r->o->now_ns,
        .line = text,
        .field_count = d.field_count,
        .field = d.field,
        .out = line ? line->out : DW_OUT_NONE};
    dw_event_json(
        r->keys, &ev, &(struct dw_event_extra){.whole_message = true}, &r->out); /* what the parser said, all of it */
    dw_buf_byte(&r->out, '\n');
    return r->out.len > OUT_BYTES || r->out.err ? write_all(&r->out) : DW_OK;
}

static int on_line(void *arg, const struct dw_line *l)
{
    return event(arg, l->text, l);
}

static int on_declared(void *arg, const struct dw_declared *d)
{
    (void)arg;
    fprintf(stderr, "dogwatch parse: bytes %llu to %llu: %s\n", (unsigned long long)d->start,
        (unsigned long long)d->end, d->reason);
    return DW_OK;
}

/* Takes whole lines out of `in`; at the end what is left too. */
static int feed(struct parse_run *r, struct dw_lines *lines, struct dw_buf *in, bool end)
{
    const struct dw_lines_out out = {r, on_line, on_declared};
    size_t used = 0;
    int err = dw_lines_feed(lines, dw_buf_view(in), &out, &used);
    if (used < in->len)
        memmove(in->ptr, in->ptr + used, in->len - used);
    in->len -= used;
    if (!err && end)
        err = dw_lines_flush(lines, dw_buf_view(in), &out);
    return err;
}

/* The same with NUL as the end of a line. */
static int feed_null(struct parse_run *r, struct dw_buf *in, bool end)
{
    struct dw_str rest = dw_buf_view(in);
    int err = DW_OK;
    while (!err && rest.len) {
        size_t n = dw_str_index(rest, '\0');
        if (n == rest.len && !end)
            break;
        struct dw_str text = dw_str_slice(rest, 0, n);
        while (text.len && text.ptr[text.len - 1] == '\n')
            text.len--;
        err = event(r, text, NULL);
        rest = dw_str_slice(rest, n + 1, rest.len);
    }
    if (rest.len)
        memmove(in->ptr, rest.ptr, rest.len);
    in->len = rest.len;
    return err ? err : in->len > LINE_BYTES_MAX ? DW_ELIMIT : DW_OK;
}

static int read_all(struct parse_run *r, struct dw_lines *lines)
{
    struct dw_buf in = {0};
    int err = DW_OK;
    ssize_t n = 1;
    while (!err && n > 0) {
        char *to = dw_buf_reserve(&in, READ_BYTES);
        n = to ? read(STDIN_FILENO, to, READ_BYTES) : -1;
        if (n < 0) {
            err = to ? DW_EIO : DW_ENOMEM;
            break;
        }
        in.len += (size_t)n;
        err = r->o->null_ends ? feed_null(r, &in, n == 0) : feed(r, lines, &in, n == 0);
    }
    dw_buf_fini(&in);
    return err;
}

static int run(const struct parse_opts *o)
{
    struct parse_run *r = dw_calloc(1, sizeof *r);
    struct dw_lines *lines = dw_lines_new(&o->lines, 0);
    int err = DW_ENOMEM;
    if (r && lines) {
        r->o = o;
        r->ctx = (struct dw_parse_ctx){.time = {&o->zone, o->now_ns}, .user = o->user};
        dw_arena_init(&r->pool, 0);
        r->keys = dw_keys_new();
        err = r->keys ? read_all(r, lines) : DW_ENOMEM;
        int written = write_all(&r->out);
        if (!err)
            err = written;
        if (r->unparsed)
            fprintf(stderr, "dogwatch parse: %llu of %llu lines unparsed\n", (unsigned long long)r->unparsed,
                (unsigned long long)r->count);
        dw_keys_free(r->keys);
        dw_arena_fini(&r->pool);
        dw_buf_fini(&r->out);
    }
    dw_lines_free(lines);
    dw_free(r);
    if (fflush(stdout) != 0 && !err)
        err = DW_EIO;
    if (err)
        fprintf(stderr, "dogwatch parse: %s\n", dw_err_text(err));
    return err ? EXIT_CANNOT : EXIT_YES;
}

static bool choose(const char *value, const char *const *names, size_t count, unsigned *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value, names[i]) == 0) {
            *ret = (unsigned)i;
            return true;
        }
    }
    return false;
}

/* One option with its value. False: a mistake, said on stderr. */
static bool option(struct parse_opts *o, const char *name, const char *value)
{
    static const char *const envelopes[] = {"plain", "docker", "cri", "auto", "received"};
    const struct dw_time_ref utc = {NULL, 0};
    unsigned n = 0;
    bool ok = false;
    if (strcmp(name, "--format") == 0) {
        o->parser = dw_parser_find(dw_str_of(value));
        ok = o->parser || strcmp(value, "auto") == 0;
    } else if (strcmp(name, "--zone") == 0) {
        dw_zone_fini(&o->zone);
        ok = dw_zone_find(&dw_fs_system, dw_str_of(value), &o->zone) == DW_OK;
    } else if (strcmp(name, "--now") == 0) {
        ok = dw_time_parse(dw_str_of(value), &utc, &o->now_ns) == DW_OK;
    } else if (strcmp(name, "--envelope") == 0) {
        ok = choose(value, envelopes, DW_COUNT_OF(envelopes), &n);
        o->lines.envelope = (enum dw_envelope)n;
    } else if (strcmp(name, "--log-format") == 0) {
        o->log_format = value;
        ok = true;
    } else if (strcmp(name, "--multiline") == 0) {
        ok = dw_multiline_find(dw_str_of(value), &o->lines.multiline) && o->lines.multiline != DW_MULTILINE_START;
    } else {
        fprintf(stderr, "dogwatch parse: unknown option %s\n", name);
        return false;
    }
    if (!ok)
        fprintf(stderr, "dogwatch parse: %s does not know '%s'%s\n", name, value,
            strcmp(name, "--format") == 0 ? "; see --list" : "");
    return ok;
}

/* Compiles --log-format; the exit code of a mistake, or -1. */
static int compile_user(struct parse_opts *o)
{
    static struct dw_diags diags;
    struct dw_buf out = {0};
    if (!o->parser)
        return usage();
    dw_diags_init(&diags, DW_STR("--log-format"), dw_str_of(o->log_format));
    int err = dw_user_format_compile(o->parser, dw_str_of(o->log_format), &diags, &o->user);
    if (err == DW_ECONFIG)
        dw_diags_print(&diags, &out);
    else if (err)
        dw_buf_printf(&out, "dogwatch parse: %s takes no --log-format: %s\n", o->parser->name, dw_err_text(err));
    (void)fwrite(out.ptr ? out.ptr : "", 1, out.len, stderr);
    dw_buf_fini(&out);
    return err == DW_ENOMEM ? EXIT_CANNOT : err ? EXIT_USAGE : -1;
}

int cmd_parse(int argc, char **argv)
{
    struct parse_opts o = {.lines = {.line_max = LINE_BYTES_MAX, .join_span_max = LINE_BYTES_MAX}};
    bool format = false;
    int code = -1;
    o.now_ns = dw_clock_real(&dw_clock_system);
    for (int i = 1; i < argc && code < 0; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            code = list_formats();
        } else if (strcmp(argv[i], "--null") == 0) {
            o.null_ends = true;
        } else if (strcmp(argv[i], "--explain") == 0) {
            o.explain = true;
        } else if (i + 1 < argc) {
            format = format || strcmp(argv[i], "--format") == 0;
            if (!option(&o, argv[i], argv[i + 1]))
                code = EXIT_USAGE;
            i++;
        } else {
            code = usage();
        }
    }
    if (code < 0 && o.log_format)
        code = compile_user(&o);
    if (code < 0)
        code = format ? run(&o) : usage();
    dw_user_format_free(o.user);
    dw_zone_fini(&o.zone);
    return code;
}
