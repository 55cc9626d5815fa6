/*
 * tune_filter: a Sigma filter document of selections.
 *
 *     filter:
 *         rules:
 *             - 'RULE'
 *         excluded:
 *             user.name: 'backup'
 *         condition: not excluded
 *
 * Invariants: (1) Values stand in single quotes with what Sigma reads as more than itself escaped, so they match as they are. (2) The id follows from the rest: no
 * clock and no chance.
 */
#include "tune_filter.h"

enum { TITLE_SHOWN = 120, ID_BYTES = 16 };

static void put_quoted(struct dw_buf *out, struct dw_str s, bool pattern)
{
    dw_buf_byte(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '\'' || (pattern && (c == '\\' || c == '*' || c == '?')))
            dw_buf_byte(out, c == '\'' ? '\'' : '\\');
        dw_buf_byte(out, (uint8_t)((unsigned char)c < 0x20 ? ' ' : c));
    }
    dw_buf_byte(out, '\'');
}

static void put_key(struct dw_buf *out, struct dw_str name)
{
    bool plain = name.len > 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (i > 0 && ((c >= '0' && c <= '9') || c == '.' || c == '-')));
    }
    if (plain)
        dw_buf_str(out, name);
    else
        put_quoted(out, name, false);
}

static void put_selection(const struct tune_pick *p, const struct tune_selection *s, uint32_t number, struct dw_buf *out)
{
    if (number)
        dw_buf_printf(out, "    excluded_%u: # %u false positives\n", number, s->covers);
    else
        dw_buf_printf(out, "    excluded: # %u false positives\n", s->covers);
    for (uint32_t i = 0; i < s->depth; i++) {
        dw_buf_str(out, DW_STR("        "));
        put_key(out, dw_keys_name(p->keys, s->part[i].key));
        for (uint32_t v = 0; v < s->part[i].value_count; v++) {
            dw_buf_str(out, s->part[i].value_count == 1 ? DW_STR(": ") : v ? DW_STR("\n            - ") : DW_STR(":\n            - "));
            put_quoted(out, s->part[i].value[v], true);
        }
        dw_buf_byte(out, '\n');
    }
}

/* A UUID of version 8: of the rule and the selections. */
static void put_id(struct dw_buf *out, const struct dw_rule *rule, struct dw_str selections)
{
    uint8_t hash[DW_SHA256_BYTES];
    char hex[2 * ID_BYTES + 1];
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_start(h);
    dw_sha256_add_str(h, DW_STR("dw-tune-1"));
    dw_sha256_add_str(h, rule->id);
    dw_sha256_add_str(h, selections);
    dw_sha256_end(h, hash);
    dw_sha256_free(h);
    hash[6] = (uint8_t)((hash[6] & 0x0f) | 0x80);
    hash[8] = (uint8_t)((hash[8] & 0x3f) | 0x80);
    dw_hex(hash, ID_BYTES, hex);
    dw_buf_printf(out, "id: %.8s-%.4s-%.4s-%.4s-%.12s\n", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void put_head(const struct tune_pick *p, uint32_t cases, struct dw_buf *out)
{
    dw_buf_str(out, DW_STR("# Proposed by `dogwatch rules tune`. Read it before you use it: whatever has these values is excluded from now on.\n"));
    dw_buf_printf(out, "# %u of %u false positives are excluded. ", p->covered, p->wrong->count);
    if (p->right->count)
        dw_buf_printf(out, "All %u true positives that were given match still", p->right->count);
    else
        dw_buf_str(out, DW_STR("NO TRUE POSITIVE WAS GIVEN: nobody has looked what this hides"));
    if (cases)
        dw_buf_printf(out, " (%u of them cases of the rule)", cases);
    dw_buf_str(out, DW_STR(".\n"));
}

void tune_filter_write(const struct tune_pick *p, const struct dw_rule *rule, uint32_t cases, struct dw_buf *out)
{
    struct dw_buf selections = {0}, title = {0};
    const struct {
        const char *key;
        struct dw_str value;
    } source[] = {{"category", rule->category}, {"product", rule->product}, {"service", rule->service}};
    for (uint32_t i = 0; i < p->count; i++)
        put_selection(p, &p->selection[i], p->count > 1 ? i + 1 : 0, &selections);
    put_head(p, cases, out);
    dw_buf_printf(&title, "False positives of %.*s", DW_ARG(dw_str_slice(rule->title.len ? rule->title : rule->id, 0, TITLE_SHOWN)));
    dw_buf_str(out, DW_STR("title: "));
    put_quoted(out, dw_buf_view(&title), false);
    dw_buf_byte(out, '\n');
    put_id(out, rule, dw_buf_view(&selections));
    dw_buf_str(out, DW_STR("description: What the rule matched wrongly has these values, and nothing that it matched rightly as far as that was known.\n"));
    for (size_t i = 0, n = 0; i < DW_COUNT_OF(source); i++) {
        if (source[i].value.len == 0)
            continue;
        dw_buf_printf(out, "%s    %s: ", n++ ? "" : "logsource:\n", source[i].key);
        put_quoted(out, source[i].value, false);
        dw_buf_byte(out, '\n');
    }
    dw_buf_str(out, DW_STR("filter:\n    rules:\n        - "));
    put_quoted(out, rule->id, false);
    dw_buf_byte(out, '\n');
    dw_buf_str(out, dw_buf_view(&selections));
    dw_buf_printf(out, "    condition: not %s\n", p->count > 1 ? "1 of excluded_*" : "excluded");
    out->err = out->err ? out->err : selections.err ? selections.err : title.err;
    dw_buf_fini(&selections);
    dw_buf_fini(&title);
}
