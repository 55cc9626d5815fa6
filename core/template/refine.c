/*
 * refine: masked texts that differ only in values that no mask can know, made one.
 *
 * Idea: texts of one frame (the same blanks, punctuation and number of words) are rows, their words columns. A column with one word is constant.
 * One with many (DW_TEMPLATE_FANOUT and more) is a value, if the rows agree in at least as many columns as they differ in. One with few is the
 * programmer's choice of words: the rows are divided by it. Rows that agree in too little are divided, too, by the column with the fewest words,
 * until what is left agrees or stands alone.
 *
 * Invariants:
 *   (1) Each division fixes a column or spends it, so its depth is at most twice the number of columns.
 *   (2) Words are numbered by first lines and rows keep their order: the same lines give the same templates.
 */
#include "miner_int.h"

#include "dogwatch/base/buf.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"

#include <stdlib.h>

enum column { COLUMN_OPEN, COLUMN_VALUE, COLUMN_SPENT }; /* spent: no two rows share a word of it */
enum { NUMBER_OF_GAP = 0 };
/* How many words make a column a value: fewer behind a word that is followed by a name; more where they begin the message, as programs rarely let a
 * value do, and more still where all are in capitals, as the names of states are. What stands before an equals sign is the name of a value. Where the
 * rows agree in one word only, twice as many, and a gap beside them does not make it one. */
enum { FANOUT_NAMED = 3, FANOUT_FIRST = 2 * DW_TEMPLATE_FANOUT, FANOUT_CAPITALS = 4 * DW_TEMPLATE_FANOUT };

struct word {
    struct dw_node node;
    struct dw_str text;
    uint32_t number;
    struct word *next; /* the one numbered before */
};

/* A masked text on its way into the order of frames. */
struct placed {
    const struct dw__masked *masked;
    uint64_t frame;
    uint32_t index;
};

struct refine {
    struct dw_miner *m;
    struct dw_arena arena;
    struct dw_table words;
    struct word *last;
    uint32_t word_count;
    uint32_t *cell, *first_cell; /* words of all texts; where those of each begin */
    uint32_t *rows, *spare;      /* numbers of texts, frame by frame; room to divide them */
    uint32_t *mark, *tally;      /* by word: the count that it was last part of, and how often */
    uint32_t marks;
    bool *capitals; /* by word */
    struct dw_buf text;
};

/* Some rows of one frame. */
struct part {
    uint32_t first, count, columns;
    uint8_t column[DW_TEMPLATE_WORDS_MAX]; /* enum column */
};

/* How many words a column has. */
struct spread {
    uint32_t words, most; /* most: rows that share the most frequent one */
    bool gap;             /* one of them is a gap */
    bool capitals;        /* all of them are in capitals */
};

/* A name of a state, as FAILED, TIME_WAIT or intent.action.SCREEN_ON. */
static bool is_capitals(struct dw_str word)
{
    size_t letters = 0, from = word.len;
    while (from > 0 && word.ptr[from - 1] != '.')
        from--;
    for (size_t i = from; i < word.len; i++) {
        char ch = word.ptr[i];
        letters += ch >= 'A' && ch <= 'Z';
        if ((dw__class_of(ch) & CLASS_ALPHA) && !(ch >= 'A' && ch <= 'Z'))
            return false;
    }
    return letters > 1;
}

static int number_of(struct refine *r, struct dw_str text, uint32_t *ret)
{
    uint64_t hash = dw_hash(dw_hash_process_key(), text);
    for (struct dw_node *n = dw_table_find(&r->words, hash); n; n = dw_table_next(n)) {
        const struct word *w = DW_ITEM(n, struct word, node);
        if (!dw_str_eq(w->text, text))
            continue;
        *ret = w->number;
        return DW_OK;
    }
    struct word *w = dw_arena_alloc(&r->arena, sizeof *w);
    if (!w)
        return DW_ENOMEM;
    w->text = text;
    w->next = r->last;
    r->last = w;
    *ret = w->number = r->word_count++;
    dw_table_add(&r->words, &w->node, hash);
    return DW_OK;
}

