/*
 * What comes over HTTP, taken apart: targets, parameters, bodies, Host and Origin. Pure. Thread: any.
 */
#ifndef DOGWATCH_SERVER_API_PARSE_H
#define DOGWATCH_SERVER_API_PARSE_H

#include "dogwatch/base/arena.h"
#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

enum { API_PARAMS_MAX = 8, API_NAME_MAX = 32 };

/* Names and values as meant, escapes resolved; none holds a NUL byte. */
struct api_params {
    struct {
        struct dw_str name, value;
        bool number; /* in a body: written without quotes */
    } item[API_PARAMS_MAX];
    uint32_t count;
};

/* `target` is the request target as it came: path, then perhaps `?` and parameters. The path is given as it stands. DW_ESYNTAX: bad
 * escape, NUL byte, a name twice or without value; DW_ELIMIT: more than API_PARAMS_MAX; DW_ENOMEM. */
DW_MUST_USE int api_parse_target(struct dw_str target, struct dw_arena *arena, struct dw_str *ret_path, struct api_params *ret);
/* A JSON object whose members are strings or numbers, added to the parameters. Codes as api_parse_target. */
DW_MUST_USE int api_parse_body(struct dw_str body, struct dw_arena *arena, struct api_params *params);
/* Whether a path is that of a route; the pattern may hold one `{id}`, which stands for hex digits and `-`, or `{name}`, for a label: *ret_id. */
bool api_path_is(struct dw_str pattern, struct dw_str path, struct dw_str *ret_id);
/* The name in a Host header, without port and brackets. False: it is none. */
bool api_host_name(struct dw_str host, struct dw_str *ret);
/* Whether an Origin header names the very host that was asked. */
bool api_origin_is(struct dw_str origin, struct dw_str host);

#endif
