/* template_int: what the files of core/template share: classes of bytes, and what a piece of a message is. */
#ifndef DOGWATCH_TEMPLATE_INT_H
#define DOGWATCH_TEMPLATE_INT_H

#include "dogwatch/template/template.h"

/* HARD: punctuation that ends a piece; SIGN: further bytes that say what a piece is: / \\ : . @ */
enum { CLASS_BLANK = 1, CLASS_HARD = 2, CLASS_DIGIT = 4, CLASS_ALPHA = 8, CLASS_HEX = 16, CLASS_SIGN = 32 };

extern const uint8_t dw__class[256];

static inline uint8_t dw__class_of(char ch)
{
    return dw__class[(uint8_t)ch];
}

/* What a piece between blanks and punctuation has in it. */
struct dw__piece {
    const char *ptr;
    size_t len;
    uint32_t digits, alphas, hexes, slashes, backslashes, colons, dots;
    bool mail; /* an @, and a dot behind it */
};
struct dw__piece dw__piece_of(const char *ptr, size_t len);

/* Whether the whole piece is a path, a URL or a mail address. */
bool dw__is_path(const struct dw__piece *p);
/* Whether a piece with colons in it is one value: a time of day, a MAC or IPv6 address, host:port, file:line. */
bool dw__is_joined(const struct dw__piece *p);
/* What a piece without colons is. *ret_prefix: DW_TEMPLATE_TYPED: how much of it is the name. */
enum dw_template_kind dw__kind_of(const struct dw__piece *p, size_t *ret_prefix);
/* A value that has a name in programming languages: true, null. */
bool dw__is_constant(struct dw_str word);
/* Digits of a number in base 16 that are letters by chance, of a piece that has no other bytes (`hex`). */
bool dw__is_hex_word(struct dw_str word, bool hex);
/* A unit that may stand behind a number: MB, sec, bytes. */
bool dw__is_unit(struct dw_str word);
/* A day of the week or a month, as dates have them: Mon, Jan. */
bool dw__is_date_word(struct dw_str word);

#endif
