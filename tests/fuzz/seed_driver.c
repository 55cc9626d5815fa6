/*
 * seed_driver: runs a fuzz target over its seeds in an ordinary build. No seeds is an error.
 */
#include "dogwatch/base/buf.h"
#include "dogwatch/base/fs.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_folder(const char *folder)
{
    struct dw_buf names = {0}, bytes = {0};
    if (dw_fs_list(folder, 100000, &names) < 0) {
        fprintf(stderr, "no seeds: %s\n", folder);
        return -1;
    }
    int count = 0;
    for (const char *name = names.ptr; name && name < names.ptr + names.len; name += strlen(name) + 1) {
        char path[4096];
        dw_buf_reset(&bytes);
        if (dw_path_join(path, sizeof path, folder, name) < 0 ||
            dw_fs_read_file(&dw_fs_system, path, 64 << 20, &bytes) < 0)
            continue;
        (void)LLVMFuzzerTestOneInput((const uint8_t *)bytes.ptr, bytes.len);
        count++;
    }
    dw_buf_fini(&names);
    dw_buf_fini(&bytes);
    return count;
}

int main(int argc, char **argv)
{
    int count = argc == 2 ? run_folder(argv[1]) : -1;
    if (count <= 0) {
        fprintf(stderr, "usage: %s SEED_FOLDER (with at least one seed)\n", argv[0]);
        return 1;
    }
    printf("%d seeds\n", count);
    return 0;
}
