/* Tests of core/frame: round trip, chain, bounds, hostile bytes. */
#include "frames.h"
#include "support.h"

#include "dogwatch/base/rng.h"

#include <zstd.h>

static void assert_same_field(const struct dw_field *a, const struct dw_field *b)
{
    assert_int_equal(a->key, b->key);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->elem, b->elem);
    if (dw_field_is_text(a))
        assert_true(dw_str_eq(dw_field_str(a), dw_field_str(b)));
    else
        assert_int_equal(a->v.i, b->v.i); /* floats too: same bits */
}

static void assert_same_event(const struct dw_event *a, const struct dw_event *b)
{
    assert_int_equal(a->time_ns, b->time_ns);
    assert_int_equal(a->read_at_ns, b->read_at_ns);
    assert_true(dw_str_eq(a->line, b->line));
    assert_int_equal(a->start, b->start);
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->out, b->out);
    assert_int_equal(a->more_count, b->more_count);
    for (uint32_t i = 0; i < a->more_count; i++) {
        assert_int_equal(a->more[i].start, b->more[i].start);
        assert_int_equal(a->more[i].end, b->more[i].end);
        assert_memory_equal(a->more[i].stream->id, b->more[i].stream->id, DW_ID_BYTES);
    }
    assert_memory_equal(a->stream->id, b->stream->id, DW_ID_BYTES);
    assert_int_equal(a->stream->predecessor_size, b->stream->predecessor_size);
    assert_int_equal(a->field_count, b->field_count);
    for (uint32_t i = 0; i < a->field_count; i++)
        assert_same_field(&a->field[i], &b->field[i]);
}

static void events_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct frames t;
    frames_init(&t);
    frames_fill(&t, 1000);
    struct dw_frame *f = NULL;
    struct dw_encode with = {.chain = &t.chain, .low_water_ns = 5, .key = t.key};
    assert_int_equal(dw_encode_events(t.encoder, t.batch, &with, &f), DW_OK);
    struct dw_decoder *d = dw_decoder_new(t.keys);
    struct dw_decoded got;
    assert_int_equal(dw_decode(d, dw_buf_view(&f->bytes), &got), DW_OK);
    assert_int_equal(got.event_count, 1000);
    for (uint32_t i = 0; i < 1000; i++)
        assert_same_event(dw_batch_event(t.batch, i), &got.event[i]);
    assert_int_equal(dw_decoded_check(d, &got), DW_OK);
    assert_int_equal(dw_sign_verify(dw_key_public(t.key), got.head.hash, got.head.signature), DW_OK);
    dw_decoder_free(d);
    dw_frame_free(f);
    frames_fini(&t);
}

static bool is_one_of(uint32_t key, const uint32_t *only, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (only[i] == key)
            return true;
    return false;
}

/* Every field of a wanted name is there as without pruning, in its order, and nothing that is not there without. */
static void assert_pruned(const struct dw_event *whole, const struct dw_event *got, const uint32_t *only, uint32_t count)
{
    uint32_t k = 0;
    assert_true(dw_str_eq(whole->line, got->line));
    assert_int_equal(whole->time_ns, got->time_ns);
    for (uint32_t i = 0; i < whole->field_count; i++) {
        bool wanted = is_one_of(whole->field[i].key, only, count);
        bool next = k < got->field_count && got->field[k].key == whole->field[i].key && got->field[k].elem == whole->field[i].elem;
        assert_true(next || !wanted);
        if (next)
            assert_same_field(&whole->field[i], &got->field[k++]);
    }
    assert_int_equal(k, got->field_count);
}

