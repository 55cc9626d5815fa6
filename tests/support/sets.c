/* sets: see sets.h. */
#include "sets.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/str.h"

#include <string.h>

bool sets_ask(int argc, char **argv, const char *most, struct sets_asked *ret)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        struct dw_str value = dw_str_of(argv[i + 1]);
        bool number;
        if (strcmp(argv[i], "--seed") == 0 && dw_str_eq(value, DW_STR("random")))
            number = dw_rng_bytes((uint8_t *)&ret->seed, 4) == DW_OK;
        else if (strcmp(argv[i], "--seed") == 0)
            number = dw_str_u64(value, &ret->seed);
        else if (strcmp(argv[i], most) == 0)
            number = dw_str_u64(value, &ret->most);
        else if (strcmp(argv[i], "--set") == 0)
            number = ret->one = dw_str_u64(value, &ret->seed);
        else
            return false;
        if (!number)
            return false;
    }
    return argc % 2 == 1;
}

void sets_shuffle(struct dw_rng *rng, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count; i > 1; i--) {
        uint32_t k = (uint32_t)dw_rng_below(rng, i), t = order[i - 1];
        order[i - 1] = order[k];
        order[k] = t;
    }
}
