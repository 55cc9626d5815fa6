#!/usr/bin/env python3
"""SIGHUP to a collector at work: other rules from there on, what is counted goes on, a mistake changes nothing, and nothing grows."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('rules_reload')
data, rules = os.path.join(dir_, 'data'), os.path.join(dir_, 'rules')
os.mkdir(rules)
os.mkdir(os.path.join(dir_, 'logs'))
TURNS = 300 if LONG else 100


knocks = Knocks(rules, os.path.join(dir_, 'logs/a.log'), data)
rule, write = knocks.rule, knocks.write


def raised():
    got = {}
    for a in alerts(data):
        got[a['rule']['id']] = got.get(a['rule']['id'], 0) + 1
    return got


def hup(says):
    before = up.said().count(says)
    os.kill(collector, signal.SIGHUP)
    wait_for(lambda: up.said().count(says) > before, 60, lambda: f'{says}: {up.said()[-1500:]}')


up = knocks.up = Up(data, [os.path.join(dir_, 'logs/*.log')], '--rules', rules, *OWN_PORT)
write('apple', 'banana', 'knock', 'knock')
wait_for(lambda: up.child('dogwatch-collector'), 60, lambda: up.said())
collector = up.child('dogwatch-collector')
write('nothing')
wait_for(lambda: raised().get('first') == 1, 60, lambda: raised())

# Another word in one rule, and one more rule: from here on. The two knocks before are not forgotten.
rule('first', 'banana')
rule('second', 'cherry')
hup('4 rules from here on')
write('apple', 'banana', 'cherry', 'knock', 'knock', 'knock')
wait_for(lambda: raised() == {'first': 2, 'second': 1, 'five': 1}, 60, lambda: raised())

# The same again: said, and nothing is written.
hup('decide as before')

# A mistake: the rules before go on, the one with the mistake too.
with open(os.path.join(rules, 'second.yml'), 'w') as f:
    f.write('title: second\nid: second\ndetection: {s: {event.original|contians: x}, condition: s}\n')
hup('there are mistakes in them')
check("did you mean 'contains'" in up.said(), 'the mistake is shown', up.said()[-1500:])
write('cherry')
wait_for(lambda: raised().get('second') == 2, 60, lambda: raised())

# No rule at all is none to take.
kept = {n: open(os.path.join(rules, n)).read() for n in os.listdir(rules)}
for n in kept:
    os.unlink(os.path.join(rules, n))
hup('there would be no rules')
for n, text in kept.items():
    with open(os.path.join(rules, n), 'w') as f:
        f.write(text)

# Many times, each with other rules, while events come: nothing grows, nothing is missed.
memory = []
for turn in range(TURNS):
    rule('second', f'word{turn}')
    hup('rules from here on')
    write(f'word{turn}')
    if turn >= TURNS // 5:
        memory.append(int(next(x.split()[1] for x in open(f'/proc/{collector}/status') if x.startswith('VmRSS'))))
wait_for(lambda: raised().get('second') == 2 + TURNS, 60, lambda: raised())
if 'asan' not in BUILD and 'tsan' not in BUILD:
    check(memory[-1] < memory[0] * 1.1 + 2048, 'memory after as before', memory)

# A start goes on from the rules in use.
said = up.said()
same(up.stop(), 0, 'it ends well')
check(counters(data)['rules_not_reloaded'] == 2, 'refusals are counted', counters(data))
check(counters(data)['rules_reloaded'] == 1 + TURNS, 'reloads are counted', counters(data))
check('cannot go on' not in said, 'it never ended', said[-1500:])
same(ledger(data)[1]['unaccounted'], 0, 'nothing is unaccounted for')
check(not alarms(data), 'no false alarm', alarms(data))
before = raised()
up = knocks.up = Up(data, [os.path.join(dir_, 'logs/*.log')], '--rules', rules, *OWN_PORT)
write('knock', f'word{TURNS - 1}')
wait_for(lambda: raised().get('second') == before['second'] + 1, 60, lambda: raised())
same(raised(), dict(before, second=before['second'] + 1), 'a start raises nothing twice')
same(up.stop(), 0, 'it ends well')

# Asked for while it starts: it is done when the loop runs.
by_hand = live(os.path.join(data, 'up/collector.yml'))
for turn in range(5):
    said = os.path.join(dir_, f'start-{turn}.log')
    early = start('dogwatch-collector', by_hand, said)
    wait_for(lambda: 'HTTP API on' in open(said).read() or early.poll() is not None, 60, lambda: open(said).read()[-1000:])
    os.kill(early.pid, signal.SIGHUP)
    wait_for(lambda: 'decide as before' in open(said).read() or early.poll() is not None, 60, lambda: open(said).read()[-1000:])
    same(early.poll(), None, 'it goes on')
    early.terminate()
    same(early.wait(60), 0, 'it ends well')
finish(began)
