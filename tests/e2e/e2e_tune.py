#!/usr/bin/env python3
"""`dogwatch rules tune`: a filter for false positives, from files of events, the rule's own cases and judged alerts; what cannot be proved is not written."""
from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('tune')
RULE = '''title: Root shell
id: 5f3c1f0e-4a53-4e3f-8a55-0c9a1d1f0001
status: test
level: medium
logsource: {product: linux}
detection:
    s: {user.name: root, process.name|endswith: sh}
    condition: s
'''
CASES = '''tests:
    match:
        - {event.dataset: auditd.log, user.name: root, process.name: zsh, process.parent.name: sshd}
'''


def write(name, text):
    path = os.path.join(dir_, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)
    return path


def events(name, *rows):
    return write(name, ''.join(json.dumps(r) + '\n' for r in rows))


def rules(*args, text=''):
    r = subprocess.run([DOGWATCH, 'rules', *args], input=text, capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr


def shell(parent, **more):
    return {'event.dataset': 'auditd.log', 'user.name': 'root', 'process.name': 'bash', 'process.parent.name': parent, 'process.pid': 7, **more}


bare, cased = write('bare/r.yml', RULE), write('cased/r.yml', RULE + CASES)
wrong = events('wrong', *[shell('cron', **{'host.name': h, 'process.pid': i}) for i in range(10) for h in ('a', 'b')], shell('cron', **{'user.name': 'bob'}))
right = events('right', shell('nginx', **{'host.name': 'a'}))

# a filter, and the proof
rc, out, err = rules('tune', bare, '--false-positives', wrong, '--true-positives', right)
check(rc == 0 and "    excluded: # 20 false positives\n        process.parent.name: 'cron'\n    condition: not excluded\n" in out and 'NO TRUE POSITIVE' not in out + err, 'the field that tells them apart', out + err)
check('false positives: 20 matched, 20 are excluded; true positives: 1 of 1 match still' in err and '1 events are left out: the rule does not match them' in err, 'the proof is told', err)
same(rules('tune', bare, '--false-positives', wrong, '--true-positives', right)[1], out, 'the same again, byte for byte')
made = os.path.join(dir_, 'bare', 'r.filter.yml')
code, said, err = rules('tune', bare, '--false-positives', wrong, '--true-positives', right, '--output', made)
same((code, said), (0, ''), 'into a file')
check(f'{made} is written; ' in err, 'which is said', err)
same(open(made).read(), out, 'the file has it')
check(rules('tune', bare, '--false-positives', wrong, '--output', made)[0] == 3, 'no file is written over')
code, out, err = rules('tune', '--help')
check(code == 0 and out.startswith('usage: dogwatch rules tune ') and '--from-alerts' in out and out.count('dogwatch rules ') == 1 and not err, 'a word says how it is used', (code, out, err))
code, out, err = rules('--help')
check(code == 0 and all(f' dogwatch rules {w} ' in out for w in ('check', 'tune', 'import')), 'and all of them do', (code, out, err))
rc, verdicts, err = rules('run', os.path.join(dir_, 'bare'), text=open(wrong).read() + open(right).read())
same([i for i, v in enumerate(verdicts.splitlines()) if json.loads(v)['rules']], [21], 'with it the rule matches what is right, and no more')
check(rules('check', '--strict', os.path.join(dir_, 'bare'))[0] == 0, 'nothing is odd about it')

# what is not known, and what cannot be
rc, out, err = rules('tune', bare, '--false-positives', wrong)
check(rc == 0 and 'NO TRUE POSITIVE WAS GIVEN' in err and '# ' in out and 'NO TRUE POSITIVE WAS GIVEN' in out and 'user.name' not in out, 'without true positives it is loud', out + err)
rc, out, err = rules('tune', cased, '--false-positives', wrong)
check(rc == 0 and "process.parent.name: 'cron'" in out and '(1 are cases); cases: 1 of 1 that passed pass still' in err and 'NO TRUE' not in err, 'cases of the rule are true positives', out + err)
rc, out, err = rules('tune', cased, '--false-positives', events('same', shell('sshd', **{'process.name': 'zsh'})))
check(rc == 1 and not out and 'no filter: in no field that lasts' in err, 'a false positive that is just what must be found', out + err)
rc, out, err = rules('tune', bare, '--false-positives', right, '--true-positives', right)
check(rc == 1 and not out, 'one event cannot be both', out + err)
rc, out, err = rules('tune', bare, '--false-positives', events('none', shell('x', **{'user.name': 'eve'})))
check(rc == 1 and 'no false positive matches the rule' in err, 'nothing to exclude', err)
odd = events('odd', shell("C:\\a*\\'b?"), shell("C:\\a*\\'b?"))
rc, out, err = rules('tune', bare, '--false-positives', odd, '--true-positives', events('wide', shell("C:\\abc\\'bx")))
check(rc == 0 and "process.parent.name: 'C:\\\\a\\*\\\\''b\\?'" in out, 'a value stands for itself', out + err)
two = write('two/r.yml', RULE + '---\n' + RULE.replace('0001', '0002').replace('Root shell', 'Other') + '---\ntitle: Many\nid: many\ncorrelation: {type: event_count, rules: [' + '5f3c1f0e-4a53-4e3f-8a55-0c9a1d1f0001'
            + '], group-by: [user.name], timespan: 1m, condition: {gte: 2}}\n')
check('--rule ID says which' in rules('tune', two, '--false-positives', wrong)[2], 'of several rules one is named')
check('no rule about one event' in rules('tune', two, '--rule', 'many', '--false-positives', wrong)[2], 'a correlation is not tuned')
check(rules('tune', two, '--rule', 'Other', '--false-positives', wrong)[0] == 0 and rules('tune', two, '--rule', 'zzz', '--false-positives', wrong)[0] == 2, 'by its title')
check(rules('tune', bare)[0] == 2 and rules('tune', bare, '--false-positives', dir_ + '/nothing')[0] == 3, 'usage')

# of alerts that people judged
log = 'Nov 25 12:00:{:02} web1 sshd[{}]: Failed password for {} from {} port {} ssh2\n'
write('logs/auth.log', ''.join(log.format(i, 100 + i, who, ip, 4000 + i) for i, (who, ip) in enumerate([('root', '10.0.0.5')] * 3 + [('root', '203.0.113.9')] * 2)))
failed = write('failed/r.yml', '''title: Failed login
id: 5f3c1f0e-4a53-4e3f-8a55-0c9a1d1f0003
status: test
level: low
logsource: {product: linux, service: sshd}
detection: {s: {event.outcome: failure}, condition: s}
''')
data = os.path.join(dir_, 'data')
rc, out, err = rules('tune', failed, '--from-alerts', '--data', data)
check(rc == 3, 'no data', out + err)
up = Up(data, [os.path.join(dir_, 'logs/*.log')], '--rules', failed, *OWN_PORT)


def found():
    r = subprocess.run([DOGWATCH, 'alerts', '--data', data, '--output', 'ndjson'], capture_output=True, text=True)
    return [json.loads(x) for x in r.stdout.splitlines()] if r.returncode == 0 else []


wait_for(lambda: len(found()) == 5, 60, lambda: f'alerts: {up.said()[-1500:]}')
rc, out, err = rules('tune', failed, '--from-alerts', '--data', data)
check(rc == 1 and 'no alert of this rule was judged' in err, 'nobody has said anything yet', out + err)
for a in found():
    dogwatch('alert', 'disposition', a['event']['id'], 'true_positive' if a['source']['ip'] == '203.0.113.9' else 'false_positive', '--data', data)
rc, out, err = rules('tune', failed, '--from-alerts', '--data', data)
check(rc == 0 and "    excluded: # 3 false positives\n        source.ip: '10.0.0.5'\n" in out and '3 matched, 3 are excluded; true positives: 2 of 2 match still' in err, 'judged alerts', out + err)
same(up.stop(), 0, 'up ends')

finish(began)
