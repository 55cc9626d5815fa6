/* DETECTOR_KEY(word, of, usual, doc): keys of `detector:`. `of`: the types that have it, as DW_OF(TYPE) | ...; 0: all. `usual`: what holds
 * when it is left out. The parser's check, its help and docs/reference/detectors.md come from here. */
DETECTOR_KEY("type", 0, "needed", "one of the types above")
DETECTOR_KEY("rules", 0, "needed", "whose matches are looked at, by name or id")
DETECTOR_KEY("group-by", 0, "one key for all", "what makes a key")
DETECTOR_KEY("aliases", 0, "none", "as of a correlation (correlation.md)")
DETECTOR_KEY("timespan", 0, "needed", "as the types above say; at least 1s")
DETECTOR_KEY("timeframe", 0, "none", "another word for `timespan`")
DETECTOR_KEY("field", 0, "as the types above say", "what is looked at; a list of up to 8 is one combination")
DETECTOR_KEY("generate", 0, "false", "the rules whose matches are looked at raise alerts of their own, too")
DETECTOR_KEY("learn", 0, "new_value, new_template, rare_value: 1d; silence: the timespan; spikes: nothing, but half of `history` must be there",
    "a key that was first seen less long ago raises nothing; at least 1s")
DETECTOR_KEY("condition", DW_OF(RATE_SPIKE) | DW_OF(CARDINALITY_SPIKE) | DW_OF(NEW_TEMPLATE) | DW_OF(RARE_VALUE) | DW_OF(HEAVY_HITTER) | DW_OF(ENTROPY_DGA) | DW_OF(BEACON), "none: the first",
    "spikes upwards, heavy_hitter, beacon: `gte: 20` is a floor; entropy_dga: so many such names; new_template: told when it came so often, never `timespan` apart; rare_value: `lte: 3`, it came at most so often")
DETECTOR_KEY("history", DW_OF(RATE_SPIKE) | DW_OF(CARDINALITY_SPIKE), "60", "spans in the baseline, 4 to 2000")
DETECTOR_KEY("deviations", DW_OF(RATE_SPIKE) | DW_OF(CARDINALITY_SPIKE), "3.5", "how many times the spread away from the median is too far")
DETECTOR_KEY("direction", DW_OF(RATE_SPIKE) | DW_OF(CARDINALITY_SPIKE), "up", "`up`, `down` or `both`")
DETECTOR_KEY("warmup", DW_OF(NEW_TEMPLATE) | DW_OF(RARE_VALUE) | DW_OF(HEAVY_HITTER), "new_template: 0; rare_value: 1000; heavy_hitter: 100",
    "a key that has had fewer events raises nothing; rare_value: had within `timespan`; heavy_hitter: within the span")
DETECTOR_KEY("share", DW_OF(RARE_VALUE) | DW_OF(HEAVY_HITTER), "rare_value: 0.1%, or none where there is a condition; heavy_hitter: 50%",
    "rare_value: less than this share of the key's events has the value; heavy_hitter: more than it, at least 1%")
DETECTOR_KEY("fanout", DW_OF(NEW_TEMPLATE), "5", "so many words at one place of otherwise equal templates make it a value, 1 to 1000")
DETECTOR_KEY("mute", DW_OF(NEW_TEMPLATE), "none", "`[{template: 'took <*>', until: 2026-12-31}]`: this template (its text, or its id) is not told on events before that time; up to 32")
DETECTOR_KEY("score", DW_OF(ENTROPY_DGA) | DW_OF(BEACON), "entropy_dga: 70; beacon: 80", "told from this score on, a whole number from 1 to 100")
DETECTOR_KEY("max_speed", DW_OF(IMPOSSIBLE_TRAVEL), "1000", "km/h; who would have to be faster was not there: a whole number from 1 to 1000000")
DETECTOR_KEY("min_distance", DW_OF(IMPOSSIBLE_TRAVEL), "500", "km; places that are nearer to each other count as one: a whole number from 1 to 20000")
