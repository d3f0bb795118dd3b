/*
 * dumpexceptions: the exception objects of the heap, garbage too.
 *
 *            Address      MethodTable Message Name
 *       7f811791b4d0     7f8cfaa6d7c8 Shop.CartException
 *           Message: the cart is full
 *           StackFrame: Shop.Till.Fill(Int32)
 *
 *       Total: 34 objects
 *
 * A message may go on over several lines; none is kept.
 */
#include "base/hash.h"
#include "base/num.h"
#include "dotnet/exception_objects.h"
#include "input/log/scan.h"
#include "model/known_names.h"
#include "model/row_order.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <string.h>

/* Lines of one message. */
#define MESSAGE_LINES_MAX 60u

struct exceptions_said {
    struct transcript *t;
    struct scan_loss loss;
    struct str type, thrown_in; /* of the last one, which is not added yet; empty: none */
    uint32_t message_lines;     /* of its message, 0: it has not begun */
    uint64_t objects, printed;  /* printed: ABSENT, the closing line is missing */
    bool keep;
};

/* "7f811791b4d0     7f8cfaa6d7c8 Shop.CartException" */
static bool parse_exception(struct str text, struct str *ret_type) {
    uint64_t address, mt;
    if (!scan_address(str_next_field(&text), &address) || !scan_address(str_next_field(&text), &mt))
        return false;
    *ret_type = str_trim(text);
    return ret_type->len > 0;
}

static bool add_last(struct exceptions_said *e, struct err *err) {
    struct builder *b = e->t->b;
    struct str type = e->type, method = e->thrown_in;
    e->type = STR("");
    if (!type.len || !e->keep || (!method.len && exception_made_in_advance(type)))
        return true;
    uint64_t key = hash_combine(hash_bytes(type.ptr, type.len), hash_bytes(method.ptr, method.len));
    struct exception_row *row = builder_find(b, PART_EXCEPTIONS, key);
    if (row && str_eq(str_of(row->type), type) && str_eq(str_of(row->thrown_in), method)) {
        row->objects++;
        return true;
    }
    row = builder_row(b, PART_EXCEPTIONS, err);
    if (!row)
        return false;
    row->objects = 1;
    row->type = builder_string(b, type, err);
    if (method.len)
        row->thrown_in = builder_string(b, method, err);
    return row->type && (!method.len || row->thrown_in) &&
           builder_index(b, PART_EXCEPTIONS, key, err);
}

/* "Total: 34 objects" */
static bool exceptions_end(struct str text, uint64_t *ret_count) {
    uint64_t count;
    if (!str_eq(str_next_field(&text), STR("Total:")) ||
        !num_grouped(str_next_field(&text), &count) || !str_eq(str_trim(text), STR("objects")))
        return false;
    *ret_count = count;
    return true;
}

static bool exceptions_take(void *context, bool *ret_mine, struct err *err) {
    struct exceptions_said *e = context;
    struct str text = e->t->line.text, type;
    *ret_mine = e->printed == ABSENT;
    if (!*ret_mine || exceptions_end(text, &e->printed))
        return true;
    if (parse_exception(text, &type)) {
        if (!add_last(e, err))
            return false;
        e->type = type;
        e->thrown_in = STR("");
        e->message_lines = 0;
        e->objects++;
        return true;
    }
    if (e->type.len && str_starts(text, STR("Message:"))) {
        e->message_lines = 1;
        return true;
    }
    if (e->type.len && str_starts(text, STR("StackFrame:"))) {
        struct str method = str_trim(str_drop(text, strlen("StackFrame:")));
        size_t open = str_find(method, STR("("), 0);
        e->thrown_in = open == STR_NOT_FOUND ? method : str_take(method, open);
        e->message_lines = 0;
        return true;
    }
    *ret_mine = e->message_lines && e->message_lines++ < MESSAGE_LINES_MAX;
    return true;
}

static bool dumpexceptions_starts(const struct transcript *t) {
    static const char *const heading[] = {"Address", "MethodTable", "Message", "Name"};
    struct str rest = t->line.text;
    if (str_first(rest) != 'A')
        return false;
    for (size_t i = 0; i < sizeof(heading) / sizeof(*heading); i++)
        if (!str_eq(str_next_field(&rest), str_of(heading[i])))
            return false;
    return !str_trim(rest).len;
}

static bool dumpexceptions_read(struct transcript *t, struct err *err) {
    struct exceptions_said e = {.t = t,
                                .type = STR(""),
                                .thrown_in = STR(""),
                                .printed = ABSENT,
                                .keep = !snapshot_has(builder_snapshot(t->b), PART_EXCEPTIONS)};
    if (e.keep)
        builder_present(t->b, PART_EXCEPTIONS);
    transcript_next(t);
    if (!scan_table(t, &e.loss, exceptions_take, &e, err) || !add_last(&e, err))
        return false;
    scan_loss_report(t, &e.loss);
    if (e.keep)
        row_order_exceptions(t->b);
    if (e.printed == ABSENT)
        transcript_lacks(t, ABSENT, "dumpexceptions: the list ends without its number of objects");
    else if (e.printed != e.objects)
        builder_warn(t->b, e.printed > e.objects ? e.printed - e.objects : e.objects - e.printed,
                     "dumpexceptions: the list differs from its printed number of objects");
    transcript_command_done(t);
    return true;
}

const struct section section_dumpexceptions = {
    .name = "dumpexceptions",
    .summary = "exception objects by type and where they were thrown: dumpexceptions (SOS)",
    .may_give = PART_BIT(PART_EXCEPTIONS),
    .starts = dumpexceptions_starts,
    .read = dumpexceptions_read,
};