/* What stands before word i: blanks and punctuation. */
static struct dw_str before(const struct dw__masked *k, uint32_t i)
{
    size_t from = i ? (size_t)k->word[i - 1].at + k->word[i - 1].len : 0;
    return dw_str_slice(k->text, from, i < k->word_count ? k->word[i].at : k->text.len);
}

static struct dw_str word_of(const struct dw__masked *k, uint32_t i)
{
    return dw_str_slice(k->text, k->word[i].at, (size_t)k->word[i].at + k->word[i].len);
}

static int by_bytes_of_frame(const struct dw__masked *a, const struct dw__masked *b)
{
    int order = (int)a->word_count - (int)b->word_count;
    for (uint32_t i = 0; i <= a->word_count && order == 0; i++)
        order = dw_str_cmp(before(a, i), before(b, i));
    return order;
}

static int by_frame(const void *x, const void *y)
{
    const struct placed *a = x, *b = y;
    if (a->frame != b->frame)
        return a->frame < b->frame ? -1 : 1;
    int order = by_bytes_of_frame(a->masked, b->masked);
    return order ? order : a->index < b->index ? -1 : a->index > b->index;
}

/* Numbers the words, and notes of each text the hash of its frame. */
static int place(struct refine *r, struct placed *placed)
{
    uint32_t cells = 0, gap;
    int rc = number_of(r, DW_STR(DW_TEMPLATE_GAP), &gap);
    for (uint32_t i = 0; i < r->m->masked_count && rc == DW_OK; i++) {
        const struct dw__masked *k = r->m->masked[i];
        dw_buf_reset(&r->text);
        r->first_cell[i] = cells;
        for (uint32_t w = 0; w <= k->word_count && rc == DW_OK; w++) {
            dw_buf_str(&r->text, before(k, w));
            dw_buf_byte(&r->text, 0);
            if (w < k->word_count)
                rc = number_of(r, word_of(k, w), &r->cell[cells++]);
        }
        rc = rc < 0 ? rc : r->text.err;
        placed[i] = (struct placed){.masked = k, .frame = dw_hash(dw_hash_process_key(), dw_buf_view(&r->text)), .index = i};
    }
    return rc;
}

static uint32_t cell_of(const struct refine *r, const struct part *p, uint32_t row, uint32_t column)
{
    return r->cell[r->first_cell[r->rows[p->first + row]] + column];
}

static struct spread spread_of(struct refine *r, const struct part *p, uint32_t column)
{
    struct spread s = {.capitals = true};
    r->marks++;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t w = cell_of(r, p, i, column);
        bool seen = r->mark[w] == r->marks;
        r->mark[w] = r->marks;
        r->tally[w] = seen ? r->tally[w] + 1 : 1;
        s.words += !seen;
        s.most = r->tally[w] > s.most ? r->tally[w] : s.most;
        s.gap = s.gap || w == NUMBER_OF_GAP;
        s.capitals = s.capitals && r->capitals[w];
    }
    return s;
}

/* `count` rows from `first` are one template. */
static int emit(struct refine *r, const struct part *p, uint32_t first, uint32_t count)
{
    const struct dw__masked *k = r->m->masked[r->rows[first]];
    int rc = DW_OK;
    dw_buf_reset(&r->text);
    for (uint32_t i = 0; i <= k->word_count; i++) {
        dw_buf_str(&r->text, before(k, i));
        if (i < k->word_count)
            dw_buf_str(&r->text, p->column[i] == COLUMN_VALUE ? DW_STR(DW_TEMPLATE_GAP) : word_of(k, i));
    }
    rc = r->text.err;
    for (uint32_t i = 0; i < count && rc == DW_OK; i++)
        rc = dw__mined_put(r->m, dw_buf_view(&r->text), r->rows[first + i]);
    return rc;
}

/* Orders the rows by their word of a column: words by their first row, rows as they were; those whose word no other row has, last. How many
 * these are. */
static uint32_t order_by(struct refine *r, const struct part *p, uint32_t column, bool lone_last)
{
    uint32_t at = 0, lone = 0;
    (void)spread_of(r, p, column);
    for (uint32_t i = 0; i < p->count; i++) { /* tally: from here on where the word's rows go */
        uint32_t w = cell_of(r, p, i, column), rows = r->tally[w];
        if (r->mark[w] != r->marks)
            continue;
        r->mark[w] = 0;
        bool last = lone_last && rows == 1;
        r->tally[w] = last ? p->count : at;
        at += last ? 0 : rows;
        lone += last;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t w = cell_of(r, p, i, column);
        uint32_t to = r->tally[w] < p->count ? r->tally[w]++ : at++;
        r->spare[to] = r->rows[p->first + i];
    }
    memcpy(r->rows + p->first, r->spare, p->count * sizeof *r->rows);
    return lone;
}

