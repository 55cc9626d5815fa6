/*
 * query: texts of the filter language (docs/reference/query.md) made, split and pointed into. Parsing it is the collector's.
 */

/* A value as a phrase; in phrases `*` and `?` are themselves and a backslash takes the next character as it is. */
export function quote(value) {
    return `"${String(value).replace(/[\\"]/g, '\\$&')}"`;
}

export function term(field, value, exclude = false) {
    const right = typeof value === 'number' ? value : quote(value);
    return `${exclude ? 'not ' : ''}${field === 'event.original' ? '' : `${field}:`}${right}`;
}

/* Where the regex that begins at `i` ends, or `i` when none does: its second slash ends the term. */
function regexEnd(text, i) {
    if (text[i] !== '/' || (i > 0 && !/[\s:(|]/.test(text[i - 1])))
        return i;
    for (let k = i + 1; k < text.length; k++) {
        if (text[k] === '\\')
            k++;
        else if (text[k] === '/')
            return /^i?(?:[\s)|]|$)/.test(text.slice(k + 1)) ? k + 1 : i;
    }
    return i;
}

/* "FILTER | PIPES" as {filter, pipes}: the bar that counts is the first outside of phrases and regexes. */
export function split(text) {
    for (let i = 0; i < text.length; i++) {
        i = regexEnd(text, i);
        if (text[i] === '\\')
            i++;
        else if (text[i] === '"')
            for (i++; i < text.length && text[i] !== '"'; i++)
                i += text[i] === '\\' ? 1 : 0;
        else if (text[i] === '|')
            return { filter: text.slice(0, i).trim(), pipes: text.slice(i + 1).trim() };
    }
    return { filter: text.trim(), pipes: '' };
}

/* A query with one more term: `or` in it gets brackets, a term that is there is not there twice. */
export function add(text, one) {
    const { filter, pipes } = split(text);
    const tail = pipes ? ` | ${pipes}` : '';
    if (!filter || filter === '*')
        return one + tail;
    if (filter === one || filter.endsWith(` and ${one}`) || filter.startsWith(`${one} and `) || filter.includes(` and ${one} and `))
        return text;
    return `${/\sor\s/i.test(filter) ? `(${filter})` : filter} and ${one}${tail}`;
}

/* The filter without a term that add() has put there; the same text when it is not there. */
export function without(text, one) {
    const { filter, pipes } = split(text), tail = pipes ? ` | ${pipes}` : '';
    if (filter === one)
        return tail ? `*${tail}` : '';
    if (filter.endsWith(` and ${one}`))
        return filter.slice(0, -one.length - 5) + tail;
    if (filter.startsWith(`${one} and `))
        return filter.slice(one.length + 5) + tail;
    return filter.includes(` and ${one} and `) ? filter.replace(` and ${one}`, '') + tail : text;
}

/* Where an error of the API points: {line, col, length}, from 1; null when it names no place. */
export function place(text) {
    const head = /^[^\s:]+:(\d+):(\d+):/.exec(text || '');
    const marker = /^\s*\|\s*(\^+)/m.exec(text || '');
    return head && { line: Number(head[1]), col: Number(head[2]), length: marker ? marker[1].length : 1 };
}
