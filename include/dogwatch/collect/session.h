/*
 * Sign-in at the console: a code that is good once becomes a session (docs/formats/tokens.md).
 *
 *     code (10 min, in memory) --sign in--> session (12 h) --> DATA/api/sessions, 0600, one a line, as tokens are kept
 *
 * Both have the role of who asked for the code. Thread: any; it has a lock of its own.
 */
#ifndef DOGWATCH_COLLECT_SESSION_H
#define DOGWATCH_COLLECT_SESSION_H

#include "dogwatch/base/clock.h"
#include "dogwatch/collect/access.h"

enum { DW_SESSIONS_MAX = 256, DW_CODES_MAX = 32 };
#define DW_CODE_NS (10 * 60 * DW_NS_PER_S)
#define DW_SESSION_NS (12 * 3600 * DW_NS_PER_S)

struct dw_sessions;
/* Takes up the sessions that are kept; keeps fs and clock. DATA/api is made when it is not there. A line that is none is passed over: it lets
 * nobody in. Codes of dw_fs_read_file. */
DW_MUST_USE int dw_sessions_open(const struct dw_fs *fs, const struct dw_clock *clock, const char *data, struct dw_sessions **ret);
/* NULL is fine. */
void dw_sessions_close(struct dw_sessions *s);

/* Makes a code for `who`, a name that a token might have. With DW_CODES_MAX that were not used the oldest is over. *ret_expires_ns: when it is.
 * DW_EIO. */
DW_MUST_USE int dw_session_code(struct dw_sessions *s, const char *who, enum dw_role role, char ret[DW_TOKEN_TEXT], int64_t *ret_expires_ns);
/* Makes a session of a code, which is used up, and keeps it: *ret, and its text for a cookie. Over DW_SESSIONS_MAX the oldest ends. DW_ENOENT: there
 * is no such code, it was used, or is over; else what writing the file answers, and the code is good still. */
DW_MUST_USE int dw_session_begin(struct dw_sessions *s, struct dw_str code, struct dw_token *ret, char ret_text[DW_TOKEN_TEXT]);
/* Whether a cookie's text is of a session that is not over. */
bool dw_session_find(struct dw_sessions *s, struct dw_str text, struct dw_token *ret);
/* Whether the session with this hash holds still. */
bool dw_session_holds(struct dw_sessions *s, const uint8_t hash[DW_SHA256_BYTES]);
/* Ends it, also when it cannot be written: then the file keeps it until it is over, and the code says why. */
DW_MUST_USE int dw_session_end(struct dw_sessions *s, struct dw_str text);

#endif
