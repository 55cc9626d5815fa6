/* Tests of what alerts propose: by their events in an archive, each of which has to prove the same address. */
#include "policies.h"
#include "world.h"

#include "dogwatch/parsers/parser.h"

#include <stdio.h>

enum { LINES_MAX = 32 };
#define DAY_NS INT64_C(1795910400000000000) /* 2026-11-29 */

static const char *const usual[] = {"policy.trusted_proxies=[192.0.2.0/28]", "policy.level=medium", NULL};

struct site {
    struct world w;
    char alerts_dir[600];
    struct dw_alerts *alerts;
    struct dw_policy_settings *s;
    char id[LINES_MAX][DW_EVENT_ID_TEXT];
    uint32_t lines;
};

/* One request in nginx's log; `hops`: X-Forwarded-For as a field of its own, or NULL. Its number. */
static uint32_t log_line(struct site *t, const char *client, const char *user, const char *hops, int status)
{
    char line[300];
    uint32_t key, n = t->lines++;
    struct dw_parse_ctx ctx = {.user = NULL};
    assert_true(n < LINES_MAX);
    (void)snprintf(line, sizeof line, "%s - %s [29/Nov/2026:11:00:%02u +0000] \"GET /x HTTP/1.1\" %d 5 \"-\" \"agent-%u\"", client, user, n, status, n % 2);
    assert_true(dw_batch_fits(t->w.agent.batch, &t->w.agent.stream[0], strlen(line)));
    struct dw_draft *d = dw_batch_draft(t->w.agent.batch, dw_str_of(line));
    assert_int_equal(dw_parser_run(dw_parser_find(DW_STR("nginx_access")), &ctx, d->line, d), DW_OK);
    if (hops) {
        assert_int_equal(dw_keys_intern(d->keys, DW_STR("nginx.access.http_x_forwarded_for"), &key), DW_OK);
        dw_draft_literal(d, key, dw_str_of(hops));
    }
    struct dw_event ev = {.time_ns = DAY_NS + n, .read_at_ns = 2000, .stream = &t->w.agent.stream[0], .start = 1000 * (uint64_t)n, .end = 1000 * (uint64_t)n + 999};
    dw_batch_commit(t->w.agent.batch, &ev);
    dw_event_id_text(&ev, t->id[n]);
    return n;
}

static void archive_lines(struct site *t)
{
    world_append(&t->w, frames_encode(&t->w.agent, false), NULL);
    assert_int_equal(dw_archive_sync(t->w.archive), DW_OK);
}

static void begin(struct site *t, const char *const *set)
{
    *t = (struct site){.lines = 0};
    world_init(&t->w);
    (void)snprintf(t->alerts_dir, sizeof t->alerts_dir, "%s/alerts", t->w.dir);
    assert_int_equal(dw_alerts_open(&dw_fs_system, t->alerts_dir, &t->alerts), DW_OK);
    t->s = policy_settings(set);
    dw_alerts_never_block(t->alerts, t->s);
}

static void end(struct site *t)
{
    dw_alerts_close(t->alerts);
    dw_policy_settings_free(t->s);
    world_fini(&t->w);
}

/* An alert about an address, by lines from `first` on; `total`: events that it counted. */
static void raise_alert(struct site *t, const char *id, const char *level, const char *ip, uint32_t first, uint32_t lines, int64_t total)
{
    struct dw_buf doc = {0};
    dw_buf_printf(&doc, "{\"source\":{\"ip\":\"%s\"},\"dogwatch\":{\"events\":[", ip);
    for (uint32_t i = 0; i < lines; i++)
        dw_buf_printf(&doc, "%s\"%s\"", i ? "," : "", first + i < LINES_MAX && t->id[first + i][0] ? t->id[first + i] : "00000000000000000000000000000000-7");
    dw_buf_str(&doc, DW_STR("]}}"));
    struct dw_alert a = {.id = id, .rule = level[0] == 'd' ? "dogwatch.bytes.gap" : "r", .title = "rule", .level = level[0] == 'd' ? "high" : level, .time_ns = DAY_NS + first,
        .total = total, .doc = dw_buf_view(&doc)};
    assert_int_equal(dw_alerts_raise(t->alerts, &a), DW_OK);
    assert_int_equal(dw_alerts_sync(t->alerts), DW_OK);
    dw_buf_fini(&doc);
}

static void unreadable(void *arg, const char *where, int rc)
{
    (void)arg;
    fail_msg("%s: %d", where, rc);
}

static struct dw_policy_ask ask_of(const struct site *t, int64_t now_ns)
{
    return (struct dw_policy_ask){.view = t->alerts, .settings = t->s, .archive = t->w.dir, .now_ns = now_ns, .since_ns = INT64_MIN, .problem = unreadable};
}

