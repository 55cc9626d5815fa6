/*
 * journal_entry: an entry of the journal as one JSON object, as `journalctl -o json` prints it.
 *
 *     {"__CURSOR":"s=...","__REALTIME_TIMESTAMP":"...","__MONOTONIC_TIMESTAMP":"...","_BOOT_ID":"...","_PID":"184",...,"MESSAGE":"..."}
 *
 * Idea: an entry may have a thousand fields, and one of them may be a core dump, but a line has an end. So what is short is written first, then the message, and then
 * what there is room for; a field without room is null, as journalctl's, and its bytes are counted.
 *
 * Invariants:
 *   (1) The text is one valid JSON object without a newline, no name twice, and not longer than text_max.
 *   (2) It begins with the cursor: who finds the line in a file knows where to go on.
 *   (3) Text is text, control bytes escaped, so that masks reach it; only what is no UTF-8 is an array of numbers.
 */
#include "journal_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

enum { NAME_LEN_MAX = 64, SHORT_BYTES = 2048, SHORT_SHARE = 3 /* of the text is for what is short */, LEAST_ROOM = 2 /* of an empty text */, BYTES_MAX = 1024 * 1024, NULL_ROOM = NAME_LEN_MAX + 16 };

static struct dw_str name_of(const struct journal_writer *w, const struct journal_field *f)
{
    return dw_str_make(w->bytes.ptr + f->name, f->name_len);
}

static struct dw_str value_of(const struct journal_writer *w, const struct journal_field *f)
{
    return dw_str_make(w->bytes.ptr + f->value, f->value_len);
}

/* Names that begin with two underscores are ours to write. */
static bool is_name(struct dw_str s)
{
    if (!s.len || s.len > NAME_LEN_MAX || dw_str_starts(s, DW_STR("__")))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') && !(s.ptr[i] >= '0' && s.ptr[i] <= '9') && s.ptr[i] != '_')
            return false;
    return true;
}

void journal_field_add(struct journal_writer *w, struct dw_str name_and_value)
{
    struct dw_str value = name_and_value, name = dw_str_cut(&value, '=');
    if (!is_name(name) || !value.ptr || dw_str_eq(name, DW_STR("_BOOT_ID")))
        return;
    if (w->count == JOURNAL_FIELDS_MAX || w->bytes.len + name.len > BYTES_MAX + JOURNAL_FIELDS_MAX * NAME_LEN_MAX) {
        w->cut_bytes += value.len;
        return;
    }
    size_t max = dw_str_eq(name, DW_STR("MESSAGE")) ? w->message_max : w->text_max;
    size_t n = value.len < max ? value.len : max;
    if (w->bytes.len + n > BYTES_MAX)
        n = 0;
    struct journal_field *f = &w->field[w->count++];
    *f = (struct journal_field){.name = (uint32_t)w->bytes.len, .name_len = (uint32_t)name.len, .value_len = (uint32_t)n};
    dw_buf_str(&w->bytes, name);
    f->value = (uint32_t)w->bytes.len;
    dw_buf_str(&w->bytes, dw_str_slice(value, 0, n));
    w->cut_bytes += value.len - n;
}

static void put_bytes(struct dw_buf *out, struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        dw_buf_printf(out, "%s%u", i ? "," : "[", (unsigned)(unsigned char)s.ptr[i]);
    dw_buf_byte(out, ']');
}

static void put_value(struct dw_buf *out, struct dw_str s)
{
    size_t before = out->len;
    if (dw_json_string(out, s) && !out->err) {
        out->len = before;
        put_bytes(out, s);
    }
}

static void put_name(struct journal_writer *w, struct dw_str name)
{
    dw_buf_printf(&w->text, ",\"%.*s\":", DW_ARG(name));
}

/* Writes the name with all its values, if the text is then not longer than `max`. */
static bool put_whole(struct journal_writer *w, uint32_t at, size_t max)
{
    struct dw_str name = name_of(w, &w->field[at]);
    size_t before = w->text.len;
    uint32_t values = 0, put = 0;
    for (uint32_t i = at; i < w->count; i++)
        values += dw_str_eq(name_of(w, &w->field[i]), name);
    put_name(w, name);
    for (uint32_t i = at; i < w->count && w->text.len <= max; i++) {
        if (!dw_str_eq(name_of(w, &w->field[i]), name))
            continue;
        if (values > 1)
            dw_buf_byte(&w->text, put ? ',' : '[');
        put_value(&w->text, value_of(w, &w->field[i]));
        put++;
    }
    if (values > 1)
        dw_buf_byte(&w->text, ']');
    if (w->text.len <= max)
        return true;
    w->text.len = before;
    return false;
}

