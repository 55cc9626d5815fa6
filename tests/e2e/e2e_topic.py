#!/usr/bin/env python3
"""What is done to the topic between agent and collector is named, each by its rule, nothing stops the rest, and nothing is told that was not."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
LINES = 40000 if LONG else 10000
if not shutil.which('kcat'):
    print('SKIPPED  kcat is not here: raw records cannot be written to a topic')
    sys.exit(0)
os.environ['DW_KAFKA_AUTO_CREATE'] = 'true'  # raw records make their topics
kafka = Kafka()
dir_ = scratch('topic')
IDLE = 'collector.agent.idle_after=5s'  # bounds a run over a chain whose end is missing
SMALL = ('agent.read.chunk=16KiB', 'agent.flush.interval=1ms', IDLE)


def over(topic, *sets):
    return (*sets, 'transport=kafka', f'kafka.brokers={kafka.brokers}', f'kafka.topic={topic}', f'collector.kafka.group={topic}')


def kcat(*args, data=None):
    r = subprocess.run(['kcat', '-b', kafka.brokers, '-q', *args], input=data, capture_output=True, timeout=60)
    check(r.returncode == 0, f'kcat {args[:4]}', r.stderr)
    return r.stdout


def produce(topic, records, key='raw', *more):
    """Each as a record, byte for byte, in order, in one partition."""
    folder = tempfile.mkdtemp(dir=dir_)
    paths = [os.path.join(folder, f'{i:06}') for i in range(len(records))]
    for path, data in zip(paths, records):
        open(path, 'wb').write(data.data if isinstance(data, Frame) else data)
    for at in range(0, len(paths), 500):
        kcat('-P', '-t', topic, '-p', '0', '-k', key, *more, *paths[at:at + 500])
    shutil.rmtree(folder)


def consume(topic):
    """The frames of a topic's first partition."""
    return frames_in(kcat('-C', '-t', topic, '-p', '0', '-o', 'beginning', '-e', '-D', ''))


def tool(name, *args, text=None):
    more = []
    if text:
        path = os.path.join(dir_, 'tool.json')
        open(path, 'w').write(text)
        more = [path]
    return kafka.run('run', name, '--bootstrap-server', kafka.brokers, *args, *more)


def topics(*args):
    return tool('org.apache.kafka.tools.TopicCommand', *args)


def topic_id(topic):
    """None: there is no such topic, as between its deletion and its making."""
    try:
        return topics('--describe', '--topic', topic).split('TopicId:')[1].split()[0]
    except AssertionError:
        return None


def delete_topic(topic):
    topics('--delete', '--topic', topic)
    wait_for(lambda: topic not in topics('--list').split(), 30, f'topic {topic} to be gone')


def delete_records(topic, before):
    tool('org.apache.kafka.tools.DeleteRecordsCommand', '--offset-json-file',
         text=json.dumps({'version': 1, 'partitions': [{'topic': topic, 'partition': 0, 'offset': before}]}))


def write(path, lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'a') as f:
        f.writelines(line + '\n' for line in lines)


def ended(p, seconds=40):
    try:
        return p.wait(seconds)
    except subprocess.TimeoutExpired:
        return f'does not end within {seconds} s'


def numbered(word, n):
    return [f'{word} {i}' for i in range(n)]


# One agent's run is the pattern of the cases: its records, copied into topics of their own.
traffic = Traffic(os.path.join(dir_, 'logs'), LINES, seed=5, inside=False)
while traffic.run(1000):
    pass
