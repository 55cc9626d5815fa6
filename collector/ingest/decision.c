/*
 * decision: decisions as records, and back (docs/formats/decisions.md).
 *
 * Invariant: (1) what is written is read back as it was.
 */
#include "dogwatch/collect/decision.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"

#include <inttypes.h>

static const char *const types[] = {
    [DW_DECISION_OTHER] = "", [DW_DECISION_IDLE] = "agent.idle", [DW_DECISION_REJECTED] = "rejected",
    [DW_DECISION_REPLACED] = "queue.replaced", [DW_DECISION_EXPIRED] = "queue.expired", [DW_DECISION_APPROVED] = "agent.approved",
    [DW_DECISION_END] = "input.end", [DW_DECISION_RULES] = "rules",
    [DW_DECISION_SHARED] = "shared", [DW_DECISION_TAKEN] = "partition.taken", [DW_DECISION_GIVEN] = "partition.given", [DW_DECISION_MATCHES] = "matches"};

static void put_hex(struct dw_buf *out, const char *name, const uint8_t *bytes, size_t len)
{
    char hex[2 * DW_SHA256_BYTES + 1];
    dw_hex(bytes, len, hex);
    dw_buf_printf(out, ",\"%s\":\"%s\"", name, hex);
}

/* Of collectors that share a queue. */
static void put_shared(const struct dw_decision *d, struct dw_buf *out)
{
    if (d->kind == DW_DECISION_SHARED)
        dw_buf_printf(out, ",\"number\":%" PRIu64, d->number);
    if (d->kind == DW_DECISION_TAKEN || d->kind == DW_DECISION_GIVEN)
        dw_buf_printf(out, ",\"source\":%" PRIu64, d->source);
    if (d->kind == DW_DECISION_TAKEN)
        dw_buf_printf(out, ",\"next\":%" PRIu64 ",\"number\":%" PRIu64 ",\"count\":%" PRIu64, d->next, d->number, d->count);
    if (d->kind == DW_DECISION_TAKEN || d->kind == DW_DECISION_MATCHES)
        dw_buf_printf(out, ",\"data\":\"%.*s\"", DW_ARG(d->hex));
}

void dw_decision_write(const struct dw_decision *d, struct dw_buf *out)
{
    dw_buf_printf(out, "{\"type\":\"%s\"", types[d->kind]);
    bool chain = d->kind == DW_DECISION_IDLE || d->kind == DW_DECISION_REJECTED;
    if (chain || d->kind == DW_DECISION_APPROVED)
        put_hex(out, "agent", d->agent, sizeof d->agent);
    if (chain) {
        dw_buf_printf(out, ",\"epoch\":%" PRIu64, d->epoch.counter);
        put_hex(out, "nonce", d->epoch.nonce, sizeof d->epoch.nonce);
    }
    if (d->kind == DW_DECISION_IDLE)
        dw_buf_printf(out, ",\"since\":%" PRId64, d->since_ns);
    if (d->kind == DW_DECISION_REJECTED || d->kind == DW_DECISION_REPLACED || d->kind == DW_DECISION_EXPIRED)
        dw_buf_printf(out, ",\"source\":%" PRIu64 ",\"offset\":%" PRIu64, d->source, d->offset);
    if (d->kind == DW_DECISION_EXPIRED)
        dw_buf_printf(out, ",\"next\":%" PRIu64, d->next);
    if (d->kind == DW_DECISION_REJECTED) {
        dw_buf_printf(out, ",\"bytes\":%" PRIu64 ",\"number\":%" PRIu64 ",\"problem\":\"%.*s\"", d->bytes, d->number, DW_ARG(d->problem));
        put_hex(out, "sha256", d->sha256, sizeof d->sha256);
    }
    if (d->kind == DW_DECISION_RULES) {
        dw_buf_printf(out, ",\"number\":%" PRIu64, d->number);
        put_hex(out, "sha256", d->sha256, sizeof d->sha256);
    }
    if (d->kind == DW_DECISION_RULES && d->kept)
        put_hex(out, "archive", d->archive, sizeof d->archive);
    put_shared(d, out);
    dw_buf_byte(out, '}');
}

