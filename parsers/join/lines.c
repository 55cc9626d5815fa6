/*
 * lines: raw bytes in, whole masked lines out.
 *
 * Idea: the usual line is whole by itself and is given out as a view of the caller's bytes; only partials, continued
 * lines and masked lines are copied.
 *
 * Invariants:
 *   (1) Every consumed byte is in exactly one piece of one line, or in one declaration.
 *   (2) Where a line is cut depends on the bytes before it alone, never on how they were handed in.
 *   (3) Memory: line_max bytes for each of stdout and stderr (of one envelope), 1 MiB and a line for events of the audit daemon, and one scratch line.
 *   (4) A callback that fails leaves everything as before the raw line it was called for, but for lines already taken:
 *       the caller gives the same bytes again.
 *   (5) Where no event of the audit daemon is open, nothing of those before is needed: from there on the bytes make the same events again.
 */
#include "dogwatch/parsers/lines.h"

#include "../envelope/envelope.h"
#include "audit_records.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/rfc3339.h"

/* JOINS: nothing known, then stdout and stderr of docker, then of CRI. */
enum { JOINS = 5, CRI_JOINS = 2, DECLARE_EVERY = 16 * 1024 * 1024, AUDIT_EVENTS = 64, AUDIT_BYTES = 1024 * 1024, NS_PER_MS = 1000000 };

/* A line that waits for more. */
struct join {
    struct dw_buf text;
    struct dw_piece *piece;
    uint32_t piece_count, piece_cap;
    uint32_t flags;
    int64_t time_ns;
    bool has_time, active;
    bool partial; /* the program's own line is not at its end */
    bool cutting; /* given out already: what follows of this line is declared */
    uint8_t out;  /* enum dw_out */
    struct dw_multiline_state state;
    uint64_t cut_hash;
};

/* Events of the audit daemon that wait for more records. */
struct audit {
    struct join join[AUDIT_EVENTS];
    struct dw__audit_key key[AUDIT_EVENTS]; /* of each that is active */
    uint64_t from; /* where the first of those began that overlap with what is active now */
};

struct dw_lines {
    struct dw_lines_conf conf;
    enum dw_envelope envelope;
    uint64_t offset;
    uint32_t auto_left; /* raw lines that may still change what AUTO made of the first */
    struct dw_line_start *start;
    struct join join[JOINS];
    struct audit *audit; /* NULL: no such record came yet */
    /* a raw line longer than line_max: its head is out */
    bool long_line;
    uint64_t long_hash, long_from; /* declared up to here */
    struct dw_buf scratch, masked;
    struct dw_mask mask[DW_LINE_MASKS_MAX];
    bool in_key[JOINS]; /* the line before was of a private key that goes on */
};

struct dw_lines *dw_lines_again(const struct dw_lines_conf *conf, const struct dw_lines_place *place)
{
    struct dw_lines *l = dw_calloc(1, sizeof *l);
    if (!l)
        return NULL;
    DW_ASSERT(conf->line_max > 0);
    l->conf = *conf;
    l->envelope = place->envelope;
    l->offset = place->offset;
    l->auto_left = place->auto_left;
    l->conf.multiline_start = DW_STR_NONE;
    if (conf->multiline == DW_MULTILINE_START && dw_line_start_new(conf->multiline_start, &l->start, NULL) < 0) {
        dw_lines_free(l);
        return NULL;
    }
    return l;
}

struct dw_lines_place dw_lines_begin(enum dw_envelope envelope, uint64_t start)
{
    return (struct dw_lines_place){.offset = start, .envelope = envelope, .auto_left = envelope == DW_ENV_AUTO ? DW_LINES_AUTO : 0};
}

struct dw_lines *dw_lines_new(const struct dw_lines_conf *conf, uint64_t start)
{
    struct dw_lines_place place = dw_lines_begin(conf->envelope, start);
    return dw_lines_again(conf, &place);
}

static unsigned join_count(const struct dw_lines *l)
{
    return l->audit ? JOINS + AUDIT_EVENTS : JOINS;
}

