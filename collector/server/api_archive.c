/*
 * api_archive: what the archive holds, in numbers, and whether it is as it was written; and the rules.
 *
 * Each answer reads the archive anew, as the commands do: the account that the loop keeps is not touched.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/answer.h"
#include "dogwatch/collect/kept_rules.h"
#include "dogwatch/collect/taken.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>

static void put_maybe_time(struct dw_buf *out, const char *name, int64_t ns, bool known)
{
    if (known)
        api_put_time(out, ',', name, ns);
    else
        dw_buf_printf(out, ",\"%s\":null", name);
}

static void end_row(struct request *rq)
{
    dw_buf_str(&rq->out, DW_STR("}\n"));
    (void)api_row(rq);
}

static void note_unread(void *arg, const char *where, int rc)
{
    api_unread(arg, where, rc);
}

static bool is_over(void *arg)
{
    return api_is_over(arg);
}

/* Makes the archive's account and lets `put` answer from it. */
static void answer_account(struct request *rq, const struct dw_account_bounds *bounds, void (*put)(struct request *rq, const struct dw_account *a))
{
    struct dw_archive_reader *reader = NULL;
    struct dw_keys *keys = dw_keys_new();
    struct dw_account *account = dw_account_new(bounds, NULL, NULL);
    int rc = keys && account ? dw_archive_reader_open(&dw_fs_system, rq->api->archive, keys, &reader) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_answer_account(&(struct dw_answer_account){.reader = reader, .account = account, .keys = keys, .problem = note_unread, .stop = is_over, .arg = rq});
    if (rc == DW_OK || rc == DW_EAGAIN) {
        put(rq, account);
        api_answer_line(rq, DW_STR(""));
    } else {
        api_fail_code(rq, "the archive", rc);
    }
    dw_archive_reader_close(reader);
    dw_account_free(account);
    dw_keys_free(keys);
}

static void put_agents(struct request *rq, const struct dw_account *account)
{
    for (const struct dw_account_agent *g = NULL; (g = dw_account_next_agent(account, g));) {
        char hex[2 * DW_AGENT_ID_BYTES + 1];
        dw_hex(g->id, DW_AGENT_ID_BYTES, hex);
        api_put_text(&rq->out, '{', "agent", dw_str_of(hex));
        api_put_text(&rq->out, ',', "host", dw_str_of(g->host));
        api_put_text(&rq->out, ',', "state", dw_str_of(dw_agent_state_text(g->state)));
        api_put_number(&rq->out, ',', "starts", g->epochs);
        api_put_number(&rq->out, ',', "frames", g->frames);
        api_put_number(&rq->out, ',', "events", g->events);
        api_put_number(&rq->out, ',', "spool", g->spool_bytes);
        api_put_time(&rq->out, ',', "first", g->first_ns);
        api_put_time(&rq->out, ',', "last", g->last_ns);
        end_row(rq);
    }
}

void api_do_agents(struct request *rq)
{
    answer_account(rq, NULL, put_agents);
}

static void put_streams(struct request *rq, const struct dw_account *account)
{
    for (const struct dw_account_stream *s = NULL; (s = dw_account_next(account, s));) {
        struct dw_ledger_row r;
        dw_ledger_row_of(s, &r);
        api_put_text(&rq->out, '{', "host", dw_str_of(r.host));
        api_put_text(&rq->out, ',', "file", dw_str_of(r.path));
        api_put_text(&rq->out, ',', "state", dw_str_of(r.state));
        api_put_number(&rq->out, ',', "read", r.read);
        api_put_number(&rq->out, ',', "archived", r.archived);
        api_put_number(&rq->out, ',', "declared", r.declared);
        api_put_number(&rq->out, ',', "pending", r.pending);
        api_put_number(&rq->out, ',', "unaccounted", r.unaccounted);
        api_put_number(&rq->out, ',', "again", r.again);
        end_row(rq);
    }
}

void api_do_ledger(struct request *rq)
{
    static const struct dw_account_bounds all = {.streams = UINT32_MAX, .epochs = UINT32_MAX, .ranges = UINT64_MAX};
    answer_account(rq, &all, put_streams);
}

static void put_segment(void *arg, const struct dw_segment_info *s)
{
    struct request *rq = arg;
    bool known = s->sealed && s->time_min_ns != INT64_MIN; /* not of a segment closed with damage in it */
    api_put_number(&rq->out, '{', "segment", s->number);
    api_put_text(&rq->out, ',', "state", dw_str_of(dw_segment_state(s)));
    api_put_text(&rq->out, ',', "file", dw_str_of(s->file));
    api_put_number(&rq->out, ',', "bytes", s->bytes);
    api_put_number(&rq->out, ',', "text", s->text_bytes);
    api_put_number(&rq->out, ',', "frames", s->frames);
    api_put_number(&rq->out, ',', "events", s->events);
    put_maybe_time(&rq->out, "from", s->time_min_ns, known);
    put_maybe_time(&rq->out, "to", s->time_max_ns, known);
    end_row(rq);
}

