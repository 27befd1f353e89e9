#!/usr/bin/env bash
# Trains and measures the memory tasks of arXiv 2207.06881 (docs/tasks.md) and prints their table.
#   benchmarks/memory-tasks.sh OUT [OPTION…]       such as: benchmarks/memory-tasks.sh runs/tasks --device cuda
# Options go to every `baka train`; BAKA names the program, SEEDS the seeds, ONLY a pattern of the rows to run.
# A row that has been run is not run again: after an interruption the same call goes on.
set -euo pipefail

if [ $# -eq 0 ]; then
    sed -n '2,5s/^# //p' "$0"
    exit 2
fi

# shellcheck source=runs.sh
. "$(dirname "$0")/runs.sh"
only=${ONLY:-*}
out=$1
shift
options=("$@")

# What carries nothing but the previous window's keys and values, without a gradient into them: Transformer-XL.
xl=(--set memory.tokens=0 --set memory.mask=causal --set xl.scheme=repos)
none=(--set memory.tokens=0 --set memory.mask=causal)

# windows SEGMENTS TOKENS: how a document is cut.
windows() { printf '%s\n' --set "data.task.segments=$1" --set "train.windows_per_step=$1" --set "window=$2"; }

# row NAME RECIPE OVERRIDE…: one line of the table, a run for each seed.
row() {
    local name=$1 recipe=$2 seed run accuracies="" exact=""
    shift 2
    # shellcheck disable=SC2053
    [[ $name == $only ]] || return 0
    for seed in $seeds; do
        run=$out/$name-$seed
        if [ ! -s "$run.json" ]; then
            rm -rf "$run"
            "$baka" train "$recipe" --seed "$seed" --out "$run" --json "$@" "${options[@]}" > "$run.log"
            "$baka" eval "$run" --json "${measuring[@]}" > "$run.json.part"
            mv "$run.json.part" "$run.json"
        fi
        accuracies+=" $(figure "$run.json" accuracy)"
        exact+=" $(figure "$run.json" exact_match)"
    done
    awk -v name="$name" -v a="$accuracies" -v e="$exact" 'BEGIN {
        n = split(a, accuracy, " "); split(e, exact, " "); least = 1
        for (i = 1; i <= n; i++) { sum += accuracy[i]; whole += exact[i]; if (accuracy[i] < least) least = accuracy[i]; if (accuracy[i] > most) most = accuracy[i] }
        printf "| %s | %.3f | %.3f – %.3f | %.3f | %d |\n", name, sum / n, least, most, whole / n, n }'
}

# Measuring knows the device and its precision alone.
mapfile -t measuring < <(choose '^--(device|precision|threads)$' "${options[@]}")

mkdir -p "$out"
echo "| task, windows, model | accuracy | least – most | whole documents | seeds |"
echo "| --- | ---: | ---: | ---: | ---: |"
row copy-120-3-rmt copy
row copy-120-3-xl copy "${xl[@]}"
row copy-120-3-none copy "${none[@]}"
mapfile -t nine < <(windows 9 40)
row copy-120-9-rmt copy "${nine[@]}" --set memory.tokens=40
row copy-120-9-xl copy "${nine[@]}" "${xl[@]}"
mapfile -t six < <(windows 6 120)
row copy-240-6-rmt copy "${six[@]}" --set data.task.length=240
row copy-240-6-xl copy "${six[@]}" "${xl[@]}" --set data.task.length=240
row reverse-120-4-rmt reverse
row reverse-120-4-xl reverse "${xl[@]}"
row retrieval-4-2-rmt retrieval
row retrieval-4-2-xl retrieval "${xl[@]}"
row mqar-16-4-rmt mqar
row mqar-16-4-xl mqar "${xl[@]}"
row needle-4-16-rmt needle
row needle-4-16-xl needle "${xl[@]}"