static void only_the_fields_that_are_wanted_are_decoded(void **state)
{
    (void)state;
    struct frames t;
    struct dw_rng rng = {.state = 7};
    uint64_t left_out = 0;
    frames_init(&t);
    frames_fill(&t, 300);
    struct dw_frame *f = NULL;
    struct dw_encode with = {.chain = &t.chain, .low_water_ns = 5};
    assert_int_equal(dw_encode_events(t.encoder, t.batch, &with, &f), DW_OK);
    struct dw_decoder *d = dw_decoder_new(t.keys);
    for (int round = 0; round < 200; round++) {
        struct dw_decoded got;
        uint32_t only[DW_DECODER_ONLY_MAX], count = (uint32_t)dw_rng_below(&rng, 4);
        for (uint32_t i = 0; i < count; i++) {
            const struct dw_event *ev = dw_batch_event(t.batch, (uint32_t)dw_rng_below(&rng, 300));
            only[i] = ev->field_count ? ev->field[dw_rng_below(&rng, ev->field_count)].key : DW_F_message;
        }
        dw_decoder_only(d, only, count);
        assert_int_equal(dw_decode(d, dw_buf_view(&f->bytes), &got), DW_OK);
        assert_int_equal(got.event_count, 300);
        for (uint32_t i = 0; i < 300; i++) {
            assert_pruned(dw_batch_event(t.batch, i), &got.event[i], only, count);
            left_out += dw_batch_event(t.batch, i)->field_count - got.event[i].field_count;
        }
    }
    assert_true(left_out > 100000);
    dw_decoder_free(d);
    dw_frame_free(f);
    frames_fini(&t);
}

static void plain_zstd_prints_the_lines(void **state)
{
    (void)state;
    struct frames t;
    frames_init(&t);
    frames_fill(&t, 50);
    struct dw_buf want = {0}, got = {0};
    for (uint32_t i = 0; i < 50; i++) {
        dw_buf_str(&want, dw_batch_event(t.batch, i)->line);
        dw_buf_byte(&want, '\n');
    }
    struct dw_frame *f = frames_encode(&t, true);
    size_t n = ZSTD_decompress(dw_buf_reserve(&got, want.len), want.len, f->bytes.ptr, f->bytes.len);
    assert_false(ZSTD_isError(n));
    assert_int_equal(n, want.len);
    assert_memory_equal(got.ptr, want.ptr, n);
    dw_buf_fini(&want);
    dw_buf_fini(&got);
    dw_frame_free(f);
    frames_fini(&t);
}

static void frames_are_numbered_and_chained(void **state)
{
    (void)state;
    struct frames t;
    frames_init(&t);
    uint8_t before[DW_SHA256_BYTES] = {0};
    for (uint64_t n = 0; n < 3; n++) {
        frames_fill(&t, 3);
        struct dw_frame *f = n == 1 ? frames_record(&t, "{\"type\":\"heartbeat\"}") : frames_encode(&t, false);
        assert_int_equal(f->head.number, n);
        assert_memory_equal(f->head.previous, before, sizeof before);
        memcpy(before, f->head.hash, sizeof before);
        dw_frame_free(f);
        dw_batch_reset(t.batch);
    }
    frames_fini(&t);
}

static void signing_changes_no_hash(void **state)
{
    (void)state;
    uint8_t hash[2][DW_SHA256_BYTES];
    for (int sign = 0; sign < 2; sign++) {
        struct frames t;
        frames_init(&t);
        frames_fill(&t, 20);
        struct dw_frame *f = frames_encode(&t, sign);
        memcpy(hash[sign], f->head.hash, sizeof hash[sign]);
        dw_frame_free(f);
        frames_fini(&t);
    }
    assert_memory_equal(hash[0], hash[1], DW_SHA256_BYTES);
}

