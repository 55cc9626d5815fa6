/* Tests of parsers/redact: what must not leave the host is masked, and nothing else. */
#include "support.h"

#include "../../../parsers/redact/redact_int.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/parsers/lines.h"
#include "dogwatch/parsers/redact.h"

#include <stdio.h>

static void cards_are_masked_but_for_their_last_four(void **state)
{
    (void)state;
    /* The issuers' published test numbers. */
    static const char *const cards[] = {"4111111111111111", "4242 4242 4242 4242", "5555-5555-5555-4444", "2223003122003222",
        "378282246310005", "3782 822463 10005", "6011111111111117", "30569309025904", "3530111333300000", "6200000000000005",
        "4222222222222"};
    for (size_t i = 0; i < DW_COUNT_OF(cards); i++) {
        char line[100];
        struct dw_mask m[2];
        int len = snprintf(line, sizeof line, "pay card=\"%s\" ok", cards[i]);
        assert_int_equal(dw_redact_scan(1, dw_str_make(line, (size_t)len), m, 2), 1);
        assert_int_equal(m[0].len, strlen(cards[i]));
        dw_redact_apply(line, m[0]);
        assert_int_equal(strlen(line), (size_t)len);
        assert_memory_equal(line + m[0].start + m[0].len - 4, cards[i] + strlen(cards[i]) - 4, 4);
        assert_int_equal(line[m[0].start], '*');
    }
}

static void a_card_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static const char card[] = "4222222222222";
    for (size_t len = 13; len < 200; len++) {
        for (size_t at = 0; at + 13 <= len; at++) {
            char line[200];
            struct dw_mask m[2];
            memset(line, '(', len);
            memcpy(line + at, card, 13);
            assert_int_equal(dw_redact_scan(1, dw_str_make(line, len), m, 2), 1);
            assert_int_equal(m[0].start, at);
        }
    }
    char two[80];
    struct dw_mask m[4];
    int n = snprintf(two, sizeof two, "%s,%s,%40s", card, card, card);
    assert_int_equal(dw_redact_scan(1, dw_str_make(two, (size_t)n), m, 4), 3);
}

static void numbers_that_are_no_cards_stay(void **state)
{
    (void)state;
    struct dw_rng rng = {.state = 5};
    uint32_t masked = 0;
    for (uint32_t i = 0; i < 1000000; i++) {
        char line[200];
        uint64_t a = dw_rng_next(&rng), b = dw_rng_next(&rng), ms = UINT64_C(1500000000000) + dw_rng_below(&rng, UINT64_C(400000000000));
        int len = snprintf(line, sizeof line, "%llu %llu%03u %llu%06u %08x-%04x-%04x-%04x-%012llx %016llx%016llx id_%016u",
            (unsigned long long)ms, (unsigned long long)ms, (unsigned)(a % 1000), (unsigned long long)ms,
            (unsigned)(b % 1000000), (unsigned)a, (unsigned)(a >> 48), (unsigned)(b & 0xffff), (unsigned)(b >> 48 & 0xffff),
            (unsigned long long)(a & 0xffffffffffff), (unsigned long long)a, (unsigned long long)b, (unsigned)b);
        struct dw_mask m[4];
        masked += dw_redact_scan(1, dw_str_make(line, (size_t)len), m, 4);
    }
    assert_int_equal(masked, 0);
}

static void expect_masked(const char *in, const char *want)
{
    struct dw_buf line = {0};
    struct dw_mask m[16];
    dw_buf_str(&line, dw_str_of(in));
    uint32_t n = dw_redact_scan(~0u, dw_buf_view(&line), m, 16);
    assert_true(n <= 16);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(m[i].len > 0 && m[i].start + m[i].len <= line.len);
        dw_redact_apply(line.ptr, m[i]);
    }
    assert_str(dw_buf_view(&line), want);
    dw_buf_fini(&line);
}

