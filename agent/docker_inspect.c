/*
 * docker_inspect: documents of docker's API.
 *
 * Idea: of an inspect document, some ten kilobytes, a table names what says what the container may do; these members are copied as they stand, so rules see docker's own words.
 *
 * Invariants:
 *   (1) What is put is one line and one JSON object, whatever comes.
 *   (2) No member is put that the table does not name: `Config.Env` holds passwords.
 */
#include "docker_inspect.h"

#include "json_members.h"

#include "dogwatch/base/error.h"

#include <inttypes.h>

/* A member, or one of an object within it. */
struct wanted {
    const char *outer, *name; /* outer: empty: of the document itself */
};
static const struct wanted wanted[] = {
    {"", "Id"}, {"", "Created"}, {"", "Path"}, {"", "Args"}, {"", "Image"}, {"", "Name"}, {"", "RestartCount"}, {"", "AppArmorProfile"}, {"", "Platform"},
    {"State", "Status"}, {"State", "Pid"}, {"State", "StartedAt"},
    {"Config", "Image"}, {"Config", "User"}, {"Config", "Hostname"}, {"Config", "Labels"},
    {"HostConfig", "Privileged"}, {"HostConfig", "NetworkMode"}, {"HostConfig", "PidMode"}, {"HostConfig", "IpcMode"}, {"HostConfig", "UTSMode"},
    {"HostConfig", "UsernsMode"}, {"HostConfig", "CgroupnsMode"}, {"HostConfig", "CapAdd"}, {"HostConfig", "CapDrop"}, {"HostConfig", "SecurityOpt"},
    {"HostConfig", "Devices"}, {"HostConfig", "Binds"}, {"HostConfig", "ReadonlyRootfs"}, {"HostConfig", "PortBindings"}, {"HostConfig", "RestartPolicy"},
    {"HostConfig", "Runtime"}, {"", "Mounts"},
};
static const char *const outers[] = {"", "State", "Config", "HostConfig"};

bool docker_is_id(struct dw_str s)
{
    if (s.len == 0 || s.len > DOCKER_ID_MAX || s.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!fits)
            return false;
    }
    return true;
}

/* ---- events ---- */

struct event_look {
    struct dw_str type, action, id;
    int64_t time_ns;
};

static int actor_member(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    struct event_look *e = arg;
    (void)value;
    if (t->type == DW_JSON_STRING && dw_str_eq(name, DW_STR("ID")))
        e->id = t->text;
    return DW_OK;
}

static int event_member(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    struct event_look *e = arg;
    if (t->type == DW_JSON_STRING && dw_str_eq(name, DW_STR("Type")))
        e->type = t->text;
    else if (t->type == DW_JSON_STRING && dw_str_eq(name, DW_STR("Action")))
        e->action = t->text;
    else if (t->type == DW_JSON_NUMBER && dw_str_eq(name, DW_STR("timeNano")))
        (void)dw_str_i64(t->text, &e->time_ns);
    else if (t->type == DW_JSON_OBJECT && dw_str_eq(name, DW_STR("Actor")))
        return json_members(value, actor_member, e);
    return DW_OK;
}

void docker_event_look(struct dw_str json, struct docker_event *ret)
{
    struct event_look e = {0};
    *ret = (struct docker_event){0};
    if (json_members(json, event_member, &e) < 0)
        return;
    ret->time_ns = e.time_ns > 0 ? e.time_ns : 0;
    bool begins = dw_str_eq(e.action, DW_STR("create")) || dw_str_eq(e.action, DW_STR("start"));
    if (begins && dw_str_eq(e.type, DW_STR("container")) && docker_is_id(e.id))
        memcpy(ret->id, e.id.ptr, e.id.len);
}

/* ---- containers ---- */

struct picked {
    const char *outer;
    struct dw_str value[DW_COUNT_OF(wanted)]; /* as it stands; empty: it is not there */
};

