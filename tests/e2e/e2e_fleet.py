#!/usr/bin/env python3
"""docs/fleet.md, line by line: one host, then three and a collector over Apache Kafka with TLS, passwords and ACLs. Hosts are folders here:
each command is run as it stands, with the page's paths and names made those of the host."""
import re
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('fleet')
page = open(os.path.join(ROOT, 'docs/fleet.md')).read()
BLOCKS = re.findall(r'^```(sh|ini) ([a-z-]+)\n(.*?)^```$', page, re.M | re.S)
marked = len(re.findall(r'^```(?!$)', page, re.M))
same(len(BLOCKS), marked, 'every block of the page with commands is run')
kafka = Kafka(1, '--secure', '--acl')
TOOLS = {'kafka-topics.sh': 'org.apache.kafka.tools.TopicCommand', 'kafka-acls.sh': 'org.apache.kafka.tools.AclCommand'}


class Host:
    """A folder that stands for a machine."""

    def __init__(self, name):
        self.name, self.root = name, os.path.join(dir_, name)
        os.makedirs(os.path.join(self.root, 'srv/app/log'))
        shutil.copy(os.path.join(kafka.env['DW_KAFKA'], 'tls/ca.pem'), self.root)
        self.lines, self.running = [], []

    def here(self, text):
        for path in ('/var/lib/dogwatch', '/etc/dogwatch', '/srv/'):
            text = re.sub(r'(?<![\w.])' + path, self.root + path, text)
        text = text.replace('/usr/bin/dogwatch-', BUILD + '/dogwatch-')
        return text.replace('kafka1:9093', f'localhost:{kafka.port + 1}').replace('kafka1:9092', f'127.0.0.1:{kafka.port}')

    def shell(self, text):
        """A block of commands in bash; the password is what the terminal would give."""
        functions = [f'hostname() {{ echo {self.name}; }}', f'dogwatch() {{ "{DOGWATCH}" "$@"; }}']
        functions += [f'{name}() {{ "{ROOT}/tools/kafka.sh" run {cls} "$@"; }}' for name, cls in TOOLS.items()]
        r = subprocess.run(['bash', '-euc', '\n'.join(functions) + '\n' + self.here(text)], cwd=self.root, env=kafka.env, capture_output=True,
                           text=True, input=open(os.path.join(kafka.env['DW_KAFKA'], 'password')).read())
        check(r.returncode == 0, f'{self.name}: {text.splitlines()[0][:80]}', (r.returncode, r.stdout[-500:], r.stderr[-1500:]))
        return r.stdout

    def start(self, command):
        log = os.path.join(self.root, 'log')
        with open(log, 'ab') as f:
            p = subprocess.Popen(['bash', '-c', 'exec ' + self.here(command)], stdout=f, stderr=f, cwd=self.root)
        atexit.register(lambda: p.poll() is None and p.kill())
        self.running.append(p)

    def stop(self):
        for p in self.running:
            p.terminate()
            same(p.wait(60), 0, f'{self.name}: ends well')
        self.running = []
        check('Sanitizer' not in self.said(), f'{self.name}: no sanitizer speaks', self.said()[-3000:])

    def said(self):
        return open(os.path.join(self.root, 'log'), errors='replace').read()

    def write(self, n):
        new = [f'{self.name} says {len(self.lines) + i}' for i in range(n)]
        with open(os.path.join(self.root, 'srv/app/log/a.log'), 'a') as f:
            f.writelines(x + '\n' for x in new)
        self.lines += new

    def data(self, path='/var/lib/dogwatch'):
        return self.root + path


def blocks(who, kind='sh'):
    found = [text for k, name, text in BLOCKS if name == who and k == kind]
    check(found, f'the page has {kind} blocks for {who}')
    return found


def unit(who):
    return re.search(r'^ExecStart=(.*)$', blocks(who, 'ini')[0], re.M).group(1)


# One host.
hosts = [Host(f'web-{n}') for n in (1, 2, 3)]
first, siem = hosts[0], Host('siem-1')
first.write(100)
first.start(f'{DOGWATCH} {blocks("one-host")[0].strip().split(" ", 1)[1]}')
wait_for(lambda: count(first.data('/srv/dogwatch-one')) == 100, 30, 'the lines on one host')
first.stop()

# Agents first: neither topic nor rights are there, and they wait.
for host in hosts:
    for text in blocks('host'):
        host.shell(text)
    host.write(200)
    host.start(unit('host'))
wait_for(lambda: all('kafka-acls.sh' in h.said() for h in hosts), 30, 'agents to say which rights are missing')
first.shell(blocks('kafka')[0])
siem.shell(blocks('collector')[0])
siem.start(unit('collector'))
wait_for(lambda: count(siem.data()) == 700, 60, f'every line of three hosts; the collector says:\n{siem.said()[-1500:]}', 0.3)

# The page's look at it.
after = blocks('collector-after')
shown = siem.shell(after[0].replace('\n', ' --output table\n').replace('archive verify --data /var/lib/dogwatch --output table', 'archive verify --data /var/lib/dogwatch'))
check(all(h.name in shown for h in hosts) and shown.count('pinned') == 3, 'agents and hosts are shown', shown)
for host in hosts:
    check(re.search(rf'{host.name}\s+{len(host.lines) + 1}\b', shown), f'{host.name}: its lines are counted, and the word that the agent began', shown)
check(not alarms(siem.data()), 'no alarm', alarms(siem.data()))

# Known agents only; a collector that was away takes what came meanwhile.
siem.stop()
siem.shell(after[1])
for host in hosts:
    host.write(50)
siem.start(unit('collector'))
wait_for(lambda: count(siem.data()) == 850, 60, f'what came meanwhile; the collector says:\n{siem.said()[-1500:]}', 0.3)
for host in hosts + [siem]:
    host.stop()
same(sorted(e['event']['original'] for e in query(siem.data(), 'not event.dataset:dogwatch.agent')), sorted(x for h in hosts for x in h.lines), 'every line once')
check(not alarms(siem.data()), 'no alarm with a list', alarms(siem.data()))
same({a['state'] for a in ndjson(dogwatch('agents', '--data', siem.data(), '--output', 'ndjson'))} <= {'approved', 'pinned'}, True, 'all are agreed to')
same(ledger(siem.data())[1]['unaccounted'], 0, 'nothing is unaccounted for')
print(f'{len(BLOCKS)} blocks of docs/fleet.md')
finish(began)
