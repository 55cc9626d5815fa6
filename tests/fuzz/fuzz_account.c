/* Fuzz: bytes as a saved account, as places in the queue behind it, and as what was told of undecided verdicts. What loads is saved as it was loaded,
 * and tells what it knows. */
#include "support.h"

#include "../../collector/ingest/places.h"
#include "../../collector/ingest/undecided.h"

#include "dogwatch/collect/account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say(void *arg, const struct dw_problem *p)
{
    (void)arg;
    DW_ASSERT(p->text && p->cause);
}

/* What can be asked of any account. */
static void ask(const struct dw_account *a)
{
    struct dw_decision d;
    struct dw_chain chain;
    for (const struct dw_account_stream *s = NULL; (s = dw_account_next(a, s));)
        (void)dw_account_is_heard(a, s->id, 0);
    for (const struct dw_account_agent *g = NULL; (g = dw_account_next_agent(a, g));)
        DW_ASSERT(memchr(g->host, 0, sizeof g->host));
    (void)dw_account_all_closed(a);
    (void)dw_account_low_water(a);
    (void)dw_account_unheard(a, INT64_MAX, &d);
    dw_account_chain(a, &chain);
}

static void try_places(struct dw_cursor *c)
{
    struct dw__places p = {0};
    if (dw__places_load(&p, c) == DW_OK) {
        struct dw_buf saved = {0};
        (void)dw__places_here(&p);
        dw__places_save(&p, &saved);
        dw_buf_fini(&saved);
    }
    dw__places_fini(&p);
}

static void try_undecided(struct dw_str bytes)
{
    struct dw__undecided u = {0};
    if (dw__undecided_load(&u, bytes) == DW_OK) {
        const struct dw_event ev = {.time_ns = 1};
        struct dw_buf saved = {0}, other = {0};
        bool tell, last;
        dw__undecided_save(&u, &saved);
        int rc = dw__undecided_load(&u, dw_buf_view(&saved));
        DW_ASSERT(rc == DW_OK);
        dw__undecided_save(&u, &other);
        DW_ASSERT(dw_str_eq(dw_buf_view(&saved), dw_buf_view(&other)));
        rc = dw__undecided_note(&u, DW_STR("r"), &ev, INT64_MAX, &tell, &last);
        DW_ASSERT(rc == DW_OK && tell);
        dw_buf_fini(&saved);
        dw_buf_fini(&other);
    }
    dw__undecided_fini(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dw_account_bounds bounds = {.streams = 64, .epochs = 64, .ranges = 4096};
    static struct dw_account *a, *again;
    if (!a) { /* once: each is 10 MB */
        a = dw_account_new(&bounds, say, NULL);
        again = dw_account_new(&bounds, say, NULL);
        DW_ASSERT(a && again);
    }
    struct dw_cursor c = dw_cursor_of(dw_str_make((const char *)data, size));
    try_undecided(dw_str_make((const char *)data, size));
    if (dw_account_load(a, &c, 7) == DW_OK) {
        struct dw_buf saved = {0}, other = {0};
        ask(a);
        dw_account_save(a, &saved);
        struct dw_cursor again_c = dw_cursor_of(dw_buf_view(&saved));
        int rc = dw_account_load(again, &again_c, 7);
        DW_ASSERT(rc == DW_OK && dw_cursor_left(&again_c) == 0);
        dw_account_save(again, &other);
        DW_ASSERT(dw_str_eq(dw_buf_view(&saved), dw_buf_view(&other)));
        dw_buf_fini(&saved);
        dw_buf_fini(&other);
        try_places(&c);
    }
    return 0;
}
