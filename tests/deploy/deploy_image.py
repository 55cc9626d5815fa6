#!/usr/bin/env python3
"""The roots of the images, run as the manifests say: read-only, with their mounts, their account, their capabilities; joined by Apache Kafka.

What is not here: a container runtime, and its filter of system calls."""
import time

import yaml

from deploy_lib import *  # noqa: F403

LIMIT_MB = 25
DAC_READ_SEARCH = '2'
began = time.monotonic()
need('unshare', 'cmake')
dir_ = scratch('image')
build = os.path.join(ROOT, 'build/shipped')
roots = image_roots(dir_)


def size_mb(root):
    return sum(os.lstat(os.path.join(d, f)).st_size for d, _, files in os.walk(root) for f in files) / 1e6


for program, root in roots.items():
    print(f'{program}: {size_mb(root):.1f} MB', flush=True)
check(size_mb(roots['agent']) <= LIMIT_MB, f'the agent with all it needs is at most {LIMIT_MB} MB', size_mb(roots['agent']))
same(subprocess.run([os.path.join(ROOT, 'deploy/image/rootfs.sh'), 'agent', build, roots['agent']], capture_output=True).returncode, 2, 'a folder that is there is not written over')


for program, names in (('agent', ['dogwatch-agent']), ('collector', ['dogwatch-collector', 'dogwatch'])):
    for name in names:
        check(Container(dir_, f'{name}-version', roots[program], [f'/usr/bin/{name}', '--version'], 7117, 7117).ends().startswith(name + ' '), f'{name} finds its libraries')


try:
    kafka = Kafka()
except SystemExit:  # it said why
    finish(began)


def config(manifest, kind):
    """A folder with the configuration of a manifest, that asks this Kafka."""
    docs = [d for d in yaml.safe_load_all(open(os.path.join(ROOT, 'deploy/kubernetes', manifest))) if d['kind'] == 'ConfigMap']
    text = docs[0]['data'][kind + '.yml']
    broker = yaml.safe_load(text)['kafka.brokers']
    path = folder(dir_, manifest + '-config')
    open(os.path.join(path, kind + '.yml'), 'w').write(text.replace(broker, kafka.brokers).replace('127.0.0.1:7117', '127.0.0.1:0'))
    return path


def archived():
    """What the commands say that stand in the collector's image, asked as `kubectl exec` would."""
    r = Container(dir_, f'query-{time.monotonic_ns()}', roots['collector'], ['/usr/bin/dogwatch', 'query', 'not event.dataset:dogwatch.agent', '--output', 'ndjson'], 7117, 7117, mounts=collector_mounts, DOGWATCH_DATA='/var/lib/dogwatch')
    r.process.wait(60)
    said = r.said()
    return {e['event']['original']: e for e in (json.loads(x) for x in said.splitlines() if x.startswith('{'))}


logs, docker = folder(dir_, 'logs'), folder(dir_, 'docker', mode=0o710)
pod, own = logs + '/pods/shop_web-1_aaaa/web/0.log', logs + '/pods/dogwatch_dogwatch-agent-x_bbbb/agent/0.log'
stamp = '2026-11-25T12:00:00.000000000Z'
write(pod, f'{stamp} stdout F of a pod')
write(own, f'{stamp} stderr F of the agent itself')
write(logs + '/pods/evil_dogwatch-agent-x_cccc/agent/0.log', f'{stamp} stdout F of one who calls itself so')
write(docker + '/ddd/ddd-json.log', json.dumps({'log': 'of docker\n', 'stream': 'stdout', 'time': stamp}))
write(logs + '/pods/shop_web-2_eeee/web/0.log', f'{stamp} stdout F of another account', owner=1000, mode=0o600)
os.chmod(docker + '/ddd', 0o710)
agent_mounts = [('/etc/dogwatch', config('agent.yaml', 'agent'), False), ('/var/lib/dogwatch', folder(dir_, 'state'), True), ('/var/log', logs, False),
                ('/var/lib/docker/containers', docker, False)]
collector_mounts = [('/etc/dogwatch', config('collector.yaml', 'collector'), False), ('/var/lib/dogwatch', folder(dir_, 'data', 7117), True), ('/var/tmp', folder(dir_, 'tmp', mode=0o1777), True)]
collector = Container(dir_, 'collector', roots['collector'], ['/usr/bin/dogwatch-collector', '--config', '/etc/dogwatch/collector.yml'], 7117, 7117, mounts=collector_mounts)
agent_command = ['/usr/bin/dogwatch-agent', '--config', '/etc/dogwatch/agent.yml']
agent = Container(dir_, 'agent', roots['agent'], agent_command, mounts=agent_mounts, NODE_NAME='node-1')
wait_for(lambda: len(archived()) == 3, 90, lambda: f'three lines; {agent.said()[-1500:]}{collector.said()[-1500:]}', 0.3)
same(set(archived()), {'of a pod', 'of docker', 'of one who calls itself so'}, 'root without a capability reads what is root\'s; its own lines are left out, and nobody else\'s')
same({e['host']['name'] for e in archived().values()}, {'node-1'}, 'of the node')
status = dict(x.split(':\t', 1) for x in open(f'/proc/{agent.process.pid}/status').read().splitlines() if ':\t' in x)
same((status['CapEff'], status['CapBnd'], status['NoNewPrivs']), ('0' * 16, '0' * 16, '1'), 'it had no capability')
check('another account' not in str(archived()), 'what belongs to another account it cannot read')
check('web-2_eeee' in agent.said(), 'and it says so', agent.said()[-1500:])
agent.stop()
agent = Container(dir_, 'agent-read-all', roots['agent'], agent_command, keep=DAC_READ_SEARCH, mounts=agent_mounts, NODE_NAME='node-1')
wait_for(lambda: 'of another account' in archived(), 90, lambda: f'the line of another account; {agent.said()[-1500:]}', 0.3)
agent.stop()

# A sidecar: an account of its own reads a volume that both share by a group.
shared = folder(dir_, 'volume', mode=0o2770)
os.chown(shared, 0, 20000)
write(shared + '/shop.log', 'of a volume', owner=20000, mode=0o640)
sidecar = Container(dir_, 'sidecar', roots['agent'], agent_command, 7117, 7117, groups='20000', POD_NAME='shop-1',
                    mounts=[('/etc/dogwatch', config('sidecar.yaml', 'agent'), False), ('/var/lib/dogwatch', folder(dir_, 'sidecar-state', 7117), True), ('/logs', shared, False)])
wait_for(lambda: 'of a volume' in archived(), 90, lambda: f'the line of the volume; {sidecar.said()[-1500:]}', 0.3)
same(archived()['of a volume']['host']['name'], 'shop-1', 'of the pod')
sidecar.stop()
same(len(archived()), 5, 'every line once')
Container(dir_, 'token', roots['collector'], ['/usr/bin/dogwatch', 'token', 'add', 'tester', '--role', 'hunt'], 7117, 7117, mounts=collector_mounts, DOGWATCH_DATA='/var/lib/dogwatch').ends()
check(os.path.exists(os.path.join(dir_, 'data/api/tokens')), 'a token lies where the collector looks', os.listdir(os.path.join(dir_, 'data/api')))
collector.stop()
finish(began)
