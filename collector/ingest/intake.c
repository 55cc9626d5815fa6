/*
 * intake: the collector's work on one frame after the other.
 *
 *     receive -> decode and check -> account (marks) -> archive -> match -> window -> alerts
 *                                                         |                            |
 *                                                        sync  ----------------------> log and view
 *
 * Idea: whatever is not in an agent's frame and yet counts (an agent is idle, bytes were rejected, input has ended) is made a frame
 * too, in the collector's own chain, and goes the same way.
 *
 * Invariants:
 *   (1) The queue forgets a frame only after the archive has synced it; alerts are written only after that too.
 *   (2) Marked duplicates are stored and never matched.
 *   (3) Findings and problems depend on the archive in intake order alone: reading it again makes the same ones, byte for byte.
 *       Clocks are asked only to take decisions.
 */
#include "dogwatch/collect/intake.h"

#include "intake_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/archive_asked.h"
#include "dogwatch/collect/kept_rules.h"
#include "dogwatch/collect/raised.h"

#include <inttypes.h>
#include <stdio.h>

#define INTERRUPTED_NS DW_NS_PER_S
#define EXPIRE_NS (60 * DW_NS_PER_S)
enum { TURN_FRAMES = 64, TURN_RECORDS = 4096, DECISION_ZSTD_LEVEL = 1 };

static int raise_alert(void *arg, const struct dw_alert *alert)
{
    struct dw_intake_engine *e = arg;
    return dw_alerts_raise(e->alerts, alert);
}

static struct dw__shipped *shipped_of(struct dw_intake_engine *e)
{
    if (!e->shipped)
        e->shipped = dw__shipped_new(e->conf.keys, e->conf.json_topic);
    return e->shipped;
}

static int renew_shipped(struct dw_intake_engine *e, uint64_t source)
{
    return shipped_of(e) ? dw__shipped_renewed(e->shipped, source) : DW_ENOMEM;
}

/* A frame or decision is archived: where the queue is read on after it. */
static int move_on(struct dw_intake_engine *e, const struct dw_decoded *f, struct dw_position at)
{
    bool replaced;
    int rc = dw__places_move(&e->places, f, at, &replaced);
    return rc == DW_OK && replaced && dw_source_is_json(at.source) ? renew_shipped(e, at.source) : rc;
}

/* A frame that was decoded and checked: account, archive, rules. */
static int take_valid(struct dw_intake_engine *e, struct dw_str bytes, const struct dw_decoded *f, struct dw_position at)
{
    bool marked;
    int64_t now = dw_clock_real(e->conf.clock);
    struct dw_intake in = {.arrival_ns = now, .source = at.source, .offset = at.offset, .next = at.next};
    dw_account_arrival(e->detect.account, at.source, now, dw_clock_mono(e->conf.clock));
    e->detect.arrival_ns = now;
    e->detect.at = at;
    int rc = dw__detect_account(&e->detect, f, NULL, &marked);
    if (rc == DW_OK)
        rc = dw_archive_append(e->archive, bytes, &f->head, marked ? e->detect.mark : NULL, &in);
    if (rc < 0)
        return rc;
    rc = move_on(e, f, at);
    dw__group_moved(&e->group, at);
    return rc == DW_OK ? dw__detect_frame(&e->detect, f) : rc;
}

/* Makes a decision a frame of the collector's chain. `at`: where the queue is read on after it. */
int dw__intake_decide(struct dw_intake_engine *e, const struct dw_decision *d, struct dw_position at)
{
    struct dw_buf json = {0};
    struct dw_frame *frame = NULL;
    struct dw_decoded f;
    struct dw_encode with = {.chain = &e->chain};
    dw_decision_write(d, &json);
    int rc = json.err;
    if (rc == DW_OK)
        rc = dw_encode_record(e->encoder, dw_buf_view(&json), dw_clock_real(e->conf.clock), &with, &frame);
    if (rc == DW_OK)
        rc = dw_decode(e->decoder, dw_buf_view(&frame->bytes), &f);
    if (rc == DW_OK)
        rc = take_valid(e, dw_buf_view(&frame->bytes), &f, at);
    dw_frame_free(frame);
    dw_buf_fini(&json);
    return rc;
}

