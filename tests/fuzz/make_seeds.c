/*
 * make_seeds: writes the seeds of fuzz_frame, fuzz_segment, fuzz_spool, fuzz_window, fuzz_matches, fuzz_account, fuzz_account_part and fuzz_states; run when a format changes (make_seeds tests/fuzz/seeds).
 */
#include "frames.h"
#include "sealed.h"
#include "support.h"
#include "windows.h"

#include "../../collector/ingest/places.h"
#include "../../collector/ingest/undecided.h"
#include "../../core/transport/states_chunk.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/collect/account.h"
#include "dogwatch/correlate/matches.h"

#include <stdio.h>

static void put(const char *folder, const char *name, struct dw_str bytes)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0644, bytes), DW_OK);
}

static void put_frame(const char *folder, const char *name, struct dw_frame *f)
{
    put(folder, name, dw_buf_view(&f->bytes));
    dw_frame_free(f);
}

static void frame_seeds(const char *folder)
{
    struct frames t;
    struct dw_decoded got;
    frames_init(&t);
    struct dw_decoder *d = dw_decoder_new(t.keys);
    frames_fill(&t, 10);
    struct dw_frame *f = frames_encode(&t, true);
    put(folder, "signed_events", dw_buf_view(&f->bytes));
    assert_int_equal(dw_decode(d, dw_buf_view(&f->bytes), &got), DW_OK);
    put(folder, "views_of_ten_events", got.sections.views);
    dw_frame_free(f);
    put_frame(folder, "record", frames_record(&t, "{\"type\":\"heartbeat\",\"read_at\":5}"));
    frames_fill(&t, 1);
    f = frames_encode(&t, false);
    put(folder, "one_event_cut_off", dw_str_slice(dw_buf_view(&f->bytes), 0, f->bytes.len - 9));
    put_frame(folder, "one_event", f);
    dw_decoder_free(d);
    frames_fini(&t);
}

static void segment_seeds(const char *folder)
{
    char dir[512];
    size_t at;
    struct dw_buf file = {0}, open = {0}, table = {0};
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    sealed_make(dir, &file, &at, &open);
    sealed_table(&file, at, &table);
    put(folder, "sealed", dw_buf_view(&file));
    put(folder, "open", dw_buf_view(&open));
    put(folder, "open_torn_in_a_frame", dw_str_slice(dw_buf_view(&open), 0, open.len - 30));
    put(folder, "table", dw_buf_view(&table));
    dw_buf_fini(&file);
    dw_buf_fini(&open);
    dw_buf_fini(&table);
    temp_dir_remove(dir);
}

static void spool_seeds(const char *folder)
{
    struct frames t;
    struct dw_buf all = {0};
    size_t at[4];
    frames_init(&t);
    for (int i = 0; i < 4; i++) {
        at[i] = all.len;
        frames_fill(&t, 4);
        struct dw_frame *f = frames_encode(&t, i % 2);
        dw_buf_str(&all, dw_buf_view(&f->bytes));
        dw_frame_free(f);
    }
    struct dw_str s = dw_buf_view(&all);
    put(folder, "four_frames", s);
    put(folder, "torn", dw_str_slice(s, 0, s.len - 50));
    put(folder, "torn_in_a_head", dw_str_slice(s, 0, at[3] + 100));
    put(folder, "two_files", dw_str_slice(s, 1, s.len));
    all.ptr[at[2] - 20] ^= 1;
    put(folder, "damaged_content", s);
    all.ptr[at[2] + 60] ^= 1;
    put(folder, "damaged_head_after_damaged_content", s);
    all.ptr[at[0] + 8 + 225] ^= 1;
    put(folder, "a_frame_that_says_it_is_longer", s);
    dw_buf_fini(&all);
    frames_fini(&t);
}

static void ignore(void *ud, const struct dw_finding *f)
{
    (void)ud;
    (void)f;
}

/* A match of rule 0 or 1 at a second, by user u with value x. */
static void match(struct dw_keys *keys, struct dw_window *w, int64_t second, uint32_t rule, const char *x)
{
    static const struct dw_stream stream = {.id = {7}, .series = {3}};
    const char *address = *x == 'x' ? "192.0.2.1" : "203.0.113.99";
    struct dw_field field[3] = {{.v.ptr = "ann", .len = 3, .kind = DW_K_LITERAL}, {.v.ptr = x, .len = (uint32_t)strlen(x), .kind = DW_K_LITERAL},
        {.v.ptr = address, .len = (uint32_t)strlen(address), .kind = DW_K_LITERAL}};
    assert_int_equal(dw_keys_intern(keys, DW_STR("i"), &field[2].key), DW_OK);
    assert_int_equal(dw_keys_intern(keys, DW_STR("u"), &field[0].key), DW_OK);
    assert_int_equal(dw_keys_intern(keys, DW_STR("x"), &field[1].key), DW_OK);
    struct dw_event ev = {.field = field, .field_count = 3, .line = DW_STR("-"), .stream = &stream, .time_ns = second * 1000000000, .start = (uint64_t)second};
    assert_int_equal(dw_window_match(w, rule, &ev, false), DW_OK);
}

