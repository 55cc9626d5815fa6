/* Tests of collector/evidence: the list, the tar and folders of packs, and a pack of this format's first version that must hold for ever. What
 * an export makes of a live archive, and edits of it, are in e2e_evidence.py. */
#include "support.h"

#include "dogwatch/collect/evidence.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define GOLDEN "tests/golden/evidence-v1/pack.tar"

struct said {
    unsigned problems, absent;
    char first[600]; /* "where: text" */
};

static void note(void *arg, const char *where, const char *text, bool absent)
{
    struct said *s = arg;
    if (!s->problems && !s->absent)
        (void)snprintf(s->first, sizeof s->first, "%s: %s", where, text);
    s->problems += !absent;
    s->absent += absent;
}

static void read_golden(struct dw_buf *out)
{
    assert_int_equal(dw_fs_read_file(&dw_fs_system, GOLDEN, 1 << 20, out), DW_OK);
}

/* Reads a tar; the pack may be freed by the caller. */
static int read_tar(struct dw_str tar, struct said *s, struct dw_epack **ret)
{
    uint8_t digest[DW_SHA256_BYTES];
    *s = (struct said){0};
    *ret = NULL;
    return dw_epack_read_tar(tar, note, s, ret, digest);
}

static void a_pack_of_the_first_version_holds(void **state)
{
    (void)state;
    struct dw_buf tar = {0};
    struct dw_epack *p;
    struct said s;
    struct dw_judged j;
    read_golden(&tar);
    assert_int_equal(read_tar(dw_buf_view(&tar), &s, &p), DW_OK);
    struct dw_evidence_judge how = {.problem = note, .arg = &s};
    assert_int_equal(dw_evidence_judge(&how, p, &j), DW_OK);
    if (s.problems || s.absent)
        fail_msg("%s", s.first);
    assert_int_equal(j.found, 1);
    assert_int_equal(j.agents, 1);
    assert_false(j.counted);
    how.pinned = j.agent[0];
    how.pinned_count = 1;
    assert_int_equal(dw_evidence_judge(&how, p, &j), DW_OK);
    assert_int_equal(s.problems, 0);
    uint8_t other[DW_AGENT_ID_BYTES] = {1};
    how.pinned = other;
    assert_int_equal(dw_evidence_judge(&how, p, &j), DW_OK);
    assert_int_equal(s.problems, 1);
    dw_epack_free(p);
    dw_buf_fini(&tar);
}

static void every_flipped_bit_of_a_tar_is_told(void **state)
{
    (void)state;
    struct dw_buf tar = {0};
    read_golden(&tar);
    for (size_t i = 0; i < tar.len; i++) {
        struct dw_epack *p;
        struct said s;
        char bit = (char)(1 << i % 8);
        tar.ptr[i] = (char)(tar.ptr[i] ^ bit);
        (void)read_tar(dw_buf_view(&tar), &s, &p);
        tar.ptr[i] = (char)(tar.ptr[i] ^ bit);
        dw_epack_free(p);
        if (!s.problems)
            fail_msg("byte %zu: nothing is said", i);
    }
    dw_buf_fini(&tar);
}

/* A pack like the other but for one bit of one file, which PACK does not speak against: whoever changed it wrote PACK anew. */
static void judge_flipped(const struct dw_epack *whole, const char *name, size_t at, struct said *s)
{
    struct dw_epack *p = dw_epack_new(dw_epack_alert(whole));
    const struct dw_evidence_judge how = {.problem = note, .arg = s};
    struct dw_judged j;
    int rc;
    *s = (struct said){0};
    for (uint32_t i = 0; i < dw_epack_count(whole); i++) {
        const struct dw_epack_file *f = dw_epack_at(whole, i);
        struct dw_buf *to = dw_epack_add(p, f->name, &rc);
        dw_buf_str(to, dw_buf_view(&f->bytes));
        if (strcmp(f->name, name) == 0)
            to->ptr[at] = (char)(to->ptr[at] ^ 1 << at % 8);
    }
    assert_int_equal(dw_evidence_judge(&how, p, &j), DW_OK);
    dw_epack_free(p);
}

