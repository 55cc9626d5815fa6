/* A live tail while 5,000 lines a second are written: the page goes on answering keys, and what it does not show is said to the event. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keys, open, sees, tasksWhile, text, verdict } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { request, until, world } from '../harness/world.mjs';

const SECONDS = 12, RATE = 5000, TICKS = 10, TASK_MS = 50;
let w, browser;

const skip = stage(async b => {
    browser = b;
    w = await world('tail', { logs: { 'access.log': request('198.51.100.1', '/before', 5) }, events: 1 });
    return w;
});

/* Writes at the rate, by the clock and not by luck. */
async function flood() {
    const began = Date.now();
    let written = 0;
    await until('all lines are written', () => {
        const due = Math.min(SECONDS * RATE, Math.floor((Date.now() - began) / 1000 * RATE));
        if (due - written >= RATE / TICKS || due === SECONDS * RATE) {
            w.append('access.log', Array.from({ length: due - written }, (_, i) => request('198.51.100.2', `/n/${written + i}`, 0)).join(''));
            written = due;
        }
        return written === SECONDS * RATE;
    }, 4 * SECONDS);
}

const cursorOf = page => page.evaluate(() => document.querySelector('[role=grid]').getAttribute('aria-activedescendant'));

/* How long the page takes until a key has done what it does, in milliseconds, again and again while `goes`. */
async function answers(page, goes) {
    const times = [];
    while (goes()) {
        const before = await cursorOf(page), began = performance.now();
        await keys(page, 'j');
        await until('the cursor moves', async () => await cursorOf(page) !== before);
        times.push(performance.now() - began);
        if (times.length % 20 === 0)
            await keys(page, 'Home');
    }
    return times.sort((a, b) => a - b);
}

test('5,000 events a second', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, `${w.url}#/search?q=*&since=15m`);
    await sees(page, '/before');
    await keys(page, 't');
    await sees(page, 'live');
    let times;
    const tasks = await tasksWhile(page, async () => {
        let writing = true;
        const written = flood().finally(() => {
            writing = false;
        });
        await until('a first line', async () => (await text(page)).includes('/n/'));
        times = await answers(page, () => writing);
        await written;
    });
    await sees(page, 'came faster than could be shown: the oldest are left out');
    await keys(page, 'Home');
    await until('the newest line', async () => (await text(page)).includes(`/n/${SECONDS * RATE - 1} `), 60);
    const shownOf = () => page.evaluate(() => Number(document.querySelector('[role=grid]').getAttribute('aria-rowcount')) - 1);
    const number = async pattern => Number((pattern.exec(await text(page))?.[1] || '0').replaceAll(',', ''));
    const account = async () => [await shownOf(), await number(/([\d,]+) events? came faster/), await number(/([\d,]+) rows? left the end/)];
    const all = SECONDS * RATE + 2; // with the line before, and the agent's own that it began
    await until(async () => `${all} events are shown, left out or gone: ${await account()}`, async () => (await account()).reduce((a, b) => a + b) === all, 60);
    const [shown, said] = await account();
    const worst = Math.max(...tasks.map(t => t.cpu)), at = q => times[Math.floor(q * (times.length - 1))].toFixed(0);
    console.log(`budget: live tail at ${RATE} events/s for ${SECONDS} s: ${tasks.length} tasks, the longest ${worst.toFixed(1)} ms of processor, ${verdict(worst, TASK_MS)}; a key answered in ${at(0.5)} ms (median of ${times.length}), ${at(1)} ms at worst; ${shown} shown, ${said} left out, and said`);
    assert.ok(times.length > 10);
    assert.deepEqual(page.wrongs, []);
    await page.close();
});
