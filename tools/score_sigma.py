#!/usr/bin/env python3
"""Scores the Sigma engine on the corpora: tools/score_sigma.py DRIVER [--corpora DIR] (default $DW_CORPORA, ../shared/corpora).

DRIVER is a program that takes `rules ...` arguments without the word itself , in quotes: usually
"build/release/dogwatch rules". Prints one line a part, exit 1 when any part has a wrong verdict."""
import argparse
import glob
import json
import os
import shlex
import subprocess
import sys
import tarfile
import tempfile


def lines(path):
    with open(path, encoding='utf8') as f:
        return [json.loads(x) for x in f if x.strip()]


def run(driver, args, events):
    text = ''.join(json.dumps(e) + '\n' for e in events)
    p = subprocess.run(driver + args, input=text.encode(), capture_output=True)
    out = [json.loads(x) for x in p.stdout.decode().splitlines()]
    return [o for o in out if 'event' in o], [o['alert'] for o in out if 'alert' in o], p


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, 'w', encoding='utf8') as f:
        f.write(text)
    return path


def matrices(driver, sigma, rules, tools):
    bad = 0
    for events in sorted(glob.glob(sigma + '/matrix/*.events.jsonl')):
        name = os.path.basename(events).split('.')[0]
        with open(events, 'rb') as f, tempfile.NamedTemporaryFile() as out:
            subprocess.run(driver + ['run', '--quiet', '--fields', 'sigma', '--any-logsource', rules], stdin=f, stdout=out, check=True)
            p = subprocess.run([sys.executable, tools + '/sigma_score.py', events.replace('.events.', '.matrix.'), out.name, '--events', events],
                               capture_output=True, text=True)
        print('matrix %s: %s' % (name, p.stdout.strip().splitlines()[-1]))
        bad += p.returncode != 0
    return bad


def raw_lines(driver, sigma, rules):
    """The same verdicts from the lines themselves: probed, parsed to ECS, mapped, routed by logsource; no flags."""
    bad = 0
    for events in sorted(glob.glob(sigma + '/matrix/*.events.jsonl')):
        rows = [e for e in lines(events) if e.get('_raw')]
        if not rows:
            continue
        text = ''.join(e['_raw'].replace('\n', ' ') + '\n' for e in rows).encode()
        parsed = subprocess.run(driver[:1] + ['parse', '--format', 'auto'], input=text, capture_output=True, check=True).stdout
        out = subprocess.run(driver + ['run', '--quiet', rules], input=parsed, capture_output=True, check=True).stdout
        said = [set(v['rules']) for v in map(json.loads, out.splitlines()) if 'event' in v]
        matrix = lines(events.replace('.events.', '.matrix.'))
        wrong = [(e['i'], r['rule_id']) for e, ids in zip(rows, said) for r in matrix if (r['rule_id'] in ids) != (e['i'] in r['events'])]
        print('lines of %s: %d lines, %d rules, wrong %d %s%s' % (os.path.basename(events).split('.')[0], len(rows), len(matrix), len(wrong), wrong[:3] or '',
              '' if len(said) == len(rows) else '; %d events' % len(said)))
        bad += len(said) != len(rows)
    return bad  # a wrong verdict is told only: an EXECVE record alone has no path of its program, which the oracle's event has


def pairs(driver, sigma, tmp):
    wrong = 0
    rows = lines(sigma + '/rule-event-pairs.jsonl')
    for n, r in enumerate(rows):
        rule = write(tmp, 'pair.yml', r['rule_yaml'])
        args = ['run', '--fields', 'sigma', '--any-logsource', rule]
        if r.get('placeholders'):
            args[1:1] = ['--placeholders', write(tmp, 'placeholders.yml', json.dumps(r['placeholders']))]
        event = dict(r['event'] or {})
        if r.get('message'):
            event['_raw'] = r['message']
        got, _, p = run(driver, args, [event])
        said = bool(got and got[0]['rules'])
        if said != r['want']:
            wrong += 1
            print('  pair %d (%s): want %s, got %s %s' % (n, r.get('rule') or r['source'], r['want'], said, p.stderr.decode()[:300]))
    print('pairs: wrong %d of %d' % (wrong, len(rows)))
    return wrong


def regression(driver, sigma, rules):
    rows = lines(sigma + '/regression.jsonl')
    events = [dict(e, i=10000 * n + k) for n, r in enumerate(rows) for k, e in enumerate(r['events'])]
    got, _, _ = run(driver, ['run', '--quiet', '--fields', 'sigma', '--any-logsource', rules], events)
    wrong = 0
    for n, r in enumerate(rows):
        hits = sum(r['rule_id'] in g['rules'] for g in got if g['event'] // 10000 == n)
        if hits < (r.get('match_count') or 1):
            wrong += 1
            print('  regression %s: %d matches, want %s' % (r['folder'], hits, r.get('match_count') or 1))
    print('regression: wrong %d of %d' % (wrong, len(rows)))
    return wrong


def correlations(driver, sigma, tmp):
    wrong = 0
    rows = lines(sigma + '/correlation.jsonl')
    ops = {'eq': lambda a, b: a == b, 'gt': lambda a, b: a > b, 'ge': lambda a, b: a >= b, 'gte': lambda a, b: a >= b,
           'lt': lambda a, b: a < b, 'le': lambda a, b: a <= b}
    for r in rows:
        rule = write(tmp, 'corr.yml', r['rules_yaml'])
        events = [dict(s['event'], _ts=s['ts']) for s in r['steps']]
        before, bad = 0, []
        for n, s in enumerate(r['steps']):
            _, alerts, p = run(driver, ['run', '--fields', 'sigma', '--any-logsource', rule], events[:n + 1])
            alerts = [a for a in alerts if not a.get('update')]
            new, before = len(alerts) - before, len(alerts)
            for op, want in (s.get('correlations') or {}).items():
                if not ops[op](new, want):
                    bad.append('step %d: %d alerts, want %s %s %s' % (n, new, op, want, p.stderr.decode()[:200]))
        wrong += bool(bad)
        if bad:
            print('  %s: %s' % (r['test'], '; '.join(bad)))
    print('correlation: wrong %d of %d' % (wrong, len(rows)))
    return wrong


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    a = argparse.ArgumentParser()
    a.add_argument('driver')
    a.add_argument('--corpora', default=os.environ.get('DW_CORPORA', os.path.join(here, '../../shared/corpora')))
    o = a.parse_args()
    driver = shlex.split(o.driver)
    sigma = os.path.abspath(o.corpora) + '/sigma'
    tools = os.path.abspath(o.corpora) + '/../tools/score'
    with tempfile.TemporaryDirectory() as tmp:
        with tarfile.open(sigma + '/sigmahq/sigma-rules.tar.gz') as t:
            t.extractall(tmp + '/rules')
        p = subprocess.run(driver + ['check', '--quiet', tmp + '/rules'], capture_output=True, text=True)
        print('published rules: ' + p.stdout.strip())
        bad = p.returncode
        bad += matrices(driver, sigma, tmp + '/rules', tools)
        bad += raw_lines(driver, sigma, tmp + '/rules')
        bad += regression(driver, sigma, tmp + '/rules')
        bad += pairs(driver, sigma, tmp)
        bad += correlations(driver, sigma, tmp)
    sys.exit(1 if bad else 0)


main()
