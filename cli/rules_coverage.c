/*
 * rules_coverage: `dogwatch rules coverage`: MITRE ATT&CK techniques by number of rules, from their tags (attack.t1110.001).
 */
#include "rules.h"

#include "cli_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <ctype.h>
#include <stdlib.h>

enum { TECHNIQUE_BYTES = 16 };

struct technique {
    char id[TECHNIQUE_BYTES]; /* T1110.001 */
    uint32_t rules;
};

/* attack.t1110, attack.t1110.001. */
static bool is_technique(struct dw_str tag, char out[TECHNIQUE_BYTES])
{
    struct dw_str prefix = DW_STR("attack.t"), id = dw_str_slice(tag, prefix.len - 1, tag.len);
    if (!dw_str_starts(tag, prefix) || (id.len != 5 && id.len != 9))
        return false;
    for (size_t i = 0; i < id.len; i++) {
        if (i > 0 && (i == 5 ? id.ptr[i] != '.' : !isdigit((unsigned char)id.ptr[i])))
            return false;
        out[i] = (char)toupper((unsigned char)id.ptr[i]);
    }
    out[id.len] = '\0';
    return true;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct technique *)a)->id, ((const struct technique *)b)->id);
}

/* One entry a technique, sorted; answers how many, and how many rules name none. */
static uint32_t count_all(const struct dw_ruleset *set, struct technique *t, uint32_t *ret_without)
{
    uint32_t n = 0, unique = 0;
    *ret_without = 0;
    for (uint32_t i = 0; i < dw_ruleset_count(set); i++) {
        const struct dw_rule *r = dw_ruleset_rule(set, i);
        uint32_t before = n;
        for (uint32_t k = 0; k < r->tag_count; k++)
            if (is_technique(r->tag[k], t[n].id))
                t[n++].rules = 1;
        *ret_without += n == before;
    }
    qsort(t, n, sizeof *t, by_id);
    for (uint32_t i = 0; i < n; i++) {
        if (unique && strcmp(t[unique - 1].id, t[i].id) == 0)
            t[unique - 1].rules++;
        else
            t[unique++] = t[i];
    }
    return unique;
}

static void put_layer(const struct technique *t, uint32_t count)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < count; i++)
        most = t[i].rules > most ? t[i].rules : most;
    printf("{\"name\":\"dogwatch rules\",\"versions\":{\"attack\":\"15\",\"navigator\":\"4.9.1\",\"layer\":\"4.5\"},\"domain\":\"enterprise-attack\","
           "\"description\":\"rules by technique\",\"gradient\":{\"colors\":[\"#ffffff\",\"#2171b5\"],\"minValue\":0,\"maxValue\":%u},\"techniques\":[", most);
    for (uint32_t i = 0; i < count; i++)
        printf("%s{\"techniqueID\":\"%s\",\"score\":%u,\"comment\":\"%u rules\"}", i ? "," : "", t[i].id, t[i].rules, t[i].rules);
    printf("]}\n");
}

int rules_coverage(const struct rules_opts *o)
{
    struct rules r;
    struct technique *t = NULL;
    uint32_t tags = 0, without, count;
    int code = rules_load(&r, o);
    for (uint32_t i = 0; code == CLI_YES && i < dw_ruleset_count(r.set); i++)
        tags += dw_ruleset_rule(r.set, i)->tag_count;
    if (code == CLI_YES && !(t = dw_calloc((size_t)tags + 1, sizeof *t)))
        code = cli_failed(DW_ENOMEM);
    if (code == CLI_YES) {
        count = count_all(r.set, t, &without);
        if (o->navigator) {
            put_layer(t, count);
        } else {
            for (uint32_t i = 0; i < count; i++)
                printf("%-10s %5u\n", t[i].id, t[i].rules);
            printf("%u techniques; %u of %u rules name none\n", count, without, dw_ruleset_count(r.set));
        }
        code = rules_verdict(&r);
    }
    dw_free(t);
    rules_fini(&r);
    return code;
}
