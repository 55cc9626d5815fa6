/*
 * collector_settings: where the configuration of a collector is found, and what of it a replay needs.
 */
#include "collector_settings.h"

#include "dogwatch/collect/trust_list.h"

#include <stdio.h>

static void say_diags(void *ud, const struct dw_diags *d)
{
    struct dw_buf out = {0};
    (void)ud;
    dw_diags_print(d, &out);
    (void)fwrite(out.ptr, 1, out.len, stderr);
    dw_buf_fini(&out);
}

/* Where the configuration is that the collector of this archive runs by: --config; else what `up` wrote beside the archive. */
static bool find(const struct cli_options *o, char path[CLI_PATH_MAX])
{
    struct dw_stat st;
    if (o->config[0]) {
        (void)snprintf(path, CLI_PATH_MAX, "%s", o->config);
        return true;
    }
    return dw_path_join(path, CLI_PATH_MAX, o->archive, "../up/collector.yml") == DW_OK && dw_fs_stat(path, &st) == DW_OK;
}

int collector_settings_load(const struct cli_options *o, struct collector_settings *ret)
{
    char path[CLI_PATH_MAX] = "";
    int rc = dw_conf_init(&ret->conf, &dw_conf_collector, &ret->opt);
    ret->has_conf = rc == DW_OK;
    ret->conf.check = cli_option_check;
    bool found = find(o, path);
    if (rc == DW_OK && found)
        rc = dw_conf_load_file(&ret->conf, &dw_fs_system, path, (struct dw_diag_sink){.report = say_diags});
    if (rc < 0) {
        (void)fprintf(stderr, "dogwatch: %s: %s\n", path, dw_err_text(rc));
        return rc == DW_ECONFIG || rc == DW_ENOENT ? CLI_USAGE : CLI_CANNOT;
    }
    if (!found)
        (void)fprintf(stderr, "note: no configuration stands beside the archive: lateness is taken as %lld s, the default; --config FILE names the collector's\n",
            (long long)(ret->opt.lateness / DW_NS_PER_S));
    if (ret->opt.trust != DW_TRUST_LISTED)
        return CLI_YES;
    rc = dw_trust_read_list(ret->opt.trust_file.ptr, &ret->listed, &ret->listed_count);
    return rc < 0 ? CLI_CANNOT : CLI_YES;
}

void collector_settings_fini(struct collector_settings *s)
{
    if (s->has_conf)
        dw_conf_fini(&s->conf);
    dw_free(s->listed);
}
