/*
 * Fuzz: what outputs read back from files: a status, a line of dead letters, a journal. The first byte says which. Oracle: what is taken is written
 * and read again as it was.
 */
#include "support.h"

#include "../../collector/notify/notify_int.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void of_status(struct dw_str text)
{
    struct dw_output_status s, again;
    struct dw_buf first = {0}, second = {0};
    if (dw_output_status_read(text, &s) == DW_OK) {
        dw_output_status_write(&s, &first);
        int rc = dw_output_status_read(dw_buf_view(&first), &again);
        DW_ASSERT(rc == DW_OK);
        dw_output_status_write(&again, &second);
        DW_ASSERT(dw_str_eq(dw_buf_view(&first), dw_buf_view(&second)));
    }
    dw_buf_fini(&first);
    dw_buf_fini(&second);
}

static const char *folder(void)
{
    static char path[512];
    if (!path[0])
        (void)snprintf(path, sizeof path, "%s", temp_dir());
    return path;
}

/* A folder of its own for all inputs; the caller unlinks the file. */
static void path_in(const char *name, char out[600])
{
    (void)snprintf(out, 600, "%s/%s", folder(), name);
}

static int note_name(void *arg, const struct output_item *i) /* a line that is no UTF-8 is repaired where it is written */
{
    dw_buf_printf(arg, "%d %s %s\n", (int)i->kind, i->id, i->revision);
    return DW_OK;
}

static int note(void *arg, const struct output_item *i)
{
    dw_buf_printf(arg, "%d %s %s %.*s\n", (int)i->kind, i->id, i->revision, DW_ARG(i->line));
    return DW_OK;
}

static void of_dead(struct dw_str text)
{
    struct dw_arena arena;
    struct output_item item;
    struct output_dead d;
    struct dw_buf first = {0}, second = {0}, others = {0};
    char path[600];
    dw_arena_init(&arena, 0);
    if (dw_str_index(text, '\n') == text.len && output_dead_read(text, &arena, &item)) {
        path_in("x.dead", path);
        int rc = output_dead_open(&d, &dw_fs_system, path);
        if (rc == DW_OK)
            rc = output_dead_add(&d, &item, 0, "", DW_STR(""));
        (void)note_name(&first, &item);
        if (rc == DW_OK)
            rc = output_dead_each(&d, note_name, &second, &others);
        DW_ASSERT(rc == DW_OK && others.len == 0);
        DW_ASSERT(dw_str_eq(dw_buf_view(&first), dw_buf_view(&second)));
        output_dead_close(&d);
        (void)unlink(path);
    }
    dw_buf_fini(&first);
    dw_buf_fini(&second);
    dw_arena_fini(&arena);
}

static void put_journal(const struct output_journal *j, struct dw_buf *out)
{
    for (const struct output_item *i = j->head; i; i = i->next)
        (void)note(out, i);
    dw_buf_printf(out, "%llu %llu %s %zu", (unsigned long long)j->seen_from, (unsigned long long)j->seen, j->seen_hash, j->held_count);
}

static void of_journal(struct dw_str text)
{
    struct output_journal j;
    struct dw_buf first = {0}, second = {0}, bytes = {0};
    char path[600];
    path_in("x.queue", path);
    dw_buf_str(&bytes, DW_STR("dogwatch-output 1\n"));
    dw_buf_str(&bytes, text);
    int rc = dw_fs_write_file(&dw_fs_system, path, 0640, dw_buf_view(&bytes));
    DW_ASSERT(rc == DW_OK);
    rc = output_journal_open(&j, &dw_fs_system, path);
    if (rc == DW_OK) {
        put_journal(&j, &first);
        j.anew = true; /* written whole, and read again */
        rc = output_journal_commit(&j);
        output_journal_close(&j);
        if (rc == DW_OK)
            rc = output_journal_open(&j, &dw_fs_system, path);
        DW_ASSERT(rc == DW_OK);
        put_journal(&j, &second);
        DW_ASSERT(dw_str_eq(dw_buf_view(&first), dw_buf_view(&second)));
    }
    output_journal_close(&j);
    (void)unlink(path);
    dw_buf_fini(&first);
    dw_buf_fini(&second);
    dw_buf_fini(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str text = dw_str_make((const char *)data, size);
    if (size == 0)
        return 0;
    text = dw_str_slice(text, 1, text.len);
    if (data[0] == 's')
        of_status(text);
    else if (data[0] == 'd')
        of_dead(text);
    else if (data[0] == 'j')
        of_journal(text);
    return 0;
}
