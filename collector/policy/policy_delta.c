/*
 * policy_delta: what became active, and what ceased to be, between two looks: for gateways that ask again and again.
 *
 * Idea: a cursor is how far the decisions were known, and when. What was active then can be made again of them, so no state is kept for anybody, and an
 * entry whose time ran out is told like one that somebody took back.
 *
 *     N-TIME-LIST      number of the last line; ns of the look; name of the never-block list
 *
 * Invariant: who applies all answers in order has exactly what is active. Where that cannot be told by differences (another never-block list, a
 * cursor of other data) everything is told, and `reset` says so.
 */
#include "policy_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/keyed.h"

#include <inttypes.h>
#include <stdio.h>

struct cursor {
    int64_t n, time_ns;
    struct dw_str name;
};

/* One entry: the newest line at the time of either look. */
struct line {
    bool is, rolled_back;
    int64_t until_ns, time_ns;
};
struct watched {
    struct dw_keyed_item item; /* its key: the address */
    struct line then, now;
};
struct looking {
    const struct cursor *after;
    struct dw_keyed all;
    int64_t last_n;
    int rc;
};

static bool read_cursor(struct dw_str text, struct cursor *ret)
{
    struct dw_str rest = text, n = dw_str_cut(&rest, '-'), time = dw_str_cut(&rest, '-');
    ret->name = rest;
    return text.len < DW_POLICY_CURSOR_TEXT && dw_str_i64(n, &ret->n) && dw_str_i64(time, &ret->time_ns) && ret->n >= 0 && ret->time_ns >= 0 && rest.len == POLICY_LIST_NAME;
}

static void take(void *arg, const struct dw_policy_decision *d)
{
    struct looking *l = arg;
    struct dw_cidr net;
    if (l->rc < 0 || !dw_policy_address(dw_str_of(d->address), &net))
        return;
    struct watched *w = dw_keyed_get(&l->all, dw_str_of(d->address), sizeof *w);
    if (!w) {
        l->rc = DW_ENOMEM;
        return;
    }
    w->now = (struct line){true, d->rolled_back, d->until_ns, d->time_ns};
    if (l->after && d->n <= l->after->n)
        w->then = w->now;
    l->last_n = d->n;
}

static bool is_active(const struct line *line, int64_t now_ns)
{
    return line->is && !line->rolled_back && line->until_ns > now_ns;
}

static void tell(const struct looking *l, const struct dw_policy_settings *s, int64_t now_ns,
    void (*each)(void *arg, bool added, const struct dw_policy_entry *e, const char *why), void *arg)
{
    for (struct dw_keyed_item *i = l->all.first; i; i = i->next) {
        const struct watched *w = (const struct watched *)i;
        struct dw_policy_entry e = {.until_ns = w->now.until_ns, .provenance = "", .why = "", .author = "", .reason = ""};
        bool known = dw_policy_address(i->key, &e.net);
        DW_ASSERT(known);
        bool never = dw_policy_never(s, &e.net) != NULL, was = l->after && !never && is_active(&w->then, l->after->time_ns);
        bool is = !never && is_active(&w->now, now_ns);
        dw_policy_id(&e.net, e.id);
        dw_net_text(&e.net, e.address);
        if (is && (!was || w->then.until_ns != w->now.until_ns))
            each(arg, true, &e, "approved");
        else if (was && !is)
            each(arg, false, &e, w->now.rolled_back ? "rolled back" : "expired");
    }
}

int dw_policy_changes(struct dw_alerts *view, const struct dw_policy_settings *s, int64_t now_ns, struct dw_str after,
    void (*each)(void *arg, bool added, const struct dw_policy_entry *e, const char *why), void *arg, struct dw_policy_delta *ret)
{
    struct cursor cursor = {0};
    struct looking l = {0};
    if (after.len && !read_cursor(after, &cursor))
        return DW_ESYNTAX;
    bool same_list = after.len && dw_str_eq(cursor.name, dw_str_of(s->name));
    l.after = same_list && cursor.time_ns <= now_ns ? &cursor : NULL;
    int rc = dw_alerts_decisions(view, true, take, &l);
    rc = rc == DW_OK ? l.rc : rc;
    if (l.last_n < cursor.n)
        l.after = NULL; /* of another log */
    if (rc == DW_OK)
        tell(&l, s, now_ns, each, arg);
    ret->reset = l.after == NULL;
    (void)snprintf(ret->cursor, sizeof ret->cursor, "%" PRId64 "-%" PRId64 "-%s", l.last_n, now_ns, s->name);
    dw_keyed_fini(&l.all);
    return rc;
}
