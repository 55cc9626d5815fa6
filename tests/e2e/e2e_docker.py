#!/usr/bin/env python3
"""What the agent asks: docker's events and containers over its unix socket, and a kubelet's pods over TLS; with servers that are slow, wrong, too long, half closed, and started again.
There is no docker daemon here: tests/e2e/dockerd.py answers as one does."""
import time

from dockerd import Dockerd, Kubelet
from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('docker')
NOTHING = [os.path.join(dir_, 'nothing/*.log')]


def file(name):
    return os.path.join(dir_, name)


def sets(*options):
    return [a for o in options for a in ('--set', o)]


def counted(data, name):
    try:
        return int(dict(line.split() for line in open(os.path.join(data, 'state/agent.counters'))).get(name, 0))
    except OSError:
        return 0


def lines(data, text='*'):
    return [e['event']['original'] for e in query(data, text)] if count(data) else []


def cid(name):
    return hashlib.sha256(name.encode()).hexdigest()


def wait_lines(data, *want):
    wait_for(lambda: set(want) <= set(lines(data)), 60, lambda: [w for w in want if w not in lines(data)])


# ---- events, and what a container may do ----

sock = file('docker.sock')
docker = Dockerd(sock)
docker.run(cid('before'), 'before')
old = docker.event('start', cid('before'), image='shop/web:1.27', name='before')
data = file('events')
up = Up(data, NOTHING, *sets(f'docker.socket={sock}', 'sandbox=require'), *OWN_PORT)
wait_lines(data, old)
docker.run(cid('evil'), 'evil', host={'Privileged': True, 'PidMode': 'host', 'CapAdd': ['SYS_ADMIN']}, mounts=['/var/run/docker.sock', '/etc'], env=['DB_PASSWORD=sesame-4711'])
created = docker.event('create', cid('evil'), image='shop/web:1.27', name='evil', **{'com.docker.compose.project': 'shop'})
attached = docker.event('connect', cid('net'), kind='network', container=cid('evil'), name='bridge', type='bridge')
executed = docker.event('exec_start: /bin/sh -i', cid('evil'), image='shop/web:1.27', name='evil', execID='9')
died = docker.event('die', cid('evil'), image='shop/web:1.27', name='evil', exitCode='137')
wait_lines(data, created, attached, executed, died)
inspected = wait_for(lambda: [e for e in query(data, 'event.action:inspect') if e['container']['name'] == 'evil'], 60, 'the inspect document')[0]
by_line = {e['event']['original']: e for e in query(data)}
e = by_line[created]
same((e['event']['dataset'], e['event']['action'], e['event']['type'], e['container']['id'], e['container']['name'], e['container']['image']['name'], e['input']['type']),
     ('docker.events', 'create', ['creation'], cid('evil'), 'evil', 'shop/web:1.27', 'docker'), 'an event of a container')
same(by_line[attached]['container']['id'], cid('evil'), 'a network is no container, and names the one it is of')
same(by_line[executed]['process']['command_line'], '/bin/sh -i', 'what was executed')
c = inspected['container']
same((c['id'], c['security_context']['privileged'], c['image']['hash']['all'], c['restart_count'], inspected['user']['name']),
     (cid('evil'), True, ['sha256:' + 'ab' * 32], 3, 'root'), 'what it may do')
own = inspected['docker']['container']
same((own['HostConfig']['CapAdd'], own['HostConfig']['PidMode'], own['HostConfig']['NetworkMode']), (['SYS_ADMIN'], 'host', 'bridge'), 'in docker\'s own words')
check('sesame' not in ''.join(by_line), 'the environment, where passwords stand, is not kept')
check('Env' not in own['Config'] and own['Mounts']['Source'] == ['/var/run/docker.sock', '/etc'], 'mounts are', own)
found = wait_for(lambda: {a['rule']['name'] for a in alerts(data)} >= {'Privileged docker container', 'Command executed in a docker container'} and alerts(data), 60, lambda: alerts(data))
check(any(cid('evil') in json.dumps(a) or 'evil' in json.dumps(a) for a in found), 'shipped rules work on it', found)

# ---- a connection that breaks: nothing is lost, nothing comes twice ----

