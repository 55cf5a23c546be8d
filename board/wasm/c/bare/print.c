/*
 * WAMR's two ways to print. Built without its log it has nothing left to say that a caller does not get as text, and
 * functions with variable arguments are not for stable Rust to define.
 */
#include <stdarg.h>

int
os_printf(const char *format, ...)
{
    (void)format;
    return 0;
}

int
os_vprintf(const char *format, va_list arguments)
{
    (void)format;
    (void)arguments;
    return 0;
}
