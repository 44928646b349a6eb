# completion.bash: what bash offers for footfall's command line; installed as share/bash-completion/completions/footfall, and fit
# to be sourced from ~/.bashrc. Needs no bash-completion package. Opens no store: counters' names are not offered.
# tests/package/completion.py holds it against --help.

# The options of a command, or those of every command; long ones with a value end in "=".
_footfall_options() {
    case $1 in
        visit) echo --at= --agent= --token= ;;
        add) echo --token= ;;
        get) echo --strict ;;
        list) echo --sort= --limit= ;;
        forget) echo --at= --agent= ;;
        ingest) echo --format= --keys= --by= --counter= --status= --skip-agent= --strict --resume= --follow ;;
        import) echo --overwrite --from-dynamodb-tutorial= --counter= ;;
        iam-policy) echo --setup --read-only --import= --account= ;;
        bench) echo --threads= --batch= ;;
        '') echo -c -o --json --color= -h --help --version ;;
    esac
}

_footfall_commands='visit add get list set delete forget ingest export import demo purge serve doctor config iam-policy bench'

# The words up to the cursor into `words`: bash has cut them at "=" and ":", also inside a value. A word that has just been
# begun is empty, and never the rest of one.
_footfall_words() {
    local word glue=
    words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ $word =~ ^[=:]+$ || ($glue && $word) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        glue=
        [[ $word =~ ^[=:]+$ ]] && glue=1
    done
}

# Does the option take a value, with whatever command? It may stand before the command.
_footfall_takes_value() {
    local command options
    options=$(for command in '' $_footfall_commands; do _footfall_options "$command"; done)
    [[ $1 == -[co] || " ${options//$'\n'/ } " == *" $1= "* ]]
}

# Offers those of the words that can end the current one as `value` begins; without what bash has cut off before its last piece.
_footfall_offer() {
    local value=$1 word whole=${words[-1]} piece=${COMP_WORDS[COMP_CWORD]}
    [[ $piece =~ ^[=:]+$ ]] && piece=
    shift
    for word; do
        if [[ $word == "$value"* ]]; then
            word=${whole%"$value"}$word
            COMPREPLY+=("${word#"${whole%"$piece"}"}")
        fi
    done
}

# Names of files; readline itself knows best how to write them.
_footfall_files() {
    compopt -o default 2>/dev/null
}

# Every key and its default. From the program, by its defaults alone: no file is read, no secret seen.
_footfall_keys() {
    (unset "${!FOOTFALL_@}" && "$footfall" config 2>/dev/null) | sed -n 's/^\([a-z0-9_.]*\)  *\([^ ]*\).*/\1 \2/p'
}

# KEY=VALUE of -o.
_footfall_setting() {
    local key=${1%%=*} value=${1#*=} name default
    case $1 in
        backend=*) _footfall_offer "$value" $("$footfall" --version 2>/dev/null | sed -n 's/.*(backends:\(.*\)).*/\1/p') ;;
        window=*) _footfall_offer "$value" 24h 7d 30d forever ;;
        window_mode=*) _footfall_offer "$value" fixed sliding ;;
        visitor=*) _footfall_offer "$value" address address+agent ;;
        log_level=*) _footfall_offer "$value" error warn info debug ;;
        *.durability=*) _footfall_offer "$value" normal full ;;
        *.path=* | *_file=*) _footfall_files ;;
        *)
            while read -r name default; do
                if [[ $1 != *=* ]]; then
                    _footfall_offer "$1" "$name="
                elif [[ $name == "$key" && $default == @(true|false) ]]; then
                    _footfall_offer "$value" true false
                fi
            done < <(_footfall_keys)
            ;;
    esac
}

# The value of an option.
_footfall_value() {
    local option=$1 value=$2
    case $option in
        -c | --resume) _footfall_files ;;
        -o) _footfall_setting "$value" ;;
        --color) _footfall_offer "$value" auto always never ;;
        --sort) _footfall_offer "$value" name total unique ;;
        --format) _footfall_offer "$value" combined common json ;;
        --by) _footfall_offer "$value" path ;;
    esac
}

_footfall() {
    local IFS=$' \t\n' words=() footfall=${1/#'~/'/"$HOME/"} command='' option='' only_operands='' current word
    COMPREPLY=()
    _footfall_words
    current=${words[-1]}
    for word in "${words[@]:1:${#words[@]}-2}"; do
        if [[ $option ]]; then
            option=
        elif [[ ! $only_operands && $word == -- ]]; then
            only_operands=1
        elif [[ ! $only_operands && $word == -?* ]]; then
            _footfall_takes_value "$word" && option=$word
        elif [[ ! $command ]]; then
            command=$word
        fi
    done
    if [[ $option ]]; then
        _footfall_value "$option" "$current"
    elif [[ ! $only_operands && $current == --*=* ]]; then
        _footfall_value "${current%%=*}" "${current#*=}"
    elif [[ ! $only_operands && $current == -* ]]; then
        _footfall_offer "$current" ${command:+$(_footfall_options "$command")} $(_footfall_options '')
    elif [[ ! $command ]]; then
        _footfall_offer "$current" $_footfall_commands
    elif [[ $command == @(ingest|export|import) ]]; then
        _footfall_files
    fi
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -F _footfall footfall
