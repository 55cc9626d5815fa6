/*
 * env_cri: containerd's, CRI-O's and podman's text format: `TIME stdout|stderr TAGS CONTENT`.
 *
 * TAGS are words joined by ':'; the first says whether the program's line goes on (P) or ends (F). containerd leaves out
 * trailing zeros of the time and writes its own zone; content may be empty, then some writers leave out the space too. The oldest writers had no tags: what follows the
 * stream is then the content, and whole.
 *
 * Invariant: content is a view into the raw line.
 */
#include "envelope.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/rfc3339.h"

bool dw__cri_unwrap(struct dw_str raw, struct dw__unwrapped *ret)
{
    *ret = (struct dw__unwrapped){0};
    struct dw_str rest = raw, time = dw_str_cut(&rest, ' ');
    if (!rest.ptr || dw_time_rfc3339(time, &ret->time_ns) < 0)
        return false;
    struct dw_str out = dw_str_cut(&rest, ' ');
    bool is_err = dw_str_eq(out, DW_STR("stderr"));
    if (!rest.ptr || !(is_err || dw_str_eq(out, DW_STR("stdout"))))
        return false;
    struct dw_str after = rest;
    struct dw_str tags = dw_str_cut(&after, ' '), tag = dw_str_cut(&tags, ':');
    bool tagged = tag.len == 1 && (tag.ptr[0] == 'P' || tag.ptr[0] == 'F');
    ret->cri = true;
    ret->has_time = true;
    ret->out = is_err ? DW_OUT_STDERR : DW_OUT_STDOUT;
    ret->partial = tagged && tag.ptr[0] == 'P';
    ret->text = !tagged ? rest : after.ptr ? after : dw_str_make(raw.ptr + raw.len, 0);
    return true;
}
