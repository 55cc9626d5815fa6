/*
 * plain_rule: the rule tree, walked.
 *
 * A verdict is no, yes or maybe; `and` is the least of its parts, `or` the greatest with no < maybe < yes (Kleene).
 */
#include "plain.h"

#include "dogwatch/base/error.h"

/* One walk. elem: of arrays only this element is looked at; 0: all. */
struct walk {
    struct plain *p;
    const struct dw_event *ev;
    struct plain_rule_names names;
    uint32_t elem;
};

static enum plain_verdict negated(enum plain_verdict v)
{
    return v == PLAIN_MAYBE ? PLAIN_MAYBE : v == PLAIN_YES ? PLAIN_NO : PLAIN_YES;
}

/* At least n of those counted. */
static enum plain_verdict at_least(uint64_t n, uint64_t yes, uint64_t maybe)
{
    return yes >= n ? PLAIN_YES : yes + maybe >= n ? PLAIN_MAYBE : PLAIN_NO;
}

static bool has_modifier(struct dw_str key, const char *name)
{
    struct dw_str rest = key;
    (void)dw_str_cut(&rest, '|');
    while (rest.ptr)
        if (dw_str_eq(dw_str_cut(&rest, '|'), dw_str_of(name)))
            return true;
    return false;
}

static struct dw_str first_modifier_of(struct dw_str key, const char *const *names)
{
    for (; *names; names++)
        if (has_modifier(key, *names))
            return dw_str_of(*names);
    return DW_STR_NONE;
}

/* ---- values ---- */

struct plain_pattern *plain_patterns(struct plain *p, struct dw_str key, const struct dw_yaml *value)
{
    struct dw_str rest = key, name = dw_str_cut(&rest, '|'), canonical;
    struct plain_pattern *all = plain_read(p, value->text), *made = NULL;
    bool compared = false, known;
    bool contains = has_modifier(key, "contains") || !name.len;
    while (rest.ptr) {
        struct dw_str modifier = dw_str_cut(&rest, '|');
        all = plain_transform(p, all, modifier, &known);
        compared = compared || known;
    }
    bool starts = has_modifier(key, "startswith"), ends = has_modifier(key, "endswith");
    if (!compared && !contains && !starts && !ends && plain_canonical(p, value, &canonical)) {
        DW_ASSERT(all && !all->next);
        all->next = plain_read(p, canonical); /* 0x10 is 16 too */
    }
    for (; all; all = all->next) {
        struct plain_pattern *one = plain_around(p, all, contains || ends, contains || starts);
        one->next = made;
        made = one;
    }
    return made;
}

static enum plain_verdict any_pattern(struct walk *w, const struct plain_pattern *all, struct dw_str text, bool cased)
{
    for (; all; all = all->next)
        if (plain_fits(w->p, all, text, cased))
            return PLAIN_YES;
    return PLAIN_NO;
}

static bool compares(struct dw_str how, struct dw_str text, double want)
{
    double v;
    if (!plain_number(text, &v))
        return false;
    return dw_str_eq(how, DW_STR("lt")) ? v < want : dw_str_eq(how, DW_STR("lte")) ? v <= want : dw_str_eq(how, DW_STR("gt")) ? v > want : v >= want;
}

static bool agrees(uint32_t a, uint32_t b)
{
    for (; a && b; a >>= 8, b >>= 8)
        if ((a & 255) && (b & 255) && (a & 255) != (b & 255))
            return false;
    return true;
}

/* `field|fieldref: other`: any value of the one with any value of the other. */
static enum plain_verdict refers(struct walk *w, struct dw_str key, struct dw_str other, struct dw_str text)
{
    struct dw_str ignored;
    bool cased = has_modifier(key, "cased"), yes = false;
    struct dw_str mine = cased ? text : plain_folded(w->p, text);
    for (struct plain_value *v = plain_values(w->p, &w->names, other, false, w->ev, &ignored); v && !yes; v = v->next) {
        struct dw_str theirs = cased ? v->text : plain_folded(w->p, v->text);
        if (has_modifier(key, "contains"))
            yes = theirs.len == 0 || dw_str_find(mine, theirs) < mine.len;
        else
            yes = has_modifier(key, "startswith") ? dw_str_starts(mine, theirs)
                  : has_modifier(key, "endswith") ? dw_str_ends(mine, theirs)
                                                  : dw_str_eq(mine, theirs);
    }
    return yes ? PLAIN_YES : PLAIN_NO;
}