static void take_type(struct dw_decision *d, struct dw_str v)
{
    for (size_t i = 1; i < DW_COUNT_OF(types); i++)
        if (dw_str_eq(v, dw_str_of(types[i])))
            d->kind = (enum dw_decision_kind)i;
}

/* The member of that name that is a number; NULL when there is none. */
static uint64_t *number_of(struct dw_decision *d, struct dw_str name)
{
    const struct {
        const char *name;
        uint64_t *at;
    } numbers[] = {{"epoch", &d->epoch.counter}, {"number", &d->number}, {"source", &d->source}, {"offset", &d->offset},
        {"next", &d->next}, {"bytes", &d->bytes}, {"count", &d->count}};
    for (size_t i = 0; i < DW_COUNT_OF(numbers); i++)
        if (dw_str_eq(name, dw_str_of(numbers[i].name)))
            return numbers[i].at;
    return NULL;
}

static bool is_hex(struct dw_str s)
{
    bool is = s.len % 2 == 0;
    for (size_t i = 0; i < s.len && is; i++)
        is = (s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f');
    return is;
}

void dw_decision_hex(struct dw_str bytes, struct dw_buf *out)
{
    char *room = dw_buf_reserve(out, 2 * bytes.len + 1);
    if (!room)
        return;
    dw_hex((const uint8_t *)bytes.ptr, bytes.len, room);
    out->len += 2 * bytes.len;
}

void dw_decision_data(const struct dw_decision *d, struct dw_buf *out)
{
    uint8_t *room = (uint8_t *)dw_buf_reserve(out, d->hex.len / 2);
    if (room && dw_unhex(d->hex, room, d->hex.len / 2))
        out->len += d->hex.len / 2;
}

int dw_decision_piece(const struct dw_decision *d, struct dw_buf *part)
{
    if (d->number == 0)
        dw_buf_reset(part);
    if (part->len / DW_PART_PIECE != d->number || part->len % DW_PART_PIECE)
        return DW_EAGAIN;
    dw_decision_data(d, part);
    return part->err ? part->err : d->number + 1 < d->count ? DW_EAGAIN : DW_OK;
}

/* One member; what is not known is passed over, as a later version may add to it. */
static bool take_member(struct dw_decision *d, struct dw_str name, struct dw_str v)
{
    if (dw_str_eq(name, DW_STR("type"))) {
        take_type(d, v);
        return true;
    }
    if (dw_str_eq(name, DW_STR("problem"))) {
        d->problem = v;
        return true;
    }
    if (dw_str_eq(name, DW_STR("data"))) {
        d->hex = v;
        return is_hex(v);
    }
    if (dw_str_eq(name, DW_STR("agent")))
        return dw_unhex(v, d->agent, sizeof d->agent);
    if (dw_str_eq(name, DW_STR("nonce")))
        return dw_unhex(v, d->epoch.nonce, sizeof d->epoch.nonce);
    if (dw_str_eq(name, DW_STR("sha256")))
        return dw_unhex(v, d->sha256, sizeof d->sha256);
    if (dw_str_eq(name, DW_STR("archive")))
        return d->kept = dw_unhex(v, d->archive, sizeof d->archive);
    if (dw_str_eq(name, DW_STR("since")))
        return dw_str_i64(v, &d->since_ns);
    uint64_t *number = number_of(d, name);
    return !number || dw_str_u64(v, number);
}

int dw_decision_read(struct dw_str record, struct dw_decision *ret)
{
    struct dw_json j;
    struct dw_json_token key, v;
    *ret = (struct dw_decision){.kind = DW_DECISION_OTHER};
    dw_json_start(&j, record);
    int rc = dw_json_next(&j, &v);
    if (rc < 0 || v.type != DW_JSON_OBJECT)
        return DW_ESYNTAX;
    while ((rc = dw_json_next(&j, &key)) == DW_OK && key.type == DW_JSON_KEY) {
        rc = dw_json_next(&j, &v);
        if (rc == DW_OK && (v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY))
            rc = dw_json_skip(&j);
        else if (rc == DW_OK && !take_member(ret, key.text, v.text))
            rc = DW_ESYNTAX;
        if (rc < 0)
            return DW_ESYNTAX;
    }
    return rc < 0 ? DW_ESYNTAX : DW_OK;
}
