/*
 * alerts_scan: the alerts that a command's filter, times and silences leave.
 */
#include "cmd_alert.h"
#include "remote_alerts.h"

#include <stdio.h>

static int compile_filter(const char *text, struct dw_alert_filter **ret)
{
    struct dw_diags diags;
    struct dw_buf said = {0};
    dw_diags_init(&diags, DW_STR("filter"), dw_str_of(text));
    int rc = dw_alert_filter_new(dw_str_of(text), &diags, ret);
    dw_diags_print(&diags, &said);
    if (said.len)
        (void)fwrite(said.ptr, 1, said.len, stderr);
    dw_buf_fini(&said);
    return rc == DW_OK ? CLI_YES : rc == DW_ESYNTAX ? CLI_USAGE : CLI_CANNOT;
}

int cli_alerts_open(struct cli_alerts *c, const struct cli_options *o, const char *filter)
{
    *c = (struct cli_alerts){.o = o, .filter = filter, .list = {.since_ns = o->since_ns, .until_ns = o->until_ns, .silenced = o->silenced}};
    if (o->server[0])
        return CLI_YES; /* which compiles the filter itself */
    int rc = cli_failed(dw_path_join(c->folder, sizeof c->folder, o->data, "alerts"));
    c->list.provisional = o->provisional ? c->folder : NULL;
    if (rc == CLI_YES && filter)
        rc = compile_filter(filter, &c->list.filter);
    if (rc == CLI_YES)
        rc = cli_open_alerts(o, &c->list.view);
    if (rc != CLI_YES)
        dw_alert_filter_free(c->list.filter);
    return rc;
}

void cli_alerts_close(struct cli_alerts *c)
{
    dw_alerts_close(c->list.view);
    dw_alert_filter_free(c->list.filter);
}

static void say_doubt(void *arg, const char *text)
{
    (void)arg;
    (void)fprintf(stderr, "note: %s\n", text);
}

int cli_alerts_scan(struct cli_alerts *c, void (*each)(void *arg, const struct dw_alert *a, const char *silence), void *arg)
{
    if (c->o->server[0])
        return remote_alerts(c, each, arg);
    c->list.each = each;
    c->list.arg = arg;
    int rc = dw_answer_alerts(&c->list);
    if (rc == DW_OK && c->list.filter && !c->doubted)
        dw_alert_filter_doubts(c->list.filter, say_doubt, NULL);
    c->doubted = true;
    return cli_failed(rc);
}

void cli_alerts_say_silenced(const struct cli_alerts *c)
{
    if (c->list.left_out)
        (void)fprintf(stderr, "%llu silenced; --silenced shows them\n", (unsigned long long)c->list.left_out);
}
