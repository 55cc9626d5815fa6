/* parse: tables of lines and the fields they must give. */
#include "parse.h"

#include <stdio.h>

static void render(const struct dw_field *f, char *out, size_t cap)
{
    if (dw_field_is_text(f))
        (void)snprintf(out, cap, "%.*s", DW_ARG(dw_field_str(f)));
    else if (f->kind == DW_K_FLOAT)
        (void)snprintf(out, cap, "%g", f->v.f);
    else
        (void)snprintf(out, cap, "%lld", (long long)f->v.i);
}

static bool has(const struct dw_draft *d, struct dw_str name, const char *value, char *seen, size_t cap)
{
    uint32_t key;
    seen[0] = '\0';
    if (dw_keys_find(d->keys, name, &key))
        return false;
    for (uint32_t i = 0; i < d->field_count; i++) {
        if (d->field[i].key != key)
            continue;
        render(&d->field[i], seen, cap);
        if (!value || strcmp(seen, value) == 0)
            return true;
    }
    return false;
}

static void check_want(const struct dw_draft *d, const char *line, const char *want)
{
    static char seen[4096];
    char time[DW_TIME_TEXT];
    struct dw_str rest = dw_str_of(want), name = dw_str_cut(&rest, '=');
    if (want[0] == '!') {
        if (has(d, dw_str_of(want + 1), NULL, seen, sizeof seen))
            fail_msg("%s: %s is there: '%s'", line, want + 1, seen);
    } else if (dw_str_eq(name, DW_STR("@time"))) {
        dw_time_format(d->time_ns, time);
        if (!d->has_time || strncmp(time, rest.ptr, rest.len) != 0)
            fail_msg("%s: time is %s, not %s", line, d->has_time ? time : "none", rest.ptr);
    } else if (!has(d, name, rest.ptr ? rest.ptr : "", seen, sizeof seen)) {
        fail_msg("%s: want %s, got '%s'", line, want, seen);
    }
}

void check_rows(const char *format, const struct parse_row *row, size_t count)
{
    const struct dw_parser *p = dw_parser_find(dw_str_of(format));
    const struct dw_parse_ctx ctx = {.time = {NULL, INT64_C(1795468458000000000)}}; /* 2026-11-23T21:14:18Z */
    static struct dw_field field[DW_EVENT_FIELDS_MAX];
    struct dw_arena pool;
    struct dw_keys *keys = dw_keys_new();
    assert_non_null(p);
    assert_non_null(keys);
    dw_arena_init(&pool, 0);
    for (size_t i = 0; i < count; i++) {
        struct dw_draft d = {.keys = keys, .pool = &pool, .field = field};
        int err = dw_parser_run(p, &ctx, dw_str_of(row[i].line), &d);
        if (!row[i].want[0]) {
            if (err != DW_ESYNTAX)
                fail_msg("%s: taken by %s", row[i].line, format);
            assert_int_equal(d.field_count, 0);
            continue;
        }
        if (err)
            fail_msg("%s: %s", row[i].line, dw_err_name(err));
        for (size_t w = 0; w < PARSE_WANT_MAX && row[i].want[w]; w++)
            check_want(&d, row[i].line, row[i].want[w]);
    }
    dw_arena_fini(&pool);
    dw_keys_free(keys);
}

void check_probe(const char *line, const char *format)
{
    const struct dw_parser *p = dw_parser_probe(dw_str_of(line));
    if (!p || strcmp(p->name, format) != 0)
        fail_msg("%s: probes as %s, not %s", line, p ? p->name : "nothing", format);
}
