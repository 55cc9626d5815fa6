/*
 * policy_entries: the list of a policy's entries: what alerts propose, and what people said of each.
 *
 * Invariants:
 *   (1) The same alerts, archive, decisions, settings and time give the same list.
 *   (2) An entry is refused if nothing proves its address, whatever the number of alerts, or if the never-block list holds it, whoever approved it.
 *   (3) Alerts that came after an entry ended propose it anew.
 */
#include "policy_causes.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/keyed.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *doc;
} states[] = {
#define POLICY_STATE(name, doc) {#name, doc},
#include "dogwatch/tbl/policy_states.h"
#undef POLICY_STATE
};

const char *dw_policy_state_text(enum dw_policy_state s)
{
    return states[s].name;
}

const char *dw_policy_state_doc(enum dw_policy_state s)
{
    return states[s].doc;
}

struct slot {
    struct dw_keyed_item item; /* its key: the network */
    struct dw_policy_entry *entry;
};

struct building {
    const struct dw_policy_ask *how;
    struct dw_policy_list *list;
    struct dw_keyed slots;
    int rc;
};

static const char *keep(struct building *b, struct dw_str text)
{
    struct dw_str copy = dw_arena_copy(&b->list->arena, text.ptr ? text : DW_STR(""));
    if (!copy.ptr)
        b->rc = DW_ENOMEM;
    return copy.ptr ? copy.ptr : "";
}

/* The entry of a network, made when there is none; NULL: no memory, or too many. */
static struct dw_policy_entry *entry_of(struct building *b, const struct dw_cidr *net)
{
    struct dw_buf key = {0};
    dw_buf_add(&key, net->net.byte, sizeof net->net.byte);
    dw_buf_byte(&key, net->bits);
    struct slot *s = key.err ? NULL : dw_keyed_find(&b->slots, dw_buf_view(&key));
    bool full = !s && b->slots.count >= 2 * DW_POLICY_ENTRIES_MAX;
    if (full)
        b->list->partial = "there are more addresses than are looked at: ask for a range with --since";
    if (!s && !full && !key.err)
        s = dw_keyed_add(&b->slots, dw_buf_view(&key), sizeof *s);
    dw_buf_fini(&key);
    if (s && !s->entry && (s->entry = dw_arena_alloc(&b->list->arena, sizeof *s->entry))) {
        *s->entry = (struct dw_policy_entry){.net = *net, .state = DW_POLICY_STATES, .provenance = "", .why = "", .author = "", .reason = "",
            .since_ns = INT64_MAX, .last_ns = INT64_MIN};
        dw_policy_id(net, s->entry->id);
        dw_net_text(net, s->entry->address);
    }
    if (!full && (!s || !s->entry))
        b->rc = DW_ENOMEM;
    return s ? s->entry : NULL;
}

static void add_cause(struct building *b, struct dw_policy_entry *e, const struct policy_cause *c)
{
    e->since_ns = c->time_ns < e->since_ns ? c->time_ns : e->since_ns;
    e->last_ns = c->time_ns > e->last_ns ? c->time_ns : e->last_ns;
    e->alerts++;
    e->events += c->total > 0 ? (uint64_t)c->total : 1;
    if (e->cause_count == DW_POLICY_CAUSES_MAX)
        return;
    e->cause[e->cause_count].id = keep(b, dw_str_of(c->id));
    e->cause[e->cause_count].rule = keep(b, dw_str_of(c->rule));
    e->cause[e->cause_count].title = keep(b, dw_str_of(c->title));
    e->cause[e->cause_count++].level = keep(b, dw_str_of(c->level));
}

/* Alerts that prove their address come first: then what the others say of the same address does not count. */
static void take_causes(struct building *b, const struct policy_causes *causes, bool proven)
{
    for (uint32_t i = 0; i < causes->count && b->rc == DW_OK; i++) {
        const struct policy_cause *c = &causes->cause[i];
        bool proves = c->from == DW_FROM_PEER || c->from == DW_FROM_PROXY;
        struct dw_policy_entry *e = proves == proven ? entry_of(b, &c->net) : NULL;
        if (!e || (!proven && e->state == DW_POLICY_proposed))
            continue;
        if (e->state == DW_POLICY_STATES) {
            e->state = proven ? DW_POLICY_proposed : DW_POLICY_refused;
            e->provenance = dw_provenance_text(c->from);
            e->why = c->why ? keep(b, dw_str_of(c->why)) : "";
        }
        if (c->from == DW_FROM_PEER)
            e->provenance = dw_provenance_text(c->from); /* the stronger proof counts */
        add_cause(b, e, c);
    }
}

