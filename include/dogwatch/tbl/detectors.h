/* DETECTOR(word, TYPE, needs_field, timespan_is, doc): types of `detector:`. The parser, the evaluation and docs/reference/detectors.md come
 * from here. */
DETECTOR(new_value, NEW_VALUE, true, "how long a value is remembered after it was seen last",
    "a value, or combination of values, of `field` that this key has not had for `timespan`: a login from a new address, a new process in an image")
DETECTOR(new_template, NEW_TEMPLATE, false, "how long a template is remembered after it was seen last",
    "a message of a kind that this key has not had for `timespan`, whatever its numbers, addresses, paths and names: the template is what the message says beside its values (templates.md)")
DETECTOR(rate_spike, RATE_SPIKE, false, "the length of a span",
    "a span of `timespan` with many more (or fewer: `direction`) events, or a much other sum of `field`, than the `history` spans before it: over median and MAD, so an old spike does not hide a new one")
DETECTOR(silence, SILENCE, false, "how long nothing comes until it is told",
    "a key that sent events, and then none for `timespan`: told when the sender's own clock has passed that time, never because a host or broker is away")
