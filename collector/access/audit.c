/*
 * audit: lines that are chained by their hashes, appended and read.
 *
 * Idea: the hash of a line is over its bytes as they stand, so that checking needs no JSON but the last two members, whose place
 * is fixed.
 *
 *     {"v":1,"n":7,...,"prev":"<64 hex>"  ,"hash":"<64 hex>"}
 *     |<------------- hashed ---------->|
 *
 * Invariants:
 *   (1) A line is synced before its call comes back; after an error nothing is appended any more.
 *   (2) Nothing is appended behind a line that is none.
 */
#include "dogwatch/collect/audit.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

enum { PATH_CAP = 4096, HEX = 2 * DW_SHA256_BYTES, TAIL = 10 + HEX + 9 + HEX + 2 /* ,"prev":"..","hash":".."} */ };
enum { WINDOW = 2 * DW_AUDIT_LINE_MAX }; /* at the end of the log: holds its last whole line and a torn one */

struct dw_audit {
    const struct dw_fs *fs;
    const struct dw_clock *clock;
    pthread_mutex_t lock;
    /* guarded by lock */
    int fd, error;
    uint64_t next, bytes; /* number of the next line; of lines that are durable */
    char hash[HEX + 1];
};

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* One line without newline, taken apart. */
struct link {
    uint64_t n;
    char prev[HEX + 1], hash[HEX + 1];
};

static bool take(struct dw_str *s, const char *text)
{
    struct dw_str want = dw_str_of(text);
    if (!dw_str_starts(*s, want))
        return false;
    *s = dw_str_slice(*s, want.len, s->len);
    return true;
}

static bool take_hash(struct dw_str *s, char ret[HEX + 1])
{
    uint8_t bytes[DW_SHA256_BYTES];
    if (s->len < HEX || !dw_unhex(dw_str_slice(*s, 0, HEX), bytes, sizeof bytes))
        return false;
    memcpy(ret, s->ptr, HEX);
    ret[HEX] = '\0';
    *s = dw_str_slice(*s, HEX, s->len);
    return true;
}

/* NULL: the line is one, and its own hash holds. */
static const char *read_line(struct dw_str line, struct link *ret)
{
    uint8_t hash[DW_SHA256_BYTES];
    char made[HEX + 1];
    struct dw_str head = line;
    if (line.len > DW_AUDIT_LINE_MAX || line.len < TAIL || !take(&head, "{\"v\":1,\"n\":"))
        return "is no line of an audit log";
    struct dw_str tail = dw_str_slice(line, line.len - TAIL, line.len), number = dw_str_cut(&head, ',');
    if (!dw_str_u64(number, &ret->n) || !take(&tail, ",\"prev\":\"") || !take_hash(&tail, ret->prev) || !take(&tail, "\",\"hash\":\"")
        || !take_hash(&tail, ret->hash) || !take(&tail, "\"}") || tail.len)
        return "is no line of an audit log";
    dw_sha256_of(dw_str_slice(line, 0, line.len - (9 + HEX + 2)), hash);
    dw_hex(hash, sizeof hash, made);
    return memcmp(made, ret->hash, HEX) == 0 ? NULL : "was changed: its hash is another";
}

static int log_path(const char *data, char ret[PATH_CAP])
{
    return dw_path_join(ret, PATH_CAP, data, "audit/audit.log");
}

