/* Tests of core/store/chains: what an opening record says of the epoch before, and how that stands. */
#include "frames.h"
#include "support.h"

#include "dogwatch/store/archive.h"

#include <stdio.h>

static void a_parent_is_read_out_of_an_opening_record(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        int rc;
        bool named;
    } rows[] = {
        {"{\"type\":\"epoch.open\",\"parent\":null}", DW_OK, false},
        {"{\"type\":\"epoch.open\"}", DW_OK, false},
        {"{\"x\":{\"parent\":{\"epoch\":1}},\"parent\":null}", DW_OK, false},
        {"{\"parent\":{\"epoch\":3,\"number\":7,\"hash\":\"0102030405060708091011121314151617181920212223242526272829303132\"}}", DW_OK, true},
        {"{\"parent\":{\"epoch\":3,\"number\":7,\"hash\":\"01\"}}", DW_ESYNTAX, false},
        {"{\"parent\":{\"epoch\":3,\"number\":7}}", DW_ESYNTAX, false},
        {"{\"parent\":{\"epoch\":3,", DW_ESYNTAX, false},
        {"{\"spool\":{\"epoch\":3}}", DW_ESYNTAX, false},
        {"{\"spool\":null,\"parent\":null}", DW_OK, false},
        {"[]", DW_ESYNTAX, false},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct dw_parent p;
        if (dw_parent_read(dw_str_of(rows[i].record), &p) != rows[i].rc || (rows[i].rc == DW_OK && p.named != rows[i].named))
            fail_msg("%s", rows[i].record);
        if (p.named)
            assert_true(p.epoch == 3 && p.number == 7 && p.hash[0] == 1 && p.hash[31] == 0x32);
    }
}

static void an_opening_record_says_what_comes_after_it_from_the_spool(void **state)
{
    (void)state;
    struct dw_parent p;
    assert_int_equal(
        dw_parent_read(DW_STR("{\"parent\":null,\"spool\":{\"epoch\":4,\"number\":9,\"frames\":2}}"), &p), DW_OK);
    assert_true(!p.named && p.spooled && p.spool_epoch == 4 && p.spool_number == 9);
    assert_int_equal(dw_parent_read(DW_STR("{\"parent\":null}"), &p), DW_OK);
    assert_false(p.spooled);
}

static void a_parent_stands_by_the_chain_that_fits_best(void **state)
{
    (void)state;
    struct dw_chains *c = dw_chains_new();
    struct dw_head h = {.epoch.counter = 4};
    struct dw_parent p = {.named = true, .epoch = 4, .number = 2};
    const struct dw_chain_head *known;
    enum dw_link link;
    uint64_t missing;
    assert_int_equal(dw_chains_parent(c, h.agent, &p, &known), DW_PARENT_GONE);
    assert_null(known);
    assert_int_equal(dw_chains_take(c, &h, &link, &missing), DW_OK);
    assert_int_equal(link, DW_LINK_START);
    assert_int_equal(dw_chains_parent(c, h.agent, &p, &known), DW_PARENT_SHORT);
    h.epoch.nonce[0] = 1; /* a clone with the same number */
    h.number = 2;
    h.hash[0] = 9;
    assert_int_equal(dw_chains_take(c, &h, &link, &missing), DW_OK);
    assert_int_equal(dw_chains_parent(c, h.agent, &p, &known), DW_PARENT_OTHER);
    p.hash[0] = 9;
    assert_int_equal(dw_chains_parent(c, h.agent, &p, &known), DW_PARENT_HERE);
    assert_int_equal(known->number, 2);
    p.number = 1; /* the agent had heard of less than what came */
    assert_int_equal(dw_chains_parent(c, h.agent, &p, &known), DW_PARENT_HERE);
    p.epoch = 5;
    assert_int_equal(dw_chains_parent(c, h.agent, &p, &known), DW_PARENT_GONE);
    dw_chains_free(c);
}

struct made {
    char dir[512];
    struct dw_keys *keys;
    struct dw_archive *archive;
    struct frames agent;
    uint64_t offset;
    struct dw_buf said;
};

static void append(struct made *m, struct dw_frame *f)
{
    struct dw_intake in = {.source = 1, .offset = m->offset, .next = m->offset + f->bytes.len};
    m->offset = in.next;
    assert_int_equal(dw_archive_append(m->archive, dw_buf_view(&f->bytes), &f->head, NULL, &in), DW_OK);
    dw_frame_free(f);
}

