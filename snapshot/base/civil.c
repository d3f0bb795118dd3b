#include "base/civil.h"

#include <stdio.h>

#define DAYS_BEFORE 719468u /* from the 1st of March of the year 0 to 1970 */
#define ERA_DAYS    146097u /* 400 years */

struct civil civil_of_day(uint64_t day) {
    uint64_t z = day + DAYS_BEFORE, era = z / ERA_DAYS, of_era = z - era * ERA_DAYS;
    uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint64_t from_march = (5 * of_year + 2) / 153;
    uint32_t month = (uint32_t)(from_march < 10 ? from_march + 3 : from_march - 9);
    return (struct civil){(uint32_t)(year + era * 400 + (month <= 2)), month,
                          (uint32_t)(of_year - (153 * from_march + 2) / 5 + 1)};
}

void civil_print(uint64_t day, char ret_date[CIVIL_MAX]) {
    struct civil date = civil_of_day(day);
    snprintf(ret_date, CIVIL_MAX, "%04u-%02u-%02u", date.year, date.month, date.day);
}

uint64_t civil_day(uint64_t year, uint64_t month, uint64_t day) {
    /* Years begin in March, so that the leap day is the last. */
    year -= month <= 2;
    uint64_t era = year / 400, of_era = year % 400;
    uint64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_BEFORE;
}
