/*
 * replay: an archive through the machine once more.
 *
 * Idea: a collector that starts reads its archive again and makes the alerts that it made; a replay is that, without the rest of a collector.
 * What the alert store does with a finding that it knows (passes over what has no more events) is done here by id alone. The corrected way runs
 * a second window beside the faithful one: it takes every match and is advanced only at the end, when nothing can come late any more.
 *
 * Invariants:
 *   (1) Nothing is written, and no clock is asked.
 *   (2) Faithful: the alerts given, in their order, are those that alerts.log has of this archive.
 */
#include "dogwatch/collect/replay.h"

#include "intake_detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/keyed.h"

#include <stdio.h>

#define CORRECTED_BYTES_MAX ((size_t)1 << 30)
enum { PROGRESS_FRAMES = 256 };

/* An alert that was raised, by its id. */
struct known {
    struct dw_keyed_item item;
    int64_t live, corrected; /* newest telling (dw_alert_rank), by the faithful way and by the corrected one; 0: it did not raise it */
    char rule[64];           /* of a corrected replay; a longer id is cut */
};

struct replaying {
    struct dw_replay *r;
    struct dw__detect detect;
    struct dw_keyed known;
    const struct dw_ruleset *whole_rules; /* the second window's */
    bool ended; /* they are in force no more, and it is to be made anew */
    int rc;
};

static struct known *known_of(struct replaying *p, const struct dw_alert *alert)
{
    struct known *k = dw_keyed_get(&p->known, dw_str_of(alert->id), sizeof *k);
    if (k && p->r->corrected)
        (void)snprintf(k->rule, sizeof k->rule, "%s", alert->rule);
    return k;
}

static int raise_live(void *arg, const struct dw_alert *alert)
{
    struct replaying *p = arg;
    struct known *k = known_of(p, alert);
    if (!k)
        return DW_ENOMEM;
    if (k->live >= dw_alert_rank(alert))
        return DW_OK;
    k->live = dw_alert_rank(alert);
    bool missed = p->detect.type == DW_CORR_SILENCE || p->detect.type == DW_CORR_ABSENCE;
    if (p->r->corrected && p->detect.type != DW_CORR_NONE && !missed)
        return DW_OK; /* the second window has its own */
    k->corrected = dw_alert_rank(alert);
    return p->r->each(p->r->arg, alert, DW_REPLAY_SAME);
}

/* A finding of the second window. */
static void raise_corrected(void *arg, const struct dw_finding *f)
{
    struct replaying *p = arg;
    struct dw_raised *raised = &p->detect.raised;
    if (f->silent || p->rc < 0)
        return;
    p->rc = dw_raised_of_finding(raised, p->whole_rules, f);
    struct known *k = p->rc == DW_OK ? known_of(p, &raised->alert) : NULL;
    if (p->rc == DW_OK && !k)
        p->rc = DW_ENOMEM;
    if (p->rc < 0 || k->corrected >= dw_alert_rank(&raised->alert))
        return;
    k->corrected = dw_alert_rank(&raised->alert);
    p->rc = p->r->each(p->r->arg, &raised->alert, k->live < k->corrected ? DW_REPLAY_NEW : DW_REPLAY_SAME);
}

/* At the end of an archive nobody can be asked any more whether a sender was heard at some time: silences and absences are those of the faithful window. */
static bool never_heard(void *arg, const uint8_t stream[DW_ID_BYTES], int64_t time_ns)
{
    (void)arg;
    (void)stream;
    (void)time_ns;
    return false;
}

static const struct dw_window_opts room = {.waiting_bytes_max = CORRECTED_BYTES_MAX, .state_bytes_max = CORRECTED_BYTES_MAX, .is_heard = never_heard};

static void tell_gone(const struct replaying *p)
{
    for (const struct dw_keyed_item *i = p->known.first; i && p->r->gone; i = i->next) {
        const struct known *k = (const struct known *)i;
        char id[DW_ALERT_ID_TEXT];
        (void)snprintf(id, sizeof id, "%.*s", DW_ARG(i->key));
        if (k->live && !k->corrected)
            p->r->gone(p->r->arg, id, k->rule);
    }
}

/* Other rules are in force from here on: what the second window has seen of those before is told. */
static int end_rules(void *replaying)
{
    struct replaying *p = replaying;
    p->r->changes++;
    if (!p->detect.whole)
        return DW_OK;
    int rc = dw_window_flush(p->detect.whole, raise_corrected, p);
    dw_window_free(p->detect.whole);
    p->detect.whole = NULL;
    p->ended = true;
    return rc < 0 ? rc : p->rc;
}

