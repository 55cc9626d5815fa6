/*
 * sim_files: a file system in memory.
 *
 * Invariants:
 *   (1) An inode lives as long as a name or a descriptor has it; then its number is given away again, the last one freed first as a rule.
 *   (2) Stamps are those of a coarse clock: what is written in one tick has one time.
 *   (3) Each change of what is the agent's is noted with what was there before, until it is synced; a power cut takes a part of these back, the newest first.
 *   (4) A name that goes leaves a hole in its folder, so who lists it meanwhile sees each name that stayed, once.
 */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>

/* A change that is not durable. */
struct undo {
    struct undo *next; /* older */
    struct sim_inode *of;
    struct sim_inode *was; /* under `name` before; held */
    char name[SIM_NAME];   /* empty: of content */
    uint64_t at, size;     /* content: where, and the size before */
    struct dw_buf bytes;   /* ... and what stood there */
};
static struct undo *undo;

int64_t sim_stamp(void)
{
    return sim.real_ns - sim.real_ns % sim.tick_ns;
}

static uint64_t new_number(void)
{
    if (sim.free_count && !sim_chance(5))
        return sim.free_inode[--sim.free_count];
    return ++sim.next_inode;
}

static struct sim_inode *new_inode(uint32_t mode, bool ours)
{
    struct sim_inode *i = dw_calloc(1, sizeof *i);
    DW_ASSERT(i);
    *i = (struct sim_inode){.next = sim.inodes, .number = new_number(), .mode = mode, .ours = ours, .text_len = SIM_ALL};
    i->mtime_ns = i->ctime_ns = sim_stamp();
    i->birth_ns = sim.births ? i->mtime_ns : 0;
    sim.inodes = i;
    return i;
}

static void drop_if_unused(struct sim_inode *i)
{
    struct sim_inode **at = &sim.inodes;
    if (i->links || i->opens)
        return;
    while (*at != i)
        at = &(*at)->next;
    *at = i->next;
    if (sim.free_count < DW_COUNT_OF(sim.free_inode))
        sim.free_inode[sim.free_count++] = i->number;
    if (S_ISDIR(i->mode))
        sim_tell_gone(i);
    struct sim_inode *in = i->in;
    dw_buf_fini(&i->bytes);
    dw_free(i->entry);
    dw_free(i);
    if (in)
        sim_release(in);
}

void sim_hold(struct sim_inode *i)
{
    i->opens++;
}

void sim_release(struct sim_inode *i)
{
    DW_ASSERT(i->opens > 0);
    i->opens--;
    drop_if_unused(i);
}

/* ---- names ---- */

static struct sim_entry *entry_of(const struct sim_inode *folder, const char *name, size_t len)
{
    for (uint32_t i = 0; i < folder->entry_count; i++) {
        struct sim_entry *e = &folder->entry[i];
        if (e->inode && strlen(e->name) == len && memcmp(e->name, name, len) == 0)
            return e;
    }
    return NULL;
}

/* The folder of a path, and its last name; NULL: not there. */
static struct sim_inode *folder_of(const char *path, const char **ret_name)
{
    struct sim_inode *at = sim.root;
    while (*path == '/')
        path++;
    for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        const struct sim_entry *e = entry_of(at, path, (size_t)(slash - path));
        if (!e || !S_ISDIR(e->inode->mode))
            return NULL;
        at = e->inode;
    }
    *ret_name = path;
    return at;
}

struct sim_inode *sim_find(const char *path, bool follow)
{
    const char *name;
    struct sim_inode *folder = folder_of(path, &name);
    if (!folder || !*name)
        return folder;
    const struct sim_entry *e = entry_of(folder, name, strlen(name));
    struct sim_inode *i = e ? e->inode : NULL;
    if (i && follow && S_ISLNK(i->mode)) {
        char to[SIM_PATH];
        (void)snprintf(to, sizeof to, "%.*s", (int)i->bytes.len, i->bytes.ptr);
        return sim_find(to, false);
    }
    return i;
}

static void stamp_folder(struct sim_inode *folder)
{
    folder->mtime_ns = folder->ctime_ns = sim_stamp();
}

static void note_name(struct sim_inode *folder, const char *name, struct sim_inode *was)
{
    if (!folder->ours)
        return;
    struct undo *u = dw_calloc(1, sizeof *u);
    DW_ASSERT(u);
    *u = (struct undo){.next = undo, .of = folder, .was = was};
    (void)snprintf(u->name, sizeof u->name, "%s", name);
    sim_hold(folder);
    if (was)
        sim_hold(was);
    undo = u;
}