/* Keeps bytes that cannot be archived as a frame beside the archive. `what` says what they are. */
static int keep(struct dw_intake_engine *e, const struct dw_received *got, const char *what, uint8_t ret_sha256[DW_SHA256_BYTES])
{
    char path[DW__INTAKE_PATH], hex[2 * DW_SHA256_BYTES + 1];
    dw_sha256_of(got->bytes, ret_sha256);
    dw_hex(ret_sha256, DW_SHA256_BYTES, hex); /* after a queue was replaced other bytes have the same place */
    int n = snprintf(path, sizeof path, "%s/%08" PRIu64 "-%" PRIu64 "-%.16s", e->rejected_dir, got->at.source, got->at.offset, hex);
    int rc = n < 0 || n >= (int)sizeof path ? DW_ELIMIT : dw_fs_mkdirs(e->conf.fs, e->rejected_dir, 0750);
    if (rc == DW_OK)
        rc = dw_fs_write_file(e->conf.fs, path, 0640, got->bytes);
    if (rc == DW_OK)
        dw_warn("queue, source %" PRIu64 " at %" PRIu64 ": %zu bytes are %s; kept in %s", got->at.source, got->at.offset, got->bytes.len, what,
            path);
    return rc;
}

/* What an agent was writing when it was killed: nothing anybody counts on, so nothing is decided about it. */
static int set_torn_aside(struct dw_intake_engine *e, const struct dw_received *got)
{
    uint8_t sha256[DW_SHA256_BYTES];
    DW_COUNT(ingest_torn);
    return keep(e, got, "the beginning of a frame whose agent was ended", sha256);
}

/* Bytes that are no frame: kept, and a decision in the archive, so that they are said again at any reading. */
int dw__intake_set_aside(struct dw_intake_engine *e, const struct dw_received *got, enum dw_problem_kind kind)
{
    struct dw_head h = {0};
    struct dw_decision d = {.kind = DW_DECISION_REJECTED, .problem = dw_str_of(dw_problem_rule(kind)), .source = got->at.source,
        .offset = got->at.offset, .bytes = got->bytes.len};
    size_t len;
    DW_COUNT(ingest_rejected);
    int rc = keep(e, got, "no valid frame", d.sha256);
    if (rc < 0)
        return rc;
    if (kind == DW_PROBLEM_JUNK || dw_head_read(got->bytes, &h, &len) < 0)
        h = (struct dw_head){0};
    d.epoch = h.epoch;
    d.number = h.number;
    memcpy(d.agent, h.agent, sizeof d.agent);
    return dw__intake_decide(e, &d, got->at);
}

static int decide_replaced(struct dw_intake_engine *e, struct dw_position was)
{
    struct dw_decision d = {.kind = DW_DECISION_REPLACED, .source = was.source, .offset = was.offset};
    dw_error("queue, source %" PRIu64 " at %" PRIu64 ": what was taken there is not there any more; it is read from its beginning",
        was.source, was.offset);
    return dw__intake_decide(e, &d, (struct dw_position){.source = was.source});
}

static int decide_expired(struct dw_intake_engine *e, struct dw_position gap)
{
    struct dw_decision d = {.kind = DW_DECISION_EXPIRED, .source = gap.source, .offset = gap.offset, .next = gap.next};
    dw_error("queue, source %" PRIu64 ": records %" PRIu64 " up to %" PRIu64 " were let go before they were taken", gap.source, gap.offset, gap.next);
    return dw__intake_decide(e, &d, (struct dw_position){.source = gap.source, .offset = gap.next, .next = gap.next});
}

/* What others shipped, and waits, becomes a frame. */
static int flush_shipped(struct dw_intake_engine *e)
{
    struct dw_frame *frame = NULL;
    struct dw_position at;
    struct dw_decoded f = {0};
    int rc = e->shipped ? dw__shipped_flush(e->shipped, e->encoder, &e->chain, dw_clock_real(e->conf.clock), &frame, &at) : DW_OK;
    if (rc < 0 || !frame)
        return rc;
    rc = dw_decode(e->decoder, dw_buf_view(&frame->bytes), &f);
    if (rc == DW_OK)
        rc = take_valid(e, dw_buf_view(&frame->bytes), &f, at);
    DW_COUNT_N(ingest_events, f.event_count);
    dw_frame_free(frame);
    return rc;
}

