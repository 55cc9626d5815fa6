/*
 * template_mask: one message as its template, in one walk over its bytes.
 *
 * Idea: blanks and hard punctuation cut the message into pieces; each piece is a word, a value, or a name and a value (template_value.c).
 *
 * Values that stand side by side become one gap, whatever their number: `1.5 MB`, `May 12 04:05:06`, `[1, 2, 3]`. Programs write lists as long as
 * they are, and a template that knew their length would be a template for each.
 *
 * Invariants:
 *   (1) Only the message decides; equal bytes give equal text.
 *   (2) Nothing is written beyond the bounds: at the first piece that does not fit the rest is one gap, and `cut` says so.
 *   (3) The text has no control bytes and no two blanks side by side.
 */
#include "template_int.h"

#include "dogwatch/base/counter.h"

enum { GAP_LEN = sizeof DW_TEMPLATE_GAP - 1, STARS_LEAST = 3 };

struct walk {
    struct dw_template *t;
    const char *at, *end; /* of the message, what is not looked at yet */
    bool blank;           /* one is due before the next word */
    bool number;          /* the word before is a number: a unit may follow */
};

/* Whether `more` bytes and the gap of a cut still fit. */
static bool fits(struct walk *w, size_t more)
{
    if (w->t->len + more + 2 * (size_t)GAP_LEN + 2 <= DW_TEMPLATE_BYTES_MAX)
        return true;
    w->t->cut = true;
    return false;
}

static void put(struct walk *w, const char *ptr, size_t len)
{
    struct dw_template *t = w->t;
    if (t->cut || !fits(w, len))
        return;
    if (w->blank && t->len)
        t->text[t->len++] = ' ';
    w->blank = false;
    memcpy(t->text + t->len, ptr, len);
    t->len = (uint16_t)(t->len + len);
}

static void put_value(struct walk *w);

/* Brackets or quotes with nothing between them, where a value would stand, hold an empty one. */
static bool closes_nothing(const struct walk *w, char close)
{
    const struct dw_template *t = w->t;
    char open = (char)(close == ')' ? '(' : close == ']' ? '[' : close == '"' || close == '\'' ? close : 0);
    if (!open || w->blank || t->len == 0 || t->text[t->len - 1] != open)
        return false;
    return t->len == 1 || t->text[t->len - 2] == ' ' || t->text[t->len - 2] == '=';
}

/* Whether the last word is the same and only blanks and commas stand behind it. */
static bool repeats(const struct walk *w, const char *ptr, size_t len, enum dw_template_kind kind)
{
    const struct dw_template *t = w->t;
    if (t->word_count == 0 || kind == DW_TEMPLATE_WORD)
        return false;
    const struct dw_template_word *last = &t->word[t->word_count - 1];
    size_t text_len = len + GAP_LEN;
    if (last->kind != kind || last->len != text_len || memcmp(t->text + last->at, ptr, len) != 0)
        return false;
    for (size_t i = (size_t)last->at + last->len; i < t->len; i++)
        if (t->text[i] != ' ' && t->text[i] != ',')
            return false;
    return t->len > last->at + last->len || w->blank;
}

/* `ptr` is the word, or the name before a value. */
static void put_word(struct walk *w, const char *ptr, size_t len, enum dw_template_kind kind)
{
    struct dw_template *t = w->t;
    if (repeats(w, ptr, len, kind)) {
        t->len = (uint16_t)(t->word[t->word_count - 1].at + t->word[t->word_count - 1].len);
        w->blank = false;
        return;
    }
    if (t->cut || t->word_count + 1 >= DW_TEMPLATE_WORDS_MAX || !fits(w, 1 + len + GAP_LEN)) {
        t->cut = true;
        return;
    }
    put(w, ptr, len);
    struct dw_template_word *word = &t->word[t->word_count++];
    *word = (struct dw_template_word){.at = (uint16_t)(t->len - len), .kind = (uint8_t)kind};
    if (kind != DW_TEMPLATE_WORD)
        put(w, DW_TEMPLATE_GAP, GAP_LEN);
    word->len = (uint16_t)(t->len - word->at);
}

