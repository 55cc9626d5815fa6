/*
 * diff_events: an event that nearly meets a random rule.
 *
 * Idea: the values that a rule asks for are written out as text that meets them, some are left out or spoilt, and the rest is noise. Half of
 * the events are lines of JSON, taken apart as the agent does; the others are text with fields beside it.
 */
#include "diff.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/flatten.h"

#include <stdio.h>

enum { HAVE_MAX = 40 };

/* What the event is to have, before it is written down. */
struct have {
    struct dw_str name, text;
    bool number;   /* without quotes in JSON */
    uint32_t elem; /* 1..3: in this element, of names below `c.` */
};
struct plan {
    struct have item[HAVE_MAX];
    uint32_t count;
    struct dw_buf line; /* words for keywords */
};

static struct dw_str copy(struct plain *p, const char *text)
{
    return dw_arena_copy(&p->mem, dw_str_of(text));
}

/* A text that meets the pattern. */
static struct dw_str example(struct diff_gen *g, struct plain *p, const struct plain_pattern *one)
{
    static const char *const dashes[] = {"-", "/", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x95"};
    static const char *const letters[] = {"a", "x", "\xc3\xa9", "\xe2\x82\xac", "*"};
    struct dw_buf out = {0};
    for (size_t i = 0; i < one->count; i++) {
        switch (one->token[i].kind) {
        case PLAIN_STAR: dw_buf_str(&out, dw_str_of(diff_chance(g, 2) ? "" : diff_word(g))); break;
        case PLAIN_ONE: dw_buf_str(&out, dw_str_of(letters[dw_rng_below(&g->rng, DW_COUNT_OF(letters))])); break;
        case PLAIN_DASH: dw_buf_str(&out, dw_str_of(dashes[dw_rng_below(&g->rng, DW_COUNT_OF(dashes))])); break;
        default: dw_buf_byte(&out, one->token[i].byte); break;
        }
    }
    struct dw_str text = dw_arena_copy(&p->mem, dw_buf_view(&out));
    dw_buf_fini(&out);
    return text;
}

static struct dw_str spoilt(struct diff_gen *g, struct plain *p, struct dw_str s)
{
    char *t = dw_arena_alloc(&p->mem, s.len + 64);
    size_t n = s.len, at = n ? dw_rng_below(&g->rng, n) : 0;
    if (n)
        memcpy(t, s.ptr, n);
    switch (dw_rng_below(&g->rng, 6)) {
    case 0: /* case */
        for (size_t i = 0; i < n; i++)
            t[i] = (char)((t[i] >= 'a' && t[i] <= 'z') ? t[i] - 32 : (t[i] >= 'A' && t[i] <= 'Z') ? t[i] + 32 : t[i]);
        break;
    case 1:
        if (n)
            t[at] = 'q';
        break;
    case 2: return dw_str_slice(dw_str_make(t, n), 1, n);
    case 3: return dw_str_slice(dw_str_make(t, n), 0, n ? n - 1 : 0);
    case 4: t[n++] = 'z'; break;
    default: /* as a URL would have it */
        if (n) {
            (void)snprintf(t + at, 4, "%%%02x", (unsigned)(uint8_t)s.ptr[at]);
            memcpy(t + at + 3, s.ptr + at + 1, n - at - 1);
            n += 2;
        }
        break;
    }
    return dw_str_make(t, n);
}

static struct dw_str noise(struct diff_gen *g, struct plain *p)
{
    static const char *const texts[] = {"", "5", "16", "8", "1000", "10.1.2.3", "192.168.1.70", "2001:db8::7", "::ffff:10.0.0.1", "-", "true", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "needle in hay", "lab1lab", "label", "foo7", "abbbc", "2024-01-01T05:06:07Z", "2023-12-31 23:59:60+02:00", "1700000000",
        "2025/06/30", "\xff\x41", "a.b", "1700000000123"};
    char both[200];
    if (diff_chance(g, 60)) { /* long enough that steps of an expression are counted place by place */
        struct dw_buf all = {0};
        for (uint64_t n = dw_rng_below(&g->rng, 300); n > 0; n--)
            dw_buf_str(&all, dw_str_of(diff_word(g)));
        struct dw_str text = dw_arena_copy(&p->mem, dw_buf_view(&all));
        dw_buf_fini(&all);
        return text;
    }
    if (diff_chance(g, 3))
        return copy(p, texts[dw_rng_below(&g->rng, DW_COUNT_OF(texts))]);
    (void)snprintf(both, sizeof both, "%s%s", diff_word(g), diff_chance(g, 2) ? diff_word(g) : "");
    return copy(p, both);
}

/* What expressions of diff_rules.c are about; the longest lines are where they come to no end. */
static struct dw_str for_regex(struct diff_gen *g, struct plain *p, struct dw_str regex)
{
    static const char *const texts[] = {"abbbc", "a--b", "abbax", "foo7", "x bar1", "cmd.EXE", "cmd.exe", "axc", "", "label", "(abc)", "aaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "xxxxxxy", "needle in hay", "NEEDLE", "\xc3\xa9z",
        "a\\b", "12z", "nxa", "a.b", "lab-lab"};
    if (diff_chance(g, 3))
        return noise(g, p);
    bool endless = dw_str_find(regex, DW_STR("+)+")) < regex.len;
    if (endless && !diff_chance(g, 3))
        return copy(p, dw_str_find(regex, DW_STR("(a+")) < regex.len ? texts[12] : texts[13]);
    return copy(p, texts[dw_rng_below(&g->rng, DW_COUNT_OF(texts))]);
}

/* The ECS name in place of Sigma's, at times. */
static struct dw_str other_name(struct diff_gen *g, struct dw_str name)
{
    static const char *const pairs[][2] = {{"User", "user.name"}, {"CommandLine", "process.command_line"}, {"Image", "process.executable"},
        {"cs-uri", "url.original"}, {"src_ip", "source.ip"}, {"CommandLine", "winlog.event_data.CommandLine"}, {"f", "auditd.log.f"}};
    const char *const *pair = pairs[dw_rng_below(&g->rng, DW_COUNT_OF(pairs))];
    return dw_str_eq(name, dw_str_of(pair[0])) ? dw_str_of(pair[1]) : name;
}

static void add(struct diff_gen *g, struct plan *plan, struct dw_str name, struct dw_str text, bool number)
{
    if (plan->count == HAVE_MAX)
        return;
    plan->item[plan->count++] = (struct have){other_name(g, name), text, number, (uint32_t)dw_rng_below(&g->rng, 3) + 1};
}

/* What meets one value of the rule. */
static void meet_value(struct diff_gen *g, struct plain *p, struct dw_str key, const struct dw_yaml *value, struct plan *plan)
{
    struct dw_str rest = key, name = dw_str_cut(&rest, '|'), text = noise(g, p);
    double number;
    bool regex = rest.ptr && (dw_str_starts(rest, DW_STR("re")) || dw_str_find(rest, DW_STR("cidr")) < rest.len || dw_str_find(rest, DW_STR("fieldref")) < rest.len);
    if (value->kind != DW_YAML_SCALAR)
        return;
    if (rest.ptr && dw_str_starts(rest, DW_STR("re")))
        text = for_regex(g, p, value->text);
    struct plain_pattern *all = regex ? NULL : plain_patterns(p, key, value);
    if (all && !diff_chance(g, 8)) {
        while (all->next && diff_chance(g, 2))
            all = all->next;
        text = example(g, p, all);
    }
    if (diff_chance(g, 6))
        text = spoilt(g, p, text);
    if (!name.len) {
        dw_buf_str(&plan->line, text);
        dw_buf_byte(&plan->line, ' ');
        return;
    }
    add(g, plan, name, text, plain_number(text, &number) && diff_chance(g, 2));
}

static void meet(struct diff_gen *g, struct plain *p, struct dw_str key, const struct dw_yaml *n, struct plan *plan)
{
    if (n->kind == DW_YAML_MAP) {
        for (const struct dw_yaml *v = n->first; v; v = v->next)
            meet(g, p, v->key, v, plan);
        return;
    }
    if (diff_chance(g, 7))
        return;
    if (n->kind == DW_YAML_SCALAR) {
        meet_value(g, p, key, n, plan);
        return;
    }
    bool all = dw_str_find(key, DW_STR("|all")) < key.len;
    uint64_t chosen = dw_rng_below(&g->rng, n->count);
    for (const struct dw_yaml *v = n->first; v; v = v->next, chosen--) {
        if (v->kind == DW_YAML_MAP && (chosen == 0 || diff_chance(g, 3)))
            meet(g, p, key, v, plan);
        else if (v->kind == DW_YAML_SCALAR && (all || chosen == 0))
            meet_value(g, p, key, v, plan);
    }
}

/* ---- as JSON ---- */

static void put_json_text(struct diff_gen *g, struct dw_buf *out, struct dw_str s)
{
    bool escape = diff_chance(g, 4);
    dw_buf_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (c < 0x20 || (escape && c < 0x80 && diff_chance(g, 3)))
            dw_buf_printf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            dw_buf_printf(out, "\\%c", c);
        else
            dw_buf_byte(out, c);
    }
    dw_buf_byte(out, '"');
}

