/*
 * output_status: how an output stands, as a file: written by the collector's thread of it, read by commands and the API.
 *
 *     {"name","type","state","waiting","delivered","dead","last_success","last_error","last_error_at"}       times in RFC 3339, "" for never
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/event/rfc3339.h"

#include <inttypes.h>
#include <stdio.h>

enum { FILE_MAX = 16 << 10, NAMES_MAX = 10000 };

static void put_text(struct dw_buf *out, const char *before, const char *text)
{
    dw_buf_str(out, dw_str_of(before));
    (void)dw_json_string(out, dw_str_of(text));
}

static void put_time(struct dw_buf *out, const char *before, int64_t ns)
{
    dw_buf_printf(out, "%s\"", before);
    if (ns)
        dw_time_text(out, ns);
    dw_buf_byte(out, '"');
}

void dw_output_status_write(const struct dw_output_status *s, struct dw_buf *out)
{
    put_text(out, "{\"name\":", s->name);
    put_text(out, ",\"type\":", s->type);
    put_text(out, ",\"state\":", s->state);
    dw_buf_printf(out, ",\"waiting\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"dead\":%" PRIu64, s->waiting, s->delivered, s->dead);
    put_time(out, ",\"last_success\":", s->last_success_ns);
    put_text(out, ",\"last_error\":", s->last_error);
    put_time(out, ",\"last_error_at\":", s->last_error_ns);
    dw_buf_byte(out, '}');
}

/* Printable ASCII, as outputs write it. */
static bool take_text(struct dw_str raw, char *to, size_t cap)
{
    struct dw_buf b = {0};
    bool ok = dw_json_unescape(raw, &b) && !b.err && b.len < cap;
    for (size_t i = 0; ok && i < b.len; i++)
        ok = (uint8_t)b.ptr[i] >= ' ' && (uint8_t)b.ptr[i] < 0x7f;
    if (ok && b.len)
        memcpy(to, b.ptr, b.len);
    if (ok)
        to[b.len] = '\0';
    dw_buf_fini(&b);
    return ok;
}

static bool take_time(struct dw_str text, int64_t *ret)
{
    return text.len == 0 || dw_time_rfc3339(text, ret) == DW_OK;
}

static bool take_member(struct dw_str key, const struct dw_json_token *v, struct dw_output_status *s)
{
    const struct {
        struct dw_str name;
        char *to;
        size_t cap;
    } texts[] = {{DW_STR("name"), s->name, sizeof s->name}, {DW_STR("type"), s->type, sizeof s->type}, {DW_STR("state"), s->state, sizeof s->state},
        {DW_STR("last_error"), s->last_error, sizeof s->last_error}};
    const struct {
        struct dw_str name;
        uint64_t *to;
    } numbers[] = {{DW_STR("waiting"), &s->waiting}, {DW_STR("delivered"), &s->delivered}, {DW_STR("dead"), &s->dead}};
    for (size_t i = 0; i < DW_COUNT_OF(texts); i++)
        if (dw_str_eq(key, texts[i].name))
            return v->type == DW_JSON_STRING && take_text(v->text, texts[i].to, texts[i].cap);
    for (size_t i = 0; i < DW_COUNT_OF(numbers); i++)
        if (dw_str_eq(key, numbers[i].name))
            return v->type == DW_JSON_NUMBER && dw_str_u64(v->text, numbers[i].to);
    if (dw_str_eq(key, DW_STR("last_success")))
        return v->type == DW_JSON_STRING && take_time(v->text, &s->last_success_ns);
    if (dw_str_eq(key, DW_STR("last_error_at")))
        return v->type == DW_JSON_STRING && take_time(v->text, &s->last_error_ns);
    return true;
}

int dw_output_status_read(struct dw_str text, struct dw_output_status *ret)
{
    struct dw_json j;
    struct dw_json_token key, v;
    int rc;
    *ret = (struct dw_output_status){0};
    dw_json_start(&j, text);
    if (dw_json_next(&j, &v) < 0 || v.type != DW_JSON_OBJECT)
        return DW_ESYNTAX;
    while ((rc = dw_json_next(&j, &key)) == DW_OK && key.type == DW_JSON_KEY) {
        if (dw_json_next(&j, &v) < 0 || ((v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY) && dw_json_skip(&j) < 0))
            return DW_ESYNTAX;
        if (!take_member(key.text, &v, ret))
            return DW_ESYNTAX;
    }
    return rc == DW_OK && key.type == DW_JSON_OBJECT_END && ret->name[0] ? DW_OK : DW_ESYNTAX;
}

static int read_one(const struct dw_fs *fs, const char *dir, const char *name, struct dw_output_status *ret)
{
    char path[OUTPUT_PATH_CAP];
    struct dw_buf text = {0};
    int rc = dw_path_join(path, sizeof path, dir, name);
    if (rc == DW_OK)
        rc = dw_fs_read_file(fs, path, FILE_MAX, &text);
    if (rc == DW_OK)
        rc = dw_output_status_read(dw_buf_view(&text), ret);
    dw_buf_fini(&text);
    return rc;
}

int dw_outputs_each(const struct dw_fs *fs, const char *data, void (*each)(void *arg, const struct dw_output_status *s), void *arg)
{
    char dir[OUTPUT_PATH_CAP];
    struct dw_buf names = {0};
    int rc = dw_path_join(dir, sizeof dir, data, "outputs");
    if (rc == DW_OK)
        rc = dw_fs_list(dir, NAMES_MAX, &names);
    for (const char *n = names.ptr; rc == DW_OK && n && n < names.ptr + names.len; n += strlen(n) + 1) {
        struct dw_output_status s;
        if (dw_str_ends(dw_str_of(n), DW_STR(".status")) && read_one(fs, dir, n, &s) == DW_OK)
            each(arg, &s);
    }
    dw_buf_fini(&names);
    return rc;
}

int dw_output_retry(const struct dw_fs *fs, const char *data, struct dw_str name, uint64_t *ret_dead)
{
    char dir[OUTPUT_PATH_CAP], path[OUTPUT_PATH_CAP], file[DW_OUTPUT_NAME_MAX + 16];
    struct dw_output_status s = {0};
    struct dw_buf why = {0};
    bool named = dw_output_option_check("outputs.name", name, &why) == DW_OK; /* it becomes a path */
    dw_buf_fini(&why);
    if (!named)
        return DW_ENOENT;
    (void)snprintf(file, sizeof file, "%.*s.status", DW_ARG(name));
    int rc = dw_path_join(dir, sizeof dir, data, "outputs");
    if (rc == DW_OK)
        rc = read_one(fs, dir, file, &s);
    if (rc < 0 || s.dead == 0) {
        *ret_dead = 0;
        return rc;
    }
    *ret_dead = s.dead;
    (void)snprintf(file, sizeof file, "%.*s.retry", DW_ARG(name));
    rc = dw_path_join(path, sizeof path, dir, file);
    return rc == DW_OK ? dw_fs_write_file(fs, path, 0640, DW_STR("")) : rc;
}
