/*
 * Which agents are agreed to by a list (trust: listed). Thread: any.
 */
#ifndef DOGWATCH_COLLECT_TRUST_LIST_H
#define DOGWATCH_COLLECT_TRUST_LIST_H

#include "dogwatch/base/assert.h"

#include <stdint.h>

/* Reads a list of agents' ids (32 hex digits a line, `#` begins a comment); *ret is given. DW_ECONFIG with the place said; codes of fs.h, said. */
DW_MUST_USE int dw_trust_read_list(const char *path, uint8_t **ret, uint32_t *ret_count);

#endif
