/*
 * evidence_gather: out of an archive, what proves one alert.
 *
 * Idea: three looks at the archive. The first finds the events by their ids; the second reads on from the segment of the first of them and keeps
 * their frames whole and, behind each, HEADs up to a signature; the third looks for the record that opened each epoch, where the key stands. Where that
 * record was let go, the newest state has the key.
 *
 * Invariants:
 *   (1) Lines of other frames never get into the pack: of these only HEADs do, as tombstones.
 *   (2) A frame's hash is computed from its content here, so what is damaged in the archive shows when the pack is judged.
 */
#include "evidence_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHAINS_MAX = DW_EVIDENCE_MAX };

/* A frame with a named event. */
struct wanted {
    uint64_t intake, segment;
    bool sealed, got;
};

/* A chain of such. */
struct chain {
    struct dw_head like; /* agent and epoch */
    struct dw_buf opening, links;
    bool owes;      /* the frame kept last is not covered yet */
    uint64_t last;  /* number of the link kept last */
};

struct gathering {
    const struct dw_evidence_gather *g;
    struct dw_epack *pack;
    struct dw_evidence named; /* a copy, to mark what is found */
    struct wanted want[DW_EVIDENCE_MAX];
    uint32_t want_count, got_count;
    struct chain chain[CHAINS_MAX];
    uint32_t chain_count;
    struct dw_chains *heads;
    struct dw_keyring *keyring; /* of the newest state */
    struct dw_decoder *digest;
    int rc;
};

static void tell(void *arg, const char *where, int rc)
{
    struct gathering *s = arg;
    s->g->problem(s->g->arg, where, rc);
}

static struct chain *chain_of(struct gathering *s, const struct dw_head *h)
{
    struct dw_chain_head k = {.epoch = h->epoch};
    memcpy(k.agent, h->agent, sizeof k.agent);
    for (uint32_t i = 0; i < s->chain_count; i++)
        if (dw_chain_is(&k, &s->chain[i].like))
            return &s->chain[i];
    return NULL;
}

/* First look: an event that is named. */
static void note_event(void *arg, const struct dw_archived *a, const struct dw_event *ev)
{
    struct gathering *s = arg;
    (void)ev;
    for (uint32_t i = 0; i < s->want_count; i++)
        if (s->want[i].intake == a->intake.number)
            return;
    DW_ASSERT(s->want_count < DW_EVIDENCE_MAX); /* one an event that is named */
    s->want[s->want_count++] = (struct wanted){.intake = a->intake.number, .segment = a->segment, .sealed = a->sealed};
    if (!chain_of(s, &a->frame.head))
        s->chain[s->chain_count++].like = a->frame.head;
}

/* Where the segment of the first of them begins. */
struct beginning {
    uint64_t intake, first;
};

static void note_segment(void *arg, const struct dw_segment_info *info)
{
    struct beginning *b = arg;
    if (info->sealed && info->first_intake <= b->intake)
        b->first = info->last_intake < b->intake ? info->last_intake + 1 : info->first_intake;
}

static struct wanted *wanted_at(struct gathering *s, uint64_t intake)
{
    for (uint32_t i = 0; i < s->want_count; i++)
        if (s->want[i].intake == intake)
            return &s->want[i];
    return NULL;
}

static int keep_frame(struct gathering *s, struct chain *c, const struct dw_decoded *f)
{
    char name[DW_EPACK_NAME_MAX + 1];
    int rc;
    evidence_frame_name(&f->head, name);
    struct dw_buf *to = dw_epack_add(s->pack, name, &rc);
    if (!to)
        return rc == DW_EEXIST ? DW_OK : rc; /* it came twice */
    c->owes = !(f->head.flags & DW_HEAD_SIGNED);
    c->last = f->head.number;
    return dw_frame_write_plain(&f->head, &f->sections, to);
}

static int keep_link(struct chain *c, const struct dw_head *h)
{
    struct dw_head tomb = *h;
    tomb.flags |= DW_HEAD_TOMBSTONE;
    tomb.text_packed = tomb.views_packed = 0;
    dw_head_write(&tomb, &c->links);
    c->owes = !(h->flags & DW_HEAD_SIGNED);
    c->last = h->number;
    return c->links.err;
}

/* A frame of a chain that matters. */
static int take_frame(struct gathering *s, struct chain *c, struct dw_archived *a)
{
    struct dw_head real;
    enum dw_link link;
    uint64_t missing;
    const struct dw_chain_head *before = dw_chains_find(s->heads, &a->frame.head);
    if (!a->has_previous && before)
        memcpy(a->frame.head.previous, before->hash, DW_SHA256_BYTES);
    dw_decoded_digest(s->digest, &a->frame, &real);
    a->frame.head = real;
    int rc = dw_chains_take(s->heads, &real, &link, &missing);
    struct wanted *w = wanted_at(s, a->intake.number);
    if (rc == DW_OK && w && !w->got) {
        w->got = true;
        s->got_count++;
        return keep_frame(s, c, &a->frame);
    }
    if (rc == DW_OK && c->owes && real.number == c->last + 1)
        rc = keep_link(c, &real);
    return rc;
}

