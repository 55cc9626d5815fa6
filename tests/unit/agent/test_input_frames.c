/* Tests of agent/input_frames.h and parsers/received.h: messages out of a connection, and into a file and out again. */
#include "support.h"

#include "../../../agent/input_frames.h"

#include "dogwatch/parsers/lines.h"
#include "dogwatch/parsers/received.h"

struct heard {
    struct dw_buf text; /* each message and a '|', with !CUT and ? where it is so */
    uint32_t broken;
};

static void on_message(void *arg, struct dw_str text, uint64_t cut, bool unterminated)
{
    struct heard *h = arg;
    dw_buf_str(&h->text, text);
    if (cut)
        dw_buf_printf(&h->text, "!%llu", (unsigned long long)cut);
    dw_buf_printf(&h->text, "%s|", unterminated ? "?" : "");
}

static void on_broken(void *arg)
{
    ((struct heard *)arg)->broken++;
}

static void assert_heard(const char *bytes, size_t len, const char *want, uint32_t broken)
{
    for (size_t step = 1; step <= len; step++) {
        struct heard h = {0};
        struct unframe f = {0};
        struct unframe_out out = {.arg = &h, .message = on_message, .broken = on_broken};
        for (size_t at = 0; at < len; at += step)
            assert_int_equal(unframe_feed(&f, 16, dw_str_slice(dw_str_make(bytes, len), at, at + step), &out), DW_OK);
        unframe_end(&f, &out);
        assert_str(dw_buf_view(&h.text), want);
        assert_int_equal(h.broken, broken);
        unframe_fini(&f);
        dw_buf_fini(&h.text);
    }
}
#define HEARD(bytes, want, broken) assert_heard(bytes, sizeof bytes - 1, want, broken)

static void counts_and_lines_are_told_apart(void **state)
{
    (void)state;
    HEARD("8 <13>one\n7 <13>two<13>three\n", "<13>one|<13>two|<13>three|", 1);
    HEARD("<13>one\r\n\n<13>two\0<13>three", "<13>one|<13>two|<13>three?|", 0);
    HEARD("12 monkeys\n11 <13>\nx\n\n678", "12 monkeys|<13>\nx\n\n678|", 0);
    HEARD("3 <1>8 <13>one\n", "<1>|<13>one|", 0); /* some count the newline */
    HEARD("123456789 <x\n0 <a\n01 <b\n5  <c\n", "123456789 <x|0 <a|01 <b|5  <c|", 0);
    HEARD("\n\n\0", "", 0);
}

static void what_is_too_long_keeps_its_head_and_says_how_much_is_missing(void **state)
{
    (void)state;
    HEARD("<13>0123456789ABCDEF\n<13>x\n", "<13>0123456789AB!4|<13>x|", 0);
    HEARD("20 <13>0123456789ABCDEF5 <13>y", "<13>0123456789AB!4|<13>y|", 0);
    HEARD("99999999 <13>0123456789ABCDEF", "<13>0123456789AB!4?|", 0);
}

static void what_is_unfinished_at_the_end_is_told_so(void **state)
{
    (void)state;
    HEARD("9 <13>on", "<13>on?|", 0);
    HEARD("12", "12?|", 0);
    HEARD("12 ", "12 ?|", 0);
}

struct back {
    struct dw_buf text, peer;
    uint32_t flags, lines;
    uint8_t out;
};

static int on_line(void *arg, const struct dw_line *l)
{
    struct back *b = arg;
    dw_buf_str(&b->text, l->text);
    dw_buf_str(&b->peer, l->peer);
    b->flags = l->flags;
    b->out = l->out;
    b->lines++;
    return DW_OK;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    (void)arg;
    (void)d;
    return DW_OK;
}

static struct back read_back(struct dw_str file)
{
    struct back b = {0};
    struct dw_lines_conf conf = {.envelope = DW_ENV_RECEIVED, .line_max = 128 * 1024, .join_span_max = 1 << 20};
    struct dw_lines *l = dw_lines_new(&conf, 0);
    struct dw_lines_out out = {.arg = &b, .line = on_line, .declare = on_declare};
    size_t used;
    assert_int_equal(dw_lines_feed(l, file, &out, &used), DW_OK);
    assert_int_equal(used, file.len);
    dw_lines_free(l);
    return b;
}

static void free_back(struct back *b)
{
    dw_buf_fini(&b->text);
    dw_buf_fini(&b->peer);
}

