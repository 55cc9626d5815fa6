/*
 * What the files of `dogwatch archive` share.
 */
#ifndef DOGWATCH_CLI_CMD_ARCHIVE_H
#define DOGWATCH_CLI_CMD_ARCHIVE_H

#include "cli_int.h"

/* `archive holds|hold|release|expire|export|log`. Answers the exit code. */
int cmd_archive_keep(struct cli_options *o);

#endif
