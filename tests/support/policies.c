/*
 * policies: settings and lists for tests, and the judge of printed files.
 */
#include "policies.h"

#include <stdio.h>

static void fail_diags(void *ud, const struct dw_diags *diags)
{
    struct dw_buf text = {0};
    (void)ud;
    dw_diags_print(diags, &text);
    (void)fprintf(stderr, "%.*s", DW_ARG(dw_buf_view(&text)));
    dw_buf_fini(&text);
}

struct dw_policy_settings *policy_settings(const char *const *set)
{
    struct dw_conf c;
    struct dw_collector_options o;
    struct dw_policy_settings *s = NULL;
    int rc = dw_conf_init(&c, &dw_conf_collector, &o);
    for (; rc == DW_OK && *set; set++)
        rc = dw_conf_set(&c, &dw_fs_system, dw_str_of(*set), (struct dw_diag_sink){.report = fail_diags});
    if (rc == DW_OK)
        rc = dw_policy_settings_new(&o, &s);
    DW_ASSERT(rc == DW_OK);
    dw_conf_fini(&c);
    return s;
}

struct dw_policy_list *policy_list_of(const char *const *address, const enum dw_policy_state *state, uint32_t count, int64_t until_ns, const char *text)
{
    struct dw_policy_list *l = dw_calloc(1, sizeof *l);
    DW_ASSERT(l);
    dw_arena_init(&l->arena, 0);
    l->entry = dw_calloc(count + 1, sizeof(struct dw_policy_entry *));
    l->now_ns = 1;
    for (uint32_t i = 0; i < count; i++) {
        struct dw_policy_entry *e = dw_arena_alloc(&l->arena, sizeof *e);
        DW_ASSERT(e && l->entry && dw_policy_address(dw_str_of(address[i]), &e->net));
        e->state = state[i];
        e->provenance = "peer";
        e->why = e->author = e->reason = text;
        e->until_ns = until_ns;
        e->alerts = 2;
        e->cause_count = 1;
        e->cause[0].id = e->cause[0].rule = e->cause[0].title = e->cause[0].level = text;
        dw_policy_id(&e->net, e->id);
        dw_net_text(&e->net, e->address);
        l->entry[l->count++] = e;
    }
    return l;
}

void policy_is_contained(struct dw_str file, const char *mark)
{
    while (file.len) {
        struct dw_str line = dw_str_cut(&file, '\n'), code = dw_str_slice(line, 0, dw_str_index(line, '#'));
        struct dw_str comment = dw_str_slice(line, code.len, line.len);
        DW_ASSERT(dw_str_find(code, dw_str_of(mark)) == code.len);
        DW_ASSERT(line.len == 0 || line.ptr[line.len - 1] != '\\');
        DW_ASSERT(comment.len == 0 || dw_str_trim(code).len == 0);
        for (size_t i = 0; i < line.len; i++)
            DW_ASSERT(line.ptr[i] >= ' ' && line.ptr[i] < 0x7f);
    }
}
