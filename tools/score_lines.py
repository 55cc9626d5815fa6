#!/usr/bin/env python3
"""Joining, measured: container formats against container_score.py, multi-line logs against the events they hold.

    score_lines.py DRIVER [--corpora DIR] [--scorers DIR]      (or DW_CORPORA, DW_SCORERS)

DRIVER is the built tests/bench/bench_lines_driver. A raw newline inside a docker record of the corpus (a C string's
"\\n" taken too early; docker never writes one) is fed as docker would have written it, escaped.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

KINDS = {'java': 'java', 'python': 'python', 'go': 'go', 'ruby': 'ruby', 'elastic': 'trace', 'endswith': 'backslash'}
LOGS = {'mysql-slowlog': 'mysql_slow'}


def run(driver, args, data):
    p = subprocess.run([driver] + args, input=data, stdout=subprocess.PIPE, check=True)
    return [json.loads(x) for x in p.stdout.decode('utf8', 'surrogateescape').splitlines()]


def container(driver, case):
    fmt = case['format']
    env = fmt if fmt in ('docker', 'cri') else 'plain' if fmt in KINDS else 'auto'
    args = [env, KINDS.get(fmt, 'none')]
    if fmt.startswith('issue_'):  # upstream's own pattern for this case: a level in brackets begins an event
        args = ['auto', 'start', r'^\[[A-Z]+\]']
    if not case['options'].get('join_partial') and fmt == 'docker' or (
            not case['options'].get('join_partial') and case.get('lines') and case['lines'][0].startswith('{')):
        args.append('--no-join')
    if 'line_hex' in case:
        data = bytes.fromhex(case['line_hex']) + b'\n'
    elif case.get('entries'):
        data = b''.join(e[0].encode() + b'\n' for e in case['entries'])
    else:
        data = b''
        for line in case['lines']:
            line = line[:-1] if line.endswith('\n') else line
            if line.startswith('{'):
                line = line.replace('\n', '\\n')
            data += line.encode('utf8', 'surrogatepass') + b'\n'
    events = run(driver, args, data)
    want = case['options'].get('stream_filter', 'all')
    if want != 'all':
        events = [e for e in events if e['stream'] in (want, '')]
    return events


def multiline(driver, folder, cases):
    right = total = 0
    for name in sorted(os.listdir(folder)):
        if not name.endswith('.log'):
            continue
        base = name[:-4]
        with open(os.path.join(folder, name), 'rb') as f:
            data = f.read()
        with open(os.path.join(folder, base + '.ids')) as f:
            ids = f.read().split()
        got = {e['message'].rstrip('\n') for e in run(driver, ['plain', LOGS.get(base, 'date')], data)}
        hit = sum(cases[i].rstrip('\n') in got for i in ids)
        print('%-28s %.4f %d/%d' % (base, hit / len(ids), hit, len(ids)))
        right, total = right + hit, total + len(ids)
    print('multi-line: right %d of %d = %.4f' % (right, total, right / max(total, 1)))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    a = argparse.ArgumentParser()
    a.add_argument('driver')
    a.add_argument('--corpora', default=os.environ.get('DW_CORPORA', os.path.join(here, '../../shared/corpora')))
    a.add_argument('--scorers', default=os.environ.get('DW_SCORERS', os.path.join(here, '../../shared/tools/score')))
    o = a.parse_args()
    path = os.path.join(o.corpora, 'container-formats/cases.jsonl')
    with tempfile.NamedTemporaryFile('w', suffix='.ndjson') as t:
        with open(path) as f:
            for line in f:
                case = json.loads(line)
                t.write(json.dumps({'id': case['id'], 'events': container(o.driver, case)}) + '\n')
        t.flush()
        sys.stdout.flush()
        subprocess.run([sys.executable, os.path.join(o.scorers, 'container_score.py'), path, t.name])
    cases = {}
    with open(os.path.join(o.corpora, 'ecs/cases.jsonl')) as f:
        for line in f:
            case = json.loads(line)
            cases[case['id']] = case['input']
    multiline(o.driver, os.path.join(o.corpora, 'ecs/multiline'), cases)


main()
