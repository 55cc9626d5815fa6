/* Tests of collector/ingest/epochs: starts of agents, what each says of the one before, and agents that fall silent. */
#include "account_bed.h"

/* The agent starts again: the opening record is the next frame. `spool`: what it says comes after it, or NULL. */
static void next_epoch_with(struct bed *b, const char *parent, const char *spool)
{
    char hex[65], json[400];
    dw_hex(dw_key_public(b->agent.key), 32, hex);
    (void)snprintf(json, sizeof json,
        "{\"type\":\"epoch.open\",\"host\":\"web-1\",\"public_key\":\"%s\",\"parent\":%s,\"spool\":%s}", hex, parent,
        spool ? spool : "null");
    b->agent.chain.epoch.counter++;
    b->agent.chain.next_number = 0;
    memset(b->agent.chain.previous, 0, sizeof b->agent.chain.previous);
    add_record(b, json);
}

static void next_epoch(struct bed *b, const char *parent)
{
    next_epoch_with(b, parent, NULL);
}

static const char *parent_of(const struct dw_frame *f, int flip)
{
    static char text[200];
    char hash[65];
    dw_hex(f->head.hash, 32, hash);
    hash[0] = (char)(flip ? (hash[0] == '0' ? '1' : '0') : hash[0]);
    (void)snprintf(text, sizeof text, "{\"epoch\":%d,\"number\":%d,\"hash\":\"%s\"}", (int)f->head.epoch.counter, (int)f->head.number, hash);
    return text;
}

static void assert_told(struct bed *b, const char *word)
{
    dw_buf_byte(&b->full, 0);
    b->full.len--;
    if (!strstr(b->full.ptr ? b->full.ptr : "", word))
        fail_msg("it says \"%s\", not \"%s\"", b->full.ptr, word);
}

/* Frames 0 1 2 are epoch 1 (3 is its close in some), then the opening of epoch 2. */
static void the_parent_that_an_opening_record_names_must_be_here(void **state)
{
    (void)state;
    static const struct {
        const char *order;
        int number, flip;
        const char *want, *word;
    } rows[] = {
        {"0123", 2, 0, "", ""},
        {"013", 2, 0, "TAIL_MISSING@0", "epoch 1: frames 2 to 2 were durable"},
        {"3", 2, 0, "TAIL_MISSING@0", "epoch 1: frames 0 to 2 were durable and are not here: nothing of this epoch came"},
        {"0123", 2, 1, "FORK@0", "frame 2 of epoch 1 is not the one"},
        {"0123", 1, 0, "", ""}, /* killed before it heard that frame 2 is durable */
        {"0123", 1, 1, "", ""}, /* of a number that is passed no hash is kept */
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct bed b;
        set_up(&b, true);
        add_events(&b, 5);
        add_events(&b, 5);
        next_epoch(&b, parent_of(b.frame[rows[i].number], rows[i].flip));
        take_in_order(&b, rows[i].order);
        if (!dw_str_eq(dw_buf_view(&b.said), dw_str_of(rows[i].want)))
            fail_msg("row %zu: got \"%.*s\", want \"%s\"", i, DW_ARG(dw_buf_view(&b.said)), rows[i].want);
        assert_told(&b, rows[i].word);
        tear_down(&b);
    }
}

static void a_whole_epoch_between_two_is_missed(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 5);
    next_epoch(&b, parent_of(b.frame[1], 0)); /* 2 */
    add_events(&b, 5);
    next_epoch(&b, parent_of(b.frame[3], 0)); /* 4 */
    take_in_order(&b, "014");
    assert_said(&b, "TAIL_MISSING@0");
    assert_told(&b, "epoch 2: frames 0 to 1");
    tear_down(&b);
}

/* The agent was killed before anything of epoch 2 was durable: by its own word nothing is missing, and a counter says so. */
static void a_start_that_left_nothing_is_counted(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 5);
    b.agent.chain.epoch.counter++;
    next_epoch(&b, parent_of(b.frame[1], 0));
    uint64_t before = dw_counter_get(DW_C_ingest_epochs_empty);
    take_in_order(&b, "012");
    assert_said(&b, "");
    assert_int_equal(dw_counter_get(DW_C_ingest_epochs_empty), before + 1);
    tear_down(&b);
}

