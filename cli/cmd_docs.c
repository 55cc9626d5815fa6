/*
 * cmd_docs: `dogwatch docs DIR`: the pages that come from tables: reference/ (markdown), dogwatch.1, completion.
 *
 * A test makes them again and fails when the committed ones differ, so no page can lag behind the code.
 */
#include "cli_int.h"
#include "docs_api.h"
#include "docs_detectors.h"
#include "docs_outputs.h"
#include "docs_policy.h"
#include "tune.h"

#include "dogwatch/collect/alerts.h"
#include "dogwatch/collect/triage.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/collect/account.h"
#include "dogwatch/collect/query.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/correlate/ruleset.h"
#include "dogwatch/event/keys.h"
#include "dogwatch/parsers/multiline.h"
#include "dogwatch/parsers/parser.h"
#include "dogwatch/parsers/redact_own.h"

#include <stdio.h>

static const struct {
    const char *word, *arguments, *summary;
} commands[] = {
#define COMMAND(word, function, arguments, summary) {#word, arguments, summary},
#include "dogwatch/tbl/commands.h"
#undef COMMAND
};

static const struct {
    const char *word, *arguments, *summary;
} rules_words[] = {
#define RULES_COMMAND(word, function, arguments, summary) {#word, arguments, summary},
#include "dogwatch/tbl/rules_commands.h"
#undef RULES_COMMAND
};

static const char made[] = "<!-- made by `dogwatch docs`; change the table, not this page -->\n\n";

static void page_commands(struct dw_buf *b)
{
    dw_buf_printf(b, "# Commands\n\n%s", made);
    for (size_t i = 0; i < DW_COUNT_OF(commands); i++)
        dw_buf_printf(b, "## dogwatch %s\n\n%s.\n\n```\ndogwatch %s %s\n```\n\n", commands[i].word, commands[i].summary,
            commands[i].word, commands[i].arguments);
    dw_buf_printf(b, "## The words of dogwatch rules\n\nPATH is a file of rules, or a folder with all below it. An event is a JSON object a line, as `dogwatch parse` and `dogwatch query` print them.\n\n");
    for (size_t i = 0; i < DW_COUNT_OF(rules_words); i++)
        dw_buf_printf(b, "- `dogwatch rules %s %s`: %s\n", rules_words[i].word, rules_words[i].arguments, rules_words[i].summary);
    dw_buf_printf(b, "\nExit codes: 0 yes, 1 the answer is no, 2 usage, configuration or rule mistake, 3 it could not be done.\n");
}

static void page_counters(struct dw_buf *b)
{
    static const char *const kinds[][2] = {{"not_done", "Something was not done, not seen or not kept as it came. Together they are the silence budget."},
        {"mended", "Something failed and was made good: nothing is missing by it."}, {"work", "How much was done."}};
    dw_buf_printf(b, "# Counters\n\n%s", made);
    for (size_t k = 0; k < DW_COUNT_OF(kinds); k++) {
        dw_buf_printf(b, "## %s\n\n%s\n\n| counter | counts |\n|---|---|\n", kinds[k][0], kinds[k][1]);
        for (int i = 0; i < DW_COUNTERS; i++)
            if (strcmp(dw_counter_kind((enum dw_counter)i), kinds[k][0]) == 0)
                dw_buf_printf(b, "| `%s` | %s |\n", dw_counter_name((enum dw_counter)i), dw_counter_doc((enum dw_counter)i));
        dw_buf_str(b, k + 1 < DW_COUNT_OF(kinds) ? DW_STR("\n") : DW_STR(""));
    }
}

static void page_errors(struct dw_buf *b)
{
    dw_buf_printf(b, "# Errors\n\n%s| number | name | text |\n|---|---|---|\n", made);
    for (int i = 1; i < DW_ERR_INDEX_END; i++)
        dw_buf_printf(b, "| -%d | %s | %s |\n", i, dw_err_name(-i), dw_err_text(-i));
}