static struct join *join_at(struct dw_lines *l, unsigned i)
{
    return i < JOINS ? &l->join[i] : &l->audit->join[i - JOINS];
}

void dw_lines_free(struct dw_lines *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < join_count(l); i++) {
        dw_buf_fini(&join_at(l, i)->text);
        dw_free(join_at(l, i)->piece);
    }
    dw_free(l->audit);
    dw_line_start_free(l->start);
    dw_buf_fini(&l->scratch);
    dw_buf_fini(&l->masked);
    dw_free(l);
}

/* The first piece of a join that is in the file being read; NULL when all came from the file before. */
static const struct dw_piece *own_piece(const struct join *j)
{
    for (uint32_t i = 0; i < j->piece_count; i++)
        if (!j->piece[i].stream)
            return &j->piece[i];
    return NULL;
}

bool dw_lines_carry(struct dw_lines *from, struct dw_lines *to, const struct dw_stream *stream)
{
    bool any = false;
    if (!to->audit) {
        to->audit = from->audit;
        from->audit = NULL;
        if (to->audit)
            to->audit->from = 0;
    }
    for (unsigned i = 0; i < JOINS; i++) {
        if (!from->join[i].active || to->join[i].active)
            continue;
        struct join empty = to->join[i];
        to->join[i] = from->join[i];
        from->join[i] = empty;
    }
    for (unsigned i = 0; i < join_count(to); i++) {
        struct join *j = join_at(to, i);
        for (uint32_t k = 0; j->active && k < j->piece_count; k++) {
            any |= !j->piece[k].stream;
            if (!j->piece[k].stream)
                j->piece[k].stream = stream;
        }
    }
    return any;
}

uint64_t dw_lines_carried(const struct dw_lines *l, const struct dw_stream *stream)
{
    uint64_t from = UINT64_MAX;
    for (unsigned i = 0; i < join_count(l); i++) {
        const struct join *j = i < JOINS ? &l->join[i] : &l->audit->join[i - JOINS];
        for (uint32_t k = 0; j->active && k < j->piece_count; k++)
            if (j->piece[k].stream && (!stream || j->piece[k].stream == stream) && j->piece[k].start < from)
                from = j->piece[k].start;
    }
    return from;
}

uint64_t dw_lines_offset(const struct dw_lines *l)
{
    return l->offset;
}

/* How many events of the audit daemon are open. */
static uint32_t audit_open(const struct dw_lines *l)
{
    uint32_t n = 0;
    for (int i = 0; l->audit && i < AUDIT_EVENTS; i++)
        n += l->audit->join[i].active;
    return n;
}

uint64_t dw_lines_low(const struct dw_lines *l)
{
    uint64_t low = l->long_line ? l->long_from : l->offset;
    for (int i = 0; i < JOINS; i++) {
        const struct dw_piece *own = l->join[i].active ? own_piece(&l->join[i]) : NULL;
        if (own && own->start < low)
            low = own->start;
    }
    if (dw_lines_carried(l, NULL) != UINT64_MAX)
        return 0; /* it had read nothing when that came */
    return audit_open(l) && l->audit->from < low ? l->audit->from : low;
}

bool dw_lines_pending(const struct dw_lines *l)
{
    for (int i = 0; i < JOINS; i++)
        if (l->join[i].active)
            return true;
    return audit_open(l);
}

int64_t dw_lines_open_ns(const struct dw_lines *l)
{
    int64_t oldest = INT64_MAX;
    for (int i = 0; l->audit && i < AUDIT_EVENTS; i++)
        if (l->audit->join[i].active && l->audit->key[i].time_ms < oldest)
            oldest = l->audit->key[i].time_ms;
    return oldest < INT64_MAX / NS_PER_MS ? oldest * NS_PER_MS : INT64_MAX;
}

