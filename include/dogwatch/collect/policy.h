/*
 * Gateway policies: from alerts to what a gateway refuses.
 *
 *     alerts (view) --> proposed --> approved (who, until when) --> active --> expired or rolled back
 *
 * Proposals are not stored: they are made of the alerts and of their events in the archive whenever somebody asks, the same every time. What people
 * say of them (struct dw_policy_decision) is a line of alerts.log, as a silence is. An entry is one address: its id is made of the address
 * alone, so all that was ever said of the address is found under it.
 *
 * Promises:
 *   (1) Only what somebody approved, whose time is not over, is given to a gateway.
 *   (2) An address is the other end of a connection as the program that logged it saw it, or what a trusted proxy says of its own: never
 *       text out of a header or a body (tbl/provenance.h).
 *   (3) No entry meets the never-block list, however either is written; that is looked at when it is proposed, approved and served.
 *
 * Thread: each object belongs to one thread; settings are read-only after they are made.
 */
#ifndef DOGWATCH_COLLECT_POLICY_H
#define DOGWATCH_COLLECT_POLICY_H

#include "dogwatch/collect/answer.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/pred/ip.h"

enum {
    DW_POLICY_ENTRIES_MAX = 10000, /* of one list; as many addresses may be decided on */
    DW_POLICY_CAUSES_MAX = 8,      /* alerts that an entry names: its first */
    DW_NET_TEXT = 48,
    DW_POLICY_CURSOR_TEXT = 80,
};

/* ---- networks ---- */

/* Whether they have an address in common. */
bool dw_nets_meet(const struct dw_cidr *a, const struct dw_cidr *b);
/* What an entry covers that is about an address: IPv4 alone, also when it is IPv4-mapped; of IPv6 its /64, which is what one host has. */
struct dw_cidr dw_policy_net(const struct dw_ip *ip);
/* 203.0.113.9, 2001:db8:0:1::/64. */
void dw_net_text(const struct dw_cidr *net, char ret[DW_NET_TEXT]);
/* An entry's id: of its address. */
void dw_policy_id(const struct dw_cidr *net, char ret[DW_POLICY_ID_TEXT]);
/* The network of an entry by its address as dw_net_text writes it; false: it is none. */
bool dw_policy_address(struct dw_str address, struct dw_cidr *ret);

/* ---- settings ---- */

struct dw_policy_settings;
/* Of the options policy.*; keeps none of them. DW_ENOMEM, DW_ECONFIG: dw_policy_option_check says what. */
DW_MUST_USE int dw_policy_settings_new(const struct dw_collector_options *o, struct dw_policy_settings **ret);
void dw_policy_settings_free(struct dw_policy_settings *s);
/* For struct dw_conf's check: whether a value of an option policy.* is a network; of other options all is taken. */
int dw_policy_option_check(const char *option, struct dw_str value, struct dw_buf *why);
/* The part of the never-block list that a network meets, as "10.0.0.0/8, private": valid as long as the settings. NULL: none. */
const char *dw_policy_never(const struct dw_policy_settings *s, const struct dw_cidr *net);
/* Whether an address is a trusted proxy's. */
bool dw_policy_is_proxy(const struct dw_policy_settings *s, const struct dw_ip *ip);

/* ---- where an address comes from ---- */

enum dw_provenance { DW_FROM_UNKNOWN, DW_FROM_CLAIM, DW_FROM_PROXY, DW_FROM_PEER };
/* "peer", "proxy", "claimed", "unknown". */
const char *dw_provenance_text(enum dw_provenance p);
/* Whom an event came from, by its source.ip and how its format proves it. *ret_ip: of PEER and PROXY; *ret_why: of the others, static. */
enum dw_provenance dw_provenance_of(const struct dw_policy_settings *s, const struct dw_keys *keys, const struct dw_event *ev, struct dw_ip *ret_ip, const char **ret_why);
/* The rows of tbl/provenance.h for its page; false: no more. */
bool dw_provenance_row(size_t i, const char **ret_dataset, const char **ret_doc);

/* ---- entries ---- */

enum dw_policy_state {
#define POLICY_STATE(name, doc) DW_POLICY_##name,
#include "dogwatch/tbl/policy_states.h"
#undef POLICY_STATE
    DW_POLICY_STATES
};
const char *dw_policy_state_text(enum dw_policy_state s);
const char *dw_policy_state_doc(enum dw_policy_state s);

/* Texts and causes belong to the list. */
struct dw_policy_entry {
    char id[DW_POLICY_ID_TEXT];
    struct dw_cidr net;
    char address[DW_NET_TEXT];
    enum dw_policy_state state;
    const char *provenance;
    const char *why;           /* of a refused one; else "" */
    int64_t since_ns, last_ns; /* of the alerts that count; INT64_MAX and INT64_MIN: there is none any more */
    uint64_t alerts, events;   /* that name it and count */
    /* what was said last; author "": nothing */
    const char *author, *reason;
    int64_t decided_ns, until_ns;
    struct {
        const char *id, *rule, *title, *level;
    } cause[DW_POLICY_CAUSES_MAX];
    uint32_t cause_count;
};

