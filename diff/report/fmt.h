/*
 * Numbers, times and names for people. All write into a buffer of the caller and return it, never
 * NULL.
 */
#ifndef DUMPDIFF_REPORT_FMT_H
#define DUMPDIFF_REPORT_FMT_H

#include "base/str.h"
#include "model/parts.h"

#define FMT_MAX 48

/* "12,345"; "-" when ABSENT. */
const char *fmt_count(uint64_t count, char buf[FMT_MAX]);
/* "1.4 KiB"; "-" when ABSENT. */
const char *fmt_bytes(uint64_t bytes, char buf[FMT_MAX]);
/* "8.8 -> 20.7 MiB", "512 B -> 1.4 KiB". */
const char *fmt_bytes_pair(uint64_t from, uint64_t to, char buf[FMT_MAX]);
/* "+12,345", "-7", "0". */
const char *fmt_count_delta(int64_t delta, char buf[FMT_MAX]);
/* "+1.4 KiB", "-532 B", "0". */
const char *fmt_bytes_delta(int64_t delta, char buf[FMT_MAX]);
/* A duration in ns: "2.047 s", "15 ms", "3 h 12 min"; "-" when ABSENT. */
const char *fmt_ns(uint64_t ns, char buf[FMT_MAX]);
/* "+2.047 s"; "0" when there is no difference, "-" when ABSENT. */
const char *fmt_ns_delta(uint64_t ns, char buf[FMT_MAX]);
/* From base to value, either way: "-298 ms". */
const char *fmt_ns_change(uint64_t base, uint64_t value, char buf[FMT_MAX]);
/* ns since 1970 as "2024-05-01T12:00:00.123Z" (fraction only where there is one); "-" if ABSENT. */
const char *fmt_time(uint64_t ns, char buf[FMT_MAX]);
/* The same, to the second. */
const char *fmt_second(uint64_t ns, char buf[FMT_MAX]);
/* "0x13c2"; "-" when ABSENT. */
const char *fmt_hex(uint64_t value, char buf[FMT_MAX]);
/* "12.3 %" of part in whole; "-" when whole is 0 or one of them ABSENT. */
const char *fmt_percent(uint64_t part, uint64_t whole, char buf[FMT_MAX]);

/* How often chance does as well: "0.012", "< 0.001"; "-" when NAN. */
const char *fmt_p(double p, char buf[FMT_MAX]);

/* new - base, at the ends of the range where it does not fit; 0 when one of them is ABSENT. */
int64_t fmt_delta(uint64_t base, uint64_t value);

/* Characters (code points) of a UTF-8 string: what it takes on a terminal, near enough. */
size_t fmt_width(const char *s);
size_t fmt_width_of(struct str s);

/* Appends s cut in its middle ("Shop.Cach…acheEntry") to at most `width` characters. */
void fmt_cut(struct strbuf *out, const char *s, size_t width);

/* The same cut at its end: "ink!fill <- press!Pr…". */
void fmt_cut_end(struct strbuf *out, const char *s, size_t width);

/* As fmt_cut for types: first the namespaces go, of arguments and then its own ("…Cart<Item>"). */
void fmt_cut_type(struct strbuf *out, const char *type, size_t width);

/* As fmt_cut for "Ns.Type.Method(Args)": first the arguments are cut down to "(…)". */
void fmt_cut_frame(struct strbuf *out, const char *frame, size_t width);

/* Type and method of a frame: "Ns.Shop.Cart.Add(Int32)" -> "Cart.Add". */
struct str fmt_method(const char *frame);

#define SPARKLINE_MOST 60u
/*
 * One block character a value, "▁▄█", between the least and the largest; a space where ABSENT. Of
 * more than SPARKLINE_MOST values so many, evenly spaced, the first and the last among them.
 */
void fmt_sparkline(struct strbuf *out, const uint64_t *values, uint32_t count);

/*
 * Puts an ASCII character in the place of each other one ("…" -> "~", an arrow -> ">", blocks of a
 * sparkline -> "_.-:=+*#", what has no likeness -> "?"): as wide as before.
 */
void fmt_ascii(struct strbuf *text);

/*
 * Appends a name as Markdown that shows it and does nothing: no markup, and neither a mention
 * (@name), a reference (#1) nor a link of what looks like an address: an empty comment splits
 * these, which nobody sees.
 */
void fmt_markdown(struct strbuf *out, const char *text);

/*
 * The same of a sentence of ours, in which a command to copy (`dumpdiff ...`) becomes code. Of
 * backquotes elsewhere (types have some in their names) nothing is made.
 */
void fmt_markdown_said(struct strbuf *out, struct str text);

/* Appends text as code, between more backquotes than any run of them in it. */
void fmt_markdown_code(struct strbuf *out, struct str text);

#endif
