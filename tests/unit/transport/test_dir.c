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
static uint64_t receive(struct dw_receiver *r, uint64_t first, struct dw_resume *last, uint64_t *junk)
{
    struct dw_received got;
    uint64_t n = first;
    int rc;
    while ((rc = dw_receiver_next(r, &got)) == DW_OK) {
        struct dw_head head;
        size_t len;
        assert_false(got.replaced);
        if (!got.is_frame) {
            *junk += got.bytes.len;
            continue;
        }
        assert_int_equal(dw_head_read(got.bytes, &head, &len), DW_OK);
        assert_int_equal(len, got.bytes.len);
        assert_int_equal(head.number, n++);
        *last = (struct dw_resume){.at = got.at, .frame = head};
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
    struct dw_resume last;
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
    assert_int_equal(dw_receiver_commit(r, last.at), DW_OK);
    dw_receiver_close(r);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, &last, &r), DW_OK);
    assert_int_equal(receive(r, 9, &last, &junk), 0);
    assert_int_equal(junk, 0);
    dw_receiver_close(r);
    dw_sender_close(s);
    temp_dir_remove(dir);
    frames_fini(&t);
}

/* What follows the last frame of file 1, once a newer file exists: whether it is called torn. */
static bool torn_after(struct frames *t, struct dw_str tail)
{
    struct dw_sender *s;
    struct dw_receiver *r;
    struct dw_received got;
    char dir[512], path[600];
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
    send_n(t, s, 1);
    dw_sender_close(s);
    (void)snprintf(path, sizeof path, "%s/00000001.frames", dir);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, tail.ptr, tail.len), tail.len);
    close(fd);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
    send_n(t, s, 1);
    assert_int_equal(dw_receiver_next(r, &got), DW_OK);
    assert_true(got.is_frame && !got.torn);
    assert_int_equal(dw_receiver_next(r, &got), DW_OK);
    assert_false(got.is_frame);
    bool torn = got.torn;
    uint64_t rest = tail.len - got.bytes.len, junk = 0;
    struct dw_resume last;
    assert_int_equal(receive(r, t->chain.next_number - 1, &last, &junk), 1);
    assert_int_equal(junk, rest);
    dw_receiver_close(r);
    dw_sender_close(s);
    temp_dir_remove(dir);
    return torn;
}