static void page_fields(struct dw_buf *b)
{
    static const char *const types[] = {"keyword", "text", "ip", "long", "float", "boolean", "date"};
    struct dw_keys *k = dw_keys_new();
    dw_buf_printf(b, "# Fields\n\n%s| field | type | list | is |\n|---|---|---|---|\n", made);
    for (uint32_t i = 0; k && i < DW_FIELDS; i++)
        dw_buf_printf(b, "| `%.*s` | %s | %s | %s |\n", DW_ARG(dw_keys_name(k, i)), types[dw_field_type(i)],
            dw_field_is_list(i) ? "yes" : "", dw_field_doc(i));
    dw_keys_free(k);
}

static void page_parsers(struct dw_buf *b)
{
    size_t count;
    const struct dw_parser *p = dw_parser_table(&count);
    dw_buf_printf(b, "# Parsers\n\n%s| format | dataset | also called | takes |\n|---|---|---|---|\n", made);
    for (size_t i = 0; i < count; i++)
        dw_buf_printf(b, "| `%s` | `%.*s` | %s | %s |\n", p[i].name, DW_ARG(p[i].dataset), p[i].aliases ? p[i].aliases : "", p[i].doc);
}

/* A text within a table's cell: a bar there would end it. */
static void put_cell(struct dw_buf *b, const char *text)
{
    for (; *text; text++)
        dw_buf_printf(b, "%s%c", *text == '|' ? "\\" : "", *text);
}

static void page_lint(struct dw_buf *b)
{
    static const char *const when[] = {[DW_LINT_LOADING] = "loading", [DW_LINT_CHECK] = "check"};
    static const char *const repair[] = {[DW_REPAIR_HAND] = "", [DW_REPAIR_SAME] = "yes", [DW_REPAIR_ANEW] = "anew", [DW_REPAIR_LOADS] = "loads then"};
    size_t count;
    const struct dw_lint_row *row = dw_lint_table(&count);
    dw_buf_printf(b, "# What is said of rules\n\n%sA rule with an error is left out, whoever loads it. `dogwatch rules check` says more (`check` in the table), and, with `--notes`, what is a matter of taste; "
                     "`--strict` takes warnings for errors. A code never means anything else. Anywhere in a file `# dogwatch: allow DW-S089 DW-S091: why` allows what is no error in it, which is counted. "
                     "`--output ndjson` prints {file, line, col, len, severity, code, message, help}, one a line. Some things about other rules are said by "
                     "`rules visibility` and `rules test`.\n\n"
                     "`--fix` mends what it tells (with `--notes` notes too) where the table says so and there is one way: the bytes that are wrong, in place, nothing else of the file. All rules are compiled "
                     "again before a file is written, and a repair after which any of them decides by another hash, or does not load, is not made, which is told. `anew`: the rule decides the same, but its "
                     "hash is another, so what correlations and detectors keep of it begins anew. `loads then`: it was left out before. What stands over several lines, with escapes or as an alias is left to "
                     "people, and so are links and files of other users. `--fix --dry-run` prints a unified diff and writes nothing. A new `id` is the rule's name from then on: alerts of it are others.\n\n"
                     "| code | | when | `--fix` | is | what mends it |\n|---|---|---|---|---|---|\n", made);
    for (size_t i = 0; i < count; i++) {
        dw_buf_printf(b, "| `%s` | %s | %s | %s | ", row[i].code, dw_severity_text(row[i].severity), when[row[i].when], repair[row[i].repair]);
        put_cell(b, row[i].what);
        dw_buf_str(b, DW_STR(" | "));
        put_cell(b, row[i].fix);
        dw_buf_str(b, DW_STR(" |\n"));
    }
}

