#!/usr/bin/env python3
"""Manifests for Kubernetes, the Helm chart and the compose file, against the schemas of those who read them, and against the option tables.

What is not here: no cluster and no container runtime runs them. What an image does is deploy_image.py's."""
import time

import yaml

from deploy_lib import *  # noqa: F403

TOOLS = {'kubernetes_validate': 'kubernetes-validate==1.37.0', 'compose_spec': 'compose-spec==0.2.1', 'helm_python': 'helm-python-sdk==0.2.2'}
VERSIONS = ('1.29', '1.31', '1.33', '1.35', '1.37')
CHECK = """
import json, sys, kubernetes_validate
asked = json.load(sys.stdin)
out = []
for version in asked['versions']:
    for d in asked['documents']:
        try:
            kubernetes_validate.validate(d, version, strict=True)
            out.append([version, d['kind'], None])
        except Exception as e:
            out.append([version, d.get('kind'), f'{type(e).__name__}: {e}'[:500]])
print(json.dumps(out))
"""
RENDER = """
import json, sys, helm_python as helm
asked = json.load(sys.stdin)
with helm.Chart.load(asked['chart']) as chart:
    try:
        print(json.dumps({'files': chart.render(asked['values'], name='dogwatch', namespace=asked['namespace']), 'lint': helm.lint(asked['chart'])}))
    except helm.HelmError as e:
        print(json.dumps({'error': str(e)}))
"""
COMPOSE = """
import json, sys, compose_spec
for text in json.load(sys.stdin):
    try:
        print(json.dumps(sorted(compose_spec.PyCompose.from_json(text).to_dict()['services'])))
    except ValueError as e:
        print(json.dumps('refused: ' + str(e)))
"""
began = time.monotonic()
python = os.path.join(ROOT, 'build/venv/bin/python')


def bring(module):
    """Into build/venv, or a word why not."""
    if not os.path.exists(python):
        subprocess.run([sys.executable, '-m', 'venv', os.path.join(ROOT, 'build/venv')], capture_output=True)
    if subprocess.run([python, '-c', f'import {module}'], capture_output=True).returncode == 0:
        return True
    r = subprocess.run([python, '-m', 'pip', 'install', '-q', TOOLS[module]], capture_output=True, text=True)
    if r.returncode:
        print(f'SKIPPED  {TOOLS[module]} cannot be brought here: {(r.stderr or r.stdout)[-300:]}')
    return r.returncode == 0


def tool(code, asked):
    r = subprocess.run([python, '-c', code], input=json.dumps(asked), capture_output=True, text=True)
    check(r.returncode == 0, 'a tool answers', r.stderr[-1500:])
    return [json.loads(line) for line in r.stdout.splitlines()]


def documents(text):
    return [d for d in yaml.safe_load_all(text) if d]


def read(name):
    return documents(open(os.path.join(ROOT, 'deploy/kubernetes', name)).read())


def kubernetes_takes(what, docs, versions=VERSIONS):
    """Strictly: a key that the schema does not have is refused."""
    answers = tool(CHECK, {'versions': versions, 'documents': docs})[0]
    same(len(answers), len(docs) * len(versions), f'{what}: each document by each version')
    bad = [a for a in answers if a[2]]
    return check(not bad, f'{what}: Kubernetes takes it', bad[:3])


def render(namespace='dogwatch', **values):
    chart = os.path.join(ROOT, 'deploy/helm/dogwatch')
    return tool(RENDER, {'chart': chart, 'values': values, 'namespace': namespace})[0]


def rendered(**values):
    answer = render(**values)
    check('files' in answer, f'the chart renders with {values}', answer)
    docs = [d for name, text in sorted(answer.get('files', {}).items()) if name.endswith('.yaml') for d in documents(text)]
    for d in docs:
        if 'template' in d.get('spec', {}):
            digest = d['spec']['template']['metadata'].pop('annotations')
            check(len(digest['dogwatch/config']) == 64, 'a change of values changes the pods')
    return docs


def configured(docs):
    """The configurations in ConfigMaps, by the programs' own tables."""
    found = 0
    for d in docs:
        for name, text in d.get('data', {}).items() if d['kind'] == 'ConfigMap' else ():
            path = os.path.join(scratch('config'), name)
            with open(path, 'w') as f:
                f.write(text.replace('/etc/dogwatch-kafka/password', os.path.join(ROOT, 'LICENSE')))  # a check reads the file that it names
            env = dict(os.environ, NODE_NAME='node-1', POD_NAME='shop')
            r = subprocess.run([DOGWATCH, 'config', 'check', name.split('.')[0], path], capture_output=True, text=True, env=env)
            check(r.returncode == 0, f'{d["metadata"]["name"]}: {name} is right', r.stderr)
            found += 1
    return found


