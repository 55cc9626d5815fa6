/*
 * What the files of `dogwatch policy` share.
 */
#ifndef DOGWATCH_CLI_CMD_POLICY_H
#define DOGWATCH_CLI_CMD_POLICY_H

#include "cmd_alert.h"

#include "dogwatch/collect/policy.h"

/* Settings and list, as DATA and a configuration have them. */
struct cli_policy {
    const struct cli_options *o;
    struct dw_policy_settings *settings;
    struct dw_policy_list *list;
};
/* Reads them; without `proposals` the archive is left alone. What is wrong is said. Answers the exit code; cli_policy_close in any case. */
DW_MUST_USE int cli_policy_open(struct cli_policy *p, const struct cli_options *o, bool proposals);
void cli_policy_close(struct cli_policy *p);
/* The entry whose id begins so; CLI_NO, and said: none does, or several. */
DW_MUST_USE int cli_policy_find(const struct cli_policy *p, const char *id, struct dw_policy_entry **ret);
/* For dw_policy_ask and dw_policy_impact_ask: says it on stderr. */
void cli_policy_problem(void *arg, const char *where, int rc);

/* `approve ID`, `rollback ID`: asks the collector, and waits for it if it runs. Answers the exit code. */
int cli_policy_decide(const struct cli_options *o, bool rolls_back);
/* `TARGET --dry-run`: a row for each entry that would be printed. Answers the exit code. */
int cli_policy_impact(const struct cli_options *o);

/* ---- the same of a server (remote_policy.c) ---- */

int remote_policy_print(const struct cli_options *o, const char *target);
int remote_policy_decide(const struct cli_options *o, bool rolls_back);
int remote_policy_impact(const struct cli_options *o);
/* The active entries alone: id, address and end. The caller frees *ret, which is given in any case but without memory. */
DW_MUST_USE int remote_policy_active(const struct cli_options *o, struct dw_policy_list **ret);
/* The table of a dry run, begun; one row as a server tells it has these members. */
struct cli_table cli_policy_impact_table(const struct cli_options *o);

#endif
