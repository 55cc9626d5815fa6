/*
 * cmd_config: `dogwatch config check|show FILE` and `config init agent|collector`.
 *
 * Which program a file is for is told by the word before it, or else by which table has more of its options.
 */
#include "cli_int.h"

#include "dogwatch/conf/listen.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/parsers/words.h"

#include <stdio.h>

union values {
    struct dw_agent_options agent;
    struct dw_collector_options collector;
};

static void say(void *arg, const struct dw_diags *d)
{
    dw_diags_print(d, arg);
}

static const struct dw_conf_table *table_of(const char *word)
{
    return strcmp(word, "agent") == 0 ? &dw_conf_agent : strcmp(word, "collector") == 0 ? &dw_conf_collector : NULL;
}

/* Loads; complaints go to `said`. */
static int load(const struct dw_conf_table *t, const char *path, struct dw_conf *c, union values *v, struct dw_buf *said)
{
    struct dw_diag_sink sink = {.report = say, .ud = said};
    int rc = dw_conf_init(c, t, v);
    c->check = cli_option_check;
    return rc < 0 ? rc : dw_conf_load_file(c, &dw_fs_system, path, sink);
}

/* How many options a table does not have, by what was said. */
static uint32_t unknown_options(const struct dw_buf *said)
{
    const struct dw_str what = DW_STR("error: unknown option ");
    struct dw_str rest = dw_buf_view(said);
    uint32_t count = 0;
    for (size_t at; (at = dw_str_find(rest, what)) < rest.len; count++)
        rest = dw_str_slice(rest, at + what.len, rest.len);
    return count;
}

static int check_or_show(const struct dw_conf_table *t, const char *path, bool show)
{
    struct dw_conf c;
    union values v;
    struct dw_buf said = {0}, other = {0}, text = {0};
    const struct dw_conf_table *first = t ? t : &dw_conf_agent;
    int rc = load(first, path, &c, &v, &said);
    if (rc == DW_ECONFIG && !t) {
        struct dw_conf second;
        union values w;
        int again = load(&dw_conf_collector, path, &second, &w, &other);
        if (again == DW_OK || (again == DW_ECONFIG && unknown_options(&other) < unknown_options(&said))) {
            dw_conf_fini(&c);
            c = second;
            v = w;
            c.values = &v;
            rc = again;
            first = &dw_conf_collector;
        } else {
            dw_conf_fini(&second);
            dw_buf_reset(&other);
        }
    }
    struct dw_diag_sink sink = {.report = say, .ud = &said};
    if (rc == DW_OK && first == &dw_conf_agent && !show)
        rc = dw_listen_options_check(&c, &dw_fs_system, sink);
    if (rc == DW_OK && first == &dw_conf_agent && !show)
        rc = dw_parser_options_check(&c, &dw_fs_system, sink);
    struct dw_buf *complaints = other.len ? &other : &said;
    if (rc == DW_ECONFIG)
        (void)fwrite(complaints->ptr, 1, complaints->len, stderr);
    else if (rc < 0)
        (void)fprintf(stderr, "dogwatch: %s: %s\n", path, dw_err_text(rc));
    else if (show) {
        dw_conf_show(&c, &text);
        (void)fwrite(text.ptr, 1, text.len, stdout);
    } else {
        (void)printf("%s: ok (%s)\n", path, first->name);
    }
    dw_conf_fini(&c);
    dw_buf_fini(&said);
    dw_buf_fini(&other);
    dw_buf_fini(&text);
    return rc == DW_OK ? CLI_YES : rc == DW_ECONFIG ? CLI_USAGE : CLI_CANNOT;
}

static int init(const struct dw_conf_table *t)
{
    struct dw_buf text = {0};
    dw_conf_skeleton(t, &text);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    dw_buf_fini(&text);
    return CLI_YES;
}

int cmd_config(int argc, char **argv)
{
    const struct dw_conf_table *t = argc > 2 ? table_of(argv[2]) : NULL;
    const char *path = argc > (t ? 3 : 2) ? argv[t ? 3 : 2] : NULL;
    if (argc > 2 && strcmp(argv[1], "init") == 0 && t)
        return init(t);
    if (path && strcmp(argv[1], "check") == 0)
        return check_or_show(t, path, false);
    if (path && strcmp(argv[1], "show") == 0)
        return check_or_show(t, path, true);
    (void)fprintf(stderr, "usage: dogwatch config check|show [agent|collector] FILE\n       dogwatch config init agent|collector\n");
    return CLI_USAGE;
}
