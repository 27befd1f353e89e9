using Baka.Model.Recipes;

namespace Baka.Model.Tests.Recipes;

public class RecipeRefusalTests
{
    [Theory]
    [InlineData("layers: 2\nxl:\n  windos: 2\n", "run.yaml:3: there is no key 'xl.windos'; the nearest is 'xl.windows'.")]
    [InlineData("lr: 1", "run.yaml:1: there is no key 'lr'; the nearest is 'train.optimizer.lr'.")]
    [InlineData("model.vocabulary: 1", "run.yaml:1: there is no key 'model.vocabulary'; the nearest is 'vocabulary'.")]
    [InlineData("model.eval.tokens: 1", "run.yaml:1: there is no key 'model.eval.tokens'; the nearest is 'eval.tokens'.")]
    [InlineData("extend: small", "run.yaml:1: there is no key 'extend'; the nearest is 'extends'.")]
    [InlineData("memori:\n  tokens: 2", "run.yaml:1: there is no key 'memori'; the nearest is 'memory'.")]
    public void An_unknown_key_is_refused_with_its_line_and_the_nearest_known_key(string yaml, string sentence) =>
        Assert.Equal(sentence, RecipeFiles.Refusal(yaml));

    [Theory]
    [InlineData("layers: four", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not 'four'.")]
    [InlineData("layers: 0", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not '0'.")]
    [InlineData("layers: 1.5", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not '1.5'.")]
    [InlineData("layers: 3000000000", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not '3000000000'.")]
    [InlineData("layers:", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not nothing.")]
    [InlineData("layers: [4]", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }]; it holds '4'.")]
    [InlineData("layers: []", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not a list.")]
    [InlineData("layers: [{ count: 600 }, { count: 401 }]", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not a list.")]
    [InlineData("layers: [{ number: 4 }]", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }]; a group has no key 'number', but count and mlp.hidden.")]
    [InlineData("layers: [{ count: 4 }, { count: 0 }]", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }]; the count of a group must be a whole number ≥ 1, not '0'.")]
    [InlineData("layers: [{ mlp: { hidden: -1 } }]", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }]; the mlp.hidden of a group must be a whole number ≥ 0 or null, not '-1'.")]
    [InlineData("layers: [{ mlp.hidden: 1, mlp: { hidden: 2 } }]", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }]; a group has its mlp.hidden twice.")]
    [InlineData("layers: { number: 4 }", "run.yaml:1: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not a mapping.")]
    [InlineData("train.windows_per_step: 0", "run.yaml:1: train.windows_per_step must be a whole number ≥ 1, not '0'.")]
    [InlineData("rope.theta: 0", "run.yaml:1: rope.theta must be a number > 0, not '0'.")]
    [InlineData("rope.theta: .inf", "run.yaml:1: rope.theta must be a number > 0, not '.inf'.")]
    [InlineData("rope.theta: 1e999", "run.yaml:1: rope.theta must be a number > 0, not '1e999'.")]
    [InlineData("rope.theta: NaN", "run.yaml:1: rope.theta must be a number > 0, not 'NaN'.")]
    [InlineData("train.optimizer.beta1: 1", "run.yaml:1: train.optimizer.beta1 must be a number ≥ 0 and < 1, not '1'.")]
    [InlineData("train.schedule.final: 1.1", "run.yaml:1: train.schedule.final must be a number ≥ 0 and ≤ 1, not '1.1'.")]
    [InlineData("train.clip.percentile: 101", "run.yaml:1: train.clip.percentile must be a number > 0 and ≤ 100 or null, not '101'.")]
    [InlineData("tie: yes", "run.yaml:1: tie must be true or false, not 'yes'.")]
    [InlineData("name: [a]", "run.yaml:1: name must be text, not a list.")]
    [InlineData("name: null", "run.yaml:1: name must be text, not nothing.")]
    [InlineData("name: ''", "run.yaml:1: name must be text, not ''.")]
    [InlineData("mlp.act: swish", "run.yaml:1: mlp.act must be one of elephant, silu, gelu, relu, sigmoid, not 'swish'.")]
    [InlineData("gate.of: attn", "run.yaml:1: gate.of must be a list such as [a, b], each item once and one of attn, mlp, step, not 'attn'.")]
    [InlineData("gate.of: [attn, rnn]", "run.yaml:1: gate.of must be a list such as [a, b], each item once and one of attn, mlp, step; it holds 'rnn'.")]
    [InlineData("gate.of: [attn, attn]", "run.yaml:1: gate.of names an item twice; it must be a list such as [a, b], each item once and one of attn, mlp, step.")]
    [InlineData("train.curriculum.segments: [1, 0]", "run.yaml:1: train.curriculum.segments must be a list such as [a, b], each item once and a whole number ≥ 1; it holds '0'.")]
    [InlineData("data.task.symbols: 5000", "run.yaml:1: data.task.symbols must be a whole number ≥ 1 and ≤ 4096, not '5000'.")]
    [InlineData("data.train: a.txt", "run.yaml:1: data.train must be a list of text such as [a, b], each item once, not 'a.txt'.")]
    [InlineData("xl: long-reset", "run.yaml:1: xl must be a mapping of keys, not 'long-reset'.")]
    [InlineData("extends: [small]", "run.yaml:1: extends must be a recipe's name or path, not a list.")]
    [InlineData("preset: huge", "run.yaml:1: preset must be one of tiny, small, permuteformer-6, baka-12, not 'huge'.")]
    public void A_wrong_value_is_refused_with_the_values_allowed(string yaml, string sentence) =>
        Assert.Equal(sentence, RecipeFiles.Refusal(yaml));

    [Theory]
    [InlineData("heads: 3", "run.yaml: dim 128 is not divisible by heads 3: change one of them.")]
    [InlineData("dim: 36", "run.yaml: a head is 9 wide (dim 36 / heads 4), but rotary positions turn pairs: make it even.")]
    [InlineData("xl.flip: 100", "run.yaml: xl.flip is 100, but only xl.scheme flip-flop uses it: set that or leave out xl.flip.")]
    [InlineData("recurrence.states: 1", "run.yaml: recurrence.states is 1, but attention to one vector has nothing to choose: set it to 2 or more.")]
    [InlineData("recurrence: { states: 4, at: 9 }", "run.yaml: recurrence.at is 9, but the last of 4 layers is 3.")]
    [InlineData("recurrence.gate: lstm", "run.yaml: recurrence.gate is lstm, but recurrence.states is 0: set recurrence.states or leave out recurrence.gate.")]
    [InlineData("memtransformer.controller: true", "run.yaml: memtransformer.controller is true, but memtransformer.tokens is 0: set memtransformer.tokens or leave out memtransformer.controller.")]
    [InlineData("pause.count: 65", "run.yaml: pause.count 65 is more than the window of 64 tokens: lower it.")]
    [InlineData("pause: { count: 0, random: true }", "run.yaml: pause.random is true, but pause.count is 0: set pause.count or leave out pause.random.")]
    [InlineData("memory.margin: 8", "run.yaml: memory.margin 8 re-initializes all 16 memory slots, so that nothing is remembered: keep it below half of memory.tokens.")]
    [InlineData("memory.margin: 2000000000", "run.yaml: memory.margin 2000000000 re-initializes all 16 memory slots, so that nothing is remembered: keep it below half of memory.tokens.")]
    [InlineData("memory: { tokens: 0, mask: rmt }", "run.yaml: memory.mask is rmt, but memory.tokens is 0: set memory.tokens or leave out memory.mask.")]
    [InlineData("memory: { tokens: 0, solidifier: glu }", "run.yaml: memory.solidifier is glu, but memory.tokens is 0: set memory.tokens or leave out memory.solidifier.")]
    [InlineData("memory: { tokens: 0, margin: 1 }", "run.yaml: memory.margin is 1, but memory.tokens is 0: set memory.tokens or leave out memory.margin.")]
    [InlineData("step.every: 2", "run.yaml: step.every is 2: it must be 1 or step.width, which is 4.")]
    [InlineData("step: { width: 0, every: 4 }", "run.yaml: step.every is 4, but step.width is 0: set step.width or leave out step.every.")]
    [InlineData("step: { width: 1, carry: true }", "run.yaml: step.carry is true, but a step.width of 1 reads no earlier position: widen it or leave out step.carry.")]
    [InlineData("step.width: 65", "run.yaml: step.width 65 is more than the window of 64 tokens: lower it.")]
    [InlineData("step.width: 0", "run.yaml: gate.of names step, but step.width is 0: leave step out of gate.of or set step.width.")]
    [InlineData("gate: { of: [], fn: tanh }", "run.yaml: gate.fn is tanh, but gate.of is []: set gate.of or leave out gate.fn.")]
    [InlineData("xl: { scheme: none, windows: 2 }", "run.yaml: xl.windows is 2, but xl.scheme is none: set xl.scheme or leave out xl.windows.")]
    [InlineData("xl.sinks: 65", "run.yaml: xl.sinks 65 is more than the window of 64 tokens: sinks are slots of the first window.")]
    [InlineData("attn.qk_norm_per: width", "run.yaml: attn.qk_norm_per is width, but attn.qk_norm is none: set attn.qk_norm or leave out attn.qk_norm_per.")]
    [InlineData("mamba.state: 8", "run.yaml: mamba.state is 8, but mamba.every is 0: set mamba.every or leave out mamba.state.")]
    [InlineData("mamba.every: 5", "run.yaml: mamba.every 5 is more than the 4 layers, so that none has a Mamba: lower it.")]
    [InlineData("mamba: { every: 1, conv: 1 }", "run.yaml:1: mamba.conv must be a whole number ≥ 2, not '1'.")]
    [InlineData("mega.expand: 1", "run.yaml: mega.expand is 1, but mega.states is 0: set mega.states or leave out mega.expand.")]
    [InlineData("attn.permute: false", "run.yaml: attn.permute is false, but attn.kind is softmax: set attn.kind to linear or leave out attn.permute.")]
    [InlineData("attn.fade: false", "run.yaml: attn.fade is false, but attn.kind is softmax: set attn.kind to linear or leave out attn.fade.")]
    [InlineData("attn.kind: linear", "run.yaml: attn.kind is linear, whose state holds all of the past, but xl.scheme is long-reset: set xl.scheme to none.")]
    [InlineData("attn.kind: linear\nxl.scheme: none\nmemory.mask: rmt", "run.yaml: attn.kind is linear, so that slots see only what lies before them, but memory.mask is rmt: leave out one of them.")]
    [InlineData("attn.kind: linear\nxl.scheme: none\nmemtransformer: { tokens: 2, bottleneck: true }", "run.yaml: attn.kind is linear, so that slots see all that lies before them, but memtransformer.bottleneck is true: leave out one of them.")]
    [InlineData("mega.states: 4\nattn.negator: true", "run.yaml: mega.states is 4, so that there is no multi-head attention, but attn asks for something of it: leave out one of them.")]
    [InlineData("vocabulary: 255", "run.yaml: vocabulary 255 is too small for a byte-level tokenizer, which starts from 256 bytes: raise it or give tokenizer.path.")]
    [InlineData("train: { steps: null, minutes: null }", "run.yaml: train.steps and train.minutes are both null, so that training would never end: set one of them.")]
    [InlineData("fanout.step: 12", "run.yaml: fanout.step 12 is no multiple of 8, so that the 4 heads cannot grow by an even number of values each: change it.")]
    [InlineData("fanout.step: 2000000000", "run.yaml: fanout.step 2000000000 makes the last of 4 layers wider than any memory: lower it.")]
    [InlineData("{ fanout.step: 8, tie: true }", "run.yaml: tie is true, but with fanout.step the output map is wider than the embedding: leave out one of them.")]
    [InlineData("{ fanout.step: 8, step.share: pairs }", "run.yaml: step.share is pairs, but with fanout.step layers have different widths: leave out one of them.")]
    [InlineData("mlp.share: abc", "run.yaml: mlp.share 'abc' has 3 letters, but there are 4 layers: write one for each.")]
    [InlineData("{ layers: [{ count: 3 }, { mlp.hidden: 7 }], mlp.share: abaa }", "run.yaml: mlp.share 'abaa' gives layers 0 and 3 one MLP, but theirs are 128 × 512 and 128 × 7: give them different letters.")]
    [InlineData("{ fanout.step: 8, mlp.share: aabb }", "run.yaml: mlp.share 'aabb' gives layers 0 and 1 one MLP, but theirs are 128 × 512 and 136 × 512: give them different letters.")]
    [InlineData("{ mlp: { hidden: 0, lora: 2 }, gate.of: [] }", "run.yaml: mlp.lora is 2, but no layer has an MLP: set mlp.hidden or leave out mlp.lora.")]
    [InlineData("layers: [{ count: 2, mlp.hidden: 0 }]", "run.yaml: gate.of names mlp, but no layer has an MLP: leave mlp out of gate.of or set mlp.hidden.")]
    [InlineData("{ mlp.hidden: 0, gate.of: [], memory.solidifier: mlp }", "run.yaml: memory.solidifier is mlp, but mlp.hidden is 0: set mlp.hidden or choose another solidifier.")]
    [InlineData("train.only: []", "run.yaml: train.only is [], so that nothing would be trained: name parts or set it to null.")]
    [InlineData("train.only: [mlp, rnn]", "run.yaml: train.only names rnn, but the parts of this model are embed, pause, memory, norms, attn, gates, mlp, step, head, and layers.0-3 or some of them.")]
    [InlineData("{ train.only: [step], step.width: 0, gate.of: [attn] }", "run.yaml: train.only names step, but the parts of this model are embed, pause, memory, norms, attn, gates, mlp, head, and layers.0-3 or some of them.")]
    [InlineData("{ train.only: [head], tie: true }", "run.yaml: train.only names head, but the parts of this model are embed, pause, memory, norms, attn, gates, mlp, step, and layers.0-3 or some of them.")]
    [InlineData("train.only: [layers.2-4]", "run.yaml: train.only names layers.2-4, but the parts of this model are embed, pause, memory, norms, attn, gates, mlp, step, head, and layers.0-3 or some of them.")]
    [InlineData("train.only: [layers.3-2]", "run.yaml: train.only names layers.3-2, but the parts of this model are embed, pause, memory, norms, attn, gates, mlp, step, head, and layers.0-3 or some of them.")]
    [InlineData("{ train.only: [layers.4-], layers: 2 }", "run.yaml: train.only names layers.4-, but the parts of this model are embed, pause, memory, norms, attn, gates, mlp, step, head, and layers.0-1 or some of them.")]
    [InlineData("data.task.length: 3", "run.yaml: data.task.length is 3, but data.task.kind is null: set data.task.kind or leave out data.task.length.")]
    [InlineData("data: { task.kind: copy, train: [a.txt] }", "run.yaml: data.task generates its documents, but texts are given too: leave out one of them.")]
    [InlineData("data.task.kind: copy\ntokenizer.path: t.json", "run.yaml: data.task has tokens of its own: leave out tokenizer.path.")]
    [InlineData("train.curriculum.segments: [1, 2]", "run.yaml: train.curriculum is for memory tasks, but data.task.kind is null: set it or leave out train.curriculum.")]
    [InlineData("train.curriculum.steps: 5", "run.yaml: train.curriculum.steps is 5, but train.curriculum.segments is []: set train.curriculum.segments or leave out train.curriculum.steps.")]
    [InlineData("name: a/b", "run.yaml: name 'a/b' cannot name a folder: leave out slashes and control characters.")]
    public void A_combination_that_makes_no_sense_is_refused(string yaml, string sentence) =>
        Assert.Equal(sentence, RecipeFiles.Refusal(yaml));

    [Theory]
    [InlineData("layers: 2\nlayers: 3", "run.yaml:2: layers is given twice; keep one of them.")]
    [InlineData("xl.windows: 2\nxl:\n  windows: 3", "run.yaml:3: xl.windows is given twice; keep one of them.")]
    [InlineData("extends: tiny\nextends: small", "run.yaml:2: extends is given twice; keep one of them.")]
    [InlineData("- layers: 2", "run.yaml:1: a recipe is a mapping of keys such as 'layers: 4', not a list.")]
    [InlineData("\nsmall", "run.yaml:2: a recipe is a mapping of keys such as 'layers: 4', not 'small'.")]
    [InlineData("layers: 2\n---\ndim: 4", "run.yaml:2: a second YAML document begins here; a recipe is one document.")]
    [InlineData("layers: &n 4\nheads: *n", "run.yaml:2: YAML aliases have no place in a recipe; write the value out.")]
    [InlineData("[layers]: 4", "run.yaml:1: a key must be a single word such as 'layers'.")]
    public void A_file_of_the_wrong_form_is_refused(string yaml, string sentence) =>
        Assert.Equal(sentence, RecipeFiles.Refusal(yaml));

    [Fact]
    public void Text_that_is_not_YAML_is_refused_with_its_line() =>
        Assert.StartsWith("run.yaml:2: this is not valid YAML (", RecipeFiles.Refusal("layers: 4\nxl: }\ndim: 4"));

    [Fact]
    public void Hostile_nesting_is_refused() =>
        Assert.Contains("nested deeper than 16 levels", RecipeFiles.Refusal("layers: " + new string('[', 100_000)));

    [Theory]
    [InlineData("layers", "--set layers: an override is written key=value, such as xl.windows=2.")]
    [InlineData("=4", "--set =4: an override is written key=value, such as xl.windows=2.")]
    [InlineData("layer=4", "--set layer=4: there is no key 'layer'; the nearest is 'layers'.")]
    [InlineData("layers=x", "--set layers=x: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not 'x'.")]
    [InlineData("layers=", "--set layers=: layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not nothing.")]
    [InlineData("extends=small", "--set extends=small: only a file can extend another; name the recipe to start from instead.")]
    [InlineData("preset=huge", "--set preset=huge: preset must be one of tiny, small, permuteformer-6, baka-12, not 'huge'.")]
    public void A_wrong_override_is_refused(string text, string sentence) =>
        Assert.Equal(sentence, RecipeFiles.Refusal("", text));

    [Fact]
    public void A_preset_cannot_lie_under_another() =>
        Assert.Equal(
            "--set preset=baka-12: preset baka-12 cannot lie under recipe 'small', which is a preset itself; start from baka-12 instead.",
            Assert.Throws<RecipeException>(() => RecipeLoader.Load("small", ["preset=baka-12"])).Message);

    [Fact]
    public void A_name_that_is_neither_file_nor_recipe_is_refused_with_the_presets()
    {
        var sentence = Assert.Throws<RecipeException>(() => RecipeLoader.Load("smal", [])).Message;
        Assert.StartsWith("'smal' is neither a file nor a built-in recipe; the presets are tiny, small, permuteformer-6, baka-12 and", sentence);
        Assert.Contains("pristine", sentence);
    }

    [Fact]
    public void Extending_what_is_not_there_is_refused_with_the_line() =>
        Assert.StartsWith("run.yaml:1: 'base.yaml' is neither a file nor", RecipeFiles.Refusal("extends: base.yaml"));

    [Fact]
    public void Extending_in_a_circle_is_refused()
    {
        using var files = new RecipeFiles();
        var first = files.Write("first.yaml", "extends: second.yaml");
        files.Write("second.yaml", "layers: 2\nextends: first.yaml");
        Assert.Equal("second.yaml:2: extends goes in a circle back to first.yaml; cut it somewhere.", files.RefusalOf(first));
    }

    [Fact]
    public void A_mistake_in_an_extended_file_is_told_with_that_file()
    {
        using var files = new RecipeFiles();
        files.Write("base.yaml", "layers: 2\nlayerz: 3");
        Assert.Equal("base.yaml:2: there is no key 'layerz'; the nearest is 'layers'.", files.RefusalOf(files.Write("run.yaml", "extends: base.yaml")));
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_refused()
    {
        using var files = new RecipeFiles();
        var path = files.Write("run.yaml", "");
        using var held = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.StartsWith("run.yaml cannot be read: ", files.RefusalOf(path));
    }

    [Fact]
    public void A_recipe_made_in_code_is_checked_for_ranges_and_combinations()
    {
        new Recipe().Check();
        var empty = new Recipe { Model = new ModelRecipe { Layers = 0 } };
        Assert.Equal("recipe 'tiny': layers must be a whole number ≥ 1 and ≤ 1000, or a list of groups such as [{ count: 2, mlp.hidden: 0 }, { count: 8 }], not 0.", Assert.Throws<RecipeException>(empty.Check).Message);
        var uneven = new Recipe { Model = new ModelRecipe { Heads = 3 } };
        Assert.Equal("recipe 'tiny': dim 128 is not divisible by heads 3: change one of them.", Assert.Throws<RecipeException>(uneven.Check).Message);
    }

    [Fact]
    public void Damaged_text_is_either_a_recipe_or_refused_with_a_sentence()
    {
        var whole = RecipeLoader.Load("small", []).ToYaml();
        var random = new Random(7);
        const string Marks = "\0\t\n :-[]{},&*!|>'\"%@`#?~=<\\\u0085\ufffdé\ufeff0aZ";
        for (var trial = 0; trial < 2000; trial++)
        {
            var text = whole[..random.Next(whole.Length)].ToCharArray();
            for (var change = random.Next(4); change > 0 && text.Length > 0; change--)
                text[random.Next(text.Length)] = Marks[random.Next(Marks.Length)];
            try
            {
                RecipeFiles.Load(new string(text));
            }
            catch (RecipeException refusal)
            {
                Assert.EndsWith(".", refusal.Message);
            }
        }
    }
}
