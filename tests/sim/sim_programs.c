/*
 * sim_programs: what writes and rotates logs, as docker, conmon, the kubelet, logrotate and careless people do.
 *
 * Idea: a rotation is a list of acts, and between any two of them the agent may look, and the program may write. Each line is like no other line.
 */
#include "sim.h"

#include <errno.h>
#include <sys/inotify.h>
#include <zlib.h>

static const char *const kind_names[KINDS] = {[KIND_SHIFT] = "shift", [KIND_SHIFT_PACK] = "shift, packed at once", [KIND_UNLINK] = "unlink and create",
    [KIND_OVER] = "renamed over", [KIND_KUBELET] = "kubelet", [KIND_DELAY_PACK] = "shift, packed later", [KIND_COPY] = "copytruncate",
    [KIND_COPY_PACK] = "copytruncate, packed", [KIND_TRUNCATE] = "truncate", [KIND_SWAP] = "link swapped", [KIND_GROW] = "grows", [KIND_ANEW] = "folder made anew"};

const char *sim_kind_name(const struct sim_log *l)
{
    return kind_names[l->kind];
}

static const char *in_folder(const struct sim_log *l, const char *name)
{
    static char path[2][2 * SIM_PATH];
    static int turn;
    turn = !turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", strncmp(name, "run", 3) == 0 ? l->runs : l->folder, name);
    return path[turn];
}

static void add(struct sim_log *l, enum sim_act act, const char *from, const char *to)
{
    DW_ASSERT(l->todo_count < SIM_SCRIPT);
    struct sim_todo *t = &l->todo[l->todo_count++];
    t->act = act;
    (void)snprintf(t->from, sizeof t->from, "%s", from);
    (void)snprintf(t->to, sizeof t->to, "%s", to);
}

static void open_file(struct sim_log *l, const char *name)
{
    struct sim_inode *i = sim_find(in_folder(l, name), true);
    if (!i) {
        i = sim_make(in_folder(l, name), S_IFREG | (l->hides ? 0 : 0644));
        DW_ASSERT(i);
        i->text = sim_text_new(i, l);
    }
    sim_hold(i);
    if (l->file)
        sim_release(l->file);
    l->file = i;
    l->torn = false;
}

/* ---- lines ---- */

static void write_bytes(struct sim_log *l, const char *bytes, size_t len)
{
    struct sim_inode *i = l->file;
    sim_put(i, i->bytes.len, bytes, len);
    sim_text_add(i->text, bytes, len);
    sim_reach(); /* what goes into a file that nobody can find */
}

