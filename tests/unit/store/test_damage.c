/* Tests of core/store with files that somebody or something has changed: nothing is overwritten, damage costs only itself. */
#include "noting.h"
#include "world.h"

#include "dogwatch/base/counter.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAMES = 8, INTAKE_HEADER = 64 };
#define OPEN_1 "seg-00000001.open"

/* Where the records of an open segment's bytes begin; the last entry is their end. */
static uint32_t records_of(const struct dw_buf *file, size_t at[64])
{
    uint32_t n = 0;
    for (size_t i = 0; i + INTAKE_HEADER <= file->len; i++)
        if (memcmp(file->ptr + i, "\x57\x2A\x4D\x18", 4) == 0 && memcmp(file->ptr + i + 8, "dwI1", 4) == 0)
            at[n++] = i;
    at[n] = file->len;
    return n;
}

static const char *path_in(const struct world *w, const char *file)
{
    static char path[700];
    (void)snprintf(path, sizeof path, "%s/%s", w->dir, file);
    return path;
}

static void read_in(const struct world *w, const char *file, struct dw_buf *out)
{
    dw_buf_reset(out);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path_in(w, file), 64 << 20, out), DW_OK);
}

static void write_in(const struct world *w, const char *file, struct dw_str bytes)
{
    int fd = open(path_in(w, file), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    close(fd);
}

static bool is_in(const struct world *w, const char *file)
{
    struct stat st;
    return stat(path_in(w, file), &st) == 0;
}

/* An epoch of FRAMES frames in the open segment, closed. */
static void make_open(struct world *w, struct dw_buf *file, size_t at[64])
{
    world_init(w);
    world_open_epoch(w);
    world_append_events(w, FRAMES - 1, 6);
    dw_archive_close(w->archive);
    w->archive = NULL;
    read_in(w, OPEN_1, file);
    assert_int_equal(records_of(file, at), FRAMES);
}

/* Reads to the end: *ret_bad places could not be read, and it does end. Gives how many frames could. */
static uint32_t count_readable(struct world *w, const struct dw_fs *fs, uint32_t *ret_bad)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    uint32_t good = 0;
    int rc = DW_OK;
    *ret_bad = dw_archive_reader_open(fs, w->dir, w->keys, &r) != DW_OK;
    if (*ret_bad)
        return 0;
    for (int calls = 0; rc != DW_EAGAIN; calls++) {
        assert_true(calls < 1000);
        rc = dw_archive_reader_next(r, &a);
        good += rc == DW_OK;
        *ret_bad += rc != DW_OK && rc != DW_EAGAIN;
    }
    uint32_t later = 0;
    for (int calls = 0; calls < 10; calls++) /* what begins to fail only now is reported too, once */
        later += dw_archive_reader_next(r, &a) != DW_EAGAIN;
    assert_true(later <= 2);
    dw_archive_reader_close(r);
    return good;
}

static uint32_t readable(struct world *w)
{
    uint32_t bad;
    return count_readable(w, &dw_fs_system, &bad);
}

/* Goal:   a damaged byte costs at most the frame it is in, before and after a start, a seal and another start, and stays named.
 * Method: flip one byte in each part of a frame in the middle: INTAKE, HEAD, lines, views. */
