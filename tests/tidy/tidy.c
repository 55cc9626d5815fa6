/*
 * tidy: reads the tree and refuses what the house does not allow.
 *
 *   layers      every #include points down the table below
 *   lengths     no file over 800 lines, no function over 70 (X-macro tables are exempt)
 *   names       file names are unique in the tree
 *   banned      calls that have one home file, or none
 *   comments    every .c begins with its idea
 *   leftovers   no marks of unfinished work
 *
 * It knows C only as far as our own format goes: a function's body begins with `{` and ends with `}` in the first column.
 */
#include "dogwatch/base/arena.h"
#include "dogwatch/base/buf.h"
#include "dogwatch/base/fs.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FILE_LINES_MAX = 800, FUNCTION_LINES_MAX = 70, FILES_MAX = 4096, PATH_CAP = 1024 };

/* Which folder of the tree belongs to which layer, and what a layer may include (by include/dogwatch/<name>). */
static const struct {
    const char *folder, *may;
} layers[] = {
    {"core/base", "base tbl"},
    {"core/conf", "base conf tbl"},
    {"core/loop", "base conf loop tbl"},
    {"core/event", "base event tbl"},
    {"core/frame", "base event frame tbl"},
    {"core/template", "base frame template tbl"},
    {"core/pred", "base event pred tbl"},
    {"core/geo", "base frame geo pred tbl"},
    {"core/store", "base event frame store tbl"},
    {"core/transport", "base event frame store transport tbl"},
    {"parsers", "base conf event parsers tbl"},
    {"correlate", "base conf event frame geo pred template correlate tbl"},
    {"collector/server", "base conf loop event frame geo store pred template transport parsers correlate collect tbl"},
    {"collector", "base conf event frame geo store pred template transport parsers correlate collect tbl"},
    {"agent", "base conf loop event frame store transport parsers tbl"},
    {"cli", "base conf event frame geo store pred template transport parsers correlate collect tbl"},
};

/* A call, who may use it, and what to use instead. */
static const struct {
    const char *call, *home, *instead;
} banned[] = {
    {"malloc", "core/base/mem.c", "dw_alloc"}, {"calloc", "core/base/mem.c", "dw_calloc"}, {"realloc", "core/base/mem.c", "dw_resize"},
    {"free", "core/base/mem.c", "dw_free"}, {"strdup", "", "dw_strndup"}, {"strcpy", "", "a view, or memcpy with its length"},
    {"strcat", "", "dw_buf"}, {"sprintf", "", "snprintf or dw_buf_printf"}, {"strtok", "", "dw_str_cut"}, {"atoi", "", "dw_str_i64"},
    {"atol", "", "dw_str_i64"}, {"gmtime", "", "event/timestamp.h"}, {"localtime", "", "event/timestamp.h"}, {"mktime", "", "event/timestamp.h"},
    {"rand", "", "base/rng.h"}, {"time", "", "base/clock.h"}, {"clock_gettime", "core/base/clock.c", "base/clock.h"},
    {"gettimeofday", "", "base/clock.h"}, {"fopen", "", "base/fs.h"}, {"open", "core/base/fs.c", "dw_fs_open"},
    {"unlink", "core/base/fs.c", "dw_fs_unlink"}, {"rename", "core/base/fs.c", "dw_fs_rename"}, {"fsync", "core/base/fs.c", "dw_fs_sync"},
    {"fdatasync", "core/base/fs.c", "dw_fs_sync"}, {"sleep", "", "wait for a condition"}, {"usleep", "", "wait for a condition"},
    {"gets", "", "dw_fs"}, {"system", "", "fork and exec"}, {"popen", "", "fork and exec"}, {"alloca", "", "an arena"},
};

struct tree {
    struct dw_arena arena;
    const char *file[FILES_MAX];
    uint32_t count, complaints;
};

static void complain(struct tree *t, const char *path, unsigned line, const char *fmt, ...) DW_PRINTF(4, 5);

static void complain(struct tree *t, const char *path, unsigned line, const char *fmt, ...)
{
    va_list args;
    (void)printf("%s:%u: ", path, line);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    (void)printf("\n");
    t->complaints++;
}

static bool is_c(struct dw_str name)
{
    return dw_str_ends(name, DW_STR(".c")) || dw_str_ends(name, DW_STR(".h"));
}

static void collect(struct tree *t, const char *dir)
{
    struct dw_buf names = {0};
    if (dw_fs_list(dir, 100000, &names) < 0) {
        complain(t, dir, 0, "cannot be listed");
        return;
    }
    for (const char *n = names.ptr; n && n < names.ptr + names.len; n += strlen(n) + 1) {
        char path[PATH_CAP];
        struct dw_stat st;
        if (dw_path_join(path, sizeof path, dir, n) < 0 || dw_fs_stat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.mode))
            collect(t, path);
        else if (is_c(dw_str_of(n)) && t->count < FILES_MAX)
            t->file[t->count++] = dw_arena_copy(&t->arena, dw_str_of(path)).ptr;
    }
    dw_buf_fini(&names);
}

static struct dw_str base_name(struct dw_str path)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return dw_str_slice(path, at, path.len);
}

