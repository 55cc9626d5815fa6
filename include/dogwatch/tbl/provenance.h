/* PROVENANCE(dataset, CHECK, doc): formats in which source.ip is the other end of a connection, as the program saw it. In any other format, and in every
 * JSON record, it is what somebody says. Formats hold text of strangers beside the address, so each has a check on the line as it was written:
 *     FIRST    the address is the first word, or the second after name:port; no list, which is what X-Forwarded-For makes of it
 *     LAST     no word behind it is an address: names of users stand before it
 *     ONCE     ", client: " stands once in the line: in nginx's error log the client's own text stands around it
 *     BRACKET  "[client " stands once
 *     TIMED    it has a port, and the time in brackets follows
 * docs/reference/policies.md comes from here. */
PROVENANCE("nginx.access", FIRST, "`$remote_addr`, when it stands first, or in a format of your own (`formats`) that names the header beside it")
PROVENANCE("nginx.ingress_controller", FIRST, "`$remote_addr`, when it stands first")
PROVENANCE("apache.access", FIRST, "`%h`, when it stands first, or second after `%v:%p`")
PROVENANCE("nginx.error", ONCE, "`client: `, when the line has it once")
PROVENANCE("apache.error", BRACKET, "`[client ...]`, when the line has it once")
PROVENANCE("haproxy.log", TIMED, "`%ci`, before the time in brackets; behind a header of syslog's only if the line is a container's or the header names the agent's own host")
PROVENANCE("system.auth", LAST, "what sshd and PAM saw, when it is the last address of the line and the line is a container's or names the agent's own host")
