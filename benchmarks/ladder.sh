#!/usr/bin/env bash
# Trains every rung of the diary's ladder (recipes/ladder) on the same texts and prints what each step up is worth.
#   benchmarks/ladder.sh OUT TRAIN VALID [OPTION…]      such as: benchmarks/ladder.sh runs/ladder train.jsonl.gz valid.jsonl.gz --device cuda
# Options go to every `baka train`; BAKA names the program, SEEDS the seeds, RUNGS the recipes, PRESET the size, STEPS the
# length: 344 steps of 24 rows × 4 windows × 512 tokens are an epoch of 86 novels.
# A rung that has been run is not run again: after an interruption the same call goes on.
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,6s/^# //p' "$0"
    exit 2
fi

# shellcheck source=runs.sh
. "$(dirname "$0")/runs.sh"
rungs=${RUNGS:-pristine elephant xl pause rmt-16 step4 nstep4 gates-sigmoid gates-relu gates-output gates-difference mamba}
preset=${PRESET:-baka-12}
steps=${STEPS:-344}
out=$1
texts=(--data "$2" --valid "$3")
shift 3
options=("$@")
mapfile -t planning < <(choose '^--(device|precision|threads|set)$' "${options[@]}")

# The diary's settings, an own vocabulary, and one evaluation on all of the validation texts.
settings=(
    --set "preset=$preset" --set vocabulary=16384 --set train.batch=24 --set train.windows_per_step=4 --set "train.steps=$steps"
    --set "train.eval_every=$steps" --set train.checkpoint_every=0 --set train.schedule.kind=constant --set train.schedule.warmup=50 --set eval.tokens=null
)

# Tokens a second of the median step.
speed() { sed -n 's/.*"event":"step".*"tokens_per_s":\([0-9.]*\).*/\1/p' "$1" | sort -n | awk '{ at[NR] = $1 } END { print at[int((NR + 1) / 2)] }'; }

# The loss of the last evaluation.
loss() { tail -n 1 "$1" | sed -n 's/.*"last":{[^}]*"loss":\([0-9.]*\).*/\1/p'; }

mkdir -p "$out"
echo "| recipe | loss | spread | less than the one before | less than the first | tokens/s | peak memory | seeds | |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
first="" before=""
for rung in $rungs; do
    losses=""
    for seed in $seeds; do
        run=$out/$rung-$seed
        if [ ! -s "$run.log" ]; then
            rm -rf "$run"
            "$baka" train "$rung" "${texts[@]}" --seed "$seed" --out "$run" --json "${settings[@]}" "${options[@]}" > "$run.log.part"
            mv "$run.log.part" "$run.log"
        fi
        losses+=" $(loss "$run.log")"
    done
    [ -s "$out/$rung.plan" ] || "$baka" plan "$rung" --json "${settings[@]}" "${planning[@]}" > "$out/$rung.plan"
    read -r mean line < <(awk -v name="$rung" -v losses="$losses" -v first="$first" -v before="$before" -v speed="$(speed "$run.log")" -v peak="$(figure "$out/$rung.plan" peak)" 'BEGIN {
        n = split(losses, loss, " ")
        for (i = 1; i <= n; i++) sum += loss[i]
        mean = sum / n
        for (i = 1; i <= n; i++) squares += (loss[i] - mean) ^ 2
        bar = ""
        for (i = 0; first != "" && i < (first - mean) * 50; i++) bar = bar "█"
        printf "%.6f | %s | %.4f | %.4f | %s | %s | %d | %.1f GB | %d | %s |\n", mean, name, mean, (n > 1 ? sqrt(squares / (n - 1)) : 0),
            (before == "" ? "" : sprintf("%+.4f", before - mean)), (first == "" ? "" : sprintf("%+.4f", first - mean)), speed, peak / 1e9, n, bar }')
    echo "$line"
    before=$mean
    first=${first:-$mean}
done
