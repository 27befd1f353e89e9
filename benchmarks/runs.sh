# What the scripts that fill a table share. BAKA names the program, SEEDS the seeds.

baka=${BAKA:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/baka}
seeds=${SEEDS:-1 2 3}

# The rungs of the diary's ladder from its foot.
ladder="pristine elephant xl pause rmt-16 step4 nstep4 gates-sigmoid gates-relu gates-output gates-difference mamba"

# figure FILE NAME: a number of the last line of JSON, the first of that name.
figure() { tail -n 1 "$1" | grep -o "\"$2\":[0-9.eE+-]*" | sed "1s/.*://;2,\$d"; }

# spread NUMBER…: their mean and their standard deviation, which is 0 of a single one.
spread() {
    awk -v numbers="$*" 'BEGIN {
        n = split(numbers, x, " ")
        for (i = 1; i <= n; i++) sum += x[i]
        mean = sum / n
        for (i = 1; i <= n; i++) squares += (x[i] - mean) ^ 2
        printf "%.6f %.6f\n", mean, (n > 1 ? sqrt(squares / (n - 1)) : 0) }'
}

# difference A B: A - B with its sign.
difference() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%+.4f", a - b }'; }

# bars: lines of NAME NUMBER as bars to both sides of zero, a block for each hundredth.
bars() {
    awk 'function row(n, block,   text) { while (n-- > 0) text = text block; return text }
    {
        name[NR] = $1; number[NR] = $2; blocks[NR] = int(($2 < 0 ? -$2 : $2) * 100 + 0.5)
        if (length($1) > widest) widest = length($1)
        if ($2 < 0 && blocks[NR] > room) room = blocks[NR]
    }
    END {
        for (i = 1; i <= NR; i++) {
            left = number[i] < 0 ? blocks[i] : 0
            printf "    %s%s %s%s│%s %s\n", name[i], row(widest - length(name[i]), " "), row(room - left, " "), row(left, "█"),
                (left ? "" : row(blocks[i], "█")), number[i]
        }
    }'
}

# choose PATTERN OPTION…: the options whose names match, with their values, a line each.
choose() {
    local pattern=$1
    shift
    while [ $# -gt 0 ]; do
        if [[ $1 =~ $pattern ]]; then printf '%s\n' "$1" "$2"; fi
        shift
    done
}

# train RUN OPTION…: trains to the folder RUN and leaves what it printed in RUN.log; what has been trained is not trained again.
train() {
    local run=$1
    shift
    if [ ! -s "$run.log" ]; then
        rm -rf "$run"
        "$baka" train "$@" --out "$run" --json > "$run.log.part"
        mv "$run.log.part" "$run.log"
    fi
}

# novels STEPS: training at the size PRESET with a vocabulary of its own, and one evaluation on all of the validation texts.
# Books are cut so that every step sees several of them, and queries and keys have norms: with few steps attention would else
# settle on single slots. 2,064 steps of 8 rows × 2 windows × 512 tokens are an epoch of 86 novels.
novels() {
    printf -- '--set\n%s\n' "preset=${PRESET:-baka-12}" vocabulary=16384 attn.qk_norm=rms data.document_tokens=8192 train.batch=8 train.windows_per_step=2 \
        "train.steps=$1" "train.eval_every=$1" train.checkpoint_every=0 train.schedule.warmup=200 eval.tokens=null
}

# Tokens a second of a log's median step.
speed() { sed -n 's/.*"event":"step".*"tokens_per_s":\([0-9.]*\).*/\1/p' "$1" | sort -n | awk '{ at[NR] = $1 } END { print at[int((NR + 1) / 2)] }'; }

# The loss of its last evaluation.
loss() { tail -n 1 "$1" | sed -n 's/.*"last":{[^}]*"loss":\([0-9.]*\).*/\1/p'; }
