/*
 * rules_mend: `dogwatch rules check --fix`: what is certain is written as it should be.
 *
 * Idea: all files are read once and loaded as one set that collects repairs (correlate/mend.h). Then the set is compiled again from the mended texts, and compared
 * rule by rule: first each file alone, then all together, for rules name each other. What does not pass is halved until the repairs that are to blame are known.
 *
 * Invariants:
 *   (1) A repair is made only when every rule loads that did and has the logic hash it had, but where its code says otherwise.
 *   (2) A file is written in one step, and only over the bytes that were judged.
 *   (3) Each repair that was found is told: made, or not made and why.
 */
#include "rules.h"

#include "cli_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/correlate/mend.h"

enum { EXCUSE_DEPTH = 8 };

struct file {
    const char *path;
    struct dw_str text;
    struct dw_buf now;     /* mended; empty: as it was */
    struct dw_buf edits;   /* that made it so */
    uint32_t first, last;  /* its repairs */
};

struct mending {
    struct rules *r;
    struct dw_ruleset_opts opts;
    struct dw_places *places; /* of --geoip, until the set of the answer takes it */
    struct dw_mends mends;
    struct dw_buf names, file; /* paths; an array of struct file, those of mappings first */
    uint32_t file_count;
    struct dw_ruleset *before; /* of all files, or of the one that is judged alone */
    const struct file *alone;  /* NULL: all together */
    enum dw_repair stage;      /* what is settled: what lets a rule load; beside it what keeps hashes; beside both what does not */
};

static struct file *files_of(const struct mending *m)
{
    return (struct file *)(void *)m->file.ptr;
}

static const struct file *file_of(const struct mending *m, struct dw_str path)
{
    for (uint32_t i = 0; i < m->file_count; i++)
        if (dw_str_eq(path, dw_str_of(files_of(m)[i].path)))
            return &files_of(m)[i];
    return NULL;
}

/* ---- reading ---- */

static int read_file(struct mending *m, const char *path, bool named)
{
    struct dw_buf text = {0};
    int rc = named ? dw_fs_read_named(&dw_fs_system, path, RULES_FILE_BYTES_MAX, &text) : dw_fs_read_file(&dw_fs_system, path, RULES_FILE_BYTES_MAX, &text);
    struct file f = {.path = path, .text = dw_arena_copy(&m->r->arena, dw_buf_view(&text))};
    dw_buf_fini(&text);
    if (rc < 0) {
        (void)fprintf(stderr, "%s: %s\n", path, dw_err_text(rc));
        return named ? rc : DW_OK; /* one of a folder: the others are read */
    }
    dw_buf_add(&m->file, &f, sizeof f);
    m->file_count++;
    return f.text.ptr ? m->file.err : DW_ENOMEM;
}

static int read_files(struct mending *m)
{
    const struct rules_opts *o = m->r->o;
    size_t mappings = 0;
    int rc = DW_OK;
    for (uint32_t i = 0; i < 2 * o->path_count && rc == DW_OK; i++) {
        const char *path = o->path[i % o->path_count];
        mappings = i == o->path_count ? m->names.len : mappings;
        rc = i < o->path_count ? dw_mapping_files(path, &m->names) : dw_rule_files(&dw_fs_system, path, &m->names);
        if (rc < 0)
            (void)fprintf(stderr, "%s: %s\n", path, dw_err_text(rc));
    }
    for (const char *n = m->names.ptr; rc == DW_OK && n && n < m->names.ptr + m->names.len; n += strlen(n) + 1) {
        bool named = false;
        for (uint32_t i = 0; i < o->path_count; i++)
            named = named || strcmp(n, o->path[i]) == 0;
        if (!file_of(m, dw_str_of(n))) /* once, though its folder be named too */
            rc = read_file(m, n, named);
    }
    return rc;
}

/* ---- compiling ---- */

