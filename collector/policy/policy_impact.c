/*
 * policy_impact: a dry run: which requests of the archive the gateway's own match would have hit.
 *
 * Idea: an entry is one IPv4 address or one /64, so a request belongs to at most one: a look-up a request, in one pass for all entries.
 *
 * Invariants:
 *   (1) A request counts for whom it provably came from, as an entry is made: by the other end of its connection, or what a trusted proxy says.
 *   (2) An event that came twice counts once.
 *   (3) Different users and agents are counted exactly up to VALUES_MAX of each entry; then `more` says that there are more.
 */
#include "policy_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/keyed.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

enum { VALUES_MAX = 1000 };

struct target {
    struct dw_keyed_item item; /* its key: the network */
    struct dw_policy_impact *impact;
};

struct running {
    const struct dw_policy_impact_ask *how;
    struct dw_keyed targets, values; /* values: entry, field, value */
    struct dw_keys *keys;
    int rc;
};

static void put_net(struct dw_buf *key, const struct dw_cidr *net)
{
    dw_buf_add(key, net->net.byte, sizeof net->net.byte);
    dw_buf_byte(key, net->bits);
}

static struct dw_policy_impact *impact_of(struct running *r, const struct dw_ip *ip)
{
    char bytes[sizeof(struct dw_ip) + 1];
    struct dw_cidr net = dw_policy_net(ip);
    memcpy(bytes, net.net.byte, sizeof net.net.byte);
    bytes[sizeof bytes - 1] = (char)net.bits;
    struct target *t = dw_keyed_find(&r->targets, dw_str_make(bytes, sizeof bytes));
    return t ? t->impact : NULL;
}

static struct dw_str text_of(const struct dw_event *ev, uint32_t key)
{
    const struct dw_field *f = dw_event_find(ev, key);
    return f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR_NONE;
}

/* Counts a value of a field that the entry has not had yet. */
static void count_value(struct running *r, struct dw_policy_impact *i, uint32_t field, struct dw_str value, uint64_t *count)
{
    struct dw_buf key = {0};
    dw_buf_str(&key, dw_str_of(i->entry->id));
    dw_buf_u32(&key, field);
    dw_buf_str(&key, value);
    bool known = !key.err && dw_keyed_find(&r->values, dw_buf_view(&key)) != NULL;
    if (key.err)
        r->rc = key.err;
    else if (!known && *count == VALUES_MAX)
        i->more = true;
    else if (!known && dw_keyed_add(&r->values, dw_buf_view(&key), sizeof(struct dw_keyed_item)))
        ++*count;
    else if (!known)
        r->rc = DW_ENOMEM;
    dw_buf_fini(&key);
}

static bool is_answered(const struct dw_event *ev)
{
    const struct dw_field *f = dw_event_find(ev, DW_F_http_response_status_code);
    uint64_t status = 0;
    if (f && f->kind == DW_K_INT)
        status = (uint64_t)f->v.i;
    else if (f && dw_field_is_text(f) && !dw_str_u64(dw_field_str(f), &status))
        status = 0;
    return status >= 100 && status < 400;
}

static void take_request(struct running *r, struct dw_policy_impact *i, const struct dw_event *ev)
{
    struct dw_str user = text_of(ev, DW_F_user_name), agent = text_of(ev, DW_F_user_agent_original);
    i->requests++;
    i->within += ev->time_ns >= i->from_ns && ev->time_ns <= i->to_ns;
    i->answered += is_answered(ev);
    i->first_ns = ev->time_ns < i->first_ns ? ev->time_ns : i->first_ns;
    i->last_ns = ev->time_ns > i->last_ns ? ev->time_ns : i->last_ns;
    if (agent.len)
        count_value(r, i, DW_F_user_agent_original, agent, &i->agents);
    if (user.len) {
        i->with_user++;
        count_value(r, i, DW_F_user_name, user, &i->users);
    }
}

static void take_event(struct running *r, const struct dw_event *ev)
{
    struct dw_ip ip;
    const char *why;
    if (!dw_event_find(ev, DW_F_source_ip) || (!dw_event_find(ev, DW_F_url_original) && !dw_event_find(ev, DW_F_http_request_method)))
        return;
    enum dw_provenance from = dw_provenance_of(r->how->settings, r->keys, ev, &ip, &why);
    struct dw_policy_impact *i = from == DW_FROM_UNKNOWN ? NULL : impact_of(r, &ip);
    if (i && from == DW_FROM_CLAIM)
        i->claimed++;
    else if (i)
        take_request(r, i, ev);
}

