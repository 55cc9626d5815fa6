/*
 * archive_verify: does this directory still say what the agents and the collector wrote?
 *
 * Idea: three nets, each finer: the manifest's chain and the hashes of sealed files; the roots and hash of every frame,
 * computed from its content; the agents' own chains and signatures over all of it. It works on a copy, offline, and only reads.
 *
 * Invariant: anything that cannot be read or computed is a problem, never passed over: it fails closed.
 */
#include "elsewhere.h"
#include "segment_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { LOOKS_MAX = 3, NAME_CAP = DW__PATH_MAX + 128 };

/* An opening record whose agent said that what it names comes after it. */
struct owed {
    struct owed *next;
    struct dw_parent parent;
    uint8_t agent[DW_AGENT_ID_BYTES];
    char name[NAME_CAP];
};

struct verifier {
    const struct dw_verify *conf;
    struct dw_verify_result *result;
    struct dw_chains *chains;
    struct dw_keyring *keys;
    struct dw_decoder *digest; /* for its hashing state; decodes nothing */
    struct owed *owed;
    struct dw_elsewhere *elsewhere; /* NULL: nobody had to be asked yet */
    int rc;
};

static void problem(struct verifier *v, const char *fmt, ...) DW_PRINTF(2, 3);

static void problem(struct verifier *v, const char *fmt, ...)
{
    char text[DW__PATH_MAX + 256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    v->result->problems++;
    v->conf->problem(v->conf->arg, text);
}

/* DW_ENOENT, which is not said: it is not there. */
static int check_file(struct verifier *v, const char *name, uint64_t bytes, const uint8_t *sha256)
{
    char path[DW__PATH_MAX];
    uint8_t hash[DW_SHA256_BYTES];
    uint64_t len = 0;
    int fd = -1;
    int rc = dw_path_join(path, sizeof path, v->conf->dir, name);
    if (rc == DW_OK)
        rc = dw_fs_open(v->conf->fs, path, O_RDONLY, 0, &fd);
    if (rc == DW_OK)
        rc = dw__hash_file(v->conf->fs, fd, hash, &len);
    dw_fs_close(fd);
    if (rc < 0 && rc != DW_ENOENT)
        problem(v, "%s: cannot be read: %s", name, dw_err_text(rc));
    else if (rc == DW_OK && len != bytes)
        problem(v, "%s: %s: %" PRIu64 " bytes, sealed with %" PRIu64, name, len < bytes ? "truncated" : "grown", len, bytes);
    else if (rc == DW_OK && memcmp(hash, sha256, sizeof hash) != 0)
        problem(v, "%s: edited: its SHA-256 is not the sealed one", name);
    return rc;
}

/* Whether the manifest, as it is by now, still names a file that is not there: a collector at work may have let it go. */
static bool is_named(const struct verifier *v, uint64_t segment, bool state)
{
    struct dw__manifest fresh;
    if (dw__manifest_read(v->conf->fs, v->conf->dir, &fresh) < 0)
        return true;
    bool named = true;
    for (uint64_t i = 0; i < fresh.sealed_count; i++)
        if (fresh.sealed[i].number == segment)
            named = state ? dw__manifest_keeps_state(&fresh, i) : !fresh.sealed[i].expired;
    dw__manifest_fini(&fresh);
    return named;
}

static void check_segment(struct verifier *v, const struct dw__manifest *m, uint64_t i)
{
    char path[DW__PATH_MAX];
    const struct dw_segment_info *s = &m->sealed[i];
    bool here = !s->expired;
    if (here && check_file(v, s->file, s->bytes, s->sha256) == DW_ENOENT) {
        here = is_named(v, s->number, false);
        if (here)
            problem(v, "%s: deleted: the manifest names it with %" PRIu64 " events", s->file, s->events);
    }
    v->result->segments += here;
    v->result->left_out += s->left_out;
    v->result->expired += !here && !s->left_out;
    if (dw__manifest_keeps_state(m, i) && dw__state_path(path, "", s->number) == DW_OK && check_file(v, path + 1, s->state_bytes, s->state_sha256) == DW_ENOENT
        && is_named(v, s->number, true))
        problem(v, "%s: deleted: the manifest names it, the state at the end of segment %" PRIu64, path + 1, s->number);
}

/* "file: agent 0123456789abcdef epoch 1 frame 7" */
static const char *name_frame(char out[NAME_CAP], const char *file, const struct dw_head *h)
{
    char agent[2 * DW_AGENT_ID_BYTES + 1];
    const char *slash = strrchr(file, '/');
    dw_hex(h->agent, DW_AGENT_ID_BYTES, agent);
    (void)snprintf(out, NAME_CAP, "%s: agent %.16s epoch %" PRIu64 " frame %" PRIu64, slash ? slash + 1 : file, agent,
        h->epoch.counter, h->number);
    return out;
}

/* Frames are not here: what others had, which most archives need not be read for. */
static const struct dw_elsewhere *ask_elsewhere(struct verifier *v)
{
    if (v->elsewhere || !v->conf->elsewhere)
        return v->elsewhere;
    v->elsewhere = dw__elsewhere_new();
    int rc = v->elsewhere ? v->conf->elsewhere(v->conf->fs, v->conf->dir, v->elsewhere) : DW_ENOMEM;
    v->rc = rc < 0 ? rc : v->rc;
    return v->elsewhere;
}

/* Whether the frames before one are in another archive; then the agent's opening record may be there too, with its key. */
static bool was_elsewhere(struct verifier *v, const struct dw_head *h, uint64_t intake)
{
    const uint8_t *key = NULL;
    if (!dw__elsewhere_before(ask_elsewhere(v), h, intake, &key))
        return false;
    int rc = key ? dw_keyring_add(v->keys, key) : DW_OK;
    v->rc = rc < 0 ? rc : v->rc;
    v->result->elsewhere++;
    return true;
}

static void check_link(struct verifier *v, const char *name, const struct dw_head *h, uint64_t intake)
{
    enum dw_link link = DW_LINK_NEXT;
    uint64_t missing;
    int rc = dw_chains_take(v->chains, h, &link, &missing);
    bool goes_on = link != DW_LINK_HOLE && link != DW_LINK_MIDDLE;
    if (rc < 0)
        v->rc = rc;
    else if (!goes_on && !was_elsewhere(v, h, intake))
        problem(v, "%s: %" PRIu64 " frames before it are missing", name, link == DW_LINK_HOLE ? missing : h->number);
    else if (link == DW_LINK_BROKEN)
        problem(v, "%s: does not follow the frame before it: one of them was replaced or reordered", name);
    else if (link == DW_LINK_FORK)
        problem(v, "%s: another frame claims the same place", name);
    if (!(h->flags & DW_HEAD_SIGNED))
        return;
    rc = dw_keyring_check(v->keys, h);
    v->result->signatures += rc == DW_OK;
    if (rc == DW_ESIGNATURE)
        problem(v, "%s: its signature does not hold", name);
    else if (rc == DW_ENOENT && link != DW_LINK_START)
        problem(v, "%s: signed, but the record with the agent's key is not here", name);
}

/* What was known by the frame of intake `intake` counts. */
static void check_parent(struct verifier *v, const char *name, const uint8_t *agent, const struct dw_parent *p, uint64_t intake)
{
    const struct dw_chain_head *k;
    enum dw_parent_link link = p->named ? dw_chains_parent(v->chains, agent, p, &k) : DW_PARENT_HERE;
    bool missing = link == DW_PARENT_GONE || link == DW_PARENT_SHORT;
    if (missing && dw__elsewhere_parent(ask_elsewhere(v), agent, p, intake))
        v->result->elsewhere++;
    else if (link == DW_PARENT_GONE)
        problem(v, "%s: deleted: epoch %" PRIu64 " was before it, and none of its frames 0 to %" PRIu64 " is here",
            name, p->epoch, p->number);
    else if (link == DW_PARENT_SHORT)
        problem(v, "%s: deleted: frames %" PRIu64 " to %" PRIu64 " of epoch %" PRIu64 " before it", name, k->number + 1,
            p->number, p->epoch);
    else if (link == DW_PARENT_OTHER)
        problem(
            v, "%s: frame %" PRIu64 " of epoch %" PRIu64 " is not the one that it names", name, p->number, p->epoch);
}

/* An opening record names the last durable frame of the epoch before: a whole epoch cannot be taken away unseen. */
static void check_opening(struct verifier *v, const char *name, const struct dw_head *h, struct dw_str record, uint64_t intake)
{
    struct dw_parent p;
    if (dw_parent_read(record, &p) < 0) {
        problem(v, "%s: does not say which epoch was before it", name);
        return;
    }
    if (!p.spooled) {
        check_parent(v, name, h->agent, &p, intake);
        return;
    }
    struct owed *o = dw_calloc(1, sizeof *o);
    if (!o) {
        v->rc = DW_ENOMEM;
        return;
    }
    o->parent = p;
    memcpy(o->agent, h->agent, sizeof o->agent);
    (void)snprintf(o->name, sizeof o->name, "%s", name);
    o->next = v->owed;
    v->owed = o;
}

/* All frames were read. */
static void check_owed(struct verifier *v)
{
    while (v->owed) {
        struct owed *o = v->owed;
        check_parent(v, o->name, o->agent, &o->parent, UINT64_MAX); /* it may have come before that was known */
        v->owed = o->next;
        dw_free(o);
    }
}

static void check_frame(struct verifier *v, const char *file, struct dw_archived *a)
{
    char name[NAME_CAP];
    struct dw_head *h = &a->frame.head, real;
    name_frame(name, file, h);
    v->result->frames++;
    v->result->events += a->frame.event_count;
    v->result->records += h->kind == DW_FRAME_RECORD;
    v->result->decisions += dw_is_collector(h->agent);
    const struct dw_chain_head *before = dw_chains_find(v->chains, h);
    if (!a->has_previous && before)
        memcpy(h->previous, before->hash, DW_SHA256_BYTES);
    dw_decoded_digest(v->digest, &a->frame, &real);
    if (a->has_hash && memcmp(real.hash, h->hash, DW_SHA256_BYTES) != 0)
        problem(v, "%s: its content, or that of a frame just before it, is not what the agent hashed", name);
    *h = real;
    bool opens = h->kind == DW_FRAME_RECORD && dw_str_find(a->frame.record, DW_STR("\"epoch.open\"")) < a->frame.record.len;
    if (opens && dw_keyring_learn(v->keys, h->agent, a->frame.record) == DW_ESIGNATURE)
        problem(v, "%s: its public key is not the agent's", name);
    check_link(v, name, h, a->intake.number);
    if (opens && dw_keyring_check(v->keys, h) == DW_OK) /* what nobody signed says nothing about others */
        check_opening(v, name, h, a->frame.record, a->intake.number);
}

/* A part that the reader could not give. */
static void check_part(struct verifier *v, const char *path, const struct dw_archived *a, int code)
{
    char name[NAME_CAP];
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    if (code == DW_ENOMEM)
        v->rc = code;
    else if (code == DW_ENOENT)
        return; /* a deleted segment: check_file has said so */
    else if (a->frame.head.kind)
        problem(v, "%s: %s", name_frame(name, path, &a->frame.head), dw_err_text(code));
    else if (a->bytes)
        problem(v, "%s: %" PRIu64 " bytes at %" PRIu64 " are no whole frame, or their intake record does not hold", file, a->bytes, a->offset);
    else
        problem(v, "%s: cannot be read: %s", file, dw_err_text(code));
}

/* Segments before were let go: chains go on where the state says that they stood. */
static int take_state(void *arg, struct dw_str state)
{
    struct verifier *v = arg;
    struct dw_chains *chains = dw_chains_new();
    struct dw_keyring *keys = dw_keyring_new(UINT32_MAX);
    int rc = chains && keys ? dw__state_vouch(state, chains, keys) : DW_ENOMEM;
    dw_chains_free(rc == DW_OK ? v->chains : chains);
    dw_keyring_free(rc == DW_OK ? v->keys : keys);
    if (rc == DW_OK) {
        v->chains = chains;
        v->keys = keys;
    }
    return rc;
}

static int check_frames(struct verifier *v, struct dw_keys *names)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    int rc = dw_archive_reader_open(v->conf->fs, v->conf->dir, names, &r);
    if (rc < 0)
        return rc;
    dw_archive_reader_chain_order(r);
    dw_archive_reader_states(r, take_state, v);
    uint64_t at, left = 0;
    for (int looks = 0; v->rc == DW_OK && looks < LOOKS_MAX;) {
        rc = dw_archive_reader_next(r, &a);
        if (rc == DW_OK)
            check_frame(v, dw_archive_reader_where(r), &a);
        else if (rc != DW_EAGAIN)
            check_part(v, dw_archive_reader_where(r), &a, rc);
        left = rc == DW_EAGAIN ? dw__reader_left(r, &at) : 0;
        looks += rc == DW_EAGAIN ? left ? 1 : LOOKS_MAX : 0; /* a collector at work may be writing it just now */
    }
    if (left)
        problem(v, "%s: the last %" PRIu64 " bytes, at %" PRIu64 ", are no whole frame: torn by a crash, cut or edited",
            strrchr(dw_archive_reader_where(r), '/') + 1, left, at);
    dw_archive_reader_close(r);
    check_owed(v);
    for (uint32_t i = 0; i < dw_chains_count(v->chains); i++)
        if (!dw_is_collector(dw_chains_at(v->chains, i)->agent))
            v->result->unsigned_tail += dw_chains_at(v->chains, i)->unsigned_count;
    return v->rc;
}

