/* Tests of core/store: append, recover, seal, read back in intake order, verify and what it names. */
#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zstd.h>

static void frames_come_back_from_open_and_sealed_segments(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    world_open_epoch(&w);
    world_append_events(&w, 5, 40);
    world_reads_back(&w, 6);
    world_is_sound(&w);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    world_reads_back(&w, 6);
    world_append_events(&w, 4, 700);
    world_reads_back(&w, 10);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    world_reads_back(&w, 10);
    world_is_sound(&w);
    dw_archive_close(w.archive);
    world_open(&w);
    struct dw_intake last;
    struct dw_head head;
    assert_true(dw_archive_last(w.archive, &last, &head));
    assert_int_equal(last.number, 9);
    assert_int_equal(last.next, w.offset);
    world_append_events(&w, 1, 3);
    world_reads_back(&w, 11);
    world_is_sound(&w);
    world_fini(&w);
}

static void marks_stay_beside_their_events(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    uint8_t mark[10] = {[3] = DW_MARK_DUPLICATE, [9] = DW_MARK_CONFLICT};
    frames_fill(&w.agent, 10);
    world_append(&w, frames_encode(&w.agent, false), mark);
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
    world_fini(&w);
}

/* Takes every second frame of events, by the text of its first line. */
static bool want_some(void *arg, const struct dw_head *head, struct dw_str text)
{
    uint32_t *asked = arg;
    assert_true(head->event_count > 0 && text.len > 0 && text.ptr[text.len - 1] == '\n');
    return (*asked)++ % 2 == 0;
}

static void frames_that_nobody_wants_are_counted_and_not_decoded(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    world_open_epoch(&w);
    world_append_events(&w, 6, 40);
    for (int sealed = 0; sealed < 2; sealed++) {
        struct dw_archive_reader *r;
        struct dw_archived a;
        uint32_t asked = 0, passed = 0, records = 0, key = DW_F_source_ip;
        assert_int_equal(dw_archive_reader_open(&dw_fs_system, w.dir, w.keys, &r), DW_OK);
        dw_archive_reader_want(r, want_some, &asked);
        dw_archive_reader_only(r, &key, 1);
        while (dw_archive_reader_next(r, &a) == DW_OK) {
            records += a.frame.record.len > 0;
            passed += a.passed;
            if (a.frame.record.len)
                continue;
            assert_int_equal(a.frame.head.event_count, 40);
            assert_int_equal(a.frame.event_count, a.passed ? 0 : 40);
            for (uint32_t i = 0; i < a.frame.event_count; i++)
                assert_true(a.frame.event[i].line.len > 0 && a.frame.event[i].field_count <= 2);
        }
        assert_int_equal(asked, 6);
        assert_int_equal(passed, 3);
        assert_int_equal(records, 1); /* it is never asked for */
        assert_int_equal(dw_archive_reader_frames(r), 7);
        dw_archive_reader_close(r);
        assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    }
    world_fini(&w);
}

static void a_sealed_segment_is_a_plain_zstd_file(void **state)
{
    (void)state;
    struct world w;
    char path[600];
    struct dw_buf file = {0}, text = {0};
    world_init(&w);
    world_append_events(&w, 30, 300);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    (void)snprintf(path, sizeof path, "%s/seg-00000001.zst", w.dir);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 28, &file), DW_OK);
    size_t n = ZSTD_decompress(dw_buf_reserve(&text, w.text.len), w.text.len, file.ptr, file.len);
    assert_int_equal(n, w.text.len);
    assert_memory_equal(text.ptr, w.text.ptr, n);
    dw_buf_fini(&file);
    dw_buf_fini(&text);
    world_fini(&w);
}

static void a_torn_tail_is_cut_and_numbering_goes_on(void **state)
{
    (void)state;
    struct world w;
    char path[600];
    world_init(&w);
    world_append_events(&w, 2, 20);
    (void)snprintf(path, sizeof path, "%s/seg-00000001.open", w.dir);
    dw_archive_close(w.archive);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\x57\x2A\x4D\x18 torn", 9), 9);
    close(fd);
    world_open(&w);
    assert_int_equal(dw_archive_next_intake(w.archive), 2);
    world_append_events(&w, 1, 20);
    world_reads_back(&w, 3);
    world_fini(&w);
}

