/*
 * kept_rules: rule sets in the archive, each a file under the hash of what it holds.
 *
 *     archive/rules/SHA256.zst    one zstd frame: the files of the set (correlate/rulepack.h)
 *
 * Idea: what the archive makes again depends on the rules of then, so they stand beside the frames, under a name that cannot lie: the hash is of the content, whatever
 * library compressed it. A decision names it before the first finding that rests on it.
 *
 * Invariants: (1) A file is used only when its content has the hash that is its name. (2) It is never written over but by the same content.
 */
#include "dogwatch/collect/kept_rules.h"

#include "intake_detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/collect/decision.h"
#include "dogwatch/correlate/rulepack.h"
#include "dogwatch/frame/pack.h"
#include "dogwatch/geo/geo.h"

#include <inttypes.h>
#include <stdio.h>
#include <zstd.h>

enum { PATH_CAP = 4096, LEVEL = 9, FILES_MAX = 1000000, HEX_TEXT = 2 * DW_SHA256_BYTES + 1 };

static int path_of(const char *dir, const uint8_t sha256[DW_SHA256_BYTES], char ret[PATH_CAP])
{
    char hex[HEX_TEXT];
    dw_hex(sha256, DW_SHA256_BYTES, hex);
    int n = snprintf(ret, PATH_CAP, "%s/rules/%s.zst", dir, hex);
    return n < 0 || n >= PATH_CAP ? DW_ELIMIT : DW_OK;
}

static int unpack(struct dw_str packed, struct dw_buf *pack)
{
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    unsigned long long size = ZSTD_getFrameContentSize(packed.ptr, packed.len);
    int rc = !zstd ? DW_ENOMEM : size > DW_KEPT_RULES_MAX ? DW_ECORRUPT : dw_pack_take(zstd, packed, (size_t)size, pack);
    (void)ZSTD_freeDCtx(zstd);
    return rc;
}

int dw_kept_rules_read(const struct dw_fs *fs, const char *dir, const uint8_t sha256[DW_SHA256_BYTES], struct dw_buf *pack)
{
    char path[PATH_CAP];
    uint8_t is[DW_SHA256_BYTES];
    struct dw_buf packed = {0};
    int rc = path_of(dir, sha256, path);
    dw_buf_reset(pack);
    if (rc == DW_OK)
        rc = dw_fs_read_file(fs, path, DW_KEPT_RULES_MAX, &packed);
    if (rc == DW_OK)
        rc = unpack(dw_buf_view(&packed), pack);
    dw_buf_fini(&packed);
    if (rc < 0)
        return rc;
    dw_sha256_of(dw_buf_view(pack), is);
    return memcmp(is, sha256, sizeof is) == 0 ? DW_OK : DW_ECORRUPT;
}

static int write_packed(const struct dw_fs *fs, const char *path, struct dw_str pack)
{
    struct dw_buf packed = {0};
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    int rc = zstd && dw_pack_level(zstd, LEVEL) ? dw_pack_add(zstd, pack, &packed) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_fs_write_file(fs, path, 0640, dw_buf_view(&packed));
    dw_buf_fini(&packed);
    (void)ZSTD_freeCCtx(zstd);
    return rc;
}

int dw_kept_rules_write(const struct dw_fs *fs, const char *dir, struct dw_str pack, uint8_t ret_sha256[DW_SHA256_BYTES])
{
    char path[PATH_CAP], folder[PATH_CAP];
    struct dw_buf there = {0};
    if (pack.len > DW_KEPT_RULES_MAX)
        return DW_ELIMIT;
    dw_sha256_of(pack, ret_sha256);
    int rc = dw_kept_rules_read(fs, dir, ret_sha256, &there);
    dw_buf_fini(&there);
    if (rc == DW_OK)
        return rc;
    rc = path_of(dir, ret_sha256, path);
    if (rc == DW_OK)
        rc = dw_path_join(folder, sizeof folder, dir, "rules");
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(fs, folder, 0750);
    if (rc == DW_OK)
        rc = dw_fs_sync_dir(fs, dir);
    return rc == DW_OK ? write_packed(fs, path, pack) : rc;
}

int dw_kept_rules_forget(const struct dw_fs *fs, const char *dir, const uint8_t sha256[DW_SHA256_BYTES])
{
    char path[PATH_CAP];
    int rc = path_of(dir, sha256, path);
    if (rc == DW_OK)
        rc = dw_fs_unlink(fs, path);
    return rc == DW_ENOENT ? DW_OK : rc;
}

