using System.Diagnostics.CodeAnalysis;

namespace Insula.Tenancy.Faults;

/// <summary>A value, or the <see cref="Faults.Fault"/> that took its place.</summary>
public readonly struct Result<T>
{
    private readonly T? _value;

    private Result(T? value, Fault? fault)
    {
        _value = value;
        Fault = fault;
    }

    public Fault? Fault { get; }

    /// <summary>The value; throws <see cref="FaultException"/> when there is a fault.</summary>
    public T Value => Fault is null ? _value! : throw new FaultException(Fault);

    public bool Failed([NotNullWhen(true)] out Fault? fault, [NotNullWhen(false)] out T? value)
    {
        fault = Fault;
        value = _value;
        return fault is not null;
    }

    public static implicit operator Result<T>(T value) => new(value, null);

    public static implicit operator Result<T>(Fault fault) => new(default, fault);
}

public static class Result
{
    /// <summary>A result from a value whose static type is an interface, which the implicit conversion cannot take.</summary>
    public static Result<T> Of<T>(T value) => value;
}

/// <summary>The value of an operation that returns nothing.</summary>
public readonly record struct Done;
