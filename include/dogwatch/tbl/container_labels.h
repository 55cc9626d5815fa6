/* LABEL(id, name, doc): labels of a container, and annotations of a pod, by which whoever runs it says how its log is to be read. */
LABEL(FORMAT, "dogwatch.io/format", "the format of its lines, as `format` of agent.yml takes it: a name, or a name, a blank and the server's own format string. A glob of `formats` goes before it")
LABEL(MULTILINE, "dogwatch.io/multiline", "how several lines become one event, as `multiline` of agent.yml")
LABEL(EXCLUDE, "dogwatch.io/exclude", "`true`: its log is not read. Only where `labels.exclude` allows it, since a container that was taken over could ask for it; said once, and counted")
LABEL(REDACT, "dogwatch.io/redact", "what is masked in its lines beside what `redact` of agent.yml names: names of built-in rules ([masks.md](masks.md)), separated by commas. It adds rules and takes none away")
