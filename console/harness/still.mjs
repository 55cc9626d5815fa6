/*
 * still: a world where it is noon of 2026-01-02: the real collector over the sealed archive of tests/fixtures/console, and a browser with the same
 * clock. So everything that a page says is known before.
 *
 * The collector's clock is set by libfaketime, which goes with no sanitizer's build: there the tests of this world are skipped, and say so.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DOGWATCH, ROOT, World, begin, freePort, missing } from './world.mjs';

const LIB = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'].map(d => `${d}/faketime/libfaketimeMT.so.1`).find(f => fs.existsSync(f));
const NOON = Date.UTC(2026, 0, 2, 12);

/* Why there can be no such world; '': it can be. */
export function missingStill() {
    const why = missing();
    if (why)
        return why;
    if (!LIB)
        return 'no libfaketime: apt-get install libfaketime';
    const linked = execFileSync('ldd', [DOGWATCH], { encoding: 'utf8' });
    return /lib[atu]+san/.test(linked) ? 'a fixed clock goes with no sanitizer: DW_BUILD=build/release' : '';
}

/* For pages: their clock, too. */
export function setClock() {
    const Real = Date, shift = 1767355200000 - Real.now(); /* NOON; what a page is given can name nothing of ours */
    globalThis.Date = class extends Real {
        constructor(...of) {
            super(...(of.length ? of : [Real.now() + shift]));
        }

        static now() {
            return Real.now() + shift;
        }
    };
}

class StillWorld extends World {
    start() {
        fs.cpSync(path.join(ROOT, 'tests/fixtures/console/archive'), path.join(this.data, 'archive'), { recursive: true });
        fs.mkdirSync(path.join(this.data, 'queue'));
        const config = path.join(this.dir, 'collector.yml');
        fs.writeFileSync(config, `data: ${this.data}\nqueue.dir: ${this.data}/queue\nrules: [${this.rules}]\nlateness: 2s\napi.listen: 127.0.0.1:${this.port}\n`);
        this.spawn(path.join(path.dirname(DOGWATCH), 'dogwatch-collector'), ['--config', config],
            { LD_PRELOAD: LIB, FAKETIME: `@${new Date(NOON).toISOString().slice(0, 19).replace('T', ' ')}`, FAKETIME_DONT_FAKE_MONOTONIC: '1' });
    }
}

export async function still(name) {
    const w = new StillWorld(name, {});
    w.port = await freePort();
    w.start();
    return begin(w, () => w.ready());
}