/* Whoever can write the queue could end the epochs of any agent, and so move the watermark. */
static void an_opening_that_nobody_signed_ends_no_epoch(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 5);
    struct dw_chain chain = b.agent.chain;
    struct dw_frame *forged = NULL;
    chain.epoch.counter++;
    chain.next_number = 0;
    struct dw_encode with = {.chain = &chain, .low_water_ns = 5};
    assert_int_equal(dw_encode_record(b.agent.encoder, DW_STR("{\"type\":\"epoch.open\",\"parent\":null}"), 77, &with, &forged), DW_OK);
    take_in_order(&b, "01");
    take(&b, forged);
    assert_said(&b, "HEADLESS@0");
    assert_int_equal(dw_account_low_water(b.account), 5);
    /* nor does a record of the kind in the middle of an epoch take its opening away */
    dw_frame_free(forged);
    chain = b.agent.chain;
    assert_int_equal(dw_encode_record(b.agent.encoder, DW_STR("{\"type\":\"epoch.open\",\"parent\":null}"), 77, &with, &forged), DW_OK);
    take(&b, forged);
    assert_int_equal(dw_account_low_water(b.account), 5);
    dw_frame_free(forged);
    tear_down(&b);
}

/* ---- frames from an agent's spool ---- */

/* Frames 0 1 2 3 are epoch 1; 4 opens epoch 2 and says that the spool is sent from frame 1 of epoch 1 on; 5 and 6
 * follow it. */
static void what_an_opening_announces_may_come_again_once(void **state)
{
    (void)state;
    static const struct {
        const char *order, *want;
        uint64_t resent;
    } rows[] = {
        {"0412356", "", 0},               /* nothing of the spool had been taken */
        {"012412356", "", 2},             /* some of it had */
        {"0123412356", "", 3},            /* all */
        {"0124112356", "REPLAYED@1", 2},  /* once too often */
        {"0124123256", "REPLAYED@2", 2},  /* a frame that was new has come, and comes again */
        {"0124012356", "REORDERED@0", 2}, /* not announced */
        {"0124123526", "REPLAYED@2", 2},  /* the spool is sent by then */
        {"0121", "REPLAYED@1", 0},        /* nobody announced anything */
        {"012456", "TAIL_MISSING@1", 0},  /* frame 3 was durable */
        {"01241256", "TAIL_MISSING@1", 2},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct bed b;
        set_up(&b, true);
        for (int k = 0; k < 3; k++)
            add_events(&b, 5);
        next_epoch_with(&b, parent_of(b.frame[3], 0), "{\"epoch\":1,\"number\":1}");
        add_events(&b, 5);
        add_events(&b, 5);
        uint64_t before = dw_counter_get(DW_C_ingest_resent);
        take_in_order(&b, rows[i].order);
        uint64_t resent = dw_counter_get(DW_C_ingest_resent) - before;
        if (resent != rows[i].resent || !dw_str_eq(dw_buf_view(&b.said), dw_str_of(rows[i].want)))
            fail_msg("row %zu: %d resent, got \"%.*s\", want \"%s\"", i, (int)resent, DW_ARG(dw_buf_view(&b.said)),
                rows[i].want);
        tear_down(&b);
    }
}

/* 0 1 are epoch 1; 2 3 epoch 2, of which nothing but the spool had known; 4 opens epoch 3. */
static void an_epoch_that_comes_from_the_spool_is_over(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 5);
    next_epoch_with(&b, parent_of(b.frame[1], 0), "{\"epoch\":1,\"number\":1}");
    add_events(&b, 5);
    next_epoch_with(&b, parent_of(b.frame[3], 0), "{\"epoch\":1,\"number\":1}");
    add_record(&b, "{\"type\":\"epoch.close\",\"streams\":[]}");
    take_in_order(&b, "04123");
    assert_said(&b, "");
    assert_false(dw_account_all_closed(b.account)); /* the newest goes on */
    take_in_order(&b, "5");
    assert_said(&b, "");
    assert_true(dw_account_all_closed(b.account)); /* and nothing waits for what came after it */
    tear_down(&b);
}

static void a_frame_without_its_content_is_named_and_keeps_its_place(void **state)
{
    (void)state;
    struct bed b;
    struct dw_head grave;
    set_up(&b, true);
    for (int k = 0; k < 3; k++)
        add_events(&b, 5);
    grave = b.frame[2]->head;
    grave.flags |= DW_HEAD_TOMBSTONE;
    grave.text_packed = grave.views_packed = 0;
    b.frame[2]->bytes.len = 0;
    dw_head_write(&grave, &b.frame[2]->bytes);
    take_in_order(&b, "0123");
    assert_said(&b, "LET_GO@2");
    assert_told(&b, "frame 2 of epoch 1 came without its content, 5 events");
    tear_down(&b);
}

static void what_a_full_spool_let_go_is_declared_and_named(void **state)
{
    (void)state;
    struct bed b;
    char hex[33], json[256];
    set_up(&b, true);
    dw_hex(b.agent.stream[0].id, DW_ID_BYTES, hex);
    add_events(&b, 5);
    (void)snprintf(json, sizeof json,
        "{\"type\":\"declare\",\"id\":\"%s\",\"start\":100000,\"end\":100400,\"reason\":\"spool_full\"}", hex);
    add_record(&b, json);
    take_in_order(&b, "012");
    assert_said(&b, "LET_GO@2");
    assert_told(&b, "bytes 100000-100400 were let go");
    assert_int_equal(stream_of(&b, 0x10)->declared, 400);
    tear_down(&b);
}

