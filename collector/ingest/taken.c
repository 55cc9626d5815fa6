/*
 * taken: the chains that other collectors of the group had come to know, as the archive's own decisions say.
 *
 * Idea: a part that was taken stands in the archive before the first frame that rests on it. So whoever finds that frames are not here needs nothing but the archive to tell
 * what went on elsewhere from what was taken away.
 *
 * Invariant: (1) What an account would not have taken vouches for nothing.
 */
#include "dogwatch/collect/taken.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/account.h"
#include "dogwatch/collect/decision.h"

struct taking {
    struct dw_elsewhere *to;
    struct dw_buf part; /* pieces so far */
    uint64_t intake;    /* of the decision in hand */
};

static bool is_own(void *arg, const struct dw_head *head)
{
    (void)arg;
    return dw_is_collector(head->agent);
}

static int add(void *arg, const struct dw_chain_head *k, const uint8_t *key)
{
    const struct taking *t = arg;
    return dw_elsewhere_add(t->to, k, key, t->intake);
}

static int take(struct taking *t, const struct dw_archived *a)
{
    struct dw_decision d;
    if (dw_decision_read(a->frame.record, &d) < 0 || d.kind != DW_DECISION_TAKEN)
        return DW_OK;
    t->intake = a->intake.number;
    int rc = dw_decision_piece(&d, &t->part);
    if (rc == DW_OK) {
        rc = dw_account_part_chains(dw_buf_view(&t->part), add, t);
        dw_buf_fini(&t->part);
    }
    return rc == DW_ENOMEM ? rc : DW_OK;
}

int dw_taken_read(const struct dw_fs *fs, const char *dir, struct dw_elsewhere *e)
{
    struct taking t = {.to = e};
    struct dw_archive_reader *reader = NULL;
    struct dw_archived a;
    struct dw_keys *keys = dw_keys_new();
    int rc = keys ? dw_archive_reader_open(fs, dir, keys, &reader) : DW_ENOMEM;
    if (rc == DW_OK)
        dw_archive_reader_heads(reader, is_own, NULL);
    while (rc == DW_OK) {
        rc = dw_archive_reader_next(reader, &a);
        bool own = rc == DW_OK && !a.passed && is_own(NULL, &a.frame.head);
        if (own)
            rc = take(&t, &a);
        else if (rc != DW_EAGAIN && rc != DW_ENOMEM)
            rc = DW_OK; /* what cannot be read vouches for nothing */
    }
    dw_archive_reader_close(reader);
    dw_keys_free(keys);
    dw_buf_fini(&t.part);
    return rc == DW_EAGAIN ? DW_OK : rc;
}
