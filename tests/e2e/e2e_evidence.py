#!/usr/bin/env python3
"""`dogwatch evidence`: a pack of one alert verifies with nothing but the program, another decoder prints its events, and 200 seeded edits
of it are refused, each with the place named."""
import glob
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
SEED = int(os.environ.get('DW_SEED', '11'))
EDITS = 1000 if LONG else 200
rng = random.Random(SEED)
dir_ = scratch('evidence')
data, logs = os.path.join(dir_, 'data'), os.path.join(dir_, 'logs')
os.makedirs(logs)
rules = os.path.join(dir_, 'rules')
shutil.copytree(os.path.join(ROOT, 'rules'), rules)
AUTH, ACCESS, OTHER = (os.path.join(logs, n) for n in ('auth.log', 'access.log', 'auth2.log'))


def failed(i, host='web1'):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return f'{now} {host} sshd[{100 + i}]: Failed password for root from 203.0.113.9 port {4000 + i} ssh2\n'


# A live run: two streams make one correlation, written apart so that its events stand in several frames; one alert about a single event.
up = Up(data, [logs + '/*.log'], '--rules', rules, '--set', 'collector.lateness=4s', brokers=None)
for i in range(12):
    with open(OTHER if i % 3 == 2 else AUTH, 'a') as f:
        f.write(failed(i))
    if i % 4 == 3:
        wait_for(lambda: count(data) == i + 1, 30, 'the lines so far')
with open(ACCESS, 'w') as f:
    f.write('203.0.113.9 - - [25/Nov/2026:12:00:01 +0000] "GET /?id=1%20UNION%20SELECT%20password%20FROM%20users-- HTTP/1.1" 200 5 "-" "curl"\n')


# One that counts more events than it names, and a correlation of correlations.
with open(OTHER, 'a') as f:
    f.writelines(failed(i).replace('203.0.113.9', '198.51.100.7') for i in range(300))
with open(AUTH, 'a') as f:
    f.write(failed(0).replace('Failed', 'Accepted').replace('203.0.113.9', '198.51.100.7'))


def found():
    r = subprocess.run([DOGWATCH, 'alerts', '--data', data, '--output', 'ndjson'], capture_output=True, text=True)
    rows = ndjson(r.stdout) if r.returncode == 0 else []
    by_name = {a['rule']['name']: a for a in rows if '198.51.100.7' not in json.dumps(a)}
    by_name.update({'many' if a['rule']['name'] == 'SSH brute force' else 'nested': a for a in rows if '198.51.100.7' in json.dumps(a)})
    return by_name if {'SSH brute force', 'SQL injection attempt in a request', 'nested'} <= set(by_name) and by_name.get('many', {}).get('total') == 256 else None


by_name = wait_for(found, 60, lambda: up.said()[-1500:], 0.1)
SSH, SQL = (by_name[n]['event']['id'] for n in ('SSH brute force', 'SQL injection attempt in a request'))


def said(*args, env=None, cwd=None):
    r = subprocess.run([args[0] if args[0].startswith('/') else DOGWATCH, *(args[1:] if args[0].startswith('/') else args)], capture_output=True, text=True,
                       timeout=60, env=env, cwd=cwd)
    check('Sanitizer' not in r.stderr and 'runtime error' not in r.stderr, f'{args[:2]}: no sanitizer speaks', r.stderr[-3000:])
    return r.returncode, r.stdout, r.stderr


def export(alert, name, codes=(0,), *more):
    to = os.path.join(dir_, name)
    code, out, err = said('evidence', 'export', alert, '--to', to, '--data', data, '--rules', rules, *more)
    check(code in codes, f'export {name}', (code, out, err))
    return to


