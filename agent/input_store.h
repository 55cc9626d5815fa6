/*
 * Where what was received waits: files that the agent reads like any other log, and deletes when every byte of them is acknowledged.
 *
 * Thread: loop.
 */
#ifndef DOGWATCH_AGENT_INPUT_STORE_H
#define DOGWATCH_AGENT_INPUT_STORE_H

#include "dogwatch/base/fs.h"

struct agent;
struct store;
#define STORE_PLACE "journald"

struct store_log; /* the files of one input; the store's */

/* Opens DATA/agent/inputs; what earlier starts left there is read on. DW_ENOMEM, codes of dw_fs_list. */
DW_MUST_USE int store_open(const struct dw_fs *fs, const char *agent_dir, uint64_t limit_bytes, struct store **ret);
void store_free(struct store *s);
/* Begins the file NAME.log; its newest line stays on disk, acknowledged or not, if NAME begins with STORE_PLACE: it is the place to go on from. open_max: how many are begun in all, so that none takes all the room. DW_ENOMEM, codes of dw_fs_open. */
DW_MUST_USE int store_begin(struct store *s, const char *name, uint32_t open_max, struct store_log **ret);
/* Appends the last whole lines that earlier starts wrote to NAME.log. What stands behind them, torn, is taken away: it comes again. Before store_begin. */
DW_MUST_USE int store_resume(struct store *s, const char *name, struct dw_buf *lines);
/* Whether there is room for more, and the last write did not fail just now. */
bool store_has_room(const struct store *s);
/* Appends whole lines in one write: all of them are in the file, or none is and the code says why. */
DW_MUST_USE int store_put(struct store_log *l, struct dw_str lines);
/* Deletes what is acknowledged. */
void store_sweep(struct store *s, struct agent *a);
const char *store_log_path(const struct store_log *l);

#endif
