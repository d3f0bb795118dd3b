#include "input/log/thread_json.h"

/* What is known of the thread whose object is read; borrowed. */
struct json_thread {
    struct str id, name, state, blocked_on, waiting_on, parked_for;
    bool is_virtual, is_in_stack, is_in_locks, is_begun;
    size_t frames;
};

bool thread_json_probe(struct str text) {
    struct str line = {"", 0}, head = str_take(text, 4096);
    while (str_next_line(&head, &line) && !str_trim(line).len)
        continue;
    return str_eq(str_trim(line), STR("{")) && str_next_line(&head, &line) &&
           str_starts(str_trim(line), STR("\"threadDump\": {"));
}

/* "\"tid\": \"35\",": the value of that key without quotes and comma. */
static bool json_value(struct str line, struct str key, struct str *ret_value) {
    if (!str_starts(line, STR("\"")) || !str_starts(str_drop(line, 1), key) ||
        !str_starts(str_drop(line, 1 + key.len), STR("\": ")))
        return false;
    struct str value = str_drop(line, key.len + 4);
    if (str_ends(value, STR(",")))
        value = str_take(value, value.len - 1);
    if (value.len >= 2 && str_first(value) == '"' && str_ends(value, STR("\"")))
        value = str_take(str_drop(value, 1), value.len - 2);
    *ret_value = value;
    return true;
}

/* Without the backslashes that JSON has in front of slashes and quotes. */
static void json_add_unescaped(struct strbuf *out, struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        i += s.ptr[i] == '\\' && i + 1 < s.len;
        strbuf_addc(out, s.ptr[i]);
    }
}

static void json_add_wait(struct strbuf *out, const char *how, struct str what) {
    if (!what.len)
        return;
    strbuf_addf(out, "    - %s <", how);
    json_add_unescaped(out, what);
    strbuf_adds(out, ">\n");
}

/* "\"quay.Crane.run(Crane.java:40)\",", alone on a line; empty: it is none. */
static struct str json_string(struct str line) {
    if (str_ends(line, STR(",")))
        line = str_take(line, line.len - 1);
    bool is = line.len >= 2 && str_first(line) == '"' && str_last(line) == '"';
    return is ? str_take(str_drop(line, 1), line.len - 2) : str_take(line, 0);
}

static void json_add_frame(struct json_thread *t, struct strbuf *out, struct str line) {
    struct str frame = json_string(line);
    if (!frame.len)
        return;
    strbuf_adds(out, t->state.len ? "    at " : "      ");
    json_add_unescaped(out, frame);
    strbuf_addc(out, '\n');
    if (t->frames++)
        return;
    json_add_wait(out, "waiting to lock", t->blocked_on);
    json_add_wait(out, "waiting on", t->waiting_on);
    json_add_wait(out, "parking to wait for", t->parked_for);
}

static void json_begin_stack(struct json_thread *t, struct strbuf *out) {
    strbuf_addc(out, '\n');
    strbuf_addc(out, '#');
    strbuf_add(out, t->id);
    strbuf_adds(out, " \"");
    json_add_unescaped(out, t->name);
    strbuf_adds(out, t->is_virtual ? "\" virtual" : "\"");
    if (t->state.len)
        strbuf_addc(out, ' ');
    strbuf_add(out, t->state);
    strbuf_addc(out, '\n');
    t->is_in_stack = t->is_begun = true;
    t->frames = 0;
}

/* Keys in front of the first thread are the three lines of the heading. */
static void json_take_key(struct json_thread *t, struct strbuf *out, struct str line) {
    struct str value;
    if (json_value(line, STR("processId"), &value) ||
        json_value(line, STR("runtimeVersion"), &value) ||
        (!t->id.len && json_value(line, STR("time"), &value))) {
        json_add_unescaped(out, value);
        strbuf_addc(out, '\n');
    } else if (json_value(line, STR("tid"), &value)) {
        *t = (struct json_thread){.id = value};
    } else if (json_value(line, STR("name"), &value)) {
        t->name = value;
    } else if (json_value(line, STR("state"), &value)) {
        t->state = value;
    } else if (json_value(line, STR("blockedOn"), &value)) {
        t->blocked_on = value;
    } else if (json_value(line, STR("waitingOn"), &value)) {
        t->waiting_on = value;
    } else if (json_value(line, STR("object"), &value)) {
        t->parked_for = value;
    } else if (json_value(line, STR("virtual"), &value)) {
        t->is_virtual = str_eq(value, STR("true"));
    }
}

void thread_json_add(struct strbuf *out, struct str text) {
    struct json_thread t = {.is_begun = false};
    for (struct str line; str_next_line(&text, &line);) {
        line = str_trim(line);
        bool closes = str_starts(line, STR("]"));
        if (t.is_in_stack && !closes)
            json_add_frame(&t, out, line);
        else if (t.is_in_locks && !closes)
            json_add_wait(out, "locked", json_string(line));
        else if (t.id.len && str_starts(line, STR("\"stack\": [")))
            json_begin_stack(&t, out);
        else if (t.is_begun && str_starts(line, STR("\"locks\": [")))
            t.is_in_locks = true;
        else
            json_take_key(&t, out, line);
        if (closes || str_ends(line, STR("[]")) || str_ends(line, STR("[],")))
            t.is_in_stack = t.is_in_locks = false;
    }
}