static void assert_list(const struct site *t, int64_t now_ns, const char *want)
{
    struct dw_policy_ask how = ask_of(t, now_ns);
    struct dw_buf out = {0};
    for (int again = 0; again < 2; again++) { /* the same every time */
        struct dw_policy_list *l = NULL;
        assert_int_equal(dw_policy_list(&how, &l), DW_OK);
        assert_null(l->partial);
        dw_buf_reset(&out);
        for (uint32_t i = 0; i < l->count; i++)
            dw_buf_printf(&out, "%s %s %s x%d%s%s\n", l->entry[i]->address, dw_policy_state_text(l->entry[i]->state), l->entry[i]->provenance, (int)l->entry[i]->alerts,
                l->entry[i]->why[0] ? ": " : "", l->entry[i]->why);
        assert_str(dw_buf_view(&out), want);
        dw_policy_list_free(l);
    }
    dw_buf_fini(&out);
}

static void every_event_has_to_prove_the_address(void **state)
{
    (void)state;
    struct site t;
    begin(&t, usual);
    log_line(&t, "203.0.113.9", "-", NULL, 200);                 /* 0 */
    log_line(&t, "203.0.113.9", "-", NULL, 200);                 /* 1 */
    log_line(&t, "203.0.113.10", "-", NULL, 200);                /* 2 */
    log_line(&t, "203.0.113.10, 198.51.100.1", "-", NULL, 200);  /* 3: a header's */
    log_line(&t, "10.1.1.1", "-", NULL, 200);                    /* 4 */
    log_line(&t, "2001:db8::7", "-", NULL, 200);                 /* 5 */
    log_line(&t, "2001:db8::8", "-", NULL, 200);                 /* 6: of the same /64 */
    archive_lines(&t);
    raise_alert(&t, "a1", "medium", "203.0.113.9", 0, 2, 2);
    raise_alert(&t, "a2", "high", "203.0.113.9", 1, 1, 1);
    raise_alert(&t, "a3", "high", "203.0.113.10", 2, 2, 2);
    raise_alert(&t, "a4", "high", "10.1.1.1", 4, 1, 1);
    raise_alert(&t, "a5", "high", "2001:db8::7", 5, 2, 2);
    raise_alert(&t, "a6", "high", "203.0.113.77", 30, 1, 1); /* let go by the archive */
    raise_alert(&t, "a7", "high", "203.0.113.78", 0, 0, 1);
    raise_alert(&t, "a8", "low", "203.0.113.79", 0, 1, 1);
    raise_alert(&t, "a9", "dogwatch", "203.0.113.80", 0, 1, 1);
    raise_alert(&t, "aa", "high", "203.0.113.81", 0, 1, 1); /* its event is another's */
    assert_list(&t, DAY_NS + 100,
        "10.1.1.1 refused peer x1: never-block list: 10.0.0.0/8, private\n203.0.113.9 proposed peer x2\n"
        "203.0.113.10 refused claimed x1: the address does not stand where this format has that of the connection\n"
        "203.0.113.77 refused unknown x1: not all of its events are in the archive\n203.0.113.78 refused unknown x1: the alert names no event\n"
        "203.0.113.81 refused claimed x1: its events are of another address\n2001:db8::/64 proposed peer x1\n");
    end(&t);
}

static void behind_a_proxy_an_alert_is_of_one_client_or_of_nobody(void **state)
{
    (void)state;
    struct site t;
    begin(&t, usual);
    log_line(&t, "192.0.2.1", "-", "203.0.113.9", 200);               /* 0 */
    log_line(&t, "192.0.2.1", "-", "198.51.100.1, 203.0.113.9", 200); /* 1: forged before the proxy */
    log_line(&t, "192.0.2.1", "-", "203.0.113.10", 200);              /* 2 */
    log_line(&t, "192.0.2.1", "-", "203.0.113.11", 200);              /* 3 */
    archive_lines(&t);
    raise_alert(&t, "a1", "high", "192.0.2.1", 0, 2, 2);
    raise_alert(&t, "a2", "high", "192.0.2.1", 1, 2, 2); /* of two clients */
    raise_alert(&t, "a3", "high", "192.0.2.1", 3, 1, 5); /* four more are not named */
    assert_list(&t, DAY_NS + 100, "192.0.2.1 refused claimed x2: its events are of several clients\n203.0.113.9 proposed proxy x1\n");
    end(&t);
}

static void what_people_found_to_be_nothing_proposes_nothing(void **state)
{
    (void)state;
    struct site t;
    begin(&t, usual);
    log_line(&t, "203.0.113.9", "-", NULL, 200);
    archive_lines(&t);
    raise_alert(&t, "a1", "high", "203.0.113.9", 0, 1, 1);
    assert_list(&t, DAY_NS + 100, "203.0.113.9 proposed peer x1\n");
    struct dw_alert_change c = {.change = "1", .alert = "a1", .author = "alice", .field = DW_ALERT_disposition, .time_ns = 1, .value = DW_STR("false_positive")};
    assert_int_equal(dw_alerts_change(t.alerts, &c), DW_OK);
    assert_int_equal(dw_alerts_sync(t.alerts), DW_OK);
    assert_list(&t, DAY_NS + 100, "");
    end(&t);
}