bool dw_lines_rests(const struct dw_lines *l, struct dw_lines_place *ret)
{
    bool in_key = false;
    for (int i = 0; i < JOINS; i++)
        in_key |= l->in_key[i];
    *ret = (struct dw_lines_place){.offset = l->offset, .envelope = l->envelope, .auto_left = l->auto_left};
    return !in_key && !l->long_line && !dw_lines_pending(l) && dw_lines_low(l) == l->offset;
}

/* Whether all of a line is of a key that goes over several; what else was found in such a line is part of it. */
static bool is_key_line(struct dw_lines *l, const struct dw_line *line, bool found, struct dw_mask *ret)
{
    bool *inside = &l->in_key[line->out < JOINS ? line->out : 0];
    if (!(l->conf.redact & 1u << DW_REDACT_PRIVATE_KEYS))
        return false;
    if (!*inside && !found && !dw_str_ends(dw_str_trim(line->text), DW_STR("PRIVATE KEY-----")))
        return false; /* a header, with what follows it or alone, is one of these */
    *inside = dw_redact_key_line(*inside, line->text, ret);
    return ret->len > 0;
}

/* The copy that is written over. */
static int copy_masked(struct dw_lines *l, struct dw_line *line)
{
    dw_buf_reset(&l->masked);
    dw_buf_str(&l->masked, line->text);
    if (l->masked.err)
        return l->masked.err;
    line->text = dw_buf_view(&l->masked);
    return DW_OK;
}

/* The same where users have rules of their own, or want hashes. */
static int mask_own(struct dw_lines *l, struct dw_line *line)
{
    struct dw_redact_pieces p;
    struct dw_str original = line->text;
    int rc = dw_redact_own_find(l->conf.own, l->conf.redact, original, &p);
    if (rc < 0)
        return rc;
    if (is_key_line(l, line, p.count > 0, &l->mask[0]))
        p = (struct dw_redact_pieces){.mask = l->mask, .count = 1};
    if (p.count == 0)
        return DW_OK;
    rc = copy_masked(l, line);
    if (rc < 0)
        return rc;
    dw_redact_own_apply(l->conf.own, original, &p, l->masked.ptr);
    line->mask = l->mask;
    line->mask_count = p.count < DW_LINE_MASKS_MAX ? p.count : DW_LINE_MASKS_MAX;
    memmove(l->mask, p.mask, line->mask_count * sizeof *l->mask);
    line->flags |= p.count > DW_LINE_MASKS_MAX ? DW_LINE_MASKS_DROPPED : 0;
    line->flags |= p.limited ? DW_LINE_REDACT_LIMIT : 0;
    return DW_OK;
}

/* Masks, if there is something to mask, in a copy. */
static int mask_line(struct dw_lines *l, struct dw_line *line)
{
    if (l->conf.own)
        return mask_own(l, line);
    uint32_t n = l->conf.redact ? dw_redact_scan(l->conf.redact, line->text, l->mask, DW_LINE_MASKS_MAX) : 0;
    struct dw_mask key;
    if (is_key_line(l, line, n > 0, &key)) {
        l->mask[0] = key;
        n = 1;
    }
    if (n == 0)
        return DW_OK;
    int rc = copy_masked(l, line);
    if (rc < 0)
        return rc;
    line->mask = l->mask;
    line->mask_count = n < DW_LINE_MASKS_MAX ? n : DW_LINE_MASKS_MAX;
    for (uint32_t i = 0; i < line->mask_count; i++)
        dw_redact_apply(l->masked.ptr, l->mask[i]);
    if (n > DW_LINE_MASKS_MAX) { /* rare: mask the rest too, batch by batch; the scan no longer finds what is masked */
        struct dw_mask more[DW_LINE_MASKS_MAX];
        line->flags |= DW_LINE_MASKS_DROPPED;
        while ((n = dw_redact_scan(l->conf.redact, line->text, more, DW_LINE_MASKS_MAX)) > 0) {
            uint32_t take = n < DW_LINE_MASKS_MAX ? n : DW_LINE_MASKS_MAX;
            bool changed = false;
            for (uint32_t i = 0; i < take; i++) {
                changed |= l->masked.ptr[more[i].start] != '*';
                dw_redact_apply(l->masked.ptr, more[i]);
            }
            if (!changed)
                break;
        }
    }
    return DW_OK;
}