static bool is_of_chain(void *arg, const struct dw_head *head)
{
    return chain_of(arg, head) != NULL;
}

static bool is_done(const struct gathering *s)
{
    bool owes = s->got_count < s->want_count;
    for (uint32_t i = 0; i < s->chain_count; i++)
        owes |= s->chain[i].owes && !dw_is_collector(s->chain[i].like.agent);
    return !owes;
}

/* Second look. */
static int take_frames(struct gathering *s, struct dw_archive_reader *r)
{
    struct dw_archived a;
    int rc = DW_OK;
    while (rc == DW_OK && !is_done(s)) {
        int err = dw_archive_reader_next(r, &a);
        if (err == DW_EAGAIN || err == DW_ENOMEM)
            return err == DW_EAGAIN ? DW_OK : err;
        if (err < 0) {
            tell(s, dw_archive_reader_where(r), err);
            continue;
        }
        struct chain *c = a.passed ? NULL : chain_of(s, &a.frame.head);
        if (c)
            rc = take_frame(s, c, &a);
    }
    return rc;
}

/* The record that may have opened one of the epochs. */
static bool is_opening(void *arg, const struct dw_head *head)
{
    return head->kind == DW_FRAME_RECORD && head->number == 0 && chain_of(arg, head) != NULL;
}

/* Third look: the records that opened the epochs. */
static int take_openings(struct gathering *s, struct dw_archive_reader *r)
{
    struct dw_archived a;
    uint32_t left = s->chain_count;
    int rc = DW_OK;
    dw_archive_reader_seek(r, 0);
    dw_archive_reader_heads(r, is_opening, s);
    for (uint32_t i = 0; i < s->chain_count; i++)
        left -= dw_is_collector(s->chain[i].like.agent);
    while (rc == DW_OK && left) {
        int err = dw_archive_reader_next(r, &a);
        if (err == DW_EAGAIN || err == DW_ENOMEM)
            return err == DW_EAGAIN ? DW_OK : err;
        if (err < 0 || a.passed)
            continue; /* what cannot be read was told at the second look, or is of no use here */
        struct chain *c = chain_of(s, &a.frame.head);
        if (c->opening.len)
            continue; /* it came twice */
        struct dw_head real;
        if (!a.has_previous)
            memset(a.frame.head.previous, 0, DW_SHA256_BYTES);
        dw_decoded_digest(s->digest, &a.frame, &real);
        rc = dw_frame_write_plain(&real, &a.frame.sections, &c->opening);
        left--;
    }
    return rc;
}

static int take_keys(void *keyring, struct dw_str state)
{
    return dw_state_keys(state, keyring);
}

static int by_bytes(const void *x, const void *y)
{
    return memcmp(x, y, DW_PUBLIC_KEY_BYTES);
}

/* Keys of agents whose opening record is not here. */
static int add_keys(struct gathering *s)
{
    uint8_t need[CHAINS_MAX][DW_PUBLIC_KEY_BYTES];
    uint32_t count = 0;
    int rc = DW_OK;
    for (uint32_t i = 0; i < s->chain_count; i++) {
        const uint8_t *key = s->chain[i].opening.len ? NULL : dw_keyring_find(s->keyring, s->chain[i].like.agent);
        if (key)
            memcpy(need[count++], key, DW_PUBLIC_KEY_BYTES);
    }
    qsort(need, count, sizeof need[0], by_bytes);
    struct dw_buf *out = count ? dw_epack_add(s->pack, "KEYS", &rc) : NULL;
    for (uint32_t i = 0; out && i < count; i++) {
        char hex[2 * DW_PUBLIC_KEY_BYTES + 1];
        if (i && memcmp(need[i], need[i - 1], sizeof need[i]) == 0)
            continue; /* several epochs of one agent */
        dw_hex(need[i], sizeof need[i], hex);
        dw_buf_printf(out, "%s\n", hex);
    }
    return out ? out->err : rc;
}

static int add_file(struct dw_epack *p, const char *name, struct dw_str bytes)
{
    int rc;
    struct dw_buf *to = dw_epack_add(p, name, &rc);
    if (!to)
        return rc;
    dw_buf_str(to, bytes);
    return to->err;
}

