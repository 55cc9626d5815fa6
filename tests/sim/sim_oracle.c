/*
 * sim_oracle: the programs' own record of each byte, and which of them frames have brought.
 *
 * Idea: each line is like no other, so the text of an event says which bytes it is of, whatever the agent calls the file. A stream is held against every file that had its
 * device, inode and birth; those whose bytes are others fall out, and what a stream brought is entered once one is left.
 *
 * Invariants:
 *   (1) Frames are taken with the product's own reader, as a collector would, and only such as are durable.
 *   (2) A byte has one owner: an event of one stream with one beginning, or a declaration.
 *   (3) What nobody can read any more, and no frame has, is gone for ever.
 */
#include "sim_oracle_int.h"

#include "dogwatch/base/error.h"

struct oracle oracle;

/* ---- texts ---- */

void sim_text_bind(struct sim_inode *i)
{
    struct bind *b = dw_calloc(1, sizeof *b);
    DW_ASSERT(b);
    *b = (struct bind){.next = oracle.binds, .inode = i->number, .birth_ns = i->birth_ns, .text = i->text};
    oracle.binds = b;
}

struct sim_text *sim_text_new(struct sim_inode *i, const struct sim_log *l)
{
    struct sim_text *t = dw_calloc(1, sizeof *t);
    DW_ASSERT(t);
    *t = (struct sim_text){.next = oracle.texts, .number = ++oracle.text_count, .inode = i->number, .birth_ns = i->birth_ns, .log = l};
    oracle.texts = t;
    i->text = t;
    sim_text_bind(i);
    return t;
}

void sim_text_add(struct sim_text *t, const void *bytes, size_t len)
{
    if (t->bytes.len + len > t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        cap = cap > t->bytes.len + len ? cap : t->bytes.len + len;
        t->owner = dw_resize(t->owner, cap * sizeof *t->owner);
        t->event = dw_resize(t->event, cap * sizeof *t->event);
        t->gone = dw_resize(t->gone, cap * sizeof *t->gone);
        DW_ASSERT(t->owner && t->event && t->gone);
        memset(t->owner + t->cap, 0, (cap - t->cap) * sizeof *t->owner);
        memset(t->gone + t->cap, 0, (cap - t->cap) * sizeof *t->gone);
        t->cap = cap;
    }
    dw_buf_add(&t->bytes, bytes, len);
    oracle.written += len;
}

/* ---- what can still be read ---- */

static void reach(struct sim_inode *i)
{
    if (!i->text)
        return;
    uint64_t len = i->text_len == SIM_ALL ? i->text->bytes.len : i->text_len;
    if (i->text->reach < len)
        i->text->reach = len;
}

/* By a name that the agent is told of. What is still being packed is not there yet. */
static void reach_names(const struct sim_log *l)
{
    const struct sim_inode *folder = sim_find(l->folder, true);
    struct sim_inode *live = sim_find(l->path, true);
    if (live)
        reach(live);
    for (uint32_t k = 0; folder && k < folder->entry_count; k++) {
        const struct sim_entry *e = &folder->entry[k];
        struct dw_str name = dw_str_of(e->name);
        if (!e->inode || !dw_str_starts(name, DW_STR("app.log")) || (e->inode->packed && dw_str_ends(name, DW_STR(".tmp"))))
            continue;
        reach(e->inode);
    }
}

static void reach_all(const struct sim_fd *but)
{
    for (struct sim_text *t = oracle.texts; t; t = t->next)
        t->reach = 0;
    for (uint32_t i = 0; i < sim.log_count; i++)
        reach_names(&sim.log[i]);
    for (int i = 0; i < SIM_FDS; i++)
        if (sim.fd[i].inode && &sim.fd[i] != but)
            reach(sim.fd[i].inode);
}

void sim_reach(void)
{
    reach_all(NULL);
    for (struct sim_text *t = oracle.texts; t; t = t->next) {
        uint64_t from = t->reach >= t->swept_from ? (t->reach > t->swept_to ? t->reach : t->swept_to) : t->reach;
        for (uint64_t b = from; b < t->bytes.len; b++)
            if (!t->owner[b])
                t->gone[b] = true;
        if (t->reach < t->bytes.len) {
            t->swept_from = t->reach < t->swept_from || t->swept_to == 0 ? t->reach : t->swept_from;
            t->swept_to = t->bytes.len;
        }
    }
}

