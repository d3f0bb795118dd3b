/* `dumpdiff completion`: scripts for shells, which ask the program itself what may follow. */
#include "cmd/complete.h"
#include "cmd/session.h"

#include <string.h>

extern const struct command command_completion;

/*
 * Each hands the words of the line to `completion words`, and makes of its answer what the shell
 * wants. What is known stands in C, once, and is that of the program that is called: a newer one
 * needs no newer script.
 */
static const char bash_script[] =
    "# bash completion for dumpdiff(1), made by `dumpdiff completion bash`\n"
    "_dumpdiff() {\n"
    "    local IFS=$'\\n' words=() word begun line what\n"
    "    COMPREPLY=()\n"
    "    # bash parts words at '='\n"
    "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD}\"; do\n"
    "        if [[ ${#words[@]} -gt 0 && ( $word == = || ${words[-1]} == --*= ) ]]; then\n"
    "            words[-1]+=$word\n"
    "        else\n"
    "            words+=(\"$word\")\n"
    "        fi\n"
    "    done\n"
    "    begun=${words[-1]}\n"
    "    what=$begun\n"
    "    [[ $begun == --*=* ]] && what=${begun#*=}\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :files) compopt -o filenames; COMPREPLY+=($(compgen -f -- \"$what\")) ;;\n"
    "        :folders) compopt -o filenames; COMPREPLY+=($(compgen -d -- \"$what\")) ;;\n"
    "        *)\n"
    "            line=${line%%$'\\t'*}\n"
    "            [[ $begun == --*=* ]] && line=${line#*=}\n"
    "            [[ $line == *= ]] && compopt -o nospace\n"
    "            [[ $line == *[\\ \\<\\>\\`\\&\\(\\)\\;]* ]] && printf -v line %q \"$line\"\n"
    "            COMPREPLY+=(\"$line\")\n"
    "            ;;\n"
    "        esac\n"
    "    done < <(\"${COMP_WORDS[0]}\" completion words -- \"${words[@]}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _dumpdiff dumpdiff\n";

static const char zsh_script[] =
    "#compdef dumpdiff\n"
    "# zsh completion for dumpdiff(1), made by `dumpdiff completion zsh`\n"
    "_dumpdiff() {\n"
    "    local line word\n"
    "    local -a plain shown open opened\n"
    "    for line in \"${(@f)$(\"${words[1]}\" completion words -- \"${(@Q)words[2,CURRENT]}\" "
    "2>/dev/null)}\"; do\n"
    "        case $line in\n"
    "        '') ;;\n"
    "        :files) [[ $PREFIX == --*=* ]] && compset -P '*='; _files ;;\n"
    "        :folders) [[ $PREFIX == --*=* ]] && compset -P '*='; _files -/ ;;\n"
    "        *)\n"
    "            word=${line%%$'\\t'*}\n"
    "            if [[ $word == *= ]]; then\n"
    "                open+=(\"$word\"); opened+=(\"$word  ${line#*$'\\t'}\")\n"
    "            else\n"
    "                plain+=(\"$word\"); shown+=(\"$word  ${line#*$'\\t'}\")\n"
    "            fi\n"
    "            ;;\n"
    "        esac\n"
    "    done\n"
    "    (( $#plain )) && compadd -l -d shown -a plain\n"
    "    (( $#open )) && compadd -S '' -l -d opened -a open\n"
    "}\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
    "    _dumpdiff \"$@\"\n"
    "else\n"
    "    compdef _dumpdiff dumpdiff\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion for dumpdiff(1), made by `dumpdiff completion fish`\n"
    "function __dumpdiff_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l begun (commandline -ct)\n"
    "    for line in (command $words[1] completion words -- $words[2..-1] $begun 2>/dev/null)\n"
    "        switch $line\n"
    "            case :files\n"
    "                __fish_complete_path (string replace -r '^--[a-z-]*=' '' -- $begun)\n"
    "            case :folders\n"
    "                __fish_complete_directories (string replace -r '^--[a-z-]*=' '' -- $begun)\n"
    "            case '*'\n"
    "                echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c dumpdiff -f -a '(__dumpdiff_complete)'\n";

static const struct {
    const char *shell, *script;
} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

static bool completion_say(struct options *o, struct strbuf *out, struct err *err) {
    const char *what = o->argument_count ? o->arguments[0] : "";
    if (strcmp(what, "words") == 0 && o->argument_count > 1) {
        complete_words(o->arguments + 1, o->argument_count - 1, out);
        return true;
    }
    for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
        if (o->argument_count == 1 && strcmp(scripts[i].shell, what) == 0) {
            strbuf_adds(out, scripts[i].script);
            return true;
        }
    return err_set(err, ERR_USAGE, "completion wants one of: %s", command_completion.arguments);
}

static int cmd_completion_run(int argc, char **argv) {
    return command_says(&command_completion, argc, argv, completion_say);
}

const struct command command_completion = {
    "completion",
    "bash|zsh|fish",
    "what a shell needs to complete command lines",
    "`make install` puts the scripts where the shells look for them. By hand:\n"
    "\n"
    "  bash  source <(dumpdiff completion bash)\n"
    "  zsh   dumpdiff completion zsh >DIR/_dumpdiff, DIR being of $fpath\n"
    "  fish  dumpdiff completion fish >~/.config/fish/completions/dumpdiff.fish\n"
    "\n"
    "Completed are commands, their options and what these take: formats, tables, limits, rules,\n"
    "numbers of .NET processes, and types of a .snap file that stands on the line.\n"
    "\n"
    "Exit status: 0 printed; 2 wrong command line.",
    COMMAND_COMPLETION,
    cmd_completion_run,
};
