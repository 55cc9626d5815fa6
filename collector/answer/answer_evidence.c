/*
 * answer_evidence: from the ids in a finding to the events in the archive.
 *
 * Invariant: a finding's own window is read first; only if something it names is not there is the rest of the archive read.
 */
#include "dogwatch/collect/answer.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/event/timestamp.h"

#include "dogwatch/pred/fold.h"

#include <inttypes.h>
#include <openssl/evp.h>

static bool is_event_id(struct dw_str s)
{
    uint8_t id[DW_ID_BYTES];
    uint64_t start;
    return s.len > 33 && s.len < DW_EVENT_ID_TEXT && s.ptr[32] == '-' && dw_unhex(dw_str_slice(s, 0, 32), id, sizeof id)
        && dw_str_u64(dw_str_slice(s, 33, s.len), &start);
}

static void add_ref(struct dw_evidence *e, struct dw_str id)
{
    for (uint32_t i = 0; i < e->count; i++)
        if (dw_str_eq(dw_str_of(e->ref[i].id), id))
            return;
    if (e->count == DW_EVIDENCE_MAX)
        return;
    memcpy(e->ref[e->count].id, id.ptr, id.len);
    e->ref[e->count].id[id.len] = '\0';
    e->ref[e->count++].found = false;
}

static int64_t time_or(struct dw_str text, int64_t otherwise)
{
    struct dw_time_ref ref = {0};
    int64_t ns;
    return dw_time_parse(text, &ref, &ns) == DW_OK ? ns : otherwise;
}

void dw_evidence_of(struct dw_str finding, struct dw_evidence *ret)
{
    struct dw_json j;
    struct dw_json_token t;
    struct dw_str key = DW_STR("");
    ret->count = 0;
    ret->from_ns = INT64_MIN;
    ret->to_ns = INT64_MAX;
    dw_json_start(&j, finding);
    while (dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        if (t.type == DW_JSON_STRING && is_event_id(t.text))
            add_ref(ret, t.text);
        else if (t.type == DW_JSON_STRING && dw_str_eq(key, DW_STR("start")))
            ret->from_ns = time_or(t.text, INT64_MIN);
        else if (t.type == DW_JSON_STRING && dw_str_eq(key, DW_STR("end")))
            ret->to_ns = time_or(t.text, INT64_MAX);
        key = t.type == DW_JSON_KEY ? t.text : DW_STR("");
    }
    ret->missing = ret->count;
}

bool dw_evidence_take(struct dw_evidence *e, const char *id)
{
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->ref[i].found || strcmp(e->ref[i].id, id) != 0)
            continue;
        e->ref[i].found = true;
        e->missing--;
        return true;
    }
    return false;
}

static void look_in(const struct dw_answer_evidence *how, const struct dw_archived *a)
{
    for (uint32_t i = 0; i < a->frame.event_count && how->evidence->missing; i++) {
        char id[DW_EVENT_ID_TEXT];
        dw_event_id_text(&a->frame.event[i], id);
        if (dw_evidence_take(how->evidence, id))
            how->each(how->arg, a, &a->frame.event[i]);
    }
}

static int look(const struct dw_answer_evidence *how, int64_t from_ns, int64_t to_ns)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    int rc = dw_archive_reader_open(&dw_fs_system, how->archive, how->keys, &r);
    if (rc < 0)
        return rc;
    dw_archive_reader_range(r, from_ns, to_ns);
    while (rc == DW_OK && how->evidence->missing) {
        if (how->stop && how->stop(how->arg)) {
            rc = DW_EAGAIN;
            break;
        }
        int err = dw_archive_reader_next(r, &a);
        if (err == DW_OK)
            look_in(how, &a);
        else if (err != DW_EAGAIN)
            how->problem(how->arg, dw_archive_reader_where(r), err);
        if (err == DW_EAGAIN || err == DW_ENOMEM)
            break;
    }
    dw_archive_reader_close(r);
    return rc;
}

int dw_answer_evidence(const struct dw_answer_evidence *how)
{
    const struct dw_evidence *e = how->evidence;
    int rc = look(how, e->from_ns, e->to_ns);
    bool narrow = e->from_ns != INT64_MIN || e->to_ns != INT64_MAX;
    if (rc == DW_OK && e->missing && narrow)
        rc = look(how, INT64_MIN, INT64_MAX);
    return rc;
}

static bool is_utf8(struct dw_str text)
{
    uint32_t cp = 0;
    for (size_t at = 0; at < text.len && cp != UINT32_MAX;)
        at += dw_utf8_take(dw_str_slice(text, at, text.len), &cp);
    return cp != UINT32_MAX;
}

static void put_base64(struct dw_str bytes, struct dw_buf *out)
{
    char *to = dw_buf_reserve(out, (bytes.len + 2) / 3 * 4 + 1);
    if (to)
        out->len += (size_t)EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)bytes.ptr, (int)bytes.len);
}

bool dw_answer_unbase64(struct dw_str text, struct dw_buf *ret)
{
    char *to = text.len && text.len % 4 == 0 && text.len < INT32_MAX ? dw_buf_reserve(ret, text.len / 4 * 3) : NULL;
    int n = to ? EVP_DecodeBlock((unsigned char *)to, (const unsigned char *)text.ptr, (int)text.len) : -1;
    if (n < 0)
        return false;
    for (size_t i = text.len; text.ptr[i - 1] == '=' && n > 0 && text.len - i < 2; i--)
        n--; /* it counts the padding */
    ret->len += (size_t)n;
    return true;
}

void dw_answer_evidence_row(const struct dw_keys *keys, const struct dw_archived *a, const struct dw_event *ev, struct dw_buf *out)
{
    char agent[2 * DW_AGENT_ID_BYTES + 1];
    struct dw_buf more = {0};
    dw_hex(a->frame.head.agent, DW_AGENT_ID_BYTES, agent);
    dw_buf_printf(&more, ",\"agent\":\"%s\",\"epoch\":%" PRIu64 ",\"frame\":%" PRIu64 ",\"intake\":%" PRIu64, agent, a->frame.head.epoch.counter,
        a->frame.head.number, a->intake.number);
    if (!is_utf8(ev->line)) {
        dw_buf_str(&more, DW_STR(",\"line_base64\":\""));
        put_base64(ev->line, &more);
        dw_buf_byte(&more, '"');
    }
    dw_event_json(keys, ev, &(struct dw_event_extra){.more = dw_buf_view(&more)}, out);
    dw_buf_byte(out, '\n');
    dw_buf_fini(&more);
}
