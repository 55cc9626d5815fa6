#!/usr/bin/env python3
"""deploy/compose/compose.yaml as it stands, without docker: the roots of the images and Apache Kafka, with the accounts, mounts, configurations and
ports that it names, on a loopback of their own."""
import time
import urllib.request

import yaml

from deploy_lib import *  # noqa: F403

began = time.monotonic()
need('unshare', 'ip', 'cmake')
JARS = os.environ.get('DW_KAFKA_JARS', os.path.join(ROOT, 'build/kafka-jars'))
if not os.environ.get('DW_OWN_NET'):
    if not os.path.exists(os.path.join(JARS, '.complete')):
        kafka = Kafka()  # brings them, or says why not and ends
        kafka.run('clean')
        shutil.rmtree(kafka.env['DW_KAFKA'], True)
    os.execvpe('unshare', ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', sys.executable, *sys.argv], dict(os.environ, DW_OWN_NET='1'))

dir_ = scratch('compose')
compose = yaml.safe_load(open(os.path.join(ROOT, 'deploy/compose/compose.yaml')))
services, roots = compose['services'], image_roots(dir_)
host = {'/var/lib/docker/containers': folder(dir_, 'docker', mode=0o710), '/var/log': folder(dir_, 'log')}
USERS = {'agent': 0, 'collector': 7117}  # of the images


def start(name, program=None, arguments=()):
    """A service of the file, or another program in its container."""
    s, mounts = services[name], []
    for volume in s['volumes']:
        source, inside, *mode = volume.split(':')
        outside = host.get(source) or (os.path.join(ROOT, 'deploy/compose', source) if source.startswith('./') else os.path.join(dir_, f'volume-{source}'))
        if not os.path.exists(outside):  # docker gives a new volume the owner that the image's folder has
            os.makedirs(outside, 0o750)
            os.chown(outside, os.stat(roots[name] + inside).st_uid, os.stat(roots[name] + inside).st_gid)
        mounts.append((inside, outside, mode != ['ro']))
    for inside in s.get('tmpfs', []):
        if not os.path.exists(os.path.join(dir_, name + '-tmp')):
            folder(dir_, name + '-tmp', mode=0o1777)
        mounts.append((inside, os.path.join(dir_, name + '-tmp'), True))
    uid = int(s['user'].split(':')[0]) if 'user' in s else USERS[name]
    command = [f'/usr/bin/{program}', *arguments] if program else [f'/usr/bin/dogwatch-{name}', '--config', f'/etc/dogwatch/{name}.yml']
    return Container(dir_, f'{name}-{time.monotonic_ns()}', roots[name], command, uid, uid, mounts=mounts, DOGWATCH_DATA='/var/lib/dogwatch')


def start_kafka():
    """By the same properties, as its image makes them of the environment."""
    properties = {k.removeprefix('KAFKA_').lower().replace('_', '.'): v for k, v in services['kafka']['environment'].items()}
    properties['log.dirs'] = os.path.join(dir_, 'kafka')
    path = os.path.join(dir_, 'kafka.properties')
    with open(path, 'w') as f:
        f.writelines(f'{k}={v}\n' for k, v in properties.items())
    java = ['java', '-Xmx384m', '-XX:TieredStopAtLevel=1', f'-Dlog4j2.configurationFile=file:{JARS}/log4j2.properties', '-cp', JARS + '/*']
    r = subprocess.run([*java, 'kafka.tools.StorageTool', 'format', '-t', '5L6g3nShT-eMCtK--X86sw', '-c', path], capture_output=True, text=True)
    check(r.returncode == 0, 'Kafka takes the properties', r.stdout + r.stderr)
    p = subprocess.Popen([*java, 'kafka.Kafka', path], stdout=open(path + '.log', 'wb'), stderr=subprocess.STDOUT)
    atexit.register(lambda: p.poll() is None and (p.kill(), p.wait()))


def archived():
    r = start('collector', 'dogwatch', ['query', 'not event.dataset:dogwatch.agent', '--output', 'ndjson'])
    r.process.wait(60)
    return [json.loads(x)['event']['original'] for x in r.said().splitlines() if x.startswith('{')]


write(host['/var/lib/docker/containers'] + '/ccc/ccc-json.log', json.dumps({'log': 'of a container\n', 'stream': 'stdout', 'time': '2026-11-25T12:00:00.000000000Z'}))
os.chmod(host['/var/lib/docker/containers'] + '/ccc', 0o710)
agent, collector = start('agent'), start('collector')  # before Kafka is there: depends_on waits for nothing to be ready
start_kafka()
wait_for(lambda: archived() == ['of a container'], 120, lambda: f'the line; {agent.said()[-1500:]}{collector.said()[-1500:]}{open(dir_ + "/kafka.properties.log").read()[-1000:]}', 0.5)
check('rules loaded, 0 left out' in collector.said(), 'with the rules of the image', collector.said())
same(urllib.request.urlopen('http://127.0.0.1:7117/healthz', timeout=10).status, 200, 'API and console are where a browser on the host looks')
agent.stop()
write(host['/var/lib/docker/containers'] + '/ccc/ccc-json.log', json.dumps({'log': 'one more\n', 'stream': 'stdout', 'time': '2026-11-25T12:00:01.000000000Z'}))
agent = start('agent')
wait_for(lambda: archived() == ['of a container', 'one more'], 60, lambda: f'the line after a restart, and no line twice: {archived()}', 0.5)
for container in (agent, collector):
    container.stop()
finish(began)
