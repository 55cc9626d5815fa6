/*
 * alert_inbox: changes that other processes ask for. They lie in a folder, a file each, until the collector has made lines of the log
 * of them: it is the only one that writes there, and need not be running when somebody asks.
 *
 * Invariants:
 *   (1) A file goes only after its change is durable, or was refused and said so; its name makes it count once, whatever crashes.
 *   (2) Nothing that people put there can stop the collector: what cannot be taken or removed is said and counted.
 *   (3) Who owns the file is the author: nobody speaks for somebody else but root, and who runs the collector.
 */
#include "alert_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_CAP = 4096, NAMES_MAX = 100000, FILE_MAX = 128 * 1024, AUTHOR_CAP = 256 };
enum { TURN_MAX = 1000 }; /* files that are taken at once: frames wait meanwhile */

static int inbox_path(char *out, const char *dir, const char *name)
{
    char inbox[PATH_CAP];
    int rc = dw_path_join(inbox, sizeof inbox, dir, "inbox");
    return rc == DW_OK ? dw_path_join(out, PATH_CAP, inbox, name) : rc;
}

/* Temporary files of writers in the middle have other names. */
static bool is_change_name(const char *name)
{
    size_t len = strlen(name);
    return len && len < DW_CHANGE_ID_TEXT && strspn(name, "0123456789abcdef-") == len;
}

static void name_owner(uint32_t uid, char out[AUTHOR_CAP])
{
    struct passwd pw, *found = NULL;
    char room[4096];
    if (getpwuid_r((uid_t)uid, &pw, room, sizeof room, &found) == 0 && found)
        (void)snprintf(out, AUTHOR_CAP, "%s", pw.pw_name);
    else
        (void)snprintf(out, AUTHOR_CAP, "uid %" PRIu32, uid);
}

static int take_line(struct dw_alerts *a, struct alert_pending *p, const char *owner, bool is_trusted, const char *name, int64_t now_ns)
{
    const char **author = p->kind == ALERT_SILENCED ? &p->silence.author : p->kind == ALERT_DECIDED ? &p->decision.author : &p->change.author;
    if (!is_trusted || !**author)
        *author = owner;
    if (p->kind == ALERT_SILENCED) {
        p->silence.change = name;
        p->silence.time_ns = now_ns;
        return dw_alerts_silence(a, &p->silence);
    }
    if (p->kind == ALERT_DECIDED) {
        p->decision.change = name;
        p->decision.time_ns = now_ns;
        return dw_alerts_decide(a, &p->decision);
    }
    p->change.change = name;
    p->change.time_ns = now_ns;
    return dw_alerts_change(a, &p->change);
}

/* Makes a change of a file. *ret_why: why it is refused; NULL: it is not. Else codes of a disk or memory that fails. */
static int take_file(struct dw_alerts *a, const char *path, const char *name, int64_t now_ns, const char **ret_why)
{
    struct alert_pending p = {0};
    struct dw_arena arena;
    struct dw_buf text = {0};
    uint32_t uid = 0;
    char owner[AUTHOR_CAP];
    *ret_why = NULL;
    dw_arena_init(&arena, 0);
    int rc = dw_fs_read_owned(a->fs, path, FILE_MAX, &text, &uid);
    if (rc == DW_OK && !(alert_read_line(dw_buf_view(&text), &arena, &p) && p.kind != ALERT_RAISED))
        rc = DW_ESYNTAX;
    if (rc == DW_OK) {
        name_owner(uid, owner);
        rc = take_line(a, &p, owner, uid == 0 || uid == geteuid(), name, now_ns);
    }
    dw_buf_fini(&text);
    dw_arena_fini(&arena);
    if (rc != DW_ESYNTAX && rc != DW_ENOENT && rc != DW_EUNKNOWN && rc != DW_ELIMIT && rc != DW_ENOTREG && rc != DW_EACCES)
        return rc;
    *ret_why = rc == DW_ENOENT ? "no such alert, silence or policy entry"
        : rc == DW_EACCES && p.kind == ALERT_DECIDED ? "the never-block list holds the address" : dw_err_text(rc);
    return DW_OK;
}

/* The folder: everybody of its group may leave something there, and what they leave the collector can read. */
int alert_inbox_make(const struct dw_fs *fs, const char *dir)
{
    char inbox[PATH_CAP];
    struct dw_stat st = {0};
    int rc = dw_path_join(inbox, sizeof inbox, dir, "inbox");
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(fs, inbox, 0770);
    if (rc == DW_OK)
        rc = dw_fs_stat(inbox, &st);
    if (rc == DW_OK && st.uid == geteuid() && (st.mode & 07777) != 02770 && chmod(inbox, 02770) < 0) /* whatever the umask says */
        rc = dw_err_from_errno(errno);
    return rc;
}

/* What stands in the way of taking anything is said once. */
static int close_inbox(struct dw_alerts *a, const char *path, int rc)
{
    dw_error("%s: %s: what people ask for of alerts is not taken any more until the next start", path, dw_err_text(rc));
    a->inbox_closed = true;
    return DW_OK;
}

bool dw_alerts_asked(const struct dw_alerts *a, const char *dir)
{
    char inbox[PATH_CAP];
    struct dw_buf names = {0};
    if (a->inbox_closed || dw_path_join(inbox, sizeof inbox, dir, "inbox") < 0)
        return false;
    int rc = dw_fs_list(inbox, NAMES_MAX, &names);
    bool any = false;
    for (const char *n = names.ptr; n && n < names.ptr + names.len; n += strlen(n) + 1)
        any |= is_change_name(n);
    dw_buf_fini(&names);
    return any || (rc < 0 && rc != DW_ENOENT && rc != DW_ELIMIT);
}

