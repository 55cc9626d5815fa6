/*
 * keyword: the values that keywords are looked for in.
 *
 * Idea: of a line that is one JSON object or array each string or number is a value, decoded, so that an escape cannot hide a word and a
 * key name cannot raise an alarm. Any other line is one value.
 *
 * Invariants:
 *   (1) A line that turns out not to be JSON is taken whole: broken JSON is no way around a rule.
 *   (2) At most VALUES_MAX values are taken out of a line; one with more is taken whole besides.
 */
#include "pred_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"

enum { VALUES_MAX = 4096 };

static struct dw_str unescape(struct dw_pred_scratch *s, struct dw_str raw)
{
    dw_buf_reset(&s->text);
    bool good = dw_json_unescape(raw, &s->text);
    struct dw_str copy = dw_arena_copy(&s->arena, dw_buf_view(&s->text));
    s->nomem = s->nomem || s->text.err < 0 || !copy.ptr;
    return good ? copy : raw;
}

/* Adds each value of a line of JSON. False: it is no object or array, or has too many. */
static bool walk(struct dw_pred_scratch *s)
{
    struct dw_json j;
    struct dw_json_token t;
    uint32_t values = 0;
    dw_json_start(&j, s->ev->line);
    int rc = dw_json_next(&j, &t);
    if (rc < 0 || (t.type != DW_JSON_OBJECT && t.type != DW_JSON_ARRAY))
        return false;
    while ((rc = dw_json_next(&j, &t)) == DW_OK && t.type != DW_JSON_END && values <= VALUES_MAX) {
        if (t.type != DW_JSON_STRING && t.type != DW_JSON_NUMBER)
            continue;
        values++;
        dw__value_add(s, DW_PRED_LINE, t.escaped ? unescape(s, t.text) : t.text, 0);
    }
    return rc == DW_OK && t.type == DW_JSON_END;
}

void dw__line_values(struct dw_pred_scratch *s)
{
    if (!walk(s))
        dw__value_add(s, DW_PRED_LINE, s->ev->line, 0);
}
