/* Tests of core/store/retention: what is kept, what is let go, and that both are said. */
#include "world.h"

#include "dogwatch/base/counter.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const struct dw_asked me = {.by = "me=you 1%", .why = "because \n of\xff"};

static int note_state(void *arg, struct dw_str state)
{
    struct dw_buf *all = arg;
    dw_buf_str(all, dw_str_slice(state, state.len - 1, state.len)); /* the mark of its owner */
    return DW_OK;
}

/* The state of the one agent, and a letter to know it by. */
static void make_state(struct world *w, char mark, struct dw_buf *out)
{
    char hex[65], json[200];
    struct dw_intake in;
    struct dw_head last;
    struct dw_keyring *keys = dw_keyring_new(4);
    dw_hex(dw_key_public(w->agent.key), 32, hex);
    (void)snprintf(json, sizeof json, "{\"public_key\":\"%s\"}", hex);
    assert_true(dw_archive_last(w->archive, &in, &last));
    assert_int_equal(dw_keyring_learn(keys, last.agent, dw_str_of(json)), DW_OK);
    struct dw_chain_head k = {.epoch = last.epoch, .number = last.number};
    memcpy(k.agent, last.agent, sizeof k.agent);
    memcpy(k.hash, last.hash, sizeof k.hash);
    dw_state_begin(out);
    dw_buf_varint(out, 1);
    dw_chain_head_put(&k, out);
    dw_keyring_save(keys, out);
    dw_buf_byte(out, (uint8_t)mark);
    dw_keyring_free(keys);
}

static int keep(struct world *w, char mark)
{
    struct dw_buf state = {0};
    make_state(w, mark, &state);
    int rc = dw_archive_keep_state(w->archive, dw_buf_view(&state));
    dw_buf_fini(&state);
    return rc;
}

/* Segments of some frames each; a state at the end of those that have a letter. */
static void fill(struct world *w, const char *marks)
{
    world_init(w);
    world_open_epoch(w);
    for (; *marks; marks++) {
        world_append_events(w, 4, 30);
        assert_int_equal(dw_archive_seal(w->archive), DW_OK);
        if (*marks != '-')
            assert_int_equal(keep(w, *marks), DW_OK);
    }
    world_append_events(w, 2, 30);
}

/* What a reader gets: the first number of each run of frames, and letters of states in between. */
static void assert_read(struct world *w, const char *want)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    struct dw_buf said = {0};
    uint64_t due = UINT64_MAX;
    assert_int_equal(dw_archive_reader_open(&dw_fs_system, w->dir, w->keys, &r), DW_OK);
    dw_archive_reader_states(r, note_state, &said);
    while (dw_archive_reader_next(r, &a) == DW_OK) {
        if (a.intake.number != due)
            dw_buf_printf(&said, "%d ", (int)a.intake.number);
        due = a.intake.number + 1;
    }
    assert_str(dw_buf_view(&said), want);
    dw_buf_fini(&said);
    dw_archive_reader_close(r);
}

static bool is_there(const struct world *w, const char *name)
{
    char path[700];
    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    return access(path, F_OK) == 0;
}

static struct dw_expired let_go(struct world *w, int64_t before_ns, uint64_t keep_bytes)
{
    struct dw_expired gone;
    assert_int_equal(dw_archive_expire(w->archive, &(struct dw_expire){.before_ns = before_ns, .keep_bytes = keep_bytes, .asked = me}, &gone), DW_OK);
    return gone;
}

struct edge {
    uint64_t segment;
    int64_t min_ns, max_ns;
};

static void find_edge(void *arg, const struct dw_segment_info *s)
{
    struct edge *e = arg;
    if (s->number != e->segment)
        return;
    e->min_ns = s->time_min_ns;
    e->max_ns = s->time_max_ns;
}

static int64_t edge_of(struct world *w, uint64_t segment, bool first)
{
    struct edge e = {.segment = segment, .min_ns = INT64_MIN, .max_ns = INT64_MAX};
    assert_int_equal(dw_archive_list(&dw_fs_system, w->dir, find_edge, &e), DW_OK);
    return first ? e.min_ns : e.max_ns;
}

