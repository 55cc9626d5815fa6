/*
 * conf_value: text of one option to its value and back.
 *
 * Invariants:
 *   (1) What dw_conf_put_size and dw_conf_put_duration write, dw_conf_size and dw_conf_duration read back equal.
 *   (2) A secret's bytes are never written.
 *   (3) A member is changed only when its whole text was good and in range.
 */
#include "conf_int.h"

#include "dogwatch/base/error.h"

#include <stdlib.h>

struct unit {
    const char *name;
    int64_t factor;
};
/* The first name of a factor is the one that is written. */
static const struct unit size_units[] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"TB", INT64_C(1000000000000)},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"kB", 1000},
    {"KB", 1000},
    {"B", 1},
};
static const struct unit duration_units[] = {
    {"d", INT64_C(86400000000000)},
    {"h", INT64_C(3600000000000)},
    {"m", INT64_C(60000000000)},
    {"s", INT64_C(1000000000)},
    {"ms", 1000000},
    {"us", 1000},
    {"ns", 1},
};

static bool with_unit(struct dw_str text, const struct unit *units, size_t count, bool bare, int64_t *ret)
{
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    uint64_t n = 0;
    if (!dw_str_u64(dw_str_slice(text, 0, digits), &n) || n > INT64_MAX)
        return false;
    struct dw_str name = dw_str_trim(dw_str_slice(text, digits, text.len));
    if (name.len == 0 && (bare || n == 0)) {
        *ret = (int64_t)n;
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!dw_str_eq(name, dw_str_of(units[i].name)))
            continue;
        if ((int64_t)n > INT64_MAX / units[i].factor)
            return false;
        *ret = (int64_t)n * units[i].factor;
        return true;
    }
    return false;
}

bool dw_conf_size(struct dw_str text, int64_t *ret)
{
    return with_unit(text, size_units, DW_COUNT_OF(size_units), true, ret);
}

bool dw_conf_duration(struct dw_str text, int64_t *ret)
{
    return with_unit(text, duration_units, DW_COUNT_OF(duration_units), false, ret);
}

static void put_unit(struct dw_buf *out, int64_t v, const struct unit *units, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((v != 0 && v % units[i].factor == 0) || i + 1 == count) {
            dw_buf_printf(out, "%lld%s", (long long)(v / units[i].factor), units[i].name);
            return;
        }
    }
}

void dw_conf_put_size(struct dw_buf *out, int64_t v)
{
    put_unit(out, v, size_units, DW_COUNT_OF(size_units));
}

void dw_conf_put_duration(struct dw_buf *out, int64_t v)
{
    put_unit(out, v, duration_units, DW_COUNT_OF(duration_units));
}

static bool parse_bool(struct dw_str text, bool *ret)
{
    struct dw_yaml n = {.kind = DW_YAML_SCALAR, .plain = true, .text = text};
    return dw_yaml_bool(&n, ret);
}

