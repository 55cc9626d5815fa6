/*
 * diff_rules: the text of random rules.
 *
 * Every way to write a value and every modifier comes up; what the engine refuses (a wildcard in Base64, two ways to compare) does not,
 * because a rule that is refused proves nothing here.
 */
#include "diff.h"

#include <stdio.h>

static const struct dw_str site_values[] = {{"lab", 3}, {"a*b", 3}, {"\xc3\x89t\xc3\xa9", 5}};
const struct plain_placeholder diff_placeholder = {{"sites", 5}, site_values, DW_COUNT_OF(site_values)};

static const char *const fields[] = {"f", "g", "h", "f", "g", "c.image", "c.args", "c.priv", "c.port.n", "User", "CommandLine", "Image", "message",
    "event.original", "cs-uri", "event.category", "x.y", "tags"};
static const char *const regexes[] = {"ab+c", "^a.*b$", "[ab]{2,}x?", "(?:foo|bar)\\d", "\\.exe$", "a.c", "^$", "lab(el)?", "\\babc\\b", "^(a+)+$", "(x+x+)+y", "^(a+)+$", "((a+)+)+$",
    "needle.*hay", "(?i)NEEDLE", "\xc3\xa9.", "a\\\\b", "[[:digit:]]+z", "hay|needle", "n(?!x)e", "\\Qa.b\\E", "lab.{0,3}lab",
    "([ab]+)-([ab]+)c", "(a|b)*c[^b]x", "b.*n.*-x"};
static const char *const networks[] = {"10.0.0.0/8", "10.1.0.0/16", "192.168.1.64/26", "2001:db8::/32", "::1", "0.0.0.0/0", "fe80::/10"};
static const char *const numbers[] = {"0", "1", "5", "5.5", "-3", "0x10", "010", "1e3", "22", "4688"};

/* A name, a number or a piece of a dash or slash, often a piece of a word that there is. */
static void make_word(struct diff_gen *g, uint32_t n)
{
    static const char *const letters[] = {"a", "b", "a", "b", "A", "B", "c", "x", "n", "e", "-", "/", "\\", ".", " ", "1", "%", "_", "=", "\xc3\xa9", "\xc3\x89",
        "\xe2\x82\xac", "\xc7\x85", "K", "\xe2\x84\xaa", "\xe2\x80\x93", "*", "?", "'", "\""};
    char *w = g->word[n];
    size_t len = 1 + dw_rng_below(&g->rng, diff_chance(g, 3) ? DIFF_WORD_MAX : 6);
    w[0] = '\0';
    for (size_t i = 0; i < len; i++) {
        const char *l = letters[dw_rng_below(&g->rng, diff_chance(g, 3) ? DW_COUNT_OF(letters) : 10)];
        memcpy(w + strlen(w), l, strlen(l) + 1);
    }
    const char *other = n ? g->word[dw_rng_below(&g->rng, n)] : "";
    size_t have = strlen(w), more = strlen(other);
    if (n && diff_chance(g, 3) && have + more < sizeof g->word[n]) { /* they share beginnings and ends */
        bool front = diff_chance(g, 2);
        char both[sizeof g->word[n]];
        (void)snprintf(both, sizeof both, "%s%s", front ? other : w, front ? w : other);
        memcpy(w, both, sizeof both);
    }
}

/* A scalar in single quotes, whatever it holds. */
static void put_quoted(struct dw_buf *out, const char *text)
{
    dw_buf_byte(out, '\'');
    for (; *text; text++) {
        dw_buf_byte(out, (uint8_t)*text);
        if (*text == '\'')
            dw_buf_byte(out, '\'');
    }
    dw_buf_byte(out, '\'');
}

