/*
 * marks: where the parts that met a rule's conditions stand in the line as it was written.
 *
 * Idea: a condition names a field and the value that met it. The value is looked for in the line, without case; when it is
 * not there as it is, in the line percent-decoded, with a table from decoded to written places. No pattern of a rule is run
 * here: a regex over hostile text could stop the page.
 */
const MARKS_MAX = 64;

/* The line percent-decoded byte for byte, and for each place of it where it stands in the line. */
export function decoded(line) {
    let text = '';
    const at = [];
    for (let i = 0; i < line.length;) {
        const m = line[i] === '%' && /^%([2-7][0-9a-f])/i.exec(line.slice(i, i + 3));
        text += m ? String.fromCharCode(parseInt(m[1], 16)) : line[i];
        at.push(i);
        i += m ? 3 : 1;
    }
    at.push(line.length);
    return { text, at };
}

/* What of a condition's value is looked for: of `f|contains: 'x'` x, else the whole value. */
function wanted(condition) {
    const m = /\|(?:contains|startswith|endswith)[^:]*: '(.*)'$/.exec(condition.condition || '');
    const value = String(condition.value);
    return m && value.toLowerCase().includes(m[1].toLowerCase()) ? m[1] : value;
}

function places(line, part) {
    const found = [], low = line.toLowerCase(), want = part.toLowerCase();
    if (low.length !== line.length)
        return found; /* a fold that changes lengths: places would be wrong */
    for (let i = low.indexOf(want); i >= 0 && found.length < MARKS_MAX; i = low.indexOf(want, i + want.length))
        found.push([i, i + want.length]);
    return found;
}

/* Numbers and words only as wholes: `1` is not a part of `10`. */
function whole(line, [start, end]) {
    const word = /[A-Za-z0-9_]/;
    return !(start > 0 && word.test(line[start]) && word.test(line[start - 1]))
        && !(end < line.length && word.test(line[end - 1]) && word.test(line[end]));
}

function join(marks) {
    const out = [];
    for (const [start, end] of marks.sort((a, b) => a[0] - b[0] || b[1] - a[1])) {
        const last = out[out.length - 1];
        if (last && start <= last[1])
            last[1] = Math.max(last[1], end);
        else
            out.push([start, end]);
    }
    return out;
}

/* Of `parts` (texts): sorted, disjoint [start, end) in the line. */
export function marksOf(line, parts) {
    const marks = [];
    let open = null;
    for (const part of parts) {
        if (!part)
            continue;
        let found = places(line, part).filter(m => whole(line, m));
        if (!found.length && line.includes('%')) {
            open = open || decoded(line);
            found = places(open.text, part).map(([a, b]) => [open.at[a], open.at[b]]);
        }
        marks.push(...found);
    }
    return join(marks);
}

/* What to look for of conditions: those that hold and have a value. */
export function partsOf(conditions) {
    return conditions.filter(c => c.holds && c.value !== undefined).map(wanted);
}