/* ---- streams ---- */

static struct stream *stream_of(const uint8_t *id)
{
    for (uint32_t i = 0; i < oracle.stream_count; i++)
        if (memcmp(oracle.stream[i].id, id, DW_ID_BYTES) == 0)
            return &oracle.stream[i];
    if (oracle.stream_count == oracle.stream_cap) {
        oracle.stream_cap = oracle.stream_cap ? oracle.stream_cap * 2 : 64;
        oracle.stream = dw_resize(oracle.stream, oracle.stream_cap * sizeof *oracle.stream);
        DW_ASSERT(oracle.stream);
    }
    struct stream *s = &oracle.stream[oracle.stream_count++];
    *s = (struct stream){.number = (uint16_t)oracle.stream_count};
    memcpy(s->id, id, DW_ID_BYTES);
    return s;
}

/* The files that it may be of: those of its identity, made before now. */
static struct stream *learn(const struct dw_stream *of)
{
    struct stream *s = stream_of(of->id);
    if (s->known)
        return s;
    s->known = true;
    s->inode = of->inode;
    s->birth_ns = of->birth_ns;
    for (const struct sim_inode *i = sim.inodes; i; i = i->next)
        s->likely = i->number == s->inode ? i->text : s->likely;
    return s;
}

static bool is_candidate(const struct stream *s, const struct sim_text *t)
{
    if (s->text)
        return s->text == t;
    for (const struct bind *b = oracle.binds; b; b = b->next)
        if (b->text == t && b->inode == s->inode && b->birth_ns == s->birth_ns)
            return true;
    return false;
}

/* ---- events ---- */

enum { CRI_PREFIX = 40 };

/* What a program said in these bytes; `raw`: with what the runtime put before it. */
static void say(const struct sim_text *t, uint64_t from, uint64_t to, bool raw, struct dw_buf *out)
{
    struct dw_str rest = dw_str_make(t->bytes.ptr + from, to - from);
    while (rest.len) {
        struct dw_str line = dw_str_cut(&rest, '\n');
        if (t->log->cri && !raw && line.len >= CRI_PREFIX)
            line = dw_str_slice(line, CRI_PREFIX, line.len);
        dw_buf_str(out, line);
    }
}

static bool says(const struct sim_text *t, const struct piece *p, struct dw_str line)
{
    bool same = false;
    for (int raw = 0; raw < (t->log->cri ? 1 : 2) && !same; raw++) {
        struct dw_buf b = {0};
        for (uint32_t i = 0; i < p->count; i++) {
            if (p->at[i].end > t->bytes.len) {
                dw_buf_fini(&b);
                return false;
            }
            say(t, p->at[i].start, p->at[i].end, raw, &b);
        }
        struct dw_str want = dw_buf_view(&b);
        same = p->whole ? dw_str_eq(want, line) : p->first ? dw_str_starts(line, want) : p->last ? dw_str_ends(line, want) : want.len == 0 || dw_str_find(line, want) < line.len;
        dw_buf_fini(&b);
    }
    return same;
}

static void own(struct stream *s, const struct extent *e)
{
    struct sim_text *t = s->text;
    if (e->end > t->bytes.len) {
        sim_fail("stream %u: bytes up to %llu, and file %u has %llu", s->number, (unsigned long long)e->end, t->number, (unsigned long long)t->bytes.len);
        return;
    }
    for (uint64_t b = e->start; b < e->end; b++) {
        if (t->owner[b] && t->owner[b] != s->number) {
            const struct stream *first = &oracle.stream[t->owner[b] - 1];
            sim_fail("%s: byte %llu of file %u (inode %llu) is of two streams, %u (inode %llu, ended %u) and %u (inode %llu)", sim_kind_name(t->log), (unsigned long long)b, t->number,
                (unsigned long long)t->inode, first->number, (unsigned long long)first->inode, first->ends, s->number, (unsigned long long)s->inode);
            return;
        }
        oracle.again += t->owner[b] && t->event[b] != e->event && t->event[b] != SIM_ALL; /* what was let go, and was there after a kill, may go on in what nobody had */
        oracle.fresh += !t->owner[b] && !t->gone[b]; /* what was sent before a kill may come after what goes on without it, its file being gone by then */
        if (!t->owner[b] || t->event[b] == SIM_ALL)
            t->event[b] = e->event;
        t->owner[b] = s->number;
    }
}

