#!/usr/bin/env python3
"""What the agent receives: syslog over UDP, TCP and TLS as real programs send it, and standard input; through kills, floods and limits."""
import resource
import select
import ssl
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('inputs')
LOCAL = '127.0.0.1'
NOTHING = [os.path.join(dir_, 'nothing/*.log')]


def openssl(*args):
    subprocess.run(['openssl', *args], check=True, capture_output=True, cwd=dir_)


def authority(name):
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.pem')


def certificate(ca, name, subject):
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', subject, '-keyout', f'{name}.key', '-out', f'{name}.csr')
    openssl('x509', '-req', '-in', f'{name}.csr', '-CA', f'{ca}.pem', '-CAkey', f'{ca}.key', '-CAcreateserial', '-days', '2', '-out', f'{name}.pem')


authority('ours')
authority('theirs')
certificate('ours', 'server', '/CN=localhost')
certificate('ours', 'client', '/O=Shop; 50% off/CN=web 1')
certificate('theirs', 'stranger', '/CN=web 1')


def file(name):
    return os.path.join(dir_, name)


def ports(count):
    first = free_ports(count)
    return list(range(first, first + count))


def sets(*options):
    return [a for o in options for a in ('--set', o)]


TLS = (f'inputs.syslog_cert={file("server.pem")}', f'inputs.syslog_key={file("server.key")}', f'inputs.syslog_ca={file("ours.pem")}')


def tcp(port):
    return socket.create_connection((LOCAL, port), 10)


def tls(port, name):
    context = ssl.create_default_context(cafile=file('ours.pem'))
    if name:
        context.load_cert_chain(file(f'{name}.pem'), file(f'{name}.key'))
    return context.wrap_socket(tcp(port), server_hostname='localhost')


def datagrams(port, *messages):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((LOCAL, 0))
        for m in messages:
            s.sendto(m, (LOCAL, port))
        return s.getsockname()[1]


def counted(data, name):
    try:
        return dict(line.split() for line in open(os.path.join(data, 'state/agent.counters'))).get(name, '0')
    except OSError:
        return '0'


def received_lines(data):
    folder = os.path.join(data, 'agent/inputs')
    out = []
    for name in os.listdir(folder):
        try:
            out += open(os.path.join(folder, name), 'rb').read().split(b'\n')[:-1]
        except FileNotFoundError:  # done with, and deleted meanwhile
            pass
    return out


def old_files():
    return [f for f in os.listdir(os.path.join(data, 'agent/inputs')) if not f.endswith('.log')]


def listening(pid):
    """Inodes of the sockets a process has, by what listens."""
    own = set()
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            own.add(os.readlink(f'/proc/{pid}/fd/{fd}'))
        except OSError:
            pass
    found = []
    for table, state in (('tcp', '0A'), ('tcp6', '0A'), ('udp', '07'), ('udp6', '07')):
        for row in open(f'/proc/{pid}/net/{table}').read().splitlines()[1:]:
            words = row.split()
            if words[3] == state and f'socket:[{words[9]}]' in own:
                found.append((table, int(words[1].rsplit(':', 1)[1], 16)))
    return sorted(found)


# ---- each way in, and what becomes of what comes ----

data = file('ways')
udp_port, tcp_port, tls_port = ports(3)
up = Up(data, NOTHING, *sets(f'inputs.syslog=["udp://{LOCAL}:{udp_port}", "tcp://:{tcp_port}", "tls://{LOCAL}:{tls_port}"]', *TLS, 'inputs.message_max=4KiB'), *OWN_PORT)
wait_for(lambda: f'listening: tls-{tls_port}' in up.said(), 60, up.said)
agent = up.child('dogwatch-agent')
check(sorted(p for _, p in listening(agent)) == [udp_port, tcp_port, tls_port], 'exactly these ports are open', listening(agent))

OLD = b"<34>Nov 29 20:14:15 mymachine su[77]: 'su root' failed for lonvick on /dev/pts/8"
NEW = b'<165>1 2026-11-29T20:14:15.003Z web9 evntslog 8710 ID47 [exampleSDID@32473 iut="3" say="a \\"b\\" \\]"] \xef\xbb\xbfAn application event'
source_port = datagrams(udp_port, OLD, NEW + b'\n', b'<13>two\nlines', b'no header at all', b'<13>zero \0 byte', b'<13>' + b'x' * 5000, b'\n\0')
with tcp(tcp_port) as s:
    for m in (NEW, b'<13>octets with\nnewline'):
        s.sendall(b'%d ' % len(m) + m)