static enum plain_verdict regex(struct walk *w, struct dw_str key, const struct dw_yaml *value, struct dw_str text)
{
    bool i = has_modifier(key, "i") || has_modifier(key, "ignorecase"), m = has_modifier(key, "m") || has_modifier(key, "multiline");
    bool s = has_modifier(key, "s") || has_modifier(key, "dotall");
    if (!has_modifier(key, "expand"))
        return plain_regex(w->p, value->text, i, m, s, text);
    return PLAIN_NO; /* expand without values: nothing matches */
}

/* One value of the rule against one of the event. */
static enum plain_verdict one_value(struct walk *w, struct dw_str key, const struct dw_yaml *value, struct dw_str text)
{
    static const char *const orders[] = {"lt", "lte", "gt", "gte", NULL}, *const parts[] = {"minute", "hour", "day", "week", "month", "year", NULL};
    struct dw_str order = first_modifier_of(key, orders), part = first_modifier_of(key, parts);
    double number = 0;
    if (has_modifier(key, "re"))
        return regex(w, key, value, text);
    if (has_modifier(key, "cidr"))
        return plain_in_network(value->text, text) ? PLAIN_YES : PLAIN_NO;
    if (has_modifier(key, "fieldref"))
        return refers(w, key, value->text, text);
    if (order.ptr || part.ptr)
        (void)plain_yaml_number(value, &number);
    if (order.ptr)
        return compares(order, text, number) ? PLAIN_YES : PLAIN_NO;
    if (part.ptr)
        return plain_time_is(part, text, number) ? PLAIN_YES : PLAIN_NO;
    return any_pattern(w, plain_patterns(w->p, key, value), text, has_modifier(key, "cased"));
}

/* One value of the rule against all of the event's. */
static enum plain_verdict value_holds(struct walk *w, struct dw_str key, const struct dw_yaml *value, const struct plain_value *have)
{
    bool there = false, keywords = key.len == 0 || key.ptr[0] == '|', want = true;
    uint64_t yes = 0, maybe = 0;
    bool null = dw_yaml_is_null(value) && !keywords, exists = has_modifier(key, "exists");
    for (; have; have = have->next) {
        if (w->elem && !agrees(w->elem, have->elem))
            continue;
        there = true;
        if (null || exists)
            continue;
        enum plain_verdict v = one_value(w, key, value, have->text);
        yes += v == PLAIN_YES;
        maybe += v == PLAIN_MAYBE;
        if (yes)
            break;
    }
    if (exists)
        return dw_yaml_bool(value, &want) && want == there ? PLAIN_YES : PLAIN_NO;
    if (null)
        return there ? PLAIN_NO : PLAIN_YES;
    return at_least(1, yes, maybe);
}

static const struct plain_value *values_of(struct walk *w, struct dw_str key, struct dw_str *ret_name)
{
    struct dw_str rest = key, name = dw_str_cut(&rest, '|');
    *ret_name = DW_STR("");
    if (!name.len)
        return plain_line(w->p, w->ev);
    return plain_values(w->p, &w->names, name, has_modifier(key, "urldecode"), w->ev, ret_name);
}

