/*
 * A rule set: Sigma rules, filters and correlations compiled from YAML.
 *
 * A rule with mistakes is reported and left out; the others load. Immutable after loading: any thread may match with
 * a scratch of its own.
 */
#ifndef DOGWATCH_CORRELATE_RULESET_H
#define DOGWATCH_CORRELATE_RULESET_H

#include "dogwatch/base/fs.h"
#include "dogwatch/conf/yaml.h"
#include "dogwatch/frame/digest.h"
#include "dogwatch/geo/geo.h"
#include "dogwatch/pred/explain.h"

#include <stdatomic.h>

enum dw_level {
    DW_LEVEL_NONE,
    DW_LEVEL_INFORMATIONAL,
    DW_LEVEL_LOW,
    DW_LEVEL_MEDIUM,
    DW_LEVEL_HIGH,
    DW_LEVEL_CRITICAL
};
/* "high"; "" for NONE. Static. */
const char *dw_level_text(enum dw_level level);

enum dw_corr_type {
    DW_CORR_NONE, /* a rule about one event */
    DW_CORR_EVENT_COUNT,
    DW_CORR_VALUE_COUNT,
    DW_CORR_TEMPORAL,
    DW_CORR_TEMPORAL_ORDERED,
    DW_CORR_VALUE_SUM,
    DW_CORR_VALUE_AVG,
    DW_CORR_VALUE_PERCENTILE,
    DW_CORR_ABSENCE, /* the last member is expected after any of the others */
    /* detectors (tbl/detectors.h): what is learned decides, not a number that somebody wrote */
    DW_CORR_NEW_VALUE,
    DW_CORR_RATE_SPIKE,
    DW_CORR_SILENCE,
    DW_CORR_NEW_TEMPLATE,
    DW_CORR_RARE_VALUE,
    DW_CORR_CARDINALITY_SPIKE,
    DW_CORR_HEAVY_HITTER,
    DW_CORR_ENTROPY_DGA,
    DW_CORR_BEACON,
    DW_CORR_IMPOSSIBLE_TRAVEL,
};
/* What the finding of a detector has beside type, feature, value and baseline: its value is a list of texts; how often; spread, score and spans; score alone; how far, how fast, and by
 * which database. */
enum { DW_SAYS_VALUES = 1, DW_SAYS_COUNT = 2, DW_SAYS_SPREAD = 4, DW_SAYS_SCORE = 8, DW_SAYS_TRAVEL = 16 };
enum dw_direction { DW_UP, DW_DOWN, DW_BOTH };
enum dw_corr_op { DW_CORR_GTE, DW_CORR_GT, DW_CORR_LTE, DW_CORR_LT, DW_CORR_EQ, DW_CORR_NEQ };
/* What a key's window holds at most: of a count with a lone lower bound so many as that is, of all else, where each event of the window counts, fewer. */
enum { DW_CORR_COUNT_MAX = 1048576, DW_CORR_WINDOW_MAX = 65536 };
enum { DW_CORR_MEMBERS_MAX = 32, DW_CORR_GROUP_MAX = 8, DW_CORR_MUTES_MAX = 32, DW_CORR_CODE_MAX = 128 };
enum { DW_CORR_AND = 0xf0, DW_CORR_OR, DW_CORR_NOT };

/* new_template: a template, or its id, that is not told on events before that time. */
struct dw_mute {
    struct dw_str text;
    int64_t until_ns;
};

static inline bool dw_is_detector(enum dw_corr_type t)
{
    return t >= DW_CORR_NEW_VALUE;
}

/* Names that an event may carry a value under; the first present counts. */
struct dw_name_list {
    const uint32_t *key;
    uint32_t count;
};