static void check_names(struct tree *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        for (uint32_t k = i + 1; k < t->count; k++)
            if (dw_str_eq(base_name(dw_str_of(t->file[i])), base_name(dw_str_of(t->file[k]))))
                complain(t, t->file[k], 1, "has the name of %s", t->file[i]);
}

static bool has_word(const char *list, struct dw_str word)
{
    struct dw_str rest = dw_str_of(list);
    while (rest.ptr)
        if (dw_str_eq(dw_str_cut(&rest, ' '), word))
            return true;
    return false;
}

static void check_include(struct tree *t, const char *path, unsigned line, struct dw_str text)
{
    struct dw_str prefix = DW_STR("#include \"dogwatch/");
    if (!dw_str_starts(text, prefix))
        return;
    struct dw_str rest = dw_str_slice(text, prefix.len, text.len), layer = dw_str_cut(&rest, '/');
    for (size_t i = 0; i < DW_COUNT_OF(layers); i++) {
        struct dw_str folder = dw_str_of(layers[i].folder), p = dw_str_of(path);
        if (!dw_str_starts(p, folder) || p.ptr[folder.len] != '/')
            continue;
        if (!has_word(layers[i].may, layer))
            complain(t, path, line, "%s may not include dogwatch/%.*s", layers[i].folder, DW_ARG(layer));
        return;
    }
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void check_calls(struct tree *t, const char *path, unsigned line, struct dw_str text)
{
    for (size_t i = 0; i < DW_COUNT_OF(banned); i++) {
        struct dw_str call = dw_str_of(banned[i].call), rest = text;
        for (size_t at; (at = dw_str_find(rest, call)) < rest.len; rest = dw_str_slice(rest, at + call.len, rest.len)) {
            const char *p = rest.ptr + at;
            bool alone = (p == text.ptr || (!is_name_byte(p[-1]) && p[-1] != '.' && p[-1] != '>' && p[-1] != '"'))
                && at + call.len < rest.len && p[call.len] == '(';
            if (alone && strcmp(path, banned[i].home) != 0)
                complain(t, path, line, "%s(): use %s", banned[i].call, banned[i].instead);
        }
    }
}

/* A line without what stands in comments and strings: good enough for our own format. */
static struct dw_str code_of(struct dw_str line, bool *in_comment)
{
    struct dw_str trimmed = dw_str_trim(line);
    if (*in_comment || dw_str_starts(trimmed, DW_STR("/*"))) {
        *in_comment = dw_str_find(line, DW_STR("*/")) == line.len;
        return DW_STR_NONE;
    }
    return dw_str_slice(line, 0, dw_str_find(line, DW_STR("/*")));
}

static void check_leftovers(struct tree *t, const char *path, unsigned line, struct dw_str text)
{
    static const char *const words[] = {"FIX" "ME", "TO" "DO", "X" "XX", "HA" "CK"};
    for (size_t i = 0; i < DW_COUNT_OF(words); i++) {
        size_t at = dw_str_find(text, dw_str_of(words[i]));
        size_t end = at + strlen(words[i]);
        if (at < text.len && (at == 0 || !is_name_byte(text.ptr[at - 1])) && (end == text.len || !is_name_byte(text.ptr[end])))
            complain(t, path, line, "unfinished: %s", words[i]);
    }
}

static void check_file(struct tree *t, const char *path)
{
    struct dw_buf text = {0};
    bool in_comment = false, table = strstr(path, "/tbl/") != NULL, test = strncmp(path, "tests/", 6) == 0;
    unsigned number = 0, body = 0;
    if (dw_fs_read_file(&dw_fs_system, path, 16 << 20, &text) < 0) {
        complain(t, path, 0, "cannot be read");
        return;
    }
    if (!dw_str_starts(dw_buf_view(&text), DW_STR("/*")))
        complain(t, path, 1, "begins without a comment that says its idea");
    struct dw_str rest = dw_buf_view(&text);
    while (rest.ptr && rest.len) {
        struct dw_str line = dw_str_cut(&rest, '\n');
        number++;
        check_leftovers(t, path, number, line);
        struct dw_str code = code_of(line, &in_comment);
        if (dw_str_eq(line, DW_STR("{")))
            body = number;
        if (dw_str_eq(line, DW_STR("}")) && body && number - body - 1 > FUNCTION_LINES_MAX)
            complain(t, path, body, "this function has %u lines, over %d", number - body - 1, FUNCTION_LINES_MAX);
        check_include(t, path, number, code);
        if (!test && !table)
            check_calls(t, path, number, code);
    }
    if (number > FILE_LINES_MAX && !table)
        complain(t, path, number, "has %u lines, over %d", number, FILE_LINES_MAX);
    dw_buf_fini(&text);
}

int main(void)
{
    static const char *const roots[] = {"core", "parsers", "correlate", "agent", "collector", "cli", "include", "tests"};
    struct tree t = {0};
    dw_arena_init(&t.arena, 0);
    for (size_t i = 0; i < DW_COUNT_OF(roots); i++)
        collect(&t, roots[i]);
    check_names(&t);
    for (uint32_t i = 0; i < t.count; i++)
        check_file(&t, t.file[i]);
    (void)printf("%u files, %u complaints\n", t.count, t.complaints);
    dw_arena_fini(&t.arena);
    return t.count < 50 || t.complaints ? 1 : 0; /* too few: run in the wrong folder */
}
