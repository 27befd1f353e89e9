#!/usr/bin/env bash
# Goes on training a checkpoint of the ladder part by part, each for the same tokens, and prints what each part is worth.
#   benchmarks/fine-tuning.sh OUT CHECKPOINT TRAIN VALID [OPTION…]
#       such as: benchmarks/fine-tuning.sh runs/parts runs/ladder/gates-relu-1 train.jsonl.gz valid.jsonl.gz --device cuda
# Options go to every `baka train`; BAKA names the program, SEEDS the seeds, PARTS what is trained (of train.only, commas between
# several), RECIPE the checkpoint's recipe, PRESET its size, STEPS the length: 516 steps are a quarter of an epoch of 86 novels.
# A part that has been trained is not trained again: after an interruption the same call goes on.
set -euo pipefail

if [ $# -lt 4 ]; then
    sed -n '2,7s/^# //p' "$0"
    exit 2
fi

# shellcheck source=runs.sh
. "$(dirname "$0")/runs.sh"
parts=${PARTS:-all attn mlp step gates norms embed head memory layers.0-5 layers.6-}
recipe=${RECIPE:-gates-relu}
out=$1
checkpoint=$2
texts=(--data "$3" --valid "$4")
shift 4
options=("$@")
mapfile -t measuring < <(choose '^--(device|precision|threads)$' "${options[@]}")
mapfile -t planning < <(choose '^--(device|precision|threads|set)$' "${options[@]}")
mapfile -t settings < <(novels "${STEPS:-516}"; printf -- '--set\n%s\n' train.optimizer.lr=0.0003 train.schedule.warmup=50)

mkdir -p "$out"
[ -s "$out/before.json" ] || "$baka" eval "$checkpoint" --data "${texts[3]}" --json "${measuring[@]}" > "$out/before.json"
before=$(figure "$out/before.json" loss)
echo "| trained | parameters | loss | spread | less than before | tokens/s | peak memory | seeds |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
printf '| nothing | 0 | %.4f | | | | | |\n' "$before"
for part in $parts; do
    only=()
    [ "$part" = all ] || only=(--set "train.only=[$part]")
    losses=()
    for seed in $seeds; do
        run=$out/$part-$seed
        train "$run" "$recipe" --init-from "$checkpoint" "${texts[@]}" --seed "$seed" "${settings[@]}" "${only[@]}" "${options[@]}"
        losses+=("$(loss "$run.log")")
    done
    [ -s "$out/$part.plan" ] || "$baka" plan "$recipe" --json "${settings[@]}" "${only[@]}" "${planning[@]}" > "$out/$part.plan"
    trained=$(sed -n 's/.*"event":"started".*"trained":\([0-9]*\).*/\1/p' "$run.log")
    read -r mean deviation < <(spread "${losses[@]}")
    awk -v name="$part" -v trained="$trained" -v mean="$mean" -v deviation="$deviation" -v n="${#losses[@]}" -v before="$before" -v speed="$(speed "$run.log")" -v peak="$(figure "$out/$part.plan" peak)" 'BEGIN {
        printf "| %s | %.2f M | %.4f | %.4f | %+.4f | %d | %.1f GB | %d |\n", name, trained / 1e6, mean, deviation, before - mean, speed, peak / 1e9, n }'
done