everything = {old, created, attached, executed, died}
for n in range(5):
    everything.add(docker.event('start' if n % 2 else 'stop', cid(f'c{n}'), image='x', name=f'c{n}'))
    docker.cut()
    everything.add(docker.event('die', cid(f'c{n}'), image='x', name=f'c{n}'))
    wait_lines(data, *everything)
docker.set('half')
half = docker.event('pause', cid('half'), image='x', name='half')
wait_for(lambda: counted(data, 'docker_disconnects') >= 6, 60, lambda: counted(data, 'docker_disconnects'))
docker.set('ok')
everything |= {half, docker.event('unpause', cid('half'), image='x', name='half')}
wait_lines(data, *everything)
same(counted(data, 'docker_gaps'), 0, 'there is no gap where docker remembers')

# ---- the agent is killed, and started again ----

pid = up.child('dogwatch-agent')
os.kill(pid, signal.SIGKILL)
everything |= {docker.event('kill', cid(f'k{n}'), image='x', name=f'k{n}') for n in range(40)}
wait_for(lambda: up.child('dogwatch-agent') not in (0, pid), 60, 'another agent')
wait_lines(data, *everything)
all_ = [line for line in lines(data) if '"Actor"' in line]
same(sorted(all_), sorted(everything), 'every event, once')

# ---- more events than docker remembers, and a docker that was started again: that is said ----

pid = up.child('dogwatch-agent')
os.kill(pid, signal.SIGSTOP)
docker.cut()
flood = [docker.event('top', cid('flood'), image='x', name=f'f{n}') for n in range(400)]
os.kill(pid, signal.SIGCONT)
wait_lines(data, *flood[-200:])
gap = wait_for(lambda: query(data, 'event.action:docker.gap'), 60, 'the gap is said in the file')[0]
check(gap['docker']['gap']['from'] < gap['docker']['gap']['to'] and 'does not remember' in gap['event']['reason'], 'with its times', gap)
wait_for(lambda: counted(data, 'docker_gaps') == 1, 60, 'and counted')
docker.close()
wait_for(lambda: 'nobody listens there' in up.said(), 60, up.said)
docker = Dockerd(sock)
docker.run(cid('survivor'), 'survivor')
wait_for(lambda: counted(data, 'docker_gaps') == 2, 60, lambda: counted(data, 'docker_gaps'))
wait_for(lambda: [e for e in query(data, 'event.action:inspect') if e['container']['name'] == 'survivor'], 60, 'what runs is looked at after a gap')
check('docker answers again' in up.said(), 'that docker is back is said')

# ---- a docker that answers wrongly: nothing else waits for it ----

log = file('app.log')
open(log, 'w').close()
same(up.stop(), 0, 'it ends well')
_, total = ledger(data)
same((total['unaccounted'], total['read']), (0, total['archived'] + total['declared']), 'the account adds up')
decoders_agree(data)
data = file('wrong')
docker.set('slow', 'slow')
up = Up(data, [log], *sets(f'docker.socket={sock}'), *OWN_PORT)
for mode in ('slow', 'hostile', 'garbage', 'endless', 'refuse', 'ok'):
    docker.set(mode)
    docker.cut()
    with open(log, 'a') as f:
        f.write(f'line while docker is {mode}\n')
    wait_lines(data, f'line while docker is {mode}')
    asked = len(docker.paths())
    if mode != 'ok':
        wait_for(lambda: len(docker.paths()) > asked or mode == 'slow', 60, f'asked again: {mode}')
docker.set(inspect='big')
docker.cut()
sign = docker.event('start', cid('big'), image='x', name='big')
long = docker.event('start', cid('long'), image='x', name='y' * 100000)
wait_lines(data, sign)
wait_for(lambda: [e for e in query(data) if 'cut' in e.get('tags', [])], 60, 'a long event is cut, and tagged')
wait_for(lambda: counted(data, 'docker_inspects_failed') >= 1, 60, 'an answer without end is given up')
docker.set(inspect='ok')
docker.run(cid('after'), 'after')
docker.event('start', cid('after'), image='x', name='after')
wait_for(lambda: [e for e in query(data, 'event.action:inspect') if e['container']['name'] == 'after'], 60, 'then all is as it was')
same(up.stop(), 0, 'it ends well')
same(ledger(data)[1]['unaccounted'], 0, 'the account adds up')

