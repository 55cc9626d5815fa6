/*
 * provenance: whom an event came from: the other end of the connection, a hop that a trusted proxy vouches for, or nobody that could be proved.
 *
 * Idea: nothing is stored: the event's format and its line say it, so archives that were written before this file existed have it too. Formats
 * that log the other end of a connection are rows of tbl/provenance.h, each with a check on the line; everything else is what somebody says.
 *
 * Invariants:
 *   (1) In doubt it is a claim.
 *   (2) Of X-Forwarded-For only the hops count that trusted proxies added: from the right up to and with the first that is no proxy of ours.
 *   (3) What came to the agent over a socket or a pipe proves nothing, whatever host it names.
 *   (4) A line that is JSON proves nothing: a program, or another shipper, wrote down what it was told.
 */
#include "policy_int.h"

#include "dogwatch/base/error.h"

#include <fnmatch.h>
#include <stdio.h>

enum check { CHECK_FIRST, CHECK_LAST, CHECK_ONCE, CHECK_BRACKET, CHECK_TIMED };

static const struct {
    const char *dataset, *doc;
    enum check check;
} rows[] = {
#define PROVENANCE(dataset, check, doc) {dataset, doc, CHECK_##check},
#include "dogwatch/tbl/provenance.h"
#undef PROVENANCE
};

bool dw_provenance_row(size_t i, const char **ret_dataset, const char **ret_doc)
{
    if (i >= DW_COUNT_OF(rows))
        return false;
    *ret_dataset = rows[i].dataset;
    *ret_doc = rows[i].doc;
    return true;
}

const char *dw_provenance_text(enum dw_provenance p)
{
    static const char *const texts[] = {"unknown", "claimed", "proxy", "peer"};
    return texts[p];
}

static struct dw_str text_of(const struct dw_event *ev, uint32_t key)
{
    const struct dw_field *f = dw_event_find(ev, key);
    return f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR_NONE;
}

/* Whether the operator says that this log's addresses prove nothing. */
static bool is_listed(const struct dw_policy_settings *s, struct dw_str dataset, struct dw_str path)
{
    char file[4096];
    (void)snprintf(file, sizeof file, "%.*s", DW_ARG(path));
    for (uint32_t i = 0; i < s->claimed_count; i++)
        if (dw_str_eq(dw_str_of(s->claimed[i]), dataset) || (path.len && fnmatch(s->claimed[i], file, 0) == 0))
            return true;
    return false;
}

/* ---- the line ---- */

static bool occurs_once(struct dw_str line, struct dw_str what)
{
    size_t at = dw_str_find(line, what);
    struct dw_str rest = dw_str_slice(line, at + what.len, line.len);
    return at < line.len && dw_str_find(rest, what) == rest.len;
}

/* name:port */
static bool is_host_port(struct dw_str word)
{
    struct dw_ip ip;
    uint64_t port;
    size_t colon = dw_str_index(word, ':');
    return colon > 0 && colon < word.len && dw_str_u64(dw_str_slice(word, colon + 1, word.len), &port) && port < 65536
        && !dw_ip_parse(dw_str_slice(word, 0, colon), &ip);
}

static bool stands_first(struct dw_str line, struct dw_str address)
{
    struct dw_str rest = line, word = dw_str_cut(&rest, ' ');
    if (!dw_str_eq(word, address) && is_host_port(word))
        word = dw_str_cut(&rest, ' ');
    struct dw_ip ip;
    struct dw_str next = dw_str_cut(&rest, ' ');
    return dw_str_eq(word, address) && !dw_ip_parse(next, &ip); /* two addresses: one is a header's */
}

static bool is_address_byte(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 32) >= 'a' && (ch | 32) <= 'f') || ch == '.' || ch == ':';
}