static int take_shipped(struct dw_intake_engine *e, const struct dw_received *got)
{
    int64_t now = dw_clock_real(e->conf.clock);
    int rc = shipped_of(e) ? dw__shipped_add(e->shipped, got, now) : DW_ENOMEM;
    if (rc == DW_EAGAIN) {
        rc = flush_shipped(e);
        if (rc == DW_OK)
            rc = dw__shipped_add(e->shipped, got, now);
    }
    DW_COUNT_IF(rc == DW_OK, ingest_shipped);
    if (rc != DW_ESYNTAX && rc != DW_ELIMIT)
        return rc;
    rc = flush_shipped(e);
    return rc == DW_OK ? dw__intake_set_aside(e, got, DW_PROBLEM_JUNK) : rc;
}

static int take_one(struct dw_intake_engine *e, const struct dw_received *got)
{
    struct dw_decoded f = {0};
    const bool is_record = !got->replaced && !got->expired && !got->taken && !got->given;
    if (dw_source_is_json(got->at.source) && is_record)
        return take_shipped(e, got);
    int before = flush_shipped(e);
    if (before < 0)
        return before;
    if (got->taken || got->given)
        return dw__intake_partition(e, got);
    if (got->replaced)
        return decide_replaced(e, got->at);
    if (got->expired)
        return decide_expired(e, got->at);
    if (got->at.source >= DW_SOURCE_KAFKA_MATCHES)
        return dw__intake_matches(e, got);
    if (got->torn)
        return set_torn_aside(e, got);
    if (!got->is_frame)
        return dw__intake_set_aside(e, got, DW_PROBLEM_JUNK);
    int rc = dw_decode(e->decoder, got->bytes, &f);
    if (rc == DW_OK)
        rc = dw_decoded_check(e->decoder, &f);
    if (rc == DW_ENOMEM)
        return rc;
    if (rc < 0)
        return dw__intake_set_aside(e, got, DW_PROBLEM_INVALID);
    if (dw_is_collector(f.head.agent))
        return dw__intake_set_aside(e, got, DW_PROBLEM_IMPOSTOR);
    rc = take_valid(e, got->bytes, &f, got->at);
    DW_COUNT(ingest_frames);
    DW_COUNT_N(ingest_events, f.event_count);
    return rc;
}

/* Whether silence is the agents' own: the queue is read to its end. One that could not be for a while (no broker, no leader) gives every
 * agent its time again: what it could not send is still to come. */
static bool silence_counts(struct dw_intake_engine *e)
{
    int64_t now = dw_clock_mono(e->conf.clock);
    if (!dw_receiver_drained(e->receiver)) {
        e->cut_off_ns = e->cut_off_ns ? e->cut_off_ns : now;
        return false;
    }
    if (e->cut_off_ns && now - e->cut_off_ns > INTERRUPTED_NS)
        e->readable_ns = now;
    e->cut_off_ns = 0;
    return e->readable_ns == 0 || now - e->readable_ns >= e->conf.idle_after_ns;
}

/* Agents of which nothing came for so long are idle. */
static int decide_idle(struct dw_intake_engine *e, uint32_t *taken)
{
    struct dw_decision d;
    int64_t before = dw_clock_mono(e->conf.clock) - e->conf.idle_after_ns;
    int rc = DW_OK;
    while (rc == DW_OK && dw_account_unheard(e->detect.account, before, &d)) {
        DW_COUNT(decide_idle);
        rc = dw__intake_decide(e, &d, dw__places_here(&e->places));
        (*taken)++;
    }
    return rc;
}

/* ---- states: what all frames so far come to ---- */

/* What the collector adds to the machine's. */
static void put_own(const struct dw_intake_engine *e, struct dw_buf *out)
{
    dw_buf_u64(out, dw_alerts_durable(e->alerts));
    dw__places_save(&e->places, out);
    dw_buf_byte(out, e->shipped != NULL);
    if (e->shipped)
        dw__shipped_save(e->shipped, out);
    dw_buf_byte(out, e->rules_changed);
}

