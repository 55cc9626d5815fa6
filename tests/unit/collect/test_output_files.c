/* Tests of collector/notify/output_journal.c, dead.c, output_status.c and send_file.c: what is written is read back, a torn end is cut, and a file that is none is refused. */
#include "outputs_bed.h"

#include <fcntl.h>

struct files {
    char dir[512], path[600];
    struct output_journal j;
};

static void begin(struct files *f)
{
    (void)snprintf(f->dir, sizeof f->dir, "%s", temp_dir());
    (void)snprintf(f->path, sizeof f->path, "%s/x.queue", f->dir);
    assert_int_equal(output_journal_open(&f->j, &dw_fs_system, f->path), DW_OK);
}

static void again(struct files *f)
{
    output_journal_close(&f->j);
    assert_int_equal(output_journal_open(&f->j, &dw_fs_system, f->path), DW_OK);
}

static void end(struct files *f)
{
    output_journal_close(&f->j);
    temp_dir_remove(f->dir);
}

static void add(struct files *f, enum output_kind kind, const char *id, const char *revision, const char *line)
{
    struct output_item i = {.kind = kind, .since_ns = 5, .line = dw_str_of(line)};
    bool replaced;
    (void)snprintf(i.id, sizeof i.id, "%s", id);
    (void)snprintf(i.revision, sizeof i.revision, "%s", revision);
    assert_int_equal(output_journal_add(&f->j, &i, &replaced), DW_OK);
}

static void assert_waits(const struct files *f, const char *want)
{
    struct dw_buf out = {0};
    for (const struct output_item *i = f->j.head; i; i = i->next)
        dw_buf_printf(&out, "%d:%s.%s%.*s ", (int)i->kind, i->id, i->revision, DW_ARG(i->line));
    assert_str(dw_str_make(out.ptr ? out.ptr : "", out.len), want);
    dw_buf_fini(&out);
}

static void what_waits_is_there_after_a_restart(void **state)
{
    (void)state;
    struct files f;
    begin(&f);
    add(&f, OUTPUT_RAISED, "a", "1", "");
    add(&f, OUTPUT_CHANGED, "a", "9-c", "");
    add(&f, OUTPUT_SUMMARY, "s", "", "{\"x\": \"a b\"}");
    add(&f, OUTPUT_RAISED, "a", "2", ""); /* in the first one's place */
    assert_int_equal(output_journal_hold(&f.j, 77), DW_OK);
    output_journal_seen(&f.j, 10, 20, "0123456789abcdef");
    assert_int_equal(output_journal_commit(&f.j), DW_OK);
    again(&f);
    assert_waits(&f, "1:a.9-c 2:s.{\"x\": \"a b\"} 0:a.2 ");
    assert_int_equal(f.j.seen, 20);
    assert_int_equal(f.j.seen_from, 10);
    assert_string_equal(f.j.seen_hash, "0123456789abcdef");
    assert_int_equal(f.j.held_count, 1);
    assert_int_equal(f.j.held[0], 77);
    output_journal_done(&f.j, f.j.head);
    output_journal_told(&f.j);
    assert_int_equal(output_journal_commit(&f.j), DW_OK);
    again(&f);
    assert_waits(&f, "2:s.{\"x\": \"a b\"} 0:a.2 ");
    assert_int_equal(f.j.held_count, 0);
    end(&f);
}

/* Every cut of the file is a crash: whole batches count, a part of one does not. */
static void a_cut_anywhere_leaves_whole_batches(void **state)
{
    (void)state;
    struct files f;
    struct dw_buf text = {0};
    begin(&f);
    size_t base, first;
    assert_int_equal(dw_fs_read_file(&dw_fs_system, f.path, 1 << 20, &text), DW_OK);
    base = text.len;
    add(&f, OUTPUT_RAISED, "a", "1", "");
    assert_int_equal(output_journal_commit(&f.j), DW_OK);
    first = (size_t)f.j.bytes;
    add(&f, OUTPUT_RAISED, "b", "1", "");
    output_journal_done(&f.j, f.j.head);
    assert_int_equal(output_journal_commit(&f.j), DW_OK);
    dw_buf_reset(&text);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, f.path, 1 << 20, &text), DW_OK);
    for (size_t cut = base; cut <= text.len; cut++) {
        output_journal_close(&f.j);
        assert_int_equal(dw_fs_write_file(&dw_fs_system, f.path, 0640, dw_str_slice(dw_buf_view(&text), 0, cut)), DW_OK);
        assert_int_equal(output_journal_open(&f.j, &dw_fs_system, f.path), DW_OK);
        assert_waits(&f, cut < first ? "" : cut < text.len ? "0:a.1 " : "0:b.1 ");
        add(&f, OUTPUT_RAISED, "z", "1", ""); /* and what is written behind it counts */
        assert_int_equal(output_journal_commit(&f.j), DW_OK);
        again(&f);
        assert_non_null(f.j.tail);
        assert_string_equal(f.j.tail->id, "z");
    }
    dw_buf_fini(&text);
    end(&f);
}

