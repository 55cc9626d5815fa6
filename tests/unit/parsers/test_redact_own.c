/* Tests of parsers/redact/own_rules.c, pieces.c and fleet_key.c: users' own rules and keyed hashes. */
#include "support.h"

#include "../../../parsers/redact/redact_int.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/parsers/lines.h"
#include "dogwatch/parsers/parser.h"
#include "dogwatch/parsers/words.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { RULES_MAX = 70, TEXT_MAX = 512 };

/* Options as a user writes them, one rule a "name=regex". */
struct wish {
    const char *rule[RULES_MAX], *hash[8], *redact[8];
    const char *key; /* what the key file holds; NULL: there is none */
};

struct bed {
    char dir[400], key_path[TEXT_MAX];
    struct dw_str key[RULES_MAX], value[RULES_MAX], hash[8], redact[8];
    struct dw_agent_options opt;
    struct dw_redact_own *own;
    struct dw_lines *lines;
    uint32_t set;
    /* what the last line became */
    struct dw_buf text;
    struct dw_mask mask[DW_LINE_MASKS_MAX];
    uint32_t count, flags;
    char said[TEXT_MAX];
};

static uint32_t put_list(const char *const *from, struct dw_str *to)
{
    uint32_t count = 0;
    for (; from[count]; count++)
        to[count] = dw_str_of(from[count]);
    return count;
}

static void write_key(struct bed *b, const char *bytes, mode_t mode)
{
    (void)snprintf(b->key_path, sizeof b->key_path, "%s/key", b->dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, b->key_path, mode, dw_str_of(bytes)), DW_OK);
    assert_int_equal(chmod(b->key_path, mode), 0);
    b->opt.redact_key_file = dw_str_of(b->key_path);
}

static void ask(struct bed *b, const struct wish *w)
{
    uint32_t count = 0;
    memset(b, 0, sizeof *b);
    (void)snprintf(b->dir, sizeof b->dir, "%s", temp_dir());
    for (; w->rule[count]; count++) {
        b->value[count] = dw_str_of(w->rule[count]);
        b->key[count] = dw_str_cut(&b->value[count], '=');
    }
    b->opt.redact_rules = (struct dw_conf_map){b->key, b->value, count};
    b->opt.redact_hash = (struct dw_conf_list){b->hash, put_list(w->hash, b->hash)};
    b->opt.redact = (struct dw_conf_list){b->redact, put_list(w->redact, b->redact)};
    if (w->key)
        write_key(b, w->key, 0600);
}

static int make(struct bed *b, const struct dw_fs *fs)
{
    const char *option = "";
    struct dw_buf why = {0};
    int rc = dw_redact_own_new(fs, &b->opt, &b->own, &option, &why);
    (void)snprintf(b->said, sizeof b->said, "%s: %.*s", option, DW_ARG(dw_buf_view(&why)));
    dw_buf_fini(&why);
    return rc;
}

static void open_bed(struct bed *b, const struct wish *w)
{
    struct dw_buf why = {0};
    ask(b, w);
    if (make(b, &dw_fs_system) < 0)
        fail_msg("%s", b->said);
    assert_int_equal(dw_redact_chosen(&b->opt, &b->set, &why), DW_OK);
    const struct dw_lines_conf conf = {.envelope = DW_ENV_PLAIN, .line_max = 256 * 1024, .join_span_max = 1 << 20, .redact = b->set, .own = b->own};
    b->lines = dw_lines_new(&conf, 0);
    assert_non_null(b->lines);
}

static void close_bed(struct bed *b)
{
    dw_lines_free(b->lines);
    dw_redact_own_free(b->own);
    dw_buf_fini(&b->text);
    temp_dir_remove(b->dir);
}

static int on_line(void *arg, const struct dw_line *l)
{
    struct bed *b = arg;
    dw_buf_reset(&b->text);
    dw_buf_str(&b->text, l->text);
    b->count = l->mask_count;
    b->flags = l->flags;
    memcpy(b->mask, l->mask ? l->mask : b->mask, l->mask_count * sizeof *l->mask);
    return DW_OK;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    (void)arg;
    (void)d;
    return DW_OK;
}

