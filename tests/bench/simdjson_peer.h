/* simdjson behind a C function: a peer of bench_json, built only where it and a C++ compiler are. */
#ifndef DOGWATCH_TESTS_BENCH_SIMDJSON_PEER_H
#define DOGWATCH_TESTS_BENCH_SIMDJSON_PEER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads documents that stand one a line, every value of each; `padded` more bytes may be read behind `len`. Returns how many
 * values there were, keys too; 0: a document is none. */
uint64_t simdjson_values(const char *lines, size_t len);
/* Bytes that must be readable behind the text. */
size_t simdjson_padding(void);

#ifdef __cplusplus
}
#endif

#endif
