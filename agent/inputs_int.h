/*
 * The inside of the inputs: one struct input for each place that is listened at, each journal, and one for standard input.
 */
#ifndef DOGWATCH_AGENT_INPUTS_INT_H
#define DOGWATCH_AGENT_INPUTS_INT_H

#include "docker.h"
#include "input_frames.h"
#include "input_store.h"
#include "inputs.h"
#include "journal.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/conf/listen.h"
#include "dogwatch/parsers/received.h"

#include <openssl/ssl.h>

enum {
    INPUT_READ_BYTES = 16 * 1024, /* of one connection at a time: as much as a TLS record */
    INPUT_ACCEPTS = 16,           /* connections of one place at a time */
    INPUT_TOLD_MAX = 64,          /* peers of which it is remembered that their mistake was said */
    INPUTS_MAX = 64,
};
#define INPUT_HANDSHAKE_NS (10 * DW_NS_PER_S)
#define INPUT_RESTS_NS (60 * DW_NS_PER_S) /* between two words of a lack of descriptors */
#define INPUT_NOTE_NS (10 * DW_NS_PER_S) /* between two notes of one input */

/* What an input could not keep as it came, since its last note. */
struct input_losses {
    uint64_t full, full_bytes; /* datagrams without room for them */
    uint64_t kernel;           /* datagrams that the kernel had no room for */
    uint64_t cut, cut_bytes;   /* messages over inputs.message_max */
    uint64_t broken;           /* messages framed wrongly */
    uint64_t refused;          /* connections over a limit */
    uint64_t handshakes;       /* of TLS that failed */
    uint64_t gaps, missed;     /* places where entries of the journal are missing; those that a number tells of */
    uint64_t unreadable;       /* files of the journal that may not be read */
};

struct connection {
    struct connection *next, **at; /* in the list of its input */
    struct input *input;
    uv_poll_t poll;
    int fd;
    int events; /* what it waits for */
    SSL *tls;   /* NULL: plain */
    bool shaking, counted, failed, closing;
    int64_t since_ns;
    struct unframe frames;
    uint64_t host; /* a hash of its address without the port */
    char address[64], peer[DW_RECEIVED_PEER_MAX];
};

/* A place of systemd's journal (input_journal.c). */
struct journald {
    struct journal *journal;  /* NULL: to be opened */
    const char *dir;          /* NULL: those of this system */
    struct dw_buf cursor;     /* of the last entry that was put; empty: none */
    uint64_t roots;           /* which folders there were when it was opened */
    uint64_t unreadable;      /* files of it that may not be read, as was said */
    bool said, idle, skip;    /* that it cannot be opened; there was no further entry; what stands there is not to be read (start: now) */
};

struct input {
    struct inputs *in;
    struct dw_listen at; /* of a port; of others only its name */
    bool is_stdin, is_journald;
    struct journald journald;
    bool kept;           /* its socket is older than this start */
    int fd;              /* -1: closed */
    int old_flags;       /* of standard input, as it was */
    uv_poll_t poll;
    bool polled;         /* the handle is there */
    bool never_blocks;   /* standard input is a file, which no loop waits for */
    bool rests; /* there was no descriptor for a connection: whoever connects waits until the next look */
    int64_t said_rests_ns; /* when that was said; 0: never */
    struct store_log *log;
    struct dw_buf out;   /* lines that are to be written ... */
    uint64_t waiting, waiting_bytes; /* ... so many messages, and their bytes */
    struct unframe frames; /* of standard input */
    struct connection *connection;
    struct input_losses losses;
    int64_t noted_ns;
    uint32_t kernel_drops; /* as the kernel counts */
};

struct inputs {
    const struct dw_agent_options *opt;
    const struct dw_clock *clock;
    struct dw_service *service;
    struct store *store;
    uv_loop_t *loop; /* NULL: not started */
    void (*wake)(void *arg, const char *path);
    void *arg;
    SSL_CTX *tls;
    struct docker *docker; /* NULL: none */
    struct input input[INPUTS_MAX];
    uint32_t count, connections;
    size_t message_max;
    bool held;   /* there is no room: nothing is read but datagrams, which are dropped */
    bool stopped;
    bool let_go; /* of a port that was kept */
    int64_t looked_ns;
    uint64_t told[INPUT_TOLD_MAX]; /* hashes, a ring */
    uint32_t told_at;
    char *bytes; /* of one read, or of many datagrams */
};

/* inputs.c */
/* Adds a message of `peer` to what is to be written. */
void input_message(struct input *i, struct dw_str peer, struct dw_str text, uint64_t cut, bool partial, bool unterminated);
/* Says in the input's own file what is missing there, if anything is and it was not said just now. */
void input_note(struct input *i, int64_t now_ns);
/* Writes it. What cannot be written is kept; false then. */
bool input_write(struct input *i);
/* Drops what could not be written, counted. */
void input_let_go(struct input *i);
/* input_bind.c */
/* Gives the input its socket, bound; where there is no IPv6, `all` means all of IPv4. */
DW_MUST_USE int input_bind(struct input *i, int type);
/* Has the service manager keep it, once it takes what comes. */
void input_keep(const struct input *i);
/* Lets go of sockets that were kept and are no place any more. */
void input_let_go_ports(struct inputs *in);
/* Whether a mistake of this peer was not said yet; then it is remembered. */
bool input_tells(struct inputs *in, uint64_t peer);
/* Prints an address, IPv4 within IPv6 as IPv4; with its port. A hash of it without the port. */
void input_address(const struct sockaddr_storage *a, char *out, size_t cap);
uint64_t input_host(const struct sockaddr_storage *a);

/* input_udp.c */
DW_MUST_USE int udp_open(struct input *i);
void udp_read(struct input *i);
/* What the kernel dropped since it was asked last. */
void udp_count_drops(struct input *i);

/* input_tcp.c */
DW_MUST_USE int tcp_open(struct input *i);
void tcp_accept(struct input *i);
/* Lets connections read, or not. */
void tcp_hold(struct input *i, bool held);
/* Ends handshakes that take too long. */
void tcp_look(struct input *i, int64_t now_ns);
/* Reads what is there, and closes all. */
void tcp_stop(struct input *i);
void tcp_close(struct input *i);

/* input_tls.c */
DW_MUST_USE int tls_open(struct inputs *in);
/* Begins TLS on a connection; false without memory. */
bool tls_begin(struct connection *c);
/* Goes on with the handshake. 1: done, with the peer named; 0: waits, with c->events set; -1: failed, and said. */
int tls_shake(struct connection *c);
/* As read(2) into in->bytes; -1: nothing more now; 0: the end, however it came. */
ssize_t tls_read(struct connection *c);

/* input_journal.c */
DW_MUST_USE int journald_open(struct input *i, struct dw_str where);
/* Finds its place in what earlier starts wrote. */
DW_MUST_USE int journald_begin(struct input *i);
void journald_read(struct input *i);
/* Every second: opens it where it could not be opened, or anew where folders came or went. */
void journald_look(struct input *i);
void journald_close(struct input *i);

/* input_stdin.c */
DW_MUST_USE int stdin_open(struct input *i);
void stdin_read(struct input *i);
void stdin_close(struct input *i);

#endif
