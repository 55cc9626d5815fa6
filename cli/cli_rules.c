/*
 * cli_rules: where the rules are that a command means, and what they are.
 */
#include "cli_int.h"

#include "dogwatch/conf/options.h"
#include "dogwatch/correlate/ruleset.h"

#include <stdio.h>
#include <unistd.h>

/* Takes the last part off a path without links. */
static bool climb(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return slash != NULL;
}

bool cli_own_folder(char out[CLI_PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, CLI_PATH_MAX - 1);
    if (n <= 0)
        return false;
    out[n] = '\0';
    return climb(out);
}

bool cli_shipped_rules(char out[CLI_PATH_MAX])
{
    static const char *const places[] = {"/share/dogwatch/rules", "/rules"}; /* installed, beside bin; the source tree's, two above the program */
    char folder[CLI_PATH_MAX];
    struct dw_stat st;
    bool more = cli_own_folder(folder);
    for (size_t i = 0; more && i < DW_COUNT_OF(places); i++) {
        int n = (more = climb(folder)) ? snprintf(out, CLI_PATH_MAX, "%s%s", folder, places[i]) : 0;
        if (n > 0 && n < CLI_PATH_MAX && dw_fs_stat(out, &st) == DW_OK)
            return true;
    }
    out[0] = '\0';
    return false;
}

static void pass_over(void *ud, const struct dw_diags *diags)
{
    (void)ud;
    (void)diags; /* the collector said it; `dogwatch rules check` and `dogwatch config` say it again */
}

/* The rules of the configuration that `up` wrote, as long as there is room. */
static uint32_t configured(const char *data, char path[][CLI_PATH_MAX], uint32_t max)
{
    char file[CLI_PATH_MAX];
    struct dw_conf c;
    struct dw_collector_options o;
    uint32_t count = 0;
    if (dw_path_join(file, sizeof file, data, "up/collector.yml") < 0 || dw_conf_init(&c, &dw_conf_collector, &o) < 0)
        return 0;
    c.check = cli_option_check;
    if (dw_conf_load_file(&c, &dw_fs_system, file, (struct dw_diag_sink){.report = pass_over}) == DW_OK)
        for (uint32_t i = 0; i < o.rules.count && count < max; i++)
            count += cli_path(path[count], o.rules.item[i].ptr);
    dw_conf_fini(&c);
    return count;
}

int cli_rules_load(char place[][CLI_PATH_MAX], uint32_t count, struct dw_keys *keys, void (*report)(void *ud, const struct dw_diags *d),
    struct dw_ruleset **ret)
{
    const char *path[CLI_RULES_MAX];
    uint32_t bad = 0;
    for (uint32_t i = 0; i < count; i++)
        path[i] = place[i];
    struct dw_diag_sink sink = {.report = report ? report : pass_over};
    int rc = count ? dw_ruleset_load(&dw_fs_system, path, count, keys, NULL, sink, ret, &bad) : DW_ENOENT;
    if (rc < 0)
        (void)fprintf(stderr, "dogwatch: rules cannot be read from %s: %s\n", count ? path[bad] : "the shipped folder", dw_err_text(rc));
    return rc;
}

uint32_t cli_rules_of(const struct cli_options *o, char path[CLI_RULES_MAX][CLI_PATH_MAX])
{
    static const char local[] = "/etc/dogwatch/rules.d";
    struct dw_stat st;
    if (o->rules[0])
        return cli_path(path[0], o->rules);
    uint32_t count = configured(o->data, path, CLI_RULES_MAX);
    if (count)
        return count;
    count += cli_shipped_rules(path[0]);
    if (dw_fs_stat(local, &st) == DW_OK)
        count += cli_path(path[count], local);
    return count;
}
