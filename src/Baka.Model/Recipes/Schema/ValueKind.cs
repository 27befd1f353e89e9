using System.Reflection;
using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes.Schema;

/// <summary>The kind of value a key takes: how it is described, checked, read from YAML and written to it.</summary>
internal abstract class ValueKind
{
    /// <summary>The allowed values, to follow "must be".</summary>
    public abstract string Description { get; }

    /// <summary>Whether a value of the property's type is one of the allowed.</summary>
    public abstract bool Allows(object? value);

    /// <summary>Reads a node into the property's type; range is not yet checked.</summary>
    public abstract bool TryRead(Node node, out object? value);

    public abstract Node Write(object? value);

    /// <summary>The keys of one of the value's items, where items are mappings.</summary>
    public virtual Section? Item => null;

    /// <summary>What is wrong with a node that was refused, to follow the key's name.</summary>
    public virtual string Refusal(Node node) => $"must be {Description}, not {node.Quote()}";

    /// <summary>The kind that fits a property's type and the limits its attribute declares.</summary>
    public static ValueKind Of(PropertyInfo property, KeyAttribute key)
    {
        var optional = new NullabilityInfoContext().Create(property).ReadState == NullabilityState.Nullable;
        var kind = Of(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType, key);
        return optional ? new OptionalKind(kind) : kind;
    }

    private static ValueKind Of(Type type, KeyAttribute key)
    {
        if (type == typeof(bool)) return new SwitchKind();
        if (type == typeof(string)) return new TextKind();
        if (type == typeof(int)) return new NumberKind<int>("a whole number", new NumberRange(key));
        if (type == typeof(long)) return new NumberKind<long>("a whole number", new NumberRange(key));
        if (type == typeof(double)) return new NumberKind<double>("a number", new NumberRange(key));
        if (type == typeof(LayerGroups)) return new LayersKind(new NumberKind<int>("a whole number", new NumberRange(key)));
        if (type.IsEnum) return new ChoiceKind(type);
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>))
        {
            var item = type.GetGenericArguments()[0];
            return (ValueKind)Activator.CreateInstance(typeof(ListKind<>).MakeGenericType(item), Of(item, key))!;
        }

        throw new NotSupportedException($"No recipe key can have the type {type}.");
    }
}
