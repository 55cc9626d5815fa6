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

/* The configuration that `up` wrote. False: there is none, or it has mistakes. Finish it where it is true. */
static bool read_configuration(const char *data, struct dw_conf *c, struct dw_collector_options *o)
{
    char file[CLI_PATH_MAX];
    if (dw_path_join(file, sizeof file, data, "up/collector.yml") < 0 || dw_conf_init(c, &dw_conf_collector, o) < 0)
        return false;
    c->check = cli_option_check;
    if (dw_conf_load_file(c, &dw_fs_system, file, (struct dw_diag_sink){.report = pass_over}) == DW_OK)
        return true;
    dw_conf_fini(c);
    return false;
}

/* Its rules, as long as there is room. */
static uint32_t configured(const char *data, char path[][CLI_PATH_MAX], uint32_t max)
{
    struct dw_conf c;
    struct dw_collector_options o;
    uint32_t count = 0;
    if (!read_configuration(data, &c, &o))
        return 0;
    for (uint32_t i = 0; i < o.rules.count && count < max; i++)
        count += cli_path(path[count], o.rules.item[i].ptr);
    dw_conf_fini(&c);
    return count;
}

int cli_places(const char *path, struct dw_places **ret)
{
    *ret = NULL;
    int rc = path && path[0] ? dw_geo_open(&dw_fs_system, path, ret) : DW_OK;
    if (rc < 0)
        (void)fprintf(stderr, "dogwatch: the database of places cannot be read from %s: %s\n", path, dw_err_text(rc));
    return rc;
}

int cli_places_of(const char *data, struct dw_places **ret)
{
    struct dw_conf c;
    struct dw_collector_options o;
    *ret = NULL;
    if (!read_configuration(data, &c, &o))
        return DW_OK;
    int rc = cli_places(o.geoip_database.ptr, ret);
    if (rc < 0 && rc != DW_ENOMEM) {
        (void)fprintf(stderr, "  rules that ask where addresses are sleep here; the others are what they were\n");
        rc = DW_OK;
    }
    dw_conf_fini(&c);
    return rc;
}

int cli_rules_load(const struct cli_rules *from, struct dw_keys *keys, struct dw_ruleset **ret)
{
    const char *path[CLI_RULES_MAX];
    uint32_t bad = 0;
    for (uint32_t i = 0; i < from->count; i++)
        path[i] = from->place[i];
    const struct dw_ruleset_opts opts = {.places = from->places};
    struct dw_diag_sink sink = {.report = from->report ? from->report : pass_over};
    if (!from->count)
        dw_places_free(from->places);
    int rc = from->count ? dw_ruleset_load(&dw_fs_system, path, from->count, keys, &opts, sink, ret, &bad) : DW_ENOENT;
    if (rc < 0)
        (void)fprintf(stderr, "dogwatch: rules cannot be read from %s: %s\n", from->count ? path[bad] : "the shipped folder", dw_err_text(rc));
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
