/*
 * What WAMR includes for its platform: a processor alone, one thread. The functions are in src/platform.rs.
 */
#ifndef _PLATFORM_INTERNAL_H
#define _PLATFORM_INTERNAL_H

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BH_APPLET_PRESERVED_STACK_SIZE (2 * BH_KB)
#define BH_THREAD_DEFAULT_PRIORITY 0
#define os_thread_local_attribute

typedef uint32_t korp_tid, korp_thread, korp_mutex, korp_sem, korp_cond;
typedef struct {
    int unused;
} korp_rwlock;
typedef int os_file_handle, os_raw_file_handle, os_poll_file_handle, os_timespec;
typedef void *os_dir_stream;
typedef unsigned int os_nfds_t;

static inline os_file_handle
os_get_invalid_handle(void)
{
    return -1;
}

/* Nothing is mapped in pages here; WAMR rounds its blocks up to this, so a cache line is enough. */
static inline int
os_getpagesize(void)
{
    return 64;
}

#endif