static void page_tune(struct dw_buf *b)
{
    size_t count;
    const struct tune_row *row = tune_table(&count);
    dw_buf_printf(b, "# A filter for false positives\n\n%s`dogwatch rules tune RULE --false-positives EVENTS --true-positives EVENTS` looks for the fewest fields that events which the rule matched wrongly have in "
                     "common and no rightly matched one has, writes them as a Sigma filter (docs/reference/sigma.md), compiles rule and filter, and runs both over all of these events again. A filter that loses a "
                     "true positive, breaks a case of the rule (NAME.test.yml, `tests:`, `testcases:`) or excludes nothing is not written. Cases that must match are true positives too. `--from-alerts` takes the "
                     "events of this rule's alerts in DATA by their disposition: `false_positive`, and `true_positive`.\n\n"
                     "Without any true positive nobody can know what a filter hides: that is said, fields whose value the rule itself demands are left out, and what remains is for people to judge. A selection has "
                     "up to three fields; several selections are made where no one covers all; equal input gives equal output. Values that look made up for one event (times, numbers of over five digits, 16 hex digits in a row), lists and "
                     "values over 256 bytes are not looked at. Exit codes: 0 a filter; 1 there is none that can be proved.\n\n"
                     "Which fields are taken, the sooner the earlier they stand here; others come after them in order of name:\n\n| field | | why |\n|---|---|---|\n", made);
    for (size_t i = 0; i < count; i++) {
        bool begins = strcmp(row[i].how, "BEGINS") == 0, ends = strcmp(row[i].how, "ENDS") == 0, last = strcmp(row[i].how, "LAST") == 0;
        dw_buf_printf(b, "| `%s%s%s`%s | %s | %s |\n", ends ? "*" : last ? "*." : "", row[i].name, begins ? "*" : "", last ? " and the name alone" : "", strcmp(row[i].use, "TAKE") == 0 ? "taken" : "left", row[i].doc);
    }
}

static void page_problems(struct dw_buf *b)
{
    dw_buf_printf(b, "# What the collector itself raises\n\n%s| rule | level | is |\n|---|---|---|\n", made);
    for (int i = 0; i < DW_PROBLEMS; i++)
        dw_buf_printf(b, "| `%s` | %s | %s |\n", dw_problem_rule((enum dw_problem_kind)i), dw_problem_level((enum dw_problem_kind)i),
            dw_problem_title((enum dw_problem_kind)i));
}

static void page_alert_fields(struct dw_buf *b)
{
    dw_buf_printf(b, "# What people say of an alert\n\n%s`dogwatch alert status|disposition|assign|note ID VALUE`. Every change stands in alerts.log for ever "
                     "(docs/formats/alerts.md); the first value is what an alert has until somebody says otherwise.\n\n| field | values | is |\n|---|---|---|\n", made);
    for (int i = 0; i < DW_ALERT_FIELDS; i++) {
        struct dw_str values = dw_str_of(dw_alert_field_values((enum dw_alert_field)i));
        dw_buf_printf(b, "| `%s` | %s", dw_alert_field_name((enum dw_alert_field)i), values.len ? "" : "any text");
        for (bool first = true; values.len; first = false) {
            struct dw_str value = dw_str_cut(&values, '|'); /* not within DW_ARG, which names its argument twice */
            dw_buf_printf(b, "%s`%.*s`", first ? "" : ", ", DW_ARG(value));
        }
        dw_buf_printf(b, " | %s |\n", dw_alert_field_doc((enum dw_alert_field)i));
    }
}

static void page_entities(struct dw_buf *b)
{
    dw_buf_printf(b, "# Who and what alerts are about\n\n%sA finding takes these fields from its event, or from its key. `dogwatch entities` adds up their risk, `dogwatch incidents` "
                     "joins alerts that share one of those marked, each within %d h of the one before.\n\n| field | joins | is |\n|---|---|---|\n", made,
        (int)(DW_INCIDENT_GAP_NS / (3600 * DW_NS_PER_S)));
    for (int i = 0; i < DW_ENTITIES; i++)
        dw_buf_printf(b, "| `%s` | %s | %s |\n", dw_entity_name((enum dw_entity)i), dw_entity_links((enum dw_entity)i) ? "yes" : "", dw_entity_doc((enum dw_entity)i));
    dw_buf_printf(b, "\nRisk is a sum of points: %s 1, %s 3, %s 10, %s 30, %s 100 for the first alert of each rule and hour, halved for every day that has passed. Alerts that "
                     "people found to mean nothing, and silenced ones, add nothing and join nothing.\n\n"
                     "Of a flood `dogwatch alerts` shows people the first %d alerts of a rule and key within an hour, %d of a rule and %d of all; the rest is one row with its "
                     "count and most frequent keys. `--all` shows each, and other outputs than a table have them all.\n",
        dw_level_text(DW_LEVEL_INFORMATIONAL), dw_level_text(DW_LEVEL_LOW), dw_level_text(DW_LEVEL_MEDIUM), dw_level_text(DW_LEVEL_HIGH),
        dw_level_text(DW_LEVEL_CRITICAL), DW_FUSE_KEY, DW_FUSE_RULE, DW_FUSE_ALL);
}

