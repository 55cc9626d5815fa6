#!/usr/bin/env python3
"""What is done to the queue between agent and collector is named, each by its rule, and the rest arrives all the same."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
LINES = 100000 if LONG else 10000
dir_ = scratch('tamper')


# One agent's run is the pattern of all cases.
logs = os.path.join(dir_, 'logs')
traffic = Traffic(logs, LINES, seed=3, inside=False)
while traffic.run(1000):
    pass
pattern = os.path.join(dir_, 'pattern')
agent, _ = configure(pattern, traffic.globs, 'agent.read.chunk=16KiB', 'agent.flush.interval=1ms')
run('dogwatch-agent', agent)
queue = os.listdir(os.path.join(pattern, 'queue'))
FRAMES = frames_of(os.path.join(pattern, 'queue'))
EVENTS = [i for i, f in enumerate(FRAMES) if f.kind == 1]
check(len(EVENTS) > 8, 'the agent left enough frames', (len(EVENTS), len(FRAMES)))
same(sum(len(f.text().splitlines()) for f in FRAMES if f.kind == 1), LINES, 'all lines are in the queue')
MID = next(i for i in EVENTS[len(EVENTS) // 2:] if i + 1 in EVENTS and not FRAMES[i].signed and not FRAMES[i + 1].signed)


def case(name, frames, expected, missing=0, allowed=()):
    """The collector over these frames: the expected rules and no others, all lines but those that are missing."""
    data = os.path.join(dir_, name)
    shutil.copytree(pattern, data)
    _, collector = configure(data, traffic.globs)
    for old in os.listdir(os.path.join(data, 'queue')):
        os.unlink(os.path.join(data, 'queue', old))
    with open(os.path.join(data, 'queue', sorted(queue)[0]), 'wb') as f:
        f.write(b''.join(x.data for x in frames))
    until_idle(name, collector, os.path.join(dir_, name + '.log'))
    judge(name, data, collector, LINES - missing, expected, allowed)
    return data


def lines_in(i):
    return len(FRAMES[i].text().splitlines())


case('untouched', FRAMES, [])
case('removed', FRAMES[:MID] + FRAMES[MID + 1:], ['dogwatch.chain.hole'], lines_in(MID), ['dogwatch.bytes.gap'])
case('swapped', FRAMES[:MID] + [FRAMES[MID + 1], FRAMES[MID]] + FRAMES[MID + 2:], ['dogwatch.chain.reordered'], 0, ['dogwatch.chain.hole'])
line = FRAMES[MID].text()
edited = line[:10] + (b'X' if line[10:11] != b'X' else b'Y') + line[11:]
case('edited', FRAMES[:MID] + [FRAMES[MID].with_text(edited, False)] + FRAMES[MID + 1:], ['dogwatch.frame.invalid'],
     lines_in(MID), ['dogwatch.chain.hole', 'dogwatch.bytes.gap'])
case('forged', FRAMES[:MID] + [FRAMES[MID].with_text(edited, True)] + FRAMES[MID + 1:], ['dogwatch.chain.broken'])
case('again', FRAMES[:MID + 1] + [FRAMES[MID]] + FRAMES[MID + 1:], ['dogwatch.chain.replayed'])
case('other-epoch', FRAMES[:-1] + [FRAMES[MID].put(24, struct.pack('<Q', 77)).put(48, bytes(8))] + FRAMES[-1:], ['dogwatch.epoch.headless'],
     0, ['dogwatch.chain.hole', 'dogwatch.chain.broken'])
flipped = bytearray(FRAMES[MID].data)
flipped[len(flipped) // 2] ^= 1
case('flipped', FRAMES[:MID] + [Frame(bytes(flipped))] + FRAMES[MID + 1:], ['dogwatch.frame.invalid'], lines_in(MID),
     ['dogwatch.chain.hole', 'dogwatch.bytes.gap'])
signed = next(i for i in range(len(FRAMES) - 1, 0, -1) if FRAMES[i].signed)
broken = bytearray(FRAMES[signed].data)
broken[8 + 232] ^= 1
data = case('signature', FRAMES[:signed] + [Frame(bytes(broken))] + FRAMES[signed + 1:], ['dogwatch.frame.signature'], 0, ['dogwatch.epoch.headless'])
junk = b'this is no frame at all\n' * 40
case('junk', FRAMES[:MID] + [Frame(junk)] + FRAMES[MID:], ['dogwatch.queue.junk'])

# The end of an epoch, and the state of the agent.
def next_run(name):
    """The frames of another start of the agent from the pattern's state."""
    data = os.path.join(dir_, name)
    shutil.copytree(pattern, data)
    for old in os.listdir(os.path.join(data, 'queue')):
        os.unlink(os.path.join(data, 'queue', old))
    run('dogwatch-agent', configure(data, traffic.globs)[0])
    return frames_of(os.path.join(data, 'queue'))