static bool parse_enum(const struct dw_conf_row *row, struct dw_str text, int *ret)
{
    struct dw_str words = dw_str_of(row->unit);
    for (int i = 0; words.ptr; i++) {
        if (dw_str_eq(dw_str_cut(&words, '|'), text)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool parse_number(const struct dw_conf_row *row, struct dw_str text, int64_t *ret, const char **ret_why)
{
    int64_t v = 0;
    bool good = row->type == DW_CONF_INT    ? dw_str_i64(text, &v)
                : row->type == DW_CONF_SIZE ? dw_conf_size(text, &v)
                                            : dw_conf_duration(text, &v);
    if (!good) {
        *ret_why = row->type == DW_CONF_INT    ? "a whole number is expected"
                   : row->type == DW_CONF_SIZE ? "a size is expected, such as 512KiB, 64MiB or 10MB"
                                               : "a duration with its unit is expected, such as 250ms, 5s or 1h";
        return false;
    }
    if (v < row->min || v > row->max) {
        *ret_why = "out of range";
        return false;
    }
    *ret = v;
    return true;
}

bool dw__conf_scalar(struct dw_conf *c, const struct dw_conf_row *row, struct dw_str text, const char **ret_why)
{
    void *at = dw__conf_member(c, row);
    switch (row->type) {
    case DW_CONF_BOOL: *ret_why = "true or false is expected"; return parse_bool(text, at);
    case DW_CONF_ENUM: *ret_why = "unknown word"; return parse_enum(row, text, at);
    case DW_CONF_INT:
    case DW_CONF_SIZE:
    case DW_CONF_DURATION: return parse_number(row, text, at, ret_why);
    case DW_CONF_STRING:
    case DW_CONF_PATH:
        *ret_why = "a NUL byte is not allowed";
        if (dw_str_index(text, '\0') < text.len)
            return false;
        *(struct dw_str *)at = text;
        return true;
    case DW_CONF_LIST:
    case DW_CONF_MAP:
    case DW_CONF_ITEMS:
    case DW_CONF_SECRET:
    case DW_CONF_OLD: break;
    }
    DW_NEVER("only scalar types come here");
}

static bool is_name_byte(char b)
{
    return (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '_';
}

/* `inside` is what stands between the braces. */
static int expand_one(struct dw_conf *c, struct dw_str inside, struct dw_buf *out, struct dw_str *ret_name)
{
    size_t len = 0;
    while (len < inside.len && is_name_byte(inside.ptr[len]))
        len++;
    struct dw_str name = dw_str_slice(inside, 0, len), rest = dw_str_slice(inside, len, inside.len);
    if (len == 0 || len > 255 || (rest.len && !dw_str_starts(rest, DW_STR(":-"))))
        return DW_ESYNTAX;
    char cname[256];
    memcpy(cname, name.ptr, len);
    cname[len] = '\0';
    const char *value = c->env(cname);
    if ((!value || !*value) && rest.len) {
        dw_buf_str(out, dw_str_slice(rest, 2, rest.len));
        return DW_OK;
    }
    if (!value) {
        *ret_name = name;
        return DW_ENOENT;
    }
    dw_buf_str(out, dw_str_of(value));
    return DW_OK;
}

int dw__conf_expand(struct dw_conf *c, struct dw_str text, struct dw_str *ret, struct dw_str *ret_name)
{
    struct dw_buf out = {0};
    int rc = DW_OK;
    for (size_t at = 0; at < text.len && rc == DW_OK;) {
        struct dw_str rest = dw_str_slice(text, at, text.len);
        if (dw_str_starts(rest, DW_STR("$${"))) {
            dw_buf_str(&out, DW_STR("${"));
            at += 3;
        } else if (dw_str_starts(rest, DW_STR("${"))) {
            size_t end = dw_str_index(rest, '}');
            rc = end < rest.len ? expand_one(c, dw_str_slice(rest, 2, end), &out, ret_name) : DW_ESYNTAX;
            at += end + 1;
        } else {
            dw_buf_byte(&out, (uint8_t)text.ptr[at++]);
        }
    }
    if (rc == DW_OK)
        rc = out.err;
    if (rc == DW_OK) {
        *ret = dw_arena_copy(&c->arena, dw_str_make(out.ptr ? out.ptr : "", out.len));
        rc = ret->ptr ? DW_OK : DW_ENOMEM;
    }
    dw_buf_fini(&out);
    return rc;
}

/* As YAML: plain where that reads back equal, else in double quotes. Reading expands ${} in values, not in the keys of a mapping: what
 * was expanded once must not be expanded again. */
static void put_text(struct dw_buf *out, struct dw_str s, bool is_key)
{
    bool plain = s.len > 0;
    for (size_t i = 0; i < s.len && plain; i++)
        plain = is_name_byte(s.ptr[i]) || s.ptr[i] == '/' || s.ptr[i] == '.' || (i > 0 && s.ptr[i] == '-');
    if (plain) {
        dw_buf_str(out, s);
        return;
    }
    dw_buf_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = (uint8_t)s.ptr[i];
        if (!is_key && b == '$' && i + 1 < s.len && s.ptr[i + 1] == '{')
            dw_buf_byte(out, '$');
        if (b == '"' || b == '\\')
            dw_buf_printf(out, "\\%c", b);
        else if (b < 0x20 || b == 0x7f)
            dw_buf_printf(out, "\\x%02x", b);
        else
            dw_buf_byte(out, b);
    }
    dw_buf_byte(out, '"');
}

static void put_word(struct dw_buf *out, struct dw_str words, int index)
{
    for (int i = 0; i < index; i++)
        (void)dw_str_cut(&words, '|');
    dw_buf_str(out, dw_str_cut(&words, '|'));
}

static void put_list(struct dw_buf *out, const struct dw_conf_list *l)
{
    dw_buf_byte(out, '[');
    for (uint32_t i = 0; i < l->count; i++) {
        dw_buf_str(out, i ? DW_STR(", ") : DW_STR(""));
        put_text(out, l->item[i], false);
    }
    dw_buf_byte(out, ']');
}

static void put_map(struct dw_buf *out, const struct dw_conf_map *m)
{
    dw_buf_byte(out, '{');
    for (uint32_t i = 0; i < m->count; i++) {
        dw_buf_str(out, i ? DW_STR(", ") : DW_STR(""));
        put_text(out, m->key[i], true);
        dw_buf_str(out, DW_STR(": "));
        put_text(out, m->value[i], false);
    }
    dw_buf_byte(out, '}');
}

/* Of each item what was set: its defaults may be refused where they are written. */
static void put_items(struct dw_buf *out, const struct dw_conf_table *t, const struct dw_conf_items *items)
{
    dw_buf_byte(out, '[');
    for (uint32_t i = 0; i < items->count; i++) {
        struct dw_conf one = {.table = t, .values = (void *)(uintptr_t)((const char *)items->item + i * t->size)};
        bool first = true;
        dw_buf_str(out, i ? DW_STR(", {") : DW_STR("{"));
        for (uint32_t k = 0; k < t->count; k++) {
            if (items->origin[(size_t)i * t->count + k].source == DW_CONF_FROM_DEFAULT)
                continue;
            dw_buf_printf(out, "%s%s: ", first ? "" : ", ", t->row[k].name);
            dw_conf_value(&one, k, out);
            first = false;
        }
        dw_buf_byte(out, '}');
    }
    dw_buf_byte(out, ']');
}

void dw_conf_value(const struct dw_conf *c, uint32_t index, struct dw_buf *out)
{
    DW_ASSERT(index < c->table->count);
    const struct dw_conf_row *row = &c->table->row[index];
    const void *at = dw__conf_member(c, row);
    switch (row->type) {
    case DW_CONF_BOOL: dw_buf_str(out, *(const bool *)at ? DW_STR("true") : DW_STR("false")); break;
    case DW_CONF_INT: dw_buf_printf(out, "%lld", (long long)*(const int64_t *)at); break;
    case DW_CONF_SIZE: dw_conf_put_size(out, *(const int64_t *)at); break;
    case DW_CONF_DURATION: dw_conf_put_duration(out, *(const int64_t *)at); break;
    case DW_CONF_ENUM: put_word(out, dw_str_of(row->unit), *(const int *)at); break;
    case DW_CONF_STRING:
    case DW_CONF_PATH: put_text(out, *(const struct dw_str *)at, false); break;
    case DW_CONF_LIST: put_list(out, at); break;
    case DW_CONF_MAP: put_map(out, at); break;
    case DW_CONF_ITEMS: put_items(out, row->of, at); break;
    case DW_CONF_SECRET:
        dw_buf_str(out, DW_STR("{file: "));
        put_text(out, ((const struct dw_conf_secret *)at)->path, false);
        dw_buf_byte(out, '}');
        break;
    case DW_CONF_OLD: break;
    }
}
