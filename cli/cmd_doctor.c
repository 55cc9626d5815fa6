/*
 * cmd_doctor: `dogwatch doctor`: what the agent may and may not do on this host, before and while it runs.
 *
 * Idea: a check looks at one thing the way the agent would, as whoever asks, and says what mends it. The configuration is the agent's: the file that is named,
 * else what `dogwatch up` wrote in DATA, else /etc/dogwatch/agent.yml, else the defaults.
 *
 * Invariant: nothing is changed by asking.
 */
#include "doctor.h"

#include "dogwatch/conf/program.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name;
    void (*look)(struct doctor *d);
} checks[] = {
#define CHECK(name, function, doc) {name, function},
#include "dogwatch/tbl/doctor_checks.h"
#undef CHECK
};

const char *doctor_reason(int why)
{
    return strerror(why); /* NOLINT(concurrency-mt-unsafe): one thread */
}

void doctor_say(struct doctor *d, enum doctor_state state, const char *mend, const char *format, ...)
{
    static const char *const words[] = {"ok", "warn", "bad"};
    char text[2 * CLI_PATH_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cli_table_cell(&d->table, dw_str_of(d->check));
    cli_table_cell(&d->table, dw_str_of(words[state]));
    cli_table_cell(&d->table, dw_str_of(text));
    cli_table_cell(&d->table, dw_str_of(mend));
    d->warnings += state == DOCTOR_WARN;
    d->bad += state == DOCTOR_BAD;
}

/* The file whose configuration counts; "" where there is none. */
static void find_config(const struct cli_options *o, char path[CLI_PATH_MAX])
{
    struct dw_stat st;
    (void)snprintf(path, CLI_PATH_MAX, "%s", o->config);
    if (path[0])
        return;
    if (dw_path_join(path, CLI_PATH_MAX, o->data, "up/agent.yml") == DW_OK && dw_fs_stat(path, &st) == DW_OK)
        return;
    (void)snprintf(path, CLI_PATH_MAX, "/etc/dogwatch/agent.yml");
    if (o->names_data || dw_fs_stat(path, &st) < 0)
        path[0] = '\0';
}

static int look(const struct cli_options *o, const struct dw_agent_options *opt)
{
    struct doctor d = {.opt = opt, .table = {.output = o->output, .columns = 4, .name = {"check", "state", "found", "remedy"}}};
    for (size_t i = 0; i < DW_COUNT_OF(checks); i++) {
        d.check = checks[i].name;
        checks[i].look(&d);
    }
    cli_table_end(&d.table);
    if (d.bad)
        (void)fprintf(stderr, "dogwatch doctor: %u of these keep logs from being read or sent\n", d.bad);
    else
        (void)fprintf(stderr, "dogwatch doctor: nothing is in the way%s\n", d.warnings ? "; the warnings say what may be, some day" : "");
    return d.bad ? CLI_NO : CLI_YES;
}

int cmd_doctor(int argc, char **argv)
{
    struct cli_options o;
    struct dw_agent_options opt;
    struct dw_conf conf;
    char path[CLI_PATH_MAX];
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    rc = dw_conf_init(&conf, &dw_conf_agent, &opt);
    if (rc < 0)
        return cli_failed(rc);
    conf.check = cli_option_check;
    find_config(&o, path);
    if (path[0])
        rc = dw_conf_load_file(&conf, &dw_fs_system, path, (struct dw_diag_sink){.report = dw_program_say});
    if (rc == DW_OK) {
        (void)fprintf(stderr, "dogwatch doctor: by %s\n", path[0] ? path : "the defaults: there is no configuration of an agent");
        if (!path[0] || o.names_data)
            opt.data = dw_str_of(o.data);
        rc = look(&o, &opt);
    } else {
        rc = rc == DW_ECONFIG ? CLI_USAGE : cli_failed(rc);
    }
    dw_conf_fini(&conf);
    return rc;
}