/* All files, or the one that is judged alone; as they were, or mended. */
static int compile(const struct mending *m, bool now, const struct dw_ruleset_opts *opts, struct dw_diag_sink sink, struct dw_ruleset **ret)
{
    struct dw_ruleset *rs = dw_ruleset_new(m->r->keys, opts);
    int rc = rs ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i < m->file_count && rc == DW_OK; i++) {
        const struct file *f = &files_of(m)[i];
        if (!m->alone || m->alone == f)
            rc = dw_ruleset_add(rs, f->path, now && f->edits.len ? dw_buf_view(&f->now) : f->text, sink);
    }
    if (rc == DW_OK)
        rc = dw_ruleset_finish(rs, sink);
    if (rc < 0)
        dw_ruleset_free(rs);
    else
        *ret = rs;
    return rc;
}

/* The texts as the repairs in use make them. */
static int make_texts(struct mending *m)
{
    int rc = DW_OK;
    for (uint32_t i = 0; i < m->file_count && rc == DW_OK; i++) {
        struct file *f = &files_of(m)[i];
        if (f->first == f->last || (m->alone && m->alone != f))
            continue;
        dw_buf_reset(&f->edits);
        dw_buf_reset(&f->now);
        dw_mends_edits(&m->mends, f->first, f->last, &f->edits);
        dw_edits_apply((const struct dw_edit *)(const void *)f->edits.ptr, f->edits.len / sizeof(struct dw_edit), f->text, &f->now);
        rc = f->edits.err ? f->edits.err : f->now.err;
    }
    return rc;
}

/* ---- judging ---- */

/* Whether a repair is meant to give the rule, or a member of it, another hash. */
static bool is_excused(const struct mending *m, const struct dw_ruleset *rs, const struct dw_rule *rule, int depth)
{
    const struct file *f = file_of(m, rule->path);
    for (uint32_t i = f ? f->first : 0; f && i < f->last; i++)
        if (m->mends.item[i].used && m->mends.item[i].row->repair == DW_REPAIR_ANEW)
            return true;
    for (uint32_t i = 0; rule->corr && depth < EXCUSE_DEPTH && i < rule->corr->member_count; i++)
        if (is_excused(m, rs, dw_ruleset_rule(rs, rule->corr->member[i]), depth + 1))
            return true;
    return false;
}

/* The rule that stands where `old` stood, from number *at on; NULL: there is none. */
static const struct dw_rule *same_place(const struct mending *m, const struct dw_rule *old, const struct dw_ruleset *now, uint32_t *at)
{
    const struct file *f = file_of(m, old->path);
    uint32_t line = old->at.line, count = dw_ruleset_count(now);
    if (f && f->edits.len)
        line = dw_edits_line((const struct dw_edit *)(const void *)f->edits.ptr, f->edits.len / sizeof(struct dw_edit), f->text, line);
    for (uint32_t i = 0; i < count; i++) {
        const struct dw_rule *rule = dw_ruleset_rule(now, (*at + i) % count);
        if (rule->at.line != line || !dw_str_eq(rule->path, old->path))
            continue;
        *at = (*at + i + 1) % count;
        return rule;
    }
    return NULL;
}

/* Whether the rules are what they were with the repairs in use. */
static int judge(struct mending *m, bool *ret)
{
    struct dw_ruleset *now = NULL;
    const struct dw_ruleset_opts plain = {.placeholder = m->opts.placeholder, .placeholder_count = m->opts.placeholder_count};
    uint32_t at = 0;
    int rc = make_texts(m);
    if (rc == DW_OK)
        rc = compile(m, true, &plain, (struct dw_diag_sink){NULL, NULL}, &now);
    if (rc < 0)
        return rc;
    *ret = dw_ruleset_errors(now) <= dw_ruleset_errors(m->before);
    for (uint32_t i = 0; i < dw_ruleset_count(m->before) && *ret; i++) {
        const struct dw_rule *old = dw_ruleset_rule(m->before, i), *rule = same_place(m, old, now, &at);
        *ret = rule && (memcmp(rule->logic_hash, old->logic_hash, DW_SHA256_BYTES) == 0 || is_excused(m, now, rule, 0));
    }
    dw_ruleset_free(now);
    return DW_OK;
}