static void the_beginning_of_a_frame_at_the_end_of_a_file_is_torn_and_nothing_else_is(void **state)
{
    (void)state;
    struct frames t;
    struct dw_buf twice = {0};
    frames_init(&t);
    frames_fill(&t, 5);
    struct dw_chain before = t.chain;
    struct dw_frame *f = frames_encode(&t, false);
    t.chain = before;
    struct dw_str bytes = dw_buf_view(&f->bytes), half = dw_str_slice(bytes, 0, bytes.len / 2 - 1);
    dw_buf_str(&twice, half);
    dw_buf_str(&twice, half);
    assert_true(torn_after(&t, half));
    assert_true(torn_after(&t, dw_str_slice(bytes, 0, bytes.len - 1)));
    assert_true(torn_after(&t, dw_str_slice(bytes, 0, 100)));
    assert_true(torn_after(&t, dw_str_slice(bytes, 0, 1)));
    assert_false(torn_after(&t, DW_STR("x")));
    assert_false(torn_after(&t, DW_STR("this is no frame at all")));
    assert_false(torn_after(&t, dw_str_slice(bytes, 1, bytes.len)));
    assert_false(torn_after(&t, dw_buf_view(&twice))); /* two of them are no crash */
    dw_buf_fini(&twice);
    dw_frame_free(f);
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
        struct dw_resume last;
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

/* Enough bytes, none of them a frame, that the next frame begins another file. */
static void fill_file(struct dw_sender *s)
{
    uint64_t acked = 0;
    struct dw_frame *f = dw_calloc(1, sizeof *f);
    assert_non_null(dw_buf_reserve(&f->bytes, DW_DIR_FILE_BYTES));
    memset(f->bytes.ptr, 0, DW_DIR_FILE_BYTES);
    f->bytes.len = DW_DIR_FILE_BYTES;
    assert_int_equal(dw_sender_send(s, &f), DW_OK);
    assert_int_equal(dw_sender_pump(s, &acked), DW_OK);
    assert_int_equal(acked, 1);
}

/* Sends two frames and pumps as the agent does: again after what heals. Gives what ended it. */
static int send_two(struct frames *t, struct dw_sender *s, uint64_t *acked)
{
    int rc = DW_OK;
    for (int i = 0; i < 2; i++) {
        frames_fill(t, 3);
        struct dw_frame *f = frames_encode(t, false);
        assert_int_equal(dw_sender_send(s, &f), DW_OK);
        for (int try = 0; try == 0 || ((rc == DW_EAGAIN || rc == DW_ENOSPC) && try < 5); try++)
            rc = dw_sender_pump(s, acked);
        if (rc < 0)
            break;
    }
    return rc;
}

/* Goal:   at the change of a file too, what is acknowledged is received and nothing else stands in the queue; a call that fails once
 *         before a frame is written costs nothing, nor does a full disk.
 * Method: fail the 1st call after the file is full, then the 2nd, ... */
static void a_file_change_heals_when_nth_call_fails(void **state)
{
    (void)state;
    for (int nth = 1, hits = 1; hits; nth++) {
        assert_true(nth < 100);
        for (int model = FAULT_EIO; model <= FAULT_ENOSPC; model++) {
            struct frames t;
            struct faulty_fs fault;
            struct dw_sender *s = NULL;
            struct dw_receiver *r;
            struct dw_resume last;
            uint64_t acked = 0, junk = 0;
            char dir[512];
            frames_init(&t);
            (void)snprintf(dir, sizeof dir, "%s", temp_dir());
            faulty_fs_init(&fault, 0, (enum fault_model)model);
            assert_int_equal(dw_dir_sender_open(&fault.fs, dir, 0, &s), DW_OK);
            fill_file(s);
            fault.fail_at = fault.calls + nth;
            int rc = send_two(&t, s, &acked);
            /* 1 to 3: open, and open and sync of the folder: no frame was written yet. 4: write. 5: sync, which ends it */
            if ((nth <= 3 || (nth == 4 && model == FAULT_ENOSPC)) && rc < 0)
                fail_msg("nth=%d: what heals has ended it: %s", nth, dw_err_text(rc));
            dw_sender_close(s);
            assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
            assert_true(receive(r, 0, &last, &junk) + 1 >= acked);
            if (rc == DW_OK)
                assert_int_equal(acked, 3);
            assert_int_equal(junk, DW_DIR_FILE_BYTES);
            dw_receiver_close(r);
            temp_dir_remove(dir);
            frames_fini(&t);
            hits = fault.hits;
        }
    }
}

static void a_number_that_is_taken_is_left_alone(void **state)
{
    (void)state;
    struct frames t;
    struct dw_sender *s;
    struct dw_receiver *r;
    struct dw_resume last;
    uint64_t acked = 0, junk = 0;
    char dir[512], path[600];
    frames_init(&t);
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
    fill_file(s);
    (void)snprintf(path, sizeof path, "%s/00000002.frames", dir);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_int_equal(send_two(&t, s, &acked), DW_OK);
    assert_int_equal(acked, 3);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
    assert_int_equal(receive(r, 0, &last, &junk), 2);
    assert_int_equal(last.at.source, 3);
    dw_receiver_close(r);
    dw_sender_close(s);
    temp_dir_remove(dir);
    frames_fini(&t);
}

static void empty_queue(const char *dir)
{
    char path[600];
    for (int i = 1; i < 10; i++) {
        (void)snprintf(path, sizeof path, "%s/%08d.frames", dir, i);
        (void)unlink(path);
    }
}

static void assert_replaced(struct dw_receiver *r, const struct dw_resume *was)
{
    struct dw_received got;
    assert_int_equal(dw_receiver_next(r, &got), DW_OK);
    assert_true(got.replaced);
    assert_int_equal(got.bytes.len, 0);
    assert_int_equal(got.at.source, was->at.source);
}

/* Goal:   frames of a queue that took the place of a removed one are all received, and the change is said.
 * Method: the new files are shorter and longer than the old place, of a lower number, of the same, and more of them. */
static void a_queue_that_was_removed_is_read_from_its_beginning(void **state)
{
    (void)state;
    static const struct {
        uint32_t starts_before, frames_before, starts_after, frames_after;
        bool said; /* no file of a number up to ours: nothing tells it from a queue that was consumed */
    } cases[] = {{1, 3, 1, 1, true}, {1, 1, 1, 5, true}, {2, 2, 1, 2, true}, {2, 2, 2, 2, true}, {1, 2, 3, 2, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frames t;
        struct dw_sender *s;
        struct dw_receiver *r;
        struct dw_resume last;
        uint64_t junk = 0;
        char dir[512];
        frames_init(&t);
        (void)snprintf(dir, sizeof dir, "%s", temp_dir());
        for (uint32_t k = 0; k < cases[i].starts_before; k++) {
            assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
            send_n(&t, s, cases[i].frames_before);
            dw_sender_close(s);
        }
        uint32_t first = cases[i].starts_before * cases[i].frames_before;
        assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
        assert_int_equal(receive(r, 0, &last, &junk), first);
        dw_receiver_close(r);
        empty_queue(dir);
        for (uint32_t k = 0; k < cases[i].starts_after; k++) {
            assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
            send_n(&t, s, cases[i].frames_after);
            dw_sender_close(s);
        }
        assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, &last, &r), DW_OK);
        if (cases[i].said)
            assert_replaced(r, &last);
        assert_int_equal(receive(r, first, &last, &junk), cases[i].starts_after * cases[i].frames_after);
        assert_int_equal(junk, 0);
        dw_receiver_close(r);
        temp_dir_remove(dir);
        frames_fini(&t);
    }
}

