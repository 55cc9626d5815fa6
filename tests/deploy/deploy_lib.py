"""What the tests of deploy/ share: a Debian of their own in a folder, commands in it, and that Debian booted by systemd.

Idea: nothing is installed on the machine that tests. A mount or a process of a test is gone with the process that made it: mounts stand in a mount
namespace of their own, and a booted Debian is the child of systemd-nspawn.
"""
import glob
import os
import platform
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../e2e'))
from e2e_lib import *  # noqa: F401,F403,E402
from e2e_lib import ROOT, atexit, check, same, scratch, signal, wait_for  # noqa: E402

MIRROR = os.environ.get('DW_MIRROR', 'http://deb.debian.org/debian')
BASE = os.path.join(ROOT, f'build/deploy/bookworm-{platform.machine()}.tar')

CONTAINER = """
import ctypes, os, sys
root, uid, gid, groups, keep, program = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5], sys.argv[6:]
prctl = ctypes.CDLL(None).prctl
os.chroot(root)
os.chdir('/')
for capability in range(64):
    if str(capability) not in keep.split(','):
        prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: one that the kernel does not know is none
assert prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
os.setgroups([int(g) for g in groups.split(',') if g])
os.setgid(gid)
os.setuid(uid)
os.execve(program[0], program, dict(os.environ, HOME='/var/lib/dogwatch', PATH='/usr/bin'))
"""


def skip(why):
    print(f'SKIPPED  {why}')
    sys.exit(0)


def need(*commands):
    """Root, and commands that tools/deps.sh deploy brings."""
    if os.geteuid() != 0:
        skip('only root makes a Debian of its own (debootstrap, chroot): nothing of this test ran')
    missing = [c for c in commands if not shutil.which(c)]
    if missing:
        skip(f'{", ".join(missing)}: not here (tools/deps.sh deploy): nothing of this test ran')


def packages(release):
    """The three packages of this release, built."""
    r = subprocess.run([os.path.join(ROOT, 'tools/package.sh'), release], capture_output=True, text=True)
    check(r.returncode == 0 and 'apt install' in r.stdout, f'tools/package.sh {release} builds and says what to type', r.stdout + r.stderr)
    found = sorted(glob.glob(os.path.join(ROOT, f'build/packages/dogwatch-*-{release}_*.deb')))
    check(len(found) == 3, 'three packages', found)
    return found


