/*
 * impossible_travel: a key in two places, one after the other, faster than anybody travels.
 *
 * Idea: the last login of a key is remembered with its place, as it was looked up when the event came. From there to the next one it is so many kilometres on the sphere,
 * less how far off each place may be by the database's own word; who would have to be faster than `max_speed` was not in both.
 *
 * A memo is five texts, each with its length before it, and zeros behind them:
 *
 *   address before | address | name of its place before | name of its place | u32 north, u32 east, u32 radius: of the newest login
 *
 * Invariants:
 *   (1) Only whole numbers decide, and a place is looked up once, when the event comes: neither compiler nor time changes an answer.
 *   (2) A login without a place takes no part, and the one before it is remembered on.
 *   (3) Logins are compared in event time, each with the one before, whatever rule matched them; entries are these two.
 */
#include "detect.h"

#include "dogwatch/base/error.h"

enum { LENGTH = sizeof(uint32_t), ADDRESS_MAX = 63, PLACE_BYTES = 3 * LENGTH, TEXTS = 5, MEMO_BYTES = TEXTS * LENGTH + 2 * ADDRESS_MAX + 2 * DW_PLACE_NAME_MAX + PLACE_BYTES };
enum { PAIR = 2, NORTH_MOST = 90000000, EAST_MOST = 180000000, SECONDS_AN_HOUR = 3600 };
#define SECOND_NS INT64_C(1000000000)

/* One login as a record carries it. */
struct login {
    struct dw_str address, name, place;
};

enum dw_left_out dw__login_put(const struct dw_places *places, struct dw_str address, struct dw_buf *out)
{
    struct dw_ip ip;
    struct dw_place p;
    if (address.len > ADDRESS_MAX || !dw_ip_parse(address, &ip))
        return DW_LEFT_NO_VALUE;
    if (!places || !places->find || !places->find(places, &ip, &p))
        return DW_LEFT_NO_PLACE;
    struct dw_str name = dw_str_of(p.name);
    dw_buf_u32(out, (uint32_t)address.len);
    dw_buf_str(out, address);
    dw_buf_u32(out, (uint32_t)name.len);
    dw_buf_str(out, name);
    dw_buf_u32(out, PLACE_BYTES);
    dw_buf_u32(out, (uint32_t)p.north);
    dw_buf_u32(out, (uint32_t)p.east);
    dw_buf_u32(out, p.radius_km);
    return DW_TAKES_PART;
}

static struct dw_str take_text(struct dw_cursor *c)
{
    uint32_t len = dw_take_u32(c);
    return dw_take_bytes(c, len);
}

/* False: these bytes are no place. */
static bool take_place(struct dw_str bytes, struct dw_place *ret)
{
    struct dw_cursor c = dw_cursor_of(bytes);
    *ret = (struct dw_place){.north = (int32_t)dw_take_u32(&c)};
    ret->east = (int32_t)dw_take_u32(&c);
    ret->radius_km = dw_take_u32(&c);
    return !c.bad && bytes.len == PLACE_BYTES && ret->north >= -NORTH_MOST && ret->north <= NORTH_MOST && ret->east >= -EAST_MOST && ret->east <= EAST_MOST &&
           ret->radius_km <= DW_PLACE_RADIUS_MAX;
}

/* The newest login of a memo; false: it is none. */
static bool newest(const uint8_t *memo, struct login *ret)
{
    struct dw_cursor c = dw_cursor_of(dw_str_make((const char *)memo, MEMO_BYTES));
    struct dw_place place;
    struct dw_str before = take_text(&c);
    ret->address = take_text(&c);
    struct dw_str name_before = take_text(&c);
    ret->name = take_text(&c);
    ret->place = take_text(&c);
    return !c.bad && before.len <= ADDRESS_MAX && ret->address.len <= ADDRESS_MAX && name_before.len <= DW_PLACE_NAME_MAX && ret->name.len <= DW_PLACE_NAME_MAX &&
           take_place(ret->place, &place);
}

/* The login that a record carries; false: it is none. */
static bool login_of(struct dw_str values, struct login *ret)
{
    struct dw_cursor c = dw_cursor_of(values);
    struct dw_place place;
    ret->address = take_text(&c);
    ret->name = take_text(&c);
    ret->place = take_text(&c);
    return !c.bad && ret->address.len <= ADDRESS_MAX && ret->name.len <= DW_PLACE_NAME_MAX && take_place(ret->place, &place);
}

static bool reads(struct dw_str values)
{
    struct login l;
    return login_of(values, &l);
}

static uint8_t *put_text(uint8_t *at, struct dw_str text)
{
    dw__put_u32(at, (uint32_t)text.len);
    if (text.len)
        memcpy(at + sizeof(uint32_t), text.ptr, text.len);
    return at + sizeof(uint32_t) + text.len;
}

/* Writes the memo anew; `before` may be part of the old one. Answers the four texts that people are told. */
static struct dw_str remember(uint8_t *memo, const struct login *before, const struct login *now)
{
    uint8_t fresh[MEMO_BYTES] = {0};
    uint8_t *at = put_text(put_text(put_text(put_text(fresh, before->address), now->address), before->name), now->name);
    (void)put_text(at, now->place);
    memcpy(memo, fresh, sizeof fresh);
    return dw_str_make((const char *)memo, (size_t)(at - fresh));
}

/* Kilometres that lie between two places at least. */
static uint32_t apart_km(struct dw_str a, struct dw_str b)
{
    struct dw_place p, q;
    bool good = take_place(a, &p) && take_place(b, &q);
    DW_ASSERT(good); /* as dw__login_put wrote, or `fits` has seen */
    uint32_t km = dw_geo_km(&p, &q), off = p.radius_km + q.radius_km;
    return km > off ? km - off : 0;
}

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    static const uint8_t nowhere[DW_SHA256_BYTES];
    struct login now, before = {.address = DW_STR("")};
    bool good = login_of(dw_str_make(r->text + r->text_len, r->value_len), &now);
    DW_ASSERT(good);
    dw__entries_expire(s, dw__earlier(r->time_ns, c->timespan_ns));
    const int64_t since = s->count ? dw__since(r->time_ns, dw__entry_at(s, s->count - 1)->time_ns) : 0;
    const bool known = s->count && newest(s->past->memo, &before);
    const uint32_t km = known ? apart_km(before.place, now.place) : 0;
    const int64_t seconds = since / SECOND_NS, needed_ns = (int64_t)km * SECONDS_AN_HOUR * SECOND_NS / c->max_speed_kmh, kmh = (int64_t)km * SECONDS_AN_HOUR / (seconds ? seconds : 1);
    uint8_t *memo = dw__memo(w, s, MEMO_BYTES);
    if (!memo)
        return DW_ENOMEM;
    *ret = (struct dw_anomaly){.feature = c->field_name[0],
        .value_text = remember(memo, &before, &now),
        .value = (double)kmh,
        .baseline = c->max_speed_kmh,
        .spread = km,
        .score = (double)seconds,
        .database = w->places ? w->places->hash : nowhere};
    *ret_is = known && km >= c->min_distance_km && since < needed_ns && dw__has_learned(c, s, r->time_ns);
    return dw__entries_append(w, s, r, PAIR);
}

static bool fits(const struct dw_correlation *c, const struct dw__state *s)
{
    struct login l;
    (void)c;
    return s->count >= 1 && s->count <= PAIR && s->past->memo_len == MEMO_BYTES && newest(s->past->memo, &l);
}

const struct dw__detector dw__detector_impossible_travel = {.word = "impossible_travel", .observe = observe, .fits = fits, .reads = reads, .keeps = 1, .opens = true, .rests = true};
