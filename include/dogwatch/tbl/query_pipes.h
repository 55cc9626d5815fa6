/* PIPE(word, syntax, doc, example): what may stand after a bar of a query. The parser's dispatch, its hint and the table of
 * docs/reference/pipes.md come from here. */
PIPE(where, "where FILTER", "keeps the rows for which the filter holds: the whole filter language, also over what pipes have made",
    "* | stats count by source.ip | where count:>100")
PIPE(fields, "fields FIELD, ...", "keeps these fields, as columns of a table", "login | fields @timestamp, source.ip, url.path")
PIPE(rename, "rename FIELD as NAME, ...", "gives fields other names", "* | stats count by source.ip | rename source.ip as client")
PIPE(sort, "sort [-]FIELD, ...", "sorts: numbers by size, then texts by bytes, what lacks the field last; - is downwards; equal rows keep their order",
    "* | stats count by url.path | sort url.path")
PIPE(head, "head N", "the first N rows", "login | head 10")
PIPE(tail, "tail N", "the last N rows", "login | tail 10")
PIPE(dedup, "dedup FIELD, ...", "of rows that agree in these fields, the first", "* | dedup source.ip, user.name")
PIPE(stats, "stats AGGREGATE [as NAME], ... [by FIELD, ...]",
    "one row for each combination of the `by` fields, with the aggregates below; greatest first when the first of them is count",
    "* | stats count, p95(event.duration) as slow by url.path")
PIPE(top, "top N FIELD, ...", "the N most frequent combinations and how often each is there", "status:404 | top 5 url.path")
PIPE(rare, "rare N FIELD, ...", "the N least frequent ones", "* | rare 5 process.name")
PIPE(timechart, "timechart SPAN AGGREGATE [as NAME], ... [by FIELD, ...]",
    "aggregates for each span of time (30s, 5m, 1h, 1d); spans without events are shown, from the first to the last with any",
    "* | timechart 1h count by host.name")
PIPE(eval, "eval NAME = EXPRESSION", "adds a field: numbers with + - * / %, \"texts\", fields, lower(x) upper(x) len(x) substr(x, from, count) if(a > b, x, y)",
    "* | eval ms = event.duration / 1000000 | sort -ms")
PIPE(parse, "parse [FIELD] \"TEXT <NAME> TEXT ...\"", "takes fields out of a text, the line when no field is named; <_> is passed over",
    "sshd | parse \"from <peer> port <port> \" | stats count by peer")
PIPE(templates, "templates [FIELD]", "what texts (of the message, else the line) say beside their values, most frequent first, each with the first text of it (templates.md)",
    "event.dataset:postgresql.log | templates | head 20")
PIPE(context, "context N", "also the N events of the same log before and after each that matches; the first pipe only", "panic | context 5")
