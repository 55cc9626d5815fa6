/*
 * cli_main: `dogwatch`: from the first word to its command.
 *
 * Results go to stdout, everything else to stderr. Exit codes: 0 yes · 1 the answer is no · 2 usage, configuration or rule mistake ·
 * 3 it could not be done.
 */
#include "cli_int.h"

#include "dogwatch/base/diag.h"
#include "dogwatch/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

static const struct {
    const char *word;
    int (*run)(int argc, char **argv);
    const char *arguments, *summary;
} commands[] = {
#define COMMAND(word, function, arguments, summary) {#word, function, arguments, summary},
#include "dogwatch/tbl/commands.h"
#undef COMMAND
};

static void print_help(FILE *to)
{
    (void)fprintf(to, "dogwatch " DW_VERSION ": watches containers' logs, keeps every byte, proves what it says\n\nusage: dogwatch COMMAND ...\n\n");
    for (size_t i = 0; i < DW_COUNT_OF(commands); i++)
        (void)fprintf(to, "  %-9s %s\n", commands[i].word, commands[i].summary);
    (void)fprintf(to, "\n  dogwatch COMMAND --help    its arguments\n  dogwatch up                to begin\n");
}

static int unknown(const char *word)
{
    const char *names[DW_COUNT_OF(commands)];
    for (size_t i = 0; i < DW_COUNT_OF(commands); i++)
        names[i] = commands[i].word;
    const char *near = dw_nearest(dw_str_of(word), names, DW_COUNT_OF(commands));
    (void)fprintf(stderr, "dogwatch: no command '%s'%s%s%s\n", word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    print_help(stderr);
    return CLI_USAGE;
}

const char *cli_arguments(const char *word)
{
    for (size_t i = 0; i < DW_COUNT_OF(commands); i++)
        if (strcmp(word, commands[i].word) == 0)
            return commands[i].arguments;
    return "";
}

/* What was asked for must have been written: a full disk or a closed pipe is not a yes. */
static int run(size_t index, int argc, char **argv)
{
    int rc = commands[index].run(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return rc;
    (void)fprintf(stderr, "dogwatch: the output could not be written: %s\n", strerror(errno)); /* NOLINT(concurrency-mt-unsafe): one thread */
    return CLI_CANNOT;
}

int main(int argc, char **argv)
{
    dw_log_setup("dogwatch", DW_LOG_INFO);
    (void)signal(SIGPIPE, SIG_DFL);
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return CLI_YES;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("dogwatch " DW_VERSION "\n");
        return CLI_YES;
    }
    for (size_t i = 0; i < DW_COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i].word) != 0)
            continue;
        for (int k = 2; k < argc; k++) {
            if (strcmp(argv[k], "--help") != 0 && strcmp(argv[k], "-h") != 0)
                continue;
            if (commands[i].run == cmd_rules)
                rules_help(argv[2]); /* its words have a table of their own */
            else
                (void)printf("usage: dogwatch %s %s\n\n%s\n", commands[i].word, commands[i].arguments, commands[i].summary);
            return CLI_YES;
        }
        return run(i, argc - 1, argv + 1);
    }
    return unknown(argv[1]);
}
