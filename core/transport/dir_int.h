/*
 * Files of a frame directory. Used by dir_send.c and dir_receive.c.
 *
 *     queue/00000001.frames  00000002.frames ...     frames one after the other; numbers only rise
 *
 * The sender appends to the newest and begins another at DW_DIR_FILE_BYTES, at half of its bound where that is less, or at its start. The receiver reads in order of
 * number and unlinks a file once all of it is consumed and a newer one exists.
 */
#ifndef DOGWATCH_TRANSPORT_DIR_INT_H
#define DOGWATCH_TRANSPORT_DIR_INT_H

#include "dogwatch/transport/transport.h"

enum { DW__DIR_PATH = 4096, DW__DIR_FILES_MAX = 1000000 };

DW_MUST_USE int dw__dir_path(char out[DW__DIR_PATH], const char *dir, uint64_t number);
/* Lists the numbers of files that are there, rising, into *ret (caller frees with dw_free). */
DW_MUST_USE int dw__dir_list(const char *dir, uint64_t **ret, size_t *ret_count);

#endif