/* Approves the first proposal until `until_ns`, or takes it back. */
static int decide(struct site *t, int64_t now_ns, int64_t until_ns, bool rolls_back, const char *change)
{
    struct dw_policy_ask how = ask_of(t, now_ns);
    struct dw_policy_list *l = NULL;
    assert_int_equal(dw_policy_list(&how, &l), DW_OK);
    struct dw_policy_decision d = dw_policy_approval(l, l->entry[0], t->s, until_ns, &l->arena);
    d.change = change;
    d.author = "alice";
    d.rolled_back = rolls_back;
    int rc = dw_alerts_decide(t->alerts, &d);
    assert_int_equal(dw_alerts_sync(t->alerts), DW_OK);
    dw_policy_list_free(l);
    return rc;
}

static void alerts_after_its_end_propose_it_anew(void **state)
{
    (void)state;
    struct site t;
    begin(&t, usual);
    log_line(&t, "203.0.113.9", "-", NULL, 200);
    log_line(&t, "203.0.113.9", "-", NULL, 200);
    log_line(&t, "203.0.113.9", "-", NULL, 200);
    archive_lines(&t);
    raise_alert(&t, "a0", "high", "203.0.113.9", 0, 1, 1);
    assert_int_equal(decide(&t, DAY_NS, DAY_NS + 1, false, "1"), DW_OK);
    assert_list(&t, DAY_NS, "203.0.113.9 active peer x1\n");
    assert_list(&t, DAY_NS + 1, "203.0.113.9 expired peer x1\n");
    raise_alert(&t, "a2", "high", "203.0.113.9", 2, 1, 1);
    assert_list(&t, DAY_NS + 3, "203.0.113.9 proposed peer x2\n");
    assert_int_equal(decide(&t, DAY_NS + 3, 0, false, "2"), DW_OK); /* for policy.expiry */
    assert_list(&t, DAY_NS + INT64_C(86400000000000), "203.0.113.9 active peer x2\n");
    assert_int_equal(decide(&t, DAY_NS + 4, DAY_NS + 4, true, "3"), DW_OK);
    assert_list(&t, DAY_NS + 5, "203.0.113.9 rolled_back peer x2\n");
    end(&t);
}

/* ---- dry run ---- */

static void a_dry_run_counts_what_the_gateway_would_have_hit(void **state)
{
    (void)state;
    struct site t;
    begin(&t, usual);
    log_line(&t, "203.0.113.9", "bob", NULL, 200);                 /* before the alert */
    log_line(&t, "203.0.113.9", "-", NULL, 404);                   /* 1: the alert's */
    log_line(&t, "203.0.113.9", "eve", NULL, 302);
    log_line(&t, "203.0.113.9", "bob", "198.51.100.1", 200);       /* its own header changes nothing */
    log_line(&t, "192.0.2.1", "-", "198.51.100.1,203.0.113.9", 500); /* by way of the proxy */
    log_line(&t, "203.0.113.9, 198.51.100.1", "-", NULL, 200);     /* a claim */
    log_line(&t, "203.0.113.10", "carol", NULL, 200);              /* somebody else */
    archive_lines(&t);
    raise_alert(&t, "a1", "high", "203.0.113.9", 1, 1, 1);
    struct dw_policy_ask list = ask_of(&t, DAY_NS + 3);
    struct dw_policy_list *l = NULL;
    struct dw_policy_impact got;
    bool whole = false;
    assert_int_equal(decide(&t, DAY_NS + 1, DAY_NS + 3, false, "1"), DW_OK);
    assert_int_equal(dw_policy_list(&list, &l), DW_OK);
    const struct dw_policy_entry *entry = l->entry[0];
    struct dw_policy_impact_ask how = {.archive = t.w.dir, .settings = t.s, .entry = &entry, .count = 1, .now_ns = DAY_NS + 3, .problem = unreadable};
    assert_int_equal(dw_policy_impact(&how, &got, &whole), DW_OK);
    assert_true(whole && !got.more);
    const uint64_t is[] = {got.requests, got.within, got.answered, got.with_user, got.users, got.agents, got.claimed};
    static const uint64_t want[] = {5, 3, 3, 3, 2, 2, 1};
    for (size_t i = 0; i < DW_COUNT_OF(want); i++)
        assert_int_equal(is[i], want[i]);
    assert_true(got.first_ns == DAY_NS && got.last_ns == DAY_NS + 4);
    dw_policy_list_free(l);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_has_to_prove_the_address),
        cmocka_unit_test(behind_a_proxy_an_alert_is_of_one_client_or_of_nobody),
        cmocka_unit_test(what_people_found_to_be_nothing_proposes_nothing),
        cmocka_unit_test(alerts_after_its_end_propose_it_anew),
        cmocka_unit_test(a_dry_run_counts_what_the_gateway_would_have_hit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
