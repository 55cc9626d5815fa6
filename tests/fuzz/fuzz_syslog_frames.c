/*
 * fuzz_syslog_frames: any bytes as a connection of syslog, and each message that comes out as a line of a file and back.
 *
 * The first byte chooses the step in which the rest is fed. Oracle: in steps and at once give the same messages; no message is over the limit; what is written as a
 * line is one line and reads back as the same message of the same peer.
 */
#include "../../agent/input_frames.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/parsers/lines.h"
#include "dogwatch/parsers/received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 256 };

struct seen {
    uint64_t hash;
    uint32_t messages, broken;
};

struct back {
    struct dw_str text, peer;
    uint32_t flags, lines;
};

static int on_line(void *arg, const struct dw_line *l)
{
    struct back *b = arg;
    DW_ASSERT(dw_str_eq(l->text, b->text) && dw_str_eq(l->peer, b->peer) && l->flags == b->flags && l->out == DW_OUT_NONE);
    b->lines++;
    return DW_OK;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    (void)arg;
    (void)d;
    DW_NEVER("a line within the limit is not cut");
    return DW_OK;
}

static void there_and_back(struct dw_str text, uint64_t cut, bool unterminated)
{
    struct dw_buf line = {0}, peer = {0};
    struct dw_lines_conf conf = {.envelope = DW_ENV_RECEIVED, .line_max = 128 * 1024, .join_span_max = 1024};
    struct dw_lines *l = dw_lines_new(&conf, 0);
    size_t used = 0;
    dw_received_peer_put(&peer, &(struct dw_received_peer){.address = DW_STR("[::1]:514"), .fingerprint = DW_STR("00ff"), .subject = text});
    struct back b = {.text = text, .peer = dw_buf_view(&peer), .flags = (cut ? DW_LINE_CUT : 0) | (unterminated ? DW_LINE_UNTERMINATED : 0)};
    struct dw_lines_out out = {.arg = &b, .line = on_line, .declare = on_declare};
    size_t lost = dw_received_put(&line, &(struct dw_received_line){.time_ns = 1, .peer = b.peer, .text = text, .cut_bytes = cut, .unterminated = unterminated});
    DW_ASSERT(l && !line.err && !peer.err && lost == 0 && dw_str_index(dw_buf_view(&line), '\n') == line.len - 1 && dw_str_index(b.peer, ' ') == b.peer.len);
    DW_ASSERT(dw_lines_feed(l, dw_buf_view(&line), &out, &used) == DW_OK && used == line.len && b.lines == 1);
    dw_lines_free(l);
    dw_buf_fini(&line);
    dw_buf_fini(&peer);
}

static void on_message(void *arg, struct dw_str text, uint64_t cut, bool unterminated)
{
    struct seen *s = arg;
    DW_ASSERT(text.len && text.len <= MESSAGE_MAX);
    s->hash = dw_hash((struct dw_hash_key){s->hash, cut ^ (uint64_t)unterminated << 63}, text);
    s->messages++;
    there_and_back(text, cut, unterminated);
}

static void on_broken(void *arg)
{
    ((struct seen *)arg)->broken++;
}

static struct seen run(struct dw_str bytes, size_t step)
{
    struct seen s = {0};
    struct unframe f = {0};
    struct unframe_out out = {.arg = &s, .message = on_message, .broken = on_broken};
    for (size_t at = 0; at < bytes.len; at += step) {
        struct dw_str piece = dw_str_slice(bytes, at, at + step);
        char *exact = dw_alloc(piece.len); /* so a read past the end is seen */
        DW_ASSERT(exact);
        memcpy(exact, piece.ptr, piece.len);
        DW_ASSERT(unframe_feed(&f, MESSAGE_MAX, dw_str_make(exact, piece.len), &out) == DW_OK);
        DW_ASSERT(f.unfinished.len <= MESSAGE_MAX);
        dw_free(exact);
    }
    unframe_end(&f, &out);
    unframe_fini(&f);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1 << 16)
        return 0;
    struct dw_str bytes = dw_str_make((const char *)data + 1, size - 1);
    struct seen a = run(bytes, (size_t)data[0] + 1), b = run(bytes, bytes.len);
    DW_ASSERT(a.hash == b.hash && a.messages == b.messages && a.broken == b.broken);
    return 0;
}
