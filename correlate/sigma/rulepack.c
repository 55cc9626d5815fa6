/*
 * rulepack: the files of a rule set, written as they are added to it, and read back into one.
 *
 * Invariants: (1) What was written is read back as it was. (2) Nothing outside the pack is looked at, whatever its numbers say.
 */
#include "dogwatch/correlate/rulepack.h"

#include "dogwatch/base/error.h"
#include "dogwatch/geo/geo.h"

static const char head[] = "dogwatch rules 1\n";
static const struct dw_str database = {"geoip.database", 14}; /* no file of rules has such a name: theirs end with .yml or .yaml */

void dw_rulepack_begin(struct dw_buf *pack)
{
    dw_buf_str(pack, dw_str_of(head));
}

void dw_rulepack_add(struct dw_buf *pack, struct dw_str path, struct dw_str text)
{
    if (pack->len == 0)
        dw_rulepack_begin(pack);
    dw_buf_printf(pack, "file %zu ", text.len);
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c < 0x20 || c > 0x7e || c == '%')
            dw_buf_printf(pack, "%%%02x", c);
        else
            dw_buf_byte(pack, c);
    }
    dw_buf_byte(pack, '\n');
    dw_buf_str(pack, text);
    dw_buf_byte(pack, '\n');
}

/* A path as it was, ended by a NUL. */
static bool take_path(struct dw_str s, struct dw_buf *out)
{
    uint8_t byte = 0;
    dw_buf_reset(out);
    for (size_t i = 0; i < s.len; i++) {
        bool escape = s.ptr[i] == '%';
        if (escape && !dw_unhex(dw_str_slice(s, i + 1, i + 3), &byte, 1))
            return false;
        dw_buf_byte(out, escape ? byte : (uint8_t)s.ptr[i]);
        i += escape ? 2 : 0;
    }
    bool good = !memchr(out->ptr ? out->ptr : "", '\0', out->len);
    dw_buf_byte(out, 0);
    return good;
}

/* One file off the front. */
static bool take_file(struct dw_str *rest, struct dw_buf *path, struct dw_str *ret_text)
{
    uint64_t size;
    size_t end = dw_str_index(*rest, '\n');
    struct dw_str line = dw_str_slice(*rest, 0, end), word = dw_str_cut(&line, ' '), number = dw_str_cut(&line, ' ');
    if (end == rest->len || !dw_str_eq(word, DW_STR("file")) || !dw_str_u64(number, &size) || !line.ptr || !take_path(line, path))
        return false;
    *rest = dw_str_slice(*rest, end + 1, rest->len);
    if (size >= rest->len || rest->ptr[size] != '\n')
        return false;
    *ret_text = dw_str_slice(*rest, 0, (size_t)size);
    *rest = dw_str_slice(*rest, (size_t)size + 1, rest->len);
    return true;
}

int dw_rulepack_each(struct dw_str pack, int (*each)(void *ud, struct dw_str path, struct dw_str text), void *ud)
{
    struct dw_buf path = {0};
    struct dw_str text, rest = dw_str_slice(pack, sizeof head - 1, pack.len);
    int rc = dw_str_starts(pack, dw_str_of(head)) ? DW_OK : DW_ECORRUPT;
    while (rc >= 0 && rest.len) {
        if (!take_file(&rest, &path, &text))
            rc = path.err ? path.err : DW_ECORRUPT;
        else
            rc = path.err ? path.err : each(ud, dw_str_slice(dw_buf_view(&path), 0, path.len - 1), text);
    }
    dw_buf_fini(&path);
    return rc < 0 ? rc : DW_OK;
}

void dw_rulepack_places(struct dw_buf *pack, const struct dw_places *places)
{
    char hex[2 * DW_SHA256_BYTES + 1];
    if (!places)
        return;
    dw_hex(places->hash, DW_SHA256_BYTES, hex);
    dw_rulepack_add(pack, database, dw_str_of(hex));
}

static int take_database(void *ud, struct dw_str path, struct dw_str text)
{
    struct dw_str *asked = ud;
    if (dw_str_eq(path, database))
        *asked = text;
    return DW_OK;
}

bool dw_rulepack_same_places(struct dw_str pack, const struct dw_places *places)
{
    struct dw_str asked = DW_STR_NONE;
    char hex[2 * DW_SHA256_BYTES + 1] = "";
    if (places)
        dw_hex(places->hash, DW_SHA256_BYTES, hex);
    return dw_rulepack_each(pack, take_database, &asked) == DW_OK && dw_str_eq(asked, dw_str_of(hex));
}

struct loading {
    struct dw_ruleset *rs;
    struct dw_diag_sink sink;
};

static int add_file(void *ud, struct dw_str path, struct dw_str text)
{
    struct loading *l = ud;
    return dw_str_eq(path, database) ? DW_OK : dw_ruleset_add(l->rs, path.ptr, text, l->sink);
}

int dw_rulepack_load(struct dw_str pack, struct dw_places *places, struct dw_keys *keys, struct dw_diag_sink sink, struct dw_ruleset **ret)
{
    struct loading l = {dw_ruleset_new(keys, &(struct dw_ruleset_opts){.places = places}), sink};
    int rc = l.rs ? dw_rulepack_each(pack, add_file, &l) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_ruleset_finish(l.rs, sink);
    if (rc < 0)
        dw_ruleset_free(l.rs);
    else
        *ret = l.rs;
    return rc;
}
