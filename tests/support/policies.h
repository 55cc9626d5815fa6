/*
 * Policies made by hand: settings of option texts, lists of entries, and what must hold of every file that is printed.
 */
#ifndef DOGWATCH_TESTS_POLICIES_H
#define DOGWATCH_TESTS_POLICIES_H

#include "support.h"

#include "dogwatch/collect/policy.h"

/* The settings of the defaults and of K=V texts, up to a NULL. */
struct dw_policy_settings *policy_settings(const char *const *set);
/* A list of `count` entries with these addresses, in these states, that end at `until_ns`; titles, authors and reasons are `text`. Freed by
 * dw_policy_list_free. */
struct dw_policy_list *policy_list_of(const char *const *address, const enum dw_policy_state *state, uint32_t count, int64_t until_ns, const char *text);
/* Asserts (by DW_ASSERT, for fuzzing too) that outside comments a file holds nothing of `mark`, and that comments are lines of printable ASCII that
 * nothing continues. */
void policy_is_contained(struct dw_str file, const char *mark);

#endif