static uint32_t use(struct mending *m, uint32_t first, uint32_t last, bool used)
{
    uint32_t n = 0;
    for (uint32_t i = first; i < last; i++) {
        struct dw_mend *it = &m->mends.item[i];
        if (it->row->repair != m->stage)
            continue;
        it->used = used && !it->beside && !it->refused;
        n += it->used;
    }
    return n;
}

/* Takes of [first, last) what can be taken beside what is in use already. Depth: the bits of their number. */
static int settle(struct mending *m, uint32_t first, uint32_t last)
{
    bool good = true;
    if (use(m, first, last, true) == 0)
        return DW_OK;
    int rc = judge(m, &good);
    if (rc < 0 || good)
        return rc;
    (void)use(m, first, last, false);
    if (last - first == 1) {
        m->mends.item[first].refused = true;
        return DW_OK;
    }
    rc = settle(m, first, first + (last - first) / 2);
    return rc < 0 ? rc : settle(m, first + (last - first) / 2, last);
}

/* What the set is judged by from now on: with the repairs in use. They have no line more or less. */
static int rebase(struct mending *m)
{
    const struct dw_ruleset_opts plain = {.placeholder = m->opts.placeholder, .placeholder_count = m->opts.placeholder_count};
    dw_ruleset_free(m->before);
    m->before = NULL;
    int rc = make_texts(m);
    return rc < 0 ? rc : compile(m, true, &plain, (struct dw_diag_sink){NULL, NULL}, &m->before);
}

/* Repairs that keep hashes are judged where no other one is in use. */
static int settle_both(struct mending *m, uint32_t first, uint32_t last)
{
    static const enum dw_repair stages[] = {DW_REPAIR_SAME, DW_REPAIR_ANEW};
    int rc = DW_OK;
    for (size_t i = 0; i < DW_COUNT_OF(stages); i++) {
        m->stage = stages[i];
        (void)use(m, first, last, false);
    }
    for (size_t i = 0; i < DW_COUNT_OF(stages) && rc == DW_OK; i++) {
        m->stage = stages[i];
        rc = settle(m, first, last);
    }
    return rc;
}

static int settle_alone(struct mending *m, const struct file *f)
{
    struct dw_ruleset *all = m->before;
    m->before = NULL;
    m->alone = f;
    int rc = rebase(m);
    if (rc == DW_OK)
        rc = settle_both(m, f->first, f->last);
    dw_ruleset_free(m->before);
    m->before = all;
    m->alone = NULL;
    return rc;
}

/* Which repairs are whose. */
static void share_out(struct mending *m)
{
    for (uint32_t i = 0; i < m->file_count; i++) {
        struct file *f = &files_of(m)[i];
        while (f->first < m->mends.count && !dw_str_eq(m->mends.item[f->first].path, dw_str_of(f->path)))
            f->first++;
        f->last = f->first;
        while (f->last < m->mends.count && dw_str_eq(m->mends.item[f->last].path, dw_str_of(f->path)))
            f->last++;
    }
}

static int settle_all(struct mending *m)
{
    m->stage = DW_REPAIR_LOADS;
    int rc = settle(m, 0, m->mends.count);
    if (rc == DW_OK)
        rc = rebase(m);
    for (uint32_t i = 0; i < m->file_count && rc == DW_OK; i++)
        if (files_of(m)[i].first < files_of(m)[i].last)
            rc = settle_alone(m, &files_of(m)[i]);
    if (rc == DW_OK)
        rc = settle_both(m, 0, m->mends.count);
    return rc < 0 ? rc : make_texts(m);
}

/* ---- writing ---- */

