/*
 * put_condition: what a rule's condition comes to, in one line; what events hold is shown so that no terminal obeys it.
 */
#include "put_condition.h"

#include "cli_int.h"

#include <stdio.h>

enum { VALUE_SHOWN = 200 };

void cli_put_condition(void *ud, const struct dw_condition *c)
{
    static const char mark[] = {[DW_FALSE] = '-', [DW_TRUE] = '+', [DW_UNDECIDED] = '?'};
    (void)ud;
    (void)printf("      %*s%c ", (int)(2 * c->depth), "", mark[c->verdict]);
    cli_put_safe(c->text);
    if (!c->is_group && c->field.len) {
        (void)printf("   <- ");
        cli_put_safe(c->field);
        (void)printf(" = ");
        cli_put_safe(dw_str_slice(c->value, 0, c->value.len < VALUE_SHOWN ? c->value.len : VALUE_SHOWN));
        (void)printf("%s", c->value.len > VALUE_SHOWN ? " ..." : "");
    } else if (!c->is_group) {
        (void)printf("   <- not in the event");
    }
    (void)printf("\n");
}
