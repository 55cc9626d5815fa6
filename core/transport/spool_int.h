/*
 * spool_int: the files of a spool (spool_files.c), mended at a start (spool_mend.c), for the sender above them (spool.c).
 *
 *     spool/00000007.frames 00000008.frames ...     frames one after the other; names as in a queue folder
 *     spool/quarantine/00000007-4711                what stood at byte 4711 of the seventh and was no whole frame
 *
 * Frames have an index: their place in all that the sender was ever given, those that a start found first.
 */
#ifndef DOGWATCH_TRANSPORT_SPOOL_INT_H
#define DOGWATCH_TRANSPORT_SPOOL_INT_H

#include "dir_int.h"

#include "dogwatch/transport/spool.h"

struct dw__spool_file {
    uint64_t number, bytes, frames;
    uint64_t first;    /* index of its first frame */
    int64_t oldest_ns; /* least event time of its first frame */
};

struct dw__spool_files {
    const struct dw_fs *fs;
    char *dir;
    struct dw__spool_file *file; /* oldest first */
    uint32_t count, cap;
    uint64_t last_number, bytes;
    uint64_t next, synced; /* index of the next frame to be put; frames below `synced` are durable */
    int fd;                /* of the newest file; -1: the next frame begins one */
    uint64_t synced_bytes; /* of it */
    bool named;            /* its entry in the folder is durable */
    bool doubtful;         /* a sync failed: what is above `synced` may not be on disk, and dw__spool_fall_back is due */
    bool broken;           /* and could not be undone: nothing is put any more */
    /* reading */
    int read_fd;
    uint64_t read_number, read_at, read_index; /* the next frame: its file, offset and index */
};

/* Adds an entry at the end. DW_ENOMEM. */
DW_MUST_USE int dw__spool_add(struct dw__spool_files *f, uint64_t number);
/* Makes the folder usable and enters what is there, sound from then on. */
DW_MUST_USE int dw__spool_mend(struct dw__spool_files *f, const uint8_t *agent, struct dw_spool_found *ret);
/* Appends; not durable yet. After a failure nothing of it stands there, or the file is left and the next frame begins
 * another. */
DW_MUST_USE int dw__spool_put(struct dw__spool_files *f, const struct dw_frame *frame);
/* Makes durable what was put. DW_EIO: whether it is cannot be known, and another sync would not tell: nothing is put or synced until
 * dw__spool_fall_back. */
DW_MUST_USE int dw__spool_sync(struct dw__spool_files *f);
/* After a sync that failed: undoes what was put since the one before, and goes on in another file at `synced`, or at `taken` if that is
 * more. DW_EIO: it cannot be undone, and nothing is put any more. */
DW_MUST_USE int dw__spool_fall_back(struct dw__spool_files *f, uint64_t taken);
/* Reads the frame of an index that is there; indexes never fall. Gives it. */
DW_MUST_USE int dw__spool_read(struct dw__spool_files *f, uint64_t index, struct dw_frame **ret);
/* Unlinks files all of whose frames are below `index`. What cannot be unlinked now is tried again. */
void dw__spool_forget(struct dw__spool_files *f, uint64_t index);
void dw__spool_fini(struct dw__spool_files *f);

#endif
