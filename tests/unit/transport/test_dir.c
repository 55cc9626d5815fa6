/* Tests of core/transport's `dir`: order, acknowledgement, resumption, junk, faults. */
#include "frames.h"
#include "support.h"

#include "dogwatch/transport/transport.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void send_n(struct frames *t, struct dw_sender *s, uint32_t n)
{
    uint64_t acked = 0;
    for (uint32_t i = 0; i < n; i++) {
        frames_fill(t, 5);
        struct dw_frame *f = frames_encode(t, false);
        assert_int_equal(dw_sender_send(s, &f), DW_OK);
        assert_null(f);
    }
    assert_int_equal(dw_sender_pump(s, &acked), DW_OK);
}

/* Receives until nothing is there; the numbers of the frames must rise by one from `first`. Returns the count. */
static uint64_t receive(struct dw_receiver *r, uint64_t first, struct dw_position *last, uint64_t *junk)
{
    struct dw_received got;
    uint64_t n = first;
    int rc;
    while ((rc = dw_receiver_next(r, &got)) == DW_OK) {
        struct dw_head head;
        size_t len;
        if (!got.is_frame) {
            *junk += got.bytes.len;
            continue;
        }
        assert_int_equal(dw_head_read(got.bytes, &head, &len), DW_OK);
        assert_int_equal(len, got.bytes.len);
        assert_int_equal(head.number, n++);
        *last = got.at;
    }
    assert_int_equal(rc, DW_EAGAIN);
    return n - first;
}

static void frames_arrive_in_order_and_consumption_goes_on_where_it_was(void **state)
{
    (void)state;
    struct frames t;
    struct dw_sender *s;
    struct dw_receiver *r;
    struct dw_position last;
    uint64_t junk = 0, acked;
    char dir[512];
    frames_init(&t);
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
    assert_int_equal(receive(r, 0, &last, &junk), 0);
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
    send_n(&t, s, 3);
    assert_int_equal(receive(r, 0, &last, &junk), 3);
    send_n(&t, s, 2);
    assert_int_equal(receive(r, 3, &last, &junk), 2);
    dw_receiver_close(r);
    dw_sender_close(s);
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
    send_n(&t, s, 4);
    assert_int_equal(dw_sender_pump(s, &acked), DW_OK);
    assert_int_equal(acked, 4);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, &last, &r), DW_OK);
    assert_int_equal(receive(r, 5, &last, &junk), 4);
    assert_int_equal(dw_receiver_commit(r, last), DW_OK);
    dw_receiver_close(r);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, &last, &r), DW_OK);
    assert_int_equal(receive(r, 9, &last, &junk), 0);
    assert_int_equal(junk, 0);
    dw_receiver_close(r);
    dw_sender_close(s);
    temp_dir_remove(dir);
    frames_fini(&t);
}

static void a_torn_tail_is_handed_out_as_junk_once_a_newer_file_exists(void **state)
{
    (void)state;
    struct frames t;
    struct dw_sender *s;
    struct dw_receiver *r;
    struct dw_position last;
    uint64_t junk = 0;
    char dir[512], path[600];
    frames_init(&t);
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
    send_n(&t, s, 2);
    dw_sender_close(s);
    frames_fill(&t, 5);
    struct dw_chain before = t.chain;
    struct dw_frame *f = frames_encode(&t, false);
    t.chain = before;
    (void)snprintf(path, sizeof path, "%s/00000001.frames", dir);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, f->bytes.ptr, f->bytes.len / 2), f->bytes.len / 2);
    close(fd);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
    assert_int_equal(receive(r, 0, &last, &junk), 2);
    assert_int_equal(junk, 0);
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
    send_n(&t, s, 1);
    assert_int_equal(receive(r, 2, &last, &junk), 1);
    assert_int_equal(junk, f->bytes.len / 2);
    dw_frame_free(f);
    dw_receiver_close(r);
    dw_sender_close(s);
    temp_dir_remove(dir);
    frames_fini(&t);
}

/* Goal:   whatever call fails, an acknowledged frame is received. */
static void acknowledged_frames_arrive_when_nth_call_fails(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        assert_true(nth < 200);
        struct frames t;
        struct faulty_fs fault;
        struct dw_sender *s = NULL;
        struct dw_receiver *r;
        struct dw_position last;
        uint64_t acked = 0, junk = 0;
        char dir[512];
        frames_init(&t);
        (void)snprintf(dir, sizeof dir, "%s", temp_dir());
        faulty_fs_init(&fault, nth, FAULT_TORN);
        int rc = dw_dir_sender_open(&fault.fs, dir, 0, &s);
        for (int i = 0; i < 5 && rc == DW_OK; i++) {
            frames_fill(&t, 3);
            struct dw_frame *f = frames_encode(&t, false);
            rc = dw_sender_send(s, &f);
            dw_frame_free(f);
            if (rc == DW_OK)
                rc = dw_sender_pump(s, &acked);
        }
        dw_sender_close(s);
        assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
        assert_true(receive(r, 0, &last, &junk) >= acked);
        dw_receiver_close(r);
        temp_dir_remove(dir);
        frames_fini(&t);
        if (fault.hits == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_in_order_and_consumption_goes_on_where_it_was),
        cmocka_unit_test(a_torn_tail_is_handed_out_as_junk_once_a_newer_file_exists),
        cmocka_unit_test(acknowledged_frames_arrive_when_nth_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