static int read_all(struct running *r, bool *ret_whole)
{
    const struct dw_policy_impact_ask *how = r->how;
    struct dw_archive_reader *reader;
    struct dw_archived a;
    int rc = dw_archive_reader_open(&dw_fs_system, how->archive, r->keys, &reader), err = DW_OK;
    *ret_whole = true;
    if (rc < 0)
        return rc;
    while (r->rc == DW_OK && err != DW_EAGAIN) {
        if (how->stop && how->stop(how->arg)) {
            *ret_whole = false;
            break;
        }
        err = dw_archive_reader_next(reader, &a);
        for (uint32_t i = 0; err == DW_OK && i < a.frame.event_count; i++)
            if (!a.mark || a.mark[i] != DW_MARK_DUPLICATE)
                take_event(r, &a.frame.event[i]);
        if (err == DW_ENOMEM)
            r->rc = err;
        if (err == DW_OK || err == DW_EAGAIN || err == DW_ENOMEM)
            continue;
        *ret_whole = false;
        how->problem(how->arg, dw_archive_reader_where(reader), err);
    }
    dw_archive_reader_close(reader);
    return r->rc;
}

/* What an entry's impact begins as. One that nobody has approved would end after the settings' time from now on. */
static struct dw_policy_impact empty(const struct dw_policy_impact_ask *how, const struct dw_policy_entry *e)
{
    struct dw_policy_impact i = {.entry = e, .from_ns = e->since_ns == INT64_MAX ? e->decided_ns : e->since_ns, .first_ns = INT64_MAX, .last_ns = INT64_MIN};
    i.to_ns = e->until_ns;
    if ((e->state == DW_POLICY_proposed || e->state == DW_POLICY_refused) && __builtin_add_overflow(how->now_ns, how->settings->expiry_ns, &i.to_ns))
        i.to_ns = INT64_MAX;
    return i;
}

int dw_policy_impact(const struct dw_policy_impact_ask *how, struct dw_policy_impact *ret, bool *ret_whole)
{
    struct running r = {.how = how, .keys = dw_keys_new()};
    int rc = r.keys ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i < how->count && rc == DW_OK; i++) {
        struct dw_buf key = {0};
        ret[i] = empty(how, how->entry[i]);
        put_net(&key, &how->entry[i]->net);
        struct target *t = key.err ? NULL : dw_keyed_get(&r.targets, dw_buf_view(&key), sizeof *t);
        dw_buf_fini(&key);
        if (t)
            t->impact = &ret[i];
        rc = t ? DW_OK : DW_ENOMEM;
    }
    if (rc == DW_OK)
        rc = read_all(&r, ret_whole);
    dw_keyed_fini(&r.targets);
    dw_keyed_fini(&r.values);
    dw_keys_free(r.keys);
    return rc;
}

static void put_time(struct dw_buf *out, const char *name, int64_t ns, bool known)
{
    dw_buf_printf(out, ",\"%s\":%s", name, known ? "\"" : "null");
    if (known) {
        dw_time_text(out, ns);
        dw_buf_byte(out, '"');
    }
}

void dw_policy_impact_row(const struct dw_policy_impact *i, bool whole, struct dw_buf *out)
{
    dw_buf_printf(out, "{\"id\":\"%s\",\"address\":\"%s\",\"state\":\"%s\"", i->entry->id, i->entry->address, dw_policy_state_text(i->entry->state));
    put_time(out, "from", i->from_ns, true);
    put_time(out, "to", i->to_ns, true);
    dw_buf_printf(out, ",\"requests\":%" PRIu64 ",\"within\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"with_user\":%" PRIu64 ",\"users\":%" PRIu64
                       ",\"agents\":%" PRIu64 ",\"more\":%s,\"claimed\":%" PRIu64,
        i->requests, i->within, i->answered, i->with_user, i->users, i->agents, i->more ? "true" : "false", i->claimed);
    put_time(out, "first", i->first_ns, i->first_ns != INT64_MAX);
    put_time(out, "last", i->last_ns, i->last_ns != INT64_MIN);
    dw_buf_printf(out, ",\"legitimacy\":\"%s\",\"complete\":%s}\n", i->with_user ? "known" : "unknown", whole ? "true" : "false");
}
