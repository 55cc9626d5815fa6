#!/usr/bin/env python3
"""The HTTP API of a real collector: who may ask, what is answered, what is refused, and that no client can hold up the intake of frames.

The list of routes, their roles, parameters and schemas is docs/reference/openapi.json: what stands there is asked for here.
"""
import http.client
import re
import resource
import ssl
import threading
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('api')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'logs/auth.log')
os.makedirs(os.path.dirname(log))
LINES, SLOW = 6000, 1000
HOST = socket.gethostname()
resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
SPEC = json.load(open(os.path.join(ROOT, 'docs/reference/openapi.json')))
NEEDED = {'query': {'query': '* | head 5'}, 'loki_query': {'query': '{}'}, 'loki_query_range': {'query': '{}'}}  # parameters without which nothing is answered
BODIES = {'change': {'status': 'new'}, 'query_post': {'query': '* | head 1'}, 'silence_add': {'filter': 'rule.id:nothing', 'until': '2100-01-01'},
          'silence_end': {'until': '2100-01-01'}, 'code_add': {}, 'policy_decide': {'state': 'approved', 'until': '2100-01-01'},
          'outputs_retry': {'name': 'kept'}}
SIGN_IN = {'session_begin', 'session_end'}  # of cookies, not of tokens: e2e_session.py
OPERATIONS = [(path, method.upper(), op) for path, item in SPEC['paths'].items() for method, op in item.items() if op['operationId'] not in SIGN_IN]
port = 0


class Local(http.client.HTTPConnection):
    """Over the unix socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(os.path.join(data, 'api.sock'))


def ask(method, target, token=None, body=None, headers=None, local=False):
    """Status, headers, body."""
    conn = Local('localhost', timeout=20) if local else http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    headers = dict(headers or {})
    if token:
        headers['Authorization'] = 'Bearer ' + token
    if body is not None and not isinstance(body, bytes):
        body, headers['Content-Type'] = json.dumps(body).encode(), 'application/json'
    try:
        conn.request(method, target, body, headers)
        r = conn.getresponse()
        return r.status, r.headers, r.read().decode(errors='replace')
    finally:
        conn.close()


def error(text):
    try:
        return json.loads(text)['error']
    except (ValueError, KeyError, TypeError):
        return {'code': f'no error: {text[:200]}'}


def rows(answer):
    """The rows of an answer, and what its last line says."""
    status, _, text = answer
    check(status == 200, 'rows are answered', answer)
    lines = ndjson(text)
    check(bool(lines) and 'answer' in lines[-1], 'the last line is the answer', lines[-1:])
    return lines[:-1], lines[-1]['answer']


def target(path, **params):
    from urllib.parse import urlencode
    return path + ('?' + urlencode(params) if params else '')


def token(name, role, *more):
    return dogwatch('token', 'add', name, '--role', role, '--data', data, *more).strip()


def write(start, count, minutes_ago=50):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes_ago)
    with open(log, 'a') as f:
        for i in range(start, start + count):
            stamp = (at + datetime.timedelta(seconds=i / 10)).strftime('%b %e %H:%M:%S')
            word = 'Accepted' if i == LINES - 1 else 'Failed'  # so that two alerts are of one address
            f.write(f'{stamp} {HOST} sshd[4711]: {word} password for u{i % 7} from 203.0.113.{i % 3} port {i % 60000} ssh2\n')


def fits(value, schema):
    """What of the spec's schemas is used."""
    if '$ref' in schema:
        return fits(value, SPEC['components']['schemas'][schema['$ref'].rsplit('/', 1)[1]])
    if 'anyOf' in schema:
        return any(fits(value, s) for s in schema['anyOf'])
    types = {'string': (str,), 'integer': (int,), 'number': (int, float), 'boolean': (bool,), 'object': (dict,), 'array': (list,), 'null': (type(None),)}
    allowed = schema.get('type', list(types))
    allowed = [allowed] if isinstance(allowed, str) else allowed
    if not any(type(value) in types[t] for t in allowed):
        return False
    if 'enum' in schema and value not in schema['enum']:
        return False
    if isinstance(value, dict):
        props = schema.get('properties', {})
        return (all(k in value for k in schema.get('required', [])) and all(fits(v, props[k]) for k, v in value.items() if k in props)
                and (schema.get('additionalProperties', True) or all(k in props for k in value)))
    return True


def schema_of(op, kind):
    return op['responses']['200']['content'][kind]['schema']