static void put_value(struct walk *w)
{
    put_word(w, "", 0, DW_TEMPLATE_VALUE);
}

/* A piece without colons, or what stands between them. */
static void put_whole(struct walk *w, const struct dw__piece *p)
{
    size_t prefix;
    if (p->digits + p->alphas == 0) {
        put(w, p->ptr, p->len);
        return;
    }
    enum dw_template_kind kind = dw__kind_of(p, &prefix);
    put_word(w, p->ptr, kind == DW_TEMPLATE_WORD ? p->len : prefix, kind);
}

static void put_part(struct walk *w, const char *ptr, size_t len)
{
    struct dw__piece p = dw__piece_of(ptr, len);
    put_whole(w, &p);
}

/* Parts of a piece: divided by lone colons and by two dots or more, as in `check......0`; `::` is a part of names. */
static void put_parts(struct walk *w, const char *ptr, size_t len)
{
    size_t from = 0, i = 0;
    while (i < len) {
        size_t run = 1;
        while (i + run < len && ptr[i + run] == ptr[i])
            run++;
        bool divides = ptr[i] == '.' ? run > 1 : ptr[i] == ':' && run != 2;
        if (divides) {
            if (i > from)
                put_part(w, ptr + from, i - from);
            put(w, ptr + i, ptr[i] == '.' ? 2 : 1);
            from = i + run;
        }
        i += run;
    }
    if (len > from)
        put_part(w, ptr + from, len - from);
}

/* Whether what follows is a number or a further word of a date. */
static bool goes_on_as_date(const struct walk *w)
{
    const char *p = w->at;
    while (p < w->end && (*p == ' ' || *p == ','))
        p++;
    if (p == w->at || p == w->end)
        return false;
    return (dw__class_of(*p) & CLASS_DIGIT) || (w->end - p > 3 && dw__is_date_word(dw_str_make(p, 3)) && dw__class_of(p[3]) & CLASS_BLANK);
}

/* The query of a URL goes up to a blank or a closing sign. */
static void skip_query(struct walk *w)
{
    if (w->at == w->end || *w->at != '?')
        return;
    while (w->at < w->end && !(dw__class_of(*w->at) & CLASS_BLANK) && !strchr("\"'<>)]}|", *w->at))
        w->at++;
}

/* Whether what stands before is an equals sign. */
static bool is_assigned(const struct walk *w)
{
    size_t len = w->t->len;
    return len && (w->t->text[len - 1] == '=' || w->t->text[len - 1] == '?');
}

static bool is_stars(const char *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (ptr[i] != '*')
            return false;
    return len >= STARS_LEAST;
}

static bool is_numeral(const char *ptr, size_t len)
{
    size_t i = len > 1 && (ptr[0] == '+' || ptr[0] == '-');
    for (; i < len; i++)
        if (!(dw__class_of(ptr[i]) & CLASS_DIGIT) && ptr[i] != '.')
            return false;
    return true;
}

/* A piece of letters alone: most are. */
static void put_letters(struct walk *w, struct dw_str text, bool hex)
{
    bool unit = w->number && w->blank && dw__is_unit(text);
    bool value = dw__is_hex_word(text, hex) || (is_assigned(w) && dw__is_constant(text)) || (dw__is_date_word(text) && goes_on_as_date(w));
    w->number = false;
    if (unit)
        w->blank = false;
    else if (value)
        put_value(w);
    else
        put_word(w, text.ptr, text.len, DW_TEMPLATE_WORD);
}

