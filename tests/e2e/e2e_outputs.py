#!/usr/bin/env python3
"""Alerts leave the collector: webhook, file, syslog over TCP and UDP, Alertmanager, OCSF, a Kafka topic. Each against a receiver in a process of its own
that refuses, hangs, answers 500 and comes back, with the collector killed in between: nothing is lost, nothing comes twice but what was cut
off before its answer, and a dead letter is counted, shown and sent again."""
import base64
import hmac
import re
import time
import urllib.request

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('outputs')
RECEIVER = os.path.join(ROOT, 'tests/e2e/receiver.py')
SCHEMA = json.load(open(os.path.join(ROOT, 'tests/fixtures/ocsf/detection_finding.json')))
SECRET = 'a secret of nobody'
open(os.path.join(dir_, 'secret'), 'w').write(SECRET + '\n')


class Receiver:
    """One that can be started, stopped and told how to answer."""

    def __init__(self, kind, name):
        self.kind, self.port = kind, free_ports(1)
        self.mode_file, self.notes, self.process = os.path.join(dir_, name + '.mode'), os.path.join(dir_, name + '.notes'), None
        open(self.notes, 'w').close()
        atexit.register(self.stop)

    def start(self):
        self.process = subprocess.Popen([sys.executable, RECEIVER, self.kind, str(self.port), self.mode_file, self.notes])
        if self.kind != 'udp':
            wait_for(self.listens, 20, f'{self.kind} receiver')
        else:
            wait_for(lambda: f':{self.port:04X} ' in open('/proc/net/udp').read(), 20, 'udp receiver')

    def listens(self):
        return any(f':{self.port:04X} 00000000:0000 0A' in line for line in open('/proc/net/tcp'))

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def mode(self, mode):
        with open(self.mode_file + '.new', 'w') as f:
            f.write(mode)
        os.rename(self.mode_file + '.new', self.mode_file)

    def seen(self):
        return [json.loads(x) for x in open(self.notes).read().split('\n')[:-1]]

    def count(self, answer):
        return sum(1 for n in self.seen() if n['mode'] == answer)

    def keys(self):
        return [n['key'] for n in self.seen() if n.get('answer') == 204]


class Logs:
    """Requests that are alerts, each of an address of its own, so that no fuse takes them for a flood."""

    def __init__(self, name):
        self.path, self.n = os.path.join(dir_, name + '.access.log'), 0
        open(self.path, 'w').close()

    def attack(self, count, address=None, ahead=0):
        with open(self.path, 'a') as f:
            for _ in range(count):
                self.n += 1
                stamp = time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime(time.time() + ahead))
                f.write(f'{address or "203.0.113." + str(self.n)} - - [{stamp}] "GET /?id={self.n}%20UNION%20SELECT%20password%20FROM%20users-- HTTP/1.1" 200 5 "-" "curl"\n')


def listed(data):
    r = subprocess.run([DOGWATCH, 'alerts', '--data', data, '--output', 'ndjson', '--limit', '100000'], capture_output=True)
    return ndjson(r.stdout.decode()) if r.returncode == 0 else []


def findings(data):
    """Alerts of rules, not of the collector itself."""
    return [a for a in listed(data) if not a['rule']['id'].startswith('dogwatch.')]


def outputs(data):
    r = subprocess.run([DOGWATCH, 'outputs', '--data', data, '--output', 'ndjson'], capture_output=True)
    return {o['name']: o for o in ndjson(r.stdout.decode())} if r.returncode == 0 else {}


def field(data, name, what):
    return outputs(data).get(name, {}).get(what, '')


def started(name, logs, *config, more=()):
    data = os.path.join(dir_, name)
    up = Up(data, [logs.path], '--rules', os.path.join(ROOT, 'rules'), '--set', 'outputs=[' + ', '.join(config) + ']', *more)
    return data, up


def one_each(found, seen, what):
    """Every alert, once, by its key."""
    same(set(seen), {f'{a["event"]["id"]}.1' for a in found}, what + ': every alert came')
    same(sorted(k for k in set(seen) if seen.count(k) > 1), [], what + ': none twice')