static void what_is_let_go_ends_at_a_state(void **state)
{
    (void)state;
    struct world w;
    fill(&w, "a-b--"); /* 4 frames each, the opening record in the first: 0-4, 5-8, 9-12, 13-16, 17-20, 21-22 */
    assert_read(&w, "0 ");
    struct dw_expired gone = let_go(&w, INT64_MIN, 0);
    assert_int_equal(gone.segments, 0);
    gone = let_go(&w, INT64_MAX, 0);
    assert_int_equal(gone.segments, 3);
    assert_int_equal(gone.events, 3 * 4 * 30);
    assert_int_equal(gone.waiting, 1); /* the fourth; the newest is not asked */
    assert_false(is_there(&w, "seg-00000001.zst") || is_there(&w, "seg-00000003.zst") || is_there(&w, "state-00000001.zst"));
    assert_true(is_there(&w, "state-00000003.zst") && is_there(&w, "seg-00000004.zst"));
    assert_read(&w, "b13 ");
    world_is_sound(&w);
    assert_int_equal(let_go(&w, INT64_MAX, 0).segments, 0);
    dw_archive_close(w.archive);
    world_open(&w);
    assert_int_equal(dw_archive_next_intake(w.archive), 23);
    assert_read(&w, "b13 ");
    world_fini(&w);
}

static void count_one(void *arg, const struct dw_segment_info *s)
{
    *(uint64_t *)arg += s->bytes;
}

static void a_plan_changes_nothing_and_is_what_happens(void **state)
{
    (void)state;
    struct world w;
    struct dw_expired planned;
    uint64_t bytes = 0;
    fill(&w, "abcde");
    struct dw_expire how = {.before_ns = INT64_MIN, .keep_bytes = 1, .each = count_one, .arg = &bytes};
    assert_int_equal(dw_archive_expire_plan(&dw_fs_system, w.dir, &how, &planned), DW_OK);
    assert_int_equal(planned.segments, 4);
    assert_int_equal(planned.bytes, bytes);
    assert_read(&w, "0 ");
    how.keep_bytes = bytes; /* all but about one: the newest and all before it but the oldest are not over it any more */
    assert_int_equal(dw_archive_expire_plan(&dw_fs_system, w.dir, &how, &planned), DW_OK);
    assert_in_range(planned.segments, 1, 2);
    assert_int_equal(let_go(&w, INT64_MIN, how.keep_bytes).segments, planned.segments);
    world_is_sound(&w);
    world_fini(&w);
}

static void note_hold(void *arg, const struct dw_hold *h)
{
    dw_buf_printf(arg, "%s %d-%d by %s: %s;", h->name, (int)h->from_ns, (int)h->to_ns, h->asked.by, h->asked.why);
}

static void assert_holds(struct world *w, const char *want)
{
    struct dw_buf said = {0};
    assert_int_equal(dw_archive_holds(&dw_fs_system, w->dir, note_hold, &said), DW_OK);
    assert_str(dw_buf_view(&said), want);
    dw_buf_fini(&said);
}

static void what_is_held_stays_and_what_is_around_it_goes(void **state)
{
    (void)state;
    struct world w;
    fill(&w, "abcdef");
    int64_t from_ns = edge_of(&w, 3, true), to_ns = from_ns + 1;
    char want[200];
    (void)snprintf(want, sizeof want, "case 7 %d-%d by me=you 1%%: because \n of\xff;", (int)from_ns, (int)to_ns);
    assert_int_equal(dw_archive_hold(w.archive, "case 7", from_ns, to_ns, &me), DW_OK);
    assert_int_equal(dw_archive_hold(w.archive, "case 7", 1, 1, &me), DW_EEXIST);
    assert_int_equal(dw_archive_hold(w.archive, "", 1, 1, &me), DW_ERANGE);
    assert_int_equal(dw_archive_hold(w.archive, "x", 2, 1, &me), DW_ERANGE);
    assert_holds(&w, want);
    struct dw_expired gone = let_go(&w, INT64_MAX, 0);
    assert_int_equal(gone.segments, 3);
    assert_int_equal(gone.held, 2); /* and the one behind it, for its signatures */
    assert_read(&w, "b9 e21 ");
    world_is_sound(&w);
    assert_int_equal(dw_archive_release(w.archive, "case 8", &me), DW_ENOENT);
    assert_int_equal(dw_archive_release(w.archive, "case 7", &me), DW_OK);
    assert_int_equal(dw_archive_exported(w.archive, 3, 6, &me), DW_OK);
    assert_holds(&w, "");
    assert_int_equal(let_go(&w, INT64_MAX, 0).segments, 2);
    assert_read(&w, "e21 ");
    world_is_sound(&w);
    world_fini(&w);
}

