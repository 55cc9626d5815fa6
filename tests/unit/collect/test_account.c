/* Tests of collector/ingest/account: each thing that can be wrong with frames gives its own problem and no other. */
#include "account_bed.h"

static void a_whole_chain_says_nothing(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    for (int i = 0; i < 3; i++)
        add_events(&b, 3); /* up to line 10 frames_fill leaves no bytes out of stream 0 */
    add_ledger(&b, 0, b.agent.offset[0], 0);
    add_record(&b, "{\"type\":\"epoch.close\",\"streams\":[]}");
    take_in_order(&b, "01234");
    assert_false(dw_account_all_closed(b.account));
    take_in_order(&b, "5");
    assert_said(&b, "");
    assert_false(b.marked);
    assert_true(dw_account_all_closed(b.account));
    assert_int_equal(count_streams(&b), 2);
    assert_int_equal(stream_of(&b, 0x10)->events + stream_of(&b, 0x11)->events, 9);
    assert_int_equal(stream_of(&b, 0x10)->gap, 0);
    tear_down(&b);
}

static void orders_of_frames_give_their_problem(void **state)
{
    (void)state;
    static const struct {
        const char *order, *want;
    } rows[] = {
        {"0234", "HOLE@2"},
        {"034", "HOLE@3"},
        {"0134", "HOLE@3"},
        {"02134", "HOLE@2 REORDERED@1"},
        {"0112", "REPLAYED@1"},
        {"012312", "REPLAYED@1 REPLAYED@2"},
        {"00", "REORDERED@0"}, /* a record holds no bytes that could be new: it is only said to be late */
        {"01234", ""},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct bed b;
        set_up(&b, true);
        for (int k = 0; k < 4; k++)
            add_events(&b, 20);
        take_in_order(&b, rows[i].order);
        if (!dw_str_eq(dw_buf_view(&b.said), dw_str_of(rows[i].want)))
            fail_msg("order %s: got \"%.*s\", want \"%s\"", rows[i].order, DW_ARG(dw_buf_view(&b.said)), rows[i].want);
        tear_down(&b);
    }
}

static void a_chain_seen_from_its_middle_lacks_its_beginning(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 5);
    add_events(&b, 5);
    take_in_order(&b, "12");
    assert_said(&b, "HOLE@1 HEADLESS@1");
    tear_down(&b);
}

/* Somebody edits a line and computes roots and hash again, but has no key. */
static struct dw_frame *edit_and_hash_again(struct bed *b, const struct dw_frame *f)
{
    struct dw_decoded got;
    struct dw_frame *edited = NULL;
    struct dw_chain chain = b->agent.chain;
    assert_int_equal(dw_decode(b->decoder, dw_buf_view(&f->bytes), &got), DW_OK);
    chain.next_number = f->head.number;
    memcpy(chain.previous, f->head.previous, sizeof chain.previous);
    for (uint32_t i = 0; i < got.event_count; i++) {
        char line[256];
        const struct dw_event *ev = &got.event[i];
        memcpy(line, ev->line.ptr, ev->line.len);
        line[3] = '9';
        struct dw_draft *d = dw_batch_draft(b->agent.batch, dw_str_make(line, ev->line.len));
        dw_draft_const(d, DW_F_event_dataset, "edited");
        struct dw_event copy = *ev;
        copy.stream = &b->agent.stream[ev->stream->id[0] - 0x10];
        copy.more_count = 0;
        dw_batch_commit(b->agent.batch, &copy);
    }
    struct dw_encode with = {.chain = &chain, .low_water_ns = 5, .key = NULL};
    assert_int_equal(dw_encode_events(b->agent.encoder, b->agent.batch, &with, &edited), DW_OK);
    dw_batch_reset(b->agent.batch);
    return edited;
}

/* Puts the old signature of `f` into an edited frame, as whoever rewrites a file would. */
static struct dw_frame *with_signature_of(struct dw_frame *edited, const struct dw_frame *f)
{
    struct dw_buf out = {0};
    struct dw_head h = edited->head;
    size_t plain = 8 + DW_HEAD_BYTES;
    h.flags |= DW_HEAD_SIGNED;
    memcpy(h.signature, f->head.signature, sizeof h.signature);
    dw_head_write(&h, &out);
    dw_buf_add(&out, edited->bytes.ptr + plain, edited->bytes.len - plain);
    dw_buf_fini(&edited->bytes);
    edited->bytes = out;
    edited->head = h;
    return edited;
}

