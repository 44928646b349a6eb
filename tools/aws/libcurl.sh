# libcurl.sh: sourced by tools/aws/build. static_libcurl FOLDER makes a small static libcurl there (include, lib, COPYING, version)
# from Debian's source package, which has Debian's corrections. What was made before with the same packages stays; Debian's newest
# comes when the folder is removed.

hardened='-fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections'

# Of the machine's own sources of packages those of its Debian release, without backports, as sources of source packages.
source_lists() {
    local folder=$1 release file
    release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        if [ -f "$file" ]; then
            sed -nE "s/^[[:blank:]]*deb([[:blank:]].*[[:blank:]]$release(-updates|-security)?[[:blank:]])/deb-src\1/p" "$file"
        fi
    done >"$folder/lines.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        if [ -f "$file" ]; then
            awk -v "release=$release" 'BEGIN { RS = ""; FS = "\n" }
                !/(^|\n)Enabled:[ \t]*no/ {
                    text = ""
                    found = 0
                    for (i = 1; i <= NF; i++) {
                        line = $i
                        if (line ~ /^Types:/)
                            line = "Types: deb-src"
                        if (line ~ /^Suites:/) {
                            count = split(line, suites, /[ \t]+/)
                            line = "Suites:"
                            for (j = 2; j <= count; j++)
                                if (suites[j] ~ ("^" release "(-updates|-security)?$"))
                                    line = line " " suites[j]
                            found = line != "Suites:"
                        }
                        text = text line "\n"
                    }
                    if (found)
                        print text
                }' "$file"
        fi
    done >"$folder/stanzas.sources"
    if [ ! -s "$folder/lines.list" ] && [ ! -s "$folder/stanzas.sources" ]; then
        echo "None of this machine's sources of packages is of the release '$release'; see sources.list(5)"
        return 1
    fi
}

# An apt that keeps all in the folder: the machine's own lists stay as they are. Whom to believe is as for the machine's own.
source_of_curl() {
    local folder=$1
    mkdir -p "$folder/lists/partial" "$folder/sources" && source_lists "$folder/sources" || return
    cat >"$folder/apt.conf" <<END
Dir::State "$folder";
Dir::State::Lists "$folder/lists";
Dir::State::Status "/dev/null";
Dir::Cache "$folder";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$folder/sources";
APT::Sandbox::User "$(id -un)";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
    # A list that cannot be had need not be the one that has it.
    cd "$folder" && { apt-get -q -c apt.conf update || true; } && apt-get -q -c apt.conf source --only-source curl &&
        mv curl-*/ curl && dpkg-parsechangelog -l curl/debian/changelog -S Version >version
}

# HTTP and HTTPS with OpenSSL, proxies, and a resolver in a thread of its own, so that one which hangs costs no more than the time
# that is given. The bundle of certificates is Amazon Linux's; backends/dynamodb/curl.c knows others.
compile_curl() {
    cd "$1" && CFLAGS="-O2 -fPIC $hardened" ./configure --quiet --prefix=/usr --disable-shared --enable-static --with-pic \
        --disable-dependency-tracking --with-openssl --with-ca-bundle=/etc/pki/tls/certs/ca-bundle.crt --without-ca-path \
        --enable-ipv6 --enable-threaded-resolver --enable-proxy --enable-http-auth --enable-dateparse --enable-headers-api \
        --without-{zlib,brotli,zstd,nghttp2,libidn2,libpsl,libgsasl,libssh,libssh2,librtmp,gssapi} \
        --disable-{ares,dict,file,ftp,gopher,imap,ldap,ldaps,mqtt,pop3,rtsp,smb,smtp,telnet,tftp,websockets} \
        --disable-{alt-svc,cookies,crypto-auth,dnsshuffle,doh,get-easy-options,hsts,libcurl-option,manual,mime,netrc} \
        --disable-{ntlm,ntlm-wb,progress-meter,tls-srp,unix-sockets} && make -s "-j$(nproc)" -C lib libcurl.la
}

static_libcurl() {
    local folder=$1 work=$1.part made_with
    made_with=$(dpkg-query -W gcc libc6-dev libssl-dev && sha256sum <tools/aws/libcurl.sh) || return
    if [ "$(cat "$folder/made-with" 2>/dev/null)" = "$made_with" ]; then
        return 0
    fi
    echo "Building libcurl from Debian's source package: half a minute, once" >&2
    rm -rf "$folder" "$work"
    mkdir -p "$work" "$folder/lib/pkgconfig"
    loudly_if_wrong source_of_curl "$work" && loudly_if_wrong compile_curl "$work/curl" || return
    cp -R "$work/curl/include" "$work/curl/COPYING" "$work/version" "$folder"
    cp "$work/curl/lib/.libs/libcurl.a" "$folder/lib"
    # It says where it is by where it is.
    sed 's|^prefix=.*|prefix=${pcfiledir}/../..|; s|^libdir=.*|libdir=${prefix}/lib|; s|^includedir=.*|includedir=${prefix}/include|' \
        "$work/curl/libcurl.pc" >"$folder/lib/pkgconfig/libcurl.pc"
    rm -rf "$work"
    printf '%s\n' "$made_with" >"$folder/made-with"
}
