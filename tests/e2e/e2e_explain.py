#!/usr/bin/env python3
"""`dogwatch alert explain`: every condition with a value that is in the event; rules that are gone or changed, and events that are, are said."""
import re
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('explain')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'logs/auth.log')
os.makedirs(os.path.dirname(log))
with open(log, 'w') as f:
    for i in range(150):
        f.write(f'Nov 25 12:00:{i // 3:02} web1 sshd[{100 + i}]: Failed password for root from 203.0.113.9 port {4000 + i} ssh2\n')
    f.write('Nov 25 12:00:59 web1 sshd[900]: Accepted password for root from 203.0.113.9 port 4999 ssh2\n')
with open(os.path.join(dir_, 'logs/access.log'), 'w') as f:
    f.write('203.0.113.9 - - [25/Nov/2026:12:00:01 +0000] "GET /?id=1%20UNION%20SELECT%20password%20FROM%20users-- HTTP/1.1" 200 5 "-" "curl"\n')
rules = os.path.join(dir_, 'rules')
shutil.copytree(os.path.join(ROOT, 'rules'), rules)
dogwatch('up', '--data', data, '--logs', log, '--logs', os.path.join(dir_, 'logs/access.log'), '--rules', rules, '--until-idle')
found = {a['rule']['name']: a for a in alerts(data)}
check({'SSH brute force', 'SQL injection attempt in a request'} <= set(found), 'alerts', found.keys())