/* What is left of a line, in b->text. */
static struct dw_str give(struct bed *b, struct dw_str line)
{
    const struct dw_lines_out out = {.arg = b, .line = on_line, .declare = on_declare};
    struct dw_buf in = {0};
    size_t used;
    dw_buf_str(&in, line);
    dw_buf_byte(&in, '\n');
    assert_int_equal(dw_lines_feed(b->lines, dw_buf_view(&in), &out, &used), DW_OK);
    assert_int_equal(used, in.len);
    assert_int_equal(b->text.len, line.len);
    dw_buf_fini(&in);
    return dw_buf_view(&b->text);
}

static void expect(struct bed *b, const char *in, const char *want)
{
    assert_str(give(b, dw_str_of(in)), want);
}

static void a_group_is_masked_or_else_the_match(void **state)
{
    (void)state;
    struct bed b;
    char note[DW_REDACT_NOTE_MAX];
    open_bed(&b, &(struct wish){.rule = {"staff=\\bEMP-(\\d+)\\b", "iban=DE\\d{20}", "either=a1=(\\w+)|b2=(\\w+)|c3", "csv=,(\\d{3}),", "maybe=k=(\\w*);"}});
    expect(&b, "by EMP-1234 and EMP-99", "by EMP-**** and EMP-**");
    assert_int_equal(b.count, 2);
    assert_int_equal(dw_redact_note(b.own, &b.mask[0], note), strlen("staff:7:4"));
    assert_string_equal(note, "staff:7:4");
    expect(&b, "to DE12345678901234567890.", "to **********************.");
    expect(&b, "a1=xyz b2=vw c3 d", "a1=*** b2=** ** d");
    expect(&b, ",123,456,789, k=; k=a;", ",***,***,***, k=; k=*;");
    expect(&b, "nothing here", "nothing here");
    assert_int_equal(b.count, 0);
    expect(&b, "EMP-12 password=hunter2 4111111111111111", "EMP-** password=******* ************1111");
    close_bed(&b);
}

static void bytes_that_are_no_utf8_hide_nothing(void **state)
{
    (void)state;
    struct bed b;
    open_bed(&b, &(struct wish){.rule = {"staff=EMP-(.{4})"}});
    expect(&b, "\xff\xfe EMP-1234 \xc3", "\xff\xfe EMP-**** \xc3");
    expect(&b, "EMP-1\xff\xc3z", "EMP-****");
    assert_int_equal(give(&b, dw_str_make("\0EMP-1\0\0\0x", 11)).len, 11);
    assert_memory_equal(b.text.ptr, "\0EMP-****x", 11 - 1);
    close_bed(&b);
}

static void own_rules_stand_without_built_in_ones(void **state)
{
    (void)state;
    struct bed b;
    open_bed(&b, &(struct wish){.rule = {"staff=EMP-(\\d+)"}, .redact = {"none"}});
    expect(&b, "EMP-12 password=hunter2", "EMP-** password=hunter2");
    close_bed(&b);
    open_bed(&b, &(struct wish){.rule = {NULL}});
    assert_null(b.own); /* nothing is added where nothing is asked for */
    close_bed(&b);
}

