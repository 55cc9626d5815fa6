/*
 * up_config: the arguments of `dogwatch up`, and the configurations of agent and collector made of them.
 *
 * Idea: what `up` wants is loaded as a file would be, --set goes over it, and what then differs from the defaults is written: a
 * --set is checked as a file is, and replaces what `up` itself would write.
 *
 * Invariant: every --set takes effect in one program at least, or is refused.
 */
#include "up.h"

#include "dogwatch/conf/options.h"
#include "dogwatch/conf/program.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

static int add(const char **list, int *count, const char *what, const char *v)
{
    if (*count == UP_SETS_MAX) {
        (void)fprintf(stderr, "dogwatch up: more than %d times %s: put them into a file (--write-config)\n", UP_SETS_MAX, what);
        return CLI_USAGE;
    }
    list[(*count)++] = v;
    return CLI_YES;
}

static int take(struct up *u, const char *name, const char *v)
{
    if (strcmp(name, "--data") == 0)
        return cli_path(u->data, v) ? CLI_YES : CLI_USAGE;
    if (strcmp(name, "--rules") == 0) {
        struct dw_stat st;
        int rc = dw_fs_stat(v, &st);
        if (rc < 0)
            (void)fprintf(stderr, "dogwatch up: --rules %s: %s\n", v, dw_err_text(rc));
        return rc == DW_OK && cli_path(u->rules, v) ? CLI_YES : CLI_USAGE;
    }
    if (strcmp(name, "--logs") == 0)
        return add(u->logs, &u->logs_count, name, v);
    if (strcmp(name, "--set") == 0)
        return add(u->set, &u->set_count, name, v);
    u->write_config = v;
    return CLI_YES;
}

/* Whether `option` is one that `value` may follow; else says what is wrong. */
static bool is_valued(const char *option, const char *value)
{
    static const char *const known[] = {"--data", "--rules", "--logs", "--set", "--write-config", "--until-idle"};
    size_t k = 0;
    while (k < DW_COUNT_OF(known) && strcmp(option, known[k]) != 0)
        k++;
    if (k < DW_COUNT_OF(known) && value)
        return true;
    const char *near = k == DW_COUNT_OF(known) ? dw_nearest(dw_str_of(option), known, DW_COUNT_OF(known)) : NULL;
    (void)fprintf(stderr, "dogwatch up: %s: %s%s%s%s\n", option, k < DW_COUNT_OF(known) ? "its value is missing" : "no such option",
        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

int up_options(int argc, char **argv, struct up *u)
{
    cli_default_data(u->data);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--until-idle") == 0) {
            u->until_idle = true;
            continue;
        }
        if (!is_valued(argv[i], argv[i + 1])) /* argv ends with a NULL */
            return CLI_USAGE;
        int rc = take(u, argv[i], argv[i + 1]);
        if (rc != CLI_YES)
            return rc;
        i++;
    }
    return CLI_YES;
}

static void put_string(struct dw_buf *b, const char *before, const char *text, const char *after)
{
    dw_buf_str(b, dw_str_of(before));
    (void)dw_json_string(b, dw_str_of(text)); /* a JSON string is a YAML string */
    dw_buf_str(b, dw_str_of(after));
}

static void want_of_agent(const struct up *u, struct dw_buf *b)
{
    put_string(b, "data: ", u->data, "\n");
    for (int i = 0; i < u->logs_count; i++)
        put_string(b, i ? "  - " : "logs:\n  - ", u->logs[i], "\n");
    if (u->logs_count)
        dw_buf_printf(b, "discover:\n  docker: false\n  cri: false\n  podman: false\n");
    if (u->until_idle)
        dw_buf_printf(b, "until_idle: true\n");
}

/* On one host nothing is under way for long: what is later than this comes out of order. */
static void want_of_collector(const struct up *u, struct dw_buf *b)
{
    put_string(b, "data: ", u->data, "\n");
    if (u->rules[0])
        put_string(b, "rules: [", u->rules, "]\n");
    dw_buf_printf(b, "lateness: 2s\n");
    if (u->api[0])
        put_string(b, "api.listen: ", u->api, "\n");
    if (u->until_idle && (u->agent_ended || u->write_config))
        dw_buf_printf(b, "until_idle: true\n");
}

