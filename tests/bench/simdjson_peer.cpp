// simdjson's on-demand reader over lines, every value looked at: what dw_json_next does with them.
#include "simdjson_peer.h"

#include <cstring>
#include <simdjson.h>

using namespace simdjson;

static uint64_t walk(ondemand::value v)
{
    uint64_t n = 1;
    switch (v.type()) {
    case ondemand::json_type::object:
        for (auto field : v.get_object()) {
            n += field.key().raw() != nullptr;
            n += walk(field.value());
        }
        return n;
    case ondemand::json_type::array:
        for (auto item : v.get_array())
            n += walk(item.value());
        return n;
    default: return n + (v.raw_json_token().size() == 0);
    }
}

uint64_t simdjson_values(const char *lines, size_t len)
{
    ondemand::parser parser;
    uint64_t n = 0;
    try {
        for (size_t at = 0; at < len;) {
            const char *end = static_cast<const char *>(memchr(lines + at, '\n', len - at));
            size_t size = end ? static_cast<size_t>(end - lines) - at : len - at;
            auto doc = parser.iterate(padded_string_view(lines + at, size, size + SIMDJSON_PADDING));
            n += walk(doc.get_value());
            at += size + 1;
        }
    } catch (const simdjson_error &) {
        return 0;
    }
    return n;
}

size_t simdjson_padding(void)
{
    return SIMDJSON_PADDING;
}