def relist(pack):
    """PACK as one writes it who knows the format."""
    text = open(os.path.join(pack, 'PACK'), 'rb').read().split(b'\n')[:2]
    names = sorted(os.path.relpath(os.path.join(r, n), pack) for r, _, ns in os.walk(pack) for n in ns if n != 'PACK')
    for name in names:
        body = open(os.path.join(pack, name), 'rb').read()
        text.append(f'{name} {len(body)} {hashlib.sha256(body).hexdigest()}'.encode())
    head = b'\n'.join(text) + b'\n'
    open(os.path.join(pack, 'PACK'), 'wb').write(head + f'digest {hashlib.sha256(head).hexdigest()}\n'.encode())


# Beside the running collector: the agent signs once a second, so a pack is whole a moment after its alert.
live = os.path.join(dir_, 'live')
tries = []


def live_ok():
    shutil.rmtree(live, True)
    tries.append(said('evidence', 'export', SSH[:12], '--to', live, '--data', data, '--rules', rules))
    return tries[-1][0] == 0


wait_for(live_ok, 20, lambda: tries[-1], 0.2)
check(all(c == 0 or 'INCOMPLETE' in out for c, out, _ in tries), 'before that it is incomplete, and never wrong', tries)
same(up.stop(), 0, 'up ends well')

folder, tar = export(SSH, 'pack'), export(SSH, 'pack.tar')
single, single_tar = export(SQL, 'single'), export(SQL[:16], 'single.tar')
many, nested = export(by_name['many']['event']['id'], 'many'), export(by_name['nested']['event']['id'], 'nested')
same(sorted(os.listdir(folder)), sorted(['PACK', 'README.md', 'alert.json', 'events.ndjson', 'match.json', 'MANIFEST', 'frames', 'rule']), 'what is in a pack')
log_lines = open(os.path.join(data, 'alerts/alerts.log')).read().splitlines(True)
mine = [x for x in log_lines if json.loads(x)['id'] == SSH]
same(open(os.path.join(folder, 'alert.json')).read(), mine[-1], 'the alert as the log has it')
frames = sorted(glob.glob(folder + '/frames/*.frame'))
check(len(frames) >= 3, 'its events stand in several frames', frames)

# A machine with nothing but the program.
bare = os.path.join(dir_, 'bare')
os.makedirs(bare)
shutil.copy(DOGWATCH, os.path.join(bare, 'dogwatch'))
for name in ('pack', 'pack.tar', 'single', 'single.tar', 'live'):
    src = os.path.join(dir_, name)
    (shutil.copytree if os.path.isdir(src) else shutil.copy)(src, os.path.join(bare, name))
moved = os.path.join(dir_, 'away')
os.rename(data, moved)
os.rename(rules, rules + '.away')
for name in ('pack', 'pack.tar', 'single', 'single.tar', 'live'):
    code, out, err = said(os.path.join(bare, 'dogwatch'), 'evidence', 'verify', name, env={'PATH': '/nowhere', 'HOME': bare}, cwd=bare)
    check(code == 0 and out.startswith('ok  alert ') and not err, f'{name}: verifies there', (code, out, err))
    check('byte for byte' in out and 'not excluded without --key' in out, f'{name}: and says what is proved, and what is not', out)
os.rename(moved, data)
os.rename(rules + '.away', rules)

# Another decoder prints the same events, and zstd the lines.
dwcat_py = [sys.executable, os.path.join(ROOT, 'tools/dwcat.py')]
for pack in (folder, single):
    files = sorted(glob.glob(pack + '/frames/*'))
    printed = subprocess.run(dwcat_py + files, capture_output=True, text=True).stdout
    events = ndjson(open(pack + '/events.ndjson').read())
    by_id = {e['event']['id']: e for e in ndjson(printed)}
    same([by_id.get(e['event']['id']) for e in events], events, 'dwcat.py prints these events')
    r = subprocess.run(dwcat_py + ['--check'] + files, capture_output=True, text=True)
    check(r.returncode == 0 and r.stdout.startswith('ok'), 'dwcat.py --check', r.stdout + r.stderr)
    raw = subprocess.run(['zstd', '-dcq'] + [f for f in files if f.endswith('.frame')], capture_output=True, text=True).stdout.splitlines()
    check(all(e['event']['original'] in raw for e in events), 'zstd -dc prints the lines')
    alert = json.load(open(pack + '/alert.json'))['finding']
    same({e['event']['id'] for e in events}, set(alert['first'] + alert['last']), 'every named event')
    match = json.load(open(pack + '/match.json'))
    same(match['missing'], [], 'none is missing')
    same({m['event']['id'] for m in match['matches']}, {e['event']['id'] for e in events}, 'how each was met')