static void set_place(struct sim_inode *i, struct sim_inode *folder, const char *name)
{
    struct sim_inode *was = i->in;
    i->in = folder;
    (void)snprintf(i->name, sizeof i->name, "%s", name);
    sim_hold(folder);
    if (was)
        sim_release(was);
}

/* A name leads to `i` from now on; NULL: to nothing. */
static void set_name(struct sim_inode *folder, const char *name, struct sim_inode *i)
{
    struct sim_entry *e = entry_of(folder, name, strlen(name));
    struct sim_inode *was = e ? e->inode : NULL;
    if (i) {
        i->links++;
        set_place(i, folder, name);
    }
    for (uint32_t k = 0; i && !e && k < folder->entry_count; k++)
        e = folder->entry[k].inode ? NULL : &folder->entry[k];
    if (i && !e) {
        if (folder->entry_count == folder->entry_cap) {
            folder->entry_cap = folder->entry_cap ? folder->entry_cap * 2 : 8;
            folder->entry = dw_resize(folder->entry, folder->entry_cap * sizeof *folder->entry);
            DW_ASSERT(folder->entry);
        }
        e = &folder->entry[folder->entry_count++];
    }
    if (e) {
        e->inode = i;
        (void)snprintf(e->name, sizeof e->name, "%s", name);
    }
    if (was) {
        was->links--;
        was->ctime_ns = sim_stamp();
        drop_if_unused(was);
    }
    stamp_folder(folder);
}

struct sim_inode *sim_make(const char *path, uint32_t mode)
{
    const char *name;
    struct sim_inode *folder = folder_of(path, &name);
    if (!folder || entry_of(folder, name, strlen(name)))
        return NULL;
    struct sim_inode *i = new_inode(mode, folder->ours);
    note_name(folder, name, NULL);
    set_name(folder, name, i);
    sim_tell(folder, name, IN_CREATE | (S_ISDIR(mode) ? IN_ISDIR : 0));
    return i;
}

struct sim_inode *sim_make_folders(const char *path, bool ours)
{
    char part[SIM_PATH];
    if (!sim.root) {
        sim.root = new_inode(S_IFDIR | 0755, false);
        sim.root->links = 1;
    }
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i])
            continue;
        (void)snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (!sim_find(part, true))
            (void)sim_make(part, S_IFDIR | 0755);
    }
    struct sim_inode *folder = sim_find(path, true);
    folder->ours = ours;
    return folder;
}

int sim_move(const char *from, const char *to)
{
    const char *old, *name;
    struct sim_inode *a = folder_of(from, &old), *b = folder_of(to, &name);
    const struct sim_entry *e = a ? entry_of(a, old, strlen(old)) : NULL;
    if (!e || !b)
        return ENOENT;
    struct sim_inode *i = e->inode, *over = sim_find(to, false);
    if (i == over)
        return 0;
    note_name(b, name, over);
    note_name(a, old, i);
    sim_hold(i);
    set_name(b, name, i);
    set_name(a, old, NULL);
    i->ctime_ns = sim_stamp();
    uint32_t kind = S_ISDIR(i->mode) ? IN_ISDIR : 0;
    sim_tell(a, old, IN_MOVED_FROM | kind);
    sim_tell(b, name, IN_MOVED_TO | kind);
    if (kind)
        sim_tell(i, "", IN_MOVE_SELF);
    sim_release(i);
    return 0;
}

int sim_remove(const char *path)
{
    const char *name;
    struct sim_inode *folder = folder_of(path, &name);
    struct sim_entry *e = folder ? entry_of(folder, name, strlen(name)) : NULL;
    if (!e)
        return ENOENT;
    if (S_ISDIR(e->inode->mode))
        return EISDIR;
    note_name(folder, name, e->inode);
    set_name(folder, name, NULL);
    sim_tell(folder, name, IN_DELETE);
    return 0;
}

int sim_remove_folder(const char *path)
{
    const char *name;
    struct sim_inode *above = folder_of(path, &name), *folder = sim_find(path, false);
    if (!folder || !S_ISDIR(folder->mode))
        return folder ? ENOTDIR : ENOENT;
    for (uint32_t i = 0; i < folder->entry_count; i++)
        if (folder->entry[i].inode)
            return ENOTEMPTY;
    set_name(above, name, NULL);
    sim_tell(above, name, IN_DELETE | IN_ISDIR);
    return 0;
}