/* Begins an epoch that names the one before; its frames go to the archive (x), or only those behind its opening (e), or none. */
static void epoch(struct made *m, char keep)
{
    char key[65], hash[65], json[400];
    struct dw_chain before = m->agent.chain;
    dw_hex(dw_key_public(m->agent.key), 32, key);
    dw_hex(before.previous, 32, hash);
    if (before.next_number)
        (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"public_key\":\"%s\",\"parent\":{\"epoch\":%d,\"number\":%d,\"hash\":\"%s\"}}",
            key, (int)before.epoch.counter, (int)before.next_number - 1, hash);
    else
        (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"public_key\":\"%s\",\"parent\":null}", key);
    m->agent.chain.epoch.counter += before.next_number > 0;
    m->agent.chain.next_number = 0;
    memset(m->agent.chain.previous, 0, sizeof m->agent.chain.previous);
    struct dw_frame *open = frames_record(&m->agent, json);
    frames_fill(&m->agent, 5);
    struct dw_frame *events = frames_encode(&m->agent, true);
    if (keep == 'x')
        append(m, open);
    else
        dw_frame_free(open);
    if (keep == 'x' || keep == 'e')
        append(m, events);
    else
        dw_frame_free(events);
}

static void hear(void *arg, const char *text)
{
    dw_buf_printf(arg, "%s\n", text);
}

/* Three epochs, of which those in `keep` are archived, open or sealed: what does verification say? */
static void verify(struct made *m, const char *keep, bool seal)
{
    struct dw_verify_result result;
    *m = (struct made){0};
    (void)snprintf(m->dir, sizeof m->dir, "%s", temp_dir());
    m->keys = dw_keys_new();
    frames_init(&m->agent);
    struct dw_archive_conf conf = {.fs = &dw_fs_system, .clock = &dw_clock_system, .dir = m->dir, .keys = m->keys, .segment_max_bytes = 1 << 20};
    assert_int_equal(dw_archive_open(&conf, &m->archive), DW_OK);
    for (const char *k = keep; *k; k++)
        epoch(m, *k);
    assert_int_equal(seal ? dw_archive_seal(m->archive) : dw_archive_sync(m->archive), DW_OK);
    struct dw_verify v = {.fs = &dw_fs_system, .dir = m->dir, .problem = hear, .arg = &m->said};
    assert_int_equal(dw_archive_verify(&v, &result), DW_OK);
    dw_buf_byte(&m->said, 0);
}

static void done(struct made *m)
{
    dw_archive_close(m->archive);
    dw_keys_free(m->keys);
    frames_fini(&m->agent);
    dw_buf_fini(&m->said);
    temp_dir_remove(m->dir);
}

static void an_epoch_that_is_gone_is_named(void **state)
{
    (void)state;
    struct made m;
    for (int seal = 0; seal < 2; seal++) {
        verify(&m, "xxx", seal);
        assert_string_equal(m.said.ptr, "");
        done(&m);
        verify(&m, "x-x", seal);
        assert_non_null(strstr(m.said.ptr, "epoch 3 frame 0: deleted: epoch 2 was before it, and none of its frames 0 to 1 is here"));
        done(&m);
        verify(&m, "-xx", seal);
        assert_non_null(strstr(m.said.ptr, "epoch 2 frame 0: deleted: epoch 1 was before it"));
        done(&m);
    }
}

/* Also when the agent's key is known from an epoch before. */
static void the_beginning_of_an_epoch_that_is_gone_is_missing(void **state)
{
    (void)state;
    struct made m;
    for (int seal = 0; seal < 2; seal++) {
        verify(&m, "xex", seal);
        assert_non_null(strstr(m.said.ptr, "epoch 2 frame 1: 1 frames before it are missing"));
        done(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parent_is_read_out_of_an_opening_record),
        cmocka_unit_test(an_opening_record_says_what_comes_after_it_from_the_spool),
        cmocka_unit_test(a_parent_stands_by_the_chain_that_fits_best),
        cmocka_unit_test(an_epoch_that_is_gone_is_named),
        cmocka_unit_test(the_beginning_of_an_epoch_that_is_gone_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