static void page_loki(struct dw_buf *b)
{
    static const struct {
        const char *label, *doc;
        uint32_t field;
    } labels[] = {
#define LABEL(name, field, doc) {#name, doc, DW_F_##field},
#include "dogwatch/tbl/loki_labels.h"
#undef LABEL
    };
    struct dw_keys *k = dw_keys_new();
    dw_buf_printf(b, "# Grafana, by way of Loki\n\n%sGrafana's Loki data source reads a collector: URL `https://HOST:7117`, and as custom HTTP header `Authorization: Bearer TOKEN` with a "
                     "token of role hunt (`dogwatch token add grafana --role hunt`). The routes are in [api.md](api.md); every question that reads events is in the audit log.\n\n"
                     "| label | field | is |\n|---|---|---|\n", made);
    for (size_t i = 0; k && i < DW_COUNT_OF(labels); i++)
        dw_buf_printf(b, "| `%s` | `%.*s` | %s |\n", labels[i].label, DW_ARG(dw_keys_name(k, labels[i].field)), labels[i].doc);
    dw_keys_free(k);
    dw_buf_printf(b, "\nThese make a stream. In a query any other name is the field with `_` for its dots: `http_response_status_code`.\n\n"
                     "Of LogQL it knows: selectors with `=`, `!=`, `=~`, `!~` (also for fields that make no stream); `|=`, `!=`, `|~`, `!~` with `or`, over the line as it was written; `| json`, `| logfmt`, `| unpack`, "
                     "`| decolorize`, `| drop`, `| keep`, which change nothing, for lines were parsed long ago; filters over labels with `and`, `or`, brackets, texts and numbers; "
                     "`count_over_time`, `rate`, `bytes_over_time`, `bytes_rate`, alone or in `sum`, `sum by (...)`; `vector(N) + vector(N)`. What it does not know is refused with its place. "
                     "Regexes are PCRE2 and mind the case. A regex of a label has to match the whole value.\n\n"
                     "Explore's live mode is a web socket on `/loki/api/v1/tail`: the newest `limit` lines from `start` on, then every line as it is archived, each once. It goes on until the client "
                     "closes it, or the collector ends (code 1001); `api.tail.workers` of them run at a time, and `api.query.time` is not for them. A client that does not read holds back the reading, and one that "
                     "takes nothing or answers no ping for `api.query.wait` loses its connection (1008, where it still takes that). `delay_for` is not looked at. A proxy in between has to let web sockets through.\n\n"
                     "An answer that is not whole (time, limits, more than 1,000 series) says so under `warnings`.\n");
}

