/*
 * lint: what can be said of rules that load: what stands around the detection part, and the logsource.
 *
 * Idea: it looks at the text of rules, not at what they were compiled to, so every finding has its place; and it is asked for by
 * `dogwatch rules check` only, for a collector has better things to say.
 *
 * What is certain it offers to mend (mend.c): where the finding is made it is known best.
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
        if (idle && n && dw__say(g, DW__LINT_FILTER_IDLE_KEY, n->key_at, NULL, "`%s` does nothing in a filter", wanted[i].key))
            dw__mend_drop_line(g, DW__LINT_FILTER_IDLE_KEY, n);
        else if (!idle && (!n || (n->kind == DW_YAML_SCALAR && n->text.len == 0)) && dw__say(g, wanted[i].lint, doc->at, NULL, "no %s", wanted[i].key) && !n &&
                 wanted[i].lint == DW__LINT_ID_MISSING)
            dw__mend_id(g, DW__LINT_ID_MISSING, doc);
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

/* 2024/1/31 and the like, the year first, as it should be. */
static bool mended_date(struct dw_str s, char ret[DATE_CHARS + 1])
{
    struct dw_str part[3], rest = s;
    char sep = dw_str_index(s, '/') < s.len ? '/' : dw_str_index(s, '.') < s.len ? '.' : '-';
    for (size_t i = 0; i < 3; i++)
        part[i] = dw_str_cut(&rest, sep);
    if (rest.ptr || part[0].len != 4 || part[1].len > 2 || part[2].len > 2 || !is_digits(part[0]) || !is_digits(part[1]) || !is_digits(part[2]))
        return false;
    int n = snprintf(ret, DATE_CHARS + 1, "%.*s-%s%.*s-%s%.*s", DW_ARG(part[0]), part[1].len < 2 ? "0" : "", DW_ARG(part[1]), part[2].len < 2 ? "0" : "", DW_ARG(part[2]));
    return n == DATE_CHARS && read_date(dw_str_make(ret, DATE_CHARS)) >= 0;
}

