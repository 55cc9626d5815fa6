/*
 * epack: an evidence pack in memory, and its list.
 *
 * Idea: the few names that a pack may have are spelled out, so no name that comes from outside is ever a path of its own making; and PACK has
 * one form only: what is read is written again and compared.
 *
 * Invariants:
 *   (1) Files stand in bytewise order of their names, each once.
 *   (2) A name is one of NAMES, or of frames/ or rule/ with a plain name behind it: no `..`, no further `/`, nothing absolute.
 */
#include "epack_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <inttypes.h>
#include <stdio.h>

static const char version_line[] = "dogwatch evidence 1\n";
static const char *const NAMES[] = {"KEYS", "MANIFEST", "README.md", "alert.json", "events.ndjson", "match.json"};

struct dw_epack {
    char alert[DW_ALERT_ID_TEXT];
    struct dw_epack_file **file;
    uint32_t count, cap;
};

static bool is_plain(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (i && c == '.') || c == '_' || c == '-'))
            return false;
    }
    return s.len > 0;
}

bool dw_epack_name_ok(struct dw_str name)
{
    struct dw_str frames = DW_STR("frames/"), rule = DW_STR("rule/");
    if (name.len > DW_EPACK_NAME_MAX)
        return false;
    for (size_t i = 0; i < DW_COUNT_OF(NAMES); i++)
        if (dw_str_eq(name, dw_str_of(NAMES[i])))
            return true;
    if (dw_str_starts(name, frames))
        return is_plain(dw_str_slice(name, frames.len, name.len)) && (dw_str_ends(name, DW_STR(".frame")) || dw_str_ends(name, DW_STR(".chain")));
    return dw_str_starts(name, rule) && is_plain(dw_str_slice(name, rule.len, name.len));
}

size_t dw_epack_name_max(struct dw_str name)
{
    if (dw_str_ends(name, DW_STR(".frame")))
        return DW_EPACK_FRAME_MAX;
    return dw_str_starts(name, DW_STR("rule/")) ? DW_EPACK_RULE_MAX : DW_EPACK_FILE_MAX;
}

struct dw_epack *dw_epack_new(const char *alert)
{
    struct dw_epack *p = dw_calloc(1, sizeof *p);
    if (p)
        (void)snprintf(p->alert, sizeof p->alert, "%s", alert);
    return p;
}

void dw_epack_free(struct dw_epack *p)
{
    for (uint32_t i = 0; p && i < p->count; i++) {
        dw_buf_fini(&p->file[i]->bytes);
        dw_free(p->file[i]);
    }
    if (p)
        dw_free(p->file);
    dw_free(p);
}

const char *dw_epack_alert(const struct dw_epack *p)
{
    return p->alert;
}