static int add_chains(struct gathering *s)
{
    int rc = DW_OK;
    for (uint32_t i = 0; i < s->chain_count && rc == DW_OK; i++) {
        char name[DW_EPACK_NAME_MAX + 1];
        struct chain *c = &s->chain[i];
        evidence_chain_name(&c->like, name);
        if (!c->opening.len && !c->links.len)
            continue;
        dw_buf_str(&c->opening, dw_buf_view(&c->links));
        rc = c->opening.err ? c->opening.err : add_file(s->pack, name, dw_buf_view(&c->opening));
    }
    return rc;
}

static int add_manifest(struct gathering *s)
{
    uint64_t from = UINT64_MAX, to = 0;
    int rc;
    struct dw_buf *out = dw_epack_add(s->pack, "MANIFEST", &rc);
    for (uint32_t i = 0; i < s->want_count; i++) {
        if (!s->want[i].sealed)
            continue;
        from = s->want[i].segment < from ? s->want[i].segment : from;
        to = s->want[i].segment > to ? s->want[i].segment : to;
    }
    return out && from <= to ? dw_manifest_lines(&dw_fs_system, s->g->archive, from, to, out) : rc;
}

/* What follows from the frames, in the words that whoever judges will compare. */
static int add_made(struct gathering *s)
{
    struct evidence_alert a;
    struct evidence_rules rules = {0};
    struct evidence_made made = {0};
    struct dw_buf text = {0};
    struct dw_keys *keys = dw_keys_new();
    int rc = evidence_alert_read(s->g->line, &a);
    if (rc == DW_OK)
        rc = keys ? evidence_rules_load(s->pack, keys, &a, NULL, &rules) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = evidence_make(s->pack, keys, &rules, &a, &made);
    if (rc == DW_OK)
        rc = add_file(s->pack, "events.ndjson", dw_buf_view(&made.events));
    if (rc == DW_OK)
        rc = add_file(s->pack, "match.json", dw_buf_view(&made.match));
    if (rc == DW_OK) {
        evidence_readme(&a, &made, &text);
        rc = text.err ? text.err : add_file(s->pack, "README.md", dw_buf_view(&text));
    }
    dw_buf_reset(&text);
    dw_buf_str(&text, s->g->line);
    dw_buf_byte(&text, '\n');
    if (rc == DW_OK)
        rc = text.err ? text.err : add_file(s->pack, "alert.json", dw_buf_view(&text));
    dw_buf_fini(&text);
    evidence_made_fini(&made);
    evidence_rules_fini(&rules);
    evidence_alert_fini(&a);
    dw_keys_free(keys);
    return rc;
}

static int look_for(struct gathering *s)
{
    const struct dw_answer_evidence how = {.archive = s->g->archive, .keys = s->g->keys, .evidence = &s->named, .each = note_event, .problem = tell, .arg = s};
    struct beginning b = {.intake = UINT64_MAX};
    struct dw_archive_reader *r;
    int rc = dw_answer_evidence(&how);
    if (rc < 0)
        return rc;
    if (s->want_count == 0)
        return DW_ENOENT;
    for (uint32_t i = 0; i < s->want_count; i++)
        b.intake = s->want[i].intake < b.intake ? s->want[i].intake : b.intake;
    rc = dw_archive_list(&dw_fs_system, s->g->archive, note_segment, &b);
    if (rc == DW_OK)
        rc = dw_archive_reader_open(&dw_fs_system, s->g->archive, s->g->keys, &r);
    if (rc < 0)
        return rc;
    dw_archive_reader_seek(r, b.first);
    dw_archive_reader_heads(r, is_of_chain, s);
    rc = take_frames(s, r);
    if (rc == DW_OK)
        rc = take_openings(s, r);
    if (rc == DW_OK)
        rc = dw_archive_reader_begin(r, 0, take_keys, s->keyring);
    dw_archive_reader_close(r);
    return rc;
}

static int gather(struct gathering *s)
{
    int rc = s->heads && s->keyring && s->digest ? look_for(s) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = add_keys(s);
    if (rc == DW_OK)
        rc = add_chains(s);
    if (rc == DW_OK)
        rc = add_manifest(s);
    if (rc == DW_OK && s->g->rule < dw_ruleset_count(s->g->rules))
        rc = evidence_rules_add(s->g, s->pack);
    return rc == DW_OK ? add_made(s) : rc;
}

int dw_evidence_gather(const struct dw_evidence_gather *g, struct dw_epack *p)
{
    struct gathering *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    s->g = g;
    s->pack = p;
    s->named = *g->named;
    s->heads = dw_chains_new();
    s->keyring = dw_keyring_new(UINT32_MAX);
    s->digest = dw_decoder_new(g->keys);
    int rc = gather(s);
    for (uint32_t i = 0; i < s->chain_count; i++) {
        dw_buf_fini(&s->chain[i].opening);
        dw_buf_fini(&s->chain[i].links);
    }
    dw_chains_free(s->heads);
    dw_keyring_free(s->keyring);
    dw_decoder_free(s->digest);
    dw_free(s);
    return rc;
}
