/*
 * Who may ask the collector what: roles, classes of routes, and tokens (docs/formats/tokens.md).
 *
 *     DATA/api/tokens     one token a line, 0600; the token itself is nowhere
 *
 * A token is 256 random bits, so it cannot be guessed however fast its hash is: salted SHA-256 is enough, where a password would need
 * a slow hash. The salt keeps lines of different files from telling that they are of one token.
 *
 * Thread: any; a struct dw_tokens is read-only once loaded.
 */
#ifndef DOGWATCH_COLLECT_ACCESS_H
#define DOGWATCH_COLLECT_ACCESS_H

#include "dogwatch/base/fs.h"
#include "dogwatch/frame/digest.h"

enum dw_role {
#define ROLE(name, doc) DW_ROLE_##name,
#include "dogwatch/tbl/roles.h"
#undef ROLE
    DW_ROLES
};
const char *dw_role_name(enum dw_role r);
const char *dw_role_doc(enum dw_role r);
bool dw_role_find(struct dw_str name, enum dw_role *ret);

enum dw_access {
#define ACCESS(name, roles, doc) DW_ACCESS_##name,
#include "dogwatch/tbl/access_classes.h"
#undef ACCESS
    DW_ACCESSES
};
const char *dw_access_doc(enum dw_access a);
/* Whether a role may use routes of a class. DW_ACCESS_OPEN is for nobody's role: it is not asked. */
bool dw_access_allows(enum dw_access a, enum dw_role r);

enum {
    DW_TOKEN_TEXT = 4 + 64 + 1, /* dwt_, 64 hex digits, NUL */
    DW_TOKEN_SALT = 16,
    DW_TOKEN_NAME_CAP = 64,
    DW_TOKENS_MAX = 1000,
};

struct dw_token {
    char name[DW_TOKEN_NAME_CAP];
    enum dw_role role;
    uint8_t salt[DW_TOKEN_SALT], hash[DW_SHA256_BYTES];
    int64_t created_ns, expires_ns; /* INT64_MAX: never */
};
struct dw_tokens {
    struct dw_token *item;
    uint32_t count, bad_lines;
};

/* What a token may be called: letters, digits and . _ - @, not longer than DW_TOKEN_NAME_CAP - 1. */
bool dw_token_name_ok(struct dw_str name);
/* One line of the file, without newline. */
bool dw_token_read_line(struct dw_str line, struct dw_token *ret);
/* The same with its newline. */
void dw_token_write_line(const struct dw_token *t, struct dw_buf *out);
/* The token in the value of an Authorization header: `Bearer TOKEN`. */
bool dw_token_bearer(struct dw_str header, struct dw_str *ret);

/* The file's path below `data`. DW_ELIMIT. */
enum { DW_TOKENS_PATH_CAP = 4096 };
DW_MUST_USE int dw_tokens_path(const char *data, char ret[DW_TOKENS_PATH_CAP]);
/* All tokens; none where there is no file. A line that is none is passed over and counted: it lets nobody in. Codes of dw_fs_read_file. */
DW_MUST_USE int dw_tokens_load(const struct dw_fs *fs, const char *data, struct dw_tokens *ret);
void dw_tokens_free(struct dw_tokens *t);
/* The same of another file; and a whole file written anew, 0600. Codes of dw_fs_write_file. */
DW_MUST_USE int dw_tokens_read(const struct dw_fs *fs, const char *path, struct dw_tokens *ret);
DW_MUST_USE int dw_tokens_write(const struct dw_fs *fs, const char *path, const struct dw_tokens *t);
/* Gives `t` a text, salt and hash. DW_EIO: there is no chance to be had. */
DW_MUST_USE int dw_token_make(struct dw_token *t, char ret[DW_TOKEN_TEXT]);
/* Makes a token; `ret` is its text, which is shown once and kept nowhere. DW_EEXIST: the name is taken; DW_ELIMIT: DW_TOKENS_MAX;
 * DW_ECORRUPT: the file holds a line that is none, and is not written anew; DW_ELOCKED: somebody else is at it. */
DW_MUST_USE int dw_token_add(const struct dw_fs *fs, const char *data, struct dw_token *t, char ret[DW_TOKEN_TEXT]);
/* DW_ENOENT: no such token; others as dw_token_add. */
DW_MUST_USE int dw_token_revoke(const struct dw_fs *fs, const char *data, struct dw_str name);
/* The token whose text this is, unless it is over; NULL: none. How long it takes does not tell which, nor how much of it was right. */
const struct dw_token *dw_token_check(const struct dw_tokens *t, struct dw_str text, int64_t now_ns);

#endif