def confined(docs):
    """What no pod of ours has."""
    for d in docs:
        pod = d['spec'] if d['kind'] == 'Pod' else d.get('spec', {}).get('template', {}).get('spec')
        if not pod:
            continue
        name = d['metadata']['name']
        check(not set(pod) & {'hostNetwork', 'hostPID', 'hostIPC', 'serviceAccountName'}, f'{name}: nothing of the node but mounts')
        same(pod['securityContext']['seccompProfile'], {'type': 'RuntimeDefault'}, f'{name}: the runtime\'s filter')
        for c in pod.get('initContainers', []) + pod['containers']:
            s = c['securityContext']
            same((s['allowPrivilegeEscalation'], s['capabilities']['drop'], s.get('privileged')), (False, ['ALL'], None), f'{name}/{c["name"]}: no more than it needs')
            if 'dogwatch' in c['image']:
                check(s['readOnlyRootFilesystem'], f'{name}/{c["name"]}: writes to mounts alone')
                check(all(m.get('readOnly') or m['mountPath'].startswith('/var/lib/dogwatch') or m['mountPath'] == '/var/tmp' for m in c['volumeMounts']), f'{name}/{c["name"]}: which are its own', c['volumeMounts'])


namespace, agent, collector, sidecar = (read(f'{n}.yaml') for n in ('namespace', 'agent', 'collector', 'sidecar'))
same(configured(agent + collector + sidecar), 3, 'configurations in manifests')
confined(agent + collector + sidecar)
same([d['kind'] for d in namespace + agent + collector + sidecar if d['kind'] in ('Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding', 'ServiceAccount')], [], 'no rights at the API server')
if bring('kubernetes_validate'):
    kubernetes_takes('manifests', namespace + agent + collector)
    kubernetes_takes('sidecar', sidecar)
    wrong = json.loads(json.dumps(agent))
    wrong[1]['spec']['template']['spec']['containers'][0]['volumeMount'] = []
    check(any(a[2] for a in tool(CHECK, {'versions': ['1.33'], 'documents': wrong})[0]), 'a key that is none would be found')

if bring('helm_python'):
    plain = rendered()
    same(plain, agent + collector, 'the chart writes what the manifests have')
    lint = render()['lint']
    same((lint['errors'], [m for m in lint['messages'] if m['severity'] > 1]), ([], []), 'helm lint')
    check('port-forward' in render()['files']['dogwatch/templates/NOTES.txt'], 'what to type next')
    full = rendered(kafka={'brokers': 'k1:9093,k2:9093', 'secret': 'kafka', 'options': {'security.protocol': 'SASL_SSL', 'sasl.mechanisms': 'PLAIN'}},
                    agent={'readAll': True, 'config': {'logs': ['/var/log/nginx/*.log'], 'zone': 'Europe/Berlin'}, 'priorityClassName': 'system-node-critical', 'nodeSelector': {'a': 'b'}},
                    collector={'tlsSecret': 'tls', 'storage': {'size': '1Ti', 'className': 'fast'}, 'config': {'retention.age': '90d'}}, image={'pullSecrets': ['registry']})
    same(configured(full), 2, 'configurations of a chart with everything')
    confined(full)
    texts = [v for d in full if d['kind'] == 'ConfigMap' for v in d['data'].values()]
    check(all(f'sasl.username: dogwatch-{p}' in t for p, t in zip(('agent', 'collector'), texts)), 'each has a name of its own at the brokers', texts)
    same([d['spec']['template']['spec']['containers'][0]['securityContext']['capabilities'].get('add') for d in full if d['kind'] in ('DaemonSet', 'StatefulSet')],
         [['DAC_READ_SEARCH'], None], 'readAll gives the agent one capability')
    same([d['kind'] for d in rendered(collector={'enabled': False})], ['ConfigMap', 'DaemonSet'], 'a cluster without a collector')
    check('kafka' in str(render(kafka={'borkers': 'x'}).get('error')), 'a value that is none is refused', render(kafka={'borkers': 'x'}))
    elsewhere = render(namespace='logs')['files']['dogwatch/templates/agent.yaml']
    check('/var/log/pods/logs_dogwatch-*/**' in elsewhere, 'in another namespace it leaves out itself there')
    if bring('kubernetes_validate'):
        kubernetes_takes('the chart', full)

compose = yaml.safe_load(open(os.path.join(ROOT, 'deploy/compose/compose.yaml')))
services = compose['services']
same(sorted(services), ['agent', 'collector', 'kafka'], 'agent, collector and Kafka')
for name in ('agent', 'collector'):
    s = services[name]
    same((s['read_only'], s['cap_drop'], s['security_opt']), (True, ['ALL'], ['no-new-privileges:true']), f'{name}: no more than it needs')
    for v in s['volumes']:
        source, to = v.split(':')[:2]
        check(source.startswith('/') == (v.endswith(':ro') and 'yml' not in v), f'{name}: of the host it only reads', v)
        if source.startswith('./'):
            path = os.path.join(ROOT, 'deploy/compose', source)
            dogwatch('config', 'check', name, path)
            brokers = yaml.safe_load(open(path))['kafka.brokers']
            same(services['kafka']['environment']['KAFKA_ADVERTISED_LISTENERS'], f'PLAINTEXT://{brokers}', f'{name}: Kafka is where it looks')
        check(source in compose['volumes'] or '/' in source, f'{name}: a volume that is there', v)
check(all('127.0.0.1:' in x for x in services['kafka']['environment']['KAFKA_LISTENERS'].split(',')), 'Kafka listens on loopback alone')
if bring('compose_spec'):
    answers = tool(COMPOSE, [json.dumps(compose), json.dumps({'services': {'a': {'imag': 'x'}}})])
    same(answers[0], ['agent', 'collector', 'kafka'], 'compose takes it')
    check(str(answers[1]).startswith('refused'), 'a key that is none would be found', answers[1])
finish(began)
