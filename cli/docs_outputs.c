/*
 * docs_outputs: the page of outputs, from the tables of their types and keys.
 */
#include "docs_outputs.h"

#include "dogwatch/collect/triage.h"
#include "dogwatch/conf/options.h"

static void put_words(struct dw_buf *b, const char *words)
{
    struct dw_str rest = dw_str_of(words);
    for (bool first = true; rest.len; first = false) {
        struct dw_str word = dw_str_cut(&rest, ' '); /* not within DW_ARG, which names its argument twice */
        dw_buf_printf(b, "%s`%.*s`", first ? "" : " ", DW_ARG(word));
    }
}

static void put_types(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("## Types\n\n| type | needs | takes | is |\n|---|---|---|---|\n"));
    for (int i = 0; i < DW_OUTPUT_TYPES; i++) {
        enum dw_output_type t = (enum dw_output_type)i;
        dw_buf_printf(b, "| `%s` | ", dw_output_type_name(t));
        put_words(b, dw_output_type_needs(t));
        dw_buf_str(b, DW_STR(" | "));
        put_words(b, dw_output_type_takes(t));
        dw_buf_printf(b, " | %s |\n", dw_output_type_doc(t));
    }
}

static const char head[] =
    "# Where alerts are sent\n\n<!-- made by `dogwatch docs`; change the table, not this page -->\n\n"
    "```yaml\n# collector.yml\noutputs:\n"
    "  - name: soc\n    type: webhook\n    url: https://soc.example/hooks/dogwatch\n    secret: {file: /etc/dogwatch/soc.secret}\n    filter: 'rule.level:(high or critical)'\n"
    "  - name: siem\n    type: syslog\n    address: tcp://siem.example:601\n"
    "  - name: pager\n    type: alertmanager\n    url: http://alertmanager.example:9093\n    console: https://dogwatch.example\n```\n\n"
    "`dogwatch up` takes the same by `--set 'outputs=[{name: soc, type: webhook, url: \"https://...\"}]'`. `dogwatch outputs` shows how each stands: what waits, what was taken, dead letters, the last success and error.\n\n";

static const char delivery[] =
    "\n## What is sent\n\n"
    "New alerts, their updates (more events), and what people say of status, disposition and assignee. A message tells how the alert stands at that moment; of an alert that changes while messages wait only the newest is sent "
    "(`output_superseded`). It is decided once, when an output first sees a line of alerts.log: an alert under a silence is not sent (`output_silenced`), nor one whose newest event is older than `notify.max_age` (`output_old`): so a "
    "new output does not tell the past, and a collector that was away for long is found by `dogwatch alerts`, not by the pager. A restart, which reads the archive again, sends nothing twice.\n\n"
    "With `provisional: true` provisional alerts (correlation.md) are sent as well, with `provisional:` before their title: `created` when one is raised, and `closed` when it was confirmed (by the alert that `provisional.alert` names, and that is sent as any other) or "
    "withdrawn. Of a flood the first are sent (as of alerts, but without a summary: `provisional_unsent`), and of what was not sent nor is the end. They are no evidence, and rest on nothing that is synced.\n\n"
    "## What is promised\n\n"
    "At least once. An alert (but for provisional ones) is durable, and the archive behind it synced, before it leaves; what waits is in DATA/outputs/NAME.queue, synced, through any crash. A message that is not taken (no connection, no answer within `timeout`, 408, 425, "
    "429, 5xx) is tried again after half a second, doubled each time up to 5 min, with chance in it; Retry-After is obeyed up to an hour. Others are not held up by one that a receiver chokes on. A collector that ends by itself (`until_idle`) first sends what waits, as long as it is taken and for at most 30 s; one that is told to end lets an attempt under way end within 2 s, and the rest waits for the next start. So a receiver may be told twice what it did "
    "not answer; the key says so: it is the same for the same message, for ever:\n\n"
    "- new or updated: alert's id, `.`, number of events; a change by people: alert's id, `.`, the change's name; a provisional alert: its id, `.`, its state; a summary: its id\n"
    "- webhook: header `Idempotency-Key`; ecs: `delivery.key`; ocsf: `metadata.uid`; cef: `cs1`; kafka: header `idempotency-key`; Alertmanager: annotation `delivery_key`, and the labels are the alert's identity there\n\n"
    "A receiver that refuses a message (any other status), or does not take it for `retry_for`, makes it a dead letter: counted (`output_dead`), shown by `dogwatch outputs`, told as the alert `dogwatch.output.dead` once an output and hour, and kept "
    "in DATA/outputs/NAME.dead with reason and body, one JSON object a line. `dogwatch outputs retry NAME` sends them again.\n\n";

static const char formats[] =
    "## Webhook\n\nPOST, `Content-Type: application/json`, with `Idempotency-Key`, `X-Dogwatch-Timestamp` (seconds since 1970) and, with `secret`, `X-Dogwatch-Signature: sha256=` and the HMAC-SHA-256, in hex, of timestamp, `.` and body. "
    "Check the signature, then refuse what is older than some minutes. Of an answer 64 KiB are read.\n\n"
    "```python\nwant = hmac.new(secret, timestamp.encode() + b'.' + body, 'sha256').hexdigest()\nok = hmac.compare_digest(want, signature.removeprefix('sha256='))\n```\n\n"
    "## Formats\n\n"
    "**ecs**: what `dogwatch alerts --output ndjson` shows, and `delivery` with `key` and `activity`: `created`, `updated` or `closed` (people are done with it: status resolved, closed or false_positive).\n\n"
    "**ocsf**: Detection Finding, class 2004; activity_id 1 created, 2 updated, 3 closed; `finding_info.uid` is the alert's id, `evidences[0].data` the whole finding.\n\n"
    "**cef**: `CEF:0|dogwatch|dogwatch|VERSION|rule id|title|severity|...`, severity 1, 3, 6, 8 or 10; `externalId` the alert's id, `rt`, `act`, `cnt` (events), `src`, `suser`, `dvchost`, `msg` (whom it is about), `cs1` the key, `cs2` the status, `cs3` the container.\n\n"
    "**Alertmanager**: labels `alertname`, `severity`, `rule_id`, `alert_id` and whom it is about (`source_ip`, ...). An alert fires until people are done with it, at most 24 h after the newest message: then `endsAt` has come.\n";

void docs_outputs_page(struct dw_buf *b)
{
    dw_buf_str(b, dw_str_of(head));
    put_types(b);
    dw_buf_str(b, DW_STR("\n## Keys\n\n"));
    dw_conf_rows(&dw_conf_output, b);
    dw_buf_str(b, dw_str_of(delivery));
    dw_buf_printf(b, "Of a flood an output sends the first %d alerts of a rule and key within an hour, %d of a rule and %d of all one by one; the rest (`output_fused`) is one summary a rule every `notify.summary`, with how many alerts and "
                     "events, from when to when, and the keys that most of them are about (member `summary`). Nothing is hidden: `dogwatch alerts` has each.\n\n", DW_FUSE_KEY, DW_FUSE_RULE, DW_FUSE_ALL);
    dw_buf_str(b, dw_str_of(formats));
}
