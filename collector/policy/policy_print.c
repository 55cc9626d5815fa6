/*
 * policy_print: what the languages' files share: the table of them, comments, and entries family by family.
 *
 * Invariants:
 *   (1) Outside comments a file holds nothing but what its language's file wrote and addresses that were read and written again.
 *   (2) A comment is one line of printable ASCII that neither ends early nor goes on: no text of strangers gets out of it.
 *   (3) What waits for approval is a comment, too.
 */
#include "policy_int.h"

#include "dogwatch/event/json_write.h"

#include <inttypes.h>

enum { SAFE_MAX = 160 };

static const struct {
    const struct dw_policy_target *target;
    const char *name, *summary;
} targets[] = {
#define POLICY_TARGET(name, summary) {&policy_##name, #name, summary},
#include "dogwatch/tbl/policy_targets.h"
#undef POLICY_TARGET
};

const struct dw_policy_target *dw_policy_target(struct dw_str name)
{
    for (size_t i = 0; i < DW_COUNT_OF(targets); i++)
        if (dw_str_eq(name, dw_str_of(targets[i].name)))
            return targets[i].target;
    return NULL;
}

const char *dw_policy_target_name(size_t i)
{
    return i < DW_COUNT_OF(targets) ? targets[i].name : NULL;
}

const char *dw_policy_target_summary(size_t i)
{
    return i < DW_COUNT_OF(targets) ? targets[i].summary : NULL;
}

/* A backslash before a line's end goes on with it in some languages; so does a stranger's line break, or end the comment. */
void policy_safe(struct dw_buf *out, struct dw_str text)
{
    for (size_t i = 0; i < text.len && i < SAFE_MAX; i++) {
        char ch = text.ptr[i];
        bool plain = ch >= ' ' && ch < 0x7f && !strchr("\\`#", ch) && !(ch == '*' && i + 1 < text.len && text.ptr[i + 1] == '/');
        dw_buf_byte(out, plain ? (uint8_t)ch : '?');
    }
    if (text.len > SAFE_MAX)
        dw_buf_str(out, DW_STR("..."));
}

static void put_blanks(struct dw_buf *out, int count)
{
    while (count-- > 0)
        dw_buf_byte(out, ' ');
}

/* # dogwatch ID ADDRESS until T, by WHO ("WHY"): TITLE (LEVEL), alert ID, and 2 more */
static void put_comment(const struct dw_policy_entry *e, int blanks, struct dw_buf *out)
{
    put_blanks(out, blanks);
    if (e->state == DW_POLICY_active) {
        dw_buf_printf(out, "# dogwatch %.12s %s until ", e->id, e->address);
        dw_time_text(out, e->until_ns);
        dw_buf_str(out, DW_STR(", approved by "));
        policy_safe(out, dw_str_of(e->author));
    } else {
        dw_buf_printf(out, "# proposed, not approved: %.12s %s", e->id, e->address);
    }
    for (uint32_t i = 0; i < e->cause_count && i < 1; i++) {
        dw_buf_str(out, DW_STR(": "));
        policy_safe(out, dw_str_of(e->cause[i].title));
        dw_buf_str(out, DW_STR(" ("));
        policy_safe(out, dw_str_of(e->cause[i].level));
        dw_buf_str(out, DW_STR("), alert "));
        policy_safe(out, dw_str_slice(dw_str_of(e->cause[i].id), 0, 12));
    }
    if (e->alerts > 1)
        dw_buf_printf(out, " and %" PRIu64 " more", e->alerts - 1);
    if (e->state == DW_POLICY_active && e->reason[0]) {
        dw_buf_str(out, DW_STR("; "));
        policy_safe(out, dw_str_of(e->reason));
    }
    dw_buf_byte(out, '\n');
}

static bool is_of(const struct dw_policy_entry *e, int families)
{
    return (families & (policy_is_v4(&e->net) ? POLICY_V4 : POLICY_V6)) != 0;
}