with tcp(tcp_port) as s:
    s.sendall(OLD + b'\r\n' + b'12 monkeys\n' + b'\n' + b'2026-11-29T20:14:15Z web9 app: by lines\n' + b'<13>never ends')
with tcp(tcp_port) as s:
    for byte in b'%d ' % len(OLD) + OLD + b'<13>after an octet count: a line\n' + b'<13>one more\n':
        s.send(bytes([byte]))
with tcp(tcp_port) as s:
    s.sendall(b'6000 <13>' + b'y' * 5996 + b'9 <13>after')
with tls(tls_port, 'client') as s:
    s.sendall(b'%d ' % len(NEW) + NEW)
    s.sendall(b'%d ' % len(OLD) + OLD)
logger = shutil.which('logger')
if check(logger, 'logger(1) is here'):
    for more in (['--udp', '--port', str(udp_port), '--rfc3164'], ['--tcp', '--port', str(tcp_port), '--octet-count'], ['--tcp', '--port', str(tcp_port), '--rfc5424']):
        subprocess.run([logger, '--server', LOCAL, '-p', 'auth.err', '-t', 'logger-test', *more, 'from logger'], check=True)


def refused(name):
    try:
        with tls(tls_port, name) as s:
            s.settimeout(20)
            s.sendall(b'<13>never\n')
            while s.recv(100):
                pass
        return True
    except (ssl.SSLError, OSError):
        return True


check(refused('stranger') and refused(None), 'who has no certificate of ours is not heard')
WANT = 22
wait_for(lambda: count(data) >= WANT, 60, lambda: f'{WANT} events: {count(data)}')
events = wait_for(lambda: (lambda e: e if len(e) >= WANT else None)(query(data, 'not event.action:input.loss')), 60, 'messages without notes')
by_type = {}
for e in events:
    by_type.setdefault(e['input']['type'], []).append(e)
texts = {k: sorted(e['event']['original'] for e in v) for k, v in by_type.items()}
from_logger = [e for e in events if 'from logger' in e['event']['original']]
plain = {k: sorted(t for t in v if 'from logger' not in t) for k, v in texts.items()}
same(plain.get('udp'), sorted([OLD.decode(), NEW.decode(), '<13>two\nlines', 'no header at all', '<13>zero \0 byte', '<13>' + 'x' * 4092]), 'UDP: each datagram is a message')
same(plain.get('tcp'), sorted([NEW.decode(), '<13>octets with\nnewline', OLD.decode(), '12 monkeys', '2026-11-29T20:14:15Z web9 app: by lines', '<13>never ends', OLD.decode(),
     '<13>after an octet count: a line', '<13>one more', '<13>' + 'y' * 4092, '<13>after']), 'TCP: octet counts and lines, however they come')
same(plain.get('tls'), sorted([NEW.decode(), OLD.decode()]), 'TLS: only of who showed a certificate')
same(len(from_logger), 3, 'logger(1) over UDP, and over TCP both ways')
check(all(e['process']['name'] == 'logger-test' and e['log']['syslog']['facility']['code'] == 4 and e['message'] == 'from logger' for e in from_logger), 'and what it said of itself', from_logger)

u = {e['event']['original']: e for e in by_type['udp']}
old, new = u[OLD.decode()], u[NEW.decode()]
same(old['log']['source'], {'address': f'{LOCAL}:{source_port}', 'ip': LOCAL}, 'who sent it is told as it was seen')
same((old['host']['hostname'], old['process']['name'], old['process']['pid'], old['log']['syslog']['severity']['code']), ('mymachine', 'su', 77, 2), 'RFC 3164: what its sender says')
check(old['host']['name'] != 'mymachine', 'host.name is the agent\'s own', old['host'])
same(new['log']['syslog']['structured_data'], {'exampleSDID@32473': {'iut': '3', 'say': 'a "b" ]'}}, 'RFC 5424: structured data')
same((new['log']['syslog']['hostname'], new['log']['syslog']['msgid'], new['message']), ('web9', 'ID47', 'An application event'), 'RFC 5424: the header')
check('cut' in u['<13>' + 'x' * 4092]['tags'], 'a long datagram is cut, and tagged', u['<13>' + 'x' * 4092]['tags'])
t = {e['event']['original']: e for e in by_type['tcp']}
check('cut' in t['<13>' + 'y' * 4092]['tags'], 'a long message is cut, and tagged')
check('unterminated' in t['<13>never ends']['tags'], 'a message that ends with its connection is tagged')
of_tls = by_type['tls'][0]['tls']['client']
same(of_tls['subject'], 'CN=web 1,O=Shop\\; 50% off', 'TLS: whom the certificate names')
pem = subprocess.run(['openssl', 'x509', '-in', file('client.pem'), '-noout', '-fingerprint', '-sha256'], capture_output=True, text=True).stdout
same(of_tls['hash']['sha256'], pem.split('=')[1].strip().replace(':', '').lower(), 'and its fingerprint')
check('no TLS with it' in up.said(), 'a refused handshake is said', up.said())
same(up.said().count('without the octet count'), 1, 'a framing mistake is said once')
same(up.stop(), 0, 'it ends well')
c = counters(data)
check(c.get('inputs_messages') == WANT and c.get('inputs_cut') == 2 and c.get('inputs_framing_errors') == 2 and c.get('inputs_handshakes_failed', 0) >= 2, 'counted', c)
_, total = ledger(data)
check(total['unaccounted'] == 0 and total['read'] == total['archived'] + total['declared'], 'the account of what was received adds up', total)
check(not alarms(data), 'nothing is alarmed', alarms(data))
decoders_agree(data)

