#!/usr/bin/env python3
"""The units as systemd runs them: what they may, a line from a pod to an archived event under all of it, an upgrade, a removal; and what
systemd-analyze says of them."""
import ctypes
import re
import time

from deploy_lib import *  # noqa: F403

WORST = 1.6  # `OK` ends at 4; what an agent that reads every log, and a collector in the network, cannot do without leaves this
PARTS = ('agent', 'collector')
began = time.monotonic()
need('debootstrap', 'systemd-nspawn', 'nsenter', 'systemd-analyze')

for part in PARTS:
    unit = os.path.join(ROOT, f'deploy/systemd/dogwatch-{part}.service')
    r = subprocess.run(['systemd-analyze', 'security', '--offline=true', f'--threshold={int(WORST * 10)}', unit], capture_output=True, text=True)
    exposure = re.search(r'exposure level for \S+: (\S+ \S+)', r.stdout)
    check(r.returncode == 0 and exposure, f'{part}: systemd-analyze security', r.stdout[-600:] + r.stderr[-600:])
    print(f'{part}: exposure {exposure.group(1) if exposure else "unknown"}', flush=True)

first, second = packages('1'), packages('2')
debian = Debian('units')
debian.apt('update')
debian.apt('install', 'systemd', 'systemd-sysv', *debian.give(first))
for part in PARTS:
    r = debian.run('systemd-analyze', 'verify', '--man=no', f'/usr/lib/systemd/system/dogwatch-{part}.service')
    check('dogwatch' not in r, f'{part}: systemd-analyze verify has nothing to say', r)
pod = '/var/log/pods/shop_web-1_aaaa-bbbb/web'
os.makedirs(debian.path(pod), 0o700)


def write(n, owner=0):
    path = debian.path(f'{pod}/{owner}.log')
    with open(path, 'a') as f:
        f.write(f'2026-11-25T12:00:00.000000000Z stdout F line {n}\n')
    os.chmod(path, 0o600)
    os.chown(path, owner, owner)


def lines():
    return sorted(json.loads(x)['event']['original'] for x in machine.shell("dogwatch query 'not event.dataset:dogwatch.agent' --output ndjson").splitlines() if x.startswith('{'))  # programs' own: not what the agent says of itself


def properties(part, *names):
    """Of a unit, by systemctl show."""
    return dict(x.split('=', 1) for x in machine.shell(f'systemctl show dogwatch-{part} ' + ' '.join(f'-p {n}' for n in names)).splitlines() if '=' in x)


def status(part):
    pid = properties(part, 'MainPID')['MainPID']
    return dict(x.split(':\t', 1) for x in machine.shell(f'cat /proc/{pid}/status').splitlines() if ':\t' in x)


def active(part, *wanted):
    wait_for(lambda: properties(part, 'ActiveState')['ActiveState'] in wanted, 60, f'{part} to be {wanted}: {machine.shell(f"journalctl -u dogwatch-{part} --no-pager")[-1500:]}', 0.2)


write(1)
write(2, owner=1000)
machine = Booted(debian)
same({properties(p, 'ActiveState')['ActiveState'] for p in PARTS}, {'inactive'}, 'an installation starts nothing')
machine.shell('systemctl enable --now dogwatch-agent dogwatch-collector', codes=(0,))
wait_for(lambda: len(lines()) == 2, 60, lambda: f'two lines of files that root and somebody else alone may read; {machine.shell("journalctl -u dogwatch-agent -u dogwatch-collector --no-pager")[-2000:]}', 0.2)
same(lines(), ['line 1', 'line 2'], 'they are in the archive')

# What they run with.
for part, capabilities in (('agent', '0000000000000004'), ('collector', '0000000000000000')):  # bit 2: CAP_DAC_READ_SEARCH
    s = status(part)
    uid = debian.run('id', '-u', 'dogwatch').strip()
    same(s['Uid'].split(), [uid] * 4, f'{part}: runs as its account')
    same({s[k] for k in ('CapPrm', 'CapEff', 'CapBnd')}, {capabilities}, f'{part}: its capabilities')
    same((s['CapAmb'], s['NoNewPrivs'], s['Seccomp']), ('0' * 16, '1', '2'), f'{part}: nothing for others, no new privileges, and a filter of system calls')
