/*
 * fleet_key: the key that all agents of a fleet share, and the hashes made with it.
 *
 * Idea: who reads the archive sees that two values are the same without seeing them; who has no key cannot try values out (a hash without key of a
 * number is no secret: all numbers are tried in a second). HMAC-SHA-256 (RFC 2104); the key is named by a hash of its own, which tells nothing
 * of it.
 *
 * Invariants:
 *   (1) The key leaves this file as hashes only, and its memory is wiped.
 *   (2) A hash is as long as what it stands for.
 */
#include "redact_int.h"

#include "dogwatch/base/error.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <sys/stat.h>

enum { MAC_BYTES = 32, ID_BYTES = 4 };

static void put_hex(const uint8_t *bytes, size_t count, char *to)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        to[2 * i] = digit[bytes[i] >> 4];
        to[2 * i + 1] = digit[bytes[i] & 15];
    }
}

static void name_key(struct dw__fleet_key *key)
{
    static const char about[] = "dogwatch redact key";
    uint8_t text[sizeof about - 1 + DW_REDACT_KEY_MAX], hash[MAC_BYTES];
    unsigned len = 0;
    memcpy(text, about, sizeof about - 1);
    memcpy(text + sizeof about - 1, key->bytes, key->len);
    int ok = EVP_Digest(text, sizeof about - 1 + key->len, hash, &len, EVP_sha256(), NULL);
    DW_ASSERT(ok == 1 && len == MAC_BYTES);
    put_hex(hash, ID_BYTES, key->id);
    key->id[sizeof key->id - 1] = '\0';
    OPENSSL_cleanse(text, sizeof text);
}

/* What an open file holds, if it can be a key. */
static int read_open(const struct dw_fs *fs, int fd, struct dw__fleet_key *ret, struct dw_buf *why)
{
    struct dw_stat st;
    int rc = dw_fs_fstat(fd, &st);
    if (rc < 0) {
        dw_buf_printf(why, "cannot be read: %s", dw_err_text(rc));
    } else if (!S_ISREG(st.mode)) {
        dw_buf_printf(why, "is no file");
    } else if (st.mode & (S_IROTH | S_IWOTH)) {
        dw_buf_printf(why, "everybody may read or write it, so it is no secret: make a new one that only its owner and group can read (chmod 0640)");
    } else if (st.size_bytes < DW_REDACT_KEY_MIN || st.size_bytes > DW_REDACT_KEY_MAX) {
        dw_buf_printf(why, "has %llu bytes, and a key has from %d to %d: write one with `openssl rand -hex 32`", (unsigned long long)st.size_bytes,
            DW_REDACT_KEY_MIN, DW_REDACT_KEY_MAX);
    } else {
        rc = dw_fs_pread(fs, fd, ret->bytes, sizeof ret->bytes, 0, &ret->len);
        if (rc == DW_OK && ret->len == st.size_bytes)
            return DW_OK;
        dw_buf_printf(why, "cannot be read: %s", rc < 0 ? dw_err_text(rc) : "it changes while it is read");
    }
    return DW_ECONFIG;
}

int dw__fleet_key_read(const struct dw_fs *fs, struct dw_str path, struct dw__fleet_key *ret, struct dw_buf *why)
{
    int fd = -1, rc;
    *ret = (struct dw__fleet_key){.len = 0};
    dw_buf_printf(why, "%.*s: ", DW_ARG(path));
    rc = dw_fs_open(fs, path.ptr, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd);
    if (rc < 0) {
        dw_buf_printf(why, "cannot be opened: %s", dw_err_text(rc));
        return DW_ECONFIG;
    }
    rc = read_open(fs, fd, ret, why);
    dw_fs_close(fd);
    if (rc == DW_OK)
        name_key(ret);
    else
        dw__fleet_key_wipe(ret);
    return rc;
}

void dw__fleet_key_wipe(struct dw__fleet_key *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

void dw__fleet_key_write(const struct dw__fleet_key *key, struct dw_str piece, char *to)
{
    uint8_t mac[MAC_BYTES];
    char hex[2 * MAC_BYTES];
    unsigned len = 0;
    const uint8_t *ok = HMAC(EVP_sha256(), key->bytes, (int)key->len, (const uint8_t *)piece.ptr, piece.len, mac, &len);
    DW_ASSERT(ok && len == MAC_BYTES);
    put_hex(mac, MAC_BYTES, hex);
    size_t shown = piece.len < DW_REDACT_HASH_MAX ? piece.len : DW_REDACT_HASH_MAX;
    memcpy(to, hex, shown);
    memset(to + shown, '*', piece.len - shown);
}
