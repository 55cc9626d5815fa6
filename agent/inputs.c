/*
 * inputs: what is received, from the options to lines in files.
 *
 * Idea: where there is no room, whoever can wait is not read from: connections and standard input. Datagrams cannot; they are dropped and counted. What was lost
 * is also said in the input's own file, as an event among the others (a note), so that it is archived where it is missing.
 *
 * Invariants:
 *   (1) What was read is written before anything else is read, or it is kept until it is written; only datagrams are let go.
 *   (2) A note is written at most every 10 s for an input, and never where there is no room for messages.
 */
#include "inputs_int.h"

#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { DATAGRAMS = 32 /* at a time */ };

bool input_tells(struct inputs *in, uint64_t peer)
{
    for (uint32_t i = 0; i < INPUT_TOLD_MAX; i++)
        if (in->told[i] == peer)
            return false;
    in->told[in->told_at++ % INPUT_TOLD_MAX] = peer;
    return true;
}

/* ---- messages ---- */

void input_message(struct input *i, struct dw_str peer, struct dw_str text, uint64_t cut, bool partial, bool unterminated)
{
    size_t before = i->out.len;
    size_t lost = dw_received_put(&i->out, &(struct dw_received_line){.time_ns = dw_clock_real(i->in->clock), .peer = peer, .text = text, .cut_bytes = cut,
        .partial = partial, .unterminated = unterminated});
    if (i->out.err) { /* nothing of it is there */
        DW_COUNT(inputs_dropped);
        i->out.len = before;
        i->out.err = DW_OK;
        i->losses.full++;
        i->losses.full_bytes += text.len;
        return;
    }
    cut += lost;
    DW_COUNT_IF(cut, inputs_cut);
    i->losses.cut += cut > 0;
    i->losses.cut_bytes += cut;
    i->waiting++;
    i->waiting_bytes += text.len;
}

/* Lets all who can wait read, or not. */
static void hold(struct inputs *in, bool held)
{
    if (in->held == held)
        return;
    in->held = held;
    DW_COUNT_IF(held, inputs_holds);
    for (uint32_t k = 0; k < in->count; k++)
        tcp_hold(&in->input[k], held);
}

bool input_write(struct input *i)
{
    if (i->out.len == 0)
        return true;
    if (store_put(i->log, dw_buf_view(&i->out)) < 0) {
        hold(i->in, true);
        return false;
    }
    DW_COUNT_N(inputs_messages, i->waiting);
    DW_COUNT_N(inputs_bytes, i->waiting_bytes);
    i->waiting = i->waiting_bytes = 0;
    dw_buf_reset(&i->out);
    if (!store_has_room(i->in->store))
        hold(i->in, true);
    if (i->in->wake)
        i->in->wake(i->in->arg, store_log_path(i->log));
    return true;
}

void input_let_go(struct input *i)
{
    DW_COUNT_N(inputs_dropped, i->waiting);
    i->losses.full += i->waiting;
    i->losses.full_bytes += i->waiting_bytes;
    i->waiting = i->waiting_bytes = 0;
    dw_buf_reset(&i->out);
}

static void put_loss(struct dw_buf *b, uint64_t n, const char *what)
{
    if (n)
        dw_buf_printf(b, "%s%" PRIu64 " %s", b->len ? ", " : "", n, what);
}

