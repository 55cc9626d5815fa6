/*
 * answer_explain: why an event met a rule, as rows.
 *
 * Bound: correlations of correlations are followed NEST_MAX deep, as deep as rules may nest.
 */
#include "dogwatch/collect/answer.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

enum { NEST_MAX = 16 };

void dw_explain_logic_of(struct dw_str finding, char ret[DW_LOGIC_TEXT])
{
    struct dw_json j;
    struct dw_json_token t;
    bool is_hash = false;
    memset(ret, 0, DW_LOGIC_TEXT);
    dw_json_start(&j, finding);
    while (dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        if (t.type == DW_JSON_STRING && is_hash && t.text.len < DW_LOGIC_TEXT)
            memcpy(ret, t.text.ptr, t.text.len);
        is_hash = t.type == DW_JSON_KEY && dw_str_eq(t.text, DW_STR("logic_hash"));
    }
}

uint32_t dw_explain_rule_of(const struct dw_ruleset *rules, struct dw_str id)
{
    uint32_t i = 0;
    while (i < dw_ruleset_count(rules) && !dw_str_eq(dw_ruleset_rule(rules, i)->id, id))
        i++;
    return i;
}

bool dw_explain_same_logic(const struct dw_explain *x)
{
    char now[DW_LOGIC_TEXT];
    dw_hex(dw_ruleset_rule(x->rules, x->rule)->logic_hash, DW_SHA256_BYTES, now);
    return strcmp(now, x->logic) == 0;
}

static int each_rule(const struct dw_explain *x, uint32_t rule, uint32_t nest, int (*each)(void *arg, uint32_t rule), void *arg)
{
    const struct dw_correlation *c = dw_ruleset_rule(x->rules, rule)->corr;
    int rc = DW_OK;
    if (!c)
        return each(arg, rule);
    for (uint32_t i = 0; i < c->member_count && rc == DW_OK && nest < NEST_MAX; i++)
        rc = each_rule(x, c->member[i], nest + 1, each, arg);
    return rc;
}

int dw_explain_each_rule(const struct dw_explain *x, int (*each)(void *arg, uint32_t rule), void *arg)
{
    return each_rule(x, x->rule, 0, each, arg);
}

/* ---- rows ---- */

struct row {
    const struct dw_explain *x;
    const struct dw_event *ev;
    struct dw_buf *out;
    bool matches;
};

static void put_pair(struct dw_buf *out, const char *key, struct dw_str value)
{
    dw_buf_printf(out, "\"%s\":", key);
    (void)dw_json_string(out, value);
}

static void put_condition(void *ud, const struct dw_condition *c)
{
    struct dw_buf *out = ((struct row *)ud)->out;
    dw_buf_printf(out, "%s{\"depth\":%u,", out->ptr[out->len - 1] == '[' ? "" : ",", c->depth);
    put_pair(out, "condition", c->text);
    dw_buf_printf(out, ",\"holds\":%s", c->verdict == DW_TRUE ? "true" : c->verdict == DW_FALSE ? "false" : "null");
    if (!c->is_group && c->field.len) {
        dw_buf_byte(out, ',');
        put_pair(out, "field", c->field);
        dw_buf_byte(out, ',');
        put_pair(out, "value", c->value);
    }
    dw_buf_byte(out, '}');
}

static void put_rule_of(const struct dw_explain *x, uint32_t rule, struct dw_buf *out)
{
    const struct dw_rule *r = dw_ruleset_rule(x->rules, rule);
    dw_buf_str(out, DW_STR("\"rule\":{"));
    put_pair(out, "id", r->id);
    dw_buf_byte(out, ',');
    put_pair(out, "name", r->title);
    dw_buf_printf(out, ",\"same_logic\":%s}", dw_explain_same_logic(x) ? "true" : "false");
}

static void begin_row(const struct row *w, uint32_t rule)
{
    const struct dw_event *ev = w->ev;
    const struct dw_field *path = dw_event_find(ev, DW_F_log_file_path);
    char id[DW_EVENT_ID_TEXT];
    dw_event_id_text(ev, id);
    dw_buf_printf(w->out, "{\"alert\":\"%s\",\"event\":{\"id\":\"%s\",", w->x->alert, id);
    put_pair(w->out, "original", ev->line);
    dw_buf_printf(w->out, "},\"log\":{\"file\":{");
    put_pair(w->out, "path", path && dw_field_is_text(path) ? dw_field_str(path) : DW_STR(""));
    dw_buf_printf(w->out, "},\"start\":%llu,\"end\":%llu},", (unsigned long long)ev->start, (unsigned long long)ev->end);
    put_rule_of(w->x, rule, w->out);
    dw_buf_str(w->out, DW_STR(",\"conditions\":["));
}

static int put_rule(void *arg, uint32_t rule)
{
    struct row *w = arg;
    size_t before = w->out->len;
    enum dw_verdict v;
    begin_row(w, rule);
    int rc = dw_match_explain(w->x->scratch, rule, w->ev, false, put_condition, w, &v);
    if (rc < 0 || v == DW_FALSE)
        w->out->len = before;
    else
        dw_buf_str(w->out, DW_STR("]}\n"));
    w->matches |= rc == DW_OK && v != DW_FALSE;
    return rc;
}

int dw_answer_explain_row(const struct dw_explain *x, const struct dw_event *ev, struct dw_buf *out, bool *ret_matches)
{
    struct row w = {.x = x, .ev = ev, .out = out};
    int rc = dw_explain_each_rule(x, put_rule, &w);
    if (rc == DW_OK && !w.matches) {
        begin_row(&w, x->rule);
        dw_buf_str(out, DW_STR("]}\n"));
    }
    *ret_matches = w.matches;
    return rc < 0 ? rc : out->err;
}

void dw_answer_explain_own(const char *alert, const char *rule, const char *title, struct dw_str what, struct dw_buf *out)
{
    dw_buf_printf(out, "{\"alert\":\"%s\",\"rule\":{", alert);
    put_pair(out, "id", dw_str_of(rule));
    dw_buf_byte(out, ',');
    put_pair(out, "name", dw_str_of(title));
    dw_buf_str(out, DW_STR("},"));
    put_pair(out, "message", what);
    dw_buf_str(out, DW_STR(",\"conditions\":[]}\n"));
}

void dw_answer_left_out_row(const struct dw_answer_left_out *l, struct dw_buf *out)
{
    dw_buf_printf(out, "{\"alert\":\"%s\",", l->how->alert);
    put_rule_of(l->how, l->how->rule, out);
    dw_buf_printf(out, ",\"conditions\":[],\"counted\":%llu,\"whole\":%s,\"left_out\":[", (unsigned long long)l->counted, l->whole ? "true" : "false");
    const char *before = "";
    for (int why = DW_TAKES_PART + 1; why < DW_LEFT_OUTS; why++) {
        if (!l->left[why])
            continue;
        dw_buf_printf(out, "%s{\"why\":\"%s\",\"events\":%llu,\"first\":[", before, dw_left_out_word((enum dw_left_out)why), (unsigned long long)l->left[why]);
        for (uint64_t i = 0; i < l->left[why] && i < DW_LEFT_OUT_SHOWN; i++)
            dw_buf_printf(out, "%s\"%s\"", i ? "," : "", l->first[why][i]);
        dw_buf_str(out, DW_STR("]}"));
        before = ",";
    }
    dw_buf_str(out, DW_STR("]}\n"));
}