# ---- what docker says of containers whose own files cannot be read ----

root = file('containers')


def log_of(name, *texts):
    folder = os.path.join(root, cid(name))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f'{cid(name)}-json.log'), 'a') as f:
        for text in texts:
            f.write(json.dumps({'log': text + '\n', 'stream': 'stdout', 'time': time.strftime('%Y-%m-%dT%H:%M:%S.5Z', time.gmtime())}) + '\n')


def by_container(data):
    found = {}
    for e in query(data, 'container.id:* and not event.dataset:docker.events') if count(data) else []:
        found.setdefault(e['container']['id'], []).append(e)
    return found


OWN = '203.0.113.9|GET /login HTTP/1.1|401|17'
docker.run(cid('own'), 'own', image='shop/web:1.27', labels={'dogwatch.io/format': 'nginx_access $remote_addr|$request|$status|$body_bytes_sent', 'com.example.team': 'shop',
                                                             **{f'label{n:02}': 'x' for n in range(40)}, 'zlong': 'y' * 5000})
docker.run(cid('masks'), 'masks', labels={'dogwatch.io/redact': 'emails,no_such_rule'})
docker.run(cid('hidden'), 'hidden', labels={'dogwatch.io/exclude': 'true'})
log_of('own', OWN)
log_of('masks', 'mail to ann@example.com password=sesame4711')
log_of('hidden', 'a line of one that is not read')
log_of('unknown', 'docker does not know it')
data = file('described')
DOCKER = sets(f'docker.socket={sock}', 'discover.docker=true', f'discover.docker_root={root}')
docker.cut()
up = Up(data, NOTHING, *DOCKER, *sets('labels.exclude=true'), '--until-idle', *OWN_PORT)
up.wait(120)
found = by_container(data)
e = found[cid('own')][0]
same((e['source']['ip'], e['http']['response']['status_code'], e['container']['name'], e['container']['image']['name'], e['container']['image']['tag'], e['container']['image']['hash']['all'],
      e['container']['restart_count'], e['container']['labels']['com_example_team'], e['container']['created'][:19]),
     ('203.0.113.9', 401, 'own', 'shop/web', ['1.27'], ['sha256:' + 'ab' * 32], 3, 'shop', '2026-11-29T20:00:00'), 'docker says what it is, and its labels how it is read')
check(len(e['container']['labels']) == 16 and counted(data, 'metadata_cut') == 26, 'labels are bounded, and counted', (len(e['container']['labels']), counted(data, 'metadata_cut')))
masked = found[cid('masks')][0]['event']['original']
check('ann@' not in masked and 'sesame' not in masked, 'a label adds masks, and takes none away', masked)
check("is no rule of masks: 'no_such_rule'" in up.said(), 'one that is none is said', up.said())
check(cid('hidden') not in found, 'what is not to be read is not', found.get(cid('hidden')))
same(found[cid('unknown')][0]['event']['original'], 'docker does not know it', 'what docker does not know is read')
same(ledger(data)[1]['unaccounted'], 0, 'the account adds up')

# ---- docker that does not answer: the log waits a moment, and is read; what comes later holds from then on ----

docker.set(inspect='slow')
docker.run(cid('late'), 'late')
log_of('late', 'before docker says anything')
data = file('late')
up = Up(data, NOTHING, *DOCKER, *sets('metadata.wait=1s', 'kubelet.interval=1s'), *OWN_PORT)
wait_for(lambda: [e for e in by_container(data).get(cid('late'), []) if 'name' not in e['container']], 60, 'it is read without')
docker.set(inspect='ok')
n = 0


def named():
    global n
    n += 1
    log_of('late', f'after, line {n}')
    return [e for e in by_container(data)[cid('late')] if e['container'].get('name') == 'late' and e['event']['original'].startswith('after')]


wait_for(named, 60, 'then it is named')
same(up.stop(), 0, 'it ends well')
check(counted(data, 'metadata_waits_over') >= 1, 'that it waited in vain is counted')
same(ledger(data)[1]['unaccounted'], 0, 'the account adds up')

