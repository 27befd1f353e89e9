#!/usr/bin/env bash
# Trains every rung of the diary's ladder (recipes/ladder) on the same texts and prints what each step up is worth, as a table and as a chart.
#   benchmarks/ladder.sh OUT TRAIN VALID [OPTION…]      such as: benchmarks/ladder.sh runs/ladder train.jsonl.gz valid.jsonl.gz --device cuda
# Options go to every `baka train`; BAKA names the program, SEEDS the seeds, RUNGS the recipes, PRESET the size, STEPS the
# length: 2,064 steps are an epoch of 86 novels in the size baka-12.
# A rung that has been run is not run again: after an interruption the same call goes on.
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,6s/^# //p' "$0"
    exit 2
fi

# shellcheck source=runs.sh
. "$(dirname "$0")/runs.sh"
rungs=${RUNGS:-$ladder}
steps=${STEPS:-2064}
out=$1
texts=(--data "$2" --valid "$3")
shift 3
options=("$@")
mapfile -t planning < <(choose '^--(device|precision|threads|set)$' "${options[@]}")
mapfile -t settings < <(novels "$steps")

mkdir -p "$out"
echo "| recipe | loss | spread | less than the one before | less than the first | tokens/s | peak memory | seeds |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
first="" before="" deltas=()
for rung in $rungs; do
    losses=()
    for seed in $seeds; do
        run=$out/$rung-$seed
        train "$run" "$rung" "${texts[@]}" --seed "$seed" "${settings[@]}" "${options[@]}"
        losses+=("$(loss "$run.log")")
    done
    [ -s "$out/$rung.plan" ] || "$baka" plan "$rung" --json "${settings[@]}" "${planning[@]}" > "$out/$rung.plan"
    read -r mean deviation < <(spread "${losses[@]}")
    first=${first:-$mean}
    deltas+=("$(difference "$first" "$mean")")
    printf '| %s | %.4f | %.4f | %s | %s | %.0f | %.1f GB | %d |\n' "$rung" "$mean" "$deviation" \
        "${before:+$(difference "$before" "$mean")}" "${before:+${deltas[-1]}}" "$(speed "$run.log")" "$(figure "$out/$rung.plan" peak)e-9" "${#losses[@]}"
    before=$mean
done

echo
echo "Nats less than ${rungs%% *}, a block for each hundredth:"
echo
paste -d ' ' <(printf '%s\n' $rungs) <(printf '%s\n' "${deltas[@]}") | bars
