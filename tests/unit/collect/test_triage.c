/* Tests of what many alerts come to: fuse, groups, risk, and incidents against an oracle that compares every pair. */
#include "support.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/collect/triage.h"

#include <math.h>
#include <stdio.h>

#define HOUR_NS (3600 * INT64_C(1000000000))

struct made {
    struct dw_alert a;
    char id[DW_ALERT_ID_TEXT], key[64], doc[300];
};

static struct made make(const char *id, int64_t time_ns, const char *rule, const char *level, const char *key, const char *doc)
{
    struct made m = {.a = {.rule = rule, .title = rule, .level = level, .time_ns = time_ns, .total = 2, .said = {"new", "undetermined", "", ""}}};
    (void)snprintf(m.id, sizeof m.id, "%s", id);
    (void)snprintf(m.key, sizeof m.key, "%s", key);
    (void)snprintf(m.doc, sizeof m.doc, "%s", doc);
    return m;
}

static const struct dw_alert *of(struct made *m)
{
    m->a.id = m->id;
    m->a.key = dw_str_of(m->key);
    m->a.doc = dw_str_of(m->doc);
    return &m->a;
}

static void what_people_said_is_judged(void **state)
{
    (void)state;
    struct made m = make("1", 0, "r", "high", "", "{}");
    assert_true(dw_alert_is_open(of(&m)) && !dw_alert_is_nothing(of(&m)));
    m.a.said[DW_ALERT_status] = "resolved";
    assert_false(dw_alert_is_open(of(&m)) || dw_alert_is_nothing(of(&m)));
    m.a.said[DW_ALERT_status] = "in_progress";
    m.a.said[DW_ALERT_disposition] = "benign";
    assert_true(!dw_alert_is_open(of(&m)) && dw_alert_is_nothing(of(&m)));
    assert_true(dw_alert_severity("critical") > dw_alert_severity("low") && dw_alert_severity("what") == 0);
}

/* ---- fuse ---- */

struct told {
    struct dw_buf text;
    uint64_t alerts, events;
};

static void put_blown(void *arg, const struct dw_fuse_blown *b)
{
    struct told *t = arg;
    dw_buf_printf(&t->text, "%s %s %.*s @%lld: %llu, %llu", b->rule, b->level, DW_ARG(b->key), (long long)(b->hour_ns / HOUR_NS),
        (unsigned long long)b->alerts, (unsigned long long)b->events);
    for (uint32_t i = 0; i < b->top_count; i++)
        dw_buf_printf(&t->text, " %s=%llu", b->top[i].text, (unsigned long long)b->top[i].alerts);
    dw_buf_byte(&t->text, '\n');
    t->alerts += b->alerts;
    t->events += b->events;
}

static int show(struct dw_fuse *f, int count, int64_t hour, const char *rule, const char *key)
{
    int shown = 0;
    for (int i = 0; i < count; i++) {
        struct made m = make("1", hour * HOUR_NS + i, rule, "low", key, "{}");
        shown += dw_fuse_takes(f, of(&m));
    }
    return shown;
}

static void a_flood_is_summarised_by_key_rule_and_whole(void **state)
{
    (void)state;
    struct told t = {0};
    char key[32], rule[32];
    struct dw_fuse *f = dw_fuse_new();
    assert_int_equal(show(f, 50, 7, "r", "a"), DW_FUSE_KEY);
    assert_int_equal(show(f, 5, 8, "r", "a"), 5); /* another hour */
    assert_int_equal(show(f, 2, -1, "r", "a"), 2);
    int shown = DW_FUSE_KEY;
    for (int i = 0; i < 200; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        shown += show(f, 1, 7, "r", key);
    }
    assert_int_equal(shown, DW_FUSE_RULE);
    assert_int_equal(show(f, 7, 7, "r", "k199"), 0);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(rule, sizeof rule, "rule%d", i);
        shown += show(f, 1, 7, rule, "");
    }
    assert_int_equal(shown, DW_FUSE_ALL);
    dw_fuse_each(f, put_blown, &t);
    dw_buf_byte(&t.text, 0);
    assert_ptr_equal(strstr(t.text.ptr, "r low  @7: 127, 254 k199="), t.text.ptr);
    assert_non_null(strstr(t.text.ptr, "\n   @7: 1100, 2200 rule"));
    assert_non_null(strstr(t.text.ptr, "\nr low a @7: 30, 60\n"));
    assert_int_equal(t.alerts, 30 + 127 + 1100);
    dw_buf_reset(&t.text);
    dw_fuse_each(f, put_blown, &t);
    assert_int_equal(t.text.len, 0); /* told once */
    assert_int_equal(show(f, 3, 7, "r", "a"), 0);
    dw_fuse_each(f, put_blown, &t);
    assert_str(dw_buf_view(&t.text), "r low a @7: 3, 6\n");
    dw_buf_fini(&t.text);
    dw_fuse_free(f);
}

/* ---- groups ---- */