static void an_agent_says_what_waits_in_its_spool(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_record(&b, "{\"type\":\"heartbeat\",\"read_at\":5,\"spool\":{\"frames\":7,\"bytes\":4711,\"oldest\":3}}");
    add_record(&b, "{\"type\":\"heartbeat\",\"read_at\":6}");
    take_in_order(&b, "01");
    assert_int_equal(dw_account_next_agent(b.account, NULL)->spool_bytes, 4711);
    take_in_order(&b, "2");
    assert_int_equal(dw_account_next_agent(b.account, NULL)->spool_bytes, 0);
    assert_said(&b, "");
    tear_down(&b);
}

/* ---- agents that are not heard ---- */

static struct dw_frame *decision(struct bed *b, struct dw_chain *own, const struct dw_decision *d, int64_t time_ns)
{
    struct dw_buf json = {0};
    struct dw_frame *f = NULL;
    struct dw_encode with = {.chain = own};
    dw_decision_write(d, &json);
    assert_int_equal(dw_encode_record(b->agent.encoder, dw_buf_view(&json), time_ns, &with, &f), DW_OK);
    dw_buf_fini(&json);
    return f;
}

static void an_idle_agent_holds_back_nothing_until_it_is_heard_again(void **state)
{
    (void)state;
    struct bed b;
    struct dw_chain own;
    struct dw_decision d;
    set_up(&b, true);
    add_events(&b, 5);
    add_events(&b, 5);
    dw_account_arrival(b.account, 0, 1000000000, 10);
    dw_account_arrival(b.twin, 0, 1000000000, 10);
    take_in_order(&b, "01");
    assert_int_equal(dw_account_low_water(b.account), 5);
    assert_false(dw_account_unheard(b.account, 10, &d));
    assert_true(dw_account_unheard(b.account, 11, &d));
    assert_int_equal(d.kind, DW_DECISION_IDLE);
    assert_int_equal(d.since_ns, 1000000000);
    dw_account_chain(b.account, &own);
    struct dw_frame *f = decision(&b, &own, &d, 61000000000);
    take(&b, f);
    assert_said(&b, "UNHEARD@1");
    assert_told(&b, "nothing since 1970-01-01T00:00:01.000000000Z");
    assert_int_equal(dw_account_low_water(b.account), INT64_MAX);
    assert_false(dw_account_unheard(b.account, 100, &d));
    assert_true(dw_account_all_closed(b.account));
    take_in_order(&b, "1"); /* a frame that came before says nothing of its agent */
    assert_int_equal(dw_account_low_water(b.account), INT64_MAX);
    take_in_order(&b, "2");
    assert_int_equal(dw_account_low_water(b.account), 5);
    assert_false(dw_account_all_closed(b.account));
    dw_account_chain(b.account, &own);
    assert_int_equal(own.next_number, 1);
    dw_frame_free(f);
    tear_down(&b);
}

static void a_hole_in_the_decisions_is_named(void **state)
{
    (void)state;
    struct bed b;
    struct dw_chain own;
    set_up(&b, true);
    dw_account_chain(b.account, &own);
    for (int i = 0; i < 3; i++)
        b.frame[b.count++] = decision(&b, &own, &(struct dw_decision){.kind = DW_DECISION_END}, i);
    take_in_order(&b, "01");
    assert_said(&b, "");
    take_in_order(&b, "3");
    assert_said(&b, "HOLE@2");
    tear_down(&b);
}

static void a_rejection_is_told_as_it_was_decided(void **state)
{
    (void)state;
    struct bed b;
    struct dw_chain own;
    struct dw_decision d = {.kind = DW_DECISION_REJECTED, .epoch.counter = 3, .number = 7,
        .problem = dw_str_of(dw_problem_rule(DW_PROBLEM_INVALID)), .source = 2, .offset = 500, .bytes = 99};
    set_up(&b, true);
    dw_account_chain(b.account, &own);
    b.frame[b.count++] = decision(&b, &own, &d, 4711);
    d.bytes = 98; /* the queue was replaced, and other bytes stand at the same place */
    b.frame[b.count++] = decision(&b, &own, &d, 4712);
    take_in_order(&b, "12");
    assert_said(&b, "INVALID@7 INVALID@7");
    assert_told(&b, " 4711 2:500:0 99 bytes at 500 of queue file 2 were set aside");
    assert_told(&b, " 4712 2:500:1 98 bytes at 500 of queue file 2 were set aside");
    tear_down(&b);
}

