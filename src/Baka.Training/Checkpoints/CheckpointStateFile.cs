using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Baka.Data;

namespace Baka.Training.Checkpoints;

/// <summary>
/// The text of <c>state.json</c>: <c>{"state": {…}, "sha256": "…"}</c>, the hash being that of the state's own
/// text, so that this file too can be told from a damaged one.
/// </summary>
internal static class CheckpointStateFile
{
    public static byte[] Format(CheckpointState state)
    {
        var text = JsonSerializer.Serialize(state, CheckpointJson.Default.CheckpointState);
        return Encoding.UTF8.GetBytes($"{{\"state\": {text},\n\"sha256\": \"{Hash(text)}\"}}\n");
    }

    /// <exception cref="UserException">The text is not what <see cref="Format"/> wrote, or is of a newer layout.</exception>
    public static CheckpointState Parse(string path, byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var state = document.RootElement.GetProperty("state");
            if (document.RootElement.GetProperty("sha256").GetString() != Hash(state.GetRawText()))
            {
                throw new UserException($"'{path}' was changed after it was written, so the checkpoint can't be trusted: use an earlier one.");
            }

            // Before the rest is read, since another version may have other fields.
            var version = state.GetProperty("format_version").GetInt32();
            if (version != CheckpointState.CurrentFormatVersion)
            {
                throw new UserException(
                    $"'{path}' has the layout version {version}, but this program reads version {CheckpointState.CurrentFormatVersion}: use the program that wrote it.");
            }

            return state.Deserialize(CheckpointJson.Default.CheckpointState) ?? throw Damaged(path, null);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Damaged(path, e);
        }
    }

    private static UserException Damaged(string path, Exception? inner) =>
        new($"'{path}' is not the state of a checkpoint, or it is damaged: use an earlier checkpoint.", inner);

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, NewLine = "\n")]
[JsonSerializable(typeof(CheckpointState))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
