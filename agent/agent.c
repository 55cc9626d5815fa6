/*
 * agent: everything put together, one turn at a time; the loop that turns it is agent_main.c.
 *
 * Invariants:
 *   (1) A turn never waits: for disks there is the writer.
 *   (2) Reading stops while more than memory.max of frames wait for acknowledgement; the files are the buffer.
 *   (3) No time but that of `clock`.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>
#include <unistd.h>

#define ROTATED_WAIT_NS (2 * DW_NS_PER_S)

int64_t agent_now(const struct agent *a)
{
    return a->anchor_real_ns + (dw_clock_mono(a->clock) - a->anchor_mono_ns);
}

int64_t agent_low_water(const struct agent *a)
{
    int64_t low = a->scanned ? agent_now(a) : 0; /* before the first look anything may still come */
    for (const struct tail *t = a->tail; t; t = t->next)
        if (t->state != TAIL_ENDED && !t->at_end && t->max_event_ns < low)
            low = t->max_event_ns;
    return low;
}

static void forget_taken(struct agent *a)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < a->row_count; i++)
        if (a->row[i].path)
            a->row[kept++] = a->row[i];
    a->row_count = kept;
}

int agent_keep_row(void *agent, struct checkpoint_row *row)
{
    struct agent *a = agent;
    if (a->row_count == a->row_cap)
        forget_taken(a);
    if (a->row_count == a->row_cap) {
        uint32_t cap = a->row_cap ? a->row_cap * 2 : 64;
        struct checkpoint_row *grown = dw_resize(a->row, cap * sizeof *grown);
        if (!grown)
            return DW_ENOMEM;
        a->row = grown;
        a->row_cap = cap;
    }
    a->row[a->row_count++] = *row;
    return DW_OK;
}

static int set_line_options(struct agent *a)
{
    const struct dw_conf_list *list = &a->opt->redact;
    a->redact = list->count ? 0 : 1u << DW_REDACT_CARDS;
    for (uint32_t i = 0; i < list->count; i++) {
        enum dw_redact_rule rule;
        if (dw_str_eq(list->item[i], DW_STR("none")))
            continue;
        if (!dw_redact_find(list->item[i], &rule)) {
            dw_error("redact: no such rule: %s", list->item[i].ptr);
            return DW_ECONFIG;
        }
        a->redact |= 1u << rule;
    }
    if (!dw_multiline_find(a->opt->multiline, &a->multiline) || a->multiline == DW_MULTILINE_START) {
        dw_error("multiline: no such kind: %s", a->opt->multiline.ptr);
        return DW_ECONFIG;
    }
    return DW_OK;
}

static int open_places(struct agent *a)
{
    const struct dw_agent_options *o = a->opt;
    char path[AGENT_PATH_MAX];
    int n = snprintf(a->agent_dir, sizeof a->agent_dir, "%s/agent", o->data.ptr);
    if (n < 0 || n >= (int)sizeof a->agent_dir)
        return DW_ELIMIT;
    n = o->queue_dir.len ? snprintf(a->queue_dir, sizeof a->queue_dir, "%s", o->queue_dir.ptr)
                         : snprintf(a->queue_dir, sizeof a->queue_dir, "%s/queue", o->data.ptr);
    if (n < 0 || n >= (int)sizeof a->queue_dir)
        return DW_ELIMIT;
    int rc = dw_fs_mkdirs(a->fs, a->agent_dir, 0750);
    if (rc == DW_OK)
        rc = dw_path_join(path, sizeof path, a->agent_dir, "key");
    if (rc == DW_OK)
        rc = dw_key_open(a->fs, path, &a->key);
    if (rc < 0)
        dw_error("%s: %s", a->agent_dir, dw_err_text(rc));
    return rc;
}

