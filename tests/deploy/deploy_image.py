#!/usr/bin/env python3
"""The roots of the images, run as the manifests say: read-only, with their mounts, their account, their capabilities; joined by Apache Kafka.

What is not here: a container runtime, and its filter of system calls."""
import time

import yaml

from deploy_lib import *  # noqa: F403

LIMIT_MB = 25
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
DAC_READ_SEARCH = '2'
began = time.monotonic()
need('unshare', 'cmake')
dir_ = scratch('image')
build = os.path.join(ROOT, 'build/release')
r = subprocess.run([os.path.join(ROOT, 'tools/package.sh')], capture_output=True, text=True)  # the release build
check(r.returncode == 0, 'the release build', r.stdout + r.stderr)


def size_mb(root):
    return sum(os.lstat(os.path.join(d, f)).st_size for d, _, files in os.walk(root) for f in files) / 1e6


roots = {p: os.path.join(dir_, p) for p in ('agent', 'collector')}
for program, root in roots.items():
    r = subprocess.run([os.path.join(ROOT, 'deploy/image/rootfs.sh'), program, build, root], capture_output=True, text=True)
    check(r.returncode == 0, f'{program}: rootfs.sh', r.stderr)
    print(f'{program}: {size_mb(root):.1f} MB', flush=True)
check(size_mb(roots['agent']) <= LIMIT_MB, f'the agent with all it needs is at most {LIMIT_MB} MB', size_mb(roots['agent']))
same(subprocess.run([os.path.join(ROOT, 'deploy/image/rootfs.sh'), 'agent', build, roots['agent']], capture_output=True).returncode, 2, 'a folder that is there is not written over')


class Container:
    """A program in its root, read-only but for `mounts`: (inside, outside, writable)."""

    def __init__(self, name, root, arguments, uid=0, gid=0, groups='', keep='', mounts=(), **env):
        self.log = os.path.join(dir_, name + '.log')
        steps = ['set -e', f'mount --bind {root} {root}']
        for inside, outside, writable in mounts:
            os.makedirs(root + inside, exist_ok=True)
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


for program, names in (('agent', ['dogwatch-agent']), ('collector', ['dogwatch-collector', 'dogwatch'])):
    for name in names:
        check(Container(f'{name}-version', roots[program], [f'/usr/bin/{name}', '--version'], 7117, 7117).ends().startswith(name + ' '), f'{name} finds its libraries')


def folder(name, owner=0, mode=0o755):
    path = os.path.join(dir_, name)
    os.makedirs(path)
    os.chown(path, owner, owner)
    os.chmod(path, mode)
    return path


def write(path, text, owner=0, mode=0o640):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'a') as f:
        f.write(text + '\n')
    os.chown(path, owner, owner)
    os.chmod(path, mode)


try:
    kafka = Kafka()
except SystemExit:  # it said why
    finish(began)


def config(manifest, kind):
    """A folder with the configuration of a manifest, that asks this Kafka."""
    docs = [d for d in yaml.safe_load_all(open(os.path.join(ROOT, 'deploy/kubernetes', manifest))) if d['kind'] == 'ConfigMap']
    text = docs[0]['data'][kind + '.yml']
    broker = yaml.safe_load(text)['kafka.brokers']
    path = folder(manifest + '-config')
    open(os.path.join(path, kind + '.yml'), 'w').write(text.replace(broker, kafka.brokers).replace('127.0.0.1:7117', '127.0.0.1:0'))
    return path


def archived():
    """What the commands say that stand in the collector's image, asked as `kubectl exec` would."""
    r = Container(f'query-{time.monotonic_ns()}', roots['collector'], ['/usr/bin/dogwatch', 'query', '*', '--output', 'ndjson'], 7117, 7117, mounts=collector_mounts, DOGWATCH_DATA='/var/lib/dogwatch')
    r.process.wait(60)
    said = r.said()
    return {e['event']['original']: e for e in (json.loads(x) for x in said.splitlines() if x.startswith('{'))}