static const char own_rules[] =
    "\nA mask keeps the length of a line. Masking comes before parsing: `event.original` and every field hold what is left. Each event lists its masks in `dogwatch.masked` as `rule:start:length`, in bytes "
    "of the line, the first 16 of them (tag `masks.dropped`: there were more, all masked).\n\n"
    "## Your own rules\n\n"
    "```yaml\n# agent.yml\nredact.rules:\n  staff: '\\bEMP-(\\d{6})\\b'\n  iban: '\\b[A-Z]{2}\\d{2}(?:[ ]?[A-Z0-9]{4}){3,7}'\n"
    "redact.hash: [staff, cards]\nredact.key_file: /etc/dogwatch/redact.key\n```\n\n"
    "A regex is one of PCRE2, over bytes: `.` and `\\w` take one byte, and UTF-8, whole or broken, is not looked at (`é` in a regex is its two bytes). What is masked is the first capture group that took part in the match, or the "
    "whole match; a group that is empty masks nothing. The search goes on behind what was masked, so a delimiter may end one value and begin the next. `.` stops at the newlines of joined lines unless the regex begins with `(?s)`. "
    "Own rules are asked for by being there, also with `redact: none`. Every rule sees the line as it was written. JSON is searched as it is written too: with its quotes and backslashes.\n\n"
    "`dogwatch config check` shows a regex that is wrong, and refuses one that may match the empty text. What a regex may cost is bounded by counted steps, not by time, so a line gives the same bytes again. Where a bound is hit (a try of "
    "20,000 steps, or in lines over 5 KiB so many tries longer than 4 KiB that they looked at 16 MiB), nobody knows what the rest holds: all from the place where that search began is masked, the event has the tag `redact.limit`, and the counter `tail_redact_limited` "
    "moves. A regex that hits it often wants fewer `.*`: `[^ ]*` or `\\w{1,64}` say where to stop. The same is done beyond 16,384 pieces of one line.\n";

static const char hashes[] =
    "\n## Hashes\n\n"
    "Where a rule is named in `redact.hash`, its text is replaced by a hash with the fleet's key: HMAC-SHA-256 of the bytes as they stand in the line, in hex, as many digits as the text had bytes and at most %d, then `*`. Equal text has equal hashes, on "
    "every host with that key, so it can be searched for, counted and correlated without being seen; a value of another length or spelling (`4111 1111` and `4111-1111`) has another. The event says `rule:start:length:KEYID`; the key's id is the "
    "first 8 digits of SHA-256 over `dogwatch redact key` and the key: hashes are to be compared where it is the same.\n\n"
    "- Text shorter than %d bytes is masked, not hashed: few digits collide, and tell too much.\n"
    "- A short text has a short hash: of 8 bytes 8 digits (32 bits), which two of 10,000 different values share with a chance of 1 %%.\n"
    "- A card that is hashed keeps no digits.\n"
    "- Pieces that overlap are masked; but where one holds all the others and is to be hashed, it is. Of two rules that find the same text, one in `redact.hash` suffices.\n"
    "- Who has the key and a hash can try values out, and a number of six digits is found at once. Keep it from those who read the archive.\n\n"
    "The key file has %d bytes at least, better 32 (`umask 027; openssl rand -hex 32 > redact.key`), is the same on every host, and is refused when everybody can read it. A new key makes new hashes: what was archived before keeps the old ones and their id.\n";

static void page_redact(struct dw_buf *b)
{
    dw_buf_printf(b, "# Masks\n\n%s| rule | masks |\n|---|---|\n", made);
    for (int i = 0; i < DW_REDACT_RULES; i++)
        dw_buf_printf(b, "| `%s` | %s |\n", dw_redact_name((enum dw_redact_rule)i), dw_redact_doc((enum dw_redact_rule)i));
    dw_buf_str(b, dw_str_of(own_rules));
    dw_buf_printf(b, hashes, DW_REDACT_HASH_MAX, DW_REDACT_HASH_MIN, DW_REDACT_KEY_MIN);
}

/* A row of a table of names and what they are. */
struct row {
    const char *name, *doc;
};

static void put_rows(struct dw_buf *b, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dw_buf_printf(b, "| `%s` | %s |\n", rows[i].name, rows[i].doc);
}

