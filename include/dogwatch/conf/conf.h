/*
 * Configuration from option tables: one row is the struct member, the check, the help and the page.
 *
 * A table (tbl/agent_options.h, tbl/collector_options.h) has rows
 *     CONF(name, TYPE, field, default, min, max, unit, doc)
 * where `default` is text as a user would write it ("" means not set), min and max bound numbers (bytes,
 * nanoseconds), and `unit` of an ENUM holds its words: "beginning|now". Rows
 *     CONF_OLD(name, successor, doc)
 * keep a renamed option for one release, and rows
 *     CONF_ITEMS(name, field, table, doc)
 * are a list of mappings, each of which a table of its own describes. A dotted name may be written as nested keys. Every value remembers
 * where it came from. Thread: whoever owns the struct dw_conf; read-only after loading, then any.
 */
#ifndef DOGWATCH_CONF_CONF_H
#define DOGWATCH_CONF_CONF_H

#include "dogwatch/base/fs.h"
#include "dogwatch/conf/yaml.h"

enum dw_conf_type {
    DW_CONF_BOOL,
    DW_CONF_INT,
    DW_CONF_SIZE,     /* bytes: 512, 64MiB, 10MB */
    DW_CONF_DURATION, /* nanoseconds: 250ms, 5s, 1h */
    DW_CONF_ENUM,     /* index of the word in `unit` */
    DW_CONF_STRING,
    DW_CONF_PATH,
    DW_CONF_LIST,
    DW_CONF_MAP,
    DW_CONF_ITEMS, /* a list of mappings of the table `of` */
    DW_CONF_SECRET,
    DW_CONF_OLD, /* a renamed option: `def` is its successor */
};

/* What the members of an options struct are. All texts end with a NUL that does not count and live as long as
 * the struct dw_conf. */
struct dw_conf_list {
    const struct dw_str *item;
    uint32_t count;
};
struct dw_conf_map {
    const struct dw_str *key, *value;
    uint32_t count;
};
/* Structs of an item table, one after the other, and where each of their options comes from: row by row, item by item. */
struct dw_conf_origin;
struct dw_conf_items {
    const void *item;
    const struct dw_conf_origin *origin;
    uint32_t count;
};
/* `bytes` never reaches a log, show or a page. */
struct dw_conf_secret {
    struct dw_str path, bytes;
};
typedef bool dw_conf_c_BOOL;
typedef int64_t dw_conf_c_INT;
typedef int64_t dw_conf_c_SIZE;
typedef int64_t dw_conf_c_DURATION;
typedef int dw_conf_c_ENUM;
typedef struct dw_str dw_conf_c_STRING;
typedef struct dw_str dw_conf_c_PATH;
typedef struct dw_conf_list dw_conf_c_LIST;
typedef struct dw_conf_map dw_conf_c_MAP;
typedef struct dw_conf_items dw_conf_c_ITEMS;
typedef struct dw_conf_secret dw_conf_c_SECRET;

struct dw_conf_row {
    const char *name;
    enum dw_conf_type type;
    size_t offset;
    const char *def;
    int64_t min, max;
    const char *unit, *doc;
    const struct dw_conf_table *of; /* of ITEMS, else NULL */
};
enum { DW_CONF_WHY = 160 };
struct dw_conf_table {
    const char *name; /* "agent" */
    const struct dw_conf_row *row;
    uint32_t count;
    size_t size; /* of the options struct */
    /* An item table only, whose first row is a STRING that names the item. The option it belongs to, "outputs": checks are asked for "outputs.url". */
    const char *item_of;
    /* What is wrong with an item as a whole; DW_OK: nothing. DW_ECONFIG: `why` has a sentence, *ret_row the row it is about, or `count` for the item. */
    int (*whole)(const void *item, const struct dw_conf_origin *origin, uint32_t *ret_row, char why[DW_CONF_WHY]);
};

