/*
 * cmd_rules: `dogwatch rules check|run`.
 *
 * Idea: check loads the rules and prints what is wrong with them; run matches events from standard input and prints
 * one verdict an event, then the alerts of correlations, in event time. `rules` of a verdict are those that raise an alert, as a collector would;
 * `members` those that matched and only feed a correlation or detector.
 *
 * Invariants: (1) results go to stdout, complaints to stderr; (2) every line of input has one verdict line, also one
 * that is no event (no rules, and a complaint).
 */
#include "cmd.h"

#include "event_json.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/correlate/window.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>
#include <unistd.h>

enum { EXIT_YES, EXIT_NO, EXIT_USAGE, EXIT_CANNOT, PATHS_MAX = 1024, PLACEHOLDERS_MAX = 256 };
enum { READ_BYTES = 256 * 1024, LINE_BYTES_MAX = 64 << 20 };

struct run_opts {
    const char *path[PATHS_MAX];
    uint32_t path_count;
    bool ecs, quiet;
    struct dw_match_opts match;
    const char *placeholders;
};

/* Rules with what they stand on. */
struct rules {
    struct dw_keys *keys;
    struct dw_ruleset *set;
    struct dw_arena arena; /* placeholders */
    struct dw_placeholder placeholder[PLACEHOLDERS_MAX];
    uint32_t placeholder_count;
};

static void say(void *ud, const struct dw_diags *d)
{
    const struct run_opts *o = ud;
    struct dw_buf out = {0};
    if (!o->quiet || d->errors) {
        dw_diags_print(d, &out);
        (void)fwrite(out.ptr, 1, out.len, stderr);
    }
    dw_buf_fini(&out);
}

static int usage(void)
{
    fputs("usage: dogwatch rules check [--quiet] [--placeholders FILE] PATH...\n"
          "       dogwatch rules run [--fields ecs|sigma] [--any-logsource] [--placeholders FILE] PATH... < events\n",
        stderr);
    return EXIT_USAGE;
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
    if (r->placeholder_count == PLACEHOLDERS_MAX)
        return DW_ELIMIT;
    r->placeholder[r->placeholder_count++] = (struct dw_placeholder){n->key, value, count};
    return DW_OK;
}

static int read_placeholders(struct rules *r, const struct run_opts *o)
{
    struct dw_buf text = {0};
    struct dw_diags diags;
    const struct dw_yaml *doc = NULL;
    if (!o->placeholders)
        return DW_OK;
    int rc = dw_fs_read_named(&dw_fs_system, o->placeholders, 16 << 20, &text);
    dw_diags_init(&diags, dw_str_of(o->placeholders), dw_buf_view(&text));
    if (rc == DW_OK)
        rc = dw_yaml_parse(&r->arena, dw_buf_view(&text), &diags, &doc);
    for (const struct dw_yaml *n = doc && doc->kind == DW_YAML_MAP ? doc->first : NULL; n && rc == DW_OK; n = n->next)
        rc = add_placeholder(r, n);
    if (diags.count)
        say((void *)(uintptr_t)o, &diags);
    else if (rc < 0)
        fprintf(stderr, "%s: %s\n", o->placeholders, dw_err_text(rc));
    dw_buf_fini(&text);
    return rc;
}

static void rules_fini(struct rules *r)
{
    dw_ruleset_free(r->set);
    dw_keys_free(r->keys);
    dw_arena_fini(&r->arena);
}

static int rules_load(struct rules *r, const struct run_opts *o)
{
    uint32_t bad = 0;
    dw_arena_init(&r->arena, 0);
    int rc = read_placeholders(r, o);
    if (rc < 0)
        return EXIT_USAGE;
    r->keys = dw_keys_new();
    const struct dw_ruleset_opts opts = {r->placeholder, r->placeholder_count};
    const struct dw_diag_sink sink = {say, (void *)(uintptr_t)o};
    rc = r->keys ? dw_ruleset_load(&dw_fs_system, o->path, o->path_count, r->keys, &opts, sink, &r->set, &bad)
                 : DW_ENOMEM;
    if (rc == DW_OK)
        return EXIT_YES;
    fprintf(stderr, "%s: %s\n", o->path[bad], dw_err_text(rc));
    return rc == DW_ENOENT ? EXIT_USAGE : EXIT_CANNOT;
}

static int check(const struct run_opts *o)
{
    struct rules r = {0};
    int code = rules_load(&r, o);
    if (code == EXIT_YES) {
        uint32_t errors = dw_ruleset_errors(r.set);
        printf("%u rules are good, %u are not\n", dw_ruleset_count(r.set), errors);
        code = errors ? EXIT_USAGE : EXIT_YES;
    }
    rules_fini(&r);
    return code;
}

/* Matching of one stream of events. */
struct run {
    const struct run_opts *o;
    struct rules rules;
    struct dw_match_scratch *scratch;
    struct dw_window *window;
    struct event_json event;
    struct dw_buf out, members; /* members: ids of rules that matched and raise nothing of their own, for the event in hand */
    uint32_t hits;
    int64_t line_number;
    int failed;
};

static void put_hit(void *ud, uint32_t rule, bool undecided)
{
    struct run *r = ud;
    if (undecided)
        return;
    const struct dw_rule *of = dw_ruleset_rule(r->rules.set, rule);
    struct dw_buf *out = of->silent ? &r->members : &r->out;
    bool first = of->silent ? out->len == 0 : r->hits++ == 0;
    dw_buf_str(out, first ? DW_STR("") : DW_STR(","));
    (void)dw_json_string(out, of->id);
    int rc = dw_window_match(r->window, rule, &r->event.ev, false);
    r->failed = rc < 0 ? rc : r->failed;
}