def kill_collector(up):
    pid = up.child('dogwatch-collector')
    check(pid, 'the collector runs')
    os.kill(pid, signal.SIGKILL)
    return wait_for(lambda: up.child('dogwatch-collector') not in (0, pid), 30, 'another collector')


def troubles():
    """A webhook whose receiver does everything a receiver does, and a file beside it that none of it touches."""
    r, logs = Receiver('http', 'hook'), Logs('hook')
    file = os.path.join(dir_, 'alerts.ndjson')
    data, up = started('hook', logs, f'{{name: soc, type: webhook, url: "http://127.0.0.1:{r.port}/in", secret: {{file: {dir_}/secret}}, timeout: 1s}}',
                       f'{{name: kept, type: file, path: {file}}}')
    logs.attack(5)
    wait_for(lambda: len(findings(data)) == 5 and 'onnect' in field(data, 'soc', 'last_error'), 60, lambda: f'nobody listens: {outputs(data)} {up.said()[-1500:]}')
    wait_for(lambda: int(field(data, 'kept', 'delivered') or 0) == 5, 20, 'the file has what the webhook waits with')
    check(int(field(data, 'soc', 'waiting')) == 5 and field(data, 'soc', 'state') == 'waiting', 'what waits is counted', outputs(data))
    r.mode('500')
    r.start()
    wait_for(lambda: r.count('500') >= 1, 30, '500')
    r.mode('hang')
    logs.attack(5)
    wait_for(lambda: r.count('hang') >= 1, 30, 'a hanging receiver')
    kill_collector(up)
    r.mode('cut')
    wait_for(lambda: r.count('cut') >= 1, 60, 'one that closes without an answer')
    r.mode('429')
    asked = wait_for(lambda: [n['at'] for n in r.seen() if n['mode'] == '429'], 30, '429')[0]
    r.mode('ok')
    logs.attack(5)
    wait_for(lambda: len(findings(data)) == 15 and len(set(r.keys())) >= 15, 60, lambda: f'all: {len(set(r.keys()))} {outputs(data)}')
    one_each(findings(data), r.keys(), 'webhook')
    first = min(n['at'] for n in r.seen() if n['answer'] == 204)
    check(first - asked >= 0.95, 'Retry-After is obeyed', first - asked)
    n = r.seen()[-1]
    want = hmac.new(SECRET.encode(), n['headers']['X-Dogwatch-Timestamp'].encode() + b'.' + base64.b64decode(n['body']), 'sha256').hexdigest()
    same(n['headers']['X-Dogwatch-Signature'], 'sha256=' + want, 'the signature')
    got = json.loads(base64.b64decode(n['body']))
    same((got['delivery']['key'], got['delivery']['activity'], got['workflow']['status']), (n['key'], 'created', 'new'), 'the body')

    # a receiver that refuses one message for good
    r.mode('400 203.0.113.16')
    logs.attack(3)  # the first of them is .16
    wait_for(lambda: field(data, 'soc', 'dead') == '1' or field(data, 'soc', 'dead') == 1, 30, lambda: f'a dead letter: {outputs(data)}')
    wait_for(lambda: any(a['rule']['id'] == 'dogwatch.output.dead' for a in listed(data)), 30, 'the alert about it')
    wait_for(lambda: len([k for k in r.keys()]) >= 18, 30, 'the others are not held up')
    same([json.loads(x)['reason'] for x in open(os.path.join(data, 'outputs/soc.dead'))], ['it answers 400: no'], 'the dead letter says why')
    check('it answers 400' in field(data, 'soc', 'last_error'), 'and so does the list', outputs(data))
    same(dogwatch('outputs', 'retry', 'nobody', '--data', data, codes=(1,)), '', 'an output that there is not')
    r.mode('ok')
    dogwatch('outputs', 'retry', 'soc', '--data', data)
    wait_for(lambda: int(field(data, 'soc', 'dead')) == 0 and int(field(data, 'soc', 'waiting')) == 0 and len(set(r.keys())) == 19, 30, lambda: f'it is sent again: {outputs(data)}')
    same(len(r.keys()), 19, 'once')
    same(dogwatch('outputs', 'retry', 'soc', '--data', data, codes=(1,)), '', 'there is none any more')

    # what people say is told, too
    one = findings(data)[0]['event']['id']
    dogwatch('alert', 'status', one, 'resolved', '--data', data)
    wait_for(lambda: any(k.startswith(one) and not k.endswith('.1') for k in r.keys()), 30, 'a change')
    got = json.loads(base64.b64decode(next(n for n in r.seen() if n['key'].startswith(one) and not n['key'].endswith('.1'))['body']))
    same((got['delivery']['activity'], got['workflow']['status'], got['event']['id']), ('closed', 'resolved', one), 'the change')

    # a silence; a file that is renamed away
    wait_for(lambda: field(data, 'kept', 'waiting') == 0 or field(data, 'kept', 'waiting') == '0', 20, 'the file')
    os.rename(file, file + '.1')
    dogwatch('silence', 'add', 'source.ip:203.0.113.19', '--for', '1h', '--data', data)
    logs.attack(2, ahead=2)  # a log's seconds are whole: not before the silence
    wait_for(lambda: len(set(r.keys())) >= 21, 30, 'the alert that is not silenced')
    wait_for(lambda: int(counters(data).get('output_silenced', 0)) == 2, 30, lambda: f'silenced: {counters(data)}')
    wait_for(lambda: os.path.exists(file) and len(open(file).readlines()) >= 1, 30, 'the file is made anew')
    said = [json.loads(x) for f in (file + '.1', file) for x in open(f)]
    keys = [s['delivery']['key'] for s in said]
    same(len(keys), len(set(keys)), 'the file: none twice')
    same({k for k in keys if k.endswith('.1')} - {a['event']['id'] + '.1' for a in listed(data)}, set(), 'the file: only alerts')
    check(all(a['event']['id'] + '.1' in keys for a in findings(data)), 'the file: every alert that is not silenced')
    same(up.stop(), 0, 'dogwatch up ends well')


