/*
 * png: a picture of the browser with at most 256 colours: a third of the bytes, and nobody sees the difference on a page of text.
 *
 * Reads what Chromium writes (8 bits, RGB or RGBA, not interlaced), writes an indexed picture of the same size.
 */
import zlib from 'node:zlib';

const SIGN = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), COLOURS_MAX = 256;

function chunks(png) {
    const out = [];
    for (let at = SIGN.length; at < png.length;) {
        const size = png.readUInt32BE(at);
        out.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + size) });
        at += size + 12;
    }
    return out;
}

function paeth(a, b, c) {
    const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* The rows without PNG's filters. */
function unfilter(raw, width, height, step) {
    const line = width * step, out = Buffer.alloc(line * height);
    for (let y = 0; y < height; y++) {
        const filter = raw[y * (line + 1)];
        for (let x = 0; x < line; x++) {
            const left = x >= step ? out[y * line + x - step] : 0, up = y ? out[(y - 1) * line + x] : 0, both = y && x >= step ? out[(y - 1) * line + x - step] : 0;
            const guess = [0, left, up, (left + up) >> 1, paeth(left, up, both)][filter];
            out[y * line + x] = raw[y * (line + 1) + 1 + x] + guess;
        }
    }
    return out;
}

function near(palette, r, g, b) {
    let best = 0, least = Infinity;
    palette.forEach(([pr, pg, pb], i) => {
        const d = (pr - r) ** 2 + (pg - g) ** 2 + (pb - b) ** 2;
        if (d < least)
            [best, least] = [i, d];
    });
    return best;
}

/* Each pixel's index, and the most frequent colours, each at least `apart` from the others. */
function indexed(pixels, step, count) {
    const seen = new Map();
    for (let i = 0; i < pixels.length; i += step) {
        const c = pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2];
        seen.set(c, (seen.get(c) || 0) + 1);
    }
    const rgb = c => [c >> 16, c >> 8 & 255, c & 255], palette = [];
    for (const [c] of [...seen].sort((a, b) => b[1] - a[1])) {
        const [r, g, b] = rgb(c), near_ = palette.length ? palette[near(palette, r, g, b)] : null;
        if (palette.length < COLOURS_MAX && (!near_ || Math.hypot(near_[0] - r, near_[1] - g, near_[2] - b) > 12))
            palette.push([r, g, b]);
    }
    const known = new Map([...seen.keys()].map(c => [c, near(palette, ...rgb(c))]));
    const index = Buffer.alloc(count);
    for (let i = 0, k = 0; i < pixels.length; i += step)
        index[k++] = known.get(pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2]);
    return { palette, index };
}

function chunk(type, data) {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]), out = Buffer.alloc(data.length + 12);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), data.length + 8);
    return out;
}

function crc(data) {
    let c = 0xffffffff;
    for (const byte of data) {
        c ^= byte;
        for (let k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    }
    return (c ^ 0xffffffff) >>> 0;
}

export function fewColours(png) {
    const all = chunks(png), head = all.find(c => c.type === 'IHDR').data, width = head.readUInt32BE(0), height = head.readUInt32BE(4);
    const step = head[9] === 6 ? 4 : 3, raw = zlib.inflateSync(Buffer.concat(all.filter(c => c.type === 'IDAT').map(c => c.data)));
    const { palette, index } = indexed(unfilter(raw, width, height, step), step, width * height);
    const rows = Buffer.alloc((width + 1) * height), newHead = Buffer.from(head);
    for (let y = 0; y < height; y++)
        index.copy(rows, y * (width + 1) + 1, y * width, (y + 1) * width);
    newHead[9] = 3;
    return Buffer.concat([SIGN, chunk('IHDR', newHead), chunk('PLTE', Buffer.from(palette.flat())), chunk('IDAT', zlib.deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}
