/*
 * slices: cutting a frame's content into pieces that can be proved, disclosed or erased one by one.
 *
 * Invariant: the slices are disjoint, in order, and cover the content.
 */
#include "slices.h"

void dw__root_text(struct dw_sha256 *sha, struct dw_str text, const struct dw_event *event, uint32_t count,
    uint8_t ret[DW_SHA256_BYTES])
{
    struct dw_tree tree;
    size_t from = 0, to = 0;
    dw_tree_init(&tree);
    for (uint32_t i = 0; i < count; i++) {
        to += event[i].line.len + 1;
        if (to - from >= DW_SLICE_BYTES) {
            dw_tree_add(&tree, sha, dw_str_slice(text, from, to));
            from = to;
        }
    }
    if (to > from)
        dw_tree_add(&tree, sha, dw_str_slice(text, from, to));
    dw_tree_head(&tree, sha, ret);
}

void dw__root_views(struct dw_sha256 *sha, struct dw_str views, uint8_t ret[DW_SHA256_BYTES])
{
    struct dw_tree tree;
    dw_tree_init(&tree);
    for (size_t from = 0; from < views.len; from += DW_SLICE_BYTES)
        dw_tree_add(&tree, sha, dw_str_slice(views, from, from + DW_SLICE_BYTES));
    dw_tree_head(&tree, sha, ret);
}
