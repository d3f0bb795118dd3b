#include "dotnet/heap_clocks.h"

#include "base/num.h"
#include "model/parts.h"

/* A rate of a clock that can be, and [s] that no system runs without a break. */
#define RATE_LEAST  1000000u
#define RATE_MOST   10000000000u
#define UPTIME_MOST (20u * 365 * 86400)

/* The two upper bits of a DateTime say which time it is. */
#define DATE_TICKS ((uint64_t)0x3fffffffffffffff)

enum clock_thing heap_clock_thing(struct str type_name) {
    static const struct {
        enum clock_thing thing;
        const char *type;
    } known[] = {
        {CLOCK_TIMER, "System.Threading.TimerQueueTimer"},
        {CLOCK_TIMER_QUEUE, "System.Threading.TimerQueue"},
        {CLOCK_TIMEOUT,
         "Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Infrastructure.TimeoutControl"},
        {CLOCK_DATE, "Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http."
                     "DateHeaderValueManager+DateHeaderValues"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (str_eq(type_name, str_of(known[i].type)))
            return known[i].thing;
    return CLOCK_NONE;
}

/* A number of 64 bits; 0: not known. */
static uint64_t clock_number(struct modules *m, uint64_t mt, uint64_t object, const char *field) {
    uint32_t at = type_field_offset(m, mt, field), low, high;
    if (!at || !clr_u32(m->clr, object + at, &low) || !clr_u32(m->clr, object + at + 4, &high))
        return 0;
    return (uint64_t)high << 32 | low;
}

static void later(uint64_t *clock, uint64_t time) {
    if (time > *clock && time < INT64_MAX)
        *clock = time;
}

/* Kestrel's beats once a second by the clock that it says. */
static void look_at_timeout(struct heap_clocks *c, uint64_t mt, uint64_t object) {
    uint64_t stamp = clock_number(c->m, mt, object, "_lastTimestamp");
    uint64_t rate = clock_number(c->m, mt, object, "_heartbeatIntervalTicks");
    if (rate < RATE_LEAST || rate > RATE_MOST || stamp / rate > UPTIME_MOST)
        return; /* before .NET 8 that was a date */
    c->stamp_rate = rate;
    later(&c->stamp, stamp);
}

static void look_at_date(struct heap_clocks *c, uint64_t mt, uint64_t object) {
    uint32_t at = type_field_offset(c->m, mt, "String");
    uint64_t text, date;
    const char *string =
        at && clr_word(c->m->clr, object + at, &text) ? clr_string_object(c->m->clr, text) : NULL;
    if (string && heap_clock_date(str_of(string), &date))
        later(&c->wall_100_ns, date);
}

void heap_clocks_look(struct heap_clocks *c, enum clock_thing thing, uint64_t mt, uint64_t object) {
    switch (thing) {
    case CLOCK_TIMER:
        later(&c->ticks_ms, clock_number(c->m, mt, object, "_startTicks"));
        break;
    case CLOCK_TIMER_QUEUE:
        later(&c->ticks_ms, clock_number(c->m, mt, object, "_currentTimerStartTicks"));
        break;
    case CLOCK_TIMEOUT:
        look_at_timeout(c, mt, object);
        break;
    case CLOCK_DATE:
        look_at_date(c, mt, object);
        break;
    case CLOCK_NONE:
        break;
    }
}

/* -- Ages -------------------------------------------------------------------------------------- */

static uint64_t clock_age(uint64_t now, uint64_t then, uint64_t rate) {
    if (!now || !then || !rate || then > now)
        return ABSENT;
    uint64_t whole = (now - then) / rate, rest = (now - then) % rate;
    return whole > UPTIME_MOST ? ABSENT : whole * 1000000000 + rest * 1000000000 / rate;
}

/* On Unix both count from one moment, so that the later of them tells. */
static uint64_t ticks_now(const struct heap_clocks *c) {
    uint64_t by_stamp =
        c->m->clr->windows || !c->stamp_rate ? 0 : c->stamp / (c->stamp_rate / 1000);
    return by_stamp > c->ticks_ms ? by_stamp : c->ticks_ms;
}

uint64_t heap_clocks_since_ticks(const struct heap_clocks *c, uint64_t ticks_ms) {
    return clock_age(ticks_now(c), ticks_ms, 1000);
}

uint64_t heap_clocks_since_stamp(const struct heap_clocks *c, uint64_t stamp) {
    return clock_age(c->stamp, stamp, c->stamp_rate);
}

uint64_t heap_clocks_since_date(const struct heap_clocks *c, uint64_t date_data) {
    return clock_age(c->wall_100_ns, date_data & DATE_TICKS, 10000000);
}

/* -- Dates ------------------------------------------------------------------------------------- */

static bool date_number(struct str text, size_t at, size_t digits, uint64_t most,
                        uint64_t *ret_number) {
    return num_dec(str_take(str_drop(text, at), digits), ret_number) && *ret_number <= most;
}

static bool date_month(struct str text, uint64_t *ret_month) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct str month = str_take(str_drop(text, 8), 3);
    size_t at = month.len == 3 ? str_find(STR(names), month, 0) : STR_NOT_FOUND;
    *ret_month = at / 3 + 1;
    return at != STR_NOT_FOUND && at % 3 == 0;
}

/* From the first day of the year 1. */
static uint64_t days_before(uint64_t year, uint64_t month, uint64_t day) {
    static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    uint64_t years = year - 1;
    return years * 365 + years / 4 - years / 100 + years / 400 + before[month - 1] +
           (leap && month > 2) + day - 1;
}

bool heap_clock_date(struct str text, uint64_t *ret_100_ns) {
    uint64_t day, month, year, hour, minute, second;
    if (text.len != 29 || !str_ends(text, STR(" GMT")) || !date_number(text, 5, 2, 31, &day) ||
        !day || !date_month(text, &month) || !date_number(text, 12, 4, 9999, &year) || !year ||
        !date_number(text, 17, 2, 23, &hour) || !date_number(text, 20, 2, 59, &minute) ||
        !date_number(text, 23, 2, 60, &second))
        return false;
    uint64_t seconds = days_before(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *ret_100_ns = seconds * 10000000;
    return true;
}