/* The rest of a --set that is for this program: `agent.K=V`, or `K=V` where K is one of its options. */
static struct dw_str set_for(const char *set, const struct dw_conf_table *t)
{
    struct dw_str text = dw_str_of(set), rest = text, key = dw_str_cut(&rest, '=');
    struct dw_str program = dw_str_of(t->name);
    if (dw_str_starts(key, program) && key.len > program.len && key.ptr[program.len] == '.')
        return dw_str_slice(text, program.len + 1, text.len);
    return dw_conf_find(t, key) < t->count ? text : DW_STR_NONE;
}

bool up_is_set(const struct up *u, const char *option)
{
    bool found = false;
    for (int i = 0; i < u->set_count; i++) {
        struct dw_str rest = set_for(u->set[i], &dw_conf_collector);
        found |= dw_str_eq(dw_str_cut(&rest, '='), dw_str_of(option));
    }
    return found;
}

static int write_changed(const struct dw_conf *c, const struct up *u, char out[CLI_PATH_MAX])
{
    struct dw_buf b = {0};
    char name[64];
    dw_buf_printf(&b, "# written by `dogwatch up`; by hand: dogwatch-%s --config THIS\n", c->table->name);
    for (uint32_t i = 0; i < c->table->count; i++) {
        if (c->origin[i].source == DW_CONF_FROM_DEFAULT)
            continue;
        dw_buf_printf(&b, "%s: ", c->table->row[i].name);
        dw_conf_value(c, i, &b);
        dw_buf_byte(&b, '\n');
    }
    (void)snprintf(name, sizeof name, "%s.yml", c->table->name);
    int rc = dw_path_join(out, CLI_PATH_MAX, u->dir, name);
    if (rc == DW_OK)
        rc = b.err ? b.err : dw_fs_write_file(&dw_fs_system, out, 0640, dw_buf_view(&b));
    if (rc < 0)
        (void)fprintf(stderr, "dogwatch up: %s: %s\n", out, dw_err_text(rc));
    dw_buf_fini(&b);
    return rc == DW_OK ? CLI_YES : CLI_CANNOT;
}

static int write_config(const struct up *u, const struct dw_conf_table *t, void *values,
    void (*want)(const struct up *u, struct dw_buf *b), char out[CLI_PATH_MAX])
{
    struct dw_conf c;
    struct dw_buf wanted = {0};
    struct dw_diag_sink sink = {.report = dw_program_say};
    int rc = dw_conf_init(&c, t, values);
    if (rc < 0)
        return CLI_CANNOT;
    c.check = cli_option_check;
    want(u, &wanted);
    rc = wanted.err ? wanted.err : dw_conf_load_text(&c, &dw_fs_system, "dogwatch up", dw_buf_view(&wanted), sink);
    for (int i = 0; i < u->set_count && rc == DW_OK; i++) {
        struct dw_str set = set_for(u->set[i], t);
        if (set.len)
            rc = dw_conf_set(&c, &dw_fs_system, set, sink);
    }
    int code = rc == DW_OK ? write_changed(&c, u, out) : rc == DW_ECONFIG ? CLI_USAGE : CLI_CANNOT;
    dw_buf_fini(&wanted);
    dw_conf_fini(&c);
    return code;
}

/* Every --set must be for someone. */
static bool sets_are_known(const struct up *u)
{
    for (int i = 0; i < u->set_count; i++) {
        if (set_for(u->set[i], &dw_conf_agent).len || set_for(u->set[i], &dw_conf_collector).len)
            continue;
        (void)fprintf(stderr, "dogwatch up: --set %s: neither agent nor collector has this option\n"
                              "  `dogwatch config init agent` and `... collector` list them; write agent.K=V or collector.K=V\n", u->set[i]);
        return false;
    }
    return true;
}

int up_write_configs(const struct up *u, char agent[CLI_PATH_MAX], char collector[CLI_PATH_MAX])
{
    struct dw_agent_options a;
    struct dw_collector_options c;
    if (!sets_are_known(u))
        return CLI_USAGE;
    int rc = write_config(u, &dw_conf_agent, &a, want_of_agent, agent);
    return rc == CLI_YES ? write_config(u, &dw_conf_collector, &c, want_of_collector, collector) : rc;
}