static void put_piece(struct walk *w, const char *ptr, size_t len)
{
    struct dw_template *t = w->t;
    bool number = w->number && w->blank;
    size_t tail = 0;
    while (tail < len && (ptr[len - 1 - tail] == '.' || ptr[len - 1 - tail] == ':'))
        tail++;
    const char *behind = ptr + len - tail;
    len -= tail;
    struct dw__piece p = dw__piece_of(ptr, len);
    if (number && dw__is_unit(dw_str_make(ptr, len))) {
        w->blank = false;
    } else if (len && dw__is_path(&p)) {
        put_value(w);
        if (!tail)
            skip_query(w);
    } else if (dw__is_joined(&p) || is_stars(ptr, len) || (is_assigned(w) && dw__is_constant(dw_str_make(ptr, len))) || (dw__is_date_word(dw_str_make(ptr, len)) && goes_on_as_date(w))) {
        put_value(w);
    } else if (p.colons || p.dots > 1) {
        put_parts(w, ptr, len);
    } else {
        put_whole(w, &p);
    }
    w->number = !tail && p.digits && is_numeral(ptr, len) && t->word_count;
    if (tail)
        put(w, behind, tail > 2 ? 2 : tail);
}

/* A sign that stands for less or more than the number behind it: <1 sec, ~5 MB. */
static bool bounds_a_number(const struct walk *w)
{
    bool alone = w->blank || w->t->len == 0;
    char ch = *w->at;
    return alone && (ch == '<' || ch == '>' || ch == '~') && w->end - w->at > 1 && dw__class_of(w->at[1]) & CLASS_DIGIT;
}

static bool is_hard(const struct walk *w, const char *begin)
{
    char ch = *w->at;
    if (!(dw__class_of(ch) & CLASS_HARD))
        return false;
    if (ch != '\'' || w->at == begin || w->at + 1 == w->end)
        return true;
    return !(dw__class_of(w->at[-1]) & CLASS_ALPHA && dw__class_of(w->at[1]) & CLASS_ALPHA); /* can't */
}

/* Goes to the end of a piece; answers the classes that any of its bytes has, and *ret_common those that all have. */
static uint8_t take_piece(struct walk *w, const char *begin, uint8_t *ret_common)
{
    uint8_t any = 0, common = UINT8_MAX;
    for (; w->at < w->end; w->at++) {
        uint8_t class = dw__class_of(*w->at);
        if (class & CLASS_BLANK || (class & CLASS_HARD && is_hard(w, begin)))
            break;
        any |= class ? class : CLASS_SIGN;
        common &= class;
    }
    *ret_common = common;
    return any;
}

void dw_template_mask(struct dw_str message, struct dw_template *ret)
{
    struct walk w = {.t = ret, .at = message.ptr, .end = message.ptr + message.len};
    uint8_t common;
    ret->len = ret->word_count = 0;
    ret->cut = false;
    while (w.at < w.end && !ret->cut) {
        const char *from = w.at;
        if (dw__class_of(*from) & CLASS_BLANK) {
            w.blank = true;
            w.at++;
        } else if (bounds_a_number(&w)) {
            w.at++;
        } else if (is_hard(&w, message.ptr)) {
            if (closes_nothing(&w, *from))
                put_value(&w);
            put(&w, w.at++, 1);
            w.number = false;
        } else {
            uint8_t any = take_piece(&w, message.ptr, &common);
            if (any & (uint8_t)~(CLASS_ALPHA | CLASS_HEX) || !(common & CLASS_ALPHA))
                put_piece(&w, from, (size_t)(w.at - from));
            else
                put_letters(&w, dw_str_make(from, (size_t)(w.at - from)), common & CLASS_HEX);
        }
    }
    if (!ret->cut)
        return;
    DW_COUNT(templates_cut);
    w.blank = true;
    memcpy(ret->text + ret->len, " " DW_TEMPLATE_GAP, 1 + GAP_LEN);
    ret->word[ret->word_count++] = (struct dw_template_word){.at = (uint16_t)(ret->len + 1), .len = GAP_LEN, .kind = DW_TEMPLATE_VALUE};
    ret->len = (uint16_t)(ret->len + 1 + GAP_LEN);
}
