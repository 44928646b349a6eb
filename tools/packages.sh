# packages.sh: sourced by tools/run, tools/test, tools/aws/build and .ci/run. `need PACKAGE…` installs what of these Debian packages
# is missing; when nothing is, it asks dpkg alone: no network, no root.

need() {
    local missing=() package as_root=()
    if ! command -v dpkg-query >/dev/null; then
        echo "This is not Debian or Ubuntu: nothing is installed by itself. Needed here are what Debian calls: $*" >&2
        return 0
    fi
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "Missing packages: ${missing[*]}. There is no sudo here; install them as root: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "Installing ${missing[*]}" >&2
    if ! install_packages >/dev/null 2>&1 && ! { refresh_lists && install_packages; } >&2; then
        echo "Could not install: ${missing[*]}. The lines above say why; without a network they must be there beforehand." >&2
        return 1
    fi
}

# Both use need's variables.
install_packages() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 \
        install --yes --no-install-recommends "${missing[@]}" </dev/null
}
refresh_lists() {
    "${as_root[@]}" apt-get -qq update </dev/null
}
