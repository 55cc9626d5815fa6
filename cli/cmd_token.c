/*
 * cmd_token: `dogwatch token add NAME --role ROLE [--expires 90d] | ls | revoke NAME`.
 *
 * Invariant: the token itself goes to stdout once, alone on its line, and nowhere else.
 */
#include "cli_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/collect/access.h"
#include "dogwatch/conf/conf.h"
#include "dogwatch/event/timestamp.h"

#include <stdio.h>

/* Takes `option` and its value out of argv; NULL where it is not given. */
static const char *take_option(int *argc, char **argv, const char *option)
{
    for (int i = 1; i + 1 < *argc; i++) {
        if (strcmp(argv[i], option) != 0)
            continue;
        const char *value = argv[i + 1];
        memmove(&argv[i], &argv[i + 2], (size_t)(*argc - i - 1) * sizeof *argv); /* with the NULL at the end */
        *argc -= 2;
        return value;
    }
    return NULL;
}

static int cannot(const struct cli_options *o, const char *name, int err)
{
    if (err == DW_EEXIST)
        (void)fprintf(stderr, "dogwatch token: there is a token '%s'; revoke it first, or take another name\n", name);
    else if (err == DW_ENOENT)
        (void)fprintf(stderr, "dogwatch token: no token is called '%s'; `dogwatch token ls` lists them\n", name);
    else if (err == DW_ECORRUPT)
        (void)fprintf(stderr, "dogwatch token: %s/api/tokens holds a line that is no token; it is not written anew\n", o->data);
    else
        (void)fprintf(stderr, "dogwatch token: %s/api/tokens: %s\n", o->data, dw_err_text(err));
    return err == DW_EEXIST || err == DW_ENOENT ? CLI_NO : CLI_CANNOT;
}

static int add(const struct cli_options *o, const char *role, const char *expires)
{
    struct dw_token t = {.expires_ns = INT64_MAX, .created_ns = dw_clock_real(&dw_clock_system)};
    struct dw_str name = dw_str_of(o->rest[1]);
    char text[DW_TOKEN_TEXT];
    int64_t lasts;
    if (!role || !dw_role_find(dw_str_of(role), &t.role)) {
        (void)fprintf(stderr, "dogwatch token: --role is needed:\n");
        for (unsigned r = 0; r < DW_ROLES; r++)
            (void)fprintf(stderr, "  %-8s %s\n", dw_role_name((enum dw_role)r), dw_role_doc((enum dw_role)r));
        return CLI_USAGE;
    }
    if (expires && (!dw_conf_duration(dw_str_of(expires), &lasts) || lasts <= 0 || __builtin_add_overflow(t.created_ns, lasts, &t.expires_ns))) {
        (void)fprintf(stderr, "dogwatch token: --expires: needs how long, such as 90d or 12h\n");
        return CLI_USAGE;
    }
    if (!dw_token_name_ok(name)) {
        (void)fprintf(stderr, "dogwatch token: a name is 1 to %d letters, digits and . _ - @\n", DW_TOKEN_NAME_CAP - 1);
        return CLI_USAGE;
    }
    memcpy(t.name, name.ptr, name.len);
    int err = dw_token_add(&dw_fs_system, o->data, &t, text);
    if (err < 0)
        return cannot(o, o->rest[1], err);
    (void)printf("%s\n", text);
    (void)fprintf(stderr, "token '%s' for %s; it is not shown again. Try it:\n  curl -H 'Authorization: Bearer TOKEN' --unix-socket %s/api.sock http://localhost/api/v1/alerts\n",
        t.name, dw_role_name(t.role), o->data);
    return CLI_YES;
}

static void time_cell(struct cli_table *t, int64_t ns, const char *otherwise)
{
    char text[DW_TIME_TEXT];
    dw_time_format(ns, text);
    cli_table_cell(t, ns == INT64_MAX ? dw_str_of(otherwise) : dw_str_slice(dw_str_of(text), 0, 19));
}

static int list(const struct cli_options *o)
{
    struct dw_tokens all;
    struct cli_table t = {.output = o->output, .columns = 4, .name = {"name", "role", "created", "expires"}};
    int err = dw_tokens_load(&dw_fs_system, o->data, &all);
    if (err < 0)
        return cannot(o, "", err);
    for (uint32_t i = 0; i < all.count; i++) {
        cli_table_cell(&t, dw_str_of(all.item[i].name));
        cli_table_cell(&t, dw_str_of(dw_role_name(all.item[i].role)));
        time_cell(&t, all.item[i].created_ns, "");
        time_cell(&t, all.item[i].expires_ns, "never");
    }
    cli_table_end(&t);
    if (all.bad_lines)
        (void)fprintf(stderr, "dogwatch token: %u lines of %s/api/tokens are no tokens: they let nobody in\n", all.bad_lines, o->data);
    dw_tokens_free(&all);
    return CLI_YES;
}

int cmd_token(int argc, char **argv)
{
    struct cli_options o;
    const char *role = take_option(&argc, argv, "--role"), *expires = take_option(&argc, argv, "--expires");
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    const char *verb = o.rest_count ? o.rest[0] : "";
    if (o.rest_count == 2 && strcmp(verb, "add") == 0)
        return add(&o, role, expires);
    if (o.rest_count == 1 && strcmp(verb, "ls") == 0 && !role && !expires)
        return list(&o);
    if (o.rest_count == 2 && strcmp(verb, "revoke") == 0 && !role && !expires) {
        int err = dw_token_revoke(&dw_fs_system, o.data, dw_str_of(o.rest[1]));
        if (err < 0)
            return cannot(&o, o.rest[1], err);
        (void)printf("token '%s' is revoked\n", o.rest[1]);
        return CLI_YES;
    }
    (void)fprintf(stderr, "usage: dogwatch token %s\n", cli_arguments("token"));
    return CLI_USAGE;
}