static struct dw_ruleset *rules_of_windows(struct dw_keys *keys)
{
    struct dw_ruleset *rs = dw_ruleset_new(keys, &(struct dw_ruleset_opts){.places = &windows_places});
    assert_int_equal(dw_ruleset_add(rs, "w.yml", dw_str_of(windows_rules), (struct dw_diag_sink){0}), DW_OK);
    assert_int_equal(dw_ruleset_finish(rs, (struct dw_diag_sink){0}), DW_OK);
    assert_int_equal(dw_ruleset_count(rs), WINDOWS_RULES);
    return rs;
}

static void window_seeds(const char *folder)
{
    struct dw_keys *keys = dw_keys_new();
    struct dw_ruleset *rs = rules_of_windows(keys);
    struct dw_buf out = {0};
    struct dw_window *w = dw_window_new(rs, NULL);
    dw_window_save(w, &out);
    put(folder, "empty", dw_buf_view(&out));
    for (int64_t t = 1; t < 30; t++)
        match(keys, w, t, t % 7 == 0, t % 5 ? "x" : "y");
    assert_int_equal(dw_window_advance(w, 25000000000, ignore, NULL), DW_OK);
    dw_buf_reset(&out);
    dw_window_save(w, &out);
    put(folder, "one_of_each", dw_buf_view(&out));
    put(folder, "cut_in_a_key", dw_str_slice(dw_buf_view(&out), 0, 90));
    dw_buf_fini(&out);
    dw_window_free(w);
    dw_ruleset_free(rs);
    dw_keys_free(keys);
}

/* One agent, its ledger with a gap, what the collector took from two places. */
static void undecided_seed(const char *folder)
{
    const struct dw_stream stream = {.id = {7}};
    struct dw__undecided u = {0};
    struct dw_buf out = {0};
    bool tell, last;
    for (int i = 0; i < 5; i++) {
        const struct dw_event ev = {.stream = &stream, .time_ns = i * INT64_C(2000000000000)};
        assert_int_equal(dw__undecided_note(&u, i % 2 ? DW_STR("a rule") : DW_STR("another"), &ev, 1000 + i, &tell, &last), DW_OK);
    }
    dw__undecided_save(&u, &out);
    put(folder, "undecided", dw_buf_view(&out));
    dw_buf_fini(&out);
    dw__undecided_fini(&u);
}

/* What an account of one agent knows, and what it knows of the source by which that came. */
static void account_seeds(const char *folder, const char *part_folder)
{
    static uint8_t mark[DW_FRAME_EVENTS_MAX];
    struct frames t;
    struct dw_buf out = {0};
    struct dw__places places = {0};
    bool flag;
    char hex[65], json[256];
    frames_init(&t);
    struct dw_decoder *decoder = dw_decoder_new(t.keys);
    struct dw_account *a = dw_account_new(NULL, NULL, NULL);
    dw_account_save(a, &out);
    put(folder, "empty", dw_buf_view(&out));
    dw_buf_reset(&out);
    dw_account_part_save(a, 3, &out);
    put(part_folder, "empty", dw_buf_view(&out));
    for (int i = 0; i < 5; i++) {
        struct dw_decoded got;
        struct dw_frame *f;
        dw_hex(i == 3 ? t.stream[0].id : dw_key_public(t.key), i == 3 ? DW_ID_BYTES : 32, hex);
        (void)snprintf(json, sizeof json, i == 3 ? "{\"type\":\"ledger\",\"streams\":[{\"id\":\"%s\",\"path\":\"/x\",\"read\":9999,\"dropped\":{},\"pending\":0}]}"
            : "{\"type\":\"epoch.open\",\"host\":\"h\",\"public_key\":\"%s\",\"parent\":null}", hex);
        if (i == 0 || i == 3) {
            f = frames_record(&t, json);
        } else {
            frames_fill(&t, 9);
            f = frames_encode(&t, true);
        }
        dw_account_arrival(a, 3, 1000 + i, 5);
        assert_int_equal(dw_decode(decoder, dw_buf_view(&f->bytes), &got), DW_OK);
        if (i != 2) /* missing: a hole, and a gap */
            assert_int_equal(dw_account_take(a, &got, NULL, mark, &flag), DW_OK);
        struct dw_position at = {.source = i % 2 ? DW_SOURCE_KAFKA + 1 : 3, .offset = (uint64_t)i * 100, .next = (uint64_t)i * 100 + 60};
        assert_int_equal(dw__places_move(&places, &got, at, &flag), DW_OK);
        dw_frame_free(f);
    }
    dw_buf_reset(&out);
    dw_account_save(a, &out);
    dw__places_save(&places, &out);
    put(folder, "an_agent_with_a_gap", dw_buf_view(&out));
    put(folder, "cut", dw_str_slice(dw_buf_view(&out), 0, out.len / 2));
    dw_buf_reset(&out);
    dw_account_part_save(a, 3, &out);
    put(part_folder, "an_agent_with_a_gap", dw_buf_view(&out));
    put(part_folder, "cut", dw_str_slice(dw_buf_view(&out), 0, out.len / 2));
    dw_buf_fini(&out);
    dw__places_fini(&places);
    dw_account_free(a);
    dw_decoder_free(decoder);
    frames_fini(&t);
}

