/* Tests of collector/ingest/taken: an archive of one of several collectors is whole where its own decisions say which frames the others have, and only there. */
#include "world.h"

#include "dogwatch/collect/account.h"
#include "dogwatch/collect/decision.h"
#include "dogwatch/collect/taken.h"

#include <stdio.h>

enum { PARTITION = 7 };

/* An archive, and another collector's account of the agent. */
struct split {
    struct world ours;
    struct dw_account *other;
    struct dw_encoder *encoder;
    struct dw_chain own;
    struct dw_buf part, said;
};

static void begin(struct split *s)
{
    *s = (struct split){.own.epoch.counter = 1};
    world_init(&s->ours);
    s->encoder = dw_encoder_new(1);
    s->other = dw_account_new(NULL, NULL, NULL);
    assert_true(s->encoder && s->other);
}

static void end(struct split *s)
{
    dw_account_free(s->other);
    dw_encoder_free(s->encoder);
    dw_buf_fini(&s->part);
    dw_buf_fini(&s->said);
    world_fini(&s->ours);
}

/* The other collector has it, and we do not. */
static void theirs(struct split *s, struct dw_frame *f)
{
    struct dw_decoded got;
    uint8_t mark[DW_FRAME_EVENTS_MAX];
    bool marked;
    assert_int_equal(dw_decode(s->ours.decoder, dw_buf_view(&f->bytes), &got), DW_OK);
    dw_account_arrival(s->other, PARTITION, 1000, 1000);
    assert_int_equal(dw_account_take(s->other, &got, NULL, mark, &marked), DW_OK);
    dw_frame_free(f);
}

static void ours(struct split *s, struct dw_frame *f)
{
    world_append(&s->ours, f, NULL);
}

static struct dw_frame *events(struct split *s, bool sign)
{
    frames_fill(&s->ours.agent, 3);
    return frames_encode(&s->ours.agent, sign);
}

/* `spools`: what was before it comes after it. */
static struct dw_frame *opening(struct split *s, bool spools)
{
    char key[65], hash[65], parent[160] = "null", json[512];
    struct dw_chain *c = &s->ours.agent.chain;
    dw_hex(dw_key_public(s->ours.agent.key), 32, key);
    dw_hex(c->previous, 32, hash);
    if (c->next_number) {
        (void)snprintf(parent, sizeof parent, "{\"epoch\":%d,\"number\":%d,\"hash\":\"%s\"}", (int)c->epoch.counter, (int)c->next_number - 1, hash);
        c->epoch.counter++;
        c->next_number = 0;
        memset(c->previous, 0, sizeof c->previous);
    }
    (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"public_key\":\"%s\",\"parent\":%s,\"spool\":%s}", key, parent, spools ? "{\"epoch\":1,\"number\":0}" : "null");
    return frames_record(&s->ours.agent, json);
}

static void save(struct split *s)
{
    dw_buf_reset(&s->part);
    dw_account_part_save(s->other, PARTITION, &s->part);
    assert_int_equal(s->part.err, DW_OK);
}

/* The partition is ours, with what the other one knew, of which `pieces` are said to be there. */
static void decide(struct split *s, uint64_t pieces)
{
    struct dw_buf hex = {0}, json = {0};
    struct dw_encode with = {.chain = &s->own};
    struct dw_frame *f = NULL;
    dw_decision_hex(dw_buf_view(&s->part), &hex);
    dw_decision_write(&(struct dw_decision){.kind = DW_DECISION_TAKEN, .source = PARTITION, .count = pieces, .hex = dw_buf_view(&hex)}, &json);
    assert_int_equal(dw_encode_record(s->encoder, dw_buf_view(&json), 4711, &with, &f), DW_OK);
    ours(s, f);
    dw_buf_fini(&hex);
    dw_buf_fini(&json);
}

static void hear(void *arg, const char *text)
{
    dw_buf_printf(arg, "%s\n", text);
}

static int verify(struct split *s, const struct dw_fs *fs, bool asks, struct dw_verify_result *ret)
{
    dw_buf_reset(&s->said);
    return dw_archive_verify(&(struct dw_verify){.fs = fs, .dir = s->ours.dir, .problem = hear, .arg = &s->said, .elsewhere = asks ? dw_taken_read : NULL}, ret);
}

/* Open, and again in order of chains: so many places were another's, and one problem has that in it (NULL: there is none). */
static void stands(struct split *s, uint64_t elsewhere, const char *problem)
{
    struct dw_verify_result r;
    for (int seal = 0; seal < 2; seal++) {
        assert_int_equal(seal ? dw_archive_seal(s->ours.archive) : dw_archive_sync(s->ours.archive), DW_OK);
        assert_int_equal(verify(s, &dw_fs_system, true, &r), DW_OK);
        if ((problem == NULL) != (r.problems == 0) || (problem && dw_str_find(dw_buf_view(&s->said), dw_str_of(problem)) >= s->said.len))
            fail_msg("want \"%s\" in: %.*s", problem ? problem : "nothing", DW_ARG(dw_buf_view(&s->said)));
        assert_int_equal(r.elsewhere, elsewhere);
        assert_true(problem || r.signatures > 0);
    }
}