void sim_settle_stream(struct stream *s, struct sim_text *t)
{
    s->text = t;
    for (uint32_t i = 0; i < s->extent_count; i++)
        own(s, &s->extent[i]);
    s->extent_count = 0;
}

/* Who it may still be. */
static void narrow(struct stream *s)
{
    struct sim_text *one = NULL;
    uint32_t count = 0;
    if (s->text)
        return;
    for (struct sim_text *t = oracle.texts; t; t = t->next) {
        if (!is_candidate(s, t))
            continue;
        bool out = false;
        for (uint32_t i = 0; i < s->extent_count && !out; i++) {
            const struct extent *e = &s->extent[i];
            out = e->end > t->bytes.len
                || (e->hash && dw_hash((struct dw_hash_key){1, 2}, dw_str_make(t->bytes.ptr + e->start, e->end - e->start)) != e->hash);
        }
        if (!out) {
            one = t;
            count++;
        }
    }
    if (count == 1)
        sim_settle_stream(s, one);
}

static void add_extent(struct stream *s, struct extent e)
{
    if (s->text) {
        own(s, &e);
        return;
    }
    if (s->extent_count == s->extent_cap) {
        s->extent_cap = s->extent_cap ? s->extent_cap * 2 : 16;
        s->extent = dw_resize(s->extent, s->extent_cap * sizeof *s->extent);
        DW_ASSERT(s->extent);
    }
    s->extent[s->extent_count++] = e;
}

/* The pieces of one event in one stream: held against what its file may have there. */
static void take_piece(const struct piece *p, const struct dw_event *ev)
{
    struct stream *s = learn(p->at[0].stream);
    const struct sim_text *found = NULL;
    for (struct sim_text *t = oracle.texts; t && !found; t = t->next)
        if (is_candidate(s, t) && says(t, p, ev->line))
            found = t;
    if (!found) {
        for (uint32_t i = 0; i < p->count; i++)
            for (const struct sim_text *t = oracle.texts; t; t = t->next)
                if (is_candidate(s, t) && p->at[i].end <= t->bytes.len)
                    sim_note("file %u has at %llu..%llu (of %u, %s): %.*s", t->number, (unsigned long long)p->at[i].start, (unsigned long long)p->at[i].end, p->count,
                        p->whole ? "whole" : p->first ? "first" : "last", (int)(p->at[i].end - p->at[i].start), t->bytes.ptr + p->at[i].start);
        sim_fail("stream %u (inode %llu): no file of that identity has at %llu..%llu: %.*s", s->number, (unsigned long long)s->inode,
            (unsigned long long)p->at[0].start, (unsigned long long)p->at[p->count - 1].end, DW_ARG(ev->line));
        return;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        const struct dw_extent *at = &p->at[i];
        struct dw_str bytes = dw_str_make(found->bytes.ptr + at->start, at->end - at->start);
        add_extent(s, (struct extent){.start = at->start, .end = at->end, .event = p->first ? p->at[0].start : SIM_ALL - 1,
            .hash = dw_hash((struct dw_hash_key){1, 2}, bytes)});
    }
    narrow(s);
}

static void take_event(const struct dw_event *ev)
{
    struct dw_extent all[PIECES_MAX];
    uint32_t n = 0, from = 0;
    all[n++] = (struct dw_extent){.stream = ev->stream, .start = ev->start, .end = ev->end};
    for (uint32_t i = 0; i < ev->more_count && n < PIECES_MAX; i++)
        all[n++] = ev->more[i];
    oracle.again = oracle.fresh = 0;
    for (uint32_t i = 0; n > 1 && i < n; i++)
        sim_note("piece %u: inode %llu, %llu of its log, %llu..%llu", i, (unsigned long long)all[i].stream->inode, (unsigned long long)all[i].stream->ordinal,
            (unsigned long long)all[i].start, (unsigned long long)all[i].end);
    for (uint32_t i = 1; i <= n && !sim.failed; i++) {
        if (i < n && memcmp(all[i].stream->id, all[from].stream->id, DW_ID_BYTES) == 0)
            continue;
        struct piece p = {.at = all + from, .count = i - from, .whole = from == 0 && i == n, .first = from == 0, .last = i == n};
        take_piece(&p, ev);
        from = i;
    }
    if (oracle.again && oracle.fresh) /* one of which all has come goes as a duplicate, however it is cut */
        sim_fail("an event has %llu bytes of another event and %llu that none has: %.*s", (unsigned long long)oracle.again, (unsigned long long)oracle.fresh, DW_ARG(ev->line));
}

