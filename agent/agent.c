/*
 * agent: everything put together, one turn at a time; the loop that turns it is agent_main.c.
 *
 * Invariants:
 *   (1) A turn never waits: for disks there is the writer.
 *   (2) Reading stops while more than memory.max of frames wait for acknowledgement; the files are the buffer. What is about to
 *       vanish then goes to the spool (vanish.c).
 *   (3) No time but that of `clock`.
 */
#include "agent_int.h"
#include "inputs.h"
#include "metadata.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

int64_t agent_now(const struct agent *a)
{
    return a->anchor_real_ns + (dw_clock_mono(a->clock) - a->anchor_mono_ns);
}

/* Up to when a log may be complete: writers stamp lines with the host's clock, which may have been set back since we began to count. */
static int64_t complete_to(const struct agent *a)
{
    int64_t now = agent_now(a), real = dw_clock_real(a->clock);
    return real < now ? real : now;
}

int64_t agent_low_water(const struct agent *a)
{
    int64_t low = a->scanned ? complete_to(a) : 0; /* before the first look anything may still come */
    bool kept = a->hold || a->spool.on;          /* from reading what may have been written */
    int64_t waits = low - 2 * a->opt->join_idle; /* whoever writes an older time must not hold back what others say */
    for (const struct tail *t = a->tail; t; t = t->next) {
        int64_t open = t->state != TAIL_ENDED && t->lines ? dw_lines_open_ns(t->lines) : INT64_MAX;
        if (t->state != TAIL_ENDED && (!t->at_end || (kept && t->dirty)) && t->max_event_ns < low)
            low = t->max_event_ns;
        if (open >= waits && open < low)
            low = open;
    }
    return a->put_off_low_ns < low ? a->put_off_low_ns : low;
}

static int set_formats(struct agent *a)
{
    const struct dw_conf_map *formats = &a->opt->formats;
    struct dw_buf why = {0};
    a->format = dw_calloc(formats->count + 1, sizeof *a->format);
    int rc = a->format ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i <= formats->count && rc == DW_OK; i++) {
        struct dw_str text = i < formats->count ? formats->value[i] : a->opt->format;
        rc = dw_format_option(text, &a->format[i].parser, &a->format[i].user, &why);
        if (rc < 0)
            dw_error("format '%.*s': %.*s", DW_ARG(text), DW_ARG(dw_buf_view(&why)));
    }
    dw_buf_fini(&why);
    return rc;
}

static int set_redact(struct agent *a)
{
    struct dw_buf why = {0};
    const char *option = "redact";
    int rc = dw_redact_chosen(a->opt, &a->redact, &why);
    if (rc == DW_OK)
        rc = dw_redact_own_new(a->fs, a->opt, &a->own, &option, &why);
    struct dw_str rest = dw_buf_view(&why), sentence = dw_str_cut(&rest, '\n');
    if (rc == DW_ECONFIG)
        dw_error("%s: %.*s", option, DW_ARG(sentence));
    dw_buf_fini(&why);
    return rc;
}

static int set_line_options(struct agent *a)
{
    int rc = set_redact(a);
    if (rc < 0)
        return rc;
    if (!dw_multiline_find(a->opt->multiline, &a->multiline) || a->multiline == DW_MULTILINE_START) {
        dw_error("multiline: no such kind: %s", a->opt->multiline.ptr);
        return DW_ECONFIG;
    }
    return set_formats(a);
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
        rc = dw_path_join(a->signals.path, sizeof a->signals.path, a->agent_dir, "signals.log");
    if (rc == DW_OK)
        rc = dw_path_join(path, sizeof path, a->agent_dir, "key");
    if (rc == DW_OK)
        rc = dw_key_open(a->fs, path, &a->key);
    if (rc < 0)
        dw_error("%s: %s", a->agent_dir, dw_err_text(rc));
    return rc;
}