static void a_damaged_byte_costs_only_its_frame(void **state)
{
    (void)state;
    static const uint32_t parts[] = {0, 4, 9, 12, 20, 52, 60, INTAKE_HEADER, INTAKE_HEADER + 4, INTAKE_HEADER + 30,
        INTAKE_HEADER + 228, INTAKE_HEADER + 232, INTAKE_HEADER + 320, INTAKE_HEADER + 400, INTAKE_HEADER + 500};
    struct dw_buf file = {0}, now = {0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct world w;
        size_t at[64];
        make_open(&w, &file, at);
        assert_true(at[3] + parts[i] < at[4]);
        world_flip(w.dir, OPEN_1, (long)(at[3] + parts[i]), 0);
        world_names(&w, OPEN_1);
        assert_true(readable(&w) >= FRAMES - 1);
        world_open(&w);
        assert_int_equal(dw_archive_next_intake(w.archive), FRAMES);
        assert_true(readable(&w) >= FRAMES - 1);
        world_names(&w, OPEN_1);
        world_append_events(&w, 2, 6);
        assert_int_equal(dw_archive_seal(w.archive), DW_OK);
        world_append_events(&w, 2, 6);
        dw_archive_close(w.archive);
        world_open(&w);
        assert_int_equal(dw_archive_next_intake(w.archive), FRAMES + 4);
        assert_true(readable(&w) >= FRAMES + 3);
        world_names(&w, OPEN_1);
        read_in(&w, OPEN_1, &now);
        world_flip(w.dir, OPEN_1, (long)(at[3] + parts[i]), 0);
        dw_buf_reset(&now);
        read_in(&w, OPEN_1, &now);
        assert_int_equal(now.len, file.len);
        assert_memory_equal(now.ptr, file.ptr, file.len);
        world_fini(&w);
    }
    dw_buf_fini(&file);
    dw_buf_fini(&now);
}

/* Goal:   no byte of an INTAKE can change unseen: `archive verify` and the next start both notice it.
 * Method: flip each byte of the first INTAKE, of one in the middle with marks, and of the last. */
static void each_byte_of_an_intake_is_checked(void **state)
{
    (void)state;
    struct dw_buf file = {0};
    struct world w;
    size_t at[64];
    uint8_t mark[6] = {[1] = DW_MARK_DUPLICATE, [4] = DW_MARK_CONFLICT};
    world_init(&w);
    world_open_epoch(&w);
    for (int i = 0; i < 4; i++) {
        frames_fill(&w.agent, 6);
        world_append(&w, frames_encode(&w.agent, true), i == 1 ? mark : NULL);
    }
    dw_archive_close(w.archive);
    w.archive = NULL;
    read_in(&w, OPEN_1, &file);
    assert_int_equal(records_of(&file, at), 5);
    struct dw_buf manifest = {0};
    read_in(&w, "MANIFEST", &manifest);
    const size_t record[] = {0, 2, 4};
    for (size_t k = 0; k < 3; k++) {
        for (size_t byte = 0; byte < INTAKE_HEADER + (k == 1 ? 4U : 0U); byte++) {
            struct dw_buf problems = {0};
            write_in(&w, OPEN_1, dw_buf_view(&file));
            write_in(&w, "MANIFEST", dw_buf_view(&manifest));
            (void)unlink(path_in(&w, "seg-00000002.open"));
            world_flip(w.dir, OPEN_1, (long)(at[record[k]] + byte), 0);
            if (world_verify(&w, &problems).problems == 0)
                fail_msg("record %zu byte %zu: verify says nothing", record[k], byte);
            dw_buf_fini(&problems);
            uint64_t before = dw_counter_get(DW_C_archive_bytes_cut) + dw_counter_get(DW_C_archive_bytes_damaged);
            world_open(&w);
            if (dw_counter_get(DW_C_archive_bytes_cut) + dw_counter_get(DW_C_archive_bytes_damaged) == before)
                fail_msg("record %zu byte %zu: a start says nothing", record[k], byte);
            assert_int_equal(readable(&w), 4);
            dw_archive_close(w.archive);
            w.archive = NULL;
        }
    }
    dw_buf_fini(&file);
    dw_buf_fini(&manifest);
    world_fini(&w);
}

