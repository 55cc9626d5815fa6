#!/usr/bin/env python3
"""The Debian packages on a Debian of their own, without systemd, as in a container: installed, run, upgraded over an edited configuration, removed, purged."""
import re
import time

from deploy_lib import *  # noqa: F403

began = time.monotonic()
need('debootstrap', 'unshare', 'dpkg-deb')
first, second = packages('1'), packages('2')
debian = Debian('packages')
debian.apt('update')

# Installed: programs, an account, its folder; nothing runs, and it says what to type.
said = debian.apt('install', *debian.give(first))
for part in ('agent', 'collector'):
    check(f'systemctl enable --now dogwatch-{part}' in said, f'{part}: the installation says what to type', said[-1500:])
    check(not os.path.exists(debian.path(f'/etc/systemd/system/multi-user.target.wants/dogwatch-{part}.service')), f'{part}: nothing is enabled')
    same(debian.mode(f'/etc/dogwatch/{part}.yml'), '644 root root', f'{part}: its configuration')
same(debian.mode('/var/lib/dogwatch'), '750 dogwatch dogwatch', 'the folder belongs to the account')
check(re.search(r'^dogwatch:x:\d+:\d+:[^:]*:/var/lib/dogwatch:/usr/sbin/nologin$', open(debian.path('/etc/passwd')).read(), re.M), 'an account that nobody logs in to')
same(debian.run('dpkg', '--verify', 'dogwatch-agent', 'dogwatch-collector', 'dogwatch-tools'), '', 'every file as it was packed')
for program in ('dogwatch', 'dogwatch-agent', 'dogwatch-collector'):
    check(re.fullmatch(program + r' \d+\.\d+\.\d+\n', debian.run(program, '--version')), f'{program} --version')
    check(os.path.exists(debian.path(f'/usr/share/man/man1/{program}.1.gz')), f'{program} has a page')
for part in ('agent', 'collector'):
    check(': ok' in debian.run('dogwatch', 'config', 'check', part, f'/etc/dogwatch/{part}.yml'), f'{part}.yml is right')
debian.run('bash', '-n', '/usr/share/bash-completion/completions/dogwatch')
debian.run('dogwatch', 'rules', 'check', '--quiet', '/usr/share/dogwatch/rules', what='the rules are there and right')

# A line of a pod that root alone may read becomes an event, by the configurations as they were packed. `up` is run by root: tests/deploy/deploy_units.py runs the units.
pod = '/var/log/pods/shop_web-1_aaaa-bbbb/web'
os.makedirs(debian.path(pod))
with open(debian.path(pod + '/0.log'), 'w') as f:
    f.write('2026-11-25T12:00:00.000000000Z stdout F hello from a pod\n')
os.chmod(debian.path(pod + '/0.log'), 0o600)
quiet = ('--set', 'collector.api.listen=127.0.0.1:0')


def events():
    return [json.loads(line)['event']['original'] for line in debian.run('dogwatch', 'query', '*', '--output', 'ndjson').splitlines() if line.startswith('{')]


debian.run('dogwatch', 'up', '--until-idle', *quiet)
same(events(), ['hello from a pod'], 'the line is in the archive')

# An upgrade leaves a configuration that somebody edited, also where the package has another one; and the data.
mine = open(debian.path('/etc/dogwatch/agent.yml')).read() + 'host.name: mine\n'
open(debian.path('/etc/dogwatch/agent.yml'), 'w').write(mine)
said = debian.apt('install', *debian.give(second))
check('systemctl enable' not in said, 'an upgrade does not begin anew', said[-1000:])
same(open(debian.path('/etc/dogwatch/agent.yml')).read(), mine, 'the edited configuration survives')
other = os.path.join(scratch('repack'), 'agent')
agent = [p for p in second if 'dogwatch-agent' in p][0]
subprocess.run(['dpkg-deb', '-R', agent, other], check=True)
open(other + '/etc/dogwatch/agent.yml', 'a').write('# a later release says more\n')
control = open(other + '/DEBIAN/control').read()
open(other + '/DEBIAN/control', 'w').write(re.sub(r'^Version: .*$', lambda m: m.group(0)[:-1] + '3', control, flags=re.M))
subprocess.run(['dpkg-deb', '--root-owner-group', '-b', other, other + '_3.deb'], check=True, capture_output=True)
debian.apt('-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold', 'install', *debian.give([other + '_3.deb']))
check(debian.run('dpkg-query', '-W', '-f', '${Version}', 'dogwatch-agent').endswith('-3'), 'the third is there')
same(open(debian.path('/etc/dogwatch/agent.yml')).read(), mine, 'it survives where the package has another one')
check(os.path.exists(debian.path('/etc/dogwatch/agent.yml.dpkg-dist')), 'which lies beside it')
with open(debian.path(pod + '/0.log'), 'a') as f:
    f.write('2026-11-25T12:00:01.000000000Z stdout F and one more\n')
debian.run('dogwatch', 'up', '--until-idle', *quiet)
same(events(), ['hello from a pod', 'and one more'], 'the archive goes on')
check(debian.run('dogwatch', 'archive', 'verify').startswith('ok'), 'and is whole')

# Removed: programs go, configuration and data stay.
debian.apt('remove', 'dogwatch-agent', 'dogwatch-collector', 'dogwatch-tools')
same(debian.named('/var/lib/dpkg', '/var/log', '/var/lib/dogwatch'), ['/etc/dogwatch'], 'a removal leaves the configuration, and nothing else that is not data')
check(os.path.exists(debian.path('/var/lib/dogwatch/archive/MANIFEST')) and os.path.exists(debian.path('/etc/dogwatch/agent.yml')), 'they are whole')

# Purged, one after the other: what is whose, and nothing left but the account, as it says.
said = debian.apt('purge', 'dogwatch-agent')
check('purge removes /var/lib/dogwatch/agent' in said and 'the account dogwatch stays' in said, 'the purge of the agent says what it removes', said)
check(not os.path.exists(debian.path('/var/lib/dogwatch/agent')) and os.path.exists(debian.path('/var/lib/dogwatch/archive/MANIFEST')), 'the archive is not its to remove')
open(debian.path('/etc/dogwatch/kafka.password'), 'w').write('mine')
said = debian.apt('purge', 'dogwatch-collector', 'dogwatch-tools')
check('purge removes /var/lib/dogwatch\n' in said and 'has files of yours' in said, 'the purge of the collector says what it removes, and what not', said)
os.remove(debian.path('/etc/dogwatch/kafka.password'))
same(debian.named('/var/log/apt', '/var/log/dpkg.log'), ['/etc/dogwatch'], 'nothing is left but what it said')
same(os.listdir(debian.path('/etc/dogwatch')), [], 'of the configuration, too')
same(debian.run('dpkg-query', '-W', '-f', '${Package}\n').count('dogwatch'), 0, 'dpkg knows none of them')
finish(began)
