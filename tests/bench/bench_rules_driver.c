/* `rules ...` as a program of its own, for scoring before the `dogwatch` command stands. */
#include "../../cli/cmd.h"

int main(int argc, char **argv)
{
    return cmd_rules(argc, argv);
}
