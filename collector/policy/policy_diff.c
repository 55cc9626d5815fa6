/*
 * policy_diff: what a gateway's file holds, whatever its language, beside what it should hold.
 *
 * Idea: outside comments every piece of the six languages that can be read as an address is one of an entry; when it ends stands in our comment. So
 * there is one reader, and a file that somebody changed by hand is read as the gateway reads it.
 *
 * Invariants:
 *   (1) A `#` begins a comment up to the line's end, in each of the languages.
 *   (2) Ranges of everything (0.0.0.0/0, which a NetworkPolicy begins with) are none of an entry.
 */
#include "policy_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/keyed.h"
#include "dogwatch/event/timestamp.h"

struct found {
    struct dw_keyed_item item; /* its key: the address as dw_net_text writes it */
    bool here;                 /* outside a comment */
    bool wanted;               /* the list has it, too */
    int64_t until_ns;          /* INT64_MIN: nothing says it */
};

static bool is_address_byte(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 32) >= 'a' && (ch | 32) <= 'f') || ch == '.' || ch == ':' || ch == '/';
}

/* An address, or a network: as an entry covers it where it is one, else as it stands. */
static bool take_net(struct dw_str piece, char ret[DW_NET_TEXT])
{
    bool host_bits, is_net = dw_str_index(piece, '/') < piece.len;
    struct dw_cidr net;
    if (!dw_cidr_parse(piece, &net, &host_bits) || policy_bits(&net) == 0)
        return false;
    net = is_net ? net : dw_policy_net(&net.net);
    dw_net_text(&net, ret);
    return true;
}

static struct found *get(struct dw_keyed *all, const char *address)
{
    uint32_t before = all->count;
    struct found *f = dw_keyed_get(all, dw_str_of(address), sizeof *f);
    if (f && all->count > before)
        f->until_ns = INT64_MIN;
    return f;
}

static int take_code(struct dw_keyed *all, struct dw_str line)
{
    for (size_t at = 0; at < line.len;) {
        size_t end = at;
        char text[DW_NET_TEXT];
        while (end < line.len && is_address_byte(line.ptr[end]))
            end++;
        struct dw_str piece = dw_str_slice(line, at, end);
        bool within = (at > 0 && strchr("_-$@", line.ptr[at - 1])) || (end < line.len && strchr("_-", line.ptr[end]));
        at = end + 1;
        if (piece.len < 2 || within || !take_net(piece, text))
            continue;
        struct found *f = get(all, text);
        if (!f)
            return DW_ENOMEM;
        f->here = true;
        if (all->count > 2 * DW_POLICY_ENTRIES_MAX)
            return DW_ELIMIT;
    }
    return DW_OK;
}

/* dogwatch ID ADDRESS until T, ... */
static int take_comment(struct dw_keyed *all, struct dw_str comment)
{
    char text[DW_NET_TEXT];
    int64_t ns;
    struct dw_time_ref utc = {0};
    struct dw_str rest = dw_str_trim(comment);
    if (!dw_str_eq(dw_str_cut(&rest, ' '), DW_STR("dogwatch")))
        return DW_OK;
    (void)dw_str_cut(&rest, ' ');
    struct dw_str address = dw_str_cut(&rest, ' '), until = dw_str_cut(&rest, ' '), when = dw_str_cut(&rest, ',');
    if (!dw_str_eq(until, DW_STR("until")) || !take_net(address, text) || dw_time_parse(when, &utc, &ns) < 0)
        return DW_OK;
    struct found *f = get(all, text);
    if (f)
        f->until_ns = ns;
    return !f ? DW_ENOMEM : all->count > 2 * DW_POLICY_ENTRIES_MAX ? DW_ELIMIT : DW_OK;
}

static int read_file(struct dw_keyed *all, struct dw_str file)
{
    int rc = DW_OK;
    while (file.len && rc == DW_OK) {
        struct dw_str line = dw_str_cut(&file, '\n');
        size_t hash = dw_str_index(line, '#');
        rc = take_code(all, dw_str_slice(line, 0, hash));
        if (rc == DW_OK && hash < line.len)
            rc = take_comment(all, dw_str_slice(line, hash + 1, line.len));
    }
    return rc;
}

int dw_policy_diff(const struct dw_policy_list *l, struct dw_str file, void (*each)(void *arg, const char *what, const char *address, int64_t there_ns, int64_t here_ns), void *arg)
{
    struct dw_keyed all = {0};
    int rc = read_file(&all, file);
    for (uint32_t i = 0; i < l->count && rc == DW_OK; i++) {
        const struct dw_policy_entry *e = l->entry[i];
        struct found *f = dw_keyed_find(&all, dw_str_of(e->address));
        if (e->state != DW_POLICY_active)
            continue;
        if (!f || !f->here)
            each(arg, "added", e->address, INT64_MIN, e->until_ns);
        else if (f->until_ns != e->until_ns)
            each(arg, "changed", e->address, f->until_ns, e->until_ns);
        if (f)
            f->wanted = true;
    }
    for (struct dw_keyed_item *i = all.first; i && rc == DW_OK; i = i->next) {
        const struct found *f = (const struct found *)i;
        char text[DW_NET_TEXT] = "";
        memcpy(text, i->key.ptr, i->key.len < sizeof text ? i->key.len : sizeof text - 1);
        if (f->here && !f->wanted)
            each(arg, "gone", text, f->until_ns, INT64_MIN);
    }
    dw_keyed_fini(&all);
    return rc;
}