/* A hold is of a time, not of the segments that were there when it was asked for. */
static void what_comes_after_a_hold_is_held_too(void **state)
{
    (void)state;
    struct world w;
    fill(&w, "ab");
    assert_int_equal(dw_archive_hold(w.archive, "from now on", edge_of(&w, 2, true), INT64_MAX, &me), DW_OK);
    for (char mark = 'c'; mark < 'g'; mark++) {
        world_append_events(&w, 2, 9);
        assert_int_equal(dw_archive_seal(w.archive), DW_OK);
        assert_int_equal(keep(&w, mark), DW_OK);
    }
    struct dw_expired gone = let_go(&w, INT64_MAX, 0);
    assert_int_equal(gone.segments, 1);
    assert_int_equal(gone.held, 4); /* the newest is not asked */
    assert_int_equal(let_go(&w, INT64_MIN, 1).segments, 0); /* nor does what is held make the rest go */
    world_is_sound(&w);
    world_fini(&w);
}

static void verification_names_what_was_done_to_it(void **state)
{
    (void)state;
    struct world w;
    fill(&w, "abcde");
    (void)let_go(&w, INT64_MAX, 0);
    world_is_sound(&w);
    world_flip(w.dir, "state-00000004.zst", 20, 0);
    world_names(&w, "state-00000004.zst: edited");
    world_flip(w.dir, "state-00000004.zst", 20, 0);
    world_is_sound(&w);
    char path[700];
    (void)snprintf(path, sizeof path, "%s/seg-00000005.zst", w.dir);
    assert_int_equal(unlink(path), 0);
    world_names(&w, "seg-00000005.zst: deleted"); /* nobody let this one go */
    world_fini(&w);
}

static void a_state_that_did_not_come_to_its_entry_goes_at_the_next_start(void **state)
{
    (void)state;
    static const char *const left[] = {"state-00000002.zst", "state-00000002.zst.tmp"};
    struct world w;
    fill(&w, "a-");
    dw_archive_close(w.archive);
    for (int i = 0; i < 2; i++) {
        char path[700];
        (void)snprintf(path, sizeof path, "%s/%s", w.dir, left[i]);
        assert_int_equal(dw_fs_write_new(&dw_fs_system, path, 0640, DW_STR("half")), DW_OK);
    }
    world_open(&w);
    assert_false(is_there(&w, left[0]) || is_there(&w, left[1]));
    assert_true(is_there(&w, "state-00000001.zst"));
    world_is_sound(&w);
    world_fini(&w);
}

static int take_or_refuse(void *arg, struct dw_str state)
{
    struct dw_buf *all = arg;
    char mark = state.ptr[state.len - 1];
    dw_buf_byte(all, (uint8_t)mark);
    return mark == 'd' ? DW_EVERSION : DW_OK;
}

