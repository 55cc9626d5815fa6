/*
 * token: the file of tokens, and whether a text is one of them.
 *
 * Invariants:
 *   (1) A token's text is in the answer of dw_token_add and nowhere else.
 *   (2) Every token of the file is compared, and every byte of its hash, whatever was found before.
 *   (3) The file is written only by who holds its lock, from what it read under it.
 */
#include "dogwatch/collect/access.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"

#include <inttypes.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512, FILE_MAX = DW_TOKENS_MAX * LINE_MAX_BYTES, RANDOM_BYTES = 32 };

static const struct dw_str prefix = {"dwt_", 4};

bool dw_token_name_ok(struct dw_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '@';
        if (!ok)
            return false;
    }
    return name.len && name.len < DW_TOKEN_NAME_CAP;
}

static bool take_word(struct dw_str *rest, struct dw_str *ret)
{
    *ret = dw_str_cut(rest, ' ');
    return ret->len > 0;
}

bool dw_token_read_line(struct dw_str line, struct dw_token *ret)
{
    struct dw_str version, name, role, salt, hash, created, expires;
    bool whole = line.len <= LINE_MAX_BYTES && take_word(&line, &version) && take_word(&line, &name) && take_word(&line, &role)
        && take_word(&line, &salt) && take_word(&line, &hash) && take_word(&line, &created) && take_word(&line, &expires);
    if (!whole || line.ptr || !dw_str_eq(version, DW_STR("v1")) || !dw_token_name_ok(name))
        return false;
    *ret = (struct dw_token){.expires_ns = INT64_MAX};
    memcpy(ret->name, name.ptr, name.len);
    return dw_role_find(role, &ret->role) && salt.len == 2 * sizeof ret->salt && dw_unhex(salt, ret->salt, sizeof ret->salt)
        && hash.len == 2 * sizeof ret->hash && dw_unhex(hash, ret->hash, sizeof ret->hash) && dw_str_i64(created, &ret->created_ns)
        && (dw_str_eq(expires, DW_STR("-")) || dw_str_i64(expires, &ret->expires_ns));
}

void dw_token_write_line(const struct dw_token *t, struct dw_buf *out)
{
    char salt[2 * sizeof t->salt + 1], hash[2 * sizeof t->hash + 1];
    dw_hex(t->salt, sizeof t->salt, salt);
    dw_hex(t->hash, sizeof t->hash, hash);
    dw_buf_printf(out, "v1 %s %s %s %s %" PRId64 " ", t->name, dw_role_name(t->role), salt, hash, t->created_ns);
    if (t->expires_ns == INT64_MAX)
        dw_buf_str(out, DW_STR("-\n"));
    else
        dw_buf_printf(out, "%" PRId64 "\n", t->expires_ns);
}

bool dw_token_bearer(struct dw_str header, struct dw_str *ret)
{
    struct dw_str scheme = dw_str_cut(&header, ' ');
    *ret = dw_str_trim(header);
    return dw_str_ieq(scheme, DW_STR("bearer")) && ret->len > 0;
}

int dw_tokens_path(const char *data, char ret[DW_TOKENS_PATH_CAP])
{
    return dw_path_join(ret, DW_TOKENS_PATH_CAP, data, "api/tokens");
}

int dw_tokens_read(const struct dw_fs *fs, const char *path, struct dw_tokens *ret)
{
    struct dw_buf text = {0};
    uint32_t lines = 1;
    *ret = (struct dw_tokens){0};
    int rc = dw_fs_read_file(fs, path, FILE_MAX, &text);
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    if (rc == DW_OK && !(ret->item = dw_calloc(lines, sizeof *ret->item)))
        rc = DW_ENOMEM;
    for (struct dw_str rest = dw_buf_view(&text); rc == DW_OK && rest.len;) {
        struct dw_str line = dw_str_cut(&rest, '\n');
        if (line.len && dw_token_read_line(line, &ret->item[ret->count]))
            ret->count++;
        else
            ret->bad_lines += line.len > 0;
    }
    dw_buf_fini(&text);
    return rc == DW_ENOENT ? DW_OK : rc;
}

int dw_tokens_load(const struct dw_fs *fs, const char *data, struct dw_tokens *ret)
{
    char path[DW_TOKENS_PATH_CAP];
    *ret = (struct dw_tokens){0};
    int rc = dw_tokens_path(data, path);
    return rc == DW_OK ? dw_tokens_read(fs, path, ret) : rc;
}

int dw_tokens_write(const struct dw_fs *fs, const char *path, const struct dw_tokens *t)
{
    struct dw_buf text = {0};
    for (uint32_t i = 0; i < t->count; i++)
        dw_token_write_line(&t->item[i], &text);
    int rc = text.err ? text.err : dw_fs_write_file(fs, path, 0600, dw_buf_view(&text));
    dw_buf_fini(&text);
    return rc;
}

void dw_tokens_free(struct dw_tokens *t)
{
    dw_free(t->item);
    *t = (struct dw_tokens){0};
}

static void hash_of(const struct dw_token *t, struct dw_str text, uint8_t ret[DW_SHA256_BYTES])
{
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_start(h);
    dw_sha256_add(h, t->salt, sizeof t->salt);
    dw_sha256_add(h, text.ptr, text.len);
    dw_sha256_end(h, ret);
    dw_sha256_free(h);
}

