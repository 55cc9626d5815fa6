/*
 * evidence_chain: do the agents' signatures cover the frames of a pack?
 *
 * Idea: every HEAD of the pack, of a whole frame or of a tombstone, is a link (number, previous, hash), put in order chain by chain. A link is
 * covered if it is signed, or if the next number is here, names its hash, and is covered.
 *
 * Invariants:
 *   (1) A hash is only used after it was computed here, from content or from the HEAD.
 *   (2) What is covered by nothing is said: for a frame that something is absent, for any other link that it has no business here.
 */
#include "evidence_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_read.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct link {
    struct dw_head head;
    const char *file;
    bool whole, opens; /* an events frame; the opening record. Neither: a tombstone */
    bool holds, covered; /* its own signature does */
};

struct chains {
    const struct dw_evidence_judge *how;
    struct evidence_say say;
    struct dw_keyring *keyring, *stated; /* stated: by KEYS */
    struct dw_decoder *decoder;
    struct dw_sha256 *sha;
    struct dw_judged *judged;
    struct link *link;
    uint32_t count, cap;
};

static void tell(const struct evidence_say *say, const char *where, bool absent, const char *fmt, va_list args) DW_PRINTF(4, 0);

static void tell(const struct evidence_say *say, const char *where, bool absent, const char *fmt, va_list args)
{
    char text[EVIDENCE_TEXT_CAP];
    (void)vsnprintf(text, sizeof text, fmt, args);
    say->problem(say->arg, where, text, absent);
}

void evidence_problem(const struct evidence_say *say, const char *where, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(say, where, false, fmt, args);
    va_end(args);
}

void evidence_absent(const struct evidence_say *say, const char *where, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(say, where, true, fmt, args);
    va_end(args);
}

static int name_chain(const struct dw_head *h, char out[DW_EPACK_NAME_MAX + 1])
{
    char agent[2 * DW_AGENT_ID_BYTES + 1], nonce[2 * DW_NONCE_BYTES + 1];
    dw_hex(h->agent, DW_AGENT_ID_BYTES, agent);
    dw_hex(h->epoch.nonce, DW_NONCE_BYTES, nonce);
    return snprintf(out, DW_EPACK_NAME_MAX + 1, "frames/%.16s-%08" PRIu64 "-%.8s", agent, h->epoch.counter, nonce);
}

void evidence_frame_name(const struct dw_head *h, char out[DW_EPACK_NAME_MAX + 1])
{
    int n = name_chain(h, out);
    (void)snprintf(out + n, DW_EPACK_NAME_MAX + 1 - (size_t)n, "-%012" PRIu64 ".frame", h->number);
}

void evidence_chain_name(const struct dw_head *h, char out[DW_EPACK_NAME_MAX + 1])
{
    int n = name_chain(h, out);
    (void)snprintf(out + n, DW_EPACK_NAME_MAX + 1 - (size_t)n, ".chain");
}

bool evidence_is_frame(const struct dw_epack_file *f)
{
    return dw_str_ends(dw_str_of(f->name), DW_STR(".frame"));
}

static int add_link(struct chains *c, const struct link *l)
{
    if (c->count == c->cap) {
        uint32_t cap = c->cap ? c->cap * 2 : 64;
        if (c->count >= EVIDENCE_LINKS_MAX)
            return DW_ELIMIT;
        struct link *grown = dw_resize(c->link, cap * sizeof *grown);
        if (!grown)
            return DW_ENOMEM;
        c->link = grown;
        c->cap = cap;
    }
    c->link[c->count++] = *l;
    return DW_OK;
}

/* "frames/X.chain, frame 7" */
static const char *where_of(const struct link *l, char out[EVIDENCE_WHERE_CAP])
{
    (void)snprintf(out, EVIDENCE_WHERE_CAP, l->whole ? "%s" : "%s, frame %" PRIu64, l->file, l->head.number);
    return out;
}

/* ---- files ---- */

/* Whether a frame begins with the bytes that an export writes for it. */
static int compare_plain(const struct dw_decoded *f, struct dw_str bytes)
{
    struct dw_buf plain = {0};
    int rc = dw_frame_write_plain(&f->head, &f->sections, &plain);
    if (rc == DW_OK && !dw_str_starts(bytes, dw_buf_view(&plain)))
        rc = DW_ECORRUPT;
    dw_buf_fini(&plain);
    return rc;
}