static void put_member(struct diff_gen *g, struct dw_buf *out, struct dw_str name, const struct have *h, bool *first)
{
    dw_buf_str(out, *first ? DW_STR("") : DW_STR(","));
    *first = false;
    put_json_text(g, out, name);
    dw_buf_byte(out, ':');
    bool number = h->number && h->text.len && h->text.ptr[0] != '0' && h->text.ptr[0] != '.' && h->text.ptr[0] != '+' && h->text.ptr[h->text.len - 1] != '.' &&
                  h->text.ptr[h->text.len - 1] != 'e';
    if (number)
        dw_buf_str(out, h->text);
    else if (diff_chance(g, 40))
        dw_buf_str(out, DW_STR("null"));
    else
        put_json_text(g, out, h->text);
}

static bool below_c(const struct have *h)
{
    return dw_str_starts(h->name, DW_STR("c."));
}

/* The members of one element: c.port.n is an object inside, c.args a list. */
static void put_element(struct diff_gen *g, struct dw_buf *out, const struct plan *plan, uint32_t elem)
{
    bool first = true;
    dw_buf_byte(out, '{');
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct have *h = &plan->item[i];
        if (!below_c(h) || h->elem != elem)
            continue;
        struct dw_str name = dw_str_slice(h->name, 2, h->name.len);
        if (dw_str_eq(name, DW_STR("args"))) {
            dw_buf_printf(out, "%s\"args\":[\"-\",", first ? "" : ",");
            put_json_text(g, out, h->text);
            dw_buf_byte(out, ']');
            first = false;
        } else if (dw_str_eq(name, DW_STR("port.n"))) {
            bool inner = true;
            dw_buf_printf(out, "%s\"port\":{", first ? "" : ",");
            put_member(g, out, DW_STR("n"), h, &inner);
            dw_buf_byte(out, '}');
            first = false;
        } else {
            put_member(g, out, name, h, &first);
        }
    }
    dw_buf_byte(out, '}');
}