struct dw_correlation {
    enum dw_corr_type type;
    uint32_t member_count, group_count, field_count;
    uint32_t member[DW_CORR_MEMBERS_MAX];                              /* rule numbers */
    struct dw_str group_name[DW_CORR_GROUP_MAX];                       /* as written */
    struct dw_name_list group[DW_CORR_MEMBERS_MAX][DW_CORR_GROUP_MAX]; /* by member */
    struct dw_name_list field[DW_CORR_GROUP_MAX];                      /* value_*: what is counted */
    struct dw_str field_name[DW_CORR_GROUP_MAX];
    int64_t timespan_ns;
    int64_t before_ns; /* absence: what is expected may have come so long before; else 0 */
    uint32_t cond_count; /* 1 or 2: all must hold */
    enum dw_corr_op op[2];
    double want[2];
    bool calms;          /* event_count, value_count: its finding is open until the count has come down to calm_most */
    uint32_t calm_most;
    double percentile; /* of value_percentile */
    struct dw_str condition;         /* of temporal, where it is an expression over members; else empty */
    uint8_t code[DW_CORR_CODE_MAX]; /* that in postfix: members' numbers and DW_CORR_AND ... */
    uint32_t code_count;
    /* of detectors */
    int64_t learn_ns;      /* a key that was first seen less long ago raises nothing */
    uint32_t history;      /* spikes: spans that make the baseline */
    double deviations;     /* spikes: so many times the spread away is one */
    enum dw_direction way; /* spikes */
    uint32_t fanout;       /* new_template: so many words at one place make it a value */
    double warmup;         /* new_template, rare_value, heavy_hitter: a key that has had fewer events raises nothing */
    uint32_t score;        /* entropy_dga, beacon: from so many of 100 on */
    uint32_t share_ppm;    /* rare_value, heavy_hitter: of a key's events, in millionths; 0: it does not matter */
    uint32_t max_speed_kmh, min_distance_km; /* impossible_travel */
    const struct dw_mute *mute; /* new_template */
    uint32_t mute_count;
    bool generate;     /* members alert on their own too */
};

struct dw_rule {
    struct dw_str id, name, title, description, status, path; /* id: the name or title where it has none */
    struct dw_str author;
    const struct dw_str *tag;
    uint32_t tag_count;
    enum dw_level level;
    struct dw_str category, product, service; /* logsource, "" where not given */
    uint8_t logic_hash[DW_SHA256_BYTES];      /* of what decides, not of titles and levels */
    uint32_t expr;                            /* DW_EXPR_NONE: a correlation */
    uint32_t logsource;                       /* number, for routing */
    bool silent;                              /* a member of correlations that does not alert on its own */
    const struct dw_correlation *corr;        /* NULL: about one event */
    struct dw_span at;
};

struct dw_mends;

/* A %name% and what it stands for. */
struct dw_placeholder {
    struct dw_str name;
    const struct dw_str *value;
    uint32_t count;
};
struct dw_ruleset_opts {
    const struct dw_placeholder *placeholder; /* borrowed during the call */
    uint32_t placeholder_count;
    struct dw_places *places; /* where addresses are, for rules that ask it; taken, with dw_places_free. NULL: such rules sleep */
    struct dw_mends *mends; /* repairs go there; may be NULL */
    struct dw_buf *pack;    /* what is added goes there too (rulepack.h); may be NULL */
    bool lint, notes; /* say more than loading needs: rows of tbl/lint.h that are for CHECK; and those that are notes, which are counted else */
};

struct dw_ruleset;

/* Gives an empty set that interns names into `keys`, which must outlive it. NULL without memory: then the places are freed, too. Thread: one, until
 * finished. */
struct dw_ruleset *dw_ruleset_new(struct dw_keys *keys, const struct dw_ruleset_opts *opts);
void dw_ruleset_free(struct dw_ruleset *rs);
/* Adds the rules of one text, or the mappings (correlate/sigma/mapping.c), which come before all rules. Mistakes are told to `sink` and counted. DW_ENOMEM. */
DW_MUST_USE int dw_ruleset_add(struct dw_ruleset *rs, const char *path, struct dw_str text, struct dw_diag_sink sink);
/* Resolves references between rules and makes the tables; after it the set is immutable. DW_ENOMEM. */
DW_MUST_USE int dw_ruleset_finish(struct dw_ruleset *rs, struct dw_diag_sink sink);

/* Files, and folders with all .yml and .yaml below them, in order of name, into a finished set; of all paths NAME.mapping.yml come first; files
 * NAME.test.yml are cases and are left out. Codes of dw_fs for a path that cannot be read (*ret_bad names it). */
DW_MUST_USE int dw_ruleset_load(const struct dw_fs *fs, const char *const *path, uint32_t count, struct dw_keys *keys,
    const struct dw_ruleset_opts *opts, struct dw_diag_sink sink, struct dw_ruleset **ret, uint32_t *ret_bad);
/* The files of rules that dw_ruleset_load would read, one after the other, each ended by a NUL. */
DW_MUST_USE int dw_rule_files(const struct dw_fs *fs, const char *path, struct dw_buf *names);
/* So the files of mappings (NAME.mapping.yml), which it reads before all others. */
DW_MUST_USE int dw_mapping_files(const char *path, struct dw_buf *names);
/* So the files of cases (NAME.test.yml) below a folder, or that beside a rule file. */
DW_MUST_USE int dw_case_files(const char *path, struct dw_buf *names);