/* A word, now and then two with a wildcard or an escape between. `plain`: without wildcards, for encodings. */
static void put_text(struct diff_gen *g, bool plain)
{
    static const char *const joins[] = {"*", "?", "*?", "??", "\\*", "\\?", "\\\\", "\\\\*", "\\\\\\*", " ", "-", "\\"};
    char text[300] = "";
    const char *a = diff_word(g), *b = diff_word(g), *join = "";
    if (diff_chance(g, 4))
        join = joins[dw_rng_below(&g->rng, DW_COUNT_OF(joins))];
    (void)snprintf(text, sizeof text, "%s%s%s", a, join, join[0] ? b : "");
    if (!plain && diff_chance(g, 12))
        (void)snprintf(text, sizeof text, "*%s*", b);
    for (char *c = text; plain && *c; c++)
        *c = *c == '*' || *c == '?' ? '+' : *c;
    put_quoted(&g->yaml, text);
}

static void put_one(struct diff_gen *g, const char *how)
{
    struct dw_buf *out = &g->yaml;
    bool encoded = strstr(how, "64") != NULL;
    if (strstr(how, "fieldref"))
        dw_buf_str(out, dw_str_of(fields[dw_rng_below(&g->rng, DW_COUNT_OF(fields))]));
    else if (strstr(how, "|re"))
        put_quoted(out, regexes[dw_rng_below(&g->rng, DW_COUNT_OF(regexes))]);
    else if (strstr(how, "cidr"))
        put_quoted(out, networks[dw_rng_below(&g->rng, DW_COUNT_OF(networks))]);
    else if (strstr(how, "exists"))
        dw_buf_str(out, diff_chance(g, 2) ? DW_STR("true") : DW_STR("false"));
    else if (strstr(how, "|lt") || strstr(how, "|gt") || strstr(how, "hour") || strstr(how, "week") || strstr(how, "day") || strstr(how, "minute") ||
             strstr(how, "month") || strstr(how, "year"))
        dw_buf_printf(out, "%d", (int)dw_rng_below(&g->rng, strstr(how, "year") ? 3 : 24) + (strstr(how, "year") ? 2023 : 0));
    else if (strstr(how, "expand"))
        dw_buf_printf(out, "'%s%%%s%%%s'", diff_chance(g, 2) ? "a" : "", diff_chance(g, 8) ? "unknown" : "sites", diff_chance(g, 2) ? "\\%b" : "*");
    else if (!how[0] && diff_chance(g, 4))
        dw_buf_str(out, dw_str_of(numbers[dw_rng_below(&g->rng, DW_COUNT_OF(numbers))]));
    else if (!how[0] && diff_chance(g, 10))
        dw_buf_str(out, diff_chance(g, 2) ? DW_STR("null") : DW_STR("''"));
    else if (!how[0] && diff_chance(g, 16))
        dw_buf_str(out, diff_chance(g, 2) ? DW_STR("true") : DW_STR("yes"));
    else
        put_text(g, encoded);
}

static void put_values(struct diff_gen *g, const char *how)
{
    size_t count = 1 + dw_rng_below(&g->rng, 4);
    bool list = strstr(how, "|all") || diff_chance(g, 2);
    if (!list) {
        put_one(g, how);
        return;
    }
    dw_buf_byte(&g->yaml, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            dw_buf_str(&g->yaml, DW_STR(", "));
        put_one(g, how);
    }
    dw_buf_byte(&g->yaml, ']');
}

