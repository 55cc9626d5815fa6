#!/usr/bin/env python3
"""Labels of docker containers: which format a log has, how its lines are joined, and, where that is allowed, that it is not read."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('labels')
root = os.path.join(dir_, 'docker')


def container(name, labels, *lines):
    cid = hashlib.sha256(name.encode()).hexdigest()
    os.makedirs(os.path.join(root, cid))
    with open(os.path.join(root, cid, 'config.v2.json'), 'w') as f:
        json.dump({'ID': cid, 'Name': '/' + name, 'Config': {'Image': 'shop/web:1.27', 'Labels': labels}}, f)
    with open(os.path.join(root, cid, f'{cid}-json.log'), 'w') as f:
        for line in lines:
            f.write(json.dumps({'log': line + '\n', 'stream': 'stdout', 'time': '2026-11-29T20:00:00.5Z'}) + '\n')


OWN = '203.0.113.9|GET /login HTTP/1.1|401|17'
container('own', {'dogwatch.io/format': 'nginx_access $remote_addr|$request|$status|$body_bytes_sent'}, OWN)
container('plain', {}, OWN)
container('java', {'dogwatch.io/multiline': 'java', 'com.example': 'x'}, 'java.lang.IllegalStateException: no', '\tat a.B.c(B.java:1)', '\tat a.B.d(B.java:2)', 'next')
container('hidden', {'dogwatch.io/exclude': 'true'}, 'a line of one that would not be read')
container('wrong', {'dogwatch.io/format': 'no_such_format', 'dogwatch.io/multiline': 'no_such_kind'}, '{"level":"info","msg":"hello"}')


def run(name, *more):
    """Events by container, and what was said."""
    data = os.path.join(dir_, name)
    up = Up(data, [os.path.join(dir_, 'nothing/*.log')], '--set', 'discover.docker=true', '--set', f'discover.docker_root={root}', '--until-idle', *more, *OWN_PORT)
    up.wait(60)
    events = {}
    for e in query(data):
        events.setdefault(e['container']['name'], []).append(e)
    return events, up.said(), counters(data)


events, said, counted = run('allowed', '--set', 'labels.exclude=true')
own = events['own'][0]
same((own['source']['ip'], own['http']['response']['status_code'], own['url']['original']), ('203.0.113.9', 401, '/login'), 'the format of a label')
check(own['container']['image'] == {'name': 'shop/web', 'tag': ['1.27']}, 'what is known of a container', own)
check('http' not in events['plain'][0], 'without a label it is not that format', events['plain'])
same([len(e['event']['original'].split('\n')) for e in events['java']], [3, 1], 'a stack trace is one event')
check('hidden' not in events, 'what is not to be read is not', events.get('hidden'))
check('not read: a label of its container says so' in said, 'and that is said', said)
same(counted.get('discover_excluded'), 1, 'and counted')
same(events['wrong'][0].get('message', ''), 'hello', 'a label that is no format: as without it')
check("is no kind of joining: 'no_such_kind'" in said and "is no format: 'no_such_format'" in said, 'and each is said', said)
same(counted.get('labels_refused'), 2, 'and counted')

events, said, counted = run('not-allowed')
same(len(events['hidden']), 1, 'a container does not hide by itself')
check('discover_excluded' not in counted, 'nothing is left out', counted)
finish(began)