static void flush(struct run *r, size_t least)
{
    if (r->out.len < least)
        return;
    if (fwrite(r->out.ptr, 1, r->out.len, stdout) != r->out.len)
        r->failed = DW_EIO;
    dw_buf_reset(&r->out);
}

static void one_line(struct run *r, struct dw_str line)
{
    int64_t number = r->line_number++;
    int rc = event_json_read(&r->event, line, number);
    r->hits = 0;
    dw_buf_reset(&r->members);
    dw_buf_printf(&r->out, "{\"event\":%lld,\"rules\":[", (long long)(rc == DW_OK ? r->event.number : number));
    if (rc == DW_OK)
        rc = dw_match_event(r->scratch, &r->event.ev, r->o->match, put_hit, r);
    if (rc < 0)
        fprintf(stderr, "line %lld: %s\n", (long long)number + 1, dw_err_text(rc));
    r->failed = r->members.err < 0 ? r->members.err : r->failed;
    if (r->members.len)
        dw_buf_printf(&r->out, "],\"members\":[%.*s", DW_ARG(dw_buf_view(&r->members)));
    dw_buf_str(&r->out, DW_STR("]}\n"));
    flush(r, READ_BYTES);
}

static void put_alert(void *ud, const struct dw_finding *f)
{
    struct run *r = ud;
    if (f->silent)
        return;
    dw_buf_str(&r->out, DW_STR("{\"alert\":"));
    dw_finding_json(r->rules.set, f, &r->out);
    dw_buf_str(&r->out, DW_STR("}\n"));
    flush(r, READ_BYTES);
}

/* Whole lines of `in` are matched; what is left stays. */
static void take_lines(struct run *r, struct dw_buf *in, bool end)
{
    struct dw_str rest = dw_buf_view(in);
    while (rest.len) {
        size_t at = dw_str_index(rest, '\n');
        if (at == rest.len && !end)
            break;
        struct dw_str line = dw_str_slice(rest, 0, at);
        if (dw_str_trim(line).len)
            one_line(r, line);
        else
            r->line_number++;
        rest = dw_str_slice(rest, at + 1, rest.len);
    }
    if (rest.len)
        memmove(in->ptr, rest.ptr, rest.len);
    in->len = rest.len;
}

static int read_all(struct run *r)
{
    struct dw_buf in = {0};
    ssize_t n = 1;
    while (n > 0 && !r->failed && in.len < LINE_BYTES_MAX) {
        char *at = dw_buf_reserve(&in, READ_BYTES);
        if (!at) {
            r->failed = DW_ENOMEM;
            break;
        }
        n = read(STDIN_FILENO, at, READ_BYTES);
        in.len += n > 0 ? (size_t)n : 0;
        take_lines(r, &in, n <= 0);
    }
    if (in.len >= LINE_BYTES_MAX)
        r->failed = DW_ELIMIT;
    dw_buf_fini(&in);
    int rc = dw_window_flush(r->window, put_alert, r);
    r->failed = r->failed ? r->failed : rc;
    flush(r, 1);
    return r->failed;
}

static int run(const struct run_opts *o)
{
    struct run *r = dw_calloc(1, sizeof *r);
    if (!r)
        return EXIT_CANNOT;
    r->o = o;
    int code = rules_load(&r->rules, o);
    if (code == EXIT_YES) {
        r->scratch = dw_match_scratch_new(r->rules.set);
        r->event.keys = r->rules.keys;
        r->event.sigma = !o->ecs;
        dw_arena_init(&r->event.pool, 0);
        r->window = dw_window_new(r->rules.set, NULL);
        int rc = r->scratch && r->window ? read_all(r) : DW_ENOMEM;
        if (rc < 0)
            fprintf(stderr, "rules run: %s\n", dw_err_text(rc));
        code = rc < 0 ? EXIT_CANNOT : dw_ruleset_errors(r->rules.set) ? EXIT_USAGE : EXIT_YES;
        dw_arena_fini(&r->event.pool);
        dw_window_free(r->window);
        dw_match_scratch_free(r->scratch);
    }
    dw_buf_fini(&r->out);
    dw_buf_fini(&r->members);
    rules_fini(&r->rules);
    dw_free(r);
    return code;
}

/* False: usage. */
static bool read_args(int argc, char **argv, struct run_opts *o)
{
    for (int i = 2; i < argc; i++) {
        struct dw_str a = dw_str_of(argv[i]);
        if (dw_str_eq(a, DW_STR("--any-logsource")))
            o->match.any_logsource = true;
        else if (dw_str_eq(a, DW_STR("--no-prefilter")))
            o->match.no_prefilter = true;
        else if (dw_str_eq(a, DW_STR("--quiet")))
            o->quiet = true;
        else if (dw_str_eq(a, DW_STR("--placeholders")) && i + 1 < argc)
            o->placeholders = argv[++i];
        else if (dw_str_eq(a, DW_STR("--fields")) && i + 1 < argc) {
            struct dw_str v = dw_str_of(argv[++i]);
            o->ecs = dw_str_eq(v, DW_STR("ecs"));
            if (!o->ecs && !dw_str_eq(v, DW_STR("sigma")))
                return false;
        } else if (dw_str_starts(a, DW_STR("--")) || o->path_count == PATHS_MAX)
            return false;
        else
            o->path[o->path_count++] = argv[i];
    }
    return o->path_count > 0;
}

int cmd_rules(int argc, char **argv)
{
    struct run_opts o = {.ecs = true};
    if (argc < 2 || !read_args(argc, argv, &o))
        return usage();
    if (dw_str_eq(dw_str_of(argv[1]), DW_STR("check")))
        return check(&o);
    if (dw_str_eq(dw_str_of(argv[1]), DW_STR("run")))
        return run(&o);
    return usage();
}