void input_note(struct input *i, int64_t now_ns)
{
    struct input_losses *x = &i->losses;
    struct dw_buf words = {0}, json = {0};
    if (now_ns - i->noted_ns < INPUT_NOTE_NS && i->noted_ns && !i->in->stopped)
        return;
    put_loss(&words, x->full, "messages dropped: there was no room for them (inputs.limit)");
    put_loss(&words, x->kernel, i->kept && x->kernel == i->kernel_drops ? "datagrams dropped by the kernel since the port was opened, earlier starts of the agent included"
                                                                        : "datagrams dropped by the kernel: they came faster than they were read");
    put_loss(&words, x->cut, "messages cut (inputs.message_max)");
    put_loss(&words, x->broken, "messages framed wrongly");
    put_loss(&words, x->refused, "connections refused (inputs.connections, inputs.peer_connections)");
    put_loss(&words, x->handshakes, "TLS handshakes failed");
    put_loss(&words, x->gaps, "places where entries of the journal are missing: they were removed before they were read, or may not be read");
    put_loss(&words, x->missed, "of these entries by their numbers");
    put_loss(&words, x->unreadable, "files of the journal may not be read");
    if (words.len && !words.err && store_has_room(i->in->store)) {
        dw_buf_byte(&json, '{');
        if (i->is_journald) /* each of its lines says how far it is */
            dw_buf_printf(&json, "\"__CURSOR\":\"%.*s\",", DW_ARG(dw_buf_view(&i->journald.cursor)));
        dw_buf_printf(&json, "\"event.action\":\"input.loss\",\"event.reason\":\"%.*s\",\"input.loss.messages\":%" PRIu64 ",\"input.loss.bytes\":%" PRIu64
            ",\"input.loss.kernel\":%" PRIu64 ",\"input.loss.cut_bytes\":%" PRIu64, DW_ARG(dw_buf_view(&words)), x->full, x->full_bytes, x->kernel, x->cut_bytes);
        if (i->is_journald)
            dw_buf_printf(&json, ",\"input.loss.gaps\":%" PRIu64 ",\"input.loss.missed\":%" PRIu64, x->gaps, x->missed);
        dw_buf_byte(&json, '}');
        (void)dw_received_put(&i->out, &(struct dw_received_line){.time_ns = dw_clock_real(i->in->clock), .note = true, .text = dw_buf_view(&json)});
        dw_warn("%s: %.*s", i->is_stdin ? "stdin" : i->at.name, DW_ARG(dw_buf_view(&words)));
        i->losses = (struct input_losses){0};
        i->noted_ns = now_ns;
        (void)input_write(i); /* else it is kept */
    }
    dw_buf_fini(&words);
    dw_buf_fini(&json);
}

/* ---- life ---- */

bool inputs_listens(const struct dw_agent_options *opt)
{
    return opt->inputs_syslog.count > 0;
}

static int open_place(struct inputs *in, struct dw_str text)
{
    struct input *i = &in->input[in->count];
    if (in->count == INPUTS_MAX) {
        dw_error("inputs.syslog: more than %d places", INPUTS_MAX - 1);
        return DW_ECONFIG;
    }
    *i = (struct input){.in = in, .fd = -1};
    int rc = dw_listen_parse(text, &i->at, NULL);
    in->count++;
    if (rc == DW_OK && i->at.kind == DW_LISTEN_TLS)
        rc = tls_open(in);
    else if (rc < 0)
        dw_error("inputs.syslog: '%.*s' is no place to listen at", DW_ARG(text));
    if (rc < 0)
        return rc;
    rc = i->at.kind == DW_LISTEN_UDP ? udp_open(i) : tcp_open(i);
    if (rc == DW_OK)
        input_keep(i);
    else
        dw_error("inputs.syslog: %.*s: %s%s", DW_ARG(text), dw_err_text(rc),
            rc == DW_EACCES ? " (ports below 1024 are root's, or of who has CAP_NET_BIND_SERVICE at the start)" : "");
    return rc;
}

static int open_journal(struct inputs *in, struct dw_str where)
{
    if (in->count == INPUTS_MAX - 1) {
        dw_error("inputs.journald: more than %d places in all", INPUTS_MAX - 2);
        return DW_ECONFIG;
    }
    struct input *i = &in->input[in->count++];
    *i = (struct input){.in = in, .fd = -1, .is_journald = true};
    return journald_open(i, where);
}

