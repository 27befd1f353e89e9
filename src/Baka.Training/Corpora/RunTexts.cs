using System.Security.Cryptography;
using Baka.Data;
using Baka.Data.Corpora;
using Baka.Data.Documents;
using Baka.Model.Recipes;

namespace Baka.Training.Corpora;

/// <summary>The documents that a run learns from and those it is validated on.</summary>
public sealed record RunTexts(DocumentSource Training, DocumentSource Validation)
{
    /// <summary>Changes with any of the documents; lower-case hexadecimal.</summary>
    internal string Fingerprint => Convert.ToHexStringLower(SHA256.HashData([.. Training.Fingerprint, .. Validation.Fingerprint]));

    /// <summary>The files and folders that a recipe names, or else the .NET documentation of this machine.</summary>
    /// <exception cref="UserException">A path is missing, or there is no documentation.</exception>
    public static RunTexts Open(DataRecipe data)
    {
        var all = data.Train.Count > 0 ? DocumentSource.Open(data.Train) : SdkDocumentation.Find();
        return Of(all, data.Valid.Count > 0 ? DocumentSource.Open(data.Valid) : null, data.ValidEvery);
    }

    /// <param name="all">Documents to learn from.</param>
    /// <param name="validation">Documents to be validated on; null takes them out of <paramref name="all"/>.</param>
    /// <param name="validEvery">Every how many-th document is taken out.</param>
    public static RunTexts Of(DocumentSource all, DocumentSource? validation, int validEvery)
    {
        if (validation is not null)
        {
            return new RunTexts(all, validation);
        }

        var (training, taken) = ValidationSplit.Take(all, validEvery);
        return new RunTexts(training, taken);
    }
}
