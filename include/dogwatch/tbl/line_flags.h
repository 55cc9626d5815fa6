/* LINE_FLAG(id, bit, tag, doc): what is noted about a line while it is made from bytes. The tag goes into the event's
 * tags; an empty tag is not shown. */
LINE_FLAG(UNTERMINATED, 0, "unterminated", "the last line of a file, without newline")
LINE_FLAG(JOIN_CUT, 1, "join.cut", "a join ended before its last piece came: by size, by distance in the file, or by a flush")
LINE_FLAG(ENVELOPE_BAD, 2, "envelope.bad", "the raw line is not what its container runtime writes; it is kept whole")
LINE_FLAG(CUT, 3, "cut", "longer than line.max: its head is kept, the rest is declared")
LINE_FLAG(JOINED, 4, "", "made of more than one raw line")
LINE_FLAG(BY_CLOCK, 5, "", "its bounds were set by a flush, not by bytes alone: the caller writes them down before sending")
LINE_FLAG(REDACT_FULL, 6, "redact.full", "more ranges were masked than can be listed; all of them are masked")
