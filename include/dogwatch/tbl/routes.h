/* The HTTP API: dispatch, the check of tokens and parameters, docs/reference/api.md and docs/reference/openapi.json come from here.
 * Who includes it defines the rows that it wants; all are undefined at the end.
 *
 * ROUTE(id, METHOD, "path", ACCESS, WHERE, KIND, row, doc)
 *     WHERE   INLINE: answered at once; QUICK: by a worker, the answer made whole; QUERY: by a query's worker, streamed
 *     KIND    JSON: one object; ROWS: NDJSON, rows and then one line {"answer": ...}; TEXT
 *     row     the schema of the object or of a row
 * PARAM(route, "name", PLACE, TYPE, "default", doc), after its route
 *     PLACE   PATH, QUERY (after the question mark) or BODY (member of a JSON object)
 *     TYPE    TEXT, TIME, COUNT, ID
 * SCHEMA(id, open, doc)                open: it may have further members, of any name
 * MEMBER(schema, "name", TYPE, doc), after its schema
 *     TYPE    STRING, NUMBER, REAL, BOOLEAN, TIMESTAMP, OBJECT; MAYBE: a string or null
 */
#ifndef ROUTE
#define ROUTE(id, method, path, access, where, kind, row, doc)
#endif
#ifndef PARAM
#define PARAM(route, name, place, type, otherwise, doc)
#endif
#ifndef SCHEMA
#define SCHEMA(id, open, doc)
#endif
#ifndef MEMBER
#define MEMBER(schema, name, type, doc)
#endif

ROUTE(healthz, GET, "/healthz", OPEN, INLINE, JSON, health, "Whether the program answers.")
ROUTE(readyz, GET, "/readyz", OPEN, INLINE, JSON, health, "Whether frames are taken in; 503 while the archive is read at start, or when the loop stands still.")
ROUTE(metrics, GET, "/metrics", STATE, INLINE, TEXT, none, "The counters of collector and agent in Prometheus' text format.")

ROUTE(alerts, GET, "/api/v1/alerts", STATE, QUICK, ROWS, alert, "Alerts that a filter takes, newest last; with more than `limit` the newest.")
PARAM(alerts, "filter", QUERY, TEXT, "", "Filter over the finding and what people said of it (query.md), without pipes.")
PARAM(alerts, "since", QUERY, TIME, "", "From this time on.")
PARAM(alerts, "until", QUERY, TIME, "", "Up to this time.")
PARAM(alerts, "silenced", QUERY, TEXT, "no", "`no`: without those under a silence, which the answer counts; `only`: those alone.")
PARAM(alerts, "limit", QUERY, COUNT, "1000", "How many at most; not more than 100000.")
ROUTE(alert, GET, "/api/v1/alerts/{id}", STATE, QUICK, JSON, alert, "One alert.")
PARAM(alert, "id", PATH, ID, "", "The alert's id, or as many of its first digits as name it alone.")
ROUTE(history, GET, "/api/v1/alerts/{id}/history", STATE, QUICK, ROWS, change, "What people said of an alert, oldest first.")
PARAM(history, "id", PATH, ID, "", "The alert's id, or as many of its first digits as name it alone.")
ROUTE(change, PATCH, "/api/v1/alerts/{id}", CHANGE, QUICK, JSON, alert, "Says something of an alert, and answers how it is then. The author is the token's name. The collector takes it up within a second; 503 when it has not within 5.")
PARAM(change, "id", PATH, ID, "", "The alert's id, or as many of its first digits as name it alone.")
#define ALERT_FIELD(name, values, doc) PARAM(change, #name, BODY, TEXT, "", doc)
#include "dogwatch/tbl/alert_fields.h"
#undef ALERT_FIELD
ROUTE(entities, GET, "/api/v1/entities", STATE, QUICK, ROWS, entity, "Who and what alerts are about, the one with the most risk first (entities.md).")
PARAM(entities, "filter", QUERY, TEXT, "", "Filter over alerts, as for /api/v1/alerts.")
PARAM(entities, "since", QUERY, TIME, "", "From this time on.")
PARAM(entities, "until", QUERY, TIME, "", "Up to this time.")
PARAM(entities, "limit", QUERY, COUNT, "1000", "How many at most.")

