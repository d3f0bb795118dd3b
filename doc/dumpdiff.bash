# bash completion for dumpdiff(1). Commands, options and names are asked of the program itself.
_dumpdiff() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} program=${COMP_WORDS[0]}
    local list
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$program" --help 2>/dev/null |
            sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p') --help --version" -- "$cur")
        return
    fi
    case $prev in
    --format) [ "$command" = gate ] && list=gate-reports || list=reports
        mapfile -t COMPREPLY < <(compgen -W "$("$program" list $list 2>/dev/null | awk '{ print $1 }')" -- "$cur") ;;
    --table) mapfile -t COMPREPLY < <(compgen -W "$("$program" list tables 2>/dev/null | awk '{ print $1 }')" -- "$cur") ;;
    --limit) mapfile -t COMPREPLY < <(compgen -S = -W "$("$program" list limits 2>/dev/null | awk '{ print $1 }')" -- "$cur") ;;
    --sort) mapfile -t COMPREPLY < <(compgen -W "bytes-delta objects-delta bytes objects name" -- "$cur") ;;
    --color) mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur") ;;
    --symbols | --sysroot) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    *)
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$("$program" "$command" --help 2>/dev/null |
                grep -o -- '--[a-z][a-z-]*' | sort -u)" -- "$cur")
        elif [ "$command" = list ]; then
            mapfile -t COMPREPLY < <(compgen -W "$("$program" list --help 2>/dev/null |
                sed -n 's/^\([a-z][a-z]*\)  .*/\1/p')" -- "$cur")
        elif [ "$command" = explain ]; then
            mapfile -t COMPREPLY < <(compgen -W "$("$program" list rules 2>/dev/null | awk '{ print $1 }')" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    esac
}
complete -o filenames -F _dumpdiff dumpdiff
