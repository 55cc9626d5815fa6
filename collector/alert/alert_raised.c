/*
 * alert_raised: findings and problems as alerts, and the lines that raised them.
 *
 * Invariant: what an alert says follows from the finding and the rule alone.
 */
#include "alert_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/raised.h"
#include "dogwatch/event/json_write.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { STEP = 1024 * 1024, LINE_MAX_BYTES = 16 * 1024 * 1024, PATH_CAP = 4096 };

void dw_raised_fini(struct dw_raised *r)
{
    dw_buf_fini(&r->key);
    dw_buf_fini(&r->doc);
}

/* Who or what a finding is about, in words: its group-by values, or what its one event names first. */
static void key_text(const struct dw_finding *f, struct dw_buf *out)
{
    for (uint32_t i = 0; i < f->key_count; i++)
        dw_buf_printf(out, "%s%.*s=%.*s", i ? " " : "", DW_ARG(f->key_name[i]), DW_ARG(f->key_value[i]));
    for (int i = 0; i < DW_ENTITIES && out->len == 0; i++) {
        struct dw_str value = dw_finding_entity(f, (enum dw_entity)i);
        if (value.ptr)
            dw_buf_printf(out, "%s=%.*s", dw_entity_name((enum dw_entity)i), DW_ARG(value));
    }
}

int dw_raised_of_finding(struct dw_raised *r, const struct dw_ruleset *rules, const struct dw_finding *f)
{
    const struct dw_rule *rule = dw_ruleset_rule(rules, f->rule);
    dw_hex(f->id, DW_SHA256_BYTES, r->id);
    (void)snprintf(r->rule, sizeof r->rule, "%.*s", DW_ARG(rule->id));
    (void)snprintf(r->title, sizeof r->title, "%.*s", DW_ARG(rule->title));
    dw_buf_reset(&r->key);
    dw_buf_reset(&r->doc);
    key_text(f, &r->key);
    dw_finding_json(rules, f, &r->doc);
    r->alert = (struct dw_alert){.id = r->id, .rule = r->rule, .title = r->title, .level = dw_level_text(rule->level), .time_ns = f->time_ns,
        .key = dw_buf_view(&r->key), .total = (int64_t)f->total, .calm = f->calm, .doc = dw_buf_view(&r->doc)};
    return r->key.err ? r->key.err : r->doc.err;
}

int dw_raised_of_problem(struct dw_raised *r, const struct dw_problem *p)
{
    char agent[2 * DW_AGENT_ID_BYTES + 1] = "";
    uint8_t hash[DW_SHA256_BYTES];
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_add_str(h, dw_str_of(dw_problem_rule(p->kind)));
    dw_sha256_add_str(h, dw_str_of(p->cause));
    dw_sha256_end(h, hash);
    dw_sha256_free(h);
    dw_hex(hash, sizeof hash, r->id);
    if (p->agent)
        dw_hex(p->agent, DW_AGENT_ID_BYTES, agent);
    dw_buf_reset(&r->doc);
    dw_buf_str(&r->doc, DW_STR("{\"@timestamp\":\""));
    dw_time_text(&r->doc, p->time_ns);
    dw_buf_printf(&r->doc, "\",\"event\":{\"kind\":\"alert\",\"id\":\"%s\"},\"rule\":{\"id\":\"%s\",\"name\":\"%s\",\"level\":\"%s\"}", r->id,
        dw_problem_rule(p->kind), dw_problem_title(p->kind), dw_problem_level(p->kind));
    dw_buf_printf(&r->doc, ",\"message\":");
    (void)dw_json_string(&r->doc, dw_str_of(p->text));
    dw_buf_printf(&r->doc, ",\"agent\":{\"id\":\"%s\",\"epoch\":%" PRIu64 ",\"frame\":%" PRIu64 "}%s}", agent, p->epoch, p->number,
        p->more ? p->more : "");
    r->alert = (struct dw_alert){.id = r->id, .rule = dw_problem_rule(p->kind), .title = dw_problem_title(p->kind), .level = dw_problem_level(p->kind),
        .time_ns = p->time_ns, .key = dw_str_of(p->text), .total = 1, .doc = dw_buf_view(&r->doc)};
    return r->doc.err;
}