static void no_bit_of_frames_alert_events_or_matches_can_be_exchanged(void **state)
{
    (void)state;
    enum { STEP = 5 };
    struct dw_buf tar = {0};
    struct dw_epack *p;
    struct said s;
    uint32_t judged = 0;
    read_golden(&tar);
    assert_int_equal(read_tar(dw_buf_view(&tar), &s, &p), DW_OK);
    for (uint32_t i = 0; i < dw_epack_count(p); i++) {
        const struct dw_epack_file *f = dw_epack_at(p, i);
        struct dw_str name = dw_str_of(f->name);
        bool made = dw_str_starts(name, DW_STR("frames/")) || dw_str_ends(name, DW_STR("json"));
        for (size_t at = i % STEP; made && at < f->bytes.len; at += STEP, judged++) {
            judge_flipped(p, f->name, at, &s);
            if (!s.problems && !s.absent)
                fail_msg("%s, byte %zu: nothing is said", f->name, at);
        }
    }
    assert_true(judged > 500);
    dw_epack_free(p);
    dw_buf_fini(&tar);
}

static void a_tar_ends_where_it_ends(void **state)
{
    (void)state;
    struct dw_buf tar = {0};
    read_golden(&tar);
    const size_t whole = tar.len;
    while (tar.len < whole + 1024)
        dw_buf_byte(&tar, 0);
    for (size_t len = 0; len <= whole + 1024; len += 256) {
        struct dw_epack *p;
        struct said s;
        int rc = read_tar(dw_str_slice(dw_buf_view(&tar), 0, len), &s, &p);
        dw_epack_free(p);
        assert_int_equal(rc == DW_OK && !s.problems, len == whole);
    }
    dw_buf_fini(&tar);
}

/* What a list may not be, and in which line. */
static void a_list_has_one_form(void **state)
{
    (void)state;
#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BEGIN "dogwatch evidence 1\nalert " ID "\n"
    static const struct {
        const char *text;
        uint32_t line;
    } bad[] = {
        {"", 1}, {"dogwatch evidence 2\n", 1}, {"dogwatch evidence 1\nalert 00\n", 2}, {BEGIN, 3}, {BEGIN "README.md 1 " ID "\n", 4},
        {BEGIN "README.md 01 " ID "\n", 0}, {BEGIN "README.md 1  " ID "\n", 3}, {BEGIN "/etc/passwd 1 " ID "\n", 3}, {BEGIN "../x 1 " ID "\n", 3},
        {BEGIN "frames/../x.frame 1 " ID "\n", 3}, {BEGIN "frames/.frame 1 " ID "\n", 3}, {BEGIN "frames/a/b.frame 1 " ID "\n", 3}, {BEGIN "rule/ 1 " ID "\n", 3},
        {BEGIN "rule/a b 1 " ID "\n", 3}, {BEGIN "other 1 " ID "\n", 3}, {BEGIN "README.md -1 " ID "\n", 3}, {BEGIN "README.md 18446744073709551616 " ID "\n", 3},
        {BEGIN "README.md 1 " ID "\nREADME.md 1 " ID "\n", 4}, {BEGIN "README.md 1 " ID "\nMANIFEST 1 " ID "\n", 4}, {BEGIN "PACK 1 " ID "\n", 3},
    };
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++) {
        struct dw_epack_list l;
        struct dw_buf text = {0};
        uint32_t line;
        dw_buf_printf(&text, "%s", bad[i].text);
        if (bad[i].line == 0) /* whole but for its form */
            dw_buf_printf(&text, "digest " ID "\n");
        int rc = dw_epack_list_read(dw_buf_view(&text), &l, &line);
        dw_epack_list_fini(&l);
        dw_buf_fini(&text);
        if (rc != DW_ESYNTAX || (bad[i].line && line != bad[i].line))
            fail_msg("case %zu: %d, line %u", i, rc, line);
    }
    struct dw_epack_list l;
    uint32_t line;
    assert_int_equal(dw_epack_list_read(DW_STR(BEGIN "README.md 4611686018427387904 " ID "\ndigest " ID "\n"), &l, &line), DW_ELIMIT);
    dw_epack_list_fini(&l);
    assert_int_equal(dw_epack_list_read(DW_STR(BEGIN "README.md 1 " ID "\ndigest " ID "\n"), &l, &line), DW_ECORRUPT);
    assert_int_equal(l.count, 1);
    dw_epack_list_fini(&l);
}

