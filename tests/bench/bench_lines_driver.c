/*
 * bench_lines_driver: stdin through dw_lines, one JSON object a line out; for tools/score_lines.py.
 *
 * usage: bench_lines_driver ENVELOPE MULTILINE [START_PATTERN] [--no-join]
 */
#include "dogwatch/event/json_write.h"
#include "dogwatch/parsers/lines.h"

#include <stdio.h>
#include <unistd.h>

static const char *const outs[] = {"", "stdout", "stderr"};

static int on_line(void *arg, const struct dw_line *l)
{
    struct dw_buf *out = arg;
    dw_buf_str(out, DW_STR("{\"message\":"));
    (void)dw_json_string(out, l->text);
    dw_buf_str(out, DW_STR(",\"message_hex\":\""));
    for (size_t i = 0; i < l->text.len; i++)
        dw_buf_printf(out, "%02x", (unsigned char)l->text.ptr[i]);
    dw_buf_printf(out, "\",\"stream\":\"%s\",\"start\":%llu,\"end\":%llu", outs[l->out], (unsigned long long)l->piece[0].start,
        (unsigned long long)l->piece[l->piece_count - 1].end);
    if (l->has_env_time) {
        dw_buf_str(out, DW_STR(",\"timestamp\":\""));
        dw_time_text(out, l->env_time_ns);
        dw_buf_byte(out, '"');
    }
    if (l->flags & DW_LINE_ENVELOPE_TORN)
        dw_buf_str(out, DW_STR(",\"error\":true"));
    dw_buf_str(out, DW_STR("}\n"));
    return out->err;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    (void)arg;
    (void)d;
    return 0;
}

static bool envelope_of(struct dw_str name, enum dw_envelope *ret)
{
    static const char *const names[] = {"plain", "docker", "cri", "auto"};
    for (int i = 0; i < 4; i++)
        if (dw_str_eq(name, dw_str_of(names[i])))
            return *ret = (enum dw_envelope)i, true;
    return false;
}

int main(int argc, char **argv)
{
    struct dw_lines_conf conf = {.line_max = 256 * 1024, .join_span_max = 4 << 20};
    if (argc < 3 || !envelope_of(dw_str_of(argv[1]), &conf.envelope) || !dw_multiline_find(dw_str_of(argv[2]), &conf.multiline)) {
        fprintf(stderr, "usage: %s ENVELOPE MULTILINE [START_PATTERN] [--no-join]\n", argv[0]);
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (dw_str_eq(dw_str_of(argv[i]), DW_STR("--no-join")))
            conf.no_join = true;
        else
            conf.multiline_start = dw_str_of(argv[i]);
    }
    struct dw_buf in = {0}, text = {0};
    for (ssize_t n = 1; n > 0;) {
        char *to = dw_buf_reserve(&in, 1 << 16);
        n = to ? read(0, to, 1 << 16) : 0;
        in.len += n > 0 ? (size_t)n : 0;
    }
    struct dw_lines *l = dw_lines_new(&conf, 0);
    struct dw_lines_out out = {.arg = &text, .line = on_line, .declare = on_declare};
    size_t used = 0;
    int rc = l ? dw_lines_feed(l, dw_buf_view(&in), &out, &used) : -1;
    if (rc == 0)
        rc = dw_lines_flush(l, dw_str_slice(dw_buf_view(&in), used, in.len), &out);
    if (text.len)
        (void)fwrite(text.ptr, 1, text.len, stdout);
    dw_lines_free(l);
    dw_buf_fini(&in);
    dw_buf_fini(&text);
    return rc < 0;
}