/* Sends until it is refused, pumping after each; how many were taken. */
static uint64_t send_until_full(struct frames *t, struct dw_sender *s, struct dw_frame **held)
{
    uint64_t n = 0, acked;
    int rc = DW_OK;
    while (rc == DW_OK && n < 1000) {
        if (!*held) {
            frames_fill(t, 5);
            *held = frames_encode(t, false);
        }
        rc = dw_sender_send(s, held);
        n += rc == DW_OK;
        assert_int_equal(dw_sender_pump(s, &acked), DW_OK);
    }
    assert_int_equal(rc, DW_EAGAIN);
    return n;
}

static uint64_t bytes_in(const char *dir)
{
    struct dw_buf names = {0};
    uint64_t sum = 0;
    assert_int_equal(dw_fs_list(dir, 1000, &names), DW_OK);
    for (const char *name = names.ptr; name < names.ptr + names.len; name += strlen(name) + 1) {
        char path[1024];
        struct dw_stat st;
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        assert_int_equal(dw_fs_stat(path, &st), DW_OK);
        sum += st.size_bytes;
    }
    dw_buf_fini(&names);
    return sum;
}

/* Both ends of a queue with a bound, in so many rounds: what may be sent while nobody reads is sent, between so many frames at a time; so many bytes stand there
 * then; all of it is read, and forgotten as far as the receiver may: its own file it never forgets. */
static void fill_and_empty(uint64_t bound, uint64_t frames_min, uint64_t frames_max, uint64_t bytes_min, uint64_t bytes_max)
{
    enum { ROUNDS = 20, TRIES = 10 };
    struct frames t;
    struct dw_sender *s;
    struct dw_receiver *r;
    struct dw_resume last;
    struct dw_frame *held = NULL;
    uint64_t junk = 0, taken = 0;
    char dir[512];
    frames_init(&t);
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, bound, &s), DW_OK);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t n = 0;
        for (int k = 0; k < TRIES; k++) /* nobody reads: it stays refused */
            n += send_until_full(&t, s, &held);
        assert_in_range(n, frames_min, frames_max);
        assert_in_range(bytes_in(dir), bytes_min, bytes_max);
        assert_int_equal(receive(r, taken, &last, &junk), n);
        assert_int_equal(dw_receiver_commit(r, last.at), DW_OK);
        taken += n;
    }
    assert_int_equal(junk, 0);
    dw_frame_free(held);
    dw_receiver_close(r);
    dw_sender_close(s);
    temp_dir_remove(dir);
    frames_fini(&t);
}

static void a_queue_smaller_than_a_file_goes_on_when_it_was_read(void **state)
{
    (void)state;
    enum { BOUND = 16 * 1024, MANY_BYTES = 4096 /* more than a frame here */ };
    fill_and_empty(BOUND, 1, 1000, BOUND / 2, BOUND + MANY_BYTES);
}

static void a_bound_under_a_frame_lets_frames_through_one_by_one(void **state)
{
    (void)state;
    fill_and_empty(1, 1, 2, 1, 8192);
}

static void without_memory_no_sender_is_opened_and_none_is_left(void **state)
{
    (void)state;
    char dir[512];
    int rc = DW_ENOMEM;
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    for (unsigned nth = 1; rc < 0; nth++) {
        struct dw_sender *s = NULL;
        assert_in_range(nth, 1, 100);
        mem_fail_at(nth);
        rc = dw_dir_sender_open(&dw_fs_system, dir, 1024, &s);
        mem_fail_at(0);
        assert_true(rc == DW_ENOMEM || rc == DW_OK);
        dw_sender_close(s);
    }
    temp_dir_remove(dir);
}

static void a_queue_that_is_removed_under_both_ends_goes_on(void **state)
{
    (void)state;
    struct frames t;
    struct dw_sender *s;
    struct dw_receiver *r;
    struct dw_resume last;
    uint64_t junk = 0;
    char dir[512];
    frames_init(&t);
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
    send_n(&t, s, 2);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
    assert_int_equal(receive(r, 0, &last, &junk), 2);
    temp_dir_remove(dir);
    send_n(&t, s, 2);
    assert_int_equal(receive(r, 2, &last, &junk), 2);
    dw_receiver_close(r); /* what a receiver opened anew finds has a name */
    send_n(&t, s, 1);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, &last, &r), DW_OK);
    assert_int_equal(receive(r, 4, &last, &junk), 1);
    dw_sender_close(s);
    temp_dir_remove(dir);
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
    send_n(&t, s, 2);
    assert_replaced(r, &last);
    assert_int_equal(receive(r, 5, &last, &junk), 2);
    dw_receiver_close(r);
    dw_sender_close(s);
    temp_dir_remove(dir);
    frames_fini(&t);
}

