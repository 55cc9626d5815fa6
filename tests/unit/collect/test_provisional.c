/* Tests of the stream of provisional alerts (collector/alert/provisional.c), and of what outputs make of it. */
#include "outputs_bed.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/collect/provisional.h"
#include "dogwatch/base/error.h"
#include "dogwatch/collect/raised.h"

/* A line of the stream. */
static void make_line(struct dw_buf *out, const char *id, const char *state, int64_t time_ns)
{
    char doc[320];
    (void)snprintf(doc, sizeof doc, "{\"event\":{\"id\":\"%s\"},\"rule\":{\"id\":\"r\",\"level\":\"high\"},\"key\":{\"state\":\"raised\"},\"source\":{\"ip\":\"203.0.113.9\"},\"provisional\":{\"state\":\"%s\"}}", id, state);
    struct dw_alert a = {.id = id, .rule = "r", .title = "A title", .level = "high", .time_ns = time_ns, .key = DW_STR("source.ip=203.0.113.9"), .total = 3, .doc = dw_str_of(doc)};
    dw_buf_reset(out);
    dw_raised_line(&a, out);
    assert_int_equal(out->err, DW_OK);
    out->len--;
}

static void note(void *arg, const struct dw_alert *a)
{
    const char *state = dw_provisional_text(dw_provisional_state_of(a->doc));
    assert_string_equal(a->said[DW_ALERT_status], state);
    dw_buf_printf(arg, "%s=%s ", a->id, state);
}

static void assert_stream(const char *dir, const char *want)
{
    struct dw_buf all = {0};
    int rc = dw_provisional_each(&dw_fs_system, dir, note, &all);
    assert_int_equal(rc, DW_OK);
    assert_str(dw_str_make(all.ptr ? all.ptr : "", all.len), want);
    dw_buf_fini(&all);
}

static void note_line(void *arg, struct dw_str line)
{
    dw_buf_str(arg, line);
    dw_buf_byte(arg, '\n');
}

static void add(struct dw_provisional_log *l, const char *id, const char *state)
{
    struct dw_buf line = {0};
    make_line(&line, id, state, BED_NOW_NS);
    assert_int_equal(dw_provisional_add(l, dw_buf_view(&line)), DW_OK);
    dw_buf_fini(&line);
}

static void withdraw(const char *dir, struct dw_buf *told)
{
    struct dw_provisional_log *l = dw_provisional_new(&dw_fs_system, dir);
    dw_buf_reset(told);
    assert_non_null(l);
    assert_int_equal(dw_provisional_withdraw(l, note_line, told), DW_OK);
    dw_provisional_free(l);
}

static void the_newest_line_of_each_counts_and_a_start_withdraws_what_stands(void **state)
{
    (void)state;
    const char *dir = temp_dir();
    struct dw_provisional_log *l = dw_provisional_new(&dw_fs_system, dir);
    struct dw_buf gone = {0}, line = {0};
    char path[600], before[600];
    assert_int_equal(dw_provisional_each(&dw_fs_system, dir, note, &gone), DW_ENOENT);
    withdraw(dir, &gone);
    assert_int_equal(gone.len, 0);
    add(l, "p1", "raised");
    add(l, "p2", "raised");
    add(l, "p1", "confirmed");
    add(l, "p3", "raised");
    add(l, "p3", "withdrawn");
    dw_provisional_free(l);
    assert_stream(dir, "p1=confirmed p2=raised p3=withdrawn ");

    (void)snprintf(path, sizeof path, "%s/provisional.log", dir);
    (void)snprintf(before, sizeof before, "%s/provisional.log.1", dir);
    assert_int_equal(rename(path, before), 0); /* it was about to begin the next */
    assert_stream(dir, "p1=confirmed p2=raised p3=withdrawn ");
    assert_int_equal(rename(before, path), 0);
    FILE *f = fopen(path, "a"); /* a collector that was ended in the middle of a line, and lines of nobody */
    assert_non_null(f);
    assert_true(fputs("no alert\n{\"type\":\"raised\"}\n{\"type\":\"rai", f) >= 0);
    assert_int_equal(fclose(f), 0);
    withdraw(dir, &gone);
    make_line(&line, "p2", "withdrawn", BED_NOW_NS);
    dw_buf_byte(&line, '\n');
    assert_true(dw_str_eq(dw_buf_view(&gone), dw_buf_view(&line)));
    assert_stream(dir, "p1=confirmed p2=withdrawn p3=withdrawn ");
    withdraw(dir, &gone); /* once */
    assert_int_equal(gone.len, 0);
    dw_buf_fini(&gone);
    dw_buf_fini(&line);
    temp_dir_remove(dir);
}

