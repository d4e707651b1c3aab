using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Insula.Tenancy.Identity;

namespace Insula.Tests.Tenancy;

public sealed class Base62Laws
{
    private const int DigitsOfAny = 22;

    private static readonly Gen<UInt128> Numbers =
        from bits in Gen.Choose(0, 128)
        from bytes in Gen.Choose(0, byte.MaxValue).ArrayOf(16)
        select bits == 0 ? 0 : bytes.Aggregate(UInt128.Zero, static (value, next) => (value << 8) | (UInt128)next) >> (128 - bits);

    private static Config Many => Config.QuickThrowOnFailure.WithMaxTest(1_000);

    [Fact]
    public void What_is_written_is_read_again() => Prop.ForAll(Numbers.ToArbitrary(), static value =>
    {
        var text = Base62.Encode(value, DigitsOfAny);
        return text.Length == DigitsOfAny && Base62.TryDecode(text, out var read) && read == value;
    }).Check(Many);

    [Fact]
    public void Text_is_the_number_digit_by_digit_and_higher_digits_are_cut() => Prop.ForAll(Numbers.ToArbitrary(), Gen.Choose(0, 30).ToArbitrary(), static (value, length) =>
    {
        var (rest, digits) = ((BigInteger)value, new char[length]);
        for (var i = length - 1; i >= 0; i--) (digits[i], rest) = (Base62.Alphabet[(int)(rest % 62)], rest / 62);
        return string.Equals(new string(digits), Base62.Encode(value, length), StringComparison.Ordinal);
    }).Check(Many);
}
