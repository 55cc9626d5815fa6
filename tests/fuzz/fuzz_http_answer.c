/*
 * fuzz_http_answer: any bytes as an answer of docker or a kubelet, and its body as each of the documents that are read.
 *
 * The first byte chooses the step in which the rest is fed. Oracle: in steps and at once give the same body, status and verdict; what is made of an inspect document is one line, one JSON
 * object, within its bound; ids are good for a path.
 */
#include "../../agent/docker_inspect.h"
#include "../../agent/http_answer.h"
#include "../../agent/json_members.h"
#include "../../agent/pods.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct dw_buf body;
    int status, rc;
};

static void on_head(void *arg, int status)
{
    ((struct seen *)arg)->status = status;
}

static int on_body(void *arg, struct dw_str bytes)
{
    DW_ASSERT(bytes.len);
    dw_buf_str(&((struct seen *)arg)->body, bytes);
    return DW_OK;
}

static struct seen run(struct dw_str bytes, size_t step)
{
    struct seen s = {0};
    struct http_answer h = {0};
    struct http_answer_out out = {.arg = &s, .head = on_head, .body = on_body};
    for (size_t at = 0; at < bytes.len && s.rc == DW_OK; at += step) {
        struct dw_str piece = dw_str_slice(bytes, at, at + step);
        char *exact = dw_alloc(piece.len); /* so a read past the end is seen */
        DW_ASSERT(exact);
        memcpy(exact, piece.ptr, piece.len);
        s.rc = http_answer_feed(&h, dw_str_make(exact, piece.len), &out);
        dw_free(exact);
    }
    if (s.rc == DW_OK)
        s.rc = http_answer_end(&h);
    http_answer_fini(&h);
    return s;
}

static int no_member(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *t)
{
    (void)arg;
    (void)name;
    (void)t;
    DW_ASSERT(value.len);
    return DW_OK;
}

static void on_id(void *arg, struct dw_str id)
{
    (void)arg;
    DW_ASSERT(docker_is_id(id) && dw_str_index(id, '/') == id.len);
}

static void read_documents(struct dw_str text)
{
    struct dw_buf out = {0};
    struct dw_arena arena;
    struct docker_event e;
    struct pod *first = NULL;
    uint32_t cut;
    docker_event_look(text, &e);
    DW_ASSERT(e.id[0] == '\0' || docker_is_id(dw_str_of(e.id)));
    if (docker_inspect_put(text, 1, &out, &cut) == DW_OK) {
        struct dw_str line = dw_buf_view(&out);
        DW_ASSERT(line.len <= INSPECT_LINE_MAX && dw_str_index(line, '\n') == line.len && json_members(line, no_member, NULL) == DW_OK);
    }
    docker_list_ids(text, 100, on_id, NULL);
    dw_arena_init(&arena, PODS_ARENA);
    if (pods_read(text, &arena, &first) == DW_OK)
        for (const struct pod *p = first; p; p = p->next)
            (void)pod_annotation(p, DW_STR("dogwatch.io/format"), p->container ? p->container->name : DW_STR("x"));
    dw_arena_fini(&arena);
    dw_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1 << 16)
        return 0;
    struct dw_str bytes = dw_str_make((const char *)data + 1, size - 1);
    struct seen a = run(bytes, (size_t)data[0] + 1), b = run(bytes, bytes.len);
    DW_ASSERT(a.status == b.status && a.rc == b.rc && dw_str_eq(dw_buf_view(&a.body), dw_buf_view(&b.body)));
    read_documents(dw_buf_view(&a.body));
    read_documents(bytes);
    dw_buf_fini(&a.body);
    dw_buf_fini(&b.body);
    return 0;
}
