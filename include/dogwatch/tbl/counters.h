/* COUNTER(name, "doc"): whatever is late, capped, unparsed, skipped or over a limit moves one of these.
 * Names begin with the part that moves them. Append freely; never rename without an entry in CHANGELOG. */
COUNTER(parse_fields_dropped, "fields dropped because an event had too many, too deep or too long ones; the line itself is kept")
COUNTER(parse_keys_dropped, "fields dropped because the table of field names is full")
COUNTER(parse_lines_refused, "lines that the parser of their stream did not take; shipped whole, tagged unparsed")
COUNTER(pred_regex_limit, "regular expressions that hit their match limit on a value: the verdict is undecided, not false")
COUNTER(match_undecided, "rule and event pairs whose verdict is undecided, because a limit was hit: neither a match nor none")
COUNTER(correlate_events_late, "matches left out of correlations because the event came after the watermark had passed its time")
COUNTER(correlate_no_key, "matches left out of a correlation because the event lacks a field of its group-by")
COUNTER(correlate_no_value, "matches left out of a correlation because the event lacks the field it counts, or it is no number")
COUNTER(correlate_keys_refused, "new keys of correlations refused because their state reached its bound")
COUNTER(correlate_window_capped, "oldest entries of a key's window let go because it held too many for sums or upper bounds")
COUNTER(correlate_state_dropped, "keys of a loaded snapshot left out because their rule is gone or decides differently")