static void put_json(struct diff_gen *g, struct dw_buf *out, const struct plan *plan)
{
    bool first = true, array = false;
    dw_buf_byte(out, '{');
    for (uint32_t i = 0; i < plan->count; i++) {
        array = array || below_c(&plan->item[i]);
        if (!below_c(&plan->item[i]))
            put_member(g, out, plan->item[i].name, &plan->item[i], &first);
    }
    if (plan->line.len) {
        const struct have words = {.text = dw_buf_view(&plan->line)};
        put_member(g, out, DW_STR("note"), &words, &first);
    }
    if (array) {
        dw_buf_printf(out, "%s\"c\":[", first ? "" : ",");
        for (uint32_t elem = 1; elem <= 3; elem++) {
            dw_buf_str(out, elem > 1 ? DW_STR(",") : DW_STR(""));
            put_element(g, out, plan, elem);
        }
        dw_buf_byte(out, ']');
    }
    dw_buf_byte(out, '}');
}

/* ---- the event ---- */

static uint32_t key_of(struct dw_keys *keys, struct dw_str name)
{
    uint32_t key = 0;
    int rc = dw_keys_intern(keys, name, &key);
    DW_ASSERT(rc == DW_OK);
    return key;
}

static void take_json(struct diff_gen *g, struct diff_event *e, const struct plan *plan)
{
    put_json(g, &e->line, plan);
    if (diff_chance(g, 40))
        e->line.len--; /* broken */
    dw_draft_reset(&e->draft, dw_buf_view(&e->line));
    static const struct dw_flatten how;
    if (dw_flatten_json(&e->draft, e->draft.line, &how) < 0)
        dw_draft_reset(&e->draft, e->draft.line);
}