static int keep_state(struct dw_intake_engine *e)
{
    struct dw_buf own = {0}, state = {0};
    if (e->detect.out && dw_matches_any(e->detect.out))
        return DW_OK; /* a start from there would not make again what was not sent */
    put_own(e, &own);
    dw__detect_save(&e->detect, dw_buf_view(&own), &state);
    int rc = own.err ? own.err : state.err ? state.err : dw_archive_keep_state(e->archive, dw_buf_view(&state));
    dw_buf_fini(&own);
    dw_buf_fini(&state);
    if (rc != DW_ELIMIT && rc != DW_ENOSPC)
        return rc;
    DW_COUNT(archive_states_not_kept);
    e->state_refused = rc == DW_ELIMIT;
    dw_warn("the state of %" PRIu64 " frames cannot be kept: %s. A start reads the archive from farther back, and no segment behind the last state is let go",
        dw_archive_next_intake(e->archive), dw_err_text(rc));
    return DW_OK;
}

static void note_kept(void *arg, const struct dw_segment_info *s)
{
    uint64_t *first = arg;
    if (s->sealed && !s->expired && *first == UINT64_MAX)
        *first = s->first_intake;
}

/* Rule sets that were in force before the oldest frame that is kept, and neither for a later one nor when the state was made that stands for what was let go, go too. */
static int forget_rules(struct dw_intake_engine *e)
{
    uint64_t first = UINT64_MAX;
    uint8_t sha256[DW_SHA256_BYTES];
    bool again;
    int rc = e->detect.epoch_count > 1 ? dw_archive_list(e->conf.fs, e->archive_dir, note_kept, &first) : DW_OK;
    while (rc == DW_OK && first != UINT64_MAX && dw__detect_epoch_past(&e->detect, first, sha256, &again))
        rc = again ? DW_OK : dw_kept_rules_forget(e->conf.fs, e->archive_dir, sha256);
    return rc;
}

static int expire(struct dw_intake_engine *e)
{
    struct dw_expire how = {.before_ns = INT64_MIN, .keep_bytes = e->conf.retention_bytes, .asked.by = "collector"};
    struct dw_expired gone;
    if (e->conf.retention_age_ns == 0 && e->conf.retention_bytes == 0)
        return DW_OK;
    if (e->conf.retention_age_ns)
        how.before_ns = dw_clock_real(e->conf.clock) - e->conf.retention_age_ns;
    (void)snprintf(how.asked.why, sizeof how.asked.why, "retention.age %" PRId64 "s, retention.size %" PRIu64, e->conf.retention_age_ns / DW_NS_PER_S,
        e->conf.retention_bytes);
    e->expired_ns = dw_clock_mono(e->conf.clock);
    int rc = dw_archive_expire(e->archive, &how, &gone);
    if (rc == DW_OK && gone.segments)
        dw_info("archive: %" PRIu64 " segments with %" PRIu64 " events were let go (%s); %" PRIu64 " are held, %" PRIu64 " wait for a state", gone.segments, gone.events,
            how.asked.why, gone.held, gone.waiting);
    return rc == DW_OK && gone.segments ? forget_rules(e) : rc;
}

static bool expiry_is_due(const struct dw_intake_engine *e)
{
    return dw_clock_mono(e->conf.clock) - e->expired_ns > EXPIRE_NS;
}

/* Seals, keeps a state if it is time, and lets go what is too old: all frames and all alerts are durable. */
static int seal(struct dw_intake_engine *e)
{
    int rc = dw_archive_seal(e->archive);
    e->segment_since_ns = dw_clock_mono(e->conf.clock);
    if (rc == DW_OK && !e->state_refused && dw_archive_state_due(e->archive))
        rc = keep_state(e);
    return rc == DW_OK ? expire(e) : rc;
}

static void forget_own(struct dw_intake_engine *e)
{
    dw__places_fini(&e->places);
    dw__shipped_free(e->shipped);
    e->shipped = NULL;
}