/* Goes on from the last whole line; what stands behind it is cut off. */
static int resume(struct dw_audit *a)
{
    struct dw_stat st = {0};
    struct link last = {.n = 0};
    int rc = dw_fs_fstat(a->fd, &st);
    uint64_t from = st.size_bytes > WINDOW ? st.size_bytes - WINDOW : 0;
    size_t len = (size_t)(st.size_bytes - from), got = 0;
    char *bytes = rc == DW_OK ? dw_alloc(len + 1) : NULL;
    if (rc == DW_OK)
        rc = bytes ? dw_fs_pread(a->fs, a->fd, bytes, len, from, &got) : DW_ENOMEM;
    size_t end = got;
    while (rc == DW_OK && end && bytes[end - 1] != '\n')
        end--;
    if (rc == DW_OK && end < got) {
        DW_COUNT(audit_torn);
        rc = dw_fs_truncate(a->fs, a->fd, from + end);
    }
    a->bytes = from + end;
    size_t begin = end ? end - 1 : 0;
    while (rc == DW_OK && begin && bytes[begin - 1] != '\n')
        begin--;
    if (rc == DW_OK && end) {
        rc = read_line(dw_str_make(bytes + begin, end - 1 - begin), &last) ? DW_ECORRUPT : DW_OK;
        a->next = last.n + 1;
        memcpy(a->hash, last.hash, sizeof a->hash);
    } else if (rc == DW_OK && from) {
        rc = DW_ECORRUPT; /* so much without a newline is no log of ours */
    }
    dw_free(bytes);
    return rc;
}

int dw_audit_open(const struct dw_fs *fs, const struct dw_clock *clock, const char *data, struct dw_audit **ret)
{
    char dir[PATH_CAP], path[PATH_CAP];
    int rc = dw_path_join(dir, sizeof dir, data, "audit");
    if (rc == DW_OK)
        rc = log_path(data, path);
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(fs, dir, 0700);
    struct dw_audit *a = rc == DW_OK ? dw_calloc(1, sizeof *a) : NULL;
    if (rc < 0 || !a)
        return rc < 0 ? rc : DW_ENOMEM;
    a->fs = fs;
    a->clock = clock;
    memcpy(a->hash, zeros, sizeof a->hash);
    (void)pthread_mutex_init(&a->lock, NULL);
    rc = dw_fs_open(fs, path, O_RDWR | O_CREAT | O_APPEND, 0600, &a->fd);
    if (rc < 0)
        a->fd = -1;
    if (rc == DW_OK)
        rc = dw_fs_sync_dir(fs, dir);
    if (rc == DW_OK)
        rc = resume(a);
    if (rc < 0)
        dw_audit_close(a);
    else
        *ret = a;
    return rc;
}

void dw_audit_close(struct dw_audit *a)
{
    if (!a)
        return;
    dw_fs_close(a->fd);
    (void)pthread_mutex_destroy(&a->lock);
    dw_free(a);
}

static void put(struct dw_buf *out, const char *name, struct dw_str value)
{
    dw_buf_printf(out, ",\"%s\":", name);
    (void)dw_json_string(out, value);
}

/* Ends the line and appends it. `middle`: what stands between `n` and `prev`. */
static int append(struct dw_audit *a, struct dw_str middle, uint64_t *ret_n)
{
    struct dw_buf line = {0};
    uint8_t hash[DW_SHA256_BYTES];
    char hex[HEX + 1];
    (void)pthread_mutex_lock(&a->lock);
    dw_buf_printf(&line, "{\"v\":1,\"n\":%" PRIu64 ",\"time\":\"", a->next);
    dw_time_text(&line, dw_clock_real(a->clock));
    dw_buf_byte(&line, '"');
    dw_buf_str(&line, middle);
    dw_buf_printf(&line, ",\"prev\":\"%s\"", a->hash);
    dw_sha256_of(dw_buf_view(&line), hash);
    dw_hex(hash, sizeof hash, hex);
    dw_buf_printf(&line, ",\"hash\":\"%s\"}\n", hex);
    int rc = a->error ? a->error : line.err ? line.err : line.len > DW_AUDIT_LINE_MAX ? DW_ELIMIT : DW_OK;
    bool tried = rc == DW_OK;
    if (rc == DW_OK)
        rc = dw_fs_write(a->fs, a->fd, line.ptr, line.len);
    if (rc == DW_OK)
        rc = dw_fs_sync(a->fs, a->fd);
    if (rc == DW_OK) {
        *ret_n = a->next++;
        a->bytes += line.len;
        memcpy(a->hash, hex, sizeof a->hash);
    } else if (tried && dw_fs_truncate(a->fs, a->fd, a->bytes) < 0) {
        a->error = rc; /* a part of the line may stand there: the next start cuts it off */
    }
    (void)pthread_mutex_unlock(&a->lock);
    dw_buf_fini(&line);
    return rc;
}