ROUTE(query, GET, "/api/v1/query", EVENTS, QUERY, ROWS, row, "Events that a filter takes, and what pipes make of them, as `dogwatch query` shows them; sent as they are found.")
PARAM(query, "query", QUERY, TEXT, "", "FILTER, or FILTER | PIPES (query.md, pipes.md). Needed.")
PARAM(query, "since", QUERY, TIME, "", "Events from this time on.")
PARAM(query, "until", QUERY, TIME, "", "Events up to this time.")
PARAM(query, "limit", QUERY, COUNT, "", "How many rows at most; never more than api.query.rows.")
ROUTE(query_post, POST, "/api/v1/query", EVENTS, QUERY, ROWS, row, "The same, for queries that are too long for a target.")
PARAM(query_post, "query", BODY, TEXT, "", "FILTER, or FILTER | PIPES. Needed.")
PARAM(query_post, "since", BODY, TIME, "", "Events from this time on.")
PARAM(query_post, "until", BODY, TIME, "", "Events up to this time.")
PARAM(query_post, "limit", BODY, COUNT, "", "How many rows at most.")
ROUTE(histogram, GET, "/api/v1/histogram", EVENTS, QUERY, ROWS, bucket, "How many events a filter takes in each span of time; spans without any are 0. The pipe timechart (pipes.md).")
PARAM(histogram, "filter", QUERY, TEXT, "*", "Filter over events, without pipes.")
PARAM(histogram, "span", QUERY, TEXT, "1h", "30s, 5m, 1h, 1d.")
PARAM(histogram, "by", QUERY, TEXT, "", "A field: counts for each of its values.")
PARAM(histogram, "since", QUERY, TIME, "", "Events from this time on.")
PARAM(histogram, "until", QUERY, TIME, "", "Events up to this time.")

ROUTE(agents, GET, "/api/v1/agents", ACCOUNT, QUERY, ROWS, agent, "Who sends, and whether that was agreed to. Read from the archive: takes as long as `dogwatch agents`.")
ROUTE(ledger, GET, "/api/v1/ledger", ACCOUNT, QUERY, ROWS, stream, "The account of every byte, stream by stream. Read from the archive: takes as long as `dogwatch ledger`.")
ROUTE(archive, GET, "/api/v1/archive", ACCOUNT, QUICK, ROWS, segment, "Segments of the archive.")
ROUTE(rules, GET, "/api/v1/rules", STATE, QUICK, ROWS, rule, "The rules that the collector matches by.")
ROUTE(counters, GET, "/api/v1/counters", STATE, QUICK, ROWS, counter, "What agent and collector counted since they started.")