# ---- a container that is gone before docker answers: its file was opened all the same ----

data = file('brief')
up = Up(data, NOTHING, *DOCKER, *sets('metadata.wait=30s'), *OWN_PORT)
wait_for(lambda: by_container(data).get(cid('late')), 60, 'what is there')
docker.set(inspect='slow')
docker.run(cid('brief'), 'brief', labels={'dogwatch.io/redact': 'emails'})
log_of('brief', 'gone in a moment, says ann@example.com')
wait_for(lambda: f'/containers/{cid("brief")}/json' in docker.paths(), 60, 'it is asked about')
waiting = os.path.join(root, cid('brief'), f'{cid("brief")}-json.log')
wait_for(lambda: 'waits for what docker or the kubelet says of it' in dogwatch('agent', 'explain', waiting, '--data', data), 60, lambda: dogwatch('agent', 'explain', waiting, '--data', data))
shutil.rmtree(os.path.join(root, cid('brief')))
docker.set(inspect='ok')
e = wait_for(lambda: by_container(data).get(cid('brief')), 60, 'what a container wrote that was gone before docker answered is read')[0]
check(e['container'].get('name') == 'brief' and 'ann@' not in e['event']['original'], 'and described, and masked', e)
same(up.stop(), 0, 'it ends well')
same(ledger(data)[1]['unaccounted'], 0, 'the account adds up')
docker.close()

# ---- a kubelet, over TLS, with a token ----


def openssl(*args):
    subprocess.run(['openssl', *args], check=True, capture_output=True, cwd=dir_)


for ca in ('ours', 'theirs'):
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', f'/CN={ca}', '-keyout', f'{ca}.key', '-out', f'{ca}.pem')
openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=node-1', '-keyout', 'kubelet.key', '-out', 'kubelet.csr')
with open(file('san'), 'w') as f:
    f.write('subjectAltName=DNS:node-1,IP:127.0.0.1')
openssl('x509', '-req', '-in', 'kubelet.csr', '-CA', 'ours.pem', '-CAkey', 'ours.key', '-CAcreateserial', '-days', '2', '-extfile', 'san', '-out', 'kubelet.pem')
TOKEN = 'eyJhbGciOi.token-of-the-test'
with open(file('token'), 'w') as f:
    f.write(TOKEN + '\n')
port = free_ports(1)
kubelet = Kubelet(port, TOKEN, file('kubelet.pem'), file('kubelet.key'))
pods = file('pods')


def pod(uid, name, annotations, *containers):
    kubelet.pods.append({
        'metadata': {'name': name, 'namespace': 'shop', 'uid': uid, 'labels': {'app.kubernetes.io/name': name, 'tier': 'web'},
                     'annotations': {'kubectl.kubernetes.io/last-applied-configuration': '{"x":"' + 'y' * 9000 + '"}', **annotations}},
        'spec': {'nodeName': 'node-1', 'containers': [{'name': c} for c in containers]},
        'status': {'containerStatuses': [{'name': c, 'image': f'registry.example/{c}:2.0', 'imageID': f'registry.example/{c}@sha256:' + 'cd' * 32,
                                          'containerID': f'containerd://{cid(uid + c)}', 'restartCount': 2} for c in containers]}})


def pod_log(uid, name, container, *texts):
    folder = os.path.join(pods, f'shop_{name}_{uid}', container)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, '0.log'), 'a') as f:
        for text in texts:
            f.write(f'{time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())}.5Z stdout F {text}\n')


UID = '11111111-2222-3333-4444-%012d'
pod(UID % 1, 'web-1', {'dogwatch.io/format.nginx': 'nginx_access $remote_addr|$request|$status|$body_bytes_sent', 'dogwatch.io/multiline': 'java', 'dogwatch.io/exclude.noise': 'true'},
    'nginx', 'app', 'noise')
