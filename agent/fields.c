/*
 * fields: what is known of a log, in few bytes.
 *
 * Idea: most of what a log is called stands in its path, or is the host's name, so six bytes that say where a value stands are enough. Frames want the fields of a stream spelt out:
 * that is made when a stream is read, and let go when it rests.
 *
 * Bound: SIGHTING_FIELDS values of SIGHTING_VALUE_MAX bytes, and a path, are less than `at` can name.
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

/* What so many logs say that it is held once. */
static const char *const words[] = {"kubernetes", "docker", "podman"};

enum { AT_WORDS = UINT16_MAX - (int)DW_COUNT_OF(words), AT_HOST = UINT16_MAX };

_Static_assert(DW_KEYS_MAX - 1 <= UINT16_MAX, "a key");
_Static_assert(AGENT_PATH_MAX + SIGHTING_FIELDS * SIGHTING_VALUE_MAX < AT_WORDS, "a place of a value");

/* One piece of memory. A value at `at` stands in the log's path, behind its end in `text`, is one of `words` or the host's name. */
struct log_fields {
    uint32_t count;
    struct {
        uint16_t key, at, len;
    } item[];
    /* text follows */
};

static char *text_of(struct log_fields *l)
{
    return (char *)&l->item[l->count];
}

/* Where a value is held anyway; 0: nowhere that could be named otherwise. */
static uint16_t held_at(const struct agent *a, const struct found *f, struct dw_str v)
{
    if (dw_str_eq(v, dw_str_of(a->host)))
        return AT_HOST;
    for (size_t i = 0; i < DW_COUNT_OF(words); i++)
        if (dw_str_eq(v, dw_str_of(words[i])))
            return (uint16_t)(AT_WORDS + i);
    const char *in_path = memmem(f->path, strlen(f->path), v.ptr, v.len);
    return in_path ? (uint16_t)(in_path - f->path) : 0;
}

int fields_set(const struct agent *a, struct found *f, const struct sighting *seen)
{
    size_t path = strlen(f->path), bytes = sizeof *f->fields + seen->field_count * sizeof f->fields->item[0], used = 0;
    for (uint32_t i = 0; i < seen->field_count; i++)
        bytes += seen->field[i].len; /* at most; the rest is given back */
    struct log_fields *l = dw_alloc(bytes);
    if (!l)
        return DW_ENOMEM;
    l->count = seen->field_count;
    char *text = text_of(l);
    for (uint32_t i = 0; i < l->count; i++) {
        struct dw_str v = dw_field_str(&seen->field[i]);
        uint16_t held = held_at(a, f, v);
        l->item[i].key = (uint16_t)seen->field[i].key;
        l->item[i].len = (uint16_t)v.len;
        l->item[i].at = held ? held : (uint16_t)(path + used);
        if (held)
            continue;
        memcpy(text + used, v.ptr, v.len);
        used += v.len;
    }
    struct log_fields *less = dw_resize(l, (size_t)(text - (char *)l) + used);
    dw_free(f->fields);
    f->fields = less ? less : l;
    return DW_OK;
}

uint32_t fields_count(const struct found *f)
{
    return FIELDS_OWN + f->fields->count;
}

struct dw_field fields_at(const struct agent *a, const struct found *f, uint32_t i)
{
    struct log_fields *l = f->fields;
    struct dw_str path = dw_str_of(f->path), host = dw_str_of(a->host);
    if (i < FIELDS_OWN) {
        struct dw_str v = i ? path : host;
        return (struct dw_field){.v.ptr = v.ptr, .len = (uint32_t)v.len, .key = i ? DW_F_log_file_path : DW_F_host_name, .kind = DW_K_CONST};
    }
    i -= FIELDS_OWN;
    size_t at = l->item[i].at;
    const char *v = at == AT_HOST ? host.ptr : at >= AT_WORDS ? words[at - AT_WORDS] : at < path.len ? path.ptr + at : text_of(l) + (at - path.len);
    return (struct dw_field){.v.ptr = v, .len = l->item[i].len, .key = l->item[i].key, .kind = DW_K_CONST};
}

int fields_spell(const struct agent *a, struct tail *t)
{
    uint32_t count = fields_count(t->series);
    struct dw_field *field = dw_calloc(count, sizeof *field);
    if (!field)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        field[i] = fields_at(a, t->series, i);
    fields_unspell(t);
    t->stream.field = field;
    t->stream.field_count = count;
    return DW_OK;
}

void fields_unspell(struct tail *t)
{
    dw_free((void *)(uintptr_t)t->stream.field);
    t->stream.field = NULL;
    t->stream.field_count = 0;
}
