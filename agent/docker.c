/*
 * docker: events of docker, and what each container that begins may do.
 *
 * Idea: dockerd remembers its last 256 events, so whatever breaks (our connection, our store, we ourselves) is mended by asking again from the last event on; those that we have are
 * known by docker_past.c. Nobody can be held back: dockerd drops what a slow reader does not take. Where there is no room the connection is closed and made anew afterwards.
 *
 * Invariants:
 *   (1) An event is written before it is remembered: it may come twice after a kill, and is never passed over.
 *   (2) When the answer to `since` does not begin with an event that we have, something is missing between: that is said in the file, as an event, and counted.
 *   (3) Whatever docker does, no more is kept of it than one unfinished line, one answer of INSPECT_MAX, and INSPECTS ids.
 */
#include "docker.h"

#include "agent_int.h"
#include "docker_inspect.h"
#include "docker_past.h"
#include "http_call.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/parsers/received.h"

#include <inttypes.h>
#include <stdio.h>

enum { INSPECTS = 256, INSPECT_MAX = 4 * 1024 * 1024, PENDING_MAX = 1024 * 1024, OK_STATUS = 200 };
#define HEAD_NS (10 * DW_NS_PER_S)
#define INSPECT_NS (10 * DW_NS_PER_S)
#define AGAIN_MIN_NS DW_NS_PER_S
#define AGAIN_MAX_NS (30 * DW_NS_PER_S)
#define OVERLAP_NS DW_NS_PER_S       /* events may have been given to us in another order than that of their times */
#define REMEMBERS_NS (2 * DW_NS_PER_S) /* in which docker gives what it remembers */

struct docker {
    /* set once */
    const struct dw_agent_options *opt;
    struct http_place place;
    struct store *store;
    struct store_log *log;
    uv_loop_t *loop; /* NULL: not started, or stopped */
    void (*wake)(void *arg, const char *path);
    void *arg;
    size_t line_max;
    /* loop thread */
    struct past past;
    struct http_call *events, *inspect;
    int64_t again_ns, delay_ns; /* not before; and as long the next time */
    int64_t answers_ns;         /* since when this connection gives events; 0: it does not yet */
    bool checks;                /* the last event that we have did not come again yet */
    bool lists;                 /* all containers that run are to be looked at */
    bool said;                  /* that there is no docker */
    bool said_inspect, said_past;
    struct dw_buf line;         /* unfinished ... */
    uint64_t cut;               /* ... and so many bytes of it left out */
    char id[INSPECTS][DOCKER_ID_MAX + 1]; /* to be inspected: a ring */
    uint32_t id_at, id_count;
    bool listing;               /* the inspect in hand is the list */
    struct dw_buf answer;
    struct dw_buf out;          /* lines that could not be written yet */
};

int docker_open(const struct dw_agent_options *opt, struct docker **ret)
{
    *ret = NULL;
    if (!opt->docker_socket.len)
        return DW_OK;
    struct docker *d = dw_calloc(1, sizeof *d);
    if (!d)
        return DW_ENOMEM;
    d->opt = opt;
    d->past.fd = -1;
    d->line_max = (size_t)opt->inputs_message_max;
    int rc = http_place_unix(&d->place, opt->docker_socket);
    if (rc < 0) {
        dw_error("docker.socket: %s: too long a path for a socket", opt->docker_socket.ptr);
        dw_free(d);
        return DW_ECONFIG;
    }
    *ret = d;
    return DW_OK;
}

int docker_begin(struct docker *d, struct store *store, uint32_t share, const char *agent_dir)
{
    char path[AGENT_PATH_MAX];
    if (!d)
        return DW_OK;
    d->store = store;
    int rc = dw_path_join(path, sizeof path, agent_dir, "docker.past");
    if (rc == DW_OK)
        rc = store_begin(store, "docker", share, &d->log);
    if (rc < 0)
        return rc;
    int lost = past_open(&d->past, &dw_fs_system, path);
    if (lost < 0)
        dw_warn("%s: %s: events of docker may come twice after a start", path, dw_err_text(lost));
    d->lists = past_newest(&d->past) == NULL;
    return DW_OK;
}

