/* Tests of core/store: append, recover, seal, read back in intake order, verify and what it names. */
#include "frames.h"
#include "support.h"

#include "dogwatch/store/archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zstd.h>

struct world {
    char dir[512];
    struct frames agent;
    struct dw_keys *keys;
    struct dw_archive *archive;
    struct dw_decoder *decoder;
    struct dw_buf text; /* all lines that went in */
    uint64_t offset;
};

static void open_archive(struct world *w)
{
    struct dw_archive_conf conf = {.fs = &dw_fs_system, .clock = &dw_clock_system, .dir = w->dir, .keys = w->keys,
        .segment_max_bytes = 1 << 20};
    assert_int_equal(dw_archive_open(&conf, &w->archive), DW_OK);
}

static void set_up(struct world *w)
{
    *w = (struct world){0};
    (void)snprintf(w->dir, sizeof w->dir, "%s", temp_dir());
    frames_init(&w->agent);
    w->keys = dw_keys_new();
    w->decoder = dw_decoder_new(w->keys);
    open_archive(w);
}

static void tear_down(struct world *w)
{
    dw_archive_close(w->archive);
    dw_decoder_free(w->decoder);
    dw_keys_free(w->keys);
    frames_fini(&w->agent);
    dw_buf_fini(&w->text);
    temp_dir_remove(w->dir);
}

static void append(struct world *w, struct dw_frame *f, const uint8_t *mark)
{
    struct dw_intake in = {.arrival_ns = 1000, .source = 1, .offset = w->offset, .next = w->offset + f->bytes.len};
    w->offset = in.next;
    assert_int_equal(dw_archive_append(w->archive, dw_buf_view(&f->bytes), &f->head, mark, &in), DW_OK);
    dw_frame_free(f);
}

static void open_epoch(struct world *w)
{
    char hex[65], json[200];
    dw_hex(dw_key_public(w->agent.key), 32, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"public_key\":\"%s\"}", hex);
    append(w, frames_record(&w->agent, json), NULL);
}

/* Appends n event frames of `events` lines each, signed every third. */
static void append_events(struct world *w, uint32_t n, uint32_t events)
{
    for (uint32_t i = 0; i < n; i++) {
        frames_fill(&w->agent, events);
        for (uint32_t k = 0; k < events; k++) {
            dw_buf_str(&w->text, dw_batch_event(w->agent.batch, k)->line);
            dw_buf_byte(&w->text, '\n');
        }
        append(w, frames_encode(&w->agent, i % 3 == 0), NULL);
    }
    assert_int_equal(dw_archive_sync(w->archive), DW_OK);
}

static void assert_reads_back(struct world *w, uint64_t frames)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    struct dw_buf text = {0};
    uint64_t n = 0;
    assert_int_equal(dw_archive_reader_open(&dw_fs_system, w->dir, w->keys, &r), DW_OK);
    int rc;
    for (; (rc = dw_archive_reader_next(r, &a)) == DW_OK; n++) {
        assert_int_equal(a.intake.number, n);
        dw_buf_str(&text, a.frame.sections.text);
    }
    assert_int_equal(rc, DW_EAGAIN);
    assert_int_equal(n, frames);
    assert_int_equal(text.len, w->text.len);
    assert_memory_equal(text.ptr, w->text.ptr, text.len);
    dw_buf_fini(&text);
    dw_archive_reader_close(r);
}

static void note_problem(void *arg, const char *text)
{
    struct dw_buf *all = arg;
    dw_buf_str(all, dw_str_of(text));
    dw_buf_byte(all, '\n');
}

static struct dw_verify_result verify(struct world *w, struct dw_buf *problems)
{
    struct dw_verify_result result;
    struct dw_verify v = {.fs = &dw_fs_system, .dir = w->dir, .problem = note_problem, .arg = problems};
    assert_int_equal(dw_archive_verify(&v, &result), DW_OK);
    return result;
}

static void assert_sound(struct world *w)
{
    struct dw_buf problems = {0};
    struct dw_verify_result r = verify(w, &problems);
    assert_str(dw_buf_view(&problems), "");
    assert_int_equal(r.problems, 0);
    assert_true(r.signatures > 0);
    dw_buf_fini(&problems);
}

static void assert_names(struct world *w, const char *what)
{
    struct dw_buf problems = {0};
    struct dw_verify_result r = verify(w, &problems);
    assert_true(r.problems > 0);
    if (dw_str_find(dw_buf_view(&problems), dw_str_of(what)) >= problems.len)
        fail_msg("want \"%s\" in: %.*s", what, DW_ARG(dw_buf_view(&problems)));
    dw_buf_fini(&problems);
}

static void frames_come_back_from_open_and_sealed_segments(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    open_epoch(&w);
    append_events(&w, 5, 40);
    assert_reads_back(&w, 6);
    assert_sound(&w);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    assert_reads_back(&w, 6);
    append_events(&w, 4, 700);
    assert_reads_back(&w, 10);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    assert_reads_back(&w, 10);
    assert_sound(&w);
    dw_archive_close(w.archive);
    open_archive(&w);
    struct dw_intake last;
    struct dw_head head;
    assert_true(dw_archive_last(w.archive, &last, &head));
    assert_int_equal(last.number, 9);
    assert_int_equal(last.next, w.offset);
    append_events(&w, 1, 3);
    assert_reads_back(&w, 11);
    assert_sound(&w);
    tear_down(&w);
}