def kills():
    """Kills while messages flow: each is there, and at most one a kill comes twice."""
    r, logs = Receiver('http', 'kills'), Logs('kills')
    r.start()
    data, up = started('kills', logs, f'{{name: k, type: webhook, url: "http://127.0.0.1:{r.port}/"}}')
    for i in range(4):
        logs.attack(15)
        wait_for(lambda: len(set(r.keys())) > 15 * i + 3, 60, lambda: f'some: {outputs(data)} {up.said()[-800:]}')
        kill_collector(up)
    wait_for(lambda: len(set(r.keys())) >= 60, 60, lambda: f'all: {len(set(r.keys()))} {outputs(data)}')
    keys = r.keys()
    same(set(keys), {a['event']['id'] + '.1' for a in findings(data)}, 'every alert came')
    check(len(keys) - len(set(keys)) <= 4, 'at most one a kill twice', len(keys) - len(set(keys)))
    same(up.stop(), 0, 'dogwatch up ends well')


def floods():
    """A flood: some, and of the rest a summary with the count; old alerts; a filter; too late is dead; until idle everything is sent first."""
    r, late, logs = Receiver('http', 'flood'), free_ports(1), Logs('flood')
    r.start()
    stamp = time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime(time.time() - 7200))
    with open(logs.path, 'a') as f:
        f.write(f'198.51.100.1 - - [{stamp}] "GET /?id=1%20UNION%20SELECT%20password%20FROM%20users-- HTTP/1.1" 200 5 "-" "curl"\n')
    logs.attack(70, '198.51.100.7')
    config = 'outputs=[' + f'{{name: all, type: webhook, url: "http://127.0.0.1:{r.port}/", format: ocsf}}, ' \
        f'{{name: none, type: webhook, url: "http://127.0.0.1:{r.port}/none", filter: "rule.level:low"}}, ' \
        f'{{name: late, type: webhook, url: "http://127.0.0.1:{late}/", retry_for: 1s}}]'
    data = os.path.join(dir_, 'flood')
    same(up_until_idle(data, [logs.path], '--rules', os.path.join(ROOT, 'rules'), '--set', config), 0, 'up until idle')
    bodies = [json.loads(base64.b64decode(n['body'])) for n in r.seen() if n['path'] == '/']
    sums = [b['evidences'][0]['data']['summary'] for b in bodies if 'summary' in b['evidences'][0]['data']]
    single = [b for b in bodies if 'summary' not in b['evidences'][0]['data']]
    check(len(sums) >= 1 and 20 <= len(single) <= 40, 'the first of a flood, and a summary', (len(single), sums))  # 40: over the turn of an hour
    same(len(single) + sum(s['alerts'] for s in sums), 70, 'all are told, or counted')
    same(sums[0]['keys'][0]['key'], 'source.ip=198.51.100.7', 'of whom most are')
    same([n for n in r.seen() if n['path'] == '/none'], [], 'a filter takes what it takes')
    same(int(counters(data)['output_old']) >= 1, True, 'old alerts are counted')
    for b in bodies:
        judge_ocsf(b)
        same((b['severity_id'], b['activity_id'], b['type_uid'], b['metadata']['product']['name'], b['finding_info']['analytic']['type']), (4, 1, 200401, 'dogwatch', 'Rule'), 'what it says')
    same({o['value'] for b in single for o in b['observables'] if o['name'] == 'source.ip'}, {'198.51.100.7'}, 'observables')


