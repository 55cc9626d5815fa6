/*
 * world: what the console's tests share: a folder of logs, the real `dogwatch up` over it, and what stands between page and collector.
 *
 * DW_BUILD names the build folder (default build/asan, from the root of the tree). Nothing here sleeps: each wait is for a condition and
 * has a bound.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '../dev.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const DOGWATCH = path.resolve(ROOT, process.env.DW_BUILD || 'build/asan', 'dogwatch');

export async function until(what, condition, seconds = 30) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
        const got = await condition();
        if (got)
            return got;
        if (Date.now() > end)
            throw new Error(`waited ${seconds} s in vain for ${typeof what === 'function' ? await what() : what}`);
        await new Promise(resolve => setTimeout(resolve, 25));
    }
}

/* What can be missing, as a reason; '' when the tests can run. */
export function missing(needBrowser = true) {
    if (!fs.existsSync(DOGWATCH))
        return `no ${path.relative(ROOT, DOGWATCH)}: build it, or name the folder by DW_BUILD`;
    return needBrowser && !chromium() ? 'no Chromium: apt-get install chromium, or name it by DW_CHROMIUM' : '';
}

export function chromium() {
    return [process.env.DW_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-headless-shell', '/usr/bin/google-chrome'].find(p => p && fs.existsSync(p));
}

const TWO = n => String(n).padStart(2, '0');
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/* Times as programs write them, `ago` seconds before now. */
export function syslogTime(ago) {
    const t = new Date(Date.now() - ago * 1000);
    return `${MONTHS[t.getUTCMonth()]} ${String(t.getUTCDate()).padStart(2)} ${TWO(t.getUTCHours())}:${TWO(t.getUTCMinutes())}:${TWO(t.getUTCSeconds())}`;
}

export function clfTime(ago) {
    const t = new Date(Date.now() - ago * 1000);
    return `${TWO(t.getUTCDate())}/${MONTHS[t.getUTCMonth()]}/${t.getUTCFullYear()}:${TWO(t.getUTCHours())}:${TWO(t.getUTCMinutes())}:${TWO(t.getUTCSeconds())} +0000`;
}

export function sqlInjection(ip, ago = 600) {
    return `${ip} - - [${clfTime(ago)}] "GET /products?id=1%27%20UNION%20SELECT%20login,password%20FROM%20users-- HTTP/1.1" 200 512 "-" "curl/8.5.0"\n`;
}

export function request(ip, target, ago = 600, status = 200) {
    return `${ip} - - [${clfTime(ago)}] "GET ${target} HTTP/1.1" ${status} 5120 "-" "Mozilla/5.0 (X11; Linux x86_64)"\n`;
}

export function ssh(word, user, ip, ago = 600, pid = 4711) {
    return `${syslogTime(ago)} web1 sshd[${pid}]: ${word} password for ${user} from ${ip} port ${40000 + pid % 20000} ssh2\n`;
}

/* One that nobody listens on now: a collector that is started again has the same. */
export function freePort() {
    return new Promise(resolve => {
        const server = net.createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

const worlds = [];

/* From here on pages at its address begin signed in there. */
function register(w) {
    worlds.push(w);
}

/* The cookie of who is signed in at the world that serves this address. */
export function cookieOf(url) {
    return worlds.find(w => url.startsWith(w.url)).cookie;
}

export class World {
    constructor(name, logs, dir, rules) {
        this.dir = dir || fs.mkdtempSync(path.join(os.tmpdir(), `dw-console-${name}-`));
        this.rules = rules || path.join(ROOT, 'rules');
        this.data = path.join(this.dir, 'data');
        fs.mkdirSync(path.join(this.dir, 'logs'));
        for (const [file, text] of Object.entries(logs))
            this.append(file, text);
    }

    append(file, text) {
        fs.appendFileSync(path.join(this.dir, 'logs', file), text);
    }

    start(settings = []) {
        const args = ['up', '--data', this.data, '--logs', path.join(this.dir, 'logs/*.log'), '--rules', this.rules,
            ...[`collector.api.listen=127.0.0.1:${this.port}`, ...settings].flatMap(s => ['--set', s])];
        this.spawn(DOGWATCH, args);
    }

    spawn(program, args, env = {}) {
        this.said = '';
        this.up = spawn(program, args, { env: { ...process.env, TZ: 'UTC', ASAN_OPTIONS: 'detect_leaks=0', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
        for (const stream of [this.up.stdout, this.up.stderr])
            stream.on('data', d => {
                this.said += d;
            });
        this.ended = new Promise(resolve => this.up.once('exit', resolve));
    }

    ask(target) {
        return new Promise((resolve, reject) => {
            http.get({ socketPath: path.join(this.data, 'api.sock'), path: target, headers: { host: 'localhost' } }, res => {
                let text = '';
                res.setEncoding('utf8');
                res.on('data', d => {
                    text += d;
                });
                res.on('end', () => resolve({ status: res.statusCode, text }));
                res.on('error', reject);
            }).on('error', reject);
        });
    }

    async rows(target) {
        const { status, text } = await this.ask(target);
        if (status !== 200)
            throw new Error(`${target}: ${status} ${text}`);
        return text.trim().split('\n').map(l => JSON.parse(l)).filter(r => !r.answer);
    }

    async events() {
        return (await this.rows(`/api/v1/query?query=${encodeURIComponent('* | stats count')}`))[0]?.count || 0;
    }

    audit() {
        return fs.readFileSync(path.join(this.data, 'audit/audit.log'), 'utf8').trim().split('\n').filter(Boolean).map(l => JSON.parse(l));
    }

    /* What was asked for, by the audit log: route and parameters. */
    asked() {
        return this.audit().filter(l => l.event === 'asked').map(l => ({ method: l.method, route: l.route, who: l.who, ...JSON.parse(l.text || '{}') }));
    }

    dogwatch(...args) {
        return execFileSync(DOGWATCH, [...args, '--data', this.data], { encoding: 'utf8', env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } });
    }

    /* A code as people get one. */
    code() {
        return /#code=(\w+)/.exec(this.dogwatch('console'))[1];
    }

    /* Signs in as the page does; the cookie, for pages that begin signed in. */
    async signIn() {
        const res = await fetch(`${this.url}api/v1/session`, {
            method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ code: this.code() }),
        });
        const [name, value] = res.headers.get('set-cookie').split(';')[0].split('=');
        this.cookie = { name, value, url: this.url, httpOnly: true, sameSite: 'Strict' };
    }

    /* From here on these rows, by path, come instead of the collector's; {}: its own again. */
    instead(rows) {
        this.served.how.intercept = (req, res) => {
            const body = rows[req.url.split('?')[0]];
            return body !== undefined && Boolean(res.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).end(body));
        };
    }

    async stop() {
        this.up.kill('SIGTERM');
        const late = setTimeout(() => this.up.kill('SIGKILL'), 20e3);
        await this.ended;
        clearTimeout(late);
    }

    ready(seconds = 60) {
        return until(() => `the collector\n${this.said}`, () => this.ask('/readyz').then(r => r.status === 200, () => false), seconds);
    }

    async end() {
        this.served?.close();
        await this.stop();
        if (!process.env.DW_KEEP)
            fs.rmSync(this.dir, { recursive: true, force: true });
    }
}

/* Waits until a world that was started is ready, and signs in: pages can be opened in it then. What fails ends it. */
export async function begin(w, ready) {
    try {
        await ready();
        w.served = await serve({ collector: `http://127.0.0.1:${w.port}` });
        w.url = w.served.url;
        await w.signIn();
        register(w);
    } catch (e) {
        await w.end();
        throw e;
    }
    return w;
}

/* logs: {file: text}; waits until `events` are archived and `alerts` are raised. */
export async function world(name, { logs = {}, events = 0, alerts = 0, settings = [], seconds = 60, dir, rules } = {}) {
    const w = new World(name, { 'quiet.log': '', ...logs }, dir, rules);
    w.port = await freePort();
    w.start(settings);
    return begin(w, async () => {
        await w.ready(seconds);
        await until(() => `${events} events\n${w.said}`, async () => await w.events() >= events, seconds);
        await until(() => `${alerts} alerts\n${w.said}`, async () => (await w.rows('/api/v1/alerts?limit=1000')).length >= alerts, seconds);
    });
}