cat = said('cat', *sorted(glob.glob(folder + '/frames/*')))[1].splitlines(True)
check(all(x in cat for x in open(folder + '/events.ndjson')), 'dogwatch cat prints the same bytes')
other = os.path.join(dir_, 'untarred')
os.makedirs(other)
subprocess.run(['tar', 'xf', tar, '-C', other], check=True)
inner = os.path.join(other, os.listdir(other)[0])
same(said('evidence', 'verify', inner)[0], 0, 'a tar unpacked by tar')
subprocess.run(['tar', 'cf', other + '.tar', '-C', other, os.path.basename(inner)], check=True)
code, out, err = said('evidence', 'verify', other + '.tar')
check(code == 1 and 'unpacked first' in out, 'a tar that another program wrote', (code, out))

# What a pack cannot prove is said; all else of such an alert is held all the same.
code, out, err = said('evidence', 'verify', many)
check(code == 0 and 'not proved by this pack: that the alert counts 256 events' in out, 'more events than are named', (code, out))
code, out, err = said('evidence', 'verify', nested)
check(code == 0 and 'correlation of correlations' in out, 'a correlation of correlations', (code, out))
for pack, old, new in ((many, '"total":256', '"total":257'), (many, 'SSH brute force', 'SSH brute farce'), (many, '"level":"', '"level":"x'), (many, '198.51.100.7', '198.51.100.8'),
                       (many, '"total":256', '"total":64'), (nested, 'brute force', 'brute farce'), (nested, '198.51.100.7', '198.51.100.8')):
    at = os.path.join(dir_, 'edited-' + os.path.basename(pack))
    shutil.rmtree(at, True)
    shutil.copytree(pack, at)
    text = open(at + '/alert.json').read()
    check(old in text, f'{old} is there')
    open(at + '/alert.json', 'w').write(text.replace(old, new))
    relist(at)
    code, out, err = said('evidence', 'verify', at)
    check(code == 1 and 'alert.json' in out, f'{os.path.basename(pack)}: {old} made {new}', (code, out))

# Every type of correlation, with conditions of every kind: the events in the pack make each alert again.
MEMBER = '''title: {0}
id: 00000000-0000-4000-8000-00000000000{0}
name: {0}
logsource: {{category: webserver}}
detection: {{s: {{url.path|startswith: /{0}}}, condition: s}}
---
'''
CORRELATION = '''title: {title}
id: 00000000-0000-4000-8000-0000000001{n:02}
correlation: {{type: {kind}, rules: {members}, group-by: [source.ip], timespan: 20s{condition}}}
---
'''
BYTES = 'field: http.response.body.bytes, '
TYPES = [('event_count', '[a]', 'gte: 4'), ('event_count', '[a, b]', 'gt: 6'), ('event_count', '[b]', 'eq: 3'), ('event_count', '[c]', 'lt: 2'), ('event_count', '[c]', 'gte: 2, lte: 3'),
         ('value_count', '[a, b, c]', 'field: url.path, gte: 5'), ('value_count', '[a]', 'field: url.path, lte: 1'), ('temporal', '[a, b, c]', ''), ('temporal', '[a, b, c]', 'gte: 2'),
         ('temporal_ordered', '[a, b, c]', ''), ('value_sum', '[a, b]', BYTES + 'gte: 3000'), ('value_avg', '[a]', BYTES + 'gte: 500'),
         ('value_percentile', '[c]', BYTES + 'percentile: 90, gte: 700')]
