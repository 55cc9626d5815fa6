/*
 * cmd_alert_change: what people say of an alert: `dogwatch alert status|disposition|assign|note ID VALUE`.
 *
 * Idea: only the collector writes alerts.log, so the change is left in its inbox. While it runs it takes it within a second; else it
 * does when it starts, and that is said.
 */
#include "cmd_alert.h"
#include "remote_alerts.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

int cli_open_alerts(const struct cli_options *o, struct dw_alerts **ret)
{
    char dir[CLI_PATH_MAX];
    int rc = dw_path_join(dir, sizeof dir, o->data, "alerts");
    if (rc == DW_OK)
        rc = dw_alerts_open_read(dir, ret);
    if (rc == DW_EVERSION)
        (void)fprintf(stderr, "dogwatch: the alerts in %s were prepared by another version; its collector does it again when it starts\n"
                              "  dogwatch up --data %s   or restart dogwatch-collector\n", dir, o->data);
    else if (rc < 0)
        (void)fprintf(stderr, "dogwatch: no alerts to read in %s: %s\n  dogwatch up --data DIR   makes some; --data or DOGWATCH_DATA tells where\n",
            dir, dw_err_text(rc));
    return rc == DW_OK ? CLI_YES : CLI_CANNOT;
}

/* Why dw_alerts_find has no alert for `id`; answers the exit code. */
static int say_no_alert(const char *id, int err)
{
    (void)fprintf(stderr, "dogwatch: alert %s: %s\n", id,
        err == DW_EEXIST ? "several alerts begin so; give more digits" : err == DW_ENOENT ? "no alert has this id; `dogwatch alerts` lists them (a provisional one is only in its list)" : dw_err_text(err));
    return err == DW_ENOENT || err == DW_EEXIST ? CLI_NO : CLI_CANNOT;
}

int cli_alert_find(const struct cli_options *o, const char *id, void (*each)(void *arg, const struct dw_alert *a), void *arg)
{
    struct dw_alerts *view;
    if (o->server[0] && (!*id || strspn(id, "0123456789abcdef") != strlen(id)))
        return say_no_alert(id, DW_ENOENT);
    if (o->server[0])
        return remote_alert(o, id, each, arg);
    int rc = cli_open_alerts(o, &view);
    if (rc != CLI_YES)
        return rc;
    int err = dw_alerts_find(view, dw_str_of(id), each, arg);
    dw_alerts_close(view);
    return err < 0 ? say_no_alert(id, err) : CLI_YES;
}

int cli_alert_history(const struct cli_options *o, const char *id, void (*each)(void *arg, const struct dw_alert_change *c), void *arg)
{
    struct dw_alerts *view;
    if (o->server[0])
        return remote_history(o, id, each, arg);
    int rc = cli_open_alerts(o, &view);
    if (rc != CLI_YES)
        return rc;
    int err = dw_alerts_history(view, id, each, arg);
    dw_alerts_close(view);
    return cli_failed(err);
}

bool cli_alert_verb(const char *verb, enum dw_alert_field *ret)
{
    const char *name = strcmp(verb, "assign") == 0 ? "assignee" : verb;
    for (int i = 0; i < DW_ALERT_FIELDS; i++) {
        *ret = (enum dw_alert_field)i;
        if (strcmp(dw_alert_field_name(*ret), name) == 0)
            return true;
    }
    return false;
}

static void keep_id(void *arg, const struct dw_alert *a)
{
    (void)snprintf(arg, DW_ALERT_ID_TEXT, "%s", a->id);
}

struct look {
    const char *change;
    bool made;
};

static void look_for(void *arg, const struct dw_alert_change *c)
{
    struct look *l = arg;
    l->made |= strcmp(l->change, c->change) == 0;
}

int cli_wait_taken(const struct cli_options *o, const char *dir, const char *change)
{
    char inbox[CLI_PATH_MAX];
    int err = dw_path_join(inbox, sizeof inbox, dir, "inbox");
    return err < 0 ? cli_failed(err) : cli_wait_inbox(o, inbox, change);
}

static void say_done(const struct cli_options *o, const char *id, enum dw_alert_field field)
{
    if (field == DW_ALERT_note)
        (void)printf("alert %.12s: noted\n", id);
    else if (o->rest[2][0] == '\0')
        (void)printf("alert %.12s: nobody is %s\n", id, dw_alert_field_name(field));
    else
        (void)printf("alert %.12s: %s is %s\n", id, dw_alert_field_name(field), o->rest[2]);
}

/* Leaves it in the inbox, and waits for the collector if it runs. */
static int change_data(const struct cli_options *o, const char *id, enum dw_alert_field field)
{
    char dir[CLI_PATH_MAX], change[DW_CHANGE_ID_TEXT];
    struct look l = {.change = change};
    struct dw_alert_change c = {.alert = id, .author = "", .field = field, .time_ns = dw_clock_real(&dw_clock_system), .value = dw_str_of(o->rest[2])};
    int err = dw_path_join(dir, sizeof dir, o->data, "alerts");
    if (err == DW_OK)
        err = dw_alert_ask(&dw_fs_system, dir, &c, change);
    if (err < 0) {
        (void)fprintf(stderr, "dogwatch: %s/inbox: %s\n", dir, dw_err_text(err));
        return CLI_CANNOT;
    }
    int rc = cli_wait_taken(o, dir, change);
    if (rc == CLI_NO)
        (void)printf("alert %.12s: the collector of %s is not running; it takes this up when it starts\n", id, o->data);
    if (rc != CLI_YES)
        return rc == CLI_NO ? CLI_YES : rc;
    rc = cli_alert_history(o, id, look_for, &l);
    if (rc == CLI_YES && l.made)
        say_done(o, id, field);
    else if (rc == CLI_YES)
        (void)fprintf(stderr, "dogwatch: the collector refused it: its log says why\n");
    return rc == CLI_YES && !l.made ? CLI_CANNOT : rc;
}

int cli_alert_change(const struct cli_options *o, enum dw_alert_field field)
{
    char id[DW_ALERT_ID_TEXT] = "";
    int bad = dw_alert_value_check(field, dw_str_of(o->rest[2]));
    if (bad == DW_EUNKNOWN)
        (void)fprintf(stderr, "dogwatch alert %s: '%s' is none of %s\n", o->rest[0], o->rest[2], dw_alert_field_values(field));
    else if (bad < 0)
        (void)fprintf(stderr, "dogwatch alert %s: a text of 1 to %d bytes is needed\n", o->rest[0], DW_ALERT_VALUE_MAX);
    if (bad < 0)
        return CLI_USAGE;
    int rc = cli_alert_find(o, o->rest[1], keep_id, id);
    if (rc == CLI_YES && o->server[0])
        rc = remote_change(o, id, field, dw_str_of(o->rest[2]));
    else if (rc == CLI_YES)
        return change_data(o, id, field);
    if (rc == CLI_YES)
        say_done(o, id, field);
    return rc;
}