static void an_edited_frame_hashed_again_breaks_the_chain_behind_it(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    for (int i = 0; i < 3; i++)
        add_events(&b, 10);
    struct dw_frame *edited = edit_and_hash_again(&b, b.frame[2]);
    take_in_order(&b, "01");
    take(&b, edited);
    assert_said(&b, "");
    take_in_order(&b, "3");
    assert_said(&b, "BROKEN@3");
    dw_frame_free(edited);
    tear_down(&b);
}

static void an_edited_frame_under_its_old_signature_is_named(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 10);
    struct dw_frame *edited = with_signature_of(edit_and_hash_again(&b, b.frame[1]), b.frame[1]);
    take_in_order(&b, "0");
    take(&b, edited);
    assert_said(&b, "SIGNATURE@1");
    dw_frame_free(edited);
    tear_down(&b);
}

static void two_frames_in_one_place_are_a_fork_and_their_bytes_conflict(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 1);
    struct dw_frame *edited = edit_and_hash_again(&b, b.frame[1]);
    take_in_order(&b, "01");
    take(&b, edited);
    assert_said(&b, "FORK@1 CONFLICT@1");
    assert_int_equal(b.mark[0], DW_MARK_CONFLICT);
    dw_frame_free(edited);
    tear_down(&b);
}

static void an_epoch_without_signed_opening_is_said_once(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, false);
    for (int i = 0; i < 3; i++)
        add_events(&b, 5);
    take_in_order(&b, "012");
    assert_said(&b, "HEADLESS@0");
    tear_down(&b);
}

/* The same bytes of the same stream once more, in a later frame: an agent that started again from an older checkpoint. */
static void bytes_that_come_again_are_marked_and_not_counted_twice(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 12);
    b.agent.lines = 0;
    memset(b.agent.offset, 0, sizeof b.agent.offset);
    add_events(&b, 15);
    take_in_order(&b, "01");
    uint64_t archived = stream_of(&b, 0x10)->archived, events = stream_of(&b, 0x10)->events;
    uint64_t others = stream_of(&b, 0x11)->archived;
    assert_false(b.marked);
    take_in_order(&b, "2");
    assert_said(&b, "");
    assert_true(b.marked);
    for (uint32_t i = 0; i < 15; i++)
        assert_int_equal(b.mark[i], i < 12 ? DW_MARK_DUPLICATE : DW_MARK_NONE);
    assert_int_equal(stream_of(&b, 0x10)->duplicate, archived);
    assert_int_equal(stream_of(&b, 0x11)->duplicate, others);
    assert_int_equal(stream_of(&b, 0x10)->events, events + 2);
    tear_down(&b);
}

static void the_same_bytes_with_other_content_are_a_conflict(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 1);
    b.agent.offset[0] = b.agent.offset[1] = 0;
    b.agent.lines = 3; /* another line, of the same stream as line 0 */
    add_events(&b, 1);
    take_in_order(&b, "012");
    assert_said(&b, "CONFLICT@2");
    assert_int_equal(b.mark[0], DW_MARK_CONFLICT);
    tear_down(&b);
}

static void bytes_read_and_never_sent_are_a_gap_told_once(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 10);
    add_ledger(&b, 0, b.agent.offset[0] + 500, 400);
    add_ledger(&b, 0, b.agent.offset[0] + 500, 400);
    take_in_order(&b, "012");
    assert_said(&b, "GAP@2");
    assert_int_equal(stream_of(&b, 0x10)->gap, 100);
    take_in_order(&b, "3");
    assert_said(&b, "GAP@2");
    tear_down(&b);
}

/* A second gap was told again at every record: what was told below the first one was forgotten. */
static void several_gaps_are_told_once_each(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 1);
    for (int i = 0; i < 2; i++) {
        b.agent.offset[0] += 100;
        b.agent.offset[1] += 100;
        add_events(&b, 3);
    }
    uint64_t read = b.agent.offset[0];
    for (int i = 0; i < 3; i++)
        add_ledger(&b, 0, read, 0);
    take_in_order(&b, "0123456");
    assert_said(&b, "GAP@4 GAP@4");
    tear_down(&b);
}

static void a_record_that_is_no_json_is_named_and_nothing_of_it_is_taken(void **state)
{
    (void)state;
    struct bed b;
    char hex[33], json[256];
    set_up(&b, true);
    add_events(&b, 10);
    dw_hex(b.agent.stream[0].id, DW_ID_BYTES, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"ledger\",\"streams\":[{\"id\":\"%s\",\"read\":999999,\"pending\":0},{\"id\"", hex);
    add_record(&b, json);
    uint64_t before = dw_counter_get(DW_C_ingest_records_bad);
    take_in_order(&b, "012");
    assert_said(&b, "RECORD@2");
    assert_int_equal(stream_of(&b, 0x10)->read, 0);
    assert_int_equal(dw_counter_get(DW_C_ingest_records_bad), before + 1);
    tear_down(&b);
}

