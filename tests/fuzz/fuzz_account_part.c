/* Fuzz: bytes as a part of an account. What is refused changes nothing; what is taken changes nothing of another source that it does not name, is
 * saved as what it was taken for, and the account says what it knows. */
#include "parts.h"
#include "support.h"

#include "dogwatch/collect/account.h"

enum { MINE = 7, OTHERS = 8 };

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
    for (const struct dw_account_stream *s = NULL; (s = dw_account_next(a, s));)
        (void)dw_account_is_heard(a, s->id, 0);
    for (const struct dw_account_agent *g = NULL; (g = dw_account_next_agent(a, g));)
        DW_ASSERT(memchr(g->host, 0, sizeof g->host));
    (void)dw_account_all_closed(a);
    (void)dw_account_unheard(a, INT64_MAX, &d);
    DW_ASSERT(dw_account_low_water(a) <= dw_account_part_low_water(a, MINE));
}

static void save(const struct dw_account *a, struct dw_buf *out)
{
    dw_buf_reset(out);
    dw_account_save(a, out);
    DW_ASSERT(out->err == DW_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dw_account_bounds bounds = {.streams = 64, .epochs = 64, .ranges = 4096};
    static struct dw_account *a, *again;
    struct dw_str part = dw_str_make((const char *)data, size);
    struct dw_buf saved = {0}, other = {0};
    if (!a) { /* once: each is 10 MB */
        a = dw_account_new(&bounds, say, NULL);
        again = dw_account_new(&bounds, say, NULL);
        DW_ASSERT(a && again);
    }
    part_forget(a, MINE);
    part_forget(a, OTHERS);
    save(a, &saved);
    int rc = dw_account_part_take(a, MINE, part, 7);
    if (rc < 0) {
        save(a, &other);
        DW_ASSERT(dw_str_eq(dw_buf_view(&saved), dw_buf_view(&other)));
    } else {
        ask(a);
        dw_buf_reset(&saved);
        dw_account_part_save(a, MINE, &saved);
        rc = dw_account_part_take(again, OTHERS, dw_buf_view(&saved), 7);
        DW_ASSERT(rc == DW_OK);
        rc = dw_account_part_take(a, OTHERS, dw_buf_view(&saved), 7); /* it moves */
        DW_ASSERT(rc == DW_OK && dw_account_part_low_water(a, MINE) == INT64_MAX);
        DW_ASSERT(dw_account_part_low_water(a, OTHERS) == dw_account_part_low_water(again, OTHERS));
        part_forget(again, OTHERS);
        ask(a);
    }
    dw_buf_fini(&saved);
    dw_buf_fini(&other);
    return 0;
}
