#!/usr/bin/env python3
"""Rules as they were: each set that was in force is kept in the archive, so that a replay makes the live run's alerts byte for byte when the rules have changed, by SIGHUP
or between two starts, and are gone."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('rule_epochs')
data, rules, logs = os.path.join(dir_, 'data'), os.path.join(dir_, 'rules'), os.path.join(dir_, 'logs')
os.makedirs(rules)
os.makedirs(logs)
kept = os.path.join(data, 'archive/rules')


def raised(where=data):
    """The lines of alerts.log that raised an alert, as they stand."""
    with open(os.path.join(where, 'alerts/alerts.log'), 'rb') as f:
        return b''.join(x for x in f if x.startswith(b'{"type":"raised"'))


def found():
    """The rules of all alerts, each alert once."""
    return [rule for rule, _ in sorted({(x['rule'], x['id']) for x in map(json.loads, raised().splitlines())})]


def replay(*more, codes=(0,), where=None):
    r = subprocess.run([DOGWATCH, 'replay', *(where or ('--data', data)), *more], capture_output=True, timeout=300)
    said = r.stderr.decode(errors='replace')
    check(r.returncode in codes and 'Sanitizer' not in said, f'replay {" ".join(more)} exits {r.returncode}', said[-3000:])
    return r.stdout, said


knocks = Knocks(rules, os.path.join(logs, 'a.log'), data)
rule, write = knocks.rule, knocks.write


def begin():
    return Up(data, [os.path.join(logs, '*.log')], '--rules', rules, *OWN_PORT)


up = knocks.up = begin()
wait_for(lambda: up.child('dogwatch-collector'), 60, lambda: up.said())
write('apple', 'banana', 'knock', 'knock')
wait_for(lambda: found().count('first') == 1, 60, lambda: found())
same(len(os.listdir(kept)), 1, 'the rules of the first start are kept')

# SIGHUP: other rules from here on.
rule('first', 'banana')
rule('second', 'cherry', title='Second, with a title')
before = up.said().count('rules from here on')
os.kill(up.child('dogwatch-collector'), signal.SIGHUP)
wait_for(lambda: up.said().count('rules from here on') > before, 60, lambda: up.said()[-1500:])
write('apple', 'banana', 'cherry', 'knock', 'knock', 'knock')
wait_for(lambda: found() == ['first', 'first', 'five', 'second'], 60, lambda: found())
same(up.stop(), 0, 'it ends well')
same(len(os.listdir(kept)), 2, 'those after SIGHUP too')
for n in os.listdir(kept):
    text = subprocess.run(['zstd', '-dc', os.path.join(kept, n)], capture_output=True).stdout
    same(hashlib.sha256(text).hexdigest() + '.zst', n, 'a file is called by the hash of what zstd -dc prints')
    check(text.startswith(b'dogwatch rules 1\nfile ') and b'title: first' in text, 'and holds the rules as they were written', text[:200])

# Started with other rules: they match from there on, as after SIGHUP; the same rules again add nothing.
rule('first', 'knock')
os.unlink(os.path.join(rules, 'second.yml'))
up = knocks.up = begin()
write('cherry', 'knock', 'nothing')
wait_for(lambda: found().count('first') == 3, 60, lambda: found())
same(up.stop(), 0, 'it ends well')
same(found(), ['first'] * 3 + ['five', 'second'], 'what came before is not matched by them')
same(len(os.listdir(kept)), 3, 'three sets')
up = knocks.up = begin()
write('nothing')
same(up.stop(), 0, 'it ends well')
same(len(os.listdir(kept)), 3, 'the same rules are kept once')
same(ledger(data)[1]['unaccounted'], 0, 'nothing is unaccounted for')
check(not alarms(data), 'no false alarm', alarms(data))

# The rules are gone; the archive has them.
live = raised()
shutil.move(rules, rules + '.gone')
got, said = replay()
same(got, live, 'the live run, byte for byte, without the folder of rules')
check('as the archive has them; they changed 2 times' in said and 'PARTIAL' not in said, 'whose rules they are is said', said)
got, said = replay('--corrected')
same(sorted(json.loads(x)['id'] for x in got.splitlines()), sorted({json.loads(x)['id'] for x in live.splitlines()}), 'nothing came late: --corrected makes the same alerts')
got, said = replay('--rules', os.path.join(rules + '.gone', 'first.yml'))
check('what these rules would have raised' in said and len(got.splitlines()) == 6, 'with --rules it is a what-if over all of it', said + got.decode())
out = dogwatch('archive', 'verify', '--data', data)
check('3 rule sets that were in force are kept' in out, 'archive verify checks them', out)

# Alerts that were deleted are made again by the rules of then, and a copy replays alike.
shutil.copytree(rules + '.gone', rules)
shutil.rmtree(os.path.join(data, 'alerts'))
up = knocks.up = begin()
wait_for(lambda: up.child('dogwatch-collector') and os.path.exists(os.path.join(data, 'alerts/alerts.log')) and raised() == live, 60, lambda: (found(), up.said()[-800:]))
copy = os.path.join(dir_, 'copy')
dogwatch('archive', 'export', copy, '--data', data)
same(up.stop(), 0, 'it ends well')
same(raised(), live, 'deleted alerts come back byte for byte')
got, said = replay(where=('--archive', copy, '--config', os.path.join(data, 'up/collector.yml')))
same(got, live, 'a copy replays alike')

# A set that is changed, and one that is gone.
name = sorted(os.listdir(os.path.join(copy, 'rules')))[0]
path = os.path.join(copy, 'rules', name)
body = bytearray(open(path, 'rb').read())
body[len(body) // 2] ^= 1
os.chmod(path, 0o640)
open(path, 'wb').write(body)
r = subprocess.run([DOGWATCH, 'archive', 'verify', '--archive', copy], capture_output=True, text=True)
check(r.returncode == 1 and f'PROBLEM  rules/{name}: ' in r.stdout and 'NOT OK' in r.stdout, 'a changed set is named', r.stdout)
os.unlink(path)
r = subprocess.run([DOGWATCH, 'archive', 'verify', '--archive', copy], capture_output=True, text=True)
check(r.returncode == 1 and 'are not there' in r.stdout, 'so is one that is missing', r.stdout)
got, said = replay(where=('--archive', copy, '--config', os.path.join(data, 'up/collector.yml')), codes=(0, 1))
check('cannot be read' in said, 'and a replay says so', said)

finish(began)
