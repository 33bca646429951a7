# bash completion for imgtest
_imgtest()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local command='' options='' commands='push doctor'
    if [ "$COMP_CWORD" -gt 1 ] && [[ " $commands " == *" ${COMP_WORDS[1]} "* ]]; then
        command=${COMP_WORDS[1]}
    fi
    case $command in
    '')
        case $before in
            --file|-f) COMPREPLY=($(compgen -f -- "$word")); return ;;
            --tag|-t) return ;;
            --jobs|-j) return ;;
            --progress) COMPREPLY=($(compgen -W 'auto plain tty json' -- "$word")); return ;;
        esac
        options='--help --file --tag --push --quiet --jobs --progress' ;;
    push)
        case $before in
        esac
        options='--help --quiet' ;;
    doctor)
        case $before in
        esac
        options='--help' ;;
    esac
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
    elif [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "$commands" -- "$word") $(compgen -f -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}
complete -o filenames -F _imgtest imgtest