static void take_text(struct diff_gen *g, struct diff_event *e, const struct plan *plan)
{
    dw_buf_str(&e->line, dw_buf_view(&plan->line));
    if (!plan->line.len)
        dw_buf_str(&e->line, dw_str_of(diff_word(g)));
    dw_draft_reset(&e->draft, dw_buf_view(&e->line));
    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t key = key_of(e->draft.keys, plan->item[i].name);
        double number;
        bool source = dw_str_eq(plan->item[i].name, DW_STR("Channel")) || dw_str_eq(plan->item[i].name, DW_STR("EventID")); /* as these come */
        if (plan->item[i].number && plain_number(plan->item[i].text, &number)) {
            if (number > -1e15 && number < 1e15 && number == (double)(int64_t)number && (source || diff_chance(g, 2)))
                dw_draft_int(&e->draft, key, (int64_t)number);
            else
                dw_draft_float(&e->draft, key, number);
        } else if (!source && diff_chance(g, 20)) {
            dw_draft_bool(&e->draft, key, diff_chance(g, 2));
        } else {
            dw_draft_literal(&e->draft, key, plan->item[i].text);
        }
    }
}

/* What decides where it belongs. */
static void plan_source(struct diff_gen *g, struct plan *plan)
{
    static const char *const channels[] = {"Security", "Microsoft-Windows-Sysmon/Operational", "system", "Nobody"};
    static const char *const ids[] = {"4688", "1", "3", "4624"};
    static const char *const sets[] = {"nginx.access", "nginx.error", "auditd.log", "app.audit", "app", "haproxy.http"};
    if (diff_chance(g, 2)) {
        add(g, plan, DW_STR("Channel"), dw_str_of(channels[dw_rng_below(&g->rng, DW_COUNT_OF(channels))]), false);
        add(g, plan, DW_STR("EventID"), dw_str_of(ids[dw_rng_below(&g->rng, DW_COUNT_OF(ids))]), diff_chance(g, 2));
    } else {
        add(g, plan, DW_STR("event.dataset"), dw_str_of(sets[dw_rng_below(&g->rng, DW_COUNT_OF(sets))]), false);
    }
}

void diff_make_event(struct diff_gen *g, struct plain *p, struct dw_keys *keys, const struct dw_yaml *documents, struct diff_event *e)
{
    struct plan plan = {.count = 0};
    const struct dw_yaml *doc = documents;
    for (uint64_t n = dw_rng_below(&g->rng, g->rules); n > 0; n--)
        doc = doc->next;
    plan_source(g, &plan);
    for (const struct dw_yaml *s = dw_yaml_get(doc, "detection")->first; s; s = s->next)
        if (!dw_str_eq(s->key, DW_STR("condition")) && !diff_chance(g, 5))
            meet(g, p, DW_STR(""), s, &plan);
    static const char *const more[] = {"f", "g", "c.image", "c.priv", "ts", "ip", "message", "h", "tags", "tags", "event.category"};
    for (uint64_t n = dw_rng_below(&g->rng, 4); n > 0; n--)
        add(g, &plan, dw_str_of(more[dw_rng_below(&g->rng, DW_COUNT_OF(more))]), noise(g, p), false);
    dw_arena_reset(&e->pool);
    dw_buf_reset(&e->line);
    e->draft.keys = keys;
    e->draft.pool = &e->pool;
    e->draft.field = e->field;
    if (diff_chance(g, 2))
        take_json(g, e, &plan);
    else
        take_text(g, e, &plan);
    dw_buf_fini(&plan.line);
    struct dw_str host = dw_arena_copy(&e->pool, noise(g, p));
    e->stream_field[0] = (struct dw_field){.v.ptr = host.ptr, .len = (uint32_t)host.len, .key = key_of(keys, DW_STR("g")), .kind = DW_K_CONST};
    e->stream_field[1] = (struct dw_field){.v.ptr = "lab", .len = 3, .key = DW_F_host_name, .kind = DW_K_CONST};
    e->stream = (struct dw_stream){.field = e->stream_field, .field_count = 2};
    e->ev = (struct dw_event){.line = e->draft.line, .field = e->field, .field_count = e->draft.field_count,
        .stream = diff_chance(g, 4) ? &e->stream : NULL, .time_ns = (int64_t)(1700000000 + dw_rng_below(&g->rng, 60000000)) * 1000000000};
    DW_ASSERT(!e->line.err);
}