/* Whether both are equal, in a time that does not depend on where they differ. */
static bool same_hash(const uint8_t *a, const uint8_t *b)
{
    volatile uint8_t differ = 0;
    for (size_t i = 0; i < DW_SHA256_BYTES; i++)
        differ = (uint8_t)(differ | (a[i] ^ b[i]));
    return differ == 0;
}

const struct dw_token *dw_token_check(const struct dw_tokens *t, struct dw_str text, int64_t now_ns)
{
    const struct dw_token *found = NULL;
    if (text.len != DW_TOKEN_TEXT - 1 || !dw_str_starts(text, prefix))
        return NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        uint8_t hash[DW_SHA256_BYTES];
        hash_of(&t->item[i], text, hash);
        if (same_hash(hash, t->item[i].hash) && now_ns < t->item[i].expires_ns)
            found = &t->item[i];
    }
    return found;
}

/* Only who runs the collector reads the file: what root writes becomes that user's. */
static void give_to_owner(const char *data, const char *path)
{
    struct dw_stat st;
    if (geteuid() == 0 && dw_fs_stat(data, &st) == DW_OK && st.uid != 0 && chown(path, (uid_t)st.uid, (gid_t)-1) != 0)
        return; /* then the collector says that it cannot read it */
}

static int save(const struct dw_fs *fs, const char *data, const struct dw_tokens *t)
{
    char path[DW_TOKENS_PATH_CAP];
    int rc = dw_tokens_path(data, path);
    if (rc == DW_OK)
        rc = dw_tokens_write(fs, path, t);
    if (rc == DW_OK)
        give_to_owner(data, path);
    return rc;
}

/* Takes the lock and reads what is there, with room for one more. */
static int begin(const struct dw_fs *fs, const char *data, struct dw_tokens *ret, int *ret_lock)
{
    char dir[DW_TOKENS_PATH_CAP], lock[DW_TOKENS_PATH_CAP];
    pid_t holder;
    *ret = (struct dw_tokens){0};
    struct dw_stat st = {0};
    int rc = dw_fs_stat(data, &st); /* a token for a folder that is none would open nothing */
    if (rc == DW_OK)
        rc = dw_path_join(dir, sizeof dir, data, "api");
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(fs, dir, 0700);
    if (rc == DW_OK)
        give_to_owner(data, dir);
    if (rc == DW_OK)
        rc = dw_path_join(lock, sizeof lock, dir, "tokens.lock");
    if (rc == DW_OK)
        rc = dw_fs_lock(lock, ret_lock, &holder);
    if (rc == DW_OK)
        give_to_owner(data, lock);
    if (rc == DW_OK)
        rc = dw_tokens_load(fs, data, ret);
    if (rc == DW_OK && ret->bad_lines)
        rc = DW_ECORRUPT;
    struct dw_token *more = rc == DW_OK ? dw_resize(ret->item, (ret->count + 1) * sizeof *more) : NULL;
    if (rc == DW_OK && !more)
        rc = DW_ENOMEM;
    if (more)
        ret->item = more;
    return rc;
}

static uint32_t find(const struct dw_tokens *t, struct dw_str name)
{
    uint32_t i = 0;
    while (i < t->count && !dw_str_eq(dw_str_of(t->item[i].name), name))
        i++;
    return i;
}

int dw_token_make(struct dw_token *t, char ret[DW_TOKEN_TEXT])
{
    uint8_t chance[RANDOM_BYTES];
    int rc = dw_rng_bytes(chance, sizeof chance);
    if (rc == DW_OK)
        rc = dw_rng_bytes(t->salt, sizeof t->salt);
    if (rc < 0)
        return rc;
    memcpy(ret, prefix.ptr, prefix.len);
    dw_hex(chance, sizeof chance, ret + prefix.len);
    hash_of(t, dw_str_of(ret), t->hash);
    return DW_OK;
}

int dw_token_add(const struct dw_fs *fs, const char *data, struct dw_token *t, char ret[DW_TOKEN_TEXT])
{
    struct dw_tokens all;
    int lock = -1;
    DW_ASSERT(dw_token_name_ok(dw_str_of(t->name)));
    int rc = begin(fs, data, &all, &lock);
    if (rc == DW_OK && find(&all, dw_str_of(t->name)) < all.count)
        rc = DW_EEXIST;
    if (rc == DW_OK && all.count >= DW_TOKENS_MAX)
        rc = DW_ELIMIT;
    if (rc == DW_OK)
        rc = dw_token_make(t, ret);
    if (rc == DW_OK) {
        all.item[all.count++] = *t;
        rc = save(fs, data, &all);
    }
    dw_tokens_free(&all);
    dw_fs_close(lock);
    return rc;
}

int dw_token_revoke(const struct dw_fs *fs, const char *data, struct dw_str name)
{
    struct dw_tokens all;
    int lock = -1;
    int rc = begin(fs, data, &all, &lock);
    uint32_t at = rc == DW_OK ? find(&all, name) : 0;
    if (rc == DW_OK && at == all.count)
        rc = DW_ENOENT;
    if (rc == DW_OK) {
        all.count--;
        memmove(&all.item[at], &all.item[at + 1], (all.count - at) * sizeof *all.item);
        rc = save(fs, data, &all);
    }
    dw_tokens_free(&all);
    dw_fs_close(lock);
    return rc;
}
