/* COUNTER(name, "doc"): whatever is late, capped, unparsed, skipped or over a limit moves one of these.
 * Names begin with the part that moves them. Append freely; never rename without an entry in CHANGELOG. */
COUNTER(parse_fields_dropped, "fields dropped because an event had too many, too deep or too long ones; the line itself is kept")
COUNTER(parse_keys_dropped, "fields dropped because the table of field names is full")
COUNTER(parse_lines_refused, "lines that the parser of their stream did not take; shipped whole, tagged unparsed")
COUNTER(archive_bytes_cut, "bytes cut from an open segment at start because they were no whole frame: never synced, so never acknowledged")
COUNTER(pred_regex_limit, "regular expressions that hit their match limit on a value: the verdict is undecided, not false")