/* What no rule may be, and what is said of it. */
static void mistakes_are_told(void **state)
{
    (void)state;
    static const struct {
        struct wish wish;
        const char *said;
    } rows[] = {
        {{.rule = {"cards=x"}}, "redact.rules: cards: a built-in rule has this name"},
        {{.rule = {"none=x"}}, "redact.rules: none: a rule's name has"},
        {{.rule = {"Staff=x"}}, "a rule's name has 1 to 32 of a-z"},
        {{.rule = {"a23456789012345678901234567890123=x"}}, "a rule's name has"},
        {{.rule = {"a="}}, "a regex is missing"},
        {{.rule = {"a=x("}}, "a: missing closing parenthesis at its end"},
        {{.rule = {"a=x?"}}, "it may match the empty text"},
        {{.rule = {"a=x|"}}, "it may match the empty text"},
        {{.rule = {"a=(*UTF)x"}}, "at byte 7"},
        {{.hash = {"cards"}}, "redact.hash: hashes need the fleet's key"},
        {{.hash = {"carts"}, .key = "0123456789abcdef"}, "redact.hash: no such rule: 'carts'\ndid you mean 'cards'?"},
        {{.hash = {"emails"}, .key = "0123456789abcdef"}, "redact.hash: 'emails' is not looked for"},
        {{.rule = {"staff=x"}, .hash = {"stuff"}, .key = "0123456789abcdef"}, "did you mean 'staff'?"},
        {{.hash = {"cards"}, .key = "0123456789abcde"}, "redact.key_file: "},
        {{.hash = {"cards"}, .key = "0123456789abcde"}, "has 15 bytes, and a key has from 16"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct bed b;
        ask(&b, &rows[i].wish);
        assert_int_equal(make(&b, &dw_fs_system), DW_ECONFIG);
        assert_null(b.own);
        if (!strstr(b.said, rows[i].said))
            fail_msg("said '%s', not '%s'", b.said, rows[i].said);
        close_bed(&b);
    }
}

static void there_are_at_most_64_rules(void **state)
{
    (void)state;
    static char text[65][40];
    struct wish w = {.rule = {NULL}};
    struct bed b;
    for (int i = 0; i < 65; i++) {
        (void)snprintf(text[i], sizeof text[i], "r%d=no%03d", i, i);
        w.rule[i] = text[i];
    }
    ask(&b, &w);
    assert_int_equal(make(&b, &dw_fs_system), DW_ECONFIG);
    assert_non_null(strstr(b.said, "65 rules, and at most 64"));
    close_bed(&b);
    w.rule[64] = NULL;
    open_bed(&b, &w);
    expect(&b, "no063 no064 no000", "***** no064 *****");
    close_bed(&b);
}

static void a_key_that_is_no_secret_is_refused(void **state)
{
    (void)state;
    struct bed b;
    struct wish w = {.hash = {"cards"}, .key = "0123456789abcdef0123456789abcdef"};
    ask(&b, &w);
    assert_int_equal(chmod(b.key_path, 0644), 0);
    assert_int_equal(make(&b, &dw_fs_system), DW_ECONFIG);
    assert_non_null(strstr(b.said, "everybody may read or write it"));
    assert_int_equal(chmod(b.key_path, 0640), 0);
    assert_int_equal(make(&b, &dw_fs_system), DW_OK);
    dw_redact_own_free(b.own);
    b.own = NULL;
    b.opt.redact_key_file = DW_STR("/nonexistent/key");
    assert_int_equal(make(&b, &dw_fs_system), DW_ECONFIG);
    assert_non_null(strstr(b.said, "/nonexistent/key: cannot be opened"));
    b.opt.redact_key_file = dw_str_of(b.dir);
    assert_int_equal(make(&b, &dw_fs_system), DW_ECONFIG);
    assert_non_null(strstr(b.said, "is no file"));
    close_bed(&b);
}

static void a_key_that_cannot_be_read_is_never_half_a_key(void **state)
{
    (void)state;
    struct bed b;
    ask(&b, &(struct wish){.rule = {"staff=EMP-(\\d+)"}, .hash = {"staff"}, .key = "0123456789abcdef"});
    for (int nth = 1;; nth++) {
        struct faulty_fs fs;
        assert_true(nth < 20);
        faulty_fs_init(&fs, nth, FAULT_EIO);
        int rc = make(&b, &fs.fs);
        assert_int_equal(rc, fs.hits ? DW_ECONFIG : DW_OK);
        assert_true(fs.hits ? !b.own && strstr(b.said, "cannot be") != NULL : b.own != NULL);
        dw_redact_own_free(b.own);
        b.own = NULL;
        if (fs.hits == 0)
            break;
    }
    close_bed(&b);
}

static void no_memory_is_an_answer_and_the_line_can_be_given_again(void **state)
{
    (void)state;
    struct bed b;
    ask(&b, &(struct wish){.rule = {"digit=(\\d)"}, .hash = {"digit"}, .key = "0123456789abcdef"});
    for (unsigned nth = 1;; nth++) {
        assert_true(nth < 50);
        mem_fail_at(nth);
        int rc = make(&b, &dw_fs_system);
        struct dw_redact_pieces p = {0};
        if (rc == DW_OK)
            rc = dw_redact_own_find(b.own, DW_REDACT_USUAL, DW_STR("12345678901234567890123456789012345678901234567890123456789012345678901234567890"), &p);
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        if (hits)
            assert_true(rc == DW_ENOMEM || rc == DW_OK || rc == DW_ECONFIG);
        if (rc == DW_OK)
            assert_int_equal(p.count, 80);
        dw_redact_own_free(b.own);
        b.own = NULL;
        if (!hits)
            break;
    }
    close_bed(&b);
}

/* ---- limits ---- */

static void where_a_limit_is_hit_the_rest_is_masked(void **state)
{
    (void)state;
    struct bed b;
    char line[1200];
    open_bed(&b, &(struct wish){.rule = {"slow=id (\\d+)|(?:a+)+b"}});
    int len = snprintf(line, sizeof line, "id 42 ");
    memset(line + len, 'a', 1000);
    line[len + 1000] = '\0';
    (void)give(&b, dw_str_of(line));
    assert_true(b.flags & DW_LINE_REDACT_LIMIT);
    assert_memory_equal(b.text.ptr, "id **", 5); /* what was found before stays found */
    for (size_t i = 5; i < b.text.len; i++)
        assert_int_equal(b.text.ptr[i], '*');
    assert_int_equal(b.count, 2);
    assert_true(b.mask[1].rest && b.mask[1].start == 5 && b.mask[1].len == 1001);
    expect(&b, "id 42 aaab", "id ** ****");
    assert_false(b.flags & DW_LINE_REDACT_LIMIT);
    close_bed(&b);
}

/* What a search of the whole line at once finds. */
static uint32_t find_whole(const char *regex, struct dw_str line, struct dw_mask *ret, uint32_t max)
{
    int error;
    PCRE2_SIZE offset;
    uint32_t count = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, 0, &error, &offset, NULL);
    pcre2_match_data *data = pcre2_match_data_create(4, NULL);
    const PCRE2_SIZE *v = pcre2_get_ovector_pointer(data);
    for (size_t at = 0; at < line.len && count < max;) {
        int rc = pcre2_match(code, (PCRE2_SPTR)line.ptr, line.len, at, 0, data, NULL);
        if (rc < 0)
            break;
        int g = rc > 1 ? 1 : 0;
        if (v[2 * g + 1] > v[2 * g])
            ret[count++] = (struct dw_mask){.start = (uint32_t)v[2 * g], .len = (uint32_t)(v[2 * g + 1] - v[2 * g])};
        at = v[2 * g + 1] > v[0] ? v[2 * g + 1] : v[0] + 1;
    }
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return count;
}

