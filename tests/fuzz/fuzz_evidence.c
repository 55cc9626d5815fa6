/* Fuzz: bytes as the list of an evidence pack; as a pack in a tar, judged when it is one; and as each of the files of a pack, judged. */
#include "support.h"

#include "dogwatch/collect/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *arg, const char *where, const char *text, bool absent)
{
    unsigned *said = arg;
    (void)absent;
    DW_ASSERT(where[0] && text[0]);
    ++*said;
}

static void judge(const struct dw_epack *pack, unsigned *said)
{
    struct dw_judged judged;
    const struct dw_evidence_judge how = {.problem = count, .arg = said};
    int rc = dw_evidence_judge(&how, pack, &judged);
    DW_ASSERT(rc == DW_OK || rc == DW_ELIMIT);
}

/* A pack of files that each hold the bytes: it cannot be right, and that is said. */
static void judge_files(struct dw_str bytes)
{
    static const char *const names[] = {"alert.json", "MANIFEST", "rule/0000-a.yml", "frames/a.frame", "frames/b.chain", "events.ndjson", "match.json"};
    struct dw_epack *pack = dw_epack_new("00");
    unsigned said = 0;
    int rc;
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        struct dw_buf *to = dw_epack_add(pack, names[i], &rc);
        DW_ASSERT(to);
        dw_buf_str(to, bytes);
    }
    judge(pack, &said);
    DW_ASSERT(said);
    dw_epack_free(pack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str bytes = dw_str_make((const char *)data, size);
    struct dw_epack_list list;
    struct dw_epack *pack = NULL;
    uint8_t digest[DW_SHA256_BYTES];
    uint32_t line;
    unsigned said = 0;
    int rc = dw_epack_list_read(bytes, &list, &line);
    for (uint32_t i = 0; rc == DW_OK && i < list.count; i++)
        DW_ASSERT(list.entry[i].name[0] != '/' && !strstr(list.entry[i].name, "/.") && list.entry[i].name[0] != '.');
    dw_epack_list_fini(&list);
    rc = dw_epack_read_tar(bytes, count, &said, &pack, digest);
    DW_ASSERT(rc == DW_OK || said); /* what is refused is told, with its place */
    if (rc == DW_OK)
        judge(pack, &said);
    dw_epack_free(pack);
    judge_files(bytes);
    return 0;
}
