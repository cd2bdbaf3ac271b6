#compdef podman-bootc
# zsh completion for podman-bootc. The program itself knows what fits.

_podman-bootc() {
    local line
    local -a whole begun
    for line in "${(@f)$(command podman-bootc internal-complete zsh -- \
        "${(@Q)words[1,CURRENT-1]}" "$QIPREFIX$PREFIX" 2>/dev/null)}"; do
        case $line in
            +*) whole+=("${line#+}") ;;
            -*) begun+=("${line#-}") ;;
        esac
    done
    local -i shown=1
    (( $#whole )) && _describe -V 'value' whole && shown=0
    (( $#begun )) && _describe -V 'value' begun -S '' && shown=0
    return shown
}

if [ "$funcstack[1]" = "_podman-bootc" ]; then
    _podman-bootc "$@"
else
    compdef _podman-bootc podman-bootc
fi
