/*
 * page: a browser for the tests, and how they find things: by role and name, as people and screen readers do.
 */
import { createRequire } from 'node:module';
import fs from 'node:fs';
import puppeteer from 'puppeteer-core';
import { chromium, cookieOf, until } from './world.mjs';

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function browse() {
    return puppeteer.launch({ executablePath: chromium(), headless: true, protocolTimeout: 30e3, args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--disable-lcd-text'] });
}

/* A page that notes what should never be there: errors, dialogs, requests to elsewhere, broken policy. */
export async function open(browser, url, { width = 1280, height = 800, theme = 'light', init, signedIn = true } = {}) {
    const context = await browser.createBrowserContext(); /* with cookies and storage of its own */
    const page = await context.newPage();
    if (signedIn)
        await page.setCookie(cookieOf(url));
    page.wrongs = [];
    page.on('pageerror', e => page.wrongs.push(`error: ${e.message}`));
    page.on('console', m => /Content.Security.Policy/i.test(m.text()) && page.wrongs.push(m.text()));
    page.on('dialog', d => {
        page.wrongs.push(`dialog: ${d.message()}`);
        d.dismiss();
    });
    page.on('request', r => new URL(r.url()).origin !== new URL(url).origin && page.wrongs.push(`asked elsewhere: ${r.url()}`));
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }, { name: 'prefers-reduced-motion', value: 'reduce' }]);
    if (init)
        await page.evaluateOnNewDocument(init);
    await page.goto(url);
    return page;
}

/* As when the session is over: the browser has no cookie any more. */
export async function expire(page) {
    const devtools = await page.createCDPSession();
    await devtools.send('Network.clearBrowserCookies');
    await devtools.detach();
}

/* The first element with this role, implied or said, and a name that holds `name`. */
export async function role(page, kind, name = '', seconds = 60) {
    const find = async () => {
        for (const handle of await page.$$(`::-p-aria([role="${kind}"])`).catch(() => [])) {
            const named = await handle.evaluate(e => e.getAttribute('aria-label') || e.innerText || e.labels?.[0]?.innerText || '').catch(() => '');
            if (named.replace(/\s+/g, ' ').includes(name))
                return handle;
        }
        return null;
    };
    return until(async () => `${kind} "${name}" on\n${await text(page)}`, find, seconds);
}

export function text(page) {
    return page.evaluate(() => document.body.innerText);
}

export async function sees(page, wanted, seconds = 60) {
    const has = async () => {
        const t = await text(page);
        return wanted instanceof RegExp ? wanted.test(t) : t.includes(wanted);
    };
    await until(async () => `${wanted} on\n${await text(page)}`, has, seconds);
}

export async function keys(page, ...list) {
    for (const key of list)
        await (key.length > 1 && key.startsWith('type:') ? page.keyboard.type(key.slice(5)) : page.keyboard.press(key));
}

/* Violations that are serious or worse, as text. axe comes over DevTools, which no policy of the page stops. */
export async function axe(page) {
    await page.evaluate(`${AXE};0`);
    const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    return result.violations.filter(v => ['serious', 'critical'].includes(v.impact))
        .map(v => `${v.id}: ${v.nodes.map(n => `${n.target} ${n.failureSummary}`).join('; ').slice(0, 600)}`);
}

/* axe in both themes. */
export async function axeBoth(page) {
    const found = [];
    for (const theme of ['light', 'dark']) {
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
        found.push(...(await axe(page)).map(v => `${theme}: ${v}`));
    }
    return found;
}

/* The row of a grid that has the focus, as text with one blank between words. */
export function focused(page) {
    return page.evaluate(() => document.activeElement?.closest('[role=row]')?.innerText.replace(/\s+/g, ' ').trim() || '');
}

/* Tasks of the page's main thread, in milliseconds. Their processor time is judged: by the clock they are as long as other programs make them. */
function tasksOf(trace) {
    const main = trace.traceEvents.find(e => e.name === 'thread_name' && e.args.name === 'CrRendererMain' && trace.traceEvents.some(x => x.pid === e.pid && x.name === 'FireAnimationFrame'));
    return trace.traceEvents.filter(e => e.pid === main?.pid && e.tid === main.tid && /RunTask$/.test(e.name) && e.dur).map(e => ({ cpu: (e.tdur || 0) / 1000, wall: e.dur / 1000 }));
}

export async function tasksWhile(page, work) {
    await page.tracing.start({ categories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline'] });
    await work();
    return tasksOf(JSON.parse(Buffer.from(await page.tracing.stop()).toString()));
}

/* How a figure stands to its budget, in words. */
export function verdict(value, budget) {
    return `${value <= budget ? 'within' : 'OVER'} the budget of ${budget}`;
}