static void put_group(void *arg, const struct dw_alert_group *g)
{
    dw_buf_printf(arg, "%s %s %.*s %s: %llu %llu %llu %lld-%lld\n", g->rule, g->level, DW_ARG(g->key), g->newest, (unsigned long long)g->alerts,
        (unsigned long long)g->open, (unsigned long long)g->events, (long long)g->first_ns, (long long)g->last_ns);
}

static void alerts_of_a_rule_for_a_key_are_one_row(void **state)
{
    (void)state;
    struct dw_buf out = {0};
    struct dw_alert_groups *g = dw_alert_groups_new();
    struct made m[] = {make("1", 1, "r", "low", "a", "{}"), make("2", 2, "r", "low", "b", "{}"), make("3", 3, "s", "high", "a", "{}"),
        make("4", 4, "r", "low", "a", "{}"), make("5", 5, "ra", "low", "", "{}")};
    m[3].a.said[DW_ALERT_status] = "closed";
    for (size_t i = 0; i < DW_COUNT_OF(m); i++)
        assert_int_equal(dw_alert_groups_add(g, of(&m[i])), DW_OK);
    assert_int_equal(dw_alert_groups_each(g, put_group, &out), DW_OK);
    assert_str(dw_buf_view(&out), "s high a 3: 1 1 2 3-3\nra low  5: 1 1 2 5-5\nr low a 4: 2 1 4 1-4\nr low b 2: 1 1 2 2-2\n");
    dw_buf_fini(&out);
    dw_alert_groups_free(g);
}

/* ---- risk ---- */

static void put_risk(void *arg, const struct dw_risk *r)
{
    dw_buf_printf(arg, "%s %s %.2f %llu %s\n", dw_entity_name(r->kind), r->value, r->points, (unsigned long long)r->alerts, r->level);
}

static void risk_halves_every_day_and_repetition_adds_nothing(void **state)
{
    (void)state;
    struct dw_buf out = {0};
    const int64_t now = 100 * DW_RISK_HALF_NS;
    struct dw_risks *r = dw_risks_new(now);
    static const char both[] = "{\"source\":{\"ip\":\"1.2.3.4\"},\"user\":{\"name\":\"root\"}}";
    struct made m[] = {make("1", now - 2 * DW_RISK_HALF_NS, "r", "critical", "", both), make("2", now, "r", "low", "", both),
        make("3", now + 1, "r", "low", "", both), make("4", now + 2, "s", "medium", "", "{\"user\":{\"name\":\"bob\"}}"),
        make("5", now + 2, "s", "medium", "", "{\"user\":{\"name\":\"\"}}"), make("6", now + 2, "s", "medium", "", "{\"user\":7}")};
    for (size_t i = 0; i < DW_COUNT_OF(m); i++)
        assert_int_equal(dw_risks_add(r, of(&m[i])), DW_OK);
    assert_int_equal(dw_risks_each(r, put_risk, &out), DW_OK);
    assert_str(dw_buf_view(&out), "source.ip 1.2.3.4 28.00 3 critical\nuser.name root 28.00 3 critical\nuser.name bob 10.00 1 medium\n");
    dw_buf_fini(&out);
    dw_risks_free(r);
}

/* ---- incidents ---- */

static void put_incident(void *arg, const struct dw_incident *i)
{
    dw_buf_printf(arg, "%s %s %u %u %lld-%lld\n", i->id, i->level, i->alerts, i->open, (long long)(i->first_ns / HOUR_NS),
        (long long)(i->last_ns / HOUR_NS));
}

static void put_entity(void *arg, enum dw_entity kind, const char *value, uint32_t alerts)
{
    dw_buf_printf(arg, "%s=%s %u\n", dw_entity_name(kind), value, alerts);
}

static void put_alert(void *arg, const char *id)
{
    dw_buf_printf(arg, "%s ", id);
}

