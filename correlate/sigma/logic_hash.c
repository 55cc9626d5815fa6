/*
 * logic_hash: what a rule decides, as 32 bytes.
 *
 * Idea: state and findings outlive a reload exactly while this is equal, so it covers expressions (filters and
 * filled placeholders included), field names, logsource, and for correlations members, groups, window and
 * condition, and the database of places where one is asked; and leaves out titles, levels and the place in a file.
 *
 * Invariant: (1) it depends on names and texts, never on numbers that depend on which other rules are loaded.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

static void put_str(struct dw_buf *out, struct dw_str s)
{
    dw_buf_u32(out, (uint32_t)s.len);
    dw_buf_str(out, s);
}

static void put_names(const struct dw_ruleset *rs, const struct dw_name_list *n, struct dw_buf *out)
{
    dw_buf_u32(out, n->count);
    for (uint32_t i = 0; i < n->count; i++)
        put_str(out, dw_keys_name(rs->keys, n->key[i]));
}

static void put_correlation(const struct dw_ruleset *rs, const struct dw_correlation *c, struct dw_buf *out)
{
    dw_buf_u32(out, c->type);
    dw_buf_u64(out, (uint64_t)c->timespan_ns);
    for (uint32_t i = 0; i < c->cond_count; i++) {
        dw_buf_u32(out, c->op[i]);
        dw_buf_double(out, c->want[i]);
    }
    dw_buf_double(out, c->percentile);
    if (c->calms) {
        put_str(out, DW_STR("calm"));
        dw_buf_u32(out, c->calm_most);
    }
    if (c->type == DW_CORR_ABSENCE)
        dw_buf_u64(out, (uint64_t)c->before_ns);
    if (dw_is_detector(c->type)) {
        dw_buf_u64(out, (uint64_t)c->learn_ns);
        dw_buf_u32(out, c->history);
        dw_buf_double(out, c->deviations);
        dw_buf_u32(out, c->way);
    }
    if (c->type == DW_CORR_ENTROPY_DGA || c->type == DW_CORR_BEACON)
        dw_buf_u32(out, c->score);
    if (c->type == DW_CORR_RARE_VALUE || c->type == DW_CORR_HEAVY_HITTER) {
        dw_buf_u32(out, c->share_ppm);
        dw_buf_double(out, c->warmup);
    }
    if (c->type == DW_CORR_IMPOSSIBLE_TRAVEL) {
        dw_buf_u32(out, c->max_speed_kmh);
        dw_buf_u32(out, c->min_distance_km);
        if (rs->places)
            dw_buf_add(out, rs->places->hash, sizeof rs->places->hash);
    }
    if (c->type == DW_CORR_NEW_TEMPLATE) {
        dw_buf_u32(out, c->fanout);
        dw_buf_double(out, c->warmup);
        for (uint32_t i = 0; i < c->mute_count; i++) {
            put_str(out, c->mute[i].text);
            dw_buf_u64(out, (uint64_t)c->mute[i].until_ns);
        }
    }
    dw_buf_add(out, c->code, c->code_count);
    for (uint32_t i = 0; i < c->field_count; i++)
        put_names(rs, &c->field[i], out);
    for (uint32_t m = 0; m < c->member_count; m++) {
        put_str(out, rs->rule[c->member[m]].id);
        dw_buf_add(out, rs->rule[c->member[m]].logic_hash, DW_SHA256_BYTES);
        for (uint32_t i = 0; i < c->group_count; i++)
            put_names(rs, &c->group[m][i], out);
    }
}

/* The datasets that mapping files add to what a rule takes. */
static void put_datasets(const struct dw_ruleset *rs, const struct dw_rule *rule, struct dw_buf *out)
{
    for (uint32_t i = 0; i < rs->map_dataset_count && rule->expr != DW_EXPR_NONE; i++)
        if (dw_logsource_takes(rs, &rs->logsource[rule->logsource], rs->map_dataset[i].dataset))
            put_str(out, rs->map_dataset[i].dataset);
}

int dw__logic_hashes(struct dw_ruleset *rs)
{
    struct dw_buf canon = {0};
    int rc = DW_OK;
    uint8_t *depths = dw_calloc(rs->rule_count + 1, 1);
    if (!depths)
        return DW_ENOMEM;
    dw__corr_depths(rs, depths);
    for (uint32_t depth = 0; depth <= DW__CORR_DEPTH_MAX; depth++) { /* members before those who name them */
        for (uint32_t i = 0; i < rs->rule_count; i++) {
            struct dw_rule *rule = &rs->rule[i];
            if (depths[i] != depth)
                continue;
            dw_buf_reset(&canon);
            put_str(&canon, DW_STR("dw-rule-1"));
            put_str(&canon, rule->category);
            put_str(&canon, rule->product);
            put_str(&canon, rule->service);
            if (rule->expr != DW_EXPR_NONE)
                dw_expr_canon(&rs->expr, rule->expr, rs->pred, rs->keys, &canon);
            if (rule->corr)
                put_correlation(rs, rule->corr, &canon);
            put_datasets(rs, rule, &canon);
            dw_sha256_of(dw_buf_view(&canon), rule->logic_hash);
            rc = rc < 0 ? rc : canon.err; /* a reset clears it */
        }
    }
    dw_free(depths);
    dw_buf_fini(&canon);
    return rc;
}

void dw_ruleset_hash(const struct dw_ruleset *rs, uint8_t ret[DW_SHA256_BYTES])
{
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_start(h);
    for (uint32_t i = 0; i < rs->rule_count; i++) {
        dw_sha256_add_str(h, rs->rule[i].id);
        dw_sha256_add(h, rs->rule[i].logic_hash, DW_SHA256_BYTES);
    }
    dw_sha256_end(h, ret);
    dw_sha256_free(h);
}
