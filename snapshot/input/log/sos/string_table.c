#include "input/log/sos/string_table.h"

#include "base/num.h"
#include "input/log/stat_table.h"

bool string_table_row(struct str text, uint64_t *ret_count, uint64_t *ret_bytes) {
    return num_grouped(str_next_field(&text), ret_count) &&
           num_grouped(str_next_field(&text), ret_bytes) && *ret_count &&
           *ret_bytes / 22 >= *ret_count;
}

bool strings_table_starts(const struct transcript *t) {
    uint64_t count, bytes;
    if (str_eq(t->line.text, STR("Statistics:"))) {
        struct transcript scout = transcript_scout(t);
        transcript_next(&scout);
        return transcript_skip_blank(&scout) && string_table_row(scout.line.text, &count, &bytes);
    }
    return transcript_last_command_is(t, "dumpheap") &&
           transcript_last_command_has(t, "-strings") &&
           string_table_row(t->line.text, &count, &bytes);
}
