#!/usr/bin/env python3
"""The words of `dogwatch rules`: check, test, run, explain, bench, visibility, coverage, import, over rules written here and the shipped ones."""
import xml.etree.ElementTree

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('rules')


def write(name, text):
    path = os.path.join(dir_, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)
    return path


def rules(*args, events=()):
    text = ''.join(json.dumps(e) + '\n' if isinstance(e, dict) else e + '\n' for e in events)
    r = subprocess.run([DOGWATCH, 'rules', *args], input=text, capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr


HEAD = 'id: {id}\ntitle: {title}\nstatus: {status}\nlevel: {level}\ntags: [attack.execution, {tag}]\nlogsource: {{product: {product}}}\n'
ROOT_SHELL = HEAD.format(id='r1', title='Root shell', status='stable', level='high', tag='attack.t1059.004', product='linux') + '''detection:
    who: {user.name: root}
    what: {process.name|endswith: [sh, zsh]}
    never: {process.args|contains: harmless}
    condition: who and what and not never
tests:
    match:
        - {event.dataset: auditd.log, user.name: root, process.name: bash}
        - {event.dataset: auditd.log, user: {name: ROOT}, process: {name: [vi, zsh]}}
    no_match:
        - {event.dataset: auditd.log, user.name: root, process.name: bash, process.args: [-c, harmless]}
        - {event.dataset: nginx.access, user.name: root, process.name: bash}
'''
MANY = '''title: Many root shells
id: c1
correlation: {type: event_count, rules: [r1], group-by: [host.name], timespan: 1m, condition: {gte: 3}}
'''
CASES = '''rule: c1
sequences:
    - alerts: 1
      events:
          - {_at: 0, _alerts: 0, event.dataset: auditd.log, user.name: root, process.name: sh, host.name: a}
          - {_at: 10, _times: 2, _every: 5, _alerts: 1, event.dataset: auditd.log, user.name: root, process.name: sh, host.name: a}
          - {_at: 20, event.dataset: auditd.log, user.name: root, process.name: sh, host.name: b}
    - alerts: 0
      events:
          - {_times: 3, _every: 40, event.dataset: auditd.log, user.name: root, process.name: sh, host.name: a}
'''
shell = write('own/root_shell.yml', ROOT_SHELL)
many = write('own/many.yml', MANY)
write('own/many.test.yml', CASES)
own = os.path.join(dir_, 'own')
hit = {'event.dataset': 'auditd.log', 'user.name': 'root', 'process.name': 'bash', 'i': 7}
miss = {'event.dataset': 'auditd.log', 'user.name': 'bob', 'process.name': 'bash', 'i': 8}

# check
rc, out, err = rules('check', own)
same((rc, out, err), (0, '2 rules are good, 0 are not; 11 notes, which --notes shows\n', ''), 'good rules')
odd = write('odd/odd.yml', ROOT_SHELL.replace('logsource: {product', 'logsource: {prodcut: x, product'))
same(rules('check', odd)[0], 0, 'what is odd is told, and loads')
rc, out, err = rules('check', '--strict', odd)
check(rc == 2 and "did you mean 'product'" in err and '1 warnings' in out, '--strict', out + err)

said = rules('check', '--notes', odd)[2]
check("odd.yml:1:5: note: the id 'r1' is no UUID [DW-S032]\n    1 | id: r1\n      |     ^^" in said and 'uuidgen' in said, 'a note has code, place, picture and hint', said)
twice = write('twice/twice.yml', ROOT_SHELL.replace('[sh, zsh]', '[sh, SH]'))
rc, out, err = rules('check', '--output', 'ndjson', twice)
found = [json.loads(x) for x in out.splitlines()]
same((rc, [(x['code'], x['severity'], x['line'], x['col'], x['file']) for x in found]), (0, [('DW-S080', 'warning', 9, 40, twice)]), 'findings as objects')
check('1 rules are good, 0 are not; 1 warnings; ' in err, 'and their sum beside them', err)
same(rules('check', '--strict', twice)[0], 2, 'a warning fails --strict')
write('twice/twice.yml', ROOT_SHELL.replace('[sh, zsh]', '[sh, SH]') + '# dogwatch: allow DW-S080: both are seen\n')
rc, out, err = rules('check', '--strict', twice)
check(rc == 0 and out.endswith('; 1 findings are allowed by their files\n') and not err, 'a file allows what is no error', out + err)
broken = write('broken/broken.yml', ROOT_SHELL.replace('endswith', 'endwith'))
rc, out, err = rules('check', '--output', 'ndjson', broken)
same((rc, [(x['code'], x['severity'], x['help']) for x in map(json.loads, out.splitlines())]), (2, [('DW-S012', 'error', "did you mean 'endswith'?")]), 'a mistake has its code too')
same(rules('check', '--output', 'csv', odd)[0], 2, 'an output that there is not')
rc, out, err = rules('check', '--strict', os.path.join(ROOT, 'rules'))
check(rc == 0 and not err, 'nothing is odd about the shipped rules', out + err)

# test
rc, out, err = rules('test', own)
same((rc, out, err), (0, '6 cases passed, 0 failed; 0 of 2 rules have none\n', ''), 'cases in a rule and beside one')
rc, out, err = rules('test', shell)
check(rc == 0 and out.startswith('4 cases passed'), 'a file alone', out + err)
bad = write('bad/bad.yml', ROOT_SHELL.replace('name: ROOT', 'name: rot').replace('match:\n        - {event.dataset: auditd.log, user.name: root', 'match:\n        - {event.dataset: nginx.access, user.name: root', 1))
rc, out, err = rules('test', bad)
check(rc == 1 and '2 cases passed, 2 failed' in out, 'cases that fail', out + err)
check('bad.yml:15:11: error: match 2' in out and "user.name: 'root'   <- user.name = rot" in out, 'a failed case has its place and what decided', out)
check('its logsource does not take the event' in out, 'a case whose logsource is another', out)
rc, out, err = rules('test', '--junit', bad)
suite = xml.etree.ElementTree.fromstring(out).find('testsuite')
same((rc, suite.get('tests'), suite.get('failures')), (1, '4', '2'), 'JUnit')
same([c.find('failure') is not None for c in suite.findall('testcase')], [True, True, False, False], 'which cases failed')
write('bad/seq.yml', MANY)
write('bad/seq.test.yml', CASES.replace('_alerts: 1', '_alerts: 2').replace('_every: 40', '_every: 4'))
rc, out, err = rules('test', os.path.join(dir_, 'bad'))
check('1 alerts, not 2 (at a step)' in out and '1 alerts, not 0 (in order)' in out, 'sequences that fail', out + err)
slip = write('slip/slip.yml', ROOT_SHELL)
write('slip/slip.test.yml', 'rule: nobody\nmatch: []\nnomatch: []\n')
rc, out, err = rules('test', os.path.join(dir_, 'slip'))
check(rc == 2 and "unknown key 'nomatch'" in err and 'no such rule' in err, 'a mistake in a file of cases', out + err)
rc, out, err = rules('test', os.path.join(ROOT, 'rules'))
check(rc == 0 and ' 0 failed; 0 of ' in out, 'the shipped rules', out + err)

write('foreign/example.yaml', '''title: Example of using sigma-test
detection:
  ssh: {dst_port: 22}
  permitted_user: {user: [alice, bob]}
  condition: ssh and not permitted_user
testcases:
  match:
    - {dst_port: 22, user: charlie}
  dont-match:
    - {dst_port: 443, user: charlie}
    - {dst_port: 22, user: alice}
    - {dst_port: 22, user: charlie, more: 1}
''')
rc, out, err = rules('test', os.path.join(dir_, 'foreign'))
check(rc == 1 and '3 cases passed, 1 failed' in out and 'example.yaml:12:7: error: no_match 3' in out, 'cases as sigma-test has them', out + err)

# A temporal correlation whose condition is an expression: who comes in the door without having rung.
write('bell/door.yml', '''id: bell
detection: {s: {f: bell}, condition: s}
---
id: door
detection: {s: {f: door}, condition: s}
---
title: in without a bell
id: in
correlation: {type: temporal, rules: [bell, door], group-by: [who], timespan: 10s, condition: door and not bell}
tests:
    sequences:
        - {alerts: 1, events: [{f: door, who: a}]}
        - {alerts: 0, events: [{f: bell, who: a}, {_at: 5, f: door, who: a}]}
        - {alerts: 1, events: [{f: bell, who: b}, {_at: 5, f: door, who: a}]}
        - {alerts: 1, events: [{f: bell, who: a}, {_at: 10, f: door, who: a}]}
        - {alerts: 1, events: [{f: door, who: a}, {_at: 1, f: bell, who: a}]}
''')
rc, out, err = rules('test', os.path.join(dir_, 'bell'))
check(rc == 0 and '5 cases passed, 0 failed' in out, 'a condition over rules', out + err)

# run
rc, out, err = rules('run', own, events=[hit, miss, 'no event', dict(hit, i=9), dict(hit, i=10)])
verdicts = [json.loads(x) for x in out.splitlines()]
same([(v['event'], v['rules'], v.get('members')) for v in verdicts[:5]], [(7, [], ['r1']), (8, [], None), (2, [], None), (9, [], ['r1']), (10, [], ['r1'])], 'a verdict for each line')
check(rc == 0 and 'line 3: ' in err and len(verdicts) == 5, 'no group field, no alert', out + err)
check('note: 3 matches left out of a correlation because the event lacks a field of its group-by' in err, 'and that is said', err)
endless = write('endless.yml', "title: e\nid: e\ndetection: {s: {f|re: '(a+)+b(a+)+$'}, condition: s}\n")
rc, out, err = rules('run', endless, events=[{'f': 'a' * 3000}, {'f': 'b' + 'a' * 3000 + '!', 'i': 1}, {'f': 'aba', 'i': 2}])
verdicts = [json.loads(x) for x in out.splitlines()]
check(any(v.get('undecided') == ['e'] for v in verdicts[:2]) and verdicts[2] == {'event': 2, 'rules': ['e']}, 'what cannot be said is said', out)
rc, out, err = rules('run', own, events=[dict(hit, **{'host.name': 'a', '@timestamp': f'2026-01-01T00:00:0{n}Z'}) for n in range(3)])
same([json.loads(x)['alert']['rule']['id'] for x in out.splitlines() if 'alert' in x], ['c1'], 'an alert of a correlation')

# explain
rc, out, err = rules('explain', shell, events=[hit])
check(rc == 0 and "+ user.name: 'root'   <- user.name = root" in out and out.endswith('= matches the event\n'), 'explain a match', out + err)
rc, out, err = rules('explain', '--rule', 'Root shell', own, events=[miss])
check(rc == 1 and "- user.name: 'root'   <- user.name = bob" in out and 'does not match' in out, 'explain a miss', out + err)
rc, out, err = rules('explain', '--rule', 'nobody', own, events=[miss])
check(rc == 2 and 'nobody' in err, 'no such rule', err)

# explain a correlation: each step, what takes no part, and who was near
logins = [{'event.dataset': 'system.auth', 'event.action': 'ssh_login', 'event.outcome': 'failure', 'source.ip': ip, '@timestamp': f'2026-01-01T00:00:{n:02}Z'}
          for n, ip in enumerate(['203.0.113.9'] * 11 + ['198.51.100.1'] * 7 + ['198.51.100.2'] * 9)]
del logins[3]['source.ip']
rc, out, err = rules('explain', '--fields', 'ecs', '--rule', 'ssh_brute_force', os.path.join(ROOT, 'rules/linux'), events=logins)
steps = [x for x in out.splitlines() if ", to SSH brute force" in x]
same((rc, len(steps)), (0, len(logins)), 'a step a match')
check("event 10, 'SSH login failed', to SSH brute force for source.ip=203.0.113.9: 10, an alert" in out, 'the step that makes the alert', out)
check('event 3, ' in steps[0] and 'takes no part, it lacks a field of group-by' in steps[0] and 'matches that took no part: 1' in out, 'what takes no part', out)
near = [x.split(' at ')[0] for x in out.splitlines() if x.startswith('near: ')]
same(near, ['near: SSH brute force for source.ip=198.51.100.2 came to 9 of 10', 'near: SSH brute force for source.ip=198.51.100.1 came to 7 of 10'], 'who was near, the nearest first')
rc, out, err = rules('explain', '--fields', 'ecs', '--rule', 'ssh_brute_force', os.path.join(ROOT, 'rules/linux'), events=logins[11:])
same(rc, 1, 'and no alert is no match')

# bench: figures are figures; here only that each file has a row
events = write('events.ndjson', ''.join(json.dumps(e) + '\n' for e in (hit, miss)))
rc, out, err = rules('bench', '--event', events, own)
check(rc == 0 and '50.00%' in out and shell in out and 'all 2 rules together' in out, 'bench', out + err)
same(rules('bench', own)[0], 2, 'bench without events')

# visibility
rc, out, err = rules('visibility', own, events=[hit])
check(rc == 0 and '1 of 1 rules' in out, 'a rule that can match, though one of its fields is never there', out + err)
rc, out, err = rules('visibility', own, events=[{'event.dataset': 'auditd.log', 'user.name': 'x'}])
check(rc == 1 and 'no event of its logsource has: process.name' in out, 'a field that nobody has', out + err)
rc, out, err = rules('visibility', own, events=[{'event.dataset': 'nginx.access', 'user.name': 'x'}])
check(rc == 1 and "no event has its logsource: category '', product 'linux'" in out, 'a logsource that nobody has', out + err)

# coverage
rc, out, err = rules('coverage', own)
check(rc == 0 and out.splitlines()[0].split() == ['T1059.004', '1'] and '1 of 2 rules name none' in out, 'coverage', out + err)
layer = json.loads(rules('coverage', '--navigator', own)[1])
same([(t['techniqueID'], t['score']) for t in layer['techniques']], [('T1059.004', 1)], 'a layer for the Navigator')

# import
theirs, mine = os.path.join(dir_, 'theirs'), os.path.join(dir_, 'mine')
for name, product, level, status in (('a', 'linux', 'high', 'stable'), ('b', 'linux', 'low', 'stable'), ('c', 'windows', 'critical', 'stable'), ('d', 'linux', 'critical', 'test')):
    write(f'theirs/{product}/{name}.yml', HEAD.format(id=name, title=name, status=status, level=level, tag='attack.t1001', product=product) + 'detection: {s: {f: 1}, condition: s}\n')
write('theirs/broken.yml', 'title: x\ndetection: {s: {f|contians: 1}, condition: s}\n')
write('theirs/LICENSE', 'DRL\n')
rc, out, err = rules('import', '--to', mine, '--product', 'linux', '--level', 'medium', '--status', 'stable', theirs)
check(rc == 1 and '1 files copied' in out and '3 are not wanted, 1 do not load' in out and "did you mean 'contains'" in err, 'import', out + err)
same(sorted(os.path.relpath(os.path.join(d, n), mine) for d, _, names in os.walk(mine) for n in names), ['LICENSE', 'linux/a.yml'], 'what was copied')
check('0 files copied' in rules('import', '--to', mine, '--product', 'linux', '--level', 'medium', '--status', 'stable', theirs)[1], 'once more: nothing to copy')
write('mine/linux/a.yml', 'changed\n')
check('1 changed there' in rules('import', '--to', mine, '--product', 'linux', '--level', 'medium', '--status', 'stable', theirs)[1], 'what was changed by hand is counted')
same(rules('import', theirs)[0], 2, 'import without --to')
same(rules('import', '--to', mine, '--level', 'hgih', theirs)[0], 2, 'a level that is none')

# diff
def word_rule(word, id_):
    return f'title: {word}\nid: {id_}\nlevel: low\ndetection: {{s: {{event.original|contains: {word}}}, condition: s}}\n'


write('old/a.yml', word_rule('apple', 'a'))
write('old/b.yml', word_rule('banana', 'b'))
write('new/a.yml', word_rule('apple', 'a'))
write('new/b.yml', word_rule('cherry', 'b'))
write('logs/a.log', 'an apple\na banana\na banana\na cherry\nno fruit\n')
data = os.path.join(dir_, 'data')
same(up_until_idle(data, [os.path.join(dir_, 'logs/*.log')], '--rules', os.path.join(dir_, 'old'), *OWN_PORT), 0, 'an archive')
rc, out, err = rules('diff', os.path.join(dir_, 'old'), os.path.join(dir_, 'new'), '--data', data, '--output', 'ndjson')
same(sorted((json.loads(x)['change'], json.loads(x)['rule']) for x in out.splitlines()), [('+', 'cherry'), ('-', 'banana'), ('-', 'banana')], 'alerts gained and lost')
check(rc == 1 and '1 alerts are the same, 1 are new (+), 2 are gone (-)' in err, 'their numbers', err)
rc, out, err = rules('diff', os.path.join(dir_, 'old'), os.path.join(dir_, 'old'), '--data', data)
check(rc == 0 and '3 alerts are the same, 0 are new' in err, 'no difference', out + err)
rc, out, err = rules('diff', os.path.join(dir_, 'old'), os.path.join(dir_, 'new'), '--data', data, '--until', '2001-01-01')
check(rc == 0 and '0 alerts are the same' in err, 'in a range of time', out + err)
same(rules('diff', os.path.join(dir_, 'old'), '--data', data)[0], 2, 'diff of one')
same(rules('diff', os.path.join(dir_, 'old'), os.path.join(dir_, 'new'), '--archive', dir_ + '/none')[0], 3, 'no archive')

# check --fix
SLOPPY = '''# kept
title: Sloppy   # why
status: expermental
date: 2024/1/31
level: hgih
tags: [attack.T1110]
logsource: {product: linux}
detection:
    s:
        user.name: ['*root*']   # who
        process.name: [sh, bash, SH]
    condition: 1 of them
'''
COUNT = 'title: Count\nid: c9\ncorrelation: {type: event_count, rules: [By name], group-by: [user.name], timespan: 1m, condition: {gte: 2}}\n'
sloppy, named = write('fix/sloppy.yml', SLOPPY), write('fix/named.yml', 'title: By name\nlogsource: {product: linux}\ndetection: {s: {user.name: x}, condition: s}\n')
write('fix/count.yml', COUNT)
fix = os.path.join(dir_, 'fix')
rc, out, err = rules('check', '--fix', '--notes', '--dry-run', fix)
check(rc == 0 and open(sloppy).read() == SLOPPY and out.startswith(f'--- {sloppy}\n+++ {sloppy}\n@@ -1,12 +1,13 @@\n # kept\n'), 'a dry run shows a diff and changes nothing', out + err)
shutil.copytree(fix, fix + '.patched')
for lines in re.findall(r'^--- (.*)\n.*\n@@ .*\n((?:[ +-].*\n)+)', out, re.M):
    old, new = (''.join(x[1:] + '\n' for x in lines[1].splitlines() if x[0] in ' ' + sign) for sign in '-+')
    patched = lines[0].replace('/fix/', '/fix.patched/')
    check(open(lines[0]).read().count(old) == 1, 'a hunk of the diff is found', old)
    write(os.path.relpath(patched, dir_), open(patched).read().replace(old, new))
rc, out, err = rules('check', '--fix', '--notes', fix)
check(rc == 0 and f"{sloppy}:3:9: DW-S035 fixed: 'expermental' is 'experimental'\n" in out and 'DW-S004 fixed' in out and 'DW-S080 fixed' in out, 'what was changed is told', out + err)
fixed = open(sloppy).read()
id_ = re.search(r'^id: ([0-9a-f-]{36})$', fixed, re.M)
check(id_ and fixed == SLOPPY.replace('# why\n', f'# why\nid: {id_[1]}\n').replace('expermental', 'experimental').replace('2024/1/31', '2024-01-31').replace('hgih', 'high')
      .replace('T1110', 't1110').replace("user.name: ['*root*']", "user.name|contains: ['root']").replace(', SH', '').replace('1 of them', 's'), 'all else of the file is as it was', fixed)
same(re.sub(r'id: .*', '', open(sloppy.replace('/fix/', '/fix.patched/')).read()), re.sub(r'id: .*', '', fixed), 'the diff is what is written')
check(f'{named}:1:1: DW-S031 not fixed (id: ' in err and 'id:' not in open(named).read(), 'a rule that another one calls by its title gets no id', err)
rc, out, err = rules('check', '--strict', '--fix', fix)
check(rc == 0 and out.startswith('3 rules are good, 0 are not; ') and 'fixed' not in err, 'a second run finds nothing', out + err)
check(rules('check', '--dry-run', fix)[0] == 2 and rules('check', '--fix', '--output', 'ndjson', fix)[0] == 2, 'options that do not go together')
write('fix/sloppy.yml', SLOPPY)
rc, out, err = rules('check', '--fix', fix, sloppy)
check(rc == 0 and out.count('DW-S004 fixed') == 1 and 'not fixed' not in err, 'a file that is named beside its folder is mended once', out + err)
os.symlink(sloppy, os.path.join(dir_, 'link.yml'))
write('fix/sloppy.yml', SLOPPY)
rc, out, err = rules('check', '--fix', os.path.join(dir_, 'link.yml'))
check(rc == 3 and 'link.yml: not fixed: not a regular file' in err and 'fixed: ' not in out and open(sloppy).read() == SLOPPY, 'a link is not written over', out + err)

# usage
rc, out, err = rules('run', '--strict', own)
check(rc == 2 and 'there is no option --strict' in err, 'an option of another word', err)
check(rules()[0] == 2 and rules('check', dir_ + '/none')[0] == 2 and rules('nonsense')[0] == 2 and rules('test')[0] == 2, 'usage')

finish(began)
