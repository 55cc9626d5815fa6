#!/usr/bin/env python3
"""The Loki endpoints as Grafana's Explore asks them: shapes as Loki has them, and what they hold is what the log holds."""
import collections
import http.client
import re
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
up = Up(data, [os.path.join(logs, '*.log')], '--set', 'collector.api.listen=127.0.0.1:0')
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
same(up.stop(), 0, 'dogwatch up ends well')
finish(began)