static int take_own(struct dw_intake_engine *e, struct dw_str own, bool strictly)
{
    struct dw_cursor c = dw_cursor_of(own);
    if (dw_take_u64(&c) > dw_alerts_durable(e->alerts) && strictly)
        return DW_ESTALE; /* alerts.log is not the one of then: what it lacks is made again by reading */
    int rc = dw__places_load(&e->places, &c);
    if (rc == DW_OK && dw_take_byte(&c))
        rc = shipped_of(e) ? dw__shipped_load(e->shipped, &c) : DW_ENOMEM;
    e->rules_changed = rc == DW_OK && dw_cursor_left(&c) && dw_take_byte(&c); /* states of versions before do not say */
    return rc == DW_OK && c.bad ? DW_ECORRUPT : rc;
}

static int take_state(struct dw_intake_engine *e, struct dw_str state, bool strictly)
{
    struct dw__detect_parts parts;
    forget_own(e);
    int rc = dw__detect_load(&e->detect, state, strictly, dw_clock_mono(e->conf.clock), &parts);
    if (rc == DW_OK)
        rc = take_own(e, parts.own, strictly);
    if (rc == DW_OK)
        return rc;
    forget_own(e);
    return dw__detect_clear(&e->detect) < 0 ? DW_ENOMEM : rc;
}

/* A state to go on from is one that reading would make. */
static int take_recent(void *engine, struct dw_str state)
{
    struct dw_intake_engine *e = engine;
    int rc = take_state(e, state, true);
    e->goes_on = rc == DW_OK;
    return rc;
}

/* One by these rules, where what is before was read by others: reading that again would raise what they did not. */
static int take_changed(void *engine, struct dw_str state)
{
    struct dw_intake_engine *e = engine;
    int rc = take_recent(e, state);
    if (rc == DW_ENOMEM || (rc == DW_OK && e->rules_changed))
        return rc;
    e->goes_on = e->rules_changed = false;
    forget_own(e);
    return dw__detect_clear(&e->detect) < 0 ? DW_ENOMEM : DW_EAGAIN;
}

/* Goes on from a state, if there is one: the later it is, the less of what comes again is known. */
static int go_on(struct dw_intake_engine *e, struct dw_archive_reader *r)
{
    int rc = dw_archive_reader_begin(r, e->conf.read_again_events, take_changed, e);
    if (rc == DW_OK && !e->goes_on)
        rc = dw_archive_reader_begin(r, 0, take_changed, e);
    return rc == DW_OK && !e->goes_on ? dw_archive_reader_begin(r, e->conf.read_again_events, take_recent, e) : rc;
}

/* What stands for segments that were let go has to do, whatever the rules were. */
static int take_expired_state(void *engine, struct dw_str state)
{
    return take_state(engine, state, false);
}

int dw_intake_turn(struct dw_intake_engine *e, uint32_t *ret_taken)
{
    struct dw_received got;
    uint32_t work = 0; /* a frame is worth many records of others */
    *ret_taken = 0;
    int rc = dw__intake_tell_group(e, false);
    if (rc < 0)
        return rc == DW_EAGAIN ? DW_OK : rc;
    while (work < TURN_RECORDS && !dw_alerts_due(e->alerts) && (rc = dw_receiver_next(e->receiver, &got)) == DW_OK) {
        rc = take_one(e, &got);
        if (rc < 0)
            return rc;
        work += dw_source_is_json(got.at.source) ? 1 : TURN_RECORDS / TURN_FRAMES;
        (*ret_taken)++;
    }
    bool drained = dw_receiver_drained(e->receiver);
    if (e->shipped && drained)
        dw__shipped_caught_up(e->shipped);
    if (drained)
        dw__detect_caught_up(&e->detect);
    int flushed = flush_shipped(e);
    if (flushed < 0)
        return flushed;
    if (rc == DW_EAGAIN)
        rc = silence_counts(e) ? decide_idle(e, ret_taken) : DW_OK;
    if (rc == DW_OK && *ret_taken == 0 && expiry_is_due(e))
        rc = expire(e);
    if (rc < 0 || (*ret_taken == 0 && !dw__intake_leaving(e)))
        return rc;
    rc = dw_archive_sync(e->archive);
    if (rc == DW_OK)
        rc = dw_alerts_sync(e->alerts);
    if (rc == DW_OK)
        rc = dw__intake_tell_group(e, dw__intake_leaving(e));
    if (rc == DW_EAGAIN)
        return DW_OK; /* the next turn tries again first */
    if (rc == DW_OK && dw__intake_leaving(e))
        dw_receiver_let_go(e->receiver);
    if (rc < 0 || *ret_taken == 0)
        return rc;
    if (e->places.count)
        rc = dw_receiver_commit(e->receiver, e->places.item[e->places.newest].at);
    bool old = dw_clock_mono(e->conf.clock) - e->segment_since_ns > e->conf.seal_age_ns;
    return rc == DW_OK && (dw_archive_seal_due(e->archive) || old) ? seal(e) : rc;
}