/* ---- records ---- */

static bool number_of(struct dw_str json, const char *name, uint64_t *ret)
{
    size_t at = dw_str_find(json, dw_str_of(name));
    if (at == json.len)
        return false;
    struct dw_str rest = dw_str_slice(json, at + strlen(name), json.len);
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] >= '0' && rest.ptr[n] <= '9')
        n++;
    return dw_str_u64(dw_str_slice(rest, 0, n), ret);
}

static bool id_of(struct dw_str json, uint8_t *out)
{
    size_t at = dw_str_find(json, DW_STR("\"id\":\""));
    if (at + 6 + 2 * DW_ID_BYTES > json.len)
        return false;
    for (size_t i = 0; i < DW_ID_BYTES; i++) {
        unsigned v = 0;
        if (sscanf(json.ptr + at + 6 + 2 * i, "%2x", &v) != 1)
            return false;
        out[i] = (uint8_t)v;
    }
    return true;
}

static void take_record(struct dw_str json)
{
    uint8_t id[DW_ID_BYTES];
    uint64_t from, to;
    if (dw_str_find(json, DW_STR("\"type\":\"declare\"")) < json.len && id_of(json, id) && number_of(json, "\"start\":", &from)
        && number_of(json, "\"end\":", &to)) {
        struct stream *s = stream_of(id);
        add_extent(s, (struct extent){.start = from, .end = to, .event = SIM_ALL});
        if (s->known)
            narrow(s);
    } else if (dw_str_find(json, DW_STR("\"type\":\"stream.end\"")) < json.len && id_of(json, id) && number_of(json, "\"read\":", &to)) {
        struct stream *s = stream_of(id);
        s->read = to > s->read ? to : s->read;
        s->ends++;
    }
}

/* ---- frames ---- */

static uint64_t *seen_frame(const struct dw_head *h)
{
    struct epoch *e = NULL;
    for (uint32_t i = 0; i < oracle.epoch_count && !e; i++)
        if (oracle.epoch[i].counter == h->epoch.counter && memcmp(oracle.epoch[i].nonce, h->epoch.nonce, DW_NONCE_BYTES) == 0)
            e = &oracle.epoch[i];
    if (!e) {
        oracle.epoch = dw_resize(oracle.epoch, (oracle.epoch_count + 1) * sizeof *oracle.epoch);
        DW_ASSERT(oracle.epoch);
        e = &oracle.epoch[oracle.epoch_count++];
        *e = (struct epoch){.counter = h->epoch.counter};
        memcpy(e->nonce, h->epoch.nonce, DW_NONCE_BYTES);
    }
    if (h->number >= e->cap) {
        uint64_t cap = 2 * h->number + 64;
        e->hash = dw_resize(e->hash, cap * sizeof *e->hash);
        DW_ASSERT(e->hash);
        memset(e->hash + e->cap, 0, (cap - e->cap) * sizeof *e->hash);
        e->cap = cap;
    }
    return &e->hash[h->number];
}

static void take_frame(struct dw_str bytes, const struct dw_head *h)
{
    struct dw_decoded f;
    uint64_t *seen = seen_frame(h), hash;
    memcpy(&hash, h->hash, sizeof hash);
    if (*seen && *seen != hash)
        sim_fail("epoch %llu has two frames %llu", (unsigned long long)h->epoch.counter, (unsigned long long)h->number);
    if (*seen)
        return;
    *seen = hash;
    oracle.frames++;
    int rc = dw_decode(oracle.decoder, bytes, &f);
    if (rc == DW_OK)
        rc = dw_decoded_check(oracle.decoder, &f);
    if (rc < 0) {
        sim_fail("a frame cannot be read: %s", dw_err_text(rc));
        return;
    }
    for (uint32_t i = 0; i < f.event_count && !sim.failed; i++)
        take_event(&f.event[i]);
    oracle.events += f.event_count;
    if (f.record.len)
        take_record(f.record);
}

