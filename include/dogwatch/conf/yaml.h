/*
 * YAML text as a tree whose every node knows its place.
 *
 * Shared by configuration and rules. libyaml reads the text; its 0-based character marks become 1-based
 * byte columns in one place (yaml.c). Thread: whoever owns the arena.
 */
#ifndef DOGWATCH_CONF_YAML_H
#define DOGWATCH_CONF_YAML_H

#include "dogwatch/base/arena.h"
#include "dogwatch/base/diag.h"

enum {
    DW_YAML_DEPTH_MAX = 64,
    DW_YAML_NODES_MAX = 200000, /* nodes of one text, aliases counted with all they stand for */
};

enum dw_yaml_kind { DW_YAML_SCALAR, DW_YAML_SEQ, DW_YAML_MAP };

/* One node. All memory, texts included, belongs to the arena given to dw_yaml_parse. */
struct dw_yaml {
    enum dw_yaml_kind kind;
    bool plain;      /* scalar without quotes and not a block: null, bool and number are possible */
    bool one_line;   /* scalar whose text stands in the source as it is, at at.col (+ 1 if quoted) */
    uint32_t count;  /* children of SEQ and MAP */
    uint32_t weight; /* this node and all below, aliases expanded */
    struct dw_span at;
    struct dw_str text; /* SCALAR */
    struct dw_str key;  /* when it is a value of a MAP */
    struct dw_span key_at;
    const struct dw_yaml *first; /* first child of SEQ and MAP, in order */
    const struct dw_yaml *next;  /* next sibling; of a document: the next document */
};

/* Who is told about the complaints of one source, once a source, when there are any. Borrows `d`. */
struct dw_diag_sink {
    void (*report)(void *ud, const struct dw_diags *d);
    void *ud;
};

/* Reads all documents of `text` into `a`; *ret_first is the first (NULL: none), chained by `next`. An empty
 * document is a null scalar. DW_ESYNTAX with the reason in `diags`: bad YAML, a key twice, an unknown anchor,
 * a merge key, over a bound. DW_ENOMEM. */
DW_MUST_USE int dw_yaml_parse(
    struct dw_arena *a, struct dw_str text, struct dw_diags *diags, const struct dw_yaml **ret_first);

/* The value of `key`, or NULL; also NULL when `map` is NULL or no mapping. */
const struct dw_yaml *dw_yaml_get(const struct dw_yaml *map, const char *key);
/* Plain and one of: nothing, ~, null, Null, NULL. */
bool dw_yaml_is_null(const struct dw_yaml *n);
/* Plain true/false (yes/no and on/off too: YAML 1.1, as SigmaHQ's readers have it). */
bool dw_yaml_bool(const struct dw_yaml *n, bool *ret);
/* A plain decimal integer. */
bool dw_yaml_int(const struct dw_yaml *n, int64_t *ret);
/* The place of bytes [from, from + len) of a scalar's text; the whole scalar when the text does not stand so in
 * the source (escapes, several lines). */
struct dw_span dw_yaml_span_in(const struct dw_yaml *n, size_t from, size_t len);

#endif
