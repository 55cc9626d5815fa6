/*
 * docs_detectors: the page of detectors, from the tables of their types and keys.
 */
#include "docs_detectors.h"

#include "dogwatch/correlate/ruleset.h"

static const struct {
    const char *word, *span, *field, *doc;
    enum dw_corr_type type;
} types[] = {
#define DETECTOR(word, TYPE, needs_field, says, timespan_is, field_is, doc) {#word, timespan_is, field_is, doc, DW_CORR_##TYPE},
#include "dogwatch/tbl/detectors.h"
#undef DETECTOR
};

static const struct {
    const char *word, *usual, *doc;
    uint32_t of;
} keys[] = {
#define DW_OF(TYPE) (UINT32_C(1) << DW_CORR_##TYPE)
#define DETECTOR_KEY(word, of, usual, doc) {word, usual, doc, of},
#include "dogwatch/tbl/detector_keys.h"
#undef DETECTOR_KEY
};

static void put_types(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("| type | tells | `timespan` is | `field` |\n|---|---|---|---|\n"));
    for (size_t i = 0; i < DW_COUNT_OF(types); i++)
        dw_buf_printf(b, "| `%s` | %s | %s | %s |\n", types[i].word, types[i].doc, types[i].span, types[i].field);
}

static void put_examples(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("\n"
        "```yaml\n"
        "title: SSH login from an address that is new to the account\n"
        "name: ssh_login_new_address\n"
        "detector:\n"
        "    type: new_value\n"
        "    rules: [ssh_login_succeeded]        # a Sigma rule beside it: which events are looked at\n"
        "    group-by: [host.name, user.name]    # one memory for each account of each host\n"
        "    field: source.ip\n"
        "    timespan: 14d\n"
        "level: low\n"
        "---\n"
        "title: Many more server errors than usual\n"
        "detector: {type: rate_spike, rules: [web_server_error], group-by: [host.name], timespan: 5m, condition: {gte: 20}}\n"
        "level: medium\n"
        "---\n"
        "title: Database says something that it has not said for a month\n"
        "detector: {type: new_template, rules: [database_message], group-by: [host.name, event.dataset], timespan: 30d, learn: 7d, warmup: 100}\n"
        "level: low\n"
        "---\n"
        "title: Cron fell silent\n"
        "detector: {type: silence, rules: [cron_session], group-by: [host.name], timespan: 3h, learn: 6h}\n"
        "level: low\n"
        "```\n\n"));
}

/* What a detector may have, and what it says. */
static void put_keys(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("`dogwatch rules run RULES... < events` shows what they would have found in events of yours. The rules whose matches are looked at raise no alerts of their own (`generate: true` lets them).\n\n"
        "| key | of | is | when it is left out |\n|---|---|---|---|\n"));
    for (size_t i = 0; i < DW_COUNT_OF(keys); i++) {
        dw_buf_printf(b, "| `%s` | ", keys[i].word);
        const char *before = "";
        for (size_t k = 0; k < DW_COUNT_OF(types) && keys[i].of; k++) {
            if (!(keys[i].of >> types[k].type & 1))
                continue;
            dw_buf_printf(b, "%s%s", before, types[k].word);
            before = ", ";
        }
        dw_buf_printf(b, "%s | %s | %s |\n", keys[i].of ? "" : "all", keys[i].doc, keys[i].usual);
    }
}

/* What each type means by the members of its finding. */
static void put_finding(struct dw_buf *b)
{
    static const struct {
        const char *word, *value, *baseline, *more;
    } rows[] = {
        {"new_value", "the values, as a list", "how many are known", ""},
        {"new_template", "the template, in a list", "how many are known", ""},
        {"rare_value", "the values, as a list", "events of the window", "`count`: how many of them have the value"},
        {"rate_spike", "events, or the sum, of the span", "the median span", "`spread`; `score`: how many times that the value is away; `spans`: how many make the baseline"},
        {"cardinality_spike", "distinct values of the span", "the median span", "as rate_spike"},
        {"heavy_hitter", "the values, as a list", "events of the span so far", "`count`: how many of them certainly have the value"},
        {"entropy_dga", "the name, in a list", "`score` of the rule", "`count`: labels that looked made up in the window; `score`: of this one"},
        {"beacon", "the median gap, in seconds", "`score` of the rule", "`spread`: the median distance from it, in seconds; `score`: of 100; `spans`: how many gaps"},
        {"impossible_travel", "the address before, this one, and the place of each", "`max_speed` of the rule, in km/h", "`speed`: km/h, at least; `km`: between the two, at least; `seconds`; `database`: SHA-256 of the file that says where addresses are"},
        {"silence", "0", "seconds between events", ""},
    };
    dw_buf_str(b, DW_STR("\nThe finding has `detector`: `type`, `feature` (what was looked at: the field, or `events`), and:\n\n| type | `value` | `baseline` | beside |\n|---|---|---|---|\n"));
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++)
        dw_buf_printf(b, "| `%s` | %s | %s | %s |\n", rows[i].word, rows[i].value, rows[i].baseline, rows[i].more);
    dw_buf_byte(b, '\n');
}

