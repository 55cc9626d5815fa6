/*
 * stage: what stands around a file of tests: a browser and a world before them, both gone after; or why none of them runs.
 */
import { after, before } from 'node:test';
import { browse } from './page.mjs';
import { missing } from './world.mjs';

/* `make(browser)` answers the world; `why`, what is missing for it. Answers what the tests' `skip` is to be. */
export function stage(make, seconds = 240, why = missing) {
    const skip = why() || false;
    let w, browser;
    if (skip)
        console.log(`SKIPPED ${skip}`);
    before(async () => {
        if (skip)
            return;
        browser = await browse();
        w = await make(browser);
    }, { timeout: seconds * 1e3 });
    after(async () => {
        await browser?.close();
        await w?.end();
    });
    return skip;
}