/* A collector at work may have sealed since we read the manifest; then what is in doubt has to be looked at again. */
static bool has_moved_on(const struct verifier *v, struct dw__manifest *m)
{
    struct dw__manifest fresh;
    if (dw__manifest_read(v->conf->fs, v->conf->dir, &fresh) < 0)
        return false;
    bool newer = fresh.entries > m->entries;
    dw__manifest_fini(m);
    *m = fresh;
    return newer;
}

static int check_manifest(struct verifier *v)
{
    struct dw__manifest m;
    int rc = dw__manifest_read(v->conf->fs, v->conf->dir, &m);
    if (rc == DW_ESYNTAX) {
        problem(v, "MANIFEST: a line is not an entry");
        return rc;
    }
    if (rc < 0)
        return rc;
    if (m.broken_at)
        problem(v, "MANIFEST: entry %" PRIu64 " does not follow the one before it: edited, deleted or reordered",
            m.broken_at - 1);
    char why[DW__DOUBT_MAX];
    do
        rc = dw__manifest_doubt(v->conf->dir, &m, why);
    while (rc == DW_ECORRUPT && has_moved_on(v, &m));
    if (rc == DW_ECORRUPT)
        problem(v, "%s", why);
    for (uint64_t i = 0; i < m.sealed_count; i++)
        check_segment(v, &m, i);
    v->result->segments += m.has_open;
    dw__manifest_fini(&m);
    return rc == DW_ECORRUPT ? DW_OK : rc;
}

int dw_archive_verify(const struct dw_verify *conf, struct dw_verify_result *ret)
{
    struct verifier v = {.conf = conf, .result = ret};
    struct dw_keys *names = dw_keys_new();
    *ret = (struct dw_verify_result){0};
    v.chains = dw_chains_new();
    v.keys = dw_keyring_new(UINT32_MAX);
    v.digest = names ? dw_decoder_new(names) : NULL;
    int rc = v.chains && v.keys && v.digest ? check_manifest(&v) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = check_frames(&v, names);
    if (rc == DW_ESYNTAX)
        rc = DW_OK; /* said as a problem */
    dw_chains_free(v.chains);
    dw_keyring_free(v.keys);
    dw__elsewhere_free(v.elsewhere);
    dw_decoder_free(v.digest);
    dw_keys_free(names);
    return rc;
}
