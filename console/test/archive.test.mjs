/* Archive and silence budget over a real collector: what is kept, a check that finds an edit, and what was not done. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { axeBoth, keys, open, role, sees, text } from '../harness/page.mjs';
import { stage } from '../harness/stage.mjs';
import { request, until, world } from '../harness/world.mjs';

let w, browser;

const skip = stage(async b => {
    browser = b;
    const lines = Array.from({ length: 300 }, (_, i) => request('198.51.100.1', `/page/${i}`, 600 - i)).join('');
    w = await world('archive', { logs: { 'access.log': `${lines}x - this is no line of a web server\n` }, events: 301, settings: ['collector.seal.age=1s'] });
    await until('a sealed segment', async () => (await w.rows('/api/v1/archive')).some(s => s.state === 'sealed'), 60);
    return w;
});

test('what is kept, and that nothing of it was changed', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, w.url);
    await sees(page, 'Alerts');
    const segments = (await w.rows('/api/v1/archive')).filter(s => s.state === 'sealed'); /* at least those: it is sealed on and on */
    await keys(page, 'g', 'v');
    const table = await role(page, 'table', 'Segments of the archive');
    const shown = await table.evaluate(e => e.innerText);
    for (const s of segments)
        assert.ok(shown.includes(s.file), s.file);
    await sees(page, 'Not checked since this page was opened.');
    await keys(page, 'v');
    await sees(page, '✓ Nothing was changed, taken out or moved');
    await sees(page, 'Not excluded by this');
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    await page.close();
});

test('segments are held for a case and released, and who did it stands in the manifest', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, `${w.url}#/archive`);
    await sees(page, 'Nothing is held.');
    const name = await role(page, 'textbox', 'Hold');
    await name.type('case <b>7</b>');
    await (await role(page, 'textbox', 'events since')).type('30d');
    await (await role(page, 'textbox', 'Why')).type('asked by counsel');
    await page.keyboard.press('Enter');
    const table = await role(page, 'table', 'Holds in force');
    assert.ok((await table.evaluate(e => e.innerText)).includes('case <b>7</b>'));
    await sees(page, '■ held');
    assert.deepEqual(await axeBoth(page), []);
    const [held] = await w.rows('/api/v1/archive/holds');
    assert.equal(held.reason, 'asked by counsel');
    await name.type('case <b>7</b>');
    await page.keyboard.press('Enter');
    await sees(page, 'a hold of that name is in force');
    await (await role(page, 'button', 'Release case <b>7</b>')).click();
    await sees(page, 'Release for good');
    assert.deepEqual(await axeBoth(page), []);
    await (await role(page, 'button', 'Keep it')).click();
    assert.equal((await w.rows('/api/v1/archive/holds')).length, 1);
    await (await role(page, 'button', 'Release case <b>7</b>')).click();
    await (await role(page, 'button', 'Release for good case <b>7</b>')).evaluate(() => 0); /* asked again */
    await page.keyboard.type('settled');
    await page.keyboard.press('Enter');
    await sees(page, 'Nothing is held.');
    const manifest = fs.readFileSync(path.join(w.data, 'archive', 'MANIFEST'), 'utf8');
    assert.match(manifest, / type=hold .* name=case%20<b>7<\/b> by=\S+ why=asked%20by%20counsel /);
    assert.match(manifest, / type=release .* name=case%20<b>7<\/b> by=\S+ why=settled /);
    assert.deepEqual(page.wrongs, []);
    await page.close();
});

test('the budget has every counter that the program knows, those that moved first', { skip, timeout: 240e3 }, async () => {
    const page = await open(browser, w.url);
    await sees(page, 'Alerts');
    await keys(page, 'g', 'b');
    await role(page, 'region', 'Not done');
    await until('the agent’s counters', async () => (await w.rows('/api/v1/counters?zero=yes')).some(c => c.program === 'agent'));
    await keys(page, 'r');
    const all = await w.rows('/api/v1/counters?zero=yes');
    await sees(page, /\d+ counters stand at 0/);
    await page.evaluate(() => document.querySelectorAll('details').forEach(d => {
        d.open = true;
    }));
    const shown = await text(page);
    for (const c of all)
        if (c.kind === 'not_done' || c.value)
            assert.ok(shown.includes(c.counter), c.counter);
    assert.ok(all.every(c => ['not_done', 'mended', 'work'].includes(c.kind)));
    assert.deepEqual(await axeBoth(page), []);
    w.instead({ '/api/v1/counters': '{"program":"agent","counter":"parse_lines_refused","value":7,"kind":"not_done","what":"lines refused"}\n{"program":"collector","counter":"api_busy","value":0,"kind":"not_done","what":"x"}\n{"answer":{"complete":true,"why":null,"rows":2}}\n' });
    await keys(page, 'r');
    await sees(page, '▲ 1 counter of 2 moved.');
    assert.deepEqual(await axeBoth(page), []);
    w.instead({ '/api/v1/counters': '{"program":"collector","counter":"api_busy","value":0,"kind":"not_done","what":"x"}\n{"answer":{"complete":true,"why":null,"rows":1}}\n' });
    await keys(page, 'r');
    await sees(page, '✓ Nothing was left undone: all 1 counters stand at 0.');
    await sees(page, 'Only the collector');
    w.instead({});
    assert.deepEqual(page.wrongs, []);
    await page.close();
});

test('an edit of a sealed segment is named', { skip, timeout: 240e3 }, async () => {
    const [sealed] = (await w.rows('/api/v1/archive')).filter(s => s.state === 'sealed'), file = path.join(w.data, 'archive', sealed.file);
    fs.chmodSync(file, 0o640);
    const fd = fs.openSync(file, 'r+'), at = Math.floor(sealed.bytes / 2), one = Buffer.alloc(1);
    fs.readSync(fd, one, 0, 1, at);
    one[0] ^= 1;
    fs.writeSync(fd, one, 0, 1, at);
    fs.closeSync(fd);
    const page = await open(browser, `${w.url}#/archive`);
    await (await role(page, 'button', 'Check now')).click();
    await sees(page, /▲ \d+ problem/);
    await sees(page, `${sealed.file.split('/').pop()}: edited`);
    assert.deepEqual(await axeBoth(page), []);
    assert.deepEqual(page.wrongs, []);
    await page.close();
});

test('an archive without a segment says who should send', { skip, timeout: 240e3 }, async () => {
    w.instead({ '/api/v1/archive': '{"answer":{"complete":true,"why":null,"rows":0}}\n' });
    const page = await open(browser, `${w.url}#/archive`);
    await sees(page, 'The archive is empty.');
    w.instead({});
    await page.close();
});
