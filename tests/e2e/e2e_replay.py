#!/usr/bin/env python3
"""`dogwatch replay`: the alerts of a live run, killed and started again, byte for byte out of its archive; beside it, from a copy that nobody
may write, and with late events in their place. --long: the same over Apache Kafka, three partitions and ten kills of the collector."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
SEED = int(os.environ.get('DW_SEED', '7'))
rng = random.Random(SEED)
dir_ = scratch('replay')
rules = os.path.join(ROOT, 'rules')


live_of = live  # the name is the live run's below


def replay(data, *more, codes=(0,), raw=False):
    """What comes out, and what is said."""
    r = subprocess.run([DOGWATCH, 'replay', *(() if raw else ('--data', data)), *more], capture_output=True, timeout=300)
    said = r.stderr.decode(errors='replace')
    check(r.returncode in codes and 'Sanitizer' not in said, f'replay {" ".join(more)} exits {r.returncode}', said[-3000:])
    return r.stdout, said


def raised(data):
    """The lines of alerts.log that raised an alert, as they stand."""
    with open(os.path.join(data, 'alerts/alerts.log'), 'rb') as f:
        return b''.join(x for x in f if x.startswith(b'{"type":"raised"'))


def same_bytes(got, want, what):
    if check(got == want and want, f'{what}: the same bytes', (len(got), len(want))):
        return
    for a, b in itertools.zip_longest(got.splitlines(), want.splitlines()):
        if a != b:
            print('    replay', (a or b'')[:300], '\n    live  ', (b or b'')[:300], flush=True)
            return


def tree(path):
    """Every file with what could show that somebody wrote: bytes, time, mode."""
    return {os.path.relpath(os.path.join(r, n), path): (os.stat(os.path.join(r, n)).st_mtime_ns, hashlib.sha256(open(os.path.join(r, n), 'rb').read()).hexdigest())
            for r, _, ns in os.walk(path) for n in ns if not os.path.islink(os.path.join(r, n)) and not n.endswith('.sock')}


def kill(up, name):
    """Ends a live child; one that is not there within 15 s fails the test."""
    pid = wait_for(lambda: up.child(name), 15, f'a live {name}')
    end = time.monotonic() + rng.random() * 0.15
    wait_for(lambda: time.monotonic() > end or up.child(name) != pid, 1, 'a moment of its life', 0.001)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    wait_for(lambda: up.child(name) != pid, 5, f'the end of {name} {pid}')


class Auth:
    """A log of failed logins: few addresses, so that correlations cross, and are told again; across all files of these."""

    def __init__(self, path, lines, seed):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.path, self.left, self.rng, self.lines = path, lines, random.Random(seed), 0

    def run(self, n):
        with open(self.path, 'a') as f:
            for _ in range(min(n, self.left)):
                self.left -= 1
                self.lines += 1
                now = datetime.datetime.now(datetime.timezone.utc).isoformat()
                f.write(f'{now} web1 sshd[{1000 + self.lines}]: Failed password for root from 203.0.113.{self.rng.randrange(3)} port {self.lines} ssh2\n')
        return self.left > 0


def lines_of(writers):
    return sum(w.lines if isinstance(w, Auth) else len(w.record.lines) for w in writers)


def write_and_kill(writers, kills, kill_one):
    for k in range(kills):
        for w in writers:
            w.run((w.left if isinstance(w, Auth) else w.total - w.n) // (kills + 1 - k))
        kill_one()
    while any([w.run(200) for w in writers]):
        pass


# ---- a live run with kills, over a folder ----
traffic = Traffic(os.path.join(dir_, 'logs'), 200000 if LONG else 8000, seed=SEED, rotate=300000)
writers = [traffic, *(Auth(os.path.join(dir_, f'logs/auth-{k}.log'), 300, SEED + k) for k in range(2))]
CUT = 5  # lines, the last too long: what it lacks leaves rules undecided, which is raised once
with open(os.path.join(dir_, 'logs/auth-cut.log'), 'w') as f:
    for n in range(CUT):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        f.write(f'{now} web1 sshd[{n}]: Failed password for root from 203.0.113.9 port {n} ssh2{" " + "x" * 600000 if n == CUT - 1 else ""}\n')
KILLS = 10 if LONG else 4  # `up` waits longer after each
data = os.path.join(dir_, 'data')
up = Up(data, [*traffic.globs, os.path.join(dir_, 'logs/auth-*.log')], '--rules', rules, brokers=None)
write_and_kill(writers, KILLS, lambda: kill(up, 'dogwatch-collector'))
total = lines_of(writers) + CUT
wait_for(lambda: count(data) >= total or up.process.poll() is not None, 600 if LONG else 90, f'{total} lines', 0.3)
# Alerts may still be raised while we look: the replay, which begins later, has at least those.
before = wait_for(lambda: raised(data), 60, 'alerts')
got, said = replay(data)
check(got.startswith(before) and before, 'beside the running collector: what it had raised so far', (len(got), len(before)))
a = alerts(data)[0]['event']['id']
dogwatch('alert', 'note', a, 'looked at', '--data', data)
dogwatch('alert', 'status', a, 'closed', '--data', data)
dogwatch('silence', 'add', '*', '--for', '1h', '--data', data)
same(up.stop(), 0, 'up ends well')
same(up.said().count('was killed by signal 9'), KILLS, 'every kill was one')
live = raised(data)
log = open(os.path.join(data, 'alerts/alerts.log'), 'rb').read()
correlated = [x for x in ndjson(live.decode()) if x['finding'].get('key')]
check(any(x['finding']['update'] for x in correlated), 'there are correlations among them, told again too', len(correlated))
check(b'"type":"changed"' in log and b'"type":"silence"' in log, 'silences, notes and status are in the log too')
told = [x['finding'] for x in ndjson(live.decode()) if x['rule'] == 'dogwatch.rule.undecided' and 'auth-cut.log' in x['key']]
check(told and all(x['undecided']['why'] == ['cut'] and x['undecided']['tests'] for x in told), 'what a cut line leaves undecided is raised, and why', told[:2])
same(len({(x['undecided']['rule']['id'], x['undecided']['event'][:32]) for x in told}), len(told), 'once a rule and stream')
shown = dogwatch('alert', 'show', told[0]['event']['id'], '--data', data, '--output', 'table') if told else ''
check('the line was cut' in shown and 'auth-cut.log' in shown and 'sshd[4]: Failed' in shown, 'and is shown with the line', shown[:600])
untouched = tree(data)
got, said = replay(data)
same_bytes(got, live, f'{KILLS} kills')
check('by the rules that were in force, as the archive has them; they changed 0 times' in said and 'PARTIAL' not in said, 'whose rules they are is said', said)
got, _ = replay(data, '--faithful', '--output', 'ndjson')
same_bytes(got, live, '--faithful')
same(tree(data), untouched, 'nothing in DATA was written, not even a time')

# A copy that nobody may write, read by a user who owns nothing in it.
copy = os.path.join(dir_, 'copy')
shutil.copytree(os.path.join(data, 'archive'), copy)
os.chmod(dir_, 0o755)
for r, ds, ns in os.walk(copy):
    os.chmod(r, 0o555)
    for n in ns:
        os.chmod(os.path.join(r, n), 0o444)
config = os.path.join(dir_, 'collector.yml')
shutil.copy(os.path.join(data, 'up/collector.yml'), config)
os.chmod(config, 0o444)
before = tree(copy)
got, said = replay(copy, '--archive', copy, '--config', config, '--rules', rules, raw=True)
same_bytes(got, live, 'a read-only copy')
check('what these rules would have raised' in said, 'with --rules it is a what-if', said)
same(tree(copy), before, 'the copy is as it was')
for r, ds, ns in os.walk(copy):
    os.chmod(r, 0o755)
got, said = replay(copy, '--archive', copy, raw=True, codes=(0,))
check('no configuration stands beside the archive' in said and 'as the archive has them' in said, 'what is not known of a bare archive is said', said)
_, said = replay(copy, '--archive', copy, '--rules', rules, raw=True)
check('no alerts.log stands beside' in said, 'whether other rules decide alike is not known there', said)

# Times: a part of the same lines.
times = sorted(json.loads(x)['time'] for x in live.splitlines())
mid = times[len(times) // 2]
stamp = datetime.datetime.fromtimestamp(mid // 10**9, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
from_ns = mid // 10**9 * 10**9
got, said = replay(data, '--since', stamp)
same_bytes(got, b''.join(x for x in live.splitlines(True) if json.loads(x)['time'] >= from_ns), '--since')
got, _ = replay(data, '--until', stamp)
same(got, b''.join(x for x in live.splitlines(True) if json.loads(x)['time'] <= from_ns), '--until')
first = datetime.datetime.fromtimestamp(times[0] // 10**9 - 5, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
_, said = replay(data, '--since', first)
check('cold at --since' in said, 'rules whose window reaches to before the archive are named', said)
table, _ = replay(data, '--output', 'table')
same(len(table.splitlines()), len(live.splitlines()) + 1, 'a table has a row for each')

# A rule that decides otherwise is named in a what-if; without --rules those of then are taken, whatever became of them.
changed = os.path.join(dir_, 'rules')
shutil.copytree(rules, changed)
path = os.path.join(changed, 'web/web_path_traversal.yml')
text = open(path).read()
_, said = replay(data, '--rules', changed)
check('decides otherwise' not in said, 'equal rules decide alike', said)
ident = next(x.split()[1] for x in text.splitlines() if x.startswith('id:'))
check(ident.encode() in live, 'the live run raised that rule', ident)
open(path, 'w').write(text.replace('category: webserver', 'category: proxy', 1))
check(open(path).read() != text, 'the rule was changed')
_, said = replay(data, '--rules', changed)
check(f'{ident} decides otherwise' in said, 'a rule that was changed is named', said)
os.unlink(path)
_, said = replay(data, '--rules', changed)
check(f'{ident} raised alerts, and is not among these' in said, 'and one that is gone', said)
again = os.path.join(dir_, 'again')
shutil.copytree(data, again)
mine = os.path.join(again, 'up/collector.yml')
as_it_was = open(mine).read()
open(mine, 'w').write(as_it_was.replace(rules, changed))
check(changed in open(mine).read(), 'the configuration names the other rules')
got, said = replay(again)
same_bytes(got, live, 'the rules of then, with other ones configured today')

# Damage: an alert, and an answer that says it is partial.
hurt = os.path.join(dir_, 'hurt')
shutil.copytree(data, hurt)
segment = max(segments(hurt), key=os.path.getsize)
body = bytearray(open(segment, 'rb').read())
body[len(body) // 3] ^= 0x40
open(segment, 'wb').write(body)
got, said = replay(hurt, codes=(1,))
check('PARTIAL' in said and b'dogwatch.archive.damaged' in got, 'damage is an alert, and makes the answer partial', said)


# ---- detectors ----
quiet, quiet_rules = os.path.join(dir_, 'quiet'), os.path.join(dir_, 'quiet.yml')
with open(quiet_rules, 'w') as f:
    f.write('''title: seen
id: 00000000-0000-4000-8000-00000000000a
name: seen
logsource: {category: webserver}
detection: {s: {url.path|startswith: /}, condition: s}
---
title: quiet
id: 00000000-0000-4000-8000-00000000000b
detector: {type: silence, rules: [seen], group-by: [source.ip], timespan: 60s, learn: 1s}
---
title: new
id: 00000000-0000-4000-8000-00000000000c
detector: {type: new_value, rules: [seen], group-by: [source.ip], field: url.path, timespan: 1h, learn: 1s}
''')
at = datetime.datetime(2026, 11, 25, 12)
with open(os.path.join(dir_, 'quiet.log'), 'w') as f:
    for i in range(60):
        at += datetime.timedelta(seconds=200 if i % 20 == 19 else 2)
        f.write(f'203.0.113.{i % 2} - - [{at.strftime("%d/%b/%Y:%H:%M:%S +0000")}] "GET /{i % 7} HTTP/1.1" 200 5 "-" "curl"\n')
dogwatch('up', '--data', quiet, '--logs', os.path.join(dir_, 'quiet.log'), '--rules', quiet_rules, '--until-idle')
qlive = raised(quiet)
check({'quiet', 'new'} <= {x['title'] for x in ndjson(qlive.decode())}, 'detectors raise alerts', qlive[-600:])
same_bytes(replay(quiet)[0], qlive, 'detectors')
rows = ndjson(replay(quiet, '--corrected')[0].decode())
same(sorted((x['id'], x['total']) for x in rows), sorted((x['id'], x['total']) for x in ndjson(qlive.decode())), 'nothing came late: the same alerts, silences too')
check(not any(x['replay']['new'] for x in rows), 'and none is new')


# ---- late events in their place ----
late = os.path.join(dir_, 'late')
auth = os.path.join(dir_, 'late.log')
now = datetime.datetime.now(datetime.timezone.utc)


def line(i):
    return f'{(now - datetime.timedelta(seconds=60 - i)).isoformat()} web1 sshd[{100 + i}]: Failed password for root from 203.0.113.9 port {4000 + i} ssh2\n'


ten = [line(i) for i in range(10)]
with open(auth, 'w') as f:
    f.writelines(ten[:9])
up = Up(late, [auth], '--rules', rules, brokers=None)
wait_for(lambda: count(late) == 9, 30, 'nine failures')
wait_for(lambda: b'"heartbeat"' in b''.join(views for p in segments(late) if p.endswith('.open') for _, _, views in dwcat.read_frames(open(p, 'rb').read())), 20,
         'a heartbeat, by which the agent states that it is past them')
with open(auth, 'a') as f:
    f.write(ten[9])
wait_for(lambda: count(late) == 10, 30, 'the tenth, late')
same(up.stop(), 0, 'up ends well')


def brute(text):
    return [x for x in ndjson(text.decode()) if x['title'] == 'SSH brute force']


check(not brute(replay(late)[0]), 'faithful: the tenth came late, and there was no alert')
got, said = replay(late, '--corrected')
found = brute(got)
check(len(found) == 1 and found[0]['replay'] == {'mode': 'corrected', 'new': True} and found[0]['total'] == 10, 'corrected: there is one, and it is new', (found, said))
check('1 new by late events' in said, 'and counted', said)
got, said = replay(data, '--corrected')
rows = ndjson(got.decode())
check(all(x['replay']['mode'] == 'corrected' for x in rows), 'every row says its mode')
by_total = {}
for x in ndjson(live.decode()):
    by_total[x['id']] = max(by_total.get(x['id'], 0), x['total'])
mine = {}
for x in rows:
    mine[x['id']] = max(mine.get(x['id'], 0), x['total'])
    check(x['replay']['new'] == (by_total.get(x['id'], 0) < x['total']), 'new is what the live run had not', x)
check(set(mine) >= set(by_total) or 'it is not raised' in said, 'what is gone is said', said)
_, said = replay(late, '--faithful', '--corrected', codes=(2,))
check('usage' in said, 'both ways at once', said)
_, said = replay(os.path.join(dir_, 'nothing'), codes=(3,))
check('no archive to read' in said, 'no archive', said)

# ---- over Apache Kafka ----
if LONG:
    if checks['failed']:
        finish(began)  # where Kafka cannot be brought here, the test ends as skipped
    kafka = Kafka(1)
    AGENTS = 5
    topic = topic_of(os.path.join(dir_, 'kafka'))
    sets = ('transport=kafka', f'kafka.brokers={kafka.brokers}', f'kafka.topic={topic}', f'collector.kafka.group={topic}', 'collector.kafka.partitions=3',
            'collector.agent.idle_after=30s')
    fleet, writers = [], []
    for k in range(AGENTS):
        host = os.path.join(dir_, f'host-{k}')
        mine = [Traffic(host, 10000, seed=SEED + 10 + k, rotate=1000000), Auth(os.path.join(host, 'auth.log'), 300, SEED + 20 + k)]
        writers += mine
        agent, collector = configure(os.path.join(dir_, f'kafka-{k}'), [*mine[0].globs, os.path.join(host, 'auth.log')], *sets)
        fleet.append(start('dogwatch-agent', live_of(agent)))
        if k == 0:
            config = live_of(collector)
    kdata, said_by = os.path.join(dir_, 'kafka-0'), os.path.join(dir_, 'kafka.log')
    running = [start('dogwatch-collector', config, said_by)]
    wait_for(lambda: os.path.exists(os.path.join(kdata, 'archive/MANIFEST')), 60, 'the collector')

    def kill_collector():
        end = time.monotonic() + rng.random()
        wait_for(lambda: time.monotonic() > end, 2, 'a moment of its life', 0.001)
        running[0].kill()
        same(running[0].wait(10), -9, 'the collector was killed')
        running[0] = start('dogwatch-collector', config, said_by)

    write_and_kill(writers, 10, kill_collector)
    total = lines_of(writers)
    wait_for(lambda: count(kdata) >= total, 300, lambda: f'{total} lines; {open(said_by, errors="replace").read()[-2000:]}', 0.5)
    for p in [*fleet, running[0]]:
        p.terminate()
        same(p.wait(60), 0, 'a program of the fleet ends well')
    shown = kafka.run('run', 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', kafka.brokers, '--describe', '--topic', topic)
    check('PartitionCount: 3' in shown, 'three partitions', shown)
    sources = {x for x in range(3) if f'Partition: {x}' in shown}
    same(sources, {0, 1, 2}, 'each of them')
    klive = raised(kdata)
    check(any(x['finding']['update'] for x in ndjson(klive.decode()) if 'update' in x['finding']), 'correlations over five agents, told again')
    same_bytes(replay(kdata)[0], klive, 'three partitions over Apache Kafka, ten kills of the collector')
    print(f'Kafka: {AGENTS} agents, {total} lines, {len(klive.splitlines())} lines of alerts')
print(f'{traffic.total} lines, {KILLS} kills, {len(live.splitlines())} lines of alerts')
finish(began)
