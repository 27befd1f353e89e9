# What the scripts that run a table of trainings share. BAKA names the program, SEEDS the seeds.

baka=${BAKA:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/baka}
seeds=${SEEDS:-1 2 3}

# figure FILE NAME: a number of the last line of JSON.
figure() { tail -n 1 "$1" | sed -n "s/.*\"$2\":\([0-9.eE+-]*\).*/\1/p"; }

# choose PATTERN OPTION…: the options whose names match, with their values, a line each.
choose() {
    local pattern=$1
    shift
    while [ $# -gt 0 ]; do
        if [[ $1 =~ $pattern ]]; then printf '%s\n' "$1" "$2"; fi
        shift
    done
}