/* Keeps the first names that are changes: the rest is taken the next time. */
static void cut_after(struct dw_buf *names, int count)
{
    char *n = names->ptr;
    for (; n && n < names->ptr + names->len && count; n += strlen(n) + 1)
        count -= is_change_name(n);
    names->len = n ? (size_t)(n - names->ptr) : 0;
}

/* Makes the changes of all files; what is refused is said. */
static int take_files(struct dw_alerts *a, const char *inbox, const struct dw_buf *names, int64_t now_ns)
{
    char path[PATH_CAP];
    const char *why;
    int rc = DW_OK;
    for (const char *n = names->ptr; rc == DW_OK && n && n < names->ptr + names->len; n += strlen(n) + 1) {
        if (!is_change_name(n) || dw_path_join(path, sizeof path, inbox, n) < 0)
            continue;
        rc = take_file(a, path, n, now_ns, &why);
        DW_COUNT_IF(rc == DW_OK && why, alerts_changes_refused);
        if (rc == DW_OK && why)
            dw_warn("a change of an alert is refused: %s (%s)", why, path);
    }
    return rc;
}

int dw_alerts_take_asked(struct dw_alerts *a, const char *dir, int64_t now_ns)
{
    char inbox[PATH_CAP], path[PATH_CAP];
    struct dw_buf names = {0};
    int rc = dw_path_join(inbox, sizeof inbox, dir, "inbox");
    if (rc == DW_OK)
        rc = dw_fs_list(inbox, NAMES_MAX, &names);
    if (rc < 0 && rc != DW_ELIMIT) {
        dw_buf_fini(&names);
        return rc == DW_ENOENT ? DW_OK : rc == DW_ENOMEM ? rc : close_inbox(a, inbox, rc);
    }
    if (rc == DW_ELIMIT)
        dw_warn("more than %d changes of alerts wait in %s: they are not taken in the order of asking", NAMES_MAX, inbox);
    cut_after(&names, TURN_MAX);
    rc = take_files(a, inbox, &names, now_ns);
    if (rc == DW_OK)
        rc = dw_alerts_sync(a);
    for (const char *n = names.ptr; rc == DW_OK && !a->inbox_closed && n && n < names.ptr + names.len; n += strlen(n) + 1) {
        if (!is_change_name(n) || dw_path_join(path, sizeof path, inbox, n) < 0)
            continue;
        int away = dw_fs_put_away(a->fs, path);
        if (away < 0)
            rc = close_inbox(a, path, away);
    }
    dw_buf_fini(&names);
    return rc;
}

/* A name for a change: by time, so that names are in the order of asking, and by chance. */
static int name_change(char ret[DW_CHANGE_ID_TEXT])
{
    uint8_t chance[4];
    char hex[2 * sizeof chance + 1];
    if (dw_rng_bytes(chance, sizeof chance) < 0)
        return DW_ECRYPTO;
    dw_hex(chance, sizeof chance, hex);
    (void)snprintf(ret, DW_CHANGE_ID_TEXT, "%020" PRId64 "-%s", dw_clock_real(&dw_clock_system), hex);
    return DW_OK;
}

static int leave(const struct dw_fs *fs, const char *dir, const char *name, const struct dw_buf *text)
{
    char path[PATH_CAP];
    int rc = inbox_path(path, dir, name);
    rc = text->err ? text->err : rc;
    return rc == DW_OK ? dw_fs_write_file(fs, path, 0640, dw_buf_view(text)) : rc;
}

int dw_alert_ask(const struct dw_fs *fs, const char *dir, const struct dw_alert_change *c, char ret[DW_CHANGE_ID_TEXT])
{
    struct dw_buf text = {0};
    struct dw_alert_change asked = *c;
    int rc = name_change(ret);
    if (rc < 0)
        return rc;
    asked.change = ret;
    alert_write_change(&asked, &text);
    rc = leave(fs, dir, ret, &text);
    dw_buf_fini(&text);
    return rc;
}

int dw_silence_ask(const struct dw_fs *fs, const char *dir, const struct dw_silence *s, char ret[DW_CHANGE_ID_TEXT])
{
    struct dw_buf text = {0};
    struct dw_silence asked = *s;
    int rc = name_change(ret);
    if (rc < 0)
        return rc;
    asked.change = ret;
    if (!asked.id[0])
        asked.id = ret;
    alert_write_silence(&asked, &text);
    rc = leave(fs, dir, ret, &text);
    dw_buf_fini(&text);
    return rc;
}

int dw_policy_say(const struct dw_fs *fs, const char *dir, const struct dw_policy_decision *d, char ret[DW_CHANGE_ID_TEXT])
{
    struct dw_buf text = {0};
    struct dw_policy_decision asked = *d;
    int rc = name_change(ret);
    if (rc < 0)
        return rc;
    asked.change = ret;
    alert_write_decision(&asked, &text);
    rc = leave(fs, dir, ret, &text);
    dw_buf_fini(&text);
    return rc;
}

bool dw_alert_answered(const char *dir, const char *change)
{
    char path[PATH_CAP];
    struct dw_stat st;
    return inbox_path(path, dir, change) == DW_OK && dw_fs_stat(path, &st) == DW_ENOENT;
}
