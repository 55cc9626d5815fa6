# bash completion for dogwatch; made by `dogwatch docs`
_dogwatch()
{
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "up alerts alert silence incidents entities policy outputs query ledger agent agents counters doctor cat archive evidence replay parse templates rules config console token audit docs" -- "${COMP_WORDS[1]}"))
    else
        COMPREPLY=($(compgen -f -- "${COMP_WORDS[$COMP_CWORD]}"))
    fi
}
complete -F _dogwatch dogwatch
