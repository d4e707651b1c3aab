using System.Globalization;
using System.Security.Cryptography;
using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Access;

/// <summary>
/// The file of peppers: a line <c>version base64</c> for each, 32 random bytes or more. It is made once, on the first
/// start of a data folder, readable by its owner only, and is on disk before the first key is hashed under it. It is
/// never made again where keys exist: a new pepper would silently end every one of them.
/// </summary>
internal static class PepperFile
{
    private const int PepperBytes = 32;
    private const long FileBytesMax = 64 * 1024;

    public static Result<IReadOnlyDictionary<int, byte[]>> Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > FileBytesMax) return Damaged(path);

            var peppers = new Dictionary<int, byte[]>();
            foreach (var line in File.ReadLines(path).Where(static line => line.Length > 0))
            {
                if (!TryLine(line, out var version, out var pepper) || !peppers.TryAdd(version, pepper)) return Damaged(path);
            }

            return peppers.Count > 0 ? peppers : Damaged(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Fault.Unavailable("pepper_unreadable", $"The pepper file {path} cannot be read: make it readable for the account that runs Insula.", error.Message);
        }
    }

    /// <summary>Makes the file with one fresh pepper; it fails if there is a file already.</summary>
    public static Result<IReadOnlyDictionary<int, byte[]>> Create(string path)
    {
        var pepper = RandomNumberGenerator.GetBytes(PepperBytes);
        try
        {
            DurableFile.Create(path, string.Create(CultureInfo.InvariantCulture, $"1 {Convert.ToBase64String(pepper)}\n"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Fault.Unavailable("pepper_not_written", $"The pepper file {path} cannot be written: make its folder writable for the account that runs Insula.", error.Message);
        }

        return new Dictionary<int, byte[]> { [1] = pepper };
    }

    private static bool TryLine(string line, out int version, out byte[] pepper)
    {
        version = 0;
        pepper = [];
        if (line.Split(' ') is not [var number, var text] || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out version)) return false;

        var bytes = new byte[text.Length];
        if (version < 1 || !Convert.TryFromBase64String(text, bytes, out var length) || length < PepperBytes) return false;
        pepper = bytes[..length];
        return true;
    }

    private static Fault Damaged(string path) =>
        Fault.Unavailable("pepper_damaged", $"The pepper file {path} is damaged: restore it from a backup. Without it no key can be checked.");
}
