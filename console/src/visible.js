/*
 * visible: log text as pieces that can be shown without hiding or doing anything.
 *
 * Idea: every character that has no shape of its own, or changes how others stand (controls, ESC, bidi, zero width, tags,
 * lone surrogates), becomes its escape as text. Where escapes stand they are told apart from the same letters in the log.
 *
 * Invariants:
 *   (1) The pieces' `raw` joined are the text, so nothing is lost and marks keep their places.
 *   (2) No piece's `text` holds a character that HIDDEN takes.
 */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\u{e0000}-\u{e0fff}]/gu;
const SOME = new RegExp(HIDDEN.source, 'u');
const NAMED = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };

export function escape(char) {
    const code = char.codePointAt(0), hex = code.toString(16);
    if (NAMED[char])
        return NAMED[char];
    if (code < 0x100)
        return `\\x${hex.padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}

/* A whole text with its escapes, for places that take no pieces. */
export function plain(text) {
    return String(text).replace(HIDDEN, escape);
}

/* The same, but tabs and line ends stay: of text that is ours and quotes what is not. */
export function inline(text) {
    return SOME.test(text) ? text.replace(HIDDEN, c => (c === '\n' || c === '\t' ? c : escape(c))) : text;
}

/* [{text, raw, escaped}] of one stretch without marks. */
function escapes(raw) {
    const pieces = [];
    let at = 0;
    for (const m of raw.matchAll(HIDDEN)) {
        if (m.index > at)
            pieces.push({ text: raw.slice(at, m.index), raw: raw.slice(at, m.index), escaped: false });
        pieces.push({ text: escape(m[0]), raw: m[0], escaped: true });
        at = m.index + m[0].length;
    }
    if (at < raw.length)
        pieces.push({ text: raw.slice(at), raw: raw.slice(at), escaped: false });
    return pieces;
}

/* The same with `marks`, sorted [start, end) that do not overlap: each piece also has `marked`. */
export function pieces(text, marks = []) {
    const out = [];
    let at = 0;
    const put = (end, marked) => {
        for (const p of escapes(text.slice(at, end)))
            out.push({ ...p, marked });
        at = Math.max(at, end);
    };
    for (const [start, end] of marks) {
        put(Math.min(start, text.length), false);
        put(Math.min(end, text.length), true);
    }
    put(text.length, false);
    return out;
}