DETECTOR = '''title: {title}
id: 00000000-0000-4000-8000-0000000002{n:02}
detector: {{type: {title}, rules: [{member}], group-by: [source.ip], {more}}}
---
'''
DETECTORS = [('new_value', 'a', 'field: url.path, timespan: 1h, learn: 1s'), ('rate_spike', 'b', 'timespan: 20s, history: 4, deviations: 1'), ('silence', 'c', 'timespan: 60s, learn: 1s')]
types, typed = os.path.join(dir_, 'types'), os.path.join(dir_, 'types.yml')
with open(typed, 'w') as f:
    f.write(''.join(MEMBER.format(x) for x in 'abc'))
    for n, (kind, members, condition) in enumerate(TYPES):
        f.write(CORRELATION.format(title=f'{kind} {n}', n=n, kind=kind, members=members, condition=f', condition: {{{condition}}}' if condition else ''))
    for n, (title, member, more) in enumerate(DETECTORS):
        f.write(DETECTOR.format(title=title, n=n, member=member, more=more))
typed_rng = random.Random(3)  # enough of each type, whatever the seed of the edits
at = datetime.datetime(2026, 11, 25, 12)
with open(os.path.join(dir_, 'typed.log'), 'w') as f:
    for i in range(400):
        at += datetime.timedelta(seconds=typed_rng.choice([0, 0, 1, 1, 2, 5, 25]))
        f.write(f'203.0.113.{typed_rng.randrange(3)} - - [{at.strftime("%d/%b/%Y:%H:%M:%S +0000")}] "GET /{typed_rng.choice("abcd")}{typed_rng.randrange(4)} HTTP/1.1" 200 {typed_rng.randrange(1000)} "-" "curl"\n')
dogwatch('up', '--data', types, '--logs', os.path.join(dir_, 'typed.log'), '--rules', typed, '--until-idle')
of_type = {}
for a in alerts(types):
    of_type.setdefault(a['rule']['name'], []).append(a)
same(len(of_type), len(TYPES) + len(DETECTORS), 'each correlation and detector raises alerts')
for name, found_ in of_type.items():
    for a in sorted(found_, key=lambda a: -a['total'])[:3]:
        out = said('evidence', 'export', a['event']['id'], '--to', os.path.join(dir_, f'type-{a["event"]["id"]}.tar'), '--data', types, '--rules', typed)
        learned = any(name == d[0] for d in DETECTORS)
        check(out[0] == 0 and ('byte for byte' in out[1]) == (a['total'] <= 200 and not learned), f'{name}, {a["total"]} events', out)
        check(not learned or 'had learned before' in out[1], f'{name}: what a pack cannot prove is said', out)

# Whose key.
agent = [a['agent'] for a in ndjson(dogwatch('agents', '--data', data, '--output', 'ndjson'))][0] if 'agent' in ndjson(dogwatch('agents', '--data', data, '--output', 'ndjson'))[0] else None
key = os.path.join(dir_, 'key')
line = next(x for x in said('evidence', 'verify', folder)[1].splitlines() if x.startswith('  agent'))
agent_id = line.split()[1]
check(agent is None or agent_id.startswith(agent) or agent == agent_id, 'the agent is the one that the collector knows', (agent, agent_id))
open(key, 'w').write(f'# ours\n{agent_id}  # web1\n')
code, out, err = said('evidence', 'verify', folder, '--key', key)
check(code == 0 and 'pinned' in out, 'its key', (code, out, err))
opening = next(f for f in frames_in(open(glob.glob(folder + '/frames/*.chain')[0], 'rb').read()))
head = 8 + struct.unpack('<I', opening.data[4:8])[0]
public = json.loads(dwcat.unpack(opening.data[head + 8:], struct.unpack('<I', opening.field(88, 4))[0]))['public_key']
open(key, 'w').write(public + '\n')
same(said('evidence', 'verify', folder, '--key', key)[0], 0, 'its public key')
open(key, 'w').write('ab' * 16 + '\n')
code, out, err = said('evidence', 'verify', folder, '--key', key)
check(code == 1 and agent_id in out, 'another key', (code, out, err))
open(key, 'w').write('f00\n')
code, out, err = said('evidence', 'verify', folder, '--key', key)
check(code == 2 and f'{key}:1:1: error: no key' in err and '^^^' in err, 'no key at all', (code, err))

