#!/usr/bin/env python3
"""The Loki endpoints as Grafana's Explore asks them: shapes as Loki has them, and what they hold is what the log holds. Its live mode is asked
by a client of web sockets that is written here from RFC 6455."""
import base64
import collections
import http.client
import re
import ssl
import time
from urllib.parse import urlencode

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('loki')
data, logs = os.path.join(dir_, 'data'), os.path.join(dir_, 'logs')
os.makedirs(logs)
rng = random.Random(8)
NOW = int(time.time())
START, END, S = NOW - 3600, NOW - 600, 10 ** 9
LEVELS, PATHS, CODES = ('debug', 'info', 'error'), ('/a', '/b/c', '/x.y'), (200, 404, 500)
lines = []  # (ns, file, text, fields)
for name in ('one', 'two'):
    with open(os.path.join(logs, name + '.log'), 'w') as f:
        for i in range(1500):
            at = START + (END - START) * i // 1500
            fields = {'level': rng.choice(LEVELS), 'path': rng.choice(PATHS), 'code': rng.choice(CODES)}
            text = json.dumps({'@timestamp': datetime.datetime.fromtimestamp(at, datetime.timezone.utc).isoformat(), 'message': f'{name} {i} "q" Failed' if i % 7 == 0
                               else f'{name} {i} ok', 'log.level': fields['level'], 'url.path': fields['path'], 'http.response.status_code': fields['code']})
            f.write(text + '\n')
            lines.append((at * S, os.path.join(logs, name + '.log'), text, fields))
up = Up(data, [os.path.join(logs, '*.log')], *[a for x in ('listen=127.0.0.1:0', 'tail.workers=2', 'query.wait=3s', 'timeout=2s') for a in ('--set', 'collector.api.' + x)], '--set', 'collector.segment.max_bytes=64KiB')
wait_for(lambda: os.path.exists(os.path.join(data, 'api.sock')) and count(data) == len(lines), 60, lambda: f'the lines: {up.said()[-1500:]}')


class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(os.path.join(data, 'api.sock'))


def ask(path, status=200, **params):
    conn = Local('localhost', timeout=20)
    conn.request('GET', '/loki/api/v1/' + path + ('?' + urlencode(params) if params else ''))
    r = conn.getresponse()
    text = r.read().decode()
    conn.close()
    check(r.status == status, f'{path} {params}: {r.status}', text)
    return json.loads(text)


def ok(path, **params):
    answer = ask(path, start=START * S, end=END * S, **params)
    same(answer.get('status', 'success'), 'success', path)
    check('warnings' not in answer, f'{path} {params}: whole', answer.get('warnings'))
    return answer['data'] if 'data' in answer else answer


# what is there
check({'host', 'filename', 'level', 'service_name'} <= set(ok('labels')), 'labels', ok('labels'))
same(ok('label/filename/values'), sorted({x[1] for x in lines}), 'values of a label')
same(ok('label/level/values', query='{filename=~".*one.log"}'), sorted(LEVELS), 'values of a label in some streams')
same(ok('label/nothing/values'), [], 'values of a label that there is not')
sets = ok('series', **{'match[]': '{level="error"}'})
same(sorted((s['filename'], s['level']) for s in sets), sorted((os.path.join(logs, n + '.log'), 'error') for n in ('one', 'two')), 'series')
same({k: v for k, v in ok('index/stats', query='{level="info"}').items() if k in ('entries', 'bytes', 'streams')},
     {'entries': sum(x[3]['level'] == 'info' for x in lines), 'bytes': sum(len(x[2]) for x in lines if x[3]['level'] == 'info'), 'streams': 2}, 'stats')
volume = ok('index/volume', query='{}')
same(volume['resultType'], 'vector', 'volume')
same(sum(int(r['value'][1]) for r in volume['result']), sum(len(x[2]) for x in lines), 'bytes of all streams')
same({x['label']: x['cardinality'] for x in ok('detected_labels')['detectedLabels']}.get('level'), len(LEVELS), 'detected labels')
found = {x['label']: x for x in ok('detected_fields', query='{}')['fields']}
same((found['http_response_status_code']['cardinality'], found['url_path']['type']), (len(CODES), 'string'), 'detected fields')
check(ask('status/buildinfo')['data']['version'], 'a version')
same(ask('query', query='vector(1)+vector(1)', time=NOW * S)['data']['result'][0]['value'][1], '2', 'what Grafana asks first')