enum dw_conf_source { DW_CONF_FROM_DEFAULT, DW_CONF_FROM_FILE, DW_CONF_FROM_SET };
struct dw_conf_origin {
    enum dw_conf_source source;
    struct dw_str path; /* FILE */
    uint32_t line;
};

typedef int dw_conf_check(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why);

struct dw_conf {
    const struct dw_conf_table *table;
    void *values;                  /* the options struct, in the caller's memory */
    struct dw_conf_origin *origin; /* one a row */
    struct dw_arena arena;
    const char *(*env)(const char *name); /* NULL answer: not set. Replaceable by tests. */
    /* Whether a text of a STRING, of a LIST's item or of a MAP's value is a word that the option takes, where words are known to
     * an upper layer only (formats, zones, librdkafka's properties). `key` is the value's in a MAP, else DW_STR_NONE. DW_OK; DW_EUNKNOWN:
     * the key may not stand there; DW_ECONFIG: the value may not. `why` then gets a sentence and, in a second line, a hint if there is one. NULL: not checked. Set after dw_conf_init. */
    dw_conf_check *check;
    uint32_t files, include_depth;
};

/* Sets every option to its default. `values` is the caller's, of table->size bytes, and outlives `c`.
 * DW_ENOMEM. The table is asserted: its defaults must parse and lie in range. */
DW_MUST_USE int dw_conf_init(struct dw_conf *c, const struct dw_conf_table *table, void *values);
/* Ends all texts of the values. */
void dw_conf_fini(struct dw_conf *c);

/* Reads a YAML file and what it includes. Each file with mistakes is told to `sink` once. DW_ECONFIG when there
 * are any; codes of dw_fs_read_file for `path` itself. */
DW_MUST_USE int dw_conf_load_file(
    struct dw_conf *c, const struct dw_fs *fs, const char *path, struct dw_diag_sink sink);
/* The same of a text in memory; `path` is its name in messages, and includes are relative to its folder. */
DW_MUST_USE int dw_conf_load_text(
    struct dw_conf *c, const struct dw_fs *fs, const char *path, struct dw_str text, struct dw_diag_sink sink);
/* --set K=V: over whatever a file says. A list or map is written as YAML: logs=[a, b]. DW_ECONFIG: told to `sink`. */
DW_MUST_USE int dw_conf_set(
    struct dw_conf *c, const struct dw_fs *fs, struct dw_str assignment, struct dw_diag_sink sink);

/* Index of an option in its table, by name; the table's count when there is none. */
uint32_t dw_conf_find(const struct dw_conf_table *t, struct dw_str name);
/* Tells a mistake about an option that only shows with others, at the place where the option is set. `why` as check has it. */
void dw_conf_complain(const struct dw_conf *c, const struct dw_fs *fs, const char *option, struct dw_str why, struct dw_diag_sink sink);
/* One value as text a user could write; of a secret only where it is read from. */
void dw_conf_value(const struct dw_conf *c, uint32_t row, struct dw_buf *out);
/* Every option: `name: value   # origin`. */
void dw_conf_show(const struct dw_conf *c, struct dw_buf *out);
/* A commented file with every option at its default. */
void dw_conf_skeleton(const struct dw_conf_table *t, struct dw_buf *out);
/* The reference page, markdown. */
void dw_conf_page(const struct dw_conf_table *t, struct dw_buf *out);

/* Its rows alone, as a table. */
void dw_conf_rows(const struct dw_conf_table *t, struct dw_buf *out);

/* "64MiB", "10 MB" or "512" in bytes; "5s", "250ms" in nanoseconds. False on a wrong unit or overflow. */
bool dw_conf_size(struct dw_str text, int64_t *ret);
bool dw_conf_duration(struct dw_str text, int64_t *ret);
/* The same back, in the largest unit that is exact. */
void dw_conf_put_size(struct dw_buf *out, int64_t v);
void dw_conf_put_duration(struct dw_buf *out, int64_t v);

#endif