# Nothing is written over; what cannot be exported is said.
for to in (folder, tar, key):
    code, out, err = said('evidence', 'export', SSH, '--to', to, '--data', data, '--rules', rules)
    check(code == 2 and 'nothing is written over' in err, 'an existing target', (code, out, err))
code, out, err = said('evidence', 'export', 'ffff', '--to', os.path.join(dir_, 'x'), '--data', data)
check(code == 1 and "begins with 'ffff'" in err, 'no such alert', (code, err))
code, out, err = said('evidence', 'export', SSH, '--server', 'http://127.0.0.1:1')
check(code == 3 and '--data DIR' in err, 'a server has no frames', (code, err))
code, out, err = said('evidence', 'verify', os.path.join(dir_, 'nothing'))
check(code == 3 and 'nothing' in err, 'no pack', (code, err))
code, out, err = said('evidence', 'verify', logs)
check(code == 1 and 'PACK' in out, 'a folder that is none', (code, out, err))

# The rule of then.
path = os.path.join(rules, 'linux/ssh_brute_force.yml')
text = open(path).read()
open(path, 'w').write(text.replace('gte: 10', 'gte: 5'))
check(open(path).read() != text, 'the rule was changed')
changed = export(SSH, 'changed', (1,))
code, out, err = said('evidence', 'verify', changed)
check(code == 1 and out.startswith('ABSENT') and 'INCOMPLETE' in out and 'logic hash' in out, 'another rule than that of the alert', (code, out))
open(path, 'w').write(text)

# An archive without the events.
away = os.path.join(dir_, 'other')
dogwatch('up', '--data', away, '--logs', ACCESS, '--rules', rules, '--until-idle')
code, out, err = said('evidence', 'export', SSH, '--to', os.path.join(dir_, 'y'), '--data', data, '--archive', os.path.join(away, 'archive'), '--rules', rules)
check(code == 1 and 'none of the' in err and not os.path.exists(os.path.join(dir_, 'y')), 'an archive without them', (code, out, err))


def files(pack, ends=''):
    return sorted(os.path.join(r, n) for r, _, ns in os.walk(pack) for n in ns if n.endswith(ends) and os.path.getsize(os.path.join(r, n)))


def stored(text):
    """A section as a pack has it: one zstd frame of raw blocks."""
    n = len(text)
    head = b'\x20' + struct.pack('<B', n) if n < 256 else b'\x60' + struct.pack('<H', n - 256) if n < 65792 else b'\xa0' + struct.pack('<I', n)
    blocks = [text[i:i + (128 << 10)] for i in range(0, n, 128 << 10)]
    return struct.pack('<I', 0xFD2FB528) + head + b''.join(struct.pack('<I', len(b) << 3 | (i + 1 == len(blocks)))[:3] + b for i, b in enumerate(blocks))


def with_stored_text(frame, text):
    """The frame with other lines and a hash that fits, written as a pack has it."""
    made, head = frame.with_text(text, True), 8 + struct.unpack('<I', frame.data[4:8])[0]
    old, new = struct.unpack('<I', frame.field(224, 4))[0], stored(text)
    return made.data[:8 + 224] + struct.pack('<I', len(new)) + made.data[8 + 228:head] + new + frame.data[head + old:]


