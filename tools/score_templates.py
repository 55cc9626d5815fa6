#!/usr/bin/env python3
"""Grouping accuracy of `dogwatch templates` over the labelled sets of loghub, by template_score.py.

    score_templates.py DOGWATCH [--corpora DIR] [--scorers DIR] [--corrected] [--bar 0.90]      (or DW_CORPORA, DW_SCORERS)

The Content column is fed, as published figures do; one setting for all sets. Exit 0 when the mean reaches the bar.
"""
import argparse
import csv
import glob
import os
import subprocess
import sys
import tempfile


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    a = argparse.ArgumentParser()
    a.add_argument('dogwatch')
    a.add_argument('--corpora', default=os.environ.get('DW_CORPORA', os.path.join(here, '../../shared/corpora')))
    a.add_argument('--scorers', default=os.environ.get('DW_SCORERS', os.path.join(here, '../../shared/tools/score')))
    a.add_argument('--corrected', action='store_true', help='against the corrected labels')
    a.add_argument('--bar', default='0.90')
    o = a.parse_args()
    csv.field_size_limit(1 << 24)
    ending = '_2k.log_structured' + ('_corrected' if o.corrected else '') + '.csv'
    sets = sorted(glob.glob(os.path.join(o.corpora, 'loghub', '*', '*' + ending)))
    if not sets:
        sys.exit('no sets at %s' % os.path.join(o.corpora, 'loghub'))
    with tempfile.TemporaryDirectory() as d:
        pairs = []
        for path in sets:
            with open(path, encoding='utf8', errors='surrogateescape', newline='') as f:
                text = ''.join(' '.join(r['Content'].splitlines()) + '\n' for r in csv.DictReader(f))
            made = os.path.join(d, os.path.basename(path))
            with open(made, 'wb') as f:
                f.write(subprocess.run([*o.dogwatch.split(), 'templates', '--ids'], input=text.encode('utf8', 'surrogateescape'), stdout=subprocess.PIPE, check=True).stdout)
            pairs += [path, made]
        sys.exit(subprocess.run([sys.executable, os.path.join(o.scorers, 'template_score.py'), *pairs, '--min-mean', o.bar]).returncode)


main()
