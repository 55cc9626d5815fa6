#!/usr/bin/env python3
"""Several collectors share a queue (kafka.share), over Apache Kafka: partitions come and go, a collector is killed, and the findings are those of one collector that has all of it.

Keys are of attackers that knock at several hosts, so that what counts for one key comes by several partitions."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
HOSTS, PARTITIONS, ROUNDS = 8, 6, 40 if LONG else 12
IDLE_S = 25
kafka = Kafka()
dir_ = scratch('share')
rng = random.Random(int(os.environ.get('DW_SEED', '5')))
rules = os.path.join(dir_, 'rules')
os.makedirs(rules)
open(os.path.join(rules, 'r.yml'), 'w').write('''
title: knock
id: knock
level: low
detection: {s: {event.original|contains: Failed}, condition: s}
---
title: opened
id: opened
level: low
detection: {s: {event.original|contains: Accepted}, condition: s}
---
title: many
id: many
level: high
correlation: {type: event_count, rules: [knock], group-by: [source.ip], timespan: 5m, condition: {gte: 8}, generate: true}
---
title: users
id: users
level: high
correlation: {type: value_count, rules: [knock], group-by: [source.ip], timespan: 5m, condition: {field: user.name, gte: 4}}
---
title: hosts
id: hosts
level: high
correlation: {type: value_count, rules: [knock], group-by: [source.ip], timespan: 2m, condition: {field: host.name, gte: 4}}
---
title: broke in
id: broke_in
level: critical
correlation: {type: temporal_ordered, rules: [many, opened], group-by: [source.ip], timespan: 5m}
''')
topics = ['run', 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', kafka.brokers]
kafka.run(*topics, '--create', '--topic', 'share', '--partitions', str(PARTITIONS))


def collector_of(name, group, share, topic='share', lateness='5s'):
    data = os.path.join(dir_, name)
    sets = ('transport=kafka', f'kafka.brokers={kafka.brokers}', f'kafka.topic={topic}', f'collector.kafka.group={group}', f'collector.kafka.share={"true" if share else "false"}',
            f'collector.rules=[{rules}]', f'collector.lateness={lateness}', f'collector.agent.idle_after={IDLE_S}s', 'collector.api.listen=',
            f'collector.match.workers={2 if share else 1}',  # who is alone matches alone, too
            'collector.kafka.options={session.timeout.ms: 6000, heartbeat.interval.ms: 500}')
    return data, live(configure(data, [os.path.join(dir_, 'none.log')], *sets)[1])


class Host:
    def __init__(self, n, topic='share', log=None):
        self.name, self.data, self.lines = f'host{n}', os.path.join(dir_, f'{topic}-agent{n}'), 0
        self.log = log or os.path.join(dir_, f'logs/host{n}/auth.log')
        if not log:
            os.makedirs(os.path.dirname(self.log))
            open(self.log, 'w').close()
        self.config = configure(self.data, [self.log], 'transport=kafka', f'kafka.brokers={kafka.brokers}', f'kafka.topic={topic}', f'agent.host.name={self.name}')[0]
        self.begin()

    def begin(self):
        self.process = start('dogwatch-agent', live(self.config), self.data + '.log')

    def again(self):
        """Ended well and begun anew, as in a rollout: for a moment nobody waits for it."""
        self.process.terminate()
        same(self.process.wait(60), 0, f'{self.name} ends well')
        self.begin()

    def knock(self, source, user, ok=False):
        self.lines += 1
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        with open(self.log, 'a') as f:
            f.write(f'{now} {self.name} sshd[{self.lines}]: {"Accepted" if ok else "Failed"} password for {user} from {source} port {self.lines} ssh2\n')


def raised(data, single=None):
    """What was raised and is no alarm of the collector's own: lines as they stand. `single`: only about one event, or only correlations."""
    path = os.path.join(data, 'alerts/alerts.log')
    lines = open(path).read().splitlines() if os.path.exists(path) else []
    found = [x for x in lines if x.startswith('{"type":"raised"') and not json.loads(x)['rule'].startswith('dogwatch.')]
    return {x for x in found if single is None or (json.loads(x)['rule'] in ('knock', 'opened')) == single}


def archived(*data):
    return len({x for d in data for x in event_ids(d)})


