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

os.rename(os.path.join(data, 'archive'), os.path.join(data, 'archive.away'))
dogwatch('up', '--data', os.path.join(dir_, 'other'), '--logs', os.path.join(dir_, 'logs/access.log'), '--rules', rules, '--until-idle')
code, out, err = explain(found['SSH brute force'], '--archive', os.path.join(dir_, 'other/archive'))
same(code, 1, 'events that are not there')
check(re.search(r'\d+ of \d+ named events are not in this archive', err), 'are counted', err)
finish(began)