# Damage in the archive: the events that it took are said to be absent, and what is left holds.
hurt = os.path.join(dir_, 'hurt')
shutil.copytree(data, hurt)
open_segment = max(segments(hurt), key=os.path.getsize)
body = bytearray(open(open_segment, 'rb').read())
lost = Frame(open(frames[0], 'rb').read())
at = body.index(lost.field(192, 32)) + 300
body[at] ^= 1
open(open_segment, 'wb').write(body)
code, out, err = said('evidence', 'export', SSH, '--to', os.path.join(dir_, 'hurt-pack'), '--data', hurt, '--rules', rules)
check(code == 1 and os.path.basename(open_segment) in err and ('INCOMPLETE' in out or 'NOT OK' in out) and 'frames/' in out, 'a damaged archive', (code, out, err))

# ---- edits ----

for f in files(folder, '.frame'):
    frame = Frame(open(f, 'rb').read())
    check(with_stored_text(frame, frame.text()) == frame.data, 'a frame is written in one way')


def flip(path):
    body = bytearray(open(path, 'rb').read())
    body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    open(path, 'wb').write(body)


def edit_json(path):
    """One number, letter or line of a JSON file changed so that it stays JSON of the same form."""
    lines = open(path).read().splitlines(True)
    at = rng.randrange(len(lines))
    kind = rng.randrange(3)
    if kind == 0 and len(lines) > 2 and path.endswith('events.ndjson'):
        lines[at:at + 1] = [] if rng.randrange(2) else [lines[at], lines[at]]
    elif kind == 1 and len(lines) > 2 and path.endswith('events.ndjson'):
        lines[0], lines[-1] = lines[-1], lines[0]
    else:
        places = [i for i, c in enumerate(lines[at]) if c.isdigit() or c.isalpha()]
        if not places:
            at = 0
            places = [i for i, c in enumerate(lines[at]) if c.isdigit() or c.isalpha()]
        i = rng.choice(places)
        c = lines[at][i]
        new = rng.choice([x for x in ('0123456789' if c.isdigit() else 'abcdefghijklmnopqrstuvwxyz') if x != c])
        lines[at] = lines[at][:i] + new + lines[at][i + 1:]
    open(path, 'w').write(''.join(lines))
    return os.path.basename(path)


def reframe(pack):
    """A line of a frame made another, its hash computed anew, as one does who knows all but the agent's key."""
    path = rng.choice(files(pack, '.frame'))
    frame = Frame(open(path, 'rb').read())
    text = bytearray(frame.text())
    at = rng.choice([i for i, c in enumerate(text) if chr(c).isdigit()])
    text[at] = ord('0') + (text[at] - ord('0') + 1 + rng.randrange(9)) % 10
    open(path, 'wb').write(with_stored_text(frame, bytes(text)))
    return path


def rewrite_all(pack):
    """The frame, and everything that follows from it, made anew by the program itself."""
    reframe(pack)
    printed = said('cat', *sorted(glob.glob(pack + '/frames/*')))[1].splitlines(True)
    named = {json.loads(x)['event']['id'] for x in open(pack + '/events.ndjson')}
    open(pack + '/events.ndjson', 'w').writelines(x for x in printed if json.loads(x)['event']['id'] in named)
    return ''


def rechain(pack, strip):
    """The same, and every link up to the signature made to fit; `strip`: without the signature. Answers the file of the signed link."""
    path = reframe(pack)
    places, last = {}, ''
    for f in files(pack, '.frame') + files(pack, '.chain'):
        for i, x in enumerate(frames_in(open(f, 'rb').read())):
            places[struct.unpack('<Q', x.field(48, 8))[0]] = (f, i)
    number = struct.unpack('<Q', Frame(open(path, 'rb').read()).field(48, 8))[0]
    while True:
        f, i = places[number]
        frame = frames_in(open(f, 'rb').read())[i]
        last = f
        if frame.signed or number + 1 not in places:
            break
        number += 1
        f, i = places[number]
        all_ = frames_in(open(f, 'rb').read())
        all_[i] = all_[i].put(96, frame.field(192, 32))
        if strip and all_[i].signed:
            d = bytearray(all_[i].data)
            d[14] &= 0xfe
            d[4:8] = struct.pack('<I', 232)
            all_[i] = Frame(bytes(d[:240] + d[304:]))
        open(f, 'wb').write(b''.join(x.data for x in all_))
    relist(pack)
    return os.path.relpath(last, pack)