static int give(struct dw_lines *l, struct dw_line *line, const struct dw_lines_out *out)
{
    int rc = mask_line(l, line);
    if (rc == DW_OK && line->text.len > l->conf.line_max) {
        line->text.len = l->conf.line_max;
        line->flags |= DW_LINE_CUT;
    }
    return rc == DW_OK ? out->line(out->arg, line) : rc;
}

static int give_join(struct dw_lines *l, unsigned which, uint32_t flags, const struct dw_lines_out *out)
{
    struct join *j = join_at(l, which);
    struct dw_line line = {.text = dw_buf_view(&j->text), .piece = j->piece, .piece_count = j->piece_count,
        .flags = j->flags | flags, .env_time_ns = j->time_ns, .has_env_time = j->has_time, .out = j->out};
    if (j->cutting) { /* its head is out already and nothing is pending */
        j->active = j->cutting = false;
        return DW_OK;
    }
    int rc = give(l, &line, out);
    if (rc < 0)
        return rc;
    j->active = j->partial = false;
    j->piece_count = 0;
    dw_buf_reset(&j->text);
    return DW_OK;
}

static int add_piece(struct join *j, struct dw_piece p)
{
    const struct dw_piece *last = j->piece_count ? &j->piece[j->piece_count - 1] : NULL;
    if (last && last->stream == p.stream && last->end == p.start) {
        j->piece[j->piece_count - 1].end = p.end;
        return DW_OK;
    }
    if (j->piece_count == j->piece_cap) {
        uint32_t cap = j->piece_cap ? j->piece_cap * 2 : 4;
        struct dw_piece *piece = dw_resize(j->piece, cap * sizeof *piece);
        if (!piece)
            return DW_ENOMEM;
        j->piece = piece;
        j->piece_cap = cap;
    }
    DW_ASSERT(j->piece);
    j->piece[j->piece_count++] = p;
    return DW_OK;
}

static int declare_cut(struct dw_lines *l, uint64_t *hash, struct dw_str bytes, struct dw_piece p, bool now,
    const struct dw_lines_out *out, uint64_t *from)
{
    *hash = dw_hash((struct dw_hash_key){l->conf.cut_key.k0 ^ *hash, l->conf.cut_key.k1}, bytes);
    if (!now && p.end - *from < DECLARE_EVERY)
        return DW_OK;
    struct dw_declared d = {.start = *from, .end = p.end, .reason = "cut", .hash = *hash};
    int rc = d.end > d.start ? out->declare(out->arg, &d) : DW_OK;
    if (rc == DW_OK)
        *from = p.end;
    return rc;
}

/* What a join was before a piece came, so that a refused callback leaves it as it was: the caller gives the bytes again. */
struct mark {
    size_t text_len;
    uint64_t last_end;
    uint32_t piece_count, flags;
    bool active, partial;
    struct dw_multiline_state state;
};

static struct mark mark_of(const struct join *j)
{
    return (struct mark){.text_len = j->text.len, .last_end = j->piece_count ? j->piece[j->piece_count - 1].end : 0,
        .piece_count = j->piece_count, .flags = j->flags, .active = j->active, .partial = j->partial, .state = j->state};
}

static void back_to(struct join *j, const struct mark *m)
{
    j->text.len = m->text_len;
    j->piece_count = m->piece_count;
    if (m->piece_count)
        j->piece[m->piece_count - 1].end = m->last_end;
    j->flags = m->flags;
    j->active = m->active;
    j->partial = m->partial;
    j->state = m->state;
}

