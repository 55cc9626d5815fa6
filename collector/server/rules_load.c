/*
 * rules_load: where rules are, and all of them read.
 */
#include "rules_load.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/correlate/rulepack.h"

static const char *const usual_rules[] = {RULES_USUAL, "/etc/dogwatch/rules.d"};

/* Where rules are read from: what is configured, else the usual folders that exist. One that exists and cannot be looked at is an
 * error: rules that the operator counts on would be missing. */
static int rule_paths(const struct dw_collector_options *opt, const char **path, uint32_t *ret_count)
{
    struct dw_stat st;
    *ret_count = opt->rules.count;
    for (uint32_t i = 0; i < opt->rules.count; i++)
        path[i] = opt->rules.item[i].ptr;
    for (size_t i = 0; i < DW_COUNT_OF(usual_rules) && opt->rules.count == 0; i++) {
        int rc = dw_fs_stat(usual_rules[i], &st);
        if (rc == DW_OK)
            path[(*ret_count)++] = usual_rules[i];
        else if (rc != DW_ENOENT) {
            dw_error("%s: %s", usual_rules[i], dw_err_text(rc));
            return DW_ECONFIG;
        }
    }
    return DW_OK;
}

int rules_places(const struct dw_collector_options *opt, struct dw_places **ret)
{
    *ret = NULL;
    if (!opt->geoip_database.len)
        return DW_OK;
    int rc = dw_geo_open(&dw_fs_system, opt->geoip_database.ptr, ret);
    if (rc < 0)
        dw_error("geoip.database: %s: %s", opt->geoip_database.ptr, dw_err_text(rc));
    return rc < 0 && rc != DW_ENOMEM ? DW_ECONFIG : rc;
}

void rules_say_asleep(const struct dw_ruleset *set)
{
    uint32_t first = 0, count = dw_ruleset_asleep(set, &first);
    if (!count)
        return;
    const struct dw_rule *rule = dw_ruleset_rule(set, first);
    dw_info("%u of %u rules sleep, '%.*s'%s: they ask where addresses are, and geoip.database names no database", count, dw_ruleset_count(set), DW_ARG(rule->title),
        count > 1 ? " and others" : "");
}

int rules_load(const struct dw_collector_options *opt, struct dw_places *places, struct dw_keys *keys, struct dw_diag_sink sink, struct dw_buf *pack,
    struct dw_ruleset **ret)
{
    uint32_t count = 0, bad = 0;
    const struct dw_ruleset_opts how = {.places = places, .pack = pack};
    const char **path = dw_alloc((opt->rules.count + DW_COUNT_OF(usual_rules)) * sizeof *path);
    int rc = path ? rule_paths(opt, path, &count) : DW_ENOMEM;
    if (rc < 0)
        dw_places_free(places);
    if (rc == DW_OK) {
        if (pack) {
            dw_buf_reset(pack);
            dw_rulepack_begin(pack);
        }
        rc = dw_ruleset_load(&dw_fs_system, path, count, keys, &how, sink, ret, &bad);
        if (rc == DW_OK && pack)
            dw_rulepack_places(pack, dw_ruleset_places(*ret));
        if (rc == DW_OK && pack && pack->err < 0) {
            dw_ruleset_free(*ret);
            *ret = NULL;
            rc = pack->err;
        }
        if (rc < 0)
            dw_error("%s: %s", bad < count ? path[bad] : "rules", dw_err_text(rc));
    }
    dw_free(path);
    return rc;
}

struct rules_used *rules_use(struct dw_ruleset *set)
{
    struct rules_used *r = dw_calloc(1, sizeof *r);
    struct dw_tally *tally = r ? dw_tally_new(set) : NULL;
    if (!tally) {
        dw_free(r);
        dw_ruleset_free(set);
        return NULL;
    }
    r->set = set;
    r->tally = tally;
    atomic_store(&r->holders, 1);
    return r;
}

struct rules_used *rules_hold(struct rules_used *r)
{
    (void)atomic_fetch_add(&r->holders, 1);
    return r;
}

void rules_let_go(struct rules_used *r)
{
    if (!r || atomic_fetch_sub(&r->holders, 1) > 1)
        return;
    dw_ruleset_free(r->set);
    dw_free(r->tally);
    dw_free(r);
}
