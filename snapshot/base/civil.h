/*
 * Days since 1970 as dates of the Gregorian calendar, and back. Source: H. Hinnant,
 * "chrono-compatible low-level date algorithms" (civil_from_days, days_from_civil).
 */
#ifndef DUMPDIFF_BASE_CIVIL_H
#define DUMPDIFF_BASE_CIVIL_H

#include <stdint.h>

struct civil {
    uint32_t year, month, day; /* months and days from 1 */
};

/* The date of a day; of days that times in nanoseconds since 1970 can be at, it is exact. */
struct civil civil_of_day(uint64_t day);

#define CIVIL_MAX 40

/* "2026-11-30" */
void civil_print(uint64_t day, char ret_date[CIVIL_MAX]);

/* Days since 1970; month 1 to 12. Days beyond a month's last are those of the next. */
uint64_t civil_day(uint64_t year, uint64_t month, uint64_t day);

#endif