/* Long lines are searched by windows: nothing is found that the whole line has not, and nothing is missed. */
static void windows_find_what_the_whole_line_has(void **state)
{
    (void)state;
    enum { LEN = 30000, MAX = 20000 };
    static const char *const regexes[] = {"id=(\\w+)", "\\bid\\b", "x(?=y)", "(?<=ab)c+", "id=[a-d ]{3,}", "^id", "d$", "a[^=]*=", "[ab]{40,}", "(?s)id.{1,6000}?yy"};
    static char line[LEN];
    static struct dw_mask want[MAX];
    struct dw_rng rng = {.state = 3};
    for (uint32_t turn = 0; turn < 6 * DW_COUNT_OF(regexes); turn++) {
        const char *regex = regexes[turn % DW_COUNT_OF(regexes)];
        struct dw__own_rule rule = {.code = NULL};
        struct dw__own_scratch *scratch = dw__own_scratch_new();
        struct dw__own_search search = {.at = 0};
        struct dw_buf why = {0};
        struct dw_mask got;
        const char *alphabet = turn & 1 ? "abcdixy= " : "ab";
        for (size_t i = 0; i < LEN; i++)
            line[i] = dw_rng_below(&rng, 300) == 0 ? '=' : alphabet[dw_rng_below(&rng, strlen(alphabet))];
        assert_int_equal(dw__own_rule_new(DW_STR("r"), dw_str_of(regex), &rule, &why), DW_OK);
        uint32_t count = find_whole(regex, dw_str_make(line, LEN), want, MAX), i = 0;
        enum dw__own_answer answer;
        while ((answer = dw__own_next(&rule, scratch, dw_str_make(line, LEN), &search, &got)) == DW__OWN_PIECE) {
            if (i == count || got.start != want[i].start || got.len != want[i].len)
                fail_msg("%s: piece %u: %u:%u, not %u:%u", regex, i, got.start, got.len, i < count ? want[i].start : 0, i < count ? want[i].len : 0);
            i++;
        }
        if (answer == DW__OWN_END)
            assert_int_equal(i, count);
        dw__own_rule_fini(&rule);
        dw__own_scratch_free(scratch);
        dw_buf_fini(&why);
    }
}