static const char *some_how(struct diff_gen *g)
{
    static const char *const usual[] = {"", "|contains", "|startswith", "|endswith", "|contains|all", "|contains", "|endswith", ""};
    static const char *const unusual[] = {"|re", "|re", "|re", "|re|i", "|re|m|s", "|cidr", "|exists", "|lt", "|lte", "|gt", "|gte", "|neq", "|contains|neq", "|cased",
        "|contains|cased", "|cased|endswith", "|startswith|all|neq", "|base64", "|base64offset|contains", "|wide|base64offset|contains", "|utf16|base64",
        "|utf16be|contains", "|utf16le|contains", "|windash", "|windash|contains|all", "|contains|windash", "|windash|wide|contains", "|expand|contains",
        "|expand", "|fieldref", "|fieldref|endswith", "|fieldref|startswith|neq", "|fieldref|contains|cased", "|minute", "|hour", "|day", "|week", "|month",
        "|year", "|urldecode|contains", "|urldecode", "|re|neq", "|every", "|contains|every", "|every|endswith|neq", "|every|re", "|every|contains|all", "|all|endswith", "|cased|all|contains"};
    return diff_chance(g, 3) ? unusual[dw_rng_below(&g->rng, DW_COUNT_OF(unusual))] : usual[dw_rng_below(&g->rng, DW_COUNT_OF(usual))];
}

static const char *some_field(struct diff_gen *g, const char *how)
{
    static const char *const times[] = {"@timestamp", "ts"};
    static const char *const parts[] = {"minute", "hour", "day", "week", "month", "year"};
    for (size_t i = 0; i < DW_COUNT_OF(parts); i++)
        if (strstr(how, parts[i]))
            return times[dw_rng_below(&g->rng, 2)];
    if (strstr(how, "cidr"))
        return diff_chance(g, 2) ? "ip" : "src_ip";
    return fields[dw_rng_below(&g->rng, DW_COUNT_OF(fields))];
}

/* A map of up to four items, each key once. */
static void put_map(struct diff_gen *g, const char *indent, const char *first)
{
    char keys[4][80];
    size_t count = 1 + dw_rng_below(&g->rng, 4), n = 0;
    for (size_t i = 0; i < count; i++) {
        const char *how = some_how(g);
        bool again = false;
        (void)snprintf(keys[n], sizeof keys[n], "%s%s", some_field(g, how), how);
        for (size_t k = 0; k < n; k++)
            again = again || strcmp(keys[k], keys[n]) == 0;
        if (again)
            continue;
        dw_buf_printf(&g->yaml, "%s'%s': ", n ? indent : first, keys[n]);
        put_values(g, how);
        dw_buf_byte(&g->yaml, '\n');
        n++;
    }
}

static void put_selection(struct diff_gen *g, uint32_t n)
{
    static const char *const names[] = {"s", "sel_", "_h", "filter_"};
    dw_buf_printf(&g->yaml, "  %s%u:", names[n % 4], n);
    switch (dw_rng_below(&g->rng, 8)) {
    case 0: /* keywords */
        dw_buf_byte(&g->yaml, '\n');
        for (uint64_t i = dw_rng_below(&g->rng, 3) + 1; i > 0; i--) {
            dw_buf_str(&g->yaml, DW_STR("    - "));
            put_text(g, false);
            dw_buf_byte(&g->yaml, '\n');
        }
        break;
    case 1: {
        static const char *const hows[] = {"|all", "|all|cased", "|re", "|neq"};
        const char *how = hows[dw_rng_below(&g->rng, DW_COUNT_OF(hows))];
        dw_buf_printf(&g->yaml, "\n    '%s': ", how);
        put_values(g, how);
        dw_buf_byte(&g->yaml, '\n');
        break;
    }
    case 2:
    case 3: /* any of some maps */
        dw_buf_byte(&g->yaml, '\n');
        for (uint64_t i = dw_rng_below(&g->rng, 2) + 1; i > 0; i--)
            put_map(g, "      ", "    - ");
        break;
    default:
        dw_buf_byte(&g->yaml, '\n');
        put_map(g, "    ", "    ");
        break;
    }
}

