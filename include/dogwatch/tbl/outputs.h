/* The outputs of alerts: their types, and the keys of an item of `outputs` in collector.yml. Check, help and docs/reference/outputs.md come from
 * here. Who includes it defines the rows that it wants; OUTPUT_TYPE is undefined by who defined it.
 *
 * OUTPUT_TYPE(name, "keys it needs", "keys it takes beside name, type and those", doc), in the order of the words of `type`
 * CONF(name, TYPE, field, default, min, max, unit, doc): conf/conf.h
 */
#ifdef OUTPUT_TYPE
OUTPUT_TYPE(webhook, "url", "format ocsf_version filter provisional secret token ca timeout retry_for", "An HTTP POST of one JSON object a message. Anything from 200 to 299 is an answer that it was taken; 408, 425, 429, 5xx and silence are tried again, everything else is a refusal.")
OUTPUT_TYPE(alertmanager, "url", "filter provisional token ca console timeout retry_for", "Prometheus Alertmanager's API v2: `url` is what stands before /api/v2/alerts.")
OUTPUT_TYPE(syslog, "address", "format ocsf_version filter provisional timeout retry_for", "RFC 5424, by UDP (one datagram a message) or TCP (RFC 6587, octet counting). UDP answers nothing: what was sent counts as delivered. Over TCP a message is delivered when the receiver's kernel has acknowledged every byte of it; what a receiver does not read before it dies, it loses. No TLS: a relay beside the collector can do that.")
OUTPUT_TYPE(kafka, "", "topic format filter provisional timeout retry_for", "A topic of the brokers in kafka.brokers, by an idempotent producer with acks=all; the record's key is the alert's id, so all of one alert are in order in one partition.")
OUTPUT_TYPE(file, "path", "format ocsf_version filter provisional retry_for", "NDJSON appended to a file and synced. A file that was renamed away (logrotate) is made anew.")
#else
CONF(name, STRING, name, "", 0, 0, "", "Names it in counters, alerts and files: letters, digits, `_` and `-`, at most 32. Needed.")
CONF(type, ENUM, type, "webhook", 0, 0, "webhook|alertmanager|syslog|kafka|file", "Where it goes to. Needed.")
CONF(url, STRING, url, "", 0, 0, "", "http:// or https:// with a host. Redirects are not followed, proxies of the environment are not used.")
CONF(address, STRING, address, "", 0, 0, "", "udp://HOST:PORT or tcp://HOST:PORT.")
CONF(topic, STRING, topic, "dogwatch.alerts", 0, 0, "", "The topic. It has to be there: the log says the command that makes it.")
CONF(path, PATH, path, "", 0, 0, "", "The file.")
CONF(format, ENUM, format, "usual", 0, 0, "usual|ecs|ocsf|cef", "`ecs`: the alert as `dogwatch alerts` gives it, with `delivery`; `ocsf`: an OCSF Detection Finding (class 2004); `cef`: a line of ArcSight's Common Event Format. `usual`: cef over syslog, ecs otherwise.")
CONF(ocsf_version, STRING, ocsf_version, "1.3.0", 0, 0, "", "metadata.version of ocsf messages. What is written is valid from 1.1.0 on.")
CONF(filter, STRING, filter, "", 0, 0, "", "Which alerts: a filter of the query language (query.md) over the finding and what people said of it, without pipes. Empty: all.")
CONF(provisional, BOOL, provisional, "false", 0, 0, "", "Provisional alerts, too (correlation.md): what a correlation says at once, without waiting for `lateness`; later it is confirmed by an alert, or withdrawn, which is told as well. Their ids are their own, and the finding has `provisional.state`.")
CONF(secret, SECRET, secret, "", 0, 0, "", "Messages are signed with it: X-Dogwatch-Signature.")
CONF(token, SECRET, token, "", 0, 0, "", "Sent as `Authorization: Bearer`.")
CONF(ca, PATH, ca, "", 0, 0, "", "Certificates that https is checked by, PEM. Empty: the system's.")
CONF(console, STRING, console, "", 0, 0, "", "Where people reach the web console, http:// or https://: becomes generatorURL.")
CONF(timeout, DURATION, timeout, "10s", 100000000, 300000000000, "", "An attempt ends after this long without an answer, and is made again.")
CONF(retry_for, DURATION, retry_for, "24h", 1000000000, 2592000000000000, "", "A message that was not taken for so long is a dead letter.")
#endif
