/* Fuzz: lines as the records of an agent's chain and of the collector's. Whatever they say, two accounts of them are equal, and the
 * low-water mark is one that was stated. */
#include "support.h"

#include "dogwatch/collect/account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STATED = 4711 };

static void hear(void *arg, const struct dw_problem *p)
{
    dw_buf_printf(arg, "%d %lld %s %s\n", (int)p->kind, (long long)p->time_ns, p->cause, p->text);
}

/* One line one record: those that begin with a blank are decisions. */
static void take_all(struct dw_str text, struct dw_buf *said)
{
    static const struct dw_account_bounds few = {.streams = 3, .epochs = 2, .ranges = 12};
    struct dw_account *a = dw_account_new(&few, hear, said);
    uint8_t mark[1];
    uint64_t number[2] = {0, 0};
    DW_ASSERT(a);
    while (text.len) {
        struct dw_str line = dw_str_cut(&text, '\n');
        bool own = line.len && line.ptr[0] == ' ', marked;
        struct dw_decoded f = {.head = {.kind = DW_FRAME_RECORD, .epoch.counter = 1, .number = number[own]++, .low_water_ns = STATED,
                                   .time_max_ns = 5}, .record = line};
        struct dw_decision d;
        struct dw_parent p;
        f.head.agent[0] = own ? 0 : 7;
        int rc = dw_account_take(a, &f, NULL, mark, &marked);
        DW_ASSERT(rc == DW_OK && !marked);
        if (dw_decision_read(line, &d) == DW_OK && d.kind != DW_DECISION_OTHER) {
            struct dw_decision again;
            struct dw_buf json = {0};
            dw_decision_write(&d, &json);
            rc = dw_decision_read(dw_buf_view(&json), &again);
            DW_ASSERT(rc == DW_OK && again.kind == d.kind);
            dw_buf_fini(&json);
        }
        rc = dw_parent_read(line, &p);
        DW_ASSERT(rc == DW_OK || !p.named);
    }
    int64_t low = dw_account_low_water(a);
    DW_ASSERT(low == STATED || low == INT64_MAX);
    dw_account_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_buf first = {0}, second = {0};
    take_all(dw_str_make((const char *)data, size), &first);
    take_all(dw_str_make((const char *)data, size), &second);
    DW_ASSERT(dw_str_eq(dw_buf_view(&first), dw_buf_view(&second)));
    dw_buf_fini(&first);
    dw_buf_fini(&second);
    return 0;
}