/* ---- what people said ---- */

struct finding_cause {
    struct building *b;
    struct dw_policy_entry *e;
};

static void take_alert(void *arg, const struct dw_alert *a)
{
    struct finding_cause *f = arg;
    add_cause(f->b, f->e, &(struct policy_cause){.id = a->id, .rule = a->rule, .title = a->title, .level = a->level, .time_ns = a->time_ns, .total = a->total});
}

/* The alerts that were given as causes when it was approved, where nothing else is known of them. */
static void take_given(struct building *b, struct dw_policy_entry *e, const char *causes)
{
    struct dw_str rest = dw_str_of(causes);
    while (rest.len && b->rc == DW_OK) {
        struct dw_str id = dw_str_cut(&rest, ',');
        int rc = dw_alerts_find(b->how->view, id, take_alert, &(struct finding_cause){b, e});
        b->rc = rc < 0 && rc != DW_ENOENT && rc != DW_EEXIST ? rc : b->rc;
    }
}

static void take_decision(void *arg, const struct dw_policy_decision *d)
{
    struct building *b = arg;
    struct dw_cidr net;
    struct dw_policy_entry *e = b->rc == DW_OK && dw_policy_address(dw_str_of(d->address), &net) ? entry_of(b, &net) : NULL;
    if (!e)
        return;
    bool over = d->rolled_back || d->until_ns <= b->how->now_ns;
    int64_t end_ns = d->rolled_back ? d->time_ns : d->until_ns;
    bool again = e->state == DW_POLICY_proposed && e->last_ns > end_ns;
    if (e->cause_count == 0)
        take_given(b, e, d->causes);
    e->author = keep(b, dw_str_of(d->author));
    e->reason = keep(b, d->reason);
    e->decided_ns = d->time_ns;
    e->until_ns = d->until_ns;
    if (over && again)
        return;
    if (!over || e->state == DW_POLICY_STATES)
        e->provenance = keep(b, dw_str_of(d->provenance));
    e->why = "";
    e->state = !over ? DW_POLICY_active : d->rolled_back ? DW_POLICY_rolled_back : DW_POLICY_expired;
}

/* ---- the list ---- */

static void judge_by_list(struct building *b, struct dw_policy_entry *e)
{
    const char *never = dw_policy_never(b->how->settings, &e->net);
    char why[POLICY_TOLD_CAP + 32];
    if (!never || (e->state != DW_POLICY_proposed && e->state != DW_POLICY_active))
        return;
    (void)snprintf(why, sizeof why, "never-block list: %s", never);
    e->state = DW_POLICY_refused;
    e->why = keep(b, dw_str_of(why));
}

static int by_address(const void *a, const void *b)
{
    const struct dw_policy_entry *x = *(const struct dw_policy_entry *const *)a, *y = *(const struct dw_policy_entry *const *)b;
    return memcmp(x->net.net.byte, y->net.net.byte, sizeof x->net.net.byte);
}

static int make_list(struct building *b)
{
    struct dw_policy_list *l = b->list;
    l->entry = dw_calloc(b->slots.count + 1, sizeof *l->entry);
    if (!l->entry)
        return DW_ENOMEM;
    for (struct dw_keyed_item *i = b->slots.first; i; i = i->next) {
        struct dw_policy_entry *e = ((struct slot *)i)->entry;
        judge_by_list(b, e);
        l->entry[l->count++] = e;
    }
    qsort(l->entry, l->count, sizeof(struct dw_policy_entry *), by_address);
    return b->rc;
}

