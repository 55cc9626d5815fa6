/*
 * cmd_cat: `dogwatch cat FILE...`: every event of frames, queue files and segments as ECS JSON, in the file's order.
 *
 * A file is read by what stands in it: frames one after the other, or a sealed segment. What is no frame is said and passed over,
 * and the exit code says so.
 */
#include "cli_int.h"

#include "dogwatch/event/json_write.h"

#include <fcntl.h>
#include <stdio.h>

enum { FLUSH_BYTES = 1 << 20 };

struct cat {
    struct dw_keys *keys;
    struct dw_decoder *decoder;
    struct dw_buf out;
    uint64_t bad;
};

static void flush(struct cat *c)
{
    if (c->out.len)
        (void)fwrite(c->out.ptr, 1, c->out.len, stdout);
    dw_buf_reset(&c->out);
}

static void print_events(struct cat *c, const struct dw_decoded *f)
{
    for (uint32_t i = 0; i < f->event_count; i++) {
        dw_event_json(c->keys, &f->event[i], NULL, &c->out);
        dw_buf_byte(&c->out, '\n');
        if (c->out.len > FLUSH_BYTES)
            flush(c);
    }
}

static uint32_t magic_at(struct dw_str s)
{
    struct dw_cursor c = dw_cursor_of(s);
    return dw_take_u32(&c);
}

/* Skippable frames that are not ours to show: intake records. 0: none begins here. */
static size_t skippable_len(struct dw_str s)
{
    struct dw_cursor c = dw_cursor_of(s);
    uint32_t magic = dw_take_u32(&c), len = dw_take_u32(&c);
    bool skippable = (magic & 0xfffffff0u) == 0x184D2A50u && magic != DW_MAGIC_HEAD;
    return !c.bad && skippable && len <= dw_cursor_left(&c) ? (size_t)len + 8 : 0;
}

static void cat_frames(struct cat *c, const char *path, struct dw_str rest)
{
    size_t at = 0;
    while (at < rest.len) {
        struct dw_decoded f;
        struct dw_head head;
        size_t len = skippable_len(dw_str_slice(rest, at, rest.len));
        if (len) {
            at += len;
            continue;
        }
        struct dw_str here = dw_str_slice(rest, at, rest.len);
        int rc = dw_head_read(here, &head, &len);
        if (rc == DW_OK && len <= here.len)
            rc = dw_decode(c->decoder, here, &f);
        else if (rc == DW_OK)
            rc = DW_EAGAIN;
        if (rc != DW_OK) {
            (void)fprintf(stderr, "dogwatch: %s: byte %zu: %s\n", path, at, rc == DW_EAGAIN ? "the frame is cut off" : dw_err_text(rc));
            c->bad++;
            return;
        }
        print_events(c, &f);
        at += len;
    }
}

static int cat_sealed(struct cat *c, const char *path)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    int rc = dw_archive_reader_open_file(&dw_fs_system, path, c->keys, &r);
    if (rc < 0)
        return rc;
    while ((rc = dw_archive_reader_next(r, &a)) != DW_EAGAIN && rc != DW_ENOMEM) {
        if (rc < 0) {
            (void)fprintf(stderr, "dogwatch: %s: %s\n", path, dw_err_text(rc));
            c->bad++;
            continue;
        }
        print_events(c, &a.frame);
    }
    dw_archive_reader_close(r);
    return rc == DW_EAGAIN ? DW_OK : rc;
}

int cmd_cat(int argc, char **argv)
{
    struct cli_options o;
    struct cat c = {0};
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count == 0) {
        (void)fprintf(stderr, "usage: dogwatch cat FILE...\n");
        return CLI_USAGE;
    }
    c.keys = dw_keys_new();
    c.decoder = c.keys ? dw_decoder_new(c.keys) : NULL;
    rc = c.decoder ? CLI_YES : CLI_CANNOT;
    for (int i = 0; i < o.rest_count && c.decoder; i++) {
        struct dw_buf bytes = {0};
        int err = dw_fs_read_named(&dw_fs_system, o.rest[i], SIZE_MAX / 2, &bytes);
        if (err == DW_OK && magic_at(dw_buf_view(&bytes)) == 0x184D2A58)
            err = cat_sealed(&c, o.rest[i]);
        else if (err == DW_OK)
            cat_frames(&c, o.rest[i], dw_buf_view(&bytes));
        dw_buf_fini(&bytes);
        if (err < 0) {
            (void)fprintf(stderr, "dogwatch: %s: %s\n", o.rest[i], dw_err_text(err));
            rc = CLI_CANNOT;
        }
    }
    flush(&c);
    dw_buf_fini(&c.out);
    dw_decoder_free(c.decoder);
    dw_keys_free(c.keys);
    return rc == CLI_YES && c.bad ? CLI_NO : rc;
}