static void streams_over_the_bound_are_forgotten_ended_ones_first(void **state)
{
    (void)state;
    static const struct dw_account_bounds two = {.streams = 2, .epochs = 2, .ranges = 100};
    struct bed b;
    char json[200];
    set_up_within(&b, true, &two);
    add_events(&b, 10); /* streams 10 and 11 */
    (void)snprintf(json, sizeof json, "{\"type\":\"stream.end\",\"id\":\"11111111111111111111111111111111\",\"read\":0,\"state\":\"whole\"}");
    add_record(&b, json);
    add_record(&b, "{\"type\":\"ledger\",\"streams\":[{\"id\":\"30303030303030303030303030303030\",\"read\":0,\"pending\":0}]}");
    add_record(&b, "{\"type\":\"ledger\",\"streams\":[{\"id\":\"31313131313131313131313131313131\",\"read\":0,\"pending\":0}]}");
    uint64_t before = dw_counter_get(DW_C_account_streams_forgotten);
    take_in_order(&b, "0123");
    assert_int_equal(dw_counter_get(DW_C_account_streams_forgotten), before + 1);
    assert_int_equal(count_streams(&b), 2);
    (void)stream_of(&b, 0x10); /* it goes on: the ended one had to go */
    (void)stream_of(&b, 0x30);
    take_in_order(&b, "4"); /* none has ended: the one longest untouched */
    assert_int_equal(count_streams(&b), 2);
    (void)stream_of(&b, 0x30);
    (void)stream_of(&b, 0x31);
    assert_said(&b, "");
    tear_down(&b);
}

static void bytes_without_room_show_as_a_gap_and_never_as_whole(void **state)
{
    (void)state;
    static const struct dw_account_bounds few = {.streams = 9, .epochs = 9, .ranges = 8}; /* four a stream */
    struct bed b;
    set_up_within(&b, true, &few);
    for (int i = 0; i < 8; i++) {
        add_events(&b, 3);
        b.agent.offset[0] += 10;
        b.agent.offset[1] += 10;
    }
    uint64_t refused = dw_counter_get(DW_C_account_ranges_refused), whole = b.agent.offset[0] - 10;
    add_ledger(&b, 0, whole, 0);
    take_in_order(&b, "0123456789");
    assert_true(dw_counter_get(DW_C_account_ranges_refused) > refused);
    assert_true(stream_of(&b, 0x10)->gap > 70);
    tear_down(&b);
}

/* Goal:   an event is hidden as a copy only if all of it has come.
 * Method: its first piece was let go by a full spool, and was there after a kill; its second nobody had. */
static void bytes_that_were_let_go_hide_nothing_that_nobody_had(void **state)
{
    (void)state;
    struct bed b;
    char hex[33], json[200];
    uint8_t id[DW_ID_BYTES];
    set_up(&b, true);
    memset(id, 0x11, sizeof id);
    dw_hex(id, sizeof id, hex);
    frames_fill(&b.agent, 1); /* of two pieces */
    uint64_t end = b.agent.offset[1] - 30;
    (void)snprintf(json, sizeof json, "{\"type\":\"declare\",\"id\":\"%s\",\"start\":0,\"end\":%llu,\"reason\":\"spool_full\"}", hex, (unsigned long long)end);
    add_record(&b, json);
    b.frame[b.count++] = frames_encode(&b.agent, true);
    take_in_order(&b, "012");
    assert_said(&b, "LET_GO@1");
    assert_int_equal(b.mark[0], DW_MARK_NONE);
    assert_int_equal(stream_of(&b, 0x11)->archived, 20);
    assert_int_equal(stream_of(&b, 0x11)->events, 1);
    tear_down(&b);
}

static void pending_and_declared_bytes_are_no_gap(void **state)
{
    (void)state;
    struct bed b;
    char hex[33], json[200];
    set_up(&b, true);
    add_events(&b, 10);
    unsigned long long end = b.agent.offset[0];
    dw_hex(b.agent.stream[0].id, DW_ID_BYTES, hex);
    (void)snprintf(json, sizeof json,
        "{\"type\":\"declare\",\"id\":\"%s\",\"start\":%llu,\"end\":%llu,\"reason\":\"cut\",\"hash\":\"00\"}", hex, end, end + 100);
    add_record(&b, json);
    add_ledger(&b, 0, end + 170, 70);
    take_in_order(&b, "0123");
    assert_said(&b, "");
    assert_int_equal(stream_of(&b, 0x10)->declared, 100);
    tear_down(&b);
}

