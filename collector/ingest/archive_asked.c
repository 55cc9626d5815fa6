/*
 * archive_asked: requests about the archive as JSON objects in an inbox, and what is done about them.
 *
 * Invariant: what is written is read back as it was.
 */
#include "dogwatch/collect/archive_asked.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

static const char *const verbs[] = {[DW_ARCHIVE_HOLD] = "hold", [DW_ARCHIVE_RELEASE] = "release", [DW_ARCHIVE_EXPIRE] = "expire",
    [DW_ARCHIVE_EXPORTED] = "exported"};

enum kind { TEXT, TIME, NUMBER };

static const struct {
    const char *name;
    enum kind kind;
    size_t at, cap;
} members[] = {
#define MEMBER(name, kind, of) {name, kind, offsetof(struct dw_archive_ask, of), sizeof((struct dw_archive_ask *)0)->of}
    MEMBER("name", TEXT, name), MEMBER("by", TEXT, asked.by), MEMBER("why", TEXT, asked.why), MEMBER("since", TIME, since_ns), MEMBER("until", TIME, until_ns),
    MEMBER("before", TIME, before_ns), MEMBER("keep", NUMBER, keep_bytes), MEMBER("from", NUMBER, from), MEMBER("to", NUMBER, to)
#undef MEMBER
};

void dw_archive_ask_write(const struct dw_archive_ask *a, struct dw_buf *out)
{
    dw_buf_printf(out, "{\"do\":\"%s\"", verbs[a->verb]);
    for (size_t i = 0; i < DW_COUNT_OF(members); i++) {
        const void *at = (const char *)a + members[i].at;
        dw_buf_printf(out, ",\"%s\":", members[i].name);
        if (members[i].kind == TEXT)
            (void)dw_json_string(out, dw_str_of(at));
        else if (members[i].kind == TIME)
            dw_buf_printf(out, "%" PRId64, *(const int64_t *)at);
        else
            dw_buf_printf(out, "%" PRIu64, *(const uint64_t *)at);
    }
    dw_buf_str(out, DW_STR("}\n"));
}

/* False: it is no text, in UTF-8, of that length. */
static bool take_text(const struct dw_json_token *v, char *out, size_t cap)
{
    struct dw_buf text = {0}, quoted = {0};
    bool fits = v->type == DW_JSON_STRING && dw_json_unescape(v->text, &text) && text.err == DW_OK && text.len < cap
        && dw_str_index(dw_buf_view(&text), '\0') == text.len && !dw_json_string(&quoted, dw_buf_view(&text));
    if (fits && text.len)
        memcpy(out, text.ptr, text.len);
    if (fits)
        out[text.len] = '\0';
    dw_buf_fini(&text);
    dw_buf_fini(&quoted);
    return fits;
}

static bool take_verb(struct dw_archive_ask *a, struct dw_str v)
{
    for (int i = 0; i < DW_ARCHIVE_VERBS; i++)
        if (dw_str_eq(v, dw_str_of(verbs[i]))) {
            a->verb = (enum dw_archive_verb)i;
            return true;
        }
    return false;
}

static bool take_member(struct dw_archive_ask *a, struct dw_str name, const struct dw_json_token *v)
{
    for (size_t i = 0; i < DW_COUNT_OF(members); i++) {
        void *at = (char *)a + members[i].at;
        if (!dw_str_eq(name, dw_str_of(members[i].name)))
            continue;
        if (members[i].kind == TEXT)
            return take_text(v, at, members[i].cap);
        return v->type == DW_JSON_NUMBER && (members[i].kind == TIME ? dw_str_i64(v->text, at) : dw_str_u64(v->text, at));
    }
    return dw_str_eq(name, DW_STR("do")) && take_verb(a, v->text); /* one that is not known is not passed over: it may say what to leave alone */
}

