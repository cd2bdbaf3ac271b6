# bash completion for podman-bootc. The program itself knows what fits.

_podman_bootc() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(command podman-bootc internal-complete bash -- \
        "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}

# bash 4.3 and older sort in any case.
complete -o nospace -o nosort -F _podman_bootc podman-bootc 2>/dev/null ||
    complete -o nospace -F _podman_bootc podman-bootc
