/*
 * lint: what can be said of rules that load: what stands around the detection part, and the logsource.
 *
 * Idea: it looks at the text of rules, not at what they were compiled to, so every finding has its place; and it is asked for by
 * `dogwatch rules check` only, for a collector has better things to say.
 *
 * Invariant: (1) nothing here changes what a rule does.
 */
#include "sigma_int.h"

#include <stdio.h>

enum { TITLE_CHARS_MAX = 256, UUID_CHARS = 36, DATE_CHARS = 10 };

static bool is_uuid(struct dw_str s)
{
    for (size_t i = 0; i < s.len && s.len == UUID_CHARS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.ptr[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return s.len == UUID_CHARS;
}

static bool is_one_of(struct dw_str s, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (dw_str_eq(s, dw_str_of(words[i])))
            return true;
    return false;
}

static struct dw_str text_of(const struct dw_yaml *n)
{
    return n && n->kind == DW_YAML_SCALAR ? n->text : DW_STR("");
}

static bool is_digits(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

/* ---- what is there, and in which form ---- */

static void lint_missing(struct dw__sigma *g, const struct dw_yaml *doc)
{
    static const struct {
        const char *key;
        enum dw__lint lint;
    } wanted[] = {{"id", DW__LINT_ID_MISSING}, {"level", DW__LINT_LEVEL_MISSING}, {"status", DW__LINT_STATUS_MISSING},
        {"description", DW__LINT_DESCRIPTION_MISSING}, {"author", DW__LINT_AUTHOR_MISSING}, {"date", DW__LINT_DATE_MISSING}};
    bool filter = dw_yaml_get(doc, "filter") != NULL;
    for (size_t i = 0; i < DW_COUNT_OF(wanted); i++) {
        const struct dw_yaml *n = dw_yaml_get(doc, wanted[i].key);
        bool idle = filter && (wanted[i].lint == DW__LINT_LEVEL_MISSING || wanted[i].lint == DW__LINT_STATUS_MISSING);
        if (idle && n)
            dw__say(g, DW__LINT_FILTER_IDLE_KEY, n->key_at, NULL, "`%s` does nothing in a filter", wanted[i].key);
        else if (!idle && (!n || (n->kind == DW_YAML_SCALAR && n->text.len == 0)))
            dw__say(g, wanted[i].lint, doc->at, NULL, "no %s", wanted[i].key);
    }
}

/* -1: none. */
static int64_t read_date(struct dw_str s)
{
    uint64_t y, m, d;
    if (s.len != DATE_CHARS || s.ptr[4] != '-' || s.ptr[7] != '-' || !dw_str_u64(dw_str_slice(s, 0, 4), &y) || !dw_str_u64(dw_str_slice(s, 5, 7), &m) ||
        !dw_str_u64(dw_str_slice(s, 8, 10), &d))
        return -1;
    return m >= 1 && m <= 12 && d >= 1 && d <= 31 ? (int64_t)(y * 10000 + m * 100 + d) : -1;
}

static void lint_dates(struct dw__sigma *g, const struct dw_yaml *doc)
{
    static const char *const keys[] = {"date", "modified"};
    int64_t date[2] = {-1, -1};
    for (size_t i = 0; i < DW_COUNT_OF(keys); i++) {
        const struct dw_yaml *n = dw_yaml_get(doc, keys[i]);
        date[i] = read_date(text_of(n));
        if (n && n->kind == DW_YAML_SCALAR && n->text.len && date[i] < 0)
            dw__say(g, DW__LINT_DATE_FORM, n->at, NULL, "'%.*s' is no date as Sigma writes it", DW_ARG(n->text));
    }
    if (date[0] >= 0 && date[1] >= 0 && date[1] < date[0])
        dw__say(g, DW__LINT_DATE_ORDER, dw_yaml_get(doc, "modified")->at, NULL, "modified before the date");
}

static void lint_words(struct dw__sigma *g, const struct dw_yaml *doc)
{
    static const char *const statuses[] = {"stable", "test", "experimental", "deprecated", "unsupported"};
    const struct dw_yaml *id = dw_yaml_get(doc, "id"), *title = dw_yaml_get(doc, "title"), *status = dw_yaml_get(doc, "status");
    struct dw_str s = text_of(status);
    if (text_of(id).len && !is_uuid(id->text))
        dw__say(g, DW__LINT_ID_FORM, id->at, NULL, "the id '%.*s' is no UUID", DW_ARG(dw_str_slice(id->text, 0, 60)));
    if (text_of(title).len > TITLE_CHARS_MAX)
        dw__say(g, DW__LINT_TITLE_LONG, title->at, NULL, "a title of %zu bytes", title->text.len);
    if (s.len && !is_one_of(s, statuses, DW_COUNT_OF(statuses))) {
        char help[160];
        const char *near = dw_nearest(s, statuses, DW_COUNT_OF(statuses));
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near ? near : "");
        dw__say(g, DW__LINT_STATUS, status->at, near ? help : NULL, "unknown status '%.*s'", DW_ARG(s));
    }
    if (dw_str_eq(s, DW_STR("deprecated")) && !dw_yaml_get(doc, "related"))
        dw__say(g, DW__LINT_DEPRECATED_ALONE, status->at, NULL, "deprecated, and by what is not said");
}

/* ---- lists ---- */

static void lint_twice(struct dw__sigma *g, const struct dw_yaml *doc)
{
    static const char *const keys[] = {"tags", "references", "fields", "falsepositives"};
    for (size_t k = 0; k < DW_COUNT_OF(keys); k++) {
        const struct dw_yaml *list = dw_yaml_get(doc, keys[k]);
        for (const struct dw_yaml *v = list && list->kind == DW_YAML_SEQ ? list->first : NULL; v; v = v->next) {
            const struct dw_yaml *before = list->first;
            while (before != v && !(before->kind == DW_YAML_SCALAR && text_of(v).len && dw_str_eq(before->text, v->text)))
                before = before->next;
            if (before != v)
                dw__say(g, DW__LINT_ENTRY_TWICE, v->at, NULL, "'%.*s' stands in line %u already", DW_ARG(dw_str_slice(v->text, 0, 80)), before->at.line);
        }
    }
}

static void lint_false_positives(struct dw__sigma *g, const struct dw_yaml *doc)
{
    const struct dw_yaml *n = dw_yaml_get(doc, "falsepositives");
    if (!n)
        return;
    bool list = n->kind == DW_YAML_SEQ, empty = list ? n->count == 0 : n->kind == DW_YAML_SCALAR && n->text.len == 0;
    const struct dw_yaml *v = list ? n->first : NULL;
    while (v && !(v->kind == DW_YAML_SCALAR && (v->text.len < 2 || dw_yaml_is_null(v))))
        v = v->next;
    if (empty || v)
        dw__say(g, DW__LINT_FALSEPOSITIVES_EMPTY, v ? v->at : n->key_at, NULL, "nothing is said of false positives");
}

static void lint_related(struct dw__sigma *g, const struct dw_yaml *doc)
{
    static const char *const types[] = {"derived", "obsolete", "obsoletes", "merged", "renamed", "similar"};
    const struct dw_yaml *list = dw_yaml_get(doc, "related");
    for (const struct dw_yaml *v = list && list->kind == DW_YAML_SEQ ? list->first : NULL; v; v = v->next) {
        const struct dw_yaml *id = dw_yaml_get(v, "id"), *type = dw_yaml_get(v, "type");
        if (!is_uuid(text_of(id)))
            dw__say(g, DW__LINT_RELATED, id ? id->at : v->at, NULL, "a related rule is named by its UUID");
        else if (!is_one_of(text_of(type), types, DW_COUNT_OF(types)))
            dw__say(g, DW__LINT_RELATED, type ? type->at : v->at, NULL, "how the rules are related is not said");
    }
}

/* ---- tags ---- */

/* t1110, t1110.001, ta0001, g0001, s0001, m1001, ds0001, c0001. */
static bool is_attack_number(struct dw_str s)
{
    struct dw_str sub = s, number = dw_str_cut(&sub, '.');
    size_t letters = 0;
    while (letters < number.len && number.ptr[letters] >= 'a' && number.ptr[letters] <= 'z')
        letters++;
    static const char *const kinds[] = {"t", "ta", "g", "s", "m", "ds", "c"};
    bool known = is_one_of(dw_str_slice(number, 0, letters), kinds, DW_COUNT_OF(kinds));
    return known && number.len == letters + 4 && is_digits(dw_str_slice(number, letters, number.len)) &&
           (!sub.ptr || (letters == 1 && number.ptr[0] == 't' && sub.len == 3 && is_digits(sub)));
}

static bool is_tag(struct dw_str s)
{
    size_t dot = dw_str_index(s, '.');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || (c == '.' && i >= dot)))
            return false;
    }
    return dot > 0 && dot + 1 < s.len;
}

