/*
 * undecided: see undecided.h.
 *
 *     key of what was told:  stream (16)  hour (u64)  rule id
 *     saved:                 u32 'dwU1'  varint n { counted key  u64 arrival } n
 *
 * Invariants:
 *   (1) Which are told depends on the events given, in their order, and their arrival alone; so a replay tells the same.
 *   (2) At most DW__UNDECIDED_HOUR_MAX keys have one hour, and there are at most DW__UNDECIDED_MAX. One leaves when it is
 *       DW__UNDECIDED_HELD_NS old, and with it its place.
 *   (3) What is not told because of (2) moves detect_undecided_untold.
 */
#include "undecided.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

#define HOUR_NS INT64_C(3600000000000)
enum { MAGIC = 0x31557764, HOUR_AT = DW_ID_BYTES, RULE_AT = DW_ID_BYTES + 8, TESTS_MAX = 5, TEST_BYTES = 160, NAME_BYTES = 200 };

struct told {
    struct dw_keyed_item item;
    int64_t arrival_ns;
};

void dw__undecided_fini(struct dw__undecided *u)
{
    dw_keyed_fini(&u->told);
    dw_buf_fini(&u->key);
}

static int64_t hour_of(int64_t time_ns)
{
    return time_ns / HOUR_NS - (time_ns % HOUR_NS < 0);
}

static int64_t hour_in(struct dw_str key)
{
    struct dw_cursor c = dw_cursor_of(dw_str_slice(key, HOUR_AT, RULE_AT));
    return (int64_t)dw_take_u64(&c);
}

static uint32_t count_in_hour(const struct dw__undecided *u, int64_t hour)
{
    uint32_t count = 0;
    if (u->hour_is_full && u->full_hour == hour)
        return DW__UNDECIDED_HOUR_MAX;
    for (const struct dw_keyed_item *i = u->told.first; i; i = i->next)
        count += hour_in(i->key) == hour;
    return count;
}

static void forget_old(struct dw__undecided *u, int64_t arrival_ns)
{
    int64_t oldest;
    if (__builtin_sub_overflow(arrival_ns, DW__UNDECIDED_HELD_NS, &oldest))
        oldest = INT64_MIN;
    while (u->told.first && ((const struct told *)u->told.first)->arrival_ns <= oldest) {
        dw_keyed_drop_first(&u->told);
        u->hour_is_full = false;
    }
}

int dw__undecided_note(struct dw__undecided *u, struct dw_str rule_id, const struct dw_event *ev, int64_t arrival_ns, bool *ret_tell, bool *ret_last)
{
    static const uint8_t nowhere[DW_ID_BYTES];
    int64_t hour = hour_of(ev->time_ns);
    *ret_tell = *ret_last = false;
    dw_buf_reset(&u->key);
    dw_buf_add(&u->key, ev->stream ? ev->stream->id : nowhere, DW_ID_BYTES);
    dw_buf_u64(&u->key, (uint64_t)hour);
    dw_buf_str(&u->key, rule_id);
    if (u->key.err)
        return u->key.err;
    forget_old(u, arrival_ns);
    if (dw_keyed_find(&u->told, dw_buf_view(&u->key)))
        return DW_OK;
    bool full = u->told.count == DW__UNDECIDED_MAX;
    uint32_t in_hour = full ? 0 : count_in_hour(u, hour);
    if (full || in_hour == DW__UNDECIDED_HOUR_MAX) {
        u->hour_is_full = u->hour_is_full || !full;
        u->full_hour = full ? u->full_hour : hour;
        DW_COUNT(detect_undecided_untold);
        return DW_OK;
    }
    struct told *t = dw_keyed_add(&u->told, dw_buf_view(&u->key), sizeof *t);
    if (!t)
        return DW_ENOMEM;
    t->arrival_ns = arrival_ns;
    *ret_tell = true;
    *ret_last = in_hour + 1 == DW__UNDECIDED_HOUR_MAX || u->told.count == DW__UNDECIDED_MAX;
    return DW_OK;
}

/* ---- state ---- */

void dw__undecided_save(const struct dw__undecided *u, struct dw_buf *out)
{
    dw_buf_u32(out, MAGIC);
    dw_buf_varint(out, u->told.count);
    for (const struct dw_keyed_item *i = u->told.first; i; i = i->next) {
        dw_buf_counted(out, i->key);
        dw_buf_u64(out, (uint64_t)((const struct told *)i)->arrival_ns);
    }
}

static int take_told(struct dw__undecided *u, struct dw_cursor *c)
{
    struct dw_str key = dw_take_counted(c);
    int64_t arrival_ns = (int64_t)dw_take_u64(c);
    if (c->bad || key.len < RULE_AT || dw_keyed_find(&u->told, key) || count_in_hour(u, hour_in(key)) == DW__UNDECIDED_HOUR_MAX)
        return DW_ECORRUPT;
    struct told *t = dw_keyed_add(&u->told, key, sizeof *t);
    if (!t)
        return DW_ENOMEM;
    t->arrival_ns = arrival_ns;
    return DW_OK;
}