uint32_t dw_ruleset_count(const struct dw_ruleset *rs);  /* rules that loaded, correlations too */
/* The number of the correlation of that id and logic hash (DW_SHA256_BYTES); UINT32_MAX: it is not there, or decides otherwise. */
uint32_t dw_ruleset_correlation(const struct dw_ruleset *rs, struct dw_str id, const void *logic_hash);
uint32_t dw_ruleset_errors(const struct dw_ruleset *rs); /* rules left out, and files that are not YAML */
uint32_t dw_ruleset_allowed(const struct dw_ruleset *rs); /* findings that their files allow */
uint32_t dw_ruleset_notes(const struct dw_ruleset *rs);   /* notes that were not asked for */
/* Where its rules look places up; NULL: nowhere. */
const struct dw_places *dw_ruleset_places(const struct dw_ruleset *rs);
/* How many rules sleep: they are there, and their members raise nothing of their own, but they ask for places and there are none. *ret_first: the first of them. */
uint32_t dw_ruleset_asleep(const struct dw_ruleset *rs, uint32_t *ret_first);
/* What can be said about rules: tbl/lint.h. Static. */
enum dw_lint_when { DW_LINT_LOADING, DW_LINT_CHECK };
enum dw_repair { DW_REPAIR_HAND, DW_REPAIR_SAME, DW_REPAIR_ANEW, DW_REPAIR_LOADS };
struct dw_lint_row {
    const char *code; /* "DW-S001" */
    enum dw_severity severity;
    enum dw_lint_when when;
    enum dw_repair repair;
    const char *what, *fix;
};
const struct dw_lint_row *dw_lint_table(size_t *ret_count);
/* A rule by its id, name or title, as people write it; the rule count when there is none. */
uint32_t dw_ruleset_find(const struct dw_ruleset *rs, struct dw_str ref);
const struct dw_rule *dw_ruleset_rule(const struct dw_ruleset *rs, uint32_t index);
/* SHA-256 over the logic hashes of all rules in order: equal for sets that decide alike. */
void dw_ruleset_hash(const struct dw_ruleset *rs, uint8_t ret[DW_SHA256_BYTES]);
size_t dw_ruleset_bytes(const struct dw_ruleset *rs);
/* "event_count", "rate_spike". Static. */
const char *dw_corr_type_text(enum dw_corr_type type);
/* DW_SAYS_* of a detector; 0 for correlations. */
uint32_t dw_detector_says(enum dw_corr_type type);
/* Appends what a correlation asks, in one line: `event_count over 'Failed login' by source.ip within 300 s: gte 10`. */
void dw_correlation_text(const struct dw_ruleset *rs, const struct dw_correlation *c, struct dw_buf *out);

/* A thread's working memory for a finished set, which must outlive it. */
struct dw_match_scratch;
struct dw_match_scratch *dw_match_scratch_new(const struct dw_ruleset *rs);
void dw_match_scratch_free(struct dw_match_scratch *s);

/* What matching cost and found, counted by the thread that matches and read by any. Of a correlation only `matched` moves, by who
 * takes its findings. */
struct dw_tally {
    _Atomic uint64_t events;
    struct dw_rule_tally {
        _Atomic uint64_t evaluated, matched, undecided;
    } rule[]; /* by rule number */
};
/* All zero; given, dw_free. NULL without memory. */
struct dw_tally *dw_tally_new(const struct dw_ruleset *rs);
void dw_tally_add(_Atomic uint64_t *n);

struct dw_match_opts {
    struct dw_tally *tally; /* may be NULL */
    bool aside;         /* asked again, beside the matching that works: what is undecided is not counted */
    bool any_logsource; /* match every rule, whatever the event's dataset */
    bool no_prefilter;  /* evaluate every rule: the oracle for tests */
};
/* Calls `hit` for each rule about one event that matches, in order of rule number. `undecided` instead of a match: a
 * limit was hit. DW_ENOMEM. Thread: the scratch's. */
DW_MUST_USE int dw_match_event(struct dw_match_scratch *s, const struct dw_event *ev, struct dw_match_opts opts,
    void (*hit)(void *ud, uint32_t rule, bool undecided), void *ud);
/* What our own tags say that an event lacks: bits of DW_DOUBT_LACKING and the like. Thread: any. */
uint32_t dw_match_doubt(const struct dw_event *ev);
/* Whether a regular expression used up its steps on the event that the scratch was asked about last. */
bool dw_match_hit_limit(const struct dw_match_scratch *s);
/* Why rule `rule`, which is about one event, matches `ev` or does not: see dw_expr_explain. The logsource is not looked at. DW_ENOMEM. */
DW_MUST_USE int dw_match_explain(struct dw_match_scratch *s, uint32_t rule, const struct dw_event *ev, bool whole,
    dw_each_condition *each, void *ud, enum dw_verdict *ret);

#endif
