/*
 * session: codes and sessions of the console.
 *
 * Invariants:
 *   (1) A code makes one session at most, and only before it is over.
 *   (2) The file holds what the list holds, but for what is over and for an end that could not be written.
 *   (3) Neither texts of codes nor of sessions are kept, only salted hashes.
 */
#include "dogwatch/collect/session.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <pthread.h>
#include <stdio.h>

struct dw_sessions {
    const struct dw_fs *fs;
    const struct dw_clock *clock;
    char path[DW_TOKENS_PATH_CAP];
    pthread_mutex_t lock;
    /* guarded by lock; oldest first */
    struct dw_tokens codes, held;
    struct dw_token code[DW_CODES_MAX], session[DW_SESSIONS_MAX];
};

static void drop(struct dw_tokens *t, uint32_t at)
{
    t->count--;
    memmove(&t->item[at], &t->item[at + 1], (t->count - at) * sizeof *t->item);
}

/* Drops what is over, and the oldest if there is no room for one more. */
static void make_room(struct dw_tokens *t, uint32_t max, int64_t now_ns)
{
    for (uint32_t i = 0; i < t->count;)
        if (t->item[i].expires_ns <= now_ns)
            drop(t, i);
        else
            i++;
    if (t->count == max)
        drop(t, 0);
}

static int take_up(struct dw_sessions *s)
{
    struct dw_tokens kept;
    int64_t now_ns = dw_clock_real(s->clock);
    int rc = dw_tokens_read(s->fs, s->path, &kept);
    for (uint32_t i = 0; i < kept.count; i++) {
        make_room(&s->held, DW_SESSIONS_MAX, now_ns);
        if (kept.item[i].expires_ns > now_ns && kept.item[i].expires_ns - now_ns <= DW_SESSION_NS)
            s->session[s->held.count++] = kept.item[i];
    }
    if (kept.bad_lines)
        dw_warn("%s: %u lines are no sessions", s->path, kept.bad_lines);
    dw_tokens_free(&kept);
    return rc;
}

int dw_sessions_open(const struct dw_fs *fs, const struct dw_clock *clock, const char *data, struct dw_sessions **ret)
{
    char dir[DW_TOKENS_PATH_CAP];
    struct dw_sessions *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    s->fs = fs;
    s->clock = clock;
    s->codes.item = s->code;
    s->held.item = s->session;
    (void)pthread_mutex_init(&s->lock, NULL);
    int rc = dw_path_join(dir, sizeof dir, data, "api");
    if (rc == DW_OK)
        rc = dw_path_join(s->path, sizeof s->path, dir, "sessions");
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(fs, dir, 0700);
    if (rc == DW_OK)
        rc = take_up(s);
    if (rc < 0)
        dw_sessions_close(s);
    else
        *ret = s;
    return rc;
}

void dw_sessions_close(struct dw_sessions *s)
{
    if (!s)
        return;
    (void)pthread_mutex_destroy(&s->lock);
    dw_free(s);
}

int dw_session_code(struct dw_sessions *s, const char *who, enum dw_role role, char ret[DW_TOKEN_TEXT], int64_t *ret_expires_ns)
{
    int64_t now_ns = dw_clock_real(s->clock);
    struct dw_token t = {.role = role, .created_ns = now_ns, .expires_ns = now_ns + DW_CODE_NS};
    DW_ASSERT(dw_token_name_ok(dw_str_of(who)));
    (void)snprintf(t.name, sizeof t.name, "%s", who);
    int rc = dw_token_make(&t, ret);
    if (rc < 0)
        return rc;
    (void)pthread_mutex_lock(&s->lock);
    make_room(&s->codes, DW_CODES_MAX, now_ns);
    s->code[s->codes.count++] = t;
    (void)pthread_mutex_unlock(&s->lock);
    *ret_expires_ns = t.expires_ns;
    return DW_OK;
}

/* Under the lock. */
static int begin(struct dw_sessions *s, struct dw_str code, struct dw_token *t, char text[DW_TOKEN_TEXT])
{
    int64_t now_ns = dw_clock_real(s->clock);
    const struct dw_token *of = dw_token_check(&s->codes, code, now_ns);
    if (!of)
        return DW_ENOENT;
    *t = (struct dw_token){.role = of->role, .created_ns = now_ns, .expires_ns = now_ns + DW_SESSION_NS};
    memcpy(t->name, of->name, sizeof t->name);
    int rc = dw_token_make(t, text);
    if (rc < 0)
        return rc;
    make_room(&s->held, DW_SESSIONS_MAX, now_ns);
    s->session[s->held.count++] = *t;
    rc = dw_tokens_write(s->fs, s->path, &s->held);
    if (rc < 0)
        s->held.count--;
    else
        drop(&s->codes, (uint32_t)(of - s->code));
    return rc;
}

int dw_session_begin(struct dw_sessions *s, struct dw_str code, struct dw_token *ret, char ret_text[DW_TOKEN_TEXT])
{
    (void)pthread_mutex_lock(&s->lock);
    int rc = begin(s, code, ret, ret_text);
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

bool dw_session_find(struct dw_sessions *s, struct dw_str text, struct dw_token *ret)
{
    (void)pthread_mutex_lock(&s->lock);
    const struct dw_token *t = dw_token_check(&s->held, text, dw_clock_real(s->clock));
    if (t)
        *ret = *t;
    (void)pthread_mutex_unlock(&s->lock);
    return t != NULL;
}

bool dw_session_holds(struct dw_sessions *s, const uint8_t hash[DW_SHA256_BYTES])
{
    int64_t now_ns = dw_clock_real(s->clock);
    bool holds = false;
    (void)pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->held.count; i++)
        holds |= memcmp(s->session[i].hash, hash, DW_SHA256_BYTES) == 0 && now_ns < s->session[i].expires_ns;
    (void)pthread_mutex_unlock(&s->lock);
    return holds;
}

int dw_session_end(struct dw_sessions *s, struct dw_str text)
{
    int rc = DW_OK;
    (void)pthread_mutex_lock(&s->lock);
    const struct dw_token *t = dw_token_check(&s->held, text, dw_clock_real(s->clock));
    if (t) {
        drop(&s->held, (uint32_t)(t - s->session));
        rc = dw_tokens_write(s->fs, s->path, &s->held);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}