def edit(pack, kind):
    """Does one edit to a folder; answers what must be named: a text, or one of several."""
    if kind == 'flip':
        path = rng.choice(files(pack))
        flip(path)
        return os.path.relpath(path, pack)
    if kind == 'truncate':
        path = rng.choice(files(pack))
        os.truncate(path, rng.randrange(os.path.getsize(path)))
        return os.path.relpath(path, pack)
    if kind == 'delete':
        path = rng.choice(files(pack))
        os.unlink(path)
        return os.path.relpath(path, pack)
    if kind == 'add':
        name = rng.choice(['extra', 'frames/extra.frame', 'rule/9999-more.yml', 'frames/.hidden', '.x', 'rule/deeper'])
        if name == 'rule/deeper':
            os.makedirs(os.path.join(pack, name))
        else:
            open(os.path.join(pack, name), 'w').write('x')
        return name
    if kind == 'swap':
        a, b = rng.sample(files(pack, '.frame') if len(files(pack, '.frame')) > 1 else [p for p in files(pack) if not p.endswith('PACK')], 2)
        x, y = open(a, 'rb').read(), open(b, 'rb').read()
        open(a, 'wb').write(y)
        open(b, 'wb').write(x)
        if rng.randrange(2):
            relist(pack)
        return tuple(os.path.relpath(x, pack) for x in (a, b))
    if kind == 'json':
        name = edit_json(rng.choice([pack + '/alert.json', pack + '/events.ndjson', pack + '/match.json']))
        relist(pack)
        return name
    if kind == 'frame':
        path = reframe(pack)
        relist(pack)
        return os.path.relpath(path, pack)
    if kind == 'frame-flip':
        path = rng.choice(files(pack, '.frame') + files(pack, '.chain'))
        flip(path)
        relist(pack)
        return 'frames/'
    if kind == 'all':
        rewrite_all(pack)
        relist(pack)
        return 'frames/'
    if kind in ('rechain', 'strip'):
        return rechain(pack, kind == 'strip')
    if kind == 'drop-frame':
        path = rng.choice(files(pack, '.frame') + files(pack, '.chain'))
        os.unlink(path)
        relist(pack)
        return 'frames/'
    if kind == 'link':
        path = rng.choice([p for p in files(pack) if not p.endswith('PACK')])
        os.rename(path, os.path.join(dir_, 'target'))
        os.symlink(os.path.join(dir_, 'target'), path)
        return os.path.relpath(path, pack)
    raise AssertionError(kind)


KINDS = ['flip', 'flip', 'truncate', 'delete', 'add', 'swap', 'json', 'json', 'json', 'frame', 'frame-flip', 'all', 'drop-frame', 'rechain', 'strip', 'link', 'tar-flip', 'tar-flip', 'tar-cut', 'tar-more']
refused = {}
for n in range(EDITS):
    kind = KINDS[n % len(KINDS)]
    source = rng.choice([folder, folder, single])
    if kind.startswith('tar'):
        at = os.path.join(dir_, 'edited.tar')
        shutil.copy(tar if source == folder else single_tar, at)
        if kind == 'tar-flip':
            flip(at)
        elif kind == 'tar-cut':
            os.truncate(at, rng.randrange(os.path.getsize(at)))
        else:
            open(at, 'ab').write(bytes(512 * rng.randrange(1, 4)))
        must = ''
    else:
        at = os.path.join(dir_, 'edited')
        shutil.rmtree(at, True)
        shutil.copytree(source, at)
        must = edit(at, kind)
    code, out, err = said('evidence', 'verify', at)
    refused[kind] = refused.get(kind, 0) + (code == 1)
    words = ('PROBLEM', 'ABSENT')
    signed = any(x.startswith('PROBLEM  frames/') for x in out.splitlines())
    check(signed or kind not in ('frame', 'frame-flip', 'all', 'rechain'), f'edit {n}, {kind} (seed {SEED}): frames alone refuse it', out)
    check('NOT OK' in out or kind == 'drop-frame', f'edit {n}, {kind} (seed {SEED}): not only incomplete', out)
    place = out.split(':', 1)[0].split(None, 1)[-1] if out.startswith(words) else ''
    check(code == 1 and place, f'edit {n}, {kind} (seed {SEED}): refused, with a place', (must, code, out, err))
    check(any(m in x for x in out.splitlines() if x.startswith(words) for m in (must if isinstance(must, tuple) else (must,))), f'edit {n}, {kind} (seed {SEED}): the place', (must, out))