second, clone = next_run('second'), next_run('clone')
check(second and clone and not any(f.kind == 1 for f in second + clone), 'further starts send no line again')
case('two-starts', FRAMES + second, [])
case('tail', FRAMES[:-1] + second, ['dogwatch.epoch.tail_missing'])
case('cloned', FRAMES + second + clone, ['dogwatch.epoch.rolled_back'])

# All frames since a start of the agent deleted: the next start names the last of them.
data = case('epoch-gone', second, ['dogwatch.epoch.tail_missing'], LINES, ['dogwatch.bytes.gap'])
missing = [a for a in alerts(data) if a['rule']['id'] == 'dogwatch.epoch.tail_missing']
check(f'epoch 1: frames 0 to {len(FRAMES) - 1} were durable and are not here' in missing[0]['message'], 'epoch-gone: epoch and frames are named', missing)
r = subprocess.run([DOGWATCH, 'archive', 'verify', '--data', data], capture_output=True, text=True)
check(r.returncode == 1 and f'epoch 1 was before it, and none of its frames 0 to {len(FRAMES) - 1} is here' in r.stdout, 'epoch-gone: archive verify names it', r.stdout)

# A whole file unlinked while the agent was down.
gone = os.path.join(dir_, 'gone-logs')
two = [os.path.join(gone, name) for name in ('stays.log', 'goes.log')]
os.makedirs(gone)
for path in two:
    with open(path, 'w') as f:
        f.writelines(f'{os.path.basename(path)} line {i}\n' for i in range(1000))
data = os.path.join(dir_, 'gone')
agent, collector = configure(data, [gone + '/*.log'])
p = start('dogwatch-agent', live(agent))


def queued():
    try:
        return sum(len(f.text().splitlines()) for f in frames_of(os.path.join(data, 'queue')) if f.kind == 1)
    except (OSError, dwcat.Bad, struct.error):
        return 0  # a frame is being written


wait_for(lambda: queued() == 2000, 20, 'both files in the queue')
p.kill()
p.wait()
for path in two:
    with open(path, 'a') as f:
        f.writelines(f'{os.path.basename(path)} later {i}\n' for i in range(500))
os.unlink(two[1])
run('dogwatch-agent', agent)
run('dogwatch-collector', collector)
same(set(alarms(data)), {'dogwatch.stream.lost'}, 'the unlinked file is named, and nothing else')
same(alarms(data).get('dogwatch.stream.lost'), 1, 'once')
check(any('goes.log' in json.dumps(a) for a in alerts(data) if a['rule']['id'] == 'dogwatch.stream.lost'), 'by its path', [a for a in alerts(data)][:2])
same(len({e['event']['id'] for e in query(data)}), 2500, 'what was read of it, and the other file whole')
check(any(r['state'] == 'lost' and r['file'].endswith('goes.log') for r in ledger(data)[0]), 'the ledger says lost')


