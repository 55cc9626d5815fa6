/* ASK(id, path, argument, who, doc): what a running agent answers over its control socket (`dogwatch agent`). who: OWN, the unix socket alone; ALL, metrics.listen too. */
ASK(STATUS, "/status", "", OWN, "how the agent stands: what waits for acknowledgement, why it does not read if it does not, spool, logs, streams")
ASK(EXPLAIN, "/explain", "file", OWN, "one log: what is known of it, each of its streams with identity, place and lag, and why it is read or not")
ASK(TAP, "/tap", "of", OWN, "events as they leave, one a line, of logs whose path, container or pod has the word in it; until you stop")
ASK(METRICS, "/metrics", "", ALL, "counters and gauges for Prometheus")
