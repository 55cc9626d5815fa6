/*
 * intake_detect: see intake_detect.h.
 *
 * Invariants:
 *   (1) Findings and problems depend on the frames given, in their order, alone.
 *   (2) Marked duplicates are never matched.
 *   (3) Of an event the findings come before what could not be decided about it.
 */
#include "intake_detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_CAP = 4096 + 256, UNDECIDED = 0xf5, EPOCHS = 0xf6, SHARED = 0xf7, EPOCHS_MAX = 1 << 16 };

static void keep_failure(struct dw__detect *d, int rc)
{
    if (rc < 0 && d->rc == DW_OK)
        d->rc = rc;
}

void dw__detect_finding(void *detect, const struct dw_finding *f)
{
    struct dw__detect *d = detect;
    if (d->tally && dw_ruleset_rule(d->rules, f->rule)->corr)
        dw_tally_add(&d->tally->rule[f->rule].matched);
    if (f->silent || d->rc < 0)
        return;
    const struct dw_correlation *c = dw_ruleset_rule(d->rules, f->rule)->corr;
    d->type = c ? c->type : DW_CORR_NONE;
    if (c && d->early)
        keep_failure(d, dw__early_confirm(d->early, f));
    keep_failure(d, dw_raised_of_finding(&d->raised, d->rules, f));
    if (d->rc == DW_OK)
        keep_failure(d, d->raise(d->arg, &d->raised.alert));
}

static void on_problem(void *arg, const struct dw_problem *p)
{
    struct dw__detect *d = arg;
    if (d->rc < 0)
        return;
    d->type = DW_CORR_NONE;
    keep_failure(d, dw_raised_of_problem(&d->raised, p));
    if (d->rc == DW_OK)
        keep_failure(d, d->raise(d->arg, &d->raised.alert));
}

/* As the watermark is behind the low-water marks, so is what a silence needs. */
static bool is_heard(void *arg, const uint8_t stream[DW_ID_BYTES], int64_t time_ns)
{
    const struct dw__detect *d = arg;
    int64_t low;
    return !__builtin_add_overflow(time_ns, d->lateness_ns, &low) && dw_account_is_heard(d->account, stream, low);
}

static struct dw_window *new_window(struct dw__detect *d, const struct dw_ruleset *rules)
{
    struct dw_window *w = dw_window_new(rules, &(struct dw_window_opts){.is_heard = is_heard, .arg = d});
    if (w)
        dw_window_hand_out(w, d->out);
    return w;
}

static struct dw_match_pool *new_pool(const struct dw__detect *d, const struct dw_ruleset *rules)
{
    return dw_match_pool_new(rules, d->match_threads ? d->match_threads : 1);
}

/* ---- with others ---- */

/* From here on, or no longer. */
static int share(struct dw__detect *d, bool shared)
{
    if (shared == (d->out != NULL))
        return DW_OK;
    dw_matches_free(d->out);
    d->out = shared ? dw_matches_new(d->rules) : NULL;
    dw_match_marks_fini(&d->marks);
    if (shared && !d->out)
        return DW_ENOMEM;
    dw_window_hand_out(d->window, d->out);
    return DW_OK;
}

static int64_t low_of(void *arg, uint64_t source)
{
    return dw_account_part_low_water(((const struct dw__detect *)arg)->account, source);
}

int dw__detect_partition(struct dw__detect *d, uint64_t source, uint64_t next)
{
    int rc = d->out ? dw_matches_frame(d->out, source, next) : DW_OK;
    if (rc < 0 || !d->out)
        return rc;
    dw_matches_hold(d->out, source);
    dw_matches_done(d->out, next, low_of(d, source), false);
    return DW_OK;
}

void dw__detect_caught_up(struct dw__detect *d)
{
    if (d->out)
        dw_matches_marks(d->out, low_of, d, false);
}