int dw__undecided_load(struct dw__undecided *u, struct dw_str in)
{
    struct dw_cursor c = dw_cursor_of(in);
    dw_keyed_fini(&u->told);
    u->hour_is_full = false;
    int rc = dw_take_u32(&c) == MAGIC ? DW_OK : c.bad ? DW_ECORRUPT : DW_EVERSION;
    uint32_t count = rc == DW_OK ? dw_take_max(&c, DW__UNDECIDED_MAX) : 0;
    for (uint32_t i = 0; i < count && rc == DW_OK; i++)
        rc = take_told(u, &c);
    if (rc == DW_OK && (c.bad || dw_cursor_left(&c)))
        rc = DW_ECORRUPT;
    if (rc < 0)
        dw_keyed_fini(&u->told);
    return rc;
}

/* ---- words ---- */

static const struct {
    uint32_t doubt;
    const char *tag, *words;
} reasons[] = {
    {DW_DOUBT_LACKING, "fields.dropped", "fields of the event were dropped at a bound"},
    {DW_DOUBT_CUT, "cut", "the line was cut"},
    {DW_DOUBT_UNPARSED, "unparsed", "its parser refused the line"},
    {DW_DOUBT_MASKED, "masked", "what it asks for may have stood under a mask"},
    {0, "regex.limit", "a regular expression used up its steps"},
};

/* A condition on which the verdict rests. */
static void put_test(void *ud, const struct dw_condition *c)
{
    struct dw__undecided_words *w = ud;
    if (c->is_group || c->verdict != DW_UNDECIDED)
        return;
    if (w->tests == TESTS_MAX) {
        w->left_out++;
        return;
    }
    dw_buf_str(&w->more, w->tests++ ? DW_STR(",") : DW_STR(""));
    (void)dw_json_string(&w->more, dw_str_slice(c->text, 0, TEST_BYTES));
}

static void put_why(struct dw__undecided_words *w, uint32_t doubt, bool limit)
{
    bool first = true;
    dw_buf_str(&w->more, DW_STR(",\"why\":["));
    for (size_t i = 0; i < DW_COUNT_OF(reasons); i++) {
        if (reasons[i].doubt ? !(reasons[i].doubt & doubt) : !limit)
            continue;
        dw_buf_printf(&w->more, "%s\"%s\"", first ? "" : ",", reasons[i].tag);
        dw_buf_printf(&w->text, "%s%s", first ? "" : ", ", reasons[i].words);
        first = false;
    }
    dw_buf_byte(&w->more, ']');
}

static int put_tests(struct dw__undecided_words *w, struct dw_match_scratch *s, uint32_t rule, const struct dw_event *ev)
{
    enum dw_verdict v;
    w->tests = w->left_out = 0;
    dw_buf_str(&w->more, DW_STR(",\"tests\":["));
    int rc = dw_match_explain(s, rule, ev, false, put_test, w, &v);
    dw_buf_printf(&w->more, "],\"tests_left_out\":%u", w->left_out);
    return rc;
}

int dw__undecided_problem(struct dw__undecided_words *w, const struct dw_ruleset *rules, struct dw_match_scratch *s, uint32_t rule,
    const struct dw_event *ev, bool last, struct dw_problem *ret)
{
    const struct dw_rule *r = dw_ruleset_rule(rules, rule);
    const struct dw_field *path = dw_event_find(ev, DW_F_log_file_path);
    char id[DW_EVENT_ID_TEXT];
    dw_event_id_text(ev, id);
    dw_buf_reset(&w->text);
    dw_buf_reset(&w->more);
    dw_buf_str(&w->more, DW_STR(",\"undecided\":{\"rule\":{\"id\":"));
    (void)dw_json_string(&w->more, r->id);
    dw_buf_str(&w->more, DW_STR(",\"name\":"));
    (void)dw_json_string(&w->more, r->title);
    dw_buf_printf(&w->more, ",\"level\":\"%s\"},\"event\":\"%s\"", dw_level_text(r->level), id);
    dw_buf_printf(&w->text, "rule '%.*s' neither matches nor fails to: ", DW_ARG(dw_str_slice(r->title.len ? r->title : r->id, 0, NAME_BYTES)));
    int rc = put_tests(w, s, rule, ev);
    put_why(w, dw_match_doubt(ev), dw_match_hit_limit(s));
    if (path && dw_field_is_text(path))
        dw_buf_printf(&w->text, " (%.*s)", DW_ARG(dw_str_slice(dw_field_str(path), 0, NAME_BYTES)));
    dw_buf_printf(&w->text, last ? "; others of this hour are counted only (detect_undecided_untold)" : "; told once an hour of this rule and log");
    dw_buf_byte(&w->more, '}');
    dw_buf_reset(&w->cause);
    dw_buf_printf(&w->cause, "%.*s %" PRId64 " %.*s", 2 * DW_ID_BYTES, id, hour_of(ev->time_ns), DW_ARG(r->id));
    dw_buf_byte(&w->cause, '\0');
    dw_buf_byte(&w->text, '\0');
    dw_buf_byte(&w->more, '\0');
    rc = rc < 0 ? rc : w->cause.err ? w->cause.err : w->text.err ? w->text.err : w->more.err;
    if (rc == DW_OK)
        *ret = (struct dw_problem){.kind = DW_PROBLEM_UNDECIDED, .time_ns = ev->time_ns, .cause = w->cause.ptr, .text = w->text.ptr, .more = w->more.ptr};
    return rc;
}

void dw__undecided_words_fini(struct dw__undecided_words *w)
{
    dw_buf_fini(&w->cause);
    dw_buf_fini(&w->text);
    dw_buf_fini(&w->more);
}
