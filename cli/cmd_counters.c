/*
 * cmd_counters: `dogwatch counters`: what agent and collector of this DATA counted since they started.
 *
 * Most counters tell of something out of the ordinary that was handled: none of it is silent, but nobody wants to be told each time.
 */
#include "remote_rows.h"

#include "dogwatch/base/counter.h"

#include <stdio.h>

enum { FILE_MAX = 1 << 20 };

static const char *of(struct dw_str name, const char *(*what)(enum dw_counter c))
{
    for (unsigned i = 0; i < DW_COUNTERS; i++)
        if (dw_str_eq(name, dw_str_of(dw_counter_name((enum dw_counter)i))))
            return what((enum dw_counter)i);
    return "(of another version)";
}

static void add_rows(struct cli_table *t, const char *program, struct dw_str text)
{
    while (text.len) {
        struct dw_str line = dw_str_cut(&text, '\n'), name = dw_str_cut(&line, ' ');
        if (!name.len)
            continue;
        cli_table_cell(t, dw_str_of(program));
        cli_table_cell(t, name);
        cli_table_cell(t, line);
        cli_table_cell(t, dw_str_of(of(name, dw_counter_kind)));
        cli_table_cell(t, dw_str_of(of(name, dw_counter_doc)));
    }
}

int cmd_counters(int argc, char **argv)
{
    static const char *const programs[] = {"agent", "collector"};
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    struct cli_table t = {.output = o.output, .columns = 5, .name = {"program", "counter", "value", "kind", "what"},
        .number = {[2] = true}};
    uint32_t found = 0;
    if (o.server[0])
        return remote_table(&o, "/api/v1/counters", &t);
    for (size_t i = 0; i < DW_COUNT_OF(programs); i++) {
        char name[64], path[CLI_PATH_MAX];
        struct dw_buf text = {0};
        (void)snprintf(name, sizeof name, "state/%s.counters", programs[i]);
        if (dw_path_join(path, sizeof path, o.data, name) == DW_OK
            && dw_fs_read_file(&dw_fs_system, path, FILE_MAX, &text) == DW_OK) {
            add_rows(&t, programs[i], dw_buf_view(&text));
            found++;
        }
        dw_buf_fini(&text);
    }
    if (found)
        cli_table_end(&t);
    else
        (void)fprintf(stderr, "dogwatch: no counters in %s/state: no agent or collector has run here\n", o.data);
    return found ? CLI_YES : CLI_CANNOT;
}
