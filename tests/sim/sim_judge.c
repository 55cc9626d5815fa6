/*
 * sim_judge: once all is quiet, every byte that programs wrote is acknowledged, declared, or gone before anybody could read it.
 */
#include "sim_oracle_int.h"

static bool is_accounted(const struct sim_text *t, uint64_t b)
{
    return t->owner[b] || t->gone[b];
}

static bool fits(const struct stream *s, const struct sim_text *t)
{
    bool is = false;
    for (const struct bind *b = oracle.binds; b && !is; b = b->next)
        is = b->text == t && b->inode == s->inode && b->birth_ns == s->birth_ns;
    for (uint32_t i = 0; i < s->extent_count && is; i++) {
        const struct extent *e = &s->extent[i];
        is = e->end <= t->bytes.len && (e->start == e->end || !t->owner[e->start])
            && (!e->hash || dw_hash((struct dw_hash_key){1, 2}, dw_str_make(t->bytes.ptr + e->start, e->end - e->start)) == e->hash);
    }
    return is;
}

/* A stream that cannot be told from another by what it brought is one that nothing else brought. */
void sim_settle_rest(void)
{
    for (uint32_t k = 0; k < oracle.stream_count; k++) {
        struct stream *s = &oracle.stream[k];
        if (!s->text && s->likely && s->extent_count && fits(s, s->likely))
            sim_settle_stream(s, s->likely);
        for (struct sim_text *t = oracle.texts; t && !s->text && s->extent_count; t = t->next)
            if (fits(s, t))
                sim_settle_stream(s, t);
    }
}

bool sim_accounted(void)
{
    sim_ingest();
    sim_settle_rest();
    for (const struct sim_text *t = oracle.texts; t; t = t->next)
        for (uint64_t b = 0; b < t->bytes.len; b++)
            if (!is_accounted(t, b))
                return false;
    return true;
}

static void say_where(const struct sim_text *t)
{
    for (uint32_t i = 0; i < sim.log_count; i++) {
        const struct sim_inode *folder = sim_find(sim.log[i].folder, true);
        for (uint32_t k = 0; k < folder->entry_count; k++)
            if (folder->entry[k].inode && folder->entry[k].inode->text == t)
                sim_note("file %u is at %s/%s", t->number, sim.log[i].folder, folder->entry[k].name);
    }
    for (int i = 0; i < SIM_FDS; i++)
        if (sim.fd[i].inode && sim.fd[i].inode->text == t)
            sim_note("file %u is open as %d", t->number, i);
    for (uint32_t k = 0; k < oracle.stream_count; k++)
        if (oracle.stream[k].text == t)
            sim_note("file %u is stream %u, said to be read up to %llu", t->number, oracle.stream[k].number, (unsigned long long)oracle.stream[k].read);
}

static void judge_text(const struct sim_text *t)
{
    uint64_t b = 0, end;
    while (b < t->bytes.len && is_accounted(t, b))
        b++;
    if (b == t->bytes.len)
        return;
    for (end = b; end < t->bytes.len && !is_accounted(t, end);)
        end++;
    say_where(t);
    sim_fail("%s: file %u (inode %llu, %llu bytes): %llu..%llu is neither acknowledged nor declared, and was there to be read: %.*s", sim_kind_name(t->log), t->number,
        (unsigned long long)t->inode, (unsigned long long)t->bytes.len, (unsigned long long)b, (unsigned long long)end,
        (int)(end - b < 60 ? end - b : 60), t->bytes.ptr + b);
}

/* What an end record calls read has come. */
static void judge_stream(const struct stream *s)
{
    const struct sim_text *t = s->text;
    for (uint64_t b = 0; t && b < s->read && b < t->bytes.len; b++)
        if (!t->owner[b]) {
            sim_fail("stream %u is said to be read up to %llu, and byte %llu of file %u came nowhere", s->number, (unsigned long long)s->read, (unsigned long long)b, t->number);
            return;
        }
}

void sim_judge(void)
{
    (void)sim_accounted();
    for (const struct sim_text *t = oracle.texts; t && !sim.failed; t = t->next)
        judge_text(t);
    for (uint32_t i = 0; i < oracle.stream_count && !sim.failed; i++)
        judge_stream(&oracle.stream[i]);
}

struct sim_sum sim_sum(void)
{
    struct sim_sum s = {.written = oracle.written, .frames = oracle.frames, .events = oracle.events, .streams = oracle.stream_count};
    for (const struct sim_text *t = oracle.texts; t; t = t->next)
        for (uint64_t b = 0; b < t->bytes.len; b++) {
            s.acked += t->owner[b] != 0;
            s.gone += !t->owner[b] && t->gone[b];
        }
    return s;
}

void sim_oracle_begin(void)
{
    oracle = (struct oracle){.keys = dw_keys_new()};
    oracle.decoder = dw_decoder_new(oracle.keys);
    DW_ASSERT(oracle.decoder);
}

void sim_oracle_fini(void)
{
    while (oracle.texts) {
        struct sim_text *t = oracle.texts;
        oracle.texts = t->next;
        dw_buf_fini(&t->bytes);
        dw_free(t->owner);
        dw_free(t->event);
        dw_free(t->gone);
        dw_free(t);
    }
    while (oracle.binds) {
        struct bind *b = oracle.binds;
        oracle.binds = b->next;
        dw_free(b);
    }
    for (uint32_t i = 0; i < oracle.stream_count; i++)
        dw_free(oracle.stream[i].extent);
    for (uint32_t i = 0; i < oracle.epoch_count; i++)
        dw_free(oracle.epoch[i].hash);
    dw_free(oracle.stream);
    dw_free(oracle.epoch);
    dw_decoder_free(oracle.decoder);
    dw_keys_free(oracle.keys);
    oracle = (struct oracle){0};
}