static void a_lost_stream_is_told(void **state)
{
    (void)state;
    struct bed b;
    char hex[33], json[200];
    set_up(&b, true);
    add_events(&b, 10);
    dw_hex(b.agent.stream[0].id, DW_ID_BYTES, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"stream.end\",\"id\":\"%s\",\"size\":%llu,\"read\":%llu,\"state\":\"lost\"}", hex,
        (unsigned long long)b.agent.offset[0], (unsigned long long)b.agent.offset[0]);
    add_record(&b, json);
    take_in_order(&b, "012");
    assert_said(&b, "LOST@2");
    assert_true(stream_of(&b, 0x10)->lost);
    tear_down(&b);
}

static void a_stream_that_is_read_on_after_its_end_is_live_again(void **state)
{
    (void)state;
    struct bed b;
    char hex[33], json[200];
    set_up(&b, true);
    add_events(&b, 10);
    uint64_t end = b.agent.offset[0];
    dw_hex(b.agent.stream[0].id, DW_ID_BYTES, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"stream.end\",\"id\":\"%s\",\"size\":%llu,\"read\":%llu,\"state\":\"whole\"}", hex,
        (unsigned long long)end, (unsigned long long)end);
    add_record(&b, json);
    add_ledger(&b, 0, end + 70, 70);
    take_in_order(&b, "012");
    assert_true(stream_of(&b, 0x10)->ended);
    take_in_order(&b, "3");
    assert_false(stream_of(&b, 0x10)->ended);
    assert_said(&b, "");
    tear_down(&b);
}

/* Numbers of a record are whatever its agent wrote: more pending than read must not wrap into a gap of everything. */
static void more_pending_than_read_is_no_gap(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 10);
    add_ledger(&b, 0, 10, 20);
    take_in_order(&b, "012");
    assert_said(&b, "");
    assert_int_equal(stream_of(&b, 0x10)->gap, 0);
    tear_down(&b);
}

static void two_runs_give_equal_problems(void **state)
{
    (void)state;
    struct dw_buf first = {0};
    for (int run = 0; run < 2; run++) {
        struct bed b;
        set_up(&b, true);
        for (int i = 0; i < 5; i++)
            add_events(&b, 30);
        add_ledger(&b, 1, b.agent.offset[1] + 77, 0);
        take_in_order(&b, "0214462");
            assert_true(b.full.len > 0);
        if (run == 0)
            dw_buf_str(&first, dw_buf_view(&b.full));
        else
            assert_true(dw_str_eq(dw_buf_view(&first), dw_buf_view(&b.full)));
        tear_down(&b);
    }
    dw_buf_fini(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_chain_says_nothing),
        cmocka_unit_test(orders_of_frames_give_their_problem),
        cmocka_unit_test(a_chain_seen_from_its_middle_lacks_its_beginning),
        cmocka_unit_test(an_edited_frame_hashed_again_breaks_the_chain_behind_it),
        cmocka_unit_test(an_edited_frame_under_its_old_signature_is_named),
        cmocka_unit_test(two_frames_in_one_place_are_a_fork_and_their_bytes_conflict),
        cmocka_unit_test(an_epoch_without_signed_opening_is_said_once),
        cmocka_unit_test(bytes_that_come_again_are_marked_and_not_counted_twice),
        cmocka_unit_test(the_same_bytes_with_other_content_are_a_conflict),
        cmocka_unit_test(bytes_read_and_never_sent_are_a_gap_told_once),
        cmocka_unit_test(several_gaps_are_told_once_each),
        cmocka_unit_test(a_record_that_is_no_json_is_named_and_nothing_of_it_is_taken),
        cmocka_unit_test(streams_over_the_bound_are_forgotten_ended_ones_first),
        cmocka_unit_test(bytes_without_room_show_as_a_gap_and_never_as_whole),
        cmocka_unit_test(bytes_that_were_let_go_hide_nothing_that_nobody_had),
        cmocka_unit_test(pending_and_declared_bytes_are_no_gap),
        cmocka_unit_test(a_lost_stream_is_told),
        cmocka_unit_test(a_stream_that_is_read_on_after_its_end_is_live_again),
        cmocka_unit_test(more_pending_than_read_is_no_gap),
        cmocka_unit_test(two_runs_give_equal_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