enum how { TOLD, NOT_TOLD, TOLD_LATE, TOLD_IN_PART, TOLD_OF_ANOTHER_HASH, TOLD_OF_ANOTHER_AGENT, TOLD_OF_LESS, TOLD_OF_MORE };

/* The part is of the agent, but names another frame at its place; or it is of another agent that did as much. */
static void tell_else(struct split *s, enum how how, struct dw_chain before)
{
    struct frames *agent = &s->ours.agent;
    struct dw_chain now = agent->chain;
    uint8_t seed[32] = {5};
    struct dw_key *key = agent->key;
    if (how == TOLD_OF_ANOTHER_AGENT) {
        assert_int_equal(dw_key_from_seed(seed, &agent->key), DW_OK);
        agent->chain = (struct dw_chain){.epoch = now.epoch};
        dw_key_agent_id(dw_key_public(agent->key), agent->chain.agent);
        theirs(s, opening(s, false));
        while (agent->chain.next_number < now.next_number)
            theirs(s, events(s, true));
        dw_key_free(agent->key);
        agent->key = key;
    } else {
        agent->chain = before;
        theirs(s, events(s, true));
    }
    agent->chain = now;
}

/* Frames 0 to 2, of which `first` are ours, then one that is theirs and another one that may be, then three of ours. */
static void divide(struct split *s, int first, enum how how)
{
    begin(s);
    for (int i = 0; i < 3; i++) {
        struct dw_frame *f = i ? events(s, true) : opening(s, false);
        i < first ? ours(s, f) : theirs(s, f);
    }
    struct dw_chain before = s->ours.agent.chain;
    struct dw_frame *last = events(s, true);
    if (how == TOLD_OF_ANOTHER_HASH || how == TOLD_OF_ANOTHER_AGENT || how == TOLD_OF_LESS)
        dw_frame_free(last);
    else
        theirs(s, last);
    if (how == TOLD_OF_ANOTHER_HASH || how == TOLD_OF_ANOTHER_AGENT)
        tell_else(s, how, before);
    struct dw_chain behind = s->ours.agent.chain;
    if (how == TOLD_OF_MORE) {
        theirs(s, events(s, true));
        s->ours.agent.chain = behind;
    }
    save(s);
    if (how != NOT_TOLD && how != TOLD_LATE)
        decide(s, how == TOLD_IN_PART ? 2 : 1);
    for (int i = 0; i < 3; i++)
        ours(s, events(s, i > 0));
    if (how == TOLD_LATE)
        decide(s, 1);
}

static void frames_of_another_collector_are_not_missing(void **state)
{
    (void)state;
    struct split s;
    struct dw_verify_result r;
    for (int first = 0; first < 4; first++) { /* it begins in the middle, or has a hole */
        divide(&s, first, TOLD);
        stands(&s, 1, NULL);
        assert_int_equal(verify(&s, &dw_fs_system, false, &r), DW_OK);
        assert_true(r.problems > 0 && r.elsewhere == 0);
        end(&s);
    }
}

static void a_part_vouches_for_no_other_frame(void **state)
{
    (void)state;
    struct split s;
    for (enum how how = NOT_TOLD; how <= TOLD_OF_MORE; how++) {
        divide(&s, 0, how);
        stands(&s, 0, "epoch 1 frame 5: signed, but the record with the agent's key is not here");
        end(&s);
        divide(&s, 3, how);
        stands(&s, 0, "epoch 1 frame 4: 1 frames before it are missing");
        end(&s);
    }
}

/* What was taken behind the place where a partition came back is missed, as ever. */
static void a_frame_that_is_gone_behind_a_part_is_missing(void **state)
{
    (void)state;
    struct split s;
    divide(&s, 3, TOLD);
    dw_frame_free(events(&s, true));
    ours(&s, events(&s, true));
    stands(&s, 1, "epoch 1 frame 8: 1 frames before it are missing");
    end(&s);
}

/* A partition comes and goes: each part vouches for its own place, in parts of several epochs and agents too. */
static void each_place_is_counted(void **state)
{
    (void)state;
    struct split s;
    divide(&s, 3, TOLD);
    for (int i = 0; i < 3; i++) {
        theirs(&s, events(&s, true));
        save(&s);
        decide(&s, 1);
        ours(&s, events(&s, true));
    }
    stands(&s, 4, NULL);
    end(&s);
}

