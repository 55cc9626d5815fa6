/*
 * cli_options: the options that reading commands share, and where a reader looks.
 */
#include "cli_int.h"
#include "connect.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/log.h"
#include "dogwatch/collect/notify.h"
#include "dogwatch/collect/policy.h"
#include "dogwatch/collect/query.h"
#include "dogwatch/conf/conf.h"
#include "dogwatch/conf/listen.h"
#include "dogwatch/event/timestamp.h"
#include "dogwatch/parsers/words.h"
#include "dogwatch/transport/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SYSTEM_DATA "/var/lib/dogwatch"

void cli_default_data(char out[CLI_PATH_MAX])
{
    const char *home = getenv("HOME"), *chosen = getenv("DOGWATCH_DATA"); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (chosen && *chosen)
        (void)snprintf(out, CLI_PATH_MAX, "%s", chosen);
    else if (geteuid() == 0 || !home)
        (void)snprintf(out, CLI_PATH_MAX, SYSTEM_DATA);
    else
        (void)snprintf(out, CLI_PATH_MAX, "%s/.local/state/dogwatch", home);
}

bool cli_time(const char *text, int64_t *ret_ns)
{
    return dw_time_asked(dw_str_of(text), dw_clock_real(&dw_clock_system), ret_ns);
}

int cli_option_check(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why)
{
    if (strcmp(option, "kafka.options") == 0)
        return dw_kafka_option_check(key, value, why);
    if (strncmp(option, "outputs.", strlen("outputs.")) == 0)
        return dw_output_option_check(option, value, why);
    if (strncmp(option, "policy.", strlen("policy.")) == 0)
        return dw_policy_option_check(option, value, why);
    if (strncmp(option, "inputs.", strlen("inputs.")) == 0 || strcmp(option, "metrics.listen") == 0 || strcmp(option, "kubelet.url") == 0)
        return dw_listen_option_check(option, value, why);
    return dw_parser_option_check(option, key, value, why);
}

static int mistake(const char *what, const char *option)
{
    (void)fprintf(stderr, "dogwatch: %s: %s\n", option, what);
    return CLI_USAGE;
}

static bool output_of(const char *text, enum cli_output *ret)
{
    static const char *const words[] = {"table", "ndjson", "csv"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret = (enum cli_output)i;
            return true;
        }
    }
    return false;
}

bool cli_path(char out[CLI_PATH_MAX], const char *path)
{
    int n = snprintf(out, CLI_PATH_MAX, "%s", path);
    if (n >= 0 && n < CLI_PATH_MAX)
        return true;
    (void)mistake("the path is too long", path);
    return false;
}

static int take_memory(struct cli_options *o, const char *v)
{
    int64_t bytes;
    if (!dw_conf_size(dw_str_of(v), &bytes) || bytes < DW_QUERY_MEMORY_MIN)
        return mistake("needs a size from 64KiB, such as 256MiB", "--memory");
    o->memory_bytes = (uint64_t)bytes;
    return CLI_YES;
}

static int take_keep(struct cli_options *o, const char *v)
{
    int64_t bytes;
    if (!dw_conf_size(dw_str_of(v), &bytes) || bytes <= 0)
        return mistake("needs a size, such as 200GiB", "--keep");
    o->keep_bytes = (uint64_t)bytes;
    return CLI_YES;
}

/* Where an option's path goes; NULL: it has none. */
static char *path_of(struct cli_options *o, const char *name)
{
    const struct {
        const char *name;
        char *path;
    } paths[] = {{"--data", o->data}, {"--archive", o->archive}, {"--server", o->server}, {"--rules", o->rules}, {"--config", o->config},
        {"--to", o->to}, {"--key", o->key}};
    for (size_t i = 0; i < DW_COUNT_OF(paths); i++)
        if (strcmp(paths[i].name, name) == 0)
            return paths[i].path;
    return NULL;
}

/* An option with a value. -1: it is none of ours. */
static int take_valued(struct cli_options *o, const char *name, const char *v)
{
    char *path = path_of(o, name);
    if (path)
        return cli_path(path, v) ? CLI_YES : CLI_USAGE;
    if (strcmp(name, "--memory") == 0)
        return take_memory(o, v);
    if (strcmp(name, "--keep") == 0)
        return take_keep(o, v);
    if (strcmp(name, "--before") == 0)
        return cli_time(v, &o->before_ns) ? CLI_YES : mistake("needs a time: RFC 3339, 2026-11-23, or 90d ago", name);
    if (strcmp(name, "--output") == 0)
        return output_of(v, &o->output) ? CLI_YES : mistake("table, ndjson or csv", name);
    else if (strcmp(name, "--limit") == 0)
        return (o->has_limit = dw_str_u64(dw_str_of(v), &o->limit) && o->limit > 0) ? CLI_YES : mistake("needs a number from 1", name);
    else if (strcmp(name, "--for") == 0)
        return dw_span_asked(dw_str_of(v), &o->for_ns) && o->for_ns > 0 ? CLI_YES : mistake("needs a span of time: 15m 24h 7d", name);
    else if (strcmp(name, "--reason") == 0)
        o->reason = v;
    else if (strcmp(name, "--since") == 0)
        return cli_time(v, &o->since_ns) ? CLI_YES : mistake("needs a time: RFC 3339, 2026-11-23, or 15m 24h 7d ago", name);
    else if (strcmp(name, "--until") == 0)
        return cli_time(v, &o->until_ns) ? CLI_YES : mistake("needs a time: RFC 3339, 2026-11-23, or 15m 24h 7d ago", name);
    else
        return -1;
    return CLI_YES;
}