/* ---- what is there ---- */

static int verify_one(const struct dw_fs *fs, const char *dir, const char *name)
{
    uint8_t sha256[DW_SHA256_BYTES];
    struct dw_buf pack = {0};
    struct dw_str s = dw_str_of(name);
    bool named = s.len == HEX_TEXT - 1 + 4 && dw_str_ends(s, DW_STR(".zst")) && dw_unhex(dw_str_slice(s, 0, HEX_TEXT - 1), sha256, sizeof sha256);
    int rc = named ? dw_kept_rules_read(fs, dir, sha256, &pack) : DW_EUNKNOWN;
    dw_buf_fini(&pack);
    return rc;
}

int dw_kept_rules_verify(const struct dw_fs *fs, const char *dir, void (*problem)(void *arg, const char *text), void *arg, uint64_t *ret_kept)
{
    char folder[PATH_CAP], text[512];
    struct dw_buf names = {0};
    *ret_kept = 0;
    int rc = dw_path_join(folder, sizeof folder, dir, "rules");
    if (rc == DW_OK)
        rc = dw_fs_list(folder, FILES_MAX, &names);
    for (const char *n = names.ptr; rc == DW_OK && n && n < names.ptr + names.len; n += strlen(n) + 1) {
        if (dw_str_ends(dw_str_of(n), DW_STR(".tmp")))
            continue; /* a write that did not come to its end */
        int one = verify_one(fs, dir, n);
        *ret_kept += one == DW_OK;
        rc = one == DW_ENOMEM ? one : rc;
        if (one == DW_OK || rc < 0)
            continue;
        (void)snprintf(text, sizeof text, "rules/%.255s: %s", n, one == DW_ECORRUPT ? "the rules in it are not those that its name is the hash of" : dw_err_text(one));
        problem(arg, text);
    }
    dw_buf_fini(&names);
    return rc == DW_ENOENT ? DW_OK : rc;
}

static bool is_own(void *arg, const struct dw_head *head)
{
    (void)arg;
    return dw_is_collector(head->agent);
}

struct looking {
    void (*each)(void *arg, const struct dw_rules_since *r);
    void *arg;
    struct dw_keys *keys;
};

/* In place of segments that were let go: the newest set of them. */
static int look_at_state(void *arg, struct dw_str state)
{
    const struct looking *l = arg;
    struct dw_ruleset *none = dw_ruleset_new(l->keys, NULL);
    struct dw__detect d = {.rules = none};
    struct dw__detect_parts parts;
    int rc = none ? dw_ruleset_finish(none, (struct dw_diag_sink){NULL, NULL}) : DW_ENOMEM;
    if (rc == DW_OK) {
        rc = dw__detect_init(&d);
        rc = rc < 0 ? rc : dw__detect_load(&d, state, false, 0, &parts);
        if (rc == DW_OK && d.epoch_count) {
            struct dw_rules_since since = {.intake = d.epoch[d.epoch_count - 1].intake};
            memcpy(since.sha256, d.epoch[d.epoch_count - 1].sha256, sizeof since.sha256);
            l->each(l->arg, &since);
        }
        dw__detect_fini(&d);
    }
    dw_ruleset_free(none);
    return rc;
}

int dw_kept_rules_each(const struct dw_fs *fs, const char *dir, struct dw_keys *keys, void (*each)(void *arg, const struct dw_rules_since *r), void *arg)
{
    struct looking l = {each, arg, keys};
    struct dw_archive_reader *reader;
    struct dw_archived a;
    int rc = dw_archive_reader_open(fs, dir, keys, &reader);
    if (rc < 0)
        return rc;
    dw_archive_reader_states(reader, look_at_state, &l);
    dw_archive_reader_heads(reader, is_own, NULL);
    while ((rc = dw_archive_reader_next(reader, &a)) != DW_EAGAIN && rc != DW_ENOMEM) {
        struct dw_decision d;
        bool own = rc == DW_OK && !a.passed && is_own(NULL, &a.frame.head);
        if (!own || dw_decision_read(a.frame.record, &d) < 0 || d.kind != DW_DECISION_RULES || !d.kept)
            continue;
        struct dw_rules_since since = {.intake = a.intake.number, .time_ns = a.frame.head.time_min_ns};
        memcpy(since.sha256, d.archive, sizeof since.sha256);
        each(arg, &since);
    }
    dw_archive_reader_close(reader);
    return rc == DW_EAGAIN ? DW_OK : rc;
}