def explain(alert, *more, output='ndjson'):
    r = subprocess.run([DOGWATCH, 'alert', 'explain', alert['event']['id'], '--output', output, *more, '--data', data], capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr


for name, alert in found.items():
    code, out, err = explain(alert)
    same(code, 0, f'{name}: explained', )
    lines = [json.loads(x) for x in out.splitlines()]
    left = lines.pop() if 'left_out' in lines[-1] else None
    check((left is not None) == (name == 'SSH brute force') and (not left or left['conditions'] == []), f'{name}: a correlation says what it left out', left)
    named = set(alert['first'] + alert['last'])
    same({x['event']['id'] for x in lines}, named, f'{name}: each named event')
    for x in lines:
        check(x['rule']['same_logic'], f'{name}: the rule decides as it did', x)
        check(x['conditions'] and x['conditions'][0]['holds'], f'{name}: the whole holds', x)
        met = [c for c in x['conditions'] if c['holds'] and 'value' in c]
        check(met, f'{name}: a condition that was met', x)
        check(x['log']['file']['path'].startswith(dir_) and open(x['log']['file']['path'], 'rb').read()[x['log']['start']:x['log']['end']].decode().rstrip('\n')
              == x['event']['original'], f'{name}: its bytes', x)
same([c['value'] for c in json.loads(explain(found['SQL injection attempt in a request'])[1])['conditions'] if 'value' in c],
     ['/?id=1 UNION SELECT password FROM users--'], 'the decoded value that met it')

code, out, err = explain(found['SSH brute force'], output='table')
same(code, 0, 'for people')
check('event_count over ' in out and "event.outcome: 'failure'   <- event.outcome = failure" in out and 'as when it was raised' in out, 'it says what it asks', out[:2000])

check('left out  nothing of its window' in out and 'who came too late is not known: the alert does not name all of its events' not in out, 'nothing was left out', out[-600:])

code, text, err = explain(found['SSH login succeeded after brute force'], output='table')
check(code == 0 and 'left out  not looked at: the rule counts what other correlations found' in text, 'of a correlation of correlations that is not said', text[-500:])

path = next(os.path.join(r, n) for r, _, names in os.walk(rules) for n in names if 'title: SSH login failed' in open(os.path.join(r, n)).read())
text = open(path).read()
open(path, 'w').write(re.sub('event.outcome: failure', 'event.outcome: nothing', text))
code, out, err = explain(found['SSH brute force'], output='table')
same(code, 1, 'a rule that does not match any more')
check('CHANGED since it was raised' in out and 'does not match this event' in out, 'is said', out[:2000])
open(path, 'w').write(text)

code, out, err = explain(found['SSH brute force'], '--rules', path)
same(code, 1, 'a rule that is not there')
check('--rules DIR' in err and path in err, 'is said with where it was looked for', err)
code, out, err = explain(found['SSH brute force'], '--rules', os.path.join(dir_, 'nowhere'))
same(code, 3, 'rules that cannot be read')
check('nowhere' in err, 'are named', err)
code, out, err = explain({'event': {'id': 'ffff'}})
same(code, 1, 'an alert that is not there')

# ---- what a correlation left out: late by its own chain, without a key, without a value ----
other = os.path.join(dir_, 'late')
few, late = os.path.join(dir_, 'few.yml'), os.path.join(dir_, 'logs/late.log')
with open(few, 'w') as f:
    f.write("""title: an error
name: error
detection: {s: {kind: error}, condition: s}
---
title: many errors
name: many
correlation: {type: event_count, rules: [error], group-by: [user.name], timespan: 60s, condition: {gte: 5}}
level: high
---
title: many codes
name: codes
correlation: {type: value_count, rules: [error], group-by: [user.name], timespan: 60s, condition: {field: code, gte: 3}}
level: high
""")
T = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(seconds=200)


def write(second, user='ann', kind='error', code=1):
    stamp = (T + datetime.timedelta(seconds=second)).strftime('%Y-%m-%dT%H:%M:%SZ')
    with open(late, 'a') as f:
        f.write(json.dumps({k: v for k, v in {'time': stamp, 'kind': kind, 'user': user, 'code': code}.items() if v is not None}) + '\n')


for s in range(3):
    write(s, code=s)
write(1, user=None)
write(3, user='bob')
write(4, code=None)
write(100, kind='none')
up = Up(other, [late], '--rules', few)
wait_for(lambda: os.path.isdir(os.path.join(other, 'archive')) and len(ndjson(dogwatch('query', '*', '--data', other, '--output', 'ndjson', codes=(0, 3)))) == 7, 60, lambda: up.said())
same(up.stop(), 0, 'it ends well')
write(2)  # the agent has said that nothing older than its clock is to come
write(2, user='bob')
up = Up(other, [late], '--rules', few)
wait_for(lambda: len(event_ids(other)) == 9, 60, lambda: up.said())
same(up.stop(), 0, 'it ends well')
T += datetime.timedelta(seconds=200)
ann = {a['rule']['name']: a for a in alerts(other)}
same(sorted(ann), ['many codes'], 'the fourth of ann is no fifth, for it came late')


def left_out(alert, output='ndjson'):
    r = subprocess.run([DOGWATCH, 'alert', 'explain', alert['event']['id'], '--output', output, '--data', other, '--rules', few], capture_output=True, text=True)
    check(r.returncode == 0 and 'Sanitizer' not in r.stderr, 'explained', r.stderr)
    return json.loads(r.stdout.splitlines()[-1]) if output == 'ndjson' else r.stdout


x = left_out(ann['many codes'])
same((x['counted'], x['whole'], [(w['why'], w['events'], len(w['first'])) for w in x['left_out']]), (3, True, [('no_key', 1, 1)]), 'codes: one has no user')
T = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
for s in range(5, 10):
    write(s, user='eve', code=s)
write(6, user=None)
up = Up(other, [late], '--rules', few)
wait_for(lambda: len(alerts(other)) == 3, 60, lambda: (alerts(other), up.said()))
same(up.stop(), 0, 'it ends well')
write(6, user='eve')  # too late
write(8, user='eve', code=None)
up = Up(other, [late], '--rules', few)
wait_for(lambda: len(event_ids(other)) == 17, 60, lambda: up.said())
same(up.stop(), 0, 'it ends well')
eve = {a['rule']['name']: a for a in alerts(other) if a['key'] == {'user.name': 'eve'}}
x = left_out(eve['many errors'])
same((x['counted'], x['whole'], [(w['why'], w['events']) for w in x['left_out']]), (5, True, [('late', 2), ('no_key', 1)]), 'errors: two came too late, one has no user')
text = left_out(eve['many errors'], 'table')
check('left out  2 of its window: came too late, or found no room' in text and '1 of its window: it lacks a field of group-by' in text, 'in words', text[-900:])
x = left_out(eve['many codes'])
same((x['counted'], [(w['why'], w['events']) for w in x['left_out']]), (4, [('no_key', 1), ('no_value', 1)]), 'codes: of what came before the crossing nobody is called late who was only not the newest')

os.rename(os.path.join(data, 'archive'), os.path.join(data, 'archive.away'))
dogwatch('up', '--data', os.path.join(dir_, 'other'), '--logs', os.path.join(dir_, 'logs/access.log'), '--rules', rules, '--until-idle')
code, out, err = explain(found['SSH brute force'], '--archive', os.path.join(dir_, 'other/archive'))
same(code, 1, 'events that are not there')
check(re.search(r'\d+ of \d+ named events are not in this archive', err), 'are counted', err)
finish(began)
