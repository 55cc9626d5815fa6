/*
 * alert_policy: what people say of the entries of gateway policies: lines of alerts.log, and a table of the view.
 *
 * Idea: an approval holds what it approves (address, end, how the address was proved, the alerts), so that it can be served and explained without
 * the archive, and long after.
 *
 * Invariants:
 *   (1) No line approves what the never-block list holds, whoever asks.
 *   (2) Of an entry the newest line counts; none is ever removed.
 */
#include "alert_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/policy.h"

void dw_alerts_never_block(struct dw_alerts *a, const struct dw_policy_settings *s)
{
    a->policy = s;
}

/* Whether the view or what waits has a line on an entry. *ret_full: as many entries are decided on as may be. */
static int find_entry(struct dw_alerts *a, const char *entry, bool *ret_has, bool *ret_full)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(a->db, "SELECT count(DISTINCT id), coalesce(max(id=?1), 0) FROM policy", -1, &s, NULL);
    *ret_has = *ret_full = false;
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_text(s, 1, entry, -1, SQLITE_STATIC);
        if ((rc = sqlite3_step(s)) == SQLITE_ROW) {
            *ret_full = sqlite3_column_int64(s, 0) >= DW_POLICY_ENTRIES_MAX;
            *ret_has = sqlite3_column_int(s, 1) != 0;
        }
    }
    (void)sqlite3_finalize(s);
    for (const struct alert_pending *p = a->head; p && !*ret_has; p = p->next)
        *ret_has = p->kind == ALERT_DECIDED && strcmp(p->decision.entry, entry) == 0;
    return rc == SQLITE_ROW ? DW_OK : dw_err_from_sqlite(rc);
}

static bool has_cause(struct dw_alerts *a, const char *causes)
{
    char id[DW_ALERT_ID_TEXT];
    struct dw_str rest = dw_str_of(causes);
    while (rest.len) {
        struct dw_str one = dw_str_cut(&rest, ',');
        if (one.len == 0 || one.len >= sizeof id)
            continue;
        memcpy(id, one.ptr, one.len);
        id[one.len] = '\0';
        if (alert_is_known(a, id))
            return true;
    }
    return false;
}

static int check_decision(struct dw_alerts *a, const struct dw_policy_decision *d)
{
    char id[DW_POLICY_ID_TEXT];
    bool has, full;
    struct dw_cidr net;
    if (!dw_policy_address(dw_str_of(d->address), &net))
        return DW_ESYNTAX;
    dw_policy_id(&net, id);
    if (strcmp(id, d->entry) != 0)
        return DW_ESYNTAX;
    if (d->reason.len > DW_ALERT_VALUE_MAX || strlen(d->causes) > DW_ALERT_VALUE_MAX)
        return DW_ELIMIT;
    int rc = find_entry(a, d->entry, &has, &full);
    if (rc < 0)
        return rc;
    if (d->rolled_back)
        return has ? DW_OK : DW_ENOENT;
    if (!a->policy || dw_policy_never(a->policy, &net))
        return DW_EACCES;
    if (d->until_ns <= d->time_ns || (full && !has))
        return DW_ELIMIT;
    return has_cause(a, d->causes) ? DW_OK : DW_ENOENT;
}

int dw_alerts_decide(struct dw_alerts *a, const struct dw_policy_decision *d)
{
    int rc = check_decision(a, d);
    if (rc < 0 || alert_is_made(a, d->change))
        return rc;
    const struct dw_str text[] = {dw_str_of(d->entry), dw_str_of(d->change), dw_str_of(d->author), dw_str_of(d->address), dw_str_of(d->provenance),
        dw_str_of(d->causes), d->reason};
    const char *at[DW_COUNT_OF(text)];
    struct alert_pending *p = alert_new_pending(ALERT_DECIDED, text, DW_COUNT_OF(text), at);
    if (!p)
        return DW_ENOMEM;
    p->decision = *d;
    p->decision.entry = at[0];
    p->decision.change = at[1];
    p->decision.author = at[2];
    p->decision.address = at[3];
    p->decision.provenance = at[4];
    p->decision.causes = at[5];
    p->decision.reason = dw_str_make(at[6], text[6].len);
    return alert_add_change(a, p, at[1]);
}

int alert_policy_put(struct dw_alerts *a, const struct dw_policy_decision *d)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(a->db,
        "INSERT OR IGNORE INTO policy(id, change, author, time, back, ends, address, provenance, causes, reason) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_text(s, 1, d->entry, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 2, d->change, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 3, d->author, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(s, 4, d->time_ns);
        (void)sqlite3_bind_int(s, 5, d->rolled_back);
        (void)sqlite3_bind_int64(s, 6, d->until_ns);
        (void)sqlite3_bind_text(s, 7, d->address, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 8, d->provenance, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 9, d->causes, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 10, d->reason.ptr ? d->reason.ptr : "", (int)d->reason.len, SQLITE_STATIC);
        rc = sqlite3_step(s);
    }
    (void)sqlite3_finalize(s);
    return dw_err_from_sqlite(rc);
}

int dw_alerts_decisions(struct dw_alerts *a, bool all, void (*each)(void *arg, const struct dw_policy_decision *d), void *arg)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(a->db,
        "SELECT id, change, author, time, back, ends, address, provenance, causes, reason, n FROM policy"
        " WHERE ?1 OR n IN (SELECT max(n) FROM policy GROUP BY id) ORDER BY n", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int(s, 1, all);
        while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
            struct dw_policy_decision d = {.entry = alert_view_text(s, 0).ptr, .change = alert_view_text(s, 1).ptr, .author = alert_view_text(s, 2).ptr,
                .time_ns = sqlite3_column_int64(s, 3), .rolled_back = sqlite3_column_int(s, 4) != 0, .until_ns = sqlite3_column_int64(s, 5),
                .address = alert_view_text(s, 6).ptr, .provenance = alert_view_text(s, 7).ptr, .causes = alert_view_text(s, 8).ptr,
                .reason = alert_view_text(s, 9), .n = sqlite3_column_int64(s, 10)};
            each(arg, &d);
        }
    }
    (void)sqlite3_finalize(s);
    return dw_err_from_sqlite(rc);
}