static void lint_tag(struct dw__sigma *g, const struct dw_yaml *n)
{
    static const char *const spaces[] = {"attack", "car", "cve", "d3fend", "detection", "stp", "tlp"};
    static const char *const tactics[] = {"reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation",
        "defense-evasion", "defense-impairment", "stealth", "credential-access", "discovery", "lateral-movement", "collection", "command-and-control",
        "exfiltration", "impact", "inhibit-response-function", "impair-process-control", "evasion", "network-effects", "remote-service-effects"};
    struct dw_str name = n->text, space = dw_str_cut(&name, '.');
    char help[160];
    if (!is_tag(n->text)) {
        dw__say(g, DW__LINT_TAG_FORM, n->at, NULL, "'%.*s' is no tag", DW_ARG(dw_str_slice(n->text, 0, 80)));
    } else if (!is_one_of(space, spaces, DW_COUNT_OF(spaces))) {
        const char *near = dw_nearest(space, spaces, DW_COUNT_OF(spaces));
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near ? near : "");
        dw__say(g, DW__LINT_TAG_NAMESPACE, n->at, near ? help : NULL, "unknown namespace '%.*s'", DW_ARG(space));
    } else if (dw_str_eq(space, DW_STR("attack")) && !is_attack_number(name) && !is_one_of(name, tactics, DW_COUNT_OF(tactics))) {
        const char *near = dw_nearest(name, tactics, DW_COUNT_OF(tactics));
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near ? near : "");
        dw__say(g, DW__LINT_TAG_ATTACK, n->at, near ? help : NULL, "ATT&CK has nothing that is called '%.*s'", DW_ARG(dw_str_slice(name, 0, 80)));
    }
}

