/* Fuzz: what comes over HTTP, and a line of the tokens' file: the first byte says what the rest is. What is taken holds what is promised of it. */
#include "support.h"

#include "../../collector/server/api_parse.h"

#include "dogwatch/collect/access.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct api_params *p)
{
    DW_ASSERT(p->count <= API_PARAMS_MAX);
    for (uint32_t i = 0; i < p->count; i++) {
        DW_ASSERT(p->item[i].name.len && p->item[i].name.len <= API_NAME_MAX);
        DW_ASSERT(dw_str_index(p->item[i].value, '\0') == p->item[i].value.len);
        for (uint32_t k = 0; k < i; k++)
            DW_ASSERT(!dw_str_eq(p->item[i].name, p->item[k].name));
    }
}

static void as_target(struct dw_str text, struct dw_arena *arena)
{
    static const char *const patterns[] = {"/healthz", "/api/v1/alerts/{id}", "/api/v1/alerts/{id}/history"};
    struct api_params p;
    struct dw_str path, id;
    int rc = api_parse_target(text, arena, &path, &p);
    if (rc == DW_OK)
        look_at(&p);
    for (size_t i = 0; i < DW_COUNT_OF(patterns); i++)
        if (api_path_is(dw_str_of(patterns[i]), path, &id))
            DW_ASSERT(id.len <= path.len && dw_str_index(id, '/') == id.len && dw_str_index(id, '%') == id.len);
}

static void as_body(struct dw_str text, struct dw_arena *arena)
{
    struct api_params p = {.count = 0};
    if (api_parse_body(text, arena, &p) == DW_OK)
        look_at(&p);
}

static void as_headers(struct dw_str text)
{
    struct dw_str origin = text, host = dw_str_cut(&origin, '\n'), name, token;
    if (api_host_name(host, &name))
        DW_ASSERT(name.len && name.len <= host.len);
    if (api_origin_is(origin, host))
        DW_ASSERT(origin.len > host.len);
    if (dw_token_bearer(text, &token))
        DW_ASSERT(token.len && token.len < text.len);
}

static void as_token_line(struct dw_str text)
{
    struct dw_token t, again;
    struct dw_buf line = {0};
    if (!dw_token_read_line(text, &t))
        return;
    dw_token_write_line(&t, &line);
    bool read = dw_token_read_line(dw_str_slice(dw_buf_view(&line), 0, line.len - 1), &again);
    DW_ASSERT(read && strcmp(t.name, again.name) == 0 && t.role == again.role && t.expires_ns == again.expires_ns);
    DW_ASSERT(memcmp(t.hash, again.hash, sizeof t.hash) == 0 && memcmp(t.salt, again.salt, sizeof t.salt) == 0);
    dw_buf_fini(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_arena arena;
    struct dw_str text = size ? dw_str_make((const char *)data + 1, size - 1) : DW_STR("");
    dw_arena_init(&arena, 0);
    switch (size ? data[0] % 4 : 0) {
    case 0: as_target(text, &arena); break;
    case 1: as_body(text, &arena); break;
    case 2: as_headers(text); break;
    default: as_token_line(text); break;
    }
    dw_arena_fini(&arena);
    return 0;
}