static void what_is_cut_from_a_torn_tail_is_kept(void **state)
{
    (void)state;
    struct dw_buf file = {0}, kept = {0};
    struct world w;
    size_t at[64];
    char name[64];
    make_open(&w, &file, at);
    for (int again = 0; again < 2; again++) { /* the same place twice: neither copy is overwritten */
        write_in(&w, OPEN_1, dw_str_slice(dw_buf_view(&file), 0, at[FRAMES - 1] + 200 + (size_t)again));
        world_open(&w);
        assert_int_equal(dw_archive_next_intake(w.archive), FRAMES - 1);
        assert_int_equal(readable(&w), FRAMES - 1);
        dw_archive_close(w.archive);
        w.archive = NULL;
    }
    for (int again = 0; again < 2; again++) {
        (void)snprintf(name, sizeof name, "rejected/seg-00000001-%zu-%d", at[FRAMES - 1], again);
        read_in(&w, name, &kept);
        assert_int_equal(kept.len, 200 + again);
        assert_memory_equal(kept.ptr, file.ptr + at[FRAMES - 1], kept.len);
    }
    dw_buf_fini(&file);
    dw_buf_fini(&kept);
    world_fini(&w);
}

/* A line can hold what looks like a record of the archive; beside damage it may be taken for one. */
static void a_record_inside_a_frame_hides_nothing(void **state)
{
    (void)state;
    struct dw_buf file = {0}, bytes = {0};
    struct world w;
    size_t at[64];
    make_open(&w, &file, at);
    /* as if frame 2, whose INTAKE is damaged, held record 6 as it stands, with a number that is not due yet */
    dw_buf_add(&bytes, file.ptr, at[2] + INTAKE_HEADER);
    dw_buf_add(&bytes, file.ptr + at[6], at[7] - at[6]);
    dw_buf_add(&bytes, file.ptr + at[2], at[FRAMES] - at[2]);
    bytes.ptr[at[2] + 20] ^= 1;
    write_in(&w, OPEN_1, dw_buf_view(&bytes));
    world_open(&w);
    assert_int_equal(readable(&w), FRAMES + 1);
    world_names(&w, OPEN_1);
    dw_buf_fini(&file);
    dw_buf_fini(&bytes);
    world_fini(&w);
}

static void records_cut_out_leave_the_later_ones(void **state)
{
    (void)state;
    struct dw_buf file = {0}, bytes = {0};
    struct world w;
    size_t at[64];
    make_open(&w, &file, at);
    dw_buf_add(&bytes, file.ptr, at[2] + 10);
    dw_buf_add(&bytes, file.ptr + at[5], file.len - at[5]);
    write_in(&w, OPEN_1, dw_buf_view(&bytes));
    world_open(&w);
    assert_int_equal(readable(&w), FRAMES - 3);
    assert_int_equal(dw_archive_next_intake(w.archive), FRAMES);
    world_names(&w, "3 frames before it are missing");
    dw_buf_fini(&file);
    dw_buf_fini(&bytes);
    world_fini(&w);
}

static void damage_is_not_sealed_as_if_it_were_meant(void **state)
{
    (void)state;
    struct dw_buf file = {0};
    struct world w;
    size_t at[64] = {0};
    for (int last = 0; last < 2; last++) {
        world_init(&w);
        world_open_epoch(&w);
        world_append_events(&w, FRAMES - 1, 6);
        read_in(&w, OPEN_1, &file);
        assert_int_equal(records_of(&file, at), FRAMES);
        world_flip(w.dir, OPEN_1, (long)at[last ? FRAMES - 1 : 3] + INTAKE_HEADER + 400, 0);
        assert_int_equal(dw_archive_seal(w.archive), DW_OK);
        assert_true(is_in(&w, OPEN_1));
        assert_false(is_in(&w, "seg-00000001.zst"));
        world_names(&w, OPEN_1);
        world_append_events(&w, 3, 6);
        assert_int_equal(dw_archive_seal(w.archive), DW_OK);
        assert_true(is_in(&w, "seg-00000002.zst"));
        dw_archive_close(w.archive);
        world_open(&w);
        assert_int_equal(dw_archive_next_intake(w.archive), FRAMES + 3);
        assert_true(readable(&w) >= FRAMES + 2);
        assert_true(is_in(&w, OPEN_1));
        world_names(&w, OPEN_1);
        world_fini(&w);
    }
    dw_buf_fini(&file);
}

/* ---- MANIFEST ---- */

