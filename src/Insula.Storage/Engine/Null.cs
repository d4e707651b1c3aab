namespace Insula.Storage.Engine;

/// <summary>
/// A null with a type. A bare null is a null text; PostgreSQL has to know before it sees a value what a parameter is, and
/// a statement whose types change is prepared anew.
/// </summary>
internal enum Null
{
    /// <summary>A 64-bit number: a moment.</summary>
    Long,

    /// <summary>A 32-bit number.</summary>
    Int,
}
