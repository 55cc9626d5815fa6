/*
 * input_frames: syslog messages out of a stream of bytes.
 *
 *     57 <34>1 2026-11-29T21:31:33Z host app - - - octet counting     a number, a blank, so many bytes
 *     <34>Nov 29 21:31:33 host app: a line                           up to a newline, or a zero byte
 *
 * Idea: a message begins with `<`, so a count that no `<` follows is none, and a line that begins with digits is not taken for a count. A message that is
 * whole in the bytes at hand is given out as a view of them; only what is unfinished is copied.
 *
 * Invariants:
 *   (1) Every byte is of one message, of what frames it, or counted as cut.
 *   (2) What is given out does not depend on how the bytes came.
 *   (3) No more than max_bytes (and one octet count) are kept.
 */
#include "input_frames.h"

#include "dogwatch/base/error.h"

enum head { HEAD_UNKNOWN, HEAD_LINE, HEAD_COUNT };

/* What begins here. HEAD_COUNT: *ret_octets, and the bytes before them. */
static enum head look(struct dw_str s, uint64_t *ret_octets, size_t *ret_bytes)
{
    size_t n = 0;
    while (n < s.len && n <= FRAMES_COUNT_DIGITS && s.ptr[n] >= (n ? '0' : '1') && s.ptr[n] <= '9')
        n++;
    if (n == s.len && n <= FRAMES_COUNT_DIGITS)
        return HEAD_UNKNOWN;
    if (n == 0 || n > FRAMES_COUNT_DIGITS || s.ptr[n] != ' ')
        return HEAD_LINE;
    if (n + 1 == s.len)
        return HEAD_UNKNOWN;
    if (s.ptr[n + 1] != '<')
        return HEAD_LINE;
    *ret_bytes = n + 1;
    return dw_str_u64(dw_str_slice(s, 0, n), ret_octets) ? HEAD_COUNT : HEAD_LINE;
}

static bool is_end(char ch)
{
    return ch == '\n' || ch == '\0';
}

/* Gives out a message without the newlines that some put at its end, or a carriage return before it. */
static void give(struct unframe *f, struct dw_str text, bool unterminated, const struct unframe_out *out)
{
    while (!f->cut && text.len && (is_end(text.ptr[text.len - 1]) || text.ptr[text.len - 1] == '\r'))
        text.len--;
    if (text.len)
        out->message(out->arg, text, f->cut, unterminated);
    dw_buf_reset(&f->unfinished);
    f->cut = 0;
    f->state = FRAMES_BETWEEN;
}

static void keep(struct unframe *f, size_t max, struct dw_str s)
{
    size_t room = f->unfinished.len < max ? max - f->unfinished.len : 0, n = s.len < room ? s.len : room;
    dw_buf_str(&f->unfinished, dw_str_slice(s, 0, n));
    f->cut += s.len - n;
}

/* The rest of a message, whose last piece is `s`. */
static void end_with(struct unframe *f, size_t max, struct dw_str s, const struct unframe_out *out)
{
    if (f->unfinished.len || f->cut || s.len > max) {
        keep(f, max, s);
        s = dw_buf_view(&f->unfinished);
    }
    give(f, s, false, out);
}

/* Each takes what it can and answers how much that was. */
static size_t begin(struct unframe *f, struct dw_str in, const struct unframe_out *out)
{
    char head[FRAMES_COUNT_DIGITS + 2];
    size_t had = f->unfinished.len, n = 0, bytes = 0;
    while (had == 0 && n < in.len && is_end(in.ptr[n]))
        n++;
    if (n)
        return n;
    DW_ASSERT(had < sizeof head);
    if (had)
        memcpy(head, f->unfinished.ptr, had);
    size_t more = sizeof head - had < in.len ? sizeof head - had : in.len;
    memcpy(head + had, in.ptr, more);
    enum head what = look(dw_str_make(head, had + more), &f->left, &bytes);
    if (what == HEAD_UNKNOWN) {
        dw_buf_str(&f->unfinished, dw_str_slice(in, 0, more));
        return more;
    }
    if (what == HEAD_COUNT) {
        dw_buf_reset(&f->unfinished);
        f->state = FRAMES_COUNTED;
        f->counts = true;
        return bytes - had;
    }
    if (f->counts)
        out->broken(out->arg);
    f->state = FRAMES_LINE;
    return 0;
}

static size_t counted(struct unframe *f, size_t max, struct dw_str in, const struct unframe_out *out)
{
    size_t n = f->left < in.len ? (size_t)f->left : in.len;
    f->left -= n;
    if (f->left)
        keep(f, max, dw_str_slice(in, 0, n));
    else
        end_with(f, max, dw_str_slice(in, 0, n), out);
    return n;
}

static size_t line(struct unframe *f, size_t max, struct dw_str in, const struct unframe_out *out)
{
    size_t n = dw_str_index(in, '\n');
    n = dw_str_index(dw_str_slice(in, 0, n), '\0');
    if (n == in.len) {
        keep(f, max, in);
        return n;
    }
    end_with(f, max, dw_str_slice(in, 0, n), out);
    return n + 1;
}

int unframe_feed(struct unframe *f, size_t max_bytes, struct dw_str bytes, const struct unframe_out *out)
{
    struct dw_str in = bytes;
    while (in.len && !f->unfinished.err) {
        size_t n = f->state == FRAMES_BETWEEN ? begin(f, in, out)
            : f->state == FRAMES_LINE         ? line(f, max_bytes, in, out)
                                              : counted(f, max_bytes, in, out);
        in = dw_str_slice(in, n, in.len);
    }
    return f->unfinished.err;
}

void unframe_end(struct unframe *f, const struct unframe_out *out)
{
    if (f->unfinished.len && !f->unfinished.err)
        give(f, dw_buf_view(&f->unfinished), true, out);
}

void unframe_fini(struct unframe *f)
{
    dw_buf_fini(&f->unfinished);
}
