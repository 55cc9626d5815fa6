/*
 * program: what the agent's and the collector's main have in common.
 *
 * Invariant: every way out that is not success was said on stderr once.
 */
#include "dogwatch/conf/program.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <stdio.h>

#define COUNTERS_EVERY_NS (5 * DW_NS_PER_S)

int dw_program_exit(int rc)
{
    return rc == DW_OK ? DW_EXIT_OK : rc == DW_ECONFIG ? DW_EXIT_CONFIG : DW_EXIT_CANNOT;
}

void dw_program_say(void *arg, const struct dw_diags *d)
{
    struct dw_buf text = {0};
    (void)arg;
    dw_diags_print(d, &text);
    (void)fwrite(text.ptr, 1, text.len, stderr);
    dw_buf_fini(&text);
}

static void print_usage(const struct dw_program *p, FILE *to)
{
    (void)fprintf(to, "usage: %s --config FILE\n  `dogwatch config init %s` writes a commented file, `dogwatch config check` looks one over.\n",
        p->name, p->table->name);
}

int dw_program_load(const struct dw_program *p, const char *path, struct dw_conf *conf, void *values)
{
    int rc = dw_conf_init(conf, p->table, values);
    if (rc == DW_OK) {
        conf->check = p->check;
        rc = dw_conf_load_file(conf, &dw_fs_system, path, (struct dw_diag_sink){.report = dw_program_say});
        if (rc < 0)
            dw_conf_fini(conf);
    }
    if (rc < 0 && rc != DW_ECONFIG)
        dw_error("%s: %s", path, dw_err_text(rc));
    return rc;
}

bool dw_program_begin(const struct dw_program *p, int argc, char **argv, struct dw_conf *conf, void *values, int *ret_exit)
{
    dw_log_setup(p->name, DW_LOG_INFO);
    const char *first = argc == 2 ? argv[1] : "";
    bool help = strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0, version = strcmp(first, "--version") == 0;
    *ret_exit = help || version ? DW_EXIT_OK : DW_EXIT_CONFIG;
    if (version)
        (void)printf("%s " DW_VERSION "\n", p->name);
    else if (argc != 3 || strcmp(argv[1], "--config") != 0)
        print_usage(p, help ? stdout : stderr);
    if (argc != 3 || strcmp(argv[1], "--config") != 0)
        return false;
    int rc = dw_program_load(p, argv[2], conf, values);
    *ret_exit = dw_program_exit(rc);
    return rc == DW_OK;
}

int dw_program_lock(const char *dir, const char *name)
{
    char path[4096];
    int fd; /* held until the process ends */
    pid_t holder = 0;
    int rc = dw_fs_mkdirs(&dw_fs_system, dir, 0750);
    if (rc == DW_OK)
        rc = dw_path_join(path, sizeof path, dir, name);
    if (rc == DW_OK)
        rc = dw_fs_lock(path, &fd, &holder);
    if (rc == DW_ELOCKED)
        dw_error("%s: process %d works here already", path, (int)holder);
    else if (rc < 0)
        dw_error("%s: %s", dir, dw_err_text(rc));
    return rc;
}

int dw_counters_file_init(struct dw_counters_file *f, const char *data, const char *name)
{
    char dir[4096], file[64];
    *f = (struct dw_counters_file){0};
    (void)snprintf(file, sizeof file, "%s.counters", name);
    int rc = dw_path_join(dir, sizeof dir, data, "state");
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(&dw_fs_system, dir, 0750);
    return rc == DW_OK ? dw_path_join(f->path, sizeof f->path, dir, file) : rc;
}

void dw_counters_file_save(struct dw_counters_file *f, bool now)
{
    int64_t mono = dw_clock_mono(&dw_clock_system);
    if (!now && f->saved_ns && mono - f->saved_ns < COUNTERS_EVERY_NS)
        return;
    int rc = dw_counters_save(&dw_fs_system, f->path);
    if (rc < 0 && !f->failed)
        dw_warn("%s: %s", f->path, dw_err_text(rc));
    f->failed = rc < 0;
    f->saved_ns = mono;
}
