/* DETECTOR(word, TYPE, needs_field, says, timespan_is, field_is, doc): types of `detector:`. `says`: what its finding has beside type, feature,
 * value and baseline (DW_SAYS_*). The parser, the evaluation, the finding and docs/reference/detectors.md come from here. */
DETECTOR(new_value, NEW_VALUE, true, DW_SAYS_VALUES, "how long a value is remembered after it was seen last", "needed",
    "a value, or combination of values, of `field` that this key has not had for `timespan`: a login from a new address, a new process in an image")
DETECTOR(new_template, NEW_TEMPLATE, false, DW_SAYS_VALUES, "how long a template is remembered after it was seen last", "`message`, else the line",
    "a message of a kind that this key has not had for `timespan`, whatever its numbers, addresses, paths and names: the template is what the message says beside its values (templates.md)")
DETECTOR(rare_value, RARE_VALUE, true, DW_SAYS_VALUES | DW_SAYS_COUNT, "the window in which values are counted", "needed",
    "a value, or combination of values, of `field` that is among the rarest of this key within `timespan`: the one program that only one of a thousand requests names")
DETECTOR(rate_spike, RATE_SPIKE, false, DW_SAYS_SPREAD, "the length of a span", "its sum is looked at, not the count",
    "a span of `timespan` with many more (or fewer: `direction`) events, or a much other sum of `field`, than the `history` spans before it: over median and MAD, so an old spike does not hide a new one")
DETECTOR(cardinality_spike, CARDINALITY_SPIKE, true, DW_SAYS_SPREAD, "the length of a span", "needed",
    "a span of `timespan` with many more (or fewer) distinct values of `field` than the `history` spans before it: a scan, a password tried at many accounts, logins from many addresses")
DETECTOR(heavy_hitter, HEAVY_HITTER, true, DW_SAYS_VALUES | DW_SAYS_COUNT, "the length of the spans in which is counted", "needed",
    "a value, or combination of values, of `field` that takes more than `share` of this key's events within a span of `timespan`: one client that makes most of the errors")
DETECTOR(entropy_dga, ENTROPY_DGA, true, DW_SAYS_VALUES | DW_SAYS_COUNT | DW_SAYS_SCORE, "the window in which such names are counted", "needed: the name",
    "names in `field` that look made up by a program: letters that follow each other as chance has it, in the label that was registered (`dns.question.name`) or in a word")
DETECTOR(beacon, BEACON, false, DW_SAYS_SPREAD, "the window that is looked at, best 24h", "bytes of an event, whose evenness counts, too",
    "a key whose events come at even intervals, and with even sizes, for hours, as a program's do that reports to its master: RITA's score")
DETECTOR(impossible_travel, IMPOSSIBLE_TRAVEL, true, DW_SAYS_VALUES | DW_SAYS_TRAVEL, "how long a login is remembered as the one before", "needed: the address",
    "a key that is in two places, one after the other, faster than `max_speed`: an account that logs in from Paris, and from Sydney an hour later. Needs a database of places (geoip.database, collector.md)")
DETECTOR(silence, SILENCE, false, 0, "how long nothing comes until it is told", "none",
    "a key that sent events, and then none for `timespan`: told when the sender's own clock has passed that time, never because a host or broker is away")
