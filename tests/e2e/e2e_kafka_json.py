#!/usr/bin/env python3
"""Records of other shippers: over Apache Kafka into events, an alert with its evidence, through a kill, each once; junk is named."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
if not shutil.which('kcat'):
    print('SKIPPED  kcat is not here: raw records cannot be written to a topic')
    sys.exit(0)
kafka = Kafka()
dir_ = scratch('json')
FIXTURES = os.path.join(ROOT, 'tests/fixtures/shippers')
SHIPPERS = ('fluent_bit', 'vector', 'filebeat')


def records(name):
    return [line for line in open(os.path.join(FIXTURES, name + '.ndjson'), 'rb').read().split(b'\n') if line]


def produce(topic, partition, lines):
    r = subprocess.run(['kcat', '-b', kafka.brokers, '-q', '-P', '-t', topic, '-p', str(partition)], input=b''.join(x + b'\n' for x in lines),
                       capture_output=True, timeout=60)
    check(r.returncode == 0, 'kcat', r.stderr)


def produce_whole(topic, partition, record):
    path = os.path.join(dir_, 'record')
    open(path, 'wb').write(record)
    r = subprocess.run(['kcat', '-b', kafka.brokers, '-q', '-P', '-t', topic, '-p', str(partition), path], capture_output=True, timeout=60)
    check(r.returncode == 0, 'kcat', r.stderr)


def configured(name):
    data = os.path.join(dir_, name)
    _, collector = configure(data, [], f'collector.kafka.brokers={kafka.brokers}', f'collector.kafka.json_topic={name}', f'collector.kafka.group={name}', 'collector.kafka.partitions=2')
    return data, live(collector)


def shapes():
    """What each shipper knows becomes ECS, and the line inside is parsed as an agent's would be."""
    data, collector = configured('shapes')
    kafka.run('topic', 'shapes', '2')
    all_ = [r for s in SHIPPERS for r in records(s)]
    for i, s in enumerate(SHIPPERS):
        produce('shapes', i % 2, records(s))
    log = os.path.join(dir_, 'shapes.log')
    p = start('dogwatch-collector', collector, log)
    wait_for(lambda: count(data) == len(all_), 60, lambda: f'{len(all_)} events: {count(data)} {open(log).read()[-1500:]}')
    events = query(data)
    same(sorted(e['event']['original'] for e in events), sorted(r.decode() for r in all_), 'each record is a line, as it was')
    same(len({e['event']['id'] for e in events}), len(all_), 'each with an id of its own')

    def one(filter_):
        found = query(data, filter_)
        check(len(found) == 1, f'{filter_}: one event', len(found))
        return found[0] if found else {}

    def holds(filter_, **want):
        event = one(filter_)
        for path, value in want.items():
            at = event
            for key in path.split('__'):
                at = at.get(key, {}) if isinstance(at, dict) else {}
            same(at, value, f'{filter_}: {path}')

    holds('url.path:/items', source__ip='203.0.113.9', event__dataset='nginx.access', http__response__status_code=200, kubernetes__pod__name='web-0',
          orchestrator__namespace='shop', container__name='nginx', container__image__name='nginx:1.27', host__name='node-7')
    holds('container.id:cd34cd34', url__path='/index.html', container__name='/web')
    holds('log.file.path:/var/log/app.log', message='plain words of a program')
    holds('url.path:/login and user_agent.original:"curl/8.4"', source__ip='203.0.113.8', http__response__status_code=403)
    holds('process.name:cron', process__pid=812, host__name='node-8')
    holds('log.file.path:/var/log/auth.log', event__dataset='system.auth', event__outcome='failure', source__ip='203.0.113.9', user__name='root', host__name='node-8')
    holds('container.id:ef56ef56', event__dataset='postgresql.log', container__image__name='postgres:16')
    holds('kubernetes.pod.name:api-1', orchestrator__namespace='shop', host__name='node-9', log__level='error')
    holds('log.file.path:/var/log/nginx/access.log', source__ip='203.0.113.6', user__name='bob', host__name='node-4', event__dataset='nginx.access')
    holds('log.file.path:/var/log/nginx/error.log', event__dataset='nginx.error', log__level='error')
    holds('kubernetes.pod.name:cache-0', event__dataset='redis.log', orchestrator__namespace='shop')
    found = [a for a in alerts(data) if 'SQL injection' in a['rule'].get('name', '')]
    same(len(found), 1, 'the injection that Fluent Bit shipped is an alert')
    shown = subprocess.run([DOGWATCH, 'alert', 'show', found[0]['event']['id'], '--data', data, '--output', 'table'], capture_output=True, text=True)
    same(shown.returncode, 0, 'its evidence is in the archive')
    check('union%20select' in shown.stdout and 'kubernetes' in shown.stdout, 'the record itself proves it', shown.stdout)
    p.terminate()
    same(p.wait(30), 0, 'the collector ends well')
    same(subprocess.run([DOGWATCH, 'archive', 'verify', '--data', data], capture_output=True).returncode, 0, 'the archive holds')
    check('Sanitizer' not in open(log, errors='replace').read(), 'no sanitizer speaks', open(log, errors='replace').read()[-3000:])
    check(not alarms(data), 'no false alarm', alarms(data))