static void page_confinement(struct dw_buf *b)
{
    static const struct row reads[] = {
#define READ_BELOW(path, why) {path, why},
#include "dogwatch/tbl/agent_reads.h"
#undef READ_BELOW
    };
    static const struct row calls[] = {
#define SYSCALL(name, why) {#name, why},
#define NETCALL(name, why) {#name, "over Kafka: " why},
#define INPUTCALL(name, why) {#name, "with `inputs.syslog`: " why},
#define ASKCALL(name, why) {#name, "with `docker.socket` or `kubelet.url`: " why},
#include "dogwatch/tbl/agent_syscalls.h"
#undef ASKCALL
#undef INPUTCALL
#undef NETCALL
#undef SYSCALL
    };
    dw_buf_printf(b, "# What the agent may do\n\n%sStarted as root it becomes `user` and keeps CAP_DAC_READ_SEARCH alone, which reads every log and changes nothing; execve(2) gives nobody more. "
                     "Before it reads a line it limits itself for good, by what this kernel has (`sandbox` in [agent.md](agent.md)):\n\n"
                     "- Landlock (Linux 5.13): folders of logs are read; DATA/agent, DATA/state and the queue are written; the file of `redact.key_file`, the folder of the configuration, what `kafka.options` names, the folder of `kubelet.token`, and what is below the folders in the table are read; nothing else. From Linux 6.7 on no "
                     "TCP port is bound, and over `transport: dir` none connected to but that of `kubelet.url`; the ports of `inputs.syslog` and `metrics.listen` are bound before, and with neither configured there is none.\n"
                     "- seccomp: system calls but those in the second table fail with EPERM, and the kernel's log names them. Over `transport: dir` no socket is opened but unix ones for `docker.socket` and inet ones for `kubelet.url`; over Kafka they are of the families inet, inet6, unix and netlink. Threads are made, processes are not.\n\n"
                     "A fence stands around the folders that are there. When a folder of logs comes later, or is made anew, the agent ends well with code 4 and wants to be started again (`dogwatch up`, systemd "
                     "and Kubernetes do); it goes on where it was. A link that comes later and leads elsewhere is refused and said: name its folder in `sandbox.read`.\n\n"
                     "| read | for |\n|---|---|\n", made);
    put_rows(b, reads, DW_COUNT_OF(reads));
    dw_buf_printf(b, "\n| system call | for |\n|---|---|\n");
    put_rows(b, calls, DW_COUNT_OF(calls));
}

static void page_doctor(struct dw_buf *b)
{
    static const struct row checks[] = {
#define CHECK(name, function, doc) {name, doc},
#include "dogwatch/tbl/doctor_checks.h"
#undef CHECK
    };
    dw_buf_printf(b, "# What `dogwatch doctor` looks at\n\n%sIt asks as who calls it, by the configuration of the agent, and changes nothing. Exit code 1: something keeps logs from being read or sent.\n\n"
                     "| check | looks at |\n|---|---|\n", made);
    put_rows(b, checks, DW_COUNT_OF(checks));
}

static void page_labels(struct dw_buf *b)
{
    static const struct row labels[] = {
#define LABEL(id, name, doc) {name, doc},
#include "dogwatch/tbl/container_labels.h"
#undef LABEL
    };
    dw_buf_printf(b, "# Labels of containers\n\n%sOf docker's containers, out of their config.v2.json, or of docker itself where that file may not be read (`docker.socket`, [docker.md](docker.md)): "
                     "`docker run --label dogwatch.io/format=nginx_access ...`. Of pods they are annotations, which are read with `kubelet.url` ([kubelet.md](kubelet.md)); `dogwatch.io/format.NAME` is of the "
                     "container NAME alone, and goes before `dogwatch.io/format`. They are read when a log is found; a container keeps its labels for life. Where docker or the kubelet answers later than "
                     "`metadata.wait`, they hold from then on, but for an exclusion, which is then refused and said.\n\n| label | says |\n|---|---|\n", made);
    put_rows(b, labels, DW_COUNT_OF(labels));
}