def ready():
    try:
        return ask('GET', '/readyz')[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def begin(*sets):
    """`up`, on a port of its choice."""
    global port
    at = len(open(data + '.up.log').read()) if os.path.exists(data + '.up.log') else 0
    up = Up(data, [log], '--rules', os.path.join(ROOT, 'rules'), '--set', f'outputs=[{{name: kept, type: file, path: {data}/kept}}]',
            *[a for s in sets for a in ('--set', s)])
    found = wait_for(lambda: re.search(r'HTTP API on http://127\.0\.0\.1:(\d+)(.*)', up.said()[at:]), 20, up.said)
    port = int(found.group(1))
    wait_for(ready, 30, lambda: 'the API to be ready\n' + up.said())
    return up, found.group(2)


# ---- a taken port, tokens ----
taken = socket.socket()
taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def take_port():
    try:
        taken.bind(('127.0.0.1', 7117))
        taken.listen(1)
        return True
    except OSError:
        return False  # a test beside this one has it, for a while


try:
    wait_for(take_port, 20, 'port 7117', 0.2)
except AssertionError:
    pass  # whoever has it for so long has it for a while, which is the same to us
write(0, LINES)
up, said = begin('collector.api.query.rows=4000', 'collector.api.connections=64')
check('7117 is taken' in said and port != 7117, '`up` takes another port and says so', said)
wait_for(lambda: count(data) == LINES, 60, 'the lines in the archive')
tokens = {role: token(role + '-1', role) for role in ('triage', 'hunt', 'auditor', 'admin')}
over, revoked = token('over', 'admin', '--expires', '1ms'), token('gone', 'admin')
same(ask('GET', '/api/v1/rules', revoked)[0], 200, 'a token is taken')
dogwatch('token', 'revoke', 'gone', '--data', data)
dogwatch('token', 'add', 'hunt-1', '--role', 'hunt', '--data', data, codes=(1,))
dogwatch('token', 'add', 'x', '--role', 'king', '--data', data, codes=(2,))
dogwatch('token', 'add', 'a/b', '--role', 'hunt', '--data', data, codes=(2,))
dogwatch('token', 'revoke', 'nobody', '--data', data, codes=(1,))
same([r['name'] for r in ndjson(dogwatch('token', 'ls', '--data', data, '--output', 'ndjson'))], ['triage-1', 'hunt-1', 'auditor-1', 'admin-1', 'over'], 'token ls')
same(os.stat(os.path.join(data, 'api/tokens')).st_mode & 0o777, 0o600, 'mode of the tokens')
same(os.stat(os.path.join(data, 'api.sock')).st_mode & 0o777, 0o660, 'mode of the socket')
kept = b''.join(open(os.path.join(d, f), 'rb').read() for d, _, fs in os.walk(data) for f in fs if not f.endswith('.sock'))
check(all(t.encode() not in kept and t[4:].encode() not in kept for t in tokens.values()), 'no token is kept anywhere')
ID = wait_for(lambda: ndjson(ask('GET', '/api/v1/alerts', tokens['hunt'])[2]), 30, 'an alert')[0]['event']['id']

INCIDENT = wait_for(lambda: rows(ask('GET', '/api/v1/incidents', tokens['hunt']))[0], 30, 'an incident')[0]['incident']
SILENCE = json.loads(ask('POST', '/api/v1/silences', tokens['hunt'], {'filter': 'rule.level:none', 'until': '2100-01-01', 'reason': 'none there'})[2])['silence']
POLICY = wait_for(lambda: [r for r in rows(ask('GET', '/api/v1/policies', tokens['hunt']))[0] if r['state'] == 'proposed'], 30, 'an address to block')[0]['id']
same(json.loads(ask('PATCH', '/api/v1/policies/' + POLICY, tokens['hunt'], BODIES['policy_decide'])[2])['state'], 'active', 'an address is blocked')


def place(path):
    """A route's path with what is there in the place of {id} and {name}."""
    id_ = SILENCE if 'silences' in path else INCIDENT if 'incidents' in path else POLICY if 'policies' in path else ID
    return path.replace('{id}', id_).replace('{name}', 'nginx' if '/policy/' in path else 'host')


names = itertools.count()


def body_of(op, works=False):
    """What an operation is asked with; a hold comes into force, and is released, once."""
    if op['operationId'] == 'hold_end' and works:
        name = f'released {next(names)}'
        ask('POST', '/api/v1/archive/holds', tokens['admin'], {'name': name})
        return {'name': name}
    return {'name': f'held {next(names)}'} if op['operationId'] in ('hold_add', 'hold_end') else BODIES.get(op['operationId'])


# ---- every route: who may ----
for path, method, op in OPERATIONS:
    name = f'{method} {path}'
    at = target(place(path), **NEEDED.get(op['operationId'], {}))
    done = 400 if '101' in op['responses'] else 200  # a web socket: here is no handshake
    if not op['security']:
        same(ask(method, at)[0], 200, f'{name} needs no token')
        continue
    status, headers, text = ask(method, at, body=body_of(op))
    check(status == 401 and error(text)['code'] == 'unauthorized' and headers['WWW-Authenticate'] == 'Bearer', f'{name} without a token', (status, text))
    for what, wrong in (('an unknown', 'dwt_' + '0' * 64), ('an expired', over), ('a revoked', revoked), ('no', 'x'), ('a cut', tokens['admin'][:-1])):
        same(ask(method, at, wrong, body_of(op))[0], 401, f'{name} with {what} token')
    same(ask(method, at, body=body_of(op), headers={'Authorization': 'Basic ' + tokens['admin']})[0], 401, f'{name} with another scheme')
    for role, text in tokens.items():
        may = role in op['x-roles']
        status, _, answer = ask(method, at, text, body_of(op, may))
        check(status == done if may else status == 403 and error(answer)['code'] == 'role', f'{name} as {role}: {may}', (status, answer[:300]))
    for header in ({'Host': 'evil.example'}, {'Host': f'evil.example:{port}'}, {'Host': '127.0.0.1.evil.example'}, {'Host': ''}, {'Origin': 'http://evil.example'},
                   {'Origin': 'null'}, {'Origin': f'http://127.0.0.1:{port + 1}'}):
        status, _, answer = ask(method, at, tokens['admin'], body_of(op), header)
        check(status == 403 and error(answer)['code'] == 'foreign', f'{name} with {header}', (status, answer[:300]))
    same(ask(method, at, tokens['admin'], body_of(op, True), {'Host': f'localhost:{port}', 'Origin': f'http://localhost:{port}'})[0], done, f'{name} of our own page')
check(any(set(op['x-roles']) != set(tokens) for _, _, op in OPERATIONS if op['security']), 'some routes are not for all')

check(re.search(r'HTTP API: refused \d+ times since the last such line, now to (no token|an unknown token|[\w.-]+) from 127\.0\.0\.1: [A-Z]+ /', up.said()),
      'the log names who was refused', up.said()[-1500:])

# ---- what is answered ----
hunt = tokens['hunt']
for path, method, op in OPERATIONS:
    content = op['responses'].get('200', {}).get('content', {'text/plain': {}})
    if method != 'GET' or any(t.startswith('text/') for t in content):
        continue
    at = target(place(path), **NEEDED.get(op['operationId'], {}))
    status, headers, text = ask('GET', at, tokens['admin'])
    kind = next(iter(content))
    check(status == 200 and headers['Content-Type'] == kind and headers['Cache-Control'] == 'no-store', f'{path}: {kind}', (status, dict(headers)))
    objects = ndjson(text) if 'ndjson' in kind else [json.loads(text)]
    bad = [o for o in objects if not fits(o, schema_of(op, kind))]
    check(objects and not bad, f'{path}: as the schema says', bad[:1])
    check('ndjson' not in kind or (len(objects) > 1 and objects[-1]['answer']['rows'] == len(objects) - 1 and objects[-1]['answer']['complete']),
          f'{path}: rows, all of them', objects[-1])
for text in ('*', 'u3', 'user.name:u1 and source.ip:203.0.113.0/24', '* | stats count, dc(source.ip) as ips by user.name', '* | timechart 5m count by user.name',
             '* | sort -@timestamp | head 7', 'u2 | fields @timestamp, user.name, source.port', '* | top 3 source.ip', 'nothing_of_the_kind'):
    want = query(data, text)
    got, answer = rows(ask('GET', target('/api/v1/query', query=text), hunt))
    check(got == want[:4000], f'the same as dogwatch query: {text}', (len(got), len(want), got[:1], want[:1]))
    same(answer['complete'], len(want) <= 4000, f'complete or not: {text}')
    same(rows(ask('POST', '/api/v1/query', hunt, {'query': text}))[0] == got, True, f'POST as GET: {text}')
same(rows(ask('GET', target('/api/v1/query', query='*', limit=3), hunt))[1]['why'], 'there is more than 3 rows', 'a limit is named')
same(rows(ask('GET', target('/api/v1/query', query='* | head 3', limit=3), hunt))[1]['complete'], True, 'a limit that is met is none')
same(rows(ask('GET', target('/api/v1/query', query='*', until='2001-01-01'), hunt))[0], [], 'a range without events')
os.environ['DOGWATCH_TOKEN_FILE'] = os.path.join(dir_, 'token')
open(os.environ['DOGWATCH_TOKEN_FILE'], 'w').write(hunt + '\n')
for text in ('u3 | head 50', '* | stats count, dc(source.ip) as ips, avg(source.port) by user.name', '* | timechart 5m count by user.name', 'u2 | fields @timestamp, user.name, source.port | head 9',
             '* | eval x = source.port / 7 | head 20 | fields x', 'nothing_of_the_kind:3'):
    for output in ('ndjson', 'csv', 'table'):
        for server in (f'http://127.0.0.1:{port}', f'unix:{data}/api.sock'):
            same(dogwatch('query', text, '--server', server, '--output', output), dogwatch('query', text, '--data', data, '--output', output), f'{text} asked of {server[:4]} as {output}')
same(dogwatch('query', '*', '--server', f'http://127.0.0.1:{port}', '--limit', '7', '--output', 'csv'), dogwatch('query', '*', '--data', data, '--limit', '7', '--output', 'csv'), 'a limit, asked of a server')
os.environ['DOGWATCH_SERVER'] = f'http://127.0.0.1:{port}'
same(json.loads(dogwatch('query', '* | stats count', '--output', 'ndjson'))['count'], LINES, 'a server from the environment')
del os.environ['DOGWATCH_SERVER']
dogwatch('query', '*', '--server', f'unix:{data}/api.sock', codes=(1,))  # over api.query.rows
dogwatch('query', 'a:(', '--server', f'unix:{data}/api.sock', codes=(2,))
dogwatch('query', '*', '--server', f'unix:{data}/nothing', codes=(3,))
dogwatch('query', '*', '--server', f'unix:{data}/api.sock', '--data', data, codes=(2,))
open(os.environ['DOGWATCH_TOKEN_FILE'], 'w').write(tokens['auditor'])
dogwatch('query', '*', '--server', f'unix:{data}/api.sock', codes=(3,))
del os.environ['DOGWATCH_TOKEN_FILE']
same(sum(r['count'] for r in rows(ask('GET', target('/api/v1/histogram', span='1m', filter='u3'), hunt))[0]), len(query(data, 'u3')), 'the histogram adds up')
same(len({r['user.name'] for r in rows(ask('GET', target('/api/v1/histogram', span='1h', by='user.name'), hunt))[0]}), 7, 'a histogram by field')
same(rows(ask('GET', target('/api/v1/alerts', limit=1000), hunt))[0], alerts(data), 'the same as dogwatch alerts')
same(rows(ask('GET', target('/api/v1/alerts', filter='rule.level:critical'), hunt))[0], ndjson(dogwatch('alerts', 'rule.level:critical', '--data', data, '--output', 'ndjson')), 'alerts by filter')
for when in ({}, {'until': '2030-01-01'}):  # risk is halved every day: at one time for both
    options = [x for k, v in when.items() for x in ('--' + k, v)]
    got, want = rows(ask('GET', target('/api/v1/entities', **when), hunt))[0], ndjson(dogwatch('entities', '--data', data, '--output', 'ndjson', *options))
    same([(e['entity'], e['value'], e['alerts'], e['level'], e['last']) for e in got], [(e['entity'], e['value'], e['alerts'], e['level'], e['last']) for e in want],
         'the same as dogwatch entities')
    check(not when or [float(e['risk']) for e in got] == [float(e['risk']) for e in want], 'and the same risk', (got, want))
agents, shown = rows(ask('GET', '/api/v1/agents', hunt))[0], ndjson(dogwatch('agents', '--data', data, '--output', 'ndjson'))
same([(a['agent'], a['host'], a['state']) for a in agents], [(a['agent'], a['host'], a['state']) for a in shown], 'the same as dogwatch agents')
same([(s['file'], s['archived'], s['unaccounted']) for s in rows(ask('GET', '/api/v1/ledger', hunt))[0]], [(s['file'], s['archived'], s['unaccounted']) for s in ndjson(dogwatch('ledger', '--data', data, '--output', 'ndjson'))],
     'the same as dogwatch ledger')
metrics = ask('GET', '/metrics', tokens['auditor'])[2]
check(all(re.fullmatch(r'# (HELP|TYPE) dogwatch_\w+ .+|dogwatch_\w+\{program="(agent|collector)"\} \d+', line) for line in metrics.splitlines()), 'metrics are metrics')
same(re.search(r'dogwatch_ingest_events_total\{program="collector"\} (\d+)', metrics).group(1), str(LINES), 'metrics count events')

# ---- holds ----
admin = tokens['admin']
for h in rows(ask('GET', '/api/v1/archive/holds', hunt))[0]:
    same(ask('POST', '/api/v1/archive/holds/release', admin, {'name': h['hold']})[0], 200, 'released')
status, _, text = ask('POST', '/api/v1/archive/holds', hunt, {'name': 'case é', 'reason': 'asked "so"'})
held = json.loads(text)
check(status == 200 and (held['hold'], held['by'], held['reason']) == ('case é', 'hunt-1', 'asked "so"'), 'a hold, and who asked for it', (status, text))
same(rows(ask('GET', '/api/v1/archive/holds', tokens['auditor']))[0], [held], 'it is listed')
same([r['hold'] for r in ndjson(dogwatch('archive', 'holds', '--data', data, '--output', 'ndjson'))], ['case é'], 'as by dogwatch archive holds')
for code, who, path, body in ((403, tokens['triage'], '', {'name': 'x'}), (403, hunt, '/release', {'name': 'case é'}), (400, hunt, '', {}), (400, hunt, '', {'name': 'x' * 64}),
                              (409, hunt, '', {'name': 'case é'}), (404, admin, '/release', {'name': 'other'})):
    status, _, text = ask('POST', '/api/v1/archive/holds' + path, who, body)
    check(status == code, f'holds{path} {body}: {code}', (status, text))
status, _, text = ask('POST', '/api/v1/archive/holds/release', admin, {'name': 'case é', 'reason': 'over'})
check(status == 200 and json.loads(text) == held, 'released, by who may', (status, text))
same(rows(ask('GET', '/api/v1/archive/holds', hunt))[0], [], 'no hold is left')
manifest = open(os.path.join(data, 'archive/MANIFEST')).read()
check(' by=hunt-1 ' in manifest and ' by=admin-1 why=over ' in manifest, 'the manifest says who', manifest)
os.environ['DOGWATCH_TOKEN_FILE'] = os.path.join(dir_, 'token')
open(os.environ['DOGWATCH_TOKEN_FILE'], 'w').write(admin)
URL = f'http://127.0.0.1:{port}'
check('in force' in dogwatch('archive', 'hold', 'by hand', '--reason', 'why', '--server', URL), 'dogwatch archive hold --server')
same([r['hold'] for r in ndjson(dogwatch('archive', 'holds', '--server', URL, '--output', 'ndjson'))], ['by hand'], 'dogwatch archive holds --server')
check('released' in dogwatch('archive', 'release', 'by hand', '--server', URL), 'dogwatch archive release --server')
dogwatch('archive', 'release', 'by hand', '--server', URL, codes=(1,))
dogwatch('archive', 'expire', '--before', '1d', '--server', URL, codes=(2,))
del os.environ['DOGWATCH_TOKEN_FILE']

# ---- changes ----
brute = next(a for a in rows(ask('GET', '/api/v1/alerts', hunt))[0] if a['rule']['name'] == 'SSH brute force')
reasons, _ = rows(ask('GET', f'/api/v1/alerts/{brute["event"]["id"]}/explain', hunt))
check(all('event' in r for r in reasons[:-1]) and reasons[-1]['conditions'] == [] and isinstance(reasons[-1]['left_out'], list) and reasons[-1]['counted'] > 0, 'the last row says what a correlation left out', reasons[-1:])
status, _, text = ask('PATCH', f'/api/v1/alerts/{ID[:10]}', tokens['triage'], {'status': 'in_progress', 'assignee': 'ann', 'note': 'é "x"'})
check(status == 200 and json.loads(text)['workflow']['assignee'] == 'ann', 'a change is made', (status, text))
history, _ = rows(ask('GET', f'/api/v1/alerts/{ID}/history', hunt))
same([(h['author'], h['field'], h['value']) for h in history[-3:]], [('triage-1', 'status', 'in_progress'), ('triage-1', 'assignee', 'ann'), ('triage-1', 'note', 'é "x"')], 'its history')
check('in_progress' in dogwatch('alert', 'show', ID, '--data', data), 'the commands see it')
for body, code in (({'status': 'done'}, 'malformed'), ({}, 'malformed'), ({'note': ''}, 'malformed'), ({'state': 'new'}, 'malformed'), ({'note': 'x' * 5000}, 'malformed')):
    status, _, text = ask('PATCH', f'/api/v1/alerts/{ID}', tokens['triage'], body)
    check(status == 400 and error(text)['code'] == code, f'refused: {str(body)[:40]}', (status, text))
same(ask('PATCH', '/api/v1/alerts/' + 'f' * 64, tokens['triage'], {'status': 'new'})[0], 404, 'no such alert')

dogwatch('silence', 'add', 'rule.level:medium', '--for', '2h', '--reason', 'known', '--data', data)
silenced, answer = rows(ask('GET', target('/api/v1/alerts', silenced='only'), hunt))
same(silenced, ndjson(dogwatch('alerts', '--silenced', '--data', data, '--output', 'ndjson')), 'silenced alerts, as dogwatch alerts has them')
shown, answer = rows(ask('GET', '/api/v1/alerts', hunt))
same((shown, answer['silenced']), (alerts(data), len(silenced)), 'those that are silenced are counted')

# ---- what is refused ----
for method, at, body, headers, want in (
        ('POST', '/api/v1/query', {'query': 0}, {}, 400), ('POST', '/api/v1/query', {'query': '*', 'limit': '5'}, {}, 400), ('POST', '/api/v1/query', {'query': '*', 'since': 5}, {}, 400),
        ('GET', '/nothing', None, {}, 404), ('GET', '/api/v1/nothing', None, {}, 404), ('GET', '/api/v1/alerts/', None, {}, 404), ('GET', '/api/v1/%61lerts', None, {}, 404),
        ('GET', '/api/v1/alerts/../rules', None, {}, 404), ('DELETE', f'/api/v1/alerts/{ID}', None, {}, 405), ('POST', '/api/v1/alerts', {}, {}, 405),
        ('GET', '/api/v1/alerts/zz', None, {}, 404), ('GET', '/api/v1/alerts/' + 'e' * 64, None, {}, 404),
        ('GET', '/api/v1/alerts?limit=x', None, {}, 400), ('GET', '/api/v1/alerts?limit=-1', None, {}, 400), ('GET', '/api/v1/alerts?limt=1', None, {}, 400),
        ('GET', '/api/v1/alerts?since=yesterday', None, {}, 400), ('GET', '/api/v1/alerts?since=1h&until=2h', None, {}, 400), ('GET', '/api/v1/alerts?a', None, {}, 400),
        ('GET', '/api/v1/alerts?limit=1&limit=2', None, {}, 400), ('GET', '/api/v1/alerts?filter=%00', None, {}, 400), ('GET', '/api/v1/alerts?silenced=yes', None, {}, 400), ('GET', '/api/v1/alerts?filter=%zz', None, {}, 400),
        ('GET', '/api/v1/query', None, {}, 400), ('GET', '/api/v1/histogram?span=1x', None, {}, 400), ('GET', '/api/v1/histogram?by=a|head', None, {}, 400),
        ('GET', '/api/v1/histogram?filter=*|head%201', None, {}, 400), ('GET', '/api/v1/alerts?filter=*|head%201', None, {}, 400),
        ('POST', '/api/v1/silences', {'filter': 'a:b'}, {}, 400), ('POST', '/api/v1/silences', {'filter': 'a:(', 'until': '2100-01-01'}, {}, 400),
        ('POST', '/api/v1/silences', {'filter': '* | head 1', 'until': '2100-01-01'}, {}, 400), ('POST', '/api/v1/silences', {'filter': 'a:b', 'until': '2001-01-01'}, {}, 400),
        ('PATCH', '/api/v1/policies/ffff', {'state': 'approved'}, {}, 404), ('PATCH', '/api/v1/policies/' + POLICY, {'state': 'gone'}, {}, 400),
        ('PATCH', '/api/v1/policies/' + POLICY, {'state': 'approved', 'until': '2001-01-01'}, {}, 400), ('GET', '/api/v1/policy/apache', None, {}, 404),
        ('GET', '/api/v1/policy/nginx?proposed=perhaps', None, {}, 400), ('GET', '/api/v1/policies/changes?after=yesterday', None, {}, 400), ('GET', '/api/v1/policies/ffff/impact', None, {}, 404),
        ('PATCH', '/api/v1/silences/ffff', {}, {}, 404), ('PATCH', '/api/v1/silences/' + SILENCE, {'reason': 'x'}, {}, 400), ('GET', '/api/v1/incidents/ffff', None, {}, 404),
        ('POST', '/api/v1/query', b'{"query":"*"}', {'Content-Type': 'text/plain'}, 415), ('POST', '/api/v1/query', b'{"query":"*"', {'Content-Type': 'application/json'}, 400),
        ('POST', '/api/v1/query', b'[]', {'Content-Type': 'application/json'}, 400), ('POST', '/api/v1/query', {'query': 'x' * 70000}, {}, 413),
        ('POST', '/api/v1/query', {'query': 'x ' * 9000}, {}, 413)):
    status, got, text = ask(method, at, tokens['admin'], body, headers)
    check(status == want and 'code' in error(text) and 'no error' not in error(text)['code'], f'{method} {at[:60]}: {want}', (status, text[:300]))
    check(status != 405 or got['Allow'] in ('GET', 'GET, PATCH'), 'Allow says what', got['Allow'])
mistake = error(ask('GET', target('/api/v1/query', query='user.name:('), hunt)[2])
check(mistake['code'] == 'query' and '^' in mistake['text'] and 'user.name:(' in mistake['text'], 'a mistake in a query is shown with its place', mistake)
same(json.loads(ask('PATCH', '/api/v1/silences/' + SILENCE, hunt, {})[2])['state'], 'ended', 'a silence is ended')
check('did you mean' in error(ask('GET', '/api/v1/alerts?limt=1', hunt)[2])['hint'], 'a hint')
with socket.create_connection(('127.0.0.1', port), 20) as s:  # a body without a length that does not end
    s.sendall(f'POST /api/v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {hunt}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'.encode())
    try:
        for _ in range(200):
            s.sendall(b'1000\r\n' + b' ' * 4096 + b'\r\n')
        cut = s.recv(100)
    except OSError:
        cut = b''
    check(b' 200 ' not in cut, 'an endless body is cut off', cut)
with socket.create_connection(('127.0.0.1', port), 20) as s:
    s.sendall(b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ' + b'a' * 100000 + b'\r\n\r\n')
    check(b' 200 ' not in s.recv(100), 'endless headers are refused')

# ---- the unix socket ----
same(ask('GET', '/api/v1/rules', local=True)[0], 200, 'who runs the collector needs no token there')
same(ask('GET', '/api/v1/rules', 'dwt_' + '1' * 64, local=True)[0], 401, 'a wrong token is wrong there too')
same(ask('GET', '/api/v1/rules', local=True, headers={'Origin': 'http://localhost'})[0], 403, 'no page asks there')
if os.geteuid() == 0:
    os.chmod(os.path.dirname(data), 0o755)
    for header, status in (('', b'401'), (f'Authorization: Bearer {hunt}\r\n', b'200')):
        there, here = os.pipe()
        child = os.fork()
        if child == 0:  # another user of the group
            os.setgroups([])
            os.setuid(65534)
            s = socket.socket(socket.AF_UNIX)
            s.connect(os.path.join(data, 'api.sock'))
            s.sendall(f'GET /api/v1/rules HTTP/1.0\r\nHost: localhost\r\n{header}\r\n'.encode())
            os.write(here, s.recv(20))
            os._exit(0)
        os.waitpid(child, 0)
        os.close(here)
        got = os.read(there, 20)
        check(status in got, f'another user of the group: {status}', got)

# ---- slow clients hold up nobody ----
clients, full = [], (f'GET {target("/api/v1/query", query="*")} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {hunt}\r\n\r\n').encode()
for i in range(SLOW):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.setblocking(False)
    try:
        s.connect(('127.0.0.1', port))
    except BlockingIOError:
        pass
    clients.append(s)


def dawdle():
    """Half of them ask and do not read, the others send a byte of a request now and then."""
    for i, c in enumerate(clients):
        try:
            c.send(full if i % 2 else b'G')
        except OSError:
            pass


dawdle()
since = time.monotonic()
write(LINES, 2000, 40)
wait_for(lambda: count(data) == LINES + 2000, 20, 'lines to be taken in while slow clients hold the API')
took = time.monotonic() - since
check(took < 10, 'the intake of frames does not wait for clients', took)
dawdle()
same(ask('GET', '/healthz', local=True)[0], 200, 'the unix socket answers meanwhile')
same(len(rows(ask('GET', '/api/v1/rules', local=True))[0]) > 0, True, 'and its quick routes too')
for s in clients:
    s.close()
wait_for(ready, 30, 'the API to answer again')
wait_for(lambda: ask('GET', target('/api/v1/query', query='* | stats count'), hunt)[0] == 200, 30, 'a worker to be free again')

# ---- the audit log ----
audited = wait_for(lambda: (lines := ndjson(dogwatch('audit', 'ls', '--data', data))) and
                   len({x['n'] for x in lines if x['event'] == 'asked'} - {x.get('of') for x in lines}) == 0 and lines, 30, 'every question to be answered in the audit log')
asked = [a for a in audited if a['event'] == 'asked']
check(any(a['who'] == 'hunt-1' and json.loads(a['text']).get('query', '').startswith('* | timechart') and a['from'] == '127.0.0.1' for a in asked), 'queries are in it')
check(any(a['who'] == 'triage-1' and a['method'] == 'PATCH' and 'in_progress' in a['text'] for a in asked), 'changes are in it')
check(any(a['event'] == 'answered' and a['rows'] == 4000 and a['outcome'].startswith('partial: there is more') for a in audited), 'and how they ended')
check(not any(t in json.dumps(audited) for t in tokens.values()), 'no token is in it')
check(dogwatch('audit', 'verify', '--data', data).startswith('ok'), 'audit verify')

# ---- time, a client that does not read, the end ----
same(up.stop(), 0, 'up ends well')
check(not os.path.exists(os.path.join(data, 'api.sock')), 'the socket goes with the collector')
log_ = os.path.join(data, 'audit/audit.log')
before = open(log_, 'rb').read()
open(log_, 'wb').write(before.replace(b'"hunt-1"', b'"hunt-2"', 1))
check('PROBLEM' in dogwatch('audit', 'verify', '--data', data, codes=(1,)), 'a changed line is found')
open(log_, 'wb').write(before[:before.index(b'\n') + 1] + before[before.index(b'\n', before.index(b'\n') + 1) + 1:])
check('PROBLEM' in dogwatch('audit', 'verify', '--data', data, codes=(1,)), 'a line that was taken out is found')
open(log_, 'wb').write(before + b'{"v":1,"n":torn')
up, _ = begin('collector.api.query.time=100ms', 'collector.api.query.wait=300ms', 'collector.api.query.workers=2')
check('"n":%d,' % before.count(b'\n') not in before.decode() and dogwatch('audit', 'verify', '--data', data).startswith('ok'), 'a torn end is cut off')
slow = socket.socket()
slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
slow.connect(('127.0.0.1', port))
slow.sendall(full)
why = wait_for(lambda: [a for a in ndjson(dogwatch('audit', 'ls', '--data', data))[before.count(b'\n'):] if a['event'] == 'answered'], 20, 'a slow query to be ended')[0]['outcome']
check(why.startswith('partial: the client did not read') or why.startswith('partial: over api.query.time'), 'a client that does not read ends its query', why)
slow.close()
_, answer = rows(ask('GET', target('/api/v1/query', query='u1 | sort user.name, -@timestamp | stats dc(event.original) by user.name'), hunt))
check(answer['complete'] or answer['why'].startswith('over api.query.time'), 'time is named when it is over', answer)


def ask_on():
    try:
        ask('GET', target('/api/v1/query', query='*'), hunt)
    except (OSError, http.client.HTTPException):
        pass  # cut off by the end


busy = [threading.Thread(target=ask_on) for _ in range(4)]
for t in busy:
    t.start()
same(up.stop(20), 0, 'up ends well while it is asked')
for t in busy:
    t.join()

# ---- beyond loopback ----
config = os.path.join(dir_, 'collector.yml')


def collector(text):
    open(config, 'w').write(f'data: {data}\nuntil_idle: true\nrules: [{ROOT}/rules]\n{text}')
    return subprocess.run([os.path.join(BUILD, 'dogwatch-collector'), '--config', config], capture_output=True, timeout=60)


pem = os.path.join(dir_, 'cert.pem'), os.path.join(dir_, 'key.pem')
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                '-addext', 'subjectAltName=DNS:localhost', '-keyout', pem[1], '-out', pem[0]], check=True, capture_output=True)
tls = f'api.tls.cert: {pem[0]}\napi.tls.key: {pem[1]}\n'
port = free_ports(1)
r = collector(f'api.listen: 0.0.0.0:{port}\n')
check(r.returncode == 2 and b'api.tls.cert' in r.stderr, 'beyond loopback without TLS: refused', r)
os.rename(os.path.join(data, 'api/tokens'), os.path.join(dir_, 'tokens'))
r = collector(f'api.listen: "[::]:{port}"\n' + tls)
check(r.returncode == 2 and b'dogwatch token add' in r.stderr, 'beyond loopback without a token: refused', r)
os.rename(os.path.join(dir_, 'tokens'), os.path.join(data, 'api/tokens'))
for text in ('api.listen: 7117\n', 'api.listen: example.com:80\n', f'api.tls.cert: {pem[0]}\n'):
    same(collector(text).returncode, 2, f'refused: {text.strip()}')
