/*
 * fuzz_redact: any regex of a user on any line, beside the built-in rules and with hashes.
 *
 * The first line is the regex, the rest the log line (newlines too, as joined lines have them). Oracle: a regex is refused or works; pieces lie within
 * the line, ascending; nothing changes but what is listed, where only '*' and hashes are left; equal text has equal hashes; finding again finds the same.
 */
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/parsers/redact_own.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REGEX_MAX = 200 };

/* A key that is in no folder. */
static const char *key_path(void)
{
    static char path[64];
    static const char key[] = "0123456789abcdef0123456789abcdef";
    if (!path[0]) {
        int fd = memfd_create("key", MFD_CLOEXEC); /* as long as the process */
        DW_ASSERT(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, key, sizeof key - 1) == (ssize_t)sizeof key - 1);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    return path;
}

/* Whether the byte at `i` may differ from the line's. */
static bool is_listed(const struct dw_redact_pieces *p, size_t i)
{
    for (uint32_t k = 0; k < p->count && p->mask[k].start <= i; k++)
        if (i - p->mask[k].start < p->mask[k].len)
            return true;
    return false;
}

static void check_piece(const struct dw_redact_pieces *p, uint32_t k, struct dw_str line, const char *copy)
{
    const struct dw_mask *m = &p->mask[k];
    DW_ASSERT(m->len > 0 && m->start < line.len && m->len <= line.len - m->start);
    DW_ASSERT(k == 0 || p->mask[k - 1].start <= m->start);
    for (uint32_t i = m->start; i < m->start + m->len; i++) {
        bool hex = (copy[i] >= '0' && copy[i] <= '9') || (copy[i] >= 'a' && copy[i] <= 'f');
        DW_ASSERT(copy[i] == '*' || hex || m->rule == DW_REDACT_CARDS);
    }
    if (!m->hashed)
        return;
    DW_ASSERT(m->len >= DW_REDACT_HASH_MIN && !m->rest);
    struct dw_str text = dw_str_slice(line, m->start, m->start + m->len);
    for (uint32_t i = 0; i < k; i++) {
        const struct dw_mask *o = &p->mask[i];
        if (o->hashed && dw_str_eq(dw_str_slice(line, o->start, o->start + o->len), text))
            DW_ASSERT(memcmp(copy + o->start, copy + m->start, m->len) == 0);
    }
}

static void run(struct dw_redact_own *own, struct dw_str line)
{
    struct dw_redact_pieces p, again;
    char *copy = dw_alloc(line.len), note[DW_REDACT_NOTE_MAX];
    DW_ASSERT(copy && dw_redact_own_find(own, (1u << DW_REDACT_RULES) - 1, line, &p) == DW_OK);
    memcpy(copy, line.ptr, line.len);
    dw_redact_own_apply(own, line, &p, copy);
    for (uint32_t i = 0; i < p.count; i++) {
        check_piece(&p, i, line, copy);
        DW_ASSERT(dw_redact_note(own, &p.mask[i], note) > 0);
    }
    for (size_t i = 0; i < line.len; i++)
        DW_ASSERT(copy[i] == line.ptr[i] || is_listed(&p, i));
    uint32_t count = p.count;
    bool limited = p.limited;
    DW_ASSERT(dw_redact_own_find(own, (1u << DW_REDACT_RULES) - 1, line, &again) == DW_OK && again.count == count && again.limited == limited);
    dw_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str line = dw_str_make((const char *)data, size), regex = dw_str_cut(&line, '\n'), name = DW_STR("own");
    if (!line.ptr || line.len == 0 || regex.len > REGEX_MAX || size > 16384)
        return 0;
    struct dw_str hash[] = {DW_STR("own"), DW_STR("cards"), DW_STR("passwords"), DW_STR("tokens")};
    struct dw_agent_options opt = {.redact_rules = {&name, &regex, 1}, .redact_hash = {hash, DW_COUNT_OF(hash)}, .redact_key_file = dw_str_of(key_path())};
    struct dw_redact_own *own = NULL;
    struct dw_buf why = {0};
    const char *option;
    int rc = dw_redact_own_new(&dw_fs_system, &opt, &own, &option, &why);
    DW_ASSERT((rc == DW_OK && own) || (rc == DW_ECONFIG && !own && why.len));
    if (own) {
        char *exact = dw_alloc(line.len); /* so a read past the end is seen */
        DW_ASSERT(exact);
        memcpy(exact, line.ptr, line.len);
        run(own, dw_str_make(exact, line.len));
        dw_free(exact);
    }
    dw_redact_own_free(own);
    dw_buf_fini(&why);
    return 0;
}
