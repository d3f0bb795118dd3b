/* doc/platforms.md: its table, held against dumps. */
#ifndef DUMPDIFF_TESTS_PLATFORM_PAGE_H
#define DUMPDIFF_TESTS_PLATFORM_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#define PLATFORM_PATH_MAX 512

/*
 * Reads the dumps of all lines for which `path_of` gives a path, by what their last cell says, and
 * fails the test where a line says otherwise than they do. Gives how many lines that were.
 */
uint32_t platform_page_agrees(bool (*path_of)(char ret_path[PLATFORM_PATH_MAX], const char *dump));

#endif