# ---- a forged address is nobody's ----

data = file('forged')
port = ports(1)[0]
up = Up(data, NOTHING, *sets(f'inputs.syslog=["udp://{LOCAL}:{port}"]', 'agent.host.name=bastion'), *OWN_PORT)
wait_for(lambda: 'listening' in up.said(), 60, up.said)
stamp = time.strftime('%b %e %H:%M:%S', time.gmtime())
datagrams(port, *[f'<38>{stamp} bastion sshd[{n}]: Failed password for root from 198.51.100.7 port {4000 + n} ssh2'.encode() for n in range(30)],
          f'<38>{stamp} bastion sshd[99]: Accepted password for root from 198.51.100.7 port 4999 ssh2'.encode(),
          b'{"message":"I am somebody else","log.source.ip":"10.9.9.9","input.type":"file","tls.client.subject":"CN=root"}')
wait_for(lambda: subprocess.run([DOGWATCH, 'alerts', '--data', data, '--output', 'ndjson'], capture_output=True).stdout, 60, 'an alert')
proposed = dogwatch('policy', 'nftables', '--proposed', '--data', data, codes=(0, 1))
check('refused: 198.51.100.7 (the agent received it from somebody who says so)' in proposed and 'Nothing is blocked' in proposed, 'what a stranger says over syslog gets nobody blocked', proposed)
e = wait_for(lambda: [e for e in query(data) if 'somebody else' in e['event']['original']], 30, 'the event')[0]
same((e['log']['source']['ip'], e['input']['type'], 'tls' in e), (LOCAL, 'udp', False), 'who sent it cannot be forged by what he sends')
up.stop()

# ---- killed in the middle: what was written is there, once ----

data = file('kill')
port = ports(1)[0]
up = Up(data, NOTHING, *sets(f'inputs.syslog=["tcp://{LOCAL}:{port}"]', 'inputs.limit=16MiB'), *OWN_PORT)
wait_for(lambda: 'listening' in up.said(), 60, up.said)
written, n = set(), 0
for round_ in range(10):
    pid = wait_for(lambda: up.child('dogwatch-agent'), 30, 'an agent')

    def connect():
        try:
            return tcp(port)
        except OSError:
            return None
    s = wait_for(connect, 30, 'the port')
    for _ in range(3000):
        n += 1
        m = b'<13>1 2026-11-29T20:00:00Z h a - - - message number %d of the test with something behind it' % n
        s.sendall(b'%d ' % len(m) + m)
    if round_ > 4:  # at the moment in which a file of the run before is deleted
        wait_for(lambda: any(b'number %d ' % n in line for line in received_lines(data)), 30, 'the last message')
        wait_for(lambda: not old_files(), 30, old_files, pause=0)
    os.kill(pid, signal.SIGKILL)
    written |= {line.split(b' - - - ')[1].decode() for line in received_lines(data)}
    wait_for(lambda: not up.child('dogwatch-agent') == pid, 30, 'another agent')
    s.close()
check(len(written) > 1000, 'enough was written before the kills', len(written))


def archived():
    return [e['message'] for e in query(data)]


