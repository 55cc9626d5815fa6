/*
 * docker_event: what docker says of its containers: events, as text and as JSON, and inspect documents.
 *
 * Invariants:
 *   (1) Only a container is named as one: the actor of another kind of event keeps docker's own name.
 */
#include "formats.h"

#include "fmt.h"

static const struct fmt_map docker_map[] = {
    {"timeNano", 0, FMT_TIME},
    {"time", 0, FMT_DROP},
    {"status", 0, FMT_DROP},
    {"id", 0, FMT_DROP},
    {"from", 0, FMT_DROP},
    {"Action", DW_F_event_action, FMT_COPY},
    {"Actor.Attributes.name", DW_F_container_name, FMT_COPY},
    {"Actor.Attributes.image", DW_F_container_image_name, FMT_COPY},
    {"Actor.Attributes.exitCode", DW_F_process_exit_code, FMT_COPY},
};

/* What an action means; by its first word, as "exec_start: sh" names the command too. */
static void docker_meaning(struct dw_draft *d, struct dw_str action)
{
    static const char *const type[][2] = {{"create", "creation"}, {"start", "start"}, {"restart", "start"},
        {"die", "end"}, {"stop", "end"}, {"kill", "end"}, {"oom", "error"}, {"destroy", "deletion"},
        {"remove", "deletion"}, {"delete", "deletion"}, {"update", "change"}, {"rename", "change"},
        {"attach", "access"}, {"exec_create", "start"}, {"exec_start", "start"}, {"pull", "installation"},
        {"mount", "access"}, {"connect", "connection"}};
    struct dw_str rest = action, verb = dw_str_cut(&rest, ':');
    for (size_t i = 0; i < DW_COUNT_OF(type); i++)
        if (fmt_eq(verb, type[i][0]))
            dw_draft_const(d, DW_F_event_type, type[i][1]);
    if (fmt_starts(verb, "exec_"))
        (void)fmt_set(d, DW_F_process_command_line, dw_str_trim(rest));
    fmt_words(d, DW_F_event_category, fmt_starts(verb, "exec_") ? "process" : "host");
    dw_draft_const(d, DW_F_container_runtime, "docker");
}

/* 2026-11-23T21:14:18.123456789+01:00 container exec_start: sh 3f4a... (image=alpine, name=x) */
static int docker_text(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, attributes = DW_STR_NONE;
    if (!fmt_time(ctx, d, &r))
        return DW_ESYNTAX;
    struct dw_str what = fmt_word(&r);
    fmt_blanks(&r);
    if (!fmt_among(what, " container image volume network daemon plugin node service secret config builder "))
        return DW_ESYNTAX;
    size_t open = dw_str_find(r, DW_STR(" ("));
    struct dw_str head = dw_str_trim(dw_str_slice(r, 0, open)), tail = dw_str_slice(r, open + 1, r.len);
    (void)fmt_bracketed(&tail, '(', ')', &attributes);
    size_t cut = head.len;
    while (cut > 0 && head.ptr[cut - 1] != ' ')
        cut--;
    struct dw_str action = dw_str_trim(dw_str_slice(head, 0, cut)), id = dw_str_slice(head, cut, head.len);
    if (!action.len)
        return DW_ESYNTAX;
    fmt_put(d, DW_F_event_action, action);
    fmt_set_named(d, "docker.event.", DW_STR("type"), what);
    if (fmt_eq(what, "container"))
        (void)fmt_set(d, DW_F_container_id, id);
    while (attributes.len) {
        struct dw_str value = dw_str_trim(dw_str_cut(&attributes, ',')), key = dw_str_cut(&value, '=');
        if (fmt_eq(key, "image"))
            (void)fmt_set(d, DW_F_container_image_name, value);
        else if (fmt_eq(key, "name"))
            (void)fmt_set(d, DW_F_container_name, value);
        else if (fmt_eq(key, "exitCode"))
            (void)fmt_set_digits(d, DW_F_process_exit_code, value);
        else
            fmt_set_named(d, "docker.attributes.", key, value);
    }
    docker_meaning(d, action);
    return DW_OK;
}