static void secrets_are_masked_when_chosen(void **state)
{
    (void)state;
    expect_masked("GET /?password=hunter2&x=1 Authorization: Bearer abc.def AKIAIOSFODNN7EXAMPLE",
        "GET /?password=*******&x=1 Authorization: Bearer ******* ********************");
    expect_masked("{\"db_password\": \"s3cr3t\", \"api-key\":\"k\", \"user\":\"bob\"}",
        "{\"db_password\": \"******\", \"api-key\":\"*\", \"user\":\"bob\"}");
    expect_masked("{\\\"token\\\":\\\"abc\\\"}", "{\\\"token\\\":\\\"***\\\"}");
    expect_masked("postgres://app:s3cr3t@db:5432/x http://h:80/a:b@c", "postgres://app:******@db:5432/x http://h:80/a:b@c");
    expect_masked("authorization=Basic dXNlcjpwYXNz x", "authorization=Basic ************ x");
    expect_masked("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- after",
        "-----BEGIN RSA PRIVATE KEY-----******-----END RSA PRIVATE KEY----- after");
}

static void words_without_a_secret_stay(void **state)
{
    (void)state;
    static const char *const lines[] = {"Failed password for root from 10.0.0.1 port 22", "Basic usage: x", "the Bearer of news",
        "password: ", "token", "-----END PRIVATE KEY----- PRIVATE KEY-----x", "AKIA short", "a::b==c", "http://host:8080/path"};
    for (size_t i = 0; i < DW_COUNT_OF(lines); i++)
        expect_masked(lines[i], lines[i]);
}

/* A secret between these is masked, and nothing else. */
static void expect_gone(const char *before, const char *secret, const char *after)
{
    char line[300], want[300];
    int len = snprintf(line, sizeof line, "%s%s%s", before, secret, after);
    assert_true(len > 0 && len < (int)sizeof line);
    memcpy(want, line, (size_t)len + 1);
    memset(want + strlen(before), '*', strlen(secret));
    expect_masked(line, want);
}