static int try_open(struct world *w)
{
    struct dw_archive_conf conf = {.fs = &dw_fs_system, .clock = &dw_clock_system, .dir = w->dir, .keys = w->keys,
        .segment_max_bytes = 1 << 20};
    int rc = dw_archive_open(&conf, &w->archive);
    if (rc == DW_OK)
        dw_archive_close(w->archive);
    w->archive = NULL;
    return rc;
}

/* A start is refused, and every file stays as it is. */
static void assert_refused(struct world *w, const char *const *files, size_t count)
{
    struct dw_buf before[4] = {0}, after = {0};
    for (size_t i = 0; i < count; i++)
        read_in(w, files[i], &before[i]);
    assert_int_equal(try_open(w), DW_ECORRUPT);
    for (size_t i = 0; i < count; i++) {
        read_in(w, files[i], &after);
        assert_int_equal(after.len, before[i].len);
        assert_memory_equal(after.ptr, before[i].ptr, after.len);
        dw_buf_fini(&before[i]);
    }
    dw_buf_fini(&after);
}

static void a_missing_or_older_manifest_ends_the_start_and_touches_nothing(void **state)
{
    (void)state;
    static const char *const files[] = {"seg-00000001.zst", "seg-00000002.zst", "seg-00000003.open"};
    struct dw_buf older[3] = {0}, newest = {0}, open_2 = {0};
    struct world w;
    world_init(&w);
    world_open_epoch(&w);
    for (int i = 0; i < 3; i++) {
        read_in(&w, "MANIFEST", &older[i]);
        world_append_events(&w, 3, 6);
        if (i == 1)
            read_in(&w, "seg-00000002.open", &open_2);
        if (i < 2)
            assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    }
    dw_archive_close(w.archive);
    w.archive = NULL;
    read_in(&w, "MANIFEST", &newest);
    for (int i = 0; i < 2; i++) {
        write_in(&w, "MANIFEST", dw_buf_view(&older[i]));
        assert_refused(&w, files, 3);
        world_names(&w, "older than the archive");
    }
    write_in(&w, "seg-00000002.open", dw_buf_view(&open_2)); /* as a whole copy made before the seal has it */
    assert_refused(&w, files, 3);
    assert_int_equal(unlink(path_in(&w, "seg-00000002.open")), 0);
    write_in(&w, "MANIFEST", dw_str_slice(dw_buf_view(&older[0]), 0, 40));
    assert_refused(&w, files, 3);
    assert_int_equal(unlink(path_in(&w, "MANIFEST")), 0);
    assert_refused(&w, files, 3);
    assert_false(is_in(&w, "MANIFEST"));
    write_in(&w, "MANIFEST", dw_buf_view(&newest));
    world_open(&w);
    world_reads_back(&w, 10);
    for (int i = 0; i < 3; i++)
        dw_buf_fini(&older[i]);
    dw_buf_fini(&newest);
    dw_buf_fini(&open_2);
    world_fini(&w);
}

/* A copy that has the open segment as it was before, and the sealed one that went on. */
static void a_sealed_file_that_knows_more_is_not_taken_for_a_leftover(void **state)
{
    (void)state;
    static const char *const files[] = {"seg-00000001.zst", OPEN_1};
    struct dw_buf first = {0}, open_1 = {0}, whole = {0};
    struct world w;
    world_init(&w);
    read_in(&w, "MANIFEST", &first);
    world_append_events(&w, 3, 6);
    read_in(&w, OPEN_1, &open_1);
    world_append_events(&w, 3, 6);
    read_in(&w, OPEN_1, &whole);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    dw_archive_close(w.archive);
    w.archive = NULL;
    write_in(&w, "MANIFEST", dw_buf_view(&first));
    write_in(&w, OPEN_1, dw_buf_view(&open_1));
    assert_refused(&w, files, 2);
    write_in(&w, OPEN_1, DW_STR(""));
    assert_refused(&w, files, 2);
    write_in(&w, OPEN_1, dw_buf_view(&whole)); /* this is what a crash before the entry leaves */
    world_open(&w);
    assert_false(is_in(&w, "seg-00000001.zst"));
    world_reads_back(&w, 6);
    dw_buf_fini(&first);
    dw_buf_fini(&open_1);
    dw_buf_fini(&whole);
    world_fini(&w);
}

