#!/usr/bin/env python3
"""Hostile files and a full disk: none stops another file, what is not kept is declared, and the counters tell."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
MB = 1000 * 1000
HUGE = 100 * MB
LINE_MAX = 256 * 1024
dir_ = scratch('hostile')
logs = os.path.join(dir_, 'logs')
os.makedirs(logs)
skipped = 0


def write(name, data):
    with open(os.path.join(logs.encode(), name if isinstance(name, bytes) else name.encode()), 'wb') as f:
        f.write(data)
    return len(data)


GOOD = [f'good-{k}.log' for k in range(4)]
size, lines = {}, {}
for name in GOOD:
    lines[name] = [b'%s line %d' % (name.encode(), i) for i in range(2000)]
    size[name] = write(name, b''.join(x + b'\n' for x in lines[name]))
lines['huge.log'] = [b'before', b'A' * LINE_MAX, b'after']
size['huge.log'] = write('huge.log', b'before\n' + b'A' * HUGE + b'\nafter\n')
lines['endless.log'] = [b'B' * LINE_MAX]  # without any newline
size['endless.log'] = write('endless.log', b'B' * (2 * MB))
lines['nul.log'] = [b'a\0b', b'\0' * 1000, b'', b'c'] + [b'x%d\0' % i for i in range(100)]
size['nul.log'] = write('nul.log', b''.join(x + b'\n' for x in lines['nul.log']))
lines['utf8.log'] = [bytes([b]) * 3 + b' byte %d' % b for b in range(256) if b != 10] + [b'\xed\xa0\x80 surrogate', b'\xf5\x80 over']
size['utf8.log'] = write('utf8.log', b''.join(x + b'\n' for x in lines['utf8.log']))
HOSTILE = b'a \n\x1b[2J"\'; $(touch pwned) `x` %s%n \xff\xfe.log'
lines['hostile'] = [b'in a file with a hostile name %d' % i for i in range(50)]
size['hostile'] = write(HOSTILE, b''.join(x + b'\n' for x in lines['hostile']))
long_name = 'n' * 251 + '.log'
lines[long_name] = [b'long name']
size[long_name] = write(long_name, b'long name\n')
os.symlink('loop-b.log', os.path.join(logs, 'loop-a.log'))
os.symlink('loop-a.log', os.path.join(logs, 'loop-b.log'))
os.symlink('.', os.path.join(logs, 'deeper'))  # a folder that is in itself
os.symlink('nowhere', os.path.join(logs, 'dangling.log'))
os.mkdir(os.path.join(logs, 'folder.log'))
os.mkfifo(os.path.join(logs, 'fifo.log'))
data = os.path.join(dir_, 'data')
same(up_until_idle(data, [logs + '/**/*.log', logs + '/*.log'], seconds=50), 0, 'dogwatch up ends well')
got = {}
for _, e in decoded(segments(data)):
    got.setdefault(e['stream'][8][1][3], []).append(e)
by_name = {b'hostile' if os.path.basename(path) == HOSTILE else os.path.basename(path): events for path, events in got.items()}
for name in lines:
    events = sorted(by_name.get(name.encode(), []), key=lambda e: e['start'])
    check([e['line'] for e in events] == lines[name], f'{name[:20]}: every line', (len(events), len(lines[name]), [e['line'][:60] for e in events[:2]]))
same({n.decode(errors='replace') for n in by_name}, set(lines), 'these files and no others')
rows, total = ledger(data)
same(total['read'], sum(size.values()), 'ledger: every byte of every file was read')
same(total['archived'] + total['declared'], total['read'], 'ledger: archived + declared')
same(total['declared'], HUGE - LINE_MAX + 1 + 2 * MB - LINE_MAX, 'ledger: what was cut is declared')  # the newline goes with the rest
same(total['unaccounted'], 0, 'ledger: nothing unaccounted')
check(dogwatch('archive', 'verify', '--data', data).startswith('ok'), 'archive verify')
check(not alarms(data), 'no false alarm', alarms(data))
same(decoders_agree(data), sum(map(len, lines.values())), 'both decoders print every event')
ours = ndjson(dogwatch('cat', *segments(data)))
check(any('utf8.repaired' in e.get('tags', []) for e in ours), 'repaired text is tagged')
check(any('cut' in e.get('tags', []) for e in ours), 'cut lines are tagged')
check(not os.path.exists('pwned'), 'a name is not a command')
shutil.rmtree(data)

# An unreadable file. Root reads everything, so as root another user runs dogwatch.
nobody = 65534 if os.geteuid() == 0 else None
plain = scratch('unreadable')
os.chmod(plain, 0o777)
os.mkdir(os.path.join(plain, 'logs'))
EVIL = "evil'\x1b]0;x\x07.log"
for name in ('open.log', 'secret.log', EVIL):
    with open(os.path.join(plain, 'logs', name), 'wb') as f:
        f.write(b'a line\n' * 100)
for name in ('secret.log', EVIL):
    os.chmod(os.path.join(plain, 'logs', name), 0)
os.symlink('nowhere', os.path.join(plain, 'logs/dangling.log'))
try:
    may_run = nobody is None or subprocess.run([DOGWATCH, '--help'], capture_output=True, user=nobody).returncode == 0
except PermissionError:
    may_run = False
if not may_run:
    skipped += 1
    print('SKIPPED  unreadable file: root reads everything and no other user may execute this build; 1 part did not run')
else:
    data = os.path.join(plain, 'data')
    up = Up(data, [plain + '/logs/*.log'], '--until-idle', user=nobody)
    same(up.wait(30), 1, 'dogwatch up ends, and says no, beside an unreadable file')
    check("secret.log: Permission denied" in up.said(), 'the unreadable file is named', up.said())
    check('\x1b' not in up.said() and 'evil' in up.said(), 'a name does not command the terminal', repr(up.said()))
    check('dangling.log: No such file' in up.said(), 'a dangling link is named for what it is', up.said())
    same(len(event_ids(data)), 100, 'the file beside it arrives')
    same({os.path.basename(r['file']) for r in ledger(data)[0]}, {'open.log'}, 'the ledger speaks of what was read')
    check(not alarms(data), 'no false alarm', alarms(data))

# A full disk: DATA on a small tmpfs. Reading goes on when there is room again, and nothing is lost.
small = os.path.join(dir_, 'small')
os.mkdir(small)
mounted = os.geteuid() == 0 and subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=3m', 'dw-test', small], capture_output=True).returncode == 0
if not mounted:
    skipped += 1
    print('SKIPPED  full disk: no right to mount a tmpfs; 1 part of this test did not run')
else:
    atexit.register(lambda: subprocess.run(['umount', '-l', small], capture_output=True))
    flood = os.path.join(dir_, 'flood')
    os.makedirs(flood)
    rng = random.Random(1)
    noise = []
    for k in range(2):
        noise += [b'%d-%d ' % (k, i) + rng.randbytes(150).hex().encode() for i in range(10000)]  # about 6 MB, 3 MB compressed
        with open(os.path.join(flood, f'{k}.log'), 'wb') as f:
            f.write(b''.join(x + b'\n' for x in noise[10000 * k:]))
    data = os.path.join(small, 'data')
    up = Up(data, [flood + '/*.log'])

    def full():
        s = os.statvfs(small)
        return s.f_bavail * s.f_frsize < 300000

    wait_for(full, 60, 'the disk to be full')
    # It says so, and lives or is started again; a writer on another disk goes on meanwhile.
    wait_for(lambda: 'space' in up.said() or 'no room' in up.said() or 'full' in up.said(), 60, f'a word about it:\n{up.said()[-800:]}')
    check(up.process.poll() is None, 'up is still there')
    subprocess.run(['mount', '-o', 'remount,size=40m', small], check=True)
    wait_for(lambda: count(data) >= len(noise) or up.process.poll() is not None, 40, f'all lines once there is room; there are {count(data)}', 0.5)
    same(up.stop(), 0, 'dogwatch up ends well after a full disk')
    texts = [e['event']['original'].encode() for e in query(data)]
    same(sorted(texts), sorted(noise), 'every line once after a full disk')
    same(ledger(data)[1]['unaccounted'], 0, 'nothing unaccounted after a full disk')
    check(dogwatch('archive', 'verify', '--data', data).startswith('ok'), 'archive verify after a full disk')
    check(not alarms(data), 'no false alarm after a full disk', alarms(data))
print(f'{sum(map(len, lines.values()))} lines in {len(lines)} files, {skipped} parts skipped')
finish(began)