/* The actor of an event of a container is the container; of a network, a volume, an image it is not. */
static void name_actor(struct dw_draft *d)
{
    uint32_t type, id, of;
    if (dw_keys_intern_passing(d->keys, DW_STR("docker.event.Type"), &type) < 0 || dw_keys_intern_passing(d->keys, DW_STR("docker.event.Actor.ID"), &id) < 0
        || dw_keys_intern_passing(d->keys, DW_STR("docker.event.Actor.Attributes.container"), &of) < 0)
        return;
    struct dw_str kind = fmt_get(d, type);
    (void)fmt_set(d, DW_F_container_id, kind.len == 0 || fmt_eq(kind, "container") ? fmt_get(d, id) : fmt_get(d, of));
}

/* ---- what `docker inspect` shows of a container: of the agent's own asking (docs/reference/docker.md), or whole ---- */

static const struct fmt_map inspect_map[] = {
    {"timeNano", 0, FMT_TIME},
    {"Action", DW_F_event_action, FMT_COPY},
    {"Id", DW_F_container_id, FMT_COPY},
    {"Image", DW_F_container_image_hash_all, FMT_COPY},
    {"Created", DW_F_container_created, FMT_COPY},
    {"RestartCount", DW_F_container_restart_count, FMT_COPY},
    {"Config.User", 0, FMT_USER},
    {"HostConfig.Privileged", DW_F_container_security_context_privileged, FMT_COPY},
};

static bool is_inspect(struct dw_str line)
{
    return fmt_has(line, "\"HostConfig\":{") && fmt_has(line, "\"Id\":\"") && !fmt_has(line, "\"Actor\":{");
}

/* The name without the slash before it, and the image taken apart. */
static void name_container(struct dw_draft *d)
{
    uint32_t name, image;
    if (dw_keys_intern_passing(d->keys, DW_STR("docker.container.Name"), &name) < 0 || dw_keys_intern_passing(d->keys, DW_STR("docker.container.Config.Image"), &image) < 0)
        return;
    struct dw_str n = fmt_get(d, name), i = fmt_get(d, image);
    (void)fmt_set(d, DW_F_container_name, fmt_starts(n, "/") ? dw_str_slice(n, 1, n.len) : n);
    (void)fmt_set(d, DW_F_container_image_name, i);
}

static int docker_inspect(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    if (fmt_json(ctx, d, d->line, "docker.container.", inspect_map, DW_COUNT_OF(inspect_map)))
        return DW_ESYNTAX;
    name_container(d);
    if (!fmt_get(d, DW_F_event_action).len)
        dw_draft_const(d, DW_F_event_action, "inspect");
    dw_draft_const(d, DW_F_event_type, "info");
    fmt_words(d, DW_F_event_category, "host configuration");
    dw_draft_const(d, DW_F_container_runtime, "docker");
    return DW_OK;
}

int dw_parse_docker_events(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    if (!fmt_starts(d->line, "{"))
        return docker_text(ctx, d);
    if (is_inspect(d->line))
        return docker_inspect(ctx, d);
    if (fmt_json(ctx, d, d->line, "docker.event.", docker_map, DW_COUNT_OF(docker_map)))
        return DW_ESYNTAX;
    name_actor(d);
    docker_meaning(d, fmt_get(d, DW_F_event_action));
    return DW_OK;
}

int dw_probe_docker_events(struct dw_str line)
{
    if (fmt_starts(line, "{"))
        return (fmt_has(line, "\"Actor\":{\"ID\"") && fmt_has(line, "\"timeNano\"")) || is_inspect(line) ? 95 : 0;
    struct dw_str r = line, time = fmt_word(&r), what = fmt_word(&r);
    return time.len > 30 && time.ptr[10] == 'T' && fmt_among(what, " container image volume network ") ? 85 : 0;
}