static void a_reader_begins_behind_the_newest_state_with_enough_behind_it(void **state)
{
    (void)state;
    static const struct {
        uint64_t events;
        const char *tried;
        uint64_t first;
    } rows[] = {{0, "e", 21}, {1, "dc", 13}, {120, "dc", 13}, {121, "c", 13}, {240, "c", 13}, {241, "b", 9}, {1000, "", 0}};
    struct world w;
    fill(&w, "abcde");
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct dw_archive_reader *r;
        struct dw_archived a;
        struct dw_buf tried = {0};
        uint64_t refused = dw_counter_get(DW_C_archive_states_refused);
        assert_int_equal(dw_archive_reader_open(&dw_fs_system, w.dir, w.keys, &r), DW_OK);
        assert_int_equal(dw_archive_reader_begin(r, rows[i].events, take_or_refuse, &tried), DW_OK);
        assert_str(dw_buf_view(&tried), rows[i].tried);
        assert_int_equal(dw_counter_get(DW_C_archive_states_refused) - refused, tried.len > 1);
        assert_int_equal(dw_archive_reader_next(r, &a), DW_OK);
        assert_int_equal(a.intake.number, rows[i].first);
        dw_archive_reader_close(r);
        dw_buf_fini(&tried);
    }
    world_fini(&w);
}

static void a_state_is_due_when_what_was_sealed_is_worth_it(void **state)
{
    (void)state;
    struct world w;
    struct dw_buf large = {0};
    fill(&w, "");
    assert_false(dw_archive_state_due(w.archive));
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    assert_true(dw_archive_state_due(w.archive));
    make_state(&w, 'a', &large);
    for (uint64_t i = 0, x = 1; i < 100000; i++, x = x * 6364136223846793005U + 1)
        dw_buf_byte(&large, (uint8_t)(x >> 56));
    assert_int_equal(dw_archive_keep_state(w.archive, dw_buf_view(&large)), DW_OK);
    assert_false(dw_archive_state_due(w.archive));
    world_append_events(&w, 1, 3);
    assert_false(dw_archive_state_due(w.archive)); /* not at the end of a segment */
    assert_int_equal(dw_archive_seal(w.archive), DW_OK);
    assert_false(dw_archive_state_due(w.archive)); /* a quarter of its size was not sealed since */
    dw_buf_fini(&large);
    world_fini(&w);
}

/* Whichever call fails: the archive opens again, is sound, and a segment is there or is said to be gone. */
static void an_archive_is_whole_when_the_nth_call_of_letting_go_fails(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        struct world w;
        struct faulty_fs fault;
        struct dw_buf d = {0};
        assert_true(nth < 1000);
        fill(&w, "abc");
        assert_int_equal(dw_archive_seal(w.archive), DW_OK);
        make_state(&w, 'd', &d);
        int64_t second_ns = edge_of(&w, 2, true);
        dw_archive_close(w.archive);
        faulty_fs_init(&fault, nth, nth % 2 ? FAULT_TORN : FAULT_ENOSPC);
        fault.sticky = true;
        struct dw_archive_conf conf = {.fs = &fault.fs, .clock = &dw_clock_system, .dir = w.dir, .keys = w.keys};
        struct dw_expired gone;
        w.archive = NULL;
        int rc = dw_archive_open(&conf, &w.archive);
        if (rc == DW_OK)
            rc = dw_archive_keep_state(w.archive, dw_buf_view(&d));
        if (rc == DW_OK)
            rc = dw_archive_hold(w.archive, "two", second_ns, second_ns + 1, &me);
        if (rc == DW_OK)
            rc = dw_archive_expire(w.archive, &(struct dw_expire){.before_ns = INT64_MAX}, &gone);
        if (rc == DW_OK)
            rc = dw_archive_release(w.archive, "two", &me);
        dw_archive_close(w.archive);
        w.archive = NULL;
        world_open(&w);
        world_is_sound(&w);
        if (rc == DW_OK)
            assert_read(&w, "a5 ");
        assert_int_equal(dw_archive_next_intake(w.archive), 15);
        int hits = fault.hits;
        dw_buf_fini(&d);
        world_fini(&w);
        if (hits == 0)
            break;
    }
}

