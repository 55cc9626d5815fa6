/*
 * env_received: messages that the agent received, one a line, in CRI's envelope.
 *
 *     TIME stdout|stderr P|F[:e][:u][:c=BYTES][:@PEER] TEXT
 *
 * `e`: in TEXT a backslash stands before n (a newline), 0 (a zero byte) and itself. stderr is the agent's own word, never a peer's.
 *
 * Invariants:
 *   (1) One message is one line, whatever bytes it has: what dw_received_put wrote, dw__received_unwrap gives back.
 *   (2) What a peer sent stands behind the envelope alone; of the peer itself only what was seen of it, coded, stands in it.
 */
#include "dogwatch/parsers/received.h"

#include "envelope.h"

#include "dogwatch/event/json_write.h"

#include <inttypes.h>

static size_t coded_size(char ch)
{
    return ch == '\n' || ch == '\0' || ch == '\\' ? 2 : 1;
}

static bool needs_code(struct dw_str s)
{
    return dw_str_index(s, '\n') < s.len || dw_str_index(s, '\0') < s.len;
}

static void put_coded(struct dw_buf *out, struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        if (coded_size(ch) == 2)
            dw_buf_byte(out, '\\');
        dw_buf_byte(out, (uint8_t)(ch == '\n' ? 'n' : ch == '\0' ? '0' : ch));
    }
}

/* How much of a text fits when it is coded. */
static size_t fitting(struct dw_str s, bool coded)
{
    size_t used = 0, n = 0;
    if (!coded)
        return s.len < DW_RECEIVED_TEXT_MAX ? s.len : DW_RECEIVED_TEXT_MAX;
    while (n < s.len && used + coded_size(s.ptr[n]) <= DW_RECEIVED_TEXT_MAX)
        used += coded_size(s.ptr[n++]);
    return n;
}

size_t dw_received_put(struct dw_buf *out, const struct dw_received_line *m)
{
    bool coded = needs_code(m->text);
    size_t n = fitting(m->text, coded), lost = m->text.len - n;
    dw_time_text(out, m->time_ns);
    dw_buf_printf(out, " %s %c%s%s", m->note ? "stderr" : "stdout", m->partial ? 'P' : 'F', coded ? ":e" : "", m->unterminated ? ":u" : "");
    if (m->cut_bytes + lost)
        dw_buf_printf(out, ":c=%" PRIu64, m->cut_bytes + lost);
    if (m->peer.len)
        dw_buf_printf(out, ":@%.*s", DW_ARG(m->peer));
    dw_buf_byte(out, ' ');
    if (coded)
        put_coded(out, dw_str_slice(m->text, 0, n));
    else
        dw_buf_str(out, dw_str_slice(m->text, 0, n));
    dw_buf_byte(out, '\n');
    return lost;
}

void dw_received_peer_put(struct dw_buf *out, const struct dw_received_peer *p)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t from = out->len;
    dw_buf_str(out, p->address);
    if (!p->fingerprint.len)
        return;
    dw_buf_printf(out, ";%.*s;", DW_ARG(p->fingerprint));
    for (size_t i = 0; i < p->subject.len && out->len - from + 3 <= DW_RECEIVED_PEER_MAX; i++) {
        unsigned char ch = (unsigned char)p->subject.ptr[i];
        if (ch > ' ' && ch != '%' && ch != ';' && ch != 0x7f) {
            dw_buf_byte(out, ch);
        } else {
            dw_buf_byte(out, '%');
            dw_buf_byte(out, (uint8_t)hex[ch >> 4]);
            dw_buf_byte(out, (uint8_t)hex[ch & 15]);
        }
    }
}

struct dw_received_peer dw_received_peer_take(struct dw_str word)
{
    struct dw_received_peer p = {0};
    struct dw_str rest = word;
    p.address = dw_str_cut(&rest, ';');
    p.fingerprint = dw_str_cut(&rest, ';');
    p.subject = rest;
    return p;
}

void dw_received_subject(struct dw_buf *out, struct dw_str coded)
{
    for (size_t i = 0; i < coded.len; i++) {
        uint8_t byte = (uint8_t)coded.ptr[i];
        if (byte == '%' && dw_unhex(dw_str_slice(coded, i + 1, i + 3), &byte, 1))
            i += 2;
        dw_buf_byte(out, byte);
    }
}

static struct dw_str decoded(struct dw_str s, struct dw_buf *scratch)
{
    dw_buf_reset(scratch);
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        if (ch == '\\' && i + 1 < s.len) {
            ch = s.ptr[++i];
            ch = ch == 'n' ? '\n' : ch;
            ch = ch == '0' ? '\0' : ch;
        }
        dw_buf_byte(scratch, (uint8_t)ch);
    }
    return dw_buf_view(scratch);
}

/* The words behind P or F. The peer is the last, for an address has colons of its own. */
static bool take_tags(struct dw_str tags, struct dw__unwrapped *ret, bool *ret_coded)
{
    struct dw_str rest = tags, word;
    (void)dw_str_cut(&rest, ':');
    while (rest.ptr) {
        if (rest.len && rest.ptr[0] == '@') {
            ret->peer = dw_str_slice(rest, 1, rest.len);
            return ret->peer.len > 0;
        }
        word = dw_str_cut(&rest, ':');
        if (dw_str_eq(word, DW_STR("e")))
            *ret_coded = true;
        else if (dw_str_eq(word, DW_STR("u")))
            ret->flags |= DW_LINE_UNTERMINATED;
        else if (dw_str_starts(word, DW_STR("c=")))
            ret->flags |= DW_LINE_CUT;
        else
            return false;
    }
    return true;
}

bool dw__received_unwrap(struct dw_str raw, struct dw_buf *scratch, struct dw__unwrapped *ret)
{
    struct dw_str rest = raw;
    bool coded = false;
    if (!dw__cri_unwrap(raw, ret))
        return false;
    (void)dw_str_cut(&rest, ' ');
    (void)dw_str_cut(&rest, ' ');
    struct dw_str tags = dw_str_cut(&rest, ' ');
    if (!rest.ptr || !take_tags(tags, ret, &coded))
        return false;
    if (ret->out == DW_OUT_STDOUT)
        ret->out = DW_OUT_NONE; /* no container printed it */
    if (coded)
        ret->text = decoded(ret->text, scratch);
    return !coded || scratch->err == 0;
}