said = machine.shell('journalctl -u dogwatch-agent -u dogwatch-collector --no-pager -o cat')
check('info: ' in said and not re.search(r': (warn\w*|error): ', said), 'nothing that they need is refused', said)
has_landlock = ctypes.CDLL(None).syscall(444, None, 0, 1) > 0  # landlock_create_ruleset: which version
check(has_landlock != ('no Landlock' in said) and 'not limited' not in said, 'the agent fences itself in, too', (has_landlock, said))
same(machine.shell('stat -c "%a %U" /var/lib/dogwatch/alerts/inbox').strip(), '3770 dogwatch', 'what people ask has its folder')
machine.shell('dogwatch token add tester --role hunt', codes=(0,))

# An upgrade restarts what runs, once, and loses nothing.
before = {p: properties(p, 'MainPID')['MainPID'] for p in PARTS}
machine.shell('dpkg -i ' + ' '.join(debian.give(second)), codes=(0,))
for part in PARTS:
    active(part, 'active')
    check(properties(part, 'MainPID')['MainPID'] not in ('0', before[part]), f'{part}: an upgrade restarts it')
write(3)
wait_for(lambda: len(lines()) == 3, 60, 'the line after the upgrade', 0.2)
check(machine.shell('dogwatch archive verify').startswith('ok'), 'the archive is whole')
total = [json.loads(x) for x in machine.shell('dogwatch ledger --output ndjson').splitlines() if x.startswith('{')]
same(sum(r['unaccounted'] for r in total), 0, 'nothing is unaccounted for')

# A mistake in the configuration is no loop of starts.
path = debian.path('/etc/dogwatch/agent.yml')
good = open(path).read()
open(path, 'w').write(good + 'lgos: [x]\n')
machine.shell('systemctl restart dogwatch-agent')
active('agent', 'failed')
same(properties('agent', 'ExecMainStatus', 'NRestarts'), {'ExecMainStatus': '2', 'NRestarts': '0'}, 'a wrong option ends it, once')
check("did you mean 'logs'" in machine.shell('journalctl -u dogwatch-agent --no-pager -o cat'), 'and the journal shows the mistake')
open(path, 'w').write(good)
machine.shell('systemctl reset-failed dogwatch-agent; systemctl start dogwatch-agent', codes=(0,))

# A log that is deleted while the agent is dead (docker's max-file=1): systemd has kept it open, and the next start reads it to its end.
write(4)
wait_for(lambda: len(lines()) == 4, 60, 'the line after the repair', 0.2)
killed = properties('agent', 'MainPID')['MainPID']
machine.shell(f'kill -9 {killed}', codes=(0,))
write(5)
os.unlink(debian.path(f'{pod}/0.log'))
write(6)
wait_for(lambda: len(lines()) == 6, 60, lambda: f'the line of the deleted file, and that of the new one: {lines()} {machine.shell("journalctl -u dogwatch-agent --no-pager")[-1500:]}', 0.2)
active('agent', 'active')
check(properties('agent', 'MainPID')['MainPID'] != killed, 'the agent was started again')

# A removal stops them, cleanly; a purge leaves the account.
machine.shell('dpkg -r dogwatch-agent dogwatch-collector', codes=(0,))
for part in PARTS:
    check(properties(part, 'ActiveState').get('ActiveState') in ('inactive', 'failed'), f'{part}: a removal stops it', properties(part, 'ActiveState'))
check('exited, status=' not in machine.shell('journalctl -u dogwatch-collector --no-pager'), 'the collector ended well')
same(machine.shell('pidof dogwatch-agent dogwatch-collector').strip(), '', 'none runs')
machine.shell('dpkg -P dogwatch-agent dogwatch-collector dogwatch-tools', codes=(0,))
machine.halt()
left = debian.named('/var/log/apt', '/var/log/dpkg.log', '/var/log/journal', '/tmp/systemd-private', '/var/tmp/systemd-private')
same(left, [], 'a purge leaves nothing, no link of an enabled unit either')
finish(began)