/* Decodes what begins there, checks roots, hash, and that it is written in the one way. DW_OK and said: it is not. */
static int read_whole(struct chains *c, const char *where, struct dw_str bytes, struct dw_decoded *ret, bool *ret_ok)
{
    int rc = dw_decode(c->decoder, bytes, ret);
    if (rc == DW_OK)
        rc = dw_decoded_check(c->decoder, ret);
    if (rc == DW_OK)
        rc = compare_plain(ret, bytes);
    *ret_ok = rc == DW_OK;
    if (rc == DW_ENOMEM)
        return rc;
    if (rc < 0)
        evidence_problem(&c->say, where, "is no whole frame whose content is what was hashed, as an export writes it: %s", dw_err_text(rc == DW_EAGAIN ? DW_ECORRUPT : rc));
    return DW_OK;
}

static int take_frame(struct chains *c, const struct dw_epack_file *f)
{
    struct link l = {.file = f->name, .whole = true};
    struct dw_decoded got;
    char name[DW_EPACK_NAME_MAX + 1];
    size_t len;
    bool ok;
    c->judged->frames++;
    int rc = read_whole(c, f->name, dw_buf_view(&f->bytes), &got, &ok);
    if (rc < 0 || !ok)
        return rc;
    rc = dw_head_read(dw_buf_view(&f->bytes), &l.head, &len);
    evidence_frame_name(&got.head, name);
    if (rc < 0 || len != f->bytes.len)
        evidence_problem(&c->say, f->name, "holds more than one frame");
    else if (got.head.kind != DW_FRAME_EVENTS || (got.head.flags & DW_HEAD_TOMBSTONE))
        evidence_problem(&c->say, f->name, "holds no events");
    else if (strcmp(name, f->name) != 0)
        evidence_problem(&c->say, f->name, "is %s by its HEAD", name);
    else
        return add_link(c, &l);
    return DW_OK;
}

/* The host that an opening record names. */
static void host_of(struct dw_str record, char out[DW_AGENT_HOST_CAP])
{
    struct dw_json j;
    struct dw_json_token t;
    bool is_host = false;
    out[0] = '\0';
    dw_json_start(&j, record);
    while (dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        if (is_host && t.type == DW_JSON_STRING && j.depth == 1)
            (void)snprintf(out, DW_AGENT_HOST_CAP, "%.*s", DW_ARG(t.text));
        is_host = t.type == DW_JSON_KEY && dw_str_eq(t.text, DW_STR("host"));
    }
}

static void note_agent(struct chains *c, const struct dw_head *h, struct dw_str record)
{
    struct dw_judged *r = c->judged;
    for (uint32_t i = 0; i < r->agents && i < DW_JUDGED_AGENTS_MAX; i++)
        if (memcmp(r->agent[i], h->agent, DW_AGENT_ID_BYTES) == 0)
            return;
    if (r->agents < DW_JUDGED_AGENTS_MAX) {
        memcpy(r->agent[r->agents], h->agent, DW_AGENT_ID_BYTES);
        host_of(record, r->host[r->agents]);
    }
    r->agents++;
}

/* The first frame of a chain file: the record that opened the epoch. */
static int take_opening(struct chains *c, const struct dw_epack_file *f, size_t *at)
{
    struct link l = {.file = f->name, .opens = true};
    struct dw_decoded got;
    char name[DW_EPACK_NAME_MAX + 1];
    bool ok;
    size_t len;
    int rc = read_whole(c, f->name, dw_buf_view(&f->bytes), &got, &ok);
    if (rc < 0 || !ok)
        return rc;
    rc = dw_head_read(dw_buf_view(&f->bytes), &l.head, &len);
    DW_ASSERT(rc == DW_OK); /* it was decoded */
    *at = len;
    evidence_chain_name(&l.head, name);
    bool opens = l.head.kind == DW_FRAME_RECORD && l.head.number == 0 && dw_str_find(got.record, DW_STR("\"epoch.open\"")) < got.record.len;
    if (!opens) {
        *at = 0; /* the record is not here: a link */
        return DW_OK;
    }
    if (strcmp(name, f->name) != 0) {
        evidence_problem(&c->say, f->name, "opens %s by its HEAD", name);
        return DW_OK;
    }
    rc = dw_keyring_learn(c->keyring, l.head.agent, got.record);
    if (rc == DW_ENOMEM)
        return rc;
    if (rc < 0)
        evidence_problem(&c->say, f->name, "its opening record states no public key whose hash is the agent's id");
    note_agent(c, &l.head, got.record);
    return add_link(c, &l);
}

