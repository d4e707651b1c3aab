using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;

namespace Insula.Tests.Tenancy;

public sealed class KeyTextTests
{
    // Every printable ASCII character, so that a change can also leave the alphabet.
    private static readonly char[] Printable = [.. Enumerable.Range(' ', '~' - ' ' + 1).Select(static c => (char)c)];

    [Fact]
    public void Every_made_key_reads_back_and_no_key_with_one_changed_character_does()
    {
        var random = new Random(20260101);
        for (var i = 0; i < 30_000; i++)
        {
            var key = KeyText.New(i % 2 == 0 ? KeyKind.Tenant : KeyKind.Platform);
            var text = key.Text.Reveal();
            Assert.True(KeyText.TryParse(text, out var read));
            Assert.Equal((key.Kind, key.Handle), (read.Kind, read.Handle));

            var characters = text.ToCharArray();
            var at = random.Next(characters.Length);
            var other = Printable[random.Next(Printable.Length)];
            if (other == characters[at]) continue;
            characters[at] = other;
            Assert.False(KeyText.TryParse(new string(characters), out _), $"position {at}");
        }
    }

    [Fact]
    public void Every_place_of_a_key_is_under_the_checksum()
    {
        var text = KeyText.New(KeyKind.Tenant).Text.Reveal();
        for (var at = 0; at < text.Length; at++)
        {
            foreach (var other in Printable.Where(c => c != text[at]))
            {
                Assert.False(KeyText.TryParse(text[..at] + other + text[(at + 1)..], out _), $"position {at}, {other}");
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("sk_tenant_")]
    [InlineData("sk_platform_")]
    [InlineData("Bearer")]
    [InlineData("sk_tenant_000000000000_00000000000000000000000000000000000000")]
    [InlineData("sk_tenant_\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000_00000000000000000000000000000000000000")]
    public void Text_that_is_no_key_is_refused(string text) => Assert.False(KeyText.TryParse(text, out _));

    [Fact]
    public void Lengthened_and_cut_keys_are_refused()
    {
        var text = KeyText.New(KeyKind.Tenant).Text.Reveal();
        Assert.False(KeyText.TryParse(text + "0", out _));
        Assert.False(KeyText.TryParse(text[..^1], out _));
        Assert.False(KeyText.TryParse(text + "\n", out _));
        Assert.False(KeyText.TryParse(" " + text, out _));
    }

    [Fact]
    public void The_checksum_is_the_standard_one() => Assert.Equal(0xCBF43926u, Crc32.Of("123456789"));

    [Fact]
    public void The_secret_carries_190_bits() => Assert.True(KeyText.SecretLength * Math.Log2(Base62.Alphabet.Length) > 190);

    [Fact]
    public void No_way_to_print_a_key_shows_its_secret()
    {
        var key = KeyText.New(KeyKind.Tenant);
        var secret = key.Text.Reveal()[^38..];
        var row = new CreatedApiKey(null!, key.Text);
        string[] printed = [key.ToString(), $"{key.Text}", row.ToString(), System.Text.Json.JsonSerializer.Serialize(key.Text), System.Text.Json.JsonSerializer.Serialize(row)];
        Assert.All(printed, text => Assert.DoesNotContain(secret, text, StringComparison.Ordinal));
        Assert.All(printed, text => Assert.DoesNotContain(secret[..8], text, StringComparison.Ordinal));
    }
}
