/* A telephone, 390 px wide: every page is read without scrolling sideways, and axe has nothing serious in either theme. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axeBoth, browse, open, sees } from '../harness/page.mjs';
import { missing, sqlInjection, ssh, world } from '../harness/world.mjs';

const skip = missing() || false;
if (skip)
    console.log(`SKIPPED ${skip}`);
let w, browser;

before(async () => {
    if (skip)
        return;
    w = await world('narrow', { logs: { 'access.log': sqlInjection('203.0.113.5', 300), 'auth.log': ssh('Failed', 'root', '203.0.113.9', 200) }, events: 2, alerts: 1 });
    browser = await browse();
}, { timeout: 240e3 });

after(async () => {
    await browser?.close();
    await w?.end();
});

const PAGES = [['alerts', '#/alerts', 'alert in 1 row'], ['search', '#/search?q=*', 'looked at'], ['search, to begin', '#/search', 'What are you looking for?'], ['agents and ledger', '#/ledger', 'accounted for'], ['an alert', '', 'Lines around it']];

for (const [name, hash, ready] of PAGES)
    test(`${name}: at 390 px`, { skip }, async () => {
        const [alert] = await w.rows('/api/v1/alerts');
        const page = await open(browser, w.url + (hash || `#/alert/${alert.event.id}`), { width: 390, height: 844 });
        await sees(page, ready);
        const { wide, out } = await page.evaluate(() => ({ wide: document.scrollingElement.scrollWidth, out: [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 391
            && !e.closest('.scroll, .gridbox, pre, .vh')).slice(0, 3).map(e => e.outerHTML.slice(0, 120)) }));
        assert.ok(wide <= 390, `${wide} px wide: ${out.join(' ')}`);
        assert.deepEqual(await axeBoth(page), []);
        assert.deepEqual(page.wrongs, []);
        await page.close();
    }, { timeout: 240e3 });
