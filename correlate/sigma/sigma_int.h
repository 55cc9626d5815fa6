/* sigma_int: what the files of correlate/sigma share. */
#ifndef DOGWATCH_CORRELATE_SIGMA_INT_H
#define DOGWATCH_CORRELATE_SIGMA_INT_H

#include "dogwatch/correlate/mend.h"
#include "dogwatch/correlate/ruleset_parts.h"

enum { DW__KIDS_MAX = 20000, DW__SELECTIONS_MAX = 512, DW__CODES_MAX = 20000 };

/* Rows of tbl/lint.h. */
enum dw__lint {
#define LINT(NAME, number, severity, when, repair, what, fix) DW__LINT_##NAME,
#include "dogwatch/tbl/lint.h"
#undef LINT
};

/* One document being compiled. Complaints go to `diags`; a rule is dropped when errors grew. */
struct dw__sigma {
    struct dw_ruleset *rs;
    struct dw_diags *diags;
    struct dw_str category, product, service; /* its logsource: some field names depend on it */
    const char *part; /* correlations: how this one calls itself in a mistake; NULL: `correlation` */
};

/* Tells something about the rule; `help` NULL: the row's. An error is told always, else the file may allow it, or nobody asked for notes: false. */
bool dw__say(struct dw__sigma *g, enum dw__lint what, struct dw_span at, const char *help, const char *fmt, ...) DW_PRINTF(5, 6);
/* Offers what mends that which was told just now: these bytes of the file, together; `said` in a few words. Nothing where nobody collects repairs. */
void dw__mend(struct dw__sigma *g, enum dw__lint what, struct dw_span at, const struct dw_edit *edit, uint32_t count, const char *said);
/* So another text for a scalar that stands in one line. */
void dw__mend_text(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *n, struct dw_str with);
/* So without an entry of a list, where nothing else is lost with it. */
void dw__mend_drop(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *list, const struct dw_yaml *entry);
/* So without the line `key: value`. */
void dw__mend_drop_line(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *value);
/* So without bytes [from, from + len) of the item's key. */
void dw__mend_key(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *item, size_t from, size_t len);
/* So with an id for a document that has none. */
void dw__mend_id(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *doc);
/* Where the text of an item's key ends in the file; false: it is written otherwise. */
bool dw__key_end(const struct dw__sigma *g, const struct dw_yaml *item, size_t *ret);
/* Where a scalar's text begins, of one that stands in one line. */
size_t dw__text_begin(const struct dw__sigma *g, const struct dw_yaml *n);
/* The name nearest to a word, when no other is as near; else NULL. */
const char *dw__only_near(struct dw_str word, const char *const *names, size_t count);
/* Gives what was told without a code that of `what`. */
void dw__code_others(struct dw_diags *d, enum dw__lint what);
/* Each code that a text allows. */
void dw__allowances(struct dw_str text, void (*each)(void *ud, struct dw_str code), void *ud);
/* What `dogwatch rules check` says of the documents of a file besides, and the whole in order of places. */
void dw__lint(struct dw__sigma *g, const struct dw_yaml *doc);
/* The part of that about one selection, or a list of them. */
void dw__lint_selection(struct dw__sigma *g, const struct dw_yaml *n);

/* A list of node numbers that grows. */
struct dw__kids {
    uint32_t *id;
    uint32_t count, cap;
};
DW_MUST_USE int dw__kids_add(struct dw__kids *k, uint32_t id);
void dw__kids_fini(struct dw__kids *k);

enum dw__match_op {
    DW__OP_NONE,
    DW__OP_CONTAINS,
    DW__OP_STARTS,
    DW__OP_ENDS,
    DW__OP_RE,
    DW__OP_CIDR,
    DW__OP_EXISTS,
    DW__OP_LT,
    DW__OP_LTE,
    DW__OP_GT,
    DW__OP_GTE,
    DW__OP_MINUTE,
    DW__OP_HOUR,
    DW__OP_DAY,
    DW__OP_WEEK,
    DW__OP_MONTH,
    DW__OP_YEAR,
};
enum { DW__FLAG_FIELDREF = 1, DW__FLAG_ALL = 2, DW__FLAG_CASED = 4, DW__FLAG_NEQ = 8, DW__FLAG_URLDECODE = 16, DW__FLAG_EVERY = 32 };
enum { DW__RE_I = DW_RE_I, DW__RE_M = DW_RE_M, DW__RE_S = DW_RE_S };
enum dw__code {
    DW__CODE_EXPAND,
    DW__CODE_WINDASH,
    DW__CODE_UTF16LE,
    DW__CODE_UTF16BE,
    DW__CODE_UTF16,
    DW__CODE_BASE64,
    DW__CODE_BASE64OFFSET
};
enum { DW__CODES_PER_ITEM = 6 };

/* `name|modifier|...` read. */
struct dw__head {
    struct dw_str name; /* empty: keywords */
    enum dw__match_op op;
    uint32_t flags, re_flags;
    enum dw__code code[DW__CODES_PER_ITEM];
    uint32_t code_count;
    struct dw_span at;
};