void dw_raised_line(const struct dw_alert *alert, struct dw_buf *out)
{
    alert_write_raised(alert, out);
}

bool dw_raised_read(struct dw_str line, struct dw_arena *arena, struct dw_alert *ret)
{
    struct alert_pending p = {0};
    if (!alert_read_line(line, arena, &p) || p.kind != ALERT_RAISED)
        return false;
    *ret = p.raised;
    return true;
}

/* Whole lines of a part of the log; what is left stays. */
static int take_lines(struct dw_buf *part, struct dw_arena *arena, int (*each)(void *arg, const struct dw_alert *alert, struct dw_str line), void *arg)
{
    struct dw_str rest = dw_buf_view(part);
    int rc = DW_OK;
    while (rc == DW_OK && dw_str_index(rest, '\n') < rest.len) {
        struct dw_alert alert;
        struct dw_str line = dw_str_cut(&rest, '\n');
        dw_arena_reset(arena);
        if (dw_raised_read(line, arena, &alert))
            rc = each(arg, &alert, line);
    }
    if (rest.len > LINE_MAX_BYTES)
        rest.len = 0; /* its rest is none either */
    if (rest.len)
        memmove(part->ptr, rest.ptr, rest.len);
    part->len = rest.len;
    return rc;
}

int dw_raised_each(const struct dw_fs *fs, const char *dir, int (*each)(void *arg, const struct dw_alert *alert, struct dw_str line), void *arg)
{
    char path[PATH_CAP];
    struct dw_buf part = {0};
    struct dw_arena arena;
    int fd = -1;
    size_t n = 1;
    int rc = dw_path_join(path, sizeof path, dir, "alerts.log");
    if (rc == DW_OK)
        rc = dw_fs_open(fs, path, O_RDONLY, 0, &fd);
    if (rc < 0)
        return rc;
    dw_arena_init(&arena, 0);
    for (uint64_t at = 0; rc == DW_OK && n; at += n) {
        char *room = dw_buf_reserve(&part, STEP);
        rc = room ? dw_fs_pread(fs, fd, room, STEP, at, &n) : DW_ENOMEM;
        if (rc == DW_OK) {
            part.len += n;
            rc = take_lines(&part, &arena, each, arg);
        }
    }
    dw_arena_fini(&arena);
    dw_buf_fini(&part);
    dw_fs_close(fd);
    return rc;
}

struct looking {
    struct dw_str prefix;
    char id[DW_ALERT_ID_TEXT]; /* of the line in `out`; "": none yet */
    int64_t rank;
    struct dw_buf *out;
    size_t at;
};

static int keep_newest(void *arg, const struct dw_alert *alert, struct dw_str line)
{
    struct looking *l = arg;
    if (!dw_str_starts(dw_str_of(alert->id), l->prefix))
        return DW_OK;
    if (l->id[0] && strcmp(l->id, alert->id) != 0)
        return DW_EEXIST;
    if (l->id[0] && dw_alert_rank(alert) <= l->rank)
        return DW_OK;
    (void)snprintf(l->id, sizeof l->id, "%s", alert->id);
    l->rank = dw_alert_rank(alert);
    l->out->len = l->at;
    dw_buf_str(l->out, line);
    return l->out->err;
}

int dw_raised_find(const struct dw_fs *fs, const char *dir, struct dw_str prefix, struct dw_buf *out)
{
    struct looking l = {.prefix = prefix, .out = out, .at = out->len};
    int rc = dw_raised_each(fs, dir, keep_newest, &l);
    return rc == DW_OK && !l.id[0] ? DW_ENOENT : rc;
}