static void page_asks(struct dw_buf *b)
{
    static const struct {
        const char *path, *argument, *who, *doc;
    } asks[] = {
#define OWN "the socket"
#define ALL "the socket, `metrics.listen`"
#define ASK(id, path, argument, who, doc) {path, argument, who, doc},
#include "dogwatch/tbl/agent_asks.h"
#undef ASK
#undef ALL
#undef OWN
    };
    dw_buf_printf(b, "%s# Asking a running agent\n\nNo port is open unless `metrics.listen` names one. The agent answers HTTP over the unix socket `DATA/agent/control.sock`, to its user and group: `dogwatch agent` asks there, and "
                     "`curl --unix-socket DATA/agent/control.sock http://agent/metrics` may. Answers are JSON, one object a line; with `as=text` lines for people. An answer changes nothing; what a tap shows "
                     "is what leaves the host, masked. A reader of a tap that is too slow gets whole events less, and `{\"left_out\":N}` in their place.\n\n| path | argument | over | answers |\n|---|---|---|---|\n", made);
    for (size_t i = 0; i < DW_COUNT_OF(asks); i++)
        dw_buf_printf(b, "| `%s` | %s%s%s | %s | %s |\n", asks[i].path, asks[i].argument[0] ? "`" : "", asks[i].argument, asks[i].argument[0] ? "`" : "", asks[i].who, asks[i].doc);
}

static void page_signals(struct dw_buf *b)
{
    static const struct row signals[] = {
#define SIGNAL(id, action, doc) {action, doc},
#include "dogwatch/tbl/agent_signals.h"
#undef SIGNAL
    };
    dw_buf_printf(b, "%s# Signals of the agent\n\nEvents of `dogwatch.agent` (product `dogwatch`, service `agent` of a Sigma rule), out of a log of the agent's own, `DATA/agent/signals.log`: who meddles with logs, clock "
                     "or agent leaves them behind. `file.path` and the container are those of the log that it is about. At most 60 a minute; `dogwatch.held_back` says how many more there were. `signals: false` "
                     "turns them off; a run with `until_idle` tells of logs alone.\n\n| event.action | tells |\n|---|---|\n", made);
    put_rows(b, signals, DW_COUNT_OF(signals));
}

static void page_multiline(struct dw_buf *b)
{
    dw_buf_printf(b, "# Several lines, one event\n\n%s| kind | joins |\n|---|---|\n", made);
    for (int i = 0; i < DW_MULTILINE_KINDS; i++)
        dw_buf_printf(b, "| `%s` | %s |\n", dw_multiline_name((enum dw_multiline)i), dw_multiline_doc((enum dw_multiline)i));
}

static void page_pipes(struct dw_buf *b)
{
    struct dw_query_word w;
    dw_buf_printf(b, "# Pipes\n\n%sWhat may stand after a bar of a query (query.md). They work in the order in which they stand.\n\n"
                     "| pipe | does |\n|---|---|\n", made);
    for (size_t i = 0; dw_query_pipe(i, &w); i++) {
        dw_buf_printf(b, "| `%s` | ", w.syntax);
        put_cell(b, w.doc);
        dw_buf_printf(b, " |\n");
    }
    dw_buf_printf(b, "\n```\n");
    for (size_t i = 0; dw_query_pipe(i, &w); i++)
        dw_buf_printf(b, "%s\n", w.example);
    dw_buf_printf(b, "```\n\n| aggregate | gives |\n|---|---|\n");
    for (size_t i = 0; dw_query_aggregate(i, &w); i++)
        dw_buf_printf(b, "| `%s` | %s |\n", w.word, w.doc);
}

static void page_agent(struct dw_buf *b)
{
    dw_conf_page(&dw_conf_agent, b);
}

static void page_collector(struct dw_buf *b)
{
    dw_conf_page(&dw_conf_collector, b);
}