/* Puts the spool before *sender. Its last frame is durable, whatever the checkpoint has heard of. */
static int open_spool(struct agent *a, struct dw_sender **sender)
{
    char dir[AGENT_PATH_MAX];
    struct dw_spool_conf conf = {.fs = a->fs, .dir = dir, .limit_bytes = (uint64_t)a->opt->spool_limit};
    struct checkpoint_meta *m = &a->meta;
    struct dw_sender *spool = NULL;
    memcpy(conf.agent, a->chain.agent, sizeof conf.agent);
    int rc = dw_path_join(dir, sizeof dir, a->agent_dir, "spool");
    if (rc == DW_OK)
        rc = dw_spool_open(&conf, sender, &a->spooled, &spool);
    if (rc < 0)
        return rc;
    *sender = spool;
    const struct dw_head *last = &a->spooled.last;
    uint64_t epoch = last->epoch.counter;
    if (a->spooled.frames == 0 || epoch < m->parent.counter || (epoch == m->parent.counter && last->number < m->parent_number))
        return DW_OK;
    m->parent = last->epoch;
    m->parent_number = last->number;
    memcpy(m->parent_hash, last->hash, sizeof m->parent_hash);
    return DW_OK;
}

static int open_sender(struct agent *a, struct dw_sender **ret)
{
    const struct dw_agent_options *o = a->opt;
    char id[2 * DW_AGENT_ID_BYTES + 1];
    if (o->transport == DW_TRANSPORT_DIR && o->wire == DW_WIRE_JSON) {
        dw_error("wire: json goes with transport: kafka; the dir transport carries frames");
        return DW_ECONFIG;
    }
    if (o->transport == DW_TRANSPORT_DIR)
        return dw_dir_sender_open(a->fs, a->queue_dir, (uint64_t)o->queue_max_bytes, ret);
    struct dw_kafka_conf conf = {.brokers = o->kafka_brokers, .topic = o->kafka_topic, .client = dw_str_of(a->host),
        .key = o->kafka_options.key, .value = o->kafka_options.value, .option_count = o->kafka_options.count,
        .password = o->kafka_password.bytes, .json = o->wire == DW_WIRE_JSON};
    dw_hex(a->chain.agent, DW_AGENT_ID_BYTES, id);
    int rc = dw_kafka_sender_open(&conf, dw_str_of(id), ret);
    return rc == DW_OK ? open_spool(a, ret) : rc;
}

static int start_writer(struct agent *a, void (*wake)(void *arg), void *arg)
{
    char path[AGENT_PATH_MAX];
    struct checkpoint *c = NULL;
    struct dw_sender *s = NULL;
    struct dw_stat st;
    int rc = dw_path_join(path, sizeof path, a->agent_dir, "checkpoint.db");
    if (rc == DW_OK) /* by the clock that files are stamped with */
        a->first_ns = dw_fs_stat(path, &st) == DW_OK ? st.birth_ns : dw_clock_real(&dw_clock_system);
    if (rc == DW_OK)
        rc = checkpoint_open(path, &c);
    if (rc == DW_OK)
        rc = checkpoint_begin_epoch(c, &a->chain.epoch, &a->meta);
    if (a->meta.left_ns < a->first_ns)
        a->meta.left_ns = a->first_ns; /* it was here, and came to write nothing */
    if (rc == DW_OK)
        rc = checkpoint_rows(c, rows_keep, a);
    if (rc == DW_OK)
        rc = open_sender(a, &s);
    struct writer_conf conf = {.clock = a->clock, .checkpoint = c, .sender = s, .wake = wake, .arg = arg};
    conf.spools = a->opt->transport == DW_TRANSPORT_KAFKA;
    if (rc == DW_OK)
        rc = writer_start(&conf, &a->writer);
    if (rc < 0) {
        if (rc != DW_ECONFIG) /* the transport said which option */
            dw_error("%s: %s", path, dw_err_text(rc));
        dw_sender_close(s);
        checkpoint_close(c);
    }
    return rc;
}

static void free_room(char *chunk, struct dw_batch *batch, struct dw_encoder *encoder)
{
    dw_free(chunk);
    dw_batch_free(batch);
    dw_encoder_free(encoder);
}

