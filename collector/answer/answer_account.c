/*
 * answer_account: the account of an archive, made by the code that the collector uses while it takes frames.
 */
#include "dogwatch/collect/answer.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

/* Segments before were let go. */
static int take_state(void *account, struct dw_str state)
{
    struct dw_cursor c = dw_cursor_of(state);
    return dw_account_load(account, &c, 0);
}

int dw_answer_account(const struct dw_answer_account *how)
{
    struct dw_archived a;
    struct dw_decoder *d = dw_decoder_new(how->keys);
    uint8_t *mark = dw_calloc(DW_FRAME_EVENTS_MAX, 1), *none = dw_calloc(DW_FRAME_EVENTS_MAX, 1);
    int rc = d && mark && none ? DW_OK : DW_ENOMEM;
    bool stopped = false;
    dw_archive_reader_states(how->reader, take_state, how->account);
    while (rc == DW_OK && !(stopped = how->stop && how->stop(how->arg)) && (rc = dw_archive_reader_next(how->reader, &a)) != DW_EAGAIN) {
        bool marked;
        if (rc == DW_ENOMEM)
            break;
        if (rc < 0) {
            how->problem(how->arg, dw_archive_reader_where(how->reader), rc);
            rc = DW_OK;
            continue;
        }
        dw_account_arrival(how->account, a.intake.source, a.intake.arrival_ns, a.intake.arrival_ns);
        dw_account_fill_chain(how->account, &a.frame, a.has_previous, d);
        rc = dw_account_take(how->account, &a.frame, a.mark ? a.mark : none, mark, &marked);
    }
    dw_decoder_free(d);
    dw_free(mark);
    dw_free(none);
    return stopped ? DW_EAGAIN : rc == DW_EAGAIN ? DW_OK : rc;
}

void dw_ledger_row_of(const struct dw_account_stream *s, struct dw_ledger_row *ret)
{
    uint64_t have = s->archived + s->declared, read = s->read > have ? s->read : have;
    uint64_t pending = s->read > s->pending && s->read > have ? (s->pending < read - have ? s->pending : read - have) : 0;
    *ret = (struct dw_ledger_row){.host = s->host ? s->host : "", .path = s->path ? s->path : "?",
        .state = s->lost ? "lost" : s->ended ? "ended" : "live", .read = read, .archived = s->archived, .declared = s->declared,
        .pending = pending, .unaccounted = read - have - pending, .again = s->duplicate};
}

const char *dw_agent_state_text(enum dw_agent_state s)
{
    static const char *const texts[] = {[DW_AGENT_NEW] = "new", [DW_AGENT_PINNED] = "pinned", [DW_AGENT_APPROVED] = "approved"};
    DW_ASSERT(s < DW_COUNT_OF(texts));
    return texts[s];
}
