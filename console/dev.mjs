/*
 * dev: the page out of a folder, as it was built a moment ago, and everything else from a running collector.
 *
 *     node console/dev.mjs --collector http://127.0.0.1:7117 [--port N] [--dist DIR]
 *
 * Requests go on as the browser sent them: the collector takes any port of this host, and its cookies are named by the port. The tests put
 * it between page and collector without a folder, to break answers; then the page is the collector's own.
 */
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HERE = path.dirname(fileURLToPath(import.meta.url));
const FILES = {
    '/': ['index.html', 'text/html; charset=utf-8'],
    '/console/app.js': ['app.js', 'text/javascript; charset=utf-8'],
    '/console/chart.js': ['chart.js', 'text/javascript; charset=utf-8'],
    '/console/app.css': ['app.css', 'text/css; charset=utf-8'],
};

function file(res, dist, [name, type]) {
    res.writeHead(200, {
        'Content-Type': type, 'Content-Encoding': 'gzip', 'Content-Security-Policy': CSP, 'Cache-Control': 'no-cache',
        'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer',
    });
    fs.createReadStream(path.join(dist, `${name}.gz`)).pipe(res);
}

function pass(req, res, to) {
    const out = http.request({ host: to.hostname, port: to.port, path: req.url, method: req.method, headers: req.headers }, back => {
        res.writeHead(back.statusCode, back.headers);
        back.pipe(res);
        back.on('error', () => res.destroy());
    });
    out.on('error', () => res.destroy());
    res.on('close', () => out.destroy());
    req.pipe(out);
}

/* {url, how, close()}. `how.intercept(req, res)`: for tests, true when it has answered. */
export function serve({ collector, port = 0, dist = '', intercept }) {
    const how = { intercept }, to = new URL(collector);
    const server = http.createServer((req, res) => {
        const page = dist && FILES[req.url.split('?')[0]];
        if (page)
            file(res, dist, page);
        else if (!how.intercept?.(req, res))
            pass(req, res, to);
    });
    return new Promise(resolve => server.listen(port, '127.0.0.1', () => resolve({
        url: `http://127.0.0.1:${server.address().port}/`,
        how,
        close() {
            server.closeAllConnections?.();
            server.close();
        },
    })));
}

async function main(args) {
    const value = name => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
    if (!value('--collector')) {
        console.error('usage: node console/dev.mjs --collector http://127.0.0.1:7117 [--port N] [--dist DIR]');
        process.exit(2);
    }
    const served = await serve({ collector: value('--collector'), port: Number(value('--port') || 0), dist: value('--dist') || path.join(HERE, 'dist') });
    console.log(`${served.url}   sign in with the code of \`dogwatch console\``);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
    await main(process.argv.slice(2));
