#!/usr/bin/env python3
"""Detectors live: a new value, a spike and a silence are told once, a stopped agent makes nothing silent, and replay says the same bytes."""
import re
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('detect')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'app.log')
rules = os.path.join(dir_, 'rules.yml')
open(rules, 'w').write("""title: an event of the application
name: app
detection: {s: {kind: '*'}, condition: s}
---
title: a new user
name: user
detector: {type: new_value, rules: [app], group-by: [kind], field: user.name, timespan: 1d, learn: 2s}
level: low
---
title: far more than usual
name: many
detector: {type: rate_spike, rules: [app], group-by: [kind], timespan: 1s, history: 8, condition: {gte: 40}}
level: low
---
title: it fell silent
name: quiet
detector: {type: silence, rules: [app], group-by: [kind], timespan: 4s, learn: 2s}
level: low
""")


T = datetime.datetime.now(datetime.timezone.utc)


def write(ago, kind, user, count=1):
    """Lines of one instant, so many seconds before the test began."""
    at = (T - datetime.timedelta(seconds=ago)).strftime('%Y-%m-%dT%H:%M:%S.%fZ')
    with open(log, 'a') as f:
        f.write(''.join(f'{{"time":"{at}","kind":"{kind}","user":"{user}","n":{i}}}\n' for i in range(count)))


def alerts(name=None):
    all_ = ndjson(dogwatch('alerts', '--data', data, '--output', 'ndjson', codes=(0, 3)))  # 3: there are none yet
    return [a for a in all_ if name is None or a['rule']['name'] == name]


def raised():
    with open(os.path.join(data, 'alerts/alerts.log'), 'rb') as f:
        return b''.join(x for x in f if x.startswith(b'{"type":"raised"'))


for second in range(12):  # the past: three events a second
    write(60 - second, 'web', 'ann', 3)
write(47, 'web', 'mallory', 60)
write(30, 'db', 'root')
write(27, 'db', 'root')
up = Up(data, [log], '--rules', rules)
wait_for(lambda: len(alerts()) >= 4, 60, lambda: (alerts(), up.said()))
new = alerts('a new user')
check(len(new) == 1 and new[0]['detector']['value'] == ['mallory'] and new[0]['detector']['baseline'] == 1, 'one new value, against what was known', new)
spike = alerts('far more than usual')
check(len(spike) == 1 and spike[0]['detector']['value'] >= 40 and spike[0]['detector']['baseline'] < 10 and spike[0]['detector']['score'] > 3.5, 'one spike, with its baseline', spike)
quiet = {a['key']['kind']: a for a in alerts('it fell silent')}
check(sorted(quiet) == ['db', 'web'] and quiet['web']['total'] == 96 and quiet['db']['total'] == 2, 'what fell silent, of all that was heard', quiet)
same(quiet['web']['window']['end'][:19], (T - datetime.timedelta(seconds=43)).strftime('%Y-%m-%dT%H:%M:%S'), 'at its deadline')
same(up.stop(), 0, 'it ends well')
before = alerts()
T = datetime.datetime.now(datetime.timezone.utc)
write(-2, 'db', 'root')  # a clock a little fast: what is older than the agent has said already would be late
write(-5, 'db', 'root')
up = Up(data, [log], '--rules', rules)
wait_for(lambda: len(event_ids(data)) == 100, 60, lambda: up.said())
wait_for(lambda: len(alerts('it fell silent')) == 3, 60, lambda: (alerts('it fell silent'), up.said()))
same([a['event']['id'] for a in alerts()][:len(before)], [a['event']['id'] for a in before], 'what was told is told once')
same(up.stop(), 0, 'it ends well')
r = subprocess.run([DOGWATCH, 'replay', '--data', data, '--rules', rules], capture_output=True, timeout=120)
check(r.returncode == 0 and r.stdout == raised(), 'replay: the same bytes', (r.stdout[-600:], raised()[-600:], r.stderr[-800:]))
shown = dogwatch('alert', 'show', spike[0]['event']['id'], '--data', data, '--output', 'table')
check('far more than usual' in shown and re.search(r'found  events: \d+ in the span; usual is 3 \(the median', shown), 'alert show', shown[:700])
said = dogwatch('alert', 'show', new[0]['event']['id'], '--data', data, '--output', 'table')
check('found  user.name = mallory is new; values known before: 1' in said, 'a new value in words', said[:700])
said = dogwatch('alert', 'explain', quiet['web']['event']['id'], '--data', data, '--rules', rules, '--output', 'table')
check('found  no event since; usual was one every 0.137 s' in said, 'a silence in words', said[:900])
# ---- rules run: who raises an alert, and who only feeds another ----
event = {'@timestamp': '2026-11-29T10:00:00Z', 'event': {'dataset': 'nginx.access', 'category': ['web']}, 'http': {'response': {'status_code': 404}},
         'url': {'original': '/../../etc/passwd', 'path': '/../../etc/passwd'}, 'source': {'ip': '203.0.113.9'}}
r = subprocess.run([DOGWATCH, 'rules', 'run', os.path.join(ROOT, 'rules')], input=json.dumps(event).encode(), capture_output=True)
said = json.loads(r.stdout.splitlines()[0])
ids = {re.search(r'^name: (\S+)', t, re.M).group(1): re.search(r'^id: (\S+)', t, re.M).group(1)
       for t in (open(os.path.join(ROOT, 'rules/web', n)).read() for n in ('web_not_found.yml', 'web_path_traversal.yml')) if re.search(r'^name: ', t, re.M)}
check(ids['web_not_found'] in said['members'] and ids['web_not_found'] not in said['rules'], 'what only feeds a correlation is a member', said)
check(len(said['rules']) >= 1, 'what raises an alert is a rule', said)
finish(began)
