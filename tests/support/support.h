/*
 * What every test may use: cmocka with its includes, doubles for memory and files, a temporary folder.
 *
 * cmocka's assertions longjmp: only on the test's own thread, never inside a library's callback.
 */
#ifndef DOGWATCH_TESTS_SUPPORT_H
#define DOGWATCH_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dogwatch/base/buf.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/mem.h"

/* Fails the nth allocation (from 1) after this call; 0: none, and the real allocator again. */
void mem_fail_at(unsigned nth);
/* How many allocations failed since mem_fail_at. */
unsigned mem_fail_hits(void);

/* How the failing call of a faulty file system behaves. */
enum fault_model { FAULT_EIO, FAULT_TORN /* half of a write lands */, FAULT_ENOSPC };
struct faulty_fs {
    struct dw_fs fs;
    int fail_at; /* the nth call fails, from 1; 0: none */
    int calls, hits;
    enum fault_model model;
    bool sticky; /* every call after the failing one fails too, as in a crash */
};
void faulty_fs_init(struct faulty_fs *f, int fail_at, enum fault_model model);

/* Makes a new folder for this test below TMPDIR and returns its path (static per call until the next). */
const char *temp_dir(void);
/* Removes a folder of temp_dir with all in it. */
void temp_dir_remove(const char *path);

/* Asserts that view `got` is the C string `want`. */
void assert_str(struct dw_str got, const char *want);

#endif
