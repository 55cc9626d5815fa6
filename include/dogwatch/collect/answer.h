/*
 * What commands and the HTTP API answer alike: rows of queries, alerts with a filter, accounts made of an archive.
 *
 * Thread: each object belongs to one thread.
 */
#ifndef DOGWATCH_COLLECT_ANSWER_H
#define DOGWATCH_COLLECT_ANSWER_H

#include "dogwatch/collect/account.h"
#include "dogwatch/collect/alerts.h"
#include "dogwatch/collect/query.h"

/* A query's row as one JSON object and a newline: of a table its columns, else the whole event. */
void dw_answer_row(const struct dw_keys *keys, const struct dw_query *q, const struct dw_event *row, uint8_t mark, struct dw_buf *out);

/* The finding with what people said of it under `workflow`, and a newline. `silence`: the id of the one it falls under, or NULL. */
void dw_answer_alert(const struct dw_alert *a, const char *silence, struct dw_buf *out);

/* Gives every frame of an archive to an account. `problem` is told of each part that cannot be read; the rest is still counted, and what is
 * missing shows as unaccounted. `stop` (may be NULL) is asked before each frame. DW_ENOMEM; DW_EAGAIN: it was stopped. */
struct dw_answer_account {
    struct dw_archive_reader *reader;
    struct dw_account *account;
    struct dw_keys *keys;
    void (*problem)(void *arg, const char *where, int rc);
    bool (*stop)(void *arg);
    void *arg;
};
DW_MUST_USE int dw_answer_account(const struct dw_answer_account *how);

/* One stream's bytes as the ledger shows them: read = archived + declared + pending + unaccounted. */
struct dw_ledger_row {
    const char *host, *path, *state; /* "live", "ended", "lost" */
    uint64_t read, archived, declared, pending, unaccounted, again;
};
void dw_ledger_row_of(const struct dw_account_stream *s, struct dw_ledger_row *ret);
/* "new", "pinned", "approved". */
const char *dw_agent_state_text(enum dw_agent_state s);

#endif