static int settle(struct refine *r, struct part *p);

static int divide(struct refine *r, const struct part *p, uint32_t column, bool few)
{
    struct part sub = *p;
    uint32_t lone = order_by(r, p, column, !few), end = p->count - lone;
    int rc = DW_OK;
    for (uint32_t i = 0; i < end && rc == DW_OK; i += sub.count) {
        uint32_t w = cell_of(r, p, i, column), n = 1;
        while (i + n < end && cell_of(r, p, i + n, column) == w)
            n++;
        memcpy(sub.column, p->column, sizeof sub.column);
        sub.first = p->first + i;
        sub.count = n;
        rc = settle(r, &sub);
    }
    if (rc < 0 || lone == 0)
        return rc;
    sub.first = p->first + end;
    sub.count = lone;
    memcpy(sub.column, p->column, sizeof sub.column);
    sub.column[column] = COLUMN_SPENT;
    return settle(r, &sub);
}

/* What to do with rows, by the spread of their columns. */
struct view {
    uint32_t agree, differ; /* columns with one word that is no gap, with several */
    uint32_t values;        /* columns made values */
    uint32_t capitals, words; /* columns of several words in capitals; these words, added up */
    uint32_t best, best_words;
};

/* Whether the word of a column is the name of what follows: mode=fast. */
static bool is_key(const struct dw__masked *k, uint32_t column)
{
    struct dw_str behind = dw_str_trim(before(k, column + 1));
    return behind.len && behind.ptr[0] == '=';
}

/* How many words make this column a value. */
static uint32_t fanout_of(const struct refine *r, const struct part *p, uint32_t column, const struct spread *s)
{
    static const char *const naming[] = {"user", "host", "account", "group", "client", "node", "device", "interface"};
    const struct dw__masked *k = r->m->masked[r->rows[p->first]];
    if (is_key(k, column))
        return UINT32_MAX;
    if (s->capitals)
        return FANOUT_CAPITALS;
    if (column == 0)
        return FANOUT_FIRST;
    for (size_t i = 0; i < DW_COUNT_OF(naming); i++)
        if (dw_str_eq(before(k, column), DW_STR(" ")) && p->column[column - 1] == COLUMN_OPEN && dw_str_ieq(word_of(k, column - 1), dw_str_of(naming[i])))
            return FANOUT_NAMED;
    return DW_TEMPLATE_FANOUT;
}

/* Which columns become values: none, those with many words, those with twice as many, all that differ. */
enum values { VALUES_NONE, VALUES_MANY, VALUES_MOST, VALUES_ALL };

static struct view look(struct refine *r, struct part *p, enum values values)
{
    struct view v = {.best = UINT32_MAX, .best_words = UINT32_MAX};
    for (uint32_t c = 0; c < p->columns; c++) {
        if (p->column[c] == COLUMN_VALUE)
            continue;
        struct spread s = spread_of(r, p, c);
        v.agree += s.words == 1 && !s.gap;
        v.differ += s.words > 1;
        v.capitals += s.words > 1 && s.capitals;
        v.words += s.words > 1 ? s.words : 0;
        bool many = values == VALUES_ALL || (values != VALUES_NONE && (s.words / (values == VALUES_MOST ? 2 : 1) >= fanout_of(r, p, c, &s) || (s.gap && values == VALUES_MANY)));
        if (many && s.words > 1) {
            p->column[c] = COLUMN_VALUE;
            v.values++;
        } else if (s.words > 1 && p->column[c] == COLUMN_OPEN && s.words < v.best_words && (s.most > 1 || s.words < DW_TEMPLATE_FANOUT)) {
            v.best = c;
            v.best_words = s.words;
        }
    }
    return v;
}

/* States that come in more combinations than a programmer writes down vary by themselves: what differs is values. */
static bool is_free(const struct part *p, const struct view *v)
{
    return v->differ > 1 && v->capitals == v->differ && p->count > v->words;
}