# lines
QUERIES = [('{}', lambda x: True), ('{level="error"}', lambda x: x[3]['level'] == 'error'), ('{level!="error", filename=~".*two.*"}', lambda x: x[3]['level'] != 'error' and 'two' in x[1]),
           ('{level=~"info|debug"} |= "Failed"', lambda x: x[3]['level'] != 'error' and 'Failed' in x[2]), ('{} |= "failed"', lambda x: 'failed' in x[2]),
           ('{} |= `"q` != "two 7"', lambda x: '"q' in x[2] and 'two 7' not in x[2]),
           ('{} |~ "one [0-9]+ ok" !~ "(?i)ONE 1"', lambda x: bool(re.search('one [0-9]+ ok', x[2])) and not re.search('(?i)ONE 1', x[2])),
           ('{} | json | http_response_status_code >= 404 and url_path="/x.y"', lambda x: x[3]['code'] >= 404 and x[3]['path'] == '/x.y'),
           ('{} | json | http_response_status_code = 200 or level="debug" | drop x', lambda x: x[3]['code'] == 200 or x[3]['level'] == 'debug'),
           ('{} |= `"message": "one 1` !~ `"url\\.path": "/a"`', lambda x: '"message": "one 1' in x[2] and '"url.path": "/a"' not in x[2]),
           ('{pod=""}', lambda x: True), ('{pod!=""}', lambda x: False), ('{filename="nothing"}', lambda x: False)]
for query_, takes in QUERIES:
    want = [x for x in lines if takes(x)]
    answer = ok('query_range', query=query_, limit=5000, direction='forward')
    same(answer['resultType'], 'streams', query_)
    got = [(int(ns), s['stream']['filename'], text, s['stream']['level']) for s in answer['result'] for ns, text in s['values']]
    same(sorted(got), sorted((x[0], x[1], x[2], x[3]['level']) for x in want), f'lines of {query_}')
    for s in answer['result']:
        times = [int(ns) for ns, _ in s['values']]
        check(times == sorted(times), f'{query_}: forward', times[:5])
    newest = ok('query_range', query=query_, limit=50)
    times = sorted((int(ns) for s in newest['result'] for ns, _ in s['values']), reverse=True)
    same(times, sorted((x[0] for x in want), reverse=True)[:50], f'{query_}: the newest 50')
    for s in newest['result']:
        check([int(ns) for ns, _ in s['values']] == sorted((int(ns) for ns, _ in s['values']), reverse=True), f'{query_}: backward')

# functions
STEP, RANGE = 60, 120
for by, key in (('level', lambda x: {'level': x[3]['level']}), ('', lambda x: {}), ('http_response_status_code', lambda x: {'http_response_status_code': str(x[3]['code'])})):
    for function in ('count_over_time', 'rate', 'bytes_over_time'):
        want = collections.defaultdict(dict)
        for t in range(START, END + 1, STEP):
            for x in lines:
                if x[3]['code'] != 404 and (t - RANGE) * S < x[0] <= t * S:
                    k = json.dumps(key(x))
                    want[k][t] = want[k].get(t, 0) + (len(x[2]) if function == 'bytes_over_time' else 1)
        text = f'sum{" by (" + by + ")" if by else ""} ({function}({{}} | json | http_response_status_code != 404 [2m]))'
        answer = ok('query_range', query=text, step=STEP)
        same(answer['resultType'], 'matrix', text)
        got = {json.dumps(r['metric']): {int(float(t)): float(v) for t, v in r['values']} for r in answer['result']}
        scale = RANGE if function == 'rate' else 1
        same({k: {t: round(v / scale, 9) for t, v in d.items()} for k, d in want.items()} == {k: {t: round(v, 9) for t, v in d.items()} for k, d in got.items()}, True, text)
instant = ask('query', query='sum(count_over_time({}[10m]))', time=END * S)['data']
same((instant['resultType'], instant['result'][0]['value']), ('vector', [END, str(sum((END - 600) * S < x[0] <= END * S for x in lines))]), 'at one time')
streams = ok('query_range', query='count_over_time({}[1m])', step=60)['result']
same(len(streams), 2 * len(LEVELS), 'without sum each stream is a series')

