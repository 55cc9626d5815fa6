/*
 * cmd_rules: `dogwatch rules`, by tbl/rules_commands.h.
 *
 * Idea: arguments are taken apart once, for all words; rules are loaded by one function, which tells what is wrong with them.
 *
 * Invariant: (1) results go to stdout, complaints to stderr.
 */
#include "rules.h"

#include "cli_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

static const struct {
    const char *word, *arguments, *summary;
    int (*run)(const struct rules_opts *o);
} words[] = {
#define RULES_COMMAND(word, function, arguments, summary) {#word, arguments, summary, function},
#include "dogwatch/tbl/rules_commands.h"
#undef RULES_COMMAND
};

void rules_say(void *ud, const struct dw_diags *d)
{
    struct rules *r = ud;
    struct dw_buf out = {0};
    r->warnings += d->warnings;
    if (!r->o->quiet || d->errors) {
        if (r->o->ndjson)
            dw_diags_json(d, &out);
        else
            dw_diags_print(d, &out);
        (void)fwrite(out.ptr, 1, out.len, r->o->ndjson ? stdout : stderr);
    }
    dw_buf_fini(&out);
}

/* All words, or one. */
static int usage(const char *word, FILE *to)
{
    for (size_t i = 0; i < DW_COUNT_OF(words); i++)
        if (!word || strcmp(word, words[i].word) == 0)
            fprintf(to, "%s dogwatch rules %s %s\n       %*s%s\n", word || i == 0 ? "usage:" : "      ", words[i].word, words[i].arguments,
                word ? 0 : 4, "", words[i].summary);
    return CLI_USAGE;
}

/* NAME: [values] of one YAML file. */
static int add_placeholder(struct rules *r, const struct dw_yaml *n)
{
    bool list = n->kind == DW_YAML_SEQ;
    struct dw_str *value = dw_arena_alloc(&r->arena, (n->count + 1) * sizeof *value);
    uint32_t count = 0;
    if (!value)
        return DW_ENOMEM;
    for (const struct dw_yaml *v = list ? n->first : n; v; v = list ? v->next : NULL) {
        if (v->kind != DW_YAML_SCALAR)
            return DW_ESYNTAX;
        value[count++] = v->text;
    }
    if (r->placeholder_count == RULES_PLACEHOLDERS_MAX)
        return DW_ELIMIT;
    r->placeholder[r->placeholder_count++] = (struct dw_placeholder){n->key, value, count};
    return DW_OK;
}

static int read_placeholders(struct rules *r)
{
    struct dw_buf text = {0};
    struct dw_diags diags;
    const struct dw_yaml *doc = NULL;
    if (!r->o->placeholders)
        return DW_OK;
    int rc = dw_fs_read_named(&dw_fs_system, r->o->placeholders, 16 << 20, &text);
    dw_diags_init(&diags, dw_str_of(r->o->placeholders), dw_buf_view(&text));
    if (rc == DW_OK)
        rc = dw_yaml_parse(&r->arena, dw_buf_view(&text), &diags, &doc);
    for (const struct dw_yaml *n = doc && doc->kind == DW_YAML_MAP ? doc->first : NULL; n && rc == DW_OK; n = n->next)
        rc = add_placeholder(r, n);
    if (diags.count)
        rules_say(r, &diags);
    else if (rc < 0)
        fprintf(stderr, "%s: %s\n", r->o->placeholders, dw_err_text(rc));
    dw_buf_fini(&text);
    return rc;
}

void rules_fini(struct rules *r)
{
    dw_ruleset_free(r->set);
    dw_keys_free(r->keys);
    dw_arena_fini(&r->arena);
}

int rules_begin(struct rules *r, const struct rules_opts *o)
{
    *r = (struct rules){.o = o};
    dw_arena_init(&r->arena, 0);
    if (read_placeholders(r) < 0)
        return CLI_USAGE;
    r->keys = dw_keys_new();
    return r->keys ? CLI_YES : CLI_CANNOT;
}