def running(name):
    return start('dogwatch-collector', config[name], os.path.join(dir_, name + '.log'))


def said(name):
    return open(os.path.join(dir_, name + '.log'), errors='replace').read()


def partitions(name):
    """How often partitions came to a collector so far."""
    return len(re.findall(r'partition \d+ is ours', said(name)))


def what(lines):
    """Findings without what hangs on the agents' keys: rule, key, window, numbers."""
    found = [json.loads(x)['finding'] for x in lines]
    return sorted(json.dumps([x['rule']['id'], x['key'], x['update'], x['window'], x['value'], x['total']]) for x in found)


config, data = {}, {}
for name, group, share in (('one', 'one', False), ('a', 'two', True), ('b', 'two', True)):
    data[name], config[name] = collector_of(name, group, share)
process = {name: running(name) for name in ('one', 'a')}
writers = hosts = [Host(n) for n in range(HOSTS)]
for name in ('one', 'a'):
    wait_for(lambda n=name: len(dogwatch('agents', '--data', data[n], '--output', 'ndjson').splitlines()) >= HOSTS, 90, lambda n=name: f'{name} to know all agents: {said(n)[-1500:]}')


def some_rounds(n):
    for _ in range(n):
        for host in hosts:
            attacker = rng.randrange(4)
            host.knock(f'203.0.113.{attacker}', f'user{rng.randrange(6)}', ok=attacker == 3 and rng.random() < 0.1)
        at = time.monotonic()
        wait_for(lambda: time.monotonic() - at > 0.15, 1, 'a moment')


def total():
    return sum(h.lines for h in writers)



def all_archived(*names):
    wait_for(lambda: archived(*(data[n] for n in names)) >= total(), 90, lambda: f'{total()} events, {archived(*(data[n] for n in names))} are here: {said(names[-1])[-1500:]}', 0.3)


some_rounds(ROUNDS)
all_archived('a')
process['b'] = running('b')  # some partitions change hands
wait_for(lambda: partitions('b') > 0, 90, lambda: 'partitions for b: ' + said('b')[-1500:])
some_rounds(ROUNDS)
for host in hosts:
    host.again()
some_rounds(ROUNDS)
all_archived('a', 'b')
check(archived(data['b']) > 0, 'the second collector archives a part of it')
process['a'].kill()  # its partitions go to the other, which goes on from what is known of them
process['a'].wait()
some_rounds(ROUNDS)
wait_for(lambda: partitions('b') >= PARTITIONS, 90, lambda: 'all partitions for b: ' + said('b')[-1500:])
all_archived('a', 'b')
process['a'] = running('a')  # and comes back
taken = partitions('a')
wait_for(lambda: partitions('a') > taken, 90, lambda: 'partitions for a again: ' + said('a')[-1500:])
some_rounds(ROUNDS)
all_archived('a', 'b')
all_archived('one')
for host in hosts:  # nobody is waited for any more once they are decided to be idle: then all comes to its end
    host.process.kill()
    host.process.wait()
wait_for(lambda: len([1 for x in alerts(data['one']) if x['rule']['id'] == 'dogwatch.agent.unheard']) == HOSTS, IDLE_S + 60, 'all agents to be idle')
wanted = raised(data['one'], single=False)
check(len(wanted) > 8 and {json.loads(x)['rule'] for x in wanted} == {'many', 'users', 'hosts', 'broke_in'}, 'one collector finds what there is', len(wanted))
for name in ('a', 'b'):
    wait_for(lambda n=name: raised(data[n], single=False) >= wanted, IDLE_S + 90, lambda n=name: f'{name}: {len(raised(data[n], single=False))} findings of {len(wanted)}: {said(n)[-1500:]}', 0.5)
for name in process:
    process[name].terminate()
    same(process[name].wait(60), 0, f'{name} ends well')
for name in ('a', 'b'):
    same(raised(data[name], single=False), wanted, f'{name}: findings of correlations, byte for byte those of one collector')
both = raised(data['a'], single=True) | raised(data['b'], single=True)
same({json.loads(x)['finding']['event']['id'] if 'event' in json.loads(x)['finding'] else x for x in both},
     {json.loads(x)['finding']['event']['id'] if 'event' in json.loads(x)['finding'] else x for x in raised(data['one'], single=True)}, 'findings about one event')
