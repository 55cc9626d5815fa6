/*
 * manifest_entry: one entry of the manifest as a line, and back.
 *
 * Invariant: what is written is read back as it was; texts that people give are written so that no byte of them ends a pair or a line.
 */
#include "manifest_int.h"

#include "dogwatch/base/error.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const types[] = {[DW__ENTRY_OPEN] = "open", [DW__ENTRY_SEAL] = "seal", [DW__ENTRY_STATE] = "state",
    [DW__ENTRY_EXPIRE] = "expire", [DW__ENTRY_HOLD] = "hold", [DW__ENTRY_RELEASE] = "release", [DW__ENTRY_EXPORT] = "export", [DW__ENTRY_OMIT] = "omit",
    [DW__ENTRY_OTHER] = ""};

const char *dw__entry_word(enum dw__entry_type type)
{
    return types[type];
}

bool dw__entry_ranges(enum dw__entry_type type)
{
    return type == DW__ENTRY_EXPIRE || type == DW__ENTRY_EXPORT || type == DW__ENTRY_OMIT;
}

/* ---- reading ---- */

static bool take_range(struct dw_str s, struct dw_str *a, struct dw_str *b)
{
    size_t at = s.len > 1 ? 1 + dw_str_index(dw_str_slice(s, 1, s.len), '-') : s.len; /* a may be negative */
    if (at >= s.len)
        return false;
    *a = dw_str_slice(s, 0, at);
    *b = dw_str_slice(s, at + 1, s.len);
    return true;
}

static bool take_file(struct dw_str v, char *out, size_t cap)
{
    if (v.len == 0 || v.len >= cap || dw_str_index(v, '/') < v.len)
        return false;
    memcpy(out, v.ptr, v.len);
    out[v.len] = '\0';
    return true;
}

/* A text in which bytes other than printable ones stand as %HH. */
static bool take_text(struct dw_str v, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t byte = (uint8_t)v.ptr[i];
        if (byte == '%' && (i + 2 >= v.len || !dw_unhex(dw_str_slice(v, i + 1, i + 3), &byte, 1) || byte == 0))
            return false;
        i += v.ptr[i] == '%' ? 2 : 0;
        if (n + 1 >= cap)
            return false;
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return true;
}

static bool take_type(struct dw_str v, enum dw__entry_type *ret)
{
    *ret = DW__ENTRY_OTHER;
    for (int t = 0; t < DW__ENTRY_OTHER; t++)
        if (dw_str_eq(v, dw_str_of(types[t])))
            *ret = (enum dw__entry_type)t;
    return true;
}

/* What people asked for; *ret_known: the key is one of these. */
static bool take_asked(struct dw_str key, struct dw_str v, struct dw__entry_info *e, bool *ret_known)
{
    const struct {
        const char *key;
        char *at;
        size_t cap;
    } texts[] = {{"name", e->name, sizeof e->name}, {"by", e->asked.by, sizeof e->asked.by}, {"why", e->asked.why, sizeof e->asked.why},
        {"request", e->asked.id, sizeof e->asked.id}};
    *ret_known = true;
    for (size_t i = 0; i < DW_COUNT_OF(texts); i++)
        if (dw_str_eq(key, dw_str_of(texts[i].key)))
            return take_text(v, texts[i].at, texts[i].cap);
    if (dw_str_eq(key, DW_STR("since")))
        return dw_str_i64(v, &e->from_ns);
    if (dw_str_eq(key, DW_STR("until")))
        return dw_str_i64(v, &e->to_ns);
    *ret_known = dw_str_eq(key, DW_STR("upto"));
    return !*ret_known || dw_str_u64(v, &e->upto);
}