int dw_intake_approve(struct dw_intake_engine *e, const uint8_t *agent)
{
    struct dw_decision d = {.kind = DW_DECISION_APPROVED};
    memcpy(d.agent, agent, sizeof d.agent);
    int rc = dw__intake_decide(e, &d, dw__places_here(&e->places));
    return rc == DW_OK ? dw_archive_sync(e->archive) : rc;
}

/* The rules in use are in force from here on, which is decided, and their files are kept. */
static int decide_rules(struct dw_intake_engine *e)
{
    struct dw_decision d = {.kind = DW_DECISION_RULES, .number = dw_ruleset_count(e->detect.rules), .kept = e->keeps_rules};
    uint64_t at = dw_archive_next_intake(e->archive);
    dw_ruleset_hash(e->detect.rules, d.sha256);
    memcpy(d.archive, e->past.today_sha256, sizeof d.archive);
    int rc = dw__intake_decide(e, &d, dw__places_here(&e->places));
    return rc == DW_OK && d.kept ? dw__detect_epoch(&e->detect, d.archive, at) : rc;
}

/* Keeps the files of rules that are to be in force. */
static int keep_rules(struct dw_intake_engine *e, const struct dw_ruleset *rules, struct dw_str pack, struct dw_tally *tally)
{
    uint8_t sha256[DW_SHA256_BYTES] = {0};
    int rc = pack.ptr ? dw_kept_rules_write(e->conf.fs, e->archive_dir, pack, sha256) : DW_OK;
    if (rc < 0)
        return rc;
    e->keeps_rules = pack.ptr != NULL;
    e->past.today = rules;
    e->past.tally = tally;
    memcpy(e->past.today_sha256, sha256, sizeof sha256);
    return DW_OK;
}

static int begin_given_rules(struct dw_intake_engine *e)
{
    int rc = e->detect.rules == e->conf.rules ? DW_OK : dw__detect_rules(&e->detect, e->conf.rules, e->conf.tally);
    if (rc == DW_OK)
        rc = decide_rules(e);
    if (rc == DW_OK)
        rc = dw_archive_sync(e->archive);
    return rc == DW_OK ? dw_alerts_sync(e->alerts) : rc;
}

/* At a start: what was read again was read by the rules of then; from here on those that it was started with match. */
static int use_given_rules(struct dw_intake_engine *e)
{
    if (!e->keeps_rules)
        return DW_OK;
    int rc = dw__detect_is_epoch(&e->detect, e->past.today_sha256) ? DW_OK : begin_given_rules(e);
    if (rc == DW_OK)
        dw_past_rules_fini(&e->past);
    return rc;
}

int dw_intake_rules(struct dw_intake_engine *e, const struct dw_ruleset *rules, struct dw_str pack, struct dw_tally *tally, bool *ret_taken)
{
    struct dw_past_rules before = e->past;
    bool kept = e->keeps_rules;
    *ret_taken = false;
    int rc = keep_rules(e, rules, pack, tally);
    if (rc == DW_OK)
        rc = dw__detect_rules(&e->detect, rules, tally);
    if (rc < 0) {
        e->past = before;
        e->keeps_rules = kept;
        return rc;
    }
    *ret_taken = true;
    dw__detect_own(&e->detect, rules, tally);
    DW_COUNT(rules_reloaded);
    e->rules_changed = true;
    rc = decide_rules(e);
    if (rc == DW_OK)
        rc = dw_archive_sync(e->archive);
    if (rc == DW_OK)
        rc = dw_alerts_sync(e->alerts);
    if (rc == DW_OK)
        rc = seal(e);
    return rc == DW_OK && !e->state_refused ? keep_state(e) : rc; /* a start goes on from here, and not through all that was read by other rules */
}

