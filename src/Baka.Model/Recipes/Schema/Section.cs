using System.Reflection;
using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes.Schema;

/// <summary>A recipe record: its own fields, then the sections inside it, each in the order declared.</summary>
internal sealed class Section
{
    private readonly PropertyInfo? _property;

    private Section(Type type, PropertyInfo? property, string path, KeyAttribute key)
    {
        _property = property;
        Type = type;
        Path = path;
        Key = key;
        var fields = new List<Field>();
        var sections = new List<Section>();
        foreach (var member in type.GetProperties().OrderBy(x => x.MetadataToken))
        {
            if (member.GetCustomAttribute<KeyAttribute>() is not { } memberKey) continue;
            var name = memberKey.Name ?? Names.Split(member.Name, '_');
            var inside = memberKey.Inline ? path : path == "" ? name : $"{path}.{name}";
            if (member.PropertyType.GetProperties().Any(x => x.IsDefined(typeof(KeyAttribute))))
                sections.Add(new Section(member.PropertyType, member, inside, memberKey));
            else
                fields.Add(new Field(inside, name, member, ValueKind.Of(member, memberKey), memberKey.Help));
        }

        Fields = fields;
        Sections = sections;
    }

    public Type Type { get; }

    public string Path { get; }

    public KeyAttribute Key { get; }

    public IReadOnlyList<Field> Fields { get; }

    public IReadOnlyList<Section> Sections { get; }

    public static Section Of<T>() => new(typeof(T), null, "", new KeyAttribute("The recipe"));

    /// <summary>This section and all inside it.</summary>
    public IEnumerable<Section> All() => Sections.SelectMany(x => x.All()).Prepend(this);

    /// <summary>Every section's record of a recipe, this section's being the one given.</summary>
    public IEnumerable<(Section Section, object Record)> Walk(object record) =>
        Sections.SelectMany(x => x.Walk(x._property!.GetValue(record)!)).Prepend((this, record));

    public Mapping Write(object record) => new([.. Entries(record)]);

    private IEnumerable<Entry> Entries(object record)
    {
        foreach (var field in Fields) yield return new Entry(field.Name, field.Kind.Write(field.Get(record)));
        foreach (var section in Sections)
        {
            var inside = section._property!.GetValue(record)!;
            if (section.Key.Inline)
                foreach (var entry in section.Entries(inside)) yield return entry;
            else
                yield return new Entry(section.Path[(section.Path.LastIndexOf('.') + 1)..], section.Write(inside));
        }
    }
}