static void lint_dates(struct dw__sigma *g, const struct dw_yaml *doc)
{
    static const char *const keys[] = {"date", "modified"};
    int64_t date[2] = {-1, -1};
    for (size_t i = 0; i < DW_COUNT_OF(keys); i++) {
        const struct dw_yaml *n = dw_yaml_get(doc, keys[i]);
        char fixed[DATE_CHARS + 1];
        date[i] = read_date(text_of(n));
        if (n && n->kind == DW_YAML_SCALAR && n->text.len && date[i] < 0 &&
            dw__say(g, DW__LINT_DATE_FORM, n->at, NULL, "'%.*s' is no date as Sigma writes it", DW_ARG(n->text)) && mended_date(n->text, fixed))
            dw__mend_text(g, DW__LINT_DATE_FORM, n, dw_str_make(fixed, DATE_CHARS));
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
        const char *only = dw__only_near(s, statuses, DW_COUNT_OF(statuses));
        if (dw__say(g, DW__LINT_STATUS, status->at, near ? help : NULL, "unknown status '%.*s'", DW_ARG(s)) && only)
            dw__mend_text(g, DW__LINT_STATUS, status, dw_str_of(only));
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
            if (before != v &&
                dw__say(g, DW__LINT_ENTRY_TWICE, v->at, NULL, "'%.*s' stands in line %u already", DW_ARG(dw_str_slice(v->text, 0, 80)), before->at.line))
                dw__mend_drop(g, DW__LINT_ENTRY_TWICE, list, v);
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

static bool is_tag_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_tag(struct dw_str s)
{
    size_t dot = dw_str_index(s, '.');
    for (size_t i = 0; i < s.len; i++)
        if (!is_tag_byte(s.ptr[i]) && !(s.ptr[i] == '.' && i >= dot))
            return false;
    return dot > 0 && dot + 1 < s.len;
}

static const char *const tag_spaces[] = {"attack", "car", "cve", "d3fend", "detection", "stp", "tlp"};
static const char *const tactics[] = {"reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation",
    "defense-evasion", "defense-impairment", "stealth", "credential-access", "discovery", "lateral-movement", "collection", "command-and-control",
    "exfiltration", "impact", "inhibit-response-function", "impair-process-control", "evasion", "network-effects", "remote-service-effects"};

static bool is_attack_name(struct dw_str name)
{
    return is_attack_number(name) || is_one_of(name, tactics, DW_COUNT_OF(tactics));
}

enum { TAG_CHARS_MAX = 128 };

/* The tag that is meant where that is certain: small letters, `-` for blanks and, in a tactic, for `_`; a name of ATT&CK with a slip. */
static bool mended_tag(struct dw_str text, char ret[TAG_CHARS_MAX])
{
    char name[TAG_CHARS_MAX];
    struct dw_str rest = dw_str_trim(text), space = dw_str_cut(&rest, '.');
    if (!rest.ptr || text.len >= sizeof name)
        return false;
    for (size_t i = 0; i < rest.len; i++)
        name[i] = (char)(rest.ptr[i] == ' ' ? '-' : rest.ptr[i] >= 'A' && rest.ptr[i] <= 'Z' ? rest.ptr[i] | 0x20 : rest.ptr[i]);
    struct dw_str small = dw_str_make(name, rest.len);
    const char *near = dw__only_near(space, tag_spaces, DW_COUNT_OF(tag_spaces));
    for (size_t i = 0; i < DW_COUNT_OF(tag_spaces); i++)
        near = dw_str_ieq(space, dw_str_of(tag_spaces[i])) ? tag_spaces[i] : near;
    if (!near)
        return false;
    bool attack = strcmp(near, "attack") == 0, slip = !dw_str_ieq(space, dw_str_of(near));
    for (size_t i = 0; i < small.len && attack; i++)
        name[i] = (char)(name[i] == '_' ? '-' : name[i]);
    const char *tactic = attack && !is_attack_name(small) ? dw__only_near(small, tactics, DW_COUNT_OF(tactics)) : NULL;
    if ((slip && !attack) || (attack && !tactic && !is_attack_name(small)))
        return false;
    int n = snprintf(ret, TAG_CHARS_MAX, "%s.%.*s", near, DW_ARG(tactic ? dw_str_of(tactic) : small));
    return n > 0 && n < TAG_CHARS_MAX && is_tag(dw_str_make(ret, (size_t)n));
}

/* Whether something was told about it, and what. */
static bool tell_tag(struct dw__sigma *g, const struct dw_yaml *n, enum dw__lint *ret)
{
    struct dw_str name = n->text, space = dw_str_cut(&name, '.');
    bool known = is_one_of(space, tag_spaces, DW_COUNT_OF(tag_spaces));
    char help[160];
    *ret = DW__LINT_TAG_FORM;
    if (!is_tag(n->text))
        return dw__say(g, *ret, n->at, NULL, "'%.*s' is no tag", DW_ARG(dw_str_slice(n->text, 0, 80)));
    if (known && (!dw_str_eq(space, DW_STR("attack")) || is_attack_name(name)))
        return false;
    const char *near = known ? dw_nearest(name, tactics, DW_COUNT_OF(tactics)) : dw_nearest(space, tag_spaces, DW_COUNT_OF(tag_spaces));
    (void)snprintf(help, sizeof help, "did you mean '%s'?", near ? near : "");
    *ret = known ? DW__LINT_TAG_ATTACK : DW__LINT_TAG_NAMESPACE;
    if (known)
        return dw__say(g, *ret, n->at, near ? help : NULL, "ATT&CK has nothing that is called '%.*s'", DW_ARG(dw_str_slice(name, 0, 80)));
    return dw__say(g, *ret, n->at, near ? help : NULL, "unknown namespace '%.*s'", DW_ARG(space));
}

static void lint_tag(struct dw__sigma *g, const struct dw_yaml *n)
{
    char fixed[TAG_CHARS_MAX];
    enum dw__lint what;
    if (tell_tag(g, n, &what) && mended_tag(n->text, fixed))
        dw__mend_text(g, what, n, dw_str_of(fixed));
}

static void lint_tags(struct dw__sigma *g, const struct dw_yaml *doc)
{
    const struct dw_yaml *list = dw_yaml_get(doc, "tags");
    for (const struct dw_yaml *v = list && list->kind == DW_YAML_SEQ ? list->first : NULL; v; v = v->next)
        if (v->kind == DW_YAML_SCALAR)
            lint_tag(g, v);
}

/* ---- where its events come from ---- */

enum { SOURCE_CHARS_MAX = 128 };

static void mend_case(struct dw__sigma *g, const struct dw_yaml *n)
{
    char small[SOURCE_CHARS_MAX];
    for (size_t i = 0; i < n->text.len && n->text.len <= sizeof small; i++)
        small[i] = (char)(n->text.ptr[i] >= 'A' && n->text.ptr[i] <= 'Z' ? n->text.ptr[i] | 0x20 : n->text.ptr[i]);
    if (n->text.len <= sizeof small)
        dw__mend_text(g, DW__LINT_LOGSOURCE_CASE, n, dw_str_make(small, n->text.len));
}

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
            if (dw__say(g, DW__LINT_LOGSOURCE_CASE, part[i]->at, NULL, "capital letters in %s", keys[i]))
                mend_case(g, part[i]);
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

/* `1 of them` by the one selection's name. */
static void mend_them(struct dw__sigma *g, const struct dw_yaml *condition, size_t at, struct dw_str name)
{
    struct dw_str before = dw_str_slice(condition->text, 0, at);
    size_t from = at;
    bool word = name.len > 0;
    while (from > 0 && before.ptr[from - 1] != ' ' && before.ptr[from - 1] != '(')
        from--;
    for (size_t i = 0; i < name.len; i++)
        word = word && (is_tag_byte(name.ptr[i]) || (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z'));
    struct dw_str how = dw_str_slice(before, from, at);
    if (!word || !condition->one_line || !(dw_str_eq(how, DW_STR("1")) || dw_str_ieq(how, DW_STR("all")) || dw_str_ieq(how, DW_STR("any"))))
        return;
    size_t begin = dw__text_begin(g, condition);
    const struct dw_edit edit = {begin + from, begin + at + 8, name};
    dw__mend(g, DW__LINT_THEM_ALONE, dw_yaml_span_in(condition, from, at + 8 - from), &edit, 1, "the selection is named");
}

static void lint_them(struct dw__sigma *g, const struct dw_yaml *detection, const struct dw_yaml *condition)
{
    uint32_t selections = 0;
    struct dw_str text = text_of(condition), name = DW_STR("");
    for (const struct dw_yaml *n = detection->first; n; n = n->next) {
        bool selection = !dw_str_eq(n->key, DW_STR("condition")) && !dw_str_eq(n->key, DW_STR("timeframe")) && !dw_str_eq(n->key, DW_STR("rules"));
        selections += selection;
        name = selection ? n->key : name;
    }
    size_t at = dw_str_find(text, DW_STR(" of them"));
    if (selections == 1 && at < text.len && dw__say(g, DW__LINT_THEM_ALONE, dw_yaml_span_in(condition, at + 4, 4), NULL, "`them` is one selection"))
        mend_them(g, condition, at, name);
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
