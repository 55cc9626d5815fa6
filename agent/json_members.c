/*
 * json_members: one level of JSON at a time.
 *
 * Invariant: a value that is given out is one whole JSON value, so what is made of such values is JSON.
 */
#include "json_members.h"

#include "dogwatch/base/error.h"

/* Takes the rest of a value whose first token was read, and gives its text. */
static int take_rest(struct dw_json *j, const struct dw_json_token *t, struct dw_str *ret)
{
    const char *from = j->at - 1;
    *ret = t->type == DW_JSON_STRING ? dw_str_make(t->text.ptr - 1, t->text.len + 2) : t->text;
    if (t->type != DW_JSON_OBJECT && t->type != DW_JSON_ARRAY)
        return DW_OK;
    int rc = dw_json_skip(j);
    *ret = dw_str_make(from, (size_t)(j->at - from));
    return rc;
}

/* Opens what begins with a token of `type`. */
static int begin(struct dw_json *j, struct dw_str text, enum dw_json_type type)
{
    struct dw_json_token t;
    if (text.len == 0)
        return DW_ESYNTAX;
    dw_json_start(j, text);
    int rc = dw_json_next(j, &t);
    return rc < 0 ? rc : t.type == type ? DW_OK : DW_ESYNTAX;
}

int json_members(struct dw_str text, json_member *each, void *arg)
{
    struct dw_json j;
    struct dw_json_token t;
    struct dw_str value;
    int rc = begin(&j, text, DW_JSON_OBJECT);
    while (rc == DW_OK && (rc = dw_json_next(&j, &t)) == DW_OK && t.type == DW_JSON_KEY) {
        struct dw_str name = t.text;
        rc = dw_json_next(&j, &t);
        if (rc == DW_OK)
            rc = take_rest(&j, &t, &value);
        if (rc == DW_OK)
            rc = each(arg, name, value, &t);
    }
    return rc;
}

int json_elements(struct dw_str text, json_element *each, void *arg)
{
    struct dw_json j;
    struct dw_json_token t;
    struct dw_str value;
    int rc = begin(&j, text, DW_JSON_ARRAY);
    while (rc == DW_OK && (rc = dw_json_next(&j, &t)) == DW_OK && t.type != DW_JSON_ARRAY_END) {
        rc = take_rest(&j, &t, &value);
        if (rc == DW_OK)
            rc = each(arg, value, &t);
    }
    return rc;
}
