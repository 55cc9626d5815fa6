/*
 * say: what is told about a rule, under the code that tbl/lint.h has for it.
 *
 *     # dogwatch: allow DW-S085 DW-S091: the star is one, and the blanks are a tab's
 *
 * Idea: whoever finds something names its row; severity and, where nothing better is known, the hint are the row's. A line like the one above, anywhere
 * in a file, allows findings in it that are no errors.
 *
 * Invariant: (1) what is allowed is counted, and so are notes that nobody asked for.
 */
#include "sigma_int.h"

#include <stdio.h>

static const struct dw_lint_row rows[] = {
#define LINT(NAME, number, severity, when, repair, what, fix) {"DW-S" #number, DW_SEVERITY_##severity, DW_LINT_##when, DW_REPAIR_##repair, what, fix},
#include "dogwatch/tbl/lint.h"
#undef LINT
};

const struct dw_lint_row *dw_lint_table(size_t *ret_count)
{
    *ret_count = DW_COUNT_OF(rows);
    return rows;
}

static const char allow[] = "# dogwatch: allow ";

/* Takes the next code of an allowance; false: its words begin, or the line ends. */
static bool next_code(struct dw_str *rest, struct dw_str *ret)
{
    while (rest->len && strchr(" \t,", rest->ptr[0]))
        *rest = dw_str_slice(*rest, 1, rest->len);
    size_t n = 0;
    while (n < rest->len && !strchr(" \t,:;", rest->ptr[n]))
        n++;
    *ret = dw_str_slice(*rest, 0, n);
    *rest = dw_str_slice(*rest, n, rest->len);
    return dw_str_starts(*ret, DW_STR("DW-"));
}

void dw__allowances(struct dw_str text, void (*each)(void *ud, struct dw_str code), void *ud)
{
    struct dw_str begin = dw_str_make(allow, sizeof allow - 1), code;
    for (size_t at; (at = dw_str_find(text, begin)) < text.len;) {
        text = dw_str_slice(text, at + begin.len, text.len);
        struct dw_str line = dw_str_slice(text, 0, dw_str_index(text, '\n'));
        while (next_code(&line, &code))
            each(ud, code);
    }
}

struct asked {
    const char *code;
    bool allowed;
};

static void compare(void *ud, struct dw_str code)
{
    struct asked *a = ud;
    a->allowed = a->allowed || dw_str_eq(code, dw_str_of(a->code));
}

bool dw__say(struct dw__sigma *g, enum dw__lint what, struct dw_span at, const char *help, const char *fmt, ...)
{
    const struct dw_lint_row *row = &rows[what];
    struct asked a = {.code = row->code};
    va_list args;
    if (row->severity != DW_SEVERITY_ERROR)
        dw__allowances(g->diags->text, compare, &a);
    if (a.allowed) {
        g->rs->allowed++;
        return false;
    }
    if (row->severity == DW_SEVERITY_NOTE && !g->rs->opts.notes) {
        g->rs->notes++;
        return false;
    }
    va_start(args, fmt);
    dw_diag_vadd(g->diags, &(struct dw_diag){.at = at, .severity = row->severity, .code = row->code}, help ? help : row->fix, fmt, args);
    va_end(args);
    return true;
}

void dw__code_others(struct dw_diags *d, enum dw__lint what)
{
    for (uint32_t i = 0; i < d->count; i++)
        d->item[i].code = d->item[i].code ? d->item[i].code : rows[what].code;
}
