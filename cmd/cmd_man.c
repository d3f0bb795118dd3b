/* `dumpdiff man`: the page of a command, out of its entry and of the table of options. */
#include "cmd/options.h"
#include "cmd/session.h"

#include <string.h>

extern const struct command command_man;

/* Text that roff shows as it is. */
static void man_add(struct strbuf *out, struct str text) {
    bool line_begins = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (line_begins && (c == '.' || c == '\''))
            strbuf_adds(out, "\\&");
        if (c == '\\')
            strbuf_adds(out, "\\e");
        else if (c == '-')
            strbuf_adds(out, "\\-");
        else
            strbuf_addc(out, c);
        line_begins = c == '\n';
    }
}

/* Words in lines of less than 80 bytes, as mandoc wants them. */
static void man_fill(struct strbuf *out, struct str text) {
    for (size_t used = 0; text.len;) {
        size_t length = strcspn(text.ptr, " \n");
        struct str word = str_take(text, length < text.len ? length : text.len);
        text = str_drop(text, word.len + (word.len < text.len));
        if (used && used + 1 + word.len > 66) {
            strbuf_addc(out, '\n');
            used = 0;
        }
        if (used)
            strbuf_addc(out, ' ');
        man_add(out, word);
        used += word.len + (used != 0);
    }
}

static void man_line(struct strbuf *out, const char *text) {
    man_fill(out, str_of(text));
    strbuf_addc(out, '\n');
}

/* A list or an example: each line as it stands. "name   what it is" has two blanks in a row. */
static bool man_is_laid_out(struct str paragraph) {
    struct str line;
    while (str_next_line(&paragraph, &line))
        if (str_starts(line, STR(" ")) || str_find(line, STR("  "), 0) != STR_NOT_FOUND)
            return true;
    return false;
}

static void man_paragraph(struct strbuf *out, struct str paragraph, bool first) {
    static const char status[] = "Exit status: ";
    if (str_starts(paragraph, STR(status))) {
        strbuf_adds(out, ".SH EXIT STATUS\n");
        paragraph = str_drop(paragraph, sizeof(status) - 1);
    } else if (!first) {
        strbuf_adds(out, ".PP\n");
    }
    bool laid_out = man_is_laid_out(paragraph);
    strbuf_adds(out, laid_out ? ".nf\n" : "");
    if (laid_out)
        man_add(out, paragraph);
    else
        man_fill(out, paragraph);
    strbuf_adds(out, laid_out ? "\n.fi\n" : "\n");
}

static void man_paragraphs(struct strbuf *out, const char *text, bool exit_status) {
    struct str rest = str_of(text);
    for (bool first = true; rest.len;) {
        size_t end = str_find(rest, STR("\n\n"), 0);
        struct str one = end == STR_NOT_FOUND ? rest : str_take(rest, end);
        rest = str_drop(rest, end == STR_NOT_FOUND ? rest.len : end + 2);
        if (str_starts(one, STR("Exit status: ")) != exit_status)
            continue;
        man_paragraph(out, one, first);
        first = false;
    }
}

static void man_option(struct strbuf *out, const struct option_desc *d,
                       const struct command *command) {
    struct strbuf help;
    strbuf_adds(out, ".TP\n\\fB");
    if (d->letter)
        strbuf_addf(out, "\\-%c\\fR, \\fB", d->letter);
    strbuf_adds(out, "\\-\\-");
    man_add(out, str_of(d->name));
    strbuf_adds(out, "\\fR");
    if (d->value) {
        strbuf_adds(out, " \\fI");
        man_add(out, str_of(d->value));
        strbuf_adds(out, "\\fR");
    }
    strbuf_addc(out, '\n');
    strbuf_init(&help);
    option_help(d, command, &help);
    man_line(out, strbuf_cstr(&help));
    strbuf_deinit(&help);
}

static void man_page(struct strbuf *out, const struct command *command) {
    strbuf_adds(out, ".TH DUMPDIFF\\-");
    for (const char *c = command->name; *c; c++)
        strbuf_addc(out, (char)(*c - 'a' + 'A'));
    strbuf_addf(out, " 1 \"%s\" \"dumpdiff %s\" \"User Commands\"\n.SH NAME\ndumpdiff\\-%s \\-\n",
                DUMPDIFF_RELEASED, DUMPDIFF_VERSION, command->name);
    man_line(out, command->summary);
    strbuf_addf(out, ".SH SYNOPSIS\n.B dumpdiff %s\n", command->name);
    man_line(out, command->arguments);
    strbuf_adds(out, ".SH DESCRIPTION\n");
    man_paragraphs(out, command->help, false);
    strbuf_adds(out, ".SH OPTIONS\n");
    for (size_t i = 0; option_descs[i].name; i++)
        if (option_descs[i].commands & command->bit)
            man_option(out, &option_descs[i], command);
    man_paragraphs(out, command->help, true);
    strbuf_adds(out, ".SH SEE ALSO\n.BR dumpdiff (1)\n");
}

static bool man_say(struct options *o, struct strbuf *out, struct err *err) {
    const struct command *command = o->argument_count == 1 ? command_find(o->arguments[0]) : NULL;
    if (!command)
        return err_set(err, ERR_USAGE, "man wants one command (see `dumpdiff --help`)");
    man_page(out, command);
    return true;
}

static int cmd_man_run(int argc, char **argv) {
    return command_says(&command_man, argc, argv, man_say);
}

const struct command command_man = {
    "man",
    "COMMAND",
    "the manual page of a command",
    "Prints the page that `make install` installs as dumpdiff-COMMAND(1), for man(1):\n"
    "\n"
    "  dumpdiff man diff | man -l -\n"
    "\n"
    "Exit status: 0 printed; 2 wrong command line.",
    COMMAND_MAN,
    cmd_man_run,
};