SCHEMA(none, 0, "No object.")
SCHEMA(health, 0, "How the program is.")
MEMBER(health, "status", STRING, "`ok`, or what is missing")
SCHEMA(alert, 1, "A finding (ECS) and what people said of it.")
MEMBER(alert, "@timestamp", TIMESTAMP, "event time")
MEMBER(alert, "event", OBJECT, "`id` is the alert's")
MEMBER(alert, "rule", OBJECT, "`id`, `name`, `level`, ...")
MEMBER(alert, "workflow", OBJECT, "`status`, `disposition`, `assignee`")
SCHEMA(change, 0, "That somebody said something.")
MEMBER(change, "time", TIMESTAMP, "when the collector took it")
MEMBER(change, "author", STRING, "who said it")
MEMBER(change, "field", STRING, "what of: docs/reference/alerts.md")
MEMBER(change, "value", STRING, "what")
SCHEMA(entity, 0, "Who or what alerts are about.")
MEMBER(entity, "entity", STRING, "`source.ip`, `user.name`, ...: entities.md")
MEMBER(entity, "value", STRING, "its value")
MEMBER(entity, "risk", REAL, "points, halved for every day before `until`, or now")
MEMBER(entity, "alerts", NUMBER, "how many alerts are about it")
MEMBER(entity, "level", STRING, "the greatest level of them")
MEMBER(entity, "last", TIMESTAMP, "event time of the newest of them")
SCHEMA(row, 1, "An event (ECS), or a row of the table that pipes make.")
SCHEMA(bucket, 1, "One span; with `by` also that field.")
MEMBER(bucket, "@timestamp", TIMESTAMP, "where it begins")
MEMBER(bucket, "count", NUMBER, "events in it")
SCHEMA(agent, 0, "One agent.")
MEMBER(agent, "agent", STRING, "its id")
MEMBER(agent, "host", STRING, "where it runs, as it says")
MEMBER(agent, "state", STRING, "`new`, `pinned` or `approved`")
MEMBER(agent, "starts", NUMBER, "its starts")
MEMBER(agent, "frames", NUMBER, "its frames")
MEMBER(agent, "events", NUMBER, "events in them")
MEMBER(agent, "spool", NUMBER, "bytes that wait in its spool, as it said last")
MEMBER(agent, "first", TIMESTAMP, "when its first frame came")
MEMBER(agent, "last", TIMESTAMP, "when its newest came")
SCHEMA(stream, 0, "One stream's bytes: read = archived + declared + pending + unaccounted.")
MEMBER(stream, "host", STRING, "where the file is")
MEMBER(stream, "file", STRING, "its path")
MEMBER(stream, "state", STRING, "`live`, `ended` or `lost`")
MEMBER(stream, "read", NUMBER, "bytes the agent read")
MEMBER(stream, "archived", NUMBER, "bytes in events")
MEMBER(stream, "declared", NUMBER, "bytes declared as cut or let go")
MEMBER(stream, "pending", NUMBER, "bytes not handed over yet")
MEMBER(stream, "unaccounted", NUMBER, "bytes that are nowhere")
MEMBER(stream, "again", NUMBER, "bytes that came more than once")
SCHEMA(segment, 0, "One segment.")
MEMBER(segment, "segment", NUMBER, "its number")
MEMBER(segment, "state", STRING, "`sealed` or `open`")
MEMBER(segment, "file", STRING, "its file in DATA/archive")
MEMBER(segment, "bytes", NUMBER, "size of the file")
MEMBER(segment, "text", NUMBER, "bytes of lines in it; 0 while it is open")
MEMBER(segment, "frames", NUMBER, "frames in it; 0 while it is open")
MEMBER(segment, "events", NUMBER, "events in it; 0 while it is open")
MEMBER(segment, "from", MAYBE, "first event time")
MEMBER(segment, "to", MAYBE, "last event time")
SCHEMA(rule, 0, "One rule.")
MEMBER(rule, "id", STRING, "its id")
MEMBER(rule, "title", STRING, "its title")
MEMBER(rule, "level", STRING, "`informational` to `critical`, or empty")
MEMBER(rule, "status", STRING, "as the rule says")
MEMBER(rule, "correlation", BOOLEAN, "whether it is about several events")
MEMBER(rule, "file", STRING, "where it was read")
MEMBER(rule, "logic_hash", STRING, "SHA-256 of what decides in it")
SCHEMA(counter, 0, "One counter.")
MEMBER(counter, "program", STRING, "`agent` or `collector`")
MEMBER(counter, "counter", STRING, "its name (counters.md)")
MEMBER(counter, "value", NUMBER, "how often since the program started")
MEMBER(counter, "what", STRING, "what it counts")

#undef ROUTE
#undef PARAM
#undef SCHEMA
#undef MEMBER
