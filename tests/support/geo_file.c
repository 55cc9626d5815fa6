/*
 * geo_file: see geo_file.h.
 *
 * Idea: a tree of bits of an IPv6 address (an IPv4 one stands below ::/96), 24 bits a record; behind it one map a network; then what the file says of itself.
 */
#include "geo_file.h"

#include "support.h"

#include "dogwatch/base/fs.h"
#include "dogwatch/pred/ip.h"

enum { NODES_MAX = 8192, TEXT = 2, DOUBLE = 3, U16 = 5, U32 = 6, MAP = 7, U64 = 9, ARRAY = 11, EMPTY = -1, SEPARATOR = 16, BITS = 128, BITS_OF_FOUR = 96 };

/* A node's two ways: a node's number, EMPTY, or below that a row's: EMPTY - 1 - number. */
struct tree {
    int32_t way[NODES_MAX][2];
    uint32_t count;
};

static void put_head(struct dw_buf *b, int type, uint32_t size)
{
    const uint32_t short_size = size < 29 ? size : 29;
    assert_true(size < 29 + 256);
    dw_buf_byte(b, (uint8_t)((type > MAP ? 0u : (uint32_t)type << 5) | short_size));
    if (type > MAP)
        dw_buf_byte(b, (uint8_t)(type - MAP));
    if (size >= 29)
        dw_buf_byte(b, (uint8_t)(size - 29));
}

static void put_number(struct dw_buf *b, int type, uint64_t value, uint32_t bytes)
{
    put_head(b, type, bytes);
    for (uint32_t i = bytes; i-- > 0;)
        dw_buf_byte(b, (uint8_t)(value >> 8 * i));
}

static void put_text(struct dw_buf *b, const char *text)
{
    put_head(b, TEXT, (uint32_t)strlen(text));
    dw_buf_str(b, dw_str_of(text));
}

static void put_degrees(struct dw_buf *b, const char *name, double degrees)
{
    uint64_t bits;
    memcpy(&bits, &degrees, sizeof bits);
    put_text(b, name);
    put_number(b, DOUBLE, bits, sizeof bits);
}

static void put_row(struct dw_buf *b, const struct geo_row *r)
{
    put_head(b, MAP, (r->without_place ? 0u : 1u) + (r->city ? 1u : 0u) + (r->country ? 1u : 0u));
    if (r->city) {
        put_text(b, "city");
        put_head(b, MAP, 1);
        put_text(b, "names");
        put_head(b, MAP, 1);
        put_text(b, "en");
        put_text(b, r->city);
    }
    if (r->country) {
        put_text(b, "country");
        put_head(b, MAP, 1);
        put_text(b, "iso_code");
        put_text(b, r->country);
    }
    if (r->without_place)
        return;
    put_text(b, "location");
    put_head(b, MAP, r->radius_km ? 3 : 2);
    put_degrees(b, "latitude", r->north);
    put_degrees(b, "longitude", r->east);
    if (r->radius_km) {
        put_text(b, "accuracy_radius");
        put_number(b, U16, r->radius_km, 2);
    }
}

static int32_t new_node(struct tree *t)
{
    assert_true(t->count < NODES_MAX);
    t->way[t->count][0] = t->way[t->count][1] = EMPTY;
    return (int32_t)t->count++;
}

static void insert(struct tree *t, const char *network, uint32_t row)
{
    struct dw_cidr net;
    bool host_bits;
    int32_t at = 0;
    assert_true(dw_cidr_parse(dw_str_of(network), &net, &host_bits));
    if (net.bits >= BITS_OF_FOUR && strchr(network, '.'))
        memset(net.net.byte + 10, 0, 2); /* ::a.b.c.d, not ::ffff:a.b.c.d */
    for (uint32_t i = 0; i < net.bits; i++) {
        int32_t *way = &t->way[at][net.net.byte[i / 8] >> (7 - i % 8) & 1];
        if (i + 1 == net.bits)
            *way = EMPTY - 1 - (int32_t)row;
        else if (*way < 0)
            *way = new_node(t);
        at = *way;
    }
}

static void put_tree(struct dw_buf *b, const struct tree *t, const uint32_t *offset)
{
    for (uint32_t i = 0; i < t->count; i++)
        for (int side = 0; side < 2; side++) {
            int32_t way = t->way[i][side];
            uint32_t record = way >= 0 ? (uint32_t)way : way == EMPTY ? t->count : t->count + SEPARATOR + offset[EMPTY - 1 - way];
            for (int shift = 16; shift >= 0; shift -= 8)
                dw_buf_byte(b, (uint8_t)(record >> shift));
        }
}

static void put_itself(struct dw_buf *b, uint32_t nodes)
{
    dw_buf_str(b, DW_STR("\xab\xcd\xefMaxMind.com"));
    put_head(b, MAP, 9);
    put_text(b, "node_count");
    put_number(b, U32, nodes, 4);
    put_text(b, "record_size");
    put_number(b, U16, 24, 2);
    put_text(b, "ip_version");
    put_number(b, U16, 6, 2);
    put_text(b, "database_type");
    put_text(b, "dogwatch-test-City");
    put_text(b, "languages");
    put_head(b, ARRAY, 1);
    put_text(b, "en");
    put_text(b, "binary_format_major_version");
    put_number(b, U16, 2, 2);
    put_text(b, "binary_format_minor_version");
    put_number(b, U16, 0, 2);
    put_text(b, "build_epoch");
    put_number(b, U64, 1, 8);
    put_text(b, "description");
    put_head(b, MAP, 1);
    put_text(b, "en");
    put_text(b, "places of the tests");
}

void geo_file_write(const char *path, const struct geo_row *row, uint32_t count)
{
    static struct tree tree;
    uint32_t offset[64];
    struct dw_buf file = {0}, data = {0};
    assert_true(count <= 64);
    tree.count = 0;
    (void)new_node(&tree);
    for (uint32_t i = 0; i < count; i++) {
        offset[i] = (uint32_t)data.len;
        put_row(&data, &row[i]);
        insert(&tree, row[i].network, i);
    }
    put_tree(&file, &tree, offset);
    for (int i = 0; i < SEPARATOR; i++)
        dw_buf_byte(&file, 0);
    dw_buf_str(&file, dw_buf_view(&data));
    put_itself(&file, tree.count);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0644, dw_buf_view(&file)), DW_OK);
    dw_buf_fini(&data);
    dw_buf_fini(&file);
}