static struct dw_epack *small_pack(void)
{
    static const char *const names[] = {"README.md", "alert.json", "frames/a.frame", "rule/0000-x.yml"};
    struct dw_epack *p = dw_epack_new(ID);
    int rc;
    for (size_t i = 0; i < DW_COUNT_OF(names); i++)
        dw_buf_printf(dw_epack_add(p, names[i], &rc), "%s holds this\n", names[i]);
    assert_null(dw_epack_add(p, "alert.json", &rc));
    assert_int_equal(rc, DW_EEXIST);
    assert_null(dw_epack_add(p, "../alert.json", &rc));
    assert_int_equal(rc, DW_EUNKNOWN);
    return p;
}

/* Whether a whole pack stands at `path`. */
static bool stands(const char *path)
{
    struct dw_epack *p = NULL;
    struct said s = {0};
    uint8_t digest[DW_SHA256_BYTES];
    int rc = dw_epack_read(&dw_fs_system, path, note, &s, &p, digest);
    bool whole = rc == DW_OK && !s.problems && dw_epack_count(p) == 4;
    dw_epack_free(p);
    return whole;
}

/* Goal: whatever fails, what stands there is the whole pack or none. Method: fail the 1st file call, then the 2nd, ... */
static void a_write_that_fails_leaves_no_pack(void **state)
{
    (void)state;
    struct dw_epack *p = small_pack();
    char dir[512], path[600];
    uint8_t digest[DW_SHA256_BYTES];
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    for (int tar = 0; tar < 2; tar++) {
        for (int nth = 1;; nth++) {
            struct faulty_fs f;
            assert_true(nth < 200);
            faulty_fs_init(&f, nth, FAULT_TORN);
            (void)snprintf(path, sizeof path, "%s/%d%s", dir, nth, tar ? ".tar" : "");
            int rc = dw_epack_write(&f.fs, p, path, digest);
            if (rc == DW_OK && !stands(path))
                fail_msg("nth=%d: written, and does not stand", nth);
            if (!f.hits) {
                assert_int_equal(rc, DW_OK);
                break;
            }
        }
    }
    dw_epack_free(p);
    temp_dir_remove(dir);
}

/* Goal: a pack that could not be read is never taken for a good one. Method: fail the 1st file call, then the 2nd, ... */
static void a_read_that_fails_is_said(void **state)
{
    (void)state;
    struct dw_epack *p = small_pack();
    char dir[512], path[600];
    uint8_t digest[DW_SHA256_BYTES];
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    for (int tar = 0; tar < 2; tar++) {
        (void)snprintf(path, sizeof path, "%s/p%s", dir, tar ? ".tar" : "");
        assert_int_equal(dw_epack_write(&dw_fs_system, p, path, digest), DW_OK);
        for (int nth = 1;; nth++) {
            struct faulty_fs f;
            struct said s = {0};
            struct dw_epack *got = NULL;
            assert_true(nth < 200);
            faulty_fs_init(&f, nth, FAULT_EIO);
            int rc = dw_epack_read(&f.fs, path, note, &s, &got, digest);
            dw_epack_free(got);
            if (!f.hits)
                break;
            if (rc == DW_OK && !s.problems)
                fail_msg("nth=%d: nothing is said", nth);
        }
    }
    dw_epack_free(p);
    temp_dir_remove(dir);
}

