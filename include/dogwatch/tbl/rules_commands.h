/* RULES_COMMAND(word, function, arguments, summary): what `dogwatch rules` can do. The dispatch, its help and docs/reference/commands.md come
 * from here. PATH is a file of rules, or a folder with all below it. */
RULES_COMMAND(check, rules_check, "[--strict] [--notes] [--quiet] [--fix [--dry-run]] [--output text|ndjson] [--geoip FILE] [--placeholders FILE] PATH...",
    "load rules and tell what is wrong with them (docs/reference/lint.md); --strict: what is only odd is wrong too; --notes: what is a matter of taste as well; --fix: write what is certain as it should be, where the rules decide as before; --dry-run: show that as a diff")
RULES_COMMAND(test, rules_test, "[--junit] [--geoip FILE] [--placeholders FILE] PATH...",
    "run the cases beside the rules (NAME.test.yml) and in them (`tests:`, or sigma-test's `testcases:`); --junit: the answer as JUnit's XML")
RULES_COMMAND(run, rules_run, "[--fields ecs|sigma] [--any-logsource] [--quiet] [--geoip FILE] [--placeholders FILE] PATH... < events",
    "one verdict for each event of standard input, then the alerts of correlations")
RULES_COMMAND(explain, rules_explain, "[--rule ID] [--event FILE] [--fields ecs|sigma] [--geoip FILE] [--placeholders FILE] PATH... < events",
    "each condition of a rule with the value that met it or did not, for each event; then what correlations made of the matches, in order of time, and which keys came near an alert")
RULES_COMMAND(bench, rules_bench, "[--event FILE] [--fields ecs|sigma] [--any-logsource] [--placeholders FILE] PATH... < events",
    "what each file of rules costs alone, in ns an event, the slowest first")
RULES_COMMAND(visibility, rules_visibility, "[--event FILE] [--placeholders FILE] PATH... < events",
    "rules that can never match here: no event has their logsource, or a field that they need")
RULES_COMMAND(coverage, rules_coverage, "[--navigator] PATH...", "MITRE ATT&CK techniques by number of rules; --navigator: as a layer for the ATT&CK Navigator")
RULES_COMMAND(diff, rules_diff, "OLD NEW [--since T] [--until T] [--config FILE] [--data DIR | --archive PATH] [--output table|ndjson|csv]",
    "alerts that NEW rules raise of one's own archive and OLD ones do not, and the other way round")
RULES_COMMAND(tune, rules_tune,
    "[--rule ID] [--false-positives EVENTS] [--true-positives EVENTS] [--from-alerts [--since T] [--until T] [--config FILE] [--data DIR | --archive PATH]] [--fields ecs|sigma] [--any-logsource] [--output FILE] [--placeholders FILE] PATH...",
    "a filter that excludes what a rule matched wrongly, proved to lose nothing that it matched rightly: of events, of alerts by their disposition, and of the rule's own cases (docs/reference/tune.md)")
RULES_COMMAND(import, rules_import, "--to DIR [--product WORD]... [--level WORD] [--status WORD]... PATH...",
    "copy rules that load into a folder of one's own: those of a product, from a level up, of a status")