/* How each type decides, and its bounds. */
static void put_details(struct dw_buf *b)
{
    static const char *const texts[] = {
        "**rate_spike**: spans begin at whole multiples of `timespan` in UTC. The spread is 1.4826 times the median distance from the median; where most spans are alike, the mean of the distances but\n"
        "the greatest; at least what 98 in 100 spans differ by over 2.33, the square root of the median for counts, and a hundredth of it. So one span in fifty, and at least one, may have been a spike\n"
        "and hides no new one. More is told by the event that makes it too much; less on the first event after the span, with the span's own time: a source that never comes back is silence's business.\n"
        "An anomaly is one finding until a sixth of `history` has passed without another. There is no season: what comes once a night is a spike until it is among the 98 in 100.\n"
        "Give it as much past as the thing has habits: over five-minute values of machines (docs/bench/2026-11-30-nab.md) the usual `history: 60`, five hours, scores 15 of 100, a day of it (`history: 288`) 52, and spans of an hour 57.\n\n",
        "**cardinality_spike** judges as rate_spike does, over how many distinct values a span has: a HyperLogLog of 1024 registers, 1 KiB a key, that is off by 2.6 % (one standard error), and hardly at all\n"
        "below a hundred. The spread is at least 3 % of the median for that. The event that brings the value too many is the cause, and only events that change the count are updates. The count of an event is\n"
        "the same on every replay: the hash is fixed, which also means that who chooses values with care could hide them behind each other; a floor of `value_count` (correlation.md) is exact.\n\n",
        "**heavy_hitter**: spans begin at whole multiples of `timespan`. 256 values are counted (Space-Saving, 8 KiB a key at most); one that finds no place takes that of the rarest, counted `detect_slots_taken`, and from then on\n"
        "only what is certain of it counts. So nothing is told that has less than `share`, and what has 0.4 % more than it is never missed. It is judged at each event once the span has `warmup` events, and told once\n"
        "as long as it is heavy in span after span.\n\n",
        "**entropy_dga** weighs a name letter by letter, each after the one before: what that costs in bits as people name things (English words and 1.05 million names of packages, tools/name_costs.py), against\n"
        "chance, which costs log2(27) a letter. 50 is a draw, each bit for chance adds 2.5: at 70 chance is 256 times as likely. A name whose letters have less than 2.5 bits of entropy is not told, nor one of under seven\n"
        "letters and digits, nor one that begins with `xn--`. Only the label that somebody registered is judged: of `d3k2.cloudfront.net` that is `cloudfront`, so made-up names of hosts in clouds and content networks\n"
        "are none of its business; below a word such as `co` before a country, and below a dozen providers of names for changing addresses, it is the one before. Lists of words (suppobox, matsnu, gozi),\n"
        "pronounceable names (vawtrak, pushdo) and hexadecimal ones pass. One made-up name is a brand, many are a program: give `condition: {gte: 5}`. Counted are different labels of the window, 1024 at most; an anomaly is one finding, and further names update it.\n\n"
        "**beacon** is RITA's score: the mean of how even the gaps between events are (Bowley's skewness, and the median distance from the median), how even the bytes of `field` are, how long it lasts and how flat its\n"
        "24 bins are. `timespan` stands for RITA's day, its 24th part for the hour, and it is looked at on the first event of each such part. Six parts must have events. The newest 4096 events of a key are held; of a faster key\n"
        "only those, counted `correlate_window_capped`. Bursts of a person who is there all day reach the seventies (RITA calls that medium, and high from 90 on), so 80 is usual. Time servers, monitoring and updates beacon, too: leave them out in the rule whose matches are looked at.\n\n"
        "**impossible_travel** compares a login with the one before it of the same key, in event time, if that came within `timespan`. The kilometres are those over the surface of a sphere, less the accuracy radius that\n"
        "the database gives for each place. Told is what is `min_distance` or more away and would need more than `max_speed`; an anomaly is one finding until `timespan` has passed without another. Addresses that the database\n"
        "does not know take no part, counted `correlate_no_place`; private ones are in no database but one of your own. Ways out of a company's network, VPNs and mobile operators put people where they are not: leave their\n"
        "networks out in the rule whose matches are looked at. A place is looked up when the event comes and kept with the key. The hash of the database is part of the rule's logic hash: with another file keys begin\n"
        "anew, and `dogwatch replay` says that the rule decides otherwise. Without `geoip.database` such a rule sleeps: a collector says so when it loads it, and so does `rules check`, unless `--geoip FILE` names one.\n"
        "Cases beside a rule say where addresses are by themselves: `places: {192.0.2.1: [48.8566, 2.3522]}` (sigma.md).\n\n"
        "**silence**: told when the watermark passes the newest event plus `timespan` and the sender's own low-water mark has, too; else it waits, counted `detect_silence_undecided`. So neither a\n"
        "host that is away nor a broker that is down makes a source silent. A key that was told is forgotten and learned anew. `rules run` ends with the newest event, so what is silent at the end is not told.\n\n",
        "**new_value**: of a list the first value counts; several fields are one combination, compared by bytes (`::ffff:192.0.2.1` is not `192.0.2.1`). A key is known for twice `timespan` after its newest\n"
        "event: whoever comes back within that from elsewhere is told, whoever comes later is learned anew. 4096 values a key; beyond that the one not seen for longest is forgotten, counted\n"
        "`correlate_window_capped`, and told again when it comes.\n\n",
        "**rare_value**: the window is cut into sixteen slices at whole multiples of them and reaches back to the beginning of the slice that `timespan` ends in. With `share`, a value is rare when less than\n"
        "that part of the window's events have it; with `condition: {lte: 3}` when it came at most so often; with both when both hold. It counts from its first event on, those of the time of learning too: what\n"
        "new_value knows after one event stays rare here. A value is told once, and again when the slice in which it was told has left the window. 8192 pairs of value and slice a key; beyond that the\n"
        "oldest goes, counted `correlate_window_capped`, and its value seems rarer than it is. Take a field with few values: where each value is rare (a request id), each is told.\n\n",
        "**new_template**: what is new is decided by the message and by what the key had before in event time, never by arrival. A message is masked (templates.md). Its template is *known* if it came within\n"
        "`timespan`, or if it differs in one word from a template at a place where `fanout` templates differed already: there stands a name. Everything else is new, and known from then on; so is what comes\n"
        "while the key learns, warms up, or is muted. Words that vary in two places at once, and have no digit, are never taken for names: such messages are told each. 8192 entries a key, one for a template and\n"
        "one for each of its first 32 words; beyond that the one not seen for longest is forgotten, counted `correlate_window_capped`. To change `mute` changes what the rule decides, so its keys learn anew; a\n"
        "`dogwatch silence` does not.\n\n"};
    for (size_t i = 0; i < DW_COUNT_OF(texts); i++)
        dw_buf_str(b, dw_str_of(texts[i]));
}

