/*
 * dev: serves the console in development and in its tests, where the collector does not serve it itself.
 *
 *     node console/dev.mjs --data DATA [--port N] [--dist DIR] [--sign-in] [--dogwatch PROGRAM]
 *
 * Files come with the headers that the collector sends. /api goes to DATA/api.sock, where the user that runs the collector needs no
 * token. /api/v1/session is answered here: with --sign-in only a code that this program prints lets somebody in.
 * /api/v1/alerts/ID/explain, which the collector does not have yet, is `dogwatch alert explain ID` when --dogwatch names it.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HERE = path.dirname(fileURLToPath(import.meta.url));
const FILES = {
    '/': ['index.html', 'text/html; charset=utf-8'],
    '/console/app.js': ['app.js', 'text/javascript; charset=utf-8'],
    '/console/app.css': ['app.css', 'text/css; charset=utf-8'],
};

function answer(res, status, body) {
    res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    res.end(JSON.stringify(body));
}

function refuse(res, status, code, message, hint) {
    answer(res, status, { error: { code, message, hint } });
}

function file(res, dist, [name, type]) {
    res.writeHead(200, {
        'Content-Type': type, 'Content-Encoding': 'gzip', 'Content-Security-Policy': CSP, 'Cache-Control': 'no-cache',
        'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer',
    });
    fs.createReadStream(path.join(dist, `${name}.gz`)).pipe(res);
}

function read(req) {
    return new Promise(resolve => {
        let text = '';
        req.on('data', d => {
            text += d;
        });
        req.on('end', () => resolve(text));
    });
}

function proxy(req, res, data) {
    const headers = { ...req.headers, host: 'localhost' };
    delete headers.origin; /* it names this program, not the collector */
    delete headers.cookie;
    const out = http.request({ socketPath: path.join(data, 'api.sock'), path: req.url, method: req.method, headers }, back => {
        res.writeHead(back.statusCode, back.headers);
        back.pipe(res);
        back.on('error', () => res.destroy());
    });
    out.on('error', e => (res.headersSent ? res.destroy() : refuse(res, 502, 'unreachable', `DATA/api.sock: ${e.message}`, 'is the collector running?')));
    res.on('close', () => out.destroy());
    req.pipe(out);
}

function explain(res, how, id) {
    const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' };
    execFile(how.dogwatch, ['alert', 'explain', id, '--data', how.data, '--output', 'ndjson'], { env, maxBuffer: 1 << 26 }, (e, stdout, stderr) => {
        if (e && !stdout)
            return refuse(res, 503, 'unavailable', stderr.trim() || e.message, '');
        const rows = stdout.split('\n').filter(Boolean).length;
        res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
        return res.end(`${stdout}{"answer":{"complete":${!e},"why":${JSON.stringify(e ? stderr.trim() : null)},"rows":${rows}}}\n`);
    });
}

class Sessions {
    constructor(needed) {
        this.needed = needed;
        this.open = !needed;
        this.codes = new Set();
    }

    code() {
        const code = randomBytes(12).toString('base64url');
        this.codes.add(code);
        return code;
    }

    async serve(req, res) {
        const who = { who: `uid ${process.getuid()}`, role: 'admin', expires: new Date(Date.now() + 12 * 3600e3).toISOString() };
        if (req.url === '/api/v1/session/end') {
            this.open = !this.needed;
            return answer(res, 200, {});
        }
        if (req.method === 'POST') {
            const { code } = JSON.parse(await read(req));
            if (!this.codes.delete(code))
                return refuse(res, 401, 'unauthorized', 'the code is wrong, used or over', 'type dogwatch console for a new one');
            this.open = true;
        }
        return this.open ? answer(res, 200, who) : refuse(res, 401, 'unauthorized', 'nobody is signed in', 'type dogwatch console');
    }
}

function handle(req, res, how, sessions) {
    const url = req.url.split('?')[0];
    if (FILES[url])
        return file(res, how.dist, FILES[url]);
    if (url.startsWith('/api/v1/session'))
        return sessions.serve(req, res);
    if (!url.startsWith('/api/'))
        return refuse(res, 404, 'not_found', 'no such route', '');
    if (!sessions.open)
        return refuse(res, 401, 'unauthorized', 'the session is over', 'type dogwatch console');
    const m = /^\/api\/v1\/alerts\/([0-9a-f]+)\/explain$/.exec(url);
    if (m && how.dogwatch)
        return explain(res, how, m[1]);
    return how.intercept?.(req, res) || proxy(req, res, how.data);
}

/* {url, code(), expire(), close()}. `intercept(req, res)`: for tests, true when it has answered. */
export function serve({ data, port = 0, dist = path.join(HERE, 'dist'), signIn = false, dogwatch = '', intercept }) {
    const sessions = new Sessions(signIn), how = { data, dist, dogwatch, intercept };
    const server = http.createServer((req, res) => handle(req, res, how, sessions));
    return new Promise(resolve => server.listen(port, '127.0.0.1', () => resolve({
        url: `http://127.0.0.1:${server.address().port}/`,
        how,
        code: () => sessions.code(),
        expire() {
            sessions.needed = true;
            sessions.open = false;
        },
        close() {
            server.closeAllConnections?.();
            server.close();
        },
    })));
}

async function main(args) {
    const value = name => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
    if (!value('--data')) {
        console.error('usage: node console/dev.mjs --data DATA [--port N] [--dist DIR] [--sign-in] [--dogwatch PROGRAM]');
        process.exit(2);
    }
    const signIn = args.includes('--sign-in');
    const served = await serve({ data: value('--data'), port: Number(value('--port') || 0), dist: value('--dist'), signIn, dogwatch: value('--dogwatch') });
    console.log(signIn ? `${served.url}#code=${served.code()}` : served.url);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
    await main(process.argv.slice(2));
