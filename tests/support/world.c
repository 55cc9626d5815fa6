/*
 * world: an archive in a temporary folder and the agent whose frames go into it.
 */
#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void world_open(struct world *w)
{
    struct dw_archive_conf conf = {.fs = &dw_fs_system, .clock = &dw_clock_system, .dir = w->dir, .keys = w->keys,
        .segment_max_bytes = 1 << 20};
    assert_int_equal(dw_archive_open(&conf, &w->archive), DW_OK);
}

void world_init(struct world *w)
{
    *w = (struct world){0};
    (void)snprintf(w->dir, sizeof w->dir, "%s", temp_dir());
    frames_init(&w->agent);
    w->keys = dw_keys_new();
    w->decoder = dw_decoder_new(w->keys);
    world_open(w);
}

void world_fini(struct world *w)
{
    dw_archive_close(w->archive);
    dw_decoder_free(w->decoder);
    dw_keys_free(w->keys);
    frames_fini(&w->agent);
    dw_buf_fini(&w->text);
    temp_dir_remove(w->dir);
}

void world_append(struct world *w, struct dw_frame *f, const uint8_t *mark)
{
    struct dw_intake in = {.arrival_ns = 1000, .source = 1, .offset = w->offset, .next = w->offset + f->bytes.len};
    w->offset = in.next;
    assert_int_equal(dw_archive_append(w->archive, dw_buf_view(&f->bytes), &f->head, mark, &in), DW_OK);
    dw_frame_free(f);
}

void world_open_epoch(struct world *w)
{
    char hex[65], json[200];
    dw_hex(dw_key_public(w->agent.key), 32, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"public_key\":\"%s\"}", hex);
    world_append(w, frames_record(&w->agent, json), NULL);
}

/* Appends n event frames of `events` lines each, signed every third. */
void world_append_events(struct world *w, uint32_t n, uint32_t events)
{
    for (uint32_t i = 0; i < n; i++) {
        frames_fill(&w->agent, events);
        for (uint32_t k = 0; k < events; k++) {
            dw_buf_str(&w->text, dw_batch_event(w->agent.batch, k)->line);
            dw_buf_byte(&w->text, '\n');
        }
        world_append(w, frames_encode(&w->agent, i % 3 == 0), NULL);
    }
    assert_int_equal(dw_archive_sync(w->archive), DW_OK);
}

void world_reads_back(struct world *w, uint64_t frames)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    struct dw_buf text = {0};
    uint64_t n = 0;
    assert_int_equal(dw_archive_reader_open(&dw_fs_system, w->dir, w->keys, &r), DW_OK);
    int rc;
    for (; (rc = dw_archive_reader_next(r, &a)) == DW_OK; n++) {
        assert_int_equal(a.intake.number, n);
        dw_buf_str(&text, a.frame.sections.text);
    }
    assert_int_equal(rc, DW_EAGAIN);
    assert_int_equal(n, frames);
    assert_int_equal(text.len, w->text.len);
    assert_memory_equal(text.ptr, w->text.ptr, text.len);
    dw_buf_fini(&text);
    dw_archive_reader_close(r);
}

static void note_problem(void *arg, const char *text)
{
    struct dw_buf *all = arg;
    dw_buf_str(all, dw_str_of(text));
    dw_buf_byte(all, '\n');
}

struct dw_verify_result world_verify(struct world *w, struct dw_buf *problems)
{
    struct dw_verify_result result;
    struct dw_verify v = {.fs = &dw_fs_system, .dir = w->dir, .problem = note_problem, .arg = problems};
    assert_int_equal(dw_archive_verify(&v, &result), DW_OK);
    return result;
}

void world_is_sound(struct world *w)
{
    struct dw_buf problems = {0};
    struct dw_verify_result r = world_verify(w, &problems);
    assert_str(dw_buf_view(&problems), "");
    assert_int_equal(r.problems, 0);
    assert_true(r.signatures > 0);
    dw_buf_fini(&problems);
}

void world_names(struct world *w, const char *what)
{
    struct dw_buf problems = {0};
    struct dw_verify_result r = world_verify(w, &problems);
    assert_true(r.problems > 0);
    if (dw_str_find(dw_buf_view(&problems), dw_str_of(what)) >= problems.len)
        fail_msg("want \"%s\" in: %.*s", what, DW_ARG(dw_buf_view(&problems)));
    dw_buf_fini(&problems);
}

void world_flip(const char *dir, const char *file, long at, long from_end)
{
    char path[700];
    (void)snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    off_t end = lseek(fd, 0, SEEK_END), where = from_end ? end - from_end : at;
    char c;
    assert_int_equal(pread(fd, &c, 1, where), 1);
    c = (char)(c ^ 0x20);
    assert_int_equal(pwrite(fd, &c, 1, where), 1);
    close(fd);
}