def kills():
    """Each record once, whenever the collector is killed."""
    data, collector = configured('kills')
    kafka.run('topic', 'kills', '2')
    log, rounds, each = os.path.join(dir_, 'kills.log'), 6 if not LONG else 30, 500 if not LONG else 5000
    total = 0
    for k in range(rounds):
        p = start('dogwatch-collector', collector, log)
        for part in range(2):
            produce('kills', part, [b'{"message":"round %d line %d of %d","n":%d}' % (k, i, part, total + part * each + i) for i in range(each)])
        total += 2 * each
        bound = random.Random(k).randrange(total - 2 * each, total)
        wait_for(lambda: count(data) >= bound or p.poll() is not None, 60, lambda: f'{bound}: {count(data)} {open(log).read()[-1500:]}', 0.01)
        check(p.poll() is None, 'the kill hits a live collector')
        p.kill()
        p.wait()
    p = start('dogwatch-collector', collector, log)
    wait_for(lambda: open(log).read().count('partition 0 is ours') > rounds and count(data) >= total, 60, lambda: f'{total}: {count(data)} {open(log).read()[-1500:]}')
    p.terminate()
    same(p.wait(30), 0, 'the collector ends well')
    seen = sorted(e['n'] for e in query(data))
    same(seen == list(range(total)), True, f'{total} records, each once')
    same(subprocess.run([DOGWATCH, 'archive', 'verify', '--data', data], capture_output=True).returncode, 0, 'the archive holds')
    check(not alarms(data), 'no false alarm', alarms(data))
    print(f'{total} records, {rounds} kills', flush=True)


def odd():
    """What is no JSON object is set aside and named; breaks between the parts of one are spaces."""
    data, collector = configured('odd')
    kafka.run('topic', 'odd', '2')
    log = os.path.join(dir_, 'odd.log')
    junk = [b'no json', b'[1,2]', b'{"message":"torn', b'{"a":1} {"b":2}', b'{"message":"' + b'x' * 300000 + b'"}', b'\0\xff']
    for record in junk[:3] + [b'{\n  "message": "in parts",\r\n  "n": 1\n}'] + junk[3:] + [b'{}', b'{"message":"last","@timestamp":"no time"}']:
        produce_whole('odd', 0, record)
    p = start('dogwatch-collector', collector, log)
    wait_for(lambda: count(data) == 3 and alarms(data).get('dogwatch.queue.junk') == len(junk), 60,
             lambda: f'3 events and {len(junk)} alerts: {count(data)} {alarms(data)} {open(log).read()[-1500:]}')
    p.terminate()
    same(p.wait(30), 0, 'the collector ends well')
    check('{"message":"last","@timestamp":"no time"}' in [e['event']['original'] for e in query(data)], 'a time that is none leaves the record', query(data))
    check('{   "message": "in parts",    "n": 1 }' in [e['event']['original'] for e in query(data)], 'breaks are spaces', query(data))
    told = [a['message'] for a in alerts(data) if a['rule']['id'] == 'dogwatch.queue.junk']
    check(all('JSON partition 0' in t for t in told), 'with its partition', told)
    same(len(os.listdir(os.path.join(data, 'archive/rejected'))), len(junk), 'each is kept')