wait_for(lambda: count(data), 60, 'an archive')
wait_for(lambda: written <= set(archived()), 90, lambda: f'{len(written - set(archived()))} messages are missing')
up.stop()
all_ = archived()
check(len(all_) == len(set(all_)), 'no message twice', len(all_) - len(set(all_)))
_, total = ledger(data)
same(total['unaccounted'], 0, 'the account adds up')
check(int(counters(data).get('tail_streams_lost', 0)) == 0 and not alarms(data), 'no file is lost', alarms(data))

# ---- killed and started again: the port stays, and what comes meanwhile waits in it ----

data = file('kept')
udp_port, tcp_port, next_port = ports(3)
up = Up(data, NOTHING, *sets(f'inputs.syslog=["udp://{LOCAL}:{udp_port}","tcp://{LOCAL}:{tcp_port}"]'), *OWN_PORT)
wait_for(lambda: f'listening: tcp-{tcp_port}' in up.said(), 60, up.said)
for n in range(3):
    pid = wait_for(lambda: up.child('dogwatch-agent'), 30, 'an agent')
    wait_for(lambda: up.said().count(f'listening: tcp-{tcp_port}') == n + 1, 60, up.said)
    wait_for(lambda: count(data) >= 51 * n, 60, lambda: count(data))  # a kill loses a datagram that is in hand (inputs.md); here none is
    os.kill(pid, signal.SIGKILL if n < 2 else signal.SIGHUP)
    wait_for(lambda: not os.path.exists(f'/proc/{pid}') or open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[0] == 'Z', 30, 'its end')
    datagrams(udp_port, *(b'<13>round %d datagram %d' % (n, k) for k in range(50)))
    with tcp(tcp_port) as s:
        s.sendall(b'<13>round %d by tcp\n' % n)
wait_for(lambda: count(data) >= 153, 60, lambda: count(data))
same(sorted(e['event']['original'] for e in query(data)),
     sorted([f'<13>round {n} datagram {k}' for n in range(3) for k in range(50)] + [f'<13>round {n} by tcp' for n in range(3)]), 'nothing that came while there was no agent is lost')
check(int(counted(data, 'inputs_ports_kept')) >= 2, 'ports were kept', counted(data, 'inputs_ports_kept'))
config = os.path.join(data, 'up/agent.yml')
text = open(config).read()
open(config, 'w').write(text.replace(f'udp://{LOCAL}:{udp_port}', f'udp://{LOCAL}:{next_port}').replace(f'tcp://{LOCAL}:{tcp_port}', f'tcp://:{tcp_port}'))
wait_for(lambda: up.said().count(f'listening: tcp-{tcp_port}') == 4, 60, up.said)
os.kill(up.child('dogwatch-agent'), signal.SIGHUP)
wait_for(lambda: f'listening: udp-{next_port}' in up.said() and up.said().count(f'listening: tcp-{tcp_port}') == 5, 60, up.said)
same(sorted(p for _, p in listening(up.child('dogwatch-agent'))), sorted([next_port, tcp_port]), 'after a reload other ports are open, and the old ones are not')
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind((LOCAL, udp_port))  # nobody has it any more
datagrams(next_port, b'<13>the new port')
wait_for(lambda: count(data) == 154, 60, lambda: count(data))
same(up.stop(), 0, 'it ends well')

# ---- floods: the kernel's drops are known to the last datagram ----

data = file('flood')
port = ports(1)[0]
up = Up(data, NOTHING, *sets(f'inputs.syslog=["udp://{LOCAL}:{port}"]'), *OWN_PORT)
wait_for(lambda: 'listening' in up.said(), 60, up.said)
pid = up.child('dogwatch-agent')
datagrams(port, b'<13>first')
wait_for(lambda: counted(data, 'inputs_messages') == '1', 30, 'the first')
os.kill(pid, signal.SIGSTOP)
SENT = 60000
datagrams(port, *(b'<13>flood %d ' % n + b'.' * 900 for n in range(SENT)))
os.kill(pid, signal.SIGCONT)
wait_for(lambda: int(counted(data, 'inputs_messages')) + int(counted(data, 'inputs_dropped_kernel')) == SENT + 1, 60,
         lambda: (counted(data, 'inputs_messages'), counted(data, 'inputs_dropped_kernel')))
check(int(counted(data, 'inputs_dropped_kernel')) > 0, 'the flood was one', counted(data, 'inputs_dropped_kernel'))
wait_for(lambda: count(data), 60, 'an archive')
notes = wait_for(lambda: query(data, 'event.action:input.loss'), 60, 'a note')
check(int(notes[0]['input']['loss']['kernel']) > 0 and 'log' in notes[0] and 'source' not in notes[0]['log'], 'a note in the archive says so', notes)
up.stop()
kept = int(counted(data, 'inputs_messages'))
same(len(query(data, 'not event.action:input.loss')), kept, 'all that was taken is archived')