static int take_chain(struct chains *c, const struct dw_epack_file *f)
{
    struct dw_str bytes = dw_buf_view(&f->bytes);
    struct dw_head first;
    char name[DW_EPACK_NAME_MAX + 1];
    size_t at = 0, len;
    int rc = dw_head_read(bytes, &first, &len);
    if (rc == DW_OK && !(first.flags & DW_HEAD_TOMBSTONE))
        rc = take_opening(c, f, &at);
    else if (rc < 0 && rc != DW_ENOMEM)
        rc = DW_OK; /* said below */
    while (rc == DW_OK && at < bytes.len) {
        struct link l = {.file = f->name};
        uint8_t real[DW_SHA256_BYTES];
        if (dw_head_read(dw_str_slice(bytes, at, bytes.len), &l.head, &len) < 0 || !(l.head.flags & DW_HEAD_TOMBSTONE)) {
            evidence_problem(&c->say, f->name, "byte %zu: neither an opening record nor a tombstone", at);
            break;
        }
        evidence_chain_name(&l.head, name);
        dw_head_hash(&l.head, c->sha, real);
        if (strcmp(name, f->name) != 0)
            evidence_problem(&c->say, f->name, "byte %zu: of another chain, %s", at, name);
        else if (memcmp(real, l.head.hash, sizeof real) != 0)
            evidence_problem(&c->say, f->name, "frame %" PRIu64 ": its hash is not that of its HEAD", l.head.number);
        else
            rc = add_link(c, &l);
        at += len;
    }
    return rc;
}

/* Keys of agents whose opening record the archive had no more: a line each, 64 hex digits. */
static int take_keys(struct chains *c, const struct dw_epack_file *f)
{
    struct dw_str rest = dw_buf_view(&f->bytes);
    int rc = DW_OK;
    for (uint32_t line = 1; rest.len && rc == DW_OK; line++) {
        uint8_t key[DW_PUBLIC_KEY_BYTES];
        struct dw_head h = {0};
        size_t end = dw_str_index(rest, '\n');
        if (end == rest.len || !dw_unhex(dw_str_slice(rest, 0, end), key, sizeof key)) {
            evidence_problem(&c->say, f->name, "line %" PRIu32 ": is no public key of 64 hex digits", line);
            break;
        }
        rc = dw_keyring_add(c->keyring, key);
        if (rc == DW_OK)
            rc = dw_keyring_add(c->stated, key);
        dw_key_agent_id(key, h.agent);
        note_agent(c, &h, DW_STR(""));
        rest = dw_str_slice(rest, end + 1, rest.len);
    }
    return rc;
}

/* A key that KEYS states has to be of use. */
static void check_keys(const struct chains *c)
{
    for (uint32_t i = 0; i < c->judged->agents && i < DW_JUDGED_AGENTS_MAX; i++) {
        char agent[2 * DW_AGENT_ID_BYTES + 1];
        bool speaks = false;
        for (uint32_t k = 0; k < c->count; k++)
            speaks |= memcmp(c->link[k].head.agent, c->judged->agent[i], DW_AGENT_ID_BYTES) == 0;
        dw_hex(c->judged->agent[i], DW_AGENT_ID_BYTES, agent);
        if (!speaks)
            evidence_problem(&c->say, "KEYS", "has a key of agent %s, of whom nothing is here", agent);
    }
}

/* ---- links ---- */

static bool same_chain(const struct dw_head *a, const struct dw_head *b)
{
    return a->epoch.counter == b->epoch.counter && memcmp(a->agent, b->agent, sizeof a->agent) == 0
        && memcmp(a->epoch.nonce, b->epoch.nonce, sizeof a->epoch.nonce) == 0;
}

static int by_chain(const void *x, const void *y)
{
    const struct dw_head *a = &((const struct link *)x)->head, *b = &((const struct link *)y)->head;
    int c = memcmp(a->agent, b->agent, sizeof a->agent);
    if (c == 0)
        c = (a->epoch.counter > b->epoch.counter) - (a->epoch.counter < b->epoch.counter);
    if (c == 0)
        c = memcmp(a->epoch.nonce, b->epoch.nonce, sizeof a->epoch.nonce);
    return c ? c : (a->number > b->number) - (a->number < b->number);
}

/* Whether `b` is the frame after `a`. Says where it claims to be and is not. */
static bool follows(const struct chains *c, const struct link *a, const struct link *b)
{
    char where[EVIDENCE_WHERE_CAP], before[EVIDENCE_WHERE_CAP];
    if (!same_chain(&a->head, &b->head))
        return false;
    if (b->head.number == a->head.number)
        evidence_problem(&c->say, where_of(b, where), "stands twice in its chain");
    if (b->head.number != a->head.number + 1)
        return false;
    if (memcmp(b->head.previous, a->head.hash, DW_SHA256_BYTES) == 0)
        return true;
    evidence_problem(&c->say, where_of(b, where), "does not follow %s: one of the two was replaced", where_of(a, before));
    return false;
}

