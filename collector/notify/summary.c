/*
 * summary: what a fuse held back, told as one message a rule: how many, for how many events, and the keys that it is about most.
 *
 * A summary is written as a raised line of alerts.log would be, so that filters and formats treat it like any other; it stands in the
 * output's journal alone.
 *
 * Invariant: every line that is held is counted in one summary; a line that cannot be read any more too, under no rule.
 */
#include "notify_int.h"

#include "../alert/alert_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/frame/digest.h"

#include <inttypes.h>
#include <stdio.h>

enum { KEYS_KEPT = 64, KEYS_TOLD = 3, KEY_TEXT = 200 };

struct counted {
    struct dw_keyed_item item;
    int64_t total;
};

struct flood {
    struct dw_keyed_item item; /* its key: the rule */
    char title[512], level[16];
    struct dw_keyed counted; /* alerts by id: updates of one are one */
    uint64_t alerts, events, first_at;
    int64_t from_ns, to_ns;
    uint32_t key_count;
    struct {
        char text[KEY_TEXT];
        uint64_t alerts;
    } key[KEYS_KEPT];
};

/* Of more different keys than are kept the first count. */
static void count_key(struct flood *f, struct dw_str key)
{
    char cut[KEY_TEXT];
    uint32_t i = 0;
    (void)snprintf(cut, sizeof cut, "%.*s", DW_ARG(key));
    while (i < f->key_count && strcmp(f->key[i].text, cut) != 0)
        i++;
    if (i == KEYS_KEPT || cut[0] == '\0')
        return;
    if (i == f->key_count) {
        memcpy(f->key[i].text, cut, sizeof cut);
        f->key_count++;
    }
    f->key[i].alerts++;
}

/* Adds an alert, or what an update of it says more. */
static int count_alert(struct flood *f, const struct dw_alert *a)
{
    struct counted *c = dw_keyed_find(&f->counted, dw_str_of(a->id));
    bool is_new = c == NULL;
    if (is_new && !(c = dw_keyed_add(&f->counted, dw_str_of(a->id), sizeof *c)))
        return DW_ENOMEM;
    f->alerts += is_new;
    f->events += a->total > c->total ? (uint64_t)(a->total - c->total) : 0;
    c->total = a->total > c->total ? a->total : c->total;
    if (is_new)
        count_key(f, a->key);
    return DW_OK;
}

static int count_line(struct output *o, uint64_t at, struct dw_keyed *floods, struct dw_buf *line, struct dw_arena *arena)
{
    struct alert_pending p = {0};
    int rc = output_read_line(o, at, o->journal.seen, line);
    if (rc < 0 && rc != DW_ENOENT)
        return rc;
    dw_arena_reset(arena);
    bool known = rc == DW_OK && alert_read_line(dw_buf_view(line), arena, &p) && p.kind == ALERT_RAISED;
    struct flood *f = dw_keyed_get(floods, known ? dw_str_of(p.raised.rule) : DW_STR(""), sizeof *f);
    if (!f)
        return DW_ENOMEM;
    if (f->alerts == 0) {
        f->first_at = at;
        f->from_ns = INT64_MAX;
        f->to_ns = INT64_MIN;
        (void)snprintf(f->title, sizeof f->title, "%s", known ? p.raised.title : "alerts that are no longer in alerts.log");
        (void)snprintf(f->level, sizeof f->level, "%s", known ? p.raised.level : "medium");
    }
    int64_t time_ns = known ? p.raised.time_ns : dw_clock_real(o->clock);
    f->from_ns = time_ns < f->from_ns ? time_ns : f->from_ns;
    f->to_ns = time_ns > f->to_ns ? time_ns : f->to_ns;
    if (known)
        return count_alert(f, &p.raised);
    f->alerts++;
    f->events++;
    return DW_OK;
}

static void put_keys(struct flood *f, struct dw_buf *out)
{
    for (int told = 0; told < KEYS_TOLD; told++) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < f->key_count; i++)
            best = f->key[i].alerts > f->key[best].alerts ? i : best;
        if (f->key_count == 0 || f->key[best].alerts == 0)
            return;
        dw_buf_printf(out, "%s{\"key\":", told ? "," : "");
        (void)dw_json_string(out, dw_str_of(f->key[best].text));
        dw_buf_printf(out, ",\"alerts\":%" PRIu64 "}", f->key[best].alerts);
        f->key[best].alerts = 0;
    }
}