for name in ('a', 'b'):
    alarm = alarms(data[name])
    check(set(alarm) <= {'dogwatch.agent.unheard'}, f'{name}: nothing is missing, and nothing came twice', alarm)
    log = {x.encode() for x in raised(data[name])}
    again = subprocess.run([DOGWATCH, 'replay', '--data', data[name], '--output', 'ndjson'], capture_output=True)
    got = {x for x in again.stdout.splitlines() if not json.loads(x)['rule'].startswith('dogwatch.')}
    same(got, log, f'{name}: a replay of its archive alone')
    dogwatch('archive', 'verify', '--data', data[name])
    ids = event_ids(data[name])
    same(len(ids), len(set(ids)), f'{name}: no event is there twice')
    check(said(name).count('ILLEGAL_GENERATION') <= 1, f'{name}: what it gives up costs it nothing else', said(name)[-1000:])  # one commit may be on its way when its generation ends

# ---- files that were there before: three partitions and two collectors that are killed, beside one partition and one ----
FILES = 4
base = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
logs = []
for n in range(FILES):
    logs.append(os.path.join(dir_, f'before/host{n}/auth.log'))
    os.makedirs(os.path.dirname(logs[n]))
    with open(logs[n], 'w') as f:
        for i in range(400):
            at = (base + datetime.timedelta(seconds=3 * i + rng.random())).isoformat()
            attacker = rng.randrange(12)
            f.write(f'{at} host{n} sshd[{i}]: {"Accepted" if attacker > 9 and rng.random() < 0.1 else "Failed"} password for user{rng.randrange(6)} from 203.0.113.{attacker} port {i} ssh2\n')
for topic, count_ in (('three', 3), ('single', 1)):
    kafka.run(*topics, '--create', '--topic', topic, '--partitions', str(count_))
for name, topic, share in (('single', 'single', False), ('c', 'three', True), ('d', 'three', True)):
    data[name], config[name] = collector_of(name, topic, share, topic, '3h')
process = {name: running(name) for name in ('single', 'c', 'd')}
for name in ('c', 'd'):
    wait_for(lambda n=name: partitions(n) > 0 or n == 'd' and partitions('c') >= 3, 90, lambda n=name: f'partitions for {n}: {said(n)[-1500:]}')
hosts = [Host(n, topic, logs[n]) for topic in ('three', 'single') for n in range(FILES)]
for name in ('c', 'd', 'c'):
    had = archived(data['c'], data['d'])
    wait_for(lambda: archived(data['c'], data['d']) > had or had >= 400 * FILES, 60, 'some of it')
    process[name].kill()
    process[name].wait()
    process[name] = running(name)
for names in (('c', 'd'), ('single',)):
    wait_for(lambda: archived(*(data[n] for n in names)) >= 400 * FILES, 120, lambda: f'{archived(*(data[n] for n in names))} of {400 * FILES}: {said(names[0])[-1500:]}', 0.3)
for host in hosts:
    host.process.kill()
    host.process.wait()
wait_for(lambda: len([1 for x in alerts(data['single']) if x['rule']['id'] == 'dogwatch.agent.unheard']) == FILES, IDLE_S + 60, 'all agents to be idle')
before = raised(data['single'], single=False)
check(len(before) > 20, 'there is something to find in the files', len(before))
for name in ('c', 'd'):
    wait_for(lambda n=name: len(raised(data[n], single=False)) >= len(before), IDLE_S + 120, lambda n=name: '\n'.join(
        f'{x}: {len(raised(data[x], single=False))} findings of {len(before)}, {alarms(data[x])}: {said(x)[-1500:]}' for x in ('c', 'd')), 0.5)
    same(what(raised(data[name], single=False)), what(before), f'{name}: findings are those of one partition')
same(raised(data['c'], single=False), raised(data['d'], single=False), 'both have them byte for byte')
for name in process:
    process[name].terminate()
    same(process[name].wait(60), 0, f'{name} ends well')
print(f'{400 * FILES} lines that were there before, {len(before)} findings of correlations')
print(f'{total()} lines, {len(wanted)} findings of correlations, {len(both)} about one event; a took partitions {partitions("a")} times, b {partitions("b")} times')
finish(began)