static void lint_tags(struct dw__sigma *g, const struct dw_yaml *doc)
{
    const struct dw_yaml *list = dw_yaml_get(doc, "tags");
    for (const struct dw_yaml *v = list && list->kind == DW_YAML_SEQ ? list->first : NULL; v; v = v->next)
        if (v->kind == DW_YAML_SCALAR)
            lint_tag(g, v);
}

/* ---- where its events come from ---- */

static void lint_logsource(struct dw__sigma *g, const struct dw_yaml *doc)
{
    static const char *const keys[] = {"category", "product", "service"};
    const struct dw_yaml *l = dw_yaml_get(doc, "logsource"), *part[3];
    struct dw_str text[3];
    for (size_t i = 0; i < DW_COUNT_OF(keys); i++) {
        part[i] = dw_yaml_get(l, keys[i]);
        text[i] = text_of(part[i]);
        for (size_t c = 0; c < text[i].len; c++) {
            if (text[i].ptr[c] < 'A' || text[i].ptr[c] > 'Z')
                continue;
            dw__say(g, DW__LINT_LOGSOURCE_CASE, part[i]->at, NULL, "capital letters in %s", keys[i]);
            break;
        }
    }
    const struct dw_logsource source = {text[0], text[1], text[2]};
    if (l && l->kind == DW_YAML_MAP && !dw__logsource_known(g->rs, &source))
        dw__say(g, DW__LINT_LOGSOURCE_UNKNOWN, l->key_at, NULL, "no event of a known dataset is of category '%.*s'%s%.*s%s%.*s", DW_ARG(text[0]),
            text[1].len ? ", product " : "", DW_ARG(text[1]), text[2].len ? ", service " : "", DW_ARG(text[2]));
}

static void lint_file_name(struct dw__sigma *g)
{
    struct dw_str name = g->diags->path;
    while (dw_str_index(name, '/') < name.len)
        (void)dw_str_cut(&name, '/');
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.')
            continue;
        dw__say(g, DW__LINT_FILE_NAME, (struct dw_span){1, 1, 1}, NULL, "the file is called '%.*s'", DW_ARG(name));
        return;
    }
}