same(ok('label/url_path/values'), sorted(PATHS), 'values of a field that makes no stream')
# mistakes
for path, params, word in (('query_range', {}, 'missing'), ('query_range', {'query': '{host="a}'}, '^'), ('query_range', {'query': '{} | line_format "x"'}, 'stage'),
                           ('query_range', {'query': '{} |~ "("'}, '^'), ('query_range', {'query': 'rate({}[1m])', 'step': 'x'}, 'step'), ('series', {'start': 'x'}, 'time'),
                           ('query_range', {'query': 'rate({}[1m])', 'start': 0, 'end': NOW, 'step': 1}, 'steps'), ('query_range', {'query': 'count_over_time({}[292y])', 'step': '9e9'}, 'span'),
                           ('query_range', {'query': 'rate({}[1m])', 'start': '1700-01-01T00:00:00Z'}, 'time'), ('query_range', {'query': 'rate({}[1m])', 'start': NOW, 'end': NOW, 'step': '1e300'}, 'step')):
    answer = ask(path, status=400, **params)
    check(word in json.dumps(answer), f'{path} {params}: says {word}', answer)


# the live tail
class Tail:
    """The client of a web socket. `connect` makes the connection; `first`: bytes that are sent with the handshake."""
    def __init__(self, connect, headers=(), first=b'', **params):
        key = base64.b64encode(os.urandom(16)).decode()
        said = {'Host': 'localhost', 'Upgrade': 'websocket', 'Connection': 'keep-alive, Upgrade', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': key, **dict(headers)}
        self.sock, self.got, self.lines, self.warnings, self.pongs, self.messages, self.code, self.answers = connect(), b'', [], [], [], 0, None, True
        self.sock.settimeout(20)
        self.sock.sendall(f'GET /loki/api/v1/tail?{urlencode(params)} HTTP/1.1\r\n'.encode() + ''.join(f'{k}: {v}\r\n' for k, v in said.items() if v).encode() + b'\r\n' + first)
        while b'\r\n\r\n' not in self.got and self.more():
            pass
        head, self.got = self.got.split(b'\r\n\r\n', 1)
        self.status, self.head = int(head.split()[1]), head.decode()
        if self.status == 101:
            accept = base64.b64encode(hashlib.sha1(key.encode() + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest()).decode()
            check(f'Sec-WebSocket-Accept: {accept}' in self.head, 'the handshake is answered', self.head)
            return
        length = int(re.search('(?i)content-length: ([0-9]+)', self.head).group(1))
        while len(self.got) < length and self.more():
            pass
        self.error = json.loads(self.got)['error']
        self.sock.close()

    def more(self):
        try:
            part = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError):
            part = b''
        self.got += part
        return bool(part)

    def say(self, op, payload=b'', mask=True, head=None):
        n = len(payload)
        key = os.urandom(4)
        head = head or bytes([0x80 | op]) + (bytes([0x80 * mask | n]) if n < 126 else bytes([0x80 * mask | 126]) + struct.pack('>H', n))
        self.sock.sendall(head + (key + bytes(b ^ key[i % 4] for i, b in enumerate(payload)) if mask else payload))

    def frame(self, seconds):
        """The next frame: op and payload; None: not yet, 'end': the connection's."""
        end = time.monotonic() + seconds
        while True:
            if len(self.got) >= 2:
                n, at = self.got[1], 2
                if n >= 126:
                    at = 4 if n == 126 else 10
                    n = int.from_bytes(self.got[2:at], 'big') if len(self.got) >= at else 1 << 40
                if len(self.got) >= at + n:
                    op, payload, self.got = self.got[0], self.got[at:at + n], self.got[at + n:]
                    check(op & 0xf0 == 0x80, 'a frame is whole and nothing is reserved', op)
                    return op & 15, payload
            self.sock.settimeout(max(end - time.monotonic(), 0.001))
            try:
                if not self.more():
                    return 'end'
            except (socket.timeout, ssl.SSLWantReadError):
                return None

    def read(self, until, seconds=20):
        """Takes frames until `until`, the end, or the time is over; answers what `until` did."""
        end = time.monotonic() + seconds
        while not until() and self.code is None and time.monotonic() < end:
            got = self.frame(end - time.monotonic())
            if got == 'end':
                self.code = 1006
            elif got:
                self.take(*got)
        return until()

    def take(self, op, payload):
        if op == 9:
            if self.answers:
                self.say(10, payload)
        elif op == 10:
            self.pongs.append(payload)
        elif op == 8:
            self.code, self.reason = int.from_bytes(payload[:2], 'big'), payload[2:].decode()
        else:
            same(op, 1, 'messages are text')
            m = json.loads(payload)
            check(m['dropped_entries'] == [] and set(m) <= {'streams', 'dropped_entries', 'warnings'}, 'the shape of a message', m)
            self.messages += 1
            self.warnings += m.get('warnings', [])
            self.lines.append([(int(ns), s['stream'].get('filename'), text) for s in m['streams'] for ns, text in s['values']])
            for s in m['streams']:
                check([int(ns) for ns, _ in s['values']] == sorted(int(ns) for ns, _ in s['values']), 'a stream is in order', s['values'][:3])

    def all(self):
        return [x for m in self.lines for x in m]

    def close(self, code=1000):
        """The closing handshake; answers the code that came back."""
        self.say(8, struct.pack('>H', code) if code else b'')
        self.read(lambda: False)
        check(self.frame(20) == 'end', 'the server closes the connection')
        self.sock.close()
        return self.code


def local():
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(data, 'api.sock'))
    return s