static int do_asked(void *engine, const struct dw_asked_file *f, const char **ret_why)
{
    return dw_archive_do_asked(((struct dw_intake_engine *)engine)->archive, f, ret_why);
}

/* An entry of the manifest is durable as soon as it is made. */
static int asked_done(void *engine)
{
    (void)engine;
    return DW_OK;
}

int dw_intake_take_asked(struct dw_intake_engine *e)
{
    uint32_t refused;
    int rc = DW_OK;
    if (dw_inbox_asked(&e->archive_inbox)) {
        rc = dw_inbox_take(&e->archive_inbox, &refused);
        if (rc == DW_OK)
            rc = forget_rules(e); /* somebody may have let segments go */
    }
    if (rc < 0 || !dw_alerts_asked(e->alerts))
        return rc;
    rc = dw_archive_sync(e->archive); /* of what is raised and waits */
    return rc == DW_OK ? dw_alerts_take_asked(e->alerts, dw_clock_real(e->conf.clock)) : rc;
}

int dw_intake_tell(struct dw_intake_engine *e, const struct dw_problem *p)
{
    struct dw_raised raised = {0};
    int rc = dw_raised_of_problem(&raised, p);
    if (rc == DW_OK)
        rc = dw_alerts_raise(e->alerts, &raised.alert);
    dw_raised_fini(&raised);
    if (rc == DW_OK)
        rc = dw_archive_sync(e->archive); /* of what is raised and waits */
    return rc == DW_OK ? dw_alerts_sync(e->alerts) : rc;
}

uint64_t dw_intake_alerts_durable(const struct dw_intake_engine *e)
{
    return dw_alerts_durable(e->alerts);
}

uint32_t dw_intake_elsewhere(const struct dw_intake_engine *e)
{
    return dw_receiver_elsewhere(e->receiver);
}

bool dw_intake_all_closed(const struct dw_intake_engine *e)
{
    return dw_receiver_drained(e->receiver) && dw_account_all_closed(e->detect.account);
}

int dw_intake_finish(struct dw_intake_engine *e)
{
    int rc = dw__intake_decide(e, &(struct dw_decision){.kind = DW_DECISION_END}, dw__places_here(&e->places));
    if (rc == DW_OK)
        rc = dw_archive_sync(e->archive);
    if (rc == DW_OK)
        rc = dw_alerts_sync(e->alerts);
    return rc == DW_OK ? seal(e) : rc;
}

/* ---- opening ---- */

static int work_again(struct dw_intake_engine *e, const struct dw_archive_reader *r, struct dw_archived *a)
{
    bool held;
    int rc = dw__detect_again(&e->detect, r, a, e->decoder, dw_clock_mono(e->conf.clock), &held);
    struct dw_position at = {.source = a->intake.source, .offset = a->intake.offset, .next = a->intake.next};
    if (rc == DW_OK && held)
        rc = move_on(e, &a->frame, at);
    if (rc == DW_OK && dw_alerts_due(e->alerts))
        rc = dw_alerts_sync(e->alerts);
    return rc;
}

/* Reads the archive again, from a state on if there is one, so that account, windows and alerts stand where they stood. */
static int read_again(struct dw_intake_engine *e)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    int rc = dw_archive_sync(e->archive); /* a process that was killed may have left frames that only the kernel holds */
    if (rc == DW_OK)
        rc = dw_archive_reader_open(e->conf.fs, e->archive_dir, e->conf.keys, &r);
    if (rc != DW_OK)
        return rc;
    dw_archive_reader_states(r, take_expired_state, e);
    rc = go_on(e, r);
    while (rc == DW_OK && (rc = dw_archive_reader_next(r, &a)) != DW_EAGAIN) {
        if (rc == DW_ENOMEM)
            break;
        rc = rc < 0 ? dw__detect_damaged(&e->detect, r, &a, rc) : work_again(e, r, &a);
        if (rc < 0)
            break;
    }
    dw_archive_reader_close(r);
    dw_account_chain(e->detect.account, &e->chain);
    return rc == DW_EAGAIN ? dw_alerts_sync(e->alerts) : rc;
}