/* Starts or goes on with a join. */
static int join_more(struct dw_lines *l, struct join *j, const struct dw__unwrapped *u, struct dw_piece p)
{
    if (!j->active) {
        j->active = true;
        j->out = u->out;
        j->flags = 0;
        j->cut_hash = 0;
        j->time_ns = u->time_ns;
        j->has_time = u->has_time;
        dw_multiline_open(l->conf.multiline, &j->state, u->text);
    } else {
        j->flags |= DW_LINE_JOINED;
        if (!j->partial)
            dw_buf_byte(&j->text, '\n');
    }
    j->partial = u->partial;
    dw_buf_str(&j->text, u->text);
    int rc = add_piece(j, p);
    return rc < 0 ? rc : j->text.err;
}

static int declare_piece(struct dw_lines *l, struct join *j, const struct dw__unwrapped *u, struct dw_piece p,
    const struct dw_lines_out *out)
{
    uint64_t from = p.start, hash = j->cut_hash;
    int rc = declare_cut(l, &hash, u->text, p, true, out, &from);
    if (rc < 0)
        return rc;
    j->cut_hash = hash;
    if (!u->partial)
        j->active = j->cutting = false;
    return DW_OK;
}

/* ---- records of the audit daemon ---- */

/* Where the event of a record is, else a free place; AUDIT_EVENTS: none. */
static unsigned audit_place(const struct audit *a, const struct dw__audit_key *key)
{
    unsigned free = AUDIT_EVENTS;
    for (unsigned i = 0; i < AUDIT_EVENTS; i++) {
        if (a->join[i].active && dw__audit_same(&a->key[i], key))
            return i;
        if (!a->join[i].active && free == AUDIT_EVENTS)
            free = i;
    }
    return free;
}

/* The open event that began first. */
static unsigned audit_oldest(const struct audit *a)
{
    unsigned oldest = AUDIT_EVENTS;
    for (unsigned i = 0; i < AUDIT_EVENTS; i++) {
        const struct join *j = &a->join[i];
        if (!j->active)
            continue;
        const struct join *o = oldest < AUDIT_EVENTS ? &a->join[oldest] : NULL;
        bool older = !o || (j->piece[0].stream ? !o->piece[0].stream || j->piece[0].start < o->piece[0].start : !o->piece[0].stream && j->piece[0].start < o->piece[0].start);
        oldest = older ? i : oldest;
    }
    return oldest;
}

/* Gives out the events that are over now that this record came, and where there is no room the oldest. */
static int audit_expire(struct dw_lines *l, const struct dw__audit_key *now, size_t more, const struct dw_lines_out *out)
{
    struct audit *a = l->audit;
    size_t bytes = more;
    for (unsigned i = 0; i < AUDIT_EVENTS; i++) {
        int rc = a->join[i].active && dw__audit_over(&a->key[i], now) ? give_join(l, JOINS + i, 0, out) : DW_OK;
        if (rc < 0)
            return rc;
        bytes += a->join[i].active ? a->join[i].text.len : 0;
    }
    while (audit_open(l) && (bytes > AUDIT_BYTES || audit_place(a, now) == AUDIT_EVENTS)) {
        unsigned oldest = audit_oldest(a);
        bytes -= a->join[oldest].text.len;
        int rc = give_join(l, JOINS + oldest, DW_LINE_JOIN_LIMIT, out);
        if (rc < 0)
            return rc;
    }
    return DW_OK;
}

static int give_alone(struct dw_lines *l, const struct dw__unwrapped *u, struct dw_piece p, uint32_t flags, const struct dw_lines_out *out)
{
    struct dw_line line = {.text = u->text, .piece = &p, .piece_count = 1, .flags = flags, .env_time_ns = u->time_ns, .has_env_time = u->has_time, .out = u->out,
        .peer = u->peer};
    return give(l, &line, out);
}