void sim_link(const char *path, const char *to)
{
    const char *name;
    struct sim_inode *folder = folder_of(path, &name), *i = new_inode(S_IFLNK | 0777, false);
    dw_buf_add(&i->bytes, to, strlen(to));
    bool over = entry_of(folder, name, strlen(name)) != NULL;
    set_name(folder, name, i);
    sim_tell(folder, name, over ? IN_MOVED_TO : IN_CREATE);
}

/* ---- content ---- */

static void note_content(struct sim_inode *i, uint64_t at, size_t len)
{
    if (!i->ours || S_ISDIR(i->mode))
        return;
    for (const struct undo *old = undo; old; old = old->next)
        if (old->of == i && at >= old->size && at >= i->bytes.len)
            return; /* it ends before this already, once that is taken back */
    struct undo *u = dw_calloc(1, sizeof *u);
    DW_ASSERT(u);
    *u = (struct undo){.next = undo, .of = i, .at = at, .size = i->bytes.len};
    if (at < i->bytes.len)
        dw_buf_add(&u->bytes, i->bytes.ptr + at, len < i->bytes.len - at ? len : i->bytes.len - at);
    sim_hold(i);
    undo = u;
}

static void set_size(struct sim_inode *i, uint64_t size)
{
    if (size > i->bytes.len) {
        char *end = dw_buf_reserve(&i->bytes, size - i->bytes.len);
        DW_ASSERT(end);
        memset(end, 0, size - i->bytes.len);
    }
    i->bytes.len = size;
}

void sim_put(struct sim_inode *i, uint64_t at, const void *bytes, size_t len)
{
    note_content(i, at, len);
    if (at + len > i->bytes.len)
        set_size(i, at + len);
    if (len)
        memcpy(i->bytes.ptr + at, bytes, len);
    i->mtime_ns = i->ctime_ns = sim_stamp();
    sim_tell_file(i, IN_MODIFY);
}

void sim_cut(struct sim_inode *i, uint64_t size)
{
    if (size < i->bytes.len)
        note_content(i, size, i->bytes.len - size);
    set_size(i, size);
    i->mtime_ns = i->ctime_ns = sim_stamp();
    sim_tell_file(i, IN_MODIFY);
}

/* ---- what is durable ---- */

static void free_undo(struct undo *u)
{
    if (u->was)
        sim_release(u->was);
    sim_release(u->of);
    dw_buf_fini(&u->bytes);
    dw_free(u);
}

void sim_synced(struct sim_inode *i)
{
    for (struct undo **at = &undo; *at;) {
        struct undo *u = *at;
        if (u->of != i) {
            at = &u->next;
            continue;
        }
        *at = u->next;
        free_undo(u);
    }
}

uint64_t sim_synced_size(const struct sim_inode *i)
{
    uint64_t size = i->bytes.len;
    for (const struct undo *u = undo; u; u = u->next)
        if (u->of == i && u->at < size)
            size = u->at;
    return size;
}

static void take_back(const struct undo *u)
{
    struct sim_inode *i = u->of;
    if (u->name[0]) {
        set_name(i, u->name, u->was);
        return;
    }
    uint64_t at = u->at;
    if (u->size > i->bytes.len)
        set_size(i, u->size);
    if (u->bytes.len)
        memcpy(i->bytes.ptr + at, u->bytes.ptr, u->bytes.len);
    set_size(i, u->size);
}

/* Whether a file's unsynced changes are lost: all of them, or none. Names of one folder go together. */
void sim_power_cut(void)
{
    while (undo) {
        struct undo *u = undo;
        bool lost = !sim_chance(3);
        undo = NULL;
        struct undo **keep = &undo;
        for (struct undo *at = u, *next; at; at = next) {
            next = at->next;
            if (at->of != u->of) {
                *keep = at;
                keep = &at->next;
                at->next = NULL;
                continue;
            }
            if (lost)
                take_back(at);
            if (at != u)
                free_undo(at);
        }
        free_undo(u);
    }
}

void sim_files_begin(void)
{
    undo = NULL; /* what a world that failed left is not looked at again */
}

void sim_files_fini(void)
{
    while (undo) {
        struct undo *u = undo;
        undo = u->next;
        free_undo(u);
    }
    while (sim.inodes) {
        struct sim_inode *i = sim.inodes;
        sim.inodes = i->next;
        dw_buf_fini(&i->bytes);
        dw_free(i->entry);
        dw_free(i);
    }
    sim.root = NULL;
}