same(sum(refused.values()), EDITS, f'{EDITS} edits are refused')

# Everything made anew, with a key of one's own: nothing in it contradicts itself, and only the key tells.
forged, forged_logs = os.path.join(dir_, 'forged'), os.path.join(dir_, 'forged-logs')
os.makedirs(forged_logs)
shutil.copy(ACCESS, forged_logs)
dogwatch('up', '--data', forged, '--logs', forged_logs + '/*.log', '--rules', rules, '--until-idle')
fake = next(a['event']['id'] for a in alerts(forged) if a['rule']['name'] == 'SQL injection attempt in a request')
same(said('evidence', 'export', fake, '--to', os.path.join(dir_, 'fake'), '--data', forged, '--rules', rules)[0], 0, 'a pack of another agent')
open(key, 'w').write(agent_id + '\n')
code, out, err = said('evidence', 'verify', os.path.join(dir_, 'fake'), '--key', key)
check(code == 1 and 'is none of those that --key names' in out, 'a pack made anew with another key', (code, out))

# What is hostile and not random: names that lead out, sizes that are huge, a folder that is a link.
for what, bad in (('absolute', '/etc/passwd'), ('up', 'frames/../../x.frame'), ('deep', 'frames/a/b.frame'), ('dots', '..')):
    at = os.path.join(dir_, 'hostile')
    shutil.rmtree(at, True)
    shutil.copytree(folder, at)
    text = open(at + '/PACK').read().splitlines(True)[:-1]
    text = text[:2] + sorted(text[2:] + [f'{bad} 4 {"0" * 64}\n'])
    head = ''.join(text)
    open(at + '/PACK', 'w').write(head + f'digest {hashlib.sha256(head.encode()).hexdigest()}\n')
    code, out, err = said('evidence', 'verify', at)
    check(code == 1 and out.startswith('PROBLEM  PACK:'), f'a name that is {what}', (code, out, err))
at = os.path.join(dir_, 'huge')
shutil.copytree(folder, at)
text = open(at + '/PACK').read()
name = text.splitlines()[2].split()[0]
open(at + '/PACK', 'w').write(text.replace(text.splitlines()[2], f'{name} {1 << 62} {"0" * 64}'))
code, out, err = said('evidence', 'verify', at)
check(code == 1 and 'PACK:3' in out and 'bound' in out, 'a size over every bound', (code, out))
at = os.path.join(dir_, 'linked')
shutil.copytree(folder, at)
os.rename(at + '/frames', os.path.join(dir_, 'elsewhere'))
os.symlink(os.path.join(dir_, 'elsewhere'), at + '/frames')
code, out, err = said('evidence', 'verify', at)
check(code == 1 and 'PROBLEM  frames: is no folder' in out, 'a folder that is a link', (code, out))
print(f'{EDITS} edits, seed {SEED}: ' + ', '.join(f'{k} {v}' for k, v in sorted(refused.items())))
finish(began)