static void put_ask(struct dw_buf *out, const struct dw_audit_ask *ask)
{
    put(out, "who", dw_str_of(ask->who));
    put(out, "role", dw_str_of(ask->role));
    put(out, "from", dw_str_of(ask->from));
    put(out, "method", dw_str_of(ask->method));
    put(out, "route", dw_str_of(ask->route));
}

int dw_audit_asked(struct dw_audit *a, const struct dw_audit_ask *ask, uint64_t *ret_n)
{
    struct dw_buf middle = {0};
    put(&middle, "event", DW_STR("asked"));
    put_ask(&middle, ask);
    put(&middle, "text", dw_str_slice(ask->text, 0, DW_AUDIT_TEXT_MAX));
    int rc = middle.err ? middle.err : append(a, dw_buf_view(&middle), ret_n);
    dw_buf_fini(&middle);
    return rc;
}

int dw_audit_answered(struct dw_audit *a, const struct dw_audit_ask *ask, uint64_t of, uint64_t rows, const char *outcome)
{
    struct dw_buf middle = {0};
    uint64_t n;
    put(&middle, "event", DW_STR("answered"));
    dw_buf_printf(&middle, ",\"of\":%" PRIu64, of);
    put_ask(&middle, ask);
    dw_buf_printf(&middle, ",\"rows\":%" PRIu64, rows);
    put(&middle, "outcome", dw_str_of(outcome));
    int rc = middle.err ? middle.err : append(a, dw_buf_view(&middle), &n);
    dw_buf_fini(&middle);
    return rc;
}

/* ---- reading ---- */

struct reading {
    const struct dw_audit_read *how;
    struct dw_audit_result *res;
};

static void complain(struct reading *r, const char *what)
{
    r->res->problems++;
    if (r->how->problem)
        r->how->problem(r->how->arg, r->res->lines, what);
}

/* After a line that is none the chain begins anew at the next, which is then judged by itself: one change is one problem. */
static void take_line(struct reading *r, struct dw_str line, bool *known)
{
    struct link l;
    const char *bad = read_line(line, &l);
    if (bad)
        complain(r, bad);
    else if (*known && strcmp(l.prev, r->res->hash) != 0)
        complain(r, "does not follow the line before it");
    else if (*known && l.n != r->res->lines)
        complain(r, "has another number than its place");
    *known = !bad;
    if (!bad)
        memcpy(r->res->hash, l.hash, sizeof l.hash);
    if (r->how->each)
        r->how->each(r->how->arg, line);
    r->res->lines++;
}

int dw_audit_read(const struct dw_audit_read *how, struct dw_audit_result *ret)
{
    char path[PATH_CAP];
    struct reading r = {.how = how, .res = ret};
    struct dw_buf bytes = {0};
    bool known = true;
    uint64_t offset = 0;
    int fd = -1;
    *ret = (struct dw_audit_result){0};
    memcpy(ret->hash, zeros, sizeof ret->hash);
    int rc = log_path(how->data, path);
    if (rc == DW_OK)
        rc = dw_fs_open(how->fs, path, O_RDONLY, 0, &fd);
    if (rc < 0)
        return rc;
    for (size_t got = 1; rc == DW_OK && got;) {
        char *at = dw_buf_reserve(&bytes, DW_AUDIT_LINE_MAX);
        rc = at ? dw_fs_pread(how->fs, fd, at, DW_AUDIT_LINE_MAX, offset, &got) : DW_ENOMEM;
        if (rc < 0)
            break;
        bytes.len += got;
        offset += got;
        struct dw_str rest = dw_buf_view(&bytes);
        while (dw_str_index(rest, '\n') < rest.len)
            take_line(&r, dw_str_cut(&rest, '\n'), &known);
        if (rest.len > DW_AUDIT_LINE_MAX || (got == 0 && rest.len)) {
            complain(&r, "has no end");
            break;
        }
        if (rest.len)
            memmove(bytes.ptr, rest.ptr, rest.len);
        bytes.len = rest.len;
    }
    dw_fs_close(fd);
    dw_buf_fini(&bytes);
    return rc;
}