/* Epoch 1 is theirs; of epoch 2 its opening, and all else, is ours. */
static void follow(struct split *s, enum how how, bool spools)
{
    begin(s);
    theirs(s, opening(s, false));
    struct dw_chain before = s->ours.agent.chain;
    struct dw_frame *last = events(s, true);
    if (how == TOLD_OF_ANOTHER_HASH || how == TOLD_OF_ANOTHER_AGENT || how == TOLD_OF_LESS)
        dw_frame_free(last);
    else
        theirs(s, last);
    if (how == TOLD_OF_ANOTHER_HASH || how == TOLD_OF_ANOTHER_AGENT)
        tell_else(s, how, before);
    if (how == TOLD_OF_MORE) { /* the agent had not heard that it came */
        struct dw_chain behind = s->ours.agent.chain;
        theirs(s, events(s, true));
        s->ours.agent.chain = behind;
    }
    save(s);
    if (how != NOT_TOLD && how != TOLD_LATE)
        decide(s, how == TOLD_IN_PART ? 2 : 1);
    ours(s, opening(s, spools));
    if (how == TOLD_LATE)
        decide(s, 1);
    ours(s, events(s, true));
}

static void a_parent_that_another_collector_has_is_not_missing(void **state)
{
    (void)state;
    static const struct {
        enum how how;
        bool spools, stands;
    } rows[] = {{TOLD, false, true}, {TOLD, true, true}, {TOLD_OF_MORE, false, true}, {TOLD_LATE, true, true}, {TOLD_LATE, false, false}, {NOT_TOLD, false, false},
        {NOT_TOLD, true, false}, {TOLD_IN_PART, false, false}, {TOLD_OF_ANOTHER_HASH, false, false}, {TOLD_OF_ANOTHER_AGENT, false, false}, {TOLD_OF_LESS, false, false}};
    struct split s;
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        follow(&s, rows[i].how, rows[i].spools);
        stands(&s, rows[i].stands, rows[i].stands ? NULL : "epoch 2 frame 0: deleted: epoch 1 was before it, and none of its frames 0 to 1 is here");
        end(&s);
    }
}

static void verify_without_files_calls_nothing_good_that_it_did_not_see(void **state)
{
    (void)state;
    struct split s;
    struct dw_verify_result r;
    struct faulty_fs fs;
    int hits = 1;
    divide(&s, 0, TOLD);
    assert_int_equal(dw_archive_sync(s.ours.archive), DW_OK);
    for (int nth = 1; hits; nth++) {
        assert_true(nth < 10000);
        faulty_fs_init(&fs, nth, FAULT_EIO);
        int rc = verify(&s, &fs.fs, true, &r);
        hits = fs.hits;
        assert_true(rc < 0 || r.problems > 0 || r.elsewhere == 1);
        assert_true(hits || (rc == DW_OK && r.problems == 0));
    }
    end(&s);
}

/* What a part of these tests has, and which allocation fails while it is added. */
static const struct dw_buf *given;
static unsigned failing;

static int add(void *arg, const struct dw_chain_head *k, const uint8_t *key)
{
    return dw_elsewhere_add(arg, k, key, 0);
}

static int give_without_memory(const struct dw_fs *fs, const char *dir, struct dw_elsewhere *e)
{
    (void)fs;
    (void)dir;
    mem_fail_at(failing);
    int rc = dw_account_part_chains(dw_buf_view(given), add, e);
    failing = mem_fail_hits() ? failing + 1 : 0;
    mem_fail_at(0);
    return rc;
}

static void a_part_is_taken_whole_or_not_without_memory(void **state)
{
    (void)state;
    struct split s;
    struct dw_verify_result r;
    divide(&s, 0, TOLD);
    assert_int_equal(dw_archive_sync(s.ours.archive), DW_OK);
    given = &s.part;
    for (failing = 1; failing;) {
        assert_true(failing < 1000);
        dw_buf_reset(&s.said);
        int rc = dw_archive_verify(&(struct dw_verify){.fs = &dw_fs_system, .dir = s.ours.dir, .problem = hear, .arg = &s.said, .elsewhere = give_without_memory}, &r);
        assert_true(rc == DW_ENOMEM || (rc == DW_OK && r.problems == 0 && r.elsewhere == 1)); /* a table does with less */
        assert_true(failing || rc == DW_OK);
    }
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_another_collector_are_not_missing),
        cmocka_unit_test(a_part_vouches_for_no_other_frame),
        cmocka_unit_test(a_frame_that_is_gone_behind_a_part_is_missing),
        cmocka_unit_test(each_place_is_counted),
        cmocka_unit_test(a_parent_that_another_collector_has_is_not_missing),
        cmocka_unit_test(verify_without_files_calls_nothing_good_that_it_did_not_see),
        cmocka_unit_test(a_part_is_taken_whole_or_not_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
