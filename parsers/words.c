/*
 * words: what configuration calls formats, joins, masks and zones.
 *
 * Invariant: what the check takes, the agent takes too: both ask the same functions.
 */
#include "dogwatch/parsers/words.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/parsers/multiline.h"
#include "dogwatch/parsers/redact_own.h"

enum { NAMES_MAX = 128 };

static void say_unknown(struct dw_buf *why, const char *what, struct dw_str word, const char *const *names, size_t count)
{
    const char *near = dw_nearest(word, names, count);
    dw_buf_printf(why, "no such %s", what);
    if (near)
        dw_buf_printf(why, "; did you mean '%s'?", near);
}

/* Names and aliases of all formats are looked through for a near one. */
static void say_unknown_format(struct dw_buf *why, struct dw_str word)
{
    const char *names[NAMES_MAX];
    struct dw_buf store = {0};
    size_t count, n = 0;
    const struct dw_parser *table = dw_parser_table(&count);
    for (size_t i = 0; i < count; i++)
        dw_buf_printf(&store, "%s%s", table[i].name, table[i].aliases);
    for (size_t i = 0; i < store.len; i++)
        store.ptr[i] = store.ptr[i] == ',' ? '\0' : store.ptr[i];
    dw_buf_byte(&store, '\0');
    for (const char *at = store.ptr; !store.err && at < store.ptr + store.len && n < NAMES_MAX; at += strlen(at) + 1)
        if (*at)
            names[n++] = at;
    say_unknown(why, "format", word, names, n);
    dw_buf_fini(&store);
}

int dw_format_option(struct dw_str text, const struct dw_parser **ret, struct dw_user_format **ret_user, struct dw_buf *why)
{
    struct dw_str rest = text, name = dw_str_cut(&rest, ' ');
    *ret = NULL;
    *ret_user = NULL;
    if (dw_str_eq(text, DW_STR("auto")))
        return DW_OK;
    *ret = dw_parser_find(name);
    if (*ret && *ret == dw_parser_find(DW_STR("dogwatch_agent"))) {
        dw_buf_printf(why, "'dogwatch_agent' is for the agent's own log: nobody else is taken for it");
        *ret = NULL;
        return DW_EUNKNOWN;
    }
    if (!*ret) {
        say_unknown_format(why, name);
        return DW_EUNKNOWN;
    }
    rest = dw_str_trim(rest);
    if (rest.len == 0)
        return DW_OK;
    struct dw_diags diags;
    dw_diags_init(&diags, DW_STR("format"), rest);
    int rc = dw_user_format_compile(*ret, rest, &diags, ret_user);
    if (rc == DW_EUNKNOWN)
        dw_buf_printf(why, "'%s' takes no format string", (*ret)->name);
    else if (rc < 0 && diags.count)
        dw_buf_printf(why, "%s (byte %u of the format string)", diags.item[0].msg, diags.item[0].at.col);
    else if (rc < 0)
        dw_buf_str(why, dw_str_of(dw_err_text(rc)));
    return rc;
}

static bool check_format(struct dw_str value, struct dw_buf *why)
{
    const struct dw_parser *parser;
    struct dw_user_format *user = NULL;
    int rc = dw_format_option(value, &parser, &user, why);
    dw_user_format_free(user);
    return rc == DW_OK;
}

static bool check_redact(struct dw_str value, struct dw_buf *why)
{
    enum dw_redact_rule rule;
    const char *names[DW_REDACT_RULES + 1] = {"none"};
    if (dw_str_eq(value, DW_STR("none")) || dw_redact_find(value, &rule))
        return true;
    for (int i = 0; i < DW_REDACT_RULES; i++)
        names[i + 1] = dw_redact_name((enum dw_redact_rule)i);
    say_unknown(why, "rule of redaction", value, names, DW_COUNT_OF(names));
    return false;
}

static bool check_multiline(struct dw_str value, struct dw_buf *why)
{
    enum dw_multiline kind;
    const char *names[NAMES_MAX];
    size_t count = 0;
    if (dw_multiline_find(value, &kind) && kind != DW_MULTILINE_START)
        return true;
    for (; count < DW_MULTILINE_KINDS; count++)
        names[count] = dw_multiline_name((enum dw_multiline)count);
    say_unknown(why, "kind of joining", value, names, count);
    return false;
}

static bool check_word(const char *option, struct dw_str value, struct dw_buf *why)
{
    if (strcmp(option, "format") == 0 || strcmp(option, "formats") == 0)
        return check_format(value, why);
    if (strcmp(option, "redact") == 0)
        return check_redact(value, why);
    if (strcmp(option, "multiline") == 0)
        return check_multiline(value, why);
    if (strcmp(option, "zone") == 0) {
        struct dw_zone zone;
        int rc = dw_zone_find(&dw_fs_system, value, &zone);
        dw_zone_fini(&zone);
        if (rc < 0)
            dw_buf_printf(why, "no such time zone here (UTC, +02:00 or a name such as Europe/Berlin)");
        return rc == DW_OK;
    }
    return true;
}

int dw_parser_option_check(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why)
{
    if (strcmp(option, "redact.rules") == 0)
        return dw_redact_rule_check(key, value, why);
    return check_word(option, value, why) ? DW_OK : DW_ECONFIG;
}

int dw_parser_options_check(const struct dw_conf *c, const struct dw_fs *fs, struct dw_diag_sink sink)
{
    const char *option = NULL;
    struct dw_redact_own *own = NULL;
    struct dw_buf why = {0};
    DW_ASSERT(c->table == &dw_conf_agent);
    int rc = dw_redact_own_new(fs, c->values, &own, &option, &why);
    if (rc == DW_ECONFIG)
        dw_conf_complain(c, fs, option, dw_buf_view(&why), sink);
    dw_redact_own_free(own);
    dw_buf_fini(&why);
    return rc;
}
