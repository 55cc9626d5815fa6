/*
 * record_hash: by what a record of another program is known again, from its bytes or from the line that the archive has of it (FNV-1a;
 * Fowler, Noll, Vo). Who may write to the topic may write what is there: this finds a topic that was made anew, not a forgery.
 */
#include "dogwatch/transport/transport.h"

uint64_t dw_record_hash(struct dw_str record)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < record.len; i++) {
        bool is_break = record.ptr[i] == '\n' || record.ptr[i] == '\r';
        hash = (hash ^ (uint8_t)(is_break ? ' ' : record.ptr[i])) * UINT64_C(1099511628211);
    }
    return hash ? hash : 1;
}