struct dw_policy_list {
    struct dw_policy_entry **entry; /* by address */
    uint32_t count;
    int64_t now_ns;
    const char *partial; /* why it is not the whole one; NULL: it is */
    struct dw_arena arena;
};

struct dw_policy_ask {
    struct dw_alerts *view;
    const struct dw_policy_settings *settings;
    const char *archive; /* NULL: only what was decided on, without proposals */
    int64_t now_ns;
    int64_t since_ns; /* proposals by alerts from then on; INT64_MIN: all */
    void (*problem)(void *arg, const char *where, int rc); /* told of each part of the archive that cannot be read */
    bool (*stop)(void *arg); /* NULL, or asked before each frame: then the list is partial */
    void *arg;
};
/* Gives the list. DW_ENOMEM, DW_EIO, codes of dw_archive_reader_open. */
DW_MUST_USE int dw_policy_list(const struct dw_policy_ask *how, struct dw_policy_list **ret);
void dw_policy_list_free(struct dw_policy_list *l);
/* The entry whose id begins so. DW_ENOENT; DW_EEXIST: several. */
DW_MUST_USE int dw_policy_find(const struct dw_policy_list *l, struct dw_str prefix, struct dw_policy_entry **ret);
/* What somebody says of an entry: texts are the entry's and the caller's. `until_ns`: 0: the settings' expiry from now on. */
struct dw_policy_decision dw_policy_approval(const struct dw_policy_list *l, const struct dw_policy_entry *e, const struct dw_policy_settings *s, int64_t until_ns, struct dw_arena *arena);
/* An entry as one JSON object and a newline. */
void dw_policy_row(const struct dw_policy_entry *e, struct dw_buf *out);

/* ---- in a gateway's language ---- */

struct dw_policy_target;
/* NULL: there is none of this name. */
const struct dw_policy_target *dw_policy_target(struct dw_str name);
/* The table's; NULL past the last. */
const char *dw_policy_target_name(size_t i);
const char *dw_policy_target_summary(size_t i);
/* The active entries; with `proposed` also those that wait, as comments: they have no effect. What strangers wrote (titles of rules, reasons)
 * stands in comments alone, a line each. */
void dw_policy_print(const struct dw_policy_target *t, const struct dw_policy_list *l, bool proposed, struct dw_buf *out);
/* Why nothing is blocked, a sentence a line; nothing when something is. */
void dw_policy_why_none(const struct dw_policy_list *l, struct dw_buf *out);

/* What a file of any target holds, beside the list: calls `each` with "added" (only the list has it), "gone" (only the file) or "changed" (it ends at
 * another time there, INT64_MIN: it does not say when). DW_ENOMEM; DW_ELIMIT: over DW_POLICY_ENTRIES_MAX addresses in it. */
DW_MUST_USE int dw_policy_diff(const struct dw_policy_list *l, struct dw_str file, void (*each)(void *arg, const char *what, const char *address, int64_t there_ns, int64_t here_ns), void *arg);

/* ---- what came and went: for gateways that ask again and again ---- */

struct dw_policy_delta {
    bool reset; /* what is told as added is all there is: who asks forgets the rest */
    char cursor[DW_POLICY_CURSOR_TEXT]; /* for the next time */
};
/* What became active and ceased to be since `after` was the cursor; empty: all. `each`: e has only id, address, net and until_ns; why "approved", "expired"
 * or "rolled back". DW_ESYNTAX: it is no cursor. */
DW_MUST_USE int dw_policy_changes(struct dw_alerts *view, const struct dw_policy_settings *s, int64_t now_ns, struct dw_str after,
    void (*each)(void *arg, bool added, const struct dw_policy_entry *e, const char *why), void *arg, struct dw_policy_delta *ret);

/* ---- what it would have hit ---- */

struct dw_policy_impact {
    const struct dw_policy_entry *entry;
    int64_t from_ns, to_ns;     /* from the first alert to the end */
    uint64_t requests, within;  /* in all of the archive; in that time */
    uint64_t answered;          /* of all: with a status below 400 */
    uint64_t with_user;         /* of all: with an account; 0: whether it was a customer is not known */
    uint64_t users, agents;     /* different ones; at least so many where `more` */
    bool more;
    uint64_t claimed;           /* lines that name the address and prove nothing: the gateway would not have hit those */
    int64_t first_ns, last_ns;  /* INT64_MAX and INT64_MIN: no request */
};
struct dw_policy_impact_ask {
    const char *archive;
    const struct dw_policy_settings *settings;
    const struct dw_policy_entry *const *entry;
    uint32_t count;
    int64_t now_ns;
    void (*problem)(void *arg, const char *where, int rc);
    bool (*stop)(void *arg);
    void *arg;
};
/* One pass over the archive; `ret` has room for `count`. *ret_whole: all was read. DW_ENOMEM, codes of dw_archive_reader_open. */
DW_MUST_USE int dw_policy_impact(const struct dw_policy_impact_ask *how, struct dw_policy_impact *ret, bool *ret_whole);
/* As one JSON object and a newline. */
void dw_policy_impact_row(const struct dw_policy_impact *i, bool whole, struct dw_buf *out);

#endif
