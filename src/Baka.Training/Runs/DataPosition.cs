using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Baka.Data;
using Baka.Data.Streams;

namespace Baka.Training.Runs;

/// <summary>Where a run stands in which texts, as kept in a checkpoint.</summary>
/// <param name="Texts">Fingerprint of the documents.</param>
/// <param name="Stream">Where the stream stands.</param>
internal sealed record DataPosition(string Texts, StreamState Stream)
{
    public JsonNode ToJson() => JsonSerializer.SerializeToNode(this, DataPositionJson.Default.DataPosition)!;

    /// <exception cref="UserException">The checkpoint holds something else.</exception>
    public static DataPosition Parse(JsonNode? json, string checkpoint)
    {
        try
        {
            if (json?.Deserialize(DataPositionJson.Default.DataPosition) is { Texts: not null, Stream: not null } position)
            {
                return position;
            }
        }
        catch (JsonException)
        {
            // Told below.
        }

        throw new UserException($"The checkpoint '{checkpoint}' does not say where its run stands in the text, so it can't be resumed: use its weights with --init-from.");
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(DataPosition))]
internal sealed partial class DataPositionJson : JsonSerializerContext;
