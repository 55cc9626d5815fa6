/*
 * format: numbers, times and spans as people read them. Times are UTC everywhere: two analysts in two zones, and the log
 * itself, must name an instant the same way.
 */
const MINUTE = 60e3, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const UNITS = { s: 1e3, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };

/* "2026-11-29 08:26:13"; `digits` of the second's fraction are kept as they came, so nanoseconds are not rounded. */
export function utc(time, digits = 0) {
    if (!time)
        return '';
    const text = typeof time === 'number' ? new Date(time).toISOString() : String(time);
    const m = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z$/.exec(text);
    if (!m)
        return text;
    return `${m[1]} ${m[2]}${digits ? (m[3] || '.').padEnd(digits + 1, '0').slice(0, digits + 1) : ''}`;
}

export function ms(time) {
    return typeof time === 'number' ? time : Date.parse(time);
}

/* "45 s", "12 min", "3 h", "2 d": one unit, rounded down, so that it never claims more than passed. */
export function span(millis) {
    const t = Math.max(0, millis);
    if (t < MINUTE)
        return `${Math.floor(t / 1e3)} s`;
    if (t < HOUR)
        return `${Math.floor(t / MINUTE)} min`;
    return t < 2 * DAY ? `${Math.floor(t / HOUR)} h` : `${Math.floor(t / DAY)} d`;
}

/* The distance between two lines of evidence: finer than span(), for bursts are in milliseconds. */
export function gap(millis) {
    if (millis < 1e3)
        return `${Math.round(millis)} ms`;
    return millis < MINUTE ? `${(millis / 1e3).toFixed(1)} s` : span(millis);
}

export function count(n) {
    return Number(n).toLocaleString('en-US');
}

export function plural(n, one, many = `${one}s`) {
    return `${count(n)} ${n === 1 ? one : many}`;
}

export function bytes(n) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let i = 0, v = n;
    for (; v >= 1024 && i < units.length - 1; i++)
        v /= 1024;
    return `${i ? v.toFixed(1) : v} ${units[i]}`;
}

export function percent(part, whole) {
    if (!whole)
        return '0 %';
    const p = 100 * part / whole;
    return p > 0 && p < 1 ? '<1 %' : `${p > 99 && p < 100 ? 99 : Math.round(p)} %`;
}

/* A time as the API takes it, as milliseconds: "24h" ago, a day, RFC 3339. NaN when it is none. */
export function instant(text, now = Date.now()) {
    const ago = /^(\d+)([smhdw])$/.exec(text || '');
    if (ago)
        return now - ago[1] * UNITS[ago[2]];
    return /^\d{4}-\d\d-\d\d/.test(text || '') ? Date.parse(text) : NaN;
}

/* The width of a bar so that a range has at most `bars` of them: one of the spans that people think in. */
export function barSpan(rangeMs, bars = 120) {
    const spans = ['1s', '5s', '10s', '30s', '1m', '5m', '10m', '30m', '1h', '3h', '6h', '12h', '1d', '7d', '30d'];
    const fits = spans.find(s => rangeMs / spanMs(s) <= bars);
    return fits || '365d';
}

export function spanMs(text) {
    return parseInt(text, 10) * UNITS[text.slice(-1)];
}

export function rfc(millis) {
    return new Date(millis).toISOString();
}
