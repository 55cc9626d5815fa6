/* CONF(name, TYPE, field, default, min, max, unit, doc): options of dogwatch-collector. See conf/conf.h. */
CONF(data, PATH, data, "/var/lib/dogwatch", 0, 0, "", "Folder that holds archive, alerts, state and audit. One collector a folder.")
CONF(queue.dir, PATH, queue_dir, "", 0, 0, "", "Folder of the dir transport. Empty: DATA/queue.")
CONF(rules, LIST, rules, "", 0, 0, "", "Rule files and folders. Empty: the shipped folder, then /etc/dogwatch/rules.d.")
CONF(lateness, DURATION, lateness, "30s", 0, 86400000000000, "", "How long correlations wait, in event time, for events of other agents.")
CONF(until_idle, BOOL, until_idle, "false", 0, 0, "", "Exit when every agent has ended its streams and the archive is sealed.")
CONF(segment.max_bytes, SIZE, segment_max_bytes, "256MiB", 65536, 1099511627776, "bytes", "An archive segment is sealed at this size.")
CONF(seal.age, DURATION, seal_age, "1h", 1000000000, 31536000000000000, "", "An archive segment is sealed at the latest this long after its first frame.")
CONF(log.level, ENUM, log_level, "info", 0, 0, "error|warn|info|debug", "How much the program says on stderr.")
