#!/usr/bin/env python3
"""Records of the Linux audit daemon: one event each, however they stand between each other, over kills and rotations."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('audit')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'logs/audit.log')
os.makedirs(os.path.dirname(log))
rng = random.Random(7)
EVENTS = 1000


def records(n, seconds):
    head = f'msg=audit({seconds:.3f}:{n}):'
    yield f'type=SYSCALL {head} arch=c000003e syscall=59 success=yes exit=0 a0=55dc a1=7f items=2 ppid=1 pid={n} uid=0 euid=0 comm="ls" exe="/bin/ls" key="exec"'
    yield f'type=EXECVE {head} argc=2 a0="ls" a1="/srv/{n}"'
    yield f'type=CWD {head} cwd="/root"'
    yield f'type=PATH {head} item=0 name="/bin/ls" nametype=NORMAL'
    yield f'type=PROCTITLE {head} proctitle=6C73002F737276'


def interleaved():
    """All records, those of an event in their order, up to four events at a time; some stand alone."""
    open_, n, now = [], 0, time.time() - 60
    while n < EVENTS or open_:
        if n < EVENTS and len(open_) < 4 and rng.random() < 0.5:
            n, now = n + 1, now + 0.001
            open_.append(records(n, now))
        elif open_:
            one = rng.choice(open_)
            line = next(one, None)
            if line:
                yield line
            else:
                open_.remove(one)
        elif rng.random() < 0.2:
            yield f'type=USER_AUTH msg=audit({now:.3f}:{100000 + n}): pid=9 uid=0 msg=\'op=login acct="x" addr=192.0.2.9 res=failed\''


lines = list(interleaved())
alone = sum(line.startswith('type=USER_AUTH') for line in lines)
up = Up(data, [log], '--set', 'rotated.wait=2s', *OWN_PORT)
file, inodes = open(log, 'w'), 1
for i, line in enumerate(lines):
    file.write(line + '\n')
    if i % 500 == 499:
        file.flush()
        wait_for(lambda: up.child('dogwatch-agent') and (i < 600 or count(data) > 50), 60, 'an agent that reads')
        if i % 1000 == 999:
            os.kill(up.child('dogwatch-agent'), signal.SIGKILL)
        else:
            file.close()
            os.rename(log, f'{log}.{inodes}')
            file, inodes = open(log, 'w'), inodes + 1
file.close()


def done():
    return {e['event']['id'] for e in query(data)}


wait_for(lambda: len(done()) >= EVENTS + alone, 90, lambda: f'{EVENTS + alone} events: {len(done())}')
same(up.stop(), 0, 'it ends well')
events = query(data)
check(len(events) == len(done()), 'no event twice', len(events) - len(done()))
exec_ = [e for e in events if e['event'].get('action') == 'executed']
same(sorted(int(e['auditd']['log']['sequence']) for e in exec_), list(range(1, EVENTS + 1)), 'one event for each serial number')
bad = [e for e in exec_ if e['auditd']['log']['record_type'] != ['SYSCALL', 'EXECVE', 'CWD', 'PATH', 'PROCTITLE']
       or e['process']['command_line'] != f'ls /srv/{e["process"]["pid"]}' or 'tags' in e]
check(not bad, 'each whole', bad[:2])
same(len([e for e in events if e['event'].get('action') == 'authenticated']), alone, 'what is an event by itself stays one')
_, total = ledger(data)
same((total['read'], total['unaccounted']), (sum(len(x) + 1 for x in lines), 0), 'the account adds up')
check(not alarms(data), 'nothing is alarmed: what came again after a kill was the same', alarms(data))
decoders_agree(data)
r = subprocess.run(
    [DOGWATCH, 'parse', '--format', 'auditd', '--multiline', 'auditd'], input='\n'.join(lines).encode(), capture_output=True).stdout
same(len(ndjson(r.decode())), EVENTS + alone, 'dogwatch parse joins them too')
finish(began)
