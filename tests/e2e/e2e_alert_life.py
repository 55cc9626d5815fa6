#!/usr/bin/env python3
"""What analysts do with alerts while the collector runs: status, notes, silences, groups, incidents, risk; nothing of it is lost with the
view, and nothing that is not shown goes uncounted."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('life')
data, logs = os.path.join(dir_, 'data'), os.path.join(dir_, 'logs')
os.makedirs(logs)
ATTACKER, OTHER, FLOOD = '203.0.113.9', '198.51.100.7', 130


def say(*args, codes=(0,)):
    r = subprocess.run([DOGWATCH, *args, '--data', data], capture_output=True, text=True)
    check(r.returncode in codes, f'dogwatch {" ".join(args[:3])} exits {r.returncode}', r.stderr[-1500:])
    return r.stdout, r.stderr


def rows(*args):
    out, err = say(*args, '--output', 'ndjson')
    return [json.loads(x) for x in out.splitlines()], err


def listable():
    """How many alerts are shown; -1: the view is just being made."""
    r = subprocess.run([DOGWATCH, 'alerts', '--data', data, '--output', 'ndjson'], capture_output=True)
    return len(r.stdout.splitlines()) if r.returncode == 0 else -1


def request(address, second, i):
    return (f'{address} - - [25/Nov/2026:12:{second // 60:02}:{second % 60:02} +0000] '
            f'"GET /?id={i}%20UNION%20SELECT%20password%20FROM%20users-- HTTP/1.1" 200 5 "-" "curl"\n')


with open(os.path.join(logs, 'auth.log'), 'w') as f:
    for i in range(30):
        f.write(f'Nov 25 12:00:{i:02} web1 sshd[{100 + i}]: Failed password for root from {ATTACKER} port {4000 + i} ssh2\n')
    f.write(f'Nov 25 12:00:40 web1 sshd[900]: Accepted password for root from {ATTACKER} port 4999 ssh2\n')
with open(os.path.join(logs, 'access.log'), 'w') as f:
    f.writelines(request(ATTACKER, i, i) for i in range(FLOOD))
    f.writelines(request(OTHER, i, i) for i in range(3))
up = Up(data, [os.path.join(logs, '*.log')], '--rules', os.path.join(ROOT, 'rules'))
names = {'SQL injection attempt in a request', 'SSH brute force', 'SSH login succeeded after brute force'}
wait_for(lambda: listable() >= FLOOD + 5, 60, lambda: f'alerts: {up.said()[-1500:]}')
found = alerts(data)
same({a['rule']['name'] for a in found}, names, 'the rules that found something')
web = [a for a in found if a['rule']['name'].startswith('SQL')]
same(len(web), FLOOD + 3, 'one alert for each request')
same({a['source']['ip'] for a in web}, {ATTACKER, OTHER}, 'each says whose request it was')

# a flood: people see the first and a summary, programs all
out, _ = say('alerts', '--output', 'table')
lines = out.splitlines()[1:]
summary = [x for x in lines if x.startswith('...')]
same(len(lines) - len(summary), 20 + 3 + 2, 'rows for people')
check(len(summary) == 1 and f'{FLOOD - 20} more in this hour' in summary[0] and ATTACKER in summary[0], 'the rest is summarised', summary)
same(len(say('alerts', '--all', '--output', 'table')[0].splitlines()) - 1, len(found), '--all shows each')

# groups: the worst first
groups, _ = rows('alerts', '--group')
same([(g['rule']['level'], g['alerts'], g['open'], g['key']) for g in groups],
     [('critical', 1, 1, f'source.ip={ATTACKER}')] + sorted([('high', FLOOD, FLOOD, f'source.ip={ATTACKER}'), ('high', 3, 3, f'source.ip={OTHER}')],
                                                           key=lambda g: -g[1])
     + [('medium', 1, 1, f'source.ip={ATTACKER}')], 'a row for each rule and address')

# incidents and risk
incidents, _ = rows('incidents')
same(sorted((int(i['alerts']), i['level'], i['about']) for i in incidents),
     [(3, 'high', f'source.ip={OTHER}'), (FLOOD + 2, 'critical', f'source.ip={ATTACKER}')], 'alerts that share an address')
big = max(incidents, key=lambda i: int(i['alerts']))
members, _ = rows('incidents', 'show', big['incident'])
same({m['alert'] for m in members}, {a['event']['id'] for a in found if a.get('source', {}).get('ip') == ATTACKER}, 'its alerts')
_, err = say('incidents', 'show', 'nothing', codes=(1,))
check('dogwatch incidents' in err, 'an incident that is not there', err)
risk, _ = rows('entities', '--until', '2026-11-25T13:00:00Z')
same(risk[0]['value'], ATTACKER, 'who is to be looked at first')
check(float(risk[0]['risk']) < 100 + 10 + 30 + 1, 'a repeated rule adds nothing within an hour', risk)

# what people say
login = next(a for a in found if a['rule']['level'] == 'critical')['event']['id']
say('alert', 'status', login[:12], 'in_progress')
say('alert', 'assign', login[:12], 'ada')
say('alert', 'note', login[:12], 'called "the owner"')
say('alert', 'disposition', login[:12], 'true_positive')
for a in web[:3]:
    say('alert', 'status', a['event']['id'], 'false_positive')
_, err = say('alert', 'status', login[:12], 'done', codes=(2,))
check('in_progress' in err, 'a status that there is not', err)
same(len(rows('alerts', 'status:in_progress and assignee:ada')[0]), 1, 'a filter over what people said')
same(next(int(g['open']) for g in rows('alerts', '--group')[0] if int(g['alerts']) == FLOOD), FLOOD - len([a for a in web[:3] if a['source']['ip'] == ATTACKER]),
     'a group counts what is still open')

# silences
_, err = say('silence', 'add', f'source.ip:{OTHER}', codes=(2,))
check('--for' in err, 'a silence ends', err)
_, err = say('silence', 'add', 'source.ip:(', '--for', '1h', codes=(2,))
check('^' in err, 'a filter that is none is shown', err)
_, err = say('silence', 'add', '* | head 3', '--for', '1h', codes=(2,))
check('pipes' in err, 'no pipes', err)
out, _ = say('silence', 'add', f'source.ip:{OTHER}', '--for', '30d', '--reason', 'a scan "of ours"')
listed, _ = rows('silence', 'ls')
same([(s['filter'], s['reason'], s['state']) for s in listed], [(f'source.ip:{OTHER}', 'a scan "of ours"', 'holds')], 'silences')
now = time.time()
stamp = time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime(now + 2))
with open(os.path.join(logs, 'access.log'), 'a') as f:
    for address in (OTHER, ATTACKER):
        f.write(f'{address} - - [{stamp}] "GET /?id=1%20UNION%20SELECT%20a%20FROM%20b-- HTTP/1.1" 200 5 "-" "curl"\n')
wait_for(lambda: listable() == len(found) + 1, 30, lambda: f'the alert that is not silenced: {listable()} of {len(found) + 1}')
shown, err = rows('alerts')
check('1 silenced' in err, 'what is silenced is counted', err)
hidden, _ = rows('alerts', '--silenced')
same([(a['source']['ip'], a['workflow']['silence']) for a in hidden], [(OTHER, listed[0]['silence'])], 'and shown when asked for')
same(len([a for a in shown if a['source']['ip'] == OTHER]), 3, 'what was before it is shown')

# all of it is in the log
before = (rows('alerts'), rows('silence', 'ls'), say('alert', 'show', login))
same(up.stop(), 0, 'dogwatch up ends well')
for name in os.listdir(os.path.join(data, 'alerts')):
    if name.startswith('alerts.db'):
        os.unlink(os.path.join(data, 'alerts', name))
out, _ = say('silence', 'end', listed[0]['silence'], codes=(3,))
up = Up(data, [os.path.join(logs, '*.log')], '--rules', os.path.join(ROOT, 'rules'))
wait_for(lambda: listable() == len(shown), 60, lambda: f'alerts: {up.said()[-1500:]}')
check(before == (rows('alerts'), rows('silence', 'ls'), say('alert', 'show', login)), 'a view made anew shows the same')
say('silence', 'end', listed[0]['silence'])
same(rows('silence', 'ls')[0][0]['state'], 'ended', 'a silence is ended')
_, err = say('silence', 'end', 'nothing', codes=(1,))
check('silence ls' in err, 'a silence that is not there', err)

# a collector that somebody else ends is started again
pid = up.child('dogwatch-collector')
os.kill(pid, signal.SIGTERM)
wait_for(lambda: up.child('dogwatch-collector') not in (0, pid), 30, lambda: f'another collector: {up.said()[-800:]}')
check('collector ended with code 0' in up.said() or 'collector was killed by signal' in up.said(), 'and that is said', up.said()[-800:])
same(up.stop(), 0, 'dogwatch up ends well')
finish(began)
