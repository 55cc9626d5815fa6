#!/usr/bin/env python3
"""What is kept of an archive: a collector that is killed goes on from a state, segments are held, let go and exported beside a collector at work;
the ledger stays whole, verification goes on, and what is left makes the alerts that it made."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
SEED = int(os.environ.get('DW_SEED', '11'))
rng = random.Random(SEED)
dir_ = scratch('retention')
rules = os.path.join(ROOT, 'rules')
data = os.path.join(dir_, 'data')
SETS = [a for x in ('segment.max_bytes=64KiB', 'seal.age=2s', 'start.read_again=300') for a in ('--set', 'collector.' + x)]


def rows(data):
    return ndjson(dogwatch('archive', 'ls', '--data', data, '--output', 'ndjson', codes=(0, 3)))  # 3: there is no archive yet


def raised(data):
    with open(os.path.join(data, 'alerts/alerts.log'), 'rb') as f:
        return [x for x in f if x.startswith(b'{"type":"raised"')]


def replay(*where, codes=(0,)):
    r = subprocess.run([DOGWATCH, 'replay', *where], capture_output=True, timeout=300)
    check(r.returncode in codes, f'replay {" ".join(where)} exits {r.returncode}', r.stderr.decode()[-2000:])
    return r.stdout.splitlines(True), r.stderr.decode()


def in_order(part, whole):
    it = iter(whole)
    return all(x in it for x in part)


def failures(path, n, net='203.0.113'):
    """Failed logins from a few addresses, so that correlations cross and are told again."""
    with open(path, 'a') as f:
        for i in range(n):
            now = datetime.datetime.now(datetime.timezone.utc).isoformat()
            f.write(f'{now} web1 sshd[{i}]: Failed password for root from {net}.{rng.randrange(3)} port {i} ssh2\n')


def kill(name):
    pid = wait_for(lambda: up.child(name), 15, f'a live {name}')
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: up.child(name) != pid, 5, f'the end of {name} {pid}')


# ---- a collector that is killed goes on from a state ----
traffic = Traffic(os.path.join(dir_, 'logs'), 12000, seed=SEED)
auth = os.path.join(dir_, 'logs/auth.log')
globs = [*traffic.globs, auth]
KILLS = 6
up = Up(data, globs, *SETS, '--rules', rules, brokers=None)
for k in range(KILLS + 1):
    traffic.run(12000 // (KILLS + 1))
    failures(auth, 40)
    wait_for(lambda n=len(rows(data)) if k else 0: len(rows(data)) > n, 30, 'another segment', 0.3)
    if k < KILLS:
        kill('dogwatch-collector')
traffic.run(12000)
total = len(traffic.record.lines) + 40 * (KILLS + 1)
wait_for(lambda: count(data) >= total, 90, f'{total} lines', 0.3)
same(up.stop(), 0, 'up ends well')
same(up.said().count('was killed by signal 9'), KILLS, 'every kill was one')
live = raised(data)
check(len(live) > 20, 'alerts were raised', len(live))
got, _ = replay('--data', data)
same(got, live, 'with kills: what all of the archive makes is what was raised')
manifest = open(os.path.join(data, 'archive/MANIFEST')).read()
check(manifest.count(' type=state ') >= 3, 'states were kept', manifest.count(' type=state '))
check_account(data, type('R', (), {'bytes': lambda self: traffic.record.bytes() + os.path.getsize(auth)})())

# ---- held, let go, released ----
up = Up(data, globs, *SETS, '--set', 'collector.seal.age=1h', '--rules', rules, brokers=None)
wait_for(lambda: up.child('dogwatch-collector') and os.path.exists(os.path.join(data, 'api.sock')), 20, 'the collector')
failures(auth, 10)
wait_for(lambda: count(data) >= total + 10, 30, 'more lines', 0.3)
sealed = [r for r in rows(data) if r['state'] == 'sealed']
check(len(sealed) >= 6, 'there are segments', len(sealed))
# A time that the first segment and the last ones do not have: traffic is fast, and times of lines are whole seconds.
case, at = next((c, t) for c in sealed[1:-2] for t in (c['to'], c['from'])
                if not any(s['from'] <= t <= s['to'] for s in [sealed[0], *sealed[-2:]]))
out = dogwatch('archive', 'hold', 'case 7', '--since', at, '--until', at, '--reason', 'asked by counsel', '--data', data)
check('in force' in out, 'a hold is taken at once', out)
held = [r['segment'] for r in rows(data) if r['state'] == 'held']
check(case['segment'] in held and len(held) < len(sealed) - 2, 'it holds the segments of its time', held)
hold, = ndjson(dogwatch('archive', 'holds', '--data', data, '--output', 'ndjson'))
check(hold['hold'] == 'case 7' and hold['reason'] == 'asked by counsel' and hold['by'], 'who holds it and why is listed', hold)
dogwatch('archive', 'hold', 'case 7', '--data', data, codes=(1,))
dogwatch('archive', 'release', 'other', '--data', data, codes=(1,))
for wrong in (['expire'], ['expire', '--before', '1d', '--keep', '1GiB'], ['ls', '--reason', 'x'], ['hold'], ['hold', 'x' * 64], ['expire', '--keep', '0'], ['release', 'a', '--since', '1d']):
    dogwatch('archive', *wrong, '--data', data, codes=(2,))
before = rows(data)
events_before = {(e['event']['id']) for e in query(data)}
r = subprocess.run([DOGWATCH, 'archive', 'expire', '--before', '0s', '--dry-run', '--data', data, '--output', 'ndjson'], capture_output=True)
plan = ndjson(r.stdout.decode())
check(plan and f'{len(held)} more are held' in r.stderr.decode(), 'a dry run shows what would go, and what stays', r.stderr)
same([r for r in rows(data) if r['state'] != 'open'], [r for r in before if r['state'] != 'open'], 'and changes nothing')
out = dogwatch('archive', 'expire', '--before', '0s', '--reason', 'policy 30 d', '--data', data)
check(f'{len(plan)} segments are let go' in out, 'they are let go at once', out)
after = rows(data)
gone = [r['segment'] for r in after if r['state'] == 'expired']
same(gone, [r['segment'] for r in plan], 'those of the plan')
check(set(held) & set(gone) == set() and held[-1] + 1 in gone and held[0] - 1 in gone, 'what is held stays, and what is around it goes', (held, gone))
same([s for s in gone if os.path.exists(os.path.join(data, f'archive/seg-{s:08}.zst'))], [], 'their files are gone')
same([r['events'] for r in after if r['state'] == 'expired'], [r['events'] for r in before if r['segment'] in gone], 'what they were stays on record')
out = dogwatch('archive', 'verify', '--data', data)
check(out.startswith('ok') and f'{len(gone)} segments were let go' in out, 'verification goes on behind them', out)
left = {e['event']['id'] for e in query(data)}
check(left < events_before and left, 'queries answer of what is left', (len(left), len(events_before)))
lines = traffic.record.bytes() + os.path.getsize(auth)
_, total_bytes = ledger(data)
same((total_bytes['read'], total_bytes['unaccounted']), (lines, 0), 'the ledger is whole: a state stands for what went')
deeds = ndjson(dogwatch('archive', 'log', '--data', data, '--output', 'ndjson'))
check([d['what'] for d in deeds][:2] == ['hold', 'expire'] and deeds[1]['reason'] == 'policy 30 d', 'archive log says who did what', deeds)
line, = [x for x in open(os.path.join(data, 'archive/MANIFEST')) if ' type=expire ' in x][:1]
check('why=policy%2030%20d' in line and ' by=' in line, 'the manifest says who let it go, and why', line)

# ---- what is left makes the alerts that it made; those of before stay ----
kill('dogwatch-collector')
failures(auth, 60, '198.51.100')
lines = traffic.record.bytes() + os.path.getsize(auth)
wait_for(lambda: ledger(data)[1]['archived'] + ledger(data)[1]['declared'] >= lines, 60, 'the last lines', 0.5)
wait_for(lambda: len(raised(data)) > len(live), 30, 'alerts of them', 0.3)
same(up.stop(), 0, 'up ends well')
now = raised(data)
check(now[:len(live)] == live and len(now) > len(live), 'alerts of what went stay, and more are raised', (len(live), len(now)))
got, said = replay('--data', data)
check(got and len(got) < len(now) and in_order(got, now), 'a replay makes those of what is left, byte for byte', (len(got), len(now)))
check(got[-1] == now[-1], 'to the last')
check('are not here' in said, 'and says that it is not all', said)
got_corrected, said = replay('--data', data, '--corrected')
check('is not raised' not in said, 'with late events in their place too', said)
# An alert whose events went: what is known of it is shown, and what is not is said.
here = {e['event']['id'] for e in query(data)}
of_one = [a for a in ndjson(b''.join(live).decode()) if a['finding'].get('first') and a['total'] == 1]
old = next(a for a in of_one if a['finding']['first'][0] not in here)
out = dogwatch('alert', 'show', old['id'], '--data', data, '--output', 'table', codes=(1,))
check('1 of 1 named events are not in this archive, of which segments were let go' in out, 'of an alert whose events were let go that is said', out)
r = subprocess.run([DOGWATCH, 'query', '*', '--data', data], capture_output=True)
check(f'of this time {len(gone)} segments are not here any more' in r.stderr.decode(), 'a query says what is not here', r.stderr.decode()[-300:])
# One whose events are held is proved, though the record with its agent's key went.
held_rows = [r for r in rows(data) if r['state'] == 'held']
# Where the first signature after it went too, it is not.
pack = os.path.join(dir_, 'pack')
for a in of_one:
    if a['finding']['first'][0] not in here or not held_rows[0]['from'] <= a['finding']['@timestamp'] <= held_rows[-1]['to']:
        continue
    shutil.rmtree(pack, ignore_errors=True)
    out = dogwatch('evidence', 'export', a['id'], '--to', pack, '--rules', rules, '--data', data, codes=(0, 1))
    if 'no signature of its agent covers it' not in out:
        break
check('\nok  ' in out and 'host not stated' in out, 'evidence of what is held', out)
check(os.path.exists(os.path.join(pack, 'KEYS')), 'its key is in the pack')
out = dogwatch('evidence', 'verify', pack)
check(out.startswith('ok'), 'and verifies without the archive', out)
body = open(os.path.join(pack, 'KEYS')).read()
open(os.path.join(pack, 'KEYS'), 'w').write(('1' if body[0] != '1' else '2') + body[1:])
check('NOT OK' in dogwatch('evidence', 'verify', pack, codes=(1,)), 'not with another key')

# Without alerts.log: what the archive still makes comes back.
kept = os.path.join(dir_, 'kept')
os.rename(os.path.join(data, 'alerts'), kept)
same(up_until_idle(data, globs, *SETS, '--rules', rules, brokers=None), 0, 'a start without alerts')
again = raised(data)
same(again[:len(got)], got, 'deleted alerts come back, of what is left')
shutil.rmtree(os.path.join(data, 'alerts'))
os.rename(kept, os.path.join(data, 'alerts'))

# ---- an export is an archive ----
copy = os.path.join(dir_, 'copy')
out = dogwatch('archive', 'export', copy, '--since', at, '--until', at, '--reason', 'for counsel', '--data', data)
check('collector' in out and 'not running' in out, 'an export is made without a collector, which notes it when it starts', out)
out = dogwatch('archive', 'verify', '--archive', copy)
check(out.startswith('ok') and 'are not in this copy' in out, 'a copy verifies by itself', out)
ids = {json.loads(x)['event']['id'] for x in dogwatch('query', '*', '--archive', copy, '--output', 'ndjson').splitlines()}
check(ids and ids <= left, 'its events are those of the original', len(ids))
got, _ = replay('--archive', copy)
check(got and in_order(got, now), 'its alerts too', len(got))
dogwatch('archive', 'export', copy, '--data', data, codes=(3,))
dogwatch('archive', 'export', os.path.join(dir_, 'none'), '--until', '2001-01-01', '--data', data, codes=(1,))
dogwatch('archive', 'hold', 'x', '--archive', copy, codes=(2,))
whole = os.path.join(dir_, 'whole')
dogwatch('archive', 'export', whole, '--archive', os.path.join(data, 'archive'))
check(dogwatch('archive', 'verify', '--archive', whole).startswith('ok'), 'a copy of all of it')

# ---- released, and by itself ----
up = Up(data, globs, *SETS, '--set', 'collector.retention.size=100KiB', '--rules', rules, brokers=None)
wait_for(lambda: 'type=export ' in open(os.path.join(data, 'archive/MANIFEST')).read(), 20, 'the note of the export')
check('why=for%20counsel' in open(os.path.join(data, 'archive/MANIFEST')).read(), 'what it was for')
dogwatch('archive', 'release', 'case 7', '--data', data)
same(ndjson(dogwatch('archive', 'holds', '--data', data, '--output', 'ndjson')), [], 'no hold is in force')
failures(auth, 5)
wait_for(lambda: case['segment'] in [r['segment'] for r in rows(data) if r['state'] == 'expired'], 40,
         lambda: f'what was held goes by retention.size: {rows(data)}', 0.3)
same(up.stop(), 0, 'up ends well')
check('by=collector why=retention.age%200s,%20retention.size%20102400' in open(os.path.join(data, 'archive/MANIFEST')).read(), 'and the manifest says so')
check(dogwatch('archive', 'verify', '--data', data).startswith('ok'), 'verification')

# ---- taken away by hand ----
victim = next(s for s in reversed(segments(data)) if s.endswith('.zst'))
os.rename(victim, victim + '.gone')
out = dogwatch('archive', 'verify', '--data', data, codes=(1,))
check('deleted: the manifest names it' in out, 'a segment that nobody let go is missed', out)
os.rename(victim + '.gone', victim)
state = next(os.path.join(data, 'archive', n) for n in sorted(os.listdir(os.path.join(data, 'archive'))) if n.startswith('state-'))
body = bytearray(open(state, 'rb').read())
body[len(body) // 2] ^= 1
open(state, 'wb').write(body)
out = dogwatch('archive', 'verify', '--data', data, codes=(1,))
check(os.path.basename(state) + ': edited' in out, 'and a state that was changed', out)
finish(began)
