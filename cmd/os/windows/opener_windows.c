#include "cmd/opener.h"

#include "base/file.h"
#include "base/os/os.h"
#include "cmd/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <shellapi.h>

/* In the user's own folder, which others cannot look into. */
bool opener_begin(struct opener *opener, struct options *o, struct err *err) {
    wchar_t base[MAX_PATH];
    char path[4 * MAX_PATH + 32], folder[4 * MAX_PATH];
    *opener = OPENER_NONE;
    if (!o->open)
        return true;
    if (o->output_count == OUTPUTS_MAX)
        return err_set(err, ERR_USAGE, "more than %u outputs", OUTPUTS_MAX);
    DWORD units = GetEnvironmentVariableW(L"LOCALAPPDATA", base, MAX_PATH - 10);
    if (!units || units >= MAX_PATH - 10)
        return err_set(err, ERR_USAGE,
                       "--open: LOCALAPPDATA does not say where: give it an -o FILE");
    memcpy(base + units, L"\\dumpdiff", sizeof(L"\\dumpdiff"));
    if (!CreateDirectoryW(base, NULL) && GetLastError() != ERROR_ALREADY_EXISTS)
        return err_set(err, ERR_SYSTEM, "--open: cannot make the folder of the report");
    if (!WideCharToMultiByte(CP_UTF8, 0, base, -1, folder, sizeof(folder), NULL, NULL))
        return err_set(err, ERR_SYSTEM, "--open: the name of the folder is no text");
    snprintf(path, sizeof(path), "%s\\%s.html", folder,
             o->command == COMMAND_DIFF ? "diff" : "show");
    opener->path = strdup(path);
    if (!opener->path)
        return err_nomem(err);
    o->outputs[o->output_count++] = (struct output){.format = "html", .path = opener->path};
    return true;
}

void opener_open(struct opener *opener) {
    wchar_t wide[MAX_PATH + 32];
    if (!opener->path || !MultiByteToWideChar(CP_UTF8, 0, opener->path, -1, wide, MAX_PATH + 32))
        return;
    if ((intptr_t)ShellExecuteW(NULL, L"open", wide, NULL, NULL, SW_SHOWNORMAL) <= 32)
        say("--open: nothing opens it; the report is %s", opener->path);
    else
        say("the report is %s", opener->path);
}

void opener_end(struct opener *opener) {
    free(opener->path);
    *opener = OPENER_NONE;
}