/* Marks all values of a name as done with; answers how long they are. */
static uint64_t settle(struct journal_writer *w, uint32_t at)
{
    struct dw_str name = name_of(w, &w->field[at]);
    uint64_t bytes = 0;
    for (uint32_t i = at; i < w->count; i++) {
        if (!dw_str_eq(name_of(w, &w->field[i]), name))
            continue;
        w->field[i].written = true;
        bytes += w->field[i].value_len;
    }
    return bytes;
}

/* The head of a message that has no room as a whole: never a part of a character. */
static void put_head(struct journal_writer *w, const struct journal_field *f, size_t max)
{
    struct dw_str all = value_of(w, f), head = all;
    size_t before = w->text.len;
    put_name(w, name_of(w, f));
    size_t from = w->text.len, room = from < max ? max - from : 0;
    if (room < LEAST_ROOM) {
        w->cut_bytes += all.len;
        w->text.len = before;
        return;
    }
    for (put_value(&w->text, head); w->text.len > max && !w->text.err; put_value(&w->text, head)) {
        size_t n = head.len * room / (w->text.len - from);
        while (n && ((unsigned char)all.ptr[n] & 0xc0) == 0x80)
            n--;
        head = dw_str_slice(all, 0, n);
        w->text.len = from;
    }
    w->cut_bytes += all.len - head.len;
    if (w->text.err)
        w->text.len = before;
}

static bool is_single(const struct journal_writer *w, uint32_t at)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (i != at && dw_str_eq(name_of(w, &w->field[i]), name_of(w, &w->field[at])))
            return false;
    return true;
}

static void put_fields(struct journal_writer *w)
{
    size_t end = w->text_max - 1; /* of the brace */
    uint32_t message = w->count;
    for (uint32_t i = 0; i < w->count; i++) {
        struct journal_field *f = &w->field[i];
        if (dw_str_eq(name_of(w, f), DW_STR("MESSAGE")) && is_single(w, i))
            message = i;
        else if (!f->written && f->value_len <= SHORT_BYTES && put_whole(w, i, w->text_max / SHORT_SHARE))
            (void)settle(w, i);
    }
    if (message < w->count) {
        put_head(w, &w->field[message], end);
        (void)settle(w, message);
    }
    for (uint32_t i = 0; i < w->count; i++) {
        if (w->field[i].written)
            continue;
        bool whole = put_whole(w, i, end);
        uint64_t bytes = settle(w, i);
        w->cut_bytes += whole ? 0 : bytes;
        if (!whole && w->text.len + NULL_ROOM <= end) {
            put_name(w, name_of(w, &w->field[i]));
            dw_buf_str(&w->text, DW_STR("null"));
        }
    }
}

void journal_fields_write(struct journal_writer *w, struct dw_str cursor, uint64_t realtime_us, uint64_t monotonic_us, struct dw_str boot)
{
    dw_buf_reset(&w->text);
    dw_buf_printf(&w->text, "{\"__CURSOR\":\"%.*s\",\"__REALTIME_TIMESTAMP\":\"%" PRIu64 "\"", DW_ARG(cursor), realtime_us);
    if (boot.len)
        dw_buf_printf(&w->text, ",\"__MONOTONIC_TIMESTAMP\":\"%" PRIu64 "\",\"_BOOT_ID\":\"%.*s\"", monotonic_us, DW_ARG(boot));
    if (!w->bytes.err && !w->text.err)
        put_fields(w);
    dw_buf_byte(&w->text, '}');
}

/* Fields whose compression this library does not know, or that are damaged, are passed over: the entry is more than they are. */
int journal_write(struct journal_writer *w, sd_journal *sd, struct dw_str cursor, uint64_t realtime_us)
{
    const void *data;
    size_t len;
    uint64_t monotonic = 0;
    sd_id128_t boot;
    char boot_text[SD_ID128_STRING_MAX] = "";
    int rc;
    w->count = 0;
    w->cut_bytes = 0;
    w->hash = 0;
    w->whole = true;
    dw_buf_reset(&w->bytes);
    sd_journal_restart_data(sd);
    while ((rc = sd_journal_enumerate_available_data(sd, &data, &len)) > 0) {
        w->whole &= len < w->text_max;
        w->hash ^= w->whole ? journal_hash(dw_str_make(data, len)) : 0;
        journal_field_add(w, dw_str_make(data, len));
    }
    w->cut_bytes += rc < 0;
    if (sd_journal_get_monotonic_usec(sd, &monotonic, &boot) >= 0)
        (void)sd_id128_to_string(boot, boot_text);
    journal_fields_write(w, cursor, realtime_us, monotonic, dw_str_of(boot_text));
    return w->bytes.err || w->text.err ? DW_ENOMEM : DW_OK;
}

void journal_writer_fini(struct journal_writer *w)
{
    dw_buf_fini(&w->bytes);
    dw_buf_fini(&w->text);
}
