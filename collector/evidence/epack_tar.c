/*
 * epack_tar: a pack as one file that every tar reads.
 *
 * Idea: a header is a function of name and size. The reader takes these two out of it, writes the header again and compares all 512 bytes, so
 * no odd type, link, device, base-256 size, prefix or owner has to be thought of: whatever we would not write is refused.
 *
 * Invariant: (1) no member's name or size is used before its header was found to be ours and to fit into the file.
 */
#include "epack_int.h"

#include "dogwatch/base/error.h"

#include <inttypes.h>
#include <stdio.h>

enum { BLOCK = 512, NAME_BYTES = 100, SIZE_AT = 124, SIZE_DIGITS = 11, CHECKSUM_AT = 148, END_BLOCKS = 2, FOLDER_DIGITS = 12 };

static uint64_t padded(uint64_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* Numbers and texts of ustar, at their places; NAME_BYTES hold the name, since a folder and a name of a pack are shorter together. */
static void make_header(struct dw_str name, uint64_t size, char out[BLOCK])
{
    unsigned sum = 0;
    memset(out, 0, BLOCK);
    memcpy(out, name.ptr, name.len);
    memcpy(out + 100, "0000644", 8);
    memcpy(out + 108, "0000000", 8);
    memcpy(out + 116, "0000000", 8);
    (void)snprintf(out + SIZE_AT, SIZE_DIGITS + 1, "%0*" PRIo64, SIZE_DIGITS, size);
    memcpy(out + 136, "00000000000", 12);
    memset(out + CHECKSUM_AT, ' ', 8);
    out[156] = '0';
    memcpy(out + 257, "ustar\00000", 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)out[i];
    (void)snprintf(out + CHECKSUM_AT, 7, "%06o", sum);
}

static void put_zeros(struct dw_buf *out, size_t count)
{
    static const char zeros[BLOCK];
    for (; count > BLOCK; count -= BLOCK)
        dw_buf_add(out, zeros, BLOCK);
    dw_buf_add(out, zeros, count);
}

static void put_member(struct dw_buf *out, const char *alert, const char *name, struct dw_str bytes)
{
    char full[NAME_BYTES + DW_EPACK_NAME_MAX], header[BLOCK];
    int n = snprintf(full, sizeof full, "evidence-%.*s/%s", FOLDER_DIGITS, alert, name);
    if (n < 0 || n >= NAME_BYTES) {
        out->err = out->err ? out->err : DW_ELIMIT;
        return;
    }
    make_header(dw_str_of(full), bytes.len, header);
    dw_buf_add(out, header, BLOCK);
    dw_buf_str(out, bytes);
    put_zeros(out, (size_t)(padded(bytes.len) - bytes.len));
}

void epack_tar_write(const struct dw_epack *p, struct dw_str list, struct dw_buf *out)
{
    bool listed = false;
    for (uint32_t i = 0; i < dw_epack_count(p); i++) {
        const struct dw_epack_file *f = dw_epack_at(p, i);
        if (!listed && dw_str_cmp(DW_STR("PACK"), dw_str_of(f->name)) < 0) {
            put_member(out, dw_epack_alert(p), "PACK", list);
            listed = true;
        }
        put_member(out, dw_epack_alert(p), f->name, dw_buf_view(&f->bytes));
    }
    if (!listed)
        put_member(out, dw_epack_alert(p), "PACK", list);
    put_zeros(out, (size_t)END_BLOCKS * BLOCK);
}

static bool all_zeros(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i])
            return false;
    return true;
}

/* Name and size of a header that is ours. */
static bool read_header(struct dw_str h, struct dw_str *ret_name, uint64_t *ret_size)
{
    char again[BLOCK];
    struct dw_str name = dw_str_slice(h, 0, NAME_BYTES), size = dw_str_slice(h, SIZE_AT, SIZE_AT + SIZE_DIGITS);
    name = dw_str_slice(name, 0, dw_str_index(name, '\0'));
    *ret_size = 0;
    for (size_t i = 0; i < size.len; i++) {
        if (size.ptr[i] < '0' || size.ptr[i] > '7')
            return false;
        *ret_size = *ret_size << 3 | (uint64_t)(size.ptr[i] - '0');
    }
    if (name.len == 0 || name.len == NAME_BYTES)
        return false;
    make_header(name, *ret_size, again);
    *ret_name = name;
    return memcmp(again, h.ptr, BLOCK) == 0;
}

/* All members lie below one folder, which is not told; in order of their names. */
static bool take_folder(struct dw_str *name, struct dw_str *folder, struct dw_str *before)
{
    size_t slash = dw_str_index(*name, '/');
    struct dw_str here = dw_str_slice(*name, 0, slash);
    if (folder->ptr && !dw_str_eq(*folder, here))
        return false;
    *folder = here;
    *name = dw_str_slice(*name, slash + 1, name->len);
    bool rises = !before->ptr || dw_str_cmp(*before, *name) < 0;
    *before = *name;
    return rises && name->len && dw_str_starts(here, DW_STR("evidence-")) && here.len == sizeof "evidence-" - 1 + FOLDER_DIGITS;
}

int epack_tar_each(struct dw_str tar, int (*each)(void *arg, struct dw_str name, struct dw_str bytes), void *arg, uint64_t *ret_at)
{
    struct dw_str folder = DW_STR_NONE, before = DW_STR_NONE;
    size_t at = 0;
    for (*ret_at = 0; tar.len - at > (size_t)END_BLOCKS * BLOCK; *ret_at = at) {
        struct dw_str name, header = dw_str_slice(tar, at, at + BLOCK);
        uint64_t size;
        if (!read_header(header, &name, &size) || !take_folder(&name, &folder, &before))
            return DW_ECORRUPT;
        at += BLOCK;
        *ret_at = at;
        if (size > tar.len - at || padded(size) > tar.len - at)
            return DW_ECORRUPT;
        struct dw_str bytes = dw_str_slice(tar, at, at + (size_t)size);
        *ret_at = at + size;
        if (!all_zeros(dw_str_slice(tar, at + (size_t)size, at + (size_t)padded(size))))
            return DW_ECORRUPT;
        at += (size_t)padded(size);
        int rc = each(arg, name, bytes);
        if (rc < 0)
            return rc;
    }
    bool ends = tar.len - at == (size_t)END_BLOCKS * BLOCK && all_zeros(dw_str_slice(tar, at, tar.len));
    return ends ? DW_OK : DW_ECORRUPT;
}
