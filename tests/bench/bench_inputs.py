#!/usr/bin/env python3
"""What the agent receives: messages a second of CPU over TCP, UDP and TLS, and memory with many connections. Prints JSON.

    bench_inputs.py BUILD_FOLDER
"""
import json
import os
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../e2e'))
os.environ.setdefault('DW_BUILD', sys.argv[1])
from bench_lib import memory_kib, processor_s  # noqa: E402
from e2e_lib import free_ports, wait_for  # noqa: E402

agent = os.path.join(sys.argv[1], 'dogwatch-agent')
folder = tempfile.mkdtemp(prefix='dogwatch-inputs-')
MESSAGE = (b'<134>1 2026-11-29T22:30:00.123456Z web-7 nginx 1234 - - 203.0.113.9 - - [29/Nov/2026:22:30:00 +0000] "GET /index.html HTTP/1.1" 200 1234 "-" '
           b'"Mozilla/5.0 (X11; Linux x86_64)"')
TCP, UDP, TLS = 1000000, 300000, 200000
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def file(name):
    return os.path.join(folder, name)


def counter(name):
    try:
        return int(dict(line.split() for line in open(file('data/state/agent.counters'))).get(name, 0))
    except OSError:
        return 0


def wait(condition):
    wait_for(condition, 300, 'what was sent', pause=0.05)


def cpu():
    return processor_s(p.pid)


def resident_mb():
    return memory_kib(p.pid) / 1024


udp_port = free_ports(3)
tcp_port, tls_port = udp_port + 1, udp_port + 2
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', file('key.pem'),
                '-out', file('cert.pem')], check=True, capture_output=True)
with open(file('agent.yml'), 'w') as f:
    f.write(f'''data: {file('data')}
discover: {{docker: false, cri: false, podman: false}}
inputs:
  syslog: ["udp://127.0.0.1:{udp_port}", "tcp://127.0.0.1:{tcp_port}", "tls://127.0.0.1:{tls_port}"]
  syslog_cert: {file('cert.pem')}
  syslog_key: {file('key.pem')}
  peer_connections: 1000
''')
p = subprocess.Popen([agent, '--config', file('agent.yml')], stderr=open(file('said'), 'w'))
wait(lambda: f'tls-{tls_port}' in open(file('said')).read())
result = {'message_bytes': len(MESSAGE), 'idle_mb': resident_mb()}

before, many = cpu(), (b'%d ' % len(MESSAGE) + MESSAGE) * 1000
with socket.create_connection(('127.0.0.1', tcp_port)) as s:
    for _ in range(TCP // 1000):
        s.sendall(many)
wait(lambda: counter('tail_lines') >= TCP)
result['tcp_messages_per_cpu_s'] = round(TCP / (cpu() - before))

before, began = cpu(), time.time()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect(('127.0.0.1', udp_port))
    for _ in range(UDP):
        s.send(MESSAGE)
result['udp_sent_per_s'] = round(UDP / (time.time() - began))
wait(lambda: counter('inputs_messages') + counter('inputs_dropped_kernel') >= TCP + UDP)
kept = counter('inputs_messages') - TCP
wait(lambda: counter('tail_lines') >= TCP + kept)
result['udp_kept'], result['udp_dropped_by_kernel'] = kept, counter('inputs_dropped_kernel')
result['udp_messages_per_cpu_s'] = round(kept / (cpu() - before))

before, context = cpu(), ssl.create_default_context(cafile=file('cert.pem'))
open_ = [context.wrap_socket(socket.create_connection(('127.0.0.1', tls_port)), server_hostname='localhost') for _ in range(1000)]
result['tls_handshakes_per_cpu_s'] = round(1000 / (cpu() - before))
lines = counter('tail_lines')
for s in open_:
    s.sendall(b'<13>hello\n')
wait(lambda: counter('inputs_messages') >= TCP + kept + 1000)
result['tls_1000_connections_mb'] = resident_mb()
before, many = cpu(), (MESSAGE + b'\n') * 1000
for _ in range(TLS // 1000):
    open_[0].sendall(many)
wait(lambda: counter('inputs_messages') >= TCP + kept + 1000 + TLS)
result['tls_messages_per_cpu_s'] = round(TLS / (cpu() - before))
for s in open_:
    s.sendall(b'<13>' + b'x' * 60000)
samples = [0.0, resident_mb()]  # once a second, until it grows no more


def grows_no_more():
    samples.append(resident_mb())
    return samples[-1] <= samples[-2]


wait_for(grows_no_more, 60, 'the connections to be read', pause=1)
result['tls_1000_unfinished_mb'] = max(samples)
p.terminate()
p.wait()
shutil.rmtree(folder)
print(json.dumps(result, indent=1))