static void the_file_does_not_grow_with_what_is_over(void **state)
{
    (void)state;
    struct files f;
    begin(&f);
    for (int i = 0; i < 20000; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "id%d", i);
        add(&f, OUTPUT_RAISED, id, "1", "");
        if (i % 100 == 0)
            assert_int_equal(output_journal_commit(&f.j), DW_OK);
        if (i >= 3)
            output_journal_done(&f.j, f.j.head);
    }
    assert_int_equal(output_journal_commit(&f.j), DW_OK);
    assert_true(f.j.bytes < 400 << 10);
    again(&f);
    assert_waits(&f, "0:id19997.1 0:id19998.1 0:id19999.1 ");
    end(&f);
}

static void a_file_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "dogwatch-output 2\nend\n", "dogwatch-output 1\nwait x r 1 a 1\nend\n", "dogwatch-output 1\ndone 7\nend\n", "dogwatch-output 1\nwait 1 q 1 a 1\nend\n",
        "dogwatch-output 1\nseen 5 4 -\nend\n", "dogwatch-output 1\nhold\nend\n"};
    struct files f;
    begin(&f);
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++) {
        output_journal_close(&f.j);
        assert_int_equal(dw_fs_write_file(&dw_fs_system, f.path, 0640, dw_str_of(bad[i])), DW_OK);
        assert_int_equal(output_journal_open(&f.j, &dw_fs_system, f.path), DW_ECORRUPT);
    }
    end(&f);
}

static int note(void *arg, const struct output_item *i)
{
    dw_buf_printf(arg, "%d:%s.%s%.*s ", (int)i->kind, i->id, i->revision, DW_ARG(i->line));
    return DW_OK;
}

static void dead_letters_are_read_back_and_a_torn_one_is_cut(void **state)
{
    (void)state;
    struct files f;
    struct output_dead d;
    struct dw_buf out = {0}, others = {0};
    begin(&f);
    (void)snprintf(f.path, sizeof f.path, "%s/x.dead", f.dir);
    struct output_item raised = {.kind = OUTPUT_RAISED, .id = "a", .revision = "1"}, sum = {.kind = OUTPUT_SUMMARY, .id = "s", .line = DW_STR("{\"q\":\"\\\"\"}")};
    assert_int_equal(output_dead_open(&d, &dw_fs_system, f.path), DW_OK);
    assert_int_equal(output_dead_add(&d, &raised, 1, "why \"so\"\n", DW_STR("body\xff\n")), DW_OK);
    assert_int_equal(output_dead_add(&d, &sum, 1, "", DW_STR("")), DW_OK);
    output_dead_close(&d);
    FILE *file = fopen(f.path, "a");
    assert_non_null(file);
    (void)fputs("{\"alert\":\"torn", file);
    (void)fclose(file);
    assert_int_equal(output_dead_open(&d, &dw_fs_system, f.path), DW_OK);
    assert_int_equal(d.count, 2);
    assert_int_equal(output_dead_add(&d, &raised, 1, "", DW_STR("")), DW_OK);
    assert_int_equal(output_dead_each(&d, note, &out, &others), DW_OK);
    assert_str(dw_buf_view(&out), "0:a.1 2:s.{\"q\":\"\\\"\"} 0:a.1 ");
    assert_int_equal(others.len, 0);
    assert_int_equal(output_dead_leave(&d, DW_STR("no dead letter\n")), DW_OK); /* kept through a retry */
    assert_int_equal(d.count, 1);
    assert_int_equal(output_dead_add(&d, &raised, 1, "", DW_STR("")), DW_OK);
    dw_buf_reset(&out);
    assert_int_equal(output_dead_each(&d, note, &out, &others), DW_OK);
    assert_str(dw_buf_view(&out), "0:a.1 ");
    assert_str(dw_buf_view(&others), "no dead letter\n");
    assert_int_equal(output_dead_leave(&d, DW_STR("")), DW_OK);
    assert_int_equal(d.count, 0);
    dw_buf_reset(&out);
    assert_int_equal(output_dead_each(&d, note, &out, &others), DW_OK);
    assert_int_equal(out.len, 0);
    dw_buf_fini(&out);
    dw_buf_fini(&others);
    end(&f);
}