static void tell(const struct mending *m, const struct file *f, bool written)
{
    for (uint32_t i = f->first; i < f->last; i++) {
        const struct dw_mend *it = &m->mends.item[i];
        if (it->used && written)
            printf("%s:%u:%u: %s fixed: %.*s\n", f->path, it->at.line, it->at.col, it->row->code, DW_ARG(it->said));
        else if (it->refused || (it->beside && !it->moot))
            (void)fprintf(stderr, "%s:%u:%u: %s not fixed (%.*s): %s\n", f->path, it->at.line, it->at.col, it->row->code, DW_ARG(it->said),
                it->beside ? "another repair is beside it; run it again" : "a rule would decide otherwise, or not load");
    }
}

/* Files that cannot be written are told; the others are. */
static int write_files(struct mending *m)
{
    int worst = DW_OK;
    for (uint32_t i = 0; i < m->file_count; i++) {
        struct file *f = &files_of(m)[i];
        struct dw_buf diff = {0};
        int rc = DW_OK;
        if (f->edits.len && m->r->o->dry_run) {
            dw_edits_diff((const struct dw_edit *)(const void *)f->edits.ptr, f->edits.len / sizeof(struct dw_edit), dw_str_of(f->path), f->text, &diff);
            (void)fwrite(diff.ptr, 1, diff.len, stdout);
            rc = diff.err;
        } else if (f->edits.len) {
            rc = rules_write_over(&dw_fs_system, f->path, f->text, dw_buf_view(&f->now));
        }
        dw_buf_fini(&diff);
        if (rc < 0) {
            (void)fprintf(stderr, "%s: not fixed: %s\n", f->path, rc == DW_EAGAIN ? "it has changed meanwhile" : rc == DW_EACCES ? "it belongs to another user, or may not be written" : dw_err_text(rc));
            dw_buf_reset(&f->edits);
            worst = rc;
        }
        tell(m, f, rc == DW_OK && !m->r->o->dry_run);
    }
    if (m->mends.over)
        (void)fprintf(stderr, "rules check: %u repairs over the bound of %d were not looked at; run it again\n", m->mends.over, DW_MENDS_MAX);
    return worst;
}

static void quiet(void *ud, const struct dw_diags *d)
{
    (void)ud;
    (void)d;
}

static int mend(struct mending *m)
{
    m->opts.mends = &m->mends;
    int rc = compile(m, false, &m->opts, (struct dw_diag_sink){quiet, NULL}, &m->before);
    m->opts.mends = NULL;
    rc = rc < 0 ? rc : m->mends.err;
    dw_mends_sort(&m->mends);
    share_out(m);
    rc = rc < 0 ? rc : settle_all(m);
    if (rc < 0) {
        (void)fprintf(stderr, "rules check: nothing is fixed: %s\n", dw_err_text(rc));
        return rc;
    }
    int written = write_files(m);
    m->opts.places = m->places; /* which rules sleep is told as without --fix */
    m->places = NULL;
    rc = compile(m, true, &m->opts, (struct dw_diag_sink){rules_say, m->r}, &m->r->set);
    return written < 0 ? written : rc;
}

int rules_mend(struct rules *r, const struct rules_opts *o)
{
    struct mending m = {.r = r};
    int code = rules_begin(r, o);
    if (code != CLI_YES)
        return code;
    if (cli_places(o->geoip, &m.places) < 0)
        return CLI_USAGE;
    m.opts = (struct dw_ruleset_opts){.placeholder = r->placeholder, .placeholder_count = r->placeholder_count, .lint = true, .notes = o->notes};
    dw_mends_init(&m.mends, dw_rng_bytes);
    int rc = read_files(&m);
    code = rc == DW_ENOENT ? CLI_USAGE : rc < 0 || mend(&m) < 0 ? CLI_CANNOT : CLI_YES;
    for (uint32_t i = 0; i < m.file_count; i++) {
        dw_buf_fini(&files_of(&m)[i].now);
        dw_buf_fini(&files_of(&m)[i].edits);
    }
    dw_places_free(m.places);
    dw_ruleset_free(m.before);
    dw_mends_fini(&m.mends);
    dw_buf_fini(&m.file);
    dw_buf_fini(&m.names);
    return code;
}