/* ---- writing ---- */

/* Writes what waits; false: it still does. */
static bool write_out(struct docker *d)
{
    if (d->out.len == 0)
        return true;
    if (!store_has_room(d->store) || store_put(d->log, dw_buf_view(&d->out)) < 0)
        return false;
    dw_buf_reset(&d->out);
    int rc = past_save(&d->past);
    if (rc < 0 && !d->said_past)
        dw_warn("%s: %s: events of docker may come twice after a start", d->past.path, dw_err_text(rc));
    d->said_past |= rc < 0;
    if (d->wake)
        d->wake(d->arg, store_log_path(d->log));
    return true;
}

/* Adds a line; false: there is no memory for it, and nothing of it is there. */
static bool put(struct docker *d, struct dw_str text, uint64_t cut, bool note)
{
    size_t before = d->out.len;
    size_t lost = dw_received_put(&d->out, &(struct dw_received_line){.time_ns = dw_clock_real(&dw_clock_system), .note = note, .text = text, .cut_bytes = cut});
    if (d->out.err) {
        d->out.len = before;
        d->out.err = DW_OK;
        return false;
    }
    DW_COUNT_IF(cut + lost, inputs_cut);
    return true;
}

/* What docker may have told between two times, it tells nobody any more. */
static void declare_gap(struct docker *d, int64_t to_ns)
{
    struct dw_buf json = {0};
    d->checks = false;
    d->lists = true;
    DW_COUNT(docker_gaps);
    dw_buf_str(&json, DW_STR("{\"event.action\":\"docker.gap\",\"event.reason\":\"docker does not remember the last event that the agent has: it was started again, or had more than 256 since\",\"docker.gap.from\":\""));
    dw_time_text(&json, past_newest(&d->past)->time_ns);
    dw_buf_str(&json, DW_STR("\",\"docker.gap.to\":\""));
    dw_time_text(&json, to_ns);
    dw_buf_str(&json, DW_STR("\"}"));
    if (!json.err)
        (void)put(d, dw_buf_view(&json), 0, true);
    dw_warn("%s: events of docker may be missing: it does not remember the last one that was read", d->opt->docker_socket.ptr);
    dw_buf_fini(&json);
}

/* ---- inspecting ---- */

static void want_inspect(void *arg, struct dw_str id)
{
    struct docker *d = arg;
    for (uint32_t i = 0; i < d->id_count; i++)
        if (dw_str_eq(id, dw_str_of(d->id[(d->id_at + i) % INSPECTS])))
            return;
    if (d->id_count == INSPECTS) {
        DW_COUNT(docker_inspects_failed);
        return;
    }
    char *to = d->id[(d->id_at + d->id_count++) % INSPECTS];
    memcpy(to, id.ptr, id.len);
    to[id.len] = '\0';
}

static void on_inspect_head(void *arg, int status)
{
    (void)arg;
    (void)status;
}

static int on_inspect_body(void *arg, struct dw_str bytes)
{
    struct docker *d = arg;
    if (d->answer.len + bytes.len > INSPECT_MAX)
        return DW_ELIMIT;
    dw_buf_str(&d->answer, bytes);
    return d->answer.err ? DW_ENOMEM : DW_OK;
}

static void inspect_failed(struct docker *d, int rc, int status, const char *why)
{
    DW_COUNT(docker_inspects_failed);
    if (!d->said_inspect && status != 404) /* one that is gone already is nothing to speak of */
        dw_warn("%s: a container could not be inspected: %s (status %d)", d->opt->docker_socket.ptr, why ? why : dw_err_text(rc), status);
    d->said_inspect |= status != 404;
}