static int open_all(struct inputs *in)
{
    const struct dw_agent_options *o = in->opt;
    int rc = DW_OK;
    input_let_go_ports(in);
    for (uint32_t k = 0; k < o->inputs_syslog.count && rc == DW_OK; k++)
        rc = open_place(in, o->inputs_syslog.item[k]);
    for (uint32_t k = 0; k < o->inputs_journald.count && rc == DW_OK; k++)
        rc = open_journal(in, o->inputs_journald.item[k]);
    if (rc == DW_OK && o->inputs_stdin) {
        struct input *i = &in->input[in->count++];
        *i = (struct input){.in = in, .fd = -1, .is_stdin = true};
        rc = stdin_open(i);
        if (rc < 0)
            dw_error("inputs.stdin: %s", dw_err_text(rc));
    }
    return rc;
}

int inputs_open(const struct dw_agent_options *opt, struct dw_service *service, struct inputs **ret)
{
    struct inputs *in = dw_calloc(1, sizeof *in);
    if (!in)
        return DW_ENOMEM;
    in->opt = opt;
    in->service = service;
    in->clock = &dw_clock_system;
    in->message_max = (size_t)opt->inputs_message_max;
    size_t bytes = DATAGRAMS * in->message_max;
    in->bytes = dw_alloc(bytes > INPUT_READ_BYTES ? bytes : INPUT_READ_BYTES);
    int rc = in->bytes ? open_all(in) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = docker_open(opt, &in->docker);
    if (rc < 0) {
        inputs_free(in);
        return rc;
    }
    *ret = in;
    return DW_OK;
}

int inputs_begin(struct inputs *in, const char *agent_dir)
{
    char dir[AGENT_PATH_MAX];
    struct dw_stat st;
    int rc = dw_path_join(dir, sizeof dir, agent_dir, "inputs");
    if (rc < 0 || (in->count == 0 && !in->docker && dw_fs_stat(dir, &st) == DW_ENOENT)) /* nothing is received, and nothing was */
        return rc;
    rc = store_open(&dw_fs_system, agent_dir, (uint64_t)in->opt->inputs_limit, &in->store);
    for (uint32_t k = 0; k < in->count && rc == DW_OK; k++) {
        struct input *i = &in->input[k];
        rc = i->is_journald ? journald_begin(i) : DW_OK;
        if (rc == DW_OK)
            rc = store_begin(in->store, i->is_stdin ? "stdin" : i->at.name, in->count, &i->log);
    }
    if (rc == DW_OK)
        rc = docker_begin(in->docker, in->store, in->count + 1, agent_dir);
    return rc;
}

static bool takes_datagrams(const struct input *i)
{
    return !i->is_stdin && !i->is_journald && i->at.kind == DW_LISTEN_UDP;
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    struct input *i = poll->data;
    (void)status;
    (void)events;
    if (i->fd < 0)
        return;
    if (i->is_stdin)
        stdin_read(i);
    else if (i->is_journald)
        journald_read(i);
    else if (takes_datagrams(i))
        udp_read(i);
    else
        tcp_accept(i);
}

/* Standard input and new connections wait while there is no room; datagrams do not. */
static bool is_read(const struct input *i)
{
    return i->fd >= 0 && !i->rests && (!i->in->held || takes_datagrams(i));
}

static int watch(struct input *i)
{
    if (!i->polled || i->fd < 0)
        return 0;
    return is_read(i) ? uv_poll_start(&i->poll, UV_READABLE, on_input) : uv_poll_stop(&i->poll);
}

int inputs_start(struct inputs *in, uv_loop_t *loop, void (*wake)(void *arg, const char *path), void *arg)
{
    in->loop = loop;
    in->wake = wake;
    in->arg = arg;
    for (uint32_t k = 0; k < in->count; k++) {
        struct input *i = &in->input[k];
        i->poll.data = i;
        int rc = uv_poll_init(loop, &i->poll, i->fd);
        i->never_blocks = i->is_stdin && rc == UV_EPERM; /* a file */
        i->polled = rc == 0;
        if (rc == 0)
            rc = watch(i);
        if (rc != 0 && !i->never_blocks)
            return dw_err_from_errno(-rc);
        if (!i->is_stdin && !i->is_journald)
            dw_info("listening: %s", i->at.name);
    }
    docker_start(in->docker, loop, wake, arg);
    return DW_OK;
}