/* A try from each byte to the end of the line would take minutes: the square of 256 Ki. */
static void a_hostile_long_line_is_masked_in_bounded_time(void **state)
{
    (void)state;
    enum { LEN = 256 * 1024 };
    static const char *const rules[] = {"r=\\w+=(\\w+)", "r=(\\d).*", "r=[^x]*x", "r=a.*a.*b", "r=(?:a|aa)+b"};
    char *line = dw_alloc(LEN);
    for (size_t i = 0; i < DW_COUNT_OF(rules); i++) {
        struct bed b;
        open_bed(&b, &(struct wish){.rule = {rules[i]}, .redact = {"none"}});
        memset(line, i == 1 ? '7' : 'a', LEN);
        memcpy(line + LEN - 4, " =xb", 4);
        (void)give(&b, dw_str_make(line, LEN));
        if (i == 1)
            assert_int_equal(b.text.ptr[LEN / 2], '*');
        close_bed(&b);
    }
    dw_free(line);
}

static void a_line_of_more_pieces_than_are_kept_is_masked_whole(void **state)
{
    (void)state;
    enum { LEN = 100000 };
    struct bed b;
    char *line = dw_alloc(LEN);
    open_bed(&b, &(struct wish){.rule = {"digit=\\d"}, .redact = {"cards"}, .hash = {"digit"}, .key = "0123456789abcdef"});
    for (size_t i = 0; i < LEN; i++)
        line[i] = i & 1 ? 'x' : '7';
    (void)give(&b, dw_str_make(line, LEN));
    assert_true(b.flags & DW_LINE_REDACT_LIMIT && b.flags & DW_LINE_MASKS_DROPPED);
    assert_true(memchr(b.text.ptr, '7', LEN) == NULL);
    assert_int_equal(b.text.ptr[1], 'x');
    assert_int_equal(b.text.ptr[LEN - 1], '*');
    close_bed(&b);
    open_bed(&b, &(struct wish){.rule = {"never=never"}, .redact = {"cards"}});
    for (size_t i = 0; i + 14 <= 256000; i += 14)
        if (i + 14 <= LEN)
            memcpy(line + i, "4222222222222,", 14);
    (void)give(&b, dw_str_make(line, LEN - LEN % 14));
    assert_true(b.flags & DW_LINE_MASKS_DROPPED);
    assert_memory_equal(b.text.ptr + 14 * 7000, "*********2222,", 14);
    close_bed(&b);
    dw_free(line);
}

/* ---- hashes ---- */

static void equal_values_have_equal_hashes(void **state)
{
    (void)state;
    struct bed b, other;
    char first[9], note[DW_REDACT_NOTE_MAX];
    const struct wish w = {.rule = {"staff=EMP-(\\w+)"}, .hash = {"staff", "cards", "passwords"}, .key = "0123456789abcdef0123456789abcdef"};
    struct wish second = w;
    second.key = "another key, of the other fleet!";
    open_bed(&b, &w);
    open_bed(&other, &second);
    (void)give(&b, DW_STR("a EMP-12345678 logs in"));
    memcpy(first, b.text.ptr + 6, 8);
    first[8] = '\0';
    /* printf %s 12345678 | openssl dgst -sha256 -mac HMAC -macopt key:0123456789abcdef0123456789abcdef */
    assert_string_equal(first, "e0fad1db");
    (void)give(&b, DW_STR("{\"by\":\"EMP-12345678\"} EMP-12345679"));
    assert_memory_equal(b.text.ptr + 11, first, 8);
    assert_memory_not_equal(b.text.ptr + 26, first, 8);
    (void)give(&other, DW_STR("a EMP-12345678 logs in"));
    assert_memory_not_equal(other.text.ptr + 6, first, 8);
    size_t len = dw_redact_note(b.own, &b.mask[0], note);
    /* { printf %s 'dogwatch redact key'; printf %s 0123456789abcdef0123456789abcdef; } | sha256sum */
    assert_string_equal(note, "staff:11:8:61165e65");
    assert_int_equal(len, strlen(note));
    expect(&b, "EMP-1234567 x", "EMP-******* x"); /* too short */
    assert_false(b.mask[0].hashed);
    (void)give(&b, DW_STR("card 4111 1111 1111 1111 ok"));
    assert_int_equal(dw_str_find(dw_buf_view(&b.text), DW_STR("1111")), b.text.len); /* no digits kept; the hash of this one has none such */
    assert_true(b.mask[0].hashed && b.mask[0].len == 19);
    (void)give(&b, DW_STR("password=0123456789012345678901234567890123456789 x"));
    assert_memory_equal(b.text.ptr + 9 + 32, "******** x", 10);
    assert_int_equal(memchr(b.text.ptr + 9, '*', 32) == NULL, 1);
    close_bed(&b);
    close_bed(&other);
}

