/*
 * multi: a filter of grams, then the literals themselves.
 *
 * Idea: each literal is known by one gram of it: four bytes, or all it has if it is shorter, and the four that are rarest among the
 * literals. At each place of the text one multiplication and one byte tell that no literal has its gram here, which is the answer nearly
 * always; no load waits for another one, as in an automaton. Where the byte is set, the literals with that gram are compared. Literals
 * that must stand at the start or the end of the text, or be all of it, are asked for there alone, by grams of up to sixteen bytes: many
 * literals end in `.exe`.
 *
 * Invariants:
 *   (1) A literal is in exactly one table, that of its place and of its gram's length.
 *   (2) A set cell says nothing, a clear one that no literal of the table has this gram: what is called a hit was compared in full.
 *   (3) Entries of one bucket stand together; bucket b of a table is entry[first[b] .. first[b + 1]).
 *
 * What a hostile text can do: fall into the fullest bucket at each place. So a gram is chosen that few literals share.
 */
#include "dogwatch/pred/multi.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

enum { PLACES = DW_MULTI_WHOLE + 1, SIZES = 5, SWEPT = 4, CELLS_A_LITERAL = 16, CELLS_MAX_LOG2 = 20, CELLS_A_BUCKET_LOG2 = 3, STEP = 8 };

/* Bytes of the grams of a place's tables. */
static const uint8_t gram_bytes[PLACES][SIZES] = {
    [DW_MULTI_ANYWHERE] = {1, 2, 3, SWEPT, 0},
    [DW_MULTI_START] = {1, 2, 4, 8, 16},
    [DW_MULTI_END] = {1, 2, 4, 8, 16},
    [DW_MULTI_WHOLE] = {1, 2, 4, 8, 16}, /* the last ones */
};

struct entry {
    uint32_t hash, before; /* of its gram; bytes of the literal in front of that */
    uint32_t text, len;    /* in the matcher's text */
    uint32_t id;
    bool whole;
};

struct table {
    uint8_t *cell;   /* by the hash's upper bits: whether a literal has such a gram */
    uint32_t *first; /* by bucket, and one more */
    uint32_t cells_log2, mask; /* mask: of a gram that is swept for, out of four bytes */
    enum dw_multi_place place;
    uint32_t len; /* of its grams */
};

struct dw_multi {
    struct table table[PLACES * SIZES]; /* those that have literals */
    uint32_t table_count;
    uint8_t table_of[PLACES][SIZES]; /* number + 1; 0: none */
    struct entry *entry;
    char *text;
    size_t text_len;
    uint32_t count;
};

/* Which of the place's sizes a literal has: the largest that fits. */
static uint32_t size_of(const struct dw_multi_literal *l)
{
    uint32_t size = 0;
    while (size + 1 < SIZES && gram_bytes[l->place][size + 1] && gram_bytes[l->place][size + 1] <= l->text.len)
        size++;
    return size;
}

static struct table *table_of(struct dw_multi *m, const struct dw_multi_literal *l)
{
    return &m->table[m->table_of[l->place][size_of(l)] - 1];
}

static inline uint32_t hash_four(uint32_t gram)
{
    return gram * UINT32_C(0x9e3779b1);
}

/* Of a gram of at most sixteen bytes; the same as hash_four for up to four. */
static uint32_t hash_gram(const char *p, size_t len)
{
    uint64_t half[2] = {0};
    uint32_t four = 0;
    if (len <= SWEPT) {
        memcpy(&four, p, len);
        return hash_four(four);
    }
    memcpy(half, p, len);
    return (uint32_t)((half[0] * UINT64_C(0x9e3779b97f4a7c15) ^ half[1] * UINT64_C(0xc2b2ae3d27d4eb4f)) >> 32);
}

/* Bytes 0 to len - 1 of a load, whatever the byte order. */
static uint32_t mask_of(uint32_t len)
{
    uint8_t bytes[SWEPT] = {0};
    uint32_t mask;
    memset(bytes, 0xff, len < SWEPT ? len : SWEPT);
    memcpy(&mask, bytes, sizeof mask);
    return mask;
}

static inline uint32_t cell_of(const struct table *t, uint32_t hash)
{
    return hash >> (32 - t->cells_log2);
}

static inline uint32_t bucket_of(const struct table *t, uint32_t hash)
{
    return cell_of(t, hash) >> CELLS_A_BUCKET_LOG2;
}

static uint32_t bucket_count(const struct table *t)
{
    return UINT32_C(1) << (t->cells_log2 - CELLS_A_BUCKET_LOG2);
}