/* One key=value of an entry. Unknown keys are for later versions and pass. */
static bool take_pair(struct dw_str key, struct dw_str v, struct dw__entry_info *e, uint8_t *prev)
{
    struct dw_str a, b;
    struct dw_segment_info *s = &e->segment;
    bool known;
    bool ok = take_asked(key, v, e, &known);
    if (known)
        return ok;
    if (dw_str_eq(key, DW_STR("time"))) { /* one that is no number does not keep the archive from being read: the chain names it */
        if (!dw_str_i64(v, &e->time_ns))
            e->time_ns = INT64_MAX;
        return true;
    }
    if (dw_str_eq(key, DW_STR("n")))
        return dw_str_u64(v, &e->n);
    if (dw_str_eq(key, DW_STR("prev")))
        return dw_unhex(v, prev, DW_SHA256_BYTES);
    if (dw_str_eq(key, DW_STR("segment")))
        return dw_str_u64(v, &s->number);
    if (dw_str_eq(key, DW_STR("file")))
        return take_file(v, s->file, sizeof s->file);
    if (dw_str_eq(key, DW_STR("bytes")))
        return dw_str_u64(v, &s->bytes);
    if (dw_str_eq(key, DW_STR("sha256")))
        return dw_unhex(v, s->sha256, sizeof s->sha256);
    if (dw_str_eq(key, DW_STR("frames")))
        return dw_str_u64(v, &s->frames);
    if (dw_str_eq(key, DW_STR("events")))
        return dw_str_u64(v, &s->events);
    if (dw_str_eq(key, DW_STR("text")))
        return dw_str_u64(v, &s->text_bytes);
    if (dw_str_eq(key, DW_STR("open")))
        return dw_str_u64(v, &e->open);
    if (dw_str_eq(key, DW_STR("intake")))
        return take_range(v, &a, &b) && dw_str_u64(a, &s->first_intake) && dw_str_u64(b, &s->last_intake);
    if (dw_str_eq(key, DW_STR("times")))
        return take_range(v, &a, &b) && dw_str_i64(a, &s->time_min_ns) && dw_str_i64(b, &s->time_max_ns);
    return !dw_str_eq(key, DW_STR("type")) || take_type(v, &e->type);
}

bool dw__entry_parse(struct dw_str line, struct dw__entry_info *e, uint8_t prev[DW_SHA256_BYTES])
{
    *e = (struct dw__entry_info){.type = DW__ENTRY_OTHER, .n = UINT64_MAX};
    while (line.ptr) {
        struct dw_str v = dw_str_cut(&line, ' '), key = dw_str_cut(&v, '=');
        if (!v.ptr || !take_pair(key, v, e, prev))
            return false;
    }
    bool names_file = e->type == DW__ENTRY_SEAL || e->type == DW__ENTRY_STATE;
    return e->n != UINT64_MAX && (!names_file || e->segment.file[0]);
}

/* ---- writing ---- */

static void put_text(const char *key, const char *text, struct dw_buf *out)
{
    if (!*text)
        return;
    dw_buf_printf(out, " %s=", key);
    for (const char *p = text; *p; p++) {
        uint8_t byte = (uint8_t)*p;
        if (byte <= ' ' || byte >= 0x7f || byte == '%')
            dw_buf_printf(out, "%%%02x", byte);
        else
            dw_buf_byte(out, byte);
    }
}

void dw__entry_print(const struct dw__entry_info *e, const uint8_t prev[DW_SHA256_BYTES], struct dw_buf *out)
{
    char hex[2 * DW_SHA256_BYTES + 1];
    const struct dw_segment_info *s = &e->segment;
    dw_hex(prev, DW_SHA256_BYTES, hex);
    dw_buf_printf(out, "n=%" PRIu64 " prev=%s time=%" PRId64 " type=%s segment=%" PRIu64, e->n, hex, e->time_ns, types[e->type], s->number);
    if (dw__entry_ranges(e->type))
        dw_buf_printf(out, " upto=%" PRIu64, e->upto);
    if (e->type == DW__ENTRY_HOLD)
        dw_buf_printf(out, " since=%" PRId64 " until=%" PRId64, e->from_ns, e->to_ns);
    put_text("name", e->name, out);
    put_text("by", e->asked.by, out);
    put_text("why", e->asked.why, out);
    put_text("request", e->asked.id, out);
    if (e->type != DW__ENTRY_SEAL && e->type != DW__ENTRY_STATE)
        return;
    dw_hex(s->sha256, DW_SHA256_BYTES, hex);
    dw_buf_printf(out, " file=%s bytes=%" PRIu64 " sha256=%s", s->file, s->bytes, hex);
    if (e->type == DW__ENTRY_STATE)
        return;
    dw_buf_printf(out, " frames=%" PRIu64 " events=%" PRIu64 " text=%" PRIu64, s->frames, s->events, s->text_bytes);
    dw_buf_printf(out, " intake=%" PRIu64 "-%" PRIu64 " times=%" PRId64 "-%" PRId64 " open=%" PRIu64, s->first_intake,
        s->last_intake, s->time_min_ns, s->time_max_ns, e->open);
}