/* A hash looks like many things that rules look for; it stays as it is, also where a line has more masks than are listed. */
static void a_hash_is_not_found_again(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct bed b;
    static char line[COUNT * 40];
    size_t len = 0;
    open_bed(&b, &(struct wish){.rule = {"hexes=\\b[0-9a-f]{8,}\\b", "words=\\bw=(\\w+)"}, .hash = {"hexes", "words", "passwords"}, .key = "0123456789abcdef"});
    (void)give(&b, DW_STR("password=hunter-number-one"));
    char want[18];
    memcpy(want, b.text.ptr + 9, 17);
    for (int i = 0; i < COUNT; i++)
        len += (size_t)snprintf(line + len, sizeof line - len, "password=hunter-number-one ");
    (void)give(&b, dw_str_make(line, len));
    assert_true(b.flags & DW_LINE_MASKS_DROPPED);
    assert_int_equal(b.count, DW_LINE_MASKS_MAX);
    for (int i = 0; i < COUNT; i++)
        assert_memory_equal(b.text.ptr + 27 * i + 9, want, 17);
    (void)give(&b, DW_STR("w=cafecafe x")); /* two rules find the same: one hash, of the text */
    memcpy(want, b.text.ptr + 2, 8);
    (void)give(&b, DW_STR("cafecafe w=unknown-"));
    assert_memory_equal(b.text.ptr, want, 8);
    close_bed(&b);
}

static void pieces_that_overlap_are_masked(void **state)
{
    (void)state;
    struct bed b;
    open_bed(&b, &(struct wish){.rule = {"left=ab-(cdefghij-kl)", "right=(ij-klmnopqr)", "inner=fgh", "outer=<([^>]+)>", "half=(\\d{8})\\d{8}"}, .hash = {"left", "right", "outer"},
        .redact = {"cards"}, .key = "0123456789abcdef"});
    expect(&b, "ab-cdefghij-klmnopqr.", "ab-*****************.");
    for (uint32_t i = 0; i < b.count; i++)
        assert_false(b.mask[i].hashed);
    (void)give(&b, DW_STR("<cdefghij> 4111111111111111"));
    assert_true(b.mask[0].hashed && !b.mask[1].hashed);
    assert_true(memchr(b.text.ptr + 1, '*', 8) == NULL);
    assert_memory_equal(b.text.ptr + 11, "************1111", 16);
    (void)give(&b, DW_STR("<4111111111111111>"));
    assert_true(memchr(b.text.ptr, '*', b.text.len) == NULL);
    close_bed(&b);
    open_bed(&b, &(struct wish){.rule = {"last=\\d{12}(\\d{4})"}, .redact = {"cards"}});
    expect(&b, "4111111111111111", "****************"); /* what another rule masks, a card does not keep */
    close_bed(&b);
}