/* Where lines are read to and frames are made, anew; without memory what was there stays. */
static int make_room(struct agent *a)
{
    char *chunk = dw_alloc(a->chunk_cap);
    struct dw_batch *batch = dw_batch_new(a->keys);
    struct dw_encoder *encoder = dw_encoder_new(1);
    if (!chunk || !batch || !encoder) {
        free_room(chunk, batch, encoder);
        return DW_ENOMEM;
    }
    free_room(a->chunk, a->batch, a->encoder);
    a->chunk = chunk;
    a->batch = batch;
    a->encoder = encoder;
    return DW_OK;
}

void agent_give_back(struct agent *a)
{
    if (!a->tail && dw_batch_count(a->batch) == 0) {
        (void)malloc_trim(0); /* else the new room lies on pages that others had used */
        (void)make_room(a);
    }
    (void)malloc_trim(0);
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
    a->more = dw_alloc(DW_LINE_PIECES_MAX * sizeof *a->more);
    a->keys = dw_keys_new();
    return a->more && a->keys ? make_room(a) : DW_ENOMEM;
}

int agent_open(const struct dw_agent_options *opt, void (*wake)(void *arg), void *arg, struct agent **ret)
{
    struct agent *a = dw_calloc(1, sizeof *a);
    if (!a)
        return DW_ENOMEM;
    a->opt = opt;
    a->newest_fd = -1;
    a->put_off_low_ns = INT64_MAX;
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

struct found *agent_log(const struct agent *a, const char *path)
{
    for (struct dw_node *n = dw_table_find(&a->logs, hash_of_path(path)); n; n = dw_table_next(n)) {
        struct found *f = DW_ITEM(n, struct found, by_path);
        if (strcmp(f->path, path) == 0)
            return f;
    }
    return NULL;
}

bool agent_knows(const struct agent *a, const char *path)
{
    const struct found *f = agent_log(a, path);
    return f && !f->adopted;
}

bool agent_lacks(const struct agent *a, const char *path)
{
    const struct found *f = agent_log(a, path);
    return !f || f->adopted || f->unlearned;
}

static void refuse_label(const struct found *f, const char *what, struct dw_str value)
{
    DW_COUNT(labels_refused);
    dw_warn("%s: a label of its container is no %s: '%.*s'", f->path, what, DW_ARG(value));
}

/* Rules of masks that a label adds. It takes none away, so whoever starts a container hides nothing less by it. */
static uint32_t added_masks(const struct found *f, struct dw_str names)
{
    uint32_t set = 0;
    while (names.len) {
        enum dw_redact_rule rule;
        struct dw_str name = dw_str_trim(dw_str_cut(&names, ','));
        if (dw_redact_find(name, &rule))
            set |= 1u << rule;
        else if (name.len)
            refuse_label(f, "rule of masks", name);
    }
    return set;
}

static void free_own(struct found *f)
{
    if (f->own)
        dw_user_format_free(f->own->user);
    dw_free(f->own);
    f->own = NULL;
}

/* What labels ask for. One that cannot be obeyed is said, and the log is read as without it. */
static void obey_labels(const struct agent *a, struct found *f, const struct sighting *seen)
{
    struct dw_buf why = {0};
    struct dw_str format = seen->label[LABEL_FORMAT], multiline = seen->label[LABEL_MULTILINE];
    enum dw_multiline kind;
    f->signals = seen->signals;
    free_own(f);
    f->own = format.len ? dw_calloc(1, sizeof *f->own) : NULL;
    if (f->own && dw_format_option(format, &f->own->parser, &f->own->user, &why) < 0)
        free_own(f);
    dw_buf_fini(&why);
    if (format.len && !f->own)
        refuse_label(f, "format", format);
    bool joins = multiline.len && dw_multiline_find(multiline, &kind) && kind != DW_MULTILINE_START;
    kind = joins ? kind : seen->whole_lines ? DW_MULTILINE_NONE : a->multiline;
    f->multiline = kind;
    if (multiline.len && !joins)
        refuse_label(f, "kind of joining", multiline);
    f->redact = added_masks(f, seen->label[LABEL_REDACT]);
    bool was_excluded = f->excluded;
    f->excluded = a->opt->labels_exclude && dw_str_eq(seen->label[LABEL_EXCLUDE], DW_STR("true"));
    if (f->excluded && f->tail) {
        f->excluded = false; /* what is read already has an account, which would have a hole */
        refuse_label(f, "exclusion any more: it came too late", seen->label[LABEL_EXCLUDE]);
    }
    if (f->excluded && !was_excluded) {
        DW_COUNT(discover_excluded);
        dw_info("%s: not read: a label of its container says so", f->path);
    }
}

static int copy_log(const struct agent *a, struct found *f, const struct sighting *seen)
{
    obey_labels(a, f, seen);
    f->envelope = seen->envelope;
    f->received = seen->received;
    f->whole_lines = seen->whole_lines;
    f->unlearned = seen->unlearned;
    f->waits = seen->waits;
    memcpy(f->series, seen->series, sizeof f->series);
    uint64_t next = rows_next_ordinal(a, f->series); /* streams that gave way while we were away have higher ordinals than what a fresh look would count from */
    f->next_ordinal = f->next_ordinal < next ? next : f->next_ordinal;
    return fields_set(a, f, seen);
}

static void free_log(struct found *f)
{
    free_own(f);
    dw_free(f->fields);
    dw_free(f);
}

static struct found *add_log(struct agent *a, const struct sighting *seen)
{
    size_t path = strlen(seen->path) + 1;
    struct found *f = dw_calloc(1, sizeof *f + path);
    if (f)
        memcpy(f->path, seen->path, path);
    if (!f || copy_log(a, f, seen) < 0) {
        if (f)
            free_log(f);
        a->failed = DW_ENOMEM;
        return NULL;
    }
    f->last_size = -1;
    f->held_ns = INT64_MAX;
    f->next = a->found;
    a->found = f;
    dw_table_add(&a->logs, &f->by_path, hash_of_path(f->path));
    return f;
}

/* More is known now of a log that was adopted, or read without what docker or the kubelet says of it. Frames in the making name its streams by what was known. */
static void learn_log(struct agent *a, struct found *f, const struct sighting *seen)
{
    int rc = ship_flush(a);
    if (rc == DW_OK)
        rc = copy_log(a, f, seen);
    for (struct tail *t = f->tail; t; t = t->sibling) {
        if (t->stream.field && rc == DW_OK)
            rc = fields_spell(a, t);
        memset(t->parser, 0, sizeof t->parser); /* its format may be another one now */
        t->user = NULL;
        t->fixed_format = false;
        t->stale = true;
    }
    if (rc < 0)
        a->failed = rc;
}

void agent_adopt(struct agent *a, const char *path, const uint8_t *series)
{
    struct sighting seen = {.envelope = DW_ENV_AUTO};
    if (agent_log(a, path))
        return;
    seen.path = (char *)(uintptr_t)path; /* borrowed */
    memcpy(seen.series, series, sizeof seen.series);
    struct found *f = add_log(a, &seen);
    if (!f)
        return;
    f->adopted = a->restless = true;
    f->gone_ns = agent_now(a);
}

/* Whether a look brings more than the one before: the rest, or a part where there was none. */
static bool learns(const struct found *f, const struct sighting *seen)
{
    return !seen->unlearned || f->waits != seen->waits || seen->field_count + FIELDS_OWN > fields_count(f);
}

void agent_found(struct agent *a, const struct sighting *seen)
{
    struct found *f = agent_log(a, seen->path);
    if (!f)
        f = add_log(a, seen);
    else if (f->adopted || (f->unlearned && learns(f, seen)))
        learn_log(a, f, seen);
    if (!f || a->failed)
        return;
    if (f->adopted)
        f->gone_ns = 0; /* it is looked at as for the first time */
    f->adopted = false;
    if (seen->nameless)
        return; /* tails_after_scan looks at it */
    told_log(a, f);
    f->gone_ns = 0;
    f->seen = true;
    if (!f->excluded)
        tails_look(a, f);
}

/* A file that gave way and cannot be read for long: what is left of it is lost. */
static bool is_lost(const struct agent *a, const struct tail *t)
{
    return t->state == TAIL_ROTATED && tail_rare(t)->failed_ns && agent_now(a) - tail_rare(t)->failed_ns > a->opt->rotated_wait;
}

/* Whether a clock may end a line: the place where one did so last is obeyed after a crash until the checkpoint is behind it, and there is one such place. */
static bool may_cut(const struct agent *a, const struct tail *t)
{
    const struct rare *r = tail_rare(t);
    return r->cut_parcel == 0 || (!r->cut_now && writer_acked(a->writer) >= r->cut_parcel);
}

/* A stream that gave way is over once it is read, nothing waits for its successor to go on, and nobody wrote to it for a while. */
static bool is_over(const struct agent *a, struct tail *t)
{
    if (t->state != TAIL_ROTATED || !t->at_end || t->dirty || t->before || t->followers || t->carried_from != UINT64_MAX)
        return false;
    return (a->opt->until_idle || t->series->received || agent_now(a) - t->last_growth_ns > a->opt->rotated_wait) && may_cut(a, t) && !tail_changed(t);
}

/* So much waits for acknowledgement that only those with little to say are read: a flood delays itself alone. */
static bool waits_for_others(const struct agent *a, const struct tail *t)
{
    return a->crowded && t->size > tail_offset(t) && t->size - tail_offset(t) > a->chunk_cap;
}

/* A file without a name holds its disk space until it is read: it is no place to wait. */
static bool is_deleted(const struct tail *t)
{
    struct dw_stat st;
    return t->state == TAIL_ROTATED && dw_fs_fstat(t->fd, &st) == DW_OK && st.links == 0;
}

/* Whether as much of a log was read in this second as throttle.rate allows. */
static bool is_throttled(struct agent *a, const struct tail *t)
{
    struct found *f = t->series;
    if (a->opt->throttle_rate == 0 || a->read_until_ns || a->opt->until_idle)
        return false;
    uint32_t second = (uint32_t)((dw_clock_mono(a->clock) - a->anchor_mono_ns) / DW_NS_PER_S) + 1;
    if (f->second != second) {
        f->throttled = f->throttled && f->taken >= (uint64_t)a->opt->throttle_rate;
        f->second = second;
        f->taken = 0;
    }
    if (f->taken < (uint64_t)a->opt->throttle_rate || is_deleted(t))
        return false;
    if (!f->throttled)
        held_tell(a, t);
    DW_COUNT_IF(!f->throttled, throttle_logs);
    return f->throttled = true;
}

static int read_one(struct agent *a, struct tail *t, bool *ret_more)
{
    bool reads, more = false;
    if (t->series->waits)
        return DW_OK;
    int rc = vanish_reads(a, t, &reads);
    uint64_t from = tail_offset(t);
    if (rc < 0 || !reads || waits_for_others(a, t) || is_throttled(a, t))
        return rc;
    rc = tail_read(a, t, &more);
    t->series->taken += tail_offset(t) - from;
    *ret_more |= more;
    return rc;
}

/* Reads a share of every file that has something. */
static int read_all(struct agent *a, bool *ret_more)
{
    for (struct tail *t = a->tail; t; t = t->next) {
        if (t->state == TAIL_ENDED && t->dirty) {
            t->dirty = false;
            if (t->end == STREAM_ENDED && tail_changed(t))
                tail_reopen(a, t);
        }
        if (t->state == TAIL_ENDED || (t->at_end && !t->dirty))
            continue;
        int rc = read_one(a, t, ret_more);
        if (rc < 0)
            return rc;
    }
    return DW_OK;
}

/* A line waits for a part that nobody writes. Where there is more to read, here or in the file that follows, the part may be there: a
 * backlog is old when it is opened, and we may have been kept from reading. */
static bool is_idle(const struct agent *a, const struct tail *t)
{
    int64_t since = t->last_fed_ns > t->last_growth_ns ? t->last_fed_ns : t->last_growth_ns;
    return t->state != TAIL_ENDED && t->at_end && !t->dirty && !t->followers && t->lines && dw_lines_pending(t->lines)
        && agent_now(a) - since > a->opt->join_idle && may_cut(a, t);
}

static int end_rotated(struct agent *a)
{
    for (struct tail *t = a->tail; t; t = t->next) {
        bool over = is_over(a, t);
        int rc = over ? tail_end(a, t, "whole") : is_lost(a, t) ? tail_end(a, t, "lost") : is_idle(a, t) ? tail_idle(a, t) : DW_OK;
        if (rc < 0)
            return rc;
    }
    return DW_OK;
}

/* Whether a stream that is over needs no memory: it is acknowledged to the last byte, and the checkpoint has its end, without which a start would look for a file of which we had the last
 * descriptor. The last of a log is looked at until the log is forgotten, wherever its file was moved to; but a deleted file would hold its disk space. */
static bool is_done_with(const struct agent *a, const struct tail *t, uint64_t saved)
{
    const struct found *f = t->series;
    bool kept = f->current == t && !t->deleted && (!f->gone_ns || agent_now(a) - f->gone_ns < a->opt->forget_after);
    return t->state == TAIL_ENDED && !kept && !t->touched && t->carried_from == UINT64_MAX && tail_rare(t)->end_parcel <= saved;
}

static void drop_ended(struct agent *a)
{
    uint64_t saved = writer_saved(a->writer);
    for (struct tail *t = a->tail, *next; t; t = next) {
        next = t->next;
        if (!is_done_with(a, t, saved))
            continue;
        if (t->end == STREAM_ENDED && tail_changed(t)) /* the last look before it is closed */
            tail_reopen(a, t);
        else
            tails_drop(a, t);
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
    int64_t beat = a->spool.on ? a->opt->ledger_interval : a->opt->heartbeat_interval; /* nobody hears it at once */
    bool heard = writer_acked(a->writer) >= a->beat_parcel; /* more of them would say nothing, and wait in memory without end */
    if (rc == DW_OK && now - a->last_beat_ns >= beat && heard && !a->spool_full) {
        a->last_beat_ns = now;
        rc = ledger_heartbeat(a);
        a->beat_parcel = a->parcels;
    }
    return rc;
}

/* How a stream ends with the agent; NULL: it goes on at the next start. */
static const char *last_word(const struct agent *a, struct tail *t)
{
    if (t->state == TAIL_ENDED)
        return NULL;
    if (tail_rare(t)->failed_ns)
        return a->opt->until_idle || t->state == TAIL_ROTATED ? "lost" : NULL;
    if (a->opt->until_idle)
        return t->state == TAIL_ROTATED ? "whole" : "idle";
    /* A deleted file cannot be found again: what was there is read, and whether more would have come nobody can know. */
    return t->at_end && !tail_changed(t) && t->deleted ? "unknown" : NULL;
}

/* Everything is read: the last records. */
static int finish(struct agent *a)
{
    int rc = DW_OK;
    for (struct tail *t = a->tail; t && rc == DW_OK; t = t->next) {
        const char *word = last_word(a, t);
        rc = word ? tail_end(a, t, word) : DW_OK;
        if (rc == DW_OK && word && t->state != TAIL_ENDED && tail_rare(t)->failed_ns) /* now that its end was to be read */
            rc = tail_end(a, t, "lost");
    }
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
    a->crowded = pending > max / 2;
    return now;
}

/* Lines of the time that comes twice are late for correlations that have passed it: that is said, once for each step. */
static void look_at_clock(struct agent *a)
{
    int64_t back = agent_now(a) - dw_clock_real(a->clock), since = back - a->apart_ns;
    char more[64];
    if (since > DW_NS_PER_S || since < -DW_NS_PER_S) {
        (void)snprintf(more, sizeof more, "by %+.1f s", -(double)since / DW_NS_PER_S);
        signal_put(a, SIGNAL_CLOCK, NULL, more);
        a->apart_ns = back;
    }
    if (back - a->set_back_ns > DW_NS_PER_S)
        dw_warn("the clock was set back by %.1f s: correlations may miss lines until it has caught up", (double)(back - a->set_back_ns) / DW_NS_PER_S);
    a->set_back_ns = back > a->set_back_ns + DW_NS_PER_S || back < a->set_back_ns ? back : a->set_back_ns;
}

int agent_turn(struct agent *a, bool *ret_more)
{
    int rc = writer_error(a->writer);
    *ret_more = false;
    if (rc < 0 || a->failed)
        return rc < 0 ? rc : a->failed;
    look_at_clock(a);
    vanish_look(a);
    if (a->stopping)
        return DW_OK;
    a->all_due |= metadata_turn(a->metadata);
    rc = a->read_until_ns ? DW_OK : scan(a);
    scan_stir_noted(a);
    if (rc == DW_OK && !hold(a))
        rc = read_all(a, ret_more);
    if (rc == DW_OK)
        rc = end_rotated(a);
    if (rc == DW_OK)
        rc = send_due(a);
    drop_ended(a);
    tails_rest(a);
    if (a->inputs)
        inputs_turn(a->inputs, a);
    bool awaits = (a->inputs && inputs_awaits(a->inputs)) || ((a->put_off || a->waits) && !a->read_until_ns);
    bool idle = !awaits && !a->hold && !*ret_more && !(a->opt->until_idle && a->spool.on), late = a->read_until_ns && dw_clock_mono(a->clock) >= a->read_until_ns;
    if (rc == DW_OK && (late || (idle && (a->opt->until_idle || a->read_until_ns))))
        rc = finish(a);
    return rc == DW_OK ? a->failed : rc;
}

bool agent_waits(const struct agent *a)
{
    bool under_way = writer_acked(a->writer) < a->parcels || a->spool.on; /* what is about to vanish may have to be let go meanwhile */
    return dw_batch_count(a->batch) || under_way || a->hold || a->opt->until_idle || a->read_until_ns || a->all_due || a->some_due;
}

void agent_stop(struct agent *a, int64_t read_ns, const char *why)
{
    if (a->read_until_ns)
        return;
    signal_put(a, SIGNAL_STOPPED, NULL, why);
    a->read_until_ns = dw_clock_mono(a->clock) + read_ns + 1;
    tails_wake_changed(a);
    for (struct tail *t = a->tail; t; t = t->next)
        t->dirty = true;
}

bool agent_done(struct agent *a)
{
    return a->stopping && writer_acked(a->writer) == a->parcels && !(a->opt->until_idle && a->spool.on);
}

void agent_forget_log(struct agent *a, struct found **at)
{
    struct found *f = *at;
    *at = f->next;
    told_forget(a, f);
    dw_table_remove(&a->logs, &f->by_path);
    free_log(f);
}

static void free_tails(struct tail *t)
{
    while (t) {
        struct tail *next = t->next;
        tail_free(t);
        t = next;
    }
}

void agent_close(struct agent *a)
{
    if (!a)
        return;
    writer_stop(a->writer);
    free_tails(a->tail);
    free_tails(a->resting);
    while (a->found)
        agent_forget_log(a, &a->found);
    while (a->known)
        rows_drop(a, a->known);
    dw_table_fini(&a->logs);
    told_close(a);
    dw_table_fini(&a->tails_by_file);
    dw_table_fini(&a->known_by_file);
    dw_table_fini(&a->known_by_series);
    folder_close(&a->folder);
    for (uint32_t i = 0; i < a->out_count; i++)
        dw_free(a->out[i].path);
    dw_free(a->out);
    free_room(a->chunk, a->batch, a->encoder);
    dw_keys_free(a->keys);
    dw_key_free(a->key);
    dw_zone_fini(&a->zone);
    for (uint32_t i = 0; a->format && i <= a->opt->formats.count; i++)
        dw_user_format_free(a->format[i].user);
    dw_free(a->format);
    dw_redact_own_free(a->own);
    dw_free(a->more);
    dw_free(a);
}