def judge_ocsf(body):
    try:
        import jsonschema
    except ImportError:
        check(not mistakes(SCHEMA, body), 'valid OCSF', mistakes(SCHEMA, body))
        return
    jsonschema.validate(body, SCHEMA)
    check(not mistakes(SCHEMA, body), 'valid OCSF', mistakes(SCHEMA, body))


def mistakes(schema, value, at='$'):
    """The part of JSON Schema that the fixture uses."""
    kinds = {'object': dict, 'array': list, 'string': str, 'integer': int, 'boolean': bool}
    kind = schema.get('type')
    if kind and (not isinstance(value, kinds[kind]) or (kind == 'integer' and isinstance(value, bool))):
        return [f'{at} is no {kind}']
    out = [f'{at} is none of {schema["enum"]}'] if 'enum' in schema and value not in schema['enum'] else []
    out += [f'{at} is below {schema["minimum"]}'] if 'minimum' in schema and value < schema['minimum'] else []
    out += [f'{at} does not match {schema["pattern"]}'] if 'pattern' in schema and not re.search(schema['pattern'], value) else []
    if kind == 'object':
        out += [f'{at}.{k} is missing' for k in schema.get('required', []) if k not in value]
        for k, v in value.items():
            if k in schema.get('properties', {}):
                out += mistakes(schema['properties'][k], v, f'{at}.{k}')
            elif schema.get('additionalProperties') is False:
                out.append(f'{at}.{k} is no attribute')
    if kind == 'array':
        out += [f'{at} is empty'] if len(value) < schema.get('minItems', 0) else []
        for i, v in enumerate(value):
            out += mistakes(schema.get('items', {}), v, f'{at}[{i}]')
    return out


def late_and_remote():
    """What is not taken for retry_for is a dead letter; the list and the retry over the API, too."""
    r, logs = Receiver('http', 'late'), Logs('late')
    data, up = started('late', logs, f'{{name: late, type: webhook, url: "http://127.0.0.1:{r.port}/", retry_for: 1s, filter: "not rule.id:dogwatch*"}}')
    logs.attack(3)
    wait_for(lambda: int(field(data, 'late', 'dead') or 0) == 3, 60, lambda: f'dead: {outputs(data)}')
    server = f'unix:{data}/api.sock'
    got = ndjson(dogwatch('outputs', '--server', server, '--output', 'ndjson'))
    same([(o['name'], int(o['dead'])) for o in got], [('late', 3)], 'the list over the API')
    r.start()
    dogwatch('outputs', 'retry', 'nobody', '--server', server, codes=(1,))
    dogwatch('outputs', 'retry', 'late', '--server', server)
    wait_for(lambda: len(r.keys()) == 3, 60, lambda: f'again: {outputs(data)}')
    one_each(findings(data), r.keys(), 'dead letters sent again')
    same(int(counters(data).get('output_dead', 0)) >= 0, True, 'counted')
    same(up.stop(), 0, 'dogwatch up ends well')
    same(int(counters(data)['output_dead']), 3, 'dead letters are counted')