port = up.port()


def tcp():
    return socket.create_connection(('127.0.0.1', port))


def free(connect=local, **params):
    """A tail as soon as a worker is free: one that has ended may still be saying so to the audit log."""
    def ask_for():
        t = Tail(connect, **params)
        return t if t.status == 101 else None
    return wait_for(ask_for, 20, 'a free worker')


def sealed():
    return sum(s['state'] == 'sealed' for s in ndjson(dogwatch('archive', 'ls', '--data', data, '--output', 'ndjson')))


live, numbered = os.path.join(logs, 'live.log'), 0


def write(n):
    global numbered
    with open(live, 'a') as f:
        for i in range(numbered, numbered + n):
            now = datetime.datetime.now(datetime.timezone.utc).isoformat()
            f.write(json.dumps({'@timestamp': now, 'message': f'live {i}', 'noise': hashlib.sha512(str(i).encode()).hexdigest(), 'log.level': 'info'}) + '\n')
    numbered += n


def numbers(t):
    return [int(re.search('live ([0-9]+)"', text).group(1)) for _, _, text in t.all()]


# what is refused, as any request is
tokens = {role: dogwatch('token', 'add', role, '--role', role, '--data', data).strip() for role in ('triage', 'hunt')}
for what, status, headers, params in (
        ('no upgrade', 400, {'Upgrade': '', 'Connection': ''}, {'query': '{}'}), ('another upgrade', 400, {'Upgrade': 'h2c'}, {'query': '{}'}), ('no connection', 400, {'Connection': 'close'}, {'query': '{}'}),
        ('no key', 400, {'Sec-WebSocket-Key': ''}, {'query': '{}'}), ('a short key', 400, {'Sec-WebSocket-Key': 'abc='}, {'query': '{}'}), ('an old version', 400, {'Sec-WebSocket-Version': '8'}, {'query': '{}'}),
        ('no query', 400, {}, {}), ('a mistake', 400, {}, {'query': '{host="a}'}), ('a function', 400, {}, {'query': 'rate({}[1m])'}), ('a constant', 400, {}, {'query': 'vector(1)'}),
        ('a bad start', 400, {}, {'query': '{}', 'start': 'x'}), ('a bad limit', 400, {}, {'query': '{}', 'limit': 'x'}), ('another page', 403, {'Origin': 'http://evil.example'}, {'query': '{}'})):
    t = Tail(local, headers, **params)
    same(t.status, status, f'tail, {what}')
    check('Sec-WebSocket-Version: 13' in t.head or t.status != 400, 'which version is spoken', t.head)
for role, status in ((None, 401), ('triage', 403)):
    same(Tail(tcp, {'Authorization': f'Bearer {tokens[role]}'} if role else {}, query='{}').status, status, f'tail, {role}')