static void marks_stay_beside_their_events(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    uint8_t mark[10] = {[3] = DW_MARK_DUPLICATE, [9] = DW_MARK_CONFLICT};
    frames_fill(&w.agent, 10);
    append(&w, frames_encode(&w.agent, false), mark);
    for (int sealed = 0; sealed < 2; sealed++) {
        struct dw_archive_reader *r;
        struct dw_archived a;
        assert_int_equal(dw_archive_reader_open(&dw_fs_system, w.dir, w.keys, &r), DW_OK);
        assert_int_equal(dw_archive_reader_next(r, &a), DW_OK);
        assert_non_null(a.mark);
        assert_memory_equal(a.mark, mark, sizeof mark);
        dw_archive_reader_close(r);
        assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    }
    tear_down(&w);
}

static void a_sealed_segment_is_a_plain_zstd_file(void **state)
{
    (void)state;
    struct world w;
    char path[600];
    struct dw_buf file = {0}, text = {0};
    set_up(&w);
    append_events(&w, 30, 300);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    (void)snprintf(path, sizeof path, "%s/seg-00000001.zst", w.dir);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 28, &file), DW_OK);
    size_t n = ZSTD_decompress(dw_buf_reserve(&text, w.text.len), w.text.len, file.ptr, file.len);
    assert_int_equal(n, w.text.len);
    assert_memory_equal(text.ptr, w.text.ptr, n);
    dw_buf_fini(&file);
    dw_buf_fini(&text);
    tear_down(&w);
}

static void a_torn_tail_is_cut_and_numbering_goes_on(void **state)
{
    (void)state;
    struct world w;
    char path[600];
    set_up(&w);
    append_events(&w, 2, 20);
    (void)snprintf(path, sizeof path, "%s/seg-00000001.open", w.dir);
    dw_archive_close(w.archive);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\x57\x2A\x4D\x18 torn", 9), 9);
    close(fd);
    open_archive(&w);
    assert_int_equal(dw_archive_next_intake(w.archive), 2);
    append_events(&w, 1, 20);
    assert_reads_back(&w, 3);
    tear_down(&w);
}

static void flip(const char *dir, const char *file, long at, long from_end)
{
    char path[700];
    (void)snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    off_t end = lseek(fd, 0, SEEK_END), where = from_end ? end - from_end : at;
    char c;
    assert_int_equal(pread(fd, &c, 1, where), 1);
    c = (char)(c ^ 0x20);
    assert_int_equal(pwrite(fd, &c, 1, where), 1);
    close(fd);
}

static void verify_names_each_tampering(void **state)
{
    (void)state;
    struct world w;
    char path[700], gone[720];
    set_up(&w);
    open_epoch(&w);
    append_events(&w, 9, 50);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    append_events(&w, 9, 50);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    append_events(&w, 3, 50);
    assert_sound(&w);
    flip(w.dir, "seg-00000001.zst", 300, 0);
    assert_names(&w, "seg-00000001.zst: edited");
    flip(w.dir, "seg-00000001.zst", 300, 0);
    assert_sound(&w);
    flip(w.dir, "MANIFEST", 200, 0);
    assert_names(&w, "MANIFEST: entry 2 does not follow");
    flip(w.dir, "MANIFEST", 200, 0);
    (void)snprintf(path, sizeof path, "%s/seg-00000002.zst", w.dir);
    (void)snprintf(gone, sizeof gone, "%s.gone", path);
    assert_int_equal(rename(path, gone), 0);
    assert_names(&w, "seg-00000002.zst: deleted");
    assert_names(&w, "9 frames before it are missing");
    assert_int_equal(rename(gone, path), 0);
    assert_int_equal(truncate(path, 1000), 0);
    assert_names(&w, "seg-00000002.zst: truncated: 1000 bytes");
    tear_down(&w);
}

/* Goal:   whatever fails, every frame that sync answered for can be read back.
 * Method: fail the 1st file call, then the 2nd, ... and all after it, as a crash would. */
static void synced_frames_survive_when_nth_call_fails(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        assert_true(nth < 1000);
        struct world w;
        struct faulty_fs fault;
        set_up(&w);
        dw_archive_close(w.archive);
        w.archive = NULL;
        faulty_fs_init(&fault, nth, nth % 2 ? FAULT_TORN : FAULT_ENOSPC);
        fault.sticky = true;
        struct dw_archive_conf conf = {.fs = &fault.fs, .clock = &dw_clock_system, .dir = w.dir, .keys = w.keys};
        uint64_t synced = 0, appended = 0;
        int rc = dw_archive_open(&conf, &w.archive);
        for (int i = 0; i < 6 && rc == DW_OK; i++) {
            frames_fill(&w.agent, 10);
            struct dw_frame *f = frames_encode(&w.agent, true);
            struct dw_intake in = {0};
            rc = dw_archive_append(w.archive, dw_buf_view(&f->bytes), &f->head, NULL, &in);
            appended += rc == DW_OK;
            if (rc == DW_OK)
                rc = i == 3 ? dw_archive_seal(w.archive) : dw_archive_sync(w.archive);
            if (rc == DW_OK)
                synced = appended;
            dw_frame_free(f);
        }
        dw_archive_close(w.archive);
        w.archive = NULL;
        open_archive(&w);
        if (dw_archive_next_intake(w.archive) < synced)
            fail_msg("nth=%d: %u synced, only %u found", nth, (unsigned)synced, (unsigned)dw_archive_next_intake(w.archive));
        int hits = fault.hits;
        tear_down(&w);
        if (hits == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back_from_open_and_sealed_segments),
        cmocka_unit_test(marks_stay_beside_their_events),
        cmocka_unit_test(a_sealed_segment_is_a_plain_zstd_file),
        cmocka_unit_test(a_torn_tail_is_cut_and_numbering_goes_on),
        cmocka_unit_test(verify_names_each_tampering),
        cmocka_unit_test(synced_frames_survive_when_nth_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