pod_log(UID % 1, 'web-1', 'nginx', OWN)
pod_log(UID % 1, 'web-1', 'app', 'java.lang.IllegalStateException: no', '\tat a.B.c(B.java:1)', '\tat a.B.d(B.java:2)', 'next')
pod_log(UID % 1, 'web-1', 'noise', 'not to be read')
KUBELET = sets(f'kubelet.url=https://127.0.0.1:{port}', f'kubelet.ca={file("ours.pem")}', f'kubelet.token={file("token")}', 'discover.cri=true', f'discover.pods_root={pods}',
               f'discover.containers_root={file("nowhere")}', 'labels.exclude=true', 'kubelet.interval=1s')
data = file('kubelet')
up = Up(data, NOTHING, *KUBELET, *sets('sandbox=require'), *OWN_PORT)


def of(container):
    return [e for e in query(data, f'container.name:{container}')] if count(data) else []


e = wait_for(lambda: of('nginx'), 60, up.said)[0]
same((e['source']['ip'], e['container']['image'], e['container']['id'], e['container']['runtime'], e['container']['restart_count'], e['orchestrator']['resource'], e['orchestrator']['namespace'],
      e['kubernetes']['node']['name'], e['kubernetes']['labels'], e['kubernetes']['pod']['name']),
     ('203.0.113.9', {'name': 'registry.example/nginx', 'tag': ['2.0'], 'hash': {'all': ['sha256:' + 'cd' * 32]}}, cid(UID % 1 + 'nginx'), 'containerd', 2,
      {'type': 'pod', 'name': 'web-1', 'id': UID % 1}, 'shop', 'node-1', {'app_kubernetes_io/name': 'web-1', 'tier': 'web'}, 'web-1'), 'what the kubelet says of a container')
same(wait_for(lambda: len(of('app')) == 2 and [len(e['event']['original'].split('\n')) for e in of('app')], 60, lambda: of('app')), [3, 1], 'an annotation joins lines')
check(not of('noise') and 'not read: a label of its container says so' in up.said(), 'another leaves one container out', up.said())
asked = len(kubelet.paths())
pod(UID % 2, 'web-2', {}, 'second')
pod_log(UID % 2, 'web-2', 'second', 'a pod that came later')
same(wait_for(lambda: of('second'), 60, 'a pod that is not known yet')[0]['orchestrator']['resource']['name'], 'web-2', 'the kubelet is asked again for it')
check(all(p == '/pods' for p in kubelet.paths()), 'nothing but /pods is asked', kubelet.paths())
for mode in ('slow', 'garbage'):
    kubelet.mode = mode
    pod_log(UID % 3, f'pod-{mode}', f'c-{mode}', f'read while the kubelet is {mode}')
    wait_for(lambda: of(f'c-{mode}'), 60, f'it is read while the kubelet is {mode}')
kubelet.mode = 'ok'
kubelet.cut()
same(up.stop(), 0, 'it ends well')
same(ledger(data)[1]['unaccounted'], 0, 'the account adds up')
decoders_agree(data)

# ---- one that is not the kubelet gets no token ----

for name, more, says in (('stranger', sets(f'kubelet.ca={file("theirs.pem")}'), 'certificate'), ('misnamed', sets('kubelet.name=node-2'), 'mismatch')):
    before = len(kubelet.asked)
    data = file(name)
    up = Up(data, NOTHING, *KUBELET, *more, *OWN_PORT)
    wait_for(lambda: of('nginx'), 60, up.said)
    wait_for(lambda: 'the kubelet says nothing of containers' in up.said() and says in up.said(), 60, up.said)
    same(len(kubelet.asked), before, f'{name}: nothing was sent to it')
    up.stop()
with open(file('token'), 'w') as f:
    f.write('another')
data = file('refused')
up = Up(data, NOTHING, *KUBELET, *OWN_PORT)
wait_for(lambda: of('nginx') and 'status 401' in up.said(), 60, up.said)
up.stop()
kubelet.close()
plain = Kubelet(port, None)
plain.pods = kubelet.pods
data = file('plain')
up = Up(data, NOTHING, *KUBELET, *sets(f'kubelet.url=http://127.0.0.1:{port}'), *OWN_PORT)
check(wait_for(lambda: of('nginx'), 60, up.said)[0]['orchestrator']['resource']['name'] == 'web-1', 'a read-only port')
check('authorization' not in plain.asked[0][1], 'gets no token', plain.asked)
up.stop()
plain.close()
finish(began)