static void nothing_is_written_over(void **state)
{
    (void)state;
    struct dw_epack *p = small_pack();
    char dir[512], path[600];
    struct dw_buf bytes = {0};
    uint8_t digest[DW_SHA256_BYTES];
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    assert_int_equal(dw_epack_write(&dw_fs_system, p, dir, digest), DW_EEXIST);
    (void)snprintf(path, sizeof path, "%s/x.tar", dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, DW_STR("mine")), DW_OK);
    assert_int_equal(dw_epack_write(&dw_fs_system, p, path, digest), DW_EEXIST);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 100, &bytes), DW_OK);
    assert_str(dw_buf_view(&bytes), "mine");
    dw_buf_fini(&bytes);
    dw_epack_free(p);
    temp_dir_remove(dir);
}

static void what_is_no_plain_file_of_a_folder_is_told_and_not_read(void **state)
{
    (void)state;
    struct dw_epack *p = small_pack(), *got = NULL;
    char dir[512], path[600], target[600];
    uint8_t digest[DW_SHA256_BYTES];
    struct said s = {0};
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    (void)snprintf(path, sizeof path, "%s/p", dir);
    assert_int_equal(dw_epack_write(&dw_fs_system, p, path, digest), DW_OK);
    assert_true(stands(path));
    (void)snprintf(path, sizeof path, "%s/p/alert.json", dir);
    (void)snprintf(target, sizeof target, "%s/alert.json", dir);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0); /* to the very bytes */
    (void)snprintf(path, sizeof path, "%s/p", dir);
    assert_int_equal(dw_epack_read(&dw_fs_system, path, note, &s, &got, digest), DW_OK);
    assert_int_equal(s.problems, 1);
    assert_true(strncmp(s.first, "alert.json: is no regular file", 30) == 0);
    assert_int_equal(dw_epack_count(got), 3);
    dw_epack_free(got);
    dw_epack_free(p);
    temp_dir_remove(dir);
}

static void lines_of_a_manifest_follow_each_other(void **state)
{
    (void)state;
    uint32_t line;
    char hex[2 * DW_SHA256_BYTES + 1];
    uint8_t hash[DW_SHA256_BYTES];
    struct dw_buf two = {0};
    struct dw_str first = DW_STR("n=4 prev=" ID " time=5 type=open segment=1");
    dw_sha256_of(first, hash);
    dw_hex(hash, sizeof hash, hex);
    dw_buf_printf(&two, "%.*s\nn=5 prev=%s time=6 type=open segment=2\n", DW_ARG(first), hex);
    assert_int_equal(dw_manifest_lines_check(dw_buf_view(&two), &line), DW_OK);
    assert_int_equal(dw_manifest_lines_check(DW_STR(""), &line), DW_OK);
    two.ptr[first.len + 3] = '6'; /* n=6 */
    assert_int_equal(dw_manifest_lines_check(dw_buf_view(&two), &line), DW_ECHAIN);
    assert_int_equal(line, 2);
    two.ptr[first.len + 3] = '5';
    two.ptr[first.len - 1] = '2'; /* segment=2 in the first */
    assert_int_equal(dw_manifest_lines_check(dw_buf_view(&two), &line), DW_ECHAIN);
    assert_int_equal(dw_manifest_lines_check(first, &line), DW_ESYNTAX); /* no newline */
    dw_buf_fini(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pack_of_the_first_version_holds),
        cmocka_unit_test(every_flipped_bit_of_a_tar_is_told),
        cmocka_unit_test(no_bit_of_frames_alert_events_or_matches_can_be_exchanged),
        cmocka_unit_test(a_tar_ends_where_it_ends),
        cmocka_unit_test(a_list_has_one_form),
        cmocka_unit_test(a_write_that_fails_leaves_no_pack),
        cmocka_unit_test(a_read_that_fails_is_said),
        cmocka_unit_test(nothing_is_written_over),
        cmocka_unit_test(what_is_no_plain_file_of_a_folder_is_told_and_not_read),
        cmocka_unit_test(lines_of_a_manifest_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