bool dw_archive_ask_read(struct dw_str text, struct dw_archive_ask *ret)
{
    struct dw_json j;
    struct dw_json_token key, v;
    *ret = (struct dw_archive_ask){.verb = DW_ARCHIVE_VERBS, .since_ns = INT64_MIN, .until_ns = INT64_MAX, .before_ns = INT64_MIN};
    dw_json_start(&j, text);
    int rc = dw_json_next(&j, &v);
    if (rc < 0 || v.type != DW_JSON_OBJECT)
        return false;
    while ((rc = dw_json_next(&j, &key)) == DW_OK && key.type == DW_JSON_KEY)
        if (dw_json_next(&j, &v) < 0 || !take_member(ret, key.text, &v))
            return false;
    return rc == DW_OK && ret->verb != DW_ARCHIVE_VERBS;
}

int dw_archive_inbox(const char *data, char out[DW_INBOX_PATH])
{
    return dw_path_join(out, DW_INBOX_PATH, data, "state/archive");
}

int dw_archive_ask(const struct dw_fs *fs, const char *data, const struct dw_archive_ask *ask, char ret[DW_INBOX_NAME])
{
    char path[DW_INBOX_PATH];
    struct dw_buf text = {0};
    int rc = dw_archive_inbox(data, path);
    if (rc == DW_OK)
        rc = dw_inbox_name(ret);
    dw_archive_ask_write(ask, &text);
    if (rc == DW_OK)
        rc = dw_inbox_leave(fs, path, ret, &text);
    dw_buf_fini(&text);
    return rc;
}

static int expire(struct dw_archive *a, const struct dw_archive_ask *ask)
{
    struct dw_expire how = {.before_ns = ask->before_ns, .keep_bytes = ask->keep_bytes, .asked = ask->asked};
    struct dw_expired gone;
    int rc = dw_archive_expire(a, &how, &gone);
    if (rc == DW_OK)
        dw_info("archive: %" PRIu64 " segments with %" PRIu64 " events were let go; %" PRIu64 " are held, %" PRIu64 " wait for a state; asked by %s", gone.segments,
            gone.events, gone.held, gone.waiting, ask->asked.by);
    return rc;
}

static const char *reason(int rc)
{
    if (rc == DW_ENOENT)
        return "no hold of that name";
    if (rc == DW_EACCES)
        return "only root, and the account that runs the collector, may let segments go or release them";
    return rc == DW_EEXIST ? "a hold of that name is in force" : rc == DW_ERANGE ? "no such segments, no name, or a time that ends before it begins" : dw_err_text(rc);
}

int dw_archive_do_asked(struct dw_archive *a, const struct dw_asked_file *f, const char **ret_why)
{
    struct dw_archive_ask ask;
    bool done;
    int rc = dw_archive_is_done(a, f->name, &done); /* a crash came before its file went */
    if (rc < 0 || done)
        return rc;
    rc = DW_ESYNTAX;
    if (dw_archive_ask_read(f->text, &ask)) {
        if (!f->trusted || !ask.asked.by[0])
            (void)snprintf(ask.asked.by, sizeof ask.asked.by, "%s", f->owner);
        (void)snprintf(ask.asked.id, sizeof ask.asked.id, "%s", f->name);
        bool lets_go = ask.verb == DW_ARCHIVE_EXPIRE || ask.verb == DW_ARCHIVE_RELEASE;
        rc = lets_go && !f->trusted              ? DW_EACCES
            : ask.verb == DW_ARCHIVE_HOLD    ? dw_archive_hold(a, ask.name, ask.since_ns, ask.until_ns, &ask.asked)
            : ask.verb == DW_ARCHIVE_RELEASE ? dw_archive_release(a, ask.name, &ask.asked)
            : ask.verb == DW_ARCHIVE_EXPIRE  ? expire(a, &ask)
                                             : dw_archive_exported(a, ask.from, ask.to, &ask.asked);
    }
    if (rc != DW_ESYNTAX && rc != DW_ENOENT && rc != DW_EEXIST && rc != DW_ERANGE && rc != DW_EACCES)
        return rc;
    *ret_why = reason(rc);
    return DW_OK;
}