/* A record joins the event of its serial number, or begins one. */
static int take_record(struct dw_lines *l, const struct dw__unwrapped *u, const struct dw__audit_head *head, struct dw_piece p, uint32_t flags,
    const struct dw_lines_out *out)
{
    struct dw__audit_key key;
    dw__audit_key(head, u->out, &key);
    if (!l->audit && !(l->audit = dw_calloc(1, sizeof *l->audit)))
        return DW_ENOMEM;
    int rc = audit_expire(l, &key, u->text.len, out);
    if (rc < 0)
        return rc;
    unsigned place = audit_place(l->audit, &key);
    struct join *j = &l->audit->join[place];
    if (!j->active && (head->alone || head->last))
        return give_alone(l, u, p, flags, out);
    if (!audit_open(l))
        l->audit->from = p.start;
    struct mark before = mark_of(j);
    rc = join_more(l, j, u, p);
    j->flags |= flags;
    l->audit->key[place] = key;
    bool full = j->text.len > l->conf.line_max || j->piece_count >= DW_LINE_PIECES_MAX;
    if (rc == DW_OK && (head->last || full))
        rc = give_join(l, JOINS + place, full ? DW_LINE_JOIN_LIMIT : 0, out);
    if (rc < 0) {
        back_to(j, &before);
        j->text.err = DW_OK;
    }
    return rc;
}

/* Whether it is a record that is to be joined, and no part of a line. */
static bool is_record(const struct dw_lines *l, const struct join *j, const struct dw__unwrapped *u, uint32_t flags, struct dw__audit_head *ret)
{
    bool joins = l->conf.multiline == DW_MULTILINE_AUDITD || (l->conf.audit && l->conf.multiline == DW_MULTILINE_NONE);
    return joins && !j->active && !u->partial && !(flags & DW_LINE_ENVELOPE_BAD) && dw__audit_head(u->text, ret);
}

/* A piece of output whose envelope is off: goes out, or waits. */
static int take_unwrapped(struct dw_lines *l, const struct dw__unwrapped *u, struct dw_piece p, uint32_t flags,
    const struct dw_lines_out *out)
{
    uint8_t which = (uint8_t)(u->out + (u->cri ? CRI_JOINS : 0));
    struct join *j = &l->join[which];
    if (j->active && j->cutting)
        return declare_piece(l, j, u, p, out);
    struct dw__audit_head head;
    if (is_record(l, j, u, flags, &head))
        return take_record(l, u, &head, p, flags, out);
    struct dw_multiline_state state = j->state;
    if (j->active && !j->partial) {
        if (dw_multiline_continues(l->conf.multiline, l->start, &state, u->text)) {
            j->state = state;
        } else {
            int rc = give_join(l, which, 0, out);
            if (rc < 0)
                return rc;
        }
    }
    bool single = l->conf.multiline == DW_MULTILINE_NONE || l->conf.multiline == DW_MULTILINE_AUDITD;
    if (!j->active && !u->partial && (single || (flags & DW_LINE_ENVELOPE_BAD)))
        return give_alone(l, u, p, flags, out);
    struct mark before = mark_of(j);
    int rc = join_more(l, j, u, p);
    if (rc < 0) {
        back_to(j, &before);
        j->text.err = DW_OK;
        return rc;
    }
    j->flags |= flags;
    bool cut = j->text.len > l->conf.line_max || j->piece_count >= DW_LINE_PIECES_MAX;
    if (!cut && (j->partial || !single))
        return DW_OK;
    rc = give_join(l, which, cut ? DW_LINE_JOIN_LIMIT : 0, out);
    if (rc < 0)
        back_to(j, &before);
    if (rc == DW_OK && cut && u->partial) {
        j->active = j->cutting = true;
        j->piece_count = 0;
    }
    return rc;
}

/* Gives up joins that would wait over too much of the file once it is read up to `end`; all of them when `end` is UINT64_MAX. */
static int expire_joins(struct dw_lines *l, uint64_t end, const struct dw_lines_out *out)
{
    bool long_since = audit_open(l) && end - l->audit->from > l->conf.join_span_max;
    for (unsigned i = 0; i < join_count(l); i++) {
        struct join *j = join_at(l, i);
        const struct dw_piece *own = j->active && !j->cutting ? own_piece(j) : NULL;
        bool all = j->active && !j->cutting && j->piece_count && (end == UINT64_MAX || (i >= JOINS && long_since));
        if (!all && (!own || end - own->start <= l->conf.join_span_max))
            continue;
        uint32_t flags = end != UINT64_MAX ? DW_LINE_JOIN_LIMIT : j->partial ? DW_LINE_UNTERMINATED : 0;
        int rc = give_join(l, i, flags, out);
        if (rc < 0)
            return rc;
    }
    return DW_OK;
}