static void put_condition(struct diff_gen *g, uint32_t selections, int depth)
{
    static const char *const names[] = {"s", "sel_", "_h", "filter_"};
    static const char *const patterns[] = {"1 of s*", "all of s*", "any of them", "1 of them", "all of them", "2 of s*", "1 of sel_*", "all of *", "1 of *0"};
    switch (depth > 2 ? 0 : dw_rng_below(&g->rng, 8)) {
    case 0:
    case 1:
    case 2: {
        uint32_t n = (uint32_t)dw_rng_below(&g->rng, selections);
        dw_buf_printf(&g->yaml, "%s%u", names[n % 4], n);
        break;
    }
    case 3:
        dw_buf_str(&g->yaml, DW_STR("not "));
        put_condition(g, selections, depth + 1);
        break;
    case 4: /* needs as many selections: the first four have every kind of name */
        if (selections >= 4) {
            dw_buf_str(&g->yaml, dw_str_of(patterns[dw_rng_below(&g->rng, DW_COUNT_OF(patterns))]));
            break;
        }
        dw_buf_str(&g->yaml, DW_STR("1 of s*"));
        break;
    case 5:
        put_condition(g, selections, depth + 1);
        dw_buf_str(&g->yaml, diff_chance(g, 2) ? DW_STR(" and ") : DW_STR(" or "));
        put_condition(g, selections, depth + 1);
        break;
    default:
        dw_buf_byte(&g->yaml, '(');
        put_condition(g, selections, depth + 1);
        dw_buf_str(&g->yaml, diff_chance(g, 3) ? DW_STR(" or ") : diff_chance(g, 2) ? DW_STR(" and ") : DW_STR(" and not "));
        put_condition(g, selections, depth + 1);
        dw_buf_byte(&g->yaml, ')');
        break;
    }
}

static void put_detection(struct diff_gen *g)
{
    uint32_t selections = 1 + (uint32_t)dw_rng_below(&g->rng, 6);
    for (uint32_t i = 0; i < selections; i++)
        put_selection(g, i);
    dw_buf_str(&g->yaml, DW_STR("  condition: "));
    if (diff_chance(g, 3)) { /* as most published rules are */
        for (uint32_t i = 0; i < selections; i++) {
            static const char *const names[] = {"s", "sel_", "_h", "filter_"};
            dw_buf_printf(&g->yaml, "%s%s%u", i ? i % 4 == 3 ? " and not " : " and " : "", names[i % 4], i);
        }
        dw_buf_byte(&g->yaml, '\n');
        return;
    }
    bool list = diff_chance(g, 12);
    for (int i = 0; i < 1 + list; i++) {
        dw_buf_str(&g->yaml, list ? DW_STR("\n    - ") : DW_STR(""));
        put_condition(g, selections, 0);
    }
    dw_buf_byte(&g->yaml, '\n');
}

static const char *some_logsource(struct diff_gen *g)
{
    static const char *const sources[] = {"{product: windows, category: process_creation}", "{product: windows}", "{product: windows, service: security}",
        "{category: webserver}", "{product: nginx}", "{product: linux, service: auditd}", "{product: app, service: audit}", "{category: process_creation}"};
    return sources[dw_rng_below(&g->rng, DW_COUNT_OF(sources))];
}

void diff_make_rules(struct diff_gen *g, uint32_t rules)
{
    dw_buf_reset(&g->yaml);
    for (uint32_t i = 0; i < DIFF_WORDS; i++)
        make_word(g, i);
    g->rules = rules;
    g->documents = rules + (uint32_t)dw_rng_below(&g->rng, DIFF_FILTERS_MAX + 1);
    for (uint32_t i = 0; i < g->documents; i++) {
        g->begin[i] = g->yaml.len;
        dw_buf_printf(&g->yaml, "---\ntitle: t\nid: r%u\nlogsource: %s\n", i, some_logsource(g));
        if (i >= rules)
            dw_buf_printf(&g->yaml, "filter:\n  rules: %s\n", diff_chance(g, 2) ? "any" : "[r0, r1, r2, r3, r4]");
        else
            dw_buf_str(&g->yaml, DW_STR("detection:\n"));
        put_detection(g);
    }
    g->begin[g->documents] = g->yaml.len;
    DW_ASSERT(!g->yaml.err);
}