# The archive and the queue between two runs of the collector.
def archived(name):
    """All lines archived by a collector that was stopped before it sealed; its open segment."""
    data = os.path.join(dir_, name)
    shutil.copytree(pattern, data)
    _, collector = configure(data, traffic.globs)
    p = start('dogwatch-collector', live(collector))
    opened = os.path.join(data, 'archive/seg-00000001.open')
    wait_for(lambda: os.path.exists(opened) and count(data) == LINES, 30, 'all lines in the archive')
    p.terminate()
    same(p.wait(20), 0, f'{name}: the collector stops')
    return data, collector, opened


def said(*args):
    """Code, stdout, stderr of a command that must end by itself."""
    r = subprocess.run([DOGWATCH, *args], capture_output=True, timeout=30, text=True)
    return r.returncode, r.stdout, r.stderr


def refused(name, collector, what):
    """The collector does not start, says why, and leaves every file of the archive as it is."""
    archive = os.path.join(dir_, name, 'archive')
    before = {f: open(os.path.join(archive, f), 'rb').read() for f in os.listdir(archive) if f not in ('rejected', 'rules')}
    r = subprocess.run([os.path.join(BUILD, 'dogwatch-collector'), '--config', collector], capture_output=True, timeout=30, text=True)
    check(r.returncode == 3 and what in r.stderr, f'{name}: the start is refused', (r.returncode, r.stderr))
    same({f: open(os.path.join(archive, f), 'rb').read() for f in os.listdir(archive) if f not in ('rejected', 'rules')}, before, f'{name}: nothing is touched')


data, collector, opened = archived('bit')
whole = bytearray(open(opened, 'rb').read())
at = whole.index(FRAMES[MID].data) + len(FRAMES[MID].data) // 2
whole[at] ^= 1
open(opened, 'wb').write(whole)
run('dogwatch-collector', collector)
check('dogwatch.archive.damaged' in alarms(data), 'bit: named by dogwatch.archive.damaged', alarms(data))
check(LINES - lines_in(MID) <= len({e['event']['id'] for e in ndjson(said('query', '*', '--data', data, '--output', 'ndjson')[1])}) <= LINES, 'bit: every other frame is read')
code, out, _ = said('archive', 'verify', '--data', data)
check(code == 1 and 'seg-00000001.open' in out, 'bit: archive verify still names the frame', out)

data, collector, opened = archived('unreadable')
os.rename(opened, opened + '.gone')
os.mkdir(opened)
for command in (['query', '*'], ['ledger'], ['archive', 'verify']):
    code, out, err = said(*command, '--data', data)
    check(code == 1 or command == ['ledger'], f'unreadable: {command} ends and says no', code)
    same((out + err).count('seg-00000001.open'), 1, f'unreadable: {command} says it once')
os.rmdir(opened)
os.rename(opened + '.gone', opened)
run('dogwatch-collector', collector)
same(len(query(data)), LINES, 'unreadable: all is back when the file is')

manifest = os.path.join(data, 'archive/MANIFEST')
text = open(manifest, 'rb').read()
os.unlink(manifest)
refused('unreadable', collector, 'MANIFEST is missing')
open(manifest, 'wb').write(text.splitlines(True)[0])
refused('unreadable', collector, 'older than the archive')
open(manifest, 'wb').write(text)

data, collector, _ = archived('queue-removed')
shutil.rmtree(os.path.join(data, 'queue'))
with open(os.path.join(dir_, 'more.log'), 'w') as f:
    f.writelines(f'more {i}\n' for i in range(20))
agent, _ = configure(data, [*traffic.globs, os.path.join(dir_, 'more.log')])
run('dogwatch-agent', agent)
run('dogwatch-collector', collector)
check('dogwatch.queue.replaced' in alarms(data), 'queue-removed: named', alarms(data))
same(len({e['event']['id'] for e in query(data)}), LINES + 20, 'queue-removed: the new lines are there')
print(f'{len(FRAMES)} frames, {LINES} lines')
finish(began)