/* The tail of a docker record whose head was torn off: the file is docker's all the same. */
static bool is_torn_docker(struct dw_str raw)
{
    return dw_str_ends(raw, DW_STR("Z\"}")) && dw_str_find(raw, DW_STR("\",\"time\":\"")) < raw.len;
}

/* A record that begins or ends as its runtime writes it, but is not whole. */
static bool is_torn(struct dw_str raw)
{
    struct dw_str rest = raw;
    int64_t ns = 0;
    return is_torn_docker(raw) || dw_str_starts(raw, DW_STR("{\"log\":\"")) || dw_str_starts(raw, DW_STR("{\"log\": \""))
        || dw_time_rfc3339(dw_str_cut(&rest, ' '), &ns) == DW_OK;
}

/* Takes the envelope off. False when there should be one and is none. */
static bool unwrap(struct dw_lines *l, struct dw_str raw, struct dw__unwrapped *u)
{
    bool automatic = l->conf.envelope == DW_ENV_AUTO;
    enum dw_envelope env = l->envelope;
    if (env == DW_ENV_RECEIVED) {
        if (dw__received_unwrap(raw, &l->scratch, u))
            return true;
        *u = (struct dw__unwrapped){.text = raw};
        return false;
    }
    bool undecided = l->auto_left > 0 && (env == DW_ENV_AUTO || env == DW_ENV_PLAIN);
    if ((env == DW_ENV_DOCKER || undecided) && dw__docker_unwrap(raw, &l->scratch, u)) {
        l->envelope = DW_ENV_DOCKER;
        return true;
    }
    if ((env != DW_ENV_PLAIN || undecided) && (env != DW_ENV_DOCKER || automatic) && dw__cri_unwrap(raw, u)) {
        l->envelope = DW_ENV_CRI;
        return true;
    }
    if (env == DW_ENV_CRI && automatic && dw__docker_unwrap(raw, &l->scratch, u)) {
        l->envelope = DW_ENV_DOCKER;
        return true;
    }
    *u = (struct dw__unwrapped){.text = raw};
    if (env == DW_ENV_AUTO)
        l->envelope = is_torn_docker(raw) ? DW_ENV_DOCKER : DW_ENV_PLAIN;
    return l->envelope == DW_ENV_PLAIN;
}

/* One whole raw line; `end` is past its newline (or at the end of an unterminated one). */
static int take_raw(struct dw_lines *l, struct dw_str raw, uint64_t end, uint32_t flags, const struct dw_lines_out *out)
{
    struct dw__unwrapped u;
    struct dw_piece p = {.start = l->offset, .end = end};
    bool ok = unwrap(l, raw, &u);
    if (!ok)
        flags |= DW_LINE_ENVELOPE_BAD | (is_torn(raw) ? DW_LINE_ENVELOPE_TORN : 0);
    flags |= u.flags;
    if (l->conf.no_join)
        u.partial = false;
    /* A line that is no envelope ends what waited (the file is damaged here, and order is kept) and does not wait itself. */
    int rc = expire_joins(l, ok ? end : UINT64_MAX, out);
    if (rc == DW_OK)
        rc = take_unwrapped(l, &u, p, flags, out);
    if (rc < 0)
        return rc;
    if (l->auto_left)
        l->auto_left--;
    l->offset = end;
    return DW_OK;
}

/* A raw line longer than line_max: its first line_max bytes are a line, the rest is declared as it comes. `head` reaches
 * past the cut, so that what straddles it is masked. */