static void take_file(const struct sim_inode *i)
{
    struct dw_str rest = dw_str_make(i->bytes.ptr, sim_synced_size(i));
    struct dw_head head;
    size_t len;
    while (rest.len && dw_head_read(rest, &head, &len) == DW_OK && len <= rest.len && !sim.failed) {
        take_frame(dw_str_slice(rest, 0, len), &head);
        rest = dw_str_slice(rest, len, rest.len);
    }
}

static void take_folder(const char *path)
{
    const struct sim_inode *folder = sim_find(path, true);
    for (uint32_t k = 0; folder && k < folder->entry_count; k++)
        if (folder->entry[k].inode && dw_str_ends(dw_str_of(folder->entry[k].name), DW_STR(".frames")))
            take_file(folder->entry[k].inode);
}

void sim_ingest(void)
{
    struct dw_str bytes;
    struct dw_head head;
    size_t len;
    bool in_agent = sim.in_agent;
    sim.in_agent = false;
    while (!sim.failed && sim_broker_next(&oracle.broker_at, &bytes)) {
        int rc = dw_head_read(bytes, &head, &len);
        DW_ASSERT(rc == DW_OK);
        take_frame(bytes, &head);
    }
    take_folder("/w/data/queue");
    take_folder("/w/data/agent/spool");
    sim.in_agent = in_agent;
}

/* ---- what the agent does and says ---- */

void sim_closed(struct sim_fd *f)
{
    struct sim_text *t = f->inode->text;
    if (!t || !f->tail || sim.closing || f->inode->refused)
        return;
    uint64_t seen = f->seen < t->bytes.len ? f->seen : t->bytes.len;
    reach_all(f);
    if (t->reach >= seen)
        return;
    sim_ingest();
    sim_settle_rest();
    for (uint64_t b = t->reach; b < seen; b++)
        if (!t->owner[b] && !t->gone[b]) {
            sim_fail("file %u (inode %llu) was closed for ever, and byte %llu of %llu seen was not read", t->number, (unsigned long long)f->inode->number,
                (unsigned long long)b, (unsigned long long)seen);
            return;
        }
}

/* Which of the files that may be a stream's has what the agent remembers of it: of an empty one it could not tell that another has its place by now. */
static void look_at_print(struct stream *s, const struct fingerprint *p)
{
    uint8_t hash[DW_SHA256_BYTES];
    for (struct sim_text *t = oracle.texts; t && p->len && !s->text; t = t->next) {
        if (!is_candidate(s, t) || p->at > t->bytes.len)
            continue;
        dw_sha256_of(dw_str_make(t->bytes.ptr + p->at - p->len, p->len), hash);
        if (memcmp(hash, p->hash, sizeof hash) == 0)
            s->likely = t;
    }
}

void sim_row(const struct checkpoint_row *row, bool at_start)
{
    struct stream *s = learn(&row->stream);
    look_at_print(s, &row->print);
    if (sim.verbose)
        sim_note("%s: stream %u, low %llu, print %u at %llu, end %d", at_start ? "checkpoint has" : "row", s->number, (unsigned long long)row->low, row->print.len,
            (unsigned long long)row->print.at, (int)row->end);
    if (!at_start)
        return;
    sim_ingest();
    for (uint64_t b = 0; s->text && b < row->low && b < s->text->bytes.len; b++)
        if (!s->text->owner[b]) {
            sim_fail("the checkpoint calls %llu bytes of stream %u (file %u) done, and byte %llu is nowhere", (unsigned long long)row->low, s->number,
                s->text->number, (unsigned long long)b);
            return;
        }
}

void sim_said_lost(const struct dw_stream *of, uint64_t read, const char *state)
{
    const struct stream *s = learn(of);
    const struct sim_text *t = s->text;
    sim_note("stream %u (inode %llu, file %u): %s, read up to %llu", s->number, (unsigned long long)of->inode, t ? t->number : 0, state, (unsigned long long)read);
    if (strcmp(state, "lost") != 0 || !t || sim.dead)
        return;
    for (const struct sim_inode *i = sim.inodes; i; i = i->next)
        if (i->text == t && i->refused)
            return;
    reach_all(NULL);
    for (uint64_t b = read; b < t->reach; b++)
        if (!t->owner[b] && !t->gone[b]) {
            sim_fail("stream %u is called lost from %llu on, and byte %llu of file %u can be read", s->number, (unsigned long long)read, (unsigned long long)b, t->number);
            return;
        }
}
