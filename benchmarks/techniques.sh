#!/usr/bin/env bash
# Measures training steps of every recipe of the ladder and of every technique, beside the recipe that each extends.
#   benchmarks/techniques.sh OUT [OPTION…]        such as: benchmarks/techniques.sh runs/speed --device cuda
# Options go to every `baka bench`; BAKA names the program, RECIPES the recipes, PRESET the size, BATCH the rows.
# What has been measured is not measured again: after an interruption the same call goes on.
set -euo pipefail

if [ $# -eq 0 ]; then
    sed -n '2,5s/^# //p' "$0"
    exit 2
fi

# shellcheck source=runs.sh
. "$(dirname "$0")/runs.sh"
folder=$(cd "$(dirname "$0")/../recipes" && pwd)
recipes=${RECIPES:-$ladder $(cd "$folder/techniques" && printf '%s\n' *.yaml | sed 's/\.yaml$//')}
preset=${PRESET:-baka-12}
batch=${BATCH:-8}
out=$1
shift

# The recipe that another extends; nothing for the first.
parent() { sed -n 's/^extends: *//p' "$folder"/*/"$1.yaml"; }

# A recipe measured, if it is not yet.
measure() {
    [ -s "$out/$1.json" ] || { "$baka" bench --preset "$1" --batch "$batch" --set "preset=$preset" --json "${options[@]}" > "$out/$1.part" && mv "$out/$1.part" "$out/$1.json"; }
}

mkdir -p "$out"
options=("$@")
echo "| recipe | parameters | tokens/s | ms a step | memory | extends | times its time |"
echo "| --- | ---: | ---: | ---: | ---: | --- | ---: |"
for recipe in $recipes; do
    before=$(parent "$recipe")
    measure "$recipe"
    [ -z "$before" ] || measure "$before"
    file=$out/$recipe.json
    awk -v name="$recipe" -v before="$before" -v parameters="$(figure "$file" parameters)" -v speed="$(figure "$file" tokens_per_s)" -v ms="$(figure "$file" ms_per_step)" \
        -v device="$(figure "$file" device_bytes)" -v host="$(figure "$file" peak_resident_bytes)" -v reference="$([ -z "$before" ] || figure "$out/$before.json" ms_per_step)" 'BEGIN {
        printf "| %s | %.1f M | %d | %.1f | %.2f GB | %s | %s |\n", name, parameters / 1e6, speed, ms, (device > 0 ? device : host) / 1e9, before, (before == "" ? "" : sprintf("%.2f", ms / reference)) }'
done
