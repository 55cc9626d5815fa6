/*
 * pieces: everything that is masked of a line where users have rules of their own, or want hashes.
 *
 * Idea: all rules look at the line as it was, and what they find is written over in a copy. So a hash is never found again, and which rule came first
 * changes nothing.
 *
 * Invariants:
 *   (1) Every byte of a piece is written over, but the last four digits of a card that is neither hashed nor in another piece.
 *   (2) Where a hash stands, all of it stands: pieces that overlap are masked, unless one holds all the others and is to be hashed.
 *   (3) A line's pieces are bounded; what is beyond is masked up to the line's end.
 */
#include "redact_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/conf/options.h"

#include <stdio.h>
#include <stdlib.h>

struct dw_redact_own {
    /* set once */
    struct dw__own_rule rule[DW_REDACT_OWN_MAX];
    uint32_t rule_count;
    bool hashed[DW_REDACT_RULES + DW_REDACT_OWN_MAX];
    struct dw__fleet_key *key; /* NULL: nothing is hashed */
    /* its thread's */
    struct dw__own_scratch *scratch;
    struct dw_mask *mask;
    uint32_t count, cap;
    bool limited;
};

enum { FIRST_CAP = 64, CAP_MAX = DW_REDACT_PIECES_MAX + DW_REDACT_OWN_MAX + 1 /* there is always place for a rule's limit */ };

int dw_redact_chosen(const struct dw_agent_options *opt, uint32_t *ret_set, struct dw_buf *why)
{
    const struct dw_conf_list *list = &opt->redact;
    uint32_t set = list->count ? 0 : DW_REDACT_USUAL;
    for (uint32_t i = 0; i < list->count; i++) {
        enum dw_redact_rule rule;
        if (dw_str_eq(list->item[i], DW_STR("none")))
            continue;
        if (!dw_redact_find(list->item[i], &rule)) {
            dw_buf_printf(why, "no such rule: %.*s", DW_ARG(list->item[i]));
            return DW_ECONFIG;
        }
        set |= 1u << rule;
    }
    *ret_set = set;
    return DW_OK;
}

static int add_rules(struct dw_redact_own *own, const struct dw_conf_map *rules, struct dw_buf *why)
{
    int rc = DW_OK;
    if (rules->count > DW_REDACT_OWN_MAX) {
        dw_buf_printf(why, "%u rules, and at most %d may be: join some with `|`", rules->count, DW_REDACT_OWN_MAX);
        return DW_ECONFIG;
    }
    for (uint32_t i = 0; i < rules->count && rc == DW_OK; i++) {
        dw_buf_reset(why);
        dw_buf_printf(why, "%.*s: ", DW_ARG(rules->key[i]));
        rc = dw_redact_rule_check(rules->key[i], rules->value[i], why) < 0 ? DW_ECONFIG : DW_OK;
        if (rc == DW_OK)
            rc = dw__own_rule_new(rules->key[i], rules->value[i], &own->rule[i], why);
        own->rule_count += rc == DW_OK;
    }
    return rc;
}

/* The number of a rule's name; -1: there is none. */
static int rule_of(const struct dw_redact_own *own, struct dw_str name)
{
    enum dw_redact_rule built_in;
    if (dw_redact_find(name, &built_in))
        return (int)built_in;
    for (uint32_t i = 0; i < own->rule_count; i++)
        if (dw_str_eq(name, dw_str_of(own->rule[i].name)))
            return (int)(DW_REDACT_RULES + i);
    return -1;
}

static const char *nearest_rule(const struct dw_redact_own *own, struct dw_str name)
{
    const char *names[DW_REDACT_RULES + DW_REDACT_OWN_MAX];
    size_t count = 0;
    for (; count < DW_REDACT_RULES; count++)
        names[count] = dw_redact_name((enum dw_redact_rule)count);
    for (uint32_t i = 0; i < own->rule_count; i++)
        names[count++] = own->rule[i].name;
    return dw_nearest(name, names, count);
}