/* ---- conditions ---- */

static void lint_condition(struct dw__sigma *g, const struct dw_yaml *n)
{
    bool has_and = false;
    uint32_t words = 0;
    struct dw_str rest = text_of(n), first = DW_STR("");
    while (rest.ptr) {
        struct dw_str word = dw_str_cut(&rest, ' ');
        if (word.len == 0)
            continue;
        first = words++ ? first : word;
        has_and = has_and || dw_str_ieq(word, DW_STR("and"));
    }
    if (dw_str_ieq(first, DW_STR("not")) && !has_and)
        dw__say(g, DW__LINT_ONLY_NOT, n->at, NULL, "nothing has to be there: only what must not");
}

static void lint_them(struct dw__sigma *g, const struct dw_yaml *detection, const struct dw_yaml *condition)
{
    uint32_t selections = 0;
    struct dw_str text = text_of(condition);
    for (const struct dw_yaml *n = detection->first; n; n = n->next)
        selections += !dw_str_eq(n->key, DW_STR("condition")) && !dw_str_eq(n->key, DW_STR("timeframe")) && !dw_str_eq(n->key, DW_STR("rules"));
    size_t at = dw_str_find(text, DW_STR(" of them"));
    if (selections == 1 && at < text.len)
        dw__say(g, DW__LINT_THEM_ALONE, dw_yaml_span_in(condition, at + 4, 4), NULL, "`them` is one selection");
}

static void lint_detection(struct dw__sigma *g, const struct dw_yaml *detection, bool filter)
{
    const struct dw_yaml *condition = dw_yaml_get(detection, "condition");
    for (const struct dw_yaml *n = detection->kind == DW_YAML_MAP ? detection->first : NULL; n; n = n->next)
        if (n != condition && !dw_str_eq(n->key, DW_STR("timeframe")) && !(filter && dw_str_eq(n->key, DW_STR("rules"))))
            dw__lint_selection(g, n);
    if (!condition)
        return;
    lint_them(g, detection, condition);
    bool list = condition->kind == DW_YAML_SEQ;
    for (const struct dw_yaml *n = list ? condition->first : condition; n && !filter; n = list ? n->next : NULL)
        lint_condition(g, n);
}

static void lint_document(struct dw__sigma *g, const struct dw_yaml *doc)
{
    const struct dw_yaml *correlation = dw_yaml_get(doc, "correlation"), *detection = dw_yaml_get(doc, "detection"), *filter = dw_yaml_get(doc, "filter");
    lint_missing(g, doc);
    lint_words(g, doc);
    lint_dates(g, doc);
    lint_twice(g, doc);
    lint_false_positives(g, doc);
    lint_related(g, doc);
    lint_tags(g, doc);
    lint_logsource(g, doc);
    if (detection || filter)
        lint_detection(g, detection ? detection : filter, !detection);
    if (correlation && correlation->kind == DW_YAML_MAP && !dw_yaml_get(correlation, "group-by"))
        dw__say(g, DW__LINT_GROUP_MISSING, correlation->key_at, NULL, "it counts all events together");
}

static void check_allowance(void *ud, struct dw_str code)
{
    struct dw__sigma *g = ud;
    size_t count;
    const struct dw_lint_row *row = dw_lint_table(&count);
    for (size_t i = 0; i < count; i++)
        if (dw_str_eq(code, dw_str_of(row[i].code)))
            return;
    dw__say(g, DW__LINT_ALLOW_UNKNOWN, dw_span_at(g->diags->text, (size_t)(code.ptr - g->diags->text.ptr), code.len), NULL, "'%.*s' is no code", DW_ARG(code));
}

void dw__lint(struct dw__sigma *g, const struct dw_yaml *doc)
{
    bool rules = false;
    for (; doc; doc = doc->next) {
        if (doc->kind != DW_YAML_MAP || dw_yaml_get(doc, "mapping"))
            continue;
        rules = true;
        lint_document(g, doc);
    }
    if (rules)
        lint_file_name(g);
    dw__allowances(g->diags->text, check_allowance, g);
    dw_diags_sort(g->diags);
}