static void page_man(struct dw_buf *b)
{
    dw_buf_printf(b, ".TH DOGWATCH 1\n.SH NAME\ndogwatch \\- watches containers' logs, keeps every byte, proves what it says\n.SH COMMANDS\n");
    for (size_t i = 0; i < DW_COUNT_OF(commands); i++)
        dw_buf_printf(b, ".TP\n.B dogwatch %s\n\\&%s\n.br\n%s\n", commands[i].word, commands[i].arguments, commands[i].summary);
    dw_buf_printf(b, ".SH EXIT STATUS\n0 yes; 1 the answer is no; 2 usage, configuration or rule mistake; 3 it could not be done.\n"
                     ".SH ENVIRONMENT\n.B DOGWATCH_DATA\nwhere DATA is.\n.br\n.B DOGWATCH_SERVER\na collector to ask instead: unix:DATA/api.sock, http://HOST:PORT or https://HOST:PORT.\n.br\n.B DOGWATCH_TOKEN_FILE\nthe file with the token for it; sent to this host, over https or to a unix socket that was named.\n"
                     ".br\n.B SSL_CERT_FILE\ncertificates that https is checked by, in place of the system's.\n"
                     ".PP\nWhere nothing says where to look, the socket of a collector that runs over the default DATA or /var/lib/dogwatch is asked, else the default DATA is read.\n");
}

static void page_completion(struct dw_buf *b)
{
    dw_buf_printf(b, "# bash completion for dogwatch; made by `dogwatch docs`\n_dogwatch()\n{\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                     "        COMPREPLY=($(compgen -W \"");
    for (size_t i = 0; i < DW_COUNT_OF(commands); i++)
        dw_buf_printf(b, "%s%s", i ? " " : "", commands[i].word);
    dw_buf_printf(b, "\" -- \"${COMP_WORDS[1]}\"))\n    else\n        COMPREPLY=($(compgen -f -- \"${COMP_WORDS[$COMP_CWORD]}\"))\n    fi\n}\n"
                     "complete -F _dogwatch dogwatch\n");
}

static const struct {
    const char *name;
    void (*make)(struct dw_buf *b);
} pages[] = {
    {"reference/commands.md", page_commands}, {"reference/counters.md", page_counters}, {"reference/detectors.md", docs_detectors_page}, {"reference/errors.md", page_errors},
    {"reference/fields.md", page_fields}, {"reference/parsers.md", page_parsers}, {"reference/problems.md", page_problems}, {"reference/lint.md", page_lint}, {"reference/tune.md", page_tune},
    {"reference/alerts.md", page_alert_fields},
    {"reference/entities.md", page_entities},
    {"reference/policies.md", docs_policy_page},
    {"reference/outputs.md", docs_outputs_page},
    {"reference/loki.md", page_loki},
    {"reference/pipes.md", page_pipes}, {"reference/masks.md", page_redact}, {"reference/confinement.md", page_confinement}, {"reference/doctor.md", page_doctor}, {"reference/labels.md", page_labels}, {"reference/asks.md", page_asks}, {"reference/signals.md", page_signals}, {"reference/multiline.md", page_multiline}, {"reference/agent.md", page_agent}, {"reference/collector.md", page_collector},
    {"reference/api.md", docs_api_page}, {"reference/openapi.json", docs_api_openapi},
    {"dogwatch.1", page_man}, {"dogwatch.bash", page_completion},
};

int cmd_docs(int argc, char **argv)
{
    char path[CLI_PATH_MAX], dir[CLI_PATH_MAX];
    if (argc != 2) {
        (void)fprintf(stderr, "usage: dogwatch docs DIR\n");
        return CLI_USAGE;
    }
    int rc = dw_path_join(dir, sizeof dir, argv[1], "reference");
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(&dw_fs_system, dir, 0755);
    for (size_t i = 0; i < DW_COUNT_OF(pages) && rc == DW_OK; i++) {
        struct dw_buf b = {0};
        pages[i].make(&b);
        rc = b.err ? b.err : dw_path_join(path, sizeof path, argv[1], pages[i].name);
        if (rc == DW_OK)
            rc = dw_fs_write_file(&dw_fs_system, path, 0644, dw_buf_view(&b));
        dw_buf_fini(&b);
    }
    if (rc < 0)
        (void)fprintf(stderr, "dogwatch: %s: %s\n", argv[1], dw_err_text(rc));
    return rc == DW_OK ? CLI_YES : CLI_CANNOT;
}