/* The last piece of the line that can be read as an address, perhaps with a port or a full stop behind it. */
static struct dw_str last_address(struct dw_str line)
{
    struct dw_ip ip;
    struct dw_str last = DW_STR_NONE;
    for (size_t at = 0; at < line.len;) {
        size_t end = at;
        while (end < line.len && is_address_byte(line.ptr[end]))
            end++;
        struct dw_str piece = dw_str_slice(line, at, end);
        while (piece.len && strchr(".:", piece.ptr[piece.len - 1]))
            piece.len--;
        struct dw_str v4 = dw_str_slice(piece, 0, dw_str_index(piece, ':'));
        if (dw_ip_parse(piece, &ip))
            last = piece;
        else if (dw_str_index(v4, '.') < v4.len && dw_ip_parse(v4, &ip))
            last = v4;
        at = end + 1;
    }
    return last;
}

/* The last word of a text, which is cut off. */
static struct dw_str cut_last(struct dw_str *s)
{
    *s = dw_str_trim(*s);
    size_t at = s->len;
    while (at > 0 && s->ptr[at - 1] != ' ')
        at--;
    struct dw_str word = dw_str_slice(*s, at, s->len);
    s->len = at;
    return word;
}

/* [time HOST program: ]ADDRESS:PORT [time]; *ret_host: empty where there is none. */
static bool is_timed(struct dw_str line, struct dw_str address, struct dw_str *ret_host)
{
    size_t at = dw_str_find(line, DW_STR(" ["));
    struct dw_str head = dw_str_slice(line, 0, at), word = cut_last(&head);
    uint64_t port;
    (void)cut_last(&head);
    *ret_host = cut_last(&head);
    if (at == line.len || !dw_str_starts(word, address) || word.len < address.len + 2 || word.ptr[address.len] != ':')
        return false;
    return dw_str_u64(dw_str_slice(word, address.len + 1, word.len), &port);
}

/* A line in a file of syslog's that names another host than the agent's came over the network, from whoever sent it. Names may be short or
 * whole; what a container printed (the runtime says on which of its outputs) came over nothing. */
static bool is_of_this_host(const struct dw_event *ev, struct dw_str said)
{
    struct dw_str own = text_of(ev, DW_F_host_name);
    struct dw_str a = dw_str_slice(said, 0, dw_str_index(said, '.')), b = dw_str_slice(own, 0, dw_str_index(own, '.'));
    return said.len == 0 || ev->out != DW_OUT_NONE || dw_str_ieq(a, b);
}

static const char *doubt(const struct dw_event *ev, enum check check, struct dw_str address)
{
    static const char elsewhere[] = "the address does not stand where this format has that of the connection", strangers[] = "the client's own text may have made the address";
    static const char sent[] = "the line came from another host, over syslog: anybody can send that";
    struct dw_str host = text_of(ev, DW_F_host_hostname);
    switch (check) {
    case CHECK_FIRST: return stands_first(ev->line, address) ? NULL : elsewhere;
    case CHECK_ONCE: return occurs_once(ev->line, DW_STR(", client: ")) ? NULL : strangers;
    case CHECK_BRACKET: return occurs_once(ev->line, DW_STR("[client ")) ? NULL : strangers;
    case CHECK_TIMED: return !is_timed(ev->line, address, &host) ? elsewhere : is_of_this_host(ev, host) ? NULL : sent;
    case CHECK_LAST: break;
    }
    if (!dw_str_eq(last_address(ev->line), address))
        return "another address stands behind it: a user's name may have made it";
    return is_of_this_host(ev, host) ? NULL : sent;
}

/* ---- X-Forwarded-For ---- */

/* Whether a field is called after the header, however its server writes that. */
static bool is_forwarded_for(struct dw_str name)
{
    static const char wanted[] = "xforwardedfor";
    size_t n = 0;
    if (!dw_str_starts(name, DW_STR("nginx.")) && !dw_str_starts(name, DW_STR("apache.")) && !dw_str_starts(name, DW_STR("haproxy.")))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char ch = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 32 : name.ptr[i]);
        if (ch == '-' || ch == '_')
            continue;
        n = ch == wanted[n] ? n + 1 : ch == wanted[0];
        if (n == sizeof wanted - 1)
            return true;
    }
    return false;
}

