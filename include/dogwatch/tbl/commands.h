/* COMMAND(word, function, arguments, summary): what `dogwatch` can do. The dispatch, the help, the man page, completion and
 * docs/reference/commands.md come from here. */
COMMAND(up, cmd_up, "[--data DIR] [--logs GLOB]... [--rules DIR] [--until-idle] [--set K=V] [--write-config DIR]",
    "watch this host: agent and collector together, no broker")
COMMAND(alerts, cmd_alerts,
    "[FILTER] [--since T] [--until T] [--provisional [--limit N] | [[--limit N] [--group] | --follow] [--silenced] [--all]] [--data DIR | --server URL] [--output table|ndjson|csv]",
    "list alerts, newest last; --group: by rule and key, the worst first; --provisional: what correlations say at once, and what became of it `lateness` later (raised, confirmed, withdrawn)")
COMMAND(alert, cmd_alert, "show|explain ID | status|disposition|assign|note ID VALUE [--rules DIR] [--data DIR [--archive PATH] | --server URL] [--output table|ndjson]",
    "one alert with the log lines that prove it; why it was raised; say where the work on it stands")
COMMAND(silence, cmd_silence, "add FILTER --for SPAN|--until T [--reason TEXT] | ls | end ID [--data DIR | --server URL] [--output table|ndjson|csv]",
    "alerts that are known and expected for a while: list them apart until it ends")
COMMAND(incidents, cmd_incidents, "[ls | show ID] [--since T] [--until T] [--limit N] [--data DIR | --server URL] [--output table|ndjson|csv]",
    "alerts that share an address, an account or a container within a day")
COMMAND(entities, cmd_entities, "[FILTER] [--since T] [--until T] [--limit N] [--data DIR | --server URL] [--output table|ndjson|csv]",
    "who and what alerts are about, the greatest risk first")
COMMAND(policy, cmd_policy,
    "TARGET [--proposed] [--dry-run] | ls | approve ID [--for SPAN|--until T] [--reason TEXT] | diff TARGET FILE | rollback ID [--reason TEXT] [--since T] [--config FILE] [--data DIR [--archive PATH] | --server URL] [--output table|ndjson|csv]",
    "addresses to block, from alerts, in the language of nginx, haproxy, nftables, crs, envoy or networkpolicy; only what somebody approved")
COMMAND(outputs, cmd_outputs, "[ls | retry NAME] [--data DIR | --server URL] [--output table|ndjson|csv]",
    "where alerts are sent and how that stands; send dead letters again")
COMMAND(query, cmd_query,
    "'FILTER | PIPES' [--since T] [--until T] [--limit N] [--follow] [--memory SIZE] [--data DIR | --archive PATH | --server URL] [--output table|ndjson|csv]",
    "events that match a filter, and what pipes make of them; --follow: also those to come")
COMMAND(ledger, cmd_ledger, "[--data DIR | --archive PATH | --server URL] [--output table|ndjson|csv]", "the account of every byte, stream by stream")
COMMAND(agent, cmd_agent, "status | explain FILE | tap [WORD] | metrics [--data DIR] [--output table|ndjson]",
    "ask a running agent: how it stands, why a log is read or not, events as they leave, metrics for Prometheus")
COMMAND(agents, cmd_agents, "[ls | approve ID] [--data DIR | --archive PATH | --server URL] [--output table|ndjson|csv]",
    "who sends, and whether that was agreed to; agree to an agent")
COMMAND(counters, cmd_counters, "[--data DIR | --server URL] [--output table|ndjson|csv]", "what agent and collector counted since they started")
COMMAND(doctor, cmd_doctor, "[--config FILE] [--data DIR] [--output table|ndjson|csv]", "what the agent may and may not do on this host, and what mends it")
COMMAND(cat, cmd_cat, "FILE...", "frames, queue files or segments as ECS events, one a line")
COMMAND(archive, cmd_archive,
    "ls|verify|holds|log | hold NAME [--since T] [--until T] [--reason TEXT] | release NAME [--reason TEXT] | expire --before T|--keep SIZE [--reason TEXT] [--dry-run] | export DIR [--since T] [--until T] [--reason TEXT] [--data DIR | --archive PATH | --server URL] [--output table|ndjson|csv]",
    "list segments; check that nothing was changed; hold them, let them go, copy them for somebody")
COMMAND(evidence, cmd_evidence, "export ALERT [--to DIR|FILE.tar] [--rules DIR] [--data DIR [--archive PATH]] | verify PACK [--key FILE]",
    "what proves an alert, as a pack to hand on; judge a pack without the archive")
COMMAND(replay, cmd_replay,
    "[--rules DIR] [--since T] [--until T] [--faithful | --corrected] [--config FILE] [--data DIR | --archive PATH] [--output table|ndjson|csv]",
    "the alerts that an archive makes: those of the live run, byte for byte; or with late events in their place, or by other rules")
COMMAND(parse, cmd_parse, "--format NAME|auto [--zone TZ] [--envelope docker|cri|auto] [--multiline KIND] < text",
    "lines as events, without agent or archive")
COMMAND(templates, cmd_templates, "[--ids | --limit N] [--output table|ndjson|csv] < lines",
    "what lines of text, or messages of events, say beside their values, and how often; --ids: the template of each")
COMMAND(rules, cmd_rules, "check|test|run|explain|bench|visibility|coverage|diff|tune|import PATH...",
    "check and mend Sigma rules, test them, run them over events, say why they match and what they cost, exclude what they match wrongly")
COMMAND(config, cmd_config, "check|show|init [agent|collector] [FILE]", "check a configuration, show it, write a commented one")
COMMAND(console, cmd_console, "[--data DIR | --server URL]", "a link that signs you in at the web console, once")
COMMAND(token, cmd_token, "add NAME --role triage|hunt|auditor|admin [--expires 90d] | ls | revoke NAME [--data DIR] [--output table|ndjson|csv]",
    "who may use the HTTP API; a token is shown once")
COMMAND(audit, cmd_audit, "ls|verify [--data DIR]", "who asked for what over the HTTP API; check that no line was changed")
COMMAND(docs, cmd_docs, "DIR", "write the reference pages, man page and completions")