static void lines_of_a_key_are_hashed_one_by_one(void **state)
{
    (void)state;
    struct bed b;
    open_bed(&b, &(struct wish){.rule = {"staff=EMP-\\d+"}, .hash = {"private-keys"}, .key = "0123456789abcdef"});
    (void)give(&b, DW_STR("-----BEGIN RSA PRIVATE KEY-----"));
    assert_int_equal(b.count, 0);
    (void)give(&b, DW_STR("MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MhgHcTz6sE2I2yPB"));
    assert_true(b.count == 1 && b.mask[0].hashed && b.mask[0].len == 64);
    expect(&b, "abcd==", "******");
    expect(&b, "-----END RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
    close_bed(&b);
}

/* ---- nothing is left ---- */

struct place {
    const char *before, *after, *format;
};

/* No field of the event that a parser makes of the masked line has the value. */
static void assert_in_no_field(struct dw_str line, const char *value, const char *format)
{
    static struct dw_field field[DW_EVENT_FIELDS_MAX];
    const struct dw_parse_ctx ctx = {.time = {NULL, INT64_C(1795468458000000000)}};
    struct dw_arena pool;
    struct dw_keys *keys = dw_keys_new();
    dw_arena_init(&pool, 0);
    struct dw_draft d = {.keys = keys, .pool = &pool, .field = field};
    if (format) {
        const struct dw_parser *p = dw_parser_find(dw_str_of(format));
        assert_non_null(p);
        assert_int_equal(dw_parser_run(p, &ctx, line, &d), DW_OK);
        assert_true(d.field_count > 2);
    }
    for (uint32_t i = 0; i < d.field_count; i++) {
        struct dw_str text = dw_field_is_text(&field[i]) ? dw_field_str(&field[i]) : DW_STR_NONE;
        if (dw_str_find(text, dw_str_of(value)) < text.len)
            fail_msg("%s is left in %.*s", value, DW_ARG(text));
    }
    if (dw_str_find(line, dw_str_of(value)) < line.len)
        fail_msg("%s is left in %.*s", value, DW_ARG(line));
    dw_arena_fini(&pool);
    dw_keys_free(keys);
}

static void none_of_ten_thousand_own_values_is_left(void **state)
{
    (void)state;
    static const struct place places[] = {
        {"{\"time\":\"2026-11-29T10:00:00Z\",\"level\":\"info\",\"who\":{\"id\":\"", "\",\"n\":1},\"msg\":\"in\"}", "json"},
        {"{\"msg\":\"badge ", " opens \\\"door\\\" 5\",\"level\":\"info\",\"k\":2}", "json"},
        {"time=2026-11-29T10:00:00Z level=info badge=", " msg=\"opens the door\"", "logfmt"},
        {"time=2026-11-29T10:00:00Z level=info msg=\"badge ", " opens the door\"", "logfmt"},
        {"203.0.113.9 - ", " [29/Nov/2026:10:00:00 +0000] \"GET /door HTTP/1.1\" 200 12 \"-\" \"curl/8\"", "nginx_access"},
        {"203.0.113.9 - - [29/Nov/2026:10:00:00 +0000] \"GET /door?badge=", "&x=1 HTTP/1.1\" 200 12 \"-\" \"curl/8\"", "nginx_access"},
        {"the badge \xff\xfe", " opens the door", NULL},
        {"", "", NULL},
    };
    struct dw_rng rng = {.state = 21};
    struct bed b;
    open_bed(&b, &(struct wish){.rule = {"badge=\\bB[0-9a-z]{3}-(\\d{4,16})\\b", "ticket=TCK_\\w{6,30}", "number=\\b49\\d{9}\\b"}, .hash = {"badge", "ticket"},
        .key = "0123456789abcdef0123456789abcdef"});
    for (uint32_t i = 0; i < 10000; i++) {
        const struct place *p = &places[i % DW_COUNT_OF(places)];
        char secret[64], line[400], digits[32];
        uint32_t len = 4 + (uint32_t)dw_rng_below(&rng, 13);
        for (uint32_t k = 0; k < len; k++)
            digits[k] = (char)('0' + dw_rng_below(&rng, 10));
        digits[len] = '\0';
        uint32_t kind = (uint32_t)dw_rng_below(&rng, 3);
        if (kind == 0)
            (void)snprintf(secret, sizeof secret, "Bx9z-%s", digits);
        else if (kind == 1)
            (void)snprintf(secret, sizeof secret, "TCK_ab%s", digits);
        else
            (void)snprintf(secret, sizeof secret, "49%09u", (unsigned)dw_rng_below(&rng, 1000000000));
        int n = snprintf(line, sizeof line, "%s%s%s", p->before, secret, p->after);
        assert_true(n > 0 && n < (int)sizeof line);
        struct dw_str left = give(&b, dw_str_make(line, (size_t)n));
        assert_true(b.count >= 1);
        assert_in_no_field(left, secret, p->format);
    }
    close_bed(&b);
}

/* ---- what the user sees ---- */

static void say(void *arg, const struct dw_diags *d)
{
    dw_diags_print(d, arg);
}

static int check_option(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why)
{
    return dw_parser_option_check(option, key, value, why);
}

static void expect_said(const char *text, const char *want)
{
    char path[TEXT_MAX], dir[400];
    struct dw_conf c;
    struct dw_agent_options o;
    struct dw_buf said = {0};
    const struct dw_diag_sink sink = {say, &said};
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    (void)snprintf(path, sizeof path, "%s/a.yml", dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_str_of(text)), DW_OK);
    assert_int_equal(dw_conf_init(&c, &dw_conf_agent, &o), DW_OK);
    c.check = check_option;
    int rc = dw_conf_load_file(&c, &dw_fs_system, path, sink);
    if (rc == DW_OK)
        rc = dw_parser_options_check(&c, &dw_fs_system, sink);
    assert_int_equal(rc, want ? DW_ECONFIG : DW_OK);
    dw_buf_byte(&said, '\0');
    if (want && !strstr(said.ptr, want))
        fail_msg("said '%s', not '%s'", said.ptr, want);
    dw_conf_fini(&c);
    dw_buf_fini(&said);
    temp_dir_remove(dir);
}