static int choose_hashed(struct dw_redact_own *own, const struct dw_agent_options *opt, struct dw_buf *why)
{
    uint32_t set;
    if (dw_redact_chosen(opt, &set, why) < 0)
        return DW_ECONFIG;
    for (uint32_t i = 0; i < opt->redact_hash.count; i++) {
        struct dw_str name = opt->redact_hash.item[i];
        int rule = rule_of(own, name);
        if (rule < 0) {
            const char *near = nearest_rule(own, name);
            dw_buf_printf(why, "no such rule: '%.*s'", DW_ARG(name));
            if (near)
                dw_buf_printf(why, "\ndid you mean '%s'?", near);
            return DW_ECONFIG;
        }
        if (rule < DW_REDACT_RULES && !(set & 1u << rule)) {
            dw_buf_printf(why, "'%.*s' is not looked for\nname it in `redact` too", DW_ARG(name));
            return DW_ECONFIG;
        }
        own->hashed[rule] = true;
    }
    return DW_OK;
}

static int read_key(struct dw_redact_own *own, const struct dw_fs *fs, struct dw_str path, struct dw_buf *why)
{
    if (path.len == 0) {
        dw_buf_str(why, DW_STR("hashes need the fleet's key\nwrite one with `openssl rand -hex 32`, the same on every host, and name its file in `redact.key_file`"));
        return DW_ECONFIG;
    }
    own->key = dw_calloc(1, sizeof *own->key);
    return own->key ? dw__fleet_key_read(fs, path, own->key, why) : DW_ENOMEM;
}

int dw_redact_own_new(const struct dw_fs *fs, const struct dw_agent_options *opt, struct dw_redact_own **ret, const char **ret_option,
    struct dw_buf *why)
{
    *ret = NULL;
    if (opt->redact_rules.count == 0 && opt->redact_hash.count == 0)
        return DW_OK;
    struct dw_redact_own *own = dw_calloc(1, sizeof *own);
    if (!own)
        return DW_ENOMEM;
    own->scratch = dw__own_scratch_new();
    int rc = own->scratch ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK) {
        *ret_option = "redact.rules";
        rc = add_rules(own, &opt->redact_rules, why);
    }
    if (rc == DW_OK && opt->redact_hash.count) {
        dw_buf_reset(why);
        *ret_option = "redact.hash";
        rc = choose_hashed(own, opt, why);
    }
    if (rc == DW_OK && opt->redact_hash.count) {
        *ret_option = opt->redact_key_file.len ? "redact.key_file" : "redact.hash";
        rc = read_key(own, fs, opt->redact_key_file, why);
    }
    if (rc < 0) {
        dw_redact_own_free(own);
        return rc;
    }
    dw_buf_reset(why);
    *ret = own;
    return DW_OK;
}

void dw_redact_own_free(struct dw_redact_own *own)
{
    if (!own)
        return;
    for (uint32_t i = 0; i < own->rule_count; i++)
        dw__own_rule_fini(&own->rule[i]);
    if (own->key)
        dw__fleet_key_wipe(own->key);
    dw_free(own->key);
    dw__own_scratch_free(own->scratch);
    dw_free(own->mask);
    dw_free(own);
}

static int grow(struct dw_redact_own *own, uint32_t least)
{
    uint32_t cap = own->cap ? own->cap : FIRST_CAP;
    while (cap < least)
        cap *= 2;
    cap = cap < CAP_MAX ? cap : CAP_MAX;
    struct dw_mask *mask = cap > own->cap ? dw_resize(own->mask, cap * sizeof *mask) : own->mask;
    if (!mask)
        return DW_ENOMEM;
    own->mask = mask;
    own->cap = cap;
    return DW_OK;
}

/* From `start` on all is masked. */
static void limit(struct dw_redact_own *own, uint8_t rule, size_t start, struct dw_str line)
{
    own->limited = true;
    own->mask[own->count++] = (struct dw_mask){.start = (uint32_t)start, .len = (uint32_t)(line.len - start), .rule = rule, .rest = true};
}

static int find_built_in(struct dw_redact_own *own, uint32_t set, struct dw_str line)
{
    uint32_t found = dw_redact_scan(set, line, own->mask, own->cap);
    if (found > DW_REDACT_PIECES_MAX) {
        limit(own, own->mask[0].rule, 0, line);
        return DW_OK;
    }
    if (found > own->cap) {
        int rc = grow(own, found);
        if (rc < 0)
            return rc;
        found = dw_redact_scan(set, line, own->mask, own->cap);
    }
    own->count = found;
    return DW_OK;
}