static void alerts_that_share_an_entity_are_an_incident(void **state)
{
    (void)state;
    struct dw_buf out = {0};
    struct dw_incidents *in = dw_incidents_new();
    struct made m[] = {make("a", 0, "r", "low", "", "{\"source\":{\"ip\":\"1.1.1.1\"},\"host\":{\"name\":\"h\"}}"),
        make("b", HOUR_NS, "r", "low", "", "{\"user\":{\"name\":\"root\"},\"host\":{\"name\":\"h\"}}"), /* a host alone joins nothing */
        make("c", 2 * HOUR_NS, "s", "high", "", "{\"source\":{\"ip\":\"1.1.1.1\"},\"user\":{\"name\":\"root\"},\"host\":{\"name\":\"h\"}}"),
        make("d", 3 * HOUR_NS, "s", "high", "", "{\"user\":{\"name\":\"root\"},\"host\":{\"name\":\"other\"}}"), /* another root */
        make("e", 27 * HOUR_NS, "s", "high", "", "{\"source\":{\"ip\":\"1.1.1.1\"}}"), /* a day and an hour later */
        make("f", 27 * HOUR_NS, "r", "low", "", "{\"container\":{\"id\":\"77\",\"name\":\"web\"}}"),
        make("g", 28 * HOUR_NS, "r", "low", "", "{\"container\":{\"id\":\"77\",\"name\":\"web\"}}")};
    m[6].a.said[DW_ALERT_status] = "closed";
    for (size_t i = 0; i < DW_COUNT_OF(m); i++)
        assert_int_equal(dw_incidents_add(in, of(&m[i])), DW_OK);
    assert_int_equal(dw_incidents_each(in, put_incident, &out), DW_OK);
    struct dw_incident i;
    assert_int_equal(dw_incidents_find(in, DW_STR("b"), &i), DW_OK); /* any of its alerts leads to it */
    assert_string_equal(i.id, "a");
    dw_incidents_entities(in, &i, put_entity, &out);
    dw_incidents_alerts(in, &i, put_alert, &out);
    assert_int_equal(dw_incidents_find(in, DW_STR("g"), &i), DW_OK);
    dw_incidents_entities(in, &i, put_entity, &out);
    assert_int_equal(dw_incidents_find(in, DW_STR("d"), &i), DW_ENOENT); /* alone */
    assert_int_equal(dw_incidents_find(in, DW_STR(""), &i), DW_EEXIST);
    assert_str(dw_buf_view(&out), "a high 3 3 0-2\nf low 2 1 27-28\nuser.name=root@h 2\nsource.ip=1.1.1.1 2\na b c container.id=web 2\n");
    dw_buf_fini(&out);
    dw_incidents_free(in);
}

enum { MANY = 60 };

/* Which first alert each has, by joining every pair within a gap of one entity until nothing changes. */
static void oracle(const int64_t *time, const int *ip, const int *box, int count, int *first)
{
    bool changed = true;
    for (int i = 0; i < count; i++)
        first[i] = i;
    while (changed) {
        changed = false;
        for (int i = 0; i < count; i++)
            for (int j = 0; j < i; j++) {
                bool shared = (ip[i] && ip[i] == ip[j]) || (box[i] && box[i] == box[j]);
                if (!shared || time[i] - time[j] > DW_INCIDENT_GAP_NS || first[i] == first[j])
                    continue;
                int least = first[i] < first[j] ? first[i] : first[j];
                first[i] = first[j] = least;
                changed = true;
            }
    }
}

static void incidents_are_what_every_pair_says(void **state)
{
    (void)state;
    struct dw_rng rng = {5};
    for (int round = 0; round < 200; round++) {
        int64_t time[MANY], now = 0;
        int ip[MANY], box[MANY], first[MANY], size[MANY] = {0};
        struct dw_buf want = {0}, got = {0};
        struct dw_incidents *in = dw_incidents_new();
        for (int i = 0; i < MANY; i++) {
            char id[16], doc[200];
            now += (int64_t)dw_rng_below(&rng, 12) * HOUR_NS;
            time[i] = now;
            ip[i] = (int)dw_rng_below(&rng, 12);
            box[i] = (int)dw_rng_below(&rng, 12);
            (void)snprintf(id, sizeof id, "%d", i);
            int n = snprintf(doc, sizeof doc, "{\"x\":%d", i);
            if (ip[i])
                n += snprintf(doc + n, sizeof doc - (size_t)n, ",\"source\":{\"ip\":\"1.%d\"}", ip[i]);
            if (box[i])
                n += snprintf(doc + n, sizeof doc - (size_t)n, ",\"container\":{\"id\":\"c%d\"}", box[i]);
            (void)snprintf(doc + n, sizeof doc - (size_t)n, "}");
            struct made m = make(id, now, "r", "low", "", doc);
            assert_int_equal(dw_incidents_add(in, of(&m)), DW_OK);
        }
        oracle(time, ip, box, MANY, first);
        for (int i = 0; i < MANY; i++)
            size[first[i]]++;
        for (int i = 0; i < MANY; i++) {
            if (size[i] < 2)
                continue;
            int64_t last = 0;
            for (int j = 0; j < MANY; j++)
                last = first[j] == i ? time[j] : last;
            dw_buf_printf(&want, "%d low %d %d %lld-%lld\n", i, size[i], size[i], (long long)(time[i] / HOUR_NS), (long long)(last / HOUR_NS));
        }
        assert_int_equal(dw_incidents_each(in, put_incident, &got), DW_OK);
        dw_buf_byte(&want, 0);
        assert_str(dw_buf_view(&got), want.ptr);
        dw_buf_fini(&want);
        dw_buf_fini(&got);
        dw_incidents_free(in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_said_is_judged),
        cmocka_unit_test(a_flood_is_summarised_by_key_rule_and_whole),
        cmocka_unit_test(alerts_of_a_rule_for_a_key_are_one_row),
        cmocka_unit_test(risk_halves_every_day_and_repetition_adds_nothing),
        cmocka_unit_test(alerts_that_share_an_entity_are_an_incident),
        cmocka_unit_test(incidents_are_what_every_pair_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
