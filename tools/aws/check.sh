# check.sh: sourced by tools/aws/build. check_program FILE says what a program for x86_64 needs that Amazon Linux 2023 does not have,
# whose glibc is 2.34 and where nothing else is taken for granted; its status is 1 then.

check_program() {
    local others newer
    others=$(objdump -p "$1" | awk '$1 == "NEEDED" && $2 !~ /^(libc\.so\.6|libm\.so\.6|ld-linux-x86-64\.so\.2)$/ { print "    " $2 }')
    newer=$(objdump -T "$1" | awk 'match($0, /GLIBC_[A-Z0-9._]+/) {
        version = substr($0, RSTART, RLENGTH)
        split(version, part, /[_.]/)
        if (part[2] != 2 || part[3] > 34)
            print "    " $NF " of " version
    }')
    if [ -n "$others" ]; then
        printf 'The program needs libraries that Lambda does not have:\n%s\n' "$others"
    fi
    if [ -n "$newer" ]; then
        printf 'The program needs symbols that Amazon Linux 2023, with glibc 2.34, does not have:\n%s\n' "$newer"
    fi
    [ -z "$others$newer" ]
}
