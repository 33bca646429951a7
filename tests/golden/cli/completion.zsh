#compdef imgtest
_imgtest()
{
    local command=''
    local -a commands
    commands=(
        'push:Push an image'
        'doctor:Say what this host allows'
    )
    if (( CURRENT == 2 )) && [[ $words[2] != -* ]] && (( $#commands )); then
        _describe command commands
    fi
    if (( CURRENT > 2 )) && (( ${commands[(I)${words[2]}:*]} )); then
        command=$words[2]
        shift words
        (( CURRENT-- ))
    fi
    case $command in
    '')
        _arguments -s '(-h --help)'{-h,--help}'[Show this help]' \
            '--file=[Read this Dockerfile]:FILE:_files' \
            '-f+[Read this Dockerfile]:FILE:_files' \
            '*--tag=[Name the image; may be given again]:REF:' \
            '*-t+[Name the image; may be given again]:REF:' \
            '--push[Push what was built]' \
            '--quiet[Print the digest alone]' \
            '-q[Print the digest alone]' \
            '--jobs=[Run so many things at once; as many as there are processors where this is not given]:N:' \
            '-j+[Run so many things at once; as many as there are processors where this is not given]:N:' \
            '--progress=[How to show what is going on\: isn'\''t \[it\] a \\ choice?]:MODE:(auto plain tty json)' \
            '*:operand:_files' ;;
    push)
        _arguments -s '(-h --help)'{-h,--help}'[Show this help]' \
            '--quiet[Print the digest alone]' \
            '-q[Print the digest alone]' \
            '*:operand:_files' ;;
    doctor)
        _arguments -s '(-h --help)'{-h,--help}'[Show this help]' \
            '*:operand:_files' ;;
    esac
}
if [[ $funcstack[1] == _imgtest ]]; then
    _imgtest "$@"
else
    compdef _imgtest imgtest
fi