static void a_message_in_a_file_is_the_message_again(void **state)
{
    (void)state;
    static const struct dw_str texts[] = {{"plain", 5}, {"back\\slash", 10}, {"two\nlines\\n\0zero", 16}, {" ", 1}, {"P F:e:@x y", 10}};
    for (size_t i = 0; i < DW_COUNT_OF(texts); i++) {
        struct dw_buf file = {0}, word = {0}, subject = {0};
        struct dw_received_peer peer = {.address = DW_STR("[2001:db8::1]:514"), .fingerprint = DW_STR("ab"), .subject = DW_STR("CN=a b;%\n,O=\xc3\xa9")};
        dw_received_peer_put(&word, &peer);
        struct dw_received_line m = {.time_ns = 5, .peer = dw_buf_view(&word), .text = texts[i], .unterminated = i == 1, .cut_bytes = i == 2 ? 9 : 0};
        assert_int_equal(dw_received_put(&file, &m), 0);
        struct back b = read_back(dw_buf_view(&file));
        assert_int_equal(b.lines, 1);
        assert_true(dw_str_eq(dw_buf_view(&b.text), texts[i]));
        assert_int_equal(b.flags, i == 1 ? DW_LINE_UNTERMINATED : i == 2 ? DW_LINE_CUT : 0);
        struct dw_received_peer got = dw_received_peer_take(dw_buf_view(&b.peer));
        dw_received_subject(&subject, got.subject);
        assert_str(got.address, "[2001:db8::1]:514");
        assert_str(got.fingerprint, "ab");
        assert_true(dw_str_eq(dw_buf_view(&subject), peer.subject));
        free_back(&b);
        dw_buf_fini(&file);
        dw_buf_fini(&word);
        dw_buf_fini(&subject);
    }
}

static void parts_are_joined_and_our_own_word_stands_apart(void **state)
{
    (void)state;
    struct dw_buf file = {0};
    (void)dw_received_put(&file, &(struct dw_received_line){.partial = true, .text = DW_STR("one ")});
    (void)dw_received_put(&file, &(struct dw_received_line){.text = DW_STR("line")});
    struct back b = read_back(dw_buf_view(&file));
    assert_str(dw_buf_view(&b.text), "one line");
    free_back(&b);
    dw_buf_reset(&file);
    (void)dw_received_put(&file, &(struct dw_received_line){.note = true, .text = DW_STR("{}")});
    b = read_back(dw_buf_view(&file));
    assert_int_equal(b.out, DW_OUT_STDERR);
    free_back(&b);
    dw_buf_fini(&file);
}

static void a_text_that_grows_too_long_by_its_coding_is_cut(void **state)
{
    (void)state;
    struct dw_buf text = {0}, file = {0};
    for (int i = 0; i < 65536; i++)
        dw_buf_byte(&text, '\n');
    assert_int_equal(dw_received_put(&file, &(struct dw_received_line){.text = dw_buf_view(&text)}), 65536 - DW_RECEIVED_TEXT_MAX / 2);
    struct back b = read_back(dw_buf_view(&file));
    assert_int_equal(b.text.len, DW_RECEIVED_TEXT_MAX / 2);
    assert_int_equal(b.flags, DW_LINE_CUT);
    free_back(&b);
    dw_buf_fini(&text);
    dw_buf_fini(&file);
}

static void a_line_that_is_none_of_ours_is_kept_whole(void **state)
{
    (void)state;
    static const char *const lines[] = {"torn\n", "2026-11-29T20:00:00Z stdout F:zz x\n", "2026-11-29T20:00:00Z stdout F\n", "2026-11-29T20:00:00Z stdout F:@ x\n",
        "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-29T20:00:00Z\"}\n"};
    for (size_t i = 0; i < DW_COUNT_OF(lines); i++) {
        struct back b = read_back(dw_str_of(lines[i]));
        assert_true(b.flags & DW_LINE_ENVELOPE_BAD);
        assert_int_equal(b.text.len, strlen(lines[i]) - 1);
        assert_int_equal(b.peer.len, 0);
        free_back(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_lines_are_told_apart),
        cmocka_unit_test(what_is_too_long_keeps_its_head_and_says_how_much_is_missing),
        cmocka_unit_test(what_is_unfinished_at_the_end_is_told_so),
        cmocka_unit_test(a_message_in_a_file_is_the_message_again),
        cmocka_unit_test(parts_are_joined_and_our_own_word_stands_apart),
        cmocka_unit_test(a_text_that_grows_too_long_by_its_coding_is_cut),
        cmocka_unit_test(a_line_that_is_none_of_ours_is_kept_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