/* Where a name is, or belongs. */
static uint32_t place_of(const struct dw_epack *p, struct dw_str name, bool *ret_there)
{
    uint32_t from = 0, to = p->count;
    *ret_there = false;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int c = dw_str_cmp(dw_str_of(p->file[mid]->name), name);
        if (c == 0) {
            *ret_there = true;
            return mid;
        }
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static int make_room(struct dw_epack *p)
{
    if (p->count < p->cap)
        return DW_OK;
    if (p->count == DW_EPACK_FILES_MAX)
        return DW_ELIMIT;
    uint32_t cap = p->cap ? p->cap * 2 : 32;
    struct dw_epack_file **grown = dw_resize(p->file, cap * sizeof(struct dw_epack_file *));
    if (!grown)
        return DW_ENOMEM;
    p->file = grown;
    p->cap = cap;
    return DW_OK;
}

struct dw_buf *dw_epack_add(struct dw_epack *p, const char *name, int *ret_rc)
{
    bool there;
    uint32_t at = place_of(p, dw_str_of(name), &there);
    *ret_rc = there ? DW_EEXIST : dw_epack_name_ok(dw_str_of(name)) ? make_room(p) : DW_EUNKNOWN;
    if (*ret_rc < 0)
        return NULL;
    struct dw_epack_file *f = dw_calloc(1, sizeof *f);
    if (!f) {
        *ret_rc = DW_ENOMEM;
        return NULL;
    }
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    memmove(p->file + at + 1, p->file + at, (p->count - at) * sizeof(struct dw_epack_file *));
    p->file[at] = f;
    p->count++;
    return &f->bytes;
}

const struct dw_epack_file *dw_epack_find(const struct dw_epack *p, const char *name)
{
    bool there;
    uint32_t at = place_of(p, dw_str_of(name), &there);
    return there ? p->file[at] : NULL;
}

uint32_t dw_epack_count(const struct dw_epack *p)
{
    return p->count;
}

const struct dw_epack_file *dw_epack_at(const struct dw_epack *p, uint32_t i)
{
    DW_ASSERT(i < p->count);
    return p->file[i];
}

/* ---- PACK ---- */

static void put_list(const struct dw_epack_list *l, struct dw_buf *out)
{
    char hex[2 * DW_SHA256_BYTES + 1];
    dw_buf_printf(out, "%salert %s\n", version_line, l->alert);
    for (uint32_t i = 0; i < l->count; i++) {
        dw_hex(l->entry[i].sha256, DW_SHA256_BYTES, hex);
        dw_buf_printf(out, "%s %" PRIu64 " %s\n", l->entry[i].name, l->entry[i].bytes, hex);
    }
}

static void put_digest(const uint8_t digest[DW_SHA256_BYTES], struct dw_buf *out)
{
    char hex[2 * DW_SHA256_BYTES + 1];
    dw_hex(digest, DW_SHA256_BYTES, hex);
    dw_buf_printf(out, "digest %s\n", hex);
}

int dw_epack_list_write(const struct dw_epack *p, struct dw_buf *out, uint8_t ret_digest[DW_SHA256_BYTES])
{
    struct dw_epack_list l = {.count = p->count};
    uint64_t total = 0;
    (void)snprintf(l.alert, sizeof l.alert, "%s", p->alert);
    l.entry = dw_calloc(p->count + 1, sizeof *l.entry);
    if (!l.entry)
        return DW_ENOMEM;
    int rc = DW_OK;
    for (uint32_t i = 0; i < p->count && rc == DW_OK; i++) {
        const struct dw_epack_file *f = p->file[i];
        rc = f->bytes.err ? f->bytes.err : f->bytes.len > dw_epack_name_max(dw_str_of(f->name)) ? DW_ELIMIT : DW_OK;
        memcpy(l.entry[i].name, f->name, sizeof f->name);
        l.entry[i].bytes = f->bytes.len;
        dw_sha256_of(dw_buf_view(&f->bytes), l.entry[i].sha256);
        total += f->bytes.len;
    }
    if (rc == DW_OK && total > DW_EPACK_BYTES_MAX)
        rc = DW_ELIMIT;
    if (rc == DW_OK) {
        put_list(&l, out);
        dw_sha256_of(dw_buf_view(out), ret_digest);
        put_digest(ret_digest, out);
    }
    dw_epack_list_fini(&l);
    return rc < 0 ? rc : out->err;
}

static bool read_entry(struct dw_str line, struct dw_epack_entry *e)
{
    struct dw_str name = dw_str_cut(&line, ' '), bytes = dw_str_cut(&line, ' ');
    if (!dw_epack_name_ok(name) || !dw_str_u64(bytes, &e->bytes) || !dw_unhex(line, e->sha256, DW_SHA256_BYTES))
        return false;
    memcpy(e->name, name.ptr, name.len);
    e->name[name.len] = '\0';
    return true;
}

/* The lines between that of the alert and the digest. */
static int read_entries(struct dw_str *rest, struct dw_epack_list *l, uint32_t *line)
{
    uint64_t total = 0;
    while (rest->len && !dw_str_starts(*rest, DW_STR("digest "))) {
        struct dw_epack_entry *e = &l->entry[l->count];
        ++*line;
        if (l->count == DW_EPACK_FILES_MAX)
            return DW_ELIMIT;
        if (!read_entry(dw_str_cut(rest, '\n'), e))
            return DW_ESYNTAX;
        if (l->count && dw_str_cmp(dw_str_of(e[-1].name), dw_str_of(e->name)) >= 0)
            return DW_ESYNTAX;
        if (e->bytes > dw_epack_name_max(dw_str_of(e->name)) || (total += e->bytes) > DW_EPACK_BYTES_MAX)
            return DW_ELIMIT;
        l->count++;
    }
    ++*line;
    return DW_OK;
}

static bool take_prefix(struct dw_str *s, struct dw_str prefix)
{
    bool has = dw_str_starts(*s, prefix);
    if (has)
        *s = dw_str_slice(*s, prefix.len, s->len);
    return has;
}

/* What is read must be what would be written: so there is one form. */
static int compare(struct dw_str text, size_t digest_at, const struct dw_epack_list *l)
{
    struct dw_buf again = {0};
    uint8_t real[DW_SHA256_BYTES];
    put_list(l, &again);
    put_digest(l->digest, &again);
    int rc = again.err ? again.err : dw_str_eq(text, dw_buf_view(&again)) ? DW_OK : DW_ESYNTAX;
    dw_buf_fini(&again);
    dw_sha256_of(dw_str_slice(text, 0, digest_at), real);
    return rc == DW_OK && memcmp(real, l->digest, sizeof real) != 0 ? DW_ECORRUPT : rc;
}

int dw_epack_list_read(struct dw_str text, struct dw_epack_list *ret, uint32_t *ret_line)
{
    struct dw_str rest = text;
    uint8_t id[DW_SHA256_BYTES];
    *ret = (struct dw_epack_list){0};
    *ret_line = 1;
    if (text.len > DW_EPACK_LIST_MAX)
        return DW_ELIMIT;
    if (!take_prefix(&rest, dw_str_of(version_line)))
        return DW_ESYNTAX;
    *ret_line = 2;
    struct dw_str alert = take_prefix(&rest, DW_STR("alert ")) ? dw_str_cut(&rest, '\n') : DW_STR_NONE;
    if (!dw_unhex(alert, id, sizeof id))
        return DW_ESYNTAX;
    dw_hex(id, sizeof id, ret->alert);
    ret->entry = dw_calloc(DW_EPACK_FILES_MAX + 1, sizeof *ret->entry);
    int rc = ret->entry ? read_entries(&rest, ret, ret_line) : DW_ENOMEM;
    if (rc < 0)
        return rc;
    size_t digest_at = text.len - rest.len;
    if (!take_prefix(&rest, DW_STR("digest ")) || !dw_unhex(dw_str_cut(&rest, '\n'), ret->digest, sizeof ret->digest))
        return DW_ESYNTAX;
    return compare(text, digest_at, ret);
}

void dw_epack_list_fini(struct dw_epack_list *l)
{
    dw_free(l->entry);
    l->entry = NULL;
    l->count = 0;
}
