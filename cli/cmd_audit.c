/*
 * cmd_audit: `dogwatch audit ls|verify`: who asked for what over the HTTP API, and whether every line stands as it was written.
 */
#include "cli_int.h"

#include "dogwatch/collect/audit.h"

#include <stdio.h>

static void say_problem(void *arg, uint64_t line, const char *what)
{
    (void)fprintf(arg, "PROBLEM  line %llu %s\n", (unsigned long long)line + 1, what);
}

static void print_line(void *arg, struct dw_str line)
{
    (void)arg;
    (void)fwrite(line.ptr, 1, line.len, stdout);
    (void)fputc('\n', stdout);
}

static int read_it(const struct cli_options *o, bool verify)
{
    struct dw_audit_result r;
    struct dw_audit_read how = {.fs = &dw_fs_system, .data = o->data, .problem = say_problem, .each = verify ? NULL : print_line,
        .arg = verify ? stdout : stderr};
    int err = dw_audit_read(&how, &r);
    if (err < 0) {
        (void)fprintf(stderr, "dogwatch audit: %s/audit/audit.log: %s\n", o->data, dw_err_text(err));
        if (err == DW_ENOENT)
            (void)fprintf(stderr, "  the collector makes one when it starts; --data or DOGWATCH_DATA tells where\n");
        return CLI_CANNOT;
    }
    if (verify)
        (void)printf("%s  %llu lines, the last has hash %s\n  not excluded without that number and hash held elsewhere: that the end was cut off, or all of it made anew\n",
            r.problems ? "NOT OK" : "ok", (unsigned long long)r.lines, r.hash);
    return r.problems ? CLI_NO : CLI_YES;
}

int cmd_audit(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count == 1 && strcmp(o.rest[0], "ls") == 0)
        return read_it(&o, false);
    if (o.rest_count == 1 && strcmp(o.rest[0], "verify") == 0)
        return read_it(&o, true);
    (void)fprintf(stderr, "usage: dogwatch audit %s\n", cli_arguments("audit"));
    return CLI_USAGE;
}