/* A batch of matches came, from whomever: the second stage goes on as far as all have come. */
static int take_matches(struct dw__detect *d, const struct dw_decision *decision)
{
    struct dw_buf batch = {0};
    bool idle;
    dw_decision_data(decision, &batch);
    int rc = batch.err ? batch.err : dw_window_take_matches(d->window, dw_buf_view(&batch), &d->marks);
    dw_buf_fini(&batch);
    if (rc < 0)
        return rc == DW_ECORRUPT ? DW_OK : rc; /* of another version: nothing is taken of it, now or at any reading */
    dw_matches_came(d->out, &d->marks);
    int64_t low = dw_match_marks_low(&d->marks, &idle);
    if (low == INT64_MAX)
        return idle ? dw_window_flush(d->window, dw__detect_finding, d) : DW_OK;
    return low <= INT64_MIN + d->lateness_ns ? DW_OK : dw_window_advance(d->window, low - d->lateness_ns, dw__detect_finding, d);
}

/* What a decision means where a queue is shared. */
static int take_shared(struct dw__detect *d, const struct dw_decision *decision)
{
    if (decision->kind == DW_DECISION_SHARED)
        return share(d, decision->number != 0);
    if (!d->out)
        return DW_OK;
    if (decision->kind == DW_DECISION_MATCHES)
        return take_matches(d, decision);
    if (decision->kind == DW_DECISION_GIVEN)
        return dw_matches_forget(d->out, decision->source);
    if (decision->kind == DW_DECISION_IDLE)
        dw_matches_marks(d->out, low_of, d, true);
    return DW_OK;
}

int dw__detect_init(struct dw__detect *d)
{
    dw__detect_own(d, d->rules, d->tally);
    d->account = dw_account_new(NULL, on_problem, d);
    if (d->account && d->listed)
        dw_account_list_agents(d->account, d->listed, d->listed_count);
    d->pool = new_pool(d, d->rules);
    d->window = new_window(d, d->rules);
    d->mark = dw_alloc(DW_FRAME_EVENTS_MAX);
    return d->account && d->pool && d->window && d->mark ? DW_OK : DW_ENOMEM;
}

int dw__detect_early(struct dw__detect *d, dw__early_tell *tell, void *arg)
{
    d->early = dw__early_new(d->rules, d->window, d->lateness_ns, tell, arg);
    return d->early ? DW_OK : DW_ENOMEM;
}

void dw__detect_fini(struct dw__detect *d)
{
    dw__early_free(d->early);
    dw_account_free(d->account);
    dw_window_free(d->window);
    dw_match_pool_free(d->pool);
    dw_matches_free(d->out);
    dw_match_marks_fini(&d->marks);
    dw_raised_fini(&d->raised);
    dw__undecided_fini(&d->undecided);
    dw__undecided_words_fini(&d->words);
    dw_free(d->mark);
    dw_free(d->epoch);
}

/* All of an event have one hour, so there is room. */
static void note_undecided(struct dw__detect *d, uint32_t rule)
{
    bool tell, last;
    DW_COUNT(detect_undecided);
    keep_failure(d, dw__undecided_note(&d->undecided, dw_ruleset_rule(d->rules, rule)->id, d->event, d->arrival_ns, &tell, &last));
    if (!tell)
        return;
    DW_ASSERT(d->undecided_hits < DW__UNDECIDED_HOUR_MAX);
    d->undecided_hit[d->undecided_hits++] = (struct dw__undecided_hit){rule, last};
}

/* After the event was matched, for the rules are asked again which tests it was. */
static int tell_undecided(struct dw__detect *d)
{
    const struct dw_head *head = &d->frame->head;
    int rc = DW_OK;
    for (uint32_t i = 0; i < d->undecided_hits && rc == DW_OK; i++) {
        const struct dw__undecided_hit *h = &d->undecided_hit[i];
        struct dw_problem p;
        rc = dw__undecided_problem(&d->words, d->rules, dw_match_pool_scratch(d->pool), h->rule, d->event, h->last, &p);
        if (rc < 0)
            break;
        p.agent = head->agent;
        p.epoch = head->epoch.counter;
        p.number = head->number;
        on_problem(d, &p);
    }
    d->undecided_hits = 0;
    return rc;
}

static void on_hit(struct dw__detect *d, uint32_t rule, bool undecided)
{
    const struct dw_rule *r = dw_ruleset_rule(d->rules, rule);
    if (undecided) {
        note_undecided(d, rule);
        return;
    }
    if (!r->silent)
        dw_finding_single(d->rules, rule, d->event, dw__detect_finding, d);
    keep_failure(d, dw_window_match(d->window, rule, d->event, d->event->time_ns < d->late_below_ns));
    if (d->early)
        keep_failure(d, dw__early_match(d->early, rule, d->event, d->arrival_ns));
    if (d->whole)
        keep_failure(d, dw_window_match(d->whole, rule, d->event, false));
}