def anew():
    """A topic that was made anew, and has grown longer than the old one was, while no collector ran: that is named, and all of it taken."""
    data, collector = configured('anew')
    log = os.path.join(dir_, 'anew.log')
    for name, n in (('old', 5), ('old', 8), ('new', 20)):
        if name == 'new':
            kafka.run('run', 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', kafka.brokers, '--delete', '--topic', 'anew')
            wait_for(lambda: 'anew' not in kafka.run('run', 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', kafka.brokers, '--list').split(),
                     30, 'the topic to be gone')
        if n != 8:
            kafka.run('topic', 'anew', '1')
        before = count(data) if os.path.isdir(os.path.join(data, 'archive')) else 0
        produce('anew', 0, [b'{"message":"%s %d of %d"}' % (name.encode(), i, n) for i in range(n)])
        p = start('dogwatch-collector', collector, log)
        wait_for(lambda: count(data) == before + n or p.poll() is not None, 60, lambda: f'{before + n} events: {count(data)} {open(log).read()[-1500:]}')
        same(alarms(data), {'dogwatch.queue.replaced': 1} if name == 'new' else {}, f'{name}, {n} records: what is named')
        p.terminate()
        same(p.wait(30), 0, 'the collector ends well')
    same(len({e['message'] for e in query(data)}), 33, 'each record of both')


def out():
    """`wire: json`: each event as `dogwatch query` shows it, once, through kills of the agent; and it comes in again as a shipper's would."""
    log, lines = os.path.join(dir_, 'out-logs/a.log'), 150000 if LONG else 30000  # a release build has sent the fewer ones before it is killed
    os.makedirs(os.path.dirname(log))
    kafka.run('topic', 'out', '2')
    kafka.run('topic', 'frames', '2')
    text = [f'203.0.113.{i % 250} - - [25/Nov/2026:12:00:{i % 60:02} +0000] "GET /p/{i} HTTP/1.1" 200 {i} "-" "a \\"quoted\\" b"' for i in range(lines)]
    over = ('transport=kafka', f'kafka.brokers={kafka.brokers}', 'agent.flush.interval=1ms', 'agent.read.chunk=16KiB')
    agent, _ = configure(os.path.join(dir_, 'out'), [log], *over, 'kafka.topic=out', 'agent.wire=json')
    said = os.path.join(dir_, 'out.log')
    for k in range(3):
        with open(log, 'a') as f:
            f.writelines(x + '\n' for x in text[k * lines // 3:(k + 1) * lines // 3])
        seen = subprocess.Popen(['kcat', '-b', kafka.brokers, '-q', '-C', '-t', 'out', '-o', 'beginning', '-c', str(k * lines // 3 + 1000)], stdout=subprocess.DEVNULL)
        p = start('dogwatch-agent', live(agent), said)
        same(seen.wait(60), 0, 'records are there')
        p.kill()
        p.wait()
    same(start('dogwatch-agent', agent, said).wait(60), 0, 'the agent ends well')
    r = subprocess.run(['kcat', '-b', kafka.brokers, '-q', '-C', '-t', 'out', '-o', 'beginning', '-e'], capture_output=True, timeout=60)
    events = {}
    for line in r.stdout.splitlines():
        e = json.loads(line)
        check(events.setdefault(e['event']['id'], e)['event']['original'] == e['event']['original'], 'one id is one line', e)
    same(sorted(e['event']['original'] for e in events.values()), sorted(text), 'each line is there')
    data = os.path.join(dir_, 'frames')
    agent, collector = configure(data, [log], *over, 'kafka.topic=frames', 'collector.kafka.group=frames')
    same(start('dogwatch-agent', agent, said).wait(60), 0, 'an agent over frames ends well')
    until_idle('frames', collector, os.path.join(dir_, 'frames.log'))

    def plain(e):
        return {k: v for k, v in e.items() if k not in ('dogwatch', 'agent')} | {'event': {k: v for k, v in e['event'].items() if k != 'id'}}
    same(sorted(json.dumps(plain(e), sort_keys=True) for e in events.values()) == sorted(json.dumps(plain(e), sort_keys=True) for e in query(data)), True,
         'as dogwatch query shows them over frames')
    check('Sanitizer' not in open(said, errors='replace').read(), 'no sanitizer speaks', open(said, errors='replace').read()[-3000:])
    data, collector = configured('again')
    kafka.run('topic', 'again', '2')
    produce('again', 0, [json.dumps(e).encode() for e in list(events.values())[:100]])
    p = start('dogwatch-collector', collector, said)
    wait_for(lambda: count(data) == 100, 30, lambda: f'100 events: {count(data)}')
    found = query(data, 'event.dataset:nginx.access and http.response.status_code:200 | head 1')
    same(len(found), 1, 'what went out comes in')
    p.terminate()
    p.wait(30)
    check(len(r.stdout.splitlines()) > lines, 'what was under way came again')
    print(f'{len(events)} events in {len(r.stdout.splitlines())} records', flush=True)


for part in (shapes, odd, kills, anew, out):
    part()
finish(began)