struct checking {
    const struct dw_fs *fs;
    const char *dir;
    void (*problem)(void *arg, const char *text);
    void *arg;
};

/* What is there but does not hold was told with the files. */
static void check_named(void *arg, const struct dw_rules_since *r)
{
    const struct checking *c = arg;
    char path[PATH_CAP], text[256], hex[HEX_TEXT];
    struct dw_stat st;
    if (path_of(c->dir, r->sha256, path) == DW_OK && dw_fs_stat(path, &st) == DW_OK)
        return;
    dw_hex(r->sha256, DW_SHA256_BYTES, hex);
    (void)snprintf(text, sizeof text, "rules/%s.zst: the rules in force from frame %" PRIu64 " on are not there", hex, r->intake);
    c->problem(c->arg, text);
}

int dw_kept_rules_check(const struct dw_fs *fs, const char *dir, void (*problem)(void *arg, const char *text), void *arg, uint64_t *ret_kept)
{
    struct checking c = {fs, dir, problem, arg};
    struct dw_keys *keys = dw_keys_new();
    int rc = keys ? dw_kept_rules_verify(fs, dir, problem, arg, ret_kept) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_kept_rules_each(fs, dir, keys, check_named, &c);
    dw_keys_free(keys);
    return rc;
}

/* ---- made again ---- */

/* The archive keeps no databases, but says which one it was. */
static int open_places(const struct dw_past_rules *p, struct dw_places **ret)
{
    *ret = NULL;
    int rc = p->geoip && p->geoip[0] ? dw_geo_open(p->fs, p->geoip, ret) : DW_OK;
    if (rc < 0 && rc != DW_ENOMEM)
        dw_warn("%s: %s; rules of before that ask where addresses are sleep", p->geoip, dw_err_text(rc));
    return rc == DW_ENOMEM ? rc : DW_OK;
}

static int make(struct dw_past_rules *p, const uint8_t sha256[DW_SHA256_BYTES])
{
    struct dw_buf pack = {0};
    struct dw_ruleset *set = NULL;
    struct dw_places *places = NULL;
    char hex[HEX_TEXT];
    int rc = dw_kept_rules_read(p->fs, p->dir, sha256, &pack);
    if (rc == DW_OK)
        rc = open_places(p, &places);
    if (rc == DW_OK)
        p->elsewhere += !dw_rulepack_same_places(dw_buf_view(&pack), places);
    if (rc == DW_OK)
        rc = dw_rulepack_load(dw_buf_view(&pack), places, p->keys, (struct dw_diag_sink){NULL, NULL}, &set);
    dw_buf_fini(&pack);
    if (rc == DW_ENOENT || rc == DW_ECORRUPT) {
        dw_hex(sha256, DW_SHA256_BYTES, hex);
        p->missing++;
        DW_COUNT(rules_past_missing);
        dw_error("archive/rules/%s.zst: %s; what was matched by these rules is matched by others", hex, dw_err_text(rc));
    }
    if (rc < 0)
        return rc;
    dw_ruleset_free(p->before);
    p->before = p->made;
    p->made = set;
    memcpy(p->made_sha256, sha256, DW_SHA256_BYTES);
    return DW_OK;
}

int dw_past_rules_of(void *past, const uint8_t sha256[DW_SHA256_BYTES], const struct dw_ruleset **ret, struct dw_tally **ret_tally)
{
    struct dw_past_rules *p = past;
    bool today = p->today && memcmp(p->today_sha256, sha256, DW_SHA256_BYTES) == 0;
    int rc = today || (p->made && memcmp(p->made_sha256, sha256, DW_SHA256_BYTES) == 0) ? DW_OK : make(p, sha256);
    if (rc < 0)
        return rc;
    *ret = today ? p->today : p->made;
    *ret_tally = today ? p->tally : NULL;
    return DW_OK;
}

void dw_past_rules_fini(struct dw_past_rules *p)
{
    dw_ruleset_free(p->made);
    dw_ruleset_free(p->before);
    p->made = p->before = NULL;
}
