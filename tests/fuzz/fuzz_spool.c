/* Fuzz: bytes as the files of a spool that a start finds: what it keeps is sound, sent in order, and found the same by another start. */
#include "frames.h"
#include "support.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/log.h"
#include "dogwatch/transport/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes everything at once, or nothing, and checks that it comes in order. */
struct sink {
    struct dw_sender base;
    struct dw_decoder *decoder;
    bool away;
    struct dw_head last;
    uint64_t count;
};

static char dir[512], path[2][600];
static struct frames agent;
static struct dw_frame *herald;

static void remove_dir(void)
{
    temp_dir_remove(dir);
}

static void check_frame(struct sink *s, const struct dw_frame *f)
{
    struct dw_decoded got;
    int rc = dw_decode(s->decoder, dw_buf_view(&f->bytes), &got);
    DW_ASSERT(rc == DW_OK && dw_decoded_check(s->decoder, &got) == DW_OK);
    const struct dw_head *h = &f->head, *last = &s->last;
    DW_ASSERT(memcmp(h->agent, agent.chain.agent, sizeof h->agent) == 0);
    DW_ASSERT(s->count <= 1 || h->epoch.counter > last->epoch.counter || (h->epoch.counter == last->epoch.counter && h->number > last->number));
    s->last = *h;
    s->count++;
}

static int sink_send(struct dw_sender *base, struct dw_frame **frame)
{
    struct sink *s = (struct sink *)base;
    if (s->away)
        return DW_EAGAIN;
    check_frame(s, *frame);
    dw_frame_free(*frame);
    *frame = NULL;
    return DW_OK;
}

static int sink_pump(struct dw_sender *base, uint64_t *ret_acked)
{
    *ret_acked = ((struct sink *)base)->count;
    return DW_OK;
}

static const struct dw_frame *sink_waiting(const struct dw_sender *base, uint64_t i)
{
    (void)base;
    (void)i;
    DW_NEVER("nothing is ever under way");
}

static void sink_close(struct dw_sender *base)
{
    dw_free(base);
}

static const struct dw_sender_ops sink_ops = {.name = "sink", .send = sink_send, .pump = sink_pump, .waiting = sink_waiting, .close = sink_close};

static void set_up(void)
{
    frames_init(&agent);
    dw_log_setup("fuzz", DW_LOG_ERROR);
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    (void)atexit(remove_dir);
    for (int i = 0; i < 2; i++)
        (void)snprintf(path[i], sizeof path[i], "%s/%08d.frames", dir, i + 1);
    agent.chain.epoch.counter = UINT64_MAX;
    herald = frames_record(&agent, "{\"type\":\"epoch.open\"}");
}

static void put_file(const char *to, struct dw_str bytes)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    DW_ASSERT(fd >= 0);
    ssize_t n = write(fd, bytes.ptr, bytes.len);
    DW_ASSERT(n == (ssize_t)bytes.len);
    close(fd);
}

static struct dw_sender *start(struct dw_decoder *decoder, bool away, struct dw_spool_found *found)
{
    struct dw_spool_conf conf = {.fs = &dw_fs_system, .dir = dir, .limit_bytes = 1 << 20};
    struct sink *s = dw_calloc(1, sizeof *s);
    struct dw_sender *inner, *spool = NULL;
    DW_ASSERT(s);
    *s = (struct sink){.base.ops = &sink_ops, .decoder = decoder, .away = away};
    inner = &s->base;
    memcpy(conf.agent, agent.chain.agent, sizeof conf.agent);
    int rc = dw_spool_open(&conf, &inner, found, &spool);
    DW_ASSERT(rc == DW_OK);
    return spool;
}

static uint64_t mended(void)
{
    return dw_counter_get(DW_C_spool_torn) + dw_counter_get(DW_C_spool_corrupt) + dw_counter_get(DW_C_spool_tombstones);
}

/* Sends all that is there behind the first frame of this start; the spool is empty then. */
static void send_all(struct dw_decoder *decoder, const struct dw_spool_found *want)
{
    struct dw_spool_found found;
    struct dw_spool_state st;
    struct dw_sender *spool = start(decoder, false, &found);
    uint64_t acked = 0;
    struct dw_frame *f = dw_calloc(1, sizeof *f);
    DW_ASSERT(f && found.frames == want->frames && found.bytes == want->bytes);
    f->head = herald->head;
    dw_buf_str(&f->bytes, dw_buf_view(&herald->bytes));
    int rc = dw_sender_send(spool, &f);
    for (uint64_t i = 0; rc == DW_OK && i < found.frames + 2; i++)
        rc = dw_sender_pump(spool, &acked);
    dw_spool_look(spool, &st);
    DW_ASSERT(rc == DW_OK && acked == 1 && !st.on && st.bytes == 0 && st.taken == found.frames + 1);
    dw_sender_close(spool);
    for (int i = 0; i < 2; i++)
        DW_ASSERT(access(path[i], F_OK) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_decoder *decoder;
    struct dw_spool_found found;
    if (!decoder) {
        set_up();
        decoder = dw_decoder_new(agent.keys);
    }
    struct dw_str all = dw_str_make((const char *)data, size);
    size_t cut = size ? (size_t)data[0] * size / 256 : 0; /* most cuts are in the middle of a frame, as where a crash was */
    put_file(path[0], dw_str_slice(all, 0, data && data[0] == 'T' ? size : cut)); /* 'T': the first byte of a HEAD's magic; one file */
    put_file(path[1], dw_str_slice(all, data && data[0] == 'T' ? size : cut, size));
    dw_sender_close(start(decoder, true, &found));
    uint64_t before = mended();
    send_all(decoder, &found);
    DW_ASSERT(mended() == before);
    return 0;
}