int rules_load(struct rules *r, const struct rules_opts *o)
{
    uint32_t bad = 0;
    int code = rules_begin(r, o);
    if (code != CLI_YES)
        return code;
    struct dw_places *places;
    if (cli_places(o->geoip, &places) < 0)
        return CLI_USAGE;
    const struct dw_ruleset_opts opts = {.places = places, .placeholder = r->placeholder, .placeholder_count = r->placeholder_count, .lint = o->lint, .notes = o->notes};
    int rc = dw_ruleset_load(&dw_fs_system, o->path, o->path_count, r->keys, &opts, (struct dw_diag_sink){rules_say, r}, &r->set, &bad);
    if (rc == DW_OK)
        return CLI_YES;
    fprintf(stderr, "%s: %s\n", o->path[bad], dw_err_text(rc));
    return rc == DW_ENOENT ? CLI_USAGE : CLI_CANNOT;
}

int rules_verdict(const struct rules *r)
{
    return dw_ruleset_errors(r->set) || (r->o->strict && r->warnings) ? CLI_USAGE : CLI_YES;
}

/* What --output asks for; false: there is no such form here. */
static bool wants_ndjson(const struct rules_opts *o, bool *ret)
{
    *ret = false;
    for (uint32_t i = 0; i + 1 < o->reading_count; i += 2) {
        *ret = strcmp(o->reading[i + 1], "ndjson") == 0;
        if (!*ret && strcmp(o->reading[i + 1], "text") != 0)
            return false;
    }
    return true;
}

static void sum_up(const struct rules *r, FILE *to)
{
    uint32_t notes = dw_ruleset_notes(r->set), allowed = dw_ruleset_allowed(r->set), first = 0, asleep = dw_ruleset_asleep(r->set, &first);
    (void)fprintf(to, "%u rules are good, %u are not", dw_ruleset_count(r->set), dw_ruleset_errors(r->set));
    if (r->warnings)
        (void)fprintf(to, "; %u warnings%s", r->warnings, r->o->strict ? ", which --strict takes for mistakes" : "");
    if (notes)
        (void)fprintf(to, "; %u notes, which --notes shows", notes);
    if (allowed)
        (void)fprintf(to, "; %u findings are allowed by their files", allowed);
    (void)fprintf(to, "\n");
    if (!asleep)
        return;
    (void)fprintf(to, "%u of them %s without a database of places (geoip.database of the collector; here --geoip FILE): %.*s%s\n", asleep, asleep == 1 ? "sleeps" : "sleep",
        DW_ARG(dw_ruleset_rule(r->set, first)->title), asleep > 1 ? " and others" : "");
}

int rules_check(const struct rules_opts *given)
{
    struct rules_opts o = *given;
    struct rules r;
    o.lint = true;
    if (!wants_ndjson(given, &o.ndjson)) {
        (void)fprintf(stderr, "rules check: --output is text or ndjson\n");
        return CLI_USAGE;
    }
    if ((o.dry_run && !o.fix) || (o.fix && o.ndjson)) {
        (void)fprintf(stderr, o.ndjson ? "rules check: --fix answers in text\n" : "rules check: --dry-run is for --fix\n");
        return CLI_USAGE;
    }
    int code = o.fix ? rules_mend(&r, &o) : rules_load(&r, &o);
    if (code == CLI_YES) {
        sum_up(&r, o.ndjson || o.dry_run ? stderr : stdout);
        code = rules_verdict(&r);
    }
    rules_fini(&r);
    return code;
}

/* An option with a value, into what it sets; NULL: there is none of that name. */
static const char **value_of(struct rules_opts *o, struct dw_str name)
{
    const struct {
        const char *name;
        const char **into;
    } single[] = {{"--placeholders", &o->placeholders}, {"--event", &o->event}, {"--rule", &o->rule}, {"--to", &o->to}, {"--level", &o->level},
        {"--geoip", &o->geoip}, {"--false-positives", &o->wrong}, {"--true-positives", &o->right}};
    for (size_t i = 0; i < DW_COUNT_OF(single); i++)
        if (dw_str_eq(name, dw_str_of(single[i].name)))
            return single[i].into;
    if (dw_str_eq(name, DW_STR("--product")) && o->product_count < RULES_WORDS_MAX)
        return &o->product[o->product_count++];
    if (dw_str_eq(name, DW_STR("--status")) && o->status_count < RULES_WORDS_MAX)
        return &o->status[o->status_count++];
    return NULL;
}

