/* Fuzz: bytes as lines of messages. Each has one template, within its bounds; words stand in it in order; what a miner makes of all of them counts
 * each line once, and the same lines give the same templates again. */
#include "support.h"

#include "dogwatch/template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mask(struct dw_str line)
{
    static struct dw_template t;
    size_t at = 0;
    dw_template_mask(line, &t);
    DW_ASSERT(t.len <= DW_TEMPLATE_BYTES_MAX && t.word_count <= DW_TEMPLATE_WORDS_MAX);
    for (uint32_t i = 0; i < t.word_count; i++) {
        DW_ASSERT(t.word[i].at >= at && t.word[i].len > 0);
        at = (size_t)t.word[i].at + t.word[i].len;
        DW_ASSERT(at <= t.len);
    }
    for (size_t i = 0; i < t.len; i++)
        DW_ASSERT((uint8_t)t.text[i] >= ' ' && t.text[i] != 0x7f);
}

static struct dw_miner *mine(struct dw_str text, uint64_t *ret_lines)
{
    struct dw_miner *m = dw_miner_new(&(struct dw_miner_opts){.templates_max = 1000});
    uint32_t number;
    *ret_lines = 0;
    while (text.ptr) {
        struct dw_str line = dw_str_cut(&text, '\n');
        check_mask(line);
        DW_ASSERT(dw_miner_add(m, line, &number) == DW_OK);
        *ret_lines += 1;
    }
    DW_ASSERT(dw_miner_refine(m) == DW_OK);
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str text = dw_str_make((const char *)data, size);
    uint64_t lines, again, counted = 0;
    struct dw_miner *a = mine(text, &lines), *b = mine(text, &again);
    DW_ASSERT(lines == again && dw_miner_count(a) == dw_miner_count(b));
    for (uint32_t i = 0; i < dw_miner_count(a); i++) {
        struct dw_mined x = dw_miner_at(a, i), y = dw_miner_at(b, i);
        DW_ASSERT(dw_str_eq(x.text, y.text) && x.count == y.count && x.first == y.first);
        counted += x.count;
    }
    DW_ASSERT(counted == lines);
    dw_miner_free(a);
    dw_miner_free(b);
    return 0;
}