class Debian:
    """Debian 12, minbase, in a folder."""

    def __init__(self, name):
        self.root = os.path.join(scratch(name), 'root')
        os.makedirs(os.path.dirname(BASE), exist_ok=True)
        if not os.path.exists(BASE):
            made = subprocess.run(['debootstrap', '--variant=minbase', 'bookworm', self.root, MIRROR], capture_output=True, text=True)
            if made.returncode:
                skip(f'debootstrap from {MIRROR}: {(made.stdout + made.stderr)[-300:]}: nothing of this test ran')
            subprocess.run(['tar', '-C', self.root, '-cf', BASE + '.part', '.'], check=True)
            os.rename(BASE + '.part', BASE)
        else:
            os.makedirs(self.root)
            subprocess.run(['tar', '-C', self.root, '-xpf', BASE], check=True)
        for name in ('resolv.conf', 'hosts'):
            shutil.copy(os.path.join('/etc', name), os.path.join(self.root, 'etc', name))
        os.makedirs(self.path('/packages'))

    def path(self, inside):
        return self.root + inside

    def give(self, files):
        """Copies packages into it; answers what they are called there."""
        return [shutil.copy(f, self.path('/packages')).removeprefix(self.root) for f in files]

    def run(self, *command, codes=(0,), what=None):
        """A command in it, with /proc; answers what it said."""
        r = subprocess.run(['unshare', '--mount', 'sh', '-c', 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"', self.root, *command],
                           capture_output=True, text=True, env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND': 'noninteractive', 'LC_ALL': 'C.UTF-8'})
        check(r.returncode in codes, what or f'{" ".join(command)[:80]}: exit code {r.returncode}', r.stdout[-1500:] + r.stderr[-1500:])
        return r.stdout + r.stderr

    def apt(self, *arguments):
        return self.run('apt-get', '-qq', '-y', '--no-install-recommends', *arguments)

    def named(self, *left_out):
        """Every path that is called dogwatch or belongs to that account, but those below `left_out`."""
        account = ['-o', '-user', 'dogwatch', '-o', '-group', 'dogwatch'] if 'dogwatch:' in open(self.path('/etc/passwd')).read() else []
        found = self.run('find', '/', '-xdev', '(', '-name', '*dogwatch*', *account, ')', '-print').splitlines()
        return sorted(p for p in found if not p.startswith(('/proc/', '/packages/', *left_out)))

    def mode(self, path):
        """As `mode owner group`."""
        return self.run('stat', '-c', '%a %U %G', path).strip()


class Booted:
    """A Debian whose systemd runs. Its network is a loopback of its own."""

    def __init__(self, debian):
        self.log = debian.root + '.boot'
        self.process = subprocess.Popen(['systemd-nspawn', '-q', '-D', debian.root, '--register=no', '--keep-unit', '-b', '--private-network', '--console=pipe',
                                         '--system-call-filter=seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self'],  # which it refuses by itself
                                        stdin=subprocess.DEVNULL, stdout=open(self.log, 'ab'), stderr=subprocess.STDOUT)
        atexit.register(self.halt)
        try:
            wait_for(lambda: self.process.poll() is not None or self.shell('systemctl is-system-running').strip() in ('running', 'degraded'), 60, 'a boot', 0.2)
        except AssertionError:
            self.halt()
        if self.process.poll() is not None:
            skip(f'systemd-nspawn boots no system here: {open(self.log, errors="replace").read()[-300:]}')

    def leader(self):
        try:
            return open(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read().split()[0]
        except (OSError, IndexError):
            return '0'

    def shell(self, text, codes=None):
        r = subprocess.run(['nsenter', '-t', self.leader(), '-a', 'env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8',
                            'sh', '-c', text], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if codes is not None:
            check(r.returncode in codes, f'{text[:80]}: exit code {r.returncode}', r.stdout[-1500:] + r.stderr[-1500:])
        return r.stdout + r.stderr

    def halt(self):
        """Orderly; if that takes too long, at once."""
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                return
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                pass


def image_roots(dir_):
    """The root of each image, made of the release build: by program."""
    r = subprocess.run([os.path.join(ROOT, 'tools/package.sh')], capture_output=True, text=True)  # which builds it
    check(r.returncode == 0, 'the release build', r.stdout + r.stderr)
    roots = {p: os.path.join(dir_, p) for p in ('agent', 'collector')}
    for program, root in roots.items():
        r = subprocess.run([os.path.join(ROOT, 'deploy/image/rootfs.sh'), program, os.path.join(ROOT, 'build/shipped'), root], capture_output=True, text=True)
        check(r.returncode == 0, f'{program}: rootfs.sh', r.stderr)
    return roots


class Container:
    """A program in its root, read-only but for `mounts`: (inside, outside, writable)."""

    def __init__(self, dir_, name, root, arguments, uid=0, gid=0, groups='', keep='', mounts=(), **env):
        self.log = os.path.join(dir_, name + '.log')
        steps = ['set -e', f'mount --bind {root} {root}']
        for inside, outside, writable in mounts:
            if not os.path.exists(root + inside):
                os.makedirs(root + inside)
            steps += [f'mount --bind {outside} {root}{inside}'] + ([] if writable else [f'mount -o remount,bind,ro {root}{inside}'])
        steps += [f'mount -o remount,bind,ro {root}', 'exec "$@"']
        self.process = subprocess.Popen(['unshare', '--mount', 'sh', '-c', '\n'.join(steps), 'sh', sys.executable, '-c', CONTAINER, root, str(uid), str(gid), groups, keep, *arguments],
                                        stdout=open(self.log, 'ab'), stderr=subprocess.STDOUT, env=dict(os.environ, **env))
        atexit.register(lambda: self.process.poll() is None and self.process.kill())

    def said(self):
        return open(self.log, errors='replace').read()

    def ends(self, code=0, seconds=60):
        same(self.process.wait(seconds), code, f'{os.path.basename(self.log)}: its exit code; it said {self.said()[-1000:]}')
        return self.said()

    def stop(self):
        self.process.terminate()
        return self.ends()


def folder(dir_, name, owner=0, mode=0o755):
    """A new one, with its owner."""
    path = os.path.join(dir_, name)
    os.makedirs(path)
    os.chown(path, owner, owner)
    os.chmod(path, mode)
    return path


def write(path, text, owner=0, mode=0o640):
    """A line more, and whose the file is."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'a') as f:
        f.write(text + '\n')
    os.chown(path, owner, owner)
    os.chmod(path, mode)