static bool *flag_of(struct rules_opts *o, struct dw_str name)
{
    const struct {
        const char *name;
        bool *into;
    } flags[] = {{"--any-logsource", &o->match.any_logsource}, {"--no-prefilter", &o->match.no_prefilter}, {"--quiet", &o->quiet},
        {"--strict", &o->strict}, {"--junit", &o->junit}, {"--navigator", &o->navigator}, {"--notes", &o->notes}, {"--fix", &o->fix}, {"--dry-run", &o->dry_run}, {"--from-alerts", &o->from_alerts}};
    for (size_t i = 0; i < DW_COUNT_OF(flags); i++)
        if (dw_str_eq(name, dw_str_of(flags[i].name)))
            return flags[i].into;
    return NULL;
}

/* Whether the word has this option, by its arguments in the table; --no-prefilter is for tests and stands nowhere. */
static bool has_option(const char *arguments, struct dw_str name)
{
    struct dw_str all = dw_str_of(arguments);
    size_t at = dw_str_find(all, name);
    return dw_str_eq(name, DW_STR("--no-prefilter")) || (at < all.len && !(at + name.len < all.len && strchr("-abcdefghijklmnopqrstuvwxyz", all.ptr[at + name.len])));
}

/* Whether it is an option of commands that read an archive; these are taken apart by cli_options. */
static bool reads_archive(struct dw_str name)
{
    static const char *const names[] = {"--since", "--until", "--config", "--data", "--archive", "--output"};
    for (size_t i = 0; i < DW_COUNT_OF(names); i++)
        if (dw_str_eq(name, dw_str_of(names[i])))
            return true;
    return false;
}

static bool read_args(int argc, char **argv, const char *arguments, struct rules_opts *o)
{
    const char *fields = NULL;
    for (int i = 2; i < argc; i++) {
        struct dw_str a = dw_str_of(argv[i]);
        bool option = dw_str_starts(a, DW_STR("--"));
        if (option && !has_option(arguments, a)) {
            fprintf(stderr, "rules %s: there is no option %s\n", argv[1], argv[i]);
            return false;
        }
        if (option && reads_archive(a) && i + 1 < argc && o->reading_count + 2 <= RULES_WORDS_MAX) {
            o->reading[o->reading_count++] = argv[i];
            o->reading[o->reading_count++] = argv[++i];
            continue;
        }
        bool *flag = option ? flag_of(o, a) : NULL;
        const char **value = !option || flag ? NULL : dw_str_eq(a, DW_STR("--fields")) ? &fields : value_of(o, a);
        if (flag)
            *flag = true;
        else if (value && i + 1 < argc)
            *value = argv[++i];
        else if (option || o->path_count == RULES_PATHS_MAX)
            return false;
        else
            o->path[o->path_count++] = argv[i];
    }
    o->ecs = !fields || strcmp(fields, "ecs") == 0;
    return o->path_count > 0 && (o->ecs || strcmp(fields, "sigma") == 0);
}

int cmd_rules(int argc, char **argv)
{
    struct rules_opts o = {.ecs = true};
    for (size_t i = 0; argc > 1 && i < DW_COUNT_OF(words); i++)
        if (strcmp(argv[1], words[i].word) == 0)
            return read_args(argc, argv, words[i].arguments, &o) ? words[i].run(&o) : usage(words[i].word, stderr);
    return usage(NULL, stderr);
}

void rules_help(const char *word)
{
    bool known = false;
    for (size_t i = 0; i < DW_COUNT_OF(words); i++)
        known = known || strcmp(word, words[i].word) == 0;
    (void)usage(known ? word : NULL, stdout);
}
