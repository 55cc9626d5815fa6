/* The header of a syslog line, RFC 3164 or 5424, and what the message says about logins and accounts. */
#ifndef DOGWATCH_PARSERS_FORMAT_SYSLOG_HEAD_H
#define DOGWATCH_PARSERS_FORMAT_SYSLOG_HEAD_H

#include "fmt.h"

struct syslog_head {
    struct dw_str host, program, pid, message;
    bool rfc5424;
};

/* Takes the header off the line and puts its fields into the draft. False when there is none. */
bool syslog_head(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct syslog_head *ret);
/* What sshd, sudo, su, PAM, useradd, cron and their like say. False when it is none of these. */
bool auth_message(struct dw_draft *d, struct dw_str program, struct dw_str message);

/* Whether a program's messages are of auth.log. */
bool auth_writes(struct dw_str program);
/* Code and name of a facility, of a severity; nothing where there is no such code. */
void syslog_put_facility(struct dw_draft *d, uint64_t code);
void syslog_put_severity(struct dw_draft *d, uint64_t code);

#endif
