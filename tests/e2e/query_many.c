/*
 * query_many: many answers of `dogwatch query` from one process, for tests that ask very many: query_many DATA
 *
 *     standard input    a line each: the memory its pipes may hold, a tab, the query
 *     standard output   its answer as NDJSON, then the byte 1e, the exit code and a newline
 *
 * The command itself is called, argument by argument as main() does, so what is compared is what people get; only the start of a process
 * for each query is saved.
 */
#include "../../cli/cli_int.h"

#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 16 };

/* What cli_main.c, which has the other main(), says of a command. */
const char *cli_arguments(const char *word)
{
#define COMMAND(command, function, arguments, summary) \
    if (strcmp(word, #command) == 0) \
        return arguments;
#include "dogwatch/tbl/commands.h"
#undef COMMAND
    return "";
}

int main(int argc, char **argv)
{
    char *line = argc == 2 ? dw_alloc(LINE_MAX_BYTES) : NULL;
    if (!line)
        return 2;
    while (fgets(line, LINE_MAX_BYTES, stdin)) {
        char *query = strchr(line, '\t');
        if (!query)
            return 2;
        *query++ = '\0';
        query[strcspn(query, "\n")] = '\0';
        char *args[] = {"query", query, "--data", argv[1], "--output", "ndjson", "--memory", line, NULL};
        int rc = cmd_query(8, args);
        (void)printf("\x1e%d\n", rc);
        (void)fflush(stdout);
    }
    dw_free(line);
    return 0;
}
