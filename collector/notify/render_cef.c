/*
 * render_cef: an alert as a line of ArcSight's Common Event Format, version 0.
 *
 *     CEF:0|dogwatch|dogwatch|VERSION|RULE|TITLE|SEVERITY|key=value key=value ...
 *
 * Invariants:
 *   (1) One line of UTF-8: control bytes are a space in the header; in an extension's value line ends are \n and \r, the rest a space.
 *   (2) Within the header `|` and `\` are escaped, within a value `=` and `\`: no text can begin a field of its own.
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

enum { VALUE_MAX = 1023 };

/* The bytes of a text that are whole UTF-8 sequences, at most `most`. */
static struct dw_str cut(struct dw_str s, size_t most)
{
    if (s.len <= most)
        return s;
    while (most > 0 && ((uint8_t)s.ptr[most] & 0xc0) == 0x80)
        most--;
    return dw_str_make(s.ptr, most);
}

static void put_escaped(struct dw_buf *out, struct dw_str s, char special, bool keeps_lines)
{
    s = cut(s, VALUE_MAX);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = (uint8_t)s.ptr[i];
        if (b == '\\' || b == (uint8_t)special) {
            dw_buf_byte(out, '\\');
            dw_buf_byte(out, b);
        } else if (keeps_lines && (b == '\n' || b == '\r')) {
            dw_buf_str(out, b == '\n' ? DW_STR("\\n") : DW_STR("\\r"));
        } else {
            dw_buf_byte(out, b < 0x20 || b == 0x7f ? ' ' : b);
        }
    }
}

/* What is no UTF-8 becomes U+FFFD, as in JSON. */
static void put_utf8(struct dw_buf *out, struct dw_str s, char special, bool keeps_lines)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len;) {
        uint8_t b = (uint8_t)s.ptr[i];
        size_t len = b < 0x80 ? 1 : b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : b >= 0xf0 && b < 0xf5 ? 4 : 0, n = 1;
        while (len && n < len && i + n < s.len && ((uint8_t)s.ptr[i + n] & 0xc0) == 0x80)
            n++;
        if (len && n == len) {
            i += len;
            continue;
        }
        put_escaped(out, dw_str_slice(s, from, i), special, keeps_lines);
        dw_buf_str(out, DW_STR("\xef\xbf\xbd"));
        from = ++i;
    }
    put_escaped(out, dw_str_slice(s, from, s.len), special, keeps_lines);
}

void output_cef_header(struct dw_buf *out, struct dw_str s)
{
    put_utf8(out, s, '|', false);
}

void output_cef_value(struct dw_buf *out, struct dw_str s)
{
    put_utf8(out, s, '=', true);
}

static void put(struct dw_buf *out, const char *key, struct dw_str value)
{
    if (value.len == 0)
        return;
    dw_buf_printf(out, " %s=", key);
    output_cef_value(out, value);
}

static void put_number(struct dw_buf *out, const char *key, int64_t v)
{
    dw_buf_printf(out, " %s=%" PRId64, key, v);
}

void output_render_cef(const struct output_alert *a, struct dw_buf *out)
{
    static const int severity[] = {1, 3, 6, 8, 10};
    static const char *const activities[] = {"created", "updated", "closed"};
    static const struct {
        uint32_t field;
        const char *key;
    } map[] = {{DW_F_source_ip, "src"}, {DW_F_user_name, "suser"}, {DW_F_host_name, "dvchost"}};
    char room[32];
    const struct dw_alert *al = a->alert;
    dw_buf_str(out, DW_STR("CEF:0|dogwatch|dogwatch|" DW_VERSION "|"));
    output_cef_header(out, dw_str_of(al->rule));
    dw_buf_byte(out, '|');
    output_cef_header(out, dw_str_of(al->title));
    dw_buf_printf(out, "|%d|rt=%" PRId64, severity[output_severity(al)], al->time_ns / DW_NS_PER_MS);
    put(out, "externalId", dw_str_of(al->id));
    put(out, "act", dw_str_of(activities[a->activity]));
    put_number(out, "cnt", al->total);
    for (size_t i = 0; i < DW_COUNT_OF(map); i++)
        put(out, map[i].key, output_field(a, map[i].field, room));
    put(out, "msg", al->key);
    put(out, "cs1Label", DW_STR("deliveryKey"));
    put(out, "cs1", dw_str_of(a->key));
    put(out, "cs2Label", DW_STR("status"));
    put(out, "cs2", dw_str_of(al->said[DW_ALERT_status]));
    struct dw_str container = output_field(a, DW_F_container_name, room);
    if (container.len) {
        put(out, "cs3Label", DW_STR("container"));
        put(out, "cs3", container);
    }
}
