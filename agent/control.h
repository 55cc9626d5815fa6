/*
 * How a running agent is asked: HTTP over a unix socket, DATA/agent/control.sock, for its user and group; and, where `metrics.listen` names an address, its
 * metrics alone there. `dogwatch agent` asks so, and `curl --unix-socket` may.
 *
 * Thread: loop.
 */
#ifndef DOGWATCH_AGENT_CONTROL_H
#define DOGWATCH_AGENT_CONTROL_H

#include "agent_int.h"

#include <uv.h>

/* ---- what is answered (ask.c) ---- */

/* What is asked for, by the table; ASKS: nothing that is there. */
enum ask {
#define ASK(id, path, argument, who, doc) ASK_##id,
#include "dogwatch/tbl/agent_asks.h"
#undef ASK
    ASKS
};
enum ask ask_of(struct dw_str target);
/* Whether it is answered to whoever reaches metrics.listen. */
bool ask_is_open(enum ask what);
/* Appends what a path of the table in tbl/agent_asks.h asks for, after `text` as lines for people, else as JSON, one object a line. The answer: an HTTP status; then
 * `out` has the sentence that goes with it where it is not 200. `a` NULL: the agent begins again just now. */
unsigned ask_answer(struct agent *a, struct dw_str target, struct dw_buf *out);
/* Takes %XX out of a value of a target: DW_ESYNTAX; DW_ENOMEM. */
DW_MUST_USE int ask_decode(struct dw_str value, struct dw_buf *out);
/* The value of `name` in a target's query; empty: there is none. */
struct dw_str ask_value(struct dw_str target, struct dw_str name);

/* ---- who asks (control.c) ---- */

struct control;
/* Binds both, as whom the agent has become and before its sandbox; *ret is given. Where the unix socket cannot be had that is said, and the agent works without. DW_ECONFIG: metrics.listen
 * is no address, or taken; DW_ENOMEM. */
DW_MUST_USE int control_open(const struct dw_agent_options *opt, struct control **ret);
/* Begins to answer on the loop, of whatever agent *at is then. */
void control_start(struct control *c, uv_loop_t *loop, struct agent *const *at);
/* Closes what it has on the loop; control_free comes after the loop's end. */
void control_stop(struct control *c);
void control_free(struct control *c);
/* Shows a frame, before the writer has it, to those who watch. */
void control_show(void *control, const struct dw_frame *f);

#endif