/* Codes of one value on their way through the transformations. */
struct dw__codes {
    struct dw_buf *item;
    uint32_t count, cap;
};
void dw__codes_fini(struct dw__codes *c);
DW_MUST_USE int dw__codes_add(struct dw__codes *c, struct dw_str code);
/* Applies one transformation to all. DW_ESYNTAX: told. */
DW_MUST_USE int dw__transform(struct dw__sigma *g, const struct dw_yaml *value, enum dw__code how, struct dw__codes *c);

/* Reads `name|mod|mod`. DW_ESYNTAX: told. */
DW_MUST_USE int dw__head_read(struct dw__sigma *g, const struct dw_yaml *value, struct dw__head *h);
/* `key: value` of a selection as an expression. DW_ESYNTAX: told. */
DW_MUST_USE int dw__item(struct dw__sigma *g, const struct dw_yaml *value, uint32_t *ret_expr);
/* A keyword (or list item without a field). */
DW_MUST_USE int dw__keyword(struct dw__sigma *g, const struct dw_yaml *value, uint32_t *ret_expr);
/* The field of a Sigma name in the rule's logsource. */
DW_MUST_USE int dw__field(struct dw__sigma *g, struct dw_str name, bool decoded, uint32_t *ret_field);
/* The same as a list of names, in the set's arena. */
DW_MUST_USE int dw__names(struct dw__sigma *g, struct dw_str name, struct dw_name_list *ret);
/* Warns when a name looks like a known one with a slip. */
void dw__check_name(struct dw__sigma *g, struct dw_str name, struct dw_span at);

/* The detection part: selections and condition (`skip` names a key that is neither; may be NULL). */
DW_MUST_USE int dw__detection(struct dw__sigma *g, const struct dw_yaml *map, const char *skip, uint32_t *ret_expr);

/* A selection compiled, for conditions. */
struct dw__selection {
    struct dw_str name;
    uint32_t expr;
    bool used;
};
/* A condition over selections. DW_ESYNTAX: told. */
DW_MUST_USE int dw__condition(
    struct dw__sigma *g, const struct dw_yaml *text, struct dw__selection *sel, uint32_t count, uint32_t *ret_expr);

/* Title, id, level, tags, logsource ... of a document, into the set's arena. */
DW_MUST_USE int dw__meta(struct dw__sigma *g, const struct dw_yaml *doc, struct dw_rule *ret);
/* Adds a rule; refuses a second one with the same id. DW_EEXIST: told. */
DW_MUST_USE int dw__add_rule(struct dw__sigma *g, const struct dw_rule *rule, uint32_t *ret_index);
/* Whether events of some known dataset, or of Windows, belong to a logsource, or one of a dataset that is called so would. */
bool dw__logsource_known(const struct dw_ruleset *rs, const struct dw_logsource *l);
/* The number of a logsource, interned. */
DW_MUST_USE int dw__logsource(struct dw_ruleset *rs, const struct dw_rule *rule, uint32_t *ret);
/* A rule by id or name; the rule count when there is none. */
uint32_t dw__find_rule(const struct dw_ruleset *rs, struct dw_str ref);

/* A document of mappings (`mapping: ...`), which comes before all rules. DW_ESYNTAX: told. */
DW_MUST_USE int dw__mapping(struct dw__sigma *g, const struct dw_yaml *doc);
/* A correlation document: fills what does not need other rules; members are resolved in the second step. */
DW_MUST_USE int dw__correlation(struct dw__sigma *g, const struct dw_yaml *doc, uint32_t index);
/* A condition that is an expression over members (`a and not b`); where there are none yet, those that it names become members. DW_ESYNTAX: told. */
DW_MUST_USE int dw__members_condition(struct dw__sigma *g, const struct dw_yaml *text, struct dw_correlation *c);
/* Its `correlation:` or `detector:`; NULL: it has neither. */
const struct dw_yaml *dw__correlation_of(const struct dw_yaml *doc);
/* What `detector:` has beside what a correlation has, after that was read. */
DW_MUST_USE int dw__detector(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c);
/* Before anything of it is read: whether it stands alone, and all of its keys are known. `type`: of the detector. */
DW_MUST_USE int dw__detector_keys(struct dw__sigma *g, const struct dw_yaml *doc, const struct dw_yaml *map, enum dw_corr_type type);
/* 30s, 5m, 1h. */
DW_MUST_USE int dw__timespan(struct dw__sigma *g, const struct dw_yaml *n, int64_t *ret);
/* A plain, finite number. */
bool dw__number(const struct dw_yaml *n, double *ret);
enum { DW__CORR_DEPTH_MAX = 8 };
/* How deep each rule's correlations of correlations go: 0 a rule about one event; over the bound: too deep or a cycle.
 * `depth` has a byte for each rule. */
void dw__corr_depths(const struct dw_ruleset *rs, uint8_t *depth);
/* The logic hash of every rule. */
DW_MUST_USE int dw__logic_hashes(struct dw_ruleset *rs);

/* A text in the set's arena; complains when the node is no scalar. */
DW_MUST_USE int dw__text(struct dw__sigma *g, const struct dw_yaml *n, struct dw_str *ret);

#endif