/* Its own signature. */
static void check_signature(const struct chains *c, struct link *l)
{
    char where[EVIDENCE_WHERE_CAP];
    int rc = l->head.flags & DW_HEAD_SIGNED ? dw_keyring_check(c->keyring, &l->head) : DW_ENOENT;
    l->holds = l->covered = rc == DW_OK;
    if (rc == DW_ESIGNATURE)
        evidence_problem(&c->say, where_of(l, where), "its signature does not hold");
    if (l->opens && !(l->head.flags & DW_HEAD_SIGNED))
        evidence_problem(&c->say, where_of(l, where), "the opening record is not signed");
}

/* `opened`: the record with its chain's key is here. */
static void check_covered(const struct chains *c, uint32_t i, bool linked, bool opened)
{
    const struct link *l = &c->link[i];
    char where[EVIDENCE_WHERE_CAP];
    if (l->whole && !l->covered && dw_is_collector(l->head.agent))
        evidence_absent(&c->say, l->file, "made by the collector out of other shippers' records: nobody signs these");
    else if (l->whole && !l->covered)
        evidence_absent(&c->say, l->file, "no signature of its agent covers it: the record with the key or a signed frame after it is not here");
    else if (!l->whole && !l->opens && !(linked && (l->covered || !opened)))
        evidence_problem(&c->say, where_of(l, where), "is no link between a frame of the pack and a signature");
}

static void check_links(struct chains *c)
{
    if (c->count)
        qsort(c->link, c->count, sizeof *c->link, by_chain);
    for (uint32_t i = c->count; i-- > 0;) {
        struct link *l = &c->link[i];
        check_signature(c, l);
        if (i + 1 < c->count && follows(c, l, l + 1))
            l->covered |= l[1].covered;
    }
    bool opened = false;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct link *l = &c->link[i], *before = i && same_chain(&l[-1].head, &l->head) ? l - 1 : NULL;
        opened = before ? opened : l->opens || dw_keyring_find(c->stated, l->head.agent);
        check_covered(c, i, before && !before->opens && before->head.number + 1 == l->head.number, opened);
    }
}

static void check_pins(const struct chains *c)
{
    char agent[2 * DW_AGENT_ID_BYTES + 1];
    for (uint32_t i = 0; c->how->pinned && i < c->count; i++) {
        const struct link *l = &c->link[i];
        bool first = !i || memcmp(l->head.agent, l[-1].head.agent, DW_AGENT_ID_BYTES) != 0, pinned = false;
        for (uint32_t k = 0; k < c->how->pinned_count; k++)
            pinned |= memcmp(c->how->pinned + (size_t)k * DW_AGENT_ID_BYTES, l->head.agent, DW_AGENT_ID_BYTES) == 0;
        dw_hex(l->head.agent, DW_AGENT_ID_BYTES, agent);
        if (first && !pinned)
            evidence_problem(&c->say, l->file, "agent %s is none of those that --key names", agent);
    }
}

int evidence_chains(const struct dw_evidence_judge *how, const struct dw_epack *p, struct dw_keys *keys, struct dw_judged *ret)
{
    struct chains c = {.how = how, .say = {how->problem, how->arg}, .judged = ret, .keyring = dw_keyring_new(DW_EPACK_FILES_MAX), .stated = dw_keyring_new(DW_EPACK_FILES_MAX),
        .decoder = dw_decoder_new(keys), .sha = dw_sha256_new()};
    int rc = c.keyring && c.stated && c.decoder ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i < dw_epack_count(p) && rc == DW_OK; i++) {
        const struct dw_epack_file *f = dw_epack_at(p, i);
        if (evidence_is_frame(f))
            rc = take_frame(&c, f);
        else if (strcmp(f->name, "KEYS") == 0)
            rc = take_keys(&c, f);
        else if (dw_str_starts(dw_str_of(f->name), DW_STR("frames/")))
            rc = take_chain(&c, f);
    }
    if (rc == DW_OK) {
        check_keys(&c);
        check_links(&c);
        check_pins(&c);
    }
    dw_keyring_free(c.keyring);
    dw_keyring_free(c.stated);
    dw_decoder_free(c.decoder);
    dw_sha256_free(c.sha);
    dw_free(c.link);
    return rc;
}