/* What they cost, and what others call it. */
static void put_elsewhere(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("All keys of detectors and correlations share 256 MiB (72 bytes a value or span, and about 340 a key); beyond it new keys are refused, counted `correlate_keys_refused`, and beyond twice as much the oldest of what keys hold goes (`correlate_window_capped`). A long `history` costs\n"
        "time, too: each span that begins sorts it.\n\n"
        "| elsewhere | here |\n|---|---|\n"
        "| Elastic: new terms | `new_value`; the history window is `timespan` |\n"
        "| Elastic: rare (population) jobs | `rare_value` |\n"
        "| Elastic: rare log categories, Datadog: new pattern | `new_template` |\n"
        "| Elastic: anomaly jobs, Datadog: anomaly or outlier monitor | `rate_spike`, of counts or of the sum of a field |\n"
        "| Elastic: high_distinct_count, Splunk: dc() over a threshold | `cardinality_spike` |\n"
        "| top talkers, Count-Min or Space-Saving sketches | `heavy_hitter` |\n"
        "| RITA: beacons; Zeek, Elastic: beaconing | `beacon` |\n"
        "| Elastic: DGA detection | `entropy_dga` |\n"
        "| Microsoft, Elastic, Datadog, Panther: impossible travel | `impossible_travel` |\n"
        "| Datadog: no data, Wazuh: agent disconnected | `silence` for a log or a service; an agent that is away is the alert `dogwatch.agent.unheard` |\n"));
}

void docs_detectors_page(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("# Detectors\n\n<!-- made by `dogwatch docs`; change the table, not this page -->\n\n"
        "A detector is a rule whose threshold is learned: it looks at the matches of other rules, key by key, and says what is not as it was.\n"
        "It stands in a document of its own, beside Sigma rules and in place of `correlation:`; all that correlation.md says of order, lateness, keys and bounds holds.\n\n"));
    put_types(b);
    put_examples(b);
    put_keys(b);
    put_finding(b);
    put_details(b);
    put_elsewhere(b);
}