/* The second window of the rules now, from where the faithful one stands. */
static int begin_rules(struct replaying *p)
{
    struct dw_buf state = {0};
    p->ended = false;
    p->whole_rules = p->detect.rules;
    p->detect.whole = dw_window_new(p->whole_rules, &room);
    dw_window_save(p->detect.window, &state);
    int rc = !p->detect.whole ? DW_ENOMEM : state.err < 0 ? state.err : dw_window_load(p->detect.whole, dw_buf_view(&state));
    dw_buf_fini(&state);
    return rc;
}

/* Segments before were let go. What the second window has seen of those before them is told, and it goes on from where the faithful one stood. */
static int take_state(void *replaying, struct dw_str state)
{
    struct replaying *p = replaying;
    struct dw__detect_parts parts;
    int rc = dw__detect_load(&p->detect, state, false, 0, &parts);
    p->r->expired++;
    if (rc < 0 || !p->r->corrected)
        return rc;
    if (p->detect.whole) /* of the rules of then */
        rc = dw_window_flush(p->detect.whole, raise_corrected, p);
    dw_window_free(p->detect.whole);
    p->detect.whole = NULL;
    return rc < 0 ? rc : p->rc < 0 ? p->rc : begin_rules(p);
}

static int rules_of(void *replaying, const uint8_t sha256[DW_SHA256_BYTES], const struct dw_ruleset **ret, struct dw_tally **ret_tally)
{
    return dw_past_rules_of(((struct replaying *)replaying)->r->past, sha256, ret, ret_tally);
}

static int take(struct replaying *p, struct dw_archive_reader *reader, struct dw_archived *a, struct dw_decoder *decoder, int rc)
{
    struct dw_replay *r = p->r;
    bool held;
    r->frames++;
    if (r->progress && r->frames % PROGRESS_FRAMES == 0)
        r->progress(r->arg, a->intake.number);
    if (rc < 0) {
        r->unread++;
        return dw__detect_damaged(&p->detect, reader, a, rc);
    }
    r->events += a->frame.event_count;
    if (a->frame.event_count && a->frame.head.time_min_ns < r->first_ns)
        r->first_ns = a->frame.head.time_min_ns;
    rc = dw__detect_again(&p->detect, reader, a, decoder, a->intake.arrival_ns, &held);
    r->unread += !held;
    return rc == DW_OK && p->ended ? begin_rules(p) : rc;
}

static int read_all(struct replaying *p, struct dw_decoder *decoder)
{
    struct dw_archive_reader *reader;
    struct dw_archived a;
    int rc = dw_archive_reader_open(p->r->fs, p->r->archive, p->r->keys, &reader);
    if (rc < 0)
        return rc;
    dw_archive_reader_states(reader, take_state, p);
    while (rc == DW_OK) {
        int got = dw_archive_reader_next(reader, &a);
        if (got == DW_EAGAIN)
            break;
        rc = got == DW_ENOMEM ? got : take(p, reader, &a, decoder, got);
    }
    dw_archive_reader_close(reader);
    if (rc == DW_OK && p->detect.whole)
        rc = dw_window_flush(p->detect.whole, raise_corrected, p);
    if (rc == DW_OK && p->detect.whole) { /* what was calm by the time that the live run had come to is so here, too */
        rc = dw_window_advance(p->detect.whole, dw_window_watermark(p->detect.window), raise_corrected, p);
        rc = rc < 0 ? rc : p->rc;
    }
    if (rc == DW_OK && p->detect.whole)
        tell_gone(p);
    return rc;
}

int dw_replay_run(struct dw_replay *r)
{
    struct replaying p = {.r = r, .detect = {.rules = r->rules, .match_threads = r->match_threads, .lateness_ns = r->lateness_ns, .listed = r->listed, .listed_count = r->listed_count}};
    uint64_t refused = dw_counter_get(DW_C_correlate_matches_refused);
    struct dw_decoder *decoder = dw_decoder_new(r->keys);
    r->frames = r->events = r->unread = r->refused = r->expired = r->changes = 0;
    r->first_ns = INT64_MAX;
    p.whole_rules = r->rules;
    p.detect.raise = raise_live;
    p.detect.arg = p.detect.rules_arg = &p;
    p.detect.rules_of = r->past ? rules_of : NULL;
    p.detect.rules_end = end_rules;
    int rc = dw__detect_init(&p.detect);
    p.detect.whole = r->corrected ? dw_window_new(r->rules, &room) : NULL;
    if (!decoder || (r->corrected && !p.detect.whole))
        rc = DW_ENOMEM;
    if (rc == DW_OK)
        rc = read_all(&p, decoder);
    r->refused = dw_counter_get(DW_C_correlate_matches_refused) - refused;
    dw_window_free(p.detect.whole);
    dw__detect_fini(&p.detect);
    dw_keyed_fini(&p.known);
    dw_decoder_free(decoder);
    return rc;
}
