/*
 * plain: Sigma once more, as plainly as it can be written: the other half of the differential test (README.md).
 *
 * A rule is its YAML, read anew for every event: nothing is interned, searched for beforehand or kept. No code of core/pred or correlate
 * is used but the table of case folding; tables of names (sigma_fields.h, logsources.h) are data and shared. Thread: one.
 */
#ifndef DOGWATCH_TESTS_PLAIN_H
#define DOGWATCH_TESTS_PLAIN_H

#include "dogwatch/base/arena.h"
#include "dogwatch/base/buf.h"
#include "dogwatch/conf/yaml.h"
#include "dogwatch/event/event.h"

enum plain_verdict { PLAIN_NO, PLAIN_YES, PLAIN_MAYBE };

/* What %name% stands for. */
struct plain_placeholder {
    struct dw_str name;
    const struct dw_str *value;
    uint32_t count;
};

/* What every question needs. The arena is emptied by whoever asks, whenever he likes. */
struct plain {
    const struct dw_keys *keys;
    const struct plain_placeholder *placeholder;
    uint32_t placeholder_count;
    struct dw_arena mem;
    uint64_t limited; /* how often a regular expression hit its limit */
};

/* ---- plain_text.c: values as patterns ---- */

enum plain_kind { PLAIN_BYTE, PLAIN_STAR, PLAIN_ONE, PLAIN_DASH };
struct plain_token {
    uint8_t kind, byte; /* byte: of PLAIN_BYTE */
};
struct plain_pattern {
    struct plain_token *token;
    size_t count;
    struct plain_pattern *next; /* another form of the same value: any of them */
};
/* A value as Sigma writes it, as one pattern. */
struct plain_pattern *plain_read(struct plain *p, struct dw_str text);
/* What the modifier `name` makes of all of them; *ret_known is false when it is no transformation. NULL: nothing is left. */
struct plain_pattern *plain_transform(struct plain *p, struct plain_pattern *all, struct dw_str name, bool *ret_known);
/* With a star before, behind. */
struct plain_pattern *plain_around(struct plain *p, const struct plain_pattern *one, bool before, bool behind);
/* Whether the whole text is of the pattern. */
bool plain_fits(struct plain *p, const struct plain_pattern *one, struct dw_str text, bool cased);
struct dw_str plain_folded(struct plain *p, struct dw_str text);

/* ---- plain_value.c: one value of an event ---- */

bool plain_number(struct dw_str text, double *ret);
/* A scalar of YAML that is a number, and its decimal form; or a truth. False: neither. */
bool plain_canonical(struct plain *p, const struct dw_yaml *n, struct dw_str *ret);
bool plain_yaml_number(const struct dw_yaml *n, double *ret);
/* `part`: minute, hour, ... year. */
bool plain_time_is(struct dw_str part, struct dw_str text, double want);
/* Whole seconds, UTC, as RFC 3339 writes them. */
struct dw_str plain_time_text(struct plain *p, int64_t time_ns);
bool plain_in_network(struct dw_str network, struct dw_str address);
enum plain_verdict plain_regex(struct plain *p, struct dw_str source, bool i, bool m, bool s, struct dw_str text);

/* ---- plain_event.c: what an event has under a name ---- */

struct plain_value {
    struct dw_str text;
    uint32_t elem;
    struct plain_value *next;
};
struct plain_rule_names {
    struct dw_str category, product, service; /* of the rule's logsource */
};
/* The values of a field of a rule, and in *ret_name the event's own name of it ("" where it has none). `decoded`: their percent-decoded
 * forms too. */
struct plain_value *plain_values(struct plain *p, const struct plain_rule_names *rule, struct dw_str name, bool decoded, const struct dw_event *ev,
    struct dw_str *ret_name);
/* What keywords are looked for in. */
struct plain_value *plain_line(struct plain *p, const struct dw_event *ev);
/* Whether both are members of the elements of one array of this event. */
bool plain_tied(const struct plain *p, const struct dw_event *ev, struct dw_str a, struct dw_str b);
/* Whether the event belongs to the logsource. */
bool plain_takes(struct plain *p, const struct plain_rule_names *logsource, const struct dw_event *ev);

/* ---- plain_rule.c: rules ---- */

/* The logsource of a rule or filter. */
struct plain_rule_names plain_names(const struct dw_yaml *doc);
/* The patterns that a value of `field|modifiers` stands for, the operator's stars included; NULL: it is none that text can meet. */
struct plain_pattern *plain_patterns(struct plain *p, struct dw_str key, const struct dw_yaml *value);
/* Whether a rule's detection holds for the event; with its filters, which are documents of the same list. The logsource is not looked at. */
enum plain_verdict plain_rule(struct plain *p, const struct dw_yaml *doc, const struct dw_yaml *documents, const struct dw_event *ev);

#endif
