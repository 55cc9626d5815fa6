#!/usr/bin/env python3
"""Asking a running agent: status, one log, events as they leave, metrics; who is too slow, too many or says nonsense keeps nobody waiting."""
import select
import socket
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('ask')
logs, data = os.path.join(dir_, 'logs'), os.path.join(dir_, 'data')
os.makedirs(logs)
port = free_ports(1)
sock = os.path.join(data, 'agent/control.sock')


def write(name, text):
    with open(os.path.join(logs, name), 'a') as f:
        f.write(text)


def ask(*words, code=0):
    r = subprocess.run([os.path.join(BUILD, 'dogwatch'), 'agent', *words, '--data', data], capture_output=True, text=True, timeout=30)
    same(r.returncode, code, ' '.join(words))
    return r.stdout + r.stderr


def connect(to):
    s = socket.socket(socket.AF_UNIX if isinstance(to, str) else socket.AF_INET, socket.SOCK_STREAM)
    s.connect(to)  # waits while the queue is full
    s.settimeout(20)
    return s


def answer(to, request):
    with connect(to) as s:
        out = b''
        try:  # who is refused may find the connection closed before he has asked
            s.sendall(request)
            while piece := s.recv(65536):
                out += piece
        except ConnectionError:
            pass
    return out


write('shop.log', 'hello\n')
write('other.log', 'hello\n')
config = os.path.join(dir_, 'agent.yml')
with open(config, 'w') as f:
    f.write(f'data: {data}\nlogs: ["{logs}/*.log"]\nmetrics.listen: 127.0.0.1:{port}\nsignals: false\ndiscover: {{docker: false, cri: false, podman: false}}\n')
check('no agent answers' in ask('status', code=3), 'nobody is there yet')
agent = start('dogwatch-agent', config, os.path.join(dir_, 'agent.log'))
wait_for(lambda: os.path.exists(sock) and json.loads(ask('status'))['streams'] == 2, 20, 'both logs')
same(os.stat(sock).st_mode & 0o777, 0o660, 'the socket is for user and group')

status = json.loads(ask('status'))
same((status['reads'], status['logs'], status['looks']), ('yes', 2, 'the kernel tells'), 'how it stands')
log, stream = ndjson(ask('explain', os.path.join(logs, 'shop.log')))
same((log['state'], stream['size'], stream['read'], stream['inode']), ('there', 6, 6, os.stat(os.path.join(logs, 'shop.log')).st_ino), 'one log')
check('no configuration names it' in ask('explain', config, code=1), 'what is no log')
check('dogwatch_agent_logs 2' in ask('metrics'), 'metrics')

# A tap of one log, while both are written to.
tap = subprocess.Popen([os.path.join(BUILD, 'dogwatch'), 'agent', 'tap', 'shop', '--data', data], stdout=subprocess.PIPE, text=True)
def tapped():
    def shown():  # what is written before the tap is there does not come to it
        write('other.log', 'not this\n')
        write('shop.log', 'this one, password=hunter2secret\n')
        return select.select([tap.stdout], [], [], 0.2)[0]
    wait_for(shown, 30, 'an event')
    return json.loads(tap.stdout.readline())
event = tapped()
same((event['log']['file']['path'], 'hunter2' in event['event']['original']), (os.path.join(logs, 'shop.log'), False), 'as it leaves: of this log, masked')
check(not any('not this' in tapped()['event']['original'] for _ in range(3)), 'and of no other')
tap.kill()
tap.wait()

# One who does not read: events are left out for him, and he is told; everybody else goes on.
slow = connect(sock)
slow.sendall(b'GET /tap?of= HTTP/1.1\r\nHost: agent\r\n\r\n')
write('shop.log', ('x' * 200 + '\n') * 60000)
wait_for(lambda: (lambda s: s['lag_bytes'] == 0 and s['acknowledged'] == s['frames'])(json.loads(ask('status'))), 60, 'all is read though nobody takes the tap')
got = b''
def left_out():
    global got
    write('shop.log', 'more\n')
    got += slow.recv(1 << 20)
    return b'{"left_out":' in got
wait_for(left_out, 60, 'who is too slow is told what he missed')
slow.close()

# metrics.listen answers metrics and nothing else; nonsense is answered or dropped.
where = ('127.0.0.1', port)
check(answer(where, b'GET /metrics HTTP/1.1\r\n\r\n').startswith(b'HTTP/1.1 200 OK\r\n'), 'metrics over the port')
for path in b'/status', b'/tap?of=', b'/explain?file=/etc/passwd', b'/':
    check(answer(where, b'GET ' + path + b' HTTP/1.1\r\n\r\n').startswith(b'HTTP/1.1 404 '), 'nothing else over the port', path)
check(answer(sock, b'POST /status HTTP/1.1\r\n\r\n').startswith(b'HTTP/1.1 400 '), 'only GET')
check(answer(sock, b'\r\n\r\n').startswith(b'HTTP/1.1 400 '), 'an empty line')
endless = connect(sock)
try:
    while True:
        endless.sendall(b'x' * 4096)
except OSError:
    check(True, 'a request without end is dropped')
idle = [connect(sock) for _ in range(40)]
check(json.loads(ask('status'))['logs'] == 2, 'who does not ask keeps nobody out')
many = [connect(sock) for _ in range(16)]
for s in many:
    s.sendall(b'GET /tap?of=no-such-log HTTP/1.1\r\n\r\n')
    check(s.recv(100).startswith(b'HTTP/1.1 200 '), 'a tap')
wait_for(lambda: b'too many' in answer(sock, b''), 20, 'at most 16 at once')
many[0].sendall(b'more than was to be said')
try:
    heard = many[0].recv(100) != b''
except ConnectionResetError:
    heard = False
check(not heard, 'whoever goes on talking is no longer heard')
for s in many + idle:
    s.close()
wait_for(lambda: subprocess.run([os.path.join(BUILD, 'dogwatch'), 'agent', 'status', '--data', data], capture_output=True).returncode == 0, 20, 'and then others')

agent.terminate()
same(agent.wait(30), 0, 'it ends well')
check(not os.path.exists(sock), 'the socket is gone')
finish(began)