# what is there: the newest, oldest first
newest = sorted(x[0] for x in lines)
t = free(query='{}', start=START * S, limit=50)
t.read(lambda: len(t.all()) >= 50)
same(sorted(x[0] for x in t.all()), newest[-50:], 'the newest 50 lines')
check({(x[0], x[1], x[2]) for x in t.all()} <= {x[:3] for x in lines}, 'as they were written')
t.say(9, b'are you there?')
check(t.read(lambda: t.pongs) == [b'are you there?'], 'a ping is answered', t.pongs)
same((t.close(), t.messages), (1000, 1), 'a close is answered, and nothing came but the lines')
t = free(query='{level="error"}', start=START, limit=5000)
want = sorted(x[:3] for x in lines if x[3]['level'] == 'error')
t.read(lambda: len(t.all()) >= len(want))
same(sorted(t.all()), want, 'all lines that a query takes')
check(all(max(a)[0] <= min(b)[0] for a, b in zip(t.lines, t.lines[1:])), 'a message has older lines than the next')
same(t.close(0), 0, 'a close without a code')
t = free(query='{}', start=START, limit=0, first=bytes([0x89, 0x81]) + b'\0\0\0\0x')
check(t.read(lambda: t.pongs) == [b'x'], 'what comes with the handshake is heard')

# what comes: each once, over seals, to two at a time; then all workers are busy
other = free(tcp, headers={'Authorization': f'Bearer {tokens["hunt"]}'}, query='{} |~ "live [0-9]*[02468]\\""', limit=0)
busy = Tail(local, query='{}')
same((busy.status, busy.error['code'], busy.error.get('hint')), (503, 'busy', 'api.tail.workers'), 'one tail too many')
same(ask('query', query='count_over_time({}[1m])')['status'], 'success', 'queries have workers of their own')
before = sealed()
while sealed() < before + 3 and numbered < 20000:
    write(200)
    for x, due in ((t, numbered), (other, numbered // 2)):
        check(x.read(lambda: len(x.all()) >= due), 'lines come while they are written', (due, len(x.all())))
check(sealed() >= before + 3, 'segments were sealed meanwhile', (before, sealed()))
same(collections.Counter(numbers(t)), collections.Counter(range(numbered)), 'each line once')
same(collections.Counter(numbers(other)), collections.Counter(range(0, numbered, 2)), 'each line once, of those that a filter takes')
t.read(lambda: False, 0.5)
same(len(t.all()), numbered, 'nothing comes twice later')
same(t.warnings + other.warnings, [], 'and all was read')

# clients that vanish, break rules, do not answer, do not read
t.sock.close()
other.sock.close()
both = [free(query='{}', limit=0) for _ in range(2)]
for t, op, code in ((both[0], dict(op=1, payload=b'x', mask=False), 1002), (both[1], dict(op=1, payload=b'', head=bytes([0x81, 0xff]) + struct.pack('>Q', 1 << 20)), 1009)):
    t.say(**op)
    t.read(lambda: False)
    same(t.code, code, f'{op}: refused')
    t.sock.close()
deaf, alive = free(query='{}', limit=0), free(query='{}', limit=0)
deaf.answers = False
since = time.monotonic()
while deaf.code is None and time.monotonic() < since + 20:
    deaf.read(lambda: False, 0.1)
    alive.read(lambda: False, 0.1)
check(deaf.code == 1008 and 'ping' in deaf.reason, 'who answers no ping is let go', (deaf.code, time.monotonic() - since))
deaf.sock.close()
write(1)
check(alive.read(lambda: alive.all()), 'who answers is not', alive.code)
same(alive.close(), 1000, 'and ends when it likes')


ASKED = (f'GET /loki/api/v1/tail?{urlencode(dict(query="{}"))} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
         f'Sec-WebSocket-Key: {"A" * 22}==\r\nAuthorization: Bearer {tokens["hunt"]}\r\n\r\n').encode()


def outcomes():
    return [x for x in ndjson(dogwatch('audit', 'ls', '--data', data)) if x['event'] == 'answered']


mine = dogwatch('token', 'add', 'leaving', '--role', 'hunt', '--data', data).strip()
t = free(tcp, headers={'Authorization': f'Bearer {mine}'}, query='{}', limit=0)
dogwatch('token', 'revoke', 'leaving', '--data', data)
t.read(lambda: False)
check(t.code == 1008 and 'revoked' in t.reason, 'a token that is revoked ends its tail', t.code)
t.sock.close()
for i in range(20):  # gone before they are answered
    s = local() if i % 2 else tcp()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.sendall(ASKED)
    s.close()
lazy = free(query='{}', start=START, limit=5000)
wait_for(lambda: any('did not read' in x['outcome'] for x in outcomes()), 20, 'who does not read to be let go')
lazy.read(lambda: False)
check(lazy.code in (1006, 1008), 'its connection is closed', lazy.code)
lazy.sock.close()
said = outcomes()
check(any(x['outcome'] == 'complete' and x['rows'] == 50 for x in said) and any(x['outcome'] == 'complete' and x['rows'] == len(want) for x in said), 'the audit log has how many lines were sent', said)
for text in ('went away', 'no frame', 'too large', 'ping'):
    check(any(text in x['outcome'] for x in said), f'and why it ended: {text}', [x['outcome'] for x in said])

# the end of the collector, while others ask
open_ = [free(query='{}', limit=0) for _ in range(2)]
asking = [local() for _ in range(4)]
for s in asking:
    s.sendall(ASKED)
same(up.stop(20), 0, 'dogwatch up ends well while tails are open')
for t in open_:
    t.read(lambda: False)
    check(t.code == 1001, 'who tails is told', t.code)
same(outcomes()[-1]['outcome'], 'partial: the collector ends', 'the audit log says so')

# over TLS, from a part of the archive that cannot be read
pem = os.path.join(dir_, 'cert.pem'), os.path.join(dir_, 'key.pem')
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                '-addext', 'subjectAltName=DNS:localhost', '-keyout', pem[1], '-out', pem[0]], check=True, capture_output=True)
port, config = free_ports(1), os.path.join(dir_, 'collector.yml')
open(config, 'w').write(f'data: {data}\napi.listen: 127.0.0.1:{port}\napi.tls.cert: {pem[0]}\napi.tls.key: {pem[1]}\n')
alone = subprocess.Popen([os.path.join(BUILD, 'dogwatch-collector'), '--config', config], stdout=open(os.path.join(dir_, 'alone.log'), 'wb'), stderr=subprocess.STDOUT)
atexit.register(lambda: alone.poll() is None and alone.kill())