static int find_own(struct dw_redact_own *own, uint32_t index, struct dw_str line)
{
    struct dw__own_search search = {.at = 0};
    const uint8_t rule = (uint8_t)(DW_REDACT_RULES + index);
    struct dw_mask m = {.rule = rule};
    for (;;) {
        if (own->count == own->cap) {
            int rc = grow(own, own->count + 1);
            if (rc < 0)
                return rc;
        }
        size_t from = search.at;
        enum dw__own_answer answer = dw__own_next(&own->rule[index], own->scratch, line, &search, &m);
        if (answer == DW__OWN_END)
            return DW_OK;
        if (answer == DW__OWN_LIMIT || own->count >= DW_REDACT_PIECES_MAX) {
            limit(own, rule, answer == DW__OWN_LIMIT ? search.at : from, line);
            return DW_OK;
        }
        own->mask[own->count++] = m;
    }
}

int dw_redact_own_find(struct dw_redact_own *own, uint32_t set, struct dw_str line, struct dw_redact_pieces *ret)
{
    own->count = 0;
    own->limited = false;
    int rc = grow(own, FIRST_CAP);
    if (rc == DW_OK && set)
        rc = find_built_in(own, set, line);
    for (uint32_t i = 0; i < own->rule_count && rc == DW_OK; i++)
        rc = find_own(own, i, line);
    *ret = (struct dw_redact_pieces){.mask = own->mask, .count = rc == DW_OK ? own->count : 0, .limited = own->limited};
    return rc;
}

/* By start; of those that start together the longest first, and of equal ones one to be hashed. */
static int by_start(const void *a, const void *b)
{
    const struct dw_mask *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->len != y->len)
        return x->len > y->len ? -1 : 1;
    if (x->hashed != y->hashed)
        return x->hashed ? -1 : 1;
    return (int)x->rule - (int)y->rule;
}

/* Masks pieces that overlap; cards first, as they look for the last digits that are still there. */
static void mask_all(struct dw_mask *mask, uint32_t count, char *copy)
{
    for (uint32_t i = 0; i < count; i++)
        if (mask[i].rule == DW_REDACT_CARDS && !mask[i].rest)
            dw_redact_apply(copy, mask[i]);
    for (uint32_t i = 0; i < count; i++) {
        mask[i].hashed = false;
        if (mask[i].rule != DW_REDACT_CARDS || mask[i].rest)
            dw_redact_apply(copy, mask[i]);
    }
}

void dw_redact_own_apply(const struct dw_redact_own *own, struct dw_str line, struct dw_redact_pieces *p, char *copy)
{
    for (uint32_t i = 0; i < p->count; i++)
        p->mask[i].hashed = own->hashed[p->mask[i].rule] && p->mask[i].len >= DW_REDACT_HASH_MIN && !p->mask[i].rest;
    qsort(p->mask, p->count, sizeof *p->mask, by_start);
    for (uint32_t i = 0, next; i < p->count; i = next) {
        struct dw_mask *first = &p->mask[i];
        uint32_t end = first->start + first->len;
        for (next = i + 1; next < p->count && p->mask[next].start < end; next++) {
            uint32_t to = p->mask[next].start + p->mask[next].len;
            end = to > end ? to : end;
        }
        if (!first->hashed || first->start + first->len < end) {
            mask_all(first, next - i, copy);
            continue;
        }
        dw__fleet_key_write(own->key, dw_str_slice(line, first->start, end), copy + first->start);
        for (uint32_t k = i + 1; k < next; k++)
            p->mask[k].hashed = false;
    }
}

size_t dw_redact_note(const struct dw_redact_own *own, const struct dw_mask *mask, char ret[DW_REDACT_NOTE_MAX])
{
    const bool built_in = mask->rule < DW_REDACT_RULES;
    DW_ASSERT(built_in || (own && mask->rule < DW_REDACT_RULES + own->rule_count));
    const char *name = built_in ? dw_redact_name((enum dw_redact_rule)mask->rule) : own->rule[mask->rule - DW_REDACT_RULES].name;
    int len = mask->hashed ? snprintf(ret, DW_REDACT_NOTE_MAX, "%s:%u:%u:%s", name, mask->start, mask->len, own->key->id)
                           : snprintf(ret, DW_REDACT_NOTE_MAX, "%s:%u:%u", name, mask->start, mask->len);
    DW_ASSERT(len > 0 && len < DW_REDACT_NOTE_MAX);
    return (size_t)len;
}
