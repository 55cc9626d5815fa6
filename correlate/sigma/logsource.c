/*
 * logsource: which rules are for which events.
 *
 * Idea: an event's dataset belongs to one or more logsources (tbl/logsources.h; `a.b` is product a, service b
 * besides), and a rule takes it when one of them has every part that the rule names.
 *
 * Invariant: (1) a rule without logsource takes every event.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

static const struct {
    const char *dataset, *category, *product, *service;
} rows[] = {
#define LOGSOURCE(dataset, category, product, service) {dataset, category, product, service},
#include "dogwatch/tbl/logsources.h"
#undef LOGSOURCE
};

static bool part(struct dw_str wanted, struct dw_str have)
{
    return wanted.len == 0 || dw_str_ieq(wanted, have);
}

bool dw_logsource_takes(const struct dw_logsource *l, struct dw_str dataset)
{
    if (l->category.len == 0 && l->product.len == 0 && l->service.len == 0)
        return true;
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++)
        if (dw_str_eq(dw_str_of(rows[i].dataset), dataset) && part(l->category, dw_str_of(rows[i].category)) &&
            part(l->product, dw_str_of(rows[i].product)) && part(l->service, dw_str_of(rows[i].service)))
            return true;
    struct dw_str service = dataset;
    struct dw_str product = dw_str_cut(&service, '.');
    return dataset.len && l->category.len == 0 && part(l->product, product) &&
           part(l->service, service.ptr ? service : DW_STR(""));
}

int dw__logsource(struct dw_ruleset *rs, const struct dw_rule *rule, uint32_t *ret)
{
    for (uint32_t i = 0; i < rs->logsource_count; i++) {
        const struct dw_logsource *l = &rs->logsource[i];
        if (dw_str_eq(l->category, rule->category) && dw_str_eq(l->product, rule->product) &&
            dw_str_eq(l->service, rule->service)) {
            *ret = i;
            return DW_OK;
        }
    }
    int rc = dw_ruleset_grow((void **)&rs->logsource, rs->logsource_count, &rs->logsource_cap, sizeof *rs->logsource);
    if (rc < 0)
        return rc;
    *ret = rs->logsource_count;
    rs->logsource[rs->logsource_count++] = (struct dw_logsource){rule->category, rule->product, rule->service};
    return DW_OK;
}
