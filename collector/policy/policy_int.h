/*
 * The inside of policies: settings (never_block.c), and what the languages' files share (policy_print.c).
 */
#ifndef DOGWATCH_COLLECTOR_POLICY_INT_H
#define DOGWATCH_COLLECTOR_POLICY_INT_H

#include "dogwatch/collect/policy.h"

enum { POLICY_TOLD_CAP = 128, POLICY_LIST_NAME = 16 };

struct policy_range {
    struct dw_cidr net;
    char told[POLICY_TOLD_CAP]; /* as it was written, and what it is */
    bool proxy;
};

struct dw_policy_settings {
    struct policy_range *range; /* never blocked */
    uint32_t count;
    char **claimed; /* datasets, and globs of files, whose addresses prove nothing */
    uint32_t claimed_count;
    int level; /* alerts from this one on propose */
    int64_t expiry_ns;
    char name[POLICY_LIST_NAME + 1]; /* of the never-block list: another list has another */
};

/* Whether a network is of IPv4; its length as its family counts it; its address without the length. */
bool policy_is_v4(const struct dw_cidr *net);
unsigned policy_bits(const struct dw_cidr *net);
void policy_ip_text(const struct dw_cidr *net, char ret[DW_NET_TEXT]);

/* ---- languages ---- */

struct policy_print {
    const struct dw_policy_list *list;
    bool proposed;
    struct dw_buf *out;
};
struct dw_policy_target {
    const char *name;
    void (*print)(const struct policy_print *p);
};
#define POLICY_TARGET(name, summary) extern const struct dw_policy_target policy_##name;
#include "dogwatch/tbl/policy_targets.h"
#undef POLICY_TARGET

/* Entries of a family (POLICY_V4, POLICY_V6 or both): each a comment, and the line that `line` writes, without newline; of one that waits as a comment, too. Each line
 * begins with so many blanks. `line` NULL: the comment alone. */
enum { POLICY_V4 = 1, POLICY_V6 = 2 };
void policy_each(const struct policy_print *p, int families, int blanks, void (*line)(const struct dw_policy_entry *e, int64_t now_ns, struct dw_buf *out));
/* How many active ones there are of it. */
uint32_t policy_active(const struct dw_policy_list *l, int families);
/* The comment that begins a file: what it is and how it is used (`use`: lines), when its first entry ends, or why it has none. */
void policy_head(const struct policy_print *p, const char *target, const char *use);
/* Text of strangers as it may stand in a comment of any of the languages: printable ASCII of one line, without what could continue or end it. */
void policy_safe(struct dw_buf *out, struct dw_str text);

#endif