/* ---- parts that cannot be read ---- */

static void an_unreadable_part_is_reported_once_and_passed_over(void **state)
{
    (void)state;
    struct world w;
    uint32_t bad;
    world_init(&w);
    world_open_epoch(&w);
    world_append_events(&w, 3, 6);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    world_append_events(&w, 3, 6);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    world_append_events(&w, 3, 6);
    const char *const name[] = {"seg-00000003.open", "seg-00000001.zst"};
    const uint32_t left[] = {7, 6};
    for (int i = 0; i < 2; i++) {
        char gone[720];
        (void)snprintf(gone, sizeof gone, "%s.gone", path_in(&w, name[i]));
        assert_int_equal(rename(path_in(&w, name[i]), gone), 0);
        assert_int_equal(mkdir(path_in(&w, name[i]), 0700), 0); /* opens, and reads of it fail */
        assert_int_equal(count_readable(&w, &dw_fs_system, &bad), left[i]);
        assert_int_equal(bad, 1);
        world_names(&w, name[i]);
        assert_int_equal(rmdir(path_in(&w, name[i])), 0);
        assert_int_equal(rename(gone, path_in(&w, name[i])), 0);
    }
    world_is_sound(&w);
    world_fini(&w);
}

/* Goal:   reading ends, whatever call fails for ever. */
static void reading_ends_when_nth_call_fails(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    world_append_events(&w, 3, 6);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    world_append_events(&w, 3, 6);
    for (int nth = 1, hits = 1; hits; nth++) {
        struct faulty_fs fault;
        uint32_t bad;
        assert_true(nth < 200);
        faulty_fs_init(&fault, nth, FAULT_EIO);
        fault.sticky = true;
        uint32_t good = count_readable(&w, &fault.fs, &bad);
        hits = fault.hits;
        assert_true(good + bad >= 1 && bad <= 8);
        assert_true(hits > 0 || good == 6);
    }
    world_fini(&w);
}

/* ---- order of syncs ---- */

static void the_manifest_names_only_what_is_durable(void **state)
{
    (void)state;
    struct world w;
    struct noting_fs n;
    noting_fs_init(&n);
    world_init(&w);
    dw_archive_close(w.archive);
    assert_int_equal(unlink(path_in(&w, "MANIFEST")), 0);
    struct dw_archive_conf conf = {.fs = &n.fs, .clock = &dw_clock_system, .dir = w.dir, .keys = w.keys};
    assert_int_equal(dw_archive_open(&conf, &w.archive), DW_OK);
    assert_str(dw_buf_view(&n.log), "unlink seg-00000001.open sync-dir MANIFEST sync sync-dir ");
    world_append_events(&w, 2, 6);
    dw_buf_reset(&n.log);
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    assert_str(dw_buf_view(&n.log),
        "sync seg-00000001.zst.tmp sync rename seg-00000002.open sync-dir MANIFEST sync sync-dir unlink ");
    dw_buf_fini(&n.log);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_byte_costs_only_its_frame),
        cmocka_unit_test(each_byte_of_an_intake_is_checked),
        cmocka_unit_test(what_is_cut_from_a_torn_tail_is_kept),
        cmocka_unit_test(a_record_inside_a_frame_hides_nothing),
        cmocka_unit_test(records_cut_out_leave_the_later_ones),
        cmocka_unit_test(damage_is_not_sealed_as_if_it_were_meant),
        cmocka_unit_test(a_missing_or_older_manifest_ends_the_start_and_touches_nothing),
        cmocka_unit_test(a_sealed_file_that_knows_more_is_not_taken_for_a_leftover),
        cmocka_unit_test(an_unreadable_part_is_reported_once_and_passed_over),
        cmocka_unit_test(reading_ends_when_nth_call_fails),
        cmocka_unit_test(the_manifest_names_only_what_is_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
