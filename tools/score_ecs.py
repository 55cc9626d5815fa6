#!/usr/bin/env python3
"""Runs the product over the corpus of ECS cases, once for each kind and zone, and calls the scorer.

    score_ecs.py [PRODUCT] [--auto] [--kinds a,b] [--show N] [scorer options...]

PRODUCT: the program that takes `--format KIND` (default build/release/dogwatch); a path that ends in "dogwatch" is
called with `parse` first. --auto: the format is probed instead of named. Cases are read from $DW_CORPORA/ecs, the scorer
from $DW_SCORE (default ../shared/tools/score). Cases go in with NUL between them, since some hold newlines.
"""
import collections
import json
import os
import subprocess
import sys
import tempfile


def main():
    args = sys.argv[1:]
    product = args.pop(0) if args and not args[0].startswith('-') else 'build/release/dogwatch'
    auto = '--auto' in args
    args = [a for a in args if a != '--auto']
    cases = os.path.join(os.environ.get('DW_CORPORA', '../shared/corpora'), 'ecs', 'cases.jsonl')
    scorer = os.path.join(os.environ.get('DW_SCORE', '../shared/tools/score'), 'ecs_score.py')
    groups = collections.defaultdict(list)
    with open(cases, encoding='utf8', errors='surrogateescape') as f:
        for line in f:
            if line.strip():
                c = json.loads(line)
                groups[c['kind'], c['timezone'] or 'UTC'].append(c)
    base = [product] + (['parse'] if os.path.basename(product) == 'dogwatch' else [])
    with tempfile.NamedTemporaryFile('w', suffix='.ndjson', encoding='utf8', errors='surrogateescape') as out:
        for (kind, zone), some in sorted(groups.items()):
            text = ''.join(c['input'] + '\0' for c in some).encode('utf8', 'surrogateescape')
            run = subprocess.run(base + ['--format', 'auto' if auto else kind, '--zone', zone, '--null'], input=text,
                                 stdout=subprocess.PIPE)
            lines = run.stdout.decode('utf8', 'surrogateescape').split('\n')[:-1]
            if run.returncode or len(lines) != len(some):
                print('%s: exit %d, %d events for %d cases' % (kind, run.returncode, len(lines), len(some)), file=sys.stderr)
                lines += ['{}'] * (len(some) - len(lines))
            for c, line in zip(some, lines):
                event = json.loads(line)
                event['id'] = c['id']
                out.write(json.dumps(event) + '\n')
        out.flush()
        sys.exit(subprocess.run([sys.executable, scorer, cases, out.name] + args).returncode)


main()
