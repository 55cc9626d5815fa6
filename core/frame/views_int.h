/*
 * What writer and reader of VIEWS share: its columns and the kinds that exist only there (docs/formats/frame.md).
 */
#ifndef DOGWATCH_FRAME_VIEWS_INT_H
#define DOGWATCH_FRAME_VIEWS_INT_H

enum column {
    COL_STREAM, COL_SHAPE, COL_TIME, COL_READ, COL_OUT, COL_START, COL_OVER, COL_LENGTH, COL_MORE,
    COL_GAP, COL_VIEW, COL_INT, COL_LITERAL,
    COLUMNS
};

/* A piece that an earlier field of the event names too. */
enum { DW__K_SAME = 7, DW__K_SAME_NUMBER = 8 };

#endif