void api_do_archive(struct request *rq)
{
    int rc = dw_archive_list(&dw_fs_system, rq->api->archive, put_segment, rq);
    if (rc < 0)
        api_fail_code(rq, "the archive", rc);
    else
        api_answer_line(rq, DW_STR(""));
}

enum { PROBLEMS_NAMED = 100 };

struct verdict {
    struct dw_buf named; /* a JSON list without its brackets */
    uint32_t count;
};

static void name_problem(void *arg, const char *text)
{
    struct verdict *v = arg;
    if (v->count++ >= PROBLEMS_NAMED)
        return;
    dw_buf_str(&v->named, v->count > 1 ? DW_STR(",") : DW_STR(""));
    (void)dw_json_string(&v->named, dw_str_of(text));
}

void api_do_verify(struct request *rq)
{
    struct verdict said = {0};
    struct dw_verify_result r;
    int rc = dw_archive_verify(&(struct dw_verify){.fs = &dw_fs_system, .dir = rq->api->archive, .problem = name_problem, .arg = &said, .elsewhere = dw_taken_read}, &r);
    uint64_t sets = 0, before = said.count;
    if (rc == DW_OK)
        rc = dw_kept_rules_check(&dw_fs_system, rq->api->archive, name_problem, &said, &sets);
    uint64_t problems = r.problems + (said.count - before);
    if (rc < 0 || said.named.err < 0) {
        api_fail_code(rq, "the archive", rc < 0 ? rc : said.named.err);
    } else {
        dw_buf_printf(&rq->out, "{\"ok\":%s", problems ? "false" : "true");
        api_put_number(&rq->out, ',', "segments", r.segments);
        api_put_number(&rq->out, ',', "expired", r.expired);
        api_put_number(&rq->out, ',', "frames", r.frames);
        api_put_number(&rq->out, ',', "records", r.records);
        api_put_number(&rq->out, ',', "events", r.events);
        api_put_number(&rq->out, ',', "signatures", r.signatures);
        api_put_number(&rq->out, ',', "unsigned_tail", r.unsigned_tail);
        api_put_number(&rq->out, ',', "decisions", r.decisions);
        api_put_number(&rq->out, ',', "elsewhere", r.elsewhere);
        api_put_number(&rq->out, ',', "rule_sets", sets);
        api_put_number(&rq->out, ',', "problems", problems);
        dw_buf_printf(&rq->out, ",\"named\":[%.*s]}\n", DW_ARG(dw_buf_view(&said.named)));
    }
    dw_buf_fini(&said.named);
}

static void put_tags(struct dw_buf *out, const struct dw_rule *r)
{
    dw_buf_str(out, DW_STR(",\"tags\":["));
    for (uint32_t i = 0; i < r->tag_count; i++) {
        dw_buf_str(out, i ? DW_STR(",") : DW_STR(""));
        (void)dw_json_string(out, r->tag[i]);
    }
    dw_buf_byte(out, ']');
}

void api_do_rules(struct request *rq)
{
    struct rules_used *rules = api_hold_rules(rq->api);
    const struct dw_tally *tally = rules->tally;
    char more[64];
    for (uint32_t i = 0; i < dw_ruleset_count(rules->set); i++) {
        const struct dw_rule *r = dw_ruleset_rule(rules->set, i);
        char hash[2 * DW_SHA256_BYTES + 1];
        dw_hex(r->logic_hash, DW_SHA256_BYTES, hash);
        api_put_text(&rq->out, '{', "id", r->id);
        api_put_text(&rq->out, ',', "title", r->title);
        api_put_text(&rq->out, ',', "level", dw_str_of(dw_level_text(r->level)));
        api_put_text(&rq->out, ',', "status", r->status);
        dw_buf_printf(&rq->out, ",\"correlation\":%s", r->corr ? "true" : "false");
        api_put_text(&rq->out, ',', "type", r->corr ? dw_str_of(dw_corr_type_text(r->corr->type)) : DW_STR("event"));
        api_put_text(&rq->out, ',', "file", r->path);
        api_put_text(&rq->out, ',', "logic_hash", dw_str_of(hash));
        api_put_text(&rq->out, ',', "description", r->description);
        put_tags(&rq->out, r);
        dw_buf_printf(&rq->out, ",\"silent\":%s", r->silent ? "true" : "false");
        api_put_number(&rq->out, ',', "evaluated", atomic_load(&tally->rule[i].evaluated));
        api_put_number(&rq->out, ',', "matched", atomic_load(&tally->rule[i].matched));
        api_put_number(&rq->out, ',', "undecided", atomic_load(&tally->rule[i].undecided));
        end_row(rq);
    }
    (void)snprintf(more, sizeof more, ",\"events\":%" PRIu64 ",\"left_out\":%" PRIu32, atomic_load(&tally->events), dw_ruleset_errors(rules->set));
    rules_let_go(rules);
    api_answer_line(rq, dw_str_of(more));
}