static uint32_t cells_log2(uint32_t literals)
{
    uint32_t log2 = 6;
    while (log2 < CELLS_MAX_LOG2 && UINT32_C(1) << log2 < literals * CELLS_A_LITERAL)
        log2++;
    return log2;
}

static int table_open(struct dw_multi *m, enum dw_multi_place place, uint32_t size, uint32_t count)
{
    struct table *t = &m->table[m->table_count++];
    m->table_of[place][size] = (uint8_t)m->table_count;
    t->place = place;
    t->len = gram_bytes[place][size];
    t->cells_log2 = cells_log2(count);
    t->mask = mask_of(t->len);
    t->cell = dw_calloc((size_t)1 << t->cells_log2, 1);
    t->first = dw_calloc((size_t)bucket_count(t) + 1, sizeof *t->first);
    return t->cell && t->first ? DW_OK : DW_ENOMEM;
}

static int open_tables(struct dw_multi *m, const struct dw_multi_literal *literal, uint32_t count)
{
    uint32_t in[PLACES][SIZES] = {{0}};
    int rc = DW_OK;
    for (uint32_t i = 0; i < count; i++) {
        DW_ASSERT(literal[i].text.len > 0);
        in[literal[i].place][size_of(&literal[i])]++;
    }
    for (uint32_t k = 0; k < PLACES * SIZES && rc == DW_OK; k++)
        if (in[k / SIZES][k % SIZES])
            rc = table_open(m, (enum dw_multi_place)(k / SIZES), k % SIZES, in[k / SIZES][k % SIZES]);
    return rc;
}

/* Whether a gram may stand at several places of a literal of this table. */
static bool choosy(const struct table *t)
{
    return t->place == DW_MULTI_ANYWHERE && t->len == SWEPT;
}

/* How often each gram occurs in the literals of such a table, by cell. */
static void count_grams(struct dw_multi *m, const struct dw_multi_literal *literal, uint32_t *often)
{
    for (uint32_t i = 0; i < m->count; i++) {
        const struct table *t = table_of(m, &literal[i]);
        for (size_t at = 0; choosy(t) && at + SWEPT <= literal[i].text.len; at++)
            often[cell_of(t, hash_gram(literal[i].text.ptr + at, SWEPT))]++;
    }
}

/* Where the gram stands by which a literal is known. */
static uint32_t place_of_gram(const struct table *t, const struct dw_multi_literal *l, const uint32_t *often)
{
    uint32_t best = 0, least = UINT32_MAX;
    if (!choosy(t))
        return l->place == DW_MULTI_START ? 0 : (uint32_t)l->text.len - t->len;
    for (uint32_t at = 0; at + SWEPT <= l->text.len; at++) {
        uint32_t n = often[cell_of(t, hash_gram(l->text.ptr + at, SWEPT))];
        best = n < least ? at : best;
        least = n < least ? n : least;
    }
    return best;
}

static struct entry entry_of(struct dw_multi *m, const struct dw_multi_literal *l, const uint32_t *often)
{
    const struct table *t = table_of(m, l);
    uint32_t before = place_of_gram(t, l, often);
    struct entry e = {.hash = hash_gram(l->text.ptr + before, t->len), .before = before,
        .text = (uint32_t)m->text_len, .len = (uint32_t)l->text.len, .id = l->id,
        .whole = l->place == DW_MULTI_WHOLE};
    memcpy(m->text + m->text_len, l->text.ptr, l->text.len);
    m->text_len += l->text.len;
    return e;
}

/* Entries in order of table and bucket: counted, then put where the counts say. */
static void place_entries(struct dw_multi *m, const struct dw_multi_literal *literal, const struct entry *all)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        struct table *t = table_of(m, &literal[i]);
        t->cell[cell_of(t, all[i].hash)] = 1;
        t->first[bucket_of(t, all[i].hash)]++;
    }
    for (struct table *t = m->table; t < m->table + m->table_count; t++) {
        for (uint32_t b = 0; b <= bucket_count(t); b++) {
            at += t->first[b];
            t->first[b] = at; /* where the bucket ends, until its entries are put from the end on */
        }
    }
    for (uint32_t i = m->count; i-- > 0;) {
        struct table *t = table_of(m, &literal[i]);
        m->entry[--t->first[bucket_of(t, all[i].hash)]] = all[i];
    }
}

static int fill(struct dw_multi *m, const struct dw_multi_literal *literal)
{
    struct entry *all = dw_calloc(m->count + 1, sizeof *all);
    uint32_t *often = dw_calloc((size_t)1 << cells_log2(m->count), sizeof *often);
    int rc = all && often ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK) {
        count_grams(m, literal, often);
        for (uint32_t i = 0; i < m->count; i++)
            all[i] = entry_of(m, &literal[i], often);
        place_entries(m, literal, all);
    }
    dw_free(all);
    dw_free(often);
    return rc;
}