static int start_writer(struct agent *a, void (*wake)(void *arg), void *arg)
{
    char path[AGENT_PATH_MAX];
    struct checkpoint *c = NULL;
    struct dw_sender *s = NULL;
    int rc = dw_path_join(path, sizeof path, a->agent_dir, "checkpoint.db");
    if (rc == DW_OK)
        rc = checkpoint_open(path, &c);
    if (rc == DW_OK)
        rc = checkpoint_begin_epoch(c, &a->chain.epoch, &a->meta);
    if (rc == DW_OK)
        rc = checkpoint_rows(c, agent_keep_row, a);
    if (rc == DW_OK)
        rc = dw_dir_sender_open(a->fs, a->queue_dir, (uint64_t)a->opt->queue_max_bytes, &s);
    struct writer_conf conf = {.clock = a->clock, .checkpoint = c, .sender = s, .wake = wake, .arg = arg};
    if (rc == DW_OK)
        rc = writer_start(&conf, &a->writer);
    if (rc < 0) {
        dw_error("%s: %s", path, dw_err_text(rc));
        dw_sender_close(s);
        checkpoint_close(c);
    }
    return rc;
}

static int make_parts(struct agent *a)
{
    if (a->opt->host_name.len)
        (void)snprintf(a->host, sizeof a->host, "%s", a->opt->host_name.ptr);
    else if (gethostname(a->host, sizeof a->host - 1) != 0)
        (void)snprintf(a->host, sizeof a->host, "unknown");
    if (dw_zone_find(a->fs, a->opt->zone, &a->zone) < 0) {
        dw_error("zone: no such time zone: %s", a->opt->zone.ptr);
        return DW_ECONFIG;
    }
    a->parse.time.zone = &a->zone;
    size_t least = (size_t)DW_FRAME_LINE_MAX + DW_LINES_LOOKAHEAD + 1;
    a->chunk_cap = (size_t)a->opt->read_chunk > least ? (size_t)a->opt->read_chunk : least;
    a->chunk = dw_alloc(a->chunk_cap);
    a->more = dw_alloc(DW_LINE_PIECES_MAX * sizeof *a->more);
    a->keys = dw_keys_new();
    a->batch = a->keys ? dw_batch_new(a->keys) : NULL;
    a->encoder = dw_encoder_new(1);
    return a->chunk && a->more && a->batch && a->encoder ? DW_OK : DW_ENOMEM;
}

int agent_open(const struct dw_agent_options *opt, void (*wake)(void *arg), void *arg, struct agent **ret)
{
    struct agent *a = dw_calloc(1, sizeof *a);
    if (!a)
        return DW_ENOMEM;
    a->opt = opt;
    a->fs = &dw_fs_system;
    a->clock = &dw_clock_system;
    a->anchor_real_ns = dw_clock_real(a->clock);
    a->anchor_mono_ns = dw_clock_mono(a->clock);
    int rc = make_parts(a);
    if (rc == DW_OK)
        rc = set_line_options(a);
    if (rc == DW_OK)
        rc = open_places(a);
    if (rc == DW_OK) {
        dw_key_agent_id(dw_key_public(a->key), a->chain.agent);
        rc = start_writer(a, wake, arg);
    }
    if (rc == DW_OK)
        rc = ledger_open_epoch(a);
    if (rc < 0) {
        agent_close(a);
        return rc;
    }
    *ret = a;
    return DW_OK;
}

static struct found *find_log(const struct agent *a, const char *path)
{
    struct found *f = a->found;
    while (f && strcmp(f->path, path) != 0)
        f = f->next;
    return f;
}

bool agent_knows(const struct agent *a, const char *path)
{
    return find_log(a, path) != NULL;
}