# ---- no room: connections wait, datagrams are counted, and everything goes on ----

data = file('full')
udp_port, tcp_port = ports(2)
agent_yml, collector_yml = configure(data, NOTHING, f'inputs.syslog=["udp://{LOCAL}:{udp_port}","tcp://{LOCAL}:{tcp_port}"]', 'inputs.limit=16MiB', 'queue.max_bytes=12MiB', 'memory.max=16MiB')
log = file('full.log')
p = start('dogwatch-agent', live(agent_yml), log)
wait_for(lambda: f'listening: tcp-{tcp_port}' in open(log).read(), 60, 'the agent')
s = tcp(tcp_port)
s.setblocking(False)
rng, sent, pending, stuck = random.Random(5), 0, b'', None
while stuck is None or time.monotonic() - stuck < 3:  # three seconds in which nothing was taken
    if not pending:
        sent += 1
        pending = b'<13>tcp %d ' % sent + rng.randbytes(700).hex().encode() + b'\n'
    try:
        pending, stuck = pending[s.send(pending):], None
    except BlockingIOError:
        stuck = stuck or time.monotonic()
        select.select([], [s], [], 0.1)
datagrams(udp_port, *(b'<13>udp %d' % n for n in range(500)))
wait_for(lambda: int(counted(data, 'inputs_dropped')) == 500, 30, lambda: counted(data, 'inputs_dropped'))
size = sum(os.path.getsize(os.path.join(data, 'agent/inputs', f)) for f in os.listdir(os.path.join(data, 'agent/inputs')))
check(size < 17 * 1024 * 1024, 'the limit is kept', size)
c = start('dogwatch-collector', live(collector_yml), log)
s.settimeout(120)
s.sendall(pending)
s.close()


def numbers(kind):
    return [int(e['event']['original'].split()[1]) for e in query(data) if e['event']['original'].startswith(f'<13>{kind} ')]


wait_for(lambda: count(data) >= sent, 120, lambda: f'{sent}: {count(data)}')
same(sorted(numbers('tcp')), list(range(1, sent + 1)), 'TCP: nothing is lost by waiting')
wait_for(lambda: query(data, 'event.action:input.loss'), 60, 'a note')
same(int(query(data, 'event.action:input.loss')[0]['input']['loss']['messages']), 500, 'UDP: what was dropped is declared')


wait_for(lambda: not old_files(), 60, old_files)
datagrams(udp_port, b'<13>udp 1000')
wait_for(lambda: numbers('udp') == [1000], 30, 'datagrams again')
for q in (p, c):
    q.terminate()
    q.wait(60)
_, total = ledger(data)
same(total['unaccounted'], 0, 'the account adds up after files were deleted')

# ---- limits of connections ----

data = file('limits')
tcp_port, tls_port = ports(2)
up = Up(data, NOTHING, *sets(f'inputs.syslog=["tcp://{LOCAL}:{tcp_port}","tls://{LOCAL}:{tls_port}"]', *TLS, 'inputs.connections=6', 'inputs.peer_connections=4'), *OWN_PORT)
wait_for(lambda: f'listening: tls-{tls_port}' in up.said(), 60, up.said)


def bound(address):
    s = socket.socket()
    s.bind((address, 0))
    s.connect((LOCAL, tcp_port))
    return s


def is_closed(s):
    s.settimeout(20)
    try:
        return s.recv(1) == b''
    except ConnectionError:
        return True


many = [bound(LOCAL) for _ in range(5)]
check(is_closed(many[4]), 'a fifth connection of one address is closed')
others = [bound('127.0.0.2') for _ in range(3)]
check(is_closed(others[2]), 'a seventh of all is closed')
many[0].sendall(b'<13>still heard\n')
wait_for(lambda: count(data), 60, 'an archive')
wait_for(lambda: [e for e in query(data) if e['event']['original'] == '<13>still heard'], 30, 'a message')
many[1].close()
wait_for(lambda: int(counted(data, 'inputs_refused')) == 2, 30, 'the counter')