def over_tls():
    return ssl.create_default_context(cafile=pem[0]).wrap_socket(tcp(), server_hostname='localhost')


def answers():
    try:
        over_tls().close()
        return True
    except OSError:
        return False


wait_for(answers, 20, 'TLS to answer')
hunt = {'Authorization': f'Bearer {tokens["hunt"]}'}
t = free(over_tls, headers=hunt, query='{filename!~".*live.*"}', start=START, limit=5000)
t.read(lambda: len(t.all()) >= len(lines))
same(sorted(t.all()), sorted(x[:3] for x in lines), 'all lines over TLS')
t.say(9, b'x' * 125)
check(t.read(lambda: t.pongs) == [b'x' * 125], 'a ping over TLS')
same(t.close(), 1000, 'a close over TLS')
victim = next(s['file'] for s in ndjson(dogwatch('archive', 'ls', '--data', data, '--output', 'ndjson')) if s['state'] == 'sealed')
with open(os.path.join(data, 'archive', victim), 'r+b') as f:
    f.seek(os.path.getsize(f.name) // 2)
    f.write(b'\xff' * 200)
t = free(over_tls, headers=hunt, query='{}', start=START, limit=10)
t.read(lambda: t.warnings)
check(any(os.path.basename(victim) in w for w in t.warnings), 'what cannot be read is said', t.warnings)
t.sock.close()
wait_for(lambda: any('partial: ' + os.path.basename(victim) in x['outcome'] for x in outcomes()), 20, lambda: f'the audit log to say so: {outcomes()[-3:]}')
t = free(over_tls, headers=hunt, query='{}', limit=0)
alone.terminate()
t.read(lambda: False)
same((t.code, alone.wait(20)), (1001, 0), 'the collector ends while it is tailed over TLS')
check('ERROR' not in open(os.path.join(dir_, 'alone.log')).read() and 'ThreadSanitizer' not in open(os.path.join(dir_, 'alone.log')).read(), 'no sanitizer speaks')
same(subprocess.run([DOGWATCH, 'audit', 'verify', '--data', data], capture_output=True).returncode, 0, 'the audit log holds')
finish(began)