static int take_hits(void *arg, uint32_t event, const struct dw_match_hit *hit, uint32_t count)
{
    struct dw__detect *d = arg;
    d->event = &d->frame->event[event];
    for (uint32_t i = 0; i < count; i++)
        on_hit(d, hit[i].rule, hit[i].undecided);
    return d->undecided_hits ? tell_undecided(d) : DW_OK;
}

static int64_t minus(int64_t a, int64_t b)
{
    return a < INT64_MIN + b ? INT64_MIN : a - b;
}

/* What its chain stated before the frame says which of its events are late. */
int dw__detect_account(struct dw__detect *d, const struct dw_decoded *f, const uint8_t *known, bool *ret_marked)
{
    d->late_below_ns = minus(dw_account_stated_low_water(d->account, &f->head), d->lateness_ns);
    int rc = dw_account_take(d->account, f, known, d->mark, ret_marked);
    return rc == DW_OK ? d->rc : rc;
}

/* How far correlations may go after a frame. When the last agent that they wait for is idle, and at the end of input, nothing is waited
 * for: they go to the last event time. Not when it has closed its epoch, for then it may be back in a second with what it had not read. */
static int advance(struct dw__detect *d, const struct dw_decoded *f)
{
    struct dw_decision decision = {.kind = DW_DECISION_OTHER};
    if (dw_is_collector(f->head.agent) && dw_decision_read(f->record, &decision) < 0)
        decision.kind = DW_DECISION_OTHER;
    int rc = take_shared(d, &decision);
    if (rc < 0 || d->out)
        return rc;
    int64_t low = dw_account_low_water(d->account);
    if (decision.kind == DW_DECISION_END || (decision.kind == DW_DECISION_IDLE && low == INT64_MAX))
        return dw_window_flush(d->window, dw__detect_finding, d);
    if (low == INT64_MAX && dw_is_collector(f->head.agent) && f->head.kind == DW_FRAME_EVENTS)
        low = f->head.low_water_ns; /* no agent is waited for: what others shipped goes by its own time */
    if (low == INT64_MAX || low <= INT64_MIN + d->lateness_ns)
        return DW_OK;
    return dw_window_advance(d->window, low - d->lateness_ns, dw__detect_finding, d);
}

int dw__detect_frame(struct dw__detect *d, const struct dw_decoded *f)
{
    const bool sent = d->out && !dw_is_collector(f->head.agent);
    const struct dw_match_run run = {.event = f->event, .count = f->event_count, .mark = d->mark, .left_out = DW_MARK_DUPLICATE, .opts.tally = d->tally, .take = take_hits, .arg = d};
    int rc = sent ? dw_matches_frame(d->out, d->at.source, d->at.offset) : DW_OK;
    d->frame = f;
    if (rc == DW_OK)
        rc = dw_match_pool_run(d->pool, &run);
    if (rc == DW_OK && d->early)
        rc = dw__early_frame(d->early);
    if (rc == DW_OK && sent)
        dw_matches_done(d->out, d->at.next, low_of(d, d->at.source), false);
    if (rc == DW_OK)
        rc = advance(d, f);
    if (rc == DW_OK && d->early)
        rc = dw__early_judge(d->early);
    return rc == DW_OK ? d->rc : rc;
}

/* Its time is its own arrival, else that of what was read before it: the same at each reading. */
int dw__detect_damaged(struct dw__detect *d, const struct dw_archive_reader *r, const struct dw_archived *a, int code)
{
    char text[TEXT_CAP], cause[256];
    const char *path = dw_archive_reader_where(r), *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    (void)snprintf(cause, sizeof cause, "%.200s:%" PRIu64 ":%" PRIu64, file, a->intake.number, a->offset);
    if (a->bytes)
        (void)snprintf(text, sizeof text, "%s: %" PRIu64 " bytes at %" PRIu64 ": %s; `dogwatch archive verify` tells more", file, a->bytes,
            a->offset, dw_err_text(code));
    else
        (void)snprintf(text, sizeof text, "%s: %s; `dogwatch archive verify` tells more", file, dw_err_text(code));
    struct dw_problem p = {.kind = DW_PROBLEM_DAMAGED, .time_ns = a->intake.arrival_ns ? a->intake.arrival_ns : d->arrival_ns,
        .cause = cause, .text = text};
    dw_error("%s", text);
    on_problem(d, &p);
    return d->rc;
}