/* An option without a value. False: it is none of ours. */
static bool take_flag(struct cli_options *o, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"--follow", &o->follow}, {"--silenced", &o->silenced}, {"--group", &o->group}, {"--provisional", &o->provisional}, {"--all", &o->all},
        {"--proposed", &o->proposed}, {"--dry-run", &o->dry_run}, {"--faithful", &o->faithful}, {"--corrected", &o->corrected}, {"--ids", &o->ids}};
    for (size_t i = 0; i < DW_COUNT_OF(flags); i++) {
        if (strcmp(flags[i].name, name) == 0) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

/* An option that a command's help does not show would change nothing: it is refused. */
static int not_taken(const char *word, const char *option)
{
    (void)fprintf(stderr, "dogwatch %s: %s: no such option here\n  dogwatch %s %s\n", word, option, word, cli_arguments(word));
    return CLI_USAGE;
}

static bool is_taken(const char *word, const char *option)
{
    const char *at = strstr(cli_arguments(word), option);
    return at && strchr(" ]|", at[strlen(option)]);
}

/* The socket of a collector that runs over the default DATA, or over the system's, if somebody takes connections there. */
static void find_server(struct cli_options *o)
{
    const char *const datas[] = {o->data, SYSTEM_DATA};
    char path[CLI_PATH_MAX - sizeof "unix:"];
    for (size_t i = 0; i < DW_COUNT_OF(datas) && !o->server[0]; i++)
        if (dw_path_join(path, sizeof path, datas[i], "api.sock") == DW_OK && connection_is_there(path))
            (void)snprintf(o->server, sizeof o->server, "unix:%s", path);
}

/* Where a command that can ask a collector does so: --server; DOGWATCH_SERVER; a socket that is found. The latter two only where the command
 * line does not say where to read. Answers the exit code. */
static int take_server(struct cli_options *o, const char *word)
{
    const char *server = getenv("DOGWATCH_SERVER"), *data = getenv("DOGWATCH_DATA"); /* NOLINT(concurrency-mt-unsafe): one thread */
    const char *option = o->server[0] ? "--server" : "DOGWATCH_SERVER";
    bool takes = is_taken(word, "--server"), sized = o->memory_bytes != DW_QUERY_MEMORY_BYTES;
    if (!o->server[0] && takes && !o->names_data && server && *server && !cli_path(o->server, server))
        return CLI_USAGE;
    o->names_server = o->server[0] != '\0';
    if (o->names_server && !connection_address_ok(o->server))
        return mistake("an address is needed: unix:DATA/api.sock, http://HOST:PORT or https://HOST:PORT", option);
    if (o->names_server && (o->names_data || sized))
        return mistake("the collector decides; --data, --archive and --memory are for reading DATA", option);
    if (takes && !o->names_server && !o->names_data && !sized && !(data && *data))
        find_server(o);
    return CLI_YES;
}

int cli_read_data(struct cli_options *o, const char *what)
{
    if (o->names_server) {
        (void)fprintf(stderr, "dogwatch: %s: no collector is asked for %s: it reads DATA itself, with --data DIR on that host\n", o->server, what);
        return CLI_USAGE;
    }
    o->server[0] = '\0';
    return CLI_YES;
}

int cli_options(int argc, char **argv, struct cli_options *o)
{
    *o = (struct cli_options){.memory_bytes = DW_QUERY_MEMORY_BYTES, .since_ns = INT64_MIN, .until_ns = INT64_MAX, .before_ns = INT64_MIN,
        .reason = "",
        .output = isatty(STDOUT_FILENO) ? OUTPUT_TABLE : OUTPUT_NDJSON};
    cli_default_data(o->data);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0') {
            if (o->rest_count == 64)
                return mistake("too many arguments", argv[i]);
            o->rest[o->rest_count++] = argv[i];
            continue;
        }
        if (!is_taken(argv[0], argv[i]))
            return not_taken(argv[0], argv[i]);
        if (take_flag(o, argv[i]))
            continue;
        int rc = i + 1 < argc ? take_valued(o, argv[i], argv[i + 1]) : -1;
        if (rc < 0)
            return mistake("its value is missing", argv[i]);
        if (rc != CLI_YES)
            return rc;
        o->names_data |= strcmp(argv[i], "--data") == 0 || strcmp(argv[i], "--archive") == 0;
        i++;
    }
    if (take_server(o, argv[0]) != CLI_YES)
        return CLI_USAGE;
    if (o->since_ns > o->until_ns)
        return mistake("is after --until: no event can be there", "--since");
    if (!o->archive[0] && dw_path_join(o->archive, sizeof o->archive, o->data, "archive") < 0)
        return mistake("path too long", o->data);
    return CLI_YES;
}

int cli_failed(int err)
{
    if (err < 0)
        (void)fprintf(stderr, "dogwatch: %s\n", dw_err_text(err));
    return err < 0 ? CLI_CANNOT : CLI_YES;
}

int cli_say_no_archive(const struct cli_options *o, int rc)
{
    (void)fprintf(stderr, "dogwatch: no archive to read in %s: %s\n", o->archive, dw_err_text(rc));
    if (rc == DW_ENOENT && !o->names_data)
        (void)fprintf(stderr, "  --data, --archive, DOGWATCH_DATA or --server, DOGWATCH_SERVER say where else; no collector runs over the default.\n");
    if (rc == DW_ENOENT)
        (void)fprintf(stderr, "  dogwatch up --data DIR      makes one\n  dogwatch ... --data DIR     reads another\n");
    return CLI_CANNOT;
}

int cli_open_archive(const struct cli_options *o, struct dw_keys *keys, struct dw_archive_reader **ret)
{
    int rc = keys ? dw_archive_reader_open(&dw_fs_system, o->archive, keys, ret) : DW_ENOMEM;
    if (rc == DW_OK)
        return CLI_YES;
    return cli_say_no_archive(o, rc);
}
