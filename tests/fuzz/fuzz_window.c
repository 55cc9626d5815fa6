/* Fuzz: bytes as a snapshot of windows. What loads can be saved, loaded again, and run on. */
#include "support.h"
#include "windows.h"

#include "dogwatch/correlate/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ud, const struct dw_finding *f)
{
    struct dw_buf out = {0};
    dw_finding_json(ud, f, &out);
    dw_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_keys *keys;
    static struct dw_ruleset *rs;
    if (!rs) { /* once: the rules never change */
        keys = dw_keys_new();
        rs = dw_ruleset_new(keys, &(struct dw_ruleset_opts){.places = &windows_places});
        int rc = dw_ruleset_add(rs, "w.yml", dw_str_of(windows_rules), (struct dw_diag_sink){0});
        if (rc == DW_OK)
            rc = dw_ruleset_finish(rs, (struct dw_diag_sink){0});
        DW_ASSERT(rc == DW_OK && dw_ruleset_count(rs) == WINDOWS_RULES);
    }
    struct dw_window *w = dw_window_new(rs, NULL), *again = dw_window_new(rs, NULL);
    struct dw_buf saved = {0};
    if (dw_window_load(w, dw_str_make((const char *)data, size)) == DW_OK) {
        dw_window_save(w, &saved);
        int rc = dw_window_load(again, dw_buf_view(&saved));
        DW_ASSERT(rc == DW_OK);
        rc = dw_window_flush(w, ignore, rs);
        DW_ASSERT(rc == DW_OK);
        rc = dw_window_advance(w, INT64_MAX, ignore, rs); /* what waits for its time */
        DW_ASSERT(rc == DW_OK);
    }
    dw_buf_fini(&saved);
    dw_window_free(w);
    dw_window_free(again);
    return 0;
}