def hang_up():
    """Asks for TLS, and resets the connection before the answer can be written."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname='localhost')
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    s = tcp(tls_port)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.sendall(outgoing.read())
    s.close()


agent = up.child('dogwatch-agent')
for _ in range(100):
    hang_up()
with tcp(tls_port) as s:
    s.sendall(b'<13>this is no TLS\n')
many[0].sendall(b'<13>and still heard\n')
wait_for(lambda: [e for e in query(data) if e['event']['original'] == '<13>and still heard'], 30, 'a message')
same(up.child('dogwatch-agent'), agent, 'who hangs up in the middle of a handshake harms nobody else')
failed = int(counted(data, 'inputs_handshakes_failed'))
slow = tcp(tls_port)  # says nothing
check(is_closed(slow), 'who does not shake hands is closed')
wait_for(lambda: int(counted(data, 'inputs_handshakes_failed')) > failed, 30, 'the counter')


def lowest_free(pid):
    taken = {int(fd) for fd in os.listdir(f'/proc/{pid}/fd')}
    return next(fd for fd in range(len(taken) + 1) if fd not in taken)


was = resource.prlimit(agent, resource.RLIMIT_NOFILE)
resource.prlimit(agent, resource.RLIMIT_NOFILE, (min(lowest_free(agent) for _ in range(100)), was[1]))  # some are open for a moment only
late = tcp(tcp_port)
late.sendall(b'<13>heard late\n')
asks = subprocess.Popen([DOGWATCH, 'agent', 'status', '--data', data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
for who in ('connects', 'asks this agent'):
    wait_for(lambda: f'who {who} waits' in up.said(), 30, up.said)
resource.prlimit(agent, resource.RLIMIT_NOFILE, was)
wait_for(lambda: [e for e in query(data) if e['event']['original'] == '<13>heard late'], 30, 'a message')
for name in ('inputs_rests', 'control_rests'):
    wait_for(lambda: int(counted(data, name)) > 0, 30, name)
same(up.said().count('who connects waits'), 1, 'and that is said once')
check(asks.wait(30) == 0, 'who asks is answered when there is a descriptor', asks.stdout.read())
up.stop()

# ---- standard input, and no input at all ----

data = file('stdin')
agent_yml, collector_yml = configure(data, NOTHING, 'inputs.stdin=true')
text = b''.join(b'line %d\n' % n for n in range(5000)) + b'z' * 100000 + b'\nlast without newline'
for name, how in (('pipe', {'input': text}), ('file', {})):
    if name == 'file':
        open(file('in'), 'wb').write(b'from a file\n')
        how = {'stdin': open(file('in'), 'rb')}
    r = subprocess.run([os.path.join(BUILD, 'dogwatch-agent'), '--config', agent_yml], capture_output=True, timeout=120, **how)
    same(r.returncode, 0, f'standard input ({name}): read to its end, acknowledged, and over')
    check(b'ERROR' not in r.stderr, 'no sanitizer speaks', r.stderr[-2000:])
run('dogwatch-collector', collector_yml)
got = [e['event']['original'] for e in query(data)]
same(sorted(got), sorted(text.decode().split('\n') + ['from a file']), 'standard input: every line, byte for byte')
check({e['input']['type'] for e in query(data)} == {'stdin'}, 'and by which way it came')

if os.geteuid() == 0:  # who is somebody else has no such ports to begin with
    def low_port():
        for port in rng.sample(range(600, 1024), 400):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                try:
                    s.bind((LOCAL, port))
                    return port
                except OSError:
                    pass
    data, port = file('low'), low_port()
    up = Up(data, NOTHING, *sets(f'inputs.syslog=["udp://{LOCAL}:{port}"]', 'user=nobody', 'sandbox=auto'), *OWN_PORT)
    wait_for(lambda: 'listening' in up.said(), 60, up.said)
    status = open(f'/proc/{up.child("dogwatch-agent")}/status').read()
    check(re.search(r'Uid:\s+65534\s+65534', status) and re.search(r'CapEff:\s+0000000000000004', status), 'a port below 1024 is bound before root is given up, all but reading', status)
    datagrams(port, b'<13>low')
    wait_for(lambda: count(data), 60, 'a message')
    same([e['event']['original'] for e in query(data)], ['<13>low'], 'and what comes there is taken')
    same(up.stop(), 0, 'and it ends well')

data = file('none')
up = Up(data, NOTHING, *OWN_PORT)
wait_for(lambda: os.path.exists(os.path.join(data, 'queue')) and up.child('dogwatch-agent'), 60, 'an agent')
same(listening(up.child('dogwatch-agent')), [], 'without inputs no port is open')
same(up.stop(), 0, 'and it ends well')
finish(began)
