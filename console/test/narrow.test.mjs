/* A telephone, 390 px wide: every page is read without scrolling sideways, and axe has nothing serious in either theme. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeBoth, open, sees } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { sqlInjection, ssh, world } from '../harness/world.mjs';

let w, browser;

const skip = stage(async b => {
    browser = b;
    w = await world('narrow', { logs: { 'access.log': sqlInjection('203.0.113.5', 300), 'auth.log': ssh('Failed', 'root', '203.0.113.9', 200) }, events: 2, alerts: 1 });
    return w;
});

const PAGES = [['alerts', '#/alerts', 'alert in 1 row'], ['search', '#/search?q=*', 'looked at'], ['search, to begin', '#/search', 'What are you looking for?'], ['agents and ledger', '#/ledger', 'accounted for'],
    ['entities', '#/entity', 'By risk'], ['an entity', '#/entity/source.ip%3D203.0.113.5', 'Newest lines'], ['rules', '#/rules', 'since the collector started'], ['the matrix', '#/attack', 'T1190'],
    ['policies', '#/policies', 'For the gateway'], ['silence budget', '#/budget', 'stand at 0'], ['archive', '#/archive', 'Integrity'], ['an alert', '', 'Lines around it']];

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