/* `field|modifiers: value` or a list of values, over these of the event. */
static enum plain_verdict listed(struct walk *w, struct dw_str key, const struct dw_yaml *value, const struct plain_value *have)
{
    const struct dw_yaml *first = value->kind == DW_YAML_SEQ ? value->first : value;
    uint64_t yes = 0, maybe = 0, count = 0;
    for (const struct dw_yaml *v = first; v; v = value->kind == DW_YAML_SEQ ? v->next : NULL) {
        enum plain_verdict one = value_holds(w, key, v, have);
        yes += one == PLAIN_YES;
        maybe += one == PLAIN_MAYBE;
        count++;
    }
    return at_least(has_modifier(key, "all") ? count : 1, yes, maybe);
}

/* The item for each value by itself. */
static enum plain_verdict for_every(struct walk *w, struct dw_str key, const struct dw_yaml *value, const struct plain_value *have)
{
    enum plain_verdict least = PLAIN_YES;
    bool any = false;
    for (; have; have = have->next) {
        struct plain_value alone = {.text = have->text, .elem = have->elem};
        if (w->elem && !agrees(w->elem, have->elem))
            continue;
        enum plain_verdict one = listed(w, key, value, &alone);
        least = least == PLAIN_NO || one == PLAIN_NO ? PLAIN_NO : one == PLAIN_YES ? least : one;
        any = true;
    }
    return any ? least : PLAIN_NO;
}

static enum plain_verdict item(struct walk *w, struct dw_str key, const struct dw_yaml *value)
{
    struct dw_str ignored;
    const struct plain_value *have = values_of(w, key, &ignored);
    enum plain_verdict v = has_modifier(key, "every") ? for_every(w, key, value, have) : listed(w, key, value, have);
    return has_modifier(key, "neq") ? negated(v) : v;
}

/* ---- selections ---- */

static enum plain_verdict all_items(struct walk *w, const struct dw_yaml *map)
{
    enum plain_verdict least = PLAIN_YES;
    for (const struct dw_yaml *v = map->first; v && least != PLAIN_NO; v = v->next) {
        enum plain_verdict one = item(w, v->key, v);
        least = one == PLAIN_YES ? least : one;
    }
    return least;
}

static bool in_array(const struct plain_value *v)
{
    while (v && !v->elem)
        v = v->next;
    return v != NULL;
}

/* Whether the items of the map whose fields are in one array with `name` hold for this element. */
static enum plain_verdict element_holds(struct walk *w, const struct dw_yaml *map, struct dw_str name, uint32_t elem)
{
    struct walk inside = *w;
    enum plain_verdict least = PLAIN_YES;
    inside.elem = elem;
    for (const struct dw_yaml *v = map->first; v && least != PLAIN_NO; v = v->next) {
        struct dw_str other;
        if (!in_array(values_of(w, v->key, &other)) || !other.len || !plain_tied(w->p, w->ev, name, other))
            continue;
        enum plain_verdict one = item(&inside, v->key, v);
        least = one == PLAIN_YES ? least : one;
    }
    return least;
}

/* One element of the array that `name` is in must satisfy every item on it: any of those that a field of the map has. */
static enum plain_verdict some_element_holds(struct walk *w, const struct dw_yaml *map, struct dw_str name)
{
    uint64_t yes = 0, maybe = 0;
    for (const struct dw_yaml *v = map->first; v; v = v->next) {
        struct dw_str other;
        const struct plain_value *have = values_of(w, v->key, &other);
        if (!in_array(have) || !other.len || !plain_tied(w->p, w->ev, name, other))
            continue;
        for (; have && !yes; have = have->next) {
            enum plain_verdict one = element_holds(w, map, name, have->elem);
            yes += one == PLAIN_YES;
            maybe += one == PLAIN_MAYBE;
        }
    }
    return at_least(1, yes, maybe);
}

static enum plain_verdict map_holds(struct walk *w, const struct dw_yaml *map)
{
    enum plain_verdict least = all_items(w, map);
    if (map->count < 2)
        return least;
    for (const struct dw_yaml *v = map->first; v && least != PLAIN_NO; v = v->next) {
        struct dw_str name, other;
        uint32_t tied = 0;
        if (!in_array(values_of(w, v->key, &name)) || !name.len)
            continue;
        for (const struct dw_yaml *o = map->first; o; o = o->next)
            tied += in_array(values_of(w, o->key, &other)) && other.len && plain_tied(w->p, w->ev, name, other);
        enum plain_verdict one = tied > 1 ? some_element_holds(w, map, name) : PLAIN_YES;
        least = one == PLAIN_YES ? least : one;
    }
    return least;
}