/* ---- which rules are in force ---- */

void dw__detect_own(struct dw__detect *d, const struct dw_ruleset *rules, struct dw_tally *tally)
{
    d->own = rules;
    d->own_tally = tally;
}

int dw__detect_epoch(struct dw__detect *d, const uint8_t sha256[DW_SHA256_BYTES], uint64_t intake)
{
    if (d->epoch_count == EPOCHS_MAX) /* the file of what is forgotten stays */
        memmove(d->epoch, d->epoch + 1, --d->epoch_count * sizeof *d->epoch);
    struct dw__epoch *bigger = dw_grow(d->epoch, d->epoch_count, &d->epoch_cap, 8, sizeof *bigger);
    if (!bigger)
        return DW_ENOMEM;
    d->epoch = bigger;
    d->epoch[d->epoch_count].intake = intake;
    memcpy(d->epoch[d->epoch_count++].sha256, sha256, DW_SHA256_BYTES);
    return DW_OK;
}

bool dw__detect_is_epoch(const struct dw__detect *d, const uint8_t sha256[DW_SHA256_BYTES])
{
    return d->epoch_count && memcmp(d->epoch[d->epoch_count - 1].sha256, sha256, DW_SHA256_BYTES) == 0;
}

bool dw__detect_epoch_past(struct dw__detect *d, uint64_t intake, uint8_t ret_sha256[DW_SHA256_BYTES], bool *ret_again)
{
    if (d->epoch_count < 2 || d->epoch[1].intake >= intake) /* equal: the state in place of what was before names it */
        return false;
    memcpy(ret_sha256, d->epoch[0].sha256, DW_SHA256_BYTES);
    memmove(d->epoch, d->epoch + 1, --d->epoch_count * sizeof *d->epoch);
    *ret_again = false;
    for (uint32_t i = 0; i < d->epoch_count; i++)
        *ret_again = *ret_again || memcmp(d->epoch[i].sha256, ret_sha256, DW_SHA256_BYTES) == 0;
    return true;
}

/* Goes on by the rules of the newest epoch, as the machine did that worked then. */
static int use_epoch(struct dw__detect *d)
{
    const struct dw_ruleset *rules = NULL;
    struct dw_tally *tally = NULL;
    if (!d->rules_of || d->epoch_count == 0)
        return DW_OK;
    int rc = d->rules_of(d->rules_arg, d->epoch[d->epoch_count - 1].sha256, &rules, &tally);
    if (rc == DW_ENOENT || rc == DW_ECORRUPT)
        return DW_OK; /* for good: who comes later finds no more */
    if (rc < 0)
        return rc;
    if (rules == d->rules)
        return DW_OK;
    if (d->rules_end)
        rc = d->rules_end(d->rules_arg);
    return rc < 0 ? rc : dw__detect_rules(d, rules, tally);
}

/* A decision that is read again: as it was when it was taken, the rules change before the frame is looked at. */
static int take_rules(struct dw__detect *d, const struct dw_archived *a)
{
    struct dw_decision decision = {.kind = DW_DECISION_OTHER};
    if (dw_decision_read(a->frame.record, &decision) < 0 || decision.kind != DW_DECISION_RULES || !decision.kept)
        return DW_OK;
    int rc = dw__detect_epoch(d, decision.archive, a->intake.number);
    return rc < 0 ? rc : use_epoch(d);
}

int dw__detect_again(struct dw__detect *d, const struct dw_archive_reader *r, struct dw_archived *a, struct dw_decoder *decoder,
    int64_t heard_ns, bool *ret_held)
{
    static const uint8_t none[DW_FRAME_EVENTS_MAX];
    uint8_t stored[DW_SHA256_BYTES];
    bool marked;
    memcpy(stored, a->frame.head.hash, sizeof stored);
    dw_account_fill_chain(d->account, &a->frame, a->has_previous, decoder);
    /* With frames as they came the hash tells which one is damaged; in a block it may be one before, and the chain tells. */
    *ret_held = !(a->bytes && memcmp(stored, a->frame.head.hash, sizeof stored) != 0);
    if (!*ret_held)
        return dw__detect_damaged(d, r, a, DW_ECORRUPT);
    d->arrival_ns = a->intake.arrival_ns;
    d->at = (struct dw_position){.source = a->intake.source, .offset = a->intake.offset, .next = a->intake.next};
    dw_account_arrival(d->account, a->intake.source, a->intake.arrival_ns, heard_ns);
    int rc = dw_is_collector(a->frame.head.agent) ? take_rules(d, a) : DW_OK;
    if (rc == DW_OK)
        rc = dw__detect_account(d, &a->frame, a->mark ? a->mark : none, &marked);
    return rc == DW_OK ? dw__detect_frame(d, &a->frame) : rc;
}