void policy_each(const struct policy_print *p, int families, int blanks, void (*line)(const struct dw_policy_entry *e, int64_t now_ns, struct dw_buf *out))
{
    for (uint32_t i = 0; i < p->list->count; i++) {
        const struct dw_policy_entry *e = p->list->entry[i];
        bool waits = e->state == DW_POLICY_proposed && p->proposed;
        if (!is_of(e, families) || (e->state != DW_POLICY_active && !waits))
            continue;
        put_comment(e, blanks, p->out);
        if (!line)
            continue;
        put_blanks(p->out, blanks);
        if (waits)
            dw_buf_str(p->out, DW_STR("# proposed: "));
        line(e, p->list->now_ns, p->out);
        dw_buf_byte(p->out, '\n');
    }
}

uint32_t policy_active(const struct dw_policy_list *l, int families)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->count; i++)
        n += l->entry[i]->state == DW_POLICY_active && is_of(l->entry[i], families);
    return n;
}

/* ---- why there is none ---- */

enum { TOLD_MAX = 20 };

void dw_policy_why_none(const struct dw_policy_list *l, struct dw_buf *out)
{
    uint64_t count[DW_POLICY_STATES] = {0};
    uint32_t told = 0;
    for (uint32_t i = 0; i < l->count; i++)
        count[l->entry[i]->state]++;
    if (count[DW_POLICY_active])
        return;
    dw_buf_str(out, DW_STR("Nothing is blocked: "));
    if (count[DW_POLICY_proposed])
        dw_buf_printf(out, "%" PRIu64 " wait for approval (dogwatch policy ls; dogwatch policy approve ID).\n", count[DW_POLICY_proposed]);
    else if (count[DW_POLICY_refused])
        dw_buf_printf(out, "none of the %" PRIu64 " addresses that alerts name may be blocked.\n", count[DW_POLICY_refused]);
    else if (count[DW_POLICY_expired] || count[DW_POLICY_rolled_back])
        dw_buf_printf(out, "%" PRIu64 " have expired, %" PRIu64 " were rolled back, and no alert is newer.\n", count[DW_POLICY_expired], count[DW_POLICY_rolled_back]);
    else
        dw_buf_str(out, DW_STR("no alert of policy.level or above names an address.\n"));
    for (uint32_t i = 0; i < l->count && told < TOLD_MAX; i++) {
        const struct dw_policy_entry *e = l->entry[i];
        if (e->state != DW_POLICY_refused)
            continue;
        dw_buf_printf(out, "  refused: %s (", e->address);
        policy_safe(out, dw_str_of(e->why));
        dw_buf_str(out, DW_STR(")\n"));
        told++;
    }
    if (count[DW_POLICY_refused] > told)
        dw_buf_printf(out, "  and %" PRIu64 " more: dogwatch policy ls\n", count[DW_POLICY_refused] - told);
}

static void put_commented(struct dw_str text, struct dw_buf *out)
{
    while (text.len) {
        struct dw_str line = dw_str_cut(&text, '\n');
        dw_buf_printf(out, "# %.*s\n", DW_ARG(line));
    }
}

void policy_head(const struct policy_print *p, const char *target, const char *use)
{
    struct dw_buf why = {0};
    int64_t first_ns = INT64_MAX;
    dw_buf_printf(p->out, "# Made by `dogwatch policy %s` at ", target);
    dw_time_text(p->out, p->list->now_ns);
    dw_buf_str(p->out, DW_STR("; changes are lost when it is made again.\n"));
    put_commented(dw_str_of(use), p->out);
    for (uint32_t i = 0; i < p->list->count; i++)
        if (p->list->entry[i]->state == DW_POLICY_active && p->list->entry[i]->until_ns < first_ns)
            first_ns = p->list->entry[i]->until_ns;
    if (first_ns != INT64_MAX) {
        dw_buf_str(p->out, DW_STR("# Make it anew by "));
        dw_time_text(p->out, first_ns);
        dw_buf_str(p->out, DW_STR(", when its first entry ends.\n"));
    }
    if (p->list->partial)
        dw_buf_printf(p->out, "# Not all is known: %s.\n", p->list->partial);
    dw_policy_why_none(p->list, &why);
    if (why.err)
        p->out->err = why.err;
    put_commented(dw_buf_view(&why), p->out);
    dw_buf_fini(&why);
}

void dw_policy_print(const struct dw_policy_target *t, const struct dw_policy_list *l, bool proposed, struct dw_buf *out)
{
    t->print(&(struct policy_print){.list = l, .proposed = proposed, .out = out});
}