logs, docker = folder('logs'), folder('docker', mode=0o710)
pod, own = logs + '/pods/shop_web-1_aaaa/web/0.log', logs + '/pods/dogwatch_dogwatch-agent-x_bbbb/agent/0.log'
stamp = '2026-11-25T12:00:00.000000000Z'
write(pod, f'{stamp} stdout F of a pod')
write(own, f'{stamp} stderr F of the agent itself')
write(logs + '/pods/evil_dogwatch-agent-x_cccc/agent/0.log', f'{stamp} stdout F of one who calls itself so')
write(docker + '/ddd/ddd-json.log', json.dumps({'log': 'of docker\n', 'stream': 'stdout', 'time': stamp}))
write(logs + '/pods/shop_web-2_eeee/web/0.log', f'{stamp} stdout F of another account', owner=1000, mode=0o600)
os.chmod(docker + '/ddd', 0o710)
agent_mounts = [('/etc/dogwatch', config('agent.yaml', 'agent'), False), ('/var/lib/dogwatch', folder('state'), True), ('/var/log', logs, False),
                ('/var/lib/docker/containers', docker, False)]
collector_mounts = [('/etc/dogwatch', config('collector.yaml', 'collector'), False), ('/var/lib/dogwatch', folder('data', 7117), True), ('/var/tmp', folder('tmp', mode=0o1777), True)]
collector = Container('collector', roots['collector'], ['/usr/bin/dogwatch-collector', '--config', '/etc/dogwatch/collector.yml'], 7117, 7117, mounts=collector_mounts)
agent_command = ['/usr/bin/dogwatch-agent', '--config', '/etc/dogwatch/agent.yml']
agent = Container('agent', roots['agent'], agent_command, mounts=agent_mounts, NODE_NAME='node-1')
wait_for(lambda: len(archived()) == 3, 90, lambda: f'three lines; {agent.said()[-1500:]}{collector.said()[-1500:]}', 0.3)
same(set(archived()), {'of a pod', 'of docker', 'of one who calls itself so'}, 'root without a capability reads what is root\'s; its own lines are left out, and nobody else\'s')
same({e['host']['name'] for e in archived().values()}, {'node-1'}, 'of the node')
status = dict(x.split(':\t', 1) for x in open(f'/proc/{agent.process.pid}/status').read().splitlines() if ':\t' in x)
same((status['CapEff'], status['CapBnd'], status['NoNewPrivs']), ('0' * 16, '0' * 16, '1'), 'it had no capability')
check('another account' not in str(archived()), 'what belongs to another account it cannot read')
check('web-2_eeee' in agent.said(), 'and it says so', agent.said()[-1500:])
agent.stop()
agent = Container('agent-read-all', roots['agent'], agent_command, keep=DAC_READ_SEARCH, mounts=agent_mounts, NODE_NAME='node-1')
wait_for(lambda: 'of another account' in archived(), 90, lambda: f'the line of another account; {agent.said()[-1500:]}', 0.3)
agent.stop()

# A sidecar: an account of its own reads a volume that both share by a group.
shared = folder('volume', mode=0o2770)
os.chown(shared, 0, 20000)
write(shared + '/shop.log', 'of a volume', owner=20000, mode=0o640)
sidecar = Container('sidecar', roots['agent'], agent_command, 7117, 7117, groups='20000', POD_NAME='shop-1',
                    mounts=[('/etc/dogwatch', config('sidecar.yaml', 'agent'), False), ('/var/lib/dogwatch', folder('sidecar-state', 7117), True), ('/logs', shared, False)])
wait_for(lambda: 'of a volume' in archived(), 90, lambda: f'the line of the volume; {sidecar.said()[-1500:]}', 0.3)
same(archived()['of a volume']['host']['name'], 'shop-1', 'of the pod')
sidecar.stop()
same(len(archived()), 5, 'every line once')
Container('token', roots['collector'], ['/usr/bin/dogwatch', 'token', 'add', 'tester', '--role', 'hunt'], 7117, 7117, mounts=collector_mounts, DOGWATCH_DATA='/var/lib/dogwatch').ends()
check(os.path.exists(os.path.join(dir_, 'data/api/tokens')), 'a token lies where the collector looks', os.listdir(os.path.join(dir_, 'data/api')))
collector.stop()
finish(began)