/* ---- state ---- */

/* What findings follow from beside the frames. */
static void hash_settings(const struct dw__detect *d, uint8_t ret[DW_SHA256_BYTES])
{
    struct dw_sha256 *sha = dw_sha256_new();
    dw_sha256_start(sha);
    dw_sha256_add(sha, &d->lateness_ns, sizeof d->lateness_ns);
    if (d->listed)
        dw_sha256_add(sha, d->listed, (size_t)d->listed_count * DW_AGENT_ID_BYTES);
    for (uint32_t i = 0; i < dw_ruleset_count(d->rules); i++) {
        const struct dw_rule *rule = dw_ruleset_rule(d->rules, i);
        uint64_t len = rule->id.len;
        dw_sha256_add(sha, &len, sizeof len);
        dw_sha256_add(sha, rule->id.ptr, rule->id.len);
        dw_sha256_add(sha, rule->logic_hash, sizeof rule->logic_hash);
    }
    dw_sha256_end(sha, ret);
    dw_sha256_free(sha);
}

/* Windows begin with a number of their own: a state that was made before this part was has none of it. */
static void put_undecided(const struct dw__detect *d, struct dw_buf *out)
{
    struct dw_buf part = {0};
    dw__undecided_save(&d->undecided, &part);
    dw_buf_byte(out, UNDECIDED);
    dw_buf_counted(out, dw_buf_view(&part));
    out->err = part.err < 0 ? part.err : out->err;
    dw_buf_fini(&part);
}

static int take_undecided(struct dw__detect *d, struct dw_cursor *c)
{
    if (dw_cursor_left(c) == 0 || *c->at != UNDECIDED)
        return DW_OK;
    (void)dw_take_byte(c);
    struct dw_str part = dw_take_counted(c);
    return c->bad ? DW_ECORRUPT : dw__undecided_load(&d->undecided, part);
}

/* Before what is undecided, and so told apart. */
static void put_epochs(const struct dw__detect *d, struct dw_buf *out)
{
    if (d->epoch_count == 0)
        return;
    dw_buf_byte(out, EPOCHS);
    dw_buf_varint(out, d->epoch_count);
    for (uint32_t i = 0; i < d->epoch_count; i++) {
        dw_buf_u64(out, d->epoch[i].intake);
        dw_buf_add(out, d->epoch[i].sha256, DW_SHA256_BYTES);
    }
}

static int take_epochs(struct dw__detect *d, struct dw_cursor *c)
{
    if (dw_cursor_left(c) == 0 || *c->at != EPOCHS)
        return DW_OK;
    (void)dw_take_byte(c);
    uint32_t count = dw_take_max(c, EPOCHS_MAX);
    int rc = DW_OK;
    for (uint32_t i = 0; i < count && rc == DW_OK && !c->bad; i++) {
        uint8_t sha256[DW_SHA256_BYTES] = {0};
        uint64_t intake = dw_take_u64(c);
        dw_take_into(c, sha256, sizeof sha256);
        rc = dw__detect_epoch(d, sha256, intake);
    }
    return rc < 0 ? rc : c->bad ? DW_ECORRUPT : use_epoch(d);
}

static void put_shared(const struct dw__detect *d, struct dw_buf *out)
{
    if (!d->out)
        return;
    dw_buf_byte(out, SHARED);
    dw_match_marks_save(&d->marks, out);
}

static int take_shared_state(struct dw__detect *d, struct dw_cursor *c)
{
    if (dw_cursor_left(c) == 0 || *c->at != SHARED)
        return DW_OK;
    (void)dw_take_byte(c);
    int rc = share(d, true);
    return rc == DW_OK ? dw_match_marks_load(&d->marks, c) : rc;
}