static void the_stream_is_bounded(void **state)
{
    (void)state;
    enum { LINES = 60000 };
    const char *dir = temp_dir();
    struct dw_provisional_log *l = dw_provisional_new(&dw_fs_system, dir);
    struct dw_stat st;
    char path[600];
    uint64_t all = 0;
    for (int i = 0; i < LINES; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "p%d", i);
        add(l, id, "raised");
    }
    dw_provisional_free(l);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/provisional.log%s", dir, i ? ".1" : "");
        assert_int_equal(dw_fs_stat(path, &st), DW_OK);
        assert_in_range(st.size_bytes, 1, DW_PROVISIONAL_LOG_MAX + 4096);
        all += st.size_bytes;
    }
    assert_true(all > DW_PROVISIONAL_LOG_MAX);
    temp_dir_remove(dir);
}

static bool has_line(const struct dw_buf *lines, const char *id)
{
    char quoted[32];
    (void)snprintf(quoted, sizeof quoted, "\"id\":\"%s\"", id);
    return dw_str_find(dw_buf_view(lines), dw_str_of(quoted)) < lines->len;
}

/* Goal:   a failing call costs a line at most, never one of before, and the next goes well; what stands is told to be withdrawn whatever becomes of the file.
 * Method: two stand; one is ended, two others come, over the bound of the file. */
static void the_stream_survives_each_failing_call(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        const char *dir = temp_dir();
        struct faulty_fs fs;
        struct dw_provisional_log *l = dw_provisional_new(&dw_fs_system, dir);
        struct dw_buf line = {0}, told = {0}, all = {0};
        char path[600];
        uint32_t written = 0;
        assert_true(nth < 1000);
        add(l, "p1", "raised");
        add(l, "p2", "raised");
        dw_provisional_free(l);
        (void)snprintf(path, sizeof path, "%s/provisional.log", dir);
        assert_int_equal(truncate(path, DW_PROVISIONAL_LOG_MAX), 0); /* zeros that are no line: it is full */
        faulty_fs_init(&fs, nth, FAULT_EIO);
        l = dw_provisional_new(&fs.fs, dir);
        int rc = dw_provisional_withdraw(l, note_line, &told);
        for (int i = 3; i < 6; i++) {
            char id[16];
            (void)snprintf(id, sizeof id, "p%d", i);
            make_line(&line, id, "confirmed", BED_NOW_NS);
            written += dw_provisional_add(l, dw_buf_view(&line)) == DW_OK;
        }
        dw_provisional_free(l);
        const bool hit = rc < 0 || written < 3;
        assert_true(written >= 2); /* there is one failure, and it costs one line */
        assert_int_equal(has_line(&told, "p1") && has_line(&told, "p2"), rc == DW_OK || told.len > 0);
        assert_int_equal(dw_provisional_each(&dw_fs_system, dir, note, &all), DW_OK);
        dw_buf_byte(&all, 0);
        assert_true(strstr(all.ptr, "p1=") && strstr(all.ptr, "p2="));
        if (!hit)
            assert_string_equal(all.ptr, "p1=withdrawn p2=withdrawn p3=confirmed p4=confirmed p5=confirmed ");
        dw_buf_fini(&all);
        dw_buf_fini(&line);
        dw_buf_fini(&told);
        temp_dir_remove(dir);
        if (!hit)
            break;
    }
}

/* ---- outputs ---- */

static void give(struct outputs_bed *b, const char *id, const char *state)
{
    struct dw_buf line = {0};
    struct dw_notify n = {.output = &b->output, .count = 1};
    b->output.running = true;
    make_line(&line, id, state, b->now_ns);
    dw_notify_provisional(&n, dw_buf_view(&line));
    b->output.running = false;
    dw_buf_fini(&line);
}