static int settle(struct refine *r, struct part *p)
{
    int rc = DW_OK;
    struct view v = look(r, p, VALUES_NONE);
    if (p->count > 1 && v.differ && v.agree >= v.differ)
        v = look(r, p, is_free(p, &v) ? VALUES_ALL : v.agree > 1 ? VALUES_MANY : VALUES_MOST);
    if (p->count == 1 || v.differ == v.values)
        return emit(r, p, p->first, p->count);
    if (v.best != UINT32_MAX)
        return divide(r, p, v.best, v.best_words < DW_TEMPLATE_FANOUT);
    for (uint32_t i = 0; i < p->count && rc == DW_OK; i++)
        rc = emit(r, p, p->first + i, 1);
    return rc;
}

static int frames(struct refine *r, struct placed *placed)
{
    uint32_t n = r->m->masked_count;
    int rc = DW_OK;
    qsort(placed, n, sizeof *placed, by_frame);
    for (uint32_t i = 0; i < n; i++)
        r->rows[i] = placed[i].index;
    for (uint32_t i = 0, k; i < n && rc == DW_OK; i = k) {
        for (k = i + 1; k < n && placed[k].frame == placed[i].frame && by_bytes_of_frame(placed[k].masked, placed[i].masked) == 0; k++)
            ;
        struct part p = {.first = i, .count = k - i, .columns = placed[i].masked->word_count};
        rc = settle(r, &p);
    }
    return rc;
}

static int by_first(const void *x, const void *y)
{
    const struct dw__refined *a = *(struct dw__refined *const *)x, *b = *(struct dw__refined *const *)y;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Numbers the refined templates by their first lines. */
static void rank(struct dw_miner *m, uint32_t *new_rank)
{
    if (m->mined_count == 0)
        return;
    qsort(m->mined, m->mined_count, sizeof(struct dw__refined *), by_first); /* NOLINT(bugprone-sizeof-expression): pointers are what is sorted */
    for (uint32_t i = 0; i < m->mined_count; i++)
        new_rank[m->mined[i]->rank] = i;
    for (uint32_t i = 0; i < m->masked_count; i++)
        m->masked[i]->mined = new_rank[m->masked[i]->mined];
    for (uint32_t i = 0; i < m->mined_count; i++)
        m->mined[i]->rank = i;
}

int dw_miner_refine(struct dw_miner *m)
{
    struct refine r = {.m = m};
    size_t n = m->masked_count, cells = 1;
    int rc = DW_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        cells += m->masked[i]->word_count;
    struct placed *placed = dw_calloc(n + 1, sizeof *placed);
    r.first_cell = dw_calloc(n + 1, sizeof *r.first_cell);
    r.rows = dw_calloc(n + 1, sizeof *r.rows);
    r.spare = dw_calloc(n + 1, sizeof *r.spare);
    r.cell = dw_calloc(cells, sizeof *r.cell);
    if (placed && r.first_cell && r.rows && r.spare && r.cell)
        rc = place(&r, placed);
    r.mark = rc == DW_OK ? dw_calloc(r.word_count, sizeof *r.mark) : NULL;
    r.capitals = rc == DW_OK ? dw_calloc(r.word_count, sizeof *r.capitals) : NULL;
    r.tally = rc == DW_OK ? dw_calloc(r.word_count, sizeof *r.tally) : NULL;
    if (rc == DW_OK && (!r.mark || !r.tally || !r.capitals))
        rc = DW_ENOMEM;
    for (const struct word *w = rc == DW_OK ? r.last : NULL; w; w = w->next)
        r.capitals[w->number] = is_capitals(w->text);
    if (rc == DW_OK)
        rc = frames(&r, placed);
    if (rc == DW_OK)
        rank(m, r.spare);
    m->refined = true;
    dw_free(placed);
    dw_free(r.first_cell);
    dw_free(r.rows);
    dw_free(r.spare);
    dw_free(r.cell);
    dw_free(r.mark);
    dw_free(r.tally);
    dw_free(r.capitals);
    dw_table_fini(&r.words);
    dw_arena_fini(&r.arena);
    dw_buf_fini(&r.text);
    return rc;
}