static int begin_long(struct dw_lines *l, struct dw_str head, const struct dw_lines_out *out)
{
    struct dw_piece p = {.start = l->offset, .end = l->offset + l->conf.line_max};
    struct dw_line line = {.text = head, .piece = &p, .piece_count = 1, .flags = DW_LINE_CUT};
    if (l->envelope == DW_ENV_AUTO)
        l->envelope = DW_ENV_PLAIN;
    if (l->envelope != DW_ENV_PLAIN)
        line.flags |= DW_LINE_ENVELOPE_BAD;
    int rc = give(l, &line, out);
    if (rc < 0)
        return rc;
    l->offset = l->long_from = p.end;
    l->long_line = true;
    l->long_hash = 0;
    return DW_OK;
}

static int more_long(struct dw_lines *l, struct dw_str bytes, const struct dw_lines_out *out, size_t *used)
{
    size_t nl = dw_str_index(bytes, '\n');
    bool ends = nl < bytes.len;
    size_t n = ends ? nl + 1 : bytes.len;
    /* Fixed steps, so that where a declaration ends does not depend on how the bytes came. */
    size_t room = DECLARE_EVERY - (size_t)(l->offset - l->long_from);
    if (n > room) {
        n = room;
        ends = false;
    }
    struct dw_piece p = {.start = l->offset, .end = l->offset + n};
    int rc = declare_cut(l, &l->long_hash, dw_str_slice(bytes, 0, n), p, ends, out, &l->long_from);
    if (rc < 0)
        return rc;
    l->offset = p.end;
    l->long_line = !ends;
    *used += n;
    return DW_OK;
}

int dw_lines_feed(struct dw_lines *l, struct dw_str bytes, const struct dw_lines_out *out, size_t *ret_consumed)
{
    size_t at = 0;
    int rc = DW_OK;
    while (rc == DW_OK && at < bytes.len) {
        struct dw_str rest = dw_str_slice(bytes, at, bytes.len);
        if (l->long_line) {
            rc = more_long(l, rest, out, &at);
            continue;
        }
        size_t nl = dw_str_index(rest, '\n');
        size_t look = (size_t)l->conf.line_max + DW_LINES_LOOKAHEAD;
        if (nl > l->conf.line_max && (nl < rest.len || rest.len >= look)) {
            rc = begin_long(l, dw_str_slice(rest, 0, nl < look ? nl : look), out);
            at += rc == DW_OK ? l->conf.line_max : 0;
            continue;
        }
        if (nl == rest.len)
            break;
        rc = take_raw(l, dw_str_slice(rest, 0, nl), l->offset + nl + 1, 0, out);
        at += rc == DW_OK ? nl + 1 : 0;
    }
    *ret_consumed = at;
    return rc;
}

int dw_lines_flush(struct dw_lines *l, struct dw_str rest, const struct dw_lines_out *out)
{
    int rc = DW_OK;
    if (rest.len > l->conf.line_max && !l->long_line) {
        rc = begin_long(l, rest, out);
        rest = dw_str_slice(rest, l->conf.line_max, rest.len);
    }
    for (size_t used; rc == DW_OK && l->long_line && rest.len; rest = dw_str_slice(rest, used, rest.len)) {
        used = 0;
        rc = more_long(l, rest, out, &used);
    }
    if (rc == DW_OK && l->long_line) {
        l->long_line = false;
        struct dw_declared d = {.start = l->long_from, .end = l->offset, .reason = "cut", .hash = l->long_hash};
        rc = d.end > d.start ? out->declare(out->arg, &d) : DW_OK;
    }
    if (rc == DW_OK && rest.len)
        rc = take_raw(l, rest, l->offset + rest.len, DW_LINE_UNTERMINATED, out);
    for (unsigned i = 0; i < join_count(l) && rc == DW_OK; i++)
        if (join_at(l, i)->active)
            rc = give_join(l, i, join_at(l, i)->partial ? DW_LINE_UNTERMINATED : 0, out);
    return rc;
}