void dw__detect_save(const struct dw__detect *d, struct dw_str own, struct dw_buf *out)
{
    uint8_t settings[DW_SHA256_BYTES];
    hash_settings(d, settings);
    dw_account_save(d->account, out);
    dw_buf_add(out, settings, sizeof settings);
    dw_buf_u64(out, (uint64_t)d->arrival_ns);
    dw_buf_counted(out, own);
    put_epochs(d, out);
    put_undecided(d, out);
    put_shared(d, out);
    dw_window_save(d->window, out);
}

static int load(struct dw__detect *d, struct dw_str state, bool strictly, int64_t heard_ns, struct dw__detect_parts *ret)
{
    uint8_t settings[DW_SHA256_BYTES], saved[DW_SHA256_BYTES] = {0};
    struct dw_cursor c = dw_cursor_of(state);
    int rc = dw_account_load(d->account, &c, heard_ns);
    dw_take_into(&c, saved, sizeof saved);
    d->arrival_ns = (int64_t)dw_take_u64(&c);
    ret->own = dw_take_counted(&c);
    if (rc == DW_OK)
        rc = take_epochs(d, &c);
    hash_settings(d, settings);
    if (rc == DW_OK && strictly && memcmp(saved, settings, sizeof saved) != 0)
        rc = DW_ESTALE;
    if (rc == DW_OK)
        rc = take_undecided(d, &c);
    if (rc == DW_OK)
        rc = take_shared_state(d, &c);
    ret->window = dw_take_bytes(&c, dw_cursor_left(&c));
    if (rc == DW_OK)
        rc = c.bad ? DW_ECORRUPT : dw_window_load(d->window, ret->window);
    return rc;
}

int dw__detect_rules(struct dw__detect *d, const struct dw_ruleset *rules, struct dw_tally *tally)
{
    struct dw_buf state = {0};
    struct dw_match_pool *pool = new_pool(d, rules);
    struct dw_window *window = new_window(d, rules);
    dw_window_save(d->window, &state);
    int rc = !pool || !window ? DW_ENOMEM : state.err;
    if (rc == DW_OK)
        rc = dw_window_load(window, dw_buf_view(&state));
    if (rc == DW_OK && d->out)
        rc = dw_matches_rules(d->out, rules);
    dw_buf_fini(&state);
    if (rc < 0) {
        dw_match_pool_free(pool);
        dw_window_free(window);
        return rc;
    }
    if (d->early && dw__early_rules(d->early, rules, window) < 0) { /* it is nothing that rules may fail for */
        dw_warn("no memory to look at correlations before the watermark: there are no provisional alerts until the next start");
        dw__early_free(d->early);
        d->early = NULL;
    }
    dw_match_pool_free(d->pool);
    dw_window_free(d->window);
    d->rules = rules;
    d->tally = tally;
    d->pool = pool;
    d->window = window;
    return DW_OK;
}

int dw__detect_clear(struct dw__detect *d)
{
    int rc = share(d, false);
    DW_ASSERT(rc == DW_OK && !d->early); /* who works is past its start */
    struct dw_window *fresh = new_window(d, d->own);
    struct dw_match_pool *pool = d->rules == d->own ? d->pool : new_pool(d, d->own);
    if (!fresh || !pool) {
        if (pool != d->pool)
            dw_match_pool_free(pool);
        dw_window_free(fresh);
        return DW_ENOMEM;
    }
    if (pool != d->pool)
        dw_match_pool_free(d->pool);
    dw_window_free(d->window);
    d->window = fresh;
    d->pool = pool;
    d->rules = d->own;
    d->tally = d->own_tally;
    d->epoch_count = 0;
    d->arrival_ns = 0;
    dw__undecided_fini(&d->undecided);
    d->undecided = (struct dw__undecided){0};
    return dw_account_clear(d->account);
}

int dw__detect_load(struct dw__detect *d, struct dw_str state, bool strictly, int64_t heard_ns, struct dw__detect_parts *ret)
{
    int rc = dw__detect_clear(d);
    if (rc == DW_OK)
        rc = load(d, state, strictly, heard_ns, ret);
    return rc < 0 && dw__detect_clear(d) < 0 ? DW_ENOMEM : rc;
}