int dw_multi_new(const struct dw_multi_literal *literal, uint32_t count, struct dw_multi **ret)
{
    size_t bytes = 1;
    for (uint32_t i = 0; i < count; i++)
        bytes += literal[i].text.len;
    if (bytes > UINT32_MAX / 2 || count > UINT32_MAX / CELLS_A_LITERAL)
        return DW_ELIMIT;
    struct dw_multi *m = dw_calloc(1, sizeof *m);
    if (!m)
        return DW_ENOMEM;
    m->count = count;
    m->entry = dw_calloc(count + 1, sizeof *m->entry);
    m->text = dw_alloc(bytes);
    int rc = m->entry && m->text ? open_tables(m, literal, count) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = fill(m, literal);
    if (rc < 0)
        dw_multi_free(m);
    else
        *ret = m;
    return rc;
}

void dw_multi_free(struct dw_multi *m)
{
    if (!m)
        return;
    for (struct table *t = m->table; t < m->table + m->table_count; t++) {
        dw_free(t->cell);
        dw_free(t->first);
    }
    dw_free(m->entry);
    dw_free(m->text);
    dw_free(m);
}

bool dw_multi_has(const struct dw_multi *m, enum dw_multi_place place)
{
    bool has = false;
    for (uint32_t i = 0; i < SIZES; i++)
        has = has || m->table_of[place][i];
    return has;
}

size_t dw_multi_bytes(const struct dw_multi *m)
{
    size_t n = sizeof *m + m->count * sizeof *m->entry + m->text_len;
    for (const struct table *t = m->table; t < m->table + m->table_count; t++)
        n += ((size_t)1 << t->cells_log2) + bucket_count(t) * sizeof *t->first;
    return n;
}

struct scan {
    const struct dw_multi *m;
    struct dw_str text;
    bool (*hit)(void *ud, uint32_t id);
    void *ud;
};

static bool equal(const struct scan *s, const struct entry *e, size_t from)
{
    return e->len <= s->text.len - from && (!e->whole || e->len == s->text.len) &&
           memcmp(s->text.ptr + from, s->m->text + e->text, e->len) == 0;
}

/* The literals that have the gram of this hash, which stands at `at`, compared. False: enough. */
static bool compare(const struct scan *s, const struct table *t, uint32_t hash, size_t at)
{
    uint32_t b = bucket_of(t, hash);
    for (const struct entry *e = s->m->entry + t->first[b], *end = s->m->entry + t->first[b + 1]; e < end; e++)
        if (e->hash == hash && e->before <= at && equal(s, e, at - e->before) && !s->hit(s->ud, e->id))
            return false;
    return true;
}

static inline bool look(const struct scan *s, const struct table *t, uint32_t hash, size_t at)
{
    return !t->cell[cell_of(t, hash)] || compare(s, t, hash, at);
}

static inline uint32_t hash_at(const char *p, uint32_t mask)
{
    uint32_t four;
    memcpy(&four, p, SWEPT);
    return hash_four(four & mask);
}

/* All places of the text; STEP of them are asked for with one branch. */
static bool sweep(const struct scan *s, const struct table *t)
{
    const char *p = s->text.ptr;
    size_t at = 0, whole = s->text.len < SWEPT ? 0 : s->text.len - SWEPT + 1; /* places with four bytes */
    bool on = true;
    for (; on && at + STEP <= whole; at += STEP) {
        uint32_t h[STEP];
        uint8_t any = 0;
        for (size_t i = 0; i < STEP; i++) {
            h[i] = hash_at(p + at + i, t->mask);
            any |= t->cell[cell_of(t, h[i])];
        }
        for (size_t i = 0; any && on && i < STEP; i++)
            on = look(s, t, h[i], at + i);
    }
    for (; on && at < whole; at++)
        on = look(s, t, hash_at(p + at, t->mask), at);
    for (; on && at + t->len <= s->text.len; at++)
        on = look(s, t, hash_gram(p + at, t->len), at);
    return on;
}

bool dw_multi_scan(const struct dw_multi *m, struct dw_str text, bool (*hit)(void *ud, uint32_t id), void *ud)
{
    const struct scan s = {m, text, hit, ud};
    bool on = true;
    for (const struct table *t = m->table; on && t < m->table + m->table_count; t++) {
        size_t at = t->place == DW_MULTI_START ? 0 : text.len - t->len;
        if (t->len <= text.len)
            on = t->place == DW_MULTI_ANYWHERE ? sweep(&s, t) : look(&s, t, hash_gram(text.ptr + at, t->len), at);
    }
    return on;
}