static int pick(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    struct picked *p = arg;
    for (size_t i = 0; i < DW_COUNT_OF(wanted); i++)
        if (strcmp(wanted[i].outer, p->outer) == 0 && dw_str_eq(name, dw_str_of(wanted[i].name)) && t->type != DW_JSON_NULL)
            p->value[i] = value;
    if (p->outer[0] || t->type != DW_JSON_OBJECT)
        return DW_OK;
    for (size_t i = 1; i < DW_COUNT_OF(outers); i++) {
        if (!dw_str_eq(name, dw_str_of(outers[i])))
            continue;
        p->outer = outers[i];
        int rc = json_members(value, pick, p);
        p->outer = "";
        return rc;
    }
    return DW_OK;
}

/* A value without the newlines that may stand between its parts. */
static void put_value(struct dw_buf *out, struct dw_str v)
{
    for (size_t i = 0; i < v.len; i++)
        dw_buf_byte(out, (uint8_t)(v.ptr[i] == '\n' || v.ptr[i] == '\r' || v.ptr[i] == '\0' ? ' ' : v.ptr[i]));
}

static void put_members(struct dw_buf *out, const struct picked *p, const char *outer, size_t from, uint64_t *cut)
{
    bool first = true;
    for (size_t i = 0; i < DW_COUNT_OF(wanted); i++) {
        if (strcmp(wanted[i].outer, outer) != 0 || p->value[i].len == 0)
            continue;
        if (p->value[i].len > INSPECT_MEMBER_MAX || out->len - from + p->value[i].len > INSPECT_LINE_MAX - 4096) {
            *cut |= 1ull << i;
            continue;
        }
        dw_buf_printf(out, "%s\"%s\":", first && *outer ? "" : ",", wanted[i].name);
        put_value(out, p->value[i]);
        first = false;
    }
}

static void put_cut(struct dw_buf *out, uint64_t cut, uint32_t *ret_cut)
{
    for (size_t i = 0; i < DW_COUNT_OF(wanted); i++) {
        if (!(cut & 1ull << i))
            continue;
        dw_buf_printf(out, "%s\"%s%s%s\"", *ret_cut ? "," : ",\"Cut\":[", wanted[i].outer, *wanted[i].outer ? "." : "", wanted[i].name);
        (*ret_cut)++;
    }
    if (*ret_cut)
        dw_buf_byte(out, ']');
}

int docker_inspect_put(struct dw_str json, int64_t time_ns, struct dw_buf *out, uint32_t *ret_cut)
{
    struct picked p = {.outer = ""};
    size_t from = out->len;
    uint64_t cut = 0;
    *ret_cut = 0;
    DW_ASSERT(DW_COUNT_OF(wanted) <= 64);
    int rc = json_members(json, pick, &p);
    if (rc < 0 || p.value[0].len == 0)
        return DW_ESYNTAX;
    dw_buf_printf(out, "{\"timeNano\":%" PRId64 ",\"Action\":\"inspect\"", time_ns);
    put_members(out, &p, "", from, &cut);
    for (size_t i = 1; i < DW_COUNT_OF(outers); i++) {
        dw_buf_printf(out, ",\"%s\":{", outers[i]);
        put_members(out, &p, outers[i], from, &cut);
        dw_buf_byte(out, '}');
    }
    put_cut(out, cut, ret_cut);
    dw_buf_byte(out, '}');
    return out->err ? DW_ENOMEM : DW_OK;
}

/* ---- lists ---- */

static int list_member(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    struct dw_str *id = arg;
    (void)value;
    if (t->type == DW_JSON_STRING && dw_str_eq(name, DW_STR("Id")))
        *id = t->text;
    return DW_OK;
}

struct listing {
    uint32_t left;
    void (*each)(void *arg, struct dw_str id);
    void *arg;
};

static int list_element(void *arg, struct dw_str value, const struct dw_json_token *t)
{
    struct listing *l = arg;
    struct dw_str id = DW_STR_NONE;
    if (l->left-- == 0)
        return DW_ELIMIT;
    if (t->type == DW_JSON_OBJECT && json_members(value, list_member, &id) == DW_OK && docker_is_id(id))
        l->each(l->arg, id);
    return DW_OK;
}

void docker_list_ids(struct dw_str json, uint32_t max, void (*each)(void *arg, struct dw_str id), void *arg)
{
    struct listing l = {max, each, arg};
    int rc = json_elements(json, list_element, &l);
    (void)rc; /* what was named before a mistake is looked at */
}
