/*
 * template_value: whether a piece of a message is a value, by the form of its bytes.
 *
 * Idea: programs write their own words with letters and values with digits; so the question is mostly which digits belong to a name. Names keep
 * them where they are few and inside (md5_init), or show what kind of thing is named: blk_77 is a blk_. What has no digit is a value
 * only where its form says so: a path, a URL, a mail address, seven hex digits. Everything else is left to dw_miner_refine, which sees all lines.
 *
 * Invariant: pure, and one set for every log: no name of a product, a field or a host stands here.
 */
#include "template_int.h"

enum { HEX_LEAST = 7, NAME_DIGITS_MOST = 2, NAME_LEAST = 2, UNIT_MOST = 12 };

/* By value of enum of classes: blanks 1, digits 4 + 16, letters 8 (+ 16 up to f), hard punctuation 2, signs 32; bytes of UTF-8 are letters. */
const uint8_t dw__class[256] = {
     1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,
     1,  2,  2,  0,  0,  0,  0,  2,  2,  2,  0,  0,  2,  0, 32, 32, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 32,  2,  2,  2,  2,  2,
    32, 24, 24, 24, 24, 24, 24,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  2, 32,  2,  0,  0,
     2, 24, 24, 24, 24, 24, 24,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  2,  2,  2,  0,  1,
     8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,
     8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,
     8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,
     8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,  8,
};

static bool is_alpha(char ch)
{
    return (dw__class_of(ch) & CLASS_ALPHA) != 0;
}

static bool is_digit(char ch)
{
    return (dw__class_of(ch) & CLASS_DIGIT) != 0;
}

struct dw__piece dw__piece_of(const char *ptr, size_t len)
{
    struct dw__piece p = {.ptr = ptr, .len = len};
    bool at = false;
    for (size_t i = 0; i < len; i++) {
        uint8_t class = dw__class_of(ptr[i]);
        p.digits += (class & CLASS_DIGIT) != 0;
        p.alphas += (class & CLASS_ALPHA) != 0;
        p.hexes += (class & CLASS_HEX) != 0;
        if (!(class & CLASS_SIGN))
            continue;
        p.slashes += ptr[i] == '/';
        p.backslashes += ptr[i] == '\\';
        p.colons += ptr[i] == ':';
        p.dots += ptr[i] == '.';
        p.mail = p.mail || (at && ptr[i] == '.');
        at = at || (ptr[i] == '@' && i > 0);
    }
    return p;
}

bool dw__is_path(const struct dw__piece *p)
{
    if (p->mail || (p->colons && p->slashes > 1 && dw_str_find(dw_str_make(p->ptr, p->len), DW_STR("://")) < p->len))
        return true;
    if (p->slashes + p->backslashes == 0 || p->digits + p->alphas == 0)
        return p->len == 1 && p->slashes; /* the root */
    if (p->colons && !p->backslashes && p->ptr[0] != '/')
        return false; /* its parts may be */
    return p->backslashes || p->slashes > 1 || p->dots > 0 || p->ptr[0] == '/' || (p->ptr[0] == '~' && p->ptr[1] == '/');
}

/* The parts between colons each have a digit. */
static bool each_has_digit(const struct dw__piece *p)
{
    bool digit = false;
    for (size_t i = 0; i < p->len; i++) {
        if (p->ptr[i] == ':' && !digit)
            return false;
        digit = p->ptr[i] != ':' && (digit || is_digit(p->ptr[i]));
    }
    return digit;
}

bool dw__is_joined(const struct dw__piece *p)
{
    size_t colon = dw_str_index(dw_str_make(p->ptr, p->len), ':');
    bool dotted = false, digit = false;
    if (p->digits == 0 || p->colons == 0)
        return false;
    if (p->hexes + p->colons + p->dots == p->len && (p->colons > 1 || each_has_digit(p)))
        return true;
    if (colon + 1 >= p->len || !is_digit(p->ptr[colon + 1]))
        return false;
    for (size_t i = 1; i < colon; i++) {
        dotted = dotted || (p->ptr[i] == '.' && i + 1 < colon);
        digit = digit || is_digit(p->ptr[i]);
    }
    for (size_t i = colon + 1; i < p->len; i++)
        if (!is_digit(p->ptr[i]) && p->ptr[i] != '/')
            return false;
    return dotted || digit;
}

/* The letters before a digit and the sign between them: blk_, core., node-, part-; 0: there are none. */
static size_t name_before(const struct dw__piece *p)
{
    size_t n = 0;
    while (n < p->len && is_alpha(p->ptr[n]))
        n++;
    if (n < NAME_LEAST || n + 1 >= p->len || !strchr("_-.#/+~", p->ptr[n]))
        return 0;
    size_t digit = n + 1 + (p->ptr[n + 1] == '-' && n + 2 < p->len);
    return is_digit(p->ptr[digit]) ? n + 1 : 0;
}

enum dw_template_kind dw__kind_of(const struct dw__piece *p, size_t *ret_prefix)
{
    *ret_prefix = 0;
    if (dw__is_path(p))
        return DW_TEMPLATE_VALUE;
    if (p->digits == 0)
        return dw__is_hex_word(dw_str_make(p->ptr, p->len), p->hexes == p->len) ? DW_TEMPLATE_VALUE : DW_TEMPLATE_WORD;
    if (p->hexes == p->len)
        return DW_TEMPLATE_VALUE;
    if (p->digits <= NAME_DIGITS_MOST && p->dots == 0 && p->alphas > 2 * p->digits && is_alpha(p->ptr[0]) && is_alpha(p->ptr[p->len - 1]))
        return DW_TEMPLATE_WORD;
    *ret_prefix = p->dots < 2 || p->slashes ? name_before(p) : 0;
    return *ret_prefix ? DW_TEMPLATE_TYPED : DW_TEMPLATE_VALUE;
}

bool dw__is_hex_word(struct dw_str word, bool hex)
{
    return hex && word.len >= HEX_LEAST;
}

bool dw__is_constant(struct dw_str word)
{
    static const char *const words[] = {"true", "false", "True", "False", "TRUE", "FALSE", "null", "NULL", "None", "nil"};
    for (size_t i = 0; word.len && i < DW_COUNT_OF(words); i++)
        if (words[i][0] == word.ptr[0] && dw_str_eq(word, dw_str_of(words[i])))
            return true;
    return false;
}

bool dw__is_unit(struct dw_str word)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "kB", "KiB", "MiB", "GiB", "TiB", "byte", "bytes", "Bytes", "s", "sec", "secs", "second", "seconds", "ms",
        "msec", "msecs", "millis", "milliseconds", "us", "usec", "ns", "min", "mins", "minute", "minutes", "hour", "hours", "day", "days", "Hz", "kHz", "MHz", "GHz"};
    if (word.len == 0 || word.len > UNIT_MOST)
        return false;
    for (size_t i = 0; i < DW_COUNT_OF(units); i++)
        if (units[i][0] == word.ptr[0] && dw_str_eq(word, dw_str_of(units[i])))
            return true;
    return false;
}

bool dw__is_date_word(struct dw_str word)
{
    static const char names[] = "MonTueWedThuFriSatSunJanFebMarAprMayJunJulAugSepOctNovDec";
    for (size_t i = 0; word.len == 3 && i + 3 < sizeof names; i += 3)
        if (memcmp(names + i, word.ptr, 3) == 0)
            return true;
    return false;
}