int dw_policy_list(const struct dw_policy_ask *how, struct dw_policy_list **ret)
{
    struct building b = {.how = how, .list = dw_calloc(1, sizeof *b.list)};
    struct policy_causes causes = {0};
    if (!b.list)
        return DW_ENOMEM;
    dw_arena_init(&b.list->arena, 0);
    b.list->now_ns = how->now_ns;
    int rc = how->archive ? policy_causes_read(how, &causes) : DW_OK;
    b.list->partial = causes.partial;
    if (rc == DW_OK) {
        take_causes(&b, &causes, true);
        take_causes(&b, &causes, false);
        rc = b.rc;
    }
    if (rc == DW_OK)
        rc = dw_alerts_decisions(how->view, false, take_decision, &b);
    rc = rc == DW_OK ? b.rc : rc;
    if (rc == DW_OK)
        rc = make_list(&b);
    dw_keyed_fini(&b.slots);
    policy_causes_fini(&causes);
    if (rc < 0) {
        dw_policy_list_free(b.list);
        return rc;
    }
    *ret = b.list;
    return DW_OK;
}

void dw_policy_list_free(struct dw_policy_list *l)
{
    if (!l)
        return;
    dw_free(l->entry);
    dw_arena_fini(&l->arena);
    dw_free(l);
}

int dw_policy_find(const struct dw_policy_list *l, struct dw_str prefix, struct dw_policy_entry **ret)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (!dw_str_starts(dw_str_of(l->entry[i]->id), prefix) || prefix.len == 0)
            continue;
        *ret = l->entry[i];
        found++;
    }
    return found == 1 ? DW_OK : found ? DW_EEXIST : DW_ENOENT;
}

struct dw_policy_decision dw_policy_approval(const struct dw_policy_list *l, const struct dw_policy_entry *e, const struct dw_policy_settings *s, int64_t until_ns, struct dw_arena *arena)
{
    struct dw_buf causes = {0};
    if (until_ns == 0 && __builtin_add_overflow(l->now_ns, s->expiry_ns, &until_ns))
        until_ns = INT64_MAX;
    for (uint32_t i = 0; i < e->cause_count; i++)
        dw_buf_printf(&causes, "%s%s", i ? "," : "", e->cause[i].id);
    struct dw_str kept = dw_arena_copy(arena, causes.len ? dw_buf_view(&causes) : DW_STR(""));
    dw_buf_fini(&causes);
    return (struct dw_policy_decision){.entry = e->id, .change = "", .author = "", .time_ns = l->now_ns, .until_ns = until_ns, .address = e->address,
        .provenance = e->provenance, .causes = kept.ptr ? kept.ptr : "", .reason = DW_STR("")};
}

/* ---- as JSON ---- */

static void put_text(struct dw_buf *out, const char *name, const char *text)
{
    dw_buf_printf(out, ",\"%s\":", name);
    (void)dw_json_string(out, dw_str_of(text));
}

static void put_time(struct dw_buf *out, const char *name, int64_t ns, bool known)
{
    dw_buf_printf(out, ",\"%s\":%s", name, known ? "\"" : "null");
    if (known) {
        dw_time_text(out, ns);
        dw_buf_byte(out, '"');
    }
}

void dw_policy_row(const struct dw_policy_entry *e, struct dw_buf *out)
{
    bool decided = e->author[0] != '\0';
    dw_buf_printf(out, "{\"id\":\"%s\",\"address\":\"%s\",\"state\":\"%s\"", e->id, e->address, dw_policy_state_text(e->state));
    put_text(out, "provenance", e->provenance);
    put_text(out, "why", e->why);
    put_time(out, "since", e->since_ns, e->since_ns != INT64_MAX);
    put_time(out, "last", e->last_ns, e->last_ns != INT64_MIN);
    dw_buf_printf(out, ",\"alerts\":%" PRIu64 ",\"events\":%" PRIu64, e->alerts, e->events);
    put_time(out, "decided", e->decided_ns, decided);
    put_time(out, "until", e->until_ns, decided);
    put_text(out, "author", e->author);
    put_text(out, "reason", e->reason);
    dw_buf_str(out, DW_STR(",\"causes\":["));
    for (uint32_t i = 0; i < e->cause_count; i++) {
        dw_buf_printf(out, "%s{\"id\":\"%s\"", i ? "," : "", e->cause[i].id);
        put_text(out, "rule", e->cause[i].rule);
        put_text(out, "title", e->cause[i].title);
        put_text(out, "level", e->cause[i].level);
        dw_buf_byte(out, '}');
    }
    dw_buf_str(out, DW_STR("]}\n"));
}