def syslog():
    """CEF over TCP to a receiver that is not there, dies and comes back; over UDP."""
    tcp, udp, logs = Receiver('tcp', 'tcp'), Receiver('udp', 'udp'), Logs('syslog')
    file = os.path.join(dir_, 'not yet', 'cef.log')
    udp.start()
    data, up = started('syslog', logs, f'{{name: siem, type: syslog, address: "tcp://127.0.0.1:{tcp.port}", timeout: 2s}}',
                       f'{{name: old, type: syslog, address: "udp://127.0.0.1:{udp.port}"}}', f'{{name: file, type: file, path: "{file}", format: cef}}')

    def keys(r):
        return [re.search(r' cs1=([0-9a-f.]+)', n['message']).group(1) for n in r.seen() if 'message' in n]
    logs.attack(4)
    wait_for(lambda: len(keys(udp)) == 4 and 'refused' in field(data, 'siem', 'last_error'), 60, lambda: f'udp, and no tcp: {outputs(data)}')
    tcp.start()
    wait_for(lambda: len(keys(tcp)) == 4, 60, lambda: f'tcp: {outputs(data)}')
    tcp.stop()
    logs.attack(4)
    wait_for(lambda: len(findings(data)) == 8 and field(data, 'siem', 'state') == 'waiting', 60, lambda: f'it died: {outputs(data)}')
    kill_collector(up)
    tcp.start()
    wait_for(lambda: len(keys(tcp)) == 8 and len(keys(udp)) == 8, 60, lambda: f'all: {outputs(data)}')
    one_each(findings(data), keys(tcp), 'tcp')
    one_each(findings(data), keys(udp), 'udp')
    wait_for(lambda: 'no such file' in field(data, 'file', 'last_error') and int(field(data, 'file', 'waiting')) == 8, 20, lambda: f'a file whose folder is not there: {outputs(data)}')
    os.mkdir(os.path.dirname(file))
    wait_for(lambda: int(field(data, 'file', 'waiting')) == 0, 60, lambda: f'it is there now: {outputs(data)}')
    same(sorted(re.search(' cs1=([0-9a-f.]+)', x).group(1) for x in open(file)), sorted(keys(udp)), 'the file has each once')
    for n in tcp.seen() + udp.seen():
        m = n.get('message', '')
        check(re.match(r'<107>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ dogwatch - alert - CEF:0\|dogwatch\|dogwatch\|[^|]+\|[^|]+\|[^|]+\|8\|rt=\d{13} externalId=[0-9a-f]{64} ', m), 'RFC 5424 and CEF', n)
        check('src=203.0.113.' in m and '\n' not in m, 'the address, one line', m)
    same(up.stop(), 0, 'dogwatch up ends well')