static void an_export_is_an_archive_that_says_what_is_left_out(void **state)
{
    (void)state;
    static const struct {
        uint64_t since, until; /* segments whose first and last event bound the time; 0: none does; 6: from behind the last sealed one */
        const char *want;
        uint64_t from, to, segments;
    } rows[] = {{0, 0, "0 ", 1, 6, 6}, {2, 0, "a5 ", 2, 6, 5}, {4, 0, "b9 ", 3, 6, 4}, {4, 4, "b9 ", 3, 5, 3}, {2, 2, "a5 e", 2, 3, 2}, {6, 0, "e21 ", 6, 6, 1}};
    struct world w;
    fill(&w, "ab-de");
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct dw_exported got;
        char to[512];
        (void)snprintf(to, sizeof to, "%.480s/copy%d", w.dir, (int)i);
        struct dw_export how = {.fs = &dw_fs_system, .dir = w.dir, .to = to, .since_ns = rows[i].since == 6 ? edge_of(&w, 5, false) + 1 : edge_of(&w, rows[i].since, true),
            .until_ns = edge_of(&w, rows[i].until, false), .now_ns = 5, .asked = me};
        assert_int_equal(dw_archive_export(&how, &got), DW_OK);
        assert_int_equal(got.from, rows[i].from);
        assert_int_equal(got.to, rows[i].to);
        assert_int_equal(got.segments, rows[i].segments);
        assert_int_equal(got.events, (rows[i].until ? got.segments : got.segments - 1) * 120 + (rows[i].until ? 0 : 60));
        assert_int_equal(dw_archive_export(&how, &got), DW_EEXIST);
        how.since_ns = how.until_ns = 5; /* before all of it */
        assert_int_equal(dw_archive_export(&how, &got), DW_ERANGE);
        struct world copy = w;
        memcpy(copy.dir, to, strlen(to) + 1);
        assert_read(&copy, rows[i].want);
        world_is_sound(&copy);
    }
    world_fini(&w);
}

static void an_export_that_failed_is_no_archive_and_changes_nothing(void **state)
{
    (void)state;
    struct world w;
    fill(&w, "ab");
    for (int nth = 1;; nth++) {
        struct faulty_fs fault;
        struct dw_exported got;
        char to[512], manifest[640];
        assert_true(nth < 1000);
        faulty_fs_init(&fault, nth, nth % 2 ? FAULT_TORN : FAULT_ENOSPC);
        fault.sticky = true;
        (void)snprintf(to, sizeof to, "%.480s/copy%d", w.dir, nth);
        (void)snprintf(manifest, sizeof manifest, "%s/MANIFEST", to);
        struct dw_export how = {.fs = &fault.fs, .dir = w.dir, .to = to, .since_ns = INT64_MIN, .until_ns = INT64_MAX, .asked = me};
        int rc = dw_archive_export(&how, &got);
        assert_true((rc == DW_OK) == (fault.hits == 0));
        struct dw_stat st;
        if (dw_fs_stat(manifest, &st) == DW_OK) {
            struct world copy = w;
            memcpy(copy.dir, to, strlen(to) + 1);
            struct dw_buf problems = {0};
            (void)world_verify(&copy, &problems); /* what it names is there; at most its own last line is missing */
            assert_true(dw_str_find(dw_buf_view(&problems), DW_STR("deleted")) >= problems.len);
            dw_buf_fini(&problems);
        }
        world_is_sound(&w);
        if (fault.hits == 0)
            break;
    }
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_let_go_ends_at_a_state),
        cmocka_unit_test(a_plan_changes_nothing_and_is_what_happens),
        cmocka_unit_test(what_is_held_stays_and_what_is_around_it_goes),
        cmocka_unit_test(what_comes_after_a_hold_is_held_too),
        cmocka_unit_test(verification_names_what_was_done_to_it),
        cmocka_unit_test(a_state_that_did_not_come_to_its_entry_goes_at_the_next_start),
        cmocka_unit_test(a_reader_begins_behind_the_newest_state_with_enough_behind_it),
        cmocka_unit_test(a_state_is_due_when_what_was_sealed_is_worth_it),
        cmocka_unit_test(an_export_is_an_archive_that_says_what_is_left_out),
        cmocka_unit_test(an_export_that_failed_is_no_archive_and_changes_nothing),
        cmocka_unit_test(an_archive_is_whole_when_the_nth_call_of_letting_go_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
