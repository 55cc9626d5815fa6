/* Fuzz: bytes as a sealed segment, as the TABLE of one, and as an open segment, read and recovered. */
#include "sealed.h"
#include "support.h"

#include "dogwatch/store/archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAMES_MAX = 20000 };

static char dir[512], manifest_dir[600], rejected_dir[700], sealed_path[600], open_path[700], manifest_path[700];
static struct dw_buf base, manifest; /* a good segment's blocks; the MANIFEST that names an open segment */

static void remove_dir(void)
{
    temp_dir_remove(dir);
}

static void put_file(const char *path, struct dw_str bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    DW_ASSERT(fd >= 0);
    ssize_t n = write(fd, bytes.ptr, bytes.len);
    DW_ASSERT(n == (ssize_t)bytes.len);
    close(fd);
}

static void set_up(void)
{
    char made[600];
    size_t table;
    struct dw_archive *a;
    struct dw_keys *keys = dw_keys_new();
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    (void)atexit(remove_dir);
    (void)snprintf(made, sizeof made, "%s/made", dir);
    (void)snprintf(sealed_path, sizeof sealed_path, "%s/sealed", dir);
    (void)snprintf(manifest_dir, sizeof manifest_dir, "%s/archive", dir);
    (void)snprintf(open_path, sizeof open_path, "%s/seg-00000001.open", manifest_dir);
    (void)snprintf(rejected_dir, sizeof rejected_dir, "%s/rejected", manifest_dir);
    (void)snprintf(manifest_path, sizeof manifest_path, "%s/MANIFEST", manifest_dir);
    sealed_make(made, &base, &table, NULL);
    base.len = table;
    struct dw_archive_conf conf = {.fs = &dw_fs_system, .clock = &dw_clock_system, .dir = manifest_dir, .keys = keys};
    int rc = dw_archive_open(&conf, &a);
    DW_ASSERT(rc == DW_OK);
    dw_archive_close(a);
    rc = dw_fs_read_file(&dw_fs_system, manifest_path, 1 << 20, &manifest);
    DW_ASSERT(rc == DW_OK);
    dw_keys_free(keys);
}

/* Reads to the end: an error is given once and passed over, so the end comes. Gives how many frames were good. */
static unsigned read_all(struct dw_archive_reader *r)
{
    struct dw_archived a;
    unsigned good = 0;
    int rc = DW_OK;
    for (unsigned n = 0; n < FRAMES_MAX && rc != DW_EAGAIN; n++) {
        rc = dw_archive_reader_next(r, &a);
        good += rc == DW_OK;
    }
    return good;
}

static void read_sealed(struct dw_keys *keys, struct dw_str bytes)
{
    struct dw_archive_reader *r;
    put_file(sealed_path, bytes);
    if (dw_archive_reader_open_file(&dw_fs_system, sealed_path, keys, &r) == DW_OK) {
        (void)read_all(r);
        dw_archive_reader_close(r);
    }
}

/* Recovery keeps every frame that holds, behind damage too; it adds none. */
static void recover_open(struct dw_keys *keys, struct dw_str bytes)
{
    struct dw_archive_reader *r;
    struct dw_archive *a;
    temp_dir_remove(rejected_dir); /* of the run before */
    put_file(manifest_path, dw_buf_view(&manifest));
    put_file(open_path, bytes);
    int rc = dw_archive_reader_open(&dw_fs_system, manifest_dir, keys, &r);
    DW_ASSERT(rc == DW_OK);
    unsigned before = read_all(r);
    dw_archive_reader_close(r);
    struct dw_archive_conf conf = {.fs = &dw_fs_system, .clock = &dw_clock_system, .dir = manifest_dir, .keys = keys};
    if (dw_archive_open(&conf, &a) < 0)
        return;
    dw_archive_close(a);
    rc = dw_archive_reader_open(&dw_fs_system, manifest_dir, keys, &r);
    DW_ASSERT(rc == DW_OK);
    unsigned after = read_all(r);
    DW_ASSERT(after <= before);
    dw_archive_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str bytes = dw_str_make((const char *)data, size);
    struct dw_buf file = {0};
    if (base.len == 0)
        set_up();
    struct dw_keys *keys = dw_keys_new();
    read_sealed(keys, bytes);
    dw_buf_str(&file, dw_buf_view(&base));
    sealed_close(&file, bytes);
    read_sealed(keys, dw_buf_view(&file));
    recover_open(keys, bytes);
    dw_buf_fini(&file);
    dw_keys_free(keys);
    return 0;
}