/* Frames of two partitions; the second batch ends in the middle of one. */
static void matches_seeds(const char *folder)
{
    struct dw_keys *keys = dw_keys_new();
    struct dw_ruleset *rs = rules_of_windows(keys);
    struct dw_window *w = dw_window_new(rs, NULL);
    struct dw_matches *m = dw_matches_new(rs);
    dw_window_hand_out(w, m);
    for (int64_t t = 1; t < 8; t++) {
        assert_int_equal(dw_matches_frame(m, (uint64_t)t % 2, (uint64_t)t), DW_OK);
        match(keys, w, t, t % 3 == 0, t % 5 ? "x" : "y");
        match(keys, w, t + 1, 0, "y");
        if (t == 6)
            assert_int_equal(dw_matches_cut(m, 2), DW_OK);
        if (t == 7)
            continue;
        dw_matches_done(m, (uint64_t)t + 1, t == 5 ? INT64_MAX : t * 1000000000, t == 5);
    }
    assert_int_equal(dw_matches_cut(m, 2), DW_OK);
    put(folder, "two_partitions", dw_matches_first(m));
    put(folder, "cut_in_a_record", dw_str_slice(dw_matches_first(m), 0, dw_matches_first(m).len - 30));
    dw_matches_sent(m);
    put(folder, "ends_in_a_frame", dw_matches_first(m));
    dw_matches_free(m);
    dw_window_free(w);
    dw_ruleset_free(rs);
    dw_keys_free(keys);
}

/* The records of a part of source 7, from one on. */
static void add_part(struct dw_buf *out, uint64_t next, uint32_t slot, size_t size, uint32_t from)
{
    struct dw_rng rng = {next};
    struct dw_buf part = {0}, packed = {0}, key = {0}, value = {0};
    struct dw__chunk whole;
    while (part.len < size)
        dw_buf_u64(&part, dw_rng_next(&rng));
    assert_int_equal(dw__chunk_pack(7, next, dw_buf_view(&part), &packed, &whole), DW_OK);
    whole.slot = slot;
    for (uint32_t i = from; i < whole.count; i++) {
        assert_int_equal(dw__chunk_put(&whole, dw_buf_view(&packed), i, &key, &value), DW_OK);
        dw_buf_counted(out, dw_buf_view(&key));
        dw_buf_counted(out, dw_buf_view(&value));
    }
    dw_buf_fini(&part);
    dw_buf_fini(&packed);
    dw_buf_fini(&key);
    dw_buf_fini(&value);
}

static void states_seeds(const char *folder)
{
    struct dw_buf out = {0};
    add_part(&out, 100, 0, 0, 0);
    put(folder, "an_empty_part", dw_buf_view(&out));
    add_part(&out, 120, 1, 200, 0);
    add_part(&out, 110, 0, 100, 0);
    put(folder, "the_newest_of_three", dw_buf_view(&out));
    out.ptr[out.len - 5] ^= 1;
    dw_buf_counted(&out, DW_STR("7/0/0"));
    dw_buf_counted(&out, DW_STR("\x02of a newer dogwatch"));
    dw_buf_counted(&out, DW_STR("7/0/0"));
    dw_buf_counted(&out, DW_STR(""));
    put(folder, "damaged_newer_and_empty", dw_buf_view(&out));
    dw_buf_reset(&out);
    add_part(&out, 90, 1, 50, 0);
    add_part(&out, 100, 0, DW__CHUNK_BYTES, 1);
    put(folder, "the_last_chunk_of_two", dw_buf_view(&out));
    dw_buf_fini(&out);
}

int main(int argc, char **argv)
{
    char folder[900], part_folder[900];
    if (argc != 2) {
        fprintf(stderr, "usage: %s SEEDS_FOLDER\n", argv[0]);
        return 1;
    }
    (void)snprintf(folder, sizeof folder, "%s/frame", argv[1]);
    frame_seeds(folder);
    (void)snprintf(folder, sizeof folder, "%s/segment", argv[1]);
    segment_seeds(folder);
    (void)snprintf(folder, sizeof folder, "%s/spool", argv[1]);
    spool_seeds(folder);
    (void)snprintf(folder, sizeof folder, "%s/window", argv[1]);
    window_seeds(folder);
    (void)snprintf(folder, sizeof folder, "%s/matches", argv[1]);
    matches_seeds(folder);
    (void)snprintf(folder, sizeof folder, "%s/states", argv[1]);
    states_seeds(folder);
    (void)snprintf(folder, sizeof folder, "%s/account", argv[1]);
    undecided_seed(folder);
    (void)snprintf(part_folder, sizeof part_folder, "%s/account_part", argv[1]);
    account_seeds(folder, part_folder);
    return 0;
}