static void a_status_is_read_back_as_it_was(void **state)
{
    (void)state;
    struct dw_output_status s = {.name = "soc", .type = "webhook", .state = "waiting", .last_error = "a \"b\" \\", .waiting = 1, .delivered = 2, .dead = UINT64_MAX, .last_success_ns = BED_NOW_NS}, got;
    struct dw_buf text = {0}, more = {0};
    dw_output_status_write(&s, &text);
    assert_int_equal(dw_output_status_read(dw_buf_view(&text), &got), DW_OK);
    dw_output_status_write(&got, &more);
    assert_true(dw_str_eq(dw_buf_view(&more), dw_buf_view(&text)));
    assert_int_equal(dw_output_status_read(DW_STR("{\"name\":\"\"}"), &got), DW_ESYNTAX);
    assert_int_equal(dw_output_status_read(DW_STR("{\"name\":\"a\",\"dead\":-1}"), &got), DW_ESYNTAX);
    assert_int_equal(dw_output_status_read(DW_STR("{\"name\":\"a\",\"later\":[1,{}]}"), &got), DW_OK);
    dw_buf_fini(&text);
    dw_buf_fini(&more);
}

static int send_to_file(struct outputs_bed *b, const char *text)
{
    struct output_message m = {.key = "k"};
    struct output_result r = {.answer = OUTPUT_LATER};
    dw_buf_str(&m.body, dw_str_of(text));
    output_file.send(&b->output, &m, &r);
    dw_buf_fini(&m.body);
    return r.answer == OUTPUT_TAKEN;
}

static void assert_file(const char *path, const char *want)
{
    struct dw_buf text = {0};
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, &text), DW_OK);
    assert_str(dw_buf_view(&text), want);
    dw_buf_fini(&text);
}

static void a_file_gets_whole_lines_through_faults_and_renames(void **state)
{
    (void)state;
    struct outputs_bed b;
    char path[600], moved[620];
    bed_init(&b);
    (void)snprintf(path, sizeof path, "%s/out.ndjson", b.dir);
    (void)snprintf(moved, sizeof moved, "%s.1", path);
    b.opt.path = dw_str_of(path);
    struct dw_notify_conf conf = {.opt = &b.all, .fs = &b.fs.fs, .clock = &b.clock};
    output_init(&b.output, &conf, &b.opt, 0);
    b.output.way = &output_file;
    assert_int_equal(output_file.open(&b.output), DW_OK);
    b.open = true;
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0640, DW_STR("a torn li")), DW_OK); /* of a crash */
    assert_true(send_to_file(&b, "one"));
    assert_file(path, "a torn li\none\n");
    assert_int_equal(rename(path, moved), 0);
    assert_true(send_to_file(&b, "two"));
    assert_file(path, "two\n");
    assert_file(moved, "a torn li\none\n");
    faulty_fs_init(&b.fs, 1, FAULT_TORN); /* the write */
    assert_false(send_to_file(&b, "three"));
    assert_int_equal(b.fs.hits, 1);
    assert_true(send_to_file(&b, "three"));
    assert_file(path, "two\nthree\n");
    bed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_there_after_a_restart),
        cmocka_unit_test(a_cut_anywhere_leaves_whole_batches),
        cmocka_unit_test(the_file_does_not_grow_with_what_is_over),
        cmocka_unit_test(a_file_that_is_none_is_refused),
        cmocka_unit_test(dead_letters_are_read_back_and_a_torn_one_is_cut),
        cmocka_unit_test(a_status_is_read_back_as_it_was),
        cmocka_unit_test(a_file_gets_whole_lines_through_faults_and_renames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