/* zstd has other packings of the same content (an ignored header bit, spare Huffman bits): only content is evidence. */
static void any_flipped_bit_is_refused_or_changes_no_content(void **state)
{
    (void)state;
    struct frames t;
    frames_init(&t);
    frames_fill(&t, 40);
    struct dw_frame *f = frames_encode(&t, true);
    struct dw_decoder *d = dw_decoder_new(t.keys);
    struct dw_decoder *plain = dw_decoder_new(t.keys);
    struct dw_decoded want;
    assert_int_equal(dw_decode(plain, dw_buf_view(&f->bytes), &want), DW_OK);
    uint32_t unseen = 0;
    for (size_t bit = 0; bit < f->bytes.len * 8; bit++) {
        struct dw_decoded got;
        f->bytes.ptr[bit / 8] = (char)(f->bytes.ptr[bit / 8] ^ (1 << bit % 8));
        int rc = dw_decode(d, dw_buf_view(&f->bytes), &got);
        if (rc == DW_OK)
            rc = dw_decoded_check(d, &got);
        if (rc == DW_OK)
            rc = dw_sign_verify(dw_key_public(t.key), got.head.hash, got.head.signature);
        if (rc == DW_OK) {
            unseen++;
            assert_true(dw_str_eq(got.sections.text, want.sections.text));
            assert_true(dw_str_eq(got.sections.views, want.sections.views));
            assert_memory_equal(got.head.hash, want.head.hash, DW_SHA256_BYTES);
        }
        f->bytes.ptr[bit / 8] = (char)(f->bytes.ptr[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(unseen < f->bytes.len / 10); /* of 8 bits a byte: other packings of the same content */
    dw_decoder_free(d);
    dw_decoder_free(plain);
    dw_frame_free(f);
    frames_fini(&t);
}

static void a_cut_frame_asks_for_more(void **state)
{
    (void)state;
    struct frames t;
    frames_init(&t);
    frames_fill(&t, 10);
    struct dw_frame *f = frames_encode(&t, false);
    struct dw_decoder *d = dw_decoder_new(t.keys);
    for (size_t len = 0; len < f->bytes.len; len++) {
        struct dw_decoded got;
        assert_int_equal(dw_decode(d, dw_str_slice(dw_buf_view(&f->bytes), 0, len), &got), DW_EAGAIN);
    }
    dw_decoder_free(d);
    dw_frame_free(f);
    frames_fini(&t);
}

/* Goal:   VIEWS that never came from our encoder are refused, never read past.
 * Method: random bytes over valid sections, unpacked, so that no checksum stands before the reader. */
static void hostile_views_are_refused(void **state)
{
    (void)state;
    struct frames t;
    struct dw_rng rng = {.state = 42};
    frames_init(&t);
    frames_fill(&t, 30);
    struct dw_frame *f = frames_encode(&t, false);
    struct dw_decoder *d = dw_decoder_new(t.keys), *unpacker = dw_decoder_new(t.keys);
    struct dw_sections s;
    assert_int_equal(dw_unpack(unpacker, &f->head, dw_buf_view(&f->bytes), &s), DW_OK);
    for (int round = 0; round < 20000; round++) {
        struct dw_buf copy = {0};
        struct dw_decoded got;
        dw_buf_str(&copy, s.views);
        for (uint64_t n = 1 + dw_rng_below(&rng, 3); n > 0; n--)
            copy.ptr[dw_rng_below(&rng, copy.len)] = (char)dw_rng_next(&rng);
        dw_decoder_only(d, round % 3 ? NULL : (uint32_t[]){DW_F_source_ip, DW_F_url_path}, round % 3 ? 0 : (uint32_t)(round % 2 + 1));
        int rc = dw_decode_sections(d, &f->head, &(struct dw_sections){s.text, dw_buf_view(&copy)}, &got);
        assert_true(rc == DW_OK || rc == DW_ECORRUPT || rc == DW_ELIMIT);
        dw_buf_fini(&copy);
    }
    dw_decoder_free(d);
    dw_decoder_free(unpacker);
    dw_frame_free(f);
    frames_fini(&t);
}

static void a_full_batch_stays_within_the_bounds_of_a_frame(void **state)
{
    (void)state;
    struct frames t;
    struct dw_rng rng = {.state = 1};
    static char line[DW_FRAME_LINE_MAX];
    frames_init(&t);
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = (char)dw_rng_next(&rng);
    for (size_t len = 1; dw_batch_fits(t.batch, &t.stream[0], len); len = len * 2 < sizeof line ? len * 2 : sizeof line) {
        struct dw_draft *d = dw_batch_draft(t.batch, dw_str_make(line, len));
        for (int i = 0; i < DW_EVENT_FIELDS_MAX; i++)
            dw_draft_literal(d, DW_F_message, dw_str_make(line + i, len < 4000 ? len : 4000));
        dw_batch_commit(t.batch, &(struct dw_event){.stream = &t.stream[0], .end = len});
    }
    struct dw_frame *f = frames_encode(&t, false);
    assert_true(f->bytes.len <= DW_FRAME_BYTES_MAX);
    dw_frame_free(f);
    frames_fini(&t);
}

/* One event with `fields` names of its own, each as long as names may be, out of a line of noise. */
static void add_noisy_names(struct frames *t, struct dw_rng *rng, struct dw_str line, uint32_t fields)
{
    struct dw_draft *d = dw_batch_draft(t->batch, line);
    for (uint32_t i = 0; i < fields; i++) {
        char name[DW_KEY_NAME_MAX];
        uint32_t key;
        for (size_t k = 0; k < sizeof name; k++)
            name[k] = (char)(33 + dw_rng_below(rng, 90));
        if (dw_keys_intern_passing(t->keys, dw_str_make(name, sizeof name), &key) == DW_OK)
            dw_draft_field(d, (struct dw_field){.v.ptr = d->line.ptr, .len = 1, .key = key, .kind = DW_K_VIEW});
    }
    dw_batch_commit(t->batch, &(struct dw_event){.stream = &t->stream[0], .end = line.len});
}

/* Goal:   whoever writes log lines can fill no table: no frame is over a bound, and none is refused by its reader.
 * Method: lines whose every name is new, more of them than the tables hold, through batch, frame and one decoder. */
static void names_chosen_by_a_log_fill_no_table(void **state)
{
    (void)state;
    struct frames t;
    struct dw_rng rng = {.state = 3};
    static char line[64 * 1024];
    uint32_t events = 0, decoded = 0;
    frames_init(&t);
    struct dw_keys *reader = dw_keys_new();
    struct dw_decoder *d = dw_decoder_new(reader);
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = (char)dw_rng_next(&rng);
    while (events < 300) {
        while (events < 300 && dw_batch_fits(t.batch, &t.stream[0], sizeof line)) {
            add_noisy_names(&t, &rng, dw_str_make(line, sizeof line), DW_EVENT_FIELDS_MAX);
            events++;
        }
        struct dw_frame *f = frames_encode(&t, false);
        struct dw_decoded got;
        assert_true(f->bytes.len <= DW_FRAME_BYTES_MAX);
        assert_true(f->head.views_size <= DW_FRAME_VIEWS_MAX);
        assert_int_equal(dw_decode(d, dw_buf_view(&f->bytes), &got), DW_OK);
        decoded += got.event_count;
        dw_frame_free(f);
    }
    assert_int_equal(decoded, events);
    dw_decoder_free(d);
    dw_keys_free(reader);
    frames_fini(&t);
}

static void encoding_fails_cleanly_when_nth_allocation_fails(void **state)
{
    (void)state;
    struct frames t;
    frames_init(&t);
    frames_fill(&t, 100);
    for (unsigned nth = 1;; nth++) {
        assert_true(nth < 10000);
        struct dw_frame *f = NULL;
        struct dw_chain chain = t.chain;
        struct dw_encode with = {.chain = &chain, .key = t.key};
        mem_fail_at(nth);
        int rc = dw_encode_events(t.encoder, t.batch, &with, &f);
        mem_fail_at(0);
        if (rc == DW_OK) {
            dw_frame_free(f);
            if (mem_fail_hits() == 0)
                break;
        } else {
            assert_int_equal(rc, DW_ENOMEM);
            assert_int_equal(chain.next_number, t.chain.next_number);
        }
    }
    frames_fini(&t);
}

static void tree_heads_are_those_of_rfc_6962(void **state)
{
    (void)state;
    /* RFC 6962 test vectors as published with Certificate Transparency: leaves "", 00, 10, 20 21, 30 31, ... */
    static const struct {
        const char *bytes;
        size_t len;
    } leaves[] = {{"", 0}, {"\x00", 1}, {"\x10", 1}, {"\x20\x21", 2}, {"\x30\x31", 2}, {"\x40\x41\x42\x43", 4},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16}};
    struct dw_sha256 *sha = dw_sha256_new();
    struct dw_tree tree;
    uint8_t head[DW_SHA256_BYTES];
    char hex[2 * DW_SHA256_BYTES + 1];
    dw_tree_init(&tree);
    for (size_t i = 0; i < DW_COUNT_OF(leaves); i++)
        dw_tree_add(&tree, sha, dw_str_make(leaves[i].bytes, leaves[i].len));
    dw_tree_head(&tree, sha, head);
    dw_hex(head, sizeof head, hex);
    assert_string_equal(hex, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    dw_sha256_free(sha);
}

/* Stored, a section of any size reads back, also by zstd itself, and there is one way to write it. */
static void a_plain_frame_reads_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 255, 256, 65791, 65792, 131072, 131073, 1 << 20};
    struct dw_keys *keys = dw_keys_new();
    struct dw_decoder *d = dw_decoder_new(keys);
    struct dw_buf text = {0}, frame = {0}, again = {0};
    char *out = dw_alloc(1 << 20);
    while (text.len < 1 << 20)
        dw_buf_byte(&text, (uint8_t)(text.len * 7 >> 3));
    for (size_t i = 0; i < DW_COUNT_OF(sizes); i++) {
        struct dw_sections s = {.text = dw_str_slice(dw_buf_view(&text), 0, sizes[i]), .views = DW_STR("views")}, got;
        struct dw_head h = {.kind = DW_FRAME_EVENTS, .event_count = 1, .text_size = (uint32_t)sizes[i], .views_size = 5}, read;
        size_t len;
        dw_buf_reset(&frame);
        assert_int_equal(dw_frame_write_plain(&h, &s, &frame), DW_OK);
        assert_int_equal(dw_head_read(dw_buf_view(&frame), &read, &len), DW_OK);
        assert_int_equal(len, frame.len);
        assert_int_equal(dw_unpack(d, &read, dw_buf_view(&frame), &got), DW_OK);
        assert_true(dw_str_eq(got.text, s.text) && dw_str_eq(got.views, s.views));
        const char *at = frame.ptr + 8 + DW_HEAD_BYTES;
        assert_int_equal(ZSTD_getFrameContentSize(at, read.text_packed), sizes[i]);
        assert_int_equal(ZSTD_decompress(out, sizes[i], at, read.text_packed), sizes[i]);
        assert_memory_equal(out, s.text.ptr, sizes[i]);
        dw_buf_reset(&again);
        assert_int_equal(dw_frame_write_plain(&read, &got, &again), DW_OK);
        assert_true(dw_str_eq(dw_buf_view(&frame), dw_buf_view(&again)));
    }
    dw_free(out);
    dw_buf_fini(&text);
    dw_buf_fini(&frame);
    dw_buf_fini(&again);
    dw_decoder_free(d);
    dw_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_as_they_went_in),
        cmocka_unit_test(only_the_fields_that_are_wanted_are_decoded),
        cmocka_unit_test(plain_zstd_prints_the_lines),
        cmocka_unit_test(frames_are_numbered_and_chained),
        cmocka_unit_test(signing_changes_no_hash),
        cmocka_unit_test(any_flipped_bit_is_refused_or_changes_no_content),
        cmocka_unit_test(a_cut_frame_asks_for_more),
        cmocka_unit_test(hostile_views_are_refused),
        cmocka_unit_test(a_full_batch_stays_within_the_bounds_of_a_frame),
        cmocka_unit_test(names_chosen_by_a_log_fill_no_table),
        cmocka_unit_test(encoding_fails_cleanly_when_nth_allocation_fails),
        cmocka_unit_test(a_plain_frame_reads_back),
        cmocka_unit_test(tree_heads_are_those_of_rfc_6962),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
