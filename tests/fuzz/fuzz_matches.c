/* Fuzz: bytes as a batch of matches of another collector. What is taken can be advanced over, and taken again without effect. */
#include "support.h"
#include "windows.h"

#include "dogwatch/correlate/matches.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ud, const struct dw_finding *f)
{
    (void)ud;
    (void)f;
}

static struct dw_ruleset *rules(void)
{
    static struct dw_ruleset *rs;
    if (rs)
        return rs;
    rs = dw_ruleset_new(dw_keys_new(), &(struct dw_ruleset_opts){.places = &windows_places});
    int rc = dw_ruleset_add(rs, "w.yml", dw_str_of(windows_rules), (struct dw_diag_sink){0});
    if (rc == DW_OK)
        rc = dw_ruleset_finish(rs, (struct dw_diag_sink){0});
    DW_ASSERT(rc == DW_OK && dw_ruleset_count(rs) == WINDOWS_RULES);
    return rs;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_window *w = dw_window_new(rules(), NULL);
    struct dw_match_marks marks = {0}, again = {0};
    struct dw_buf saved = {0}, once = {0}, twice = {0};
    struct dw_str batch = dw_str_make((const char *)data, size);
    int rc = dw_window_take_matches(w, batch, &marks);
    DW_ASSERT(rc == DW_OK || (rc == DW_ECORRUPT && marks.count == 0));
    dw_window_save(w, &once);
    int second = rc == DW_OK ? dw_window_take_matches(w, batch, &marks) : rc;
    DW_ASSERT(second == rc);
    dw_window_save(w, &twice);
    DW_ASSERT(once.len == twice.len && memcmp(once.ptr, twice.ptr, once.len) == 0);
    dw_match_marks_save(&marks, &saved);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&saved));
    rc = dw_match_marks_load(&again, &c);
    DW_ASSERT(rc == DW_OK && again.count == marks.count);
    rc = dw_window_advance(w, INT64_MAX, ignore, NULL);
    DW_ASSERT(rc == DW_OK);
    dw_match_marks_fini(&marks);
    dw_match_marks_fini(&again);
    dw_buf_fini(&saved);
    dw_buf_fini(&once);
    dw_buf_fini(&twice);
    dw_window_free(w);
    return 0;
}