static void on_inspect_end(void *arg, int rc, int status, const char *why)
{
    struct docker *d = arg;
    struct dw_buf doc = {0};
    uint32_t cut = 0;
    http_call_free(&d->inspect);
    if (rc == DW_OK && status == OK_STATUS && d->listing) {
        docker_list_ids(dw_buf_view(&d->answer), INSPECTS, want_inspect, d);
    } else if (rc == DW_OK && status == OK_STATUS && docker_inspect_put(dw_buf_view(&d->answer), dw_clock_real(&dw_clock_system), &doc, &cut) == DW_OK) {
        DW_COUNT_N(docker_inspects_cut, cut);
        bool kept = put(d, dw_buf_view(&doc), 0, false);
        DW_COUNT_IF(kept, docker_inspects);
        DW_COUNT_IF(!kept, docker_inspects_failed);
    } else {
        inspect_failed(d, rc == DW_OK && status == OK_STATUS ? DW_ESYNTAX : rc, status, why);
    }
    dw_buf_fini(&doc);
    dw_buf_fini(&d->answer);
    d->listing = false;
    (void)write_out(d); /* else at the next turn */
}

static void inspect_next(struct docker *d)
{
    char target[DOCKER_ID_MAX + 32] = "/containers/json";
    if (d->inspect || !d->answers_ns || (!d->lists && d->id_count == 0) || d->out.len)
        return;
    d->listing = d->lists;
    d->lists = false;
    if (!d->listing) {
        (void)snprintf(target, sizeof target, "/containers/%s/json", d->id[d->id_at]);
        d->id_at = (d->id_at + 1) % INSPECTS;
        d->id_count--;
    }
    struct http_call_conf conf = {.place = &d->place, .loop = d->loop, .target = target, .head_ns = INSPECT_NS, .whole_ns = INSPECT_NS, .arg = d,
        .head = on_inspect_head, .body = on_inspect_body, .end = on_inspect_end};
    int rc = http_call_begin(&conf, &d->inspect);
    if (rc < 0)
        inspect_failed(d, rc, 0, NULL);
}

/* ---- events ---- */

static void hang_up(struct docker *d)
{
    http_call_free(&d->events);
    dw_buf_reset(&d->line);
    d->cut = 0;
    d->answers_ns = 0;
    d->again_ns = dw_clock_mono(&dw_clock_system) + d->delay_ns;
    d->delay_ns = d->delay_ns * 2 < AGAIN_MAX_NS ? d->delay_ns * 2 : AGAIN_MAX_NS;
}

/* False: there is no memory for it; it is not remembered, so it comes again. */
static bool on_event(struct docker *d, struct dw_str line, uint64_t cut)
{
    struct docker_event e;
    uint64_t hash = past_hash(line);
    docker_event_look(line, &e);
    int64_t time_ns = e.time_ns ? e.time_ns : dw_clock_real(&dw_clock_system);
    if (past_has(&d->past, hash)) {
        DW_COUNT(docker_events_repeated);
        d->checks = false;
        return true;
    }
    if (d->checks)
        declare_gap(d, time_ns);
    if (!put(d, line, cut, false))
        return false;
    DW_COUNT(docker_events);
    past_add(&d->past, time_ns, hash);
    if (e.id[0])
        want_inspect(d, dw_str_of(e.id));
    return true;
}

/* Takes whole lines; of one that is too long its head is kept. */
static int on_body(void *arg, struct dw_str bytes)
{
    struct docker *d = arg;
    while (bytes.len) {
        size_t n = dw_str_index(bytes, '\n');
        bool whole = n < bytes.len;
        size_t room = d->line_max - d->line.len, fits = n < room ? n : room;
        dw_buf_str(&d->line, dw_str_slice(bytes, 0, fits));
        d->cut += n - fits;
        bytes = dw_str_slice(bytes, n + whole, bytes.len);
        if (d->line.err)
            return DW_ENOMEM;
        if (!whole)
            break;
        struct dw_str line = dw_str_trim(dw_buf_view(&d->line));
        if (line.len && !on_event(d, line, d->cut))
            return DW_ENOMEM;
        dw_buf_reset(&d->line);
        d->cut = 0;
    }
    return write_out(d) || d->out.len < PENDING_MAX ? DW_OK : DW_ENOSPC;
}

