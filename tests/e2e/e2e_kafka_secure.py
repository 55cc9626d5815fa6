#!/usr/bin/env python3
"""TLS and SASL, and what goes wrong with them: the words on stderr say what to do, everything connects by itself once it is mended,
and nothing is lost."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
kafka = Kafka(1, '--secure', '--acl')
dir_ = scratch('kafka-secure')
HOME = kafka.env['DW_KAFKA']
PASSWORD = os.path.join(HOME, 'password')
SECURE = f'localhost:{kafka.port + 1}'
USER = 'User:dogwatch'


def secret(text):
    path = os.path.join(dir_, 'secret')
    with open(path, 'w') as f:
        f.write(text + '\n')
    return path


def settings(topic, brokers=SECURE, password=PASSWORD, user='dogwatch', **more):
    options = {'security.protocol': 'SASL_SSL', 'sasl.mechanisms': 'PLAIN', 'sasl.username': user,
               'ssl.ca.location': os.path.join(HOME, 'tls/ca.pem'), **{k.replace('_', '.'): v for k, v in more.items()}}
    options = ', '.join(f'{k}: {v}' for k, v in options.items() if v)
    return ('transport=kafka', f'kafka.brokers={brokers}', f'kafka.topic={topic}', f'collector.kafka.group={topic}',
            f'kafka.options={{{options}}}', f'kafka.password={{file: {password}}}')


def admin(cls, *args):
    return kafka.run('run', cls, '--bootstrap-server', kafka.brokers, *args)


def allow(*what):
    admin('org.apache.kafka.tools.AclCommand', '--add', '--allow-principal', USER, *what)


def forbid(*what):
    admin('org.apache.kafka.tools.AclCommand', '--remove', '--force', '--allow-principal', USER, *what)


class Pair:
    """Agent and collector of one DATA, living, each with its words."""

    def __init__(self, name, *sets):
        self.name, self.data = name, os.path.join(dir_, name)
        self.log_file = os.path.join(dir_, name + '-logs', 'a.log')
        os.makedirs(os.path.dirname(self.log_file))
        self.lines = []
        self.write(100)
        self.words = {k: os.path.join(dir_, f'{name}-{k}.log') for k in ('agent', 'collector')}
        configs = configure(self.data, [self.log_file], *sets)
        self.programs = [start(f'dogwatch-{k}', live(c), self.words[k]) for k, c in zip(self.words, configs)]

    def write(self, n):
        new = [f'{self.name} line {len(self.lines) + i}' for i in range(n)]
        with open(self.log_file, 'a') as f:
            f.writelines(x + '\n' for x in new)
        self.lines += new

    def said(self, who):
        return open(self.words[who], errors='replace').read()

    def says(self, who, *words):
        """All of them on one line."""
        try:
            wait_for(lambda: any(all(w in line for w in words) for line in self.said(who).splitlines()), 30, str(words))
        except AssertionError:
            check(False, f'{self.name}: {who} says {words}', self.said(who)[-1900:])
            return
        check(True, f'{self.name}: {who} says it')
        check(self.said(who).count(words[0]) < 20, f'{self.name}: {who} does not say it again and again', self.said(who)[-1500:])

    def arrives(self):
        """Everything, without anybody having started a program anew."""
        same([p.poll() for p in self.programs], [None, None], f'{self.name}: both programs live')
        self.write(100)
        try:
            wait_for(lambda: count(self.data) >= len(self.lines), 60, 'every line', 0.3)
        except AssertionError:
            check(False, f'{self.name}: every line', self.said('agent')[-900:] + self.said('collector')[-900:])
        for p in self.programs:
            p.terminate()
            same(p.wait(60), 0, f'{self.name}: a program ends well')
        same(sorted(e['event']['original'] for e in query(self.data)), sorted(self.lines), f'{self.name}: every line once')
        check(not alarms(self.data), f'{self.name}: no alarm', alarms(self.data))
        for who in self.words:
            check('Sanitizer' not in self.said(who), f'{self.name}: no sanitizer speaks', self.said(who)[-3000:])


def rights():
    """One right after the other is missing; each is named with the command that gives it."""
    p = Pair('rights', *settings('rights'))
    for who, words in (('agent', ('--operation Write', '--operation Describe', '--topic rights')), ('collector', ('--topic rights', '--group rights'))):
        p.says(who, 'TOPIC_AUTHORIZATION_FAILED', 'kafka-acls.sh', f'--allow-principal {USER}', *words)
    allow('--operation', 'Describe', '--topic', 'rights')
    p.says('collector', 'topic rights cannot be made', 'kafka-topics.sh', '--create --topic rights', 'max.message.bytes=1048588')
    p.says('agent', 'topic rights is not there', 'kafka-topics.sh', '--create --topic rights')
    allow('--operation', 'Create', '--topic', 'rights')
    p.says('collector', 'made topic rights')
    p.says('collector', 'GROUP_AUTHORIZATION_FAILED', '--operation Read', '--group rights')
    p.says('agent', 'AUTHORIZATION_FAILED', '--operation Write', '--topic rights')
    allow('--operation', 'Read', '--group', 'rights')
    allow('--operation', 'Read', '--topic', 'rights')
    allow('--operation', 'Write', '--topic', 'rights')
    p.arrives()


def everything_allowed(topic):
    allow('--operation', 'All', '--topic', topic, '--group', topic)


def password():
    everything_allowed('password')
    p = Pair('password', *settings('password', password=secret('wrong')))
    for who in p.words:
        p.says(who, '_AUTHENTICATION', 'sasl.username', 'kafka.password')
    check('wrong' not in p.said('agent') + p.said('collector'), 'the password is not shown')
    kafka.run('stop', '1')
    kafka.run('password', 'wrong')  # the broker is taught what the programs say: they connect by themselves
    kafka.run('node', '1')
    p.arrives()


def certificate():
    everything_allowed('certificate')
    kafka.run('stop', '1')
    kafka.run('certificate', '-1')
    p = Pair('certificate', *settings('certificate'))  # the broker is not there yet
    for who in p.words:
        p.says(who, 'is it up, and does kafka.brokers name it?')
    kafka.run('node', '1')
    for who in p.words:
        p.says(who, '_SSL', "the broker's certificate has expired", 'openssl s_client')
    kafka.run('stop', '1')
    kafka.run('certificate', '30')
    kafka.run('node', '1')
    p.arrives()


def mistakes():
    """What cannot mend itself, because the configuration is wrong: said all the same, and nothing is given up."""
    stranger = os.path.join(dir_, 'stranger.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', os.path.join(dir_, 'stranger.key'), '-out', stranger,
                    '-subj', '/CN=stranger'], capture_output=True, check=True)
    for name, sets, words in (
            ('stranger', settings('mistakes', ssl_ca_location=stranger), ('_SSL', 'ssl.ca.location', 'must name the file of the CA')),
            ('host', settings('mistakes', brokers='nowhere.invalid:9093'), ('_RESOLVE', 'kafka.brokers names a host')),
            ('mechanism', settings('mistakes', sasl_mechanisms='SCRAM-SHA-512', user='nobody'), ('_AUTHENTICATION', 'kafka.password', 'PLAIN'))):
        p = Pair(name, *sets, 'agent.shutdown.grace=1s')
        for who in p.words:
            p.says(who, *words)
        for x in p.programs:
            x.terminate()
        same([x.wait(60) for x in p.programs], [0, 0], f'{name}: both end when they are told')
    config = os.path.join(dir_, 'bad.yml')
    open(config, 'w').write('transport: kafka\nkafka:\n  options:\n    sasl.usernam: x\n')
    for program in ('agent', 'collector'):
        r = subprocess.run([os.path.join(BUILD, f'dogwatch-{program}'), '--config', config], capture_output=True, text=True)
        same(r.returncode, 2, f'{program}: a wrong property is a mistake in the configuration')
        check(f"{config}:4:5: error: 'kafka.options: sasl.usernam'" in r.stderr and "did you mean 'sasl.username'?" in r.stderr
              and '|     ^^^^^^^^^^^^' in r.stderr, f'{program}: with its place', r.stderr)
    open(config, 'w').write(f'transport: kafka\ndata: {dir_}/none\ndiscover: {{docker: false, cri: false, podman: false}}\n')
    r = subprocess.run([os.path.join(BUILD, 'dogwatch-agent'), '--config', config], capture_output=True, text=True)
    check(r.returncode == 2 and 'kafka.brokers is not set' in r.stderr, 'no brokers', (r.returncode, r.stderr))


for part in (rights, password, certificate, mistakes):
    if os.environ.get('DW_PART', part.__name__) != part.__name__:
        continue  # one part, while it is worked on
    at = time.monotonic()
    part()
    print(f'{part.__name__}: {time.monotonic() - at:.1f} s', flush=True)
finish(began)