static void assert_sent(struct outputs_bed *b, const char *want)
{
    assert_str(dw_str_make(b->sent.ptr ? b->sent.ptr : "", b->sent.len), want);
}

static void an_output_that_asks_is_told_of_each_state(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    assert_int_equal(bed_start(&b), DW_OK);
    give(&b, "p1", "raised");
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, ""); /* it did not ask */
    b.opt.provisional = true;
    give(&b, "p1", "raised");
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "p1.raised ");
    assert_true(dw_str_find(dw_buf_view(&b.output.message.body), DW_STR("\"activity\":\"created\"")) < b.output.message.body.len);
    give(&b, "p1", "withdrawn");
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "p1.raised p1.withdrawn ");
    assert_true(dw_str_find(dw_buf_view(&b.output.message.body), DW_STR("\"activity\":\"closed\"")) < b.output.message.body.len);
    bed_fini(&b);
}

static void what_waits_is_kept_and_a_newer_state_takes_its_place(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    b.opt.provisional = true;
    b.answer = OUTPUT_LATER;
    assert_int_equal(bed_start(&b), DW_OK);
    give(&b, "p1", "raised");
    give(&b, "p2", "raised");
    give(&b, "p1", "confirmed");
    assert_int_equal(bed_turns(&b, 1), DW_OK);
    assert_int_equal(b.output.journal.waiting, 2);
    bed_end(&b);
    b.answer = OUTPUT_TAKEN;
    assert_int_equal(bed_start(&b), DW_OK);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_true(dw_str_find(dw_buf_view(&b.sent), DW_STR("p1.confirmed ")) < b.sent.len && dw_str_find(dw_buf_view(&b.sent), DW_STR("p2.raised ")) < b.sent.len);
    assert_int_equal(b.output.journal.waiting, 0);
    bed_fini(&b);
}

static void a_filter_a_refusal_and_a_flood_are_as_for_alerts(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    b.opt.provisional = true;
    b.opt.filter = DW_STR("source.ip:198.51.100.1");
    assert_int_equal(bed_start(&b), DW_OK);
    give(&b, "p1", "raised");
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "");
    bed_end(&b);

    b.opt.filter = DW_STR("provisional.state:raised");
    b.refuses = "\"p2\"";
    assert_int_equal(bed_start(&b), DW_OK);
    give(&b, "p1", "withdrawn");
    give(&b, "p2", "raised");
    give(&b, "p3", "raised");
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "p3.raised ");
    assert_int_equal(b.output.dead.count, 1);
    bed_end(&b);

    b.refuses = NULL;
    assert_int_equal(bed_start(&b), DW_OK); /* a dead letter is sent again with its text */
    char path[600];
    bed_path(&b, ".retry", path);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0640, DW_STR("")), DW_OK);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "p3.raised p2.raised ");
    uint64_t unsent = dw_counter_get(DW_C_provisional_unsent);
    for (int i = 0; i < 8200; i++)
        give(&b, "p4", "raised");
    assert_int_equal(dw_counter_get(DW_C_provisional_unsent) - unsent, 8);
    bed_fini(&b);

    bed_init(&b); /* of a flood the first are sent, and of the others not their ends either */
    b.opt.provisional = true;
    assert_int_equal(bed_start(&b), DW_OK);
    unsent = dw_counter_get(DW_C_provisional_unsent);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < DW_FUSE_KEY + 5; i++) {
            char id[16];
            (void)snprintf(id, sizeof id, "p%d", i);
            give(&b, id, round ? "withdrawn" : "raised");
        }
        assert_int_equal(bed_turns(&b, 99), DW_OK);
        assert_int_equal(b.attempts, (round + 1) * DW_FUSE_KEY);
    }
    assert_int_equal(dw_counter_get(DW_C_provisional_unsent) - unsent, 5);
    bed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_line_of_each_counts_and_a_start_withdraws_what_stands),
        cmocka_unit_test(the_stream_is_bounded),
        cmocka_unit_test(the_stream_survives_each_failing_call),
        cmocka_unit_test(an_output_that_asks_is_told_of_each_state),
        cmocka_unit_test(what_waits_is_kept_and_a_newer_state_takes_its_place),
        cmocka_unit_test(a_filter_a_refusal_and_a_flood_are_as_for_alerts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
