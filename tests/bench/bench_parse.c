/* bench_parse: `dogwatch parse` as a program of its own, for scores and timing. */
#include "../../cli/cmd.h"

int main(int argc, char **argv)
{
    return cmd_parse(argc, argv);
}