static void decisions_are_read_back_as_they_were_written(void **state)
{
    (void)state;
    struct dw_decision in = {.kind = DW_DECISION_REJECTED, .agent = {1, 2}, .epoch = {.counter = UINT64_MAX, .nonce = {3}}, .number = 4,
        .problem = DW_STR("dogwatch.queue.junk"), .source = 5, .offset = 6, .bytes = 7, .sha256 = {8}}, out;
    struct dw_buf json = {0};
    dw_decision_write(&in, &json);
    assert_int_equal(dw_decision_read(dw_buf_view(&json), &out), DW_OK);
    assert_true(out.kind == in.kind && out.number == 4 && out.source == 5 && out.offset == 6 && out.bytes == 7 && out.sha256[0] == 8);
    assert_true(out.agent[1] == 2 && out.epoch.nonce[0] == 3 && out.epoch.counter == UINT64_MAX && dw_str_eq(out.problem, in.problem));
    dw_buf_reset(&json);
    in = (struct dw_decision){.kind = DW_DECISION_IDLE, .since_ns = INT64_MIN};
    dw_decision_write(&in, &json);
    assert_int_equal(dw_decision_read(dw_buf_view(&json), &out), DW_OK);
    assert_true(out.kind == DW_DECISION_IDLE && out.since_ns == INT64_MIN);
    assert_int_equal(dw_decision_read(DW_STR("{\"type\":\"of.later\",\"x\":[1]}"), &out), DW_OK);
    assert_int_equal(out.kind, DW_DECISION_OTHER);
    assert_int_equal(dw_decision_read(DW_STR("{\"type\":\"rejected\",\"source\":-1}"), &out), DW_ESYNTAX);
    assert_int_equal(dw_decision_read(DW_STR("{\"type\":"), &out), DW_ESYNTAX);
    dw_buf_fini(&json);
}

static void epochs_over_the_bound_are_forgotten_and_counted(void **state)
{
    (void)state;
    static const struct dw_account_bounds two = {.streams = 9, .epochs = 2, .ranges = 100};
    struct bed b;
    set_up_within(&b, true, &two);
    for (int i = 0; i < 3; i++)
        next_epoch(&b, parent_of(b.frame[b.count - 1], 0));
    uint64_t before = dw_counter_get(DW_C_account_epochs_forgotten);
    take_in_order(&b, "0123");
    assert_said(&b, "");
    assert_int_equal(dw_counter_get(DW_C_account_epochs_forgotten), before + 2);
    tear_down(&b);
}

/* Keys are what anybody can make: without a bound they would fill memory. */
static void keys_over_the_bound_are_forgotten_and_vouch_for_nothing(void **state)
{
    (void)state;
    static const struct dw_account_bounds one = {.streams = 9, .epochs = 1, .ranges = 100};
    struct bed b, other;
    uint8_t seed[32];
    set_up_within(&b, true, &one);
    add_events(&b, 5);
    set_up(&other, false);
    dw_key_free(other.agent.key);
    memset(seed, 42, sizeof seed);
    assert_int_equal(dw_key_from_seed(seed, &other.agent.key), DW_OK);
    dw_key_agent_id(dw_key_public(other.agent.key), other.agent.chain.agent);
    next_epoch(&other, "null");
    uint64_t before = dw_counter_get(DW_C_account_keys_forgotten);
    take_in_order(&b, "0");
    take(&b, other.frame[0]);
    assert_int_equal(dw_counter_get(DW_C_account_keys_forgotten), before + 1);
    take_in_order(&b, "1"); /* neither its opening nor its key is known any more */
    assert_said(&b, "HOLE@1 HEADLESS@1");
    tear_down(&other);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parent_that_an_opening_record_names_must_be_here),
        cmocka_unit_test(a_whole_epoch_between_two_is_missed),
        cmocka_unit_test(a_start_that_left_nothing_is_counted),
        cmocka_unit_test(an_opening_that_nobody_signed_ends_no_epoch),
        cmocka_unit_test(what_an_opening_announces_may_come_again_once),
        cmocka_unit_test(an_epoch_that_comes_from_the_spool_is_over),
        cmocka_unit_test(a_frame_without_its_content_is_named_and_keeps_its_place),
        cmocka_unit_test(what_a_full_spool_let_go_is_declared_and_named),
        cmocka_unit_test(an_agent_says_what_waits_in_its_spool),
        cmocka_unit_test(an_idle_agent_holds_back_nothing_until_it_is_heard_again),
        cmocka_unit_test(a_hole_in_the_decisions_is_named),
        cmocka_unit_test(a_rejection_is_told_as_it_was_decided),
        cmocka_unit_test(decisions_are_read_back_as_they_were_written),
        cmocka_unit_test(epochs_over_the_bound_are_forgotten_and_counted),
        cmocka_unit_test(keys_over_the_bound_are_forgotten_and_vouch_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
