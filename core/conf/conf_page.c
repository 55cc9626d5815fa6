/*
 * conf_page: an option table, or a loaded configuration, as text for people.
 *
 * Invariant: (1) a skeleton read back sets nothing: every option line in it is a comment.
 */
#include "dogwatch/conf/conf.h"

static void put_origin(const struct dw_conf_origin *o, struct dw_buf *out)
{
    if (o->source == DW_CONF_FROM_FILE)
        dw_buf_printf(out, "%.*s:%u", DW_ARG(o->path), o->line);
    else
        dw_buf_str(out, o->source == DW_CONF_FROM_SET ? DW_STR("--set") : DW_STR("default"));
}

void dw_conf_show(const struct dw_conf *c, struct dw_buf *out)
{
    for (uint32_t i = 0; i < c->table->count; i++) {
        if (c->table->row[i].type == DW_CONF_OLD)
            continue;
        dw_buf_printf(out, "%s: ", c->table->row[i].name);
        dw_conf_value(c, i, out);
        dw_buf_str(out, DW_STR("   # "));
        put_origin(&c->origin[i], out);
        dw_buf_byte(out, '\n');
    }
}

static const char *type_word(const struct dw_conf_row *row)
{
    switch (row->type) {
    case DW_CONF_BOOL: return "true or false";
    case DW_CONF_INT: return "number";
    case DW_CONF_SIZE: return "size";
    case DW_CONF_DURATION: return "duration";
    case DW_CONF_ENUM: return row->unit;
    case DW_CONF_STRING: return "text";
    case DW_CONF_PATH: return "path";
    case DW_CONF_LIST: return "list";
    case DW_CONF_MAP: return "mapping";
    case DW_CONF_ITEMS: return "list of mappings";
    case DW_CONF_SECRET: return "{file: PATH}";
    case DW_CONF_OLD: return "renamed";
    }
    DW_NEVER("all types are above");
}

static void put_bound(const struct dw_conf_row *row, int64_t v, struct dw_buf *out)
{
    if (row->type == DW_CONF_SIZE)
        dw_conf_put_size(out, v);
    else if (row->type == DW_CONF_DURATION)
        dw_conf_put_duration(out, v);
    else
        dw_buf_printf(out, "%lld", (long long)v);
}

static void put_range(const struct dw_conf_row *row, struct dw_buf *out)
{
    if (row->type < DW_CONF_INT || row->type > DW_CONF_DURATION)
        return;
    put_bound(row, row->min, out);
    dw_buf_str(out, DW_STR(" to "));
    put_bound(row, row->max, out);
}

/* A default as it would be typed in YAML. */
static void put_default(const struct dw_conf_row *row, struct dw_buf *out)
{
    if (row->type == DW_CONF_LIST || row->type == DW_CONF_ITEMS)
        dw_buf_printf(out, "[%s]", row->def);
    else if (row->type == DW_CONF_MAP)
        dw_buf_str(out, DW_STR("{}"));
    else if (row->def[0] == '\0')
        dw_buf_str(out, DW_STR("\"\""));
    else
        dw_buf_str(out, dw_str_of(row->def));
}

void dw_conf_skeleton(const struct dw_conf_table *t, struct dw_buf *out)
{
    dw_buf_printf(
        out, "# dogwatch-%s: every option with its default. Remove the `#` before a name to change it.\n", t->name);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct dw_conf_row *row = &t->row[i];
        if (row->type == DW_CONF_OLD)
            continue;
        dw_buf_printf(out, "\n# %s\n# (%s", row->doc, type_word(row));
        if (row->type >= DW_CONF_INT && row->type <= DW_CONF_DURATION) {
            dw_buf_str(out, DW_STR(", "));
            put_range(row, out);
        }
        dw_buf_printf(out, ")\n#%s: ", row->name);
        put_default(row, out);
        dw_buf_byte(out, '\n');
    }
}

/* Text of a table cell: a pipe would end it. */
static void put_cell(const char *text, struct dw_buf *out)
{
    for (; *text; text++) {
        if (*text == '|')
            dw_buf_byte(out, '\\');
        dw_buf_byte(out, (uint8_t)*text);
    }
}

void dw_conf_rows(const struct dw_conf_table *t, struct dw_buf *out)
{
    dw_buf_str(out, DW_STR("| option | type | default | range | what it does |\n|---|---|---|---|---|\n"));
    for (uint32_t i = 0; i < t->count; i++) {
        const struct dw_conf_row *row = &t->row[i];
        if (row->type == DW_CONF_OLD) {
            dw_buf_printf(out, "| `%s` | renamed | | | write `%s`. %s |\n", row->name, row->def, row->doc);
            continue;
        }
        dw_buf_printf(out, "| `%s` | ", row->name);
        put_cell(type_word(row), out);
        dw_buf_str(out, DW_STR(" | `"));
        put_default(row, out);
        dw_buf_str(out, DW_STR("` | "));
        put_range(row, out);
        dw_buf_str(out, DW_STR(" | "));
        put_cell(row->doc, out);
        dw_buf_str(out, DW_STR(" |\n"));
    }
}

void dw_conf_page(const struct dw_conf_table *t, struct dw_buf *out)
{
    dw_buf_printf(out,
        "# Options of dogwatch-%s\n\nMade from include/dogwatch/tbl/%s_options.h by `dogwatch docs`.\n\n", t->name,
        t->name);
    dw_conf_rows(t, out);
}