void agent_found(struct agent *a, const struct found *seen)
{
    struct found *f = find_log(a, seen->path);
    if (!f) {
        f = dw_calloc(1, sizeof *f);
        char *path = f ? dw_strndup(seen->path, strlen(seen->path)) : NULL;
        if (!path) {
            dw_free(f);
            a->failed = DW_ENOMEM;
            return;
        }
        *f = (struct found){.path = path, .envelope = seen->envelope, .field_count = seen->field_count};
        memcpy(f->series, seen->series, sizeof f->series);
        dw_arena_init(&f->arena, 0);
        for (uint32_t i = 0; i < seen->field_count; i++) {
            struct dw_str copy = dw_arena_copy(&f->arena, dw_field_str(&seen->field[i]));
            f->field[i] = seen->field[i];
            f->field[i].v.ptr = copy.ptr ? copy.ptr : "";
            f->field[i].len = (uint32_t)copy.len;
        }
        f->next = a->found;
        a->found = f;
        a->new_logs = true;
    }
    f->seen = true;
    tails_look(a, f);
}

static void scan(struct agent *a)
{
    int64_t now = dw_clock_mono(a->clock);
    if (a->scanned && now - a->last_scan_ns < a->opt->scan_interval)
        return;
    a->last_scan_ns = now;
    discover_scan(a);
    tails_after_scan(a);
    tails_lost(a);
    a->scanned = true;
    for (struct tail *t = a->tail; t; t = t->next)
        t->dirty = true; /* the slow way, for file systems that tell nothing */
}

void agent_note(struct agent *a, const char *dir, const char *name, bool structure)
{
    size_t len = strlen(dir);
    if (structure)
        a->last_scan_ns = 0;
    for (struct tail *t = a->tail; t; t = t->next)
        if (strncmp(t->path, dir, len) == 0 && t->path[len] == '/' && (!name || strcmp(t->path + len + 1, name) == 0))
            t->dirty = true;
}

void agent_folders(struct agent *a, void (*each)(void *arg, const char *dir), void *arg)
{
    if (!a->new_logs)
        return;
    a->new_logs = false;
    for (struct found *f = a->found; f; f = f->next) {
        char dir[AGENT_PATH_MAX];
        (void)snprintf(dir, sizeof dir, "%s", f->path);
        char *slash = strrchr(dir, '/');
        if (slash && slash != dir) {
            *slash = '\0';
            each(arg, dir);
        }
    }
}

/* A stream that gave way is over once it is read, nothing waits for its successor to go on, and nobody writes to it any more. */
static bool is_over(const struct agent *a, const struct tail *t)
{
    if (t->state != TAIL_ROTATED || !t->at_end || t->before || t->carried_from != UINT64_MAX)
        return false;
    for (const struct tail *o = a->tail; o; o = o->next)
        if (o->before == t)
            return false;
    return a->opt->until_idle || agent_now(a) - t->last_growth_ns > ROTATED_WAIT_NS;
}

/* Reads a share of every file that has something. */
static int read_all(struct agent *a, bool *ret_more)
{
    for (struct tail *t = a->tail; t; t = t->next) {
        bool more = false;
        if (t->state == TAIL_ENDED || (t->at_end && !t->dirty))
            continue;
        int rc = tail_read(a, t, &more);
        if (rc < 0)
            return rc;
        *ret_more |= more;
    }
    return DW_OK;
}

static int end_rotated(struct agent *a)
{
    for (struct tail *t = a->tail; t; t = t->next) {
        bool idle = t->state != TAIL_ENDED && t->at_end && dw_lines_pending(t->lines)
            && agent_now(a) - t->last_growth_ns > a->opt->join_idle;
        if (!is_over(a, t) && !idle)
            continue;
        int rc = is_over(a, t) ? tail_end(a, t, "whole") : tail_idle(a, t);
        if (rc < 0)
            return rc;
    }
    return DW_OK;
}

/* Streams that are over and acknowledged to the last byte need no memory. */
static void drop_ended(struct agent *a)
{
    if (dw_batch_count(a->batch) || writer_pending_bytes(a->writer))
        return;
    for (struct tail **at = &a->tail; *at;) {
        struct tail *t = *at;
        if (t->state != TAIL_ENDED || t->touched || t->series->current == t) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        a->tail_count--;
        for (struct tail *o = a->tail; o; o = o->next)
            if (o->before == t)
                o->before = NULL;
        tail_free(t);
    }
}