topics('--create', '--topic', 'pattern', '--partitions', '1')
pattern = os.path.join(dir_, 'pattern')
run('dogwatch-agent', configure(pattern, traffic.globs, *over('pattern', *SMALL))[0])
FRAMES = consume('pattern')
EVENTS = [i for i, f in enumerate(FRAMES) if f.kind == 1]
check(len(EVENTS) > 8, 'the agent left enough frames', (len(EVENTS), len(FRAMES)))
same(sum(len(f.text().splitlines()) for f in FRAMES if f.kind == 1), LINES, 'all lines are in the topic')
MID = next(i for i in EVENTS[len(EVENTS) // 2:] if i + 1 in EVENTS and not FRAMES[i].signed and not FRAMES[i + 1].signed)


def lines_in(*numbers):
    return sum(len(FRAMES[i].text().splitlines()) for i in numbers if FRAMES[i].kind == 1)


def collected(name, lines, expected, allowed=(), globs=()):
    """The collector over a topic: judged, and by a second start that takes nothing twice."""
    data = os.path.join(dir_, name)
    _, collector = configure(data, globs or traffic.globs, *over(name, *SMALL))
    log = os.path.join(dir_, name + '.log')
    until_idle(name, collector, log)
    judge(name, data, collector, lines, expected, allowed)
    check('Sanitizer' not in open(log, errors='replace').read(), f'{name}: no sanitizer speaks', open(log, errors='replace').read()[-3000:])
    return data


def case(name, records, expected, missing=0, allowed=()):
    produce(name, records)
    return collected(name, LINES - missing, expected, allowed)


def copied():
    case('untouched', FRAMES, [])
    case('removed', FRAMES[:MID] + FRAMES[MID + 1:], ['dogwatch.chain.hole'], lines_in(MID), ['dogwatch.bytes.gap'])
    case('swapped', FRAMES[:MID] + [FRAMES[MID + 1], FRAMES[MID]] + FRAMES[MID + 2:], ['dogwatch.chain.reordered'], 0, ['dogwatch.chain.hole'])
    line = FRAMES[MID].text()
    edited = line[:10] + (b'X' if line[10:11] != b'X' else b'Y') + line[11:]
    case('edited', FRAMES[:MID] + [FRAMES[MID].with_text(edited, False)] + FRAMES[MID + 1:], ['dogwatch.frame.invalid'], lines_in(MID),
         ['dogwatch.chain.hole', 'dogwatch.bytes.gap'])
    case('forged', FRAMES[:MID] + [FRAMES[MID].with_text(edited, True)] + FRAMES[MID + 1:], ['dogwatch.chain.broken'])
    case('again', FRAMES[:MID + 1] + [FRAMES[MID]] + FRAMES[MID + 1:], ['dogwatch.chain.replayed'])
    case('other-epoch', FRAMES[:-1] + [FRAMES[MID].put(24, struct.pack('<Q', 77)).put(48, bytes(8))] + FRAMES[-1:],
         ['dogwatch.epoch.headless'], 0, ['dogwatch.chain.hole', 'dogwatch.chain.broken'])
    case('first-edited', [FRAMES[EVENTS[0]].with_text(b'x\n', False)] + FRAMES, ['dogwatch.frame.invalid'])


def junk():
    """Junk at the beginning, inside and at the end; what was set aside is not taken for a frame, nor again at the next start."""
    text = [b'plain text %d, of a shipper that has the wrong topic' % i for i in range(5)]
    odd = [b'\0' * 100, FRAMES[MID].data[:-7], FRAMES[MID].data + b'behind', bytes(range(256)) * 3000]
    produce('junk', text[:2])
    kcat('-P', '-t', 'junk', '-p', '0', '-Z', '-K', ':', data=b'key:\n')  # a record without a value
    produce('junk', FRAMES[:MID] + odd + FRAMES[MID:])
    produce('junk', text[2:])
    data = collected('junk', LINES, ['dogwatch.queue.junk'], ['dogwatch.frame.invalid'])
    set_aside = len(text) + len(odd) + 1
    same(len(os.listdir(os.path.join(data, 'archive/rejected'))), set_aside, 'junk: each is kept')
    named = [a for a in alerts(data) if a['rule']['id'] in ('dogwatch.queue.junk', 'dogwatch.frame.invalid')]
    same(len(named), set_aside, 'junk: each is named once')
    check(all('of partition 0 were set aside' in a['message'] for a in named), 'junk: with its partition', named[:2])
    produce('junk-only', text)
    collector = live(configure(os.path.join(dir_, 'junk-only'), [], *over('junk-only'))[1])
    for k in range(2):
        log = os.path.join(dir_, f'junk-only-{k}.log')
        p = start('dogwatch-collector', collector, log)
        wait_for(lambda: 'partition 0 is ours' in open(log).read(), 20, 'the partition')
        wait_for(lambda: k or alarms(os.path.join(dir_, 'junk-only')).get('dogwatch.queue.junk') == 5, 20, 'five alerts')
        if k:
            produce('junk-only', [b'one more'])
            wait_for(lambda: alarms(os.path.join(dir_, 'junk-only')).get('dogwatch.queue.junk') == 6, 20, 'one more')
            same(open(log).read().count('are no valid frame'), 1, 'junk-only: what was set aside is not taken again')
        p.terminate()
        same(p.wait(20), 0, 'junk-only: the collector stops')
    same(set(alarms(os.path.join(dir_, 'junk-only'))), {'dogwatch.queue.junk'}, 'junk-only: and nothing else is named')


def agents_state():
    """Two agents with one key; and an agent whose state was put back."""
    for name in ('clone', 'rolled-back'):
        a, b = os.path.join(dir_, name), os.path.join(dir_, name + '-b')
        log_a, log_b = (os.path.join(dir_, name + '-logs', x + '.log') for x in 'ab')
        topics('--create', '--topic', name, '--partitions', '2')
        write(log_a, numbered('first', 200))
        write(log_b, [])
        agent_a, _ = configure(a, [log_a], *over(name, *SMALL))
        run('dogwatch-agent', agent_a)
        shutil.copytree(os.path.join(a, 'agent'), os.path.join(b, 'agent'))
        write(log_a, numbered('second', 200))
        if name == 'clone':
            write(log_b, numbered('other', 200))
            both = [start('dogwatch-agent', agent_a), start('dogwatch-agent', configure(b, [log_b], *over(name, *SMALL))[0])]
            same([p.wait(60) for p in both], [0, 0], 'clone: both agents end well')
        else:
            run('dogwatch-agent', agent_a)
            shutil.rmtree(os.path.join(a, 'agent'))
            shutil.copytree(os.path.join(b, 'agent'), os.path.join(a, 'agent'))
            write(log_a, numbered('third', 200))
            run('dogwatch-agent', agent_a)
        collected(name, 600, ['dogwatch.epoch.rolled_back'], globs=[log_a])


def recreated():
    """The topic was made anew: between two runs with fewer and with more records than were taken, and while both programs run."""
    for name in ('fewer', 'more'):
        data, log = os.path.join(dir_, name), os.path.join(dir_, name + '-logs/a.log')
        topics('--create', '--topic', name, '--partitions', '1')
        write(log, numbered('old', 300))
        agent, collector = configure(data, [log], *over(name, *SMALL))
        run('dogwatch-agent', agent)
        write(log, numbered('older', 100))
        run('dogwatch-agent', agent)
        until_idle(name, collector, os.path.join(dir_, name + '.log'))
        same(len(query(data)), 400, f'{name}: what stood in the old topic')
        taken = len(consume(name))
        delete_topic(name)
        topics('--create', '--topic', name, '--partitions', '1')
        for k in range(1 if name == 'fewer' else 4):
            write(log, numbered(f'new {k}', 100))
            run('dogwatch-agent', agent)
        now = len(consume(name))
        check(now < taken if name == 'fewer' else now > taken, f'{name}: records', (now, taken))
        collected(name, 400 + (100 if name == 'fewer' else 400), ['dogwatch.queue.replaced'], globs=[log])
    recreated_alive('alive')
    recreated_alive('alive-at-once')


def recreated_alive(name):
    """While the collector runs; `at-once`: and the agent, whose question makes the topic again before anybody sees that it is gone."""
    data, log, said = os.path.join(dir_, name), os.path.join(dir_, name + '-logs/a.log'), os.path.join(dir_, name + '.log')
    topics('--create', '--topic', name, '--partitions', '1')
    write(log, numbered('old', 300))
    agent, collector = configure(data, [log], *over(name, *SMALL))
    p = start('dogwatch-collector', live(collector), said)
    a = start('dogwatch-agent', live(agent), said) if name == 'alive-at-once' else None
    if not a:
        run('dogwatch-agent', agent)
    wait_for(lambda: count(data) == 300, 30, 'the lines of the old topic')
    before = topic_id(name)
    if a:
        topics('--delete', '--topic', name)
        wait_for(lambda: topic_id(name) not in (None, before), 30, 'the topic to be another')
    else:
        delete_topic(name)
        topics('--create', '--topic', name, '--partitions', '1')
    write(log, numbered('new', 300))
    if not a:
        run('dogwatch-agent', agent)
    wait_for(lambda: count(data) >= 600 or p.poll() is not None, 90,
             lambda: f'the lines of the new topic, {count(data)} are there:\n{open(said).read()[-2500:]}', 0.3)
    for x in filter(None, (a, p)):
        x.terminate()
        same(ended(x), 0, f'{name}: both end well')
    same(alarms(data).get('dogwatch.queue.replaced'), 1, f'{name}: the new topic is named')
    check(set(alarms(data)) <= {'dogwatch.queue.replaced', 'dogwatch.chain.hole', 'dogwatch.bytes.gap', 'dogwatch.epoch.tail_missing'},
          f'{name}: and nothing but what went with the old one', alarms(data))


def expired():
    """Records that the brokers let go before they were taken: by a collector that knew the topic, and by its first."""
    for name in ('expired', 'expired-first'):
        data, log = os.path.join(dir_, name), os.path.join(dir_, name + '-logs/a.log')
        topics('--create', '--topic', name, '--partitions', '1')
        agent, collector = configure(data, [log], *over(name, *SMALL))
        write(log, numbered('kept', 100))
        run('dogwatch-agent', agent)
        if name == 'expired':
            until_idle(name, collector, os.path.join(dir_, name + '.log'))
        write(log, numbered('gone', 100))
        run('dogwatch-agent', agent)
        gone = len(consume(name))
        delete_records(name, gone)
        write(log, numbered('later', 100))
        run('dogwatch-agent', agent)
        known = name == 'expired'
        collected(name, 200 if known else 100, ['dogwatch.queue.expired'],
                  ['dogwatch.bytes.gap', 'dogwatch.epoch.tail_missing', 'dogwatch.chain.hole'], globs=[log])
        said = [a['message'] for a in alerts(data) if a['rule']['id'] == 'dogwatch.queue.expired']
        same(len(said), 1, f'{name}: once')
        check('partition 0: ' in said[0] and 'let go by the brokers' in said[0], f'{name}: with partition and count', said)
        rules = alarms(data)
        check('dogwatch.bytes.gap' in rules or 'dogwatch.epoch.tail_missing' in rules, f'{name}: what was in them too', rules)
        before = alarms(data)
        delete_records(name, len(consume(name)) + gone)  # all is taken, and all is let go: that is how it should be
        write(log, numbered('last', 100))
        run('dogwatch-agent', agent)
        until_idle(name, collector, os.path.join(dir_, name + '.log'))
        same(alarms(data), before, f'{name}: what was taken may be let go')
        same(len(query(data)), 300 if known else 200, f'{name}: the rest arrives')


def shared():
    """Two collectors of one group: each has a part of the topic, and says so."""
    topics('--create', '--topic', 'shared', '--partitions', '2')
    data, running = [os.path.join(dir_, f'shared-{x}') for x in 'ab'], []
    for d in data:
        collector = configure(d, [os.path.join(dir_, 'none.log')], *over('shared'))[1]
        running.append(start('dogwatch-collector', live(collector), d + '.log'))
    for d in data:
        wait_for(lambda d=d: 'are read by other collectors' in open(d + '.log').read() and 'dogwatch.queue.shared' in alarms(d), 60, lambda d=d: open(d + '.log').read()[-2000:])
        same(alarms(d), {'dogwatch.queue.shared': 1}, 'shared: it says so, once')
    for p in running:
        p.terminate()
        same(ended(p), 0, 'shared: both end well')


for part in (copied, junk, agents_state, recreated, expired, shared):
    if os.environ.get('DW_PART', part.__name__) != part.__name__:
        continue  # one part, while it is worked on
    at = time.monotonic()
    part()
    print(f'{part.__name__}: {time.monotonic() - at:.1f} s', flush=True)
print(f'{len(FRAMES)} frames, {LINES} lines')
finish(began)