static enum plain_verdict selection(struct walk *w, const struct dw_yaml *n)
{
    uint64_t yes = 0, maybe = 0;
    if (n->kind == DW_YAML_MAP)
        return map_holds(w, n);
    if (n->kind == DW_YAML_SCALAR)
        return item(w, DW_STR(""), n);
    for (const struct dw_yaml *v = n->first; v && !yes; v = v->next) {
        enum plain_verdict one = selection(w, v);
        yes += one == PLAIN_YES;
        maybe += one == PLAIN_MAYBE;
    }
    return at_least(1, yes, maybe);
}

/* ---- conditions ---- */

struct words {
    struct walk *w;
    const struct dw_yaml *selections;
    struct dw_str rest;
};

/* The next word, or parenthesis, without taking it. */
static struct dw_str peek(struct words *c)
{
    size_t n = 0;
    c->rest = dw_str_trim(c->rest);
    while (n < c->rest.len && !dw_is_blank(c->rest.ptr[n]) && c->rest.ptr[n] != '(' && c->rest.ptr[n] != ')')
        n++;
    return dw_str_slice(c->rest, 0, n ? n : 1);
}

static struct dw_str take(struct words *c)
{
    struct dw_str word = peek(c);
    c->rest = dw_str_slice(c->rest, word.len, c->rest.len);
    return word;
}

static bool next_is(struct words *c, const char *word)
{
    return dw_str_ieq(peek(c), dw_str_of(word));
}

static bool is_selection(const struct dw_yaml *n)
{
    return !dw_str_eq(n->key, DW_STR("condition")) && !dw_str_eq(n->key, DW_STR("timeframe")) && !dw_str_eq(n->key, DW_STR("rules"));
}

static bool named(struct dw_str pattern, struct dw_str name)
{
    if (pattern.len == 0)
        return name.len == 0;
    if (pattern.ptr[0] == '*')
        return named(dw_str_slice(pattern, 1, pattern.len), name) || (name.len && named(pattern, dw_str_slice(name, 1, name.len)));
    return name.len && name.ptr[0] == pattern.ptr[0] && named(dw_str_slice(pattern, 1, pattern.len), dw_str_slice(name, 1, name.len));
}

static enum plain_verdict any_part(struct words *c);

static enum plain_verdict so_many_of(struct words *c)
{
    struct dw_str number = take(c);
    (void)take(c); /* of */
    struct dw_str pattern = take(c);
    uint64_t yes = 0, maybe = 0, count = 0, n = 1;
    for (const struct dw_yaml *s = c->selections->first; s; s = s->next) {
        bool them = dw_str_ieq(pattern, DW_STR("them")), hidden = s->key.len && s->key.ptr[0] == '_' && (them || pattern.ptr[0] != '_');
        if (hidden || !is_selection(s) || !(them || named(pattern, s->key)))
            continue;
        enum plain_verdict one = selection(c->w, s);
        yes += one == PLAIN_YES;
        maybe += one == PLAIN_MAYBE;
        count++;
    }
    if (dw_str_ieq(number, DW_STR("all")))
        n = count;
    else
        (void)dw_str_u64(number, &n); /* any: 1 */
    return at_least(n, yes, maybe);
}

static enum plain_verdict one_part(struct words *c)
{
    if (next_is(c, "not")) {
        (void)take(c);
        return negated(one_part(c));
    }
    if (next_is(c, "(")) {
        (void)take(c);
        enum plain_verdict v = any_part(c);
        (void)take(c);
        return v;
    }
    struct words ahead = *c;
    (void)take(&ahead);
    if (next_is(&ahead, "of"))
        return so_many_of(c);
    struct dw_str name = take(c);
    for (const struct dw_yaml *s = c->selections->first; s; s = s->next)
        if (is_selection(s) && dw_str_eq(s->key, name))
            return selection(c->w, s);
    DW_NEVER("the engine refuses a condition with a name that is none");
}