static void tokens_are_known_by_their_beginning(void **state)
{
    (void)state;
    expect_gone("push with ", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", " done");
    expect_gone("x=", "github_pat_11ABCDEFG0abcdefghij_KLM", "");
    expect_gone("(", "xoxb-123456789012-abcDEF", ")");
    expect_gone("", "sk_live_4eC39HqLyjWDarjtT1zdp7dc", ",");
    expect_gone("k ", "AIzaSyA1234567890abcdefghijklmnopqrstuv", ".");
    expect_gone("jwt ", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_1", " end");
    expect_gone("{\"k\":\"", "hvs.CAESIJxxxxxxxxxxxxxxxxxxxx", "\"}");
}

static void values_of_secret_names_are_masked_to_their_end(void **state)
{
    (void)state;
    expect_masked("login password=\"my long pass word\" ok", "login password=\"*****************\" ok");
    expect_masked("{\"password\":\"a \\\"b\\\" c\",\"n\":1}", "{\"password\":\"*********\",\"n\":1}");
    expect_masked("POST /f?body=password%3Dhunter2%26x%3D1 200", "POST /f?body=password%3D*******%26x%3D1 200");
    expect_masked("q=%22token%22%3A%20%22abc%22", "q=%22token%22%3A%20%22***%22");
    expect_masked("user=bob pass=hunter2", "user=bob pass=*******");
    expect_masked("AccountKey=abc/def==;x", "AccountKey=*********;x");
    expect_masked("X-Api-Key: 0f0f", "X-Api-Key: ****");
    expect_masked("mail to ann.b+c@example.org now", "mail to *******@example.org now");
}

static void what_only_looks_like_a_secret_stays(void **state)
{
    (void)state;
    static const char *const lines[] = {"tests pass=12 fail=1", "bypass=yes", "/task-management-and-more-words-than-thirty-two-letters", "risk-assessment",
        "SG.", "eyJ.a.b", "AKIA", "desk-0123456789012345678901234567890123456789", "d41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204e9800998ecf8427e",
        "time=10:11:12 a%3Db compass_north-east", "the key: PUBLIC KEY-----", "me@home @x a@ b@c"};
    for (size_t i = 0; i < DW_COUNT_OF(lines); i++)
        expect_masked(lines[i], lines[i]);
}

/* 64 of a random alphabet. */
static void random_text(struct dw_rng *rng, const char *alphabet, uint32_t len, char *out)
{
    for (uint32_t i = 0; i < len; i++)
        out[i] = alphabet[dw_rng_below(rng, strlen(alphabet))];
    out[len] = '\0';
}

struct given {
    struct dw_buf text;
};

static int take_line(void *arg, const struct dw_line *line)
{
    struct given *g = arg;
    dw_buf_str(&g->text, line->text);
    dw_buf_byte(&g->text, '\n');
    return DW_OK;
}

static int no_declaration(void *arg, const struct dw_declared *d)
{
    (void)arg;
    (void)d;
    return DW_OK;
}

/* Whatever is planted in a line as programs write it, nothing of it is left. */
static void none_of_ten_thousand_planted_secrets_is_left(void **state)
{
    (void)state;
    static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const struct {
        const char *before, *after, *alphabet;
        uint32_t min, more;
    } places[] = {{"2026-11-29T10:00:00Z INFO login user=ann password=", " from 203.0.113.9", alnum, 8, 20}, {"{\"db\":{\"passwd\":\"", "\",\"port\":5432}}", alnum, 8, 30},
        {"GET /?api_key=", "&page=2 HTTP/1.1", alnum, 16, 30}, {"Authorization: Bearer ", "\" x", alnum, 20, 40}, {"curl -H 'Authorization: Basic ", "'", alnum, 12, 20},
        {"postgres://app:", "@db:5432/shop", alnum, 8, 20}, {"using key AKIA", " in eu-west-1", upper, 16, 1}, {"token ghp_", ".", alnum, 36, 1},
        {"slack xoxb-", " ok", alnum, 24, 20}, {"{\\\"client_secret\\\":\\\"", "\\\"}", alnum, 12, 30}, {"-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", alnum, 64, 200},
        {"secret: ", "", alnum, 8, 40}, {"stripe sk_live_", ",", alnum, 24, 1}};
    struct dw_rng rng = {.state = 77};
    struct given given = {{0}};
    const struct dw_lines_conf conf = {.envelope = DW_ENV_PLAIN, .line_max = 4096, .join_span_max = 1000, .redact = DW_REDACT_USUAL};
    const struct dw_lines_out out = {.line = take_line, .declare = no_declaration, .arg = &given};
    struct dw_lines *l = dw_lines_new(&conf, 0);
    size_t used;
    for (uint32_t i = 0; i < 10000; i++) {
        size_t p = dw_rng_below(&rng, DW_COUNT_OF(places));
        char secret[300], line[600];
        random_text(&rng, places[p].alphabet, places[p].min + (uint32_t)dw_rng_below(&rng, places[p].more), secret);
        int len = snprintf(line, sizeof line, "%s%s%s\n", places[p].before, secret, places[p].after);
        dw_buf_reset(&given.text);
        assert_int_equal(dw_lines_feed(l, dw_str_make(line, (size_t)len), &out, &used), DW_OK);
        assert_int_equal(given.text.len, len);
        if (dw_str_find(dw_buf_view(&given.text), dw_str_of(secret)) < given.text.len)
            fail_msg("left: %.*s", DW_ARG(dw_buf_view(&given.text)));
    }
    dw_lines_free(l);
    dw_buf_fini(&given.text);
}

static void a_key_over_several_lines_is_masked_whole(void **state)
{
    (void)state;
    static const char in[] = "start\n-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MhgHcTz6sE2I2yPB\nabcd+/==\n-----END RSA PRIVATE KEY-----\nabcd\n";
    static const char want[] = "start\n-----BEGIN RSA PRIVATE KEY-----\n****************************************************************\n********\n-----END RSA PRIVATE KEY-----\nabcd\n";
    struct given given = {{0}};
    const struct dw_lines_conf conf = {.envelope = DW_ENV_PLAIN, .line_max = 4096, .join_span_max = 1000, .redact = DW_REDACT_USUAL};
    const struct dw_lines_out out = {.line = take_line, .declare = no_declaration, .arg = &given};
    struct dw_lines *l = dw_lines_new(&conf, 0);
    size_t used;
    assert_int_equal(dw_lines_feed(l, dw_str_of(in), &out, &used), DW_OK);
    assert_str(dw_buf_view(&given.text), want);
    dw_lines_free(l);
    dw_buf_fini(&given.text);
}

/* More than are listed: all are masked. */
static void a_line_of_many_secrets_keeps_none(void **state)
{
    (void)state;
    char line[4000];
    size_t len = 0;
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(line + len, sizeof line - len, "password=hunter%02d ", i);
    line[len - 1] = '\n';
    struct given given = {{0}};
    const struct dw_lines_conf conf = {.envelope = DW_ENV_PLAIN, .line_max = 4096, .join_span_max = 1000, .redact = DW_REDACT_USUAL};
    const struct dw_lines_out out = {.line = take_line, .declare = no_declaration, .arg = &given};
    struct dw_lines *l = dw_lines_new(&conf, 0);
    size_t used;
    assert_int_equal(dw_lines_feed(l, dw_str_make(line, len), &out, &used), DW_OK);
    assert_int_equal(given.text.len, len);
    assert_int_equal(dw_str_find(dw_buf_view(&given.text), DW_STR("hunter")), given.text.len);
    dw_lines_free(l);
    dw_buf_fini(&given.text);
}

static void every_processor_finds_the_same_pairs(void **state)
{
    (void)state;
    struct dw_rng rng = {.state = 9};
    static const char often[] = "=:_@%-.AKBeJySGaz059 ";
    for (uint32_t i = 0; i < 20000; i++) {
        char line[1300];
        size_t len = 1 + (size_t)dw_rng_below(&rng, i % 16 ? 136 : sizeof line - 64);
        memset(line, 0, sizeof line);
        for (size_t k = 0; k < len; k++)
            line[k] = (char)(i % 2 ? dw_rng_below(&rng, 256) : (uint64_t)often[dw_rng_below(&rng, sizeof often - 1)]);
        struct dw__block got[DW__BLOCKS], want;
        for (size_t block = 0, count = 0, n = 0; block < len; block += 64, n++) {
            uint64_t inside = len - block < 64 ? (UINT64_C(1) << (len - block)) - 1 : UINT64_MAX;
            if (n == count) {
                count = dw__pairs_read(dw_str_make(line, len), block, got);
                n = 0;
            }
            assert_in_range(count, n + 1, DW__BLOCKS);
            dw__pairs_portable(block ? line[block - 1] : 0, line + block, &want);
            assert_true(got[n].trigger == (want.trigger & inside) && got[n].run == (want.run & inside));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards_are_masked_but_for_their_last_four),
        cmocka_unit_test(a_card_is_found_wherever_it_stands),
        cmocka_unit_test(numbers_that_are_no_cards_stay),
        cmocka_unit_test(secrets_are_masked_when_chosen),
        cmocka_unit_test(words_without_a_secret_stay),
        cmocka_unit_test(tokens_are_known_by_their_beginning),
        cmocka_unit_test(values_of_secret_names_are_masked_to_their_end),
        cmocka_unit_test(what_only_looks_like_a_secret_stays),
        cmocka_unit_test(none_of_ten_thousand_planted_secrets_is_left),
        cmocka_unit_test(a_key_over_several_lines_is_masked_whole),
        cmocka_unit_test(a_line_of_many_secrets_keeps_none),
        cmocka_unit_test(every_processor_finds_the_same_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
