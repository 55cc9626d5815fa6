/*
 * fmt_json: JSON objects whose names a table sends to ECS fields.
 *
 * Invariants:
 *   (1) A name in the table goes where the table says; when its value is not of that form, it keeps its own name.
 *   (2) Names not in the table keep their values under prefix + name.
 */
#include "fmt.h"

struct json_job {
    const struct dw_parse_ctx *ctx;
    const struct fmt_map *map;
    size_t count, prefix_len;
};

static bool name_hits(const struct fmt_map *m, struct dw_str name)
{
    struct dw_str want = dw_str_of(m->name);
    if (want.len && want.ptr[want.len - 1] == '*')
        return dw_str_starts(name, dw_str_slice(want, 0, want.len - 1));
    return dw_str_eq(name, want);
}

static bool apply_text(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct fmt_map *m, struct dw_str s)
{
    struct dw_str host, port;
    switch (m->how) {
    case FMT_TIME: return fmt_time(ctx, d, &s);
    case FMT_LOWER: fmt_set_lower(d, m->key, s); return true;
    case FMT_SOURCE:
        fmt_host_port(s, &host, &port);
        fmt_source(d, host);
        (void)fmt_set_digits(d, DW_F_source_port, port);
        return true;
    case FMT_URL: fmt_url(d, s); return true;
    case FMT_STATUS: return fmt_status(d, s);
    case FMT_NS: return fmt_duration(d, s, 1);
    case FMT_US: return fmt_duration(d, s, 1000);
    case FMT_MS: return fmt_duration(d, s, DW_NS_PER_MS);
    case FMT_S: return fmt_duration(d, s, DW_NS_PER_S);
    case FMT_USER: fmt_user(d, s); return true;
    case FMT_REQUEST: return fmt_request(d, s);
    case FMT_COPY:
    case FMT_DROP:
    case FMT_NAMED: break;
    }
    return false;
}

bool fmt_apply(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct fmt_map *m, const struct dw_field *v)
{
    if (m->how == FMT_DROP)
        return true;
    if (m->how == FMT_COPY) {
        struct dw_field f = *v;
        f.key = m->key;
        dw_draft_field(d, f);
        return true;
    }
    return dw_field_is_text(v) && apply_text(ctx, d, m, dw_field_str(v));
}

static bool on_value(void *arg, struct dw_draft *d, struct dw_str name, const struct dw_field *value)
{
    struct json_job *job = arg;
    name = dw_str_slice(name, job->prefix_len, name.len);
    for (size_t i = 0; i < job->count; i++) {
        if (!name_hits(&job->map[i], name))
            continue;
        if (job->map[i].how != FMT_NAMED)
            return fmt_apply(job->ctx, d, &job->map[i], value);
        struct dw_field f = *value;
        if (dw_keys_intern_passing(d->keys, name, &f.key) == DW_OK)
            dw_draft_field(d, f);
        return true;
    }
    return false;
}

int fmt_json(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str text, const char *prefix,
    const struct fmt_map *map, size_t count)
{
    struct json_job job = {ctx, map, count, strlen(prefix)};
    struct dw_flatten how = {.prefix = dw_str_of(prefix), .hook = on_value, .arg = &job};
    return dw_flatten_json(d, dw_str_trim(text), &how);
}