open(config, 'w').write(f'data: {data}\nrules: [{ROOT}/rules]\napi.listen: 0.0.0.0:{port}\n' + tls)
p = start('dogwatch-collector', config, os.path.join(dir_, 'tls.log'))


def over_tls(path):
    conn = http.client.HTTPSConnection('localhost', port, timeout=5, context=ssl.create_default_context(cafile=pem[0]))
    try:
        conn.request('GET', path, headers={'Authorization': 'Bearer ' + hunt})
        return conn.getresponse().status
    except OSError:
        return 0
    finally:
        conn.close()


wait_for(lambda: over_tls('/readyz') == 200, 20, lambda: 'TLS to answer\n' + open(os.path.join(dir_, 'tls.log')).read())
same(over_tls('/api/v1/rules'), 200, 'a token over TLS')
open(os.path.join(dir_, 'token'), 'w').write(hunt)
for where, cert, code, word in ((f'https://localhost:{port}', pem[0], 0, ''), (f'https://localhost:{port}', '/dev/null', 3, 'SSL_CERT_FILE'), (f'https://127.0.0.1:{port}', pem[0], 3, 'ask for a name'),
                                (f'http://localhost:{port}', pem[0], 3, 'dogwatch: http:')):
    r = subprocess.run([DOGWATCH, 'alerts', '--server', where], capture_output=True, env={**os.environ, 'DOGWATCH_TOKEN_FILE': os.path.join(dir_, 'token'), 'SSL_CERT_FILE': cert, 'SSL_CERT_DIR': dir_})
    check(r.returncode == code and word.encode() in r.stderr and (ID.encode() in r.stdout) == (code == 0), f'{where} with {os.path.basename(cert)}', r)
p.terminate()
same(p.wait(20), 0, 'the collector ends well')
check('ERROR' not in open(os.path.join(dir_, 'tls.log')).read(), 'no sanitizer speaks')
finish(began)