static void junk_does_not_swallow_the_beginning_of_a_frame(void **state)
{
    (void)state;
    struct frames t;
    frames_init(&t);
    frames_fill(&t, 5);
    struct dw_frame *f = frames_encode(&t, false);
    for (size_t cut = 0; cut < 5; cut++) { /* so many bytes of the frame stand in the receiver's first window */
        struct dw_receiver *r;
        struct dw_resume last;
        uint64_t junk = 0;
        size_t len = 2 * (size_t)DW_FRAME_READ_MAX - cut;
        char dir[512], path[600];
        char *zeros = dw_calloc(1, len);
        (void)snprintf(dir, sizeof dir, "%s", temp_dir());
        (void)snprintf(path, sizeof path, "%s/00000001.frames", dir);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(fd, zeros, len), len);
        assert_int_equal(write(fd, f->bytes.ptr, f->bytes.len), f->bytes.len);
        close(fd);
        assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
        assert_int_equal(receive(r, 0, &last, &junk), 1);
        assert_int_equal(junk, len);
        dw_receiver_close(r);
        dw_free(zeros);
        temp_dir_remove(dir);
    }
    dw_frame_free(f);
    frames_fini(&t);
}

/* Whoever can write there makes one piece of junk, not thousands. */
static void a_magic_alone_begins_no_frame(void **state)
{
    (void)state;
    struct frames t;
    struct dw_receiver *r;
    struct dw_received got;
    char dir[512], path[600];
    frames_init(&t);
    frames_fill(&t, 5);
    struct dw_frame *f = frames_encode(&t, false);
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    (void)snprintf(path, sizeof path, "%s/00000001.frames", dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(write(fd, f->bytes.ptr, 4), 4);
    assert_int_equal(write(fd, f->bytes.ptr, f->bytes.len), f->bytes.len);
    close(fd);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
    assert_int_equal(dw_receiver_next(r, &got), DW_OK);
    assert_false(got.is_frame);
    assert_int_equal(got.bytes.len, 20000);
    assert_int_equal(dw_receiver_next(r, &got), DW_OK);
    assert_true(got.is_frame);
    dw_receiver_close(r);
    temp_dir_remove(dir);
    dw_frame_free(f);
    frames_fini(&t);
}

static void files_without_a_frame_are_passed_over(void **state)
{
    (void)state;
    enum { STARTS = 500 };
    struct frames t;
    struct dw_sender *s;
    struct dw_receiver *r;
    struct dw_resume last;
    uint64_t junk = 0;
    char dir[512];
    frames_init(&t);
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    for (int i = 0; i < STARTS; i++) {
        assert_int_equal(dw_dir_sender_open(&dw_fs_system, dir, 0, &s), DW_OK);
        if (i + 1 == STARTS)
            send_n(&t, s, 1);
        dw_sender_close(s);
    }
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, dir, NULL, &r), DW_OK);
    assert_int_equal(receive(r, 0, &last, &junk), 1);
    assert_int_equal(last.at.source, STARTS);
    dw_receiver_close(r);
    temp_dir_remove(dir);
    frames_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_in_order_and_consumption_goes_on_where_it_was),
        cmocka_unit_test(the_beginning_of_a_frame_at_the_end_of_a_file_is_torn_and_nothing_else_is),
        cmocka_unit_test(acknowledged_frames_arrive_when_nth_call_fails),
        cmocka_unit_test(a_file_change_heals_when_nth_call_fails),
        cmocka_unit_test(a_number_that_is_taken_is_left_alone),
        cmocka_unit_test(a_queue_that_was_removed_is_read_from_its_beginning),
        cmocka_unit_test(a_queue_smaller_than_a_file_goes_on_when_it_was_read),
        cmocka_unit_test(a_bound_under_a_frame_lets_frames_through_one_by_one),
        cmocka_unit_test(without_memory_no_sender_is_opened_and_none_is_left),
        cmocka_unit_test(a_queue_that_is_removed_under_both_ends_goes_on),
        cmocka_unit_test(junk_does_not_swallow_the_beginning_of_a_frame),
        cmocka_unit_test(a_magic_alone_begins_no_frame),
        cmocka_unit_test(files_without_a_frame_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