static void look_at(struct input *i, int64_t now_ns)
{
    if (takes_datagrams(i))
        udp_count_drops(i);
    tcp_look(i, now_ns);
    if (i->is_journald)
        journald_look(i);
    input_note(i, now_ns);
}

static void turn_one(struct input *i, bool look, int64_t now_ns)
{
    i->rests = i->rests && !look;
    if (watch(i) != 0)
        dw_error("%s: cannot be waited for", i->is_stdin ? "stdin" : i->at.name);
    if (i->never_blocks && i->fd >= 0 && !i->in->held)
        stdin_read(i);
    if (look)
        look_at(i, now_ns);
    if (i->is_journald && (look || !i->journald.idle))
        journald_read(i);
}

void inputs_turn(struct inputs *in, struct agent *a)
{
    int64_t now = dw_clock_mono(in->clock);
    if (!in->store)
        return;
    if (a)
        store_sweep(in->store, a);
    docker_turn(in->docker);
    bool kept = false, room = store_has_room(in->store);
    for (uint32_t k = 0; k < in->count && room; k++)
        kept |= !input_write(&in->input[k]);
    if (in->held && room && !kept)
        hold(in, false);
    bool look = now - in->looked_ns >= DW_NS_PER_S;
    in->looked_ns = look ? now : in->looked_ns;
    for (uint32_t k = 0; k < in->count && in->loop; k++)
        turn_one(&in->input[k], look, now);
}

bool inputs_awaits(const struct inputs *in)
{
    for (uint32_t k = 0; k < in->count; k++)
        if ((in->input[k].is_stdin && (in->input[k].fd >= 0 || in->input[k].out.len)) || (in->input[k].is_journald && !in->input[k].journald.idle))
            return true;
    return false;
}

void inputs_stop(struct inputs *in)
{
    int64_t now = dw_clock_mono(in->clock);
    if (in->stopped || !in->store)
        return;
    in->stopped = true;
    docker_stop(in->docker);
    for (uint32_t k = 0; k < in->count; k++) {
        struct input *i = &in->input[k];
        bool datagrams = takes_datagrams(i);
        if (i->is_stdin) {
            if (i->polled)
                stdin_read(i);
            stdin_close(i);
        } else if (datagrams && i->fd >= 0) {
            udp_read(i);
            udp_count_drops(i);
        } else {
            tcp_stop(i);
        }
        input_note(i, now);
        (void)input_write(i);
        if (i->polled && !uv_is_closing((uv_handle_t *)&i->poll))
            uv_close((uv_handle_t *)&i->poll, NULL);
        if (!i->is_stdin && i->fd >= 0)
            (void)close(i->fd);
        i->fd = -1;
        if (i->is_journald)
            journald_close(i);
    }
}

void inputs_close(struct inputs *in)
{
    if (!in)
        return;
    docker_stop(in->docker);
    for (uint32_t k = 0; k < in->count; k++) {
        struct input *i = &in->input[k];
        if (i->is_stdin)
            stdin_close(i);
        tcp_close(i);
        if (i->is_journald)
            journald_close(i);
        if (i->waiting) {
            dw_warn("%s: %" PRIu64 " messages could not be written at the end, and are gone", store_log_path(i->log), i->waiting);
            input_let_go(i);
        }
        if (i->polled && !uv_is_closing((uv_handle_t *)&i->poll))
            uv_close((uv_handle_t *)&i->poll, NULL);
    }
}

void inputs_free(struct inputs *in)
{
    if (!in)
        return;
    for (uint32_t k = 0; k < in->count; k++) {
        struct input *i = &in->input[k];
        if (i->fd >= 0 && !i->is_stdin)
            (void)close(i->fd);
        if (i->is_journald)
            journald_close(i);
        dw_buf_fini(&i->out);
        unframe_fini(&i->frames);
    }
    SSL_CTX_free(in->tls);
    docker_free(in->docker);
    store_free(in->store);
    dw_free(in->bytes);
    dw_free(in);
}