static void on_head(void *arg, int status)
{
    struct docker *d = arg;
    if (status != OK_STATUS)
        return;
    d->answers_ns = dw_clock_mono(&dw_clock_system);
    d->delay_ns = AGAIN_MIN_NS;
    if (d->said)
        dw_info("%s: docker answers again", d->opt->docker_socket.ptr);
    d->said = false;
}

static void cannot(struct docker *d, int rc, int status, const char *why)
{
    DW_COUNT(docker_disconnects);
    if (!d->said && status != OK_STATUS)
        dw_warn("%s: docker's events cannot be read: %s%s; it is asked again", d->opt->docker_socket.ptr,
            status ? "it refuses" : why ? why : rc == DW_EAGAIN ? "nobody listens there" : dw_err_text(rc),
            rc == DW_EACCES ? " (the agent's user must be in the socket's group: docs/reference/docker.md)" : "");
    d->said |= status != OK_STATUS;
}

static void on_end(void *arg, int rc, int status, const char *why)
{
    struct docker *d = arg;
    cannot(d, rc, d->answers_ns ? OK_STATUS : status, why);
    hang_up(d);
}

static void ask_events(struct docker *d)
{
    char target[96] = "/events";
    const struct past_event *newest = past_newest(&d->past);
    int64_t since = newest && newest->time_ns > OVERLAP_NS ? newest->time_ns - OVERLAP_NS : 0;
    d->checks = newest != NULL;
    if (newest || d->opt->start == DW_START_BEGINNING)
        (void)snprintf(target, sizeof target, "/events?since=%" PRId64 ".%09" PRId64, since / DW_NS_PER_S, since % DW_NS_PER_S);
    struct http_call_conf conf = {.place = &d->place, .loop = d->loop, .target = target, .head_ns = HEAD_NS, .arg = d, .head = on_head, .body = on_body, .end = on_end};
    int rc = http_call_begin(&conf, &d->events);
    if (rc < 0) {
        cannot(d, rc, 0, NULL);
        hang_up(d);
    }
}

/* ---- life ---- */

void docker_start(struct docker *d, uv_loop_t *loop, void (*wake)(void *arg, const char *path), void *arg)
{
    if (!d)
        return;
    d->loop = loop;
    d->wake = wake;
    d->arg = arg;
    d->delay_ns = AGAIN_MIN_NS;
}

void docker_turn(struct docker *d)
{
    int64_t now = dw_clock_mono(&dw_clock_system);
    if (!d || !d->loop)
        return;
    if (!write_out(d) && d->events) {
        hang_up(d); /* docker would drop what is not taken, without a word: it is asked for it again */
        DW_COUNT(inputs_holds);
    }
    if (d->checks && d->answers_ns && now - d->answers_ns > REMEMBERS_NS) {
        declare_gap(d, dw_clock_real(&dw_clock_system));
        (void)write_out(d); /* else at the next turn */
    }
    if (d->events)
        http_call_look(d->events, now);
    else if (now >= d->again_ns && d->out.len == 0 && store_has_room(d->store))
        ask_events(d);
    if (d->inspect)
        http_call_look(d->inspect, now);
    inspect_next(d);
}

void docker_stop(struct docker *d)
{
    if (!d || !d->loop)
        return;
    (void)write_out(d);
    http_call_free(&d->events);
    http_call_free(&d->inspect);
    DW_COUNT_N(docker_inspects_failed, d->id_count);
    d->loop = NULL;
}

void docker_free(struct docker *d)
{
    if (!d)
        return;
    past_close(&d->past);
    dw_buf_fini(&d->line);
    dw_buf_fini(&d->answer);
    dw_buf_fini(&d->out);
    dw_free(d);
}