static enum plain_verdict all_parts(struct words *c)
{
    enum plain_verdict least = one_part(c);
    while (next_is(c, "and")) {
        (void)take(c);
        enum plain_verdict one = one_part(c);
        least = least == PLAIN_NO || one == PLAIN_NO ? PLAIN_NO : least == PLAIN_MAYBE ? least : one;
    }
    return least;
}

static enum plain_verdict any_part(struct words *c)
{
    enum plain_verdict most = all_parts(c);
    while (next_is(c, "or")) {
        (void)take(c);
        enum plain_verdict one = all_parts(c);
        most = most == PLAIN_YES || one == PLAIN_YES ? PLAIN_YES : most == PLAIN_MAYBE ? most : one;
    }
    return most;
}

static enum plain_verdict detection(struct walk *w, const struct dw_yaml *map)
{
    const struct dw_yaml *condition = dw_yaml_get(map, "condition");
    uint64_t yes = 0, maybe = 0;
    bool list = condition->kind == DW_YAML_SEQ;
    for (const struct dw_yaml *v = list ? condition->first : condition; v; v = list ? v->next : NULL) {
        struct words c = {w, map, v->text};
        enum plain_verdict one = any_part(&c);
        yes += one == PLAIN_YES;
        maybe += one == PLAIN_MAYBE;
    }
    return at_least(1, yes, maybe);
}

/* ---- rules ---- */

static struct dw_str text_at(const struct dw_yaml *map, const char *key)
{
    const struct dw_yaml *n = dw_yaml_get(map, key);
    return n && n->kind == DW_YAML_SCALAR ? n->text : DW_STR("");
}

struct plain_rule_names plain_names(const struct dw_yaml *doc)
{
    const struct dw_yaml *l = dw_yaml_get(doc, "logsource");
    return (struct plain_rule_names){text_at(l, "category"), text_at(l, "product"), text_at(l, "service")};
}

static bool same_part(struct dw_str filter, struct dw_str rule)
{
    return filter.len == 0 || dw_str_ieq(filter, rule);
}

static bool filters(const struct dw_yaml *filter, const struct dw_yaml *rule)
{
    struct plain_rule_names f = plain_names(filter), r = plain_names(rule);
    const struct dw_yaml *rules = dw_yaml_get(dw_yaml_get(filter, "filter"), "rules");
    if (!same_part(f.category, r.category) || !same_part(f.product, r.product) || !same_part(f.service, r.service))
        return false;
    if (!rules || dw_yaml_is_null(rules) || (rules->kind == DW_YAML_SCALAR && dw_str_ieq(rules->text, DW_STR("any"))))
        return true;
    for (const struct dw_yaml *v = rules->first; v; v = v->next)
        if (dw_str_eq(v->text, text_at(rule, "id")) || dw_str_eq(v->text, text_at(rule, "name")))
            return true;
    return rules->kind == DW_YAML_SEQ && rules->count == 0;
}

enum plain_verdict plain_rule(struct plain *p, const struct dw_yaml *doc, const struct dw_yaml *documents, const struct dw_event *ev)
{
    struct walk w = {.p = p, .ev = ev, .names = plain_names(doc)};
    enum plain_verdict least = detection(&w, dw_yaml_get(doc, "detection"));
    for (const struct dw_yaml *d = documents; d && least != PLAIN_NO; d = d->next) {
        if (!dw_yaml_get(d, "filter") || !filters(d, doc))
            continue;
        struct walk f = {.p = p, .ev = ev, .names = plain_names(d)};
        enum plain_verdict one = detection(&f, dw_yaml_get(d, "filter"));
        least = one == PLAIN_YES ? least : one;
    }
    return least;
}