static struct dw_str forwarded_for(const struct dw_keys *keys, const struct dw_event *ev)
{
    for (uint32_t i = 0; i < ev->field_count; i++)
        if (ev->field[i].key >= DW_FIELDS && dw_field_is_text(&ev->field[i]) && is_forwarded_for(dw_keys_name(keys, ev->field[i].key)))
            return dw_field_str(&ev->field[i]);
    return DW_STR_NONE;
}

/* A hop, perhaps with a port. */
static bool take_hop(struct dw_str text, struct dw_ip *ret)
{
    struct dw_str hop = dw_str_trim(text), v4 = dw_str_slice(hop, 0, dw_str_index(hop, ':'));
    size_t bracket = dw_str_index(hop, ']');
    if (hop.len && hop.ptr[0] == '[')
        hop = dw_str_slice(hop, 0, bracket + 1);
    return dw_ip_parse(hop, ret) || (dw_str_index(v4, '.') < v4.len && dw_ip_parse(v4, ret));
}

static enum dw_provenance behind_proxy(const struct dw_policy_settings *s, struct dw_str hops, struct dw_ip *ret_ip, const char **ret_why)
{
    if (!hops.len) {
        *ret_why = "it is a trusted proxy, and the line does not name whom it spoke for";
        return DW_FROM_CLAIM;
    }
    while (hops.len) {
        size_t at = hops.len;
        while (at > 0 && hops.ptr[at - 1] != ',')
            at--;
        if (!take_hop(dw_str_slice(hops, at, hops.len), ret_ip)) {
            *ret_why = "what the trusted proxy passed on is no address";
            return DW_FROM_CLAIM;
        }
        if (!dw_policy_is_proxy(s, ret_ip))
            return DW_FROM_PROXY;
        hops.len = at > 0 ? at - 1 : 0;
    }
    *ret_why = "all hops are trusted proxies";
    return DW_FROM_CLAIM;
}

enum dw_provenance dw_provenance_of(const struct dw_policy_settings *s, const struct dw_keys *keys, const struct dw_event *ev, struct dw_ip *ret_ip, const char **ret_why)
{
    struct dw_str dataset = text_of(ev, DW_F_event_dataset), ip = text_of(ev, DW_F_source_ip), hops = forwarded_for(keys, ev);
    size_t i = 0;
    *ret_why = "its format does not log the other end of a connection";
    while (i < DW_COUNT_OF(rows) && !dw_str_eq(dw_str_of(rows[i].dataset), dataset))
        i++;
    if (!dw_ip_parse(ip, ret_ip)) {
        *ret_why = "the event has no address";
        return DW_FROM_UNKNOWN;
    }
    if (i == DW_COUNT_OF(rows))
        return DW_FROM_CLAIM;
    if (dw_str_starts(dw_str_trim(ev->line), DW_STR("{"))) {
        *ret_why = "a JSON record says it";
        return DW_FROM_CLAIM;
    }
    if (text_of(ev, DW_F_input_type).len) {
        *ret_why = "the agent received it from somebody who says so";
        return DW_FROM_CLAIM;
    }
    if (is_listed(s, dataset, text_of(ev, DW_F_log_file_path))) {
        *ret_why = "policy.claimed names its log";
        return DW_FROM_CLAIM;
    }
    /* Where the header is a field of its own, a format of the operator's named every column. */
    const char *why = hops.ptr ? NULL : doubt(ev, rows[i].check, ip);
    if (why) {
        *ret_why = why;
        return DW_FROM_CLAIM;
    }
    return dw_policy_is_proxy(s, ret_ip) ? behind_proxy(s, hops, ret_ip, ret_why) : DW_FROM_PEER;
}