static int open_parts(struct dw_intake_engine *e)
{
    const struct dw_intake_conf *c = &e->conf;
    struct dw_archive_conf archive = {.fs = c->fs, .clock = c->clock, .dir = e->archive_dir, .keys = c->keys,
        .segment_max_bytes = c->segment_max_bytes};
    e->detect = (struct dw__detect){.rules = c->rules, .tally = c->tally, .match_threads = c->match_threads, .lateness_ns = c->lateness_ns, .listed = c->listed, .listed_count = c->listed_count,
        .raise = raise_alert, .arg = e, .rules_of = c->rules_pack.ptr ? dw_past_rules_of : NULL, .rules_arg = &e->past};
    e->past = (struct dw_past_rules){.fs = c->fs, .dir = e->archive_dir, .keys = c->keys, .geoip = c->geoip};
    int rc = dw__detect_init(&e->detect);
    e->encoder = dw_encoder_new(DECISION_ZSTD_LEVEL);
    e->decoder = dw_decoder_new(c->keys);
    if (rc < 0 || !e->encoder || !e->decoder)
        return DW_ENOMEM;
    rc = dw_archive_open(&archive, &e->archive);
    if (rc == DW_OK)
        rc = expire(e); /* before anything is written: the disk may be full */
    if (rc == DW_OK)
        rc = dw_alerts_open(c->fs, e->alerts_dir, &e->alerts);
    if (rc == DW_OK)
        dw_alerts_never_block(e->alerts, c->policy);
    if (rc == DW_OK)
        rc = keep_rules(e, c->rules, c->rules_pack, c->tally);
    if (rc == DW_OK)
        rc = read_again(e);
    if (rc == DW_OK)
        rc = use_given_rules(e);
    if (rc == DW_OK)
        rc = dw__intake_begin_group(e);
    if (rc == DW_OK)
        rc = forget_rules(e);
    if (rc == DW_OK && c->provisional)
        rc = dw__detect_early(&e->detect, c->provisional, c->arg);
    if (rc < 0)
        return rc;
    return c->open_receiver(c->arg, e->places.item, e->places.count, &e->receiver);
}

int dw_intake_open(const struct dw_intake_conf *conf, struct dw_intake_engine **ret)
{
    struct dw_intake_engine *e = dw_calloc(1, sizeof *e);
    if (!e)
        return DW_ENOMEM;
    e->conf = *conf;
    e->segment_since_ns = dw_clock_mono(conf->clock);
    int rc = dw_path_join(e->archive_dir, DW__INTAKE_PATH, conf->data, "archive");
    if (rc == DW_OK)
        rc = dw_path_join(e->rejected_dir, DW__INTAKE_PATH, e->archive_dir, "rejected");
    if (rc == DW_OK)
        rc = dw_path_join(e->alerts_dir, DW__INTAKE_PATH, conf->data, "alerts");
    e->archive_inbox = (struct dw_inbox){.fs = conf->fs, .what = "what was asked of the archive", .take = do_asked, .sync = asked_done, .arg = e};
    if (rc == DW_OK)
        rc = dw_archive_inbox(conf->data, e->archive_inbox.path);
    if (rc == DW_OK)
        rc = dw_inbox_make(conf->fs, e->archive_inbox.path);
    if (rc == DW_OK)
        rc = open_parts(e);
    if (rc < 0) {
        dw_intake_close(e);
        return rc;
    }
    *ret = e;
    return DW_OK;
}

int dw_intake_end_provisional(struct dw_intake_engine *e)
{
    return e->detect.early ? dw__early_end(e->detect.early) : DW_OK;
}

void dw_intake_close(struct dw_intake_engine *e)
{
    if (!e)
        return;
    dw_receiver_close(e->receiver);
    dw__shipped_free(e->shipped);
    dw_archive_close(e->archive);
    dw_alerts_close(e->alerts);
    dw__detect_fini(&e->detect);
    dw_past_rules_fini(&e->past);
    dw_encoder_free(e->encoder);
    dw_decoder_free(e->decoder);
    dw__places_fini(&e->places);
    dw__group_fini(&e->group);
    dw_free(e);
}