def alertmanager():
    """Prometheus Alertmanager itself: not there, there, killed; an alert that people are done with is resolved."""
    program = shutil.which('prometheus-alertmanager')
    if not program:
        print('SKIPPED  prometheus-alertmanager is not here')
        return
    port, logs = free_ports(1), Logs('am')
    with open(os.path.join(dir_, 'am.yml'), 'w') as f:
        f.write('route: {receiver: none}\nreceivers: [{name: none}]\n')

    def begin():
        p = subprocess.Popen([program, f'--config.file={dir_}/am.yml', f'--storage.path={dir_}/am', f'--web.listen-address=127.0.0.1:{port}', '--cluster.listen-address='],
                             stdout=subprocess.DEVNULL, stderr=open(os.path.join(dir_, 'am.log'), 'ab'))
        atexit.register(lambda: p.poll() is None and p.kill())
        return p

    def held():
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f'http://127.0.0.1:{port}/api/v2/alerts', timeout=5) as a:
                return json.loads(a.read())
        except OSError:
            return []
    data, up = started('am', logs, f'{{name: am, type: alertmanager, url: "http://127.0.0.1:{port}", console: "https://console.example/", timeout: 2s}}')
    logs.attack(3)
    wait_for(lambda: field(data, 'am', 'state') == 'waiting', 60, lambda: f'nobody there: {outputs(data)}')
    p = begin()
    got = wait_for(lambda: len(held()) == 3 and held(), 60, lambda: f'alerts: {outputs(data)} {held()}')
    ids = {a['event']['id'] for a in findings(data)}
    same({a['labels']['alert_id'] for a in got}, ids, 'Alertmanager holds every alert')
    same({(a['labels']['severity'], a['labels']['alertname'], a['status']['state']) for a in got}, {('high', 'SQL injection attempt in a request', 'active')}, 'as they are')
    check(all(a['labels']['source_ip'].startswith('203.0.113.') and a['generatorURL'] == 'https://console.example/#/alert/' + a['labels']['alert_id'] for a in got), 'labels and link', got)
    p.send_signal(signal.SIGSTOP)  # it hangs: the kernel takes the connection, and nobody answers
    logs.attack(1)
    wait_for(lambda: 'timed out' in field(data, 'am', 'last_error').lower(), 60, lambda: f'it hangs: {outputs(data)}')
    p.send_signal(signal.SIGCONT)
    wait_for(lambda: int(field(data, 'am', 'waiting')) == 0 and len(held()) == 4, 60, lambda: f'it goes on: {outputs(data)}')
    ids = {a['event']['id'] for a in findings(data)}
    p.kill()
    p.wait()
    logs.attack(2)
    wait_for(lambda: len(findings(data)) == 6 and field(data, 'am', 'state') == 'waiting', 60, 'it died')
    p = begin()
    wait_for(lambda: int(field(data, 'am', 'waiting')) == 0 and len(held()) >= 2, 60, lambda: f'and came back: {outputs(data)}')
    check({a['event']['id'] for a in findings(data)} - ids <= {a['labels']['alert_id'] for a in held()}, 'what came meanwhile')
    one = next(a['labels']['alert_id'] for a in held())
    dogwatch('alert', 'status', one, 'closed', '--data', data)
    wait_for(lambda: one not in {a['labels']['alert_id'] for a in held()}, 60, lambda: f'it is resolved: {outputs(data)}')
    same(up.stop(), 0, 'dogwatch up ends well')


def kafka():
    """A topic of real Kafka: brokers that are away, a kill; each alert is one record."""
    if not shutil.which('kcat'):
        print('SKIPPED  kcat is not here: records cannot be read')
        return
    k, logs = Kafka(), Logs('kafka')
    data, up = started('kafka', logs, '{name: bus, type: kafka, topic: soc.alerts, timeout: 2s}', more=('--set', f'collector.kafka.brokers={k.brokers}'))
    logs.attack(5)
    wait_for(lambda: field(data, 'bus', 'state') == 'waiting', 60, lambda: f'no topic: {outputs(data)}')
    check('soc.alerts' in up.said(), 'the command that makes it is said', up.said()[-1500:])
    k.run('topic', 'soc.alerts', '2')

    def records():
        r = subprocess.run(['kcat', '-b', k.brokers, '-q', '-C', '-t', 'soc.alerts', '-o', 'beginning', '-e', '-f', '%k %h %s\n'], capture_output=True, timeout=60)
        return [x.split(' ', 2) for x in r.stdout.decode().splitlines()]
    wait_for(lambda: int(field(data, 'bus', 'delivered')) == 5, 90, lambda: f'delivered: {outputs(data)}')
    k.run('stop')
    logs.attack(5)
    wait_for(lambda: field(data, 'bus', 'state') == 'waiting' and len(findings(data)) == 10, 90, lambda: f'brokers are away: {outputs(data)}')
    kill_collector(up)
    k.run('start')
    wait_for(lambda: int(field(data, 'bus', 'waiting')) == 0 and int(field(data, 'bus', 'delivered')) == 5, 120, lambda: f'all: {outputs(data)}')
    got = records()
    same(sorted(r[0] for r in got), sorted(a['event']['id'] for a in findings(data)), 'each alert is one record, keyed by its id')
    same({r[1] for r in got}, {f'idempotency-key={a["event"]["id"]}.1' for a in findings(data)}, 'with its key')
    check(all(json.loads(r[2])['event']['id'] == r[0] for r in got), 'and its finding', got[:1])
    same(up.stop(), 0, 'dogwatch up ends well')


PARTS = [troubles, kills, floods, late_and_remote, syslog, alertmanager, kafka]
for part in [p for p in PARTS if p.__name__ in sys.argv[1:]] or PARTS:
    part()
finish(began)
