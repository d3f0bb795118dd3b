#include "base/pattern.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

struct pattern_code {
    regex_t regex;
};

bool pattern_init(struct pattern *p, const char *text, struct err *err, const char *what, ...) {
    *p = (struct pattern){.code = NULL};
    struct pattern_code *code = malloc(sizeof(*code));
    if (!code)
        return err_nomem(err);
    int failure = regcomp(&code->regex, text, REG_EXTENDED | REG_NOSUB);
    if (failure == 0) {
        p->code = code;
        return true;
    }
    char why[128], where[256];
    regerror(failure, &code->regex, why, sizeof(why));
    free(code);
    if (failure == REG_ESPACE)
        return err_nomem(err);
    va_list ap;
    va_start(ap, what);
    vsnprintf(where, sizeof(where), what, ap);
    va_end(ap);
    err_set(err, ERR_USAGE, "%s", why);
    return err_prefix(err, "%s", where);
}

void pattern_deinit(struct pattern *p) {
    if (p->code)
        regfree(&p->code->regex);
    free(p->code);
    *p = (struct pattern){.code = NULL};
}

bool pattern_matches(const struct pattern *p, const char *text) {
    return regexec(&p->code->regex, text, 0, NULL, 0) == 0;
}
