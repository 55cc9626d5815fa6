/*
 * alert_inbox: changes of alerts that other processes ask for (inbox.h), of which the collector makes lines of the log.
 */
#include "alert_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>

static int take_line(struct dw_alerts *a, struct alert_pending *p, const struct dw_asked_file *f)
{
    const char **author = p->kind == ALERT_SILENCED ? &p->silence.author : p->kind == ALERT_DECIDED ? &p->decision.author : &p->change.author;
    if (!f->trusted || !**author)
        *author = f->owner;
    if (p->kind == ALERT_SILENCED) {
        p->silence.change = f->name;
        p->silence.time_ns = a->asked_ns;
        return dw_alerts_silence(a, &p->silence);
    }
    if (p->kind == ALERT_DECIDED) {
        p->decision.change = f->name;
        p->decision.time_ns = a->asked_ns;
        return dw_alerts_decide(a, &p->decision);
    }
    p->change.change = f->name;
    p->change.time_ns = a->asked_ns;
    return dw_alerts_change(a, &p->change);
}

static int take_file(void *alerts, const struct dw_asked_file *f, const char **ret_why)
{
    struct alert_pending p = {0};
    struct dw_arena arena;
    dw_arena_init(&arena, 0);
    int rc = alert_read_line(f->text, &arena, &p) && p.kind != ALERT_RAISED ? take_line(alerts, &p, f) : DW_ESYNTAX;
    dw_arena_fini(&arena);
    if (rc != DW_ESYNTAX && rc != DW_ENOENT && rc != DW_EUNKNOWN && rc != DW_ELIMIT && rc != DW_EACCES)
        return rc;
    *ret_why = rc == DW_ENOENT ? "no such alert, silence or policy entry"
        : rc == DW_EACCES && p.kind == ALERT_DECIDED ? "the never-block list holds the address" : dw_err_text(rc);
    return DW_OK;
}

static int sync_taken(void *alerts)
{
    return dw_alerts_sync(alerts);
}

static int inbox_of(const char *dir, char out[DW_INBOX_PATH])
{
    return dw_path_join(out, DW_INBOX_PATH, dir, "inbox");
}

int alert_inbox_open(struct dw_alerts *a, const char *dir)
{
    a->inbox = (struct dw_inbox){.fs = a->fs, .what = "a change of an alert", .take = take_file, .sync = sync_taken, .arg = a};
    int rc = inbox_of(dir, a->inbox.path);
    return rc == DW_OK ? dw_inbox_make(a->fs, a->inbox.path) : rc;
}

bool dw_alerts_asked(const struct dw_alerts *a)
{
    return dw_inbox_asked(&a->inbox);
}

int dw_alerts_take_asked(struct dw_alerts *a, int64_t now_ns)
{
    uint32_t refused;
    a->asked_ns = now_ns;
    int rc = dw_inbox_take(&a->inbox, &refused);
    DW_COUNT_N(alerts_changes_refused, refused);
    return rc;
}

static int leave(const struct dw_fs *fs, const char *dir, const char *name, struct dw_buf *text)
{
    char path[DW_INBOX_PATH];
    int rc = inbox_of(dir, path);
    if (rc == DW_OK)
        rc = dw_inbox_leave(fs, path, name, text);
    dw_buf_fini(text);
    return rc;
}

int dw_alert_ask(const struct dw_fs *fs, const char *dir, const struct dw_alert_change *c, char ret[DW_CHANGE_ID_TEXT])
{
    struct dw_buf text = {0};
    struct dw_alert_change asked = *c;
    int rc = dw_inbox_name(ret);
    if (rc < 0)
        return rc;
    asked.change = ret;
    alert_write_change(&asked, &text);
    return leave(fs, dir, ret, &text);
}

int dw_silence_ask(const struct dw_fs *fs, const char *dir, const struct dw_silence *s, char ret[DW_CHANGE_ID_TEXT])
{
    struct dw_buf text = {0};
    struct dw_silence asked = *s;
    int rc = dw_inbox_name(ret);
    if (rc < 0)
        return rc;
    asked.change = ret;
    if (!asked.id[0])
        asked.id = ret;
    alert_write_silence(&asked, &text);
    return leave(fs, dir, ret, &text);
}

int dw_policy_say(const struct dw_fs *fs, const char *dir, const struct dw_policy_decision *d, char ret[DW_CHANGE_ID_TEXT])
{
    struct dw_buf text = {0};
    struct dw_policy_decision asked = *d;
    int rc = dw_inbox_name(ret);
    if (rc < 0)
        return rc;
    asked.change = ret;
    alert_write_decision(&asked, &text);
    return leave(fs, dir, ret, &text);
}

bool dw_alert_answered(const char *dir, const char *change)
{
    char path[DW_INBOX_PATH];
    return inbox_of(dir, path) == DW_OK && dw_inbox_answered(path, change);
}