static int send_due(struct agent *a)
{
    int64_t now = dw_clock_mono(a->clock);
    int rc = DW_OK;
    if (dw_batch_count(a->batch) && now - a->batch_since_ns >= a->opt->flush_interval)
        rc = ship_flush(a);
    if (rc == DW_OK && now - a->last_ledger_ns >= a->opt->ledger_interval) {
        a->last_ledger_ns = now;
        rc = ledger_send(a);
    }
    if (rc == DW_OK && now - a->last_beat_ns >= a->opt->heartbeat_interval) {
        a->last_beat_ns = now;
        rc = ledger_heartbeat(a);
    }
    return rc;
}

/* Everything is read: the last records. */
static int finish(struct agent *a)
{
    int rc = DW_OK;
    for (struct tail *t = a->tail; t && rc == DW_OK && a->opt->until_idle; t = t->next)
        if (t->state != TAIL_ENDED)
            rc = tail_end(a, t, t->state == TAIL_ROTATED ? "whole" : "idle");
    if (rc == DW_OK)
        rc = ledger_send(a);
    if (rc == DW_OK)
        rc = ledger_close_epoch(a);
    a->stopping = true;
    return rc;
}

static bool hold(struct agent *a)
{
    uint64_t pending = writer_pending_bytes(a->writer), max = (uint64_t)a->opt->memory_max / 2;
    bool now = a->hold ? pending > max / 2 : pending > max;
    DW_COUNT_IF(now && !a->hold, ship_holds);
    a->hold = now;
    return now;
}

int agent_turn(struct agent *a, bool *ret_more)
{
    int rc = writer_error(a->writer);
    *ret_more = false;
    if (rc < 0 || a->failed)
        return rc < 0 ? rc : a->failed;
    if (a->stopping)
        return DW_OK;
    scan(a);
    if (!hold(a))
        rc = read_all(a, ret_more);
    if (rc == DW_OK)
        rc = end_rotated(a);
    if (rc == DW_OK)
        rc = send_due(a);
    drop_ended(a);
    if (rc == DW_OK && a->opt->until_idle && !a->hold && !*ret_more)
        rc = finish(a);
    return rc == DW_OK ? a->failed : rc;
}

void agent_stop(struct agent *a)
{
    bool more = true;
    int rc = DW_OK;
    if (a->stopping)
        return;
    for (struct tail *t = a->tail; t; t = t->next)
        t->dirty = true;
    while (more && rc == DW_OK && !hold(a)) {
        more = false;
        rc = read_all(a, &more);
    }
    if (rc == DW_OK)
        rc = finish(a);
    a->failed = rc;
    a->stopping = true;
}

bool agent_done(struct agent *a)
{
    return a->stopping && writer_acked(a->writer) == a->parcels;
}

static void free_found(struct found *f)
{
    while (f) {
        struct found *next = f->next;
        dw_arena_fini(&f->arena);
        dw_free(f->path);
        dw_free(f);
        f = next;
    }
}

void agent_close(struct agent *a)
{
    if (!a)
        return;
    writer_stop(a->writer);
    while (a->tail) {
        struct tail *t = a->tail;
        a->tail = t->next;
        tail_free(t);
    }
    free_found(a->found);
    for (uint32_t i = 0; i < a->row_count; i++)
        dw_free(a->row[i].path);
    for (uint32_t i = 0; i < a->out_count; i++)
        dw_free(a->out[i].path);
    dw_free(a->row);
    dw_free(a->out);
    dw_batch_free(a->batch);
    dw_encoder_free(a->encoder);
    dw_keys_free(a->keys);
    dw_key_free(a->key);
    dw_zone_fini(&a->zone);
    dw_free(a->chunk);
    dw_free(a->more);
    dw_free(a);
}