static void verify_names_each_tampering(void **state)
{
    (void)state;
    struct world w;
    char path[700], gone[720];
    world_init(&w);
    world_open_epoch(&w);
    world_append_events(&w, 9, 50);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    world_append_events(&w, 9, 50);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    world_append_events(&w, 3, 50);
    world_is_sound(&w);
    world_flip(w.dir, "seg-00000001.zst", 300, 0);
    world_names(&w, "seg-00000001.zst: edited");
    world_flip(w.dir, "seg-00000001.zst", 300, 0);
    world_is_sound(&w);
    world_flip(w.dir, "MANIFEST", 200, 0);
    world_names(&w, "MANIFEST: entry 2 does not follow");
    world_flip(w.dir, "MANIFEST", 200, 0);
    (void)snprintf(path, sizeof path, "%s/seg-00000002.zst", w.dir);
    (void)snprintf(gone, sizeof gone, "%s.gone", path);
    assert_int_equal(rename(path, gone), 0);
    world_names(&w, "seg-00000002.zst: deleted");
    world_names(&w, "9 frames before it are missing");
    assert_int_equal(rename(gone, path), 0);
    assert_int_equal(truncate(path, 1000), 0);
    world_names(&w, "seg-00000002.zst: truncated: 1000 bytes");
    world_fini(&w);
}

/* What is left of a frame whose content was let go; `ahead`: with another low-water mark than its agent wrote. */
static struct dw_frame *tombstone(struct world *w, bool ahead)
{
    frames_fill(&w->agent, 5);
    struct dw_frame *f = frames_encode(&w->agent, true);
    f->head.flags |= DW_HEAD_TOMBSTONE;
    f->head.text_packed = f->head.views_packed = 0;
    f->head.low_water_ns += ahead ? 1000000 : 0;
    dw_buf_reset(&f->bytes);
    dw_head_write(&f->head, &f->bytes);
    return f;
}

static void a_tombstone_is_vouched_for_by_its_hash(void **state)
{
    (void)state;
    for (int ahead = 0; ahead < 2; ahead++) {
        struct world w;
        struct dw_decoded got;
        world_init(&w);
        world_open_epoch(&w);
        world_append_events(&w, 2, 5);
        struct dw_frame *f = tombstone(&w, ahead);
        assert_int_equal(dw_decode(w.decoder, dw_buf_view(&f->bytes), &got), DW_OK);
        assert_int_equal(dw_decoded_check(w.decoder, &got), ahead ? DW_ECORRUPT : DW_OK);
        world_append(&w, f, NULL);
        world_append_events(&w, 2, 5);
        for (int sealed = 0; sealed < 2; sealed++) {
            if (sealed)
                assert_int_equal(dw_archive_seal(w.archive), DW_OK);
            if (ahead)
                world_names(&w, "is not what the agent hashed");
            else
                world_is_sound(&w);
        }
        world_fini(&w);
    }
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
        world_init(&w);
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
        world_open(&w);
        if (dw_archive_next_intake(w.archive) < synced)
            fail_msg("nth=%d: %u synced, only %u found", nth, (unsigned)synced, (unsigned)dw_archive_next_intake(w.archive));
        int hits = fault.hits;
        world_fini(&w);
        if (hits == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back_from_open_and_sealed_segments),
        cmocka_unit_test(marks_stay_beside_their_events),
        cmocka_unit_test(frames_that_nobody_wants_are_counted_and_not_decoded),
        cmocka_unit_test(a_sealed_segment_is_a_plain_zstd_file),
        cmocka_unit_test(a_torn_tail_is_cut_and_numbering_goes_on),
        cmocka_unit_test(verify_names_each_tampering),
        cmocka_unit_test(a_tombstone_is_vouched_for_by_its_hash),
        cmocka_unit_test(synced_frames_survive_when_nth_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