static void a_mistake_has_its_place_a_picture_and_a_hint(void **state)
{
    (void)state;
    expect_said("redact: [cards]\nredact.rules: {staff: 'EMP-(\\d+)'}\n", NULL);
    expect_said("redact:\n  rules:\n    staff: 'EMP-(\\d+)'\n", NULL);
    expect_said("redact.rules:\n  staff: 'EMP-(\\d+'\n",
        "a.yml:2:10: error: 'redact.rules: EMP-(\\d+': missing closing parenthesis at its end\n    2 |   staff: 'EMP-(\\d+'\n      |          ^^^^^^^^^^\n      = help: a regex is written in single quotes");
    expect_said("redact:\n  rules:\n    cards: x\n", "a.yml:3:5: error: 'redact.rules: cards': a built-in rule has this name\n    3 |     cards: x\n      |     ^^^^^\n      = help: give it another one");
    expect_said("redact.rules: {staff: 'x*'}\n", "ask for one byte at least: `+` instead of `*`");
    expect_said("log.level: info\nredact.hash: [carts]\n", "a.yml:2:1: error: 'redact.hash': no such rule: 'carts'\n    2 | redact.hash: [carts]\n      | ^^^^^^^^^^^^^^^^^^^^\n      = help: did you mean 'cards'?");
    expect_said("redact.hash: [cards]\n", "a.yml:1:1: error: 'redact.hash': hashes need the fleet's key\n");
    expect_said("redact.hash: [cards]\nredact.key_file: /nonexistent/key\n", "a.yml:2:1: error: 'redact.key_file': /nonexistent/key: cannot be opened");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_masked_or_else_the_match),
        cmocka_unit_test(bytes_that_are_no_utf8_hide_nothing),
        cmocka_unit_test(own_rules_stand_without_built_in_ones),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(there_are_at_most_64_rules),
        cmocka_unit_test(a_key_that_is_no_secret_is_refused),
        cmocka_unit_test(a_key_that_cannot_be_read_is_never_half_a_key),
        cmocka_unit_test(no_memory_is_an_answer_and_the_line_can_be_given_again),
        cmocka_unit_test(where_a_limit_is_hit_the_rest_is_masked),
        cmocka_unit_test(windows_find_what_the_whole_line_has),
        cmocka_unit_test(a_hostile_long_line_is_masked_in_bounded_time),
        cmocka_unit_test(a_line_of_more_pieces_than_are_kept_is_masked_whole),
        cmocka_unit_test(equal_values_have_equal_hashes),
        cmocka_unit_test(a_hash_is_not_found_again),
        cmocka_unit_test(pieces_that_overlap_are_masked),
        cmocka_unit_test(lines_of_a_key_are_hashed_one_by_one),
        cmocka_unit_test(none_of_ten_thousand_own_values_is_left),
        cmocka_unit_test(a_mistake_has_its_place_a_picture_and_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