static size_t make_line(struct sim_log *l, char *out, size_t cap)
{
    static const char fill[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    int fat = (int)sim_below(sim_chance(10) ? sizeof fill - 1 : 12), n;
    unsigned long long number = (unsigned long long)++l->line;
    if (l->cri) {
        uint8_t to = sim_chance(4) ? DW_OUT_STDERR : DW_OUT_STDOUT;
        l->partial[to] = sim_chance(5);
        n = snprintf(out, cap, "2026-11-29T00:00:00.%09lluZ %s %c %s %llu %.*s\n", number, to == DW_OUT_STDERR ? "stderr" : "stdout",
            l->partial[to] ? 'P' : 'F', l->folder + strlen("/w/logs/"), number, fat, fill);
    } else {
        n = snprintf(out, cap, "%s line %llu %.*s\n", l->folder + strlen("/w/logs/"), number, fat, fill);
    }
    DW_ASSERT(n > 0 && (size_t)n < cap);
    return (size_t)n;
}

/* A torn line is ended before the next one begins. */
static void write_lines(struct sim_log *l)
{
    char line[256];
    if (l->torn) {
        write_bytes(l, " end\n", 5);
        l->torn = false;
        return;
    }
    if (l->banner && l->file->bytes.len == 0)
        write_bytes(l, "a program begins\n", 17);
    for (uint64_t n = 1 + sim_below(4); n; n--) {
        size_t len = make_line(l, line, sizeof line);
        if (n == 1 && !l->cri && !l->leaves && sim_chance(8)) {
            l->torn = true;
            len -= 1 + sim_below(3);
        }
        write_bytes(l, line, len);
    }
}

/* ---- acts ---- */

static void pack(struct sim_log *l, const char *from, const char *to)
{
    struct sim_inode *i = sim_find(in_folder(l, from), true), *z = i ? sim_make(in_folder(l, to), S_IFREG | 0644) : NULL;
    if (!z)
        return;
    unsigned char out[64 * 1024];
    z_stream s = {.next_in = (unsigned char *)(i->bytes.len ? i->bytes.ptr : (char *)out), .avail_in = (uInt)i->bytes.len, .next_out = out, .avail_out = sizeof out};
    int rc = deflateInit2(&s, 1, Z_DEFLATED, 15 + 16, 1, Z_DEFAULT_STRATEGY);
    DW_ASSERT(rc == Z_OK);
    rc = deflate(&s, Z_FINISH);
    DW_ASSERT(rc == Z_STREAM_END);
    (void)deflateEnd(&s);
    sim_put(z, 0, out, sizeof out - s.avail_out);
    z->mtime_ns = i->mtime_ns;
    z->packed = true;
    z->text = i->text;
    z->text_len = i->bytes.len;
    sim_text_bind(z);
}

static void copy(struct sim_log *l, const char *from, const char *to)
{
    struct sim_inode *i = sim_find(in_folder(l, from), true), *c = i ? sim_make(in_folder(l, to), S_IFREG | 0644) : NULL;
    if (!c)
        return;
    sim_put(c, 0, i->bytes.ptr, i->bytes.len);
    c->text = i->text;
    c->text_len = i->bytes.len;
    sim_text_bind(c);
}

static void truncate_file(struct sim_log *l)
{
    struct sim_inode *i = l->file;
    sim_cut(i, 0);
    i->text = sim_text_new(i, l);
    l->torn = false;
}

static void do_act(struct sim_log *l, const struct sim_todo *t)
{
    static const char *const words[] = {"rename", "unlink", "create", "create", "copy", "truncate", "pack", "swap", "show", "rmdir", "move away", "mkdir"};
    sim_note("%s: %s %s %s", l->folder, words[t->act], t->from, t->to);
    switch (t->act) {
    case ACT_RENAME:
        (void)sim_move(in_folder(l, t->from), in_folder(l, t->to));
        break;
    case ACT_UNLINK:
        (void)sim_remove(in_folder(l, t->from));
        break;
    case ACT_CREATE:
    case ACT_CREATE_TMP:
        open_file(l, t->from);
        break;
    case ACT_COPY:
        copy(l, t->from, t->to);
        break;
    case ACT_TRUNCATE:
        truncate_file(l);
        break;
    case ACT_PACK:
        pack(l, t->from, t->to);
        break;
    case ACT_SWAP:
        sim_link(l->path, in_folder(l, t->from));
        break;
    case ACT_SHOW:
        l->hides = false;
        l->file->mode |= 0644;
        sim_tell_file(l->file, IN_ATTRIB);
        break;
    case ACT_RMDIR:
        (void)sim_remove_folder(l->folder);
        break;
    case ACT_MOVE_AWAY:
        (void)sim_move(l->folder, t->to);
        break;
    case ACT_MKDIR:
        (void)sim_make(l->folder, S_IFDIR | 0755);
        break;
    }
    sim_reach();
}

/* ---- rotations ---- */

static bool is_there(const struct sim_log *l, const char *name)
{
    return sim_find(in_folder(l, name), false) != NULL;
}

/* NAME.k becomes NAME.k+1, from the oldest on. */
static void shift(struct sim_log *l, const char *suffix)
{
    char from[SIM_NAME], to[SIM_NAME];
    (void)snprintf(from, sizeof from, "app.log.%u%s", l->keep, suffix);
    if (is_there(l, from))
        add(l, ACT_UNLINK, from, "");
    for (uint32_t k = l->keep - 1; k > 0; k--) {
        (void)snprintf(from, sizeof from, "app.log.%u%s", k, suffix);
        (void)snprintf(to, sizeof to, "app.log.%u%s", k + 1, suffix);
        if (is_there(l, from))
            add(l, ACT_RENAME, from, to);
    }
}

/* As gzip(1), docker and the kubelet do: made beside it whole, then the original goes. */
static void add_pack(struct sim_log *l, const char *name)
{
    char tmp[SIM_NAME], gz[SIM_NAME];
    (void)snprintf(tmp, sizeof tmp, "%.30s.tmp", name);
    (void)snprintf(gz, sizeof gz, "%.30s.gz", name);
    add(l, ACT_PACK, name, tmp);
    add(l, ACT_RENAME, tmp, gz);
    add(l, ACT_UNLINK, name, "");
}

/* Names of dated files, sorted; how many. */
static uint32_t dated(const struct sim_log *l, char out[][SIM_NAME], uint32_t cap)
{
    const struct sim_inode *folder = sim_find(l->folder, true);
    uint32_t n = 0;
    for (uint32_t i = 0; i < folder->entry_count && n < cap; i++) {
        uint32_t at = n;
        if (!folder->entry[i].inode || strncmp(folder->entry[i].name, "app.log.", 8) != 0)
            continue;
        for (; at > 0 && strcmp(out[at - 1], folder->entry[i].name) > 0; at--)
            memcpy(out[at], out[at - 1], SIM_NAME);
        memcpy(out[at], folder->entry[i].name, SIM_NAME);
        n++;
    }
    return n;
}

static void rotate_kubelet(struct sim_log *l)
{
    char name[16][SIM_NAME], to[SIM_NAME];
    uint32_t n = dated(l, name, 16);
    for (uint32_t i = 0; i + l->keep < n + 1 && i < n; i++)
        add(l, ACT_UNLINK, name[i], "");
    for (uint32_t i = n + 1 > l->keep ? n + 1 - l->keep : 0; i < n; i++)
        if (!strstr(name[i], ".gz"))
            add_pack(l, name[i]);
    (void)snprintf(to, sizeof to, "app.log.20261129-%06llu", (unsigned long long)l->turns);
    add(l, ACT_RENAME, "app.log", to);
    if (l->leaves)
        add_pack(l, to);
    add(l, ACT_CREATE, "app.log", "");
}

static void rotate_shift(struct sim_log *l)
{
    if (l->kind != KIND_SHIFT)
        shift(l, ".gz"); /* first: NAME.2 and NAME.2.gz are never of two files */
    shift(l, "");
    if (l->kind == KIND_DELAY_PACK) {
        if (is_there(l, "app.log.1")) /* it is .2 by then */
            add_pack(l, "app.log.2");
    }
    add(l, ACT_RENAME, "app.log", "app.log.1");
    if (!l->leaves)
        add(l, ACT_CREATE, "app.log", "");
    if (l->kind == KIND_SHIFT_PACK)
        add_pack(l, "app.log.1");
    if (l->leaves)
        add(l, ACT_CREATE, "app.log", "");
}

/* A container is removed, with all its logs, and made anew. */
static void rotate_anew(struct sim_log *l)
{
    const struct sim_inode *folder = sim_find(l->folder, true);
    char away[SIM_NAME];
    if (sim_chance(2)) {
        (void)snprintf(away, sizeof away, "/w/away/%c%llu", l->folder[strlen("/w/logs/")], (unsigned long long)l->turns);
        add(l, ACT_MOVE_AWAY, "", away);
    } else {
        for (uint32_t i = 0; i < folder->entry_count; i++)
            if (folder->entry[i].inode)
                add(l, ACT_UNLINK, folder->entry[i].name, "");
        add(l, ACT_RMDIR, "", "");
    }
    add(l, ACT_MKDIR, "", "");
    add(l, ACT_CREATE, "app.log", "");
}

static void rotate(struct sim_log *l)
{
    char name[SIM_NAME];
    l->turns++;
    l->todo_at = l->todo_count = 0;
    l->leaves = !l->torn && sim_chance(4);
    switch (l->kind) {
    case KIND_SHIFT:
    case KIND_SHIFT_PACK:
    case KIND_DELAY_PACK:
        rotate_shift(l);
        break;
    case KIND_UNLINK:
        add(l, ACT_UNLINK, "app.log", "");
        add(l, ACT_CREATE, "app.log", "");
        break;
    case KIND_OVER:
        add(l, ACT_CREATE_TMP, "app.log.tmp", "");
        add(l, ACT_RENAME, "app.log.tmp", "app.log");
        break;
    case KIND_KUBELET:
        rotate_kubelet(l);
        break;
    case KIND_COPY:
    case KIND_COPY_PACK:
        shift(l, l->kind == KIND_COPY ? "" : ".gz");
        add(l, ACT_COPY, "app.log", "app.log.1");
        add(l, ACT_TRUNCATE, "", "");
        if (l->kind == KIND_COPY_PACK)
            add_pack(l, "app.log.1");
        break;
    case KIND_TRUNCATE:
        add(l, ACT_TRUNCATE, "", "");
        break;
    case KIND_SWAP:
        (void)snprintf(name, sizeof name, "run%llu", (unsigned long long)l->turns);
        add(l, ACT_CREATE, name, "");
        add(l, ACT_SWAP, name, "");
        break;
    case KIND_ANEW:
        rotate_anew(l);
        break;
    default:
        break;
    }
    if (sim.tells && !l->leaves && sim_chance(4)) {
        l->hides = true;
        add(l, ACT_SHOW, "", "");
    }
}

/* Whether a program ended when its log was rotated: who wrote on in a file that is packed would be read by nobody. */
static bool is_over(const struct sim_log *l)
{
    return l->leaves && l->todo_at < l->todo_count && l->todo[l->todo_count - 1].act == ACT_CREATE && !is_there(l, "app.log");
}

static void step(struct sim_log *l)
{
    if (is_over(l)) {
        if (sim_chance(l->todo_at + 1 < l->todo_count ? 2 : 20))
            do_act(l, &l->todo[l->todo_at++]);
        return;
    }
    bool between = l->todo_at < l->todo_count && l->todo[l->todo_at].act == ACT_TRUNCATE && l->kind != KIND_TRUNCATE; /* what is written now is lost for everybody */
    if (l->todo_at < l->todo_count && (between || sim_chance(2)))
        do_act(l, &l->todo[l->todo_at++]);
    else if (l->todo_at == l->todo_count && l->file->bytes.len > l->size_max && l->kind != KIND_GROW && sim_chance(3))
        rotate(l);
    else if (l->file->bytes.len < 3 * l->size_max || l->kind == KIND_GROW)
        write_lines(l);
}

void sim_programs_step(void)
{
    struct sim_log *l = &sim.log[sim_below(sim.log_count)];
    if (sim.tells && sim.mono_ns < l->sleeps_ns)
        return;
    step(l);
    if (sim.tells && sim_chance(30))
        l->sleeps_ns = sim.mono_ns + (int64_t)sim_below(60) * DW_NS_PER_S; /* long enough for its stream to rest */
}

void sim_programs_wake(void)
{
    for (uint32_t i = 0; i < sim.log_count; i++)
        for (uint64_t n = 1 + sim_below(8); n; n--)
            step(&sim.log[i]);
}

void sim_programs_end(void)
{
    for (uint32_t i = 0; i < sim.log_count; i++) {
        struct sim_log *l = &sim.log[i];
        uint32_t left = is_over(l); /* nobody makes its name again */
        while (l->todo_at + left < l->todo_count)
            do_act(l, &l->todo[l->todo_at++]);
        if (l->torn)
            write_lines(l);
    }
}

void sim_programs_begin(void)
{
    sim.log_count = 1 + (uint32_t)sim_below(SIM_LOGS);
    for (uint32_t i = 0; i < sim.log_count; i++) {
        struct sim_log *l = &sim.log[i];
        *l = (struct sim_log){.kind = (enum sim_kind)sim_below(sim.tells ? KINDS : KIND_ANEW), .cri = sim_chance(3), .banner = sim_chance(4)};
        bool makes = l->kind == KIND_SHIFT_PACK || l->kind == KIND_DELAY_PACK || l->kind == KIND_COPY_PACK || l->kind == KIND_KUBELET || l->kind == KIND_COPY;
        if (makes && !sim.births) /* when a copy or a compressed file came cannot be told there */
            l->kind = KIND_SHIFT;
        if (!sim.copies && (l->kind == KIND_COPY || l->kind == KIND_COPY_PACK))
            l->kind = KIND_KUBELET;
        l->cri &= sim.births; /* which file a line goes on in is told by when they came */
        l->banner &= sim.births && l->kind != KIND_TRUNCATE && !makes; /* files of which no more was read than what all of them have pass for one */
        l->keep = 1 + (uint32_t)sim_below(SIM_FILES);
        l->size_max = 50 + sim_below(sim_chance(3) ? 6000 : 600);
        (void)snprintf(l->folder, sizeof l->folder, "/w/logs/%c", 'a' + (int)i);
        (void)snprintf(l->path, sizeof l->path, "/w/logs/%c/app.log", 'a' + (int)i);
        (void)snprintf(l->runs, sizeof l->runs, sim.tells && sim_chance(2) ? "/w/runs/%c" : "/w/logs/%c", 'a' + (int)i);
        l->banner &= !l->cri || sim.tells;
        l->shared = sim.tells && sim_chance(16);
        (void)sim_make_folders(l->folder, false);
        (void)sim_make_folders(l->runs, false);
        open_file(l, l->kind == KIND_SWAP ? "run0" : "app.log");
        if (l->kind == KIND_SWAP)
            sim_link(l->path, in_folder(l, "run0"));
        sim_note("%s: %s, %s, rotated at %llu, keeps %u", l->folder, kind_names[l->kind], l->cri ? "CRI" : "plain", (unsigned long long)l->size_max, l->keep);
    }
}