static void put_finding(struct flood *f, const char *id, const char *title, struct dw_buf *out)
{
    struct dw_str rule = f->item.key;
    dw_buf_str(out, DW_STR("{\"@timestamp\":\""));
    dw_time_text(out, f->to_ns);
    dw_buf_printf(out, "\",\"event\":{\"kind\":\"alert\",\"id\":\"%s\"},\"rule\":{\"id\":", id);
    (void)dw_json_string(out, rule);
    dw_buf_str(out, DW_STR(",\"name\":"));
    (void)dw_json_string(out, dw_str_of(title));
    dw_buf_str(out, DW_STR(",\"level\":"));
    (void)dw_json_string(out, dw_str_of(f->level));
    dw_buf_printf(out, "},\"message\":\"%" PRIu64 " alerts of this rule were not sent one by one; dogwatch alerts has each\",\"summary\":{\"alerts\":%" PRIu64
                       ",\"events\":%" PRIu64 ",\"from\":\"", f->alerts, f->alerts, f->events);
    dw_time_text(out, f->from_ns);
    dw_buf_str(out, DW_STR("\",\"to\":\""));
    dw_time_text(out, f->to_ns);
    dw_buf_str(out, DW_STR("\",\"keys\":["));
    put_keys(f, out);
    dw_buf_str(out, DW_STR("]}}"));
}

static int queue(struct output *o, struct flood *f)
{
    struct output_item item = {.kind = OUTPUT_SUMMARY, .since_ns = dw_clock_real(o->clock)};
    uint8_t hash[DW_SHA256_BYTES];
    struct dw_buf line = {0}, doc = {0}, cause = {0};
    char title[600];
    bool replaced;
    dw_buf_str(&cause, DW_STR("dw-summary-1"));
    dw_keyed_part(&cause, dw_str_of(o->opt->name.ptr));
    dw_keyed_part(&cause, f->item.key);
    dw_buf_u64(&cause, f->first_at); /* a line is held once, so this names the summary */
    dw_sha256_of(dw_buf_view(&cause), hash);
    dw_hex(hash, sizeof hash, item.id);
    (void)snprintf(title, sizeof title, "%" PRIu64 " more: %s", f->alerts, f->title);
    put_finding(f, item.id, title, &doc);
    char rule[256];
    (void)snprintf(rule, sizeof rule, "%.*s", DW_ARG(f->item.key));
    struct dw_alert a = {.id = item.id, .rule = rule, .title = title, .level = f->level, .time_ns = f->to_ns, .key = DW_STR(""),
        .total = (int64_t)f->events, .doc = dw_buf_view(&doc)};
    alert_write_raised(&a, &line);
    int rc = cause.err ? cause.err : doc.err ? doc.err : line.err;
    item.line = dw_str_slice(dw_buf_view(&line), 0, line.len - 1);
    if (rc == DW_OK)
        rc = output_journal_add(&o->journal, &item, &replaced);
    dw_buf_fini(&line);
    dw_buf_fini(&doc);
    dw_buf_fini(&cause);
    return rc;
}

int output_summarise(struct output *o)
{
    struct dw_keyed floods = {0};
    struct dw_buf line = {0};
    struct dw_arena arena;
    int rc = DW_OK;
    dw_arena_init(&arena, 0);
    for (size_t i = 0; i < o->journal.held_count && rc == DW_OK; i++)
        rc = count_line(o, o->journal.held[i], &floods, &line, &arena);
    for (struct dw_keyed_item *f = floods.first; f && rc == DW_OK; f = f->next)
        rc = queue(o, (struct flood *)f); /* the same again after a failure: it has the same id */
    if (rc == DW_OK)
        output_journal_told(&o->journal);
    for (struct dw_keyed_item *f = floods.first; f; f = f->next)
        dw_keyed_fini(&((struct flood *)f)->counted);
    dw_keyed_fini(&floods);
    dw_arena_fini(&arena);
    dw_buf_fini(&line);
    return rc == DW_OK ? output_journal_commit(&o->journal) : rc;
}
