#!/usr/bin/env python3
"""Events a second and core against all published Sigma rules, over the example corpora ($DW_CORPORA, ../shared/corpora).

    bench_sigma.py BUILD_FOLDER [--instructions]        (a release build)

Windows events as JSON, lines of web servers, sshd and the audit system as JSON and out of frames, two workers beside one. --instructions: by
callgrind, instructions an event, which other work on the machine does not change.
"""
import gzip
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

BUILD = sys.argv[1]
BENCH, DOGWATCH = os.path.join(BUILD, 'tests/bench_sigma'), os.path.join(BUILD, 'dogwatch')
CORPORA = os.environ.get('DW_CORPORA', os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../shared/corpora'))


def prepare(folder):
    """The rules unpacked, and a file of events or lines for each kind."""
    with tarfile.open(f'{CORPORA}/sigma/sigmahq/sigma-rules.tar.gz') as t:
        t.extractall(f'{folder}/rules')
    with gzip.open(f'{CORPORA}/benign-web/apache_logs.gz') as f:
        web = f.read().splitlines(True)[:4000]
    with open(f'{CORPORA}/owasp-crs/access-log.jsonl', encoding='utf8') as f:
        web += [json.loads(x)['line'].encode() + b'\n' for x in f]
    logs = {'web': b''.join(web)}
    with open(f'{CORPORA}/loghub/OpenSSH/OpenSSH_2k.log', 'rb') as f:
        logs['sshd'] = f.read()
    with open(f'{CORPORA}/sigma/matrix/linux-auditd-records.events.jsonl', encoding='utf8') as f:
        logs['auditd'] = ''.join(json.loads(x)['_raw'] + '\n' for x in f).encode()
    logs['mixed'] = logs['web'] + logs['sshd'] + logs['auditd'] * 10
    for name, text in logs.items():
        with open(f'{folder}/{name}.log', 'wb') as f:
            f.write(text)
        with open(f'{folder}/{name}.jsonl', 'wb') as f:
            subprocess.run([DOGWATCH, 'parse', '--format', 'auto'], input=text, stdout=f, stderr=subprocess.DEVNULL, check=True)
    return list(logs)


def instructions(args):
    out = os.path.join(args[1], 'callgrind.out')
    r = subprocess.run(['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}', '--toggle-collect=turn', BENCH, *args[0], 'once'], capture_output=True, text=True)
    events = int(re.search(r'^(\d+) events', r.stderr, re.M).group(1))
    return round(int(re.search(r'Collected : (\d+)', r.stderr).group(1)) / events)


def main():
    with tempfile.TemporaryDirectory() as folder:
        names = prepare(folder)
        rules, windows = f'{folder}/rules', f'{CORPORA}/sigma/matrix/windows-regression.events.jsonl'
        runs = [('windows, JSON, every rule', [rules, windows, 'any'], 100000), ('windows, JSON, by channel', [rules, windows], 100000)]
        runs += [(f'{n}, JSON', [rules, f'{folder}/{n}.jsonl', 'ecs'], 250000) for n in names]
        runs += [(f'{n}, frames', [rules, f'{folder}/{n}.log', 'frames'], 500000) for n in names]
        for what, args, goal in runs:
            got = json.loads(subprocess.run([BENCH, *args], capture_output=True, check=True).stdout)
            row = {'what': what, 'events_per_s': got['events_per_s'], 'goal': goal, 'ns_parse': got['ns_parse'], 'ns_literals': got['ns_literals'],
                   'ns_rules': got['ns_rules'], 'rules': got['count'], 'load_ms': got['load_ms'], 'rule_set_mb': got['rule_set_mb']}
            if '--instructions' in sys.argv:
                row['instructions_an_event'] = instructions((args, folder))
            print(json.dumps(row), flush=True)
        print(subprocess.run([BENCH, rules, f'{folder}/mixed.log', 'threads'], capture_output=True, text=True, check=True).stdout, end='')


main()
